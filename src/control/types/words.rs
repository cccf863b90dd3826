//! How the words of the control protocol stand in JSON: one reader and one writer for all of its types.
//!
//! `words!` stands around the types of [`super`] and lets each show its parts, one after the other, as [`Word`]s. What is
//! read and written is decided here, once. serde's derive has the compiler write that out for each of eighty types, which
//! was 6 % of a router's program, and does not tell where something is wrong. Read [`super::super::line`] next.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Number, Value};

use crate::config::nearest;

/// Defines types of the protocol: Rust's own definitions, with what JSON says of them behind each name.
///
/// * A struct is an object. Each field is a member of the same name, or of another one (`rtype: String as "type"`), in
///   the order of the definition. It must be there, unless the field is an `Option`, which is left out where it is `None`,
///   or it follows another [`Rule`]: `= lenient`, `= optional`.
/// * An enum without data is a word.
/// * An enum of structs (`as "command"`) is the struct's object, with a member in front that says which it is.
macro_rules! words {
    ($(
        $(#[$about:meta])*
        pub struct $name:ident {
            $($(#[$field_about:meta])* pub $field:ident: $type:ty $(as $member:literal)? $(= $rule:ident)?,)*
        }
    )*) => { $(
        $(#[$about])*
        pub struct $name {
            $($(#[$field_about])* pub $field: $type,)*
        }

        const _: () = {
            use $crate::control::types::words::{Member, Object, Place, Said, Word};

            impl Word for $name {
                fn said(&self) -> Said<'_> {
                    Said::Object(None, self)
                }

                fn place(&mut self) -> Place<'_> {
                    Place::Object(self)
                }
            }

            // Looking for a field counts down to 0, in vain behind the last one.
            #[allow(unused_assignments, unused_mut, unused_variables)]
            impl Object for $name {
                fn members(&self) -> &'static [Member] {
                    &[$((words!(@member $field $($member)?), words!(@rule $($rule)?)),)*]
                }

                fn word(&self, mut at: usize) -> Option<&dyn Word> {
                    $(
                        if at == 0 {
                            return Some(&self.$field);
                        }
                        at = at.wrapping_sub(1);
                    )*
                    None
                }

                fn word_mut(&mut self, mut at: usize) -> Option<&mut dyn Word> {
                    $(
                        if at == 0 {
                            return Some(&mut self.$field);
                        }
                        at = at.wrapping_sub(1);
                    )*
                    None
                }
            }
        };
    )* };

    (
        $(#[$about:meta])*
        pub enum $name:ident {
            $($(#[$variant_about:meta])* $variant:ident as $word:literal,)*
        }
    ) => {
        $(#[$about])*
        pub enum $name {
            $($(#[$variant_about])* $variant,)*
        }

        const _: () = {
            use $crate::control::types::words::{Choice, Place, Said, Word};

            impl Word for $name {
                fn said(&self) -> Said<'_> {
                    Said::Text(match self {
                        $(Self::$variant => $word,)*
                    })
                }

                fn place(&mut self) -> Place<'_> {
                    Place::Choice(self)
                }
            }

            impl Choice for $name {
                fn words(&self) -> &'static [&'static str] {
                    &[$($word),*]
                }

                fn choose(&mut self, word: &str) -> bool {
                    match word {
                        $($word => *self = Self::$variant,)*
                        _ => return false,
                    }
                    true
                }
            }
        };
    };

    (
        $(#[$about:meta])*
        pub enum $name:ident as $tag:literal {
            $($(#[$variant_about:meta])* $variant:ident($type:ty) as $word:literal,)*
        }
    ) => {
        $(#[$about])*
        pub enum $name {
            $($(#[$variant_about])* $variant($type),)*
        }

        const _: () = {
            use $crate::control::types::words::{Place, Said, Word};

            impl $name {
                /// The words that say which it is, in the order of the definition.
                pub(crate) const WORDS: &'static [&'static str] = &[$($word),*];

                /// The one of this word, with nothing in it yet.
                pub(crate) fn named(word: &str) -> Option<Self> {
                    match word {
                        $($word => Some(Self::$variant(Default::default())),)*
                        _ => None,
                    }
                }
            }

            impl Word for $name {
                fn said(&self) -> Said<'_> {
                    let (word, inside): (_, &dyn Word) = match self {
                        $(Self::$variant(inside) => ($word, inside),)*
                    };
                    inside.said().called($tag, word)
                }

                fn place(&mut self) -> Place<'_> {
                    let inside: &mut dyn Word = match self {
                        $(Self::$variant(inside) => inside,)*
                    };
                    inside.place()
                }
            }
        };
    };

    (@member $field:ident) => { stringify!($field) };
    (@member $field:ident $member:literal) => { $member };
    (@rule) => { $crate::control::types::words::Rule::Needed };
    (@rule lenient) => { $crate::control::types::words::Rule::Lenient };
    (@rule optional) => { $crate::control::types::words::Rule::Optional };
}
pub(super) use words;

/// What the protocol says of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Rule {
    /// It must be there, unless it can be `None`.
    Needed,
    /// It is always written, and need not be there to be read: then it is false, 0 or empty.
    Lenient,
    /// It is left out where it is false or empty.
    Optional,
}

/// A member's name, and what holds for it.
pub(in super::super) type Member = (&'static str, Rule);

/// Something that is said: a value of the protocol.
pub(in super::super) trait Word {
    /// What it says, to be written.
    fn said(&self) -> Said<'_>;
    /// Where what is read is to be put.
    fn place(&mut self) -> Place<'_>;
}

/// What a word says.
pub(in super::super) enum Said<'a> {
    /// `None`; as a member it is left out.
    Nothing,
    Flag(bool),
    Number(Number),
    Text(&'a str),
    List(&'a dyn List),
    Pair([&'a dyn Word; 2]),
    Map(Vec<(&'a str, &'a dyn Word)>),
    /// An object, with name and value of the member that says what it is, where one does.
    Object(Option<(&'static str, &'static str)>, &'a dyn Object),
}

/// Where a word is put, by what can stand there.
pub(in super::super) enum Place<'a> {
    Flag(&'a mut bool),
    Number(&'a mut dyn Whole),
    Text(&'a mut String),
    Choice(&'a mut dyn Choice),
    Maybe(&'a mut dyn Room),
    List(&'a mut dyn Room),
    Pair([&'a mut dyn Word; 2]),
    Map(&'a mut dyn Table),
    Object(&'a mut dyn Object),
}

/// A struct.
pub(in super::super) trait Object {
    /// Its members in their order.
    fn members(&self) -> &'static [Member];
    /// The word of a member.
    fn word(&self, at: usize) -> Option<&dyn Word>;
    /// The word of a member, to be read.
    fn word_mut(&mut self, at: usize) -> Option<&mut dyn Word>;
}

/// A list that is written.
pub(in super::super) trait List {
    /// The item at this place.
    fn item(&self, at: usize) -> Option<&dyn Word>;
}

/// What takes words that come one after the other.
pub(in super::super) trait Room {
    /// Room for one more.
    fn add(&mut self) -> &mut dyn Word;
}

/// An object whose names are data.
pub(in super::super) trait Table {
    /// The place of a name.
    fn entry(&mut self, name: String) -> &mut dyn Word;
}

/// A whole number.
pub(in super::super) trait Whole {
    /// Its type, which says how large it may be.
    fn kind(&self) -> &'static str;
    /// Takes a number that fits.
    fn take(&mut self, number: &Number) -> bool;
}

/// One of a few words.
pub(in super::super) trait Choice {
    /// The words.
    fn words(&self) -> &'static [&'static str];
    /// Becomes what a word means; says whether it is one of these.
    fn choose(&mut self, word: &str) -> bool;
}

impl Word for bool {
    fn said(&self) -> Said<'_> {
        Said::Flag(*self)
    }

    fn place(&mut self) -> Place<'_> {
        Place::Flag(self)
    }
}

macro_rules! whole {
    ($($type:ident by $read:ident),*) => { $(
        impl Word for $type {
            fn said(&self) -> Said<'_> {
                Said::Number((*self).into())
            }

            fn place(&mut self) -> Place<'_> {
                Place::Number(self)
            }
        }

        impl Whole for $type {
            fn kind(&self) -> &'static str {
                stringify!($type)
            }

            fn take(&mut self, number: &Number) -> bool {
                let fits = number.$read().and_then(|number| Self::try_from(number).ok());
                fits.map(|number| *self = number).is_some()
            }
        }
    )* };
}

whole!(u8 by as_u64, u16 by as_u64, u32 by as_u64, u64 by as_u64, i64 by as_i64);

impl Word for String {
    fn said(&self) -> Said<'_> {
        Said::Text(self)
    }

    fn place(&mut self) -> Place<'_> {
        Place::Text(self)
    }
}

impl<T: Word> Word for Box<T> {
    fn said(&self) -> Said<'_> {
        T::said(self)
    }

    fn place(&mut self) -> Place<'_> {
        T::place(self)
    }
}

impl<T: Word + Default> Word for Option<T> {
    fn said(&self) -> Said<'_> {
        self.as_ref().map_or(Said::Nothing, T::said)
    }

    fn place(&mut self) -> Place<'_> {
        Place::Maybe(self)
    }
}

impl<T: Word + Default> Room for Option<T> {
    fn add(&mut self) -> &mut dyn Word {
        self.insert(T::default())
    }
}

impl<T: Word + Default> Word for Vec<T> {
    fn said(&self) -> Said<'_> {
        Said::List(self)
    }

    fn place(&mut self) -> Place<'_> {
        Place::List(self)
    }
}

impl<T: Word> List for Vec<T> {
    fn item(&self, at: usize) -> Option<&dyn Word> {
        self.get(at).map(|item| item as &dyn Word)
    }
}

impl<T: Word + Default> Room for Vec<T> {
    fn add(&mut self) -> &mut dyn Word {
        let at = self.len();
        self.push(T::default());
        &mut self[at]
    }
}

impl Word for (String, String) {
    fn said(&self) -> Said<'_> {
        Said::Pair([&self.0, &self.1])
    }

    fn place(&mut self) -> Place<'_> {
        Place::Pair([&mut self.0, &mut self.1])
    }
}

impl<T: Word + Default> Word for BTreeMap<String, T> {
    fn said(&self) -> Said<'_> {
        let mut entries: Vec<(&str, &dyn Word)> = Vec::new();
        for (name, word) in self {
            entries.push((name, word));
        }
        Said::Map(entries)
    }

    fn place(&mut self) -> Place<'_> {
        Place::Map(self)
    }
}

impl<T: Word + Default> Table for BTreeMap<String, T> {
    fn entry(&mut self, name: String) -> &mut dyn Word {
        self.entry(name).or_default()
    }
}

impl Said<'_> {
    /// An object with a member in front that says what it is.
    pub(super) fn called(self, tag: &'static str, word: &'static str) -> Self {
        match self {
            Said::Object(_, object) => Said::Object(Some((tag, word)), object),
            other => other,
        }
    }

    fn is_left_out(&self, rule: Rule) -> bool {
        match self {
            Said::Nothing => true,
            _ if rule != Rule::Optional => false,
            Said::Flag(flag) => !flag,
            Said::Text(text) => text.is_empty(),
            Said::List(list) => list.item(0).is_none(),
            Said::Map(entries) => entries.is_empty(),
            Said::Number(_) | Said::Pair(_) | Said::Object(..) => false,
        }
    }
}

/// JSON of any word. serde_json does the writing.
impl Serialize for dyn Word + '_ {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.said().serialize(to)
    }
}

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Said::Nothing => to.serialize_unit(),
            Said::Flag(flag) => to.serialize_bool(*flag),
            Said::Number(number) => number.serialize(to),
            Said::Text(text) => to.serialize_str(text),
            Said::List(list) => {
                let mut items = to.serialize_seq(None)?;
                for item in (0..).map_while(|at| list.item(at)) {
                    items.serialize_element(item)?;
                }
                items.end()
            }
            Said::Pair(pair) => pair.serialize(to),
            Said::Map(entries) => {
                let mut map = to.serialize_map(None)?;
                for (name, word) in entries {
                    map.serialize_entry(name, word)?;
                }
                map.end()
            }
            Said::Object(called, object) => {
                let mut map = to.serialize_map(None)?;
                if let Some((tag, word)) = called {
                    map.serialize_entry(tag, word)?;
                }
                for (at, (name, rule)) in object.members().iter().enumerate() {
                    let said = object.word(at).map_or(Said::Nothing, Word::said);
                    if !said.is_left_out(*rule) {
                        map.serialize_entry(name, &said)?;
                    }
                }
                map.end()
            }
        }
    }
}

/// What becomes of members that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Strangers {
    /// They are refused, with the nearest one that is known.
    Refused,
    /// They are passed over: a later version may say more.
    PassedOver,
}

/// Why something cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Wrong {
    /// Where: `zones[0].ttl`; empty for the whole.
    path: String,
    what: String,
}

impl Wrong {
    /// With the reason, for the whole.
    pub(in super::super) fn new(what: String) -> Self {
        let path = String::new();
        Wrong { path, what }
    }

    /// The same, seen from outside of what is called so.
    fn inside(mut self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path.insert_str(0, dot);
        self.path.insert_str(0, name);
        self
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.what)
    }
}

/// Reads a word that says nothing yet.
///
/// # Errors
/// What is missing, not known or of another kind than what belongs there, and where it stands. A number is bounded by
/// its type; how deep values are nested, and how long they are, by whoever made them of a line.
pub(in super::super) fn read(word: &mut dyn Word, value: Value, strangers: Strangers) -> Result<(), Wrong> {
    match (word.place(), value) {
        (Place::Flag(flag), Value::Bool(given)) => *flag = given,
        (Place::Number(number), Value::Number(given)) => {
            if !number.take(&given) {
                let kind = if given.is_f64() { "type" } else { "value" };
                return Err(invalid(kind, &Value::Number(given), number.kind()));
            }
        }
        (Place::Text(text), Value::String(given)) => *text = given,
        (Place::Choice(choice), Value::String(given)) => {
            if !choice.choose(&given) {
                return Err(Wrong::new(unknown("word", &given, choice.words())));
            }
        }
        (Place::Maybe(_), Value::Null) => {}
        (Place::Maybe(room), given) => read(room.add(), given, strangers)?,
        (Place::List(room), Value::Array(items)) => {
            for (at, item) in items.into_iter().enumerate() {
                let read = read(room.add(), item, strangers);
                read.map_err(|wrong| wrong.inside(&format!("[{at}]")))?;
            }
        }
        (Place::Pair(words), Value::Array(items)) if items.len() == words.len() => {
            for (word, item) in words.into_iter().zip(items) {
                read(word, item, strangers)?;
            }
        }
        (Place::Map(table), Value::Object(entries)) => {
            for (name, value) in entries {
                let shown = shown(&name);
                read(table.entry(name), value, strangers).map_err(|wrong| wrong.inside(&shown))?;
            }
        }
        (Place::Object(object), Value::Object(given)) => read_members(object, given, strangers)?,
        (place, other) => return Err(invalid("type", &other, place.wanted())),
    }
    Ok(())
}

fn read_members(
    object: &mut dyn Object,
    mut given: Map<String, Value>,
    strangers: Strangers,
) -> Result<(), Wrong> {
    let members = object.members();
    if strangers == Strangers::Refused {
        let known: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        if let Some(stranger) = given.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(Wrong::new(unknown("field", stranger, &known)));
        }
    }
    for (at, (name, rule)) in members.iter().enumerate() {
        let Some(word) = object.word_mut(at) else { continue };
        match given.remove(*name) {
            Some(value) => read(word, value, strangers).map_err(|wrong| wrong.inside(name))?,
            None if *rule == Rule::Needed && !matches!(word.said(), Said::Nothing) => {
                return Err(Wrong::new(format!("missing field `{name}`")));
            }
            None => {}
        }
    }
    Ok(())
}

impl Place<'_> {
    /// What belongs here, in the middle of a sentence.
    fn wanted(&self) -> &'static str {
        match self {
            Place::Flag(_) => "a boolean",
            Place::Number(number) => number.kind(),
            Place::Text(_) | Place::Choice(_) => "a string",
            Place::Maybe(_) => "a value",
            Place::List(_) => "a list",
            Place::Pair(_) => "a list of two",
            Place::Map(_) | Place::Object(_) => "an object",
        }
    }
}

#[cold]
fn invalid(what: &str, found: &Value, wanted: &str) -> Wrong {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("boolean `{flag}`"),
        Value::Number(number) if number.is_f64() => format!("floating point `{number}`"),
        Value::Number(number) => format!("integer `{number}`"),
        Value::String(text) => format!("string \"{}\"", shown(text)),
        Value::Array(_) => "list".to_owned(),
        Value::Object(_) => "object".to_owned(),
    };
    Wrong::new(format!("invalid {what}: {found}, expected {wanted}"))
}

/// The message for a word that is not known.
pub(in super::super) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let shown = shown(word);
    let near = nearest(word, known).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    if known.is_empty() {
        return format!("unknown {what} `{shown}`; none is known here");
    }
    let mark = if near.is_empty() { ";" } else { "" };
    format!(
        "unknown {what} `{shown}`{near}{mark} known here: {}",
        known.join(", ")
    )
}

/// The start of somebody's text, as a message can show it.
pub(in super::super) fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests;
