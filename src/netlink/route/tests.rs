//! Lists as a kernel wrote them, messages as one would write them, and what is wrong with others.

use super::*;
use crate::netlink::fixtures::{attribute, message};
use crate::netlink::u16_at;

const NUMBER: u32 = 7;
/// NLM_F_MULTI: more follows, or the end of the list.
const MULTI: u16 = 2;
const MOST: usize = 1 << 16;

/// The body of a message about an address.
fn body(family: u8, prefix: u8, link: u32, parts: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![family, prefix, 0x80, 0];
    body.extend_from_slice(&link.to_ne_bytes());
    for (kind, value) in parts {
        attribute(&mut body, *kind, value);
    }
    body
}

fn link_body(family: u8, link: u32, flags: u32) -> Vec<u8> {
    let mut body = vec![family, 0, 1, 0];
    for part in [link, flags, 0] {
        body.extend_from_slice(&part.to_ne_bytes());
    }
    body
}

fn of(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    message(kind, MULTI | flags, NUMBER, body)
}

fn texts(addresses: &[Address]) -> Vec<String> {
    let text = |address: &Address| {
        let Address { link, ip, prefix, .. } = address;
        format!("{ip}/{prefix} of {link}")
    };
    addresses.iter().map(text).collect()
}

/// What one datagram makes of a list, and that list.
fn take(datagram: &[u8]) -> (Result<bool, Obstacle>, Listing) {
    let mut listing = Listing::new(NUMBER, MOST);
    (listing.take(datagram), listing)
}

#[test]
fn requests_are_whole_messages() {
    for (list, kind, len) in [
        (List::Links, 18, 32),
        (List::Addresses, 22, 24),
        (List::Routes, 26, 28),
    ] {
        let request = list.request(NUMBER);
        assert_eq!(request.len(), len);
        assert_eq!(u32_at(&request, 0), Some(len as u32));
        assert_eq!(
            (u16_at(&request, 4), u16_at(&request, 6), u32_at(&request, 8)),
            (Some(kind), Some(0x301), Some(NUMBER))
        );
    }
}

/// Of a host with a cable, one end of which has a subnet of the house, a subnet of a peer and one of IPv6, and with a line
/// to a provider, which has one address of each family, and nobody at the other end.
#[cfg(target_endian = "little")]
mod captured {
    use super::*;

    const ADDRESSES: &[u8] = include_bytes!("../../../tests/fuzz/seeds/netlink/addresses-of-a-router");
    const LINKS: &[u8] = include_bytes!("../../../tests/fuzz/seeds/netlink/links-of-a-router");
    /// The number of the requests that were answered so.
    const NUMBER: u32 = 1;

    #[test]
    fn a_host_is_read_as_it_is() {
        for step in [1, usize::MAX] {
            let mut listing = Listing::new(NUMBER, MOST);
            for list in [ADDRESSES, LINKS] {
                let mut rest = list;
                while !rest.is_empty() {
                    // One message at a time, or all.
                    let len = (u32_at(rest, 0).unwrap() as usize).saturating_mul(step);
                    let (datagram, tail) = rest.split_at(len.min(rest.len()));
                    assert_eq!(listing.take(datagram), Ok(tail.is_empty()));
                    rest = tail;
                }
            }
            assert_eq!(
                texts(&listing.addresses),
                [
                    "127.0.0.1/8 of 1",
                    "192.168.1.1/24 of 3",
                    "10.1.0.1/16 of 3",
                    "203.0.113.7/32 of 4",
                    "::1/128 of 1",
                    "fe80::bc70:9eff:fe0e:396c/64 of 2",
                    "fd00::1/64 of 3",
                    "fe80::5c69:82ff:fe42:e4b6/64 of 3",
                    "2001:db8::1/128 of 4",
                ]
            );
            assert_eq!(Vec::from_iter(listing.running), [1, 2, 3]);
            assert!(!listing.is_torn);
        }
    }

    #[test]
    fn what_is_cut_off_is_never_whole() {
        for list in [ADDRESSES, LINKS] {
            let ends: Vec<usize> = messages(list)
                .scan(0, |at, message| {
                    *at += HEAD + message.unwrap().body.len();
                    Some(*at)
                })
                .collect();
            assert_eq!(ends.last(), Some(&list.len()));
            for len in 0..list.len() {
                let whole = ends.iter().filter(|end| **end <= len).count();
                let told = if len == 0 || ends.contains(&len) {
                    Ok(false)
                } else {
                    Err(Obstacle::Damaged(whole + 1))
                };
                let mut listing = Listing::new(NUMBER, MOST);
                assert_eq!(listing.take(&list[..len]), told, "{len} bytes");
            }
        }
    }

    #[test]
    fn changed_bytes_never_panic_and_bring_no_more_than_there_is() {
        // A small generator of our own: the same bytes every time.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize % bound
        };
        for _ in 0..20_000 {
            let mut bytes = ADDRESSES.to_vec();
            for _ in 0..=random(6) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = random(256) as u8,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, random(256) as u8),
                }
            }
            let mut listing = Listing::new(NUMBER, MOST);
            let _ = listing.take(&bytes);
            assert!(listing.addresses.len() <= bytes.len() / 32);
        }
    }
}

#[test]
fn ours_is_the_address_that_is_not_the_peer_s() {
    let (ours, peer) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let wide = [[0x20; 16], [0x21; 16]];
    for (family, prefix, parts, expected) in [
        (IPV4, 32, &[(1, &peer[..]), (2, &ours)][..], "10.0.0.1/32"),
        (IPV4, 24, &[(2, &ours), (1, &peer)], "10.0.0.1/24"),
        (IPV4, 0, &[(2, &ours)], "10.0.0.1/0"),
        (IPV4, 8, &[(1, &ours), (3, b"lan0:0\0")], "10.0.0.1/8"),
        (
            IPV6,
            128,
            &[(1, &wide[1]), (2, &wide[0])],
            "2020:2020:2020:2020:2020:2020:2020:2020/128",
        ),
        (
            IPV6,
            64,
            &[(1, &wide[1]), (6, &[0xff; 16])],
            "2121:2121:2121:2121:2121:2121:2121:2121/64",
        ),
    ] {
        let read = address(&body(family, prefix, 3, parts)).unwrap().unwrap();
        assert_eq!(texts(&[read]), [format!("{expected} of 3")]);
        assert_eq!((read.flags, read.scope), (0x80, 0));
    }
    let flags = 0x1_0040_u32.to_ne_bytes();
    let tentative = address(&body(IPV4, 8, 3, &[(1, &ours), (8, &flags)]));
    assert_eq!(tentative.unwrap().unwrap().flags, 0x1_0040);
}

#[test]
fn what_is_no_address_is_refused_and_what_is_of_another_family_passed_over() {
    let four: &[u8] = &[10, 0, 0, 1];
    for (family, prefix, parts, what) in [
        (IPV4, 33, &[(1, four)][..], "a prefix that is too long"),
        (IPV6, 129, &[(1, &[0x20; 16][..])], "one of IPv6 that is too long"),
        (IPV4, 24, &[], "no address"),
        (IPV4, 24, &[(3, b"lan0\0")], "a name only"),
        (IPV4, 24, &[(1, &[0x20; 16])], "a long address of IPv4"),
        (IPV6, 64, &[(1, four)], "a short one of IPv6"),
        (IPV4, 24, &[(1, four), (2, &[10, 0, 0])], "ours is cut off"),
        (IPV4, 24, &[(1, four), (8, &[0x80, 0])], "flags are cut off"),
    ] {
        assert_eq!(address(&body(family, prefix, 3, parts)), Err(Unclear), "{what}");
    }
    let whole = body(IPV4, 24, 3, &[(1, four), (2, four)]);
    for len in 0..whole.len() {
        // Without a second address the first is ours.
        let told = address(&whole[..len]).map(|found| texts(found.as_slice()));
        let expected = if len == 16 {
            Ok(vec!["10.0.0.1/24 of 3".to_owned()])
        } else {
            Err(Unclear)
        };
        assert_eq!(told, expected, "{len} bytes");
    }
    // AF_MCTP, which has addresses of one byte.
    assert_eq!(address(&body(45, 8, 3, &[(1, &[8])])), Ok(None));
    assert_eq!(link(&link_body(7, 3, RUNNING)), Ok(None));
    assert_eq!(link(&link_body(0, 3, RUNNING)[..11]), Err(Unclear));
}

#[test]
fn a_list_is_what_answers_our_request_up_to_its_end() {
    let four = |last| body(IPV4, 24, 3, &[(1, &[10, 0, 0, last])]);
    let done = of(DONE, 0, &[0; 4]);
    let stranger = message(NEW_ADDR, MULTI | TORN, NUMBER - 1, &four(9));
    let others_end = message(DONE, MULTI, NUMBER + 1, &[0; 4]);
    let acknowledged = of(ERROR, 0, &[0; 20]);
    let nothing = of(1, 0, &[]);
    let (told, listing) = take(
        &[
            stranger,
            others_end,
            acknowledged,
            nothing,
            of(NEW_ADDR, 0, &four(1)),
            of(NEW_LINK, 0, &link_body(0, 4, RUNNING)),
            of(NEW_LINK, 0, &link_body(0, 5, !RUNNING)),
            of(NEW_LINK, 0, &link_body(7, 6, RUNNING)),
            done.clone(),
            of(NEW_ADDR, TORN, &four(2)),
        ]
        .concat(),
    );
    assert_eq!(told, Ok(true));
    assert_eq!(texts(&listing.addresses), ["10.0.0.1/24 of 3"]);
    assert_eq!(Vec::from_iter(listing.running), [4]);
    assert!(!listing.is_torn);
    // Wherever it says that it changed.
    for (first, last) in [(TORN, 0), (0, TORN)] {
        let (told, listing) = take(&[of(NEW_ADDR, first, &four(1)), of(DONE, last, &[0; 4])].concat());
        assert_eq!((told, listing.is_torn), (Ok(true), true));
    }
}

#[test]
fn what_is_no_list_is_refused_with_a_reason() {
    let four = of(NEW_ADDR, 0, &body(IPV4, 24, 3, &[(1, &[10, 0, 0, 1])]));
    let refused = [&(-1_i32).to_ne_bytes()[..], &[0; 16]].concat();
    let mut cut = of(NEW_ADDR, 0, &[IPV4, 24, 0, 0]);
    cut.extend_from_slice(&of(DONE, 0, &[0; 4]));
    let unreadable = "message 2 of the kernel's list cannot be read";
    let lost = "the kernel has lost a part of its list";
    let forbidden = "Operation not permitted (os error 1)";
    for (second, obstacle, words) in [
        (of(ERROR, 0, &refused), Obstacle::Refused(1), forbidden),
        // What was listed before is not all.
        (of(DONE, 0, &refused[..4]), Obstacle::Refused(1), forbidden),
        (of(OVERRUN, 0, &[]), Obstacle::Lost, lost),
        (of(ERROR, 0, &[0; 3]), Obstacle::Damaged(2), unreadable),
        (of(DONE, 0, &[]), Obstacle::Damaged(2), unreadable),
        (of(NEW_LINK, 0, &[0; 8]), Obstacle::Damaged(2), unreadable),
        (cut, Obstacle::Damaged(2), unreadable),
        (vec![0; 20], Obstacle::Damaged(2), unreadable),
    ] {
        let (told, _) = take(&[&four[..], &second].concat());
        assert_eq!(told, Err(obstacle), "{words}");
        assert_eq!(io::Error::from(obstacle).to_string(), words);
    }
    let mut listing = Listing::new(NUMBER, 2 * four.len() + 1);
    assert_eq!(listing.take(&four), Ok(false));
    assert_eq!(listing.take(&four), Ok(false));
    assert_eq!(listing.take(&[]), Ok(false));
    assert_eq!(listing.take(&[]), Err(Obstacle::TooLong));
    assert_eq!(listing.take(&four), Err(Obstacle::TooLong));
    let words = io::Error::from(Obstacle::TooLong).to_string();
    assert_eq!(words, "the kernel's list is too long");
}
