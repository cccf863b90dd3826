//! Firefox and Chromium, headless, with their DNS over HTTPS set to us and to nobody else: they load a page by a name
//! that only our zone holds, and load nothing where we cannot prove who we are.
//!
//! Each runs in a network of its own that leads nowhere, with a fresh profile, and is ended with all its children
//! through its process group. The page is served on loopback, and what was asked of it is the proof.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::listeners::count;
use crate::support::asker::Authority;
use crate::support::{CHROMIUM, House, program, run};
use crate::{NAMESPACES, Test, lab};

pub(crate) const TESTS: &[Test] = &[
    (
        "chromium_loads_a_private_page_over_https",
        &["chromium", "certutil", NAMESPACES],
        || lab::inside(|| loads_only_from_us(chromium)),
    ),
    (
        "firefox_loads_a_private_page_over_https",
        &["firefox-esr", "certutil", NAMESPACES],
        || lab::inside(|| loads_only_from_us(firefox)),
    ),
];

/// A browser on a small machine takes some seconds; one that hangs must end.
const PATIENCE: Duration = Duration::from_secs(90);
/// A name of the private zone.
pub(crate) const PAGE: &str = "page.hearth.example";

/// A page on loopback that remembers for which hosts it was asked.
struct Site {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || answer(stream, &seen));
            }
        });
        Site { addr, asked }
    }

    fn asked_for(&self, host: &str) -> bool {
        self.asked.lock().unwrap().iter().any(|asked| asked == host)
    }
}

fn answer(mut stream: std::net::TcpStream, seen: &Mutex<Vec<String>>) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(read @ 1..) if head.len() < 65_536 => head.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    seen.lock()
        .unwrap()
        .push(host.unwrap_or_default().trim().to_owned());
    let body = "<!doctype html><title>hearth</title><p>the private page</p>";
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// A browser with its children, which end with this value.
struct Browser(Child);

impl Browser {
    fn start(command: &mut Command) -> Self {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Browser(command.process_group(0).spawn().expect("start a browser"))
    }

    /// Whether it has ended by itself.
    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The group is named after its first process, which is waited for last: the name is not given away before.
        let group = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process_group(group, Signal::KILL).ok();
        self.0.wait().ok();
    }
}

/// What a browser is started with: its own folder, the address of our DNS over HTTPS, the page.
pub(crate) type Start = fn(&House, &str, &str) -> Command;

fn loads_only_from_us(start: Start) {
    // The certificate bears the address; then another name only; then the browser knows another authority.
    for (names, authority, is_good) in [
        (&["dns.example", "127.0.0.1"][..], "authority.pem", true),
        (&["dns.example"], "authority.pem", false),
        (&["dns.example", "127.0.0.1"], "stranger.pem", false),
    ] {
        let house = House::new()
            .zone("hearth.example", "page 300 A 127.0.0.1\n")
            .listen_too(&["https://127.0.0.1:0"])
            .config("certificate: {chain: chain.pem, key: key.pem}\n");
        Authority::new().issue(&house, names, 2099);
        house.write("stranger.pem", &Authority::new().pem);
        let daemon = house.start();
        std::fs::rename(house.path(authority), house.path("trusted.pem")).unwrap();
        let doh = format!("https://{}/dns-query", daemon.encrypted("https"));
        // A handshake with us was given up: then nothing further comes of it.
        let is_over = || !is_good && count(&house, "https", "handshake-failed") > 0;
        assert_eq!(
            loads(start, &house, &doh, is_over),
            is_good,
            "{names:?} {authority}"
        );
        assert_eq!(count(&house, "https", "queries") > 0, is_good);
    }
}

/// Whether a browser whose names come from there loads [`PAGE`]; `is_over` says that it will not. `house` holds the
/// browser's files, and the authority that it trusts as `trusted.pem`.
pub(crate) fn loads(start: Start, house: &House, doh: &str, is_over: impl Fn() -> bool) -> bool {
    let site = Site::start();
    let host = format!("{PAGE}:{}", site.addr.port());
    let mut browser = Browser::start(&mut start(house, doh, &format!("http://{host}/")));
    let end = Instant::now() + PATIENCE;
    while !site.asked_for(&host) {
        if is_over() {
            return site.asked_for(&host);
        }
        let is_late = browser.has_ended() || Instant::now() > end;
        // What ended it may have come in the same moment.
        assert!(
            !is_late || is_over() || site.asked_for(&host),
            "{doh}: nothing was loaded"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

/// A database of authorities in the format of NSS, with the one to trust.
fn database(house: &House, folder: &str) {
    std::fs::create_dir_all(house.path(folder)).unwrap();
    let place = format!("sql:{}", house.path(folder).display());
    let certutil = || Command::new(program("certutil").unwrap());
    run(certutil().args(["-d", &place, "-N", "--empty-password"])).ok();
    let trusted = house.path("trusted.pem");
    let add = ["-d", &place, "-A", "-n", "trusted", "-t", "C,,", "-i"];
    run(certutil().args(add).arg(trusted)).ok();
}

pub(crate) fn chromium(house: &House, doh: &str, url: &str) -> Command {
    database(house, "home/.pki/nssdb");
    house.write(
        "profile/Local State",
        &format!("{{\"dns_over_https\":{{\"mode\":\"secure\",\"templates\":\"{doh}\"}}}}"),
    );
    let mut command = Command::new(program("chromium").unwrap());
    command
        .env("HOME", house.path("home"))
        .args(CHROMIUM)
        .args(["--disable-quic", "--dump-dom"])
        .arg(format!("--user-data-dir={}", house.path("profile").display()))
        .arg(url);
    command
}

/// Nothing but our resolver is asked for names, and nobody for anything else.
const FIREFOX: &str = r#"user_pref("network.trr.mode", 3);
user_pref("network.trr.uri", "DOH");
user_pref("network.trr.custom_uri", "DOH");
user_pref("network.proxy.type", 0);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("services.settings.server", "http://127.0.0.1:9/");
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("extensions.update.enabled", false);
"#;

pub(crate) fn firefox(house: &House, doh: &str, url: &str) -> Command {
    database(house, "profile");
    house.write("profile/user.js", &FIREFOX.replace("DOH", doh));
    let mut command = Command::new(program("firefox-esr").unwrap());
    command
        .env("HOME", house.path("home"))
        .args(["--headless", "--no-remote", "--profile"])
        .arg(house.path("profile"))
        .arg(url);
    command
}
