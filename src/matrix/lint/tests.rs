//! Each rule by a zone that breaks it, with the whole message; and zones that break none.

use super::*;
use crate::zone::master;
use crate::zone::record::replaces;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// What is found in a base zone and a view over it, `FILE:LINE: SEVERITY RULE: MESSAGE`.
fn found_in(base: &str, view: Option<&str>) -> Vec<String> {
    let origin = name("hearth.example");
    let read = |file: &str, text: &str| {
        let read = master::parse(
            file,
            text.as_bytes(),
            &origin,
            &mut |_| Err("no files".to_owned()),
        );
        assert_eq!(read.defects, []);
        read
    };
    let base = read("h.zone", base);
    let upper = view.map(|text| read("lan/h.zone", text));
    let lower: Vec<Item<'_>> = base.entries.iter().map(Item::from).collect();
    let mut sights = vec![Sight {
        view: None,
        options: base.options.clone(),
        items: lower.clone(),
    }];
    if let Some(upper) = &upper {
        // As the store lays them: set by set.
        let upper: Vec<Item<'_>> = upper.entries.iter().map(Item::from).collect();
        let hidden = |item: &Item<'_>| {
            upper.iter().any(|other| {
                other.record.owner == item.record.owner && replaces(other.record.rtype, item.record.rtype)
            })
        };
        let seen = lower.iter().filter(|item| !hidden(item));
        sights.push(Sight {
            view: Some("lan"),
            options: base.options.clone(),
            items: seen.chain(&upper).copied().collect(),
        });
    }
    lint(&origin, &base.file, &sights)
        .into_iter()
        .map(|finding| {
            format!(
                "{}:{}: {} {}: {}",
                finding.file,
                finding.line,
                finding.severity.as_str(),
                finding.rule,
                finding.message
            )
        })
        .collect()
}

#[track_caller]
fn assert_found(zone: &str, want: &[&str]) {
    assert_eq!(found_in(zone, None), want, "{zone}");
}

/// A server that nothing is wrong with, to which a test adds what is.
const GOOD: &str = "@ A 192.88.98.1\nmatrix A 192.88.98.1\n_matrix-fed._tcp SRV 10 5 8448 matrix\n";

fn marked(words: &str, rest: &str) -> String {
    format!("; hearthdns: matrix=hearth.example,{words}\n@ A 192.88.98.1\n{rest}")
}

#[test]
fn zones_in_which_nothing_is_wrong() {
    assert_found(GOOD, &[]);
    assert_found(&marked("none", ""), &[]);
    assert_found(&marked("none", "matrix CNAME elsewhere.example.\n"), &[]);
    assert_found(
        &marked("well-known,matrix.hearth.example:443", "matrix A 192.88.98.1\n"),
        &[],
    );
    assert_found(
        &marked(
            "srv,matrix.hearth.example:8448,turn",
            "matrix A 192.88.98.1\nturn CNAME matrix\n_matrix-fed._tcp SRV 10 5 8448 matrix\n",
        ),
        &[],
    );
    // A homeserver elsewhere, with its own addresses.
    assert_found(&marked("well-known,matrix.other.example:443", ""), &[]);
    // Not about Matrix at all.
    assert_found("a 90000 A 127.0.0.1\n_sip._tcp SRV 1 1 0 a\n", &[]);
}

#[test]
fn a1_step_5_the_deprecated_name() {
    assert_found(
        &GOOD.replace("_matrix-fed", "_matrix"),
        &[
            "h.zone:3: warning srv-deprecated: `_matrix._tcp SRV 10 5 8448 matrix`: this name is deprecated since Matrix 1.8, and \
           may cease to be asked for (Matrix server-server API, resolving server names, step 5): rename it to \
           `_matrix-fed._tcp`",
        ],
    );
    assert_found(
        &format!("{GOOD}_matrix._tcp SRV 10 5 443 matrix\n"),
        &[
            "h.zone:4: warning srv-two-ways: `_matrix._tcp SRV 10 5 443 matrix` leads old software elsewhere than \
           `_matrix-fed._tcp SRV 10 5 8448 matrix` leads the rest (Matrix server-server API, resolving server names, steps 4 \
           and 5): remove it, for today's software does not need it, or write `10 5 8448 matrix`",
        ],
    );
    assert_found(&format!("{GOOD}_matrix._tcp SRV 1 1 8448 matrix\n"), &[]);
}

#[test]
fn a1_clients_ask_for_no_srv_record() {
    assert_found(
        &format!("{GOOD}_matrix-client._tcp SRV 10 5 443 matrix\n"),
        &[
            "h.zone:4: warning srv-for-clients: `_matrix-client._tcp SRV 10 5 443 matrix`: clients ask for no SRV record (Matrix \
           client-server API, server discovery): serve https://hearth.example/.well-known/matrix/client, and remove it",
        ],
    );
}

#[test]
fn a1_step_4_names_that_nobody_asks_for() {
    for owner in [
        "_matrix-fed._udp",
        "_matrix_fed._tcp",
        "matrix-fed._tcp",
        "_matrix-federation._tcp",
    ] {
        assert_found(
            &GOOD.replace("_matrix-fed._tcp", owner),
            &[&format!(
                "h.zone:3: error srv-misnamed: `{owner} SRV 10 5 8448 matrix`: nobody asks for this name (Matrix server-server \
                 API, resolving server names, step 4): name it `_matrix-fed._tcp`"
            )],
        );
    }
    assert_found(
        &GOOD.replace("_matrix-fed._tcp", "_matrix._udp.chat"),
        &[
            "h.zone:3: error srv-misnamed: `_matrix._udp.chat SRV 10 5 8448 matrix`: nobody asks for this name (Matrix \
           server-server API, resolving server names, step 4): name it `_matrix-fed._tcp.chat`",
        ],
    );
}

#[test]
fn srv_records_that_lead_nowhere() {
    assert_found(
        &GOOD.replace("10 5 8448 matrix", "0 0 0 ."),
        &[
            "h.zone:3: error srv-refuses: `_matrix-fed._tcp SRV 0 0 0 .` says that hearth.example does not federate (RFC 2782): \
           name the homeserver, or remove it",
        ],
    );
    assert_found(
        &GOOD.replace("8448", "0"),
        &[
            "h.zone:3: error srv-port: `_matrix-fed._tcp SRV 10 5 0 matrix`: nothing listens on port 0 (RFC 2782): write the \
           homeserver's port, mostly 8448",
        ],
    );
}

#[test]
fn a1_step_3_2_srv_records_that_are_never_asked_for() {
    let unasked = |line: u32, short: &str| {
        format!(
            "h.zone:{line}: warning srv-unasked: `{short}` is never asked for, because .well-known/matrix/server of \
             hearth.example names a port (Matrix server-server API, resolving server names, step 3.2): remove it, or lead \
             others by it with `dnsctl matrix add --delegate srv`"
        )
    };
    let well_known = "well-known,matrix.hearth.example:443";
    assert_found(
        &marked(
            well_known,
            "matrix A 192.88.98.1\n_matrix-fed._tcp SRV 10 5 8448 matrix\n",
        ),
        &[&unasked(4, "_matrix-fed._tcp SRV 10 5 8448 matrix")],
    );
    assert_found(
        &marked(
            well_known,
            "matrix A 192.88.98.1\n_matrix-fed._tcp.matrix SRV 10 5 8448 matrix\n",
        ),
        &[&unasked(4, "_matrix-fed._tcp.matrix SRV 10 5 8448 matrix")],
    );
    assert_found(
        "; hearthdns: matrix=hearth.example:8449,none\n@ A 192.88.98.1\n_matrix-fed._tcp SRV 10 5 8448 @\n",
        &[
            "h.zone:3: warning srv-unasked: `_matrix-fed._tcp SRV 10 5 8448 @` is never asked for, because the server name \
           hearth.example:8449 has a port (Matrix server-server API, resolving server names, step 2): remove it",
        ],
    );
}

#[test]
fn a1_step_4_srv_records_against_the_option() {
    let srv = "srv,matrix.hearth.example:8448";
    assert_found(
        &marked(srv, "matrix A 192.88.98.1\n"),
        &[
            "h.zone:0: error srv-missing: the SRV record of hearth.example is not there, so others go to its port 8448 (Matrix \
           server-server API, resolving server names, step 6): write it again with `dnsctl matrix add`, or add \
           `_matrix-fed._tcp SRV 10 5 8448 matrix`",
        ],
    );
    assert_found(
        &marked(
            srv,
            "matrix A 192.88.98.1\n_matrix-fed._tcp SRV 10 5 443 matrix\n",
        ),
        &[
            "h.zone:4: warning srv-other: `_matrix-fed._tcp SRV 10 5 443 matrix` leads elsewhere than `matrix=` says, which is \
           matrix.hearth.example:8448 (Matrix server-server API, resolving server names, step 4): say with `dnsctl matrix add` \
           which it is",
        ],
    );
    assert_found(
        &marked("none", "_matrix-fed._tcp SRV 10 5 443 @\n"),
        &[
            "h.zone:3: warning srv-other: `_matrix-fed._tcp SRV 10 5 443 @` leads elsewhere than `matrix=` says, which is \
           hearth.example:8448 (Matrix server-server API, resolving server names, step 4): say with `dnsctl matrix add` which \
           it is",
        ],
    );
}

#[test]
fn names_without_an_address() {
    let gone = |zone: &str| zone.replace("@ A 192.88.98.1\n", "x A 192.88.98.1\n");
    assert_found(
        &gone(GOOD),
        &[
            "h.zone:0: warning server-address: hearth.example has no address, so clients do not find \
           https://hearth.example/.well-known/matrix/client (Matrix client-server API, server discovery): add `@ A ADDRESS`",
        ],
    );
    assert_found(
        &gone(&marked("none", "")),
        &[
            "h.zone:0: error server-address: hearth.example has no address, and nothing leads others elsewhere (Matrix \
           server-server API, resolving server names, step 6): add `@ A ADDRESS`",
        ],
    );
    let well_known = "well-known,matrix.hearth.example:443";
    assert_found(
        &gone(&marked(well_known, "matrix A 192.88.98.1\n")),
        &[
            "h.zone:0: error server-address: hearth.example has no address, so nobody finds \
           https://hearth.example/.well-known/matrix/server (Matrix server-server API, resolving server names, step 3): add \
           `@ A ADDRESS`",
        ],
    );
    assert_found(
        &marked(well_known, ""),
        &[
            "h.zone:0: error homeserver-address: matrix.hearth.example, to which other servers are led, has no address (Matrix \
           server-server API, resolving server names, steps 3.2 and 4): add `matrix A ADDRESS`",
        ],
    );
    assert_found(
        &marked("none,rtc", ""),
        &[
            "h.zone:0: warning service-address: rtc.hearth.example has no address, though `matrix=` says that hearth.example has \
           `rtc`: write it again with `dnsctl matrix add`, or add `rtc A ADDRESS`",
        ],
    );
}

#[test]
fn a2_own_name_at_loopback_and_other_addresses_of_no_use() {
    for (address, what) in [
        ("A 127.0.0.1", "a loopback address"),
        ("A 0.0.0.0", "the unspecified address"),
        ("A 169.254.1.1", "a link-local address"),
        ("A 224.0.0.1", "a multicast address"),
        ("A 255.255.255.255", "the broadcast address"),
        ("AAAA fe80::1", "a link-local address"),
        ("AAAA ::1", "a loopback address"),
    ] {
        assert_found(
            &marked("none", "").replace("A 192.88.98.1", address),
            &[&format!(
                "h.zone:2: error useless-address: `@ {address}` is {what}: other hosts do not reach the server there, and one \
                 whose own name leads to itself refuses invites (Synapse, ip_range_blacklist): write the address at which \
                 others reach it"
            )],
        );
    }
    assert_found(&format!("{GOOD}printer A 127.0.0.1\n"), &[]);
    // A zone that somebody wrote by hand: the server is known by its SRV record.
    for (line, short) in [(1, "@ A 127.0.0.1"), (2, "matrix A 127.0.0.1")] {
        assert_found(
            &GOOD.replace(&short.replace("127.0.0.1", "192.88.98.1"), short),
            &[&format!(
                "h.zone:{line}: error useless-address: `{short}` is a loopback address: other hosts do not reach the server there, \
                 and one whose own name leads to itself refuses invites (Synapse, ip_range_blacklist): write the address at which \
                 others reach it"
            )],
        );
    }
}

#[test]
fn a2_addresses_that_other_homeservers_refuse() {
    let refused = |address: &str, what: &str| {
        format!(
            "h.zone:0: warning blocked-address: {address}, an address of hearth.example, is {what}: other homeservers refuse \
             to connect there unless told (Synapse, ip_range_blacklist): they need `ip_range_whitelist: [\"{address}\"]`"
        )
    };
    for (address, what) in [
        ("10.1.2.3", "private"),
        ("100.64.0.1", "shared by customers of a provider"),
        ("203.0.113.10", "for documentation"),
    ] {
        assert_found(&GOOD.replace("192.88.98.1", address), &[&refused(address, what)]);
    }
}

#[test]
fn a2_one_private_address_beside_public_ones() {
    let found = found_in(&format!("{GOOD}matrix A 10.0.0.1\n"), None);
    assert_eq!(
        found.last().unwrap(),
        "h.zone:4: warning mixed-addresses: matrix has the private address 10.0.0.1 beside 192.88.98.1: Synapse refuses a name \
         for one private address (ip_range_blacklist), and clients elsewhere try it in vain: give 10.0.0.1 to the view of \
         those who reach it, with `dnsctl matrix add --view VIEW --address 10.0.0.1`"
    );
}

#[test]
fn rfc9460_s7_3_hints_at_an_address_that_the_host_has_not() {
    let hinted = |line: u32, short: &str, hint: &str, host: &str| {
        format!(
            "h.zone:{line}: warning hint: `{short}` hints at {hint}, which is no address of {host}: browsers may connect there \
             first (RFC 9460, 7.3): take `ipv4hint` and `ipv6hint` out, for they ask for the address anyway"
        )
    };
    assert_found(&format!("{GOOD}@ HTTPS 1 . ipv4hint=192.88.98.1\n"), &[]);
    let own = "@ HTTPS 1 . alpn=h2 ipv4hint=192.88.98.1,192.88.98.9";
    assert_found(
        &format!("{GOOD}{own}\n"),
        &[&hinted(4, own, "192.88.98.9", "hearth.example")],
    );
    let other = "@ HTTPS 1 matrix ipv6hint=2a00::1";
    assert_found(
        &format!("{GOOD}{other}\n"),
        &[&hinted(4, other, "2a00::1", "matrix.hearth.example")],
    );
    // Hosts elsewhere have their own addresses, and a record in alias mode has no hints.
    assert_found(
        &format!("{GOOD}@ HTTPS 1 a.example. ipv4hint=192.88.98.9\n@ HTTPS 0 matrix\n"),
        &[],
    );
    // Those of the base zone are left out where a view gives the host another address; its own are its own.
    let base = format!("{GOOD}matrix HTTPS 1 . ipv4hint=192.88.98.1\n");
    assert_eq!(found_in(&base, Some("matrix A 192.88.98.2\n")), [""; 0]);
    let own = "matrix HTTPS 1 . ipv4hint=192.88.98.1";
    let said = hinted(2, own, "192.88.98.1", "matrix.hearth.example");
    let said = said.replacen("h.zone", "lan/h.zone", 1);
    assert_eq!(
        found_in(&base, Some(&format!("matrix A 192.88.98.2\n{own}\n"))),
        [said.replace("hint: `", "hint: in the view lan: `")]
    );
}

#[test]
fn a4_ipv6_all_or_nothing() {
    assert_found(
        &marked("none,turn", "@ AAAA 2a00::1\nturn A 192.88.98.1\n"),
        &[
            "h.zone:0: warning half-ipv6: hearth.example has an AAAA record and turn.hearth.example, which is on the same host, \
           has none: over IPv6 one works and the other does not (Matrix client-server API, server discovery): give all names \
           of the server one, or none",
        ],
    );
    // On another host it is another matter.
    assert_found(&marked("none,turn", "@ AAAA 2a00::1\nturn A 192.88.98.2\n"), &[]);
}

#[test]
fn a4_times() {
    assert_found(
        &GOOD.replace("matrix A", "matrix 86400 A"),
        &[
            "h.zone:2: warning long-ttl: `matrix A 192.88.98.1` has the TTL 86400: others look for a server that has moved at \
           its old address for so long (RFC 1035, 3.2.1): 300 is usual, `--ttl 300`",
        ],
    );
    assert_found(
        &format!("@ 3600 SOA ns.hearth.example. h.hearth.example. 7 1 1 1 900\n{GOOD}"),
        &[
            "h.zone:1: warning negative-ttl: who asks for a name before its record is there keeps that it is not for 900 \
           seconds, homeservers of the Conduit family for 3 days (RFC 2308, 5): write 60 as the SOA record's last number",
        ],
    );
    // The SOA record's own TTL bounds it too (RFC 2308, 3).
    assert_found(
        &format!("@ 60 SOA ns.hearth.example. h.hearth.example. 7 1 1 1 900\n{GOOD}"),
        &[],
    );
    assert_found(
        &GOOD.replace(
            "matrix A 192.88.98.1",
            "matrix A 192.88.98.1 ; hearthdns: expires=2027-01-01",
        ),
        &[
            "h.zone:2: warning expires: matrix has no address from 2027-01-01 on, for each of its records expires \
           (`expires=`): add one that stays",
        ],
    );
}

#[test]
fn a5_clients_begin_at_port_443_whatever_their_port_is() {
    let well_known = "well-known,matrix.hearth.example:8451,client:8443";
    assert_found(
        &marked(well_known, "matrix A 192.88.98.1\n"),
        &[
            "h.zone:0: warning client-port: clients look for https://hearth.example/.well-known/matrix/client at port 443, though \
           the server is at port 8443 for them (Matrix client-server API, server discovery): have 443 open there too, give \
           hearth.example a web host elsewhere with `--web ADDRESS`, or have people type https://matrix.hearth.example:8443",
        ],
    );
    // The file is on another host, whose port 443 it has to itself.
    assert_found(&marked(well_known, "matrix A 192.88.98.2\n"), &[]);
    // Told once, for all views.
    let base = marked(well_known, "matrix A 192.88.98.1\n");
    assert_eq!(
        found_in(&base, Some("@ A 10.0.0.1\nmatrix A 10.0.0.1\n")).len(),
        1
    );
}

#[test]
fn a6_3_names_that_leave_the_house() {
    assert_found(
        &format!("; hearthdns: forward=_tcp\n{}", marked("none", "")),
        &[
            "h.zone:0: error passed-on: `forward=_tcp` sends every question for _matrix-fed._tcp.hearth.example to public DNS, \
           which tells of the server and fails when nobody answers there (Matrix server-server API, resolving server names, \
           step 4): take it away",
        ],
    );
    assert_found(&format!("; hearthdns: forward=_acme-challenge\n{GOOD}"), &[]);
}

#[test]
fn a1_aliases_by_a_wildcard() {
    assert_found(
        &marked("none", "* CNAME elsewhere.example.\n"),
        &[
            "h.zone:3: warning wildcard: `* CNAME elsewhere.example.` answers for `_matrix-fed._tcp` too, so other servers look \
           for the homeserver where it leads (Matrix server-server API, resolving server names, step 4): write out the names \
           that are meant",
        ],
    );
    assert_found(&format!("{GOOD}* CNAME elsewhere.example.\n"), &[]);
    assert_found(&format!("{GOOD}*._tcp CNAME elsewhere.example.\n"), &[]);
    assert_found(
        &marked("none", "* CNAME elsewhere.example.\n_x._tcp TXT x\n"),
        &[],
    );
}

#[test]
fn a3_names_that_resolvers_keep_to_themselves() {
    let origin = name("home.arpa");
    let text = "; hearthdns: matrix=home.arpa,none\n@ A 192.88.98.1\n";
    let file = master::parse("h.zone", text.as_bytes(), &origin, &mut |_| Err(String::new()));
    let sight = Sight {
        view: None,
        options: file.options.clone(),
        items: file.entries.iter().map(Item::from).collect(),
    };
    let found = lint(&origin, &file.file, &[sight]);
    let messages: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "home.arpa lies in `home.arpa`, for which many resolvers ask nobody (RFC 8375): choose another server name, or let \
          every resolver in between make an exception; `dnsctl router` prints it"
        ]
    );
}

#[test]
fn options_that_say_nothing() {
    assert_found(
        "; hearthdns: matrix=hearth.example,maybe\n@ A 192.88.98.1\n",
        &[
            "h.zone:0: error mark: the option `matrix=hearth.example,maybe` is not valid: `maybe` is no way to delegate; expected \
           `none`, `srv` or `well-known`; `dnsctl matrix add` writes it",
        ],
    );
    // What a terminal would take for a command is written out.
    for (value, written) in [
        (
            "a\u{1b}b,none",
            "`a\\u{1b}b` is no host name: letters, digits, `-` and dots may stand in one",
        ),
        (
            "a.example:\u{1b},none",
            "`\\u{1b}` is no port; expected a number from 1 to 65535",
        ),
    ] {
        let shown = value.escape_debug();
        assert_found(
            &format!("; hearthdns: matrix={value}\n@ A 192.88.98.1\n"),
            &[&format!(
                "h.zone:0: error mark: the option `matrix={shown}` is not valid: {written}; `dnsctl matrix add` writes it"
            )],
        );
    }
    assert_found(
        "; hearthdns: matrix=other.example,none\n@ A 192.88.98.1\n",
        &[
            "h.zone:0: error mark: the option `matrix=` names other.example, which is not in the zone hearth.example.: take it \
           away, and add the server with `dnsctl matrix add`",
        ],
    );
}

#[test]
fn a6_8_a_view_has_its_own_addresses_of_both_kinds() {
    let base = marked("none", "@ A 192.88.98.1\n@ AAAA 2a00::1\n");
    assert_eq!(found_in(&base, Some("@ A 10.0.0.1\n")), [""; 0]);
    assert_eq!(found_in(&base, Some("@ AAAA fd00::1\n")), [""; 0]);
    // What is so for everybody is told once.
    let base = GOOD.replace("matrix A", "matrix 86400 A");
    assert_eq!(found_in(&base, Some("@ A 10.0.0.1\n")).len(), 1);
}
