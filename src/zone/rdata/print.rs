//! RDATA to text: walks a type's line in [`super::schema`] over bytes that nobody has checked yet.
//!
//! This is the checker of RDATA as well: what cannot be printed in the form of its type is not of its type.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::{BASE32HEX_NOPAD, BASE64, HEXLOWER, HEXUPPER};

use crate::message::{NameRef, Rtype};
use crate::zone::master::civil;

use super::schema::{self, Field, Schema};
use super::words::escape_into;
use super::{apl, loc, name_text, read, svcb};

/// The generic form of RFC 3597, 5.
pub(super) fn generic(rdata: &[u8]) -> String {
    if rdata.is_empty() {
        return "\\# 0".to_owned();
    }
    format!("\\# {} {}", rdata.len(), HEXLOWER.encode(rdata))
}

/// The form of the type.
pub(super) fn typed(schema: &Schema, rdata: &[u8], origin: Option<NameRef<'_>>) -> Result<String, String> {
    let mut out = String::with_capacity(rdata.len() * 2);
    let mut rest = rdata;
    for (label, field) in schema.fields {
        let taken = schema::width(field, rest).and_then(|width| rest.split_at_checked(width));
        let Some((value, tail)) = taken else {
            return Err(format!("the data ends before or within the {label}"));
        };
        rest = tail;
        let before = out.len();
        if before > 0 {
            out.push(' ');
        }
        let behind = out.len();
        print(&mut out, field, value, origin).map_err(|reason| format!("bad {label}: {reason}"))?;
        if out.len() == behind {
            out.truncate(before);
        }
    }
    if !rest.is_empty() {
        return Err(format!("{} bytes are left behind the data", rest.len()));
    }
    (schema.check)(rdata).map_err(|(_, message)| message)?;
    Ok(out)
}

/// Appends one field, whose bytes are as many as [`schema::width`] said.
fn print(out: &mut String, field: &Field, value: &[u8], origin: Option<NameRef<'_>>) -> Result<(), String> {
    match field {
        Field::Name => {
            let name = NameRef::from_wire(value).ok_or("no name")?;
            // Read back, a relative name takes the case of the origin: relative only where that is the same.
            let same_case = |origin: &NameRef<'_>| value.ends_with(origin.as_wire());
            out.push_str(&name_text(name, origin.filter(same_case)));
        }
        Field::U8(_) | Field::U16(_) | Field::U32 | Field::Seconds => {
            let number = value.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            push(out, format_args!("{number}"));
        }
        Field::Moment => {
            let number = value.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            out.push_str(&civil::write_stamp(number));
        }
        Field::Type => {
            let number = value.iter().fold(0u16, |sum, byte| sum << 8 | u16::from(*byte));
            push(out, format_args!("{}", Rtype(number)));
        }
        Field::V4 => {
            let octets: [u8; 4] = value.try_into().map_err(|_| "not 4 bytes")?;
            push(out, format_args!("{}", Ipv4Addr::from(octets)));
        }
        Field::V6 => {
            let octets: [u8; 16] = value.try_into().map_err(|_| "not 16 bytes")?;
            push(out, format_args!("{}", Ipv6Addr::from(octets)));
        }
        Field::Eui(_) => join(out, value.chunks(1), '-'),
        Field::Groups => join(out, value.chunks(2), ':'),
        Field::Str => quote(out, value.get(1..).unwrap_or_default()),
        Field::OptionalStr if value.is_empty() => {}
        Field::OptionalStr => {
            if schema::width(&Field::Str, value) != Some(value.len()) {
                return Err("not exactly one string".to_owned());
            }
            quote(out, value.get(1..).unwrap_or_default());
        }
        Field::Strs => strings(out, value)?,
        Field::Rest => quote(out, value),
        Field::Tag => {
            let tag = value.get(1..).filter(|tag| read::is_tag(tag));
            let tag = tag.and_then(|tag| std::str::from_utf8(tag).ok());
            out.push_str(tag.ok_or("letters and digits only (RFC 8659, 4.1)")?);
        }
        Field::Hex | Field::Base64 if value.is_empty() => return Err("it is empty".to_owned()),
        Field::Hex => out.push_str(&HEXUPPER.encode(value)),
        Field::Base64 => out.push_str(&BASE64.encode(value)),
        Field::Salt => match value.get(1..) {
            Some(salt) if !salt.is_empty() => out.push_str(&HEXUPPER.encode(salt)),
            _ => out.push('-'),
        },
        Field::Hash => match value.get(1..) {
            Some(hash) if !hash.is_empty() => out.push_str(&BASE32HEX_NOPAD.encode(hash)),
            _ => return Err("it is empty".to_owned()),
        },
        Field::Types => types(out, value)?,
        Field::Loc => loc::print(out, value)?,
        Field::Apl => apl::print(out, value)?,
        Field::SvcParams => svcb::print(out, value)?,
    }
    Ok(())
}

/// Writing to a string cannot fail.
pub(super) fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(arguments);
}

/// Appends `bytes` as a quoted string.
pub(super) fn quote(out: &mut String, bytes: &[u8]) {
    out.push('"');
    escape_into(out, bytes);
    out.push('"');
}

fn join<'a>(out: &mut String, groups: impl Iterator<Item = &'a [u8]>, separator: char) {
    for (at, group) in groups.enumerate() {
        if at > 0 {
            out.push(separator);
        }
        out.push_str(&HEXLOWER.encode(group));
    }
}

fn strings(out: &mut String, value: &[u8]) -> Result<(), String> {
    if value.is_empty() {
        return Err("at least one string is needed, it may be empty".to_owned());
    }
    let mut rest = value;
    while !rest.is_empty() {
        let taken = schema::width(&Field::Str, rest).and_then(|width| rest.split_at_checked(width));
        let (string, tail) = taken.ok_or("a string ends behind the data")?;
        if rest.len() != value.len() {
            out.push(' ');
        }
        quote(out, string.get(1..).unwrap_or_default());
        rest = tail;
    }
    Ok(())
}

/// The bit map of RFC 4034, 4.1.2, in its only right form: windows ascend, no trailing zero byte.
fn types(out: &mut String, value: &[u8]) -> Result<(), String> {
    let mut rest = value;
    let mut last: Option<u8> = None;
    while let Some((&window, tail)) = rest.split_first() {
        let (&len, tail) = tail.split_first().ok_or("the bit map ends within a window")?;
        let (map, tail) = tail
            .split_at_checked(usize::from(len))
            .ok_or("the bit map ends within a window")?;
        if last.is_some_and(|last| last >= window) || len == 0 || len > 32 || map.last() == Some(&0) {
            return Err("the bit map is not in the form of RFC 4034, 4.1.2".to_owned());
        }
        for (at, byte) in (0u16..).zip(map) {
            for bit in (0..8u16).filter(|bit| byte & (0x80 >> bit) != 0) {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
                push(
                    out,
                    format_args!("{}", Rtype(u16::from(window) << 8 | at << 3 | bit)),
                );
            }
        }
        last = Some(window);
        rest = tail;
    }
    Ok(())
}
