//! Who an encrypted upstream must be: authorities, pins, names; and TLS over TCP.
//!
//! Without pins the usual holds: a chain to an authority (Mozilla's, or those of `ca_file` instead), and the
//! name. A pin names the server's key itself, so it suffices alone, as in stubby's configuration
//! (RFC 7858, 4.2): then neither chain nor name nor date matters, which serves a server with a certificate
//! of its own making. Pin and `ca_file` together must both
//! hold. Only the server's own certificate is compared with pins: a chain that nobody checked can hold
//! anybody's certificates behind it. The hashes of a stamp come on top of what holds anyway.
//!
//! **The clock.** While it is not to be believed ([`crate::clock`]), a certificate is looked at as of the day on which it
//! was issued, or of [`CLOCK_FLOOR`] where that is later: chain, name and pins count as always, one that had ended
//! before this program existed is refused, and only of one that ended since nobody can tell. So an upstream can be asked
//! for the name of a time server by a router that thinks it is 1970. No session of that time is resumed, because
//! resuming looks at no certificate; and when the clock is set, the daemon gives up all connections, so that each is made
//! anew with its times checked.
//!
//! Sessions are resumed (RFC 8446, 2.2); early data is never sent, because it can be played back
//! (RFC 8446, 8).

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::der;
use super::error::{Error, Kind};
use super::roots;
use crate::clock::Clock;
use crate::config::upstream::{Sha256, TlsName};
use crate::config::{Host, Scheme, UpstreamSpec, limits};
use crate::zone::master::civil::CLOCK_FLOOR;

/// Sessions kept for resumption; each is of one server.
const SESSIONS: usize = limits::UPSTREAM_SESSIONS.default_usize();
/// What webpki calls a server's certificate that may sign others, as `openssl req -x509` makes them.
const AUTHORITY_AS_SERVER: &str = "CaUsedAsEndEntity";

/// What a TLS client needs to speak to one server.
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    /// The same for a clock that is not to be believed.
    untimed: Arc<ClientConfig>,
    clock: Arc<Clock>,
    name: ServerName<'static>,
    #[cfg(any(feature = "https", feature = "h3"))]
    authority: String,
    verifier: Arc<Verifier>,
}

impl Tls {
    /// # Errors
    /// A file of authorities that cannot be used.
    pub(super) fn new(spec: &UpstreamSpec, clock: &Arc<Clock>) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Arc::new(Verifier::new(spec, &provider)?);
        let untrusted = |error: &dyn fmt::Display| Error::new(Kind::Untrusted, error.to_string());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| untrusted(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        config.enable_sni = spec.tls_name != TlsName::Unsent;
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        config.alpn_protocols = match spec.url.scheme {
            Scheme::Https => vec![b"h2".to_vec()],
            Scheme::Quic => vec![b"doq".to_vec()],
            Scheme::H3 => vec![b"h3".to_vec()],
            // RFC 7858 asks for none, and some servers refuse names that they do not know.
            _ => Vec::new(),
        };
        let host = match (&spec.tls_name, &spec.url.host) {
            (TlsName::Named(name), _) | (_, Host::Name(name, _)) => name.clone(),
            (_, Host::Address(address)) => address.ip().to_string(),
        };
        let name = ServerName::try_from(host).map_err(|error| untrusted(&error))?;
        let mut untimed = config.clone();
        untimed
            .dangerous()
            .set_certificate_verifier(Arc::new(Untimed(Arc::clone(&verifier))));
        untimed.resumption = Resumption::disabled();
        Ok(Tls {
            config: Arc::new(config),
            untimed: Arc::new(untimed),
            clock: Arc::clone(clock),
            name,
            #[cfg(any(feature = "https", feature = "h3"))]
            authority: authority(spec),
            verifier,
        })
    }

    /// The `:authority` of HTTP requests.
    #[cfg(any(feature = "https", feature = "h3"))]
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// What holds for a connection that is made now.
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        let is_timed = self.clock.now().is_some();
        Arc::clone(if is_timed { &self.config } else { &self.untimed })
    }

    #[cfg(feature = "quic")]
    pub(super) fn name(&self) -> String {
        self.name.to_str().into_owned()
    }

    /// Shakes hands over an open TCP connection.
    pub(super) async fn connect(
        &self,
        address: SocketAddr,
        tcp: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let connector = TlsConnector::from(self.config());
        let connected = connector.connect(self.name.clone(), tcp).await;
        let stream = connected.map_err(|error| {
            let tls = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match tls {
                Some(tls) => self.refused(address, &describe(tls)),
                None => Error::unreachable(&self.doing(address), &error),
            }
        })?;
        let (_, session) = stream.get_ref();
        let wanted = self.config.alpn_protocols.first().map(Vec::as_slice);
        if wanted.is_some() && session.alpn_protocol() != wanted {
            return Err(self.refused(address, "the server does not speak HTTP/2"));
        }
        Ok(stream)
    }

    /// A handshake that failed, with what the certificate had to do with it.
    pub(super) fn refused(&self, address: SocketAddr, why: &str) -> Error {
        let said = self
            .verifier
            .refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let why = said.as_deref().unwrap_or(why);
        Error::new(Kind::Untrusted, format!("{}: {why}", self.doing(address)))
    }

    pub(super) fn doing(&self, address: SocketAddr) -> String {
        format!("tls handshake with {} ({address})", self.name.to_str())
    }
}

/// Host and port as HTTP wants them (RFC 9110, 7.2); a name given for a server that is an address is its
/// host's.
#[cfg(any(feature = "https", feature = "h3"))]
fn authority(spec: &UpstreamSpec) -> String {
    let port = spec.url.port();
    let host = match (&spec.url.host, &spec.tls_name) {
        (Host::Name(name, _), _) | (Host::Address(_), TlsName::Named(name)) => name.clone(),
        (Host::Address(SocketAddr::V4(address)), _) => address.ip().to_string(),
        (Host::Address(SocketAddr::V6(address)), _) => format!("[{}]", address.ip()),
    };
    if port == spec.url.scheme.default_port() {
        host
    } else {
        format!("{host}:{port}")
    }
}

/// Decides whether a certificate is the server's.
struct Verifier {
    /// Authorities that the chain must lead to, and then the name must be right; `None` where a pin takes their place.
    /// rustls' own verifier does the same, and reads lists of revoked certificates besides: 12 KB for what nobody gives us.
    roots: Option<RootCertStore>,
    pins: Vec<Sha256>,
    chain_hashes: Vec<Sha256>,
    provider: Arc<CryptoProvider>,
    /// Why the last one was refused: QUIC carries no more of that than a number.
    refusal: Mutex<Option<String>>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("pins", &self.pins.len())
            .finish_non_exhaustive()
    }
}

impl Verifier {
    fn new(spec: &UpstreamSpec, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let roots = match &spec.ca_file {
            Some(file) => {
                let read = roots::read("ca_file", file);
                Some(read.map_err(|why| Error::new(Kind::Untrusted, why))?)
            }
            None if !spec.pins.is_empty() => None,
            None => Some(roots::public()?),
        };
        Ok(Verifier {
            roots,
            pins: spec.pins.clone(),
            chain_hashes: spec.chain_hashes.clone(),
            provider: Arc::clone(provider),
            refusal: Mutex::new(None),
        })
    }

    fn check(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        if let Some(roots) = &self.roots {
            let server = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            let signed =
                verify_server_cert_signed_by_trust_anchor(&server, roots, intermediates, now, algorithms);
            signed.map_err(|error| match error {
                rustls::Error::InvalidCertificate(CertificateError::Other(why))
                    if why.to_string().contains(AUTHORITY_AS_SERVER) =>
                {
                    other(Mismatch::Authority)
                }
                error => error,
            })?;
            verify_server_name(&server, server_name)?;
        }
        if !self.pins.is_empty() {
            let key = der::public_key(end_entity).ok_or(CertificateError::BadEncoding)?;
            let sum = sha256(key);
            if !self.pins.contains(&sum) {
                return Err(other(Mismatch::Pin(sum)));
            }
        }
        if !self.chain_hashes.is_empty() {
            let signed = std::iter::once(end_entity)
                .chain(intermediates)
                .filter_map(|certificate| der::signed_part(certificate));
            if !signed.map(sha256).any(|sum| self.chain_hashes.contains(&sum)) {
                return Err(other(Mismatch::Stamp));
            }
        }
        Ok(())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let checked = self.check(end_entity, intermediates, server_name, now);
        let refusal = checked.as_ref().err().map(describe);
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
        checked.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The same while the clock is not to be believed.
#[derive(Debug)]
struct Untimed(Arc<Verifier>);

impl ServerCertVerifier for Untimed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let issued = der::validity(end_entity).map_or(0, |(from, _)| from);
        let then = UnixTime::since_unix_epoch(Duration::from_secs(issued.max(CLOCK_FLOOR)));
        self.0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp, then)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// What only we check.
#[derive(Debug)]
enum Mismatch {
    Authority,
    Pin(Sha256),
    Stamp,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority => f.write_str(
                "certificate is an authority's and no server's; name its key with `pin_sha256` instead of `ca_file`",
            ),
            Self::Pin(sum) => write!(
                f,
                "the server's key is {}, which no `pin_sha256` names",
                data_encoding::BASE64.encode(sum)
            ),
            Self::Stamp => f.write_str("no certificate of the chain is among the hashes of the stamp"),
        }
    }
}

impl std::error::Error for Mismatch {}

fn other(mismatch: Mismatch) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(mismatch))).into()
}

fn sha256(bytes: &[u8]) -> Sha256 {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    Sha256::try_from(digest.as_ref()).unwrap_or([0; 32])
}

/// What went wrong, in words that lead somewhere.
pub(super) fn describe(error: &rustls::Error) -> String {
    use CertificateError as Bad;
    let rustls::Error::InvalidCertificate(bad) = error else {
        return match error {
            rustls::Error::AlertReceived(alert) => format!("the server refused: {alert:?}"),
            error => error.to_string(),
        };
    };
    match bad {
        Bad::NotValidForNameContext { presented, .. } => {
            // They come as `DnsName("a.example")`.
            let names = presented
                .iter()
                .map(|name| name.split('"').nth(1).unwrap_or(name));
            let names: Vec<&str> = names.take(4).collect();
            if names.is_empty() {
                "certificate names no host".to_owned()
            } else {
                format!("certificate is for {}", names.join(", "))
            }
        }
        Bad::NotValidForName => "certificate is for another name".to_owned(),
        Bad::UnknownIssuer => {
            "certificate is of no known authority; name that one with `ca_file`, or the key with `pin_sha256`"
                .to_owned()
        }
        Bad::Expired | Bad::ExpiredContext { .. } => {
            "certificate has expired, or the clock of this host is wrong".to_owned()
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            "certificate is not valid yet, or the clock of this host is wrong".to_owned()
        }
        Bad::BadEncoding => "certificate cannot be read".to_owned(),
        Bad::Other(why) => why.to_string(),
        other => format!("certificate is refused: {other}"),
    }
}
