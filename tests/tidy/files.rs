//! Rules about files as such: length, first line, leftovers, top level, dependencies with their reasons.

use std::collections::BTreeSet;

use super::source::Kind;
use super::{File, assert_caught, assert_passes, assert_tidy, sources};

/// Top level of the repository; dotfiles may stand beside these.
const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "zones",
    "tests",
    "packaging",
    "README.md",
    "LICENSE",
    "target",
];

/// Longest file in lines, tests included.
const MAX_LINES: usize = 900;

/// Files are short, begin by saying what they are, and hold no leftovers.
fn files_are_tidy(files: &[File]) -> Vec<String> {
    // Put together here, so that this file does not complain of itself.
    let words = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X"],
        ["HA", "CK"],
        ["todo", "!"],
        ["unimplemented", "!"],
        ["#[ign", "ore"],
    ]
    .map(|halves| halves.concat());
    let machine = [["/ro", "ot/"], ["/wo", "rk/"]].map(|halves| halves.concat());
    let scratch = ["/t", "mp/"].concat();
    let mut complaints = Vec::new();
    for file in files {
        let generated = file.path.ends_with("Cargo.lock");
        let count = file.text.lines().count();
        if count > MAX_LINES && file.path.ends_with(".rs") {
            complaints.push(format!(
                "{}: {count} lines, at most {MAX_LINES}; split it by noun",
                file.path
            ));
        }
        let begins = file.text.trim_start_matches("#![no_main]\n");
        if file.path.ends_with(".rs") && !begins.starts_with("//!") && !begins.starts_with("#![doc") {
            complaints.push(format!(
                "{}: the first line does not say what this file is (`//!`)",
                file.path
            ));
        }
        if generated || file.path == "LICENSE" {
            continue;
        }
        for (at, line) in file.text.lines().enumerate() {
            let place = format!("{}:{}", file.path, at + 1);
            for word in words.iter().filter(|word| has_word(line, word)) {
                complaints.push(format!("{place}: `{word}` is a leftover"));
            }
            for path in machine.iter().filter(|path| line.contains(path.as_str())) {
                complaints.push(format!("{place}: `{path}` is a place on somebody's machine"));
            }
            if line.contains(&scratch) && !file.path.starts_with("tests/") {
                complaints.push(format!(
                    "{place}: `{scratch}` is no place for anything but a test"
                ));
            }
        }
    }
    complaints
}

/// Whether `word` stands in `line` with no letter or digit against it.
fn has_word(line: &str, word: &str) -> bool {
    let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    let closed = word.ends_with(|c: char| c.is_alphanumeric());
    line.match_indices(word).any(|(at, _)| {
        apart(line[..at].chars().next_back()) && (!closed || apart(line[at + word.len()..].chars().next()))
    })
}

#[test]
fn files_say_what_they_are_and_hold_no_leftovers() {
    assert_tidy(files_are_tidy);
}

#[test]
fn files_say_what_they_are_and_hold_no_leftovers_catches() {
    let line = |halves: [&str; 2]| format!("//! A file.\n// {} this\n", halves.concat());
    assert_caught(files_are_tidy, "src/x.rs", &line(["TO", "DO"]), "leftover");
    assert_caught(files_are_tidy, "src/x.rs", &line(["XX", "X:"]), "leftover");
    assert_caught(files_are_tidy, "tests/x.rs", &line(["#[ign", "ore]"]), "leftover");
    assert_caught(
        files_are_tidy,
        "README.md",
        &line(["unimplemented", "!()"]),
        "leftover",
    );
    assert_caught(
        files_are_tidy,
        "README.md",
        &line(["/ro", "ot/x"]),
        "somebody's machine",
    );
    assert_caught(files_are_tidy, "src/x.rs", &line(["/t", "mp/x"]), "no place");
    assert_caught(files_are_tidy, "src/x.rs", "use std::fmt;\n", "does not say what");
    assert_caught(
        files_are_tidy,
        "src/x.rs",
        &"//! A file.\n".repeat(901),
        "901 lines",
    );
    assert_passes(files_are_tidy, "tests/x.rs", &line(["/t", "mp/x"]));
    assert_passes(files_are_tidy, "src/x.rs", &line(["XX", "XX todos HACKED"]));
}

/// Outside tests no `unwrap` and no `expect`: what cannot fail is written so that the compiler sees it.
fn nothing_is_unwrapped(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (file, _, tokens) in sources(files) {
        for trio in tokens.windows(3) {
            let [dot, name, open] = trio else { continue };
            if let (Kind::Punct('.'), Kind::Word(word), Kind::Punct('(')) =
                (&dot.kind, &name.kind, &open.kind)
                && matches!(word.as_str(), "unwrap" | "expect" | "unwrap_err" | "expect_err")
            {
                complaints.push(format!("{}:{}: `.{word}()` outside tests", file.path, name.line));
            }
        }
    }
    complaints
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    assert_tidy(nothing_is_unwrapped);
}

#[test]
fn nothing_is_unwrapped_outside_tests_catches() {
    assert_caught(
        nothing_is_unwrapped,
        "src/cache.rs",
        "x.get(0)\n.unwrap()",
        "src/cache.rs:2",
    );
    assert_caught(
        nothing_is_unwrapped,
        "src/bin/dnsctl.rs",
        "x.expect(\"y\")",
        "`.expect()`",
    );
    assert_passes(
        nothing_is_unwrapped,
        "src/cache.rs",
        "x.unwrap_or(1); // .unwrap()\n#[cfg(test)] mod tests { fn f() { x.unwrap(); } }",
    );
}

/// The top level holds what DESIGN allows.
fn the_top_level_is_fixed(files: &[File]) -> Vec<String> {
    let tops: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.split('/').next())
        .collect();
    tops.into_iter()
        .filter(|top| !top.starts_with('.') && !TOP.contains(top))
        .map(|top| {
            format!(
                "`{top}` at the top level; allowed are dotfiles and {}",
                TOP.join(", ")
            )
        })
        .collect()
}

#[test]
fn the_top_level_holds_what_design_allows() {
    assert_tidy(the_top_level_is_fixed);
}

#[test]
fn the_top_level_holds_what_design_allows_catches() {
    assert_caught(
        the_top_level_is_fixed,
        "docs/guide.md",
        "",
        "`docs` at the top level",
    );
    assert_caught(the_top_level_is_fixed, "Makefile", "", "`Makefile`");
    assert_passes(the_top_level_is_fixed, ".ci/run", "");
}

/// Every dependency says why it is there: a comment in the line above it or behind it.
fn dependencies_have_reasons(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with("Cargo.toml")) {
        let (mut inside, mut above) = (false, "");
        for (at, line) in file.text.lines().enumerate() {
            if line.starts_with('[') {
                inside = line.trim_end_matches(']').ends_with("dependencies");
            } else if inside && line.contains('=') && !line.starts_with(['#', ' ', '\t']) {
                // The library that fuzz targets fuzz needs no reason.
                let itself = line.contains("path = \"../..\"");
                if !above.starts_with('#') && !line.contains(" # ") && !itself {
                    let name = line.split('=').next().unwrap_or_default().trim();
                    complaints.push(format!(
                        "{}:{}: `{name}` comes without a reason",
                        file.path,
                        at + 1
                    ));
                }
            }
            above = line;
        }
    }
    complaints
}

#[test]
fn dependencies_come_with_a_reason() {
    assert_tidy(dependencies_have_reasons);
}

#[test]
fn dependencies_come_with_a_reason_catches() {
    let bare = "[dependencies]\n# Reason.\na = \"1\"\nb = \"1\"\n[lints]\nc = 1";
    assert_caught(dependencies_have_reasons, "Cargo.toml", bare, "Cargo.toml:4: `b`");
    assert_caught(
        dependencies_have_reasons,
        "Cargo.toml",
        "[dev-dependencies]\nd = \"1\"",
        "`d`",
    );
    assert_caught(
        dependencies_have_reasons,
        "Cargo.toml",
        "[target.'cfg(unix)'.dependencies]\ne = \"1\"",
        "`e`",
    );
    assert_passes(
        dependencies_have_reasons,
        "Cargo.toml",
        "[dependencies]\n# Why.\na = \"1\"\nb = \"1\" # why\n[lints]\nc = 1",
    );
}
