//! The lines that carry requests and replies.
//!
//! Requests are read strictly: an unknown word is refused with the nearest known one. In replies a reader
//! ignores fields that it does not know, so that they can grow. A test reads every example in `PROTOCOL.md`.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::types::words::{Choice as _, Strangers, Word, Wrong, read, shown, unknown};
use super::types::{Answer, Code, Failure, Request, VERSION};

/// A request as a line, newline included.
#[must_use]
pub fn request_line(request: &Request) -> String {
    line_of("request", request)
}

/// A reply as a line, newline included.
#[must_use]
pub fn reply_line(reply: &Result<Answer, Failure>) -> String {
    match reply {
        Ok(answer) => line_of("ok", answer),
        Err(failure) => line_of("error", failure),
    }
}

/// Reads a reply's line.
///
/// # Errors
/// Why the line is no reply of this version.
pub fn parse_reply(line: &[u8]) -> Result<Result<Answer, Failure>, String> {
    let unread = |why: &dyn fmt::Display| format!("the reply cannot be read: {why}");
    let mut reply: Value = serde_json::from_slice(line).map_err(|error| unread(&error))?;
    let version = reply.get("version").and_then(Value::as_u64);
    if version != Some(VERSION) {
        return Err(version.map_or_else(
            || unread(&"it has no version"),
            |version| {
                format!("the daemon speaks version {version} of the control protocol, this program version {VERSION}")
            },
        ));
    }
    let mut part = |name| {
        reply
            .get_mut(name)
            .map(Value::take)
            .filter(|part| !part.is_null())
    };
    match (part("ok"), part("error")) {
        (Some(words), None) => answer_of(words).map(Ok).map_err(|wrong| unread(&wrong)),
        (None, Some(words)) => failure_of(words).map(Err).map_err(|wrong| unread(&wrong)),
        _ => Err("the reply holds neither or both of `ok` and `error`".to_owned()),
    }
}

fn answer_of(mut words: Value) -> Result<Answer, Wrong> {
    let word = words.get_mut("answer").map(Value::take);
    let word = word.as_ref().and_then(Value::as_str).unwrap_or_default();
    let Some(mut answer) = Answer::named(word) else {
        return Err(Wrong::new(unknown("answer", word, Answer::WORDS)));
    };
    read(&mut answer, words, Strangers::PassedOver)?;
    Ok(answer)
}

fn failure_of(mut words: Value) -> Result<Failure, Wrong> {
    let mut failure = Failure::new(Code::Refused, "");
    // A later version may know more of them; the message says what this one means.
    if let Some(Value::String(code)) = words.get_mut("code")
        && !failure.code.choose(code)
    {
        "refused".clone_into(code);
    }
    read(&mut failure, words, Strangers::PassedOver)?;
    Ok(failure)
}

/// Reads a request's line. Every word that is not known is refused with the nearest one that is.
///
/// # Errors
/// [`Code::BadRequest`] or [`Code::Version`] with the reason.
pub fn parse_request(line: &[u8]) -> Result<Request, Failure> {
    let bad = |message: String| Failure::new(Code::BadRequest, message);
    let value: Value =
        serde_json::from_slice(line).map_err(|error| bad(format!("the line is no JSON object: {error}")))?;
    let Value::Object(mut outer) = value else {
        return Err(bad("the line is no JSON object".to_owned()));
    };
    match outer.remove("version") {
        Some(Value::Number(number)) if number.as_u64() == Some(VERSION) => {}
        Some(other) => {
            let other = shown(&other.to_string());
            let message = format!("version {other} is not spoken here; this daemon speaks version {VERSION}");
            return Err(Failure::new(Code::Version, message));
        }
        None => return Err(bad(format!("`version` is missing; write \"version\":{VERSION}"))),
    }
    let request = outer
        .remove("request")
        .ok_or_else(|| bad("`request` is missing".to_owned()))?;
    if let Some(key) = outer.keys().next() {
        return Err(bad(unknown("field", key, &["version", "request"])));
    }
    let Value::Object(mut words) = request else {
        return Err(bad("`request` is no JSON object".to_owned()));
    };
    let command = match words.remove("command") {
        Some(Value::String(command)) => command,
        Some(_) => return Err(bad("`command` is no string".to_owned())),
        None => return Err(bad("`command` is missing".to_owned())),
    };
    let Some(mut request) = Request::named(&command) else {
        return Err(bad(unknown("command", &command, Request::WORDS)));
    };
    match read(&mut request, Value::Object(words), Strangers::Refused) {
        Ok(()) => Ok(request),
        Err(wrong) => Err(bad(format!("`{command}`: {wrong}"))),
    }
}

/// What stands on a line: the version, and one thing that is said.
struct Line<'a>(&'static str, &'a dyn Word);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("version", &VERSION)?;
        map.serialize_entry(self.0, self.1)?;
        map.end()
    }
}

fn line_of(part: &'static str, word: &dyn Word) -> String {
    // Words always serialise: their names are strings. An empty object is refused by any reader.
    let mut line = serde_json::to_string(&Line(part, word)).unwrap_or_else(|_| "{}".to_owned());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::super::types::{MAX_LISTED, MAX_REQUEST};
    use super::*;

    const SPECIFICATION: &str = include_str!("PROTOCOL.md");

    /// The fenced examples of one kind.
    fn examples(kind: &str) -> Vec<&'static str> {
        let fence = format!("```json {kind}\n");
        SPECIFICATION
            .split(&fence)
            .skip(1)
            .map(|rest| rest.split("\n```").next().unwrap())
            .collect()
    }

    fn refusal(line: &str) -> String {
        let failure = parse_request(line.as_bytes()).unwrap_err();
        assert!(
            matches!(failure.code, Code::BadRequest | Code::Version),
            "{failure:?}"
        );
        failure.message
    }

    fn request(words: &str) -> String {
        format!(r#"{{"version":1,"request":{words}}}"#)
    }

    #[test]
    fn every_request_in_the_specification_is_read_and_written_as_it_stands() {
        let examples = examples("request");
        for example in &examples {
            let request = parse_request(example.as_bytes()).unwrap_or_else(|f| panic!("{example}: {f:?}"));
            let value: Value = serde_json::from_str(example).unwrap();
            assert_eq!(
                serde_json::from_str::<Value>(&request_line(&request)).unwrap(),
                value
            );
        }
        for command in Request::WORDS {
            let quoted = format!("\"command\":\"{command}\"");
            assert!(
                examples.iter().any(|example| example.contains(&quoted)),
                "no example of {command}"
            );
        }
    }

    #[test]
    fn every_reply_in_the_specification_is_read_and_written_as_it_stands() {
        let examples = examples("reply");
        for example in &examples {
            let reply = parse_reply(example.as_bytes()).unwrap_or_else(|f| panic!("{example}: {f:?}"));
            let written: Value = serde_json::from_str(&reply_line(&reply)).unwrap();
            assert_holds(&written, &serde_json::from_str(example).unwrap());
        }
        for answer in Answer::WORDS {
            let quoted = format!("\"answer\":\"{answer}\"");
            assert!(
                examples.iter().any(|example| example.contains(&quoted)),
                "no example of {answer}"
            );
        }
    }

    /// Whether everything of the example stands in what we write; empty lists may be added.
    fn assert_holds(written: &Value, example: &Value) {
        match (written, example) {
            (Value::Object(written), Value::Object(example)) => {
                for (key, value) in example {
                    assert_holds(written.get(key).unwrap_or_else(|| panic!("{key} is lost")), value);
                }
            }
            (Value::Array(written), Value::Array(example)) => {
                assert_eq!(written.len(), example.len());
                written
                    .iter()
                    .zip(example)
                    .for_each(|(written, example)| assert_holds(written, example));
            }
            _ => assert_eq!(written, example),
        }
    }

    #[test]
    fn the_specification_names_every_code_and_bound() {
        for code in Code::Io.words() {
            let row = format!("| `{code}` |");
            assert!(SPECIFICATION.contains(&row), "{row}");
        }
        assert_eq!(MAX_REQUEST, 1_048_576);
        assert_eq!(MAX_LISTED, 100_000);
        use super::super::server::{IDLE, MAX_CLIENTS, PATIENCE};
        assert_eq!((MAX_CLIENTS, IDLE.as_secs(), PATIENCE.as_secs()), (16, 60, 10));
    }

    #[test]
    fn the_specification_names_every_member() {
        fn names(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    for (name, value) in members {
                        found.push(name.clone());
                        names(value, found);
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| names(item, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        // Every line that there can be, with something in every place.
        let lines = include_str!("../../tests/golden/control-lines.txt").lines();
        for line in lines.filter(|line| line.starts_with('{')) {
            names(&serde_json::from_str(line).unwrap(), &mut found);
        }
        found.sort();
        found.dedup();
        assert!(found.len() > 100, "{found:?}");
        // A name that is data.
        found.retain(|name| name != "any name");
        found.retain(|name| !SPECIFICATION.contains(&format!("`{name}`")));
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn unknown_words_are_refused_with_the_nearest_one() {
        let example = examples("reply")
            .into_iter()
            .find(|example| example.contains("recrod"));
        assert_eq!(
            parse_reply(example.unwrap().as_bytes()),
            Ok(Err(parse_request(
                request(r#"{"command":"add-recrod"}"#).as_bytes()
            )
            .unwrap_err()))
        );
        assert_eq!(
            refusal(&request(r#"{"command":"add-recrod"}"#)),
            "unknown command `add-recrod`; did you mean `add-record`? known here: add-record, set-record, \
             remove-record, change, list-records, add-zone, remove-zone, list-zones, check, reload, status, stats, \
             queries, flush, cache-stats, cache-dump, reconnect, lan, certificate, renew-certificate, authority, facts, explain, \
             invite, devices, revoke, log, undo"
        );
        assert_eq!(
            refusal(&request(r#"{"command":"log","zoen":"x"}"#)),
            "`log`: unknown field `zoen`; did you mean `zone`? known here: zone, view"
        );
        assert_eq!(
            refusal(&request(r#"{"command":"reload","hard":true}"#)),
            "`reload`: unknown field `hard`; none is known here"
        );
        assert_eq!(
            refusal(&request(r#"{"command":"log","zone":7}"#)),
            "`log`: `zone`: invalid type: integer `7`, expected a string"
        );
        assert_eq!(
            refusal(&request(r#"{"command":"log"}"#)),
            "`log`: missing field `zone`"
        );
        assert_eq!(
            refusal(&request(
                r#"{"command":"add-record","name":"x","type":"A","rdata":["y"],"ttl":-1}"#
            )),
            "`add-record`: `ttl`: invalid value: integer `-1`, expected u32"
        );
    }

    #[test]
    fn lines_that_are_no_requests_are_refused_with_the_reason() {
        assert_eq!(refusal("[]"), "the line is no JSON object");
        assert!(refusal("{").starts_with("the line is no JSON object: EOF while parsing"));
        assert_eq!(refusal("{}"), "`version` is missing; write \"version\":1");
        assert_eq!(
            refusal(r#"{"version":2,"request":{}}"#),
            "version 2 is not spoken here; this daemon speaks version 1"
        );
        assert_eq!(refusal(r#"{"version":1}"#), "`request` is missing");
        assert_eq!(refusal(&request("[]")), "`request` is no JSON object");
        assert_eq!(refusal(&request("{}")), "`command` is missing");
        assert_eq!(refusal(&request(r#"{"command":1}"#)), "`command` is no string");
        assert_eq!(
            refusal(r#"{"version":1,"request":{},"id":4}"#),
            "unknown field `id`; known here: version, request"
        );
        // What is shown of a line is short, and cannot steer a terminal.
        let long = format!("\\u001b\u{202e}{}", "x".repeat(1000));
        assert_eq!(
            refusal(&format!(r#"{{"version":1,"request":{{}},"{long}":4}}"#)),
            format!(
                "unknown field `\\u{{1b}}\\u{{202e}}{}`; known here: version, request",
                "x".repeat(62)
            )
        );
        let message = refusal(&format!(r#"{{"version":"{long}","request":{{}}}}"#));
        assert!(message.len() < 200 && message.is_ascii(), "{message}");
        let nested = "[".repeat(100_000);
        assert!(refusal(&nested).contains("recursion limit exceeded"));
    }

    #[test]
    fn hostile_lines_never_panic() {
        // A small generator of our own: the same lines every time.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(bound).unwrap()).unwrap()
        };
        let seeds = examples("request");
        for _ in 0..20_000 {
            let mut line = seeds[random(seeds.len())].as_bytes().to_vec();
            for _ in 0..=random(4) {
                let at = random(line.len());
                match random(3) {
                    0 => line[at] = u8::try_from(random(256)).unwrap(),
                    1 => drop(line.remove(at)),
                    _ => line.insert(at, b"{}[]\",:0n"[random(9)]),
                }
            }
            let _ = parse_request(&line);
            let _ = parse_reply(&line);
        }
    }
}
