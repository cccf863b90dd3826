//! The yardstick of `tests/bench/run`: sends every datagram back with the response bit set.
//!
//! `echo ADDRESS:PORT`. One thread, one system call to receive and one to send: what no server that does the same
//! can be below, and what one that takes datagrams in batches may be. It stands on std alone, so that nothing of
//! the library is measured with it.
#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;

fn main() {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: echo ADDRESS:PORT");
        std::process::exit(2);
    };
    let socket = UdpSocket::bind(address).unwrap();
    let mut buffer = [0; 4096];
    loop {
        let (len, peer) = socket.recv_from(&mut buffer).unwrap();
        // QR, behind the id (RFC 1035, 4.1.1).
        buffer[2] |= 0x80;
        // A client that has gone away says so with ICMP: no reason to end.
        socket.send_to(&buffer[..len], peer).ok();
    }
}
