//! What the doctor saw, for people: a line for each link, then the verdict and what to do.

use std::fmt::Write as _;

use crate::control::types::{Diagnosed, DiagnosedLink};
use crate::ctl::output::{Printed, WIDTH, broken};

/// Column in which what was seen begins, at most: longer words before it take a line of their own length.
const WIDEST: usize = 44;
/// Column in which what was seen begins where it does not fit behind the rest.
const BEHIND: usize = 19;

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
    broken(&format!("{head}{}.", diagnosed.sentence), 0, 2, out);
    if let Some(cure) = &diagnosed.cure {
        broken(&format!("What to do: {cure}."), 0, 2, out);
    }
    let others = |grade| {
        let all = diagnosed.links.iter().filter(|link| link.grade == grade);
        all.count()
    };
    let (mut links, mut warnings) = (others("broken"), others("warning"));
    match diagnosed.verdict.as_str() {
        "broken" => links = links.saturating_sub(1),
        "works-but" => warnings = warnings.saturating_sub(1),
        _ => {}
    }
    if links + warnings > 0 {
        broken(&further(links, warnings), 0, 2, out);
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
    let line = format!("  {word:6} {ms:>8}  {:widest$}  {}", link.what, link.seen);
    if line.chars().count() <= WIDTH {
        let _ = writeln!(out, "{line}");
        return;
    }
    let _ = write!(out, "  {word:6} {ms:>8}  {}\n{:BEHIND$}", link.what, "");
    broken(&link.seen, BEHIND, BEHIND, out);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_goes_to_lines_of_its_own() {
        let link = |what: &str, seen: &str, ms| DiagnosedLink {
            leg: "server".to_owned(),
            what: what.to_owned(),
            seen: seen.to_owned(),
            grade: "warning".to_owned(),
            fault: None,
            cure: None,
            ms,
        };
        let mut out = String::new();
        print_link(&link("hearth.example", "203.0.113.10", Some(4)), 24, &mut out);
        let long = "cannot be fetched: the certificate at 203.0.113.10:443 is for other.example, and not for hearth.example";
        print_link(&link(".well-known/matrix/server", long, None), 24, &mut out);
        assert_eq!(
            out,
            "  WARN       4 ms  hearth.example            203.0.113.10
  WARN             .well-known/matrix/server
                   cannot be fetched: the certificate at 203.0.113.10:443 is for
                   other.example, and not for hearth.example
"
        );
    }
}
