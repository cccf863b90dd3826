//! Manual pages and completions, as `packaging/manuals.rs` writes them: every command and option is told of, and the
//! programs that read them have nothing to complain of.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use clap::CommandFactory;
use hearthdns::cli::Args;
use hearthdns::ctl::args::CommandLine;

use crate::Test;
use crate::support::run;

pub(crate) const TESTS: &[Test] = &[
    ("manuals::tell_of_every_option", &["cargo"], complete),
    ("manuals::are_read_by_man", &["cargo", "man"], read),
    ("completions::are_read_by_bash", &["cargo", "bash"], bash),
    ("completions::are_read_by_zsh", &["cargo", "zsh"], zsh),
    ("completions::are_read_by_fish", &["cargo", "fish"], fish),
];

/// Written once, for all tests.
pub(crate) fn written() -> &'static Path {
    static WRITTEN: OnceLock<PathBuf> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manuals");
        std::fs::remove_dir_all(&folder).ok();
        run(Command::new("cargo")
            .args(["run", "--quiet", "--locked", "--example", "manuals", "--"])
            .arg(&folder)
            .current_dir(env!("CARGO_MANIFEST_DIR")))
        .ok();
        folder
    })
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(written().join(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn complete() {
    for (section, mut command) in [("8", Args::command()), ("1", CommandLine::command())] {
        command.build();
        let mut left = vec![(command.get_name().to_owned(), command)];
        while let Some((name, command)) = left.pop() {
            let page = written().join(format!("man/{name}.{section}"));
            let page = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{name}: {error}"));
            let page = page.replace("\\-", "-");
            assert!(command.get_about().is_some(), "{name} says nothing of itself");
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                assert!(
                    argument.get_help().is_some(),
                    "{name}: {argument} is not described"
                );
                if let Some(long) = argument.get_long() {
                    assert!(
                        page.contains(&format!("\\fB--{long}\\fR")),
                        "{name}: --{long}\n{page}"
                    );
                }
            }
            let below = command.get_subcommands().filter(|sub| sub.get_name() != "help");
            left.extend(below.map(|sub| (format!("{name}-{}", sub.get_name()), sub.clone())));
        }
    }
}

fn read() {
    for page in files("man") {
        let ran = run(Command::new("man")
            .args(["--warnings", "-l"])
            .arg(&page)
            .env("MANWIDTH", "80"));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", page.display());
        assert!(ran.stdout.contains("SYNOPSIS"), "{}", ran.stdout);
    }
}

fn bash() {
    for file in files("bash") {
        assert_eq!(run(Command::new("bash").arg("-n").arg(&file)).ok().stderr, "");
    }
    let ask = "source \"$1\"; COMP_WORDS=(dnsctl add-r); COMP_CWORD=1; _dnsctl dnsctl add-r dnsctl; echo \"${COMPREPLY[*]}\"";
    let ran = run(Command::new("bash")
        .args(["-c", ask, "bash"])
        .arg(written().join("bash/dnsctl")));
    assert_eq!(ran.ok().stdout, "add-record\n");
}

fn zsh() {
    for file in files("zsh") {
        assert_eq!(run(Command::new("zsh").arg("-n").arg(&file)).ok().stderr, "");
    }
    // It finds them where they lie, and loads them for the words of each program.
    let ask = "fpath=($1 $fpath); autoload -Uz compinit && compinit -D -u && autoload +X _dnsctl _hearthdns && \
               print $_comps[dnsctl] $_comps[hearthdns]";
    let ran = run(Command::new("zsh")
        .args(["-f", "-c", ask, "zsh"])
        .arg(written().join("zsh")));
    assert_eq!(ran.ok().stdout, "_dnsctl _hearthdns\n");
}

fn fish() {
    for file in files("fish") {
        assert_eq!(
            run(Command::new("fish").arg("--no-execute").arg(&file))
                .ok()
                .stderr,
            ""
        );
    }
    let ran = run(Command::new("fish")
        .args(["--no-config", "-c", "source $argv[1]; complete -C 'dnsctl add-r'"])
        .arg(written().join("fish/dnsctl.fish")));
    assert_eq!(ran.ok().stdout, "add-record\tAdd one record\n");
}
