//! Hosts files (hosts(5)): `ADDRESS NAME…`, and `/etc/ethers` (ethers(5)): `MAC NAME`. A person writes them, or a script
//! of the router does.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Entry, Fault, MAX_REFUSED, Reading, Shown, lines, mac_of};

/// Reads a hosts file. Addresses that mean the asking host itself, or nobody, are for the host whose file it is: such lines
/// are passed over.
#[must_use]
pub fn parse(bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    for (line, text) in lines(bytes) {
        let mut words = meant(&text).split_ascii_whitespace();
        let Some(address) = words.next() else { continue };
        // An address with a zone (RFC 4007, 11) is good on one host only.
        let bare = address.split('%').next().unwrap_or_default();
        let Ok(parsed) = bare.parse::<IpAddr>() else {
            reading.fault(line, format!("expected an address, found {}", Shown(address)));
            continue;
        };
        let mut words = words.peekable();
        if words.peek().is_none() {
            reading.fault(line, format!("expected a name behind the address {bare}"));
        }
        if is_here_or_nowhere(parsed) || bare != address {
            continue;
        }
        reading.entries.extend(words.enumerate().map(|(at, name)| Entry {
            name: name.into(),
            address: parsed,
            until: None,
            device: None,
            line,
            is_canonical: at == 0,
        }));
    }
    reading
}

/// Names by MAC address in lower case. An address in place of a name says nothing about names.
#[must_use]
pub fn parse_ethers(bytes: &[u8]) -> (HashMap<Box<str>, Box<str>>, Vec<Fault>) {
    let (mut names, mut faults) = (HashMap::new(), Vec::new());
    for (line, text) in lines(bytes) {
        let words: Vec<&str> = meant(&text).split_ascii_whitespace().collect();
        let message = match words.as_slice() {
            [] => continue,
            [mac, name] => match mac_of(mac) {
                Some(mac) => {
                    if name.parse::<IpAddr>().is_err() {
                        names.entry(mac).or_insert_with(|| Box::from(*name));
                    }
                    continue;
                }
                None => format!(
                    "expected a MAC address such as 52:54:00:12:34:56, found {}",
                    Shown(mac)
                ),
            },
            words => format!("expected `MAC NAME`, found {} words", words.len()),
        };
        if faults.len() < MAX_REFUSED {
            faults.push(Fault { line, message });
        }
    }
    (names, faults)
}

/// A line without its comment.
fn meant(line: &str) -> &str {
    line.split('#').next().unwrap_or_default()
}

fn is_here_or_nowhere(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_multicast() || v4.octets()[0] == 0 || v4.is_broadcast(),
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_multicast() || v6.is_unspecified() || v6.is_unicast_link_local()
        }
    }
}
