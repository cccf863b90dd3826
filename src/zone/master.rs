//! Master files (RFC 1035, 5): text to records, each with its place in the text.
//!
//! Reading never fails. Every defect is listed with file, line and column, and reading goes on at the next
//! line; a zone with a defect is not served, but its owner learns all that is wrong at once. Records know
//! where they stand, so that [`super::edit`] can change one line and keep every other byte.
//!
//! [`lexer`] makes logical lines, `header` reads what stands before RDATA, [`super::rdata`] the RDATA,
//! `pragma` our options in comments; `directive` holds `$ORIGIN $TTL $INCLUDE $GENERATE`. Read
//! [`lexer`] next.

pub mod civil;
mod directive;
mod generate;
pub(in crate::zone) mod header;
pub mod lexer;
pub(in crate::zone) mod pragma;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::message::{Name, Rtype};
use crate::zone::rdata::{self, RdataError, Word};
use crate::zone::record::{Defect, MAX_TTL, Options, Record};

use header::Header;
use lexer::{Lexer, Line, Span};
use pragma::{Found, Setting, Site};

/// Most bytes of a file with all that it includes.
pub const MAX_BYTES: usize = 64 << 20;
/// Most records of a file with all that it includes and generates.
pub const MAX_RECORDS: usize = 1_000_000;
/// Most defects that are kept; one more says that reading ended there.
pub const MAX_DEFECTS: usize = 1_000;
/// How deep files may include files.
pub const MAX_INCLUDE_DEPTH: usize = 8;
/// Most files that one file includes, those of included files counted.
pub const MAX_INCLUDES: usize = 1_000;
/// TTL in seconds of records for which the file names none: no `$TTL`, no explicit TTL before, no SOA.
/// Five minutes let a corrected address arrive soon.
pub const DEFAULT_TTL: u32 = 300;

/// A master file as read.
#[derive(Debug, Clone)]
pub struct MasterFile {
    /// File as the user knows it.
    pub file: Arc<str>,
    /// Name of the zone.
    pub origin: Name,
    /// What `; hearthdns: KEY=VALUE` lines say.
    pub options: Options,
    /// Records in the order of the text, included and generated ones at their place.
    pub entries: Vec<Entry>,
    /// All that is wrong; with any defect the entries are not the whole zone.
    pub defects: Vec<Defect>,
    /// `$ORIGIN` in force at the end of the text.
    pub(in crate::zone) last_origin: Arc<Name>,
    /// What `$INCLUDE` brought, so that an edited text can be read again without the files.
    pub(in crate::zone) included: Vec<Included>,
}

/// What `$INCLUDE` asked for, and the bytes or why there were none.
pub(in crate::zone) type Included = (String, Result<Arc<[u8]>, String>);

/// One record and where it stands.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The record.
    pub record: Record,
    /// File as the user knows it: for included records the name behind `$INCLUDE`.
    pub file: Arc<str>,
    /// Line of the first word, from 1.
    pub line: u32,
    /// Column of the first word in characters, from 1.
    pub column: u32,
    /// Line of the first name in the RDATA, or of the RDATA's first word where it holds no name.
    pub data_line: u32,
    /// Column of the same word.
    pub data_column: u32,
    /// Where the record can be edited; `None` if it comes from `$INCLUDE` or `$GENERATE`.
    pub place: Option<Place>,
}

/// Where in the text a record stands, and what completes its names there.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its whole lines, line ends included.
    pub lines: Span,
    /// `$ORIGIN` in force.
    pub origin: Arc<Name>,
}

/// Reads one master file. Never fails: what is wrong is in `defects` (all of it), what could be read is in
/// `entries`.
///
/// `file` is the file's name for defects; `include` is asked for the bytes of each `$INCLUDE`d file and says
/// why where it has none. It gets the name as written; a relative one that an included file gives is counted
/// from that file's own folder.
pub fn parse(
    file: &str,
    text: &[u8],
    origin: &Name,
    include: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> MasterFile {
    let file: Arc<str> = file.into();
    let root = Arc::new(origin.clone());
    let mut parser = Parser {
        zone: origin,
        include,
        options: Options::default(),
        entries: Vec::new(),
        defects: Vec::new(),
        included: Vec::new(),
        bytes: 0,
        ttl: TtlRules::default(),
        found: Vec::new(),
    };
    let mut frame = Frame::new(Arc::clone(&file), text, root, 0);
    if text.len() > MAX_BYTES {
        let message = format!(
            "the file has {} bytes, at most {MAX_BYTES} are allowed",
            text.len()
        );
        parser.defects.push(Defect {
            file: Arc::clone(&file),
            line: 0,
            column: 0,
            message,
        });
    } else {
        parser.bytes = text.len();
        parser.frame(&mut frame);
    }
    MasterFile {
        file,
        origin: origin.clone(),
        options: parser.options,
        entries: parser.entries,
        defects: parser.defects,
        last_origin: frame.origin,
        included: parser.included,
    }
}

/// Where the TTL of a record comes from that has none of its own (RFC 2308, 4).
#[derive(Debug, Default)]
struct TtlRules {
    /// `$TTL`.
    directive: Option<u32>,
    /// The last one that a record had.
    explicit: Option<u32>,
    /// The SOA's minimum.
    minimum: Option<u32>,
}

impl TtlRules {
    fn default_ttl(&self) -> u32 {
        self.directive
            .or(self.explicit)
            .or(self.minimum)
            .unwrap_or(DEFAULT_TTL)
    }
}

/// The owner that a line beginning with a blank continues.
#[derive(Debug)]
enum LastOwner {
    /// No record yet.
    None,
    /// It could not be read, which has been said.
    Bad,
    /// This one.
    Known(Name),
}

/// One file on the stack of inclusion.
struct Frame<'t> {
    file: Arc<str>,
    text: &'t [u8],
    origin: Arc<Name>,
    owner: LastOwner,
    depth: usize,
    /// Number of the line on which the current logical line begins.
    line: u32,
    /// Where the current logical line begins.
    start: usize,
}

impl<'t> Frame<'t> {
    fn new(file: Arc<str>, text: &'t [u8], origin: Arc<Name>, depth: usize) -> Self {
        Frame {
            file,
            text,
            origin,
            owner: LastOwner::None,
            depth,
            line: 1,
            start: 0,
        }
    }

    /// Line and column of a byte of the current logical line.
    fn position(&self, at: usize) -> (u32, u32) {
        let before = self.text.get(self.start..at).unwrap_or_default();
        let mut line = self.line;
        let mut tail = before;
        if let Some(last) = before.iter().rposition(|byte| *byte == b'\n') {
            line += newlines(before);
            tail = before.get(last + 1..).unwrap_or_default();
        }
        let tail = tail.strip_prefix(b"\xef\xbb\xbf").unwrap_or(tail);
        // Continuation bytes of UTF-8 are no characters of their own.
        let characters = tail.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        (line, u32::try_from(characters + 1).unwrap_or(u32::MAX))
    }
}

fn newlines(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.iter().filter(|byte| **byte == b'\n').count()).unwrap_or(u32::MAX)
}

/// What is kept across files.
struct Parser<'p> {
    zone: &'p Name,
    include: &'p mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    options: Options,
    entries: Vec<Entry>,
    defects: Vec<Defect>,
    included: Vec<Included>,
    bytes: usize,
    ttl: TtlRules,
    /// Pragmas of the current line.
    found: Vec<Found>,
}

impl Parser<'_> {
    /// Reads a file to its end, or up to the bound of defects.
    fn frame(&mut self, frame: &mut Frame<'_>) {
        let mut lexer = Lexer::new(frame.text);
        let mut line = Line::default();
        let mut words = Vec::new();
        while !self.is_full() && lexer.next(&mut line) {
            frame.start = line.span.start as usize;
            self.line(frame, &line, &mut words);
            frame.line += newlines(line.span.of(frame.text));
        }
    }

    fn is_full(&self) -> bool {
        self.defects.len() > MAX_DEFECTS
    }

    /// Notes a defect of the current line.
    fn defect(&mut self, frame: &Frame<'_>, at: usize, message: String) {
        if self.is_full() {
            return;
        }
        let (line, column) = frame.position(at);
        let message = if self.defects.len() == MAX_DEFECTS {
            format!("over {MAX_DEFECTS} defects: from here on the file was not read")
        } else {
            message
        };
        self.defects.push(Defect {
            file: Arc::clone(&frame.file),
            line,
            column,
            message,
        });
    }

    /// Reads one logical line.
    fn line<'t>(&mut self, frame: &mut Frame<'t>, line: &Line, words: &mut Vec<Word<'t>>) {
        if let Some(fault) = &line.fault {
            self.defect(frame, fault.at, fault.message.clone());
            // Lines below that continue this owner are not to be read as another's.
            if !line.blank_first {
                frame.owner = LastOwner::Bad;
            }
            return;
        }
        let directive = directive::is_directive(line, frame.text);
        let site = match line.words.first() {
            None => Site::Alone,
            Some(_) if directive => Site::Directive,
            Some(_) => Site::Record,
        };
        let expires = self.pragmas(frame, line, site);
        match site {
            Site::Alone => {}
            Site::Directive => self.directive(frame, line),
            Site::Record => self.record(frame, line, words, expires),
        }
    }

    /// Applies the pragmas of a line; those of a record are handed back.
    fn pragmas(&mut self, frame: &Frame<'_>, line: &Line, site: Site) -> Option<u64> {
        let mut found = std::mem::take(&mut self.found);
        for comment in &line.comments {
            pragma::read(frame.text, *comment, self.zone.as_ref(), site, &mut found);
        }
        let mut expires = None;
        for (at, setting) in found.drain(..) {
            match setting {
                Err(message) => self.defect(frame, at, message),
                Ok(Setting::Mode(mode)) => {
                    if self.options.mode.replace(mode).is_some() {
                        self.defect(frame, at, "`mode=` stands in the file twice".to_owned());
                    }
                }
                Ok(Setting::Forward(names)) => {
                    for name in names {
                        if !self.options.forward.contains(&name) {
                            self.options.forward.push(name);
                        }
                    }
                }
                Ok(Setting::Matrix(value)) => {
                    if self.options.matrix.contains(&value) {
                        self.defect(frame, at, "this `matrix=` stands in the file twice".to_owned());
                    } else {
                        self.options.matrix.push(value);
                    }
                }
                Ok(Setting::Expires(time)) => {
                    if expires.replace(time).is_some() {
                        self.defect(frame, at, "`expires=` stands on the line twice".to_owned());
                    }
                }
            }
        }
        self.found = found;
        expires
    }

    /// Reads a record.
    fn record<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        line: &Line,
        words: &mut Vec<Word<'t>>,
        expires: Option<u64>,
    ) {
        let owner_word = (!line.blank_first).then_some(0);
        let owned = owner_word.is_none() || self.owner(frame, line);
        let header = match header::read(line, frame.text, owner_word) {
            Ok(header) => header,
            Err((at, message)) => return self.defect(frame, at, message),
        };
        if let Some((_, ttl)) = header.ttl {
            self.ttl.explicit = Some(ttl);
        }
        words.clear();
        let data = line.words.get(header.data..).unwrap_or_default();
        words.extend(data.iter().map(|token| token.word(frame.text)));
        let rdata = match rdata::from_words(header.rtype_value, words, frame.origin.as_ref().as_ref()) {
            Ok(rdata) => rdata,
            Err(error) => {
                let at = blamed(line, &header, &error);
                return self.defect(frame, at, error.message);
            }
        };
        if header.rtype_value == Rtype::SOA && self.ttl.minimum.is_none() {
            let minimum = rdata
                .last_chunk::<4>()
                .map(|bytes| u32::from_be_bytes(*bytes).min(MAX_TTL));
            self.ttl.minimum = minimum;
        }
        let first = line.words.first().map_or(frame.start, |token| token.start());
        let owner = match &frame.owner {
            _ if !owned => return,
            LastOwner::Known(owner) => owner.clone(),
            // What made it bad has been reported.
            LastOwner::Bad => return,
            LastOwner::None => {
                let message =
                    "the record has no owner: its line begins with a blank, and no record stands above it";
                return self.defect(frame, first, message.to_owned());
            }
        };
        let ttl = header.ttl.map_or_else(|| self.ttl.default_ttl(), |(_, ttl)| ttl);
        let record = Record {
            owner,
            ttl,
            rtype: header.rtype_value,
            rdata,
            expires,
        };
        let place = (frame.depth == 0).then(|| Place {
            lines: line.span,
            origin: Arc::clone(&frame.origin),
        });
        let name_word = data.get(rdata::name_word(record.rtype)).or(data.first());
        let data_at = name_word.map_or(first, |token| token.start());
        self.push(frame, record, first, data_at, place);
    }

    /// Reads the owner of a line; `false` if it is of no use.
    fn owner(&mut self, frame: &mut Frame<'_>, line: &Line) -> bool {
        let Some(token) = line.words.first() else {
            return false;
        };
        let word = token.word(frame.text);
        let read = match word.as_plain() {
            Some(text) => Name::parse(text, Some(frame.origin.as_ref().as_ref()))
                .map_err(|error| format!("bad owner {}: {error}", word.shown())),
            None => Err(format!("expected an owner (a name), found {}", word.shown())),
        };
        let read = read.and_then(|name| self.in_zone(name));
        match read {
            Ok(name) => {
                frame.owner = LastOwner::Known(name);
                true
            }
            Err(message) => {
                self.defect(frame, token.start(), message);
                frame.owner = LastOwner::Bad;
                false
            }
        }
    }

    fn in_zone(&self, name: Name) -> Result<Name, String> {
        if name.as_ref().is_at_or_below(self.zone.as_ref()) {
            return Ok(name);
        }
        Err(format!(
            "the owner {name} is not in the zone {}: names without a closing dot are completed by `$ORIGIN`",
            self.zone
        ))
    }

    /// Keeps a record; `false` where the bound is reached.
    fn push(
        &mut self,
        frame: &Frame<'_>,
        record: Record,
        at: usize,
        data_at: usize,
        place: Option<Place>,
    ) -> bool {
        if self.entries.len() >= MAX_RECORDS {
            self.defect(
                frame,
                at,
                format!("over {MAX_RECORDS} records: from here on the file was not read"),
            );
            // One such message is enough: reading ends as it does at the bound of defects.
            while !self.is_full() {
                self.defect(frame, at, String::new());
            }
            return false;
        }
        let (line, column) = frame.position(at);
        let (data_line, data_column) = frame.position(data_at);
        let file = Arc::clone(&frame.file);
        self.entries.push(Entry {
            record,
            file,
            line,
            column,
            data_line,
            data_column,
            place,
        });
        true
    }
}

/// Where the word stands that an error of the RDATA blames.
fn blamed(line: &Line, header: &Header, error: &RdataError) -> usize {
    match line.words.get(header.data + error.word) {
        Some(token) => token.start(),
        None => line
            .words
            .last()
            .map_or(line.span.start as usize, |token| token.end()),
    }
}
