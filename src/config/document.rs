//! A YAML document as a tree whose every value can be found again in the text.
//!
//! `yaml_serde` hands out values without their places. But the place of an event is attached to any error
//! that a visitor raises there. So the tree is built by a visitor that numbers the values in the order in
//! which it meets them, and [`locate`] walks the text once more and raises an error at the number wanted. A
//! correct file is read once; a file with defects once more for each of them.
//!
//! Unlike `yaml_serde::Value` the tree keeps repeated keys, so that both places can be told. Read
//! [`super::reader`] next: it turns the tree into a configuration.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    self, Deserialize, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_yaml::Deserializer;

use super::limits;

/// A value and its number in the document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Number in reading order; [`locate`] finds it again.
    pub(super) id: u32,
    /// What stands there.
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number, also one too large for [`Kind::Integer`].
    Float(f64),
    /// Text, quoted or not.
    Text(String),
    /// A list, in block or flow style.
    List(Vec<Node>),
    /// Keys and values in the order of the file; a key may be there twice.
    Map(Vec<(Node, Node)>),
    /// A value under a `!tag`.
    Tagged(String),
}

impl Node {
    /// The value's kind in a message, with its article.
    pub(super) const fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Integer(_) | Kind::Float(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Tagged(_) => "a tagged value",
        }
    }

    /// A scalar as a text: how a key is compared, and how a view may be called `10`.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.kind {
            Kind::Null => Some("null".to_owned()),
            Kind::Bool(value) => Some(value.to_string()),
            Kind::Integer(value) => Some(value.to_string()),
            Kind::Float(value) => Some(value.to_string()),
            Kind::Text(value) => Some(value.clone()),
            Kind::List(_) | Kind::Map(_) | Kind::Tagged(_) => None,
        }
    }
}

/// Why a text is not one YAML document within the bounds, and where: line and column from 1, 0 where unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) message: String,
}

/// Reads the one document of `text`; a text without any is `Null`.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let text = without_mark(text);
    check_characters(text)?;
    let mut documents = Deserializer::from_str(text);
    let Some(first) = documents.next() else {
        return Ok(Node {
            id: 0,
            kind: Kind::Null,
        });
    };
    let mut walk = Walk::new(None);
    let root = Seed {
        walk: &mut walk,
        depth: 0,
    }
    .deserialize(first)
    .map_err(|error| walk.explain(text, &error))?;
    if let Some(second) = documents.next() {
        // A syntax error after the first document's end is the better message.
        let mut walk = Walk::new(None);
        (Seed {
            walk: &mut walk,
            depth: 0,
        })
        .deserialize(second)
        .map_err(|error| walk.explain(text, &error))?;
        let (line, column) = Deserializer::from_str(text)
            .nth(1)
            .map_or((0, 0), |second| locate_in(second, 0));
        let message = "a second document starts here; expected one, so remove it and the `---` before it";
        return Err(SyntaxError {
            line,
            column,
            message: message.to_owned(),
        });
    }
    Ok(root)
}

/// Line and column of a value, from 1, in characters; `(0, 0)` for a number that the text does not have.
pub(super) fn locate(text: &str, id: u32) -> (u32, u32) {
    Deserializer::from_str(without_mark(text))
        .next()
        .map_or((0, 0), |document| locate_in(document, id))
}

fn locate_in(document: Deserializer<'_>, id: u32) -> (u32, u32) {
    let mut walk = Walk::new(Some(id));
    match (Seed {
        walk: &mut walk,
        depth: 0,
    })
    .deserialize(document)
    {
        Ok(_) => (0, 0),
        Err(error) => place(&error),
    }
}

/// Without the byte order mark of some editors, which would be taken for a document of its own.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Refuses deep nesting before the library sees it: its time for `[[[[` grows with the square of the depth,
/// so that 1 MiB of it takes hours. Brackets in comments and quotes count too; nobody leaves that many open
/// there. Control characters are refused here because the library does not say well where they are.
fn check_characters(text: &str) -> Result<(), SyntaxError> {
    let mut open = 0_u64;
    for (number, line) in (1..).zip(text.lines()) {
        for (column, c) in (1..).zip(line.chars()) {
            match c {
                '[' | '{' => open += 1,
                ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            let message = if open > limits::CONFIG_BRACKETS.max {
                TOO_DEEP.to_owned()
            } else if c.is_control() && c != '\t' {
                format!("control character U+{:04X}; expected plain text", u32::from(c))
            } else {
                continue;
            };
            return Err(SyntaxError {
                line: number,
                column,
                message,
            });
        }
    }
    Ok(())
}

const TOO_DEEP: &str = "lists and mappings are nested too deeply here; no key needs more than 4 levels";

/// One pass over a document: how many values were met, and where to stop.
struct Walk {
    next: u32,
    stop: Option<u32>,
    bytes: u64,
    refusal: Option<&'static str>,
}

impl Walk {
    const fn new(stop: Option<u32>) -> Self {
        Self {
            next: 0,
            stop,
            bytes: 0,
            refusal: None,
        }
    }

    /// Numbers a value. Counting what aliases repeat is what makes a "billion laughs" file harmless.
    fn enter<E: de::Error>(&mut self, depth: u32, bytes: usize) -> Result<u32, E> {
        let id = self.next;
        self.next += 1;
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.stop == Some(id) {
            return Err(E::custom("here"));
        }
        let refusal = if u64::from(depth) > limits::CONFIG_DEPTH.max {
            TOO_DEEP
        } else if u64::from(id) >= limits::CONFIG_VALUES.max {
            "more than 65536 values, counting what aliases repeat; expected fewer"
        } else if self.bytes > limits::CONFIG_BYTES.max {
            "more than 1 MiB of text, counting what aliases repeat; expected less"
        } else {
            return Ok(id);
        };
        self.refusal = Some(refusal);
        Err(E::custom(refusal))
    }

    /// An error in our words: our own refusal, or the library's sentence without the place it repeats.
    fn explain(&self, text: &str, error: &serde_yaml::Error) -> SyntaxError {
        let (line, column) = place(error);
        let message = match self.refusal {
            Some(TOO_DEEP) => TOO_DEEP.to_owned(),
            // What aliases repeat is over the bound as a whole; the place of the last straw would mislead.
            Some(refusal) => {
                return SyntaxError {
                    line: 0,
                    column: 0,
                    message: refusal.to_owned(),
                };
            }
            None => {
                let said = error
                    .to_string()
                    .replacen(&format!(" at line {line} column {column}"), "", 1);
                let hint = hint(text, line, column, &said);
                format!("not valid YAML: {said}{hint}")
            }
        };
        SyntaxError {
            line,
            column,
            message,
        }
    }
}

/// The way out of the mistakes that people make most.
fn hint(text: &str, line: u32, column: u32, said: &str) -> &'static str {
    let Some(line) = text.lines().nth((line as usize).saturating_sub(1)) else {
        return "";
    };
    let rest: String = line.chars().skip((column as usize).saturating_sub(1)).collect();
    if rest.starts_with('\t') || line.trim_start_matches(' ').starts_with('\t') {
        "; indent with spaces, not with tabs"
    } else if ["]:", "[:", ", :", "- :"]
        .iter()
        .any(|piece| line.contains(piece))
        && !line.contains(['"', '\''])
    {
        "; an address that begins with `[` or `:` needs quotes, as in \"[::1]:53\""
    } else if rest.starts_with(['@', '`', '%', '*', '&', '!', '|', '>']) {
        "; a text that begins with this character needs quotes"
    } else if said.starts_with("mapping values are not allowed") {
        "; a value that contains `: ` needs quotes, and keys of one mapping start in the same column"
    } else {
        ""
    }
}

fn place(error: &serde_yaml::Error) -> (u32, u32) {
    error.location().map_or((0, 0), |at| {
        (
            u32::try_from(at.line()).unwrap_or(u32::MAX),
            u32::try_from(at.column()).unwrap_or(u32::MAX),
        )
    })
}

/// Where a value is expected: the visitor of every kind of it.
struct Seed<'w> {
    walk: &'w mut Walk,
    depth: u32,
}

impl Seed<'_> {
    fn leaf<E: de::Error>(self, kind: Kind, bytes: usize) -> Result<Node, E> {
        let id = self.walk.enter(self.depth, bytes)?;
        Ok(Node { id, kind })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        self.leaf(Kind::Null, 0)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        self.leaf(Kind::Null, 0)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        self.leaf(Kind::Bool(value), 0)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        self.leaf(Kind::Integer(i128::from(value)), 0)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        self.leaf(Kind::Integer(i128::from(value)), 0)
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Node, E> {
        self.leaf(
            i128::try_from(value).map_or(Kind::Float(value as f64), Kind::Integer),
            0,
        )
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Node, E> {
        self.leaf(Kind::Integer(value), 0)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        self.leaf(Kind::Float(value), 0)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        // Counted before it is copied: an alias may repeat a long text many times.
        let id = self.walk.enter(self.depth, value.len())?;
        Ok(Node {
            id,
            kind: Kind::Text(value.to_owned()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let id = self.walk.enter(self.depth, 0)?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Seed {
            walk: self.walk,
            depth: self.depth + 1,
        })? {
            items.push(item);
        }
        Ok(Node {
            id,
            kind: Kind::List(items),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let id = self.walk.enter(self.depth, 0)?;
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(Seed {
            walk: self.walk,
            depth: self.depth + 1,
        })? {
            let value = map.next_value_seed(Seed {
                walk: self.walk,
                depth: self.depth + 1,
            })?;
            entries.push((key, value));
        }
        Ok(Node {
            id,
            kind: Kind::Map(entries),
        })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Node, A::Error> {
        let id = self.walk.enter(self.depth, 0)?;
        let (tag, value) = data.variant_seed(PhantomData::<Tag>)?;
        value.newtype_variant_seed(Seed {
            walk: self.walk,
            depth: self.depth + 1,
        })?;
        Ok(Node {
            id,
            kind: Kind::Tagged(tag.0),
        })
    }
}

struct Tag(String);

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every scalar of a tree with its place, for comparison by eye.
    fn places(text: &str) -> Vec<(String, u32, u32)> {
        fn walk(text: &str, node: &Node, out: &mut Vec<(String, u32, u32)>) {
            let (line, column) = locate(text, node.id);
            match &node.kind {
                Kind::List(items) => {
                    out.push(("list".into(), line, column));
                    items.iter().for_each(|item| walk(text, item, out));
                }
                Kind::Map(entries) => {
                    out.push(("map".into(), line, column));
                    for (key, value) in entries {
                        walk(text, key, out);
                        walk(text, value, out);
                    }
                }
                Kind::Tagged(tag) => out.push((format!("!{tag}"), line, column)),
                _ => out.push((node.scalar().unwrap(), line, column)),
            }
        }
        let mut out = Vec::new();
        walk(text, &parse(text).unwrap(), &mut out);
        out
    }

    #[track_caller]
    fn assert_places(text: &str, expected: &[(&str, u32, u32)]) {
        let found = places(text);
        let found: Vec<(&str, u32, u32)> = found.iter().map(|(word, l, c)| (word.as_str(), *l, *c)).collect();
        assert_eq!(found, expected, "in {text:?}");
    }

    #[test]
    fn block_style_places_are_exact() {
        assert_places(
            "# head\nlisten:\n  - 127.0.0.1:53\n  -   '[::1]:53'\ntcp:\n    idle: 10\n    pipeline:   32\n",
            &[
                ("map", 2, 1),
                ("listen", 2, 1),
                ("list", 3, 3),
                ("127.0.0.1:53", 3, 5),
                ("[::1]:53", 4, 7),
                ("tcp", 5, 1),
                ("map", 6, 5),
                ("idle", 6, 5),
                ("10", 6, 11),
                ("pipeline", 7, 5),
                ("32", 7, 17),
            ],
        );
    }

    #[test]
    fn flow_style_places_are_exact() {
        assert_places(
            "{a: [1, \"b\",\n  true], c: {d: ~}}",
            &[
                ("map", 1, 1),
                ("a", 1, 2),
                ("list", 1, 5),
                ("1", 1, 6),
                ("b", 1, 9),
                ("true", 2, 3),
                ("c", 2, 10),
                ("map", 2, 13),
                ("d", 2, 14),
                ("null", 2, 17),
            ],
        );
    }

    #[test]
    fn columns_count_characters_and_crlf_is_one_line_end() {
        assert_places(
            "\u{feff}ä: \"öß\"\r\nb: [ü, x]\r\n",
            &[
                ("map", 1, 1),
                ("ä", 1, 1),
                ("öß", 1, 4),
                ("b", 2, 1),
                ("list", 2, 4),
                ("ü", 2, 5),
                ("x", 2, 8),
            ],
        );
    }

    #[test]
    fn odd_layouts_have_places_too() {
        // An empty value stands right after its colon, an aliased one where it is written.
        assert_places(
            "---\na:\nb: |\n  text\nc: &x 7\nd: *x\n? e\n: f\n",
            &[
                ("map", 2, 1),
                ("a", 2, 1),
                ("null", 2, 3),
                ("b", 3, 1),
                ("text\n", 3, 4),
                ("c", 5, 1),
                ("7", 5, 4),
                ("d", 6, 1),
                ("7", 5, 4),
                ("e", 7, 3),
                ("f", 8, 3),
            ],
        );
        assert_places(
            "- - 1\n  - 2\n-\n  - 3\n",
            &[
                ("list", 1, 1),
                ("list", 1, 3),
                ("1", 1, 5),
                ("2", 2, 5),
                ("list", 4, 3),
                ("3", 4, 5),
            ],
        );
        assert_places("a: !secret x\n", &[("map", 1, 1), ("a", 1, 1), ("!secret", 1, 4)]);
    }

    #[test]
    fn repeated_keys_are_kept() {
        assert_places(
            "a: 1\nb: 2\na: 3\n",
            &[
                ("map", 1, 1),
                ("a", 1, 1),
                ("1", 1, 4),
                ("b", 2, 1),
                ("2", 2, 4),
                ("a", 3, 1),
                ("3", 3, 4),
            ],
        );
    }

    #[test]
    fn nothing_is_null() {
        for text in ["", "\n", "# only a comment\n", "---\n", "~"] {
            assert_eq!(parse(text).map(|node| node.kind), Ok(Kind::Null), "{text:?}");
        }
    }

    #[track_caller]
    fn assert_refused(text: &str, expected: &str) {
        let error = parse(text).unwrap_err();
        let found = format!("{}:{}: {}", error.line, error.column, error.message);
        assert_eq!(found, expected, "in {text:?}");
    }

    #[test]
    fn syntax_errors_say_where_and_how_out() {
        for (text, expected) in [
            (
                "a: [1, 2\nb: 3\n",
                "2:2: not valid YAML: did not find expected ',' or ']', while parsing a flow sequence at line 1 \
                 column 4",
            ),
            (
                "a:\n\t- 1\n",
                "2:1: not valid YAML: found character that cannot start any token, while scanning for the next \
                 token; indent with spaces, not with tabs",
            ),
            (
                "a: b: c\n",
                "1:5: not valid YAML: mapping values are not allowed in this context; a value that contains `: ` \
                 needs quotes, and keys of one mapping start in the same column",
            ),
            (
                "a: @x\n",
                "1:4: not valid YAML: found character that cannot start any token, while scanning for the next \
                 token; a text that begins with this character needs quotes",
            ),
            (
                "a: 'x\n",
                "2:1: not valid YAML: found unexpected end of stream, while scanning a quoted scalar at line 1 \
                 column 4",
            ),
            (
                "a: *x\n",
                "1:4: not valid YAML: unknown anchor; a text that begins with this character needs quotes",
            ),
            ("a: \u{1}\n", "1:4: control character U+0001; expected plain text"),
            (
                "listen:\n  - [::]:53\n",
                "2:6: not valid YAML: did not find expected node content, while parsing a flow node; an address \
                 that begins with `[` or `:` needs quotes, as in \"[::1]:53\"",
            ),
            (
                "listen: [[::]:53]\n",
                "1:11: not valid YAML: did not find expected node content, while parsing a flow node; an address \
                 that begins with `[` or `:` needs quotes, as in \"[::1]:53\"",
            ),
        ] {
            assert_refused(text, expected);
        }
    }

    #[test]
    fn one_document_only() {
        let second = "3:1: a second document starts here; expected one, so remove it and the `---` before it";
        assert_refused("a: 1\n---\nb: 2\n", second);
        assert_refused("a: 1\n---\n", second);
        assert_refused(
            "a: 1\n---\n[",
            "4:1: not valid YAML: did not find expected node content, while parsing a flow node",
        );
        assert_eq!(parse("a: 1\n...\n").map(|node| node.noun()), Ok("a mapping"));
    }

    #[test]
    fn hostile_documents_are_refused_in_bounded_work() {
        let laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                      c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
                      e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
        assert_refused(
            laughs,
            "0:0: more than 65536 values, counting what aliases repeat; expected fewer",
        );
        let deep = "lists and mappings are nested too deeply here; no key needs more than 4 levels";
        assert_refused("a: &a [*a]\n", &format!("1:4: {deep}"));
        assert_refused(&"- ".repeat(900), &format!("1:35: {deep}"));
        assert_refused(&"[".repeat(1 << 20), &format!("1:65: {deep}"));
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(400_000), "*a,".repeat(900));
        assert_refused(
            &long,
            "0:0: more than 1 MiB of text, counting what aliases repeat; expected less",
        );
        for unit in [
            "[",
            "{",
            "{a: ",
            "- ",
            "? ",
            "- [a]\n",
            "a:\n ",
            "&a ",
            "*a ",
            "!t ",
            "'",
            "|\n",
            "a: &x 1\n",
        ] {
            // Whatever comes out, it comes out soon.
            let _ = parse(&unit.repeat(60_000 / unit.len()));
        }
    }
}
