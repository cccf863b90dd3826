//! `dnsctl` beside a running daemon: what it says of answers, and what the control socket makes of nonsense.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use support::house::dnsctl;
use support::sample::HEARTH;
use support::{House, Upstream, rcode, rtype, run};

#[test]
fn explain_names_the_upstreams_that_would_be_asked() {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .upstreams(&["127.0.0.1:9".parse().unwrap(), "127.0.0.2:9".parse().unwrap()]);
    let _daemon = house.start();
    let story = house.dnsctl(&["explain", "www.example.org"]).ok().stdout;
    let last = story.lines().last().unwrap();
    assert_eq!(
        last,
        "= asks upstream, route .: udp://127.0.0.1:9, udp://127.0.0.2:9"
    );
    let story = house
        .dnsctl(&["--json", "explain", "outside.hearth.example"])
        .ok()
        .stdout;
    assert!(
        story.contains(r#""route":".","upstreams":["udp://127.0.0.1:9","udp://127.0.0.2:9"]"#),
        "{story}"
    );
}

#[test]
fn reconnect_opens_new_connections_and_tells_what_it_did() {
    let upstream = Upstream::answering("198.51.100.7");
    let dead = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let house = House::new()
        .config(&format!(
            "upstreams: [\"udp://{dead}\", \"tcp://{}\"]\nupstream: {{strategy: ordered}}\nclients: [127.0.0.0/8]\n",
            upstream.addr
        ))
        .upstreams_of_config();
    let daemon = house.start();
    let ports = || -> Vec<u16> {
        let mut ports: Vec<u16> = upstream.seen().iter().map(|seen| seen.from.port()).collect();
        ports.dedup();
        ports
    };
    for name in ["a.example.net.", "b.example.net."] {
        assert_eq!(daemon.ask(name, rtype::A).answers.len(), 1);
    }
    assert_eq!(ports().len(), 1, "one connection carries both");
    let ran = house.dnsctl(&["reconnect"]).ok();
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        (
            "dropped the connections to 2 upstreams; 1 did not answer lately and is asked now\n",
            ""
        )
    );
    let line = "reconnect was asked for: new connections to upstreams, 1 probed";
    daemon
        .process
        .wait_for_line("why", |seen| seen.trim_end().ends_with(line));
    assert_eq!(daemon.ask("c.example.net.", rtype::A).answers.len(), 1);
    assert_eq!(ports().len(), 2, "the third came over another");
    let ran = house.dnsctl(&["--json", "reconnect"]).ok();
    let head = r#"{"version":1,"ok":{"answer":"reconnected","upstreams":2,"probed":"#;
    assert!(ran.stdout.starts_with(head), "{}", ran.stdout);
    drop(daemon);
    house.dnsctl(&["reconnect"]).fails(3);
    let offline = house.dnsctl_offline(&["reconnect"]).fails(2);
    assert!(
        offline.stderr.contains("asks a running daemon"),
        "{}",
        offline.stderr
    );
}

/// A line for each command, as words; a later one builds on what an earlier one made.
const LINES: &[&str] = &[
    "add-zone new.example",
    "add-record turn.new.example. A 203.0.113.11",
    "set-record turn.new.example. A 203.0.113.12",
    "list-records --zone new.example",
    "remove-record turn.new.example. A",
    "log new.example",
    "undo new.example",
    "remove-zone new.example",
    "list-zones",
    "check",
    "reload",
    "status",
    "stats",
    "queries",
    "flush",
    "cache stats",
    "cache dump",
    "reconnect",
    "lan",
    "certificate",
    "certificate renew",
    "certificate authority",
    "explain www.hearth.example",
    "invite phone",
    "devices",
    "revoke phone",
    "matrix add m.example --address 203.0.113.10",
    "matrix show m.example",
    "matrix check",
    "matrix move 203.0.113.11 --dry-run",
    "matrix doctor m.example --timeout 1",
    "matrix remove m.example",
    "router",
    "router openwrt --server 192.0.2.1",
    "router --verify --router 127.0.0.1:1 --server 192.0.2.1",
    "setup port",
    "setup resolved",
    "router-mode",
];

/// The commands that a help text lists.
fn commands_in(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    lines
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_command_has_json_in_one_form() {
    let mut commands = Vec::new();
    for command in commands_in(&run(dnsctl().arg("--help")).ok().stdout) {
        match &commands_in(&run(dnsctl().args([&command, "--help"])).ok().stdout)[..] {
            [] => commands.push(command),
            inner => commands.extend(inner.iter().map(|inner| format!("{command} {inner}"))),
        }
    }
    // What rpcd asks and hears is its own.
    commands.retain(|command| !command.starts_with("rpcd "));
    let lines_of = |command: &String| {
        let begins = format!("{command} ");
        LINES
            .iter()
            .filter(move |line| format!("{line} ").starts_with(&begins))
    };
    for command in &commands {
        assert!(lines_of(command).next().is_some(), "no line for `{command}`");
    }
    let house = House::new().zone("hearth.example", HEARTH);
    let _daemon = house.start();
    let words_of = |line: &str, last: &str| -> Vec<String> {
        let words = line.split(' ').chain([last]);
        words.map(str::to_owned).collect()
    };
    let known = |line: &&&str| {
        commands
            .iter()
            .any(|command| format!("{line} ").starts_with(&format!("{command} ")))
    };
    for line in LINES.iter().filter(known) {
        let ran = house.dnsctl(&words_of(line, "--json"));
        let is_ok = assert_one_form(line, &ran.stdout);
        assert!(is_ok || ran.code != 0, "{line}: {ran:?}");
        // The file would be read before a word is looked at.
        let wrong = house
            .dnsctl(&words_of(&format!("{line} --json"), "--such-is-not"))
            .fails(2);
        assert!(!assert_one_form(line, &wrong.stdout), "{line}: {wrong:?}");
        assert_eq!(wrong.stderr, "", "{line}");
    }
    // The same where nobody is there to ask.
    for line in LINES.iter().filter(known) {
        let mut command = dnsctl();
        command
            .args(["--control", "none.sock"])
            .args(words_of(line, "--json"));
        let ran = run(command.current_dir(house.root()));
        assert_one_form(line, &ran.stdout);
    }
}

/// One line of JSON with the version and either an answer, which has a name, or an error with code and message. Whether it
/// is an answer.
#[track_caller]
fn assert_one_form(what: &str, stdout: &str) -> bool {
    let line = stdout
        .strip_suffix('\n')
        .unwrap_or_else(|| panic!("{what}: {stdout:?}"));
    assert!(!line.contains('\n'), "{what}: {stdout}");
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    let object = value.as_object().unwrap();
    assert_eq!(
        (object.len(), &object["version"]),
        (2, &serde_json::json!(1)),
        "{what}: {line}"
    );
    if let Some(ok) = object.get("ok") {
        assert!(ok["answer"].is_string(), "{what}: {line}");
        return true;
    }
    let error = &object["error"];
    assert!(
        error["code"].is_string() && error["message"].is_string(),
        "{what}: {line}"
    );
    false
}

#[test]
fn the_control_socket_survives_nonsense() {
    let house = House::new().zone("hearth.example", HEARTH);
    let daemon = house.start();
    let deep = format!("{}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let wrong_type =
        r#"{"version":1,"command":"add-record","name":["a"],"type":7,"rdata":"x"}"#.to_owned() + "\n";
    for line in [
        "\n",
        "null\n",
        "{}\n",
        "[]\n",
        "\"status\"\n",
        "{\"version\":2,\"command\":\"status\"}\n",
        "{\"version\":1}\n",
        "{\"version\":1,\"command\":\"shutdown\"}\n",
        "{\"version\":1e999,\"command\":\"status\"}\n",
        "GET / HTTP/1.1\r\n",
        &deep,
        &wrong_type,
    ] {
        let mut stream = UnixStream::connect(&daemon.control).unwrap();
        stream.write_all(line.as_bytes()).unwrap();
        let mut reply = String::new();
        BufReader::new(&stream).read_line(&mut reply).unwrap();
        let shown = &line[..line.len().min(60)];
        assert!(reply.contains("\"error\""), "{shown}: {reply}");
        // Not the words of the parser alone: what to do about it.
        assert!(reply.contains("\"code\":\""), "{shown}: {reply}");
    }
    let mut stream = UnixStream::connect(&daemon.control).unwrap();
    stream.write_all(&[0xff; 4096]).unwrap();
    drop(stream);
    house.dnsctl(&["status"]).ok();
    assert_eq!(
        daemon.ask("matrix.hearth.example.", rtype::A).rcode,
        rcode::NOERROR
    );
}

#[test]
fn a_record_added_with_an_end_goes_when_its_time_is_over() {
    let house = House::new().zone("hearth.example", HEARTH);
    let daemon = house.start();
    let args = [
        "add-record",
        "brief.hearth.example.",
        "A",
        "192.0.2.77",
        "--expires",
        "2s",
    ];
    house.dnsctl(&args).ok();
    assert_eq!(daemon.ask("brief.hearth.example.", rtype::A).answers.len(), 1);
    let end = std::time::Instant::now() + support::DEADLINE;
    while daemon.ask("brief.hearth.example.", rtype::A).rcode == rcode::NOERROR {
        assert!(std::time::Instant::now() < end, "it is served beyond its time");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
