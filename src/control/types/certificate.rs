//! Answers about the certificate of the encrypted listeners, and about the authority of our own that signs it.

use serde::{Deserialize, Serialize};

use super::DefectText;

/// The certificate of the encrypted listeners. Times are as in `2027-01-31T12:00:00Z`, the time left out at midnight.
/// One flat struct of texts: what reads it is a good part of `dnsctl`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CertificateStatus {
    /// Who makes it: `files` (somebody else), `own` (an authority of our own) or `acme` (a public one).
    pub source: String,
    /// Who vouches for it: `public` (an authority that every device knows), `own` (one that devices must be given),
    /// `unknown`, or `none` where there is no certificate.
    pub trust: String,
    /// Host names that it is for.
    pub names: Vec<String>,
    /// Addresses that it is for.
    pub addresses: Vec<String>,
    /// Who signed it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// Since when it is good.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Until when.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub until: String,
    /// When it is renewed, where that is ours to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub renewal: String,
    /// What is being done for a new one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub doing: String,
    /// When it is tried again, where the last try failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next_try: String,
    /// Records that are to appear in public DNS, so that a new one can be had: lines of a zone file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub awaits: Vec<String>,
    /// Its file.
    pub file: String,
    /// The authority of our own that signed it, as devices list it; this and what follows only where there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub authority: String,
    /// SHA-256 of its certificate: pairs of hexadecimal digits with colons between.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
    /// Until when it is good.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub authority_until: String,
    /// Domains and prefixes of addresses: it signs for what is in them, and for nothing else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signs_for: Vec<String>,
    /// Zones that it may not sign for; nothing needs that now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones_left_out: Vec<String>,
    /// What stands in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<DefectText>,
}

/// The certificate of our own authority.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// In PEM.
    pub pem: String,
    /// See [`CertificateStatus::fingerprint`].
    pub fingerprint: String,
    /// Whether it was made just now, so that no device trusts it yet.
    pub replaced: bool,
}
