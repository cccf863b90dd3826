//! What people write on a command line: which zone a name lies in, and until when.
//!
//! A name with a closing dot is absolute; so is one that lies at or below a zone that is there. Every other
//! name is relative to the zone that is named, or to the only one. The zone of an absolute name is the
//! longest one that contains it.

use crate::config::nearest;
use crate::message::{Name, Rtype};
use crate::zone::{master, rdata};

use super::{Store, StoreError, ZoneKey};

/// Most zones that a message lists.
const LISTED: usize = 12;

impl Store {
    /// The zone and the absolute name that the words `name`, `--zone` and `--view` mean.
    ///
    /// # Errors
    /// [`StoreError::BadWord`], [`StoreError::NotFound`], with the ways out.
    pub fn resolve(
        &self,
        name: &str,
        zone: Option<&str>,
        view: Option<&str>,
    ) -> Result<(ZoneKey, Name), StoreError> {
        let within = zone.map(|zone| self.zone_named(zone, view)).transpose()?;
        if within.is_none() {
            self.view_named(view)?;
        }
        let mut escaped = false;
        let dotted = name.chars().fold(false, |_, c| {
            let closing = c == '.' && !escaped;
            escaped = c == '\\' && !escaped;
            closing
        });
        let bad = |error| StoreError::BadWord(format!("the name `{name}` is not valid: {error}"));
        let absolute = if name == "@" {
            None
        } else {
            Some(Name::parse(name, None).map_err(bad)?)
        };
        let somewhere = |name: &Name| {
            self.zones
                .keys()
                .any(|key| name.as_ref().is_at_or_below(key.origin.as_ref()))
        };
        if let Some(absolute) = absolute.filter(|name| dotted || somewhere(name)) {
            let key = match within {
                Some(key) if absolute.as_ref().is_at_or_below(key.origin.as_ref()) => key,
                Some(key) => {
                    let message = format!("`{absolute}` does not lie in the zone {key}");
                    return Err(StoreError::BadWord(message));
                }
                None => self.zone_of(&absolute, view)?,
            };
            return Ok((key, absolute));
        }
        let key = match within {
            Some(key) => key,
            None => self.only_zone(name, view)?,
        };
        let absolute = Name::parse(name, Some(key.origin.as_ref())).map_err(bad)?;
        Ok((key, absolute))
    }

    /// The zone of this name.
    ///
    /// # Errors
    /// [`StoreError::BadWord`] for a text that is no name, [`StoreError::NotFound`] with the nearest zone.
    pub fn zone_named(&self, zone: &str, view: Option<&str>) -> Result<ZoneKey, StoreError> {
        let key = self.new_key(zone, view)?;
        if self.zones.contains_key(&key) {
            return Ok(key);
        }
        let known = self.names_in(view);
        let stem = key.stem();
        let near = nearest(&stem, &known.iter().map(String::as_str).collect::<Vec<_>>())
            .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let flag = super::load::view_flag(&key);
        let list = if known.is_empty() {
            "there is none yet".to_owned()
        } else {
            format!("there are: {}", shown(&known))
        };
        Err(StoreError::NotFound(format!(
            "there is no zone {key}{near} ({list}); add it with `dnsctl add-zone {stem}{flag}`, or reload if its file is new"
        )))
    }

    /// The key that a zone of this name has or would have.
    pub(super) fn new_key(&self, zone: &str, view: Option<&str>) -> Result<ZoneKey, StoreError> {
        self.view_named(view)?;
        let name: Name = zone
            .parse()
            .map_err(|error| StoreError::BadWord(format!("the zone name `{zone}` is not valid: {error}")))?;
        if name.as_ref().is_root() {
            return Err(StoreError::BadWord(
                "the root cannot be a zone here; name a domain".to_owned(),
            ));
        }
        Ok(ZoneKey::new(view, &name))
    }

    /// Checks that a view is one of the configuration's.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] with the nearest one.
    pub fn view_named(&self, view: Option<&str>) -> Result<(), StoreError> {
        let Some(view) = view.filter(|view| !self.has_view(view)) else {
            return Ok(());
        };
        let known: Vec<&str> = self
            .settings
            .views
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let near = nearest(view, &known).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let list = if known.is_empty() {
            "the configuration names none".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        Err(StoreError::NotFound(format!(
            "there is no view `{}`{near} ({list})",
            view.escape_debug()
        )))
    }

    /// The longest zone that contains an absolute name.
    fn zone_of(&self, name: &Name, view: Option<&str>) -> Result<ZoneKey, StoreError> {
        let find = |view: Option<&str>| {
            name.as_ref().ancestors().find_map(|above| {
                let key = ZoneKey {
                    view: view.map(str::to_owned),
                    origin: above.to_lowercase(),
                };
                self.zones.contains_key(&key).then_some(key)
            })
        };
        if let Some(key) = find(view) {
            return Ok(key);
        }
        if let (Some(view), Some(base)) = (view, find(None)) {
            let stem = base.stem();
            return Err(StoreError::NotFound(format!(
                "the view `{view}` has no zone that contains `{name}`; add one with `dnsctl add-zone {stem} --view {view}`"
            )));
        }
        let known = self.names_in(view);
        if known.is_empty() {
            return Err(no_zone(view));
        }
        Err(StoreError::NotFound(format!(
            "no zone contains `{name}` (there are: {}); leave out the closing dot if the name is relative to a zone, or add its zone with `dnsctl add-zone`",
            shown(&known)
        )))
    }

    /// The only zone there is, for a name that says none.
    fn only_zone(&self, name: &str, view: Option<&str>) -> Result<ZoneKey, StoreError> {
        let mut keys = self.zones.keys().filter(|key| key.view.as_deref() == view);
        match (keys.next(), keys.next()) {
            (Some(only), None) => Ok(only.clone()),
            (None, _) => Err(no_zone(view)),
            (Some(first), Some(_)) => {
                let stem = first.stem();
                let full = if name == "@" {
                    stem.clone()
                } else {
                    format!("{name}.{stem}")
                };
                Err(StoreError::BadWord(format!(
                    "`{name}` could lie in any of these zones: {}; write the whole name (`{full}`), or say which with --zone {stem}",
                    shown(&self.names_in(view))
                )))
            }
        }
    }

    fn names_in(&self, view: Option<&str>) -> Vec<String> {
        self.zones
            .keys()
            .filter(|key| key.view.as_deref() == view)
            .map(ZoneKey::stem)
            .collect()
    }
}

/// Reads a record type.
///
/// # Errors
/// [`StoreError::BadWord`], with what may have been meant.
pub fn rtype(text: &str) -> Result<Rtype, StoreError> {
    let hint = match text.to_ascii_uppercase().as_str() {
        "ALIAS" | "ANAME" => "; an alias at the apex is written as HTTPS or as the addresses themselves",
        "IP" | "IPV4" | "IP4" => "; an IPv4 address has the type A",
        "IPV6" | "IP6" => "; an IPv6 address has the type AAAA",
        _ if text.parse::<std::net::IpAddr>().is_ok() => "; the type stands before the data: NAME TYPE RDATA",
        _ => "; an unknown one is written as TYPE12345",
    };
    text.parse()
        .map_err(|error| StoreError::BadWord(format!("{error}{hint}")))
}

/// Reads when a record is to cease: a date as in a zone file, or a time from `now` such as `30d` or `12h`.
///
/// # Errors
/// [`StoreError::BadWord`] for a text that is neither, for a time that is past, and for a time from now where `now` is of a
/// clock that is not set ([`master::civil::CLOCK_FLOOR`]): the record would cease the moment it is.
pub fn expiry(text: &str, now: u64) -> Result<u64, StoreError> {
    let from_now = || {
        // A bare number says no unit: seconds are hardly meant.
        let unit = text.ends_with(|c: char| c.is_ascii_alphabetic());
        rdata::read_seconds(text)
            .filter(|_| unit)
            .and_then(|seconds| now.checked_add(seconds))
    };
    let at = master::civil::read_time(text).or_else(from_now).ok_or_else(|| {
        StoreError::BadWord(format!(
            "`{text}` is no time to expire; write a date (2027-01-01), a time in UTC (2027-01-01T12:30:00Z), or how long from now (30d, 12h)"
        ))
    })?;
    if now <= master::civil::CLOCK_FLOOR && master::civil::read_time(text).is_none() {
        let message = format!(
            "the clock of this host is not set yet, so nobody can tell what `{text}` from now is; set it, or write a date \
             (2027-01-01)"
        );
        return Err(StoreError::BadWord(message));
    }
    if at <= now {
        let message = format!(
            "`{text}` is past ({}); the record would never be served",
            master::civil::write_time(at)
        );
        return Err(StoreError::BadWord(message));
    }
    Ok(at.min(master::civil::MAX_TIME))
}

fn no_zone(view: Option<&str>) -> StoreError {
    let (whose, flag) = view.map_or((String::new(), String::new()), |view| {
        (format!(" in the view `{view}`"), format!(" --view {view}"))
    });
    StoreError::NotFound(format!(
        "there is no zone{whose} yet; add one with `dnsctl add-zone DOMAIN{flag}`"
    ))
}

/// A list for a message, cut where it is long.
fn shown(names: &[String]) -> String {
    let mut list = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        list.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    list
}
