//! Whose handshake is computed next: one at a time on each thread, and then a rest.
//!
//! Most of a handshake's cost is one computation, the signature and the key exchange, which nothing can interrupt: a
//! fraction of a millisecond on a desktop, tens on a small router with an RSA key. A crowd of clients that say hello
//! would have a thread do nothing else. So a computation waits for its turn, first come first served, and the thread
//! rests from handshakes as long as the last one took: half of its time is for connections that are open. Only the
//! computation has the turn and never the client's part of a handshake, so one that dawdles delays nobody.

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::config::limits;

/// Percent of the time that handshakes may have.
const SHARE: u32 = limits::HANDSHAKE_SHARE.default as u32;

/// The turns of one thread.
#[derive(Default)]
pub struct Turns {
    /// Before this moment nothing is computed. None yet.
    free: Mutex<Option<Instant>>,
}

impl Turns {
    /// Does this when it is its turn. May be given up while waiting.
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    pub(super) async fn take<T>(&self, compute: impl FnOnce() -> T) -> T {
        let mut free = self.free.lock().await;
        if let Some(free) = *free {
            sleep_until(free).await;
        }
        let begun = Instant::now();
        let result = compute();
        let end = Instant::now();
        *free = Some(end + (end - begun) * (100 - SHARE) / SHARE);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_in_the_order_in_which_they_came() {
        let turns = Turns::default();
        let order = RefCell::new(Vec::new());
        let one = |n: u32| {
            let (turns, order) = (&turns, &order);
            async move { turns.take(|| order.borrow_mut().push(n)).await }
        };
        tokio::join!(one(1), one(2), one(3));
        assert_eq!(*order.borrow(), [1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_turn_to_the_next() {
        let turns = Turns::default();
        *turns.free.lock().await = Some(Instant::now() + Duration::from_secs(60));
        let gone = tokio::time::timeout(Duration::from_secs(1), turns.take(|| ())).await;
        assert!(gone.is_err());
        let start = Instant::now();
        turns.take(|| ()).await;
        // The rest of the last one was waited for, and no more.
        let waited = start.elapsed();
        assert!(waited >= Duration::from_secs(59) && waited < Duration::from_secs(60));
    }

    #[tokio::test]
    async fn the_rest_is_as_long_as_the_computation() {
        let turns = Turns::default();
        let start = Instant::now();
        let took = turns
            .take(|| {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_millis(3) {}
                begun.elapsed()
            })
            .await;
        assert!(turns.free.lock().await.unwrap() >= start + took * 2);
    }
}
