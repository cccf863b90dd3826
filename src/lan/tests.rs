//! The names of the LAN: what files say, and what becomes of it.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::names::{Author, reverse_name};
use super::*;
use crate::message::Name;
use crate::zone::render;

/// As dnsmasq writes it, with a lease of odhcpd's below.
const LEASES: &str = "\
1800000000 52:54:00:12:34:56 192.168.1.20 Laptop 01:52:54:00:12:34:56
0 06-01:02:03:04:05:06 192.168.1.21 printer *
1800000500 52:54:00:00:00:01 192.168.1.22 * ff:00
duid 00:01:00:01:2c:aa:bb:cc:52:54:00:00:00:99
1800000000 1126400 fd00::20 Laptop 00:01:00:01:2c:aa:bb:cc:52:54:00:12:34:56
1800000000 T1126401 fd00::21 Laptop 00:01:00:01:2c:aa:bb:cc:52:54:00:12:34:56
# br-lan 00030001525400123457 3f1 tablet 1800000000 8a3 128 fd00::30/128 2001:db8::30/128
fd00::30\ttablet
# br-lan 525400123458 ipv4 camera -1 64 32 192.168.1.30/32
# br-lan 00030001525400123459 1 - 1800000000 4 62 fd00:0:0:4::/62
# br-lan 00030001525400123460 1 broken\\x20a 1800000000 5 128 fd00::31/128
# a comment
";

fn shown(reading: &Reading) -> String {
    let mut text = String::new();
    for entry in &reading.entries {
        let until = entry.until.map_or("-".to_owned(), |until| until.to_string());
        let device = entry.device.as_deref().unwrap_or("-");
        let mark = if entry.is_canonical { "" } else { " alias" };
        let name = &entry.name;
        writeln!(
            text,
            "{} [{name}] {} {until} {device}{mark}",
            entry.line, entry.address
        )
        .unwrap();
    }
    for fault in &reading.faults {
        writeln!(text, "{}: {}", fault.line, fault.message).unwrap();
    }
    text
}

fn domain() -> Name {
    "lan".parse().unwrap()
}

/// The names that files make, and what is refused: hosts files first, then leases.
fn names_of(files: &[(&str, Author)], ethers: &str, now: u64) -> Names {
    let readings: Vec<(Reading, Author)> = files
        .iter()
        .map(|(text, author)| match author {
            Author::Person => (hosts::parse(text.as_bytes()), *author),
            Author::Device => (lease::parse(text.as_bytes()), *author),
        })
        .collect();
    let told: Vec<Told<'_>> = readings
        .iter()
        .enumerate()
        .map(|(at, (reading, author))| Told {
            file: format!("f{at}").into(),
            author: *author,
            entries: &reading.entries,
        })
        .collect();
    let (ethers, faults) = hosts::parse_ethers(ethers.as_bytes());
    assert_eq!(faults, []);
    let (domain, own) = (domain(), "dns.lan".parse().unwrap());
    let rules = Rules {
        domain: &domain,
        own: Some(&own),
    };
    collect(rules, &told, &ethers, now)
}

fn outcome(names: &Names) -> String {
    let mut text = String::new();
    for record in names.records() {
        let line = render::record_text(&record, None);
        writeln!(text, "{}", line.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap();
    }
    for refused in &names.refused {
        writeln!(
            text,
            "{}:{} {}: {:?}",
            refused.file, refused.line, refused.name, refused.why
        )
        .unwrap();
    }
    text
}

#[test]
fn leases_of_both_servers_are_read() {
    assert_eq!(
        shown(&lease::parse(LEASES.as_bytes())),
        "1 [Laptop] 192.168.1.20 1800000000 52:54:00:12:34:56\n\
         2 [printer] 192.168.1.21 - 06-01:02:03:04:05:06\n\
         3 [] 192.168.1.22 1800000500 52:54:00:00:00:01\n\
         5 [Laptop] fd00::20 1800000000 00:01:00:01:2c:aa:bb:cc:52:54:00:12:34:56\n\
         6 [Laptop] fd00::21 1800000000 00:01:00:01:2c:aa:bb:cc:52:54:00:12:34:56\n\
         7 [tablet] fd00::30 1800000000 00030001525400123457\n\
         7 [tablet] 2001:db8::30 1800000000 00030001525400123457\n\
         9 [camera] 192.168.1.30 - 52:54:00:12:34:58\n\
         11 [broken\\x20a] fd00::31 1800000000 00030001525400123460\n"
    );
}

#[test]
fn lines_that_are_no_leases_are_told_and_the_others_read() {
    let text = "x 52:54:00:12:34:56 192.168.1.20 a *\n1 52:54:00:12:34:56 192.168.1.300 a *\nword\n1 2 3\n\
                1 52:54:00:12:34:56 192.168.1.20 good *\n1 m 192.168.1.2 a b c\n1 52:54:00:12:34:56 192.168.1.2 cu";
    assert_eq!(
        shown(&lease::parse(text.as_bytes())),
        "5 [good] 192.168.1.20 1 52:54:00:12:34:56\n\
         1: expected the end of a lease in seconds, found `x`\n\
         2: expected an address, found `192.168.1.300`\n\
         3: expected a lease `EXPIRY MAC ADDRESS NAME CLIENT-ID`, found 1 words\n\
         4: expected a lease `EXPIRY MAC ADDRESS NAME CLIENT-ID`, found 3 words\n\
         6: expected a lease of 4 or 5 words, found 6\n\
         7: the last line is not complete; it is read again when the file is written\n"
    );
    assert_eq!(lease::parse(b""), Reading::default());
    let many = "no\n".repeat(MAX_REFUSED + 10);
    assert_eq!(lease::parse(many.as_bytes()).faults.len(), MAX_REFUSED);
}

#[test]
fn hosts_files_are_read_but_for_what_is_this_hosts_own() {
    let text = "127.0.0.1 localhost\n::1 localhost ip6-loopback # us\nff02::1 ip6-allnodes\n0.0.0.0 ads.example\n\
                fe80::1%eth0 router\nfd00::1%eth0 router\n# all comment\n192.168.1.2\tnas.lan nas  files # and more\r\nfd00::2 nas\n\
                192.168.1.x nas\n192.168.1.9\n192.168.1.3 last";
    assert_eq!(
        shown(&hosts::parse(text.as_bytes())),
        "8 [nas.lan] 192.168.1.2 - -\n8 [nas] 192.168.1.2 - - alias\n8 [files] 192.168.1.2 - - alias\n\
         9 [nas] fd00::2 - -\n12 [last] 192.168.1.3 - -\n\
         10: expected an address, found `192.168.1.x`\n\
         11: expected a name behind the address 192.168.1.9\n"
    );
}

#[test]
fn ethers_give_names_to_devices() {
    let text = "52:54:00:12:34:56 desk\n2:3:4:5:6:A short # one digit\n02:00:00:00:00:01 192.168.1.7\n\nnonsense x\n\
                52:54:00:12:34 y\n52:54:00:12:34:56 second\nthree words here\n";
    let (names, faults) = hosts::parse_ethers(text.as_bytes());
    let expected = [("52:54:00:12:34:56", "desk"), ("02:03:04:05:06:0a", "short")];
    let expected: HashMap<Box<str>, Box<str>> = expected
        .into_iter()
        .map(|(mac, name)| (mac.into(), name.into()))
        .collect();
    assert_eq!(names, expected);
    let faults: Vec<(u32, &str)> = faults
        .iter()
        .map(|fault| (fault.line, fault.message.as_str()))
        .collect();
    assert_eq!(
        faults,
        [
            (
                5,
                "expected a MAC address such as 52:54:00:12:34:56, found `nonsense`"
            ),
            (
                6,
                "expected a MAC address such as 52:54:00:12:34:56, found `52:54:00:12:34`"
            ),
            (8, "expected `MAC NAME`, found 3 words"),
        ]
    );
}

#[test]
fn names_get_addresses_and_lead_back() {
    let hosts = "192.168.1.2 nas.lan files\nfd00::2 nas\n192.168.1.3 a.b.lan\n";
    let names = names_of(
        &[(hosts, Author::Person), (LEASES, Author::Device)],
        "",
        1_700_000_000,
    );
    let v6 = |address: &str| reverse_name(address.parse().unwrap()).unwrap();
    let expected = format!(
        "nas.lan. 60 IN A 192.168.1.2\n2.1.168.192.in-addr.arpa. 60 IN PTR nas.lan.\nfiles.lan. 60 IN A 192.168.1.2\n\
         nas.lan. 60 IN AAAA fd00::2\n{} 60 IN PTR nas.lan.\n\
         a.b.lan. 60 IN A 192.168.1.3\n3.1.168.192.in-addr.arpa. 60 IN PTR a.b.lan.\n\
         laptop.lan. 60 IN A 192.168.1.20\n20.1.168.192.in-addr.arpa. 60 IN PTR laptop.lan.\n\
         printer.lan. 60 IN A 192.168.1.21\n21.1.168.192.in-addr.arpa. 60 IN PTR printer.lan.\n\
         laptop.lan. 60 IN AAAA fd00::20\n{} 60 IN PTR laptop.lan.\n\
         laptop.lan. 60 IN AAAA fd00::21\n{} 60 IN PTR laptop.lan.\n\
         tablet.lan. 60 IN AAAA fd00::30\n{} 60 IN PTR tablet.lan.\n\
         tablet.lan. 60 IN AAAA 2001:db8::30\n{} 60 IN PTR tablet.lan.\n\
         camera.lan. 60 IN A 192.168.1.30\n30.1.168.192.in-addr.arpa. 60 IN PTR camera.lan.\n\
         f1:11 broken\\x20a: NoHostName\n",
        v6("fd00::2"),
        v6("fd00::20"),
        v6("fd00::21"),
        v6("fd00::30"),
        v6("2001:db8::30"),
    );
    assert_eq!(outcome(&names), expected);
    assert_eq!(names.next_end(), Some(1_800_000_000));
}

#[test]
fn leases_end_in_their_second() {
    let leases = "100 52:54:00:00:00:01 192.168.1.20 a *\n200 52:54:00:00:00:02 192.168.1.21 b *\n\
                  # br-lan 525400000003 ipv4 over 0 64 32 192.168.1.30/32\n";
    let at = |now| {
        let names = names_of(&[(leases, Author::Device)], "", now);
        let told: Vec<String> = names.names.iter().map(|name| name.name.to_string()).collect();
        (told.join(" "), names.next_end())
    };
    assert_eq!(at(99), ("a.lan. b.lan.".to_owned(), Some(100)));
    assert_eq!(at(100), ("b.lan.".to_owned(), Some(200)));
    assert_eq!(at(200), (String::new(), None));
}

#[test]
fn what_a_device_calls_itself_is_a_claim() {
    let lease = |at: u32, name: &str| format!("0 52:54:00:00:00:{at:02x} 192.168.1.{at} {name} *\n");
    let long = "a".repeat(64);
    let claims = [
        "wpad",
        "WPAD",
        "localhost",
        "isatap",
        "evil.example",
        "a.b.lan",
        "pc.lan",
        "-dash",
        "under_score",
        "_dmarc",
        "dns",
        "x.dns.lan",
        "caf\u{e9}",
        "*x",
        "www.google.com.",
        "lan",
        "..",
        "a\\.b",
        &long,
        "nas",
        "pc",
    ];
    let leases: String = (1..).zip(claims).map(|(at, name)| lease(at, name)).collect();
    let hosts = "192.168.1.200 nas wpad localhost\n192.168.1.201 elsewhere.example lan dns\n";
    let names = names_of(&[(hosts, Author::Person), (&leases, Author::Device)], "", 1);
    let told: Vec<String> = names
        .names
        .iter()
        .map(|name| format!("{} {}", name.name, name.address))
        .collect();
    assert_eq!(
        told,
        [
            "nas.lan. 192.168.1.200",
            // Whoever writes a hosts file may have a proxy.
            "wpad.lan. 192.168.1.200",
            "lan.lan. 192.168.1.201",
            "pc.lan. 192.168.1.7",
            "under_score.lan. 192.168.1.9",
        ]
    );
    let refused: Vec<String> = names
        .refused
        .iter()
        .map(|refused| format!("{}:{} {:?}", refused.file, refused.line, refused.why))
        .collect();
    assert_eq!(
        refused,
        [
            "f0:1 Reserved",
            "f0:2 Outside",
            "f0:2 Own",
            "f1:1 Reserved",
            "f1:2 Reserved",
            "f1:3 Reserved",
            "f1:4 Reserved",
            "f1:5 Dotted",
            "f1:6 Dotted",
            "f1:8 NoHostName",
            "f1:10 NoHostName",
            "f1:11 Own",
            "f1:12 Dotted",
            "f1:13 NoHostName",
            "f1:14 NoHostName",
            "f1:15 Dotted",
            "f1:16 TakenByPerson",
            "f1:17 NoHostName",
            "f1:18 NoHostName",
            "f1:19 TooLong",
            "f1:20 TakenByPerson",
            "f1:21 TakenByDevice",
        ]
    );
}

#[test]
fn ethers_stand_over_what_a_device_calls_itself() {
    let leases = "0 52:54:00:12:34:57 192.168.1.21 desk *\n0 52:54:00:12:34:56 192.168.1.20 wpad *\n\
                  0 52:54:00:12:34:58 192.168.1.22 * *\n";
    let names = names_of(
        &[(leases, Author::Device)],
        "52:54:00:12:34:56 desk\n52:54:00:12:34:58 quiet\n",
        1,
    );
    let told: Vec<String> = names
        .names
        .iter()
        .map(|name| format!("{} {}", name.name, name.address))
        .collect();
    assert_eq!(told, ["desk.lan. 192.168.1.20", "quiet.lan. 192.168.1.22"]);
    assert_eq!(names.refused[0].why, Refusal::TakenByPerson);
}

#[test]
fn a_name_may_not_be_drawn_away_by_the_other_family() {
    let hosts = "192.168.1.2 nas\n";
    let leases = "0 1 fd00::66 nas 00:01\n";
    let names = names_of(&[(hosts, Author::Person), (leases, Author::Device)], "", 1);
    assert_eq!(names.names.len(), 1);
    assert_eq!(names.refused[0].why, Refusal::TakenByPerson);
}

#[test]
fn there_are_as_many_as_there_may_be() {
    let mut leases = String::new();
    for at in 0..MAX_NAMES + MAX_REFUSED + 5 {
        let (c, d) = (at / 250, at % 250 + 1);
        writeln!(leases, "0 {at} 10.0.{c}.{d} h{at} *").unwrap();
    }
    let names = names_of(&[(&leases, Author::Device)], "", 1);
    assert_eq!(
        (names.names.len(), names.refused.len(), names.more_refused),
        (MAX_NAMES, MAX_REFUSED, 5)
    );
    assert!(names.refused.iter().all(|refused| refused.why == Refusal::Full));
}

#[test]
fn a_damaged_file_takes_no_name_away() {
    let whole = hosts::parse(b"192.168.1.2 nas\n192.168.1.3 tv\n");
    let damaged = hosts::parse(b"192.168.1.9 tv\n192.168.1.\n");
    assert_eq!(
        shown(&damaged.completed_by(&whole)),
        "1 [tv] 192.168.1.9 - -\n1 [nas] 192.168.1.2 - -\n2: expected an address, found `192.168.1.`\n"
    );
    // Of one that stays damaged, while devices call themselves something else each time, not all is kept for ever.
    let mut reading = Reading::default();
    for at in 0..3 {
        let mut text = String::from("nonsense\n");
        for name in 0..MAX_NAMES {
            writeln!(text, "192.168.1.2 n{at}-{name}").unwrap();
        }
        reading = hosts::parse(text.as_bytes()).completed_by(&reading);
    }
    assert_eq!(reading.entries.len(), 2 * MAX_NAMES);
    assert_eq!(&*reading.entries[MAX_NAMES].name, "n1-0");
}

#[test]
fn rfc3596_s2_5_reverse_names() {
    let text = |address: &str| reverse_name(address.parse().unwrap()).unwrap().to_string();
    assert_eq!(text("192.168.1.20"), "20.1.168.192.in-addr.arpa.");
    assert_eq!(
        text("4321:0:1:2:3:4:567:89ab"),
        "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa."
    );
}
