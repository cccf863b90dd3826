//! Keys, and what is signed with them: an authority, a server's certificate, a request for one (RFC 5280, RFC 2986,
//! RFC 8737). Values in, DER out.
//!
//! All keys are of P-256, which every client knows. A certificate has the few parts that clients look at, in the
//! order that DER wants; nothing optional stands in it that somebody might read differently.

use std::net::IpAddr;

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::read::{self, DNS_NAME, IP_ADDRESS, PERMITTED, Permitted};
use crate::upstream::der::{self, INTEGER, OBJECT, OCTET_STRING, SEQUENCE};
use crate::zone::master::civil::write_stamp;

/// Tags that are only written.
const BOOLEAN: u8 = 0x01;
const BIT_STRING: u8 = 0x03;
const UTF8_STRING: u8 = 0x0c;
const GENERALIZED_TIME: u8 = 0x18;
const UTC_TIME: u8 = 0x17;
const SET: u8 = 0x31;
/// Context tags of a certificate (RFC 5280, 4.1) and of a request (RFC 2986, 4).
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const ATTRIBUTES: u8 = 0xa0;
/// The key identifier of an authority (RFC 5280, 4.2.1.1).
const AUTHORITY_KEY: u8 = 0x80;

/// Object identifiers, without tag and length.
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
const SUBJECT_KEY: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const ACME_IDENTIFIER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f];

/// keyCertSign alone, and digitalSignature alone (RFC 5280, 4.2.1.3), as bits with the count of unused ones in front.
const SIGNS_CERTIFICATES: &[u8] = &[2, 0b0000_0100];
const SIGNS_HANDSHAKES: &[u8] = &[7, 0b1000_0000];
/// The first Unix second that does not fit a UTCTime (RFC 5280, 4.1.2.5): 2050.
const YEAR_2050: u64 = 2_524_608_000;

/// Why nothing was made: the system has no randomness, or the key is none. Says nothing about the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusable(&'static str);

impl Unusable {
    /// It is no key of P-256.
    pub(super) const KEY: Self = Unusable("the key is no P-256 key in PKCS #8");
    /// The system gives none.
    pub(super) const RANDOMNESS: Self = Unusable("the system has no randomness");
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unusable {}

/// From when until when something is good, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// The first second.
    pub from: u64,
    /// The last second.
    pub until: u64,
}

/// A private key.
pub struct Key {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate() -> Result<Self, Unusable> {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random);
        let made = made.map_err(|_| Unusable::RANDOMNESS)?;
        Self::read(made.as_ref())
    }

    /// One that is there already, in PKCS #8.
    ///
    /// # Errors
    /// It is no key of P-256.
    pub fn read(pkcs8: &[u8]) -> Result<Self, Unusable> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new());
        Ok(Key {
            pair: pair.map_err(|_| Unusable::KEY)?,
            pkcs8: pkcs8.to_vec(),
        })
    }

    /// It in PKCS #8, for its file.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half as certificates hold it (RFC 5280, 4.1.2.7; RFC 5480).
    #[must_use]
    pub fn public(&self) -> Vec<u8> {
        let algorithm = sequence(&[tlv(OBJECT, EC_PUBLIC_KEY), tlv(OBJECT, P256)]);
        sequence(&[algorithm, bits(self.pair.public_key().as_ref())])
    }

    /// What other certificates call it by: 160 bits of its hash (RFC 7093, 2).
    #[must_use]
    pub fn identifier(&self) -> Vec<u8> {
        let mut sum = digest(&SHA256, self.pair.public_key().as_ref()).as_ref().to_vec();
        sum.truncate(20);
        sum
    }

    /// What is to be signed with the signature behind it.
    fn sign(&self, content: Vec<u8>) -> Result<Vec<u8>, Unusable> {
        let signature = self.pair.sign(&SystemRandom::new(), &content);
        let signature = signature.map_err(|_| Unusable::RANDOMNESS)?;
        Ok(sequence(&[content, algorithm(), bits(signature.as_ref())]))
    }
}

/// The certificate of an authority that signs servers' certificates for these names and addresses only. Whoever
/// steals its key can pretend to be nobody else.
///
/// # Errors
/// See [`Unusable`].
pub fn authority(key: &Key, name: &str, permitted: &Permitted, life: Lifetime) -> Result<Vec<u8>, Unusable> {
    let domains = permitted
        .domains
        .iter()
        .map(|domain| tlv(DNS_NAME, domain.as_bytes()));
    let prefixes = permitted.prefixes.iter().map(|prefix| {
        tlv(
            IP_ADDRESS,
            &[octets(prefix.network()), octets(prefix.netmask())].concat(),
        )
    });
    let subtrees: Vec<Vec<u8>> = domains.chain(prefixes).map(|name| sequence(&[name])).collect();
    let name = common_name(name);
    let extensions = [
        extension(SUBJECT_KEY, false, tlv(OCTET_STRING, &key.identifier())),
        // An authority, below which no other stands.
        extension(
            BASIC_CONSTRAINTS,
            true,
            sequence(&[tlv(BOOLEAN, &[0xff]), tlv(INTEGER, &[0])]),
        ),
        extension(KEY_USAGE, true, tlv(BIT_STRING, SIGNS_CERTIFICATES)),
        extension(EXTENDED_KEY_USAGE, false, sequence(&[tlv(OBJECT, SERVER_AUTH)])),
        extension(
            read::NAME_CONSTRAINTS,
            true,
            sequence(&[tlv(PERMITTED, &subtrees.concat())]),
        ),
    ];
    key.sign(to_be_signed(&name, &name, life, &key.public(), &extensions)?)
}

/// A server's certificate, signed by an authority of ours; that one's certificate says how it is called.
///
/// # Errors
/// See [`Unusable`].
pub fn leaf(
    key: &Key,
    names: &[String],
    addresses: &[IpAddr],
    life: Lifetime,
    (authority, authority_key): (&[u8], &Key),
) -> Result<Vec<u8>, Unusable> {
    let issuer = der::issuer_and_subject(authority);
    let (_, issuer) = issuer.ok_or(Unusable("the authority's certificate cannot be read"))?;
    let identifier = tlv(AUTHORITY_KEY, &authority_key.identifier());
    let mut extensions = vec![
        extension(AUTHORITY_KEY_IDENTIFIER, false, sequence(&[identifier])),
        extension(KEY_USAGE, true, tlv(BIT_STRING, SIGNS_HANDSHAKES)),
        extension(EXTENDED_KEY_USAGE, false, sequence(&[tlv(OBJECT, SERVER_AUTH)])),
    ];
    extensions.push(alternative_names(names, addresses));
    // Some show the subject to people, and some want one.
    let subject = common_name(names.first().map_or("HearthDNS", String::as_str));
    authority_key.sign(to_be_signed(issuer, &subject, life, &key.public(), &extensions)?)
}

/// A request for a certificate (RFC 2986) for these host names.
///
/// # Errors
/// See [`Unusable`].
pub fn request(key: &Key, names: &[String]) -> Result<Vec<u8>, Unusable> {
    let extensions = sequence(&[alternative_names(names, &[])]);
    let attribute = sequence(&[tlv(OBJECT, EXTENSION_REQUEST), tlv(SET, &extensions)]);
    let content = [
        tlv(INTEGER, &[0]),
        sequence(&[]),
        key.public(),
        tlv(ATTRIBUTES, &attribute),
    ];
    key.sign(sequence(&content))
}

/// The certificate that proves a name in a handshake with `acme-tls/1` (RFC 8737, 3): it holds the digest of the
/// key authorization, and nobody believes it for anything else.
///
/// # Errors
/// See [`Unusable`].
pub fn proof(key: &Key, name: &str, sum: &[u8], life: Lifetime) -> Result<Vec<u8>, Unusable> {
    let extensions = [
        alternative_names(&[name.to_owned()], &[]),
        extension(ACME_IDENTIFIER, true, tlv(OCTET_STRING, sum)),
    ];
    let subject = common_name(name);
    key.sign(to_be_signed(
        &subject,
        &subject,
        life,
        &key.public(),
        &extensions,
    )?)
}

/// The TBSCertificate (RFC 5280, 4.1.2).
fn to_be_signed(
    issuer: &[u8],
    subject: &[u8],
    life: Lifetime,
    public: &[u8],
    extensions: &[Vec<u8>],
) -> Result<Vec<u8>, Unusable> {
    let mut serial = [0; 16];
    let filled = SystemRandom::new().fill(&mut serial);
    filled.map_err(|_| Unusable::RANDOMNESS)?;
    // Positive, and without a zero in front.
    serial[0] = serial[0] & 0x7f | 0x40;
    let validity = sequence(&[time(life.from), time(life.until)]);
    Ok(sequence(&[
        tlv(VERSION, &tlv(INTEGER, &[2])),
        tlv(INTEGER, &serial),
        algorithm(),
        issuer.to_vec(),
        validity,
        subject.to_vec(),
        public.to_vec(),
        tlv(EXTENSIONS, &sequence(extensions)),
    ]))
}

fn algorithm() -> Vec<u8> {
    sequence(&[tlv(OBJECT, ECDSA_SHA256)])
}

/// A name that is a common name and nothing else.
fn common_name(text: &str) -> Vec<u8> {
    // RFC 5280, A.1: no longer than 64 characters.
    let text: String = text.chars().take(64).collect();
    let pair = sequence(&[tlv(OBJECT, read::COMMON_NAME), tlv(UTF8_STRING, text.as_bytes())]);
    sequence(&[tlv(SET, &pair)])
}

fn alternative_names(names: &[String], addresses: &[IpAddr]) -> Vec<u8> {
    let names = names.iter().map(|name| tlv(DNS_NAME, name.as_bytes()));
    let addresses = addresses.iter().map(|address| tlv(IP_ADDRESS, &octets(*address)));
    let all: Vec<Vec<u8>> = names.chain(addresses).collect();
    extension(read::ALTERNATIVE_NAMES, false, sequence(&all))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn extension(identifier: &[u8], is_critical: bool, value: Vec<u8>) -> Vec<u8> {
    let mut parts = vec![tlv(OBJECT, identifier)];
    if is_critical {
        parts.push(tlv(BOOLEAN, &[0xff]));
    }
    parts.push(tlv(OCTET_STRING, &value));
    sequence(&parts)
}

/// A time in the form that its year asks for (RFC 5280, 4.1.2.5).
fn time(seconds: u64) -> Vec<u8> {
    let stamp = format!("{}Z", write_stamp(seconds));
    match stamp.split_at_checked(2) {
        Some((_, short)) if seconds < YEAR_2050 => tlv(UTC_TIME, short.as_bytes()),
        _ => tlv(GENERALIZED_TIME, stamp.as_bytes()),
    }
}

/// A bit string of whole bytes.
fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], bytes].concat())
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

/// Tag, length in its shortest form, value (X.690, 10.1).
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = value.len().to_be_bytes();
    match value.len() {
        short @ 0..=0x7f => out.push(short as u8),
        _ => {
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            let digits = length.get(zeros..).unwrap_or_default();
            out.push(0x80 | digits.len() as u8);
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(value);
    out
}
