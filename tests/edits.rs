//! Edits at the worst of times: the daemon killed again and again while records are added, and records added
//! while clients ask without pause. Promise 3: live at once, never lost, no query dropped.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use support::sample::HEARTH;
use support::{Daemon, House, Message, SetAtEnd, rcode, rtype};

/// Adds record number `n`; whether it was acknowledged.
fn add(house: &House, n: u32) -> bool {
    let name = format!("n{n}.hearth.example.");
    let address = address(n);
    let comment = format!("number {n}");
    house
        .dnsctl(&["add-record", &name, "A", &address, "--comment", &comment])
        .code
        == 0
}

fn address(n: u32) -> String {
    format!("10.7.{}.{}", n / 256, n % 256)
}

#[track_caller]
fn assert_served(daemon: &Daemon, numbers: impl IntoIterator<Item = u32>) {
    // One socket, many questions: all are sent before the first reply is read, in bites that no buffer minds.
    let numbers: Vec<u32> = numbers.into_iter().collect();
    let socket = daemon.client().socket();
    for bite in numbers.chunks(50) {
        let mut open = BTreeMap::new();
        for n in bite {
            let query = Message::query(&format!("n{n}.hearth.example."), rtype::A);
            socket.send(&query.encode()).unwrap();
            open.insert(query.id, *n);
        }
        while !open.is_empty() {
            let bytes = support::client::receive(&socket, support::DEADLINE);
            let reply = Message::decode(&bytes.unwrap_or_else(|| panic!("no reply for {open:?}"))).unwrap();
            let n = open.remove(&reply.id).expect("a reply to one of the questions");
            let expected = [format!("n{n}.hearth.example. 300 A {}", address(n))];
            assert_eq!(reply.answer_lines(), expected, "acknowledged, but: {reply:?}");
        }
    }
}

/// The file's first lines are the old ones byte for byte and in order, each new line is whole, and the zone is
/// sound in the eyes of `check`.
#[track_caller]
fn assert_file_whole(house: &House, acknowledged: &BTreeSet<u32>) {
    let text = house.read("zones/hearth.example.zone");
    let serial = |line: &str| line.contains("SOA");
    let (mut old, mut found) = (HEARTH.lines().peekable(), BTreeSet::new());
    for line in text.lines() {
        if let Some(expected) = old.peek()
            && (line == *expected || (serial(line) && serial(expected)))
        {
            old.next();
            continue;
        }
        // Anything else is a line that we added, complete with its comment.
        let n: u32 = line
            .strip_prefix('n')
            .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
            .unwrap_or_else(|| panic!("a line that nobody wrote: `{line}` in:\n{text}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(
            words.contains(&"A") && words.contains(&address(n).as_str()),
            "`{line}`"
        );
        assert!(
            line.ends_with(&format!("; number {n}")),
            "its comment is lost: `{line}`"
        );
        assert!(found.insert(n), "twice: `{line}`");
    }
    assert_eq!(old.next(), None, "a line of the human's is lost from:\n{text}");
    let lost: Vec<&u32> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "acknowledged, but not in the file: {lost:?}");
    let check = house.dnsctl_offline(&["check"]);
    assert_eq!(check.code, 0, "{check:?}");
}

/// Every acknowledged record is served after every restart, every file parses, no comment is lost.
#[test]
fn s1_3_two_hundred_edits_outlive_a_daemon_that_is_killed_in_a_loop() {
    const EDITS: usize = 200;
    let house = House::new().zone("hearth.example", HEARTH);
    let acknowledged = Mutex::new(BTreeSet::new());
    let next = AtomicU32::new(0);
    let done = AtomicBool::new(false);
    // The editor waits here while there is no daemon.
    let (running, woken) = (Mutex::new(true), Condvar::new());
    let mut daemon = house.start();
    let mut kills = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _end = SetAtEnd(&done);
            while acknowledged.lock().unwrap().len() < EDITS && !done.load(Ordering::SeqCst) {
                let guard = running.lock().unwrap();
                let (up, _) = woken
                    .wait_timeout_while(guard, support::DEADLINE, |running| !*running)
                    .unwrap();
                drop(up);
                // A number is tried once: what was refused may have been written, and a second try would be
                // refused as a duplicate.
                let n = next.fetch_add(1, Ordering::Relaxed);
                if add(&house, n) {
                    acknowledged.lock().unwrap().insert(n);
                }
            }
        });
        let _end = SetAtEnd(&done);
        // A pause of another length each time, so that the blow falls into every part of an edit. The lengths
        // follow a fixed sequence; where they land in an edit is the scheduler's choice.
        let mut pause = 7u64;
        while !done.load(Ordering::Relaxed) {
            pause = pause * 29 % 151;
            std::thread::sleep(Duration::from_millis(20 + pause));
            daemon.process.kill();
            kills += 1;
            *running.lock().unwrap() = false;
            // What was acknowledged until now must be there from the first answer on.
            let known = acknowledged.lock().unwrap().clone();
            let check = house.dnsctl_offline(&["check"]);
            assert_eq!(check.code, 0, "the file that kill {kills} left behind: {check:?}");
            daemon = house.start();
            *running.lock().unwrap() = true;
            woken.notify_all();
            assert_served(&daemon, known.iter().copied());
            assert!(
                kills < 2000,
                "{} edits after {kills} kills",
                acknowledged.lock().unwrap().len()
            );
        }
    });
    daemon.process.kill();
    let acknowledged = acknowledged.into_inner().unwrap();
    assert_file_whole(&house, &acknowledged);
    let daemon = house.start();
    assert_served(&daemon, acknowledged.iter().copied());
    assert!(kills >= 5, "only {kills} kills: the test proves little");
    let leftovers: Vec<_> = std::fs::read_dir(house.path("zones"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "hearth.example.zone" && !name.contains("lock"))
        .collect();
    assert!(
        leftovers.is_empty(),
        "the crashes' leftovers are cleaned up: {leftovers:?}"
    );
    eprintln!(
        "{} edits acknowledged, {} tried, {kills} kills",
        acknowledged.len(),
        next.into_inner()
    );
}

/// What may be answered to a question at the time that it was sent.
#[derive(Clone, Copy)]
struct Expected {
    number: u32,
    /// It was acknowledged before the question was sent: it must be there.
    must: bool,
}

/// 500 edits under 1,000 questions a second: every question is answered, and none wrongly.
#[test]
fn s1_3_five_hundred_edits_drop_no_question_and_spoil_none() {
    const EDITS: u32 = 500;
    const RATE: u32 = 1000;
    let house = House::new().zone("hearth.example", HEARTH);
    let daemon = house.start();
    let socket = Arc::new(daemon.client().socket());
    let done = Arc::new(AtomicBool::new(false));
    let added = Arc::new(AtomicU32::new(0));
    let open: Arc<Mutex<BTreeMap<u16, (Instant, Expected)>>> = Arc::default();

    let receiver = {
        let (socket, open, done) = (Arc::clone(&socket), Arc::clone(&open), Arc::clone(&done));
        std::thread::spawn(move || receive_all(&socket, &open, &done))
    };
    let sender = {
        let (socket, open) = (Arc::clone(&socket), Arc::clone(&open));
        let (done, added) = (Arc::clone(&done), Arc::clone(&added));
        std::thread::spawn(move || {
            let (start, mut sent) = (Instant::now(), 0u32);
            while !done.load(Ordering::Relaxed) {
                let known = added.load(Ordering::SeqCst);
                // By turns: the oldest, the newest, one in between, and the one that is being added now.
                let number = match sent % 4 {
                    0 => 0,
                    1 => known.saturating_sub(1),
                    2 => sent.wrapping_mul(7919) % known.max(1),
                    _ => known,
                };
                let mut query = Message::query(&format!("n{number}.hearth.example."), rtype::A);
                // Ids in turn: at this rate one comes again after a minute, long after its answer.
                query.id = u16::try_from(sent & 0xffff).unwrap();
                let expected = Expected {
                    number,
                    must: number < known,
                };
                assert!(
                    open.lock()
                        .unwrap()
                        .insert(query.id, (Instant::now(), expected))
                        .is_none()
                );
                socket.send(&query.encode()).unwrap();
                sent += 1;
                if let Some(wait) = (Duration::from_secs(1) / RATE * sent).checked_sub(start.elapsed()) {
                    std::thread::sleep(wait);
                }
            }
            (sent, start.elapsed())
        })
    };
    let start = Instant::now();
    for n in 0..EDITS {
        assert!(add(&house, n), "edit {n} was refused");
        added.store(n + 1, Ordering::SeqCst);
    }
    let took = start.elapsed();
    done.store(true, Ordering::Relaxed);
    let (sent, asked_for) = sender.join().unwrap();
    let slowest = receiver.join().unwrap();
    let unanswered = open.lock().unwrap().len();
    assert_eq!(unanswered, 0, "of {sent} questions this many were never answered");
    let rate = f64::from(sent) / asked_for.as_secs_f64();
    assert!(
        rate > f64::from(RATE) * 0.8,
        "only {rate:.0} questions a second were asked: the test proves little"
    );
    assert_served(&daemon, 0..EDITS);
    assert_file_whole(&house, &(0..EDITS).collect());
    eprintln!(
        "{EDITS} edits in {took:.1?}; {sent} questions, {rate:.0} a second, the slowest took {slowest:?}"
    );
}

/// Reads replies and checks each until the sender is done and nothing is open; the slowest answer's time.
fn receive_all(
    socket: &UdpSocket,
    open: &Mutex<BTreeMap<u16, (Instant, Expected)>>,
    done: &AtomicBool,
) -> Duration {
    let mut slowest = Duration::ZERO;
    let mut silent = 0;
    loop {
        let Some(bytes) = support::client::receive(socket, Duration::from_millis(200)) else {
            silent += 1;
            // Two silent seconds after the last question: what is open now stays open.
            let over = done.load(Ordering::Relaxed) && (open.lock().unwrap().is_empty() || silent >= 10);
            if over {
                return slowest;
            }
            continue;
        };
        silent = 0;
        let reply = Message::decode(&bytes).expect("a reply that can be read");
        let (sent_at, Expected { number, must }) = open
            .lock()
            .unwrap()
            .remove(&reply.id)
            .expect("a reply to a question");
        slowest = slowest.max(sent_at.elapsed());
        let lines = reply.answer_lines();
        let right = lines == [format!("n{number}.hearth.example. 300 A {}", address(number))];
        let not_yet = !must && lines.is_empty() && reply.rcode == rcode::NXDOMAIN;
        assert!(
            (right && reply.rcode == rcode::NOERROR) || not_yet,
            "n{number}, must be there: {must}: {reply:?}"
        );
    }
}

#[test]
fn s3_an_edit_is_in_the_next_answer() {
    let house = House::new().zone("hearth.example", HEARTH);
    let daemon = house.start();
    let ask = |name: &str, asked| daemon.ask(name, asked).answer_lines();
    house
        .dnsctl(&["add-record", "www3.hearth.example.", "CNAME", "matrix"])
        .ok();
    assert_eq!(
        ask("www3.hearth.example.", rtype::CNAME),
        ["www3.hearth.example. 300 CNAME matrix.hearth.example."]
    );
    house.dnsctl(&["add-record", "matrix", "A", "192.0.2.11"]).ok();
    assert_eq!(
        ask("matrix.hearth.example.", rtype::A).len(),
        2,
        "one record more"
    );
    house.dnsctl(&["set-record", "matrix", "A", "192.0.2.12"]).ok();
    assert_eq!(
        ask("matrix.hearth.example.", rtype::A),
        ["matrix.hearth.example. 300 A 192.0.2.12"]
    );
    house
        .dnsctl(&[
            "add-record",
            "_matrix._tcp",
            "SRV",
            "10",
            "5",
            "8448",
            "matrix",
            "--ttl",
            "60",
        ])
        .ok();
    assert_eq!(
        ask("_matrix._tcp.hearth.example.", rtype::SRV),
        ["_matrix._tcp.hearth.example. 60 SRV 10 5 8448 matrix.hearth.example."]
    );
    house.dnsctl(&["add-record", "@", "TXT", "v=spf1 -all"]).ok();
    assert_eq!(
        ask("hearth.example.", rtype::TXT),
        ["hearth.example. 300 TXT \"v=spf1 -all\""]
    );
    house.dnsctl(&["remove-record", "matrix", "AAAA"]).ok();
    assert_eq!(ask("matrix.hearth.example.", rtype::AAAA), [""; 0]);
    house.dnsctl(&["remove-record", "www3"]).ok();
    assert_eq!(
        daemon.ask("www3.hearth.example.", rtype::A).rcode,
        rcode::NXDOMAIN
    );
    assert!(
        house
            .read("zones/hearth.example.zone")
            .contains("; the home server"),
        "its comment stays"
    );
}

#[test]
fn s3_what_would_break_the_zone_is_refused_before_anything_is_written() {
    let house = House::new().zone("hearth.example", HEARTH);
    let daemon = house.start();
    for (args, why) in [
        (&["add-record", "matrix", "CNAME", "www"][..], "CNAME"),
        (&["add-record", "www", "A", "192.0.2.1"], "CNAME"),
        (&["add-record", "_x._tcp", "SRV", "0", "0", "1", "www"], "CNAME"),
        (&["add-record", "matrix", "A", "192.0.2.300"], "192.0.2.300"),
        (&["add-record", "matrix", "A", "192.0.2.10"], "already"),
        (&["add-record", "matrix", "NOTYPE", "x"], "NOTYPE"),
        (
            &["add-record", "matrix.example.com.", "A", "192.0.2.1"],
            "example.com",
        ),
        (&["remove-record", "nobody"], "nobody"),
    ] {
        let ran = house.dnsctl(args);
        assert_ne!(ran.code, 0, "{args:?} was taken: {ran:?}");
        assert!(ran.stderr.contains(why), "{args:?}: {}", ran.stderr);
        assert_eq!(
            house.read("zones/hearth.example.zone"),
            HEARTH,
            "{args:?} wrote something"
        );
    }
    assert_eq!(daemon.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
}

#[test]
fn s6_the_same_words_work_on_the_files_when_no_daemon_runs() {
    let house = House::new().zone("hearth.example", HEARTH);
    house
        .dnsctl_offline(&[
            "add-record",
            "offline",
            "A",
            "192.0.2.77",
            "--comment",
            "at night",
        ])
        .ok();
    let text = house.read("zones/hearth.example.zone");
    assert!(
        text.lines()
            .any(|line| line.starts_with("offline") && line.ends_with("; at night")),
        "{text}"
    );
    let daemon = house.start();
    assert_eq!(daemon.ask("offline.hearth.example.", rtype::A).answers.len(), 1);
}

#[test]
fn s6_a_zone_can_be_made_filled_and_removed_with_nothing_but_dnsctl() {
    let house = House::new();
    let daemon = house.start();
    house.dnsctl(&["add-zone", "fresh.example"]).ok();
    house.dnsctl(&["add-record", "matrix", "A", "192.0.2.10"]).ok();
    assert_eq!(daemon.ask("matrix.fresh.example.", rtype::A).answers.len(), 1);
    assert_eq!(
        daemon.ask("nowhere.fresh.example.", rtype::A).rcode,
        rcode::NXDOMAIN
    );
    let listed = house.dnsctl(&["list-zones"]).ok();
    assert!(listed.stdout.contains("fresh.example"), "{listed:?}");
    let listed = house.dnsctl(&["list-records"]).ok();
    assert!(listed.stdout.contains("192.0.2.10"), "{listed:?}");
    house.dnsctl(&["remove-zone", "fresh.example"]).ok();
    assert_eq!(daemon.ask("matrix.fresh.example.", rtype::A).answers.len(), 0);
}
