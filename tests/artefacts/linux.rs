//! The script for Linux on stand-ins for a machine: which way it takes, what it writes and says, and that all of it is taken
//! back. Before the real programs it is in `tests/interop/scripts.rs`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use hearthdns::onboard::Facts;
use hearthdns::onboard::things::Thing;

use crate::{everything, facts, text};

/// A folder that stands for a machine's root, with stand-ins for the programs that the script calls.
struct Machine(PathBuf);

impl Machine {
    fn new(programs: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("hearthdns-machine-{}-{serial}", std::process::id()));
        std::fs::remove_dir_all(&root).ok();
        std::fs::create_dir_all(root.join("bin")).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        let machine = Machine(root);
        machine.write("etc/hosts", "127.0.0.1 localhost\n");
        // Those of the machine that the test runs on must not answer for this one.
        for (name, body) in [
            ("ip", "exit 2"),
            ("resolvectl", "exit 1"),
            ("nmcli", "exit 1"),
            ("networkctl", "exit 1"),
        ]
        .iter()
        .chain(programs)
        {
            machine.program(name, body);
        }
        machine
    }

    fn program(&self, name: &str, body: &str) {
        let file = self.0.join("bin").join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&file, mode).unwrap();
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.0.join(path), text).unwrap();
    }

    fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.0.join(path)).ok()
    }

    /// Runs the script with dash or whatever is `sh`; exit code, and what it says with this folder written as nothing.
    fn run(&self, facts: &Facts, args: &[&str]) -> (i32, String) {
        self.run_thing(Thing::Linux, facts, args)
    }

    fn run_thing(&self, thing: Thing, facts: &Facts, args: &[&str]) -> (i32, String) {
        self.write("script", &text(thing, facts));
        let output = Command::new("sh")
            .arg(self.0.join("script"))
            .args(args)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.0.join("bin").display()))
            .env("HEARTHDNS_ROOT", &self.0)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said)
            .unwrap()
            .replace(&*self.0.to_string_lossy(), "");
        (output.status.code().unwrap(), said)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A systemctl of this version, for which these units run.
fn systemctl(version: u32, active: &str) -> String {
    format!(
        "case \"$1\" in --version) echo 'systemd {version} ({version}.1-1)';; \
         is-active) case ' {active} ' in *\" $3 \"*) exit 0;; esac; exit 3;; *) echo \"systemctl $*\";; esac"
    )
}

const UNDO: &str = "done (WAY); to take it back, run this script with --undo\n";

#[test]
fn linux_with_a_new_systemd_gets_a_delegate() {
    let machine = Machine::new(&[("systemctl", &systemctl(258, "systemd-resolved"))]);
    let done = UNDO.replace("WAY", "delegate");
    let file = "/etc/systemd/dns-delegate.d/hearthdns.dns-delegate";
    let told = "systemctl reload-or-restart systemd-resolved\ntold systemd-resolved\n";
    assert_eq!(
        machine.run(&facts(), &[]),
        (0, format!("wrote {file}\n{told}{done}"))
    );
    assert_eq!(
        machine.read(&file[1..]).unwrap(),
        "# this script made this folder\n[Delegate]\nDNS=192.168.1.10 fd00::10\nDomains=~home.example ~lab.test\nDefaultRoute=no\n"
    );
    assert_eq!(
        machine.run(&facts(), &[]),
        (0, format!("{file} is as it should be\n{done}"))
    );
    let mut other = everything();
    other.server.ports.plain = Some(5300);
    machine.run(&other, &[]);
    assert_eq!(
        machine.read(&file[1..]).unwrap(),
        "# this script made this folder\n[Delegate]\nDNS=192.168.1.10:5300 [fd00::10]:5300\nDomains=~.\nDefaultRoute=yes\n"
    );
    // As the page has it: fetched and run, with no file of the first script at hand.
    assert_eq!(
        machine.run_thing(Thing::LinuxUndo, &facts(), &[]),
        (0, format!("removed {file}\n{told}undone\n"))
    );
    assert_eq!(machine.read(&file[1..]), None);
    assert_eq!(machine.run(&facts(), &["--undo"]), (0, "undone\n".to_owned()));
}

#[test]
fn linux_with_an_older_systemd_is_told_that_a_delegate_waits_for_a_new_one() {
    let machine = Machine::new(&[("systemctl", &systemctl(257, "systemd-resolved"))]);
    assert_eq!(
        machine.run(&facts(), &["--way", "delegate"]),
        (
            0,
            format!(
                "note: systemd-resolved reads this file from version 258 on, and here is 257\n\
                 wrote /etc/systemd/dns-delegate.d/hearthdns.dns-delegate\n\
                 systemctl reload-or-restart systemd-resolved\ntold systemd-resolved\n{}",
                UNDO.replace("WAY", "delegate")
            )
        )
    );
}

#[test]
fn linux_with_an_older_systemd_gets_hosts_and_is_told_why() {
    let machine = Machine::new(&[("systemctl", &systemctl(252, "systemd-resolved"))]);
    let notes = "note: systemd 252 cannot send some names to a server of their own here, and 258 can: no link leads to 192.168.1.10\n\
                 note: changes of the zones do not arrive in a hosts file: run a new script then\n";
    let done = UNDO.replace("WAY", "hosts");
    assert_eq!(
        machine.run(&facts(), &[]),
        (0, format!("{notes}changed /etc/hosts\n{done}"))
    );
    let ours = "127.0.0.1 localhost\n# hearthdns begin\n192.168.1.20 matrix.home.example\n# hearthdns end\n";
    assert_eq!(machine.read("etc/hosts").unwrap(), ours);
    assert_eq!(
        machine.run(&facts(), &[]),
        (0, format!("{notes}/etc/hosts is as it should be\n{done}"))
    );
    // Another way takes the place of the first one.
    let (code, said) = machine.run(&facts(), &["--way", "resolved"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(machine.read("etc/hosts").unwrap(), "127.0.0.1 localhost\n");
    assert_eq!(
        machine
            .read("etc/systemd/resolved.conf.d/hearthdns.conf")
            .unwrap(),
        "# this script made this folder\n[Resolve]\nDNS=192.168.1.10 fd00::10\nDomains=~home.example ~lab.test\n"
    );
    let (code, said) = machine.run(&facts(), &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(machine.read("etc/systemd/resolved.conf.d/hearthdns.conf"), None);
    assert_eq!(machine.read("etc/hosts").unwrap(), ours);
    assert_eq!(
        machine.run(&facts(), &["--undo"]),
        (0, "changed /etc/hosts\nundone\n".to_owned())
    );
    assert_eq!(machine.read("etc/hosts").unwrap(), "127.0.0.1 localhost\n");
}

/// A machine on which `wg0` leads to the first address of the server and `eth0` to the second. What they have stands in
/// files: `dns-wg0` and so on.
fn machine_with_links(active: &str) -> Machine {
    let machine = Machine::new(&[
        ("systemctl", &systemctl(252, active)),
        (
            "ip",
            "case \"$*\" in\n\
             '-o route get 192.168.1.10') echo '192.168.1.10 dev wg0 table 51820 src 10.0.0.2 uid 0 \\    cache ';;\n\
             '-o route get fd00::10') echo 'fd00::10 from :: via fe80::1 dev eth0 proto ra src fd00::2 metric 1024 pref medium';;\n\
             *) exit 2;; esac",
        ),
        (
            "resolvectl",
            "[ \"$#$2\" = 3-- ] || exit 1; echo \"Link 7 ($3):$(cat \"${0%bin/*}$1-$3\")\"",
        ),
        (
            "systemd-escape",
            "[ \"$*\" = '--path --suffix=device -- /sys/subsystem/net/devices/wg0' ] || exit 1; echo wg0.device",
        ),
    ]);
    for (file, text) in [
        ("dns-wg0", ""),
        ("domain-wg0", ""),
        ("dns-eth0", " 192.168.1.1"),
        ("domain-eth0", " lan"),
    ] {
        machine.write(file, text);
    }
    std::fs::create_dir_all(machine.0.join("etc/systemd/system")).unwrap();
    machine
}

const LINK_UNIT: &str = "/etc/systemd/system/hearthdns-link.service";
const LINK_BEGUN: &str = "systemctl daemon-reload\nsystemctl enable --quiet hearthdns-link.service\n\
                          systemctl restart hearthdns-link.service\ntold systemd\n";
const LINK_ENDED: &str = "systemctl disable --quiet --now hearthdns-link.service\n";

#[test]
fn linux_with_a_link_of_its_own_to_us_gets_a_unit() {
    let machine = machine_with_links("systemd-resolved dnsmasq wg0.device");
    std::fs::create_dir(machine.0.join("etc/dnsmasq.d")).unwrap();
    let done = UNDO.replace("WAY", "link");
    assert_eq!(
        machine.run(&facts(), &[]),
        (0, format!("wrote {LINK_UNIT}\n{LINK_BEGUN}{done}"))
    );
    // Without the server that another link leads to.
    let unit = |server: &str| {
        format!(
            "[Unit]\nDescription=Send names of some zones to HearthDNS through the link that leads to it\n\
             BindsTo=wg0.device\nAfter=wg0.device systemd-resolved.service\n\n\
             [Service]\nType=oneshot\nRemainAfterExit=yes\n\
             ExecStart=/bin/resolvectl dns -- wg0 {server}\n\
             ExecStart=/bin/resolvectl domain -- wg0 ~home.example ~lab.test\n\
             ExecStart=/bin/resolvectl default-route -- wg0 no\n\
             ExecStop=-/bin/resolvectl revert -- wg0\n\n[Install]\nWantedBy=wg0.device\n"
        )
    };
    let written = |machine: &Machine| {
        let text = machine.read(&LINK_UNIT[1..]).unwrap();
        text.replace(&*machine.0.to_string_lossy(), "")
    };
    assert_eq!(written(&machine), unit("192.168.1.10"));
    // Where it does not run it is begun again.
    machine.write("dns-wg0", " 192.168.1.10");
    machine.write("domain-wg0", " ~home.example\n  ~lab.test");
    assert_eq!(
        machine.run(&facts(), &[]),
        (0, format!("{LINK_UNIT} is as it should be\n{LINK_BEGUN}{done}"))
    );
    // Another port: what the link was told before is taken back by the unit that knows it.
    let mut other = facts();
    other.server.ports.plain = Some(5300);
    assert_eq!(
        machine.run(&other, &["--way", "link"]),
        (0, format!("{LINK_ENDED}wrote {LINK_UNIT}\n{LINK_BEGUN}{done}"))
    );
    assert_eq!(written(&machine), unit("192.168.1.10:5300"));
    // Ended, it has taken them back.
    machine.write("dns-wg0", "");
    machine.write("domain-wg0", "");
    let (code, said) = machine.run(&other, &["--way", "hosts"]);
    assert_eq!(code, 0);
    assert_eq!(
        said,
        format!(
            "{LINK_ENDED}removed {LINK_UNIT}\nsystemctl daemon-reload\ntold systemd\n\
             note: changes of the zones do not arrive in a hosts file: run a new script then\nchanged /etc/hosts\n{}",
            UNDO.replace("WAY", "hosts")
        )
    );
}

#[test]
fn linux_whose_link_cannot_be_told_says_why() {
    let refused = |machine: &Machine, facts: &Facts, why: &str| {
        assert_eq!(
            machine.run(facts, &["--way", "link"]),
            (
                1,
                format!(
                    "a link cannot be told of our servers: {why}; run this without --way, or see --help\n"
                )
            )
        );
        assert_eq!(machine.read(&LINK_UNIT[1..]), None);
    };
    let machine = machine_with_links("systemd-resolved");
    refused(
        &machine,
        &everything(),
        "all names are to be sent, and a link is told of some",
    );
    // Ours among them, but given by somebody else.
    machine.write("dns-wg0", " 192.168.1.10\n 192.0.2.1");
    refused(
        &machine,
        &facts(),
        "the link wg0, which leads to 192.168.1.10, has servers of its own: 192.168.1.10 192.0.2.1",
    );
    machine.write("dns-wg0", "");
    refused(
        &machine,
        &facts(),
        "systemd has no device for the link wg0, which leads to 192.168.1.10",
    );
    machine.write("domain-wg0", " ~home.example");
    refused(
        &machine,
        &facts(),
        "the link wg0, which leads to 192.168.1.10, has domains of its own: ~home.example",
    );
    let mut outside = facts();
    outside.server.addresses.remove(0);
    outside.server.ports.plain = Some(5300);
    refused(
        &machine,
        &outside,
        "the link eth0, which leads to fd00::10, has servers of its own: 192.168.1.1",
    );
    outside.server.addresses = vec!["192.0.2.1".parse().unwrap()];
    refused(&machine, &outside, "no link leads to 192.0.2.1");
    for (dev, why) in [
        ("lo", "192.168.1.10 is this machine"),
        (
            "wg\\033",
            "the name of the link that leads to 192.168.1.10 is not plain",
        ),
        (
            "other",
            "systemd-resolved does not know the link other, which leads to 192.168.1.10",
        ),
    ] {
        let machine = Machine::new(&[
            ("systemctl", &systemctl(252, "systemd-resolved")),
            ("ip", &format!("printf '192.168.1.10 dev {dev} src 10.0.0.2'")),
            ("resolvectl", "echo 'Link 7 (dev):'"),
        ]);
        refused(&machine, &facts(), why);
    }
    // Whoever manages the link would take it back; what is only watched is free.
    let nmcli = |state: &str| format!("[ \"$*\" = '-g GENERAL.STATE device show wg0' ] && echo '{state}'");
    let networkctl = |state: &str| {
        format!(
            "[ \"$*\" = '--no-legend --no-pager list -- wg0' ] && echo '  7 wg0    wireguard routable    {state}'"
        )
    };
    let machine = machine_with_links("systemd-resolved wg0.device NetworkManager systemd-networkd");
    machine.program("networkctl", &networkctl("unmanaged"));
    for body in ["exit 10", &nmcli("100 (connected)"), &nmcli("30 (disconnected)")] {
        machine.program("nmcli", body);
        refused(
            &machine,
            &facts(),
            "NetworkManager manages the link wg0, which leads to 192.168.1.10, and takes back what others tell it; give its \
             connection ipv4.dns, and ipv4.dns-search with ~ before each zone",
        );
    }
    machine.program("nmcli", &nmcli("100 (connected (externally))"));
    for state in ["configured", "configuring", "pending"] {
        machine.program("networkctl", &networkctl(state));
        refused(
            &machine,
            &facts(),
            "systemd-networkd manages the link wg0, which leads to 192.168.1.10, and forgets what others tell it; give its \
             .network file DNS=, Domains= with ~ before each zone, and DNSDefaultRoute=no",
        );
    }
    for state in ["100 (connected (externally))", "10 (unmanaged)"] {
        machine.program("nmcli", &nmcli(state));
        machine.program("networkctl", &networkctl("unmanaged"));
        let done = UNDO.replace("WAY", "link");
        assert_eq!(
            machine.run(&facts(), &[]),
            (0, format!("wrote {LINK_UNIT}\n{LINK_BEGUN}{done}"))
        );
        machine.run(&facts(), &["--undo"]);
    }
    refused(&machine_with_links(""), &facts(), "systemd-resolved does not run");
}

#[test]
fn linux_of_which_all_names_are_wanted_sends_them() {
    let machine = machine_with_links("systemd-resolved");
    let file = "/etc/systemd/resolved.conf.d/hearthdns.conf";
    let note = "note: systemd-resolved sends all names to this server; away from it none is found until this is undone\n";
    let told = "systemctl reload-or-restart systemd-resolved\ntold systemd-resolved\n";
    assert_eq!(
        machine.run(&everything(), &[]),
        (
            0,
            format!("{note}wrote {file}\n{told}{}", UNDO.replace("WAY", "resolved"))
        )
    );
    assert_eq!(
        machine.read(&file[1..]).unwrap(),
        "# this script made this folder\n[Resolve]\nDNS=192.168.1.10 fd00::10\nDomains=~.\n"
    );
    assert_eq!(
        machine.run(&everything(), &["--undo"]),
        (0, format!("removed {file}\n{told}undone\n"))
    );
}

#[test]
fn linux_with_dnsmasq_gets_its_lines() {
    let programs = [
        ("systemctl", systemctl(252, "NetworkManager systemd-resolved")),
        ("NetworkManager", "echo '[main]'; echo 'dns=dnsmasq'".to_owned()),
        ("nmcli", "echo \"nmcli $*\"".to_owned()),
    ];
    let programs: Vec<(&str, &str)> = programs
        .iter()
        .map(|(name, body)| (*name, body.as_str()))
        .collect();
    let machine = Machine::new(&programs);
    let file = "/etc/NetworkManager/dnsmasq.d/hearthdns.conf";
    let told = "nmcli general reload dns-full\ntold NetworkManager\n";
    assert_eq!(
        machine.run(&facts(), &[]),
        (
            0,
            format!("wrote {file}\n{told}{}", UNDO.replace("WAY", "networkmanager"))
        )
    );
    let lines = "# this script made this folder\nserver=/home.example/192.168.1.10\nserver=/home.example/fd00::10\nrebind-domain-ok=/home.example/\n\
                 server=/lab.test/192.168.1.10\nserver=/lab.test/fd00::10\nrebind-domain-ok=/lab.test/\n";
    assert_eq!(machine.read(&file[1..]).unwrap(), lines);
    assert_eq!(
        machine.run(&facts(), &["--undo"]),
        (0, format!("removed {file}\n{told}undone\n"))
    );
    let machine = Machine::new(&[("systemctl", &systemctl(252, "dnsmasq"))]);
    std::fs::create_dir(machine.0.join("etc/dnsmasq.d")).unwrap();
    let mut port = everything();
    port.server.ports.plain = Some(5300);
    let (code, said) = machine.run(&port, &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        machine.read("etc/dnsmasq.d/hearthdns.conf").unwrap(),
        "server=192.168.1.10#5300\nserver=fd00::10#5300\n"
    );
}

/// Everything below /etc: folders, and files with what stands in them.
fn etc(machine: &Machine) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![machine.0.join("etc")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let held = if path.is_dir() {
                b"folder".to_vec()
            } else {
                std::fs::read(&path).unwrap()
            };
            found.push((path.display().to_string(), held));
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn linux_is_byte_for_byte_what_it_was_when_all_is_taken_back() {
    let answers = systemctl(258, "systemd-resolved NetworkManager dnsmasq wg0.device");
    for way in [
        "delegate",
        "link",
        "resolved",
        "networkmanager",
        "dnsmasq",
        "hosts",
    ] {
        for (hosts, has_folders) in [
            (Some("127.0.0.1 localhost\n"), false),
            (Some("127.0.0.1 localhost"), true),
            (Some("127.0.0.1 localhost\n\n"), false),
            (Some("\n"), false),
            (Some(""), true),
            (None, false),
        ] {
            let machine = Machine::new(&[
                ("systemctl", &answers),
                ("nmcli", "echo '10 (unmanaged)'"),
                ("ip", "echo \"$4 dev wg0\""),
                ("resolvectl", "echo 'Link 7 (wg0):'"),
                ("systemd-escape", "echo wg0.device"),
            ]);
            std::fs::remove_file(machine.0.join("etc/hosts")).unwrap();
            if let Some(hosts) = hosts {
                machine.write("etc/hosts", hosts);
            }
            for folder in ["systemd", "NetworkManager"] {
                std::fs::create_dir_all(machine.0.join("etc").join(folder)).unwrap();
            }
            if has_folders {
                for folder in [
                    "systemd/dns-delegate.d",
                    "systemd/system",
                    "systemd/resolved.conf.d",
                    "NetworkManager/dnsmasq.d",
                    "dnsmasq.d",
                ] {
                    std::fs::create_dir(machine.0.join("etc").join(folder)).unwrap();
                }
            }
            let before = etc(&machine);
            // Twice, and by another way in between.
            for words in [
                &["--way", way][..],
                &["--way", "hosts"],
                &["--way", way],
                &["--way", way],
            ] {
                let (code, said) = machine.run(&facts(), words);
                assert_eq!(code, 0, "{way} {hosts:?}: {said}");
                assert_ne!(etc(&machine), before);
            }
            let (code, said) = machine.run(&facts(), &["--undo"]);
            assert_eq!((code, etc(&machine)), (0, before), "{way} {hosts:?}: {said}");
        }
    }
}

#[test]
fn linux_keeps_what_others_wrote_beside_ours() {
    let machine = Machine::new(&[("systemctl", &systemctl(252, ""))]);
    machine.write("etc/hosts", "127.0.0.1 localhost");
    machine.run(&facts(), &[]);
    let ours = machine.read("etc/hosts").unwrap();
    machine.write("etc/hosts", &format!("{ours}192.0.2.1 later.example\n"));
    machine.run(&facts(), &["--undo"]);
    assert_eq!(
        machine.read("etc/hosts").unwrap(),
        "127.0.0.1 localhost\n192.0.2.1 later.example\n"
    );
    // A folder that we made stays while somebody else has a file in it.
    machine.run(&facts(), &["--way", "dnsmasq"]);
    machine.write("etc/dnsmasq.d/other.conf", "cache-size=0\n");
    let (_, said) = machine.run(&facts(), &["--undo"]);
    assert_eq!(
        said,
        "removed /etc/dnsmasq.d/hearthdns.conf\nsystemctl restart dnsmasq\ntold dnsmasq\nundone\n"
    );
    assert_eq!(
        machine.read("etc/dnsmasq.d/other.conf").unwrap(),
        "cache-size=0\n"
    );
    // Lines of ours without their end are left alone, because nobody knows where they end.
    let broken =
        "127.0.0.1 localhost\n# hearthdns begin\n192.168.1.20 matrix.home.example\n192.0.2.1 mine.example\n";
    machine.write("etc/hosts", broken);
    for words in [&["--way", "hosts"][..], &["--undo"]] {
        let (code, said) = machine.run(&facts(), words);
        assert_eq!(code, 1, "{said}");
        assert!(
            said.contains(
                "/etc/hosts: between the lines `# hearthdns begin` and `# hearthdns end` stands what this script wrote, and one \
                 of them is missing; remove the other one and what is not yours by hand\n"
            ),
            "{said}"
        );
        assert_eq!(machine.read("etc/hosts").unwrap(), broken);
    }
}

#[test]
fn linux_that_cannot_do_it_says_so_and_is_left_alone() {
    let machine = Machine::new(&[]);
    let mut bare = facts();
    bare.server.hosts.clear();
    assert_eq!(
        machine.run(&bare, &[]),
        (
            1,
            "nothing here can send some names to a server of their own; have the router do it, or see --help\n".to_owned()
        )
    );
    assert_eq!(
        machine.run(&bare, &["--way"]),
        (1, "--way needs a word; see --help\n".to_owned())
    );
    assert_eq!(
        machine.run(&bare, &["--way", "x"]),
        (1, "there is no way x; see --help\n".to_owned())
    );
    assert_eq!(
        machine.run(&bare, &["-x"]),
        (1, "unknown word -x; see --help\n".to_owned())
    );
    assert_eq!(machine.read("etc/hosts").unwrap(), "127.0.0.1 localhost\n");
}

#[test]
fn linux_whose_resolver_cannot_be_told_says_so_at_the_end() {
    let mut answers = systemctl(258, "systemd-resolved");
    answers.push_str("; case $1 in reload-or-restart) exit 1;; esac");
    let machine = Machine::new(&[("systemctl", &answers)]);
    let file = "/etc/systemd/dns-delegate.d/hearthdns.dns-delegate";
    let (code, said) = machine.run(&facts(), &[]);
    assert_eq!(code, 1);
    assert!(said.starts_with(&format!("wrote {file}\n")), "{said}");
    assert!(
        said.ends_with("systemd-resolved cannot be told: restart it, or this machine\n"),
        "{said}"
    );
    let (code, said) = machine.run(&facts(), &["--undo"]);
    assert_eq!(code, 1);
    assert!(said.contains("undone\n"), "{said}");
    assert_eq!(machine.read(&file[1..]), None);
    // A unit that does not begin, and one that does not end: the rest is done all the same.
    let machine = machine_with_links("");
    let answers = systemctl(252, "systemd-resolved wg0.device");
    machine.program(
        "systemctl",
        &format!("{answers}\ncase $1 in restart|disable) exit 1;; esac"),
    );
    let cannot = "systemd cannot be told: restart it, or this machine\n";
    let begun = LINK_BEGUN.replace("told systemd\n", "");
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (code, said) = machine.run(&facts(), &[]);
    let done = UNDO.replace("WAY", "link");
    assert_eq!(
        (code, sorted(&said)),
        (1, sorted(&format!("wrote {LINK_UNIT}\n{begun}{done}{cannot}")))
    );
    let (code, said) = machine.run(&facts(), &["--undo"]);
    assert_eq!(
        (code, sorted(&said)),
        (
            1,
            sorted(&format!(
                "{LINK_ENDED}removed {LINK_UNIT}\nsystemctl daemon-reload\nundone\n{cannot}"
            ))
        )
    );
    assert_eq!(machine.read(&LINK_UNIT[1..]), None);
}
