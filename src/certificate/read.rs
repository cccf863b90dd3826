//! What a certificate says: whose it is, for which names, until when, and for an authority, what it may sign
//! (RFC 5280).
//!
//! Only what we show or decide by is read. Whether a signature holds is for TLS libraries to say.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::upstream::der::{self, SEQUENCE, element};

/// subjectAltName (RFC 5280, 4.2.1.6).
pub(super) const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// nameConstraints (RFC 5280, 4.2.1.10).
pub(super) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
/// commonName and organizationName (X.520).
pub(super) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// Tags of a GeneralName (RFC 5280, 4.2.1.6).
pub(super) const DNS_NAME: u8 = 0x82;
pub(super) const IP_ADDRESS: u8 = 0x87;
/// Permitted subtrees (RFC 5280, 4.2.1.10).
pub(super) const PERMITTED: u8 = 0xa0;
const SET: u8 = 0x31;
/// Longest name of an issuer that is shown.
const SHOWN: usize = 100;

/// A certificate as far as it concerns us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Host names, some with `*` in front.
    pub names: Vec<String>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
    /// Unix time in seconds from which on it is good.
    pub from: u64,
    /// And up to which.
    pub until: u64,
    /// Whom it names as its signer.
    pub issuer: String,
    /// Whose it is.
    pub subject: String,
}

impl Facts {
    /// Reads a certificate in DER; none if it is not one.
    #[must_use]
    pub fn read(certificate: &[u8]) -> Option<Self> {
        let (from, until) = der::validity(certificate)?;
        let (issuer, subject) = der::issuer_and_subject(certificate)?;
        let mut facts = Facts {
            names: Vec::new(),
            addresses: Vec::new(),
            from,
            until,
            issuer: shown_name(issuer),
            subject: shown_name(subject),
        };
        let all = der::extension(certificate, ALTERNATIVE_NAMES).and_then(|value| element(value, SEQUENCE));
        let mut rest = all.map_or(&[][..], |(_, inside, _)| inside);
        while let Some((tag, value, behind)) = next(rest) {
            rest = behind;
            match tag {
                DNS_NAME => facts.names.extend(printable(value)),
                IP_ADDRESS => facts.addresses.extend(address(value)),
                _ => {}
            }
        }
        Some(facts)
    }

    /// Whether it is good for this host name, that of a wildcard included (RFC 9525, 6.3).
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|held| {
            let below = held.strip_prefix('*');
            held.eq_ignore_ascii_case(name)
                || below.is_some_and(|below| {
                    name.split_once('.').is_some_and(|(_, rest)| {
                        below
                            .strip_prefix('.')
                            .is_some_and(|it| it.eq_ignore_ascii_case(rest))
                    })
                })
        })
    }
}

/// What an authority may sign: names at and below these, addresses in those.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permitted {
    /// Domains, without closing dot.
    pub domains: Vec<String>,
    /// Prefixes of addresses.
    pub prefixes: Vec<IpNet>,
}

impl Permitted {
    /// Reads it from the authority's certificate in DER; none if that does not say.
    #[must_use]
    pub fn read(certificate: &[u8]) -> Option<Self> {
        let (_, inside, _) = element(der::extension(certificate, NAME_CONSTRAINTS)?, SEQUENCE)?;
        let (_, mut rest, _) = element(inside, PERMITTED)?;
        let mut permitted = Permitted::default();
        while !rest.is_empty() {
            let (_, one, behind) = element(rest, SEQUENCE)?;
            rest = behind;
            match next(one)? {
                (DNS_NAME, value, _) => permitted.domains.extend(printable(value)),
                (IP_ADDRESS, value, _) => permitted.prefixes.extend(prefix(value)),
                _ => {}
            }
        }
        Some(permitted)
    }

    /// Whether a certificate for this host name may be signed.
    #[must_use]
    pub fn allows_name(&self, name: &str) -> bool {
        let name = name.strip_prefix("*.").unwrap_or(name);
        self.domains.iter().any(|domain| is_at_or_below(name, domain))
    }

    /// Whether a certificate for this address may be signed.
    #[must_use]
    pub fn allows_address(&self, address: IpAddr) -> bool {
        self.prefixes.iter().any(|prefix| prefix.contains(&address))
    }
}

/// Whether a name lies at or below a domain; both in text without closing dot.
pub(super) fn is_at_or_below(name: &str, domain: &str) -> bool {
    let cut = name.len().checked_sub(domain.len());
    cut.and_then(|cut| name.split_at_checked(cut))
        .is_some_and(|(front, back)| {
            back.eq_ignore_ascii_case(domain) && (front.is_empty() || front.ends_with('.'))
        })
}

/// The next element, whatever it is: its tag, its contents, what stands behind it.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let tag = *bytes.first()?;
    element(bytes, tag).map(|(_, inside, behind)| (tag, inside, behind))
}

/// A text that can be shown; nothing of one with control characters in it.
fn printable(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// An address and its mask, of which only those count that a prefix length can say.
fn prefix(bytes: &[u8]) -> Option<IpNet> {
    let (base, mask) = bytes.split_at_checked(bytes.len() / 2)?;
    IpNet::with_netmask(address(base)?, address(mask)?).ok()
}

/// A distinguished name as people see it: its common name, else its organization.
fn shown_name(name: &[u8]) -> String {
    let found = attribute(name, COMMON_NAME).or_else(|| attribute(name, ORGANIZATION));
    found.map_or_else(|| "nobody".to_owned(), |name| name.chars().take(SHOWN).collect())
}

/// The first value of an attribute in a distinguished name (RFC 5280, 4.1.2.4).
pub(super) fn attribute(name: &[u8], identifier: &[u8]) -> Option<String> {
    let (_, mut rest, _) = element(name, SEQUENCE)?;
    while !rest.is_empty() {
        let (_, set, behind) = element(rest, SET)?;
        rest = behind;
        let (_, pair, _) = element(set, SEQUENCE)?;
        let (_, found, value) = element(pair, der::OBJECT)?;
        if found == identifier {
            return next(value).and_then(|(_, text, _)| printable(text));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(params: &rcgen::CertificateParams) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn what_others_wrote_is_read() {
        let names = ["a.example", "*.b.example", "192.0.2.1", "2001:db8::1"].map(str::to_owned);
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(2027, 1, 1);
        params.not_after = rcgen::date_time_ymd(2060, 1, 1);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::OrganizationName, "An Authority");
        let facts = Facts::read(&made(&params)).unwrap();
        assert_eq!(facts.names, ["a.example", "*.b.example"]);
        assert_eq!(
            facts.addresses,
            ["192.0.2.1", "2001:db8::1"].map(|text| text.parse::<IpAddr>().unwrap())
        );
        assert_eq!((facts.from, facts.until), (1_798_761_600, 2_840_140_800));
        assert_eq!(
            (facts.issuer.as_str(), facts.subject.as_str()),
            ("An Authority", "An Authority")
        );
        for (name, is_covered) in [
            ("a.example", true),
            ("A.Example", true),
            ("x.b.example", true),
            ("b.example", false),
            ("x.y.b.example", false),
            ("xb.example", false),
            ("x.a.example", false),
        ] {
            assert_eq!(facts.covers(name), is_covered, "{name}");
        }
    }

    #[test]
    fn constraints_of_others_are_read() {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        assert_eq!(Permitted::read(&made(&params)), None);
        let net = rcgen::CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8);
        params.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: vec![
                rcgen::GeneralSubtree::DnsName("home.example".to_owned()),
                rcgen::GeneralSubtree::IpAddress(net),
            ],
            excluded_subtrees: Vec::new(),
        });
        let permitted = Permitted::read(&made(&params)).unwrap();
        for (name, is_allowed) in [
            ("home.example", true),
            ("*.home.example", true),
            ("a.b.Home.example", true),
            ("example", false),
            ("xhome.example", false),
            ("", false),
        ] {
            assert_eq!(permitted.allows_name(name), is_allowed, "{name}");
        }
        assert!(permitted.allows_address("10.1.2.3".parse().unwrap()));
        assert!(!permitted.allows_address("11.1.2.3".parse().unwrap()));
        assert!(!permitted.allows_address("::1".parse().unwrap()));
    }

    #[test]
    fn rubbish_is_no_certificate_and_nothing_panics() {
        let params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let whole = made(&params);
        for length in 0..whole.len() {
            let _ = (Facts::read(&whole[..length]), Permitted::read(&whole[..length]));
        }
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                let _ = (Facts::read(&changed), Permitted::read(&changed));
            }
        }
        assert_eq!(Facts::read(b""), None);
    }
}
