//! Watching queries: nothing is remembered before somebody looks, and then who asked for what is shown, once or as it
//! comes.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use support::house::dnsctl;
use support::sample::HEARTH;
use support::{House, rtype};

fn json(house: &House, args: &[&str]) -> Value {
    let ran = house.dnsctl(&[&["--json"], args].concat()).ok();
    serde_json::from_str(&ran.stdout).unwrap()
}

/// A query without its time, which is the machine's business.
fn words(query: &Value) -> String {
    let word = |key: &str| query[key].as_str().unwrap_or("-").to_owned();
    ["client", "transport", "outcome", "rcode", "type", "name"]
        .map(word)
        .join(" ")
}

#[test]
fn queries_are_remembered_while_somebody_looks() {
    let house = House::new().zone("hearth.example", HEARTH);
    let daemon = house.start();
    daemon.ask("before.hearth.example.", rtype::A);
    let first = house.dnsctl(&["queries"]).ok();
    assert_eq!(
        (&*first.stdout, &*first.stderr),
        (
            "",
            "queries are remembered from now on, until 60 seconds behind the last look; ask again, or use --follow\n"
        )
    );
    let second = house.dnsctl(&["queries"]).ok();
    assert_eq!(
        (&*second.stdout, &*second.stderr),
        ("", "nothing was asked since\n")
    );
    daemon.ask("Matrix.hearth.example.", rtype::A);
    daemon
        .client()
        .ask_tcp("<script>alert(1)</script>.hearth.example.", rtype::TXT);
    // The upstream of this house is silent.
    daemon.ask("www.example.net.", rtype::A);
    let seen = json(&house, &["queries"]);
    let ok = &seen["ok"];
    let queries: Vec<String> = ok["queries"].as_array().unwrap().iter().map(words).collect();
    assert_eq!(
        queries,
        [
            "127.0.0.1 udp local NOERROR A Matrix.hearth.example.",
            "127.0.0.1 tcp local NXDOMAIN TXT <script>alert\\(1\\)</script>.hearth.example.",
            "127.0.0.1 udp failed SERVFAIL A www.example.net.",
        ]
    );
    assert_eq!(
        (&ok["last"], &ok["missed"], &ok["began"], &ok["watch"]),
        (&3.into(), &0.into(), &false.into(), &60.into())
    );
    let printed = house.dnsctl(&["queries"]).ok();
    let columns: Vec<Vec<&str>> = printed
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        columns[0],
        ["TIME", "CLIENT", "OVER", "OUTCOME", "RCODE", "TYPE", "NAME"]
    );
    assert_eq!(
        columns[1][1..],
        [
            "127.0.0.1",
            "udp",
            "local",
            "NOERROR",
            "A",
            "Matrix.hearth.example."
        ]
    );
    assert_eq!((columns.len(), &*printed.stderr), (4, ""));
}

#[test]
fn queries_are_followed_until_the_daemon_ends() {
    let house = House::new().zone("hearth.example", HEARTH);
    let daemon = house.start();
    let mut command = dnsctl();
    command
        .arg("--control")
        .arg(house.control())
        .args(["--json", "queries", "--follow"]);
    let mut follower = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["ok"]["began"], true);
    daemon.ask("matrix.hearth.example.", rtype::A);
    let seen = next();
    assert_eq!(
        words(&seen["ok"]["queries"][0]),
        "127.0.0.1 udp local NOERROR A matrix.hearth.example."
    );
    daemon.ask("nobody.hearth.example.", rtype::A);
    let seen = next();
    let queries = seen["ok"]["queries"].as_array().unwrap();
    assert_eq!(
        (queries.len(), words(&queries[0])),
        (
            1,
            "127.0.0.1 udp local NXDOMAIN A nobody.hearth.example.".to_owned()
        )
    );
    drop(daemon);
    assert_eq!(next()["error"]["code"], "unavailable");
    assert_eq!(follower.wait().unwrap().code(), Some(3));
}
