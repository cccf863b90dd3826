//! `dnsctl setup resolved` on a system in a folder, and on the one that runs: there with an `/etc` and a `/run` that only
//! the test sees, and a `systemctl` of the test's own.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::house::dnsctl;
use crate::support::{House, Ran, run};
use crate::{MOUNTS, Test};

pub(crate) const TESTS: &[Test] = &[
    ("resolved::is_set_up_and_taken_back_in_a_folder", &[], folder),
    (
        "resolved::where_it_is_not_safe_nothing_is_changed",
        &[],
        unsafe_places,
    ),
    ("resolved::what_others_changed_since_stays", &[], changed),
    ("resolved::on_the_host_that_runs", &[MOUNTS], live),
    (
        "resolved::that_does_not_restart_is_taken_back",
        &[MOUNTS],
        stubborn,
    ),
];

const STUB: &str = "../run/systemd/resolve/stub-resolv.conf";
const DROP_IN: &str = "etc/systemd/resolved.conf.d/90-hearthdns.conf";
const WRITTEN: &str = "# Written by `dnsctl setup resolved --apply`; `dnsctl setup resolved --undo` takes it back.\n\
    # /etc/resolv.conf led to ../run/systemd/resolve/stub-resolv.conf\n\
    # This folder was made for this file.\n\
    [Resolve]\nDNS=\nDNS=127.0.0.1\nDomains=~.\nDNSStubListener=no\n";

/// A system with systemd-resolved, as a distribution installs it.
fn system(listen: &str) -> House {
    let house = House::new();
    house.write("usr/lib/systemd/systemd-resolved", "");
    house.write("etc/systemd/resolved.conf", "[Resolve]\n#DNS=\n");
    house.write("etc/hearthdns/config.yaml", listen);
    house.write("run/systemd/resolve/resolv.conf", "nameserver 192.168.1.1\n");
    house.write("run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n");
    symlink(STUB, house.path("etc/resolv.conf")).unwrap();
    house
}

const EVERYWHERE: &str = "listen: [\"0.0.0.0:53\"]\n";

fn setup(house: &House, args: &[&str]) -> Ran {
    run(dnsctl()
        .args(["setup", "resolved", "--root"])
        .arg(house.root())
        .args(args))
}

#[track_caller]
fn says(ran: &Ran, expected: &str) {
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, expected, "")
    );
}

#[track_caller]
fn refuses(house: &House, ran: &Ran, message: &str) {
    assert_eq!(
        (ran.code, ran.stdout.as_str(), house.neutral(&ran.stderr).as_str()),
        (1, "", format!("dnsctl: {message}\n").as_str())
    );
}

fn link(house: &House) -> String {
    std::fs::read_link(house.path("etc/resolv.conf"))
        .unwrap()
        .display()
        .to_string()
}

/// Every file below a folder, with what it holds or where it leads.
fn picture(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let shown = path.strip_prefix(folder).unwrap().display().to_string();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                found.push(format!("{shown}/"));
                folders.push(path);
            } else if kind.is_symlink() {
                found.push(format!(
                    "{shown} -> {}",
                    std::fs::read_link(&path).unwrap().display()
                ));
            } else {
                found.push(format!("{shown}: {}", std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn folder() {
    let house = system(EVERYWHERE);
    let before = picture(&house.path("etc"));
    let steps = "  write /etc/systemd/resolved.conf.d/90-hearthdns.conf: DNS=127.0.0.1, Domains=~., DNSStubListener=no\n  \
                 have /etc/resolv.conf lead to ../run/systemd/resolve/resolv.conf, and not to \
                 ../run/systemd/resolve/stub-resolv.conf\n";
    says(
        &setup(&house, &[]),
        &format!("would be done with --apply:\n{steps}"),
    );
    assert_eq!(picture(&house.path("etc")), before, "telling changes nothing");
    says(
        &setup(&house, &["--apply"]),
        &format!("done:\n{steps}next: systemctl restart hearthdns\n"),
    );
    assert_eq!(house.read(DROP_IN), WRITTEN);
    assert_eq!(link(&house), "../run/systemd/resolve/resolv.conf");
    let after = picture(&house.path("etc"));
    says(
        &setup(&house, &["--apply"]),
        "nothing to do: systemd-resolved asks HearthDNS and leaves port 53 alone\n",
    );
    assert_eq!(picture(&house.path("etc")), after, "twice is once");
    says(
        &setup(&house, &["--undo"]),
        "taken back:\n  remove /etc/systemd/resolved.conf.d/90-hearthdns.conf\n  \
         have /etc/resolv.conf lead to ../run/systemd/resolve/stub-resolv.conf again\n",
    );
    assert_eq!(picture(&house.path("etc")), before);
    says(
        &setup(&house, &["--undo"]),
        "nothing to undo: there is no /etc/systemd/resolved.conf.d/90-hearthdns.conf\n",
    );
    // Half of it was done when the power went: the rest is done, and undoing knows as much as before.
    setup(&house, &["--apply"]).ok();
    std::fs::remove_file(house.path("etc/resolv.conf")).unwrap();
    symlink(STUB, house.path("etc/resolv.conf")).unwrap();
    setup(&house, &["--apply"]).ok();
    assert_eq!(picture(&house.path("etc")), after);
    // A change of the address takes nothing from what is remembered.
    house.write("etc/hearthdns/config.yaml", "listen: [\"[::1]:53\"]\n");
    setup(&house, &["--apply"]).ok();
    assert_eq!(house.read(DROP_IN), WRITTEN.replace("127.0.0.1", "::1"));
    house.write("etc/hearthdns/config.yaml", EVERYWHERE);
    setup(&house, &["--undo"]).ok();
    assert_eq!(picture(&house.path("etc")), before);
    // The nearest address that is listened on.
    for (listen, expected) in [
        ("'192.168.1.10:53', '[::1]:53', '127.0.0.2:53'", "127.0.0.2"),
        ("'192.168.1.10:53', '[::]:53'", "::1"),
        ("'192.168.1.10:53', '127.0.0.1:5300'", "192.168.1.10"),
    ] {
        house.write("etc/hearthdns/config.yaml", &format!("listen: [{listen}]\n"));
        let told = setup(&house, &[]).ok().stdout;
        assert!(told.contains(&format!(": DNS={expected}, ")), "{listen}: {told}");
    }
}

fn unsafe_places() {
    let house = system("listen: [\"0.0.0.0:5300\"]\n");
    let before = picture(&house.path("etc"));
    refuses(
        &house,
        &setup(&house, &["--apply"]),
        "nothing was changed: the configuration has HearthDNS listen on port 53 nowhere, so this host would be without \
         DNS; write `listen: [\"0.0.0.0:53\"]` or `listen: [\"127.0.0.1:53\"]`",
    );
    assert_eq!(picture(&house.path("etc")), before);

    let house = system(EVERYWHERE);
    std::fs::remove_file(house.path("etc/resolv.conf")).unwrap();
    house.write("etc/resolv.conf", "nameserver 127.0.0.53\n");
    refuses(
        &house,
        &setup(&house, &["--apply"]),
        "nothing was changed: /etc/resolv.conf is a file of its own that names 127.0.0.53, where nobody would answer \
         any more; have it lead to the file of systemd-resolved first: ln -sf \
         ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf",
    );
    assert!(!house.path(DROP_IN).exists());

    // Somebody else's file, which another program wrote.
    let house = system(EVERYWHERE);
    house.write("run/resolvconf/resolv.conf", "nameserver 127.0.0.53\n");
    std::fs::remove_file(house.path("etc/resolv.conf")).unwrap();
    symlink("/run/resolvconf/resolv.conf", house.path("etc/resolv.conf")).unwrap();
    refuses(
        &house,
        &setup(&house, &["--apply"]),
        "nothing was changed: /etc/resolv.conf leads to a file that names 127.0.0.53, where nobody would answer any \
         more; have it lead to the file of systemd-resolved first: ln -sf \
         ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf",
    );
    assert!(!house.path(DROP_IN).exists());

    let house = system(EVERYWHERE);
    let late = "etc/systemd/resolved.conf.d/99-site.conf";
    house.write(late, "[Resolve]\n DNSStubListener=yes\n");
    refuses(
        &house,
        &setup(&house, &["--apply"]),
        "nothing was changed: `HOUSE/etc/systemd/resolved.conf.d/99-site.conf` sets DNSStubListener after us and would \
         win; remove that line first",
    );
    // Where distributions and admins have theirs; as systemd reads it.
    let local = "usr/local/lib/systemd/resolved.conf.d/95-site.conf";
    house.write(late, "[Resolve]\nDNSSEC=no\n");
    house.write(local, "[Resolve]\nDNSStubListener = yes\n");
    refuses(
        &house,
        &setup(&house, &["--apply"]),
        "nothing was changed: `HOUSE/usr/local/lib/systemd/resolved.conf.d/95-site.conf` sets DNSStubListener after us \
         and would win; remove that line first",
    );
    // One that hides another file.
    std::fs::remove_file(house.path(local)).unwrap();
    symlink("/dev/null", house.path(local)).unwrap();
    says(
        &setup(&house, &[]),
        "would be done with --apply:\n  write /etc/systemd/resolved.conf.d/90-hearthdns.conf: DNS=127.0.0.1, \
         Domains=~., DNSStubListener=no\n  have /etc/resolv.conf lead to ../run/systemd/resolve/resolv.conf, and not \
         to ../run/systemd/resolve/stub-resolv.conf\n",
    );
    house.write(DROP_IN, "[Resolve]\n");
    refuses(
        &house,
        &setup(&house, &["--apply"]),
        "nothing was changed: `HOUSE/etc/systemd/resolved.conf.d/90-hearthdns.conf` was not written by dnsctl; move it \
         away first",
    );
    assert_eq!(link(&house), STUB);

    std::fs::remove_file(house.path(DROP_IN)).unwrap();
    std::fs::remove_file(house.path("usr/lib/systemd/systemd-resolved")).unwrap();
    refuses(
        &house,
        &setup(&house, &["--apply"]),
        "nothing was changed: systemd-resolved is not installed there, so there is nothing to set up",
    );
    let ran = setup(&house, &["--apply", "--undo"]);
    assert_eq!(ran.code, 2);
}

fn changed() {
    let house = system(EVERYWHERE);
    setup(&house, &["--apply"]).ok();
    house.write("etc/systemd/resolved.conf.d/50-site.conf", "[Resolve]\n");
    std::fs::remove_file(house.path("etc/resolv.conf")).unwrap();
    house.write("etc/resolv.conf", "nameserver 9.9.9.9\n");
    says(
        &setup(&house, &["--undo"]),
        "taken back:\n  remove /etc/systemd/resolved.conf.d/90-hearthdns.conf\n\
         /etc/resolv.conf was changed by somebody else since and stays as it is; it led to \
         ../run/systemd/resolve/stub-resolv.conf\n",
    );
    assert_eq!(house.read("etc/resolv.conf"), "nameserver 9.9.9.9\n");
    assert!(house.path("etc/systemd/resolved.conf.d/50-site.conf").exists());
    // A file that names other servers is nobody's business.
    let ran = setup(&house, &["--apply"]);
    says(
        &ran,
        "done:\n  write /etc/systemd/resolved.conf.d/90-hearthdns.conf: DNS=127.0.0.1, Domains=~., DNSStubListener=no\n\
         /etc/resolv.conf is not of systemd-resolved and stays as it is: programs ask the servers that it names\n\
         next: systemctl restart hearthdns\n",
    );
    assert_eq!(house.read("etc/resolv.conf"), "nameserver 9.9.9.9\n");
}

/// Runs a command of `dnsctl setup resolved` where `/etc` and `/run` are the house's, and `systemctl` writes down what
/// it is asked for and then runs this.
fn on_host(house: &House, then: &str, args: &[&str]) -> Ran {
    let tool = house.path("bin/systemctl");
    house.write(
        "bin/systemctl",
        &format!("#!/bin/sh\necho \"$*\" >>/run/asked\n{then}\n"),
    );
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let inner = dnsctl();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c"])
        .arg("mount --bind \"$1/etc\" /etc && mount --bind \"$1/run\" /run && shift && exec \"$@\"")
        .arg("sh")
        .arg(house.root())
        .arg(inner.get_program())
        .args(["setup", "resolved"])
        .args(args)
        .env("PATH", format!("{}:{path}", house.path("bin").display()));
    run(&mut command)
}

fn live() {
    let house = system(EVERYWHERE);
    let before = picture(&house.path("etc"));
    on_host(&house, "", &["--apply"]).ok();
    assert_eq!(house.read(DROP_IN), WRITTEN);
    assert_eq!(link(&house), "../run/systemd/resolve/resolv.conf");
    assert_eq!(house.read("run/asked"), "restart systemd-resolved.service\n");
    on_host(&house, "", &["--apply"]).ok();
    assert_eq!(
        house.read("run/asked"),
        "restart systemd-resolved.service\n",
        "twice is once"
    );
    on_host(&house, "", &["--undo"]).ok();
    assert_eq!(picture(&house.path("etc")), before);
    assert_eq!(
        house.read("run/asked"),
        "restart systemd-resolved.service\nrestart systemd-resolved.service\n"
    );
    // Nobody would know other names.
    house.write(
        "run/systemd/resolve/resolv.conf",
        "# none\nnameserver 127.0.0.1\n",
    );
    refuses(
        &house,
        &on_host(&house, "", &["--apply"]),
        "nothing was changed: neither `upstreams` in the configuration nor the network of this host names a DNS \
         server, so nobody would know names outside your zones; write `upstreams: [9.9.9.9]` or another first",
    );
    std::fs::remove_dir_all(house.path("run/systemd")).unwrap();
    refuses(
        &house,
        &on_host(&house, "", &["--apply"]),
        "nothing was changed: systemd-resolved does not run on this host, so there is nothing to set up; `dnsctl setup \
         port` says who has the port",
    );
    assert_eq!(picture(&house.path("etc")), before);
}

fn stubborn() {
    let house = system(EVERYWHERE);
    let before = picture(&house.path("etc"));
    // The first time it fails.
    let once = "test -e /run/tried || { touch /run/tried; echo no such luck >&2; exit 1; }";
    let ran = on_host(&house, once, &["--apply"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (
            1,
            "",
            "dnsctl: systemd-resolved did not restart: no such luck; everything was taken back\n"
        )
    );
    assert_eq!(picture(&house.path("etc")), before);
    // It fails every time: what is needed for the next try stays, and so does a link that leads to servers.
    let ran = on_host(&house, "exit 1", &["--apply"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (
            1,
            "",
            "dnsctl: systemd-resolved did not restart: ; taking it back failed too: systemd-resolved did not restart: ; \
             `dnsctl setup resolved --undo` tries again\n"
        )
    );
    assert_eq!(link(&house), "../run/systemd/resolve/resolv.conf");
    on_host(&house, "", &["--undo"]).ok();
    assert_eq!(picture(&house.path("etc")), before);
}
