//! Validation of what upstreams say (RFC 4033 to 4035, 5155, 6840), optional.
//!
//! `Validator::prove` takes a reply that was asked for with DO and CD, follows it from a trust anchor to
//! every record set that answers the question, and says: secure, not signed, or bogus and why (RFC 8914). It
//! asks for DS and DNSKEY through `LookUp`, so through our own upstreams, cache and bounds.
//!
//! **Why the walk is ours.** hickory-net's validating handle was read first (0.26.3). It cannot be used here:
//! it drops the reason of each failure, so no extended error can be told; it checks a denial against the name
//! that was asked even behind an alias, so a signed CNAME that leads into another signed zone without the type
//! comes out bogus; it bounds signatures for a set but neither look-ups nor work for a reply, and its cache by
//! entries and not by bytes; it has no negative trust anchors; and it hands back records regrouped by a hash
//! map, where we promise upstream's order. What is hard to write, the cryptography, is hickory-proto's over
//! ring (`keys`).
//!
//! **What a client gets.** Secure: AD, if the client set AD or DO, and only what was proven. Not signed: the
//! reply as it came, without AD. Bogus: SERVFAIL with the extended error; never a stale answer. CD: not
//! validated at all. Records that only serve proofs go to clients that set DO, or asked for them.
//!
//! **The clock.** A router without a battery starts in the past. While the clock is not to be believed
//! ([`crate::clock`]), all is validated but the times of signatures, and nothing gets AD: so the name of a
//! time server resolves, and forged data is still found out. What was proven so is proven again once the
//! clock is right.
//!
//! Read `chain` next, then `keys` and `denial`.

mod anchors;
mod chain;
mod denial;
mod keys;
mod known;
mod lookups;
mod sets;

use std::sync::{Arc, Mutex};
use std::time::Instant;

pub use anchors::Anchors;
use anchors::is_suspended;
use chain::{Collected, Zone, collect};
use denial::Denied;
use keys::{Budget, Keys, check};
use known::Known;
pub(super) use lookups::Lookups;
use sets::{Set, Sets};

use crate::clock::Clock;
use crate::config::{NegativeAnchor, limits};
use crate::engine::MAX_ALIASES;
use crate::engine::fetch::{Failure, Proven, Question};
use crate::message::{Ede, Incoming, Name, NameRef, Rcode, Rtype, Section};

const TOO_MANY_SETS: Failure = Failure::Bogus(
    Ede::DNSSEC_BOGUS,
    "the reply holds more record sets than are checked",
);

/// How a validation asks for DS and DNSKEY.
pub(super) trait LookUp: Sync {
    /// The reply in wire form, and for how many seconds it is still good.
    fn look_up(
        &self,
        name: &Name,
        rtype: Rtype,
    ) -> impl Future<Output = Result<(Vec<u8>, u32), Failure>> + Send;

    /// The reply was of no use: the next look-up asks again.
    fn forget(&self, name: &Name, rtype: Rtype);

    /// Whether a name is answered here or by private servers, so that nobody else may be asked for it.
    fn is_private(&self, name: NameRef<'_>) -> bool;
}

/// The validator: anchors, and what it has proven already.
#[derive(Debug)]
pub struct Validator {
    anchors: Anchors,
    negative: Vec<NegativeAnchor>,
    known: Mutex<Known>,
    epoch: Instant,
    clock: Arc<Clock>,
}

impl Validator {
    /// Validates from these anchors, but not below the negative ones, by this clock.
    #[must_use]
    pub fn new(anchors: Anchors, negative: Vec<NegativeAnchor>, clock: Arc<Clock>) -> Self {
        Validator {
            anchors,
            negative,
            known: Mutex::new(Known::new(limits::DNSSEC_BYTES.default_usize())),
            epoch: Instant::now(),
            clock,
        }
    }

    /// The negative trust anchors, those whose time is over included.
    #[must_use]
    pub fn negative(&self) -> &[NegativeAnchor] {
        &self.negative
    }

    /// Whether the clock is wrong, so that the times of signatures are not looked at.
    #[must_use]
    pub fn is_without_clock(&self) -> bool {
        self.now().is_none()
    }

    /// Proves a reply.
    pub(super) async fn prove(
        &self,
        ask: &impl LookUp,
        question: &Question,
        reply: &[u8],
    ) -> Result<Proven, Failure> {
        self.prove_at(ask, question, reply, self.now()).await
    }

    async fn prove_at(
        &self,
        ask: &impl LookUp,
        question: &Question,
        reply: &[u8],
        now: Option<u32>,
    ) -> Result<Proven, Failure> {
        let incoming = Incoming::parse(reply).map_err(|_| Failure::BadReply)?;
        let name = question.name.as_ref();
        if !matches!(incoming.rcode, Rcode::NOERROR | Rcode::NXDOMAIN) {
            // An error is nobody's signed word: the code passes, records beside it do not.
            return Ok(Proven {
                keep: Some(Vec::new()),
                ..Proven::default()
            });
        }
        // Signatures are not signed themselves (RFC 4035, 2.2).
        if question.rtype == Rtype::RRSIG || is_suspended(&self.negative, &self.anchors, name, now) {
            return Ok(Proven::default());
        }
        let mut work = Work {
            validator: self,
            ask,
            sets: Sets::of(&incoming).map_err(|_| TOO_MANY_SETS)?,
            budget: Budget::new(now),
            used: Vec::new(),
            ttl: u32::MAX,
            is_unsigned: false,
            note: None,
        };
        work.answer(question, incoming.rcode).await?;
        if work.is_unsigned {
            return Ok(Proven {
                note: work.note,
                ..Proven::default()
            });
        }
        Ok(Proven {
            is_secure: now.is_some(),
            keep: Some(work.sets.marks(&work.used)),
            ttl: Some(work.ttl),
            note: None,
        })
    }

    /// Unix time, where the clock is to be believed. Signatures count seconds in 32 bits and wrap (RFC 4034, 3.1.5).
    fn now(&self) -> Option<u32> {
        self.clock.now().map(|seconds| seconds as u32)
    }

    fn seconds(&self) -> u32 {
        self.epoch.elapsed().as_secs() as u32
    }
}

/// One reply under validation.
struct Work<'a, A> {
    validator: &'a Validator,
    ask: &'a A,
    sets: Sets,
    budget: Budget,
    /// Places of the sets that are proven.
    used: Vec<usize>,
    /// Seconds for which all of it may be kept.
    ttl: u32,
    /// A part of the answer lies in a zone that is not signed.
    is_unsigned: bool,
    note: Option<(Ede, &'static str)>,
}

impl<A: LookUp> Work<'_, A> {
    /// Follows the answer from the name asked for to its end, be that data or a denial.
    async fn answer(&mut self, question: &Question, rcode: Rcode) -> Result<(), Failure> {
        let mut name = question.name.as_ref().to_lowercase();
        for _ in 0..=MAX_ALIASES {
            if let Some(at) = self.sets.answer(name.as_ref(), question.rtype) {
                self.prove_set(at).await?;
                if rcode == Rcode::NXDOMAIN {
                    return Err(Failure::Bogus(
                        Ede::DNSSEC_BOGUS,
                        "data for a name that is denied",
                    ));
                }
                return Ok(());
            }
            let Some(at) = self.sets.answer(name.as_ref(), Rtype::CNAME) else {
                return self.deny(name.as_ref(), question.rtype, rcode).await;
            };
            let Some(target) = self.sets.all.get(at).and_then(alias_target) else {
                return Err(Failure::Bogus(Ede::DNSSEC_BOGUS, "an alias with two targets"));
            };
            match self.synthesis(name.as_ref(), &target, at) {
                Some(dname) => {
                    self.prove_set(dname).await?;
                    self.used.push(at);
                }
                None => self.prove_set(at).await?,
            }
            name = target;
        }
        Err(Failure::Bogus(
            Ede::DNSSEC_BOGUS,
            "the answer's aliases do not end",
        ))
    }

    /// The DNAME that an unsigned CNAME was made from, if it was (RFC 6672, 5.3.1).
    fn synthesis(&self, name: NameRef<'_>, target: &Name, cname: usize) -> Option<usize> {
        if self
            .sets
            .all
            .get(cname)
            .is_none_or(|set| !set.signatures.is_empty())
        {
            return None;
        }
        self.sets.all.iter().position(|set| {
            let owner = set.owner.as_ref();
            let is_above = set.rtype == Rtype::DNAME && set.section == Section::Answer && owner != name;
            is_above
                && name.is_at_or_below(owner)
                && alias_target(set)
                    .is_some_and(|to| substitute(name, owner, to.as_ref()).as_ref() == Some(target))
        })
    }

    /// Proves one set of the answer, and where it comes from a wildcard that nothing closer exists.
    async fn prove_set(&mut self, at: usize) -> Result<(), Failure> {
        let Some(set) = self.sets.all.get(at) else {
            return Err(Failure::BadReply);
        };
        let (owner, rtype) = (set.owner.clone(), set.rtype);
        let signer = signer_of(set);
        let Some(keys) = self.keys_for(owner.as_ref(), rtype, signer).await? else {
            return Ok(());
        };
        let Some(set) = self.sets.all.get(at) else {
            return Err(Failure::BadReply);
        };
        let signed = check(set, &keys, &mut self.budget)?;
        self.used.push(at);
        self.ttl = self.ttl.min(signed.ttl);
        if let Some(labels) = signed.wildcard {
            let collected = collect(&self.sets, &keys, &mut self.budget);
            let denied = collected
                .proofs
                .deny_closer(owner.as_ref(), labels, &mut self.budget);
            self.take(denied, &collected)?;
        }
        Ok(())
    }

    /// Proves that the name, or its type, does not exist.
    async fn deny(&mut self, name: NameRef<'_>, rtype: Rtype, rcode: Rcode) -> Result<(), Failure> {
        let speaks = |set: &&Set| {
            set.section == Section::Authority && matches!(set.rtype, Rtype::SOA | Rtype::NSEC | Rtype::NSEC3)
        };
        let signer = self
            .sets
            .all
            .iter()
            .filter(speaks)
            .flat_map(|set| &set.signatures)
            .map(|signature| &signature.signer)
            .filter(|signer| may_speak(signer.as_ref(), name, rtype))
            .max_by_key(|signer| signer.as_ref().label_count())
            .cloned();
        let Some(keys) = self.keys_for(name, rtype, signer).await? else {
            return Ok(());
        };
        let collected = collect(&self.sets, &keys, &mut self.budget);
        let denied = match rcode {
            Rcode::NXDOMAIN => collected.proofs.deny_name(name, &mut self.budget),
            _ => collected.proofs.deny_type(name, rtype, &mut self.budget),
        };
        self.take(denied, &collected)?;
        // The SOA says how long the denial holds (RFC 2308, 5), so it must be right as well.
        let is_soa = |set: &Set| set.section == Section::Authority && set.is(keys.zone.as_ref(), Rtype::SOA);
        if let Some(at) = self.sets.all.iter().position(is_soa)
            && let Some(set) = self.sets.all.get(at)
            && !self.is_unsigned
        {
            let signed = check(set, &keys, &mut self.budget)?;
            self.used.push(at);
            self.ttl = self.ttl.min(signed.ttl);
        }
        Ok(())
    }

    /// The keys that must have signed what is said of a name; none where it may be unsigned.
    async fn keys_for(
        &mut self,
        name: NameRef<'_>,
        rtype: Rtype,
        signer: Option<Name>,
    ) -> Result<Option<Arc<Keys>>, Failure> {
        let target = match &signer {
            Some(signer) => signer.as_ref(),
            // The parent speaks of a DS.
            None if rtype == Rtype::DS => name.parent().unwrap_or(name),
            None => name,
        };
        match self.validator.zone_of(self.ask, target, &mut self.budget).await? {
            Zone::Unsigned(why) => {
                self.is_unsigned = true;
                self.note = self.note.or(why);
                Ok(None)
            }
            Zone::Keys(keys) => match signer {
                Some(signer) if signer == keys.zone => Ok(Some(keys)),
                Some(_) => Err(Failure::Bogus(
                    Ede::DNSKEY_MISSING,
                    "signed in the name of a zone that does not exist",
                )),
                None => Err(Failure::Bogus(
                    Ede::RRSIGS_MISSING,
                    "a signed zone's answer has no signature",
                )),
            },
        }
    }

    fn take(&mut self, denied: Denied, collected: &Collected) -> Result<(), Failure> {
        match denied {
            Denied::Proven => {
                self.used.extend_from_slice(&collected.used);
                self.ttl = self.ttl.min(collected.ttl);
                Ok(())
            }
            Denied::Unsigned(why) => {
                self.is_unsigned = true;
                self.note = self.note.or(why);
                Ok(())
            }
            Denied::Unproven => Err(collected.complaint(&self.sets)),
        }
    }
}

/// The zone in whose name a set is signed.
fn signer_of(set: &Set) -> Option<Name> {
    let signers = set.signatures.iter().map(|signature| &signature.signer);
    let mut may = signers.filter(|signer| may_speak(signer.as_ref(), set.owner.as_ref(), set.rtype));
    may.next().cloned()
}

/// Whether a zone may sign what is said of a name: it lies above, and for DS strictly so (RFC 4035, 2.4, 5.3.1).
fn may_speak(zone: NameRef<'_>, name: NameRef<'_>, rtype: Rtype) -> bool {
    name.is_at_or_below(zone) && (rtype != Rtype::DS || zone != name || name.is_root())
}

/// The target of a CNAME or DNAME set; `None` unless it is exactly one.
fn alias_target(set: &Set) -> Option<Name> {
    match &set.rdatas[..] {
        [rdata] => NameRef::from_wire(rdata).map(NameRef::to_lowercase),
        _ => None,
    }
}

/// What a DNAME makes of a name below it (RFC 6672, 2.2); `None` if that is too long.
fn substitute(name: NameRef<'_>, owner: NameRef<'_>, target: NameRef<'_>) -> Option<Name> {
    let kept = name.label_count() - owner.label_count();
    let labels: Vec<&[u8]> = name.labels().take(kept).collect();
    let start = Some(target.to_lowercase());
    let made = labels
        .iter()
        .rev()
        .fold(start, |made, label| Name::prepend(label, made?.as_ref()));
    made.map(|made| made.as_ref().to_lowercase())
}

#[cfg(test)]
mod tests;
