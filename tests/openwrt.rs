//! The package for OpenWrt: the init script as busybox runs it, what the packages hold, and README's commands on a router with
//! the real dnsmasq and a client that has its address from it.
//!
//! `openwrt/` holds what stands for the router: `rc.common` with `functions.sh`, `procd`, `uci`, `opkg`, and `router.sh`, which
//! makes one of them in namespaces.
//! Outcomes are files in `golden/openwrt/`; `HEARTHDNS_BLESS=1 cargo test --test openwrt` writes them anew.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use support::House;
use support::needs::{Test, not_installed, run_tests};

/// What `uci` here and the packer are run by; not any other, whose start would be a router's delay.
const PYTHON: &str = "/usr/bin/python3";

/// Stands among the needs of a test that is a router of its own.
const NAMESPACES: &str = "network namespaces";

const INIT: &[&str] = &["busybox", PYTHON];

/// What a router of its own takes.
const ROUTER: &[&str] = &[
    "unshare", "nsenter", "flock", "setpriv", "ip", "dnsmasq", "busybox", "strip", "openssl", PYTHON,
    NAMESPACES,
];

fn main() -> ExitCode {
    let tests: [Test; 16] = [
        // What takes longest first, so that the others run beside it.
        ("a_router_lives_on_where_we_fail", ROUTER, failures),
        ("a_router_does_what_the_readme_says", ROUTER, readme),
        ("a_router_has_us_in_a_jail", ROUTER, jail),
        ("start_in_a_jail", INIT, start_in_a_jail),
        ("start_without_a_jail", INIT, start_without_a_jail),
        ("boot_is_a_start", INIT, boot_is_a_start),
        ("a_typo_keeps_the_last_good", INIT, a_typo_keeps_the_last_good),
        (
            "values_are_words_and_no_shell",
            INIT,
            values_are_words_and_no_shell,
        ),
        ("files_that_settings_name_are_in_the_jail", INIT, named_files),
        ("disabled_is_not_started", INIT, disabled_is_not_started),
        ("a_stop_calls_nobody_of_ours_before_the_end", INIT, stop),
        ("the_ntp_client_tells_of_the_clock", INIT, ntp),
        ("questions_for_others_are_led_here_on_wish", INIT, redirect),
        ("sets_of_the_firewall_bring_the_right_to_fill_them", INIT, sets),
        ("packages_are_what_they_say", &[PYTHON], packages),
        ("a_feed_packs_what_the_packages_hold", &["make"], feed),
    ];
    run_tests(tests.to_vec(), |need| match need {
        NAMESPACES => {
            let tried = Command::new("unshare")
                .args(["--net", "--mount", "--pid", "--fork", "true"])
                .output();
            let can = tried.is_ok_and(|ran| ran.status.success());
            (!can).then(|| "network namespaces cannot be made here, which takes root".to_owned())
        }
        PYTHON => (!Path::new(PYTHON).exists()).then(|| format!("{PYTHON} is not there")),
        tool => not_installed(tool),
    })
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A router's files: our programs, `uci`, and this configuration of ours.
struct Router(House);

impl Router {
    fn new(has_jail: bool, config: &str) -> Self {
        let router = Router(House::new());
        for folder in ["usr/sbin", "etc/config", "bin", "sbin", "var/run"] {
            fs::create_dir_all(router.path(folder)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_hearthdns"), router.path("usr/sbin/hearthdns")).unwrap();
        symlink(env!("CARGO_BIN_EXE_dnsctl"), router.path("usr/sbin/dnsctl")).unwrap();
        symlink(source("tests/openwrt/uci"), router.path("bin/uci")).unwrap();
        router.configure(config);
        fs::write(
            router.path("etc/config/dhcp"),
            "\nconfig dnsmasq\n\toption domain 'lan'\n",
        )
        .unwrap();
        if has_jail {
            fs::write(router.path("sbin/ujail"), "").unwrap();
            fs::set_permissions(router.path("sbin/ujail"), PermissionsExt::from_mode(0o755)).unwrap();
        }
        router
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.root().join(below)
    }

    fn configure(&self, config: &str) {
        fs::write(self.path("etc/config/hearthdns"), config).unwrap();
    }

    /// What the init script says to procd, and how it ends.
    fn init(&self, action: &str) -> String {
        let path = format!(
            "{}:{}",
            self.path("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let ran = Command::new("busybox")
            .arg("ash")
            .arg(source("tests/openwrt/rc.common"))
            .arg(source("packaging/openwrt/files/hearthdns.init"))
            .arg(action)
            .env("PATH", path)
            .env("FUNCTIONS", source("tests/openwrt/functions.sh"))
            .env("UCI_DIR", self.path("etc/config"))
            .env("IPKG_INSTROOT", self.0.root())
            .current_dir(self.0.root())
            .output()
            .unwrap();
        let text = format!(
            "$ hearthdns.init {action}\nexit code {}\n{}{}",
            ran.status.code().unwrap(),
            String::from_utf8(ran.stdout).unwrap(),
            String::from_utf8(ran.stderr).unwrap()
        );
        text.replace(self.0.root().to_str().unwrap(), "")
    }
}

#[track_caller]
fn assert_golden(name: &str, shown: &str) {
    let path = source("tests/golden/openwrt").join(format!("{name}.txt"));
    if std::env::var_os("HEARTHDNS_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, shown).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(shown, golden, "see {}", path.display());
}

const PLAIN: &str = "\nconfig hearthdns 'main'\n\toption enabled '1'\n\toption mode 'guest'\n";

fn start_in_a_jail() {
    let router = Router::new(true, PLAIN);
    let mut shown = router.init("start");
    shown.push_str("-- etc/hearthdns/config.yaml\n");
    shown.push_str(
        &fs::read_to_string(router.path("etc/hearthdns/config.yaml"))
            .unwrap()
            .replace(router.0.root().to_str().unwrap(), ""),
    );
    assert_golden("start", &shown);
}

fn start_without_a_jail() {
    assert_golden("start-without-jail", &Router::new(false, PLAIN).init("start"));
}

fn boot_is_a_start() {
    let of = |action| Router::new(true, PLAIN).init(action).replace(action, "ACTION");
    assert_eq!(of("boot"), of("start"));
}

fn a_typo_keeps_the_last_good() {
    let router = Router::new(true, PLAIN);
    router.init("start");
    let good = fs::read(router.path("etc/hearthdns/config.yaml")).unwrap();
    router.configure("\nconfig hearthdns 'main'\n\toption cache_size 'much'\n");
    assert_golden("typo", &router.init("reload"));
    assert_eq!(fs::read(router.path("etc/hearthdns/config.yaml")).unwrap(), good);
    // Where nothing good is known, nothing is started.
    let router = Router::new(true, "\nconfig hearthdns 'main'\n\toption cache_size 'much'\n");
    assert_golden("typo-first", &router.init("start"));
}

fn values_are_words_and_no_shell() {
    let router = Router::new(true, "");
    let root = router.0.root().display();
    router.configure(&format!(
        "\nconfig hearthdns 'main'\n\toption zones_dir '{root}/a b/$(touch made)/`touch made`'\n\toption state_dir \
         '{root}/it'\\''s here'\n\tlist jail_mount '/mnt/x;touch made'\n\tlist jail_mount 'two\nlines'\n"
    ));
    assert_golden("hostile-values", &router.init("start"));
    // A folder cannot have a line break, and is refused where it stands.
    router.configure("\nconfig hearthdns 'main'\n\toption state_dir 'two\nlines'\n");
    assert_golden("hostile-folder", &router.init("reload"));
    assert!(!router.path("made").exists(), "a value was run");
}

fn named_files() {
    let router = Router::new(true, "");
    router.configure(
        "\nconfig hearthdns 'main'\n\toption cert '/etc/acme/it'\\''s \"me\"/$(touch made).cer'\n\toption key \
         '/etc/acme/dns.key'\n\toption dot '1'\n\toption redirect '1'\n\toption lan_names '1'\n\tlist lan_hosts \
         '/mnt/hosts'\n\toption lan_ethers '/mnt/own/ethers'\n\nconfig upstream\n\toption url 'tls://9.9.9.9'\n\toption ca_file '/etc/own/authority.pem'\n\nconfig \
         upstream\n\toption url '9.9.9.10'\n",
    );
    assert_golden("files", &router.init("start"));
    assert!(!router.path("made").exists(), "a value was run");
}

fn disabled_is_not_started() {
    let router = Router::new(true, "\nconfig hearthdns 'main'\n\toption enabled '0'\n");
    assert_golden("disabled", &router.init("start"));
}

fn stop() {
    assert_golden("stop", &Router::new(true, PLAIN).init("stop"));
}

/// What each block of commands in README's section is about, in their order.
const BLOCKS: [&str; 7] = ["install", "client", "front", "settings", "log", "luci", "undo"];

/// The blocks of commands in README's section on OpenWrt.
fn blocks_of_readme() -> Vec<String> {
    let readme = fs::read_to_string(source("README.md")).unwrap();
    let section = readme
        .split("\n## ")
        .find(|part| part.starts_with("On an OpenWrt router\n"));
    let blocks = section.unwrap().split("\n```sh\n").skip(1);
    blocks
        .map(|rest| rest.split_once("```").unwrap().0.to_owned())
        .collect()
}

fn readme() {
    router("readme");
}

fn failures() {
    router("failures");
}

fn jail() {
    router("jail");
}

/// A router on which this happens.
fn router(course: &str) {
    let folder = House::new();
    let path = |below: &str| folder.root().join(below);
    let blocks = blocks_of_readme();
    assert_eq!(
        blocks.len(),
        BLOCKS.len(),
        "README has other commands now: {blocks:#?}"
    );
    fs::create_dir(path("readme")).unwrap();
    for (name, commands) in BLOCKS.iter().zip(blocks) {
        fs::write(path("readme").join(name), commands).unwrap();
    }
    let stripped = Command::new("strip")
        .arg("-o")
        .args([path("hearthdns"), env!("CARGO_BIN_EXE_hearthdns").into()])
        .status();
    assert!(stripped.unwrap().success());
    for version in ["0.1.0-r1", "0.1.1-r1"] {
        pack(&path("hearthdns"), version, &path("packages"));
    }
    let ran = Command::new("unshare")
        .args([
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .arg("sh")
        .arg(source("tests/openwrt/router.sh"))
        .arg(course)
        .args([path("router"), path("readme"), path("packages")])
        .arg(source("tests/openwrt"))
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&ran.stdout);
    // The shell tells of what was killed on stderr.
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{shown}{told}");
    assert_golden(&format!("router-{course}"), &shown);
}

/// Packs a program of this version, and says which files there are now, in the order of their names.
fn pack(binary: &Path, version: &str, to: &Path) -> Vec<PathBuf> {
    let ran = Command::new(source("packaging/openwrt/pack"))
        .arg("--binary")
        .arg(binary)
        .args(["--arch", "mipsel_24kc", "--version", version, "--out"])
        .arg(to)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let mut made: Vec<PathBuf> = fs::read_dir(to)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    made.sort();
    made
}

fn packages() {
    let folder = House::new();
    let binary = folder.root().join("hearthdns");
    fs::write(&binary, "#!/bin/sh\n").unwrap();
    let one = pack(&binary, "0.1.0-r1", &folder.root().join("one"));
    let two = pack(&binary, "0.1.0-r1", &folder.root().join("two"));
    let names: Vec<_> = one.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(
        names,
        [
            "hearthdns-0.1.0-r1.mipsel_24kc.apk",
            "hearthdns_0.1.0-r1_mipsel_24kc.ipk",
            "luci-app-hearthdns-0.1.0-r1.noarch.apk",
            "luci-app-hearthdns_0.1.0-r1_all.ipk",
        ]
    );
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(fs::read(one).unwrap(), fs::read(two).unwrap(), "built twice");
    }
    for (name, of_opkg, of_apk) in [
        ("packages", &one[1], &one[0]),
        ("packages-luci", &one[3], &one[2]),
    ] {
        let ran = Command::new(PYTHON)
            .arg(source("tests/openwrt/read_back.py"))
            .args([of_opkg, of_apk])
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert_golden(name, &String::from_utf8(ran.stdout).unwrap());
    }
}

/// What a feed's makefiles give to ours, as far as it asks for it: how files are installed, and what a built package is.
const FEED: &str = "\
INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_DATA:=install -m0644
INSTALL_CONF:=install -m0600
LN:=ln -sf
define BuildPackage
$(info $(PKG_VERSION) $(PKG_RELEASE) $(CARGO_PKG_PROFILE) $(RUST_PKG_FEATURES) $(CARGO_PKG_ARGS))
$(info $(strip $(Package/$(1)/conffiles)))
packed:
\t$(call Package/$(1)/install,$(TO))
endef
";

/// The makefile for a feed, read by make itself: the same files with the same rights as in what `pack` writes.
fn feed() {
    let house = House::new();
    let folder = house.path("feed/net/hearthdns");
    fs::create_dir_all(house.path("feed/net")).unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .args([&source("packaging/openwrt"), &folder])
        .status();
    assert!(copied.unwrap().success());
    house.write("rules.mk", FEED);
    house.write("include/package.mk", "");
    house.write("feed/lang/rust/rust-package.mk", "");
    house.write("built/bin/hearthdns", "#!/bin/sh\n");
    let ran = Command::new("make")
        .args(["--silent", "--no-print-directory", "packed", "-C"])
        .arg(&folder)
        .arg(format!("TOPDIR={}", house.root().display()))
        .arg(format!("INCLUDE_DIR={}", house.path("include").display()))
        .arg(format!("PKG_INSTALL_DIR={}", house.path("built").display()))
        .arg(format!("TO={}", house.path("to").display()))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(
        (told.as_ref(), String::from_utf8_lossy(&ran.stderr).as_ref()),
        (
            concat!(
                env!("CARGO_PKG_VERSION"),
                " 1 release-router router --no-default-features --bin hearthdns\n/etc/config/hearthdns /etc/hearthdns/\n"
            ),
            ""
        )
    );
    let golden = include_str!("golden/openwrt/packages.txt");
    let packed = golden.split("ipk data:\n").nth(1).unwrap();
    let packed = packed.split("apk control:").next().unwrap();
    let mut listed = Vec::new();
    let mut left = vec![house.path("to")];
    while let Some(path) = left.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let below = path.strip_prefix(house.path("to")).unwrap().display().to_string();
        let leads = fs::read_link(&path).map_or(String::new(), |to| format!(" -> {}", to.display()));
        listed.push((
            below,
            format!("  {:o}", about.permissions().mode() & 0o777),
            leads,
        ));
    }
    listed.sort();
    let listed: Vec<String> = listed
        .into_iter()
        .skip(1)
        .map(|(below, mode, leads)| format!("{mode} ./{below}{leads}\n"))
        .collect();
    assert_eq!(listed.concat(), packed);
}

/// The router's NTP client calls what lies in its folder, with how it fares in the environment.
fn ntp() {
    let router = Router::new(true, PLAIN);
    fs::write(
        router.path("etc/config/system"),
        "\nconfig timeserver 'ntp'\n\tlist server 'ntp.example'\n",
    )
    .unwrap();
    router.init("start");
    let config = fs::read_to_string(router.path("etc/hearthdns/config.yaml")).unwrap();
    assert!(
        config.contains("\nclock_file: \"/var/run/hearthdns-ntp/set\"\n"),
        "{config}"
    );
    let set = router.path("var/run/hearthdns-ntp/set");
    let tell = |action: &str, stratum: Option<&str>| {
        let mut command = Command::new("busybox");
        command.args(["ash", "-c", ". \"$0\""]);
        command.arg(source("packaging/openwrt/files/hearthdns.ntp"));
        command
            .env("ACTION", action)
            .env("ROOT", router.0.root())
            .env_remove("stratum");
        command.envs(stratum.map(|stratum| ("stratum", stratum)));
        let ran = command.output().unwrap();
        assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
        set.exists()
    };
    for (action, stratum) in [("step", None), ("stratum", Some("16")), ("unsync", Some("3"))] {
        assert!(!tell(action, stratum), "{action} {stratum:?}");
    }
    assert!(tell("stratum", Some("3")));
    assert_eq!(fs::metadata(&set).unwrap().len(), 0);
}

/// What procd hands to the firewall, put together as `procd.sh` does it from the calls of the init script.
fn redirect() {
    let none = Router::new(true, PLAIN).init("start");
    assert!(!none.contains("json_add"), "{none}");
    let said = Router::new(true, &format!("{PLAIN}\toption redirect '1'\n")).init("start");
    let mut rules: Vec<serde_json::Map<String, serde_json::Value>> = Vec::new();
    let mut begun = Vec::new();
    for line in said.lines().filter(|line| line.starts_with("json_")) {
        let words: Vec<&str> = line.split('\'').collect();
        match (words[0].trim(), &words[1..]) {
            ("json_add_array", [name, ..]) => begun.push((*name).to_owned()),
            ("json_add_object", _) => rules.push(serde_json::Map::new()),
            ("json_add_string", [key, _, value, ..]) => {
                let value = serde_json::Value::String((*value).to_owned());
                rules.last_mut().unwrap().insert((*key).to_owned(), value);
            }
            ("json_add_boolean", [key, _, value, ..]) => {
                rules
                    .last_mut()
                    .unwrap()
                    .insert((*key).to_owned(), (*value == "1").into());
            }
            ("json_close_object" | "json_close_array", _) => {}
            _ => panic!("{line}"),
        }
    }
    assert_eq!(begun, ["firewall"]);
    let data = serde_json::json!({ "firewall": rules });
    assert_golden("redirect", &format!("{data:#}\n"));
    // The firewall looks at it when it is told to.
    assert!(said.contains("procd_set_config_changed 'firewall'"), "{said}");
}

fn sets() {
    let with =
        format!("{PLAIN}\nconfig nftset\n\tlist domain 'video.example'\n\toption v4 'inet fw4 vpn4'\n");
    for (config, rights) in [(PLAIN, "hearthdns.json"), (with.as_str(), "hearthdns-nft.json")] {
        let said = Router::new(true, config).init("start");
        assert!(
            said.contains(&format!(
                "procd_set_param 'capabilities' '/etc/capabilities/{rights}'"
            )),
            "{said}"
        );
    }
}
