//! A server of hickory-server that answers with HearthDNS: our zone files, everything else from an upstream.
//!
//! `cargo run --features embed --example embed -- zones 9.9.9.9 127.0.0.1:5301`
#![allow(clippy::unwrap_used, dead_code)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hearthdns::config::{Config, limits};
use hearthdns::engine::{Engine, Rules};
use hearthdns::health::Strategy;
use hearthdns::policy::Access;
use hearthdns::policy::screen::Screen;
use hearthdns::serve::Service;
use hearthdns::store::{Store, StoreSettings};
use hearthdns::telemetry::Outcomes;
use hearthdns::upstream::{Limits, Route, Upstreams};
use hearthdns::view::{Routing, Snapshot};
use hickory_server::Server;
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::Instant;

/// Answers from the zone files of a folder, and from the upstream.
pub(crate) fn service(zones: &std::path::Path, upstream: &str) -> Service {
    // Where nothing is edited, the state folder is not touched.
    let config = Config::with_paths(zones.to_owned(), zones.join(".state"), zones.join(".control"));
    let mut store = Store::open(StoreSettings::of(&config));
    store.inspect(1_798_761_600);
    let parts = store.load(1_798_761_600).parts;
    let snapshot = Snapshot::build(
        parts.base,
        parts.views,
        &Routing::default(),
        &hearthdns::zone::Itself::default(),
        parts.generation,
    );
    let rules = Rules {
        access: Access::new(config.clients.prefixes),
        edns_payload: config.edns_payload,
        cache_bytes: config.cache.bytes,
        min_ttl: config.cache.min_ttl,
        max_ttl: config.cache.max_ttl,
        negative_max_ttl: config.cache.negative_max_ttl,
        stale_for: config.cache.stale_for,
        failure_ttl: config.cache.failure_ttl,
        screens: vec![Screen::default()],
        rebinding_exempt: Vec::new(),
    };
    let route = Route {
        domain: ".".to_owned(),
        servers: vec![upstream.parse().unwrap()],
        strategy: Strategy::default(),
    };
    let limits = Limits {
        timeout: Duration::from_millis(limits::UPSTREAM_TIMEOUT.default),
        attempt: Duration::from_millis(limits::UPSTREAM_ATTEMPT.default),
        outstanding: limits::UPSTREAM_OUTSTANDING.default_usize(),
        waiting: limits::UPSTREAM_OUTSTANDING.default_usize() * limits::WAITING.default_usize(),
    };
    Service::new(
        Arc::new(Engine::new(rules, snapshot)),
        Arc::new(Upstreams::new(&[route], limits, &Arc::default()).unwrap()),
        Arc::new(Outcomes::default()),
        Instant::now(),
    )
}

/// A server of hickory's with this handler on these sockets.
pub(crate) fn server(service: Service, udp: UdpSocket, tcp: TcpListener) -> Server<Service> {
    let mut server = Server::new(service);
    server.register_socket(udp);
    server.register_listener(tcp, Duration::from_secs(10), 32);
    server
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().unwrap_or_else(|| panic!("expected {what}"));
    let zones = next("a folder of zone files");
    let upstream = next("an upstream");
    let addr: SocketAddr = next("an address to listen on").parse().unwrap();
    let udp = UdpSocket::bind(addr).await.unwrap();
    let tcp = TcpListener::bind(addr).await.unwrap();
    let mut server = server(service(zones.as_ref(), &upstream), udp, tcp);
    server.block_until_done().await.unwrap();
}
