//! DNS messages for tests: a codec of its own, so that client and scripted upstream do not share a line with
//! the server under test, and so that messages can be made that no decent library would make.
//!
//! Names are texts with a closing dot. Records print in one line (`owner TTL TYPE rdata`), which is what the
//! tests compare.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Numbers of record types.
pub(crate) mod rtype {
    pub(crate) const A: u16 = 1;
    pub(crate) const NS: u16 = 2;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const SOA: u16 = 6;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const HINFO: u16 = 13;
    pub(crate) const MX: u16 = 15;
    pub(crate) const TXT: u16 = 16;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const SRV: u16 = 33;
    pub(crate) const DNAME: u16 = 39;
    pub(crate) const OPT: u16 = 41;
    pub(crate) const DS: u16 = 43;
    pub(crate) const HTTPS: u16 = 65;
    pub(crate) const AXFR: u16 = 252;
    pub(crate) const ANY: u16 = 255;
    pub(crate) const CAA: u16 = 257;
}

/// Response codes, the extended ones included.
pub(crate) mod rcode {
    pub(crate) const NOERROR: u16 = 0;
    pub(crate) const FORMERR: u16 = 1;
    pub(crate) const SERVFAIL: u16 = 2;
    pub(crate) const NXDOMAIN: u16 = 3;
    pub(crate) const NOTIMP: u16 = 4;
    pub(crate) const REFUSED: u16 = 5;
    pub(crate) const YXDOMAIN: u16 = 6;
    pub(crate) const BADVERS: u16 = 16;
}

/// Classes.
pub(crate) mod class {
    pub(crate) const IN: u16 = 1;
    pub(crate) const CH: u16 = 3;
    pub(crate) const ANY: u16 = 255;
}

const TYPE_NAMES: &[(u16, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (39, "DNAME"),
    (43, "DS"),
    (46, "RRSIG"),
    (65, "HTTPS"),
    (255, "ANY"),
    (257, "CAA"),
];

/// Number of a type's mnemonic, or of `TYPE123`.
pub(crate) fn type_number(text: &str) -> u16 {
    TYPE_NAMES
        .iter()
        .find(|(_, name)| *name == text)
        .map(|(number, _)| *number)
        .or_else(|| text.strip_prefix("TYPE")?.parse().ok())
        .unwrap_or_else(|| panic!("the tests' codec does not know the type `{text}`"))
}

/// Mnemonic of a type's number, or `TYPE123`.
pub(crate) fn type_name(number: u16) -> String {
    TYPE_NAMES
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| format!("TYPE{number}"), |(_, name)| (*name).to_owned())
}

/// One record; names inside `rdata` are uncompressed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) owner: String,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    pub(crate) rdata: Vec<u8>,
}

impl Record {
    /// Reads `owner TTL TYPE rdata`. Types without a text form here take `\# hex`.
    pub(crate) fn new(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let mut next = || {
            words
                .next()
                .unwrap_or_else(|| panic!("the record `{text}` is too short"))
        };
        let owner = next().to_owned();
        let ttl = next().parse().expect("a TTL in seconds");
        let rtype = type_number(next());
        let rest: Vec<&str> = words.collect();
        let number = |at: usize| -> u16 { rest[at].parse().expect("a 16-bit number in RDATA") };
        let mut rdata = Vec::new();
        match rtype {
            _ if rest[0] == "\\#" => rdata = unhex(&rest[1..].concat()),
            rtype::A => rdata.extend(rest[0].parse::<Ipv4Addr>().unwrap().octets()),
            rtype::AAAA => rdata.extend(rest[0].parse::<Ipv6Addr>().unwrap().octets()),
            rtype::NS | rtype::CNAME | rtype::PTR | rtype::DNAME => put_name(&mut rdata, rest[0]),
            rtype::MX => {
                rdata.extend(number(0).to_be_bytes());
                put_name(&mut rdata, rest[1]);
            }
            rtype::SRV => {
                (0..3).for_each(|at| rdata.extend(number(at).to_be_bytes()));
                put_name(&mut rdata, rest[3]);
            }
            rtype::SOA => {
                put_name(&mut rdata, rest[0]);
                put_name(&mut rdata, rest[1]);
                for word in &rest[2..7] {
                    rdata.extend(word.parse::<u32>().unwrap().to_be_bytes());
                }
            }
            rtype::TXT => {
                for word in &rest {
                    let bytes = word.trim_matches('"').as_bytes();
                    rdata.push(u8::try_from(bytes.len()).expect("a string of at most 255 bytes"));
                    rdata.extend(bytes);
                }
            }
            _ => panic!("the tests' codec cannot write `{text}`; use `\\# hex`"),
        }
        Record {
            owner,
            rtype,
            class: class::IN,
            ttl,
            rdata,
        }
    }

    /// RDATA as text.
    fn data(&self) -> String {
        let bytes = &self.rdata;
        let u16_at = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let name_at = |at: usize| take_name(bytes, at).map(|(name, _)| name).unwrap_or_default();
        match (self.rtype, bytes.len()) {
            (rtype::A, 4) => Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).to_string(),
            (rtype::AAAA, 16) => Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..]).unwrap()).to_string(),
            (rtype::NS | rtype::CNAME | rtype::PTR | rtype::DNAME, 1..) => name_at(0),
            (rtype::MX, 3..) => format!("{} {}", u16_at(0), name_at(2)),
            (rtype::SRV, 7..) => format!("{} {} {} {}", u16_at(0), u16_at(2), u16_at(4), name_at(6)),
            (rtype::SOA, 22..) => {
                let (mname, at) = take_name(bytes, 0).unwrap();
                let (rname, at) = take_name(bytes, at).unwrap();
                let numbers: Vec<String> = bytes[at..]
                    .chunks(4)
                    .map(|four| u32::from_be_bytes(four.try_into().unwrap()).to_string())
                    .collect();
                format!("{mname} {rname} {}", numbers.join(" "))
            }
            (rtype::TXT, 1..) => {
                let (mut texts, mut rest) = (Vec::new(), &bytes[..]);
                while let Some((&len, tail)) = rest.split_first() {
                    let (text, tail) = tail.split_at(usize::from(len));
                    texts.push(format!("\"{}\"", text.escape_ascii()));
                    rest = tail;
                }
                texts.join(" ")
            }
            _ => format!("\\# {}", hex(bytes)),
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.owner,
            self.ttl,
            type_name(self.rtype),
            self.data()
        )
    }
}
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The OPT pseudo-record (RFC 6891, 6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edns {
    pub(crate) payload: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

impl Edns {
    /// Version 0 with this payload size.
    pub(crate) fn sized(payload: u16) -> Self {
        Edns {
            payload,
            version: 0,
            dnssec_ok: false,
            options: Vec::new(),
        }
    }

    /// An extended DNS error's code and text (RFC 8914), where there is one.
    pub(crate) fn extended_error(&self) -> Option<(u16, String)> {
        let (_, data) = self.options.iter().find(|(code, _)| *code == 15)?;
        let code = u16::from_be_bytes([*data.first()?, *data.get(1)?]);
        Some((code, String::from_utf8_lossy(&data[2..]).into_owned()))
    }
}

/// A whole message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: u16,
    pub(crate) qr: bool,
    pub(crate) opcode: u8,
    pub(crate) aa: bool,
    pub(crate) tc: bool,
    pub(crate) rd: bool,
    pub(crate) ra: bool,
    pub(crate) z: bool,
    pub(crate) ad: bool,
    pub(crate) cd: bool,
    /// With the extended bits where there is an OPT record.
    pub(crate) rcode: u16,
    /// Name, type, class.
    pub(crate) questions: Vec<(String, u16, u16)>,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
    pub(crate) additionals: Vec<Record>,
    pub(crate) edns: Option<Edns>,
    /// Bytes behind the counted records; empty in a sound message.
    pub(crate) trailing: Vec<u8>,
    /// How many bytes it had on the wire, where it was read from there.
    pub(crate) size: usize,
}

impl Message {
    /// A recursive query of class IN without EDNS.
    pub(crate) fn query(name: &str, rtype: u16) -> Self {
        Message {
            id: fresh_id(),
            rd: true,
            questions: vec![(name.to_owned(), rtype, class::IN)],
            ..Message::default()
        }
    }

    /// The same with EDNS of this payload size.
    pub(crate) fn with_edns(mut self, payload: u16) -> Self {
        self.edns = Some(Edns::sized(payload));
        self
    }

    /// An empty NOERROR reply to this query, as a recursive server would send it.
    pub(crate) fn reply(&self) -> Self {
        Message {
            id: self.id,
            qr: true,
            opcode: self.opcode,
            rd: self.rd,
            ra: true,
            cd: self.cd,
            questions: self.questions.clone(),
            edns: self.edns.as_ref().map(|_| Edns::sized(1232)),
            ..Message::default()
        }
    }

    /// This reply with an answer record more.
    pub(crate) fn answer(mut self, record: &str) -> Self {
        self.answers.push(Record::new(record));
        self
    }

    /// This reply with an authority record more.
    pub(crate) fn authority(mut self, record: &str) -> Self {
        self.authorities.push(Record::new(record));
        self
    }

    /// This reply with an additional record more.
    pub(crate) fn additional(mut self, record: &str) -> Self {
        self.additionals.push(Record::new(record));
        self
    }

    /// This reply with another response code.
    pub(crate) fn code(mut self, rcode: u16) -> Self {
        self.rcode = rcode;
        self
    }

    /// Name of the first question.
    pub(crate) fn qname(&self) -> &str {
        self.questions.first().map_or("", |(name, _, _)| name)
    }

    /// Type of the first question.
    pub(crate) fn qtype(&self) -> u16 {
        self.questions.first().map_or(0, |(_, rtype, _)| *rtype)
    }

    /// Answer section as sorted lines: order within a section means nothing (RFC 1034, 3.6).
    pub(crate) fn answer_lines(&self) -> Vec<String> {
        lines(&self.answers)
    }

    /// Authority section as sorted lines.
    pub(crate) fn authority_lines(&self) -> Vec<String> {
        lines(&self.authorities)
    }

    /// Additional section without OPT as sorted lines.
    pub(crate) fn additional_lines(&self) -> Vec<String> {
        lines(&self.additionals)
    }

    /// Wire form; names are not compressed, so that nothing in a test depends on this codec's compression.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        let additional = self.additionals.len() + usize::from(self.edns.is_some());
        let mut flags = u16::from(self.opcode) << 11 | (self.rcode & 0xf);
        for (on, bit) in [
            (self.qr, 15),
            (self.aa, 10),
            (self.tc, 9),
            (self.rd, 8),
            (self.ra, 7),
            (self.z, 6),
            (self.ad, 5),
            (self.cd, 4),
        ] {
            flags |= u16::from(on) << bit;
        }
        let counts = [
            self.questions.len(),
            self.answers.len(),
            self.authorities.len(),
            additional,
        ];
        out.extend(self.id.to_be_bytes());
        out.extend(flags.to_be_bytes());
        for count in counts {
            out.extend(u16::try_from(count).unwrap().to_be_bytes());
        }
        for (name, rtype, class) in &self.questions {
            put_name(&mut out, name);
            out.extend(rtype.to_be_bytes());
            out.extend(class.to_be_bytes());
        }
        for record in self
            .answers
            .iter()
            .chain(&self.authorities)
            .chain(&self.additionals)
        {
            put_name(&mut out, &record.owner);
            out.extend(record.rtype.to_be_bytes());
            out.extend(record.class.to_be_bytes());
            out.extend(record.ttl.to_be_bytes());
            out.extend(u16::try_from(record.rdata.len()).unwrap().to_be_bytes());
            out.extend(&record.rdata);
        }
        if let Some(edns) = &self.edns {
            let mut data = Vec::new();
            for (code, value) in &edns.options {
                data.extend(code.to_be_bytes());
                data.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
                data.extend(value);
            }
            out.push(0);
            out.extend(rtype::OPT.to_be_bytes());
            out.extend(edns.payload.to_be_bytes());
            out.push(u8::try_from(self.rcode >> 4).unwrap());
            out.push(edns.version);
            out.extend((u16::from(edns.dnssec_ok) << 15).to_be_bytes());
            out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            out.extend(data);
        }
        out.extend(&self.trailing);
        out
    }

    /// Reads a message strictly; the error says what is wrong with it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let header = bytes.get(..12).ok_or("the message is shorter than its header")?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let flags = word(2);
        let bit = |shift: u32| flags >> shift & 1 == 1;
        let mut message = Message {
            id: word(0),
            qr: bit(15),
            opcode: u8::try_from(flags >> 11 & 0xf).unwrap(),
            aa: bit(10),
            tc: bit(9),
            rd: bit(8),
            ra: bit(7),
            z: bit(6),
            ad: bit(5),
            cd: bit(4),
            rcode: flags & 0xf,
            size: bytes.len(),
            ..Message::default()
        };
        let mut at = 12;
        for _ in 0..word(4) {
            let (name, after) = take_name(bytes, at)?;
            let fixed = bytes.get(after..after + 4).ok_or("the question is cut off")?;
            let number = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
            message.questions.push((name, number(0), number(2)));
            at = after + 4;
        }
        for section in 0..3 {
            for _ in 0..word(6 + 2 * section) {
                let (record, after) = take_record(bytes, at)?;
                at = after;
                if record.rtype == rtype::OPT {
                    if section != 2 || message.edns.is_some() || record.owner != "." {
                        return Err("an OPT record stands where none may stand (RFC 6891, 6.1.1)".to_owned());
                    }
                    message.rcode |= u16::try_from(record.ttl >> 24 << 4).unwrap();
                    message.edns = Some(Edns {
                        payload: record.class,
                        version: u8::try_from(record.ttl >> 16 & 0xff).unwrap(),
                        dnssec_ok: record.ttl >> 15 & 1 == 1,
                        options: options(&record.rdata)?,
                    });
                    continue;
                }
                match section {
                    0 => message.answers.push(record),
                    1 => message.authorities.push(record),
                    _ => message.additionals.push(record),
                }
            }
        }
        message.trailing = bytes[at..].to_vec();
        Ok(message)
    }
}

fn lines(records: &[Record]) -> Vec<String> {
    let mut lines: Vec<String> = records.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

fn options(mut data: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, String> {
    let mut options = Vec::new();
    while !data.is_empty() {
        let head = data.get(..4).ok_or("an EDNS option is cut off")?;
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = data.get(4..4 + len).ok_or("an EDNS option is cut off")?;
        options.push((u16::from_be_bytes([head[0], head[1]]), value.to_vec()));
        data = &data[4 + len..];
    }
    Ok(options)
}

fn take_record(bytes: &[u8], at: usize) -> Result<(Record, usize), String> {
    let (owner, at) = take_name(bytes, at)?;
    let fixed = bytes.get(at..at + 10).ok_or("a record is cut off")?;
    let number = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    let (start, end) = (at + 10, at + 10 + usize::from(number(8)));
    let raw = bytes.get(start..end).ok_or("RDATA is cut off")?;
    let rtype = number(0);
    // Where RDATA may be compressed (RFC 3597, 4), its names are written out in full.
    let fixed_part = match rtype {
        rtype::NS | rtype::CNAME | rtype::PTR | rtype::DNAME | rtype::SOA => Some(0),
        rtype::MX => Some(2),
        rtype::SRV => Some(6),
        _ => None,
    };
    let mut rdata = Vec::new();
    if let Some(skip) = fixed_part {
        rdata.extend(raw.get(..skip).ok_or("RDATA is too short")?);
        let mut place = start + skip;
        for _ in 0..(if rtype == rtype::SOA { 2 } else { 1 }) {
            let (name, after) = take_name(bytes, place)?;
            put_name(&mut rdata, &name);
            place = after;
        }
        rdata.extend(bytes.get(place..end).ok_or("a name leaves its RDATA")?);
    } else {
        rdata.extend(raw);
    }
    let ttl = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
    Ok((
        Record {
            owner,
            rtype,
            class: number(2),
            ttl,
            rdata,
        },
        end,
    ))
}

/// Reads a name that may be compressed; the text and the place behind it.
pub(crate) fn take_name(bytes: &[u8], start: usize) -> Result<(String, usize), String> {
    let (mut at, mut after, mut text) = (start, None, String::new());
    loop {
        let len = usize::from(*bytes.get(at).ok_or("a name is cut off")?);
        match len {
            0 => {
                let text = if text.is_empty() { ".".to_owned() } else { text };
                return Ok((text, after.unwrap_or(at + 1)));
            }
            1..=63 => {
                let label = bytes.get(at + 1..at + 1 + len).ok_or("a label is cut off")?;
                for &byte in label {
                    match byte {
                        b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
                        0x21..=0x7e => text.push(char::from(byte)),
                        _ => text.push_str(&format!("\\{byte:03}")),
                    }
                }
                text.push('.');
                at += 1 + len;
            }
            192.. => {
                let low = usize::from(*bytes.get(at + 1).ok_or("a pointer is cut off")?);
                let target = (len & 63) << 8 | low;
                if target >= at {
                    return Err("a compression pointer points forward (RFC 1035, 4.1.4)".to_owned());
                }
                after.get_or_insert(at + 2);
                at = target;
            }
            _ => return Err(format!("a label begins with the byte {len:#x}")),
        }
        if text.len() > 1100 {
            return Err("a name is longer than any name can be".to_owned());
        }
    }
}

/// Writes a name without compression.
pub(crate) fn put_name(out: &mut Vec<u8>, name: &str) {
    let (mut label, mut chars) = (Vec::new(), name.chars());
    while let Some(c) = chars.next() {
        match c {
            '.' => {
                if !label.is_empty() {
                    out.push(u8::try_from(label.len()).unwrap());
                    out.append(&mut label);
                }
            }
            '\\' => {
                let first = chars.next().expect("a character behind the backslash");
                if first.is_ascii_digit() {
                    let digits: String = [first, chars.next().unwrap(), chars.next().unwrap()]
                        .iter()
                        .collect();
                    label.push(digits.parse().unwrap());
                } else {
                    label.push(u8::try_from(first).unwrap());
                }
            }
            c => label.push(u8::try_from(c).expect("an ASCII name")),
        }
    }
    assert!(label.is_empty(), "`{name}` has no closing dot");
    out.push(0);
}

/// A message id that differs from call to call. Replies are matched by it; secrecy is no matter here.
pub(crate) fn fresh_id() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(40503)
}

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hex digits as bytes.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).expect("hex digits");
    digits.chunks(2).map(pair).collect()
}
