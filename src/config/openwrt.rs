//! OpenWrt's `/etc/config/hearthdns` as our configuration: UCI in, the YAML that means the same out, already checked.
//!
//! Each line of the YAML remembers the value that it came from, so a defect that [`Config::read`] finds is told with the
//! place in the UCI file, or in the file that `option extra` names, whose text is put behind ours. What is not named
//! has the default of the YAML key, but for paths and sizes that a router wants otherwise (`DEFAULTS`).
//!
//! To give users another option: a row in `OPTIONS`. [`record`] is what `dnsctl router-mode` remembers. Read `sheet` next.

pub mod record;
mod sheet;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use super::{Config, Overrides, address::shown, nearest, whole};
use crate::uci::{self, Opt, Package, Place, Section, Value};
use crate::zone::record::Defect;
use sheet::{Sheet, text};

/// The kind of the section that holds the settings.
pub const MAIN: &str = "hearthdns";
/// Port that dnsmasq has in the mode `front`, unless told otherwise. Not 5353, which is multicast DNS's.
pub const DNSMASQ_PORT: u16 = 5335;
/// Our port where dnsmasq has 53.
pub const OUR_PORT: u16 = 5300;
/// The domain of the LAN, unless told otherwise.
pub const LAN_DOMAIN: &str = "lan";

/// What the script for the router's NTP client makes once the clock is set.
pub const CLOCK_FILE: &str = "/var/run/hearthdns-ntp/set";

/// Whether the router's NTP client is on, by its settings (`/etc/config/system`), where there is one.
#[must_use]
pub fn has_ntp(system: &Package) -> bool {
    let ntp = system
        .of_kind("timeserver")
        .find(|section| section.name.as_deref() == Some("ntp"));
    ntp.is_some_and(|ntp| ntp.text("enabled").is_none_or(|word| flag(word) != Some(false)))
}

/// The option that has us tell them.
const LAN_NAMES: &str = "lan_names";

/// How we and dnsmasq live together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Neither knows of the other.
    #[default]
    Off,
    /// dnsmasq has port 53 and sends us our zones.
    Guest,
    /// We have port 53, and dnsmasq another.
    Front,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Guest, Self::Front];

    /// The word in the configuration and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Guest => "guest",
            Self::Front => "front",
        }
    }

    /// The mode of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
}

/// What a router knows that the file does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The mode that holds now, which is not the wanted one while port 53 is given back.
    pub mode: Mode,
    /// The kernel speaks IPv6.
    pub has_ipv6: bool,
    /// The file of the provider's nameservers, for names outside our zones where the file names nobody.
    pub provider: PathBuf,
    /// The router's own NTP client sets the clock, and tells us.
    pub has_ntp: bool,
}

/// The settings of the file that are not the daemon's own but the init script's and `dnsctl router-mode`'s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coexistence {
    /// `mode`, the wanted one.
    pub mode: Mode,
    /// `port`: ours where dnsmasq has 53.
    pub port: u16,
    /// `dnsmasq_port`: dnsmasq's where we have 53.
    pub dnsmasq_port: u16,
    /// `enabled`.
    pub is_enabled: bool,
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As a text.
    Text,
    /// As a number where it is one.
    Number,
    /// As true or false.
    Flag,
    /// As a list of texts.
    List,
    /// Not at all: the init script's, or written by a function of its own.
    Apart,
    /// The same, and several values are allowed.
    ApartList,
}

/// Options of the main section: name, form, and the key that it becomes.
const OPTIONS: &[(&str, Form, &str)] = &[
    ("address", Form::List, "addresses"),
    ("block_private_relay", Form::Flag, "discovery.block_private_relay"),
    ("bogus", Form::List, "screen.bogus"),
    ("bootstrap", Form::List, "bootstrap"),
    ("cache_file", Form::Flag, "cache.file"),
    ("cache_file_hours", Form::Number, "cache.file_hours"),
    ("cache_size", Form::Number, "cache.bytes"),
    ("cert", Form::Apart, ""),
    ("client", Form::List, "clients"),
    ("control", Form::Text, "control"),
    ("ddr", Form::Text, "discovery.ddr"),
    ("dnsmasq_port", Form::Apart, ""),
    ("dnssec", Form::Flag, "dnssec.validate"),
    ("dot", Form::Apart, ""),
    ("edns_payload", Form::Number, "edns_payload"),
    ("enabled", Form::Apart, ""),
    ("extra", Form::Apart, ""),
    ("firefox_canary", Form::Flag, "discovery.firefox_canary"),
    ("history", Form::Number, "history.versions"),
    ("jail_mount", Form::ApartList, ""),
    ("jail_mount_rw", Form::ApartList, ""),
    ("keep_seen", Form::Flag, "devices.keep_seen"),
    ("key", Form::Apart, ""),
    ("lan_dhcp", Form::Apart, ""),
    ("lan_domain", Form::Apart, ""),
    ("lan_ethers", Form::Apart, ""),
    ("lan_hosts", Form::ApartList, ""),
    ("lan_leases", Form::ApartList, ""),
    ("lan_names", Form::Apart, ""),
    ("lan_tls", Form::Flag, "discovery.lan_tls"),
    ("listen", Form::ApartList, ""),
    ("log_level", Form::Text, "log.level"),
    ("max_ttl", Form::Number, "cache.max_ttl"),
    ("min_ttl", Form::Number, "cache.min_ttl"),
    ("mode", Form::Apart, ""),
    ("name", Form::Text, "name"),
    ("negative_max_ttl", Form::Number, "cache.negative_max_ttl"),
    ("ntp", Form::Apart, ""),
    ("port", Form::Apart, ""),
    ("rebind_domain", Form::List, "screen.rebinding_exempt"),
    ("rebind_protection", Form::Flag, "screen.rebinding"),
    ("redirect", Form::Apart, ""),
    ("resolv_conf", Form::Text, "resolv_conf"),
    ("stale_seconds", Form::Number, "cache.stale_seconds"),
    ("state_dir", Form::Text, "state"),
    ("strategy", Form::Text, "upstream.strategy"),
    ("timeout_ms", Form::Number, "upstream.timeout_ms"),
    ("upstream", Form::ApartList, ""),
    ("workers", Form::Number, "workers"),
    ("zones_dir", Form::Text, "zones"),
];

/// Keys whose default on a router is another one. Flash is written on an edit only, so the cache has no file,
/// and nobody writes when devices were seen.
const DEFAULTS: &[(&str, &str)] = &[
    ("zones", "\"/etc/hearthdns/zones\""),
    ("state", "\"/etc/hearthdns/state\""),
    ("control", "\"/var/run/hearthdns/control.sock\""),
    ("cache.file", "false"),
    ("cache.bytes", "4MiB"),
    ("devices.keep_seen", "false"),
];

/// Where names of the LAN come from on a router: option, key, and what OpenWrt's dnsmasq and odhcpd write. Of
/// `/etc/config/dhcp`, which only root may read, the init script makes a copy.
const LAN_FILES: &[(&str, &str, &str)] = &[
    (
        "lan_leases",
        "leases",
        "[\"/var/dhcp.leases\", \"/var/odhcpd.leases\"]",
    ),
    ("lan_hosts", "hosts", "[\"/etc/hosts\", \"/var/hosts\"]"),
    ("lan_dhcp", "dhcp", "\"/var/run/hearthdns-lan/dhcp\""),
    ("lan_ethers", "ethers", "\"/etc/ethers\""),
];

/// Options of the other sections: name, and whether it is a list.
const SECTIONS: &[(&str, &[(&str, bool)])] = &[
    ("listen", &[("private_only", false), ("url", false)]),
    (
        "nftset",
        &[("domain", true), ("timeout", false), ("v4", false), ("v6", false)],
    ),
    (
        "upstream",
        &[
            ("address", true),
            ("bootstrap", true),
            ("ca_file", false),
            ("pin_sha256", true),
            ("server_name", false),
            ("url", false),
        ],
    ),
    (
        "route",
        &[
            ("accept", true),
            ("deny", true),
            ("domain", true),
            ("nowhere", false),
            ("server", true),
            ("strategy", false),
            ("view", false),
        ],
    ),
    ("view", &[("client", true), ("upstream", true)]),
];

/// Reads the file and says which further file it wants put behind it.
///
/// # Errors
/// What `uci` itself would refuse.
pub fn parse(file: &str, bytes: &[u8]) -> Result<(Package, Option<PathBuf>), Vec<Defect>> {
    let package = uci::parse(bytes).map_err(|error| vec![defect(file, error.place, error.message)])?;
    let extra = main_of(&package)
        .and_then(|main| main.text("extra"))
        .map(PathBuf::from);
    Ok((package, extra))
}

fn main_of(package: &Package) -> Option<&Section> {
    package.of_kind(MAIN).next()
}

impl Coexistence {
    /// What the file says of it. A value that [`translate`] would refuse has its default here, so that a mistake in
    /// the file changes nothing at the router.
    #[must_use]
    pub fn of(package: &Package) -> Self {
        let word = |name| main_of(package).and_then(|main| main.text(name));
        let port = |name, default| {
            let port = word(name).and_then(|word| word.parse().ok());
            port.filter(|port| *port != 0).unwrap_or(default)
        };
        Coexistence {
            mode: word("mode").and_then(Mode::named).unwrap_or_default(),
            port: port("port", OUR_PORT),
            dnsmasq_port: port("dnsmasq_port", DNSMASQ_PORT),
            is_enabled: word("enabled").is_none_or(|word| flag(word) != Some(false)),
        }
    }
}

/// The configuration in YAML.
///
/// # Errors
/// Every defect of the file, and of the `extra` one, with the file and the place that its author knows.
pub fn translate(
    file: &str,
    package: &Package,
    extra: Option<(&str, &str)>,
    now: &Situation,
) -> Result<String, Vec<Defect>> {
    let mut writer = Writer {
        sheet: Sheet::default(),
        file,
        now,
        defects: Vec::new(),
    };
    writer.unknown(package);
    writer.main(package, extra.map(|(_, text)| text));
    let Writer {
        sheet, mut defects, ..
    } = writer;
    let own_lines = sheet.places.len();
    let mut yaml = sheet.text;
    if let Some((_, text)) = extra {
        yaml.push_str(text);
    }
    let base = Config::with_paths("zones".into(), "state".into(), "control.sock".into());
    let found = Config::read(Path::new(file), &yaml, base, &Overrides::default());
    let complained: Vec<Place> = defects
        .iter()
        .map(|defect| Place {
            line: defect.line,
            column: defect.column,
        })
        .collect();
    for found in found.err().unwrap_or_default() {
        let line = found.line as usize;
        match (sheet.places.get(line.wrapping_sub(1)), extra) {
            // What follows from a complaint of ours, or from what we left out for it, is no news.
            (Some(place), _)
                if complained.contains(place) || (*place == NOWHERE && !complained.is_empty()) => {}
            (Some(place), _) => defects.push(defect(file, *place, found.message)),
            (None, Some((name, _))) if line > own_lines => defects.push(Defect {
                file: name.into(),
                line: u32::try_from(line - own_lines).unwrap_or(u32::MAX),
                ..found
            }),
            _ => defects.push(whole(file, found.message)),
        }
    }
    defects.sort();
    if defects.is_empty() {
        Ok(yaml)
    } else {
        Err(defects)
    }
}

fn defect(file: &str, place: Place, message: impl Into<String>) -> Defect {
    Defect {
        file: file.into(),
        line: place.line,
        column: place.column,
        message: message.into(),
    }
}

/// A switch as OpenWrt's own scripts read it.
fn flag(word: &str) -> Option<bool> {
    match word {
        "1" | "on" | "true" | "yes" | "enabled" => Some(true),
        "0" | "off" | "false" | "no" | "disabled" => Some(false),
        _ => None,
    }
}

struct Writer<'a> {
    sheet: Sheet,
    file: &'a str,
    now: &'a Situation,
    defects: Vec<Defect>,
}

/// What is not there.
const NOWHERE: Place = Place { line: 0, column: 0 };

impl Writer<'_> {
    fn complain(&mut self, place: Place, message: impl Into<String>) {
        self.defects.push(defect(self.file, place, message));
    }

    /// Sections and options that nobody knows, lists that should be options, and values that are no text.
    fn unknown(&mut self, package: &Package) {
        let kinds: Vec<&str> = std::iter::once(MAIN)
            .chain(SECTIONS.iter().map(|(kind, _)| *kind))
            .collect();
        for section in &package.sections {
            let known: Vec<(&str, bool)> = if section.kind == MAIN {
                let is_list = |form: Form| matches!(form, Form::List | Form::ApartList);
                OPTIONS
                    .iter()
                    .map(|(name, form, _)| (*name, is_list(*form)))
                    .collect()
            } else if let Some((_, options)) = SECTIONS.iter().find(|(kind, _)| *kind == section.kind) {
                options.to_vec()
            } else {
                let message = format!(
                    "there is no section of type {}{}; types: {}",
                    shown(&section.kind),
                    meant(&section.kind, &kinds),
                    kinds.join(", ")
                );
                self.complain(section.place, message);
                continue;
            };
            for option in &section.options {
                match known.iter().find(|(name, _)| *name == option.name) {
                    None => {
                        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                        let message = format!(
                            "there is no option {} in {}{}",
                            shown(&option.name),
                            section.kind,
                            meant(&option.name, &names)
                        );
                        self.complain(option.place, message);
                    }
                    Some((name, false)) if option.is_list => {
                        self.complain(
                            option.place,
                            format!("{name} has one value; write: option {name} 'VALUE'"),
                        );
                    }
                    Some(_) => {}
                }
                let unreadable = option.values.iter().find(|value| value.text().is_none());
                if let Some(value) = unreadable {
                    self.complain(value.place, "this value is not UTF-8; write it anew");
                }
            }
        }
        if let Some(second) = package.of_kind(MAIN).nth(1) {
            self.complain(
                second.place,
                format!("a second section of type {MAIN}; put its options into the first"),
            );
        }
    }

    fn main(&mut self, package: &Package, extra: Option<&str>) {
        let empty = Section {
            kind: MAIN.to_owned(),
            name: None,
            place: NOWHERE,
            options: Vec::new(),
        };
        let main = main_of(package).unwrap_or(&empty);
        self.sheet.line(
            NOWHERE,
            0,
            "# Made from the router's configuration. Changes here are lost.",
        );
        // Keys that the further file has are its own to set, where ours would be but defaults.
        let is_extra = |key: &str| {
            extra.is_some_and(|text| text.lines().any(|line| line.split(':').next() == Some(key)))
        };
        self.listen(main, package, &is_extra);
        self.upstreams(main, package, &is_extra);
        self.certificate(main);
        self.clock(main, &is_extra);
        self.keys(main, &is_extra);
        self.lan(main);
        self.routes(main, package);
        self.views(package);
        self.nftsets(package);
        self.switches(main);
    }

    /// The keys that are one option each, a section of keys at a time.
    fn keys(&mut self, main: &Section, is_extra: &dyn Fn(&str) -> bool) {
        let mut tops: Vec<&str> = Vec::new();
        for (_, _, key) in OPTIONS.iter().filter(|(_, _, key)| !key.is_empty()) {
            let top = key.split('.').next().unwrap_or(key);
            if !tops.contains(&top) {
                tops.push(top);
            }
        }
        for top in tops {
            let mut rows: Vec<(&str, Form, Result<&Opt, &str>)> = Vec::new();
            for (name, form, key) in OPTIONS {
                if key.split('.').next() != Some(top) {
                    continue;
                }
                let default = DEFAULTS.iter().find(|(of, _)| of == key).map(|(_, value)| *value);
                match (main.option(name), default) {
                    (Some(option), _) => rows.push((key, *form, Ok(option))),
                    (None, Some(value)) if !is_extra(top) => rows.push((key, *form, Err(value))),
                    _ => {}
                }
            }
            if rows.iter().any(|(key, ..)| key.contains('.')) {
                self.sheet.line(NOWHERE, 0, &format!("{top}:"));
            }
            for (key, form, option) in rows {
                let (depth, word) = key.split_once('.').map_or((0, key), |(_, word)| (1, word));
                match option {
                    Err(value) => self.sheet.line(NOWHERE, depth, &format!("{word}: {value}")),
                    Ok(option) => self.option(depth, word, form, option),
                }
            }
        }
    }

    fn option(&mut self, depth: usize, word: &str, form: Form, option: &Opt) {
        if form == Form::List {
            self.list(depth, word, option);
            return;
        }
        let Some(value) = option.values.first() else {
            return;
        };
        let content = value.text().unwrap_or_default();
        let written = match form {
            Form::Number if content.parse::<u64>().is_ok() => content.to_owned(),
            Form::Flag => match flag(content) {
                Some(word) => word.to_string(),
                None => {
                    self.no_flag(value);
                    return;
                }
            },
            _ => text(content),
        };
        self.sheet.line(value.place, depth, &format!("{word}: {written}"));
    }

    fn no_flag(&mut self, value: &Value) {
        let found = shown(value.text().unwrap_or_default());
        self.complain(value.place, format!("expected 1 or 0, found {found}"));
    }

    /// A switch of a section; false where it is not there.
    fn is_on(&mut self, section: &Section, name: &str) -> bool {
        let Some(value) = section.option(name).and_then(|option| option.values.first()) else {
            return false;
        };
        let on = value.text().and_then(flag);
        if on.is_none() {
            self.no_flag(value);
        }
        on.unwrap_or(false)
    }

    fn list(&mut self, depth: usize, word: &str, option: &Opt) {
        self.sheet.line(option.place, depth, &format!("{word}:"));
        for value in &option.values {
            let item = text(value.text().unwrap_or_default());
            self.sheet.line(value.place, depth + 1, &format!("- {item}"));
        }
    }

    /// Where to listen: what the mode asks for, then what the file names.
    fn listen(&mut self, main: &Section, package: &Package, is_extra: &dyn Fn(&str) -> bool) {
        if is_extra("listen") {
            return;
        }
        let port = Coexistence::of(package).port;
        self.sheet.line(NOWHERE, 0, "listen:");
        let item = |sheet: &mut Sheet, place, url: &str| sheet.line(place, 1, &format!("- {}", text(url)));
        if self.now.mode == Mode::Front {
            item(&mut self.sheet, NOWHERE, "0.0.0.0:53");
            if self.now.has_ipv6 {
                item(&mut self.sheet, NOWHERE, "[::]:53");
            }
        } else {
            item(&mut self.sheet, NOWHERE, &format!("127.0.0.1:{port}"));
        }
        if self.is_on(main, "dot") {
            let place = main.option("dot").map_or(NOWHERE, |option| option.place);
            item(&mut self.sheet, place, "tls://0.0.0.0");
            if self.now.has_ipv6 {
                item(&mut self.sheet, place, "tls://[::]");
            }
        }
        for value in main
            .option("listen")
            .map(|option| option.values.as_slice())
            .unwrap_or_default()
        {
            item(&mut self.sheet, value.place, value.text().unwrap_or_default());
        }
        for section in package.of_kind("listen") {
            let private_only = self.is_on(section, "private_only");
            let Some(url) = self.needed(section, "url") else {
                continue;
            };
            let line = format!("- {{url: {}, private_only: {private_only}}}", text(&url.0));
            self.sheet.line(url.1, 1, &line);
        }
    }

    /// A value that a section cannot do without.
    fn needed(&mut self, section: &Section, name: &str) -> Option<(String, Place)> {
        let value = section.option(name).and_then(|option| option.values.first());
        if value.is_none() {
            let message = format!("a section of type {} needs: option {name} 'VALUE'", section.kind);
            self.complain(section.place, message);
        }
        value.map(|value| (value.text().unwrap_or_default().to_owned(), value.place))
    }

    /// Whom to ask. With nobody named: dnsmasq where it stands behind us, else those whom the provider names, because
    /// the system's own nameserver is dnsmasq, which would ask us; as a file that the daemon follows, so that a new
    /// lease of the provider's needs no new configuration.
    fn upstreams(&mut self, main: &Section, package: &Package, is_extra: &dyn Fn(&str) -> bool) {
        let named = main.option("upstream");
        let sections: Vec<&Section> = package.of_kind("upstream").collect();
        if named.is_none() && sections.is_empty() {
            if is_extra("upstreams") {
                return;
            }
            if main.option("resolv_conf").is_some() || is_extra("resolv_conf") {
                // Its own key says it.
            } else if self.now.mode == Mode::Front {
                let dnsmasq = format!("127.0.0.1:{}", Coexistence::of(package).dnsmasq_port);
                self.sheet.line(NOWHERE, 0, "upstreams:");
                self.sheet.line(NOWHERE, 1, &format!("- {}", text(&dnsmasq)));
            } else {
                let file = text(&self.now.provider.to_string_lossy());
                self.sheet.line(NOWHERE, 0, &format!("resolv_conf: {file}"));
            }
            return;
        }
        self.sheet.line(NOWHERE, 0, "upstreams:");
        for value in named.map(|option| option.values.as_slice()).unwrap_or_default() {
            let item = text(value.text().unwrap_or_default());
            self.sheet.line(value.place, 1, &format!("- {item}"));
        }
        for section in sections {
            let Some((url, place)) = self.needed(section, "url") else {
                continue;
            };
            self.sheet.line(place, 1, &format!("- url: {}", text(&url)));
            for (option, word) in [
                ("address", "addresses"),
                ("bootstrap", "bootstrap"),
                ("pin_sha256", "pin_sha256"),
            ] {
                if let Some(option) = section.option(option) {
                    self.list(2, word, option);
                }
            }
            for name in ["ca_file", "server_name"] {
                if let Some(option) = section.option(name) {
                    self.option(2, name, Form::Text, option);
                }
            }
        }
    }

    fn certificate(&mut self, main: &Section) {
        match (main.option("cert"), main.option("key")) {
            (None, None) => {}
            (Some(chain), Some(key)) => {
                self.sheet.line(chain.place, 0, "certificate:");
                self.option(1, "chain", Form::Text, chain);
                self.option(1, "key", Form::Text, key);
            }
            (Some(one), None) | (None, Some(one)) => {
                self.complain(one.place, "cert and key belong together; name both, or neither");
            }
        }
    }

    /// A router without a battery starts at a time that is long past, so the NTP client's word is waited for.
    fn clock(&mut self, main: &Section, is_extra: &dyn Fn(&str) -> bool) {
        let named = main.option("ntp");
        let is_on = match named {
            Some(_) => self.is_on(main, "ntp"),
            None => self.now.has_ntp,
        };
        if is_on && !is_extra("clock_file") {
            let place = named.map_or(NOWHERE, |option| option.place);
            self.sheet
                .line(place, 0, &format!("clock_file: {}", text(CLOCK_FILE)));
        }
    }

    /// Names of the devices of the house, where we are to tell them in dnsmasq's place.
    fn lan(&mut self, main: &Section) {
        if !self.is_on(main, LAN_NAMES) {
            return;
        }
        let place = main.option(LAN_NAMES).map_or(NOWHERE, |option| option.place);
        self.sheet.line(place, 0, "lan:");
        match main.option("lan_domain") {
            Some(domain) => self.option(1, "domain", Form::Text, domain),
            None => self.sheet.line(NOWHERE, 1, &format!("domain: {LAN_DOMAIN}")),
        }
        for (name, word, default) in LAN_FILES {
            match main.option(name) {
                Some(files) if files.is_list => self.list(1, word, files),
                Some(file) => self.option(1, word, Form::Text, file),
                None => self.sheet.line(NOWHERE, 1, &format!("{word}: {default}")),
            }
        }
    }

    fn routes(&mut self, main: &Section, package: &Package) {
        let base: Vec<&Section> = package
            .of_kind("route")
            .filter(|route| route.option("view").is_none())
            .collect();
        let lan = if self.now.mode == Mode::Front {
            lan_domains(main)
        } else {
            Vec::new()
        };
        if base.is_empty() && lan.is_empty() {
            return;
        }
        self.sheet.line(NOWHERE, 0, "routes:");
        let mut taken: Vec<&str> = Vec::new();
        for route in base {
            taken.extend(route.texts("domain"));
            self.route(1, route);
        }
        let server = text(&format!("127.0.0.1:{}", Coexistence::of(package).dnsmasq_port));
        for domain in lan.iter().filter(|domain| !taken.contains(&domain.as_str())) {
            self.sheet.line(
                NOWHERE,
                1,
                &format!("{}: {{upstreams: [{server}]}}", text(domain)),
            );
        }
    }

    fn route(&mut self, depth: usize, route: &Section) {
        let Some(domains) = route.option("domain") else {
            self.complain(route.place, "a section of type route needs: list domain 'DOMAIN'");
            return;
        };
        let is_nowhere = self.is_on(route, "nowhere");
        let servers = route.option("server");
        if is_nowhere == servers.is_some() {
            let message =
                "a route leads to servers or nowhere; write list server 'URL', or option nowhere '1'";
            self.complain(route.place, message);
            return;
        }
        for domain in &domains.values {
            let word = text(domain.text().unwrap_or_default());
            let Some(servers) = servers else {
                self.sheet.line(domain.place, depth, &format!("{word}: nowhere"));
                continue;
            };
            self.sheet.line(domain.place, depth, &format!("{word}:"));
            self.list(depth + 1, "upstreams", servers);
            for name in ["accept", "deny"] {
                if let Some(option) = route.option(name) {
                    self.list(depth + 1, name, option);
                }
            }
            if let Some(option) = route.option("strategy") {
                self.option(depth + 1, "strategy", Form::Text, option);
            }
        }
    }

    fn views(&mut self, package: &Package) {
        let views: Vec<&Section> = package.of_kind("view").collect();
        for route in package.of_kind("route") {
            let Some(name) = route.text("view") else { continue };
            if !views.iter().any(|view| view.name.as_deref() == Some(name)) {
                let message = format!(
                    "there is no view {}; begin it with: config view '{name}'",
                    shown(name)
                );
                self.complain(route.place, message);
            }
        }
        if views.is_empty() {
            return;
        }
        self.sheet.line(NOWHERE, 0, "views:");
        for view in views {
            let Some(name) = &view.name else {
                self.complain(view.place, "a view needs a name; write: config view 'NAME'");
                continue;
            };
            self.sheet.line(view.place, 1, &format!("{}:", text(name)));
            match view.option("client") {
                Some(option) => self.list(2, "clients", option),
                None => self.complain(view.place, "a view needs clients; write: list client 'PREFIX'"),
            }
            if let Some(option) = view.option("upstream") {
                self.list(2, "upstreams", option);
            }
            let routes: Vec<&Section> = package
                .of_kind("route")
                .filter(|route| route.text("view") == Some(name))
                .collect();
            if !routes.is_empty() {
                self.sheet.line(NOWHERE, 2, "routes:");
            }
            for route in routes {
                self.route(3, route);
            }
        }
    }

    /// Sets of the firewall that addresses go into.
    fn nftsets(&mut self, package: &Package) {
        let sections: Vec<&Section> = package.of_kind("nftset").collect();
        if !sections.is_empty() {
            self.sheet.line(NOWHERE, 0, "nftsets:");
        }
        for section in sections {
            let Some(domains) = section.option("domain") else {
                self.complain(
                    section.place,
                    "a section of type nftset needs: list domain 'DOMAIN'",
                );
                continue;
            };
            self.sheet.line(section.place, 1, "-");
            self.list(2, "domains", domains);
            for name in ["v4", "v6"] {
                if let Some(option) = section.option(name) {
                    self.option(2, name, Form::Text, option);
                }
            }
            if let Some(option) = section.option("timeout") {
                self.option(2, "timeout_seconds", Form::Number, option);
            }
        }
    }

    /// Those that are the init script's: told here where they are wrong, because it has no way to.
    fn switches(&mut self, main: &Section) {
        self.is_on(main, "enabled");
        self.is_on(main, "redirect");
        if let Some(value) = main.option("mode").and_then(|option| option.values.first())
            && value.text().and_then(Mode::named).is_none()
        {
            let found = shown(value.text().unwrap_or_default());
            self.complain(
                value.place,
                format!("expected off, guest or front, found {found}"),
            );
        }
        for name in ["port", "dnsmasq_port"] {
            let value = main.option(name).and_then(|option| option.values.first());
            let Some(value) = value else { continue };
            let port = value.text().and_then(|text| text.parse::<u16>().ok());
            if port.is_none_or(|port| port == 0 || port == 53) {
                let found = shown(value.text().unwrap_or_default());
                self.complain(
                    value.place,
                    format!("expected a port other than 53, 1 to 65535, found {found}"),
                );
            }
        }
        if let Some(value) = main.option("dnssec").and_then(|option| option.values.first())
            && value.text().and_then(flag) == Some(true)
            && cfg!(not(feature = "dnssec"))
        {
            self.complain(
                value.place,
                "this program is built without DNSSEC; remove the option",
            );
        }
    }
}

/// Domains that dnsmasq knows and nobody else: the LAN's where we do not tell its names, and the reverse zones of private
/// addresses, for what we do not tell of them.
fn lan_domains(main: &Section) -> Vec<String> {
    let is_ours = main.text(LAN_NAMES).and_then(flag) == Some(true);
    let lan = main.text("lan_domain").unwrap_or(LAN_DOMAIN).to_owned();
    let lan = Some(lan).filter(|_| !is_ours);
    let blocks = (16..32).map(|block| format!("{block}.172.in-addr.arpa"));
    let fixed = ["10.in-addr.arpa", "168.192.in-addr.arpa", "d.f.ip6.arpa"].map(str::to_owned);
    lan.into_iter().chain(fixed).chain(blocks).collect()
}

/// What somebody who wrote this word may have meant.
fn meant(word: &str, known: &[&str]) -> String {
    nearest(word, known).map_or(String::new(), |known| format!("; did you mean {known}?"))
}
