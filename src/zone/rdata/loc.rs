//! Places on earth: the text of LOC records and their 16 bytes (RFC 1876).
//!
//! `D [M [S]] N|S D [M [S]] E|W ALTITUDE[m] [SIZE[m] [HORIZONTAL[m] [VERTICAL[m]]]]`

use super::print::push;
use super::words::{Word, number};

/// The equator and the prime meridian on the wire.
const MIDDLE: i64 = 1 << 31;
/// Thousandths of a second of arc in a degree.
const DEGREE: i64 = 3_600_000;
/// Centimetres from the wire's zero of altitude up to the geoid.
const BELOW: i64 = 10_000_000;
/// Largest size and precision in centimetres: 90,000 km.
const MAX_SIZE: i64 = 9_000_000_000;
/// Size, horizontal and vertical precision where they are left out: 1 m, 10 km, 10 m.
const DEFAULTS: [u8; 3] = [0x12, 0x16, 0x13];

/// Reads all words.
pub(super) fn read(words: &[Word<'_>]) -> Result<[u8; 16], (usize, String)> {
    let mut at = 0;
    let latitude = angle(words, &mut at, "latitude", ["N", "S"], 90)?;
    let longitude = angle(words, &mut at, "longitude", ["E", "W"], 180)?;
    let Some(altitude) = words.get(at) else {
        return Err((at, "the altitude in metres is missing".to_owned()));
    };
    let Some(altitude) = altitude.as_plain().and_then(altitude_of) else {
        let expected = "metres from -100000.00 to 42849672.95";
        return Err((
            at,
            format!("expected the altitude ({expected}), found {}", altitude.shown()),
        ));
    };
    at += 1;
    let mut sizes = DEFAULTS;
    let labels = ["size", "horizontal precision", "vertical precision"];
    for (size, label) in sizes.iter_mut().zip(labels) {
        let Some(word) = words.get(at) else { break };
        let metres = word
            .as_plain()
            .map(|text| text.strip_suffix(['m', 'M']).unwrap_or(text));
        let Some(value) = metres
            .and_then(|text| fixed(text, 2))
            .filter(|value| *value <= MAX_SIZE)
        else {
            let expected = "metres from 0.00 to 90000000.00";
            return Err((
                at,
                format!("expected the {label} ({expected}), found {}", word.shown()),
            ));
        };
        *size = pack(value);
        at += 1;
    }
    if let Some(word) = words.get(at) {
        return Err((
            at,
            format!("unexpected {} behind the vertical precision", word.shown()),
        ));
    }
    let mut out = [0u8; 16];
    let head = [0u8].into_iter().chain(sizes);
    let angles = [latitude, longitude, altitude].into_iter();
    let body = angles.flat_map(|value| u32::try_from(value).unwrap_or(0).to_be_bytes());
    out.iter_mut()
        .zip(head.chain(body))
        .for_each(|(to, from)| *to = from);
    Ok(out)
}

/// Prints the 16 bytes, or says why they are none.
pub(super) fn print(out: &mut String, value: &[u8]) -> Result<(), String> {
    let value: &[u8; 16] = value.try_into().map_err(|_| "a location has 16 bytes")?;
    let [version, sizes @ .., _, _, _, _, _, _, _, _, _, _, _, _] = *value;
    if version != 0 {
        return Err(format!("version {version} is unknown, 0 is known"));
    }
    let [_, _, _, _, a, b, c, d, e, f, g, h, i, j, k, l] = *value;
    let words = [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(|word| i64::from(u32::from_be_bytes(word)));
    let [latitude, longitude, altitude] = words;
    print_angle(out, latitude - MIDDLE, 90, ['N', 'S'])?;
    print_angle(out, longitude - MIDDLE, 180, ['E', 'W'])?;
    let altitude = altitude - BELOW;
    let sign = if altitude < 0 { "-" } else { "" };
    push(
        out,
        format_args!("{sign}{}.{:02}m", altitude.abs() / 100, altitude.abs() % 100),
    );
    for size in sizes {
        let (base, exponent) = (i64::from(size >> 4), u32::from(size & 15));
        if base > 9 || exponent > 9 || (base == 0 && exponent > 0) {
            return Err(format!("{size:#04x} is no size (RFC 1876, 2)"));
        }
        let centimetres = base * 10i64.pow(exponent);
        push(
            out,
            format_args!(" {}.{:02}m", centimetres / 100, centimetres % 100),
        );
    }
    Ok(())
}

/// Degrees, minutes, seconds and hemisphere, as they stand on the wire.
fn angle(
    words: &[Word<'_>],
    at: &mut usize,
    label: &str,
    [plus, minus]: [&str; 2],
    max: i64,
) -> Result<i64, (usize, String)> {
    let mut parts = [0i64; 3];
    // Decimals of degrees, minutes, seconds, and their bounds in the unit of the last decimal.
    let bounds = [(0, max), (0, 59), (3, 59_999)];
    let names = ["degrees", "minutes", "seconds"];
    let mut read = 0;
    loop {
        let Some(word) = words.get(*at) else {
            return Err((*at, format!("the {label} ends without `{plus}` or `{minus}`")));
        };
        let text = word.as_plain().unwrap_or("");
        let east = text.eq_ignore_ascii_case(plus);
        if read > 0 && (east || text.eq_ignore_ascii_case(minus)) {
            let [degrees, minutes, seconds] = parts;
            let total = degrees * DEGREE + minutes * 60_000 + seconds;
            if total > max * DEGREE {
                return Err((*at, format!("the {label} is over {max} degrees")));
            }
            *at += 1;
            return Ok(if east { MIDDLE + total } else { MIDDLE - total });
        }
        let place = bounds.get(read).zip(names.get(read));
        let Some(((decimals, bound), name)) = place else {
            return Err((
                *at,
                format!(
                    "expected `{plus}` or `{minus}` behind the {label}, found {}",
                    word.shown()
                ),
            ));
        };
        let value = fixed(text, *decimals).filter(|value| value <= bound);
        let (Some(value), Some(part)) = (value, parts.get_mut(read)) else {
            let bound = if *decimals == 0 {
                bound.to_string()
            } else {
                "59.999".to_owned()
            };
            let or = if read == 0 {
                String::new()
            } else {
                format!(", or `{plus}` or `{minus}`")
            };
            return Err((
                *at,
                format!(
                    "expected the {label}'s {name} (0 to {bound}){or}, found {}",
                    word.shown()
                ),
            ));
        };
        *part = value;
        read += 1;
        *at += 1;
    }
}

fn print_angle(out: &mut String, value: i64, max: i64, [plus, minus]: [char; 2]) -> Result<(), String> {
    let size = value.abs();
    if size > max * DEGREE {
        return Err(format!("an angle is over {max} degrees"));
    }
    let side = if value < 0 { minus } else { plus };
    let (degrees, minutes, thousandths) = (size / DEGREE, size / 60_000 % 60, size % 60_000);
    push(
        out,
        format_args!(
            "{degrees} {minutes} {}.{:03} {side} ",
            thousandths / 1000,
            thousandths % 1000
        ),
    );
    Ok(())
}

fn altitude_of(text: &str) -> Option<i64> {
    let text = text.strip_suffix(['m', 'M']).unwrap_or(text);
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let wire = sign * fixed(digits, 2)? + BELOW;
    (0..=i64::from(u32::MAX)).contains(&wire).then_some(wire)
}

/// A decimal number with at most so many decimals, in the unit of the last one.
fn fixed(text: &str, decimals: usize) -> Option<i64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if decimals > 0 && (1..=decimals).contains(&fraction.len()) => {
            (whole, fraction)
        }
        Some(_) => return None,
        None => (text, ""),
    };
    let scale = 10u64.pow(u32::try_from(decimals).ok()?);
    let mut value = number(whole, 1 << 40)? * scale;
    if !fraction.is_empty() {
        let missing = u32::try_from(decimals.checked_sub(fraction.len())?).ok()?;
        value += number(fraction, scale)? * 10u64.pow(missing);
    }
    i64::try_from(value).ok()
}

/// One digit and a power of ten; further digits are cut, as RFC 1876, appendix A does.
fn pack(centimetres: i64) -> u8 {
    let (mut base, mut exponent) = (centimetres, 0u8);
    while base > 9 {
        base /= 10;
        exponent += 1;
    }
    u8::try_from(base).unwrap_or(9) << 4 | exponent
}
