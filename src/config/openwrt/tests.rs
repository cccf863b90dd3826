//! The translation, whole: which YAML comes out, and which defects with which places.

use std::collections::BTreeSet;

use super::*;
use crate::config::limits;

/// What LuCI's page writes with every option set: the test of the page has it write exactly this.
const WRITTEN_BY_LUCI: &str = include_str!("../../../tests/luci/settings.uci");
/// The page.
const LUCI: &str = include_str!(
    "../../../packaging/openwrt/luci-app-hearthdns/htdocs/luci-static/resources/view/hearthdns/settings.js"
);

fn situation(mode: Mode) -> Situation {
    Situation {
        mode,
        has_ipv6: true,
        provider: "/var/resolv.conf.d/resolv.conf.auto".into(),
        has_ntp: false,
    }
}

fn made(uci: &str, now: &Situation) -> String {
    let (package, _) = parse("hearthdns", uci.as_bytes()).unwrap();
    translate("hearthdns", &package, None, now).unwrap_or_else(|found| panic!("{found:?} in {uci:?}"))
}

#[track_caller]
fn defects(uci: &str) -> String {
    let (package, _) = parse("hearthdns", uci.as_bytes()).unwrap();
    let found = translate("hearthdns", &package, None, &situation(Mode::Guest)).unwrap_err();
    found.iter().map(|defect| format!("{defect}\n")).collect()
}

fn read(yaml: &str) -> Config {
    let base = Config::with_paths("zones".into(), "state".into(), "control.sock".into());
    Config::read(Path::new("c"), yaml, base, &Overrides::default()).unwrap()
}

const DEFAULT_TAIL: &str = "cache:\n  file: false\n  bytes: 4MiB\ncontrol: \"/var/run/hearthdns/control.sock\"\ndevices:\n  keep_seen: false\n\
                            state: \"/etc/hearthdns/state\"\nzones: \"/etc/hearthdns/zones\"\n";

#[test]
fn an_empty_file_listens_on_loopback_and_asks_the_provider() {
    assert_eq!(
        made("", &situation(Mode::Guest)),
        format!(
            "# Made from the router's configuration. Changes here are lost.\nlisten:\n  - \"127.0.0.1:5300\"\n\
             resolv_conf: \"/var/resolv.conf.d/resolv.conf.auto\"\n{DEFAULT_TAIL}"
        )
    );
}

#[test]
fn sets_of_the_firewall_are_named() {
    let uci = "config nftset\nlist domain video.example\noption v4 'inet fw4 vpn4'\noption timeout 600\n";
    let sets = read(&made(uci, &situation(Mode::Guest))).nftsets;
    assert_eq!(sets.len(), 1);
    assert_eq!(sets[0].v4.as_ref().unwrap().to_string(), "inet fw4 vpn4");
    assert_eq!(sets[0].timeout, Some(std::time::Duration::from_secs(600)));
    assert_eq!(
        defects("config nftset\noption v4 'inet fw4'\nlist domain a.example\n"),
        "hearthdns:2:11: expected FAMILY TABLE SET such as inet fw4 vpn4, found `inet fw4`\n"
    );
    assert_eq!(
        defects("config nftset\noption v4 'inet fw4 a'\n"),
        "hearthdns:1:1: a section of type nftset needs: list domain 'DOMAIN'\n"
    );
}

#[test]
fn the_clock_waits_for_ntp_where_the_router_has_it() {
    let ntp = Situation {
        has_ntp: true,
        ..situation(Mode::Guest)
    };
    let file = Some(CLOCK_FILE.into());
    for (uci, now, expected) in [
        ("", &ntp, file.clone()),
        ("", &situation(Mode::Guest), None),
        ("config hearthdns\noption ntp 0\n", &ntp, None),
        ("config hearthdns\noption ntp 1\n", &situation(Mode::Guest), file),
    ] {
        assert_eq!(read(&made(uci, now)).clock_file, expected, "{uci}");
    }
    assert_eq!(
        defects("config hearthdns\noption ntp soon\n"),
        "hearthdns:2:12: expected 1 or 0, found `soon`\n"
    );
    for (system, expected) in [
        ("config timeserver ntp\nlist server a\n", true),
        ("config timeserver ntp\noption enabled 1\n", true),
        ("config timeserver ntp\noption enabled 0\n", false),
        ("config timeserver other\n", false),
        ("config system\noption hostname x\n", false),
    ] {
        assert_eq!(
            has_ntp(&parse("system", system.as_bytes()).unwrap().0),
            expected,
            "{system}"
        );
    }
}

#[test]
fn in_front_port_53_is_ours_and_the_lan_is_dnsmasqs() {
    let config = read(&made(
        "config hearthdns\noption dnsmasq_port 54\n",
        &situation(Mode::Front),
    ));
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:53", "[::]:53"]);
    let upstreams: Vec<String> = config.upstreams.iter().map(ToString::to_string).collect();
    assert_eq!(upstreams, ["udp://127.0.0.1:54"]);
    let domains: Vec<String> = config
        .routes
        .iter()
        .map(|route| route.domain.to_string())
        .collect();
    assert_eq!(domains.len(), 20, "{domains:?}");
    for domain in [
        "lan.",
        "168.192.in-addr.arpa.",
        "31.172.in-addr.arpa.",
        "d.f.ip6.arpa.",
    ] {
        assert!(domains.iter().any(|known| known == domain), "{domain}");
    }
    // A route of the file's own takes the place of dnsmasq's.
    let own = "config route\nlist domain lan\nlist server 192.168.1.9\n";
    let config = read(&made(own, &situation(Mode::Front)));
    assert_eq!(config.routes.len(), 20);
    // Nor is it dnsmasq's where we tell its names.
    let names = "config hearthdns\noption lan_names 1\noption lan_domain house\n";
    let config = read(&made(names, &situation(Mode::Front)));
    assert_eq!(config.routes.len(), 19);
    let lan = config.lan.unwrap();
    assert_eq!(lan.domain.to_string(), "house.");
    assert_eq!(
        lan.leases,
        [Path::new("/var/dhcp.leases"), Path::new("/var/odhcpd.leases")]
    );
    assert_eq!(lan.hosts, [Path::new("/etc/hosts"), Path::new("/var/hosts")]);
    assert_eq!(lan.ethers.as_deref(), Some(Path::new("/etc/ethers")));
    let mut now = situation(Mode::Front);
    now.has_ipv6 = false;
    let config = read(&made("config hearthdns\noption dot 1\n", &now));
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:53", "tls://0.0.0.0:853"]);
}

#[test]
fn everything_that_a_router_needs_can_be_said() {
    let uci = "\
config hearthdns 'main'
\toption enabled '1'
\toption mode 'guest'
\toption port '5301'
\toption name 'dns.home.example'
\tlist address '192.168.1.1'
\tlist listen '192.168.1.1:5300'
\toption dot 'on'
\tlist upstream 'tls://dns.example'
\tlist bootstrap '9.9.9.9'
\tlist client 'private'
\tlist client '203.0.113.0/24'
\toption cache_size '65536'
\toption cache_file 'yes'
\toption log_level 'off'
\toption rebind_protection '0'
\tlist rebind_domain 'plex.direct'
\toption zones_dir '/mnt/zones'
\toption state_dir '/mnt/state'
\toption control '/var/run/c.sock'
\toption workers '2'
\toption strategy 'ordered'
\toption stale_seconds '0'
config listen
\toption url 'https://0.0.0.0:8443'
\toption private_only '1'
config upstream
\toption url 'tls://dns.example.net'
\tlist address '192.0.2.1'
\toption server_name 'x.example'
config route
\tlist domain 'corp.example'
\tlist domain 'branch.example'
\tlist server '10.20.0.1'
\tlist accept '10.20.0.0/16'
\toption strategy 'parallel'
config route
\tlist domain 'ads.example'
\toption nowhere '1'
config route
\toption view 'guests'
\tlist domain 'games.example'
\toption nowhere '1'
config view 'guests'
\tlist client '192.168.20.0/24'
\tlist upstream '9.9.9.11'
";
    let config = read(&made(uci, &situation(Mode::Guest)));
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(
        listen,
        [
            "127.0.0.1:5301",
            "tls://0.0.0.0:853",
            "tls://[::]:853",
            "192.168.1.1:5300",
            "https://0.0.0.0:8443",
        ]
    );
    assert!(config.listen[4].private_only);
    assert_eq!(
        config.name.as_ref().map(ToString::to_string).as_deref(),
        Some("dns.home.example.")
    );
    assert_eq!(config.upstreams.len(), 2);
    assert_eq!(
        config.upstreams[1].addresses,
        ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]
    );
    assert!(!config.clients.own_subnets);
    assert_eq!(config.cache.bytes, 65_536);
    assert!(config.cache.file);
    assert_eq!(config.log, crate::config::LogLevel::Off);
    assert!(!config.screen.rebinding);
    assert_eq!(config.zones, Path::new("/mnt/zones"));
    assert_eq!(config.state, Path::new("/mnt/state"));
    assert_eq!(config.control, Path::new("/var/run/c.sock"));
    assert_eq!(config.workers, Some(2));
    assert_eq!(config.cache.stale_for, 0);
    assert_eq!(config.routes.len(), 3);
    assert_eq!(config.views.len(), 1);
    assert_eq!(config.views[0].routes.len(), 1);
    assert_eq!(config.views[0].upstreams.len(), 1);
}

#[test]
fn a_mistake_changes_nothing_at_the_router() {
    let of = |uci: &str| Coexistence::of(&parse("hearthdns", uci.as_bytes()).unwrap().0);
    let default = Coexistence {
        mode: Mode::Off,
        port: OUR_PORT,
        dnsmasq_port: DNSMASQ_PORT,
        is_enabled: true,
    };
    assert_eq!(of(""), default);
    let wrong = "config hearthdns\noption mode gast\noption port 0\noption dnsmasq_port 65536\noption enabled maybe\n";
    assert_eq!(of(wrong), default);
    let right =
        "config hearthdns\noption mode guest\noption port 54\noption dnsmasq_port 55\noption enabled off\n";
    let expected = Coexistence {
        mode: Mode::Guest,
        port: 54,
        dnsmasq_port: 55,
        is_enabled: false,
    };
    assert_eq!(of(right), expected);
}

#[test]
fn every_option_is_read_by_somebody() {
    for (name, form, key) in OPTIONS {
        assert_eq!(
            key.is_empty(),
            matches!(form, Form::Apart | Form::ApartList),
            "{name}"
        );
    }
    let sorted = OPTIONS.is_sorted_by_key(|(name, ..)| *name);
    assert!(sorted, "the table is in the order of the names");
}

#[test]
fn luci_offers_every_option_and_writes_what_is_read() {
    let (package, extra) = parse("hearthdns", WRITTEN_BY_LUCI.as_bytes()).unwrap();
    assert_eq!(extra.as_deref(), Some(Path::new("/etc/hearthdns/extra.yaml")));
    let mut written = BTreeSet::new();
    for section in &package.sections {
        let options = section.options.iter();
        written.extend(options.map(|option| (&*section.kind, &*option.name, option.is_list)));
    }
    let mut known = BTreeSet::new();
    for (name, form, _) in OPTIONS {
        known.insert((MAIN, *name, matches!(form, Form::List | Form::ApartList)));
    }
    for (kind, options) in SECTIONS {
        known.extend(options.iter().map(|(name, is_list)| (*kind, *name, *is_list)));
    }
    assert_eq!(written, known);
    let text = if cfg!(feature = "dnssec") {
        WRITTEN_BY_LUCI.to_owned()
    } else {
        WRITTEN_BY_LUCI.replace("\toption dnssec '1'\n", "")
    };
    let config = read(&made(&text, &situation(Mode::Guest)));
    assert_eq!(config.cache.bytes, 8 << 20);
    let lan = config.lan.as_ref().unwrap();
    assert_eq!(
        (
            lan.leases[0].as_path(),
            lan.hosts[0].as_path(),
            lan.ethers.as_deref()
        ),
        (
            Path::new("/mnt/leases"),
            Path::new("/mnt/hosts"),
            Some(Path::new("/mnt/ethers"))
        )
    );
    assert_eq!(config.bootstrap, ["9.9.9.9:53".parse().unwrap()]);
    assert_eq!(config.upstreams.len(), 2);
    assert_eq!((config.routes.len(), config.views[0].routes.len()), (1, 1));
}

#[test]
fn luci_allows_the_ranges_that_are_allowed() {
    let mut ranges = 0;
    for (name, form, key) in OPTIONS {
        let Some(limit) = limits::TABLE.iter().find(|limit| limit.key == *key) else {
            continue;
        };
        let (_, row) = LUCI
            .split_once(&format!("'{name}', _("))
            .unwrap_or_else(|| panic!("{name}"));
        let (row, _) = row.split_once("\n\t\tadd(").unwrap_or((row, ""));
        if *form == Form::Number && row.contains("datatype") {
            let range = format!("datatype: 'range({},{})'", limit.min, limit.max);
            assert!(row.contains(&range), "{name}: {range} in {row}");
            ranges += 1;
        }
        let is_ours = DEFAULTS.iter().any(|(of, _)| of == key);
        if let Some((_, shown)) = row.split_once("placeholder: '").filter(|_| !is_ours) {
            let shown = shown.split('\'').next();
            assert_eq!(shown, Some(&*limit.default.to_string()), "{name}");
        }
    }
    assert_eq!(ranges, 9);
    // On a router the default is another one.
    assert!(LUCI.contains("'cache_size', _('Size'), null, { validate: isSize, placeholder: '4MiB' }"));
    for (key, default) in DEFAULTS.iter().filter(|(_, default)| default.starts_with('"')) {
        let placeholder = format!("placeholder: '{}'", default.trim_matches('"'));
        assert!(LUCI.contains(&placeholder), "{key}");
    }
    for (name, default) in [("port", OUR_PORT), ("dnsmasq_port", DNSMASQ_PORT)] {
        let (_, row) = LUCI.split_once(&format!("'{name}', _(")).unwrap();
        let (row, _) = row.split_once("\n\t\tadd(").unwrap();
        assert!(row.contains(&format!("placeholder: '{default}'")), "{row}");
    }
}

#[test]
fn any_text_stays_one_value() {
    let uci_of = |value: &str| {
        let quoted = String::from_utf8(uci::quoted(value.as_bytes())).unwrap();
        format!("config hearthdns\noption zones_dir {quoted}\n")
    };
    for value in ["\" zones: /x", "x # y", "$(id)", "\\", "é", "- a", "{a: b}"] {
        let config = read(&made(&uci_of(value), &situation(Mode::Off)));
        assert_eq!(config.zones, Path::new("").join(value), "{value:?}");
    }
    for (value, shown) in [("a\nzones: /x", "a\\nzones: /x"), ("\u{85}", "\\u{85}")] {
        let expected = format!("hearthdns:2:18: expected the path of a folder, found `{shown}`\n");
        assert_eq!(defects(&uci_of(value)), expected);
    }
}

#[test]
fn defects_have_the_place_in_the_uci_file() {
    assert_eq!(
        defects(
            "config hearthdns 'main'\n\toption mode 'gast'\n\tlist listen '127.0.0.1'\n\toption cache_size '1'\n\
             \toption log_levl 'info'\n\toption cache_file 'maybe'\n\tlist name 'x.example'\n\toption port '53'\n\
             config rout\nconfig route\nconfig route\n\tlist domain 'a.example'\n\
             config hearthdns\nconfig upstream\nconfig view\nconfig view v\nconfig route\n\toption view w\n\
             \tlist domain b\n\toption nowhere 1\n\toption cert x\n"
        ),
        "\
hearthdns:2:14: expected off, guest or front, found `gast`
hearthdns:3:14: expected ADDRESS:PORT, found `127.0.0.1` without a port; DNS clients ask port 53
hearthdns:4:20: expected 64KiB to 1GiB, found `1`
hearthdns:5:9: there is no option `log_levl` in hearthdns; did you mean log_level?
hearthdns:6:20: expected 1 or 0, found `maybe`
hearthdns:7:7: name has one value; write: option name 'VALUE'
hearthdns:8:14: expected a port other than 53, 1 to 65535, found `53`
hearthdns:9:1: there is no section of type `rout`; did you mean route?; types: hearthdns, listen, nftset, upstream, route, view
hearthdns:10:1: a section of type route needs: list domain 'DOMAIN'
hearthdns:11:1: a route leads to servers or nowhere; write list server 'URL', or option nowhere '1'
hearthdns:13:1: a second section of type hearthdns; put its options into the first
hearthdns:14:1: a section of type upstream needs: option url 'VALUE'
hearthdns:15:1: a view needs a name; write: config view 'NAME'
hearthdns:16:1: a view needs clients; write: list client 'PREFIX'
hearthdns:17:1: there is no view `w`; begin it with: config view 'w'
hearthdns:21:9: there is no option `cert` in route
"
    );
}

#[test]
fn what_the_configuration_refuses_is_told_with_the_place_in_the_uci_file() {
    assert_eq!(
        defects(
            "config hearthdns 'main'\n\tlist listen '127.0.0.1'\n\toption cache_size '1'\n\toption log_level 'loud'\n\
             \tlist client '10.0.0.0/33'\n\toption workers 'two'\n"
        ),
        "\
hearthdns:2:14: expected ADDRESS:PORT, found `127.0.0.1` without a port; DNS clients ask port 53
hearthdns:3:20: expected 64KiB to 1GiB, found `1`
hearthdns:4:19: expected one of off, error, warn, info, debug, trace, found `loud`
hearthdns:5:14: expected private, local or a prefix such as 192.168.1.0/24 or fd00::/8, found `10.0.0.0/33`
hearthdns:6:17: expected a number from 1 to 64, found a text
"
    );
}

#[test]
fn a_further_file_is_put_behind_and_its_defects_are_its_own() {
    let (package, extra) = parse(
        "hearthdns",
        b"config hearthdns\noption extra '/etc/hearthdns/extra.yaml'\n",
    )
    .unwrap();
    assert_eq!(extra.as_deref(), Some(Path::new("/etc/hearthdns/extra.yaml")));
    let now = situation(Mode::Guest);
    let with = |text: &str| translate("hearthdns", &package, Some(("extra.yaml", text)), &now);
    let config = read(&with("tcp: {idle_seconds: 7}\ncache:\n  bytes: 64KiB\n").unwrap());
    assert_eq!(config.tcp.idle.as_secs(), 7);
    assert_eq!(config.cache.bytes, 65_536);
    // Nor do we listen or ask anywhere that it does not name.
    let config = read(&with("listen: ['127.0.0.1:54']\nupstreams: [192.0.2.9]\n").unwrap());
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:54"]);
    let upstreams: Vec<String> = config.upstreams.iter().map(ToString::to_string).collect();
    assert_eq!(upstreams, ["udp://192.0.2.9:53"]);
    let found = with("# one\ntcp:\n  idle: 7\n").unwrap_err();
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .to_string()
            .starts_with("extra.yaml:3:3: unknown key `idle`"),
        "{}",
        found[0]
    );
}
