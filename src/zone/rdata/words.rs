//! Words of a master file: escapes, numbers, durations.
//!
//! A [`Word`] keeps the text as it was written, escapes and all, because what an escape means depends on
//! where it stands: in a name `\.` is a dot inside a label, in a string it is a dot.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Longest text of a word that a message repeats, in characters.
const SHOWN: usize = 60;

/// One word of a master file, as written: without the quotes around it, escapes not yet resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    text: &'a [u8],
    quoted: bool,
}

impl<'a> Word<'a> {
    /// A word that stands without quotes.
    #[must_use]
    pub const fn plain(text: &'a [u8]) -> Self {
        Word { text, quoted: false }
    }

    /// The inside of a quoted string.
    #[must_use]
    pub const fn quoted(text: &'a [u8]) -> Self {
        Word { text, quoted: true }
    }

    /// The text as written.
    #[must_use]
    pub const fn text(self) -> &'a [u8] {
        self.text
    }

    /// Whether it stood in quotes.
    #[must_use]
    pub const fn is_quoted(self) -> bool {
        self.quoted
    }

    /// The word as text, if it stands without quotes and is UTF-8.
    #[must_use]
    pub fn as_plain(self) -> Option<&'a str> {
        if self.quoted {
            None
        } else {
            std::str::from_utf8(self.text).ok()
        }
    }

    /// Whether this is the `\#` in front of generic RDATA (RFC 3597, 5).
    #[must_use]
    pub fn is_generic_mark(self) -> bool {
        !self.quoted && self.text == b"\\#"
    }

    /// The bytes that the word stands for as a string, escapes resolved (RFC 1035, 5.1).
    ///
    /// # Errors
    /// A backslash that starts no escape, or a quotation mark in the middle of a plain word.
    pub fn octets(self) -> Result<Vec<u8>, String> {
        if !self.quoted && has_bare_quote(self.text) {
            return Err(format!(
                "the word {} has a quotation mark inside; put the whole string in quotes and write `\\\"` for a mark in it",
                self.shown()
            ));
        }
        unescape(self.text).ok_or_else(|| {
            format!(
                "in {} a backslash must be followed by one character or by three digits up to 255",
                self.shown()
            )
        })
    }

    /// The word for a message: in backticks, cut where it is long.
    #[must_use]
    pub fn shown(self) -> String {
        let text = String::from_utf8_lossy(self.text.get(..SHOWN * 4).unwrap_or(self.text));
        let mut short = String::new();
        for c in text.chars().take(SHOWN) {
            // Control characters of a hostile file must not reach a terminal.
            if c.is_control() {
                short.extend(c.escape_default());
            } else {
                short.push(c);
            }
        }
        if text.chars().count() > SHOWN {
            short.push_str("...");
        }
        if self.quoted {
            format!("`\"{short}\"`")
        } else {
            format!("`{short}`")
        }
    }
}

/// Resolves `\DDD` and `\X`; `None` if a backslash starts neither.
#[must_use]
pub(super) fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let first = bytes.next()?;
        if !first.is_ascii_digit() {
            out.push(first);
            continue;
        }
        let mut value = u32::from(first - b'0');
        for _ in 0..2 {
            let digit = bytes.next().filter(u8::is_ascii_digit)?;
            value = value * 10 + u32::from(digit - b'0');
        }
        out.push(u8::try_from(value).ok()?);
    }
    Some(out)
}

/// Writes `bytes` as the inside of a quoted string.
pub(super) fn escape_into(out: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            0x20..=0x7e => out.push(char::from(byte)),
            _ => {
                out.push('\\');
                for scale in [100, 10, 1] {
                    out.push(char::from(b'0' + byte / scale % 10));
                }
            }
        }
    }
}

/// A duration in seconds: `3600`, or numbers with units as `1h30m` (w, d, h, m, s in any case). `None` if the
/// text is neither. Saturates, so that a number beyond every bound is still a number.
#[must_use]
pub fn read_seconds(text: &str) -> Option<u64> {
    let mut total = 0u64;
    let mut number: Option<u64> = None;
    let mut units = false;
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            let tens = number.unwrap_or(0).saturating_mul(10);
            number = Some(tens.saturating_add(u64::from(byte - b'0')));
            continue;
        }
        let scale = match byte.to_ascii_lowercase() {
            b'w' => 604_800,
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.saturating_add(number.take()?.saturating_mul(scale));
        units = true;
    }
    match (number, units) {
        (Some(seconds), false) => Some(seconds),
        (None, true) => Some(total),
        _ => None,
    }
}

/// A decimal number of digits alone, at most `max`.
#[must_use]
pub(super) fn number(text: &str, max: u64) -> Option<u64> {
    if text.is_empty() || text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|value| *value <= max)
}

/// Whether the text is an IP address.
#[must_use]
pub(super) fn is_address(text: &str) -> bool {
    Ipv4Addr::from_str(text).is_ok() || (text.contains(':') && Ipv6Addr::from_str(text).is_ok())
}

/// Whether an unescaped quotation mark stands in `text`.
fn has_bare_quote(text: &[u8]) -> bool {
    let mut escaped = false;
    text.iter().any(|&byte| {
        let bare = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        bare
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc1035_s5_1_escapes() {
        assert_eq!(unescape(b"a\\\"b\\065\\\\"), Some(b"a\"bA\\".to_vec()));
        for bad in [&b"a\\"[..], b"\\25", b"\\256", b"\\1x2"] {
            assert_eq!(unescape(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn durations_have_units() {
        let cases = [
            ("0", Some(0)),
            ("3600", Some(3600)),
            ("1h30m", Some(5400)),
            ("1W2D3H4M5S", Some(604_800 + 2 * 86_400 + 3 * 3600 + 245)),
            ("1h30", None),
            ("h", None),
            ("", None),
            ("1x", None),
            ("-1", None),
            ("99999999999999999999999", Some(u64::MAX)),
        ];
        for (text, want) in cases {
            assert_eq!(read_seconds(text), want, "{text}");
        }
    }

    #[test]
    fn messages_show_words_short_and_without_control_characters() {
        assert_eq!(Word::plain(b"a\x1b[2J").shown(), "`a\\u{1b}[2J`");
        assert_eq!(Word::quoted("ä b".as_bytes()).shown(), "`\"ä b\"`");
        let long = "x".repeat(100);
        assert_eq!(
            Word::plain(long.as_bytes()).shown(),
            format!("`{}...`", "x".repeat(60))
        );
    }
}
