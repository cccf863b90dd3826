//! Civil dates and Unix time, exact and without a clock or a time zone: all is UTC.
//!
//! People write `expires=2027-01-01`, RRSIG writes `20270101000000`, records hold seconds since 1970.

const DAY: u64 = 86_400;

/// Unix time before which a clock is wrong: 2026-01-01, when this program did not exist. A router without a battery
/// starts at the time of its firmware, or in 1970.
pub const CLOCK_FLOOR: u64 = 1_767_225_600;

/// The last second that a date here can name: 9999-12-31T23:59:59Z.
pub const MAX_TIME: u64 = 253_402_300_799;

/// Reads `2027-01-01` (00:00 UTC) or `2027-01-01T12:30:00Z` as seconds since 1970; `None` if the text is
/// neither, names no real day, or lies before 1970.
#[must_use]
pub fn read_time(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let (date, time) = bytes.split_at_checked(10)?;
    let &[a, b, c, d, b'-', e, f, b'-', g, h] = date else {
        return None;
    };
    let day = days(digits(&[a, b, c, d])?, digits(&[e, f])?, digits(&[g, h])?)?;
    let seconds = match *time {
        [] => 0,
        [b'T', a, b, b':', c, d, b':', e, f, b'Z'] => {
            clock(digits(&[a, b])?, digits(&[c, d])?, digits(&[e, f])?)?
        }
        _ => return None,
    };
    Some(day * DAY + seconds)
}

/// Writes seconds since 1970 so that [`read_time`] reads them back: the date alone where it is midnight.
/// What lies behind [`MAX_TIME`] is written as that.
#[must_use]
pub fn write_time(seconds: u64) -> String {
    let seconds = seconds.min(MAX_TIME);
    let mut text = write_second(seconds);
    if seconds.is_multiple_of(DAY) {
        text.truncate(10);
    }
    text
}

/// The same with the time of day also where it is midnight, so that all are equally long.
#[must_use]
pub fn write_second(seconds: u64) -> String {
    let seconds = seconds.min(MAX_TIME);
    let (year, month, day) = date(seconds / DAY);
    let rest = seconds % DAY;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads YYYYMMDDHHmmSS (RFC 4034, 3.2).
pub(in crate::zone) fn read_stamp(text: &str) -> Option<u64> {
    let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n] = text.as_bytes() else {
        return None;
    };
    let day = days(digits(&[a, b, c, d])?, digits(&[e, f])?, digits(&[g, h])?)?;
    Some(day * DAY + clock(digits(&[i, j])?, digits(&[k, l])?, digits(&[m, n])?)?)
}

/// Writes YYYYMMDDHHmmSS.
#[must_use]
pub fn write_stamp(seconds: u64) -> String {
    let seconds = seconds.min(MAX_TIME);
    let (year, month, day) = date(seconds / DAY);
    let rest = seconds % DAY;
    format!(
        "{year:04}{month:02}{day:02}{:02}{:02}{:02}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0'))
    })
}

fn clock(hour: u64, minute: u64, second: u64) -> Option<u64> {
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn month_len(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Leap days in the years before `year`, counted from year 1.
fn leap_days_before(year: u64) -> u64 {
    let past = year.saturating_sub(1);
    past / 4 - past / 100 + past / 400
}

/// Days from 1970-01-01 to the first of January.
fn year_start(year: u64) -> u64 {
    (year - 1970) * 365 + leap_days_before(year) - leap_days_before(1970)
}

/// Days since 1970-01-01; `None` if there is no such day.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || day == 0
        || day > month_len(year, month)
    {
        return None;
    }
    let months: u64 = (1..month).map(|month| month_len(year, month)).sum();
    Some(year_start(year) + months + day - 1)
}

/// Year, month and day of a number of days since 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Never too late a year, for 365 days are the shortest; at most seven steps too early up to the year 9999.
    let mut year = 1970 + days / 366;
    while year_start(year + 1) <= days {
        year += 1;
    }
    let mut rest = days - year_start(year);
    let mut month = 1;
    while rest >= month_len(year, month) {
        rest -= month_len(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        let cases = [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:01Z", 1),
            ("2000-02-29", 951_782_400),
            ("2027-01-01", 1_798_761_600),
            ("2027-01-01T12:30:00Z", 1_798_806_600),
            ("9999-12-31T23:59:59Z", MAX_TIME),
        ];
        for (text, seconds) in cases {
            assert_eq!(read_time(text), Some(seconds), "{text}");
            assert_eq!(write_time(seconds), text);
        }
        assert_eq!(write_time(u64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(read_time("2027-01-01T00:00:00Z"), read_time("2027-01-01"));
        assert_eq!(read_stamp("20270101123000"), Some(1_798_806_600));
        assert_eq!(write_stamp(1_798_806_600), "20270101123000");
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for bad in [
            "",
            "2027",
            "2027-13-01",
            "2027-00-01",
            "2027-02-29",
            "2100-02-29",
            "2027-04-31",
            "2027-01-00",
            "1969-12-31",
            "2027-1-1",
            "2027-01-01 ",
            "2027-01-01T24:00:00Z",
            "2027-01-01T12:30Z",
            "2027-01-01T12:30:60Z",
            "2027-01-01T12:30:00",
            "20270101",
            "2027-01-01T12:30:00z",
            "+027-01-01",
            "2027-01-\u{661}1",
        ] {
            assert_eq!(read_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_day_comes_back() {
        for day in 0..=MAX_TIME / DAY {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), Some(day));
        }
    }
}
