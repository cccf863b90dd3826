//! Answers about the certificate of the encrypted listeners, and about the authority of our own that signs it.

use super::DefectText;
use super::words::words;

words! {
    /// The certificate of the encrypted listeners. Times are as in `2027-01-31T12:00:00Z`, the time left out at midnight.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct CertificateStatus {
        /// Who makes it: `files` (somebody else), `own` (an authority of our own) or `acme` (a public one).
        pub source: String = lenient,
        /// Who vouches for it: `public` (an authority that every device knows), `own` (one that devices must be given),
        /// `unknown`, or `none` where there is no certificate.
        pub trust: String = lenient,
        /// Host names that it is for.
        pub names: Vec<String> = lenient,
        /// Addresses that it is for.
        pub addresses: Vec<String> = lenient,
        /// Who signed it.
        pub issuer: String = optional,
        /// Since when it is good.
        pub from: String = optional,
        /// Until when.
        pub until: String = optional,
        /// When it is renewed, where that is ours to do.
        pub renewal: String = optional,
        /// What is being done for a new one.
        pub doing: String = optional,
        /// When it is tried again, where the last try failed.
        pub next_try: String = optional,
        /// Records that are to appear in public DNS, so that a new one can be had: lines of a zone file.
        pub awaits: Vec<String> = optional,
        /// Its file.
        pub file: String = lenient,
        /// The authority of our own that signed it, as devices list it; this and what follows only where there is one.
        pub authority: String = optional,
        /// SHA-256 of its certificate: pairs of hexadecimal digits with colons between.
        pub fingerprint: String = optional,
        /// Until when it is good.
        pub authority_until: String = optional,
        /// Domains and prefixes of addresses: it signs for what is in them, and for nothing else.
        pub signs_for: Vec<String> = optional,
        /// Zones that it may not sign for; nothing needs that now.
        pub zones_left_out: Vec<String> = optional,
        /// What stands in the way.
        pub problems: Vec<DefectText> = optional,
    }

    /// The certificate of our own authority.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Authority {
        /// In PEM.
        pub pem: String,
        /// See [`CertificateStatus::fingerprint`].
        pub fingerprint: String,
        /// Whether it was made just now, so that no device trusts it yet.
        pub replaced: bool,
    }
}
