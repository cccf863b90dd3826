//! RDATA: text to wire form and back, for every type that a zone here may hold.
//!
//! What a type consists of stands in one line of `schema`; `read` and `print` walk that line in the two
//! directions, so that no type can be readable but not printable. Types without a line travel in the generic
//! form `\# LENGTH HEX` of RFC 3597, and so may every other type. Formats with a grammar of their own
//! have a file: `svcb` (RFC 9460), `loc` (RFC 1876), `apl` (RFC 3123). Read `schema` next.

mod apl;
mod loc;
mod print;
mod read;
mod schema;
mod svcb;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::net::IpAddr;

use crate::message::{NameRef, Rtype};
use crate::zone::master::lexer;

pub use words::{Word, read_seconds};

/// Longest RDATA: its length field has 16 bits (RFC 1035, 3.2.1).
pub const MAX_RDATA: usize = 65_535;

/// Why words are no RDATA of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RdataError {
    /// Which word is to blame, from 0; the number of words where one is missing at the end.
    pub word: usize,
    /// What was expected: lower-case, no full stop.
    pub message: String,
}

impl fmt::Display for RdataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RdataError {}

/// Reads RDATA from the words behind the type; names without a closing dot are completed by `origin`.
///
/// # Errors
/// The first word that does not fit, and what was expected in its place.
pub fn from_words(rtype: Rtype, words: &[Word<'_>], origin: NameRef<'_>) -> Result<Box<[u8]>, RdataError> {
    if rtype.is_meta() || rtype.0 == 0 {
        let message = format!("{rtype} is a type of questions, not of data, and cannot stand in a zone");
        return Err(RdataError { word: 0, message });
    }
    let rdata = match (words.first(), schema::of(rtype)) {
        (Some(first), _) if first.is_generic_mark() => read::generic(rtype, words)?,
        (_, Some(schema)) => read::typed(schema, words, origin)?,
        (_, None) => {
            let message = format!("the data of {rtype} must be written as `\\# LENGTH HEX` (RFC 3597, 5)");
            return Err(RdataError { word: 0, message });
        }
    };
    if rdata.len() > MAX_RDATA {
        let message = format!(
            "the data takes {} bytes, at most {MAX_RDATA} are allowed",
            rdata.len()
        );
        return Err(RdataError { word: 0, message });
    }
    Ok(rdata.into())
}

/// Reads RDATA from the arguments of a command line, where the shell has eaten the quotes: for TXT and SPF
/// every argument is one string; for other types arguments are split at blanks as in a master file.
///
/// # Errors
/// As [`from_words`]; the word counts from the first one after splitting.
pub fn from_args<S: AsRef<str>>(
    rtype: Rtype,
    args: &[S],
    origin: NameRef<'_>,
) -> Result<Box<[u8]>, RdataError> {
    let textual = matches!(rtype, Rtype::TXT | Rtype::SPF);
    let generic = args.first().is_some_and(|arg| arg.as_ref().starts_with("\\#"));
    let mut words = Vec::new();
    // Behind these the shell's quotes meant "one word": a CAA value or a URI may hold blanks.
    let whole_from = match rtype {
        Rtype::CAA | Rtype::URI | Rtype::HINFO | Rtype::NAPTR if args.len() > 1 => Some(0),
        _ => None,
    };
    for arg in args {
        let arg = arg.as_ref();
        let own_quotes = arg.starts_with('"') && arg.ends_with('"') && arg.len() > 1;
        if !generic
            && !own_quotes
            && (textual || (whole_from.is_some() && (arg.is_empty() || arg.contains([' ', ';']))))
        {
            words.push(Word::quoted(arg.as_bytes()));
            continue;
        }
        let more = lexer::words_of(arg.as_bytes());
        words.extend(more.map_err(|message| RdataError {
            word: words.len(),
            message,
        })?);
    }
    from_words(rtype, &words, origin)
}

/// The canonical one-line text of `rdata`, names relative to `origin` where it is given and above them.
/// RDATA that does not fit its type, and types without a text form, print as `\# LENGTH HEX`; reading the
/// text back gives the same bytes wherever [`validate`] accepts them.
#[must_use]
pub fn to_text(rtype: Rtype, rdata: &[u8], origin: Option<NameRef<'_>>) -> String {
    schema::of(rtype)
        // The text form of an alias with parameters is refused by from_words, the bytes are not.
        .filter(|_| !svcb::is_alias_with_parameters(rtype, rdata))
        .and_then(|schema| print::typed(schema, rdata, origin).ok())
        .unwrap_or_else(|| print::generic(rdata))
}

/// Whether `rdata` is well-formed data of `rtype`; every RDATA of an unknown type is.
///
/// # Errors
/// What is wrong with it.
pub fn validate(rtype: Rtype, rdata: &[u8]) -> Result<(), String> {
    if rtype.is_meta() || rtype.0 == 0 {
        return Err(format!(
            "{rtype} is a type of questions, not of data, and cannot stand in a zone"
        ));
    }
    if rdata.len() > MAX_RDATA {
        return Err(format!(
            "the data takes {} bytes, at most {MAX_RDATA} are allowed",
            rdata.len()
        ));
    }
    match schema::of(rtype) {
        Some(schema) => print::typed(schema, rdata, None).map(drop),
        None => Ok(()),
    }
}

/// The names in `rdata`, in their order: targets, mailboxes, signers. Ends early where the data is malformed.
pub fn names(rtype: Rtype, rdata: &[u8]) -> impl Iterator<Item = NameRef<'_>> {
    let fields = schema::of(rtype).map_or(&[][..], |schema| schema.fields);
    let mut fields = fields.iter();
    let mut rest = rdata;
    std::iter::from_fn(move || {
        for (_, field) in fields.by_ref() {
            if matches!(field, schema::Field::Name) {
                let (name, tail) = NameRef::prefix_of(rest)?;
                rest = tail;
                return Some(name);
            }
            rest = rest.get(schema::width(field, rest)?..)?;
        }
        None
    })
}

/// The name that a record sends its readers to, where its type has one: CNAME, DNAME, NS, PTR, MX, SRV, KX,
/// AFSDB, NAPTR, SVCB, HTTPS, LP, RT. Not what merely is a name, as SOA's mailbox.
#[must_use]
pub fn target(rtype: Rtype, rdata: &[u8]) -> Option<NameRef<'_>> {
    match rtype {
        Rtype::CNAME
        | Rtype::DNAME
        | Rtype::NS
        | Rtype::PTR
        | Rtype::MX
        | Rtype::SRV
        | Rtype::KX
        | Rtype::AFSDB
        | Rtype::NAPTR
        | Rtype::SVCB
        | Rtype::HTTPS
        | Rtype::LP
        | Rtype::RT => names(rtype, rdata).next(),
        _ => None,
    }
}

/// The addresses that an SVCB or HTTPS record tells beforehand (RFC 9460, 7.3); none of other types.
#[must_use]
pub fn hints(rtype: Rtype, rdata: &[u8]) -> Vec<IpAddr> {
    match rtype {
        Rtype::SVCB | Rtype::HTTPS => svcb::hints(rdata).collect(),
        _ => Vec::new(),
    }
}

/// The RDATA of an SVCB or HTTPS record without its hints; that of other types as it is.
#[must_use]
pub fn without_hints(rtype: Rtype, rdata: &[u8]) -> Box<[u8]> {
    match rtype {
        Rtype::SVCB | Rtype::HTTPS => svcb::without_hints(rdata).into(),
        _ => rdata.into(),
    }
}

/// Which word of the RDATA holds its first name, from 0; 0 where there is none.
#[must_use]
pub fn name_word(rtype: Rtype) -> usize {
    // Every field in front of a name takes exactly one word.
    schema::of(rtype)
        .and_then(|schema| {
            schema
                .fields
                .iter()
                .position(|(_, field)| matches!(field, schema::Field::Name))
        })
        .unwrap_or(0)
}

/// `name` as text: relative to `origin` where that is given and above it (`@` for the origin itself),
/// else absolute with the closing dot.
#[must_use]
pub fn name_text(name: NameRef<'_>, origin: Option<NameRef<'_>>) -> String {
    let mut text = name.to_string();
    let Some(origin) = origin.filter(|origin| name.is_at_or_below(*origin)) else {
        return text;
    };
    if name.as_wire().len() == origin.as_wire().len() {
        return "@".to_owned();
    }
    // Escapes do not depend on case, so the common suffix has the same length in both texts.
    let suffix = if origin.is_root() {
        1
    } else {
        origin.to_string().len() + 1
    };
    let keep = text.len().saturating_sub(suffix);
    // An address would be refused when read back as a name.
    if !text.get(..keep).is_some_and(words::is_address) {
        text.truncate(keep);
    }
    text
}

/// Whether the data of a type is strings alone, so that one quoted word is a string and not several words.
#[must_use]
pub(in crate::zone) fn is_text(rtype: Rtype) -> bool {
    schema::of(rtype)
        .is_some_and(|schema| matches!(schema.fields, [(_, schema::Field::Str | schema::Field::Strs)]))
}
