//! Addresses of names of a list go into sets of nftables, before whoever asked for them gets them.
//!
//! A firewall knows addresses and people know names: what is to go out by another way, or not at all, is named here, and the
//! set is what rules look at. Only answers of upstreams count, and only when they are fetched: an answer from the cache has
//! been here, and an address that we put in with a time stays for at least as long as the cache may answer it, stale answers
//! included. So nothing of this lies on the hot path, and where no list is configured there is nothing at all.
//!
//! One thread speaks with the kernel, by messages of `netlink` and not by running `nft`: a jail has no programs, and a
//! process for each answer would be the slowest part of it. It needs the capability CAP_NET_ADMIN. An answer waits for it
//! a moment, so that its first packet finds the address in the set, but no longer: DNS is not to fail with the firewall.
//! What fails is told once, and in `dnsctl status`.

pub mod netlink;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::config::CacheConfig;
use crate::config::limits;
use crate::config::nftset::{NftSet, NftsetConfig};
use crate::engine::fetch::Fetched;
use crate::message::{Incoming, Name, Rtype, Section};
use crate::zone::record::Defect;
use netlink::{Facts, Said};

/// How long an answer waits.
const WAIT: Duration = limits::NFTSET_WAIT.default_time();
/// How long the kernel may take.
const PATIENCE: Duration = limits::NFTSET_KERNEL.default_time();
/// Addresses of one reply.
const ADDRESSES: usize = limits::NFTSET_ADDRESSES.default_usize();
/// Room for what the kernel says at once.
const ROOM: usize = 16 * 1024;

/// The lists, and whoever fills their sets.
pub struct Sets {
    /// For each domain the entries that it stands in.
    domains: HashMap<Name, Vec<usize>>,
    queue: SyncSender<Job>,
    told: Arc<Told>,
}

/// What is wrong with each set, by its name.
#[derive(Default)]
struct Told(Mutex<HashMap<String, String>>);

/// One reply's addresses, by entry, and who waits.
struct Job {
    entries: Vec<usize>,
    addresses: Vec<(IpAddr, u32)>,
    done: oneshot::Sender<()>,
}

impl Sets {
    /// Starts to fill; none where nothing is configured. The thread has the rights that the caller has now. `cache` says for
    /// how long what was filled in may be answered.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(config: &[NftsetConfig], cache: &CacheConfig) -> io::Result<Option<Arc<Self>>> {
        if config.is_empty() {
            return Ok(None);
        }
        let mut domains: HashMap<Name, Vec<usize>> = HashMap::new();
        for (at, entry) in config.iter().enumerate() {
            for domain in &entry.domains {
                domains.entry(domain.clone()).or_default().push(at);
            }
        }
        let (queue, jobs) = sync_channel(limits::NFTSET_QUEUE.default_usize());
        let told = Arc::new(Told::default());
        let filler = Filler {
            entries: config.to_vec(),
            cache: *cache,
            kernel: None,
            told: Arc::clone(&told),
        };
        let thread = std::thread::Builder::new().name("nftset".to_owned());
        thread.spawn(move || filler.run(&jobs))?;
        Ok(Some(Arc::new(Sets { domains, queue, told })))
    }

    /// Puts the addresses of an answer where they belong, and waits for that a moment.
    pub(crate) async fn fill(&self, fetched: &Fetched) {
        let Fetched::Reply(question, message) = fetched else {
            return;
        };
        if !matches!(question.rtype, Rtype::A | Rtype::AAAA) {
            return;
        }
        let mut entries: Vec<usize> = Vec::new();
        for domain in question.name.as_ref().ancestors() {
            entries.extend(self.domains.get(&domain.to_name()).into_iter().flatten());
        }
        if entries.is_empty() {
            return;
        }
        let bytes = message.as_ref().unpack(question.name.as_ref(), question.rtype);
        let addresses = addresses_in(&bytes);
        if addresses.is_empty() {
            return;
        }
        let (done, ended) = oneshot::channel();
        let job = Job {
            entries,
            addresses,
            done,
        };
        if self.queue.try_send(job).is_err() {
            self.told.tell(
                "the firewall",
                Some("it does not keep up, so addresses are answered that are in no set"),
            );
            return;
        }
        let _ = timeout(WAIT, ended).await;
    }

    /// What is wrong with the sets.
    #[must_use]
    pub fn defects(&self) -> Vec<Defect> {
        let told = self.told.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut defects: Vec<Defect> = told
            .iter()
            .map(|(set, message)| Defect {
                file: format!("nftset {set}").into(),
                line: 0,
                column: 0,
                message: message.clone(),
            })
            .collect();
        defects.sort();
        defects
    }
}

/// Addresses of a reply with their TTLs, each once.
fn addresses_in(reply: &[u8]) -> Vec<(IpAddr, u32)> {
    let Ok(incoming) = Incoming::parse(reply) else {
        return Vec::new();
    };
    let mut found: Vec<(IpAddr, u32)> = Vec::new();
    let mut rdata = Vec::new();
    for item in incoming.records().filter(|item| item.section == Section::Answer) {
        rdata.clear();
        if !matches!(item.rtype, Rtype::A | Rtype::AAAA) || item.rdata(&mut rdata).is_err() {
            continue;
        }
        let address = if let Ok(v4) = <[u8; 4]>::try_from(rdata.as_slice()) {
            IpAddr::V4(Ipv4Addr::from(v4))
        } else if let Ok(v6) = <[u8; 16]>::try_from(rdata.as_slice()) {
            IpAddr::V6(Ipv6Addr::from(v6))
        } else {
            continue;
        };
        if found.len() < ADDRESSES && !found.iter().any(|(known, _)| *known == address) {
            found.push((address, item.ttl));
        }
    }
    found
}

impl Told {
    /// Remembers what is wrong with a set, or that nothing is; the log hears of what is new.
    fn tell(&self, set: &str, wrong: Option<&str>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match wrong {
            Some(wrong) if told.get(set).is_none_or(|before| before != wrong) => {
                warn!("nftset {set}: {wrong}");
                told.insert(set.to_owned(), wrong.to_owned());
            }
            Some(_) => {}
            None if told.remove(set).is_some() => info!("nftset {set}: it is filled again"),
            None => {}
        }
    }
}

/// The thread's own.
struct Filler {
    entries: Vec<NftsetConfig>,
    cache: CacheConfig,
    kernel: Option<Kernel>,
    told: Arc<Told>,
}

impl Filler {
    /// Ends when nobody can send any more.
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            for at in &job.entries {
                let Some(entry) = self.entries.get(*at).cloned() else {
                    continue;
                };
                for (set, is_v4) in [(&entry.v4, true), (&entry.v6, false)] {
                    let addresses: Vec<(IpAddr, Option<Duration>)> = job
                        .addresses
                        .iter()
                        .filter(|(address, _)| address.is_ipv4() == is_v4)
                        .map(|(address, ttl)| (*address, timeout_of(entry.timeout, *ttl, &self.cache)))
                        .collect();
                    if let Some(set) = set.as_ref().filter(|_| !addresses.is_empty()) {
                        let wrong = self.fill(set, &addresses, entry.timeout.is_some()).err();
                        self.told.tell(&set.to_string(), wrong.as_deref());
                    }
                }
            }
            // Whoever waited may have gone.
            let _ = job.done.send(());
        }
    }

    fn fill(
        &mut self,
        set: &NftSet,
        addresses: &[(IpAddr, Option<Duration>)],
        wants_timeout: bool,
    ) -> Result<(), String> {
        if self.kernel.is_none() {
            let kernel =
                Kernel::open().map_err(|error| format!("cannot speak with the firewall: {error}"))?;
            self.kernel = Some(kernel);
        }
        let Some(kernel) = &mut self.kernel else {
            return Ok(());
        };
        let key_len = if addresses.iter().all(|(address, _)| address.is_ipv4()) {
            4
        } else {
            16
        };
        // A firewall that was loaded anew may have another set of this name, so it is asked for each time.
        let filled = kernel
            .facts(set)
            .and_then(|facts| match facts.obstacle(key_len, wants_timeout) {
                Some(obstacle) => Err(Trouble::Unfit(obstacle)),
                None => kernel.add(set, addresses, facts.has_timeout()),
            });
        filled.map_err(|trouble| match trouble {
            Trouble::Unfit(why) => why.to_owned(),
            Trouble::Refused(Errno::NOENT) => "there is no such set; make it, or correct its name".to_owned(),
            Trouble::Refused(Errno::PERM) => {
                "the kernel lets only holders of CAP_NET_ADMIN fill it; grant that".to_owned()
            }
            Trouble::Refused(Errno::NFILE) => "it is full; give it a larger `size`, or a timeout".to_owned(),
            Trouble::Refused(error) => format!("the kernel refuses: {error}"),
            Trouble::Silent(error) => {
                // What comes late must not be taken for the answer to something else.
                self.kernel = None;
                format!("the kernel does not answer: {error}")
            }
        })
    }
}

/// How long an address stays: what is configured, and no less than it may be answered from the cache.
fn timeout_of(configured: Option<Duration>, ttl: u32, cache: &CacheConfig) -> Option<Duration> {
    let kept = ttl.max(cache.min_ttl).min(cache.max_ttl);
    let answered = u64::from(kept) + u64::from(cache.stale_for);
    configured.map(|configured| configured.max(Duration::from_secs(answered)))
}

/// Why a set is not filled.
enum Trouble {
    Unfit(&'static str),
    Refused(Errno),
    Silent(Errno),
}

/// A socket to nftables.
struct Kernel {
    socket: OwnedFd,
    number: u32,
}

impl Kernel {
    fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(NETFILTER))?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Kernel { socket, number: 0 })
    }

    fn facts(&mut self, set: &NftSet) -> Result<Facts, Trouble> {
        self.number = self.number.wrapping_add(1);
        let mut found = None;
        self.exchange(&netlink::ask(set, self.number), self.number, |facts| {
            found = Some(facts);
        })?;
        found.ok_or(Trouble::Silent(Errno::BADMSG))
    }

    fn add(
        &mut self,
        set: &NftSet,
        addresses: &[(IpAddr, Option<Duration>)],
        renew: bool,
    ) -> Result<(), Trouble> {
        let (bytes, last) = netlink::add(set, addresses, renew, self.number.wrapping_add(1));
        self.number = last.wrapping_add(1);
        self.exchange(&bytes, last, |_| {})
    }

    /// Sends, and hears until the message with the number `last` is acknowledged, or one is refused.
    fn exchange(&self, bytes: &[u8], last: u32, mut hear: impl FnMut(Facts)) -> Result<(), Trouble> {
        rustix::net::send(&self.socket, bytes, SendFlags::empty()).map_err(Trouble::Silent)?;
        let mut room = vec![0; ROOM];
        let mut refused = None;
        loop {
            let (len, _, from) = match rustix::net::recvfrom(&self.socket, &mut room[..], RecvFlags::empty())
            {
                Ok(received) => received,
                Err(Errno::INTR) => continue,
                // A batch that is refused may say so of its beginning, and no more.
                Err(Errno::AGAIN) if refused.is_some() => break,
                Err(error) => return Err(Trouble::Silent(error)),
            };
            let sender = from.and_then(|from| SocketAddrNetlink::try_from(from).ok());
            if sender.is_none_or(|sender| sender.pid() != 0) {
                continue;
            }
            let mut is_over = false;
            for said in netlink::read(room.get(..len).unwrap_or_default()) {
                match said {
                    Said::Set(facts) => hear(facts),
                    Said::Done(number, 0) => is_over |= number == last,
                    Said::Done(number, error) => {
                        refused.get_or_insert(Errno::from_raw_os_error(error));
                        is_over |= number == last || error == Errno::PERM.raw_os_error();
                    }
                }
            }
            if is_over {
                break;
            }
        }
        refused.map_or(Ok(()), |error| Err(Trouble::Refused(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_for_as_long_as_it_may_be_answered() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cache = |min_ttl, max_ttl, stale_for| CacheConfig {
            min_ttl,
            max_ttl,
            stale_for,
            bytes: 0,
            negative_max_ttl: 0,
            failure_ttl: 0,
            file: false,
            file_every: Duration::ZERO,
        };
        for (configured, ttl, cache, expected) in [
            (None, 60, cache(0, 86_400, 7200), None),
            (seconds(3600), 60, cache(0, 86_400, 0), seconds(3600)),
            (seconds(3600), 86_400, cache(0, 86_400, 0), seconds(86_400)),
            (seconds(3600), 60, cache(7200, 86_400, 0), seconds(7200)),
            (seconds(3600), 86_400, cache(0, 1800, 0), seconds(3600)),
            (seconds(3600), 60, cache(0, 86_400, 7200), seconds(7260)),
        ] {
            assert_eq!(
                timeout_of(configured, ttl, &cache),
                expected,
                "{configured:?} {ttl} {cache:?}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_told_once_until_it_is_another() {
        let told = Told::default();
        told.tell("inet fw4 a", Some("gone"));
        told.tell("inet fw4 a", Some("gone"));
        told.tell("inet fw4 b", None);
        assert_eq!(told.0.lock().unwrap().len(), 1);
        told.tell("inet fw4 a", None);
        assert!(told.0.lock().unwrap().is_empty());
    }
}
