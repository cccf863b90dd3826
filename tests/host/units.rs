//! The units of the Debian package, as systemd itself judges them; and whether the filter of system calls lets through
//! what we call.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Test;
use crate::support::sample::HEARTH;
use crate::support::{Client, DEADLINE, House, Running, rtype, run};

pub(crate) const TESTS: &[Test] = &[
    ("units::are_clean", &["systemd-analyze"], clean),
    ("units::the_service_is_confined", &["systemd-analyze"], confined),
    (
        "units::the_filter_lets_through_what_we_call",
        &["systemd-analyze", "strace"],
        filter,
    ),
];

fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/debian")
        .join(name);
    std::fs::read_to_string(&path).unwrap()
}

/// The units in a folder, with our programs where they are.
fn units() -> House {
    let house = House::new();
    let service = source("hearthdns.service")
        .replace("/usr/sbin/hearthdns", env!("CARGO_BIN_EXE_hearthdns"))
        .replace("/usr/bin/dnsctl", env!("CARGO_BIN_EXE_dnsctl"));
    house.write("hearthdns.service", &service);
    house.write("hearthdns.socket", &source("examples/hearthdns.socket"));
    house
}

fn clean() {
    let house = units();
    let ran = run(Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args([house.path("hearthdns.service"), house.path("hearthdns.socket")]));
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", ""),
        "systemd complains of the units"
    );
}

fn confined() {
    let house = units();
    let ran = run(Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(house.path("hearthdns.service")));
    assert_eq!(ran.code, 0, "the exposure is above 2.0:\n{}", ran.stdout);
    assert!(ran.stdout.contains("Overall exposure level"), "{ran:?}");
}

/// The calls that a `SystemCallFilter=` of the unit allows.
fn allowed() -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    let text = source("hearthdns.service");
    for line in text
        .lines()
        .filter_map(|line| line.strip_prefix("SystemCallFilter="))
    {
        let (words, takes) = match line.strip_prefix('~') {
            Some(words) => (words, true),
            None => (line, false),
        };
        for word in words.split_whitespace() {
            for call in members(word) {
                if takes {
                    allowed.remove(&call);
                } else {
                    allowed.insert(call);
                }
            }
        }
    }
    allowed
}

/// The calls of a set, those of sets in it included.
fn members(word: &str) -> Vec<String> {
    if !word.starts_with('@') {
        return vec![word.to_owned()];
    }
    let ran = run(Command::new("systemd-analyze").args(["syscall-filter", "--no-pager", word])).ok();
    let words = ran.stdout.lines().skip(1).map(str::trim);
    let words = words.filter(|word| !word.is_empty() && !word.starts_with('#'));
    words.flat_map(members).collect()
}

fn filter() {
    let mut allowed = allowed();
    assert!(
        allowed.contains("recvmmsg") && !allowed.contains("setuid"),
        "{allowed:?}"
    );
    // Refused with an error that we expect: the limit of open files stays what the unit says.
    allowed.extend(["prlimit64", "setrlimit"].map(str::to_owned));
    // Made by systemd before the filter is in force.
    allowed.insert("execve".to_owned());
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen_of_config(0)
        .config("name: dns.hearth.example\nlisten: [\"127.0.0.1:0\", \"tls://127.0.0.1:0\", \"h3://127.0.0.1:0\"]\n");
    let inner = house.command();
    let mut command = Command::new("strace");
    command
        .args(["-D", "-f", "-qq", "-o"])
        .arg(house.path("calls"))
        .arg(inner.get_program())
        .args(inner.get_args())
        .env("NOTIFY_SOCKET", house.path("nowhere"));
    let mut daemon = Running::start(&mut command);
    daemon.wait_for_line("ready", |line| line.ends_with("ready"));
    let log = daemon.log();
    let udp = log
        .iter()
        .find_map(|line| line.split("listening on ").nth(1)?.strip_suffix(" udp"));
    let addr = udp.unwrap().parse().unwrap();
    let client = Client::new(addr, addr);
    assert_eq!(client.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
    assert_eq!(
        client.ask_tcp("matrix.hearth.example.", rtype::A).answers.len(),
        1
    );
    house.dnsctl(&["add-record", "new", "A", "192.0.2.7"]).ok();
    house.dnsctl(&["undo", "hearth.example"]).ok();
    house.dnsctl(&["reload"]).ok();
    assert_eq!(daemon.terminate().code(), Some(0));
    // strace, which is no parent of the daemon, writes the last call down when that is gone.
    let end = Instant::now() + DEADLINE;
    let calls = loop {
        let calls = house.read("calls");
        if calls.contains(" exit_group(0") {
            break calls;
        }
        assert!(Instant::now() < end, "strace did not see the end:\n{calls}");
        std::thread::sleep(Duration::from_millis(1));
    };
    let called: BTreeSet<&str> = calls.lines().filter_map(call).collect();
    assert!(
        called.contains("sendmmsg") && called.contains("renameat2") || called.contains("rename"),
        "{called:?}"
    );
    let refused: Vec<&&str> = called.iter().filter(|call| !allowed.contains(**call)).collect();
    assert!(refused.is_empty(), "the unit's filter refuses {refused:?}");
}

/// `PID name(…`, but lines about signals, exits and calls that go on.
fn call(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(' ')?;
    let (name, _) = rest.trim_start().split_once('(')?;
    let is_name = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    (is_name && !name.is_empty()).then_some(name)
}
