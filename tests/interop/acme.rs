//! Certificates from Pebble, the test authority of Let's Encrypt, which looks at names for real: over DNS at a public
//! DNS of the test's own, and by handshakes with our listener. All on loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use crate::Test;
use crate::support::asker::{Asker, Authority};
use crate::support::identity::Identity;
use crate::support::sample::HEARTH;
use crate::support::{
    Act, Client, Daemon, House, Message, Peer, Running, Upstream, free_address, program, rcode, rtype,
};

pub(crate) const TESTS: &[Test] = &[
    ("pebble_signs_for_names_that_a_program_proves", PEBBLE, by_hook),
    ("pebble_signs_for_names_that_our_own_zone_proves", PEBBLE, by_zone),
    (
        "pebble_signs_for_names_that_a_cname_leads_to_our_zone",
        PEBBLE,
        by_cname,
    ),
    ("pebble_signs_for_names_that_a_person_proves", PEBBLE, by_hand),
    (
        "pebble_signs_for_a_name_that_a_handshake_proves",
        PEBBLE,
        by_handshake,
    ),
    ("pebble_signs_for_customers_of_its_own_site", PEBBLE, by_customers),
    (
        "pebble_does_not_sign_for_names_that_are_not_proved",
        PEBBLE,
        not_proved,
    ),
];

const PEBBLE: &[&str] = &["pebble"];
const NAME: &str = "dns.public.example";

/// Public DNS: TXT records, those in a file of lines `OWNER TEXT`, CNAMEs, and a server that the rest of
/// `public.example` is asked of.
#[derive(Default)]
struct Public {
    texts: Mutex<BTreeMap<String, Vec<String>>>,
    file: OnceLock<PathBuf>,
    aliases: Mutex<BTreeMap<String, String>>,
    delegated: OnceLock<Client>,
}

impl Public {
    fn answer(&self, query: &Message) -> Message {
        let mut owner = query.qname().to_ascii_lowercase();
        let mut reply = query.reply();
        if query.qtype() == rtype::A {
            return reply.answer(&format!("{owner} 60 A 127.0.0.1"));
        }
        if let Some(target) = self.aliases.lock().unwrap().get(&owner) {
            reply = reply.answer(&format!("{owner} 60 CNAME {target}"));
            owner.clone_from(target);
        }
        let mut texts = self
            .texts
            .lock()
            .unwrap()
            .get(&owner)
            .cloned()
            .unwrap_or_default();
        if let Some(file) = self.file.get() {
            let file = std::fs::read_to_string(file).unwrap_or_default();
            let lines = file.lines().filter_map(|line| line.split_once(' '));
            texts.extend(
                lines
                    .filter(|(held, _)| format!("{held}.") == owner)
                    .map(|(_, text)| text.to_owned()),
            );
        }
        let mut lines: Vec<String> = texts
            .iter()
            .map(|text| format!("{owner} 60 TXT \"{text}\""))
            .collect();
        if let (Some(client), rtype::TXT) = (self.delegated.get(), query.qtype()) {
            lines.extend(client.ask(&owner, rtype::TXT).answer_lines());
        }
        if lines.is_empty() && reply.answers.is_empty() {
            return reply.code(rcode::NXDOMAIN);
        }
        lines.iter().fold(reply, |reply, line| reply.answer(line))
    }
}

/// Everything that an order needs but the house.
struct World {
    public: Arc<Public>,
    dns: Upstream,
    pebble: Peer,
    management: SocketAddr,
    /// Who signed Pebble's own certificate.
    operator: Identity,
}

/// Pebble, which looks for handshakes at this port.
fn world(tls_port: u16) -> World {
    world_for(tls_port, "\"externalAccountBindingRequired\": false")
}

/// The same, with more of its configuration.
fn world_for(tls_port: u16, more: &str) -> World {
    let public = Arc::new(Public::default());
    let asked = Arc::clone(&public);
    let dns = Upstream::start(move |query, _| vec![Act::Send(asked.answer(query))]);
    let (addr, management, house) = (free_address(), free_address(), House::new());
    let names = [addr.ip().to_string(), management.ip().to_string()];
    let operator = Identity::new(&[&names[0], &names[1]]);
    house.write("cert.pem", &operator.certificate_pem());
    house.write("key.pem", &operator.key_pem());
    let config = format!(
        "{{\"pebble\": {{\"listenAddress\": \"{addr}\", \"managementListenAddress\": \"{management}\", \"certificate\": \
         \"cert.pem\", \"privateKey\": \"key.pem\", \"httpPort\": 9, \"tlsPort\": {tls_port}, \"ocspResponderURL\": \"\", \
         {more}}}}}"
    );
    house.write("pebble.json", &config);
    let mut command = Command::new(program("pebble").unwrap());
    command
        .args([
            "-strict",
            "-config",
            "pebble.json",
            "-dnsserver",
            &dns.addr.to_string(),
        ])
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_VA_ALWAYS_VALID", "0")
        .current_dir(house.root());
    let process = Running::start(&mut command);
    let mut pebble = Peer { process, addr, house };
    pebble.wait_for_doors(&[addr, management]);
    World {
        public,
        dns,
        pebble,
        management,
        operator,
    }
}

impl World {
    /// A house that orders from Pebble, and its listener of TLS.
    fn house(&self, listen: &str, acme: &str) -> House {
        let house = House::new()
            .zone("hearth.example", HEARTH)
            .upstream(self.dns.addr)
            .listen_too(&[listen])
            .config(&format!(
                "name: {NAME}\ncertificate:\n  acme: {{directory: 'https://{}/dir', ca_file: operator.pem, {acme}}}\n",
                self.pebble.addr
            ));
        house.write("operator.pem", &self.operator.authority);
        house
    }

    /// The root of what it signs.
    fn root(&self) -> String {
        let request = http::Request::get(format!("https://{}/roots/0", self.management))
            .body(Vec::new())
            .unwrap();
        let asker = Authority::asker_with(&self.operator.authority, &self.management.ip().to_string());
        String::from_utf8(asker.http2(self.management, request).unwrap().body).unwrap()
    }

    /// Who believes it, and expects this name.
    fn believer(&self, name: &str) -> Asker {
        Authority::asker_with(&self.root(), name)
    }
}

/// Waits for the certificate, and has clients look at it by each of these names.
fn wait_and_look(world: &World, house: &House, daemon: &Daemon, names: &[&str]) {
    daemon
        .process
        .wait_for_line("the certificate", |line| line.contains("good until"));
    let scheme = if names.len() == 1 { "https" } else { "tls" };
    let protocol = if scheme == "tls" { "dot" } else { "h2" };
    for name in names {
        let shown = world.believer(name).connect(daemon.encrypted(scheme), protocol);
        shown.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for file in ["acme.pem", "acme.json"] {
        let path = house.path(&format!("state/certificate/{file}"));
        assert_eq!(
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600,
            "{file}"
        );
    }
    let log = daemon.process.log().join("\n");
    assert!(!log.contains("ERROR") && !log.contains("PRIVATE KEY"), "{log}");
    let json: serde_json::Value = told(house);
    assert_eq!(json["problems"], NONE, "{json}");
    assert_eq!(json["source"], "acme");
    let held: Vec<&str> = json["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(held.contains(&NAME), "{held:?}");
}

const NONE: serde_json::Value = serde_json::Value::Null;

fn told(house: &House) -> serde_json::Value {
    let json = house.dnsctl(&["certificate", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    json["ok"].clone()
}

fn hook(house: &House, script: &str) {
    house.write("hook", script);
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(house.path("hook"), mode).unwrap();
}

/// As an authority for customers: without the key of an account on its site, or with a wrong one, nothing is signed.
fn by_customers() {
    let world = world_for(
        9,
        "\"externalAccountBindingRequired\": true, \"externalAccountMACKeys\": {\"kid-1\": \
         \"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\"}",
    );
    for (more, key, expected) in [
        ("", "", "write the id and the key that it shows there"),
        (
            ", eab_id: kid-1, eab_key_file: eab.key",
            "",
            "eab.key: cannot be read: ",
        ),
        (
            ", eab_id: kid-1, eab_key_file: eab.key",
            "?",
            "eab.key: holds no key in base64url",
        ),
        (
            ", eab_id: kid-1, eab_key_file: eab.key",
            "d3Jvbmc=\n",
            "/sign-me-up: HTTP 4",
        ),
    ] {
        let house = world.house("tls://127.0.0.1:0", &format!("challenge: zone{more}"));
        if !key.is_empty() {
            house.write("eab.key", key);
        }
        let daemon = house.start();
        let log = daemon
            .process
            .wait_for_line("why there is none", |line| line.contains(expected));
        assert!(!log.contains("d3Jvbmc"), "{log}");
    }
    let secret = House::new();
    secret.write(
        "eab.key",
        "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n",
    );
    let more = format!(
        "challenge: zone, eab_id: kid-1, eab_key_file: '{}'",
        secret.path("eab.key").display()
    );
    let (house, daemon) = with_public_zone(&world, &more);
    wait_and_look(&world, &house, &daemon, &[NAME, "token.dns.public.example"]);
}

fn by_hook() {
    let world = world(9);
    let house = world.house(
        "tls://127.0.0.1:0",
        "challenge: hook, hook: hook, email: anna@home.example",
    );
    let root = house.root().display();
    hook(
        &house,
        &format!(
            "#!/bin/sh\nset -e\ncd {root}\necho \"$# $*\" >>calls\nenv >>environment\n[ \"$1\" = remove ] || echo \"$3 $4\" >>records\n"
        ),
    );
    world.public.file.set(house.path("records")).unwrap();
    let daemon = house.start();
    wait_and_look(&world, &house, &daemon, &[NAME, "token.dns.public.example"]);
    let calls = house.read("calls");
    let lines: Vec<Vec<&str>> = calls.lines().map(|line| line.split(' ').collect()).collect();
    let [added, also, removed, last] = lines.as_slice() else {
        panic!("{calls}")
    };
    for line in [added, also] {
        assert_eq!(
            line[..4],
            ["4", "add", NAME, "_acme-challenge.dns.public.example"]
        );
        assert_eq!(line[4].len(), 43);
    }
    assert_eq!(
        (removed[1], removed[4], last[1], last[4]),
        ("remove", added[4], "remove", also[4])
    );
    let environment = house.read("environment");
    let names: Vec<&str> = environment
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| ["PATH", "PWD", "OLDPWD", "SHLVL", "_"].contains(name)),
        "{environment}"
    );

    // Nothing is under way any more, and the next start orders nothing.
    let json = told(&house);
    assert_eq!((&json["doing"], &json["awaits"]), (&NONE, &NONE), "{json}");
    drop(daemon);
    let daemon = house.start();
    world
        .believer(NAME)
        .connect(daemon.encrypted("tls"), "dot")
        .unwrap();
    assert!(!daemon.process.log().join("\n").contains("ordering"));
}

/// A house whose zone `public.example` the Internet asks it for.
fn with_public_zone(world: &World, acme: &str) -> (House, Daemon) {
    let plain = free_address();
    world
        .public
        .delegated
        .set(Client::new(plain, plain))
        .ok()
        .unwrap();
    let house = world
        .house("tls://127.0.0.1:0", acme)
        .zone("public.example", "; kept by hand\nwww A 198.51.100.1\n")
        .listen(&[&plain.to_string(), "tls://127.0.0.1:0"]);
    let daemon = house.start();
    (house, daemon)
}

fn by_zone() {
    let world = world(9);
    let (house, daemon) = with_public_zone(&world, "challenge: zone");
    wait_and_look(&world, &house, &daemon, &[NAME, "token.dns.public.example"]);
    // The file is as a person left it.
    let text = house.read("zones/public.example.zone");
    assert!(
        text.starts_with("; kept by hand\n") && !text.contains("_acme-challenge"),
        "{text}"
    );
}

fn by_cname() {
    let world = world(9);
    let (owner, target) = ("_acme-challenge.dns.public.example.", "proofs.public.example.");
    world
        .public
        .aliases
        .lock()
        .unwrap()
        .insert(owner.to_owned(), target.to_owned());
    let (house, daemon) = with_public_zone(&world, "challenge: cname, target: proofs.public.example");
    wait_and_look(&world, &house, &daemon, &[NAME, "token.dns.public.example"]);
    assert!(!house.read("zones/public.example.zone").contains("proofs"));
}

fn by_hand() {
    let world = world(9);
    let house = world.house("tls://127.0.0.1:0", "challenge: print");
    let daemon = house.start();
    daemon
        .process
        .wait_for_line("what to add", |line| line.contains("add this record"));
    // Before there is one, plain DNS answers and encrypted listeners do not.
    assert!(
        world
            .believer(NAME)
            .connect(daemon.encrypted("tls"), "dot")
            .is_err()
    );
    let said = house.dnsctl(&["certificate"]).ok().stdout;
    let awaited = "add to the domain's public DNS; `dnsctl certificate renew` looks at once\n  \
                   _acme-challenge.dns.public.example. 60 IN TXT \"";
    assert!(said.contains(awaited), "{said}");
    for record in told(&house)["awaits"].as_array().unwrap() {
        let words: Vec<&str> = record.as_str().unwrap().split(' ').collect();
        let [owner, "60", "IN", "TXT", text] = words.as_slice() else {
            panic!("{record}")
        };
        let mut texts = world.public.texts.lock().unwrap();
        let texts = texts.entry((*owner).to_owned()).or_default();
        texts.push(text.trim_matches('"').to_owned());
    }
    house.dnsctl(&["certificate", "renew"]).ok();
    wait_and_look(&world, &house, &daemon, &[NAME, "token.dns.public.example"]);
}

fn by_handshake() {
    let listener = free_address();
    let world = world(listener.port());
    // Pebble connects to 127.0.0.1, as public DNS says.
    let house = world.house(
        &format!("https://0.0.0.0:{}", listener.port()),
        "challenge: tls-alpn",
    );
    let daemon = house.start();
    wait_and_look(&world, &house, &daemon, &[NAME]);
    let names = told(&house)["names"].clone();
    assert_eq!(names, serde_json::json!([NAME]));
    // Whoever speaks like an authority is shown nothing any more.
    let asked = world
        .believer(NAME)
        .connect(daemon.encrypted("https"), "acme-tls/1");
    assert!(asked.is_err());
}

fn not_proved() {
    let world = world(9);
    let house = world.house("tls://127.0.0.1:0", "challenge: hook, hook: hook, check: false");
    hook(&house, "#!/bin/sh\nexit 0\n");
    let daemon = house.start();
    let line = daemon
        .process
        .wait_for_line("the failure", |line| line.contains("ERROR no certificate from"));
    assert!(
        line.contains("dns.public.example is not proved: ") && line.contains("; the next try is at 2"),
        "{line}"
    );
    let ran = house.dnsctl(&["certificate"]).fails(1);
    assert!(ran.stdout.contains("next try"), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("dns.public.example is not proved: "),
        "{}",
        ran.stderr
    );
    assert_eq!(daemon.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
    // A program that fails is told with what it said; and a start does not try at once again.
    drop(daemon);
    hook(&house, "#!/bin/sh\necho 'wrong password' >&2\nexit 3\n");
    let daemon = house.start();
    house.dnsctl(&["certificate", "renew"]).ok();
    let line = daemon.process.wait_for_line("the hook", |line| {
        line.contains("ERROR") && line.contains("wrong password")
    });
    assert!(
        line.contains("/hook add dns.public.example _acme-challenge.dns.public.example "),
        "{line}"
    );
    assert!(
        line.contains("` failed (exit status: 3): wrong password"),
        "{line}"
    );
}
