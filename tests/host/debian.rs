//! The Debian package, in a Debian that is there for one test: installed beside a program that has the port, and
//! without one, run, edited by hand, upgraded, removed, purged.
//!
//! The tree is laid under a file system in memory, in name spaces of its own, so that nothing of it stays. There is no
//! systemd in it that runs: a `systemctl` of the test's own writes down what it is asked for.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::support::{House, run};
use crate::{DEBIAN, MOUNTS, Test};

pub(crate) const TESTS: &[Test] = &[
    (
        "debian::the_package_holds_what_it_should",
        &["cargo-deb", "dpkg-deb", "strip"],
        holds,
    ),
    (
        "debian::installs_upgrades_removes_and_purges",
        &["cargo-deb", "dpkg-deb", "strip", "ip", DEBIAN, MOUNTS],
        life,
    ),
];

/// Where `tests/run` puts the tree.
pub(crate) const TREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/debian");

/// One builds at a time: the files of a package are laid out in one place.
static BUILD: Mutex<()> = Mutex::new(());

fn build(program: &Path, folder: &Path) {
    let _alone = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
    run(Command::new("packaging/debian/build")
        .args([program, folder])
        .arg("--fast")
        .current_dir(env!("CARGO_MANIFEST_DIR")))
    .ok();
}

/// The package of the program under test, in a house.
fn package() -> House {
    let house = House::new();
    let program = house.path("hearthdns");
    run(Command::new("strip")
        .arg("-o")
        .arg(&program)
        .arg(env!("CARGO_BIN_EXE_hearthdns")))
    .ok();
    build(&program, house.root());
    let mut built = std::fs::read_dir(house.root())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let built = built.find(|path| path.extension().is_some_and(|end| end == "deb"));
    std::fs::rename(built.unwrap(), house.path("one.deb")).unwrap();
    house
}

/// The files in a package: rights, owner, name.
fn contents(package: &Path) -> Vec<String> {
    let ran = run(Command::new("dpkg-deb").arg("--contents").arg(package)).ok();
    ran.stdout
        .lines()
        .filter(|line| !line.starts_with('d'))
        .map(|line| {
            let mut words = line.split_whitespace();
            let rights = words.next().unwrap();
            let owner = words.next().unwrap();
            let name = words.skip(3).collect::<Vec<_>>().join(" ");
            format!("{rights} {owner} {name}")
        })
        .collect()
}

/// A line of what a package says of itself.
fn field(package: &Path, name: &str) -> String {
    let ran = run(Command::new("dpkg-deb").arg("--field").arg(package).arg(name)).ok();
    ran.stdout.trim_end().to_owned()
}

fn holds() {
    let house = package();
    let one = house.path("one.deb");
    let all = contents(&one);
    // Pages of commands come and go with those; `manuals` looks at them.
    let is_fixed = |line: &&String| !line.contains("/man1/dnsctl-") && !line.contains("/man8/hearthdns-");
    let files: Vec<&String> = all.iter().filter(is_fixed).collect();
    let mut files: Vec<&str> = files.into_iter().map(String::as_str).collect();
    files.sort_unstable_by_key(|line| line.split(' ').nth(2));
    assert_eq!(
        files,
        [
            "-rw-r--r-- 0/0 ./etc/hearthdns/config.yaml",
            "lrwxrwxrwx 0/0 ./usr/bin/dnsctl -> ../sbin/hearthdns",
            "-rw-r--r-- 0/0 ./usr/lib/systemd/system/hearthdns.service",
            "-rw-r--r-- 0/0 ./usr/lib/sysusers.d/hearthdns.conf",
            "-rwxr-xr-x 0/0 ./usr/sbin/hearthdns",
            "-rw-r--r-- 0/0 ./usr/share/bash-completion/completions/dnsctl",
            "-rw-r--r-- 0/0 ./usr/share/bash-completion/completions/hearthdns",
            "-rw-r--r-- 0/0 ./usr/share/doc/hearthdns/README.md",
            "-rw-r--r-- 0/0 ./usr/share/doc/hearthdns/changelog.Debian.gz",
            "-rw-r--r-- 0/0 ./usr/share/doc/hearthdns/config.yaml",
            "-rw-r--r-- 0/0 ./usr/share/doc/hearthdns/copyright",
            "-rw-r--r-- 0/0 ./usr/share/doc/hearthdns/hearthdns.socket",
            "-rw-r--r-- 0/0 ./usr/share/doc/hearthdns/zones/hearth.example.zone",
            "-rw-r--r-- 0/0 ./usr/share/fish/vendor_completions.d/dnsctl.fish",
            "-rw-r--r-- 0/0 ./usr/share/fish/vendor_completions.d/hearthdns.fish",
            "-rw-r--r-- 0/0 ./usr/share/man/man1/dnsctl.1.gz",
            "-rw-r--r-- 0/0 ./usr/share/man/man8/hearthdns.8.gz",
            "-rw-r--r-- 0/0 ./usr/share/zsh/vendor-completions/_dnsctl",
            "-rw-r--r-- 0/0 ./usr/share/zsh/vendor-completions/_hearthdns",
        ]
    );
    assert_eq!(field(&one, "Package"), "hearthdns");
    assert!(field(&one, "Version").starts_with(env!("CARGO_PKG_VERSION")));
    assert!(field(&one, "Depends").contains("systemd | systemd-standalone-sysusers"));
    let arm = house.path("arm");
    // The header of a program for arm64, which is all that the script looks at.
    let mut header = vec![0; 64];
    header[..4].copy_from_slice(b"\x7fELF");
    header[18] = 0xb7;
    std::fs::write(&arm, header).unwrap();
    build(&arm, &house.path("arm-package"));
    let entry = std::fs::read_dir(house.path("arm-package"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert!(
        entry.file_name().to_str().unwrap().ends_with("_arm64.deb"),
        "{entry:?}"
    );
    assert_eq!(field(&entry.path(), "Architecture"), "arm64");
    assert_eq!(contents(&entry.path()), all, "it has the same files");
    // Its scripts run there as here.
    let scripts = |package: &Path| {
        let folder = house.path("control");
        run(Command::new("dpkg-deb")
            .arg("--control")
            .arg(package)
            .arg(&folder))
        .ok();
        let names = ["conffiles", "postinst", "prerm", "postrm"];
        let texts = names.map(|name| std::fs::read_to_string(folder.join(name)).unwrap());
        std::fs::remove_dir_all(folder).unwrap();
        texts
    };
    assert_eq!(scripts(&entry.path()), scripts(&one));
}

/// What runs in the name spaces: lays the tree out and goes on inside.
const OUTSIDE: &str = r#"
set -e
ip link set lo up
mount -t tmpfs none /mnt
mkdir /mnt/up /mnt/work /mnt/tree
mount -t overlay -o "lowerdir=$1,upperdir=/mnt/up,workdir=/mnt/work" none /mnt/tree
mount -t proc proc /mnt/tree/proc
mount --bind /dev /mnt/tree/dev
mkdir -p /mnt/tree/packages
cp "$2"/one.deb "$2"/inside /mnt/tree/packages/
exec chroot /mnt/tree /bin/sh /packages/inside
"#;

fn life() {
    let house = package();
    house.write("inside", include_str!("debian.sh"));
    let ran = run(Command::new("unshare")
        .args([
            "--mount", "--net", "--pid", "--fork", "sh", "-c", OUTSIDE, "sh", TREE,
        ])
        .arg(house.root())
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/debian.txt");
    let shown = format!("exit code {}\n{}", ran.code, ran.stdout);
    if std::env::var_os("HEARTHDNS_BLESS").is_some() {
        std::fs::write(&golden, &shown).unwrap();
    }
    assert_eq!(shown, std::fs::read_to_string(golden).unwrap(), "{}", ran.stderr);
}
