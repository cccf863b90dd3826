//! The small world of DNS in which the tests live: its zones, who signs them and how, and what is wrong with some.

use std::fmt::Write as _;
use std::process::Command;

use crate::support::{Daemon, House, Peer, free_address, program, run};

/// What every leaf zone holds.
pub(crate) const LEAF: &str = "\
@     NS    ns
ns    A     192.0.2.53
www   A     192.0.2.80
www   AAAA  2001:db8::80
alias CNAME www
away  CNAME www.good3.tld.
gone  CNAME nowhere.good3.tld.
plain CNAME www.unsigned.tld.
*.any TXT   \"wild\"
x.y   TXT   \"below an empty name\"
moved DNAME y
";

/// How a zone is signed.
#[derive(Clone, Copy)]
pub(crate) struct Signing {
    algorithm: &'static str,
    /// Further arguments of ldns-signzone.
    more: &'static [&'static str],
}

pub(crate) const NSEC: Signing = Signing {
    algorithm: "ECDSAP256SHA256",
    more: &[],
};
pub(crate) const NSEC3: Signing = Signing {
    algorithm: "ECDSAP256SHA256",
    more: &["-n", "-t", "1", "-s", "abcd"],
};

pub(crate) struct World {
    pub(crate) server: Peer,
    /// The root's key, for those who are to believe in this world.
    pub(crate) anchor: String,
}

impl World {
    pub(crate) fn new() -> Self {
        // A delegation that no record of the chain knows: what opt-out is for.
        let hidden = |zone: &str| {
            format!("hidden.{zone}. 300 IN NS ns.hidden.{zone}.\nns.hidden.{zone}. 300 IN A 192.0.2.53\n")
        };
        let maker = Maker { house: House::new() };
        let mut tld = String::new();
        let mut zones: Vec<(&str, String)> = Vec::new();
        let mut add = |name: &'static str, (text, ds): (String, String), delegate: &str| {
            let label = name.split('.').next().unwrap();
            let ds = if delegate == "unsigned" { String::new() } else { ds };
            writeln!(tld, "{label} NS ns.{label}\nns.{label} A 192.0.2.53\n{ds}").unwrap();
            zones.push((name, text));
        };
        add("good.tld", maker.leaf("good.tld", NSEC), "");
        let (text, ds) = maker.leaf("good3.tld", NSEC3);
        add("good3.tld", (text + &hidden("good3.tld"), ds), "");
        for (name, algorithm) in [
            ("rsa256.tld", "RSASHA256"),
            ("rsa512.tld", "RSASHA512"),
            ("p384.tld", "ECDSAP384SHA384"),
            ("ed25519.tld", "ED25519"),
            ("ed448.tld", "ED448"),
        ] {
            add(name, maker.leaf(name, Signing { algorithm, ..NSEC }), "");
        }
        let dear = Signing {
            more: &["-n", "-t", "200"],
            ..NSEC
        };
        add("dear.tld", maker.leaf("dear.tld", dear), "");
        add(
            "unsigned.tld",
            (maker.plain("unsigned.tld"), String::new()),
            "unsigned",
        );
        add("island.tld", maker.leaf("island.tld", NSEC), "unsigned");
        let expired = Signing {
            more: &["-i", "20260101000000", "-e", "20260201000000"],
            ..NSEC
        };
        add("expired.tld", maker.leaf("expired.tld", expired), "");
        let early = Signing {
            more: &["-i", "20900101000000", "-e", "20900201000000"],
            ..NSEC
        };
        add("early.tld", maker.leaf("early.tld", early), "");
        // The parent names another key than the one that signed.
        let (text, _) = maker.leaf("mismatch.tld", NSEC);
        let (_, other) = maker.leaf("mismatch.tld", NSEC);
        add("mismatch.tld", (text, other), "");
        let damaged = |name, damage: &dyn Fn(&str) -> bool| {
            let (text, ds) = maker.leaf(name, NSEC);
            let kept: Vec<&str> = text.lines().filter(|line| !damage(line)).collect();
            assert!(kept.len() < text.lines().count(), "{name} is as it was");
            (kept.join("\n") + "\n", ds)
        };
        let is_sig = |line: &str, covered: &str| line.contains(&format!("RRSIG\t{covered} "));
        let at = |line: &str, owner: &str| line.starts_with(owner);
        add(
            "stripped.tld",
            damaged("stripped.tld", &|line| at(line, "www.") && is_sig(line, "A")),
            "",
        );
        add(
            "keyless.tld",
            damaged("keyless.tld", &|line| {
                line.contains("\tDNSKEY\t") || is_sig(line, "DNSKEY")
            }),
            "",
        );
        add(
            "nodenial.tld",
            damaged("nodenial.tld", &|line| {
                line.contains("\tNSEC\t") || is_sig(line, "NSEC")
            }),
            "",
        );
        let (text, ds) = maker.leaf("tampered.tld", NSEC);
        add(
            "tampered.tld",
            (text.replace("192.0.2.80", "203.0.113.66"), ds),
            "",
        );
        // Signed by a key of another zone of the same name: a signature that fits nothing.
        let (text, ds) = maker.leaf("garbled.tld", NSEC);
        let garbled = text
            .lines()
            .map(|line| match line.rsplit_once(' ') {
                Some((head, signature)) if at(line, "www.") && is_sig(line, "A") => {
                    format!(
                        "{head} {}{}{}\n",
                        &signature[4..8],
                        &signature[..4],
                        &signature[8..]
                    )
                }
                _ => format!("{line}\n"),
            })
            .collect();
        add("garbled.tld", (garbled, ds), "");

        let soa = "@ SOA ns hostmaster 1 3600 900 604800 60\n@ NS ns\nns A 192.0.2.53\n";
        let (tld_text, tld_ds) = maker.sign("tld", &format!("$TTL 300\n{soa}{tld}"), NSEC);
        let (safe, safe_ds) = maker.leaf("safe.opt", NSEC3);
        let opt_out = Signing {
            more: &["-n", "-t", "0", "-p"],
            ..NSEC
        };
        let opt = format!(
            "$TTL 300\n{soa}plain NS ns.plain\nns.plain A 192.0.2.53\nsafe NS ns.safe\nns.safe A 192.0.2.53\n\
             {safe_ds}\nwww A 192.0.2.80\n"
        );
        let (opt_text, opt_ds) = maker.sign("opt", &opt, opt_out);
        let opt_text = opt_text + &hidden("opt");
        let root = format!(
            "$TTL 300\n{soa}tld. NS ns.tld.\nns.tld. A 192.0.2.53\n{tld_ds}\nopt. NS ns.opt.\nns.opt. A 192.0.2.53\n\
             {opt_ds}\n"
        );
        let (root_text, anchor) = maker.sign(".", &root, NSEC);
        zones.extend([
            (".", root_text),
            ("tld", tld_text),
            ("opt", opt_text),
            ("safe.opt", safe),
            ("plain.opt", maker.plain("plain.opt")),
            ("hidden.opt", maker.plain("hidden.opt")),
            ("hidden.good3.tld", maker.plain("hidden.good3.tld")),
        ]);
        World {
            server: nsd(&zones),
            anchor,
        }
    }

    /// Our daemon with this world for its upstream, and with validation.
    pub(crate) fn house(&self, more: &str) -> House {
        let house = House::new().upstream(self.server.addr);
        house.write("anchors", &self.anchor);
        house.config(&format!(
            "dnssec:\n  validate: true\n  trust_anchors: anchors\n{more}"
        ))
    }

    pub(crate) fn start(&self) -> (House, Daemon) {
        let house = self.house("");
        let daemon = house.start();
        (house, daemon)
    }
}

/// Signs zones.
pub(crate) struct Maker {
    house: House,
}

impl Maker {
    pub(crate) fn plain(&self, name: &str) -> String {
        format!("$ORIGIN {name}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 900 604800 60\n{LEAF}")
    }

    pub(crate) fn leaf(&self, name: &str, how: Signing) -> (String, String) {
        self.sign(name, &self.plain(name), how)
    }

    /// Signs with one new key; gives the zone and the DS record for the parent.
    pub(crate) fn sign(&self, name: &str, text: &str, how: Signing) -> (String, String) {
        let tool = |name: &str| {
            let mut command = Command::new(program(name).unwrap());
            command.current_dir(self.house.root());
            command
        };
        let mut keygen = tool("ldns-keygen");
        keygen.args(["-k", "-r", "/dev/urandom", "-a", how.algorithm]);
        if how.algorithm.starts_with("RSA") {
            keygen.args(["-b", "2048"]);
        }
        let key = run(keygen.arg(name)).ok().stdout.trim().to_owned();
        self.house.write("zone", text);
        let mut sign = tool("ldns-signzone");
        sign.args(how.more)
            .args(["-o", name, "-f", "zone.signed", "zone", &key]);
        run(&mut sign).ok();
        (
            self.house.read("zone.signed"),
            self.house.read(&format!("{key}.ds")),
        )
    }
}

pub(crate) fn nsd(zones: &[(&str, String)]) -> Peer {
    let (house, addr) = (House::new(), free_address());
    let (ip, port) = (addr.ip(), addr.port());
    let folder = house.root().display();
    let mut config = format!(
        "server:\n  ip-address: {ip}@{port}\n  username: \"\"\n  server-count: 1\n  zonesdir: \"{folder}\"\n  \
         database: \"\"\n  pidfile: \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd\"\n  xfrdir: \"{folder}\"\n  \
         zonelistfile: \"{folder}/zone.list\"\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n"
    );
    for (name, text) in zones {
        let file = if *name == "." { "root" } else { name };
        house.write(&format!("{file}.zone"), text);
        writeln!(config, "zone:\n  name: {name}\n  zonefile: {file}.zone").unwrap();
    }
    Peer::start("nsd", &["-d", "-c"], addr, house, &config, ".")
}
