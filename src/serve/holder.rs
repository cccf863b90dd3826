//! Who has a port that we want, as far as the kernel says it, and what to do about it.
//!
//! The kernel's tables of sockets say that a port is taken, and by which user; the open files of every process say by
//! which program, where we may look: root sees all, others see their own. What is said serves the daemon that cannot
//! listen, and `dnsctl setup port`, which an admin runs as root. Read next: [`super::bind`].

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::config::{ListenUrl, limits};

/// Largest table of sockets that is read.
const MAX_TABLE: u64 = limits::SOCKET_TABLE_BYTES.default;
/// So many open files are looked at.
const MAX_FILES: usize = limits::OPEN_FILES_LOOKED_AT.default_usize();
/// So many are told of.
const MAX_HOLDERS: usize = limits::HOLDERS.default_usize();
/// Largest of the small files about a process or the users.
const MAX_FILE: u64 = limits::SETUP_FILE_BYTES.default;

/// State of a TCP socket that listens, as the kernel's tables write it.
const LISTENING: &str = "0A";

/// Units of DNS servers, which can be stopped as a whole. What else holds port 53, such as a program for virtual
/// machines, has other work as well.
const SERVERS: [&str; 16] = [
    "adguardhome",
    "bind9",
    "blocky",
    "coredns",
    "dnscrypt-proxy",
    "dnsdist",
    "dnsmasq",
    "knot",
    "kresd",
    "named",
    "nsd",
    "pdns",
    "pihole-ftl",
    "smartdns",
    "stubby",
    "unbound",
];

/// A socket in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// `udp` or `tcp`.
    pub kind: &'static str,
    /// Where it is.
    pub addr: SocketAddr,
    /// Number of the user that opened it.
    pub uid: u32,
    /// That user's name, where the system knows one.
    pub user: Option<String>,
    /// The program, where we may see it.
    pub process: Option<Process>,
}

/// A program that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// The unit of systemd that it belongs to.
    pub unit: Option<String>,
}

impl Holder {
    /// Whether it is systemd-resolved: by its program, or where that cannot be seen, by the user that only it has.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        match &self.process {
            Some(process) => process.name == "systemd-resolved",
            None => self.user.as_deref() == Some("systemd-resolve"),
        }
    }

    /// Whether it is HearthDNS.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        match &self.process {
            Some(process) => process.name == "hearthdns",
            None => self.user.as_deref() == Some("hearthdns"),
        }
    }

    /// The program's name.
    fn name(&self) -> &str {
        if self.is_resolved() {
            return "systemd-resolved";
        }
        self.process
            .as_ref()
            .map_or("that program", |process| process.name.as_str())
    }

    /// What to do so that the port is free or not wanted: two steps.
    #[must_use]
    pub fn steps(&self, has_systemd: bool) -> [String; 2] {
        let again = if has_systemd {
            "systemctl restart hearthdns".to_owned()
        } else {
            "start hearthdns again".to_owned()
        };
        let unit = self.process.as_ref().and_then(|process| process.unit.as_deref());
        let elsewhere =
            "have hearthdns listen on one address of this host only: `listen: [\"ADDRESS:53\"]`, or --listen";
        let first = if self.is_resolved() {
            if cfg!(feature = "systemd") {
                "dnsctl setup resolved --apply".to_owned()
            } else {
                elsewhere.to_owned()
            }
        } else if let (Some(unit), true) = (unit, has_systemd) {
            if is_server(unit) {
                format!("systemctl disable --now {unit}")
            } else {
                elsewhere.to_owned()
            }
        } else if let Some(process) = &self.process {
            format!("stop {} (process {})", process.name, process.pid)
        } else if cfg!(feature = "systemd") {
            "as root, `dnsctl setup port`, which names the program: stop that".to_owned()
        } else {
            "as root, start hearthdns again, which names the program: stop that".to_owned()
        };
        [first, again]
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} belongs to ", self.kind, self.addr)?;
        match (&self.process, &self.user) {
            (Some(Process { pid, unit, .. }), _) => {
                write!(f, "{} (process {pid}", self.name())?;
                if let Some(unit) = unit {
                    write!(f, ", {unit}")?;
                }
                f.write_str(")")
            }
            (None, Some(user)) if self.is_resolved() => write!(f, "systemd-resolved (user {user})"),
            (None, Some(user)) => write!(f, "a program of the user {user}"),
            (None, None) => write!(f, "a program of the user {}", self.uid),
        }
    }
}

fn is_server(unit: &str) -> bool {
    let unit = unit.to_ascii_lowercase();
    SERVERS.iter().any(|name| {
        unit.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['.', '@', '-']))
    })
}

/// What to say and do about an address that is taken: who has it, two steps, and the other way.
#[must_use]
pub fn advice(holders: &[Holder], has_systemd: bool) -> String {
    use fmt::Write as _;
    let mut text = String::new();
    for holder in holders {
        let _ = writeln!(text, "  {holder}");
    }
    let Some(first) = holders.iter().find(|holder| !holder.is_ours()) else {
        if holders.is_empty() {
            return "another program has it: stop that one, or choose another port with --listen".to_owned();
        }
        text.push_str("HearthDNS runs already; stop that one, or choose another port with --listen");
        return text;
    };
    text.push_str("two steps put that right, as root:\n");
    for (at, step) in first.steps(has_systemd).iter().enumerate() {
        let _ = writeln!(text, "  {}. {step}", at + 1);
    }
    text.push_str("or choose another address or port with --listen, or `listen` in the configuration");
    text
}

/// Whether systemd manages this host.
#[must_use]
pub fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Who is in the way of this listener. Empty where nobody is seen, which does not mean that nobody is there.
#[must_use]
pub fn of(url: &ListenUrl) -> Vec<Holder> {
    holders(url, Path::new("/proc"), Path::new("/etc/passwd"))
}

fn holders(url: &ListenUrl, proc: &Path, users: &Path) -> Vec<Holder> {
    let kinds = [("udp", url.scheme.takes_udp()), ("tcp", url.scheme.takes_tcp())];
    let mut found: Vec<(u64, Holder)> = Vec::new();
    // A server has many sockets on one port (SO_REUSEPORT): told once.
    let mut known = HashSet::new();
    for (kind, _) in kinds.into_iter().filter(|(_, is_wanted)| *is_wanted) {
        for (table, is_v6) in [(kind.to_owned(), false), (format!("{kind}6"), true)] {
            let Ok(text) = read_text(&proc.join("net").join(table), MAX_TABLE) else {
                continue;
            };
            let rows = text.lines().skip(1).filter_map(|line| row(line, is_v6));
            let rows = rows.filter(|row| row.is_bound(kind) && in_the_way(row.addr, url.addr));
            let rows = rows.filter(|row| known.insert((kind, row.addr, row.uid)));
            let left = MAX_HOLDERS - found.len();
            found.extend(rows.take(left).map(|row| {
                let holder = Holder {
                    kind,
                    addr: row.addr,
                    uid: row.uid,
                    user: user_name(users, row.uid),
                    process: None,
                };
                (row.inode, holder)
            }));
        }
    }
    name_processes(&mut found, proc);
    // UDP first: that is what people know as port 53.
    found.sort_by_key(|(_, holder)| (holder.kind != "udp", holder.addr));
    found.into_iter().map(|(_, holder)| holder).collect()
}

/// A row of the kernel's tables.
struct Row<'a> {
    addr: SocketAddr,
    state: &'a str,
    uid: u32,
    inode: u64,
}

impl Row<'_> {
    /// A connection of TCP is in nobody's way, and neither is a closed socket, which has no inode.
    fn is_bound(&self, kind: &str) -> bool {
        self.inode != 0 && (kind == "udp" || self.state == LISTENING)
    }
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
fn row(line: &str, is_v6: bool) -> Option<Row<'_>> {
    let mut words = line.split_whitespace();
    let local = words.nth(1)?;
    let state = words.nth(1)?;
    let uid = words.nth(3)?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    let (ip, port) = local.split_once(':')?;
    let addr = SocketAddr::new(address(ip, is_v6)?, u16::from_str_radix(port, 16).ok()?);
    Some(Row {
        addr,
        state,
        uid,
        inode,
    })
}

/// The kernel prints an address as words of 32 bits, each of which is a number of this machine.
fn address(hex: &str, is_v6: bool) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = hex.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    };
    if hex.len() != if is_v6 { 32 } else { 8 } {
        return None;
    }
    if !is_v6 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let mut bytes = [0; 16];
    for at in 0..4 {
        bytes.get_mut(at * 4..at * 4 + 4)?.copy_from_slice(&word(at)?);
    }
    Some(Ipv6Addr::from(bytes).into())
}

/// Whether a socket at `held` keeps us from `wanted`. One at `[::]` mostly takes IPv4 as well; one of ours never.
fn in_the_way(held: SocketAddr, wanted: SocketAddr) -> bool {
    let (there, ours) = (held.ip(), wanted.ip());
    held.port() == wanted.port()
        && match (there, ours) {
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
            (IpAddr::V6(_), IpAddr::V4(_)) => there.is_unspecified(),
            _ => there == ours || there.is_unspecified() || ours.is_unspecified(),
        }
}

/// Finds the processes that have these sockets open, as far as we may look.
fn name_processes(found: &mut [(u64, Holder)], proc: &Path) {
    let mut looked_at = 0;
    let mut pids: Vec<u32> = fs::read_dir(proc)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    // The first process opens sockets for others (socket activation), so it is named last; else a server's own is
    // named before those that it has started.
    pids.sort_unstable_by_key(|pid| (*pid == 1, *pid));
    for pid in pids {
        let home = proc.join(pid.to_string());
        let Ok(files) = fs::read_dir(home.join("fd")) else {
            continue;
        };
        for file in files.flatten() {
            looked_at += 1;
            if looked_at > MAX_FILES || found.iter().all(|(_, holder)| holder.process.is_some()) {
                return;
            }
            let Some(inode) = socket_inode(&file.path()) else {
                continue;
            };
            let wanted = found
                .iter_mut()
                .filter(|(other, holder)| *other == inode && holder.process.is_none());
            for (_, holder) in wanted {
                holder.process = Some(process(pid, &home));
            }
        }
    }
}

/// An open file that is a socket leads to `socket:[INODE]`.
fn socket_inode(file: &Path) -> Option<u64> {
    let target = fs::read_link(file).ok()?;
    let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    inode.parse().ok()
}

fn process(pid: u32, home: &Path) -> Process {
    // The name of a process has 15 letters at most; that of its program is whole, but not everybody may read it.
    let program = fs::read_link(home.join("exe")).ok().and_then(|path| {
        let name = path.file_name()?.to_str()?;
        Some(name.strip_suffix(" (deleted)").unwrap_or(name).to_owned())
    });
    let small = |name: &str| read_text(&home.join(name), MAX_FILE).ok();
    let name = program
        .or_else(|| small("comm").map(|text| text.trim_end().to_owned()))
        .filter(|name| !name.is_empty());
    Process {
        pid,
        name: printable(&name.unwrap_or_else(|| "a program".to_owned())),
        unit: small("cgroup").and_then(|text| unit(&text)),
    }
}

/// The unit, which is the last word of the control group's path that is one.
fn unit(cgroups: &str) -> Option<String> {
    let line = cgroups
        .lines()
        .find(|line| line.starts_with("0::") || line.contains(":name=systemd:"))?;
    let words = line.rsplit('/');
    let is_unit = |word: &&str| {
        [".service", ".socket", ".scope"]
            .iter()
            .any(|end| word.ends_with(end))
    };
    words
        .into_iter()
        .find(is_unit)
        .filter(|word| *word != "init.scope")
        .map(printable)
}

/// Other programs choose their names: without what a terminal would obey.
fn printable(name: &str) -> String {
    name.chars()
        .take(64)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// The beginning of a file of the kernel's, which has no size beforehand.
fn read_text(path: &Path, max: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn user_name(users: &Path, uid: u32) -> Option<String> {
    let text = read_text(users, MAX_FILE).ok()?;
    let name = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })?;
    Some(printable(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ListenScheme;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn word(bytes: [u8; 4]) -> String {
        format!("{:08X}", u32::from_ne_bytes(bytes))
    }

    #[test]
    fn rows_of_the_kernel_are_read() {
        let line = format!(
            "  10: {}:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 18523 2 0 0",
            word([127, 0, 0, 53])
        );
        let read = row(&line, false).unwrap();
        assert_eq!(
            (read.addr, read.uid, read.inode),
            (at("127.0.0.53:53"), 101, 18523)
        );
        assert!(read.is_bound("udp"));
        assert!(!read.is_bound("tcp"), "state 07 of TCP is no listener");
        let line = format!(
            "   0: {}:0035 {}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0 100 0 0 10 0",
            [[0; 4], [0; 4], [0; 4], [0, 0, 0, 1]].map(word).concat(),
            "0".repeat(32)
        );
        let read = row(&line, true).unwrap();
        assert_eq!((read.addr, read.inode), (at("[::1]:53"), 77));
        assert!(read.is_bound("tcp"));
        for line in ["", "sl local_address", "0: 0:0 0:0 07 0 0 0 x 0 y"] {
            assert!(row(line, false).is_none(), "{line}");
        }
        // An address of the other family, and one that is too short.
        assert!(address("0100007F", true).is_none());
        assert!(address("100007F", false).is_none());
        assert!(address("é00007F", false).is_none());
    }

    #[test]
    fn an_address_is_in_the_way_of_the_same_and_of_all() {
        for (held, wanted, is_in_the_way) in [
            ("127.0.0.53:53", "0.0.0.0:53", true),
            ("0.0.0.0:53", "192.168.1.1:53", true),
            ("127.0.0.53:53", "127.0.0.1:53", false),
            ("127.0.0.53:53", "127.0.0.53:54", false),
            ("[::]:53", "127.0.0.1:53", true),
            ("[::1]:53", "0.0.0.0:53", false),
            ("0.0.0.0:53", "[::]:53", false),
            ("[::1]:53", "[::]:53", true),
        ] {
            assert_eq!(in_the_way(at(held), at(wanted)), is_in_the_way, "{held} {wanted}");
        }
    }

    #[test]
    fn the_unit_is_the_last_of_the_path() {
        for (text, expected) in [
            ("0::/system.slice/dnsmasq.service\n", Some("dnsmasq.service")),
            (
                "0::/system.slice/kresd.slice/kresd@1.service/worker\n",
                Some("kresd@1.service"),
            ),
            (
                "12:pids:/x.service\n1:name=systemd:/system.slice/named.service\n",
                Some("named.service"),
            ),
            ("0::/init.scope\n", None),
            ("0::/\n", None),
            ("", None),
        ] {
            assert_eq!(unit(text).as_deref(), expected, "{text}");
        }
    }

    fn holder(name: &str, unit: Option<&str>) -> Holder {
        Holder {
            kind: "udp",
            addr: at("127.0.0.53:53"),
            uid: 101,
            user: None,
            process: Some(Process {
                pid: 612,
                name: name.to_owned(),
                unit: unit.map(str::to_owned),
            }),
        }
    }

    #[cfg(feature = "systemd")]
    #[test]
    fn the_steps_fit_who_is_there() {
        let first = |holder: &Holder, has_systemd| {
            let [first, _] = holder.steps(has_systemd);
            first
        };
        assert_eq!(
            first(
                &holder("systemd-resolved", Some("systemd-resolved.service")),
                true
            ),
            "dnsctl setup resolved --apply"
        );
        assert_eq!(
            first(&holder("dnsmasq", Some("dnsmasq.service")), true),
            "systemctl disable --now dnsmasq.service"
        );
        assert_eq!(
            first(&holder("kresd", Some("kresd@1.service")), true),
            "systemctl disable --now kresd@1.service"
        );
        // Stopping that would take the virtual machines' network away.
        assert_eq!(
            first(&holder("dnsmasq", Some("libvirtd.service")), true),
            "have hearthdns listen on one address of this host only: `listen: [\"ADDRESS:53\"]`, or --listen"
        );
        assert_eq!(
            first(&holder("dnsmasq", None), false),
            "stop dnsmasq (process 612)"
        );
        let unseen = Holder {
            process: None,
            ..holder("", None)
        };
        assert_eq!(
            first(&unseen, true),
            "as root, `dnsctl setup port`, which names the program: stop that"
        );
        let resolved = Holder {
            user: Some("systemd-resolve".to_owned()),
            ..unseen.clone()
        };
        assert_eq!(first(&resolved, true), "dnsctl setup resolved --apply");
        assert_eq!(
            advice(&[resolved], true),
            "  udp 127.0.0.53:53 belongs to systemd-resolved (user systemd-resolve)\n\
             two steps put that right, as root:\n  1. dnsctl setup resolved --apply\n  \
             2. systemctl restart hearthdns\n\
             or choose another address or port with --listen, or `listen` in the configuration"
        );
        assert_eq!(
            unseen.to_string(),
            "udp 127.0.0.53:53 belongs to a program of the user 101"
        );
        assert_eq!(
            advice(&[], true),
            "another program has it: stop that one, or choose another port with --listen"
        );
        assert_eq!(
            advice(&[holder("hearthdns", None)], true),
            "  udp 127.0.0.53:53 belongs to hearthdns (process 612)\n\
             HearthDNS runs already; stop that one, or choose another port with --listen"
        );
    }

    #[test]
    fn sockets_of_this_program_are_found_with_their_program() {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = udp.local_addr().unwrap();
        let url = ListenUrl {
            scheme: ListenScheme::Plain,
            addr,
            private_only: false,
        };
        let found = of(&url);
        assert_eq!(found.len(), 1, "{found:?}");
        let process = found[0].process.as_ref().unwrap();
        assert_eq!((found[0].kind, found[0].addr), ("udp", addr));
        assert_eq!(process.pid, std::process::id());
        assert!(process.name.starts_with("hearthdns"), "{process:?}");
        drop(udp);
        assert_eq!(of(&url), []);
    }

    #[test]
    fn a_crowd_of_sockets_is_told_once_for_each_address_and_within_bounds() {
        // Within a folder that looks like /proc.
        let folder = std::env::temp_dir().join(format!("hearthdns-holders-{}", std::process::id()));
        fs::create_dir_all(folder.join("net")).unwrap();
        let line = |last: u8, inode: usize| {
            let ip = word([127, 0, 0, last]);
            format!(
                "  1: {ip}:20FB 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000  0 {inode} 2 0 0\n"
            )
        };
        let url = ListenUrl::plain(at("0.0.0.0:8443"));
        let told = |lines: String| {
            fs::write(folder.join("net/udp"), format!("head\n{lines}")).unwrap();
            holders(&url, &folder, &folder.join("passwd"))
        };
        let shared = told((1..=50).map(|inode| line(53, inode)).collect());
        assert_eq!(shared.len(), 1);
        assert_eq!((shared[0].addr, shared[0].uid), (at("127.0.0.53:8443"), 1000));
        // Who has it, and not the first process, which opened it; nor others of that user.
        for (pid, name, inode) in [("1", "init", 1), ("40", "other", 2), ("600", "dnsmasq", 1)] {
            let home = folder.join(pid);
            fs::create_dir_all(home.join("fd")).unwrap();
            fs::write(home.join("comm"), format!("{name}\n")).unwrap();
            std::os::unix::fs::symlink(format!("socket:[{inode}]"), home.join("fd/3")).unwrap();
        }
        fs::write(folder.join("passwd"), "root:x:0:0::/:\nanna:x:1000:1000::/:\n").unwrap();
        assert_eq!(
            told(line(53, 1))[0].to_string(),
            "udp 127.0.0.53:8443 belongs to dnsmasq (process 600)"
        );
        assert_eq!(
            told(line(53, 3))[0].to_string(),
            "udp 127.0.0.53:8443 belongs to a program of the user anna"
        );
        let many = told((1..=50).map(|last| line(last, last.into())).collect());
        assert_eq!(many.len(), MAX_HOLDERS);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn names_of_others_are_harmless_in_a_terminal() {
        assert_eq!(printable("a\x1b[31m\nb"), "a?[31m?b");
        assert_eq!(printable(&"x".repeat(100)).len(), 64);
    }
}
