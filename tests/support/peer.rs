//! Other people's daemons as peers: each on loopback ports of its own, with its files in a temporary folder, ready
//! when it answers, and ended by its own pid when the value goes, also in a test that fails.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::wire::{Message, rcode, rtype};
use super::{Client, DEADLINE, House, Running};

/// Where `tests/run` puts programs that it does not install.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/bin");

/// Where a program is; daemons live where a user's PATH need not point.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/local/sbin", "/usr/sbin", "/sbin", UNPACKED].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Arguments of Chromium: without a window, and asking nobody for anything of its own accord.
pub(crate) const CHROMIUM: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
];

/// A peer's daemon. It ends by SIGTERM, because its children listen to that.
pub(crate) struct Peer {
    pub(crate) process: Running,
    pub(crate) addr: SocketAddr,
    // Where its files are; they go after it.
    pub(crate) house: House,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.end();
    }
}

impl Peer {
    /// Starts a daemon with a config of this text, written with its port and folder, and waits for its first
    /// answer to `probe`.
    pub(crate) fn start(
        name: &str,
        args: &[&str],
        addr: SocketAddr,
        house: House,
        config: &str,
        probe: &str,
    ) -> Self {
        house.write("peer.conf", config);
        let mut command = Command::new(program(name).unwrap());
        command
            .args(args)
            .arg(house.path("peer.conf"))
            .current_dir(house.root());
        let mut peer = Peer {
            process: Running::start(&mut command),
            addr,
            house,
        };
        let end = Instant::now() + DEADLINE;
        // A foreign daemon has no word for ready that we could wait for; it is ready when it answers.
        loop {
            let query = Message::query(probe, rtype::SOA);
            let bytes = peer.client().raw(&query.encode(), Duration::from_millis(200));
            match bytes.and_then(|bytes| Message::decode(&bytes).ok()) {
                Some(reply) if reply.rcode == rcode::NOERROR => return peer,
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
            let alive = peer.process.is_alive();
            assert!(
                alive && Instant::now() < end,
                "{name} does not come up:\n{}",
                peer.process.log().join("\n")
            );
        }
    }

    /// Waits until connections are taken at each of these.
    pub(crate) fn wait_for_doors(&mut self, doors: &[SocketAddr]) {
        let end = Instant::now() + DEADLINE;
        for door in doors {
            while TcpStream::connect(door).is_err() {
                let alive = self.process.is_alive();
                assert!(
                    alive && Instant::now() < end,
                    "nobody listens on {door}:\n{}",
                    self.process.log().join("\n")
                );
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.addr, self.addr)
    }
}

/// An address for one peer: one of this machine's that nobody else uses, and a port that is free there. With
/// 127.0.0.1 another test could take the port before the peer does.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let ip = Ipv4Addr::new(
        127,
        64 + NEXT.fetch_add(1, Ordering::Relaxed) % 128,
        high,
        low.clamp(1, 254),
    );
    (0..100)
        .find_map(|_| {
            let udp = UdpSocket::bind((ip, 0)).ok()?;
            let addr = udp.local_addr().ok()?;
            TcpListener::bind(addr).ok()?;
            Some(addr)
        })
        .expect("a port that is free for UDP and TCP")
}
