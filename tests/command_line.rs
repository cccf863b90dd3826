//! The daemon's command line, whole: what it prints on stdout and stderr and how it exits, word for word.
//!
//! Each case is a file in `tests/golden/`. After a change that is meant, `HEARTHDNS_BLESS=1 cargo test --test
//! command_line` writes the files anew; read the difference before it is committed.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use support::house::hearthdns;
use support::sample::HEARTH;
use support::{House, Ran, run};

/// Compares a whole run with its golden file.
#[track_caller]
fn assert_golden(name: &str, house: &House, args: &[&str]) -> Ran {
    let ran = run(hearthdns().args(args).current_dir(house.root()));
    let mut shown = format!("$ hearthdns {}\nexit code {}\n", args.join(" "), ran.code);
    for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        if !text.is_empty() {
            shown.push_str(&format!("-- {stream}\n{}", house.neutral(text)));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.txt"));
    if std::env::var_os("HEARTHDNS_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &shown).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(shown, golden, "see {}", path.display());
    ran
}

/// A house for cases about the command line: its files are named relative to it, so that paths in messages are
/// short and always the same.
fn house() -> House {
    House::new()
        .zone("hearth.example", HEARTH)
        .config("listen: [\"127.0.0.1:0\"]\nupstreams: [\"127.0.0.1:9\"]\n")
}

#[test]
fn help() {
    let ran = assert_golden("help", &house(), &["--help"]).ok();
    let widest = ran.stdout.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(
        widest <= 80,
        "a line of the help is {widest} wide; terminals are 80"
    );
}

#[test]
fn version() {
    let ran = run(hearthdns().arg("--version")).ok();
    assert_eq!(ran.stdout, concat!("hearthdns ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(ran.stderr, "");
}

#[test]
fn bad_flags() {
    for (name, args) in [
        ("flag_unknown", &["--lisen", "127.0.0.1:53"][..]),
        ("flag_without_value", &["--listen"]),
        ("argument_too_many", &["zones"]),
    ] {
        assert_golden(name, &house(), args).fails(2);
    }
}

#[test]
fn bad_values_of_flags_are_all_reported() {
    assert_golden(
        "flag_values",
        &house(),
        &[
            "--config",
            "config.yaml",
            "--listen",
            "127.0.0.1",
            "--listen",
            "localhost:53",
            "--upstream",
            "sdns://x",
            "--check",
        ],
    )
    .fails(2);
}

#[test]
fn check_of_what_is_clean() {
    assert_golden(
        "check_clean",
        &house(),
        &["--config", "config.yaml", "--state", "state", "--check"],
    )
    .ok();
}

#[test]
fn check_lists_every_defect_of_the_config() {
    let house = house().config(
        "lisen: []\nedns_payload: 9000\nclients: [10.0.0.0/33, fe80::/10]\ntcp:\n  idle_seconds: soon\n",
    );
    assert_golden(
        "check_config",
        &house,
        &["--config", "config.yaml", "--state", "state", "--check"],
    )
    .fails(2);
}

#[test]
fn check_lists_every_defect_of_every_zone() {
    let house = house()
        .zone("a.example", "www 300 A 192.0.2.300\nwww 300 AAA ::1\n  (\n")
        .zone(
            "b.example",
            "x CNAME y\nx A 192.0.2.1\n_s._tcp SRV 0 0 1 w\nw CNAME x\nv A 192.0.2.1\nv A 192.0.2.1\n",
        )
        .zone(
            "c.example",
            "; hearthdns: mode=privat\nw 300 A 192.0.2.1 ; hearthdns: expires=tomorrow\nw.example.net. A 192.0.2.1\n",
        );
    assert_golden(
        "check_zones",
        &house,
        &["--config", "config.yaml", "--state", "state", "--check"],
    )
    .fails(2);
}

#[test]
fn a_config_that_is_no_yaml() {
    let house = house().config("listen: [\nzones");
    assert_golden("config_syntax", &house, &["--config", "config.yaml"]).fails(2);
}

#[test]
fn a_config_that_is_not_there() {
    assert_golden("config_missing", &house(), &["--config", "nowhere.yaml"]).fails(2);
}

#[test]
fn an_address_that_is_taken() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let house = house();
    let ran = run(house.command().args(["--listen", &listen]));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains(&listen),
        "it names the address: {}",
        ran.stderr
    );
}

#[test]
fn check_changes_nothing() {
    let house = house();
    std::fs::remove_dir(house.path("state")).unwrap();
    run(hearthdns()
        .args(["--config", "config.yaml", "--state", "state", "--check"])
        .current_dir(house.root()))
    .ok();
    assert!(!house.path("state").exists(), "a check leaves nothing behind");
}

#[test]
fn everything_by_flags_and_nothing_by_default() {
    // No config file at all, as in the README's first command.
    let house = House::new().zone("hearth.example", HEARTH);
    let daemon = house.start();
    assert_eq!(
        daemon
            .ask("matrix.hearth.example.", support::rtype::A)
            .answers
            .len(),
        1
    );
}

#[cfg(feature = "openwrt")]
#[test]
fn a_uci_file_becomes_the_configuration_or_changes_nothing() {
    let uci = |house: &House, record: &[&str]| {
        let mut command = hearthdns();
        command.current_dir(house.root());
        command.args([
            "uci",
            "--in",
            "uci",
            "--out",
            "run/made.yaml",
            "--provider",
            "resolv.conf",
        ]);
        run(command.args(record))
    };
    let house = House::new();
    house.write(
        "uci",
        "config hearthdns 'main'\n\toption zones_dir '/srv/zones'\n",
    );
    let ran = uci(&house, &[]).ok();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let made = house.read("run/made.yaml");
    assert_eq!(
        made,
        "# Made from the router's configuration. Changes here are lost.\nlisten:\n  - \"127.0.0.1:5300\"\n\
         resolv_conf: \"resolv.conf\"\ncache:\n  file: false\n  bytes: 4MiB\ncontrol: \"/var/run/hearthdns/control.sock\"\ndevices:\n  keep_seen: false\n\
         state: \"/etc/hearthdns/state\"\nzones: \"/srv/zones\"\n"
    );
    let checked = run(hearthdns()
        .args([
            "--config",
            "run/made.yaml",
            "--zones",
            "zones",
            "--state",
            "state",
            "--check",
        ])
        .current_dir(house.root()));
    assert_eq!(checked.ok().stdout, "no defects: 0 zones, 0 records\n");
    // Written again only where something changed.
    let inode = |house: &House| {
        std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(house.path("run/made.yaml")).unwrap())
    };
    let before = inode(&house);
    uci(&house, &[]).ok();
    assert_eq!(inode(&house), before);

    // A typo, a file that is no UCI, a further file that is not there: the reason, and the last good one stays.
    for (text, told) in [
        (
            "config hearthdns\n\toption mode 'gest'\n\toption log_level 'x'\n",
            "uci:2:14: expected off, guest or front, found `gest`\n\
             uci:3:19: expected one of off, error, warn, info, debug, trace, found `x`\n",
        ),
        (
            "config hearthdns\n\toption name 'a\n",
            "uci:2:14: this ' is never closed; end the value with another '\n",
        ),
        (
            "config hearthdns\n\toption extra 'none.yaml'\n",
            "none.yaml: cannot read `none.yaml`: No such file or directory (os error 2)\n",
        ),
    ] {
        house.write("uci", text);
        let ran = uci(&house, &[]).fails(1);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", told));
        assert_eq!(house.read("run/made.yaml"), made);
    }

    // The mode that holds is the recorded one: port 53 is listened on when it was given to us, and not before.
    house.write("uci", "config hearthdns\n\toption mode 'front'\n");
    uci(&house, &["--record", "none"]).ok();
    assert!(house.read("run/made.yaml").contains("\"127.0.0.1:5300\""));
    house.write("record", "config mode\n\toption mode 'front'\n");
    uci(&house, &["--record", "record"]).ok();
    assert!(house.read("run/made.yaml").contains("\"0.0.0.0:53\""));

    // All that LuCI can write at once.
    let written = include_str!("luci/settings.uci").replace("/etc/hearthdns/extra.yaml", "extra.yaml");
    house.write("uci", &written);
    house.write("extra.yaml", "tcp: {idle_seconds: 7}\n");
    uci(&house, &[]).ok();
    assert!(
        house
            .read("run/made.yaml")
            .ends_with("\ntcp: {idle_seconds: 7}\n")
    );
}
