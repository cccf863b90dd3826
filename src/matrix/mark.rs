//! `; hearthdns: matrix=…`: what a zone file says of a Matrix server that its records cannot say.
//!
//! ```text
//! ; hearthdns: matrix=hearth.example,well-known,matrix.hearth.example:443,turn,rtc
//! ```
//! The server name; `none`, `srv` or `well-known`; with the last two the host and port of the homeserver; then services,
//! and `client:PORT` where clients use another port than 443. Addresses and TTL are those of the records.

use std::collections::{BTreeMap, BTreeSet};

use super::set::{Delegation, ServerName, Service, Set, Target, host_name, port_number, split_port};
use super::{FEDERATION_PORT, HTTPS_PORT, TTL};

/// The value for a set.
#[must_use]
pub fn write(set: &Set) -> String {
    let mut value = format!("{},{}", set.server, set.delegation.as_str());
    if let Delegation::Srv(target) | Delegation::WellKnown(target) = &set.delegation {
        value.push_str(&format!(",{target}"));
    }
    if let Some(port) = set.client_port {
        value.push_str(&format!(",client:{port}"));
    }
    for service in &set.services {
        value.push(',');
        value.push_str(service.as_str());
    }
    value
}

/// The set of a value, without addresses, and with the usual TTL.
///
/// # Errors
/// What is wrong with it.
pub fn read(value: &str) -> Result<Set, String> {
    let mut words = value.split(',');
    let server: ServerName = words.next().unwrap_or_default().parse()?;
    let kind = words.next().unwrap_or_default();
    let mut target = |port: u16| {
        let word = words.next().unwrap_or_default();
        let (host, written) = split_port(word)?;
        Ok::<Target, String>(Target {
            host: host_name(host)?,
            port: written.unwrap_or(port),
        })
    };
    let delegation = match kind {
        "none" => Delegation::None,
        "srv" => Delegation::Srv(target(FEDERATION_PORT)?),
        "well-known" => Delegation::WellKnown(target(HTTPS_PORT)?),
        other => {
            return Err(format!(
                "`{}` is no way to delegate; expected `none`, `srv` or `well-known`",
                other.escape_debug()
            ));
        }
    };
    let mut services = BTreeSet::new();
    let mut client_port = None;
    for word in words {
        if let Some(service) = Service::named(word) {
            services.insert(service);
        } else if let Some(port) = word.strip_prefix("client:") {
            client_port = Some(
                port_number(port)
                    .ok_or_else(|| format!("`{}` is no port; expected 1 to 65535", port.escape_debug()))?,
            );
        } else {
            let known = Service::ALL.map(Service::as_str).join(", ");
            return Err(format!(
                "`{}` is not known here; expected {known} or client:PORT",
                word.escape_debug()
            ));
        }
    }
    Ok(Set {
        server,
        delegation,
        client_port,
        addresses: Vec::new(),
        services,
        own: BTreeMap::new(),
        views: BTreeMap::new(),
        ttl: TTL,
    })
}
