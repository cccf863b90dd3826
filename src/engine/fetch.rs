//! What goes to upstreams and what comes back.
//!
//! A [`Question`] holds all that distinguishes one answer from another; a [`Fetched`] is its answer or the
//! reason why there is none. `pack` is the screen between the two: nothing of a reply goes further before
//! it was walked over from end to end and found to belong to the question.

use super::{Outcome, Rules};
use crate::cache::CacheKey;
use crate::message::name::MAX_NAME;
use crate::message::{CLASS_IN, Ede, Incoming, Name, Packed, Rcode, Rtype, Section, flag, read::ReadError};
use crate::policy::screen::{Chain, Verdict};

/// A question for an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// Name, in lower case.
    pub name: Name,
    /// Type.
    pub rtype: Rtype,
    /// Which upstreams to ask.
    pub route: u16,
    /// DO, as the client set it.
    pub dnssec_ok: bool,
    /// CD, as the client set it.
    pub checking_disabled: bool,
}

impl Question {
    /// What is asked where the answer is to be validated: with signatures, and without upstream's own
    /// validation, which would hide what is wrong (RFC 6840, 5.9).
    #[must_use]
    pub fn for_validation(&self) -> Self {
        Question {
            dnssec_ok: true,
            checking_disabled: true,
            ..self.clone()
        }
    }

    /// The key of its answer.
    #[must_use]
    pub fn cache_key(&self) -> CacheKey<'_> {
        CacheKey {
            name: self.name.as_ref(),
            rtype: self.rtype,
            route: self.route,
            dnssec_ok: self.dnssec_ok,
            checking_disabled: self.checking_disabled,
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No upstream is configured.
    NoUpstream,
    /// Nobody answered in time.
    TimedOut,
    /// The upstreams cannot be reached.
    Unreachable,
    /// What came could not be used.
    BadReply,
    /// Too many questions wait already.
    Overloaded,
    /// No answer within the time after which a stale one is served.
    Late,
    /// What came is not what its owner signed, and why (RFC 8914), see [`Failure::is_bogus`].
    Bogus(Ede, &'static str),
}

impl Failure {
    /// The extended error that tells the client (RFC 8914).
    #[must_use]
    pub fn extended_error(self) -> (Ede, &'static str) {
        match self {
            Self::NoUpstream => (Ede::NO_REACHABLE_AUTHORITY, "no upstream is configured"),
            Self::TimedOut => (Ede::NO_REACHABLE_AUTHORITY, "no upstream answered in time"),
            Self::Unreachable => (Ede::NO_REACHABLE_AUTHORITY, "no upstream can be reached"),
            Self::BadReply => (Ede::INVALID_DATA, "the upstreams' replies cannot be used"),
            Self::Overloaded => (Ede::OTHER, "too many questions wait for upstreams"),
            Self::Late => (Ede::NO_REACHABLE_AUTHORITY, "no upstream answered soon enough"),
            Self::Bogus(ede, why) => (ede, why),
        }
    }

    /// Whether data came that is wrong, so that nothing older may stand in for it.
    #[must_use]
    pub fn is_bogus(self) -> bool {
        // Keys that nobody gives are no word against the data.
        matches!(self, Self::Bogus(ede, _) if ede != Ede::DNSSEC_INDETERMINATE)
    }

    /// How the query counts.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Overloaded => Outcome::Overloaded,
            _ => Outcome::Failed,
        }
    }
}

/// What validation found out about a reply that is not bogus. The default: it is not signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proven {
    /// All that is kept of it is proven: the reply gets AD (RFC 4035, 3.2.3).
    pub is_secure: bool,
    /// For each record in the reply's order whether it is proven; `None`: keep all, nothing is.
    pub keep: Option<Vec<bool>>,
    /// Seconds for which the proof holds; `None`: without bound.
    pub ttl: Option<u32>,
    /// What the client may want to know of why it is not signed.
    pub note: Option<(Ede, &'static str)>,
}

/// The end of a question to upstream.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// Answered.
    Reply(Question, Packed),
    /// Not answered.
    Failed(Question, Failure),
}

impl Fetched {
    /// What was asked.
    #[must_use]
    pub fn question(&self) -> &Question {
        match self {
            Self::Reply(question, _) | Self::Failed(question, _) => question,
        }
    }
}

/// Why a reply cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It cannot be read.
    Unreadable(ReadError),
    /// It answers another question.
    OtherQuestion,
    /// It is not whole, although it came by a way that has room for all of it.
    Truncated,
    /// It holds an address that is not believed.
    Forged,
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::OtherQuestion => f.write_str("the reply belongs to another question"),
            Self::Truncated => f.write_str("the reply is truncated although there was room"),
            Self::Forged => f.write_str("the reply holds an address that is not to be believed"),
        }
    }
}
impl std::error::Error for Unusable {}

/// Reads a reply, leaves out what is not to be believed, and says for how many seconds it may be kept: 0 for
/// not at all. `is_exempt`: the name may lead to private addresses. `proven`: what validation found, where
/// it was asked to look.
pub(super) fn pack(
    question: &Question,
    reply: &[u8],
    rules: &Rules,
    is_exempt: bool,
    proven: Option<&Proven>,
) -> Result<(Packed, u32), Unusable> {
    let mut incoming = Incoming::parse(reply).map_err(Unusable::Unreadable)?;
    let same_name = incoming.question() == question.name.as_ref();
    if !same_name || incoming.qtype != question.rtype || incoming.qclass != CLASS_IN {
        return Err(Unusable::OtherQuestion);
    }
    // To pass it on without the mark would be to say that nothing is missing.
    if incoming.has(flag::TC) {
        return Err(Unusable::Truncated);
    }
    let screen = rules.screens.get(usize::from(question.route));
    let mut chain = Chain::of(&incoming);
    let mut room = Vec::with_capacity(MAX_NAME);
    let mut kept = Vec::with_capacity(incoming.record_count());
    let mut removed = false;
    for (place, item) in incoming.records().enumerate() {
        let is_wanted = proven.is_none_or(|proven| proven.wants(place, item.rtype, question));
        let verdict = match screen {
            Some(screen) => {
                let rdata = item.rdata_in(&mut room).map_err(Unusable::Unreadable)?;
                screen.judge(item.rtype, rdata, is_exempt)
            }
            None => Verdict::Keep,
        };
        if verdict == Verdict::Forged && item.section == Section::Answer {
            return Err(Unusable::Forged);
        }
        removed |= verdict == Verdict::Remove;
        kept.push(verdict == Verdict::Keep && chain.admits(&item) && is_wanted);
    }
    let mut kept = kept.into_iter();
    let mut errors = if removed {
        Ede::BLOCKED.option("private addresses were removed")
    } else {
        Vec::new()
    };
    if let Some(proven) = proven {
        // Upstream's word on what is authentic does not count beside ours.
        incoming.flags &= !flag::AD;
        if proven.is_secure && !removed {
            incoming.flags |= flag::AD;
        }
        if let Some((ede, why)) = proven.note {
            errors.extend_from_slice(&ede.option(why));
        }
    }
    let message = Packed::new(&incoming, |_| kept.next().unwrap_or(false), &errors);
    let mut message = message.map_err(Unusable::Unreadable)?;
    let mut ttl = time_to_keep(question, &incoming, &message, rules);
    if let Some(proven_for) = proven.and_then(|proven| proven.ttl) {
        message.cap_ttls(proven_for);
        ttl = ttl.min(proven_for);
    }
    Ok((message, ttl))
}

impl Proven {
    /// Whether a record goes to the client: it is proven where all must be, and it is more than a part of a
    /// proof, or the client wants those (RFC 4035, 3.2.1).
    fn wants(&self, place: usize, rtype: Rtype, question: &Question) -> bool {
        let is_proven = self
            .keep
            .as_ref()
            .is_none_or(|keep| keep.get(place) == Some(&true));
        let is_proof = matches!(rtype, Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3);
        is_proven && (!is_proof || question.dnssec_ok || question.rtype == rtype)
    }
}

/// RFC 2181, 5.4.1 and RFC 2308, 5: positive answers for their smallest TTL, negative ones as their SOA
/// says, everything else not at all.
fn time_to_keep(question: &Question, incoming: &Incoming<'_>, message: &Packed, rules: &Rules) -> u32 {
    if !matches!(incoming.rcode, Rcode::NOERROR | Rcode::NXDOMAIN) {
        return 0;
    }
    let positive = incoming.rcode == Rcode::NOERROR
        && incoming
            .records()
            .any(|item| item.section == Section::Answer && item.rtype == question.rtype);
    let smallest = message.as_ref().smallest_ttl().unwrap_or(0);
    let ttl = if positive {
        smallest
    } else {
        let negative = message
            .as_ref()
            .negative_ttl(question.name.as_ref(), question.rtype);
        negative.unwrap_or(0).min(smallest).min(rules.negative_max_ttl)
    };
    if ttl == 0 {
        0
    } else {
        ttl.clamp(rules.min_ttl.min(rules.max_ttl), rules.max_ttl)
    }
}
