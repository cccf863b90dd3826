//! Asks a server over HTTPS (RFC 8484), many queries at once on kept connections, for `tests/bench/run`.
//!
//! `doh ADDRESS:PORT CERTIFICATE NAME SECONDS [PER_SECOND]`. dnsperf can do it too, but its frames go out in pieces that
//! wait for each other with some servers, and it takes no second answer of dnsdist's while one is open, so
//! that what is measured is dnsperf. What is printed has dnsperf's form: counts at the end, and, where a rate is named,
//! a line for each answer with its delay.
#![allow(clippy::unwrap_used)]

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use hearthdns::message::{Rtype, write};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;

const CONNECTIONS: u32 = 4;
/// Queries under way on each connection.
const PIPELINE: u32 = 16;

/// The load, as the command line names it.
struct Load {
    path: String,
    start: Instant,
    until: Instant,
    /// Time between two queries of one asker; `None`: the next as soon as the last is answered.
    pace: Option<Duration>,
    name: String,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (address, certificate, name, seconds, rate) = match &args[..] {
        [address, certificate, name, seconds] => (address, certificate, name, seconds, None),
        [address, certificate, name, seconds, rate] => (address, certificate, name, seconds, Some(rate)),
        _ => {
            eprintln!("usage: doh ADDRESS:PORT CERTIFICATE NAME SECONDS [PER_SECOND]");
            std::process::exit(2);
        }
    };
    let mut query = Vec::new();
    // The id is 0, so that caches on the way see equal requests (RFC 8484, 4.1).
    let owner = name.parse::<hearthdns::message::Name>().unwrap();
    write::write_query(&mut query, 0, owner.as_ref(), Rtype::A, (false, false), 0);
    let askers = f64::from(CONNECTIONS * PIPELINE);
    let start = Instant::now();
    let load = Rc::new(Load {
        path: format!(
            "https://localhost/dns-query?dns={}",
            data_encoding::BASE64URL_NOPAD.encode(&query)
        ),
        start,
        until: start + Duration::from_secs_f64(seconds.parse().unwrap()),
        pace: rate.map(|rate| Duration::from_secs_f64(askers / rate.parse::<f64>().unwrap())),
        name: name.clone(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let counts = LocalSet::new().block_on(&runtime, run(address, certificate, &load));
    report(&counts, start.elapsed());
}

/// How many answers had which response code, and how many queries had no answer.
#[derive(Default)]
struct Counts {
    codes: [u64; 16],
    lost: u64,
}

async fn run(address: &str, certificate: &str, load: &Rc<Load>) -> Counts {
    let connector = connector(certificate);
    let mut askers = Vec::new();
    for connection in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        let (requests, driver) = h2::client::handshake(stream).await.unwrap();
        tokio::task::spawn_local(async move { driver.await.ok() });
        for place in 0..PIPELINE {
            let at = connection + CONNECTIONS * place;
            askers.push(tokio::task::spawn_local(ask(
                requests.clone(),
                Rc::clone(load),
                at,
            )));
        }
    }
    let mut sum = Counts::default();
    for asker in askers {
        let counts = asker.await.unwrap();
        sum.lost += counts.lost;
        sum.codes
            .iter_mut()
            .zip(counts.codes)
            .for_each(|(to, from)| *to += from);
    }
    sum
}

/// One place in a pipeline: asks, takes the answer, asks again.
async fn ask(mut requests: SendRequest<Bytes>, load: Rc<Load>, at: u32) -> Counts {
    let mut counts = Counts::default();
    let mut next = load.start;
    if let Some(pace) = load.pace {
        next += pace * at / (CONNECTIONS * PIPELINE);
    }
    while Instant::now() < load.until {
        if let Some(pace) = load.pace {
            tokio::time::sleep_until(next.into()).await;
            next += pace;
        }
        let sent = Instant::now();
        let patience = Duration::from_secs(5);
        match tokio::time::timeout(patience, exchange(&mut requests, &load.path)).await {
            Ok(Ok(code)) => {
                counts.codes[usize::from(code)] += 1;
                if load.pace.is_some() {
                    println!(
                        "> {} {} A {:.6}",
                        word(code),
                        load.name,
                        sent.elapsed().as_secs_f64()
                    );
                }
            }
            _ => counts.lost += 1,
        }
    }
    counts
}

/// One request and its answer's response code.
async fn exchange(requests: &mut SendRequest<Bytes>, uri: &str) -> Result<u8, h2::Error> {
    let request = http::Request::get(uri)
        .header("accept", "application/dns-message")
        .body(())
        .unwrap();
    let mut free = requests.clone().ready().await?;
    let (response, _) = free.send_request(request, true)?;
    let response = response.await?;
    assert_eq!(response.status(), 200, "{uri}");
    let mut body = response.into_body();
    let mut message = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        message.extend_from_slice(&chunk);
        body.flow_control().release_capacity(chunk.len())?;
    }
    assert!(message.len() > 12, "a whole message");
    Ok(message[3] & 0x0f)
}

/// Trusts this one certificate.
fn connector(certificate: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(certificate).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

fn word(code: u8) -> String {
    hearthdns::message::Rcode(code.into()).to_string()
}

fn report(counts: &Counts, time: Duration) {
    let completed: u64 = counts.codes.iter().sum();
    println!("  Queries completed:    {completed}");
    println!("  Queries lost:         {}", counts.lost);
    let codes = counts.codes.iter().enumerate().filter(|(_, count)| **count > 0);
    let codes: Vec<String> = codes
        .map(|(code, count)| format!("{} {count}", word(code as u8)))
        .collect();
    println!("  Response codes:       {}", codes.join(", "));
    println!(
        "  Queries per second:   {:.6}",
        completed as f64 / time.as_secs_f64()
    );
}
