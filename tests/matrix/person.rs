//! Somebody with an account on a homeserver, who reaches it over HTTPS by its private name, from a host of the small internet.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::place::Host;
use crate::support::run;

/// How long a message may take from one server to the other. It is waited for in full by a test that fails only.
const DELIVERY: Duration = Duration::from_secs(60);

/// What a homeserver said to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// The address that was asked.
    pub(crate) from: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "expected status 200: {self:?}");
        self.body
    }
}

/// Asks a web server by curl on that host: `body` is posted, and nothing where it is null.
#[track_caller]
pub(crate) fn fetch(
    host: &Host,
    authorities: &Path,
    url: &str,
    token: &str,
    method: &str,
    body: &Value,
) -> Reply {
    let mut command = host.command("curl");
    command
        .args(["-sS", "--max-time", "50", "--cacert"])
        .arg(authorities);
    command.args(["-X", method, "-w", "\n%{http_code} %{remote_ip}"]);
    if !token.is_empty() {
        command.args(["-H", &format!("Authorization: Bearer {token}")]);
    }
    if !body.is_null() {
        command.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
    }
    let ran = run(command.arg(url)).ok();
    let (body, end) = ran.stdout.rsplit_once('\n').unwrap();
    let (status, from) = end.split_once(' ').unwrap();
    Reply {
        status: status.parse().unwrap(),
        body: serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned())),
        from: from.to_owned(),
    }
}

/// An account, and a client that is logged in to it.
#[derive(Clone)]
pub(crate) struct Person {
    id: String,
    base: String,
    token: String,
    authorities: PathBuf,
}

impl Person {
    /// Registers on a server that is reached there.
    #[track_caller]
    pub(crate) fn register(host: &Host, authorities: &Path, base: &str, name: &str) -> Self {
        let asked = json!({"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}});
        let url = format!("{base}/_matrix/client/v3/register");
        let made = fetch(host, authorities, &url, "", "POST", &asked).ok();
        Person {
            id: made["user_id"].as_str().unwrap().to_owned(),
            base: base.to_owned(),
            token: made["access_token"].as_str().unwrap().to_owned(),
            authorities: authorities.to_owned(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The same login by another way to the server.
    pub(crate) fn at(&self, base: &str) -> Self {
        Person {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    #[track_caller]
    pub(crate) fn ask(&self, host: &Host, method: &str, path: &str, body: &Value) -> Reply {
        let url = format!("{}/_matrix/client/v3/{path}", self.base);
        fetch(host, &self.authorities, &url, &self.token, method, body)
    }

    /// Makes a room and invites somebody to it; its id.
    #[track_caller]
    pub(crate) fn create_room(&self, host: &Host, guest: &str) -> String {
        let asked = json!({"preset": "private_chat", "invite": [guest]});
        let made = self.ask(host, "POST", "createRoom", &asked).ok();
        made["room_id"].as_str().unwrap().to_owned()
    }

    /// Makes a room that everybody may look for; its id.
    #[track_caller]
    pub(crate) fn create_public_room(&self, host: &Host, alias: &str) -> String {
        let asked = json!({"preset": "public_chat", "room_alias_name": alias});
        let made = self.ask(host, "POST", "createRoom", &asked).ok();
        made["room_id"].as_str().unwrap().to_owned()
    }

    /// Waits for the invite to a room and joins it.
    #[track_caller]
    pub(crate) fn accept(&self, host: &Host, room: &str) {
        self.sync_until(host, "the invite", |sync| {
            !sync["rooms"]["invite"][room].is_null()
        });
        let joined = self
            .ask(host, "POST", &format!("join/{}", escaped(room)), &json!({}))
            .ok();
        assert_eq!(joined, json!({"room_id": room}));
    }

    /// Sends a message; returns when the own server has it.
    #[track_caller]
    pub(crate) fn say(&self, host: &Host, room: &str, text: &str) {
        let path = format!("rooms/{}/send/m.room.message/{}", escaped(room), escaped(text));
        self.ask(host, "PUT", &path, &json!({"msgtype": "m.text", "body": text}))
            .ok();
    }

    /// Waits until that message is in the room, as this person's own server has it.
    #[track_caller]
    pub(crate) fn hear(&self, host: &Host, room: &str, text: &str) {
        self.sync_until(host, &format!("`{text}`"), |_| {
            self.conversation(host, room)
                .iter()
                .any(|said| said.ends_with(&format!(": {text}")))
        });
    }

    /// What was said in a room (`ID: TEXT`), in order, as this person's own server has it.
    #[track_caller]
    pub(crate) fn conversation(&self, host: &Host, room: &str) -> Vec<String> {
        let path = format!("rooms/{}/messages?dir=b&limit=100", escaped(room));
        let page = self.ask(host, "GET", &path, &Value::Null).ok();
        let events = page["chunk"].as_array().unwrap().iter().rev();
        let messages = events.filter(|event| event["type"] == "m.room.message");
        let said = |event: &Value| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            format!("{}: {}", text(&event["sender"]), text(&event["content"]["body"]))
        };
        messages.map(said).collect()
    }

    /// Long polls until what is asked for is there: each round ends when there is news.
    #[track_caller]
    fn sync_until(&self, host: &Host, what: &str, is_there: impl Fn(&Value) -> bool) {
        let end = Instant::now() + DELIVERY;
        let mut since = String::new();
        loop {
            let sync = self
                .ask(host, "GET", &format!("sync?timeout=5000{since}"), &Value::Null)
                .ok();
            if is_there(&sync) {
                return;
            }
            assert!(
                Instant::now() < end,
                "{} waits for {what}, and has: {sync:#}",
                self.id
            );
            since = format!("&since={}", sync["next_batch"].as_str().unwrap());
        }
    }
}

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A segment of a path: letters and digits stand for themselves.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
