//! What stands before the RDATA of a record: owner, TTL, class, type (RFC 1035, 5.1).

use crate::message::Rtype;
use crate::zone::rdata::read_seconds;
use crate::zone::record::MAX_TTL;

use super::lexer::{Line, Token};

/// The words of one record by their meaning, as indexes into the line's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::zone) struct Header {
    pub(in crate::zone) owner: Option<usize>,
    pub(in crate::zone) ttl: Option<(usize, u32)>,
    pub(in crate::zone) class: Option<usize>,
    pub(in crate::zone) rtype: usize,
    pub(in crate::zone) rtype_value: Rtype,
    /// First word of the RDATA.
    pub(in crate::zone) data: usize,
}

/// Reads the words of `line` from `owner` on; with `None` the owner is left out.
///
/// # Errors
/// Byte offset of the word to blame, and why.
pub(in crate::zone) fn read(
    line: &Line,
    text: &[u8],
    owner: Option<usize>,
) -> Result<Header, (usize, String)> {
    let mut at = owner.map_or(0, |owner| owner + 1);
    let mut ttl = None;
    let mut class = None;
    loop {
        let Some(token) = line.words.get(at) else {
            return Err((behind(line), missing_type(line, text, owner)));
        };
        let word = token.word(text);
        let Some(plain) = word.as_plain() else {
            return Err((
                token.start(),
                format!("expected a TTL, the class IN or a type, found {}", word.shown()),
            ));
        };
        if let Some(seconds) = read_seconds(plain) {
            if ttl.is_some() {
                return Err((token.start(), format!("a second TTL: {}", word.shown())));
            }
            ttl = Some((
                at,
                checked_ttl(seconds, plain).map_err(|message| (token.start(), message))?,
            ));
        } else if let Some(known) = class_of(plain) {
            known.map_err(|message| (token.start(), message))?;
            if class.is_some() {
                return Err((token.start(), "the class stands here twice".to_owned()));
            }
            class = Some(at);
        } else {
            let rtype_value =
                type_of(plain, line, text, owner).map_err(|message| (token.start(), message))?;
            return Ok(Header {
                owner,
                ttl,
                class,
                rtype: at,
                rtype_value,
                data: at + 1,
            });
        }
        at += 1;
    }
}

/// A TTL within its bound (RFC 2181, 8).
pub(super) fn checked_ttl(seconds: u64, shown: &str) -> Result<u32, String> {
    u32::try_from(seconds)
        .ok()
        .filter(|ttl| *ttl <= MAX_TTL)
        .ok_or_else(|| {
            format!("the TTL `{shown}` is over {MAX_TTL} seconds, the largest there is (RFC 2181, 8)")
        })
}

/// Behind the last word.
fn behind(line: &Line) -> usize {
    line.words
        .last()
        .map_or(line.span.start as usize, |token| token.end())
}

/// `None` if the word is no class, an error if it is another than IN.
fn class_of(word: &str) -> Option<Result<(), String>> {
    if word.eq_ignore_ascii_case("IN") || word.eq_ignore_ascii_case("CLASS1") {
        return Some(Ok(()));
    }
    let named = ["CH", "HS", "CS", "NONE"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name));
    let numbered = word
        .get(..5)
        .is_some_and(|head| head.eq_ignore_ascii_case("CLASS"))
        && word
            .get(5..)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    (named || numbered).then(|| {
        Err(format!(
            "the class `{word}` is not served here: only IN is, and may be left out"
        ))
    })
}

fn type_of(word: &str, line: &Line, text: &[u8], owner: Option<usize>) -> Result<Rtype, String> {
    if let Ok(rtype) = word.parse::<Rtype>() {
        if rtype.is_meta() || rtype.0 == 0 {
            return Err(format!(
                "{rtype} is a type of questions, not of data, and cannot stand in a zone"
            ));
        }
        return Ok(rtype);
    }
    if word.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err(format!(
            "expected a type, found the address `{word}`: write `A {word}`"
        ));
    }
    if word.parse::<std::net::Ipv6Addr>().is_ok() {
        return Err(format!(
            "expected a type, found the address `{word}`: write `AAAA {word}`"
        ));
    }
    let shown = crate::zone::rdata::Word::plain(word.as_bytes()).shown();
    if word.starts_with('$') && owner.is_none() {
        return Err(format!(
            "the directive {shown} must stand at the beginning of its line"
        ));
    }
    if owner_is_type(line, text, owner) {
        return Err(format!(
            "expected a type, found {shown}; a line without an owner begins with a blank"
        ));
    }
    Err(format!("expected a TTL, the class IN or a type, found {shown}"))
}

fn missing_type(line: &Line, text: &[u8], owner: Option<usize>) -> String {
    if owner_is_type(line, text, owner) {
        return "the type is missing; a line without an owner begins with a blank".to_owned();
    }
    "the type and its data are missing".to_owned()
}

/// Whether what stands in the place of the owner is a type: the blank in front was forgotten.
fn owner_is_type(line: &Line, text: &[u8], owner: Option<usize>) -> bool {
    let token: Option<&Token> = owner.and_then(|owner| line.words.get(owner));
    let word = token.and_then(|token| token.word(text).as_plain());
    word.is_some_and(|word| word.parse::<Rtype>().is_ok() || word.eq_ignore_ascii_case("IN"))
}
