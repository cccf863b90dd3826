//! The lines that carry requests and replies.
//!
//! Requests are read strictly: an unknown word is refused with the nearest known one. In replies a reader
//! ignores fields that it does not know, so that they can grow. A test reads every example in `PROTOCOL.md`.

use serde::de::value::Error as ProbeError;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserializer, Serialize};
use serde_json::Value;

use crate::config::nearest;

use super::types::{self, Answer, Code, Failure, Request, VERSION};

/// A request's line.
#[derive(Serialize)]
struct RequestLine<'a> {
    version: u64,
    request: &'a Request,
}

/// A reply's line.
#[derive(Serialize)]
struct ReplyLine<'a> {
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<&'a Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
}

/// A request as a line, newline included.
#[must_use]
pub fn request_line(request: &Request) -> String {
    line_of(&RequestLine {
        version: VERSION,
        request,
    })
}

/// A reply as a line, newline included.
#[must_use]
pub fn reply_line(reply: &Result<Answer, Failure>) -> String {
    line_of(&ReplyLine {
        version: VERSION,
        ok: reply.as_ref().ok(),
        error: reply.as_ref().err(),
    })
}

/// Reads a reply's line.
///
/// # Errors
/// Why the line is no reply of this version.
pub fn parse_reply(line: &[u8]) -> Result<Result<Answer, Failure>, String> {
    let unread = |error: serde_json::Error| format!("the reply cannot be read: {error}");
    let mut reply: Value = serde_json::from_slice(line).map_err(unread)?;
    let version = reply.get("version").and_then(Value::as_u64);
    if version != Some(VERSION) {
        return Err(version.map_or_else(
            || "the reply cannot be read: it has no version".to_owned(),
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
        (Some(answer), None) => Answer::of(answer).map(Ok).map_err(unread),
        (None, Some(failure)) => types::read(failure).map(Err).map_err(unread),
        _ => Err("the reply holds neither or both of `ok` and `error`".to_owned()),
    }
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
            let message = format!("version {other} is not spoken here; this daemon speaks version {VERSION}");
            return Err(Failure::new(Code::Version, message));
        }
        None => return Err(bad(format!("`version` is missing; write \"version\":{VERSION}"))),
    }
    let request = outer
        .remove("request")
        .ok_or_else(|| bad("`request` is missing".to_owned()))?;
    if let Some(key) = outer.keys().next() {
        return Err(bad(format!(
            "unknown field `{key}`; known here: version, request"
        )));
    }
    let Value::Object(mut words) = request else {
        return Err(bad("`request` is no JSON object".to_owned()));
    };
    let command = match words.remove("command") {
        Some(Value::String(command)) => command,
        Some(_) => return Err(bad("`command` is no string".to_owned())),
        None => return Err(bad("`command` is missing".to_owned())),
    };
    let words = Value::Object(words);
    let read = COMMANDS.iter().find(|(name, _)| *name == command);
    match read {
        Some((_, read)) => read(words).map_err(|message| bad(format!("`{command}`: {message}"))),
        None => Err(bad(unknown("command", &command, &COMMANDS.map(|(name, _)| name)))),
    }
}

type Reader = fn(Value) -> Result<Request, String>;

/// Every command's name and how its words are read, most used first.
const COMMANDS: [(&str, Reader); 28] = [
    ("add-record", |words| read(words).map(Request::AddRecord)),
    ("set-record", |words| read(words).map(Request::SetRecord)),
    ("remove-record", |words| read(words).map(Request::RemoveRecord)),
    ("change", |words| read(words).map(Request::Change)),
    ("list-records", |words| read(words).map(Request::ListRecords)),
    ("add-zone", |words| read(words).map(Request::AddZone)),
    ("remove-zone", |words| read(words).map(Request::RemoveZone)),
    ("list-zones", |words| read(words).map(Request::ListZones)),
    ("check", |words| read(words).map(Request::Check)),
    ("reload", |words| read(words).map(Request::Reload)),
    ("status", |words| read(words).map(Request::Status)),
    ("stats", |words| read(words).map(Request::Stats)),
    ("queries", |words| read(words).map(Request::Queries)),
    ("flush", |words| read(words).map(Request::Flush)),
    ("cache-stats", |words| read(words).map(Request::CacheStats)),
    ("cache-dump", |words| read(words).map(Request::CacheDump)),
    ("reconnect", |words| read(words).map(Request::Reconnect)),
    ("lan", |words| read(words).map(Request::Lan)),
    ("certificate", |words| read(words).map(Request::Certificate)),
    ("renew-certificate", |words| {
        read(words).map(Request::RenewCertificate)
    }),
    ("authority", |words| read(words).map(Request::Authority)),
    ("facts", |words| read(words).map(Request::Facts)),
    ("explain", |words| read(words).map(Request::Explain)),
    ("invite", |words| read(words).map(Request::Invite)),
    ("devices", |words| read(words).map(Request::Devices)),
    ("revoke", |words| read(words).map(Request::Revoke)),
    ("log", |words| read(words).map(Request::Log)),
    ("undo", |words| read(words).map(Request::Undo)),
];

/// Reads a command's words, naming the nearest field for one that is not known.
fn read<T: DeserializeOwned>(words: Value) -> Result<T, String> {
    if let Value::Object(map) = &words {
        let known = fields_of::<T>();
        if let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(unknown("field", key, known));
        }
        // serde's own message for a wrong type does not name the field.
        for (key, value) in map {
            let alone = Value::Object(std::iter::once((key.clone(), value.clone())).collect());
            if let Err(error) = types::read::<T>(alone) {
                let message = error.to_string();
                if !message.starts_with("missing field") {
                    return Err(format!("`{key}`: {message}"));
                }
            }
        }
    }
    types::read(words).map_err(|error| error.to_string())
}

/// The message for a word that is not known.
fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let shown: String = word.chars().take(64).flat_map(char::escape_default).collect();
    let near = nearest(word, known).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    if known.is_empty() {
        return format!("unknown {what} `{shown}`; none is known here");
    }
    let mark = if near.is_empty() { ";" } else { "" };
    format!(
        "unknown {what} `{shown}`{near}{mark} known here: {}",
        known.join(", ")
    )
}

fn line_of<T: Serialize>(value: &T) -> String {
    // Plain structs with string keys always serialise; an empty object is refused by any reader.
    let mut line = serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned());
    line.push('\n');
    line
}

/// The field names of a struct, asked of its own derived reader so that no second list can go stale.
fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // The probe always fails after it has taken the names.
    let _ = T::deserialize(FieldProbe(&mut fields));
    fields
}

struct FieldProbe<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldProbe<'_> {
    type Error = ProbeError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ProbeError> {
        Err(serde::de::Error::custom("only the field names are wanted"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
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
        for (command, _) in COMMANDS {
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
        let answers = [
            "edited",
            "changed",
            "records",
            "zones",
            "checked",
            "reloaded",
            "status",
            "stats",
            "flushed",
            "cache-stats",
            "cache-entries",
            "reconnected",
            "lan",
            "certificate",
            "authority",
            "facts",
            "routers",
            "router",
            "verified",
            "matrix",
            "explained",
            "invited",
            "devices",
            "revoked",
            "log",
        ];
        for answer in answers {
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
        let codes = [
            Code::BadRequest,
            Code::Version,
            Code::BadWord,
            Code::NotFound,
            Code::Refused,
            Code::Busy,
            Code::Io,
            Code::Unavailable,
        ];
        for code in codes {
            let row = format!("| `{}` |", serde_json::to_value(code).unwrap().as_str().unwrap());
            assert!(SPECIFICATION.contains(&row), "{row}");
        }
        assert_eq!(MAX_REQUEST, 1_048_576);
        assert_eq!(MAX_LISTED, 100_000);
        use super::super::server::{IDLE, MAX_CLIENTS, PATIENCE};
        assert_eq!((MAX_CLIENTS, IDLE.as_secs(), PATIENCE.as_secs()), (16, 60, 10));
    }

    #[test]
    fn unknown_words_are_refused_with_the_nearest_one() {
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
