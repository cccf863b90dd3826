//! `dnsctl rpcd`: what OpenWrt's rpcd runs for LuCI.
//!
//! rpcd knows plugins that are programs: `list` prints the methods and their arguments, `call METHOD` reads the arguments
//! as one JSON object on standard input and prints one. So what a person types into a page comes here as data, and never
//! through a shell or a command line. Who may call which method is for rpcd to say, by the session's rights.
//!
//! A method is a request of the control protocol with `_` for `-`, its arguments are the request's fields, and what it
//! prints is a reply. Those that are not in [`METHODS`] cannot be called.

use std::io::{self, Read};
use std::mem;

use serde_json::{Map, Value, json};

use super::Reply;
use crate::config::limits;
use crate::control::line::{parse_request, reply_line};
use crate::control::types::{Answer, Code, Failure, Invited, MAX_REQUEST, Request, VERSION};

/// Most bytes of a reply: ubus carries a mebibyte with its own framing around it.
const MAX_REPLY: usize = limits::RPCD_REPLY.default_usize();
/// What uhttpd adds to the arguments: the session, of which nobody here has to know.
const SESSION: &str = "ubus_rpc_session";

/// What an argument is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Flag,
    List,
}

use Kind::{Flag, List, Number, Text};

/// The arguments of a method.
type Arguments = &'static [(&'static str, Kind)];

const RECORD: Arguments = &[
    ("name", Text),
    ("type", Text),
    ("rdata", List),
    ("ttl", Number),
    ("comment", Text),
    ("expires", Text),
    ("zone", Text),
    ("view", Text),
];
const ZONE: Arguments = &[("zone", Text), ("view", Text)];

/// The methods: those that only look, then those that change something.
const METHODS: [(&str, Arguments); 21] = [
    ("status", &[]),
    ("stats", &[]),
    ("list_zones", &[]),
    (
        "list_records",
        &[("name", Text), ("type", Text), ("zone", Text), ("view", Text)],
    ),
    ("check", &[]),
    ("log", ZONE),
    ("explain", &[("name", Text), ("type", Text), ("client", Text)]),
    ("certificate", &[]),
    ("devices", &[]),
    ("queries", &[("after", Number)]),
    ("add_record", RECORD),
    ("set_record", RECORD),
    (
        "remove_record",
        &[
            ("name", Text),
            ("type", Text),
            ("rdata", List),
            ("zone", Text),
            ("view", Text),
        ],
    ),
    ("add_zone", &[("zone", Text), ("mode", Text), ("view", Text)]),
    ("remove_zone", ZONE),
    ("undo", &[("zone", Text), ("view", Text), ("dry_run", Flag)]),
    ("reload", &[]),
    ("flush", &[("name", Text), ("below", Text)]),
    ("reconnect", &[]),
    (
        "invite",
        &[("name", Text), ("all", Flag), ("ttl", Number), ("uses", Number)],
    ),
    ("revoke", &[("name", Text)]),
];

/// The methods with an example of each argument, whose type is what rpcd looks at.
pub(super) fn list() -> String {
    let example = |kind: &Kind| match kind {
        Text => json!("text"),
        Number => json!(32),
        Flag => json!(true),
        List => json!([]),
    };
    let arguments = |arguments: Arguments| -> Value {
        let named = arguments.iter();
        Value::Object(
            named
                .map(|(name, kind)| ((*name).to_owned(), example(kind)))
                .collect(),
        )
    };
    let methods = METHODS.iter();
    let all: Map<String, Value> = methods
        .map(|(method, words)| ((*method).to_owned(), arguments(words)))
        .collect();
    format!("{}\n", Value::Object(all))
}

/// Carries a method out with the arguments that stand in `input`. Returns what is to be printed, and whether it went well.
pub(super) fn call(method: &str, input: impl Read, ask: impl FnOnce(&Request) -> Reply) -> (String, bool) {
    let reply = match request(method, input) {
        Ok(request) => ask(&request),
        Err(failure) => Reply::new(Err(failure)),
    };
    let is_ok = reply.result.is_ok();
    (printed(reply), is_ok)
}

/// Reads standard input, for [`call`].
pub(super) fn stdin() -> impl Read {
    io::stdin().lock()
}

fn request(method: &str, input: impl Read) -> Result<Request, Failure> {
    let bad = |message: String| Failure::new(Code::BadRequest, message);
    if METHODS.iter().all(|(name, _)| *name != method) {
        let names = METHODS.map(|(name, _)| name).join(", ");
        return Err(bad(format!("there is no method `{method}`; there are: {names}")));
    }
    // One object, and not to the end: whoever writes may leave the pipe open.
    let bound = u64::try_from(MAX_REQUEST).unwrap_or(u64::MAX);
    let mut values = serde_json::Deserializer::from_reader(input.take(bound)).into_iter::<Value>();
    let mut words = match values.next() {
        Some(Ok(Value::Object(words))) => words,
        None => Map::new(),
        Some(Ok(_)) => return Err(bad("the arguments are no JSON object".to_owned())),
        Some(Err(error)) => return Err(bad(format!("the arguments are no JSON object: {error}"))),
    };
    words.remove(SESSION);
    // A page sends null for what it does not know.
    words.retain(|_, value| !value.is_null());
    if words.contains_key("command") {
        return Err(bad("unknown field `command`".to_owned()));
    }
    words.insert("command".to_owned(), Value::String(method.replace('_', "-")));
    let line = json!({"version": VERSION, "request": words});
    parse_request(line.to_string().as_bytes())
}

/// The reply's line, with notes and picture, within what ubus carries.
fn printed(mut reply: Reply) -> String {
    let mut line = with_extras(&reply);
    while line.len() > MAX_REPLY {
        if !shorten(&mut reply.result, line.len()) {
            let message = format!(
                "the answer has {} bytes, and LuCI can be told {MAX_REPLY}; use `dnsctl` in a shell",
                line.len()
            );
            reply.result = Err(Failure::new(Code::Unavailable, message));
        }
        line = with_extras(&reply);
    }
    line
}

/// Drops what is over at the end of a list; says whether there was one to shorten.
fn shorten(result: &mut Result<Answer, Failure>, length: usize) -> bool {
    match result {
        Ok(Answer::Records(list)) if list.records.len() > 1 => {
            // In proportion, and a little more, so that one round does as a rule.
            let fits = list.records.len() * (MAX_REPLY * 9 / 10) / length;
            list.records.truncate(fits.max(1));
            list.more = true;
            true
        }
        Ok(Answer::Queries(seen)) if seen.queries.len() > 1 => {
            // The last ones are those that somebody waits for.
            let drop = seen.queries.len() / 2;
            seen.missed = seen
                .missed
                .saturating_add(u32::try_from(drop).unwrap_or(u32::MAX));
            seen.queries.drain(..drop);
            true
        }
        Err(failure) => {
            let was_long = !failure.defects.is_empty();
            let defects = failure.defects.len() / 2;
            failure.defects.truncate(defects);
            was_long || {
                let message = mem::take(&mut failure.message);
                failure.message = message.chars().take(MAX_REPLY / 16).collect();
                true
            }
        }
        Ok(_) => false,
    }
}

fn with_extras(reply: &Reply) -> String {
    let line = reply_line(&reply.result);
    let picture = match &reply.result {
        Ok(Answer::Invited(invited)) => drawn(invited).and_then(picture),
        _ => None,
    };
    if picture.is_none() && reply.notes.is_empty() {
        return line;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(&line) else {
        return line;
    };
    if let (Some(picture), Some(Value::Object(ok))) = (picture, value.get_mut("ok")) {
        ok.insert("png".to_owned(), Value::String(picture));
    }
    if let (false, Value::Object(outer)) = (reply.notes.is_empty(), &mut value) {
        outer.insert("notes".to_owned(), json!(reply.notes));
    }
    format!("{value}\n")
}

/// What a camera is to read: the page, or, where no listener has one, the name for Private DNS, which takes no port.
fn drawn(invited: &Invited) -> Option<&str> {
    let names = invited
        .endpoints
        .iter()
        .filter_map(|endpoint| endpoint.strip_prefix("tls://"));
    invited
        .url
        .as_deref()
        .or_else(|| names.into_iter().find(|name| !name.contains(':')))
}

/// The QR code of a text, in base64: pictures run no scripts.
#[cfg(feature = "qr")]
fn picture(text: &str) -> Option<String> {
    let code = crate::onboard::qr::Qr::new(text).ok()?;
    Some(data_encoding::BASE64.encode(&code.png()))
}

#[cfg(not(feature = "qr"))]
fn picture(_: &str) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::line::request_line;
    use crate::control::types::{QueriesSeen, QuerySeen, RecordText, Records, ZoneWords};

    fn asked(method: &str, input: &str) -> Result<Request, String> {
        request(method, input.as_bytes()).map_err(|failure| failure.message)
    }

    #[test]
    fn every_method_is_a_request_and_takes_the_arguments_that_are_listed() {
        let listed: Value = serde_json::from_str(&list()).unwrap();
        for (method, arguments) in METHODS {
            let mut given = listed[method].as_object().unwrap().clone();
            assert_eq!(given.len(), arguments.len(), "{method}");
            given.insert(SESSION.to_owned(), json!("0123456789abcdef0123456789abcdef"));
            if let Some(list) = given.get_mut("rdata") {
                *list = json!(["192.0.2.1"]);
            }
            let request = asked(method, &Value::Object(given).to_string()).unwrap();
            let back: Value = serde_json::from_str(&request_line(&request)).unwrap();
            let back = &back["request"];
            assert_eq!(back["command"], method.replace('_', "-"));
            // What is listed is what the request takes.
            for (name, _) in arguments {
                assert!(!back[name].is_null(), "{method} {name}: {back}");
            }
        }
    }

    #[test]
    fn what_is_no_method_and_no_argument_is_refused_with_the_reason() {
        let error = asked("authority", "{}").unwrap_err();
        assert!(
            error.starts_with("there is no method `authority`; there are: status, stats, "),
            "{error}"
        );
        for (input, expected) in [
            ("[]", "the arguments are no JSON object"),
            (
                "{",
                "the arguments are no JSON object: EOF while parsing an object at line 1 column 1",
            ),
            (r#"{"command":"reload"}"#, "unknown field `command`"),
            (
                r#"{"zoen":"x"}"#,
                "`log`: unknown field `zoen`; did you mean `zone`? known here: zone, view",
            ),
            (
                r#"{"zone":7}"#,
                "`log`: `zone`: invalid type: integer `7`, expected a string",
            ),
            ("", "`log`: missing field `zone`"),
        ] {
            assert_eq!(asked("log", input).unwrap_err(), expected);
        }
        // Behind the object nothing is waited for, and null is nothing.
        let request = asked("log", r#"{"zone":"hearth.example","view":null} and more"#).unwrap();
        let words = ZoneWords {
            zone: "hearth.example".to_owned(),
            view: None,
        };
        assert_eq!(request, Request::Log(words));
        let endless = io::repeat(b' ');
        assert_eq!(
            super::request("status", endless).unwrap(),
            asked("status", "{}").unwrap()
        );
    }

    #[test]
    fn a_reply_fits_what_ubus_carries() {
        let record = RecordText {
            name: "matrix.hearth.example.".to_owned(),
            rdata: "x".repeat(1000),
            ..RecordText::default()
        };
        let records = vec![record; 2000];
        let reply = Reply::new(Ok(Answer::Records(Records { records, more: false })));
        let line = printed(reply);
        assert!((MAX_REPLY / 2..MAX_REPLY).contains(&line.len()), "{}", line.len());
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["ok"]["more"], true);
        // Of queries the last ones are told, and how many more there were.
        let query = |number: u32| QuerySeen {
            name: Some(format!("{number}.{}", "q".repeat(1000))),
            ..QuerySeen::default()
        };
        let seen = QueriesSeen {
            queries: (0..2000).map(query).collect(),
            last: 2000,
            missed: 7,
            ..QueriesSeen::default()
        };
        let line = printed(Reply::new(Ok(Answer::Queries(seen))));
        assert!(line.len() < MAX_REPLY, "{}", line.len());
        let value: Value = serde_json::from_str(&line).unwrap();
        let told = value["ok"]["queries"].as_array().unwrap();
        assert!(
            told.last().unwrap()["name"]
                .as_str()
                .unwrap()
                .starts_with("1999.")
        );
        assert_eq!(value["ok"]["missed"], 7 + 2000 - told.len());
        let failure = Failure::new(Code::Refused, "y".repeat(2 * MAX_REPLY));
        assert!(printed(Reply::new(Err(failure))).len() < MAX_REPLY);
        let status = crate::control::types::Status {
            version: "z".repeat(MAX_REPLY),
            ..Default::default()
        };
        let line = printed(Reply::new(Ok(Answer::Status(Box::new(status)))));
        assert!(line.contains("use `dnsctl` in a shell"), "{line}");
    }

    #[test]
    fn notes_come_with_the_reply() {
        let mut reply = Reply::new(Ok(Answer::Invited(Invited::default())));
        reply.notes.push("note: <b>".to_owned());
        let value: Value = serde_json::from_str(&printed(reply)).unwrap();
        assert_eq!(value["notes"], json!(["note: <b>"]));
        assert_eq!(value["ok"]["answer"], "invited");
    }

    #[test]
    fn a_picture_is_of_the_page_or_else_of_the_name_for_private_dns() {
        let mut invited = Invited {
            url: Some("http://192.168.1.1/i/7KQ4-M2XR".to_owned()),
            endpoints: [
                "https://dns.home.example/d/t/dns-query",
                "tls://t.dns.home.example:8853",
                "tls://t.dns.home.example",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..Invited::default()
        };
        assert_eq!(drawn(&invited), Some("http://192.168.1.1/i/7KQ4-M2XR"));
        invited.url = None;
        assert_eq!(drawn(&invited), Some("t.dns.home.example"));
        invited.endpoints.pop();
        assert_eq!(drawn(&invited), None);
    }

    #[cfg(feature = "qr")]
    #[test]
    fn an_invite_comes_with_its_picture() {
        let invited = Invited {
            url: Some("http://192.168.1.1/i/7KQ4-M2XR".to_owned()),
            ..Invited::default()
        };
        let value: Value = serde_json::from_str(&printed(Reply::new(Ok(Answer::Invited(invited))))).unwrap();
        let png = value["ok"]["png"].as_str().unwrap();
        let bytes = data_encoding::BASE64.decode(png.as_bytes()).unwrap();
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    }
}
