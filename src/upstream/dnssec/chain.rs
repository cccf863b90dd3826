//! The walk from a trust anchor down to a name, zone by zone (RFC 4035, 5).
//!
//! At each label below a proven zone its DS is asked for. A DS leads to the keys of the next zone; a proof that
//! there is none says that the name is no zone, that it is an unsigned one, or that it does not exist; anything
//! else is bogus. What was found is kept in [`Known`].

use std::sync::{Arc, MutexGuard, PoisonError};

use tracing::warn;

use super::denial::{Cut, Proofs};
use super::keys::{Budget, Ds, Keys, ancestor, check, prove_keys, spend, usable};
use super::known::{Known, Status};
use super::sets::Sets;
use super::{LookUp, Validator, is_suspended};
use crate::config::limits;
use crate::engine::fetch::Failure;
use crate::message::{Ede, Incoming, Name, NameRef, Rtype, Section};

/// What holds for a name.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    /// It lies in a signed zone with these keys.
    Keys(Arc<Keys>),
    /// It does not; perhaps with a word for the client why.
    Unsigned(Option<(Ede, &'static str)>),
}

/// NSEC and NSEC3 sets of a reply that hold.
pub(super) struct Collected {
    pub(super) proofs: Proofs,
    /// Their places among the reply's sets.
    pub(super) used: Vec<usize>,
    /// Seconds for which they may be kept.
    pub(super) ttl: u32,
    /// Why the first that does not hold does not.
    pub(super) wrong: Option<Failure>,
}

impl Collected {
    /// What to say where the proofs do not suffice.
    pub(super) fn complaint(&self, sets: &Sets) -> Failure {
        let is_denial = |rtype| matches!(rtype, Rtype::NSEC | Rtype::NSEC3);
        match self.wrong {
            Some(wrong) => wrong,
            None if sets.all.iter().any(|set| is_denial(set.rtype)) => {
                Failure::Bogus(Ede::NSEC_MISSING, "the proofs of absence do not suffice")
            }
            None => Failure::Bogus(Ede::NSEC_MISSING, "a proof of absence is missing"),
        }
    }
}

/// Checks the NSEC and NSEC3 sets of a reply that this zone signed.
pub(super) fn collect(sets: &Sets, keys: &Keys, budget: &mut Budget) -> Collected {
    let (mut used, mut ttl, mut wrong) = (Vec::new(), u32::MAX, None);
    for (at, set) in sets.all.iter().enumerate() {
        if set.section != Section::Authority || !matches!(set.rtype, Rtype::NSEC | Rtype::NSEC3) {
            continue;
        }
        match check(set, keys, budget) {
            // One that comes from a wildcard proves nothing for the name that it was expanded to.
            Ok(signed) if signed.wildcard.is_none() => {
                used.push(at);
                ttl = ttl.min(signed.ttl);
            }
            Ok(_) => {}
            Err(failure) => wrong = wrong.or(Some(failure)),
        }
    }
    let held = used.iter().filter_map(|at| sets.all.get(*at));
    Collected {
        proofs: Proofs::new(&keys.zone, held),
        used,
        ttl,
        wrong,
    }
}

impl Validator {
    /// The zone that a name lies in, as deep as the anchors and the parents lead.
    pub(super) async fn zone_of(
        &self,
        ask: &impl LookUp,
        target: NameRef<'_>,
        budget: &mut Budget,
    ) -> Result<Zone, Failure> {
        let Some(anchor) = self.anchors.above(target) else {
            return Ok(Zone::Unsigned(None));
        };
        if is_suspended(&self.negative, &self.anchors, target, budget.now) {
            return Ok(Zone::Unsigned(None));
        }
        let Status::Keys(mut keys) = self.status(ask, anchor, None, budget).await? else {
            return Ok(Zone::Unsigned(None));
        };
        for labels in anchor.as_ref().label_count() + 1..=target.label_count() {
            let name = ancestor(target, labels);
            // What our zones and private routes answer is never asked of the others.
            if ask.is_private(name) {
                return Ok(Zone::Unsigned(None));
            }
            match self
                .status(ask, &name.to_lowercase(), Some(&keys), budget)
                .await?
            {
                Status::Keys(next) => keys = next,
                Status::Unsigned(why) => return Ok(Zone::Unsigned(why)),
                Status::NoCut => {}
                Status::NoName => break,
                Status::Bogus(ede, why) => return Err(Failure::Bogus(ede, why)),
            }
        }
        Ok(Zone::Keys(keys))
    }

    /// The status of a name below a proven zone, or of an anchored zone where there is no parent.
    async fn status(
        &self,
        ask: &impl LookUp,
        name: &Name,
        parent: Option<&Keys>,
        budget: &mut Budget,
    ) -> Result<Status, Failure> {
        let is_timed = budget.now.is_some();
        match self.known().get(name, self.seconds(), is_timed) {
            Some(Status::Bogus(ede, why)) => return Err(Failure::Bogus(ede, why)),
            Some(status) => return Ok(status),
            None => {}
        }
        let found = match parent {
            Some(parent) => self.find_status(ask, name, parent, budget).await,
            None => self.find_anchored(ask, name, budget).await,
        };
        let (status, ttl) = match &found {
            Ok((status, ttl)) => (status.clone(), (*ttl).min(limits::DNSSEC_KEEP.default as u32)),
            Err(Failure::Bogus(ede, why)) => {
                if parent.is_none() {
                    // Then every signed name fails, and the reason is seldom an attack.
                    warn!(
                        "the keys of {name} do not fit the trust anchors: {why}; do the upstreams pass DNSSEC on?"
                    );
                }
                // Another server may say better next time.
                ask.forget(name, Rtype::DS);
                ask.forget(name, Rtype::DNSKEY);
                (Status::Bogus(*ede, why), limits::DNSSEC_BOGUS.default as u32)
            }
            Err(failure) => return Err(*failure),
        };
        let until = self.seconds().saturating_add(ttl);
        self.known().put(name, status, until, is_timed);
        found.map(|(status, _)| status)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn find_anchored(
        &self,
        ask: &impl LookUp,
        zone: &Name,
        budget: &mut Budget,
    ) -> Result<(Status, u32), Failure> {
        let ds = self.anchors.of(zone.as_ref()).unwrap_or_default();
        self.find_keys(ask, zone, &usable(ds), budget).await
    }

    /// Asks for the DS and reads what the parent says of the name.
    async fn find_status(
        &self,
        ask: &impl LookUp,
        name: &Name,
        parent: &Keys,
        budget: &mut Budget,
    ) -> Result<(Status, u32), Failure> {
        let (reply, left) = look_up(ask, name, Rtype::DS, budget).await?;
        let sets = read(&reply)?;
        let holds = |at: usize, budget: &mut Budget| match sets.all.get(at) {
            Some(set) => check(set, parent, budget).map(|signed| (set, signed)),
            None => Err(Failure::BadReply),
        };
        if let Some(at) = sets.answer(name.as_ref(), Rtype::DS) {
            let (set, signed) = holds(at, budget)?;
            if signed.wildcard.is_some() {
                return Err(Failure::Bogus(
                    Ede::DNSSEC_BOGUS,
                    "a DS record comes from a wildcard",
                ));
            }
            let all: Vec<Ds> = set.rdatas.iter().filter_map(|rdata| Ds::read(rdata)).collect();
            let ds = usable(&all);
            let ttl = signed.ttl.min(left);
            if ds.is_empty() {
                return Ok((Status::Unsigned(all.first().map(Ds::unsupported)), ttl));
            }
            let (status, keys_ttl) = self.find_keys(ask, name, &ds, budget).await?;
            return Ok((status, keys_ttl.min(ttl)));
        }
        if let Some(at) = sets.answer(name.as_ref(), Rtype::CNAME)
            && sets.all.get(at).is_some_and(|set| !set.signatures.is_empty())
        {
            // An alias is no zone (RFC 1034, 3.6.2).
            let (_, signed) = holds(at, budget)?;
            return Ok((Status::NoCut, signed.ttl.min(left)));
        }
        let dname = sets.all.iter().position(|set| {
            set.rtype == Rtype::DNAME
                && set.owner != *name
                && name.as_ref().is_at_or_below(set.owner.as_ref())
        });
        if let Some(at) = dname {
            // Nothing stands below a DNAME (RFC 6672, 2.4).
            let (_, signed) = holds(at, budget)?;
            return Ok((Status::NoName, signed.ttl.min(left)));
        }
        let collected = collect(&sets, parent, budget);
        let status = match collected.proofs.cut_at(name.as_ref(), budget) {
            Cut::None => Status::NoCut,
            Cut::NoName => Status::NoName,
            Cut::Unsigned(why) => Status::Unsigned(why),
            Cut::Unproven => return Err(collected.complaint(&sets)),
        };
        Ok((status, collected.ttl.min(left)))
    }

    /// Asks for the zone's keys and proves them by what its parent says.
    async fn find_keys(
        &self,
        ask: &impl LookUp,
        zone: &Name,
        parents: &[Ds],
        budget: &mut Budget,
    ) -> Result<(Status, u32), Failure> {
        let (reply, left) = look_up(ask, zone, Rtype::DNSKEY, budget).await?;
        let sets = read(&reply)?;
        let at = sets.answer(zone.as_ref(), Rtype::DNSKEY);
        let set = at
            .and_then(|at| sets.all.get(at))
            .ok_or(Failure::Bogus(Ede::DNSKEY_MISSING, "a signed zone shows no key"))?;
        let (keys, signed) = prove_keys(set, parents, budget)?;
        Ok((Status::Keys(Arc::new(keys)), signed.ttl.min(left)))
    }
}

async fn look_up(
    ask: &impl LookUp,
    name: &Name,
    rtype: Rtype,
    budget: &mut Budget,
) -> Result<(Vec<u8>, u32), Failure> {
    if !spend(&mut budget.lookups) {
        return Err(Failure::Bogus(
            Ede::DNSSEC_INDETERMINATE,
            "the proof takes more look-ups than are made",
        ));
    }
    ask.look_up(name, rtype).await
}

fn read(reply: &[u8]) -> Result<Sets, Failure> {
    let incoming = Incoming::parse(reply).map_err(|_| Failure::BadReply)?;
    Sets::of(&incoming).map_err(|_| super::TOO_MANY_SETS)
}
