//! A message kept for later: what an upstream said, ready to be copied into a reply.
//!
//! The records are written once against the question, as they will stand in the reply, so answering is a
//! copy, the client's question in front and the TTLs aged. Response code, flags and extended errors are
//! kept as upstream sent them.

use super::name::{MAX_NAME, NameRef};
use super::read::{Incoming, Item, ReadError};
use super::write::{Section, Writer};
use super::{CLASS_IN, HEADER, Query, Rcode, Rtype, be16, be32, flag};

/// How the TTLs of a kept message appear in a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aging {
    /// Each less by so many seconds, none below 0.
    By(u32),
    /// Each so many seconds: a stale answer (RFC 8767, 4).
    At(u32),
}

impl Aging {
    fn apply(self, ttl: u32) -> u32 {
        match self {
            Self::By(age) => ttl.saturating_sub(age),
            Self::At(ttl) => ttl,
        }
    }
}

/// flags, rcode, three counts, length of the options.
const HEAD: usize = 12;

/// A message from upstream in the form that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed(Box<[u8]>);

impl Packed {
    /// Packs the records that `keep` wants; `errors` are extended errors of ours in wire form, beside those of
    /// upstream.
    ///
    /// # Errors
    /// If the records, written anew, take more than a message can hold.
    pub fn new(
        incoming: &Incoming<'_>,
        mut keep: impl FnMut(&Item<'_>) -> bool,
        errors: &[u8],
    ) -> Result<Self, ReadError> {
        let question = incoming.question_section();
        let mut out = Vec::with_capacity(512);
        let mut counts = [0u16; 3];
        let mut writer = Writer::body(&mut out, question);
        let mut room = Vec::with_capacity(MAX_NAME);
        for item in incoming.records().filter(|item| keep(item)) {
            let rdata = item.rdata_in(&mut room)?;
            let before = writer.message_len();
            writer.push(item.section, item.owner().as_ref(), item.rtype, item.ttl, rdata);
            if writer.is_truncated() {
                return Err(ReadError::Record);
            }
            if writer.message_len() > before {
                counts[item.section as usize] += 1;
            }
        }
        let options = [errors, &incoming.extended_errors()].concat();
        let options = if options.len() <= 512 { options } else { Vec::new() };
        let records = &out[HEADER + question.len()..];
        let mut bytes = Vec::with_capacity(HEAD + options.len() + records.len());
        // AA is upstream's word on its own zones, not ours to repeat from a cache (RFC 1035, 4.1.1).
        bytes.extend_from_slice(&(incoming.flags & flag::AD).to_be_bytes());
        bytes.extend_from_slice(&incoming.rcode.0.to_be_bytes());
        for count in counts {
            bytes.extend_from_slice(&count.to_be_bytes());
        }
        bytes.extend_from_slice(&(options.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&options);
        bytes.extend_from_slice(records);
        Ok(Packed(bytes.into()))
    }

    /// Makes no TTL longer than this: what was proven holds no longer than its proof (RFC 4035, 5.3.3).
    pub fn cap_ttls(&mut self, most: u32) {
        let start = HEAD + self.as_ref().options_len();
        let Some(records) = self.0.get_mut(start..) else {
            return;
        };
        let places: Vec<usize> = ttl_places(records).collect();
        for at in places {
            let ttl = be32(records, at).unwrap_or(0).min(most);
            records[at..at + 4].copy_from_slice(&ttl.to_be_bytes());
        }
    }

    /// A failure without records: the code, and EDNS options in wire form that say why.
    #[must_use]
    pub fn failure(rcode: Rcode, options: &[u8]) -> Self {
        let mut bytes = vec![0, 0];
        bytes.extend_from_slice(&rcode.0.to_be_bytes());
        bytes.extend_from_slice(&[0; 6]);
        bytes.extend_from_slice(&(options.len() as u16).to_be_bytes());
        bytes.extend_from_slice(options);
        Packed(bytes.into())
    }

    /// Takes bytes that [`Packed::as_bytes`] gave.
    #[must_use]
    pub fn view(bytes: &[u8]) -> Option<PackedRef<'_>> {
        let options = usize::from(be16(bytes, HEAD - 2)?);
        (bytes.len() >= HEAD + options).then_some(PackedRef(bytes))
    }

    /// Takes bytes from outside the program that [`Packed::as_bytes`] is said to have given: `None` unless they
    /// read as a whole message to this question, and would be packed to the same bytes again.
    #[must_use]
    pub fn restore(bytes: &[u8], name: NameRef<'_>, rtype: Rtype) -> Option<Self> {
        let kept = Self::view(bytes)?;
        let message = kept.unpack(name, rtype);
        let incoming = Incoming::parse(&message).ok()?;
        let options = kept.options();
        let again = Packed::new(&incoming, |_| true, options).ok()?;
        let flags = be16(bytes, 0)?;
        let is_same = flags & !flag::AD == 0 && again.0.get(2..) == bytes.get(2..) && are_errors(options);
        is_same.then(|| Packed(bytes.into()))
    }

    /// The bytes, opaque to everybody else.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Borrows.
    #[must_use]
    pub fn as_ref(&self) -> PackedRef<'_> {
        PackedRef(&self.0)
    }
}

/// A borrowed [`Packed`], as a cache holds it.
#[derive(Clone, Copy, Debug)]
pub struct PackedRef<'a>(&'a [u8]);

impl<'a> PackedRef<'a> {
    /// The response code.
    #[must_use]
    pub fn rcode(self) -> Rcode {
        Rcode(be16(self.0, 2).unwrap_or(Rcode::SERVFAIL.0))
    }

    /// Whether it answers the question, if only by saying that there is nothing; failures do not.
    #[must_use]
    pub fn is_answer(self) -> bool {
        matches!(self.rcode(), Rcode::NOERROR | Rcode::NXDOMAIN)
    }

    /// Whether upstream said that the data was validated.
    #[must_use]
    pub fn is_authentic(self) -> bool {
        be16(self.0, 0).unwrap_or(0) & flag::AD != 0
    }

    /// How many records each section holds.
    #[must_use]
    pub fn counts(self) -> [u16; 3] {
        [4, 6, 8].map(|at| be16(self.0, at).unwrap_or(0))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    fn options(self) -> &'a [u8] {
        &self.0[HEAD..HEAD + self.options_len()]
    }

    fn options_len(self) -> usize {
        usize::from(be16(self.0, HEAD - 2).unwrap_or(0))
    }

    fn records(self) -> &'a [u8] {
        &self.0[HEAD + self.options_len()..]
    }

    /// Writes the message into a reply to the question that it was packed for.
    pub fn write(self, writer: &mut Writer<'_>, query: &Query<'_>, aging: Aging) {
        // What was authentic once is not called so after its time.
        if self.is_authentic() && query.wants_ad() && matches!(aging, Aging::By(_)) {
            writer.set_flags(flag::AD);
        }
        writer.set_raw_options(self.options());
        match writer.push_ready(self.records(), self.counts()) {
            Ok(at) => age_records(&mut writer.bytes_mut()[at..], aging),
            // Additional records may be left out; the rest is all or nothing.
            Err(_) => self.append(writer, query.name(), query.qtype, aging),
        }
    }

    /// Appends the message to a reply to another question whose alias chain led to this one: `name` and
    /// the query's type are the question that this message answers. AD is not set: the chain's first
    /// links are not validated data.
    pub fn append_to_chain(
        self,
        writer: &mut Writer<'_>,
        query: &Query<'_>,
        name: NameRef<'_>,
        aging: Aging,
    ) {
        writer.set_raw_options(self.options());
        self.append(writer, name, query.qtype, aging);
    }

    /// Writes record by record.
    fn append(self, writer: &mut Writer<'_>, name: NameRef<'_>, qtype: Rtype, aging: Aging) {
        let message = self.unpack(name, qtype);
        let Ok(incoming) = Incoming::parse(&message) else {
            writer.truncate();
            return;
        };
        writer.keep_case();
        let mut rdata = Vec::new();
        for item in incoming.records() {
            if item.rdata(&mut rdata).is_ok() {
                let ttl = aging.apply(item.ttl);
                writer.push(item.section, item.owner().as_ref(), item.rtype, ttl, &rdata);
            }
        }
    }

    /// The message in full, as a reply to the question that it was packed for.
    #[must_use]
    pub fn unpack(self, name: NameRef<'_>, qtype: Rtype) -> Vec<u8> {
        let mut message = Vec::with_capacity(HEADER + name.as_wire().len() + 4 + self.records().len());
        message.extend_from_slice(&[0, 0]);
        message.extend_from_slice(&(flag::QR | self.rcode().0 & 0x0f).to_be_bytes());
        message.extend_from_slice(&[0, 1]);
        message.extend_from_slice(&self.0[4..10]);
        message.extend_from_slice(name.as_wire());
        message.extend_from_slice(&qtype.0.to_be_bytes());
        message.extend_from_slice(&CLASS_IN.to_be_bytes());
        message.extend_from_slice(self.records());
        message
    }

    /// The smallest TTL of all records; `None` if there are none.
    #[must_use]
    pub fn smallest_ttl(self) -> Option<u32> {
        let records = self.records();
        ttl_places(records).filter_map(|at| be32(records, at)).min()
    }

    /// For how many seconds a negative reply may be kept: the smaller of the SOA's TTL and its MINIMUM
    /// (RFC 2308, 5); `None` without a SOA in the authority section.
    #[must_use]
    pub fn negative_ttl(self, name: NameRef<'_>, qtype: Rtype) -> Option<u32> {
        let message = self.unpack(name, qtype);
        let incoming = Incoming::parse(&message).ok()?;
        incoming
            .records()
            .filter(|item| item.section == Section::Authority)
            .find_map(|item| item.soa_minimum().map(|minimum| minimum.min(item.ttl)))
    }
}

/// Whether these EDNS options in wire form are extended errors and nothing else (RFC 8914, 2).
fn are_errors(mut options: &[u8]) -> bool {
    while let Some((head, rest)) = options.split_first_chunk::<4>() {
        let (code, len) = (
            [head[0], head[1]],
            usize::from(u16::from_be_bytes([head[2], head[3]])),
        );
        if code != [0, 15] || len < 2 || rest.len() < len {
            return false;
        }
        options = &rest[len..];
    }
    options.is_empty()
}

/// Writes the TTLs as they appear in the reply.
fn age_records(records: &mut [u8], aging: Aging) {
    if aging == Aging::By(0) {
        return;
    }
    let mut next = 0;
    while let Some((ttl_at, end)) = next_record(records, next) {
        let ttl = aging.apply(be32(records, ttl_at).unwrap_or(0));
        records[ttl_at..ttl_at + 4].copy_from_slice(&ttl.to_be_bytes());
        next = end;
    }
}

fn ttl_places(records: &[u8]) -> impl Iterator<Item = usize> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let (ttl_at, end) = next_record(records, next)?;
        next = end;
        Some(ttl_at)
    })
}

/// Where the TTL of the record at `at` stands, and where the record ends. We wrote the records.
fn next_record(records: &[u8], mut at: usize) -> Option<(usize, usize)> {
    loop {
        match *records.get(at)? {
            0 => {
                at += 1;
                break;
            }
            0xc0.. => {
                at += 2;
                break;
            }
            len => at += 1 + usize::from(len),
        }
    }
    let end = at + 10 + usize::from(be16(records, at + 8)?);
    (end <= records.len()).then_some((at + 4, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Name, Parsed};

    fn upstream() -> Vec<u8> {
        let mut bytes = vec![0, 7, 0x85, 0xa0, 0, 1, 0, 2, 0, 0, 0, 1];
        bytes.extend_from_slice(b"\x01A\x07eXample\x00\x00\x01\x00\x01");
        bytes.extend_from_slice(b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01b\xc0\x0e");
        bytes.extend_from_slice(b"\xc0\x27\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xcb\x00\x71\x0a");
        bytes.extend_from_slice(b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x06\x00\x0f\x00\x02\x00\x03");
        bytes
    }

    fn ask(name: &str, opt: bool) -> Vec<u8> {
        let name: Name = name.parse().unwrap();
        let mut bytes = vec![9, 9, 1, 0x20, 0, 1, 0, 0, 0, 0, 0, u8::from(opt)];
        bytes.extend_from_slice(name.as_wire());
        bytes.extend_from_slice(&[0, 1, 0, 1]);
        if opt {
            bytes.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        }
        bytes
    }

    #[test]
    fn a_kept_message_answers_with_the_clients_case_and_aged_ttls() {
        let bytes = upstream();
        let packed = Packed::new(&Incoming::parse(&bytes).unwrap(), |_| true, &[]).unwrap();
        assert_eq!(packed.as_ref().smallest_ttl(), Some(60));
        let question = ask("a.EXAMPLE", true);
        let Parsed::Query(query) = Query::parse(&question) else {
            panic!()
        };
        let mut out = Vec::new();
        let mut writer = Writer::reply(&mut out, &query, 512, 1232);
        packed.as_ref().write(&mut writer, &query, Aging::By(20));
        writer.finish(packed.as_ref().rcode());
        let mut expected = vec![9, 9, 0x81, 0xa0, 0, 1, 0, 2, 0, 0, 0, 1];
        expected.extend_from_slice(b"\x01a\x07EXAMPLE\x00\x00\x01\x00\x01");
        expected.extend_from_slice(b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x28\x00\x04\x01b\xc0\x0e");
        expected.extend_from_slice(b"\xc0\x27\x00\x01\x00\x01\x00\x00\x01\x18\x00\x04\xcb\x00\x71\x0a");
        expected.extend_from_slice(b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x06\x00\x0f\x00\x02\x00\x03");
        assert_eq!(out, expected);
    }

    #[test]
    fn a_kept_message_continues_a_chain_of_another_question() {
        let bytes = upstream();
        let packed = Packed::new(&Incoming::parse(&bytes).unwrap(), |_| true, &[]).unwrap();
        let question = ask("www.hearth.example", false);
        let Parsed::Query(query) = Query::parse(&question) else {
            panic!()
        };
        let target: Name = "a.example".parse().unwrap();
        let mut out = Vec::new();
        let mut writer = Writer::reply(&mut out, &query, 512, 1232);
        writer.push(Section::Answer, query.name(), Rtype::CNAME, 300, target.as_wire());
        packed
            .as_ref()
            .append_to_chain(&mut writer, &query, target.as_ref(), Aging::By(20));
        writer.finish(packed.as_ref().rcode());
        let reply = Incoming::parse(&out).unwrap();
        let owners: Vec<(String, u32)> = reply
            .records()
            .map(|item| (item.owner().as_ref().to_string(), item.ttl))
            .collect();
        let expected = [
            ("www.hearth.example.", 300),
            ("a.example.", 40),
            ("b.example.", 280),
        ];
        assert_eq!(owners, expected.map(|(name, ttl)| (name.to_owned(), ttl)));
    }

    #[test]
    fn rfc2308_s5_a_negative_reply_lives_as_long_as_the_soa_says() {
        let mut bytes = vec![0, 7, 0x81, 0x83, 0, 1, 0, 0, 0, 1, 0, 0];
        bytes.extend_from_slice(b"\x01a\x07example\x00\x00\x01\x00\x01");
        bytes.extend_from_slice(b"\xc0\x0e\x00\x06\x00\x01\x00\x00\x0e\x10\x00\x18\xc0\x0e\xc0\x0e");
        bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 60]);
        let incoming = Incoming::parse(&bytes).unwrap();
        let packed = Packed::new(&incoming, |_| true, &[]).unwrap();
        assert_eq!(
            packed.as_ref().negative_ttl(incoming.question(), Rtype::A),
            Some(60)
        );
        assert_eq!(packed.as_ref().rcode(), Rcode::NXDOMAIN);
    }

    #[test]
    fn what_is_too_large_for_the_client_is_truncated() {
        let mut bytes = vec![0, 7, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0];
        bytes.extend_from_slice(b"\x01a\x07example\x00\x00\x10\x00\x01");
        for fill in 0..3 {
            bytes.extend_from_slice(b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x00\xc9\xc8");
            bytes.extend_from_slice(&[fill; 200]);
        }
        let packed = Packed::new(&Incoming::parse(&bytes).unwrap(), |_| true, &[]).unwrap();
        let question = ask("a.example", false);
        let Parsed::Query(query) = Query::parse(&question) else {
            panic!()
        };
        let mut out = Vec::new();
        let mut writer = Writer::reply(&mut out, &query, 512, 1232);
        packed.as_ref().write(&mut writer, &query, Aging::By(0));
        assert!(writer.is_truncated());
        writer.finish(Rcode::NOERROR);
        assert_eq!((out[2] & 2, out.len()), (2, question.len()));
    }
}
