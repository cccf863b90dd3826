//! Stands in for `tls.rs` where the program is built without it: there is no certificate that could be used, and no
//! encrypted listener that would ask for one.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::config::CertificateFiles;
use crate::message::Name;
use crate::onboard::Trust;

/// The file of a certificate that is not read.
#[derive(Debug)]
pub struct Certificate(PathBuf);

/// That this build has no use for a certificate.
#[derive(Debug)]
pub struct CertificateError {
    /// The file of the chain.
    pub file: PathBuf,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.message)
    }
}

impl std::error::Error for CertificateError {}

impl Certificate {
    /// Keeps the name of the file.
    #[must_use]
    pub fn new(config: &CertificateFiles) -> Self {
        Certificate(config.chain.clone())
    }

    /// Never.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        false
    }

    /// Says that there is none.
    ///
    /// # Errors
    /// Always.
    pub fn check_for_strangers(&self, _: &Name, _: &[IpAddr], _: bool, _: u64) -> Result<(), String> {
        Err("this build has no encrypted listeners".to_owned())
    }

    /// Nobody.
    #[must_use]
    pub fn trust(&self, _: Option<&[u8]>) -> Trust {
        Trust::None
    }

    /// None.
    #[must_use]
    pub fn warnings(&self, _: u64) -> Vec<String> {
        Vec::new()
    }

    /// Reads nothing.
    ///
    /// # Errors
    /// Always.
    pub fn reload(&self, _: u64) -> Result<(), CertificateError> {
        Err(CertificateError {
            file: self.0.clone(),
            message: "this build has no encrypted listeners".to_owned(),
        })
    }

    /// Reads nothing, and has said so before.
    ///
    /// # Errors
    /// Never.
    pub fn reload_if_changed(&self, _: u64) -> Result<bool, CertificateError> {
        Ok(false)
    }

    /// The file of the chain.
    #[must_use]
    pub fn chain(&self) -> &Path {
        &self.0
    }
}
