//! `; hearthdns: KEY=VALUE` in comments: options of a zone and of a record.
//!
//! They travel in comments so that other servers and tools read the same file. A comment is parted by
//! semicolons; a part that begins with `hearthdns:` is ours, the rest is the human's.

use crate::message::Name;
use crate::message::NameRef;
use crate::zone::record::Mode;

use super::civil;
use super::lexer::Span;

/// Longest comment part that is read as a pragma.
const MAX_PRAGMA: usize = 16_384;
/// Longest value of `matrix=`: two names of 255 bytes and some words.
const MAX_MATRIX: usize = 1024;
/// The word that makes a comment ours.
const MARK: &str = "hearthdns:";

/// One option that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::zone) enum Setting {
    /// Of the zone: `mode=`.
    Mode(Mode),
    /// Of the zone: `forward=`.
    Forward(Vec<Name>),
    /// Of the zone: `matrix=`, as it stands.
    Matrix(String),
    /// Of a record: `expires=`.
    Expires(u64),
}

/// Where pragmas stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::zone) enum Site {
    /// On a line of their own.
    Alone,
    /// On the line of a record.
    Record,
    /// On the line of a directive.
    Directive,
}

/// Byte offset of a key, and the option or what is wrong with it.
pub(in crate::zone) type Found = (usize, Result<Setting, String>);

/// The parts of a comment between semicolons, without these; an escaped semicolon does not part.
pub(in crate::zone) fn parts(text: &[u8], comment: Span) -> impl Iterator<Item = Span> {
    let bytes = comment.of(text);
    let base = comment.start as usize;
    let mut at = 0;
    std::iter::from_fn(move || {
        // The comment's own semicolon, then those between parts.
        let start = at + 1;
        if start > bytes.len() {
            return None;
        }
        at = start;
        while let Some(byte) = bytes.get(at).filter(|byte| **byte != b';') {
            at += if *byte == b'\\' { 2 } else { 1 };
        }
        at = at.min(bytes.len());
        Some(Span::new(base + start, base + at))
    })
}

/// Whether a part of a comment is a pragma.
pub(in crate::zone) fn is_pragma(part: &[u8]) -> bool {
    let part = part.trim_ascii_start();
    part.get(..MARK.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(MARK.as_bytes()))
}

/// Reads all pragmas of a comment. Appends nothing for comments that hold none.
pub(in crate::zone) fn read(
    text: &[u8],
    comment: Span,
    zone: NameRef<'_>,
    site: Site,
    found: &mut Vec<Found>,
) {
    let bytes = comment.of(text);
    // The common comment is not ours: look once before taking it apart.
    if !mentions_us(bytes) {
        return;
    }
    for part in parts(text, comment) {
        let body = part.of(text);
        let indent = body.len() - body.trim_ascii_start().len();
        let start = part.start as usize + indent;
        if !is_pragma(body) {
            if looks_forgotten(body) {
                found.push((
                    start,
                    Err(format!("write `{MARK}` with a colon in front of options")),
                ));
            }
            continue;
        }
        if body.len() > MAX_PRAGMA {
            found.push((
                start,
                Err(format!("over {MAX_PRAGMA} bytes of options in one comment")),
            ));
            continue;
        }
        let Some(Ok(options)) = body.get(indent + MARK.len()..).map(std::str::from_utf8) else {
            found.push((start, Err("the options are not UTF-8".to_owned())));
            continue;
        };
        let mut any = false;
        let base = start + MARK.len();
        let mut rest = options;
        while let Some(skip) = rest.find(|c: char| !c.is_ascii_whitespace()) {
            rest = rest.get(skip..).unwrap_or("");
            let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            let at = base + options.len() - rest.len();
            found.push((at, setting(word, zone, site)));
            any = true;
            rest = tail;
        }
        if !any {
            found.push((
                start,
                Err(format!(
                    "no option behind `{MARK}`: expected `mode=`, `forward=`, `matrix=` or `expires=`"
                )),
            ));
        }
    }
}

fn mentions_us(comment: &[u8]) -> bool {
    comment
        .windows(9)
        .any(|window| window.eq_ignore_ascii_case(b"hearthdns"))
}

/// `hearthdns mode=overlay`: a colon short of a pragma, and silence would be a surprise.
fn looks_forgotten(part: &[u8]) -> bool {
    let part = part.trim_ascii_start();
    let Some((head, rest)) = part.split_at_checked(9) else {
        return false;
    };
    let mut words = rest
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    head.eq_ignore_ascii_case(b"hearthdns")
        && rest.first().is_some_and(u8::is_ascii_whitespace)
        && words.next().is_some_and(|word| word.contains(&b'='))
}

/// Reads one `KEY=VALUE`.
fn setting(word: &str, zone: NameRef<'_>, site: Site) -> Result<Setting, String> {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    let shown = crate::zone::rdata::Word::plain(word.as_bytes()).shown();
    let of_zone = match key {
        "mode" | "forward" | "matrix" => true,
        "expires" => false,
        _ => {
            let nearest = nearest(key, &["mode", "forward", "matrix", "expires"]);
            return Err(format!(
                "unknown option {shown}: expected `mode=`, `forward=`, `matrix=` or `expires=`{nearest}"
            ));
        }
    };
    match (of_zone, site) {
        (true, Site::Record | Site::Directive) => {
            return Err(format!(
                "`{key}=` is an option of the zone: put it on a line of its own"
            ));
        }
        (false, Site::Alone | Site::Directive) => {
            return Err(format!(
                "`{key}=` is an option of a record: put it behind the record, on its line"
            ));
        }
        _ => {}
    }
    if value.is_empty() {
        return Err(format!("the value behind `{key}=` is missing"));
    }
    match key {
        "mode" => {
            let modes = [Mode::Private, Mode::Overlay, Mode::Redirect];
            let mode = modes.into_iter().find(|mode| mode.as_str() == value);
            mode.map(Setting::Mode).ok_or_else(|| {
                let nearest = nearest(value, &modes.map(Mode::as_str));
                format!("unknown mode {shown}: expected `private`, `overlay` or `redirect`{nearest}")
            })
        }
        "expires" => civil::read_time(value).map(Setting::Expires).ok_or_else(|| {
            format!("expected a day or a time in UTC, as `expires=2027-01-01` or `expires=2027-01-01T12:30:00Z`, found {shown}")
        }),
        "matrix" if value.len() > MAX_MATRIX => Err(format!(
            "the value behind `matrix=` has {} bytes, at most {MAX_MATRIX} are allowed",
            value.len()
        )),
        "matrix" => Ok(Setting::Matrix(value.to_owned())),
        _ => names(value, zone).map(Setting::Forward),
    }
}

/// Names parted by commas, relative to the zone; an escaped comma does not part.
fn names(value: &str, zone: NameRef<'_>) -> Result<Vec<Name>, String> {
    let mut names = Vec::new();
    let mut escaped = false;
    let split = |c: char| {
        let parts = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        parts
    };
    for text in value.split(split) {
        let name =
            Name::parse(text, Some(zone)).map_err(|error| format!("bad name in `forward=`: {error}"))?;
        if !name.as_ref().is_at_or_below(zone) {
            return Err(format!(
                "`forward=` names {name}, which is not in the zone {zone}: write names relative to the zone, or with its whole name and a closing dot"
            ));
        }
        if name.as_ref() == zone {
            return Err("`forward=` names the zone itself, of which nothing would be left: write `mode=overlay` to look up what the file does not hold".to_owned());
        }
        names.push(name);
    }
    Ok(names)
}

/// `: did you mean ...?` for the nearest word, if one is near.
pub(super) fn nearest(word: &str, known: &[&str]) -> String {
    let lower = word.to_ascii_lowercase();
    let best = known
        .iter()
        .map(|known| (strsim::jaro_winkler(&lower, &known.to_ascii_lowercase()), known));
    match best.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((score, known)) if score > 0.75 => format!(": did you mean `{known}`?"),
        _ => String::new(),
    }
}

/// Whether a text, as a comment, would hold options or come close to it.
pub(in crate::zone) fn holds_pragma(comment: &str) -> bool {
    let text = format!(";{comment}");
    let whole = Span::new(0, text.len());
    parts(text.as_bytes(), whole).any(|part| {
        let part = part.of(text.as_bytes());
        is_pragma(part) || looks_forgotten(part)
    })
}
