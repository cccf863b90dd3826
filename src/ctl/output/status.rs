//! How the daemon fares, as text for people.

use std::fmt::Write as _;

use super::{counted, kibibytes, print_outcomes, table, zone_table};
use crate::control::types::{CertificateStatus, Status};

/// The answer to `status`.
pub(super) fn print(status: &Status, out: &mut String) {
    let _ = writeln!(
        out,
        "hearthdns {}, process {}, up {}, generation {}",
        status.version,
        status.pid,
        duration(status.uptime),
        status.generation
    );
    let rows: Vec<Vec<String>> = status
        .listeners
        .iter()
        .map(|on| {
            let private_only = if on.private_only { ", private-only" } else { "" };
            vec![
                format!("  {}", on.address),
                format!("{}{private_only}", on.transport),
            ]
        })
        .collect();
    section(out, "listening on:", &table(&rows));
    print_server(status, out);
    let rows: Vec<Vec<String>> = status
        .upstreams
        .iter()
        .map(|upstream| {
            let latency = upstream.latency_us.map_or_else(|| "-".to_owned(), milliseconds);
            let up = if upstream.up { "up" } else { "down" };
            vec![
                format!("  {}", upstream.url),
                upstream.route.clone(),
                up.to_owned(),
                latency,
            ]
        })
        .collect();
    section(out, "upstreams:", &table(&rows));
    let cache = &status.cache;
    let _ = writeln!(
        out,
        "\ncache: {} in {} of {}",
        counted(cache.entries, "answer"),
        kibibytes(cache.bytes),
        kibibytes(cache.limit)
    );
    if status.clock_unset {
        out.push_str("\nclock: not set yet; certificates of upstreams are checked without their times, and invites wait\n");
    }
    if let Some(validation) = &status.validation {
        let clock = if validation.without_clock {
            "; the clock is wrong, so the times of signatures are not checked"
        } else {
            ""
        };
        let rows: Vec<Vec<String>> = validation
            .negative
            .iter()
            .map(|anchor| {
                let state = if anchor.over { "over since" } else { "until" };
                vec![
                    format!("  not {}", anchor.domain),
                    format!("{state} {}", anchor.until),
                    anchor.reason.clone(),
                ]
            })
            .collect();
        section(out, &format!("validation: on{clock}"), &table(&rows));
    }
    out.push('\n');
    print_outcomes(&status.outcomes, out);
    out.push('\n');
    if status.zones.is_empty() {
        out.push_str("no zone\n");
    }
    if !(status.zones.is_empty() && status.defects.is_empty()) {
        zone_table(&status.zones, &status.defects, out);
    }
}

/// What devices know of it; nothing where there is nothing to know.
fn print_server(status: &Status, out: &mut String) {
    let server = &status.server;
    let announced = match &server.silent {
        Some(why) => format!("nothing: {why}"),
        None => server.announced.join(", "),
    };
    let certificate = status.certificate.as_deref().map(certificate).unwrap_or_default();
    let rows = [
        ("  name", server.name.clone().unwrap_or_default()),
        ("  addresses", server.addresses.join(", ")),
        ("  announced", announced),
        ("  certificate", certificate),
    ];
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(word, value)| vec![word.to_owned(), value])
        .collect();
    if !rows.is_empty() {
        section(out, "for devices:", &table(&rows));
    }
}

/// The certificate in one line; `dnsctl certificate` has many.
fn certificate(certificate: &CertificateStatus) -> String {
    if certificate.trust == "none" {
        return "none yet; `dnsctl certificate` says why".to_owned();
    }
    let mut text = format!("of {}, until {}", certificate.issuer, certificate.until);
    if !certificate.renewal.is_empty() {
        text += &format!(", renewal {}", certificate.renewal);
    }
    if !certificate.problems.is_empty() {
        text += "; something is wrong: `dnsctl certificate` says what";
    }
    text
}

fn section(out: &mut String, title: &str, rows: &str) {
    let _ = writeln!(out, "\n{title}");
    out.push_str(if rows.is_empty() { "  none\n" } else { rows });
}

fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{} ms", microseconds / 1000, microseconds / 100 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::types::{CacheStatus, DefectText, Listener, ServerStatus};

    fn text(status: &Status) -> String {
        let mut out = String::new();
        print(status, &mut out);
        out
    }

    #[test]
    fn the_whole_of_it() {
        let mut status = Status {
            version: "0.1.0".to_owned(),
            pid: 7,
            uptime: 90,
            generation: 3,
            listeners: vec![Listener {
                address: "192.168.1.1:853".to_owned(),
                transport: "tls".to_owned(),
                private_only: true,
            }],
            server: ServerStatus {
                name: Some("dns.home.example.".to_owned()),
                addresses: vec!["192.168.1.1".to_owned(), "fd00::1".to_owned()],
                announced: vec!["dot 853".to_owned(), "h2 443".to_owned()],
                silent: None,
            },
            certificate: Some(Box::new(CertificateStatus {
                trust: "own".to_owned(),
                issuer: "HearthDNS of home".to_owned(),
                until: "2027-01-31".to_owned(),
                renewal: "2027-01-01".to_owned(),
                ..CertificateStatus::default()
            })),
            cache: CacheStatus {
                entries: 1,
                bytes: 1024,
                limit: 8192,
            },
            ..Status::default()
        };
        let whole = |of_devices: &str| {
            format!(
                "hearthdns 0.1.0, process 7, up 1 min, generation 3\n\n\
                 listening on:\n  192.168.1.1:853  tls, private-only\n{of_devices}\n\
                 upstreams:\n  none\n\n\
                 cache: 1 answer in 1 KiB of 8 KiB\n\n\
                 queries: 0\n  none\n\n\
                 no zone\n"
            )
        };
        assert_eq!(
            text(&status),
            whole(
                "\nfor devices:\n  name         dns.home.example.\n  addresses    192.168.1.1, fd00::1\n  \
                 announced    dot 853, h2 443\n  certificate  of HearthDNS of home, until 2027-01-31, renewal \
                 2027-01-01\n"
            )
        );
        // Nothing is announced, the certificate is somebody else's, and something is wrong with it.
        status.server = ServerStatus {
            silent: Some("it is over".to_owned()),
            ..ServerStatus::default()
        };
        let certificate = status.certificate.as_mut().unwrap();
        certificate.renewal.clear();
        certificate.problems.push(DefectText::default());
        assert_eq!(
            text(&status),
            whole(
                "\nfor devices:\n  announced    nothing: it is over\n  certificate  of HearthDNS of home, until \
                 2027-01-31; something is wrong: `dnsctl certificate` says what\n"
            )
        );
        status.server.silent = None;
        status.certificate.as_mut().unwrap().trust = "none".to_owned();
        assert_eq!(
            text(&status),
            whole("\nfor devices:\n  certificate  none yet; `dnsctl certificate` says why\n")
        );
        status.certificate = None;
        assert_eq!(text(&status), whole(""));
    }
}
