//! Firefox and Chrome, which may have a resolver of their own.
//!
//! Neither can ask one server for some names and another for the rest. Where all names are wanted they are told to ask us.
//! Where only our zones are, Firefox is told to leave those to the system, which knows whom to ask; Chrome needs nothing.

use super::quote::{json, json_list};
use super::{Artefact, Facts, Unfit};

/// Where Firefox for Linux looks for certificates that a policy names.
pub const FIREFOX_AUTHORITY: &str = "hearthdns-authority.crt";

/// `policies.json` for Firefox.
///
/// # Errors
/// What is missing.
pub fn firefox(facts: &Facts) -> Result<Artefact, Unfit> {
    let policies = match facts.wanted_zones()? {
        Some(zones) => format!("\"DNSOverHTTPS\":{{\"ExcludedDomains\":{}}}", json_list(&zones)),
        None => {
            let authority = match facts.authority()? {
                Some(_) => format!("\"Certificates\":{{\"Install\":[{}]}},", json(FIREFOX_AUTHORITY)),
                None => String::new(),
            };
            // In its strictest mode Firefox would drop private addresses that come this way.
            format!(
                "{authority}\"DNSOverHTTPS\":{{\"Enabled\":true,\"ProviderURL\":{},\"Fallback\":true}},\
                 \"Preferences\":{{\"network.trr.allow-rfc1918\":{{\"Value\":true,\"Status\":\"default\"}}}}",
                json(&facts.doh_url()?)
            )
        }
    };
    Ok(Artefact {
        file: "policies.json".to_owned(),
        media_type: "application/json",
        bytes: format!("{{\"policies\":{{{policies}}}}}\n").into_bytes(),
    })
}

/// The template for Chrome's own settings: with the server's addresses, so that its name need not be found first.
///
/// # Errors
/// What is missing; [`Unfit::AllNamesOnly`].
pub fn chrome(facts: &Facts) -> Result<String, Unfit> {
    if facts.wanted_zones()?.is_some() {
        return Err(Unfit::AllNamesOnly);
    }
    facts.authority()?;
    let ips = facts.addresses()?.iter().map(ToString::to_string);
    Ok(format!(
        "{{\"servers\":[{{\"template\":{},\"endpoints\":[{{\"ips\":{}}}]}}]}}",
        json(&facts.doh_url()?),
        json_list(ips)
    ))
}

/// A policy for Chrome and Chromium, as a file in their folder of managed policies.
///
/// # Errors
/// As for [`chrome`].
pub fn chrome_policy(facts: &Facts) -> Result<Artefact, Unfit> {
    let templates = chrome(facts)?;
    let authority = match facts.authority()? {
        Some(der) => format!(",\"CACertificates\":[\"{}\"]", data_encoding::BASE64.encode(der)),
        None => String::new(),
    };
    Ok(Artefact {
        file: "hearthdns.json".to_owned(),
        media_type: "application/json",
        bytes: format!(
            "{{\"DnsOverHttpsMode\":\"automatic\",\"DnsOverHttpsTemplates\":{}{authority}}}\n",
            json(&templates)
        )
        .into_bytes(),
    })
}
