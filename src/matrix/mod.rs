//! Matrix servers: which records one needs, and what else must be set so that servers and clients find it.
//!
//! [`set`] holds what a server's records are made from, and reads it back from a zone; [`mark`] is the line by which a zone
//! file remembers what records cannot say; [`range`] knows addresses that are refused; [`texts`] are the bodies of `.well-known` and the settings of web servers and
//! homeservers; [`mod@doctor`] judges what was seen on the way to a server. Values in, values out: which file is changed, and by whom, is said elsewhere (`ctl`). Read [`set`] next.
//!
//! Sections are those of the Matrix specification (1.8 and later): of the server-server API "Resolving server names", with
//! its six steps, and of the client-server API "Server discovery".

#[cfg(feature = "doctor")]
pub mod doctor;
pub mod lint;
pub mod mark;
pub mod range;
pub mod set;
pub mod texts;

pub use set::{Delegation, Planned, Role, ServerName, Service, Set, Target};

/// Port of federation where nothing else is said (IANA: matrix-fed).
pub const FEDERATION_PORT: u16 = 8448;
/// Port of HTTPS, which is that of `.well-known` too.
pub const HTTPS_PORT: u16 = 443;
/// TTL in seconds of a Matrix server's records: a corrected address arrives soon.
pub const TTL: u32 = 300;
/// TTL in seconds shortly before a server moves.
pub const MOVING_TTL: u32 = 60;
