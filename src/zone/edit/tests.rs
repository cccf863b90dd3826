//! Tests of edits: whole texts before and after, and random files with random edits.

use super::*;
use crate::zone::master::parse;

const ORIGIN: &str = "hearth.example";

fn name(text: &str) -> Name {
    Name::parse(text, Some(ORIGIN.parse::<Name>().unwrap().as_ref())).unwrap()
}

fn read(text: &str) -> MasterFile {
    read_with(text, "")
}

fn read_with(text: &str, included: &str) -> MasterFile {
    parse("h.zone", text.as_bytes(), &name("@"), &mut |_| {
        Ok(included.as_bytes().to_vec())
    })
}

fn new(owner: &str, rtype: Rtype, data: &[&str]) -> NewRecord {
    let rdata = rdata::from_args(rtype, data, name("@").as_ref()).unwrap();
    NewRecord {
        owner: name(owner),
        ttl: None,
        rtype,
        rdata,
        comment: None,
        expires: None,
    }
}

fn shown(edited: Result<Edited, EditError>) -> String {
    match edited {
        Ok(edited) => String::from_utf8(edited.text).unwrap(),
        Err(error) => format!("error: {error}"),
    }
}

fn added(text: &str, new: &NewRecord) -> String {
    shown(add(&read(text), text.as_bytes(), new))
}

fn set_to(text: &str, new: &NewRecord) -> String {
    shown(set(&read(text), text.as_bytes(), new))
}

fn removed(text: &str, owner: &str, rtype: Option<Rtype>) -> String {
    shown(remove(&read(text), text.as_bytes(), &name(owner), rtype, None))
}

#[test]
fn add_goes_behind_its_owner_in_the_style_of_the_neighbour() {
    let text = "$TTL 1h\n\
        ; the hosts\n\
        matrix   IN  A      192.0.2.1 ; first\n\
        \n\
        www      IN  A      192.0.2.2\n";
    assert_eq!(
        added(text, &new("matrix", Rtype::AAAA, &["2001:db8::1"])),
        text.replace("; first\n", "; first\nmatrix   IN  AAAA   2001:db8::1\n")
    );
    assert_eq!(
        added(text, &new("turn", Rtype::CNAME, &["www"])),
        format!("{text}turn     IN  CNAME  www\n")
    );
    let with = NewRecord {
        ttl: Some(60),
        comment: Some("moved 3 May".to_owned()),
        expires: Some(1_798_761_600),
        ..new("turn", Rtype::A, &["192.0.2.9"])
    };
    assert_eq!(
        added(text, &with),
        format!("{text}turn     60 IN  A      192.0.2.9 ; moved 3 May ; hearthdns: expires=2027-01-01\n")
    );
}

#[test]
fn add_keeps_line_ends_and_ends_an_open_line() {
    let record = new("b", Rtype::A, &["192.0.2.2"]);
    assert_eq!(added("", &record), "b A 192.0.2.2\n");
    assert_eq!(added("a A 192.0.2.1", &record), "a A 192.0.2.1\nb A 192.0.2.2\n");
    assert_eq!(
        added("a A 192.0.2.1\r\n; c", &record),
        "a A 192.0.2.1\r\n; c\r\nb A 192.0.2.2\r\n"
    );
    assert_eq!(
        added("b\tA\t192.0.2.1\n\tTXT\tx\nc A 192.0.2.3\n", &record),
        "b\tA\t192.0.2.1\n\tTXT\tx\n\tA\t192.0.2.2\nc A 192.0.2.3\n"
    );
}

#[test]
fn add_writes_names_relative_to_the_origin_in_force() {
    let text = "$ORIGIN dmz.hearth.example.\nx A 192.0.2.1\n$ORIGIN hearth.example.\ny A 192.0.2.2\n$ORIGIN other.\n";
    assert_eq!(
        added(text, &new("x.dmz", Rtype::MX, &["10", "y.dmz"])),
        text.replace("192.0.2.1\n", "192.0.2.1\nx MX 10 y\n")
    );
    assert_eq!(
        added(text, &new("z", Rtype::CNAME, &["y"])),
        format!("{text}z.hearth.example. CNAME y.hearth.example.\n")
    );
}

#[test]
fn rfc1982_the_serial_counts_up_and_comments_keep_their_column() {
    let text =
        "@ SOA ns1 admin (\n      9        ; serial\n      1h       ; refresh\n      15m 1w 300 ) ; end\n";
    assert_eq!(
        added(text, &new("a", Rtype::A, &["192.0.2.1"])),
        text.replace("9        ;", "10       ;") + "a A 192.0.2.1\n"
    );
    let wrap = "@ SOA ns1 admin 4294967295 1 1 1 1\n";
    let edited = bump_serial(&read(wrap), wrap.as_bytes()).unwrap();
    assert_eq!(edited.serial, Some(1));
    assert_eq!(edited.text, b"@ SOA ns1 admin 1 1 1 1 1\n");
    assert_eq!((edited.added, edited.removed), (vec![], vec![]));
    let none = "a A 192.0.2.1\n";
    let edited = bump_serial(&read(none), none.as_bytes()).unwrap();
    assert_eq!((edited.text.as_slice(), edited.serial), (none.as_bytes(), None));
    let generic = "@ SOA \\# 22 00 00 000000ff 00000001 00000001 00000001 00000001\n";
    let edited = bump_serial(&read(generic), generic.as_bytes()).unwrap();
    assert_eq!(edited.text, b"@ SOA . . 256 1 1 1 1\n");
}

#[test]
fn set_replaces_the_data_and_nothing_else() {
    let text = "@   SOA ns1 admin 1 1 1 1 1\n\
        Matrix   300 IN A  192.0.2.1    ; moved 3 May ; hearthdns: expires=2027-01-01\n\
        www A 192.0.2.2\n\
        www A 192.0.2.3 ; second\n";
    let counted = text.replace(" 1 1 1 1 1\n", " 2 1 1 1 1\n");
    assert_eq!(
        set_to(text, &new("matrix", Rtype::A, &["203.0.113.10"])),
        counted.replace(
            "192.0.2.1    ; moved 3 May ; hearthdns: expires=2027-01-01",
            "203.0.113.10 ; moved 3 May"
        )
    );
    let commented = NewRecord {
        comment: Some("new".to_owned()),
        expires: Some(1_798_761_600),
        ttl: Some(60),
        ..new("matrix", Rtype::A, &["192.0.2.1"])
    };
    assert_eq!(
        set_to(text, &commented),
        counted
            .replace("300 IN", "60 IN")
            .replace("moved 3 May", "new")
            .replace("www A 192.0.2.2", "www 300 A 192.0.2.2")
    );
    assert_eq!(
        set_to(text, &new("www", Rtype::A, &["192.0.2.3"])),
        counted.replace("www A 192.0.2.2\n", "")
    );
    assert_eq!(
        set_to(text, &new("www", Rtype::A, &["192.0.2.9"])),
        counted
            .replace("www A 192.0.2.3 ; second\n", "")
            .replace("192.0.2.2", "192.0.2.9")
    );
    assert_eq!(
        set_to(text, &new("turn", Rtype::A, &["192.0.2.9"])),
        format!("{counted}turn A 192.0.2.9\n")
    );
}

#[test]
fn set_to_what_is_there_changes_not_a_byte() {
    let text = "@ SOA ns1 admin 1 1 1 1 1\nwww  A 192.0.2.2 ; x\n";
    let edited = set(
        &read(text),
        text.as_bytes(),
        &new("www", Rtype::A, &["192.0.2.2"]),
    )
    .unwrap();
    let unchanged = Edited {
        text: text.into(),
        added: vec![],
        removed: vec![],
        serial: None,
    };
    assert_eq!(edited, unchanged);
}

#[test]
fn set_reports_what_came_and_went() {
    let text = "@ SOA ns1 admin 1 1 1 1 1\nWWW 60 A 192.0.2.2\n";
    let edited = set(
        &read(text),
        text.as_bytes(),
        &new("www", Rtype::A, &["192.0.2.9"]),
    )
    .unwrap();
    let record = |last: u8| Record {
        owner: name("www"),
        ttl: 60,
        rtype: Rtype::A,
        rdata: Box::from([192, 0, 2, last]),
        expires: None,
    };
    assert_eq!(edited.added, [(record(9), 2)]);
    assert_eq!(edited.removed, [(record(2), 2)]);
    assert_eq!(edited.serial, Some(2));
}

#[test]
fn set_within_parentheses_keeps_the_humans_comments() {
    let text = "t TXT ( \"one\" ; first\n   \"two\" ) ; end\n";
    assert_eq!(
        set_to(text, &new("t", Rtype::TXT, &["one", "2"])),
        text.replace("\"two\"", "\"2\"")
    );
    assert_eq!(
        set_to(text, &new("t", Rtype::TXT, &["only"])),
        "; first\nt TXT \"only\" ; end\n"
    );
    let soa = "@ SOA ( ns1 admin 1 ; serial\n 1 1 1 1 )\n";
    assert_eq!(
        set_to(soa, &new("@", Rtype::SOA, &["ns2 admin 7 1h 1 1 1"])),
        "@ SOA ( ns2 admin 7 ; serial\n 3600 1 1 1 )\n"
    );
    let early = "( t TXT a ; c\n b )\n";
    assert_eq!(set_to(early, &new("t", Rtype::TXT, &["x"])), "; c\nt TXT \"x\"\n");
}

#[test]
fn set_takes_an_expiry_away_that_is_not_given_again() {
    let text = "a A 192.0.2.1   ; hearthdns: expires=2027-01-01\n";
    assert_eq!(
        set_to(text, &new("a", Rtype::A, &["192.0.2.1"])),
        "a A 192.0.2.1\n"
    );
    assert_eq!(
        set_to(text, &new("a", Rtype::A, &["192.0.2.22"])),
        "a A 192.0.2.22\n"
    );
    let later = NewRecord {
        expires: Some(1_798_806_600),
        ..new("a", Rtype::A, &["192.0.2.1"])
    };
    assert_eq!(
        set_to(text, &later),
        "a A 192.0.2.1   ; hearthdns: expires=2027-01-01T12:30:00Z\n"
    );
    assert_eq!(
        set_to(
            "a A 192.0.2.1  \n",
            &NewRecord {
                expires: Some(86_400),
                ..new("a", Rtype::A, &["192.0.2.122"])
            }
        ),
        "a A 192.0.2.122 ; hearthdns: expires=1970-01-02 \n".replace("  ", " ")
    );
}

#[test]
fn remove_keeps_comments_and_hands_the_owner_down() {
    let text = "; the web\nwww 600 A 192.0.2.1 ; gone\n        AAAA 2001:db8::1\n    TXT x\nz TXT y\n";
    assert_eq!(
        removed(text, "www", Some(Rtype::A)),
        "; the web\nwww     600 AAAA 2001:db8::1\n    TXT x\nz TXT y\n"
    );
    assert_eq!(removed(text, "www", None), "; the web\nz 600 TXT y\n");
    assert_eq!(
        removed("a ( A\n 192.0.2.1\n) ; x\nb A 192.0.2.2", "a", None),
        "b A 192.0.2.2"
    );
    assert_eq!(
        removed("b A 192.0.2.2\na A 192.0.2.1", "a", None),
        "b A 192.0.2.2\n"
    );
}

#[test]
fn a_ttl_of_a_soa_minimum_stays_with_the_others_when_it_changes() {
    let text = "@ SOA ns1 admin 1 1 1 1 77\na A 192.0.2.1\nb A 192.0.2.2\n";
    assert_eq!(
        set_to(
            text,
            &NewRecord {
                ttl: Some(5),
                ..new("@", Rtype::SOA, &["ns1 admin 2 1 1 1 88"])
            }
        ),
        "@ 5 SOA ns1 admin 2 1 1 1 88\na 77 A 192.0.2.1\nb A 192.0.2.2\n"
    );
    assert_eq!(removed(text, "@", None), "a 77 A 192.0.2.1\nb A 192.0.2.2\n");
}

#[test]
fn an_explicit_ttl_in_the_middle_does_not_leak_down() {
    let text = "a A 192.0.2.1\nb A 192.0.2.2\n";
    let with = NewRecord {
        ttl: Some(60),
        ..new("a", Rtype::TXT, &["x"])
    };
    assert_eq!(
        added(text, &with),
        "a A 192.0.2.1\na 60 TXT \"x\"\nb 300 A 192.0.2.2\n"
    );
}

#[test]
fn what_cannot_be_edited_is_refused_with_a_way_out() {
    let text = "$INCLUDE more\n$GENERATE 1-2 g$ A 192.0.2.$\na A 192.0.2.1\n";
    let file = read_with(text, "i A 192.0.2.7\n");
    let gone = |owner: &str| shown(remove(&file, text.as_bytes(), &name(owner), None, None));
    assert_eq!(
        gone("i"),
        "error: `i A 192.0.2.7` stands at more:1, which this file includes: change it there, in an editor"
    );
    assert_eq!(
        gone("g2"),
        "error: `g2 A 192.0.2.2` is made by `$GENERATE` at h.zone:2: change that line in an editor"
    );
    assert_eq!(gone("a"), "$INCLUDE more\n$GENERATE 1-2 g$ A 192.0.2.$\n");
    assert_eq!(
        gone("x"),
        "error: h.zone holds no record `x`; the file holds no record of this name"
    );
    let error = remove(
        &file,
        text.as_bytes(),
        &name("a"),
        Some(Rtype::A),
        Some(&[1, 2, 3, 4]),
    );
    assert_eq!(
        shown(error),
        "error: h.zone holds no record `a A 1.2.3.4`; of this name there is `a A 192.0.2.1`"
    );
    let plain = "a A 192.0.2.1\n";
    assert_eq!(
        added(plain, &new("a", Rtype::A, &["192.0.2.1"])),
        "error: `a A 192.0.2.1` stands at h.zone:1 already"
    );
    let bad = "a A 192.0.2\nb\n";
    assert_eq!(
        added(bad, &new("c", Rtype::A, &["192.0.2.1"])),
        "error: the file has 2 defects, mend them first; the first: h.zone:1:5: expected the IPv4 address \
         (four numbers up to 255 with dots between, as `192.0.2.1`), found `192.0.2`"
    );
    let outside = NewRecord {
        owner: "x.example".parse().unwrap(),
        ..new("c", Rtype::A, &["192.0.2.1"])
    };
    assert_eq!(
        added("", &outside),
        "error: x.example. is not in the zone hearth.example."
    );
    for (comment, want) in [
        ("a\nb", "a comment is one line without control characters"),
        (
            "x; hearthdns: expires=2027-01-01",
            "a comment cannot hold `hearthdns:` options",
        ),
        (
            "hearthdns mode=overlay",
            "a comment cannot hold `hearthdns:` options",
        ),
    ] {
        let with = NewRecord {
            comment: Some(comment.to_owned()),
            ..new("c", Rtype::A, &["192.0.2.1"])
        };
        assert_eq!(added("", &with), format!("error: {want}"));
    }
    let rotten = NewRecord {
        rdata: Box::from([1, 2]),
        ..new("c", Rtype::A, &["192.0.2.1"])
    };
    assert_eq!(
        added("", &rotten),
        "error: bad A data: the data ends before or within the IPv4 address"
    );
}

#[test]
fn records_of_another_text_are_noticed() {
    let file = read("a A 192.0.2.1\nb A 192.0.2.2\n");
    assert!(matches!(
        add(&file, b"x TXT y\n", &new("c", Rtype::A, &["192.0.2.1"])),
        Err(EditError::Unsafe(_))
    ));
}

/// A small generator, the same numbers on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

/// A random file that people could have written, without defects.
fn random_file(dice: &mut Dice) -> String {
    let mut text = String::new();
    let end = dice.pick(&["\n", "\r\n"]);
    if dice.below(2) == 0 {
        let soa = "@ SOA ns1 admin ( 41 ; serial\n  1h 15m 1w 77 )";
        text.push_str(&soa.replace('\n', end));
        text.push_str(end);
    }
    let mut any = !text.is_empty();
    for at in 0..dice.below(14) {
        match dice.below(12) {
            0 => text.push_str("; a comment; of a human"),
            1 => text.push_str(dice.pick(&["", "   ", "\t"])),
            2 => text.push_str(dice.pick(&["$TTL 1h", "$TTL 2m ; short"])),
            3 => text.push_str(dice.pick(&["$ORIGIN hearth.example.", "$ORIGIN sub.hearth.example."])),
            4 => text.push_str("$GENERATE 1-2 g$ A 192.0.2.$"),
            5 => text.push_str("; hearthdns: forward=_acme-challenge"),
            _ => {
                let lead = dice.pick(&["a", "b", "@", "\\065.x", "  ", "\t", "        "]);
                if lead.trim().is_empty() && !any {
                    continue;
                }
                any = true;
                text.push_str(lead);
                text.push_str(dice.pick(&[" ", "  ", "\t"]));
                text.push_str(dice.pick(&["", "", "IN ", "300 ", "60 IN ", "IN  5m  "]));
                let data = match dice.below(4) {
                    0 => format!("A   10.0.0.{at}"),
                    1 => format!("TXT ( \"x;{at}\" ; in{end}   y )"),
                    2 => format!("MX {at} b"),
                    _ => format!(
                        "TXT \"{at}\" (){}",
                        dice.pick(&["", " (\n \n )"]).replace('\n', end)
                    ),
                };
                text.push_str(&data);
                text.push_str(dice.pick(&[
                    "",
                    "",
                    " ; note",
                    "  ; \u{e4} ; hearthdns: expires=2030-01-01",
                    "   ",
                ]));
            }
        }
        if at < 13 {
            text.push_str(end);
        }
    }
    if dice.below(4) == 0 {
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    text
}

#[test]
fn random_edits_change_what_they_should_and_no_other_line() {
    let mut dice = Dice(7);
    let (mut done, mut refused) = (0, 0);
    for _ in 0..6_000 {
        let text = random_file(&mut dice);
        let file = read(&text);
        assert_eq!(file.defects, [], "{text}");
        let owner = dice.pick(&["a", "b", "@", "a.sub", "A.x", "new"]);
        let value = dice.below(14).to_string();
        let (rtype, data) = match dice.below(3) {
            0 => (Rtype::A, vec![format!("10.0.0.{value}")]),
            1 => (Rtype::TXT, vec![format!("x;{value}"), "y".to_owned()]),
            _ => (Rtype::MX, vec![value, "b".to_owned()]),
        };
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let mut record = new(owner, rtype, &data);
        record.ttl = [None, Some(300), Some(9)][usize::try_from(dice.below(3)).unwrap()];
        record.comment = (dice.below(3) == 0).then(|| "by hand".to_owned());
        record.expires = (dice.below(4) == 0).then_some(1_900_000_000);
        let what = dice.below(3);
        let edited = match what {
            0 => add(&file, text.as_bytes(), &record),
            1 => set(&file, text.as_bytes(), &record),
            _ => remove(&file, text.as_bytes(), &record.owner, Some(rtype), None),
        };
        let Ok(edited) = edited else {
            let error = edited.unwrap_err();
            // Nothing can be written into the records that a line of $GENERATE makes.
            let generated = text.contains("$GENERATE") && error.to_string().contains("takes its TTL");
            assert!(
                generated || !matches!(error, EditError::Unsafe(_)),
                "{error}\n{text}\n{record:?}"
            );
            refused += 1;
            continue;
        };
        done += 1;
        let after = String::from_utf8(edited.text.clone()).unwrap();
        let again = read(&after);
        assert_eq!(again.defects, []);
        // Old records, less those removed, plus those added, is what is there.
        let mut want: Vec<Record> = file.entries.iter().map(|entry| entry.record.clone()).collect();
        for (gone, _) in &edited.removed {
            let at = want.iter().position(|record| record == gone).unwrap();
            want.remove(at);
        }
        want.extend(edited.added.iter().map(|(record, _)| record.clone()));
        let mut found: Vec<Record> = again.entries.iter().map(|entry| entry.record.clone()).collect();
        for record in want
            .iter_mut()
            .chain(&mut found)
            .filter(|record| record.rtype == Rtype::SOA)
        {
            serial_zero(record);
        }
        let key = |record: &Record| format!("{record:?}").to_ascii_lowercase();
        want.sort_by_key(key);
        found.sort_by_key(key);
        assert_eq!(found, want, "{text}\n---\n{after}");
        // Every line that is no longer there belonged to a record; no comment line, blank line, directive went.
        let is_human = |line: &&str| {
            line.starts_with([';', '$'])
                || line.trim().is_empty() && !text.contains("(\n \n )") && !text.contains("(\r\n \r\n )")
        };
        let humans = |text: &str| {
            text.split_inclusive('\n')
                .filter(is_human)
                .map(|line| line.trim_end().to_owned())
                .collect::<Vec<_>>()
        };
        if what != 1 {
            assert_eq!(humans(&text), humans(&after), "{text}\n---\n{after}");
        }
        // A second edit of the outcome is as good as the first.
        let back = remove(
            &again,
            &edited.text,
            &record.owner,
            Some(rtype),
            Some(&record.rdata),
        );
        if what == 0 {
            let back = read(std::str::from_utf8(&back.unwrap().text).unwrap());
            assert_eq!(back.entries.len(), file.entries.len());
        }
    }
    // The generator must not drift into testing nothing.
    assert!(done > 3_000 && refused > 500, "{done} {refused}");
}

fn serial_zero(record: &mut Record) {
    let at = record.rdata.len() - 20;
    record.rdata[at..at + 4].fill(0);
}
