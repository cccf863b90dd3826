//! Two homeservers and a home, and the DNS between them.
//!
//! | host | address | asks | is |
//! |---|---|---|---|
//! | this program | 192.0.2.53 | | HearthDNS of the home, and the public resolver that it and the other one ask |
//! | `phone` | 192.168.1.50 | 192.0.2.53 | a client on the LAN |
//! | `proxy` | 192.168.1.1 | 192.0.2.53 | the home's web server |
//! | `hearth` | 203.0.113.10, 2001:db8:113::10 | 192.0.2.53 | the server hearth.example, in a cloud, behind Caddy |
//! | `abroad` | 198.51.100.53 | | HearthDNS of the other house |
//! | `far` | 198.51.100.20, 2001:db8:51::20 | 198.51.100.53 | the server far.example, behind nginx |
//!
//! Each HearthDNS has the zone of its own house, asks the other one for the other's, keeps that for its TTL, and asks the
//! public resolver for everything else.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::house::Site;
use crate::person::{Person, escaped};
use crate::support::place::{Host, lay_wire};
use crate::support::upstream::positive;
use crate::support::{Act, DEADLINE, Daemon, House, Ran, Upstream, rtype};

pub(crate) const CLOUD: &str = "203.0.113.10";
/// The cloud's server over IPv6.
pub(crate) const CLOUD_V6: &str = "2001:db8:113::10";
pub(crate) const FAR_V6: &str = "2001:db8:51::20";
/// The address that the cloud's server moves to.
pub(crate) const MOVED: &str = "203.0.113.77";
pub(crate) const FAR: &str = "198.51.100.20";
pub(crate) const PROXY: &str = "192.168.1.1";
/// Where nobody is: the home's address for the rest of the world.
pub(crate) const HOME: &str = "192.0.2.80";
/// The address that every public name has.
pub(crate) const PUBLIC: &str = "192.0.2.99";

/// Where Anna's client finds her server, and Bo's his.
pub(crate) const ANNAS: &str = "https://matrix.hearth.example";
pub(crate) const BOS: &str = "https://matrix.far.example";

pub(crate) struct World {
    pub(crate) public: Upstream,
    pub(crate) house: House,
    pub(crate) dns: Option<Daemon>,
    abroad_house: House,
    pub(crate) abroad_dns: Daemon,
    pub(crate) hearth: Site,
    pub(crate) far: Site,
    pub(crate) proxy: Site,
    pub(crate) phone: Host,
    /// Those of all sites, for clients.
    pub(crate) authorities: PathBuf,
    pub(crate) anna: Person,
    pub(crate) bo: Person,
    /// Room of the alias `#lounge:hearth.example`.
    lounge: String,
    // The last to go: the HearthDNS of the other house runs on it.
    _abroad: Host,
}

/// The command that makes hearth.example's records; what follows names addresses.
const ADD_HEARTH: &str = "matrix add hearth.example --delegate srv --port 8449 --ttl 5 --address";
const ADD_FAR: &str = "matrix add far.example --delegate well-known --port 8451 --ttl 5 --address";

impl World {
    pub(crate) fn new() -> Self {
        lay_wire("192.0.2.53");
        let public = Upstream::start_at("192.0.2.53".parse().unwrap(), |query, _| {
            vec![Act::Send(positive(query, PUBLIC))]
        });
        let house = House::new()
            .listen(&["192.0.2.53:53"])
            .upstream(public.addr)
            .config(
                "clients: [192.168.1.0/24, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24]\n\
                 routes: {far.example: {upstreams: [198.51.100.53]}}\n\
                 views:\n  lan: {clients: [192.168.1.0/24]}\n  \
                 cloud: {clients: [203.0.113.0/24, 192.168.1.1/32]}\n  abroad: {clients: [198.51.100.0/24]}\n\
                 cache: {negative_max_ttl: 2}\n",
            );
        let abroad_house = House::new()
            .listen(&["198.51.100.53:53"])
            .upstream(public.addr)
            .config(
                "clients: [192.0.2.53/32, 198.51.100.0/24]\nroutes: {hearth.example: {upstreams: [192.0.2.53]}}\n\
                 # The zone says a minute, for which a test that puts a record back would wait.\n\
                 cache: {negative_max_ttl: 2}\n",
            );
        let abroad = Host::new("abroad", "198.51.100.53", "198.51.100.53");
        let dns = house.start();
        let abroad_dns = abroad_house.start_in_network_of(abroad.pid());
        house.dnsctl(&words(&format!("{ADD_HEARTH} {CLOUD}"))).ok();
        abroad_house.dnsctl(&words(&format!("{ADD_FAR} {FAR}"))).ok();
        // What the command prints for the server's owner is what the servers get.
        let told = |house: &House, server: &str, part: &str| {
            let line = format!("matrix show {server} --part {part}");
            house.dnsctl(&words(&line)).ok().stdout
        };
        let phone = Host::new("phone", "192.168.1.50", "192.0.2.53");
        let mut hearth = Site::behind_caddy(
            Host::new("hearth", CLOUD, "192.0.2.53"),
            &told(&house, "hearth.example", "caddy"),
        );
        hearth.host.add_address(CLOUD_V6);
        let mut far = Site::behind_nginx(
            Host::new("far", FAR, "198.51.100.53"),
            &told(&abroad_house, "far.example", "nginx"),
        );
        far.host.add_address(FAR_V6);
        let proxy_pages = format!(
            "https://matrix.hearth.example {{\n  reverse_proxy https://matrix.hearth.example {{\n    transport http \
             {{\n      tls_trusted_ca_certs {}\n    }}\n  }}\n}}\n",
            hearth.authority().display()
        );
        let proxy = Site::behind_caddy(Host::new("proxy", PROXY, "192.0.2.53"), &proxy_pages);
        hearth.start_synapse(&told(&house, "hearth.example", "synapse"), 1, &far.authority());
        far.start_synapse(
            &told(&abroad_house, "far.example", "synapse"),
            2,
            &hearth.authority(),
        );
        hearth.wait_for_synapse();
        far.wait_for_synapse();

        let authorities = house.path("authorities.pem");
        let all = [&hearth, &far, &proxy].map(|site| std::fs::read_to_string(site.authority()).unwrap());
        house.write("authorities.pem", &all.concat());
        let anna = Person::register(&phone, &authorities, ANNAS, "anna");
        let bo = Person::register(&far.host, &authorities, BOS, "bo");
        let lounge = anna.create_public_room(&phone, "lounge");
        bo.create_public_room(&far.host, "lounge");
        World {
            public,
            house,
            dns: Some(dns),
            abroad_house,
            abroad_dns,
            hearth,
            far,
            proxy,
            phone,
            authorities,
            anna,
            bo,
            lounge,
            _abroad: abroad,
        }
    }

    // ---- records

    /// Puts everything in its place, whatever was done to it.
    #[track_caller]
    pub(crate) fn settle(&mut self) {
        if self.dns.is_none() {
            self.dns = Some(self.house.start());
        }
        self.hearth.host.add_address(CLOUD);
        self.hearth.host.remove_address(MOVED);
        self.add_hearth(CLOUD);
        self.add_far(FAR);
        self.serve_as_told();
        for host in [&self.phone, &self.far.host, &self.hearth.host] {
            host.wait_for_addresses("hearth.example", &[CLOUD]);
            host.wait_for_addresses("matrix.hearth.example", &[CLOUD]);
            host.wait_for_addresses("matrix.far.example", &[FAR]);
        }
        self.wait_until_bo_finds_anna();
    }

    /// Has the web server of hearth.example serve what goes with its records.
    #[track_caller]
    pub(crate) fn serve_as_told(&mut self) {
        let pages = self.dnsctl("matrix show hearth.example --part caddy").stdout;
        self.hearth.serve(&pages);
    }

    #[track_caller]
    pub(crate) fn wait_until_bo_finds_anna(&self) {
        let end = Instant::now() + DEADLINE;
        while self.bo_looks_for_anna() != self.found() {
            assert!(Instant::now() < end, "{:?}", self.bo_looks_for_anna());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Runs `dnsctl` at home.
    #[track_caller]
    pub(crate) fn dnsctl(&self, line: &str) -> Ran {
        self.house.dnsctl(&words(line)).ok()
    }

    #[track_caller]
    pub(crate) fn remove_hearth(&self) {
        self.dnsctl("matrix remove hearth.example");
    }

    #[track_caller]
    pub(crate) fn move_hearth(&self, address: &str) {
        self.dnsctl(&format!("matrix move {address} --server hearth.example"));
    }

    /// Makes the records what they should be with these addresses.
    #[track_caller]
    pub(crate) fn add_hearth(&self, addresses: &str) {
        self.dnsctl(&format!("{ADD_HEARTH} {addresses}"));
    }

    /// The same of far.example.
    #[track_caller]
    pub(crate) fn add_far(&self, addresses: &str) {
        self.abroad_house
            .dnsctl(&words(&format!("{ADD_FAR} {addresses}")))
            .ok();
    }

    /// The fourth deployment: users at home go to the proxy at home.
    #[track_caller]
    pub(crate) fn views_of_hearth(&self) {
        self.add_hearth(&format!(
            "{HOME} --view lan --address {PROXY} --view cloud --address {CLOUD} --view abroad --address {CLOUD}"
        ));
    }

    /// The addresses that a client outside of all views gets.
    #[track_caller]
    pub(crate) fn everybody_is_told(&self, name: &str) -> Vec<String> {
        let dns = self.dns.as_ref().unwrap();
        dns.ask(&format!("{name}."), rtype::A).answer_lines()
    }

    // ---- people

    /// A room with Anna and Bo, in which he has said `before`.
    #[track_caller]
    pub(crate) fn room(&self) -> String {
        let room = self.anna.create_room(&self.phone, self.bo.id());
        self.bo.accept(&self.far.host, &room);
        self.bo_says(&room, "before");
        self.anna_hears(&room, "before");
        room
    }

    #[track_caller]
    pub(crate) fn anna_says(&self, room: &str, text: &str) {
        self.anna.say(&self.phone, room, text);
    }

    #[track_caller]
    pub(crate) fn anna_hears(&self, room: &str, text: &str) {
        self.anna.hear(&self.phone, room, text);
    }

    #[track_caller]
    pub(crate) fn bo_says(&self, room: &str, text: &str) {
        self.bo.say(&self.far.host, room, text);
    }

    #[track_caller]
    pub(crate) fn bo_hears(&self, room: &str, text: &str) {
        self.bo.hear(&self.far.host, room, text);
    }

    /// Anna says something and Bo hears it.
    #[track_caller]
    pub(crate) fn anna_tells_bo(&self, room: &str, text: &str) {
        self.anna_says(room, text);
        self.bo_hears(room, text);
    }

    /// Bo says something and Anna hears it.
    #[track_caller]
    pub(crate) fn bo_tells_anna(&self, room: &str, text: &str) {
        self.bo_says(room, text);
        self.anna_hears(room, text);
    }

    /// Both servers have exactly these messages. Servers that were apart order them differently.
    #[track_caller]
    pub(crate) fn assert_both_have(&self, room: &str, said: &[&str]) {
        for (who, host) in [(&self.anna, &self.phone), (&self.bo, &self.far.host)] {
            let mut messages = who.conversation(host, room);
            messages.sort_unstable();
            assert_eq!(messages, said, "as {} has it", who.id());
        }
    }

    /// What was said in a room, as hearth.example has it, asked on the host itself and without DNS.
    #[track_caller]
    pub(crate) fn conversation_at_hearth(&self, room: &str) -> Vec<String> {
        self.anna
            .at("http://127.0.0.1:8008")
            .conversation(&self.hearth.host, room)
    }

    /// What Bo's server says when he looks for a room of Anna's server, which it must ask.
    #[track_caller]
    pub(crate) fn bo_looks_for_anna(&self) -> (u16, Value) {
        let alias = format!("directory/room/{}", escaped("#lounge:hearth.example"));
        let reply = self.bo.ask(&self.far.host, "GET", &alias, &Value::Null);
        (reply.status, reply.body)
    }

    /// What that is where the servers reach each other.
    pub(crate) fn found(&self) -> (u16, Value) {
        (
            200,
            json!({"room_id": self.lounge, "servers": ["hearth.example"]}),
        )
    }

    /// The other direction.
    #[track_caller]
    pub(crate) fn anna_looks_for_bo(&self) -> Value {
        let alias = format!("directory/room/{}", escaped("#lounge:far.example"));
        self.anna.ask(&self.phone, "GET", &alias, &Value::Null).ok()
    }

    /// Waits until Bo's server reaches Anna's no more: it keeps an SRV record for its TTL.
    #[track_caller]
    pub(crate) fn wait_until_bo_finds_nobody(&mut self) {
        let end = Instant::now() + DEADLINE * 2;
        loop {
            let told = self.bo_looks_for_anna();
            if told
                == (
                    502,
                    json!({"errcode": "M_UNKNOWN", "error": "Failed to fetch alias"}),
                )
            {
                return;
            }
            assert_eq!(told, self.found());
            assert!(Instant::now() < end, "it is still reached");
            // A connection that is used stays open, whatever becomes of the records.
            self.hearth.cut_connections();
        }
    }

    /// Prints what everybody has logged, for the test that has failed.
    pub(crate) fn tell(&self) {
        let dns = self.dns.as_ref().map(|dns| dns.process.log());
        for (who, log) in [
            ("Synapse of hearth.example", self.hearth.log()),
            ("Synapse of far.example", self.far.log()),
            ("HearthDNS of the home", dns.unwrap_or_default()),
            ("HearthDNS of the other house", self.abroad_dns.process.log()),
        ] {
            let last = &log[log.len().saturating_sub(150)..];
            eprintln!("---- {who}\n{}", last.join("\n"));
        }
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
