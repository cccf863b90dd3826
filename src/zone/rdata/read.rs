//! RDATA from words: walks a type's line in [`super::schema`].

use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::{BASE32HEX_NOPAD, BASE64, HEXLOWER_PERMISSIVE};

use crate::message::{Name, NameRef, Rtype};
use crate::zone::master::civil;

use super::schema::{self, Field, Schema};
use super::words::{self, Word, number, read_seconds};
use super::{RdataError, apl, loc, svcb, validate};

/// Reads the words behind the type.
pub(super) fn typed(schema: &Schema, words: &[Word<'_>], origin: NameRef<'_>) -> Result<Vec<u8>, RdataError> {
    let mut reader = Reader {
        schema,
        words,
        at: 0,
        origin,
        out: Vec::with_capacity(32),
    };
    for (label, field) in schema.fields {
        reader.field(label, field)?;
    }
    if let Some(word) = words.get(reader.at) {
        let usage = schema::usage(schema);
        return Err(RdataError {
            word: reader.at,
            message: format!("unexpected {} behind the data: expected `{usage}`", word.shown()),
        });
    }
    (schema.check)(&reader.out).map_err(|(word, message)| RdataError { word, message })?;
    Ok(reader.out)
}

/// Reads `\# LENGTH HEX` (RFC 3597, 5); the bytes of a known type must fit the type.
pub(super) fn generic(rtype: Rtype, words: &[Word<'_>]) -> Result<Vec<u8>, RdataError> {
    let fail = |word, message: String| Err(RdataError { word, message });
    let Some(length) = words.get(1) else {
        return fail(1, "the length behind `\\#` is missing".to_owned());
    };
    let Some(want) = length
        .as_plain()
        .and_then(|text| number(text, super::MAX_RDATA as u64))
    else {
        return fail(
            1,
            format!(
                "expected the length (0 to {}), found {}",
                super::MAX_RDATA,
                length.shown()
            ),
        );
    };
    let mut hex = Vec::new();
    for (at, word) in words.iter().enumerate().skip(2) {
        if word.is_quoted() || !word.text().iter().all(u8::is_ascii_hexdigit) {
            return fail(at, format!("expected hex digits, found {}", word.shown()));
        }
        hex.extend_from_slice(word.text());
    }
    let Ok(rdata) = HEXLOWER_PERMISSIVE.decode(&hex) else {
        return fail(
            2,
            format!("hex digits come in pairs, found {} of them", hex.len()),
        );
    };
    if rdata.len() as u64 != want {
        return fail(
            1,
            format!(
                "the length says {want} bytes, the hex digits behind it make {}",
                rdata.len()
            ),
        );
    }
    match validate(rtype, &rdata) {
        Ok(()) => Ok(rdata),
        Err(message) => fail(2, format!("these bytes are no {rtype} data: {message}")),
    }
}

/// Where in the words, and what has been made of them.
struct Reader<'r> {
    schema: &'r Schema,
    words: &'r [Word<'r>],
    at: usize,
    origin: NameRef<'r>,
    out: Vec<u8>,
}

impl<'r> Reader<'r> {
    /// Reads one field.
    fn field(&mut self, label: &str, field: &Field) -> Result<(), RdataError> {
        match field {
            Field::Name => self.name(label),
            Field::U8(names) => {
                let value = self.named(label, names, u64::from(u8::MAX))?;
                self.out.extend(value.to_be_bytes().last());
                Ok(())
            }
            Field::U16(names) => {
                let value = self.named(label, names, u64::from(u16::MAX))?;
                self.out.extend(value.to_be_bytes().get(6..).unwrap_or_default());
                Ok(())
            }
            Field::U32 => self.plain(label, "a number up to 4294967295", |text| {
                number(text, u64::from(u32::MAX)).and_then(to_u32)
            }),
            Field::Seconds => self.plain(
                label,
                "seconds, or numbers with units as `1h30m`, up to 4294967295",
                |text| read_seconds(text).and_then(to_u32),
            ),
            Field::Moment => self.plain(label, "a time as YYYYMMDDHHmmSS", |text| {
                let stamp = if text.len() == 14 {
                    civil::read_stamp(text)
                } else {
                    number(text, u64::MAX)
                };
                stamp.and_then(to_u32)
            }),
            Field::Type => self.plain(label, "a record type", |text| {
                text.parse::<Rtype>().ok().map(|rtype| rtype.0.to_be_bytes())
            }),
            Field::V4 => self.plain(
                label,
                "four numbers up to 255 with dots between, as `192.0.2.1`",
                |text| text.parse::<Ipv4Addr>().ok().map(|address| address.octets()),
            ),
            Field::V6 => self.plain(label, "an address as `2001:db8::1`", |text| {
                text.parse::<Ipv6Addr>().ok().map(|address| address.octets())
            }),
            Field::Eui(len) => self.plain(
                label,
                &format!("{len} pairs of hex digits with dashes between"),
                |text| eui(text, *len),
            ),
            Field::Groups => self.plain(label, "four groups of hex digits with colons between", groups),
            Field::Salt => self.plain(label, "hex digits, or `-` for none", salt),
            Field::Hash => self.plain(label, "base32hex", |text| {
                let hash = BASE32HEX_NOPAD
                    .decode(text.to_ascii_uppercase().as_bytes())
                    .ok()?;
                with_length(&hash).filter(|bytes| bytes.len() > 1)
            }),
            Field::Tag => self.plain(label, "letters and digits, as `issue`", |text| {
                with_length(text.as_bytes()).filter(|_| is_tag(text.as_bytes()))
            }),
            Field::Str => self.string(label),
            Field::OptionalStr if self.at == self.words.len() => Ok(()),
            Field::OptionalStr => self.string(label),
            Field::Strs => {
                self.string(label)?;
                while self.at < self.words.len() {
                    self.string(label)?;
                }
                Ok(())
            }
            Field::Rest => {
                let word = self.next(label)?;
                let octets = word.octets();
                let octets = octets.map_err(|message| self.error(message))?;
                self.out.extend_from_slice(&octets);
                Ok(())
            }
            Field::Hex => self.encoded(label, "hex digits", |text| HEXLOWER_PERMISSIVE.decode(text).ok()),
            Field::Base64 => self.encoded(label, "base64", |text| BASE64.decode(text).ok()),
            Field::Types => self.types(),
            Field::Loc => {
                self.rest_by(|words, out| loc::read(words).map(|wire| out.extend_from_slice(&wire)))
            }
            Field::Apl => self.rest_by(apl::read),
            Field::SvcParams => self.rest_by(svcb::read),
        }
    }

    /// An error at the word read last.
    fn error(&self, message: String) -> RdataError {
        RdataError {
            word: self.at.saturating_sub(1),
            message,
        }
    }

    fn next(&mut self, label: &str) -> Result<Word<'r>, RdataError> {
        let Some(word) = self.words.get(self.at) else {
            let usage = schema::usage(self.schema);
            let message = format!("the {label} is missing: expected `{usage}`");
            return Err(RdataError {
                word: self.at,
                message,
            });
        };
        self.at += 1;
        Ok(*word)
    }

    /// A word without quotes that `read` makes bytes of.
    fn plain<B: AsRef<[u8]>>(
        &mut self,
        label: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<B>,
    ) -> Result<(), RdataError> {
        let word = self.next(label)?;
        match word.as_plain().and_then(read) {
            Some(bytes) => {
                self.out.extend_from_slice(bytes.as_ref());
                Ok(())
            }
            None => Err(self.error(format!(
                "expected the {label} ({expected}), found {}",
                word.shown()
            ))),
        }
    }

    fn named(&mut self, label: &str, names: &[(&str, u16)], max: u64) -> Result<u64, RdataError> {
        let word = self.next(label)?;
        let value = word.as_plain().and_then(|text| schema::named(text, names, max));
        value.ok_or_else(|| {
            self.error(format!(
                "expected the {label} (a number up to {max}), found {}",
                word.shown()
            ))
        })
    }

    fn name(&mut self, label: &str) -> Result<(), RdataError> {
        let word = self.next(label)?;
        let Some(text) = word.as_plain() else {
            return Err(self.error(format!("expected the {label} (a name), found {}", word.shown())));
        };
        if words::is_address(text) {
            let message = format!(
                "expected the {label} (a name), found the address `{text}`: give the address a name with an A or AAAA record, and write that name here"
            );
            return Err(self.error(message));
        }
        match Name::parse(text, Some(self.origin)) {
            Ok(name) => {
                self.out.extend_from_slice(name.as_wire());
                Ok(())
            }
            Err(error) => Err(self.error(format!(
                "expected the {label} (a name), found {}: {error}",
                word.shown()
            ))),
        }
    }

    fn string(&mut self, label: &str) -> Result<(), RdataError> {
        let word = self.next(label)?;
        let octets = word.octets().map_err(|message| self.error(message))?;
        let Some(bytes) = with_length(&octets) else {
            let message = format!(
                "the string has {} bytes, at most 255 are allowed: split it into several, `\"first part\" \"second part\"`; readers join them without a blank",
                octets.len()
            );
            return Err(self.error(message));
        };
        self.out.extend_from_slice(&bytes);
        Ok(())
    }

    /// All words that are left, joined and decoded.
    fn encoded(
        &mut self,
        label: &str,
        expected: &str,
        decode: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), RdataError> {
        let first = self.next(label)?;
        let start = self.at - 1;
        let mut joined = first.text().to_vec();
        while let Some(word) = self.words.get(self.at) {
            joined.extend_from_slice(word.text());
            self.at += 1;
        }
        let quoted = self.words.iter().skip(start).any(|word| word.is_quoted());
        match decode(&joined) {
            Some(bytes) if !quoted && !bytes.is_empty() => {
                self.out.extend_from_slice(&bytes);
                Ok(())
            }
            _ => {
                let message = format!(
                    "expected the {label} ({expected}), found {}",
                    Word::plain(&joined).shown()
                );
                Err(RdataError { word: start, message })
            }
        }
    }

    fn types(&mut self) -> Result<(), RdataError> {
        let mut types = Vec::new();
        while self.at < self.words.len() {
            let word = self.next("types")?;
            let rtype = word.as_plain().and_then(|text| text.parse::<Rtype>().ok());
            let rtype =
                rtype.ok_or_else(|| self.error(format!("expected a record type, found {}", word.shown())))?;
            types.push(rtype.0);
        }
        types.sort_unstable();
        types.dedup();
        for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
            let mut map = [0u8; 32];
            let mut len = 0u8;
            for rtype in window {
                let [_, low] = rtype.to_be_bytes();
                if let Some(byte) = map.get_mut(usize::from(low / 8)) {
                    *byte |= 0x80 >> (low % 8);
                }
                len = low / 8 + 1;
            }
            let high = window.first().map_or(0, |rtype| rtype.to_be_bytes()[0]);
            self.out.extend_from_slice(&[high, len]);
            self.out
                .extend_from_slice(map.get(..usize::from(len)).unwrap_or_default());
        }
        Ok(())
    }

    /// Hands all words that are left to a format of its own.
    fn rest_by(
        &mut self,
        read: impl FnOnce(&[Word<'_>], &mut Vec<u8>) -> Result<(), (usize, String)>,
    ) -> Result<(), RdataError> {
        let words = self.words.get(self.at..).unwrap_or_default();
        read(words, &mut self.out).map_err(|(at, message)| RdataError {
            word: self.at + at,
            message,
        })?;
        self.at = self.words.len();
        Ok(())
    }
}

fn to_u32(value: u64) -> Option<[u8; 4]> {
    u32::try_from(value).ok().map(u32::to_be_bytes)
}

/// `bytes` behind their length; `None` if they are over 255.
fn with_length(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![u8::try_from(bytes.len()).ok()?];
    out.extend_from_slice(bytes);
    Some(out)
}

/// RFC 8659, 4.1: a tag is letters and digits.
pub(super) fn is_tag(tag: &[u8]) -> bool {
    !tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric)
}

fn eui(text: &str, len: usize) -> Option<Vec<u8>> {
    let pairs: Vec<&str> = text.split('-').collect();
    if pairs.len() != len || pairs.iter().any(|pair| pair.len() != 2) {
        return None;
    }
    HEXLOWER_PERMISSIVE.decode(pairs.concat().as_bytes()).ok()
}

fn groups(text: &str) -> Option<[u8; 8]> {
    let mut out = [0u8; 8];
    let mut parts = text.split(':');
    for pair in out.chunks_exact_mut(2) {
        let part = parts.next().filter(|part| (1..=4).contains(&part.len()))?;
        if !part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        pair.copy_from_slice(&u16::from_str_radix(part, 16).ok()?.to_be_bytes());
    }
    parts.next().is_none().then_some(out)
}

fn salt(text: &str) -> Option<Vec<u8>> {
    if text == "-" {
        return Some(vec![0]);
    }
    let salt = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    with_length(&salt).filter(|bytes| bytes.len() > 1)
}
