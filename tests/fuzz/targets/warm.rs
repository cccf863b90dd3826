//! The cache's file: any bytes are read or refused; what of them is taken into a cache reads as a message to its
//! question, and goes out again as it came in.
#![no_main]

use hearthdns::cache::{Cache, CacheKey};
use hearthdns::message::Incoming;
use hearthdns::warm;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = warm::read(bytes, 7, 1000);
    // The rest is behind the checksum: make it right.
    let file = warm::frame(bytes, 7, 1000);
    let contents = warm::read(&file, 7, 1010).expect("a frame that was just made");
    let mut cache = Cache::new(1 << 20, 86_400);
    let taken = contents.entries().filter(|kept| cache.import(kept, 5)).count();
    assert_eq!(cache.fill().entries, taken);
    let listed: Vec<_> = cache.list(5).collect();
    assert_eq!(listed.len(), taken);
    for one in listed {
        let key = CacheKey {
            name: one.name.as_ref(),
            rtype: one.rtype,
            route: one.route,
            dnssec_ok: one.dnssec_ok,
            checking_disabled: one.checking_disabled,
        };
        let hit = cache.get(&key, 5).expect("what is listed is found");
        let message = hit.message.unpack(key.name, key.rtype);
        assert!(Incoming::parse(&message).is_ok());
    }
    let mut again = Vec::new();
    cache.export(5).for_each(|kept| kept.write(&mut again));
    let file = warm::frame(&again, 7, 1010);
    let contents = warm::read(&file, 7, 1010).expect("a frame that was just made");
    let mut next = Cache::new(1 << 20, 86_400);
    assert_eq!(
        contents.entries().filter(|kept| next.import(kept, 5)).count(),
        taken
    );
});
