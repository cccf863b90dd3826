//! The doctor of a Matrix server: what was seen on the way to it becomes findings, and these a verdict.
//!
//! The way has links, in order: the answer, the resolver of the machine, the delegation, a connection, TLS, the API for
//! servers, the keys, the clocks; then what clients need, and TURN. [`Report`] collects what each link showed and names the first
//! broken one. [`fault`] is the table of what can be wrong; [`answer`] reads and compares DNS replies; [`place`] knows
//! server names, URLs and where the specification says to connect; [`http`] and [`stun`] read replies. Nothing here looks at the
//! world: [`crate::ctl`] does. Read [`fault`] next.

pub mod answer;
pub mod fault;
pub mod http;
pub mod place;
pub mod stun;

use std::time::Duration;

pub use fault::{Class, Fault};

/// How a link fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// Works for some, or will cease to.
    Warning,
    /// The way ends here.
    Broken,
}

impl Grade {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Broken => "broken",
        }
    }
}

/// Who goes the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// Another homeserver.
    Server,
    /// A client.
    Client,
    /// A client that makes a call.
    Turn,
}

/// One link, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Who goes here.
    pub leg: Leg,
    /// What was looked at: `tcp 203.0.113.10:8448`.
    pub what: String,
    /// What was seen, in a few words.
    pub seen: String,
    /// How it fares.
    pub grade: Grade,
    /// What is wrong, where something is.
    pub fault: Option<Fault>,
    /// How long it took; none where nothing was waited for.
    pub took: Option<Duration>,
}

impl Link {
    /// Where its fault belongs: what a client or a call meets is theirs, whatever it is.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        let class = self.fault?.class();
        Some(match self.leg {
            Leg::Server => class,
            Leg::Client => Class::Client,
            Leg::Turn => Class::Turn,
        })
    }
}

/// Everything that was seen, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The links.
    pub links: Vec<Link>,
}

/// The end of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'r> {
    /// Nothing is wrong.
    Works,
    /// It works; this is the first thing to look at.
    WorksBut(&'r Link),
    /// The first broken link.
    Broken(&'r Link),
}

impl Report {
    /// The first broken link; without one the first warning.
    #[must_use]
    pub fn verdict(&self) -> Verdict<'_> {
        let first = |grade| self.links.iter().find(|link| link.grade == grade);
        match (first(Grade::Broken), first(Grade::Warning)) {
            (Some(link), _) => Verdict::Broken(link),
            (None, Some(link)) => Verdict::WorksBut(link),
            (None, None) => Verdict::Works,
        }
    }

    /// The exit code: 0, or that of the class.
    #[must_use]
    pub fn exit(&self) -> u8 {
        match self.verdict() {
            Verdict::Broken(link) => link.class().map_or(1, Class::exit),
            Verdict::Works | Verdict::WorksBut(_) => 0,
        }
    }

    /// Looks back at connections once all were tried: of each, whether it was over IPv6, its link, and whether it works.
    /// Where one works, another that is dead is a warning, and IPv6 has a word of its own. Says whether one works.
    pub fn settle_addresses(&mut self, tried: &[(bool, usize, bool)]) -> bool {
        let any = tried.iter().any(|(_, _, works)| *works);
        let v4 = tried.iter().any(|(is_v6, _, works)| *works && !is_v6);
        for (is_v6, link, works) in tried {
            let Some(link) = self.links.get_mut(*link) else {
                continue;
            };
            let is_reach = link.fault.is_some_and(|fault| fault.class() == Class::Reach);
            if *works || !any || !is_reach || link.grade != Grade::Broken {
                continue;
            }
            link.grade = Grade::Warning;
            if link.fault == Some(Fault::Forbidden) {
                continue;
            }
            link.fault = Some(if *is_v6 && v4 {
                Fault::Ipv6Dead
            } else {
                Fault::AddressDead
            });
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(leg: Leg, grade: Grade, fault: Fault) -> Link {
        Link {
            leg,
            what: "tcp".to_owned(),
            seen: String::new(),
            grade,
            fault: Some(fault),
            took: None,
        }
    }

    #[test]
    fn the_first_broken_link_decides_and_warnings_come_after() {
        let mut report = Report::default();
        assert_eq!((report.verdict(), report.exit()), (Verdict::Works, 0));
        report
            .links
            .push(link(Leg::Server, Grade::Warning, Fault::SrvDeprecated));
        assert_eq!(report.exit(), 0);
        assert!(matches!(report.verdict(), Verdict::WorksBut(_)));
        report
            .links
            .push(link(Leg::Client, Grade::Broken, Fault::PortClosed));
        assert_eq!(report.exit(), Class::Client.exit());
        report
            .links
            .insert(1, link(Leg::Server, Grade::Broken, Fault::PortClosed));
        assert_eq!(report.exit(), Class::Reach.exit());
    }

    #[test]
    fn an_address_that_was_left_out_on_purpose_is_not_called_dead() {
        let mut report = Report::default();
        report.links.push(link(Leg::Server, Grade::Ok, Fault::PortClosed));
        report
            .links
            .push(link(Leg::Server, Grade::Broken, Fault::Forbidden));
        assert!(report.settle_addresses(&[(false, 0, true), (true, 1, false)]));
        let forbidden = &report.links[1];
        assert_eq!(
            (forbidden.grade, forbidden.fault),
            (Grade::Warning, Some(Fault::Forbidden))
        );
    }

    #[test]
    fn a_dead_address_beside_one_that_works_is_a_warning() {
        for (tried, faults, any) in [
            (
                [(false, 0, true), (true, 1, false)],
                [Fault::PortClosed, Fault::Ipv6Dead],
                true,
            ),
            (
                [(false, 0, true), (false, 1, false)],
                [Fault::PortClosed, Fault::AddressDead],
                true,
            ),
            (
                [(false, 0, false), (true, 1, false)],
                [Fault::PortClosed, Fault::PortClosed],
                false,
            ),
            (
                [(true, 0, true), (true, 1, false)],
                [Fault::PortClosed, Fault::AddressDead],
                true,
            ),
        ] {
            let mut report = Report::default();
            for _ in 0..2 {
                report
                    .links
                    .push(link(Leg::Server, Grade::Broken, Fault::PortClosed));
            }
            assert_eq!(report.settle_addresses(&tried), any);
            let found: Vec<Option<Fault>> = report.links.iter().map(|link| link.fault).collect();
            assert_eq!(found, faults.map(Some));
            assert_eq!(report.links[1].grade == Grade::Warning, any);
        }
    }
}
