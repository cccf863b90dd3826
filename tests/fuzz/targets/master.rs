//! Master files: any text is read, what is wrong is listed, and what is clean renders to a text that reads back
//! to the same records, and compiles.
#![no_main]

use hearthdns::message::Name;
use hearthdns::zone::{Record, Zone, master, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    // `$GENERATE` may make a million records of a few bytes. That is its bound, and slow here.
    if text
        .windows(9)
        .any(|window| window.eq_ignore_ascii_case(b"$generate"))
        && text.len() > 200
    {
        return;
    }
    let origin: Name = "hearth.example".parse().expect("a name");
    let mut include = |name: &str| match name {
        "self" => Ok(text.to_vec()),
        "host" => Ok(b"host A 192.0.2.1\n".to_vec()),
        _ => Err("there is no such file".to_owned()),
    };
    let file = master::parse("fuzz.zone", text, &origin, &mut include);
    assert!(file.defects.len() <= master::MAX_DEFECTS + 1);
    for defect in &file.defects {
        assert!(
            !defect.message.is_empty() && defect.line > 0 && defect.column > 0,
            "{defect:?}"
        );
    }
    if !file.defects.is_empty() {
        return;
    }
    let records: Vec<Record> = file.entries.iter().map(|entry| entry.record.clone()).collect();
    if records.len() > 10_000 {
        return;
    }
    let rendered = render::zone_text(&origin, &file.options, records.iter());
    let mut none = |name: &str| Err(format!("{name} was rendered"));
    let again = master::parse("rendered.zone", rendered.as_bytes(), &origin, &mut none);
    assert_eq!(again.defects, [], "in {rendered}");
    assert_eq!(again.options, file.options);
    assert!(
        again.entries.iter().map(|entry| &entry.record).eq(&records),
        "{rendered}"
    );
    let zone = Zone::compile(&origin, &file.options, &records, 1, 0);
    assert!(zone.soa().is_some());
});
