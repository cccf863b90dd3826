//! Lines of a master file as they are written by an edit: in the style of a neighbour, or a line rewritten.

use crate::message::Rtype;
use crate::zone::master::Place;
use crate::zone::master::civil::write_time;
use crate::zone::master::header::{self, Header};
use crate::zone::master::lexer::{Lexer, Line, Span, Token};
use crate::zone::master::pragma;
use crate::zone::rdata::to_text;
use crate::zone::record::Record;

use super::draft::Patch;

/// A record's line taken apart again.
pub(super) struct Parsed {
    pub(super) line: Line,
    pub(super) header: Header,
}

/// What stands at the beginning of a new line.
pub(super) enum Owner {
    /// Blanks: the owner is that of the line above.
    Inherited(String),
    /// This text.
    Written(String),
}

/// Takes the line of a record apart; `None` if no record stands there.
pub(super) fn parse(text: &[u8], place: &Place) -> Option<Parsed> {
    let mut line = Line::default();
    Lexer::starting(text, place.lines.start as usize).next(&mut line);
    let owner = (!line.blank_first).then_some(0);
    let header = header::read(&line, text, owner).ok()?;
    (line.span == place.lines && line.fault.is_none()).then_some(Parsed { line, header })
}

impl Parsed {
    fn word(&self, at: usize) -> Option<Token> {
        self.line.words.get(at).copied()
    }

    /// How this line names its owner, for a line of the same owner right below.
    pub(super) fn owner(&self, text: &[u8]) -> Owner {
        let first = self.word(0).map_or(0, Token::start);
        match self.header.owner.and_then(|at| self.word(at)) {
            Some(token) => Owner::Written(lossy(token.span.of(text))),
            None => {
                let lead = text.get(self.line.span.start as usize..first).unwrap_or_default();
                Owner::Inherited(if is_blank(lead) {
                    lossy(lead)
                } else {
                    "\t".to_owned()
                })
            }
        }
    }

    /// What parts the word from the next one: blanks, or one blank where parentheses or line ends do.
    fn gap<'t>(&self, text: &'t [u8], at: usize) -> &'t [u8] {
        let between = self.word(at).zip(self.word(at + 1));
        let gap = between
            .and_then(|(left, right)| text.get(left.end()..right.start()))
            .unwrap_or(b" ");
        if is_blank(gap) { gap } else { b" " }
    }

    fn word_len(&self, at: usize) -> usize {
        self.word(at).map_or(0, |token| token.end() - token.start())
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Appends `word` and a gap, so that what follows stands where it does behind a word of `len` bytes.
fn push_aligned(out: &mut String, word: &str, len: usize, gap: &[u8]) {
    out.push_str(word);
    if gap.len() > 1 && gap.iter().all(|byte| *byte == b' ') {
        let missing = (len + gap.len()).saturating_sub(word.len()).max(1);
        out.extend(std::iter::repeat_n(' ', missing));
    } else {
        out.push_str(&lossy(gap));
    }
}

/// A record's line without comment and line end.
pub(super) fn compose(
    text: &[u8],
    style: Option<&Parsed>,
    owner: &Owner,
    ttl: Option<u32>,
    rtype: Rtype,
    data: &str,
) -> String {
    let mut out = String::new();
    let ttl = ttl.map(|ttl| ttl.to_string());
    match (owner, style) {
        (Owner::Inherited(blanks), _) => out.push_str(blanks),
        (Owner::Written(owner), Some(style)) => match style.header.owner {
            Some(at) => push_aligned(&mut out, owner, style.word_len(at), style.gap(text, at)),
            None => match style.owner(text) {
                Owner::Inherited(blanks) => push_aligned(&mut out, owner, 0, blanks.as_bytes()),
                Owner::Written(_) => push_aligned(&mut out, owner, 0, b" "),
            },
        },
        (Owner::Written(owner), None) => push_aligned(&mut out, owner, 0, b" "),
    }
    let Some(style) = style else {
        let ttl = ttl.map_or_else(String::new, |ttl| ttl + " ");
        return format!("{out}{ttl}{rtype} {data}").trim_end().to_owned();
    };
    let header = &style.header;
    if let (Some(ttl), None) = (&ttl, header.ttl) {
        push_aligned(&mut out, ttl, 0, b" ");
    }
    for at in header.owner.map_or(0, |owner| owner + 1)..header.rtype {
        let gap = style.gap(text, at);
        if header.ttl.is_some_and(|(word, _)| word == at) {
            match &ttl {
                Some(ttl) => push_aligned(&mut out, ttl, style.word_len(at), gap),
                // A column of TTLs stays free where there is one.
                None if gap.len() > 1 && gap.iter().all(|byte| *byte == b' ') => {
                    push_aligned(&mut out, "", style.word_len(at), gap);
                }
                None => {}
            }
        } else {
            let word = style
                .word(at)
                .map(|token| lossy(token.span.of(text)))
                .unwrap_or_default();
            push_aligned(&mut out, &word, style.word_len(at), gap);
        }
    }
    push_aligned(
        &mut out,
        &rtype.to_string(),
        style.word_len(header.rtype),
        style.gap(text, header.rtype),
    );
    out.push_str(data);
    out.truncate(out.trim_end_matches([' ', '\t']).len());
    out
}

/// The comment of a line, with the blank in front: ` ; moved 3 May ; hearthdns: expires=2027-01-01`.
pub(super) fn comment(comment: Option<&str>, expires: Option<u64>) -> String {
    let mut out = String::new();
    if let Some(comment) = comment.map(str::trim).filter(|comment| !comment.is_empty()) {
        out.push_str(" ; ");
        out.push_str(comment);
    }
    if let Some(time) = expires {
        out.push_str(&format!(" ; hearthdns: expires={}", write_time(time)));
    }
    out
}

/// Rewrites RDATA and TTL of a line. Word by word where old and new have as many, so that comments within
/// parentheses and columns stay; else as one line, with such comments above it.
#[allow(clippy::too_many_arguments)] // Each is one thing that the line is made of; a struct would name them once more.
pub(super) fn rewrite(
    text: &[u8],
    old: &Record,
    place: &Place,
    parsed: &Parsed,
    data: Option<&[u8]>,
    ttl: Option<u32>,
    line_end: &str,
    patches: &mut Vec<Patch>,
) {
    let origin = Some(place.origin.as_ref().as_ref());
    let Some(data) = data else {
        patches.extend(ttl.and_then(|ttl| write_ttl(text, parsed, ttl)));
        return;
    };
    let (old_text, new_text) = (
        to_text(old.rtype, &old.rdata, origin),
        to_text(old.rtype, data, origin),
    );
    let (old_words, new_words) = (words(&old_text), words(&new_text));
    let written = parsed.line.words.get(parsed.header.data..).unwrap_or_default();
    if old_words.len() == new_words.len() && written.len() == new_words.len() {
        for (token, (old_word, new_word)) in written.iter().zip(old_words.iter().zip(&new_words)) {
            if old_word != new_word {
                patches.push(replace(text, *token, new_word));
            }
        }
        patches.extend(ttl.and_then(|ttl| write_ttl(text, parsed, ttl)));
        return;
    }
    let (Some(first), Some(last)) = (written.first(), written.last()) else {
        let at = parsed.line.code_end as usize;
        patches.push(Patch {
            start: at,
            end: at,
            with: format!(" {new_text}").into(),
        });
        patches.extend(ttl.and_then(|ttl| write_ttl(text, parsed, ttl)));
        return;
    };
    if parsed.line.open.is_none() {
        patches.push(Patch {
            start: first.start(),
            end: last.end(),
            with: new_text.into(),
        });
        patches.extend(ttl.and_then(|ttl| write_ttl(text, parsed, ttl)));
        return;
    }
    // The parentheses go, and with them the place of the comments between them.
    let mut lines = String::new();
    for comment in inner_comments(parsed) {
        let human: Vec<String> = pragma::parts(text, *comment)
            .map(|part| part.of(text))
            .filter(|part| !pragma::is_pragma(part))
            .map(lossy)
            .collect();
        if !human.is_empty() {
            lines.push(';');
            lines.push_str(human.join(";").trim_end());
            lines.push_str(line_end);
        }
    }
    let ttl = ttl.or(parsed.header.ttl.map(|(_, ttl)| ttl));
    lines.push_str(&compose(
        text,
        Some(parsed),
        &parsed.owner(text),
        ttl,
        old.rtype,
        &new_text,
    ));
    let (start, end) = (parsed.line.span.start as usize, parsed.line.code_end as usize);
    patches.push(Patch {
        start,
        end,
        with: lines.into(),
    });
}

/// Comments that stand before the end of the code.
fn inner_comments(parsed: &Parsed) -> impl Iterator<Item = &Span> {
    parsed
        .line
        .comments
        .iter()
        .filter(|comment| comment.start < parsed.line.code_end)
}

/// The words of a text that an edit has made, quotes included.
fn words(text: &str) -> Vec<String> {
    let mut line = Line::default();
    Lexer::starting(text.as_bytes(), 0).next(&mut line);
    let tokens = line.words.iter();
    tokens
        .map(|token| {
            text.get(token.start()..token.end())
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

/// Puts a word in the place of another, and keeps the column of what follows where blanks allow.
fn replace(text: &[u8], token: Token, with: &str) -> Patch {
    let (start, end) = (token.start(), token.end());
    let spaces = text
        .get(end..)
        .unwrap_or_default()
        .iter()
        .take_while(|byte| **byte == b' ')
        .count();
    let old_len = end - start;
    let mut out = with.to_owned();
    if with.len() > old_len {
        let swallowed = (with.len() - old_len).min(spaces.saturating_sub(1));
        return Patch {
            start,
            end: end + swallowed,
            with: out.into(),
        };
    }
    if spaces > 1 {
        out.extend(std::iter::repeat_n(' ', old_len - with.len()));
    }
    Patch {
        start,
        end,
        with: out.into(),
    }
}

/// Writes a TTL over the one that a line has, or in front of its class or type.
pub(super) fn write_ttl(text: &[u8], parsed: &Parsed, ttl: u32) -> Option<Patch> {
    if let Some((at, _)) = parsed.header.ttl {
        return parsed
            .word(at)
            .map(|token| replace(text, token, &ttl.to_string()));
    }
    let at = parsed
        .word(parsed.header.owner.map_or(0, |owner| owner + 1))?
        .start();
    Some(Patch {
        start: at,
        end: at,
        with: format!("{ttl} ").into(),
    })
}

/// Writes an owner into a line that begins with a blank.
pub(super) fn write_owner(text: &[u8], parsed: &Parsed, owner: &str) -> Option<Patch> {
    if parsed.header.owner.is_some() {
        return None;
    }
    let start = parsed.line.span.start as usize;
    let line = text.get(start..).unwrap_or_default();
    let spaces = line.iter().take_while(|byte| **byte == b' ').count();
    // The column stays where there is room for the owner and one blank.
    let end = if spaces > owner.len() {
        start + owner.len()
    } else {
        start
    };
    Some(Patch {
        start,
        end,
        with: owner.to_owned().into(),
    })
}

/// Rewrites the comments of a line: ours go and come with `expires`, the human's stay unless there is a new one.
pub(super) fn rewrite_comments(
    text: &[u8],
    parsed: &Parsed,
    new: Option<&str>,
    expires: Option<u64>,
    patches: &mut Vec<Patch>,
) {
    let code_end = parsed.line.code_end as usize;
    let new = new.map(str::trim).filter(|new| !new.is_empty());
    // Where the code is rewritten as a whole, the comments within it are taken care of.
    let rewritten = patches
        .iter()
        .any(|patch| patch.start < code_end && patch.end == code_end && parsed.line.open.is_some());
    if !rewritten {
        for span in inner_comments(parsed) {
            let human = without_pragmas(text, *span);
            if human.len() < span.of(text).trim_ascii_end().len() {
                let (start, end) = (span.start as usize, span.end as usize);
                patches.push(Patch {
                    start,
                    end,
                    with: human,
                });
            }
        }
    }
    // A longer word before the comment may have taken some of the blanks.
    let taken = patches
        .iter()
        .map(|patch| patch.end)
        .filter(|end| *end > code_end)
        .max();
    let free = taken
        .filter(|end| *end <= parsed.line.span.end as usize)
        .unwrap_or(code_end);
    let trailing = parsed
        .line
        .comments
        .last()
        .filter(|comment| comment.start as usize >= code_end);
    let Some(trailing) = trailing else {
        let with = comment(new, expires);
        if !with.is_empty() {
            patches.push(Patch {
                start: free,
                end: free,
                with: with.into(),
            });
        }
        return;
    };
    let old = trailing.of(text);
    let human = without_pragmas(text, *trailing);
    let had_pragma = human.len() < old.trim_ascii_end().len();
    if new.is_none() && expires.is_none() && !had_pragma {
        return;
    }
    let mut with = match new {
        Some(new) => format!("; {new}").into_bytes(),
        None => human,
    };
    let pragma = comment(None, expires);
    // Without the human's part the blank in front of the comment is already there.
    with.extend_from_slice(
        if with.is_empty() {
            pragma.trim_start()
        } else {
            &pragma
        }
        .as_bytes(),
    );
    let mut start = trailing.start as usize;
    if with.is_empty() {
        start = free;
    }
    if with != old {
        patches.push(Patch {
            start,
            end: trailing.end as usize,
            with,
        });
    }
}

/// A comment without our parts, as bytes: humans' bytes need not be UTF-8.
fn without_pragmas(text: &[u8], comment: Span) -> Vec<u8> {
    let mut out = Vec::new();
    let mut ours = false;
    for part in pragma::parts(text, comment).map(|part| part.of(text)) {
        if pragma::is_pragma(part) {
            ours = true;
        } else {
            out.push(b';');
            out.extend_from_slice(part);
        }
    }
    if ours {
        out.truncate(out.trim_ascii_end().len());
    } else {
        out = comment.of(text).to_vec();
    }
    out
}
