//! Who a server of the tests is: a key, a certificate that bears names, and the authority that signed it, all of
//! which exist for one test only.

/// A server's identity.
pub(crate) struct Identity {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
    /// The authority's certificate in PEM.
    pub(crate) authority: String,
    /// SHA-256 of the server's public key in base64.
    pub(crate) pin: String,
}

impl Identity {
    /// A certificate for `names`, signed by an authority of its own. Authorities of the same `names` have the same
    /// name too, and other keys: they are forgers of each other.
    pub(crate) fn new(names: &[&str]) -> Self {
        Self::of(names, params_of(names))
    }

    /// The same, good from the first of these days until the second: year, month, day. Its authority always is.
    pub(crate) fn lasting(names: &[&str], from: (i32, u8, u8), until: (i32, u8, u8)) -> Self {
        let mut params = params_of(names);
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        Self::of(names, params)
    }

    fn of(names: &[&str], own: rcgen::CertificateParams) -> Self {
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let name = format!("authority of {}", names.join(", "));
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::new(params, authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = own.signed_by(&key, &issuer).unwrap();
        Identity {
            pin: pin_of(&key),
            authority: authority.pem(),
            certificate,
            key,
        }
    }

    /// A certificate that signed itself and may sign others.
    pub(crate) fn own_authority(names: &[&str]) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = params_of(names);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Identity {
            pin: pin_of(&key),
            authority: certificate.pem(),
            certificate,
            key,
        }
    }

    /// The server's certificate in PEM.
    pub(crate) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    /// The server's key in PEM (PKCS #8).
    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The server's certificate and key in DER.
    pub(crate) fn der(&self) -> (Vec<u8>, Vec<u8>) {
        (self.certificate.der().to_vec(), self.key.serialize_der())
    }
}

fn params_of(names: &[&str]) -> rcgen::CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    rcgen::CertificateParams::new(names).unwrap()
}

fn pin_of(key: &rcgen::KeyPair) -> String {
    let public = rcgen::PublicKeyData::subject_public_key_info(key);
    let sum = ring::digest::digest(&ring::digest::SHA256, &public);
    data_encoding::BASE64.encode(sum.as_ref())
}
