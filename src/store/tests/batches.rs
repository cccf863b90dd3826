//! Several changes of several zones as one.

use super::*;
use crate::control::types::{ChangeWords, MemberWords, SetWords, ZoneChange};

fn set(name: &str, rdata: &[&str]) -> SetWords {
    let member = |data: &&str| MemberWords {
        rdata: vec![(*data).to_owned()],
        ..MemberWords::default()
    };
    SetWords {
        name: name.to_owned(),
        rtype: "A".to_owned(),
        ttl: None,
        records: rdata.iter().map(member).collect(),
    }
}

fn zone(view: Option<&str>, sets: Vec<SetWords>) -> ZoneChange {
    ZoneChange {
        zone: "hearth.example".to_owned(),
        view: view.map(str::to_owned),
        make: true,
        sets,
        ..ZoneChange::default()
    }
}

fn words(zones: Vec<ZoneChange>) -> ChangeWords {
    ChangeWords {
        zones,
        dry_run: false,
    }
}

const HEAD: &str = "; Zone hearth.example. One record a line: NAME [TTL] TYPE DATA.\n\
                    ; SOA and NS are made where the file has none; TTLs are in seconds.\n$TTL 300\n";

#[test]
fn a_base_zone_and_a_view_are_made_together_and_published_once() {
    let folders = Folders::new().with_view("lan");
    let (mut store, _) = folders.start();
    let mut generations = Vec::new();
    let changes = store
        .change(
            &words(vec![
                zone(None, vec![set("matrix", &["192.0.2.1"])]),
                zone(Some("lan"), vec![set("matrix", &["10.0.0.1"])]),
            ]),
            NOW,
            &mut |parts| generations.push(parts.generation),
        )
        .unwrap();
    assert_eq!(generations, [2]);
    assert_eq!(changes.len(), 2);
    assert_eq!(
        folders.text("hearth.example.zone"),
        format!("{HEAD}matrix A 192.0.2.1\n")
    );
    assert_eq!(
        folders.text("lan/hearth.example.zone"),
        format!("{HEAD}matrix A 10.0.0.1\n")
    );
    assert_eq!(
        ask(store.republish(), "10.0.0.9", "matrix.hearth.example"),
        "10.0.0.1"
    );
    assert_eq!(
        ask(store.republish(), "192.0.2.9", "matrix.hearth.example"),
        "192.0.2.1"
    );
    // A file may go back alone, to the zone without records; the other one goes back later.
    let alone = UndoWords {
        alone: true,
        ..undo_in(Some("lan"))
    };
    assert_eq!(
        keys(&store.undo(&alone, NOW, &mut |_| {}).unwrap()),
        ["hearth.example. (view lan)"]
    );
    assert_eq!(folders.text("lan/hearth.example.zone"), HEAD);
    assert_eq!(
        ask(store.republish(), "10.0.0.9", "matrix.hearth.example"),
        "192.0.2.1"
    );
    assert_eq!(
        keys(&store.undo(&undo_in(None), NOW, &mut |_| {}).unwrap()),
        ["hearth.example."]
    );
    assert_eq!(folders.text("hearth.example.zone"), HEAD);
}

fn undo_in(view: Option<&str>) -> UndoWords {
    UndoWords {
        view: view.map(str::to_owned),
        ..undo("hearth.example")
    }
}

fn keys(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| change.key.to_string()).collect()
}

/// Three files that one change has changed; a fourth has nothing to do with it.
fn changed_together() -> (Folders, Store) {
    let folders = Folders::with(&[
        ("hearth.example.zone", "matrix A 192.0.2.1\n"),
        ("lan/hearth.example.zone", "matrix A 10.0.0.1\n"),
        ("cloud/hearth.example.zone", "matrix A 10.1.0.1\n"),
        ("other.example.zone", "a A 192.0.2.1\n"),
    ])
    .with_view("lan")
    .with_view("cloud");
    let (mut store, _) = folders.start();
    let other = |address: &str| ZoneChange {
        zone: "other.example".to_owned(),
        ..zone(None, vec![set("a", &[address])])
    };
    let change = |store: &mut Store, zones| store.change(&words(zones), NOW, &mut |_| {}).unwrap();
    // An edit of one file has no others.
    change(&mut store, vec![other("192.0.2.2")]);
    change(
        &mut store,
        vec![
            zone(None, vec![set("matrix", &["192.0.2.2"])]),
            zone(Some("lan"), vec![set("matrix", &["10.0.0.2"])]),
            zone(Some("cloud"), vec![set("matrix", &["10.1.0.2"])]),
        ],
    );
    (folders, store)
}

fn texts(folders: &Folders) -> [String; 4] {
    ["", "lan/", "cloud/"]
        .map(|folder| folders.text(&format!("{folder}hearth.example.zone")))
        .into_iter()
        .chain([folders.text("other.example.zone")])
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

const BEFORE: [&str; 4] = [
    "matrix A 192.0.2.1\n",
    "matrix A 10.0.0.1\n",
    "matrix A 10.1.0.1\n",
    "a A 192.0.2.2\n",
];
const AFTER: [&str; 4] = [
    "matrix A 192.0.2.2\n",
    "matrix A 10.0.0.2\n",
    "matrix A 10.1.0.2\n",
    "a A 192.0.2.2\n",
];

#[test]
fn what_one_change_has_changed_goes_back_together_and_is_published_once() {
    let (folders, mut store) = changed_together();
    // Also after a restart: the history says what belongs together.
    drop(store);
    (store, _) = folders.start();
    let dry = UndoWords {
        dry_run: true,
        ..undo_in(Some("lan"))
    };
    let shown = store.undo(&dry, NOW, &mut |_| panic!("published")).unwrap();
    let diffs: Vec<String> = shown
        .iter()
        .map(|change| folders.plain(change.diff.as_ref().unwrap()))
        .collect();
    let diff = |file: &str, net: &str| {
        format!(
            "--- zones/{file}hearth.example.zone\n+++ zones/{file}hearth.example.zone\n@@ -1,1 +1,1 @@\n-matrix A {net}.2\n+matrix A {net}.1\n"
        )
    };
    assert_eq!(
        diffs,
        [
            diff("lan/", "10.0.0"),
            diff("", "192.0.2"),
            diff("cloud/", "10.1.0")
        ]
    );
    assert_eq!(texts(&folders), AFTER);

    let mut published = Vec::new();
    let changes = store
        .undo(&undo_in(Some("lan")), NOW, &mut |parts| published.push(parts))
        .unwrap();
    assert_eq!(
        keys(&changes),
        [
            "hearth.example. (view lan)",
            "hearth.example.",
            "hearth.example. (view cloud)"
        ]
    );
    assert_eq!(texts(&folders), BEFORE);
    assert_eq!(published.len(), 1);
    let parts = published.remove(0);
    assert_eq!(ask(parts, "192.0.2.9", "matrix.hearth.example"), "192.0.2.1");
    let error = store.undo(&undo_in(None), NOW, &mut |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the history of the zone hearth.example. holds no edit to undo"
    );
}

#[test]
fn a_file_that_was_edited_since_keeps_the_others_from_going_back() {
    let (folders, mut store) = changed_together();
    let late = zone(Some("lan"), vec![set("late", &["10.0.0.9"])]);
    store.change(&words(vec![late]), NOW, &mut |_| {}).unwrap();
    let before = texts(&folders);
    let error = store
        .undo(&undo_in(None), NOW, &mut |_| panic!("published"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the last edit of the zone hearth.example. changed hearth.example. (view lan) too, which was edited again since: \
         undo that first with `dnsctl undo hearth.example --view lan`, or go back in this file alone with --alone"
    );
    assert_eq!(texts(&folders), before);
    // As it says.
    assert_eq!(
        keys(&store.undo(&undo_in(Some("lan")), NOW, &mut |_| {}).unwrap()),
        ["hearth.example. (view lan)"]
    );
    assert_eq!(texts(&folders), AFTER);
    assert_eq!(store.undo(&undo_in(None), NOW, &mut |_| {}).unwrap().len(), 3);
    assert_eq!(texts(&folders), BEFORE);
}

/// What goes back together is looked at together: the view's record leads to a name that the base zone has again only then.
#[test]
fn earlier_versions_are_checked_over_each_other() {
    let folders = Folders::with(&[
        ("hearth.example.zone", "old A 192.0.2.1\n"),
        ("lan/hearth.example.zone", "_x._tcp SRV 1 1 1 old\n"),
    ])
    .with_view("lan");
    let (mut store, _) = folders.start();
    let service = |target: &str| SetWords {
        rtype: "SRV".to_owned(),
        ..set("_x._tcp", &[&format!("1 1 1 {target}")])
    };
    store
        .change(
            &words(vec![
                zone(None, vec![set("old", &[]), set("new", &["192.0.2.1"])]),
                zone(Some("lan"), vec![service("new")]),
            ]),
            NOW,
            &mut |_| {},
        )
        .unwrap();
    let alone = UndoWords {
        alone: true,
        ..undo_in(None)
    };
    let error = store.undo(&alone, NOW, &mut |_| panic!("published")).unwrap_err();
    let StoreError::Refused(reason, defects) = error else {
        panic!("{error:?}")
    };
    assert!(reason.ends_with(".edit` is broken itself"), "{reason}");
    assert_eq!(
        folders.defects(&defects),
        [
            "zones/lan/hearth.example.zone: in the view lan: the target new.hearth.example. has no address in this zone: add one, `new A ADDRESS`, or correct the name"
        ]
    );
    assert_eq!(store.undo(&undo_in(None), NOW, &mut |_| {}).unwrap().len(), 2);
    assert_eq!(folders.text("lan/hearth.example.zone"), "_x._tcp SRV 1 1 1 old\n");
}

/// The last file of three cannot be written: the others are as they were, and so is what an undo would bring back.
#[test]
fn where_one_file_cannot_go_back_none_does() {
    let (folders, mut store) = changed_together();
    // A file in a place where no other can be made.
    let file = folders.path("lan/hearth.example.zone");
    let kept = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    symlink("/proc/version", &file).unwrap();
    let error = store
        .undo(&undo_in(None), NOW, &mut |_| panic!("published"))
        .unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error:?}");
    fs::remove_file(&file).unwrap();
    fs::write(&file, kept).unwrap();
    assert_eq!(texts(&folders), AFTER);
    assert_eq!(
        ask(store.republish(), "192.0.2.9", "matrix.hearth.example"),
        "192.0.2.2"
    );
    assert_eq!(store.undo(&undo_in(None), NOW, &mut |_| {}).unwrap().len(), 3);
    assert_eq!(texts(&folders), BEFORE);
}

#[test]
fn what_one_zone_refuses_leaves_all_as_they_were() {
    let folders = Folders::with(&[
        ("hearth.example.zone", "matrix A 192.0.2.1\n"),
        ("lan/hearth.example.zone", "_x._tcp SRV 1 1 1 matrix\n"),
    ])
    .with_view("lan");
    let (mut store, _) = folders.start();
    let mut change = |zones| {
        let error = store.change(&words(zones), NOW, &mut |_| panic!("published"));
        error.unwrap_err().to_string()
    };
    // The view's SRV record would lose its target, which the base zone holds.
    assert_eq!(
        change(vec![
            zone(None, vec![set("matrix", &[]), set("new", &["192.0.2.2"])]),
            zone(Some("lan"), vec![set("other", &["10.0.0.1"])]),
        ]),
        "it would break the zone: in the view lan: the target matrix.hearth.example. has no address in this zone: add one, \
         `matrix A ADDRESS`, or correct the name"
    );
    assert_eq!(
        change(vec![ZoneChange {
            serial: Some(9),
            ..zone(None, Vec::new())
        }]),
        "the zone hearth.example. has changed meanwhile: run the command again"
    );
    assert_eq!(
        change(vec![zone(None, Vec::new()), zone(None, Vec::new())]),
        "the zone hearth.example. stands in the request twice"
    );
    assert_eq!(
        change(vec![zone(None, vec![set("x.other.example.", &["192.0.2.1"])])]),
        "`x.other.example.` does not lie in the zone hearth.example."
    );
    assert_eq!(
        change(vec![zone(None, vec![set("x", &["192.0.2.1", "192.0.2.1"])])]),
        "`x.hearth.example. A 192.0.2.1` stands in its set twice"
    );
    assert_eq!(
        change(vec![zone(None, vec![set("x", &[]); 257])]),
        "257 records of the zone hearth.example. are to change together, at most 256 may"
    );
    assert_eq!(
        change(vec![zone(None, Vec::new()); 65]),
        "65 zones are to change together, at most 64 may"
    );
    assert_eq!(folders.text("hearth.example.zone"), "matrix A 192.0.2.1\n");
    assert_eq!(
        folders.text("lan/hearth.example.zone"),
        "_x._tcp SRV 1 1 1 matrix\n"
    );
    assert!(!folders.state("history").exists());
}

#[test]
fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let folders = Folders::with(&[("hearth.example.zone", "a A 192.0.2.1\nmatrix A 192.0.2.1\n")]);
    let (mut store, _) = folders.start();
    let changes = store
        .change(
            &ChangeWords {
                dry_run: true,
                ..words(vec![zone(None, vec![set("matrix", &["192.0.2.2"])])])
            },
            NOW,
            &mut |_| panic!("published"),
        )
        .unwrap();
    assert_eq!(
        folders.plain(changes[0].diff.as_ref().unwrap()),
        "--- zones/hearth.example.zone\n+++ zones/hearth.example.zone\n@@ -1,2 +1,2 @@\n a A 192.0.2.1\n\
         -matrix A 192.0.2.1\n+matrix A 192.0.2.2\n"
    );
    assert_eq!(
        folders.text("hearth.example.zone"),
        "a A 192.0.2.1\nmatrix A 192.0.2.1\n"
    );
    assert!(!folders.state("history").exists());
}

/// A file that cannot be written comes last: what was written before it is put back, history included.
#[test]
fn where_a_file_cannot_be_written_those_before_it_get_their_bytes_back() {
    let folders = Folders::with(&[
        ("hearth.example.zone", "matrix A 192.0.2.1\n"),
        ("lan/hearth.example.zone", "matrix A 10.0.0.1\n"),
    ])
    .with_view("lan");
    let (mut store, _) = folders.start();
    // Its history cannot be kept: a file stands where the folder is to be.
    fs::create_dir_all(folders.state("history/lan")).unwrap();
    fs::write(folders.state("history/lan/hearth.example"), "").unwrap();
    let error = store
        .change(
            &words(vec![
                zone(None, vec![set("matrix", &["192.0.2.2"])]),
                zone(Some("lan"), vec![set("matrix", &["10.0.0.2"])]),
            ]),
            NOW,
            &mut |_| panic!("published"),
        )
        .unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error:?}");
    assert_eq!(folders.text("hearth.example.zone"), "matrix A 192.0.2.1\n");
    assert_eq!(folders.text("lan/hearth.example.zone"), "matrix A 10.0.0.1\n");
    let history = fs::read_dir(folders.state("history/hearth.example")).unwrap();
    assert_eq!(history.count(), 0);
    assert_eq!(
        ask(store.republish(), "192.0.2.9", "matrix.hearth.example"),
        "192.0.2.1"
    );
    // Nothing stands in the way of the next one.
    fs::remove_file(folders.state("history/lan/hearth.example")).unwrap();
    let again = zone(None, vec![set("matrix", &["192.0.2.3"])]);
    let changes = store.change(&words(vec![again]), NOW, &mut |_| {}).unwrap();
    assert_eq!(changes[0].serial, Some(2));
}

/// Files of one zone need not stand side by side in a change.
#[test]
fn what_the_linter_finds_of_a_zone_is_told_once() {
    let folders = Folders::with(&[
        (
            "hearth.example.zone",
            "; hearthdns: matrix=hearth.example,none\n@ A 192.88.98.1\nx A 192.0.2.1\n",
        ),
        ("other.example.zone", "a A 192.0.2.1\n"),
        ("lan/hearth.example.zone", "x A 10.0.0.1\n"),
    ])
    .with_view("lan");
    let (mut store, _) = folders.start();
    let other = ZoneChange {
        zone: "other.example".to_owned(),
        ..zone(None, vec![set("a", &["192.0.2.2"])])
    };
    let zones = vec![
        zone(None, vec![set("@", &["10.0.0.9"])]),
        other,
        zone(Some("lan"), vec![set("x", &["10.0.0.2"])]),
    ];
    let changes = store.change(&words(zones), NOW, &mut |_| {}).unwrap();
    let notes: Vec<&String> = changes.iter().flat_map(|change| &change.notes).collect();
    assert_eq!(
        notes,
        [
            "warning: 10.0.0.9, an address of hearth.example, is private: other homeservers refuse to connect there unless told \
          (Synapse, ip_range_blacklist): they need `ip_range_whitelist: [\"10.0.0.9\"]`"
        ]
    );
}
