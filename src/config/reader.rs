//! From the tree of a YAML document to a [`Config`]: the keys, their types, ranges, and what must hold
//! together.
//!
//! To add a key: name it in its section's list below, read it in the function of that section, and show it in
//! `packaging/config.yaml`, which a test compares with the lists. [`super::values`] has the types, `upstreams`
//! the entries of `upstreams:`.

pub(super) mod listeners;
mod routes;
pub(super) mod upstreams;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;

use super::address::{self, shown};
use super::discovery;
use super::dnssec;
use super::document::{self, Kind, Node};
use super::lan;
use super::limits::{self, Limit};
use super::values::{Reader, located};
use super::{CertificateConfig, Clients, Config, ConnectionConfig, Overrides, ViewConfig, whole};
use crate::zone::record::Defect;

/// Keys of the file itself.
pub(super) const TOP: &[&str] = &[
    "addresses",
    "bootstrap",
    "cache",
    "certificate",
    "clients",
    "clock_file",
    "control",
    "devices",
    "discovery",
    "dnssec",
    "edns_payload",
    "encrypted",
    "history",
    "lan",
    "listen",
    "log",
    "name",
    "nftsets",
    "resolv_conf",
    "routes",
    "screen",
    "state",
    "tcp",
    "upstream",
    "upstreams",
    "views",
    "workers",
    "zones",
];
/// Sections with keys of their own.
pub(super) const SECTIONS: &[(&str, &[&str])] = &[
    (
        "cache",
        &[
            "bytes",
            "failure_seconds",
            "file",
            "file_hours",
            "max_ttl",
            "min_ttl",
            "negative_max_ttl",
            "stale_seconds",
        ],
    ),
    ("devices", &["keep_seen"]),
    ("discovery", discovery::KEYS),
    ("dnssec", dnssec::KEYS),
    ("encrypted", CONNECTIONS),
    ("history", &["versions"]),
    ("lan", lan::KEYS),
    ("log", &["level"]),
    ("screen", &["bogus", "rebinding", "rebinding_exempt"]),
    ("tcp", CONNECTIONS),
    (
        "upstream",
        &["attempt_ms", "outstanding", "strategy", "timeout_ms"],
    ),
];
/// Keys of the bounds on connections.
const CONNECTIONS: &[&str] = &["connections", "idle_seconds", "per_client", "pipeline"];
/// Keys of one view.
const VIEW: &[&str] = &["clients", "routes", "upstreams"];
/// Longest name of a view, which is also a folder's.
const VIEW_NAME: usize = 32;

/// The ranges of [`CONNECTIONS`] in `tcp`: all, of one client, silence, in flight.
const TCP: [Limit; 4] = [
    limits::TCP_CONNECTIONS,
    limits::TCP_PER_CLIENT,
    limits::TCP_IDLE,
    limits::TCP_PIPELINE,
];
/// The same in `encrypted`.
const ENCRYPTED: [Limit; 4] = [
    limits::ENCRYPTED_CONNECTIONS,
    limits::ENCRYPTED_PER_CLIENT,
    limits::ENCRYPTED_IDLE,
    limits::ENCRYPTED_PIPELINE,
];

/// See [`Config::read`].
pub(super) fn read(file: &Path, text: &str, base: Config, flags: &Overrides) -> Result<Config, Vec<Defect>> {
    let name = file.display().to_string();
    let root = document::parse(text).map_err(|error| {
        vec![Defect {
            line: error.line,
            column: error.column,
            ..whole(&name, error.message)
        }]
    })?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut reader = Reader {
        folder,
        config: base,
        found: Vec::new(),
        places: HashMap::new(),
        listen: Vec::new(),
        upstreams: Vec::new(),
        default_upstreams: Vec::new(),
    };
    reader.top(&root);
    let control_named = reader.places.contains_key("control");
    reader.config.apply(flags, control_named);
    reader.whole(flags);
    let mut defects = reader.config.defects_of_flags(flags, control_named);
    defects.extend(located(&reader.found, &name, text));
    if defects.is_empty() {
        Ok(reader.config)
    } else {
        Err(defects)
    }
}

/// The sections.
impl Reader {
    fn top(&mut self, root: &Node) {
        if root.kind == Kind::Null {
            return;
        }
        for (key, node) in self.section(root, "", TOP) {
            match key {
                "addresses" => self.server_addresses(node),
                "bootstrap" => self.config.bootstrap = self.bootstrap(node),
                "cache" => self.cache(node),
                "certificate" => self.certificate(node),
                "clients" => self.clients(node),
                "clock_file" => self.config.clock_file = self.path_of(node, "the path of a file"),
                "control" => self.path(node, "the path of a socket", |config| &mut config.control),
                "devices" => {
                    for (_, node) in self.named_section(node, "devices") {
                        let value = self.switch(node);
                        set(&mut self.config.keep_seen, value);
                    }
                }
                "discovery" => self.discovery(node),
                "dnssec" => self.dnssec(node),
                "edns_payload" => {
                    let value = self.number(node, limits::EDNS_PAYLOAD);
                    set(
                        &mut self.config.edns_payload,
                        value.and_then(|value| u16::try_from(value).ok()),
                    );
                }
                "encrypted" => {
                    let keys = ENCRYPTED;
                    self.connections(node, "encrypted", keys, |config| &mut config.encrypted);
                }
                "history" => self.history(node),
                "lan" => self.lan(node),
                "listen" => self.listen(node),
                "log" => self.log(node),
                "name" => self.server_name(node),
                "nftsets" => self.nftsets(node),
                "resolv_conf" => self.resolv_conf(node),
                "routes" => self.config.routes = self.routes(node, "routes"),
                "screen" => self.screen(node),
                "state" => self.path(node, "the path of a folder", |config| &mut config.state),
                "tcp" => self.connections(node, "tcp", TCP, |config| &mut config.tcp),
                "upstream" => self.upstream(node),
                "upstreams" => {
                    // The flag --upstream takes the place of these, and of no others.
                    let kept = std::mem::take(&mut self.upstreams);
                    self.config.upstreams = self.server_list(node);
                    self.default_upstreams = std::mem::replace(&mut self.upstreams, kept);
                }
                "views" => self.views(node),
                "workers" => {
                    let value = self.count(node, limits::WORKERS);
                    set(&mut self.config.workers, value.map(Some));
                }
                "zones" => self.path(node, "the path of a folder", |config| &mut config.zones),
                _ => {}
            }
        }
    }

    fn resolv_conf(&mut self, node: &Node) {
        self.config.resolv_conf = self.path_of(node, "the path of a file");
    }

    fn cache(&mut self, node: &Node) {
        for (key, node) in self.named_section(node, "cache") {
            match key {
                "bytes" => {
                    let value = self.size(node, limits::CACHE_BYTES);
                    set(&mut self.config.cache.bytes, value);
                }
                "min_ttl" => {
                    let value = self.seconds(node, limits::CACHE_MIN_TTL);
                    set(&mut self.config.cache.min_ttl, value);
                }
                "max_ttl" => {
                    let value = self.seconds(node, limits::CACHE_MAX_TTL);
                    set(&mut self.config.cache.max_ttl, value);
                }
                "negative_max_ttl" => {
                    let value = self.seconds(node, limits::CACHE_NEGATIVE_MAX_TTL);
                    set(&mut self.config.cache.negative_max_ttl, value);
                }
                "stale_seconds" => {
                    let value = self.seconds(node, limits::CACHE_STALE);
                    set(&mut self.config.cache.stale_for, value);
                }
                "failure_seconds" => {
                    let value = self.seconds(node, limits::CACHE_FAILURE);
                    set(&mut self.config.cache.failure_ttl, value);
                }
                "file" => {
                    let value = self.switch(node);
                    set(&mut self.config.cache.file, value);
                }
                "file_hours" => {
                    let hours = self.number(node, limits::CACHE_FILE_HOURS);
                    let value = hours.map(|hours| Duration::from_secs(hours * 3600));
                    set(&mut self.config.cache.file_every, value);
                }
                _ => {}
            }
        }
    }

    fn history(&mut self, node: &Node) {
        for (_, node) in self.named_section(node, "history") {
            let value = self.count(node, limits::HISTORY_VERSIONS);
            set(&mut self.config.history_versions, value);
        }
    }

    fn log(&mut self, node: &Node) {
        for (_, node) in self.named_section(node, "log") {
            match node.scalar().filter(|_| node.kind != Kind::Null) {
                None => self.mistyped(node, "one of off, error, warn, info, debug, trace"),
                Some(word) => match word.parse() {
                    Ok(level) => self.config.log = level,
                    Err(error) => self.defect(node.id, format!("{error}")),
                },
            }
        }
    }

    /// The bounds on connections of a section: all, of one client, silence, in flight.
    fn connections(
        &mut self,
        node: &Node,
        section: &str,
        [all, per_client, idle, pipeline]: [Limit; 4],
        field: fn(&mut Config) -> &mut ConnectionConfig,
    ) {
        for (key, node) in self.named_section(node, section) {
            match key {
                "connections" => {
                    let value = self.count(node, all);
                    set(&mut field(&mut self.config).connections, value);
                }
                "per_client" => {
                    let value = self.count(node, per_client);
                    set(&mut field(&mut self.config).per_client, value);
                }
                "idle_seconds" => {
                    let value = self.number(node, idle).map(Duration::from_secs);
                    set(&mut field(&mut self.config).idle, value);
                }
                "pipeline" => {
                    let value = self.count(node, pipeline);
                    set(&mut field(&mut self.config).pipeline, value);
                }
                _ => {}
            }
        }
    }

    fn upstream(&mut self, node: &Node) {
        for (key, node) in self.named_section(node, "upstream") {
            match key {
                "timeout_ms" => {
                    let value = self.number(node, limits::UPSTREAM_TIMEOUT);
                    set(
                        &mut self.config.upstream.timeout,
                        value.map(Duration::from_millis),
                    );
                }
                "attempt_ms" => {
                    let value = self.number(node, limits::UPSTREAM_ATTEMPT);
                    set(
                        &mut self.config.upstream.attempt,
                        value.map(Duration::from_millis),
                    );
                }
                "outstanding" => {
                    let value = self.count(node, limits::UPSTREAM_OUTSTANDING);
                    set(&mut self.config.upstream.outstanding, value);
                }
                "strategy" => {
                    let value = self.strategy(node);
                    set(&mut self.config.upstream.strategy, value);
                }
                _ => {}
            }
        }
    }

    fn clients(&mut self, node: &Node) {
        // A word of the list stands for prefixes, so the items are lists themselves.
        let read = |text: &str| {
            match text {
            "private" => Ok(Word::Private),
            "local" => Ok(Word::Local),
            _ => address::prefix(text).map(Word::Prefix).map_err(|error| match error {
                address::AddressError::Prefix(found) => {
                    format!("expected private, local or a prefix such as 192.168.1.0/24 or fd00::/8, found {found}")
                }
                other => other.to_string(),
            }),
        }
        };
        let items = self.items(node, "a list of prefixes", "a prefix", limits::PREFIXES, read);
        let mut clients = Clients {
            prefixes: Vec::new(),
            own_subnets: false,
        };
        for (word, _) in items {
            match word {
                Word::Private => clients.prefixes.extend(address::private_prefixes()),
                Word::Local => clients.own_subnets = true,
                Word::Prefix(net) => clients.prefixes.push(net),
            }
        }
        self.config.clients = clients;
    }

    fn views(&mut self, node: &Node) {
        let Kind::Map(entries) = &node.kind else {
            return self.mistyped(
                node,
                "a mapping of names to views, as in home: {clients: [192.168.2.0/24]}",
            );
        };
        if entries.len() as u64 > limits::VIEWS.max {
            let message = format!(
                "expected at most {} views, found {}",
                limits::VIEWS.max,
                entries.len()
            );
            return self.defect(node.id, message);
        }
        let mut names: HashMap<String, u32> = HashMap::new();
        let mut owners: HashMap<IpNet, (String, u32)> = HashMap::new();
        for (key, view) in entries {
            let Some(name) = key.scalar() else {
                self.defect(
                    key.id,
                    format!("expected the name of a view, found {}", key.noun()),
                );
                continue;
            };
            if name.is_empty() || name.len() > VIEW_NAME || !name.bytes().all(is_name_byte) {
                let quoted = shown(&name);
                self.defect(
                    key.id,
                    format!(
                        "view {quoted} cannot be a folder's name; expected 1 to {VIEW_NAME} of `a-z`, `0-9`, `_` \
                         and `-`"
                    ),
                );
            }
            if let Some(first) = names.insert(name.clone(), key.id) {
                self.repeated(key.id, format!("view {} is given twice", shown(&name)), first);
                continue;
            }
            let keys = self.section(view, &format!("views.{name}"), VIEW);
            if !keys.iter().any(|(key, _)| *key == "clients") && matches!(view.kind, Kind::Map(_)) {
                let message = format!(
                    "view {} names no clients; write clients: [192.168.2.0/24]",
                    shown(&name)
                );
                self.defect(key.id, message);
            }
            let mut config = ViewConfig {
                name: name.clone(),
                ..ViewConfig::default()
            };
            for (key, node) in keys {
                match key {
                    "clients" => config.clients = self.view_clients(node, &name, &mut owners),
                    "routes" => config.routes = self.routes(node, &format!("views.{name}.routes")),
                    "upstreams" => config.upstreams = self.server_list(node),
                    _ => {}
                }
            }
            self.config.views.push(config);
        }
        self.config.views.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// The prefixes of a view; `owners` knows which view each belongs to.
    fn view_clients(
        &mut self,
        node: &Node,
        name: &str,
        owners: &mut HashMap<IpNet, (String, u32)>,
    ) -> Vec<IpNet> {
        let items = self.items(
            node,
            "a list of prefixes",
            "a prefix",
            limits::PREFIXES,
            address::prefix,
        );
        for (net, id) in &items {
            let owner = owners.entry(*net).or_insert_with(|| (name.to_owned(), *id));
            if owner.0 != name {
                let (other, first) = owner.clone();
                let message = format!("{net} is also a client of view {}", shown(&other));
                self.repeated(*id, message, first);
            }
        }
        items.into_iter().map(|(net, _)| net).collect()
    }

    /// What must hold together.
    fn whole(&mut self, flags: &Overrides) {
        let Config {
            tcp,
            encrypted,
            upstream,
            cache,
            ..
        } = &self.config;
        let pairs = [
            (
                "tcp.per_client",
                tcp.per_client as u128,
                "tcp.connections",
                tcp.connections as u128,
            ),
            (
                "encrypted.per_client",
                encrypted.per_client as u128,
                "encrypted.connections",
                encrypted.connections as u128,
            ),
            (
                "upstream.attempt_ms",
                upstream.attempt.as_millis(),
                "upstream.timeout_ms",
                upstream.timeout.as_millis(),
            ),
            (
                "cache.min_ttl",
                u128::from(cache.min_ttl),
                "cache.max_ttl",
                u128::from(cache.max_ttl),
            ),
        ];
        for (small, low, large, high) in pairs {
            if low > high
                && let Some(id) = self.places.get(small).or_else(|| self.places.get(large))
            {
                self.defect(*id, format!("`{small}` ({low}) is more than `{large}` ({high})"));
            }
        }
        if flags.listen.is_empty() {
            for (at, message) in self.config.unusable_listeners() {
                // Where the file names none, it is the default, which can always be opened.
                if let Some(id) = self.listen.get(at) {
                    self.defect(*id, message);
                }
            }
        }
        if self.config.discovery.ddr == discovery::Ddr::Force
            && self.config.name.is_none()
            && !self.places.contains_key("name")
            && let Some(id) = self.places.get("discovery.ddr")
        {
            let message = "listeners are announced by the server's name; add `name: dns.home.example`, or write \
                           `ddr: auto`";
            self.defect(*id, message);
        }
        if let Some(CertificateConfig::Acme(acme)) = &self.config.certificate
            && self.config.acme_names(acme).is_empty()
            && !self.places.contains_key("name")
            && let Some(id) = self.places.get("certificate.acme")
        {
            let message = "nothing says what the certificate is for; add `name: dns.home.example` at the top of the file";
            self.defect(*id, message);
        }
        if flags.upstreams.is_empty() {
            self.upstreams.append(&mut self.default_upstreams);
        }
        for (upstream, id) in std::mem::take(&mut self.upstreams) {
            for message in self.config.unusable(&upstream) {
                self.defect(id, message);
            }
        }
        if flags.control.is_none()
            && let Some(message) = self.config.control_too_long()
            && let Some(id) = self.places.get("control")
        {
            self.defect(*id, message);
        }
    }
}

/// An item of `clients`.
#[derive(PartialEq)]
enum Word {
    Private,
    Local,
    Prefix(IpNet),
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
}
