//! Many changes of one master file as one edit: whole record sets, and the options of Matrix servers.
//!
//! Each change is an edit of its own, made of the text that the one before left, so everything that is true of a single
//! edit is true of all: what nobody meant stays byte for byte. The serial counts up once.

use hashbrown::HashSet;

use crate::message::{Name, Rtype};
use crate::zone::master::lexer::{Lexer, Line};
use crate::zone::master::pragma::{self, Setting, Site};
use crate::zone::master::{Entry, MasterFile};
use crate::zone::record::Record;

use super::draft::{Draft, read_again};
use super::{EditError, Edited, NewRecord, accept, add_counting, bump_serial, defect_free};

/// A record of a [`WholeSet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// RDATA in wire form.
    pub rdata: Box<[u8]>,
    /// A comment for humans; written with a new line, never over one that is there.
    pub comment: Option<String>,
    /// Unix time in seconds from which on the record is no longer served.
    pub expires: Option<u64>,
}

/// What the records of one name and type are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeSet {
    /// Owner name, in the zone.
    pub owner: Name,
    /// Type.
    pub rtype: Rtype,
    /// TTL in seconds; with `None` each record keeps its own, and new ones take what the file gives.
    pub ttl: Option<u32>,
    /// The records; none takes the set away.
    pub members: Vec<Member>,
}

/// Changes to be made together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Values of `matrix=`: what stands there, and what is to stand there; `None` for nothing.
    pub marks: Vec<(Option<String>, Option<String>)>,
    /// Record sets, in the order in which new lines are written.
    pub sets: Vec<WholeSet>,
}

/// Makes all changes, or none. Where the file is as it should be already, the text comes back as it was.
///
/// # Errors
/// Why they cannot be made; the first reason.
pub fn apply(master: &MasterFile, text: &[u8], batch: &Batch) -> Result<Edited, EditError> {
    defect_free(master)?;
    let mut now = (master.clone(), text.to_vec());
    for (before, after) in &batch.marks {
        if before != after {
            let text = mark(&now.0, &now.1, before.as_deref(), after.as_deref())?;
            now = (read_again(master, &text), text);
        }
    }
    for set in &batch.sets {
        make(master, &mut now, set)?;
    }
    if now.1 == text {
        return Ok(Edited {
            text: now.1,
            added: Vec::new(),
            removed: Vec::new(),
            serial: None,
        });
    }
    let counted = bump_serial(&now.0, &now.1)?;
    let read = read_again(master, &counted.text);
    let mut added = difference(&read.entries, &master.entries);
    let mut removed = difference(&master.entries, &read.entries);
    if counted.serial.is_some() {
        // The serial is nobody's change.
        let is_soa = |record: &Record| record.rtype == Rtype::SOA && record.owner == master.origin;
        added.retain(|(record, _)| !is_soa(record));
        removed.retain(|(record, _)| !is_soa(record));
    }
    Ok(Edited {
        text: counted.text,
        added,
        removed,
        serial: counted.serial,
    })
}

/// The records that stand here and not there, with their lines.
pub fn difference(here: &[Entry], there: &[Entry]) -> Vec<(Record, u32)> {
    type Identity<'a> = (&'a Name, u16, u32, &'a [u8], Option<u64>);
    fn identity(record: &Record) -> Identity<'_> {
        (
            &record.owner,
            record.rtype.0,
            record.ttl,
            &record.rdata,
            record.expires,
        )
    }
    let known: HashSet<Identity<'_>> = there.iter().map(|entry| identity(&entry.record)).collect();
    here.iter()
        .filter(|entry| !known.contains(&identity(&entry.record)))
        .map(|entry| (entry.record.clone(), entry.line))
        .collect()
}

/// Makes one set what it should be. Lines of records that change keep their place and their comment.
fn make(first: &MasterFile, now: &mut (MasterFile, Vec<u8>), set: &WholeSet) -> Result<(), EditError> {
    let (master, text) = &*now;
    let new = |member: &Member, ttl| NewRecord {
        owner: set.owner.clone(),
        ttl,
        rtype: set.rtype,
        rdata: member.rdata.clone(),
        comment: member.comment.clone(),
        expires: member.expires,
    };
    let mut spare: Vec<usize> = Vec::new();
    let mut kept: Vec<(usize, &Member)> = Vec::new();
    for (at, entry) in master.entries.iter().enumerate() {
        if entry.record.rtype != set.rtype || entry.record.owner != set.owner {
            continue;
        }
        match set
            .members
            .iter()
            .find(|member| member.rdata == entry.record.rdata)
        {
            Some(member) if !kept.iter().any(|(_, other)| *other == member) => kept.push((at, member)),
            _ => spare.push(at),
        }
    }
    let is_kept = |member: &&Member| kept.iter().any(|(_, other)| other == member);
    let mut missing: Vec<&Member> = set.members.iter().filter(|member| !is_kept(member)).collect();
    let mut draft = Draft::new(master, text);
    // A line that is to hold another record is rewritten, as long as there are such lines.
    let changed = missing.len().min(spare.len());
    let rewritten = spare.drain(..changed).zip(missing.drain(..changed));
    for (at, member) in kept.into_iter().chain(rewritten) {
        let record = NewRecord {
            comment: None,
            ..new(member, set.ttl)
        };
        accept(master, &record)?;
        draft.rewrite(at, &record)?;
    }
    for at in spare {
        draft.delete(at)?;
    }
    if draft.changes_records() || !draft.patches.is_empty() {
        let text = draft.finish(false)?.text;
        *now = (read_again(first, &text), text);
    }
    for member in missing {
        let mut edited = add_counting(&now.0, &now.1, &new(member, None), false)?;
        let differs = |ttl: u32| edited.added.iter().any(|(record, _)| record.ttl != ttl);
        if let Some(ttl) = set.ttl.filter(|ttl| differs(*ttl)) {
            edited = add_counting(&now.0, &now.1, &new(member, Some(ttl)), false)?;
        }
        *now = (read_again(first, &edited.text), edited.text);
    }
    Ok(())
}

/// The text with another value of `matrix=`.
fn mark(
    master: &MasterFile,
    text: &[u8],
    before: Option<&str>,
    after: Option<&str>,
) -> Result<Vec<u8>, EditError> {
    let mut out = text.to_vec();
    match (before, after) {
        (Some(before), after) => {
            let Some((line, at)) = find_mark(master, text, before) else {
                return Err(EditError::NotFound(format!(
                    "{} holds no option `matrix={before}`",
                    master.file
                )));
            };
            let word = at..at + "matrix=".len() + before.len();
            match after {
                Some(after) => drop(out.splice(word, format!("matrix={after}").into_bytes())),
                None => drop(out.drain(line)),
            }
        }
        (None, Some(after)) => {
            let crlf = text.windows(2).any(|pair| pair == b"\r\n");
            let end = if crlf { "\r\n" } else { "\n" };
            let lead = if text.is_empty() || text.ends_with(b"\n") {
                ""
            } else {
                end
            };
            let server = after.split(',').next().unwrap_or(after);
            let line = format!(
                "{lead}; Matrix server {server}: `dnsctl matrix` keeps its records ; hearthdns: matrix={after}{end}"
            );
            out.extend_from_slice(line.as_bytes());
        }
        (None, None) => {}
    }
    // Verified as every edit is: the same records, and options that differ in just this.
    let read = read_again(master, &out);
    let mut wanted = master.options.matrix.clone();
    wanted.retain(|value| Some(value.as_str()) != before);
    wanted.extend(after.map(str::to_owned));
    wanted.sort();
    let mut options = read.options.clone();
    options.matrix.sort();
    let same_options = options.mode == master.options.mode
        && options.forward == master.options.forward
        && options.matrix == wanted;
    let same_records = read.entries.len() == master.entries.len()
        && read
            .entries
            .iter()
            .zip(&master.entries)
            .all(|(a, b)| a.record == b.record);
    match read.defects.first() {
        Some(defect) => Err(EditError::Unsafe(defect.to_string())),
        None if !same_options => Err(EditError::Unsafe("the options of the zone changed".to_owned())),
        None if !same_records => Err(EditError::Unsafe("records changed with the options".to_owned())),
        None => Ok(out),
    }
}

/// The line that holds the option, whole, and where its word begins.
fn find_mark(master: &MasterFile, text: &[u8], value: &str) -> Option<(std::ops::Range<usize>, usize)> {
    let mut lexer = Lexer::new(text);
    let mut line = Line::default();
    let mut found = Vec::new();
    while lexer.next(&mut line) {
        if !line.words.is_empty() {
            continue;
        }
        for comment in &line.comments {
            pragma::read(text, *comment, master.origin.as_ref(), Site::Alone, &mut found);
        }
        let hit = found
            .drain(..)
            .find(|(_, setting)| matches!(setting, Ok(Setting::Matrix(other)) if other == value));
        if let Some((at, _)) = hit {
            return Some((line.span.start as usize..line.span.end as usize, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::master;
    use crate::zone::rdata;

    fn read(text: &str) -> MasterFile {
        let origin = "hearth.example".parse().unwrap();
        let file = master::parse("h.zone", text.as_bytes(), &origin, &mut |_| {
            Err("no files".to_owned())
        });
        assert_eq!(file.defects, []);
        file
    }

    fn set(owner: &str, rtype: Rtype, ttl: Option<u32>, data: &[&str]) -> WholeSet {
        let origin: Name = "hearth.example".parse().unwrap();
        let member = |data: &&str| Member {
            rdata: rdata::from_args(rtype, &[data], origin.as_ref()).unwrap(),
            comment: Some("made".to_owned()),
            expires: None,
        };
        WholeSet {
            owner: Name::parse(owner, Some(origin.as_ref())).unwrap(),
            rtype,
            ttl,
            members: data.iter().map(member).collect(),
        }
    }

    fn applied(text: &str, batch: &Batch) -> Result<String, String> {
        let edited = apply(&read(text), text.as_bytes(), batch).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(edited.text).unwrap())
    }

    #[test]
    fn sets_become_what_is_asked_and_every_other_byte_stays() {
        let text = "$TTL 600\n; ours\n@ SOA ns.hearth.example. h.hearth.example. 7 1 1 1 60\n@ NS ns\nns A 192.0.2.1\n\
                    matrix   A 192.0.2.2 ; moved 3 May\n         A 192.0.2.3\nold 60 A 192.0.2.9\nlast TXT x\n";
        let batch = Batch {
            marks: vec![(None, Some("hearth.example,none".to_owned()))],
            sets: vec![
                set("matrix", Rtype::A, None, &["192.0.2.3", "192.0.2.4"]),
                set("old", Rtype::A, None, &[]),
                set(
                    "_matrix-fed._tcp",
                    Rtype::SRV,
                    Some(300),
                    &["10 5 8448 matrix.hearth.example."],
                ),
                set("ns", Rtype::A, Some(30), &["192.0.2.1"]),
            ],
        };
        let want = "$TTL 600\n; ours\n@ SOA ns.hearth.example. h.hearth.example. 8 1 1 1 60\n@ NS ns\nns 30 A 192.0.2.1\n\
                    matrix   A 192.0.2.4 ; moved 3 May\n         A 192.0.2.3\nlast TXT x\n\
                    ; Matrix server hearth.example: `dnsctl matrix` keeps its records ; hearthdns: matrix=hearth.example,none\n\
                    _matrix-fed._tcp 300 SRV 10 5 8448 matrix ; made\n";
        assert_eq!(applied(text, &batch).unwrap(), want);
        // Once more changes nothing, not even the serial.
        let again = Batch {
            marks: Vec::new(),
            ..batch
        };
        assert_eq!(applied(want, &again).unwrap(), want);
    }

    #[test]
    fn marks_are_replaced_and_taken_away_where_they_stand() {
        let text =
            "a A 192.0.2.1\n; mine ; hearthdns: mode=private matrix=hearth.example,none\nb A 192.0.2.2\n";
        let one = |before: &str, after: Option<&str>| Batch {
            marks: vec![(Some(before.to_owned()), after.map(str::to_owned))],
            sets: Vec::new(),
        };
        assert_eq!(
            applied(
                text,
                &one("hearth.example,none", Some("hearth.example,none,turn"))
            )
            .unwrap(),
            text.replace("none", "none,turn")
        );
        assert_eq!(
            applied(text, &one("hearth.example,none", None)).unwrap_err(),
            "the edited file would not read as it should (the options of the zone changed): edit it by hand"
        );
        let alone = text.replace("mode=private ", "");
        assert_eq!(
            applied(&alone, &one("hearth.example,none", None)).unwrap(),
            "a A 192.0.2.1\nb A 192.0.2.2\n"
        );
        assert_eq!(
            applied(&alone, &one("other.example,none", None)).unwrap_err(),
            "h.zone holds no option `matrix=other.example,none`"
        );
        let outside = Batch {
            marks: Vec::new(),
            sets: vec![set("other.example.", Rtype::A, None, &["192.0.2.1"])],
        };
        assert_eq!(
            applied(text, &outside).unwrap_err(),
            "other.example. is not in the zone hearth.example."
        );
    }
}
