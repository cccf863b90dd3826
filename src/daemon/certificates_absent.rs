//! Stands in for `certificates.rs` where the program is built without TLS: nothing needs a certificate, so nobody
//! keeps one.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use super::desk::Desk;
use crate::config::Config;
use crate::control::types::{Authority, CertificateStatus, Failure};
use crate::message::Name;
use crate::onboard::Trust;
use crate::serve::tls::{Certificate, CertificateError};

/// Nobody.
pub(super) struct Keeper(Infallible);

impl Keeper {
    pub(super) fn start(_: &Config, _: &[Name], _: &[IpAddr], _: u64) -> Option<Self> {
        None
    }

    pub(super) fn check(_: &Config, _: u64) -> Option<String> {
        None
    }

    pub(super) fn certificate(&self) -> &Arc<Certificate> {
        match self.0 {}
    }

    pub(super) fn trust(&self) -> Trust {
        match self.0 {}
    }

    pub(super) fn look(&self, _: &[Name], _: &[IpAddr], _: u64) {
        match self.0 {}
    }

    pub(super) fn reload(&self, _: u64) -> Result<(), CertificateError> {
        match self.0 {}
    }

    pub(super) fn renew(&self, _: &[Name], _: &[IpAddr], _: u64) -> Result<CertificateStatus, Failure> {
        match self.0 {}
    }

    pub(super) fn authority(&self, _: bool, _: &[Name], _: &[IpAddr], _: u64) -> Result<Authority, Failure> {
        match self.0 {}
    }

    pub(super) async fn order(&self, _: &Arc<Desk>) {
        match self.0 {}
    }

    pub(super) fn status(&self, _: u64) -> CertificateStatus {
        match self.0 {}
    }
}
