#![doc = include_str!("ARCHITECTURE.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cache;
#[cfg(feature = "tls")]
pub mod certificate;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod ctl;
pub mod daemon;
pub mod device;
pub mod engine;
pub mod health;
pub mod interfaces;
pub mod lan;
pub mod matrix;
pub mod message;
pub mod netlink;
pub mod nftset;
pub mod onboard;
pub mod policy;
#[cfg(feature = "quic")]
mod quic;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod uci;
pub mod upstream;
pub mod view;
pub mod warm;
pub mod zone;
