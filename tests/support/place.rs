//! A small internet: hosts in network namespaces, tied to one wire, with addresses of the documentation ranges.
//!
//! Every host reaches every address on the wire without a router between, which is all that these tests ask of an
//! internet. What a host knows of DNS is one file that names one server: its `/etc/resolv.conf`, mounted for it alone.
//! This program itself is on the wire too, for the public resolver that it plays.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use super::{DEADLINE, House, Running, program, run};

/// A command whose words stand in one line; daemons and peers are found where they are.
pub(crate) fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(program(words.next().unwrap()).unwrap());
    command.args(words);
    command
}

/// New namespaces, in which we may do everything, and what we start ends with us.
pub(crate) fn unshare() -> Command {
    command("unshare --user --map-root-user --net --mount --pid --fork --kill-child --mount-proc --")
}

/// Ties this program to the wire.
pub(crate) fn lay_wire(own: &str) {
    ip("link set lo up");
    ip("link add wire type bridge");
    ip("link set wire up");
    ip(&format!("addr add {own}/32 dev wire"));
    ip("route add default dev wire");
}

#[track_caller]
fn ip(line: &str) {
    run(&mut command(&format!("ip {line}"))).ok();
}

/// A host. It goes with the value.
pub(crate) struct Host {
    /// Keeps the namespaces.
    keeper: Running,
    /// Files of the host: those that are mounted over the machine's own, and whatever else belongs to it.
    pub(crate) files: House,
}

impl Host {
    /// A host with this address that asks one DNS server.
    pub(crate) fn new(name: &str, address: &str, resolver: &str) -> Self {
        let files = House::new();
        files.write("resolv.conf", &format!("nameserver {resolver}\n"));
        files.write("hosts", "127.0.0.1 localhost\n");
        files.write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
        let mounts = ["resolv.conf", "hosts", "nsswitch.conf"]
            .map(|file| format!("mount --bind '{}' /etc/{file}", files.path(file).display()));
        let script = format!("{} && echo kept >&2 && exec sleep infinity", mounts.join(" && "));
        let keeper = Running::start(command("unshare --net --mount -- sh -c").arg(script));
        keeper.wait_for_line("the namespaces", |line| line == "kept");
        let host = Host { keeper, files };
        ip(&format!(
            "link add {name} type veth peer name eth0 netns {}",
            host.pid()
        ));
        ip(&format!("link set {name} master wire up"));
        host.ip("link set lo up");
        host.ip("link set eth0 up");
        host.add_address(address);
        host.ip("route add default dev eth0");
        host.ip("-6 route add default dev eth0");
        host
    }

    /// A command that runs on this host.
    pub(crate) fn command(&self, program: impl Into<PathBuf>) -> Command {
        let mut command = command(&format!("nsenter --target {} --net --mount --", self.pid()));
        command.arg(program.into());
        command
    }

    pub(crate) fn pid(&self) -> u32 {
        self.keeper.pid()
    }

    pub(crate) fn add_address(&self, address: &str) {
        // Nobody else on the wire has it, so nothing is to be waited for (RFC 4862, 5.4).
        let (bits, nodad) = if address.contains(':') {
            (128, " nodad")
        } else {
            (32, "")
        };
        self.ip(&format!("addr replace {address}/{bits} dev eth0{nodad}"));
    }

    /// Takes an address away, if it is there.
    pub(crate) fn remove_address(&self, address: &str) {
        let line = format!("addr del {address}/32 dev eth0");
        run(self.command("ip").args(line.split(' ')));
    }

    /// Whether somebody takes connections there.
    pub(crate) fn is_listening(&self, name: &str, port: u16) -> bool {
        let url = format!("https://{name}:{port}");
        let ran = run(self.command("curl").args(["-sk", "--max-time", "20", &url]));
        // Refused.
        ran.code != 7
    }

    #[track_caller]
    fn ip(&self, line: &str) {
        run(self.command("ip").args(line.split(' '))).ok();
    }

    /// The IPv4 addresses of a name as programs of this host get them, sorted; none where it has none.
    pub(crate) fn addresses(&self, name: &str) -> Vec<String> {
        self.addresses_in("ahostsv4", name)
    }

    /// The IPv6 addresses.
    pub(crate) fn addresses_v6(&self, name: &str) -> Vec<String> {
        let mut found = self.addresses_in("ahostsv6", name);
        // IPv4 addresses in the form of IPv6 stand for names without any.
        found.retain(|address| !address.starts_with("::ffff:"));
        found
    }

    fn addresses_in(&self, database: &str, name: &str) -> Vec<String> {
        let ran = run(self.command("getent").args([database, name]));
        let mut addresses: Vec<String> = ran
            .stdout
            .lines()
            .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// Waits until a name leads to this address only, or to none: caches have let the old one go.
    #[track_caller]
    pub(crate) fn wait_for_addresses(&self, name: &str, wanted: &[&str]) {
        let end = Instant::now() + DEADLINE;
        loop {
            let found = self.addresses(name);
            if found == wanted {
                return;
            }
            assert!(
                Instant::now() < end,
                "{name} leads to {found:?}, expected {wanted:?}"
            );
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}
