//! What is done when the network is another: new connections to upstreams, and another look at our own subnets.
//!
//! [`super::network`] notices a change, `dnsctl reconnect` says that there was one; both end here.

use std::io;
use std::sync::Arc;

use ipnet::IpNet;
use tokio::runtime::Handle;
use tracing::{info, warn};

use crate::config::Clients;
use crate::control::types::Reconnected;
use crate::engine::Engine;
use crate::interfaces;
use crate::policy::Access;
use crate::upstream::Upstreams;

/// Shortest prefix of an interface that counts. One of a few bits is a tunnel's or a mistake, and would let half the
/// world in.
const SHORTEST: u8 = 8;

/// What a change of the network concerns.
pub(super) struct Reconnect {
    pub(super) clients: Clients,
    pub(super) engine: Arc<Engine>,
    pub(super) upstreams: Arc<Upstreams>,
    /// Where servers that failed are asked: it must run.
    pub(super) runtime: Handle,
}

impl Reconnect {
    /// Does all of it, and logs one line that says why.
    pub(super) fn run(&self, why: &str) -> Reconnected {
        let subnets_changed = self.read_subnets();
        let change = self.upstreams.network_changed();
        let reconnected = Reconnected {
            upstreams: change.servers() as u64,
            probed: change.failed() as u64,
            subnets_changed,
        };
        let also = if subnets_changed {
            "; clients of other subnets may ask now"
        } else {
            ""
        };
        info!(
            "{why}: new connections to upstreams, {} probed{also}",
            reconnected.probed
        );
        self.runtime.spawn(change.probe());
        reconnected
    }

    /// Reads the subnets of our own interfaces again, where they count; whether that made a difference.
    fn read_subnets(&self) -> bool {
        if !self.clients.own_subnets {
            return false;
        }
        let subnets = match own_subnets() {
            Ok(subnets) => subnets,
            Err(error) => {
                warn!(
                    "cannot read the addresses of the interfaces, so the same clients may ask as before: {error}"
                );
                return false;
            }
        };
        let access = Access::new(self.clients.prefixes.iter().copied().chain(subnets));
        let is_new = access != *self.engine.access();
        if is_new {
            self.engine.publish_access(access);
        }
        is_new
    }
}

/// Who may ask, as the config says and the interfaces are now.
pub(super) fn access(clients: &Clients) -> Access {
    let mut prefixes = clients.prefixes.clone();
    if clients.own_subnets {
        match own_subnets() {
            Ok(subnets) => prefixes.extend(subnets),
            Err(error) => warn!(
                "cannot read the addresses of the interfaces, so nobody may ask for being in a subnet of theirs: {error}; name \
                 such clients with `clients: [private, local, PREFIX]`"
            ),
        }
    }
    Access::new(prefixes)
}

/// The subnets of our own interfaces. A point-to-point link has no subnet: its prefix holds one address.
fn own_subnets() -> io::Result<Vec<IpNet>> {
    let addresses = interfaces::addresses()?;
    let count = addresses.iter().filter(|address| address.prefix >= SHORTEST);
    Ok(count
        .filter_map(|address| IpNet::new(address.ip, address.prefix).ok())
        .collect())
}
