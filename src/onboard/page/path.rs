//! What the paths and queries of the page's URLs mean. Everything here comes from anybody.
//!
//! | URL | what it is |
//! |---|---|
//! | `/` | where a code can be typed |
//! | `/i?c=CODE` | the same form, sent |
//! | `/i/CODE` | the page of an invite; a POST to `/i/CODE/PLATFORM` redeems it |
//! | `/i/CODE/TOKEN` | the page of the device that it was redeemed for |
//! | `/i/CODE/TOKEN/THING` | something for that device |
//! | `/api/seen?n=NONCE` | what is known of the live check of a page |
//!
//! Nothing is percent-decoded: a code, a token and a nonce need none, and what has such a sign in it is not one of ours.

use std::fmt;

use super::platform::Platform;
use super::words::Language;
use crate::onboard::things::Thing;

/// Longest code as it is typed, with blanks and dashes.
const CODE_BYTES: usize = 24;
/// Longest token or nonce.
const WORD_BYTES: usize = 32;
/// Highest number of a look-up in a live check; the page stops before.
const ROUNDS: u32 = 1000;

/// What a path leads to. Codes and tokens are not printed for debugging.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// Where a code can be typed, or was.
    Enter(Option<&'a str>),
    /// The page of an invite.
    Invite(&'a str),
    /// The button of a platform on it.
    Redeem(&'a str, Platform),
    /// The page of a device.
    Device(&'a str, &'a str),
    /// Something for a device: code, token, what.
    Thing(&'a str, &'a str, Thing),
    /// What is known of a live check.
    Seen,
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enter(code) => write!(f, "Enter(with a code: {})", code.is_some()),
            Self::Invite(_) => f.write_str("Invite"),
            Self::Redeem(_, platform) => write!(f, "Redeem({platform:?})"),
            Self::Device(..) => f.write_str("Device"),
            Self::Thing(_, _, thing) => write!(f, "Thing({thing:?})"),
            Self::Seen => f.write_str("Seen"),
        }
    }
}

impl<'a> Target<'a> {
    /// What a path and the query behind it lead to. `None` for a path that is none of ours.
    #[must_use]
    pub fn of(path: &'a str, query: &'a str) -> Option<Self> {
        let rest = match path {
            "/" => return Some(Self::Enter(None)),
            "/i" | "/i/" => return Some(Self::Enter(value(query, "c").filter(|code| is_code(code)))),
            "/api/seen" => return Some(Self::Seen),
            _ => path.strip_prefix("/i/")?,
        };
        let mut parts = rest.trim_end_matches('/').split('/');
        let code = parts.next().filter(|code| is_code(code))?;
        let target = match (parts.next(), parts.next()) {
            (None, _) => Self::Invite(code),
            (Some(word), None) => match Platform::of_word(word) {
                Some(platform) => Self::Redeem(code, platform),
                None => Self::Device(code, Some(word).filter(|word| is_word(word))?),
            },
            (Some(token), Some(thing)) => Self::Thing(
                code,
                Some(token).filter(|token| is_word(token))?,
                Thing::of_word(thing)?,
            ),
        };
        parts.next().is_none().then_some(target)
    }
}

/// What a query says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked<'a> {
    /// `l`: the language that was chosen.
    pub language: Option<Language>,
    /// `p`: the system that was chosen.
    pub platform: Option<Platform>,
    /// `n`: the nonce of a live check.
    pub nonce: Option<&'a str>,
    /// `k`: which look-up of it.
    pub round: u32,
    /// `end`: the page waits no longer.
    pub is_over: bool,
}

impl<'a> Asked<'a> {
    /// Reads a query; what is not known in it, or makes no sense, is as if it were not there.
    #[must_use]
    pub fn of(query: &'a str) -> Self {
        let round = value(query, "k").filter(|round| round.len() <= 4);
        Asked {
            language: value(query, "l").and_then(Language::of_tag),
            platform: value(query, "p").and_then(Platform::of_word),
            nonce: value(query, "n").filter(|nonce| is_word(nonce)),
            round: round
                .and_then(|round| round.parse().ok())
                .unwrap_or(0)
                .min(ROUNDS),
            is_over: query.split('&').any(|item| item == "end"),
        }
    }
}

/// The first value of this name.
fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|item| item.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Whether it can be a code as people type it; a form sends a blank as `+`.
fn is_code(text: &str) -> bool {
    let is_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+');
    (1..=CODE_BYTES).contains(&text.len()) && text.bytes().all(is_byte)
}

fn is_word(text: &str) -> bool {
    (1..=WORD_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_ours() {
        let of = |path| Target::of(path, "");
        assert_eq!(of("/"), Some(Target::Enter(None)));
        assert_eq!(
            Target::of("/i", "c=7KQ4+m2xr"),
            Some(Target::Enter(Some("7KQ4+m2xr")))
        );
        assert_eq!(Target::of("/i/", "c=<b>"), Some(Target::Enter(None)));
        assert_eq!(of("/i/7KQ4-M2XR"), Some(Target::Invite("7KQ4-M2XR")));
        assert_eq!(of("/i/7KQ4-M2XR/"), Some(Target::Invite("7KQ4-M2XR")));
        assert_eq!(
            of("/i/7KQ4-M2XR/ios"),
            Some(Target::Redeem("7KQ4-M2XR", Platform::Ios))
        );
        assert_eq!(of("/i/A/tk6n54"), Some(Target::Device("A", "tk6n54")));
        assert_eq!(
            of("/i/A/tk6n54/apple"),
            Some(Target::Thing("A", "tk6n54", Thing::Apple))
        );
        assert_eq!(of("/api/seen"), Some(Target::Seen));
    }

    #[test]
    fn paths_of_others() {
        let long = format!("/i/{}", "A".repeat(CODE_BYTES + 1));
        let word = format!("/i/A/{}", "a".repeat(WORD_BYTES + 1));
        for path in [
            "",
            "*",
            "/x",
            "//",
            "/i/../etc/passwd",
            "/i/A/..",
            "/i/A/%2e%2e",
            "/i/A%0d",
            "/i/A/tk6n54/none",
            "/i/A/tk6n54/apple/x",
            "/i//ios",
            "/i/A//apple",
            "/api/seen/",
            "/api",
            "/I/A",
            "/i/A\u{e9}",
            &long,
            &word,
        ] {
            assert_eq!(Target::of(path, ""), None, "{path}");
        }
    }

    #[test]
    fn queries_are_read_as_far_as_they_make_sense() {
        let asked = Asked::of("l=zh-Hans&p=mac&n=abc2&k=17&end&x=y&n=other");
        assert_eq!(
            asked,
            Asked {
                language: Some(Language::Chinese),
                platform: Some(Platform::Mac),
                nonce: Some("abc2"),
                round: 17,
                is_over: true
            }
        );
        for query in [
            "",
            "&&=&",
            "l=&p=&n=&k=",
            "l=xx&p=<b>&n=a%20b&k=-1&ended",
            "k=99999",
        ] {
            assert_eq!(Asked::of(query), Asked::default(), "{query}");
        }
        assert_eq!(Asked::of("k=9999").round, ROUNDS);
    }
}
