//! What the kernel says over netlink: any bytes are read, as far as they can be; a list of addresses holds no more than fits, and
//! is the same in one piece or in many; of a set no more is believed than one length of its keys; and what we say to it, whatever the addresses, is read back as whole messages with an element for each of them.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use hearthdns::config::limits::NFTSET_ADDRESSES;
use hearthdns::config::nftset::NftSet;
use hearthdns::netlink::route::{Listing, Obstacle};
use hearthdns::netlink::{HEAD, Message, attributes, messages, u32_at};
use hearthdns::nftset::netlink::{Said, add, ask, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut taken = 0;
    let mut is_over = false;
    for message in messages(bytes) {
        assert!(!is_over, "something follows what cannot be read");
        match message {
            Ok(Message { body, .. }) => {
                taken += HEAD + body.len();
                let values: usize = attributes(body).map(|(_, value)| 4 + value.len()).sum();
                assert!(values <= body.len());
            }
            Err(_) => is_over = true,
        }
    }
    assert!(taken <= bytes.len());
    assert!(read(bytes).count() <= bytes.len() / HEAD);
    for said in read(bytes) {
        if let Said::Set(facts) = said {
            let fits = [4, 16].map(|len| facts.obstacle(len, true).is_none());
            assert!(fits != [true, true]);
            assert!(fits == [false, false] || facts.has_timeout());
        }
    }
    listed(bytes);
    said_to_it(bytes);
});

/// Takes the input for the answer to the request that its first message names.
fn listed(bytes: &[u8]) {
    let number = u32_at(bytes, 8).unwrap_or(0);
    let mut whole = Listing::new(number, bytes.len().max(1));
    let told = whole.take(bytes);
    assert!(told != Err(Obstacle::TooLong));
    // A head, a body and an attribute with an address; a head and a body.
    assert!(whole.addresses.len() <= bytes.len() / 32);
    assert!(whole.running.len() <= bytes.len() / 28);
    for address in &whole.addresses {
        assert!(address.prefix <= if address.ip.is_ipv4() { 32 } else { 128 });
    }
    let mut parts = Listing::new(number, bytes.len().max(1));
    let mut rest = bytes;
    let mut told_last = Ok(false);
    while !rest.is_empty() && told_last == Ok(false) {
        let len = u32_at(rest, 0).unwrap_or(u32::MAX) as usize;
        let next = len.checked_next_multiple_of(4).unwrap_or(len);
        let (datagram, tail) = rest.split_at(next.clamp(1, rest.len()));
        told_last = parts.take(datagram);
        rest = tail;
    }
    assert_eq!(told, told_last);
    assert_eq!(whole.addresses, parts.addresses);
    assert_eq!((whole.running, whole.is_torn), (parts.running, parts.is_torn));
    assert!(Listing::new(number, 0).take(bytes) == Err(Obstacle::TooLong));
}

/// Takes the input for addresses with their times.
fn said_to_it(bytes: &[u8]) {
    let set: NftSet = "inet fw4 vpn".parse().expect("a set");
    let addresses: Vec<(IpAddr, Option<Duration>)> = bytes
        .chunks(9)
        .take(NFTSET_ADDRESSES.default_usize())
        .map(|chunk| {
            let mut wide = [0; 16];
            wide[..chunk.len()].copy_from_slice(chunk);
            let time = Duration::from_millis(u64::from_be_bytes(*wide[1..].first_chunk().expect("eight")));
            let ip = match chunk[0] % 2 {
                0 => IpAddr::V4(Ipv4Addr::from(*wide.first_chunk::<4>().expect("four"))),
                _ => IpAddr::V6(Ipv6Addr::from(wide)),
            };
            (ip, (chunk[0] % 4 != 0).then_some(time))
        })
        .collect();
    for renew in [false, true] {
        let number = u32::MAX - 2;
        let (said, last) = add(&set, &addresses, renew, number);
        let whole: Vec<Message<'_>> = messages(&said).map(|one| one.expect("ours")).collect();
        assert_eq!(whole.len(), if renew { 5 } else { 3 });
        assert_eq!(whole[whole.len() - 2].number, last);
        for (at, message) in whole.iter().enumerate() {
            assert_eq!(message.number, number.wrapping_add(at as u32));
        }
        for message in &whole[1..whole.len() - 1] {
            let parts: Vec<(u16, &[u8])> = attributes(&message.body[4..]).collect();
            let [(1, b"fw4\0"), (2, b"vpn\0"), (3, elements)] = parts[..] else {
                panic!("{parts:?}")
            };
            assert_eq!(attributes(elements).count(), addresses.len());
        }
    }
    assert!(messages(&ask(&set, 7)).all(|one| one.is_ok_and(|one| one.number == 7)));
}
