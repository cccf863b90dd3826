//! Messages to the kernel's nftables (nfnetlink) and what it says to them, read without trust.
//!
//! Bytes in, bytes out: no socket. Elements are added in a batch, which takes effect as a whole or not at all. Where a set
//! has timeouts, an element that is there already must get a new one, and the kernel has no word for that on all versions
//! that are about; so each is added, taken away and added anew in one batch, of which no packet sees the middle.

use std::net::IpAddr;
use std::time::Duration;

use crate::config::nftset::NftSet;
use crate::netlink::{ERROR, attributes, messages};

/// NFNL_MSG_BATCH_BEGIN and _END.
const BEGIN: u16 = 16;
const END: u16 = 17;
/// NFNL_SUBSYS_NFTABLES.
const NFTABLES: u16 = 10;
const NEW_SET: u16 = NFTABLES << 8 | 9;
const GET_SET: u16 = NFTABLES << 8 | 10;
const NEW_ELEMENTS: u16 = NFTABLES << 8 | 12;
const DELETE_ELEMENTS: u16 = NFTABLES << 8 | 14;
/// NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE.
const REQUEST: u16 = 0x1;
const ACK: u16 = 0x4;
const CREATE: u16 = 0x400;
/// NLA_F_NESTED.
const NESTED: u16 = 0x8000;
/// Attributes of a set: table, name, flags, length of a key.
const SET_TABLE: u16 = 1;
const SET_NAME: u16 = 2;
const SET_FLAGS: u16 = 3;
const SET_KEY_LEN: u16 = 5;
/// Attributes of elements: table, set, the list; one of the list; its key, its timeout; the bytes of a key.
const LIST_TABLE: u16 = 1;
const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
const ELEMENT: u16 = 1;
const KEY: u16 = 1;
const TIMEOUT: u16 = 4;
const VALUE: u16 = 1;
/// NFT_SET_CONSTANT, _INTERVAL, _MAP, _TIMEOUT, _CONCAT.
const CONSTANT: u32 = 0x2;
const INTERVAL: u32 = 0x4;
const MAP: u32 = 0x8;
const HAS_TIMEOUT: u32 = 0x10;
const CONCAT: u32 = 0x80;

/// What the kernel says of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    flags: u32,
    key_len: u32,
}

impl Facts {
    /// Elements go by themselves.
    #[must_use]
    pub fn has_timeout(self) -> bool {
        self.flags & HAS_TIMEOUT != 0
    }

    /// Why addresses of this length cannot go in, if so.
    #[must_use]
    pub fn obstacle(self, key_len: u32, wants_timeout: bool) -> Option<&'static str> {
        let has = |flag| self.flags & flag != 0;
        if has(MAP | CONCAT | CONSTANT) || self.key_len != key_len {
            Some(match key_len {
                4 => "it is not made for addresses of IPv4; make it with `type ipv4_addr`",
                _ => "it is not made for addresses of IPv6; make it with `type ipv6_addr`",
            })
        } else if has(INTERVAL) {
            Some("it holds intervals; make one without `flags interval`")
        } else if wants_timeout && !self.has_timeout() {
            Some("its elements have no timeout; make it with `flags timeout`, or leave out `timeout_seconds`")
        } else {
            None
        }
    }
}

/// What one message of the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The message of this number was carried out, or with an error number not.
    Done(u32, i32),
    /// The set that was asked for.
    Set(Facts),
}

/// Asks what a set is.
#[must_use]
pub fn ask(set: &NftSet, number: u32) -> Vec<u8> {
    let mut out = Vec::new();
    message(&mut out, GET_SET, REQUEST | ACK, number, set.family.1, 0, |out| {
        attribute(out, SET_TABLE, |out| text(out, &set.table));
        attribute(out, SET_NAME, |out| text(out, &set.set));
    });
    out
}

/// A batch that adds these addresses, and the number of its last message that is acknowledged. Numbers count up from
/// `number`. `renew`: those that are there get a new timeout.
#[must_use]
pub fn add(
    set: &NftSet,
    addresses: &[(IpAddr, Option<Duration>)],
    renew: bool,
    mut number: u32,
) -> (Vec<u8>, u32) {
    let mut out = Vec::new();
    message(&mut out, BEGIN, REQUEST, number, 0, NFTABLES, |_| {});
    let steps: &[(u16, bool)] = match renew {
        true => &[
            (NEW_ELEMENTS, true),
            (DELETE_ELEMENTS, false),
            (NEW_ELEMENTS, true),
        ],
        false => &[(NEW_ELEMENTS, true)],
    };
    for (kind, is_new) in steps {
        number = number.wrapping_add(1);
        let flags = REQUEST | ACK | if *is_new { CREATE } else { 0 };
        message(&mut out, *kind, flags, number, set.family.1, 0, |out| {
            attribute(out, LIST_TABLE, |out| text(out, &set.table));
            attribute(out, LIST_SET, |out| text(out, &set.set));
            attribute(out, LIST_ELEMENTS | NESTED, |out| {
                for (address, timeout) in addresses {
                    attribute(out, ELEMENT | NESTED, |out| {
                        attribute(out, KEY | NESTED, |out| {
                            attribute(out, VALUE, |out| match address {
                                IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
                                IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
                            });
                        });
                        if let Some(timeout) = timeout.filter(|_| *is_new) {
                            let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                            attribute(out, TIMEOUT, |out| out.extend_from_slice(&ms.to_be_bytes()));
                        }
                    });
                }
            });
        });
    }
    message(
        &mut out,
        END,
        REQUEST,
        number.wrapping_add(1),
        0,
        NFTABLES,
        |_| {},
    );
    (out, number)
}

/// Reads the messages of one datagram, those that matter.
pub fn read(datagram: &[u8]) -> impl Iterator<Item = Said> {
    let known = messages(datagram).flatten();
    known.filter_map(|message| match message.kind {
        ERROR => message.error().map(|error| Said::Done(message.number, error)),
        NEW_SET => facts(message.body.get(4..)?).map(Said::Set),
        _ => None,
    })
}

/// Of the attributes of a set those that count; numbers have the order of the network.
fn facts(bytes: &[u8]) -> Option<Facts> {
    let (mut flags, mut key_len) = (0, None);
    for (kind, value) in attributes(bytes) {
        let number = || value.first_chunk().map(|number| u32::from_be_bytes(*number));
        match kind {
            SET_FLAGS => flags = number()?,
            SET_KEY_LEN => key_len = number(),
            _ => {}
        }
    }
    Some(Facts {
        flags,
        key_len: key_len?,
    })
}

/// A message with struct nfgenmsg (family, version, resource) in front of its body.
fn message(
    out: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    number: u32,
    family: u8,
    resource: u16,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&flags.to_ne_bytes());
    out.extend_from_slice(&number.to_ne_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[family, 0]);
    out.extend_from_slice(&resource.to_be_bytes());
    body(out);
    let len = (out.len() - start) as u32;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&len.to_ne_bytes());
    }
}

/// An attribute, padded to four bytes.
fn attribute(out: &mut Vec<u8>, kind: u16, value: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&kind.to_ne_bytes());
    value(out);
    // The bounds of lists keep it far below 64 KiB.
    let len = (out.len() - start) as u16;
    if let Some(place) = out.get_mut(start..start + 2) {
        place.copy_from_slice(&len.to_ne_bytes());
    }
    out.resize(out.len().next_multiple_of(4), 0);
}

/// A text with its final zero.
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let mut done = Vec::new();
        done.extend_from_slice(&36_u32.to_ne_bytes());
        done.extend_from_slice(&ERROR.to_ne_bytes());
        done.extend_from_slice(&[0; 2]);
        done.extend_from_slice(&7_u32.to_ne_bytes());
        done.extend_from_slice(&[0; 4]);
        done.extend_from_slice(&(-2_i32).to_ne_bytes());
        done.resize(36, 0);
        let read = |bytes: &[u8]| read(bytes).collect::<Vec<_>>();
        assert_eq!(read(&done), [Said::Done(7, 2)]);
        assert_eq!(read(&[done.clone(), done.clone()].concat()).len(), 2);
        for len in 0..done.len() {
            assert_eq!(read(&done[..len]), [], "{len}");
        }
    }

    #[test]
    fn sets_that_do_not_fit_are_told() {
        let of = |flags, key_len| Facts { flags, key_len };
        assert_eq!(of(0, 4).obstacle(4, false), None);
        assert_eq!(of(HAS_TIMEOUT, 16).obstacle(16, true), None);
        for (facts, len, wants, word) in [
            (of(0, 16), 4, false, "ipv4_addr"),
            (of(0, 4), 16, false, "ipv6_addr"),
            (of(MAP, 4), 4, false, "ipv4_addr"),
            (of(INTERVAL, 4), 4, false, "flags interval"),
            (of(0, 4), 4, true, "flags timeout"),
        ] {
            assert!(facts.obstacle(len, wants).unwrap().contains(word), "{facts:?}");
        }
    }

    #[test]
    fn a_batch_is_made_of_whole_messages() {
        let set: NftSet = "inet fw4 vpn4".parse().unwrap();
        let addresses = [("192.0.2.1".parse().unwrap(), Some(Duration::from_secs(60)))];
        for (renew, count) in [(false, 3), (true, 5)] {
            let (bytes, last) = add(&set, &addresses, renew, 10);
            let numbers: Vec<u32> = messages(&bytes).map(|message| message.unwrap().number).collect();
            assert_eq!(numbers, (10..10 + count).collect::<Vec<u32>>());
            assert_eq!(last, 10 + count - 2);
        }
    }
}
