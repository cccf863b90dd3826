//! Whether what is made for devices is well-formed, whatever the facts: shared by `tests/artefacts.rs` and a fuzz target.

use std::net::SocketAddr;

use hearthdns::onboard::router::{Kind, Role, Wish, guide};
use hearthdns::onboard::things::{Thing, make};
use hearthdns::onboard::{Artefact, Facts, stamps};

/// Makes everything of these facts and panics where something is malformed. How many things could be made.
pub(crate) fn check_all(facts: &Facts) -> usize {
    let mut made = 0;
    for thing in Thing::ALL {
        match make(thing, facts) {
            Ok(artefact) => {
                check(thing, &artefact);
                made += 1;
            }
            Err(why) => assert!(!why.to_string().is_empty()),
        }
    }
    for (word, stamp) in stamps::stamps(facts).unwrap_or_default() {
        let text = stamp.strip_prefix("sdns://").expect("a stamp says what it is");
        assert!(is_plain_line(text), "{word}: {stamp}");
    }
    check_routers(facts);
    made
}

fn check(thing: Thing, made: &Artefact) {
    let is_file = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    assert!(!made.file.is_empty() && made.file.len() <= 80, "{}", made.file);
    assert!(
        made.file.chars().all(is_file) && !made.file.starts_with('.'),
        "{}",
        made.file
    );
    if thing == Thing::Authority {
        return;
    }
    let text = std::str::from_utf8(&made.bytes).expect("text is UTF-8");
    match thing {
        Thing::Apple => check_profile(&made.bytes),
        Thing::Firefox | Thing::ChromePolicy | Thing::Chrome => {
            let value: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
            assert!(value.is_object());
        }
        Thing::Windows | Thing::WindowsUndo => {
            assert!(
                text.is_ascii(),
                "a script in ASCII is read alike by every PowerShell"
            );
            for line in text.split("\r\n").filter(|line| !line.starts_with('#')) {
                assert!(!line.contains(['\r', '\n', '`', '"']), "{line}");
                assert_eq!(line.matches('\'').count() % 2, 0, "{line}");
            }
        }
        Thing::Linux | Thing::Mac | Thing::MacUndo | Thing::LinuxUndo => {
            assert!(text.is_ascii());
            check_shell_quotes(text.split_once("# From here on").map_or(text, |(head, _)| head));
        }
        Thing::Hosts => {
            for line in text.lines() {
                let words: Vec<&str> = line.split(' ').collect();
                assert!(words.len() == 2 && is_plain_line(line), "{line}");
            }
        }
        Thing::Dhcp => assert!(text.is_ascii()),
        _ => assert!(is_plain_line(text.trim_end_matches('\n')), "{text}"),
    }
}

/// One line of visible ASCII without quotes.
fn is_plain_line(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| matches!(c, ' '..='~') && !matches!(c, '\'' | '"' | '`' | '\\'))
}

/// Every quote is closed, and outside of quotes stands nothing that a shell would expand.
fn check_shell_quotes(text: &str) {
    let mut inside = false;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        for c in line.chars() {
            match c {
                '\'' => inside = !inside,
                '$' | '`' | '*' | '?' | ';' | '&' | '(' | ')' => assert!(inside, "{line}"),
                _ => {}
            }
        }
    }
    assert!(!inside, "an open quote: {text}");
}

fn check_profile(bytes: &[u8]) {
    let value = plist::Value::from_reader_xml(bytes).expect("a profile is a property list");
    let profile = value.as_dictionary().expect("of a dictionary");
    let payloads = profile["PayloadContent"].as_array().expect("with payloads");
    let settings = payloads[0].as_dictionary().unwrap()["DNSSettings"]
        .as_dictionary()
        .unwrap();
    assert!(!settings["ServerAddresses"].as_array().unwrap().is_empty());
    let domains = settings
        .get("SupplementalMatchDomains")
        .map(|domains| domains.as_array().unwrap());
    // An empty list would send every name here.
    assert!(domains.is_none_or(|domains| !domains.is_empty()));
    for value in settings.values().chain(domains.into_iter().flatten()) {
        assert!(value.as_string().is_none_or(is_plain_line), "{value:?}");
    }
}

fn check_routers(facts: &Facts) {
    let port = facts.server.ports.plain.unwrap_or(53);
    for undo in [false, true] {
        let wish = Wish {
            zones: facts.server.plain_zones(),
            servers: facts
                .server
                .addresses
                .iter()
                .map(|ip| SocketAddr::new(*ip, port))
                .collect(),
            undo,
        };
        for kind in Kind::ALL {
            let Ok(guide) = guide(kind, &wish) else { continue };
            for step in &guide.steps {
                assert!(
                    step.text.chars().all(|c| matches!(c, ' '..='~')),
                    "{kind:?}: {}",
                    step.text
                );
                if step.role != Role::Say {
                    for quote in ['\'', '"'] {
                        assert_eq!(step.text.matches(quote).count() % 2, 0, "{kind:?}: {}", step.text);
                    }
                }
            }
        }
    }
}

/// Facts of these bytes: everything that is somebody's word holds whatever stands there.
pub(crate) fn facts_of(mut bytes: &[u8]) -> Facts {
    use hearthdns::message::{Name, NameRef};
    use hearthdns::onboard::{Device, Ports, Scope, Server, Trust};
    use std::net::IpAddr;

    fn take<'b>(bytes: &mut &'b [u8], len: usize) -> &'b [u8] {
        let (head, tail) = bytes.split_at(len.min(bytes.len()));
        *bytes = tail;
        head
    }
    fn byte(bytes: &mut &[u8]) -> u8 {
        take(bytes, 1).first().copied().unwrap_or(0)
    }
    fn text(bytes: &mut &[u8]) -> String {
        let len = usize::from(byte(bytes));
        String::from_utf8_lossy(take(bytes, len)).into_owned()
    }
    fn name(bytes: &mut &[u8]) -> Name {
        // Labels of raw bytes, as a zone file can write them; now and then a plain one.
        let mut name = match byte(bytes) % 3 {
            0 => Name::root(),
            1 => "home.arpa".parse().unwrap(),
            _ => "Home.example".parse().unwrap(),
        };
        for _ in 0..byte(bytes) % 4 {
            let len = usize::from(byte(bytes) % 20);
            let label = take(bytes, len);
            name = Name::prepend(label, name.as_ref()).unwrap_or(name);
        }
        NameRef::from_wire(name.as_wire()).map_or(Name::root(), NameRef::to_name)
    }
    fn address(bytes: &mut &[u8]) -> IpAddr {
        match byte(bytes) % 2 {
            0 => <[u8; 4]>::try_from(take(bytes, 4)).map_or([192, 168, 1, 10].into(), IpAddr::from),
            _ => <[u8; 16]>::try_from(take(bytes, 16)).map_or([0xfd; 16].into(), IpAddr::from),
        }
    }
    let bytes = &mut bytes;
    let kinds = byte(bytes);
    let ports = byte(bytes);
    let port =
        |bit: u8, usual: u16| (ports >> bit & 1 == 0).then_some(if kinds & 1 == 0 { usual } else { 8053 });
    Facts {
        device: Device {
            name: text(bytes),
            token: (kinds & 2 != 0).then(|| {
                if kinds & 4 != 0 {
                    "k7q4m2xr".to_owned()
                } else {
                    text(bytes)
                }
            }),
            scope: if kinds & 8 != 0 {
                Scope::Everything
            } else {
                Scope::Zones
            },
        },
        server: Server {
            name: (kinds & 16 == 0).then(|| name(bytes)),
            trust: match kinds >> 6 {
                0 | 1 => Trust::Public,
                2 => Trust::Own(text(bytes).into_bytes()),
                _ => Trust::None,
            },
            addresses: (0..byte(bytes) % 4).map(|_| address(bytes)).collect(),
            zones: (0..byte(bytes) % 5).map(|_| name(bytes)).collect(),
            ports: Ports {
                plain: port(0, 53),
                tls: port(1, 853),
                https: port(2, 443),
                quic: port(3, 853),
                h3: port(4, 443),
            },
            hosts: (0..byte(bytes) % 6)
                .map(|_| (name(bytes), address(bytes)))
                .collect(),
        },
    }
}
