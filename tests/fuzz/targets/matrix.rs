//! Values of the option `matrix=`, and zones of every kind under the linter. What a value says is written back as the same; the
//! linter ends, within its bound, and says nothing that a terminal would take for a command.
#![no_main]

use hearthdns::matrix::lint::{self, MAX_FINDINGS, Sight};
use hearthdns::matrix::texts::{self, Part};
use hearthdns::matrix::{mark, set};
use hearthdns::message::Name;
use hearthdns::zone::check::Item;
use hearthdns::zone::master;
use hearthdns::zone::record::replaces;
use libfuzzer_sys::fuzz_target;

fn value(text: &str) {
    let Ok(read) = mark::read(text) else { return };
    let written = mark::write(&read);
    assert_eq!(
        mark::read(&written).as_ref(),
        Ok(&read),
        "{text} became {written}"
    );
    for part in Part::ALL {
        if let Some(text) = texts::text(&read, part) {
            assert!(text.ends_with('\n'));
            assert!(
                text.chars()
                    .all(|letter| letter == '\n' || letter == '\t' || !letter.is_control())
            );
        }
    }
    let origin = set::bare(&read.server.host);
    let origin: Name = origin.parse().expect("a name");
    for planned in read.records(origin.as_ref(), None) {
        assert!(planned.owner.as_ref().is_at_or_below(origin.as_ref()));
    }
}

/// A base zone and, behind a NUL, a view's.
fn zone(text: &[u8]) {
    let origin: Name = "hearth.example".parse().expect("a name");
    let read = |file: &str, text: &[u8]| master::parse(file, text, &origin, &mut |_| Err(String::new()));
    let mut files = text.splitn(2, |byte| *byte == 0);
    let base = read("base.zone", files.next().unwrap_or_default());
    let view = read("view.zone", files.next().unwrap_or_default());
    let below: Vec<Item<'_>> = base.entries.iter().map(Item::from).collect();
    let above: Vec<Item<'_>> = view.entries.iter().map(Item::from).collect();
    let is_seen = |item: &&Item<'_>| {
        above.iter().all(|other| {
            other.record.owner != item.record.owner || !replaces(other.record.rtype, item.record.rtype)
        })
    };
    let laid = below.iter().filter(is_seen).chain(&above).copied().collect();
    let sights = [
        Sight {
            view: None,
            options: base.options.clone(),
            items: below.clone(),
        },
        Sight {
            view: Some("view"),
            options: base.options.clone(),
            items: laid,
        },
    ];
    let findings = lint::lint(&origin, &base.file, &sights);
    assert!(findings.len() <= MAX_FINDINGS);
    for finding in &findings {
        assert!(
            !finding.message.chars().any(char::is_control),
            "{:?}",
            finding.message
        );
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        value(text);
    }
    zone(bytes);
});
