//! Clients find their server, each at the address that is meant for it.

use serde_json::json;

use crate::Test;
use crate::person::{PASSWORD, fetch};
use crate::support::{program, run};
use crate::world::{CLOUD, HOME, PROXY, World};

pub(crate) const TESTS: &[Test] = &[
    (
        "lan_cloud_and_abroad_have_addresses_of_their_own",
        &[],
        lan_cloud_and_abroad_have_addresses_of_their_own,
    ),
    (
        "matrix_nio_logs_in_by_the_server_name",
        &["nio"],
        matrix_nio_logs_in_by_the_server_name,
    ),
];

/// Users at home go to the proxy at home, which goes to the server in the cloud, as the other server does; everybody else
/// is led to the home's public address, where no server would be served.
fn lan_cloud_and_abroad_have_addresses_of_their_own(world: &mut World) {
    world.settle();
    let room = world.room();
    world.views_of_hearth();
    world.hearth.cut_connections();
    let name = "matrix.hearth.example";
    world.far.host.wait_for_addresses(name, &[CLOUD]);
    let seen = [
        &world.phone,
        &world.proxy.host,
        &world.hearth.host,
        &world.far.host,
    ];
    let seen = seen.map(|host| host.addresses(name).join(" "));
    assert_eq!(seen, [PROXY, CLOUD, CLOUD, CLOUD]);
    let everybody = world.everybody_is_told(name);
    assert_eq!(everybody, [format!("{name}. 5 A {HOME}")]);

    let versions = format!("https://{name}/_matrix/client/versions");
    for (host, address) in [(&world.phone, PROXY), (&world.proxy.host, CLOUD)] {
        let reply = fetch(host, &world.authorities, &versions, "", "GET", &json!(null));
        assert_eq!(reply.from, address);
        assert!(reply.ok()["versions"].is_array());
    }
    // Through the proxy, and from one server to the other.
    world.anna_tells_bo(&room, "by way of home");
    world.bo_tells_anna(&room, "straight to the cloud");
    world.assert_both_have(
        &room,
        &[
            "@anna:hearth.example: by way of home",
            "@bo:far.example: before",
            "@bo:far.example: straight to the cloud",
        ],
    );
}

/// A real client that is told nothing but the server name, on the LAN.
fn matrix_nio_logs_in_by_the_server_name(world: &mut World) {
    world.settle();
    let room = world.room();
    let mut command = world.phone.command(program("nio").unwrap());
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/login.py"))
        .args([world.anna.id(), PASSWORD, &room, "from matrix-nio"])
        .env("SSL_CERT_FILE", &world.authorities);
    let ran = run(&mut command).ok();
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        told,
        json!({
            "homeserver": "https://matrix.hearth.example",
            "logged in as": "@anna:hearth.example",
            "heard": ["before"],
        })
    );
    world.bo_hears(&room, "from matrix-nio");
}
