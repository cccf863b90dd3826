//! Writes the manual pages of both programs, and their completions for bash, zsh and fish, from the command lines
//! themselves. A package runs it where it is built (`cargo run --example manuals -- FOLDER`); the programs carry none of it.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use hearthdns::cli::Args;
use hearthdns::ctl::args::CommandLine;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: manuals FOLDER")?;
    let folder = Path::new(&folder);
    for (section, command, see) in [
        ("8", Args::command(), "dnsctl(1)"),
        ("1", CommandLine::command(), "hearthdns(8)"),
    ] {
        pages(folder, section, command, see)?;
    }
    for mut command in [Args::command(), CommandLine::command()] {
        let name = command.get_name().to_owned();
        for (shell, file) in [
            (Shell::Bash, format!("bash/{name}")),
            (Shell::Zsh, format!("zsh/_{name}")),
            (Shell::Fish, format!("fish/{name}.fish")),
        ] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command, &name, &mut text);
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(path, text)?;
        }
    }
    Ok(())
}

/// The page of a command, and one for each command below it: `dnsctl-cache-dump(1)`.
fn pages(folder: &Path, section: &str, mut command: Command, see: &str) -> Result<(), Box<dyn Error>> {
    command.build();
    let name = command.get_name().to_owned();
    let mut left = vec![(name.clone(), command)];
    while let Some((name, command)) = left.pop() {
        let below: Vec<_> = command
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
            .map(|sub| (format!("{name}-{}", sub.get_name()), sub.clone()))
            .collect();
        let above = name
            .rsplit_once('-')
            .map(|(above, _)| format!("{above}({section})"));
        let see: Vec<String> = above
            .into_iter()
            .chain(below.iter().map(|(name, _)| format!("{name}({section})")))
            .chain([see.to_owned()])
            .collect();
        let path = folder.join(format!("man/{name}.{section}"));
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, page(&name, section, command, &see)?)?;
        left.extend(below);
    }
    Ok(())
}

fn page(name: &str, section: &str, command: Command, see: &[String]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut out = Vec::new();
    let more = command.get_after_long_help().or(command.get_after_help());
    let more = more.map(ToString::to_string);
    let has_commands = command.has_subcommands();
    // The name with blanks, as it is typed, is what the synopsis shows.
    let command = command.display_name(name.to_owned());
    let man = Man::new(command)
        .title(name.to_uppercase())
        .section(section)
        .source(concat!("HearthDNS ", env!("CARGO_PKG_VERSION")))
        .manual("HearthDNS");
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if has_commands {
        man.render_subcommands_section(&mut out)?;
    }
    if let Some(more) = more {
        // Its lines are made for a terminal of 80 columns and stay as they are.
        writeln!(out, ".SH MORE\n.nf")?;
        for line in more.lines() {
            let line = line.replace('\\', "\\e").replace('-', "\\-");
            let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
            writeln!(out, "{guard}{line}")?;
        }
        writeln!(out, ".fi")?;
    }
    writeln!(out, ".SH \"SEE ALSO\"\n{}", see.join(", ").replace('-', "\\-"))?;
    Ok(out)
}
