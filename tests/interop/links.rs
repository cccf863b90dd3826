//! The script for Linux before systemd-resolved on a machine with two links: one with a server of its provider's, and one
//! that leads to us. Our names come here and all others stay with the provider, or all come where all are wanted; what
//! was told of a link outlives a restart, and is taken back to the last byte. Read `scripts.rs` first.

use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use hearthdns::onboard::Scope;

use crate::quic::ip;
use crate::scripts::{AROUND_RESOLVED, around_in, write_script};
use crate::support::sample::HEARTH;
use crate::support::{Daemon, House, program};
use crate::{NAMESPACES, Test, lab};

/// What each of them needs.
const NEEDED: &[&str] = &[
    "systemd-resolved",
    "resolvectl",
    "systemd-analyze",
    "dbus-daemon",
    "busctl",
    "dig",
    "ip",
    "unshare",
    "nsenter",
    NAMESPACES,
];

pub(crate) const TESTS: &[Test] = &[
    ("a_link_without_servers_is_given_ours", NEEDED, || {
        lab::inside(a_link_without_servers_is_given_ours);
    }),
    ("a_link_with_servers_is_left_alone", NEEDED, || {
        lab::inside(a_link_with_servers_is_left_alone);
    }),
    (
        "a_link_that_is_away_or_told_otherwise_is_waited_for",
        NEEDED,
        || {
            lab::inside(a_link_that_is_away_or_told_otherwise_is_waited_for);
        },
    ),
    ("a_link_may_have_any_name", NEEDED, || {
        lab::inside(a_link_may_have_any_name);
    }),
    ("all_names_are_sent_to_us_where_all_are_wanted", NEEDED, || {
        lab::inside(all_names_are_sent_to_us_where_all_are_wanted);
    }),
];

/// Where the house is, behind `vpn0`, and where the provider is, behind `lan0`.
const HOUSE: &str = "10.77.0.1";
const PROVIDER: &str = "10.78.0.1";

/// Another address of the house's, behind the link of the provider's.
const OUTSIDE: &str = "10.78.0.9";

/// A machine with two links in a network of its own. The far ends are in that of the test, where a house and a provider
/// answer the same names differently.
struct Machine {
    name: String,
    house: House,
    house_daemon: Daemon,
    provider: House,
    provider_daemon: Daemon,
}

impl Machine {
    fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hearthdns-{}-{serial}-machine", std::process::id());
        for line in [
            format!("netns add {name}"),
            format!("link add house0 type veth peer name vpn0 netns {name}"),
            format!("link add provider0 type veth peer name lan0 netns {name}"),
            format!("addr add {HOUSE}/24 dev house0"),
            format!("addr add {PROVIDER}/24 dev provider0"),
            "link set house0 up".to_owned(),
            "link set provider0 up".to_owned(),
            format!("-n {name} link set lo up"),
            format!("-n {name} addr add 10.77.0.2/24 dev vpn0"),
            format!("-n {name} addr add 10.78.0.2/24 dev lan0"),
            format!("-n {name} link set vpn0 up"),
            format!("-n {name} link set lan0 up"),
        ] {
            assert!(ip(&line), "ip {line}");
        }
        let house = House::new()
            .listen(&[&format!("{HOUSE}:0")])
            .zone("hearth.example", HEARTH)
            .zone("other.example", "www 300 A 192.0.2.77\n");
        let provider = House::new()
            .listen(&[&format!("{PROVIDER}:0")])
            .zone("hearth.example", "matrix 300 A 198.51.100.66\n")
            .zone(
                "other.example",
                "www 300 A 198.51.100.77\nwww.sub 300 A 198.51.100.78\n",
            );
        Machine {
            name,
            house_daemon: house.start(),
            provider_daemon: provider.start(),
            house,
            provider,
        }
    }

    /// The house's script, for these of its addresses.
    fn script(&self, addresses: &[&str], scope: Scope) {
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        write_script(&self.house, &addresses, self.house_daemon.udp[0].port(), scope);
    }

    /// What these words say there, where `lan0` was given the provider's server.
    fn run(&self, words: &str) -> String {
        let mut command = Command::new("nsenter");
        command.args([&format!("--net=/run/netns/{}", self.name), "unshare"]);
        let port = self.house_daemon.udp[0].port();
        let words = format!(
            "{AROUND_RESOLVED}ours={HOUSE}:{port} theirs={}\n{LINKS}{words}",
            self.provider_daemon.udp[0]
        );
        around_in(command, &self.house, "systemd-resolved", &words)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.name));
    }
}

/// Queries that a server has seen so far.
fn queries(house: &House) -> u64 {
    let ran = house.dnsctl(&["stats", "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let outcomes = value["ok"]["outcomes"].as_object().unwrap();
    outcomes.values().map(|count| count.as_u64().unwrap()).sum()
}

/// Words for the tests: a `systemctl` that does with our unit what systemd would, from what stands in its file, and whose
/// `enable` is that of systemd itself; and what systemd-resolved says of its links on the bus, beside the rest, but for the
/// server that it asked last and lists of all links' servers and domains, which have no order; `resolvectl` has those.
const LINKS: &str = "\
cat >/run/bin/systemctl <<'END'
#!/bin/sh
set -eu
for unit; do :; done
file=/etc/systemd/system/$unit
lines() { sed -n \"s/^$1=-\\{0,1\\}//p\" /run/unit | sed 's/%%/%/g; s/\\$\\$/\\\\$/g; s/`/\\\\`/g'; }
end() {
    if [ -e /run/active ]; then lines ExecStop >/run/line; sh -f /run/line || true; rm /run/active; fi
}
real() { PATH=${PATH#/run/bin:} systemctl --root=/ \"$@\"; }
case \"$*\" in
'--version') echo 'systemd 252 (252.1-1)' ;;
'is-active --quiet systemd-resolved') ;;
'is-active --quiet hearthdns-link.service') test -e /run/active ;;
'is-active --quiet sys-subsystem-net-devices-'*) 
    link=$(systemd-escape --unescape --path \"${3%.device}\")
    test -e \"/sys/class/net/${link##*/}\" ;;
'is-active '*) exit 3 ;;
'daemon-reload') rm -f /run/unit; cp /etc/systemd/system/hearthdns-link.service /run/unit 2>/dev/null || [ ! -e /run/active ] ;;
'enable --quiet hearthdns-link.service') real \"$@\" ;;
'disable --quiet --now hearthdns-link.service') end; real disable --quiet $unit ;;
'restart hearthdns-link.service') end; lines ExecStart >/run/line; sh -ef /run/line; : >/run/active ;;
'reload-or-restart systemd-resolved') restart ;;
*) echo \"systemctl $*\"; exit 1 ;;
esac
END
mount -t sysfs none /sys
provider() { resolvectl dns lan0 $theirs; }
links() {
    {
        state
        ls /run/systemd/resolve/netif
        for link in /sys/class/net/*; do
            busctl introspect org.freedesktop.resolve1 /org/freedesktop/resolve1/link/_3$(cat \"$link/ifindex\")
        done
    } | grep -v -e 'Current *DNS *Server' -e '^\\.DNS ' -e '^\\.DNSEx ' -e '^\\.Domains ' | sed 's/^ *//; s/  */ /g'
}
look() { dig +short +tries=1 +time=5 @$at $1 A; }
unit=/etc/systemd/system/hearthdns-link.service
begin
provider
links >/run/before.links
look matrix.hearth.example
";

/// What it says where the provider answers.
const THEIRS: &str = "198.51.100.66\n";
const OURS: &str = "192.0.2.10\n";

const UNIT: &str = "/etc/systemd/system/hearthdns-link.service";
const DONE: &str = "done (link); to take it back, run this script with --undo\n";

fn a_link_without_servers_is_given_ours() {
    let machine = Machine::new();
    // The first address is behind a link that has servers.
    machine.script(&[OUTSIDE, HOUSE], Scope::Zones);
    let words = "\
mine
look matrix.hearth.example
look www.other.example
cat $unit
systemd-analyze verify --man=no $unit 2>&1
(cd /etc/systemd/system; find . -lname '*hearthdns-link*')
links >/run/meanwhile.links
cmp -s /run/before.links /run/meanwhile.links || echo another meanwhile
etc >/run/meanwhile
mine
etc | diff /run/meanwhile -
links | diff /run/meanwhile.links - && echo changed nothing
echo '-- restarted'
restart
look matrix.hearth.example
links | diff /run/meanwhile.links - && echo same
echo '-- forgotten'
rm -r /run/systemd/resolve
restart
provider
resolvectl dns vpn0
systemctl restart hearthdns-link.service
look matrix.hearth.example
links | diff /run/meanwhile.links - && echo same
echo '-- taken back by somebody else'
resolvectl revert vpn0
mine
look matrix.hearth.example
links | diff /run/meanwhile.links - && echo same
mine --undo
look matrix.hearth.example
links | diff /run/before.links - && echo same state
etc | diff /run/before - && echo same
";
    let said = machine.run(words);
    let server = machine.house_daemon.udp[0];
    let device = "sys-subsystem-net-devices-vpn0.device";
    let resolvectl = program("resolvectl").unwrap();
    let resolvectl = resolvectl.display();
    let unit = format!(
        "[Unit]\nDescription=Send names of some zones to HearthDNS through the link that leads to it\nBindsTo={device}\n\
         After={device} systemd-resolved.service\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\n\
         ExecStart={resolvectl} dns -- vpn0 {server}\nExecStart={resolvectl} domain -- vpn0 ~hearth.example\n\
         ExecStart={resolvectl} default-route -- vpn0 no\nExecStop=-{resolvectl} revert -- vpn0\n\n\
         [Install]\nWantedBy={device}\n"
    );
    assert_eq!(
        said,
        format!(
            "{THEIRS}--\nwrote {UNIT}\ntold systemd\n{DONE}{OURS}198.51.100.77\n{unit}\
             ./{device}.wants/hearthdns-link.service\nanother meanwhile\n\
             --\n{UNIT} is as it should be\n{DONE}changed nothing\n\
             -- restarted\n{OURS}same\n\
             -- forgotten\nLink 2 (vpn0):\n{OURS}same\n\
             -- taken back by somebody else\n--\n{UNIT} is as it should be\ntold systemd\n{DONE}{OURS}same\n\
             --\nremoved {UNIT}\ntold systemd\nundone\n{THEIRS}same state\nsame\n"
        )
    );
    // Each look-up went to one of them, and none to both.
    assert_eq!((queries(&machine.house), queries(&machine.provider)), (4, 3));
}

/// A link that was given our server by somebody else sends all names here, and would send none any more.
fn a_link_with_servers_is_left_alone() {
    let machine = Machine::new();
    machine.script(&[HOUSE], Scope::Zones);
    let words = "\
forced() { mine --way link 2>&1 || echo \"code $?\"; }
resolvectl dns vpn0 $ours
links >/run/before.links
mine
mine --undo
forced
links | diff /run/before.links - && echo same state
resolvectl revert vpn0
resolvectl domain vpn0 house.example '~lan'
forced
resolvectl revert vpn0
ip link set vpn0 down
forced
ip address add $(echo $ours | cut -d: -f1)/32 dev lo
forced
etc | diff /run/before - && echo same
";
    let server = machine.house_daemon.udp[0];
    let refused = |why: &str| {
        format!(
            "--\na link cannot be told of our servers: {why}; run this without --way, or see --help\ncode 1\n"
        )
    };
    let has = format!("the link vpn0, which leads to {HOUSE}, has servers of its own: {server}");
    assert_eq!(
        machine.run(words),
        format!(
            "{THEIRS}--\nnote: systemd 252 cannot send some names to a server of their own here, and 258 can: {has}\n\
             note: changes of the zones do not arrive in a hosts file: run a new script then\nchanged /etc/hosts\n\
             done (hosts); to take it back, run this script with --undo\n--\nchanged /etc/hosts\nundone\n{}same state\n{}{}{}same\n",
            refused(&has),
            refused(&format!(
                "the link vpn0, which leads to {HOUSE}, has domains of its own: house.example ~lan"
            )),
            refused(&format!("no link leads to {HOUSE}")),
            refused(&format!("{HOUSE} is this machine")),
        )
    );
}

/// A VPN that is off, or whose client has come to give servers of its own: what was set up stays until somebody takes it
/// back, and that leaves what others said.
fn a_link_that_is_away_or_told_otherwise_is_waited_for() {
    let machine = Machine::new();
    machine.script(&[HOUSE], Scope::Zones);
    let words = "\
again() { mine \"$@\" 2>&1 || echo \"code $?\"; }
mine
etc >/run/meanwhile
ip link set vpn0 down
again
ip route add default via 10.78.0.1
again
ip route del default
ip link set vpn0 up
etc | diff /run/meanwhile - && echo same
mine
echo '-- others'
resolvectl dns vpn0 192.0.2.1 192.0.2.2
resolvectl domain vpn0 house.example '~hearth.example'
again
etc | diff /run/meanwhile - && echo same
mine --undo
resolvectl dns vpn0
resolvectl domain vpn0
etc | diff /run/before - && echo same
";
    let kept = |why: &str| {
        format!(
            "--\nnothing was changed: {UNIT} is for a link that cannot be told now: {why}; run this again when it can, or \
             take it back first with --undo\ncode 1\n"
        )
    };
    let of = |link: &str, servers: &str| {
        kept(&format!(
            "the link {link}, which leads to {HOUSE}, has servers of its own: {servers}"
        ))
    };
    assert_eq!(
        machine.run(words),
        format!(
            "{THEIRS}--\nwrote {UNIT}\ntold systemd\n{DONE}{}{}same\n--\n{UNIT} is as it should be\n{DONE}\
             -- others\n{}same\n--\nremoved {UNIT}\ntold systemd\nundone\n\
             Link 2 (vpn0): 192.0.2.1 192.0.2.2\nLink 2 (vpn0): house.example\nsame\n",
            kept(&format!("no link leads to {HOUSE}")),
            of("lan0", &machine.provider_daemon.udp[0].to_string()),
            of("vpn0", "192.0.2.1 192.0.2.2"),
        )
    );
}

/// The kernel lets a link be called almost anything, and shells and units take much of that for something else. (udev has
/// devices for fewer names than the `systemctl` of these tests.)
fn a_link_may_have_any_name() {
    let machine = Machine::new();
    machine.script(&[HOUSE], Scope::Zones);
    let words = "\
odd='-'\\''\"\\$HOME;`*'
ip link set vpn0 down
ip link set vpn0 name \"$odd\"
ip link set dev \"$odd\" up
links >/run/before.links
mine
look matrix.hearth.example
grep -c -F -- \" -- $odd\" $unit || grep -e ^Exec -e .device $unit
systemd-analyze verify --man=no $unit 2>&1
(cd /etc/systemd/system; find . -lname '*hearthdns-link*')
mine
mine --undo
look matrix.hearth.example
links | diff /run/before.links - && echo same state
etc | diff /run/before - && echo same
";
    let server = machine.house_daemon.udp[0];
    let device = r"sys-subsystem-net-devices-\x2d\x27\x22\x5c\x24HOME\x3b\x60\x2a.device";
    let word = r#""-'\"\\$$HOME;`*""#;
    let resolvectl = program("resolvectl").unwrap();
    let resolvectl = resolvectl.display();
    assert_eq!(
        machine.run(words),
        format!(
            "{THEIRS}--\nwrote {UNIT}\ntold systemd\n{DONE}{OURS}0\nBindsTo={device}\nAfter={device} systemd-resolved.service\n\
             ExecStart={resolvectl} dns -- {word} {server}\nExecStart={resolvectl} domain -- {word} ~hearth.example\n\
             ExecStart={resolvectl} default-route -- {word} no\nExecStop=-{resolvectl} revert -- {word}\nWantedBy={device}\n\
             ./{device}.wants/hearthdns-link.service\n--\n{UNIT} is as it should be\n{DONE}\
             --\nremoved {UNIT}\ntold systemd\nundone\n{THEIRS}same state\nsame\n"
        )
    );
}

/// One global server for all names takes the place of those of the links, but for domains that a link names itself.
fn all_names_are_sent_to_us_where_all_are_wanted() {
    let machine = Machine::new();
    machine.script(&[HOUSE], Scope::Everything);
    let words = "\
mine
cat /etc/systemd/resolved.conf.d/hearthdns.conf
look matrix.hearth.example
look www.other.example
resolvectl domain lan0 sub.other.example
look www.sub.other.example
resolvectl domain lan0 ''
echo '-- away'
ip address add $(echo $ours | cut -d: -f1)/32 dev lo
dig +tries=1 @$at www2.other.example A | grep -o 'status: [A-Z]*'
ip address del $(echo $ours | cut -d: -f1)/32 dev lo
mine
mine --undo
look www.other.example
links | diff /run/before.links - && echo same state
etc | diff /run/before - && echo same
";
    let server = machine.house_daemon.udp[0];
    let file = "/etc/systemd/resolved.conf.d/hearthdns.conf";
    let note = "note: systemd-resolved sends all names to this server; away from it none is found until this is undone\n";
    let done = "done (resolved); to take it back, run this script with --undo\n";
    assert_eq!(
        machine.run(words),
        format!(
            "{THEIRS}--\n{note}wrote {file}\ntold systemd-resolved\n{done}\
             # this script made this folder\n[Resolve]\nDNS={server}\nDomains=~.\n\
             {OURS}192.0.2.77\n198.51.100.78\n-- away\nstatus: SERVFAIL\n\
             --\n{note}{file} is as it should be\n{done}\
             --\nremoved {file}\ntold systemd-resolved\nundone\n198.51.100.77\nsame state\nsame\n"
        )
    );
    assert_eq!((queries(&machine.house), queries(&machine.provider)), (2, 3));
}
