//! The certificate of our own authority from outside: made at the first start, kept, renewed, told of, and believed by
//! clients that were given the authority.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "https-listener", feature = "h3"))]

mod support;

use std::os::unix::fs::PermissionsExt;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use support::asker::{Asker, Authority};
use support::client::sound_reply;
use support::sample::HEARTH;
use support::{Daemon, House, Message, rtype, run};

const NAME: &str = "dns.hearth.example";

/// A house with one encrypted listener and nothing said of certificates.
fn house(config: &str) -> House {
    House::new()
        .zone("hearth.example", HEARTH)
        .listen_too(&["tls://127.0.0.1:0"])
        .config(config)
}

/// One with a name and an address of its own, so that its certificate is known whole.
fn named() -> House {
    house("name: dns.hearth.example\naddresses: [192.168.1.1]\n")
}

/// The authority as `dnsctl` gives it to people.
fn authority(house: &House) -> String {
    house.dnsctl(&["certificate", "authority"]).ok().stdout
}

/// The leaf that a client is shown, which believes it.
#[track_caller]
fn shown(asker: &Asker, daemon: &Daemon) -> Vec<u8> {
    let stream = asker.connect(daemon.encrypted("tls"), "dot").unwrap();
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

fn mode(house: &House, path: &str) -> u32 {
    std::fs::metadata(house.path(path)).unwrap().permissions().mode() & 0o777
}

/// `dnsctl certificate`, whose times and sums are another's each time: letters stand for them.
fn told(house: &House) -> String {
    let ran = house.dnsctl(&["certificate"]).ok();
    assert_eq!(ran.stderr, "");
    house
        .neutral(&ran.stdout)
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["from" | "until" | "renewal", time] if time.starts_with("20") => line.replace(time, "TIME"),
                ["SHA-256", sum] if sum.len() == 95 => line.replace(sum, "SUM"),
                ["issuer" | "name", "HearthDNS", mark, _] if mark.len() == 6 => line.replace(mark, "MARK"),
                _ => line.to_owned(),
            }
        })
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn the_first_start_makes_a_certificate_and_the_second_keeps_it() {
    let house = named();
    let checked = run(house.command().arg("--check")).ok();
    assert_eq!(
        (checked.stderr.as_str(), house.path("state/certificate").exists()),
        ("", false)
    );

    let mut daemon = house.start();
    let log = daemon.process.log().join("\n");
    assert!(log.contains("made an authority of our own, SHA-256 "), "{log}");
    assert!(
        log.contains(
            "made a certificate for dns.hearth.example, *.dns.hearth.example, 192.168.1.1, 127.0.0.1, ::1, "
        ),
        "{log}"
    );
    assert!(!log.contains("PRIVATE KEY"), "{log}");
    for (path, expected) in [("", 0o700), ("/authority.pem", 0o600), ("/own.pem", 0o600)] {
        assert_eq!(
            mode(&house, &format!("state/certificate{path}")),
            expected,
            "{path}"
        );
    }
    let pem = authority(&house);
    assert!(!pem.contains("PRIVATE"), "{pem}");
    assert!(house.read("state/certificate/authority.pem").starts_with(&pem));

    // Clients that were given it believe the server by its name, by one of a device below it, and by its address.
    let query = Message::query("matrix.hearth.example.", rtype::A).with_edns(1232);
    for name in [NAME, "token.dns.hearth.example", "127.0.0.1"] {
        let replies = Authority::asker_with(&pem, name).tls(daemon.encrypted("tls"), &[query.encode()]);
        let reply = sound_reply(&query, &replies.unwrap()[0]);
        assert_eq!(
            reply.answer_lines(),
            ["matrix.hearth.example. 300 A 192.0.2.10"],
            "{name}"
        );
    }
    for name in ["hearth.example", "192.168.1.2"] {
        let asked = Authority::asker_with(&pem, name).connect(daemon.encrypted("tls"), "dot");
        let error = asked.map(drop).unwrap_err();
        assert!(error.contains("not valid for name"), "{name}: {error}");
    }
    let stranger = Authority::new()
        .asker(NAME)
        .connect(daemon.encrypted("tls"), "dot");
    assert!(stranger.is_err());

    let asker = Authority::asker_with(&pem, NAME);
    let first = shown(&asker, &daemon);
    daemon.process.terminate();
    let daemon = house.start();
    assert_eq!(shown(&asker, &daemon), first);
    assert!(
        !daemon.process.log().join("\n").contains("made a"),
        "{:?}",
        daemon.process.log()
    );
    assert_eq!(authority(&house), pem);
}

#[test]
fn dnsctl_tells_all_of_it() {
    let house = named();
    let _daemon = house.start();
    let prefixes = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, fc00::/7, ::1/128";
    let whole = |not_for: &str| {
        format!(
            "certificate of our own authority: devices must be given the authority that signed it
  names      dns.hearth.example, *.dns.hearth.example
  addresses  192.168.1.1, 127.0.0.1, ::1
  issuer     HearthDNS MARK hearth.example
  from       TIME
  until      TIME
  renewal    TIME
  file       HOUSE/state/certificate/own.pem

authority
  name       HearthDNS MARK hearth.example
  SHA-256    SUM
  until      TIME
  signs for  hearth.example, {prefixes}
{not_for}"
        )
    };
    assert_eq!(told(&house), whole(""));
    // A zone that comes later is no name of the server.
    house.dnsctl(&["add-zone", "new.example"]).ok();
    assert_eq!(told(&house), whole("  not for    new.example\n"));

    let json = house.dnsctl(&["certificate", "--json"]).ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let said = house.dnsctl(&["certificate", "authority"]).ok();
    let sum = json["ok"]["fingerprint"].as_str().unwrap();
    assert_eq!(said.stderr, format!("SHA-256 {sum}\n"));
    let der = CertificateDer::from_pem_slice(said.stdout.as_bytes()).unwrap();
    let own: Vec<String> = ring::digest::digest(&ring::digest::SHA256, &der)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    assert_eq!(sum, own.join(":"));
}

#[test]
fn a_new_certificate_is_made_on_demand_and_a_new_authority_is_nobody_s_yet() {
    let house = named();
    let daemon = house.start();
    let old = authority(&house);
    let asker = Authority::asker_with(&old, NAME);
    let first = shown(&asker, &daemon);
    house.dnsctl(&["certificate", "renew"]).ok();
    let second = shown(&asker, &daemon);
    assert_ne!(first, second);

    let ran = house.dnsctl(&["certificate", "authority", "--replace"]).ok();
    let (sum, note) = ran.stderr.split_once('\n').unwrap();
    assert!(sum.starts_with("SHA-256 "), "{sum}");
    assert_eq!(
        note,
        "note: this authority is new, and no device trusts it yet; give it to each of them\n"
    );
    assert!(asker.connect(daemon.encrypted("tls"), "dot").is_err());
    shown(&Authority::asker_with(&ran.stdout, NAME), &daemon);
    assert_eq!(authority(&house), ran.stdout);
}

/// Puts a certificate into the house that our own authority signed in the past.
fn plant_aged(house: &House, until: (i32, u8, u8)) {
    let kept = house.read("state/certificate/authority.pem");
    let (_, key) = kept.split_once("-----END CERTIFICATE-----\n").unwrap();
    let key = rcgen::KeyPair::from_pem(key).unwrap();
    let name = told_by_dnsctl(house, "issuer");
    let mut of_issuer = rcgen::CertificateParams::new(Vec::new()).unwrap();
    of_issuer.distinguished_name = rcgen::DistinguishedName::new();
    of_issuer.distinguished_name.push(rcgen::DnType::CommonName, name);
    let issuer = rcgen::Issuer::new(of_issuer, key);
    let names = [
        "dns.hearth.example",
        "*.dns.hearth.example",
        "192.168.1.1",
        "127.0.0.1",
        "::1",
    ];
    let mut params = rcgen::CertificateParams::new(names.map(str::to_owned)).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 2);
    params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    house.write(
        "state/certificate/own.pem",
        &format!("{}{}", certificate.pem(), key.serialize_pem()),
    );
}

/// One word of `dnsctl certificate --json`.
fn told_by_dnsctl(house: &House, word: &str) -> String {
    let json = house.dnsctl(&["certificate", "--json"]).ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    json["ok"][word].as_str().unwrap().to_owned()
}

#[test]
fn it_is_renewed_when_two_thirds_of_its_life_are_over() {
    let house = named();
    let mut daemon = house.start();
    let pem = authority(&house);
    let asker = Authority::asker_with(&pem, NAME);
    // Two thirds of ten years are not over for some time, those of three months are.
    plant_aged(&house, (2099, 1, 1));
    daemon.process.terminate();
    let mut daemon = house.start();
    let planted = shown(&asker, &daemon);
    assert!(
        house
            .read("state/certificate/own.pem")
            .contains("BEGIN CERTIFICATE")
    );
    plant_aged(&house, (2026, 4, 1));
    daemon.process.terminate();
    let daemon = house.start();
    let renewed = shown(&asker, &daemon);
    assert_ne!(renewed, planted);
    let log = daemon.process.log().join("\n");
    assert!(log.contains(": the old one would end soon"), "{log}");
    assert!(!log.contains("made an authority"), "{log}");
    assert_eq!(authority(&house), pem);
}

#[test]
fn another_name_makes_another_certificate_and_one_that_cannot_be_signed_for_is_told() {
    let house = named();
    let mut daemon = house.start();
    let pem = authority(&house);
    daemon.process.terminate();
    let house = house.config("name: other.hearth.example\naddresses: [192.168.1.1]\n");
    let mut daemon = house.start();
    shown(&Authority::asker_with(&pem, "other.hearth.example"), &daemon);
    daemon.process.terminate();

    let house = house.config("name: dns.elsewhere.example\naddresses: [192.168.1.1]\n");
    let daemon = house.start();
    let ran = house.dnsctl(&["certificate"]).fails(1);
    let problem = "the authority may not sign for dns.elsewhere.example, *.dns.elsewhere.example, so the certificate goes \
                   without; `dnsctl certificate authority --replace` makes one that may, which every device must be \
                   given anew";
    assert_eq!(
        house.neutral(&ran.stderr),
        format!("HOUSE/state/certificate/authority.pem: {problem}\n")
    );
    let log = daemon.process.log().join("\n");
    assert_eq!(log.matches(problem).count(), 1, "{log}");
    // What it can sign for, it does.
    shown(&Authority::asker_with(&pem, "127.0.0.1"), &daemon);
    let replaced = house.dnsctl(&["certificate", "authority", "--replace"]).ok();
    shown(
        &Authority::asker_with(&replaced.stdout, "dns.elsewhere.example"),
        &daemon,
    );
    house.dnsctl(&["certificate"]).ok();
}

#[test]
fn an_authority_that_is_broken_is_told_and_plain_dns_goes_on() {
    let house = named();
    house.write("state/certificate/authority.pem", "not a key\n");
    let daemon = house.start();
    assert_eq!(daemon.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
    let message = "holds no certificate in PEM; bring it back from a copy, or make a new one with `dnsctl certificate \
                   authority --replace`";
    let ran = house.dnsctl(&["certificate"]).fails(1);
    assert_eq!(
        house.neutral(&ran.stdout),
        "certificate of our own authority: there is none yet: encrypted listeners refuse everybody\n  file  \
         HOUSE/state/certificate/own.pem\n"
    );
    assert_eq!(
        house.neutral(&ran.stderr),
        format!("HOUSE/state/certificate/authority.pem: {message}\n")
    );
    let errors: Vec<String> = daemon
        .process
        .log()
        .iter()
        .filter_map(|line| line.split_once("ERROR "))
        .map(|(_, said)| house.neutral(said))
        .collect();
    assert_eq!(
        errors,
        [format!(
            "HOUSE/state/certificate/authority.pem: {message}; encrypted listeners go on with the certificate that they \
             have, if there is one"
        )]
    );
    let ran = house.dnsctl(&["certificate", "authority"]).fails(1);
    assert_eq!(
        house.neutral(&ran.stderr),
        format!("dnsctl: HOUSE/state/certificate/authority.pem: {message}\n")
    );
    let replaced = house.dnsctl(&["certificate", "authority", "--replace"]).ok();
    shown(&Authority::asker_with(&replaced.stdout, NAME), &daemon);
}

#[test]
fn where_somebody_else_makes_it_or_nobody_needs_it_dnsctl_says_so() {
    let house = house("certificate: {chain: chain.pem, key: key.pem}\n");
    let authority = Authority::new();
    authority.issue(&house, &[NAME], 2099);
    let daemon = house.start();
    shown(&authority.asker(NAME), &daemon);
    assert_eq!(
        told(&house),
        "certificate from files: nobody here knows who signed it\n  names   dns.hearth.example\n  issuer  authority of \
         a test\n  from    1975-01-01\n  until   TIME\n  file    HOUSE/chain.pem\n"
    );
    let ran = house.dnsctl(&["certificate", "renew"]).fails(1);
    assert_eq!(
        house.neutral(&ran.stderr),
        "dnsctl: whoever writes HOUSE/chain.pem renews the certificate; `dnsctl reload` reads it again\n"
    );
    let ran = house.dnsctl(&["certificate", "authority"]).fails(1);
    assert_eq!(
        ran.stderr,
        "dnsctl: the certificate is not of an authority of our own; that is there with `certificate: own`\n"
    );
    // With the authority in the chain it is known who vouches.
    house.write(
        "chain.pem",
        &format!("{}{}", house.read("chain.pem"), authority.pem),
    );
    house.dnsctl(&["reload"]).ok();
    assert_eq!(told_by_dnsctl(&house, "trust"), "own");

    let plain = House::new().zone("hearth.example", HEARTH);
    let _daemon = plain.start();
    let ran = plain.dnsctl(&["certificate"]).fails(1);
    assert_eq!(
        ran.stderr,
        "dnsctl: there is no certificate: nothing that is listened on is encrypted, and the configuration has no \
         `certificate`\n"
    );
    let ran = plain.dnsctl_offline(&["certificate"]).fails(2);
    assert!(
        ran.stderr.contains("this command asks a running daemon"),
        "{}",
        ran.stderr
    );
}
