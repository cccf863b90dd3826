//! What `dnsctl matrix` says, as text for people.

use std::fmt::Write as _;

use super::{Printed, notes, print_edited, table};
use crate::control::types::{Matrix, MatrixServer, Request};

pub(super) fn print(request: &Request, matrix: &Matrix, printed: &mut Printed) {
    for zone in &matrix.zones {
        match &zone.diff {
            Some(diff) => {
                printed.out.push_str(diff);
                notes(&zone.notes, &mut printed.err);
            }
            None => print_edited(request, zone, printed),
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
        "srv" => "an SRV record leads other servers to",
        "well-known" => ".well-known leads other servers to",
        _ => "other servers go to",
    };
    let _ = writeln!(
        out,
        "Matrix server {}: {how} {}",
        server.server, server.homeserver
    );
    let mut rows = vec![
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
        rows.push(vec![format!("  {name}"), "the same".to_owned()]);
    }
    out.push_str(&table(&rows));
    for part in &server.parts {
        let _ = write!(out, "\n# ---- {}\n{}", part.title, part.text);
    }
}
