//! `$ORIGIN`, `$TTL`, `$INCLUDE` (RFC 1035, 5.1; RFC 2308, 4) and BIND's `$GENERATE`.

use std::sync::Arc;

use crate::message::Name;
use crate::zone::rdata::{self, Word, read_seconds};
use crate::zone::record::Record;

use super::generate::{self, Range};
use super::header;
use super::lexer::{self, Line};
use super::pragma;
use super::{Frame, MAX_BYTES, MAX_INCLUDE_DEPTH, MAX_INCLUDES, MAX_RECORDS, Parser};

/// What is wrong at a byte.
type Fault = (usize, String);

/// Whether the line is a directive and not a record.
pub(super) fn is_directive(line: &Line, text: &[u8]) -> bool {
    !line.blank_first
        && line
            .words
            .first()
            .is_some_and(|token| !token.quoted && token.span.of(text).starts_with(b"$"))
}

impl Parser<'_> {
    /// Obeys a directive.
    pub(super) fn directive(&mut self, frame: &mut Frame<'_>, line: &Line) {
        let name = line
            .words
            .first()
            .map(|token| token.span.of(frame.text))
            .unwrap_or_default();
        let done = match name.to_ascii_uppercase().as_slice() {
            b"$ORIGIN" => origin(frame, line),
            b"$TTL" => self.default_ttl(frame, line),
            b"$INCLUDE" => self.include(frame, line),
            b"$GENERATE" => self.generate(frame, line),
            _ => {
                let known = ["$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE"];
                let nearest = pragma::nearest(&String::from_utf8_lossy(name), &known);
                let shown = Word::plain(name).shown();
                Err((
                    line.words.first().map_or(0, |token| token.start()),
                    format!(
                        "unknown directive {shown}: expected `$ORIGIN`, `$TTL`, `$INCLUDE` or `$GENERATE`{nearest}"
                    ),
                ))
            }
        };
        if let Err((at, message)) = done {
            self.defect(frame, at, message);
        }
    }

    fn default_ttl(&mut self, frame: &Frame<'_>, line: &Line) -> Result<(), Fault> {
        let (at, word) = argument(frame.text, line, 1, "the TTL")?;
        let text = word.as_plain().unwrap_or("");
        let Some(seconds) = read_seconds(text) else {
            let message = format!(
                "expected a TTL in seconds, or with units as `1h30m`, found {}",
                word.shown()
            );
            return Err((at, message));
        };
        self.ttl.directive = Some(header::checked_ttl(seconds, text).map_err(|message| (at, message))?);
        no_more(frame.text, line, 2)
    }

    fn include(&mut self, frame: &Frame<'_>, line: &Line) -> Result<(), Fault> {
        let (at, word) = argument(frame.text, line, 1, "the file")?;
        let path = word.octets().map_err(|message| (at, message))?;
        let path = String::from_utf8(path).map_err(|_| (at, "the file's name is not UTF-8".to_owned()))?;
        let path = beside(frame, path);
        let origin = match line.words.get(2) {
            Some(_) => Arc::new(name(frame, line, 2)?),
            None => Arc::clone(&frame.origin),
        };
        no_more(frame.text, line, 3)?;
        if frame.depth >= MAX_INCLUDE_DEPTH {
            return Err((at, format!("files include files over {MAX_INCLUDE_DEPTH} deep")));
        }
        if self.included.len() >= MAX_INCLUDES {
            return Err((at, format!("over {MAX_INCLUDES} files are included")));
        }
        let text: Result<Arc<[u8]>, String> = (self.include)(&path).map(Arc::from);
        self.included.push((path.clone(), text.clone()));
        let text = text.map_err(|reason| (at, format!("cannot include {}: {reason}", word.shown())))?;
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > MAX_BYTES {
            return Err((
                at,
                format!("with this file there are over {MAX_BYTES} bytes to read"),
            ));
        }
        let mut inner = Frame::new(path.into(), &text, origin, frame.depth + 1);
        self.frame(&mut inner);
        Ok(())
    }

    fn generate(&mut self, frame: &Frame<'_>, line: &Line) -> Result<(), Fault> {
        let (at, word) = argument(frame.text, line, 1, "the range")?;
        let Some(range) = word.as_plain().and_then(Range::parse) else {
            return Err((
                at,
                format!("expected a range as `1-100` or `0-100/2`, found {}", word.shown()),
            ));
        };
        if range.count() > MAX_RECORDS - self.entries.len().min(MAX_RECORDS) {
            let message = format!(
                "with these {} records there are over {MAX_RECORDS}",
                range.count()
            );
            return Err((at, message));
        }
        let (owner_at, owner) = argument(frame.text, line, 2, "the owner")?;
        let header = header::read(line, frame.text, Some(2))?;
        let (data_at, _) = argument(frame.text, line, header.data, "the data")?;
        let rtype = header.rtype_value;
        let templates: Vec<Word<'_>> = line
            .words
            .iter()
            .skip(header.data)
            .map(|token| token.word(frame.text))
            .collect();
        // BIND takes one word only, and quotes where the data needs several.
        let unquote = templates.len() == 1 && !rdata::is_text(rtype);
        let ttl = header.ttl.map_or_else(|| self.ttl.default_ttl(), |(_, ttl)| ttl);
        for value in range.values() {
            let fail = |message: String| format!("for {value}: {message}");
            let text = generate::expand(owner.text(), value).map_err(|message| (owner_at, fail(message)))?;
            let shown = Word::plain(&text).shown();
            let text = std::str::from_utf8(&text)
                .map_err(|_| (owner_at, fail("the owner is not UTF-8".to_owned())))?;
            let name = Name::parse(text, Some(frame.origin.as_ref().as_ref()))
                .map_err(|error| format!("bad owner {shown}: {error}"))
                .and_then(|name| self.in_zone(name));
            let name = name.map_err(|message| (owner_at, fail(message)))?;
            let mut texts: Vec<(Vec<u8>, bool)> = Vec::with_capacity(templates.len());
            for template in &templates {
                let text =
                    generate::expand(template.text(), value).map_err(|message| (data_at, fail(message)))?;
                texts.push((text, template.is_quoted() && !unquote));
            }
            let mut words = Vec::with_capacity(texts.len());
            for (text, quoted) in &texts {
                if *quoted {
                    words.push(Word::quoted(text));
                } else {
                    words.extend(lexer::words_of(text).map_err(|message| (data_at, fail(message)))?);
                }
            }
            let rdata = rdata::from_words(rtype, &words, frame.origin.as_ref().as_ref())
                .map_err(|error| (data_at, fail(error.message)))?;
            let record = Record {
                owner: name,
                ttl,
                rtype,
                rdata,
                expires: None,
            };
            if !self.push(frame, record, frame.start, data_at, None) {
                break;
            }
        }
        Ok(())
    }
}

/// What an included file includes lies beside it. The outermost file's folder is the asker's to know.
fn beside(frame: &Frame<'_>, path: String) -> String {
    match frame.file.rsplit_once('/') {
        Some((folder, _)) if frame.depth > 0 && !path.starts_with('/') => format!("{folder}/{path}"),
        _ => path,
    }
}

fn origin(frame: &mut Frame<'_>, line: &Line) -> Result<(), Fault> {
    frame.origin = Arc::new(name(frame, line, 1)?);
    no_more(frame.text, line, 2)
}

/// The argument at an index, as a name.
fn name(frame: &Frame<'_>, line: &Line, index: usize) -> Result<Name, Fault> {
    let (at, word) = argument(frame.text, line, index, "the name")?;
    let Some(text) = word.as_plain() else {
        return Err((at, format!("expected a name, found {}", word.shown())));
    };
    Name::parse(text, Some(frame.origin.as_ref().as_ref()))
        .map_err(|error| (at, format!("expected a name, found {}: {error}", word.shown())))
}

fn argument<'t>(text: &'t [u8], line: &Line, index: usize, what: &str) -> Result<(usize, Word<'t>), Fault> {
    match line.words.get(index) {
        Some(token) => Ok((token.start(), token.word(text))),
        None => {
            let at = line
                .words
                .last()
                .map_or(line.span.start as usize, |token| token.end());
            Err((at, format!("{what} is missing")))
        }
    }
}

fn no_more(text: &[u8], line: &Line, index: usize) -> Result<(), Fault> {
    match line.words.get(index) {
        Some(token) => Err((
            token.start(),
            format!("unexpected {} behind the directive", token.word(text).shown()),
        )),
        None => Ok(()),
    }
}
