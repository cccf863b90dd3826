//! A network of a test's own: a namespace that nothing leaves, with loopback and a wire from itself to itself, so that
//! programs which want to be online find a link that is up. Made for one test and gone with it.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::quic::ip;

/// Runs a test in such a network; what it starts is there as well.
pub(crate) fn inside(test: fn()) {
    let lab = Lab::new();
    let space = File::open(format!("/run/netns/{}", lab.name)).expect("the namespace's file");
    // In a thread of its own: it stays there for good.
    let ran = std::thread::scope(|scope| {
        let there = || {
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("enter the namespace");
            test();
        };
        scope.spawn(there).join()
    });
    if let Err(panic) = ran {
        std::panic::resume_unwind(panic);
    }
}

struct Lab {
    name: String,
}

impl Lab {
    fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hearthdns-{}-{serial}-lab", std::process::id());
        let lab = Lab { name };
        let name = &lab.name;
        for line in [
            format!("netns add {name}"),
            format!("-n {name} link set lo up"),
            format!("-n {name} link add near type veth peer name far"),
            format!("-n {name} addr add 192.168.77.1/24 dev near"),
            format!("-n {name} link set near up"),
            format!("-n {name} link set far up"),
        ] {
            assert!(ip(&line), "ip {line}");
        }
        lab
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // With the namespace the wire goes.
        ip(&format!("netns del {}", self.name));
    }
}
