//! Tests over whole files: every record that a text holds, every defect that it has, each with its place.

use super::*;
use crate::zone::render::record_text;

fn read(text: &str) -> MasterFile {
    let origin: Name = "hearth.example".parse().unwrap();
    parse("h.zone", text.as_bytes(), &origin, &mut |wanted| match wanted {
        "parts/a" => Ok(b"in A 192.0.2.70\n$INCLUDE b\n$ORIGIN lost\n".to_vec()),
        "parts/b" => Ok(b"deep A 192.0.2.71\n".to_vec()),
        "self" => Ok(b"$INCLUDE self\n".to_vec()),
        _ => Err("there is none".to_owned()),
    })
}

/// `LINE:COLUMN RECORD` of each record.
fn records(text: &str) -> Vec<String> {
    let file = read(text);
    assert_eq!(file.defects, [], "{text}");
    let shown = |entry: &Entry| {
        let text = record_text(&entry.record, None);
        format!("{}:{} {text}", entry.line, entry.column)
    };
    file.entries.iter().map(shown).collect()
}

fn defects(text: &str) -> Vec<String> {
    read(text).defects.iter().map(ToString::to_string).collect()
}

#[test]
fn rfc1035_s5_1_owner_ttl_and_class_may_be_left_out_and_swapped() {
    assert_eq!(
        records(
            "$TTL 300\na A 192.0.2.1\n  IN 60 A 192.0.2.2\n\tTXT x\nb 70 IN A 192.0.2.3\nc IN 80 A 192.0.2.4\nd IN A 192.0.2.5\n"
        ),
        [
            "2:1 a.hearth.example. 300 IN A 192.0.2.1",
            "3:3 a.hearth.example. 60 IN A 192.0.2.2",
            "4:2 a.hearth.example. 300 IN TXT \"x\"",
            "5:1 b.hearth.example. 70 IN A 192.0.2.3",
            "6:1 c.hearth.example. 80 IN A 192.0.2.4",
            "7:1 d.hearth.example. 300 IN A 192.0.2.5",
        ]
    );
}

#[test]
fn rfc1035_s5_1_parentheses_quotes_and_escapes() {
    assert_eq!(
        records(
            "$TTL 1h\n@ SOA ns hostmaster ( 1 ; serial\n 3600 900\n 604800 60 )\nt TXT ( \"a;(b\" ; not )\n \"c \\\"d\" )\n\\097\\.b TXT \\065\\;\n"
        ),
        [
            "2:1 hearth.example. 3600 IN SOA ns.hearth.example. hostmaster.hearth.example. 1 3600 900 604800 60",
            "5:1 t.hearth.example. 3600 IN TXT \"a;(b\" \"c \\\"d\"",
            "7:1 a\\.b.hearth.example. 3600 IN TXT \"A;\"",
        ]
    );
}

#[test]
fn rfc1035_s5_1_origin_and_include() {
    assert_eq!(
        records(
            "$TTL 60\n$ORIGIN sub\na A 192.0.2.1\n$INCLUDE parts/a below\nz A 192.0.2.2\n$ORIGIN hearth.example.\n@ A 192.0.2.3\n"
        ),
        [
            "3:1 a.sub.hearth.example. 60 IN A 192.0.2.1",
            "1:1 in.below.sub.hearth.example. 60 IN A 192.0.2.70",
            "1:1 deep.below.sub.hearth.example. 60 IN A 192.0.2.71",
            "5:1 z.sub.hearth.example. 60 IN A 192.0.2.2",
            "7:1 hearth.example. 60 IN A 192.0.2.3",
        ]
    );
    assert_eq!(
        defects("$INCLUDE parts/none\n$INCLUDE self\n"),
        [
            "h.zone:1:10: cannot include `parts/none`: there is none",
            "self:1:10: files include files over 8 deep",
        ]
    );
}

#[test]
fn generate_counts_with_offset_width_and_base() {
    assert_eq!(
        records("$TTL 60\n$GENERATE 1-3/2 h${0,2} A 192.0.2.$\n$GENERATE 10-11 $ PTR h${-9,0,x}\n"),
        [
            "2:1 h01.hearth.example. 60 IN A 192.0.2.1",
            "2:1 h03.hearth.example. 60 IN A 192.0.2.3",
            "3:1 10.hearth.example. 60 IN PTR h1.hearth.example.",
            "3:1 11.hearth.example. 60 IN PTR h2.hearth.example.",
        ]
    );
}

#[test]
fn rfc2308_s4_the_ttl_comes_from_the_directive_the_last_record_or_the_soa() {
    let ttls = |text: &str| -> Vec<u32> { read(text).entries.iter().map(|entry| entry.record.ttl).collect() };
    assert_eq!(
        ttls("a A 192.0.2.1\nb 5 A 192.0.2.1\nc A 192.0.2.1\n"),
        [DEFAULT_TTL, 5, 5]
    );
    assert_eq!(ttls("@ SOA a b 1 2 3 4 77\nc A 192.0.2.1\n"), [77, 77]);
    assert_eq!(
        ttls("$TTL 9\nb 5 A 192.0.2.1\nc A 192.0.2.1\n$TTL 1w2d\nd A 192.0.2.1\n"),
        [5, 9, 777_600]
    );
}

#[test]
fn every_defect_is_told_with_its_place() {
    assert_eq!(
        defects(
            "a A 1.2.3\n  A 192.0.2.1 x\nb FOO 1\nc 99999999999 A 192.0.2.1\n$TLL 5\n$ORIGIN\nd CH A 192.0.2.1\ne.\\256 A 192.0.2.1\n\
             f A\nother.example. A 192.0.2.1\ng TXT \"open\n; hearthdns: mode=overlap\n; hearthdns: forward=@\nh A 192.0.2.1 ; hearthdns: expire=2027-01-01\n"
        ),
        [
            "h.zone:1:5: expected the IPv4 address (four numbers up to 255 with dots between, as `192.0.2.1`), found `1.2.3`",
            "h.zone:2:15: unexpected `x` behind the data: expected `A IPV4-ADDRESS`",
            "h.zone:3:3: expected a TTL, the class IN or a type, found `FOO`",
            "h.zone:4:3: the TTL `99999999999` is over 2147483647 seconds, the largest there is (RFC 2181, 8)",
            "h.zone:5:1: unknown directive `$TLL`: expected `$ORIGIN`, `$TTL`, `$INCLUDE` or `$GENERATE`: did you mean `$TTL`?",
            "h.zone:6:8: the name is missing",
            "h.zone:7:3: the class `CH` is not served here: only IN is, and may be left out",
            "h.zone:8:1: bad owner `e.\\256`: a backslash must be followed by one character or by three digits up to 255",
            "h.zone:9:4: the IPv4 address is missing: expected `A IPV4-ADDRESS`",
            "h.zone:10:1: the owner other.example. is not in the zone hearth.example.: names without a closing dot are completed by `$ORIGIN`",
            "h.zone:11:7: the quoted string is not closed on its line; write `\\\"` for a quotation mark in it",
            "h.zone:12:14: unknown mode `mode=overlap`: expected `private`, `overlay` or `redirect`: did you mean `overlay`?",
            "h.zone:13:14: `forward=` names the zone itself, of which nothing would be left: write `mode=overlay` to look up what the file does not hold",
            "h.zone:14:28: unknown option `expire=2027-01-01`: expected `mode=`, `forward=`, `matrix=` or `expires=`: did you mean `expires`?",
        ]
    );
}

#[test]
fn nothing_hostile_costs_more_than_its_bounds() {
    // Each of these made an unbounded reader slow, deep or large.
    for text in [
        "(".repeat(100_000),
        "\"".repeat(100_001),
        format!("a TXT {}", "x ".repeat(100_000)),
        format!("a TXT \"{}\"", "x".repeat(300_000)),
        "$GENERATE 0-4294967295 a$ A 192.0.2.1\n".to_owned(),
        "x\n".repeat(5_000),
        format!("{}.a A 192.0.2.1", "a.".repeat(200)),
        "\0\u{feff}\u{202e} A \\".to_owned(),
    ] {
        let file = read(&text);
        let shown: String = text.chars().take(20).collect();
        assert!(!file.defects.is_empty(), "{shown}");
        assert!(file.defects.len() <= MAX_DEFECTS + 1, "{shown}");
        assert!(file.entries.len() <= MAX_RECORDS, "{shown}");
        assert!(
            file.defects.iter().all(|defect| defect.message.len() < 600),
            "{shown}"
        );
    }
}
