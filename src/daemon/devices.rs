//! Devices and invites, as `dnsctl` asks for them, and when what was seen of devices goes to disk.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use super::presence::Presence;
use super::{host_name, unix_now};
use crate::clock::Clock;
use crate::config::listen::DOH_PATH;
use crate::config::{Config, ListenScheme, ListenUrl, Scheme, limits};
use crate::control::types::{
    Answer, Code, DeviceState, DeviceStatus, Devices as Listing, Failure, Invite, Invited, Request, Revoked,
};
use crate::device::claim::PATH;
use crate::device::file::scope_word;
use crate::device::{Bearer, Terms, Token};
use crate::store::devices::{Devices, Listed, Moment};
use crate::zone::master::civil::write_time;

/// How often what was seen is written.
const SAVE: Duration = limits::DEVICES_SEEN.default_time();

/// What requests about devices are carried out with.
pub(super) struct Guests {
    devices: Arc<Devices>,
    /// The server's host name.
    name: Option<String>,
    /// Where it listens, with the real ports.
    listeners: Vec<ListenUrl>,
    presence: Arc<Presence>,
    clock: Arc<Clock>,
    /// Whether what was seen is written at all.
    keep_seen: bool,
    started: Instant,
}

impl Guests {
    pub(super) fn new(
        devices: Arc<Devices>,
        config: &Config,
        listeners: Vec<ListenUrl>,
        presence: Arc<Presence>,
        clock: Arc<Clock>,
        started: Instant,
    ) -> Self {
        Guests {
            devices,
            name: config.name.as_ref().map(host_name),
            listeners,
            presence,
            clock,
            keep_seen: config.keep_seen,
            started,
        }
    }

    /// The devices themselves.
    pub(super) fn devices(&self) -> Arc<Devices> {
        Arc::clone(&self.devices)
    }

    /// Carries out a request about devices; none for any other.
    pub(super) fn execute(&self, request: &Request) -> Option<Result<Answer, Failure>> {
        Some(match request {
            Request::Invite(words) => self.invite(words).map(Answer::Invited),
            Request::Devices(_) => self.list().map(Answer::Devices),
            Request::Revoke(words) => {
                let revoked = self.devices.revoke(&words.name, unix_now());
                revoked.map_err(Failure::from).map(|()| {
                    info!("device {} revoked", words.name);
                    Answer::Revoked(Revoked {
                        name: words.name.clone(),
                    })
                })
            }
            _ => return None,
        })
    }

    fn invite(&self, words: &Invite) -> Result<Invited, Failure> {
        let terms = terms(words)?;
        let (made, device) = self.devices.invite(&words.name, terms, self.now().unix)?;
        // Neither code nor token: whoever reads the log is not invited.
        info!("device {} invited", device.name);
        Ok(Invited {
            name: device.name,
            new: made.is_new,
            scope: scope_word(device.scope).to_owned(),
            code: made.invite.code.to_string(),
            url: self.page(&made.invite.code.to_string()),
            expires: write_time(made.invite.expires),
            uses: made.invite.uses,
            token: device.token.to_string(),
            endpoints: self.endpoints(device.token),
            // Whoever knows the certificate says that.
            android: String::new(),
        })
    }

    fn list(&self) -> Result<Listing, Failure> {
        let status = |Listed { device, invites }: Listed| DeviceStatus {
            state: match (device.revoked, &device.seen) {
                (Some(_), _) => DeviceState::Revoked,
                (None, None) => DeviceState::Invited,
                (None, Some(_)) => DeviceState::Active,
            },
            name: device.name,
            scope: scope_word(device.scope).to_owned(),
            created: write_time(device.created),
            revoked: device.revoked.map(write_time),
            seen: device.seen.as_ref().map(|seen| write_time(seen.at)),
            transport: device.seen.map(|seen| seen.by),
            invites: invites as u64,
        };
        let listed = self.devices.list(self.now())?.into_iter();
        Ok(Listing {
            devices: listed.map(status).collect(),
        })
    }

    /// Who a device is when it asks.
    pub(super) fn bearer(&self, name: &str) -> Result<Bearer, Failure> {
        let (id, is_taken) = self.devices.find(name)?;
        Ok(if is_taken {
            Bearer::Device(id)
        } else {
            Bearer::Unknown
        })
    }

    /// Where the page of an invite is. For first contact a device knows neither our name nor who signs our certificate,
    /// so an address over plain HTTP is the surest, where there is such a listener; else the first HTTPS listener.
    fn page(&self, code: &str) -> Option<String> {
        let first = |scheme| self.listeners.iter().find(|url| url.scheme == scheme);
        let http = first(ListenScheme::Http).and_then(|url| Some((url, self.address(url)?)));
        if let Some((url, address)) = http {
            let host = match (address, url.addr.port()) {
                (IpAddr::V4(address), 80) => address.to_string(),
                (IpAddr::V6(address), 80) => format!("[{address}]"),
                (address, port) => SocketAddr::new(address, port).to_string(),
            };
            return Some(format!("http://{host}/i/{code}"));
        }
        let https = first(ListenScheme::Https)?;
        Some(format!("https://{}/i/{code}", self.authority(https, "")?))
    }

    /// An address at which devices of the house reach a listener.
    fn address(&self, url: &ListenUrl) -> Option<IpAddr> {
        let ip = url.addr.ip();
        if !ip.is_unspecified() {
            return Some(ip);
        }
        let addresses = self.presence.itself().addresses;
        addresses.into_iter().find(|own| own.is_ipv4() == ip.is_ipv4())
    }

    /// Where a device asks with its token.
    fn endpoints(&self, token: Token) -> Vec<String> {
        let mut found = Vec::new();
        for url in &self.listeners {
            let endpoint = match url.scheme {
                ListenScheme::Plain | ListenScheme::Http => None,
                ListenScheme::Https | ListenScheme::H3 => self
                    .authority(url, "")
                    .map(|authority| format!("https://{authority}{PATH}{token}{DOH_PATH}")),
                ListenScheme::Tls | ListenScheme::Quic => {
                    // An address has no names below it.
                    let named = self.name.as_ref();
                    let authority = named.and_then(|_| self.authority(url, &format!("{token}.")));
                    let word = url.scheme.scheme().map_or("", Scheme::as_str);
                    authority.map(|authority| format!("{word}://{authority}"))
                }
            };
            found.extend(endpoint.filter(|endpoint| !found.contains(endpoint)));
        }
        found
    }

    /// The server's name with the label in front, or the listener's address where it is one; with the port where that
    /// is not the scheme's own.
    fn authority(&self, url: &ListenUrl, label: &str) -> Option<String> {
        let (ip, port) = (url.addr.ip(), url.addr.port());
        let host = match &self.name {
            Some(name) => format!("{label}{name}"),
            None if ip.is_unspecified() => return None,
            None if ip.is_ipv6() => format!("[{ip}]"),
            None => ip.to_string(),
        };
        let usual = url.scheme.scheme().map(Scheme::default_port);
        Some(match usual == Some(port) {
            true => host,
            false => format!("{host}:{port}"),
        })
    }

    fn now(&self) -> Moment {
        Moment {
            unix: self.clock.now().unwrap_or(0),
            second: self.started.elapsed().as_secs() as u32,
        }
    }

    /// Writes now and then what was seen. Never ends.
    pub(super) async fn tend(self: &Arc<Self>) {
        loop {
            sleep(SAVE).await;
            let guests = Arc::clone(self);
            let _ = tokio::task::spawn_blocking(move || guests.save()).await;
        }
    }

    /// Writes what was seen, where that is news.
    pub(super) fn save(&self) {
        if !self.keep_seen {
            return;
        }
        match self.devices.save_seen(self.now()) {
            Ok(false) => {}
            Ok(true) => debug!("wrote when devices were seen"),
            Err(error) => warn!("when devices were seen cannot be kept: {error}"),
        }
    }
}

/// What is asked for, within its bounds.
fn terms(words: &Invite) -> Result<Terms, Failure> {
    let bad = |message: String| Failure::new(Code::BadWord, message);
    let (shortest, longest) = (limits::INVITE_SHORTEST.default, limits::INVITE_LONGEST.default);
    let ttl = words.ttl.map_or(limits::INVITE_TIME.default, u64::from);
    if !(shortest..=longest).contains(&ttl) {
        return Err(bad(format!(
            "an invite is good for {shortest} to {longest} seconds, which is a minute to 30 days; found {ttl}"
        )));
    }
    let uses = words.uses.unwrap_or(1);
    let most = limits::INVITE_USES.default;
    if uses == 0 || u64::from(uses) > most {
        return Err(bad(format!("an invite has 1 to {most} uses; found {uses}")));
    }
    Ok(Terms {
        everything: words.all,
        ttl,
        uses,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guests(name: Option<&str>, listen: &[(ListenScheme, &str)]) -> Guests {
        let mut config = Config::with_paths("zones".into(), "state".into(), "control.sock".into());
        config.name = name.map(|name| name.parse().unwrap());
        let listeners = listen.iter().map(|(scheme, addr)| ListenUrl {
            scheme: *scheme,
            addr: addr.parse().unwrap(),
            private_only: false,
        });
        // A folder that is not there, of which nothing is read or written here.
        let devices = Devices::open("state-of-nobody".as_ref(), Arc::default(), Arc::default());
        let presence = Arc::new(Presence::new(&config, Vec::new(), None, 0));
        Guests::new(
            Arc::new(devices),
            &config,
            listeners.collect(),
            presence,
            Arc::default(),
            Instant::now(),
        )
    }

    #[test]
    fn a_device_is_told_where_to_ask_by_name_and_port() {
        let token = Token::parse("abcdefghijklmnop").unwrap();
        let all = [
            (ListenScheme::Plain, "0.0.0.0:53"),
            (ListenScheme::Tls, "0.0.0.0:853"),
            (ListenScheme::Https, "0.0.0.0:443"),
            (ListenScheme::H3, "0.0.0.0:443"),
            (ListenScheme::Quic, "0.0.0.0:8853"),
            (ListenScheme::Https, "192.0.2.1:8443"),
        ];
        let named = guests(Some("dns.home.example"), &all);
        assert_eq!(
            named.endpoints(token),
            [
                "tls://abcdefghijklmnop.dns.home.example",
                "https://dns.home.example/d/abcdefghijklmnop/dns-query",
                "quic://abcdefghijklmnop.dns.home.example:8853",
                "https://dns.home.example:8443/d/abcdefghijklmnop/dns-query",
            ]
        );
        assert_eq!(
            named.page("7KQ4-M2XR").unwrap(),
            "https://dns.home.example/i/7KQ4-M2XR"
        );
        // Without a name only an address serves, and only where no label is needed.
        let nameless = guests(None, &all);
        assert_eq!(
            nameless.endpoints(token),
            ["https://192.0.2.1:8443/d/abcdefghijklmnop/dns-query"]
        );
        assert_eq!(nameless.page("7KQ4-M2XR"), None);
        let six = guests(None, &[(ListenScheme::Https, "[2001:db8::1]:443")]);
        assert_eq!(
            six.page("7KQ4-M2XR").unwrap(),
            "https://[2001:db8::1]/i/7KQ4-M2XR"
        );
        assert_eq!(guests(None, &all[..2]).endpoints(token), [""; 0]);
    }

    #[test]
    fn an_invite_keeps_to_its_bounds() {
        let read = |ttl, uses| {
            let words = Invite {
                ttl,
                uses,
                ..Invite::default()
            };
            terms(&words)
                .map(|terms| (terms.ttl, terms.uses))
                .map_err(|failure| failure.message)
        };
        assert_eq!(read(None, None), Ok((86_400, 1)));
        assert_eq!(read(Some(60), Some(100)), Ok((60, 100)));
        assert_eq!(
            read(Some(59), None).unwrap_err(),
            "an invite is good for 60 to 2592000 seconds, which is a minute to 30 days; found 59"
        );
        assert!(read(Some(2_592_001), None).is_err());
        assert_eq!(
            read(None, Some(0)).unwrap_err(),
            "an invite has 1 to 100 uses; found 0"
        );
        assert!(read(None, Some(101)).is_err());
    }
}
