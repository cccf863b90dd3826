//! The names of the LAN as text.

use std::fmt::Write as _;

use super::{Printed, table};
use crate::control::types::LanNames;

/// What `dnsctl lan` prints.
pub(super) fn print(lan: &LanNames, printed: &mut Printed) {
    let out = &mut printed.out;
    if lan.names.is_empty() {
        let _ = writeln!(printed.err, "no device of {} is known", lan.domain);
    } else {
        let head = ["NAME", "ADDRESS", "UNTIL", "DEVICE", "FROM"];
        let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).to_vec()];
        for name in &lan.names {
            let from = match &name.zone {
                None => format!("{}:{}", name.file, name.line),
                Some(zone) => format!("{}:{}, hidden by the zone {zone}", name.file, name.line),
            };
            rows.push(vec![
                name.name.clone(),
                name.address.clone(),
                name.until.clone().unwrap_or_else(|| "-".to_owned()),
                name.device.clone().unwrap_or_else(|| "-".to_owned()),
                from,
            ]);
        }
        out.push_str(&table(&rows));
    }
    if !lan.refused.is_empty() {
        out.push_str(if out.is_empty() {
            "refused:\n"
        } else {
            "\nrefused:\n"
        });
        for refused in &lan.refused {
            let _ = writeln!(
                out,
                "  {}:{}: `{}` of {}: {}",
                refused.file,
                refused.line,
                refused.name.escape_default(),
                refused.address,
                refused.reason
            );
        }
        if lan.more_refused > 0 {
            let _ = writeln!(out, "  and {} more", lan.more_refused);
        }
    }
    for file in lan.files.iter().filter(|file| file.damaged) {
        let _ = writeln!(
            printed.err,
            "note: {} is damaged, and the names that it gave before stay; `dnsctl status` says what is wrong",
            file.file
        );
    }
}
