//! The straight line: every query, from every listener, takes this path.
//!
//! [`Engine::receive`] reads a message and says at once what to do: send the reply that it wrote, ask
//! upstream first, or stay silent. After asking, the listener calls [`Engine::resume`] with what came, and
//! the query takes the same path again, this time with the missing part at hand. Nothing here waits, and
//! nothing here knows a socket or a clock: `now` is a parameter. Read `Engine::answer` from top to
//! bottom; what is remembered of upstreams is in [`fetch`].

pub mod explain;
pub mod fetch;
mod local;
pub mod outcome;
pub mod transport;

use std::net::IpAddr;
use std::sync::Mutex;

use arc_swap::ArcSwap;

use crate::cache::warm::Kept;
use crate::cache::{Cache, CacheKey, Fill, Kind, Listed};
use crate::config::limits;
use crate::device::Bearer;
use crate::message::packed::{Aging, PackedRef};
use crate::message::{
    Ede, Key, MAX_MESSAGE, Name, NameRef, Packed, Parsed, Query, Rcode, Rtype, Writer, write,
};
use crate::policy::screen::Screen;
use crate::policy::{Access, Admission, Stranger};
use crate::view::Snapshot;
use explain::{Silent, Trace};
use fetch::{Fetched, Question};
pub use outcome::Outcome;
pub use transport::Transport;

/// Aliases followed for one query before it counts as a loop.
pub const MAX_ALIASES: usize = limits::ALIASES.default_usize();
/// Encrypted replies to padded queries are padded to multiples of this.
const PADDING_BLOCK: usize = limits::PADDING_BLOCK.default_usize();
/// Parts that the cache is cut into, so that workers seldom want the same one at once.
const SHARDS: usize = 8;

/// TTL in seconds of a stale answer (RFC 8767, 4).
const STALE_TTL: u32 = 30;

/// What the engine goes by, checked by the config.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Who is answered, until [`Engine::publish_access`] says otherwise.
    pub access: Access,
    /// Largest UDP payload that we send and announce.
    pub edns_payload: u16,
    /// Bound of the cache in bytes.
    pub cache_bytes: usize,
    /// Bounds in seconds for what is kept: smallest and largest time, and the largest for negative answers.
    pub min_ttl: u32,
    /// See `min_ttl`.
    pub max_ttl: u32,
    /// See `min_ttl`.
    pub negative_max_ttl: u32,
    /// For how many seconds after its time an answer may be served if no upstream answers (RFC 8767); 0: not.
    pub stale_for: u32,
    /// For how many seconds a failure is kept (RFC 9520, 3.2: at least 1, at most 300).
    pub failure_ttl: u32,
    /// What is believed of each route's upstreams; by number of the route.
    pub screens: Vec<Screen>,
    /// Domains whose public records may lead to private addresses.
    pub rebinding_exempt: Vec<Name>,
}

/// Who asks, over what, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Address.
    pub addr: IpAddr,
    /// What the query came by, and the reply goes by.
    pub transport: Transport,
    /// Who the client is by its token; plain DNS bears none.
    pub bearer: Bearer,
    /// The listener answers only known devices, and only names of our own zones.
    pub private_only: bool,
}

impl Client {
    /// A client without a token at a listener for everybody.
    #[must_use]
    pub const fn new(addr: IpAddr, transport: Transport) -> Self {
        Client {
            addr,
            transport,
            bearer: Bearer::Nobody,
            private_only: false,
        }
    }
}

/// What to do with a query now.
#[derive(Debug)]
pub enum Step {
    /// Send what was written.
    Reply(Outcome),
    /// Send what was written, and ask upstream for what is to replace it soon.
    ReplyAndRefresh(Outcome, Question),
    /// Ask upstream, then [`Engine::resume`].
    Ask {
        /// What to ask.
        question: Question,
        /// A stale answer is at hand: do not let the client wait for long.
        has_stale: bool,
    },
    /// Send nothing.
    Drop(Outcome),
}

/// The engine: snapshot, cache and rules. Shared by all workers.
pub struct Engine {
    rules: Rules,
    access: ArcSwap<Access>,
    snapshot: ArcSwap<Snapshot>,
    shards: Box<[Mutex<Cache>]>,
}

impl Engine {
    /// An engine that answers from `snapshot`.
    #[must_use]
    pub fn new(rules: Rules, snapshot: Snapshot) -> Self {
        let shard = || Mutex::new(Cache::new(rules.cache_bytes / SHARDS, rules.stale_for));
        let shards = (0..SHARDS).map(|_| shard()).collect();
        Engine {
            access: ArcSwap::from_pointee(rules.access.clone()),
            rules,
            snapshot: ArcSwap::from_pointee(snapshot),
            shards,
        }
    }

    /// Publishes a complete new snapshot; queries that started with the old one end with it.
    pub fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(snapshot.into());
    }

    /// Answers these clients from now on: the subnets of our own interfaces can change.
    pub fn publish_access(&self, access: Access) {
        self.access.store(access.into());
    }

    /// Who is answered.
    #[must_use]
    pub fn access(&self) -> std::sync::Arc<Access> {
        self.access.load_full()
    }

    /// The snapshot in force.
    #[must_use]
    pub fn snapshot(&self) -> std::sync::Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Answers a message as far as memory suffices. The reply is appended to `out`.
    pub fn receive(&self, bytes: &[u8], client: Client, now: u32, out: &mut Vec<u8>) -> Step {
        self.take(bytes, client, now, None, out, &mut Silent)
    }

    /// Goes on with a message that had to ask upstream.
    pub fn resume(
        &self,
        bytes: &[u8],
        client: Client,
        now: u32,
        fetched: &Fetched,
        out: &mut Vec<u8>,
    ) -> Step {
        self.take(bytes, client, now, Some(fetched), out, &mut Silent)
    }

    /// [`Engine::receive`] with every verdict written to `trace`.
    pub fn explain(
        &self,
        bytes: &[u8],
        client: Client,
        now: u32,
        out: &mut Vec<u8>,
        trace: &mut impl Trace,
    ) -> Step {
        self.take(bytes, client, now, None, out, trace)
    }

    fn take(
        &self,
        bytes: &[u8],
        client: Client,
        now: u32,
        fetched: Option<&Fetched>,
        out: &mut Vec<u8>,
        trace: &mut impl Trace,
    ) -> Step {
        match Query::parse(bytes) {
            Parsed::Ignore => Step::Drop(Outcome::Ignored),
            Parsed::Malformed(bad) => {
                write::write_malformed(out, &bad, self.rules.edns_payload);
                Step::Reply(Outcome::Malformed)
            }
            Parsed::Query(query) => self.answer(&query, client, now, fetched, out, trace),
        }
    }

    /// The straight line of one query.
    fn answer(
        &self,
        query: &Query<'_>,
        client: Client,
        now: u32,
        fetched: Option<&Fetched>,
        out: &mut Vec<u8>,
        trace: &mut impl Trace,
    ) -> Step {
        let limit = if client.transport.is_datagram() {
            query.udp_limit(self.rules.edns_payload)
        } else {
            MAX_MESSAGE
        };
        let mut writer = Writer::reply(out, query, limit, self.rules.edns_payload);
        // RFC 8467, 4.1: nobody sees the length of a plain reply but those who see the reply.
        if client.transport.is_encrypted() && query.edns.is_some_and(|edns| edns.padded) {
            writer.pad_to(PADDING_BLOCK);
        }

        let admission = self
            .access
            .load()
            .admit(client.addr, client.bearer, client.private_only);
        if let Admission::Nothing(stranger) = admission {
            let (why, text) = refusal(stranger);
            trace.step("admit", format_args!("refused: {} {why}", client.addr));
            writer.set_ede(Ede::PROHIBITED, text);
            writer.finish(Rcode::REFUSED);
            return Step::Reply(Outcome::Refused);
        }
        let scope = match admission {
            Admission::OwnZones => " for our own zones",
            _ => "",
        };
        trace.step("admit", format_args!("{} may ask{scope}", client.addr));

        if let Some(rcode) = reject(query, &mut writer) {
            trace.step("question", format_args!("rejected: {rcode}"));
            writer.finish(rcode);
            return Step::Reply(Outcome::Rejected);
        }

        let snapshot = self.snapshot.load();
        let view = snapshot.select(client.addr);
        trace.step("view", format_args!("{}", view.name().unwrap_or("base zones")));

        let mut line = local::Line {
            query,
            writer: &mut writer,
            view,
            trace,
            aliases: 0,
            own_zones_only: admission == Admission::OwnZones,
        };
        let mut key = Key::new(query.name());
        match line.walk(&mut key) {
            local::End::Done(rcode, outcome) => {
                writer.finish(rcode);
                Step::Reply(outcome)
            }
            local::End::NotOurs => {
                writer.set_ede(Ede::PROHIBITED, "only names of our own zones are answered here");
                writer.finish(Rcode::REFUSED);
                Step::Reply(Outcome::Refused)
            }
            local::End::Elsewhere => {
                let chained = line.aliases > 0;
                let route = view.route_of(&key);
                let question = QuestionRef {
                    name: key.name(),
                    hash: key.suffix(usize::MAX).1,
                    query,
                    route,
                    chained,
                };
                self.beyond_zones(&question, now, fetched, writer, trace)
            }
        }
    }

    /// The part of the line behind the zones: what was just fetched, the cache, or the wish to ask.
    fn beyond_zones(
        &self,
        question: &QuestionRef<'_>,
        now: u32,
        fetched: Option<&Fetched>,
        mut writer: Writer<'_>,
        trace: &mut impl Trace,
    ) -> Step {
        if let Some(answered) = fetched.filter(|fetched| question.is(fetched.question())) {
            return self.with_fetched(question, answered, now, writer);
        }
        let mut has_stale = false;
        let mut shard = self.lock_shard(question.hash);
        if let Some(hit) = shard.get(&question.cache_key(), now) {
            let rcode = hit.message.rcode();
            let state = if hit.is_stale { "stale" } else { "fresh" };
            trace.step(
                "cache",
                format_args!(
                    "{state}, {rcode}, {} s old, good for {} s more",
                    hit.age, hit.left
                ),
            );
            if !hit.is_stale {
                question.write(hit.message, Aging::By(hit.age), &mut writer);
                let refresh = hit.is_due;
                drop(shard);
                writer.finish(rcode);
                return match refresh {
                    true => Step::ReplyAndRefresh(Outcome::Cached, question.to_question()),
                    false => Step::Reply(Outcome::Cached),
                };
            }
            if !hit.is_due {
                let step = question.write_stale(hit.message, writer);
                drop(shard);
                return step;
            }
            has_stale = true;
        } else {
            trace.step("cache", format_args!("miss"));
        }
        drop(shard);

        if !question.query.recursion_desired() {
            trace.step(
                "upstream",
                format_args!("not asked: the client does not want recursion"),
            );
            if question.chained {
                writer.finish(Rcode::NOERROR);
                return Step::Reply(Outcome::Local);
            }
            writer.set_ede(
                Ede::NOT_AUTHORITATIVE,
                "not a local name and recursion is not desired",
            );
            writer.finish(Rcode::REFUSED);
            return Step::Reply(Outcome::Rejected);
        }
        if fetched.is_some() {
            // The zones changed while upstream was asked and lead to another name now: once is enough.
            writer.clear();
            writer.set_ede(Ede::NOT_READY, "the zones changed while the query was answered");
            writer.finish(Rcode::SERVFAIL);
            return Step::Reply(Outcome::Failed);
        }
        let (name, rtype) = (question.name, question.query.qtype);
        trace.step(
            "upstream",
            format_args!("ask route {} for {name} {rtype}", question.route),
        );
        writer.abandon();
        Step::Ask {
            question: question.to_question(),
            has_stale,
        }
    }

    /// What upstream brought for this question; where that is a failure, a stale answer instead.
    fn with_fetched(
        &self,
        question: &QuestionRef<'_>,
        fetched: &Fetched,
        now: u32,
        mut writer: Writer<'_>,
    ) -> Step {
        let answer = match fetched {
            Fetched::Reply(_, message) => Some(message.as_ref()),
            Fetched::Failed(..) => None,
        };
        let is_bogus = matches!(fetched, Fetched::Failed(_, failure) if failure.is_bogus());
        if !answer.is_some_and(PackedRef::is_answer) && !is_bogus {
            let mut shard = self.lock_shard(question.hash);
            if let Some(hit) = shard
                .get(&question.cache_key(), now)
                .filter(|hit| hit.message.is_answer())
            {
                return question.write_stale(hit.message, writer);
            }
        }
        match fetched {
            Fetched::Reply(_, message) => {
                let message = message.as_ref();
                question.write(message, Aging::By(0), &mut writer);
                writer.finish(message.rcode());
                Step::Reply(Outcome::Forwarded)
            }
            Fetched::Failed(_, failure) => {
                writer.clear();
                let (ede, text) = failure.extended_error();
                writer.set_ede(ede, text);
                writer.finish(Rcode::SERVFAIL);
                Step::Reply(failure.outcome())
            }
        }
    }

    /// Takes an upstream's reply in: checks that it belongs to the question and is to be believed, packs it,
    /// and keeps it if it is an answer. `proven`: what validation found, where it was asked to look.
    ///
    /// # Errors
    /// Why the reply cannot be used.
    pub fn absorb(
        &self,
        question: &Question,
        reply: &[u8],
        proven: Option<&fetch::Proven>,
        now: u32,
    ) -> Result<Fetched, fetch::Unusable> {
        let key = Key::new(question.name.as_ref());
        let exempt = &self.rules.rebinding_exempt;
        let is_exempt = exempt
            .iter()
            .any(|domain| key.name().is_at_or_below(domain.as_ref()))
            || self.snapshot.load().is_own_domain(&key);
        let (message, ttl) = fetch::pack(question, reply, &self.rules, is_exempt, proven)?;
        if message.as_ref().is_answer() {
            let mut shard = self.lock_shard(key.suffix(usize::MAX).1);
            shard.put(&question.cache_key(), &message, ttl, now);
        }
        Ok(Fetched::Reply(question.clone(), message))
    }

    /// Remembers that a question failed: a stale answer serves for a while without another try, else the
    /// failure itself does (RFC 8767, 5; RFC 9520, 3.2).
    pub fn note_failure(&self, fetched: &Fetched, now: u32) {
        let question = fetched.question();
        let message = match fetched {
            Fetched::Reply(_, message) => message.clone(),
            Fetched::Failed(_, failure) => {
                let (ede, text) = failure.extended_error();
                Packed::failure(Rcode::SERVFAIL, &ede.option(text))
            }
        };
        let key = Key::new(question.name.as_ref());
        let mut shard = self.lock_shard(key.suffix(usize::MAX).1);
        let cache_key = question.cache_key();
        let has_older = match fetched {
            // An older answer is good for its own time, but not as a stale one beside data that is bogus.
            Fetched::Failed(_, failure) if failure.is_bogus() => shard
                .get(&cache_key, now)
                .is_some_and(|hit| !hit.is_stale && hit.message.is_answer()),
            _ => shard.note_failure(&cache_key, now),
        };
        if !has_older {
            shard.put(&question.cache_key(), &message, self.rules.failure_ttl, now);
        }
    }

    /// What the cache holds for a question of our own: the reply in wire form, and for how many seconds it is
    /// still good; `Some(None)` for a failure.
    #[must_use]
    pub fn cached(&self, question: &Question, now: u32) -> Option<Option<(Vec<u8>, u32)>> {
        let key = Key::new(question.name.as_ref());
        let mut shard = self.lock_shard(key.suffix(usize::MAX).1);
        let hit = shard
            .get(&question.cache_key(), now)
            .filter(|hit| !hit.is_stale)?;
        let reply = || {
            (
                hit.message.unpack(question.name.as_ref(), question.rtype),
                hit.left,
            )
        };
        Some(hit.message.is_answer().then(reply))
    }

    /// Drops what the cache holds for a question of our own.
    pub fn forget(&self, question: &Question, now: u32) {
        let key = Key::new(question.name.as_ref());
        let mut shard = self.lock_shard(key.suffix(usize::MAX).1);
        let nothing = Packed::failure(Rcode::SERVFAIL, &[]);
        shard.put(&question.cache_key(), &nothing, 0, now);
    }

    /// Whether a zone of any view, a built-in one included, answers for this name.
    #[must_use]
    pub fn is_answered_here(&self, name: NameRef<'_>) -> bool {
        self.snapshot.load().is_answered_here(&Key::new(name))
    }

    /// Drops cached answers: all, those of one name, or those at and below it. Says how many.
    pub fn flush(&self, name: Option<&Name>, below: bool) -> usize {
        let matches = |cached: NameRef<'_>| is_meant(name, below, cached);
        self.shards.iter().map(|shard| lock(shard).flush(matches)).sum()
    }

    /// How full the cache is.
    #[must_use]
    pub fn cache_fill(&self) -> Fill {
        self.shards
            .iter()
            .map(|shard| lock(shard).fill())
            .fold(Fill::default(), |sum, fill| Fill {
                entries: sum.entries + fill.entries,
                bytes: sum.bytes + fill.bytes,
            })
    }

    /// How many cached answers there are of each kind, in the order of [`Kind::ALL`].
    #[must_use]
    pub fn cache_census(&self, now: u32) -> [usize; Kind::ALL.len()] {
        let mut sum = [0; Kind::ALL.len()];
        for shard in &self.shards {
            let counts = lock(shard).census(now);
            sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        sum
    }

    /// Cached answers, all or as in [`Engine::flush`]: at most so many, by name and type; whether there are more.
    #[must_use]
    pub fn list_cache(&self, name: Option<&Name>, below: bool, now: u32, most: usize) -> (Vec<Listed>, bool) {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let matching = shard
                .list(now)
                .filter(|listed| is_meant(name, below, listed.name.as_ref()));
            // One more than is shown tells that there are more.
            found.extend(matching.take(most + 1 - found.len()));
        }
        let has_more = found.len() > most;
        found.truncate(most);
        found.sort_by_cached_key(|listed| (listed.name.to_string(), listed.rtype.0, listed.route));
        (found, has_more)
    }

    /// Cached answers for the next run of the program ([`Kept::write`]), in at most so many bytes.
    #[must_use]
    pub fn export_cache(&self, now: u32, most: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for shard in &self.shards {
            let bound = out.len() + most / SHARDS;
            for kept in lock(shard).export(now) {
                if out.len() + kept.size() > bound {
                    break;
                }
                kept.write(&mut out);
            }
        }
        out
    }

    /// Takes an answer of an earlier run in; whether it is of use.
    pub fn import_cached(&self, kept: &Kept<'_>, now: u32) -> bool {
        let Some(name) = kept.name() else {
            return false;
        };
        let key = Key::new(name);
        self.lock_shard(key.suffix(usize::MAX).1).import(kept, now)
    }

    fn lock_shard(&self, hash: u32) -> std::sync::MutexGuard<'_, Cache> {
        lock(&self.shards[hash as usize % SHARDS])
    }
}

/// A cache is whole after every call, so a panic elsewhere does not spoil it.
fn lock(shard: &Mutex<Cache>) -> std::sync::MutexGuard<'_, Cache> {
    shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Whether a cached name is the one meant, or below it where that is meant; without a name all are.
fn is_meant(name: Option<&Name>, below: bool, cached: NameRef<'_>) -> bool {
    match name {
        None => true,
        Some(name) if below => cached.is_at_or_below(name.as_ref()),
        Some(name) => cached == name.as_ref(),
    }
}

/// Why somebody is refused: for people who look, and for the client. To the client a token that was revoked is like
/// one that never was.
const fn refusal(stranger: Stranger) -> (&'static str, &'static str) {
    match stranger {
        Stranger::Address => ("is in no prefix that may ask", "this client may not ask here"),
        Stranger::NoToken => (
            "bears no token, and the listener is private-only",
            "this client may not ask here",
        ),
        Stranger::UnknownToken => ("bears a token that is not known", "this token is not known here"),
    }
}

/// Questions that no zone and no upstream is asked for.
fn reject(query: &Query<'_>, writer: &mut Writer<'_>) -> Option<Rcode> {
    if query.edns.is_some_and(|edns| edns.version > 0) {
        return Some(Rcode::BADVERS);
    }
    if !query.is_internet() {
        writer.set_ede(Ede::NOT_SUPPORTED, "only class IN is served");
        return Some(Rcode::REFUSED);
    }
    match query.qtype {
        Rtype::ANY => None,
        Rtype::AXFR | Rtype::IXFR => {
            writer.set_ede(Ede::NOT_SUPPORTED, "zone transfer is not offered");
            Some(Rcode::REFUSED)
        }
        Rtype::OPT => Some(Rcode::FORMERR),
        qtype if qtype.is_meta() => Some(Rcode::NOTIMP),
        _ => None,
    }
}

/// A question to upstream that is not yet worth an allocation.
struct QuestionRef<'a> {
    name: NameRef<'a>,
    hash: u32,
    query: &'a Query<'a>,
    route: u16,
    /// Aliases of our zones stand in front of it.
    chained: bool,
}

impl QuestionRef<'_> {
    fn cache_key(&self) -> CacheKey<'_> {
        CacheKey {
            name: self.name,
            rtype: self.query.qtype,
            route: self.route,
            dnssec_ok: self.query.dnssec_ok(),
            checking_disabled: self.query.checking_disabled(),
        }
    }

    fn is(&self, other: &Question) -> bool {
        self.cache_key() == other.cache_key()
    }

    fn to_question(&self) -> Question {
        Question {
            name: self.name.to_name(),
            rtype: self.query.qtype,
            route: self.route,
            dnssec_ok: self.query.dnssec_ok(),
            checking_disabled: self.query.checking_disabled(),
        }
    }

    fn write(&self, message: PackedRef<'_>, aging: Aging, writer: &mut Writer<'_>) {
        if self.chained {
            message.append_to_chain(writer, self.query, self.name, aging);
        } else {
            message.write(writer, self.query, aging);
        }
    }

    /// An answer after its time: short-lived, and marked as what it is (RFC 8767, 4; RFC 8914, 4.4).
    fn write_stale(&self, message: PackedRef<'_>, mut writer: Writer<'_>) -> Step {
        self.write(message, Aging::At(STALE_TTL), &mut writer);
        let rcode = message.rcode();
        let ede = if rcode == Rcode::NXDOMAIN {
            Ede::STALE_NXDOMAIN
        } else {
            Ede::STALE_ANSWER
        };
        writer.set_ede(ede, "no upstream answers");
        writer.finish(rcode);
        Step::Reply(Outcome::Stale)
    }
}

#[cfg(test)]
mod tests;
