//! The way of a client: `.well-known/matrix/client`, versions, login, and what browsers need (client-server API, "Server
//! discovery" and "Web browser clients").

use std::time::{Duration, Instant};

use serde_json::Value;

use super::walk::Walk;
use super::web::{Failed, Fetched};
use crate::config::limits;
use crate::matrix::doctor::http::Reply;
use crate::matrix::doctor::place::{Host, Place, Url, shown};
use crate::matrix::doctor::{Fault, Grade, Leg};

const LEG: Leg = Leg::Client;
/// Ways to log in that are shown.
const FLOWS: usize = 4;

impl Walk<'_> {
    /// Walks as a client that knows the server name.
    pub(super) fn client(&mut self, server: &Place) {
        const WHAT: &str = ".well-known/matrix/client";
        let url = Url {
            place: Place {
                host: server.host.clone(),
                port: None,
            },
            path: "/.well-known/matrix/client".to_owned(),
        };
        (self.progress)(&url.to_string());
        let most = limits::DOCTOR_BODY.default_usize();
        let fetched = match self.fetch(&url, most) {
            Ok(fetched) => fetched,
            Err(failed) => {
                self.client_failed(WHAT, failed);
                return;
            }
        };
        let Some(base) = self.base_url(WHAT, &fetched, &server.host) else {
            return;
        };
        if base.place.host != server.host
            && let Some((link, false)) = self.answer(LEG, &base.place.host)
        {
            self.report.links[link].fault = Some(Fault::ClientNoAddress);
            return;
        }
        if self.api(
            &base,
            "_matrix/client/versions",
            Fault::VersionsStatus,
            Self::versions,
        ) {
            self.api(&base, "_matrix/client/v3/login", Fault::LoginStatus, Self::login);
        }
    }

    fn client_failed(&mut self, what: &str, failed: Failed) {
        let fault = match failed.fault {
            Fault::WellKnownLoop | Fault::WellKnownRedirect | Fault::NoHttp => Fault::ClientWellKnown,
            fault => fault,
        };
        let said = format!("cannot be fetched: {} {}", failed.what, failed.said);
        self.push(LEG, what, Grade::Broken, Some(fault), said, None);
    }

    /// Where clients are sent, as they read it; none where they give up.
    fn base_url(&mut self, what: &str, fetched: &Fetched, host: &Host) -> Option<Url> {
        let reply = &fetched.reply;
        let took = Some(fetched.took);
        let itself = Url {
            place: Place {
                host: host.clone(),
                port: None,
            },
            path: "/".to_owned(),
        };
        let mut broken = |fault, said: String| {
            self.push(LEG, what, Grade::Broken, Some(fault), said, took);
            None
        };
        match reply.status {
            404 => {
                let said = format!("is not there (404): clients use {itself}");
                self.push(LEG, what, Grade::Note, None, said, took);
                return Some(itself);
            }
            200 => {}
            status => {
                return broken(
                    Fault::ClientWellKnown,
                    format!("answers with status {status}, at which clients stop"),
                );
            }
        }
        if reply.is_cut {
            return broken(Fault::ClientWellKnown, "is too large".to_owned());
        }
        let Ok(json) = serde_json::from_slice::<Value>(&reply.body) else {
            let what = if reply.body.trim_ascii_start().first() == Some(&b'<') {
                "is a page of HTML, at which clients stop"
            } else {
                "is no JSON, at which clients stop"
            };
            return broken(Fault::ClientWellKnown, what.to_owned());
        };
        let text = json
            .pointer("/m.homeserver/base_url")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if text.is_empty() {
            return broken(Fault::ClientBaseUrl, "has no base_url of m.homeserver".to_owned());
        }
        match text.parse::<Url>() {
            Ok(base) => {
                self.push(LEG, what, Grade::Ok, None, shown(text), took);
                self.cors(what, reply);
                Some(base)
            }
            Err(why) => broken(Fault::ClientBaseUrl, format!("has a base_url of no use: {why}")),
        }
    }

    /// Asks the API for clients; whether the answer is good.
    fn api(
        &mut self,
        base: &Url,
        path: &str,
        fault: Fault,
        read: fn(&Value) -> Result<String, (Fault, String)>,
    ) -> bool {
        let root = base.path.trim_end_matches('/');
        let url = Url {
            place: base.place.clone(),
            path: format!("{root}/{path}"),
        };
        let what = path.trim_start_matches("_matrix/client/");
        let what = format!("client API, {}", what.trim_start_matches("v3/"));
        (self.progress)(&url.to_string());
        let began = Instant::now();
        let fetched = self.fetch(&url, limits::DOCTOR_BODY.default_usize());
        let took: Option<Duration> = Some(began.elapsed());
        let (fault, said) = match fetched {
            Err(failed) => {
                let fault = match failed.fault {
                    Fault::NoHttp | Fault::WellKnownLoop | Fault::WellKnownRedirect => fault,
                    other => other,
                };
                (
                    fault,
                    format!(
                        "cannot be asked at {}: {} {}",
                        base.place, failed.what, failed.said
                    ),
                )
            }
            Ok(fetched) if fetched.reply.status == 200 => {
                let json = serde_json::from_slice::<Value>(&fetched.reply.body).unwrap_or_default();
                match read(&json) {
                    Ok(said) => {
                        self.push(LEG, what.clone(), Grade::Ok, None, said, took);
                        self.cors(&what, &fetched.reply);
                        return true;
                    }
                    Err(bad) => bad,
                }
            }
            Ok(fetched) => match fetched.reply.status {
                status @ 502..=504 => (
                    Fault::ServerDown,
                    format!("answers {status}: the proxy is there, the homeserver behind it is not"),
                ),
                status => (fault, format!("answers with status {status}")),
            },
        };
        self.push(LEG, what, Grade::Broken, Some(fault), said, took);
        false
    }

    fn versions(json: &Value) -> Result<String, (Fault, String)> {
        let versions = json.get("versions").and_then(Value::as_array);
        let last = versions.and_then(|all| all.last()).and_then(Value::as_str);
        last.map(|last| format!("up to {}", shown(last))).ok_or_else(|| {
            (
                Fault::VersionsBody,
                "gives a reply that is no homeserver's".to_owned(),
            )
        })
    }

    fn login(json: &Value) -> Result<String, (Fault, String)> {
        let flows = json.get("flows").and_then(Value::as_array);
        let types = flows
            .into_iter()
            .flatten()
            .filter_map(|flow| flow.get("type")?.as_str());
        let types: Vec<String> = types.take(FLOWS).map(shown).collect();
        if types.is_empty() {
            return Err((Fault::LoginFlows, "offers no way to log in".to_owned()));
        }
        Ok(types.join(", "))
    }

    /// Whether a page of another origin may read the reply.
    fn cors(&mut self, what: &str, reply: &Reply) {
        let said = match reply.field("access-control-allow-origin") {
            Some("*") => return,
            Some(other) => format!("allows only {} to read it: web clients cannot", shown(other)),
            None => "lacks Access-Control-Allow-Origin: web clients cannot read it".to_owned(),
        };
        self.push(LEG, what, Grade::Warning, Some(Fault::Cors), said, None);
    }
}
