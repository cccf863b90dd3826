//! Measures a daemon from outside: time from exec to the first right answer, and idle memory.
//!
//! `tests/footprint` runs it: `footprint DAEMON ZONES RUNS`. It stands on std alone, so that nothing of the
//! library is measured with it. Linux only: memory is read from `/proc`.
#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [daemon, zones, runs] = &args[..] else {
        eprintln!("usage: footprint DAEMON ZONES RUNS");
        std::process::exit(2);
    };
    let runs: usize = runs.parse().expect("RUNS is a number");
    assert!(runs > 0, "RUNS is at least 1");
    let zone = first_zone(Path::new(zones));
    let state = std::env::temp_dir().join(format!("hearthdns-footprint-{}", std::process::id()));

    let mut times: Vec<Duration> = (0..runs)
        .map(|_| Run::start(daemon, zones, &state, &zone).first_answer)
        .collect();
    times.sort();
    println!("from exec to the first right answer ({zone} SOA, {runs} starts):");
    println!(
        "  median {:.1} ms, fastest {:.1} ms, slowest {:.1} ms",
        millis(times[runs / 2]),
        millis(times[0]),
        millis(times[runs - 1])
    );

    let run = Run::start(daemon, zones, &state, &zone);
    // Whatever start-up still does in the background has ended by then.
    std::thread::sleep(Duration::from_secs(2));
    println!("idle memory:");
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", run.child.id())).unwrap();
    for name in ["Rss", "Pss", "Pss_Anon"] {
        let line = rollup.lines().find(|line| line.split(':').next() == Some(name));
        let kib = line
            .and_then(|line| line.split_whitespace().nth(1))
            .unwrap_or("?");
        println!("  {name} {kib} KiB");
    }
    drop(run);
    std::fs::remove_dir_all(&state).ok();
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A zone of the folder, by its file name.
fn first_zone(zones: &Path) -> String {
    let mut files: Vec<PathBuf> = std::fs::read_dir(zones)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "zone"));
    files.sort();
    let first = files.first().expect("a zone file in the folder");
    first.file_stem().unwrap().to_string_lossy().into_owned()
}

/// A running daemon, and how long its first right answer took.
struct Run {
    child: Child,
    first_answer: Duration,
}

impl Run {
    fn start(daemon: &str, zones: &str, state: &Path, zone: &str) -> Self {
        // A port that is free now; the daemon takes it a moment later.
        let port = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let listen = format!("127.0.0.1:{port}");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(&listen).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let query = soa_query(zone);
        let start = Instant::now();
        let child = Command::new(daemon)
            .args([
                "--listen",
                &listen,
                "--zones",
                zones,
                "--upstream",
                "127.0.0.1:9",
                "--state",
            ])
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start the daemon");
        let mut run = Run {
            child,
            first_answer: Duration::ZERO,
        };
        let mut buffer = [0; 1500];
        while start.elapsed() < Duration::from_secs(20) {
            // Refused until the daemon listens: then again at once, so that the resolution is that of a system call.
            let sent = socket.send(&query).is_ok();
            match socket.recv(&mut buffer) {
                Ok(len) if sent && is_right(&buffer[..len]) => {
                    run.first_answer = start.elapsed();
                    return run;
                }
                Ok(len) => panic!("a wrong answer: {:02x?}", &buffer[..len]),
                Err(_) => std::thread::yield_now(),
            }
        }
        panic!("no answer within 20 seconds of the start");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn soa_query(zone: &str) -> Vec<u8> {
    let mut query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    for label in zone.split('.').filter(|label| !label.is_empty()) {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.bytes());
    }
    query.extend(b"\x00\x00\x06\x00\x01");
    query
}

/// NOERROR with AA and an answer to our id.
fn is_right(reply: &[u8]) -> bool {
    matches!(reply, [0x12, 0x34, flags, code, _, _, 0, 1, ..] if flags & 0x84 == 0x84 && code & 0x0f == 0)
}
