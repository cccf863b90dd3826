//! Orders over weeks and years: when one is due, what came of it, and with how much patience it is tried again.
//!
//! `order` knows the course of one order, `suggestion` when the authority would have the next. Here both are given a
//! clock and the certificate that is in use, by a trait ([`House`]): the years pass in the tests as they do for the
//! daemon, in a moment. One order at a time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, info, warn};

use super::super::plan::{self, Why};
use super::super::read::Facts;
use super::client::Trouble;
use super::memory::Memory;
use super::order::{House, Stage, obtain};
use super::suggestion::{self, Suggestion, identifier};
use crate::config::{AcmeConfig, limits};
use crate::zone::master::civil::write_time;

/// File of the account, in the folder of the certificate.
const MEMORY: &str = "acme.json";
/// How often it is looked whether something is due.
const CHECK: Duration = limits::CERTIFICATE_CHECK.default_time();
/// A time to try again that lies further ahead than this was noted by a clock that was wrong.
const LONGEST: u64 = 2 * limits::ACME_LONGEST_WAIT.default_time().as_secs();

/// The certificate in use.
struct Held {
    facts: Facts,
    /// What its authority calls it.
    name: Option<String>,
}

impl Held {
    fn of(house: &impl House) -> Option<Self> {
        let shown = house.shown()?;
        Some(Held {
            facts: Facts::read(&shown)?,
            name: identifier(&shown),
        })
    }

    /// Its name, where it is the last that this authority gave us.
    fn known(&self, memory: &Memory) -> Option<&str> {
        self.name
            .as_deref()
            .filter(|name| memory.certificate.as_deref() == Some(name))
    }
}

/// Who orders, and how that fares.
pub struct Orders {
    config: AcmeConfig,
    names: Vec<String>,
    folder: PathBuf,
    standing: Mutex<Standing>,
    /// A person wants a new certificate.
    is_asked: AtomicBool,
    /// Ends a wait.
    hurry: Notify,
}

/// How it fares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is being done; none where nothing is.
    pub stage: Option<Stage>,
    /// Why the last order failed.
    pub trouble: Option<String>,
    /// Unix time of the next try, where one failed.
    pub next: Option<u64>,
    /// When the certificate in use is renewed, where the authority has suggested it.
    pub suggested: Option<u64>,
}

impl Orders {
    /// Orders of certificates for these names, which are kept in this folder.
    #[must_use]
    pub fn new(config: &AcmeConfig, names: Vec<String>, folder: PathBuf) -> Self {
        Orders {
            config: config.clone(),
            names,
            folder,
            standing: Mutex::default(),
            is_asked: AtomicBool::new(false),
            hurry: Notify::new(),
        }
    }

    /// What the configuration says.
    #[must_use]
    pub fn config(&self) -> &AcmeConfig {
        &self.config
    }

    /// Whom it orders from.
    #[must_use]
    pub fn directory(&self) -> String {
        self.config.directory.to_string()
    }

    /// How it fares.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.lock().clone()
    }

    /// Notes what is being done, and says what was before.
    pub fn show(&self, stage: Stage) -> Stage {
        self.lock().stage.replace(stage).unwrap_or_default()
    }

    /// Orders now, or looks now whether what is awaited has come.
    pub fn ask(&self) {
        if self.lock().stage.is_none() {
            self.is_asked.store(true, Ordering::Release);
        }
        self.hurry.notify_one();
    }

    /// Waits for so long, or until a person asks.
    pub async fn rest(&self, time: Duration) {
        let end = Instant::now() + time;
        tokio::select! {
            () = sleep(end.saturating_duration_since(Instant::now())) => {}
            () = self.hurry.notified() => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Orders whenever it is due. Never ends.
    pub async fn tend<H: House>(&self, house: &H) {
        let mut memory = None;
        // Looks in a row that brought no suggestion.
        let mut silent = 0;
        loop {
            if memory.is_none() {
                match Memory::load(&self.folder.join(MEMORY), &self.directory()) {
                    Ok(loaded) => memory = Some(loaded),
                    Err(trouble) => self.fail(&trouble, None),
                }
            }
            if let Some(memory) = &mut memory {
                let held = Held::of(house);
                if let Some(held) = &held {
                    self.ask_when(house, held, memory, &mut silent).await;
                }
                self.order_if_due(house, held, memory).await;
            }
            let _ = timeout(CHECK, self.hurry.notified()).await;
        }
    }

    /// Asks the authority when it would have the certificate renewed, where it is time for that.
    async fn ask_when<H: House>(&self, house: &H, held: &Held, memory: &mut Memory, silent: &mut u32) {
        // Of another authority's certificate, and of one that is over, this one says nothing (RFC 9773, 4.3).
        let Some(name) = held.known(memory) else { return };
        let now = house.now();
        let is_time = plan::is_clock_set(now) && now < held.facts.until;
        if !is_time || plan::is_ahead(memory.look_at, now, plan::LATEST_LOOK) {
            return;
        }
        let answer = suggestion::ask(house, &self.directory(), name, &held.facts).await;
        let now = house.now();
        let wait = match answer {
            Ok(suggestion) => {
                *silent = 0;
                self.note(memory, suggestion.as_ref(), name);
                plan::look_after(match &suggestion {
                    Some(suggestion) => suggestion.again,
                    // It may learn to, but not today.
                    None => Some(u64::MAX),
                })
            }
            Err(silence) => {
                *silent = silent.saturating_add(1);
                if *silent == 1 {
                    let then = match memory.window {
                        Some(_) => "what it suggested before counts",
                        None => "it is renewed when two thirds of its life are over",
                    };
                    warn!(
                        "when to renew the certificate was not to be learnt: {}; {then}",
                        silence.message
                    );
                }
                if silence.may_pass {
                    plan::look_after_failure(*silent, silence.again)
                } else {
                    plan::look_after(None)
                }
            }
        };
        memory.look_at = now + wait;
        if let Err(trouble) = memory.save() {
            error!("{trouble}");
        }
    }

    fn note(&self, memory: &mut Memory, suggestion: Option<&Suggestion>, name: &str) {
        let window = suggestion.map(|suggestion| suggestion.window);
        if memory.window == window {
            return;
        }
        memory.window = window;
        if let Some(Suggestion {
            window, explained, ..
        }) = suggestion
        {
            let why = if explained.is_empty() {
                String::new()
            } else {
                format!("; why: {explained}")
            };
            info!(
                "{} suggests to renew the certificate between {} and {}, which will be at {}{why}",
                self.directory(),
                write_time(window.from),
                write_time(window.until),
                write_time(window.moment(name))
            );
        }
    }

    async fn order_if_due<H: House>(&self, house: &H, held: Option<Held>, memory: &mut Memory) {
        let now = house.now();
        let Some(why) = self.due(held.as_ref(), memory, now) else {
            return;
        };
        if !plan::is_clock_set(now) {
            return self.fail(&Trouble::new(plan::WAITS_FOR_CLOCK), None);
        }
        info!(
            "ordering a certificate for {} from {}: {why}",
            self.names.join(", "),
            self.directory()
        );
        // An order follows on what is in use, and on nothing that was before.
        let shown = house.shown().as_deref().and_then(identifier);
        memory.certificate = memory
            .certificate
            .take()
            .filter(|held| shown.as_ref() == Some(held));
        let ended = obtain(house, &self.config, &self.names, memory, now).await;
        self.lock().stage = None;
        let now = house.now();
        let taken = match ended {
            Ok((text, facts)) => house.take(&text).map(|()| facts),
            Err(trouble) => Err(trouble),
        };
        match taken {
            Ok(facts) => {
                info!(
                    "certificate for {} good until {}",
                    self.names.join(", "),
                    write_time(facts.until)
                );
                (memory.failures, memory.not_before) = (0, 0);
                memory.certificate = house.shown().as_deref().and_then(identifier);
                // Whatever it says of the new one, it is not ordered anew before tomorrow.
                (memory.window, memory.look_at) = (None, now + plan::LATEST_LOOK);
                *self.lock() = Standing::default();
            }
            Err(trouble) => {
                memory.failures = memory.failures.saturating_add(1);
                let wait = plan::wait_after(memory.failures, trouble.retry_after, rand::random());
                memory.not_before = now + wait;
                self.fail(&trouble, Some(memory.not_before));
            }
        }
        if let Err(trouble) = memory.save() {
            error!("{trouble}");
        }
    }

    /// Why an order is due now, if it is.
    fn due(&self, held: Option<&Held>, memory: &Memory, now: u64) -> Option<Why> {
        if self.is_asked.swap(false, Ordering::AcqRel) {
            return Some(Why::Asked);
        }
        let known = held.and_then(|held| held.known(memory));
        let suggested = memory.window.zip(known).map(|(window, name)| window.moment(name));
        self.lock().suggested = suggested;
        let why = match held {
            None => Some(Why::Missing),
            Some(Held { facts, .. }) => {
                let is_for = self.names.iter().all(|name| facts.names.contains(name));
                plan::due_by(facts, is_for, now, suggested)
            }
        };
        let is_early = plan::is_ahead(memory.not_before, now, LONGEST);
        if is_early && why.is_some() {
            self.lock().next = Some(memory.not_before);
        }
        why.filter(|_| !is_early)
    }

    fn fail(&self, trouble: &Trouble, next: Option<u64>) {
        let message = trouble.to_string();
        let mut standing = self.lock();
        let is_new = standing.trouble.as_deref() != Some(&message);
        standing.trouble = Some(message);
        standing.next = next;
        drop(standing);
        let then = next.map_or_else(String::new, |at| {
            format!("; the next try is at {}", write_time(at))
        });
        if is_new || next.is_some() {
            error!("no certificate from {}: {trouble}{then}", self.directory());
        }
    }
}
