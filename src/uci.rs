//! UCI, the language of OpenWrt's files in `/etc/config`: bytes in, sections with their options out, each with its place.
//!
//! It reads what OpenWrt's own `uci` reads, oddities included, because people and programs write these files by the
//! thousand and nobody reads a grammar: a comment may begin in the middle of a word, an option without a value is no
//! option, an option after a list of the same name takes the list's place, and sections of one name are one section.
//! `tests/uci` holds what the real program says of each. Values are bytes; a text is asked for where one is needed.
//!
//! Files are read elsewhere. [`Package`] is what comes out; what it means to us is in [`crate::config::openwrt`].

use std::collections::HashMap;
use std::fmt::{self, Write as _};

/// Largest file in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Most statements in one file.
pub const MAX_STATEMENTS: usize = 16_384;

/// Where something begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// A file: its sections in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// The sections.
    pub sections: Vec<Section>,
}

/// `config KIND 'NAME'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is.
    pub kind: String,
    /// Its name; none where it has only a number.
    pub name: Option<String>,
    /// Where it begins first.
    pub place: Place,
    /// Its options in their order.
    pub options: Vec<Opt>,
}

/// `option NAME 'VALUE'`, or all of `list NAME 'VALUE'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opt {
    /// Its name.
    pub name: String,
    /// Where its name stands.
    pub place: Place,
    /// Whether it is a list. An option has exactly one value.
    pub is_list: bool,
    /// The values.
    pub values: Vec<Value>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// What stands there, without quotes.
    pub bytes: Vec<u8>,
    /// Where it begins.
    pub place: Place,
}

impl Value {
    /// The value as text; none where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

impl Section {
    /// An option by its name.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&Opt> {
        self.options.iter().find(|option| option.name == name)
    }

    /// The values of an option or list as text, those that are none left out.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.option(name).map(|option| option.values.as_slice());
        values.unwrap_or_default().iter().filter_map(Value::text)
    }

    /// The value of an option as text; of a list the first.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }
}

impl Package {
    /// The sections of one kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Section> {
        self.sections.iter().filter(move |section| section.kind == kind)
    }

    /// The section of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Section> {
        self.sections
            .iter()
            .find(|section| section.name.as_deref() == Some(name))
    }

    /// The file as `uci export` prints it. Reading it again gives the same package, places aside.
    #[must_use]
    pub fn export(&self, name: &str) -> Vec<u8> {
        let mut out = format!("package {name}\n\n").into_bytes();
        for section in &self.sections {
            out.extend(b"config ");
            // Bare, as `uci` has it, unless a byte of it would end the word or begin something else.
            let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            if section.kind.bytes().all(is_bare) {
                out.extend(section.kind.as_bytes());
            } else {
                out.extend(quoted(section.kind.as_bytes()));
            }
            if let Some(name) = &section.name {
                out.extend(format!(" '{name}'").as_bytes());
            }
            out.push(b'\n');
            for option in &section.options {
                for value in &option.values {
                    out.extend(if option.is_list {
                        b"\tlist ".as_slice()
                    } else {
                        b"\toption "
                    });
                    out.extend(option.name.as_bytes());
                    out.push(b' ');
                    out.extend(quoted(&value.bytes));
                    out.push(b'\n');
                }
            }
            out.push(b'\n');
        }
        out
    }
}

/// A value in single quotes, as the language and POSIX shells have them.
#[must_use]
pub fn quoted(value: &[u8]) -> Vec<u8> {
    let mut out = vec![b'\''];
    for &byte in value {
        match byte {
            b'\'' => out.extend(br"'\''"),
            byte => out.push(byte),
        }
    }
    out.push(b'\'');
    out
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UciError {
    /// Where.
    pub place: Place,
    /// What is wrong, and the way out.
    pub message: String,
}

impl fmt::Display for UciError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place.line, self.place.column, self.message)
    }
}

impl std::error::Error for UciError {}

/// Reads a file.
///
/// # Errors
/// The first thing that `uci` would refuse as well, or a bound that is exceeded.
pub fn parse(text: &[u8]) -> Result<Package, UciError> {
    let mut lexer = Lexer::new(text);
    if text.len() > MAX_BYTES {
        return Err(lexer.error(format!("the file is larger than {} MiB", MAX_BYTES >> 20)));
    }
    let mut reader = Reader::default();
    let mut count = 0;
    while let Some(words) = lexer.statement()? {
        count += 1;
        if count > MAX_STATEMENTS {
            let message = format!("more than {MAX_STATEMENTS} statements; expected fewer");
            return Err(at(words[0].place, message));
        }
        reader.take(words)?;
    }
    Ok(reader.package)
}

fn at(place: Place, message: impl Into<String>) -> UciError {
    UciError {
        place,
        message: message.into(),
    }
}

/// One word of a statement.
#[derive(Debug)]
struct Word {
    bytes: Vec<u8>,
    place: Place,
    /// A part of it is quoted, so that it may be empty and is no keyword.
    is_quoted: bool,
}

/// Cuts a file into statements.
struct Lexer<'t> {
    rest: &'t [u8],
    place: Place,
}

impl<'t> Lexer<'t> {
    fn new(rest: &'t [u8]) -> Self {
        Lexer {
            rest,
            place: Place { line: 1, column: 1 },
        }
    }

    fn error(&self, message: impl Into<String>) -> UciError {
        at(self.place, message)
    }

    fn step(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        match byte {
            b'\n' => {
                self.place.line += 1;
                self.place.column = 1;
            }
            // The second and later bytes of a character.
            0x80..=0xbf => {}
            _ => self.place.column += 1,
        }
        Some(byte)
    }

    /// The words up to the end of a line or to `;`, at least one; none at the end of the file.
    fn statement(&mut self) -> Result<Option<Vec<Word>>, UciError> {
        let mut words = Vec::new();
        loop {
            match self.rest.first() {
                None if words.is_empty() => return Ok(None),
                None => return Ok(Some(words)),
                Some(b'\n' | b';') => {
                    self.step();
                    if !words.is_empty() {
                        return Ok(Some(words));
                    }
                }
                Some(b'#') => {
                    while self.rest.first().is_some_and(|&byte| byte != b'\n') {
                        self.step();
                    }
                }
                Some(&byte) if is_blank(byte) => {
                    self.step();
                }
                Some(b'\\') if self.joins_lines() => {}
                Some(_) => words.push(self.word()?),
            }
        }
    }

    /// Passes over a backslash that stands before the end of the line: the next line goes on where this one ends.
    fn joins_lines(&mut self) -> bool {
        let steps = match self.rest {
            [b'\\', b'\n', ..] => 2,
            [b'\\', b'\r', b'\n', ..] => 3,
            [b'\\'] => 1,
            _ => return false,
        };
        for _ in 0..steps {
            self.step();
        }
        true
    }

    fn word(&mut self) -> Result<Word, UciError> {
        let mut word = Word {
            bytes: Vec::new(),
            place: self.place,
            is_quoted: false,
        };
        loop {
            match self.rest.first() {
                None | Some(b'\n' | b';' | b'#') => return Ok(word),
                Some(&byte) if is_blank(byte) => return Ok(word),
                Some(b'\'') => {
                    word.is_quoted = true;
                    self.single(&mut word.bytes)?;
                }
                Some(b'"') => {
                    word.is_quoted = true;
                    self.double(&mut word.bytes)?;
                }
                Some(b'\\') => {
                    if !self.joins_lines() {
                        self.step();
                        word.is_quoted = true;
                        self.plain(&mut word.bytes)?;
                    }
                }
                Some(_) => self.plain(&mut word.bytes)?,
            }
        }
    }

    fn single(&mut self, into: &mut Vec<u8>) -> Result<(), UciError> {
        let open = self.place;
        self.step();
        loop {
            match self.rest.first() {
                None => return Err(unclosed(open, '\'')),
                Some(b'\'') => {
                    self.step();
                    return Ok(());
                }
                Some(_) => self.plain(into)?,
            }
        }
    }

    fn double(&mut self, into: &mut Vec<u8>) -> Result<(), UciError> {
        let open = self.place;
        self.step();
        loop {
            match self.rest.first() {
                None => return Err(unclosed(open, '"')),
                Some(b'"') => {
                    self.step();
                    return Ok(());
                }
                Some(b'\\') => {
                    if !self.joins_lines() {
                        self.step();
                        self.plain(into)?;
                    }
                }
                Some(_) => self.plain(into)?,
            }
        }
    }

    /// One byte as it stands.
    fn plain(&mut self, into: &mut Vec<u8>) -> Result<(), UciError> {
        if self.rest.first() == Some(&0) {
            return Err(self.error("a NUL byte; expected text, so write the file anew"));
        }
        into.extend(self.step());
        Ok(())
    }
}

/// What separates words.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

fn unclosed(open: Place, quote: char) -> UciError {
    at(
        open,
        format!("this {quote} is never closed; end the value with another {quote}"),
    )
}

/// Puts statements together.
#[derive(Default)]
struct Reader {
    package: Package,
    named: HashMap<String, usize>,
    /// Options of all sections by section and name.
    options: HashMap<(usize, String), usize>,
    section: Option<usize>,
}

impl Reader {
    fn take(&mut self, words: Vec<Word>) -> Result<(), UciError> {
        let mut words = words.into_iter();
        let Some(keyword) = words.next() else {
            return Ok(());
        };
        let text = (!keyword.is_quoted).then_some(keyword.bytes.as_slice());
        match text {
            Some(b"package" | b"p") => {
                let [_] = arguments(&keyword, words, "package NAME")?;
                Ok(())
            }
            Some(b"config" | b"c") => self.config(&keyword, words),
            Some(b"option" | b"o") => self.option(&keyword, words, false),
            Some(b"list" | b"l") => self.option(&keyword, words, true),
            _ => Err(at(
                keyword.place,
                format!("expected config, option or list, found {}", shown(&keyword.bytes)),
            )),
        }
    }

    fn config(&mut self, keyword: &Word, mut words: std::vec::IntoIter<Word>) -> Result<(), UciError> {
        const FORM: &str = "config TYPE 'NAME'";
        let kind = words.next().filter(|word| !word.bytes.is_empty());
        let kind =
            kind.ok_or_else(|| at(keyword.place, format!("the type is missing; the form is {FORM}")))?;
        let is_kind = kind.bytes.iter().all(|byte| (33..=126).contains(byte));
        let Some(kind_text) = is_kind.then(|| String::from_utf8_lossy(&kind.bytes).into_owned()) else {
            let message = format!("{} cannot be a type; expected visible ASCII", shown(&kind.bytes));
            return Err(at(kind.place, message));
        };
        let name = match words.next().filter(|word| !word.bytes.is_empty()) {
            Some(word) => Some(name_of(&word)?),
            None => None,
        };
        no_more(words, FORM)?;
        let known = name.as_ref().and_then(|name| self.named.get(name)).copied();
        if let Some(known) = known {
            // The last word on what it is holds, as with `uci`.
            self.package.sections[known].kind = kind_text;
            self.section = Some(known);
            return Ok(());
        }
        let number = self.package.sections.len();
        if let Some(name) = &name {
            self.named.insert(name.clone(), number);
        }
        self.section = Some(number);
        self.package.sections.push(Section {
            kind: kind_text,
            name,
            place: keyword.place,
            options: Vec::new(),
        });
        Ok(())
    }

    fn option(
        &mut self,
        keyword: &Word,
        mut words: std::vec::IntoIter<Word>,
        is_list: bool,
    ) -> Result<(), UciError> {
        let form = if is_list {
            "list NAME 'VALUE'"
        } else {
            "option NAME 'VALUE'"
        };
        let Some(number) = self.section else {
            return Err(at(
                keyword.place,
                "this stands before the first section; begin one above it with config TYPE 'NAME'",
            ));
        };
        let name = words.next().filter(|word| !word.bytes.is_empty());
        let name =
            name.ok_or_else(|| at(keyword.place, format!("the name is missing; the form is {form}")))?;
        let name_text = name_of(&name)?;
        let value = words.next().map_or_else(
            || Value {
                bytes: Vec::new(),
                place: name.place,
            },
            |word| Value {
                bytes: word.bytes,
                place: word.place,
            },
        );
        no_more(words, form)?;
        // `uci` takes an empty option for none: it neither makes one nor removes an earlier one.
        if !is_list && value.bytes.is_empty() {
            return Ok(());
        }
        let options = &mut self.package.sections[number].options;
        let known = self
            .options
            .entry((number, name_text.clone()))
            .or_insert(options.len());
        match options.get_mut(*known) {
            Some(option) if is_list => {
                option.is_list = true;
                option.values.push(value);
            }
            Some(option) => {
                option.is_list = false;
                option.place = name.place;
                option.values = vec![value];
            }
            None => options.push(Opt {
                name: name_text,
                place: name.place,
                is_list,
                values: vec![value],
            }),
        }
        Ok(())
    }
}

/// Exactly one argument.
fn arguments(keyword: &Word, mut words: std::vec::IntoIter<Word>, form: &str) -> Result<[Word; 1], UciError> {
    let word = words.next().filter(|word| !word.bytes.is_empty());
    let word = word.ok_or_else(|| at(keyword.place, format!("the name is missing; the form is {form}")))?;
    no_more(words, form)?;
    Ok([word])
}

fn no_more(mut words: std::vec::IntoIter<Word>, form: &str) -> Result<(), UciError> {
    match words.next() {
        None => Ok(()),
        Some(word) => Err(at(
            word.place,
            format!(
                "{} is one word too many; the form is {form}, and a value with blanks needs quotes",
                shown(&word.bytes)
            ),
        )),
    }
}

fn name_of(word: &Word) -> Result<String, UciError> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match std::str::from_utf8(&word.bytes) {
        Ok(text) if word.bytes.iter().all(is_name) => Ok(text.to_owned()),
        _ => Err(at(
            word.place,
            format!(
                "{} cannot be a name; expected letters, digits and _",
                shown(&word.bytes)
            ),
        )),
    }
}

/// A word as a message shows it: short, and nothing in it that a terminal would obey.
fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 40;
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::from("`");
    for c in text.chars().take(LONGEST) {
        if c.is_control() {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        out.push_str("...");
    }
    out.push('`');
    out
}

#[cfg(test)]
#[path = "uci/tests.rs"]
mod tests;
