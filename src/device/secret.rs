//! Tokens and codes: random numbers as people and programs write them. Neither prints itself for debugging, so that
//! none comes into a log by accident.

use std::fmt;

/// Characters of a token: five bits each.
const TOKEN_CHARS: usize = 16;
/// Characters of a code: five bits each.
const CODE_CHARS: usize = 8;
/// Base32 (RFC 4648, 6) in lower case: a label of a host name, whose case nothing on the way need keep.
const TOKEN_ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// What nobody confuses when reading it from a screen or a card: no I, L, O and U.
const CODE_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What tells a device from others: 80 random bits, 16 characters of base32.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token(u128);

impl Token {
    /// A token of the low bits of a random number.
    #[must_use]
    pub const fn from_random(bits: u128) -> Self {
        Token(bits & ((1 << (5 * TOKEN_CHARS)) - 1))
    }

    /// Reads a token; letters may be of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TOKEN_CHARS {
            return None;
        }
        let digit = |byte: u8| match byte {
            b'a'..=b'z' => Some(byte - b'a'),
            b'A'..=b'Z' => Some(byte - b'A'),
            b'2'..=b'7' => Some(byte - b'2' + 26),
            _ => None,
        };
        let bits = text
            .bytes()
            .try_fold(0, |bits: u128, byte| Some(bits << 5 | u128::from(digit(byte)?)))?;
        Some(Token(bits))
    }

    /// Bits to look it up by. Those of a real token are random.
    pub(super) const fn hash(self) -> u64 {
        self.0 as u64
    }

    /// The number itself.
    pub(super) const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_digits(f, self.0, TOKEN_CHARS, TOKEN_ALPHABET, TOKEN_CHARS)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What a person types to get a device's profile: 40 random bits, `7KQ4-M2XR`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code(u64);

impl Code {
    /// A code of the low bits of a random number.
    #[must_use]
    pub const fn from_random(bits: u128) -> Self {
        Code(bits as u64 & ((1 << (5 * CODE_CHARS)) - 1))
    }

    /// Reads a code as people type it: in either case, with or without the dash or blanks, with letters for the
    /// digits that look like them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits = 0u64;
        let mut digits = 0;
        for byte in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
            let digit = match byte.to_ascii_uppercase() {
                b'O' => 0,
                b'I' | b'L' => 1,
                byte => CODE_ALPHABET.iter().position(|known| *known == byte)? as u64,
            };
            digits += 1;
            if digits > CODE_CHARS {
                return None;
            }
            bits = bits << 5 | digit;
        }
        (digits == CODE_CHARS).then_some(Code(bits))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_digits(f, u128::from(self.0), CODE_CHARS, CODE_ALPHABET, CODE_CHARS / 2)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// Writes so many digits of five bits, the highest first, in groups.
fn write_digits(
    f: &mut fmt::Formatter<'_>,
    bits: u128,
    count: usize,
    alphabet: &[u8; 32],
    group: usize,
) -> fmt::Result {
    for at in 0..count {
        if at > 0 && at % group == 0 {
            f.write_str("-")?;
        }
        let digit = bits >> (5 * (count - 1 - at)) & 31;
        fmt::Write::write_char(f, char::from(alphabet[digit as usize]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_label_of_a_host_name_in_either_case() {
        let token = Token::from_random(0xffff_1234_5678_9abc_def0_0123_4567_89ab);
        let text = token.to_string();
        assert_eq!(text, "tk6n54abencwpcnl");
        assert_eq!(Token::parse(&text), Some(token));
        assert_eq!(Token::parse(&text.to_uppercase()), Some(token));
        // 80 bits: what lies above them is no part of it.
        assert_eq!(Token::from_random(u128::MAX).to_string(), "7777777777777777");
        assert_eq!(Token::from_random(1 << 80), Token::from_random(0));
        for bad in [
            "",
            "tk6n54abencwpcn",
            "tk6n54abencwpcnl6",
            "tk6n54abencwpcn1",
            "tk6n54abencwpc-l",
            "tk6n54abencwpcn\u{e9}",
        ] {
            assert_eq!(Token::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::from_random(0x39_e8_4a_09_b8);
        assert_eq!(code.to_string(), "77M4-M2DR");
        for typed in ["77M4-M2DR", "77m4m2dr", "77 M4 M2 DR", " 77m4-m2dr-"] {
            assert_eq!(Code::parse(typed), Some(code), "{typed}");
        }
        assert_eq!(Code::parse("OIL0-0000"), Code::parse("0110-0000"));
        for bad in [
            "",
            "77M4-M2D",
            "77M4-M2DRR",
            "77M4-M2DU",
            "77M4_M2DR",
            "77M4-M2D\u{e9}",
        ] {
            assert_eq!(Code::parse(bad), None, "{bad}");
        }
        assert_eq!(Code::from_random(1 << 40), Code::from_random(0));
    }

    #[test]
    fn neither_tells_itself_for_debugging() {
        let shown = format!("{:?} {:?}", Token::from_random(7), Code::from_random(7));
        assert_eq!(shown, "Token(..) Code(..)");
    }
}
