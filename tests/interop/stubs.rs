//! Other people's stub resolvers before our encrypted listeners: what they pass on arrives, and they refuse a server
//! of another name or authority.
//!
//! systemd-resolved must not be installed for this: its package would take over the machine's /etc/resolv.conf.
//! `tests/run` unpacks it; it runs in a network of its own, with users and a configuration that only it sees.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::listeners::{count, served_encrypted};
use crate::support::{Client, DEADLINE, House, Message, Running, free_address, program, rcode, rtype, run};
use crate::{NAMESPACES, Test, lab};

pub(crate) const TESTS: &[Test] = &[
    ("stubby_asks_over_tls", &["stubby"], stubby_asks_over_tls),
    (
        "systemd_resolved_asks_over_tls",
        &["systemd-resolved", "unshare", NAMESPACES],
        || lab::inside(systemd_resolved_asks_over_tls),
    ),
    (
        "dnspython_asks_over_tls_https_h3_and_quic",
        &["dnspython"],
        dnspython_asks_over_tls_https_h3_and_quic,
    ),
];

/// Names and authorities with which a client must not get an answer.
const STRANGERS: [(&str, &str); 2] = [
    ("authority.pem", "other.example"),
    ("stranger.pem", "dns.example"),
];
const ASKED: &str = "matrix.hearth.example.";

fn stubby_asks_over_tls() {
    let (house, daemon) = served_encrypted();
    let server = daemon.encrypted("tls");
    let stubby = |authority: &str, name: &str| stubby(server, &house.path(authority), name);
    let good = stubby("authority.pem", "dns.example");
    let reply = good.reply();
    assert_eq!(
        (reply.rcode, reply.answers.len()),
        (rcode::NOERROR, 1),
        "{reply:?}"
    );
    for (authority, name) in STRANGERS {
        let reply = stubby(authority, name).reply();
        assert_eq!(reply.rcode, rcode::SERVFAIL, "{authority} {name}: {reply:?}");
        assert!(reply.answers.is_empty());
    }
}

/// stubby before this server, which must prove to be `name`.
pub(crate) fn stubby(server: SocketAddr, authority: &Path, name: &str) -> Stub {
    let addr = free_address();
    let config = format!(
        "resolution_type: GETDNS_RESOLUTION_STUB\ndns_transport_list: [GETDNS_TRANSPORT_TLS]\n\
         tls_authentication: GETDNS_AUTHENTICATION_REQUIRED\ntls_ca_file: \"{}\"\nidle_timeout: 1000\n\
         listen_addresses: [{}@{}]\nupstream_recursive_servers:\n  - address_data: {}\n    tls_port: {}\n    \
         tls_auth_name: \"{name}\"\n",
        authority.display(),
        addr.ip(),
        addr.port(),
        server.ip(),
        server.port(),
    );
    // Whether it comes up is seen at its answers: a stranger's are errors.
    Stub::start("stubby", &["-C"], addr, &config)
}

/// A stub resolver of others, with its configuration.
pub(crate) struct Stub {
    process: Running,
    addr: SocketAddr,
    _house: House,
}

impl Stub {
    fn start(name: &str, args: &[&str], addr: SocketAddr, config: &str) -> Self {
        let house = House::new();
        // The ending says which notation it is.
        house.write("stub.yml", config);
        let mut command = Command::new(program(name).unwrap());
        command.args(args).arg(house.path("stub.yml"));
        Stub {
            process: Running::start(&mut command),
            addr,
            _house: house,
        }
    }

    /// What it says of [`ASKED`], whatever that is, as soon as it says anything.
    #[track_caller]
    pub(crate) fn reply(&self) -> Message {
        let query = Message::query(ASKED, rtype::A);
        let client = Client::new(self.addr, self.addr);
        let end = Instant::now() + DEADLINE;
        loop {
            // It has no word for ready; until it listens, a query is lost.
            let bytes = client.raw(&query.encode(), Duration::from_secs(1));
            if let Some(reply) = bytes.and_then(|bytes| Message::decode(&bytes).ok()) {
                return reply;
            }
            assert!(
                Instant::now() < end,
                "no answer; its log:\n{}",
                self.process.log().join("\n")
            );
        }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.process.end();
    }
}

/// What it needs of the system, in a mount namespace of its own.
const AROUND_RESOLVED: &str = "\
mount -t tmpfs none /run
mkdir -p /run/systemd/resolved.conf.d /run/around
for file in passwd group; do
    cp /etc/$file /run/around/$file
    mount --bind /run/around/$file /etc/$file
done
grep -q ^systemd-resolve: /etc/passwd || echo 'systemd-resolve:x:61000:61000::/:/usr/sbin/nologin' >>/etc/passwd
grep -q ^systemd-resolve: /etc/group || echo 'systemd-resolve:x:61000:' >>/etc/group
cp \"$1\" /run/systemd/resolved.conf.d/test.conf
cp \"$2\" /run/around/authority.pem
chmod a+r /run/around/authority.pem
SSL_CERT_FILE=/run/around/authority.pem exec \"$3\"
";

/// systemd-resolved with a configuration and an authority of this house.
pub(crate) fn resolved(house: &House, config: &str, authority: &str) -> Stub {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--", "sh", "-ec", AROUND_RESOLVED, "resolved"])
        .arg(house.path(config))
        .arg(house.path(authority))
        .arg(program("systemd-resolved").unwrap());
    Stub {
        process: Running::start(&mut command),
        addr: "127.0.0.53:53".parse().unwrap(),
        _house: House::new(),
    }
}

fn systemd_resolved_asks_over_tls() {
    let (house, daemon) = served_encrypted();
    let server = daemon.encrypted("tls");
    let start = |authority: &str, name: &str| {
        house.write(
            "resolved.conf",
            &format!(
                "[Resolve]\nDNS={server}#{name}\nFallbackDNS=\nDNSOverTLS=yes\nDomains=~.\nDNSSEC=no\nLLMNR=no\n\
                 MulticastDNS=no\n"
            ),
        );
        resolved(&house, "resolved.conf", authority)
    };
    let reply = start("authority.pem", "dns.example").reply();
    assert_eq!(
        (reply.rcode, reply.answers.len()),
        (rcode::NOERROR, 1),
        "{reply:?}"
    );
    for (authority, name) in STRANGERS {
        // It tries for longer than anybody waits, so its refusals are counted where they arrive.
        let (refused, asked) = (
            count(&house, "tls", "handshake-failed"),
            count(&house, "tls", "queries"),
        );
        let stub = start(authority, name);
        let mut replies = 0;
        let end = Instant::now() + DEADLINE;
        while count(&house, "tls", "handshake-failed") == refused {
            let query = Message::query(ASKED, rtype::A).encode();
            let reply = Client::new(stub.addr, stub.addr).raw(&query, Duration::from_millis(200));
            replies += reply.map_or(0, |bytes| Message::decode(&bytes).unwrap().answers.len());
            assert!(Instant::now() < end, "{authority} {name}: no handshake");
        }
        assert_eq!(
            (replies, count(&house, "tls", "queries")),
            (0, asked),
            "{authority} {name}"
        );
    }
}

fn dnspython_asks_over_tls_https_h3_and_quic() {
    let (house, daemon) = served_encrypted();
    let ask = |transport: &str, authority: &str, name: &str| {
        let server = daemon.encrypted(transport.trim_end_matches("-get"));
        let mut command = Command::new(program("dnspython").unwrap());
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/ask.py"))
            .args([transport, &server.ip().to_string(), &server.port().to_string()])
            .arg(house.path(authority))
            .args([name, ASKED]);
        run(&mut command)
    };
    for transport in ["tls", "https", "https-get", "h3", "quic"] {
        assert_eq!(
            ask(transport, "authority.pem", "dns.example").ok().stdout,
            "NOERROR 192.0.2.10\n",
            "{transport}"
        );
        for (authority, name) in STRANGERS {
            let ran = ask(transport, authority, name).fails(1);
            assert_eq!(ran.stdout, "", "{transport} {authority} {name}");
        }
    }
}
