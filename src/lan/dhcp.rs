//! OpenWrt's `/etc/config/dhcp`: which names a person has given there.
//!
//! `config domain` has a name and an address. `config host` has a name for the device with a MAC address, and with `dns` for
//! its address too, as dnsmasq's init script takes it. The rest of the file is the DHCP server's business.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Entry, Reading, Shown, mac_of};
use crate::uci::{self, Section};

/// Reads the file: names with addresses, and names by MAC address in lower case. A file that is not UCI says nothing; an
/// address that cannot be read is a fault of its section.
#[must_use]
pub fn parse(bytes: &[u8]) -> (Reading, HashMap<Box<str>, Box<str>>) {
    let (mut reading, mut macs) = (Reading::default(), HashMap::new());
    let package = match uci::parse(bytes) {
        Ok(package) => package,
        Err(error) => {
            reading.fault(error.place.line, error.message);
            return (reading, macs);
        }
    };
    for domain in package.of_kind("domain") {
        add(&mut reading, domain);
    }
    for host in package.of_kind("host") {
        if matches!(host.text("dns"), Some("1" | "on" | "true" | "yes" | "enabled")) {
            add(&mut reading, host);
        }
        if let Some(name) = host.text("name").filter(|name| !name.is_empty()) {
            let words = host.texts("mac").flat_map(str::split_ascii_whitespace);
            // With a wildcard in it, it is no device's.
            for mac in words.filter_map(mac_of) {
                macs.entry(mac).or_insert_with(|| Box::from(name));
            }
        }
    }
    (reading, macs)
}

/// The names of a section at its address; both must be there, and `ignore` is the word for none.
fn add(reading: &mut Reading, section: &Section) {
    let Some(ip) = section.text("ip").filter(|ip| !ip.is_empty() && *ip != "ignore") else {
        return;
    };
    let line = section
        .option("ip")
        .map_or(section.place.line, |ip| ip.place.line);
    let Ok(address) = ip.parse::<IpAddr>() else {
        reading.fault(line, format!("expected an address, found {}", Shown(ip)));
        return;
    };
    let names = section.texts("name").flat_map(str::split_ascii_whitespace);
    reading.entries.extend(names.enumerate().map(|(at, name)| Entry {
        name: name.into(),
        address,
        until: None,
        device: None,
        line,
        is_canonical: at == 0,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_and_hosts_with_dns_have_names() {
        let text = b"config dnsmasq\n\toption domain 'lan'\n\nconfig domain\n\toption name 'nas files'\n\toption ip \
                     '192.168.1.2'\n\nconfig host\n\toption name 'tv'\n\toption dns '1'\n\tlist mac '52:54:00:00:00:0A'\n\
                     \tlist mac '52:54:00:00:00:0b'\n\toption ip '192.168.1.3'\n\nconfig host\n\toption name 'quiet'\n\
                     \toption mac '52:54:00:00:00:0c 52:54:00:00:*:*'\n\toption ip '192.168.1.4'\n\nconfig host\n\toption \
                     name 'none'\n\toption dns '1'\n\toption ip 'ignore'\n\nconfig domain\n\toption name 'half'\n";
        let (reading, macs) = parse(text);
        let shown: Vec<String> = reading
            .entries
            .iter()
            .map(|entry| {
                format!(
                    "{} {} {} {}",
                    entry.line, entry.name, entry.address, entry.is_canonical
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "6 nas 192.168.1.2 true",
                "6 files 192.168.1.2 false",
                "13 tv 192.168.1.3 true"
            ]
        );
        assert!(reading.faults.is_empty());
        let mut macs: Vec<_> = macs.iter().map(|(mac, name)| format!("{mac} {name}")).collect();
        macs.sort();
        assert_eq!(
            macs,
            [
                "52:54:00:00:00:0a tv",
                "52:54:00:00:00:0b tv",
                "52:54:00:00:00:0c quiet"
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let (reading, _) = parse(b"config domain\n\toption name 'nas'\n\toption ip '192.168.1.300'\n");
        let told = |reading: &Reading| {
            let faults = reading.faults.iter();
            faults
                .map(|fault| format!("{}: {}", fault.line, fault.message))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&reading), ["3: expected an address, found `192.168.1.300`"]);
        let (reading, macs) = parse(b"config domain\n\toption name 'nas\n");
        assert_eq!(told(&reading).len(), 1);
        assert!(told(&reading)[0].starts_with("2: "), "{:?}", told(&reading));
        assert!(reading.entries.is_empty() && macs.is_empty());
    }
}
