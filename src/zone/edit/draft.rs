//! An edit being drawn up: patches of the text, and the records that the new text should hold.

use std::sync::Arc;

use hashbrown::HashSet;

use crate::message::{Name, Rtype};
use crate::zone::master::{self, Entry, MasterFile, Place};
use crate::zone::rdata::{self, name_text};
use crate::zone::record::Record;
use crate::zone::render::short_text;

use super::line::{self, Owner, Parsed};
use super::{EditError, Edited, NewRecord};

/// How often the new text may be mended and read again.
const MAX_ROUNDS: usize = 16;

/// Bytes of the text and what takes their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patch {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) with: Vec<u8>,
}

/// A record that the new text should hold, in order.
#[derive(Debug, Clone)]
enum Want {
    /// The entry of this index, as it is.
    Old(usize),
    /// The SOA of this index with a new serial.
    Counted(usize, Record),
    /// A new record; whether its TTL is left to the file. With an index where it takes an entry's line.
    New(Record, bool, Option<usize>),
}

/// An edit being drawn up.
pub(super) struct Draft<'e> {
    master: &'e MasterFile,
    text: &'e [u8],
    pub(super) patches: Vec<Patch>,
    wants: Vec<Want>,
    /// Entries that are gone or became another record.
    removed: Vec<usize>,
    /// Those of them whose lines are gone.
    deleted: HashSet<usize>,
}

impl<'e> Draft<'e> {
    pub(super) fn new(master: &'e MasterFile, text: &'e [u8]) -> Self {
        let wants = (0..master.entries.len()).map(Want::Old).collect();
        Draft {
            master,
            text,
            patches: Vec::new(),
            wants,
            removed: Vec::new(),
            deleted: HashSet::new(),
        }
    }

    fn patch(&mut self, start: usize, end: usize, with: impl Into<Vec<u8>>) {
        self.patches.push(Patch {
            start,
            end,
            with: with.into(),
        });
    }

    pub(super) fn changes_records(&self) -> bool {
        !self.removed.is_empty()
    }

    /// The entry and its place, or why it has none.
    fn placed(&self, at: usize) -> Result<(&'e Entry, &'e Place), EditError> {
        let missing = || EditError::Unsafe("the records do not belong to this text".to_owned());
        let entry = self.master.entries.get(at).ok_or_else(missing)?;
        let place = entry.place.as_ref().ok_or_else(|| EditError::Elsewhere {
            record: short_text(&entry.record, Some(self.master.origin.as_ref())),
            file: Arc::clone(&entry.file),
            line: entry.line,
            included: entry.file != self.master.file,
        })?;
        Ok((entry, place))
    }

    fn parsed(&self, at: usize) -> Result<(&'e Entry, &'e Place, Parsed), EditError> {
        let (entry, place) = self.placed(at)?;
        let parsed = line::parse(self.text, place)
            .ok_or_else(|| EditError::Unsafe("the records do not belong to this text".to_owned()))?;
        Ok((entry, place, parsed))
    }

    /// The line end that the file uses.
    fn line_end(&self) -> &'static str {
        match self.text.iter().position(|byte| *byte == b'\n') {
            Some(at) if at > 0 && self.text.get(at - 1) == Some(&b'\r') => "\r\n",
            _ => "\n",
        }
    }

    /// Writes `new` on a line behind the entry, which has the same owner. `None` if the entry has no place.
    pub(super) fn insert_behind(&mut self, at: usize, new: &NewRecord) -> Option<()> {
        let (_, place, neighbour) = self.parsed(at).ok()?;
        let owner = neighbour.owner(self.text);
        let origin = Arc::clone(&place.origin);
        self.write_line(place.lines.end as usize, Some(&neighbour), owner, &origin, new);
        self.wants.insert(at + 1, new_want(new, None));
        Some(())
    }

    /// Writes `new` on a line at the end, in the style of the last record that can be seen.
    pub(super) fn append(&mut self, new: &NewRecord) {
        let last = self
            .master
            .entries
            .iter()
            .rposition(|entry| entry.place.is_some());
        let neighbour = last
            .and_then(|at| self.parsed(at).ok())
            .map(|(_, _, parsed)| parsed);
        let origin = Arc::clone(&self.master.last_origin);
        let owner = Owner::Written(name_text(new.owner.as_ref(), Some(origin.as_ref().as_ref())));
        self.write_line(self.text.len(), neighbour.as_ref(), owner, &origin, new);
        self.wants.push(new_want(new, None));
    }

    fn write_line(
        &mut self,
        at: usize,
        style: Option<&Parsed>,
        owner: Owner,
        origin: &Name,
        new: &NewRecord,
    ) {
        let data = rdata::to_text(new.rtype, &new.rdata, Some(origin.as_ref()));
        let code = line::compose(self.text, style, &owner, new.ttl, new.rtype, &data);
        let end = self.line_end();
        let before = self.text.get(..at).unwrap_or_default();
        let unended = !before.is_empty() && before != b"\xef\xbb\xbf" && !before.ends_with(b"\n");
        let comment = line::comment(new.comment.as_deref(), new.expires);
        let lead = if unended { end } else { "" };
        self.patch(at, at, format!("{lead}{code}{comment}{end}"));
    }

    /// Deletes the lines of an entry.
    pub(super) fn delete(&mut self, at: usize) -> Result<(), EditError> {
        let (_, place) = self.placed(at)?;
        self.patch(place.lines.start as usize, place.lines.end as usize, "");
        self.removed.push(at);
        self.deleted.insert(at);
        Ok(())
    }

    /// Makes `new` of an entry of the same owner and type, on its lines.
    pub(super) fn rewrite(&mut self, at: usize, new: &NewRecord) -> Result<(), EditError> {
        let (entry, place, parsed) = self.parsed(at)?;
        let old = &entry.record;
        let ttl_changes = new.ttl.is_some_and(|ttl| ttl != old.ttl);
        if old.rdata != new.rdata || ttl_changes || old.expires != new.expires {
            let mut want = new_want(new, Some(at));
            if let Want::New(record, any_ttl, _) = &mut want {
                record.owner = old.owner.clone();
                // Without a new TTL the old one stays, wherever it came from.
                record.ttl = new.ttl.unwrap_or(old.ttl);
                *any_ttl = false;
            }
            self.wants
                .iter_mut()
                .filter(|want| matches!(want, Want::Old(old) if *old == at))
                .for_each(|slot| {
                    slot.clone_from(&want);
                });
            self.removed.push(at);
        }
        let ttl = new.ttl.filter(|_| ttl_changes);
        let data = (old.rdata != new.rdata).then_some(&*new.rdata);
        line::rewrite(
            self.text,
            old,
            place,
            &parsed,
            data,
            ttl,
            self.line_end(),
            &mut self.patches,
        );
        line::rewrite_comments(
            self.text,
            &parsed,
            new.comment.as_deref(),
            new.expires,
            &mut self.patches,
        );
        Ok(())
    }

    /// Counts up the serial of the SOA, if it stands in this text and is not edited itself.
    fn count_serial(&mut self) -> Result<Option<u32>, EditError> {
        let soa = |want: &Want| match want {
            Want::Old(at) => self.master.entries.get(*at).is_some_and(|entry| {
                entry.place.is_some()
                    && entry.record.rtype == Rtype::SOA
                    && entry.record.owner == self.master.origin
            }),
            _ => false,
        };
        let Some(slot) = self.wants.iter().position(soa) else {
            return Ok(None);
        };
        let Some(&Want::Old(at)) = self.wants.get(slot) else {
            return Ok(None);
        };
        let (entry, place, parsed) = self.parsed(at)?;
        let mut record = entry.record.clone();
        let counted = serial_mut(&mut record.rdata).map(|field| {
            let serial = match u32::from_be_bytes(*field).wrapping_add(1) {
                0 => 1,
                serial => serial,
            };
            *field = serial.to_be_bytes();
            serial
        });
        if counted.is_some() {
            let end = self.line_end();
            line::rewrite(
                self.text,
                &entry.record,
                place,
                &parsed,
                Some(&record.rdata),
                None,
                end,
                &mut self.patches,
            );
            if let Some(want) = self.wants.get_mut(slot) {
                *want = Want::Counted(at, record);
            }
        }
        Ok(counted)
    }

    /// Builds the new text, reads it again, mends what moved, and hands it out only if all is as it should be.
    pub(super) fn finish(mut self, count: bool) -> Result<Edited, EditError> {
        let deleted = &self.deleted;
        self.wants
            .retain(|want| !matches!(want, Want::Old(at) if deleted.contains(at)));
        let serial = if count { self.count_serial()? } else { None };
        self.hand_down_owners()?;
        for _ in 0..MAX_ROUNDS {
            let text = self.apply()?;
            let read = read_again(self.master, &text);
            if let Some(defect) = read.defects.first() {
                return Err(EditError::Unsafe(defect.to_string()));
            }
            if read.options != self.master.options {
                return Err(EditError::Unsafe("the options of the zone changed".to_owned()));
            }
            if !self.mend(&read)? {
                return Ok(self.edited(text, &read, serial));
            }
        }
        Err(EditError::Unsafe(
            "too many records take owner or TTL from the one that changes".to_owned(),
        ))
    }

    /// Writes the owner into lines that continue the owner of a deleted one.
    fn hand_down_owners(&mut self) -> Result<(), EditError> {
        if self.deleted.is_empty() {
            return Ok(());
        }
        let mut patches = Vec::new();
        // What a line with a blank in front continues, before and after the edit.
        let mut after: Option<&Name> = None;
        let mut lost = false;
        for (at, entry) in self
            .master
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.place.is_some())
        {
            if self.deleted.contains(&at) {
                lost = true;
                continue;
            }
            if lost && after != Some(&entry.record.owner) {
                let (_, place, parsed) = self.parsed(at)?;
                let owner = name_text(entry.record.owner.as_ref(), Some(place.origin.as_ref().as_ref()));
                patches.extend(line::write_owner(self.text, &parsed, &owner));
            }
            lost = false;
            after = Some(&entry.record.owner);
        }
        self.patches.append(&mut patches);
        Ok(())
    }

    fn apply(&mut self) -> Result<Vec<u8>, EditError> {
        // Stable, so that patches at one place stay in the order in which they were drawn up.
        self.patches.sort_by_key(|patch| (patch.start, patch.end));
        let mut out = Vec::with_capacity(self.text.len() + 256);
        let mut at = 0;
        for patch in &self.patches {
            let between = self.text.get(at..patch.start);
            out.extend_from_slice(
                between.ok_or_else(|| EditError::Unsafe("two changes overlap".to_owned()))?,
            );
            out.extend_from_slice(&patch.with);
            at = patch.end;
        }
        out.extend_from_slice(self.text.get(at..).unwrap_or_default());
        Ok(out)
    }

    /// Compares what was read with what should be there; writes in owners and TTLs that moved. `false` if
    /// nothing had to be mended.
    fn mend(&mut self, read: &MasterFile) -> Result<bool, EditError> {
        if read.entries.len() != self.wants.len() {
            let message = format!("{} records instead of {}", read.entries.len(), self.wants.len());
            return Err(EditError::Unsafe(message));
        }
        let mut patches = Vec::new();
        // The lines below take over what is written in, so only the first of a run is mended.
        let (mut owner_mended, mut ttl_mended) = (false, false);
        for (entry, want) in read.entries.iter().zip(&self.wants) {
            let (wanted, any_ttl, at) = match want {
                Want::Old(at) => (
                    self.master.entries.get(*at).map(|entry| &entry.record),
                    false,
                    Some(*at),
                ),
                Want::Counted(at, record) => (Some(record), false, Some(*at)),
                Want::New(record, any_ttl, at) => (Some(record), *any_ttl, *at),
            };
            let found = &entry.record;
            let Some(wanted) = wanted.filter(|wanted| {
                wanted.rtype == found.rtype && wanted.rdata == found.rdata && wanted.expires == found.expires
            }) else {
                return Err(EditError::Unsafe(format!(
                    "another record at line {}",
                    entry.line
                )));
            };
            let owner_moved = wanted.owner != found.owner;
            let ttl_moved = !any_ttl && wanted.ttl != found.ttl;
            if !(owner_moved || ttl_moved || owner_mended || ttl_mended) {
                continue;
            }
            let (has_owner, has_ttl) = match at.map(|at| self.parsed(at)) {
                Some(Ok((_, _, parsed))) => (parsed.header.owner.is_some(), parsed.header.ttl.is_some()),
                _ => (false, false),
            };
            owner_mended &= !has_owner;
            ttl_mended &= !has_ttl;
            if (!owner_moved || owner_mended) && (!ttl_moved || ttl_mended) {
                continue;
            }
            let Some(Ok((_, place, parsed))) = at.map(|at| self.parsed(at)) else {
                let message = format!(
                    "`{}` takes its TTL or owner from a line that changes; write them there, or a `$TTL` above",
                    short_text(wanted, Some(self.master.origin.as_ref()))
                );
                return Err(EditError::Unsafe(message));
            };
            if owner_moved && !owner_mended {
                let owner = name_text(wanted.owner.as_ref(), Some(place.origin.as_ref().as_ref()));
                patches.extend(line::write_owner(self.text, &parsed, &owner));
                owner_mended = true;
            }
            if ttl_moved && !ttl_mended {
                patches.extend(line::write_ttl(self.text, &parsed, wanted.ttl));
                ttl_mended = true;
            }
        }
        let mended = !patches.is_empty();
        self.patches.append(&mut patches);
        Ok(mended)
    }

    fn edited(&self, text: Vec<u8>, read: &MasterFile, serial: Option<u32>) -> Edited {
        let new = read
            .entries
            .iter()
            .zip(&self.wants)
            .filter(|(_, want)| matches!(want, Want::New(..)));
        let added = new.map(|(entry, _)| (entry.record.clone(), entry.line)).collect();
        let gone = self.removed.iter().filter_map(|at| self.master.entries.get(*at));
        let removed = gone.map(|entry| (entry.record.clone(), entry.line)).collect();
        Edited {
            text,
            added,
            removed,
            serial,
        }
    }
}

/// Reads an edited text of a file without the files that it includes: what these brought before counts.
pub(super) fn read_again(master: &MasterFile, text: &[u8]) -> MasterFile {
    let included = &master.included;
    let mut include = |path: &str| {
        let known = included.iter().find(|(name, _)| name == path);
        known.map_or_else(
            || Err("not included before".to_owned()),
            |(_, text)| text.as_ref().map(|text| text.to_vec()).map_err(Clone::clone),
        )
    };
    master::parse(&master.file, text, &master.origin, &mut include)
}

fn new_want(new: &NewRecord, at: Option<usize>) -> Want {
    let record = Record {
        owner: new.owner.clone(),
        ttl: new.ttl.unwrap_or(0),
        rtype: new.rtype,
        rdata: new.rdata.clone(),
        expires: new.expires,
    };
    Want::New(record, new.ttl.is_none(), at)
}

/// The serial of SOA RDATA: 20 bytes from the end.
fn serial_mut(rdata: &mut [u8]) -> Option<&mut [u8; 4]> {
    let at = rdata.len().checked_sub(20)?;
    rdata.get_mut(at..)?.first_chunk_mut::<4>()
}
