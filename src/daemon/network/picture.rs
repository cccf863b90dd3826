//! What is known of the network: enough to tell a change from a repetition.
//!
//! Every message of the kernel is laid over the picture; where the picture was so already, nothing changed. That
//! is how an address whose lifetime is renewed every few minutes costs no connection.

use std::collections::BTreeSet;
use std::fmt;

use super::netlink::{Address, Route, Told};
use crate::config::limits;

/// Items of each kind at most. What does not fit is not watched.
const ITEMS: usize = limits::NETWORK_ITEMS.default_usize();

/// Why the network counts as another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    Address,
    Route,
    Link,
    /// The kernel had more to tell than we took; anything may have changed.
    Lost,
}

/// All that changed at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Causes(pub(super) BTreeSet<Cause>);

impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, cause) in self.0.iter().enumerate() {
            f.write_str(if at > 0 { ", " } else { "" })?;
            f.write_str(match cause {
                Cause::Address => "address",
                Cause::Route => "default route",
                Cause::Link => "link",
                Cause::Lost => "too much at once",
            })?;
        }
        Ok(())
    }
}

/// Links that are up, addresses and default routes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Picture {
    up: BTreeSet<u32>,
    addresses: BTreeSet<Address>,
    routes: BTreeSet<Route>,
}

impl Picture {
    /// Lays a message over it; what that changed, if it matters.
    pub(super) fn apply(&mut self, told: Told) -> Option<Cause> {
        match told {
            Told::Link { link, is_up: true } => {
                let is_new = insert(&mut self.up, link);
                (is_new && self.carries(link)).then_some(Cause::Link)
            }
            Told::Link { link, is_up: false } | Told::LinkGone(link) => {
                let was_up = self.up.remove(&link);
                (was_up && self.carries(link)).then_some(Cause::Link)
            }
            Told::Address(address) => insert(&mut self.addresses, address).then_some(Cause::Address),
            Told::AddressGone(address) => self.addresses.remove(&address).then_some(Cause::Address),
            Told::Route(route) => insert(&mut self.routes, route).then_some(Cause::Route),
            Told::RouteGone(route) => {
                // Also one that we did not know: its next hops may be told with other flags than when it came.
                self.routes.remove(&route);
                Some(Cause::Route)
            }
            Told::Lost => Some(Cause::Lost),
            Told::End | Told::Refused(_) | Told::Unclear => None,
        }
    }

    /// What is different in another picture, if it matters.
    pub(super) fn differences(&self, other: &Picture) -> Causes {
        let mut causes = BTreeSet::new();
        if self.addresses != other.addresses {
            causes.insert(Cause::Address);
        }
        if self.routes != other.routes {
            causes.insert(Cause::Route);
        }
        let used = |picture: &Picture| -> BTreeSet<u32> {
            let carries = |link: &&u32| self.carries(**link) || other.carries(**link);
            picture.up.iter().filter(carries).copied().collect()
        };
        if used(self) != used(other) {
            causes.insert(Cause::Link);
        }
        Causes(causes)
    }

    /// Whether anything of ours goes over a link. A port of a bridge, where somebody plugs in a laptop, carries
    /// nothing of ours by itself.
    fn carries(&self, link: u32) -> bool {
        self.addresses.iter().any(|address| address.link == link)
            || self.routes.iter().any(|route| route.link == Some(link))
    }
}

/// Whether it was not there before and found a place.
fn insert<T: Ord>(set: &mut BTreeSet<T>, item: T) -> bool {
    (set.len() < ITEMS || set.contains(&item)) && set.insert(item)
}

#[cfg(test)]
mod tests {
    use super::super::netlink::{fixtures, read};
    use super::*;

    const NEW_LINK: u16 = 16;
    const NEW_ADDR: u16 = 20;
    const DEL_ADDR: u16 = 21;
    const NEW_ROUTE: u16 = 24;
    const DEL_ROUTE: u16 = 25;
    const UP: u32 = 0x41;

    fn causes(picture: &mut Picture, bytes: &[u8]) -> Vec<Cause> {
        read(bytes).filter_map(|told| picture.apply(told)).collect()
    }

    fn address(kind: u16, link: u32, lifetime: u32) -> Vec<u8> {
        fixtures::address(kind, "192.0.2.9", 0, link, 0, lifetime)
    }

    fn route(kind: u16, gateway: &str) -> Vec<u8> {
        fixtures::route(kind, 0, gateway, 3, 254, 1)
    }

    /// A house with one way out.
    fn house() -> Picture {
        let mut picture = Picture::default();
        let bytes = [
            fixtures::link(NEW_LINK, 0, 3, UP),
            address(NEW_ADDR, 3, 600),
            route(NEW_ROUTE, "192.0.2.1"),
        ];
        causes(&mut picture, &bytes.concat());
        picture
    }

    #[test]
    fn what_was_so_already_is_no_change() {
        let mut picture = house();
        for bytes in [
            fixtures::link(NEW_LINK, 0, 3, UP | 0x1000),
            // A router advertisement renews it.
            address(NEW_ADDR, 3, 1200),
            route(NEW_ROUTE, "192.0.2.1"),
        ] {
            assert_eq!(causes(&mut picture, &bytes), []);
        }
        assert_eq!(picture, house());
    }

    #[test]
    fn what_comes_or_goes_is_a_change_also_when_it_comes_back() {
        let mut picture = house();
        for (bytes, cause) in [
            (address(DEL_ADDR, 3, 600), Cause::Address),
            (address(NEW_ADDR, 3, 600), Cause::Address),
            (address(NEW_ADDR, 4, 600), Cause::Address),
            (route(DEL_ROUTE, "192.0.2.1"), Cause::Route),
            (route(NEW_ROUTE, "192.0.2.2"), Cause::Route),
            (fixtures::link(NEW_LINK, 0, 3, 1), Cause::Link),
            (fixtures::link(NEW_LINK, 0, 3, UP), Cause::Link),
            (fixtures::link(17, 0, 3, 0), Cause::Link),
            (fixtures::message(4, &[]), Cause::Lost),
        ] {
            assert_eq!(causes(&mut picture, &bytes), [cause]);
        }
    }

    #[test]
    fn a_link_that_carries_nothing_of_ours_does_not_matter() {
        let mut picture = house();
        for flags in [1, UP, 0, UP] {
            assert_eq!(causes(&mut picture, &fixtures::link(NEW_LINK, 0, 9, flags)), []);
        }
        assert_eq!(house().differences(&picture), Causes::default());
    }

    #[test]
    fn a_look_at_the_whole_tells_what_was_not_told_one_by_one() {
        let mut other = house();
        assert_eq!(house().differences(&other), Causes::default());
        causes(&mut other, &route(DEL_ROUTE, "192.0.2.1"));
        causes(&mut other, &fixtures::link(NEW_LINK, 0, 3, 1));
        let found = house().differences(&other);
        assert_eq!(found.to_string(), "default route, link");
        assert_eq!(
            house().differences(&Picture::default()).to_string(),
            "address, default route, link"
        );
    }

    #[test]
    fn the_picture_is_bounded() {
        let mut picture = Picture::default();
        for link in 2..(ITEMS as u32 * 2) {
            let bytes = [
                fixtures::link(NEW_LINK, 0, link, UP),
                address(NEW_ADDR, link, 600),
                fixtures::route(NEW_ROUTE, 0, "192.0.2.1", link, 254, 1),
            ];
            causes(&mut picture, &bytes.concat());
        }
        assert_eq!(
            (picture.up.len(), picture.addresses.len(), picture.routes.len()),
            (ITEMS, ITEMS, ITEMS)
        );
    }
}
