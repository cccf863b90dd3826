//! What a folder makes of zones, and what stays when it is broken or gone.

use super::*;

#[test]
fn files_make_zones_by_their_names_and_leftovers_do_not() {
    let folders = Folders::with(&[
        ("Hearth.Example.zone", "a A 192.0.2.1\n"),
        ("b.example.zone~", "broken"),
        (".b.example.zone.swp", "broken"),
        (".#c.example.zone", "broken"),
        ("README", "broken"),
        ("empty/readme", "no zones here"),
    ]);
    let (store, loaded) = folders.start();
    assert_eq!(folders.defects(&loaded.defects), Vec::<String>::new());
    assert_eq!(
        store.zones().map(|(key, _)| key.to_string()).collect::<Vec<_>>(),
        ["hearth.example."]
    );
    assert_eq!(loaded.parts.generation, 1);
    assert_eq!(base(loaded.parts, "a.hearth.example"), "192.0.2.1");
}

#[test]
fn file_names_that_name_no_zone_or_one_twice_are_defects() {
    let folders = Folders::with(&[
        ("a..b.zone", ""),
        ("X.example.zone", "a A 192.0.2.1\n"),
        ("x.example.zone", ""),
    ]);
    let (_, loaded) = folders.start();
    assert_eq!(
        folders.defects(&loaded.defects),
        [
            "zones/a..b.zone: the file name is no domain name: the name has an empty label (two dots in a row); \
             name it DOMAIN.zone, or end it otherwise to have it ignored",
            "zones/X.example.zone: it names the same zone as `zones/x.example.zone`; keep one of them",
        ]
    );
    assert_eq!(base(loaded.parts, "a.x.example"), "SERVFAIL");
}

#[test]
fn a_broken_file_keeps_the_running_version_and_is_closed_without_one() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n"), ("new.example.zone", "a A 192.0.2\n")]);
    let (mut store, loaded) = folders.start();
    let defects = folders.defects(&loaded.defects);
    assert!(
        defects.len() == 1 && defects[0].starts_with("zones/new.example.zone:1:5: "),
        "{defects:?}"
    );
    assert_eq!(base(loaded.parts, "a.new.example"), "SERVFAIL");
    assert_eq!(state_of(&store, 1).0, State::Closed);
    folders.write(HEARTH, "a A 192.0.2.1\nb A nonsense\nc A worse\n");
    let loaded = store.reload(NOW);
    assert_eq!(loaded.defects.len(), 3, "{:?}", loaded.defects);
    assert_eq!(state_of(&store, 0), (State::LastGood, 1));
    assert_eq!(base(loaded.parts, "a.hearth.example"), "192.0.2.1");
    folders.write(HEARTH, "a A 192.0.2.2\n");
    folders.write("new.example.zone", "a A 192.0.2.3\n");
    let loaded = store.reload(NOW);
    assert_eq!(loaded.changed.len(), 2);
    assert_eq!(
        (state_of(&store, 0), state_of(&store, 1)),
        ((State::Ok, 2), (State::Ok, 1))
    );
    assert_eq!(base(loaded.parts, "a.hearth.example"), "192.0.2.2");
}

#[test]
fn a_broken_file_keeps_the_remembered_version_after_a_restart() {
    let folders = Folders::with(&[(
        HEARTH,
        "; hearthdns: mode=overlay forward=_acme-challenge\n$TTL 77\n@ SOA ns hostmaster 42 1 2 3 4\n\
         a A 192.0.2.1\n* TXT \"a;b\" (\n \"c\" ) ; hearthdns: expires=2030-01-01\n",
    )]);
    let (before, _) = folders.start();
    let records = before.zones().next().unwrap().1.zone.records();
    folders.write(HEARTH, "a A\n");
    let (store, loaded) = folders.start();
    let held = store.zones().next().unwrap().1;
    assert_eq!(
        (held.state, held.zone.serial(), held.defects.len()),
        (State::LastGood, 42, 1)
    );
    assert_eq!(held.zone.records(), records);
    assert_eq!(
        held.zone.options(),
        before.zones().next().unwrap().1.zone.options()
    );
    assert_eq!(base(loaded.parts, "a.hearth.example"), "192.0.2.1");
}

#[test]
fn a_vanished_file_or_folder_is_a_defect_and_no_removal() {
    let folders = Folders::with(&[
        (HEARTH, "a A 192.0.2.1\n"),
        ("vpn/lan.example.zone", "b A 192.0.2.2\n"),
    ])
    .with_view("vpn");
    let (mut store, _) = folders.start();
    let gone = [
        "zones/hearth.example.zone: the file is gone; its zone is kept until `dnsctl remove-zone hearth.example`",
        "zones/vpn/lan.example.zone: the file is gone; its zone is kept until `dnsctl remove-zone lan.example --view vpn`",
    ];
    let unreadable = "zones: the zones folder cannot be read: No such file or directory (os error 2); zones that were known stay as they are";
    fs::remove_file(folders.path(HEARTH)).unwrap();
    fs::remove_dir_all(folders.path("vpn")).unwrap();
    let loaded = store.reload(NOW);
    assert_eq!(folders.defects(&loaded.defects), gone);
    assert_eq!(base(loaded.parts, "a.hearth.example"), "192.0.2.1");
    for _ in 0..2 {
        let (store, loaded) = folders.start();
        assert_eq!(folders.defects(&loaded.defects), gone);
        assert_eq!(state_of(&store, 1), (State::LastGood, 1));
        assert_eq!(ask(loaded.parts, "10.1.1.1", "b.lan.example"), "192.0.2.2");
    }
    fs::remove_dir_all(folders.path("")).unwrap();
    let (_, loaded) = folders.start();
    assert_eq!(folders.defects(&loaded.defects), [unreadable, gone[0], gone[1]]);
    assert_eq!(base(loaded.parts, "a.hearth.example"), "192.0.2.1");
}

#[test]
fn a_damaged_copy_is_told_and_closes_the_zone() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    folders.start();
    let copy = folders.state("zones/hearth.example.zone");
    let text = fs::read_to_string(&copy).unwrap();
    fs::remove_file(folders.path(HEARTH)).unwrap();
    let damages = [
        text.replace("192.0.2.1", "192.0.2.9"),
        text.replace("serial 1", "serial 2"),
        text[..20].to_owned(),
        String::new(),
    ];
    for damaged in damages {
        fs::write(&copy, &damaged).unwrap();
        let (_, loaded) = folders.start();
        assert_eq!(
            folders.defects(&loaded.defects),
            [
                "zones/hearth.example.zone: the file is gone; its zone is kept until `dnsctl remove-zone hearth.example`",
                "state/zones/hearth.example.zone: the remembered copy is damaged and cannot be used; the zone is closed until its file is mended",
            ]
        );
        assert_eq!(base(loaded.parts, "a.hearth.example"), "SERVFAIL");
    }
    folders.write(HEARTH, "a A 192.0.2.1\n");
    let (_, loaded) = folders.start();
    assert_eq!(loaded.defects, []);
    assert_eq!(fs::read_to_string(&copy).unwrap(), text);
}

#[test]
fn copies_are_written_only_where_the_content_changed() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\nb A 192.0.2.2\n")]);
    folders.start();
    let copy = folders.state("zones/hearth.example.zone");
    let inode = fs::metadata(&copy).unwrap().ino();
    // The same zone in other words: neither a new copy nor a new serial.
    folders.write(HEARTH, "; hello\nb 300 IN A 192.0.2.2\n\na A 192.0.2.1 ; there\n");
    let (mut store, _) = folders.start();
    assert_eq!(state_of(&store, 0), (State::Ok, 1));
    assert_eq!(fs::metadata(&copy).unwrap().ino(), inode);
    let loaded = store.reload(NOW);
    assert_eq!(loaded.changed, []);
    folders.write(HEARTH, "a A 192.0.2.1\n");
    let (store, _) = folders.start();
    assert_eq!(state_of(&store, 0), (State::Ok, 2));
    assert_ne!(fs::metadata(&copy).unwrap().ino(), inode);
    let text = fs::read_to_string(&copy).unwrap();
    assert!(
        text.starts_with("; hearthdns remembered copy 1\n; folder \""),
        "{text}"
    );
}

#[test]
fn copies_of_another_folder_raise_no_zone() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    folders.start();
    let mut other = Store::open(StoreSettings {
        zones: folders.root.join("other"),
        ..folders.settings()
    });
    fs::create_dir(folders.root.join("other")).unwrap();
    let loaded = other.load(NOW);
    assert_eq!((loaded.defects, loaded.parts.base.len()), (Vec::new(), 0));
    // By a link or a detour it is the same folder.
    symlink(folders.path(""), folders.root.join("link")).unwrap();
    fs::remove_file(folders.path(HEARTH)).unwrap();
    for way in ["link", "zones/../zones/."] {
        let mut again = Store::open(StoreSettings {
            zones: folders.root.join(way),
            ..folders.settings()
        });
        assert_eq!(
            base(again.load(NOW).parts, "a.hearth.example"),
            "192.0.2.1",
            "{way}"
        );
    }
}

#[test]
fn unreadable_files_of_every_kind_are_closed() {
    let folders = Folders::new();
    symlink("loop.example.zone", folders.path("loop.example.zone")).unwrap();
    symlink("nowhere", folders.path("dangling.example.zone")).unwrap();
    fs::create_dir(folders.path("folder.example.zone")).unwrap();
    let pipe = folders.path("pipe.example.zone");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let large = fs::File::create(folders.path("large.example.zone")).unwrap();
    large.set_len(MAX_FILE + 1).unwrap();
    let (store, loaded) = folders.start();
    assert_eq!(
        folders.defects(&loaded.defects),
        [
            "zones/dangling.example.zone: it is a symbolic link to a file that is not there",
            "zones/folder.example.zone: it cannot be read: it is not a regular file",
            "zones/large.example.zone: it cannot be read: it is larger than 64 MiB",
            "zones/loop.example.zone: it cannot be read: Too many levels of symbolic links (os error 40)",
            "zones/pipe.example.zone: it cannot be read: it is not a regular file",
        ]
    );
    assert!(store.zones().all(|(_, held)| held.state == State::Closed));
    assert_eq!(base(loaded.parts, "a.pipe.example"), "SERVFAIL");
}

#[test]
fn included_files_must_lie_in_the_zones_folder() {
    let folders = Folders::with(&[
        (
            HEARTH,
            "$INCLUDE parts/hosts\n$INCLUDE ../state-secret\n$INCLUDE /etc/passwd\n$INCLUDE parts/../../x\n",
        ),
        ("parts/hosts", "a A 192.0.2.1\n"),
        ("good.example.zone", "$INCLUDE parts/hosts\n"),
    ]);
    let (_, loaded) = folders.start();
    let defects = folders.defects(&loaded.defects);
    assert_eq!(defects.len(), 3, "{defects:?}");
    for (defect, line) in defects.iter().zip(2..) {
        assert!(
            defect.starts_with(&format!("zones/hearth.example.zone:{line}:10: ")),
            "{defect}"
        );
        assert!(defect.contains("lies outside of the zones folder"), "{defect}");
    }
    assert_eq!(base(loaded.parts, "a.good.example"), "192.0.2.1");
}

#[test]
fn rfc1035_s5_1_what_an_included_file_includes_lies_beside_it() {
    let folders = Folders::with(&[
        (HEARTH, "$INCLUDE parts/all\n"),
        ("parts/all", "$INCLUDE deep/hosts\n$INCLUDE ../outer\n"),
        ("parts/deep/hosts", "a A 192.0.2.1\n$INCLUDE ../../../out\n"),
        ("outer", "b A 192.0.2.2\n"),
    ]);
    let (_, loaded) = folders.start();
    assert_eq!(
        folders.defects(&loaded.defects),
        [
            "parts/deep/hosts:2:10: cannot include `../../../out`: `parts/deep/../../../out` lies outside of the zones \
          folder; only files inside of it can be included"
        ]
    );
    folders.write("parts/deep/hosts", "a A 192.0.2.1\n");
    let (_, loaded) = folders.start();
    assert_eq!(folders.defects(&loaded.defects), [""; 0]);
    assert_eq!(base(loaded.parts, "b.hearth.example"), "192.0.2.2");
}

#[test]
fn a_folder_without_a_view_is_a_defect_and_its_zones_are_closed_for_all() {
    let folders = Folders::with(&[
        (HEARTH, "a A 192.0.2.1\n"),
        ("vpn/hearth.example.zone", "a A 192.0.2.2\n"),
        ("vpn/only.example.zone", "a A 192.0.2.3\n"),
    ])
    .with_view("lan");
    let (_, loaded) = folders.start();
    assert_eq!(
        folders.defects(&loaded.defects),
        [
            "zones/vpn: the folder holds zones, but the configuration has no view `vpn` (it has: lan); its zones stay \
          closed for everyone: name the view in the configuration, or move the folder away"
        ]
    );
    assert_eq!(base(loaded.parts, "a.hearth.example"), "192.0.2.1");
    let (_, loaded) = folders.start();
    assert_eq!(base(loaded.parts, "a.only.example"), "SERVFAIL");
}

#[test]
fn a_view_that_left_the_configuration_closes_its_own_zones_until_they_are_removed() {
    let folders = Folders::with(&[("vpn/only.example.zone", "a A 192.0.2.3\n")]).with_view("vpn");
    folders.start();
    fs::remove_dir_all(folders.path("vpn")).unwrap();
    let settings = StoreSettings {
        views: Vec::new(),
        ..folders.settings()
    };
    let mut store = Store::open(settings);
    let loaded = store.load(NOW);
    assert_eq!(
        folders.defects(&loaded.defects),
        [
            "state/zones/vpn/only.example.zone: the view `vpn` of this remembered zone is not in the configuration; name it \
          there, or remove the zone with `dnsctl remove-zone only.example --view vpn`"
        ]
    );
    assert_eq!(base(loaded.parts, "a.only.example"), "SERVFAIL");
    let words = ZoneWords {
        zone: "only.example".to_owned(),
        view: Some("vpn".to_owned()),
    };
    let (_, parts) = edit(|publish| store.remove_zone(&words, NOW, publish));
    assert_eq!(base(parts, "a.only.example"), "upstream");
    let loaded = store.reload(NOW);
    assert_eq!(loaded.defects, []);
}

#[test]
fn a_view_lies_over_its_base_and_is_checked_with_it() {
    let folders = Folders::with(&[
        (HEARTH, "m A 192.0.2.1\n_m._tcp SRV 1 1 1 m\nw CNAME m\n"),
        (
            "vpn/hearth.example.zone",
            "m A 192.0.2.2\nw A 192.0.2.3\n_n._tcp SRV 1 1 1 m\n",
        ),
    ])
    .with_view("vpn");
    let (mut store, loaded) = folders.start();
    assert_eq!(folders.defects(&loaded.defects), Vec::<String>::new());
    assert_eq!(ask(loaded.parts, "10.0.0.1", "m.hearth.example"), "192.0.2.2");
    // The base's SRV record would lead to an alias in the view.
    folders.write("vpn/hearth.example.zone", "m CNAME w.other.example.\n");
    let loaded = store.reload(NOW);
    assert!(!loaded.defects.is_empty());
    assert_eq!(
        (state_of(&store, 0).0, state_of(&store, 1).0),
        (State::Ok, State::LastGood)
    );
    assert_eq!(ask(loaded.parts, "10.0.0.1", "m.hearth.example"), "192.0.2.2");
    // An edit of the base that would break the view is refused.
    folders.write(
        "vpn/hearth.example.zone",
        "_n._tcp SRV 1 1 1 only\nonly A 192.0.2.4\n",
    );
    let words = RemoveRecord {
        name: "m".to_owned(),
        zone: Some("hearth.example".to_owned()),
        ..RemoveRecord::default()
    };
    store.reload(NOW);
    assert!(matches!(
        refused(|publish| store.remove_record(&words, NOW, publish)),
        StoreError::Refused(..)
    ));
}

#[test]
fn zones_are_remembered_although_the_lock_is_held() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\n")]);
    let lock = Lock::take(&folders.path(""), Duration::ZERO).unwrap();
    folders.start();
    drop(lock);
    assert!(folders.state("zones/hearth.example.zone").exists());
}

#[test]
fn a_look_writes_nothing() {
    let folders = Folders::with(&[(HEARTH, "a A 192.0.2.1\nb A x\n"), ("x.example.zone", "")]);
    let mut store = Store::open(folders.settings());
    assert_eq!(store.inspect(NOW).len(), 1);
    assert!(!folders.root.join("state").exists());
    assert_eq!(fs::read_dir(folders.path("")).unwrap().count(), 2);
}
