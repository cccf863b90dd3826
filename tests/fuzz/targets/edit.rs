//! Edits of master files: whatever the text and the edit, the result reads without a defect, holds exactly the
//! records that it should, and no line is lost but those of removed records.
#![no_main]

use hearthdns::message::{Name, Rtype};
use hearthdns::zone::edit::{self, NewRecord};
use hearthdns::zone::{Record, master, rdata};
use libfuzzer_sys::fuzz_target;

// Four bytes choose the edit, the rest is the file: so that seeds can be written by hand.
fuzz_target!(|input: &[u8]| {
    let [operation, owner, which, options, text @ ..] = input else {
        return;
    };
    let (operation, owner, which) = (*operation, *owner, *which);
    let ttl = (options & 1 == 1).then_some(u32::from(which));
    let comment = (options & 2 == 2).then(|| format!("comment {which}"));
    if text
        .windows(9)
        .any(|window| window.eq_ignore_ascii_case(b"$generate"))
    {
        return;
    }
    let origin: Name = "hearth.example".parse().expect("a name");
    let mut none = |name: &str| Err(format!("there is no file {name}"));
    let file = master::parse("fuzz.zone", text, &origin, &mut none);
    if !file.defects.is_empty() {
        return;
    }
    // Owners that are likely to meet those in the text, among them the records' own.
    let own: Vec<&Record> = file.entries.iter().map(|entry| &entry.record).collect();
    let owner = match own.get(usize::from(owner)) {
        Some(record) => record.owner.clone(),
        None => Name::parse(
            ["@", "a", "*.b", "new"][usize::from(owner) % 4],
            Some(origin.as_ref()),
        )
        .expect("a name"),
    };
    let (rtype, data) = match which % 4 {
        0 => (Rtype::A, vec![192, 0, 2, which]),
        1 => (Rtype::TXT, vec![3, b'"', b';', which]),
        2 => (Rtype::CNAME, origin.as_wire().to_vec()),
        _ => (Rtype(65280), vec![which]),
    };
    assert!(rdata::validate(rtype, &data).is_ok());
    let new = NewRecord {
        owner: owner.clone(),
        ttl,
        rtype,
        rdata: data.into(),
        comment,
        expires: (which == 7).then_some(4_000_000_000),
    };
    let edited = match operation % 3 {
        0 => edit::add(&file, text, &new),
        1 => edit::set(&file, text, &new),
        _ => edit::remove(&file, text, &owner, (which > 9).then_some(rtype), None),
    };
    let Ok(edited) = edited else { return };
    let after = master::parse("edited.zone", &edited.text, &origin, &mut none);
    assert_eq!(after.defects, []);
    let mut expected: Vec<Record> = own.into_iter().cloned().collect();
    for (gone, _) in &edited.removed {
        let at = expected
            .iter()
            .position(|record| record == gone)
            .expect("what was removed was there");
        expected.swap_remove(at);
    }
    expected.extend(edited.added.iter().map(|(record, _)| record.clone()));
    let mut found: Vec<Record> = after.entries.iter().map(|entry| entry.record.clone()).collect();
    let order = |record: &Record| {
        (
            record.owner.to_string(),
            record.rtype,
            record.rdata.clone(),
            record.ttl,
        )
    };
    // The SOA's serial counts up with the edit.
    for records in [&mut expected, &mut found] {
        records.retain(|record| record.rtype != Rtype::SOA);
        records.sort_by_key(order);
    }
    assert_eq!(found, expected);
});
