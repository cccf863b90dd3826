//! Answers as text for people: aligned tables, one line for one thing done.

mod certificate;
mod lan;
mod matrix;
mod status;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{devices, queries};
use crate::control::types::{
    Answer, CacheEntries, CacheStats, Checked, DefectText, Edited, Explained, Failure, Log, Reconnected,
    RecordText, Records, Reloaded, Request, Stats, TransportStats, Verified, ZoneState, ZoneStatus, Zones,
};

/// What goes to stdout, and what to stderr beside it.
#[derive(Debug, Default)]
pub struct Printed {
    /// The answer.
    pub out: String,
    /// Notes and warnings.
    pub err: String,
    /// Whether the answer says that something is wrong.
    pub bad: bool,
}

/// An answer as text.
#[must_use]
pub fn text_of(request: &Request, answer: &Answer) -> Printed {
    let mut printed = Printed::default();
    match answer {
        Answer::Edited(edited) => print_edited(request, edited, &mut printed),
        Answer::Changed(changed) => {
            for edited in &changed.zones {
                print_edited(request, edited, &mut printed);
            }
        }
        Answer::Records(records) => print_records(records, &mut printed),
        Answer::Zones(zones) => print_zones(zones, &mut printed),
        Answer::Checked(checked) => print_checked(checked, &mut printed),
        Answer::Reloaded(reloaded) => print_reloaded(reloaded, &mut printed),
        Answer::Status(status) => status::print(status, &mut printed.out),
        Answer::Stats(stats) => print_stats(stats, &mut printed.out),
        Answer::Queries(seen) => queries::print(seen, &mut printed),
        Answer::Flushed(flushed) => {
            printed.out = format!("forgot {}\n", counted(flushed.entries, "cached answer"));
        }
        Answer::CacheStats(stats) => print_cache_stats(stats, &mut printed),
        Answer::CacheEntries(entries) => print_cache_entries(entries, &mut printed),
        Answer::Certificate(status) => certificate::print(status, &mut printed),
        Answer::Authority(authority) => certificate::print_authority(authority, &mut printed),
        Answer::Reconnected(reconnected) => print_reconnected(reconnected, &mut printed),
        Answer::Lan(names) => lan::print(names, &mut printed),
        Answer::Explained(explained) => print_explained(explained, &mut printed),
        Answer::Invited(invited) => devices::print_invited(invited, &mut printed),
        Answer::Devices(all) => devices::print_devices(all, &mut printed),
        Answer::Revoked(revoked) => devices::print_revoked(revoked, &mut printed),
        Answer::Log(log) => print_log(log, &mut printed),
        // `dnsctl` has no command that prints the facts themselves.
        Answer::Facts(_) => {}
        Answer::Routers(routers) => {
            let rows: Vec<Vec<String>> = routers
                .kinds
                .iter()
                .map(|(kind, title)| vec![kind.clone(), title.clone()])
                .collect();
            printed.out = table(&rows);
        }
        Answer::Router(router) => {
            printed.out.clone_from(&router.text);
            notes(&router.notes, &mut printed.err);
        }
        Answer::Verified(verified) => print_verified(verified, &mut printed),
        Answer::Matrix(answer) => matrix::print(request, answer, &mut printed),
        #[cfg(feature = "systemd")]
        Answer::Setup(setup) => {
            printed.out = super::setup::text_of(setup);
            printed.bad = super::setup::is_bad(setup);
        }
        #[cfg(not(feature = "systemd"))]
        Answer::Setup(_) => {}
        #[cfg(feature = "openwrt")]
        Answer::RouterMode(mode) => printed.out = super::mode::text_of(mode),
        #[cfg(not(feature = "openwrt"))]
        Answer::RouterMode(_) => {}
        #[cfg(feature = "doctor")]
        Answer::Diagnosed(diagnosed) => super::doctor::text::print(diagnosed, &mut printed),
        #[cfg(not(feature = "doctor"))]
        Answer::Diagnosed(_) => {}
    }
    printed
}

/// A failure as text for stderr.
#[must_use]
pub fn failure_text(failure: &Failure) -> String {
    let mut text = format!("dnsctl: {}\n", failure.message);
    for defect in &failure.defects {
        let _ = writeln!(text, "  {}", defect_line(defect));
    }
    text
}

/// Whether an answer says that something is wrong: the exit code is 1 then.
#[must_use]
pub fn is_bad(answer: &Answer) -> bool {
    match answer {
        Answer::Checked(checked) => !checked.defects.is_empty() || matrix::count(&checked.findings).0 > 0,
        Answer::Matrix(matrix) => matrix::count(&matrix.findings).0 > 0,
        Answer::Reloaded(reloaded) => !reloaded.defects.is_empty(),
        Answer::Verified(verified) => !is_right(verified),
        #[cfg(feature = "systemd")]
        Answer::Setup(setup) => super::setup::is_bad(setup),
        Answer::Certificate(status) => !status.problems.is_empty(),
        _ => false,
    }
}

fn print_edited(request: &Request, edited: &Edited, printed: &mut Printed) {
    let out = &mut printed.out;
    let (zone, serial, file) = (zone_and_view(edited), serial_of(edited), &edited.file);
    match request {
        Request::AddZone(_) => {
            let _ = writeln!(out, "added the zone {zone} ({file}{serial})");
        }
        Request::RemoveZone(_) => {
            let _ = writeln!(out, "removed the zone {zone} ({file})");
        }
        Request::Undo(_) => {
            for one in std::iter::once(edited).chain(&edited.with) {
                print_undone(one, out);
                notes(&one.notes, &mut printed.err);
            }
            return;
        }
        _ => {
            // Where it stood says little once it is gone.
            for record in &edited.removed {
                let _ = writeln!(out, "removed {} ({file}{serial})", record_line(record));
            }
            for record in &edited.added {
                let line = record.line.map_or(String::new(), |line| format!(":{line}"));
                let _ = writeln!(out, "added {} ({file}{line}{serial})", record_line(record));
            }
            if edited.removed.is_empty() && edited.added.is_empty() {
                let _ = writeln!(out, "nothing changed: {zone} is so already ({file}{serial})");
            }
        }
    }
    notes(&edited.notes, &mut printed.err);
}

/// A file that went back, or would.
fn print_undone(edited: &Edited, out: &mut String) {
    if let Some(diff) = &edited.diff {
        out.push_str(diff);
        return;
    }
    print_changes(
        "went back to the version of",
        " before the last edit",
        edited,
        out,
    );
}

/// What became of a file: the records that went and those that came.
fn print_changes(what: &str, when: &str, edited: &Edited, out: &mut String) {
    let (zone, serial) = (zone_and_view(edited), serial_of(edited));
    let _ = writeln!(out, "{what} {zone}{when} ({}{serial})", edited.file);
    for (mark, records) in [('-', &edited.removed), ('+', &edited.added)] {
        for record in records {
            let _ = writeln!(out, "{mark} {}", record_line(record));
        }
    }
}

/// `ZONE in the view VIEW`.
fn zone_and_view(edited: &Edited) -> String {
    let view = edited
        .view
        .as_ref()
        .map_or(String::new(), |view| format!(" in the view {view}"));
    format!("{}{view}", edited.zone)
}

/// `, serial NUMBER`, where there is one.
fn serial_of(edited: &Edited) -> String {
    edited
        .serial
        .map_or(String::new(), |serial| format!(", serial {serial}"))
}

fn notes(notes: &[String], err: &mut String) {
    for note in notes {
        // What the linter says brings its own word.
        let is_finding = note.starts_with("warning: ") || note.starts_with("error: ");
        let _ = writeln!(err, "{}{note}", if is_finding { "" } else { "note: " });
    }
}

fn record_line(record: &RecordText) -> String {
    let expires = record
        .expires
        .as_ref()
        .map_or(String::new(), |at| format!(", until {at}"));
    format!(
        "{} {} {} {}{expires}",
        record.name, record.ttl, record.rtype, record.rdata
    )
}

fn print_records(records: &Records, printed: &mut Printed) {
    if records.records.is_empty() {
        printed.err.push_str("no record matches\n");
        return;
    }
    let views = records.records.iter().any(|record| record.view.is_some());
    let expiring = records.records.iter().any(|record| record.expires.is_some());
    let mut rows = Vec::with_capacity(records.records.len() + 1);
    let mut head = vec!["NAME", "TTL", "TYPE"];
    if views {
        head.push("VIEW");
    }
    if expiring {
        head.push("UNTIL");
    }
    head.push("DATA");
    rows.push(head.into_iter().map(str::to_owned).collect());
    for record in &records.records {
        let mut row = vec![record.name.clone(), record.ttl.to_string(), record.rtype.clone()];
        if views {
            row.push(record.view.clone().unwrap_or_else(|| "-".to_owned()));
        }
        if expiring {
            row.push(record.expires.clone().unwrap_or_else(|| "-".to_owned()));
        }
        row.push(record.rdata.clone());
        rows.push(row);
    }
    printed.out = table(&rows);
    if records.more {
        let _ = writeln!(
            printed.err,
            "note: more than {} records match; the rest is left out: name a zone, a name or a type",
            records.records.len()
        );
    }
}

fn print_zones(zones: &Zones, printed: &mut Printed) {
    if zones.zones.is_empty() && zones.defects.is_empty() {
        printed
            .err
            .push_str("there is no zone yet; add one with `dnsctl add-zone DOMAIN`\n");
        return;
    }
    zone_table(&zones.zones, &zones.defects, &mut printed.out);
}

fn zone_table(zones: &[ZoneStatus], others: &[DefectText], out: &mut String) {
    let views = zones.iter().any(|zone| zone.view.is_some());
    let mut head = vec!["ZONE", "MODE", "SERIAL", "RECORDS", "STATE", "FILE"];
    if views {
        head.insert(1, "VIEW");
    }
    let mut rows: Vec<Vec<String>> = vec![head.into_iter().map(str::to_owned).collect()];
    for zone in zones {
        let state = match zone.state {
            ZoneState::Ok => "ok",
            ZoneState::LastGood => "last-good",
            ZoneState::Closed => "closed",
        };
        let mut row = vec![
            zone.zone.clone(),
            zone.mode.clone().unwrap_or_else(|| "-".to_owned()),
            zone.serial.to_string(),
            zone.records.to_string(),
            state.to_owned(),
            zone.file.clone(),
        ];
        if views {
            row.insert(1, zone.view.clone().unwrap_or_else(|| "-".to_owned()));
        }
        rows.push(row);
    }
    out.push_str(&table(&rows));
    let mut defects = others
        .iter()
        .chain(zones.iter().flat_map(|zone| &zone.defects))
        .peekable();
    if defects.peek().is_some() {
        out.push_str("\ndefects:\n");
        for defect in defects {
            let _ = writeln!(out, "  {}", defect_line(defect));
        }
    }
}

fn print_checked(checked: &Checked, printed: &mut Printed) {
    for defect in &checked.defects {
        let _ = writeln!(printed.out, "{}", defect_line(defect));
    }
    for finding in &checked.findings {
        let _ = writeln!(printed.out, "{}", matrix::finding_line(finding));
    }
    let (errors, warnings) = matrix::count(&checked.findings);
    let read = format!(
        "{}, {}",
        counted(checked.zones, "zone"),
        counted(checked.records, "record")
    );
    if checked.defects.is_empty() {
        let found = matrix::counted_findings(errors, warnings);
        let _ = writeln!(printed.out, "{read}: no defect{found}");
    } else {
        let found = u64::try_from(checked.defects.len()).unwrap_or(u64::MAX);
        let more = matrix::counted_findings(errors, warnings);
        let _ = writeln!(printed.err, "{read}: {}{more}", counted(found, "defect"));
    }
    printed.bad = !checked.defects.is_empty() || errors > 0;
}

fn print_reloaded(reloaded: &Reloaded, printed: &mut Printed) {
    let changed = match reloaded.changed.as_slice() {
        [] => "nothing changed".to_owned(),
        changed => format!("changed: {}", changed.join(", ")),
    };
    let zones = counted(reloaded.zones, "zone");
    let _ = writeln!(
        printed.out,
        "reloaded {zones} (generation {}); {changed}",
        reloaded.generation
    );
    for defect in &reloaded.defects {
        let _ = writeln!(printed.err, "{}", defect_line(defect));
    }
    if !reloaded.defects.is_empty() {
        printed
            .err
            .push_str("zones with a defect stay on their last good version\n");
    }
    printed.bad = !reloaded.defects.is_empty();
}

fn print_reconnected(reconnected: &Reconnected, printed: &mut Printed) {
    let upstreams = counted(reconnected.upstreams, "upstream");
    let _ = write!(printed.out, "dropped the connections to {upstreams}");
    if reconnected.probed > 0 {
        let _ = write!(
            printed.out,
            "; {} did not answer lately and {} asked now",
            reconnected.probed,
            if reconnected.probed == 1 { "is" } else { "are" }
        );
    }
    if reconnected.subnets_changed {
        printed.out.push_str("; the subnets of this host are others now");
    }
    printed.out.push('\n');
}

fn print_outcomes(outcomes: &BTreeMap<String, u64>, out: &mut String) {
    let total: u64 = outcomes.values().sum();
    let rows: Vec<Vec<String>> = outcomes
        .iter()
        .filter(|(_, times)| **times != 0)
        .map(|(outcome, times)| vec![format!("  {outcome}"), times.to_string()])
        .collect();
    let _ = writeln!(out, "queries: {total}");
    out.push_str(if rows.is_empty() { "  none\n" } else { "" });
    out.push_str(&table(&rows));
}

fn print_stats(stats: &Stats, out: &mut String) {
    print_outcomes(&stats.outcomes, out);
    out.push('\n');
    let head = ["TRANSPORT", "QUERIES", "OPEN", "PLACES", "PER CLIENT"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for of in &stats.transports {
        let mut row = vec![of.transport.clone(), of.queries.to_string()];
        let counts = of
            .connections
            .as_ref()
            .map(|all| [all.open, all.limit, all.per_client]);
        row.extend(counts.map_or([const { String::new() }; 3], |counts| {
            counts.map(|n| n.to_string())
        }));
        rows.push(row);
    }
    out.push_str(&table(&rows));
    let happened = |of: &TransportStats| {
        let events = of.events.iter().filter(|(_, times)| **times != 0);
        let events: Vec<String> = events.map(|(event, times)| format!("{event} {times}")).collect();
        (!events.is_empty()).then(|| vec![of.transport.clone(), events.join(", ")])
    };
    let rows: Vec<Vec<String>> = stats.transports.iter().filter_map(happened).collect();
    if !rows.is_empty() {
        out.push('\n');
        out.push_str(&table(&rows));
    }
}

fn print_cache_stats(stats: &CacheStats, printed: &mut Printed) {
    let out = &mut printed.out;
    let _ = writeln!(
        out,
        "{} in {} of {}",
        counted(stats.entries, "cached answer"),
        kibibytes(stats.bytes),
        kibibytes(stats.limit)
    );
    let rows = [
        ("  fresh", stats.fresh, "answers with records"),
        ("  negative", stats.negative, "answers that there is nothing"),
        ("  stale", stats.stale, "over, held for when no upstream answers"),
        ("  failures", stats.failures, "questions that failed a moment ago"),
        (
            "  over",
            stats.over,
            "of no use; their place is taken when needed",
        ),
    ];
    let rows = rows.map(|(kind, count, what)| vec![kind.to_owned(), count.to_string(), what.to_owned()]);
    out.push_str(&table(&rows));
    let asked = stats.hits.saturating_add(stats.misses);
    let share = (stats.hits.saturating_mul(100).checked_div(asked))
        .map_or_else(String::new, |percent| format!(" ({percent} %)"));
    let _ = writeln!(
        out,
        "since the start: {} answered from it{share}, {} asked upstream",
        stats.hits, stats.misses
    );
}

fn print_cache_entries(entries: &CacheEntries, printed: &mut Printed) {
    if entries.entries.is_empty() {
        printed.err.push_str("no cached answer matches\n");
        return;
    }
    let head = ["NAME", "TYPE", "ROUTE", "RCODE", "KIND", "LEFT", "HITS"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for entry in &entries.entries {
        let mut rtype = entry.rtype.clone();
        for (is_set, word) in [(entry.dnssec, " +do"), (entry.unchecked, " +cd")] {
            rtype.push_str(if is_set { word } else { "" });
        }
        rows.push(vec![
            entry.name.clone(),
            rtype,
            entry.route.clone(),
            entry.rcode.clone(),
            entry.kind.clone(),
            entry.left.to_string(),
            entry.hits.to_string(),
        ]);
    }
    printed.out = table(&rows);
    if entries.more {
        let _ = writeln!(
            printed.err,
            "note: more than {} answers match; the rest is left out: name a domain with --below",
            entries.entries.len()
        );
    }
}

fn print_explained(explained: &Explained, printed: &mut Printed) {
    let rows: Vec<Vec<String>> = explained
        .steps
        .iter()
        .map(|step| vec![step.step.clone(), step.verdict.clone()])
        .collect();
    printed.out = table(&rows);
    let out = &mut printed.out;
    if let Some(route) = &explained.route {
        let upstreams = match explained.upstreams.as_slice() {
            [] => "none: name one with --upstream or `upstreams:`".to_owned(),
            upstreams => upstreams.join(", "),
        };
        let _ = writeln!(out, "= asks upstream, route {route}: {upstreams}");
    }
    if let Some(rcode) = &explained.rcode {
        let _ = writeln!(out, "= {rcode}");
    }
    for record in &explained.records {
        let _ = writeln!(out, "  {record}");
    }
}

fn print_verified(verified: &Verified, printed: &mut Printed) {
    let _ = writeln!(printed.out, "asked {}:", verified.router);
    for zone in &verified.zones {
        let about = zone.host.as_ref().unwrap_or(&zone.zone);
        let word = if zone.verdict == "right" { "ok" } else { "WRONG" };
        let _ = writeln!(printed.out, "{word:5} {about} {}", zone.reason);
        for line in &zone.lines {
            let _ = writeln!(printed.out, "        {line}");
        }
    }
    notes(&verified.notes, &mut printed.err);
    printed.bad = !is_right(verified);
}

/// Whether every zone is answered as it should be.
fn is_right(verified: &Verified) -> bool {
    verified.zones.iter().all(|zone| zone.verdict == "right")
}

fn print_log(log: &Log, printed: &mut Printed) {
    if log.versions.is_empty() {
        let _ = writeln!(printed.err, "the history of {} is empty", log.zone);
        return;
    }
    for version in &log.versions {
        let did = match version.before.as_str() {
            "edit" => "edited",
            "undo" => "undone",
            "remove" => "removed",
            other => other,
        };
        let _ = writeln!(
            printed.out,
            "{} {did}, before it serial {} ({})",
            version.time, version.serial, version.file
        );
        for change in &version.changes {
            let _ = writeln!(printed.out, "  {change}");
        }
    }
}

/// A defect as `FILE:LINE:COLUMN: MESSAGE`.
fn defect_line(defect: &DefectText) -> String {
    if defect.line == 0 {
        return format!("{}: {}", defect.file, defect.message);
    }
    format!(
        "{}:{}:{}: {}",
        defect.file, defect.line, defect.column, defect.message
    )
}

/// Rows with their columns aligned; the last one is as long as it is.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let mut out = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            if column + 1 == row.len() {
                out.push_str(cell);
            } else {
                let width = widths.get(column).copied().unwrap_or(0);
                let _ = write!(out, "{cell:width$}  ");
            }
        }
        out.push('\n');
    }
    out
}

/// Width at which sentences are broken.
pub(super) const WIDTH: usize = 80;

/// Writes a text behind `column` characters of its line, broken between words; further lines begin behind `indent` blanks.
pub(super) fn broken(text: &str, mut column: usize, indent: usize, out: &mut String) {
    let mut is_first = true;
    for word in text.split(' ') {
        let len = word.chars().count();
        if !is_first && column + 1 + len > WIDTH {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if !is_first {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
        is_first = false;
    }
    out.push('\n');
}

pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn kibibytes(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
