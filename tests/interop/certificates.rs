//! Clients of others and the authority of our own: what it signs for this server is believed, what a thief of its key
//! signs for somebody else is not.

use std::process::Command;

use crate::Test;
use crate::support::sample::HEARTH;
use crate::support::{Daemon, House, Ran, program, run};

pub(crate) const TESTS: &[Test] = &[
    (
        "kdig_believes_our_own_authority_and_no_thief_of_its_key",
        &["kdig"],
        kdig_believes_our_own_authority_and_no_thief_of_its_key,
    ),
    (
        "openssl_believes_our_own_authority_and_no_thief_of_its_key",
        &["openssl"],
        openssl_believes_our_own_authority_and_no_thief_of_its_key,
    ),
];

/// A house with a certificate of its own authority, which is in `given.pem`.
fn served() -> (House, Daemon) {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen_too(&["tls://127.0.0.1:0"])
        .config("name: dns.hearth.example\n");
    let daemon = house.start();
    let given = house.dnsctl(&["certificate", "authority"]).ok().stdout;
    house.write("given.pem", &given);
    (house, daemon)
}

/// Another house, whose certificate for `bank.example` and one of our names was signed with the first one's key.
fn thief(of: &House) -> (House, Daemon) {
    let kept = of.read("state/certificate/authority.pem");
    let (_, key) = kept.split_once("-----END CERTIFICATE-----\n").unwrap();
    let json = of.dnsctl(&["certificate", "--json"]).ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let name = json["ok"]["issuer"].as_str().unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let issuer = rcgen::Issuer::new(params, rcgen::KeyPair::from_pem(key).unwrap());
    let names = ["bank.example".to_owned(), "dns.hearth.example".to_owned()];
    let key = rcgen::KeyPair::generate().unwrap();
    let forged = rcgen::CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen_too(&["tls://127.0.0.1:0"])
        .config("certificate: {chain: chain.pem, key: key.pem}\n");
    house.write("chain.pem", &forged.pem());
    house.write("key.pem", &key.serialize_pem());
    let daemon = house.start();
    (house, daemon)
}

fn kdig_believes_our_own_authority_and_no_thief_of_its_key() {
    let (house, daemon) = served();
    let kdig = |daemon: &Daemon, name: &str| {
        let server = daemon.encrypted("tls");
        let mut command = Command::new(program("kdig").unwrap());
        command
            .arg(format!("@{}", server.ip()))
            .args(["-p", &server.port().to_string(), "+tls", "+retry=0", "+timeout=5"])
            .arg(format!("+tls-ca={}", house.path("given.pem").display()))
            .arg(format!("+tls-hostname={name}"));
        run(command.args(["+short", "matrix.hearth.example", "A"]))
    };
    for name in ["dns.hearth.example", "token.dns.hearth.example", "127.0.0.1"] {
        assert_eq!(kdig(&daemon, name).ok().stdout, "192.0.2.10\n", "{name}");
    }
    let (_there, forger) = thief(&house);
    for name in ["bank.example", "dns.hearth.example"] {
        let ran = kdig(&forger, name);
        assert!(!ran.stdout.contains("192.0.2.10"), "{name}: {ran:?}");
    }
}

fn openssl_believes_our_own_authority_and_no_thief_of_its_key() {
    let (house, daemon) = served();
    let openssl = |daemon: &Daemon, expected: [&str; 2]| -> Ran {
        let mut command = Command::new(program("openssl").unwrap());
        command
            .args(["s_client", "-connect", &daemon.encrypted("tls").to_string()])
            .args(["-verify_return_error", "-purpose", "sslserver", "-CAfile"])
            .arg(house.path("given.pem"));
        run(command.args(expected))
    };
    for expected in [
        ["-verify_hostname", "dns.hearth.example"],
        ["-verify_hostname", "token.dns.hearth.example"],
        ["-verify_ip", "127.0.0.1"],
    ] {
        let ran = openssl(&daemon, expected).ok();
        assert!(
            ran.stdout.contains("Verify return code: 0 (ok)"),
            "{expected:?}: {ran:?}"
        );
    }
    let (_there, forger) = thief(&house);
    for name in ["bank.example", "dns.hearth.example"] {
        let ran = openssl(&forger, ["-verify_hostname", name]).fails(1);
        assert!(
            ran.stderr.contains("permitted subtree violation"),
            "{name}: {ran:?}"
        );
    }
    let mut command = Command::new(program("openssl").unwrap());
    command
        .args(["x509", "-noout", "-text", "-in"])
        .arg(house.path("given.pem"));
    let text = run(&mut command).ok().stdout;
    for part in [
        "X509v3 Name Constraints: critical",
        "DNS:hearth.example",
        "IP:10.0.0.0/255.0.0.0",
        "X509v3 Basic Constraints: critical",
        "CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical",
        "Certificate Sign",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("Digital Signature"), "{text}");
}
