//! Behaviour over time, on a clock that the tests move: stale answers, prefetch, failover, races, expiry.
//!
//! Each file `tests/scenarios/NAME.scenario` is one test. The whole line runs, from a client's bytes to the
//! reply's, with the store, the engine and the choice of upstreams as the daemon has them; only sockets are
//! replaced, by servers that follow the script. Time passes only while everybody waits, so a day takes
//! milliseconds and every run is the same. At the end of every scenario it is also checked that each query
//! ended in exactly one outcome, and that no server was ever asked for a name of a private zone.
//!
//! # The format
//!
//! A line that begins with `#` is a comment. Times are `20ms`, `1.8s`, `5m`, `2h`, `1d`. First what holds from
//! the start:
//! ```text
//! set KEY VALUE            stale_for, failure_ttl, min_ttl, max_ttl, negative_max_ttl, timeout, attempt (times);
//!                          outstanding, waiting, cache_bytes (counts). The defaults are those of the config
//! view NAME PREFIX         clients with a view of their own
//! route [view NAME] DOMAIN STRATEGY SERVER…      strategies: fastest, parallel, ordered
//! route [view NAME] DOMAIN nowhere
//! server NAME BEHAVIOUR [after TIME]             for each question: answers (what the data says; the start),
//!                          silent, formerr, servfail, notimp, refused, forges ADDRESS, strays (another question),
//!                          garbles, truncates, closes
//! data [of SERVER] NAME. TTL TYPE RDATA          what servers know; the same name and type once more: a set.
//!                          A SOA is sent with negative answers at and below its name
//! zone [VIEW/]NAME         a zone file; its lines stand below, indented
//! lan KIND FILE [unfinished]   a file that tells names of the domain lan, of the kind hosts, leases, ethers or dhcp; its
//!                          lines stand below. Unfinished: the last one has no end yet
//! ```
//! Then what happens, in the order of time. `server`, `data`, `zone`, `lan` as above, and:
//! ```text
//! at TIME no data [of SERVER] NAME.              the name exists no more
//! at TIME zone NAME gone                         the zone's file is deleted, and the folder read again
//! at TIME lan KIND FILE gone                     the file is removed
//! at TIME [COUNT x] CLIENT asks NAME TYPE [+do] [+cd] [+ad] [+nord] [+tcp] [+plain]
//!     OUTCOME RCODE [aa] [tc] [ad] after TIME[, ede CODE TEXT]
//!     RECORD
//!     authority RECORD
//! at TIME flush all | NAME | below NAME -> COUNT
//! at TIME network changes
//! at TIME expect SERVER asked COUNT              since the start; `expect nobody asked`
//! at TIME expect SERVER failing | up
//! at TIME expect cached COUNT
//! ```
//! Below `asks` the whole outcome stands, and nothing else may come. Of COUNT questions at once each kind of
//! outcome stands with how often it came; `%` in the name is then the number of the question. At the end
//! `asked` may state, indented, the whole log of what servers were asked: `TIME SERVER NAME TYPE`.
//!
//! The screen of every route takes 198.51.100.66 for forged and removes private addresses. Clients of
//! 192.168.0.0/16 and 10.0.0.0/8 may ask. The wall clock starts at 2026-01-01T00:00:00Z.
#![allow(clippy::unwrap_used)]

#[path = "scenarios/script.rs"]
mod script;
#[path = "scenarios/servers.rs"]
mod servers;
#[path = "scenarios/stage.rs"]
mod stage;
mod support;

use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of scenarios")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "scenario"))
        .collect();
    files.sort();
    let mut trials: Vec<Trial> = files
        .into_iter()
        .map(|path| {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            Trial::test(name, move || {
                let text = std::fs::read_to_string(&path)?;
                hold(&text).map_err(|complaints| Failed::from(complaints.join("\n\n")))
            })
        })
        .collect();
    for (name, test) in SELF_TESTS {
        trials.push(Trial::test(format!("self_test::{name}"), move || {
            test();
            Ok(())
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Plays a scenario's text; what does not hold.
fn hold(text: &str) -> Result<(), Vec<String>> {
    let script = script::read(text).map_err(|why| vec![why])?;
    let complaints = stage::play(&script);
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints)
    }
}

// ---- a wrong expectation fails, and says where

const SELF_TESTS: &[(&str, fn())] = &[
    ("a_true_scenario_holds", a_true_scenario_holds),
    ("every_wrong_word_is_caught", every_wrong_word_is_caught),
    ("a_leak_is_caught", a_leak_is_caught),
    ("what_means_nothing_is_refused", what_means_nothing_is_refused),
];

const TRUE: &str = "\
route . fastest a
server a answers after 20ms
data www.example.net. 300 A 198.51.100.7
at 0s 192.168.1.20 asks www.example.net A
    forwarded NOERROR after 20ms
    www.example.net. 300 A 198.51.100.7
at 10s 2 x 192.168.1.20 asks www.example.net A
    2 x cached NOERROR after 0s
    www.example.net. 290 A 198.51.100.7
at 10s expect a asked 1
at 10s expect a up
at 10s expect cached 1
at 11s flush www.example.net -> 1
asked
    0s a www.example.net. A
";

fn a_true_scenario_holds() {
    assert_eq!(hold(TRUE), Ok(()));
}

fn every_wrong_word_is_caught() {
    for (right, wrong, line) in [
        ("after 20ms\n    www", "after 21ms\n    www", 4),
        ("forwarded NOERROR", "forwarded NXDOMAIN", 4),
        ("forwarded NOERROR", "cached NOERROR", 4),
        ("300 A 198.51.100.7\nat 10s", "301 A 198.51.100.7\nat 10s", 4),
        ("2 x cached", "1 x cached", 7),
        ("asked 1", "asked 2", 10),
        ("a up", "a failing", 11),
        ("expect cached 1", "expect cached 0", 12),
        ("-> 1", "-> 0", 13),
        ("0s a www.example.net. A", "0s a www.example.net. AAAA", 14),
        ("0s a www.example.net. A\n", "", 14),
    ] {
        assert!(TRUE.contains(right), "{right}");
        let complaints = hold(&TRUE.replacen(right, wrong, 1)).expect_err(wrong);
        let [complaint] = &complaints[..] else {
            panic!("{wrong}: {complaints:?}")
        };
        assert!(complaint.starts_with(&format!("line {line}: ")), "{complaint}");
        assert!(
            complaint.contains("expected") && complaint.contains("found"),
            "{complaint}"
        );
    }
}

fn a_leak_is_caught() {
    // A zone that is an overlay first and private later: what was asked before is a leak in hindsight.
    let text = "\
route . fastest a
zone hearth.example
    ; hearthdns: mode=overlay
    matrix 60 A 203.0.113.10
at 0s 192.168.1.20 asks other.hearth.example A
    forwarded NXDOMAIN after 0s
at 1s zone hearth.example
    matrix 60 A 203.0.113.10
";
    let complaints = hold(text).expect_err("a leak");
    assert_eq!(
        complaints,
        ["leak: `0s a other.hearth.example. A` lies in the private zone hearth.example."]
    );
}

fn what_means_nothing_is_refused() {
    for (text, complaint) in [
        ("at 0s sing", "line 1: this means nothing here: `at 0s sing`"),
        ("route . fastest", "line 1: expected `route"),
        (
            "at 5s flush all -> 0\nat 4s flush all -> 0",
            "line 2: time runs backwards",
        ),
        (
            "at 0s 192.168.1.20 asks x A",
            "line 1: the whole outcome is missing",
        ),
        ("at 0s 192.168.1.20 asks x A +x\n  y", "line 1: `+x` is none of"),
        ("server a answers", "line 1: no route has the server `a`"),
        ("set colour 5s", "there is no time `colour`"),
        ("at 3 flush all -> 0", "line 1: `3` is no time"),
    ] {
        let complaints = hold(text).expect_err(text);
        assert!(complaints[0].starts_with(complaint), "{text}: {complaints:?}");
    }
}
