//! Whom to ask where the configuration names nobody: the nameservers of a file that another program writes, the system's
//! resolver or a router's.
//!
//! The file is watched. What it names takes the place of what it named before; a file that names nobody, or cannot be read,
//! changes nothing, because an old server is better than none, and is told. Servers that are this server itself are left
//! out, at whichever of our addresses it is: a question would come back to us.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{info, warn};

use super::desk::Desk;
use super::files::FileWatch;
use crate::clock::Clock;
use crate::config::{Config, UpstreamSpec, from_resolv_conf, limits};
use crate::interfaces;
use crate::store::disk;
use crate::upstream::Upstreams;
use crate::zone::Defect;

/// Where the system says whom to ask.
const SYSTEM: &str = "/etc/resolv.conf";

/// The file.
pub(super) struct Provider {
    path: PathBuf,
    /// Where we listen.
    listen: Vec<SocketAddr>,
    /// Why it was of no use when it was looked at last.
    complaint: Mutex<Option<String>>,
}

impl Provider {
    /// None where the configuration names upstreams.
    pub(super) fn of(config: &Config) -> Option<Self> {
        config.upstreams.is_empty().then(|| Provider {
            path: config.resolv_conf.clone().unwrap_or_else(|| SYSTEM.into()),
            listen: config.own_addresses(),
            complaint: Mutex::default(),
        })
    }

    /// Whom the file names at the start; nobody where it is of no use, which is told.
    pub(super) fn first(&self) -> Vec<UpstreamSpec> {
        let found = self.read();
        self.complain(found.as_ref().err().cloned());
        found.unwrap_or_default()
    }

    /// Reads the file again, and has those whom it names be asked.
    pub(super) fn look(&self, upstreams: &Upstreams, clock: &Arc<Clock>) {
        let taken = self
            .read()
            .and_then(|servers| Ok((upstreams.replace_default(&servers, clock)?, servers)));
        if let Ok((true, servers)) = &taken {
            for server in servers {
                info!("upstream {server}, named by {}", self.path.display());
            }
        }
        self.complain(taken.err());
    }

    /// What is wrong with the file, where something is.
    pub(super) fn defect(&self) -> Option<Defect> {
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        complaint.clone().map(|message| Defect {
            file: self.path.display().to_string().into(),
            line: 0,
            column: 0,
            message,
        })
    }

    fn read(&self) -> Result<Vec<UpstreamSpec>, String> {
        const STAY: &str = "those that it named last are asked";
        let bytes = disk::read(&self.path, limits::RESOLV_CONF_FILE.default)
            .map_err(|error| format!("it cannot be read: {error}; {STAY}"))?;
        let own = at_interfaces(&self.listen);
        let found = from_resolv_conf(&String::from_utf8_lossy(&bytes), &own);
        if found.is_empty() {
            return Err(format!("it names no server but this one, if any; {STAY}"));
        }
        Ok(found)
    }

    /// Remembers a complaint, and tells a new one.
    fn complain(&self, complaint: Option<String>) {
        let mut before = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        if *before != complaint {
            match &complaint {
                Some(why) => warn!("{}: {why}", self.path.display()),
                None => info!("{} names servers again", self.path.display()),
            }
            *before = complaint;
        }
    }
}

/// Where we can be reached: a listener at every address of this host is one at each of them.
fn at_interfaces(listen: &[SocketAddr]) -> Vec<SocketAddr> {
    let interfaces = interfaces::addresses().unwrap_or_default();
    let everywhere = listen.iter().filter(|addr| addr.ip().is_unspecified());
    let at_each = everywhere.flat_map(|addr| {
        let ips = interfaces.iter().map(|address| address.ip);
        let is_of = |ip: &std::net::IpAddr| ip.is_ipv4() || addr.is_ipv6();
        ips.filter(is_of).map(|ip| SocketAddr::new(ip, addr.port()))
    });
    listen.iter().copied().chain(at_each).collect()
}

/// Attends to the file. Never ends.
pub(super) async fn attend(desk: &Arc<Desk>) {
    if let Some(provider) = &desk.provider
        && let Err(error) = follow(desk, provider).await
    {
        warn!(
            "changes of {} are not noticed: {error}; after one, run `dnsctl reload`",
            provider.path.display()
        );
    }
    std::future::pending::<()>().await;
}

async fn follow(desk: &Arc<Desk>, provider: &Provider) -> io::Result<()> {
    let mut watch = FileWatch::start(vec![provider.path.clone()])?;
    loop {
        // At first too: something may have been written since the start.
        let desk = Arc::clone(desk);
        let _ = tokio::task::spawn_blocking(move || desk.look_at_provider()).await;
        watch.changed().await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_everywhere_is_at_each_of_our_addresses() {
        let own = at_interfaces(&["[::]:53".parse().unwrap(), "127.0.0.9:54".parse().unwrap()]);
        for addr in ["[::]:53", "127.0.0.9:54", "127.0.0.1:53"] {
            assert!(own.contains(&addr.parse().unwrap()), "{addr} in {own:?}");
        }
        let own = at_interfaces(&["0.0.0.0:53".parse().unwrap()]);
        assert!(own.contains(&"127.0.0.1:53".parse().unwrap()));
        assert!(own.iter().all(SocketAddr::is_ipv4), "{own:?}");
    }
}
