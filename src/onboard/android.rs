//! Android: the host name for Private DNS, and a link for the app AdGuard.
//!
//! Private DNS is DNS over TLS at port 853 with a certificate of a public authority: authorities that a user adds do not
//! count, and no web page can set it. Both send every name to us, whatever the scope of the device says, so whoever shows
//! this must say so, and not show it where the listener answers our zones only. Private DNS also fails closed where the
//! server cannot be reached: it is for servers that the internet reaches. What cannot be is said with its reason.

use super::quote::url;
use super::{Artefact, Facts, TLS_PORT, Unfit};

/// The host name to paste under Private DNS.
///
/// # Errors
/// [`Unfit::NeedsPublicCertificate`] and what else is missing, or a port that Android does not ask.
pub fn private_dns(facts: &Facts) -> Result<String, Unfit> {
    facts.public_certificate()?;
    let port = facts.tls_port()?;
    if port != TLS_PORT {
        return Err(Unfit::Port {
            of: "DNS over TLS",
            is: port,
            must: TLS_PORT,
        });
    }
    facts.device_host()
}

/// The link that adds the server in AdGuard, over HTTPS where that can be, else over TLS or QUIC.
///
/// # Errors
/// As for [`private_dns`].
pub fn adguard(facts: &Facts) -> Result<String, Unfit> {
    facts.public_certificate()?;
    let address = facts
        .doh_url()
        .or_else(|_| facts.dot().map(|host| format!("tls://{host}")))
        .or_else(|_| facts.doq().map(|host| format!("quic://{host}")))?;
    Ok(format!(
        "adguard:add_dns_server?address={}&name={}",
        url(&address),
        url(&facts.group())
    ))
}

/// A line as a file.
pub(super) fn text(facts: &Facts, line: &str) -> Artefact {
    Artefact {
        file: facts.file(".txt"),
        media_type: "text/plain; charset=utf-8",
        bytes: format!("{line}\n").into_bytes(),
    }
}
