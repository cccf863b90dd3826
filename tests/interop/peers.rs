//! How other people's daemons are set up for these tests.

use std::net::SocketAddr;
use std::process::Command;

use crate::support::{House, Peer, Running, free_address, program};

pub(crate) fn nsd(zones: &[(&str, &str)]) -> Peer {
    nsd_with("", zones)
}

/// NSD of these zones; `more` goes into its server clause.
pub(crate) fn nsd_with(more: &str, zones: &[(&str, &str)]) -> Peer {
    let (house, addr) = (House::new(), free_address());
    let (ip, port) = (addr.ip(), addr.port());
    let folder = house.root().display();
    let mut config = format!(
        "server:\n  ip-address: {ip}@{port}\n  username: \"\"\n  server-count: 1\n  zonesdir: \"{folder}\"\n  \
         database: \"\"\n  pidfile: \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd\"\n  xfrdir: \"{folder}\"\n  \
         zonelistfile: \"{folder}/zone.list\"\n  rrl-ratelimit: 0\n  minimal-responses: yes\n{more}\
         remote-control:\n  control-enable: no\n"
    );
    for (name, text) in zones {
        house.write(&format!("{name}.zone"), text);
        config.push_str(&format!("zone:\n  name: {name}\n  zonefile: {name}.zone\n"));
    }
    let probe = format!("{}.", zones[0].0);
    Peer::start("nsd", &["-d", "-c"], addr, house, &config, &probe)
}

pub(crate) fn knot(zones: &[(&str, &str)], signed: bool) -> Peer {
    let (house, addr) = (House::new(), free_address());
    let (ip, port) = (addr.ip(), addr.port());
    let folder = house.root().display();
    let signing = if signed { "    dnssec-signing: on\n" } else { "" };
    let mut config = format!(
        "server:\n  rundir: \"{folder}\"\n  listen: {ip}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: \"{folder}\"\n\
         template:\n  - id: default\n    storage: \"{folder}\"\n    zonefile-sync: -1\n{signing}zone:\n"
    );
    for (name, text) in zones {
        house.write(&format!("{name}.zone"), text);
        config.push_str(&format!("  - domain: {name}\n    file: {name}.zone\n"));
    }
    let probe = format!("{}.", zones[0].0);
    Peer::start("knotd", &["-c"], addr, house, &config, &probe)
}

/// A public zone, as far as these tests go.
pub(crate) const PUBLIC: &str = "\
$TTL 300
@      SOA   ns hostmaster 1 3600 900 604800 60
@      NS    ns
ns     A     127.0.0.1
www    A     198.51.100.80
www    AAAA  2001:db8::80
alias  CNAME www
broken CNAME nowhere
empty  CNAME ns
odd    TYPE65280 \\# 3 abcdef
*.any  TXT   \"wild\"
moved  DNAME any
srv    SRV   1 2 3 www
";

pub(crate) fn public() -> String {
    let big: String = (0..200).map(|n| format!("big A 198.51.100.{n}\n")).collect();
    format!("{PUBLIC}{big}")
}

/// Unbound on this port: `more` goes into its server clause, `below` behind it; ready when it answers `probe`.
pub(crate) fn unbound(addr: SocketAddr, more: &str, below: &str, probe: &str) -> Peer {
    let (house, ip, port) = (House::new(), addr.ip(), addr.port());
    let folder = house.root().display();
    let config = format!(
        "server:\n  interface: {ip}\n  port: {port}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  \
         directory: \"{folder}\"\n  pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n  num-threads: 1\n  \
         do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n  do-ip6: no\n  ede: yes\n  \
         edns-buffer-size: 1232\n{more}remote-control:\n  control-enable: no\n{below}"
    );
    Peer::start("unbound", &["-d", "-c"], addr, house, &config, probe)
}

pub(crate) fn stub_zone(server: &Peer) -> String {
    let (ip, port) = (server.addr.ip(), server.addr.port());
    format!(
        "stub-zone:
  name: example.net
  stub-addr: {ip}@{port}
  stub-prime: no
"
    )
}

pub(crate) const ITERATE: &str = "  module-config: \"iterator\"\n";

/// Knot Resolver that forwards to `server` and validates what it says, from this trust anchor on.
pub(crate) fn kresd(
    server: SocketAddr,
    anchor: &str,
    tls: SocketAddr,
    https: SocketAddr,
    certificate: &str,
    key: &str,
) -> Peer {
    let (house, addr) = (House::new(), free_address());
    let folder = house.root().display().to_string();
    let listen = |door: SocketAddr, kind: &str| {
        format!(
            "net.listen('{}', {}, {{kind = '{kind}'}})\n",
            door.ip(),
            door.port()
        )
    };
    // Several of its modules ask the world's root servers at start and now and then.
    let config = format!(
        "{}{}{}net.tls('{certificate}', '{key}')\nnet.ipv6 = false\n\
         for _, name in ipairs({{'priming', 'ta_update', 'ta_signal_query', 'detect_time_skew', \
         'detect_time_jump'}}) do modules.unload(name) end\n\
         trust_anchors.remove('.')\ntrust_anchors.add([[{anchor}]])\n\
         cache.open(10 * MB, 'lmdb://{folder}/cache')\n\
         policy.add(policy.all(policy.FORWARD('{}@{}')))\n",
        listen(addr, "dns"),
        listen(tls, "tls"),
        listen(https, "doh2"),
        server.ip(),
        server.port()
    );
    // Without a prompt. It works in the folder in which it is started.
    Peer::start("kresd", &["-n", "-c"], addr, house, &config, "example.net.")
}

/// dnsdist before `server`.
pub(crate) fn dnsdist(
    server: SocketAddr,
    tls: SocketAddr,
    https: SocketAddr,
    certificate: &str,
    key: &str,
) -> Peer {
    let (house, addr) = (House::new(), free_address());
    // It would ask the world whether its version is a safe one.
    let config = format!(
        "setSecurityPollSuffix('')\nsetLocal('{addr}')\naddTLSLocal('{tls}', '{certificate}', '{key}')\n\
         addDOHLocal('{https}', '{certificate}', '{key}', '/dns-query')\nsetACL('127.0.0.0/8')\n\
         newServer({{address = '{server}', checkName = 'example.net.'}})\n"
    );
    Peer::start(
        "dnsdist",
        &["--supervised", "--disable-syslog", "--config"],
        addr,
        house,
        &config,
        "example.net.",
    )
}

/// Caddy that is `name` over HTTP/3 (and 1 and 2) and passes requests on to `behind`, over HTTP/2.
pub(crate) fn caddy(name: &str, addr: SocketAddr, behind: SocketAddr, certificate: &str, key: &str) -> Peer {
    let house = House::new();
    let (ip, port) = (addr.ip(), addr.port());
    let folder = house.root().display();
    // By itself it would ask an authority for a certificate, and listen on ports of everybody's.
    house.write(
        "peer.conf",
        &format!(
            "{{\n  admin off\n  auto_https off\n  storage file_system {folder}\n}}\n\
             https://:{port} {{\n  bind {ip}\n  tls {certificate} {key}\n  reverse_proxy https://{behind} {{\n    \
             header_up Host {name}\n    transport http {{\n      tls_insecure_skip_verify\n      versions 2\n    }}\n  \
             }}\n}}\n"
        ),
    );
    let mut command = Command::new(program("caddy").unwrap());
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(house.path("peer.conf"))
        .env("XDG_CONFIG_HOME", house.root())
        .env("XDG_DATA_HOME", house.root())
        .current_dir(house.root());
    let peer = Peer {
        process: Running::start(&mut command),
        addr,
        house,
    };
    peer.process.wait_for_line("the word that all is served", |line| {
        line.contains("serving initial configuration")
    });
    peer
}
