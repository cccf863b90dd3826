//! The page as a whole: well formed whatever names there are, in the right order, with nothing of others in it.

use super::*;
use crate::onboard::{Device, Ports, Scope, Trust};

const TOKEN: &str = "tk6n54abencwpcnl";
const NONCE: &str = "abcdefghijklmnopqrstuvwxyz";

fn facts(trust: Trust, token: Option<&str>) -> Facts {
    Facts {
        server: Server {
            name: "dns.home.example".parse().ok(),
            addresses: vec!["192.168.1.10".parse().unwrap()],
            zones: vec!["home.example".parse().unwrap()],
            ports: Ports {
                plain: Some(53),
                tls: Some(853),
                https: Some(443),
                quic: Some(853),
                h3: Some(443),
            },
            trust,
            hosts: Vec::new(),
        },
        device: Device {
            name: "anna-phone".to_owned(),
            token: token.map(ToOwned::to_owned),
            scope: Scope::Zones,
        },
    }
}

fn page<'a>(facts: &'a Facts, matrix: &'a [Name]) -> Page<'a> {
    Page {
        facts,
        code: "7KQ4-M2XR",
        until: Some("2026-11-30 12:00 UTC"),
        origin: Some("http://192.168.1.10"),
        language: Language::English,
        platform: Platform::Ios,
        browser: Browser::Safari,
        check: Some(Check {
            nonce: NONCE,
            zone: "check.dns.home.example",
            verdict: Verdict::Waiting,
            is_second: false,
        }),
        matrix,
    }
}

/// Calls with every page that these facts can make.
fn every_page(change: impl Fn(&mut Facts), mut with: impl FnMut(&Page<'_>)) {
    let matrix: [Name; 1] = ["home.example".parse().unwrap()];
    let router = "192.168.1.1".parse().unwrap();
    for trust in [Trust::Public, Trust::Own(vec![1, 2, 3]), Trust::None] {
        for token in [None, Some(TOKEN)] {
            let mut facts = facts(trust.clone(), token);
            change(&mut facts);
            for platform in Platform::ALL {
                for language in [Language::English, Language::Chinese] {
                    for (verdict, browser, is_second) in [
                        (Verdict::Waiting, Browser::Safari, false),
                        (Verdict::Encrypted("DNS over TLS"), Browser::Firefox, true),
                        (Verdict::Plain, Browser::Chrome, true),
                        (Verdict::Router(router, None), Browser::Other, true),
                        (
                            Verdict::Unsure(router, Some("DNS over QUIC")),
                            Browser::Other,
                            true,
                        ),
                        (Verdict::Bypassed, Browser::OtherOnIos, true),
                    ] {
                        let mut page = page(&facts, &matrix);
                        (page.platform, page.language, page.browser) = (platform, language, browser);
                        page.check = page.check.map(|check| Check {
                            verdict,
                            is_second,
                            ..check
                        });
                        with(&page);
                        page.check = None;
                        with(&page);
                    }
                }
            }
        }
    }
}

/// Elements without an end.
const VOID: [&str; 5] = ["meta", "link", "img", "input", "wbr"];

/// The elements of a document, each begun and ended in its turn; the text between them. Panics where it is not well
/// formed.
fn read(html: &str) -> (Vec<String>, String) {
    let mut rest = html.strip_prefix("<!DOCTYPE html>\n").expect("a doctype");
    let (mut open, mut all, mut text) = (Vec::<String>::new(), Vec::new(), String::new());
    while let Some((before, behind)) = rest.split_once('<') {
        assert!(!before.contains('>'), "a stray > in {before}");
        text.push_str(before);
        let (tag, after) = behind.split_once('>').expect("the end of a tag");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(
                open.pop().as_deref(),
                Some(name),
                "before {}",
                &after[..after.len().min(80)]
            );
            continue;
        }
        let (tag, is_closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let name = tag.split(' ').next().unwrap();
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
            "{tag}"
        );
        attributes(&tag[name.len()..]);
        all.push(tag.to_owned());
        if matches!(name, "style" | "script") {
            let (_, after) = rest.split_once(&format!("</{name}>")).unwrap();
            rest = after;
        } else if !is_closed && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, [""; 0]);
    (all, text + rest)
}

fn attributes(mut rest: &str) {
    let mut names = Vec::new();
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let name = &rest[..end];
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_alphabetic() || byte == b'-'),
            "{rest}"
        );
        assert!(!names.contains(&name), "{name} twice");
        names.push(name);
        rest = &rest[end..];
        if let Some(value) = rest.strip_prefix("=\"") {
            rest = value.split_once('"').expect("the end of a value").1;
        }
    }
}

/// A page without its style and script, and without what is to be copied: they have braces and URLs of their own.
fn body(html: &str) -> String {
    let html = html.replace(STYLE, "").replace(SCRIPT, "");
    let pieces = html
        .split("<pre>")
        .map(|piece| piece.split_once("</pre>").map_or(piece, |(_, behind)| behind));
    pieces.collect()
}

#[test]
fn every_page_is_well_formed_and_complete() {
    every_page(
        |_| {},
        |page| {
            let html = page.html();
            let (elements, _) = read(&html);
            let body = body(&html);
            assert!(!body.contains(['{', '}']), "{body}");
            let count = |name: &str| {
                elements
                    .iter()
                    .filter(|tag| tag.split(' ').next() == Some(name))
                    .count()
            };
            assert_eq!(
                (count("h1"), count("main"), count("script"), count("style")),
                (1, 1, 1, 1)
            );
            assert_eq!(count("details"), if page.check.is_some() { 6 } else { 5 });
        },
    );
    for language in [Language::English, Language::Chinese] {
        for notice in [
            Notice::BadCode,
            Notice::Wait(7),
            Notice::Away,
            Notice::Gone,
            Notice::Broken,
            Notice::Enter,
        ] {
            let html = notice.html(language);
            read(&html);
            assert!(!body(&html).contains(['{', '}']), "{html}");
        }
    }
}

#[test]
fn names_that_look_like_html_are_text() {
    let evil = "<script>alert(1)</script>\"'&</title><img src=x onerror=alert(1)>{server}{style}";
    let mut wire = vec![evil.len().min(63) as u8];
    wire.extend_from_slice(&evil.as_bytes()[..evil.len().min(63)]);
    wire.extend_from_slice(b"\x07ex\"><b>\x00");
    let zone = crate::message::NameRef::from_wire(&wire).unwrap().to_name();
    let hostile = |facts: &mut Facts| {
        facts.device.name = evil.to_owned();
        facts.server.zones = vec![zone.clone()];
    };
    let mut tame = Vec::new();
    every_page(|_| {}, |page| tame.push(read(&page.html()).0.len()));
    let mut at = 0;
    every_page(hostile, |page| {
        let mut page = page.clone();
        let zones = [zone.clone()];
        page.matrix = &zones;
        let html = page.html();
        let (elements, text) = read(&html);
        // Not one element more than with names that are plain.
        assert!(elements.len() <= tame[at], "{html}");
        assert!(text.contains("&lt;script&gt;alert(1)"), "{text}");
        at += 1;
    });
}

#[test]
fn the_order_is_check_button_questions_undo_others() {
    let facts = facts(Trust::Public, None);
    let html = page(&facts, &["home.example".parse().unwrap()]).html();
    let mut last = 0;
    for mark in [
        "<h1>Let anna-phone",
        "id=\"check\"",
        "<h2>iPhone and iPad</h2>",
        "<form method=\"post\" action=\"/i/7KQ4-M2XR/ios?l=en\"><button class=\"go\">Add to this iPhone or iPad</button></form>",
        "What it will ask",
        "How to undo it",
        "Other devices",
        "<summary>Mac</summary>",
        "Then: Matrix",
        "This invitation ends 2026-11-30 12:00 UTC.",
    ] {
        let at = html.find(mark).unwrap_or_else(|| panic!("{mark} in {html}"));
        assert!(at > last, "{mark}");
        last = at;
    }
    // In the box of the check, for when it works already, and at the end.
    let element = "href=\"https://mobile.element.io/element/?account_provider=home.example\"";
    assert_eq!(html.matches(element).count(), 2);
    assert!(!html.contains(TOKEN));
}

#[test]
fn without_scripts_the_page_checks_once() {
    let facts = facts(Trust::Public, None);
    let mut page = page(&facts, &[]);
    let first = page.html();
    assert!(first.contains(&format!(
        "<noscript><meta http-equiv=\"refresh\" content=\"4;url=/i/7KQ4-M2XR?p=ios&amp;l=en&amp;n={NONCE}\"></noscript>"
    )));
    assert!(first.contains(&format!(
        "<noscript><img src=\"//0.{NONCE}.check.dns.home.example/\" alt=\"\" width=\"1\" height=\"1\"></noscript>"
    )));
    page.check = page.check.map(|check| Check {
        verdict: Verdict::Bypassed,
        is_second: true,
        ..check
    });
    let second = page.html();
    assert!(second.contains("class=\"card bad\"") && second.contains("Check again"));
    assert!(!second.contains("http-equiv") && !second.contains("<img"));
}

#[test]
fn nothing_is_loaded_from_anywhere_else() {
    every_page(
        |_| {},
        |page| {
            let html = body(&page.html());
            for (at, _) in html.match_indices("://") {
                let from = html[..at].rfind(['"', ' ', '>', '(']).unwrap() + 1;
                let end = html[at..].find(['"', '<']).unwrap();
                let url = &html[from..at + end];
                // A namespace, a link that a person presses, and what is text.
                let is_fine = url == "http://www.w3.org/2000/svg"
                    || url.starts_with("https://mobile.element.io/element/?")
                    || html[..from].ends_with('>');
                assert!(is_fine, "{url}");
            }
            let (elements, _) = read(&page.html());
            for tag in elements {
                let is_beacon = page.check.is_some() && tag.contains("check.dns.home.example/");
                assert!(!tag.contains(" src=") || is_beacon, "{tag}");
                assert!(!tag.contains(" style=") && !tag.contains(" on"), "{tag}");
            }
        },
    );
}

#[test]
fn the_policy_lets_only_our_own_style_and_script_run() {
    let hash = |text: &str| BASE64.encode(digest(&SHA256, text.as_bytes()).as_ref());
    assert_eq!(
        policy(Some("check.dns.home.example")),
        format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data: \
             *.check.dns.home.example; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT)
        )
    );
    assert!(policy(None).contains("; img-src data:; "));
    // What is hashed is what stands in the page.
    let facts = facts(Trust::None, None);
    let html = page(&facts, &[]).html();
    assert!(
        html.contains(&format!("<style>{STYLE}</style>"))
            && html.contains(&format!("<script>{SCRIPT}</script>"))
    );
}

#[test]
fn the_script_is_told_a_class_a_headline_and_a_sentence() {
    let server = facts(Trust::None, None).server;
    let router = "192.168.1.1".parse().unwrap();
    for (verdict, expected) in [
        (Verdict::Waiting, "wait"),
        (
            Verdict::Encrypted("DNS over HTTPS"),
            "good\nAlready working: nothing to do\nThis device asks 192.168.1.10, encrypted (DNS over HTTPS).",
        ),
        (
            Verdict::Plain,
            "good\nAlready working: nothing to do\nThis device asks 192.168.1.10, without encryption, as is usual at home.",
        ),
        (
            Verdict::Router(router, None),
            "good\nAlready working: nothing to do\nThrough your router: 192.168.1.1 asks for this device (not encrypted).",
        ),
        (
            Verdict::Unsure(router, Some("DNS over TLS")),
            "good\nAlready working: nothing to do\nThe question came from 192.168.1.1 (DNS over TLS): your router, or \
             another address of this device.",
        ),
        (
            Verdict::Bypassed,
            "bad\nNot yet\nThis browser asks another DNS server. What to do stands below; this box turns green when \
             it works.",
        ),
    ] {
        assert_eq!(verdict.told(Language::English, &server), expected);
    }
    assert_eq!(
        Verdict::Plain.told(Language::Chinese, &server),
        "good\n已经可用，无需任何操作\n此设备直接查询 192.168.1.10，未加密，在家中通常如此。"
    );
}

#[test]
fn what_is_printed_for_debugging_holds_no_secret() {
    let facts = facts(Trust::Public, Some(TOKEN));
    let page = page(&facts, &[]);
    let path = format!("/i/{}/{TOKEN}/stamp", page.code);
    let target = path::Target::of(&path, "");
    let typed = path::Target::of("/i", "c=7KQ4-M2XR");
    let made = crate::onboard::things::make(crate::onboard::things::Thing::Doh, &facts);
    let printed = format!("{page:?} {facts:?} {target:?} {typed:?} {made:?}");
    assert!(
        printed.contains("anna-phone") && printed.contains("Thing(Stamp)"),
        "{printed}"
    );
    assert!(
        !printed.contains(TOKEN) && !printed.contains(page.code),
        "{printed}"
    );
}

#[test]
fn undoing_is_told_with_its_command_or_promised() {
    every_page(
        |_| {},
        |page| {
            let html = page.html();
            for (at, heading) in html.match_indices(page.language.word("undo-paste").unwrap()) {
                let behind = html[at + heading.len()..].trim_start_matches("</p>");
                assert!(behind.starts_with("<div class=\"code\"><pre>"), "{behind}");
            }
        },
    );
    let facts = facts(Trust::Public, None);
    let mut page = page(&facts, &[]);
    page.platform = Platform::Windows;
    assert!(page.html().contains(
        "How to undo it</h3><p>A second command, which is shown beside the first, takes everything back.</p>"
    ));
}

#[test]
fn android_is_not_promised_that_nothing_else_changes() {
    let mut facts = facts(Trust::Public, None);
    facts.server.addresses = vec!["203.0.113.10".parse().unwrap()];
    let mut page = page(&facts, &[]);
    page.platform = Platform::Android;
    let all = "all names would be asked of <b>203.0.113.10</b>";
    assert!(page.html().contains(all) && !page.html().contains("Nothing else changes"));
    page.platform = Platform::Windows;
    assert!(!page.html().contains(all) && page.html().contains("Nothing else changes"));
}

#[test]
fn whoever_invites_is_told_what_android_is_offered() {
    let abroad = "203.0.113.10";
    for (trust, address, port, expected) in [
        (Trust::Public, abroad, 853, "host-name"),
        (Trust::Public, "192.168.1.10", 853, "not-abroad"),
        // Android asks no other port.
        (Trust::Public, abroad, 8853, "not-abroad"),
        (Trust::Own(vec![1]), abroad, 853, "no-certificate"),
        (Trust::None, abroad, 853, "no-certificate"),
    ] {
        let mut facts = facts(trust, Some(TOKEN));
        facts.server.addresses = vec![address.parse().unwrap()];
        facts.server.ports.tls = Some(port);
        assert_eq!(android(&facts), expected, "{address} {port}");
        // The page says the same.
        let mut page = page(&facts, &[]);
        page.platform = Platform::Android;
        for word in ["no-certificate", "not-abroad"] {
            let why = page.language.word(&format!("android-{word}")).unwrap();
            assert_eq!(page.html().contains(why), word == expected, "{word}");
        }
    }
}

#[test]
fn a_phone_that_asks_somebody_else_is_told_of_its_own_setting_too() {
    let facts = facts(Trust::Public, None);
    let mut page = page(&facts, &[]);
    let of_android = "choose “Automatic”.";
    assert!(!page.html().contains(of_android));
    page.platform = Platform::Android;
    page.browser = Browser::Chrome;
    assert!(page.html().contains(of_android) && page.html().contains("Use secure DNS"));
}

/// The colours that the style sheet names in the rule behind `at`, as relative luminance (WCAG 2.2).
fn colours(at: &str) -> impl Fn(&str) -> f64 {
    let (_, rule) = STYLE.split_once(at).unwrap();
    let rule = rule.split_once('}').unwrap().0.to_owned();
    move |name| {
        let (_, value) = rule.split_once(&format!("--{name}:#")).expect(name);
        let value: String = value.chars().take_while(char::is_ascii_hexdigit).collect();
        let each = value.len() / 3;
        let part = |at: usize| {
            let digits = value[at * each..(at + 1) * each].repeat(if each == 1 { 2 } else { 1 });
            let part = f64::from(u8::from_str_radix(&digits, 16).unwrap()) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(0) + 0.7152 * part(1) + 0.0722 * part(2)
    }
}

#[test]
fn every_text_has_the_contrast_that_wcag_asks_for() {
    for scheme in [":root{", "(prefers-color-scheme:dark){:root{"] {
        let of = colours(scheme);
        for (text, behind) in [
            ("ink", "bg card goodbg badbg"),
            ("soft", "bg card goodbg badbg"),
            ("go", "bg card goodbg badbg"),
            ("on", "go"),
            ("good", "goodbg"),
            ("bad", "badbg"),
            // The signs in their circles.
            ("goodbg", "good"),
            ("badbg", "bad"),
        ] {
            for behind in behind.split(' ') {
                let (one, other) = (of(text), of(behind));
                let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
                assert!(contrast >= 4.5, "{scheme} {text} on {behind}: {contrast:.2}");
            }
        }
    }
}

#[test]
fn every_word_is_said_somewhere() {
    let sources = [
        include_str!("mod.rs"),
        include_str!("ways.rs"),
        include_str!("words.rs"),
        PAGE,
    ]
    .concat();
    for (name, ..) in words::WORDS {
        let is_platform = Platform::of_word(name).is_some();
        assert!(is_platform || sources.contains(&format!("{{{name}}}")), "{name}");
    }
}
