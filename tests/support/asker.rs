//! A client of the encrypted listeners, and the certificates that they show it.
//!
//! TLS, HTTP/2, QUIC and HTTP/3 come from the libraries that the daemon uses too; HTTP/1.1 is written by hand, so
//! that a test can say every byte. Programs of others are asked in `tests/interop.rs`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::client::framed;
use super::{DEADLINE, House};

/// An authority that exists for one test.
pub(crate) struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    /// Its certificate.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        // With one name for both, OpenSSL takes what it signs for self-signed.
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "authority of a test");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Authority {
            issuer: rcgen::Issuer::new(params, key),
            pem: certificate.pem(),
        }
    }

    /// Writes a certificate for these names, good until that year, and its key into the house, as `chain.pem` and
    /// `key.pem`.
    pub(crate) fn issue(&self, house: &House, names: &[&str], until: i32) {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        house.write("chain.pem", &certificate.pem());
        house.write("key.pem", &key.serialize_pem());
        let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
        std::fs::set_permissions(house.path("key.pem"), open).unwrap();
        house.write("authority.pem", &self.pem);
    }

    /// A client that trusts this authority and expects a server of this name.
    pub(crate) fn asker(&self, name: &str) -> Asker {
        self.asker_of(name, rustls::DEFAULT_VERSIONS)
    }

    /// The same of an authority that is there already, in PEM.
    pub(crate) fn asker_with(pem: &str, name: &str) -> Asker {
        Asker::trusting(pem, name, rustls::DEFAULT_VERSIONS)
    }

    /// The same with these versions of TLS only.
    pub(crate) fn asker_of(
        &self,
        name: &str,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Asker {
        Asker::trusting(&self.pem, name, versions)
    }
}

impl Asker {
    fn trusting(pem: &str, name: &str, versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Asker {
            config,
            name: name.to_owned(),
        }
    }
}

/// The client.
#[derive(Clone)]
pub(crate) struct Asker {
    config: ClientConfig,
    name: String,
}

/// An open TLS connection, blocking.
pub(crate) type Secret = StreamOwned<ClientConnection, TcpStream>;

impl Asker {
    fn with(&self, protocol: &[u8]) -> Arc<ClientConfig> {
        let mut config = self.config.clone();
        if !protocol.is_empty() {
            config.alpn_protocols = vec![protocol.to_vec()];
        }
        Arc::new(config)
    }

    /// A TLS connection; `protocol` is named in ALPN unless it is empty. The handshake is finished.
    pub(crate) fn connect(&self, addr: SocketAddr, protocol: &str) -> Result<Secret, String> {
        self.connect_with(self.with(protocol.as_bytes()), addr)
    }

    fn connect_with(&self, config: Arc<ClientConfig>, addr: SocketAddr) -> Result<Secret, String> {
        let name = ServerName::try_from(self.name.clone()).unwrap();
        let mut session = ClientConnection::new(config, name).unwrap();
        let mut tcp = TcpStream::connect(addr).map_err(|error| error.to_string())?;
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp.set_nodelay(true).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut tcp).map_err(|error| error.to_string())?;
        }
        Ok(StreamOwned::new(session, tcp))
    }

    /// DNS over TLS: sends these queries in one write and reads as many replies.
    pub(crate) fn tls(&self, addr: SocketAddr, queries: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, String> {
        let mut stream = self.connect(addr, "dot")?;
        let all: Vec<u8> = queries.iter().flat_map(|query| framed(query)).collect();
        stream.write_all(&all).map_err(|error| error.to_string())?;
        queries.iter().map(|_| read_framed(&mut stream)).collect()
    }

    /// Two handshakes with one memory of sessions: whether the second resumed the first.
    pub(crate) fn resumes(&self, addr: SocketAddr, query: &[u8]) -> bool {
        let config = self.with(b"dot");
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut stream = self.connect_with(Arc::clone(&config), addr).unwrap();
            // The ticket comes with the first data.
            stream.write_all(&framed(query)).unwrap();
            read_framed(&mut stream).unwrap();
            kinds.push(stream.conn.handshake_kind().unwrap());
        }
        kinds[1] == rustls::HandshakeKind::Resumed
    }

    /// HTTP/1.1: sends these bytes, reads one response.
    pub(crate) fn http1(&self, addr: SocketAddr, request: &[u8]) -> Result<Response, String> {
        let mut stream = self.connect(addr, "http/1.1")?;
        stream.write_all(request).map_err(|error| error.to_string())?;
        Response::read(&mut stream)
    }

    /// HTTP/2: one request of this method, path, fields and body.
    pub(crate) fn http2(
        &self,
        addr: SocketAddr,
        request: http::Request<Vec<u8>>,
    ) -> Result<Response, String> {
        let (config, name) = (self.with(b"h2"), self.name.clone());
        block_on(async move {
            let text = |error: &dyn std::fmt::Display| error.to_string();
            let tcp = tokio::net::TcpStream::connect(addr)
                .await
                .map_err(|error| text(&error))?;
            let name = ServerName::try_from(name).unwrap();
            let tls = tokio_rustls::TlsConnector::from(config).connect(name, tcp).await;
            let tls = tls.map_err(|error| text(&error))?;
            let (requests, driver) = h2::client::handshake(tls).await.map_err(|error| text(&error))?;
            tokio::spawn(driver);
            let mut requests = requests.ready().await.map_err(|error| text(&error))?;
            let (head, body) = request.into_parts();
            let (response, mut send) = requests
                .send_request(http::Request::from_parts(head, ()), body.is_empty())
                .map_err(|error| text(&error))?;
            if !body.is_empty() {
                // A server that refuses a request need not read its body.
                send.send_data(body.into(), true).ok();
            }
            let (head, mut body) = response.await.map_err(|error| text(&error))?.into_parts();
            let mut all = Vec::new();
            while let Some(chunk) = body.data().await {
                let chunk = chunk.map_err(|error| text(&error))?;
                body.flow_control().release_capacity(chunk.len()).ok();
                all.extend_from_slice(&chunk);
            }
            Ok(Response::of(&head, all))
        })
    }

    fn quic_with(&self, config: Arc<ClientConfig>) -> quinn::ClientConfig {
        let config = quinn::crypto::rustls::QuicClientConfig::try_from(config).unwrap();
        quinn::ClientConfig::new(Arc::new(config))
    }

    /// A QUIC connection that speaks `doq` or `h3`, and what is done with it.
    pub(crate) fn quic<T, F: Future<Output = Result<T, String>>>(
        &self,
        addr: SocketAddr,
        protocol: &str,
        then: impl FnOnce(quinn::Connection) -> F,
    ) -> Result<T, String> {
        let config = self.quic_with(self.with(protocol.as_bytes()));
        self.connected(config, addr, then)
    }

    /// The same, and the client says again and again that it is still there.
    pub(crate) fn quic_kept_alive<T, F: Future<Output = Result<T, String>>>(
        &self,
        addr: SocketAddr,
        protocol: &str,
        then: impl FnOnce(quinn::Connection) -> F,
    ) -> Result<T, String> {
        self.quic_taking(addr, protocol, 70_000, then)
    }

    /// The same, and of each stream it takes no more than `window` bytes before they are read.
    pub(crate) fn quic_taking<T, F: Future<Output = Result<T, String>>>(
        &self,
        addr: SocketAddr,
        protocol: &str,
        window: u32,
        then: impl FnOnce(quinn::Connection) -> F,
    ) -> Result<T, String> {
        let mut config = self.quic_with(self.with(protocol.as_bytes()));
        let mut transport = quinn::TransportConfig::default();
        transport
            .keep_alive_interval(Some(MOMENT))
            .stream_receive_window(window.into());
        config.transport_config(Arc::new(transport));
        self.connected(config, addr, then)
    }

    fn connected<T, F: Future<Output = Result<T, String>>>(
        &self,
        config: quinn::ClientConfig,
        addr: SocketAddr,
        then: impl FnOnce(quinn::Connection) -> F,
    ) -> Result<T, String> {
        let name = self.name.clone();
        block_on(async move {
            let endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            let connection = endpoint.connect_with(config, addr, &name).unwrap().await;
            let connection = connection.map_err(|error| error.to_string())?;
            let done = then(connection.clone()).await;
            connection.close(0u32.into(), b"");
            endpoint.wait_idle().await;
            done
        })
    }

    /// Whether a client that would send early data over TLS gets a ticket that allows it (RFC 8446, 4.2.10). It comes
    /// behind the reply to this query.
    pub(crate) fn may_send_early_over_tls(&self, addr: SocketAddr, query: &[u8]) -> bool {
        let config = self.eager("dot");
        let mut stream = self.connect_with(Arc::clone(&config), addr).unwrap();
        stream.write_all(&framed(query)).unwrap();
        read_framed(&mut stream).unwrap();
        let name = ServerName::try_from(self.name.clone()).unwrap();
        let mut second = ClientConnection::new(config, name).unwrap();
        second.early_data().is_some()
    }

    /// The same over QUIC, where it is a connection that is open before the server has said a word (RFC 9001, 4.6).
    pub(crate) fn may_send_early_over_quic(&self, addr: SocketAddr, protocol: &str) -> bool {
        let config = self.quic_with(self.eager(protocol));
        let name = self.name.clone();
        let early = block_on(async move {
            let endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            let connect = || endpoint.connect_with(config.clone(), addr, &name).unwrap();
            let first = connect().await.map_err(|error| error.to_string())?;
            // The tickets come behind the handshake, before what confirms it; a round trip later they are here.
            let (mut send, mut receive) = first.open_bi().await.map_err(|error| error.to_string())?;
            send.finish().map_err(|error| error.to_string())?;
            receive.read_to_end(70_000).await.ok();
            Ok(connect().into_0rtt().is_ok())
        });
        early.unwrap()
    }

    fn eager(&self, protocol: &str) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&self.with(protocol.as_bytes()));
        config.enable_early_data = true;
        Arc::new(config)
    }

    /// DNS over QUIC: each query on a stream of its own, all at once.
    pub(crate) fn doq(&self, addr: SocketAddr, queries: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, String> {
        self.quic(addr, "doq", |connection| async move {
            let mut replies = Vec::new();
            for query in queries {
                let (mut send, receive) = connection.open_bi().await.map_err(|error| error.to_string())?;
                send.write_all(&framed(query))
                    .await
                    .map_err(|error| error.to_string())?;
                send.finish().map_err(|error| error.to_string())?;
                replies.push(receive);
            }
            let mut all = Vec::new();
            for mut receive in replies {
                let frame = receive
                    .read_to_end(70_000)
                    .await
                    .map_err(|error| error.to_string())?;
                let length = u16::from_be_bytes([frame[0], frame[1]]);
                assert_eq!(
                    usize::from(length) + 2,
                    frame.len(),
                    "one message for each stream"
                );
                all.push(frame[2..].to_vec());
            }
            Ok(all)
        })
    }

    /// HTTP/3: one request.
    pub(crate) fn http3(
        &self,
        addr: SocketAddr,
        request: http::Request<Vec<u8>>,
    ) -> Result<Response, String> {
        self.quic(addr, "h3", |connection| async move {
            let text = |error: &dyn std::fmt::Display| error.to_string();
            let (mut driver, mut requests) = h3::client::new(h3_quinn::Connection::new(connection))
                .await
                .map_err(|error| text(&error))?;
            tokio::spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
            let (head, body) = request.into_parts();
            let request = http::Request::from_parts(head, ());
            let mut stream = requests
                .send_request(request)
                .await
                .map_err(|error| text(&error))?;
            if !body.is_empty() {
                stream.send_data(Bytes::from(body)).await.ok();
            }
            stream.finish().await.ok();
            let response = stream.recv_response().await.map_err(|error| text(&error))?;
            let mut all = Vec::new();
            while let Some(mut chunk) = stream.recv_data().await.map_err(|error| text(&error))? {
                all.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
            }
            Ok(Response::of(&response.into_parts().0, all))
        })
    }
}

/// A response of HTTP, whichever version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    fn of(head: &http::response::Parts, body: Vec<u8>) -> Self {
        let fields = head.headers.iter();
        Response {
            status: head.status.as_u16(),
            fields: fields
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            body,
        }
    }

    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Reads an HTTP/1.1 response whose length is told.
    pub(crate) fn read(stream: &mut impl Read) -> Result<Self, String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                Ok(_) => return Err(format!("closed behind {:?}", String::from_utf8_lossy(&head))),
                Err(error) => return Err(error.to_string()),
            }
        }
        let head = String::from_utf8(head).map_err(|error| error.to_string())?;
        let mut lines = head.trim_end().lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap();
        let fields: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut response = Response {
            status: status.parse().unwrap(),
            fields,
            body: Vec::new(),
        };
        let length = response
            .field("content-length")
            .map_or(0, |length| length.parse().unwrap());
        response.body = vec![0; length];
        stream
            .read_exact(&mut response.body)
            .map_err(|error| error.to_string())?;
        Ok(response)
    }
}

fn block_on<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let late = tokio::time::timeout(DEADLINE, future).await;
        late.unwrap_or_else(|_| Err(format!("nothing within {DEADLINE:?}")))
    })
}

/// Reads one framed message.
pub(crate) fn read_framed(stream: &mut impl Read) -> Result<Vec<u8>, String> {
    let mut length = [0; 2];
    stream
        .read_exact(&mut length)
        .map_err(|error| error.to_string())?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream
        .read_exact(&mut message)
        .map_err(|error| error.to_string())?;
    Ok(message)
}

/// Short enough for a test, long enough to be no accident.
pub(crate) const MOMENT: Duration = Duration::from_millis(200);
