//! Whether clients that know nothing of us can verify a certificate: it bears our name and addresses, and an authority
//! that all of them know has signed it.

use std::net::IpAddr;
use std::time::Duration;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};

use crate::message::Name;

/// Says what a client would object to that trusts these authorities; without any it trusts whoever signed. `now` is
/// Unix time in seconds.
///
/// # Errors
/// What is missing, and what to do.
pub(super) fn check(
    chain: &[CertificateDer<'_>],
    name: &Name,
    addresses: &[IpAddr],
    authorities: Option<RootCertStore>,
    now: u64,
) -> Result<(), String> {
    let unusable = |error: rustls::Error| format!("the certificate cannot be used: {error}");
    let (leaf, others) = chain.split_first().ok_or("there is no certificate")?;
    let parsed = ParsedCertificate::try_from(leaf).map_err(unusable)?;
    let text = name.to_string();
    let text = text.trim_end_matches('.');
    let host = ServerName::try_from(text).map_err(|_| format!("{text} is no host name"))?;
    if verify_server_name(&parsed, &host).is_err() {
        return Err(format!("the certificate does not bear the name {text}"));
    }
    let bears = |address: &&IpAddr| verify_server_name(&parsed, &ServerName::from(**address)).is_ok();
    if let Some(address) = addresses.iter().find(|address| !bears(address)) {
        return Err(format!("the certificate does not bear the address {address}"));
    }
    let Some(authorities) = authorities else {
        return Ok(());
    };
    if authorities.is_empty() {
        return Err(
            "there is no list of public authorities that can be read; install ca-certificates, or name one with SSL_CERT_FILE"
                .to_owned(),
        );
    }
    let algorithms = super::tls::provider().signature_verification_algorithms.all;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    match verify_server_cert_signed_by_trust_anchor(&parsed, &authorities, others, now, algorithms) {
        Ok(()) => Ok(()),
        Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Err(
            "no public authority has signed the certificate; where all devices trust yours, write `discovery: {ddr: \
             force}`"
                .to_owned(),
        ),
        Err(error) => Err(unusable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first second of 2027.
    const NOW: u64 = 1_798_761_600;

    /// What is said of a certificate that bears these names, where clients trust its authority, Mozilla's, or anybody.
    fn said(names: &[&str], until: i32) -> [String; 3] {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let chain = [params.signed_by(&key, &issuer).unwrap().der().clone()];
        let mut ours = RootCertStore::empty();
        ours.add(authority.der().clone()).unwrap();
        let addresses = ["192.168.1.10", "fd00::10"].map(|text| text.parse().unwrap());
        let name = "dns.home.example".parse().unwrap();
        [Some(ours), Some(crate::upstream::roots::known()), None].map(|authorities| {
            let said = check(&chain, &name, &addresses, authorities, NOW);
            said.map_or_else(|error| error, |()| "good".to_owned())
        })
    }

    /// As it was shown to the world in July 2026, with those above it.
    const SHOWN: [&[u8]; 3] = [
        include_bytes!("../../tests/fuzz/seeds/certificate/public.der"),
        include_bytes!("../../tests/fuzz/seeds/certificate/public-issuer.der"),
        include_bytes!("../../tests/fuzz/seeds/certificate/public-issuer-2.der"),
    ];

    #[test]
    fn a_chain_of_a_public_authority_is_good_for_its_name_and_its_time() {
        // The first of August 2026 and of November.
        let (within, after) = (1_785_542_400, 1_793_491_200);
        let said = |chain: &[&[u8]], name: &str, now| {
            let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(*der)).collect();
            check(
                &chain,
                &name.parse().unwrap(),
                &[],
                Some(crate::upstream::roots::known()),
                now,
            )
        };
        assert_eq!(said(&SHOWN, "letsencrypt.org.", within), Ok(()));
        let over = said(&SHOWN, "letsencrypt.org.", after).unwrap_err();
        assert!(over.starts_with("the certificate cannot be used: "), "{over}");
        let alone = said(&SHOWN[..1], "letsencrypt.org.", within).unwrap_err();
        assert!(alone.starts_with("no public authority has signed"), "{alone}");
        assert_eq!(
            said(&SHOWN, "dns.home.example.", within),
            Err("the certificate does not bear the name dns.home.example".to_owned())
        );
    }

    #[test]
    fn a_certificate_must_bear_the_name_and_every_address_and_be_signed_by_one_whom_clients_know() {
        let unknown = "no public authority has signed the certificate; where all devices trust yours, write \
                       `discovery: {ddr: force}`";
        let all = ["dns.home.example", "192.168.1.10", "fd00::10"];
        assert_eq!(said(&all, 2030), ["good", unknown, "good"]);
        let wild = ["*.home.example", "192.168.1.10", "fd00::10"];
        assert_eq!(said(&wild, 2030), ["good", unknown, "good"]);
        let [ours, _, anybody] = said(&all, 2026);
        assert!(ours.starts_with("the certificate cannot be used: "), "{ours}");
        assert_eq!(anybody, "good");
        assert_eq!(
            said(&all[..2], 2030),
            ["the certificate does not bear the address fd00::10"; 3]
        );
        assert_eq!(
            said(&["dns.other.example", "192.168.1.10", "fd00::10"], 2030),
            ["the certificate does not bear the name dns.home.example"; 3]
        );
    }
}
