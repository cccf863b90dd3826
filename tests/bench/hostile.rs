//! Attacks on the encrypted listeners, and a probe of what plain DNS feels of them, for `tests/bench/run hostile`.
//!
//! `hostile probe ADDRESS:PORT NAME SECONDS` asks plain DNS over UDP 1,000 times a second, each question at its time
//! whether the one before was answered or not, and prints how many came and the median, 99th percentile and largest
//! delay in microseconds. `hostile ATTACK ADDRESS:PORT SECONDS` attacks the listener there, from as many addresses of
//! this machine as it needs, and prints how often it did what it does. What holds without a clock is a test:
//! `tests/hostile.rs`.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hearthdns::message::{Rtype, write};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Time between two questions of the probe.
const PACE: Duration = Duration::from_millis(1);
/// A reply after this time is none.
const LOST: Duration = Duration::from_secs(2);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["probe", address, name, seconds] => probe(address.parse().unwrap(), name, seconds.parse().unwrap()),
        [attack, address, seconds] => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let done = runtime.unwrap().block_on(attack_for(
                attack,
                address.parse().unwrap(),
                seconds.parse().unwrap(),
            ));
            println!("{attack}: {done} times");
        }
        _ => {
            eprintln!("usage: hostile probe ADDRESS:PORT NAME SECONDS | hostile ATTACK ADDRESS:PORT SECONDS");
            std::process::exit(2);
        }
    }
}

// ---- the probe

fn probe(address: SocketAddr, name: &str, seconds: f64) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    let count = (seconds / PACE.as_secs_f64()) as u32;
    let owner = name.parse::<hearthdns::message::Name>().unwrap();
    let start = Instant::now();
    let due = move |n: u32| start + PACE * n;
    let receiving = socket.try_clone().unwrap();
    receiving.set_read_timeout(Some(LOST)).unwrap();
    let receiver = std::thread::spawn(move || {
        let mut delays = Vec::new();
        let mut buffer = [0; 1500];
        while delays.len() < count as usize {
            let Ok(len) = receiving.recv(&mut buffer) else {
                break;
            };
            assert!(len > 12);
            let at = Instant::now();
            // The id is the low half of the number; the time says the rest.
            let id = u32::from(u16::from_be_bytes([buffer[0], buffer[1]]));
            let latest = (start.elapsed().as_secs_f64() / PACE.as_secs_f64()) as u32;
            let number = latest - (latest.wrapping_sub(id) & 0xffff).min(latest);
            delays.push(at.saturating_duration_since(due(number)));
        }
        delays
    });
    for number in 0..count {
        std::thread::sleep(due(number).saturating_duration_since(Instant::now()));
        let mut query = Vec::new();
        write::write_query(
            &mut query,
            number as u16,
            owner.as_ref(),
            Rtype::A,
            (false, false),
            1232,
        );
        let _ = socket.send(&query);
    }
    let mut delays = receiver.join().unwrap();
    delays.sort();
    let at = |share: f64| {
        delays
            .get((delays.len() as f64 * share) as usize)
            .or(delays.last())
    };
    let us = |delay: Option<&Duration>| delay.map_or(0, Duration::as_micros);
    println!(
        "{} {} {} {} {}",
        delays.len(),
        count as usize - delays.len(),
        us(at(0.5)),
        us(at(0.99)),
        us(delays.last())
    );
}

// ---- the attacks

async fn attack_for(attack: &str, address: SocketAddr, seconds: f64) -> u64 {
    let world = Arc::new(World {
        address,
        done: AtomicU64::new(0),
        next: AtomicU64::new(0),
    });
    let (at_once, what): (usize, What) = match attack {
        // Connections that say nothing.
        "silent" => (1000, |world| Box::pin(silent(world))),
        // Handshakes that come byte by byte.
        "slow" => (500, |world| Box::pin(slow(world))),
        // A recorded hello, again and again: it costs the sender nothing and us a signature.
        "hello" => (100, |world| Box::pin(hello(world))),
        // Whole handshakes, then nothing.
        "idle" => (1000, |world| Box::pin(idle(world, b"dot"))),
        // Whole handshakes, as fast as they go.
        "shake" => (32, |world| Box::pin(shake(world))),
        // No preface behind the handshake.
        "preface" => (500, |world| Box::pin(idle(world, b"h2"))),
        // More fields than a request may have.
        "headers" => (32, |world| Box::pin(headers(world))),
        // Bodies that never end.
        "body" => (32, |world| Box::pin(body(world))),
        // QUIC connections that are left behind.
        "quic" => (32, |world| Box::pin(quic(world))),
        _ => panic!("there is no attack `{attack}`"),
    };
    for _ in 0..at_once {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            loop {
                if what(Arc::clone(&world)).await.is_err() {
                    // Turned away: the next try comes a little later.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    world.done.load(Ordering::Relaxed)
}

type What = fn(Arc<World>) -> std::pin::Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

struct World {
    address: SocketAddr,
    done: AtomicU64,
    next: AtomicU64,
}

impl World {
    fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Another client each time.
    fn client(&self) -> Ipv4Addr {
        let [.., high, low] = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Ipv4Addr::new(127, 77, high, low.max(1))
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.client(), 0).into())?;
        socket.connect(self.address).await
    }

    async fn secure(&self, protocol: &[u8]) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(Arc::new(config(protocol)));
        connector.connect(name(), self.connect().await?).await
    }
}

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

async fn silent(world: Arc<World>) -> io::Result<()> {
    let mut stream = world.connect().await?;
    world.count();
    until_closed(&mut stream).await
}

async fn slow(world: Arc<World>) -> io::Result<()> {
    let mut stream = world.connect().await?;
    world.count();
    for byte in recorded_hello() {
        stream.write_all(&[byte]).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn hello(world: Arc<World>) -> io::Result<()> {
    static HELLO: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let mut stream = world.connect().await?;
    stream.write_all(HELLO.get_or_init(recorded_hello)).await?;
    let mut byte = [0];
    stream.read_exact(&mut byte).await?;
    world.count();
    // Closed with the rest unread: the other side learns at once.
    Ok(())
}

async fn idle(world: Arc<World>, protocol: &'static [u8]) -> io::Result<()> {
    let mut stream = world.secure(protocol).await?;
    world.count();
    until_closed(&mut stream).await
}

async fn shake(world: Arc<World>) -> io::Result<()> {
    world.secure(b"dot").await?;
    world.count();
    Ok(())
}

async fn headers(world: Arc<World>) -> io::Result<()> {
    let mut stream = world.secure(b"http/1.1").await?;
    stream.write_all(b"GET /dns-query HTTP/1.1\r\n").await?;
    let field = format!("x-{}: {}\r\n", "n".repeat(100), "v".repeat(4000));
    world.count();
    for _ in 0..100 {
        stream.write_all(field.as_bytes()).await?;
    }
    until_closed(&mut stream).await
}

async fn body(world: Arc<World>) -> io::Result<()> {
    let mut stream = world.secure(b"http/1.1").await?;
    let head = "POST /dns-query HTTP/1.1\r\ncontent-type: application/dns-message\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    world.count();
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    loop {
        stream.write_all(chunk.as_bytes()).await?;
    }
}

#[cfg(feature = "quic")]
async fn quic(world: Arc<World>) -> io::Result<()> {
    let crypto =
        quinn::crypto::rustls::QuicClientConfig::try_from(config(b"doq")).map_err(io::Error::other)?;
    let endpoint = quinn::Endpoint::client((world.client(), 0).into())?;
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let connecting = endpoint.connect_with(config, world.address, "localhost");
    connecting
        .map_err(io::Error::other)?
        .await
        .map_err(io::Error::other)?;
    world.count();
    // Without a word of farewell.
    std::mem::forget(endpoint);
    Ok(())
}

#[cfg(not(feature = "quic"))]
async fn quic(_: Arc<World>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

async fn until_closed(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> io::Result<()> {
    let mut buffer = [0; 512];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

fn recorded_hello() -> Vec<u8> {
    let mut session = ClientConnection::new(Arc::new(config(b"dot")), name()).unwrap();
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    hello
}

/// Whole handshakes each time, with whoever is there.
fn config(protocol: &[u8]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

/// An attacker does not spend time on signatures.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
