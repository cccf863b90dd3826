//! A file of UCI: any bytes are read or refused with a place, what is read is exported to the same, and is translated to a
//! configuration that its own check takes, or to defects that say something.
#![no_main]

use hearthdns::config::openwrt::record::Record;
use hearthdns::config::openwrt::{self, Mode, Situation};
use hearthdns::uci::{self, Package};
use libfuzzer_sys::fuzz_target;

/// What a package says, without the places.
fn said(package: &Package) -> Vec<u8> {
    package.export("x")
}

fuzz_target!(|bytes: &[u8]| {
    let package = match uci::parse(bytes) {
        Ok(package) => package,
        Err(error) => {
            assert!(error.place.line > 0 && !error.message.is_empty(), "{error:?}");
            return;
        }
    };
    let again = uci::parse(&said(&package)).expect("what was exported is read");
    assert_eq!(said(&package), said(&again));
    let record = Record::read(bytes).expect("what is UCI is a record");
    assert_eq!(Record::read(&record.write()).as_ref(), Ok(&record));
    for mode in Mode::ALL {
        let now = Situation {
            mode,
            has_ipv6: true,
            has_ntp: true,
            provider: "/var/resolv.conf.d/resolv.conf.auto".into(),
        };
        if let Err(defects) = openwrt::translate("hearthdns", &package, None, &now) {
            assert!(defects.iter().all(|defect| !defect.message.is_empty()));
            assert!(!defects.is_empty());
        }
    }
});
