//! Edits of a master file in place: one record more, one set replaced, records removed.
//!
//! The text is the human's: an edit touches the lines of its records and the serial, and every other byte
//! stays. Master files have state, though: a line may take its owner and its TTL from the line above. So each
//! edit is first drawn up as patches, then the new text is read again and compared, record by record,
//! with what it should hold; where a record that nobody meant has changed, its owner or TTL is written in. What
//! cannot be made right is refused with the text untouched. Read
//! `draft` next; `line` writes lines in the style of their neighbours, `batch` makes many changes one, [`diff`] shows
//! what two texts differ in.

mod batch;
pub mod diff;
mod draft;
mod line;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::message::{Name, Rtype};
use crate::zone::master::{Entry, MasterFile, civil, pragma};
use crate::zone::rdata::{self, name_text};
use crate::zone::record::{Defect, MAX_TTL, Record};
use crate::zone::render::short_text;

pub use batch::{Batch, Member, WholeSet, apply, difference};
use draft::Draft;

/// Longest comment in bytes.
pub const MAX_COMMENT: usize = 1024;

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Owner name, in the zone.
    pub owner: Name,
    /// TTL in seconds; with `None` none is written, and the rules of the file give one.
    pub ttl: Option<u32>,
    /// Type.
    pub rtype: Rtype,
    /// RDATA in wire form.
    pub rdata: Box<[u8]>,
    /// A comment for humans, on the record's line.
    pub comment: Option<String>,
    /// Unix time in seconds from which on the record is no longer served.
    pub expires: Option<u64>,
}

/// An edited text, and what the edit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The new text.
    pub text: Vec<u8>,
    /// Records that are new, with their line in the new text.
    pub added: Vec<(Record, u32)>,
    /// Records that are gone, with their line in the old text.
    pub removed: Vec<(Record, u32)>,
    /// The new serial, where the file has a SOA record of its own and the edit counted it up.
    pub serial: Option<u32>,
}

/// Why a file cannot be edited as asked. The text is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// The file has a defect already; the first one, and how many there are.
    Defective(Defect, usize),
    /// The record comes from `$INCLUDE` or `$GENERATE`: file and line.
    Elsewhere {
        /// What was to be changed.
        record: String,
        /// File where it stands.
        file: Arc<str>,
        /// Its line there.
        line: u32,
        /// Whether that is another file; else the line is a `$GENERATE`.
        included: bool,
    },
    /// The record is refused; why.
    Refused(String),
    /// The record stands in the file already.
    Exists {
        /// The record.
        record: String,
        /// Where.
        file: Arc<str>,
        /// Its line there.
        line: u32,
    },
    /// No record matches; what was looked for, and what there is.
    NotFound(String),
    /// The edited text would not read as it should; why.
    Unsafe(String),
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defective(defect, 1) => write!(f, "the file has a defect, mend it first: {defect}"),
            Self::Defective(defect, count) => {
                write!(
                    f,
                    "the file has {count} defects, mend them first; the first: {defect}"
                )
            }
            Self::Elsewhere {
                record,
                file,
                line,
                included: true,
            } => write!(
                f,
                "`{record}` stands at {file}:{line}, which this file includes: change it there, in an editor"
            ),
            Self::Elsewhere {
                record,
                file,
                line,
                included: false,
            } => write!(
                f,
                "`{record}` is made by `$GENERATE` at {file}:{line}: change that line in an editor"
            ),
            Self::Refused(reason) | Self::NotFound(reason) => f.write_str(reason),
            Self::Exists { record, file, line } => write!(f, "`{record}` stands at {file}:{line} already"),
            Self::Unsafe(reason) => {
                write!(
                    f,
                    "the edited file would not read as it should ({reason}): edit it by hand"
                )
            }
        }
    }
}

impl std::error::Error for EditError {}

/// Adds one record: behind the last record of its owner, else at the end of the file. Counts the serial up.
///
/// `master` is what [`super::master::parse`] read from `text`.
///
/// # Errors
/// Why it cannot be; among others where the record stands there already.
pub fn add(master: &MasterFile, text: &[u8], new: &NewRecord) -> Result<Edited, EditError> {
    add_counting(master, text, new, true)
}

/// The same; whether the serial is counted up.
fn add_counting(master: &MasterFile, text: &[u8], new: &NewRecord, count: bool) -> Result<Edited, EditError> {
    accept(master, new)?;
    let twin = master.entries.iter().find(|entry| {
        let record = &entry.record;
        record.rtype == new.rtype && record.rdata == new.rdata && record.owner == new.owner
    });
    if let Some(entry) = twin {
        return Err(EditError::Exists {
            record: short_text(&entry.record, Some(master.origin.as_ref())),
            file: Arc::clone(&entry.file),
            line: entry.line,
        });
    }
    let same_owner = |entry: &Entry| entry.place.is_some() && entry.record.owner == new.owner;
    let behind = master.entries.iter().rposition(same_owner);
    if let Some(at) = behind {
        let mut draft = Draft::new(master, text);
        if draft.insert_behind(at, new).is_some()
            && let Ok(edited) = draft.finish(count)
        {
            return Ok(edited);
        }
    }
    let mut draft = Draft::new(master, text);
    draft.append(new);
    draft.finish(count)
}

/// Makes `new` the only record of its owner and type. Where such a record stands, it is rewritten in place and
/// keeps its owner as written, its comment unless a new one is given, and its TTL unless one is given; an
/// expiry that is not given again is taken away. Counts the serial up, unless the record is the SOA itself
/// or nothing changes.
///
/// # Errors
/// Why it cannot be.
pub fn set(master: &MasterFile, text: &[u8], new: &NewRecord) -> Result<Edited, EditError> {
    accept(master, new)?;
    let matching = |entry: &Entry| entry.record.rtype == new.rtype && entry.record.owner == new.owner;
    let found: Vec<usize> = (0..master.entries.len())
        .filter(|at| master.entries.get(*at).is_some_and(matching))
        .collect();
    // The record that is that already keeps its line; the others go.
    let same = |at: &&usize| {
        master
            .entries
            .get(**at)
            .is_some_and(|entry| entry.record.rdata == new.rdata)
    };
    let Some(&kept) = found.iter().find(same).or(found.first()) else {
        return add(master, text, new);
    };
    let mut draft = Draft::new(master, text);
    for at in found {
        if at == kept {
            draft.rewrite(at, new)?;
        } else {
            draft.delete(at)?;
        }
    }
    let changed = draft.changes_records() || !draft.patches.is_empty();
    draft.finish(changed && new.rtype != Rtype::SOA)
}

/// Removes all records of an owner, those of one type, or the one with these RDATA. Counts the serial up.
///
/// # Errors
/// Why it cannot be; among others where nothing matches.
pub fn remove(
    master: &MasterFile,
    text: &[u8],
    owner: &Name,
    rtype: Option<Rtype>,
    rdata: Option<&[u8]>,
) -> Result<Edited, EditError> {
    defect_free(master)?;
    let mut draft = Draft::new(master, text);
    let mut others = Vec::new();
    let mut any = false;
    for (at, entry) in master.entries.iter().enumerate() {
        if entry.record.owner != *owner {
            continue;
        }
        let record = &entry.record;
        if rtype.is_none_or(|rtype| rtype == record.rtype)
            && rdata.is_none_or(|rdata| rdata == &*record.rdata)
        {
            draft.delete(at)?;
            any = true;
        } else if others.len() < 8 {
            others.push(format!("`{}`", short_text(record, Some(master.origin.as_ref()))));
        }
    }
    if !any {
        let mut wanted = name_text(owner.as_ref(), Some(master.origin.as_ref()));
        if let Some(rtype) = rtype {
            wanted.push_str(&format!(" {rtype}"));
            if let Some(rdata) = rdata {
                wanted.push_str(&format!(
                    " {}",
                    rdata::to_text(rtype, rdata, Some(master.origin.as_ref()))
                ));
            }
        }
        let there = if others.is_empty() {
            "; the file holds no record of this name".to_owned()
        } else {
            format!("; of this name there is {}", others.join(", "))
        };
        return Err(EditError::NotFound(format!(
            "{} holds no record `{wanted}`{there}",
            master.file
        )));
    }
    draft.finish(true)
}

/// Counts the serial up where the file has a SOA record of its own: by one in the arithmetic of RFC 1982, and
/// past 0, which some secondaries take for "unset". Without a SOA, or with an included one, nothing changes.
///
/// # Errors
/// Why it cannot be.
pub fn bump_serial(master: &MasterFile, text: &[u8]) -> Result<Edited, EditError> {
    defect_free(master)?;
    Draft::new(master, text).finish(true)
}

/// Refuses what cannot be written at all.
fn accept(master: &MasterFile, new: &NewRecord) -> Result<(), EditError> {
    defect_free(master)?;
    let refuse = |reason: String| Err(EditError::Refused(reason));
    if !new.owner.as_ref().is_at_or_below(master.origin.as_ref()) {
        return refuse(format!("{} is not in the zone {}", new.owner, master.origin));
    }
    if let Err(reason) = rdata::validate(new.rtype, &new.rdata) {
        return refuse(format!("bad {} data: {reason}", new.rtype));
    }
    if new.ttl.is_some_and(|ttl| ttl > MAX_TTL) {
        return refuse(format!(
            "the TTL is over {MAX_TTL} seconds, the largest there is (RFC 2181, 8)"
        ));
    }
    if new.expires.is_some_and(|time| time > civil::MAX_TIME) {
        return refuse("the expiry lies behind the year 9999".to_owned());
    }
    let comment = new.comment.as_deref().unwrap_or("");
    if comment.len() > MAX_COMMENT {
        return refuse(format!(
            "the comment has {} bytes, at most {MAX_COMMENT} are allowed",
            comment.len()
        ));
    }
    if comment.chars().any(char::is_control) {
        return refuse("a comment is one line without control characters".to_owned());
    }
    if pragma::holds_pragma(comment) {
        return refuse("a comment cannot hold `hearthdns:` options".to_owned());
    }
    Ok(())
}

fn defect_free(master: &MasterFile) -> Result<(), EditError> {
    match master.defects.first() {
        Some(defect) => Err(EditError::Defective(defect.clone(), master.defects.len())),
        None => Ok(()),
    }
}
