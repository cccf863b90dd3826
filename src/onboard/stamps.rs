//! DNS stamps (`sdns://`, draft-denis-dns-stamps): the server in one line, for programs that take one.
//!
//! [`crate::config`] reads the same form for upstreams; a test there reads what is written here.

use super::reach::plain_address;
use super::{Facts, HTTPS_PORT, TLS_PORT, Unfit};

/// Eight bytes in which a server could promise things about itself; ours promises nothing.
const PROPERTIES: [u8; 8] = [0; 8];

/// A stamp for each transport that the server speaks, the best first: `https`, `tls`, `quic`, `plain`.
///
/// # Errors
/// Why there is none at all.
pub fn stamps(facts: &Facts) -> Result<Vec<(&'static str, String)>, Unfit> {
    let ip = *facts.addresses()?.first().ok_or(Unfit::NoAddress)?;
    let bracketed = |port: Option<u16>, usual: u16| match port {
        Some(port) if port != usual => std::net::SocketAddr::new(ip, port).to_string(),
        _ if ip.is_ipv6() => format!("[{ip}]"),
        _ => ip.to_string(),
    };
    let ports = facts.server.ports;
    let mut stamps = Vec::new();
    // Without a certificate that somebody vouches for, an encrypted stamp is of no use.
    if facts.authority().is_ok() {
        if ports.https.is_some() {
            let parts = [
                bracketed(ports.https, HTTPS_PORT),
                String::new(),
                facts.host()?,
                facts.doh_path()?,
            ];
            stamps.push(("https", stamp(2, &parts)?));
        }
        for (word, kind, port) in [("tls", 3, ports.tls), ("quic", 4, ports.quic)] {
            if port.is_some() {
                let parts = [bracketed(port, TLS_PORT), String::new(), facts.device_host()?];
                stamps.push((word, stamp(kind, &parts)?));
            }
        }
    }
    if let Some(port) = ports.plain {
        let address = match plain_address(ip, port) {
            bare if ip.is_ipv6() && !bare.starts_with('[') => format!("[{bare}]"),
            address => address,
        };
        stamps.push(("plain", stamp(0, &[address])?));
    }
    if stamps.is_empty() {
        Err(Unfit::NoListener("DNS"))
    } else {
        Ok(stamps)
    }
}

/// Kind, properties, and each part behind its length. An empty part is also an empty list of hashes.
fn stamp(kind: u8, parts: &[String]) -> Result<String, Unfit> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&PROPERTIES);
    for part in parts {
        // Names and paths are far shorter than a length could say.
        bytes.push(u8::try_from(part.len()).map_err(|_| Unfit::NoName)?);
        bytes.extend_from_slice(part.as_bytes());
    }
    Ok(format!(
        "sdns://{}",
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    ))
}
