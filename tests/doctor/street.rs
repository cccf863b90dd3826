//! A machine, a server, and HearthDNS between them.
//!
//! | host | address | is |
//! |---|---|---|
//! | this program | 192.0.2.53 | HearthDNS, which has the zone hearth.example |
//! | | 192.88.98.10 | the server: nginx before the stand-in of a homeserver, and coturn |
//! | | 192.168.1.10 | the same server at a private address |
//! | | 192.0.2.99 | a nameserver that a firewall hides |
//! | `here` | 192.168.1.50 | the machine on which the doctor runs; it asks 192.0.2.53 and has no IPv6 |
//!
//! The server's address is none of those that homeservers refuse. All of it is out of reach of the real internet.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::homeserver::Homeserver;
use crate::support::identity::Identity;
use crate::support::place::{Host, command, lay_wire};
use crate::support::{DEADLINE, Daemon, House, Ran, Running, nginx, program, run};

pub(crate) const SERVER: &str = "192.88.98.10";
pub(crate) const PRIVATE: &str = "192.168.1.10";
pub(crate) const DNS: &str = "192.0.2.53";
pub(crate) const HIDDEN: &str = "192.0.2.99";

/// The records with which a test begins.
const USUAL: &str = "--delegate srv --port 8448 --address 192.88.98.10";

pub(crate) struct Street {
    pub(crate) house: House,
    _dns: Daemon,
    /// Of all names that the server has.
    identity: Identity,
    pub(crate) homeserver: Homeserver,
    nginx: Option<Running>,
    /// What nginx serves.
    pages: String,
    pub(crate) coturn: Option<Running>,
    /// Resolvers that stand between.
    between: Vec<Running>,
    pub(crate) here: Host,
}

impl Street {
    pub(crate) fn new() -> Self {
        lay_wire(DNS);
        for address in [SERVER, PRIVATE, HIDDEN] {
            run(&mut command(&format!("ip addr add {address}/32 dev wire"))).ok();
        }
        let house = House::new()
            .listen(&[&format!("{DNS}:53")])
            .config("clients: [192.168.1.0/24, 192.0.2.0/24]\n");
        let dns = house.start();
        let identity = Identity::new(&["hearth.example", "matrix.hearth.example", "turn.hearth.example"]);
        house.write("tls.pem", &identity.certificate_pem());
        house.write("tls.key", &identity.key_pem());
        house.write("authority.pem", &identity.authority);
        let here = Host::new("here", "192.168.1.50", DNS);
        run(here.command("ip").args(["-6", "route", "del", "default"])).ok();
        Street {
            house,
            _dns: dns,
            identity,
            homeserver: Homeserver::start("127.0.0.1:8008", "hearth.example"),
            nginx: None,
            pages: String::new(),
            coturn: None,
            between: Vec::new(),
            here,
        }
    }

    /// Puts everything in its place, whatever was done to it.
    #[track_caller]
    pub(crate) fn settle(&mut self) {
        run(&mut command("nft flush ruleset")).ok();
        self.between.clear();
        self.coturn = None;
        self.asks(&[DNS]);
        self.here.files.write("hosts", "127.0.0.1 localhost\n");
        self.add(USUAL);
        self.serve();
        self.homeserver.heads();
    }

    // ---- the server

    /// Makes the records of hearth.example, and nothing else.
    #[track_caller]
    pub(crate) fn add(&self, options: &str) {
        if self.house.path("zones/hearth.example.zone").exists() {
            self.dnsctl("remove-zone hearth.example");
        }
        self.dnsctl(&format!("matrix add hearth.example {options}"));
    }

    #[track_caller]
    pub(crate) fn dnsctl(&self, line: &str) -> Ran {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.house.dnsctl(&words).ok()
    }

    /// A part of what goes with the records, with the files of this street in the place of those below `/etc/ssl`.
    #[track_caller]
    pub(crate) fn shown(&self, part: &str) -> String {
        let text = self
            .dnsctl(&format!("matrix show hearth.example --part {part}"))
            .stdout;
        let place = |ending: &str| self.house.path(&format!("tls.{ending}")).display().to_string();
        ["hearth.example", "matrix.hearth.example", "turn.hearth.example"]
            .iter()
            .fold(text, |text, name| {
                text.replace(&format!("/etc/ssl/{name}.pem"), &place("pem"))
                    .replace(&format!("/etc/ssl/{name}.key"), &place("key"))
            })
    }

    /// Has nginx serve what is shown for it.
    #[track_caller]
    pub(crate) fn serve(&mut self) {
        let pages = self.shown("nginx");
        if pages == self.pages && self.nginx.is_some() {
            return;
        }
        // The ports are free when this is back.
        if let Some(mut nginx) = self.nginx.take() {
            nginx.end();
        }
        self.house.write("nginx.conf", &nginx::whole(&self.house, &pages));
        let nginx = || {
            let mut nginx = command("nginx -e stderr -c");
            nginx.arg(self.house.path("nginx.conf"));
            nginx
        };
        // It has no complaint, not even a warning.
        let tried = run(nginx().args(["-t", "-q"])).ok();
        assert_eq!(
            (tried.stdout.as_str(), tried.stderr.as_str()),
            ("", ""),
            "{pages}"
        );
        let running = Running::start(&mut nginx());
        running.wait_for_line("nginx's workers", nginx::is_up);
        self.nginx = Some(running);
        self.pages = pages;
    }

    /// The certificate of the street in the place of which another is shown from now on.
    pub(crate) fn other_certificate(&self) {
        let other = Identity::new(&["other.example"]);
        self.house.write("other.pem", &other.certificate_pem());
        self.house.write("other.key", &other.key_pem());
        let both = [self.identity.authority.as_str(), &other.authority].concat();
        self.house.write("authority.pem", &both);
    }

    // ---- the machine

    /// Whom the machine asks.
    pub(crate) fn asks(&self, servers: &[&str]) {
        let mut text = String::new();
        for server in servers {
            writeln!(text, "nameserver {server}").unwrap();
        }
        self.here.files.write("resolv.conf", &text);
    }

    /// A dnsmasq on the machine at this address, which the machine asks.
    #[track_caller]
    pub(crate) fn between(&mut self, address: &str, options: &[&str]) {
        let mut dnsmasq = self.here.command(program("dnsmasq").unwrap());
        dnsmasq
            // It would become somebody else, whom the namespace does not know.
            .args([
                "--no-daemon",
                "--no-resolv",
                "--no-hosts",
                "--conf-file=/dev/null",
            ])
            .args(["--pid-file=", "--bind-interfaces"])
            .arg(format!("--listen-address={address}"))
            .args(options);
        let running = Running::start(&mut dnsmasq);
        running.wait_for_line("dnsmasq's word that it runs", |line| {
            line.contains("started, version")
        });
        self.between.push(running);
        self.asks(&[address]);
    }

    /// A firewall before the server, HearthDNS and everything else that is not the machine: drops what fits.
    #[track_caller]
    pub(crate) fn drops(&self, what: &str) {
        for line in [
            "add table inet street".to_owned(),
            "add chain inet street in { type filter hook input priority 0; }".to_owned(),
            format!("add rule inet street in {what} drop"),
        ] {
            run(command("nft").arg(line)).ok();
        }
    }

    /// Starts what serves calls at the server, and waits until it takes connections, TLS last.
    #[track_caller]
    pub(crate) fn start_coturn(&mut self, coturn: &mut std::process::Command) {
        let mut running = Running::start(coturn);
        let end = Instant::now() + DEADLINE;
        while TcpStream::connect((SERVER, 5349)).is_err() {
            let is_alive = running.is_alive();
            assert!(
                is_alive && Instant::now() < end,
                "coturn does not come up:\n{}",
                running.log().join("\n")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self.coturn = Some(running);
    }

    /// Asks the doctor on the machine.
    #[track_caller]
    pub(crate) fn doctor(&self, options: &str) -> Diagnosis {
        let mut doctor = self.here.command(env!("CARGO_BIN_EXE_dnsctl"));
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"] {
            doctor.env_remove(name);
        }
        doctor
            .arg("--control")
            .arg(self.house.control())
            .args([
                "--json",
                "matrix",
                "doctor",
                "hearth.example",
                "--step",
                "2",
                "--ca-file",
            ])
            .arg(self.house.path("authority.pem"))
            .args(options.split_whitespace());
        let ran = run(&mut doctor);
        let json: serde_json::Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr));
        let told = &json["ok"];
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let links = told["links"].as_array().into_iter().flatten();
        Diagnosis {
            fault: told["fault"].as_str().unwrap_or("works").to_owned(),
            exit: ran.code,
            sentence: text(&told["sentence"]),
            links: links
                .map(|link| {
                    format!(
                        "{} {} {}",
                        text(&link["grade"]),
                        text(&link["what"]),
                        text(&link["seen"])
                    )
                })
                .collect(),
        }
    }
}

/// What the doctor said.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    /// The word of the fault, or `works`.
    pub(crate) fault: String,
    pub(crate) exit: i32,
    pub(crate) sentence: String,
    /// Grade, what was looked at, what was seen.
    pub(crate) links: Vec<String>,
}
