//! The course of an order against an authority of the tests' own: every way to prove a name, and everything that can
//! go wrong on the way. Time is virtual.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::super::read::Facts;
use super::*;
use crate::config::{AcmeChallenge, AcmeConfig};

/// The first second of 2027.
const NOW: u64 = 1_798_761_600;
const CA: &str = "https://ca.example";
const NAME: &str = "dns.home.example";

/// What the authority does otherwise than it should.
#[derive(Default)]
struct Faults {
    /// So many nonces are refused.
    bad_nonces: usize,
    /// Requests to this path are answered so: status, body, `Retry-After`.
    refusals: BTreeMap<&'static str, (u16, Value, Option<u64>)>,
    /// The authority finds the name not proved.
    is_blind: bool,
    /// What comes in place of the certificate.
    chain: Option<String>,
    /// Looks after which a thing is done.
    slow: usize,
}

/// What a person does when told of a stage.
type Person = Box<dyn Fn(&World, &Stage)>;

/// An authority, public DNS, and the house in one.
struct World {
    offers: Vec<Value>,
    faults: RefCell<Faults>,
    /// TXT records of public DNS.
    dns: RefCell<BTreeMap<String, Vec<String>>>,
    /// Whether what is published appears in public DNS.
    is_published: bool,
    order: RefCell<Value>,
    issued: RefCell<String>,
    /// What the house remembers when the authority is told to sign.
    kept: RefCell<Vec<u8>>,
    authorizations: RefCell<Vec<Value>>,
    looks: RefCell<usize>,
    nonces: RefCell<Vec<String>>,
    accounts: RefCell<usize>,
    orders: RefCell<usize>,
    told: RefCell<Vec<Stage>>,
    withdrawn: RefCell<Vec<Proof>>,
    log: RefCell<Vec<String>>,
    person: RefCell<Option<Person>>,
    folder: PathBuf,
}

impl World {
    fn new(name: &str, kinds: &[&str]) -> Self {
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
            folder,
        }
    }

    fn memory(&self) -> Memory {
        Memory::load(
            &self.folder.join("acme.json"),
            &config(AcmeChallenge::Print).directory.to_string(),
        )
        .unwrap()
    }

    fn refuse(&self, path: &'static str, status: u16, kind: &str, detail: &str, retry_after: Option<u64>) {
        let problem = json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail});
        self.faults
            .borrow_mut()
            .refusals
            .insert(path, (status, problem, retry_after));
    }

    fn nonce(&self) -> Option<String> {
        let nonce = format!("nonce-{}", self.log.borrow().len());
        self.nonces.borrow_mut().push(nonce.clone());
        Some(nonce)
    }

    fn ok(&self, value: &Value) -> Reply {
        Reply {
            status: 200,
            nonce: self.nonce(),
            body: value.to_string().into_bytes(),
            ..Reply::default()
        }
    }

    fn answer(&self, path: &str, post: Option<&str>) -> Reply {
        let refusal = self.faults.borrow().refusals.get(path).cloned();
        if let Some((status, problem, retry_after)) = refusal {
            return Reply {
                status,
                retry_after,
                ..self.ok(&problem)
            };
        }
        let Some(post) = post else {
            let directory = json!({
                "newNonce": format!("{CA}/nonce"), "newAccount": format!("{CA}/account"),
                "newOrder": format!("{CA}/order"),
            });
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

    fn act(&self, path: &str, payload: &Value) -> Reply {
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
                *self.orders.borrow_mut() += 1;
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
                *self.issued.borrow_mut() = sign(&request, names);
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

    /// The authority looks.
    fn validate(&self, authorization: &mut Value, kind: &str) {
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

/// A chain for the key in a request.
fn sign(request: &[u8], names: Vec<String>) -> String {
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
    params.not_after = rcgen::date_time_ymd(2027, 4, 1);
    format!(
        "{}{}",
        params.signed_by(&point, &issuer).unwrap().pem(),
        above.pem()
    )
}

fn config(challenge: AcmeChallenge) -> AcmeConfig {
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

fn names() -> Vec<String> {
    vec![NAME.to_owned(), format!("*.{NAME}")]
}

fn hook() -> AcmeChallenge {
    AcmeChallenge::Hook("hook".into())
}

/// What came of an order of [`names`].
async fn run(world: &World, challenge: AcmeChallenge) -> Result<(String, Facts), Trouble> {
    obtain(world, &config(challenge), &names(), &mut world.memory(), NOW).await
}

#[tokio::test(start_paused = true)]
async fn rfc8555_s7_1_names_become_a_certificate() {
    let world = World::new("course", &["http-01", "dns-01"]);
    let (file, facts) = run(&world, hook()).await.unwrap();
    assert_eq!(facts.names, names());
    assert_eq!(
        (facts.issuer.as_str(), facts.until),
        ("A Public Authority", 1_806_537_600)
    );
    assert_eq!(file.matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(file.matches("BEGIN PRIVATE KEY").count(), 1);
    // Both names are proved by a record at one place, and what was published is taken back.
    let dns = world.dns.borrow().clone();
    assert_eq!(
        dns.keys().collect::<Vec<_>>(),
        ["_acme-challenge.dns.home.example"]
    );
    let withdrawn: Vec<String> = world
        .withdrawn
        .borrow()
        .iter()
        .map(|proof| proof.text.clone())
        .collect();
    assert_eq!(dns["_acme-challenge.dns.home.example"], withdrawn);
    // Nothing of it is under way any more, and the account stays.
    let memory = world.memory();
    assert_eq!((memory.order, memory.order_key.is_none()), (None, true));
    assert_eq!(memory.account.as_deref(), Some("https://ca.example/account/1"));
    run(&world, hook()).await.unwrap();
    assert_eq!((*world.accounts.borrow(), *world.orders.borrow()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_person_is_asked_for_one_record_that_stays_where_the_authority_offers_that() {
    let world = World::new("persist", &["dns-01", "dns-persist-01"]);
    *world.person.borrow_mut() = Some(Box::new(|world, stage| {
        if let Some(proof) = stage.awaited.first() {
            world
                .dns
                .borrow_mut()
                .insert(proof.owner.clone(), vec!["other".into(), proof.text.clone()]);
        }
    }));
    run(&world, AcmeChallenge::Print).await.unwrap();
    let asked: Vec<Stage> = world
        .told
        .borrow()
        .iter()
        .filter(|stage| !stage.awaited.is_empty())
        .cloned()
        .collect();
    assert_eq!(asked.len(), 1);
    let records: Vec<(&str, &str)> = asked[0]
        .awaited
        .iter()
        .map(|proof| (proof.owner.as_str(), proof.text.as_str()))
        .collect();
    let record = (
        "_validation-persist.dns.home.example",
        "ca.example; accounturi=https://ca.example/account/1; policy=wildcard",
    );
    assert_eq!(records, [record, record]);
    // The next time nobody is asked for anything.
    world.told.borrow_mut().clear();
    let before = Instant::now();
    run(&world, AcmeChallenge::Persist).await.unwrap();
    assert!(world.told.borrow().iter().all(|stage| stage.awaited.is_empty()));
    assert!(before.elapsed() < Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_stays_may_be_written_by_hand() {
    let world = World::new("by-hand", &["dns-persist-01"]);
    let owner = "_validation-persist.dns.home.example";
    for (text, is_one) in [
        (
            "Other.Example ;accounturi=https://ca.example/account/1;policy=wildcard; persistUntil=1900000000",
            true,
        ),
        (
            "ca.example; accounturi=https://ca.example/account/1; Policy=WILDCARD",
            true,
        ),
        ("ca.example; accounturi=https://ca.example/account/1", false),
        (
            "ca.example; accounturi=https://ca.example/account/2; policy=wildcard",
            false,
        ),
        (
            "stranger.example; accounturi=https://ca.example/account/1; policy=wildcard",
            false,
        ),
        ("ca.example; policy=wildcard", false),
        ("", false),
    ] {
        world
            .dns
            .borrow_mut()
            .insert(owner.to_owned(), vec![text.to_owned()]);
        let before = Instant::now();
        let ended = run(&world, AcmeChallenge::Persist).await;
        assert_eq!(ended.is_ok(), is_one, "{text}: {ended:?}");
        // A person has days.
        assert_eq!(before.elapsed() < Duration::from_secs(60), is_one, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_who_adds_the_record_of_the_day_after_days_is_waited_for() {
    let world = World::new("patience", &["dns-01"]);
    let begun = Instant::now();
    *world.person.borrow_mut() = Some(Box::new(move |world, stage| {
        if begun.elapsed() > Duration::from_secs(3 * 86_400) {
            for proof in &stage.awaited {
                let mut dns = world.dns.borrow_mut();
                dns.entry(proof.owner.clone())
                    .or_default()
                    .push(proof.text.clone());
            }
        }
    }));
    run(&world, AcmeChallenge::Print).await.unwrap();
    assert!(world.told.borrow().len() < 1000, "{}", world.told.borrow().len());
    // The authority was not asked meanwhile.
    assert!(world.log.borrow().len() < 30, "{:?}", world.log.borrow());
}

#[tokio::test(start_paused = true)]
async fn an_order_is_gone_on_with_after_a_restart() {
    let mut world = World::new("restart", &["dns-01"]);
    world.is_published = false;
    let trouble = run(&world, hook()).await.unwrap_err();
    assert!(
        trouble.message.starts_with("public DNS does not show the TXT record `")
            && trouble.message.ends_with(
                "` of _acme-challenge.dns.home.example: it has no TXT record there; does the program do it where the \
                 Internet looks?"
            ),
        "{trouble}"
    );
    // The authority was not asked to look, and the order stands.
    assert!(
        !world
            .log
            .borrow()
            .iter()
            .any(|path| path.starts_with("/challenge"))
    );
    assert_eq!(world.withdrawn.borrow().len(), 2);
    world.is_published = true;
    run(&world, hook()).await.unwrap();
    assert_eq!((*world.accounts.borrow(), *world.orders.borrow()), (1, 1));
    // For other names it is of no use.
    world.is_published = false;
    world.dns.borrow_mut().clear();
    run(&world, hook()).await.unwrap_err();
    world.is_published = true;
    let other = vec!["other.home.example".to_owned()];
    obtain(&world, &config(hook()), &other, &mut world.memory(), NOW)
        .await
        .unwrap();
    assert_eq!(*world.orders.borrow(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_was_signed_is_fetched_the_next_time_with_its_key() {
    let world = World::new("signed", &["dns-01"]);
    world.refuse("/certificate", 503, "serverInternal", "come back", None);
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "https://ca.example/certificate: HTTP 503: come back (serverInternal)"
    );
    // While nothing is to be had of the authority, no other order is made either.
    world.refuse("/order/1", 503, "serverInternal", "come back", None);
    run(&world, hook()).await.unwrap_err();
    world.faults.borrow_mut().refusals.clear();
    run(&world, hook()).await.unwrap();
    assert_eq!(*world.orders.borrow(), 1);
    assert_eq!(
        world
            .log
            .borrow()
            .iter()
            .filter(|path| *path == "/finalize")
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_the_authority_signed_loses_nothing() {
    let world = World::new("crash", &["dns-01"]);
    run(&world, hook()).await.unwrap();
    // As the file stood when the authority was told to sign.
    std::fs::write(world.folder.join("acme.json"), world.kept.borrow().as_slice()).unwrap();
    run(&world, hook()).await.unwrap();
    assert_eq!(*world.orders.borrow(), 1);
    // Without the key it is ordered anew, and so it is where the authority has forgotten the order.
    let mut memory = world.memory();
    memory.order = Some(format!("{CA}/order/1"));
    obtain(&world, &config(hook()), &names(), &mut memory, NOW)
        .await
        .unwrap();
    assert_eq!(*world.orders.borrow(), 2);
    // However it puts that.
    for (status, kind, orders) in [(404, "malformed", 3), (404, "notFound", 4), (410, "", 5)] {
        let mut memory = world.memory();
        memory.order = Some(format!("{CA}/order/gone"));
        world.refuse("/order/gone", status, kind, "no such order", None);
        obtain(&world, &config(hook()), &names(), &mut memory, NOW)
            .await
            .unwrap();
        assert_eq!(*world.orders.borrow(), orders);
    }
}

#[tokio::test(start_paused = true)]
async fn rfc8555_s6_5_a_refused_nonce_is_followed_by_another() {
    let world = World::new("nonce", &["dns-01"]);
    world.faults.borrow_mut().bad_nonces = 4;
    run(&world, hook()).await.unwrap();
    world.faults.borrow_mut().bad_nonces = 1000;
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "https://ca.example/order: the authority took none of 5 nonces that it gave us itself"
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_reached_says_until_when() {
    let world = World::new("limit", &["dns-01"]);
    world.refuse(
        "/order",
        429,
        "rateLimited",
        "too many certificates (5) already issued",
        Some(7200),
    );
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "https://ca.example/order: HTTP 429: too many certificates (5) already issued (rateLimited)"
    );
    assert_eq!(trouble.retry_after, Some(7200));
    // No word of an authority keeps us away for years, or overflows.
    world.refuse("/order", 429, "rateLimited", "never", Some(u64::MAX));
    assert_eq!(
        run(&world, hook()).await.unwrap_err().retry_after,
        Some(7 * 86_400)
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_found_not_proved_is_told_and_ordered_anew() {
    let world = World::new("invalid", &["dns-01"]);
    world.faults.borrow_mut().is_blind = true;
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "dns.home.example is not proved: no TXT record found at _acme-challenge.dns.home.example (unauthorized); look at \
         what public DNS says of the name, with `dig +trace`"
    );
    assert_eq!(world.memory().order, None);
    world.faults.borrow_mut().is_blind = false;
    run(&world, hook()).await.unwrap();
    assert_eq!(*world.orders.borrow(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_challenge_that_is_not_offered_is_told_with_those_that_are() {
    for (challenge, wanted) in [
        (AcmeChallenge::Print, "dns-persist-01 or dns-01"),
        (AcmeChallenge::Persist, "dns-persist-01"),
        (AcmeChallenge::Zone, "dns-01"),
        (AcmeChallenge::TlsAlpn, "tls-alpn-01"),
    ] {
        let world = World::new(challenge.as_str(), &["http-01", "other-01"]);
        let trouble = run(&world, challenge).await.unwrap_err();
        assert_eq!(
            trouble.message,
            format!(
                "the authority does not offer {wanted} for dns.home.example, but http-01, other-01; choose another \
                 `challenge`"
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_waits_for_no_dns() {
    let world = World::new("handshake", &["tls-alpn-01"]);
    let one = vec![NAME.to_owned()];
    obtain(
        &world,
        &config(AcmeChallenge::TlsAlpn),
        &one,
        &mut world.memory(),
        NOW,
    )
    .await
    .unwrap();
    let withdrawn = world.withdrawn.borrow();
    assert_eq!(
        (withdrawn.len(), withdrawn[0].kind, withdrawn[0].sum.len()),
        (1, Kind::Handshake, 32)
    );
    assert!(world.dns.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_takes_its_time_is_waited_for_within_bounds() {
    let world = World::new("slow", &["dns-01"]);
    world.faults.borrow_mut().slow = 20;
    run(&world, hook()).await.unwrap();
    world.faults.borrow_mut().slow = usize::MAX;
    let before = Instant::now();
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "https://ca.example/authorization/0: the authority was not done after 60 looks"
    );
    assert!(
        before.elapsed() < Duration::from_secs(16 * 60),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_not_what_was_asked_for_is_not_taken() {
    let stranger = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(names()).unwrap();
    let of_stranger = params.self_signed(&stranger).unwrap().pem();
    for (chain, what) in [
        ("nothing".to_owned(), "there is none in it"),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(),
            "it is no PEM",
        ),
        (of_stranger.clone(), "it is for another key"),
        (of_stranger.repeat(9), "its chain is longer than 8"),
    ] {
        let world = World::new("chain", &["dns-01"]);
        world.faults.borrow_mut().chain = Some(chain);
        let trouble = run(&world, hook()).await.unwrap_err();
        assert_eq!(
            trouble.message,
            format!("https://ca.example/certificate: the certificate that came cannot be used: {what}")
        );
    }
    let world = World::new("over", &["dns-01"]);
    let late = 1_830_297_600;
    let ended = obtain(&world, &config(hook()), &names(), &mut world.memory(), late).await;
    assert!(
        ended
            .unwrap_err()
            .message
            .ends_with("it is over since 2027-04-01")
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_that_the_authority_has_forgotten_is_made_anew() {
    let world = World::new("forgotten", &["dns-01"]);
    run(&world, hook()).await.unwrap();
    world.refuse("/order", 400, "accountDoesNotExist", "who are you?", None);
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(*world.accounts.borrow(), 2);
    assert!(trouble.message.contains("who are you?"), "{trouble}");
    world.faults.borrow_mut().refusals.clear();
    run(&world, hook()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_no_acme_server_is_told() {
    let world = World::new("no-server", &["dns-01"]);
    for (status, body, message) in [
        (
            200,
            json!([]),
            "what came is no JSON object; is this an ACME server (RFC 8555)?",
        ),
        (404, json!("\u{7}"), "HTTP 404: the authority does not say why"),
        (500, json!({"detail": "a\u{1b}[2Jb"}), "HTTP 500: a [2Jb"),
    ] {
        world
            .faults
            .borrow_mut()
            .refusals
            .insert("/directory", (status, body, None));
        let trouble = run(&world, hook()).await.unwrap_err();
        assert_eq!(
            trouble.message,
            format!("https://ca.example:443/directory: {message}")
        );
    }
    world
        .faults
        .borrow_mut()
        .refusals
        .insert("/directory", (200, json!({}), None));
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "the directory has no `newAccount`; is its URL that of an ACME server (RFC 8555)?"
    );
    let bound = json!({"meta": {"externalAccountRequired": true}});
    world
        .faults
        .borrow_mut()
        .refusals
        .insert("/directory", (200, bound, None));
    let trouble = run(&world, hook()).await.unwrap_err();
    assert!(trouble.message.contains("external account binding"), "{trouble}");
    // Long texts are cut.
    let long = json!({"type": "x".repeat(9000), "detail": "y".repeat(9000)});
    world
        .faults
        .borrow_mut()
        .refusals
        .insert("/directory", (400, long, None));
    assert!(run(&world, hook()).await.unwrap_err().message.len() < 1200);
}

#[test]
fn nothing_of_a_hostile_challenge_gets_into_a_record_or_a_program() {
    let key = jose::AccountKey::new(&super::super::issue::Key::generate().unwrap()).unwrap();
    let of = |challenge: Value| {
        let authorization = json!({
            "identifier": {"type": "dns", "value": NAME}, "challenges": [challenge],
        });
        challenge::choose(
            &authorization,
            &AcmeChallenge::Print,
            false,
            &key,
            "https://ca.example/account/1",
        )
        .map_err(|trouble| trouble.message)
    };
    for token in ["", "a b", "a;b", "a\"", "../x", "ü"] {
        let said = of(json!({"type": "dns-01", "url": "https://x", "token": token})).unwrap_err();
        assert_eq!(
            said, "the authority's dns-01 challenge has no token that can be used",
            "{token}"
        );
    }
    assert!(of(json!({"type": "dns-01", "url": "https://x", "token": "x".repeat(256)})).is_err());
    assert!(
        of(json!({"type": "dns-01", "token": "x"}))
            .unwrap_err()
            .ends_with("has no URL")
    );
    for names in [json!([]), json!(null), json!(["a b"]), json!(["a;b"]), json!([7])] {
        let said = of(json!({"type": "dns-persist-01", "url": "https://x", "issuer-domain-names": names}));
        assert!(said.unwrap_err().ends_with("names no issuer"));
    }
    let account = json!({
        "type": "dns-persist-01", "url": "https://x", "issuer-domain-names": ["ca.example."],
        "accounturi": "https://ca.example/a; policy=wildcard",
    });
    assert!(of(account).unwrap_err().ends_with("cannot stand in a TXT record"));
    let good =
        of(json!({"type": "dns-persist-01", "url": "https://x", "issuer-domain-names": ["ca.example."]}));
    assert_eq!(
        good.unwrap().text,
        "ca.example; accounturi=https://ca.example/account/1"
    );
}
