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
    // Each file goes back by itself, to the zone without records.
    let words = ZoneWords {
        zone: "hearth.example".to_owned(),
        view: Some("lan".to_owned()),
    };
    store.undo(&words, NOW, &mut |_| {}).unwrap();
    assert_eq!(folders.text("lan/hearth.example.zone"), HEAD);
    assert_eq!(
        ask(store.republish(), "10.0.0.9", "matrix.hearth.example"),
        "192.0.2.1"
    );
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
