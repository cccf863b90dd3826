//! The invariants of `src/ARCHITECTURE.md`, asserted over the source text.
//!
//! Each rule is a function from files to complaints, and each has a test of its own that plants a violation and
//! sees it caught. What a rule cannot see stands at the rule. Rules about files as such, not about what their
//! code names, are in `tidy/files.rs`.
#![allow(clippy::unwrap_used)]

#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use source::{Kind, paths, tokens, without_tests};

/// A module, its layer, and the modules of the same layer that it may name. Layers are those of DESIGN: a
/// module names modules of lower layers, and of its own only those listed here.
const MODULES: &[(&str, u8, &[&str])] = &[
    ("message", 0, &[]),
    ("zone", 1, &[]),
    ("policy", 1, &["device"]),
    ("cache", 1, &[]),
    ("health", 1, &[]),
    ("matrix", 1, &["zone"]),
    ("onboard", 1, &[]),
    ("lan", 1, &["uci", "zone"]),
    ("device", 1, &["onboard"]),
    ("uci", 1, &[]),
    ("netlink", 1, &[]),
    ("config", 2, &[]),
    ("view", 2, &[]),
    ("engine", 3, &[]),
    ("telemetry", 4, &[]),
    ("clock", 4, &[]),
    ("interfaces", 4, &[]),
    ("nftset", 4, &[]),
    ("quic", 4, &[]),
    ("upstream", 4, &["clock", "nftset", "quic", "telemetry"]),
    ("serve", 4, &["quic", "telemetry", "upstream"]),
    ("certificate", 4, &["store", "upstream"]),
    // What both sides of the control socket speak: below the edits that are asked for in it.
    ("control/types", 4, &[]),
    ("store", 4, &["control/types", "telemetry"]),
    (
        "control",
        4,
        &["control/types", "interfaces", "store", "telemetry"],
    ),
    ("sync", 4, &["store"]),
    ("warm", 4, &["store"]),
    ("probe", 4, &[]),
    ("cli", 5, &[]),
    ("ctl", 5, &["cli"]),
    ("daemon", 5, &["cli"]),
    ("bin", 5, &["cli", "ctl", "daemon"]),
];

/// Layers up to this one are pure: no tokio, socket, file system, clock or randomness of their own.
const PURE: u8 = 3;

/// What a pure module may not name: the beginning of a path.
const IMPURE: &[&str] = &[
    "tokio",
    "socket2",
    "rustix",
    "quinn_udp",
    "hickory_net",
    "hickory_resolver",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "std::io::stdin",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "Instant::now",
    "SystemTime::now",
    "SystemTime::UNIX_EPOCH",
    "std::net::UdpSocket",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::hash::RandomState",
    "std::collections::hash_map::RandomState",
    "RandomState::new",
    "UdpSocket::bind",
    "TcpListener::bind",
    "TcpStream::connect",
    "File::open",
    "File::create",
    "fs::read",
    "fs::write",
];

/// A crate, and the modules outside tests that may name it.
const CRATES_AT_HOME: &[(&str, &[&str])] = &[
    ("hickory_proto", &["zone", "upstream", "sync", "serve/embed"]),
    ("hickory_resolver", &["upstream", "sync"]),
    ("hickory_net", &["upstream", "sync"]),
    ("hickory_server", &["serve/embed"]),
    ("serde_yaml", &["config"]),
    (
        "serde_json",
        &["control", "certificate/acme", "ctl", "bin/dnsctl.rs"],
    ),
    ("clap", &["cli", "ctl", "daemon", "bin"]),
];

/// A part of a path, and the modules outside tests that may name it: quinn's own sockets take three megabytes each.
const PARTS_AT_HOME: &[([&str; 2], &[&str])] = &[
    (["quinn", "TokioRuntime"], &["quic"]),
    (["Endpoint", "client"], &["quic"]),
];

/// A text that only its home speaks: what a literal contains, and the modules that may write it.
const WORDS_AT_HOME: &[(&str, &[&str])] = &[
    ("$ORIGIN", &["zone"]),
    ("$INCLUDE", &["zone"]),
    ("$GENERATE", &["zone"]),
    ("<html", &["onboard"]),
    ("<plist", &["onboard"]),
];

/// Source and text of the repository: path with `/`, contents.
struct File {
    path: String,
    text: String,
}

// ---- the repository keeps each rule

fn repository() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let relative = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            let skipped = [
                "target",
                ".git",
                "tests/fuzz/target",
                "tests/fuzz/corpus",
                "tests/fuzz/artifacts",
            ];
            if skipped.contains(&relative.as_str()) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                files.push(File { path: relative, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(
        files.iter().any(|file| file.path == "src/lib.rs"),
        "the walk over the repository found no source"
    );
    files
}

#[track_caller]
fn assert_tidy(rule: fn(&[File]) -> Vec<String>) {
    let complaints = rule(&repository());
    assert!(
        complaints.is_empty(),
        "{} found:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// Whether the rule complains of this one file, with this text somewhere in the complaint.
#[track_caller]
fn assert_caught(rule: fn(&[File]) -> Vec<String>, path: &str, text: &str, complaint: &str) {
    let complaints = rule(&[File {
        path: path.to_owned(),
        text: text.to_owned(),
    }]);
    assert!(
        complaints.iter().any(|said| said.contains(complaint)),
        "`{text}` in {path} was not caught: {complaints:?}"
    );
}

#[track_caller]
fn assert_passes(rule: fn(&[File]) -> Vec<String>, path: &str, text: &str) {
    let complaints = rule(&[File {
        path: path.to_owned(),
        text: text.to_owned(),
    }]);
    assert!(
        complaints.is_empty(),
        "`{text}` in {path} was refused: {complaints:?}"
    );
}

/// The module that a file belongs to: `zone` for `src/zone/rdata.rs`, or a part of one that [`MODULES`] names by
/// itself; `None` for the crate root and what is not source of the crate.
fn module(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    if inside == "lib" {
        return None;
    }
    let parts = MODULES
        .iter()
        .map(|(name, _, _)| *name)
        .filter(|name| at_home(path, &[name]));
    let first = inside.split('/').next()?;
    Some(parts.max_by_key(|name| name.len()).unwrap_or(first))
}

/// The module that a path below the crate root leads to; the longest that [`MODULES`] knows.
fn module_of_path(segments: &[String]) -> Option<&'static str> {
    let begins = |name: &str| {
        let parts: Vec<&str> = name.split('/').collect();
        parts.len() <= segments.len() && parts.iter().zip(segments).all(|(part, segment)| part == segment)
    };
    MODULES
        .iter()
        .map(|(name, _, _)| *name)
        .filter(|name| begins(name))
        .max_by_key(|name| name.len())
}

fn layer(module: &str) -> Option<(u8, &'static [&'static str])> {
    MODULES
        .iter()
        .find(|(name, _, _)| *name == module)
        .map(|(_, layer, beside)| (*layer, *beside))
}

/// Files of the crate that are compiled for tests only: `#[cfg(test)] mod x;`.
fn test_files(files: &[File]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("src/") && file.path.ends_with(".rs"))
    {
        let (_, names) = without_tests(&tokens(&file.text));
        let stem = file.path.trim_end_matches(".rs");
        let folder = stem
            .strip_suffix("/mod")
            .or_else(|| stem.strip_suffix("/lib"))
            .unwrap_or(stem);
        for name in names {
            found.extend([format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]);
        }
    }
    found
}

/// Source of the crate without its tests: file, module, tokens.
fn sources(files: &[File]) -> Vec<(&File, &str, Vec<source::Token>)> {
    let for_tests = test_files(files);
    let wanted = files
        .iter()
        .filter(|file| file.path.ends_with(".rs") && !for_tests.contains(&file.path));
    wanted
        .filter_map(|file| Some((file, module(&file.path)?, without_tests(&tokens(&file.text)).0)))
        .collect()
}

/// Whether `path` lies in one of these homes (`zone`, `serve/quic`, `bin/dnsctl.rs`).
fn at_home(path: &str, homes: &[&str]) -> bool {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    homes.iter().any(|home| {
        inside == *home
            || inside.strip_suffix(".rs") == Some(home)
            || inside
                .strip_prefix(home)
                .is_some_and(|rest| rest.starts_with('/'))
    })
}

// ---- imports point down

/// Paths from `crate::` (in binaries from `hearthdns::`) lead to lower layers. Not seen: a name brought in by a
/// re-export under another module's name, and paths made by macros.
fn imports_point_down(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (file, from, tokens) in sources(files) {
        let Some((from_layer, beside)) = layer(from) else {
            complaints.push(format!(
                "{}: module `{from}` stands in no layer; add it to MODULES in tests/tidy.rs",
                file.path
            ));
            continue;
        };
        for (line, path) in paths(&tokens) {
            let root = path[0].as_str();
            if !matches!(root, "crate" | "hearthdns") {
                continue;
            }
            let Some(first) = path.get(1) else { continue };
            let Some((to, to_layer)) = module_of_path(&path[1..]).and_then(|to| Some((to, layer(to)?.0)))
            else {
                // A macro or an item of the crate root is no module, and passes.
                if files
                    .iter()
                    .any(|file| module(&file.path) == Some(first.as_str()))
                    || first == "*"
                {
                    complaints.push(format!(
                        "{}:{line}: `{}` leads to no layer",
                        file.path,
                        path.join("::")
                    ));
                }
                continue;
            };
            if to != from && to_layer >= from_layer && !beside.contains(&to) {
                complaints.push(format!(
                    "{}:{line}: `{from}` (L{from_layer}) names `{}` of L{to_layer}; imports point down only",
                    file.path,
                    path.join("::")
                ));
            }
        }
    }
    complaints
}

#[test]
fn s4_imports_point_down() {
    assert_tidy(imports_point_down);
}

#[test]
fn s4_imports_point_down_catches() {
    let rule = imports_point_down;
    assert_caught(
        rule,
        "src/zone/tree.rs",
        "use crate::engine::Step;",
        "`zone` (L1) names `crate::engine::Step`",
    );
    assert_caught(
        rule,
        "src/message/mod.rs",
        "fn f() { crate::zone::record::Record::new() }",
        "of L1",
    );
    assert_caught(
        rule,
        "src/policy.rs",
        "use crate::{message::Name, cache::{self, Cache}};",
        "crate::cache::Cache",
    );
    assert_caught(rule, "src/upstream/mod.rs", "use crate::serve::udp;", "of L4");
    assert_caught(rule, "src/engine.rs", "/* */ use hearthdns::control;", "of L4");
    assert_caught(
        rule,
        "src/store/edits.rs",
        "use crate::control::{server, types};",
        "`crate::control::server`",
    );
    assert_caught(rule, "src/brandnew.rs", "", "stands in no layer");
    assert_passes(
        rule,
        "src/zone/tree.rs",
        "use crate::zone::record; use crate::message::Name; // crate::engine",
    );
    assert_passes(
        rule,
        "src/zone/tree.rs",
        "#[cfg(test)] mod tests { use crate::engine::Step; }",
    );
    assert_passes(
        rule,
        "src/serve/udp.rs",
        "use crate::telemetry::count; use crate::engine;",
    );
}

#[test]
fn s4_the_table_of_layers_has_no_cycle_within_a_layer() {
    let mut left: BTreeMap<&str, &[&str]> =
        MODULES.iter().map(|(name, _, beside)| (*name, *beside)).collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .filter(|(_, beside)| beside.iter().all(|name| !left.contains_key(name)))
            .map(|(n, _)| *n)
            .collect();
        if free.is_empty() {
            break;
        }
        left.retain(|name, _| !free.contains(name));
    }
    assert!(left.is_empty(), "these name each other in a circle: {left:?}");
    for (name, layer_of, beside) in MODULES {
        assert!(
            beside.iter().all(|other| layer(other).unwrap().0 == *layer_of),
            "`{name}` lists another layer's module"
        );
    }
}

// ---- 1: L0 to L3 are pure

/// Pure modules name nothing of [`IMPURE`]. Not seen: a clock or a file behind a function of another crate.
fn pure_layers_are_pure(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (file, module, tokens) in sources(files) {
        if layer(module).is_none_or(|(layer, _)| layer > PURE) {
            continue;
        }
        for (line, path) in paths(&tokens) {
            let joined = path.join("::");
            let named = |name: &&&str| {
                joined == **name
                    || joined.starts_with(&format!("{name}::"))
                    || joined.starts_with(&format!("{name}_"))
            };
            if let Some(name) = IMPURE.iter().find(named) {
                complaints.push(format!(
                    "{}:{line}: `{joined}`: L0 to L{PURE} may not name `{name}`",
                    file.path
                ));
            }
        }
    }
    complaints
}

#[test]
fn s4_1_pure_layers_are_pure() {
    assert_tidy(pure_layers_are_pure);
}

#[test]
fn s4_1_pure_layers_are_pure_catches() {
    let rule = pure_layers_are_pure;
    assert_caught(rule, "src/engine/mod.rs", "use tokio::sync::Mutex;", "`tokio`");
    assert_caught(
        rule,
        "src/config/mod.rs",
        "use std::{fmt, fs, path::Path};",
        "`std::fs`",
    );
    assert_caught(
        rule,
        "src/cache.rs",
        "use std::time::Instant; fn f() { Instant::now(); }",
        "`Instant::now`",
    );
    assert_caught(
        rule,
        "src/view.rs",
        "fn f() { std::time::SystemTime::now(); }",
        "SystemTime::now",
    );
    assert_caught(
        rule,
        "src/message/query.rs",
        "use std::net::{IpAddr, UdpSocket};",
        "UdpSocket",
    );
    assert_caught(
        rule,
        "src/zone/master.rs",
        "fn f() { std::fs::read_to_string(x) }",
        "`std::fs`",
    );
    assert_caught(rule, "src/engine.rs", "use std::env;", "`std::env`");
    assert_passes(
        rule,
        "src/cache.rs",
        "use std::time::{Duration, Instant}; use std::net::IpAddr; // std::fs",
    );
    assert_passes(
        rule,
        "src/serve/udp.rs",
        "use tokio::net::UdpSocket; use std::fs;",
    );
    assert_passes(
        rule,
        "src/config/mod.rs",
        "#[cfg(test)] mod tests { fn f() { std::fs::read(x); } }",
    );
}

// ---- 2: DNS bytes are message's

/// Outside `message` nobody takes a message apart. A proxy: the masks of compression pointers, and indexing by a
/// number into something that is called like a message. Not seen: an index held in a variable, a buffer by
/// another name, a helper that hides the index. `zone` is let off the masks, because the RDATA that it builds has
/// bits of its own.
fn only_message_indexes_dns_bytes(files: &[File]) -> Vec<String> {
    const CALLED: &[&str] = &[
        "wire", "packet", "datagram", "msg", "message", "query", "reply", "response",
    ];
    const MASKS: &[&str] = &["0xc0", "0x3f", "0xc000", "0x3fff", "0b1100_0000", "0b11000000"];
    let mut complaints = Vec::new();
    for (file, module, tokens) in sources(files) {
        if module == "message" {
            continue;
        }
        for (i, token) in tokens.iter().enumerate() {
            let next = |step: usize| tokens.get(i + step).map(|token| &token.kind);
            match &token.kind {
                Kind::Word(word) if CALLED.contains(&word.as_str()) => {
                    let open = next(1) == Some(&Kind::Punct('['));
                    if open && matches!(next(2), Some(Kind::Number(_))) {
                        complaints.push(format!(
                            "{}:{}: `{word}[…]`: only message indexes DNS bytes",
                            file.path, token.line
                        ));
                    }
                }
                Kind::Number(number) => {
                    let plain = number.to_ascii_lowercase();
                    let plain = plain
                        .trim_end_matches("_u8")
                        .trim_end_matches("_u16")
                        .trim_end_matches("u8")
                        .trim_end_matches("u16");
                    if module != "zone" && MASKS.contains(&plain) {
                        complaints.push(format!(
                            "{}:{}: `{number}` is a compression pointer's mask; only message indexes DNS bytes",
                            file.path, token.line
                        ));
                    }
                }
                _ => {}
            }
        }
    }
    complaints
}

#[test]
fn s4_2_only_message_indexes_dns_bytes() {
    assert_tidy(only_message_indexes_dns_bytes);
}

#[test]
fn s4_2_only_message_indexes_dns_bytes_catches() {
    let rule = only_message_indexes_dns_bytes;
    assert_caught(rule, "src/serve/udp.rs", "let id = packet[0];", "`packet[…]`");
    assert_caught(rule, "src/cache.rs", "&reply[4..6]", "`reply[…]`");
    assert_caught(rule, "src/engine.rs", "if len & 0xC0 == 0xc0_u8 {}", "`0xC0`");
    assert_passes(rule, "src/message/query.rs", "let id = packet[0]; len & 0xc0");
    assert_passes(
        rule,
        "src/serve/udp.rs",
        "let packet = &packets[0]; let message = messages[i];",
    );
}

/// Formats have one home each: YAML, JSON, master files, HTML, property lists, and hickory's types.
fn formats_and_crates_stay_at_home(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (file, _, tokens) in sources(files) {
        for (line, path) in paths(&tokens) {
            let named = |name: &str| {
                path[0] == name
                    || path
                        .get(1)
                        .is_some_and(|second| path[0].is_empty() && second == name)
            };
            for (part, homes) in PARTS_AT_HOME {
                if path.windows(2).any(|two| two == part) && !at_home(&file.path, homes) {
                    complaints.push(format!(
                        "{}:{line}: `{}` stays in {}",
                        file.path,
                        part.join("::"),
                        homes.join(", ")
                    ));
                }
            }
            for (name, homes) in CRATES_AT_HOME {
                if named(name) && !at_home(&file.path, homes) {
                    complaints.push(format!(
                        "{}:{line}: `{}`: `{name}` stays in {}",
                        file.path,
                        path.join("::"),
                        homes.join(", ")
                    ));
                }
            }
        }
        for token in &tokens {
            let Kind::Text(text) = &token.kind else { continue };
            for (word, homes) in WORDS_AT_HOME {
                // Help texts may speak of a directive; a parser compares against it alone.
                if text.trim() == *word && !at_home(&file.path, homes) {
                    complaints.push(format!(
                        "{}:{}: `{word}`: only {} knows it",
                        file.path,
                        token.line,
                        homes.join(", ")
                    ));
                }
            }
        }
    }
    complaints
}

#[test]
fn s4_2_s4_3_formats_and_crates_stay_at_home() {
    assert_tidy(formats_and_crates_stay_at_home);
}

#[test]
fn s4_2_s4_3_formats_and_crates_stay_at_home_catches() {
    let rule = formats_and_crates_stay_at_home;
    assert_caught(
        rule,
        "src/engine.rs",
        "use hickory_proto::rr::Name;",
        "`hickory_proto` stays in",
    );
    assert_caught(
        rule,
        "src/serve/udp.rs",
        "fn f(x: hickory_proto::op::Message) {}",
        "stays in",
    );
    assert_caught(rule, "src/view.rs", "use serde_yaml::Value;", "stays in config");
    assert_caught(
        rule,
        "src/store/edits.rs",
        "serde_json::to_string(x)",
        "stays in control",
    );
    assert_caught(
        rule,
        "src/store/edits.rs",
        "if word == \"$ORIGIN\" {}",
        "only zone knows it",
    );
    assert_caught(
        rule,
        "src/serve/quic.rs",
        "use quinn::{Endpoint, TokioRuntime};",
        "`quinn::TokioRuntime` stays in quic",
    );
    assert_caught(
        rule,
        "src/upstream/quic.rs",
        "let endpoint = Endpoint::client(any);",
        "`Endpoint::client` stays in quic",
    );
    assert_passes(rule, "src/quic.rs", "use quinn::{Runtime, TokioRuntime};");
    assert_passes(rule, "src/upstream/pool.rs", "use hickory_proto::op::Message;");
    assert_passes(rule, "src/serve/embed.rs", "use hickory_proto::op::Message;");
    assert_passes(
        rule,
        "src/engine.rs",
        "#[cfg(test)] mod tests { use hickory_proto::rr::Name; }",
    );
}

// ---- 4 and 7: nothing is changed in place or grows without end

/// Nothing grows without a bound. A proxy: channels without one, and detached blocking pools, are not named at
/// all; what a bound is called is for the limits table and its tests.
fn nothing_is_unbounded(files: &[File]) -> Vec<String> {
    const WORDS: &[&str] = &[
        "unbounded_channel",
        "UnboundedSender",
        "UnboundedReceiver",
        "unbounded",
    ];
    let mut complaints = Vec::new();
    for (file, _, tokens) in sources(files) {
        for token in &tokens {
            if let Kind::Word(word) = &token.kind
                && WORDS.contains(&word.as_str())
            {
                complaints.push(format!("{}:{}: `{word}` has no bound", file.path, token.line));
            }
        }
        for (line, path) in paths(&tokens) {
            if path.join("::").ends_with("std::sync::mpsc::channel") {
                complaints.push(format!(
                    "{}:{line}: `mpsc::channel` of std has no bound; use sync_channel",
                    file.path
                ));
            }
        }
    }
    complaints
}

#[test]
fn s4_7_nothing_is_unbounded() {
    assert_tidy(nothing_is_unbounded);
}

#[test]
fn s4_7_nothing_is_unbounded_catches() {
    assert_caught(
        nothing_is_unbounded,
        "src/serve/udp.rs",
        "let x = mpsc::unbounded_channel();",
        "has no bound",
    );
    assert_caught(
        nothing_is_unbounded,
        "src/serve/udp.rs",
        "use std::sync::mpsc::{channel};",
        "use sync_channel",
    );
    assert_passes(
        nothing_is_unbounded,
        "src/serve/udp.rs",
        "let x = mpsc::channel(BACKLOG); // unbounded",
    );
}

/// Every named bound says what it is for: each `pub const` in the limits table's file has a doc comment, and each
/// row its reason. Where the table does not stand yet there is nothing to check.
fn every_bound_has_its_reason(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("src/") && file.path.ends_with("limits.rs"))
    {
        let lines: Vec<&str> = file.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let documented = at > 0
                && matches!(lines[at - 1].trim_start(), above if above.starts_with("///") || above.starts_with("#["));
            if line.trim_start().starts_with("pub const ") && !documented {
                complaints.push(format!(
                    "{}:{}: this bound has no reason in a doc comment",
                    file.path,
                    at + 1
                ));
            }
        }
    }
    complaints
}

#[test]
fn s4_7_every_bound_has_its_reason() {
    assert_tidy(every_bound_has_its_reason);
}

#[test]
fn s4_7_every_bound_has_its_reason_catches() {
    assert_caught(
        every_bound_has_its_reason,
        "src/config/limits.rs",
        "\npub const X: u32 = 1;",
        "no reason",
    );
    assert_passes(
        every_bound_has_its_reason,
        "src/config/limits.rs",
        "/// Because.\npub const X: u32 = 1;",
    );
}
