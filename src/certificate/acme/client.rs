//! Talking to an ACME server (RFC 8555): its directory, nonces, signed requests, and what it says when it refuses.
//!
//! How bytes travel is the [`Web`]'s business, so that tests need no network. The server is another's: what it sends
//! is bounded, and of its words only printable ones reach a message.

use std::fmt;
use std::future::Future;
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::super::issue::Unusable;
use super::jose::AccountKey;
use crate::config::{AcmeConfig, limits};
use crate::store::disk;

/// Times that a request is repeated because its nonce was not taken (RFC 8555, 6.5).
const NONCES: usize = limits::ACME_NONCES.default_usize();
/// Longest time that a server may have us wait, in seconds.
const LONGEST_WAIT: u64 = limits::ACME_LONGEST_WAIT.default_time().as_secs();
/// Longest text of a server's in a message.
const LONGEST_TEXT: usize = limits::ACME_TEXT.default_usize();
/// Largest file with the key of an external account.
const SECRET_BYTES: u64 = limits::ACME_EAB_KEY.default;
/// Refusals that may be for the certificate that an order says it follows on.
const REPLACED: &[&str] = &["alreadyReplaced", "malformed", "unauthorized"];
/// What every type of problem begins with (RFC 8555, 6.7).
const PROBLEM: &str = "urn:ietf:params:acme:error:";

/// One HTTP request.
#[derive(Debug, Clone, Copy)]
pub struct Call<'c> {
    /// Its URL.
    pub url: &'c str,
    /// What is asked for.
    pub method: Method<'c>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Method<'c> {
    /// The thing itself.
    Get,
    /// Only the fields of the response.
    Head,
    /// This is sent, as `application/jose+json`.
    Post(&'c str),
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// Status of HTTP.
    pub status: u16,
    /// `Replay-Nonce`.
    pub nonce: Option<String>,
    /// `Location`.
    pub location: Option<String>,
    /// `Retry-After`, where it is a number of seconds.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

/// Carries requests.
pub trait Web {
    /// Sends one and waits for its reply, for a bounded time.
    ///
    /// # Errors
    /// What failed and where, in words.
    fn send(&self, call: Call<'_>) -> impl Future<Output = Result<Reply, String>>;
}

/// Why there is no certificate this time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What failed, where, and what to do.
    pub message: String,
    /// Seconds for which the server wants to be left alone.
    pub retry_after: Option<u64>,
    /// The type of the server's problem without what all begin with, or nothing.
    pub(super) kind: String,
    /// The order is of no use any more.
    pub(super) is_final: bool,
    /// The server says that there is no such thing, in whatever words.
    pub(super) is_gone: bool,
}

impl Trouble {
    /// A trouble that is nobody's problem document.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Trouble {
            message: message.into(),
            retry_after: None,
            kind: String::new(),
            is_final: false,
            is_gone: false,
        }
    }

    /// One after which its order is of no use any more.
    pub(super) fn finally(message: impl Into<String>) -> Self {
        Trouble {
            is_final: true,
            ..Trouble::new(message)
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Trouble {}

impl From<Unusable> for Trouble {
    fn from(error: Unusable) -> Self {
        Trouble::new(error.to_string())
    }
}

/// A conversation with one server.
pub(super) struct Client<'w, W> {
    web: &'w W,
    key: AccountKey,
    account: Option<String>,
    directory: Value,
    nonce: Option<String>,
}

impl<'w, W: Web> Client<'w, W> {
    /// Reads the directory (RFC 8555, 7.1.1). `account`: the account's URL, where it has one already.
    pub(super) async fn open(
        web: &'w W,
        directory: &str,
        key: AccountKey,
        account: Option<String>,
    ) -> Result<Self, Trouble> {
        let call = Call {
            url: directory,
            method: Method::Get,
        };
        let reply = web.send(call).await.map_err(Trouble::new)?;
        let directory = read(directory, &reply)?;
        Ok(Client {
            web,
            key,
            account,
            directory,
            nonce: reply.nonce,
        })
    }

    pub(super) fn key(&self) -> &AccountKey {
        &self.key
    }

    /// The account's URL; none before [`Client::register`].
    pub(super) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Makes the account, or finds the one that this key has (RFC 8555, 7.3), bound to one that was made on the
    /// authority's site where there is one.
    pub(super) async fn register(&mut self, config: &AcmeConfig) -> Result<String, Trouble> {
        let email = config.email.as_deref();
        if config.external.is_none() && self.directory["meta"]["externalAccountRequired"] == true {
            return Err(Trouble::new(
                "this authority gives certificates only to accounts that were made on its own site (external account \
                 binding): write the id and the key that it shows there as `eab_id: ID` and `eab_key_file: FILE`",
            ));
        }
        let mut payload = json!({"termsOfServiceAgreed": true});
        if let Some(external) = &config.external {
            let secret = secret_in(&external.key_file)?;
            let url = self.of_directory("newAccount")?;
            payload["externalAccountBinding"] = self.key.bind(&external.id, &secret, &url);
        }
        if let Some(email) = email {
            payload["contact"] = json!([format!("mailto:{email}")]);
        }
        self.account = None;
        let (_, reply) = self
            .post(&self.of_directory("newAccount")?, Some(&payload))
            .await?;
        let account = reply
            .location
            .ok_or_else(|| Trouble::new("the authority names no account"))?;
        self.account = Some(account.clone());
        Ok(account)
    }

    /// Asks for a new order (RFC 8555, 7.4): its URL and what stands in it. `replaced`: what an authority calls the
    /// certificate that this one follows on; it may lift its limits for that (RFC 9773, 5).
    pub(super) async fn order(
        &mut self,
        names: &[String],
        replaced: Option<&str>,
    ) -> Result<(String, Value), Trouble> {
        let identifiers: Vec<Value> = names
            .iter()
            .map(|name| json!({"type": "dns", "value": name}))
            .collect();
        let mut payload = json!({"identifiers": identifiers});
        let url = self.of_directory("newOrder")?;
        // Only to one that knows the field.
        let replaced = replaced.filter(|_| self.directory["renewalInfo"].is_string());
        if let Some(replaced) = replaced {
            payload["replaces"] = replaced.into();
        }
        let mut ordered = self.post(&url, Some(&payload)).await;
        // It takes another view of what follows on what. That is no reason to have no certificate.
        if let (Err(trouble), Some(_)) = (&ordered, replaced)
            && (trouble.is_gone || REPLACED.contains(&trouble.kind.as_str()))
        {
            payload = json!({"identifiers": identifiers});
            ordered = self.post(&url, Some(&payload)).await;
        }
        let (order, reply) = ordered?;
        let url = reply
            .location
            .ok_or_else(|| Trouble::new("the authority names no order"))?;
        Ok((url, order))
    }

    /// Reads a thing, and says for how long the server wants us to wait before the next time.
    pub(super) async fn fetch(&mut self, url: &str) -> Result<(Value, Option<u64>), Trouble> {
        let (value, reply) = self.post(url, None).await?;
        Ok((value, reply.retry_after))
    }

    /// Reads a chain of certificates (RFC 8555, 7.4.2).
    pub(super) async fn chain(&mut self, url: &str) -> Result<Vec<u8>, Trouble> {
        let reply = self.send(url, None).await?;
        if reply.status != 200 {
            return Err(refusal(url, &reply));
        }
        Ok(reply.body)
    }

    /// Sends a signed request and reads the object that comes back.
    pub(super) async fn post(
        &mut self,
        url: &str,
        payload: Option<&Value>,
    ) -> Result<(Value, Reply), Trouble> {
        let reply = self.send(url, payload).await?;
        Ok((read(url, &reply)?, reply))
    }

    async fn send(&mut self, url: &str, payload: Option<&Value>) -> Result<Reply, Trouble> {
        for _ in 0..NONCES {
            let nonce = match self.nonce.take() {
                Some(nonce) => nonce,
                None => self.new_nonce().await?,
            };
            let body = self.key.sign(self.account.as_deref(), &nonce, url, payload)?;
            let call = Call {
                url,
                method: Method::Post(&body),
            };
            let reply = self.web.send(call).await.map_err(Trouble::new)?;
            // Each reply brings one for the next request, that of a refusal as well.
            self.nonce.clone_from(&reply.nonce);
            if reply.status != 400 || refusal(url, &reply).kind != "badNonce" {
                return Ok(reply);
            }
        }
        Err(Trouble::new(format!(
            "{}: the authority took none of {NONCES} nonces that it gave us itself",
            printable(url)
        )))
    }

    async fn new_nonce(&self) -> Result<String, Trouble> {
        let url = self.of_directory("newNonce")?;
        let call = Call {
            url: &url,
            method: Method::Head,
        };
        let reply = self.web.send(call).await.map_err(Trouble::new)?;
        reply
            .nonce
            .ok_or_else(|| Trouble::new(format!("{}: the authority gives no nonce", printable(&url))))
    }

    fn of_directory(&self, name: &str) -> Result<String, Trouble> {
        let url = self.directory[name].as_str();
        let missing =
            || format!("the directory has no `{name}`; is its URL that of an ACME server (RFC 8555)?");
        url.map(str::to_owned).ok_or_else(|| Trouble::new(missing()))
    }
}

/// The key in a file: base64url with or without padding, as sites show it (RFC 8555, 7.3.4).
fn secret_in(file: &Path) -> Result<Vec<u8>, Trouble> {
    let at = |message: &str| Trouble::new(format!("{}: {message}", file.display()));
    let bytes = disk::read(file, SECRET_BYTES).map_err(|error| at(&format!("cannot be read: {error}")))?;
    // What cannot be read is not quoted: it is a part of the key.
    let text = String::from_utf8(bytes).unwrap_or_default();
    let secret = BASE64URL_NOPAD.decode(text.trim().trim_end_matches('=').as_bytes());
    let secret = secret.ok().filter(|secret| !secret.is_empty());
    secret.ok_or_else(|| at("holds no key in base64url; it is what the authority's site shows beside the id"))
}

/// The object in a reply of success.
pub(super) fn read(url: &str, reply: &Reply) -> Result<Value, Trouble> {
    if !(200..300).contains(&reply.status) {
        return Err(refusal(url, reply));
    }
    let value: Result<Value, _> = serde_json::from_slice(&reply.body);
    match value {
        Ok(value) if value.is_object() => Ok(value),
        _ => Err(Trouble::new(format!(
            "{}: what came is no JSON object; is this an ACME server (RFC 8555)?",
            printable(url)
        ))),
    }
}

/// What a reply of failure says (RFC 8555, 6.7; RFC 9457).
fn refusal(url: &str, reply: &Reply) -> Trouble {
    let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let mut trouble = problem_in(&problem);
    trouble.is_gone = matches!(reply.status, 404 | 410);
    trouble.message = format!("{}: HTTP {}: {}", printable(url), reply.status, trouble.message);
    trouble.retry_after = reply.retry_after.map(|seconds| seconds.min(LONGEST_WAIT));
    trouble
}

/// A problem document: what it says, and what to do.
pub(super) fn problem_in(problem: &Value) -> Trouble {
    let kind = problem["type"].as_str().unwrap_or_default();
    let kind = printable(kind.strip_prefix(PROBLEM).unwrap_or(kind));
    let detail = match problem["detail"].as_str() {
        Some(detail) => printable(detail),
        None => "the authority does not say why".to_owned(),
    };
    let of = problem["subproblems"].as_array().map_or(&[][..], Vec::as_slice);
    let each = of.iter().take(3).filter_map(|one| one["detail"].as_str());
    let mut message: Vec<String> = vec![detail];
    message.extend(each.map(printable));
    let way_out = match kind.as_str() {
        "caa" => "a CAA record in public DNS forbids this authority; change it",
        "rejectedIdentifier" => {
            "it signs for public names only; choose a `name` below a domain that is yours"
        }
        "unauthorized" | "incorrectResponse" | "dns" => {
            "look at what public DNS says of the name, with `dig +trace`"
        }
        "userActionRequired" => "its terms have changed; read them on its site",
        _ => "",
    };
    let mut text = message.join("; ");
    if !kind.is_empty() {
        text.push_str(&format!(" ({kind})"));
    }
    if !way_out.is_empty() {
        text.push_str("; ");
        text.push_str(way_out);
    }
    Trouble {
        message: text,
        retry_after: None,
        kind,
        is_final: false,
        is_gone: false,
    }
}

/// Another's text, made harmless: also a URL, which the server gave us.
pub(super) fn printable(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(LONGEST_TEXT).map(clean).collect()
}
