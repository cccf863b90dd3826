//! Devices from outside: who is answered what over each encrypted transport, by token and by listener; and what
//! `dnsctl invite`, `devices` and `revoke` say and keep.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "https-listener", feature = "h3"))]

mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use support::asker::{Authority, Response, read_framed};
use support::client::framed;
use support::sample::HEARTH;
use support::{Daemon, House, Message, Ran, Upstream, leaks, rcode, rtype};

const NAME: &str = "dns.example";
const PRIVATE: &str = "matrix.hearth.example.";
const PUBLIC: &str = "www.example.org.";
/// Well formed, and nobody's.
const STRANGE: &str = "aaaaaaaaaaaaaaaa";

/// What stands behind an invite with a page.
#[cfg(feature = "onboard")]
const ORDER: &str = "\
fewest steps first:
  the router, once for the whole house   dnsctl router
  a VPN that all devices have            dnsctl router tailscale
  iPhone, iPad, Mac, Windows, Linux      scan or open, press the button
  Android                                the router, or a public certificate
";
#[cfg(not(feature = "onboard"))]
const ORDER: &str = "";

/// A listener of each kind for everybody, and one for devices only.
const LISTEN: &str = "\
listen:
  - 127.0.0.1:0
  - tls://127.0.0.1:0
  - {url: 'tls://127.0.0.1:0', private_only: true}
  - https://127.0.0.1:0
  - {url: 'https://127.0.0.1:0', private_only: true}
  - quic://127.0.0.1:0
  - {url: 'quic://127.0.0.1:0', private_only: true}
  - h3://127.0.0.1:0
  - {url: 'h3://127.0.0.1:0', private_only: true}
certificate: {chain: chain.pem, key: key.pem}
name: dns.example
";

/// This host is at home: it may ask without a token.
const HOME: &str = "clients: [127.0.0.0/8]\n";
/// This host is abroad: without a token it may not.
const AWAY: &str = "clients: [192.0.2.0/24]\n";

fn house(config: &str) -> (House, Authority, Upstream) {
    let upstream = Upstream::answering("198.51.100.7");
    let over = "; hearthdns: mode=overlay\n$TTL 300\nheld A 192.0.2.44\n";
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .zone("over.example", over)
        .upstream(upstream.addr)
        .config(&format!("{LISTEN}{config}"))
        .listen_of_config(1);
    let authority = Authority::new();
    authority.issue(&house, &[NAME, "*.dns.example"], 2099);
    (house, authority, upstream)
}

/// Invites a device; its token and the code.
#[track_caller]
fn invite(house: &House, name: &str) -> (String, String) {
    let ran = house.dnsctl(&["invite", name, "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let text = |key: &str| value["ok"][key].as_str().unwrap().to_owned();
    (text("token"), text("code"))
}

/// What a device shows.
#[derive(Clone, Copy, Debug)]
enum Shown<'a> {
    Nothing,
    Token(&'a str),
}

/// Ways to ask.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Tls,
    Http1,
    Http2,
    Quic,
    Http3,
}

impl Way {
    const ALL: [Way; 5] = [Way::Tls, Way::Http1, Way::Http2, Way::Quic, Way::Http3];

    fn transport(self) -> &'static str {
        match self {
            Way::Tls => "tls",
            Way::Http1 | Way::Http2 => "https",
            Way::Quic => "quic",
            Way::Http3 => "h3",
        }
    }

    fn listener(self, daemon: &Daemon, private_only: bool) -> SocketAddr {
        match private_only {
            false => daemon.encrypted(self.transport()),
            true => daemon.private_only(self.transport())[0],
        }
    }

    /// Asks, and gives what a client sees: the message, and for HTTP what stands around it.
    #[track_caller]
    fn ask(
        self,
        authority: &Authority,
        addr: SocketAddr,
        shown: Shown<'_>,
        query: &[u8],
    ) -> (Vec<u8>, Vec<(String, String)>) {
        let (host, path) = match shown {
            Shown::Nothing => (NAME.to_owned(), "/dns-query".to_owned()),
            Shown::Token(token) => (format!("{token}.{NAME}"), format!("/d/{token}/dns-query")),
        };
        let post = || {
            http::Request::post(format!("https://{NAME}{path}"))
                .header("content-type", "application/dns-message")
                .body(query.to_vec())
                .unwrap()
        };
        let answered = |response: Response| {
            assert_eq!(response.status, 200, "{response:?}");
            (response.body, response.fields)
        };
        let by_sni = authority.asker(&host);
        let by_path = authority.asker(NAME);
        match self {
            Way::Tls => (by_sni.tls(addr, &[query.to_vec()]).unwrap().remove(0), Vec::new()),
            Way::Quic => (by_sni.doq(addr, &[query.to_vec()]).unwrap().remove(0), Vec::new()),
            Way::Http1 => answered(by_path.http1(addr, &post_text(&path, query)).unwrap()),
            Way::Http2 => answered(by_path.http2(addr, post()).unwrap()),
            Way::Http3 => answered(by_path.http3(addr, post()).unwrap()),
        }
    }
}

/// A POST as HTTP/1.1 writes it.
fn post_text(path: &str, query: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {NAME}\r\ncontent-type: application/dns-message\r\ncontent-length: {}\r\n\r\n",
        query.len()
    );
    [head.as_bytes(), query].concat()
}

fn query(name: &str) -> Vec<u8> {
    let mut query = Message::query(name, rtype::A).with_edns(1232);
    query.id = 0;
    query.encode()
}

/// The response codes for a private and a public name.
#[track_caller]
fn codes(way: Way, authority: &Authority, addr: SocketAddr, shown: Shown<'_>) -> (u16, u16) {
    let code = |name: &str| {
        let (reply, _) = way.ask(authority, addr, shown, &query(name));
        Message::decode(&reply).unwrap().rcode
    };
    (code(PRIVATE), code(PUBLIC))
}

// ---- who is answered what

#[test]
fn a_token_admits_its_bearer_over_every_transport_and_no_other_token_does() {
    for config in [HOME, AWAY] {
        let (house, authority, upstream) = house(config);
        let daemon = house.start();
        let (known, _) = invite(&house, "anna-phone");
        let (revoked, _) = invite(&house, "old-phone");
        house.dnsctl(&["revoke", "old-phone"]).ok();
        let both = |code| (code, code);
        let (yes, no) = (rcode::NOERROR, rcode::REFUSED);
        for way in Way::ALL {
            let ask =
                |private_only, shown| codes(way, &authority, way.listener(&daemon, private_only), shown);
            let refused = [STRANGE, revoked.as_str()];
            // For everybody.
            let nobody = if config == HOME { yes } else { no };
            assert_eq!(ask(false, Shown::Nothing), both(nobody), "{way:?} {config}");
            assert_eq!(ask(false, Shown::Token(&known)), both(yes), "{way:?} {config}");
            for token in refused {
                assert_eq!(ask(false, Shown::Token(token)), both(no), "{way:?} {config}");
            }
            // For devices: a name of ours is answered, and nothing else, to nobody else.
            let asked = upstream.seen().len();
            assert_eq!(ask(true, Shown::Nothing), both(no), "{way:?} {config}");
            assert_eq!(ask(true, Shown::Token(&known)), (yes, no), "{way:?} {config}");
            for token in refused {
                assert_eq!(ask(true, Shown::Token(token)), both(no), "{way:?} {config}");
            }
            assert_eq!(upstream.seen().len(), asked, "{way:?} {config}");
        }
    }
}

#[test]
fn a_revoked_token_looks_to_its_bearer_like_one_that_never_was() {
    let (house, authority, _upstream) = house(HOME);
    let daemon = house.start();
    let (revoked, _) = invite(&house, "old-phone");
    house.dnsctl(&["revoke", "old-phone"]).ok();
    for way in Way::ALL {
        for private_only in [false, true] {
            let addr = way.listener(&daemon, private_only);
            let seen = |token| way.ask(&authority, addr, Shown::Token(token), &query(PRIVATE));
            assert_eq!(seen(&revoked), seen(STRANGE), "{way:?}");
        }
    }
    // In a path, what cannot be a token is like one that never was.
    let way = Way::Http1;
    let addr = way.listener(&daemon, false);
    let strange = way.ask(&authority, addr, Shown::Token(STRANGE), &query(PRIVATE));
    for malformed in ["", "short", "a%61aaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaa"] {
        let seen = way.ask(&authority, addr, Shown::Token(malformed), &query(PRIVATE));
        assert_eq!(seen, strange, "{malformed}");
    }
    // What is no query, and what is no path, is told so whatever the token.
    let asker = authority.asker(NAME);
    for token in [revoked.as_str(), STRANGE] {
        let get = |path: &str| {
            let text = format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
            asker.http1(addr, text.as_bytes()).unwrap().status
        };
        assert_eq!(get(&format!("/d/{token}/dns-query?dns=AAAA")), 400);
        assert_eq!(get(&format!("/d/{token}")), 404);
        assert_eq!(get(&format!("/d/{token}/dns-query/")), 404);
    }
}

#[test]
fn a_private_only_listener_refuses_what_an_overlay_does_not_hold_and_what_is_cached() {
    let (house, authority, upstream) = house(HOME);
    let daemon = house.start();
    let (known, _) = invite(&house, "anna-phone");
    // In the cache, for those whom it is for.
    for name in [PUBLIC, "other.over.example."] {
        assert_eq!(daemon.ask(name, rtype::A).rcode, rcode::NOERROR);
    }
    let asked = upstream.seen().len();
    assert!(asked >= 2);
    for way in Way::ALL {
        let addr = way.listener(&daemon, true);
        for (name, expected) in [
            ("held.over.example.", rcode::NOERROR),
            ("other.over.example.", rcode::REFUSED),
            ("nobody.over.example.", rcode::REFUSED),
            (PUBLIC, rcode::REFUSED),
            ("nowhere.hearth.example.", rcode::NXDOMAIN),
        ] {
            let (reply, _) = way.ask(&authority, addr, Shown::Token(&known), &query(name));
            let reply = Message::decode(&reply).unwrap();
            assert_eq!(reply.rcode, expected, "{way:?} {name}");
            assert_eq!(reply.answers.len(), usize::from(expected == rcode::NOERROR));
        }
    }
    assert_eq!(upstream.seen().len(), asked);
}

#[test]
fn a_private_only_listener_is_not_announced_to_the_house() {
    let (house, authority, _upstream) = house(&format!(
        "{HOME}addresses: [127.0.0.1]\ndiscovery: {{ddr: force}}\n"
    ));
    authority.issue(&house, &[NAME, "127.0.0.1"], 2099);
    let daemon = house.start();
    let reply = daemon.ask("_dns.resolver.arpa.", 64);
    let told = reply.answer_lines().join(" ");
    for way in [Way::Tls, Way::Http1, Way::Quic, Way::Http3] {
        // The parameter `port` of SVCB (RFC 9460, 7.2).
        let announced = |addr: SocketAddr| told.contains(&format!("00030002{:04x}", addr.port()));
        assert!(announced(way.listener(&daemon, false)), "{way:?} {told}");
        assert!(!announced(way.listener(&daemon, true)), "{way:?} {told}");
    }
}

#[test]
fn nothing_private_leaks_through_devices_and_their_listeners() {
    let (house, authority, upstream) = house(HOME);
    let daemon = house.start();
    let (known, _) = invite(&house, "anna-phone");
    for (name, asked) in leaks::names("hearth.example.") {
        for private_only in [false, true] {
            let mut message = Message::query(&name, asked).with_edns(1232);
            message.id = 0;
            for (way, shown) in [
                (Way::Tls, Shown::Token(known.as_str())),
                (Way::Http1, Shown::Token(known.as_str())),
                (Way::Tls, Shown::Token(STRANGE)),
                (Way::Http1, Shown::Nothing),
            ] {
                let addr = way.listener(&daemon, private_only);
                way.ask(&authority, addr, shown, &message.encode());
            }
        }
    }
    assert_eq!(daemon.ask(PUBLIC, rtype::A).rcode, rcode::NOERROR);
    assert!(upstream.count(PUBLIC) > 0, "the watch does not see what arrives");
    leaks::assert_unseen(&upstream, "hearth.example.");
}

// ---- revoking

#[test]
fn a_token_that_is_revoked_ends_with_the_next_query_on_open_connections() {
    let (house, authority, _upstream) = house(AWAY);
    let daemon = house.start();
    let code = |reply: &[u8]| Message::decode(reply).unwrap().rcode;
    let revoke = |name: &str| {
        house.dnsctl(&["revoke", name]).ok();
    };

    let (token, _) = invite(&house, "over-tls");
    let asker = authority.asker(&format!("{token}.{NAME}"));
    let mut stream = asker.connect(daemon.encrypted("tls"), "dot").unwrap();
    let mut ask = || {
        stream.write_all(&framed(&query(PRIVATE))).unwrap();
        code(&read_framed(&mut stream).unwrap())
    };
    assert_eq!(ask(), rcode::NOERROR);
    revoke("over-tls");
    assert_eq!(ask(), rcode::REFUSED);

    let (token, _) = invite(&house, "over-https");
    let asker = authority.asker(NAME);
    let mut stream = asker.connect(daemon.encrypted("https"), "http/1.1").unwrap();
    let mut ask = || {
        let post = post_text(&format!("/d/{token}/dns-query"), &query(PRIVATE));
        stream.write_all(&post).unwrap();
        code(&Response::read(&mut stream).unwrap().body)
    };
    assert_eq!(ask(), rcode::NOERROR);
    revoke("over-https");
    assert_eq!(ask(), rcode::REFUSED);

    let (token, _) = invite(&house, "over-quic");
    let asker = authority.asker(&format!("{token}.{NAME}"));
    let codes = asker.quic(daemon.encrypted("quic"), "doq", |connection| async move {
        let mut codes = Vec::new();
        for _ in 0..2 {
            let (mut send, mut receive) = connection.open_bi().await.unwrap();
            send.write_all(&framed(&query(PRIVATE))).await.unwrap();
            send.finish().unwrap();
            let frame = receive.read_to_end(70_000).await.unwrap();
            codes.push(code(&frame[2..]));
            if codes.len() == 1 {
                revoke("over-quic");
            }
        }
        Ok(codes)
    });
    assert_eq!(codes.unwrap(), [rcode::NOERROR, rcode::REFUSED]);
}

// ---- what is kept

#[test]
fn what_dnsctl_acknowledged_outlives_a_sigkill() {
    let (house, authority, _upstream) = house(AWAY);
    let mut daemon = house.start();
    for round in 0..3 {
        let (kept, _) = invite(&house, &format!("kept-{round}"));
        let (gone, _) = invite(&house, &format!("gone-{round}"));
        house.dnsctl(&["revoke", &format!("gone-{round}")]).ok();
        daemon.process.kill();
        daemon = house.start();
        let ask = |token: &str| codes(Way::Tls, &authority, daemon.encrypted("tls"), Shown::Token(token));
        assert_eq!(ask(&kept), (rcode::NOERROR, rcode::NOERROR));
        assert_eq!(ask(&gone), (rcode::REFUSED, rcode::REFUSED));
        // The invite is open still.
        let listed = listed(&house);
        let of = |name: &str| listed.iter().find(|device| device["name"] == name).unwrap();
        assert_eq!(of(&format!("kept-{round}"))["invites"], 1);
        assert_eq!(of(&format!("gone-{round}"))["state"], "revoked");
    }
    let file = house.path("state/devices");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

/// What `dnsctl devices --json` lists.
#[track_caller]
fn listed(house: &House) -> Vec<serde_json::Value> {
    let ran = house.dnsctl(&["devices", "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    value["ok"]["devices"].as_array().unwrap().clone()
}

#[test]
fn when_a_device_was_seen_is_kept_by_an_orderly_stop() {
    let (house, authority, _upstream) = house(HOME);
    let mut daemon = house.start();
    let (token, _) = invite(&house, "anna-phone");
    assert_eq!(listed(&house)[0]["state"], "invited");
    let before = house.read("state/devices");
    for way in Way::ALL {
        let addr = way.listener(&daemon, true);
        codes(way, &authority, addr, Shown::Token(&token));
        let device = listed(&house).remove(0);
        assert_eq!(device["state"], "active");
        assert_eq!(device["transport"], way.transport());
    }
    assert_eq!(house.read("state/devices"), before, "flash wears");
    let seen = listed(&house)[0]["seen"].clone();
    assert!(seen.is_string());
    assert!(daemon.process.terminate().success());
    daemon = house.start();
    let device = listed(&house).remove(0);
    assert_eq!((&device["seen"], &device["transport"]), (&seen, &"h3".into()));
    drop(daemon);
}

#[test]
fn when_a_device_was_seen_stays_in_memory_where_flash_is_dear() {
    let (house, authority, _upstream) = house(&format!("{HOME}devices: {{keep_seen: false}}\n"));
    let mut daemon = house.start();
    let (token, _) = invite(&house, "anna-phone");
    let before = house.read("state/devices");
    let addr = Way::ALL[0].listener(&daemon, true);
    codes(Way::ALL[0], &authority, addr, Shown::Token(&token));
    assert_eq!(listed(&house)[0]["state"], "active");
    assert!(daemon.process.terminate().success());
    assert_eq!(house.read("state/devices"), before);
}

#[test]
fn a_damaged_file_is_told_refuses_tokens_and_stays_as_it_is() {
    let (house, authority, _upstream) = house(HOME);
    let mut daemon = house.start();
    let (token, _) = invite(&house, "anna-phone");
    daemon.process.kill();
    let good = house.read("state/devices");
    let bad = good.replace("anna-phone", "Anna-phone");
    house.write("state/devices", &bad);
    let checked = house.neutral(&support::run(house.command().arg("--check")).fails(2).stderr);
    let defect = "HOUSE/state/devices:2:8: this is no name for a device";
    assert_eq!(checked, format!("{defect}\n1 defect found\n"));
    let daemon = house.start();
    let log = daemon.process.log();
    let told = log.iter().find_map(|line| line.split_once("ERROR ")).unwrap().1;
    assert_eq!(
        house.neutral(told),
        format!(
            "{defect}; devices with a token are refused until it is mended, plain DNS and devices without one are not"
        )
    );
    assert_eq!(daemon.ask(PRIVATE, rtype::A).rcode, rcode::NOERROR);
    let ask = |shown| codes(Way::Tls, &authority, daemon.encrypted("tls"), shown).0;
    assert_eq!(ask(Shown::Nothing), rcode::NOERROR);
    assert_eq!(ask(Shown::Token(&token)), rcode::REFUSED);
    for words in [
        &["invite", "tv"][..],
        &["revoke", "anna-phone"],
        &["devices"],
        &["explain", PRIVATE, "--device", "anna-phone"],
    ] {
        let ran = house.dnsctl(words).fails(1);
        assert_eq!(
            (ran.stdout.as_str(), house.neutral(&ran.stderr)),
            (
                "",
                format!(
                    "dnsctl: the file of devices `HOUSE/state/devices` is damaged, and no token is taken; mend it, or \
                     move it away and invite every device anew, then `dnsctl reload`\n  {defect}\n"
                )
            )
        );
    }
    let status = house.dnsctl(&["status"]).ok();
    assert!(
        house.neutral(&status.stdout).contains(defect),
        "{}",
        status.stdout
    );
    let reload = house.neutral(&house.dnsctl(&["reload"]).fails(1).stderr);
    assert!(reload.contains(defect), "{reload}");
    assert_eq!(house.read("state/devices"), bad);
    house.write("state/devices", &good);
    house.dnsctl(&["reload"]).ok();
    assert_eq!(ask(Shown::Token(&token)), rcode::NOERROR);
}

// ---- what is said

/// Output without what differs from run to run: times, tokens, codes and ports.
fn neutral(house: &House, ran: &Ran, secrets: &[(&str, &str)]) -> (String, String) {
    let clean = |text: &str| {
        let mut text = house.neutral(text);
        for (secret, word) in secrets {
            text = text.replace(secret, word);
        }
        let words = text.split_inclusive([' ', '\n', ',', '/']).map(|word| {
            let core = word.trim_end_matches([' ', '\n', ',', '/']);
            let end = &word[core.len()..];
            if core.len() == 20 && core.ends_with('Z') && core.as_bytes()[10] == b'T' {
                return format!("TIME{end}");
            }
            match core.rsplit_once(':') {
                Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                    format!("{host}:PORT{end}")
                }
                _ => word.to_owned(),
            }
        });
        words.collect::<String>()
    };
    (clean(&ran.stdout), clean(&ran.stderr))
}

#[test]
fn dnsctl_invites_lists_and_revokes() {
    let (house, authority, _upstream) = house(HOME);
    let daemon = house.start();
    let said = |words: &[&str], code: i32, secrets: &[(&str, &str)]| {
        let ran = house.dnsctl(words);
        let ran = if code == 0 { ran.ok() } else { ran.fails(code) };
        neutral(&house, &ran, secrets)
    };
    let nothing = String::new();
    assert_eq!(
        said(&["devices"], 0, &[]),
        (
            nothing.clone(),
            "there is no device yet; invite one with `dnsctl invite NAME`\n".to_owned()
        )
    );
    let (token, _) = invite(&house, "anna-phone");
    let ran = house
        .dnsctl(&["invite", "anna-phone", "--uses", "3", "--ttl", "2h"])
        .ok();
    let code = ran.stdout.split("code  ").nth(1).unwrap()[..9].to_owned();
    assert_eq!(
        neutral(&house, &ran, &[(&token, "TOKEN"), (&code, "CODE")]),
        (
            "invited the device anna-phone, for our zones\n  \
             open  https://dns.example:PORT/i/CODE\n  \
             code  CODE, good until TIME for 3 uses\n\
             by hand, instead of the code:\n  \
             tls://TOKEN.dns.example:PORT\n  \
             tls://TOKEN.dns.example:PORT\n  \
             https://dns.example:PORT/d/TOKEN/dns-query\n  \
             https://dns.example:PORT/d/TOKEN/dns-query\n  \
             quic://TOKEN.dns.example:PORT\n  \
             quic://TOKEN.dns.example:PORT\n  \
             https://dns.example:PORT/d/TOKEN/dns-query\n  \
             https://dns.example:PORT/d/TOKEN/dns-query\n"
                .to_owned()
                + ORDER,
            nothing.clone()
        )
    );
    invite(&house, "tv");
    house.dnsctl(&["invite", "anna-laptop", "--all"]).ok();
    codes(
        Way::Http2,
        &authority,
        daemon.encrypted("https"),
        Shown::Token(&token),
    );
    assert_eq!(
        said(&["revoke", "tv"], 0, &[]),
        (
            "revoked the device tv: its token is refused from now on\n".to_owned(),
            nothing.clone()
        )
    );
    let (table, err) = said(&["devices"], 0, &[]);
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    assert_eq!(
        rows,
        [
            vec!["NAME", "NAMES", "CREATED", "SEEN", "OVER", "STATE"],
            vec![
                "anna-laptop",
                "all names",
                "TIME",
                "-",
                "-",
                "invited, 1 invite open"
            ],
            vec![
                "anna-phone",
                "our zones",
                "TIME",
                "TIME",
                "https",
                "active, 2 invites open"
            ],
            vec!["tv", "our zones", "TIME", "-", "-", "revoked since TIME"],
        ]
    );
    assert_eq!(err, nothing);
    for (words, expected) in [
        (
            &["revoke", "tv"][..],
            "dnsctl: the device `tv` is revoked already; `dnsctl invite tv` makes it anew with another token\n",
        ),
        (
            &["revoke", "anna-fone"],
            "dnsctl: there is no device `anna-fone`; did you mean `anna-phone`?\n",
        ),
        (
            &["invite", "Anna's phone"],
            "dnsctl: `Anna\\'s phone` is no name for a device; write 1 to 32 of `a-z`, `0-9`, `-` and `_`, such as \
             anna-phone\n",
        ),
        (
            &["invite", "x", "--ttl", "5s"],
            "dnsctl: an invite is good for 60 to 2592000 seconds, which is a minute to 30 days; found 5\n",
        ),
        (
            &["invite", "x", "--uses", "0"],
            "dnsctl: an invite has 1 to 100 uses; found 0\n",
        ),
    ] {
        assert_eq!(said(words, 1, &[]), (nothing.clone(), expected.to_owned()));
    }
    let without = support::run(
        support::house::dnsctl()
            .arg("--control")
            .arg(house.path("nowhere.sock"))
            .args(["devices"]),
    );
    without.fails(3);
    let explained = |device: &str| {
        let words = ["explain", PUBLIC, "--client", "203.0.113.9", "--device", device];
        let ran = house.dnsctl(&words).ok();
        ran.stdout.lines().next().unwrap().to_owned()
    };
    assert_eq!(explained("anna-phone"), "admit  203.0.113.9 may ask");
    assert_eq!(
        explained("tv"),
        "admit  refused: 203.0.113.9 bears a token that is not known"
    );
    let status = house.dnsctl(&["status"]).ok();
    assert_eq!(
        status.stdout.matches(", private-only\n").count(),
        4,
        "{}",
        status.stdout
    );
}

#[test]
fn strangers_at_a_private_only_listener_take_no_place_of_the_house() {
    let (house, authority, _upstream) =
        house(&format!("{HOME}encrypted: {{connections: 2, per_client: 2}}\n"));
    let daemon = house.start();
    let asker = authority.asker(NAME);
    for (way, protocol) in [(Way::Tls, "dot"), (Way::Http1, "http/1.1")] {
        let private_only = way.listener(&daemon, true);
        let held = [0; 2].map(|_| asker.connect(private_only, protocol).unwrap());
        assert!(asker.connect(private_only, protocol).is_err());
        let house_way = way.listener(&daemon, false);
        let open = codes(way, &authority, house_way, Shown::Nothing);
        assert_eq!(open, (rcode::NOERROR, rcode::NOERROR), "{way:?}");
        drop(held);
    }
    let stats = house.dnsctl(&["stats", "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&stats.stdout).unwrap();
    let tls = &value["ok"]["transports"][2];
    assert_eq!(
        (&tls["transport"], &tls["connections"]["limit"]),
        (&"tls".into(), &4.into())
    );
}

#[test]
fn tokens_that_are_refused_are_counted() {
    let (house, authority, _upstream) = house(HOME);
    let daemon = house.start();
    for way in Way::ALL {
        let addr = way.listener(&daemon, false);
        codes(way, &authority, addr, Shown::Token(STRANGE));
    }
    let ran = house.dnsctl(&["stats", "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let transports = value["ok"]["transports"].as_array().unwrap();
    for (transport, expected) in [("tls", 2), ("https", 4), ("quic", 2), ("h3", 2)] {
        let of = transports.iter().find(|of| of["transport"] == transport).unwrap();
        assert_eq!(of["events"]["token-refused"], expected, "{transport}");
    }
    assert_eq!(value["ok"]["outcomes"]["refused"], 10);
}

#[test]
fn no_token_and_no_code_comes_into_a_log() {
    let (house, authority, _upstream) = house(HOME);
    let mut daemon = house.start_talkative();
    let mut secrets = Vec::new();
    for name in ["anna-phone", "old-phone"] {
        let (token, code) = invite(&house, name);
        secrets.extend([token, code.replace('-', ""), code]);
    }
    house.dnsctl(&["revoke", "old-phone"]).ok();
    secrets.push(STRANGE.to_owned());
    let tokens = [secrets[0].clone(), secrets[3].clone(), STRANGE.to_owned()];
    for way in Way::ALL {
        for private_only in [false, true] {
            for token in &tokens {
                let addr = way.listener(&daemon, private_only);
                codes(way, &authority, addr, Shown::Token(token));
            }
        }
    }
    // What goes wrong is what gets logged: handshakes and requests that break off.
    for token in &tokens {
        let stranger = Authority::new().asker(&format!("{token}.{NAME}"));
        stranger.tls(daemon.encrypted("tls"), &[]).unwrap_err();
        stranger.doq(daemon.encrypted("quic"), &[]).unwrap_err();
        let broken = format!("GET /d/{token}/dns-query HTTP/9\r\n\r\n");
        authority
            .asker(NAME)
            .http1(daemon.encrypted("https"), broken.as_bytes())
            .ok();
    }
    let damaged = house.read("state/devices").replace(" zones ", " zonse ");
    assert!(daemon.process.terminate().success());
    house.write("state/devices", &damaged);
    let again = house.start_talkative();
    let lines = [daemon.process.log(), again.process.log()].concat();
    assert!(
        lines
            .iter()
            .any(|line| line.contains("device anna-phone invited"))
    );
    for line in &lines {
        let lower = line.to_lowercase();
        for secret in &secrets {
            assert!(!lower.contains(&secret.to_lowercase()), "{line}");
        }
    }
}
