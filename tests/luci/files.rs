//! The files of the package agree with each other and with the program: rights, menu, methods, translations.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::Test;
use crate::router::{APP, app, json_of};
use crate::support::house::dnsctl;
use crate::support::run;

pub(crate) const TESTS: &[Test] = &[
    ("rights_are_the_methods_that_the_views_call", &[], rights),
    ("the_menu_leads_to_views_that_are_there", &[], menu),
    ("every_text_is_translated", &[], translations),
    ("scripts_are_valid", &["node"], scripts),
];

const SCRIPTS: [&str; 5] = [
    "hearthdns/daemon.js",
    "view/hearthdns/status.js",
    "view/hearthdns/records.js",
    "view/hearthdns/devices.js",
    "view/hearthdns/settings.js",
];

fn script(name: &str) -> String {
    app(&format!("htdocs/luci-static/resources/{name}"))
}

fn words(list: &Value) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

fn rights() {
    let rights = json_of("root/usr/share/rpcd/acl.d/luci-app-hearthdns.json");
    let mut granted = Vec::new();
    for (group, scopes) in rights.as_object().unwrap() {
        for (how, scope) in scopes
            .as_object()
            .unwrap()
            .iter()
            .filter(|(how, _)| *how != "description")
        {
            // No files, no commands, nothing of other packages.
            for (kind, what) in scope.as_object().unwrap() {
                match kind.as_str() {
                    "ubus" => assert_eq!(
                        what.as_object().unwrap().keys().collect::<Vec<_>>(),
                        ["hearthdns"]
                    ),
                    "uci" => assert_eq!(words(what), ["hearthdns"]),
                    other => panic!("{group} {how} {other}"),
                }
            }
            granted.extend(words(&scope["ubus"]["hearthdns"]));
        }
    }
    let granted_once: BTreeSet<String> = granted.iter().cloned().collect();
    assert_eq!(granted.len(), granted_once.len(), "{granted:?}");
    // Whoever may only look changes nothing.
    let looks = words(&rights["luci-app-hearthdns"]["read"]["ubus"]["hearthdns"]);
    assert_eq!(
        looks,
        [
            "status",
            "stats",
            "list_zones",
            "list_records",
            "certificate",
            "devices"
        ]
    );
    let daemon = script("hearthdns/daemon.js");
    let (_, table) = daemon.split_once("const METHODS = {\n").unwrap();
    let (table, _) = table.split_once("\n};").unwrap();
    let listed = run(dnsctl().args(["rpcd", "list"])).ok().stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let mut called = BTreeSet::new();
    for line in table.lines() {
        let (method, arguments) = line.trim().split_once(": ").unwrap();
        let arguments: BTreeSet<String> = arguments
            .trim_end_matches(',')
            .trim_matches(['[', ']', ' '])
            .split(", ")
            .filter(|word| !word.is_empty())
            .map(|word| word.trim_matches('\'').to_owned())
            .collect();
        let known: BTreeSet<String> = listed[method].as_object().unwrap().keys().cloned().collect();
        assert_eq!(arguments, known, "{method}");
        called.insert(method.to_owned());
    }
    assert_eq!(called, granted_once);
    for method in &called {
        let is_called = SCRIPTS
            .iter()
            .any(|name| script(name).contains(&format!("'{method}'")));
        assert!(is_called, "{method} is called by no view");
    }
}

fn menu() {
    let menu = json_of("root/usr/share/luci/menu.d/luci-app-hearthdns.json");
    let mut views = BTreeSet::new();
    for (place, entry) in menu.as_object().unwrap() {
        assert!(place.starts_with("admin/services/hearthdns"), "{place}");
        if let Some(path) = entry["action"]["path"].as_str() {
            views.insert(format!("view/{path}.js"));
        }
    }
    let there: BTreeSet<String> = SCRIPTS[1..].iter().map(ToString::to_string).collect();
    assert_eq!(views, there);
}

/// Every text that a script has translated, with the quotes of JavaScript resolved.
fn texts(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (start, _) in source.match_indices("_('") {
        let is_call = !source[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let mut text = String::new();
        let mut chars = source[start + 3..].chars();
        loop {
            match chars.next().unwrap() {
                '\'' => break,
                '\\' => text.push(chars.next().unwrap()),
                c => text.push(c),
            }
        }
        if is_call {
            found.insert(text);
        }
    }
    found
}

/// Pairs of a catalogue: what stands in the scripts, and its translation.
fn catalogue(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(id) = line.strip_prefix("msgid ") {
            let translated = lines
                .next()
                .and_then(|line| line.strip_prefix("msgstr "))
                .unwrap();
            let text = |quoted: &str| -> String { serde_json::from_str(quoted).unwrap() };
            pairs.push((text(id), text(translated)));
        }
    }
    assert_eq!(pairs.remove(0).0, "", "the header");
    pairs
}

fn translations() {
    let mut wanted: BTreeSet<String> = SCRIPTS.iter().flat_map(|name| texts(&script(name))).collect();
    let menu = json_of("root/usr/share/luci/menu.d/luci-app-hearthdns.json");
    wanted.extend(
        menu.as_object()
            .unwrap()
            .values()
            .map(|entry| entry["title"].as_str().unwrap().to_owned()),
    );
    let rights = json_of("root/usr/share/rpcd/acl.d/luci-app-hearthdns.json");
    let groups = rights.as_object().unwrap().values();
    wanted.extend(groups.map(|group| group["description"].as_str().unwrap().to_owned()));
    for file in ["po/templates/hearthdns.pot", "po/zh_Hans/hearthdns.po"] {
        let pairs = catalogue(&app(file));
        let ids: BTreeSet<String> = pairs.iter().map(|(id, _)| id.clone()).collect();
        let missing: Vec<&String> = wanted.difference(&ids).collect();
        let unknown: Vec<&String> = ids.difference(&wanted).collect();
        assert!(
            missing.is_empty() && unknown.is_empty(),
            "{file}: lacks {missing:#?}, has for nobody {unknown:#?}"
        );
        assert_eq!(ids.len(), pairs.len(), "{file} says something twice");
        for (id, text) in pairs.iter().filter(|_| !file.ends_with(".pot")) {
            assert!(!text.is_empty(), "{file}: {id}");
            // The same values go in, in the same order.
            let holes = |text: &str| -> Vec<String> {
                let parts = text.split('%').skip(1);
                parts
                    .map(|part| {
                        part.chars()
                            .take_while(|c| ".0123456789".contains(*c))
                            .chain(part.chars().find(|c| c.is_alphabetic()))
                            .collect()
                    })
                    .collect()
            };
            assert_eq!(holes(id), holes(text), "{file}: {id}");
        }
    }
}

fn scripts() {
    // LuCI wraps a module into a function, outside of which `return` would be a mistake.
    for name in SCRIPTS {
        let wrapped = format!(
            "(function(window, document, L, _, E) {{\n{}\n}});\n",
            script(name)
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace('/', "-"));
        std::fs::write(&path, wrapped).unwrap();
        run(std::process::Command::new("node").arg("--check").arg(&path)).ok();
    }
    let stub = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/luci/luci.js");
    run(std::process::Command::new("node").args(["--check", stub])).ok();
    let plugin = Path::new(APP).join("root/usr/libexec/rpcd/hearthdns");
    run(std::process::Command::new("sh").arg("-n").arg(plugin)).ok();
}
