//! The network is another: connections are dropped, failures forgiven, and whoever failed is asked at once.
//!
//! What was learnt of a server in one network says little in the next: one that could not be reached may well
//! answer there. So nobody counts as failing any more; but those that did are asked for something at once,
//! beside the questions of clients, so that none of these waits for a server that is dead here too.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;
use tracing::debug;

use super::{Peer, Upstreams};
use crate::engine::fetch::Question;
use crate::message::{Name, Rtype};

/// What a change of the network did, and what is still to be done.
#[must_use = "the servers that failed are asked by `probe`"]
pub struct Change {
    upstreams: Arc<Upstreams>,
    servers: usize,
    failed: Vec<Arc<Peer>>,
}

impl Upstreams {
    /// Drops all connections, and forgets who failed: both belong to a network that is gone. Queries under way
    /// are sent once more on new connections.
    pub fn network_changed(self: &Arc<Self>) -> Change {
        let mut known: Vec<Arc<Peer>> = Vec::new();
        for route in &self.routes {
            for peer in route.peers.load().iter() {
                if !known.iter().any(|other| Arc::ptr_eq(other, peer)) {
                    known.push(Arc::clone(peer));
                }
            }
        }
        let mut failed = Vec::new();
        for peer in &known {
            if peer.health().is_failing() {
                failed.push(Arc::clone(peer));
            }
            // First forgiven: whoever notes a failure from here on was there in the new network.
            peer.health().forgive();
            peer.server.network_changed();
        }
        Change {
            upstreams: Arc::clone(self),
            servers: known.len(),
            failed,
        }
    }
}

impl Change {
    /// Servers whose connections were dropped.
    #[must_use]
    pub fn servers(&self) -> usize {
        self.servers
    }

    /// Servers that were failing.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failed.len()
    }

    /// Asks those that were failing for the root's name servers, which everybody may know that we ask for. Any
    /// reply will do. Ends with the last of them, after an attempt's time at the latest.
    pub async fn probe(self) {
        let question = Question {
            name: Name::root(),
            rtype: Rtype::NS,
            route: 0,
            dnssec_ok: false,
            checking_disabled: false,
        };
        let began = Instant::now();
        let until = began + self.upstreams.limits.attempt;
        let probes = self.failed.iter().map(|peer| async {
            let result = self.upstreams.ask_one(peer, &question, began, until).await;
            if let Err(error) = &result {
                debug!(server = peer.server.name(), %error, "still fails after the network changed");
            }
        });
        join_all(probes).await;
    }
}
