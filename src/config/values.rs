//! The types of values in the configuration: mappings, lists, numbers, sizes, paths, and what to say
//! otherwise.
//!
//! A defect is noted with the number of the value that has it, and reading goes on; [`located`] looks the
//! places up at the end, when it is known that they are needed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::address::shown;
use super::document::{self, Kind, Node};
use super::limits::{self, Limit};
use super::reader::{SECTIONS, TOP};
use super::{Config, UpstreamSpec, whole};
use crate::zone::record::Defect;

/// One defect, before its place is known.
pub(super) struct Found {
    id: u32,
    message: String,
    /// The value that it repeats.
    earlier: Option<u32>,
}

pub(super) struct Reader {
    pub(super) folder: PathBuf,
    pub(super) config: Config,
    pub(super) found: Vec<Found>,
    /// Values by the path of their key, for defects that concern two keys.
    pub(super) places: HashMap<String, u32>,
    /// The numbers of the values in `listen`.
    pub(super) listen: Vec<u32>,
    /// Every server of routes and views, with its value's number.
    pub(super) upstreams: Vec<(UpstreamSpec, u32)>,
    /// Those of the default route, which flags may replace.
    pub(super) default_upstreams: Vec<(UpstreamSpec, u32)>,
}

/// Notes a defect and goes on.
impl Reader {
    pub(super) fn defect(&mut self, id: u32, message: impl Into<String>) {
        self.found.push(Found {
            id,
            message: message.into(),
            earlier: None,
        });
    }

    pub(super) fn repeated(&mut self, id: u32, message: String, earlier: u32) {
        self.found.push(Found {
            id,
            message,
            earlier: Some(earlier),
        });
    }

    pub(super) fn mistyped(&mut self, node: &Node, expected: &str) {
        let way_out = match node.kind {
            Kind::Null => "; remove the key to have its default",
            _ => "",
        };
        self.defect(
            node.id,
            format!("expected {expected}, found {}{way_out}", node.noun()),
        );
    }
}

/// The types.
impl Reader {
    /// The known keys of a mapping with their values, each once; the others are noted.
    pub(super) fn section<'n>(
        &mut self,
        node: &'n Node,
        path: &str,
        known: &[&'static str],
    ) -> Vec<(&'static str, &'n Node)> {
        let Kind::Map(entries) = &node.kind else {
            self.mistyped(node, &format!("keys and their values ({})", known.join(", ")));
            return Vec::new();
        };
        let mut seen: HashMap<String, u32> = HashMap::new();
        let mut out = Vec::new();
        for (key, value) in entries {
            let Some(word) = key.scalar() else {
                self.defect(key.id, format!("expected a key, found {}", key.noun()));
                continue;
            };
            if let Some(first) = seen.get(&word) {
                self.repeated(key.id, format!("key {} is given twice", shown(&word)), *first);
                continue;
            }
            seen.insert(word.clone(), key.id);
            if let Some(known) = known.iter().find(|known| **known == word) {
                let whole = if path.is_empty() {
                    word
                } else {
                    format!("{path}.{word}")
                };
                self.places.insert(whole, value.id);
                out.push((*known, value));
            } else {
                self.defect(key.id, unknown_key(&word, path, known));
            }
        }
        out
    }

    pub(super) fn named_section<'n>(&mut self, node: &'n Node, name: &str) -> Vec<(&'static str, &'n Node)> {
        let known = SECTIONS
            .iter()
            .find(|(section, _)| *section == name)
            .map_or(TOP, |(_, keys)| *keys);
        self.section(node, name, known)
    }

    /// A whole number in a range.
    pub(super) fn number(&mut self, node: &Node, limit: Limit) -> Option<u64> {
        let Limit { min, max, .. } = limit;
        match &node.kind {
            Kind::Integer(value) => {
                let fits = u64::try_from(*value).ok().filter(|value| limit.allows(*value));
                if fits.is_none() {
                    self.defect(node.id, format!("expected {min} to {max}, found {value}"));
                }
                return fits;
            }
            Kind::Float(value) => {
                let found = if value.abs() < 1e15 {
                    value.to_string()
                } else {
                    format!("{value:e}")
                };
                self.defect(
                    node.id,
                    format!("expected a whole number from {min} to {max}, found {found}"),
                );
            }
            Kind::Text(text) if text.parse::<u64>().is_ok() => {
                let message =
                    format!("expected a number from {min} to {max}, found a text; remove the quotes");
                self.defect(node.id, message);
            }
            _ => self.mistyped(node, &format!("a number from {min} to {max}")),
        }
        None
    }

    pub(super) fn count(&mut self, node: &Node, limit: Limit) -> Option<usize> {
        self.number(node, limit)
            .and_then(|value| usize::try_from(value).ok())
    }

    pub(super) fn seconds(&mut self, node: &Node, limit: Limit) -> Option<u32> {
        self.number(node, limit)
            .and_then(|value| u32::try_from(value).ok())
    }

    /// True or false.
    pub(super) fn switch(&mut self, node: &Node) -> Option<bool> {
        match node.scalar().as_deref() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => {
                self.mistyped(node, "true or false");
                None
            }
        }
    }

    /// A number of bytes, or a text such as `8MiB`.
    pub(super) fn size(&mut self, node: &Node, limit: Limit) -> Option<usize> {
        let (min, max) = (size_text(limit.min), size_text(limit.max));
        let bytes = match &node.kind {
            Kind::Integer(value) => u64::try_from(*value).ok(),
            Kind::Text(text) => match size_of(text) {
                Some(bytes) => bytes,
                None => {
                    let quoted = shown(text);
                    self.defect(
                        node.id,
                        format!("expected a size such as 8MiB, 512KiB or 8388608, found {quoted}"),
                    );
                    return None;
                }
            },
            _ => {
                self.mistyped(node, &format!("a size from {min} to {max} such as 8MiB"));
                return None;
            }
        };
        let fits = bytes
            .filter(|bytes| limit.allows(*bytes))
            .and_then(|bytes| usize::try_from(bytes).ok());
        if fits.is_none() {
            let found = node.scalar().unwrap_or_default();
            self.defect(
                node.id,
                format!("expected {min} to {max}, found {}", shown(&found)),
            );
        }
        fits
    }

    /// A path; a relative one starts at the file's folder.
    pub(super) fn path(&mut self, node: &Node, expected: &str, field: fn(&mut Config) -> &mut PathBuf) {
        if let Some(path) = self.path_of(node, expected) {
            *field(&mut self.config) = path;
        }
    }

    pub(super) fn path_of(&mut self, node: &Node, expected: &str) -> Option<PathBuf> {
        let Kind::Text(text) = &node.kind else {
            self.mistyped(node, expected);
            return None;
        };
        if text.is_empty() || text.chars().any(char::is_control) {
            self.defect(node.id, format!("expected {expected}, found {}", shown(text)));
            return None;
        }
        if text == "~" || text.starts_with("~/") {
            let message = format!(
                "{} is not expanded; write the whole path of the folder for `~`",
                shown(text)
            );
            self.defect(node.id, message);
            return None;
        }
        Some(self.folder.join(text))
    }

    /// The items of a list that are right, each with its value's number, none twice; the others are noted.
    pub(super) fn items<T: PartialEq, E: ToString>(
        &mut self,
        node: &Node,
        list: &str,
        one: &str,
        limit: Limit,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<(T, u32)> {
        let nodes = match &node.kind {
            Kind::List(nodes) => nodes,
            Kind::Text(text) if !text.contains(['"', '\\']) && text.len() < 60 => {
                let message = format!(
                    "expected {list}, found a text; write [\"{}\"]",
                    text.escape_debug()
                );
                self.defect(node.id, message);
                return Vec::new();
            }
            _ => {
                self.mistyped(node, list);
                return Vec::new();
            }
        };
        if nodes.is_empty() {
            self.defect(
                node.id,
                format!("expected at least {one}; remove the key to have its default"),
            );
        }
        if nodes.len() as u64 > limit.max {
            self.defect(
                node.id,
                format!("expected at most {} items, found {}", limit.max, nodes.len()),
            );
            return Vec::new();
        }
        let mut out: Vec<(T, u32)> = Vec::new();
        for item in nodes {
            let Kind::Text(text) = &item.kind else {
                let way_out = match item.kind {
                    Kind::List(_) | Kind::Map(_) => {
                        "; a text that begins with `[` or contains `: ` needs quotes"
                    }
                    _ => "",
                };
                self.defect(item.id, format!("expected {one}, found {}{way_out}", item.noun()));
                continue;
            };
            match parse(text) {
                Err(error) => self.defect(item.id, error.to_string()),
                Ok(value) => match out.iter().find(|(earlier, _)| *earlier == value) {
                    Some((_, first)) => {
                        self.repeated(item.id, format!("{} is given twice", shown(text)), *first);
                    }
                    None => out.push((value, item.id)),
                },
            }
        }
        out
    }
}

/// Looks up the places. Each costs a pass over the text, so only as many as are listed.
pub(super) fn located(found: &[Found], file: &str, text: &str) -> Vec<Defect> {
    let file: Arc<str> = Arc::from(file);
    let max = limits::CONFIG_DEFECTS.default_usize();
    let mut found: Vec<&Found> = found.iter().collect();
    found.sort_by_key(|found| found.id);
    let mut defects: Vec<Defect> = Vec::new();
    for Found { id, message, earlier } in found.iter().take(max) {
        let (line, column) = document::locate(text, *id);
        let message = match earlier {
            None => message.clone(),
            Some(first) => format!(
                "{message}; the first is in line {}",
                document::locate(text, *first).0
            ),
        };
        defects.push(Defect {
            file: file.clone(),
            line,
            column,
            message,
        });
    }
    if let Some(more) = found.len().checked_sub(max).filter(|more| *more > 0) {
        defects.push(whole(&file, format!("{more} more defects are not listed")));
    }
    defects
}

/// The known word nearest to `word`, if one is near.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // The measure is quadratic in the length: a hostile word is not worth it.
    if word.len() > 64 {
        return None;
    }
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What to say of an unknown key: where it belongs, or which one is meant, and which there are.
fn unknown_key(word: &str, path: &str, known: &[&str]) -> String {
    let place = if path.is_empty() {
        String::new()
    } else {
        format!(" in {}", shown(path))
    };
    let elsewhere = SECTIONS
        .iter()
        .find(|(section, keys)| *section != path && keys.contains(&word));
    let guess = if let Some((section, _)) = elsewhere {
        format!("; it belongs under `{section}`")
    } else if let Some(candidate) = nearest(word, known) {
        format!("; did you mean `{candidate}`?")
    } else if !path.is_empty() && TOP.contains(&word) {
        "; it belongs to the top of the file, without indentation".to_owned()
    } else {
        ";".to_owned()
    };
    let guess = if guess == ";" || guess.ends_with('?') {
        guess
    } else {
        format!("{guess};")
    };
    format!(
        "unknown key {}{place}{guess} known here: {}",
        shown(word),
        known.join(", ")
    )
}

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// The bytes of a text such as `8MiB`: `None` if it is none, `Some(None)` if there are more than can be
/// counted.
fn size_of(text: &str) -> Option<Option<u64>> {
    let (digits, unit) = UNITS
        .iter()
        .find_map(|(word, unit)| Some((text.strip_suffix(word)?, *unit)))?;
    let digits = digits.strip_suffix(' ').unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(
        digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit)),
    )
}

fn size_text(bytes: u64) -> String {
    UNITS
        .iter()
        .find(|(_, unit)| bytes.is_multiple_of(*unit))
        .map_or_else(
            || bytes.to_string(),
            |(word, unit)| format!("{}{word}", bytes / unit),
        )
}
