//! How many connections may be open, in all and for one client. Each transport has a gate of its own, so that a
//! crowd at one does not shut another; and one more for its private-only listeners, which may be open to the
//! internet: strangers there take no place of the house.
//!
//! A connection passes the gate before anything is read from it, and holds its place until it is gone: a
//! handshake that never ends costs a place like any other connection. It comes by an entrance, one for each
//! listener, and what that listener answers goes with its place.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::device::Bearer;
use crate::engine::{Client, Transport};
use crate::telemetry::{Event, Traffic};

/// Bounds on the connections of one transport.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one client address.
    pub per_client: usize,
    /// Queries of one connection that may wait for upstream.
    pub pipeline: usize,
    /// A connection without a query, or a client that does not read, is closed after this time.
    pub idle: Duration,
}

/// The gates of all transports, for everybody and for private-only listeners; those of UDP, which has no
/// connections, stay shut.
pub struct Gates([[Arc<Gate>; Transport::ALL.len()]; 2]);

impl Gates {
    /// Gates with these bounds: those of plain TCP, and those of each encrypted transport.
    #[must_use]
    pub fn new(tcp: Limits, encrypted: Limits, traffic: &Arc<Traffic>) -> Self {
        let gate = |transport: Transport| {
            let limits = if transport.is_encrypted() { encrypted } else { tcp };
            Arc::new(Gate::new(transport, limits, Arc::clone(traffic)))
        };
        Gates([(), ()].map(|()| Transport::ALL.map(gate)))
    }

    /// The gate of a transport's listeners that are private-only or not.
    #[must_use]
    pub fn of(&self, transport: Transport, private_only: bool) -> &Arc<Gate> {
        &self.0[usize::from(private_only)][transport as usize]
    }

    /// Connections open now, over all transports.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.iter().flatten().map(|gate| gate.open()).sum()
    }
}

/// Counts the connections of one transport; shared by its listeners of one kind.
pub struct Gate {
    transport: Transport,
    limits: Limits,
    open: Mutex<Open>,
    traffic: Arc<Traffic>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A listener's way to its gate.
#[derive(Clone)]
pub(super) struct Entrance {
    gate: Arc<Gate>,
    private_only: bool,
}

/// A place in the gate, given back when dropped.
pub(super) struct Place {
    gate: Arc<Gate>,
    addr: IpAddr,
    private_only: bool,
}

impl Entrance {
    /// Of a listener that is private-only or not.
    pub(super) fn new(gate: &Arc<Gate>, private_only: bool) -> Self {
        Entrance {
            gate: Arc::clone(gate),
            private_only,
        }
    }

    /// The gate that it leads to.
    #[cfg(feature = "quic")]
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Lets a connection in, if there is a place.
    pub(super) fn enter(&self, addr: IpAddr) -> Option<Place> {
        // 192.0.2.1 and ::ffff:192.0.2.1 are one client.
        let addr = addr.to_canonical();
        self.gate.takes(addr).then(|| Place {
            gate: Arc::clone(&self.gate),
            addr,
            private_only: self.private_only,
        })
    }
}

impl Gate {
    /// A gate with these bounds.
    #[must_use]
    pub fn new(transport: Transport, limits: Limits, traffic: Arc<Traffic>) -> Self {
        Gate {
            transport,
            limits,
            open: Mutex::default(),
            traffic,
        }
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock().all
    }

    /// What it counts.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The bounds that it keeps.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether half of the places are taken: time to ask for more before one is given.
    #[cfg(feature = "quic")]
    pub(super) fn is_busy(&self) -> bool {
        self.open() * 2 >= self.limits.connections
    }

    /// Counts a connection, if there is a place.
    fn takes(&self, addr: IpAddr) -> bool {
        let mut open = self.lock();
        let count = open.by_client.get(&addr).copied().unwrap_or(0);
        let refusal = if open.all >= self.limits.connections {
            Some(Event::Full)
        } else if count >= self.limits.per_client {
            Some(Event::ClientFull)
        } else {
            None
        };
        self.note(refusal.unwrap_or(Event::Accepted));
        if refusal.is_some() {
            return false;
        }
        open.all += 1;
        open.by_client.insert(addr, count + 1);
        true
    }

    pub(super) fn note(&self, event: Event) {
        self.traffic.note(self.transport, event);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The address of who has it.
    pub(super) fn addr(&self) -> IpAddr {
        self.addr
    }

    /// Who has it; `bearer` is what the token of a query says.
    pub(super) fn client(&self, bearer: Bearer) -> Client {
        Client {
            addr: self.addr,
            transport: self.gate.transport,
            bearer,
            private_only: self.private_only,
        }
    }

    /// What the connection came by.
    #[cfg(feature = "onboard")]
    pub(super) fn transport(&self) -> Transport {
        self.gate.transport
    }

    pub(super) fn limits(&self) -> Limits {
        self.gate.limits
    }

    pub(super) fn note(&self, event: Event) {
        self.gate.note(event);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.gate.lock();
        open.all -= 1;
        match open.by_client.get_mut(&self.addr) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.by_client.remove(&self.addr);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(traffic: &Traffic, wanted: Event) -> u64 {
        let mut events = traffic.events(Transport::Tls);
        events
            .find(|(event, _)| *event == wanted)
            .map_or(0, |(_, count)| count)
    }

    #[test]
    fn every_transport_has_gates_of_its_own_and_one_for_devices() {
        let limits = Limits {
            connections: 1,
            per_client: 1,
            pipeline: 1,
            idle: Duration::from_secs(1),
        };
        let gates = Gates::new(limits, limits, &Arc::default());
        let mut places = Vec::new();
        for transport in Transport::ALL {
            for private_only in [false, true] {
                let entrance = Entrance::new(gates.of(transport, private_only), private_only);
                let enter = || entrance.enter("192.0.2.1".parse().unwrap());
                places.push(enter().unwrap());
                assert!(enter().is_none());
            }
        }
        assert_eq!(gates.open(), places.len());
    }

    #[test]
    fn places_are_few_for_all_and_fewer_for_one_and_come_back() {
        let traffic = Arc::new(Traffic::default());
        let limits = Limits {
            connections: 3,
            per_client: 2,
            pipeline: 1,
            idle: Duration::from_secs(1),
        };
        let gate = Arc::new(Gate::new(Transport::Tls, limits, Arc::clone(&traffic)));
        let entrance = Entrance::new(&gate, true);
        let enter = |addr: &str| entrance.enter(addr.parse().unwrap());
        let first = enter("192.0.2.1");
        assert!(first.as_ref().unwrap().client(Bearer::Nobody).private_only);
        let second = enter("::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some());
        assert!(enter("192.0.2.1").is_none());
        let third = enter("192.0.2.2");
        assert!(third.is_some());
        assert!(enter("192.0.2.3").is_none());
        assert_eq!(gate.open(), 3);
        drop(first);
        assert!(enter("192.0.2.3").is_some());
        drop((second, third));
        assert_eq!(gate.open(), 0);
        assert!(gate.lock().by_client.is_empty());
        let counts = [Event::Accepted, Event::ClientFull, Event::Full].map(|event| counted(&traffic, event));
        assert_eq!(counts, [4, 1, 1]);
    }
}
