//! Parameters of SVCB and HTTPS records (RFC 9460): `alpn="h2,h3" port=8448 ipv4hint=192.0.2.1`.
//!
//! Keys are sorted when read, as the wire form wants them; the wire form is checked when printed. Both ends
//! meet in [`check`], which knows the rules between keys.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use data_encoding::BASE64;

use crate::message::{NameRef, Rtype};

use super::print::{push, quote};
use super::words::{Word, number, unescape};

const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6HINT: u16 = 6;
const DOHPATH: u16 = 7;
const OHTTP: u16 = 8;

/// The keys with names, in the order of their numbers (RFC 9460, 14.3.2; RFC 9461; RFC 9540).
const KEYS: [&str; 9] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
    "dohpath",
    "ohttp",
];

/// What goes wrong in a value, or in a parameter at a word.
type Outcome<T> = Result<T, String>;

/// Reads all words as parameters.
pub(super) fn read(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), (usize, String)> {
    // The priority and the target are read already; AliasMode is priority 0.
    if let (Some([0, 0]), Some(_)) = (out.get(..2), words.first()) {
        let message = "a record in alias mode (priority 0) has no parameters (RFC 9460, 2.4.2): give it a priority from 1 on, or drop them";
        return Err((0, message.to_owned()));
    }
    let mut parameters: Vec<(u16, Vec<u8>)> = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let (key, value) = parameter(*word).map_err(|message| (at, message))?;
        if parameters.iter().any(|(other, _)| *other == key) {
            return Err((
                at,
                format!("the key `{}` stands here twice (RFC 9460, 2.1)", key_text(key)),
            ));
        }
        parameters.push((key, value));
        if parameters.len() > 1024 {
            return Err((at, "over 1024 parameters".to_owned()));
        }
    }
    parameters.sort();
    for (key, value) in parameters {
        let Ok(len) = u16::try_from(value.len()) else {
            return Err((0, format!("the value of `{}` is over 65535 bytes", key_text(key))));
        };
        out.extend_from_slice(&key.to_be_bytes());
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&value);
    }
    Ok(())
}

/// Prints the parameters, or says what is wrong with them.
pub(super) fn print(out: &mut String, value: &[u8]) -> Outcome<()> {
    let mut last = None;
    let mut first = true;
    for parameter in split(value) {
        let (key, value) = parameter.ok_or("the parameters end within one")?;
        if last.is_some_and(|last| last >= key) {
            return Err("the keys do not ascend (RFC 9460, 2.2)".to_owned());
        }
        last = Some(key);
        if !first {
            out.push(' ');
        }
        first = false;
        out.push_str(&key_text(key));
        print_value(out, key, value).map_err(|reason| format!("`{}`: {reason}", key_text(key)))?;
    }
    Ok(())
}

/// The rules between keys (RFC 9460, 8 and 7.1.1), over the whole RDATA.
pub(super) fn check(rdata: &[u8]) -> Result<(), (usize, String)> {
    let parameters = parameters_of(rdata).unwrap_or_default();
    let has = |wanted: u16| split(parameters).flatten().any(|(key, _)| key == wanted);
    if has(NO_DEFAULT_ALPN) && !has(ALPN) {
        return Err((
            2,
            "`no-default-alpn` needs an `alpn` (RFC 9460, 7.1.1)".to_owned(),
        ));
    }
    let mandatory = split(parameters).flatten().find(|(key, _)| *key == MANDATORY);
    for pair in mandatory.map_or(&[][..], |(_, value)| value).chunks_exact(2) {
        let key = pair.iter().fold(0u16, |sum, byte| sum << 8 | u16::from(*byte));
        if !has(key) {
            let name = key_text(key);
            return Err((
                2,
                format!("`{name}` is mandatory but stands not in the record (RFC 9460, 8)"),
            ));
        }
    }
    Ok(())
}

/// Whether this is an alias (priority 0) that carries parameters all the same: clients ignore them.
pub(super) fn is_alias_with_parameters(rtype: Rtype, rdata: &[u8]) -> bool {
    matches!(rtype, Rtype::SVCB | Rtype::HTTPS)
        && rdata.starts_with(&[0, 0])
        && parameters_of(rdata).is_some_and(|parameters| !parameters.is_empty())
}

const fn is_hint(key: u16) -> bool {
    matches!(key, IPV4HINT | IPV6HINT)
}

/// The addresses of `ipv4hint` and `ipv6hint` (RFC 9460, 7.3).
pub(super) fn hints(rdata: &[u8]) -> impl Iterator<Item = IpAddr> {
    split(parameters_of(rdata).unwrap_or_default())
        .flatten()
        .filter(|(key, _)| is_hint(*key))
        .flat_map(|(key, value)| {
            let one = if key == IPV4HINT { 4 } else { 16 };
            value.chunks_exact(one)
        })
        .filter_map(|bytes| match bytes.len() {
            4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
            _ => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        })
}

/// The RDATA without its hints. What is not there cannot be mandatory either (RFC 9460, 8).
pub(super) fn without_hints(rdata: &[u8]) -> Vec<u8> {
    let parameters = parameters_of(rdata).unwrap_or_default();
    let front = rdata.len() - parameters.len();
    let mut out: Vec<u8> = rdata.iter().take(front).copied().collect();
    for (key, value) in split(parameters).flatten() {
        let mandatory = value.chunks_exact(2).filter(|pair| {
            let key = pair.iter().fold(0u16, |sum, byte| sum << 8 | u16::from(*byte));
            !is_hint(key)
        });
        let kept: Vec<u8> = match key {
            MANDATORY => mandatory.flatten().copied().collect(),
            _ => value.to_vec(),
        };
        if is_hint(key) || (key == MANDATORY && kept.is_empty()) {
            continue;
        }
        // No longer than it was.
        let len = u16::try_from(kept.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&key.to_be_bytes());
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&kept);
    }
    out
}

fn parameters_of(rdata: &[u8]) -> Option<&[u8]> {
    NameRef::prefix_of(rdata.get(2..)?).map(|(_, parameters)| parameters)
}

/// The parameters; one `None` and the end where the bytes are malformed.
fn split(mut rest: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let parameter = split_one(rest);
        rest = parameter.map_or(&[][..], |(_, _, tail)| tail);
        Some(parameter.map(|(key, value, _)| (key, value)))
    })
}

fn split_one(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(4)?;
    let &[a, b, c, d] = head else { return None };
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([c, d])))?;
    Some((u16::from_be_bytes([a, b]), value, rest))
}

fn key_text(key: u16) -> String {
    KEYS.get(usize::from(key))
        .map_or_else(|| format!("key{key}"), |name| (*name).to_owned())
}

/// A key in lower case, by name or as `keyNNNNN` without leading zeros (RFC 9460, 2.1).
fn key_of(text: &str) -> Option<u16> {
    if let Some(at) = KEYS.iter().position(|name| *name == text) {
        return u16::try_from(at).ok();
    }
    let digits = text.strip_prefix("key")?;
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    // 65535 is the registry's invalid key.
    number(digits, 65_534).and_then(|value| u16::try_from(value).ok())
}

fn parameter(word: Word<'_>) -> Outcome<(u16, Vec<u8>)> {
    let text = word.text();
    let (key_part, value) = match text.iter().position(|byte| *byte == b'=') {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    };
    let key_word = std::str::from_utf8(key_part).unwrap_or("");
    let Some(key) = key_of(key_word) else {
        let mut message = format!("expected a parameter as `port=8448`, found {}", word.shown());
        let nearest = KEYS
            .iter()
            .map(|name| (strsim::jaro_winkler(name, key_word), name));
        if let Some((score, name)) = nearest.max_by(|a, b| a.0.total_cmp(&b.0))
            && score > 0.8
        {
            push(&mut message, format_args!(": did you mean `{name}`?"));
        }
        return Err(message);
    };
    let fail = |reason: String| format!("`{}`: {reason}", key_text(key));
    let octets = match value {
        None => Vec::new(),
        Some([b'"', inner @ .., b'"']) => Word::quoted(inner)
            .octets()
            .ok()
            .ok_or_else(|| fail("bad escape".to_owned()))?,
        Some(value) => Word::plain(value).octets().map_err(fail)?,
    };
    let generic = key_word.starts_with("key");
    let wire = if generic {
        octets
    } else {
        value_wire(key, value.is_some(), &octets).map_err(fail)?
    };
    // Catches what the generic spelling of a known key got wrong, and gives one place for all bounds.
    print_value(&mut String::new(), key, &wire).map_err(fail)?;
    Ok((key, wire))
}

/// The wire form of a value by name; what [`print_value`] refuses need not be refused here.
fn value_wire(key: u16, given: bool, octets: &[u8]) -> Outcome<Vec<u8>> {
    let text = || std::str::from_utf8(octets).map_err(|_| "the value is no text".to_owned());
    let needed = |example: &str| format!("expected a value, as `{}={example}`", key_text(key));
    match key {
        NO_DEFAULT_ALPN | OHTTP if given => Err("this key has no value".to_owned()),
        MANDATORY if !given => Err(needed("alpn,port")),
        MANDATORY => {
            let keys = text()?.split(',').map(|key| {
                key_of(key)
                    .ok_or_else(|| format!("expected a key, found {}", Word::plain(key.as_bytes()).shown()))
            });
            let mut keys: Vec<u16> = keys.collect::<Result<_, _>>()?;
            keys.sort_unstable();
            Ok(keys.into_iter().flat_map(u16::to_be_bytes).collect())
        }
        ALPN if !given => Err(needed("h2,h3")),
        ALPN => {
            let mut out = Vec::new();
            for id in list(octets).ok_or("a backslash in a list stands before a comma or a backslash")? {
                let len = u8::try_from(id.len()).map_err(|_| "a protocol has at most 255 bytes")?;
                out.push(len);
                out.extend_from_slice(&id);
            }
            Ok(out)
        }
        PORT => {
            let port = number(text()?, 65_535).and_then(|port| u16::try_from(port).ok());
            Ok(port.ok_or_else(|| needed("8448"))?.to_be_bytes().to_vec())
        }
        IPV4HINT => addresses(text()?, |item| {
            item.parse().ok().map(|ip: Ipv4Addr| ip.octets().to_vec())
        })
        .ok_or_else(|| needed("192.0.2.1,192.0.2.2")),
        IPV6HINT => addresses(text()?, |item| {
            item.parse().ok().map(|ip: Ipv6Addr| ip.octets().to_vec())
        })
        .ok_or_else(|| needed("2001:db8::1")),
        ECH => BASE64.decode(octets).map_err(|_| "expected base64".to_owned()),
        _ => Ok(octets.to_vec()),
    }
}

fn addresses(text: &str, read: impl Fn(&str) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let parts: Option<Vec<Vec<u8>>> = text.split(',').map(read).collect();
    Some(parts?.concat())
}

/// Items of a value list: commas part them, `\,` and `\\` stand for themselves (RFC 9460, A.1).
fn list(octets: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut items = Vec::new();
    let mut item = Vec::new();
    let mut bytes = octets.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b',' => items.push(std::mem::take(&mut item)),
            b'\\' => item.push(*bytes.next().filter(|next| matches!(next, b',' | b'\\'))?),
            _ => item.push(byte),
        }
    }
    items.push(item);
    Some(items)
}

/// Appends `=VALUE`, or says why the bytes are no value of the key.
fn print_value(out: &mut String, key: u16, value: &[u8]) -> Outcome<()> {
    let commas = |out: &mut String, at: usize| out.push(if at == 0 { '=' } else { ',' });
    match key {
        MANDATORY => {
            let keys: Vec<u16> = value
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
                .collect();
            if value.is_empty() || !value.len().is_multiple_of(2) {
                return Err("expected a list of keys".to_owned());
            }
            if keys.windows(2).any(|pair| pair.first() >= pair.last()) || keys.contains(&MANDATORY) {
                return Err(
                    "each key stands in it once, in order, and never `mandatory` itself (RFC 9460, 8)"
                        .to_owned(),
                );
            }
            for (at, key) in keys.into_iter().enumerate() {
                commas(out, at);
                out.push_str(&key_text(key));
            }
        }
        ALPN => {
            let mut list: Vec<u8> = Vec::new();
            let mut rest = value;
            while let Some((&len, tail)) = rest.split_first() {
                let (id, tail) = tail
                    .split_at_checked(usize::from(len))
                    .ok_or("a protocol ends behind the value")?;
                if id.is_empty() {
                    return Err("a protocol is empty".to_owned());
                }
                if rest.len() != value.len() {
                    list.push(b',');
                }
                for &byte in id {
                    if matches!(byte, b',' | b'\\') {
                        list.push(b'\\');
                    }
                    list.push(byte);
                }
                rest = tail;
            }
            if list.is_empty() {
                return Err("expected at least one protocol, as `alpn=h2`".to_owned());
            }
            out.push('=');
            string(out, &list);
        }
        NO_DEFAULT_ALPN | OHTTP => {
            if !value.is_empty() {
                return Err("this key has no value".to_owned());
            }
        }
        PORT => {
            let port: [u8; 2] = value.try_into().map_err(|_| "a port has 2 bytes")?;
            push(out, format_args!("={}", u16::from_be_bytes(port)));
        }
        IPV4HINT => {
            let (hints, rest) = value.as_chunks::<4>();
            if hints.is_empty() || !rest.is_empty() {
                return Err("expected IPv4 addresses".to_owned());
            }
            for (at, hint) in hints.iter().enumerate() {
                commas(out, at);
                push(out, format_args!("{}", Ipv4Addr::from(*hint)));
            }
        }
        IPV6HINT => {
            let (hints, rest) = value.as_chunks::<16>();
            if hints.is_empty() || !rest.is_empty() {
                return Err("expected IPv6 addresses".to_owned());
            }
            for (at, hint) in hints.iter().enumerate() {
                commas(out, at);
                push(out, format_args!("{}", Ipv6Addr::from(*hint)));
            }
        }
        ECH => {
            if value.is_empty() {
                return Err("expected base64".to_owned());
            }
            push(out, format_args!("={}", BASE64.encode(value)));
        }
        DOHPATH => {
            // RFC 9461, 5: a relative URI template in UTF-8 with the variable "dns".
            let path = std::str::from_utf8(value)
                .ok()
                .filter(|path| path.starts_with('/') && path.contains("dns"));
            path.ok_or("expected a path with the variable `dns`, as `/dns-query{?dns}` (RFC 9461, 5)")?;
            out.push('=');
            string(out, value);
        }
        u16::MAX => return Err("65535 is no key".to_owned()),
        _ if value.is_empty() => {}
        _ => {
            out.push('=');
            string(out, value);
        }
    }
    Ok(())
}

/// A value as text, in quotes where it needs them.
fn string(out: &mut String, value: &[u8]) {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._,:/+=".contains(byte);
    match std::str::from_utf8(value) {
        Ok(text) if value.iter().all(plain) && unescape(value).is_some() => out.push_str(text),
        _ => quote(out, value),
    }
}
