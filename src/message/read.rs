//! Reading a message that an upstream sent: hostile until walked over from end to end.
//!
//! [`Incoming::parse`] checks every length and every name once; after that its records can be gone
//! through without surprise. What is worth keeping of it becomes a [`super::Packed`].

use super::name::{MAX_NAME, Name, NameRef};
use super::write::Section;
use super::{CLASS_IN, HEADER, Rcode, Rtype, be16, be32, flag};

/// Code of the extended error option (RFC 8914, 2).
const EDE_OPTION: u16 = 15;

/// One part of a type's RDATA, as far as names in it matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A domain name.
    Name,
    /// So many bytes.
    Fixed(usize),
    /// A character string: a length byte and so many bytes.
    Text,
    /// Whatever follows.
    Rest,
}

/// Where the names stand in the RDATA of the types that have any. Other types are opaque.
///
/// Receivers must be ready for compressed names in the RFC 1035 types and in RP, AFSDB, RT, SIG, PX, NXT,
/// NAPTR and SRV (RFC 3597, 4); in the others a pointer is an error that the walk finds.
#[must_use]
pub fn layout(rtype: Rtype) -> &'static [Part] {
    use Part::{Fixed, Name, Rest, Text};
    match rtype {
        Rtype::NS | Rtype::MD | Rtype::MF | Rtype::CNAME | Rtype::MB | Rtype::MG => &[Name],
        Rtype::MR | Rtype::PTR | Rtype::DNAME => &[Name],
        Rtype::SOA => &[Name, Name, Fixed(20)],
        Rtype::MX | Rtype::AFSDB | Rtype::RT | Rtype::KX | Rtype::LP => &[Fixed(2), Name],
        Rtype::MINFO | Rtype::RP => &[Name, Name],
        Rtype::PX => &[Fixed(2), Name, Name],
        Rtype::SRV => &[Fixed(6), Name],
        Rtype::NAPTR => &[Fixed(4), Text, Text, Text, Name],
        Rtype::SIG | Rtype::RRSIG => &[Fixed(18), Name, Rest],
        Rtype::NXT | Rtype::NSEC => &[Name, Rest],
        Rtype::SVCB | Rtype::HTTPS => &[Fixed(2), Name, Rest],
        _ => &[Rest],
    }
}

/// Why a message cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// Shorter than a header.
    Short,
    /// Not a reply, or not to a standard query.
    NotAReply,
    /// Not exactly one question.
    Question,
    /// A name runs out of the message, is too long, or has a pointer that leads nowhere.
    Name,
    /// A record runs out of the message.
    Record,
    /// RDATA does not have the shape of its type.
    Rdata,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Short => "the message is shorter than a header",
            Self::NotAReply => "the message is no reply to a query",
            Self::Question => "the message does not have exactly one question",
            Self::Name => "a name in the message is broken",
            Self::Record => "a record runs out of the message",
            Self::Rdata => "the data of a record is not of its type's shape",
        })
    }
}
impl std::error::Error for ReadError {}

/// A name taken out of a message, uncompressed, on the stack.
#[derive(Clone, Copy)]
pub struct NameBuf {
    bytes: [u8; MAX_NAME],
    len: u8,
}

impl NameBuf {
    /// The name.
    #[must_use]
    pub fn as_ref(&self) -> NameRef<'_> {
        NameRef::from_checked(&self.bytes[..usize::from(self.len)])
    }
}

/// Takes the name at `at` out of `message`; also gives where the bytes behind it start.
pub(super) fn expand(message: &[u8], at: usize) -> Option<(NameBuf, usize)> {
    let (mut bytes, mut len) = ([0; MAX_NAME], 0);
    let end = walk_name(message, at, |label| {
        if let Some(to) = bytes.get_mut(len..len + label.len()) {
            to.copy_from_slice(label);
            len += label.len();
        }
    })?;
    // The buffer is zeroed, so the root's byte stands there already; the walk bounds the length.
    let len = len as u8 + 1;
    Some((NameBuf { bytes, len }, end))
}

/// Checks the name at `at` and gives each label with its length byte; says where the bytes behind it start.
fn walk_name(message: &[u8], at: usize, mut label: impl FnMut(&[u8])) -> Option<usize> {
    let (mut from, mut end) = (at, None);
    let mut whole = 1;
    // A pointer must lead in front of all that was read, so a loop cannot be built.
    let mut barrier = at;
    loop {
        let len = *message.get(from)?;
        match len {
            0 => return Some(end.unwrap_or(from + 1)),
            1..=63 => {
                let bytes = message.get(from..from + 1 + usize::from(len))?;
                whole += bytes.len();
                if whole > MAX_NAME {
                    return None;
                }
                label(bytes);
                from += bytes.len();
            }
            0xc0.. => {
                let target = usize::from(be16(message, from)? & 0x3fff);
                end.get_or_insert(from + 2);
                if target >= barrier {
                    return None;
                }
                (barrier, from) = (target, target);
            }
            _ => return None,
        }
    }
}

/// What the header of a message says of its end: the response code without the OPT record's bits, and whether
/// it is truncated. Says nothing of the rest.
#[must_use]
pub fn glance(message: &[u8]) -> Option<(Rcode, bool)> {
    let flags = be16(message, 2)?;
    Some((Rcode(flags & 0x0f), flags & flag::TC != 0))
}

/// A reply that was walked over from end to end.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    bytes: &'a [u8],
    question: NameRef<'a>,
    body: usize,
    counts: [u16; 3],
    /// Message id.
    pub id: u16,
    /// Header flags, see [`flag`].
    pub flags: u16,
    /// Response code, the OPT record's bits included.
    pub rcode: Rcode,
    /// Type asked for.
    pub qtype: Rtype,
    /// Class asked for.
    pub qclass: u16,
    /// Whether an OPT record came.
    pub has_opt: bool,
    /// What it holds.
    options: &'a [u8],
}

/// One record of an [`Incoming`].
#[derive(Clone, Copy)]
pub struct Item<'a> {
    message: &'a [u8],
    /// The section it stands in.
    pub section: Section,
    /// Type.
    pub rtype: Rtype,
    /// Class, or what OPT makes of it.
    pub class: u16,
    /// TTL in seconds; one with the highest bit set counts as 0 (RFC 2181, 8).
    pub ttl: u32,
    raw_ttl: u32,
    at: usize,
    rdata_at: usize,
    rdata_len: usize,
}

impl<'a> Incoming<'a> {
    /// Reads a reply and checks all of it.
    ///
    /// # Errors
    /// What makes the message unusable.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let header = |at| be16(bytes, at).ok_or(ReadError::Short);
        let flags = header(2)?;
        let (questions, counts) = (header(4)?, [header(6)?, header(8)?, header(10)?]);
        if flags & flag::QR == 0 || flags & flag::OPCODE != 0 {
            return Err(ReadError::NotAReply);
        }
        if questions != 1 {
            return Err(ReadError::Question);
        }
        // Nothing stands in front of it that a pointer could lead to.
        let behind = bytes.get(HEADER..).unwrap_or_default();
        let (question, _) = NameRef::prefix_of(behind).ok_or(ReadError::Name)?;
        let at = HEADER + question.as_wire().len();
        let qtype = Rtype(be16(bytes, at).ok_or(ReadError::Question)?);
        let qclass = be16(bytes, at + 2).ok_or(ReadError::Question)?;
        let mut incoming = Incoming {
            bytes,
            question,
            body: at + 4,
            counts,
            id: header(0)?,
            flags,
            rcode: Rcode(flags & 0x0f),
            qtype,
            qclass,
            has_opt: false,
            options: &[],
        };
        for item in incoming.items() {
            let item = item?;
            item.check_rdata()?;
            if item.rtype == Rtype::OPT && !incoming.has_opt {
                incoming.has_opt = true;
                incoming.options = item.raw_rdata();
                incoming.rcode.0 |= ((item.raw_ttl >> 24) as u16) << 4;
            }
        }
        Ok(incoming)
    }

    /// The name that was asked.
    #[must_use]
    pub fn question(&self) -> NameRef<'a> {
        self.question
    }

    /// The question section in wire form.
    #[must_use]
    pub(super) fn question_section(&self) -> &'a [u8] {
        &self.bytes[HEADER..self.body]
    }

    /// Whether a header flag is set.
    #[must_use]
    pub fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// How many records the header announces, and the message holds.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.counts.into_iter().map(usize::from).sum()
    }

    /// The records of class IN that are data, in their order: no OPT, no signatures of the transaction.
    pub fn records(&self) -> impl Iterator<Item = Item<'a>> {
        // All were read before.
        self.items()
            .map_while(Result::ok)
            .filter(|item| item.class == CLASS_IN && !item.rtype.is_meta())
    }

    /// The extended errors as EDNS options in wire form (RFC 8914, 2), one behind the other.
    #[must_use]
    pub fn extended_errors(&self) -> Vec<u8> {
        let mut found = Vec::new();
        let mut at = 0;
        while let (Some(code), Some(len)) = (be16(self.options, at), be16(self.options, at + 2)) {
            let Some(option) = self.options.get(at..at + 4 + usize::from(len)) else {
                break;
            };
            if code == EDE_OPTION && len >= 2 {
                found.extend_from_slice(option);
            }
            at += option.len();
        }
        found
    }

    fn items(&self) -> Items<'a> {
        Items {
            message: self.bytes,
            at: self.body,
            section: Section::Answer,
            left: self.counts,
        }
    }
}

/// Reads records one after the other.
struct Items<'a> {
    message: &'a [u8],
    at: usize,
    section: Section,
    /// Records still to come in each section.
    left: [u16; 3],
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.left[self.section as usize] == 0 {
            self.section = match self.section {
                Section::Answer => Section::Authority,
                Section::Authority => Section::Additional,
                Section::Additional => return None,
            };
        }
        self.left[self.section as usize] -= 1;
        let read = read_item(self.message, self.at, self.section);
        Some(read.map(|(item, next)| {
            self.at = next;
            item
        }))
    }
}

/// For how many seconds a reply of ours may be kept by whoever passes it on (RFC 8484, 5.1): the smallest TTL of its
/// answer section, and where a SOA tells what does not exist, the smaller of its TTL and its MINIMUM (RFC 2308, 5).
/// 0 for errors, referrals and what cannot be read.
#[must_use]
pub fn freshness(reply: &[u8]) -> u32 {
    let Ok(incoming) = Incoming::parse(reply) else {
        return 0;
    };
    let of = |item: Item<'_>| match item.section {
        Section::Answer => Some(item.ttl),
        Section::Authority => item.soa_minimum().map(|minimum| minimum.min(item.ttl)),
        Section::Additional => None,
    };
    incoming.records().filter_map(of).min().unwrap_or(0)
}

impl<'a> Item<'a> {
    /// The owner, taken out of the message anew with each call.
    #[must_use]
    pub fn owner(&self) -> NameBuf {
        // It was walked over when the message was parsed.
        let root = NameBuf {
            bytes: [0; MAX_NAME],
            len: 1,
        };
        expand(self.message, self.at).map_or(root, |(owner, _)| owner)
    }

    /// RDATA with its names uncompressed; replaces what `out` holds.
    ///
    /// # Errors
    /// [`ReadError::Rdata`] if it does not have the shape of its type.
    pub fn rdata(&self, out: &mut Vec<u8>) -> Result<(), ReadError> {
        out.clear();
        self.walk(|bytes| out.extend_from_slice(bytes))
    }

    /// The same, borrowed where it holds no names; else written to `room`, which is replaced.
    ///
    /// # Errors
    /// [`ReadError::Rdata`] if it does not have the shape of its type.
    pub fn rdata_in<'r>(&'r self, room: &'r mut Vec<u8>) -> Result<&'r [u8], ReadError> {
        if let [Part::Rest] = layout(self.rtype) {
            return Ok(self.raw_rdata());
        }
        self.rdata(room)?;
        Ok(room)
    }

    /// RDATA as it stands in the message. Its end was checked when the record was read.
    fn raw_rdata(&self) -> &'a [u8] {
        &self.message[self.rdata_at..self.rdata_at + self.rdata_len]
    }

    /// The first name in the RDATA: the target of a CNAME, DNAME, NS.
    #[must_use]
    pub fn target(&self) -> Option<Name> {
        let at = match layout(self.rtype) {
            [Part::Name, ..] => self.rdata_at,
            [Part::Fixed(skip), Part::Name, ..] => self.rdata_at + skip,
            _ => return None,
        };
        expand(self.message, at).map(|(name, _)| name.as_ref().to_name())
    }

    /// MINIMUM, the last field of a SOA (RFC 1035, 3.3.13).
    #[must_use]
    pub fn soa_minimum(&self) -> Option<u32> {
        if self.rtype != Rtype::SOA || self.rdata_len < 22 {
            return None;
        }
        be32(self.message, self.rdata_at + self.rdata_len - 4)
    }

    fn check_rdata(&self) -> Result<(), ReadError> {
        self.walk(|_| {})
    }

    fn walk(&self, mut emit: impl FnMut(&[u8])) -> Result<(), ReadError> {
        let end = self.rdata_at + self.rdata_len;
        let mut at = self.rdata_at;
        for part in layout(self.rtype) {
            let next = match part {
                Part::Name => {
                    let next = walk_name(self.message, at, &mut emit).ok_or(ReadError::Rdata)?;
                    if next > end {
                        return Err(ReadError::Rdata);
                    }
                    emit(&[0]);
                    at = next;
                    continue;
                }
                Part::Fixed(len) => at + len,
                Part::Text => at + 1 + usize::from(*self.message.get(at).ok_or(ReadError::Rdata)?),
                Part::Rest => end,
            };
            if next > end {
                return Err(ReadError::Rdata);
            }
            emit(&self.message[at..next]);
            at = next;
        }
        if at == end { Ok(()) } else { Err(ReadError::Rdata) }
    }
}

fn read_item(message: &[u8], at: usize, section: Section) -> Result<(Item<'_>, usize), ReadError> {
    let owner_at = at;
    let at = walk_name(message, at, |_| {}).ok_or(ReadError::Name)?;
    let field = |offset| be16(message, at + offset).ok_or(ReadError::Record);
    let raw_ttl = be32(message, at + 4).ok_or(ReadError::Record)?;
    let (rdata_at, rdata_len) = (at + 10, usize::from(field(8)?));
    if rdata_at + rdata_len > message.len() {
        return Err(ReadError::Record);
    }
    let item = Item {
        message,
        section,
        at: owner_at,
        rtype: Rtype(field(0)?),
        class: field(2)?,
        ttl: if raw_ttl > 0x7fff_ffff { 0 } else { raw_ttl },
        raw_ttl,
        rdata_at,
        rdata_len,
    };
    Ok((item, rdata_at + rdata_len))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply to `a.example MX` with one compressed MX record and an OPT record with an extended error.
    fn reply() -> Vec<u8> {
        let mut bytes = vec![0, 7, 0x81, 0xa0, 0, 1, 0, 1, 0, 0, 0, 1];
        bytes.extend_from_slice(b"\x01a\x07example\x00\x00\x0f\x00\x01");
        bytes.extend_from_slice(b"\xc0\x0c\x00\x0f\x00\x01\x00\x00\x0e\x10\x00\x07\x00\x0a\x02mx\xc0\x0e");
        bytes.extend_from_slice(b"\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x08\x00\x0f\x00\x04\x00\x16up");
        bytes
    }

    #[test]
    fn records_come_out_whole() {
        let bytes = reply();
        let incoming = Incoming::parse(&bytes).unwrap();
        assert!(incoming.has(flag::AD) && !incoming.has(flag::AA));
        assert_eq!(
            (incoming.id, incoming.qtype, incoming.rcode),
            (7, Rtype::MX, Rcode(16))
        );
        let records: Vec<Item<'_>> = incoming.records().collect();
        assert_eq!(records.len(), 1);
        let mut rdata = Vec::new();
        records[0].rdata(&mut rdata).unwrap();
        assert_eq!(rdata, b"\x00\x0a\x02mx\x07example\x00");
        assert_eq!(records[0].target().unwrap().to_string(), "mx.example.");
        assert_eq!(incoming.extended_errors(), b"\x00\x0f\x00\x04\x00\x16up");
    }

    #[test]
    fn every_cut_message_is_refused() {
        let bytes = reply();
        for len in 0..bytes.len() {
            assert!(Incoming::parse(&bytes[..len]).is_err(), "cut to {len} bytes");
        }
    }

    #[test]
    fn pointers_that_lead_forward_or_in_circles_are_refused() {
        for target in [0x1bu8, 0x23, 0xff] {
            let mut bytes = reply();
            let at = bytes.iter().position(|&b| b == 0xc0).unwrap();
            bytes[at + 1] = target;
            assert!(
                matches!(Incoming::parse(&bytes), Err(ReadError::Name)),
                "{target:#x}"
            );
        }
    }

    #[test]
    fn changed_bytes_never_panic() {
        let bytes = reply();
        let mut rdata = Vec::new();
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Ok(incoming) = Incoming::parse(&changed) {
                    for item in incoming.records() {
                        item.rdata(&mut rdata).unwrap();
                        let _ = (item.target(), item.soa_minimum());
                    }
                    let _ = incoming.extended_errors();
                }
            }
        }
    }
}
