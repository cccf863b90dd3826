//! When the authority would have a certificate renewed (ACME Renewal Information, RFC 9773).
//!
//! An authority that has to revoke certificates, or wants to spread its load, suggests a window of time. A moment in it
//! is chosen here, and takes the place of our own rule ([`super::super::plan`]); where nothing can be used of what comes,
//! our own rule stays. What asks is `orders`.

use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::super::read::Facts;
use super::client::{self, Call, Method, Reply, Web, printable};
use crate::config::limits;
use crate::upstream::der::{self, SEQUENCE, element};
use crate::zone::master::civil::read_time;

/// authorityKeyIdentifier (RFC 5280, 4.2.1.1), and its field `keyIdentifier`.
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 0x23];
const KEY_IDENTIFIER: u8 = 0x80;
/// Longest text of a time.
const MOMENT: usize = limits::ACME_MOMENT.default_usize();

/// What an authority calls a certificate (RFC 9773, 4.1); none where it does not say who signed it.
#[must_use]
pub fn identifier(certificate: &[u8]) -> Option<String> {
    let (_, fields, _) = element(der::extension(certificate, AUTHORITY_KEY)?, SEQUENCE)?;
    let (_, key, _) = element(fields, KEY_IDENTIFIER)?;
    let serial = der::serial(certificate)?;
    if key.is_empty() || serial.is_empty() {
        return None;
    }
    let [key, serial] = [key, serial].map(|part| BASE64URL_NOPAD.encode(part));
    Some(format!("{key}.{serial}"))
}

/// From when until when, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its first second.
    pub from: u64,
    /// The first second behind it.
    pub until: u64,
}

impl Window {
    /// A window that can be followed for this certificate: it has a length (RFC 9773, 4.2), and is over before the
    /// certificate is.
    pub(super) fn checked(self, facts: &Facts) -> Result<Self, String> {
        if self.until <= self.from {
            return Err("it suggests a time that ends before it begins".to_owned());
        }
        if self.until > facts.until {
            return Err("it suggests a time when the certificate is over".to_owned());
        }
        Ok(self)
    }

    /// The moment for this certificate. By chance, so that not all come at once, and always the same, so that looking
    /// again and again brings none nearer: serial numbers are by chance (RFC 5280, 4.1.2.2 and its practice).
    #[must_use]
    pub fn moment(self, identifier: &str) -> u64 {
        let sum = digest(&SHA256, identifier.as_bytes());
        let dice = sum
            .as_ref()
            .iter()
            .take(8)
            .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        let length = self.until.saturating_sub(self.from).max(1);
        self.from.saturating_add(dice % length)
    }
}

/// What an authority says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// When, looked at already.
    pub window: Window,
    /// A page that says why, as text that can be shown; often there is none.
    pub explained: String,
    /// Seconds after which it wants to be asked again.
    pub again: Option<u64>,
}

/// Why there is no suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// In words.
    pub message: String,
    /// Whether it may pass soon: nobody answered, or a server that is not well (RFC 9773, 4.3.3).
    pub may_pass: bool,
    /// Seconds for which the server wants to be left alone.
    pub again: Option<u64>,
}

impl Silence {
    fn of(message: String, may_pass: bool, again: Option<u64>) -> Self {
        Silence {
            message,
            may_pass,
            again,
        }
    }
}

/// Asks when to renew the certificate that is called so and says this; none where the authority does not say such things.
///
/// # Errors
/// Nobody answered, or not what can be followed.
pub async fn ask(
    web: &impl Web,
    directory: &str,
    identifier: &str,
    facts: &Facts,
) -> Result<Option<Suggestion>, Silence> {
    let listed = get(web, directory).await?;
    let listed = read(directory, &listed)?;
    let Some(place) = listed["renewalInfo"].as_str() else {
        return Ok(None);
    };
    let url = format!("{}/{identifier}", place.trim_end_matches('/'));
    let reply = get(web, &url).await?;
    let value = read(&url, &reply)?;
    let odd = |what: String| Silence::of(format!("{}: {what}", printable(&url)), false, None);
    let window = window(&value).ok_or_else(|| odd("it suggests no time that can be read".to_owned()))?;
    Ok(Some(Suggestion {
        window: window.checked(facts).map_err(odd)?,
        explained: value["explanationURL"]
            .as_str()
            .map(printable)
            .unwrap_or_default(),
        again: reply.retry_after,
    }))
}

async fn get(web: &impl Web, url: &str) -> Result<Reply, Silence> {
    let call = Call {
        url,
        method: Method::Get,
    };
    web.send(call)
        .await
        .map_err(|message| Silence::of(message, true, None))
}

fn read(url: &str, reply: &Reply) -> Result<Value, Silence> {
    let may_pass = reply.status >= 500 || reply.status == 429;
    client::read(url, reply).map_err(|trouble| Silence::of(trouble.message, may_pass, trouble.retry_after))
}

/// The window in a RenewalInfo object (RFC 9773, 4.2), looked at by nobody yet.
fn window(value: &Value) -> Option<Window> {
    let time = |name: &str| moment(value["suggestedWindow"][name].as_str()?);
    Some(Window {
        from: time("start")?,
        until: time("end")?,
    })
}

/// A time of RFC 3339 in Unix seconds; parts of seconds are left out.
fn moment(text: &str) -> Option<u64> {
    if text.len() > MOMENT {
        return None;
    }
    let (date, rest) = text.split_at_checked("2027-01-01T00:00:00".len())?;
    let utc = read_time(&format!("{}Z", date.to_ascii_uppercase()))?;
    let rest = match rest.strip_prefix('.') {
        Some(parts) => {
            let behind = parts.trim_start_matches(|c: char| c.is_ascii_digit());
            (behind.len() < parts.len()).then_some(behind)?
        }
        None => rest,
    };
    if matches!(rest, "Z" | "z") {
        return Some(utc);
    }
    let (sign, offset) = rest.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':')?;
    let part = |text: &str, most: u64| {
        let is_one = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_one
            .then(|| text.parse::<u64>().ok())?
            .filter(|part| *part <= most)
    };
    let offset = part(hours, 23)? * 3600 + part(minutes, 59)? * 60;
    match sign {
        "+" => utc.checked_sub(offset),
        "-" => utc.checked_add(offset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The first second of 2027.
    const NOW: u64 = 1_798_761_600;

    #[test]
    fn rfc9773_s4_1_a_certificate_is_called_by_its_authority_s_key_and_its_serial_number() {
        // Keys and numbers of the RFC's own example.
        let key = [
            0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b, 0xa0, 0xae, 0x2c,
            0xde, 0x01, 0xc8, 0xd4,
        ];
        let issuer_key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(key.to_vec());
        let issuer = rcgen::Issuer::new(authority, issuer_key);
        let mut params = rcgen::CertificateParams::new(vec!["dns.example".to_owned()]).unwrap();
        params.use_authority_key_identifier_extension = true;
        // The leading zero, which a number with this first bit must have, is a part of it.
        params.serial_number = Some(vec![0x87, 0x65, 0x43, 0x21].into());
        let own = rcgen::KeyPair::generate().unwrap();
        let leaf = params.signed_by(&own, &issuer).unwrap();
        assert_eq!(
            identifier(leaf.der()).as_deref(),
            Some("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
        );
        params.use_authority_key_identifier_extension = false;
        let nameless = params.signed_by(&own, &issuer).unwrap();
        assert_eq!(identifier(nameless.der()), None);
        for length in 0..leaf.der().len() {
            let _ = identifier(&leaf.der()[..length]);
        }
    }

    #[test]
    fn rfc3339_s5_6_times_are_read_in_every_form() {
        for (text, expected) in [
            ("2027-01-01T00:00:00Z", Some(NOW)),
            ("2027-01-01t00:00:00z", Some(NOW)),
            ("2027-01-01T00:00:00.123456789Z", Some(NOW)),
            ("2027-01-01T02:30:00+02:30", Some(NOW)),
            ("2026-12-31T19:00:00.5-05:00", Some(NOW)),
            ("2027-01-01T00:00:00", None),
            ("2027-01-01", None),
            ("2027-01-01T00:00:00.Z", None),
            ("2027-01-01T00:00:00+24:00", None),
            ("2027-01-01T00:00:00+01:60", None),
            ("2027-01-01T00:00:00+1:00", None),
            ("2027-01-01T00:00:00+0100", None),
            ("2027-01-01T00:00:00*01:00", None),
            ("2027-01-01T00:00:00++1:00", None),
            ("2027-02-29T00:00:00Z", None),
            ("1970-01-01T00:00:00+01:00", None),
            ("2027-01-01T00:00:0\u{e4}", None),
            ("", None),
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
        assert_eq!(moment(&format!("2027-01-01T00:00:00.{}Z", "0".repeat(40))), None);
    }

    #[test]
    fn a_window_must_have_a_length_and_be_over_before_the_certificate_is() {
        let facts = Facts {
            names: Vec::new(),
            addresses: Vec::new(),
            from: NOW,
            until: NOW + 100,
            issuer: String::new(),
            subject: String::new(),
        };
        let of = |from, until| {
            Window {
                from: NOW + from,
                until: NOW + until,
            }
            .checked(&facts)
            .map_err(|why| why.rsplit(' ').next().unwrap_or_default().to_owned())
            .map(|_| ())
        };
        assert_eq!(of(0, 1), Ok(()));
        assert_eq!(of(99, 100), Ok(()));
        assert_eq!(of(5, 5), Err("begins".to_owned()));
        assert_eq!(of(5, 4), Err("begins".to_owned()));
        assert_eq!(of(5, 101), Err("over".to_owned()));
    }

    #[test]
    fn moments_are_spread_over_the_window_and_stay() {
        let window = Window {
            from: NOW,
            until: NOW + 1000,
        };
        let moments: Vec<u64> = (0..1000)
            .map(|n| window.moment(&format!("key.{n}")) - NOW)
            .collect();
        assert!(moments.iter().all(|moment| *moment < 1000));
        // Each tenth of the window gets its share.
        for tenth in 0..10 {
            let share = moments.iter().filter(|moment| **moment / 100 == tenth).count();
            assert!((60..=140).contains(&share), "{tenth}: {share}");
        }
        assert_eq!(window.moment("key.1"), window.moment("key.1"));
        let last = Window {
            from: u64::MAX - 1,
            until: u64::MAX,
        };
        assert_eq!(last.moment("x"), u64::MAX - 1);
    }

    #[test]
    fn what_is_no_window_is_none() {
        for value in [
            json!({}),
            json!({"suggestedWindow": []}),
            json!({"suggestedWindow": {"start": "2027-01-01T00:00:00Z"}}),
            json!({"suggestedWindow": {"start": 1, "end": 2}}),
        ] {
            assert_eq!(window(&value), None, "{value}");
        }
    }
}
