//! Text as it stands inside other people's languages: quoted, or with what is special there escaped.
//!
//! Most of what goes through here is plain by then (see [`super::plain`]). These functions hold for any text all the
//! same, so that a caller who forgets to look is still safe. Read [`super::router`] next.

use std::fmt::Write as _;

/// For POSIX shells: in single quotes.
#[must_use]
pub fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// For JSON: in double quotes (RFC 8259, 7).
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // These two are line ends for JavaScript.
            '\0'..='\x1f' | '\x7f' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A list for JSON.
#[must_use]
pub fn json_list<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> String {
    let items: Vec<String> = texts.into_iter().map(|text| json(text.as_ref())).collect();
    format!("[{}]", items.join(","))
}

/// Escapes what XML keeps for itself, and leaves out what it cannot hold at all (XML 1.0, 2.2).
#[must_use]
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | ' '..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                out.push(c);
            }
            _ => {}
        }
    }
    out
}

/// For PowerShell: in single quotes. It takes four other characters for a single quote too.
#[must_use]
pub fn powershell(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// For the value of a URL's query: everything but unreserved characters as `%XX` (RFC 3986, 2.3).
#[must_use]
pub fn url(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// As a name of a file, or a part of an identifier: letters, digits and single hyphens, at most 48 of them; empty where
/// nothing is left.
#[must_use]
pub fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() == 48 {
            break;
        }
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a'b\"c\\d<e>&f\n\u{0}\u{2019}`$(g) %h\u{2028}";

    #[test]
    fn what_is_special_stays_text() {
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(json("\"\\\n\u{1}"), r#""\"\\\u000a\u0001""#);
        assert_eq!(xml("a<b>&\"'\u{1}\u{fffe}c"), "a&lt;b&gt;&amp;&quot;&#39;c");
        assert_eq!(powershell("a'b\u{2019}"), "'a''b\u{2019}\u{2019}'");
        assert_eq!(url("https://a/ b~"), "https%3A%2F%2Fa%2F%20b~");
        assert_eq!(slug("  Anna's Phone! "), "anna-s-phone");
        assert_eq!(slug("电话"), "");
        assert_eq!(slug(&"x-".repeat(90)).len(), 47);
    }

    #[test]
    fn json_is_read_back() {
        for text in [HOSTILE, "", "\u{7f}\u{10ffff}"] {
            let back: String = serde_json::from_str(&json(text)).unwrap();
            assert_eq!(back, text);
        }
        let list: Vec<String> = serde_json::from_str(&json_list(["a", HOSTILE])).unwrap();
        assert_eq!(list, ["a", HOSTILE]);
    }
}
