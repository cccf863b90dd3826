//! Orders of certificates while the daemon runs: what they need of this house, and what is told of them.
//!
//! [`crate::certificate::acme`] knows when one is due and its course; here it is given a network, our zones, a program,
//! the listeners' certificate and a clock. All of it runs on the runtime of the main thread, which answers no query.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use super::desk::Desk;
use super::unix_now;
use crate::certificate::acme::{Call, House, Kind, Method, Orders, Proof, Reply, Stage, Trouble, Web};
use crate::certificate::hook;
use crate::certificate::issue::{self, Key, Lifetime};
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

/// File of the certificate with its key.
const CERTIFICATE: &str = "acme.pem";
/// Time for a request, and bytes of a reply.
const TIME: Duration = limits::ACME_REQUEST.default_time();
const BODY: usize = limits::ACME_BODY.default_usize();
/// Lifetime of a certificate that proves a name in a handshake.
const PROOF_LIFE: u64 = 7 * 86_400;
/// TTL of records in our own zones, and when they go by themselves, should nobody take them away.
const TTL: u32 = 60;
const EXPIRES: &str = "2d";
/// UDP payload size that our own questions offer.
const PAYLOAD: u16 = 1232;

/// Orders of this daemon, and the way to the authority.
pub(super) struct Clerk {
    orders: Orders,
    folder: PathBuf,
    certificate: Arc<Certificate>,
    web: web::Web,
}

impl Clerk {
    pub(super) fn new(config: &Config, acme: &AcmeConfig, certificate: &Arc<Certificate>) -> Self {
        let folder = config.certificate_folder();
        Clerk {
            orders: Orders::new(acme, config.acme_names(acme), folder.clone()),
            folder,
            certificate: Arc::clone(certificate),
            web: web::Web::new(acme.ca_file.clone(), TIME, BODY),
        }
    }

    /// Adds how it fares.
    pub(super) fn tell(&self, status: &mut CertificateStatus) {
        let standing = self.orders.standing();
        if let Some(message) = standing.trouble {
            status.problems.push(DefectText {
                file: self.orders.directory(),
                message,
                ..DefectText::default()
            });
        }
        if let Some(moment) = standing.suggested {
            status.renewal = write_time(moment);
        }
        status.next_try = standing.next.map_or_else(String::new, write_time);
        if let Some(stage) = standing.stage {
            status.doing = stage.doing;
            status.awaits = records(&stage.awaited);
        }
    }

    /// Orders now, or looks now whether what is awaited has come.
    pub(super) fn ask(&self) {
        self.orders.ask();
    }

    /// Orders whenever it is due. Never ends.
    pub(super) async fn tend(&self, desk: &Arc<Desk>) {
        self.orders.tend(&Household { clerk: self, desk }).await;
    }

    fn config(&self) -> &AcmeConfig {
        self.orders.config()
    }
}

/// This house, for its orders.
struct Household<'h> {
    clerk: &'h Clerk,
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
        match &self.clerk.config().challenge {
            AcmeChallenge::Cname(target) => target.to_string(),
            _ => format!("{}.", proof.owner),
        }
    }

    async fn run_hook(&self, word: &'static str, proof: &Proof) -> Result<(), String> {
        let AcmeChallenge::Hook(program) = &self.clerk.config().challenge else {
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
        self.clerk.certificate.show_proof(&proof.domain, pair)
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
            .map_err(|error| format!("{}: {error}", call.url.escape_debug()))?;
        let response = self.clerk.web.send(request, |host| self.resolve(host)).await?;
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
    fn now(&self) -> u64 {
        self.desk.clock.cautious()
    }

    fn shown(&self) -> Option<Vec<u8>> {
        self.clerk.certificate.shown()
    }

    fn take(&self, text: &str) -> Result<(), Trouble> {
        let file = self.clerk.folder.join(CERTIFICATE);
        let failed = |error: &dyn std::fmt::Display| {
            Trouble::new(format!("{}: cannot be written: {error}", file.display()))
        };
        disk::replace_private(&file, text.as_bytes()).map_err(|failure| failed(&failure.error))?;
        let reloaded = self.clerk.certificate.reload(self.now());
        reloaded.map_err(|error| Trouble::new(error.to_string()))
    }

    async fn publish(&self, proof: &Proof) -> Result<(), String> {
        match &self.clerk.config().challenge {
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
        let done = match &self.clerk.config().challenge {
            AcmeChallenge::Print | AcmeChallenge::Persist => Ok(()),
            AcmeChallenge::Hook(_) => self.run_hook("remove", proof).await,
            AcmeChallenge::TlsAlpn => self.clerk.certificate.show_proof(&proof.domain, None),
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
        self.clerk.orders.rest(time).await;
    }

    fn tell(&self, stage: Stage) {
        let before = self.clerk.orders.show(stage.clone());
        let is_person = matches!(
            self.clerk.config().challenge,
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
