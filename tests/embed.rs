//! HearthDNS inside a server of hickory-server: the example that shows it, asked from outside.
#![allow(clippy::unwrap_used)]

#[path = "examples/embed.rs"]
mod example;
mod support;

use support::sample::HEARTH;
use support::upstream::positive;
use support::{Act, Client, House, Message, Upstream, rcode, rtype};

#[test]
fn a_hickory_server_answers_from_zones_and_from_upstream() {
    let upstream = Upstream::start(|query, _| vec![Act::Send(positive(query, "198.51.100.7"))]);
    let big: String = (0..120).map(|n| format!("big 300 A 198.51.100.{n}\n")).collect();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .zone("big.example", &big);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.unwrap();
    let (addr, mut server) = runtime.block_on(async {
        let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = tcp.local_addr().unwrap();
        let udp = tokio::net::UdpSocket::bind(addr).await.unwrap();
        let service = example::service(&house.path("zones"), &upstream.addr.to_string());
        (addr, example::server(service, udp, tcp))
    });
    let client = Client::new(addr, addr);
    for ask in [Client::ask, Client::ask_tcp] {
        for (name, rtype, rcode, answers) in [
            ("matrix.hearth.example.", rtype::A, rcode::NOERROR, 1),
            ("www2.hearth.example.", rtype::A, rcode::NOERROR, 3),
            ("nowhere.hearth.example.", rtype::A, rcode::NXDOMAIN, 0),
            ("www.example.net.", rtype::A, rcode::NOERROR, 1),
        ] {
            let reply = ask(&client, name, rtype);
            assert_eq!((reply.rcode, reply.answers.len()), (rcode, answers), "{reply:?}");
        }
    }
    assert!(client.ask("big.big.example.", rtype::A).tc);
    let large: Message = client.ask_tcp("big.big.example.", rtype::A);
    assert_eq!(large.answers.len(), 120);
    assert_eq!(upstream.seen().len(), 1, "the second time it is known");
    runtime.block_on(server.shutdown_gracefully()).unwrap();
}
