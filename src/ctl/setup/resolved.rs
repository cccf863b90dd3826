//! `dnsctl setup resolved`: systemd-resolved gives up port 53 and asks HearthDNS; and back, exactly.
//!
//! Two things change together. A drop-in turns its listener off, and `/etc/resolv.conf`, which on such hosts leads to a
//! file that names that listener, leads to the file that names servers instead: with one and not the other the host has
//! no DNS. The drop-in remembers where the link led, so it is all the state there is: undoing needs nothing else, and
//! doing it twice changes nothing. Where the outcome is not certain it is refused, and nothing is touched.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use super::ResolvedArgs;
use crate::config::{Config, ListenScheme, ListenUrl, limits};
use crate::control::types::{Code, Failure, Setup};
use crate::ctl::places;
use crate::serve::holder;
use crate::store::disk;

const FOLDER: &str = "etc/systemd/resolved.conf.d";
/// Late in the order, so that it wins over others.
const DROP_IN: &str = "90-hearthdns.conf";
const RESOLV_CONF: &str = "etc/resolv.conf";
/// Names the servers that resolved asks.
const SERVERS: &str = "/run/systemd/resolve/resolv.conf";
/// Name the listener that goes.
const STUBS: [&str; 3] = [
    "/run/systemd/resolve/stub-resolv.conf",
    "/usr/lib/systemd/resolv.conf",
    "/lib/systemd/resolv.conf",
];
/// Where resolved listens.
const LISTENERS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 54)),
];
const PORT: u16 = 53;

const FIRST_LINE: &str =
    "# Written by `dnsctl setup resolved --apply`; `dnsctl setup resolved --undo` takes it back.";
const LINK_WAS: &str = "# /etc/resolv.conf led to ";
const FOLDER_IS_OURS: &str = "# This folder was made for this file.";

const MAX_FILE: u64 = limits::SETUP_FILE_BYTES.default;

/// Does, undoes or tells.
pub(super) fn run(args: &ResolvedArgs) -> Result<Setup, Failure> {
    let host = Host::new(args.root.as_deref());
    if args.undo {
        return host.undo();
    }
    let config = places::of_root(&host.root)?.config;
    host.apply(&config, args.apply)
}

/// The system whose files are changed.
struct Host {
    root: PathBuf,
    /// It is the one that runs.
    is_live: bool,
}

/// What stands at `/etc/resolv.conf`.
enum ResolvConf {
    /// A link, and where it leads, as it is written.
    Link(PathBuf),
    /// A file of somebody's.
    File(String),
    /// Nothing.
    Absent,
}

impl Host {
    fn new(root: Option<&Path>) -> Self {
        Host {
            root: root.unwrap_or(Path::new("/")).to_owned(),
            is_live: root.is_none(),
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.join(below.trim_start_matches('/'))
    }

    fn drop_in(&self) -> PathBuf {
        self.path(FOLDER).join(DROP_IN)
    }

    fn apply(&self, config: &Config, for_real: bool) -> Result<Setup, Failure> {
        let server = self.server(config)?;
        self.look_for_resolved()?;
        self.look_for_overrides()?;
        let earlier = self.earlier()?;
        let resolv_conf = self.resolv_conf()?;
        let mut notes = Vec::new();
        let relink = match &resolv_conf {
            ResolvConf::Link(target) if STUBS.contains(&absolute(target).as_str()) => Some(target.clone()),
            ResolvConf::Link(target) => {
                let led_to = self.path(&absolute(target));
                if led_to.exists() {
                    must_not_need_the_listener(&read_text(&led_to)?, "leads to a file that names")?;
                }
                None
            }
            ResolvConf::File(text) => {
                must_not_need_the_listener(text, "is a file of its own that names")?;
                None
            }
            ResolvConf::Absent => None,
        };
        if relink.is_none() && !matches!(&resolv_conf, ResolvConf::Link(to) if absolute(to) == SERVERS) {
            notes.push(
                "/etc/resolv.conf is not of systemd-resolved and stays as it is: programs ask the servers that it names"
                    .to_owned(),
            );
        }
        self.look_for_servers(config)?;
        // Where the link has been changed already, what is remembered of it stays.
        let remembered = relink.as_ref().map(|target| target.display().to_string());
        let remembered = remembered.or_else(|| earlier.as_ref().and_then(|text| remembered_link(text)));
        let made_folder = match &earlier {
            Some(text) => text.lines().any(|line| line == FOLDER_IS_OURS),
            None => !self.path(FOLDER).is_dir(),
        };
        let text = drop_in_text(server, remembered.as_deref(), made_folder);
        let mut steps = Vec::new();
        let writes = earlier.as_deref() != Some(&text);
        if writes {
            steps.push(format!(
                "write /{FOLDER}/{DROP_IN}: DNS={server}, Domains=~., DNSStubListener=no"
            ));
        }
        let target = relink.as_ref().map(|from| {
            let to = if from.is_absolute() {
                SERVERS.to_owned()
            } else {
                format!("..{SERVERS}")
            };
            steps.push(format!(
                "have /etc/resolv.conf lead to {to}, and not to {}",
                from.display()
            ));
            to
        });
        if steps.is_empty() {
            steps.push("nothing to do: systemd-resolved asks HearthDNS and leaves port 53 alone".to_owned());
            return Ok(setup("unchanged", steps, notes));
        }
        if self.is_live {
            steps.push("restart systemd-resolved".to_owned());
        }
        if !for_real {
            return Ok(setup("planned", steps, notes));
        }
        if writes {
            disk::make_folder(&self.path(FOLDER), 0o755)
                .map_err(|error| failed("make", &self.path(FOLDER), &error))?;
            disk::replace(&self.drop_in(), text.as_bytes(), None)
                .map_err(|failure| failed("write", &self.drop_in(), &failure.error))?;
        }
        if let Some(target) = target {
            self.link(Path::new(&target))?;
        }
        if self.is_live
            && let Err(why) = restart()
        {
            let back = self.take_back().map_or_else(
                |failure| format!("taking it back failed too: {}", failure.message),
                |_| "everything was taken back".to_owned(),
            );
            return Err(Failure::new(Code::Io, format!("{why}; {back}")));
        }
        notes.push("next: systemctl restart hearthdns".to_owned());
        Ok(setup("applied", steps, notes))
    }

    fn undo(&self) -> Result<Setup, Failure> {
        if self.earlier()?.is_none() {
            let steps = vec![format!("nothing to undo: there is no /{FOLDER}/{DROP_IN}")];
            return Ok(setup("unchanged", steps, Vec::new()));
        }
        if self.is_live {
            let stub = ListenUrl::plain(SocketAddr::new(LISTENERS[0], PORT));
            let holders = holder::of(&stub);
            if let Some(holder) = holders.iter().find(|holder| !holder.is_resolved()) {
                return Err(refused(&format!(
                    "systemd-resolved could not have its port back, and this host would be without DNS: {holder}; stop \
                     that first: systemctl stop hearthdns"
                )));
            }
        }
        let (steps, notes) = self.take_back()?;
        Ok(setup("undone", steps, notes))
    }

    /// Removes what is ours. The listener comes back before anything leads to it.
    fn take_back(&self) -> Result<(Vec<String>, Vec<String>), Failure> {
        let text = self.earlier()?.unwrap_or_default();
        let mut steps = vec![format!("remove /{FOLDER}/{DROP_IN}")];
        let mut notes = Vec::new();
        disk::remove(&self.drop_in()).map_err(|error| failed("remove", &self.drop_in(), &error))?;
        if text.lines().any(|line| line == FOLDER_IS_OURS) {
            // Not where somebody else has put something there since.
            let _ = fs::remove_dir(self.path(FOLDER));
        }
        if self.is_live {
            if let Err(why) = restart() {
                // Without it nobody knows what to take back. The link stays too: it leads to servers that answer.
                let _ = disk::make_folder(&self.path(FOLDER), 0o755);
                let kept = disk::replace(&self.drop_in(), text.as_bytes(), None).is_ok();
                let again = if kept {
                    "; `dnsctl setup resolved --undo` tries again"
                } else {
                    ""
                };
                return Err(Failure::new(Code::Io, format!("{why}{again}")));
            }
            steps.push("restart systemd-resolved".to_owned());
        }
        if let Some(target) = remembered_link(&text) {
            match self.resolv_conf()? {
                ResolvConf::Link(now) if absolute(&now) == SERVERS => {
                    self.link(Path::new(&target))?;
                    steps.push(format!("have /etc/resolv.conf lead to {target} again"));
                }
                ResolvConf::Link(now) if now == Path::new(&target) => {}
                _ => notes.push(format!(
                    "/etc/resolv.conf was changed by somebody else since and stays as it is; it led to {target}"
                )),
            }
        }
        Ok((steps, notes))
    }

    /// The address under which this host reaches HearthDNS.
    fn server(&self, config: &Config) -> Result<IpAddr, Failure> {
        let plain = |url: &&ListenUrl| {
            url.scheme == ListenScheme::Plain && !url.private_only && url.addr.port() == PORT
        };
        let all: Vec<IpAddr> = config
            .listen
            .iter()
            .filter(plain)
            .map(|url| url.addr.ip())
            .collect();
        let loopback = |ip: IpAddr| match ip {
            IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let near = all.iter().copied().map(loopback);
        near.min_by_key(|ip| (!ip.is_loopback(), ip.is_ipv6())).ok_or_else(|| {
            refused(
                "the configuration has HearthDNS listen on port 53 nowhere, so this host would be without DNS; write \
                 `listen: [\"0.0.0.0:53\"]` or `listen: [\"127.0.0.1:53\"]`",
            )
        })
    }

    fn look_for_resolved(&self) -> Result<(), Failure> {
        let places: &[&str] = if self.is_live {
            &[SERVERS]
        } else {
            &["usr/lib/systemd/systemd-resolved", "lib/systemd/systemd-resolved"]
        };
        if places.iter().any(|place| self.path(place).exists()) {
            return Ok(());
        }
        Err(refused(if self.is_live {
            "systemd-resolved does not run on this host, so there is nothing to set up; `dnsctl setup port` says who has \
             the port"
        } else {
            "systemd-resolved is not installed there, so there is nothing to set up"
        }))
    }

    /// A drop-in that comes later would win: the listener would stay while nothing leads to it.
    fn look_for_overrides(&self) -> Result<(), Failure> {
        for folder in [
            "usr/lib/systemd/resolved.conf.d",
            "usr/local/lib/systemd/resolved.conf.d",
            "run/systemd/resolved.conf.d",
            FOLDER,
        ] {
            let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
            let mut later: Vec<PathBuf> = entries
                .map(|entry| entry.path())
                .filter(|path| {
                    let name = path
                        .file_name()
                        .and_then(|name| name.to_str())
                        .unwrap_or_default();
                    // What leads to /dev/null hides another file, and says nothing itself.
                    name.ends_with(".conf") && name > DROP_IN && path.is_file()
                })
                .collect();
            later.sort();
            for path in later {
                let text = read_text(&path)?;
                let sets = |line: &str| {
                    let key = line.split_once('=').map(|(key, _)| key.trim());
                    key == Some("DNSStubListener")
                };
                if text.lines().any(sets) {
                    return Err(refused(&format!(
                        "`{}` sets DNSStubListener after us and would win; remove that line first",
                        path.display()
                    )));
                }
            }
        }
        Ok(())
    }

    /// Somebody must know the names that are not ours.
    fn look_for_servers(&self, config: &Config) -> Result<(), Failure> {
        if !self.is_live || !config.upstreams.is_empty() {
            return Ok(());
        }
        let text = read_text(&self.path(SERVERS))?;
        if nameservers(&text).iter().any(|ip| !ip.is_loopback()) {
            return Ok(());
        }
        Err(refused(
            "neither `upstreams` in the configuration nor the network of this host names a DNS server, so nobody would \
             know names outside your zones; write `upstreams: [9.9.9.9]` or another first",
        ))
    }

    /// Our drop-in, where there is one.
    fn earlier(&self) -> Result<Option<String>, Failure> {
        let path = self.drop_in();
        match fs::exists(&path) {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(error) => return Err(failed("look at", &path, &error)),
        }
        let text = read_text(&path)?;
        if text.lines().next() == Some(FIRST_LINE) {
            return Ok(Some(text));
        }
        Err(refused(&format!(
            "`{}` was not written by dnsctl; move it away first",
            path.display()
        )))
    }

    fn resolv_conf(&self) -> Result<ResolvConf, Failure> {
        let path = self.path(RESOLV_CONF);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(ResolvConf::Absent),
            Err(error) => Err(failed("look at", &path, &error)),
            Ok(about) if about.is_symlink() => fs::read_link(&path)
                .map(ResolvConf::Link)
                .map_err(|error| failed("read the link", &path, &error)),
            Ok(_) => read_text(&path).map(ResolvConf::File),
        }
    }

    /// Replaces the link in one step: at no moment is there none.
    fn link(&self, target: &Path) -> Result<(), Failure> {
        let path = self.path(RESOLV_CONF);
        let new = self.path(&format!("etc/.resolv.conf.hearthdns-{}", std::process::id()));
        let made = std::os::unix::fs::symlink(target, &new).and_then(|()| fs::rename(&new, &path));
        made.map_err(|error| {
            let _ = fs::remove_file(&new);
            failed("replace the link", &path, &error)
        })
    }
}

/// Programs would ask where nobody answers any more.
fn must_not_need_the_listener(resolv_conf: &str, what: &str) -> Result<(), Failure> {
    if !nameservers(resolv_conf).iter().any(|ip| LISTENERS.contains(ip)) {
        return Ok(());
    }
    Err(refused(&format!(
        "/etc/resolv.conf {what} 127.0.0.53, where nobody would answer any more; have it lead to the file of \
         systemd-resolved first: ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf"
    )))
}

fn read_text(path: &Path) -> Result<String, Failure> {
    crate::store::read_text(path, MAX_FILE).map_err(|error| Failure::new(Code::Io, error.to_string()))
}

fn setup(state: &str, steps: Vec<String>, notes: Vec<String>) -> Setup {
    Setup {
        what: "resolved".to_owned(),
        state: state.to_owned(),
        steps,
        notes,
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(Code::Refused, format!("nothing was changed: {why}"))
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    let root = if error.kind() == io::ErrorKind::PermissionDenied {
        "; this needs root"
    } else {
        ""
    };
    Failure::new(
        Code::Io,
        format!("cannot {what} `{}`: {error}{root}", path.display()),
    )
}

fn drop_in_text(server: IpAddr, link_was: Option<&str>, made_folder: bool) -> String {
    let mut text = format!("{FIRST_LINE}\n");
    if let Some(target) = link_was {
        text.push_str(&format!("{LINK_WAS}{target}\n"));
    }
    if made_folder {
        text.push_str(&format!("{FOLDER_IS_OURS}\n"));
    }
    // The empty one forgets servers that were named before; the domain has it ask us alone for everything.
    text + &format!("[Resolve]\nDNS=\nDNS={server}\nDomains=~.\nDNSStubListener=no\n")
}

fn remembered_link(text: &str) -> Option<String> {
    let target = text.lines().find_map(|line| line.strip_prefix(LINK_WAS))?;
    Some(target.to_owned())
}

/// Where a link in `/etc` leads, without `..`.
fn absolute(target: &Path) -> String {
    let mut out = PathBuf::from("/");
    for part in Path::new("/etc").join(target).components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::Normal(word) => out.push(word),
            _ => {}
        }
    }
    out.display().to_string()
}

fn nameservers(text: &str) -> Vec<IpAddr> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then(|| words.next()?.parse().ok())?
    };
    text.lines().filter_map(server).collect()
}

fn restart() -> Result<(), String> {
    let ran = Command::new("systemctl")
        .args(["restart", "systemd-resolved.service"])
        .stdin(Stdio::null())
        .output();
    match ran {
        Ok(ran) if ran.status.success() => Ok(()),
        Ok(ran) => Err(format!(
            "systemd-resolved did not restart: {}",
            String::from_utf8_lossy(&ran.stderr).trim()
        )),
        Err(error) => Err(format!("cannot run systemctl: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_etc_are_followed_in_thought() {
        for (target, expected) in [
            ("../run/systemd/resolve/stub-resolv.conf", STUBS[0]),
            ("/run/systemd/resolve/stub-resolv.conf", STUBS[0]),
            ("/run/../run/systemd/./resolve/resolv.conf", SERVERS),
            ("resolvconf/run/resolv.conf", "/etc/resolvconf/run/resolv.conf"),
            ("../../../usr/lib/systemd/resolv.conf", STUBS[1]),
        ] {
            assert_eq!(absolute(Path::new(target)), expected, "{target}");
        }
    }

    #[test]
    fn the_drop_in_remembers_what_undoing_needs() {
        let text = drop_in_text(Ipv4Addr::LOCALHOST.into(), Some("../run/x"), true);
        assert_eq!(
            text,
            "# Written by `dnsctl setup resolved --apply`; `dnsctl setup resolved --undo` takes it back.\n\
             # /etc/resolv.conf led to ../run/x\n# This folder was made for this file.\n\
             [Resolve]\nDNS=\nDNS=127.0.0.1\nDomains=~.\nDNSStubListener=no\n"
        );
        assert_eq!(remembered_link(&text).as_deref(), Some("../run/x"));
        assert_eq!(
            remembered_link(&drop_in_text(Ipv4Addr::LOCALHOST.into(), None, false)),
            None
        );
    }

    #[test]
    fn servers_of_a_resolv_conf() {
        let text =
            "# nameserver 1.1.1.1\nnameserver 127.0.0.53\n nameserver fe80::1%2\nnameserver ::1\nsearch x\n";
        assert_eq!(nameservers(text), [LISTENERS[0], Ipv6Addr::LOCALHOST.into()]);
    }
}
