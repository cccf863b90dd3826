//! Two servers talk, and stop where the records are taken from them.

use serde_json::json;

use crate::Test;
use crate::person::{Person, fetch};
use crate::world::{ANNAS, BOS, CLOUD, CLOUD_V6, FAR, FAR_V6, MOVED, PUBLIC, World};

pub(crate) const TESTS: &[Test] = &[
    (
        "strangers_talk_by_srv_and_by_well_known",
        &[],
        strangers_talk_by_srv_and_by_well_known,
    ),
    (
        "without_the_srv_record_federation_stops",
        &[],
        without_the_srv_record_federation_stops,
    ),
    (
        "without_delegation_a_server_is_at_port_8448",
        &[],
        without_delegation_a_server_is_at_port_8448,
    ),
    (
        "without_records_federation_stops",
        &[],
        without_records_federation_stops,
    ),
    (
        "a_server_moves_to_another_address",
        &[],
        a_server_moves_to_another_address,
    ),
    ("servers_with_ipv6_alone_talk", &[], servers_with_ipv6_alone_talk),
    (
        "a_restart_in_the_middle_loses_nothing",
        &[],
        a_restart_in_the_middle_loses_nothing,
    ),
];

/// Makes hearth.example's records for a server that nothing leads to but its name.
const UNDELEGATED: &str = "matrix add hearth.example --delegate none --ttl 5 --address";

/// Looks back at everything that the others did, too.
pub(crate) const LAST: &[Test] = &[(
    "no_private_name_was_asked_in_public",
    &[],
    no_private_name_was_asked_in_public,
)];

/// Everything from the beginning: two accounts, a room, an invite, a join, and messages both ways. hearth.example is led
/// to by an SRV record, far.example by `.well-known`; at the port of servers without delegation nobody is.
fn strangers_talk_by_srv_and_by_well_known(world: &mut World) {
    world.settle();
    let World {
        phone,
        far,
        authorities,
        ..
    } = world;
    let cora = Person::register(phone, authorities, ANNAS, "cora");
    let dan = Person::register(&far.host, authorities, BOS, "dan");
    assert_eq!(
        (cora.id(), dan.id()),
        ("@cora:hearth.example", "@dan:far.example")
    );
    let room = cora.create_room(phone, dan.id());
    dan.accept(&far.host, &room);
    dan.say(&far.host, &room, "hello");
    cora.hear(phone, &room, "hello");
    cora.say(phone, &room, "welcome");
    dan.hear(&far.host, &room, "welcome");
    let said = ["@dan:far.example: hello", "@cora:hearth.example: welcome"];
    assert_eq!(cora.conversation(phone, &room), said);
    assert_eq!(dan.conversation(&far.host, &room), said);
    for (from, server) in [(&far.host, "hearth.example"), (&*phone, "far.example")] {
        assert!(!from.is_listening(server, 8448), "somebody is at {server}:8448");
    }
}

/// The address alone is not enough: it is the SRV record that the other server goes by.
fn without_the_srv_record_federation_stops(world: &mut World) {
    world.settle();
    assert_eq!(world.bo_looks_for_anna(), world.found());
    world.dnsctl("remove-record _matrix-fed._tcp.hearth.example SRV");
    world.wait_until_bo_finds_nobody();
    // The other direction knows nothing of it.
    assert_eq!(world.anna_looks_for_bo()["servers"], json!(["far.example"]));
    assert_eq!(world.far.host.addresses("hearth.example"), [CLOUD]);
    world.settle();
    assert_eq!(world.bo_looks_for_anna(), world.found());
}

/// Here the other server asks for SRV records that do not exist, and must be told so: were it refused, or not answered, it
/// would go no further.
fn without_delegation_a_server_is_at_port_8448(world: &mut World) {
    world.settle();
    world.dnsctl(&format!("{UNDELEGATED} {CLOUD}"));
    world.serve_as_told();
    assert!(!world.far.host.is_listening("hearth.example", 8449));
    world.wait_until_bo_finds_anna();
    let anna = world.anna.at("https://hearth.example");
    let room = anna.create_room(&world.phone, world.bo.id());
    world.bo.accept(&world.far.host, &room);
    world.bo_says(&room, "no records but addresses");
    anna.hear(&world.phone, &room, "no records but addresses");
    anna.say(&world.phone, &room, "they suffice");
    world.bo_hears(&room, "they suffice");
    let said = [
        "@bo:far.example: no records but addresses",
        "@anna:hearth.example: they suffice",
    ];
    assert_eq!(anna.conversation(&world.phone, &room), said);
    assert_eq!(world.bo.conversation(&world.far.host, &room), said);
}

fn without_records_federation_stops(world: &mut World) {
    world.settle();
    let room = world.room();
    world.remove_hearth();
    world.far.host.wait_for_addresses("hearth.example", &[]);
    world.wait_until_bo_finds_nobody();
    world.bo_says(&room, "lost");
    // Anna's phone finds her server no more.
    assert_eq!(world.phone.addresses("matrix.hearth.example"), [""; 0]);
    // Her server tells somebody who sits at it that nothing has arrived.
    assert_eq!(world.conversation_at_hearth(&room), ["@bo:far.example: before"]);

    world.settle();
    // The other server's patience is over until it hears from us.
    world.anna_tells_bo(&room, "are you there?");
    world.anna_hears(&room, "lost");
    world.assert_both_have(
        &room,
        &[
            "@anna:hearth.example: are you there?",
            "@bo:far.example: before",
            "@bo:far.example: lost",
        ],
    );
}

/// The server's address is blocked from one moment to the next. It has another one, and a command tells everybody.
fn a_server_moves_to_another_address(world: &mut World) {
    world.settle();
    let room = world.room();
    world.hearth.host.add_address(MOVED);
    world.hearth.host.remove_address(CLOUD);
    assert_eq!(world.far.host.addresses("hearth.example"), [CLOUD]);
    world.wait_until_bo_finds_nobody();
    world.bo_says(&room, "where are you?");
    world.move_hearth(MOVED);
    // The other house asked before, so this is the time to live in its cache.
    world.far.host.wait_for_addresses("hearth.example", &[MOVED]);
    world
        .far
        .host
        .wait_for_addresses("matrix.hearth.example", &[MOVED]);
    world.anna_tells_bo(&room, "here");
    world.anna_hears(&room, "where are you?");
    world.assert_both_have(
        &room,
        &[
            "@anna:hearth.example: here",
            "@bo:far.example: before",
            "@bo:far.example: where are you?",
        ],
    );
}

/// No name has an A record any more, on either side: the one is found by SRV, the other by `.well-known`, and everything goes
/// over IPv6.
fn servers_with_ipv6_alone_talk(world: &mut World) {
    world.settle();
    let room = world.room();
    world.add_hearth(CLOUD_V6);
    world.add_far(FAR_V6);
    for (host, name, address) in [
        (&world.far.host, "hearth.example", CLOUD_V6),
        (&world.far.host, "matrix.hearth.example", CLOUD_V6),
        (&world.hearth.host, "far.example", FAR_V6),
        (&world.hearth.host, "matrix.far.example", FAR_V6),
    ] {
        host.wait_for_addresses(name, &[]);
        assert_eq!(host.addresses_v6(name), [address], "{name}");
    }
    // New connections, which must ask.
    world.hearth.cut_connections();
    world.far.cut_connections();
    world.wait_until_bo_finds_anna();
    let versions = |base: &str| format!("{base}/_matrix/client/versions");
    for (host, base, address) in [
        (&world.far.host, ANNAS, CLOUD_V6),
        (&world.hearth.host, BOS, FAR_V6),
    ] {
        let reply = fetch(host, &world.authorities, &versions(base), "", "GET", &json!(null));
        assert_eq!(reply.from, address);
    }
    let (anna, bo) = (&world.anna, &world.bo);
    bo.say(&world.far.host, &room, "six");
    anna.hear(&world.hearth.host, &room, "six");
    anna.say(&world.hearth.host, &room, "and six");
    bo.hear(&world.far.host, &room, "and six");
    let said = [
        "@bo:far.example: before",
        "@bo:far.example: six",
        "@anna:hearth.example: and six",
    ];
    assert_eq!(anna.conversation(&world.hearth.host, &room), said);
    assert_eq!(bo.conversation(&world.far.host, &room), said);
}

/// A change is acknowledged, the daemon dies at once, and is started again while the servers talk.
fn a_restart_in_the_middle_loses_nothing(world: &mut World) {
    world.settle();
    let room = world.room();
    world.dnsctl("add-record late.hearth.example A 203.0.113.55 --ttl 5");
    world.dns.take().unwrap().process.kill();
    // Nobody at home resolves anything now. What was known is still known abroad.
    assert_eq!(world.phone.addresses("matrix.hearth.example"), [""; 0]);
    assert_eq!(world.phone.addresses("www.example.com"), [""; 0]);
    world.bo_says(&room, "while it was down");
    world.dns = Some(world.house.start());
    world.anna_tells_bo(&room, "and up again");
    world.anna_hears(&room, "while it was down");
    // New connections, which must ask.
    world.hearth.cut_connections();
    world.far.cut_connections();
    world.bo_tells_anna(&room, "by new connections");
    world.anna_tells_bo(&room, "both ways");
    assert_eq!(world.phone.addresses("late.hearth.example"), ["203.0.113.55"]);
    world.assert_both_have(
        &room,
        &[
            "@anna:hearth.example: and up again",
            "@anna:hearth.example: both ways",
            "@bo:far.example: before",
            "@bo:far.example: by new connections",
            "@bo:far.example: while it was down",
        ],
    );
}

/// Not one question below the private domains went to the public resolver. That ordinary names from the same hosts
/// arrived there shows that it would have been noticed.
fn no_private_name_was_asked_in_public(world: &mut World) {
    world.settle();
    let room = world.room();
    world.anna_tells_bo(&room, "between us");
    let World {
        phone,
        hearth,
        far,
        proxy,
        public,
        ..
    } = world;
    let hosts = [
        ("phone", &*phone),
        ("hearth", &hearth.host),
        ("far", &far.host),
        ("proxy", &proxy.host),
    ];
    for (name, host) in hosts {
        assert_eq!(host.addresses(&format!("{name}.ordinary.example")), [PUBLIC]);
        // Names that our zones do not hold, for which a resolver is tempted to ask elsewhere.
        for zone in ["hearth.example", "far.example"] {
            assert_eq!(host.addresses(&format!("{name}-asks.{zone}")), [""; 0]);
        }
    }
    assert_eq!(far.host.addresses("far.example"), [FAR]);
    assert_eq!(public.names_below("hearth.example."), [""; 0]);
    assert_eq!(public.names_below("far.example."), [""; 0]);
    let mut ordinary = public.names_below("ordinary.example.");
    ordinary.sort_unstable();
    ordinary.dedup();
    let asked = ["far", "hearth", "phone", "proxy"].map(|name| format!("{name}.ordinary.example. A"));
    assert_eq!(ordinary, asked);
    assert_eq!(public.unreadable(), [[0; 0]; 0]);
}
