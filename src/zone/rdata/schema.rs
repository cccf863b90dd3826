//! What each type's RDATA consists of: one line a type.
//!
//! A new type is a new line here, in the order of its number. The word in front of a field is what messages
//! call it. What a line cannot say (digest lengths, fields that exclude each other) is a function behind it.

use crate::message::{NameRef, Rtype};

use super::words;

/// One part of RDATA: its form in text and on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    /// A domain name, uncompressed.
    Name,
    /// An integer of 8 bits, or one of these words for it.
    U8(&'static [(&'static str, u16)]),
    /// An integer of 16 bits, or one of these words for it.
    U16(&'static [(&'static str, u16)]),
    /// An integer of 32 bits.
    U32,
    /// 32 bits of seconds; units are allowed.
    Seconds,
    /// A point in time: YYYYMMDDHHmmSS or seconds since 1970 (RFC 4034, 3.2).
    Moment,
    /// A record type.
    Type,
    /// An IPv4 address.
    V4,
    /// An IPv6 address.
    V6,
    /// One character-string, at most 255 bytes.
    Str,
    /// One character-string or none.
    OptionalStr,
    /// One or more character-strings.
    Strs,
    /// One string without a length byte: all that is left.
    Rest,
    /// The tag of a CAA record (RFC 8659, 4.1).
    Tag,
    /// All that is left, in hex; blanks may stand in it.
    Hex,
    /// All that is left, in base64; blanks may stand in it.
    Base64,
    /// A length byte and that many bytes, in hex; `-` if none (RFC 5155, 3.3).
    Salt,
    /// A length byte and that many bytes, in base32hex (RFC 5155, 3.3).
    Hash,
    /// A bit map of types (RFC 4034, 4.1.2).
    Types,
    /// So many bytes in hex with dashes between them (RFC 7043).
    Eui(usize),
    /// 64 bits as four groups of hex digits (RFC 6742, 2.1.2).
    Groups,
    /// LOC's whole RDATA.
    Loc,
    /// APL's whole RDATA.
    Apl,
    /// The parameters of SVCB and HTTPS.
    SvcParams,
}

use Field::{
    Apl, Base64, Eui, Groups, Hash, Hex, Loc, Moment, Name, OptionalStr, Rest, Salt, Seconds, Str, Strs,
    SvcParams, Tag, Type, Types, U8, U16, U32, V4, V6,
};

/// What goes wrong behind the fields: which field, and why.
pub(super) type Check = fn(&[u8]) -> Result<(), (usize, String)>;

/// One type.
pub(super) struct Schema {
    pub(super) rtype: Rtype,
    pub(super) fields: &'static [(&'static str, Field)],
    pub(super) check: Check,
}

/// The line of a type, if it has one.
pub(super) fn of(rtype: Rtype) -> Option<&'static Schema> {
    TABLE
        .binary_search_by_key(&rtype, |schema| schema.rtype)
        .ok()
        .and_then(|at| TABLE.get(at))
}

/// How many of `bytes` the field takes; `None` if it does not fit.
pub(super) fn width(field: &Field, bytes: &[u8]) -> Option<usize> {
    let width = match field {
        Name => NameRef::prefix_of(bytes)?.0.as_wire().len(),
        U8(_) => 1,
        U16(_) | Type => 2,
        U32 | Seconds | Moment | V4 => 4,
        Groups => 8,
        V6 => 16,
        Str | Tag | Salt | Hash => 1 + usize::from(*bytes.first()?),
        Eui(len) => *len,
        OptionalStr | Strs | Rest | Hex | Base64 | Types | Loc | Apl | SvcParams => bytes.len(),
    };
    (width <= bytes.len()).then_some(width)
}

const N8: Field = U8(&[]);
const N16: Field = U16(&[]);
const TARGET: (&str, Field) = ("target", Name);

/// RFC 4034, appendix A.1, and the IANA registry.
const ALGORITHM: Field = U8(&[
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
]);
/// RFC 4398, 2.1.
const CERT_TYPE: Field = U16(&[
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPKIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
    ("OID", 254),
]);
/// RFC 7218.
const USAGE: Field = U8(&[
    ("PKIX-TA", 0),
    ("PKIX-EE", 1),
    ("DANE-TA", 2),
    ("DANE-EE", 3),
    ("PrivCert", 255),
]);
const SELECTOR: Field = U8(&[("Cert", 0), ("SPKI", 1), ("PrivSel", 255)]);
const MATCHING: Field = U8(&[("Full", 0), ("SHA2-256", 1), ("SHA2-512", 2), ("PrivMatch", 255)]);

const fn line(rtype: Rtype, fields: &'static [(&'static str, Field)]) -> Schema {
    Schema {
        rtype,
        fields,
        check: |_| Ok(()),
    }
}

const fn checked(rtype: Rtype, fields: &'static [(&'static str, Field)], check: Check) -> Schema {
    Schema { rtype, fields, check }
}

const TLSA: &[(&str, Field)] = &[
    ("usage", USAGE),
    ("selector", SELECTOR),
    ("matching type", MATCHING),
    ("data", Hex),
];
const DS: &[(&str, Field)] = &[
    ("key tag", N16),
    ("algorithm", ALGORITHM),
    ("digest type", N8),
    ("digest", Hex),
];
const KEY: &[(&str, Field)] = &[
    ("flags", N16),
    ("protocol", N8),
    ("algorithm", ALGORITHM),
    ("key", Base64),
];
const SVC: &[(&str, Field)] = &[("priority", N16), TARGET, ("parameters", SvcParams)];

#[rustfmt::skip]
const TABLE: &[Schema] = &[
    line(Rtype::A, &[("IPv4 address", V4)]),
    line(Rtype::NS, &[("nameserver", Name)]),
    line(Rtype::MD, &[TARGET]),
    line(Rtype::MF, &[TARGET]),
    line(Rtype::CNAME, &[TARGET]),
    line(Rtype::SOA, &[("primary nameserver", Name), ("mailbox", Name), ("serial", U32), ("refresh", Seconds),
        ("retry", Seconds), ("expire", Seconds), ("minimum", Seconds)]),
    line(Rtype::MB, &[TARGET]),
    line(Rtype::MG, &[("mailbox", Name)]),
    line(Rtype::MR, &[("mailbox", Name)]),
    line(Rtype::PTR, &[TARGET]),
    line(Rtype::HINFO, &[("cpu", Str), ("os", Str)]),
    line(Rtype::MINFO, &[("mailbox", Name), ("error mailbox", Name)]),
    line(Rtype::MX, &[("preference", N16), ("mail server", Name)]),
    line(Rtype::TXT, &[("text", Strs)]),
    line(Rtype::RP, &[("mailbox", Name), ("text name", Name)]),
    line(Rtype::AFSDB, &[("subtype", N16), ("server", Name)]),
    line(Rtype::X25, &[("address", Str)]),
    line(Rtype::ISDN, &[("address", Str), ("subaddress", OptionalStr)]),
    line(Rtype::RT, &[("preference", N16), ("intermediate host", Name)]),
    line(Rtype::PX, &[("preference", N16), ("map822", Name), ("mapx400", Name)]),
    line(Rtype::AAAA, &[("IPv6 address", V6)]),
    line(Rtype::LOC, &[("location", Loc)]),
    line(Rtype::SRV, &[("priority", N16), ("weight", N16), ("port", N16), TARGET]),
    checked(Rtype::NAPTR, &[("order", N16), ("preference", N16), ("flags", Str), ("services", Str),
        ("regular expression", Str), ("replacement", Name)], check_naptr),
    line(Rtype::KX, &[("preference", N16), ("exchanger", Name)]),
    line(Rtype::CERT, &[("type", CERT_TYPE), ("key tag", N16), ("algorithm", ALGORITHM), ("certificate", Base64)]),
    line(Rtype::DNAME, &[TARGET]),
    line(Rtype::APL, &[("address prefixes", Apl)]),
    checked(Rtype::DS, DS, check_ds),
    checked(Rtype::SSHFP, &[("algorithm", N8), ("fingerprint type", N8), ("fingerprint", Hex)], check_sshfp),
    line(Rtype::RRSIG, &[("type covered", Type), ("algorithm", ALGORITHM), ("labels", N8), ("original TTL", U32),
        ("expiration", Moment), ("inception", Moment), ("key tag", N16), ("signer", Name), ("signature", Base64)]),
    line(Rtype::NSEC, &[("next name", Name), ("types", Types)]),
    checked(Rtype::DNSKEY, KEY, check_key),
    line(Rtype::DHCID, &[("data", Base64)]),
    line(Rtype::NSEC3, &[("hash algorithm", N8), ("flags", N8), ("iterations", N16), ("salt", Salt),
        ("next hash", Hash), ("types", Types)]),
    line(Rtype::NSEC3PARAM, &[("hash algorithm", N8), ("flags", N8), ("iterations", N16), ("salt", Salt)]),
    checked(Rtype::TLSA, TLSA, check_tlsa),
    checked(Rtype::SMIMEA, TLSA, check_tlsa),
    checked(Rtype::CDS, DS, check_ds),
    checked(Rtype::CDNSKEY, KEY, check_key),
    line(Rtype::OPENPGPKEY, &[("key", Base64)]),
    line(Rtype::CSYNC, &[("serial", U32), ("flags", N16), ("types", Types)]),
    checked(Rtype::ZONEMD, &[("serial", U32), ("scheme", N8), ("hash algorithm", N8), ("digest", Hex)], check_zonemd),
    checked(Rtype::SVCB, SVC, super::svcb::check),
    checked(Rtype::HTTPS, SVC, super::svcb::check),
    line(Rtype::SPF, &[("text", Strs)]),
    line(Rtype::NID, &[("preference", N16), ("node id", Groups)]),
    line(Rtype::L32, &[("preference", N16), ("locator", V4)]),
    line(Rtype::L64, &[("preference", N16), ("locator", Groups)]),
    line(Rtype::LP, &[("preference", N16), TARGET]),
    line(Rtype::EUI48, &[("address", Eui(6))]),
    line(Rtype::EUI64, &[("address", Eui(8))]),
    checked(Rtype::URI, &[("priority", N16), ("weight", N16), ("target", Rest)], check_uri),
    line(Rtype::CAA, &[("flags", N8), ("tag", Tag), ("value", Rest)]),
];

/// The data behind the fixed part has the length that its kind of digest has.
fn check_digest(
    rdata: &[u8],
    kind: Option<u8>,
    lengths: &[(u8, usize)],
    head: usize,
    field: usize,
    what: &str,
) -> Result<(), (usize, String)> {
    let have = rdata.len().saturating_sub(head);
    match lengths.iter().find(|(known, _)| Some(*known) == kind) {
        Some(&(kind, want)) if want != have => Err((
            field,
            format!(
                "a {what} of type {kind} has {want} bytes ({} hex digits), found {have} bytes",
                want * 2
            ),
        )),
        _ => Ok(()),
    }
}

/// RFC 6698, 2.1.3: 1 is SHA-256, 2 is SHA-512.
fn check_tlsa(rdata: &[u8]) -> Result<(), (usize, String)> {
    check_digest(rdata, rdata.get(2).copied(), &[(1, 32), (2, 64)], 3, 3, "digest")
}

/// RFC 4255, 3.1.2 and RFC 6594: 1 is SHA-1, 2 is SHA-256.
fn check_sshfp(rdata: &[u8]) -> Result<(), (usize, String)> {
    check_digest(
        rdata,
        rdata.get(1).copied(),
        &[(1, 20), (2, 32)],
        2,
        2,
        "fingerprint",
    )
}

/// RFC 4034, 5.1.3; RFC 4509; RFC 5933; RFC 6605. Type 0 says "delete" in a CDS (RFC 8078, 4).
fn check_ds(rdata: &[u8]) -> Result<(), (usize, String)> {
    check_digest(
        rdata,
        rdata.get(3).copied(),
        &[(1, 20), (2, 32), (3, 32), (4, 48)],
        4,
        3,
        "digest",
    )
}

/// RFC 8976, 2.2.3 and 2.2.4.
fn check_zonemd(rdata: &[u8]) -> Result<(), (usize, String)> {
    check_digest(rdata, rdata.get(5).copied(), &[(1, 48), (2, 64)], 6, 3, "digest")?;
    if rdata.len() < 18 {
        return Err((3, "a digest has at least 12 bytes (RFC 8976, 2.2.4)".to_owned()));
    }
    Ok(())
}

/// RFC 4034, 2.1.2: the protocol is 3.
fn check_key(rdata: &[u8]) -> Result<(), (usize, String)> {
    match rdata.get(2) {
        Some(3) => Ok(()),
        _ => Err((
            1,
            "the protocol of a DNSKEY is always 3 (RFC 4034, 2.1.2)".to_owned(),
        )),
    }
}

/// RFC 7553, 4.3: the target is not empty.
fn check_uri(rdata: &[u8]) -> Result<(), (usize, String)> {
    if rdata.len() > 4 {
        return Ok(());
    }
    Err((
        2,
        "the target of a URI record must not be empty (RFC 7553, 4.3)".to_owned(),
    ))
}

/// RFC 3403, 4.1: flags are letters and digits; a record has a regular expression or a replacement.
fn check_naptr(rdata: &[u8]) -> Result<(), (usize, String)> {
    let mut rest = rdata.get(4..).unwrap_or_default();
    let mut strings = [&[][..]; 3];
    for string in &mut strings {
        let Some((&len, tail)) = rest.split_first() else {
            break;
        };
        let Some((body, tail)) = tail.split_at_checked(usize::from(len)) else {
            break;
        };
        *string = body;
        rest = tail;
    }
    let [flags, _, expression] = strings;
    if !flags.iter().all(u8::is_ascii_alphanumeric) {
        return Err((
            2,
            "the flags of a NAPTR record are letters and digits (RFC 3403, 4.1)".to_owned(),
        ));
    }
    if !expression.is_empty() && rest != [0] {
        let message = "a NAPTR record has a regular expression or a replacement, not both: write `.` as replacement (RFC 3403, 4.1)";
        return Err((5, message.to_owned()));
    }
    Ok(())
}

/// How the RDATA of a type is written, for messages: `SRV PRIORITY WEIGHT PORT TARGET`.
pub(super) fn usage(schema: &Schema) -> String {
    let mut text = schema.rtype.to_string();
    for (label, field) in schema.fields {
        text.push(' ');
        let label = label.to_ascii_uppercase().replace(' ', "-");
        match field {
            OptionalStr | SvcParams | Types | Apl => text.push_str(&format!("[{label}]")),
            Strs => text.push_str("\"TEXT\"..."),
            Str => text.push_str(&format!("\"{label}\"")),
            _ => text.push_str(&label),
        }
    }
    text
}

/// The number that a word stands for in a field with mnemonics.
pub(super) fn named(text: &str, names: &[(&str, u16)], max: u64) -> Option<u64> {
    words::number(text, max).or_else(|| {
        let found = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, value)| u64::from(*value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_type_is_found() {
        assert!(TABLE.windows(2).all(|pair| pair[0].rtype < pair[1].rtype));
        assert!(TABLE.iter().all(|schema| !schema.rtype.is_meta()));
    }

    #[test]
    fn names_come_behind_fields_of_one_word_each() {
        for schema in TABLE {
            let mut seen_variable = false;
            for (label, field) in schema.fields {
                assert!(!seen_variable, "{} {label}", schema.rtype);
                seen_variable = matches!(
                    field,
                    OptionalStr | Strs | Rest | Hex | Base64 | Types | Loc | Apl | SvcParams
                );
            }
        }
    }
}
