//! What is made for devices: read back with independent readers, and looked at for what must be in it.
//!
//! Apple's and Microsoft's systems cannot be run here. Profiles are compared with the keys and types of Apple's published
//! schema, PowerShell is read with a grammar of it, the Linux script runs with stand-ins for the programs that it calls.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "onboard")]

#[path = "support/artefacts.rs"]
mod artefacts;
#[path = "artefacts/linux.rs"]
mod linux;

use hearthdns::config::UpstreamSpec;
use hearthdns::onboard::apple::{self, Protocol};
use hearthdns::onboard::things::{Thing, make};
use hearthdns::onboard::{Device, Facts, Ports, Scope, Server, Trust, Unfit, dhcp, stamps};
use plist::Value;

fn facts() -> Facts {
    Facts {
        server: Server {
            name: Some("dns.home.example".parse().unwrap()),
            addresses: vec!["192.168.1.10".parse().unwrap(), "fd00::10".parse().unwrap()],
            zones: vec!["home.example".parse().unwrap(), "lab.test".parse().unwrap()],
            ports: Ports {
                plain: Some(53),
                tls: Some(853),
                https: Some(443),
                quic: Some(853),
                h3: Some(443),
            },
            trust: Trust::Public,
            hosts: vec![
                (
                    "matrix.home.example".parse().unwrap(),
                    "192.168.1.20".parse().unwrap(),
                ),
                ("*.home.example".parse().unwrap(), "192.168.1.21".parse().unwrap()),
            ],
        },
        device: Device {
            name: "anna-phone".to_owned(),
            token: Some("k7q4m2xr".to_owned()),
            scope: Scope::Zones,
        },
    }
}

fn everything() -> Facts {
    let mut facts = facts();
    facts.device.scope = Scope::Everything;
    facts
}

fn own_authority() -> Facts {
    let mut facts = facts();
    facts.server.trust = Trust::Own(vec![0x30, 3, 2, 1, 5]);
    facts
}

fn text(thing: Thing, facts: &Facts) -> String {
    String::from_utf8(
        make(thing, facts)
            .unwrap_or_else(|why| panic!("{thing:?}: {why}"))
            .bytes,
    )
    .unwrap()
}

// ---- Apple

/// Keys of the schema, whether they must be there, and their types; of all payloads, and of those that we write.
const COMMON: &[(&str, bool, &str)] = &[
    ("PayloadDescription", false, "string"),
    ("PayloadDisplayName", false, "string"),
    ("PayloadIdentifier", true, "string"),
    ("PayloadType", true, "string"),
    ("PayloadUUID", true, "string"),
    ("PayloadVersion", true, "integer"),
];
const TOP: &[(&str, bool, &str)] = &[
    ("PayloadContent", true, "array"),
    ("PayloadRemovalDisallowed", false, "boolean"),
    ("PayloadScope", true, "string"),
];
const DNS: &[(&str, bool, &str)] = &[("DNSSettings", true, "dictionary")];
const ROOT: &[(&str, bool, &str)] = &[
    ("PayloadCertificateFileName", false, "string"),
    ("PayloadContent", true, "data"),
];
const SETTINGS: &[(&str, bool, &str)] = &[
    ("DNSProtocol", true, "string"),
    ("ServerAddresses", true, "array"),
    ("ServerURL", false, "string"),
    ("ServerName", false, "string"),
    ("SupplementalMatchDomains", false, "array"),
    ("AllowFailover", false, "boolean"),
];

#[track_caller]
fn assert_schema(value: &Value, tables: &[&[(&str, bool, &str)]]) {
    let dictionary = value.as_dictionary().unwrap();
    let rows: Vec<_> = tables.concat();
    for (key, value) in dictionary {
        let (_, _, wanted) = rows
            .iter()
            .find(|(name, ..)| name == key)
            .unwrap_or_else(|| panic!("{key} is in no schema"));
        let is = match value {
            Value::String(_) => "string",
            Value::Integer(_) => "integer",
            Value::Boolean(_) => "boolean",
            Value::Array(_) => "array",
            Value::Data(_) => "data",
            Value::Dictionary(_) => "dictionary",
            _ => "another type",
        };
        assert_eq!(&is, wanted, "{key}");
    }
    for (key, needed, _) in rows {
        assert!(!needed || dictionary.contains_key(key), "{key} is missing");
    }
}

fn profile(facts: &Facts, protocol: Protocol) -> Value {
    let made = apple::profile(facts, protocol).unwrap();
    assert_eq!(made.media_type, "application/x-apple-aspen-config");
    Value::from_reader_xml(made.bytes.as_slice()).unwrap()
}

fn settings(profile: &Value) -> &plist::Dictionary {
    let payloads = profile.as_dictionary().unwrap()["PayloadContent"]
        .as_array()
        .unwrap();
    payloads[0].as_dictionary().unwrap()["DNSSettings"]
        .as_dictionary()
        .unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_string().unwrap())
        .collect()
}

#[test]
fn profiles_have_the_keys_and_types_of_apples_schema() {
    for facts in [facts(), everything(), own_authority()] {
        for protocol in [Protocol::Https, Protocol::Tls] {
            let profile = profile(&facts, protocol);
            assert_schema(&profile, &[COMMON, TOP]);
            let payloads = profile.as_dictionary().unwrap()["PayloadContent"]
                .as_array()
                .unwrap();
            assert_schema(&payloads[0], &[COMMON, DNS]);
            assert_schema(&payloads[0].as_dictionary().unwrap()["DNSSettings"], &[SETTINGS]);
            let of_type = |payload: &Value| {
                payload.as_dictionary().unwrap()["PayloadType"]
                    .as_string()
                    .unwrap()
                    .to_owned()
            };
            assert_eq!(of_type(&payloads[0]), "com.apple.dnsSettings.managed");
            match &facts.server.trust {
                Trust::Own(der) => {
                    assert_eq!(payloads.len(), 2);
                    assert_schema(&payloads[1], &[COMMON, ROOT]);
                    assert_eq!(of_type(&payloads[1]), "com.apple.security.root");
                    assert_eq!(
                        payloads[1].as_dictionary().unwrap()["PayloadContent"].as_data(),
                        Some(&der[..])
                    );
                }
                _ => assert_eq!(payloads.len(), 1),
            }
            let top = profile.as_dictionary().unwrap();
            assert_eq!(top["PayloadScope"].as_string(), Some("System"));
            assert_eq!(top["PayloadType"].as_string(), Some("Configuration"));
        }
    }
}

#[test]
fn a_profile_asks_us_for_our_zones_and_knows_where_we_are() {
    let over_https = profile(&facts(), Protocol::Https);
    let dns = settings(&over_https);
    assert_eq!(dns["DNSProtocol"].as_string(), Some("HTTPS"));
    assert_eq!(
        dns["ServerURL"].as_string(),
        Some("https://dns.home.example/d/k7q4m2xr/dns-query")
    );
    assert_eq!(strings(&dns["ServerAddresses"]), ["192.168.1.10", "fd00::10"]);
    assert_eq!(
        strings(&dns["SupplementalMatchDomains"]),
        ["home.example", "lab.test"]
    );
    assert!(!dns.contains_key("AllowFailover") && !dns.contains_key("ServerName"));
    let over_tls = profile(&facts(), Protocol::Tls);
    let dns = settings(&over_tls);
    assert_eq!(dns["ServerName"].as_string(), Some("k7q4m2xr.dns.home.example"));
    assert!(!dns.contains_key("ServerURL"));
    let all = profile(&everything(), Protocol::Https);
    let dns = settings(&all);
    assert_eq!(dns["AllowFailover"].as_boolean(), Some(true));
    assert!(!dns.contains_key("SupplementalMatchDomains"));
}

#[test]
fn what_apple_cannot_do_has_its_reason() {
    let refused = |change: fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        make(Thing::Apple, &facts).unwrap_err()
    };
    assert_eq!(refused(|facts| facts.server.zones.clear()), Unfit::NoZones);
    assert_eq!(refused(|facts| facts.server.addresses.clear()), Unfit::NoAddress);
    assert_eq!(refused(|facts| facts.server.name = None), Unfit::NoName);
    assert_eq!(
        refused(|facts| facts.server.trust = Trust::None),
        Unfit::NoCertificate
    );
    assert_eq!(
        refused(|facts| facts.device.token = Some("A b".to_owned())),
        Unfit::Token
    );
    let ports = refused(|facts| {
        facts.server.ports.https = Some(8443);
        facts.server.ports.tls = Some(8853);
    });
    assert_eq!(
        ports.to_string(),
        "DNS over HTTPS listens at port 8443, and the other side asks port 443 only"
    );
    // The other transport takes its place.
    let mut other = facts();
    other.server.ports.https = Some(8443);
    let made = make(Thing::Apple, &other).unwrap();
    let profile = Value::from_reader_xml(made.bytes.as_slice()).unwrap();
    assert_eq!(settings(&profile)["DNSProtocol"].as_string(), Some("TLS"));
}

#[test]
fn a_profile_stays_the_same_and_each_device_has_its_own() {
    let bytes = |facts: &Facts, protocol| apple::profile(facts, protocol).unwrap().bytes;
    assert_eq!(bytes(&facts(), Protocol::Https), bytes(&facts(), Protocol::Https));
    let id = |facts: &Facts, protocol| {
        let profile = profile(facts, protocol);
        let top = profile.as_dictionary().unwrap();
        (
            top["PayloadIdentifier"].as_string().unwrap().to_owned(),
            top["PayloadUUID"].as_string().unwrap().to_owned(),
        )
    };
    let annas = id(&facts(), Protocol::Https);
    // Known by Python's uuid.uuid5(uuid.NAMESPACE_DNS, ...).
    assert_eq!(
        annas,
        (
            "example.home.dns.hearthdns.anna-phone".to_owned(),
            "3BA7F071-59AD-563E-BCC9-73AC825ECDFF".to_owned()
        )
    );
    assert_eq!(
        annas,
        id(&facts(), Protocol::Tls),
        "one takes the place of the other"
    );
    let mut moved = facts();
    moved.server.addresses.pop();
    moved.device.token = Some("other".to_owned());
    assert_eq!(
        annas,
        id(&moved, Protocol::Https),
        "a new one takes the place of the old one"
    );
    let mut seen = vec![annas];
    for name in ["ben-phone", "Anna phone", "anna.phone", "电话", "手机", ""] {
        let mut other = facts();
        other.device.name = name.to_owned();
        let ids = id(&other, Protocol::Https);
        assert!(
            seen.iter().all(|(a, b)| *a != ids.0 && *b != ids.1),
            "{name}: {ids:?}"
        );
        seen.push(ids);
    }
}

// ---- Windows

/// Whether a grammar of PowerShell finds no error.
fn is_powershell(text: &str) -> bool {
    let mut parser = tree_sitter::Parser::new();
    parser
        .set_language(&tree_sitter_powershell::LANGUAGE.into())
        .unwrap();
    !parser.parse(text, None).unwrap().root_node().has_error()
}

#[test]
fn powershell_scripts_parse() {
    assert!(!is_powershell("if ($x { 'a'"), "the grammar sees errors");
    let mut many = facts();
    many.server.zones = (0..60)
        .map(|n| format!("z{n}.example").parse().unwrap())
        .collect();
    for facts in [facts(), everything(), own_authority(), many.clone()] {
        for thing in [Thing::Windows, Thing::WindowsUndo] {
            let script = text(thing, &facts);
            assert!(is_powershell(&script), "{script}");
        }
    }
    // At most 50 names in a rule.
    let script = text(Thing::Windows, &many);
    let rules: Vec<usize> = script
        .lines()
        .filter(|line| line.starts_with("Add-DnsClientNrptRule"))
        .map(|line| line.matches(".example'").count())
        .collect();
    assert_eq!(rules, [50, 50, 20]);
}

#[test]
fn windows_encrypts_where_it_can_and_trusts_our_authority() {
    let script = text(Thing::Windows, &own_authority()).replace("\r\n", "\n");
    for line in [
        "$group = 'hearthdns dns.home.example'\n",
        "$servers = '192.168.1.10', 'fd00::10'\n",
        "[IO.File]::WriteAllBytes($file, [Convert]::FromBase64String('MAMCAQU='))\n",
        "-DohTemplate 'https://dns.home.example/d/k7q4m2xr/dns-query' -AutoUpgrade $true -AllowFallbackToUdp $false\n",
        "Add-DnsClientNrptRule -Namespace '.home.example', 'home.example', '.lab.test', 'lab.test' -NameServers $servers",
    ] {
        assert!(script.contains(line), "{line} is not in:\n{script}");
    }
    let undo = text(Thing::WindowsUndo, &own_authority());
    // Known by `printf '\60\3\2\1\5' | sha1sum`.
    assert!(
        undo.contains("$_.Thumbprint -eq '16C3C3E0BB5B5F4FBAECDB6DF37A5A4F9D1196E4'"),
        "{undo}"
    );
    let mut plain = facts();
    plain.server.trust = Trust::None;
    let script = text(Thing::Windows, &plain);
    assert!(
        !script.contains("Doh") && !script.contains("Import-Certificate"),
        "{script}"
    );
    plain.server.ports.plain = Some(5300);
    assert_eq!(
        make(Thing::Windows, &plain).unwrap_err(),
        Unfit::Port {
            of: "plain DNS",
            is: 5300,
            must: 53
        }
    );
    let all = text(Thing::Windows, &everything());
    assert!(
        all.contains("Add-DnsClientNrptRule -Namespace '.' -NameServers"),
        "{all}"
    );
}

// ---- lines and settings

#[test]
fn lines_for_people_hold_what_they_type_elsewhere() {
    for (thing, expected) in [
        (Thing::Address, "192.168.1.10\n"),
        (Thing::Dot, "k7q4m2xr.dns.home.example\n"),
        (Thing::Doq, "k7q4m2xr.dns.home.example\n"),
        (Thing::Doh, "https://dns.home.example/d/k7q4m2xr/dns-query\n"),
        (Thing::Android, "k7q4m2xr.dns.home.example\n"),
        (
            Thing::AdGuard,
            "adguard:add_dns_server?address=https%3A%2F%2Fdns.home.example%2Fd%2Fk7q4m2xr%2Fdns-query&name=dns.home.example\n",
        ),
        (Thing::Hosts, "192.168.1.20 matrix.home.example\n"),
        (
            Thing::Mac,
            "sudo mkdir -p /etc/resolver\n\
             printf 'nameserver 192.168.1.10\\nnameserver fd00::10\\nport 53\\n' | sudo tee '/etc/resolver/home.example' >/dev/null\n\
             printf 'nameserver 192.168.1.10\\nnameserver fd00::10\\nport 53\\n' | sudo tee '/etc/resolver/lab.test' >/dev/null\n\
             sudo killall -HUP mDNSResponder\n",
        ),
        (
            Thing::MacUndo,
            "sudo rm -f '/etc/resolver/home.example'\nsudo rm -f '/etc/resolver/lab.test'\nsudo killall -HUP mDNSResponder\n",
        ),
        (
            Thing::Firefox,
            "{\"policies\":{\"DNSOverHTTPS\":{\"ExcludedDomains\":[\"home.example\",\"lab.test\"]}}}\n",
        ),
    ] {
        assert_eq!(text(thing, &facts()), expected, "{thing:?}");
    }
    let mut ports = facts();
    ports.server.ports = Ports {
        plain: Some(5300),
        tls: Some(8853),
        https: Some(8443),
        quic: None,
        h3: None,
    };
    ports.device.token = None;
    assert_eq!(text(Thing::Address, &ports), "192.168.1.10:5300\n");
    assert_eq!(text(Thing::Dot, &ports), "dns.home.example:8853\n");
    assert_eq!(
        text(Thing::Doh, &ports),
        "https://dns.home.example:8443/dns-query\n"
    );
    assert_eq!(make(Thing::Doq, &ports), Err(Unfit::NoListener("DNS over QUIC")));
    for thing in [Thing::Android, Thing::AdGuard] {
        assert_eq!(
            make(thing, &own_authority()),
            Err(Unfit::NeedsPublicCertificate),
            "{thing:?}"
        );
    }
    assert_eq!(make(Thing::Chrome, &facts()), Err(Unfit::AllNamesOnly));
    assert_eq!(make(Thing::Mac, &everything()), Err(Unfit::ZonesOnly));
    assert_eq!(make(Thing::Authority, &facts()), Err(Unfit::NoAuthority));
    assert_eq!(
        make(Thing::Authority, &own_authority()).unwrap().bytes,
        [0x30, 3, 2, 1, 5]
    );
}

#[test]
fn browsers_that_ask_us_for_everything_take_private_addresses() {
    let mut all = own_authority();
    all.device.scope = Scope::Everything;
    assert_eq!(
        text(Thing::Firefox, &all),
        "{\"policies\":{\"Certificates\":{\"Install\":[\"hearthdns-authority.crt\"]},\"DNSOverHTTPS\":{\"Enabled\":true,\
         \"ProviderURL\":\"https://dns.home.example/d/k7q4m2xr/dns-query\",\"Fallback\":true},\
         \"Preferences\":{\"network.trr.allow-rfc1918\":{\"Value\":true,\"Status\":\"default\"}}}}\n"
    );
    assert_eq!(
        text(Thing::Chrome, &all),
        "{\"servers\":[{\"template\":\"https://dns.home.example/d/k7q4m2xr/dns-query\",\
         \"endpoints\":[{\"ips\":[\"192.168.1.10\",\"fd00::10\"]}]}]}\n"
    );
    let policy: serde_json::Value = serde_json::from_str(&text(Thing::ChromePolicy, &all)).unwrap();
    assert_eq!(policy["CACertificates"][0], "MAMCAQU=");
    let inner = policy["DnsOverHttpsTemplates"].as_str().unwrap();
    assert_eq!(format!("{inner}\n"), text(Thing::Chrome, &all));
}

/// The reader for upstreams, which knows nothing of the writer, reads each stamp.
#[cfg(feature = "quic")]
#[test]
fn stamps_are_read_back() {
    let read = |facts: &Facts| -> Vec<String> {
        let stamps = stamps::stamps(facts).unwrap();
        let one = |(word, stamp): &(&str, String)| {
            let spec: UpstreamSpec = stamp.parse().unwrap_or_else(|error| panic!("{stamp}: {error}"));
            format!("{word} {spec} {:?}", spec.fixed_addresses())
        };
        stamps.iter().map(one).collect()
    };
    assert_eq!(
        read(&facts()),
        [
            "https https://dns.home.example:443/d/k7q4m2xr/dns-query [192.168.1.10:443]",
            "tls tls://k7q4m2xr.dns.home.example:853 [192.168.1.10:853]",
            "quic quic://k7q4m2xr.dns.home.example:853 [192.168.1.10:853]",
            "plain udp://192.168.1.10:53 [192.168.1.10:53]",
        ]
    );
    let mut odd = facts();
    odd.server.addresses.remove(0);
    odd.server.ports.plain = Some(5300);
    odd.server.ports.https = Some(8443);
    odd.device.token = None;
    let read = read(&odd);
    assert_eq!(
        read[0],
        "https https://dns.home.example:8443/dns-query [[fd00::10]:8443]"
    );
    assert_eq!(read[3], "plain udp://[fd00::10]:5300 [[fd00::10]:5300]");
    odd.server.trust = Trust::None;
    assert_eq!(stamps::stamps(&odd).unwrap().len(), 1);
}

#[test]
fn rfc9463_s5_1_dhcp_names_the_encrypted_resolver() {
    let mut facts = facts();
    facts.server.ports.quic = None;
    facts.server.ports.h3 = None;
    let option = dhcp::dnr(&facts).unwrap();
    let name = b"\x03dns\x04home\x07example\x00";
    let mut dot = vec![0, 1, 18];
    dot.extend_from_slice(name);
    dot.extend_from_slice(b"\x04\xc0\xa8\x01\x0a\x00\x01\x00\x04\x03dot");
    let mut doh = vec![0, 2, 18];
    doh.extend_from_slice(name);
    doh.extend_from_slice(b"\x04\xc0\xa8\x01\x0a\x00\x01\x00\x03\x02h2\x00\x07\x00\x10/dns-query{?dns}");
    let whole = [&[0, dot.len() as u8][..], &dot, &[0, doh.len() as u8], &doh].concat();
    assert_eq!(option, whole);
    let text = text(Thing::Dhcp, &facts);
    for line in [
        "dhcp-option=option:dns-server,192.168.1.10\n",
        "dhcp-option=option6:dns-server,[fd00::10]\n",
        "uci add_list dhcp.lan.dhcp_option='6,192.168.1.10'\n",
        "{ \"name\": \"domain-name-servers\", \"data\": \"192.168.1.10\" }\n",
        "uci add_list dhcp.lan.dnr='1 dns.home.example 192.168.1.10,fd00::10 alpn=dot'\n",
        "uci add_list dhcp.lan.dnr='2 dns.home.example 192.168.1.10,fd00::10 alpn=h2 dohpath=/dns-query{?dns}'\n",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    assert_eq!(dhcp::dnr(&own_authority()), None, "nobody could verify it");
    let text = text_of_dhcp(&own_authority());
    assert!(!text.contains("162"), "{text}");
}

fn text_of_dhcp(facts: &Facts) -> String {
    text(Thing::Dhcp, facts)
}

// ---- whatever the facts

/// Small, and the same on every run: xorshift.
struct Random(u64);

impl Random {
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut next = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 24) as u8
        };
        (0..len).map(|_| next()).collect()
    }
}

#[test]
fn everything_is_well_formed_for_any_facts() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut made = 0;
    for round in 0..4000 {
        let bytes = random.bytes(round % 400);
        made += artefacts::check_all(&artefacts::facts_of(&bytes));
    }
    assert!(made > 5000, "only {made} things could be made at all");
    for facts in [facts(), everything(), own_authority()] {
        assert!(artefacts::check_all(&facts) >= 15);
    }
}

#[test]
fn names_that_no_configuration_can_hold_are_left_out() {
    let mut odd = facts();
    odd.server.zones = [
        "a'b.example",
        "a b.example",
        "-x.example",
        "x/y.example",
        "\\000.example",
        ".",
        "\\$(id).example",
    ]
    .map(|text| text.replace(' ', "\\032").parse().unwrap())
    .to_vec();
    assert_eq!(make(Thing::Apple, &odd), Err(Unfit::NoZones));
    assert_eq!(odd.server.odd_zones().len(), 7);
    odd.server.zones.push("UPPER_case.Example".parse().unwrap());
    assert_eq!(odd.server.plain_zones(), ["upper_case.example"]);
    let profile = profile(&odd, Protocol::Https);
    assert_eq!(
        strings(&settings(&profile)["SupplementalMatchDomains"]),
        ["upper_case.example"]
    );
}

#[test]
fn a_devices_name_may_be_anything() {
    let mut facts = facts();
    facts.device.name = "</string><key>x</key> & '\"$(id)` \u{1}\u{202e}\n# x".to_owned();
    assert!(artefacts::check_all(&facts) >= 15);
    let profile = profile(&facts, Protocol::Https);
    assert_eq!(
        profile.as_dictionary().unwrap()["PayloadDisplayName"].as_string(),
        Some("dns.home.example (</string><key>x</key> & '\"$(id)` \u{202e}# x)")
    );
}
