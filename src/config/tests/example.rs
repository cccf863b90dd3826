//! The example file with everything set, and upstreams that are mappings: both name upstreams of kinds that some
//! builds leave out.
#![cfg(all(feature = "https", feature = "quic"))]

use std::collections::HashMap;
use std::path::Path;

use super::super::CertificateConfig;
use super::super::acme::ACME;
use super::super::certificate::CERTIFICATE;
use super::super::document::{self, Kind, Node};
use super::super::nftset::NFTSET;
use super::super::reader::SECTIONS;
use super::super::reader::listeners::LISTENER;
use super::super::reader::upstreams::UPSTREAM;
use super::super::upstream::TlsName;
use super::*;

#[test]
fn the_example_shows_every_key() {
    let text = example_with_everything();
    let config = read(&text).unwrap();
    let upstreams: Vec<String> = config.upstreams.iter().map(ToString::to_string).collect();
    assert_eq!(
        upstreams,
        [
            "udp://9.9.9.9:53",
            "udp://[2620:fe::fe]:53",
            "tcp://149.112.112.112:53",
            "tls://dns.example:853",
            "https://dns.example.net:443/dns-query",
            "quic://192.0.2.53:853",
        ]
    );
    for key in UPSTREAM
        .iter()
        .chain(LISTENER)
        .chain(CERTIFICATE)
        .chain(ACME)
        .chain(NFTSET)
    {
        assert!(text.contains(&format!(" {key}: ")), "{key} is not in the example");
    }
    assert_eq!(config.workers, Some(2));
    assert_eq!(config.state, Path::new("/var/lib/hearthdns"));
    let names: Vec<(&str, usize)> = config
        .views
        .iter()
        .map(|v| (v.name.as_str(), v.clients.len()))
        .collect();
    assert_eq!(names, [("guests", 2), ("vpn", 1)]);
    let Kind::Map(entries) = document::parse(&text).unwrap().kind else {
        panic!("no mapping")
    };
    let shown: HashMap<String, &Node> = entries
        .iter()
        .map(|(key, node)| (key.scalar().unwrap(), node))
        .collect();
    for key in TOP {
        assert!(shown.contains_key(*key), "{key} is not in the example");
    }
    for (section, keys) in SECTIONS {
        let Kind::Map(entries) = &shown[*section].kind else {
            panic!("{section} is no mapping")
        };
        let inner: Vec<String> = entries.iter().map(|(key, _)| key.scalar().unwrap()).collect();
        for key in *keys {
            assert!(
                inner.iter().any(|shown| shown == key),
                "{section}.{key} is not in the example"
            );
        }
    }
}

#[test]
fn an_upstream_may_be_a_mapping() {
    let pin = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let config = read(&format!(
        "upstreams:\n  - {{url: 'tls://dns.example', addresses: [192.0.2.1, '2001:db8::1'], pin_sha256: ['{pin}'], \
         ca_file: ca.pem, server_name: other.example}}\n  - url: https://a.example\n    bootstrap: [9.9.9.9]\n    \
         server_name: ''\n"
    ))
    .unwrap();
    let [first, second] = config.upstreams.as_slice() else {
        panic!("two are expected")
    };
    assert_eq!(
        first.fixed_addresses(),
        [
            "192.0.2.1:853".parse().unwrap(),
            "[2001:db8::1]:853".parse().unwrap()
        ]
    );
    assert_eq!(first.pins.len(), 1);
    assert_eq!(first.ca_file.as_deref(), Some(Path::new("ca.pem")));
    assert_eq!(first.tls_name, TlsName::Named("other.example".to_owned()));
    assert_eq!(second.unresolved(), Some("a.example"));
    assert_eq!(second.bootstrap, ["9.9.9.9:53".parse().unwrap()]);
    assert_eq!(second.tls_name, TlsName::Unsent);
}

#[test]
fn encrypted_listeners_have_a_certificate_and_ports_of_their_own() {
    let pair = "certificate: {chain: c.pem, key: /k.pem}\n";
    let text = format!(
        "{pair}listen: ['0.0.0.0:53', 'tls://0.0.0.0', 'quic://0.0.0.0', 'https://[::]:8443', 'h3://[::]:8443']\n\
         encrypted: {{connections: 9, per_client: 8, idle_seconds: 7, pipeline: 6}}\n"
    );
    let config = read(&text).unwrap();
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(
        listen,
        [
            "0.0.0.0:53",
            "tls://0.0.0.0:853",
            "quic://0.0.0.0:853",
            "https://[::]:8443",
            "h3://[::]:8443"
        ]
    );
    let certificate = config.certificate_files().unwrap();
    assert_eq!(certificate.chain, Path::new("c.pem"));
    assert_eq!(certificate.key, Path::new("/k.pem"));
    let bounds = config.encrypted;
    assert_eq!(
        (bounds.connections, bounds.per_client, bounds.pipeline),
        (9, 8, 6)
    );
    assert_eq!(bounds.idle, Duration::from_secs(7));
    // Where none is named, there is one of our own; and where nothing is encrypted, none is needed.
    for (text, source) in [
        ("listen: ['tls://0.0.0.0']\n", Some(CertificateConfig::Own)),
        ("certificate: own\n", Some(CertificateConfig::Own)),
        ("listen: ['0.0.0.0:53']\n", Some(CertificateConfig::Own)),
        ("listen: ['127.0.0.1:53']\n", None),
        ("listen: ['0.0.0.0:53']\ndiscovery: {lan_tls: false}\n", None),
    ] {
        assert_eq!(read(text).unwrap().certificate, source, "{text}");
    }
    let files = read("state: /s\ncertificate: own\n")
        .unwrap()
        .certificate_files()
        .unwrap();
    assert_eq!(files.chain, Path::new("/s/certificate/own.pem"));
    assert_eq!(files.key, files.chain);
    assert_defects(
        &format!("{pair}listen: ['0.0.0.0:853', 'tls://0.0.0.0', 'h3://0.0.0.0:853']\n"),
        "config.yaml:2:25: tls://0.0.0.0:853 wants the port that 0.0.0.0:853 takes; choose another port for one of \
         them\nconfig.yaml:2:42: h3://0.0.0.0:853 wants the port that 0.0.0.0:853 takes; choose another port for one \
         of them\n",
    );
    assert_defects(
        "certificate: {chain: c.pem}\nencrypted: {per_client: 200}\n",
        "config.yaml:1:14: a certificate is two files; write `certificate: {chain: FILE, key: FILE}`\n\
         config.yaml:2:25: `encrypted.per_client` (200) is more than `encrypted.connections` (128)\n",
    );
    assert_defects(
        "certificate: {chain: c.pem, key: }\nlisten: ['udp://0.0.0.0:53']\n",
        "config.yaml:1:34: expected the path of a file in PEM, found nothing; remove the key to have its default\n\
         config.yaml:2:10: plain DNS is served over UDP and TCP alike; write the address alone, found `0.0.0.0:53` \
         behind a scheme\n",
    );
    // Flags take the place of the file's list, and need the file's certificate.
    let flags = Overrides {
        listen: vec!["tls://127.0.0.1:0".parse().unwrap()],
        ..Overrides::default()
    };
    let read = |text| Config::read(Path::new("config.yaml"), text, base(), &flags).unwrap();
    assert!(matches!(
        read(pair).certificate,
        Some(CertificateConfig::Files(_))
    ));
    assert_eq!(read("").certificate, Some(CertificateConfig::Own));
}
