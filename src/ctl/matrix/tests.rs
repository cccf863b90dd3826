//! Whatever `matrix add` writes passes the linter, and reading it back gives the same options.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use super::*;
use crate::control::files;
use crate::ctl::args::{self, Command};
use crate::ctl::now;
use crate::matrix::Service;
use crate::store::{Store, StoreSettings};

/// Zones and state on disk, gone when dropped, and how they are asked.
struct Desk {
    root: PathBuf,
    store: RefCell<Store>,
}

impl Desk {
    fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("hearthdns-matrix-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("zones")).unwrap();
        let mut store = Store::open(StoreSettings {
            zones: root.join("zones"),
            state: root.join("state"),
            views: ["lan", "cloud", "abroad"]
                .map(|view| (view.to_owned(), Vec::new()))
                .to_vec(),
            history_versions: 3,
        });
        store.load(now());
        Desk {
            root,
            store: RefCell::new(store),
        }
    }

    fn ask(&self, request: &Request) -> Reply {
        let mut store = self.store.borrow_mut();
        if let Request::Check(_) = request {
            let settings = store.settings().clone();
            return Reply::new(Ok(Answer::Checked(files::check(settings, now()))));
        }
        let answer = files::execute(&mut store, request, now(), true, &mut |_| {});
        Reply::new(answer.expect("a request about files"))
    }

    fn run(&self, line: &str) -> Result<Matrix, Failure> {
        let words = ["dnsctl", "matrix"].into_iter().chain(line.split(' '));
        let line = args::parse(words.map(Into::into)).unwrap_or_else(|error| panic!("{line}: {error}"));
        let Command::Matrix(args) = line.command else {
            panic!("not about Matrix")
        };
        match run(&args.command, &|request| self.ask(request)).result? {
            Answer::Matrix(matrix) => Ok(*matrix),
            other => panic!("{other:?}"),
        }
    }

    fn sets(&self) -> Vec<Set> {
        let ask = |request: &Request| self.ask(request);
        let mut asking = Asking {
            ask: &ask,
            notes: Vec::new(),
            code: 0,
        };
        let all = all(&mut asking).unwrap();
        all.into_iter().map(|(_, _, set)| set).collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A small generator: the same lines every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }

    /// Addresses of the families that are asked for.
    fn addresses(&mut self, (v4, v6): (bool, bool)) -> String {
        let mut all = Vec::new();
        for _ in 0..=self.roll(2) {
            if v4 {
                let net = self.of(&[
                    "203.0.113",
                    "198.51.100",
                    "192.168.1",
                    "10.0.0",
                    "9.9.9",
                    "100.64.0",
                ]);
                all.push(format!("{net}.{}", self.roll(254) + 1));
            }
            if v6 {
                let net = self.of(&["2001:db8::", "fd00::", "2a00::"]);
                all.push(format!("{net}{:x}", self.roll(254) + 1));
            }
        }
        all.join(",")
    }

    /// The words behind `add`, server name first.
    fn line(&mut self) -> String {
        let host = self.of(&[
            "hearth.example",
            "chat.hearth.example",
            "other.example",
            "a-b.c.example",
        ]);
        let delegate = self.of(&["none", "srv", "well-known"]);
        let mut line = host.to_owned();
        if delegate == "none" && self.roll(3) == 0 {
            line.push_str(&format!(":{}", self.roll(60_000) + 1));
        }
        let families = [(true, false), (false, true), (true, true)][self.roll(3)];
        line.push_str(&format!(
            " --address {} --delegate {delegate}",
            self.addresses(families)
        ));
        if delegate != "none" {
            if self.roll(2) == 0 {
                line.push_str(&format!(" --port {}", self.roll(65_000) + 1));
            }
            if self.roll(3) == 0 {
                line.push_str(&format!(
                    " --homeserver {}.{host}",
                    self.of(&["synapse", "m", "x.y"])
                ));
            }
            if self.roll(4) == 0 {
                line.push_str(&format!(" --web {}", self.addresses(families)));
            }
        }
        for service in Service::ALL {
            match self.roll(4) {
                0 => line.push_str(&format!(" --{}", service.as_str())),
                1 => line.push_str(&format!(" --{}={}", service.as_str(), self.addresses(families))),
                _ => {}
            }
        }
        if self.roll(4) == 0 {
            line.push_str(&format!(" --client-port {}", self.roll(65_000) + 1));
        }
        if self.roll(3) == 0 {
            line.push_str(&format!(
                " --ttl {}",
                self.of(&["30", "60", "300", "1h", "86400"])
            ));
        }
        for view in ["lan", "cloud", "abroad"] {
            if self.roll(3) == 0 {
                // Whatever kinds the base zone has.
                let families = [(true, false), (false, true), (true, true)][self.roll(3)];
                line.push_str(&format!(" --view {view} --address {}", self.addresses(families)));
            }
        }
        line
    }
}

fn wanted_of(line: &str) -> Set {
    let words = ["dnsctl", "matrix", "add"].into_iter().chain(line.split(' '));
    let line = args::parse(words.map(Into::into)).unwrap();
    let Command::Matrix(args) = line.command else {
        panic!("not about Matrix")
    };
    let MatrixCommand::Add(args) = args.command else {
        panic!("not `add`")
    };
    wanted(&args).unwrap()
}

/// Servers are added over and over, in zones that hold others and what the add before left.
#[test]
fn what_add_writes_passes_the_linter_and_reads_back_as_the_same_options() {
    let mut dice = Dice(1);
    for round in 0..12 {
        let desk = Desk::new(&format!("round-{round}"));
        let mut want: Vec<(String, Set)> = Vec::new();
        for _ in 0..6 {
            let line = dice.line();
            let mut set = wanted_of(&line);
            let place = want.iter().position(|(_, other)| other.server == set.server);
            // Without --ttl the records keep theirs.
            if let Some((_, old)) = place.and_then(|place| want.get(place))
                && !line.contains("--ttl")
            {
                set.ttl = old.ttl;
            }
            // Names of two servers may be the same one: then the second is refused, and nothing changes.
            match desk.run(&format!("add {line}")) {
                Ok(_) => {
                    if let Some(place) = place {
                        want.remove(place);
                    }
                    want.push((line.clone(), set));
                }
                Err(failure) => assert!(
                    failure.message.contains("is a name of the Matrix server"),
                    "{line}: {failure:?}"
                ),
            }
            let mut read = desk.sets();
            let mut expected: Vec<Set> = want.iter().map(|(_, set)| set.clone()).collect();
            read.sort_by(|a, b| a.server.cmp(&b.server));
            expected.sort_by(|a, b| a.server.cmp(&b.server));
            assert_eq!(read, expected, "{line}");
            let Answer::Checked(checked) = desk.ask(&Request::Check(Nothing {})).result.unwrap() else {
                panic!("no check")
            };
            assert_eq!(checked.defects, [], "{line}");
            // What may be said is of addresses and times that the line itself names.
            let asked_for = ["blocked-address", "mixed-addresses", "long-ttl", "client-port"];
            let others = checked
                .findings
                .iter()
                .filter(|finding| !asked_for.contains(&finding.rule.as_str()));
            assert_eq!(others.collect::<Vec<_>>(), Vec::<&Finding>::new(), "{line}");
        }
        // Once more changes nothing; taken away, nothing is left of it.
        for (line, _) in &want {
            let again = desk.run(&format!("add {line}")).unwrap();
            assert_eq!(again.zones, [], "{line}");
        }
        for (_, set) in &want {
            desk.run(&format!("remove {}", set.server)).unwrap();
        }
        assert_eq!(desk.sets(), []);
        for entry in fs::read_dir(desk.root.join("zones")).unwrap().flatten() {
            if entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "zone")
            {
                let text = fs::read_to_string(entry.path()).unwrap();
                assert_eq!(text.lines().count(), 3, "{text}");
            }
        }
    }
}

#[test]
fn a_move_changes_every_place_at_the_old_address_and_no_other() {
    let desk = Desk::new("move");
    desk.run(
        "add hearth.example --address 198.51.100.7 --turn=203.0.113.10 --rtc \
         --view lan --address 192.168.1.5 --view abroad --address 203.0.113.10",
    )
    .unwrap();
    let addresses = |set: &Set| (set.addresses.clone(), set.own.clone(), set.views.clone(), set.ttl);
    let before = desk.sets().remove(0);
    let lowered = desk.run("move 203.0.113.11 --lower-ttl").unwrap();
    assert_eq!(lowered.caches, []);
    let set = desk.sets().remove(0);
    assert_eq!(
        set,
        Set {
            ttl: 60,
            ..before.clone()
        }
    );
    // The cloud address: of a view, and of TURN.
    let moved = desk
        .run("move 203.0.113.11 --from 203.0.113.10 --keep 1h --ttl 120")
        .unwrap();
    // What is served for an hour more is kept from then on, for the TTL that it has by then.
    let seconds = |moved: &Matrix| {
        moved
            .caches
            .iter()
            .map(|cache| cache.seconds)
            .collect::<Vec<u64>>()
    };
    assert_eq!(seconds(&moved), [3720, 3720, 46_800, 90_000]);
    // Nobody but those views see it, so the linter says nothing of it.
    let refused = "homeservers that are led to 203.0.113.11 refuse to connect there unless told: Synapse needs \
                   `ip_range_whitelist: [\"203.0.113.11\"]`, and Tuwunel, conduwuit and continuwuity its range out of \
                   `ip_range_denylist`";
    assert_eq!(
        moved.notes.iter().filter(|note| *note == refused).count(),
        1,
        "{:?}",
        moved.notes
    );
    let set = desk.sets().remove(0);
    let new = vec!["203.0.113.11".parse().unwrap()];
    let mut want = before;
    want.own.insert(Role::Service(Service::Turn), new.clone());
    want.views.insert("abroad".to_owned(), new);
    want.ttl = 120;
    assert_eq!(addresses(&set), addresses(&want));
    // The old one is served beside it until its time has come, also when the set is written again.
    let text = || fs::read_to_string(desk.root.join("zones/abroad/hearth.example.zone")).unwrap();
    let leaving = text();
    assert_eq!(leaving.matches("203.0.113.10 ").count(), 3, "{leaving}");
    assert_eq!(leaving.matches("hearthdns: expires=").count(), 3, "{leaving}");
    desk.run(
        "add hearth.example --address 198.51.100.7 --turn=203.0.113.11 --rtc \
         --view lan --address 192.168.1.5 --view abroad --address 203.0.113.11",
    )
    .unwrap();
    assert_eq!(text(), leaving);
    let failure = desk.run("move 203.0.113.12 --from 192.0.2.1").unwrap_err();
    assert_eq!(failure.message, "hearth.example has no record at 192.0.2.1");
    let failure = desk.run("move 203.0.113.12 --view cloud").unwrap_err();
    assert_eq!(
        failure.message,
        "hearth.example has no records in the view `cloud` (it has abroad, lan)"
    );
}

#[test]
fn records_that_others_wrote_stand_in_the_way_and_are_told() {
    let desk = Desk::new("conflict");
    let file = desk.root.join("zones/hearth.example.zone");
    let text =
        "@ A 198.51.100.1 ; the web site\nturn A 203.0.113.20\nelement CNAME matrix\nmatrix A 203.0.113.10\n";
    fs::write(&file, text).unwrap();
    desk.store.borrow_mut().load(now());
    let line = "add hearth.example --address 203.0.113.10 --turn --element";
    let failure = desk.run(line).unwrap_err();
    assert_eq!(
        failure.message,
        "records that others wrote stand in the way; remove them, or let them go with --replace:"
    );
    let told: Vec<&str> = failure
        .defects
        .iter()
        .map(|defect| defect.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "`hearth.example. A 198.51.100.1` is not of this set; --web 198.51.100.1 keeps it",
            "`turn.hearth.example. A 203.0.113.20` is not of this set; --turn=203.0.113.20 keeps it",
            "`element.hearth.example. CNAME matrix.hearth.example.` is not of this set",
        ]
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    // As the hints say; what is there already is taken over.
    desk.run("add hearth.example --address 203.0.113.10 --web 198.51.100.1 --turn=203.0.113.20")
        .unwrap();
    assert!(fs::read_to_string(&file).unwrap().starts_with(text));
    desk.run(&format!("{line} --replace")).unwrap();
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "@ A 203.0.113.10 ; the web site\nturn A 203.0.113.10\nmatrix A 203.0.113.10\n\
         ; Matrix server hearth.example: `dnsctl matrix` keeps its records ; hearthdns: \
         matrix=hearth.example,well-known,matrix.hearth.example:443,turn,element\n\
         element A 203.0.113.10 ; Element Web\n"
    );
}

/// Nothing is written where the options contradict each other, or what the specification says.
#[test]
fn options_that_contradict_each_other_are_refused() {
    let desk = Desk::new("refused");
    let refused = |line: &str, why: &str| {
        let failure = desk.run(line).unwrap_err();
        assert_eq!(failure.message, why, "{line}");
    };
    let at = "--address 192.88.98.1";
    for (options, why) in [
        (
            ":8449 --delegate srv",
            "`hearth.example:8449` names a port, so nothing is delegated (server-server API, resolving server names, step 2): leave \
             the port out, or --delegate",
        ),
        (
            " --delegate none --homeserver m.hearth.example",
            "without delegation the homeserver is hearth.example itself: leave out --homeserver m.hearth.example, or lead others \
             there with --delegate well-known or srv",
        ),
        (
            " --delegate none --port 9999",
            "without delegation other servers ask port 8448 (server-server API, resolving server names, steps 2 and 6): leave out \
             --port, or lead them elsewhere with --delegate well-known or srv",
        ),
        (
            " --homeserver turn.hearth.example --turn",
            "`turn.hearth.example` cannot be the homeserver and a service's name at once: choose another --homeserver",
        ),
        (
            " --delegate none --web 192.88.98.2",
            "--web is for a server name whose homeserver is another host: leave it out, or name --homeserver",
        ),
        (
            " --homeserver m.other.example --web 192.88.98.2",
            "m.other.example does not lie in the zone hearth.example., so --address is the server name's already: leave out --web",
        ),
    ] {
        refused(&format!("add hearth.example{options} {at}"), why);
    }
    let long = [["a".repeat(60).as_str(); 4].join("."), "ex".to_owned()].concat();
    refused(
        &format!("add {long} --delegate none {at}"),
        &format!("`{long}` is too long: names below it have no room"),
    );
    assert_eq!(desk.sets(), []);

    let added = desk
        .run(&format!("add hearth.example --homeserver m.other.example {at}"))
        .unwrap();
    let told =
        "m.other.example does not lie in the zone hearth.example.: its address must come from elsewhere";
    assert!(added.notes.iter().any(|note| note == told), "{:?}", added.notes);
    let file = desk.root.join("zones/hearth.example.zone");
    let before = fs::read_to_string(&file).unwrap();
    refused(
        &format!("add hearth.example --mode overlay {at}"),
        &format!(
            "the zone hearth.example. is there and is private: leave out --mode, or change `mode=` in `{}`",
            file.display()
        ),
    );
    refused(
        "move 192.88.98.2 --lower-ttl=300",
        "the TTL is 300 seconds, which is no more than 300: move at once, without --lower-ttl",
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    fs::write(&file, before + "x A 1.2.3\n").unwrap();
    refused("check", "zones have defects, which come first:");
}

/// Of an address that is gone at once the TTL is told that its answers had; of one that is kept, the one that they will have.
#[test]
fn a_move_tells_until_when_caches_may_hold_the_old_address() {
    let desk = Desk::new("caches");
    let told = |line: &str| {
        let moved = desk.run(line).unwrap();
        let words = |cache: &crate::control::types::MatrixCache| {
            let words: Vec<&str> = cache.what.split(' ').filter(|word| !word.contains(":")).collect();
            (cache.seconds, words.join(" "))
        };
        moved.caches.iter().map(words).collect::<Vec<_>>()
    };
    desk.run("add hearth.example --address 192.88.98.1").unwrap();
    let conduit = "3 to 12 hours after they have asked, whatever the TTL until flush their resolver's cache for hearth.example, or restart \
                   them";
    let synapse = "as resolvers, and on connections that were open for 120 seconds more; after failures it waits from 10 minutes \
                   up to 7 a message from hearth.example ends that";
    let continuwuity =
        "24 hours after it has until `!admin query resolver flush-cache hearth.example` ends that";
    let all = |ttl: u64, last: u64, resolvers: &str| {
        vec![
            (last + ttl, resolvers.to_owned()),
            (last + ttl.max(120), synapse.to_owned()),
            (last + 43_200, conduit.to_owned()),
            (last + 86_400, continuwuity.to_owned()),
        ]
    };
    assert_eq!(
        told("move 192.88.98.2 --ttl 60"),
        all(300, 0, "300 seconds, which was the until")
    );
    assert_eq!(
        told("move 192.88.98.3 --ttl 300"),
        all(
            60,
            0,
            "60 seconds, which was the TTL (more where that was lowered only just until"
        )
    );
    assert_eq!(
        told("move 192.88.98.4 --keep 1h --ttl 200"),
        all(200, 3600, "200 seconds after the last answer with until")
    );
}

/// What is at some of the old addresses only, or beside another one, is another place.
#[test]
fn a_move_leaves_what_is_not_wholly_at_the_old_addresses() {
    let desk = Desk::new("partly");
    desk.run(
        "add hearth.example --address 192.88.98.1,192.88.98.2 --turn=192.88.98.1,192.88.98.2,192.88.98.5 \
         --view lan --address 192.88.98.1 --view abroad --address 192.88.98.1,192.88.98.2,192.88.98.6",
    )
    .unwrap();
    let before = desk.sets().remove(0);
    let addresses = |texts: &[&str]| -> Vec<std::net::IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    desk.run("move 192.88.98.9").unwrap();
    let mut want = before.clone();
    want.addresses = addresses(&["192.88.98.9"]);
    // That one listens at all of them, and goes on to listen at the one that stays.
    want.views
        .insert("abroad".to_owned(), addresses(&["192.88.98.6", "192.88.98.9"]));
    assert_eq!(desk.sets(), [want.clone()]);
    // TURN is on a host of its own, and moves where that is said.
    let turn = Role::Service(Service::Turn);
    assert_eq!(want.own.get(&turn), before.own.get(&turn));
    desk.run("move 192.88.98.8 --from 192.88.98.1,192.88.98.2")
        .unwrap();
    want.own.insert(turn, addresses(&["192.88.98.5", "192.88.98.8"]));
    assert_eq!(desk.sets(), [want]);
}
