//! The authority of our own and the certificate that it signs, on disk.
//!
//! Two files in the state folder, each with a private key and for nobody else to read: `authority.pem`, which is
//! made once and kept, because its certificate is what people have their devices trust; and `own.pem`, which is
//! renewed by itself. Each is replaced whole, so there is never a key beside another's certificate.
//!
//! The authority may sign for the server's name, for the zones at hand when it was made, and for private addresses:
//! all of them and not only those of today, because routers and subnets are exchanged, and a certificate for an
//! address that everybody may use harms nobody who is elsewhere. Where it cannot sign for what is wanted, that is
//! told, and only a person's command replaces it.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXUPPER};
use ipnet::IpNet;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::issue::{self, Key, Lifetime, Unusable};
use super::plan::{self, Why};
use super::read::{Facts, Permitted, is_at_or_below};
use crate::config::limits;
use crate::store::disk;
use crate::upstream::der;
use crate::zone::master::civil::{CLOCK_FLOOR, write_time};

/// File of the authority.
const AUTHORITY: &str = "authority.pem";
/// File of the certificate.
const OWN: &str = "own.pem";
/// Largest file that is read.
const MAX_BYTES: u64 = limits::CERTIFICATE_FILE.default;
/// Lifetimes in seconds.
const LIFE: u64 = limits::OWN_DAYS.default_time().as_secs();
const BACKDATED: u64 = limits::OWN_BACKDATED.default_time().as_secs();
const AUTHORITY_LIFE: u64 = limits::AUTHORITY_DAYS.default_time().as_secs();
/// Domains in a constraint.
const DOMAINS: usize = limits::AUTHORITY_NAMES.default_usize();
/// A domain that nobody has (RFC 6761, 6.4). Without any domain in it, a constraint would allow all.
const NO_DOMAIN: &str = "invalid";
/// Addresses that anybody may use in a house (RFC 1918, RFC 6598, RFC 4193), and the host itself.
const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "::1/128",
];

/// What a certificate must be for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Host names, without closing dot; `*.` in front stands for all names below.
    pub names: Vec<String>,
    /// Addresses of the server.
    pub addresses: Vec<IpAddr>,
    /// Domains that an authority may sign for as well, should it be made now.
    pub zones: Vec<String>,
}

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Nothing: only what is due is done.
    Nothing,
    /// A new certificate.
    Certificate,
    /// A new authority, which no device trusts yet, and a certificate of it.
    Authority,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file to look at.
    pub file: PathBuf,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.message)
    }
}

impl std::error::Error for Problem {}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The authority's certificate in DER.
    pub authority: Option<Vec<u8>>,
    /// What the certificate says.
    pub certificate: Option<Facts>,
    /// Names and addresses that the authority may not sign for.
    pub left_out: Vec<String>,
    /// Zones that it may not sign for. Nothing is wrong with that until a name in them is wanted.
    pub zones_left_out: Vec<String>,
    /// Whether the authority was made just now.
    pub is_authority_new: bool,
    /// Why the certificate was made just now.
    pub made: Option<Why>,
    /// What stands in the way, if anything does.
    pub problem: Option<Problem>,
}

/// The file of the authority in this folder.
#[must_use]
pub fn authority_file(folder: &Path) -> PathBuf {
    folder.join(AUTHORITY)
}

/// SHA-256 of a certificate as people compare it.
#[must_use]
pub fn fingerprint(certificate: &[u8]) -> String {
    let sum = ring::digest::digest(&ring::digest::SHA256, certificate);
    let pairs: Vec<String> = sum
        .as_ref()
        .iter()
        .map(|byte| HEXUPPER.encode(&[*byte]))
        .collect();
    pairs.join(":")
}

/// A certificate in PEM (RFC 7468).
#[must_use]
pub fn certificate_pem(certificate: &[u8]) -> String {
    pem("CERTIFICATE", certificate)
}

/// A private key in PEM (RFC 7468, 10).
#[must_use]
pub fn key_pem(key: &Key) -> String {
    pem("PRIVATE KEY", key.pkcs8())
}

fn pem(label: &str, bytes: &[u8]) -> String {
    let text = BASE64.encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// A certificate with its key, from one file.
struct Pair {
    certificate: Vec<u8>,
    key: Key,
}

/// Makes what is due or asked for in this folder, and says how things stand. `now` is Unix time in seconds.
#[must_use]
pub fn tend(folder: &Path, wanted: &Wanted, ask: Ask, now: u64) -> Standing {
    let mut standing = Standing::default();
    if let Err(problem) = tend_to(&mut standing, folder, wanted, ask, now) {
        standing.problem = Some(problem);
    }
    standing
}

fn tend_to(
    standing: &mut Standing,
    folder: &Path,
    wanted: &Wanted,
    ask: Ask,
    now: u64,
) -> Result<(), Problem> {
    let (of_authority, of_own) = (folder.join(AUTHORITY), folder.join(OWN));
    let at = |file: &Path| {
        let file = file.to_owned();
        move |message: String| Problem { file, message }
    };
    let held = read_pair(&of_own);
    standing.certificate = held
        .as_ref()
        .ok()
        .and_then(|pair| Facts::read(&pair.as_ref()?.certificate));
    let is_set = plan::is_clock_set(now);
    let wait_for_clock = || plan::WAITS_FOR_CLOCK.to_owned();
    let authority = match read_pair(&of_authority) {
        Ok(Some(pair)) if ask != Ask::Authority => pair,
        Err(message) if ask != Ask::Authority => {
            let way_out =
                "bring it back from a copy, or make a new one with `dnsctl certificate authority --replace`";
            return Err(at(&of_authority)(format!("{message}; {way_out}")));
        }
        _ if !is_set => return Err(at(&of_authority)(wait_for_clock())),
        _ => {
            let pair = new_authority(wanted, now).map_err(|error| at(&of_authority)(error.to_string()))?;
            write_pair(folder, &of_authority, &pair)?;
            standing.is_authority_new = true;
            pair
        }
    };
    standing.authority = Some(authority.certificate.clone());
    let permitted = Permitted::read(&authority.certificate);
    let permitted =
        permitted.ok_or_else(|| at(&of_authority)(format!("holds no authority of ours; {REPLACE}")))?;
    let (names, addresses) = covered(wanted, &permitted, &mut standing.left_out);
    let is_left_out = |zone: &&String| !permitted.allows_name(zone);
    standing.zones_left_out = wanted.zones.iter().filter(is_left_out).cloned().collect();

    let issued_by = |pair: &Pair| {
        let issuer = der::issuer_and_subject(&pair.certificate).map(|(issuer, _)| issuer);
        let subject = der::issuer_and_subject(&authority.certificate).map(|(_, subject)| subject);
        issuer.is_some() && issuer == subject
    };
    let why = match (&held, &standing.certificate) {
        _ if ask == Ask::Certificate => Some(Why::Asked),
        (Ok(Some(pair)), Some(facts)) => {
            if issued_by(pair) {
                plan::due(facts, is_for(facts, &names, &addresses), now)
            } else {
                Some(Why::Authority)
            }
        }
        _ => Some(Why::Missing),
    };
    let Some(why) = why else { return Ok(()) };
    if !is_set {
        return Err(at(&of_own)(wait_for_clock()));
    }
    let authority_life = der::validity(&authority.certificate).unwrap_or_default();
    if authority_life.1 <= now {
        let message = format!(
            "the authority is over since {}; {REPLACE}",
            write_time(authority_life.1)
        );
        return Err(at(&of_authority)(message));
    }
    let from = now.saturating_sub(BACKDATED).max(authority_life.0);
    let life = Lifetime {
        from,
        // Both ends belong to it (RFC 5280, 4.1.2.5).
        until: (from + LIFE - 1).min(authority_life.1),
    };
    // The key stays: clients may know it by its hash, and where it lies lies the authority's as well.
    let key = held.ok().flatten().map(|pair| pair.key);
    let issued = issue_leaf(key, &names, &addresses, life, &authority);
    let pair = issued.map_err(|error| at(&of_own)(error.to_string()))?;
    write_pair(folder, &of_own, &pair)?;
    standing.certificate = Facts::read(&pair.certificate);
    standing.made = Some(why);
    Ok(())
}

/// The way out where the authority is of no use any more.
const REPLACE: &str =
    "make a new one with `dnsctl certificate authority --replace`, and have devices trust that";

fn issue_leaf(
    key: Option<Key>,
    names: &[String],
    addresses: &[IpAddr],
    life: Lifetime,
    authority: &Pair,
) -> Result<Pair, Unusable> {
    let key = key.map_or_else(Key::generate, Ok)?;
    let by = (authority.certificate.as_slice(), &authority.key);
    let certificate = issue::leaf(&key, names, addresses, life, by)?;
    Ok(Pair { certificate, key })
}

fn new_authority(wanted: &Wanted, now: u64) -> Result<Pair, Unusable> {
    let key = Key::generate()?;
    let own = wanted.names.iter().filter(|name| !name.starts_with('*'));
    let mut domains: Vec<String> = Vec::new();
    for domain in own.chain(&wanted.zones) {
        if domains.len() < DOMAINS && !domains.iter().any(|held| is_at_or_below(domain, held)) {
            domains.retain(|held| !is_at_or_below(held, domain));
            domains.push(domain.clone());
        }
    }
    let known_by = domains.first().map_or_else(|| "at home".to_owned(), Clone::clone);
    if domains.is_empty() {
        domains.push(NO_DOMAIN.to_owned());
    }
    let mut prefixes: Vec<IpNet> = PRIVATE.iter().filter_map(|prefix| prefix.parse().ok()).collect();
    for address in &wanted.addresses {
        if !prefixes.iter().any(|prefix| prefix.contains(address)) {
            prefixes.push(IpNet::from(*address));
        }
    }
    // An authority that follows another must not have its name: clients find authorities by it.
    let mark: String = HEXUPPER.encode(&key.identifier()).chars().take(6).collect();
    // Devices' lists of authorities show the beginning.
    let name = format!("HearthDNS {mark} {known_by}");
    let life = Lifetime {
        from: CLOCK_FLOOR,
        until: now + AUTHORITY_LIFE,
    };
    let certificate = issue::authority(&key, &name, &Permitted { domains, prefixes }, life)?;
    Ok(Pair { certificate, key })
}

/// What of the wanted names and addresses the authority may sign for; the rest is noted.
fn covered(wanted: &Wanted, permitted: &Permitted, left_out: &mut Vec<String>) -> (Vec<String>, Vec<IpAddr>) {
    let mut names = Vec::new();
    for name in &wanted.names {
        if permitted.allows_name(name) {
            names.push(name.clone());
        } else {
            left_out.push(name.clone());
        }
    }
    let mut addresses = Vec::new();
    for address in &wanted.addresses {
        if permitted.allows_address(*address) {
            addresses.push(*address);
        } else {
            left_out.push(address.to_string());
        }
    }
    (names, addresses)
}

/// Whether a certificate is for exactly these, in whatever order.
fn is_for(facts: &Facts, names: &[String], addresses: &[IpAddr]) -> bool {
    facts.names.len() == names.len()
        && facts.addresses.len() == addresses.len()
        && names.iter().all(|name| facts.names.contains(name))
        && addresses.iter().all(|address| facts.addresses.contains(address))
}

/// The certificate and the key in a file; `None` where there is none.
fn read_pair(file: &Path) -> Result<Option<Pair>, String> {
    let text = match disk::read(file, MAX_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    // What cannot be read is not quoted: it may be a part of the key.
    let certificate =
        CertificateDer::from_pem_slice(&text).map_err(|_| "holds no certificate in PEM".to_owned())?;
    let key =
        PrivatePkcs8KeyDer::from_pem_slice(&text).map_err(|_| "holds no private key in PEM".to_owned())?;
    let key = Key::read(key.secret_pkcs8_der()).map_err(|error| error.to_string())?;
    if der::public_key(&certificate) != Some(key.public().as_slice()) {
        return Err("the private key is not that of the certificate".to_owned());
    }
    Ok(Some(Pair {
        certificate: certificate.to_vec(),
        key,
    }))
}

fn write_pair(folder: &Path, file: &Path, pair: &Pair) -> Result<(), Problem> {
    let text = format!("{}{}", certificate_pem(&pair.certificate), key_pem(&pair.key));
    let failed = |error: io::Error| Problem {
        file: file.to_owned(),
        message: format!("cannot be written: {error}"),
    };
    disk::make_folder(folder, 0o700).map_err(failed)?;
    disk::replace_private(file, text.as_bytes()).map_err(|failure| failed(failure.error))
}

#[cfg(test)]
mod tests;
