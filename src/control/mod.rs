//! The control socket: how `dnsctl` talks to the daemon.
//!
//! JSON lines over a Unix-domain socket, specified in `PROTOCOL.md`. [`types`] holds the words that both
//! sides share, [`mod@line`] puts them on lines, [`files`] carries out what concerns zones, [`facts`] says what
//! routers and devices must know, [`server`] is the
//! daemon's side, [`client`] the other. Read [`types`] next.

pub mod client;
pub mod facts;
pub mod files;
pub mod line;
pub mod server;
pub mod types;
