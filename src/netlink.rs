//! What the kernel says over netlink(7), taken apart: messages of a datagram, attributes of a message.
//!
//! Bytes in, slices out: no socket. The kernel is trusted to mean well, not to be understood: lengths are looked at before
//! they are followed, so whatever comes, it is read to its end or up to what makes no sense. Numbers have the order of the
//! host. What messages mean is their readers' business: [`crate::nftset`], and the daemon's look at the network.

/// Head of a message: length, type, flags, sequence number, port.
pub const HEAD: usize = 16;
/// NLMSG_ERROR: a refusal, or an acknowledgement where the error is 0.
pub const ERROR: u16 = 2;
/// Type of an attribute, without the two bits that say how its value is laid out (NLA_TYPE_MASK).
const ATTRIBUTE: u16 = u16::MAX >> 2;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is; what this means depends on the socket's family.
    pub kind: u16,
    /// That of the request that it answers.
    pub number: u32,
    /// What follows the head, without padding.
    pub body: &'a [u8],
}

/// What follows in the datagram cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclear;

impl Message<'_> {
    /// Of a message of the type [`ERROR`]: the error number, positive; 0 is an acknowledgement. None where it is cut off.
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
        number: u32_at(bytes, 8)?,
        body: bytes.get(HEAD..len)?,
    };
    // The last one may lack its padding.
    let next = len.checked_next_multiple_of(4)?;
    Some((message, bytes.get(next..).unwrap_or_default()))
}

/// Attributes, as far as they can be read: type, value.
pub fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & ATTRIBUTE;
        let value = rest.get(4..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, number: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEAD + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&number.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn messages_follow_each_other_and_the_last_may_lack_its_padding() {
        let bytes = [&message(9, 1, b"abcde")[..], &[0; 3], &message(7, 2, b"x")].concat();
        let of = |kind, number, body| Ok(Message { kind, number, body });
        assert_eq!(
            messages(&bytes).collect::<Vec<_>>(),
            [of(9, 1, &b"abcde"[..]), of(7, 2, b"x")]
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_once_and_ends_it() {
        let whole = message(9, 1, b"abcd");
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
            messages(&message(ERROR, 1, body))
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
        for (kind, value) in [(0x8001_u16, &b"ab"[..]), (0x4002, b"")] {
            bytes.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
            bytes.extend_from_slice(&kind.to_ne_bytes());
            bytes.extend_from_slice(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let whole = [(1, &b"ab"[..]), (2, b"")];
        assert_eq!(attributes(&bytes).collect::<Vec<_>>(), whole);
        for len in [0_u16, 3, 9, u16::MAX] {
            let mut bad = bytes.clone();
            bad.extend_from_slice(&len.to_ne_bytes());
            bad.extend_from_slice(&[3, 0, 0, 0]);
            assert_eq!(attributes(&bad).collect::<Vec<_>>(), whole, "{len}");
        }
    }
}
