//! Where the certificate of the encrypted listeners comes from: files that somebody else renews, an authority of our
//! own, or a public one ([`super::acme`]).

use std::path::PathBuf;

use super::address::shown;
use super::document::{Kind, Node};
use super::values::Reader;
use super::{AcmeConfig, Config, ListenUrl};

/// Keys of the section.
pub(super) const CERTIFICATE: &[&str] = &["acme", "chain", "key"];
/// What to write instead of what is not understood.
const FORMS: &str = "own, or keys and their values (acme, or chain and key)";

/// Folder below `state` of what we make ourselves.
const FOLDER: &str = "certificate";

/// `certificate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateConfig {
    /// `{chain, key}`: files that somebody else keeps good.
    Files(CertificateFiles),
    /// `own`: an authority of our own signs.
    Own,
    /// `{acme: …}`: a public authority signs.
    Acme(Box<AcmeConfig>),
}

/// Files of the server's certificate, both in PEM. One file may be both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// `certificate.chain`: the server's own certificate first, then those that signed it.
    pub chain: PathBuf,
    /// `certificate.key`: its private key.
    pub key: PathBuf,
}

impl Config {
    /// Where what we make ourselves is kept.
    #[must_use]
    pub fn certificate_folder(&self) -> PathBuf {
        self.state.join(FOLDER)
    }

    /// The files that encrypted listeners read, whoever writes them.
    #[must_use]
    pub fn certificate_files(&self) -> Option<CertificateFiles> {
        // One file for both is replaced at once, so that nobody ever sees a key beside another's certificate.
        let both = |name: &str| {
            let path = self.certificate_folder().join(name);
            CertificateFiles {
                chain: path.clone(),
                key: path,
            }
        };
        Some(match self.certificate.as_ref()? {
            CertificateConfig::Files(files) => files.clone(),
            CertificateConfig::Own => both("own.pem"),
            CertificateConfig::Acme(_) => both("acme.pem"),
        })
    }

    /// Encrypted listeners for which no certificate is named have one of our own authority, those that nobody asked
    /// for as well: the clients that look for them take any.
    pub(super) fn settle_certificate(&mut self) {
        let is_encrypted = |listen: &ListenUrl| listen.scheme.is_encrypted();
        let is_needed = self.listen.iter().any(is_encrypted) || !self.implied_listeners().is_empty();
        if cfg!(feature = "tls") && is_needed && self.certificate.is_none() {
            self.certificate = Some(CertificateConfig::Own);
        }
    }
}

impl Reader {
    /// See [`CertificateConfig`].
    pub(super) fn certificate(&mut self, node: &Node) {
        if !cfg!(feature = "tls") {
            return self.defect(
                node.id,
                "this build has no encrypted listeners; remove `certificate`, or use a build with the feature `tls`",
            );
        }
        if let Kind::Text(text) = &node.kind {
            if text != "own" {
                return self.defect(node.id, format!("expected {FORMS}, found {}", shown(text)));
            }
            self.config.certificate = Some(CertificateConfig::Own);
            return;
        }
        let keys = self.section(node, "certificate", CERTIFICATE);
        let value = |word: &str| keys.iter().find(|(key, _)| *key == word).map(|(_, node)| *node);
        if let Some(acme) = value("acme") {
            if keys.len() > 1 {
                let message = "what an authority signs is kept in the state folder; remove `chain` and `key`, or `acme`";
                self.defect(node.id, message);
            }
            return self.acme(acme);
        }
        let mut path = |word| value(word).map(|node| self.path_of(node, "the path of a file in PEM"));
        match (path("chain"), path("key")) {
            (Some(Some(chain)), Some(Some(key))) => {
                let files = CertificateFiles { chain, key };
                self.config.certificate = Some(CertificateConfig::Files(files));
            }
            (None, _) | (_, None) if matches!(node.kind, Kind::Map(_)) => self.defect(
                node.id,
                "a certificate is two files; write `certificate: {chain: FILE, key: FILE}`",
            ),
            // What is wrong with one of them has been said.
            _ => {}
        }
    }
}
