//! YAML as it is written for [`super`]: a line at a time, each with the place that it came from.

use std::fmt::Write as _;

use crate::uci::Place;

/// Text in the making.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// The lines.
    pub(super) text: String,
    /// Where each came from; line 0 where from nowhere.
    pub(super) places: Vec<Place>,
}

impl Sheet {
    /// Adds a line, so many levels deep.
    pub(super) fn line(&mut self, place: Place, depth: usize, text: &str) {
        let _ = writeln!(self.text, "{:1$}{text}", "", 2 * depth);
        self.places.push(place);
    }
}

/// Any text as a YAML scalar on one line, in double quotes (YAML 1.2, 7.3.1).
pub(super) fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}
