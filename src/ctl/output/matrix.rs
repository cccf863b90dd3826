//! What `dnsctl matrix` says, as text for people.

use std::fmt::Write as _;

use super::{Printed, broken, counted, notes, print_changes, print_edited, table};
use crate::control::types::{Finding, Matrix, MatrixServer, Request};

pub(super) fn print(request: &Request, matrix: &Matrix, printed: &mut Printed) {
    for zone in &matrix.zones {
        match &zone.diff {
            Some(diff) => {
                printed.out.push_str(diff);
                notes(&zone.notes, &mut printed.err);
            }
            None if zone.added.is_empty() && zone.removed.is_empty() => print_edited(request, zone, printed),
            None => {
                print_changes("changed", "", zone, &mut printed.out);
                notes(&zone.notes, &mut printed.err);
            }
        }
    }
    let mut servers = matrix.servers.iter().peekable();
    // One text alone is for a file.
    if let (true, Some(MatrixServer { parts, .. }), 1) =
        (matrix.zones.is_empty(), servers.peek(), matrix.servers.len())
        && let [part] = parts.as_slice()
    {
        printed.out.push_str(&part.text);
        notes(&matrix.notes, &mut printed.err);
        return;
    }
    if !matrix.caches.is_empty() {
        printed
            .out
            .push_str("\nwho may go to the old address, and until when:\n");
        let widths = matrix.caches.iter().map(|cache| cache.who.chars().count());
        let width = widths.max().unwrap_or(0);
        for cache in &matrix.caches {
            let _ = write!(printed.out, "  {:width$}  ", cache.who);
            broken(&cache.what, width + 4, width + 4, &mut printed.out);
        }
    }
    for finding in &matrix.findings {
        let _ = writeln!(printed.out, "{}", finding_line(finding));
    }
    if matrix.zones.is_empty() && matrix.dry_run {
        printed.out.push_str("nothing would change\n");
    }
    for server in servers {
        if !printed.out.is_empty() {
            printed.out.push('\n');
        }
        print_server(server, &mut printed.out);
    }
    notes(&matrix.notes, &mut printed.err);
}

fn print_server(server: &MatrixServer, out: &mut String) {
    let how = match server.delegation.as_str() {
        "srv" => ", by an SRV record",
        "well-known" => ", by .well-known",
        _ => "",
    };
    let _ = writeln!(out, "Matrix server {}", server.server);
    let mut rows = vec![
        vec![
            "  other servers go to".to_owned(),
            format!("{}{how}", server.homeserver),
        ],
        vec!["  addresses".to_owned(), server.addresses.join(", ")],
        vec!["  certificate for".to_owned(), server.certificate.clone()],
        vec!["  clients go to".to_owned(), server.client.clone()],
        vec!["  TTL".to_owned(), format!("{} seconds", server.ttl)],
    ];
    for (view, addresses) in &server.views {
        rows.push(vec![format!("  in the view {view}"), addresses.join(", ")]);
    }
    for (name, addresses) in &server.own {
        rows.push(vec![format!("  {name}"), addresses.join(", ")]);
    }
    for name in server
        .services
        .keys()
        .filter(|name| !server.own.contains_key(*name))
    {
        rows.push(vec![format!("  {name}"), "as the homeserver".to_owned()]);
    }
    out.push_str(&table(&rows));
    for part in &server.parts {
        let _ = write!(out, "\n# ---- {}\n{}", part.title, part.text);
    }
}

/// One finding as a line.
pub(super) fn finding_line(finding: &Finding) -> String {
    let Finding {
        severity,
        file,
        line,
        column,
        message,
        ..
    } = finding;
    match line {
        0 => format!("{file}: {severity}: {message}"),
        line => format!("{file}:{line}:{column}: {severity}: {message}"),
    }
}

/// How many errors and warnings there are.
pub(super) fn count(findings: &[Finding]) -> (u64, u64) {
    let is_error = |finding: &&Finding| finding.severity == "error";
    let errors = findings.iter().filter(is_error).count() as u64;
    (errors, findings.len() as u64 - errors)
}

/// `, 1 error, 2 warnings`, as far as there are any.
pub(super) fn counted_findings(errors: u64, warnings: u64) -> String {
    let mut out = String::new();
    for (count, what) in [(errors, "error"), (warnings, "warning")] {
        if count > 0 {
            let _ = write!(out, ", {}", counted(count, what));
        }
    }
    out
}
