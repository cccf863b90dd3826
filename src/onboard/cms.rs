//! A profile signed by the server's certificate (CMS, RFC 5652), so that a device shows it as verified.
//!
//! One signer, the content inside, the chain beside it, and the two signed attributes that RFC 5652, 11 asks for. The key
//! stays where it is: the caller signs. What is read of the certificate is its issuer and serial number.

use ring::digest::{self, SHA256, SHA384};

/// How the signature is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, PKCS #1 1.5, with SHA-256.
    RsaSha256,
    /// ECDSA with SHA-256, as DER.
    EcdsaSha256,
    /// ECDSA with SHA-384, as DER.
    EcdsaSha384,
}

// Object identifiers, encoded.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA_384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ECDSA_SHA_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ECDSA_SHA_384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];

// Tags.
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0xa0;

/// Signs `content`. `chain` holds certificates in DER, that of the key first; `sign` makes a signature of these bytes
/// with that key, by that algorithm.
///
/// None where the first certificate cannot be read, or `sign` gives none.
pub fn sign(
    content: &[u8],
    chain: &[&[u8]],
    algorithm: Algorithm,
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let (issuer, serial) = issuer_and_serial(chain.first()?)?;
    let hash = match algorithm {
        Algorithm::EcdsaSha384 => digest::digest(&SHA384, content),
        Algorithm::RsaSha256 | Algorithm::EcdsaSha256 => digest::digest(&SHA256, content),
    };
    let hashed_by = match algorithm {
        Algorithm::EcdsaSha384 => tlv(SEQUENCE, &[&tlv(OID, &[SHA_384])]),
        Algorithm::RsaSha256 | Algorithm::EcdsaSha256 => tlv(SEQUENCE, &[&tlv(OID, &[SHA_256])]),
    };
    let signed_by = match algorithm {
        // RFC 3370, 3.2: with parameters NULL; the digest stands in the signer's other field.
        Algorithm::RsaSha256 => tlv(SEQUENCE, &[&tlv(OID, &[RSA_ENCRYPTION]), &tlv(NULL, &[])]),
        Algorithm::EcdsaSha256 => tlv(SEQUENCE, &[&tlv(OID, &[ECDSA_SHA_256])]),
        Algorithm::EcdsaSha384 => tlv(SEQUENCE, &[&tlv(OID, &[ECDSA_SHA_384])]),
    };
    // In the order that DER wants of a set: the shorter one is the smaller one here.
    let attributes = [
        attribute(CONTENT_TYPE, &tlv(OID, &[DATA])),
        attribute(MESSAGE_DIGEST, &tlv(OCTET_STRING, &[hash.as_ref()])),
    ]
    .concat();
    // RFC 5652, 5.4: signed is the set as such, not the field that stands in the message.
    let signature = sign(&tlv(SET, &[&attributes]))?;
    let version = tlv(INTEGER, &[&[1]]);
    let signer = tlv(
        SEQUENCE,
        &[
            &version,
            &tlv(SEQUENCE, &[issuer, serial]),
            &hashed_by,
            &tlv(CONTEXT_0, &[&attributes]),
            &signed_by,
            &tlv(OCTET_STRING, &[&signature]),
        ],
    );
    let inside = tlv(
        SEQUENCE,
        &[
            &tlv(OID, &[DATA]),
            &tlv(CONTEXT_0, &[&tlv(OCTET_STRING, &[content])]),
        ],
    );
    let signed = tlv(
        SEQUENCE,
        &[
            &version,
            &tlv(SET, &[&hashed_by]),
            &inside,
            &tlv(CONTEXT_0, chain),
            &tlv(SET, &[&signer]),
        ],
    );
    Some(tlv(
        SEQUENCE,
        &[&tlv(OID, &[SIGNED_DATA]), &tlv(CONTEXT_0, &[&signed])],
    ))
}

fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(OID, &[kind]), &tlv(SET, &[value])])
}

/// One element: tag, length, and these parts.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(len + 6);
    out.push(tag);
    match u8::try_from(len) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = len.to_be_bytes();
            let bytes = bytes.iter().skip_while(|byte| **byte == 0);
            // A length has at most eight bytes.
            out.push(0x80 + bytes.clone().count() as u8);
            out.extend(bytes);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// Issuer and serial number of a certificate (RFC 5280, 4.1), each as the whole element.
fn issuer_and_serial(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, certificate, _) = element(certificate, SEQUENCE)?;
    let (_, mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&CONTEXT_0) {
        rest = element(rest, CONTEXT_0)?.2;
    }
    let (serial, _, rest) = element(rest, INTEGER)?;
    let (_, _, rest) = element(rest, SEQUENCE)?;
    let (issuer, _, _) = element(rest, SEQUENCE)?;
    Some((issuer, serial))
}

/// The element at the front of `bytes`: all of it, what it holds, and what is behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8], &[u8])> {
    let [found, first, behind @ ..] = bytes else {
        return None;
    };
    if *found != tag {
        return None;
    }
    let (len, head) = match *first {
        short @ 0..=0x7f => (usize::from(short), 0),
        long @ 0x81..=0x84 => {
            let count = usize::from(long - 0x80);
            let digits = behind.get(..count)?;
            let len = digits
                .iter()
                .fold(0usize, |len, digit| len * 256 + usize::from(*digit));
            (len, count)
        }
        _ => return None,
    };
    let inside = behind.get(head..head.checked_add(len)?)?;
    let end = 2 + head + len;
    Some((bytes.get(..end)?, inside, bytes.get(end..)?))
}
