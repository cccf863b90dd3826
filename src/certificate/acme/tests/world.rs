//! An authority, public DNS and a house of the tests' own, on virtual time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::super::super::read::Facts;
use super::super::*;
use crate::config::{AcmeChallenge, AcmeConfig};
use crate::zone::master::civil::write_time;

/// The first second of 2027.
pub(super) const NOW: u64 = 1_798_761_600;
pub(super) const CA: &str = "https://ca.example";
pub(super) const NAME: &str = "dns.home.example";
pub(super) const HOUR: u64 = 3600;

/// What the authority does otherwise than it should.
#[derive(Default)]
pub(super) struct Faults {
    /// So many nonces are refused.
    pub(super) bad_nonces: usize,
    /// Requests to this path are answered so: status, body, `Retry-After`.
    pub(super) refusals: BTreeMap<&'static str, (u16, Value, Option<u64>)>,
    /// The authority finds the name not proved.
    pub(super) is_blind: bool,
    /// What comes in place of the certificate.
    pub(super) chain: Option<String>,
    /// Looks after which a thing is done.
    pub(super) slow: usize,
}

/// What a person does when told of a stage.
pub(super) type Person = Box<dyn Fn(&World, &Stage)>;

/// An authority, public DNS, and the house in one.
pub(super) struct World {
    pub(super) offers: Vec<Value>,
    pub(super) faults: RefCell<Faults>,
    /// TXT records of public DNS.
    pub(super) dns: RefCell<BTreeMap<String, Vec<String>>>,
    /// Whether what is published appears in public DNS.
    pub(super) is_published: bool,
    pub(super) order: RefCell<Value>,
    pub(super) issued: RefCell<String>,
    /// What the house remembers when the authority is told to sign.
    pub(super) kept: RefCell<Vec<u8>>,
    pub(super) authorizations: RefCell<Vec<Value>>,
    pub(super) looks: RefCell<usize>,
    pub(super) nonces: RefCell<Vec<String>>,
    pub(super) accounts: RefCell<usize>,
    pub(super) orders: RefCell<usize>,
    pub(super) told: RefCell<Vec<Stage>>,
    pub(super) withdrawn: RefCell<Vec<Proof>>,
    pub(super) log: RefCell<Vec<String>>,
    pub(super) person: RefCell<Option<Person>>,
    /// Where the clock of this host stood, and when that was.
    pub(super) clock: RefCell<(u64, Instant)>,
    /// What is in use.
    pub(super) shown: RefCell<Option<Vec<u8>>>,
    /// When something was taken into use, by the clock of this host.
    pub(super) taken: RefCell<Vec<u64>>,
    /// Requests with their time, by the clock of this host.
    pub(super) times: RefCell<Vec<(u64, String)>>,
    /// Lifetime of what is signed; a fixed end where there is none.
    pub(super) life: RefCell<Option<u64>>,
    /// What the authority suggests, in seconds from a certificate's begin, and what it says of the next look.
    pub(super) suggests: RefCell<Option<(u64, u64, Option<u64>)>>,
    /// How an order that follows on a certificate is refused: status and kind.
    pub(super) refuses_replacing: RefCell<Option<(u16, &'static str)>>,
    /// What orders say that they follow on.
    pub(super) replaced: RefCell<Vec<Option<String>>>,
    pub(super) folder: PathBuf,
}

impl World {
    pub(super) fn new(name: &str, kinds: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("hearthdns-acme-{}-{name}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        let offer = |kind: &&str| match *kind {
            "dns-persist-01" => json!({"type": kind, "issuer-domain-names": ["ca.example", "other.example"]}),
            kind => json!({"type": kind, "token": "t0ken-of_the-order"}),
        };
        World {
            offers: kinds.iter().map(offer).collect(),
            faults: RefCell::default(),
            dns: RefCell::default(),
            is_published: true,
            order: RefCell::new(Value::Null),
            issued: RefCell::default(),
            kept: RefCell::default(),
            authorizations: RefCell::default(),
            looks: RefCell::default(),
            nonces: RefCell::default(),
            accounts: RefCell::default(),
            orders: RefCell::default(),
            told: RefCell::default(),
            withdrawn: RefCell::default(),
            log: RefCell::default(),
            person: RefCell::default(),
            clock: RefCell::new((NOW, Instant::now())),
            shown: RefCell::default(),
            taken: RefCell::default(),
            times: RefCell::default(),
            life: RefCell::default(),
            suggests: RefCell::default(),
            refuses_replacing: RefCell::default(),
            replaced: RefCell::default(),
            folder,
        }
    }

    pub(super) fn memory(&self) -> Memory {
        Memory::load(
            &self.folder.join("acme.json"),
            &config(AcmeChallenge::Print).directory.to_string(),
        )
        .unwrap()
    }

    pub(super) fn refuse(
        &self,
        path: &'static str,
        status: u16,
        kind: &str,
        detail: &str,
        retry_after: Option<u64>,
    ) {
        let problem = json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail});
        self.faults
            .borrow_mut()
            .refusals
            .insert(path, (status, problem, retry_after));
    }

    pub(super) fn nonce(&self) -> Option<String> {
        let nonce = format!("nonce-{}", self.log.borrow().len());
        self.nonces.borrow_mut().push(nonce.clone());
        Some(nonce)
    }

    pub(super) fn ok(&self, value: &Value) -> Reply {
        Reply {
            status: 200,
            nonce: self.nonce(),
            body: value.to_string().into_bytes(),
            ..Reply::default()
        }
    }

    pub(super) fn answer(&self, path: &str, post: Option<&str>) -> Reply {
        let asked = match path {
            path if path.starts_with("/renewal/") => "/renewal",
            path if path.len() > 1000 => "/long",
            path => path,
        };
        let refusal = self.faults.borrow().refusals.get(asked).cloned();
        if let Some((status, problem, retry_after)) = refusal {
            return Reply {
                status,
                retry_after,
                ..self.ok(&problem)
            };
        }
        let Some(post) = post else {
            if let Some(name) = path.strip_prefix("/renewal/") {
                return self.suggest(name);
            }
            let mut directory = json!({
                "newNonce": format!("{CA}/nonce"), "newAccount": format!("{CA}/account"),
                "newOrder": format!("{CA}/order"),
            });
            if self.suggests.borrow().is_some() {
                directory["renewalInfo"] = format!("{CA}/renewal").into();
            }
            return self.ok(&directory);
        };
        let request: Value = serde_json::from_str(post).unwrap();
        let part = |name: &str| {
            BASE64URL_NOPAD
                .decode(request[name].as_str().unwrap().as_bytes())
                .unwrap()
        };
        let header: Value = serde_json::from_slice(&part("protected")).unwrap();
        assert_eq!(header["url"], format!("{CA}{path}"));
        // Each nonce once (RFC 8555, 6.5).
        let nonce = header["nonce"].as_str().unwrap().to_owned();
        let known = self.nonces.borrow().iter().position(|held| *held == nonce);
        let known = known.expect("a nonce of ours");
        self.nonces.borrow_mut().remove(known);
        if self.faults.borrow().bad_nonces > 0 {
            self.faults.borrow_mut().bad_nonces -= 1;
            let problem = json!({"type": "urn:ietf:params:acme:error:badNonce", "detail": "old"});
            return Reply {
                status: 400,
                ..self.ok(&problem)
            };
        }
        assert_eq!(header.get("jwk").is_some(), path == "/account", "{header}");
        let payload: Value = serde_json::from_slice(&part("payload")).unwrap_or_default();
        self.act(path, &payload)
    }

    pub(super) fn act(&self, path: &str, payload: &Value) -> Reply {
        let is_slow = || {
            let mut looks = self.looks.borrow_mut();
            *looks += 1;
            *looks <= self.faults.borrow().slow
        };
        match path {
            "/account" => {
                assert_eq!(payload["termsOfServiceAgreed"], true);
                *self.accounts.borrow_mut() += 1;
                Reply {
                    status: 201,
                    location: Some(format!("{CA}/account/1")),
                    ..self.ok(&json!({}))
                }
            }
            "/order" => {
                let replaced = payload["replaces"].as_str().map(str::to_owned);
                if let (Some(_), Some((status, kind))) = (&replaced, *self.refuses_replacing.borrow()) {
                    let problem =
                        json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": "no"});
                    return Reply {
                        status,
                        ..self.ok(&problem)
                    };
                }
                *self.orders.borrow_mut() += 1;
                self.replaced.borrow_mut().push(replaced);
                let names = payload["identifiers"].as_array().unwrap().clone();
                let urls: Vec<String> = (0..names.len())
                    .map(|at| format!("{CA}/authorization/{at}"))
                    .collect();
                *self.authorizations.borrow_mut() = names
                    .iter()
                    .enumerate()
                    .map(|(at, identifier)| {
                        let name = identifier["value"].as_str().unwrap();
                        let mut challenges = self.offers.clone();
                        for challenge in &mut challenges {
                            let kind = challenge["type"].as_str().unwrap();
                            challenge["url"] = format!("{CA}/challenge/{at}/{kind}").into();
                        }
                        json!({
                            "status": "pending", "challenges": challenges,
                            "identifier": {"type": "dns", "value": name.trim_start_matches("*.")},
                            "wildcard": name.starts_with('*'),
                        })
                    })
                    .collect();
                *self.order.borrow_mut() = json!({
                    "status": "pending", "identifiers": names, "authorizations": urls,
                    "finalize": format!("{CA}/finalize"),
                });
                Reply {
                    status: 201,
                    location: Some(format!("{CA}/order/1")),
                    ..self.ok(&self.order.borrow())
                }
            }
            "/order/1" => {
                let mut order = self.order.borrow_mut();
                let is_proved = self
                    .authorizations
                    .borrow()
                    .iter()
                    .all(|one| one["status"] == "valid");
                if order["status"] == "pending" && is_proved {
                    order["status"] = "ready".into();
                } else if order["status"] == "processing" && !is_slow() {
                    order["status"] = "valid".into();
                    order["certificate"] = format!("{CA}/certificate").into();
                }
                self.ok(&order)
            }
            "/finalize" => {
                let request = BASE64URL_NOPAD
                    .decode(payload["csr"].as_str().unwrap().as_bytes())
                    .unwrap();
                self.order.borrow_mut()["status"] = "processing".into();
                let names = self.order.borrow()["identifiers"].as_array().unwrap().clone();
                let names = names
                    .iter()
                    .map(|one| one["value"].as_str().unwrap().to_owned())
                    .collect();
                *self.issued.borrow_mut() = sign(
                    &request,
                    names,
                    self.life.borrow().map(|life| (self.now() - HOUR, life)),
                );
                *self.kept.borrow_mut() = std::fs::read(self.folder.join("acme.json")).unwrap();
                self.ok(&self.order.borrow())
            }
            "/certificate" => {
                let forced = self.faults.borrow().chain.clone();
                let chain = forced.unwrap_or_else(|| self.issued.borrow().clone());
                Reply {
                    body: chain.into_bytes(),
                    ..self.ok(&Value::Null)
                }
            }
            path => {
                let mut parts = path.trim_start_matches('/').split('/');
                let (what, at) = (
                    parts.next().unwrap(),
                    parts.next().unwrap().parse::<usize>().unwrap(),
                );
                let mut all = self.authorizations.borrow_mut();
                let one = &mut all[at];
                if what == "challenge" {
                    let kind = parts.next().unwrap();
                    self.validate(one, kind);
                    return self.ok(&json!({"status": "processing"}));
                }
                let mut shown = one.clone();
                if shown["status"] == "valid" && is_slow() {
                    shown["status"] = "processing".into();
                }
                self.ok(&shown)
            }
        }
    }

    /// When the authority would have the certificate in use renewed.
    pub(super) fn suggest(&self, name: &str) -> Reply {
        let shown = self.shown.borrow().clone().unwrap();
        assert_eq!(suggestion::identifier(&shown).as_deref(), Some(name));
        let from = Facts::read(&shown).unwrap().from;
        let (start, end, again) = self.suggests.borrow().unwrap();
        // Midnight in full (RFC 3339, 5.6).
        let text = |time| {
            write_time(time).replace('Z', "")
                + if time % (24 * HOUR) == 0 {
                    "T00:00:00Z"
                } else {
                    "Z"
                }
        };
        let window = json!({"start": text(from + start), "end": text(from + end)});
        Reply {
            retry_after: again,
            ..self.ok(&json!({"suggestedWindow": window}))
        }
    }

    /// The authority looks.
    pub(super) fn validate(&self, authorization: &mut Value, kind: &str) {
        let name = authorization["identifier"]["value"].as_str().unwrap().to_owned();
        let owner = match kind {
            "dns-01" => format!("_acme-challenge.{name}"),
            _ => format!("_validation-persist.{name}"),
        };
        let is_there = kind == "tls-alpn-01" || self.dns.borrow().contains_key(&owner);
        if is_there && !self.faults.borrow().is_blind {
            authorization["status"] = "valid".into();
            return;
        }
        authorization["status"] = "invalid".into();
        authorization["challenges"][0]["error"] = json!({
            "type": "urn:ietf:params:acme:error:unauthorized", "detail": format!("no TXT record found at {owner}"),
        });
        self.order.borrow_mut()["status"] = "invalid".into();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

impl Web for World {
    async fn send(&self, call: Call<'_>) -> Result<Reply, String> {
        let path = call.url.replace(":443", "");
        let path = path
            .strip_prefix(CA)
            .unwrap_or_else(|| panic!("{} is somewhere else", call.url));
        self.log.borrow_mut().push(path.to_owned());
        self.times.borrow_mut().push((self.now(), path.to_owned()));
        Ok(match call.method {
            Method::Head => Reply {
                status: 200,
                nonce: self.nonce(),
                ..Reply::default()
            },
            Method::Get => self.answer(path, None),
            Method::Post(body) => self.answer(path, Some(body)),
        })
    }
}

impl House for World {
    fn now(&self) -> u64 {
        let (stood, since) = *self.clock.borrow();
        stood + since.elapsed().as_secs()
    }

    fn shown(&self) -> Option<Vec<u8>> {
        self.shown.borrow().clone()
    }

    fn take(&self, text: &str) -> Result<(), Trouble> {
        let leaf = CertificateDer::from_pem_slice(text.as_bytes()).unwrap();
        *self.shown.borrow_mut() = Some(leaf.to_vec());
        self.taken.borrow_mut().push(self.now());
        Ok(())
    }

    async fn publish(&self, proof: &Proof) -> Result<(), String> {
        if self.is_published && proof.kind == Kind::Dns {
            let mut dns = self.dns.borrow_mut();
            dns.entry(proof.owner.clone())
                .or_default()
                .push(proof.text.clone());
        }
        Ok(())
    }

    async fn withdraw(&self, proof: &Proof) {
        self.withdrawn.borrow_mut().push(proof.clone());
    }

    async fn texts(&self, owner: &str) -> Result<Vec<String>, String> {
        Ok(self.dns.borrow().get(owner).cloned().unwrap_or_default())
    }

    async fn pause(&self, time: Duration) {
        sleep(time).await;
    }

    fn tell(&self, stage: Stage) {
        self.told.borrow_mut().push(stage.clone());
        if let Some(person) = &*self.person.borrow() {
            person(self, &stage);
        }
    }
}

/// A public key as rcgen wants it.
struct Point(Vec<u8>);

impl rcgen::PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// A chain for the key in a request. `life`: when it begins, and how long it is good.
pub(super) fn sign(request: &[u8], names: Vec<String>, life: Option<(u64, u64)>) -> String {
    // Behind the name of the curve: a bit string of 66 bytes, none unused, and an uncompressed point.
    let mark = [0x03, 0x42, 0x00, 0x04];
    let at = request.windows(4).position(|four| four == mark).unwrap();
    let point = Point(request[at + 3..at + 3 + 65].to_vec());
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority
        .distinguished_name
        .push(rcgen::DnType::CommonName, "A Public Authority");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let above = authority.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(authority, key);
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.use_authority_key_identifier_extension = true;
    params.not_after = rcgen::date_time_ymd(2027, 4, 1);
    if let Some((from, life)) = life {
        let zero = rcgen::date_time_ymd(1970, 1, 1);
        params.not_before = zero + Duration::from_secs(from);
        // Both ends belong to it.
        params.not_after = zero + Duration::from_secs(from + life);
    }
    format!(
        "{}{}",
        params.signed_by(&point, &issuer).unwrap().pem(),
        above.pem()
    )
}

pub(super) fn config(challenge: AcmeChallenge) -> AcmeConfig {
    AcmeConfig {
        directory: format!("{CA}/directory").parse().unwrap(),
        email: Some("anna@home.example".to_owned()),
        challenge,
        check: true,
        names: Vec::new(),
        ca_file: None,
        external: None,
    }
}

pub(super) fn names() -> Vec<String> {
    vec![NAME.to_owned(), format!("*.{NAME}")]
}

pub(super) fn hook() -> AcmeChallenge {
    AcmeChallenge::Hook("hook".into())
}

/// What came of an order of [`names`].
pub(super) async fn run(world: &World, challenge: AcmeChallenge) -> Result<(String, Facts), Trouble> {
    obtain(world, &config(challenge), &names(), &mut world.memory(), NOW).await
}
