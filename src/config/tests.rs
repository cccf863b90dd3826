//! Tests of the configuration as a whole: whole messages with their places, every key, the example,
//! mutations.

use std::path::Path;
use std::time::Duration;

use super::reader::TOP;
use super::{Config, LogLevel, Overrides, decode, limits};

#[cfg(test)]
mod example;

const EXAMPLE: &str = include_str!("../../packaging/config.yaml");

fn base() -> Config {
    Config::with_paths("zones".into(), "state".into(), "control.sock".into())
}

/// Reads a configuration of this name; or its defects, a line each.
fn read_as(file: &str, text: &str) -> Result<Config, String> {
    Config::read(Path::new(file), text, base(), &Overrides::default())
        .map_err(|defects| defects.iter().map(|defect| format!("{defect}\n")).collect())
}

pub(super) fn read(text: &str) -> Result<Config, String> {
    read_as("config.yaml", text)
}

/// The same in the usual folder, which relative paths begin at.
pub(super) fn read_in_etc(text: &str) -> Result<Config, String> {
    read_as("/etc/hearthdns/config.yaml", text)
}

#[track_caller]
fn assert_defects(text: &str, expected: &str) {
    assert_eq!(read(text).unwrap_err(), expected, "in {text:?}");
}

/// The example with every key set that is shown behind a `#`.
fn example_with_everything() -> String {
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && (!rest.starts_with(' ') || rest.starts_with("  ")) => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(uncommented).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_empty_file_is_the_defaults() {
    for text in ["", "# nothing\n", "---\n", "{}", "views: {}"] {
        assert_eq!(read(text), Ok(base()), "{text:?}");
    }
}

#[test]
fn the_example_documents_the_defaults() {
    assert_eq!(read(EXAMPLE), Ok(base()));
}

#[test]
fn every_key_of_the_limits_table_is_read_within_its_range() {
    for limit in limits::TABLE.iter().filter(|limit| !limit.is_fixed()) {
        let line = |value: u64| match limit.key.split_once('.') {
            Some((section, key)) => format!("{section}: {{{key}: {value}}}"),
            None => format!("{}: {value}", limit.key),
        };
        for value in [limit.min, limit.default, limit.max] {
            // A value at one end may not go with another key's default, but its range is not to blame.
            if let Err(defects) = read(&line(value)) {
                assert!(
                    defects.contains("is more than"),
                    "{} {value}: {defects}",
                    limit.key
                );
            }
        }
        for value in [limit.max + 1, u64::MAX]
            .into_iter()
            .chain(limit.min.checked_sub(1))
        {
            let defects = read(&line(value)).unwrap_err();
            assert!(
                defects.contains(": expected "),
                "{} {value}: {defects}",
                limit.key
            );
            assert!(
                defects.contains(&format!("{value}")),
                "{} {value}: {defects}",
                limit.key
            );
        }
    }
}

#[test]
fn every_value_arrives() {
    let config = read(
        "listen: ['[::]:53', 192.168.1.1:53]\nclients: [local, 203.0.113.0/24, 2001:db8::1]\nedns_payload: 512\n\
         workers: 4\ntcp: {connections: 9, per_client: 8, idle_seconds: 7, pipeline: 6}\n\
         upstream: {timeout_ms: 900, attempt_ms: 300, outstanding: 5}\n\
         cache: {bytes: 512 KiB, min_ttl: 3, max_ttl: 4, negative_max_ttl: 2}\nlog: {level: off}\n\
         history: {versions: 1}\n",
    )
    .unwrap();
    assert_eq!(
        config.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["[::]:53", "192.168.1.1:53"]
    );
    assert!(config.clients.own_subnets);
    let clients: Vec<String> = config.clients.prefixes.iter().map(ToString::to_string).collect();
    assert_eq!(clients, ["203.0.113.0/24", "2001:db8::1/128"]);
    assert_eq!(
        (
            config.edns_payload,
            config.worker_count(1),
            config.history_versions
        ),
        (512, 4, 1)
    );
    assert_eq!(
        (config.tcp.connections, config.tcp.per_client, config.tcp.pipeline),
        (9, 8, 6)
    );
    assert_eq!(config.tcp.idle, Duration::from_secs(7));
    assert_eq!(config.upstream.timeout, Duration::from_millis(900));
    assert_eq!(
        (config.upstream.attempt, config.upstream.outstanding),
        (Duration::from_millis(300), 5)
    );
    let cache = config.cache;
    assert_eq!(
        (cache.bytes, cache.min_ttl, cache.max_ttl, cache.negative_max_ttl),
        (512 << 10, 3, 4, 2)
    );
    assert_eq!(config.log, LogLevel::Off);
}

#[test]
fn unknown_keys_name_the_nearest_and_all_others() {
    let top = "addresses, bootstrap, cache, certificate, clients, clock_file, control, devices, discovery, dnssec, edns_payload, encrypted, \
               history, lan, listen, log, name, nftsets, resolv_conf, routes, screen, state, tcp, upstream, upstreams, views, workers, zones";
    let tcp = "connections, idle_seconds, per_client, pipeline";
    assert_defects(
        "lisen: []\ntcp:\n  conections: 1\n  zones: x\n  bytes: 3\ntimeout_ms: 3\nfrobnicate: yes\n7: 8\n? [a]\n: b\n",
        &format!(
            "config.yaml:1:1: unknown key `lisen`; did you mean `listen`? known here: {top}\n\
             config.yaml:3:3: unknown key `conections` in `tcp`; did you mean `connections`? known here: {tcp}\n\
             config.yaml:4:3: unknown key `zones` in `tcp`; it belongs to the top of the file, without \
             indentation; known here: {tcp}\n\
             config.yaml:5:3: unknown key `bytes` in `tcp`; it belongs under `cache`; known here: {tcp}\n\
             config.yaml:6:1: unknown key `timeout_ms`; it belongs under `upstream`; known here: {top}\n\
             config.yaml:7:1: unknown key `frobnicate`; known here: {top}\n\
             config.yaml:8:1: unknown key `7`; known here: {top}\n\
             config.yaml:9:3: expected a key, found a list\n"
        ),
    );
}

#[test]
fn wrong_types_say_what_is_expected() {
    assert_defects(
        "listen: 53\nzones: [a]\nstate: 7\ncontrol:\nupstreams: 1.1.1.1\nclients: {a: b}\nviews: [home]\n\
         edns_payload: big\nworkers: 1.5\ntcp: 5\nupstream: {timeout_ms: '500', attempt_ms: [1]}\n\
         cache: {bytes: true, min_ttl: ~}\nlog: {level: [info]}\nhistory: !x 5\n",
        "config.yaml:1:9: expected a list of addresses, found a number\n\
         config.yaml:2:8: expected the path of a folder, found a list\n\
         config.yaml:3:8: expected the path of a folder, found a number\n\
         config.yaml:4:9: expected the path of a socket, found nothing; remove the key to have its default\n\
         config.yaml:5:12: expected a list of upstreams, found a text; write [\"1.1.1.1\"]\n\
         config.yaml:6:10: expected a list of prefixes, found a mapping\n\
         config.yaml:7:8: expected a mapping of names to views, as in home: {clients: [192.168.2.0/24]}, found a \
         list\n\
         config.yaml:8:15: expected a number from 512 to 1432, found a text\n\
         config.yaml:9:10: expected a whole number from 1 to 64, found 1.5\n\
         config.yaml:10:6: expected keys and their values (connections, idle_seconds, per_client, pipeline), found \
         a number\n\
         config.yaml:11:24: expected a number from 100 to 30000, found a text; remove the quotes\n\
         config.yaml:11:43: expected a number from 50 to 10000, found a list\n\
         config.yaml:12:16: expected a size from 64KiB to 1GiB such as 8MiB, found a boolean\n\
         config.yaml:12:31: expected a number from 0 to 3600, found nothing; remove the key to have its default\n\
         config.yaml:13:14: expected one of off, error, warn, info, debug, trace, found a list\n\
         config.yaml:14:10: expected keys and their values (versions), found a tagged value\n",
    );
    assert_defects(
        "- a\n",
        &format!(
            "config.yaml:1:1: expected keys and their values ({}), found a list\n",
            TOP.join(", ")
        ),
    );
}

#[test]
fn values_out_of_range_are_refused_and_never_clamped() {
    assert_defects(
        "edns_payload: 9000\nworkers: 0\ntcp: {pipeline: -1}\ncache: {bytes: 2GiB}\n",
        "config.yaml:1:15: expected 512 to 1432, found 9000\n\
         config.yaml:2:10: expected 1 to 64, found 0\n\
         config.yaml:3:17: expected 1 to 256, found -1\n\
         config.yaml:4:16: expected 64KiB to 1GiB, found `2GiB`\n",
    );
    assert_defects(
        "cache: {bytes: 8MB, max_ttl: 0}\nlog: {level: loud}\nhistory: {versions: 340282366920938463463374607431768211456}\n",
        "config.yaml:1:16: expected a size such as 8MiB, 512KiB or 8388608, found `8MB`\n\
         config.yaml:1:30: expected 1 to 604800, found 0\n\
         config.yaml:2:14: expected one of off, error, warn, info, debug, trace, found `loud`\n\
         config.yaml:3:21: expected a whole number from 1 to 1000, found 3.402823669209385e38\n",
    );
    assert_defects(
        "cache: {bytes: 99999999999999999999GiB}",
        "config.yaml:1:16: expected 64KiB to 1GiB, found `99999999999999999999GiB`\n",
    );
}

#[test]
fn lists_are_checked_item_by_item() {
    assert_defects(
        "listen:\n  - 127.0.0.1\n  - 53\n  - 127.0.0.1:53\n  - [a]\n  - 127.0.0.1:53\nupstreams:\n  - http://1.1.1.1\n  - dns.example\n\
         clients:\n  - LAN\n  - 10.0.0.1/8\n  -\n",
        "config.yaml:2:5: expected ADDRESS:PORT, found `127.0.0.1` without a port; DNS clients ask port 53\n\
         config.yaml:3:5: expected an address, found a number\n\
         config.yaml:5:5: expected an address, found a list; a text that begins with `[` or contains `: ` needs \
         quotes\n\
         config.yaml:6:5: `127.0.0.1:53` is given twice; the first is in line 4\n\
         config.yaml:8:5: http:// is not encrypted and no DNS server speaks it; write https://\n\
         config.yaml:9:5: expected an upstream such as 9.9.9.9, 9.9.9.9:53, [2620:fe::fe]:53, tcp://9.9.9.9, \
         tls://dns.example or https://dns.example/dns-query, found `dns.example`\n\
         config.yaml:11:5: expected private, local or a prefix such as 192.168.1.0/24 or fd00::/8, found `LAN`\n\
         config.yaml:12:5: `10.0.0.1/8` has bits set beyond its length; write 10.0.0.0/8 for the whole network or \
         10.0.0.1 for one host\n\
         config.yaml:13:4: expected a prefix, found nothing\n",
    );
    assert_defects(
        "listen: []\nupstreams: []\nclients: []\n",
        "config.yaml:1:9: expected at least an address; remove the key to have its default\n\
         config.yaml:2:12: expected at least an upstream; remove the key to have its default\n\
         config.yaml:3:10: expected at least a prefix; remove the key to have its default\n",
    );
    let many = format!("listen: [{}]", "a,".repeat(65));
    assert_defects(&many, "config.yaml:1:9: expected at most 64 items, found 65\n");
}

#[cfg(all(feature = "https", feature = "quic"))]
#[test]
fn a_listener_may_be_a_mapping_and_private_only() {
    let certificate = "certificate: {chain: c.pem, key: k.pem}\n";
    let config = read(&format!(
        "{certificate}name: DNS.Home.example.\nlisten:\n  - 127.0.0.1:53\n  - {{url: 'https://0.0.0.0:8443', \
         private_only: true}}\n  - {{url: 'quic://0.0.0.0', private_only: true}}\n  - url: tls://0.0.0.0\n"
    ))
    .unwrap();
    assert_eq!(config.name.unwrap().to_string(), "dns.home.example.");
    let listen: Vec<(String, bool)> = config
        .listen
        .iter()
        .map(|url| (url.to_string(), url.private_only))
        .collect();
    assert_eq!(
        listen,
        [
            ("127.0.0.1:53".to_owned(), false),
            ("https://0.0.0.0:8443".to_owned(), true),
            ("quic://0.0.0.0:853".to_owned(), true),
            ("tls://0.0.0.0:853".to_owned(), false),
        ]
    );
    assert_defects(
        &format!(
            "{certificate}name: 192.168.1.1\nlisten:\n  - {{url: '127.0.0.1:53', private_only: true}}\n  - \
             {{private_only: true}}\n  - {{url: 'https://0.0.0.0', private-only: true}}\n  - {{url: 'https://0.0.0.0:1', \
             private_only: yes}}\n  - {{url: 'ftp://x'}}\n  - {{url: 853}}\n  - [x]\n  - 7\n  - {{url: 'tls://0.0.0.0', \
             private_only: true}}\n  - tls://0.0.0.0\n  - {{url: 'https://0.0.0.0'}}\n"
        ),
        "config.yaml:2:7: expected a host name such as dns.home.example, found `192.168.1.1`; addresses are set with \
         `addresses: [IP]`\n\
         config.yaml:4:41: 127.0.0.1:53 is plain DNS, which carries no token, so nobody would be answered; remove \
         `private_only`, or use tls://, https://, quic:// or h3://\n\
         config.yaml:5:5: this listener has no `url`; write `url: https://0.0.0.0` into the mapping\n\
         config.yaml:6:30: unknown key `private-only` in `listen`; did you mean `private_only`? known here: \
         private_only, url\n\
         config.yaml:7:46: expected true or false, found a text\n\
         config.yaml:8:11: unknown scheme `ftp`; expected ADDRESS:PORT for plain DNS, or one of tls://, https://, \
         quic://, h3://, http://\n\
         config.yaml:9:11: expected an address, or a URL such as https://0.0.0.0, found a number\n\
         config.yaml:10:5: expected an address; one that begins with `[` needs quotes, found a list\n\
         config.yaml:11:5: expected an address, found a number\n\
         config.yaml:12:5: tls://0.0.0.0:853 knows a device by the name that it asks for, TOKEN.NAME, so a \
         private-only one needs `name: dns.home.example`, the host name of this server\n\
         config.yaml:13:5: tls://0.0.0.0:853 wants the port that tls://0.0.0.0:853 takes; choose another port for \
         one of them\n\
         config.yaml:14:5: https://0.0.0.0:443 is given twice; the first is in line 6\n",
    );
}

#[test]
fn views_have_folder_names_and_prefixes_of_their_own() {
    assert_defects(
        "views:\n  Home: {clients: [10.0.0.0/8]}\n  a/b: {clients: [10.0.0.1]}\n  10: {clients: [10.0.0.2]}\n  x: {}\n  y:\n  \
         z: {client: [10.0.0.0/8]}\n  v: {clients: [fd00::/8, 10.0.0.0/8]}\n  v: {clients: ['::1']}\n",
        "config.yaml:2:3: view `Home` cannot be a folder's name; expected 1 to 32 of `a-z`, `0-9`, `_` and `-`\n\
         config.yaml:3:3: view `a/b` cannot be a folder's name; expected 1 to 32 of `a-z`, `0-9`, `_` and `-`\n\
         config.yaml:5:3: view `x` names no clients; write clients: [192.168.2.0/24]\n\
         config.yaml:6:5: expected keys and their values (clients, routes, upstreams), found nothing; remove the key to have its \
         default\n\
         config.yaml:7:3: view `z` names no clients; write clients: [192.168.2.0/24]\n\
         config.yaml:7:7: unknown key `client` in `views.z`; did you mean `clients`? known here: clients, routes, upstreams\n\
         config.yaml:8:27: 10.0.0.0/8 is also a client of view `Home`; the first is in line 2\n\
         config.yaml:9:3: view `v` is given twice; the first is in line 8\n",
    );
}

#[test]
fn repeated_keys_and_pairs_that_do_not_fit() {
    assert_defects(
        "edns_payload: 1000\ntcp:\n  connections: 8\nupstream: {attempt_ms: 6000}\nedns_payload: 1001\ncache: {min_ttl: 9, max_ttl: 8}\n",
        "config.yaml:3:16: `tcp.per_client` (16) is more than `tcp.connections` (8)\n\
         config.yaml:4:24: `upstream.attempt_ms` (6000) is more than `upstream.timeout_ms` (5000)\n\
         config.yaml:5:1: key `edns_payload` is given twice; the first is in line 1\n\
         config.yaml:6:18: `cache.min_ttl` (9) is more than `cache.max_ttl` (8)\n",
    );
}

#[test]
fn paths_are_plain() {
    assert_defects(
        "zones: ''\nstate: ~/dns\ncontrol: \"a\\0b\"\n",
        "config.yaml:1:8: expected the path of a folder, found ``\n\
         config.yaml:2:8: `~/dns` is not expanded; write the whole path of the folder for `~`\n\
         config.yaml:3:10: expected the path of a socket, found `a\\u{0}b`\n",
    );
}

#[test]
fn only_so_many_defects_are_listed() {
    let text: String = (0..120).map(|number| format!("key{number}: 1\n")).collect();
    let defects = read(&text).unwrap_err();
    assert_eq!(defects.lines().count(), 51);
    assert_eq!(
        defects.lines().last(),
        Some("config.yaml: 70 more defects are not listed")
    );
}

#[test]
fn files_that_are_no_text_are_refused() {
    let message = |bytes: &[u8]| {
        decode(Path::new("f"), bytes)
            .map(str::to_owned)
            .map_err(|defect| defect.to_string())
    };
    assert_eq!(message(b"a: b"), Ok("a: b".to_owned()));
    assert_eq!(
        message(b"a: b\n\xc3\xa4 \xff"),
        Err("f:2:3: not UTF-8 from here on; save the file as UTF-8".into())
    );
    assert_eq!(
        message(&[b'#'; (1 << 20) + 1]),
        Err("f: 1048577 bytes; expected at most 1048576".into())
    );
}

#[test]
fn mutations_of_the_example_never_panic_and_defects_have_places() {
    // A small generator of our own: the same mutations on every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below.max(1) as u64).unwrap()
    };
    let seed: String = example_with_everything()
        .lines()
        .filter(|line| !line.contains('#'))
        .collect::<Vec<_>>()
        .join("\n");
    let spice: Vec<char> = "[]{}:,-?!&*|>'\"%@`#~ \t\n\\0aé\u{feff}\u{85}".chars().collect();
    for _ in 0..3000 {
        let mut text: Vec<char> = seed.chars().collect();
        for _ in 0..=random(4) {
            let at = random(text.len());
            match random(4) {
                0 => drop(text.drain(at..(at + random(30)).min(text.len()))),
                1 => text.insert(at, spice[random(spice.len())]),
                2 => text[at] = spice[random(spice.len())],
                _ => {
                    let piece: Vec<char> = text[at..(at + random(60)).min(text.len())].to_vec();
                    let to = random(text.len());
                    text.splice(to..to, piece);
                }
            }
        }
        let text: String = text.into_iter().collect();
        let lines = u32::try_from(text.lines().count()).unwrap() + 1;
        if let Err(defects) = Config::read(Path::new("f"), &text, base(), &Overrides::default()) {
            for defect in &defects {
                assert!(
                    (1..=lines).contains(&defect.line) && defect.column > 0,
                    "{defect} in {text:?}"
                );
                assert!(!defect.message.contains('\n'), "{defect:?}");
            }
        }
    }
}

#[test]
fn mistakes_in_an_upstream_are_told_with_their_place() {
    assert_defects(
        "upstreams:\n  - {}\n  - {url: 9.9.9.9, ca_file: x}\n  - {url: 9.9.9.9, adresses: [192.0.2.1]}\n  \
         - {url: 1.1.1.1, addresses: [192.0.2.1]}\n  - [a]\n  - 7\n  - 8.8.8.8\n  - udp://8.8.8.8:53\n",
        "config.yaml:2:5: this upstream has no `url`; write `url: tls://dns.example` into the mapping\n\
         config.yaml:3:29: udp://9.9.9.9:53 is not encrypted, so `ca_file` means nothing; remove it, or use tls:// \
         or https://\n\
         config.yaml:4:5: udp://9.9.9.9:53 is given twice; the first is in line 3\n\
         config.yaml:4:20: unknown key `adresses` in `upstreams`; did you mean `addresses`? known here: addresses, \
         bootstrap, ca_file, pin_sha256, server_name, url\n\
         config.yaml:5:31: udp://1.1.1.1:53 names an address already, so `addresses` means nothing; remove it\n\
         config.yaml:6:5: expected an upstream; an address that begins with `[` needs quotes, found a list\n\
         config.yaml:7:5: expected an upstream, found a number\n\
         config.yaml:9:5: udp://8.8.8.8:53 is given twice; the first is in line 8\n",
    );
}
