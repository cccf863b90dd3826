//! Certificates over weeks and years on a virtual clock: when they are ordered anew, with how much patience, and what
//! the authority has to say of that (RFC 9773).

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::super::{House, Orders, orders, suggestion};
use super::world::*;
use crate::zone::master::civil::CLOCK_FLOOR;

const DAY: u64 = 24 * HOUR;
/// Certificates of the tests are good for so long.
const LIFE: u64 = 9 * DAY;
/// From one to the next: two thirds of that, and it has begun an hour before it came.
const TERM: u64 = 6 * DAY - HOUR;
/// How much later it may be: it is looked each minute, and an order takes a while.
const SLACK: u64 = 300;

impl World {
    fn of_years(name: &str) -> Self {
        let world = World::new(name, &["dns-01"]);
        *world.life.borrow_mut() = Some(LIFE);
        world
    }

    /// Orders as a daemon does that is started now and killed after this time.
    async fn pass(&self, seconds: u64) -> orders::Standing {
        let orders = Orders::new(&config(hook()), names(), self.folder.clone());
        let ended = timeout(Duration::from_secs(seconds), orders.tend(self)).await;
        assert!(ended.is_err());
        orders.standing()
    }

    fn set_clock(&self, now: u64) {
        *self.clock.borrow_mut() = (now, Instant::now());
    }

    /// When requests to this path and below it came, by the clock of this host.
    fn times_of(&self, path: &str) -> Vec<u64> {
        let times = self.times.borrow();
        let found = times.iter().filter(|(_, asked)| asked.starts_with(path));
        found.map(|(time, _)| *time).collect()
    }

    /// When a new order was asked for.
    fn tries(&self) -> Vec<u64> {
        let times = self.times.borrow();
        let found = times.iter().filter(|(_, asked)| asked == "/order");
        found.map(|(time, _)| *time).collect()
    }

    fn shown_name(&self) -> Option<String> {
        self.shown.borrow().as_deref().and_then(suggestion::identifier)
    }
}

/// How far each time lies behind the one before.
fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[track_caller]
fn assert_within(value: u64, from: u64, until: u64) {
    assert!(
        (from..=until).contains(&value),
        "{value}: expected {from} to {until}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_ordered_anew_when_two_thirds_of_its_life_are_over() {
    let world = World::of_years("term");
    let standing = world.pass(14 * DAY).await;
    assert_eq!(standing, orders::Standing::default());
    let taken = world.taken.borrow().clone();
    assert_eq!(taken.len(), 3, "{taken:?}");
    assert_within(taken[0], NOW, NOW + SLACK);
    for gap in gaps(&taken) {
        assert_within(gap, TERM, TERM + SLACK);
    }
    // A start does not order what is not due, and what fell due meanwhile is ordered at the next.
    world.pass(HOUR).await;
    assert_eq!(world.taken.borrow().len(), 3);
    world.set_clock(taken[2] + TERM + 2 * DAY);
    world.pass(HOUR).await;
    assert_eq!(world.taken.borrow().len(), 4);
    assert_eq!((*world.orders.borrow(), *world.accounts.borrow()), (4, 1));
    // It has no renewalInfo, so it is not told what an order follows on (RFC 9773, 5).
    assert_eq!(*world.replaced.borrow(), [None, None, None, None]);
}

#[tokio::test(start_paused = true)]
async fn failures_are_followed_by_patience_that_outlives_a_restart() {
    let world = World::of_years("patience-of-years");
    world.pass(HOUR).await;
    world.refuse("/order", 500, "serverInternal", "not today", None);
    let before = world.tries().len();
    let standing = world.pass(TERM + 3 * DAY).await;
    let tries: Vec<u64> = world.tries().split_off(before);
    assert_within(tries[0], world.taken.borrow()[0] + TERM, NOW + TERM + SLACK);
    let waits = gaps(&tries);
    // Three times as long after each, by a quarter longer by chance, and looked at each minute.
    for (wait, least) in waits.iter().zip([600, 1800, 5400, 16_200, 48_600, 86_400]) {
        assert_within(*wait, least, least + least / 4 + 60 + SLACK);
    }
    assert!((5..=7).contains(&waits.len()), "{waits:?}");
    assert_eq!(
        standing.trouble.as_deref(),
        Some("https://ca.example/order: HTTP 500: not today (serverInternal)")
    );
    assert_within(standing.next.unwrap(), world.now(), world.now() + 110_000);
    // Started again and again, it leaves the authority alone all the same.
    let asked = world.tries().len();
    for _ in 0..20 {
        let again = world.pass(60).await;
        assert_eq!(again.next, standing.next);
    }
    assert_eq!(world.tries().len(), asked);
    // What was wrong is mended: the next try is the last, and nothing of it is told any more.
    world.faults.borrow_mut().refusals.clear();
    let healed = world.pass(2 * DAY).await;
    assert_eq!(healed, orders::Standing::default());
    assert_eq!(world.taken.borrow().len(), 2);
    // The next failure is a first one again.
    world.refuse("/order", 429, "rateLimited", "too many", Some(7200));
    let asked = world.tries().len();
    world.pass(TERM + DAY).await;
    let tries = world.tries().split_off(asked);
    // The authority asks for two hours, and gets them.
    assert_within(gaps(&tries)[0], 7200, 7200 + SLACK);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_not_set_orders_nothing_and_one_that_is_put_right_does() {
    let world = World::of_years("unset");
    for stands in [0, CLOCK_FLOOR - 30 * DAY] {
        world.set_clock(stands);
        let standing = world.pass(20 * HOUR).await;
        assert_eq!(
            standing.trouble,
            Some(super::super::super::plan::WAITS_FOR_CLOCK.to_owned())
        );
        assert_eq!(standing.next, None);
    }
    assert!(world.log.borrow().is_empty(), "{:?}", world.log.borrow());
    // It is put right while the daemon runs.
    let orders = Orders::new(&config(hook()), names(), world.folder.clone());
    let course = async {
        sleep(Duration::from_secs(600)).await;
        assert!(orders.standing().trouble.is_some());
        world.set_clock(NOW);
        sleep(Duration::from_secs(600)).await;
    };
    tokio::select! {
        () = orders.tend(&world) => {}
        () = course => {}
    }
    assert_eq!(orders.standing(), orders::Standing::default());
    assert_eq!(world.taken.borrow().len(), 1);
    // The next start is one without a clock again: what is there stays in use, and nobody is asked for anything.
    let (shown, asked) = (world.shown_name(), world.log.borrow().len());
    world.set_clock(0);
    assert_eq!(world.pass(10 * DAY).await, orders::Standing::default());
    assert_eq!((world.shown_name(), world.log.borrow().len()), (shown, asked));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_ahead_for_a_while_costs_no_certificate_and_no_patience() {
    let world = World::of_years("ahead");
    world.pass(HOUR).await;
    let shown = world.shown_name();
    // The authority's own clock is right, so what it signs is over by ours.
    world.faults.borrow_mut().chain = Some("nothing".to_owned());
    world.set_clock(NOW + 20 * 365 * DAY);
    let standing = world.pass(DAY).await;
    assert!(standing.next.unwrap() > NOW + 19 * 365 * DAY);
    assert_eq!(world.shown_name(), shown);
    // Put right, there is nothing to do, and what was noted twenty years ahead binds nobody.
    world.faults.borrow_mut().chain = None;
    world.set_clock(NOW + 2 * DAY);
    world.pass(HOUR).await;
    assert_eq!((world.shown_name(), world.taken.borrow().len()), (shown, 1));
    world.set_clock(NOW + TERM);
    world.pass(HOUR).await;
    assert_eq!(world.taken.borrow().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rfc9773_s4_2_the_authority_s_window_decides_when() {
    for (name, window) in [("early", (2 * DAY, 3 * DAY)), ("late", (7 * DAY, 8 * DAY))] {
        let world = World::of_years(name);
        *world.suggests.borrow_mut() = Some((window.0, window.1, Some(4 * HOUR)));
        world.pass(20 * DAY).await;
        let taken = world.taken.borrow().clone();
        let from = |at: u64| at - HOUR;
        for pair in taken.windows(2) {
            assert_within(
                pair[1],
                from(pair[0]) + window.0,
                from(pair[0]) + window.1 + 2 * SLACK,
            );
        }
        assert!((3..=11).contains(&taken.len()), "{taken:?}");
        // Not all at the same moment of the window.
        let terms = gaps(&taken);
        assert!(
            terms.iter().max().unwrap() - terms.iter().min().unwrap() > 60,
            "{terms:?}"
        );
        // Each order but the first says which certificate it follows on (RFC 9773, 5).
        let replaced = world.replaced.borrow();
        assert_eq!(replaced[0], None);
        assert!(replaced[1..].iter().all(Option::is_some), "{replaced:?}");
        let mut distinct = replaced.clone();
        distinct.dedup();
        assert_eq!(distinct.len(), replaced.len());
        assert_eq!(world.memory().certificate, world.shown_name());
    }
}

#[tokio::test(start_paused = true)]
async fn rfc9773_s4_3_it_is_asked_as_often_as_the_authority_wants_within_bounds() {
    for (name, again, expected) in [
        ("again", Some(4 * HOUR), 4 * HOUR),
        ("unsaid", None, 6 * HOUR),
        ("eager", Some(0), 60),
        ("idle", Some(u64::MAX), DAY),
    ] {
        let world = World::of_years(name);
        // Within the first day of a certificate nobody asks.
        *world.suggests.borrow_mut() = Some((7 * DAY, 8 * DAY, again));
        world.pass(DAY - HOUR).await;
        assert_eq!(world.times_of("/renewal/"), [0u64; 0]);
        world.pass(2 * DAY).await;
        let asked = world.times_of("/renewal/");
        assert_within(asked[0], NOW + DAY, NOW + DAY + 2 * SLACK);
        for gap in gaps(&asked) {
            assert_within(gap, expected, expected + 61);
        }
        assert!(asked.len() >= 2, "{asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_always_says_now_gets_one_order_a_day() {
    let world = World::of_years("always");
    *world.suggests.borrow_mut() = Some((0, 1, Some(60)));
    world.pass(5 * DAY + HOUR).await;
    let taken = world.taken.borrow().clone();
    assert_eq!(taken.len(), 6, "{taken:?}");
    for gap in gaps(&taken) {
        assert_within(gap, DAY, DAY + SLACK);
    }
    // Orders that it then refuses are followed by the patience of all failures.
    world.refuse("/order", 500, "serverInternal", "no", None);
    let asked = world.tries().len();
    world.pass(2 * DAY).await;
    assert!(world.tries().len() - asked <= 6);
}

#[tokio::test(start_paused = true)]
async fn where_no_suggestion_can_be_had_the_rule_is_ours() {
    for (name, fault, looks) in [
        // Each of two requests, in five days: quick looks at first, then every six hours.
        ("down", Some((503, json!({"detail": "down"}))), 20..=24),
        ("gone", Some((404, json!({"detail": "what?"}))), 18..=20),
        (
            "odd",
            Some((200, json!({"suggestedWindow": {"start": "soon", "end": "later"}}))),
            18..=20,
        ),
        ("none", None, 5..=5),
    ] {
        let world = World::of_years(name);
        *world.suggests.borrow_mut() = fault.as_ref().map(|_| (0, 1, None));
        if let Some((status, body)) = fault {
            let mut faults = world.faults.borrow_mut();
            faults.refusals.insert("/renewal", (status, body, None));
        }
        let standing = world.pass(7 * DAY).await;
        assert_eq!(standing, orders::Standing::default());
        let taken = world.taken.borrow().clone();
        assert_eq!(taken.len(), 2, "{name}: {taken:?}");
        assert_within(gaps(&taken)[0], TERM, TERM + SLACK);
        // Looks between the two orders, each of which asks for the directory once as well.
        let asked = world.times_of("/directory");
        let between = asked
            .iter()
            .filter(|time| **time > taken[0] && **time < taken[1] - SLACK);
        assert!(
            looks.contains(&between.clone().count()),
            "{name}: {:?}",
            between.count()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_that_cannot_be_followed_leaves_the_rule_to_us() {
    for (name, window) in [
        ("backwards", (3 * DAY, 2 * DAY)),
        ("empty", (3 * DAY, 3 * DAY)),
        ("behind", (5 * DAY, LIFE + 1)),
    ] {
        let world = World::of_years(name);
        *world.suggests.borrow_mut() = Some((window.0, window.1, Some(60)));
        world.pass(7 * DAY).await;
        let taken = world.taken.borrow().clone();
        assert_eq!(taken.len(), 2, "{name}: {taken:?}");
        assert_within(gaps(&taken)[0], TERM, TERM + SLACK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_suggestion_outlives_a_silence_and_a_restart() {
    let world = World::of_years("silence");
    *world.suggests.borrow_mut() = Some((3 * DAY, 4 * DAY, None));
    world.pass(2 * DAY).await;
    world.refuse("/directory", 503, "serverInternal", "down", None);
    let standing = world.pass(HOUR).await;
    let moment = standing.suggested.unwrap();
    assert_within(moment, NOW + 3 * DAY - HOUR, NOW + 4 * DAY);
    assert_eq!(standing.trouble, None);
    world.faults.borrow_mut().refusals.clear();
    world.pass(4 * DAY).await;
    let taken = world.taken.borrow().clone();
    assert_within(taken[1], moment, moment + SLACK);
}

#[tokio::test(start_paused = true)]
async fn rfc9773_s5_an_order_that_may_not_follow_on_another_is_made_without() {
    for (status, kind) in [(409, "alreadyReplaced"), (400, "malformed"), (404, "")] {
        let world = World::of_years("replaced");
        *world.suggests.borrow_mut() = Some((DAY, DAY + HOUR, None));
        world.pass(HOUR).await;
        *world.refuses_replacing.borrow_mut() = Some((status, kind));
        let standing = world.pass(DAY + 2 * HOUR).await;
        assert_eq!(standing.trouble, None, "{kind}");
        assert_eq!(world.taken.borrow().len(), 2, "{kind}");
        assert_eq!(world.tries().len(), 3, "{kind}");
        let replaced = world.replaced.borrow().clone();
        assert_eq!(replaced, [None, None], "{kind}");
    }
    // What has nothing to do with it is no reason to try twice.
    let world = World::of_years("limited");
    *world.suggests.borrow_mut() = Some((DAY, DAY + HOUR, None));
    world.pass(HOUR).await;
    *world.refuses_replacing.borrow_mut() = Some((429, "rateLimited"));
    world.pass(DAY - HOUR + 5 * 60).await;
    assert_eq!(world.tries().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_a_certificate_that_is_another_s_or_over_nobody_is_asked() {
    let world = World::of_years("another");
    *world.suggests.borrow_mut() = Some((0, 1, Some(60)));
    world.pass(HOUR).await;
    // One that somebody has put there.
    let key = super::super::super::issue::Key::generate().unwrap();
    let request = super::super::super::issue::request(&key, &names()).unwrap();
    let foreign = sign(&request, names(), Some((NOW, LIFE)));
    world.take(&foreign).unwrap();
    world.pass(3 * DAY).await;
    assert_eq!(world.times_of("/renewal/"), [0u64; 0]);
    // Nor does an order of its names follow on it.
    world.pass(3 * DAY).await;
    assert_eq!(*world.replaced.borrow(), [None, None]);

    let world = World::of_years("over-for-long");
    *world.suggests.borrow_mut() = Some((0, 1, Some(60)));
    world.pass(HOUR).await;
    world.refuse("/order", 500, "serverInternal", "no", None);
    world.set_clock(NOW + LIFE);
    world.pass(2 * DAY).await;
    assert_eq!(world.times_of("/renewal/"), [0u64; 0]);
}
