//! Domain names in wire form.
//!
//! A name is its labels, each behind a length byte, closed by the root's zero byte (RFC 1035, 3.1); at
//! most 255 bytes. Case is kept as written and ignored by every comparison (RFC 4343). [`NameRef`]
//! borrows, [`Name`] owns; both print and read the presentation form of RFC 1035, 5.1.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Longest name in wire form, the root's zero byte included (RFC 1035, 2.3.4).
pub const MAX_NAME: usize = 255;
/// Longest label (RFC 1035, 2.3.4).
pub const MAX_LABEL: usize = 63;

/// Why a text is no domain name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameError {
    /// No characters at all.
    Empty,
    /// Two dots in a row, or a dot at the start.
    EmptyLabel,
    /// A label over 63 bytes; the label.
    LongLabel(String),
    /// Over 255 bytes in wire form; how many.
    LongName(usize),
    /// A backslash that starts no valid escape.
    BadEscape,
    /// A character that must be written as `\DDD`.
    BadChar(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name is empty"),
            Self::EmptyLabel => f.write_str("the name has an empty label (two dots in a row)"),
            Self::LongLabel(label) => {
                write!(
                    f,
                    "the label `{label}` has {} bytes, at most 63 are allowed",
                    label.len()
                )
            }
            Self::LongName(len) => write!(f, "the name takes {len} bytes, at most 255 are allowed"),
            Self::BadEscape => {
                f.write_str("a backslash must be followed by one character or by three digits up to 255")
            }
            Self::BadChar(c) => write!(f, "`{}` cannot stand in a name", c.escape_default()),
        }
    }
}

impl std::error::Error for NameError {}

/// A borrowed domain name: uncompressed wire form with the closing zero byte.
#[derive(Clone, Copy)]
pub struct NameRef<'a>(&'a [u8]);

impl<'a> NameRef<'a> {
    /// The root.
    pub const ROOT: NameRef<'static> = NameRef(&[0]);

    /// Takes bytes that hold exactly one uncompressed name; `None` if they do not.
    #[must_use]
    pub fn from_wire(wire: &'a [u8]) -> Option<Self> {
        match Self::prefix_of(wire) {
            Some((name, [])) => Some(name),
            _ => None,
        }
    }

    /// Splits an uncompressed name off the front of `bytes`; `None` if none stands there.
    #[must_use]
    pub fn prefix_of(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut at = 0usize;
        loop {
            let len = usize::from(*bytes.get(at)?);
            if len > MAX_LABEL {
                return None;
            }
            at += 1 + len;
            if at > MAX_NAME {
                return None;
            }
            if len == 0 {
                let (name, rest) = bytes.split_at_checked(at)?;
                return Some((NameRef(name), rest));
            }
        }
    }

    /// A name whose bytes the caller has already checked, as a zone's arena or a parsed query has.
    pub(crate) const fn from_checked(wire: &'a [u8]) -> Self {
        NameRef(wire)
    }

    /// The wire form.
    #[must_use]
    pub const fn as_wire(self) -> &'a [u8] {
        self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(self) -> bool {
        self.0.len() == 1
    }

    /// The labels, leftmost first, without the root.
    pub fn labels(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (&len, tail) = rest.split_first()?;
            if len == 0 {
                return None;
            }
            let (label, tail) = tail.split_at(usize::from(len));
            rest = tail;
            Some(label)
        })
    }

    /// How many labels it has, the root not counted.
    #[must_use]
    pub fn label_count(self) -> usize {
        self.labels().count()
    }

    /// The name without its leftmost label; `None` for the root.
    #[must_use]
    pub fn parent(self) -> Option<NameRef<'a>> {
        let (&len, tail) = self.0.split_first()?;
        (len != 0).then(|| NameRef(&tail[usize::from(len)..]))
    }

    /// This name, its parent, and so on up to the root.
    pub fn ancestors(self) -> impl Iterator<Item = NameRef<'a>> {
        std::iter::successors(Some(self), |name| name.parent())
    }

    /// Whether the leftmost label is `*` (RFC 4592, 2.1.1).
    #[must_use]
    pub fn is_wildcard(self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// Whether this is `zone` or a name below it.
    #[must_use]
    pub fn is_at_or_below(self, zone: NameRef<'_>) -> bool {
        let Some(extra) = self.0.len().checked_sub(zone.0.len()) else {
            return false;
        };
        // The tail must begin at a label, not in the middle of one.
        let mut at = 0;
        while at < extra {
            at += 1 + usize::from(self.0[at]);
        }
        at == extra && self.0[extra..].eq_ignore_ascii_case(zone.0)
    }

    /// Where the labels start, leftmost first, and how many there are.
    fn label_starts(self) -> ([u8; 128], usize) {
        let mut starts = [0; 128];
        let (mut at, mut count) = (0, 0);
        while self.0[at] != 0 {
            // A name has at most 255 bytes and 127 labels.
            starts[count] = at as u8;
            count += 1;
            at += 1 + usize::from(self.0[at]);
        }
        (starts, count)
    }

    /// An owned copy.
    #[must_use]
    pub fn to_name(self) -> Name {
        Name(self.0.into())
    }

    /// An owned copy in lower case.
    #[must_use]
    pub fn to_lowercase(self) -> Name {
        Name(self.0.to_ascii_lowercase().into())
    }
}

impl PartialEq for NameRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        // Length bytes are below 64, so case folding leaves them alone.
        self.0.eq_ignore_ascii_case(other.0)
    }
}
impl Eq for NameRef<'_> {}

impl Hash for NameRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // In one piece: a hasher is slow with single bytes.
        let mut lower = [0; MAX_NAME];
        for (to, from) in lower.iter_mut().zip(self.0) {
            *to = from.to_ascii_lowercase();
        }
        state.write(&lower[..self.0.len()]);
    }
}

/// Canonical order of RFC 4034, 6.1: by labels from the right, case ignored.
impl Ord for NameRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, left_count) = self.label_starts();
        let (right, right_count) = other.label_starts();
        for back in 1..=left_count.min(right_count) {
            let a = label_at(self.0, left[left_count - back]);
            let b = label_at(other.0, right[right_count - back]);
            let lower = |byte: &u8| byte.to_ascii_lowercase();
            match a.iter().map(lower).cmp(b.iter().map(lower)) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        left_count.cmp(&right_count)
    }
}

impl PartialOrd for NameRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for NameRef<'_> {
    /// Presentation form with the closing dot; what is not plain is escaped (RFC 1035, 5.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &byte in label {
                match byte {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        f.write_char('\\')?;
                        f.write_char(char::from(byte))?;
                    }
                    0x21..=0x7e => f.write_char(char::from(byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_char('.')?;
        }
        Ok(())
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An owned domain name; see [`NameRef`] for what can be asked of it.
#[derive(Clone)]
pub struct Name(Box<[u8]>);

impl Name {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        NameRef::ROOT.to_name()
    }

    /// Borrows the name.
    #[must_use]
    pub fn as_ref(&self) -> NameRef<'_> {
        NameRef(&self.0)
    }

    /// The wire form.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// Reads presentation form (RFC 1035, 5.1). A text without a closing dot is completed by `origin`;
    /// `@` alone is the origin. With no origin every text is taken as absolute.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str, origin: Option<NameRef<'_>>) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text == "." {
            return Ok(Self::root());
        }
        if let ("@", Some(origin)) = (text, origin) {
            return Ok(origin.to_name());
        }
        let mut wire: Vec<u8> = Vec::with_capacity(text.len() + 2);
        let mut label: Vec<u8> = Vec::with_capacity(MAX_LABEL);
        let mut absolute = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            absolute = false;
            match c {
                '.' => {
                    close_label(&mut wire, &mut label)?;
                    absolute = true;
                }
                '\\' => match chars.next() {
                    Some(d) if d.is_ascii_digit() => {
                        let mut value = d.to_digit(10).unwrap_or(0);
                        for _ in 0..2 {
                            let digit = chars.next().and_then(|c| c.to_digit(10));
                            value = value * 10 + digit.ok_or(NameError::BadEscape)?;
                        }
                        label.push(u8::try_from(value).map_err(|_| NameError::BadEscape)?);
                    }
                    Some(c) if c.is_ascii() => label.push(c as u8),
                    _ => return Err(NameError::BadEscape),
                },
                c if c.is_ascii_graphic() => label.push(c as u8),
                c => return Err(NameError::BadChar(c)),
            }
        }
        if absolute {
            wire.push(0);
        } else {
            close_label(&mut wire, &mut label)?;
            wire.extend_from_slice(origin.unwrap_or(NameRef::ROOT).as_wire());
        }
        if wire.len() > MAX_NAME {
            return Err(NameError::LongName(wire.len()));
        }
        Ok(Name(wire.into()))
    }

    /// `label` put in front of `parent`; `None` if that makes the label or the name too long.
    #[must_use]
    pub fn prepend(label: &[u8], parent: NameRef<'_>) -> Option<Self> {
        if label.is_empty() || label.len() > MAX_LABEL || parent.0.len() + 1 + label.len() > MAX_NAME {
            return None;
        }
        let mut wire = Vec::with_capacity(parent.0.len() + 1 + label.len());
        wire.push(u8::try_from(label.len()).ok()?);
        wire.extend_from_slice(label);
        wire.extend_from_slice(parent.0);
        Some(Name(wire.into()))
    }
}

/// The label whose length byte stands at `at`.
fn label_at(wire: &[u8], at: u8) -> &[u8] {
    let at = usize::from(at);
    &wire[at + 1..=at + usize::from(wire[at])]
}

/// Moves a finished label to the wire form.
fn close_label(wire: &mut Vec<u8>, label: &mut Vec<u8>) -> Result<(), NameError> {
    if label.is_empty() {
        return Err(NameError::EmptyLabel);
    }
    match u8::try_from(label.len()) {
        Ok(len) if usize::from(len) <= MAX_LABEL => wire.push(len),
        _ => return Err(NameError::LongLabel(String::from_utf8_lossy(label).into_owned())),
    }
    wire.append(label);
    Ok(())
}

impl FromStr for Name {
    type Err = NameError;
    /// Reads an absolute name; the closing dot may be left out.
    fn from_str(text: &str) -> Result<Self, NameError> {
        Name::parse(text, None)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}
impl Eq for Name {}
impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}
impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_ref().cmp(&other.as_ref())
    }
}
impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn rfc1035_s5_1_escapes_survive_a_round_trip() {
        for text in [
            "a\\.b.example.",
            "\\007x.",
            "a\\\\b.",
            "*.example.",
            ".",
            "\\@.x.",
        ] {
            assert_eq!(name(text).to_string(), text);
        }
        assert_eq!(name("\\065b.").to_string(), "Ab.");
    }

    #[test]
    fn rfc1035_s2_3_4_limits_are_refused_by_name() {
        let long = "a".repeat(64);
        assert_eq!(long.parse::<Name>(), Err(NameError::LongLabel(long)));
        let label = format!("{}.", "a".repeat(63));
        assert_eq!(label.repeat(4).parse::<Name>(), Err(NameError::LongName(257)));
        assert!(
            format!("{}{}.", label.repeat(3), "a".repeat(61))
                .parse::<Name>()
                .is_ok()
        );
        assert_eq!("a..b".parse::<Name>(), Err(NameError::EmptyLabel));
        assert_eq!(".a".parse::<Name>(), Err(NameError::EmptyLabel));
        assert_eq!("".parse::<Name>(), Err(NameError::Empty));
        assert_eq!("a\\25".parse::<Name>(), Err(NameError::BadEscape));
        assert_eq!("a\\256".parse::<Name>(), Err(NameError::BadEscape));
        assert_eq!("ä.example".parse::<Name>(), Err(NameError::BadChar('ä')));
    }

    #[test]
    fn relative_names_take_the_origin() {
        let origin = name("hearth.example");
        let read = |text: &str| Name::parse(text, Some(origin.as_ref())).unwrap().to_string();
        assert_eq!(read("matrix"), "matrix.hearth.example.");
        assert_eq!(read("@"), "hearth.example.");
        assert_eq!(read("matrix."), "matrix.");
        assert_eq!(read("\\@"), "\\@.hearth.example.");
    }

    #[test]
    fn rfc4343_case_is_ignored_and_kept() {
        assert_eq!(name("MaTrix.Example"), name("matrix.example"));
        assert_eq!(name("MaTrix.Example").to_string(), "MaTrix.Example.");
    }

    #[test]
    fn below_begins_at_a_label() {
        let zone = name("th.example");
        assert!(!name("hearth.example").as_ref().is_at_or_below(zone.as_ref()));
        assert!(name("a.TH.example").as_ref().is_at_or_below(zone.as_ref()));
        assert!(name("th.example").as_ref().is_at_or_below(zone.as_ref()));
        assert!(!name("example").as_ref().is_at_or_below(zone.as_ref()));
        assert!(name("x").as_ref().is_at_or_below(NameRef::ROOT));
    }

    #[test]
    fn rfc4034_s6_1_canonical_order() {
        let sorted = [
            "example.",
            "a.example.",
            "yljkjljk.a.example.",
            "Z.a.example.",
            "zABC.a.EXAMPLE.",
            "z.example.",
            "\\001.z.example.",
            "*.z.example.",
            "\\200.z.example.",
        ];
        let mut names: Vec<Name> = sorted.iter().rev().map(|text| name(text)).collect();
        names.sort();
        assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), sorted);
    }

    #[test]
    fn wire_form_is_checked() {
        assert!(NameRef::from_wire(b"\x01a\x00").is_some());
        for bad in [&b""[..], b"\x01a", b"\x01a\x00x", b"\xc0\x0c", b"\x40aaaa\x00"] {
            assert!(NameRef::from_wire(bad).is_none(), "{bad:?}");
        }
    }
}
