//! A router for the application's tests: it serves the files that the package installs, answers ubus by rpcd's rules (the
//! rights of the session, then the plugin as a program of its own), and keeps one UCI configuration.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use crate::support::House;
use crate::support::house::dnsctl;

/// Where the application stands.
pub(crate) const APP: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/packaging/openwrt/luci-app-hearthdns"
);
/// Where the stub of LuCI stands.
const STUB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/luci");

/// The session of somebody with all rights, and of one who may only look, and not at queries.
pub(crate) const ADMIN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const READER: &str = "fedcba9876543210fedcba9876543210";

/// Codes of ubus.
const OK: u32 = 0;
const INVALID: u32 = 2;
const NOT_FOUND: u32 = 4;
const DENIED: u32 = 6;

/// A file of the application.
pub(crate) fn app(relative: &str) -> String {
    let path = Path::new(APP).join(relative);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn json_of(relative: &str) -> Value {
    serde_json::from_str(&app(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// One section of the configuration.
#[derive(Clone)]
struct Section {
    name: String,
    kind: String,
    is_anonymous: bool,
    values: BTreeMap<String, Value>,
}

pub(crate) struct Router {
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// The folder in which `dnsctl` speaks to the daemon of the house.
    programs: PathBuf,
    sections: Mutex<Vec<Section>>,
}

impl Router {
    pub(crate) fn start(house: &House) -> Self {
        let program = dnsctl();
        let script = format!(
            "#!/bin/sh\nexec '{}' --control '{}' \"$@\"\n",
            Path::new(program.get_program()).display(),
            house.control().display()
        );
        house.write("bin/dnsctl", &script);
        make_runnable(&house.path("bin/dnsctl"));
        let main = Section {
            name: "main".to_owned(),
            kind: "hearthdns".to_owned(),
            is_anonymous: false,
            values: BTreeMap::new(),
        };
        let shared = Arc::new(Shared {
            programs: house.path("bin"),
            sections: Mutex::new(vec![main]),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let shared = Arc::clone(&shared);
                    std::thread::spawn(move || serve(stream, &shared));
                }
            });
        }
        Router { addr, shared }
    }

    /// The configuration as `uci` writes it.
    pub(crate) fn config(&self) -> String {
        let mut out = String::new();
        for section in self.shared.sections.lock().unwrap().iter() {
            let _ = write!(out, "config {}", section.kind);
            if !section.is_anonymous {
                let _ = write!(out, " {}", quoted(&section.name));
            }
            out.push('\n');
            for (name, value) in &section.values {
                match value {
                    Value::Array(items) => {
                        for item in items {
                            let _ = writeln!(out, "\tlist {name} {}", quoted(item.as_str().unwrap()));
                        }
                    }
                    value => {
                        let _ = writeln!(out, "\toption {name} {}", quoted(value.as_str().unwrap()));
                    }
                }
            }
            out.push('\n');
        }
        out
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

pub(crate) fn make_runnable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// One request of HTTP for each connection.
fn serve(stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    let mut length = 0;
    if reader.read_line(&mut first).is_err() {
        return;
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim_end().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (kind, content) = match path {
        "/ubus" => (
            "application/json",
            Some(ubus(&body, shared).to_string().into_bytes()),
        ),
        "/" => ("text/html", std::fs::read(format!("{STUB}/index.html")).ok()),
        "/luci.js" => ("text/javascript", std::fs::read(format!("{STUB}/luci.js")).ok()),
        "/luci.css" => ("text/css", std::fs::read(format!("{STUB}/luci.css")).ok()),
        "/menu.json" => {
            let path = Path::new(APP).join("root/usr/share/luci/menu.d/luci-app-hearthdns.json");
            ("application/json", std::fs::read(path).ok())
        }
        path if path.starts_with("/po/") => ("text/plain", std::fs::read(format!("{APP}{path}")).ok()),
        path if path.starts_with("/luci-static/") => (
            "text/javascript",
            std::fs::read(format!("{APP}/htdocs{path}")).ok(),
        ),
        _ => ("text/plain", None),
    };
    let status = if content.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let content = content.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        content.len()
    );
    let mut stream = reader.into_inner();
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&content));
}

/// One call: rights first, as in rpcd.
fn ubus(body: &[u8], shared: &Shared) -> Value {
    let request: Value = serde_json::from_slice(body).unwrap();
    let [session, object, method, words] = request["params"].as_array().unwrap().as_slice() else {
        panic!("{request}");
    };
    let (object, method) = (object.as_str().unwrap(), method.as_str().unwrap());
    let words = words.as_object().unwrap().clone();
    let session = session.as_str().unwrap();
    let result = if may(session, object, method, &words) {
        let answer = match object {
            "hearthdns" => plugin(session, method, words, shared),
            "uci" => uci(method, words, shared),
            _ => Err(NOT_FOUND),
        };
        answer.map_or_else(|code| json!([code]), |answer| json!([OK, answer]))
    } else {
        json!([DENIED])
    };
    json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
}

/// Whether the rights that the package installs let this session do that.
fn may(session: &str, object: &str, method: &str, words: &Map<String, Value>) -> bool {
    let rights = json_of("root/usr/share/rpcd/acl.d/luci-app-hearthdns.json");
    let groups = rights.as_object().unwrap().iter();
    let scopes = groups.flat_map(|(group, scopes)| {
        let mut held = Vec::new();
        if session == ADMIN || (session == READER && group == "luci-app-hearthdns") {
            held.push(("read", &scopes["read"]));
        }
        if session == ADMIN {
            held.push(("write", &scopes["write"]));
        }
        held
    });
    let has = |list: &Value, word: &str| {
        list.as_array()
            .is_some_and(|list| list.iter().any(|one| one == word))
    };
    scopes.into_iter().any(|(how, scope)| match (object, method) {
        // LuCI's own rights.
        ("uci", "apply") => session == ADMIN,
        ("uci", method) => {
            let needed = if method == "get" { "read" } else { "write" };
            how == needed && has(&scope["uci"], words["config"].as_str().unwrap())
        }
        _ => has(&scope["ubus"][object], method),
    })
}

/// Runs the plugin as rpcd does: the arguments on standard input, one object on standard output.
fn plugin(session: &str, method: &str, mut words: Map<String, Value>, shared: &Shared) -> Result<Value, u32> {
    let run = |args: &[&str], input: &str| -> Value {
        let mut child = Command::new(Path::new(APP).join("root/usr/libexec/rpcd/hearthdns"))
            .args(args)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", shared.programs.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Its end is not told: the plugin must know by itself when it has all.
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(input.as_bytes()).unwrap();
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        child.wait().unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
    };
    let methods = run(&["list"], "");
    let Some(known) = methods.get(method).and_then(Value::as_object) else {
        return Err(INVALID);
    };
    for name in words.keys() {
        assert!(known.contains_key(name), "{method} has no argument {name}");
    }
    words.insert("ubus_rpc_session".to_owned(), json!(session));
    Ok(run(&["call", method], &Value::Object(words).to_string()))
}

/// The part of rpcd's `uci` that forms use.
fn uci(method: &str, mut words: Map<String, Value>, shared: &Shared) -> Result<Value, u32> {
    let mut sections = shared.sections.lock().unwrap();
    let mut values = || -> BTreeMap<String, Value> {
        let given = words.get_mut("values").map(Value::take).unwrap_or_default();
        let given = given.as_object().cloned().unwrap_or_default();
        given
            .into_iter()
            .filter(|(_, value)| *value != json!("") && *value != json!([]))
            .collect()
    };
    match method {
        "get" => {
            let all: Map<String, Value> = sections
                .iter()
                .enumerate()
                .map(|(at, section)| {
                    let mut shown: Map<String, Value> = section.values.clone().into_iter().collect();
                    shown.insert(".name".to_owned(), json!(section.name));
                    shown.insert(".type".to_owned(), json!(section.kind));
                    shown.insert(".anonymous".to_owned(), json!(section.is_anonymous));
                    shown.insert(".index".to_owned(), json!(at));
                    (section.name.clone(), Value::Object(shown))
                })
                .collect();
            Ok(json!({"values": all}))
        }
        "add" => {
            let values = values();
            let name = words.get("name").and_then(Value::as_str);
            let section = Section {
                name: name.map_or_else(|| format!("cfg{:06x}", sections.len()), str::to_owned),
                kind: words["type"].as_str().unwrap().to_owned(),
                is_anonymous: name.is_none(),
                values,
            };
            sections.push(section);
            Ok(json!({}))
        }
        "set" => {
            let values = values();
            let section = sections
                .iter_mut()
                .find(|section| words["section"] == *section.name);
            section.ok_or(NOT_FOUND)?.values = values;
            Ok(json!({}))
        }
        "delete" => {
            sections.retain(|section| words["section"] != *section.name);
            Ok(json!({}))
        }
        "apply" => Ok(json!({})),
        _ => Err(INVALID),
    }
}
