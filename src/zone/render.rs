//! Records to text: a whole zone as a canonical master file, one record as a line.
//!
//! The file form is what the last good copy of a zone is kept in and what `list-records` prints: absolute
//! names, explicit TTLs, one record a line, options as pragmas. [`super::master::parse`] reads it back to
//! equal records.

use std::fmt::Write as _;

use crate::message::{Name, NameRef};

use super::master::civil::write_time;
use super::rdata::{name_text, to_text};
use super::record::{Options, Record};

/// A canonical master file of `records` in their order; reading it back gives equal options and records.
pub fn zone_text<'a>(origin: &Name, options: &Options, records: impl Iterator<Item = &'a Record>) -> String {
    let mut out = format!("$ORIGIN {origin}\n");
    if let Some(mode) = options.mode {
        line(&mut out, format_args!("; hearthdns: mode={}", mode.as_str()));
    }
    for name in &options.forward {
        line(
            &mut out,
            format_args!("; hearthdns: forward={}", option_text(name)),
        );
    }
    for value in &options.matrix {
        line(&mut out, format_args!("; hearthdns: matrix={value}"));
    }
    for record in records {
        out.push_str(&record_text(record, None));
        out.push('\n');
    }
    out
}

/// One record as a line of a master file without the line end: owner, TTL, class, type, RDATA, and when it
/// expires. Names are relative to `origin` where it is given.
#[must_use]
pub fn record_text(record: &Record, origin: Option<NameRef<'_>>) -> String {
    let owner = name_text(record.owner.as_ref(), origin);
    let mut out = format!(
        "{owner} {} IN {} {}",
        record.ttl,
        record.rtype,
        to_text(record.rtype, &record.rdata, origin)
    );
    if let Some(time) = record.expires {
        // Writing to a string cannot fail.
        let _ = write!(out, " ; hearthdns: expires={}", write_time(time));
    }
    out
}

/// Owner, type and RDATA, as messages name a record: `matrix A 203.0.113.10`.
#[must_use]
pub fn short_text(record: &Record, origin: Option<NameRef<'_>>) -> String {
    let owner = name_text(record.owner.as_ref(), origin);
    let data = to_text(record.rtype, &record.rdata, origin);
    format!("{owner} {} {data}", record.rtype)
}

/// A name as the value of `forward=`, where commas part names.
fn option_text(name: &Name) -> String {
    name.to_string().replace(',', "\\,")
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Rtype;
    use crate::zone::master;
    use crate::zone::record::Mode;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_zone_comes_back_from_its_text() {
        let origin = name("hearth.example");
        let a = |owner: &str, expires| Record {
            owner: name(owner),
            ttl: 300,
            rtype: Rtype::A,
            rdata: Box::from([192, 0, 2, 1]),
            expires,
        };
        let records = [
            a("Matrix.hearth.example", Some(1_798_806_600)),
            a("\\@.hearth.example", Some(1_798_761_600)),
            a("$x.hearth.example", None),
            a("*.a\\;b\\(c\\\"d\\032e\\.f.hearth.example", None),
            Record {
                rtype: Rtype::TXT,
                rdata: Box::from(&b"\x04a;\"\\\x00"[..]),
                ..a("hearth.example", None)
            },
            Record {
                rtype: Rtype(65_280),
                rdata: Box::from([]),
                ..a("hearth.example", None)
            },
        ];
        let options = Options {
            mode: Some(Mode::Overlay),
            forward: vec![name("a,b\\;c\\032d\\\\.hearth.example"), name("b.hearth.example")],
            matrix: vec!["hearth.example,none".to_owned()],
        };
        let text = zone_text(&origin, &options, records.iter());
        let want = "$ORIGIN hearth.example.\n\
            ; hearthdns: mode=overlay\n\
            ; hearthdns: forward=a\\,b\\;c\\032d\\\\.hearth.example.\n\
            ; hearthdns: forward=b.hearth.example.\n\
            ; hearthdns: matrix=hearth.example,none\n\
            Matrix.hearth.example. 300 IN A 192.0.2.1 ; hearthdns: expires=2027-01-01T12:30:00Z\n\
            \\@.hearth.example. 300 IN A 192.0.2.1 ; hearthdns: expires=2027-01-01\n\
            \\$x.hearth.example. 300 IN A 192.0.2.1\n\
            *.a\\;b\\(c\\\"d\\032e\\.f.hearth.example. 300 IN A 192.0.2.1\n\
            hearth.example. 300 IN TXT \"a;\\\"\\\\\"\n\
            hearth.example. 300 IN TYPE65280 \\# 0\n";
        let want = want.replace("TXT \"a;\\\"\\\\\"", "TXT \"a;\\\"\\\\\" \"\"");
        assert_eq!(text, want);
        let file = master::parse("x.zone", text.as_bytes(), &origin, &mut |_| {
            Err("no files".to_owned())
        });
        assert_eq!(file.defects, []);
        assert_eq!(file.options, options);
        assert!(file.entries.iter().map(|entry| &entry.record).eq(records.iter()));
    }

    #[test]
    fn short_forms_are_relative() {
        let origin = name("hearth.example");
        let record = Record {
            owner: name("www.hearth.example"),
            ttl: 300,
            rtype: Rtype::CNAME,
            rdata: name("hearth.example").as_wire().into(),
            expires: None,
        };
        assert_eq!(short_text(&record, Some(origin.as_ref())), "www CNAME @");
        assert_eq!(
            record_text(&record, None),
            "www.hearth.example. 300 IN CNAME hearth.example."
        );
    }
}
