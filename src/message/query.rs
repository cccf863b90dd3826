//! What a client sent: read once, checked whole, borrowed from the receive buffer.
//!
//! The reading is strict where leniency would be guesswork and says what to answer: nothing (a reply, or
//! too short to answer), an error code, or go on. Next: [`super::write`].

use super::name::NameRef;
use super::{CLASS_IN, HEADER, PLAIN_UDP, Rcode, Rtype, be16, flag};

/// The EDNS part of a query (RFC 6891, 6.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edns {
    /// Largest UDP payload the client takes; at least 512 (RFC 6891, 6.2.3).
    pub payload: u16,
    /// EDNS version.
    pub version: u8,
    /// DO: the client wants DNSSEC records (RFC 3225).
    pub dnssec_ok: bool,
    /// The query is padded, so the reply may be (RFC 7830, 4).
    pub padded: bool,
    /// The client speaks of how long its TCP connection may stay (RFC 7828).
    pub keepalive: bool,
}

/// Codes of options that are looked for.
const KEEPALIVE_OPTION: u16 = 11;
const PADDING_OPTION: u16 = 12;

/// A query that can be answered or refused by what it asks.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    bytes: &'a [u8],
    name: NameRef<'a>,
    flags: u16,
    /// Message id.
    pub id: u16,
    /// Type asked for.
    pub qtype: Rtype,
    /// Class asked for.
    pub qclass: u16,
    /// `None` if the client sent no OPT record.
    pub edns: Option<Edns>,
}

/// What the bytes are.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// Too short for a header, or itself a reply: answering could start a loop.
    Ignore,
    /// Cannot be served; the reply has this code and, where it could be read, the question.
    Malformed(Malformed<'a>),
    /// A query.
    Query(Query<'a>),
}

/// A message that is answered by an error code alone.
#[derive(Debug)]
pub struct Malformed<'a> {
    /// Message id.
    pub id: u16,
    /// The header's flags as sent.
    pub flags: u16,
    /// FORMERR or NOTIMP.
    pub rcode: Rcode,
    /// The bytes of the one question, where they could be read.
    pub question: Option<&'a [u8]>,
    /// The OPT record, where it could be read: a reply to EDNS has one as well (RFC 6891, 6.1.1).
    pub edns: Option<Edns>,
}

impl<'a> Query<'a> {
    /// Reads a message (RFC 1035, 4.1; RFC 6891, 6.1).
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Parsed<'a> {
        let (Some(id), Some(flags)) = (be16(bytes, 0), be16(bytes, 2)) else {
            return Parsed::Ignore;
        };
        let counts = [4, 6, 8, 10].map(|at| be16(bytes, at));
        let [
            Some(questions),
            Some(answers),
            Some(authorities),
            Some(additionals),
        ] = counts
        else {
            return Parsed::Ignore;
        };
        if flags & flag::QR != 0 {
            return Parsed::Ignore;
        }
        let malformed = |rcode, question, edns| {
            Parsed::Malformed(Malformed {
                id,
                flags,
                rcode,
                question,
                edns,
            })
        };
        // The first name of a message has nothing in front of it to point at, so no pointer is valid here.
        let question = NameRef::prefix_of(&bytes[HEADER..]).filter(|_| questions == 1);
        let Some((name, rest)) = question else {
            let rcode = if flags & flag::OPCODE == 0 {
                Rcode::FORMERR
            } else {
                Rcode::NOTIMP
            };
            return malformed(rcode, None, None);
        };
        let (Some(qtype), Some(qclass)) = (be16(rest, 0), be16(rest, 2)) else {
            return malformed(Rcode::FORMERR, None, None);
        };
        let end = HEADER + name.as_wire().len() + 4;
        let question = &bytes[HEADER..end];
        let records = usize::from(answers) + usize::from(authorities) + usize::from(additionals);
        let extra = read_extra(bytes, end, records);
        if flags & flag::OPCODE != 0 {
            return malformed(Rcode::NOTIMP, Some(question), extra.ok().flatten());
        }
        // RFC 9619 and RFC 1035, 4.1.1: a query carries neither answers nor, but for IXFR, authority.
        match extra {
            Ok(edns) if answers == 0 && authorities <= 1 => Parsed::Query(Query {
                bytes,
                name,
                flags,
                id,
                qtype: Rtype(qtype),
                qclass,
                edns,
            }),
            extra => malformed(Rcode::FORMERR, Some(question), extra.ok().flatten()),
        }
    }

    /// The name asked for, in the client's case.
    #[must_use]
    pub fn name(&self) -> NameRef<'a> {
        self.name
    }

    /// The question as sent: name, type, class.
    #[must_use]
    pub fn question(&self) -> &'a [u8] {
        &self.bytes[HEADER..HEADER + self.name.as_wire().len() + 4]
    }

    /// The whole message.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// RD: the client wants recursion.
    #[must_use]
    pub fn recursion_desired(&self) -> bool {
        self.flags & flag::RD != 0
    }

    /// CD: the client does its own validation (RFC 4035, 3.2.2).
    #[must_use]
    pub fn checking_disabled(&self) -> bool {
        self.flags & flag::CD != 0
    }

    /// Whether the client understands AD: it set AD or DO (RFC 6840, 5.7).
    #[must_use]
    pub fn wants_ad(&self) -> bool {
        self.flags & flag::AD != 0 || self.dnssec_ok()
    }

    /// DO: the client wants DNSSEC records.
    #[must_use]
    pub fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }

    /// Whether the class is IN.
    #[must_use]
    pub fn is_internet(&self) -> bool {
        self.qclass == CLASS_IN
    }

    /// How large a reply over UDP may be, given our own bound.
    #[must_use]
    pub fn udp_limit(&self, ours: u16) -> usize {
        usize::from(
            self.edns
                .map_or(PLAIN_UDP, |edns| edns.payload.min(ours).max(PLAIN_UDP)),
        )
    }

    /// The flags that a reply repeats: RD and CD (RFC 1035, 4.1.1; RFC 4035, 3.2.2).
    pub(super) fn echoed_flags(&self) -> u16 {
        self.flags & (flag::RD | flag::CD)
    }
}

/// The records behind the question cannot be read, or there are two OPT records (RFC 6891, 6.1.1).
struct BadExtra;

/// Walks over the records behind the question and picks out the OPT record.
fn read_extra(bytes: &[u8], mut at: usize, records: usize) -> Result<Option<Edns>, BadExtra> {
    let mut edns = None;
    for _ in 0..records {
        let is_root = bytes.get(at) == Some(&0);
        at = skip_name(bytes, at).ok_or(BadExtra)?;
        let rtype = be16(bytes, at).ok_or(BadExtra)?;
        let class = be16(bytes, at + 2).ok_or(BadExtra)?;
        let version = *bytes.get(at + 5).ok_or(BadExtra)?;
        let bits = be16(bytes, at + 6).ok_or(BadExtra)?;
        let len = usize::from(be16(bytes, at + 8).ok_or(BadExtra)?);
        at += 10;
        let rdata = bytes.get(at..at + len).ok_or(BadExtra)?;
        at += len;
        if Rtype(rtype) == Rtype::OPT {
            let options = read_options(rdata).filter(|_| is_root && edns.is_none());
            let Options { padded, keepalive } = options.ok_or(BadExtra)?;
            let payload = class.max(PLAIN_UDP);
            edns = Some(Edns {
                payload,
                version,
                dnssec_ok: bits & 0x8000 != 0,
                padded,
                keepalive,
            });
        }
    }
    if at == bytes.len() {
        Ok(edns)
    } else {
        Err(BadExtra)
    }
}

/// Where a name ends that may be closed by a pointer. The name itself does not matter here.
fn skip_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            len @ 1..=63 => at += 1 + usize::from(len),
            0xc0.. => return Some(at + 2),
            _ => return None,
        }
    }
}

/// Which of the options that matter are there.
#[derive(Default)]
struct Options {
    padded: bool,
    keepalive: bool,
}

/// Walks over an OPT record's options; `None` unless they fill its RDATA exactly (RFC 6891, 6.1.2).
fn read_options(rdata: &[u8]) -> Option<Options> {
    let (mut at, mut found) = (0, Options::default());
    while at < rdata.len() {
        let (code, len) = (be16(rdata, at)?, be16(rdata, at + 2)?);
        found.padded |= code == PADDING_OPTION;
        found.keepalive |= code == KEEPALIVE_OPTION;
        at += 4 + usize::from(len);
    }
    (at == rdata.len()).then_some(found)
}

/// Whether a message may be a query over QUIC: its id is 0, and it says nothing of how long a TCP connection may
/// stay (RFC 9250, 4.2.1 and 5.5.2).
#[must_use]
pub fn is_for_quic(bytes: &[u8]) -> bool {
    let keepalive = match Query::parse(bytes) {
        Parsed::Query(query) => query.edns.is_some_and(|edns| edns.keepalive),
        Parsed::Malformed(bad) => bad.edns.is_some_and(|edns| edns.keepalive),
        Parsed::Ignore => true,
    };
    be16(bytes, 0) == Some(0) && !keepalive
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `matrix.hearth.example A`, RD set, no EDNS.
    fn plain() -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(b"\x06matrix\x06hearth\x07example\x00\x00\x01\x00\x01");
        bytes
    }

    fn with_opt(payload: u16, version: u8, bits: u16, options: &[u8]) -> Vec<u8> {
        let mut bytes = plain();
        bytes[11] += 1;
        bytes.extend_from_slice(&[0, 0, 41]);
        bytes.extend_from_slice(&payload.to_be_bytes());
        bytes.extend_from_slice(&[0, version]);
        bytes.extend_from_slice(&bits.to_be_bytes());
        bytes.extend_from_slice(&(options.len() as u16).to_be_bytes());
        bytes.extend_from_slice(options);
        bytes
    }

    fn query(bytes: &[u8]) -> Query<'_> {
        match Query::parse(bytes) {
            Parsed::Query(query) => query,
            other => panic!("{other:?}"),
        }
    }

    fn rcode(bytes: &[u8]) -> Rcode {
        match Query::parse(bytes) {
            Parsed::Malformed(bad) => bad.rcode,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plain_query_is_read() {
        let bytes = plain();
        let query = query(&bytes);
        assert_eq!((query.id, query.qtype, query.qclass), (0x1234, Rtype::A, 1));
        assert_eq!(query.name().to_string(), "matrix.hearth.example.");
        assert!(query.recursion_desired() && !query.wants_ad() && query.edns.is_none());
        assert_eq!(query.udp_limit(1232), 512);
    }

    #[test]
    fn rfc6891_s6_the_opt_record_is_read() {
        let bytes = with_opt(4096, 0, 0x8000, &[0, 10, 0, 2, 1, 2]);
        let query = query(&bytes);
        assert_eq!(
            query.edns,
            Some(Edns {
                payload: 4096,
                version: 0,
                dnssec_ok: true,
                padded: false,
                keepalive: false,
            })
        );
        assert_eq!(query.udp_limit(1232), 1232);
        // 6.2.3: a payload below 512 is taken as 512.
        assert_eq!(self::query(&with_opt(100, 1, 0, &[])).edns.unwrap().payload, 512);
    }

    #[test]
    fn what_must_not_be_answered_is_ignored() {
        assert!(matches!(Query::parse(&[0; 11]), Parsed::Ignore));
        let mut reply = plain();
        reply[2] |= 0x80;
        assert!(matches!(Query::parse(&reply), Parsed::Ignore));
    }

    #[test]
    fn what_is_broken_is_named_formerr_or_notimp() {
        let mut notify = plain();
        notify[2] |= 4 << 3;
        assert_eq!(rcode(&notify), Rcode::NOTIMP);
        let mut two = plain();
        two[5] = 2;
        assert_eq!(rcode(&two), Rcode::FORMERR);
        let mut none = plain();
        none[5] = 0;
        assert_eq!(rcode(&none), Rcode::FORMERR);
        let mut pointer = plain();
        pointer[HEADER] = 0xc0;
        assert_eq!(rcode(&pointer), Rcode::FORMERR);
        let mut answers = plain();
        answers[7] = 1;
        assert_eq!(rcode(&answers), Rcode::FORMERR);
        let mut trailing = plain();
        trailing.push(0);
        assert_eq!(rcode(&trailing), Rcode::FORMERR);
        assert_eq!(rcode(&with_opt(1232, 0, 0, &[0, 10, 0, 3, 1])), Rcode::FORMERR);
        let mut twice = with_opt(1232, 0, 0, &[]);
        let opt = twice[plain().len()..].to_vec();
        twice.extend_from_slice(&opt);
        twice[11] += 1;
        assert_eq!(rcode(&twice), Rcode::FORMERR);
        for len in HEADER..plain().len() {
            assert_eq!(rcode(&plain()[..len]), Rcode::FORMERR, "cut to {len} bytes");
        }
    }

    #[test]
    fn rfc9250_s4_2_1_s5_5_2_a_query_over_quic_has_id_0_and_no_keepalive() {
        let with_id_0 = |mut bytes: Vec<u8>| {
            bytes[..2].fill(0);
            bytes
        };
        assert!(is_for_quic(&with_id_0(plain())));
        assert!(is_for_quic(&with_id_0(with_opt(1232, 0, 0, &[0, 12, 0, 1, 0]))));
        assert!(!is_for_quic(&plain()));
        assert!(!is_for_quic(&with_id_0(with_opt(1232, 0, 0, &[0, 11, 0, 0]))));
        assert!(!is_for_quic(&[0; 11]));
        assert!(query(&with_opt(1232, 0, 0, &[0, 12, 0, 0])).edns.unwrap().padded);
    }

    #[test]
    fn a_tsig_behind_the_opt_record_is_walked_over() {
        let mut bytes = with_opt(1232, 0, 0, &[]);
        bytes[11] += 1;
        bytes.extend_from_slice(b"\x03key\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x02ab");
        assert!(query(&bytes).edns.is_some());
    }
}
