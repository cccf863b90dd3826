//! Stands in for `tls.rs` where the program is built without it: the configuration refuses every encrypted
//! listener, so no certificate can exist and none of this ever runs.

use std::convert::Infallible;
use std::path::Path;

use crate::config::CertificateConfig;

/// No certificate.
#[derive(Debug)]
pub struct Certificate(Infallible);

/// Never told.
#[derive(Debug)]
pub struct CertificateError {
    /// Never read.
    pub file: std::path::PathBuf,
    /// Never read.
    pub message: String,
}

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CertificateError {}

impl Certificate {
    /// Never called: a build without TLS reads no `certificate`.
    ///
    /// # Errors
    /// Always.
    pub fn load(config: &CertificateConfig, _: u64) -> Result<Self, CertificateError> {
        Err(CertificateError {
            file: config.chain.clone(),
            message: "this build has no encrypted listeners".to_owned(),
        })
    }

    /// Never called.
    #[must_use]
    pub fn warnings(&self, _: u64) -> Vec<String> {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// Never.
    pub fn reload(&self, _: u64) -> Result<(), CertificateError> {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// Never.
    pub fn reload_if_changed(&self, _: u64) -> Result<bool, CertificateError> {
        match self.0 {}
    }

    /// Never called.
    #[must_use]
    pub fn chain(&self) -> &Path {
        match self.0 {}
    }
}
