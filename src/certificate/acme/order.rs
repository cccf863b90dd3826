//! The course of one order: from names to a certificate (RFC 8555, 7.1).
//!
//! ```text
//! account -> order -> for each name a challenge -> what proves it is published -> public DNS shows it
//!         -> the authority looks -> the certificate is asked for, fetched, and looked at
//! ```
//!
//! Everything in it is bounded: names, challenges, looks, and the time between them. What was published is taken back
//! however it ends.

use std::future::Future;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::super::issue::{self, Key};
use super::super::own::{certificate_pem, key_pem};
use super::super::read::Facts;
use super::challenge::{Kind, Proof, choose};
use super::client::{Client, Trouble, Web, printable, problem_in};
use super::jose::AccountKey;
use super::memory::Memory;
use crate::config::{AcmeChallenge, AcmeConfig, limits};
use crate::upstream::der;
use crate::zone::master::civil::write_time;

/// Authorizations of one order.
const AUTHORIZATIONS: usize = limits::ACME_AUTHORIZATIONS.default_usize();
/// Looks at whether the authority is done with something.
const POLLS: usize = limits::ACME_POLLS.default_usize();
/// First and longest time between two of them.
const POLL: Duration = limits::ACME_POLL.default_time();
const LONGEST_POLL: Duration = limits::ACME_LONGEST_POLL.default_time();
/// How long public DNS may take to show what a program has published, and how often it is looked at.
const SPREAD: Duration = limits::ACME_SPREAD.default_time();
const LOOK: Duration = limits::ACME_LOOK.default_time();
/// The same for a person.
const PERSON: Duration = limits::ACME_PERSON.default_time();
const PATIENT_LOOK: Duration = limits::ACME_PATIENT_LOOK.default_time();
/// Certificates in a chain.
const CHAIN: usize = limits::ACME_CHAIN.default_usize();

/// What an order needs of the daemon.
pub trait House: Web {
    /// Unix time in seconds, as the clock of this host has it.
    fn now(&self) -> u64;
    /// The certificate in use, in DER.
    fn shown(&self) -> Option<Vec<u8>>;
    /// Keeps this text of a chain and its key, and uses it from now on.
    ///
    /// # Errors
    /// It cannot be written, or not be used.
    fn take(&self, text: &str) -> Result<(), Trouble>;
    /// Publishes a proof: in a zone, by a program, in handshakes. A person publishes what [`House::tell`] shows.
    ///
    /// # Errors
    /// Why not, and what to do.
    fn publish(&self, proof: &Proof) -> impl Future<Output = Result<(), String>>;
    /// Takes it back.
    fn withdraw(&self, proof: &Proof) -> impl Future<Output = ()>;
    /// The TXT records that public DNS has at a name now; none where it has none.
    ///
    /// # Errors
    /// Nobody could be asked.
    fn texts(&self, owner: &str) -> impl Future<Output = Result<Vec<String>, String>>;
    /// Waits, or for a shorter time where a person is in a hurry.
    fn pause(&self, time: Duration) -> impl Future<Output = ()>;
    /// Shows what is being done, and what is awaited for it.
    fn tell(&self, stage: Stage);
}

/// What an order waits for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stage {
    /// In words.
    pub doing: String,
    /// TXT records that are to appear in public DNS, without those that are there.
    pub awaited: Vec<Proof>,
}

impl Stage {
    fn doing(what: &str) -> Self {
        Stage {
            doing: what.to_owned(),
            awaited: Vec::new(),
        }
    }
}

/// Has a certificate made for these names: the text of its file, and what it says.
///
/// # Errors
/// What failed, where, and what to do. The memory is saved at each step that must not be forgotten.
pub async fn obtain<H: House>(
    house: &H,
    config: &AcmeConfig,
    names: &[String],
    memory: &mut Memory,
    now: u64,
) -> Result<(String, Facts), Trouble> {
    house.tell(Stage::doing("asking the authority"));
    let key = AccountKey::new(&memory.key)?;
    let mut client = Client::open(house, &config.directory.to_string(), key, memory.account.clone()).await?;
    if memory.account.is_none() {
        // The key first: an account whose key is lost is one too many.
        memory.save()?;
        memory.account = Some(client.register(config).await?);
        memory.save()?;
    }
    let (url, order) = match begin(&mut client, names, memory).await {
        // The server has forgotten the account, as one for tests does at each start.
        Err(trouble) if trouble.kind == "accountDoesNotExist" => {
            memory.account = Some(client.register(config).await?);
            begin(&mut client, names, memory).await?
        }
        begun => begun?,
    };
    memory.order = Some(url.clone());
    memory.save()?;

    let mut published = Vec::new();
    let proved = prove(house, &mut client, config, &order, names, &mut published).await;
    for proof in &published {
        house.withdraw(proof).await;
    }
    if let Err(trouble) = proved {
        // An authorization that has failed stays so; whatever else went wrong, the order can be gone on with.
        if is_over(&client.fetch(&url).await) {
            memory.forget_order();
            memory.save()?;
        }
        return Err(trouble);
    }
    house.tell(Stage::doing("waiting for the certificate"));
    let finished = finish(house, &mut client, &url, names, memory, now).await;
    let is_done = match &finished {
        Ok(_) => true,
        // What cannot be used will not become better; what could not be fetched may be there the next time.
        Err(trouble) => trouble.is_final || is_over(&client.fetch(&url).await),
    };
    if is_done {
        memory.forget_order();
        memory.save()?;
    }
    finished
}

/// The order under way if it is for these names, else a new one.
async fn begin<H: Web>(
    client: &mut Client<'_, H>,
    names: &[String],
    memory: &Memory,
) -> Result<(String, Value), Trouble> {
    if let Some(url) = &memory.order {
        let fetched = client.fetch(url).await;
        let is_gone = is_over(&fetched);
        match fetched {
            Ok((order, _)) if is_for(&order, names) => {
                let can_go_on = match order["status"].as_str() {
                    Some("pending" | "ready") => true,
                    // Without its key a certificate is of no use.
                    Some("processing" | "valid") => memory.order_key.is_some(),
                    _ => false,
                };
                if can_go_on {
                    return Ok((url.clone(), order));
                }
            }
            // Only one that is not there any more is followed by another: authorities count them.
            Err(trouble) if !is_gone => return Err(trouble),
            _ => {}
        }
    }
    client.order(names, memory.certificate.as_deref()).await
}

fn is_for(order: &Value, names: &[String]) -> bool {
    let held = order["identifiers"].as_array().map_or(&[][..], Vec::as_slice);
    held.len() == names.len()
        && names
            .iter()
            .all(|name| held.iter().any(|identifier| identifier["value"] == name.as_str()))
}

/// Whether an order can no longer become a certificate, or is gone.
fn is_over(order: &Result<(Value, Option<u64>), Trouble>) -> bool {
    match order {
        Ok((order, _)) => order["status"] == "invalid",
        Err(trouble) => {
            let kinds = ["malformed", "unauthorized", "accountDoesNotExist"];
            trouble.is_gone || kinds.contains(&trouble.kind.as_str())
        }
    }
}

/// Has every name of an order proved. What is published on the way is noted in `published`.
async fn prove<H: House>(
    house: &H,
    client: &mut Client<'_, H>,
    config: &AcmeConfig,
    order: &Value,
    names: &[String],
    published: &mut Vec<Proof>,
) -> Result<(), Trouble> {
    let urls = order["authorizations"].as_array().map_or(&[][..], Vec::as_slice);
    if urls.len() > AUTHORIZATIONS {
        let message = format!(
            "the authority wants {} proofs; expected at most {AUTHORIZATIONS}",
            urls.len()
        );
        return Err(Trouble::new(message));
    }
    let wildcards = order["identifiers"].as_array().map_or(&[][..], Vec::as_slice);
    let has_wildcard = |domain: &str| {
        let wildcard = format!("*.{domain}");
        wildcards
            .iter()
            .any(|identifier| identifier["value"] == wildcard.as_str())
    };
    let mut waiting: Vec<(String, Proof)> = Vec::new();
    for url in urls.iter().filter_map(Value::as_str) {
        let (authorization, _) = client.fetch(url).await?;
        match authorization["status"].as_str() {
            Some("valid") => continue,
            Some("pending") => {}
            _ => return Err(failed_authorization(&authorization)),
        }
        let domain = authorization["identifier"]["value"].as_str().unwrap_or_default();
        // It stands in an order of ours before it stands in a record, in an argument of a program, or in a message.
        let is_ours = |name: &String| {
            name.strip_prefix("*.").unwrap_or(name) == domain.strip_prefix("*.").unwrap_or(domain)
        };
        if !names.iter().any(is_ours) {
            return Err(Trouble::new(format!(
                "the authority wants a proof for {}, which was not asked for",
                printable(domain)
            )));
        }
        let account = client.account().unwrap_or_default().to_owned();
        let any_wildcard = has_wildcard(domain);
        let proof = choose(
            &authorization,
            &config.challenge,
            any_wildcard,
            client.key(),
            &account,
        )?;
        waiting.push((url.to_owned(), proof));
    }
    for (_, proof) in &waiting {
        // Noted before it is done: what failed half-way is taken back as well.
        published.push(proof.clone());
        house.publish(proof).await.map_err(Trouble::new)?;
    }
    let proofs: Vec<Proof> = waiting.iter().map(|(_, proof)| proof.clone()).collect();
    wait_for_dns(house, config, proofs).await?;
    house.tell(Stage::doing("waiting for the authority to look"));
    for (_, proof) in &waiting {
        client.post(&proof.url, Some(&json!({}))).await?;
    }
    for (url, _) in &waiting {
        let authorization = poll(house, client, url, &["pending", "processing"]).await?;
        if authorization["status"] != "valid" {
            return Err(failed_authorization(&authorization));
        }
    }
    Ok(())
}

/// Waits until public DNS shows the records: an authority that looks too early counts a failure, and has limits.
async fn wait_for_dns<H: House>(
    house: &H,
    config: &AcmeConfig,
    mut awaited: Vec<Proof>,
) -> Result<(), Trouble> {
    awaited.retain(|proof| proof.kind != Kind::Handshake);
    if !config.check || awaited.is_empty() {
        return Ok(());
    }
    let is_person = matches!(config.challenge, AcmeChallenge::Print | AcmeChallenge::Persist);
    let patience = if is_person { PERSON } else { SPREAD };
    let mut waited = Duration::ZERO;
    let mut why = String::new();
    loop {
        let mut missing: Vec<Proof> = Vec::new();
        for proof in awaited {
            match house.texts(&proof.owner).await {
                Ok(texts) if proof.is_among(&texts) => continue,
                Ok(texts) if texts.is_empty() => why = "it has no TXT record there".to_owned(),
                Ok(_) => why = "it has other TXT records there".to_owned(),
                Err(error) => why = error,
            }
            missing.push(proof);
        }
        awaited = missing;
        let Some(first) = awaited.first() else {
            return Ok(());
        };
        if waited >= patience {
            let way_out = match config.challenge {
                AcmeChallenge::Cname(_) => {
                    "the name must be a CNAME that leads to `target`, in a zone that the Internet asks this server for"
                }
                AcmeChallenge::Zone => "the zone must be one that the Internet asks this server for",
                AcmeChallenge::Hook(_) => "does the program do it where the Internet looks?",
                _ => "add it where the domain's public DNS is kept",
            };
            return Err(Trouble::new(format!(
                "public DNS does not show the TXT record `{}` of {}: {}; {way_out}",
                first.text,
                first.owner,
                printable(&why)
            )));
        }
        house.tell(Stage {
            doing: "waiting for public DNS to show the records".to_owned(),
            awaited: awaited.clone(),
        });
        let step = if waited < SPREAD { LOOK } else { PATIENT_LOOK };
        house.pause(step).await;
        waited += step;
    }
}

/// Reads a thing again and again until its status is none of these.
async fn poll<H: House>(
    house: &H,
    client: &mut Client<'_, H>,
    url: &str,
    under_way: &[&str],
) -> Result<Value, Trouble> {
    let mut step = POLL;
    for _ in 0..POLLS {
        let (value, told) = client.fetch(url).await?;
        let status = value["status"].as_str().unwrap_or_default();
        if !under_way.contains(&status) {
            return Ok(value);
        }
        let told = told.map_or(step, Duration::from_secs);
        house.pause(told.clamp(POLL, LONGEST_POLL)).await;
        step = (step * 2).min(LONGEST_POLL);
    }
    Err(Trouble::new(format!(
        "{}: the authority was not done after {POLLS} looks",
        printable(url)
    )))
}

/// Why an authorization is not valid.
fn failed_authorization(authorization: &Value) -> Trouble {
    let domain = printable(authorization["identifier"]["value"].as_str().unwrap_or("a name"));
    let all = authorization["challenges"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let error = all
        .iter()
        .map(|challenge| &challenge["error"])
        .find(|error| error.is_object());
    let Some(error) = error else {
        let status = printable(authorization["status"].as_str().unwrap_or("unknown"));
        return Trouble::new(format!("{domain} is not proved: its authorization is {status}"));
    };
    let mut trouble = problem_in(error);
    trouble.message = format!("{domain} is not proved: {}", trouble.message);
    trouble
}

/// Asks for the certificate of an order whose names are proved, and looks at what comes.
async fn finish<H: House>(
    house: &H,
    client: &mut Client<'_, H>,
    url: &str,
    names: &[String],
    memory: &mut Memory,
    now: u64,
) -> Result<(String, Facts), Trouble> {
    // An authorization becomes valid a moment before its order becomes ready.
    let mut order = poll(house, client, url, &["pending"]).await?;
    if order["status"] == "ready" {
        let key = memory.order_key.take().map_or_else(Key::generate, Ok)?;
        let request = data_encoding::BASE64URL_NOPAD.encode(&issue::request(&key, names)?);
        memory.order_key = Some(key);
        // Before the authority signs: a certificate whose key is lost is of no use, and counts against its limits.
        memory.save()?;
        let finalize = order["finalize"]
            .as_str()
            .ok_or_else(|| Trouble::new("the order has no `finalize`"))?;
        client.post(finalize, Some(&json!({"csr": request}))).await?;
        order = poll(house, client, url, &["ready", "processing"]).await?;
    } else if order["status"] == "processing" {
        order = poll(house, client, url, &["processing"]).await?;
    }
    if order["status"] != "valid" {
        let mut trouble = problem_in(&order["error"]);
        trouble.message = format!("the order has failed: {}", trouble.message);
        return Err(trouble);
    }
    let place = order["certificate"]
        .as_str()
        .ok_or_else(|| Trouble::new("the order has no certificate"))?;
    let text = client.chain(place).await?;
    let key = memory
        .order_key
        .as_ref()
        .ok_or_else(|| Trouble::finally("the key of the order is lost"))?;
    look_at(&text, key, names, now).map_err(|what| {
        Trouble::finally(format!(
            "{}: the certificate that came cannot be used: {what}",
            printable(place)
        ))
    })
}

/// Whether a chain is what was asked for: its file, and what it says.
fn look_at(text: &[u8], key: &Key, names: &[String], now: u64) -> Result<(String, Facts), String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).take(CHAIN + 1).collect();
    let chain = chain.map_err(|_| "it is no PEM".to_owned())?;
    let leaf = chain.first().ok_or("there is none in it")?;
    if chain.len() > CHAIN {
        return Err(format!("its chain is longer than {CHAIN}"));
    }
    if der::public_key(leaf) != Some(key.public().as_slice()) {
        return Err("it is for another key".to_owned());
    }
    let facts = Facts::read(leaf).ok_or("it cannot be read")?;
    if let Some(missing) = names.iter().find(|name| !facts.names.contains(name)) {
        return Err(format!("it is not for {missing}"));
    }
    if facts.until <= now {
        return Err(format!("it is over since {}", write_time(facts.until)));
    }
    // Written anew: nothing else of what came gets into the file.
    let mut file: String = chain.iter().map(|one| certificate_pem(one)).collect();
    file.push_str(&key_pem(key));
    Ok((file, facts))
}
