//! Zones that come and go, and the way back.

use super::*;

#[test]
fn a_zone_is_added_and_removed_and_brought_back() {
    let folders = Folders::new();
    let (mut store, _) = folders.start();
    let add = AddZone {
        zone: "Hearth.Example.".to_owned(),
        mode: Some("overlay".to_owned()),
        view: None,
    };
    let (change, _) = edit(|publish| store.add_zone(&add, NOW, publish));
    assert_eq!((change.serial, change.notes), (Some(1), Vec::new()));
    assert_eq!(
        folders.text(HEARTH),
        "; Zone hearth.example. One record a line: NAME [TTL] TYPE DATA.\n\
         ; SOA and NS are made where the file has none; TTLs are in seconds.\n$TTL 300\n; hearthdns: mode=overlay\n"
    );
    let error = refused(|publish| store.add_zone(&add, NOW, publish));
    assert_eq!(
        folders.plain(error),
        "the zone hearth.example. is there already, in `zones/hearth.example.zone`"
    );
    edit(|publish| store.add_record(&words("a", "A", "192.0.2.1"), NOW, publish));
    let text = folders.text(HEARTH);
    let (change, parts) = edit(|publish| store.remove_zone(&zone("hearth.example"), NOW, publish));
    assert_eq!(
        (change.serial, change.notes.as_slice()),
        (
            None,
            &["`dnsctl undo hearth.example` brings it back".to_owned()][..]
        )
    );
    assert_eq!(base(parts, "a.hearth.example"), "upstream");
    assert!(!folders.path(HEARTH).exists());
    let (_, loaded) = folders.start();
    assert_eq!((loaded.defects, loaded.parts.base.len()), (Vec::new(), 0));
    let (change, parts) = edit(|publish| back(store.undo(&undo("hearth.example"), NOW, publish)));
    assert_eq!(change.notes, ["the file had been gone and is back"]);
    assert_eq!(base(parts, "a.hearth.example"), "192.0.2.1");
    assert_eq!(folders.text(HEARTH), text);
}

#[test]
fn a_daemon_lets_go_of_a_zone_that_was_removed_beside_it() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    let (mut daemon, _) = folders.start();
    let (mut beside, _) = folders.start();
    edit(|publish| beside.remove_zone(&zone("hearth.example"), NOW, publish));
    let loaded = daemon.reload(NOW);
    assert_eq!(loaded.changed.len(), 1);
    assert_eq!((loaded.defects, loaded.parts.base.len()), (Vec::new(), 0));
}

#[test]
fn a_vanished_zone_can_be_removed_and_not_added_over() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    folders.start();
    fs::remove_file(folders.path(HEARTH)).unwrap();
    let (mut store, _) = folders.start();
    let add = AddZone {
        zone: "hearth.example".to_owned(),
        ..AddZone::default()
    };
    let error = refused(|publish| store.add_zone(&add, NOW, publish));
    assert!(
        error.to_string().contains("is known already, but its file"),
        "{error}"
    );
    let (_, parts) = edit(|publish| store.remove_zone(&zone("hearth.example"), NOW, publish));
    assert_eq!(base(parts, "a.hearth.example"), "upstream");
    let (_, loaded) = folders.start();
    assert_eq!((loaded.defects, loaded.parts.base.len()), (Vec::new(), 0));
}

#[test]
fn undo_walks_back_and_never_turns_a_serial_back() {
    let text = "@ SOA ns host (\n  7 ; serial\n  1 2 3 4 )\na A 192.0.2.1\n";
    let folders = Folders::with(&[(HEARTH, text)]);
    let (mut store, _) = folders.start();
    for last in 2..5 {
        edit(|publish| store.set_record(&words("a", "A", &format!("192.0.2.{last}")), NOW, publish));
    }
    assert_eq!(state_of(&store, 0), (State::Ok, 10));
    for (last, serial) in [(3, 11), (2, 12), (1, 13)] {
        let (change, parts) = edit(|publish| back(store.undo(&undo("hearth.example"), NOW, publish)));
        assert_eq!(change.serial, Some(serial));
        assert_eq!((change.added.len(), change.removed.len()), (1, 1));
        assert_eq!(base(parts, "a.hearth.example"), format!("192.0.2.{last}"));
    }
    let undone = text.replace("7 ;", "13 ;");
    assert_eq!(
        folders.text(HEARTH).split_whitespace().collect::<Vec<_>>(),
        undone.split_whitespace().collect::<Vec<_>>()
    );
    let error = refused(|publish| back(store.undo(&undo("hearth.example"), NOW, publish)));
    assert_eq!(
        error.to_string(),
        "the history of the zone hearth.example. holds no edit to undo"
    );
    let versions = history::list(&folders.state("history/hearth.example")).unwrap();
    assert!(
        versions
            .iter()
            .all(|version| version.before == history::Before::Undo)
    );
    assert_eq!(versions.len(), 3);
}

#[test]
fn undo_mends_a_file_that_a_hand_has_broken() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    let (mut store, _) = folders.start();
    edit(|publish| store.add_record(&words("b", "A", "192.0.2.2"), NOW, publish));
    folders.write(HEARTH, "a A 192.0.2.1\nb A 192.0.2.2\nc A\n");
    let (change, parts) = edit(|publish| back(store.undo(&undo("hearth.example"), NOW, publish)));
    assert_eq!(folders.text(HEARTH), "a A 192.0.2.1\n");
    assert_eq!(
        change.notes,
        ["the file on disk was broken; not everything that went may be listed here"]
    );
    assert_eq!(base(parts, "b.hearth.example"), "NXDOMAIN");
}

#[test]
fn history_is_bounded_by_versions_and_bytes_and_orders_without_a_clock() {
    let folders = Folders::new();
    let folder = folders.state("history/x");
    for time in [50, 40, 30, 20] {
        history::keep(&folder, b"text", (time, 1), history::Before::Edit, None, 3).unwrap();
    }
    let times =
        |folder: &Path| -> Vec<u64> { history::list(folder).unwrap().iter().map(|v| v.time).collect() };
    assert_eq!(times(&folder), [40, 30, 20]);
    let large = vec![b';'; usize::try_from(history::MAX_BYTES / 2).unwrap()];
    history::keep(&folder, &large, (10, 1), history::Before::Edit, None, 50).unwrap();
    assert_eq!(times(&folder).len(), 4);
    history::keep(&folder, &large, (9, 1), history::Before::Edit, None, 50).unwrap();
    assert_eq!(times(&folder), [10, 9]);
    history::keep(
        &folder,
        &[large.clone(), large].concat(),
        (8, 1),
        history::Before::Edit,
        None,
        50,
    )
    .unwrap();
    assert_eq!(times(&folder), [8]);
}
