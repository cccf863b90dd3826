//! The way of another homeserver: answer, resolver, delegation, and each address with TLS, version, keys and clock.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::dns::{self, Asker, Via};
use super::net::{self, Guard};
use super::tls::{PUBLIC, Session, Trust};
use super::web::get;
use super::{keys, resolver};
use crate::config::limits;
use crate::ctl::args::doctor::Connect;
use crate::matrix::doctor::answer::{self, Heard, Seen, services};
use crate::matrix::doctor::place::{Host, Place, Target, Url, asks_srv, shown};
use crate::matrix::doctor::{Class, Fault, Grade, Leg, Link, Report};
use crate::matrix::range::{blocked_by_synapse, useless};
use crate::matrix::set::{bare, deprecated_owner, srv_owner};
use crate::message::{Name, Rtype};
use crate::zone::master::civil::read_time;

/// Clocks that differ by so many seconds are told; by so many, something breaks soon; by so many, it is broken.
const CLOCK: (u64, u64, u64) = (60, 600, 3600);
/// SRV targets that are tried.
const SERVICES: usize = 4;

/// Everything that is carried along.
pub(super) struct Walk<'a> {
    pub(super) report: Report,
    pub(super) asker: Asker<'a>,
    pub(super) guard: Guard,
    pub(super) trust: Trust,
    pub(super) connects: Vec<Connect>,
    /// Our zones.
    pub(super) zones: Vec<Name>,
    /// The views, each with an address of a client.
    pub(super) views: Vec<(String, std::net::IpAddr)>,
    /// Answers that came already.
    pub(super) known: Vec<(Name, Seen)>,
    /// The nameservers to compare with; none where the way is that of another client.
    pub(super) nameservers: Option<Vec<SocketAddr>>,
    /// Whether the system's own function is compared.
    pub(super) asks_system: bool,
    /// Whether a resolver that differs breaks the way.
    pub(super) resolver_decides: bool,
    /// Unix time in seconds.
    pub(super) now: u64,
    /// Hears what is being looked at.
    pub(super) progress: &'a dyn Fn(&str),
    /// Whether the clocks were compared.
    pub(super) has_clock: bool,
    /// The first link that came when the time for all was over.
    pub(super) late: Option<usize>,
}

impl Walk<'_> {
    /// Notes a link; returns its number. From the end of the time on nothing is waited for, so silence says nothing, and
    /// what is noted then is left out by [`Walk::close`].
    pub(super) fn push(
        &mut self,
        leg: Leg,
        what: impl Into<String>,
        grade: Grade,
        fault: Option<Fault>,
        seen: impl Into<String>,
        took: Option<Duration>,
    ) -> usize {
        if self.late.is_none() && self.asker.budget.is_over() {
            self.late = Some(self.report.links.len());
        }
        self.report.links.push(Link {
            leg,
            what: what.into(),
            seen: seen.into(),
            grade,
            fault,
            took,
        });
        self.report.links.len() - 1
    }

    /// The report; where the time did not suffice, up to there.
    pub(super) fn close(mut self) -> Report {
        if let Some(late) = self.late {
            self.report.links.truncate(late + 1);
            if let Some(link) = self.report.links.last_mut() {
                link.seen = "was not waited for, nor what comes after it: there was no time left".to_owned();
                (link.grade, link.fault) = (Grade::Broken, Some(Fault::NoTime));
            }
        }
        self.report
    }

    /// Whether a host lies in a zone of ours.
    pub(super) fn is_ours(&self, host: &Host) -> bool {
        let Some(name) = host.name() else { return false };
        self.zones
            .iter()
            .any(|zone| name.as_ref().is_at_or_below(zone.as_ref()))
    }

    /// The answer for a name, asked for once.
    pub(super) fn seen(&mut self, name: &Name) -> Seen {
        if let Some((_, seen)) = self.known.iter().find(|(known, _)| known == name) {
            return seen.clone();
        }
        (self.progress)(&format!("asking for {name}"));
        let seen = self.asker.addresses(name);
        self.known.push((name.clone(), seen.clone()));
        seen
    }

    /// Walks as another homeserver.
    pub(super) fn server(&mut self, place: &Place) {
        let first = self.answer(Leg::Server, &place.host);
        if let (Host::Name(_), Some(name)) = (&place.host, place.host.name()) {
            resolver::compare(self, &name, asks_srv(place));
        }
        let has_address = first.is_none_or(|(_, works)| works);
        let (targets, well_known) = self.delegation(place, has_address);
        if let Some((link, false)) = first
            && !targets.is_empty()
            && targets.iter().all(|target| target.host != place.host)
        {
            // Servers find the way by the SRV record; who asks for .well-known does not.
            let link = &mut self.report.links[link];
            if matches!(link.fault, Some(Fault::NoName | Fault::NoAddress)) {
                link.grade = Grade::Warning;
            }
        }
        let mut tried = Vec::new();
        let from = self.report.links.len();
        for target in &targets {
            self.target(place, target, &mut tried);
        }
        if self.late.is_some() {
            return;
        }
        let any = self.report.settle_addresses(&tried);
        let is_reach = |link: &Link| link.class() == Some(Class::Reach);
        let last_resort = targets.iter().all(|target| target.step == "6");
        if let Some(link) = well_known
            && !any
            && last_resort
            && self.report.links[from..].iter().any(is_reach)
        {
            // The web server answers, so .well-known was to say where the homeserver is.
            let link = &mut self.report.links[link];
            link.grade = Grade::Broken;
            link.seen.push_str(", and port 8448 is dead");
        }
    }

    /// Looks a host up and judges its addresses. The number of the link, and whether there is an address; none where
    /// nothing is looked up.
    pub(super) fn answer(&mut self, leg: Leg, host: &Host) -> Option<(usize, bool)> {
        let name = host.name()?;
        let began = Instant::now();
        let seen = self.seen(&name);
        let took = Some(began.elapsed());
        let (addresses, is_alias) = seen.addresses(&name);
        if let Some((fault, said)) = seen.fault(&name) {
            return Some((
                self.push(leg, host.to_string(), Grade::Broken, Some(fault), said, took),
                false,
            ));
        }
        let alias = if is_alias { " (by an alias)" } else { "" };
        let said = format!("{}{alias}", answer::list(&addresses));
        let link = self.push(leg, host.to_string(), Grade::Ok, None, said, took);
        if let Some(said) = seen.broken_v6() {
            let said = format!("has an A record, but the question for AAAA gets {said}");
            self.push(
                leg,
                host.to_string(),
                Grade::Broken,
                Some(Fault::AaaaFailed),
                said,
                None,
            );
        }
        self.judge_addresses(leg, host, &addresses);
        Some((link, true))
    }

    fn judge_addresses(&mut self, leg: Leg, host: &Host, addresses: &[std::net::IpAddr]) {
        let others = addresses.iter().copied();
        let others: Vec<_> = others.filter(|address| !self.guard.is_meant(*address)).collect();
        let found = others
            .iter()
            .find_map(|address| Some((address, useless(*address)?)));
        if let Some((address, what)) = found {
            let said = format!("leads to {address}, {what}");
            self.push(
                leg,
                host.to_string(),
                Grade::Broken,
                Some(Fault::AddressUseless),
                said,
                None,
            );
            return;
        }
        let blocked = others
            .iter()
            .find_map(|address| Some((address, blocked_by_synapse(*address)?)));
        if leg != Leg::Server {
            return;
        }
        let Some((address, what)) = blocked else { return };
        let is_mixed = others
            .iter()
            .any(|address| blocked_by_synapse(*address).is_none());
        let (fault, said) = if is_mixed {
            (
                Fault::AddressMixed,
                format!(
                    "has {address} ({what}) beside others: Synapse drops the whole name for it (ip_range_blacklist)"
                ),
            )
        } else {
            (
                Fault::AddressPrivate,
                format!("leads to {address} ({what}), which Synapse drops by default (ip_range_blacklist)"),
            )
        };
        self.push(leg, host.to_string(), Grade::Warning, Some(fault), said, None);
    }

    /// Where servers connect to, and the link of a `.well-known` that a web server does not have.
    fn delegation(&mut self, place: &Place, has_address: bool) -> (Vec<Target>, Option<usize>) {
        if !asks_srv(place) {
            return (vec![Target::direct(place, false)], None);
        }
        let (delegated, refused) = if has_address {
            self.well_known(&place.host)
        } else {
            (None, None)
        };
        let is_delegated = delegated.is_some();
        let base = delegated.unwrap_or_else(|| place.clone());
        if is_delegated && let Some((link, false)) = self.answer(Leg::Server, &base.host) {
            let link = &mut self.report.links[link];
            link.fault = Some(Fault::TargetNoAddress);
            link.seen = format!("is what .well-known names, and {}", link.seen);
            if !asks_srv(&base) {
                return (Vec::new(), None);
            }
        }
        let targets = match asks_srv(&base) {
            true => self.services(&base, is_delegated),
            false => Some(Vec::new()),
        };
        match targets {
            None => (Vec::new(), None),
            Some(targets) if !targets.is_empty() => (targets, None),
            Some(_) if is_delegated => {
                let dead = self.seen_fault(&base.host);
                let direct = if dead {
                    Vec::new()
                } else {
                    vec![Target::direct(&base, true)]
                };
                (direct, None)
            }
            Some(_) if has_address => (vec![Target::direct(&base, false)], refused),
            Some(_) => (Vec::new(), None),
        }
    }

    fn seen_fault(&mut self, host: &Host) -> bool {
        host.name()
            .is_some_and(|name| self.seen(&name).fault(&name).is_some())
    }

    /// What `.well-known/matrix/server` delegates to; and its link, where a web server is there and the file is not good.
    fn well_known(&mut self, host: &Host) -> (Option<Place>, Option<usize>) {
        const WHAT: &str = ".well-known/matrix/server";
        let url = Url {
            place: Place {
                host: host.clone(),
                port: None,
            },
            path: "/.well-known/matrix/server".to_owned(),
        };
        (self.progress)(&url.to_string());
        let began = Instant::now();
        let fetched = match self.fetch(&url, limits::DOCTOR_WELL_KNOWN.default_usize()) {
            Ok(fetched) => fetched,
            Err(failed) => {
                let took = Some(began.elapsed());
                let said = format!("cannot be fetched: {} {}", failed.what, failed.said);
                let (grade, fault, is_there) = match (failed.fault, failed.fault.class()) {
                    (fault @ (Fault::WellKnownLoop | Fault::WellKnownRedirect), _) => {
                        (Grade::Warning, fault, true)
                    }
                    (Fault::NoHttp, _) => (Grade::Warning, Fault::WellKnownStatus, true),
                    (_, Class::Tls) => (Grade::Warning, Fault::WellKnownTls, true),
                    _ => (Grade::Note, Fault::WellKnownUnreachable, false),
                };
                let link = self.push(Leg::Server, WHAT, grade, Some(fault), said, took);
                return (None, is_there.then_some(link));
            }
        };
        let took = Some(fetched.took);
        let reply = &fetched.reply;
        let bad = |fault, said: String| (Grade::Warning, fault, said);
        let is_html = reply.body.trim_ascii_start().first() == Some(&b'<');
        let read = serde_json::from_slice::<Value>(&reply.body);
        let (grade, fault, said) = match (reply.status, read) {
            (404, _) => (
                Grade::Note,
                Fault::WellKnownAbsent,
                "is not there (404)".to_owned(),
            ),
            (200, _) if reply.is_cut => {
                let most = limits::DOCTOR_WELL_KNOWN.default;
                bad(Fault::WellKnownSize, format!("is larger than {most} bytes"))
            }
            (200, Err(_)) if is_html => bad(Fault::WellKnownHtml, "is a page of HTML".to_owned()),
            (200, Err(_)) => bad(Fault::WellKnownJson, "is no JSON".to_owned()),
            (200, Ok(json)) => match json.get("m.server").and_then(Value::as_str) {
                None => bad(Fault::WellKnownField, "has no string `m.server`".to_owned()),
                Some(text) => match text.parse::<Place>() {
                    Ok(place) => {
                        self.good_well_known(WHAT, &fetched.url, reply, &place, took);
                        return (Some(place), None);
                    }
                    Err(why) => bad(
                        Fault::WellKnownTarget,
                        format!("names `{}`, which nobody can connect to: {why}", shown(text)),
                    ),
                },
            },
            (status, _) => bad(Fault::WellKnownStatus, format!("answers with status {status}")),
        };
        let link = self.push(Leg::Server, WHAT, grade, Some(fault), said, took);
        (None, Some(link))
    }

    fn good_well_known(
        &mut self,
        what: &str,
        url: &Url,
        reply: &crate::matrix::doctor::http::Reply,
        place: &Place,
        took: Option<Duration>,
    ) {
        let kept = match reply.field("cache-control") {
            Some(text) => format!("Cache-Control {}", shown(text)),
            None => "kept for a day".to_owned(),
        };
        let size = reply.body.len();
        let said = format!("{place} ({size} bytes, {kept}; from {})", url.place.host);
        self.push(Leg::Server, what, Grade::Ok, None, said, took);
        let kind = reply.field("content-type").unwrap_or_default();
        let bare = kind.split(';').next().unwrap_or_default().trim();
        if !bare.eq_ignore_ascii_case("application/json") {
            let said = if bare.is_empty() {
                "comes without a content type".to_owned()
            } else {
                format!("comes as {}, and not as application/json", shown(bare))
            };
            self.push(
                Leg::Server,
                what,
                Grade::Warning,
                Some(Fault::WellKnownType),
                said,
                None,
            );
        }
    }

    /// What SRV records of a place lead to: nothing where there are none; none where an error ends the way.
    fn services(&mut self, place: &Place, is_delegated: bool) -> Option<Vec<Target>> {
        let host = place.host.name()?;
        for (owner, is_deprecated) in [(srv_owner(&host)?, false), (deprecated_owner(&host)?, true)] {
            let what = format!("SRV {}", bare(&owner));
            (self.progress)(&what);
            let began = Instant::now();
            let heard: Heard = self.asker.ask(&owner, Rtype::SRV);
            let took = Some(began.elapsed());
            let found = match services(&heard, &owner) {
                Ok(found) => found,
                Err(said) => {
                    self.push(
                        Leg::Server,
                        what,
                        Grade::Broken,
                        Some(Fault::SrvFailed),
                        said,
                        took,
                    );
                    return None;
                }
            };
            if found.is_empty() {
                if !is_deprecated {
                    self.push(Leg::Server, what, Grade::Ok, None, "none", took);
                }
                continue;
            }
            let mut targets = Vec::new();
            for (target, port) in found.into_iter().take(SERVICES) {
                targets.extend(self.service(place, is_delegated, is_deprecated, &what, &target, port, took));
            }
            if is_deprecated {
                let said = "is the only one: its name is deprecated";
                self.push(
                    Leg::Server,
                    what,
                    Grade::Warning,
                    Some(Fault::SrvDeprecated),
                    said,
                    None,
                );
            }
            return if targets.is_empty() { None } else { Some(targets) };
        }
        Some(Vec::new())
    }

    /// One SRV record; none where nobody can use it.
    #[allow(clippy::too_many_arguments)]
    fn service(
        &mut self,
        place: &Place,
        is_delegated: bool,
        is_deprecated: bool,
        what: &str,
        target: &Name,
        port: u16,
        took: Option<Duration>,
    ) -> Option<Target> {
        let mut broken = |fault, said: String| {
            self.push(Leg::Server, what, Grade::Broken, Some(fault), said, took);
        };
        if target.as_ref().is_root() {
            broken(
                Fault::SrvNone,
                "names the root: there is no such service".to_owned(),
            );
            return None;
        }
        if port == 0 {
            broken(Fault::SrvPort, "names port 0".to_owned());
            return None;
        }
        let shown_target = bare(target);
        let host = Host::Name(shown_target.to_ascii_lowercase());
        let seen = self.seen(target);
        let (addresses, is_alias) = seen.addresses(target);
        if is_alias {
            let said = format!("names {shown_target}, which is an alias");
            self.push(
                Leg::Server,
                what,
                Grade::Broken,
                Some(Fault::SrvAlias),
                said,
                took,
            );
        } else if let Some((_, why)) = seen.fault(target) {
            let said = format!("names {shown_target}, which {why}");
            self.push(
                Leg::Server,
                what,
                Grade::Broken,
                Some(Fault::SrvNoAddress),
                said,
                took,
            );
        } else {
            let said = format!("{shown_target}:{port} at {}", answer::list(&addresses));
            self.push(Leg::Server, what, Grade::Ok, None, said, took);
        }
        if place.host != host {
            self.judge_addresses(Leg::Server, &host, &addresses);
        }
        (!addresses.is_empty()).then(|| Target::by_srv(place, is_delegated, is_deprecated, host, port))
    }

    /// Connects to every address of a target; whether each works goes to `tried`.
    fn target(&mut self, server: &Place, target: &Target, tried: &mut Vec<(bool, usize, bool)>) {
        // Why it has none was said where the host was looked up.
        let Ok(places) = self.places_of(&target.host, target.port) else {
            return;
        };
        for to in places {
            if tried.len() >= limits::DOCTOR_ADDRESSES.default_usize() {
                return;
            }
            let before = self.report.links.len();
            self.address(server, target, to);
            let links = self.report.links.get(before..).unwrap_or_default();
            let broken = links.iter().position(|link| link.grade == Grade::Broken);
            tried.push((to.is_ipv6(), before + broken.unwrap_or(0), broken.is_none()));
        }
    }

    /// One address: TCP, TLS, version, clock, keys.
    fn address(&mut self, server: &Place, target: &Target, to: SocketAddr) {
        let leg = Leg::Server;
        let port = format!("port {to}");
        if let Some(why) = self.refuses(&target.host, to) {
            self.push(
                leg,
                format!("address {}", to.ip()),
                Grade::Broken,
                Some(Fault::Forbidden),
                why,
                None,
            );
            return;
        }
        (self.progress)(&port);
        let began = Instant::now();
        let Some(session) = self.open(leg, target, to, true) else {
            return;
        };
        let lifetime = session.lifetime;
        let what = format!("version at {to}");
        let (body, date) = match self.ask(session, target, "/_matrix/federation/v1/version") {
            Ok((200, body, date)) => (body, date),
            Ok((status, _, date)) => {
                self.clock(date.as_deref(), lifetime);
                let (fault, said) = match status {
                    502..=504 => (
                        Fault::ServerDown,
                        format!("answers {status}: the proxy is there, the homeserver behind it is not"),
                    ),
                    _ => (Fault::VersionStatus, format!("answers with status {status}")),
                };
                self.push(leg, what, Grade::Broken, Some(fault), said, Some(began.elapsed()));
                return;
            }
            Err(said) => {
                self.push(leg, what, Grade::Broken, Some(Fault::NoHttp), said, None);
                return;
            }
        };
        let took = Some(began.elapsed());
        let json = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        let part = |key: &str| json.pointer(key).and_then(Value::as_str).map(shown);
        match part("/server/name") {
            Some(name) => {
                let version = part("/server/version").unwrap_or_default();
                self.push(leg, what, Grade::Ok, None, format!("{name} {version}"), took);
            }
            None => {
                let said = "gives a reply that is no homeserver's";
                self.push(leg, what, Grade::Broken, Some(Fault::VersionBody), said, took);
                return;
            }
        }
        self.clock(date.as_deref(), lifetime);
        self.keys(server, target, to);
    }

    /// Connects and shakes hands; tells of both where `tells` says so, and of what is wrong in any case.
    fn open(&mut self, leg: Leg, target: &Target, to: SocketAddr, tells: bool) -> Option<Session> {
        let port = format!("port {to}");
        let began = Instant::now();
        let deadline = self.asker.budget.deadline();
        let tcp = match net::connect(to, deadline) {
            Ok(tcp) => tcp,
            Err((fault, said)) => {
                let took = Some(began.elapsed());
                self.push(leg, port, Grade::Broken, Some(fault), said, took);
                return None;
            }
        };
        let took = Some(began.elapsed());
        if tells {
            let said = format!("open (step {})", target.step);
            self.push(leg, port.clone(), Grade::Ok, None, said, took);
        }
        let began = Instant::now();
        let connected = self
            .trust
            .connect(tcp, &target.identity, Some(&target.host), deadline);
        let took = Some(began.elapsed());
        let session = match connected {
            Ok(session) => session,
            Err((fault, said)) => {
                self.push(leg, port, Grade::Broken, Some(fault), said, took);
                return None;
            }
        };
        if !tells {
            return Some(session);
        }
        let what = format!("the certificate at {to}");
        for (grade, fault, said) in &session.faults {
            self.push(leg, what.clone(), *grade, Some(*fault), said.clone(), took);
        }
        if session.is_good() {
            let by = session.by.unwrap_or("nobody");
            let said = format!("{} by {by}, {}", target.identity, session.version);
            let (grade, more) = match by == PUBLIC {
                true => (Grade::Ok, ""),
                false => (Grade::Note, "; other homeservers must be given it"),
            };
            self.push(leg, what, grade, None, said + more, took);
        }
        Some(session)
    }

    /// Asks for a path as another homeserver does; status, body and date.
    #[allow(clippy::type_complexity)]
    fn ask(
        &self,
        mut session: Session,
        target: &Target,
        path: &str,
    ) -> Result<(u16, Vec<u8>, Option<String>), String> {
        let most = limits::DOCTOR_BODY.default_usize();
        let reply = get(&mut session, &target.header, path, most)?;
        let date = reply.field("date").map(str::to_owned);
        Ok((reply.status, reply.body, date))
    }

    fn keys(&mut self, server: &Place, target: &Target, to: SocketAddr) {
        let leg = Leg::Server;
        let what = format!("signing keys at {to}");
        let began = Instant::now();
        let Some(session) = self.open(leg, target, to, false) else {
            return;
        };
        let asked = self.ask(session, target, "/_matrix/key/v2/server");
        let took = Some(began.elapsed());
        let (fault, said) = match asked {
            Ok((200, body, _)) => match keys::check(&body, &server.to_string(), self.now) {
                Ok(said) => {
                    self.push(leg, what, Grade::Ok, None, said, took);
                    return;
                }
                Err(bad) => bad,
            },
            Ok((status, _, _)) => (Fault::KeysStatus, format!("come with status {status}")),
            Err(said) => (Fault::NoHttp, format!("do not come: the server {said}")),
        };
        self.push(leg, what, Grade::Broken, Some(fault), said, took);
    }

    /// Compares the clocks, once. `lifetime` is that of the certificate which was judged by ours.
    fn clock(&mut self, date: Option<&str>, lifetime: Option<(u64, u64)>) {
        let Some(theirs) = date.and_then(read_date) else {
            return;
        };
        if std::mem::replace(&mut self.has_clock, true) {
            return;
        }
        let ours = super::super::now();
        let apart = theirs.abs_diff(ours);
        let way = if theirs > ours { "ahead of" } else { "behind" };
        let said = format!("is {} {way} this machine's", span(apart));
        let what = "the server's clock";
        let grade = match apart {
            _ if apart < CLOCK.0 => {
                self.push(Leg::Server, what, Grade::Ok, None, "agrees", None);
                return;
            }
            _ if apart < CLOCK.1 => Grade::Note,
            _ if apart < CLOCK.2 => Grade::Warning,
            _ => Grade::Broken,
        };
        let is_good_there = lifetime.is_some_and(|(from, until)| (from..=until).contains(&theirs));
        for link in &mut self.report.links {
            let dated = matches!(
                link.fault,
                Some(Fault::CertificateExpired | Fault::CertificateEarly)
            );
            if dated && is_good_there && grade == Grade::Broken {
                link.grade = Grade::Warning;
                link.seen
                    .push_str(" by the clock of this machine, but not by the server's");
            }
        }
        self.push(Leg::Server, what, grade, Some(Fault::ClockOff), said, None);
    }

    /// The addresses that clients of each view get for a name.
    pub(super) fn of_views(&self, name: &Name) -> Vec<(String, Vec<std::net::IpAddr>)> {
        let views = self.views.iter().map(|(view, client)| {
            let seen = Seen {
                v4: self.asker.explain(*client, name, Rtype::A),
                v6: self.asker.explain(*client, name, Rtype::AAAA),
            };
            (view.clone(), seen.addresses(name).0)
        });
        views.collect()
    }

    /// Whether the nameserver is the one that is followed.
    pub(super) fn follows(&self, server: SocketAddr) -> bool {
        matches!(self.asker.via, Via::Us(followed) | Via::Server(followed) if followed == server)
    }

    /// What getaddrinfo says.
    pub(super) fn system(&self, host: &str) -> Result<Vec<std::net::IpAddr>, String> {
        (self.progress)("getaddrinfo");
        dns::getaddrinfo(host, self.asker.budget)
    }
}

/// A span of time in words.
fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} seconds"),
        120..=7199 => format!("{} minutes", seconds / 60),
        7200..=172_799 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Unix time of an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
fn read_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut words = text.split_once(", ")?.1.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|held| *held == month)? + 1;
    read_time(&format!("{year}-{month:02}-{day}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_s5_6_7_dates_are_read() {
        assert_eq!(read_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        for text in ["", "Sunday", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 6 Nov"] {
            assert_eq!(read_date(text), None, "{text}");
        }
    }
}
