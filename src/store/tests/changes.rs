//! Records that come and go, and the names they are called by.

use super::*;

#[test]
fn an_added_record_is_in_the_file_the_copy_the_history_and_published() {
    let text = "; my zone\n$TTL 300\n\na\tA\t192.0.2.1 ; the first\nb A 192.0.2.2\n";
    let folders = Folders::with(&[(HEARTH, text)]);
    let (mut store, _) = folders.start();
    let mut record = words("a", "A", "192.0.2.9");
    record.comment = Some("moved".to_owned());
    let (change, parts) = edit(|publish| store.add_record(&record, NOW, publish));
    assert_eq!(change.serial, Some(2));
    assert_eq!(change.added[0].1, 5);
    assert_eq!(change.notes, Vec::<String>::new());
    assert_eq!(base(parts, "a.hearth.example"), "192.0.2.1 192.0.2.9");
    let now = folders.text(HEARTH);
    let line = now.lines().nth(4).unwrap();
    assert!(line.ends_with("192.0.2.9 ; moved"), "{line}");
    assert_eq!(now.replace(&format!("{line}\n"), ""), text);
    assert_eq!(
        fs::read_to_string(folders.state("history/hearth.example/00000001-1800000000-1.edit")).unwrap(),
        text
    );
    // After a restart with the file gone, the new record is there still.
    fs::remove_file(folders.path(HEARTH)).unwrap();
    let (_, loaded) = folders.start();
    assert_eq!(base(loaded.parts, "a.hearth.example"), "192.0.2.1 192.0.2.9");
}

#[test]
fn what_would_break_the_zone_is_refused_before_anything_is_written() {
    let folders = Folders::with(&[(HEARTH, "a 300 A 192.0.2.1\n_m._tcp SRV 1 1 8448 a\n")]);
    let (mut store, _) = folders.start();
    let text = folders.text(HEARTH);
    let mut long = words("a", "A", "192.0.2.2");
    long.ttl = Some(600);
    let cases = [
        (words("a", "CNAME", "b.example."), "it would break the zone: "),
        (words("a", "A", "192.0.2.1"), "`a A 192.0.2.1` stands at "),
        (
            words("_n._tcp", "SRV", "1 1 8448 nowhere"),
            "it would break the zone: ",
        ),
        (
            long,
            "the other A records of `a.hearth.example.` have TTL 300, and the TTLs of one set must not differ",
        ),
    ];
    for (record, start) in cases {
        let error = refused(|publish| store.add_record(&record, NOW, publish));
        assert!(matches!(error, StoreError::Refused(..)), "{error:?}");
        assert!(error.to_string().starts_with(start), "{error}");
    }
    let bad = [
        (words("a", "A", "192.0.2"), "the A data `192.0.2` is not valid: "),
        (
            words("w", "CNAME", "a.hearth.example"),
            "`a.hearth.example` lacks its closing dot, and would be a.hearth.example.hearth.example.; write `a.hearth.example.`",
        ),
        (
            words("w", "MX", "10 Hearth.Example"),
            "`hearth.example` lacks its closing dot",
        ),
        (
            words("t", "TXT", &"x".repeat(600)),
            "the TXT data `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...` is not valid: ",
        ),
        (
            words("a", "IPV4", "192.0.2.1"),
            "`IPV4` is no record type; an IPv4 address has the type A",
        ),
        (
            words("a", "192.0.2.1", "A"),
            "`192.0.2.1` is no record type; the type stands before the data: NAME TYPE RDATA",
        ),
        (
            words("a..b", "A", "192.0.2.1"),
            "the name `a..b` is not valid: the name has an empty label",
        ),
        (
            RecordWords {
                expires: Some("soon".to_owned()),
                ..words("a", "A", "192.0.2.7")
            },
            "`soon` is no time to expire; ",
        ),
        (
            RecordWords {
                expires: Some("2020-01-01".to_owned()),
                ..words("a", "A", "192.0.2.7")
            },
            "`2020-01-01` is past",
        ),
    ];
    for (record, start) in bad {
        let error = refused(|publish| store.add_record(&record, NOW, publish));
        assert!(matches!(error, StoreError::BadWord(_)), "{error:?}");
        assert!(error.to_string().starts_with(start), "{error}");
    }
    assert_eq!(folders.text(HEARTH), text);
    assert!(!folders.state("history").exists());
    assert_eq!(state_of(&store, 0), (State::Ok, 1));
}

#[test]
fn rfc2181_s5_2_a_record_joins_the_ttl_of_its_set() {
    let folders = Folders::with(&[(HEARTH, "$TTL 300\na 60 A 192.0.2.1\nb A 192.0.2.2\n")]);
    let (mut store, _) = folders.start();
    let (change, _) = edit(|publish| store.add_record(&words("a", "A", "192.0.2.3"), NOW, publish));
    assert_eq!(change.added[0].0.ttl, 60);
    let (change, _) = edit(|publish| store.add_record(&words("b", "A", "192.0.2.4"), NOW, publish));
    assert_eq!(change.added[0].0.ttl, 300);
}

#[test]
fn an_edit_of_a_broken_file_is_refused_with_its_defects() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    let (mut store, _) = folders.start();
    folders.write(HEARTH, "a A 192.0.2.1\nb A x\nc A y\n");
    let error = refused(|publish| store.add_record(&words("d", "A", "192.0.2.4"), NOW, publish));
    let StoreError::Refused(message, defects) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        folders.plain(message),
        "the file `zones/hearth.example.zone` is broken as it is on disk; mend it, or go back to the version before the \
         last edit with `dnsctl undo hearth.example`"
    );
    assert_eq!(
        defects.iter().map(|defect| defect.line).collect::<Vec<_>>(),
        [2, 3]
    );
    fs::remove_file(folders.path(HEARTH)).unwrap();
    let error = refused(|publish| store.add_record(&words("d", "A", "192.0.2.4"), NOW, publish));
    assert!(
        error
            .to_string()
            .starts_with("the file of the zone hearth.example. is gone; put it back"),
        "{error}"
    );
}

#[test]
fn a_hand_edited_file_is_taken_as_it_is_and_that_is_said() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    let (mut store, _) = folders.start();
    folders.write(HEARTH, "a A 192.0.2.1\nhand A 192.0.2.5\n");
    let (change, parts) = edit(|publish| store.add_record(&words("b", "A", "192.0.2.2"), NOW, publish));
    assert_eq!(
        change.notes,
        ["the file had been changed by hand since it was loaded; those changes are live now too"]
    );
    assert_eq!(base(parts, "hand.hearth.example"), "192.0.2.5");
    let (change, _) = edit(|publish| store.add_record(&words("c", "A", "192.0.2.3"), NOW, publish));
    assert_eq!(change.notes, Vec::<String>::new());
}

#[test]
fn another_ones_lock_is_waited_for_and_then_named() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    let (mut store, _) = folders.start();
    let lock = Lock::take(&folders.path(""), Duration::ZERO).unwrap();
    let begun = Instant::now();
    let error = refused(|publish| store.add_record(&words("b", "A", "192.0.2.2"), NOW, publish));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(
        matches!(&error, StoreError::Locked(path, _) if path.ends_with(LOCK_NAME)),
        "{error}"
    );
    assert!(
        error.to_string().contains(".lock` for 0 seconds; try again"),
        "{error}"
    );
    let waiting = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        drop(lock);
    });
    edit(|publish| store.add_record(&words("b", "A", "192.0.2.2"), NOW, publish));
    waiting.join().unwrap();
}

#[test]
fn leftovers_of_a_crash_are_swept_and_harmless() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n"), ("vpn/x.example.zone", "")]).with_view("vpn");
    folders.write(".hearthdns-77-0.new", "half a zo");
    folders.write("vpn/.hearthdns-77-1.new", "half a zo");
    folders.write(".hearthdns-notes", "mine");
    let (_, loaded) = folders.start();
    assert_eq!(loaded.defects, []);
    assert!(!folders.path(".hearthdns-77-0.new").exists());
    assert!(!folders.path("vpn/.hearthdns-77-1.new").exists());
    assert!(folders.path(".hearthdns-notes").exists());
}

#[test]
fn a_linked_file_is_edited_at_its_target_and_keeps_its_mode() {
    let folders = Folders::new();
    let target = folders.root.join("real.txt");
    fs::write(&target, "a A 192.0.2.1\n").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("../real.txt", folders.path(HEARTH)).unwrap();
    let (mut store, _) = folders.start();
    let (change, _) = edit(|publish| store.set_record(&words("a", "A", "192.0.2.2"), NOW, publish));
    assert_eq!(change.file, folders.path(HEARTH));
    assert_eq!(fs::read_to_string(&target).unwrap(), "a A 192.0.2.2\n");
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(folders.path(HEARTH)).unwrap().is_symlink());
    assert_eq!(fs::read_dir(&folders.root).unwrap().count(), 3);
}

#[test]
fn what_cannot_be_kept_in_the_history_is_not_done() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    let (mut store, _) = folders.start();
    fs::write(folders.state("history"), "in the way").unwrap();
    let error = refused(|publish| store.add_record(&words("b", "A", "192.0.2.2"), NOW, publish));
    assert!(
        folders
            .plain(&error)
            .starts_with("cannot read the history `state/history/hearth.example`"),
        "{error}"
    );
    assert_eq!(folders.text(HEARTH), "a A 192.0.2.1\n");
}

#[test]
fn removing_says_what_is_there_instead() {
    let folders = Folders::with(&[(HEARTH, "matrix A 192.0.2.1\nmatrix A 192.0.2.2\nmatrix TXT hi\n")]);
    let (mut store, _) = folders.start();
    let remove = |name: &str, rtype: Option<&str>, rdata: &[&str]| RemoveRecord {
        name: name.to_owned(),
        rtype: rtype.map(str::to_owned),
        rdata: rdata.iter().map(|word| (*word).to_owned()).collect(),
        ..RemoveRecord::default()
    };
    let cases = [
        (
            remove("matrx", None, &[]),
            "`matrx.hearth.example.` has no record in `zones/hearth.example.zone`; did you mean `matrix.hearth.example.`?",
        ),
        (
            remove("matrix", Some("AAAA"), &[]),
            "`matrix.hearth.example.` has no AAAA record in `zones/hearth.example.zone`; it has A, TXT",
        ),
        (
            remove("matrix", Some("A"), &["192.0.2.3"]),
            "`matrix.hearth.example.` has no A record with this data in `zones/hearth.example.zone`; it has `192.0.2.1`, `192.0.2.2`",
        ),
    ];
    for (words, message) in cases {
        let error = refused(|publish| store.remove_record(&words, NOW, publish));
        assert_eq!(folders.plain(error), message);
    }
    let (change, _) =
        edit(|publish| store.remove_record(&remove("matrix", Some("a"), &["192.0.2.2"]), NOW, publish));
    assert_eq!((change.removed.len(), change.serial), (1, Some(2)));
    let (change, parts) = edit(|publish| store.remove_record(&remove("matrix", None, &[]), NOW, publish));
    assert_eq!(change.removed.len(), 2);
    assert_eq!(base(parts, "matrix.hearth.example"), "NXDOMAIN");
}

#[test]
fn only_what_has_expired_leaves() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    let (mut store, _) = folders.start();
    let guest = RecordWords {
        expires: Some("2h".to_owned()),
        ..words("guest", "A", "192.0.2.2")
    };
    edit(|publish| store.add_record(&guest, NOW, publish));
    assert_eq!(store.next_expiry(), Some(NOW + 7200));
    assert!(store.expire(NOW + 7199).is_none());
    let parts = store.expire(NOW + 7200).unwrap();
    assert_eq!(base(parts, "guest.hearth.example"), "NXDOMAIN");
    assert_eq!(store.next_expiry(), None);
    // The line stays in the file, and the serial where it was: the file has not changed.
    assert!(folders.text(HEARTH).contains("guest"));
    assert_eq!(state_of(&store, 0), (State::Ok, 2));
}

#[test]
fn names_are_absolute_where_they_can_be_and_relative_otherwise() {
    let folders = Folders::with(&[
        ("hearth.example.zone", ""),
        ("sub.hearth.example.zone", ""),
        ("vpn/hearth.example.zone", ""),
    ])
    .with_view("vpn");
    let (store, _) = folders.start();
    let read = |name: &str, zone: Option<&str>, view: Option<&str>| match store.resolve(name, zone, view) {
        Ok((key, name)) => format!("{name} in {key}"),
        Err(error) => error.to_string(),
    };
    assert_eq!(
        read("matrix.hearth.example", None, None),
        "matrix.hearth.example. in hearth.example."
    );
    assert_eq!(
        read("a.sub.hearth.example.", None, None),
        "a.sub.hearth.example. in sub.hearth.example."
    );
    assert_eq!(
        read("SUB.hearth.example", None, None),
        "SUB.hearth.example. in sub.hearth.example."
    );
    assert_eq!(
        read("matrix", Some("hearth.example"), None),
        "matrix.hearth.example. in hearth.example."
    );
    assert_eq!(
        read("@", Some("sub.hearth.example."), None),
        "sub.hearth.example. in sub.hearth.example."
    );
    assert_eq!(
        read("sub", Some("hearth.example"), None),
        "sub.hearth.example. in hearth.example."
    );
    assert_eq!(
        read("matrix", None, Some("vpn")),
        "matrix.hearth.example. in hearth.example. (view vpn)"
    );
    assert_eq!(
        read("*.x\\.", Some("hearth.example"), None),
        "*.x\\..hearth.example. in hearth.example."
    );
    assert_eq!(
        read("matrix", None, None),
        "`matrix` could lie in any of these zones: hearth.example, sub.hearth.example; write the whole name \
         (`matrix.hearth.example`), or say which with --zone hearth.example"
    );
    assert_eq!(
        read("matrix.hearth.example", Some("sub.hearth.example"), None),
        "`matrix.hearth.example.` does not lie in the zone sub.hearth.example."
    );
    assert_eq!(
        read("x.elsewhere.", None, None),
        "no zone contains `x.elsewhere.` (there are: hearth.example, sub.hearth.example); leave out the closing dot if \
         the name is relative to a zone, or add its zone with `dnsctl add-zone`"
    );
    assert_eq!(
        read("x", Some("herth.example"), None),
        "there is no zone herth.example.; did you mean `hearth.example`? (there are: hearth.example, \
         sub.hearth.example); add it with `dnsctl add-zone herth.example`, or reload if its file is new"
    );
    assert_eq!(
        read("x", None, Some("vnp")),
        "there is no view `vnp`; did you mean `vpn`? (there are: vpn)"
    );
    let empty = Folders::new();
    let (store, _) = empty.start();
    let error = store.resolve("x", None, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no zone yet; add one with `dnsctl add-zone DOMAIN`"
    );
}

#[test]
fn a_zone_name_cannot_lead_out_of_the_folder() {
    let folders = Folders::new();
    let (mut store, _) = folders.start();
    let add = |zone: &str| AddZone {
        zone: zone.to_owned(),
        ..AddZone::default()
    };
    let error = refused(|publish| store.add_zone(&add("../../etc"), NOW, publish));
    assert!(matches!(error, StoreError::BadWord(_)), "{error}");
    // A slash is a fair character in a label (RFC 2317) and none in a file name.
    let (change, _) = edit(|publish| store.add_zone(&add("0/25.2.0.192.in-addr.arpa"), NOW, publish));
    assert_eq!(change.file, folders.path("0\\04725.2.0.192.in-addr.arpa.zone"));
    assert!(
        refused(|publish| store.add_zone(&add("."), NOW, publish))
            .to_string()
            .contains("the root")
    );
    let (_, loaded) = folders.start();
    assert_eq!(loaded.defects, []);
}
