//! What the server says of itself: its name and those below it, the live check, the switches that keep devices here,
//! and which encrypted listeners clients are told of.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "https-listener")]

mod support;

use support::asker::Authority;
use support::sample::HEARTH;
use support::{Client, Daemon, House, Message, rcode, rtype};

const NAME: &str = "dns.hearth.example";
const SVCB: u16 = 64;
const CONFIG: &str = "name: dns.hearth.example\naddresses: [127.0.0.1, 'fd00::10']\ncertificate: {chain: chain.pem, \
                      key: key.pem}\n";

fn house(config: &str) -> (House, Authority) {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen_too(&["tls://127.0.0.1:0", "https://127.0.0.1:0"])
        .config(&format!("{CONFIG}{config}"));
    let authority = Authority::new();
    authority.issue(&house, &[NAME], 2099);
    (house, authority)
}

/// The reply in one line: rcode, answers, authority.
fn said(reply: &Message) -> String {
    let records = reply.answers.iter().chain(&reply.authorities);
    let records: Vec<String> = records.map(ToString::to_string).collect();
    format!("{} {}", reply.rcode, records.join(" | "))
        .trim_end()
        .to_owned()
}

#[track_caller]
fn assert_says(client: &Client, name: &str, qtype: u16, expected: &str) {
    assert_eq!(said(&client.ask(name, qtype)), expected, "{name}");
}

#[test]
fn the_name_and_all_below_it_lead_to_us_and_the_live_check_to_nothing() {
    let (house, _) = house("views: {guests: {clients: [127.0.0.2/32]}}\n");
    house.write("zones/guests/only.example.zone", "@ 60 A 192.0.2.9\n");
    let daemon = house.start();
    let guest = daemon.client().from("127.0.0.2");
    for client in [daemon.client(), guest] {
        for name in ["dns.hearth.example.", "k7q4m2xr.dns.hearth.example."] {
            assert_says(&client, name, rtype::A, &format!("0 {name} 60 A 127.0.0.1"));
            assert_says(&client, name, rtype::AAAA, &format!("0 {name} 60 AAAA fd00::10"));
        }
        assert_says(
            &client,
            "n1.check.dns.hearth.example.",
            rtype::A,
            "0 check.dns.hearth.example. 0 SOA check.dns.hearth.example. check.dns.hearth.example. 1 3600 1200 604800 0",
        );
        assert_says(
            &client,
            "matrix.hearth.example.",
            rtype::A,
            "0 matrix.hearth.example. 300 A 192.0.2.10",
        );
    }
    // A record by hand takes the place of ours, live.
    house
        .dnsctl(&["add-record", "dns.hearth.example", "A", "192.0.2.77"])
        .ok();
    let token = "k7q4m2xr.dns.hearth.example.";
    assert_says(
        &daemon.client(),
        "dns.hearth.example.",
        rtype::A,
        "0 dns.hearth.example. 300 A 192.0.2.77",
    );
    assert_says(
        &daemon.client(),
        token,
        rtype::A,
        &format!("0 {token} 300 A 192.0.2.77"),
    );
    assert_eq!(daemon.ask("dns.hearth.example.", rtype::AAAA).answers.len(), 0);
    // And goes, and ours is back.
    house.dnsctl(&["undo", "hearth.example"]).ok();
    assert_says(
        &daemon.client(),
        token,
        rtype::A,
        &format!("0 {token} 60 A 127.0.0.1"),
    );
}

#[test]
fn the_switches_that_keep_devices_here() {
    for (config, expected) in [
        ("", [rcode::NXDOMAIN, rcode::SERVFAIL]),
        (
            "discovery: {firefox_canary: false, block_private_relay: true}\n",
            [rcode::SERVFAIL, rcode::NXDOMAIN],
        ),
    ] {
        let (house, _) = house(config);
        let daemon = house.start();
        for qtype in [rtype::A, rtype::AAAA] {
            // With no upstream that answers, what is asked there fails.
            let canary = daemon.ask("use-application-dns.net.", qtype).rcode;
            assert_eq!(
                [canary, daemon.ask("mask.icloud.com.", qtype).rcode],
                expected,
                "{config}"
            );
            assert_eq!(daemon.ask("mask-h2.icloud.com.", qtype).rcode, expected[1]);
        }
    }
}

/// What clients are told of listeners, by the address and by the name.
fn told(daemon: &Daemon) -> Vec<String> {
    let [by_address, by_name] = ["_dns.resolver.arpa.", "_dns.dns.hearth.example."].map(|name| {
        let reply = daemon.ask(name, SVCB);
        assert_eq!(reply.rcode, rcode::NOERROR);
        let rdata = reply.answers.iter().map(|record| {
            let text = record.to_string();
            text.split_once(" SVCB ")
                .or_else(|| text.split_once(" TYPE64 "))
                .unwrap()
                .1
                .to_owned()
        });
        rdata.collect::<Vec<_>>()
    });
    assert_eq!(by_address, by_name);
    by_address
}

#[test]
fn rfc9462_s4_2_listeners_are_told_only_where_the_certificate_holds() {
    let (house, authority) = house("discovery: {ddr: force}\n");
    let daemon = house.start();
    assert_eq!(told(&daemon), [""; 0]);
    daemon.process.wait_for_line("why nothing is told", |line| {
        line.ends_with("encrypted listeners are not announced (DDR): the certificate does not bear the address 127.0.0.1")
    });
    // With the next certificate they are, and with the one after it no longer.
    authority.issue(&house, &[NAME, "127.0.0.1", "fd00::10"], 2099);
    house.dnsctl(&["reload"]).ok();
    let ports = ["tls", "https"].map(|transport| daemon.encrypted(transport).port());
    let expected = [
        svcb(
            1,
            &[
                (1, b"\x03dot"),
                (3, &ports[0].to_be_bytes()),
                (4, &[127, 0, 0, 1]),
            ],
        ),
        svcb(
            2,
            &[
                (1, b"\x02h2"),
                (3, &ports[1].to_be_bytes()),
                (4, &[127, 0, 0, 1]),
                (7, b"/dns-query{?dns}"),
            ],
        ),
    ];
    assert_eq!(told(&daemon), expected);
    authority.issue(&house, &["dns.other.example", "127.0.0.1", "fd00::10"], 2099);
    house.dnsctl(&["reload"]).ok();
    assert_eq!(told(&daemon), [""; 0]);
}

#[test]
fn rfc9462_s4_2_an_authority_that_clients_do_not_know_is_none() {
    for (config, why) in [
        (
            "",
            Some(
                "no public authority has signed the certificate; where all devices trust yours, write `discovery: {ddr: force}`",
            ),
        ),
        ("discovery: {ddr: off}\n", None),
    ] {
        let (house, authority) = house(config);
        authority.issue(&house, &[NAME, "127.0.0.1", "fd00::10"], 2099);
        let daemon = house.start();
        assert_eq!(told(&daemon), [""; 0]);
        let log = daemon.process.log();
        let said = log
            .iter()
            .find_map(|line| line.split_once("not announced (DDR): "));
        assert_eq!(said.map(|(_, said)| said), why);
    }
}

/// RDATA of a SVCB record with our name, as the tests' decoder prints it.
fn svcb(priority: u16, parameters: &[(u16, &[u8])]) -> String {
    let mut rdata = priority.to_be_bytes().to_vec();
    for label in NAME.split('.') {
        rdata.push(label.len() as u8);
        rdata.extend_from_slice(label.as_bytes());
    }
    rdata.push(0);
    for (key, value) in parameters {
        rdata.extend_from_slice(&key.to_be_bytes());
        rdata.extend_from_slice(&(value.len() as u16).to_be_bytes());
        rdata.extend_from_slice(value);
    }
    let hex: String = rdata.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\# {hex}")
}

/// What `dnsctl status` says of the server as devices see it.
fn for_devices(house: &House) -> String {
    let out = house.dnsctl(&["status"]).ok().stdout;
    let (_, behind) = out
        .split_once("\nfor devices:\n")
        .unwrap_or_else(|| panic!("{out}"));
    let (rows, _) = behind.split_once("\n\n").unwrap();
    rows.to_owned()
}

#[test]
fn status_says_what_devices_are_told_and_why_not_more() {
    let (house, authority) = house("discovery: {ddr: force}\n");
    let daemon = house.start();
    let rows = "  name         dns.hearth.example.\n  addresses    127.0.0.1, fd00::10\n";
    let certificate = "  certificate  of authority of a test, until 2099-01-01";
    assert_eq!(
        for_devices(&house),
        format!(
            "{rows}  announced    nothing: the certificate does not bear the address 127.0.0.1\n{certificate}"
        )
    );
    let json = || {
        let out = house.dnsctl(&["status", "--json"]).ok().stdout;
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        (
            value["ok"]["server"].clone(),
            value["ok"]["certificate"]["until"].clone(),
        )
    };
    assert_eq!(
        json(),
        (
            serde_json::json!({
                "name": "dns.hearth.example.", "addresses": ["127.0.0.1", "fd00::10"], "announced": [],
                "silent": "the certificate does not bear the address 127.0.0.1"
            }),
            "2099-01-01".into()
        )
    );
    authority.issue(&house, &[NAME, "127.0.0.1", "fd00::10"], 2098);
    house.dnsctl(&["reload"]).ok();
    let [tls, https] = ["tls", "https"].map(|transport| daemon.encrypted(transport).port());
    assert_eq!(
        for_devices(&house),
        format!(
            "{rows}  announced    dot {tls}, h2 {https}\n{}",
            certificate.replace("2099", "2098")
        )
    );
    assert_eq!(
        json().0["announced"],
        serde_json::json!([format!("dot {tls}"), format!("h2 {https}")])
    );
    let (house, _) = self::house("discovery: {ddr: off}\n");
    let _daemon = house.start();
    assert_eq!(
        for_devices(&house),
        format!("{rows}  announced    nothing: `discovery: {{ddr: off}}` says so\n{certificate}")
    );
}
