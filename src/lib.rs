//! HearthDNS: see README.md.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod message;
pub mod zone;
