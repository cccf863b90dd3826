//! What `dnsctl` asks of a running daemon.
//!
//! One change at a time: the store is behind a lock, and a change is in every answer before the lock is
//! given back and the acknowledgement goes out.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{error, info};

use super::certificates::Keeper;
use super::devices::Guests;
use super::lan::House;
use super::presence::Presence;
use super::provider::Provider;
use super::reconnect::Reconnect;
use super::{itself, snapshot, unix_now};
use crate::cache::{Kind, Listed};
use crate::clock::Clock;
use crate::config::{self, ListenUrl, limits};
use crate::control::facts::{ServerWords, facts};
use crate::control::files;
use crate::control::server::Daemon;
use crate::control::types::{
    Answer, CacheDump, CacheEntries, CacheEntry, CacheStats, CacheStatus, Code, Connections, DefectText,
    Explain, ExplainStep, Explained, Failure, Flush, Flushed, Listener, NegativeAnchor, QueriesSeen,
    QueriesWords, QuerySeen, Reloaded, Request, Stats, Status, TransportStats, Upstream, Validation,
};
use crate::device::Bearer;
use crate::engine::explain::Story;
use crate::engine::{Client, Engine, Outcome, Step, Transport};
use crate::message::{Incoming, Name, Rtype, Section, write};
use crate::nftset::Sets;
use crate::onboard::Trust;
use crate::serve::gate::Gates;
use crate::store::{Parts, Store};
use crate::telemetry::queries::{Queries, Seen};
use crate::telemetry::{Outcomes, Traffic};
use crate::upstream::Upstreams;
use crate::upstream::dnssec::Validator;
use crate::view::Routing;
use crate::zone::master::civil::{CLOCK_FLOOR, write_time};
use crate::zone::{Record, render};

/// Records that nobody waits for expire at the latest so long after their time.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// What requests are carried out with.
pub(super) struct Desk {
    pub(super) store: Mutex<Store>,
    pub(super) routing: Routing,
    pub(super) engine: Arc<Engine>,
    pub(super) upstreams: Arc<Upstreams>,
    pub(super) reconnect: Reconnect,
    pub(super) presence: Arc<Presence>,
    pub(super) outcomes: Arc<Outcomes>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) queries: Arc<Queries>,
    pub(super) gates: Arc<Gates>,
    pub(super) keeper: Option<Arc<Keeper>>,
    pub(super) listeners: Vec<(ListenUrl, Transport)>,
    pub(super) guests: Arc<Guests>,
    pub(super) house: Option<Arc<House>>,
    pub(super) provider: Option<Provider>,
    pub(super) sets: Option<Arc<Sets>>,
    pub(super) clock: Arc<Clock>,
    pub(super) started: Instant,
    /// Told of every publication: what expires next may be another record now.
    pub(super) published: Notify,
}

/// The domains of all zones, those of views included.
pub(super) fn origins(store: &Store) -> Vec<Name> {
    let mut origins: Vec<Name> = store.zones().map(|(key, _)| key.origin.clone()).collect();
    origins.sort_unstable();
    origins.dedup();
    origins
}

impl Daemon for Desk {
    fn execute(&self, request: Request) -> Result<Answer, Failure> {
        match request {
            Request::Status(_) => Ok(Answer::Status(Box::new(self.status()))),
            Request::Reload(_) => Ok(Answer::Reloaded(self.reload())),
            Request::Check(_) => {
                // A look of its own: what is served stays as it is.
                let settings = self.store().settings().clone();
                Ok(Answer::Checked(files::check(settings, self.clock.at_least())))
            }
            Request::Stats(_) => Ok(Answer::Stats(self.stats())),
            Request::Queries(words) => Ok(Answer::Queries(self.queries(&words))),
            Request::Flush(words) => self.flush(&words).map(Answer::Flushed),
            Request::CacheStats(_) => Ok(Answer::CacheStats(self.cache_stats())),
            Request::CacheDump(words) => self.cache_dump(&words).map(Answer::CacheEntries),
            Request::Certificate(_) => {
                // As things stand now, not as they stood a minute ago.
                self.look_at_certificate();
                Ok(Answer::Certificate(Box::new(
                    self.keeper()?.status(self.clock.cautious()),
                )))
            }
            Request::RenewCertificate(_) => {
                let status = self.keeper()?.renew(
                    &origins(&self.store()),
                    &self.addresses(),
                    self.clock.cautious(),
                )?;
                Ok(Answer::Certificate(Box::new(status)))
            }
            Request::Authority(words) => {
                let zones = origins(&self.store());
                let authority =
                    self.keeper()?
                        .authority(words.replace, &zones, &self.addresses(), self.clock.cautious());
                authority.map(Answer::Authority)
            }
            Request::Reconnect(_) => {
                let reconnected = self.reconnect.run("reconnect was asked for");
                self.look_at_presence();
                Ok(Answer::Reconnected(reconnected))
            }
            Request::Facts(_) => Ok(Answer::Facts(facts(&self.store(), &self.server_words()))),
            Request::Lan(_) => {
                let message = "nothing says where names of the LAN come from; add `lan: {domain: lan, …}` to the \
                               configuration";
                let house = self.house.as_deref();
                let house = house.ok_or_else(|| Failure::new(Code::NotFound, message))?;
                Ok(Answer::Lan(Box::new(house.names(&self.store()))))
            }
            Request::Explain(words) => self.explain(&words).map(Answer::Explained),
            request => {
                if let Some(answer) = self.guests.execute(&request) {
                    #[cfg(feature = "onboard")]
                    let answer = answer.map(|answer| self.with_android(answer));
                    return answer;
                }
                let mut store = self.store();
                let mut publish = |parts: Parts| self.publish(parts);
                let now = self.clock.now().unwrap_or(CLOCK_FLOOR);
                let answer = files::execute(&mut store, &request, now, true, &mut publish);
                let unknown = || Failure::new(Code::BadRequest, "this daemon does not know the request");
                let answer = answer.unwrap_or_else(|| Err(unknown()));
                let edited = match &answer {
                    Ok(Answer::Edited(edited)) => std::slice::from_ref(edited),
                    Ok(Answer::Changed(changed)) if !changed.dry_run => &changed.zones[..],
                    _ => &[],
                };
                for edited in edited {
                    info!(
                        "zone {} changed, serial {}",
                        edited.zone,
                        edited.serial.unwrap_or(0)
                    );
                }
                answer
            }
        }
    }
}

impl Desk {
    /// Reads all zones and the certificate again, and takes what is good.
    pub(super) fn reload(&self) -> Reloaded {
        let certificate = self
            .keeper
            .as_deref()
            .map(|keeper| keeper.reload(self.clock.cautious()));
        let mut store = self.store();
        let loaded = store.reload(self.clock.at_least());
        for defect in &loaded.defects {
            error!("{defect}");
        }
        let mut reloaded = files::reloaded(&loaded);
        if let Some(Err(error)) = certificate {
            reloaded.defects.push(DefectText {
                file: error.file.display().to_string(),
                message: error.message,
                ..DefectText::default()
            });
        }
        if let Some(damage) = self.guests.devices().mend() {
            error!("{damage}; {}", super::NO_TOKENS);
            reloaded.defects.push(files::defect_text(&damage));
        }
        self.presence.look(unix_now());
        if let Some(house) = &self.house {
            house.look(self.clock.at_least());
        }
        self.look_at_provider();
        self.publish(loaded.parts);
        info!(
            "reloaded: {} zones, {} changed",
            reloaded.zones,
            reloaded.changed.len()
        );
        reloaded
    }

    /// Does what is due about the certificate, and takes what is in its files.
    pub(super) fn look_at_certificate(&self) {
        if let Some(keeper) = &self.keeper {
            let zones = origins(&self.store());
            keeper.look(&zones, &self.addresses(), self.clock.cautious());
        }
        // Also where it is the same: its time may be over.
        self.republish_presence();
    }

    /// Has the zones that speak of us say what is so now, and the certificate.
    pub(super) fn look_at_presence(&self) {
        if self.republish_presence() {
            self.look_at_certificate();
        }
    }

    /// Whether there was something new to say of us.
    fn republish_presence(&self) -> bool {
        let mut store = self.store();
        let is_new = self.presence.look(unix_now());
        if is_new {
            self.publish(store.republish());
        }
        is_new
    }

    /// Reads the files that tell the names of the LAN.
    pub(super) fn look_at_house(&self) {
        let mut store = self.store();
        let Some(house) = &self.house else { return };
        if house.look(self.clock.at_least()) {
            self.publish(store.republish());
        } else {
            // A lease may end at another time.
            self.published.notify_one();
            house.tell();
        }
    }

    /// Reads again whom to ask, where a file says it.
    pub(super) fn look_at_provider(&self) {
        if let Some(provider) = &self.provider {
            provider.look(&self.upstreams, &self.clock);
        }
    }

    /// Where devices reach us.
    fn addresses(&self) -> Vec<IpAddr> {
        self.presence.itself().addresses
    }

    fn keeper(&self) -> Result<&Keeper, Failure> {
        let message = "there is no certificate: nothing that is listened on is encrypted, and the configuration has no \
                       `certificate`";
        self.keeper
            .as_deref()
            .ok_or_else(|| Failure::new(Code::NotFound, message))
    }

    /// Publishes the zones without the records that have expired.
    pub(super) fn expire(&self) {
        let mut store = self.store();
        let now = self.clock.at_least();
        let is_house_other = self.house.as_ref().is_some_and(|house| house.expire(now));
        if let Some(parts) = store.expire(now) {
            info!("records expired");
            self.publish(parts);
        } else if is_house_other {
            self.publish(store.republish());
        }
    }

    /// Does what hangs on the time: what is over goes, and after a step back what is not over yet comes back.
    pub(super) fn clock_jumped(&self, is_back: bool) {
        if is_back {
            let _ = self.reload();
        } else {
            self.expire();
        }
        self.look_at_certificate();
        // What is next may be so sooner.
        self.published.notify_one();
    }

    /// How long nothing expires.
    pub(super) fn until_expiry(&self) -> Duration {
        let lease = self.house.as_ref().and_then(|house| house.next_end());
        let next = self.store().next_expiry().into_iter().chain(lease).min();
        let next = next.map(|at| at.saturating_sub(self.clock.at_least()));
        // Wall clocks jump, above all on a router without a battery: look again now and then.
        next.map_or(LONGEST_SLEEP, |seconds| {
            Duration::from_secs(seconds.max(1)).min(LONGEST_SLEEP)
        })
    }

    fn publish(&self, parts: Parts) {
        let itself = itself(&self.presence, self.house.as_deref());
        self.engine.publish(snapshot(parts, &self.routing, &itself));
        if let Some(house) = &self.house {
            house.tell();
        }
        self.published.notify_one();
    }

    /// An invite with what it is for Android, which hangs on the certificate and our addresses.
    #[cfg(feature = "onboard")]
    fn with_android(&self, mut answer: Answer) -> Answer {
        if let Answer::Invited(invited) = &mut answer {
            let word = super::welcome::android(&self.presence, self.keeper.as_deref(), invited);
            invited.android = word.to_owned();
        }
        answer
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> Status {
        // Before the store is taken: who makes a certificate may hold this for a while.
        let certificate = self
            .keeper
            .as_deref()
            .map(|keeper| Box::new(keeper.status(self.clock.cautious())));
        let store = self.store();
        let fill = self.engine.cache_fill();
        let listener = |(url, transport): &(ListenUrl, Transport)| Listener {
            address: url.addr.to_string(),
            transport: transport.as_str().to_owned(),
            private_only: url.private_only,
        };
        let damage = self.guests.devices().damage();
        let of_house = self
            .house
            .as_ref()
            .map(|house| house.defects())
            .unwrap_or_default();
        let of_provider = self.provider.as_ref().and_then(Provider::defect);
        let of_sets = self.sets.as_ref().map(|sets| sets.defects()).unwrap_or_default();
        let others = damage.iter().chain(&of_provider).chain(&of_sets).chain(&of_house);
        let defects = store.folder_defects().iter().chain(others);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime: self.started.elapsed().as_secs(),
            generation: self.engine.snapshot().generation(),
            listeners: self.listeners.iter().map(listener).collect(),
            server: self.presence.status(),
            certificate,
            upstreams: self
                .upstreams
                .servers()
                .map(|server| Upstream {
                    url: server.name,
                    route: server.domain,
                    up: !server.is_failing,
                    latency_us: server.srtt_ms.map(|ms| (ms * 1000.0) as u64),
                })
                .collect(),
            zones: files::zone_statuses(&store),
            defects: defects.map(files::defect_text).collect(),
            outcomes: self.outcome_counts(),
            cache: CacheStatus {
                entries: fill.entries as u64,
                bytes: fill.bytes as u64,
                limit: self.engine.rules().cache_bytes as u64,
            },
            validation: self.upstreams.validator().map(validation),
            clock_unset: self.clock.now().is_none(),
        }
    }

    /// What is known of the server, zones aside.
    fn server_words(&self) -> ServerWords {
        let itself = self.presence.itself();
        let trust = match trust(self.keeper.as_deref(), itself.name.as_ref()) {
            Trust::Public => "public",
            Trust::Own(_) => "own",
            Trust::None => "none",
        };
        ServerWords {
            name: itself.name,
            addresses: itself.addresses,
            listeners: self.listeners_for_devices(),
            trust,
        }
    }

    /// Every listener, those that answer everybody of the house first.
    fn listeners_for_devices(&self) -> Vec<(SocketAddr, Transport)> {
        let mut all = self.listeners.clone();
        all.sort_by_key(|(url, _)| url.private_only);
        all.into_iter()
            .map(|(url, transport)| (url.addr, transport))
            .collect()
    }

    fn outcome_counts(&self) -> BTreeMap<String, u64> {
        let counts = self.outcomes.counts();
        counts
            .map(|(outcome, count)| (outcome.as_str().to_owned(), count))
            .collect()
    }

    fn stats(&self) -> Stats {
        let is_open = |transport: &Transport| self.listeners.iter().any(|(_, spoken)| spoken == transport);
        let of = |transport: Transport| {
            let events = self.traffic.events(transport);
            let is_stream = !transport.is_datagram();
            TransportStats {
                transport: transport.as_str().to_owned(),
                queries: self.traffic.messages(transport),
                connections: is_stream.then(|| self.connections(transport)),
                events: events
                    .filter(|_| is_stream)
                    .map(|(event, count)| (event.as_str().to_owned(), count))
                    .collect(),
            }
        };
        Stats {
            outcomes: self.outcome_counts(),
            transports: Transport::ALL.into_iter().filter(is_open).map(of).collect(),
        }
    }

    /// The connections of a transport: those of its listeners for everybody, and of those for devices, which have
    /// places of their own.
    fn connections(&self, transport: Transport) -> Connections {
        let has = |private_only: bool| {
            let mut listeners = self.listeners.iter();
            listeners.any(|(url, spoken)| *spoken == transport && url.private_only == private_only)
        };
        let mut sum = Connections::default();
        for private_only in [false, true].into_iter().filter(|kind| has(*kind)) {
            let gate = self.gates.of(transport, private_only);
            sum.open += gate.open() as u64;
            sum.limit += gate.limits().connections as u64;
            sum.per_client = gate.limits().per_client as u64;
        }
        sum
    }

    fn flush(&self, words: &Flush) -> Result<Flushed, Failure> {
        let (name, below) = meant(words.name.as_deref(), words.below.as_deref())?;
        Ok(Flushed {
            entries: self.engine.flush(name.as_ref(), below) as u64,
        })
    }

    fn cache_stats(&self) -> CacheStats {
        let fill = self.engine.cache_fill();
        let census = self.engine.cache_census(self.now());
        let of = |kind: Kind| census.get(kind as usize).map_or(0, |count| *count as u64);
        let ended = |outcomes: &[Outcome]| -> u64 {
            let counts = self.outcomes.counts();
            counts
                .filter(|(outcome, _)| outcomes.contains(outcome))
                .map(|(_, count)| count)
                .sum()
        };
        CacheStats {
            // Counted with the kinds, so that they sum to it whatever comes meanwhile.
            entries: census.iter().map(|count| *count as u64).sum(),
            bytes: fill.bytes as u64,
            limit: self.engine.rules().cache_bytes as u64,
            fresh: of(Kind::Fresh),
            negative: of(Kind::Negative),
            stale: of(Kind::Stale),
            failures: of(Kind::Failure),
            over: of(Kind::Over),
            hits: ended(&[Outcome::Cached, Outcome::Stale]),
            misses: ended(&[Outcome::Forwarded, Outcome::Failed, Outcome::Overloaded]),
        }
    }

    fn cache_dump(&self, words: &CacheDump) -> Result<CacheEntries, Failure> {
        let (name, below) = meant(words.name.as_deref(), words.below.as_deref())?;
        let most = limits::CACHE_LISTED.default_usize();
        let (listed, more) = self.engine.list_cache(name.as_ref(), below, self.now(), most);
        let entry = |listed: Listed| CacheEntry {
            name: listed.name.to_string(),
            rtype: listed.rtype.to_string(),
            route: self.upstreams.domain_of(listed.route).to_owned(),
            rcode: listed.rcode.to_string(),
            kind: listed.kind.as_str().to_owned(),
            left: listed.left,
            hits: u64::from(listed.hits),
            dnssec: listed.dnssec_ok,
            unchecked: listed.checking_disabled,
        };
        Ok(CacheEntries {
            entries: listed.into_iter().map(entry).collect(),
            more,
        })
    }

    /// The last queries; whoever asks for them watches.
    fn queries(&self, words: &QueriesWords) -> QueriesSeen {
        let now = self.now();
        let look = self.queries.look(words.after.unwrap_or_default(), now);
        let unix = unix_now();
        let shown = |seen: Seen| QuerySeen {
            time: write_time(unix.saturating_sub(u64::from(now.saturating_sub(seen.second)))),
            client: seen.client.to_string(),
            transport: seen.transport.as_str().to_owned(),
            device: match seen.bearer {
                Bearer::Device(device) => self.guests.devices().name_of(device),
                Bearer::Nobody | Bearer::Unknown => None,
            },
            rtype: seen.name.is_some().then(|| seen.rtype.to_string()),
            name: seen.name.map(|name| name.to_string()),
            outcome: seen.outcome.as_str().to_owned(),
            rcode: seen.rcode.map(|rcode| rcode.to_string()),
        };
        QueriesSeen {
            queries: look.seen.into_iter().map(shown).collect(),
            last: look.last,
            missed: look.missed,
            began: look.began,
            watch: limits::QUERIES_WATCH.default as u32,
        }
    }

    /// Forgets queries that nobody looks at any more.
    pub(super) fn forget_queries(&self) {
        self.queries.rest(self.now());
    }

    /// The engine's second.
    fn now(&self) -> u32 {
        self.started.elapsed().as_secs() as u32
    }

    /// Sends a query of our own down the line and tells what it says.
    fn explain(&self, words: &Explain) -> Result<Explained, Failure> {
        let name = parse_name(&words.name)?;
        let rtype = words.rtype.as_deref().unwrap_or("A").parse::<Rtype>();
        let rtype = rtype.map_err(|error| Failure::new(Code::BadRequest, error.to_string()))?;
        let addr = match &words.client {
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Some(text) => text.parse().map_err(|_| {
                let message = format!("`{text}` is no client address; expected one such as 192.168.1.20");
                Failure::new(Code::BadRequest, message)
            })?,
        };
        let mut query = Vec::new();
        write::write_query(&mut query, 0, name.as_ref(), rtype, (false, false), 1232);
        let mut story = Story::default();
        let mut reply = Vec::new();
        let mut client = Client::new(addr, Transport::Tcp);
        if let Some(device) = &words.device {
            // Over something that can bear a token.
            client.transport = Transport::Tls;
            client.bearer = self.guests.bearer(device)?;
        }
        let step = self
            .engine
            .explain(&query, client, self.now(), &mut reply, &mut story);
        let steps = story
            .steps
            .into_iter()
            .map(|(step, verdict)| ExplainStep {
                step: step.to_owned(),
                verdict,
            })
            .collect();
        let mut explained = Explained {
            steps,
            ..Explained::default()
        };
        match step {
            Step::Ask { question, .. } => {
                explained.route = Some(self.upstreams.domain_of(question.route).to_owned());
                explained.upstreams = self
                    .upstreams
                    .servers_of(question.route)
                    .map(|server| {
                        format!(
                            "{}{}",
                            server.name,
                            if server.is_failing { " (down)" } else { "" }
                        )
                    })
                    .collect();
            }
            Step::Drop(_) => {}
            Step::Reply(_) | Step::ReplyAndRefresh(..) => {
                let Ok(incoming) = Incoming::parse(&reply) else {
                    return Ok(explained);
                };
                explained.rcode = Some(incoming.rcode.to_string());
                let mut rdata = Vec::new();
                for item in incoming.records().filter(|item| item.section == Section::Answer) {
                    if item.rdata(&mut rdata).is_ok() {
                        let owner = item.owner().as_ref().to_name();
                        explained.records.push(render::record_text(
                            &Record {
                                owner,
                                ttl: item.ttl,
                                rtype: item.rtype,
                                rdata: rdata.as_slice().into(),
                                expires: None,
                            },
                            None,
                        ));
                    }
                }
                let is_told = |text: String| explained.records.iter().any(|record| record.ends_with(&text));
                let source = self.house.as_ref().and_then(|house| {
                    house.source_of(&name, |address, name| {
                        is_told(format!(" {address}")) || is_told(format!(" {name}"))
                    })
                });
                explained.steps.extend(source.map(|verdict| ExplainStep {
                    step: "lan".to_owned(),
                    verdict,
                }));
            }
        }
        Ok(explained)
    }
}

/// Who vouches for the certificate, as devices see it. One of a public authority is of use to strangers where it bears
/// the server's name; addresses in it are another matter.
pub(super) fn trust(keeper: Option<&Keeper>, name: Option<&Name>) -> Trust {
    let (Some(keeper), Some(name)) = (keeper, name) else {
        return keeper.map_or(Trust::None, |keeper| match keeper.trust() {
            Trust::Public => Trust::None,
            trust => trust,
        });
    };
    let bears = || {
        let certificate = keeper.certificate();
        certificate.check_for_strangers(name, &[], true, unix_now())
    };
    match keeper.trust() {
        Trust::Public if bears().is_err() => Trust::None,
        trust => trust,
    }
}

/// The names that a request means: all, one, or one and all below it.
fn meant(name: Option<&str>, below: Option<&str>) -> Result<(Option<Name>, bool), Failure> {
    match (name, below) {
        (Some(_), Some(_)) => Err(Failure::new(
            Code::BadRequest,
            "give a name or --below a name, not both",
        )),
        (Some(name), None) => Ok((Some(parse_name(name)?), false)),
        (None, Some(name)) => Ok((Some(parse_name(name)?), true)),
        (None, None) => Ok((None, false)),
    }
}

fn parse_name(text: &str) -> Result<Name, Failure> {
    text.parse()
        .map_err(|error| Failure::new(Code::BadRequest, format!("`{text}`: {error}")))
}

fn validation(validator: &Validator) -> Validation {
    let now = unix_now();
    let negative = |anchor: &config::NegativeAnchor| NegativeAnchor {
        domain: anchor.domain.to_string(),
        reason: anchor.reason.clone(),
        until: write_time(anchor.until),
        over: anchor.until <= now,
    };
    Validation {
        without_clock: validator.is_without_clock(),
        negative: validator.negative().iter().map(negative).collect(),
    }
}
