//! Writing a reply: question echoed, names compressed, records until the limit, OPT always kept.
//!
//! A [`Writer`] appends one message to a buffer that its caller reuses, so a reply costs no allocation.
//! When a record of the answer or authority section does not fit, everything behind the question goes and
//! TC is set (RFC 2181, 9): a part of a set is of no use to anybody. Additional records are left out
//! without a word, but for the glue that a referral needs (RFC 9471).

use super::name::{MAX_NAME, NameRef};
use super::query::Malformed;
use super::read::{Part, layout};
use super::{CLASS_IN, Ede, HEADER, Query, Rcode, Rtype, flag};

/// Earlier names that later ones may point to. More would find little and cost every name a comparison.
const TARGETS: usize = 24;
/// Largest offset that a compression pointer can name (RFC 1035, 4.1.4).
const MAX_POINTER: usize = 0x3fff;
/// Code of the padding option (RFC 7830, 3).
const PADDING_OPTION: u16 = 12;
/// Length of an option without data.
const OPTION_HEAD: usize = 4;
/// An OPT record without options.
const OPT_LEN: usize = 11;
/// The text of an extended error is cut to this, so that it never costs an answer its place.
pub(super) const MAX_EDE_TEXT: usize = 120;

/// The sections behind the question.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Section {
    /// Answer.
    Answer = 0,
    /// Authority.
    Authority = 1,
    /// Additional.
    Additional = 2,
}

/// A record did not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// What the OPT record of a reply says.
#[derive(Clone, Copy, Debug)]
struct OptOut {
    payload: u16,
    dnssec_ok: bool,
}

/// One message being written.
pub struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// Where the message starts in `out`: what stands before it belongs to the caller.
    base: usize,
    /// Most bytes the records may reach to; room for the OPT record is already taken off.
    limit: usize,
    body: usize,
    flags: u16,
    counts: [u16; 3],
    truncated: bool,
    opt: Option<OptOut>,
    options: Options,
    /// The message's length is to be a multiple of this; 0: of nothing.
    block: usize,
    targets: [u16; TARGETS],
    target_count: usize,
    /// Names other than the question's are pointed to only where they have the same case.
    keeps_case: bool,
}

/// EDNS options to send, as one extended error or as bytes ready to copy.
enum Options {
    None,
    Ede(Ede, &'static str),
    Raw(Box<[u8]>),
}

impl Options {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Ede(_, text) => 6 + text.len().min(MAX_EDE_TEXT),
            Self::Raw(bytes) => bytes.len(),
        }
    }
}

impl<'o> Writer<'o> {
    /// Starts the reply to `query` behind what `out` holds. The message may take `limit` bytes; `payload`
    /// is what we announce in EDNS.
    #[must_use]
    pub fn reply(out: &'o mut Vec<u8>, query: &Query<'_>, limit: usize, payload: u16) -> Self {
        let opt = query.edns.map(|_| OptOut {
            payload,
            dnssec_ok: query.dnssec_ok(),
        });
        let flags = flag::QR | flag::RA | query.echoed_flags();
        Self::start(out, query.id, flags, Some(query.question()), limit, opt)
    }

    /// Starts a message whose records have room up to the largest message there is, without header data
    /// or OPT: what [`super::Packed`] keeps.
    pub(super) fn body(out: &'o mut Vec<u8>, question: &[u8]) -> Self {
        let mut writer = Self::start(out, 0, 0, Some(question), super::MAX_MESSAGE - OPT_LEN, None);
        writer.keep_case();
        writer
    }

    /// From here on names keep their case, as upstream wrote them; only the question's own name is the
    /// client's to spell.
    pub(super) fn keep_case(&mut self) {
        self.keeps_case = true;
    }

    fn start(
        out: &'o mut Vec<u8>,
        id: u16,
        flags: u16,
        question: Option<&[u8]>,
        limit: usize,
        opt: Option<OptOut>,
    ) -> Self {
        let base = out.len();
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&[0; HEADER - 2]);
        let mut writer = Writer {
            out,
            base,
            limit,
            body: 0,
            flags,
            counts: [0; 3],
            truncated: false,
            opt,
            options: Options::None,
            block: 0,
            targets: [0; TARGETS],
            target_count: 0,
            keeps_case: false,
        };
        if opt.is_some() {
            writer.limit = limit.saturating_sub(OPT_LEN);
        }
        if let Some(question) = question {
            writer.out.extend_from_slice(question);
            writer.out[base + 5] = 1;
            writer.note_question();
        }
        writer.body = writer.out.len();
        writer
    }

    /// Makes the question's suffixes targets of compression.
    fn note_question(&mut self) {
        let mut at = self.base + HEADER;
        while let Some(&len @ 1..) = self.out.get(at) {
            self.note_target(at - self.base);
            at += 1 + usize::from(len);
        }
    }

    fn note_target(&mut self, offset: usize) {
        if self.target_count < TARGETS && offset <= MAX_POINTER {
            self.targets[self.target_count] = offset as u16;
            self.target_count += 1;
        }
    }

    /// Sets header flags of [`flag`] beside those that every reply has.
    pub fn set_flags(&mut self, flags: u16) {
        self.flags |= flags;
    }

    /// Attaches an extended error (RFC 8914), if the client speaks EDNS. The text is ours and short.
    pub fn set_ede(&mut self, ede: Ede, text: &'static str) {
        self.set_options(Options::Ede(ede, text));
    }

    /// Attaches EDNS options in wire form, if the client speaks EDNS and they fit.
    pub(super) fn set_raw_options(&mut self, options: &[u8]) {
        if !options.is_empty() && self.opt.is_some() {
            self.set_options(Options::Raw(options.into()));
        }
    }

    /// Fills the message up with an option until its length is a multiple of `block`, if the client speaks EDNS and
    /// there is room (RFC 8467, 4.1).
    pub fn pad_to(&mut self, block: usize) {
        self.block = block;
    }

    fn set_options(&mut self, options: Options) {
        if self.opt.is_none() {
            return;
        }
        let free = self.limit + self.options.len();
        if self.out.len() - self.base + options.len() <= free {
            self.limit = free - options.len();
            self.options = options;
        }
    }

    /// How long the message is so far.
    #[must_use]
    pub fn message_len(&self) -> usize {
        self.out.len() - self.base
    }

    /// Whether a record did not fit, so that the reply will be empty with TC set.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Appends a record of class IN. Sections must be written in their order. RDATA is uncompressed.
    pub fn push(&mut self, section: Section, owner: NameRef<'_>, rtype: Rtype, ttl: u32, rdata: &[u8]) {
        if !self.truncated && self.try_push(section, owner, rtype, ttl, rdata).is_err() {
            self.overflow(section);
        }
    }

    /// Appends an additional record that must not be missing: glue of a referral (RFC 9471, 3.1).
    pub fn push_glue(&mut self, owner: NameRef<'_>, rtype: Rtype, ttl: u32, rdata: &[u8]) {
        if !self.truncated
            && self
                .try_push(Section::Additional, owner, rtype, ttl, rdata)
                .is_err()
        {
            self.overflow(Section::Authority);
        }
    }

    fn overflow(&mut self, section: Section) {
        if section < Section::Additional {
            self.truncated = true;
            self.out.truncate(self.body);
            self.counts = [0; 3];
        }
    }

    fn try_push(
        &mut self,
        section: Section,
        owner: NameRef<'_>,
        rtype: Rtype,
        ttl: u32,
        rdata: &[u8],
    ) -> Result<(), Full> {
        let (start, targets) = (self.out.len(), self.target_count);
        let at = section as usize;
        let count = self.counts[at].checked_add(1).ok_or(Full)?;
        self.write_name(owner, true);
        self.out.extend_from_slice(&rtype.0.to_be_bytes());
        self.out.extend_from_slice(&CLASS_IN.to_be_bytes());
        self.out.extend_from_slice(&ttl.to_be_bytes());
        let len_at = self.out.len();
        self.out.extend_from_slice(&[0, 0]);
        self.write_rdata(rtype, rdata);
        let len = self.out.len() - len_at - 2;
        if self.message_len() > self.limit {
            self.out.truncate(start);
            self.target_count = targets;
            return Err(Full);
        }
        // The message's limit is below 64 KiB, so the length fits.
        self.out[len_at..len_at + 2].copy_from_slice(&(len as u16).to_be_bytes());
        self.counts[at] = count;
        Ok(())
    }

    /// Only the types of RFC 1035 may have their names compressed (RFC 3597, 4).
    fn write_rdata(&mut self, rtype: Rtype, rdata: &[u8]) {
        if !may_compress(rtype) {
            self.out.extend_from_slice(rdata);
            return;
        }
        let mut rest = rdata;
        for part in layout(rtype) {
            match part {
                Part::Name => match NameRef::prefix_of(rest) {
                    Some((name, tail)) => {
                        self.write_name(name, true);
                        rest = tail;
                    }
                    None => break,
                },
                Part::Fixed(len) => {
                    let (head, tail) = rest.split_at_checked(*len).unwrap_or((rest, &[]));
                    self.out.extend_from_slice(head);
                    rest = tail;
                }
                Part::Text | Part::Rest => break,
            }
        }
        self.out.extend_from_slice(rest);
    }

    /// Writes a name, its longest known suffix as a pointer (RFC 1035, 4.1.4).
    fn write_name(&mut self, name: NameRef<'_>, compress: bool) {
        let known = self.target_count;
        for suffix in name.ancestors() {
            if suffix.is_root() {
                self.out.push(0);
                return;
            }
            let target = self.targets[..known]
                .iter()
                .copied()
                .find(|&to| self.stands_at(usize::from(to), suffix));
            if let (true, Some(to)) = (compress, target) {
                self.out.extend_from_slice(&(0xc000 | to).to_be_bytes());
                return;
            }
            self.note_target(self.out.len() - self.base);
            let wire = suffix.as_wire();
            self.out.extend_from_slice(&wire[..=usize::from(wire[0])]);
        }
    }

    /// Whether `name` stands at this offset of the message. Pointers that we wrote lead backwards only.
    fn stands_at(&self, mut at: usize, name: NameRef<'_>) -> bool {
        let message = &self.out[self.base..];
        let any_case = !self.keeps_case || at == HEADER;
        let mut rest = name.as_wire();
        loop {
            let Some(&len) = message.get(at) else { return false };
            if len >= 0xc0 {
                let low = message.get(at + 1).copied().unwrap_or(0);
                at = usize::from(len & 0x3f) << 8 | usize::from(low);
                continue;
            }
            if len != rest[0] {
                return false;
            }
            if len == 0 {
                return true;
            }
            let size = 1 + usize::from(len);
            match message.get(at..at + size) {
                Some(label) if label == &rest[..size] => {}
                Some(label) if any_case && label.eq_ignore_ascii_case(&rest[..size]) => {}
                _ => return false,
            }
            at += size;
            rest = &rest[size..];
        }
    }

    /// Appends records that stand ready in wire form, written for the same question, and says whether
    /// they fit. If not, the message is as before.
    pub(super) fn push_ready(&mut self, records: &[u8], counts: [u16; 3]) -> Result<usize, Full> {
        if self.message_len() + records.len() > self.limit {
            return Err(Full);
        }
        let at = self.out.len();
        self.out.extend_from_slice(records);
        self.counts = counts;
        Ok(at)
    }

    /// The bytes written so far, for ageing records in place.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        self.out
    }

    /// Marks the reply as truncated: nothing behind the question, TC set.
    pub(super) fn truncate(&mut self) {
        self.overflow(Section::Answer);
    }

    /// Drops all records: the reply starts anew behind the question.
    pub fn clear(&mut self) {
        self.out.truncate(self.body);
        self.counts = [0; 3];
        self.truncated = false;
        // Names of the dropped records are no targets any more.
        let body = self.body - self.base;
        while self.target_count > 0 && usize::from(self.targets[self.target_count - 1]) >= body {
            self.target_count -= 1;
        }
        self.flags &= !(flag::AA | flag::AD);
    }

    /// Takes the message back: the buffer is as before.
    pub fn abandon(self) {
        self.out.truncate(self.base);
    }

    /// Writes the header and the OPT record and ends the message.
    pub fn finish(mut self, rcode: Rcode) {
        let mut additionals = self.counts[2];
        if let Some(opt) = self.opt {
            self.write_opt(opt, rcode);
            additionals += 1;
        }
        let mut flags = self.flags | (rcode.0 & 0x0f);
        if self.truncated {
            flags |= flag::TC;
        }
        let header = &mut self.out[self.base..self.base + HEADER];
        header[2..4].copy_from_slice(&flags.to_be_bytes());
        header[6..8].copy_from_slice(&self.counts[0].to_be_bytes());
        header[8..10].copy_from_slice(&self.counts[1].to_be_bytes());
        header[10..12].copy_from_slice(&additionals.to_be_bytes());
    }

    /// RFC 6891, 6.1.2; the upper bits of the code go into the record (6.1.3).
    fn write_opt(&mut self, opt: OptOut, rcode: Rcode) {
        self.out.extend_from_slice(&[0, 0, 41]);
        self.out.extend_from_slice(&opt.payload.to_be_bytes());
        let high = ((rcode.0 >> 4) & 0xff) as u8;
        self.out
            .extend_from_slice(&[high, 0, if opt.dnssec_ok { 0x80 } else { 0 }, 0]);
        // Two bytes of length, then the options, then perhaps those of the padding option's own head.
        let bare = self.message_len() + 2 + self.options.len() + OPTION_HEAD;
        let fill = bare.next_multiple_of(self.block.max(1)) - bare;
        let padding = (self.block > 0 && bare + fill <= super::MAX_MESSAGE).then_some(fill);
        let len = self.options.len() + padding.map_or(0, |fill| OPTION_HEAD + fill);
        self.out.extend_from_slice(&(len as u16).to_be_bytes());
        match &self.options {
            Options::None => {}
            Options::Ede(ede, text) => {
                let text = &text.as_bytes()[..text.len().min(MAX_EDE_TEXT)];
                self.out.extend_from_slice(&[0, 15]);
                self.out.extend_from_slice(&(2 + text.len() as u16).to_be_bytes());
                self.out.extend_from_slice(&ede.0.to_be_bytes());
                self.out.extend_from_slice(text);
            }
            Options::Raw(bytes) => self.out.extend_from_slice(bytes),
        }
        if let Some(fill) = padding {
            self.out.extend_from_slice(&PADDING_OPTION.to_be_bytes());
            // Less than a block, and blocks are small.
            self.out.extend_from_slice(&(fill as u16).to_be_bytes());
            self.out.resize(self.out.len() + fill, 0);
        }
    }
}

/// Writes a query for an upstream: recursion wanted, AD wanted (RFC 6840, 5.7), CD and DO as told. With
/// `payload` 0 it has no OPT record.
pub fn write_query(
    out: &mut Vec<u8>,
    id: u16,
    name: NameRef<'_>,
    rtype: Rtype,
    dnssec: (bool, bool),
    payload: u16,
) {
    let (dnssec_ok, checking_disabled) = dnssec;
    let name = name.as_wire();
    let mut question = [0; MAX_NAME + 4];
    question[..name.len()].copy_from_slice(name);
    question[name.len()..][..2].copy_from_slice(&rtype.0.to_be_bytes());
    question[name.len() + 2..][..2].copy_from_slice(&CLASS_IN.to_be_bytes());
    let question = &question[..name.len() + 4];
    let flags = flag::RD | flag::AD | if checking_disabled { flag::CD } else { 0 };
    let opt = (payload > 0).then_some(OptOut { payload, dnssec_ok });
    Writer::start(out, id, flags, Some(question), super::MAX_MESSAGE, opt).finish(Rcode::NOERROR);
}

/// Answers a message that could not be read with its error code (RFC 1035, 4.1.1).
pub fn write_malformed(out: &mut Vec<u8>, bad: &Malformed<'_>, payload: u16) {
    let flags = flag::QR | (bad.flags & (flag::OPCODE | flag::RD));
    let limit = usize::from(super::PLAIN_UDP);
    let opt = bad.edns.map(|edns| OptOut {
        payload,
        dnssec_ok: edns.dnssec_ok,
    });
    Writer::start(out, bad.id, flags, bad.question, limit, opt).finish(bad.rcode);
}

/// The types of RFC 1035 whose RDATA holds names (RFC 3597, 4).
fn may_compress(rtype: Rtype) -> bool {
    matches!(
        rtype,
        Rtype::NS
            | Rtype::MD
            | Rtype::MF
            | Rtype::CNAME
            | Rtype::SOA
            | Rtype::MB
            | Rtype::MG
            | Rtype::MR
            | Rtype::PTR
            | Rtype::MINFO
            | Rtype::MX
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Name, Parsed};

    fn query_bytes(name: &str, opt: bool) -> Vec<u8> {
        let name: Name = name.parse().unwrap();
        let mut bytes = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(opt)];
        bytes.extend_from_slice(name.as_wire());
        bytes.extend_from_slice(&[0, 1, 0, 1]);
        if opt {
            bytes.extend_from_slice(&[0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0]);
        }
        bytes
    }

    fn write(bytes: &[u8], limit: usize, fill: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let Parsed::Query(query) = Query::parse(bytes) else {
            panic!()
        };
        let mut out = b"kept".to_vec();
        let mut writer = Writer::reply(&mut out, &query, limit, 1232);
        fill(&mut writer);
        writer.finish(Rcode::NOERROR);
        assert_eq!(&out[..4], b"kept");
        out.split_off(4)
    }

    #[test]
    fn rfc8467_s4_1_a_padded_reply_is_a_multiple_of_the_block() {
        let query = query_bytes("a.example", true);
        for text in ["", "because"] {
            let reply = write(&query, 65_535, |writer| {
                writer.pad_to(468);
                if !text.is_empty() {
                    writer.set_ede(Ede::OTHER, "because");
                }
            });
            assert_eq!(reply.len(), 468, "{text:?}");
            assert_eq!(reply[11], 1, "one additional record");
            assert!(crate::message::Incoming::parse(&reply).is_ok());
        }
        let bare = write(&query_bytes("a.example", false), 65_535, |writer| {
            writer.pad_to(468);
        });
        assert_eq!(bare.len(), 27, "no EDNS, no padding");
    }

    #[test]
    fn names_are_compressed_against_the_question_whose_case_is_kept() {
        let bytes = query_bytes("WWW.Hearth.Example", false);
        let owner: Name = "www.hearth.example".parse().unwrap();
        let reply = write(&bytes, 512, |w| {
            w.push(Section::Answer, owner.as_ref(), Rtype::A, 300, &[203, 0, 113, 10]);
        });
        let mut expected = bytes.clone();
        expected[2..4].copy_from_slice(&[0x81, 0x80]);
        expected[7] = 1;
        expected.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 203, 0, 113, 10]);
        assert_eq!(reply, expected);
    }

    #[test]
    fn rfc3597_s4_names_of_newer_types_stay_whole() {
        let bytes = query_bytes("a.example", false);
        let owner: Name = "a.example".parse().unwrap();
        let mut srv = vec![0, 10, 0, 5, 0x20, 0xfb];
        srv.extend_from_slice(owner.as_wire());
        let reply = write(&bytes, 512, |w| {
            w.push(Section::Answer, owner.as_ref(), Rtype::SRV, 1, &srv);
        });
        assert!(reply.ends_with(&srv));
        let reply = write(&bytes, 512, |w| {
            w.push(
                Section::Answer,
                owner.as_ref(),
                Rtype::CNAME,
                1,
                b"\x01b\x07example\x00",
            );
            w.push(
                Section::Answer,
                owner.as_ref(),
                Rtype::MX,
                1,
                b"\x00\x05\x01b\x07EXAMPLE\x00",
            );
        });
        assert!(reply.ends_with(b"\x00\x04\x00\x05\xc0\x27"), "{reply:02x?}");
    }

    #[test]
    fn rfc2181_s9_what_does_not_fit_leaves_nothing_but_the_opt_record() {
        let bytes = query_bytes("a.example", true);
        let owner: Name = "a.example".parse().unwrap();
        let reply = write(&bytes, 512, |w| {
            w.push(Section::Answer, owner.as_ref(), Rtype::TXT, 1, &[0; 300]);
            w.push(Section::Answer, owner.as_ref(), Rtype::TXT, 1, &[0; 300]);
            w.push(Section::Additional, owner.as_ref(), Rtype::A, 1, &[0; 4]);
        });
        assert_eq!(reply[2] & 2, 2);
        assert_eq!(reply[4..12], [0, 1, 0, 0, 0, 0, 0, 1]);
        assert!(reply.ends_with(&[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]));
    }

    #[test]
    fn additional_records_that_do_not_fit_are_left_out_but_glue_is_not() {
        let bytes = query_bytes("a.example", true);
        let owner: Name = "a.example".parse().unwrap();
        let fill = |w: &mut Writer<'_>| {
            w.push(Section::Answer, owner.as_ref(), Rtype::TXT, 1, &[0; 300]);
        };
        let reply = write(&bytes, 512, |w| {
            fill(w);
            w.push(Section::Additional, owner.as_ref(), Rtype::TXT, 1, &[0; 300]);
        });
        assert_eq!((reply[2] & 2, &reply[6..12]), (0, &[0, 1, 0, 0, 0, 1][..]));
        let reply = write(&bytes, 512, |w| {
            fill(w);
            w.push_glue(owner.as_ref(), Rtype::TXT, 1, &[0; 300]);
        });
        assert_eq!((reply[2] & 2, &reply[6..12]), (2, &[0, 0, 0, 0, 0, 1][..]));
    }

    #[test]
    fn rfc8914_an_extended_error_goes_to_edns_clients_only() {
        let set = |w: &mut Writer<'_>| w.set_ede(Ede::PROHIBITED, "no");
        let reply = write(&query_bytes("a.example", true), 512, set);
        assert!(reply.ends_with(&[0, 8, 0, 15, 0, 4, 0, 18, b'n', b'o']));
        let plain = write(&query_bytes("a.example", false), 512, set);
        assert_eq!(plain.len(), query_bytes("a.example", false).len());
    }

    #[test]
    fn a_malformed_query_gets_its_code_and_question() {
        let mut bytes = query_bytes("a.example", false);
        bytes[7] = 1;
        let Parsed::Malformed(bad) = Query::parse(&bytes) else {
            panic!()
        };
        let mut out = Vec::new();
        write_malformed(&mut out, &bad, 1232);
        let mut expected = query_bytes("a.example", false);
        expected[2..4].copy_from_slice(&[0x81, 0x01]);
        assert_eq!(out, expected);
    }
}
