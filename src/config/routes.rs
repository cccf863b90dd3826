//! Routes: which servers are asked for which domain, and how one of them is chosen.

use ipnet::IpNet;

use super::UpstreamSpec;
use crate::health::Strategy;
use crate::message::Name;

/// Servers that are asked for a domain, and what is believed of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Servers {
    /// In the order in which they are preferred.
    pub upstreams: Vec<UpstreamSpec>,
    /// How one is chosen; `None`: as `upstream.strategy` says.
    pub strategy: Option<Strategy>,
    /// A reply with an address outside these is not taken; empty: all are.
    pub accept: Vec<IpNet>,
    /// A reply with one of these addresses is not taken.
    pub deny: Vec<IpNet>,
}

/// What becomes of questions for a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteTarget {
    /// These servers are asked.
    Servers(Servers),
    /// The domain does not exist.
    Nowhere,
}

/// One entry of `routes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteConfig {
    /// The domain; names below it go the same way.
    pub domain: Name,
    /// Where they go.
    pub target: RouteTarget,
}

/// `screen`: what is believed of upstreams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenConfig {
    /// Addresses of private ranges are removed from replies.
    pub rebinding: bool,
    /// Domains whose names may lead to private addresses.
    pub rebinding_exempt: Vec<Name>,
    /// A reply with one of these addresses is forged.
    pub bogus: Vec<IpNet>,
}

impl Default for ScreenConfig {
    fn default() -> Self {
        Self {
            rebinding: true,
            rebinding_exempt: Vec::new(),
            bogus: Vec::new(),
        }
    }
}
