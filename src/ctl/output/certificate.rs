//! The certificate as text for people.

use std::fmt::Write as _;

use super::{Printed, defect_line, table};
use crate::control::types::{Authority, CertificateStatus};

/// The answer to `certificate`.
pub(super) fn print(status: &CertificateStatus, printed: &mut Printed) {
    let out = &mut printed.out;
    let source = match status.source.as_str() {
        "own" => "of our own authority",
        "acme" => "of a public authority",
        _ => "from files",
    };
    let trust = match status.trust.as_str() {
        "public" => "every device knows who signed it",
        "own" => "devices must be given the authority that signed it",
        "none" => "there is none yet: encrypted listeners refuse everybody",
        _ => "nobody here knows who signed it",
    };
    let _ = writeln!(out, "certificate {source}: {trust}");
    let mut rows = Vec::new();
    let mut row = |word: &str, value: String| {
        if !value.is_empty() {
            rows.push(vec![format!("  {word}"), value]);
        }
    };
    row("names", status.names.join(", "));
    row("addresses", status.addresses.join(", "));
    for (word, value) in [
        ("issuer", &status.issuer),
        ("from", &status.from),
        ("until", &status.until),
        ("renewal", &status.renewal),
        ("now", &status.doing),
        ("next try", &status.next_try),
        ("file", &status.file),
    ] {
        row(word, value.clone());
    }
    out.push_str(&table(&rows));
    if !status.awaits.is_empty() {
        out.push_str("\nadd to the domain's public DNS; `dnsctl certificate renew` looks at once\n");
        for record in &status.awaits {
            let _ = writeln!(out, "  {record}");
        }
    }
    if !status.authority.is_empty() {
        let rows = [
            ("name", status.authority.clone()),
            ("SHA-256", status.fingerprint.clone()),
            ("until", status.authority_until.clone()),
            ("signs for", status.signs_for.join(", ")),
            ("not for", status.zones_left_out.join(", ")),
        ];
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(word, value)| vec![format!("  {word}"), value])
            .collect();
        out.push_str("\nauthority\n");
        out.push_str(&table(&rows));
    }
    for problem in &status.problems {
        let _ = writeln!(printed.err, "{}", defect_line(problem));
    }
    printed.bad = !status.problems.is_empty();
}

/// The answer to `authority`: the certificate alone on stdout, for a file.
pub(super) fn print_authority(authority: &Authority, printed: &mut Printed) {
    printed.out.clone_from(&authority.pem);
    let _ = writeln!(printed.err, "SHA-256 {}", authority.fingerprint);
    if authority.replaced {
        printed
            .err
            .push_str("note: this authority is new, and no device trusts it yet; give it to each of them\n");
    }
}
