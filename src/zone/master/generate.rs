//! `$GENERATE`: ranges, and templates with a counter in them.
//!
//! BIND's language: `$` is the counter, `$$` or `\$` a dollar sign, `${OFFSET[,WIDTH[,BASE]]}` the counter
//! plus an offset, padded with zeros to a width, in base d, o, x, X, or as reversed nibbles n, N.

/// Widest number that a template may ask for.
const MAX_WIDTH: usize = 255;

/// `START-STOP[/STEP]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u32,
    pub(super) stop: u32,
    pub(super) step: u32,
}

impl Range {
    /// Reads a range; all three numbers are below 2^31, as BIND's are.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (bounds, step) = text.split_once('/').unwrap_or((text, "1"));
        let (start, stop) = bounds.split_once('-')?;
        let range = Range {
            start: number(start)?,
            stop: number(stop)?,
            step: number(step)?,
        };
        (range.start <= range.stop && range.step > 0).then_some(range)
    }

    /// How many records it makes.
    pub(super) fn count(self) -> usize {
        ((self.stop - self.start) / self.step.max(1)) as usize + 1
    }

    pub(super) fn values(self) -> impl Iterator<Item = u32> {
        (self.start..=self.stop).step_by(self.step.max(1) as usize)
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|value| digits && *value <= 0x7fff_ffff)
}

/// Writes the template for one value of the counter.
pub(super) fn expand(template: &[u8], value: u32) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(template.len() + 8);
    let mut rest = template;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'\\', [b'$', tail @ ..]) | (b'$', [b'$', tail @ ..]) => {
                out.push(b'$');
                rest = tail;
            }
            (b'\\', [next, tail @ ..]) => {
                out.extend_from_slice(&[b'\\', *next]);
                rest = tail;
            }
            (b'$', [b'{', tail @ ..]) => {
                let close = tail
                    .iter()
                    .position(|byte| *byte == b'}')
                    .ok_or("`${` without a closing brace")?;
                let (inside, behind) = tail.split_at(close);
                let inside = String::from_utf8_lossy(inside);
                out.extend_from_slice(modified(&inside, value)?.as_bytes());
                rest = behind.get(1..).unwrap_or_default();
            }
            (b'$', _) => out.extend_from_slice(value.to_string().as_bytes()),
            _ => out.push(byte),
        }
    }
    Ok(out)
}

/// `OFFSET[,WIDTH[,BASE]]` applied to the counter.
fn modified(inside: &str, value: u32) -> Result<String, String> {
    let bad = || {
        format!(
            "expected `${{OFFSET,WIDTH,BASE}}`, as `${{0,3,d}}`, found `${{{}}}`",
            inside.escape_debug()
        )
    };
    let mut parts = inside.split(',');
    let offset: i64 = parts.next().and_then(|text| text.parse().ok()).ok_or_else(bad)?;
    let width = parts.next().map_or(Some(0), |text| {
        number(text).and_then(|width| usize::try_from(width).ok())
    });
    let width = width.filter(|width| *width <= MAX_WIDTH).ok_or_else(bad)?;
    let base = parts.next().unwrap_or("d");
    if parts.next().is_some() {
        return Err(bad());
    }
    let shifted = i64::from(value)
        .checked_add(offset)
        .and_then(|shifted| u32::try_from(shifted).ok());
    let value =
        shifted.ok_or_else(|| format!("{value} with the offset {offset} is negative or too large"))?;
    Ok(match base {
        "d" => format!("{value:0width$}"),
        "o" => format!("{value:0width$o}"),
        "x" => format!("{value:0width$x}"),
        "X" => format!("{value:0width$X}"),
        "n" => nibbles(value, width),
        "N" => nibbles(value, width).to_ascii_uppercase(),
        _ => return Err(bad()),
    })
}

/// Hex digits from the last to the first with dots between; the width counts the dots, too.
fn nibbles(mut value: u32, mut width: usize) -> String {
    let mut out = String::new();
    loop {
        out.extend(char::from_digit(value & 15, 16));
        value >>= 4;
        width = width.saturating_sub(1);
        if value == 0 && width == 0 {
            return out;
        }
        out.push('.');
        width = width.saturating_sub(1);
        if value == 0 && width == 0 {
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(template: &str, value: u32) -> String {
        String::from_utf8(expand(template.as_bytes(), value).unwrap()).unwrap()
    }

    #[test]
    fn templates() {
        assert_eq!(at("host-$", 7), "host-7");
        assert_eq!(at("a$$b\\$c\\065", 7), "a$b$c\\065");
        assert_eq!(at("${0,3}-${-5}-${1,0,d}", 7), "007-2-8");
        assert_eq!(at("${0,4,x} ${0,0,X} ${0,0,o}", 255), "00ff FF 377");
        assert_eq!(at("${0,7,n} ${0,0,N}", 0x1a), "a.1.0.0 A.1");
        assert_eq!(at("$.$", 3), "3.3");
    }

    #[test]
    fn bad_templates() {
        for (template, message) in [
            ("${", "`${` without a closing brace"),
            (
                "${x}",
                "expected `${OFFSET,WIDTH,BASE}`, as `${0,3,d}`, found `${x}`",
            ),
            (
                "${0,256}",
                "expected `${OFFSET,WIDTH,BASE}`, as `${0,3,d}`, found `${0,256}`",
            ),
            (
                "${0,1,q}",
                "expected `${OFFSET,WIDTH,BASE}`, as `${0,3,d}`, found `${0,1,q}`",
            ),
            ("${-8}", "7 with the offset -8 is negative or too large"),
        ] {
            assert_eq!(
                expand(template.as_bytes(), 7),
                Err(message.to_owned()),
                "{template}"
            );
        }
    }

    #[test]
    fn ranges() {
        assert_eq!(
            Range::parse("1-10/3"),
            Some(Range {
                start: 1,
                stop: 10,
                step: 3
            })
        );
        assert_eq!(Range::parse("1-10/3").map(Range::count), Some(4));
        assert_eq!(Range::parse("0-2147483647").map(Range::count), Some(0x8000_0000));
        for bad in ["", "1", "2-1", "1-2/0", "-1-2", "+1-2", "1-2147483648", "1-2/x"] {
            assert_eq!(Range::parse(bad), None, "{bad}");
        }
    }
}
