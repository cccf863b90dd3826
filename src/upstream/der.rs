//! Two parts of a certificate that pins and stamps speak of, found without understanding the rest
//! (RFC 5280, 4.1).
//!
//! Everything here comes from a server that has proved nothing yet: each length is checked, nothing recurses.

/// Tags of DER (X.690, 8).
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The part that is signed: the TBSCertificate, whole.
pub(super) fn signed_part(certificate: &[u8]) -> Option<&[u8]> {
    let (_, inside, _) = element(certificate, SEQUENCE)?;
    let (whole, _, _) = element(inside, SEQUENCE)?;
    Some(whole)
}

/// The SubjectPublicKeyInfo, whole, as pins are made of it (RFC 7469, 2.4).
pub(super) fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (_, fields, _) = element(signed_part(certificate)?, SEQUENCE)?;
    let mut rest = match element(fields, VERSION) {
        Some((_, _, rest)) => rest,
        None => fields,
    };
    // Serial number, signature algorithm, issuer, validity, subject.
    for _ in 0..5 {
        rest = element(rest, *rest.first()?)?.2;
    }
    element(rest, SEQUENCE).map(|(whole, _, _)| whole)
}

/// An element with this tag at the front: whole, its contents, and what stands behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8], &[u8])> {
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
            let _ = public_key(&bytes[..len]);
        }
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] = value;
                let _ = (public_key(&changed), signed_part(&changed));
            }
        }
    }
}
