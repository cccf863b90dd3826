//! Files that other programs write, or devices through them: whatever they hold, names come out that lie in the LAN domain,
//! in bounds, each once, and never this server's own.
#![no_main]

use std::sync::Arc;

use hearthdns::lan::names::Author;
use hearthdns::lan::{MAX_NAMES, MAX_REFUSED, Rules, Told, collect, dhcp, hosts, lease};
use hearthdns::message::Name;
use hearthdns::zone::Lan;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let domain: Name = "lan".parse().expect("a name");
    let own: Name = "dns.lan".parse().expect("a name");
    let (leases, people) = (lease::parse(bytes), hosts::parse(bytes));
    let (mut ethers, faults) = hosts::parse_ethers(bytes);
    let (settings, macs) = dhcp::parse(bytes);
    assert!(settings.faults.len() <= MAX_REFUSED);
    ethers.extend(macs);
    assert!(faults.len() <= MAX_REFUSED && leases.faults.len() <= MAX_REFUSED);
    let told = |author, entries| Told {
        file: Arc::from("file"),
        author,
        entries,
    };
    let files = [
        told(Author::Device, &leases.entries[..]),
        told(Author::Person, &people.entries[..]),
        told(Author::Person, &settings.entries[..]),
    ];
    let rules = Rules {
        domain: &domain,
        own: Some(&own),
    };
    let names = collect(rules, &files, &ethers, 1_700_000_000);
    assert!(names.names.len() <= MAX_NAMES && names.refused.len() <= MAX_REFUSED);
    for name in &names.names {
        let its = name.name.as_ref();
        assert!(its.is_at_or_below(domain.as_ref()) && name.name != domain);
        assert!(!its.is_at_or_below(own.as_ref()));
        assert!(name.until.is_none_or(|until| until > 1_700_000_000));
        assert!(name.name.to_string().is_ascii());
    }
    let mut zones = Vec::new();
    let lan = Lan {
        domain,
        records: names.records(),
    };
    lan.lay_under(&mut zones, &[]);
});
