//! How guesses at invite codes are slowed down. A code has 40 bits, so that a person can type it; what makes that
//! enough is that few wrong ones are heard: from one client, and from all together.
//!
//! With every place of [`super::MAX_INVITES`] taken, guessing without a pause for a day finds one with a probability
//! of one in 150,000.

use std::net::{IpAddr, Ipv6Addr};

/// Wrong codes from one client until no more are heard in this span of time. An IPv6 client is a network of 64 bits.
pub const MISSES_OF_ONE: u32 = 10;
/// Wrong codes from all clients until no more are heard in this span of time.
pub const MISSES_OF_ALL: u32 = 200;
/// The span in seconds.
pub const SPAN: u32 = 600;

/// Counts wrong codes. It remembers no more clients than wrong codes of all are heard.
#[derive(Debug, Default)]
pub struct Guard {
    /// When the span began, in seconds of the caller.
    begun: u32,
    misses: Vec<(IpAddr, u32)>,
    all: u32,
}

/// No code is heard from this client for so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub u32);

impl Guard {
    /// Whether a code of this client is heard now.
    ///
    /// # Errors
    /// For how long it is not.
    pub fn hears(&mut self, client: IpAddr, now: u32) -> Result<(), Wait> {
        let age = now.saturating_sub(self.begun);
        if age >= SPAN {
            *self = Guard {
                begun: now,
                ..Guard::default()
            };
            return Ok(());
        }
        let key = key_of(client);
        let own = self.misses.iter().find(|(client, _)| *client == key);
        if self.all >= MISSES_OF_ALL || own.is_some_and(|(_, count)| *count >= MISSES_OF_ONE) {
            return Err(Wait(SPAN - age));
        }
        Ok(())
    }

    /// Notes that a code that was heard is wrong.
    pub fn missed(&mut self, client: IpAddr) {
        let key = key_of(client);
        self.all += 1;
        match self.misses.iter_mut().find(|(client, _)| *client == key) {
            Some((_, count)) => *count += 1,
            None => self.misses.push((key, 1)),
        }
    }
}

/// One client: an IPv4 address, or the network that an IPv6 host chooses its addresses from.
fn key_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(addr) => {
            let network = u128::from(addr) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(network))
        }
        addr @ IpAddr::V4(_) => addr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_client_gets_a_few_guesses_and_another_its_own() {
        let mut guard = Guard::default();
        for _ in 0..MISSES_OF_ONE {
            assert_eq!(guard.hears(ip("2001:db8::1"), 5), Ok(()));
            guard.missed(ip("2001:db8::1"));
        }
        assert_eq!(guard.hears(ip("2001:db8::ffff:1"), 15), Err(Wait(SPAN - 15)));
        assert_eq!(guard.hears(ip("2001:db8:0:1::1"), 15), Ok(()));
        assert_eq!(guard.hears(ip("192.0.2.1"), 15), Ok(()));
        assert_eq!(guard.hears(ip("2001:db8::1"), SPAN), Ok(()));
    }

    #[test]
    fn all_together_get_a_bounded_number_and_no_more_is_remembered() {
        let mut guard = Guard::default();
        let mut heard = 0;
        for n in 0..100_000u32 {
            let client = IpAddr::from(n.to_be_bytes());
            if guard.hears(client, 1).is_ok() {
                heard += 1;
                guard.missed(client);
            }
        }
        assert_eq!(heard, MISSES_OF_ALL);
        assert_eq!(guard.misses.len(), MISSES_OF_ALL as usize);
        assert_eq!(guard.hears(ip("203.0.113.1"), SPAN - 1), Err(Wait(1)));
        assert_eq!(guard.hears(ip("203.0.113.1"), SPAN), Ok(()));
        assert!(guard.misses.is_empty());
    }

    #[test]
    fn an_ipv4_client_is_the_same_in_ipv6_form() {
        let mut guard = Guard::default();
        (0..MISSES_OF_ONE).for_each(|_| guard.missed(ip("::ffff:192.0.2.1")));
        assert!(guard.hears(ip("192.0.2.1"), 1).is_err());
        assert!(guard.hears(ip("::ffff:192.0.2.2"), 1).is_ok());
    }
}
