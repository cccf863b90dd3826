//! TLS of the doctor: a handshake that goes through whatever the certificate is, which is judged afterwards.
//!
//! A verifier that refuses says one thing and ends. Here name, time and chain are looked at one by one, so that each has
//! its own word. Nothing secret is sent over such a connection, and what comes back over one whose certificate is bad only
//! tells more of what is wrong.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
    RootCertStore, SignatureScheme, StreamOwned,
};

use super::net::Timed;
use crate::certificate::read::Facts;
use crate::matrix::doctor::place::Host;
use crate::matrix::doctor::{Fault, Grade};
use crate::upstream::der;
use crate::upstream::roots::known;
use crate::zone::master::civil::write_time;

/// A certificate that ends sooner is told.
const SOON: u64 = 7 * 86_400;
/// authorityInfoAccess (RFC 5280, 4.2.2.1): where the certificate of the signer is. Only authorities that are not at the top of
/// a chain name such a place.
const AUTHORITY_INFO: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];
/// Certificates of a chain that are looked at.
const CHAIN: usize = 10;
/// Who vouches for certificates that everybody believes.
pub(super) const PUBLIC: &str = "a public authority";
/// Certificates of others that are kept.
const POOL: usize = 32;

/// Whom we believe.
pub(super) struct Trust {
    config: Arc<ClientConfig>,
    /// Mozilla's; those of `--ca-file`; our own.
    circles: Vec<(&'static str, Arc<WebPkiServerVerifier>)>,
    /// Certificates that servers sent beside their own: what one leaves out another may have sent.
    pool: Vec<CertificateDer<'static>>,
}

/// An open connection.
pub(super) struct Session {
    pub(super) stream: StreamOwned<ClientConnection, Timed>,
    pub(super) version: &'static str,
    /// What is wrong with the certificate.
    pub(super) faults: Vec<(Grade, Fault, String)>,
    /// Who vouches for it, where somebody does.
    pub(super) by: Option<&'static str>,
    /// From when until when the certificate is good.
    pub(super) lifetime: Option<(u64, u64)>,
}

impl Session {
    /// Whether homeservers and clients would go on.
    pub(super) fn is_good(&self) -> bool {
        self.faults.iter().all(|(grade, _, _)| *grade < Grade::Broken)
    }
}

impl Trust {
    /// Beside the public ones, those of `--ca-file` and our own are believed.
    ///
    /// # Errors
    /// What rustls says of them.
    pub(super) fn new(file: Option<RootCertStore>, own: Option<RootCertStore>) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let look = Arc::new(Look(Arc::clone(&provider)));
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(look)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        let file = file.map(|store| ("the authority of --ca-file", store));
        let own = own.map(|store| ("our own authority", store));
        let mut circles = Vec::new();
        let all = [(PUBLIC, known())].into_iter().chain(file).chain(own);
        // A system may have no list of the public ones.
        for (who, store) in all.filter(|(_, store)| !store.is_empty()) {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider));
            let verifier = verifier
                .build()
                .map_err(|error| Error::General(error.to_string()))?;
            circles.push((who, verifier));
        }
        Ok(Trust {
            config: Arc::new(config),
            circles,
            pool: Vec::new(),
        })
    }

    /// Shakes hands as somebody who wants `identity`.
    ///
    /// # Errors
    /// Why there is no TLS.
    pub(super) fn connect(
        &mut self,
        tcp: TcpStream,
        identity: &Host,
        target: Option<&Host>,
        deadline: Instant,
    ) -> Result<Session, (Fault, String)> {
        let name = match identity {
            Host::Name(name) => ServerName::try_from(name.clone()),
            Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        };
        let name = name.map_err(|error| (Fault::CertificateName, error.to_string()))?;
        let bad = |error: Error| (Fault::TlsRefused, format!("cannot be shaken hands with: {error}"));
        let connection = ClientConnection::new(Arc::clone(&self.config), name.clone()).map_err(bad)?;
        let mut stream = StreamOwned::new(connection, Timed { tcp, deadline });
        while stream.conn.is_handshaking() {
            stream
                .conn
                .complete_io(&mut stream.sock)
                .map_err(|error| refused(&error))?;
        }
        let version = match stream.conn.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS 1.3",
        };
        let chain: Vec<CertificateDer<'static>> = stream
            .conn
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .take(CHAIN)
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        let (faults, by, lifetime) = self.judge(&chain, identity, target, &name);
        Ok(Session {
            stream,
            version,
            faults,
            by,
            lifetime,
        })
    }

    #[allow(clippy::type_complexity)]
    fn judge(
        &mut self,
        chain: &[CertificateDer<'static>],
        identity: &Host,
        target: Option<&Host>,
        name: &ServerName<'_>,
    ) -> (
        Vec<(Grade, Fault, String)>,
        Option<&'static str>,
        Option<(u64, u64)>,
    ) {
        let mut faults = Vec::new();
        let mut broken = |fault, said: String| faults.push((Grade::Broken, fault, said));
        let Some((leaf, rest)) = chain.split_first() else {
            broken(Fault::CertificateBad, "is missing".to_owned());
            return (faults, None, None);
        };
        let Some(facts) = Facts::read(leaf) else {
            broken(Fault::CertificateBad, "cannot be read".to_owned());
            return (faults, None, None);
        };
        let now = UnixTime::now().as_secs();
        let is_dated = (facts.from..=facts.until).contains(&now);
        // At a time when the certificate itself is good, what is left is the chain's.
        let at = now.clamp(facts.from.min(facts.until), facts.until);
        let verified = self.vouches(leaf, rest, name, at);
        let is_covered = covers(&facts, identity);
        if !is_covered {
            let (fault, why) = match target {
                Some(target) if target != identity && covers(&facts, target) => (
                    Fault::CertificateTarget,
                    format!(
                        "is for {target}, the target of the SRV record; it must be for {identity}, the name that has the record"
                    ),
                ),
                _ => (
                    Fault::CertificateName,
                    format!("is for {}, and not for {identity}", held(&facts)),
                ),
            };
            broken(fault, why);
        }
        if let Err(error) = &verified
            && !matches!(
                error,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
            )
        {
            let (fault, why) = self.gap(leaf, rest, &facts, name, at, error);
            broken(fault, why);
        }
        if now > facts.until {
            let when = write_time(facts.until);
            broken(Fault::CertificateExpired, format!("expired at {when}"));
        } else if now < facts.from {
            let when = write_time(facts.from);
            broken(Fault::CertificateEarly, format!("is not valid before {when}"));
        }
        if is_dated && facts.until - now < SOON && verified.is_ok() {
            let when = write_time(facts.until);
            faults.push((
                Grade::Warning,
                Fault::CertificateSoon,
                format!("expires soon, at {when}"),
            ));
        }
        for certificate in rest {
            if self.pool.len() < POOL && !self.pool.contains(certificate) {
                self.pool.push(certificate.clone());
            }
        }
        (faults, verified.ok(), Some((facts.from, facts.until)))
    }

    /// Who vouches for the certificate at this time.
    fn vouches(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        at: u64,
    ) -> Result<&'static str, CertificateError> {
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
        let mut first = CertificateError::UnknownIssuer;
        for (who, verifier) in &self.circles {
            match verifier.verify_server_cert(leaf, rest, name, &[], at) {
                Ok(_) => return Ok(who),
                Err(Error::InvalidCertificate(error)) => {
                    // Who does not know the authority has nothing to say of the certificate.
                    if error != CertificateError::UnknownIssuer {
                        first = error;
                    }
                }
                Err(_) => first = CertificateError::BadEncoding,
            }
        }
        Err(first)
    }

    /// What is wrong with a chain that nobody vouches for.
    fn gap(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        facts: &Facts,
        name: &ServerName<'_>,
        at: u64,
        error: &CertificateError,
    ) -> (Fault, String) {
        let names = |certificate: &[u8]| {
            der::issuer_and_subject(certificate).map(|(issuer, subject)| (issuer.to_vec(), subject.to_vec()))
        };
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                let said = "has a chain in which a certificate of an authority has expired";
                return (Fault::CertificateExpired, said.to_owned());
            }
            CertificateError::UnknownIssuer => {}
            _ if names(leaf).is_some_and(|(issuer, subject)| issuer == subject) => {
                return (Fault::CertificateSelf, "has signed itself".to_owned());
            }
            other => return (Fault::CertificateBad, format!("is refused: {other}")),
        }
        if names(leaf).is_some_and(|(issuer, subject)| issuer == subject) {
            return (Fault::CertificateSelf, "has signed itself".to_owned());
        }
        let missing = |signer: &str, how: &str| {
            let said = format!("comes without the intermediate certificate of `{signer}`{how}");
            (Fault::CertificateChain, said)
        };
        let all: Vec<CertificateDer<'_>> = rest.iter().chain(&self.pool).cloned().collect();
        let completed = self.vouches(leaf, &all, name, at);
        if completed.is_ok() || matches!(completed, Err(CertificateError::NotValidForNameContext { .. })) {
            return missing(&facts.issuer, ", which another port of this server sends");
        }
        // The last certificate of the chain that was sent: whoever signed it is not known here.
        let mut last: &CertificateDer<'_> = leaf;
        for _ in 0..CHAIN {
            let Some((issuer, _)) = names(last) else { break };
            let next = rest
                .iter()
                .find(|other| *other != last && names(other).is_some_and(|(_, subject)| subject == issuer));
            match next {
                Some(next) => last = next,
                None => break,
            }
        }
        let signer = Facts::read(last).map_or_else(String::new, |facts| facts.issuer);
        if der::extension(last, AUTHORITY_INFO).is_some() {
            return missing(&signer, "");
        }
        (
            Fault::CertificateUnknown,
            format!("is signed by `{signer}`, an authority that nobody knows by itself"),
        )
    }
}

fn covers(facts: &Facts, host: &Host) -> bool {
    match host {
        Host::Name(name) => facts.covers(name),
        Host::Address(address) => facts.addresses.contains(address),
    }
}

/// For whom a certificate is.
fn held(facts: &Facts) -> String {
    let addresses = facts.addresses.iter().map(ToString::to_string);
    let all: Vec<String> = facts.names.iter().cloned().chain(addresses).take(3).collect();
    if all.is_empty() {
        "no name".to_owned()
    } else {
        all.join(", ")
    }
}

/// Why a handshake failed.
fn refused(error: &io::Error) -> (Fault, String) {
    use rustls::{InvalidMessage, PeerIncompatible};
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::AlertReceived(AlertDescription::ProtocolVersion))
        | Some(Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        )) => (Fault::TlsVersion, "speaks neither TLS 1.2 nor 1.3".to_owned()),
        Some(Error::AlertReceived(alert)) => (
            Fault::TlsRefused,
            format!("ends the handshake with the alert {alert:?}"),
        ),
        Some(Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion)) => {
            (Fault::TlsVersion, "speaks neither TLS 1.2 nor 1.3".to_owned())
        }
        Some(Error::InvalidMessage(_)) => {
            (Fault::NotTls, "answers with something that is not TLS".to_owned())
        }
        Some(error) => (Fault::TlsRefused, format!("cannot be shaken hands with: {error}")),
        None if error.kind() == io::ErrorKind::TimedOut => (
            Fault::TlsSilent,
            "takes the connection, but does not answer in TLS".to_owned(),
        ),
        None => (
            Fault::TlsClosed,
            "closes the connection in the TLS handshake".to_owned(),
        ),
    }
}

impl Read for Session {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(room) {
            // Many servers close without saying goodbye (RFC 8446, 6.1); the length of what came is checked elsewhere.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            other => other,
        }
    }
}

impl Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Takes every certificate; see the top of this file. That the server has its key is checked.
#[derive(Debug)]
struct Look(Arc<CryptoProvider>);

impl ServerCertVerifier for Look {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
