//! Rust source as tokens and paths: just enough of a reader for the rules in `tests/tidy.rs`.
//!
//! Comments vanish, literals stay as one token, code under `#[cfg(test)]` can be cut away, and `use` trees are
//! spread out into whole paths. It does not expand macros and does not resolve what a glob import brings in.

/// A token and its line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word: identifier or keyword.
    Word(String),
    /// A number as written.
    Number(String),
    /// Contents of a string or byte string, escapes as written.
    Text(String),
    /// Any other character.
    Punct(char),
}

impl Token {
    fn is(&self, c: char) -> bool {
        self.kind == Kind::Punct(c)
    }

    fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Splits source text into tokens.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let (mut out, mut i, mut line) = (Vec::new(), 0, 1);
    while i < chars.len() {
        let (start, start_line) = (i, line);
        let c = chars[i];
        let kind = if c.is_whitespace() {
            i += 1;
            None
        } else if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
            None
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
            None
        } else if let Some(hashes) = raw_string(&chars[i..]) {
            let closing: Vec<char> = std::iter::once('"')
                .chain(std::iter::repeat_n('#', hashes))
                .collect();
            while at(i) != '"' {
                i += 1;
            }
            i += 1;
            let from = i;
            while i < chars.len() && !chars[i..].starts_with(&closing) {
                i += 1;
            }
            let contents = chars[from..i.min(chars.len())].iter().collect();
            i += closing.len();
            Some(Kind::Text(contents))
        } else if c == '"' || (matches!(c, 'b' | 'c') && at(i + 1) == '"') {
            i += if c == '"' { 1 } else { 2 };
            let from = i;
            while i < chars.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            let contents = chars[from..i.min(chars.len())].iter().collect();
            i += 1;
            Some(Kind::Text(contents))
        } else if c == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            // A character; a lifetime has no closing quote and falls through to punctuation and word.
            i += if at(i + 1) == '\\' { 3 } else { 2 };
            while i < chars.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
            None
        } else if c.is_ascii_digit() {
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            Some(Kind::Number(chars[start..i].iter().collect()))
        } else if c.is_alphabetic() || c == '_' {
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            Some(Kind::Word(chars[start..i].iter().collect()))
        } else {
            i += 1;
            Some(Kind::Punct(c))
        };
        line += chars[start..i.min(chars.len())]
            .iter()
            .filter(|c| **c == '\n')
            .count();
        out.extend(kind.map(|kind| Token {
            line: start_line,
            kind,
        }));
    }
    out
}

/// Number of `#` where a raw string begins here.
fn raw_string(chars: &[char]) -> Option<usize> {
    let skip = match chars {
        ['r', ..] => 1,
        ['b' | 'c', 'r', ..] => 2,
        _ => return None,
    };
    let hashes = chars[skip..].iter().take_while(|c| **c == '#').count();
    (chars.get(skip + hashes) == Some(&'"')).then_some(hashes)
}

/// The tokens without items under `#[cfg(test)]`; and the names of modules that live in files of their own and
/// are for tests only.
pub(crate) fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut out, mut test_files, mut i) = (Vec::new(), Vec::new(), 0);
    while i < tokens.len() {
        if !is_cfg_test(&tokens[i..]) {
            out.push(tokens[i].clone());
            i += 1;
            continue;
        }
        i += 7;
        // Further attributes belong to the same item.
        while tokens.get(i).is_some_and(|token| token.is('#')) {
            i = end_of_group(tokens, i + 1);
        }
        let item = i;
        while i < tokens.len() && !tokens[i].is(';') && !tokens[i].is('{') {
            i += 1;
        }
        if tokens.get(i).is_some_and(|token| token.is('{')) {
            i = end_of_group(tokens, i);
        } else {
            let words: Vec<&str> = tokens[item..i].iter().filter_map(Token::word).collect();
            if let Some(at) = words.iter().position(|word| *word == "mod") {
                test_files.extend(words.get(at + 1).map(ToString::to_string));
            }
            i += 1;
        }
    }
    (out, test_files)
}

fn is_cfg_test(tokens: &[Token]) -> bool {
    let wanted = ["#", "[", "cfg", "(", "test", ")", "]"];
    tokens.len() >= wanted.len()
        && wanted
            .iter()
            .zip(tokens)
            .all(|(wanted, token)| match &token.kind {
                Kind::Word(word) => word == wanted,
                Kind::Punct(c) => wanted.starts_with(*c),
                _ => false,
            })
}

/// Index behind the group that opens at `open`.
fn end_of_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0i32;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Punct('{' | '[' | '(') => depth += 1,
            Kind::Punct('}' | ']' | ')') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// Every path of two and more segments, `use` trees spread out, with its line. A `use` of one word counts too.
pub(crate) fn paths(tokens: &[Token]) -> Vec<(usize, Vec<String>)> {
    let (mut out, mut i) = (Vec::new(), 0);
    while i < tokens.len() {
        if tokens[i].word() == Some("use") {
            i = use_tree(tokens, i + 1, &[], &mut out);
            continue;
        }
        let Some(first) = tokens[i].word() else {
            i += 1;
            continue;
        };
        let (line, mut path) = (tokens[i].line, vec![first.to_owned()]);
        i += 1;
        while let Some(next) = segment(tokens, i) {
            path.push(next.to_owned());
            i += 3;
        }
        if path.len() > 1 {
            out.push((line, path));
        }
    }
    out
}

/// The word behind `::` at `i`.
fn segment(tokens: &[Token], i: usize) -> Option<&str> {
    let colons = tokens.get(i)?.is(':') && tokens.get(i + 1)?.is(':');
    colons.then(|| tokens.get(i + 2)?.word()).flatten()
}

/// Reads one use tree from `i`; the index behind it.
fn use_tree(tokens: &[Token], mut i: usize, prefix: &[String], out: &mut Vec<(usize, Vec<String>)>) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(i).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(i) {
        match &token.kind {
            Kind::Word(word) if word == "as" => i += 2,
            Kind::Word(word) => {
                path.push(word.clone());
                i += 1;
            }
            Kind::Punct(':') => i += 1,
            Kind::Punct('*') => {
                path.push("*".to_owned());
                i += 1;
            }
            Kind::Punct('{') => {
                i += 1;
                while tokens.get(i).is_some_and(|token| !token.is('}')) {
                    i = use_tree(tokens, i, &path, out);
                    if tokens.get(i).is_some_and(|token| token.is(',')) {
                        i += 1;
                    }
                }
                // Behind the group comes only the end of this tree.
                return i + 1;
            }
            _ => break,
        }
    }
    if path.len() > prefix.len() {
        out.push((line, path));
    }
    if prefix.is_empty() && tokens.get(i).is_some_and(|token| token.is(';')) {
        i + 1
    } else {
        i
    }
}

#[test]
fn comments_and_literals_hide_nothing_and_invent_nothing() {
    let text =
        "a /* x::y /* z */ */ // b::c\n\"use d::e; \\\" f\" r#\"g\"h\"# 'i' '\\'' &'j k b'l' b\"m\" 0xc0_u8";
    let words: Vec<String> = tokens(text)
        .iter()
        .filter_map(|token| match &token.kind {
            Kind::Word(text) | Kind::Number(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(words, ["a", "j", "k", "b", "0xc0_u8"]);
    assert_eq!(tokens("\n\n/* \n */ a")[0].line, 4);
}

#[test]
fn use_trees_are_spread_out() {
    let text = "use crate::{a::{b, c as d}, e::*, f};\nfn g(x: std::fs::File) -> h::I { j::<k::L>() }";
    let shown: Vec<String> = paths(&tokens(text))
        .iter()
        .map(|(line, path)| format!("{line} {}", path.join("::")))
        .collect();
    let expected = [
        "1 crate::a::b",
        "1 crate::a::c",
        "1 crate::e::*",
        "1 crate::f",
        "2 std::fs::File",
        "2 h::I",
        "2 k::L",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn code_for_tests_is_cut_away() {
    let text =
        "a #[cfg(test)] #[path = \"x\"] mod tests { b { } } c #[cfg(test)] mod d; e #[cfg(test)] use f; g";
    let (left, files) = without_tests(&tokens(text));
    let words: Vec<&str> = left.iter().filter_map(Token::word).collect();
    assert_eq!(words, ["a", "c", "e", "g"]);
    assert_eq!(files, ["d"]);
}
