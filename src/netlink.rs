//! What the kernel says over netlink(7), taken apart: messages of a datagram, attributes of a message.
//!
//! Bytes in, slices out: no socket. The kernel is trusted to mean well, not to be understood: lengths are looked at before
//! they are followed, so whatever comes, it is read to its end or up to what makes no sense. Numbers have the order of the
//! host. What messages mean is their readers' business: [`route`] for the host's network, [`crate::nftset`] for its firewall.

pub mod route;

/// Head of a message: length, type, flags, sequence number, port.
pub const HEAD: usize = 16;
/// NLMSG_ERROR: a refusal, or an acknowledgement where the error is 0.
pub const ERROR: u16 = 2;
/// NLMSG_DONE: the end of a list, or of as much of it as there is where the error is not 0.
pub const DONE: u16 = 3;
/// NLMSG_OVERRUN: messages were lost.
pub const OVERRUN: u16 = 4;
/// NLM_F_DUMP_INTR: what is listed changed while it was listed.
pub const TORN: u16 = 0x10;
/// Type of an attribute, without the two bits that say how its value is laid out (NLA_TYPE_MASK).
const ATTRIBUTE: u16 = u16::MAX >> 2;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is; what this means depends on the socket's family.
    pub kind: u16,
    /// Such as [`TORN`].
    pub flags: u16,
    /// That of the request that it answers.
    pub number: u32,
    /// What follows the head, without padding.
    pub body: &'a [u8],
}

/// What follows in the datagram cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclear;

impl Message<'_> {
    /// Of a message of the type [`ERROR`] or [`DONE`]: the error number, positive; 0 where all is well. None where it is cut
    /// off.
    #[must_use]
    pub fn error(&self) -> Option<i32> {
        u32_at(self.body, 0).map(|code| (code as i32).saturating_neg())
    }
}

/// The messages of a datagram. One [`Unclear`] stands for all that follows what cannot be read.
pub fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Unclear>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((message, tail)) = split(rest) else {
            rest = &[];
            return Some(Err(Unclear));
        };
        rest = tail;
        Some(Ok(message))
    })
}

/// The first message, and what follows.
fn split(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let len = u32_at(bytes, 0)? as usize;
    let message = Message {
        kind: u16_at(bytes, 4)?,
        flags: u16_at(bytes, 6)?,
        number: u32_at(bytes, 8)?,
        body: bytes.get(HEAD..len)?,
    };
    // The last one may lack its padding.
    let next = len.checked_next_multiple_of(4)?;
    Some((message, bytes.get(next..).unwrap_or_default()))
}

/// Attributes, as far as they can be read: type, value.
#[must_use]
pub fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes(bytes)
}

/// Attributes that are still to be read.
#[derive(Debug, Clone)]
pub struct Attributes<'a>(&'a [u8]);

impl Attributes<'_> {
    /// Of those that were taken one by one until there was none: whether none was left that makes no sense.
    #[must_use]
    pub fn are_all_read(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let len = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)? & ATTRIBUTE;
        let value = self.0.get(4..len)?;
        // The last one may lack its padding.
        self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// Two bytes from there on, as the host writes numbers.
#[must_use]
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

/// Four bytes from there on, as the host writes numbers.
#[must_use]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

/// Messages as the kernel writes them, for tests.
#[cfg(test)]
pub(crate) mod fixtures {
    use super::*;

    /// One message with its padding.
    pub(crate) fn message(kind: u16, flags: u16, number: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEAD + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&number.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// Adds an attribute with its padding.
    pub(crate) fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
        body.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
        body.extend_from_slice(&kind.to_ne_bytes());
        body.extend_from_slice(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::{attribute, message};
    use super::*;

    #[test]
    fn messages_follow_each_other_and_the_last_may_lack_its_padding() {
        let mut bytes = [message(9, 2, 1, b"abcde"), message(7, TORN, 2, b"x")].concat();
        let of = |kind, flags, number, body| {
            Ok(Message {
                kind,
                flags,
                number,
                body,
            })
        };
        for _ in 0..4 {
            assert_eq!(
                messages(&bytes).collect::<Vec<_>>(),
                [of(9, 2, 1, &b"abcde"[..]), of(7, TORN, 2, b"x")]
            );
            bytes.pop();
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_once_and_ends_it() {
        let whole = message(9, 0, 1, b"abcd");
        for len in 1..whole.len() {
            assert_eq!(
                messages(&whole[..len]).collect::<Vec<_>>(),
                [Err(Unclear)],
                "{len}"
            );
        }
        for len in [0_u32, 1, 15, 21, u32::MAX - 2, u32::MAX] {
            let mut bad = whole.clone();
            bad[..4].copy_from_slice(&len.to_ne_bytes());
            bad.extend_from_slice(&whole);
            if len == 21 {
                // It may be, as far as can be seen, and what follows begins in the midst of the next.
                assert_eq!(messages(&bad).nth(1), Some(Err(Unclear)));
            } else {
                assert_eq!(messages(&bad).collect::<Vec<_>>(), [Err(Unclear)], "{len}");
            }
        }
    }

    #[test]
    fn an_error_is_positive_and_one_that_is_cut_off_is_none() {
        let error = |body: &[u8]| {
            messages(&message(ERROR, 0, 1, body))
                .next()
                .unwrap()
                .unwrap()
                .error()
        };
        assert_eq!(error(&0_i32.to_ne_bytes()), Some(0));
        assert_eq!(error(&(-2_i32).to_ne_bytes()), Some(2));
        assert_eq!(error(&i32::MIN.to_ne_bytes()), Some(i32::MAX));
        assert_eq!(error(&[0; 3]), None);
    }

    #[test]
    fn attributes_are_read_up_to_the_first_that_makes_no_sense() {
        let mut bytes = Vec::new();
        attribute(&mut bytes, 0x8001, b"ab");
        attribute(&mut bytes, 0x4002, b"");
        let whole = [(1, &b"ab"[..]), (2, b"")];
        let read = |bytes: &[u8]| {
            let mut attributes = attributes(bytes);
            assert_eq!((&mut attributes).collect::<Vec<_>>(), whole);
            attributes.are_all_read()
        };
        assert!(read(&bytes));
        for len in [0_u16, 3, 9, u16::MAX] {
            let mut bad = bytes.clone();
            bad.extend_from_slice(&len.to_ne_bytes());
            bad.extend_from_slice(&[3, 0, 0, 0]);
            assert!(!read(&bad), "{len}");
            bad.truncate(bytes.len() + 3);
            assert!(!read(&bad), "{len}");
        }
    }
}
