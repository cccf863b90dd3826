//! What the doctor saw, for people: a line for each link, then the verdict and what to do.

use std::fmt::Write as _;

use crate::control::types::{Diagnosed, DiagnosedLink};
use crate::ctl::output::Printed;

/// Column in which what was seen begins, at most: longer words before it take a line of their own length.
const WIDEST: usize = 44;
/// Width at which sentences are broken.
const WIDTH: usize = 80;

/// Prints it.
pub(in crate::ctl) fn print(diagnosed: &Diagnosed, printed: &mut Printed) {
    let out = &mut printed.out;
    let _ = writeln!(out, "{}, by {}", diagnosed.server, diagnosed.via);
    let widest = diagnosed
        .links
        .iter()
        .map(|link| link.what.chars().count())
        .max()
        .unwrap_or(0)
        .min(WIDEST);
    let mut leg = "";
    for link in &diagnosed.links {
        if link.leg != leg {
            leg = &link.leg;
            let title = match leg {
                "server" => "as another homeserver",
                "client" => "as a client",
                _ => "as a call",
            };
            let _ = writeln!(out, "\n{title}");
        }
        print_link(link, widest, out);
    }
    out.push('\n');
    let head = match diagnosed.verdict.as_str() {
        "works" => "Works: ",
        "works-but" => "Works, but: ",
        _ => "First broken link: ",
    };
    wrapped(&format!("{head}{}.", diagnosed.sentence), out);
    if let Some(cure) = &diagnosed.cure {
        wrapped(&format!("What to do: {cure}."), out);
    }
    let others = |grade| {
        let all = diagnosed.links.iter().filter(|link| link.grade == grade);
        all.count()
    };
    let (broken, warnings) = (others("broken"), others("warning"));
    let (broken, warnings) = match diagnosed.verdict.as_str() {
        "broken" => (broken.saturating_sub(1), warnings),
        "works-but" => (broken, warnings.saturating_sub(1)),
        _ => (broken, warnings),
    };
    if broken + warnings > 0 {
        let _ = writeln!(out, "{}", further(broken, warnings));
    }
    for note in &diagnosed.notes {
        let _ = writeln!(printed.err, "note: {note}");
    }
}

fn print_link(link: &DiagnosedLink, widest: usize, out: &mut String) {
    let word = match link.grade.as_str() {
        "ok" => "ok",
        "note" => "-",
        "warning" => "WARN",
        _ => "BROKEN",
    };
    let ms = link.ms.map_or_else(String::new, |ms| format!("{ms} ms"));
    let _ = writeln!(
        out,
        "  {word:6} {ms:>8}  {:widest$}  {}",
        link.what,
        link.seen,
        widest = widest
    );
}

fn further(broken: usize, warnings: usize) -> String {
    let broken = match broken {
        0 => None,
        1 => Some("1 further broken link".to_owned()),
        many => Some(format!("{many} further broken links")),
    };
    let warnings = match warnings {
        0 => None,
        1 => Some("1 warning".to_owned()),
        many => Some(format!("{many} warnings")),
    };
    let both: Vec<String> = broken.into_iter().chain(warnings).collect();
    format!(
        "Above there is more: {}. Mend the first one first.",
        both.join(" and ")
    )
}

/// Writes a text in lines, those behind the first a little to the right.
fn wrapped(text: &str, out: &mut String) {
    let mut width = 0;
    for word in text.split(' ') {
        let len = word.chars().count();
        if width > 0 && width + 1 + len > WIDTH {
            out.push_str("\n  ");
            width = 2;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += len;
    }
    out.push('\n');
}
