//! Servers of the same zones: NSD and Knot DNS answer what we answer, for names picked by hand and for made-up
//! zones.

use crate::peers::{knot, nsd};
use crate::support::sample::{HEARTH, WILD};
use crate::support::wire::{type_name, type_number};
use crate::support::{Client, House, Message, rtype};
use crate::{Test, served};

pub(crate) const TESTS: &[Test] = &[
    (
        "nsd_and_knot_agree_with_each_other",
        &["nsd", "knotd"],
        nsd_and_knot_agree_with_each_other,
    ),
    (
        "nsd_answers_the_same_zones_alike",
        &["nsd"],
        nsd_answers_the_same_zones_alike,
    ),
    (
        "knot_answers_the_same_zones_alike",
        &["knotd"],
        knot_answers_the_same_zones_alike,
    ),
    (
        "nsd_answers_made_up_zones_alike",
        &["nsd"],
        nsd_answers_made_up_zones_alike,
    ),
];

/// Questions that a server of the two zones must answer like any other: rcode, AA, answer, and where there is no
/// answer the authority section too.
const ALIKE: &[(&str, &str)] = &[
    ("hearth.example.", "A AAAA NS SOA MX TXT"),
    ("matrix.hearth.example.", "A AAAA TXT CNAME"),
    ("MATRIX.hearth.EXAMPLE.", "A"),
    ("_matrix-fed._tcp.hearth.example.", "SRV A"),
    ("_tcp.hearth.example.", "SRV A"),
    ("deep.hearth.example.", "TXT A"),
    ("a.deep.hearth.example.", "TXT A"),
    ("b.deep.hearth.example.", "TXT"),
    ("www.hearth.example.", "A AAAA CNAME TXT"),
    ("www2.hearth.example.", "A CNAME"),
    ("dangling.hearth.example.", "A"),
    ("nodata.hearth.example.", "AAAA"),
    ("nowhere.hearth.example.", "A SOA"),
    ("x.old.hearth.example.", "A AAAA"),
    ("old.hearth.example.", "A DNAME"),
    ("y.z.old.hearth.example.", "A"),
    ("sub.hearth.example.", "A NS DS"),
    ("host.sub.hearth.example.", "A DS"),
    ("ns.sub.hearth.example.", "A"),
    ("odd.hearth.example.", "TYPE65280 A"),
    ("stays.hearth.example.", "A"),
    ("wild.example.", "NS MX"),
    ("*.wild.example.", "TXT MX A"),
    ("host3.wild.example.", "MX A TXT"),
    ("foo.bar.wild.example.", "TXT"),
    ("host1.wild.example.", "MX A"),
    ("sub.*.wild.example.", "MX TXT"),
    ("_telnet._tcp.host1.wild.example.", "SRV"),
    ("_tcp.host1.wild.example.", "SRV"),
    ("host2.wild.example.", "A"),
    ("x.host2.wild.example.", "TXT"),
    ("host.subdel.wild.example.", "A"),
    ("subdel.wild.example.", "DS NS"),
    ("ghost.*.wild.example.", "MX"),
];

/// Asks both for all of [`ALIKE`].
fn assert_alike(one: (&str, &Client), other: (&str, &Client)) {
    let questions = ALIKE.iter().flat_map(|(owner, types)| {
        types
            .split(' ')
            .map(|asked| ((*owner).to_owned(), type_number(asked)))
    });
    assert_same_answers(one, other, questions);
}

/// Asks both for the same and lists what differs.
fn assert_same_answers(
    (one, of_one): (&str, &Client),
    (other, of_other): (&str, &Client),
    questions: impl Iterator<Item = (String, u16)>,
) {
    let mut differences = Vec::new();
    for (owner, asked) in questions {
        let show = |client: &Client| {
            let mut query = Message::query(&owner, asked).with_edns(1232);
            // An authoritative server has no recursion to offer; the question is the same without.
            query.rd = false;
            let reply = client.exchange(&query);
            let authority = if reply.answers.is_empty() {
                reply.authority_lines()
            } else {
                Vec::new()
            };
            let lower = |lines: Vec<String>| lines.join(", ").to_lowercase();
            let (answer, authority) = (lower(reply.answer_lines()), lower(authority));
            format!("code {} aa {} [{answer}] [{authority}]", reply.rcode, reply.aa)
        };
        let (left, right) = (show(of_one), show(of_other));
        if left != right {
            let asked = type_name(asked);
            differences.push(format!("{owner} {asked}:\n  {one}: {left}\n  {other}: {right}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

const SAME: &[(&str, &str)] = &[("hearth.example", HEARTH), ("wild.example", WILD)];

fn nsd_and_knot_agree_with_each_other() {
    // Else the list asks for something that is a matter of taste, and says nothing of us.
    let (nsd, knot) = (nsd(SAME), knot(SAME, false));
    assert_alike(("nsd", &nsd.client()), ("knot", &knot.client()));
}

fn nsd_answers_the_same_zones_alike() {
    let (peer, (_house, daemon)) = (nsd(SAME), served());
    assert_alike(("ours", &daemon.client()), ("nsd", &peer.client()));
}

fn knot_answers_the_same_zones_alike() {
    let (peer, (_house, daemon)) = (knot(SAME, false), served());
    assert_alike(("ours", &daemon.client()), ("knot", &peer.client()));
}

/// Labels of made-up names. Few, so that names meet: above, below, beside and under wildcards.
const LABELS: &[&str] = &["a", "b", "c", "*"];

fn nsd_answers_made_up_zones_alike() {
    let mut dice = Dice(0x9e37_79b9);
    let zones: Vec<(String, String)> = (0..6)
        .map(|n| (format!("made{n}.example"), made_up_zone(&mut dice)))
        .collect();
    let zones: Vec<(&str, &str)> = zones.iter().map(|(name, text)| (&**name, &**text)).collect();
    let peer = nsd(&zones);
    let house = zones
        .iter()
        .fold(House::new(), |house, (name, text)| house.zone(name, text));
    let daemon = house.start();
    let types = "A TXT MX NS CNAME DNAME DS SOA AAAA".split(' ').map(type_number);
    let types: Vec<u16> = types.collect();
    let questions = (0..3000).filter_map(|_| {
        let (zone, text) = zones[dice.below(zones.len())];
        let below = if dice.below(4) == 0 { "new." } else { "" };
        let name = format!("{}.{below}{zone}.", made_up_name(&mut dice, 4, LABELS));
        let asked = types[dice.below(types.len())];
        // Whether the alias that a DNAME makes is followed for a question of type CNAME is a matter of taste:
        // RFC 6672, 3.2 goes on to its target, as we do; NSD does not.
        let mut tops = text
            .lines()
            .filter_map(|line| Some(line.split_once(" DNAME ")?.0));
        let is_taste = asked == rtype::CNAME && tops.any(|top| name.ends_with(&format!(".{top}.{zone}.")));
        (!is_taste).then_some((name, asked))
    });
    assert_same_answers(("ours", &daemon.client()), ("nsd", &peer.client()), questions);
}

/// Numbers that are the same in every run (xorshift).
struct Dice(u32);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % end
    }
}

fn made_up_name(dice: &mut Dice, most: usize, labels: &[&str]) -> String {
    let count = 1 + dice.below(most);
    let name: Vec<&str> = (0..count).map(|_| labels[dice.below(labels.len())]).collect();
    name.join(".")
}

/// A zone of addresses, texts, aliases, cuts and DNAMEs at random places, but a zone that every server loads: no
/// alias beside other data, nothing below a cut or a DNAME, no chain that goes round, no wildcard above those.
fn made_up_zone(dice: &mut Dice) -> String {
    let mut text =
        "$TTL 300\n@ SOA ns hostmaster 1 3600 900 604800 60\n@ NS ns\nns A 192.0.2.53\nmail A 192.0.2.25\n\
                    x.new A 192.0.2.30\n*.b.new TXT \"wild\"\na.new CNAME x.new\n"
            .to_owned();
    let mut names = Vec::<String>::new();
    let mut tops = Vec::<String>::new();
    for _ in 0..24 {
        let name = made_up_name(dice, 3, LABELS);
        let is_below = |name: &str, top: &str| name.ends_with(&format!(".{top}"));
        if names.contains(&name) || tops.iter().any(|top| is_below(&name, top)) {
            continue;
        }
        let can_be_top = !name.contains('*') && !names.iter().any(|other| is_below(other, &name));
        let lines = match dice.below(9) {
            0 if can_be_top => {
                tops.push(name.clone());
                format!("{name} NS ns.{name}\n{name} NS ns.example.net.\nns.{name} A 192.0.2.60\n")
            }
            1 if can_be_top => {
                tops.push(name.clone());
                format!("{name} DNAME new\n{name} TXT \"beside a DNAME\"\n")
            }
            2 => format!("{name} CNAME target.example.net.\n"),
            3 => format!("{name} CNAME a.new\n"),
            4 => format!("{name} CNAME {}.new\n", made_up_name(dice, 2, &["a", "b", "x"])),
            5 => format!("{name} MX 10 mail\n{name} TXT \"one\" \"two\"\n"),
            6 => format!("{name} A 192.0.2.1\n{name} A 192.0.2.2\n"),
            _ => format!("{name} A 192.0.2.3\n"),
        };
        names.push(name);
        text.push_str(&lines);
    }
    text
}
