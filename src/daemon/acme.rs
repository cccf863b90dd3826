//! Orders of certificates while the daemon runs: when one is due, what it needs of this house, and what came of it.
//!
//! [`crate::certificate::acme`] knows the course of an order; here it is given a network, our zones, a program, and a
//! clock. One order at a time, on the runtime of the main thread, which answers no query.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, info, warn};

use super::desk::Desk;
use super::{CERTIFICATE_CHECK, unix_now};
use crate::certificate::acme::{
    Call, House, Kind, Memory, Method, Proof, Reply, Stage, Trouble, Web, obtain,
};
use crate::certificate::hook;
use crate::certificate::issue::{self, Key, Lifetime};
use crate::certificate::plan::{self, Why};
use crate::certificate::read::Facts;
use crate::config::{AcmeChallenge, AcmeConfig, Config, limits};
use crate::control::server::Daemon as _;
use crate::control::types::{CertificateStatus, DefectText, RecordWords, RemoveRecord, Request as Wish};
use crate::engine::fetch::{Fetched, Question};
use crate::engine::{Client, Engine, Step, Transport};
use crate::message::read::Item;
use crate::message::{Incoming, Name, Rtype, Section, write};
use crate::serve::tls::Certificate;
use crate::store::disk;
use crate::upstream::{Upstreams, web};
use crate::view::DEFAULT_ROUTE;
use crate::zone::master::civil::write_time;

/// File of the account, and of the certificate with its key.
const MEMORY: &str = "acme.json";
const CERTIFICATE: &str = "acme.pem";
/// Time for a request, and bytes of a reply.
const TIME: Duration = limits::ACME_REQUEST.default_time();
const BODY: usize = limits::ACME_BODY.default_usize();
/// A time to try again that lies further ahead than this was noted by a clock that was wrong.
const LONGEST: u64 = 2 * limits::ACME_LONGEST_WAIT.default_time().as_secs();
/// Lifetime of a certificate that proves a name in a handshake.
const PROOF_LIFE: u64 = 7 * 86_400;
/// TTL of records in our own zones, and when they go by themselves, should nobody take them away.
const TTL: u32 = 60;
const EXPIRES: &str = "2d";
/// UDP payload size that our own questions offer.
const PAYLOAD: u16 = 1232;

/// Who orders, and how that fares.
pub(super) struct Orders {
    config: AcmeConfig,
    names: Vec<String>,
    folder: PathBuf,
    certificate: Arc<Certificate>,
    web: web::Web,
    standing: Mutex<Standing>,
    /// A person wants a new certificate.
    is_asked: AtomicBool,
    /// Ends a wait.
    hurry: Notify,
}

/// How it fares.
#[derive(Debug, Default)]
struct Standing {
    /// What is being done; none where nothing is.
    stage: Option<Stage>,
    /// Why the last order failed.
    trouble: Option<String>,
    /// Unix time of the next try, where one failed.
    next: Option<u64>,
}

impl Orders {
    pub(super) fn new(config: &Config, acme: &AcmeConfig, certificate: &Arc<Certificate>) -> Self {
        Orders {
            names: config.acme_names(acme),
            config: acme.clone(),
            folder: config.certificate_folder(),
            certificate: Arc::clone(certificate),
            web: web::Web::new(acme.ca_file.clone(), TIME, BODY),
            standing: Mutex::default(),
            is_asked: AtomicBool::new(false),
            hurry: Notify::new(),
        }
    }

    /// Whom it orders from.
    pub(super) fn directory(&self) -> String {
        self.config.directory.to_string()
    }

    /// Adds how it fares.
    pub(super) fn tell(&self, status: &mut CertificateStatus) {
        let standing = self.lock();
        if let Some(message) = &standing.trouble {
            status.problems.push(DefectText {
                file: self.directory(),
                message: message.clone(),
                ..DefectText::default()
            });
        }
        status.next_try = standing.next.map_or_else(String::new, write_time);
        if let Some(stage) = &standing.stage {
            status.doing.clone_from(&stage.doing);
            status.awaits = records(&stage.awaited);
        }
    }

    /// Orders now, or looks now whether what is awaited has come.
    pub(super) fn ask(&self) {
        if self.lock().stage.is_none() {
            self.is_asked.store(true, Ordering::Release);
        }
        self.hurry.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Orders whenever it is due. Never ends.
    pub(super) async fn tend(&self, desk: &Arc<Desk>) {
        loop {
            let memory = Memory::load(&self.folder.join(MEMORY), &self.directory());
            match memory {
                Ok(mut memory) => self.order_if_due(desk, &mut memory).await,
                Err(trouble) => self.fail(&trouble, None),
            }
            let _ = timeout(CERTIFICATE_CHECK, self.hurry.notified()).await;
        }
    }

    async fn order_if_due(&self, desk: &Arc<Desk>, memory: &mut Memory) {
        let now = unix_now();
        let Some(why) = self.due(memory, now) else { return };
        if !plan::is_clock_set(now) {
            let since = write_time(now);
            let message = format!(
                "waits for the clock of this host, which stands at {since}; set it, or let NTP set it"
            );
            return self.fail(&Trouble::new(message), None);
        }
        info!(
            "ordering a certificate for {} from {}: {why}",
            self.names.join(", "),
            self.directory()
        );
        let house = Household { orders: self, desk };
        let ended = obtain(&house, &self.config, &self.names, memory, now).await;
        self.lock().stage = None;
        let now = unix_now();
        let taken = match ended {
            Ok((text, facts)) => self.take(&text).map(|()| facts),
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
    fn due(&self, memory: &Memory, now: u64) -> Option<Why> {
        if self.is_asked.swap(false, Ordering::AcqRel) {
            return Some(Why::Asked);
        }
        let why = match self.certificate.shown().as_deref().and_then(Facts::read) {
            None => Some(Why::Missing),
            Some(facts) => {
                let is_for = self.names.iter().all(|name| facts.names.contains(name));
                plan::due(&facts, is_for, now)
            }
        };
        let is_early = memory.not_before > now && memory.not_before - now <= LONGEST;
        if is_early && why.is_some() {
            self.lock().next = Some(memory.not_before);
        }
        why.filter(|_| !is_early)
    }

    /// Writes the file and lets the listeners take it.
    fn take(&self, text: &str) -> Result<(), Trouble> {
        let file = self.folder.join(CERTIFICATE);
        let failed = |error: &dyn std::fmt::Display| {
            Trouble::new(format!("{}: cannot be written: {error}", file.display()))
        };
        disk::replace_private(&file, text.as_bytes()).map_err(|failure| failed(&failure.error))?;
        self.certificate
            .reload(unix_now())
            .map_err(|error| Trouble::new(error.to_string()))
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

/// This house, for one order.
struct Household<'h> {
    orders: &'h Orders,
    desk: &'h Arc<Desk>,
}

impl Household<'_> {
    /// Where a host is, as a program of this host would be told.
    async fn resolve(&self, host: String) -> Result<Vec<IpAddr>, String> {
        let name: Name = host
            .parse()
            .map_err(|error| format!("{host} is no host name: {error}"))?;
        let (v6, v4) = tokio::join!(self.look_up(&name, Rtype::AAAA), self.look_up(&name, Rtype::A));
        let found: Vec<IpAddr> = [(v6, Rtype::AAAA), (v4, Rtype::A)]
            .iter()
            .flat_map(|(reply, rtype)| web::addresses(reply, name.as_ref(), *rtype))
            .collect();
        if found.is_empty() {
            return Err(format!(
                "nobody knows where {host} is; does this server answer that to this host?"
            ));
        }
        Ok(found)
    }

    /// The reply to a question of this host's.
    async fn look_up(&self, name: &Name, rtype: Rtype) -> Vec<u8> {
        let (engine, now) = (&self.desk.engine, || self.desk.started.elapsed().as_secs() as u32);
        let client = Client::new(Ipv4Addr::LOCALHOST.into(), Transport::Tcp);
        let (mut query, mut reply) = (Vec::new(), Vec::new());
        write::write_query(&mut query, 0, name.as_ref(), rtype, (false, false), PAYLOAD);
        if let Step::Ask { question, .. } = engine.receive(&query, client, now(), &mut reply) {
            let fetched = self.ask(question).await;
            reply.clear();
            let _ = engine.resume(&query, client, now(), &fetched, &mut reply);
        }
        reply
    }

    async fn ask(&self, question: Question) -> Fetched {
        let engine: &Arc<Engine> = &self.desk.engine;
        let upstreams: &Arc<Upstreams> = &self.desk.upstreams;
        upstreams.ask(engine, question, self.desk.started).await
    }

    /// Where our own zone holds the record.
    fn place(&self, proof: &Proof) -> String {
        match &self.orders.config.challenge {
            AcmeChallenge::Cname(target) => target.to_string(),
            _ => format!("{}.", proof.owner),
        }
    }

    async fn run_hook(&self, word: &'static str, proof: &Proof) -> Result<(), String> {
        let AcmeChallenge::Hook(program) = &self.orders.config.challenge else {
            return Ok(());
        };
        let (program, proof) = (program.clone(), proof.clone());
        let ran = spawn_blocking(move || hook::run(&program, word, &proof)).await;
        ran.unwrap_or_else(|error| Err(error.to_string()))
    }

    async fn edit(&self, wish: Wish) -> Result<(), String> {
        let desk = Arc::clone(self.desk);
        let edited = spawn_blocking(move || desk.execute(wish)).await;
        match edited {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(failure)) => Err(failure.message),
            Err(error) => Err(error.to_string()),
        }
    }

    fn show(&self, proof: &Proof) -> Result<(), String> {
        let key = Key::generate().map_err(|error| error.to_string())?;
        let now = unix_now();
        let life = Lifetime {
            from: now.saturating_sub(PROOF_LIFE),
            until: now + PROOF_LIFE,
        };
        let certificate =
            issue::proof(&key, &proof.domain, &proof.sum, life).map_err(|error| error.to_string())?;
        let pair = Some((certificate, key.pkcs8().to_vec()));
        self.orders.certificate.show_proof(&proof.domain, pair)
    }
}

impl Web for Household<'_> {
    async fn send(&self, call: Call<'_>) -> Result<Reply, String> {
        let (method, content) = match call.method {
            Method::Get => (http::Method::GET, Bytes::new()),
            Method::Head => (http::Method::HEAD, Bytes::new()),
            Method::Post(content) => (http::Method::POST, Bytes::copy_from_slice(content.as_bytes())),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(call.url)
            // RFC 8555, 6.1.
            .header(
                header::USER_AGENT,
                concat!("hearthdns/", env!("CARGO_PKG_VERSION")),
            );
        if !content.is_empty() {
            request = request
                .header(header::CONTENT_TYPE, "application/jose+json")
                .header(header::CONTENT_LENGTH, content.len());
        }
        let request = request
            .body(content)
            .map_err(|error| format!("{}: {error}", call.url))?;
        let response = self.orders.web.send(request, |host| self.resolve(host)).await?;
        let text = |name: &str| response.field(name).map(str::to_owned);
        Ok(Reply {
            status: response.status,
            nonce: text("replay-nonce"),
            location: text("location"),
            retry_after: response
                .field("retry-after")
                .and_then(|value| value.trim().parse().ok()),
            body: response.body,
        })
    }
}

impl House for Household<'_> {
    async fn publish(&self, proof: &Proof) -> Result<(), String> {
        match &self.orders.config.challenge {
            AcmeChallenge::Print | AcmeChallenge::Persist => Ok(()),
            AcmeChallenge::Hook(_) => self.run_hook("add", proof).await,
            AcmeChallenge::TlsAlpn => self.show(proof),
            AcmeChallenge::Zone | AcmeChallenge::Cname(_) => {
                let wish = Wish::AddRecord(RecordWords {
                    name: self.place(proof),
                    rtype: "TXT".to_owned(),
                    rdata: vec![proof.text.clone()],
                    ttl: Some(TTL),
                    comment: Some("proves a name to a certificate authority".to_owned()),
                    expires: Some(EXPIRES.to_owned()),
                    ..RecordWords::default()
                });
                self.edit(wish).await
            }
        }
    }

    async fn withdraw(&self, proof: &Proof) {
        let done = match &self.orders.config.challenge {
            AcmeChallenge::Print | AcmeChallenge::Persist => Ok(()),
            AcmeChallenge::Hook(_) => self.run_hook("remove", proof).await,
            AcmeChallenge::TlsAlpn => self.orders.certificate.show_proof(&proof.domain, None),
            AcmeChallenge::Zone | AcmeChallenge::Cname(_) => {
                let wish = Wish::RemoveRecord(RemoveRecord {
                    name: self.place(proof),
                    rtype: Some("TXT".to_owned()),
                    rdata: vec![proof.text.clone()],
                    ..RemoveRecord::default()
                });
                self.edit(wish).await
            }
        };
        if let Err(why) = done {
            warn!("what proved {} is still there: {why}", proof.domain);
        }
    }

    async fn texts(&self, owner: &str) -> Result<Vec<String>, String> {
        let name: Name = owner
            .parse()
            .map_err(|error| format!("{owner} is no name: {error}"))?;
        // Not our zones: what the authority will see is what the Internet says.
        let question = Question {
            name: name.as_ref().to_lowercase(),
            rtype: Rtype::TXT,
            route: DEFAULT_ROUTE,
            dnssec_ok: false,
            checking_disabled: false,
        };
        match self.ask(question).await {
            Fetched::Reply(question, reply) => Ok(texts_in(
                &reply.as_ref().unpack(question.name.as_ref(), Rtype::TXT),
            )),
            Fetched::Failed(_, failure) => Err(failure.extended_error().1.to_owned()),
        }
    }

    async fn pause(&self, time: Duration) {
        let end = Instant::now() + time;
        tokio::select! {
            () = sleep(end.saturating_duration_since(Instant::now())) => {}
            () = self.orders.hurry.notified() => {}
        }
    }

    fn tell(&self, stage: Stage) {
        let before = self
            .orders
            .lock()
            .stage
            .replace(stage.clone())
            .unwrap_or_default();
        let is_person = matches!(
            self.orders.config.challenge,
            AcmeChallenge::Print | AcmeChallenge::Persist
        );
        if is_person && before.awaited.is_empty() && !stage.awaited.is_empty() {
            let stays = stage.awaited.iter().any(|proof| proof.kind == Kind::Persistent);
            for record in records(&stage.awaited) {
                info!(
                    "add this record to the domain's public DNS{}: {record}",
                    if stays { ", once and for ever" } else { "" }
                );
            }
        }
    }
}

/// Records as a person would write them.
fn records(awaited: &[Proof]) -> Vec<String> {
    let line = |proof: &Proof| format!("{}. {TTL} IN TXT \"{}\"", proof.owner, proof.text);
    let mut all: Vec<String> = awaited.iter().map(line).collect();
    // One record that stays serves a name and all below it.
    all.dedup();
    all
}

/// The TXT records in a reply, whatever aliases lead to them: the upstream has followed those.
fn texts_in(reply: &[u8]) -> Vec<String> {
    let Ok(incoming) = Incoming::parse(reply) else {
        return Vec::new();
    };
    let is_text = |item: &Item<'_>| item.section == Section::Answer && item.rtype == Rtype::TXT;
    let mut texts = Vec::new();
    for item in incoming.records().filter(is_text) {
        let mut rdata = Vec::new();
        if item.rdata(&mut rdata).is_ok() {
            texts.push(joined(&rdata));
        }
    }
    texts
}

/// The character-strings of a TXT record as one text (RFC 1035, 3.3.14).
fn joined(rdata: &[u8]) -> String {
    let (mut text, mut rest) = (Vec::new(), rdata);
    while let Some((length, behind)) = rest.split_first() {
        let (one, behind) = behind.split_at(behind.len().min(usize::from(*length)));
        text.extend_from_slice(one);
        rest = behind;
    }
    String::from_utf8_lossy(&text).into_owned()
}
