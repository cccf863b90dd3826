//! The container, without an engine: what is written for one is looked at, and its root file system, laid out by the
//! script, is run with the user, environment, entry and health check of the Containerfile, on a root that cannot be written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{House, run};
use crate::{MOUNTS, ROOT, Test};

pub(crate) const TESTS: &[Test] = &[
    ("container::the_file_is_clean", &["hadolint"], linted),
    (
        "container::the_file_is_for_one_program_without_rights",
        &[],
        written,
    ),
    ("container::compose_puts_synapse_beside_it", &[], composed),
    (
        "container::runs_from_its_root",
        &[ROOT, MOUNTS, "readelf", "ldd", "ip", "dig", "chroot"],
        runs,
    ),
];

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/container")
        .join(name)
}

/// Instructions with their words, lines that go on joined.
fn instructions() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(source("Containerfile")).unwrap();
    let text = text.replace("\\\n", " ");
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let (word, rest) = line.split_once(' ').unwrap();
            (word.to_owned(), rest.trim().to_owned())
        })
        .collect()
}

fn instruction(word: &str) -> String {
    let found: Vec<String> = instructions()
        .into_iter()
        .filter_map(|(known, rest)| (known == word).then_some(rest))
        .collect();
    assert_eq!(found.len(), 1, "{word}: {found:?}");
    found.into_iter().next().unwrap()
}

/// A list in the form that needs no shell.
fn words(list: &str) -> Vec<String> {
    serde_json::from_str(list).unwrap_or_else(|error| panic!("{list}: {error}; there is no shell"))
}

fn linted() {
    let ran = run(Command::new(crate::support::program("hadolint").unwrap()).arg(source("Containerfile")));
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
}

fn written() {
    let all = instructions();
    assert_eq!(all[0], ("FROM".to_owned(), "scratch".to_owned()));
    assert!(
        all.iter().all(|(word, _)| word != "RUN"),
        "there is no shell: {all:?}"
    );
    let user = instruction("USER");
    let numbers: Vec<u32> = user.split(':').map(|number| number.parse().unwrap()).collect();
    assert!(
        numbers.len() == 2 && numbers.iter().all(|number| *number != 0),
        "{user}"
    );
    assert_eq!(words(&instruction("ENTRYPOINT")), ["/usr/sbin/hearthdns"]);
    let check = instruction("HEALTHCHECK");
    assert_eq!(
        words(check.split_once("CMD ").unwrap().1),
        ["/usr/bin/dnsctl", "status"]
    );
    // What belongs to the user is where the volumes are.
    let volumes = words(&instruction("VOLUME"));
    let given = all
        .iter()
        .filter(|(word, rest)| word == "COPY" && rest.starts_with("--chown="));
    let given: Vec<&str> = given
        .map(|(_, rest)| {
            assert!(rest.starts_with(&format!("--chown={user} ")), "{rest}");
            rest.rsplit(' ').next().unwrap()
        })
        .collect();
    assert!(
        volumes.iter().all(|volume| given.contains(&volume.as_str())),
        "{volumes:?} {given:?}"
    );
    // README's command gives the user its port and the volumes their names.
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let run = readme.split("podman run ").nth(1).unwrap();
    let run = run.split("podman exec").next().unwrap();
    assert!(
        run.contains(" --sysctl net.ipv4.ip_unprivileged_port_start=53 "),
        "{run}"
    );
    for volume in &volumes {
        assert!(run.contains(&format!(":{volume} ")), "{volume}: {run}");
    }
}

fn composed() {
    let text = std::fs::read_to_string(source("compose.yaml")).unwrap();
    let compose: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    let (ours, synapse) = (&compose["services"]["hearthdns"], &compose["services"]["synapse"]);
    assert_eq!(ours["read_only"], true);
    assert_eq!(ours["cap_drop"], serde_json::json!(["ALL"]));
    // Synapse asks us, at the address that we have, once we are well.
    let address = &ours["networks"]["matrix"]["ipv4_address"];
    assert_eq!(synapse["dns"], serde_json::json!([address]));
    assert_eq!(synapse["depends_on"]["hearthdns"]["condition"], "service_healthy");
    let subnet = compose["networks"]["matrix"]["ipam"]["config"][0]["subnet"]
        .as_str()
        .unwrap();
    let subnet: ipnet::Ipv4Net = subnet.parse().unwrap();
    assert!(subnet.contains(&address.as_str().unwrap().parse::<std::net::Ipv4Addr>().unwrap()));
    // Every volume is named, and ours are those of the Containerfile.
    let mut places = Vec::new();
    for service in [ours, synapse] {
        for volume in service["volumes"].as_array().unwrap() {
            let (name, place) = volume.as_str().unwrap().split_once(':').unwrap();
            assert!(compose["volumes"].get(name).is_some(), "{name}");
            places.push(place.to_owned());
        }
    }
    assert!(places.starts_with(&words(&instruction("VOLUME"))), "{places:?}");
    let user = instruction("USER");
    let (uid, gid) = user.split_once(':').unwrap();
    assert_eq!(
        ours["tmpfs"],
        serde_json::json!([format!("/run/hearthdns:uid={uid},gid={gid},mode=0750")])
    );
}

const STAGE: &str = r#"
set -e
root="$1" user="$2"
shift 2
ip link set lo up
echo 53 >/proc/sys/net/ipv4/ip_unprivileged_port_start
mount --bind "$root" /mnt
mount -o remount,ro,bind /mnt
for volume in etc/hearthdns/zones var/lib/hearthdns run/hearthdns; do
    mount -t tmpfs -o "uid=${user%:*},gid=${user#*:},mode=0750" none "/mnt/$volume"
done
chroot="$(command -v chroot)"
# In a shell of its own, which becomes the program.
inside() (exec env -i $SETTINGS "$chroot" --userspec="$user" --groups="" /mnt "$@")
(exec env -i $SETTINGS "$chroot" --userspec="$user" --groups="" /mnt "$1") 2>"$LOG" &
daemon=$!
until grep -q ready "$LOG"; do kill -0 "$daemon" || { cat "$LOG"; exit 1; }; done
inside /usr/bin/dnsctl add-zone hearth.example
inside /usr/bin/dnsctl add-record matrix A 192.0.2.7
dig @127.0.0.1 matrix.hearth.example +short
dig @127.0.0.1 matrix.hearth.example +short +tcp
shift
inside "$@" >/dev/null && echo healthy
inside /bin/sh -c true 2>/dev/null || echo "no shell"
kill -TERM "$daemon"
wait "$daemon" && echo stopped
inside "$@" >/dev/null 2>&1 || echo "not healthy: $?"
"#;

fn runs() {
    let house = House::new();
    let root = house.path("rootfs");
    run(Command::new(source("rootfs"))
        .arg(env!("CARGO_BIN_EXE_hearthdns"))
        .arg(&root))
    .ok();
    // What the file copies is there, and nothing else.
    let copied: BTreeMap<String, String> = instructions()
        .into_iter()
        .filter(|(word, _)| word == "COPY")
        .map(|(_, rest)| {
            let mut words = rest.split(' ').filter(|word| !word.starts_with("--"));
            (words.next().unwrap().to_owned(), words.next().unwrap().to_owned())
        })
        .collect();
    for (from, to) in &copied {
        let from = from.strip_prefix("rootfs.d").unwrap();
        assert_eq!(if from.is_empty() { "/" } else { from }, to);
        assert!(
            house.path("rootfs").join(from.trim_start_matches('/')).is_dir(),
            "{from}"
        );
    }
    for made in std::fs::read_dir(&root).unwrap() {
        let made = Path::new("/").join(made.unwrap().file_name());
        let is_copied = copied.values().any(|to| made.starts_with(to));
        assert!(is_copied, "{} is not in the image", made.display());
    }
    let check = instruction("HEALTHCHECK");
    let ran = run(Command::new("unshare")
        .args([
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--mount-proc",
            "sh",
            "-c",
            STAGE,
            "sh",
        ])
        .arg(&root)
        .arg(instruction("USER"))
        .args(words(&instruction("ENTRYPOINT")))
        .args(words(check.split_once("CMD ").unwrap().1))
        .env("SETTINGS", instruction("ENV"))
        .env("LOG", house.path("log")));
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (
            0,
            "added the zone hearth.example. (/etc/hearthdns/zones/hearth.example.zone, serial 1)\n\
             added matrix.hearth.example. 300 A 192.0.2.7 (/etc/hearthdns/zones/hearth.example.zone:4, serial 2)\n\
             192.0.2.7\n192.0.2.7\nhealthy\nno shell\nstopped\nnot healthy: 3\n"
        ),
        "{}",
        ran.stderr
    );
    // A second time over what it has made itself, and never over somebody else's files.
    run(Command::new(source("rootfs"))
        .arg(env!("CARGO_BIN_EXE_hearthdns"))
        .arg(&root))
    .ok();
    let ran = run(Command::new(source("rootfs"))
        .arg(env!("CARGO_BIN_EXE_hearthdns"))
        .arg(house.path("zones/..")));
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .ends_with("holds something else; name an empty folder\n"),
        "{}",
        ran.stderr
    );
    assert!(house.path("config.yaml").exists());
}
