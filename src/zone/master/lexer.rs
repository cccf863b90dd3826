//! Master file text to logical lines: words and comments with their places (RFC 1035, 5.1).
//!
//! A logical line is a line, or a run of lines held together by parentheses. Nothing is copied: words are
//! ranges of the text, so that an edit can touch one word and leave every other byte alone. Escapes stay as
//! written. Quoted strings end on their line; what stands in quotes is neither comment nor parenthesis.

use crate::zone::rdata::Word;

/// Longest word in bytes: RDATA of 65,535 bytes with every byte written as `\DDD`.
pub const MAX_WORD: usize = 262_144;
/// Most words of one logical line: RDATA of 65,535 empty strings, and what stands before them.
pub const MAX_WORDS: usize = 65_600;
/// How deep parentheses may nest; one is enough for every record.
pub const MAX_NESTING: u32 = 16;
/// How many times a parenthesis that is never closed may be followed to the end of the text.
const MAX_UNCLOSED: u32 = 8;

/// A range of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
}

impl Span {
    pub(in crate::zone) fn new(start: usize, end: usize) -> Self {
        // Texts are far below 4 GiB (MAX_BYTES); a longer one would be refused before it comes here.
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span {
            start: narrow(start),
            end: narrow(end),
        }
    }

    /// The bytes of `text` in this range.
    #[must_use]
    pub fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// A word's place: without the quotes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::zone) struct Token {
    pub(in crate::zone) span: Span,
    pub(in crate::zone) quoted: bool,
}

impl Token {
    pub(in crate::zone) fn word(self, text: &[u8]) -> Word<'_> {
        let bytes = self.span.of(text);
        if self.quoted {
            Word::quoted(bytes)
        } else {
            Word::plain(bytes)
        }
    }

    /// First byte, the quotation mark included.
    pub(in crate::zone) fn start(self) -> usize {
        self.span.start as usize - usize::from(self.quoted)
    }

    /// Behind the last byte, the quotation mark included.
    pub(in crate::zone) fn end(self) -> usize {
        self.span.end as usize + usize::from(self.quoted)
    }
}

/// What the lexer could not read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::zone) struct Fault {
    pub(in crate::zone) at: usize,
    pub(in crate::zone) message: String,
}

/// One logical line; reused from line to line.
#[derive(Debug, Default)]
pub(in crate::zone) struct Line {
    /// Whole lines, the line end included.
    pub(in crate::zone) span: Span,
    /// Words in order.
    pub(in crate::zone) words: Vec<Token>,
    /// Comments in order, from the semicolon to before the line end.
    pub(in crate::zone) comments: Vec<Span>,
    /// Whether a blank stands first, so that the owner is left out.
    pub(in crate::zone) blank_first: bool,
    /// The first opening parenthesis.
    pub(in crate::zone) open: Option<u32>,
    /// Behind the last word or parenthesis.
    pub(in crate::zone) code_end: u32,
    /// What could not be read; the line is then of no use, but for its span.
    pub(in crate::zone) fault: Option<Fault>,
}

/// Walks a text line by line.
pub(in crate::zone) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// How many parentheses were never closed. Each costs a walk to the end of the text, so from
    /// [`MAX_UNCLOSED`] on no search for a closing one crosses a line end.
    unclosed: u32,
}

impl<'a> Lexer<'a> {
    pub(in crate::zone) fn new(text: &'a [u8]) -> Self {
        // Some editors put a byte order mark in front of UTF-8.
        let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Lexer {
            text,
            at,
            unclosed: 0,
        }
    }

    /// The lexer for one logical line that starts at `at`.
    pub(in crate::zone) fn starting(text: &'a [u8], at: usize) -> Self {
        Lexer {
            text,
            at,
            unclosed: 0,
        }
    }

    /// Reads the next logical line into `line`; `false` at the end of the text.
    pub(in crate::zone) fn next(&mut self, line: &mut Line) -> bool {
        line.words.clear();
        line.comments.clear();
        line.fault = None;
        line.open = None;
        let start = self.at;
        let Some(first) = self.peek() else { return false };
        line.blank_first = matches!(first, b' ' | b'\t');
        line.code_end = Span::new(start, start).start;
        let mut depth = 0u32;
        let mut first_line_end = None;
        loop {
            let Some(byte) = self.peek() else {
                if depth > 0 {
                    let at = line.open.map_or(start, |at| at as usize);
                    let message = "the parenthesis is never closed; it holds the lines up to `)` together";
                    // It is the cause of whatever went wrong behind it.
                    line.fault = Some(Fault {
                        at,
                        message: message.to_owned(),
                    });
                    self.unclosed += 1;
                    // Go on behind the line it stands on.
                    self.at = first_line_end.unwrap_or(self.text.len());
                }
                break;
            };
            match byte {
                b'\n' => {
                    self.at += 1;
                    first_line_end = first_line_end.or(Some(self.at));
                    if depth == 0 {
                        break;
                    }
                    if self.unclosed >= MAX_UNCLOSED {
                        let at = line.open.map_or(start, |at| at as usize);
                        let message = "the parenthesis is not closed on its line, and many above never are";
                        self.fault(line, at, message.to_owned());
                        break;
                    }
                }
                b' ' | b'\t' => self.at += 1,
                b'\r' if self.at_line_end() => self.at += 1,
                b';' => self.comment(line),
                b'(' => {
                    line.open = line.open.or(Some(Span::new(self.at, 0).start));
                    depth += 1;
                    if depth > MAX_NESTING {
                        self.fault(line, self.at, format!("parentheses nest over {MAX_NESTING} deep"));
                    }
                    self.at += 1;
                    line.code_end = Span::new(self.at, 0).start;
                }
                b')' => {
                    if depth == 0 {
                        self.fault(
                            line,
                            self.at,
                            "a closing parenthesis without an opening one".to_owned(),
                        );
                    }
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                    line.code_end = Span::new(self.at, 0).start;
                }
                b'"' => self.quoted(line),
                _ => self.plain(line),
            }
        }
        line.span = Span::new(start, self.at);
        true
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Whether a carriage return here belongs to a line end.
    fn at_line_end(&self) -> bool {
        matches!(self.text.get(self.at + 1), None | Some(b'\n'))
    }

    /// Keeps the first fault of a line.
    fn fault(&self, line: &mut Line, at: usize, message: String) {
        if line.fault.is_none() {
            line.fault = Some(Fault { at, message });
        }
    }

    fn comment(&mut self, line: &mut Line) {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        self.at = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(self.text.len(), |at| start + at);
        let body = self.text.get(start..self.at).unwrap_or_default();
        let body = body.strip_suffix(b"\r").unwrap_or(body);
        line.comments.push(Span::new(start, start + body.len()));
    }

    fn push(&mut self, line: &mut Line, start: usize, end: usize, quoted: bool) {
        line.code_end = Span::new(self.at, 0).start;
        if end - start > MAX_WORD {
            let message = format!(
                "the word has {} bytes, at most {MAX_WORD} are allowed",
                end - start
            );
            self.fault(line, start, message);
        } else if line.words.len() == MAX_WORDS {
            self.fault(line, start, format!("over {MAX_WORDS} words in one record"));
        } else {
            line.words.push(Token {
                span: Span::new(start, end),
                quoted,
            });
        }
    }

    /// Reads a quoted string, whose opening mark is next.
    fn quoted(&mut self, line: &mut Line) {
        let start = self.at + 1;
        self.at = start;
        match self.closing_mark() {
            Some(end) => {
                self.at = end + 1;
                self.push(line, start, end, true);
            }
            None => {
                let message =
                    "the quoted string is not closed on its line; write `\\\"` for a quotation mark in it";
                self.fault(line, start - 1, message.to_owned());
            }
        }
    }

    /// Where the next unescaped quotation mark on this line stands; moves to the line's end if nowhere.
    fn closing_mark(&mut self) -> Option<usize> {
        let mut at = self.at;
        while let Some(byte) = self.text.get(at) {
            match byte {
                b'"' => return Some(at),
                b'\n' => break,
                b'\\' if self.text.get(at + 1).is_some_and(|next| *next != b'\n') => at += 2,
                _ => at += 1,
            }
        }
        self.at = at.min(self.text.len());
        None
    }

    /// Reads a word without quotes; `key="a value"` is one word (RFC 9460, 2.1).
    fn plain(&mut self, line: &mut Line) {
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b';' | b'(' | b')' => break,
                b'\r' if self.at_line_end() => break,
                b'"' => {
                    if self.at == start || self.text.get(self.at - 1) != Some(&b'=') {
                        break;
                    }
                    let mark = self.at;
                    self.at += 1;
                    match self.closing_mark() {
                        Some(end) => self.at = end + 1,
                        None => {
                            self.fault(
                                line,
                                mark,
                                "the quoted value is not closed on its line".to_owned(),
                            );
                            return;
                        }
                    }
                }
                b'\\' if self.text.get(self.at + 1).is_some_and(|next| *next != b'\n') => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.push(line, start, self.at, false);
    }
}

/// Splits a text that is one logical line into its words, as the arguments of a command line are.
///
/// # Errors
/// What cannot be read.
pub(in crate::zone) fn words_of(text: &[u8]) -> Result<Vec<Word<'_>>, String> {
    let mut lexer = Lexer::starting(text, 0);
    let mut line = Line::default();
    let mut words = Vec::new();
    while lexer.next(&mut line) {
        if let Some(fault) = line.fault.take() {
            return Err(fault.message);
        }
        if !line.comments.is_empty() {
            return Err("a `;` starts a comment: write `\\;`, or put the string in quotes".to_owned());
        }
        words.extend(line.words.iter().map(|token| token.word(text)));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of every logical line; quoted ones in guillemets; comments behind `#`; faults as `!at:message`.
    fn lines(text: &str) -> Vec<String> {
        let mut lexer = Lexer::new(text.as_bytes());
        let mut line = Line::default();
        let mut out = Vec::new();
        let mut covered = 0;
        while lexer.next(&mut line) {
            let mut parts: Vec<String> = Vec::new();
            for token in &line.words {
                let word = String::from_utf8_lossy(token.span.of(text.as_bytes()));
                parts.push(if token.quoted {
                    format!("«{word}»")
                } else {
                    word.into_owned()
                });
            }
            for comment in &line.comments {
                parts.push(format!(
                    "#{}",
                    String::from_utf8_lossy(comment.of(text.as_bytes()))
                ));
            }
            if let Some(fault) = &line.fault {
                parts.push(format!("!{}:{}", fault.at, fault.message));
            }
            assert!(line.span.start as usize == covered || covered == 0);
            covered = line.span.end as usize;
            out.push(format!(
                "{}{}",
                if line.blank_first { "_ " } else { "" },
                parts.join(" ")
            ));
        }
        assert_eq!(covered, text.len());
        out
    }

    #[test]
    fn rfc1035_s5_1_words_comments_and_parentheses() {
        assert_eq!(lines("a  A 1 ; c ; d\r\n\n b"), ["a A 1 #; c ; d", "", "_ b"]);
        assert_eq!(
            lines("@ SOA ( ns ; first\n  mail 1 ) ; last\nb"),
            ["@ SOA ns mail 1 #; first #; last", "b"]
        );
        assert_eq!(
            lines("t TXT ( \"a;b (c\"\n \"\\\"d\" )"),
            ["t TXT «a;b (c» «\\\"d»"]
        );
        assert_eq!(lines("t a\\;b\\ c\\(\"q\"z"), ["t a\\;b\\ c\\( «q» z"]);
        assert_eq!(lines("h alpn=\"h2, h3;\" x"), ["h alpn=\"h2, h3;\" x"]);
        assert_eq!(lines("\u{feff}a"), ["a"]);
    }

    #[test]
    fn faults_stand_at_their_place_and_reading_goes_on() {
        let quote = "the quoted string is not closed on its line; write `\\\"` for a quotation mark in it";
        assert_eq!(lines("t \"abc\nb"), [format!("t !2:{quote}"), "b".to_owned()]);
        assert_eq!(
            lines("t )\nb"),
            ["t !2:a closing parenthesis without an opening one", "b"]
        );
        let open = "the parenthesis is never closed; it holds the lines up to `)` together";
        assert_eq!(
            lines("t (\nb ( c )\nd"),
            [format!("t b c d !2:{open}"), "b c".to_owned(), "d".to_owned()]
        );
        assert_eq!(
            lines("t (\nb ( c\n )\nd (\ne"),
            [
                format!("t b c d e !2:{open}"),
                "b c".to_owned(),
                format!("d e !15:{open}"),
                "e".to_owned()
            ]
        );
        let deep = "(".repeat(17);
        assert!(lines(&format!("{deep}{}", ")".repeat(17)))[0].contains("parentheses nest over 16 deep"));
    }

    #[test]
    fn many_open_parentheses_take_no_quadratic_time() {
        let text = "a ( b\n".repeat(200_000);
        assert_eq!(lines(&text).len(), 200_000);
    }
}
