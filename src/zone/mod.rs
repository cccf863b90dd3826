//! Zones: master files in, answers out.
//!
//! The text side: [`master`] reads master files, [`edit`] changes them in place, [`check`] finds what would
//! break a zone, [`render`] writes them. [`tree`] compiles their records so that [`lookup`] can answer from
//! them. [`builtin`] holds the zones that every resolver must answer itself, [`itself`] those in which it speaks of
//! itself, and [`lan`] fills in the names of the devices of the house. Read [`record`] first.

pub mod builtin;
pub mod check;
pub mod edit;
pub mod itself;
pub mod lan;
pub mod lookup;
pub mod master;
pub mod rdata;
pub mod record;
pub mod render;
pub mod tree;

pub use itself::{Designated, Itself};
pub use lan::Lan;
pub use lookup::{Found, Set};
pub use record::{Defect, Mode, Options, Record};
pub use tree::Zone;
