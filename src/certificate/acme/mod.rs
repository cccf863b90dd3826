//! Certificates of a public authority by ACME (RFC 8555), which every device knows.
//!
//! Read [`order`] first: the course from names to a certificate. [`orders`] says when one is due, also by the authority's
//! own word ([`suggestion`]); [`challenge`] is how names are proved, [`client`] how the server is spoken to, `jose` how
//! requests are signed, [`memory`] what outlives a restart.
//!
//! The protocol is written here and not taken from instant-acme, which adds 235,960 bytes to the program, knows no
//! record that stays (`dns-persist-01`), and panics on a `Retry-After` that is large enough.

pub mod challenge;
pub mod client;
mod jose;
pub mod memory;
pub mod order;
pub mod orders;
pub mod suggestion;
#[cfg(test)]
mod tests;

pub use challenge::{Kind, Proof};
pub use client::{Call, Method, Reply, Trouble, Web};
pub use memory::Memory;
pub use order::{House, Stage, obtain};
pub use orders::Orders;
