//! Requests that concern the zones on disk, carried out by the store: for the daemon, and for `dnsctl`
//! where no daemon runs.

use std::collections::BTreeMap;

use crate::config::limits;
use crate::matrix::lint;
use crate::message::{Name, Rtype};
use crate::store::history::Version as Kept;
use crate::store::lifecycle::Versions;
use crate::store::{
    Change, CheckedFile, Held, Loaded, Publish, State, Store, StoreError, StoreSettings, ZoneKey, words,
};
use crate::zone::master::civil::write_time;
use crate::zone::record::{Defect, Mode, Record};
use crate::zone::render;
use crate::zone::{master, rdata};

use super::types::{
    Answer, Changed, Checked, Code, DefectText, Edited, Failure, Finding, ListRecords, Log, MAX_LISTED,
    RecordText, Records, Reloaded, Request, Version, ZoneState, ZoneStatus, ZoneWords, Zones,
};

/// Most lines of changes that a version in a log shows.
const MAX_CHANGES: usize = limits::LOG_CHANGES.default_usize();
/// Largest version that a log reads in order to show what changed.
const MAX_COMPARED: u64 = limits::LOG_COMPARED.default;

/// Carries out a request that concerns zones on disk. None for one that only a running daemon can answer
/// (`status`, `flush`, `reconnect`, `explain`, those about devices, and `check` and `reload`, which replace what is running),
/// and for `facts`, which takes more than zones.
///
/// `live` is said in acknowledgements: whether `publish` brings a change to clients.
pub fn execute(
    store: &mut Store,
    request: &Request,
    now: u64,
    live: bool,
    publish: Publish<'_>,
) -> Option<Result<Answer, Failure>> {
    let edited = |change: Result<Change, StoreError>| {
        change
            .map(|change| Answer::Edited(edited_of(change, live)))
            .map_err(Failure::from)
    };
    Some(match request {
        Request::AddRecord(words) => edited(store.add_record(words, now, publish)),
        Request::SetRecord(words) => edited(store.set_record(words, now, publish)),
        Request::RemoveRecord(words) => edited(store.remove_record(words, now, publish)),
        Request::Change(words) => store
            .change(words, now, publish)
            .map(|changes| {
                Answer::Changed(Changed {
                    dry_run: words.dry_run,
                    zones: changes
                        .into_iter()
                        .map(|change| edited_of(change, live))
                        .collect(),
                })
            })
            .map_err(Failure::from),
        Request::AddZone(words) => edited(store.add_zone(words, now, publish)),
        Request::RemoveZone(words) => edited(store.remove_zone(words, now, publish)),
        Request::Undo(words) => store
            .undo(words, now, publish)
            .map(|changes| {
                let mut files = changes.into_iter().map(|change| edited_of(change, live));
                let mut named = files.next().unwrap_or_default();
                named.with = files.collect();
                Answer::Edited(named)
            })
            .map_err(Failure::from),
        Request::ListRecords(words) => list_records(store, words)
            .map(Answer::Records)
            .map_err(Failure::from),
        Request::ListZones(_) => Ok(Answer::Zones(Zones {
            zones: zone_statuses(store),
            defects: store.folder_defects().iter().map(defect_text).collect(),
        })),
        Request::Log(words) => log(store, words).map(Answer::Log).map_err(Failure::from),
        Request::Check(_)
        | Request::Reload(_)
        | Request::Invite(_)
        | Request::Devices(_)
        | Request::Revoke(_)
        | Request::Status(_)
        | Request::Stats(_)
        | Request::Queries(_)
        | Request::Flush(_)
        | Request::CacheStats(_)
        | Request::CacheDump(_)
        | Request::Reconnect(_)
        | Request::Lan(_)
        | Request::Facts(_)
        | Request::Certificate(_)
        | Request::RenewCertificate(_)
        | Request::Authority(_)
        | Request::Explain(_) => {
            return None;
        }
    })
}

/// The answer to `check`: a fresh look at a zones folder by a store of its own, which writes nothing.
#[must_use]
pub fn check(settings: StoreSettings, now: u64) -> Checked {
    let mut store = Store::open(settings);
    let defects = store.inspect(now);
    Checked {
        zones: count(store.zones().count()),
        records: store
            .zones()
            .map(|(_, held)| count(held.zone.record_count()))
            .sum(),
        defects: defects.iter().map(defect_text).collect(),
        findings: store.lint().iter().map(finding_text).collect(),
    }
}

/// What checking a single file found.
#[must_use]
pub fn checked_file(found: &CheckedFile) -> Checked {
    Checked {
        zones: 1,
        records: count(found.records),
        defects: found.defects.iter().map(defect_text).collect(),
        findings: found.findings.iter().map(finding_text).collect(),
    }
}

/// The answer to `reload`.
#[must_use]
pub fn reloaded(loaded: &Loaded) -> Reloaded {
    let in_views: usize = loaded.parts.views.iter().map(|view| view.zones.len()).sum();
    Reloaded {
        generation: loaded.parts.generation,
        zones: count(loaded.parts.base.len() + in_views),
        changed: loaded.changed.iter().map(ToString::to_string).collect(),
        defects: loaded.defects.iter().map(defect_text).collect(),
    }
}

/// How every zone fares, for `list-zones` and `status`.
#[must_use]
pub fn zone_statuses(store: &Store) -> Vec<ZoneStatus> {
    store.zones().map(|(key, held)| zone_status(key, held)).collect()
}

fn zone_status(key: &ZoneKey, held: &Held) -> ZoneStatus {
    // A base zone that says nothing is private; a view's zone takes its base's mode.
    let mode = held
        .zone
        .options()
        .mode
        .or((key.view.is_none()).then(Mode::default));
    ZoneStatus {
        zone: key.origin.to_string(),
        view: key.view.clone(),
        mode: mode.map(|mode| mode.as_str().to_owned()),
        matrix: held.zone.options().matrix.clone(),
        serial: held.zone.serial(),
        records: count(held.zone.record_count()),
        file: held.file.to_string_lossy().into_owned(),
        state: match held.state {
            State::Ok => ZoneState::Ok,
            State::LastGood => ZoneState::LastGood,
            State::Closed => ZoneState::Closed,
        },
        defects: held.defects.iter().map(defect_text).collect(),
    }
}

fn list_records(store: &Store, words: &ListRecords) -> Result<Records, StoreError> {
    let rtype = words.rtype.as_deref().map(words::rtype).transpose()?;
    let view = words.view.as_deref();
    let mut owner: Option<Name> = None;
    let mut only: Option<ZoneKey> = None;
    if let Some(name) = &words.name {
        let (key, name) = store.resolve(name, words.zone.as_deref(), view)?;
        owner = Some(name);
        only = Some(key);
    } else if let Some(zone) = &words.zone {
        only = Some(store.zone_named(zone, view)?);
    } else {
        store.view_named(view)?;
    }
    let mut list = Records::default();
    for (key, held) in store.zones() {
        // Without --view a zone's records in every view are of interest.
        let in_view = view.is_none() || key.view.as_deref() == view;
        if !in_view || only.as_ref().is_some_and(|only| only.origin != key.origin) {
            continue;
        }
        for record in held.zone.records() {
            if rtype.is_some_and(|rtype| rtype != record.rtype)
                || owner.as_ref().is_some_and(|o| *o != record.owner)
            {
                continue;
            }
            if list.records.len() == MAX_LISTED {
                list.more = true;
                return Ok(list);
            }
            let mut text = record_text(&record, 0);
            text.zone = Some(key.origin.to_string());
            text.view.clone_from(&key.view);
            list.records.push(text);
        }
    }
    Ok(list)
}

fn log(store: &Store, words: &ZoneWords) -> Result<Log, StoreError> {
    let Versions { key, versions, text } = store.versions(&words.zone, words.view.as_deref())?;
    let mut log = Log {
        zone: key.origin.to_string(),
        view: key.view.clone(),
        versions: Vec::new(),
    };
    let mut after = text;
    for version in versions.into_iter().rev() {
        let text = store.version_text(&version, MAX_COMPARED);
        let changes = match (&text, &after) {
            (Some(before), Some(after)) => changes(&key, before, after),
            _ => Vec::new(),
        };
        log.versions.push(version_of(&version, changes));
        after = text;
    }
    Ok(log)
}

fn version_of(version: &Kept, changes: Vec<String>) -> Version {
    Version {
        time: write_time(version.time),
        serial: version.serial,
        before: version.before.as_str().to_owned(),
        file: version.file.to_string_lossy().into_owned(),
        changes,
    }
}

/// What happened between two texts of a zone, record by record.
fn changes(key: &ZoneKey, before: &[u8], after: &[u8]) -> Vec<String> {
    let read = |text: &[u8]| {
        let mut no_includes = |_: &str| Ok(Vec::new());
        let file = master::parse("", text, &key.origin, &mut no_includes);
        let mut lines: BTreeMap<String, i64> = BTreeMap::new();
        for entry in file
            .entries
            .iter()
            .filter(|entry| entry.record.rtype != Rtype::SOA)
        {
            *lines
                .entry(render::record_text(&entry.record, Some(key.origin.as_ref())))
                .or_default() += 1;
        }
        lines
    };
    let mut balance = read(after);
    for (line, times) in read(before) {
        *balance.entry(line).or_default() -= times;
    }
    let mut changed: Vec<String> = balance
        .into_iter()
        .filter(|(_, times)| *times != 0)
        .map(|(line, times)| format!("{} {line}", if times > 0 { '+' } else { '-' }))
        .collect();
    if changed.len() > MAX_CHANGES {
        let more = changed.len() - MAX_CHANGES;
        changed.truncate(MAX_CHANGES);
        changed.push(format!("and {more} more"));
    }
    changed
}

fn edited_of(change: Change, live: bool) -> Edited {
    let texts = |records: &[(Record, u32)]| {
        records
            .iter()
            .map(|(record, line)| record_text(record, *line))
            .collect()
    };
    Edited {
        live,
        zone: change.key.origin.to_string(),
        added: texts(&change.added),
        removed: texts(&change.removed),
        view: change.key.view,
        serial: change.serial,
        file: change.file.to_string_lossy().into_owned(),
        notes: change.notes,
        diff: change.diff,
        with: Vec::new(),
    }
}

fn record_text(record: &Record, line: u32) -> RecordText {
    RecordText {
        name: record.owner.to_string(),
        ttl: record.ttl,
        rtype: record.rtype.to_string(),
        rdata: rdata::to_text(record.rtype, &record.rdata, None),
        expires: record.expires.map(write_time),
        line: (line != 0).then_some(line),
        zone: None,
        view: None,
    }
}

/// A finding of the linter as the protocol says it.
fn finding_text(finding: &lint::Finding) -> Finding {
    Finding {
        severity: finding.severity.as_str().to_owned(),
        rule: finding.rule.to_owned(),
        zone: finding.zone.to_string(),
        file: finding.file.to_string(),
        line: finding.line,
        column: finding.column,
        message: finding.message.clone(),
    }
}

/// A defect as the protocol says it.
#[must_use]
pub fn defect_text(defect: &Defect) -> DefectText {
    DefectText {
        file: defect.file.to_string(),
        line: defect.line,
        column: defect.column,
        message: defect.message.clone(),
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::BadWord(_) => Code::BadWord,
            StoreError::NotFound(_) => Code::NotFound,
            StoreError::Refused(..) => Code::Refused,
            StoreError::Locked(..) => Code::Busy,
            StoreError::Io(_) => Code::Io,
        };
        let mut failure = Failure::new(code, error.to_string());
        if let StoreError::Refused(_, defects) = &error {
            failure.defects = defects.iter().map(defect_text).collect();
        }
        failure
    }
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}
