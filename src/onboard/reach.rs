//! How a device reaches the server: host names, URLs and addresses, or why there is none.

use std::net::IpAddr;

use super::{DOH_PATH, Facts, HTTPS_PORT, PLAIN_PORT, Scope, TLS_PORT, Trust, Unfit, plain, quote};

/// Longest host name as text.
const MAX_HOST: usize = 253;
/// Longest name of a device that is shown.
const MAX_LABEL: usize = 64;

impl Facts {
    /// The server's host name.
    pub(super) fn host(&self) -> Result<String, Unfit> {
        let name = self.server.name.as_ref().ok_or(Unfit::NoName)?;
        plain(name.as_ref()).ok_or(Unfit::NoName)
    }

    /// The device's token, if it has one.
    fn token(&self) -> Result<Option<&str>, Unfit> {
        let Some(token) = self.device.token.as_deref() else {
            return Ok(None);
        };
        let is_label = (1..=63).contains(&token.len())
            && !token.starts_with('-')
            && token
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if is_label {
            Ok(Some(token))
        } else {
            Err(Unfit::Token)
        }
    }

    /// The host name that tells the device from others: `TOKEN.NAME`, or without a token the server's.
    pub(super) fn device_host(&self) -> Result<String, Unfit> {
        let host = self.host()?;
        match self.token()? {
            None => Ok(host),
            Some(token) if token.len() + 1 + host.len() > MAX_HOST => Err(Unfit::Token),
            Some(token) => Ok(format!("{token}.{host}")),
        }
    }

    /// The path of DNS over HTTPS, with the token in it.
    pub(super) fn doh_path(&self) -> Result<String, Unfit> {
        Ok(match self.token()? {
            None => DOH_PATH.to_owned(),
            Some(token) => format!("/d/{token}{DOH_PATH}"),
        })
    }

    /// The URL of DNS over HTTPS.
    pub(super) fn doh_url(&self) -> Result<String, Unfit> {
        let (port, host, path) = (self.https_port()?, self.host()?, self.doh_path()?);
        let port = behind(port, HTTPS_PORT);
        Ok(format!("https://{host}{port}{path}"))
    }

    /// Host and port of DNS over TLS; the port only where it is not the usual one.
    pub(super) fn dot(&self) -> Result<String, Unfit> {
        let port = self.tls_port()?;
        Ok(self.device_host()? + &behind(port, TLS_PORT))
    }

    /// Host and port of DNS over QUIC; the port only where it is not the usual one.
    pub(super) fn doq(&self) -> Result<String, Unfit> {
        let port = self.server.ports.quic.ok_or(Unfit::NoListener("DNS over QUIC"))?;
        Ok(self.device_host()? + &behind(port, TLS_PORT))
    }

    pub(super) fn https_port(&self) -> Result<u16, Unfit> {
        self.server.ports.https.ok_or(Unfit::NoListener("DNS over HTTPS"))
    }

    pub(super) fn tls_port(&self) -> Result<u16, Unfit> {
        self.server.ports.tls.ok_or(Unfit::NoListener("DNS over TLS"))
    }

    pub(super) fn plain_port(&self) -> Result<u16, Unfit> {
        self.server.ports.plain.ok_or(Unfit::NoListener("plain DNS"))
    }

    /// The addresses, at least one.
    pub(super) fn addresses(&self) -> Result<&[IpAddr], Unfit> {
        match self.server.addresses.as_slice() {
            [] => Err(Unfit::NoAddress),
            some => Ok(some),
        }
    }

    /// The zones for which the device is to ask us; none where it is to ask for everything.
    pub(super) fn wanted_zones(&self) -> Result<Option<Vec<String>>, Unfit> {
        if self.device.scope == Scope::Everything {
            return Ok(None);
        }
        let zones = self.server.plain_zones();
        if zones.is_empty() {
            Err(Unfit::NoZones)
        } else {
            Ok(Some(zones))
        }
    }

    /// The same for a client that can ask for some names only.
    pub(super) fn zones_only(&self) -> Result<Vec<String>, Unfit> {
        self.wanted_zones()?.ok_or(Unfit::ZonesOnly)
    }

    /// The certificate of our own authority, where there is one, or none for a public one.
    pub(super) fn authority(&self) -> Result<Option<&[u8]>, Unfit> {
        match &self.server.trust {
            Trust::Public => Ok(None),
            Trust::Own(der) => Ok(Some(der)),
            Trust::None => Err(Unfit::NoCertificate),
        }
    }

    /// Nothing where everybody believes the certificate.
    pub(super) fn public_certificate(&self) -> Result<(), Unfit> {
        match self.authority()? {
            None => Ok(()),
            Some(_) => Err(Unfit::NeedsPublicCertificate),
        }
    }

    /// What belongs together: the server's name, or where it has none its first zone. Plain.
    pub(super) fn group(&self) -> String {
        let zone = || self.server.plain_zones().into_iter().next();
        self.host()
            .ok()
            .or_else(zone)
            .unwrap_or_else(|| "home".to_owned())
    }

    /// The device's name without what no screen shows, and not too long.
    pub(super) fn label(&self) -> String {
        let shown = self.device.name.chars().filter(|c| !c.is_control());
        shown.take(MAX_LABEL).collect()
    }

    /// A file name for this device.
    pub(super) fn file(&self, ending: &str) -> String {
        match quote::slug(&self.device.name).as_str() {
            "" => format!("hearthdns{ending}"),
            slug => format!("hearthdns-{slug}{ending}"),
        }
    }
}

/// `:PORT`, or nothing for the usual one.
fn behind(port: u16, usual: u16) -> String {
    if port == usual {
        String::new()
    } else {
        format!(":{port}")
    }
}

/// An address with its port, where that is not the usual one.
pub(super) fn plain_address(ip: IpAddr, port: u16) -> String {
    if port == PLAIN_PORT {
        ip.to_string()
    } else {
        std::net::SocketAddr::new(ip, port).to_string()
    }
}
