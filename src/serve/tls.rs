//! The certificate of the encrypted listeners: read from two files, replaced while connections live, and what
//! TLS speaks with it.
//!
//! All listeners share one [`Certificate`], and every handshake takes the pair that is in force then. So a renewed
//! pair serves the next handshake, open connections stay, and session tickets stay good. A new pair that cannot be
//! used is told, and the old one stays. Where there is none yet, handshakes fail until the files are mended: a
//! certificate that ran out while the power was off must not take plain DNS from the house.
//!
//! Early data is not taken: it can be played back (RFC 8446, 8). Sessions are resumed by tickets, whose keys change
//! every few hours and are never stored.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
#[cfg(feature = "onboard")]
use rustls::SignatureScheme;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::{ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::standing;
use crate::config::{CertificateFiles, limits};
use crate::message::Name;
use crate::onboard::Trust;
#[cfg(feature = "onboard")]
use crate::onboard::cms;
use crate::upstream::{der, roots};
use crate::zone::master::civil::write_time;

/// Largest file that is read.
const MAX_BYTES: u64 = limits::CERTIFICATE_FILE.default;
/// What ALPN calls a handshake that proves a name (RFC 8737, 6.2).
pub(super) const ACME_TLS: &[u8] = b"acme-tls/1";
/// Permission of everybody to read a file.
const READ_BY_OTHERS: u32 = 0o004;

/// Why a certificate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateError {
    /// The file to look at.
    pub file: PathBuf,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.message)
    }
}

impl std::error::Error for CertificateError {}

/// What tells one state of a file from another: when it was written, how long it is, which file it is.
type Stamp = Option<(i64, i64, u64, u64)>;

/// Files that were read.
#[derive(Debug, Default)]
struct Seen {
    stamps: [Stamp; 2],
    /// The clock stood here when the certificate was found to be over.
    late: Option<u64>,
    /// What was wrong with them.
    damage: Option<CertificateError>,
}

/// A certificate with its key, and the files that they come from.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    /// The files as they were when they were read last, whatever came of it.
    seen: Mutex<Seen>,
    current: ArcSwapOption<CertifiedKey>,
    /// What is shown to an authority that looks whether names are ours; most have none.
    proofs: Option<ArcSwap<Vec<HandshakeProof>>>,
}

/// A certificate that proves one name in a handshake with `acme-tls/1` (RFC 8737, 3).
#[derive(Clone)]
struct HandshakeProof {
    name: String,
    pair: Arc<CertifiedKey>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// A certificate of these files, which are not read yet: [`Certificate::reload`] does that.
    #[must_use]
    pub fn new(config: &CertificateFiles) -> Self {
        Certificate {
            chain: config.chain.clone(),
            key: config.key.clone(),
            seen: Mutex::default(),
            current: ArcSwapOption::empty(),
            proofs: None,
        }
    }

    /// The same, and listeners on TCP take part in proofs by handshake.
    #[must_use]
    pub fn with_handshake_proofs(mut self) -> Self {
        self.proofs = Some(ArcSwap::default());
        self
    }

    /// Shows this certificate and key (both DER, the latter PKCS #8) to an authority that asks for the name; `None`
    /// shows nothing any more.
    ///
    /// # Errors
    /// The key is none, or this certificate takes part in no proofs.
    pub fn show_proof(&self, name: &str, pair: Option<(Vec<u8>, Vec<u8>)>) -> Result<(), String> {
        let proofs = self
            .proofs
            .as_ref()
            .ok_or("listeners take part in no proofs by handshake")?;
        let pair = pair.map(|(certificate, key)| {
            // Not by way of a check: its extension is critical, and unknown to all but authorities.
            let key = provider()
                .key_provider
                .load_private_key(PrivatePkcs8KeyDer::from(key).into())?;
            Ok::<_, rustls::Error>(CertifiedKey::new(vec![certificate.into()], key))
        });
        let pair = pair.transpose().map_err(|error| error.to_string())?;
        let mut all = Vec::clone(&proofs.load());
        all.retain(|proof| proof.name != name);
        all.extend(pair.map(|pair| HandshakeProof {
            name: name.to_owned(),
            pair: Arc::new(pair),
        }));
        proofs.store(Arc::new(all));
        Ok(())
    }

    fn proof_of(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let proofs = self.proofs.as_ref()?.load();
        let found = proofs.iter().find(|proof| Some(proof.name.as_str()) == name);
        found.map(|proof| Arc::clone(&proof.pair))
    }

    /// Whether there is a pair to show to clients.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.current.load().is_some()
    }

    /// The server's own certificate that is in force, in DER.
    #[must_use]
    pub fn shown(&self) -> Option<Vec<u8>> {
        let pair = self.current.load();
        pair.as_ref()
            .and_then(|pair| pair.cert.first())
            .map(|leaf| leaf.to_vec())
    }

    /// Who vouches for what is in force: a public authority, else `own` (DER) or the last certificate of the chain.
    /// Whether its time is over is another question.
    #[must_use]
    pub fn trust(&self, own: Option<&[u8]>) -> Trust {
        let pair = self.current.load_full();
        let Some((leaf, above)) = pair.as_ref().and_then(|pair| pair.cert.split_first()) else {
            return Trust::None;
        };
        if is_vouched_for(leaf, above, &roots::known()) {
            return Trust::Public;
        }
        let last = above.last().map(AsRef::as_ref);
        for authority in own.into_iter().chain(last) {
            let mut roots = RootCertStore::empty();
            let is_one = roots.add(CertificateDer::from(authority)).is_ok();
            if is_one && is_vouched_for(leaf, above, &roots) {
                return Trust::Own(authority.to_vec());
            }
        }
        Trust::None
    }

    /// The file of the chain.
    #[must_use]
    pub fn chain(&self) -> &Path {
        &self.chain
    }

    /// Says what clients that know our address alone would object to in the certificate in force: it must bear this
    /// name and all these addresses, and with `is_public` come from an authority that everybody knows. `now` is Unix
    /// time in seconds.
    ///
    /// # Errors
    /// What is missing, and what to do.
    pub fn check_for_strangers(
        &self,
        name: &Name,
        addresses: &[IpAddr],
        is_public: bool,
        now: u64,
    ) -> Result<(), String> {
        let pair = self.current.load();
        let chain = pair.as_ref().map_or(&[][..], |pair| &pair.cert);
        standing::check(chain, name, addresses, is_public.then(roots::known), now)
    }

    /// What is not right, but no reason to stop.
    #[must_use]
    pub fn warnings(&self, now: u64) -> Vec<String> {
        let mut found = Vec::new();
        let is_open = fs::metadata(&self.key).is_ok_and(|meta| meta.mode() & READ_BY_OTHERS != 0);
        if is_open {
            found.push(format!(
                "{}: every user of this host can read the private key; take that away with `chmod o-rwx`",
                self.key.display()
            ));
        }
        let pair = self.current.load();
        let leaf = pair.as_ref().and_then(|pair| pair.cert.first());
        let validity = leaf.and_then(|leaf| der::validity(leaf));
        // A router without a battery starts with a clock that is behind: no reason to stay off.
        if let Some((from, _)) = validity.filter(|(from, _)| *from > now) {
            found.push(format!(
                "{}: the certificate is not valid before {}; is the clock of this host right?",
                self.chain.display(),
                write_time(from)
            ));
        }
        found
    }

    /// Reads both files, and takes what they hold from the next handshake on. `now` is Unix time in seconds.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else, a key of another certificate, a certificate whose time
    /// is over. The pair in force stays.
    pub fn reload(&self, now: u64) -> Result<(), CertificateError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Seen {
            stamps: [stamp(&self.chain), stamp(&self.key)],
            ..Seen::default()
        };
        let result = self.read(now, &mut seen.late);
        seen.damage = result.as_ref().err().cloned();
        self.current.store(Some(Arc::new(result?)));
        Ok(())
    }

    fn read(&self, now: u64, late: &mut Option<u64>) -> Result<CertifiedKey, CertificateError> {
        let pair = read_pair(&self.chain, &self.key)?;
        let leaf = pair.cert.first().and_then(|leaf| der::validity(leaf));
        match leaf.filter(|(_, until)| *until < now) {
            Some((_, until)) => {
                *late = Some(now);
                Err(CertificateError {
                    file: self.chain.clone(),
                    message: over(until),
                })
            }
            None => Ok(pair),
        }
    }

    /// What was wrong with the files when they were read last.
    #[must_use]
    pub fn damage(&self) -> Option<CertificateError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.damage.clone()
    }

    /// The same if one of the files is another than it was; says whether that was so. A pair that is found broken
    /// is not read again until it changes.
    ///
    /// # Errors
    /// As with [`Certificate::reload`].
    pub fn reload_if_changed(&self, now: u64) -> Result<bool, CertificateError> {
        let is_same = {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            // A clock that was ahead may have been set right since.
            let is_clock_back = seen.late.is_some_and(|late| now < late);
            seen.stamps == [stamp(&self.chain), stamp(&self.key)] && !is_clock_back
        };
        if is_same {
            return Ok(false);
        }
        self.reload(now).map(|()| true)
    }
}

#[cfg(feature = "onboard")]
impl Certificate {
    /// `content` signed with the pair in force, as CMS in DER (see [`cms::sign`]): a profile that a device shows as
    /// verified, where it knows the certificate's authority. None without a pair, and for keys that CMS signers of
    /// phones do not know (Ed25519).
    #[must_use]
    pub fn signed(&self, content: &[u8]) -> Option<Vec<u8>> {
        let pair = self.current.load_full()?;
        let schemes = [
            (SignatureScheme::RSA_PKCS1_SHA256, cms::Algorithm::RsaSha256),
            (
                SignatureScheme::ECDSA_NISTP256_SHA256,
                cms::Algorithm::EcdsaSha256,
            ),
            (
                SignatureScheme::ECDSA_NISTP384_SHA384,
                cms::Algorithm::EcdsaSha384,
            ),
        ];
        let (signer, algorithm) = schemes
            .into_iter()
            .find_map(|(scheme, algorithm)| Some((pair.key.choose_scheme(&[scheme])?, algorithm)))?;
        let chain: Vec<&[u8]> = pair.cert.iter().map(AsRef::as_ref).collect();
        cms::sign(content, &chain, algorithm, |bytes| signer.sign(bytes).ok())
    }
}

/// Gives every handshake the pair in force. The name that the client asks for (SNI) is known here.
#[derive(Debug)]
struct InForce(Arc<Certificate>);

impl ResolvesServerCert for InForce {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // An authority names this protocol and no other (RFC 8737, 3).
        if hello
            .alpn()
            .is_some_and(|mut protocols| protocols.next() == Some(ACME_TLS))
        {
            return self.0.proof_of(hello.server_name());
        }
        self.0.current.load_full()
    }
}

/// What a TLS server needs for these protocols (ALPN, RFC 7301), the preferred one first.
///
/// # Errors
/// If the system has no randomness for the tickets' keys.
pub(super) fn server_config(
    certificate: &Arc<Certificate>,
    protocols: &[&[u8]],
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(InForce(Arc::clone(certificate))));
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    // Clients keep their sessions themselves, so that they cost us nothing.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    config.max_early_data_size = 0;
    Ok(config)
}

/// The same as an acceptor of TCP connections.
pub(super) fn acceptor(certificate: &Arc<Certificate>, protocols: &[&[u8]]) -> Result<TlsAcceptor, String> {
    let mut protocols = protocols.to_vec();
    if certificate.proofs.is_some() {
        protocols.push(ACME_TLS);
    }
    let config = server_config(certificate, &protocols);
    let config = config.map_err(|error| format!("cannot prepare TLS: {error}"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Whether a chain leads from a server's certificate to one of these authorities, in the moment it began.
fn is_vouched_for(leaf: &CertificateDer<'_>, above: &[CertificateDer<'_>], roots: &RootCertStore) -> bool {
    let begun = der::validity(leaf).map_or(0, |(from, _)| from);
    let begun = UnixTime::since_unix_epoch(Duration::from_secs(begun));
    let algorithms = provider().signature_verification_algorithms.all;
    ParsedCertificate::try_from(leaf).is_ok_and(|parsed| {
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, above, begun, algorithms).is_ok()
    })
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read_pair(chain: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let of_chain = |message: String| CertificateError {
        file: chain.to_owned(),
        message,
    };
    let of_key = |message: String| CertificateError {
        file: key.to_owned(),
        message,
    };
    let text = read(chain).map_err(of_chain)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|_| of_chain("is no PEM".to_owned()))?;
    if certificates.is_empty() {
        return Err(of_chain(
            "holds no certificate; expected PEM with BEGIN CERTIFICATE".to_owned(),
        ));
    }
    let text = read(key).map_err(of_key)?;
    // What cannot be read is not quoted: it may be a part of the key.
    let secret = PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        of_key(match error {
            pem::Error::NoItemsFound => {
                "holds no private key that can be read; expected PEM with BEGIN PRIVATE KEY, \
                                         without a password"
                    .to_owned()
            }
            _ => "is no PEM".to_owned(),
        })
    })?;
    CertifiedKey::from_der(certificates, secret, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => of_key(format!(
            "is not the key of the first certificate in {}, which must be the server's own",
            chain.display()
        )),
        rustls::Error::InvalidCertificate(why) => of_chain(format!("the certificate cannot be used: {why}")),
        error => of_key(format!("the key cannot be used: {error}")),
    })
}

/// What is wrong with a certificate that was good until then.
pub(crate) fn over(until: u64) -> String {
    format!("the certificate is over since {}; renew it", write_time(until))
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let len = fs::metadata(file).map_err(unreadable)?.len();
    if len > MAX_BYTES {
        return Err(format!("has {len} bytes; expected at most {MAX_BYTES}"));
    }
    fs::read(file).map_err(unreadable)
}

fn stamp(file: &Path) -> Stamp {
    let meta = fs::metadata(file).ok()?;
    Some((meta.mtime(), meta.mtime_nsec(), meta.len(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first second of 2027.
    const NOW: u64 = 1_798_761_600;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("hearthdns-tls-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Folder(folder)
        }

        fn config(&self) -> CertificateFiles {
            CertificateFiles {
                chain: self.0.join("chain.pem"),
                key: self.0.join("key.pem"),
            }
        }

        /// Writes a pair; the years of its time.
        fn issue(&self, from: i32, until: i32) -> Vec<u8> {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(vec!["dns.example".to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(until, 1, 1);
            let certificate = params.self_signed(&key).unwrap();
            fs::write(self.config().chain, certificate.pem()).unwrap();
            fs::write(self.config().key, key.serialize_pem()).unwrap();
            certificate.der().to_vec()
        }

        fn message(&self) -> String {
            let folder = self.0.display().to_string();
            let error = Certificate::new(&self.config()).reload(NOW).unwrap_err();
            error.to_string().replace(&folder, "FOLDER")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    fn in_force(certificate: &Certificate) -> Vec<u8> {
        certificate.current.load_full().unwrap().cert[0].to_vec()
    }

    #[test]
    fn a_pair_that_cannot_be_used_is_told_with_its_file() {
        let folder = Folder::new("bad");
        assert_eq!(
            folder.message(),
            "FOLDER/chain.pem: cannot be read: No such file or directory (os error 2)"
        );
        folder.issue(2020, 2026);
        assert_eq!(
            folder.message(),
            "FOLDER/chain.pem: the certificate is over since 2026-01-01; renew it"
        );
        folder.issue(2020, 2030);
        let mine = fs::read(folder.config().key).unwrap();
        folder.issue(2020, 2030);
        fs::write(folder.config().key, &mine).unwrap();
        assert_eq!(
            folder.message(),
            "FOLDER/key.pem: is not the key of the first certificate in FOLDER/chain.pem, which must be the server's \
             own"
        );
        fs::write(folder.config().key, "-----BEGIN SECRET\nabc").unwrap();
        let message = folder.message();
        assert!(
            message.starts_with("FOLDER/key.pem: ") && !message.contains("SECRET"),
            "{message}"
        );
        fs::write(folder.config().chain, vec![b'x'; MAX_BYTES as usize + 1]).unwrap();
        assert_eq!(
            folder.message(),
            "FOLDER/chain.pem: has 262145 bytes; expected at most 262144"
        );
        fs::write(folder.config().chain, &mine).unwrap();
        assert_eq!(
            folder.message(),
            "FOLDER/chain.pem: holds no certificate; expected PEM with BEGIN CERTIFICATE"
        );
    }

    #[test]
    fn a_new_pair_takes_over_and_a_broken_one_leaves_the_old() {
        let folder = Folder::new("reload");
        let first = folder.issue(2020, 2030);
        let certificate = Certificate::new(&folder.config());
        assert!(!certificate.is_in_force());
        certificate.reload(NOW).unwrap();
        assert_eq!(in_force(&certificate), first);
        assert_eq!(certificate.reload_if_changed(NOW), Ok(false));
        fs::write(folder.config().key, "nothing").unwrap();
        assert!(certificate.reload_if_changed(NOW).is_err());
        assert_eq!(in_force(&certificate), first);
        // It is told once, and not again every minute.
        assert_eq!(certificate.reload_if_changed(NOW), Ok(false));
        let second = folder.issue(2020, 2031);
        assert_eq!(certificate.reload_if_changed(NOW), Ok(true));
        assert_eq!(in_force(&certificate), second);
        fs::remove_file(folder.config().chain).unwrap();
        assert!(certificate.reload(NOW).is_err());
        assert_eq!(in_force(&certificate), second);
    }

    #[test]
    fn a_clock_that_was_ahead_keeps_no_good_pair_away_once_it_is_right() {
        let folder = Folder::new("ahead");
        let pair = folder.issue(2020, 2030);
        let certificate = Certificate::new(&folder.config());
        let ahead = NOW + 20 * 365 * 86_400;
        let message = certificate.reload(ahead).unwrap_err().message;
        assert_eq!(message, "the certificate is over since 2030-01-01; renew it");
        // As time goes on it does not become better, and is not told again.
        assert_eq!(certificate.reload_if_changed(ahead + 60), Ok(false));
        assert!(!certificate.is_in_force());
        assert_eq!(certificate.reload_if_changed(NOW), Ok(true));
        assert_eq!(in_force(&certificate), pair);
        assert_eq!(certificate.reload_if_changed(NOW - 1), Ok(false));
        // What is in force stays so, whatever the clock says later.
        assert_eq!(certificate.reload_if_changed(ahead), Ok(false));
        assert!(certificate.reload(ahead).is_err());
        assert_eq!(in_force(&certificate), pair);
    }

    #[test]
    fn rfc8737_s3_a_proof_is_shown_for_its_name_until_it_is_taken_back() {
        let folder = Folder::new("proofs");
        let certificate = Certificate::new(&folder.config()).with_handshake_proofs();
        let pair = || {
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            let proof = params.self_signed(&key).unwrap();
            (proof.der().to_vec(), key.serialize_der())
        };
        let shown = |name: Option<&str>| certificate.proof_of(name).map(|pair| pair.cert[0].to_vec());
        for _ in 0..2 {
            // The second takes the place of the first.
            let proof = pair();
            certificate.show_proof("a.example", Some(proof.clone())).unwrap();
            assert_eq!(shown(Some("a.example")), Some(proof.0));
        }
        assert_eq!((shown(Some("b.example")), shown(None)), (None, None));
        let broken = (pair().0, b"no key".to_vec());
        assert!(certificate.show_proof("b.example", Some(broken)).is_err());
        certificate.show_proof("a.example", None).unwrap();
        assert_eq!(shown(Some("a.example")), None);
        let usual = Certificate::new(&folder.config());
        assert!(usual.show_proof("a.example", Some(pair())).is_err());
        assert!(usual.proof_of(Some("a.example")).is_none());
    }

    #[test]
    fn it_is_known_who_vouches() {
        let folder = Folder::new("trust");
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "an authority");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["dns.example".to_owned()]).unwrap();
        let leaf = params.signed_by(&key, &issuer).unwrap();
        let certificate = Certificate::new(&folder.config());
        assert_eq!(certificate.trust(None), Trust::None);
        fs::write(folder.config().key, key.serialize_pem()).unwrap();
        fs::write(folder.config().chain, leaf.pem()).unwrap();
        certificate.reload(NOW).unwrap();
        let own = authority.der().to_vec();
        assert_eq!(certificate.trust(None), Trust::None);
        assert_eq!(certificate.trust(Some(&own)), Trust::Own(own.clone()));
        // Another authority, and something that is none.
        let stranger = folder.issue(2020, 2030);
        fs::write(folder.config().key, key.serialize_pem()).unwrap();
        assert_eq!(certificate.trust(Some(&stranger)), Trust::None);
        assert_eq!(certificate.trust(Some(b"nothing")), Trust::None);
        // The chain brings it along.
        fs::write(folder.config().chain, leaf.pem() + &authority.pem()).unwrap();
        certificate.reload(NOW).unwrap();
        assert_eq!(certificate.trust(None), Trust::Own(own));
    }

    #[test]
    fn a_key_for_everybody_and_a_clock_that_is_behind_are_warned_of() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::new("warn");
        folder.issue(2028, 2030);
        let key = folder.config().key;
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let certificate = Certificate::new(&folder.config());
        certificate.reload(NOW).unwrap();
        let warnings = certificate.warnings(NOW);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("key.pem: every user of this host can read the private key"));
        assert!(warnings[1].contains("not valid before 2028-01-01"));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        folder.issue(2020, 2030);
        certificate.reload(NOW).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(certificate.warnings(NOW), [""; 0]);
    }
}
