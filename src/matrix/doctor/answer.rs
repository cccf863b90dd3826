//! DNS replies: read, followed along aliases, and compared with what was expected.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Fault;
use crate::matrix::range::is_private;
use crate::message::read::glance;
use crate::message::{Incoming, Name, NameRef, Rcode, Rtype, Section};

/// Longest chain of aliases that is followed.
const ALIASES: usize = 8;
/// Most records of an answer that are looked at.
const RECORDS: usize = 64;
/// What protection against DNS rebinding does.
const STRIPS: &str = "takes the private address out of the answer";
/// What an answer is that needs TCP and does not get it (RFC 7766, 5).
const CUT: &str = "is cut over UDP, and does not come over TCP";

/// What a record holds, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A or AAAA.
    Address(IpAddr),
    /// CNAME.
    Alias(Name),
    /// SRV (RFC 2782).
    Service {
        /// Lower comes first.
        priority: u16,
        /// Share among equals.
        weight: u16,
        /// Port.
        port: u16,
        /// Host.
        target: Name,
    },
}

/// A record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Owner.
    pub owner: Name,
    /// Seconds.
    pub ttl: u32,
    /// What it holds.
    pub data: Data,
}

/// What came back for a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Nothing within the time, or nobody listens.
    Silence,
    /// Bytes that are no reply.
    Unreadable,
    /// A reply that is cut (TC), and TCP brought none that is whole.
    Cut,
    /// A reply.
    Reply(Rcode, Vec<Held>),
}

/// Reads a reply. One that is cut counts for nothing: what it still holds may be any part of the answer (RFC 2181, 9).
#[must_use]
pub fn hear(message: &[u8]) -> Heard {
    let Ok(incoming) = Incoming::parse(message) else {
        return Heard::Unreadable;
    };
    if glance(message).is_some_and(|(_, is_cut)| is_cut) {
        return Heard::Cut;
    }
    let mut held = Vec::new();
    let mut rdata = Vec::new();
    let answers = incoming.records().filter(|item| item.section == Section::Answer);
    for item in answers.take(RECORDS) {
        if item.rdata(&mut rdata).is_err() {
            continue;
        }
        if let Some(data) = data(item.rtype, &rdata) {
            let owner = item.owner().as_ref().to_name();
            let ttl = item.ttl;
            held.push(Held { owner, ttl, data });
        }
    }
    Heard::Reply(incoming.rcode, held)
}

/// What RDATA holds.
fn data(rtype: Rtype, rdata: &[u8]) -> Option<Data> {
    let number = |at: usize| {
        let bytes = rdata.get(at..at + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    };
    Some(match rtype {
        Rtype::A => Data::Address(Ipv4Addr::from(<[u8; 4]>::try_from(rdata).ok()?).into()),
        Rtype::AAAA => Data::Address(Ipv6Addr::from(<[u8; 16]>::try_from(rdata).ok()?).into()),
        Rtype::CNAME => Data::Alias(NameRef::prefix_of(rdata)?.0.to_name()),
        Rtype::SRV => Data::Service {
            priority: number(0)?,
            weight: number(2)?,
            port: number(4)?,
            target: NameRef::prefix_of(rdata.get(6..)?)?.0.to_name(),
        },
        _ => return None,
    })
}

/// Reads a record from its line, `NAME TTL IN TYPE DATA`, as `dnsctl explain` has it.
#[must_use]
pub fn read_line(line: &str) -> Option<Held> {
    let mut words = line.split_ascii_whitespace();
    let owner = words.next()?.parse().ok()?;
    let ttl = words.next()?.parse().ok()?;
    let (_, rtype) = (words.next()?, words.next()?);
    let data = match rtype {
        "A" | "AAAA" => Data::Address(words.next()?.parse().ok()?),
        "CNAME" => Data::Alias(words.next()?.parse().ok()?),
        "SRV" => Data::Service {
            priority: words.next()?.parse().ok()?,
            weight: words.next()?.parse().ok()?,
            port: words.next()?.parse().ok()?,
            target: words.next()?.parse().ok()?,
        },
        _ => return None,
    };
    Some(Held { owner, ttl, data })
}

/// The addresses of a name in these records, along its aliases, and whether there was one.
#[must_use]
pub fn addresses(held: &[Held], name: &Name) -> (Vec<IpAddr>, bool) {
    let mut owner = name.clone();
    for step in 0..ALIASES {
        let of_owner = || held.iter().filter(|record| record.owner == owner);
        let found: Vec<IpAddr> = of_owner()
            .filter_map(|record| match record.data {
                Data::Address(address) => Some(address),
                _ => None,
            })
            .collect();
        let next = of_owner().find_map(|record| match &record.data {
            Data::Alias(target) => Some(target.clone()),
            _ => None,
        });
        match next {
            Some(target) if found.is_empty() => owner = target,
            _ => return (found, step > 0),
        }
    }
    (Vec::new(), true)
}

/// What addresses a name has for somebody: the two questions together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// To the question for A.
    pub v4: Heard,
    /// To that for AAAA.
    pub v6: Heard,
}

impl Seen {
    /// The addresses, IPv4 first, and whether an alias leads to them.
    #[must_use]
    pub fn addresses(&self, name: &Name) -> (Vec<IpAddr>, bool) {
        let mut all = Vec::new();
        let mut aliased = false;
        for heard in [&self.v4, &self.v6] {
            if let Heard::Reply(_, held) = heard {
                let (found, is_alias) = addresses(held, name);
                all.extend(found);
                aliased |= is_alias;
            }
        }
        all.dedup();
        (all, aliased)
    }

    /// What is wrong with an answer that is to be followed, and what was seen; none where it has an address.
    #[must_use]
    pub fn fault(&self, name: &Name) -> Option<(Fault, String)> {
        if !self.addresses(name).0.is_empty() {
            return None;
        }
        // The question for A is the one that everybody asks.
        Some(match &self.v4 {
            Heard::Silence => (Fault::AnswerSilent, "gets no answer".to_owned()),
            Heard::Unreadable => (
                Fault::AnswerFailed,
                "gets an answer that cannot be read".to_owned(),
            ),
            Heard::Cut => (Fault::AnswerCut, format!("gets an answer that {CUT}")),
            Heard::Reply(Rcode::NXDOMAIN, _) => (Fault::NoName, "does not exist (NXDOMAIN)".to_owned()),
            Heard::Reply(Rcode::NOERROR, held) if !held.is_empty() => (
                Fault::NoAddress,
                "is an alias that leads to no address".to_owned(),
            ),
            Heard::Reply(Rcode::NOERROR, _) => (Fault::NoAddress, "has no address".to_owned()),
            Heard::Reply(Rcode::REFUSED, _) => (Fault::AnswerRefused, "gets REFUSED".to_owned()),
            Heard::Reply(rcode, _) => (Fault::AnswerFailed, format!("gets {rcode}")),
        })
    }

    /// What AAAA is answered where A has addresses and AAAA gets an error, which programs built with musl take for both.
    #[must_use]
    pub fn broken_v6(&self) -> Option<String> {
        match (&self.v4, &self.v6) {
            (Heard::Reply(Rcode::NOERROR, held), v6) if !held.is_empty() => match v6 {
                Heard::Silence => Some("no answer".to_owned()),
                Heard::Unreadable => Some("an answer that cannot be read".to_owned()),
                Heard::Cut => Some(format!("an answer that {CUT}")),
                Heard::Reply(Rcode::NOERROR, _) => None,
                Heard::Reply(rcode, _) => Some(rcode.to_string()),
            },
            _ => None,
        }
    }
}

/// Judges what another resolver says of a name by the addresses that it should have. `views` are the addresses that
/// clients of other views get.
#[must_use]
pub fn compare(
    name: &Name,
    expected: &[IpAddr],
    seen: &Seen,
    views: &[(String, Vec<IpAddr>)],
) -> Option<(Fault, String)> {
    let (found, _) = seen.addresses(name);
    if found.is_empty() {
        let stripped = expected.iter().all(|address| is_private(*address));
        return Some(match seen.fault(name)? {
            (Fault::AnswerSilent, _) => (Fault::ResolverSilent, "does not answer".to_owned()),
            (Fault::AnswerRefused, _) => (Fault::ResolverRefused, "answers REFUSED".to_owned()),
            (Fault::NoName, _) => (
                Fault::ResolverAbsent,
                "says that the name does not exist (NXDOMAIN)".to_owned(),
            ),
            (Fault::NoAddress, _) if stripped => (Fault::ResolverStrips, STRIPS.to_owned()),
            (Fault::NoAddress, _) => (Fault::ResolverAbsent, "knows no address of it".to_owned()),
            (Fault::AnswerCut, _) => (Fault::ResolverCut, format!("gives an answer that {CUT}")),
            (_, said) => (Fault::ResolverFailed, said.replacen("gets", "answers", 1)),
        });
    }
    if found.iter().all(|address| expected.contains(address)) {
        let lost: Vec<&IpAddr> = expected
            .iter()
            .filter(|address| !found.contains(address))
            .collect();
        let of_asked = |address: &IpAddr| match (&seen.v4, &seen.v6) {
            (_, Heard::Reply(Rcode::NOERROR, _)) if address.is_ipv6() => true,
            (Heard::Reply(Rcode::NOERROR, _), _) => address.is_ipv4(),
            _ => false,
        };
        let stripped = lost
            .iter()
            .any(|address| is_private(**address) && of_asked(address));
        if stripped {
            return Some((Fault::ResolverStrips, STRIPS.to_owned()));
        }
        return lost_kind(expected, &found, seen);
    }
    let list = list(&found);
    let same = |others: &[IpAddr]| !others.is_empty() && found.iter().all(|one| others.contains(one));
    match views.iter().find(|(_, addresses)| same(addresses)) {
        Some((view, _)) => Some((
            Fault::ResolverView,
            format!("gives {list}, as clients of the view `{view}` get"),
        )),
        None => Some((
            Fault::ResolverOther,
            format!("gives {list} and not {}", self::list(expected)),
        )),
    }
}

/// A kind of address that the name has, and of which a resolver gives none. An error in the place of AAAA is another matter:
/// see [`Seen::broken_v6`].
fn lost_kind(expected: &[IpAddr], found: &[IpAddr], seen: &Seen) -> Option<(Fault, String)> {
    let lacks = |is_v6: bool| {
        expected.iter().any(|address| address.is_ipv6() == is_v6)
            && found.iter().all(|address| address.is_ipv6() != is_v6)
    };
    if lacks(false) {
        let how = match &seen.v4 {
            Heard::Reply(Rcode::NOERROR, _) => "gets none".to_owned(),
            Heard::Reply(rcode, _) => format!("gets {rcode}"),
            Heard::Silence => "gets no answer".to_owned(),
            Heard::Unreadable => "gets an answer that cannot be read".to_owned(),
            Heard::Cut => format!("gets an answer that {CUT}"),
        };
        return Some((
            Fault::ResolverNoV4,
            format!("gives AAAA alone: the question for A {how}"),
        ));
    }
    let is_empty = matches!(seen.v6, Heard::Reply(Rcode::NOERROR, _));
    (lacks(true) && is_empty).then(|| (Fault::ResolverNoV6, "gives A alone, and no AAAA".to_owned()))
}

/// Addresses in a line.
#[must_use]
pub fn list(addresses: &[IpAddr]) -> String {
    let mut shown: Vec<String> = addresses.iter().take(4).map(ToString::to_string).collect();
    if addresses.len() > 4 {
        shown.push(format!("and {} more", addresses.len() - 4));
    }
    shown.join(", ")
}

/// What is to be said of the answer to a question for SRV records of `owner`: those that are there, in their order, or
/// the error.
///
/// # Errors
/// What came in place of an answer.
pub fn services(heard: &Heard, owner: &Name) -> Result<Vec<(Name, u16)>, String> {
    match heard {
        Heard::Silence => Err("gets no answer".to_owned()),
        Heard::Unreadable => Err("gets an answer that cannot be read".to_owned()),
        Heard::Cut => Err(format!("gets an answer that {CUT}")),
        // Synapse takes these three for "there is none", and everything else for a failure.
        Heard::Reply(Rcode::NXDOMAIN | Rcode::NOTIMP, _) => Ok(Vec::new()),
        Heard::Reply(Rcode::NOERROR, held) => {
            let mut owner = owner.clone();
            for _ in 0..ALIASES {
                let alias = held.iter().find_map(|record| match &record.data {
                    Data::Alias(target) if record.owner == owner => Some(target.clone()),
                    _ => None,
                });
                match alias {
                    Some(target) => owner = target,
                    None => break,
                }
            }
            let mut found: Vec<(u16, u16, Name, u16)> = held
                .iter()
                .filter(|record| record.owner == owner)
                .filter_map(|record| match &record.data {
                    Data::Service {
                        priority,
                        weight,
                        port,
                        target,
                    } => Some((*priority, u16::MAX - weight, target.clone(), *port)),
                    _ => None,
                })
                .collect();
            found.sort_by_key(|found| (found.0, found.1));
            Ok(found
                .into_iter()
                .map(|(_, _, target, port)| (target, port))
                .collect())
        }
        Heard::Reply(rcode, _) => Err(format!("gets {rcode}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn reply(rcode: Rcode, lines: &[&str]) -> Heard {
        Heard::Reply(rcode, lines.iter().map(|line| read_line(line).unwrap()).collect())
    }

    fn seen(v4: Heard) -> Seen {
        Seen {
            v4,
            v6: reply(Rcode::NOERROR, &[]),
        }
    }

    const A: &str = "hearth.example. 300 IN A 192.168.1.10";

    #[test]
    fn each_way_in_which_a_resolver_stands_between_has_its_word() {
        let owner = name("hearth.example");
        let private: Vec<IpAddr> = vec!["192.168.1.10".parse().unwrap()];
        let public: Vec<IpAddr> = vec!["9.9.9.9".parse().unwrap()];
        let views = [("cloud".to_owned(), vec!["10.0.0.7".parse().unwrap()])];
        let empty = || reply(Rcode::NOERROR, &[]);
        for (expected, heard, fault) in [
            (&private, reply(Rcode::NOERROR, &[A]), None),
            (&private, empty(), Some(Fault::ResolverStrips)),
            (&public, empty(), Some(Fault::ResolverAbsent)),
            (&private, reply(Rcode::NXDOMAIN, &[]), Some(Fault::ResolverAbsent)),
            (&private, reply(Rcode::REFUSED, &[]), Some(Fault::ResolverRefused)),
            (&private, reply(Rcode::SERVFAIL, &[]), Some(Fault::ResolverFailed)),
            (&private, Heard::Silence, Some(Fault::ResolverSilent)),
            (&private, Heard::Unreadable, Some(Fault::ResolverFailed)),
            (&private, Heard::Cut, Some(Fault::ResolverCut)),
            (&public, reply(Rcode::NOERROR, &[A]), Some(Fault::ResolverOther)),
            (
                &private,
                reply(Rcode::NOERROR, &["hearth.example. 300 IN A 10.0.0.7"]),
                Some(Fault::ResolverView),
            ),
        ] {
            let said = compare(&owner, expected, &seen(heard.clone()), &views);
            assert_eq!(said.map(|(fault, _)| fault), fault, "{heard:?}");
        }
        // One of two was taken out.
        let both = [private[0], public[0]];
        let left = seen(reply(Rcode::NOERROR, &["hearth.example. 300 IN A 9.9.9.9"]));
        let said = compare(&owner, &both, &left, &[]);
        assert_eq!(said.map(|(fault, _)| fault), Some(Fault::ResolverStrips));
    }

    #[test]
    fn a_kind_of_address_that_a_resolver_loses_is_told() {
        let owner = name("hearth.example");
        let both: Vec<IpAddr> = vec!["9.9.9.9".parse().unwrap(), "2620:fe::9".parse().unwrap()];
        let v4 = || reply(Rcode::NOERROR, &["hearth.example. 300 IN A 9.9.9.9"]);
        let v6 = || reply(Rcode::NOERROR, &["hearth.example. 300 IN AAAA 2620:fe::9"]);
        let empty = || reply(Rcode::NOERROR, &[]);
        let failed = || reply(Rcode::SERVFAIL, &[]);
        let told = |v4, v6| compare(&owner, &both, &Seen { v4, v6 }, &[]);
        let lost = |fault, said: &str| Some((fault, said.to_owned()));
        assert_eq!(told(v4(), v6()), None);
        let alone = "gives A alone, and no AAAA";
        assert_eq!(told(v4(), empty()), lost(Fault::ResolverNoV6, alone));
        // An error for AAAA is told as that.
        assert_eq!(told(v4(), failed()), None);
        for (heard, how) in [
            (empty(), "gets none"),
            (failed(), "gets SERVFAIL"),
            (Heard::Silence, "gets no answer"),
            (Heard::Unreadable, "gets an answer that cannot be read"),
            (
                Heard::Cut,
                "gets an answer that is cut over UDP, and does not come over TCP",
            ),
        ] {
            let said = format!("gives AAAA alone: the question for A {how}");
            assert_eq!(told(heard, v6()), lost(Fault::ResolverNoV4, &said));
        }
    }

    #[test]
    fn a_reply_that_is_cut_counts_for_nothing() {
        let owner = name("hearth.example");
        // Header with QR and TC, and the question; the record that would follow is not there.
        let mut message = vec![0, 1, 0x82, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(owner.as_wire());
        message.extend_from_slice(&[0, 1, 0, 1]);
        assert_eq!(hear(&message), Heard::Cut);
        let said = "gets an answer that is cut over UDP, and does not come over TCP".to_owned();
        assert_eq!(
            seen(Heard::Cut).fault(&owner),
            Some((Fault::AnswerCut, said.clone()))
        );
        assert_eq!(services(&Heard::Cut, &owner), Err(said));
        let seen = Seen {
            v4: reply(Rcode::NOERROR, &[A]),
            v6: Heard::Cut,
        };
        let said = "an answer that is cut over UDP, and does not come over TCP";
        assert_eq!(seen.broken_v6().as_deref(), Some(said));
    }

    #[test]
    fn aliases_are_followed_and_loops_end() {
        let lines = ["a.example. 1 IN CNAME b.example.", "b.example. 1 IN A 192.0.2.1"];
        let held: Vec<Held> = lines.iter().map(|line| read_line(line).unwrap()).collect();
        assert_eq!(
            addresses(&held, &name("A.example")),
            (vec!["192.0.2.1".parse().unwrap()], true)
        );
        let lines = [
            "a.example. 1 IN CNAME b.example.",
            "b.example. 1 IN CNAME a.example.",
        ];
        let held: Vec<Held> = lines.iter().map(|line| read_line(line).unwrap()).collect();
        assert_eq!(addresses(&held, &name("a.example")), (Vec::new(), true));
    }

    #[test]
    fn services_come_in_their_order_and_errors_are_told() {
        let owner = name("_matrix-fed._tcp.hearth.example");
        let heard = reply(
            Rcode::NOERROR,
            &[
                "_matrix-fed._tcp.hearth.example. 300 IN SRV 20 9 1 c.example.",
                "_matrix-fed._tcp.hearth.example. 300 IN SRV 10 1 2 b.example.",
                "_matrix-fed._tcp.hearth.example. 300 IN SRV 10 5 3 a.example.",
            ],
        );
        let ports: Vec<u16> = services(&heard, &owner)
            .unwrap()
            .iter()
            .map(|(_, port)| *port)
            .collect();
        assert_eq!(ports, [3, 2, 1]);
        for (rcode, is_absent) in [
            (Rcode::NXDOMAIN, true),
            (Rcode::NOTIMP, true),
            (Rcode::SERVFAIL, false),
            (Rcode::REFUSED, false),
        ] {
            assert_eq!(services(&reply(rcode, &[]), &owner).is_ok(), is_absent, "{rcode}");
        }
    }

    #[test]
    fn hostile_bytes_are_heard_and_never_panic() {
        assert_eq!(hear(&[]), Heard::Unreadable);
        assert_eq!(hear(&[0xff; 600]), Heard::Unreadable);
        for line in ["", "a", "a 1 IN A x", "a 1 IN SRV 1 2", "a x IN A 1.2.3.4"] {
            assert_eq!(read_line(line), None, "{line}");
        }
    }
}
