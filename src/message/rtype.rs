//! Record types and response codes: numbers with the names that people write.
//!
//! The table holds the assignments of the IANA registry "Domain Name System Parameters"; any other
//! number is written `TYPE12345` (RFC 3597, 5).

use std::fmt;
use std::str::FromStr;

/// A record type or query type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rtype(pub u16);

macro_rules! rtypes {
    ($($name:ident = $number:literal $(as $text:literal)?),* $(,)?) => {
        impl Rtype {
            $(
                #[doc = concat!("Type ", $number, " of the IANA registry.")]
                pub const $name: Rtype = Rtype($number);
            )*
        }
        const NAMES: &[(u16, &str)] = &[$(($number, rtypes!(@text $name $($text)?))),*];
    };
    (@text $name:ident) => { stringify!($name) };
    (@text $name:ident $text:literal) => { $text };
}

rtypes! {
    A = 1, NS = 2, MD = 3, MF = 4, CNAME = 5, SOA = 6, MB = 7, MG = 8, MR = 9, NULL = 10, WKS = 11, PTR = 12,
    HINFO = 13, MINFO = 14, MX = 15, TXT = 16, RP = 17, AFSDB = 18, X25 = 19, ISDN = 20, RT = 21, NSAP = 22,
    SIG = 24, KEY = 25, PX = 26, AAAA = 28, LOC = 29, NXT = 30, SRV = 33, NAPTR = 35, KX = 36, CERT = 37,
    DNAME = 39, OPT = 41, APL = 42, DS = 43, SSHFP = 44, IPSECKEY = 45, RRSIG = 46, NSEC = 47, DNSKEY = 48,
    DHCID = 49, NSEC3 = 50, NSEC3PARAM = 51, TLSA = 52, SMIMEA = 53, HIP = 55, CDS = 59, CDNSKEY = 60,
    OPENPGPKEY = 61, CSYNC = 62, ZONEMD = 63, SVCB = 64, HTTPS = 65, SPF = 99, NID = 104, L32 = 105, L64 = 106,
    LP = 107, EUI48 = 108, EUI64 = 109, TKEY = 249, TSIG = 250, IXFR = 251, AXFR = 252, MAILB = 253, MAILA = 254,
    ANY = 255, URI = 256, CAA = 257,
}

impl Rtype {
    /// Whether the number names a question or a part of a message and never data in a zone
    /// (RFC 6895, 3.1: OPT and 128 to 255).
    #[must_use]
    pub fn is_meta(self) -> bool {
        self == Self::OPT || (128..=255).contains(&self.0)
    }
}

impl fmt::Display for Rtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.binary_search_by_key(&self.0, |&(number, _)| number) {
            Ok(at) => f.pad(NAMES[at].1),
            Err(_) => f.pad(&format!("TYPE{}", self.0)),
        }
    }
}

impl fmt::Debug for Rtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that names no record type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownType(pub String);

impl fmt::Display for UnknownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no record type", self.0)
    }
}
impl std::error::Error for UnknownType {}

impl FromStr for Rtype {
    type Err = UnknownType;
    /// Reads a mnemonic in any case, or `TYPE12345`.
    fn from_str(text: &str) -> Result<Self, UnknownType> {
        if let Some(&(number, _)) = NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            return Ok(Rtype(number));
        }
        text.get(..4)
            .filter(|head| head.eq_ignore_ascii_case("TYPE"))
            .and_then(|_| text.get(4..))
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .map(Rtype)
            .ok_or_else(|| UnknownType(text.to_owned()))
    }
}

/// A response code, the extended bits included (RFC 6891, 6.1.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error.
    pub const NOERROR: Rcode = Rcode(0);
    /// The query cannot be read.
    pub const FORMERR: Rcode = Rcode(1);
    /// The server failed.
    pub const SERVFAIL: Rcode = Rcode(2);
    /// The name does not exist.
    pub const NXDOMAIN: Rcode = Rcode(3);
    /// This kind of query is not implemented.
    pub const NOTIMP: Rcode = Rcode(4);
    /// Refused by policy.
    pub const REFUSED: Rcode = Rcode(5);
    /// A DNAME made the name too long (RFC 6672, 2.2).
    pub const YXDOMAIN: Rcode = Rcode(6);
    /// EDNS version not supported (RFC 6891, 9).
    pub const BADVERS: Rcode = Rcode(16);
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 12] = [
            "NOERROR",
            "FORMERR",
            "SERVFAIL",
            "NXDOMAIN",
            "NOTIMP",
            "REFUSED",
            "YXDOMAIN",
            "YXRRSET",
            "NXRRSET",
            "NOTAUTH",
            "NOTZONE",
            "DSOTYPENI",
        ];
        match NAMES.get(usize::from(self.0)) {
            Some(name) => f.pad(name),
            None if *self == Self::BADVERS => f.pad("BADVERS"),
            None => f.pad(&format!("RCODE{}", self.0)),
        }
    }
}

impl fmt::Debug for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_binary_search_finds_every_name() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn rfc3597_s5_unknown_types_have_a_generic_name() {
        assert_eq!("TYPE65280".parse::<Rtype>().unwrap(), Rtype(65280));
        assert_eq!("type28".parse::<Rtype>().unwrap(), Rtype::AAAA);
        assert_eq!(Rtype(65280).to_string(), "TYPE65280");
        for bad in ["TYPE", "TYPE65536", "TYPE+1", "", "AAAAA", "TYPE1x"] {
            assert_eq!(bad.parse::<Rtype>(), Err(UnknownType(bad.to_owned())));
        }
    }

    #[test]
    fn mnemonics_are_read_in_any_case() {
        assert_eq!("srv".parse::<Rtype>().unwrap(), Rtype::SRV);
        assert_eq!("Https".parse::<Rtype>().unwrap(), Rtype::HTTPS);
    }
}
