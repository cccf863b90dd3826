//! An upstream that plays a script: per question it answers, lies, stalls, truncates or closes, over UDP and
//! TCP on one port, and it remembers every question that reached it.
//!
//! The memory is the point of the leak tests: they ask it whether a name of a private zone ever arrived.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::DEADLINE;
use super::client::{framed, read_framed};
use super::wire::{Message, type_name};

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
    Https,
    Quic,
    H3,
}

/// A question that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) query: Message,
    pub(crate) transport: Transport,
    pub(crate) from: SocketAddr,
    pub(crate) at: Instant,
}

/// What the script does with a question; a script gives a list of these, played in order.
pub(crate) enum Act {
    /// Sends this message.
    Send(Message),
    /// Sends these bytes, whatever they are.
    Raw(Vec<u8>),
    /// Sends this message from another port (UDP only).
    SendFromElsewhere(Message),
    /// Waits before the next act. Other questions are played meanwhile.
    Wait(Duration),
    /// Closes the connection (not over UDP).
    Close,
}

pub(crate) type Script = dyn Fn(&Message, Transport) -> Vec<Act> + Send + Sync;

/// The running upstream. It ends with the value.
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
}

/// What the listeners of an upstream share: its script, and the memory of what arrived.
pub(crate) struct Shared {
    script: Mutex<Arc<Script>>,
    seen: Mutex<Vec<Seen>>,
    unreadable: Mutex<Vec<Vec<u8>>>,
    news: Condvar,
    stop: AtomicBool,
}

impl Upstream {
    /// An upstream with this script; no act at all is silence.
    pub(crate) fn start(script: impl Fn(&Message, Transport) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, script)
    }

    /// The same at another address of this machine.
    pub(crate) fn start_at(
        at: Ipv4Addr,
        script: impl Fn(&Message, Transport) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        // TCP takes the port that UDP was given; where somebody has it, another is tried.
        let (udp, tcp) = (0..100)
            .find_map(|_| {
                let udp = UdpSocket::bind((at, 0)).ok()?;
                let tcp = TcpListener::bind(udp.local_addr().ok()?).ok()?;
                Some((udp, tcp))
            })
            .expect("a port that is free for UDP and TCP");
        Self::serve(udp, tcp, script)
    }

    /// The same at this port, which must be free.
    pub(crate) fn start_on(
        at: SocketAddr,
        script: impl Fn(&Message, Transport) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        Self::serve(
            UdpSocket::bind(at).unwrap(),
            TcpListener::bind(at).unwrap(),
            script,
        )
    }

    fn serve(
        udp: UdpSocket,
        tcp: TcpListener,
        script: impl Fn(&Message, Transport) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let addr = udp.local_addr().unwrap();
        let shared = Arc::new(Shared::new(Arc::new(script)));
        let (for_udp, for_tcp) = (Arc::clone(&shared), Arc::clone(&shared));
        std::thread::spawn(move || serve_udp(&udp, &for_udp));
        std::thread::spawn(move || {
            for stream in tcp.incoming().map_while(Result::ok) {
                if for_tcp.stop.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&for_tcp);
                std::thread::spawn(move || serve_tcp(stream, &shared));
            }
        });
        Upstream { addr, shared }
    }

    /// An upstream that gives every name one address and never fails.
    pub(crate) fn answering(address: &'static str) -> Self {
        Self::start(move |query, _| vec![Act::Send(positive(query, address))])
    }

    /// An upstream that gives every question this response code.
    pub(crate) fn failing(rcode: u16) -> Self {
        Self::start(move |query, _| vec![Act::Send(query.reply().code(rcode))])
    }

    /// An upstream that takes questions and says nothing.
    pub(crate) fn silent() -> Self {
        Self::start(|_, _| Vec::new())
    }
}

impl Deref for Upstream {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the two loops, which then see that they are to end.
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            socket.send_to(&[], self.addr).ok();
        }
        TcpStream::connect(self.addr).ok();
    }
}

/// A positive reply: an A or AAAA question gets `address`, others get an empty answer with a SOA.
pub(crate) fn positive(query: &Message, address: &str) -> Message {
    let v4 = address.contains('.');
    match query.qtype() {
        1 if v4 => query
            .reply()
            .answer(&format!("{} 300 A {address}", query.qname())),
        28 if !v4 => query
            .reply()
            .answer(&format!("{} 300 AAAA {address}", query.qname())),
        _ => query
            .reply()
            .authority(". 300 SOA ns.test. hostmaster.test. 1 1800 900 604800 300"),
    }
}

fn serve_udp(socket: &UdpSocket, shared: &Arc<Shared>) {
    let mut buffer = vec![0; 65_535];
    while let Ok((len, from)) = socket.recv_from(&mut buffer) {
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let Some(acts) = shared.take(&buffer[..len], Transport::Udp, from) else {
            continue;
        };
        let socket = socket
            .try_clone()
            .expect("a second handle of the upstream's socket");
        let play = move || {
            for act in acts {
                match act {
                    Act::Send(message) => drop(socket.send_to(&message.encode(), from)),
                    Act::Raw(bytes) => drop(socket.send_to(&bytes, from)),
                    Act::SendFromElsewhere(message) => {
                        let elsewhere = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a second port");
                        elsewhere.send_to(&message.encode(), from).ok();
                    }
                    Act::Wait(time) => std::thread::sleep(time),
                    Act::Close => panic!("a script closed a connection that UDP does not have"),
                }
            }
        };
        std::thread::spawn(play);
    }
}

fn serve_tcp(mut stream: TcpStream, shared: &Arc<Shared>) {
    stream.set_nodelay(true).ok();
    stream.set_read_timeout(Some(DEADLINE * 3)).ok();
    let from = stream.peer_addr().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
    let writer = Arc::new(Mutex::new(
        stream.try_clone().expect("a second handle of a connection"),
    ));
    while let Ok(Some(bytes)) = read_framed(&mut stream) {
        let Some(acts) = shared.take(&bytes, Transport::Tcp, from) else {
            continue;
        };
        let writer = Arc::clone(&writer);
        std::thread::spawn(move || {
            use std::io::Write;
            for act in acts {
                match act {
                    Act::Send(message) | Act::SendFromElsewhere(message) => {
                        writer.lock().unwrap().write_all(&framed(&message.encode())).ok();
                    }
                    Act::Raw(bytes) => drop(writer.lock().unwrap().write_all(&bytes)),
                    Act::Wait(time) => std::thread::sleep(time),
                    Act::Close => drop(writer.lock().unwrap().shutdown(std::net::Shutdown::Both)),
                }
            }
        });
    }
}

impl Shared {
    pub(super) fn new(script: Arc<Script>) -> Self {
        Shared {
            script: Mutex::new(script),
            seen: Mutex::default(),
            unreadable: Mutex::default(),
            news: Condvar::new(),
            stop: AtomicBool::new(false),
        }
    }

    /// Plays another script from now on.
    pub(crate) fn script(&self, script: impl Fn(&Message, Transport) -> Vec<Act> + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    /// Every question until now.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Forgets what arrived.
    pub(crate) fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }

    /// How often this name was asked, whatever the type.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.query.qname().eq_ignore_ascii_case(name))
            .count()
    }

    /// Every name at or below `zone` that arrived, in lower case, and the type that was asked. (Over UDP names
    /// arrive with letters of random case.)
    pub(crate) fn names_below(&self, zone: &str) -> Vec<String> {
        let zone = zone.to_ascii_lowercase();
        let below = |name: &str| {
            let name = name.to_ascii_lowercase();
            name == zone || name.ends_with(&format!(".{zone}"))
        };
        let questions = self.seen().into_iter().flat_map(|seen| seen.query.questions);
        questions
            .filter(|(name, _, _)| below(name))
            .map(|(name, rtype, _)| format!("{} {}", name.to_ascii_lowercase(), type_name(rtype)))
            .collect()
    }

    /// Datagrams and frames that were no DNS message.
    pub(crate) fn unreadable(&self) -> Vec<Vec<u8>> {
        self.unreadable.lock().unwrap().clone()
    }

    /// Waits until a question is there that `wanted` takes.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let end = Instant::now() + DEADLINE;
        let mut seen = self.seen.lock().unwrap();
        loop {
            if let Some(found) = seen.iter().find(|one| wanted(one)) {
                return found.clone();
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited for {what} to arrive upstream; what arrived: {seen:?}"
            );
            seen = self.news.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Remembers a question and asks the script.
    pub(super) fn take(&self, bytes: &[u8], transport: Transport, from: SocketAddr) -> Option<Vec<Act>> {
        let Ok(query) = Message::decode(bytes) else {
            self.unreadable.lock().unwrap().push(bytes.to_vec());
            return None;
        };
        self.seen.lock().unwrap().push(Seen {
            query: query.clone(),
            transport,
            from,
            at: Instant::now(),
        });
        self.news.notify_all();
        let script = Arc::clone(&self.script.lock().unwrap());
        Some(script(&query, transport))
    }
}
