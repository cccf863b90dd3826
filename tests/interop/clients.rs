//! Other people's clients ask us: dig and kdig, with the flags that people use.

use std::net::SocketAddr;
use std::process::Command;

use crate::support::{Daemon, program, run};
use crate::{Test, served};

pub(crate) const TESTS: &[Test] = &[
    ("dig_gets_what_it_asks_for", &["dig"], dig_gets_what_it_asks_for),
    (
        "dig_has_nothing_to_complain_of",
        &["dig"],
        dig_has_nothing_to_complain_of,
    ),
    (
        "kdig_gets_what_it_asks_for",
        &["kdig"],
        kdig_gets_what_it_asks_for,
    ),
];

fn dig(daemon: &Daemon, args: &[&str]) -> String {
    let server = if args.contains(&"+tcp") {
        daemon.tcp[0]
    } else {
        daemon.udp[0]
    };
    let mut command = Command::new(program("dig").unwrap());
    // -r: the user's .digrc takes no part.
    command
        .arg("-r")
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string()]);
    run(command.args(["+tries=1", "+timeout=5"]).args(args))
        .ok()
        .stdout
}

fn dig_gets_what_it_asks_for() {
    let (_house, daemon) = served();
    for (args, expected) in [
        (&["+short", "matrix.hearth.example", "A"][..], "192.0.2.10\n"),
        (
            &["+short", "+tcp", "matrix.hearth.example", "AAAA"],
            "2001:db8::10\n",
        ),
        (
            &["+short", "_matrix-fed._tcp.hearth.example", "SRV"],
            "10 5 8448 matrix.hearth.example.\n",
        ),
        (
            &["+short", "www2.hearth.example", "A"],
            "www.hearth.example.\nmatrix.hearth.example.\n192.0.2.10\n",
        ),
        (
            &["+short", "x.old.hearth.example", "A"],
            "new.hearth.example.\nx.new.hearth.example.\n192.0.2.30\n",
        ),
        (&["+short", "odd.hearth.example", "TYPE65280"], "\\# 3 ABCDEF\n"),
        (
            &["+short", "host3.wild.example", "TXT"],
            "\"this is a wildcard\"\n",
        ),
    ] {
        let got = dig(&daemon, args);
        // dig prints a DNAME's alias and the DNAME in the order of the message; only the lines matter.
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&got), sorted(expected), "dig {args:?}");
    }
    assert!(dig(&daemon, &["nowhere.hearth.example"]).contains("status: NXDOMAIN"));
    assert!(dig(&daemon, &["version.bind", "CH", "TXT"]).contains("status: REFUSED"));
    // dig sees the truncation and comes back over TCP only where both have one port; so it is told not to.
    let cut = dig(&daemon, &["+ignore", "+bufsize=512", "big.big.example", "A"]);
    assert!(cut.contains("flags: qr aa tc rd ra;"), "{cut}");
    let whole = dig(&daemon, &["+tcp", "big.big.example", "A"]);
    assert!(whole.contains("ANSWER: 120,"), "{whole}");
}

fn dig_has_nothing_to_complain_of() {
    let (_house, daemon) = served();
    for args in [
        &["matrix.hearth.example", "A"][..],
        &["matrix.hearth.example", "ANY"],
        &["+dnssec", "matrix.hearth.example", "A"],
        &[
            "+nsid",
            "+subnet=192.0.2.0/24",
            "+cookie",
            "matrix.hearth.example",
            "A",
        ],
        &["+noedns", "host.sub.hearth.example", "A"],
        &[
            "+ednsopt=65001:abcd",
            "+expire",
            "+keepalive",
            "+tcp",
            "hearth.example",
            "SOA",
        ],
        &["+ignore", "+bufsize=512", "big.big.example", "A"],
        &["x.old.hearth.example", "A"],
    ] {
        let got = dig(&daemon, args);
        assert!(got.contains("HEADER"), "dig {args:?}: {got}");
        for complaint in [
            ";; WARNING",
            ";; Warning",
            "malformed",
            "mismatch",
            "FORMERR",
            "bytes at end",
            "recursion requested but",
        ] {
            assert!(
                !got.contains(complaint),
                "dig {args:?} says `{complaint}`:\n{got}"
            );
        }
    }
}

fn kdig_gets_what_it_asks_for() {
    let (_house, daemon) = served();
    let kdig = |server: SocketAddr, args: &[&str]| {
        let mut command = Command::new(program("kdig").unwrap());
        command
            .arg(format!("@{}", server.ip()))
            .args(["-p", &server.port().to_string()]);
        run(command.args(["+retry=0", "+timeout=5"]).args(args))
            .ok()
            .stdout
    };
    let (udp, tcp) = (daemon.udp[0], daemon.tcp[0]);
    assert_eq!(
        kdig(udp, &["+short", "matrix.hearth.example", "A"]),
        "192.0.2.10\n"
    );
    assert_eq!(kdig(udp, &["+short", "-t", "HTTPS", "matrix.hearth.example"]), "");
    let two = kdig(
        tcp,
        &[
            "+short",
            "+tcp",
            "+keepopen",
            "matrix.hearth.example",
            "A",
            "mail.hearth.example",
            "A",
        ],
    );
    assert_eq!(
        two, "192.0.2.10\n192.0.2.25\n",
        "two questions over one connection"
    );
    assert!(kdig(udp, &["+edns=1", "matrix.hearth.example"]).contains("BADVERS"));
    let padded = kdig(tcp, &["+tcp", "+padding=128", "+cookie", "matrix.hearth.example"]);
    assert!(
        padded.contains("status: NOERROR") && !padded.contains("WARNING"),
        "{padded}"
    );
    let bad = kdig(udp, &["+ignore", "+bufsize=512", "big.big.example", "A"]);
    assert!(bad.contains("tc") && !bad.contains("WARNING"), "{bad}");
}
