//! Names of the devices of the house, by the whole daemon: files are written, replaced by rename, damaged and removed under
//! it, and every answer follows.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use support::{Daemon, House, rcode, rtype};

const CONFIG: &str = "lan:\n  domain: lan\n  leases: [leases/dhcp.leases]\n  hosts: [hosts, etc/hosts]\n  ethers: \
                      etc/ethers\nname: dns.lan\naddresses: [192.168.1.1]\n";

/// Replaces a file as DHCP servers and editors do: by one beside it that takes its name.
fn replace(house: &House, path: &str, text: &str) {
    house.write(&format!("{path}.new"), text);
    std::fs::rename(house.path(&format!("{path}.new")), house.path(path)).unwrap();
}

/// The answer's data, or the response code.
fn told(daemon: &Daemon, name: &str, qtype: u16) -> String {
    let reply = daemon.ask(name, qtype);
    match reply.rcode {
        rcode::NOERROR => reply
            .answers
            .iter()
            .map(|record| record.to_string().rsplit_once(' ').unwrap().1.to_owned())
            .collect::<Vec<_>>()
            .join(" "),
        rcode::NXDOMAIN => "NXDOMAIN".to_owned(),
        code => format!("rcode {code}"),
    }
}

/// Waits until the daemon has said this so many times.
fn wait(daemon: &Daemon, count: usize, words: &str) {
    daemon
        .process
        .wait_for_lines(words, count, |line| line.contains(words));
}

#[test]
fn openwrt_s_settings_of_dhcp_tell_names() {
    let house = House::new().config("lan: {domain: lan, leases: [leases], dhcp: dhcp/dhcp}\n");
    house.write("leases", "0 52:54:00:00:00:0a 192.168.1.30 android-5 *\n");
    let daemon = house.start();
    assert_eq!(told(&daemon, "android-5.lan.", rtype::A), "192.168.1.30");
    replace(
        &house,
        "dhcp/dhcp",
        "config domain\n\toption name 'nas'\n\toption ip '192.168.1.2'\n\nconfig host\n\toption name 'tv'\n\toption mac \
         '52:54:00:00:00:0A'\n",
    );
    wait(&daemon, 1, "names of the LAN: 2, 0 refused");
    assert_eq!(told(&daemon, "nas.lan.", rtype::A), "192.168.1.2");
    assert_eq!(told(&daemon, "2.1.168.192.in-addr.arpa.", rtype::PTR), "nas.lan.");
    // The lease has a person's name now.
    assert_eq!(told(&daemon, "tv.lan.", rtype::A), "192.168.1.30");
    assert_eq!(told(&daemon, "android-5.lan.", rtype::A), "NXDOMAIN");
    replace(&house, "dhcp/dhcp", "config domain\n\toption name 'nas\n");
    wait(&daemon, 1, "dhcp/dhcp:2:");
    assert_eq!(told(&daemon, "nas.lan.", rtype::A), "192.168.1.2");
    assert_eq!(told(&daemon, "tv.lan.", rtype::A), "192.168.1.30");
    std::fs::remove_file(house.path("dhcp/dhcp")).unwrap();
    wait(&daemon, 2, "names of the LAN: 1, 0 refused");
    assert_eq!(told(&daemon, "android-5.lan.", rtype::A), "192.168.1.30");
}

#[test]
fn names_follow_the_files() {
    let house = House::new().config(CONFIG).zone("lan", "held A 192.168.1.99\n");
    // Neither the folder of leases nor that of hosts is there yet.
    let daemon = house.start();
    assert_eq!(told(&daemon, "laptop.lan.", rtype::A), "NXDOMAIN");
    house.write(
        "leases/dhcp.leases",
        "0 52:54:00:12:34:56 192.168.1.20 Laptop *\n",
    );
    wait(&daemon, 1, "names of the LAN: 1, 0 refused");
    assert_eq!(told(&daemon, "laptop.lan.", rtype::A), "192.168.1.20");
    assert_eq!(
        told(&daemon, "20.1.168.192.in-addr.arpa.", rtype::PTR),
        "laptop.lan."
    );

    replace(
        &house,
        "leases/dhcp.leases",
        "0 52:54:00:12:34:56 192.168.1.21 Laptop *\n0 52:54:00:00:00:66 192.168.1.66 wpad *\n\
         0 52:54:00:00:00:67 192.168.1.67 held *\n0 52:54:00:00:00:68 192.168.1.68 dns *\n",
    );
    wait(&daemon, 1, "names of the LAN: 2, 2 refused");
    assert_eq!(told(&daemon, "laptop.lan.", rtype::A), "192.168.1.21");
    assert_eq!(
        told(&daemon, "20.1.168.192.in-addr.arpa.", rtype::PTR),
        "NXDOMAIN"
    );
    assert_eq!(told(&daemon, "wpad.lan.", rtype::A), "NXDOMAIN");
    assert_eq!(told(&daemon, "held.lan.", rtype::A), "192.168.1.99");
    assert_eq!(told(&daemon, "dns.lan.", rtype::A), "192.168.1.1");
    let line = "dhcp.leases:2: the name `wpad` of 192.168.1.66 is not answered: programs trust this name blindly, so no \
                device may have it";
    wait(&daemon, 1, line);

    // What odhcpd writes into the folder of hosts files are claims of devices like its leases.
    house.write(
        "hosts/odhcpd.hosts.lan",
        "fd00::2 nas\n192.168.1.2 nas\nfd00::66 wpad\n",
    );
    wait(&daemon, 1, "names of the LAN: 4, 3 refused");
    assert_eq!(told(&daemon, "nas.lan.", rtype::AAAA), "fd00::2");
    assert_eq!(told(&daemon, "wpad.lan.", rtype::AAAA), "NXDOMAIN");
    // A second rename over the same file, which a watch on the file would miss.
    replace(
        &house,
        "hosts/odhcpd.hosts.lan",
        "fd00::3 nas\n192.168.1.2 nas\n192.168.1.3 tv\n",
    );
    wait(&daemon, 1, "names of the LAN: 5, 2 refused");
    assert_eq!(told(&daemon, "nas.lan.", rtype::AAAA), "fd00::3");
    std::fs::remove_dir_all(house.path("hosts")).unwrap();
    wait(&daemon, 2, "names of the LAN: 2, 2 refused");
    assert_eq!(told(&daemon, "nas.lan.", rtype::AAAA), "NXDOMAIN");
    house.write("etc/ethers", "52:54:00:12:34:56 desk\n");
    house.write("etc/hosts", "127.0.0.1 localhost\n192.168.1.2 nas.lan files\n");
    wait(&daemon, 1, "names of the LAN: 4, 2 refused");
    assert_eq!(told(&daemon, "desk.lan.", rtype::A), "192.168.1.21");
    assert_eq!(told(&daemon, "laptop.lan.", rtype::A), "NXDOMAIN");

    let ran = house.dnsctl(&["lan"]).ok();
    assert_eq!(
        (house.neutral(&ran.stdout).as_str(), ran.stderr.as_str()),
        (
            "NAME        ADDRESS       UNTIL  DEVICE             FROM\n\
             nas.lan.    192.168.1.2   -      -                  HOUSE/etc/hosts:2\n\
             files.lan.  192.168.1.2   -      -                  HOUSE/etc/hosts:2\n\
             desk.lan.   192.168.1.21  -      52:54:00:12:34:56  HOUSE/leases/dhcp.leases:1\n\
             held.lan.   192.168.1.67  -      52:54:00:00:00:67  HOUSE/leases/dhcp.leases:3, hidden by the zone lan.\n\
             \n\
             refused:\n  \
             HOUSE/leases/dhcp.leases:2: `wpad` of 192.168.1.66: programs trust this name blindly, so no device may have \
             it\n  \
             HOUSE/leases/dhcp.leases:4: `dns` of 192.168.1.68: it is this server's own name, whose addresses are those of \
             `addresses:` or of the interfaces\n",
            ""
        )
    );
    let ran = house.dnsctl(&["explain", "desk.lan"]).ok();
    let line = "desk.lan. has 192.168.1.21: line 1 of HOUSE/leases/dhcp.leases, a lease of 52:54:00:12:34:56 without end";
    assert!(house.neutral(&ran.stdout).contains(line), "{}", ran.stdout);
    let ran = house.dnsctl(&["explain", "held.lan"]).ok();
    assert!(!ran.stdout.contains("dhcp.leases"), "{}", ran.stdout);
}

#[test]
fn a_damaged_file_is_told_and_its_last_good_names_stay() {
    let house = House::new().config(CONFIG);
    house.write("etc/hosts", "192.168.1.2 nas\n192.168.1.3 tv\n");
    let daemon = house.start();
    assert_eq!(told(&daemon, "nas.lan.", rtype::A), "192.168.1.2");
    replace(&house, "etc/hosts", "192.168.1.4 tv\n192.168.1.x nas\n");
    wait(
        &daemon,
        1,
        "etc/hosts:2:1: expected an address, found `192.168.1.x`",
    );
    assert_eq!(told(&daemon, "nas.lan.", rtype::A), "192.168.1.2");
    let status = house.dnsctl(&["status"]).ok().stdout;
    let line = "HOUSE/etc/hosts:2:1: expected an address, found `192.168.1.x`";
    assert!(house.neutral(&status).contains(line), "{status}");
    let ran = house.dnsctl(&["lan"]).ok();
    assert_eq!(
        house.neutral(&ran.stderr),
        "note: HOUSE/etc/hosts is damaged, and the names that it gave before stay; `dnsctl status` says what is wrong\n"
    );
    // So is one that is too large to be read.
    replace(&house, "etc/hosts", &"192.168.1.5 filler\n".repeat(60_000));
    wait(
        &daemon,
        1,
        "it cannot be read: it is larger than 1 MiB; the names that it gave last stay",
    );
    assert_eq!(told(&daemon, "tv.lan.", rtype::A), "192.168.1.4");
    replace(&house, "etc/hosts", "192.168.1.4 tv\n");
    wait(&daemon, 1, "etc/hosts is whole again");
    wait(&daemon, 1, "names of the LAN: 1, 0 refused");
    assert_eq!(told(&daemon, "nas.lan.", rtype::A), "NXDOMAIN");
    assert!(!house.dnsctl(&["status"]).ok().stdout.contains("etc/hosts"));
}

#[test]
fn a_lease_ends_by_itself() {
    let house = House::new().config(CONFIG);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let leases = format!(
        "{} 52:54:00:00:00:01 192.168.1.20 short *\n0 52:54:00:00:00:02 192.168.1.21 long *\n",
        now + 3
    );
    house.write("leases/dhcp.leases", &leases);
    // A daemon that starts too late finds the lease over, and says the same.
    let daemon = house.start();
    wait(&daemon, 1, "names of the LAN: 1, 0 refused");
    assert_eq!(told(&daemon, "short.lan.", rtype::A), "NXDOMAIN");
    assert_eq!(told(&daemon, "long.lan.", rtype::A), "192.168.1.21");
}

#[test]
fn without_the_section_nothing_is_known() {
    let house = House::new();
    let _daemon = house.start();
    let ran = house.dnsctl(&["lan"]).fails(1);
    assert_eq!(
        ran.stderr,
        "dnsctl: nothing says where names of the LAN come from; add `lan: {domain: lan, …}` to the configuration\n"
    );
}
