//! One question under way: which servers of its route are asked, when, and what ends it.
//!
//! One server after the other is asked, a slow one getting a rival, until one gives a usable reply. A flight is
//! one task with one timer, however many attempts run: a miss is the costliest query of all, and most miss
//! at a single server that answers at once.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::debug;

use super::ask::{Answered, Asking, Unanswered};
use super::dnssec::{self, Validator};
use super::{Peer, RIVAL_AFTER, RouteOfPeers, SLOW_AT_LEAST, SLOW_FACTOR, Upstreams};
use crate::engine::Engine;
use crate::engine::fetch::{Failure, Fetched, Proven, Question, Unusable};
use crate::health::{self, Health, Strategy};

/// One server that was asked and has not answered yet.
struct Attempt<'a> {
    peer: &'a Arc<Peer>,
    /// Worth asking again if nobody answers: others failed before, and must do with one attempt.
    is_promising: bool,
    since: Instant,
    /// The attempt is over then, whatever the server does.
    until: Instant,
    asking: Asking<'a>,
}

/// How an attempt ended.
type Ended<'a> = (Attempt<'a>, Result<Answered, Unanswered>);

/// What an attempt brought.
enum Verdict {
    Answer(Fetched),
    SecondBest(Fetched),
    Nothing(Failure),
}

impl Upstreams {
    /// Asks until there is an answer, which goes to `deliver`. Those that were asked too are heard out: were they
    /// forgotten, a silent server that always loses the race would never count as failing, and a failing one
    /// that came back never as good.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        question: &Question,
        started: Instant,
        deliver: impl FnOnce(Fetched),
    ) {
        let mut now = Instant::now();
        let deadline = now + self.limits.timeout;
        let Some(route) = self.routes.get(usize::from(question.route)) else {
            return deliver(Fetched::Failed(question.clone(), Failure::NoUpstream));
        };
        let peers = route.peers.load_full();
        let validator = self.validator_for(engine, question, route);
        let for_validation = validator.map(|_| question.for_validation());
        let asked_for = for_validation.as_ref().unwrap_or(question);
        let mut is_repeat = false;
        let start = |peer, is_repeat, now| {
            let until = deadline.min(now + self.limits.attempt);
            Attempt::start(peer, asked_for, is_repeat, now, until)
        };
        let mut waiting = self.order(route.strategy, &peers);
        let mut running: Vec<Attempt<'_>> = Vec::with_capacity(1);
        for peer in self.due_probes(&peers) {
            waiting.retain(|other| !Arc::ptr_eq(other, peer));
            running.push(start(peer, is_repeat, now));
        }
        for _ in 1..route.strategy.first_wave() {
            running.extend(waiting.pop_front().map(|peer| start(peer, is_repeat, now)));
        }
        let mut again = Vec::new();
        let mut rival_at = now;
        let mut second_best = None;
        let mut failure = Failure::NoUpstream;
        loop {
            if (running.is_empty() || now >= rival_at)
                && let Some(peer) = waiting.pop_front()
            {
                rival_at = now + self.rival_after(peer);
                running.push(start(peer, is_repeat, now));
            }
            if running.is_empty() {
                // It may have found the answer by now, or a packet was lost.
                if again.is_empty() || second_best.is_some() || now + self.limits.attempt > deadline {
                    break;
                }
                waiting.extend(again.drain(..));
                is_repeat = true;
                continue;
            }
            let rival = (!waiting.is_empty()).then_some(rival_at);
            let ended = next_end(&mut running, rival).await;
            now = Instant::now();
            let Some((attempt, result)) = ended else {
                continue;
            };
            let is_late = matches!(&result, Err(error) if error.failure == Failure::TimedOut);
            if is_late && attempt.is_promising {
                again.push(attempt.peer);
            }
            self.note(&attempt, &result, now);
            let proof = match (&result, validator) {
                (Ok(answered), Some(validator)) if answered.is_usable => {
                    let ask = dnssec::Lookups {
                        upstreams: self,
                        engine,
                        route: question.route,
                        domain: &route.origin,
                        started,
                    };
                    // In a place of its own: most flights validate nothing and need not carry room for it.
                    let proving = Box::pin(validator.prove(&ask, question, &answered.reply));
                    let proof = timeout_at(deadline, proving).await;
                    proof.unwrap_or(Err(Failure::TimedOut)).map(Some)
                }
                _ => Ok(None),
            };
            match self.judge(engine, question, started, &attempt, result, proof, &running) {
                Verdict::Answer(fetched) => {
                    if let Some(sets) = &self.sets {
                        // In a place of its own: most have none.
                        Box::pin(sets.fill(&fetched)).await;
                    }
                    deliver(fetched);
                    while let Some((attempt, result)) = next_end(&mut running, None).await {
                        self.note(&attempt, &result, Instant::now());
                    }
                    return;
                }
                Verdict::SecondBest(fetched) => second_best = Some(fetched),
                Verdict::Nothing(why) => failure = why,
            }
            now = Instant::now();
            rival_at = now;
        }
        deliver(second_best.unwrap_or_else(|| Fetched::Failed(question.clone(), failure)));
    }

    /// Asks one server outside of any flight, and notes how it did.
    pub(super) async fn ask_one(
        &self,
        peer: &Arc<Peer>,
        question: &Question,
        since: Instant,
        until: Instant,
    ) -> Result<Answered, Unanswered> {
        let mut running = vec![Attempt::start(peer, question, true, since, until)];
        loop {
            if let Some((attempt, result)) = next_end(&mut running, None).await {
                self.note(&attempt, &result, Instant::now());
                return result;
            }
        }
    }

    /// What the end of an attempt says of the server's health.
    fn note(&self, attempt: &Attempt<'_>, result: &Result<Answered, Unanswered>, now: Instant) {
        let mut health = attempt.peer.health();
        match result {
            Ok(_) => health.note_answer((now - attempt.since).as_secs_f32() * 1000.0),
            Err(_) => health.note_failure(self.now_ms()),
        }
    }

    /// The validator, if this question's answer is to be validated: the client did not turn that off (CD,
    /// RFC 4035, 3.2.2), and the answer is public.
    fn validator_for(
        &self,
        engine: &Engine,
        question: &Question,
        route: &RouteOfPeers,
    ) -> Option<&Validator> {
        let validator = self.validator.as_ref()?;
        let name = question.name.as_ref();
        let is_wanted = !question.checking_disabled && !route.is_exempt && !engine.is_answered_here(name);
        is_wanted.then_some(validator)
    }

    /// What one ended attempt is worth, and what it says of the servers that still run.
    #[expect(
        clippy::too_many_arguments,
        reason = "what an attempt brought, and what it is measured by"
    )]
    fn judge(
        &self,
        engine: &Engine,
        question: &Question,
        started: Instant,
        attempt: &Attempt<'_>,
        result: Result<Answered, Unanswered>,
        proof: Result<Option<Proven>, Failure>,
        running: &[Attempt<'_>],
    ) -> Verdict {
        let seconds = started.elapsed().as_secs() as u32;
        let (server, name) = (&attempt.peer.server, &question.name);
        let Answered { reply, is_usable } = match result {
            Ok(answered) => answered,
            Err(error) => {
                debug!(server = server.name(), %name, %error, "attempt failed");
                return Verdict::Nothing(error.failure);
            }
        };
        let proven = match proof {
            Ok(proven) => proven,
            Err(failure) => {
                let why = failure.extended_error().1;
                debug!(server = server.name(), %name, why, "not validated");
                // Another server may say what its owner signed.
                return Verdict::SecondBest(Fetched::Failed(question.clone(), failure));
            }
        };
        match engine.absorb(question, &reply, proven.as_ref(), seconds) {
            Ok(fetched) if is_usable => {
                // Whoever was asked before and still says nothing is at least so slow.
                for slower in running.iter().filter(|other| other.since < attempt.since) {
                    let age = slower.since.elapsed().as_secs_f32() * 1000.0;
                    slower.peer.health().note_passed(age);
                }
                Verdict::Answer(fetched)
            }
            // A server's word that it failed is better than ours, if no other says more.
            Ok(fetched) => Verdict::SecondBest(fetched),
            Err(error) => {
                debug!(server = server.name(), %name, %error, "unusable reply");
                if matches!(error, Unusable::Unreadable(_)) {
                    attempt.peer.health().note_failure(self.now_ms());
                }
                Verdict::Nothing(Failure::BadReply)
            }
        }
    }

    fn order<'a>(&self, strategy: Strategy, peers: &'a [Arc<Peer>]) -> VecDeque<&'a Arc<Peer>> {
        let dice = self.turn.fetch_add(1, Ordering::Relaxed);
        if let [only] = peers {
            return VecDeque::from([only]);
        }
        let records: Vec<Health> = peers.iter().map(|peer| *peer.health()).collect();
        let order = health::order(strategy, &records, dice);
        order.into_iter().filter_map(|at| peers.get(at)).collect()
    }

    /// Failing servers whose time has come. Where all fail there is nothing to probe beside.
    fn due_probes<'a>(&self, peers: &'a [Arc<Peer>]) -> Vec<&'a Arc<Peer>> {
        let is_due = |peer: &&Arc<Peer>| peer.health().take_probe(self.now_ms());
        if peers.iter().all(|peer| peer.health().is_failing()) {
            return Vec::new();
        }
        peers.iter().filter(is_due).collect()
    }

    /// When a server that was just asked gets a rival.
    fn rival_after(&self, peer: &Peer) -> Duration {
        let latest = self.limits.attempt / RIVAL_AFTER;
        let usual = peer
            .health()
            .srtt_ms()
            .map(|ms| Duration::from_secs_f32(ms * SLOW_FACTOR / 1000.0));
        usual.map_or(latest, |usual| usual.max(SLOW_AT_LEAST).min(latest))
    }
}

impl<'a> Attempt<'a> {
    fn start(
        peer: &'a Arc<Peer>,
        question: &'a Question,
        is_repeat: bool,
        since: Instant,
        until: Instant,
    ) -> Self {
        Attempt {
            is_promising: is_repeat || !peer.health().is_failing(),
            asking: peer.server.ask(question, until),
            peer,
            since,
            until,
        }
    }
}

/// Waits for the first attempt that ends, by itself or because its time is over, and takes it out; `None` when a
/// rival is due, or when nothing runs.
async fn next_end<'a>(running: &mut Vec<Attempt<'a>>, rival_at: Option<Instant>) -> Option<Ended<'a>> {
    let wake_at = running
        .iter()
        .map(|attempt| attempt.until)
        .chain(rival_at)
        .min()?;
    let first = poll_fn(|context| {
        for (at, attempt) in running.iter_mut().enumerate() {
            if let Poll::Ready(result) = attempt.asking.as_mut().poll(context) {
                return Poll::Ready((at, result));
            }
        }
        Poll::Pending
    });
    let (at, result) = tokio::select! {
        biased;
        ended = first => ended,
        () = sleep_until(wake_at) => {
            let now = Instant::now();
            let at = running.iter().position(|attempt| attempt.until <= now)?;
            (at, Err(Unanswered { failure: Failure::TimedOut, why: "no reply in time".to_owned() }))
        }
    };
    Some((running.remove(at), result))
}
