//! Every word of the protocol there and back, and what is refused on the way.
//!
//! What each request and each answer looks like stands in `tests/golden/control-lines.txt`, whole. After a change that is
//! meant, `HEARTHDNS_BLESS=1 cargo test --lib control::types::words` writes it anew.

use std::fmt::Write as _;

use serde_json::json;

use super::super::{
    Answer, ChangeWords, Code, Devices, Failure, RecordText, Records, Request, Routers, Stats,
};
use super::*;
use crate::control::line::{parse_reply, parse_request, reply_line, request_line};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/control-lines.txt");
/// Name of an entry whose name is data.
const ENTRY: &str = "any name";

/// Says something in every place: texts and numbers that are used once, and lists of one item, four deep.
fn fill(word: &mut dyn Word, next: &mut u8, lists: usize) {
    *next += 1;
    match word.place() {
        Place::Flag(flag) => *flag = true,
        Place::Number(number) => assert!(number.take(&(*next).into())),
        Place::Text(text) => *text = format!("text {next}"),
        Place::Choice(choice) => {
            let last = choice.words().last().unwrap();
            assert!(choice.choose(last));
        }
        Place::Maybe(room) => fill(room.add(), next, lists),
        Place::List(_) if lists == 4 => {}
        Place::List(room) => fill(room.add(), next, lists + 1),
        Place::Pair(words) => words.into_iter().for_each(|word| fill(word, next, lists)),
        Place::Map(table) => fill(table.entry(ENTRY.to_owned()), next, lists),
        Place::Object(object) => {
            let members = object.members().len();
            (0..members).for_each(|at| fill(object.word_mut(at).unwrap(), next, lists));
            assert!(object.word(members).is_none() && object.word_mut(members).is_none());
        }
    }
}

fn filled<T: Word>(mut word: T) -> T {
    fill(&mut word, &mut 0, 0);
    word
}

/// What a line says, as a line again.
type There = fn(&str) -> Result<String, String>;

fn request_back(line: &str) -> Result<String, String> {
    let read = parse_request(line.as_bytes()).map_err(|failure| failure.message)?;
    Ok(request_line(&read))
}

fn reply_back(line: &str) -> Result<String, String> {
    parse_reply(line.as_bytes()).map(|reply| reply_line(&reply))
}

/// Every line that there can be: with something in every place, with nothing in any, and how it is read.
fn lines() -> Vec<(String, String, There)> {
    let mut lines: Vec<(String, String, There)> = Vec::new();
    for word in Request::WORDS {
        let empty = Request::named(word).unwrap();
        let full = request_line(&filled(empty.clone()));
        lines.push((full, request_line(&empty), request_back));
    }
    for word in Answer::WORDS {
        let empty = Answer::named(word).unwrap();
        let full = reply_line(&Ok(filled(empty.clone())));
        lines.push((full, reply_line(&Ok(empty)), reply_back));
    }
    let empty = Failure::new(Code::BadRequest, "");
    let full = reply_line(&Err(filled(empty.clone())));
    lines.push((full, reply_line(&Err(empty)), reply_back));
    lines
}

/// Where the objects of a line stand, but for the line's own, which is not made of words.
fn objects(line: &str) -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.push(at.to_owned());
                for (name, value) in members {
                    walk(value, &format!("{at}/{name}"), found);
                }
            }
            Value::Array(items) => {
                for (number, value) in items.iter().enumerate() {
                    walk(value, &format!("{at}/{number}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&serde_json::from_str(line).unwrap(), "", &mut found);
    found.remove(0);
    found
}

/// The line after a change of one of its objects.
fn changed(line: &str, object: &str, change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let mut value: Value = serde_json::from_str(line).unwrap();
    change(value.pointer_mut(object).unwrap().as_object_mut().unwrap());
    value.to_string()
}

fn members(line: &str, object: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(line).unwrap();
    let members = value.pointer(object).unwrap().as_object().unwrap();
    members.keys().cloned().collect()
}

#[test]
fn every_line_is_as_it_was_and_is_read_back() {
    let mut told = String::new();
    for (full, empty, back) in lines() {
        told.push_str(&full);
        told.push_str(&empty);
        for line in [&full, &empty] {
            assert_eq!(back(line).as_ref(), Ok(line));
        }
        let mut needed = Vec::new();
        for object in objects(&full) {
            for member in members(&full, &object) {
                let without = changed(&full, &object, |members| drop(members.remove(&member)));
                if let Err(error) = back(&without) {
                    needed.push(format!("{object}/{member}"));
                    let expected = match member.as_str() {
                        "command" => "`command` is missing".to_owned(),
                        "answer" => "unknown answer ``".to_owned(),
                        _ => format!("missing field `{member}`"),
                    };
                    assert!(error.contains(&expected), "{object}/{member}: {error}");
                }
            }
        }
        let _ = writeln!(told, "needed: {}\n", needed.join(" "));
    }
    if std::env::var_os("HEARTHDNS_BLESS").is_some() {
        std::fs::write(GOLDEN, &told).unwrap();
    }
    let expected = std::fs::read_to_string(GOLDEN).unwrap();
    for (told, expected) in told.lines().zip(expected.lines()) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.len());
}

#[test]
fn what_is_not_known_is_refused_in_a_request_and_passed_over_in_a_reply() {
    for (full, _, back) in lines() {
        for object in objects(&full) {
            if members(&full, &object).contains(&ENTRY.to_owned()) {
                continue;
            }
            let more = changed(&full, &object, |members| {
                members.insert("colour".to_owned(), json!({"red": [1]}));
            });
            if full.contains("\"request\"") {
                let error = back(&more).unwrap_err();
                assert!(error.contains("unknown field `colour`"), "{object}: {error}");
            } else {
                assert_eq!(back(&more).as_ref(), Ok(&full), "{object}");
            }
        }
    }
}

/// Why a value is no `T`.
fn refusal<T: Word + Default>(strangers: Strangers, value: Value) -> String {
    read(&mut T::default(), value, strangers).unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let record = json!({"name": "a.example.", "ttl": 60, "type": "A", "rdata": "192.0.2.1"});
    let with = |field: &str, value: Value| {
        let mut record = record.clone();
        record[field] = value;
        refusal::<RecordText>(Strangers::PassedOver, record)
    };
    for (field, value, expected) in [
        (
            "ttl",
            json!("60"),
            "`ttl`: invalid type: string \"60\", expected u32",
        ),
        (
            "ttl",
            json!(4_294_967_296_u64),
            "`ttl`: invalid value: integer `4294967296`, expected u32",
        ),
        (
            "ttl",
            json!(-1),
            "`ttl`: invalid value: integer `-1`, expected u32",
        ),
        (
            "ttl",
            json!(1.5),
            "`ttl`: invalid type: floating point `1.5`, expected u32",
        ),
        ("ttl", json!({}), "`ttl`: invalid type: object, expected u32"),
        (
            "line",
            json!(true),
            "`line`: invalid type: boolean `true`, expected u32",
        ),
        (
            "name",
            Value::Null,
            "`name`: invalid type: null, expected a string",
        ),
        ("zone", json!([]), "`zone`: invalid type: list, expected a string"),
        // What somebody wrote is shown in part, and cannot steer a terminal.
        (
            "ttl",
            json!(format!("\u{1b}\"{}", "x".repeat(1000))),
            &format!(
                "`ttl`: invalid type: string \"\\u{{1b}}\\\"{}\", expected u32",
                "x".repeat(62)
            ),
        ),
    ] {
        assert_eq!(with(field, value), expected);
    }
    let records = |value: Value| refusal::<Records>(Strangers::PassedOver, value);
    assert_eq!(
        records(json!({"records": [record, 7], "more": false})),
        "`records[1]`: invalid type: integer `7`, expected an object"
    );
    assert_eq!(
        records(json!({"records": {}, "more": false})),
        "`records`: invalid type: object, expected a list"
    );
    assert_eq!(
        records(json!({"records": [], "more": 0})),
        "`more`: invalid type: integer `0`, expected a boolean"
    );
    assert_eq!(
        records(json!({"records": [record, {}], "more": false})),
        "`records[1]`: missing field `name`"
    );
    assert_eq!(records(json!({"records": []})), "missing field `more`");
    // A struct is an object, and nothing else.
    assert_eq!(
        records(json!([[], false])),
        "invalid type: list, expected an object"
    );
    for kind in [json!(["a"]), json!(["a", "b", "c"])] {
        assert_eq!(
            refusal::<Routers>(Strangers::PassedOver, json!({"kinds": [["a", "b"], kind]})),
            "`kinds[1]`: invalid type: list, expected a list of two"
        );
    }
    assert_eq!(
        refusal::<Stats>(
            Strangers::PassedOver,
            json!({"outcomes": {"cache\n": -1}, "transports": []})
        ),
        "`outcomes.cache\\n`: invalid value: integer `-1`, expected u64"
    );
    let change =
        json!({"zones": [{"zone": "a."}, {"zone": "b.", "sets": [{"name": "x", "type": "A", "tll": 60}]}]});
    assert_eq!(
        refusal::<ChangeWords>(Strangers::Refused, change),
        "`zones[1].sets[0]`: unknown field `tll`; did you mean `ttl`? known here: name, type, ttl, records"
    );
    let state = json!({"name": "a", "scope": "zones", "created": "", "state": "actve", "invites": 0});
    assert_eq!(
        refusal::<Devices>(Strangers::PassedOver, json!({"devices": [state]})),
        "`devices[0].state`: unknown word `actve`; did you mean `active`? known here: invited, active, revoked"
    );
}

#[test]
fn a_code_of_a_later_version_is_a_refusal_with_its_message() {
    let failure =
        |code: &str| parse_reply(format!(r#"{{"version":1,"error":{{{code}"message":"x"}}}}"#).as_bytes());
    assert_eq!(
        failure(r#""code":"too-late","#),
        Ok(Err(Failure::new(Code::Refused, "x")))
    );
    assert_eq!(
        failure(r#""code":"busy","#),
        Ok(Err(Failure::new(Code::Busy, "x")))
    );
    assert_eq!(
        failure(r#""code":7,"#).unwrap_err(),
        "the reply cannot be read: `code`: invalid type: integer `7`, expected a string"
    );
    assert_eq!(
        failure("").unwrap_err(),
        "the reply cannot be read: missing field `code`"
    );
}

#[test]
fn a_number_takes_what_its_type_holds() {
    fn taken<T: Word + Default + PartialEq + fmt::Debug>(good: &[T], bad: &[&str]) {
        for number in good {
            let mut read = T::default();
            let text = serde_json::to_string(&number.said()).unwrap();
            super::read(
                &mut read,
                serde_json::from_str(&text).unwrap(),
                Strangers::Refused,
            )
            .unwrap();
            assert_eq!(&read, number);
        }
        for text in bad {
            let mut read = T::default();
            let value = serde_json::from_str(text).unwrap();
            assert!(
                super::read(&mut read, value, Strangers::Refused).is_err(),
                "{text}"
            );
            assert_eq!(read, T::default());
        }
    }
    taken(&[0, u8::MAX], &["256", "-1", "1.0", "1e2"]);
    taken(&[0, u16::MAX], &["65536", "-1"]);
    taken(&[0, u32::MAX], &["4294967296", "-1"]);
    taken(&[0, u64::MAX], &["18446744073709551616", "-1"]);
    taken(
        &[i64::MIN, -1, 0, i64::MAX],
        &["9223372036854775808", "-9223372036854775809"],
    );
}
