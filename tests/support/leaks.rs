//! What a leak could look like, and a whole life of a daemon during which there may be none: fresh, with its
//! upstreams dead and its answers stale, with a broken zone, restarted, and with its upstreams back.
//!
//! `tests/leak.rs` lives it over every transport, and `tests/dnssec.rs` once more with validation.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::sample::HEARTH;
#[cfg(all(feature = "https", feature = "h3"))]
use super::secure::Secure;
use super::upstream::{Act, Shared, Transport, Upstream};
use super::wire::{Edns, Message, put_name, rcode, rtype, type_name};
use super::{DEADLINE, Daemon, House};

/// Names that a leak could bear: held, not held, deep, wild, odd in case and type. `%` is the private zone.
const NAMES: &[(&str, u16)] = &[
    ("%", rtype::A),
    ("%", rtype::AAAA),
    ("%", rtype::NS),
    ("%", rtype::SOA),
    ("%", rtype::DS),
    ("%", 48),
    ("matrix.%", rtype::A),
    ("matrix.%", rtype::AAAA),
    ("matrix.%", rtype::HTTPS),
    ("matrix.%", rtype::ANY),
    ("MATRIX.%", rtype::TXT),
    ("nowhere.%", rtype::A),
    ("a.b.c.d.e.nowhere.%", rtype::AAAA),
    ("*.%", rtype::A),
    ("_matrix._tcp.%", rtype::SRV),
    ("_matrix-fed._tcp.%", rtype::SRV),
    ("dangling.%", rtype::A),
    ("x.old.%", rtype::A),
    ("y.old.%", rtype::AAAA),
    ("host.sub.%", rtype::A),
    ("with\\.dot.%", rtype::A),
    ("hearth\\.example.%", rtype::A),
    ("odd.%", 65280),
];

/// [`NAMES`] in this zone; the first letters of the zone in another case where those of the name are.
pub(crate) fn names(zone: &str) -> Vec<(String, u16)> {
    let full = |name: &str| {
        let shouts = name.starts_with(|c: char| c.is_ascii_uppercase());
        let odd = zone[..1].to_ascii_uppercase() + &zone[1..zone.len() - 1] + ".";
        name.replace('%', if shouts { &odd } else { zone })
    };
    NAMES.iter().map(|(name, asked)| (full(name), *asked)).collect()
}

/// Asks all of [`NAMES`] over UDP and TCP, in several shapes; the response codes of the plain form.
pub(crate) fn ask_everything(daemon: &Daemon, zone: &str) -> Vec<u16> {
    let client = daemon.client();
    let names = names(zone);
    let codes = names
        .iter()
        .map(|(name, asked)| client.ask(name, *asked).rcode)
        .collect();
    let mut stream = client.stream();
    for (name, asked) in names {
        let mut query = Message::query(&name, asked).with_edns(1232);
        stream.exchange(&query);
        query.edns.as_mut().unwrap().dnssec_ok = true;
        query.cd = true;
        client.exchange(&query);
        query.rd = false;
        client.exchange(&query);
    }
    codes
}

/// Nothing at or below `zone` arrived: not as a question, not in another section, not inside of what is no message.
#[track_caller]
pub(crate) fn assert_unseen(upstream: &Shared, zone: &str) {
    let leaked = upstream.names_below(zone);
    assert!(leaked.is_empty(), "sent upstream: {leaked:?}");
    let mut needle = Vec::new();
    put_name(&mut needle, zone);
    let holds = |bytes: &[u8]| {
        bytes
            .windows(needle.len())
            .any(|window| window.eq_ignore_ascii_case(&needle))
    };
    assert!(!upstream.unreadable().iter().any(|bytes| holds(bytes)));
    assert!(!upstream.seen().iter().any(|seen| holds(&seen.query.encode())));
}

/// The world around the daemon.
#[derive(Clone, Copy)]
pub(crate) struct World {
    /// The domain in which everything lies, public names too: `www` in it must have an address.
    pub(crate) top: &'static str,
    /// A public name whose zone is not signed, so that an alias there is followed.
    pub(crate) trap: &'static str,
    /// Lines of the config file: how it is validated. Empty: it is not.
    pub(crate) config: &'static str,
}

/// A scripted upstream that is reached by one transport.
enum Watched {
    Plain(Upstream),
    #[cfg(all(feature = "https", feature = "h3"))]
    Encrypted(Secure),
}

impl Deref for Watched {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        match self {
            Self::Plain(upstream) => upstream,
            #[cfg(all(feature = "https", feature = "h3"))]
            Self::Encrypted(upstream) => upstream,
        }
    }
}

impl Watched {
    fn start(by: Transport) -> Self {
        match by {
            Transport::Udp | Transport::Tcp => Self::Plain(Upstream::silent()),
            #[cfg(all(feature = "https", feature = "h3"))]
            _ => Self::Encrypted(Secure::start(&["dns.example"], |_, _| Vec::new())),
            #[cfg(not(all(feature = "https", feature = "h3")))]
            _ => panic!("{by:?} was not built"),
        }
    }

    /// How the config names it; the certificate's authority goes into a file of the house.
    #[cfg_attr(not(all(feature = "https", feature = "h3")), allow(unused_variables))]
    fn mapping(&self, by: Transport, house: &House, ca_file: &str) -> String {
        match self {
            Self::Plain(upstream) => {
                let scheme = if by == Transport::Udp { "udp" } else { "tcp" };
                format!("{{url: \"{scheme}://{}\"}}", upstream.addr)
            }
            #[cfg(all(feature = "https", feature = "h3"))]
            Self::Encrypted(upstream) => {
                house.write(ca_file, &upstream.authority);
                let [tls, https, quic, h3] = upstream.urls("dns.example");
                let url = match by {
                    Transport::Tls => tls,
                    Transport::Https => https,
                    Transport::Quic => quic,
                    _ => h3,
                };
                format!("{{url: \"{url}\", addresses: [127.0.0.1], ca_file: {ca_file}}}")
            }
        }
    }

    /// Dead: silence for one question, the end of the connection for the next.
    fn die(&self) {
        let count = AtomicUsize::new(0);
        self.script(move |_, by| match count.fetch_add(1, Ordering::SeqCst) % 2 {
            1 if by != Transport::Udp => vec![Act::Close],
            _ => Vec::new(),
        });
    }

    /// All questions and their types at or below a name, each once.
    fn asked_below(&self, zone: &str) -> Vec<String> {
        let mut names = self.names_below(zone);
        names.sort();
        names.dedup();
        names
    }
}

/// Lives through everything with upstreams of this transport that answer as `answer` does, with two exceptions, of
/// which nothing is signed: the trap is an alias into the private zone, and `other` has an address.
pub(crate) fn nothing_leaks(
    by: Transport,
    world: World,
    house: House,
    answer: impl Fn(&Message, Transport) -> Option<Message> + Clone + Send + Sync + 'static,
) {
    let top = world.top;
    let [private, overlay, late, routed] =
        ["hearth", "over", "late", "routed"].map(|label| format!("{label}.{top}"));
    let everybody = Watched::start(by);
    let corporate = Watched::start(by);
    let live = |upstream: &Watched| {
        let (answer, private) = (answer.clone(), private.clone());
        upstream.script(move |query, by| {
            let name = query.qname();
            let forged = |owner: &str| format!("{owner} 300 A 203.0.113.66");
            let reply = match name.split('.').next() {
                Some(label) if label.eq_ignore_ascii_case("trap") => {
                    let target = format!("nowhere.{private}");
                    let reply = query.reply().answer(&format!("{name} 300 CNAME {target}"));
                    // Whoever wants to prove this asks about the private zone.
                    Some(reply.answer(&forged(&target)))
                }
                // Unsigned, also where what lies above is signed: who wants to prove this asks about the overlay.
                Some(label) if label.eq_ignore_ascii_case("other") && query.qtype() == rtype::A => {
                    Some(query.reply().answer(&forged(name)))
                }
                _ => answer(query, by),
            };
            reply.map(Act::Send).into_iter().collect()
        });
    };
    live(&everybody);
    live(&corporate);
    let (main, route) = (
        everybody.mapping(by, &house, "everybody.pem"),
        corporate.mapping(by, &house, "corporate.pem"),
    );
    // Routes beside, at and below private zones: zones are stronger.
    let house = house
        .config(&format!(
            "upstreams:\n  - {main}\ncache: {{max_ttl: 1, negative_max_ttl: 1, failure_seconds: 1}}\nroutes:\n  \
             {routed}:\n    upstreams: [{route}]\n  deep.{private}:\n    upstreams: [{route}]\n  \
             {late}:\n    upstreams: [{route}]\n  void.{top}: nowhere\n{}",
            world.config
        ))
        .upstreams_of_config()
        .zone(private.trim_end_matches('.'), HEARTH)
        .zone(
            overlay.trim_end_matches('.'),
            "; hearthdns: mode=overlay\nmatrix 300 A 192.0.2.10\n",
        );
    let mut daemon = house.start();
    let (www, other) = (format!("www.{top}"), format!("other.{overlay}"));
    let codes = ask_everything(&daemon, &private);
    let ask_all = |daemon: &Daemon| {
        assert_eq!(ask_everything(daemon, &private), codes, "{by:?}");
        let held = format!("matrix.{overlay}");
        assert_eq!(daemon.ask(&held, rtype::A).answers.len(), 1, "{by:?}");
        assert_eq!(daemon.ask(&held, rtype::AAAA).rcode, rcode::NOERROR, "{by:?}");
        let nowhere = daemon.ask(&format!("x.void.{top}"), rtype::A);
        assert_eq!(nowhere.rcode, rcode::NXDOMAIN, "{by:?}");
    };
    let all_unseen = || {
        for upstream in [&everybody, &corporate] {
            assert_unseen(upstream, &private);
            assert_unseen(upstream, &format!("void.{top}"));
        }
        // The overlay's missing name shows that the watch sees what arrives.
        let seen = everybody.asked_below(&overlay);
        let expected = format!("{other} {}", type_name(rtype::A));
        assert_eq!(seen, [expected], "{by:?}");
        assert_eq!(corporate.asked_below(&overlay), [""; 0], "{by:?}");
    };

    // Fresh.
    ask_all(&daemon);
    let answered = daemon.ask(&www, rtype::A);
    assert_eq!((answered.rcode, ede(&answered)), (rcode::NOERROR, None), "{by:?}");
    assert_eq!(daemon.ask(&other, rtype::A).answers.len(), 1, "{by:?}");
    for name in [
        format!("outside.{private}"),
        world.trap.to_owned(),
        format!("www.{late}"),
        format!("x.{routed}"),
    ] {
        daemon.ask(&name, rtype::A);
    }
    let is_validated = everybody.asked_below(top).contains(&format!("{top} TYPE48"));
    assert_eq!(
        is_validated,
        !world.config.is_empty(),
        "{by:?}: keys were asked for"
    );
    assert_eq!(everybody.asked_below(&routed), [""; 0], "{by:?}");
    assert_eq!(
        corporate.asked_below(&routed),
        [format!("x.{routed} A")],
        "{by:?}"
    );
    assert_eq!(corporate.asked_below(&late), [format!("www.{late} A")], "{by:?}");
    all_unseen();

    // What was public and cached becomes private; then the upstreams die, and all that is cached goes stale.
    house.write(
        &format!("zones/{}.zone", late.trim_end_matches('.')),
        "home A 192.0.2.99\n",
    );
    house.dnsctl(&["reload"]).ok();
    assert_eq!(
        daemon.ask(&format!("www.{late}"), rtype::A).rcode,
        rcode::NXDOMAIN
    );
    for upstream in [&everybody, &corporate] {
        upstream.forget();
        upstream.die();
    }
    std::thread::sleep(Duration::from_millis(1100));
    let stale = daemon.ask(&www, rtype::A);
    let expected = Some((3, "no upstream answers".to_owned()));
    assert_eq!((stale.rcode, ede(&stale)), (rcode::NOERROR, expected), "{by:?}");
    daemon.ask(&other, rtype::A);
    ask_all(&daemon);
    assert_eq!(
        daemon.ask(&format!("www.{late}"), rtype::A).rcode,
        rcode::NXDOMAIN
    );
    all_unseen();

    // The zone's file breaks, the daemon restarts with what it kept of its cache, and nobody is there to ask.
    house.write(
        &format!("zones/{}.zone", private.trim_end_matches('.')),
        "broken\n",
    );
    house.dnsctl(&["reload"]);
    ask_all(&daemon);
    assert!(daemon.process.terminate().success());
    daemon = house.start();
    ask_all(&daemon);
    assert_eq!(
        daemon.ask(&format!("www.{late}"), rtype::A).rcode,
        rcode::NXDOMAIN
    );

    // Back.
    live(&everybody);
    live(&corporate);
    let end = Instant::now() + DEADLINE;
    loop {
        let reply = daemon.ask(&www, rtype::A);
        if (reply.rcode, ede(&reply)) == (rcode::NOERROR, None) {
            break;
        }
        assert!(Instant::now() < end, "{by:?}: not asked again: {reply:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    ask_all(&daemon);
    daemon.ask(&other, rtype::A);
    daemon.ask(&format!("x.{routed}"), rtype::A);
    all_unseen();
    for upstream in [&everybody, &corporate] {
        assert_unseen(upstream, &late);
        let came: Vec<Transport> = upstream.seen().iter().map(|seen| seen.transport).collect();
        // What does not fit a datagram is fetched over TCP.
        let fits = |came: &Transport| *came == by || (by, *came) == (Transport::Udp, Transport::Tcp);
        assert!(!came.is_empty() && came.iter().all(fits), "{by:?}: {came:?}");
    }
}

fn ede(reply: &Message) -> Option<(u16, String)> {
    reply.edns.as_ref().and_then(Edns::extended_error)
}
