//! Profiles for iPhone, iPad, Mac and Vision Pro: which server to ask, and for which names.
//!
//! The keys are those of Apple's schema for the payload `com.apple.dnsSettings.managed`. Three things make the difference
//! for a private zone: `SupplementalMatchDomains`, so that all other names stay where they were; `ServerAddresses`, so that
//! the server's own name need not be found first; and identifiers that stay, so that a second download takes the place of
//! the first. `PayloadScope` is `System` because newer systems refuse DNS settings of a user. Ports are the usual ones only:
//! others are reported to be ignored. A profile with an authority of our own needs a switch on the phone besides, and is
//! reported not to work on a Mac. None of this could be tried on a device here.

use std::fmt::Write as _;

use super::quote::{slug, xml};
use super::{Artefact, Facts, HTTPS_PORT, TLS_PORT, Unfit};

/// What the profile makes the device speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// DNS over HTTPS.
    Https,
    /// DNS over TLS.
    Tls,
}

/// Media type of profiles.
pub const MEDIA_TYPE: &str = "application/x-apple-aspen-config";

/// RFC 9562, 6.6: the namespace of domain names, 6ba7b810-9dad-11d1-80b4-00c04fd430c8.
const NAMESPACE_DNS: u128 = 0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<plist version=\"1.0\">
";

/// The profile over HTTPS where that can be, else over TLS.
///
/// # Errors
/// Why it cannot be over HTTPS, where it cannot be over TLS either.
pub fn any(facts: &Facts) -> Result<Artefact, Unfit> {
    profile(facts, Protocol::Https).or_else(|why| profile(facts, Protocol::Tls).map_err(|_| why))
}

/// The profile, unsigned; [`super::cms`] signs it.
///
/// # Errors
/// What is missing, or a port that Apple's devices do not ask.
pub fn profile(facts: &Facts, protocol: Protocol) -> Result<Artefact, Unfit> {
    let authority = facts.authority()?;
    let domains = facts.wanted_zones()?;
    let mut settings = Dict::new(2);
    match protocol {
        Protocol::Https => {
            usual("DNS over HTTPS", facts.https_port()?, HTTPS_PORT)?;
            settings.string("DNSProtocol", "HTTPS");
            settings.string("ServerURL", &facts.doh_url()?);
        }
        Protocol::Tls => {
            usual("DNS over TLS", facts.tls_port()?, TLS_PORT)?;
            settings.string("DNSProtocol", "TLS");
            settings.string("ServerName", &facts.device_host()?);
        }
    }
    let addresses: Vec<String> = facts.addresses()?.iter().map(ToString::to_string).collect();
    settings.strings("ServerAddresses", &addresses);
    match domains {
        Some(domains) => settings.strings("SupplementalMatchDomains", &domains),
        // Else the device has no names at all where it cannot reach us. Systems that do not know the key pass it over.
        None => settings.flag("AllowFailover", true),
    }

    let (group, label) = (facts.group(), facts.label());
    let title = if label.is_empty() {
        group.clone()
    } else {
        format!("{group} ({label})")
    };
    let identifier = identifier(facts);
    let mut payloads = vec![payload(
        "com.apple.dnsSettings.managed",
        &format!("{identifier}.dns"),
        &format!("DNS of {group}"),
        |payload| payload.dict("DNSSettings", settings),
    )];
    if let Some(der) = authority {
        payloads.push(payload(
            "com.apple.security.root",
            &format!("{identifier}.authority"),
            &format!("Authority of {group}"),
            |payload| {
                payload.string("PayloadCertificateFileName", "authority.cer");
                payload.data("PayloadContent", der);
            },
        ));
    }

    let mut profile = Dict::new(0);
    profile.dicts("PayloadContent", payloads);
    profile.string(
        "PayloadDescription",
        &match facts.wanted_zones()? {
            Some(zones) => format!(
                "Names at or below {} are looked up at {group}; nothing else changes.",
                zones.join(", ")
            ),
            None => format!("All names are looked up at {group}."),
        },
    );
    profile.string("PayloadDisplayName", &title);
    profile.string("PayloadIdentifier", &identifier);
    profile.flag("PayloadRemovalDisallowed", false);
    profile.string("PayloadScope", "System");
    profile.string("PayloadType", "Configuration");
    profile.string("PayloadUUID", &uuid(&identifier));
    profile.number("PayloadVersion", 1);
    let text = format!("{HEAD}{}</plist>\n", profile.close());
    Ok(Artefact {
        file: facts.file(".mobileconfig"),
        media_type: MEDIA_TYPE,
        bytes: text.into_bytes(),
    })
}

fn usual(of: &'static str, is: u16, must: u16) -> Result<(), Unfit> {
    if is == must {
        Ok(())
    } else {
        Err(Unfit::Port { of, is, must })
    }
}

/// What decides whether a profile takes the place of another: the server's name backwards, and the device.
fn identifier(facts: &Facts) -> String {
    let group = facts.group();
    let labels: Vec<&str> = group.rsplit('.').collect();
    let device = &facts.device.name;
    let mut identifier = format!("{}.hearthdns", labels.join("."));
    let slug = slug(device);
    if !slug.is_empty() {
        let _ = write!(identifier, ".{slug}");
    }
    // What the slug loses still tells devices apart.
    if slug != *device {
        let digest = uuid(&format!("{device}.{group}"));
        let _ = write!(identifier, ".{}", digest.get(..8).unwrap_or_default());
    }
    identifier
}

/// The UUID of a name (version 5 of RFC 9562, 5.5).
#[must_use]
pub fn uuid(name: &str) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(&NAMESPACE_DNS.to_be_bytes());
    context.update(name.as_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    bytes[6] = bytes[6] & 0x0f | 0x50;
    // Variant 10: the two upper bits.
    bytes[8] = bytes[8] % 64 + 128;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02X}");
    }
    text
}

fn payload(kind: &str, identifier: &str, name: &str, more: impl FnOnce(&mut Dict)) -> Dict {
    let mut payload = Dict::new(1);
    more(&mut payload);
    payload.string("PayloadDisplayName", name);
    payload.string("PayloadIdentifier", identifier);
    payload.string("PayloadType", kind);
    payload.string("PayloadUUID", &uuid(identifier));
    payload.number("PayloadVersion", 1);
    payload
}

/// A dictionary of a property list, as it is written.
struct Dict {
    text: String,
    tabs: usize,
}

impl Dict {
    fn new(tabs: usize) -> Self {
        let mut dict = Dict {
            text: String::new(),
            tabs,
        };
        dict.line(0, "<dict>");
        dict
    }

    fn line(&mut self, deeper: usize, line: &str) {
        self.text.extend(std::iter::repeat_n('\t', self.tabs + deeper));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn key(&mut self, key: &str, value: &str) {
        self.line(1, &format!("<key>{key}</key>{value}"));
    }

    fn string(&mut self, key: &str, value: &str) {
        self.key(key, &format!("<string>{}</string>", xml(value)));
    }

    fn strings(&mut self, key: &str, values: &[String]) {
        self.key(key, "<array>");
        for value in values {
            self.line(2, &format!("<string>{}</string>", xml(value)));
        }
        self.line(1, "</array>");
    }

    fn data(&mut self, key: &str, bytes: &[u8]) {
        let text = data_encoding::BASE64.encode(bytes);
        self.key(key, &format!("<data>{text}</data>"));
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.key(key, if value { "<true/>" } else { "<false/>" });
    }

    fn number(&mut self, key: &str, value: u32) {
        self.key(key, &format!("<integer>{value}</integer>"));
    }

    fn dict(&mut self, key: &str, value: Dict) {
        self.key(key, "");
        self.text.push_str(&value.close());
    }

    fn dicts(&mut self, key: &str, values: Vec<Dict>) {
        self.key(key, "<array>");
        for value in values {
            self.text.push_str(&value.close());
        }
        self.line(1, "</array>");
    }

    fn close(mut self) -> String {
        self.line(0, "</dict>");
        self.text
    }
}
