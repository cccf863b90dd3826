//! Certificates that we make, or have made.
//!
//! The listeners know files and nothing else ([`crate::serve::tls`]); what stands here writes one and lets them take
//! it. [`own`] is an authority of our own and what it signs; `acme` has a public one sign. [`plan`] says when something
//! is due, [`issue`] makes keys and certificates, [`read`] says what stands in one.

#[cfg(feature = "acme")]
pub mod acme;
#[cfg(feature = "acme")]
pub mod hook;
pub mod issue;
pub mod own;
pub mod plan;
pub mod read;
