//! What a DHCP server tells a house: the resolver's address (option 6, RFC 2132, 3.8), and where a public certificate
//! allows it the encrypted resolver (DNR, option 162, RFC 9463).
//!
//! A device that is told two resolvers uses either, so ours must be the only one. DNR is followed by few devices today, and
//! by none that does not know the certificate's authority.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::quote::json;
use super::{Artefact, Facts, HTTPS_PORT, PLAIN_PORT, TLS_PORT, Unfit};
use crate::message::Name;

// SvcParamKeys of RFC 9460, 14.3.2 and RFC 9461, 5.
const ALPN: u16 = 1;
const PORT: u16 = 3;
const DOHPATH: u16 = 7;

/// One encrypted resolver as option 162 names it.
struct Instance {
    priority: u16,
    alpn: Vec<&'static str>,
    port: Option<u16>,
    path: Option<String>,
}

/// The values, as lines for dnsmasq, Kea and OpenWrt.
///
/// # Errors
/// What is missing; DHCP can name port 53 only.
pub fn values(facts: &Facts) -> Result<Artefact, Unfit> {
    let port = facts.plain_port()?;
    if port != PLAIN_PORT {
        return Err(Unfit::Port {
            of: "plain DNS",
            is: port,
            must: PLAIN_PORT,
        });
    }
    let text = |wanted: fn(&IpAddr) -> bool| -> Vec<String> {
        let addresses = facts.server.addresses.iter().filter(|ip| wanted(ip));
        addresses.map(ToString::to_string).collect()
    };
    facts.addresses()?;
    let (v4, v6) = (text(IpAddr::is_ipv4), text(IpAddr::is_ipv6));
    let mut out = "# Hand out no other resolver beside this one: devices would use either.\n".to_owned();
    let brackets: Vec<String> = v6.iter().map(|ip| format!("[{ip}]")).collect();
    out.push_str("# dnsmasq\n");
    if !v4.is_empty() {
        let _ = writeln!(out, "dhcp-option=option:dns-server,{}", v4.join(","));
    }
    if !v6.is_empty() {
        let _ = writeln!(out, "dhcp-option=option6:dns-server,{}", brackets.join(","));
    }
    out.push_str("# OpenWrt\n");
    if !v4.is_empty() {
        let _ = writeln!(out, "uci add_list dhcp.lan.dhcp_option='6,{}'", v4.join(","));
    }
    for ip in &v6 {
        let _ = writeln!(out, "uci add_list dhcp.lan.dns='{ip}'");
    }
    out.push_str("uci commit dhcp\n# Kea\n");
    for (name, addresses) in [("domain-name-servers", &v4), ("dns-servers", &v6)] {
        if !addresses.is_empty() {
            let _ = writeln!(
                out,
                "{{ \"name\": \"{name}\", \"data\": {} }}",
                json(&addresses.join(", "))
            );
        }
    }
    if let Some(option) = dnr(facts) {
        let hex: Vec<String> = option.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = write!(
            out,
            "# The encrypted resolver (DNR, RFC 9463): dnsmasq, Kea, OpenWrt's odhcpd. Not tried with devices.\n\
             dhcp-option=162,{}\n{{ \"code\": 162, \"space\": \"dhcp4\", \"csv-format\": false, \"data\": \"{}\" }}\n",
            hex.join(":"),
            hex.concat()
        );
        for instance in instances(facts) {
            let mut parameters = format!("alpn={}", instance.alpn.join(","));
            if let Some(port) = instance.port {
                let _ = write!(parameters, " port={port}");
            }
            if let Some(path) = &instance.path {
                let _ = write!(parameters, " dohpath={path}");
            }
            let _ = writeln!(
                out,
                "uci add_list dhcp.lan.dnr='{} {} {} {parameters}'",
                instance.priority,
                facts.host()?,
                v4.iter().chain(&v6).cloned().collect::<Vec<_>>().join(",")
            );
        }
    }
    Ok(Artefact {
        file: "hearthdns-dhcp.txt".to_owned(),
        media_type: "text/plain; charset=utf-8",
        bytes: out.into_bytes(),
    })
}

/// The data of option 162 (RFC 9463, 5.1); none without a public certificate, a name, an IPv4 address and an encrypted
/// listener, and where it would not fit into an option.
#[must_use]
pub fn dnr(facts: &Facts) -> Option<Vec<u8>> {
    facts.public_certificate().ok()?;
    let name: Name = facts.host().ok()?.parse().ok()?;
    let addresses: Vec<u8> = facts
        .server
        .addresses
        .iter()
        .filter_map(|ip| match ip {
            IpAddr::V4(v4) => Some(v4.octets()),
            IpAddr::V6(_) => None,
        })
        .flatten()
        .collect();
    if addresses.is_empty() {
        return None;
    }
    let mut option = Vec::new();
    for instance in instances(facts) {
        let mut body = instance.priority.to_be_bytes().to_vec();
        body.push(u8::try_from(name.as_wire().len()).ok()?);
        body.extend_from_slice(name.as_wire());
        body.push(u8::try_from(addresses.len()).ok()?);
        body.extend_from_slice(&addresses);
        let mut parameter = |key: u16, value: &[u8]| {
            body.extend_from_slice(&key.to_be_bytes());
            // No value here is longer than a path.
            body.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
            body.extend_from_slice(value);
        };
        let alpn: Vec<u8> = instance
            .alpn
            .iter()
            .flat_map(|word| std::iter::once(word.len() as u8).chain(word.bytes()))
            .collect();
        parameter(ALPN, &alpn);
        if let Some(port) = instance.port {
            parameter(PORT, &port.to_be_bytes());
        }
        if let Some(path) = &instance.path {
            parameter(DOHPATH, path.as_bytes());
        }
        option.extend_from_slice(&u16::try_from(body.len()).ok()?.to_be_bytes());
        option.extend_from_slice(&body);
    }
    (!option.is_empty() && option.len() <= usize::from(u8::MAX)).then_some(option)
}

/// The listeners that can be named, the preferred one first. What is asked by everybody in a house has no token.
fn instances(facts: &Facts) -> Vec<Instance> {
    let ports = facts.server.ports;
    let mut found = Vec::new();
    let mut add = |alpn: Vec<&'static str>, port: u16, usual: u16, path: Option<String>| {
        found.push(Instance {
            priority: found.len() as u16 + 1,
            alpn,
            port: (port != usual).then_some(port),
            path,
        });
    };
    match (ports.tls, ports.quic) {
        (Some(tls), Some(quic)) if tls == quic => add(vec!["dot", "doq"], tls, TLS_PORT, None),
        (tls, quic) => {
            if let Some(port) = tls {
                add(vec!["dot"], port, TLS_PORT, None);
            }
            if let Some(port) = quic {
                add(vec!["doq"], port, TLS_PORT, None);
            }
        }
    }
    if let Some(port) = ports.https {
        let mut alpn = vec!["h2"];
        if ports.h3 == Some(port) {
            alpn.push("h3");
        }
        add(
            alpn,
            port,
            HTTPS_PORT,
            Some(format!("{}{{?dns}}", super::DOH_PATH)),
        );
    }
    found
}
