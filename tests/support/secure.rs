//! An upstream that plays a script over DNS-over-TLS, HTTPS, QUIC and HTTP/3, each on a port of its own, with a
//! certificate from an authority that exists for this test only.
//!
//! The protocols come from the libraries that the client uses too (rustls, h2, quinn, h3), which their own tests
//! cover; what is read and written in them is this file's.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, Bytes};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::identity::Identity;
use super::upstream::{Act, Shared, Transport};
use super::wire::Message;

/// The running upstream. It ends with the value.
pub(crate) struct Secure {
    /// DNS over TLS.
    pub(crate) tls: SocketAddr,
    /// DNS over HTTPS, path `/dns-query`.
    pub(crate) https: SocketAddr,
    /// DNS over QUIC.
    pub(crate) quic: SocketAddr,
    /// DNS over HTTP/3, path `/dns-query`.
    pub(crate) h3: SocketAddr,
    /// The authority's certificate in PEM.
    pub(crate) authority: String,
    /// SHA-256 of the server's public key in base64.
    pub(crate) pin: String,
    counts: Arc<Counts>,
    shared: Arc<Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicUsize,
    resumed: AtomicUsize,
    /// Names that clients sent (SNI); empty where they sent none.
    names: Mutex<Vec<String>>,
    /// `:authority` of HTTP requests.
    authorities: Mutex<Vec<String>>,
}

impl Secure {
    /// An upstream whose certificate bears `names`.
    pub(crate) fn start(
        names: &[&str],
        script: impl Fn(&Message, Transport) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, names, script)
    }

    /// The same at another address of this host.
    pub(crate) fn start_at(
        at: Ipv4Addr,
        names: &[&str],
        script: impl Fn(&Message, Transport) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        Self::with_identity(at, Identity::new(names), script)
    }

    /// An upstream whose certificate signed itself and may sign others, and answers nothing.
    pub(crate) fn own_authority(names: &[&str]) -> Self {
        let identity = Identity::own_authority(names);
        Self::with_identity(Ipv4Addr::LOCALHOST, identity, |_, _| Vec::new())
    }

    pub(crate) fn with_identity(
        at: Ipv4Addr,
        identity: Identity,
        script: impl Fn(&Message, Transport) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let config = server_config(&identity);
        let shared = Arc::new(Shared::new(Arc::new(script)));
        let counts = Arc::new(Counts::default());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let (its_shared, its_counts) = (Arc::clone(&shared), Arc::clone(&counts));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let addresses = listen(at, &config, &its_shared, &its_counts).await;
                tell.send(addresses).unwrap();
                let _ = stopped.await;
            });
        });
        let [tls, https, quic, h3] = told.recv().unwrap();
        Secure {
            tls,
            https,
            quic,
            h3,
            authority: identity.authority,
            pin: identity.pin,
            counts,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The four URLs with this host.
    pub(crate) fn urls(&self, host: &str) -> [String; 4] {
        let port = |addr: SocketAddr| addr.port();
        [
            format!("tls://{host}:{}", port(self.tls)),
            format!("https://{host}:{}/dns-query", port(self.https)),
            format!("quic://{host}:{}", port(self.quic)),
            format!("h3://{host}:{}/dns-query", port(self.h3)),
        ]
    }

    /// Connections until now whose handshake was begun.
    pub(crate) fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// Handshakes of DNS over TLS that resumed an earlier session.
    pub(crate) fn resumed(&self) -> usize {
        self.counts.resumed.load(Ordering::SeqCst)
    }

    /// Names that clients of DNS over TLS sent.
    pub(crate) fn names(&self) -> Vec<String> {
        self.counts.names.lock().unwrap().clone()
    }

    /// Authorities of HTTP requests.
    pub(crate) fn authorities(&self) -> Vec<String> {
        self.counts.authorities.lock().unwrap().clone()
    }
}

impl Deref for Secure {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// A server's TLS without ALPN.
fn server_config(identity: &Identity) -> rustls::ServerConfig {
    let (certificate, key) = identity.der();
    let chain = vec![CertificateDer::from(certificate)];
    let key = PrivatePkcs8KeyDer::from(key).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

async fn listen(
    at: Ipv4Addr,
    config: &rustls::ServerConfig,
    shared: &Arc<Shared>,
    counts: &Arc<Counts>,
) -> [SocketAddr; 4] {
    let with = |protocols: &[&[u8]]| {
        let mut config = config.clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        config
    };
    let tls = TcpListener::bind((at, 0)).await.unwrap();
    let https = TcpListener::bind((at, 0)).await.unwrap();
    let quic = endpoint(at, with(&[b"doq"]));
    let h3 = endpoint(at, with(&[b"h3"]));
    let addresses = [
        tls.local_addr().unwrap(),
        https.local_addr().unwrap(),
        quic.local_addr().unwrap(),
        h3.local_addr().unwrap(),
    ];
    let acceptor = TlsAcceptor::from(Arc::new(with(&[])));
    tokio::spawn(accept_tls(
        tls,
        acceptor,
        Arc::clone(shared),
        Arc::clone(counts),
        serve_tls,
    ));
    let acceptor = TlsAcceptor::from(Arc::new(with(&[b"h2"])));
    tokio::spawn(accept_tls(
        https,
        acceptor,
        Arc::clone(shared),
        Arc::clone(counts),
        serve_https,
    ));
    for (endpoint, is_h3) in [(quic, false), (h3, true)] {
        let (shared, counts) = (Arc::clone(shared), Arc::clone(counts));
        tokio::spawn(async move {
            while let Some(incoming) = endpoint.accept().await {
                counts.accepted.fetch_add(1, Ordering::SeqCst);
                let (shared, counts) = (Arc::clone(&shared), Arc::clone(&counts));
                tokio::spawn(async move {
                    let Ok(connection) = incoming.await else { return };
                    if is_h3 {
                        serve_h3(connection, shared, counts).await;
                    } else {
                        serve_quic(connection, shared).await;
                    }
                });
            }
        });
    }
    addresses
}

fn endpoint(at: Ipv4Addr, config: rustls::ServerConfig) -> quinn::Endpoint {
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(config).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    quinn::Endpoint::server(config, (at, 0).into()).unwrap()
}

type Tls = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;

async fn accept_tls<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    counts: Arc<Counts>,
    serve: fn(Tls, SocketAddr, Arc<Shared>, Arc<Counts>) -> F,
) {
    while let Ok((stream, from)) = listener.accept().await {
        counts.accepted.fetch_add(1, Ordering::SeqCst);
        let (acceptor, shared, counts) = (acceptor.clone(), Arc::clone(&shared), Arc::clone(&counts));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let session = stream.get_ref().1;
            if session.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
                counts.resumed.fetch_add(1, Ordering::SeqCst);
            }
            let name = session.server_name().unwrap_or_default().to_owned();
            counts.names.lock().unwrap().push(name);
            serve(stream, from, shared, counts).await;
        });
    }
}

async fn serve_tls(stream: Tls, from: SocketAddr, shared: Arc<Shared>, _: Arc<Counts>) {
    let (mut read, write) = tokio::io::split(stream);
    let write = Arc::new(tokio::sync::Mutex::new(write));
    loop {
        let Ok(len) = read.read_u16().await else { return };
        let mut query = vec![0; usize::from(len)];
        if read.read_exact(&mut query).await.is_err() {
            return;
        }
        let acts = shared.take(&query, Transport::Tls, from).unwrap_or_default();
        let write = Arc::clone(&write);
        tokio::spawn(async move {
            for act in acts {
                let mut write = write.lock().await;
                match act {
                    Act::Send(message) | Act::SendFromElsewhere(message) => {
                        write
                            .write_all(&super::client::framed(&message.encode()))
                            .await
                            .ok();
                        write.flush().await.ok();
                    }
                    Act::Raw(bytes) => drop(write.write_all(&bytes).await),
                    Act::Wait(time) => {
                        drop(write);
                        tokio::time::sleep(time).await;
                    }
                    Act::Close => drop(write.shutdown().await),
                }
            }
        });
    }
}

/// What a transport with a stream for each query sends: the reply, or the end of the connection.
enum End {
    Reply(Vec<u8>),
    Close,
    Silence,
}

async fn play(acts: Vec<Act>) -> End {
    for act in acts {
        match act {
            Act::Send(message) | Act::SendFromElsewhere(message) => return End::Reply(message.encode()),
            Act::Raw(bytes) => return End::Reply(bytes),
            Act::Wait(time) => tokio::time::sleep(time).await,
            Act::Close => return End::Close,
        }
    }
    End::Silence
}

/// Long enough for every client to have given up.
const NEVER: Duration = Duration::from_secs(60);

async fn serve_https(stream: Tls, from: SocketAddr, shared: Arc<Shared>, counts: Arc<Counts>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let (close, mut closed) = tokio::sync::mpsc::channel::<()>(1);
    loop {
        let request = tokio::select! {
            request = connection.accept() => request,
            _ = closed.recv() => return,
        };
        let Some(Ok((request, mut respond))) = request else {
            return;
        };
        let (shared, close) = (Arc::clone(&shared), close.clone());
        counts.authorities.lock().unwrap().push(
            request
                .uri()
                .authority()
                .map(ToString::to_string)
                .unwrap_or_default(),
        );
        tokio::spawn(async move {
            let is_right = request.uri().path() == "/dns-query" && request.method() == "POST";
            let mut body = request.into_body();
            let mut query = Vec::new();
            while let Some(Ok(chunk)) = body.data().await {
                body.flow_control().release_capacity(chunk.len()).ok();
                query.extend_from_slice(&chunk);
            }
            if !is_right {
                let response = http::Response::builder().status(404).body(()).unwrap();
                respond.send_response(response, true).ok();
                return;
            }
            let acts = shared.take(&query, Transport::Https, from).unwrap_or_default();
            match play(acts).await {
                End::Reply(bytes) => {
                    let response = http::Response::builder()
                        .header("content-type", "application/dns-message")
                        .body(())
                        .unwrap();
                    let Ok(mut send) = respond.send_response(response, false) else {
                        return;
                    };
                    send.send_data(bytes.into(), true).ok();
                }
                End::Close => drop(close.send(()).await),
                End::Silence => tokio::time::sleep(NEVER).await,
            }
        });
    }
}

async fn serve_quic(connection: quinn::Connection, shared: Arc<Shared>) {
    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
        let (connection, shared) = (connection.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let Ok(frame) = receive.read_to_end(70_000).await else {
                return;
            };
            let from = connection.remote_address();
            let acts = shared
                .take(&frame[2..], Transport::Quic, from)
                .unwrap_or_default();
            match play(acts).await {
                End::Reply(bytes) => {
                    send.write_all(&super::client::framed(&bytes)).await.ok();
                    send.finish().ok();
                }
                End::Close => connection.close(0u32.into(), b"the script says so"),
                End::Silence => tokio::time::sleep(NEVER).await,
            }
        });
    }
}

async fn serve_h3(connection: quinn::Connection, shared: Arc<Shared>, counts: Arc<Counts>) {
    let from = connection.remote_address();
    let mut server = h3::server::Connection::<_, Bytes>::new(h3_quinn::Connection::new(connection.clone()))
        .await
        .unwrap();
    while let Ok(Some(resolver)) = server.accept().await {
        let (shared, connection, counts) = (Arc::clone(&shared), connection.clone(), Arc::clone(&counts));
        tokio::spawn(async move {
            let Ok((request, mut stream)) = resolver.resolve_request().await else {
                return;
            };
            counts.authorities.lock().unwrap().push(
                request
                    .uri()
                    .authority()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            );
            let mut query = Vec::new();
            while let Ok(Some(mut chunk)) = stream.recv_data().await {
                query.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
            }
            let acts = shared.take(&query, Transport::H3, from).unwrap_or_default();
            match play(acts).await {
                End::Reply(bytes) => {
                    let response = http::Response::builder()
                        .header("content-type", "application/dns-message")
                        .body(())
                        .unwrap();
                    stream.send_response(response).await.ok();
                    stream.send_data(bytes.into()).await.ok();
                    stream.finish().await.ok();
                }
                End::Close => connection.close(0u32.into(), b"the script says so"),
                End::Silence => tokio::time::sleep(NEVER).await,
            }
        });
    }
}
