//! The pages of invites from outside: what each URL answers, what uses an invite up and what does not, whom the live
//! check believes, and what `dnsctl invite` draws.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "onboard", feature = "h3"))]

mod support;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use support::asker::Authority;
use support::house::dnsctl;
use support::sample::HEARTH;
use support::{DEADLINE, Daemon, House, Message, rcode, rtype};

const CONFIG: &str = "\
listen: ['127.0.0.1:0', 'http://127.0.0.1:0', 'https://127.0.0.1:0', 'tls://127.0.0.1:0']
certificate: {chain: chain.pem, key: key.pem}
name: dns.hearth.example
addresses: [192.168.1.10]
";
const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 1));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

struct Site {
    house: House,
    daemon: Daemon,
    authority: Authority,
    http: SocketAddr,
}

/// What a request brought.
#[derive(Debug)]
struct Got {
    /// Status line and fields, as they came.
    head: String,
    body: String,
}

impl Got {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    #[track_caller]
    fn field(&self, name: &str) -> &str {
        let line = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }

    #[track_caller]
    fn is(&self, status: &str, words: &str) {
        assert!(
            self.status() == status && self.body.contains(words),
            "expected {status} with {words}:\n{}\n{}",
            self.head,
            self.body
        );
    }

    /// The nonce of a page.
    #[track_caller]
    fn nonce(&self) -> String {
        let (_, rest) = self.body.split_once("data-n=\"").expect("a live check");
        rest[..26].to_owned()
    }
}

impl Site {
    fn new(more: &str) -> Self {
        let house = House::new()
            .zone("hearth.example", HEARTH)
            .config(&format!("{CONFIG}{more}"))
            .listen_of_config(1);
        let authority = Authority::new();
        authority.issue(&house, &["dns.hearth.example", "*.dns.hearth.example"], 2099);
        let daemon = house.start();
        let http = daemon.encrypted("http");
        Site {
            house,
            daemon,
            authority,
            http,
        }
    }

    /// Invites a device: token and code.
    #[track_caller]
    fn invite(&self, args: &[&str]) -> (String, String) {
        let args = [&["invite", "--json"], args].concat();
        let ran = self.house.dnsctl(&args).ok();
        let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let text = |key: &str| value["ok"][key].as_str().unwrap().to_owned();
        (text("token"), text("code"))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Got {
        self.request(HOME, "GET", path, "")
    }

    #[track_caller]
    fn post(&self, path: &str) -> Got {
        self.request(HOME, "POST", path, "content-length: 0\r\n")
    }

    #[track_caller]
    fn request(&self, from: IpAddr, method: &str, path: &str, fields: &str) -> Got {
        let text =
            format!("{method} {path} HTTP/1.1\r\nhost: 192.168.1.10\r\n{fields}connection: close\r\n\r\n");
        let mut stream = connect(from, self.http);
        stream.write_all(text.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        Got {
            head: head.replace("\r\n", "\n"),
            body: body.to_owned(),
        }
    }

    fn ask_from(&self, from: IpAddr, name: &str) -> Message {
        self.daemon.client().from(&from.to_string()).ask(name, rtype::A)
    }
}

fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

#[test]
fn a_page_has_these_fields_and_no_others() {
    let site = Site::new("");
    let (_, code) = site.invite(&["anna-phone"]);
    let page = site.get(&format!("/i/{code}"));
    let hash = |name: &str| {
        let (_, rest) = page.head.split_once(&format!("{name}-src 'sha256-")).unwrap();
        rest[..44].to_owned()
    };
    let expected = format!(
        "HTTP/1.1 200 OK\n\
         content-type: text/html; charset=utf-8\n\
         content-length: {}\n\
         cache-control: no-store\n\
         x-content-type-options: nosniff\n\
         referrer-policy: no-referrer\n\
         content-security-policy: default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src data: *.check.dns.hearth.example; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\n\
         connection: close",
        page.body.len(),
        hash("style"),
        hash("script")
    );
    assert_eq!(page.head, expected);
    // The fields of a body that is not sent.
    let head = site.request(HOME, "HEAD", &format!("/i/{code}"), "");
    assert_eq!((head.head, head.body), (expected.clone(), String::new()));
    // The same beside the queries, over HTTPS.
    let text = format!("GET /i/{code} HTTP/1.1\r\nhost: dns.hearth.example\r\n\r\n");
    let asker = site.authority.asker("dns.hearth.example");
    let response = asker
        .http1(site.daemon.encrypted("https"), text.as_bytes())
        .unwrap();
    assert_eq!(response.status, 200);
    let mut fields: Vec<String> = response
        .fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .filter(|field| !field.starts_with("content-length"))
        .collect();
    let mut others: Vec<&str> = expected
        .lines()
        .skip(1)
        .filter(|line| !line.starts_with("content-length") && *line != "connection: close")
        .collect();
    fields.sort();
    others.sort_unstable();
    assert_eq!(fields, others);
}

#[test]
fn looking_uses_nothing_up_and_pressing_does_once() {
    let site = Site::new("");
    let (token, code) = site.invite(&["anna-phone"]);
    let page = format!("/i/{code}");
    for path in [
        page.clone(),
        page.to_lowercase(),
        format!("{page}/"),
        format!("{page}?l=zh"),
    ] {
        site.get(&path).is("200", "anna-phone");
    }
    site.request(HOME, "HEAD", &page, "");
    // A preview that follows what looks like a link ends at the page.
    let linux = format!("{page}/linux");
    let got = site.get(&linux);
    assert_eq!(
        (got.status(), got.field("location")),
        ("303", &*format!("{page}?p=linux"))
    );
    assert!(!site.get(&page).body.contains(&token));
    // The button, twice: a dialog was cancelled.
    let device = format!("{page}/{token}?p=linux&l=en");
    for _ in 0..2 {
        let got = site.post(&linux);
        assert_eq!((got.status(), got.field("location")), ("303", &*device));
    }
    site.get(&page).is("200", "anna-phone");
    site.get(&device).is(
        "200",
        &format!("curl -fsS &#39;http://192.168.1.10{page}/{token}/linux&#39; | sudo sh"),
    );
    // For everybody else it is used up.
    for method in ["GET", "POST"] {
        let path = if method == "GET" { &page } else { &linux };
        site.request(OTHER, method, path, "content-length: 0\r\n")
            .is("404", "No such invitation");
    }
    // The token is what opens the device's page, until it is revoked.
    site.request(OTHER, "GET", &device, "").is("200", "anna-phone");
    site.house.dnsctl(&["revoke", "anna-phone"]).ok();
    for path in [&device, &format!("{page}/{token}/linux"), &page] {
        site.get(path).is(
            "404",
            if *path == page {
                "No such invitation"
            } else {
                "No longer valid"
            },
        );
    }
}

#[test]
fn what_is_made_for_a_device_comes_with_its_type_and_is_never_kept() {
    let site = Site::new("");
    let (token, code) = site.invite(&["anna-phone"]);
    let got = site.get(&format!("/i/{code}/{token}/linux"));
    assert_eq!(
        got.head,
        format!(
            "HTTP/1.1 200 OK\n\
             content-type: {}\n\
             content-length: {}\n\
             cache-control: no-store\n\
             x-content-type-options: nosniff\n\
             referrer-policy: no-referrer\n\
             content-disposition: attachment; filename=\"{}\"\n\
             connection: close",
            got.field("content-type"),
            got.body.len(),
            "hearthdns-anna-phone.sh"
        )
    );
    assert!(got.body.starts_with("#!/bin/sh"), "{}", got.body);
    // What cannot be made says why.
    site.get(&format!("/i/{code}/{token}/android"))
        .is("404", "certificate");
    site.get(&format!("/i/{code}/aaaaaaaaaaaaaaaa/linux"))
        .is("404", "No longer valid");
}

#[test]
fn guesses_are_few() {
    let site = Site::new("");
    let (_, code) = site.invite(&["anna-phone"]);
    for guess in 0..10 {
        site.get(&format!("/i/0000-000{guess}"))
            .is("404", "No such invitation");
    }
    let got = site.get(&format!("/i/{code}"));
    got.is("429", "Too many wrong codes");
    assert!((1..=600).contains(&got.field("retry-after").parse().unwrap()));
    site.post(&format!("/i/{code}/ios"))
        .is("429", "Too many wrong codes");
    site.request(OTHER, "GET", &format!("/i/{code}"), "")
        .is("200", "anna-phone");
}

#[test]
fn hostile_paths_find_nothing() {
    let site = Site::new("");
    for path in [
        "/favicon.ico",
        "/i/../../etc/passwd",
        "/i/%2e%2e/x",
        "/i/7KQ4-M2XR/tk6n54abencwpcnl/../apple",
        "/i/7KQ4-M2XR/x/y/z",
        "/api/seen/x",
        "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB",
        "/d/tk6n54abencwpcnl/dns-query",
    ] {
        site.get(path)
            .is("404", "there is nothing here; DNS over HTTPS is at /dns-query\n");
    }
    // What no browser sends.
    assert_eq!(site.get("/i/<script>").status(), "400");
    site.get("/api/seen").is("404", "no such check\n");
    site.get("/api/seen?n=abc").is("404", "no such check\n");
    site.get("/").is("200", "Your invitation");
    site.get("/i?c=").is("200", "Your invitation");
    site.get("/i?c=abc").is("404", "No such invitation");
    let got = site.get("/i?c=7kq4+m2xr");
    assert_eq!((got.status(), got.field("location")), ("303", "/i/7KQ4-M2XR"));
    assert_eq!(site.get(&format!("/i/{}", "A".repeat(7000))).status(), "414");
    for (path, allow) in [
        ("/i/7KQ4-M2XR", "GET, HEAD"),
        ("/i/7KQ4-M2XR/ios", "GET, HEAD, POST"),
    ] {
        let got = site.request(HOME, "DELETE", path, "");
        assert_eq!((got.status(), got.field("allow")), ("405", allow));
    }
    // A Host that is none stands nowhere on the page, and a language that is none is English.
    let (_, code) = site.invite(&["tv"]);
    let fields = "accept-language: <b>;q=9,\u{e9}\r\nuser-agent: \"><script>\r\n";
    let got = site.request(HOME, "GET", &format!("/i/{code}?l=%00&p=%3C&n=%22&k=-1"), fields);
    got.is("200", "Let tv ");
    assert!(!got.body.contains("\"><script>"));
    let stats = site.house.dnsctl(&["stats"]).ok().stdout;
    let http = stats.lines().find(|line| line.starts_with("http ")).unwrap();
    assert_eq!(
        http.split_whitespace().nth(1),
        Some("0"),
        "queries over http: {stats}"
    );
}

#[test]
fn strangers_see_nothing_over_http_and_need_a_code_over_https() {
    let site = Site::new("clients: [192.0.2.0/24]\n");
    let (_, code) = site.invite(&["anna-phone"]);
    site.get(&format!("/i/{code}")).is("403", "Only at home");
    site.get("/").is("403", "Only at home");
    let asker = site.authority.asker("dns.hearth.example");
    let text = format!("GET /i/{code} HTTP/1.1\r\nhost: dns.hearth.example\r\n\r\n");
    let response = asker
        .http1(site.daemon.encrypted("https"), text.as_bytes())
        .unwrap();
    assert_eq!(response.status, 200);
}

#[test]
fn the_live_check_tells_how_the_question_came() {
    let site = Site::new("");
    let (_, code) = site.invite(&["anna-phone"]);
    let page = site.get(&format!("/i/{code}"));
    let nonce = page.nonce();
    let seen = |round: u32, end: &str| site.get(&format!("/api/seen?n={nonce}&k={round}&l=en{end}")).body;
    let name = |round: u32| format!("{round}.{nonce}.check.dns.hearth.example.");
    assert_eq!(seen(1, ""), "wait");
    assert!(seen(1, "&end").starts_with("bad\nNot yet\n"));
    // Nobody may keep the answer.
    let answer = site.ask_from(HOME, &name(1));
    assert_eq!((answer.rcode, answer.answers.len()), (rcode::NOERROR, 0));
    assert_eq!(
        answer.authorities.iter().map(|soa| soa.ttl).collect::<Vec<_>>(),
        [0]
    );
    assert_eq!(
        seen(1, ""),
        "good\nAlready working: nothing to do\nThis device asks 192.168.1.10, without encryption, as is usual at home."
    );
    // What came before is no answer to the next question.
    assert_eq!(seen(2, ""), "wait");
    site.ask_from(OTHER, &name(2));
    assert_eq!(
        seen(2, ""),
        "good\nAlready working: nothing to do\nThrough your router: 127.0.0.2 asks for this device (not encrypted)."
    );
    let query = Message::query(&name(3), rtype::AAAA).encode();
    let asker = site.authority.asker("dns.hearth.example");
    asker.tls(site.daemon.encrypted("tls"), &[query]).unwrap();
    assert_eq!(
        seen(3, "&end"),
        "good\nAlready working: nothing to do\nThis device asks 192.168.1.10, encrypted (DNS over TLS)."
    );
    // Another page knows nothing of it, and a nonce that was not given out is not remembered.
    let other = site.get(&format!("/i/{code}")).nonce();
    site.get(&format!("/api/seen?n={other}&k=0&end"))
        .is("200", "bad\n");
    let invented = "a".repeat(26);
    site.ask_from(HOME, &format!("1.{invented}.check.dns.hearth.example."));
    site.get(&format!("/api/seen?n={invented}"))
        .is("404", "no such check\n");
    // Without scripts the page that loads itself again says it.
    site.get(&format!("/i/{code}?n={nonce}"))
        .is("200", "class=\"card good\"");
    site.get(&format!("/i/{code}?n={other}"))
        .is("200", "class=\"card bad\"");
    let stats = site.house.dnsctl(&["stats"]).ok().stdout;
    assert!(stats.contains("\n  beacon  4\n"), "{stats}");
}

#[test]
fn a_page_speaks_of_the_zones_that_its_client_sees() {
    let site = Site::new("views: {cave: {clients: [127.0.0.2/32]}}\n");
    site.house
        .write("zones/cave/secret.example.zone", "@ A 192.0.2.1\n");
    site.house.dnsctl(&["reload"]).ok();
    let (_, code) = site.invite(&["anna-phone"]);
    let page = format!("/i/{code}");
    assert!(!site.get(&page).body.contains("secret.example"));
    site.request(OTHER, "GET", &page, "").is("200", "secret.example");
    // The sample is a Matrix server's zone, the other is none's.
    let body = site.request(OTHER, "GET", &page, "").body;
    assert_eq!(body.matches("account_provider=hearth.example\"").count(), 2);
    assert!(!body.contains("account_provider=secret"));
}

#[test]
fn the_language_is_the_browsers_or_the_chosen_one() {
    let site = Site::new("");
    let (_, code) = site.invite(&["anna-phone"]);
    let page = format!("/i/{code}");
    let chinese = "accept-language: zh-CN,zh;q=0.9,en;q=0.8\r\n";
    site.request(HOME, "GET", &page, chinese)
        .is("200", "<html lang=\"zh-Hans\">");
    site.request(HOME, "GET", &format!("{page}?l=en"), chinese)
        .is("200", "<html lang=\"en\">");
    site.get(&page).is("200", "href=\"/i/");
}

#[test]
fn dnsctl_draws_the_invite() {
    let site = Site::new("");
    let ran = site
        .house
        .dnsctl(&["invite", "anna-phone", "--qr", "--png", "a.png", "--svg", "a.svg"])
        .ok();
    assert_eq!(ran.stderr, "");
    assert_eq!(
        ran.stdout.lines().position(str::is_empty),
        Some(17),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("\nfewest steps first:\n"), "{}", ran.stdout);
    let bytes = std::fs::read(site.house.path("a.png")).unwrap();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(site.house.read("a.svg").starts_with("<svg "));
    for file in ["a.png", "a.svg"] {
        let mode = std::fs::metadata(site.house.path(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    // Whoever cannot write learns it before a device is made.
    let ran = site
        .house
        .dnsctl(&["invite", "tv", "--card", "none/card.html"])
        .fails(1);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        (
            "",
            "dnsctl: cannot write `none/card.html`: No such file or directory (os error 2); nothing was made\n"
        )
    );
    assert!(!site.house.dnsctl(&["devices"]).ok().stdout.contains("tv"));
    let ran = site.house.dnsctl(&["invite", "tv", "--wifi", "Hearth"]).fails(2);
    assert!(ran.stderr.contains("--card <FILE>"), "{}", ran.stderr);
}

#[test]
fn a_card_holds_the_network_of_standard_input() {
    let site = Site::new("");
    let with = |passphrase: &str| {
        let mut child = dnsctl()
            .arg("--control")
            .arg(site.house.control())
            .args(["invite", "tv", "--card", "card.html", "--wifi", "Hearth & Home"])
            .current_dir(site.house.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(passphrase.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    };
    let ran = with("short\n");
    assert_eq!(
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).as_ref()),
        (
            Some(1),
            "dnsctl: a passphrase has 8 to 63 characters, or is a key of 64 hexadecimal digits; this one has 5\n"
        )
    );
    assert!(with("correct horse\n").status.success());
    let card = site.house.read("card.html");
    assert_eq!(card.matches("<svg").count(), 2);
    assert!(card.contains("Hearth &amp; Home") && !card.contains("correct horse"));
    assert!(with("\n").status.success());
}
