//! Challenges: which of those that an authority offers is taken, and what proves it (RFC 8555, 8; RFC 8737;
//! draft-ietf-acme-dns-persist).

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::client::{Trouble, printable};
use super::jose::AccountKey;
use crate::config::{AcmeChallenge, limits};

/// Challenges of one authorization that are looked at.
const OFFERED: usize = limits::ACME_CHALLENGES.default_usize();
/// Longest token that is taken; RFC 8555, 8.1 asks for 22 characters.
const TOKEN: usize = 255;

/// A way to prove a name, as authorities call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A TXT record that is another each time (RFC 8555, 8.4).
    Dns,
    /// A TXT record that stays.
    Persistent,
    /// A handshake (RFC 8737).
    Handshake,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns-01",
            Self::Persistent => "dns-persist-01",
            Self::Handshake => "tls-alpn-01",
        }
    }
}

/// What proves one authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// How.
    pub kind: Kind,
    /// The name to prove, without `*.`.
    pub domain: String,
    /// Where the TXT record stands, without closing dot; for a handshake the name that is asked for.
    pub owner: String,
    /// What the TXT record says; for a handshake nothing.
    pub text: String,
    /// The hashed key authorization; empty where the record stays.
    pub sum: Vec<u8>,
    /// Whether all names below are meant.
    pub is_wildcard: bool,
    /// Names of the authority, any of which may stand in a record that stays.
    issuers: Vec<String>,
    /// The account in a record that stays.
    account: String,
    /// Where to tell the authority that it may look.
    pub(super) url: String,
}

impl Proof {
    /// One of nothing yet.
    pub(in super::super) fn new(kind: Kind) -> Self {
        Proof {
            kind,
            domain: String::new(),
            owner: String::new(),
            text: String::new(),
            sum: Vec::new(),
            is_wildcard: false,
            issuers: Vec::new(),
            account: String::new(),
            url: String::new(),
        }
    }

    /// Whether one of these TXT records in public DNS proves it.
    #[must_use]
    pub fn is_among(&self, texts: &[String]) -> bool {
        match self.kind {
            Kind::Persistent => texts.iter().any(|text| self.stays_in(text)),
            _ => texts.contains(&self.text),
        }
    }

    /// A person may have added parameters, such as `persistUntil`, or the words of another order.
    fn stays_in(&self, text: &str) -> bool {
        let mut parts = text.split(';').map(str::trim);
        let issuer = parts.next().unwrap_or_default();
        let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let has = |key: &str, is_it: &dyn Fn(&str) -> bool| {
            parameters
                .iter()
                .any(|(found, value)| found.eq_ignore_ascii_case(key) && is_it(value))
        };
        self.issuers
            .iter()
            .any(|known| known.eq_ignore_ascii_case(issuer.trim_end_matches('.')))
            && has("accounturi", &|value| value == self.account)
            && (!self.is_wildcard || has("policy", &|value| value.eq_ignore_ascii_case("wildcard")))
    }
}

/// The proof of one authorization by the way that the configuration wants. `any_wildcard`: whether the order has a
/// wildcard for the same name, so that one record serves both.
pub(super) fn choose(
    authorization: &Value,
    way: &AcmeChallenge,
    any_wildcard: bool,
    key: &AccountKey,
    account: &str,
) -> Result<Proof, Trouble> {
    let domain = authorization["identifier"]["value"].as_str().unwrap_or_default();
    let domain = domain.strip_prefix("*.").unwrap_or(domain).to_owned();
    let all = authorization["challenges"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let offered = || all.iter().take(OFFERED);
    let wanted: &[Kind] = match way {
        // The one that a person need add only once comes first.
        AcmeChallenge::Print => &[Kind::Persistent, Kind::Dns],
        AcmeChallenge::Persist => &[Kind::Persistent],
        AcmeChallenge::Hook(_) | AcmeChallenge::Zone | AcmeChallenge::Cname(_) => &[Kind::Dns],
        AcmeChallenge::TlsAlpn => &[Kind::Handshake],
    };
    let found = wanted.iter().find_map(|kind| {
        let challenge = offered().find(|challenge| challenge["type"] == kind.as_str());
        challenge.map(|challenge| (*kind, challenge))
    });
    let Some((kind, challenge)) = found else {
        let there: Vec<String> = offered()
            .filter_map(|challenge| challenge["type"].as_str())
            .map(printable)
            .collect();
        let wanted: Vec<&str> = wanted.iter().map(|kind| kind.as_str()).collect();
        return Err(Trouble::new(format!(
            "the authority does not offer {} for {}, but {}; choose another `challenge`",
            wanted.join(" or "),
            printable(&domain),
            if there.is_empty() {
                "nothing".to_owned()
            } else {
                there.join(", ")
            }
        )));
    };
    let bad = |what: &str| Trouble::new(format!("the authority's {} challenge {what}", kind.as_str()));
    let url = challenge["url"]
        .as_str()
        .ok_or_else(|| bad("has no URL"))?
        .to_owned();
    let mut proof = Proof {
        owner: domain.clone(),
        is_wildcard: authorization["wildcard"] == true || any_wildcard,
        domain,
        account: account.to_owned(),
        url,
        ..Proof::new(kind)
    };
    if kind == Kind::Persistent {
        let names = challenge["issuer-domain-names"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let names = names
            .iter()
            .take(OFFERED)
            .filter_map(Value::as_str)
            .filter(|name| is_plain(name));
        proof.issuers = names.map(|name| name.trim_end_matches('.').to_owned()).collect();
        // Later drafts name the account here; it must be ours by any name.
        if let Some(account) = challenge["accounturi"].as_str() {
            proof.account = account.to_owned();
        }
        if !is_plain(&proof.account) {
            return Err(bad("names an account that cannot stand in a TXT record"));
        }
        let issuer = proof.issuers.first().ok_or_else(|| bad("names no issuer"))?;
        let policy = if proof.is_wildcard {
            "; policy=wildcard"
        } else {
            ""
        };
        proof.owner = format!("_validation-persist.{}", proof.domain);
        proof.text = format!("{issuer}; accounturi={}{policy}", proof.account);
        return Ok(proof);
    }
    let token = challenge["token"].as_str().unwrap_or_default();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if token.is_empty() || token.len() > TOKEN || !token.bytes().all(is_token) {
        return Err(bad("has no token that can be used"));
    }
    proof.sum = key.authorization(token);
    if kind == Kind::Dns {
        proof.owner = format!("_acme-challenge.{}", proof.domain);
        proof.text = BASE64URL_NOPAD.encode(&proof.sum);
    }
    Ok(proof)
}

/// A word that can stand in a TXT record between semicolons.
fn is_plain(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b'"' | b'\\'))
}
