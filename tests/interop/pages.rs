//! The page of an invite in Chromium: its live check turns green because the browser's question came to us, and not
//! where it went to somebody else; and nothing that the page does leaves its own origin. And what zbarimg reads from
//! every form of an invite's QR code.

use std::path::Path;
use std::process::Command;

use crate::support::asker::Authority;
use crate::support::house::dnsctl;
use crate::support::{Daemon, House, program, run};
use crate::{NAMESPACES, Test, browsers, lab};

pub(crate) const TESTS: &[Test] = &[
    (
        "zbarimg_reads_an_invite_in_every_form",
        &["zbarimg"],
        codes_are_read,
    ),
    (
        "curl_gets_an_iphone_its_profile_by_a_press",
        &["curl", NAMESPACES],
        || lab::inside(a_press_brings_the_profile),
    ),
    (
        "chromium_turns_green_for_us_and_not_for_others",
        &["chromium", "certutil", NAMESPACES],
        || lab::inside(turns_green_for_us),
    ),
];

const CONFIG: &str = "\
listen: ['127.0.0.1:0', 'http://127.0.0.1:0', 'https://127.0.0.1:0']
certificate: {chain: chain.pem, key: key.pem}
name: dns.hearth.example
addresses: [192.168.1.10]
";

fn house(authority: &Authority) -> (House, Daemon) {
    let house = House::new()
        .zone("hearth.example", "matrix A 192.168.1.20\n")
        .config(CONFIG)
        .listen_of_config(1);
    authority.issue(&house, &["dns.hearth.example", "127.0.0.1"], 2099);
    let daemon = house.start();
    (house, daemon)
}

/// The URL that an invite of this house leads to.
fn invite(house: &House, more: &[&str]) -> (String, String) {
    let ran = house.dnsctl(&[&["invite", "anna-phone"], more].concat()).ok();
    let (_, rest) = ran.stdout.split_once("  open  ").expect("a URL");
    (rest.lines().next().unwrap().to_owned(), ran.stdout)
}

fn turns_green_for_us() {
    let authority = Authority::new();
    let (mine, _mine) = house(&authority);
    let (other, others) = house(&authority);
    for (doh, is_ours) in [
        (_mine.encrypted("https"), true),
        (others.encrypted("https"), false),
    ] {
        let browser = House::new();
        std::fs::copy(mine.path("authority.pem"), browser.path("trusted.pem")).unwrap();
        let (url, _) = invite(&mine, &[]);
        let mut command = browsers::chromium(&browser, &format!("https://{doh}/dns-query"), &url);
        // Time passes as fast as nothing is waited for: the page's four seconds are none of ours.
        command
            .arg("--virtual-time-budget=12000")
            .arg(format!("--log-net-log={}", browser.path("net.json").display()));
        let page = run(&mut command).ok().stdout;
        let (_, check) = page.split_once("<section class=\"card ").expect("a live check");
        let expected = match is_ours {
            true => [
                "good\" id=\"check\"",
                "<h2>Already working: nothing to do</h2>",
                "<p>This device asks 192.168.1.10, encrypted (DNS over HTTPS).</p>",
            ],
            false => ["bad\" id=\"check\"", "<h2>Not yet</h2>", "Use secure DNS"],
        };
        for words in expected {
            assert!(check.contains(words), "{words} for {doh}:\n{check}");
        }
        let nonce = check.split_once("data-n=\"").unwrap().1[..26].to_owned();
        only_its_own_origin(&browser.path("net.json"), &url, &nonce);
    }
    drop(other);
}

/// At the ports that Apple's systems ask, which only a network of the test's own has free for sure.
fn a_press_brings_the_profile() {
    let house = House::new()
        .zone("hearth.example", "matrix A 192.168.1.20\n")
        .config(
            "listen: ['127.0.0.1:0', 'http://127.0.0.1', 'https://127.0.0.1']\nname: dns.hearth.example\n\
             addresses: [192.168.1.10]\n",
        )
        .listen_of_config(1);
    let _daemon = house.start();
    let (url, _) = invite(&house, &[]);
    assert!(url.starts_with("http://127.0.0.1/i/"), "{url}");
    let curl = |more: &[&str]| {
        let mut command = Command::new(program("curl").unwrap());
        run(command
            .args(["--silent", "--include", "--noproxy", "*"])
            .args(more))
        .ok()
        .stdout
    };
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                  Version/18.5 Mobile/15E148 Safari/604.1";
    let page = curl(&["--user-agent", iphone, &url]);
    let (_, action) = page
        .split_once("<form method=\"post\" action=\"")
        .expect("a button");
    let (action, _) = action.split_once('"').unwrap();
    assert!(action.ends_with("/ios?l=en"), "{action}");
    // Our own authority signed the certificate: the phone has to be told, and a Mac would not load it.
    assert!(page.contains("Certificate Trust Settings"), "{page}");
    assert!(page.contains("/etc/resolver/hearth.example"), "{page}");
    let press = format!("http://127.0.0.1{action}");
    let profile = curl(&["--location", "--data", "", &press]);
    for words in [
        "HTTP/1.1 303 See Other\r\n",
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-apple-aspen-config\r\n",
        "content-disposition: attachment; filename=\"hearthdns-anna-phone.mobileconfig\"\r\n",
        "<string>https://dns.hearth.example/d/",
        "<string>com.apple.security.root</string>",
    ] {
        assert!(profile.contains(words), "{words} in {profile}");
    }
}

/// What the page had the browser request: from where it came itself, and the name that the live check looks up, which
/// has no address.
fn only_its_own_origin(log: &Path, url: &str, nonce: &str) {
    let text = std::fs::read_to_string(log).unwrap();
    let log: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (origin, _) = url.split_once("/i/").unwrap();
    let mut requested: Vec<&str> = log["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["params"])
        .filter(|params| params["initiator"] == origin)
        .filter_map(|params| params["url"].as_str())
        .collect();
    requested.sort_unstable();
    requested.dedup();
    assert!(requested.len() >= 2, "the page requested nothing: {requested:?}");
    let beacon = format!(".{nonce}.check.dns.hearth.example/");
    for request in requested {
        let is_own = request.starts_with(&format!("{origin}/api/seen?n={nonce}"));
        let is_beacon = request.starts_with("http://") && request.ends_with(&beacon);
        assert!(is_own || is_beacon, "{request}");
    }
}

fn codes_are_read() {
    let (house, _daemon) = house(&Authority::new());
    let (url, _) = invite(&house, &["--png", "code.png"]);
    assert_eq!(read(&house.path("code.png")), [url]);
    let (url, _) = invite(&house, &["--svg", "code.svg"]);
    let pictures = pictures(&house.read("code.svg"));
    std::fs::write(house.path("svg.pgm"), pgm(&pictures[0])).unwrap();
    assert_eq!(read(&house.path("svg.pgm")), [url]);
    let (url, printed) = invite(&house, &["--qr"]);
    std::fs::write(house.path("text.pgm"), pgm(&lit(&printed))).unwrap();
    assert_eq!(read(&house.path("text.pgm")), [url]);
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg("printf 'p;a:s,s\"w\\\\ord\\n' | \"$0\" \"$@\"")
        .arg(dnsctl().get_program())
        .arg("--control")
        .arg(house.control())
        .args(["invite", "tv", "--card", "card.html", "--wifi", "Hearth; Home"])
        .current_dir(house.root());
    let printed = run(&mut command).ok().stdout;
    let url = printed
        .split_once("  open  ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap()
        .to_owned();
    let mut found = Vec::new();
    for (at, picture) in self::pictures(&house.read("card.html")).iter().enumerate() {
        let file = house.path(&format!("card{at}.pgm"));
        std::fs::write(&file, pgm(picture)).unwrap();
        found.extend(read(&file));
    }
    let wifi = r#"WIFI:T:WPA;S:Hearth\; Home;P:p\;a\:s\,s\"w\\ord;;"#;
    assert_eq!(found, [wifi.to_owned(), url]);
}

/// What zbarimg finds in a picture.
fn read(file: &Path) -> Vec<String> {
    let mut command = Command::new(program("zbarimg").unwrap());
    let ran = run(command.args(["--quiet", "--raw"]).arg(file)).ok();
    ran.stdout.lines().map(ToOwned::to_owned).collect()
}

/// Rows of modules; true is dark.
type Modules = Vec<Vec<bool>>;

/// The half blocks of a terminal with light text on a dark ground.
fn lit(printed: &str) -> Modules {
    let mut rows = Vec::new();
    for line in printed.lines().take_while(|line| !line.is_empty()) {
        let of = |upper: bool| {
            line.chars()
                .map(move |c| !(c == '█' || c == if upper { '▀' } else { '▄' }))
        };
        rows.push(of(true).collect());
        rows.push(of(false).collect());
    }
    // The row below the last one is the terminal's ground.
    rows.pop();
    rows
}

/// The codes in SVG: every dark run is `Mx yhWv1h-Wz`.
fn pictures(text: &str) -> Vec<Modules> {
    let codes = text.split("<svg ").skip(1);
    codes
        .map(|code| {
            let (_, rest) = code.split_once("viewBox=\"0 0 ").unwrap();
            let side: usize = rest.split(' ').next().unwrap().parse().unwrap();
            let mut rows = vec![vec![false; side]; side];
            let (_, path) = code.split_once("<path d=\"").unwrap();
            let (path, _) = path.split_once('"').unwrap();
            for run in path.split('M').skip(1) {
                let mut numbers = run
                    .split(|c: char| !c.is_ascii_digit())
                    .map(|text| text.parse().unwrap());
                let [x, y, width]: [usize; 3] = std::array::from_fn(|_| numbers.next().unwrap());
                rows[y][x..x + width].fill(true);
            }
            rows
        })
        .collect()
}

/// A grey picture with eight pixels to a module.
fn pgm(rows: &Modules) -> Vec<u8> {
    const SCALE: usize = 8;
    let mut picture = format!("P5 {} {} 255\n", rows[0].len() * SCALE, rows.len() * SCALE).into_bytes();
    for row in rows {
        let line: Vec<u8> = row
            .iter()
            .flat_map(|dark| [if *dark { 0 } else { 255 }; SCALE])
            .collect();
        (0..SCALE).for_each(|_| picture.extend_from_slice(&line));
    }
    picture
}
