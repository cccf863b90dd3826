//! The pages of invites over HTTP: which request gets which page, and what may use up an invite.
//!
//! **A GET never uses an invite up.** Messengers fetch the links that are sent over them, browsers load what may be
//! wanted next, and people reload. So an invite's page (`/i/CODE`) can be had as often as wanted while the invite is
//! good; its button is a POST, which none of these sends. The POST redeems, once, and leads to a URL with the device's
//! token in it: from then on the token is what opens the device's page and files, as it opens everything else for that
//! device, until it is revoked. The same client that presses the button again (a dialog was cancelled, the wrong system
//! chosen) gets the same device, for an hour, without another use.
//!
//! Over plain HTTP only clients that may ask us are answered: it is for first contact in the house. Over HTTPS a friend
//! abroad may come too; the code and, behind it, the guard against guesses are what stands before the page.
//!
//! No response sets a cookie, may be kept, may be framed, or loads anything that is not its own.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::header::{
    ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HOST, HeaderName, LOCATION, REFERRER_POLICY, RETRY_AFTER, USER_AGENT,
    X_CONTENT_TYPE_OPTIONS,
};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use bytes::Bytes;
use tokio::sync::Semaphore;
use tracing::error;

use super::Service;
use super::beacon::Beacons;
use super::gate::Place;
use crate::config::limits;
use crate::device::{Code, Token};
use crate::engine::Transport;
use crate::message::Name;
use crate::onboard::page::path::{Asked, Target};
use crate::onboard::page::platform::{Browser, Platform};
use crate::onboard::page::words::Language;
use crate::onboard::page::{Check, Notice, Page, Verdict, file_of, policy};
use crate::onboard::things::Thing;
use crate::onboard::{Artefact, Device, Facts, Server, Unfit};

/// Uses that may be repeated.
const REDEEMED: usize = limits::REDEEMED.default_usize();
/// Seconds for which one may.
const REPEAT: u32 = limits::CHECK_LIFE.default as u32;
/// Pages that are made at the same time.
const AT_ONCE: usize = limits::PAGES_AT_ONCE.default_usize();
/// Longest `Host` that is repeated on a page.
const HOST_BYTES: usize = 255;

/// What the pages are made from: whoever knows the configuration, the zones and the devices.
pub trait Host: Send + Sync {
    /// The server as this client is to see it, without hosts, and those of its zones that a Matrix server is in.
    fn server(&self, client: IpAddr) -> (Server, Vec<Name>);

    /// Names and addresses in the zones that this client sees, for systems that know no better than a hosts file.
    fn hosts(&self, client: IpAddr) -> Vec<(Name, IpAddr)>;

    /// Zone of the live check; none where the server has no name.
    fn check(&self) -> Option<Name>;

    /// The device that a code is for, and when the invite ends, for people. Uses nothing up.
    ///
    /// # Errors
    /// Why the code gives nothing.
    fn invited(&self, code: Code, client: IpAddr) -> Result<(Device, String), Refused>;

    /// Uses a code once, and returns when that is on disk: the device, with its token.
    ///
    /// # Errors
    /// Why the code gives nothing.
    fn redeem(&self, code: Code, client: IpAddr) -> Result<Device, Refused>;

    /// The device with this token, with the token in it.
    fn device(&self, token: Token) -> Option<Device>;

    /// What is made for a device, signed where it can be.
    ///
    /// # Errors
    /// Why it cannot be made.
    fn make(&self, thing: Thing, facts: &Facts) -> Result<Artefact, Unfit>;
}

/// Why a code gives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is unknown, used up or over.
    Code,
    /// For so many seconds no code is heard from this client.
    Wait(u32),
    /// Who may have what is not known, or cannot be written; for the log.
    Broken(String),
}

/// The pages.
pub struct Pages {
    host: Arc<dyn Host>,
    beacons: Beacons,
    /// Pages are made beside the workers, which wait for no disk; a few at a time.
    turns: Semaphore,
    redeemed: Mutex<Vec<Redeemed>>,
}

/// Somebody used an invite a moment ago.
struct Redeemed {
    code: Code,
    client: IpAddr,
    token: Token,
    at: u32,
}

/// A request, as far as pages look at it.
struct Visit {
    method: Method,
    uri: Uri,
    fields: HeaderMap,
    client: IpAddr,
    /// Whether the connection is encrypted.
    is_encrypted: bool,
    /// Second of the service.
    now: u32,
}

impl Pages {
    /// Pages made from this.
    #[must_use]
    pub fn new(host: Arc<dyn Host>) -> Self {
        Pages {
            host,
            beacons: Beacons::default(),
            turns: Semaphore::new(AT_ONCE),
            redeemed: Mutex::default(),
        }
    }

    pub(super) fn beacons(&self) -> &Beacons {
        &self.beacons
    }

    /// The response to a request; `None` for a path that is none of ours.
    pub(super) async fn answer(
        self: &Arc<Self>,
        head: &Parts,
        place: &Place,
        service: &Service,
    ) -> Option<Response<Bytes>> {
        Target::of(head.uri.path(), "")?;
        let visit = Visit {
            method: head.method.clone(),
            uri: head.uri.clone(),
            fields: head.headers.clone(),
            client: place.addr(),
            is_encrypted: place.transport() != Transport::Http,
            now: service.now(),
        };
        if !visit.is_encrypted && !service.engine.access().admits(visit.client) {
            return Some(visit.notice(StatusCode::FORBIDDEN, Notice::Away));
        }
        let _turn = self.turns.acquire().await.ok()?;
        let pages = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || pages.respond(&visit)).await;
        Some(made.unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR)))
    }

    fn respond(&self, visit: &Visit) -> Response<Bytes> {
        let Some(target) = Target::of(visit.uri.path(), visit.query()) else {
            return empty(StatusCode::NOT_FOUND);
        };
        let is_post = visit.method == Method::POST;
        let allowed = match target {
            Target::Redeem(..) => "GET, HEAD, POST",
            _ => "GET, HEAD",
        };
        if !allowed.split(", ").any(|method| visit.method == method) {
            return method_not_allowed(allowed);
        }
        match target {
            Target::Enter(None) => visit.notice(StatusCode::OK, Notice::Enter),
            Target::Enter(Some(typed)) => match read_code(typed) {
                Some(code) => see_other(&format!("/i/{code}")),
                None => visit.notice(StatusCode::NOT_FOUND, Notice::BadCode),
            },
            Target::Seen => self.seen(visit),
            Target::Invite(code) => self.invite(code, visit),
            Target::Redeem(code, platform) if is_post => self.redeem(code, platform, visit),
            // A button's URL that was loaded again.
            Target::Redeem(code, platform) => see_other(&format!("/i/{code}?p={}", platform.as_str())),
            Target::Device(code, token) => self.device(code, token, visit),
            Target::Thing(_, token, thing) => self.thing(token, thing, visit),
        }
    }

    /// The page of an invite.
    fn invite(&self, typed: &str, visit: &Visit) -> Response<Bytes> {
        let found = read_code(typed).ok_or(Refused::Code);
        match found.and_then(|code| Ok((code, self.look_up(code, visit)?))) {
            Ok((code, (device, until))) => self.page(&code.to_string(), device, until.as_deref(), visit),
            Err(refused) => visit.refusal(refused),
        }
    }

    /// Uses an invite, and leads to what it is for.
    fn redeem(&self, typed: &str, platform: Platform, visit: &Visit) -> Response<Bytes> {
        let found = read_code(typed).ok_or(Refused::Code);
        let redeemed = found.and_then(|code| match self.redeemed_before(code, visit) {
            Some(device) => Ok((code, device, false)),
            None => Ok((code, self.host.redeem(code, visit.client)?, true)),
        });
        let (code, device, is_new) = match redeemed {
            Ok(redeemed) => redeemed,
            Err(refused) => return visit.refusal(refused),
        };
        let Some(token) = device.token.as_deref().and_then(Token::parse) else {
            return visit.notice(StatusCode::NOT_FOUND, Notice::Gone);
        };
        if is_new {
            self.remember(code, token, visit);
        }
        let (server, _) = self.server(visit);
        see_other(&match file_of(platform, &Facts { server, device }) {
            Some(thing) => format!("/i/{code}/{token}/{}", thing.as_str()),
            None => {
                let language = visit.language().tag();
                format!("/i/{code}/{token}?p={}&l={language}", platform.as_str())
            }
        })
    }

    /// The page of a device.
    fn device(&self, code: &str, token: &str, visit: &Visit) -> Response<Bytes> {
        match Token::parse(token).and_then(|token| self.host.device(token)) {
            Some(device) => self.page(code, device, None, visit),
            None => visit.notice(StatusCode::NOT_FOUND, Notice::Gone),
        }
    }

    /// Something for a device.
    fn thing(&self, token: &str, thing: Thing, visit: &Visit) -> Response<Bytes> {
        let Some(device) = Token::parse(token).and_then(|token| self.host.device(token)) else {
            return visit.notice(StatusCode::NOT_FOUND, Notice::Gone);
        };
        let (server, _) = self.server(visit);
        match self.host.make(thing, &Facts { server, device }) {
            Ok(artefact) => {
                let mut response = closed(StatusCode::OK, artefact.media_type, artefact.bytes.into());
                // File names are plain characters.
                let disposition = format!("attachment; filename=\"{}\"", artefact.file);
                put(&mut response, CONTENT_DISPOSITION, &disposition);
                response
            }
            Err(why) => closed(StatusCode::NOT_FOUND, TEXT, format!("{why}\n").into()),
        }
    }

    /// What is known of the live check of a page.
    fn seen(&self, visit: &Visit) -> Response<Bytes> {
        let asked = visit.asked();
        let verdict = asked
            .nonce
            .and_then(|nonce| self.beacons.verdict(nonce, asked.round, asked.is_over));
        match verdict {
            Some(verdict) => {
                let (server, _) = self.host.server(visit.client);
                let text = verdict.told(visit.language(), &server);
                closed(StatusCode::OK, TEXT, text.into())
            }
            None => closed(
                StatusCode::NOT_FOUND,
                TEXT,
                Bytes::from_static(b"no such check\n"),
            ),
        }
    }

    fn page(&self, code: &str, device: Device, until: Option<&str>, visit: &Visit) -> Response<Bytes> {
        let (server, matrix) = self.server(visit);
        let facts = Facts { server, device };
        let zone = self.host.check().map(|zone| {
            let text = zone.to_string();
            text.strip_suffix('.').unwrap_or(&text).to_owned()
        });
        // A page that a browser without scripts loaded again still has its nonce; every other gets a new one.
        let second = visit.asked().nonce.and_then(|nonce| {
            let verdict = self.beacons.verdict(nonce, 0, true)?;
            Some((nonce.to_owned(), verdict))
        });
        let is_second = second.is_some();
        let check = zone.as_deref().map(|zone| {
            let (nonce, verdict) =
                second.unwrap_or_else(|| (self.beacons.open(visit.client, visit.now), Verdict::Waiting));
            (zone, nonce, verdict)
        });
        let agent = visit.text(USER_AGENT);
        let origin = visit.origin();
        let page = Page {
            facts: &facts,
            code,
            until,
            origin: origin.as_deref(),
            language: visit.language(),
            platform: visit
                .asked()
                .platform
                .unwrap_or_else(|| Platform::of_user_agent(agent)),
            browser: Browser::of_user_agent(agent),
            check: check.as_ref().map(|(zone, nonce, verdict)| Check {
                nonce,
                zone,
                verdict: *verdict,
                is_second,
            }),
            matrix: &matrix,
        };
        html(StatusCode::OK, page.html(), zone.as_deref())
    }

    /// The server with everything that things are made from.
    fn server(&self, visit: &Visit) -> (Server, Vec<Name>) {
        let (mut server, matrix) = self.host.server(visit.client);
        server.hosts = self.host.hosts(visit.client);
        (server, matrix)
    }

    /// The device that a code is for, as the page may show it: without its token.
    fn look_up(&self, code: Code, visit: &Visit) -> Result<(Device, Option<String>), Refused> {
        // Whoever used it a moment ago may see the page still.
        let (device, until) = match self.redeemed_before(code, visit) {
            Some(device) => (device, None),
            None => {
                let (device, until) = self.host.invited(code, visit.client)?;
                (device, Some(until))
            }
        };
        Ok((
            Device {
                token: None,
                ..device
            },
            until,
        ))
    }

    /// The device, if this client used the code a moment ago.
    fn redeemed_before(&self, code: Code, visit: &Visit) -> Option<Device> {
        let token = {
            let redeemed = self.redeemed();
            let is_same = |use_: &&Redeemed| {
                use_.code == code && use_.client == visit.client && visit.now.saturating_sub(use_.at) < REPEAT
            };
            redeemed.iter().find(is_same)?.token
        };
        self.host.device(token)
    }

    fn remember(&self, code: Code, token: Token, visit: &Visit) {
        let mut redeemed = self.redeemed();
        redeemed.retain(|use_| use_.code != code || use_.client != visit.client);
        if redeemed.len() >= REDEEMED {
            redeemed.remove(0);
        }
        redeemed.push(Redeemed {
            code,
            client: visit.client,
            token,
            at: visit.now,
        });
    }

    fn redeemed(&self) -> MutexGuard<'_, Vec<Redeemed>> {
        self.redeemed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    fn query(&self) -> &str {
        self.uri.query().unwrap_or("")
    }

    fn asked(&self) -> Asked<'_> {
        Asked::of(self.query())
    }

    fn text(&self, name: HeaderName) -> &str {
        let value = self.fields.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    fn language(&self) -> Language {
        let chosen = self.asked().language;
        chosen.unwrap_or_else(|| Language::accepted(self.text(ACCEPT_LANGUAGE)))
    }

    fn notice(&self, status: StatusCode, notice: Notice) -> Response<Bytes> {
        html(status, notice.html(self.language()), None)
    }

    /// Why a code leads nowhere.
    fn refusal(&self, refused: Refused) -> Response<Bytes> {
        match refused {
            Refused::Code => self.notice(StatusCode::NOT_FOUND, Notice::BadCode),
            Refused::Wait(seconds) => {
                let mut response =
                    self.notice(StatusCode::TOO_MANY_REQUESTS, Notice::Wait(seconds.div_ceil(60)));
                put(&mut response, RETRY_AFTER, &seconds.to_string());
                response
            }
            Refused::Broken(why) => {
                error!("an invite cannot be looked at: {why}");
                self.notice(StatusCode::SERVICE_UNAVAILABLE, Notice::Broken)
            }
        }
    }

    /// Where the browser says that it is: what the page's own QR code and the lines to paste lead back to.
    fn origin(&self) -> Option<String> {
        let host = self.text(HOST);
        let is_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]_".contains(&byte);
        let is_host = (1..=HOST_BYTES).contains(&host.len()) && host.bytes().all(is_byte);
        let scheme = if self.is_encrypted { "https" } else { "http" };
        is_host.then(|| format!("{scheme}://{host}"))
    }
}

/// A form sends a blank as `+`.
fn read_code(typed: &str) -> Option<Code> {
    Code::parse(&typed.replace('+', " "))
}

/// Media type of a line of text.
const TEXT: &str = "text/plain; charset=utf-8";

fn html(status: StatusCode, text: String, check: Option<&str>) -> Response<Bytes> {
    let mut response = closed(status, "text/html; charset=utf-8", text.into());
    put(&mut response, CONTENT_SECURITY_POLICY, &policy(check));
    response
}

/// A response that nobody keeps, guesses the type of, or passes on where it came from.
fn closed(status: StatusCode, media_type: &str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let length = response.body().len().to_string();
    put(&mut response, CONTENT_TYPE, media_type);
    put(&mut response, CONTENT_LENGTH, &length);
    put(&mut response, CACHE_CONTROL, "no-store");
    put(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(&mut response, REFERRER_POLICY, "no-referrer");
    response
}

fn empty(status: StatusCode) -> Response<Bytes> {
    closed(status, TEXT, Bytes::new())
}

fn see_other(path: &str) -> Response<Bytes> {
    let mut response = empty(StatusCode::SEE_OTHER);
    put(&mut response, LOCATION, path);
    response
}

fn method_not_allowed(methods: &str) -> Response<Bytes> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    put(&mut response, ALLOW, methods);
    response
}

/// Sets a field; a value that HTTP cannot carry is left out.
fn put(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests;
