//! What is made for devices, looked at by programs that know its form: OpenSSL reads signed profiles, ShellCheck reads
//! scripts.

use std::process::Command;

use hearthdns::config::CertificateFiles;
use hearthdns::onboard::apple::{Protocol, profile};
use hearthdns::onboard::things::{Thing, make};
use hearthdns::onboard::{Device, Facts, Ports, Scope, Server, Trust};
use hearthdns::serve::tls::Certificate;

use crate::Test;
use crate::support::identity::Identity;
use crate::support::{House, Ran, program, run};

pub(crate) const TESTS: &[Test] = &[
    (
        "openssl_verifies_a_signed_profile",
        &["openssl"],
        openssl_verifies_a_signed_profile,
    ),
    (
        "shellcheck_finds_nothing_in_scripts",
        &["shellcheck"],
        shellcheck_finds_nothing_in_scripts,
    ),
];

fn facts() -> Facts {
    Facts {
        server: Server {
            name: Some("dns.home.example".parse().unwrap()),
            addresses: vec!["192.168.1.10".parse().unwrap()],
            zones: vec!["home.example".parse().unwrap()],
            ports: Ports {
                plain: Some(53),
                https: Some(443),
                ..Ports::default()
            },
            trust: Trust::Public,
            hosts: vec![(
                "matrix.home.example".parse().unwrap(),
                "192.168.1.20".parse().unwrap(),
            )],
        },
        device: Device {
            name: "anna-phone".to_owned(),
            token: None,
            scope: Scope::Zones,
        },
    }
}

/// Seconds since 1970 at which the certificates of these tests are valid.
fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

fn signed(house: &House, content: &[u8]) -> Option<Vec<u8>> {
    let certificate = Certificate::new(&CertificateFiles {
        chain: house.path("chain.pem"),
        key: house.path("key.pem"),
    });
    certificate.reload(now()).unwrap();
    certificate.signed(content)
}

fn verify(house: &House, message: &[u8], authority: &str) -> Ran {
    std::fs::write(house.path("signed.der"), message).unwrap();
    run(Command::new(program("openssl").unwrap())
        .args(["cms", "-verify", "-inform", "DER", "-purpose", "any", "-binary"])
        .args(["-in", "signed.der", "-out", "content", "-CAfile", authority])
        .current_dir(house.root()))
}

/// With the keys that authorities sign today, by a certificate with and without another above it.
fn openssl_verifies_a_signed_profile() {
    let content = profile(&facts(), Protocol::Https).unwrap().bytes;
    let house = House::new();
    let identity = Identity::new(&["dns.home.example"]);
    house.write(
        "chain.pem",
        &format!("{}{}", identity.certificate_pem(), identity.authority),
    );
    house.write("key.pem", &identity.key_pem());
    house.write("authority.pem", &identity.authority);
    house.write("forger.pem", &Identity::new(&["dns.home.example"]).authority);
    let message = signed(&house, &content).unwrap();
    verify(&house, &message, "authority.pem").ok();
    assert_eq!(std::fs::read(house.path("content")).unwrap(), content);
    verify(&house, &message, "forger.pem").fails(4);
    let at = message.windows(8).position(|bytes| bytes == b"anna-pho").unwrap();
    let mut changed = message;
    changed[at] = b'h';
    verify(&house, &changed, "authority.pem").fails(4);

    for key in [
        &["rsa:2048"][..],
        &["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
        &["ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"],
    ] {
        run(Command::new(program("openssl").unwrap())
            .args([
                "req",
                "-x509",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=dns.home.example",
                "-newkey",
            ])
            .args(key)
            .args(["-keyout", "key.pem", "-out", "chain.pem"])
            .current_dir(house.root()))
        .ok();
        let message = signed(&house, &content).unwrap();
        verify(&house, &message, "chain.pem").ok();
        assert_eq!(std::fs::read(house.path("content")).unwrap(), content, "{key:?}");
    }
    run(Command::new(program("openssl").unwrap())
        .args([
            "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=x", "-newkey", "ed25519",
        ])
        .args(["-keyout", "key.pem", "-out", "chain.pem"])
        .current_dir(house.root()))
    .ok();
    assert_eq!(signed(&house, &content), None);
}

fn shellcheck_finds_nothing_in_scripts() {
    let house = House::new();
    let mut without = facts();
    without.server.hosts.clear();
    for facts in [facts(), without] {
        for thing in [Thing::Linux, Thing::LinuxUndo, Thing::Mac, Thing::MacUndo] {
            let script = make(thing, &facts).unwrap().bytes;
            std::fs::write(house.path("script"), script).unwrap();
            let ran = run(Command::new(program("shellcheck").unwrap())
                .args(["--shell=sh", "--severity=style"])
                .arg(house.path("script")));
            assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{thing:?}");
        }
    }
}
