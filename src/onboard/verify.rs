//! Whether a router does what it was told, judged by what it answers.
//!
//! For each zone two questions are enough: an address that only our zone holds, and the SOA of the zone. A right address
//! is right. A zone whose SOA comes and whose address does not was forwarded, and the router took the address away. One
//! whose SOA is not ours was never forwarded. Who asks, and over what, is the caller's: [`crate::ctl`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::router::{Guide, Role};
use crate::message::{Incoming, Name, NameRef, Rcode, Rtype, Section};

/// What a zone of ours would answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The zone.
    pub zone: Name,
    /// Primary server and mailbox of its SOA; none where that is not known.
    pub soa: Option<(Name, Name)>,
    /// A name with its addresses, of one family, private ones where there are any.
    pub host: Option<(Name, Vec<IpAddr>)>,
}

impl Expected {
    /// The questions to ask, the address first.
    pub fn questions(&self) -> impl Iterator<Item = (NameRef<'_>, Rtype)> {
        let host = self.host.as_ref().and_then(|(name, addresses)| {
            let rtype = if addresses.first()?.is_ipv4() {
                Rtype::A
            } else {
                Rtype::AAAA
            };
            Some((name.as_ref(), rtype))
        });
        host.into_iter().chain([(self.zone.as_ref(), Rtype::SOA)])
    }
}

/// What came back for one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Nothing within the time, or nobody listens.
    Nothing,
    /// Bytes that are no reply to it.
    Unreadable,
    /// A reply.
    Reply {
        /// Its response code.
        rcode: Rcode,
        /// Addresses of its answer.
        addresses: Vec<IpAddr>,
        /// Primary server and mailbox of the SOA in its answer.
        soa: Option<(Name, Name)>,
    },
}

/// Reads a reply to a question of [`Expected::questions`].
#[must_use]
pub fn hear(message: &[u8]) -> Heard {
    let Ok(incoming) = Incoming::parse(message) else {
        return Heard::Unreadable;
    };
    let (mut addresses, mut soa) = (Vec::new(), None);
    let mut room = Vec::new();
    for item in incoming.records().filter(|item| item.section == Section::Answer) {
        let Ok(rdata) = item.rdata_in(&mut room) else {
            continue;
        };
        match item.rtype {
            Rtype::A => addresses.extend(<[u8; 4]>::try_from(rdata).map(|a| IpAddr::from(Ipv4Addr::from(a)))),
            Rtype::AAAA => {
                addresses.extend(<[u8; 16]>::try_from(rdata).map(|a| IpAddr::from(Ipv6Addr::from(a))));
            }
            Rtype::SOA => soa = soa_names(rdata),
            _ => {}
        }
    }
    Heard::Reply {
        rcode: incoming.rcode,
        addresses,
        soa,
    }
}

/// Primary server and mailbox in the RDATA of an SOA (RFC 1035, 3.3.13).
#[must_use]
pub fn soa_names(rdata: &[u8]) -> Option<(Name, Name)> {
    let (primary, rest) = NameRef::prefix_of(rdata)?;
    let (mailbox, _) = NameRef::prefix_of(rest)?;
    Some((primary.to_name(), mailbox.to_name()))
}

/// How it stands with one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The zone's own answer came.
    Right,
    /// The zone is forwarded, and the router takes private addresses out of the answer.
    Stripped,
    /// The router asked somebody else, or answered itself.
    NotForwarded,
    /// The zone is forwarded, and this name does not exist for whoever asks through the router.
    Missing,
    /// The answer holds other addresses.
    Other(Vec<IpAddr>),
    /// REFUSED.
    Refused,
    /// SERVFAIL or another error; which.
    Failed(Rcode),
    /// No answer in time.
    Silent,
    /// The time for all questions was over before this zone's turn.
    NotAsked,
}

impl Verdict {
    /// The word for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Stripped => "stripped",
            Self::NotForwarded => "not-forwarded",
            Self::Missing => "missing",
            Self::Other(_) => "other-address",
            Self::Refused => "refused",
            Self::Failed(_) => "failed",
            Self::Silent => "silent",
            Self::NotAsked => "not-asked",
        }
    }

    /// What is wrong, and what to look at; for the router that forwards, not for the server itself.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Right => "answers as the zone does".to_owned(),
            Self::Stripped => "is forwarded, but the router takes the private address out of the answer (protection against DNS rebinding): let it pass for this zone".to_owned(),
            Self::NotForwarded => "is not forwarded to this server: the router answers itself or asks somebody else".to_owned(),
            Self::Missing => "is forwarded, but the name does not exist for the router: it may remember an earlier answer (restart its DNS), or the server shows it another view".to_owned(),
            Self::Other(found) => {
                let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                format!(
                    "has another address through the router ({}): a public record, an entry of the router's own, or an earlier answer",
                    found.join(", ")
                )
            }
            Self::Refused => "is refused: by the router, or by this server to the router; `clients` in its configuration must hold the router's address".to_owned(),
            Self::Failed(rcode) => format!(
                "fails ({rcode}): the router cannot reach this server, or validates signatures (DNSSEC) that a private zone does not have"
            ),
            Self::Silent => "gets no answer: nothing at this address answers DNS, or a firewall is between".to_owned(),
            Self::NotAsked => "was not asked: the time was over".to_owned(),
        }
    }

    /// Which lines of a guide mend it.
    const fn cures(&self) -> &'static [Role] {
        match self {
            Self::Stripped => &[Role::Exempt],
            Self::NotForwarded | Self::Other(_) => &[Role::Forward, Role::Local],
            Self::Failed(_) => &[Role::Insecure, Role::Forward],
            Self::Right | Self::Missing | Self::Refused | Self::Silent | Self::NotAsked => &[],
        }
    }

    /// The lines of `guide` for the zone of this number that mend it, in its order; what belongs around them (a clause, a
    /// restart) only the whole guide has.
    #[must_use]
    pub fn cure<'g>(&self, guide: &'g Guide, zone: usize) -> Vec<&'g str> {
        guide.lines(zone, self.cures()).collect()
    }
}

/// Judges a zone by what came back for its questions, in their order.
#[must_use]
pub fn judge(expected: &Expected, heard: &[Heard]) -> Verdict {
    let (host, zone) = match (&expected.host, heard) {
        (Some((_, addresses)), [host, zone]) => (Some((addresses, host)), zone),
        (None, [zone]) => (None, zone),
        _ => return Verdict::NotAsked,
    };
    let is_ours = |soa: &(Name, Name)| expected.soa.as_ref().is_none_or(|ours| ours == soa);
    let forwarded = matches!(zone, Heard::Reply { soa: Some(soa), .. } if is_ours(soa));
    let error = |heard: &Heard| match heard {
        Heard::Reply {
            rcode: Rcode::REFUSED,
            ..
        } => Some(Verdict::Refused),
        Heard::Reply {
            rcode: Rcode::NOERROR | Rcode::NXDOMAIN,
            ..
        } => None,
        Heard::Reply { rcode, .. } => Some(Verdict::Failed(*rcode)),
        Heard::Unreadable => Some(Verdict::Failed(Rcode::FORMERR)),
        Heard::Nothing => Some(Verdict::Silent),
    };
    let Some((wanted, host)) = host else {
        return error(zone).unwrap_or(if forwarded {
            Verdict::Right
        } else {
            Verdict::NotForwarded
        });
    };
    match host {
        Heard::Reply { addresses, .. } if addresses.iter().any(|found| wanted.contains(found)) => {
            Verdict::Right
        }
        Heard::Reply { addresses, .. } if !addresses.is_empty() => {
            let mut found = addresses.clone();
            found.truncate(4);
            Verdict::Other(found)
        }
        _ => match (error(host), host) {
            (Some(error), _) => error,
            (None, _) if !forwarded => Verdict::NotForwarded,
            (
                None,
                Heard::Reply {
                    rcode: Rcode::NXDOMAIN,
                    ..
                },
            ) => Verdict::Missing,
            (None, _) => Verdict::Stripped,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn expected() -> Expected {
        Expected {
            zone: name("home.example"),
            soa: Some((name("ns.home.example"), name("hostmaster.home.example"))),
            host: Some((name("matrix.home.example"), vec!["192.168.1.20".parse().unwrap()])),
        }
    }

    fn reply(rcode: Rcode, addresses: &[&str], soa: Option<&str>) -> Heard {
        Heard::Reply {
            rcode,
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            soa: soa.map(|primary| (name(primary), name("hostmaster.home.example"))),
        }
    }

    #[test]
    fn each_state_of_a_router_has_a_verdict_of_its_own() {
        let ours = || reply(Rcode::NOERROR, &[], Some("NS.home.example"));
        let public = || reply(Rcode::NOERROR, &[], Some("ns.registrar.example"));
        let empty = || reply(Rcode::NOERROR, &[], None);
        let absent = || reply(Rcode::NXDOMAIN, &[], None);
        let refused = || reply(Rcode::REFUSED, &[], None);
        let failed = || reply(Rcode::SERVFAIL, &[], None);
        let right = || reply(Rcode::NOERROR, &["192.168.1.20"], None);
        let other: IpAddr = "203.0.113.1".parse().unwrap();
        for (host, zone, verdict) in [
            (right(), ours(), Verdict::Right),
            (right(), Heard::Nothing, Verdict::Right),
            (empty(), ours(), Verdict::Stripped),
            (absent(), ours(), Verdict::Missing),
            (absent(), absent(), Verdict::NotForwarded),
            (empty(), empty(), Verdict::NotForwarded),
            (absent(), public(), Verdict::NotForwarded),
            (
                reply(Rcode::NOERROR, &["203.0.113.1"], None),
                public(),
                Verdict::Other(vec![other]),
            ),
            (refused(), refused(), Verdict::Refused),
            (failed(), failed(), Verdict::Failed(Rcode::SERVFAIL)),
            (Heard::Nothing, Heard::Nothing, Verdict::Silent),
            (Heard::Unreadable, ours(), Verdict::Failed(Rcode::FORMERR)),
        ] {
            assert_eq!(
                judge(&expected(), &[host.clone(), zone.clone()]),
                verdict,
                "{host:?} {zone:?}"
            );
        }
        let bare = Expected {
            host: None,
            ..expected()
        };
        assert_eq!(judge(&bare, &[ours()]), Verdict::Right);
        assert_eq!(judge(&bare, &[public()]), Verdict::NotForwarded);
        assert_eq!(judge(&bare, &[]), Verdict::NotAsked);
    }

    #[test]
    fn each_wrong_verdict_finds_its_line() {
        use super::super::router::{Kind, Wish, guide};
        let wish = Wish {
            zones: vec!["lab.test".to_owned()],
            servers: vec!["192.168.1.10:53".parse().unwrap()],
            undo: false,
        };
        let unbound = guide(Kind::Unbound, &wish).unwrap();
        assert_eq!(
            Verdict::Stripped.cure(&unbound, 0),
            ["  private-domain: \"lab.test.\""]
        );
        assert_eq!(
            Verdict::NotForwarded.cure(&unbound, 0),
            [
                "  local-zone: \"lab.test.\" transparent",
                "forward-zone:",
                "  name: \"lab.test.\"",
                "  forward-addr: 192.168.1.10"
            ]
        );
        assert_eq!(
            Verdict::Failed(Rcode::SERVFAIL).cure(&unbound, 0).first(),
            Some(&"  domain-insecure: \"lab.test.\"")
        );
        assert!(Verdict::Right.cure(&unbound, 0).is_empty());
        assert!(Verdict::Stripped.cure(&unbound, 1).is_empty());
    }

    #[test]
    fn hostile_bytes_are_heard_and_never_panic() {
        assert_eq!(hear(&[]), Heard::Unreadable);
        assert_eq!(hear(&[0xff; 600]), Heard::Unreadable);
        assert_eq!(soa_names(&[1]), None);
    }
}
