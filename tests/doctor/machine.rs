//! What is wrong with the machine itself: a firewall, a hosts file, a resolver in between. Real ones, where there are any.
//!
//! Faults and verdicts are a golden file, `tests/golden/faults_machine.txt`, written anew by
//! `HEARTHDNS_BLESS=1 cargo test --test doctor`.

use std::fmt::Write as _;
use std::path::Path;

use crate::Test;
use crate::street::{DNS, HIDDEN, PRIVATE, Street};

pub(crate) const TESTS: &[Test] = &[
    (
        "the_doctor_names_what_is_wrong_with_the_machine",
        &["dnsmasq"],
        the_doctor_names_what_is_wrong_with_the_machine,
    ),
    (
        "whose_answers_are_followed_is_chosen",
        &["dnsmasq"],
        whose_answers_are_followed_is_chosen,
    ),
];

/// A seeded fault: what is wrong, the word that names it, and how it is made.
type Seeded = (&'static str, &'static str, fn(&mut Street));

const FAULTS: &[Seeded] = &[
    ("nothing is wrong", "works", |_| ()),
    ("dnsmasq stands between and passes everything on", "works", |s| {
        s.between("127.0.0.1", &["--server=192.0.2.53"]);
    }),
    ("a firewall drops what comes to the port", "port-filtered", |s| {
        s.drops("tcp dport 8448");
    }),
    ("only IPv6, which this machine has not", "unreachable", |s| {
        s.add("--delegate none --address 2a00::10");
    }),
    ("the hosts file has an old address", "hosts-file", |s| {
        s.here
            .files
            .write("hosts", "127.0.0.1 localhost\n203.0.113.66 hearth.example\n");
    }),
    (
        "the hosts file takes the name for this machine's",
        "hosts-file",
        |s| {
            s.here
                .files
                .write("hosts", "127.0.0.1 localhost\n127.0.1.1 hearth.example hearth\n");
        },
    ),
    (
        "Docker's resolver does not know the zone",
        "resolver-docker",
        |s| {
            s.between("127.0.0.11", &["--local=/hearth.example/"]);
        },
    ),
    (
        "Docker's resolver finds a container of the name",
        "resolver-docker",
        |s| {
            s.between("127.0.0.11", &["--address=/hearth.example/172.18.0.5"]);
        },
    ),
    ("Docker's resolver has nobody to ask", "resolver-docker", |s| {
        s.between("127.0.0.11", &[]);
    }),
    ("dnsmasq protects against rebinding", "resolver-strips", |s| {
        s.add(&format!("--delegate srv --port 8448 --address {PRIVATE}"));
        s.between("127.0.0.1", &["--stop-dns-rebind", "--server=192.0.2.53"]);
    }),
    (
        "dnsmasq protects, with an exemption for the zone",
        "address-private",
        |s| {
            s.add(&format!("--delegate srv --port 8448 --address {PRIVATE}"));
            s.between(
                "127.0.0.1",
                &[
                    "--stop-dns-rebind",
                    "--rebind-domain-ok=hearth.example",
                    "--server=192.0.2.53",
                ],
            );
        },
    ),
    (
        "the provider's resolver has a public record",
        "resolver-other",
        |s| {
            s.between("127.0.0.1", &["--address=/hearth.example/198.51.100.7"]);
        },
    ),
    (
        "the provider's resolver has never heard of it",
        "resolver-nxdomain",
        |s| {
            s.between("127.0.0.1", &["--local=/hearth.example/"]);
        },
    ),
    ("the resolver refuses", "resolver-refused", |s| {
        s.between("127.0.0.1", &[]);
    }),
    (
        "a firewall drops what comes to the resolver",
        "resolver-silent",
        |s| {
            s.drops(&format!("ip daddr {HIDDEN}"));
            s.asks(&[HIDDEN]);
        },
    ),
    (
        "nobody listens at the resolver's address",
        "resolver-silent",
        |s| {
            s.asks(&["127.0.0.53"]);
        },
    ),
    ("the resolver takes A records out", "resolver-no-a", |s| {
        s.add("--delegate srv --port 8448 --address 192.88.98.10,2a00::10");
        s.between("127.0.0.1", &["--filter-A", "--server=192.0.2.53"]);
    }),
    ("the second nameserver is a public one", "resolver-second", |s| {
        s.between("127.0.0.1", &["--local=/hearth.example/"]);
        s.asks(&[DNS, "127.0.0.1"]);
    }),
    (
        "the answer needs TCP, which a firewall drops",
        "answer-cut",
        |s| {
            let many: Vec<String> = (1..120).map(|last| format!("192.88.98.{last}")).collect();
            s.add(&format!(
                "--delegate srv --port 8448 --address {}",
                many.join(",")
            ));
            s.drops("tcp dport 53");
        },
    ),
];

fn the_doctor_names_what_is_wrong_with_the_machine(street: &mut Street) {
    let mut golden = String::new();
    let mut wrong = String::new();
    for (what, word, seed) in FAULTS {
        street.settle();
        seed(street);
        let said = street.doctor("--only server");
        if said.fault != *word {
            writeln!(wrong, "{what}: expected {word}, and it said {said:#?}").unwrap();
        }
        writeln!(
            golden,
            "{what:52} {word:24} exit {:2}\n    {}",
            said.exit, said.sentence
        )
        .unwrap();
    }
    assert_eq!(wrong, "");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/faults_machine.txt");
    if std::env::var_os("HEARTHDNS_BLESS").is_some() {
        std::fs::write(&path, &golden).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden, kept, "see {}", path.display());
}

/// The machine asks a resolver that knows nothing of the zone. Whoever asks us goes on, and is warned; whoever asks that one does
/// not begin.
fn whose_answers_are_followed_is_chosen(street: &mut Street) {
    street.between("127.0.0.1", &["--local=/hearth.example/"]);
    let at_dns = format!("--via {DNS}");
    for (via, fault, exit) in [
        ("", "resolver-nxdomain", 11),
        ("--via us", "resolver-nxdomain", 0),
        (at_dns.as_str(), "resolver-nxdomain", 0),
        ("--via system", "no-name", 10),
        // As that client would be answered, whatever this machine is told.
        ("--from-view 192.168.1.50", "works", 0),
    ] {
        let said = street.doctor(&format!("--only server {via}"));
        assert_eq!(
            (said.fault.as_str(), said.exit),
            (fault, exit),
            "{via}: {said:#?}"
        );
    }
}
