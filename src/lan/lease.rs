//! Lease files: those of dnsmasq, and the state file of odhcpd. Which of them a line is of shows in the line itself, so
//! one reader takes both.
//!
//! dnsmasq writes `EXPIRY MAC ADDRESS NAME CLIENT-ID` for IPv4, then the line `duid ID`, then `EXPIRY IAID ADDRESS NAME
//! DUID` for IPv6; `*` stands for no name, expiry 0 for no end. It writes the file anew in place, so a reader may come in
//! the middle: a last line without its end is a fault, and what was known before stays.
//!
//! odhcpd writes `# INTERFACE DUID IAID NAME VALID-UNTIL ASSIGNED LENGTH ADDRESS/LENGTH…`, with `ipv4` for the IAID of an
//! IPv4 lease and a MAC address for its DUID, `-` for no name, -1 for no end and 0 for what is over. The lines `ADDRESS
//! NAME` below say the same once more, for dnsmasq.

use std::net::IpAddr;

use super::{Entry, Reading, Shown, bare_mac_of, lines, mac_of};

/// How odhcpd marks a name that is none.
const BROKEN: &str = "broken\\x20";
/// Longest client identifier that is kept.
const MAX_DEVICE: usize = 64;

/// Reads a lease file.
#[must_use]
pub fn parse(bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    for (line, text) in lines(bytes) {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let read = match words.as_slice() {
            [] => Ok(Vec::new()),
            ["#", rest @ ..] => Ok(odhcpd(line, rest)),
            ["duid", _] => Ok(Vec::new()),
            // What odhcpd tells dnsmasq; its own line says more.
            [address, _, ..] if address.parse::<IpAddr>().is_ok() => Ok(Vec::new()),
            words => dnsmasq(line, words).map(|entry| vec![entry]),
        };
        match read {
            Ok(entries) => reading.entries.extend(entries),
            Err(message) => reading.fault(line, message),
        }
    }
    if let Some(last) = bytes.split(|byte| *byte == b'\n').next_back()
        && !last.is_empty()
    {
        let line = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        // It may look complete and lack half of its name.
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        reading.entries.retain(|entry| entry.line != line);
        reading.faults.retain(|fault| fault.line != line);
        reading.fault(
            line,
            "the last line is not complete; it is read again when the file is written",
        );
    }
    reading
}

fn dnsmasq(line: u32, words: &[&str]) -> Result<Entry, String> {
    let [until, hardware, address, name, rest @ ..] = words else {
        let found = words.len();
        return Err(format!(
            "expected a lease `EXPIRY MAC ADDRESS NAME CLIENT-ID`, found {found} words"
        ));
    };
    if rest.len() > 1 {
        let found = words.len();
        return Err(format!("expected a lease of 4 or 5 words, found {found}"));
    }
    let end: u64 = until
        .parse()
        .map_err(|_| format!("expected the end of a lease in seconds, found {}", Shown(until)))?;
    let address: IpAddr = address
        .parse()
        .map_err(|_| format!("expected an address, found {}", Shown(address)))?;
    let device = match address {
        // Other hardware than Ethernet has its number in front: `06-52:54:…`.
        IpAddr::V4(_) => mac_of(hardware).unwrap_or_else(|| bounded(hardware)),
        IpAddr::V6(_) => bounded(rest.first().unwrap_or(hardware)),
    };
    Ok(Entry {
        name: if *name == "*" { "".into() } else { (*name).into() },
        address,
        until: (end != 0).then_some(end),
        device: Some(device),
        line,
        is_canonical: true,
    })
}

/// The addresses of a line of odhcpd's; none where it is a comment, or the prefix of a router behind this one.
fn odhcpd(line: u32, words: &[&str]) -> Vec<Entry> {
    let [
        _interface,
        id,
        iaid,
        name,
        until,
        _assigned,
        length,
        addresses @ ..,
    ] = words
    else {
        return Vec::new();
    };
    let (Ok(until), Ok(length)) = (until.parse::<i64>(), length.parse::<u8>()) else {
        return Vec::new();
    };
    let is_ipv4 = *iaid == "ipv4";
    if length != if is_ipv4 { 32 } else { 128 } {
        return Vec::new();
    }
    let until = match until {
        -1 => None,
        end => Some(u64::try_from(end).unwrap_or(0)),
    };
    let device = if is_ipv4 { bare_mac_of(id) } else { None };
    let device = device.unwrap_or_else(|| bounded(id));
    // What odhcpd calls broken holds blanks or worse; written so, no rule lets it pass.
    let name: Box<str> = match name.strip_prefix(BROKEN) {
        Some(name) => format!("{BROKEN}{name}").into(),
        None if *name == "-" => "".into(),
        None => Box::from(*name),
    };
    let address = |text: &&str| text.split('/').next()?.parse::<IpAddr>().ok();
    addresses
        .iter()
        .filter_map(address)
        .map(|address| Entry {
            name: name.clone(),
            address,
            until,
            device: Some(device.clone()),
            line,
            is_canonical: true,
        })
        .collect()
}

fn bounded(text: &str) -> Box<str> {
    text.chars().take(MAX_DEVICE).collect::<String>().into()
}
