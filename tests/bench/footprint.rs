//! Measures a daemon from outside: time from exec to the first right answer with ten zones, and idle memory with
//! the zones as they are.
//!
//! `tests/bench/run start` runs it: `footprint DAEMON ZONES RUNS`. It stands on std alone, so that nothing of the
//! library is measured with it. Linux only: memory is read from `/proc`.
#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Zones of the start that is measured.
const MANY: usize = 10;
/// At most this long until the first right answer, in milliseconds.
const START_GOAL: f64 = 10.0;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [daemon, zones, runs] = &args[..] else {
        eprintln!("usage: footprint DAEMON ZONES RUNS");
        std::process::exit(2);
    };
    let runs: usize = runs.parse().expect("RUNS is a number");
    assert!(runs > 0, "RUNS is at least 1");
    let zones = Path::new(zones);
    let scratch = std::env::temp_dir().join(format!("hearthdns-footprint-{}", std::process::id()));
    let (state, many) = (scratch.join("state"), scratch.join("zones"));
    let (origin, text) = first_zone(zones);
    copy_zone(&origin, &text, &many);

    // The last zone in the order of names: all are there when it is.
    let asked = format!("copy-{}.{origin}", MANY - 1);
    let mut times: Vec<f64> = (0..runs)
        .map(|_| Run::start(daemon, &many, &state, &asked).first_answer)
        .map(|time| time.as_secs_f64() * 1000.0)
        .collect();
    times.sort_by(f64::total_cmp);
    let median = times[runs / 2];
    println!("from exec to the first right answer with {MANY} zones, {runs} starts:");
    println!(
        "  median {median:.1} ms, fastest {:.1} ms, slowest {:.1} ms; goal {START_GOAL} ms: {}",
        times[0],
        times[runs - 1],
        verdict(median <= START_GOAL)
    );

    let run = Run::start(daemon, zones, &scratch.join("idle"), &origin);
    // Whatever start-up still does in the background has ended by then.
    std::thread::sleep(Duration::from_secs(2));
    println!("idle memory:");
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", run.child.id())).unwrap();
    for name in ["Rss", "Pss", "Pss_Anon", "Pss_File"] {
        let line = rollup.lines().find(|line| line.split(':').next() == Some(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        println!("  {name} {} KiB", kib.expect("a row of smaps_rollup"));
    }
    drop(run);
    std::fs::remove_dir_all(&scratch).ok();
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "ok" } else { "MISSED" }
}

/// A zone of the folder: its name, by its file name, and its text.
fn first_zone(zones: &Path) -> (String, String) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(zones)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "zone"));
    files.sort();
    let first = files.first().expect("a zone file in the folder");
    let origin = first.file_stem().unwrap().to_string_lossy().into_owned();
    (origin, std::fs::read_to_string(first).unwrap())
}

/// Makes a folder of [`MANY`] zones out of one.
fn copy_zone(origin: &str, text: &str, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for number in 0..MANY {
        let copy = format!("copy-{number}.{origin}");
        std::fs::write(folder.join(format!("{copy}.zone")), text.replace(origin, &copy)).unwrap();
    }
}

/// A running daemon, and how long its first right answer took.
struct Run {
    child: Child,
    first_answer: Duration,
}

impl Run {
    fn start(daemon: &str, zones: &Path, state: &Path, zone: &str) -> Self {
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
            .args(["--listen", &listen, "--upstream", "127.0.0.1:9"])
            .arg("--zones")
            .arg(zones)
            .arg("--state")
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
