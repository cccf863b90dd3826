//! Lists of address prefixes: `1:192.0.2.0/24 !2:2001:db8::/32` (RFC 3123).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::print::push;
use super::words::{Word, number};

/// Reads all words as prefixes; none at all is a valid list.
pub(super) fn read(words: &[Word<'_>], out: &mut Vec<u8>) -> Result<(), (usize, String)> {
    for (at, word) in words.iter().enumerate() {
        let item = word.as_plain().and_then(prefix).ok_or_else(|| {
            let expected = "`1:` and an IPv4 prefix or `2:` and an IPv6 prefix, as `1:192.0.2.0/24`, with `!` in front for \"not\"";
            (at, format!("expected an address prefix ({expected}), found {}", word.shown()))
        })?;
        out.extend_from_slice(&item);
    }
    Ok(())
}

/// Prints the list, or says why it is none.
pub(super) fn print(out: &mut String, value: &[u8]) -> Result<(), String> {
    let mut rest = value;
    while let Some((head, tail)) = rest.split_at_checked(4) {
        let &[high, low, prefix, flags] = head else { break };
        let len = usize::from(flags & 0x7f);
        let (address, tail) = tail
            .split_at_checked(len)
            .ok_or("an address ends behind the data")?;
        // RFC 3123, 4: trailing zero bytes are left out.
        if address.last() == Some(&0) {
            return Err("an address has zero bytes at its end (RFC 3123, 4)".to_owned());
        }
        if rest.len() != value.len() {
            out.push(' ');
        }
        if flags & 0x80 != 0 {
            out.push('!');
        }
        match (high, low) {
            (0, 1) if len <= 4 && prefix <= 32 => {
                let mut octets = [0u8; 4];
                octets.iter_mut().zip(address).for_each(|(to, from)| *to = *from);
                push(out, format_args!("1:{}/{prefix}", Ipv4Addr::from(octets)));
            }
            (0, 2) if len <= 16 && prefix <= 128 => {
                let mut octets = [0u8; 16];
                octets.iter_mut().zip(address).for_each(|(to, from)| *to = *from);
                push(out, format_args!("2:{}/{prefix}", Ipv6Addr::from(octets)));
            }
            _ => return Err("an address is neither IPv4 nor IPv6, or too long for it".to_owned()),
        }
        rest = tail;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err("the data ends within a prefix".to_owned())
    }
}

fn prefix(text: &str) -> Option<Vec<u8>> {
    let (negated, text) = text.strip_prefix('!').map_or((0, text), |rest| (0x80, rest));
    let (family, rest) = text.split_once(':')?;
    let (address, length) = rest.split_once('/')?;
    let (family, mut octets, max) = match family {
        "1" => (1, address.parse::<Ipv4Addr>().ok()?.octets().to_vec(), 32),
        "2" => (2, address.parse::<Ipv6Addr>().ok()?.octets().to_vec(), 128),
        _ => return None,
    };
    let length = u8::try_from(number(length, max)?).ok()?;
    while octets.last() == Some(&0) {
        octets.pop();
    }
    let mut out = vec![0, family, length, negated | u8::try_from(octets.len()).ok()?];
    out.append(&mut octets);
    Some(out)
}
