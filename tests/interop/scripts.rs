//! What devices are given for Linux, before the real programs that it speaks to: the way is taken, asked, and taken back,
//! and then everything below /etc is what it was, byte for byte.
//!
//! NetworkManager and systemd-resolved must not be installed for this: they would take over the machine's network.
//! `tests/run` unpacks them; they run in a network, with an /etc and a bus of its own.

use std::net::IpAddr;
use std::process::Command;

use hearthdns::onboard::things::{Thing, make};
use hearthdns::onboard::{Device, Facts, Ports, Scope, Server, Trust};

use crate::support::sample::HEARTH;
use crate::support::{Daemon, House, program, run};
use crate::{NAMESPACES, Test, lab};

pub(crate) const TESTS: &[Test] = &[
    (
        "network_manager_takes_what_our_script_writes",
        &[
            "NetworkManager",
            "nmcli",
            "dbus-daemon",
            "dnsmasq",
            "dig",
            "unshare",
            NAMESPACES,
        ],
        || lab::inside(network_manager_takes_what_our_script_writes),
    ),
    (
        "systemd_resolved_is_what_it_was_when_our_script_is_undone",
        &[
            "systemd-resolved",
            "resolvectl",
            "dbus-daemon",
            "busctl",
            "dig",
            "unshare",
            NAMESPACES,
        ],
        || lab::inside(systemd_resolved_is_what_it_was_when_our_script_is_undone),
    ),
    (
        "dnsmasq_takes_what_our_script_writes",
        &["dnsmasq", "dig", "unshare", NAMESPACES],
        || lab::inside(dnsmasq_takes_what_our_script_writes),
    ),
    (
        "the_libc_takes_what_our_script_writes",
        &["python3", "unshare", NAMESPACES],
        || lab::inside(the_libc_takes_what_our_script_writes),
    ),
];

/// A house, and its script as the file `script`.
pub(crate) fn scripted() -> (House, Daemon) {
    let house = House::new().zone("hearth.example", HEARTH);
    let daemon = house.start();
    let at = daemon.udp[0];
    write_script(&house, &[at.ip()], at.port(), Scope::Zones);
    (house, daemon)
}

/// Writes a script as the file `script` of a house: for a server at these addresses, and these names.
pub(crate) fn write_script(house: &House, addresses: &[IpAddr], port: u16, scope: Scope) {
    let facts = Facts {
        server: Server {
            name: None,
            addresses: addresses.to_vec(),
            zones: vec!["hearth.example".parse().unwrap()],
            ports: Ports {
                plain: Some(port),
                ..Ports::default()
            },
            trust: Trust::None,
            hosts: vec![(
                "matrix.hearth.example".parse().unwrap(),
                "192.0.2.10".parse().unwrap(),
            )],
        },
        device: Device {
            name: String::new(),
            token: None,
            scope,
        },
    };
    let script = make(Thing::Linux, &facts).unwrap();
    std::fs::write(house.path("script"), script.bytes).unwrap();
}

/// Words for the shell programs below, in namespaces of mounts and processes of their own: an /etc that only they see, what
/// stands in it, and a `systemctl` that says that the program under test runs and has no other task.
const AROUND: &str = "\
house=$1 here=$2
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
cp -a /etc /run/etc
mount --bind /run/etc /etc
mkdir -p /run/bin
cat >/run/bin/systemctl <<END
#!/bin/sh
case \\$1 in --version) echo 'systemd 252 (252.1-1)';; is-active) [ \\$3 = $here ];; *) restart;; esac
END
chmod +x /run/bin/systemctl
PATH=/run/bin:$PATH
etc() {
    (cd /etc && find . -exec stat -c '%n %a %u %F' {} + | sort && find . -type f -exec sha256sum {} + | sort -k 2)
}
ask() { dig +noall +answer +comments +tries=1 +time=2 @${at:-127.0.0.1} \"$1\" A | grep -e status: -e 'IN.A' | sed 's/, id: .*//'; }
etc >/run/before
mine() { echo '--'; sh \"$house/script\" \"$@\"; }
bus() {
    mkdir -p /run/dbus
    cat >/run/dbus/conf <<END
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context='default'><allow user='*'/><allow own='*'/><allow send_destination='*' eavesdrop='true'/>
<allow eavesdrop='true'/></policy></busconfig>
END
    dbus-daemon --config-file=/run/dbus/conf --fork
}
";

/// Runs AROUND and then these words; what they say.
fn around(house: &House, here: &str, words: &str) -> String {
    around_in(Command::new("unshare"), house, here, words)
}

/// The same by a command that runs `unshare`, or is that.
pub(crate) fn around_in(mut command: Command, house: &House, here: &str, words: &str) -> String {
    command
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"])
        .args([
            "timeout",
            "60",
            "sh",
            "-euc",
            &format!("{AROUND}{words}"),
            "around",
        ])
        .arg(house.root())
        .arg(here);
    let path = ["NetworkManager", "resolvectl", "dnsmasq"]
        .map(program)
        .into_iter()
        .flatten()
        .filter_map(|file| Some(format!("{}:", file.parent()?.display())))
        .collect::<String>();
    command.env("PATH", format!("{path}/usr/sbin:/usr/bin:/sbin:/bin"));
    run(&mut command).ok().stdout
}

const FOUND: &str =
    ";; ->>HEADER<<- opcode: QUERY, status: NOERROR\nmatrix.hearth.example.\t300\tIN\tA\t192.0.2.10\n";
const REFUSED: &str = ";; ->>HEADER<<- opcode: QUERY, status: REFUSED\n";

/// NetworkManager with its dnsmasq, on a bus of its own. Each time that it is told it starts another dnsmasq, which is
/// waited for.
const NETWORK_MANAGER: &str = "\
mkdir -p /etc/NetworkManager/dnsmasq.d
bus
printf '[main]\\nplugins=keyfile\\ndns=dnsmasq\\nrc-manager=unmanaged\\n[keyfile]\\nunmanaged-devices=*\\n' \\
    >/etc/NetworkManager/NetworkManager.conf
etc >/run/before
NetworkManager --debug >/run/log 2>&1 &
until nmcli general status >/dev/null 2>&1; do sleep 0.1; done
other() {
    until [ \"$(cat /run/NetworkManager/dnsmasq.pid 2>/dev/null)\" != \"$old\" ] && dig +tries=1 +time=1 @127.0.0.1 x. >/dev/null; do
        sleep 0.1
    done
    old=$(cat /run/NetworkManager/dnsmasq.pid)
}
old=
nmcli general reload dns-full
other
ask matrix.hearth.example
mine
other
ask matrix.hearth.example
ask www.example
mine
mine --undo
other
ask matrix.hearth.example
etc | diff /run/before - && echo same
";

fn network_manager_takes_what_our_script_writes() {
    let (house, _daemon) = scripted();
    let file = "/etc/NetworkManager/dnsmasq.d/hearthdns.conf";
    let done = "done (networkmanager); to take it back, run this script with --undo\n";
    assert_eq!(
        around(&house, "NetworkManager", NETWORK_MANAGER),
        format!(
            "{REFUSED}--\nwrote {file}\ntold NetworkManager\n{done}{FOUND}{REFUSED}--\n{file} is as it should be\n{done}--\n\
             removed {file}\ntold NetworkManager\nundone\n{REFUSED}same\n"
        )
    );
}

const RESOLVED: &str = "\
begin
state >/run/before.state
found
mine --way resolved
state >/run/meanwhile.state
resolvectl dns | head -n 1
resolvectl domain | head -n 1
found
mine --undo
state | diff /run/before.state - && echo same state
cmp -s /run/before.state /run/meanwhile.state || echo another meanwhile
grep -c 192.0.2.99 /run/before.state
found
etc | diff /run/before - && echo same
";

/// systemd-resolved, which `systemctl reload-or-restart` starts anew, and all that it says of itself: on its bus, but for
/// what it counted and lists in no order, in `resolvectl`, and in the files of its own.
pub(crate) const AROUND_RESOLVED: &str = "\
at=127.0.0.53
mkdir -p /run/systemd
for file in passwd group; do
    grep -q ^systemd-resolve: /etc/$file || echo 'systemd-resolve:x:61000:61000::/:/usr/sbin/nologin' >>/etc/$file
done
rm -f /etc/resolv.conf
echo 'nameserver 192.0.2.99' >/etc/resolv.conf
printf '[Resolve]\\nLLMNR=no\\nMulticastDNS=no\\n' >/etc/systemd/resolved.conf
cat >/run/bin/begin <<'END'
#!/bin/sh
systemd-resolved >/run/log 2>&1 & echo $! >/run/resolved.pid
until resolvectl status >/dev/null 2>&1; do sleep 0.1; done
END
cat >/run/bin/restart <<'END'
#!/bin/sh
kill $(cat /run/resolved.pid)
while readlink /proc/$(cat /run/resolved.pid)/exe >/dev/null; do sleep 0.1; done
begin
END
chmod +x /run/bin/begin /run/bin/restart
state() {
    busctl introspect org.freedesktop.resolve1 /org/freedesktop/resolve1 | grep -v -e Statistics -e NegativeTrustAnchors
    resolvectl status
    resolvectl dns
    resolvectl domain
    head -n 99 /run/systemd/resolve/*.conf
}
found() { ask matrix.hearth.example | grep -c 192.0.2.10 || true; }
bus
etc >/run/before
";

fn systemd_resolved_is_what_it_was_when_our_script_is_undone() {
    let (house, daemon) = scripted();
    let file = "/etc/systemd/resolved.conf.d/hearthdns.conf";
    let server = daemon.udp[0];
    assert_eq!(
        around(
            &house,
            "systemd-resolved",
            &format!("{AROUND_RESOLVED}{RESOLVED}")
        ),
        format!(
            "0\n--\nnote: systemd-resolved sends all other names to this server too\nwrote {file}\n\
             told systemd-resolved\ndone (resolved); to take it back, run this script with --undo\n\
             Global: {server}\nGlobal: ~hearth.example\n1\n--\nremoved {file}\ntold systemd-resolved\nundone\n\
             same state\nanother meanwhile\n6\n0\nsame\n"
        )
    );
}

/// dnsmasq by itself, which `systemctl restart` starts anew as soon as the port is free.
fn dnsmasq_takes_what_our_script_writes() {
    let (house, _daemon) = scripted();
    let begin = "dnsmasq --conf-file=/dev/null --conf-dir=/etc/dnsmasq.d --no-resolv --no-hosts --listen-address=127.0.0.1 \
                 --bind-interfaces --pid-file=/run/dnsmasq.pid --user=root";
    let words = format!(
        "mkdir -p /etc/dnsmasq.d; etc >/run/before\n\
         cat >/run/bin/restart <<'END'\n#!/bin/sh\nkill $(cat /run/dnsmasq.pid)\n\
         until {begin} 2>/dev/null; do sleep 0.1; done\nEND\nchmod +x /run/bin/restart\n{begin}\n\
         ask matrix.hearth.example\nmine\nask matrix.hearth.example\nask www.example\nmine --undo\n\
         ask matrix.hearth.example\netc | diff /run/before - && echo same\n"
    );
    let file = "/etc/dnsmasq.d/hearthdns.conf";
    assert_eq!(
        around(&house, "dnsmasq", &words),
        format!(
            "{REFUSED}--\nwrote {file}\ntold dnsmasq\ndone (dnsmasq); to take it back, run this script with --undo\n{FOUND}{REFUSED}\
             --\nremoved {file}\ntold dnsmasq\nundone\n{REFUSED}same\n"
        )
    );
}

/// Nothing that could send some names elsewhere: the hosts file, as programs of the machine read it.
const LIBC: &str = "\
look() { python3 -c 'import socket; print(socket.gethostbyname(\"matrix.hearth.example\"))' 2>/dev/null || echo nobody; }
printf '127.0.0.1 localhost' >/etc/hosts
printf 'hosts: files\\n' >/etc/nsswitch.conf
etc >/run/before
look
mine
look
mine
mine --undo
look
etc | diff /run/before - && echo same
";

fn the_libc_takes_what_our_script_writes() {
    let (house, _daemon) = scripted();
    let note = "note: changes of the zones do not arrive in a hosts file: run a new script then\n";
    let done = "done (hosts); to take it back, run this script with --undo\n";
    assert_eq!(
        around(&house, "nothing", LIBC),
        format!(
            "nobody\n--\n{note}changed /etc/hosts\n{done}192.0.2.10\n--\n{note}/etc/hosts is as it should be\n{done}--\n\
             changed /etc/hosts\nundone\nnobody\nsame\n"
        )
    );
}
