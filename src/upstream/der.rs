//! Parts of a certificate, found without understanding the rest (RFC 5280, 4.1): two that pins and stamps speak
//! of, from when until when it is good, whose it is, and its extensions. What the latter mean is read in
//! [`crate::certificate`].
//!
//! Everything here may come from a server that has proved nothing yet: each length is checked, nothing recurses.

use crate::zone::master::civil::read_time;

/// Tags of DER (X.690, 8).
pub(crate) const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT: u8 = 0x06;
const EXTENSIONS: u8 = 0xa3;

/// The part that is signed: the TBSCertificate, whole.
pub(super) fn signed_part(certificate: &[u8]) -> Option<&[u8]> {
    let (_, inside, _) = element(certificate, SEQUENCE)?;
    let (whole, _, _) = element(inside, SEQUENCE)?;
    Some(whole)
}

/// The serial number as it is written, a leading zero included (RFC 5280, 4.1.2.2).
#[cfg(feature = "acme")]
pub(crate) fn serial(certificate: &[u8]) -> Option<&[u8]> {
    element(behind(certificate, 0)?, INTEGER).map(|(_, inside, _)| inside)
}

/// The SubjectPublicKeyInfo, whole, as pins are made of it (RFC 7469, 2.4).
pub(crate) fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    // Serial number, signature algorithm, issuer, validity, subject.
    let rest = behind(certificate, 5)?;
    element(rest, SEQUENCE).map(|(whole, _, _)| whole)
}

/// From when until when the certificate is good, in Unix seconds (RFC 5280, 4.1.2.5).
pub(crate) fn validity(certificate: &[u8]) -> Option<(u64, u64)> {
    // Serial number, signature algorithm, issuer.
    let (_, times, _) = element(behind(certificate, 3)?, SEQUENCE)?;
    let (from, rest) = time(times)?;
    let (until, _) = time(rest)?;
    Some((from, until))
}

/// Who has signed it and whose it is: two names, whole.
pub(crate) fn issuer_and_subject(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    // Serial number, signature algorithm; between the two stands the validity.
    let (issuer, _, rest) = element(behind(certificate, 2)?, SEQUENCE)?;
    let (_, _, rest) = element(rest, SEQUENCE)?;
    let (subject, _, _) = element(rest, SEQUENCE)?;
    Some((issuer, subject))
}

/// The value of the extension with this identifier (RFC 5280, 4.2), which is given without tag and length.
pub(crate) fn extension<'c>(certificate: &'c [u8], identifier: &[u8]) -> Option<&'c [u8]> {
    // Serial number, signature algorithm, issuer, validity, subject, key. Unique identifiers, which nobody writes,
    // may stand before the extensions.
    let mut rest = behind(certificate, 6)?;
    let all = loop {
        let tag = *rest.first()?;
        let (_, inside, behind) = element(rest, tag)?;
        if tag == EXTENSIONS {
            break element(inside, SEQUENCE)?.1;
        }
        rest = behind;
    };
    let mut rest = all;
    while !rest.is_empty() {
        let (_, one, behind) = element(rest, SEQUENCE)?;
        rest = behind;
        let (_, name, value) = element(one, OBJECT)?;
        if name == identifier {
            let value = element(value, BOOLEAN).map_or(value, |(_, _, behind)| behind);
            return element(value, OCTET_STRING).map(|(_, inside, _)| inside);
        }
    }
    None
}

/// What stands behind so many fields of the signed part, the version not counted.
fn behind(certificate: &[u8], fields: usize) -> Option<&[u8]> {
    let (_, all, _) = element(signed_part(certificate)?, SEQUENCE)?;
    let mut rest = match element(all, VERSION) {
        Some((_, _, rest)) => rest,
        None => all,
    };
    for _ in 0..fields {
        rest = element(rest, *rest.first()?)?.2;
    }
    Some(rest)
}

/// A time, and what stands behind it.
fn time(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let tag = *bytes.first()?;
    let (_, text, rest) = element(bytes, tag)?;
    let text = std::str::from_utf8(text).ok()?;
    let (year, rest_of_text) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            // RFC 5280, 4.1.2.5.1: 50 to 99 are of the last century.
            let century = if year < "50" { "20" } else { "19" };
            (format!("{century}{year}"), rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.to_owned(), rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest_of_text.get(at..at + 2);
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    if rest_of_text.get(10..) != Some("Z") {
        return None;
    }
    let seconds = read_time(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))?;
    Some((seconds, rest))
}

/// An element with this tag at the front: whole, its contents, and what stands behind it.
pub(crate) fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x0f))?;
            let length = digits.iter().try_fold(0usize, |sum, digit| {
                sum.checked_mul(256)?.checked_add(usize::from(*digit))
            })?;
            (length, rest)
        }
        _ => return None,
    };
    let (contents, behind) = rest.split_at_checked(length)?;
    let whole = bytes.get(..bytes.len() - behind.len())?;
    (first == tag).then_some((whole, contents, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_certificate_are_found() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["dns.example".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let bytes = certificate.der();
        assert_eq!(
            public_key(bytes),
            Some(rcgen::PublicKeyData::subject_public_key_info(&key).as_slice())
        );
        let signed = signed_part(bytes).unwrap();
        assert!(signed.len() > 100 && signed.len() < bytes.len());
        for len in 0..bytes.len() {
            let _ = (public_key(&bytes[..len]), validity(&bytes[..len]));
        }
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] = value;
                let _ = (public_key(&changed), signed_part(&changed), validity(&changed));
            }
        }
    }

    #[test]
    fn rfc5280_s4_1_2_5_both_forms_of_time_are_read() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        // The first is written with two digits of the year, the second with four.
        params.not_before = rcgen::date_time_ymd(2027, 2, 3);
        params.not_after = rcgen::date_time_ymd(2051, 2, 3);
        let certificate = params.self_signed(&key).unwrap();
        let times = ["2027-02-03", "2051-02-03"].map(|text| read_time(text).unwrap());
        assert_eq!(validity(certificate.der()), Some((times[0], times[1])));
        assert_eq!(time(b"\x17\x0d991231235959Z"), Some((946_684_799, &b""[..])));
        assert_eq!(time(b"\x17\x0c991231235959"), None);
        assert_eq!(
            time(b"\x18\x0f20270101000000Z"),
            read_time("2027-01-01").map(|time| (time, &b""[..]))
        );
    }
}
