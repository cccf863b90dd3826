//! The words of a command line before clap reads them, and its own words where it refuses them.
//!
//! clap takes whatever begins with a dash for an option; data of records may begin with one.

use std::ffi::OsString;

use clap::CommandFactory;

use super::CommandLine;

/// Whether JSON is asked for, also by a line that is wrong otherwise.
#[must_use]
pub fn wants_json(args: &[OsString]) -> bool {
    let options = args.iter().skip(1).take_while(|word| *word != "--");
    options.into_iter().any(|word| word == "--json")
}

/// What is wrong with the line, in one line, without the usage.
#[must_use]
pub fn told_by(error: &clap::Error) -> String {
    let text = error.to_string();
    let is_said = |line: &&str| !line.starts_with("Usage:") && !line.starts_with("For more information");
    let words: Vec<&str> = text
        .lines()
        .take_while(is_said)
        .flat_map(str::split_whitespace)
        .collect();
    let words = words.join(" ");
    words.strip_prefix("error: ").unwrap_or(&words).to_owned()
}

/// Puts the data of a record behind a `--`, so that words such as `-5` or `-all` are data although options
/// are still found behind them. What begins with two dashes stays an option, known or misspelt.
pub(super) fn reordered(args: Vec<OsString>) -> Vec<OsString> {
    let shape = CommandLine::command();
    let mut rest = args.into_iter();
    let mut out: Vec<OsString> = rest.next().into_iter().collect();
    // Up to the command's own name.
    let command = loop {
        let Some(arg) = rest.next() else { return out };
        let text = arg.to_str().unwrap_or_default().to_owned();
        out.push(arg);
        if takes_value(&shape, &text) {
            out.extend(rest.next());
        } else if !text.starts_with('-') {
            break text;
        }
    };
    if !matches!(command.as_str(), "add-record" | "set-record" | "remove-record") {
        out.extend(rest);
        return out;
    }
    let Some(own) = shape.find_subcommand(&command) else {
        return out;
    };
    let mut data: Vec<OsString> = Vec::new();
    while let Some(arg) = rest.next() {
        match arg.to_str() {
            Some("--") => data.extend(rest.by_ref()),
            Some("-h") => out.push(arg),
            Some(text) if text.starts_with("--") => {
                let with_value = takes_value(own, text) || takes_value(&shape, text);
                out.push(arg);
                if with_value {
                    out.extend(rest.next());
                }
            }
            _ => data.push(arg),
        }
    }
    if !data.is_empty() {
        out.push("--".into());
        out.extend(data);
    }
    out
}

/// Whether `--option` takes its value from the next word.
fn takes_value(command: &clap::Command, text: &str) -> bool {
    text.strip_prefix("--").is_some_and(|name| {
        command
            .get_arguments()
            .any(|argument| argument.get_long() == Some(name) && argument.get_action().takes_values())
    })
}
