//! A query for an upstream, and whether a message is the reply to it.
//!
//! Whoever wants to forge a reply must guess what the query held. So everything that can be compared is
//! compared here: id, question, and the case of every letter of the name (draft-vixie-dnsext-dns0x20).
//! Randomness comes in as an argument. Read [`super::read`] for what the reply holds.

use std::sync::Arc;

use super::name::NameRef;
use super::read::expand;
use super::{HEADER, Rcode, Rtype, be16, flag, write};

/// Code of the padding option (RFC 7830, 3).
const PADDING_OPTION: u16 = 12;
/// Length of an option without data.
const OPTION_HEAD: usize = 4;
/// Class and type behind a question's name.
const QUESTION_TAIL: usize = 4;

/// A query as it travels. A clone shares the bytes until one of both changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    bytes: Arc<[u8]>,
    /// Length of the question's name.
    name_len: usize,
    has_opt: bool,
}

/// How a message relates to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// A reply with exactly this id and question.
    Exact,
    /// The same, but for the case of letters in the name.
    OtherCase,
    /// An error without any question, as old servers send it when they cannot read a query.
    NoQuestion,
    /// It belongs to something else.
    Other,
}

impl Outgoing {
    /// A query with id 0: recursion wanted, DO and CD as told, an OPT record unless `payload` is 0.
    #[must_use]
    pub fn new(name: NameRef<'_>, rtype: Rtype, dnssec: (bool, bool), payload: u16) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + name.as_wire().len() + 32);
        write::write_query(&mut bytes, 0, name, rtype, dnssec, payload);
        Outgoing {
            bytes: bytes.into(),
            name_len: name.as_wire().len(),
            has_opt: payload > 0,
        }
    }

    /// Sets the message id.
    pub fn set_id(&mut self, id: u16) {
        self.bytes_mut()[..2].copy_from_slice(&id.to_be_bytes());
    }

    /// The message id.
    #[must_use]
    pub fn id(&self) -> u16 {
        be16(&self.bytes, 0).unwrap_or(0)
    }

    /// Turns the letters of the name into capitals where `random` has a bit set.
    pub fn mix_case(&mut self, random: &[u8; 32]) {
        let name_len = self.name_len;
        let name = &mut self.bytes_mut()[HEADER..HEADER + name_len];
        for (at, byte) in name.iter_mut().enumerate() {
            // Lengths are below the letters, so they stay as they are.
            let bit = random.get(at / 8).is_some_and(|bits| bits >> (at % 8) & 1 == 1);
            if bit {
                byte.make_ascii_uppercase();
            } else {
                byte.make_ascii_lowercase();
            }
        }
    }

    /// Fills the OPT record up until the message's length is a multiple of `block` (RFC 8467, 4.1), so that an
    /// encrypted query's length says little about its name. Nothing happens without an OPT record.
    pub fn pad(&mut self, block: usize) {
        if !self.has_opt || block == 0 {
            return;
        }
        let bare = self.bytes.len() + OPTION_HEAD;
        let fill = bare.next_multiple_of(block) - bare;
        let Ok(len) = u16::try_from(fill) else { return };
        // The OPT record is the last of the query and has no options yet; its length stands at its end.
        let mut bytes = self.bytes.to_vec();
        let at = bytes.len() - 2;
        bytes[at..].copy_from_slice(&(len + OPTION_HEAD as u16).to_be_bytes());
        bytes.extend_from_slice(&PADDING_OPTION.to_be_bytes());
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.resize(bare + fill, 0);
        self.bytes = bytes.into();
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        Arc::make_mut(&mut self.bytes)
    }

    /// The message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What a message is to this query.
    #[must_use]
    pub fn echo(&self, message: &[u8]) -> Echo {
        let (Some(id), Some(flags), Some(questions)) = (be16(message, 0), be16(message, 2), be16(message, 4))
        else {
            return Echo::Other;
        };
        if id != self.id() || flags & flag::QR == 0 || flags & flag::OPCODE != 0 {
            return Echo::Other;
        }
        if questions == 0 && message.len() >= HEADER && Rcode(flags & 0x0f) != Rcode::NOERROR {
            return Echo::NoQuestion;
        }
        let end = HEADER + self.name_len;
        let (name, tail) = (&self.bytes[HEADER..end], &self.bytes[end..end + QUESTION_TAIL]);
        let (Some(its_name), Some(its_tail)) =
            (message.get(HEADER..end), message.get(end..end + QUESTION_TAIL))
        else {
            return Echo::Other;
        };
        if questions != 1 || its_tail != tail || !its_name.eq_ignore_ascii_case(name) {
            Echo::Other
        } else if its_name == name {
            Echo::Exact
        } else {
            Echo::OtherCase
        }
    }

    /// The error of a message without a question, as a message with ours.
    #[must_use]
    pub fn complete(&self, message: &[u8]) -> Vec<u8> {
        let mut out = message.get(..4).unwrap_or(&[0; 4]).to_vec();
        out.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&self.bytes[HEADER..HEADER + self.name_len + QUESTION_TAIL]);
        out
    }
}

/// Takes the mixed case out of a reply again: the question, and every owner that is the question's name or
/// above it, get the case of `name`. Of what cannot be read the rest stays as it is.
pub fn restore_case(reply: &mut [u8], name: NameRef<'_>) {
    let wire = name.as_wire();
    let body = HEADER + wire.len() + QUESTION_TAIL;
    let Some(question) = reply.get_mut(HEADER..HEADER + wire.len()) else {
        return;
    };
    if !question.eq_ignore_ascii_case(wire) {
        return;
    }
    question.copy_from_slice(wire);
    let count = |at| usize::from(be16(reply, at).unwrap_or(0));
    let mut at = body;
    for _ in 0..count(6) + count(8) + count(10) {
        let Some((owner, end)) = expand(reply, at) else {
            return;
        };
        let Some(len) = be16(reply, end + 8) else { return };
        if name.is_at_or_below(owner.as_ref()) {
            // What is written out ends with the root or where a pointer leads into an earlier name.
            let written = owner.as_ref().as_wire().len().min(end - at);
            let from = wire.len() - owner.as_ref().as_wire().len();
            for (byte, ours) in reply.iter_mut().skip(at).take(written).zip(&wire[from..]) {
                if byte.eq_ignore_ascii_case(ours) {
                    *byte = *ours;
                }
            }
        }
        at = end + 10 + usize::from(len);
    }
}

/// A reply to nothing, for tests of transports: the query's bytes with QR set.
#[cfg(test)]
pub(crate) fn mirrored(query: &[u8]) -> Vec<u8> {
    let mut reply = query.to_vec();
    reply[2] |= 0x80;
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Incoming, Name};

    fn query(name: &str) -> (Name, Outgoing) {
        let name: Name = name.parse().unwrap();
        let query = Outgoing::new(name.as_ref(), Rtype::A, (true, false), 1232);
        (name, query)
    }

    #[test]
    fn the_case_of_the_name_must_come_back() {
        let (_, mut out) = query("www.example.com");
        out.set_id(0x1234);
        out.mix_case(&[0xaa; 32]);
        let name = &out.as_bytes()[12..29];
        assert_eq!(name, b"\x03WwW\x07ExAmPlE\x03CoM\x00");
        let reply = mirrored(out.as_bytes());
        assert_eq!(out.echo(&reply), Echo::Exact);
        let mut lower = reply.clone();
        lower[12..29].make_ascii_lowercase();
        assert_eq!(out.echo(&lower), Echo::OtherCase);
        for (at, value) in [(0, 9), (2, 0), (2, 0x88), (5, 2), (14, b'x'), (30, 28), (32, 3)] {
            let mut other = reply.clone();
            other[at] = value;
            assert_eq!(out.echo(&other), Echo::Other, "byte {at}");
        }
        for len in 0..33 {
            assert_eq!(out.echo(&reply[..len]), Echo::Other, "cut to {len}");
        }
    }

    #[test]
    fn an_error_without_a_question_gets_ours() {
        let (_, mut out) = query("a.example");
        out.set_id(7);
        let bare = [0, 7, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(out.echo(&bare), Echo::NoQuestion);
        let whole = out.complete(&bare);
        assert_eq!(out.echo(&whole), Echo::Exact);
        assert_eq!(Incoming::parse(&whole).unwrap().rcode, Rcode::FORMERR);
        // A success without a question answers nothing.
        assert_eq!(out.echo(&[0, 7, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]), Echo::Other);
    }

    #[test]
    fn rfc8467_s4_1_queries_are_padded_to_whole_blocks() {
        for len in 1..60 {
            let (_, mut out) = query(&"a".repeat(len));
            out.pad(128);
            assert_eq!(out.as_bytes().len() % 128, 0);
            let message = mirrored(out.as_bytes());
            assert!(Incoming::parse(&message).unwrap().has_opt);
        }
        let name: Name = "a".parse().unwrap();
        let mut plain = Outgoing::new(name.as_ref(), Rtype::A, (false, false), 0);
        let before = plain.clone();
        plain.pad(128);
        assert_eq!(plain, before);
    }

    #[test]
    fn the_mixed_case_does_not_leak() {
        let name: Name = "www.example.com".parse().unwrap();
        let mut reply = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 1, 0, 1];
        reply.extend_from_slice(b"\x03wWw\x07EXAmple\x03coM\x00\x00\x01\x00\x01");
        // Written out, partly written out, a pointer only, and a stranger that keeps its case.
        reply.extend_from_slice(
            b"\x03wWw\x07EXAmple\x03coM\x00\x00\x05\x00\x01\x00\x00\x00\x01\x00\x04\x01X\xc0\x10",
        );
        reply.extend_from_slice(b"\x07EXAmple\xc0\x18\x00\x02\x00\x01\x00\x00\x00\x01\x00\x02\xc0\x0c");
        reply.extend_from_slice(b"\x02NS\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x01\x02\x03\x04");
        restore_case(&mut reply, name.as_ref());
        let incoming = Incoming::parse(&reply).unwrap();
        assert_eq!(incoming.question().as_wire(), name.as_wire());
        let owners: Vec<Vec<u8>> = incoming
            .records()
            .map(|item| item.owner().as_ref().as_wire().to_vec())
            .collect();
        assert_eq!(
            owners,
            [
                b"\x03www\x07example\x03com\x00".to_vec(),
                b"\x07example\x03com\x00".to_vec(),
                b"\x02NS\x07example\x03com\x00".to_vec()
            ]
        );
    }

    #[test]
    fn changed_bytes_never_panic() {
        let (name, mut out) = query("a.example");
        let mut reply = mirrored(out.as_bytes());
        out.mix_case(&[0xff; 32]);
        reply.extend_from_slice(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x01\x02\x03\x04");
        reply[7] = 1;
        for at in 0..reply.len() {
            for value in [0, 1, 0x3f, 0x40, 0xc0, 0xff] {
                let mut changed = reply.clone();
                changed[at] = value;
                let _ = out.echo(&changed);
                restore_case(&mut changed, name.as_ref());
                changed.truncate(at);
                restore_case(&mut changed, name.as_ref());
            }
        }
    }
}
