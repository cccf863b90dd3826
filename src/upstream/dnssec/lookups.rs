//! How a validation asks: through the same upstreams, single flight, cache and bounds as everybody.

use std::sync::Arc;

use tokio::time::Instant;

use super::LookUp;
use crate::engine::Engine;
use crate::engine::fetch::{Failure, Fetched, Question};
use crate::message::{Ede, Name, NameRef, Rtype};
use crate::upstream::{Upstreams, herald};
use crate::view::DEFAULT_ROUTE;

/// Asks for DS and DNSKEY on behalf of one question.
pub(in crate::upstream) struct Lookups<'a> {
    pub(in crate::upstream) upstreams: &'a Arc<Upstreams>,
    pub(in crate::upstream) engine: &'a Arc<Engine>,
    /// The route of the question, and its domain.
    pub(in crate::upstream) route: u16,
    pub(in crate::upstream) domain: &'a Name,
    pub(in crate::upstream) started: Instant,
}

impl Lookups<'_> {
    /// A route answers for its domain; what stands above it, its own DS included, is everybody's.
    fn question(&self, name: &Name, rtype: Rtype) -> Question {
        let zone = match rtype {
            Rtype::DS => name.as_ref().parent().unwrap_or(NameRef::ROOT),
            _ => name.as_ref(),
        };
        let is_routed = zone.is_at_or_below(self.domain.as_ref());
        Question {
            name: name.clone(),
            rtype,
            route: if is_routed { self.route } else { DEFAULT_ROUTE },
            dnssec_ok: true,
            // Upstream's own validation must not hide what is wrong; we look ourselves.
            checking_disabled: true,
        }
    }

    fn now(&self) -> u32 {
        self.started.elapsed().as_secs() as u32
    }
}

impl LookUp for Lookups<'_> {
    async fn look_up(&self, name: &Name, rtype: Rtype) -> Result<(Vec<u8>, u32), Failure> {
        let question = self.question(name, rtype);
        if let Some(cached) = self.engine.cached(&question, self.now()) {
            return cached.ok_or(NO_REPLY);
        }
        let (waiter, fetched) = herald();
        let joined = self
            .upstreams
            .join(self.engine, question, self.started, Some(waiter));
        joined.map_err(|_| Failure::Overloaded)?;
        match fetched.await {
            Ok(Fetched::Reply(_, message)) if message.as_ref().is_answer() => {
                let reply = message.as_ref().unpack(name.as_ref(), rtype);
                Ok((reply, u32::MAX))
            }
            Ok(Fetched::Reply(..)) => Err(NO_REPLY),
            Ok(Fetched::Failed(_, failure)) => Err(failure),
            // The program ends.
            Err(_) => Err(Failure::Unreachable),
        }
    }

    fn forget(&self, name: &Name, rtype: Rtype) {
        self.engine.forget(&self.question(name, rtype), self.now());
    }

    fn is_private(&self, name: NameRef<'_>) -> bool {
        self.engine.is_answered_here(name) || self.upstreams.is_exempt(name)
    }
}

/// The keys cannot be had at all.
const NO_REPLY: Failure = Failure::Bogus(
    Ede::DNSSEC_INDETERMINATE,
    "the upstreams fail to give the keys that prove the answer",
);
