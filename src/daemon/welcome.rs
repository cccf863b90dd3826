//! What the pages of invites are made from: the configuration, the zones that a client sees, and the devices.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::certificates::Keeper;
use super::desk;
use super::presence::Presence;
use crate::clock::Clock;
use crate::config::limits;
use crate::control::types::Invited;
use crate::device::{Code, Token};
use crate::engine::Engine;
use crate::message::{Key, Name, Rtype};
use crate::onboard::things::{self, Thing};
use crate::onboard::{Artefact, Device, Facts, Scope, Server, Trust, Unfit, page};
use crate::serve::pages::{Host, Refused};
use crate::store::devices::{Devices, Moment, Unwelcome};
use crate::zone::master::civil::write_time;
use crate::zone::{Found, Record, Zone};

/// Most names that a hosts file is told.
const HOSTS: usize = limits::HOSTS_TOLD.default_usize();

/// What pages are made from.
pub(super) struct Welcome {
    pub(super) devices: Arc<Devices>,
    pub(super) engine: Arc<Engine>,
    pub(super) presence: Arc<Presence>,
    pub(super) keeper: Option<Arc<Keeper>>,
    pub(super) clock: Arc<Clock>,
    pub(super) started: Instant,
}

impl Welcome {
    fn now(&self) -> Moment {
        Moment {
            unix: self.clock.now().unwrap_or(0),
            second: self.started.elapsed().as_secs() as u32,
        }
    }
}

impl Host for Welcome {
    fn server(&self, client: IpAddr) -> (Server, Vec<Name>) {
        let snapshot = self.engine.snapshot();
        // Of zones that another client sees, this one does not learn.
        let zones = snapshot.select(client).told_zones();
        let matrix = zones
            .iter()
            .filter(|zone| has_matrix(zone))
            .map(|zone| zone.origin().to_name());
        let matrix = matrix.collect();
        let zones = zones.iter().map(|zone| zone.origin().to_name()).collect();
        (server(&self.presence, self.keeper.as_deref(), zones), matrix)
    }

    fn hosts(&self, client: IpAddr) -> Vec<(Name, IpAddr)> {
        hosts_of(&self.engine.snapshot().select(client).told_zones())
    }

    fn check(&self) -> Option<Name> {
        self.presence.itself().check_name()
    }

    fn invited(&self, code: Code, client: IpAddr) -> Result<(Device, String), Refused> {
        let welcome = self.devices.invited(&code.to_string(), client, self.now())?;
        // For people: without seconds.
        let until = write_time(welcome.expires).replace('T', " ");
        let until = until.get(..16).unwrap_or(&until);
        Ok((welcome.device, format!("{until} UTC")))
    }

    fn redeem(&self, code: Code, client: IpAddr) -> Result<Device, Refused> {
        Ok(self.devices.redeem(&code.to_string(), client, self.now())?)
    }

    fn device(&self, token: Token) -> Option<Device> {
        self.devices.bearing(token)
    }

    fn make(&self, thing: Thing, facts: &Facts) -> Result<Artefact, Unfit> {
        let mut made = things::make(thing, facts)?;
        // Signed by an authority that the device does not know yet, it would look worse than not signed.
        if thing == Thing::Apple
            && facts.server.trust == Trust::Public
            && let Some(keeper) = &self.keeper
            && let Some(signed) = keeper.certificate().signed(&made.bytes)
        {
            made.bytes = signed;
        }
        Ok(made)
    }
}

/// The server as devices see it, without the hosts of its zones.
fn server(presence: &Presence, keeper: Option<&Keeper>, zones: Vec<Name>) -> Server {
    let itself = presence.itself();
    let trust = desk::trust(keeper, itself.name.as_ref());
    Server {
        name: itself.name,
        addresses: itself.addresses,
        zones,
        ports: presence.ports(),
        trust,
        hosts: Vec::new(),
    }
}

/// What an invited device with Android can be offered, whatever the zones are.
pub(super) fn android(presence: &Presence, keeper: Option<&Keeper>, invited: &Invited) -> &'static str {
    let device = Device {
        name: invited.name.clone(),
        token: Some(invited.token.clone()),
        scope: Scope::default(),
    };
    let server = server(presence, keeper, Vec::new());
    page::android(&Facts { server, device })
}

impl From<Unwelcome> for Refused {
    fn from(unwelcome: Unwelcome) -> Self {
        match unwelcome {
            Unwelcome::NoInvite => Self::Code,
            Unwelcome::Wait(seconds) => Self::Wait(seconds),
            Unwelcome::Broken(error) => Self::Broken(error.to_string()),
        }
    }
}

/// Names in these zones that have addresses, without wildcards.
fn hosts_of(zones: &[&Zone]) -> Vec<(Name, IpAddr)> {
    let records = zones.iter().flat_map(|zone| zone.records());
    let hosts = records.filter(|record| !record.owner.as_ref().is_wildcard());
    let hosts = hosts.filter_map(|record| Some((record.owner.clone(), address(&record)?)));
    hosts.take(HOSTS).collect()
}

/// The address in an A or AAAA record.
fn address(record: &Record) -> Option<IpAddr> {
    match record.rtype {
        Rtype::A => <[u8; 4]>::try_from(&*record.rdata).ok().map(IpAddr::from),
        Rtype::AAAA => <[u8; 16]>::try_from(&*record.rdata).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Whether a Matrix server is in the zone: it says where other servers find it, or has a host of that name.
fn has_matrix(zone: &Zone) -> bool {
    let has = |labels: &[&[u8]], rtype| {
        let mut name = Some(zone.origin().to_name());
        for label in labels {
            name = name.and_then(|name| Name::prepend(label, name.as_ref()));
        }
        name.is_some_and(|name| {
            matches!(
                zone.lookup(&Key::new(name.as_ref()), rtype),
                Found::Answer(_) | Found::Alias(_)
            )
        })
    };
    has(&[b"_tcp", b"_matrix-fed"], Rtype::SRV)
        || has(&[b"matrix"], Rtype::A)
        || has(&[b"matrix"], Rtype::AAAA)
}
