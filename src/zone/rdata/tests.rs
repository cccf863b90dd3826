//! Tests of all types: text to bytes and back, whole messages, hostile bytes.

use super::*;
use crate::message::Name;

fn origin() -> Name {
    "hearth.example".parse().unwrap()
}

fn read(rtype: &str, text: &str) -> Result<Box<[u8]>, RdataError> {
    let words = lexer::words_of(text.as_bytes()).unwrap();
    from_words(rtype.parse().unwrap(), &words, origin().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Type, text as people write it, bytes, canonical text ("" where it is the same).
const SAMPLES: &[(&str, &str, &str, &str)] = &[
    ("A", "192.0.2.1", "c0000201", ""),
    (
        "AAAA",
        "2001:DB8::1",
        "20010db8000000000000000000000001",
        "2001:db8::1",
    ),
    ("AAAA", "::ffff:192.0.2.1", "00000000000000000000ffffc0000201", ""),
    ("NS", "ns1", "036e7331066865617274680765 78616d706c6500", ""),
    ("CNAME", "@", "0668656172746807 6578616d706c6500", ""),
    (
        "CNAME",
        "Hearth.Example.",
        "0648656172746807 4578616d706c6500",
        "",
    ),
    ("DNAME", "x.", "017800", ""),
    ("PTR", "a\\.b.", "03612e6200", ""),
    (
        "SOA",
        "ns. a\\.b. 1 1h 15m 1w2d 4294967295",
        "026e7300 03612e6200 00000001 00000e10 00000384 000bdd80 ffffffff",
        "ns. a\\.b. 1 3600 900 777600 4294967295",
    ),
    ("MX", "10 x.", "000a017800", ""),
    ("MX", "0 .", "000000", ""),
    (
        "TXT",
        "a \"b c;\" \"\" \\\"\\065\\255",
        "0161 0462 20633b 00 032241ff",
        "\"a\" \"b c;\" \"\" \"\\\"A\\255\"",
    ),
    ("SPF", "\"v=spf1 -all\"", "0b763d73706631202d616c6c", ""),
    ("SRV", "10 5 8448 matrix.", "000a 0005 2100 066d617472697800", ""),
    (
        "CAA",
        "0 issue \"ca.example; x=y\"",
        "00 056973737565 63612e6578616d706c653b20783d79",
        "",
    ),
    ("CAA", "128 iodef \"\"", "80 05696f646566", ""),
    ("TLSA", "DANE-EE SPKI Full ab CD", "03 01 00 abcd", "3 1 0 ABCD"),
    ("SSHFP", "4 9 0102", "04 09 0102", ""),
    (
        "NAPTR",
        "100 10 \"S\" \"SIP+D2U\" \"\" _sip._udp",
        "0064 000a 0153 075349502b443255 00 045f736970045f756470066865617274680765 78616d706c6500",
        "",
    ),
    (
        "NAPTR",
        "1 1 u x \"!^.*$!sip:a@b!\" .",
        "0001 0001 0175 0178 0e215e2e2a24217369703a61406221 00",
        "1 1 \"u\" \"x\" \"!^.*$!sip:a@b!\" .",
    ),
    ("HTTPS", "0 x.", "0000 017800", ""),
    (
        "HTTPS",
        "1 . alpn=h2,h3 port=8448 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1",
        "0001 00 0001 0006 026832026833 0003 0002 2100 0004 0008 c0000201c0000202 0006 0010 20010db8000000000000000000000001",
        "",
    ),
    (
        "SVCB",
        "1 x. port=53 mandatory=port,alpn alpn=\"dot\" no-default-alpn",
        "0001 017800 0000 0004 00010003 0001 0004 03646f74 0002 0000 0003 0002 0035",
        "1 x. mandatory=alpn,port alpn=dot no-default-alpn port=53",
    ),
    (
        "SVCB",
        "1 x. dohpath=/dns-query{?dns} key667=\"a\\\" b\" key668 ech=AAAA ohttp",
        "0001 017800 0005 0003 000000 0007 0010 2f646e732d71756572797b3f646e737d 0008 0000 029b 0004 61222062 029c 0000",
        "1 x. ech=AAAA dohpath=\"/dns-query{?dns}\" ohttp key667=\"a\\\" b\" key668",
    ),
    ("DS", "1 ED25519 9 ab", "0001 0f 09 ab", "1 15 9 AB"),
    ("CDS", "0 0 0 00", "0000 00 00 00", ""),
    (
        "DNSKEY",
        "257 3 13 AQID BA==",
        "0101 03 0d 01020304",
        "257 3 13 AQIDBA==",
    ),
    ("CDNSKEY", "0 3 0 AA==", "0000 03 00 00", ""),
    ("HINFO", "x \"y z\"", "0178 0379207a", "\"x\" \"y z\""),
    (
        "RP",
        "admin . ",
        "0561646d696e066865617274680765 78616d706c6500 00",
        "admin .",
    ),
    ("AFSDB", "1 x.", "0001 017800", ""),
    ("KX", "1 x.", "0001 017800", ""),
    ("RT", "1 x.", "0001 017800", ""),
    ("PX", "1 x. y.", "0001 017800 017900", ""),
    ("MINFO", "x. y.", "017800 017900", ""),
    ("ISDN", "\"1\"", "0131", ""),
    ("ISDN", "\"1\" \"2\"", "0131 0132", ""),
    ("X25", "\"311\"", "03333131", ""),
    (
        "LOC",
        "42 21 54 N 71 06 18 W -24m 30m",
        "00 33 16 13 89172dd0 70be15f0 00988d20",
        "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m",
    ),
    (
        "LOC",
        "90 S 180 E -100000.00 0 90000000.00m 0.05",
        "00 00 99 50 6cb02700 a69fb200 00000000",
        "90 0 0.000 S 180 0 0.000 E -100000.00m 0.00m 90000000.00m 0.05m",
    ),
    (
        "URI",
        "10 1 \"https://a.example/\\\"\"",
        "000a 0001 68747470733a2f2f612e6578616d706c652f22",
        "",
    ),
    (
        "CERT",
        "PKIX 1 RSASHA256 AQID",
        "0001 0001 08 010203",
        "1 1 8 AQID",
    ),
    ("OPENPGPKEY", "AQ ID", "010203", "AQID"),
    ("SMIMEA", "3 0 0 01", "03 00 00 01", ""),
    ("EUI48", "00-00-5E-00-53-2a", "00005e00532a", "00-00-5e-00-53-2a"),
    ("EUI64", "00-00-5e-ef-10-00-00-2a", "00005eef1000002a", ""),
    (
        "APL",
        "1:192.0.2.0/24 !2:2001:db8::/32",
        "0001 18 03 c00002 0002 20 84 20010db8",
        "",
    ),
    ("APL", "1:0.0.0.0/0", "0001 00 00", ""),
    ("APL", "", "", ""),
    (
        "ZONEMD",
        "1 1 240 000102030405060708090a0b",
        "00000001 01 f0 000102030405060708090a0b",
        "1 1 240 000102030405060708090A0B",
    ),
    (
        "CSYNC",
        "66 3 AAAA A NS",
        "00000042 0003 00 04 60000008",
        "66 3 A NS AAAA",
    ),
    ("CSYNC", "66 3", "00000042 0003", ""),
    ("NSEC3PARAM", "1 0 0 -", "01 00 0000 00", ""),
    ("NSEC3PARAM", "1 0 5 AABB", "01 00 0005 02 aabb", ""),
    (
        "NSEC3",
        "1 1 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A TYPE65280",
        "01 01 0000 00 14 174eb2409fe28bcb4887a1836f957f0a8425e27b 00 01 40 ff 01 80",
        "",
    ),
    (
        "NSEC",
        "x. A MX TYPE1234",
        "017800 00 02 4001 04 1b 000000000000000000000000000000000000000000000000000020",
        "",
    ),
    (
        "RRSIG",
        "A 8 2 300 20270101123000 0 7 x. AQID",
        "0001 08 02 0000012c 6b379c48 00000000 0007 017800 010203",
        "A 8 2 300 20270101123000 19700101000000 7 x. AQID",
    ),
    ("DHCID", "AQID", "010203", ""),
    (
        "NID",
        "10 14:4fff:ff20:ee64",
        "000a 00144fffff20ee64",
        "10 0014:4fff:ff20:ee64",
    ),
    ("L32", "10 10.1.2.0", "000a 0a010200", ""),
    ("L64", "10 2001:0db8:1140:1000", "000a 20010db811401000", ""),
    ("LP", "10 x.", "000a 017800", ""),
    ("TYPE65280", "\\# 3 ab CDef", "abcdef", "\\# 3 abcdef"),
    ("TYPE65280", "\\# 0", "", "\\# 0"),
    ("A", "\\# 4 c0000201", "c0000201", "192.0.2.1"),
    ("NULL", "\\# 1 00", "00", "\\# 1 00"),
];

#[test]
fn every_type_goes_to_bytes_and_back() {
    for (rtype, text, want, canonical) in SAMPLES {
        let wire = read(rtype, text).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        assert_eq!(hex(&wire), want.replace(' ', ""), "{rtype} {text}");
        let number: Rtype = rtype.parse().unwrap();
        assert_eq!(validate(number, &wire), Ok(()), "{rtype} {text}");
        let relative = to_text(number, &wire, Some(origin().as_ref()));
        match *canonical {
            "" => assert_eq!(relative, text.trim(), "{rtype}"),
            canonical => assert_eq!(relative, canonical, "{rtype}"),
        }
        assert_eq!(
            read(rtype, &relative).as_deref(),
            Ok(&*wire),
            "{rtype} {relative}"
        );
        let absolute = to_text(number, &wire, None);
        assert_eq!(
            read(rtype, &absolute).as_deref(),
            Ok(&*wire),
            "{rtype} {absolute}"
        );
        let generic = print::generic(&wire);
        assert_eq!(read(rtype, &generic).as_deref(), Ok(&*wire), "{rtype} {generic}");
    }
}

#[test]
fn every_type_of_the_brief_has_a_sample() {
    for rtype in
        "A AAAA CNAME DNAME NS SOA MX TXT SPF PTR SRV CAA TLSA SSHFP NAPTR HTTPS SVCB DS CDS DNSKEY CDNSKEY \
        HINFO RP AFSDB KX LOC URI CERT OPENPGPKEY SMIMEA EUI48 EUI64 APL ZONEMD CSYNC NSEC3PARAM RRSIG NSEC"
            .split_whitespace()
    {
        assert!(SAMPLES.iter().any(|sample| sample.0 == rtype), "{rtype}");
    }
}

#[test]
fn messages_name_the_word_and_what_was_expected() {
    let long = format!("\"{}\"", "x".repeat(256));
    let cases: &[(&str, &str, usize, &str)] = &[
        (
            "A",
            "192.0.2",
            0,
            "expected the IPv4 address (four numbers up to 255 with dots between, as `192.0.2.1`), found `192.0.2`",
        ),
        (
            "A",
            "192.0.2.01",
            0,
            "expected the IPv4 address (four numbers up to 255 with dots between, as `192.0.2.1`), found `192.0.2.01`",
        ),
        (
            "A",
            "",
            0,
            "the IPv4 address is missing: expected `A IPV4-ADDRESS`",
        ),
        (
            "A",
            "1.2.3.4 5",
            1,
            "unexpected `5` behind the data: expected `A IPV4-ADDRESS`",
        ),
        (
            "AAAA",
            "192.0.2.1",
            0,
            "expected the IPv6 address (an address as `2001:db8::1`), found `192.0.2.1`",
        ),
        (
            "SRV",
            "10 5 8448",
            3,
            "the target is missing: expected `SRV PRIORITY WEIGHT PORT TARGET`",
        ),
        (
            "SRV",
            "10 5 65536 x",
            2,
            "expected the port (a number up to 65535), found `65536`",
        ),
        (
            "SRV",
            "+1 5 1 x",
            0,
            "expected the priority (a number up to 65535), found `+1`",
        ),
        (
            "SRV",
            "1 5 1 192.0.2.1",
            3,
            "expected the target (a name), found the address `192.0.2.1`: give the address a name with an A or AAAA record, and write that name here",
        ),
        (
            "CNAME",
            "a..b",
            0,
            "expected the target (a name), found `a..b`: the name has an empty label (two dots in a row)",
        ),
        ("CNAME", "\"a\"", 0, "expected the target (a name), found `\"a\"`"),
        (
            "MX",
            "mail 10",
            0,
            "expected the preference (a number up to 65535), found `mail`",
        ),
        ("TXT", "", 0, "the text is missing: expected `TXT \"TEXT\"...`"),
        (
            "TXT",
            &long,
            0,
            "the string has 256 bytes, at most 255 are allowed: split it into several, `\"first part\" \"second part\"`; readers join them without a blank",
        ),
        (
            "TXT",
            "a b=\"c d\"",
            1,
            "the word `b=\"c d\"` has a quotation mark inside; put the whole string in quotes and write `\\\"` for a mark in it",
        ),
        (
            "TXT",
            "\"\\300\"",
            0,
            "in `\"\\300\"` a backslash must be followed by one character or by three digits up to 255",
        ),
        (
            "SOA",
            "ns a x 1 1 1 1",
            2,
            "expected the serial (a number up to 4294967295), found `x`",
        ),
        (
            "SOA",
            "ns a 1 1y 1 1 1",
            3,
            "expected the refresh (seconds, or numbers with units as `1h30m`, up to 4294967295), found `1y`",
        ),
        (
            "TLSA",
            "3 1 1 abcd",
            3,
            "a digest of type 1 has 32 bytes (64 hex digits), found 2 bytes",
        ),
        (
            "TLSA",
            "3 1 0 abc",
            3,
            "expected the data (hex digits), found `abc`",
        ),
        (
            "TLSA",
            "3 1 0 ab \"cd\"",
            3,
            "expected the data (hex digits), found `abcd`",
        ),
        (
            "SSHFP",
            "4 2 ab",
            2,
            "a fingerprint of type 2 has 32 bytes (64 hex digits), found 1 bytes",
        ),
        (
            "DS",
            "1 8 2 ab",
            3,
            "a digest of type 2 has 32 bytes (64 hex digits), found 1 bytes",
        ),
        (
            "ZONEMD",
            "1 1 9 ab",
            3,
            "a digest has at least 12 bytes (RFC 8976, 2.2.4)",
        ),
        (
            "DNSKEY",
            "256 2 8 AQID",
            1,
            "the protocol of a DNSKEY is always 3 (RFC 4034, 2.1.2)",
        ),
        (
            "DNSKEY",
            "256 3 8 AQI",
            3,
            "expected the key (base64), found `AQI`",
        ),
        (
            "CAA",
            "0 is-sue x",
            1,
            "expected the tag (letters and digits, as `issue`), found `is-sue`",
        ),
        (
            "CAA",
            "256 issue x",
            0,
            "expected the flags (a number up to 255), found `256`",
        ),
        (
            "NAPTR",
            "1 1 \"-\" \"\" \"\" .",
            2,
            "the flags of a NAPTR record are letters and digits (RFC 3403, 4.1)",
        ),
        (
            "NAPTR",
            "1 1 \"u\" \"\" \"!a!b!\" x",
            5,
            "a NAPTR record has a regular expression or a replacement, not both: write `.` as replacement (RFC 3403, 4.1)",
        ),
        (
            "URI",
            "1 1 \"\"",
            2,
            "the target of a URI record must not be empty (RFC 7553, 4.3)",
        ),
        (
            "EUI48",
            "00:00:5e:00:53:2a",
            0,
            "expected the address (6 pairs of hex digits with dashes between), found `00:00:5e:00:53:2a`",
        ),
        ("LOC", "90 0 0.001 N 0 E 0", 3, "the latitude is over 90 degrees"),
        (
            "LOC",
            "42 60 N 0 E 0",
            1,
            "expected the latitude's minutes (0 to 59), or `N` or `S`, found `60`",
        ),
        (
            "LOC",
            "42 59 60 N 0 E 0",
            2,
            "expected the latitude's seconds (0 to 59.999), or `N` or `S`, found `60`",
        ),
        (
            "LOC",
            "42 N 181 E 0",
            2,
            "expected the longitude's degrees (0 to 180), found `181`",
        ),
        ("LOC", "42 N 1 E", 4, "the altitude in metres is missing"),
        (
            "LOC",
            "42 N 1 E -100000.01m",
            4,
            "expected the altitude (metres from -100000.00 to 42849672.95), found `-100000.01m`",
        ),
        (
            "LOC",
            "42 N 1 E 42849672.96m",
            4,
            "expected the altitude (metres from -100000.00 to 42849672.95), found `42849672.96m`",
        ),
        (
            "LOC",
            "42 N 1 E 0 90000000.01m",
            5,
            "expected the size (metres from 0.00 to 90000000.00), found `90000000.01m`",
        ),
        (
            "APL",
            "1:192.0.2.0/33",
            0,
            "expected an address prefix (`1:` and an IPv4 prefix or `2:` and an IPv6 prefix, as `1:192.0.2.0/24`, with `!` in front for \"not\"), found `1:192.0.2.0/33`",
        ),
        (
            "HTTPS",
            "0 x alpn=h2",
            2,
            "a record in alias mode (priority 0) has no parameters (RFC 9460, 2.4.2): give it a priority from 1 on, or drop them",
        ),
        (
            "HTTPS",
            "1 . prot=1",
            2,
            "expected a parameter as `port=8448`, found `prot=1`: did you mean `port`?",
        ),
        (
            "HTTPS",
            "1 . port=x",
            2,
            "`port`: expected a value, as `port=8448`",
        ),
        (
            "HTTPS",
            "1 . alpn",
            2,
            "`alpn`: expected a value, as `alpn=h2,h3`",
        ),
        ("HTTPS", "1 . alpn=h2,,h3", 2, "`alpn`: a protocol is empty"),
        (
            "HTTPS",
            "1 . port=1 key3=ab",
            3,
            "the key `port` stands here twice (RFC 9460, 2.1)",
        ),
        ("HTTPS", "1 . key4=ab", 2, "`ipv4hint`: expected IPv4 addresses"),
        (
            "HTTPS",
            "1 . key04=ab",
            2,
            "expected a parameter as `port=8448`, found `key04=ab`",
        ),
        (
            "HTTPS",
            "1 . key65535",
            2,
            "expected a parameter as `port=8448`, found `key65535`",
        ),
        (
            "HTTPS",
            "1 . no-default-alpn",
            2,
            "`no-default-alpn` needs an `alpn` (RFC 9460, 7.1.1)",
        ),
        (
            "HTTPS",
            "1 . no-default-alpn=x alpn=h2",
            2,
            "`no-default-alpn`: this key has no value",
        ),
        (
            "HTTPS",
            "1 . mandatory=alpn",
            2,
            "`alpn` is mandatory but stands not in the record (RFC 9460, 8)",
        ),
        (
            "HTTPS",
            "1 . mandatory=port,port port=1",
            2,
            "`mandatory`: each key stands in it once, in order, and never `mandatory` itself (RFC 9460, 8)",
        ),
        (
            "HTTPS",
            "1 . mandatory=mandatory",
            2,
            "`mandatory`: each key stands in it once, in order, and never `mandatory` itself (RFC 9460, 8)",
        ),
        (
            "SVCB",
            "1 . dohpath=dns-query",
            2,
            "`dohpath`: expected a path with the variable `dns`, as `/dns-query{?dns}` (RFC 9461, 5)",
        ),
        (
            "TYPE65280",
            "abcd",
            0,
            "the data of TYPE65280 must be written as `\\# LENGTH HEX` (RFC 3597, 5)",
        ),
        ("TYPE65280", "\\#", 1, "the length behind `\\#` is missing"),
        (
            "TYPE65280",
            "\\# 3 abcd",
            1,
            "the length says 3 bytes, the hex digits behind it make 2",
        ),
        (
            "TYPE65280",
            "\\# 3 abc",
            2,
            "hex digits come in pairs, found 3 of them",
        ),
        ("TYPE65280", "\\# 3 ab xy", 3, "expected hex digits, found `xy`"),
        (
            "TYPE65280",
            "\\# 65536 ab",
            1,
            "expected the length (0 to 65535), found `65536`",
        ),
        (
            "A",
            "\\# 3 abcdef",
            2,
            "these bytes are no A data: the data ends before or within the IPv4 address",
        ),
        (
            "A",
            "\\# 5 abcdefabcd",
            2,
            "these bytes are no A data: 1 bytes are left behind the data",
        ),
        (
            "ANY",
            "x",
            0,
            "ANY is a type of questions, not of data, and cannot stand in a zone",
        ),
        (
            "OPT",
            "\\# 0",
            0,
            "OPT is a type of questions, not of data, and cannot stand in a zone",
        ),
        (
            "TYPE0",
            "\\# 0",
            0,
            "TYPE0 is a type of questions, not of data, and cannot stand in a zone",
        ),
    ];
    for (rtype, text, word, message) in cases {
        let error = read(rtype, text).map(|wire| hex(&wire));
        assert_eq!(
            error,
            Err(RdataError {
                word: *word,
                message: (*message).to_owned()
            }),
            "{rtype} {text}"
        );
    }
}

#[test]
fn rfc9460_appendix_d_test_vectors() {
    let cases = [
        ("0 foo.example.com.", "0000 03666f6f076578616d706c6503636f6d00"),
        ("1 .", "0001 00"),
        (
            "16 foo.example.com. port=53",
            "0010 03666f6f076578616d706c6503636f6d00 0003 0002 0035",
        ),
        (
            "1 foo.example.com. key667=hello",
            "0001 03666f6f076578616d706c6503636f6d00 029b 0005 68656c6c6f",
        ),
        (
            "1 foo.example.com. key667=\"hello\\210qoo\"",
            "0001 03666f6f076578616d706c6503636f6d00 029b 0009 68656c6c6fd2716f6f",
        ),
        (
            "1 foo.example.com. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
            "0001 03666f6f076578616d706c6503636f6d00 0006 0020 20010db8000000000000000000000001 20010db8000000000000000000530001",
        ),
        (
            "16 foo.example.org. ( alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1 )",
            "0010 03666f6f076578616d706c65036f726700 0000 0004 00010004 0001 0009 026832 0568332d3139 0004 0004 c0000201",
        ),
        (
            "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
            "0010 03666f6f076578616d706c65036f726700 0001 000c 08665c6f6f2c626172 026832",
        ),
        (
            "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
            "0010 03666f6f076578616d706c65036f726700 0001 000c 08665c6f6f2c626172 026832",
        ),
    ];
    for (text, want) in cases {
        let wire = read("SVCB", text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(hex(&wire), want.replace(' ', ""), "{text}");
        let back = to_text(Rtype::SVCB, &wire, None);
        assert_eq!(read("SVCB", &back).as_deref(), Ok(&*wire), "{back}");
    }
    for text in [
        "1 foo.example.com. ( key123=abc key123=def )",
        "1 foo.example.com. mandatory",
        "1 foo.example.com. alpn",
        "1 foo.example.com. port",
        "1 foo.example.com. ipv4hint",
        "1 foo.example.com. ipv6hint",
        "1 foo.example.com. no-default-alpn=abc",
        "1 foo.example.com. mandatory=key123",
        "1 foo.example.com. mandatory=mandatory",
        "1 foo.example.com. ( mandatory=key123,key123 key123=abc )",
    ] {
        assert!(read("SVCB", text).is_err(), "{text}");
    }
}

#[test]
fn bytes_that_do_not_fit_print_in_the_generic_form() {
    for (rtype, rdata) in [
        (Rtype::A, &b"\x01"[..]),
        (Rtype::TXT, b""),
        (Rtype::TXT, b"\x05ab"),
        (Rtype::MX, b"\x00\x01\xc0\x0c"),
        (
            Rtype::LOC,
            &[0, 0x05, 0, 0, 128, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0],
        ),
        (Rtype::NSEC, b"\x00\x00\x01\x00"),
        (
            Rtype::SVCB,
            b"\x00\x01\x00\x00\x03\x00\x02\x00\x01\x00\x01\x00\x03\x02h2",
        ),
        (Rtype::APL, b"\x00\x01\x18\x04\xc0\x00\x02\x00"),
    ] {
        let text = to_text(rtype, rdata, None);
        assert!(text.starts_with("\\# "), "{rtype} {text}");
        assert!(validate(rtype, rdata).is_err(), "{rtype}");
        assert!(read(&rtype.to_string(), &text).is_err(), "{rtype}");
    }
    // Discouraged, not malformed: kept, and printed so that it can be read back.
    let alias = b"\x00\x00\x00\x00\x03\x00\x02\x00\x01";
    assert_eq!(validate(Rtype::SVCB, alias), Ok(()));
    assert_eq!(to_text(Rtype::SVCB, alias, None), "\\# 9 000000000300020001");
    assert_eq!(
        read("SVCB", "\\# 9 000000000300020001").as_deref(),
        Ok(&alias[..])
    );
}

#[test]
fn names_are_found_where_they_stand() {
    let shown = |rtype: &str, text: &str| {
        let wire = read(rtype, text).unwrap();
        let number: Rtype = rtype.parse().unwrap();
        let all: Vec<String> = names(number, &wire).map(|name| name.to_string()).collect();
        format!(
            "{} -> {}",
            all.join(" "),
            target(number, &wire).map_or("-".to_owned(), |name| name.to_string())
        )
    };
    assert_eq!(shown("SOA", "a. b. 1 1 1 1 1"), "a. b. -> -");
    assert_eq!(shown("SRV", "1 2 3 a."), "a. -> a.");
    assert_eq!(shown("NAPTR", "1 2 \"\" \"x\" \"\" a."), "a. -> a.");
    assert_eq!(shown("HTTPS", "1 a. port=1"), "a. -> a.");
    assert_eq!(shown("RRSIG", "A 8 2 300 20270101123000 0 7 x. AQID"), "x. -> -");
    assert_eq!(shown("A", "192.0.2.1"), " -> -");
    assert_eq!(names(Rtype::MX, b"\x00").count(), 0);
    assert_eq!(names(Rtype::SOA, b"\x01a\x00\xc0").count(), 1);
    assert_eq!(
        (
            name_word(Rtype::SRV),
            name_word(Rtype::A),
            name_word(Rtype::NAPTR)
        ),
        (3, 0, 5)
    );
}

#[test]
fn relative_names_are_read_back_as_the_same() {
    let origin = origin();
    for text in [
        "hearth.example.",
        "a.hearth.example.",
        "A.HEARTH.Example.",
        "1.2.3.4.hearth.example.",
        "example.",
        "xhearth.example.",
        "\\@.hearth.example.",
        "a\\.hearth.example.",
        ".",
    ] {
        let name: Name = text.parse().unwrap();
        for origin in [origin.as_ref(), NameRef::ROOT] {
            let short = name_text(name.as_ref(), Some(origin));
            assert_eq!(Name::parse(&short, Some(origin)).unwrap(), name, "{short}");
        }
    }
    let address: Name = "1.2.3.4.hearth.example".parse().unwrap();
    assert_eq!(
        name_text(address.as_ref(), Some(origin.as_ref())),
        "1.2.3.4.hearth.example."
    );
}

#[test]
fn arguments_of_a_command_line_have_lost_their_quotes() {
    let read = |rtype, args: &[&str]| from_args(rtype, args, origin().as_ref()).map(|wire| hex(&wire));
    assert_eq!(
        read(Rtype::TXT, &["a b; c", "d"]),
        Ok("06612062 3b2063 0164".replace(' ', ""))
    );
    assert_eq!(
        read(Rtype::TXT, &["\"a b\" \"c\""]),
        Ok("036120620163".to_owned())
    );
    assert_eq!(
        read(Rtype::SRV, &["10", "5", "8448", "x."]),
        Ok("000a00052100017800".to_owned())
    );
    assert_eq!(
        read(Rtype::SRV, &["10 5 8448 x."]),
        Ok("000a00052100017800".to_owned())
    );
    assert_eq!(
        read(Rtype::CAA, &["0", "issue", "a; b"]),
        Ok("00056973737565613b2062".to_owned())
    );
    assert_eq!(
        read(Rtype::CAA, &["0", "issue", ""]),
        Ok("00056973737565".to_owned())
    );
    assert_eq!(
        read(Rtype::CAA, &["0 issue \"a\""]),
        Ok("0005697373756561".to_owned())
    );
    assert_eq!(
        read(Rtype::HTTPS, &["1", ".", "alpn=h2,h3"]),
        Ok("0001000001000602683202 6833".replace(' ', ""))
    );
    assert_eq!(read(Rtype::TXT, &["\\# 2 0161"]), Ok("0161".to_owned()));
    let error = read(Rtype::A, &["1.2.3.4 ; x"]).unwrap_err();
    assert_eq!(
        error.message,
        "a `;` starts a comment: write `\\;`, or put the string in quotes"
    );
}

/// A small generator, the same numbers on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[test]
fn hostile_bytes_never_panic_and_valid_ones_come_back() {
    let mut dice = Dice(1);
    let samples: Vec<(Rtype, Box<[u8]>)> = SAMPLES
        .iter()
        .map(|(rtype, text, ..)| (rtype.parse().unwrap(), read(rtype, text).unwrap()))
        .collect();
    let mut valid = 0;
    for _ in 0..100_000 {
        let (rtype, wire) = &samples[dice.below(samples.len())];
        let mut wire = wire.to_vec();
        for _ in 0..=dice.below(3) {
            let at = dice.below(wire.len() + 1);
            match dice.below(3) {
                0 => wire.insert(at, u8::try_from(dice.below(256)).unwrap()),
                1 if at < wire.len() => _ = wire.remove(at),
                _ if at < wire.len() => wire[at] = [0, 1, 63, 64, 192, 255][dice.below(6)],
                _ => {}
            }
        }
        let text = to_text(*rtype, &wire, Some(origin().as_ref()));
        names(*rtype, &wire).for_each(drop);
        if validate(*rtype, &wire).is_ok() {
            valid += 1;
            let back = read(&rtype.to_string(), &text);
            assert_eq!(back.as_deref(), Ok(&*wire), "{rtype} {text}");
        }
    }
    assert!(valid > 10_000, "{valid}");
}

#[test]
fn hostile_words_never_panic() {
    let mut dice = Dice(2);
    let mut accepted = 0;
    for _ in 0..100_000 {
        let (rtype, text, ..) = SAMPLES[dice.below(SAMPLES.len())];
        let mut text = text.as_bytes().to_vec();
        for _ in 0..=dice.below(3) {
            let at = dice.below(text.len() + 1);
            match dice.below(3) {
                0 => text.insert(at, b"\"\\ =,.0aZ/:!-;(\xff"[dice.below(16)]),
                1 if at < text.len() => _ = text.remove(at),
                _ if at < text.len() => text[at] = b"\"\\ =,.0aZ/:!-;(\xff"[dice.below(16)],
                _ => {}
            }
        }
        let Ok(words) = lexer::words_of(&text) else {
            continue;
        };
        let rtype: Rtype = rtype.parse().unwrap();
        if let Ok(wire) = from_words(rtype, &words, origin().as_ref()) {
            accepted += 1;
            assert_eq!(
                validate(rtype, &wire),
                Ok(()),
                "{rtype} {}",
                String::from_utf8_lossy(&text)
            );
        }
    }
    assert!(accepted > 10_000, "{accepted}");
}
