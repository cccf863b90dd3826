//! The course of an order against an authority of the tests' own (`world`): every way to prove a name, and everything that
//! can go wrong on the way. Time is virtual. What comes of it over the years is in `years`.

#[cfg(test)]
mod world;
#[cfg(test)]
mod years;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::config::AcmeChallenge;
use world::*;

#[tokio::test(start_paused = true)]
async fn rfc8555_s7_1_names_become_a_certificate() {
    let world = World::new("course", &["http-01", "dns-01"]);
    let (file, facts) = run(&world, hook()).await.unwrap();
    assert_eq!(facts.names, names());
    assert_eq!(
        (facts.issuer.as_str(), facts.until),
        ("A Public Authority", 1_806_537_600)
    );
    assert_eq!(file.matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(file.matches("BEGIN PRIVATE KEY").count(), 1);
    // Both names are proved by a record at one place, and what was published is taken back.
    let dns = world.dns.borrow().clone();
    assert_eq!(
        dns.keys().collect::<Vec<_>>(),
        ["_acme-challenge.dns.home.example"]
    );
    let withdrawn: Vec<String> = world
        .withdrawn
        .borrow()
        .iter()
        .map(|proof| proof.text.clone())
        .collect();
    assert_eq!(dns["_acme-challenge.dns.home.example"], withdrawn);
    // Nothing of it is under way any more, and the account stays.
    let memory = world.memory();
    assert_eq!((memory.order, memory.order_key.is_none()), (None, true));
    assert_eq!(memory.account.as_deref(), Some("https://ca.example/account/1"));
    run(&world, hook()).await.unwrap();
    assert_eq!((*world.accounts.borrow(), *world.orders.borrow()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_person_is_asked_for_one_record_that_stays_where_the_authority_offers_that() {
    let world = World::new("persist", &["dns-01", "dns-persist-01"]);
    *world.person.borrow_mut() = Some(Box::new(|world, stage| {
        if let Some(proof) = stage.awaited.first() {
            world
                .dns
                .borrow_mut()
                .insert(proof.owner.clone(), vec!["other".into(), proof.text.clone()]);
        }
    }));
    run(&world, AcmeChallenge::Print).await.unwrap();
    let asked: Vec<Stage> = world
        .told
        .borrow()
        .iter()
        .filter(|stage| !stage.awaited.is_empty())
        .cloned()
        .collect();
    assert_eq!(asked.len(), 1);
    let records: Vec<(&str, &str)> = asked[0]
        .awaited
        .iter()
        .map(|proof| (proof.owner.as_str(), proof.text.as_str()))
        .collect();
    let record = (
        "_validation-persist.dns.home.example",
        "ca.example; accounturi=https://ca.example/account/1; policy=wildcard",
    );
    assert_eq!(records, [record, record]);
    // The next time nobody is asked for anything.
    world.told.borrow_mut().clear();
    let before = Instant::now();
    run(&world, AcmeChallenge::Persist).await.unwrap();
    assert!(world.told.borrow().iter().all(|stage| stage.awaited.is_empty()));
    assert!(before.elapsed() < Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_stays_may_be_written_by_hand() {
    let world = World::new("by-hand", &["dns-persist-01"]);
    let owner = "_validation-persist.dns.home.example";
    for (text, is_one) in [
        (
            "Other.Example ;accounturi=https://ca.example/account/1;policy=wildcard; persistUntil=1900000000",
            true,
        ),
        (
            "ca.example; accounturi=https://ca.example/account/1; Policy=WILDCARD",
            true,
        ),
        ("ca.example; accounturi=https://ca.example/account/1", false),
        (
            "ca.example; accounturi=https://ca.example/account/2; policy=wildcard",
            false,
        ),
        (
            "stranger.example; accounturi=https://ca.example/account/1; policy=wildcard",
            false,
        ),
        ("ca.example; policy=wildcard", false),
        ("", false),
    ] {
        world
            .dns
            .borrow_mut()
            .insert(owner.to_owned(), vec![text.to_owned()]);
        let before = Instant::now();
        let ended = run(&world, AcmeChallenge::Persist).await;
        assert_eq!(ended.is_ok(), is_one, "{text}: {ended:?}");
        // A person has days.
        assert_eq!(before.elapsed() < Duration::from_secs(60), is_one, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_who_adds_the_record_of_the_day_after_days_is_waited_for() {
    let world = World::new("patience", &["dns-01"]);
    let begun = Instant::now();
    *world.person.borrow_mut() = Some(Box::new(move |world, stage| {
        if begun.elapsed() > Duration::from_secs(3 * 86_400) {
            for proof in &stage.awaited {
                let mut dns = world.dns.borrow_mut();
                dns.entry(proof.owner.clone())
                    .or_default()
                    .push(proof.text.clone());
            }
        }
    }));
    run(&world, AcmeChallenge::Print).await.unwrap();
    assert!(world.told.borrow().len() < 1000, "{}", world.told.borrow().len());
    // The authority was not asked meanwhile.
    assert!(world.log.borrow().len() < 30, "{:?}", world.log.borrow());
}

#[tokio::test(start_paused = true)]
async fn an_order_is_gone_on_with_after_a_restart() {
    let mut world = World::new("restart", &["dns-01"]);
    world.is_published = false;
    let trouble = run(&world, hook()).await.unwrap_err();
    assert!(
        trouble.message.starts_with("public DNS does not show the TXT record `")
            && trouble.message.ends_with(
                "` of _acme-challenge.dns.home.example: it has no TXT record there; does the program do it where the \
                 Internet looks?"
            ),
        "{trouble}"
    );
    // The authority was not asked to look, and the order stands.
    assert!(
        !world
            .log
            .borrow()
            .iter()
            .any(|path| path.starts_with("/challenge"))
    );
    assert_eq!(world.withdrawn.borrow().len(), 2);
    world.is_published = true;
    run(&world, hook()).await.unwrap();
    assert_eq!((*world.accounts.borrow(), *world.orders.borrow()), (1, 1));
    // For other names it is of no use.
    world.is_published = false;
    world.dns.borrow_mut().clear();
    run(&world, hook()).await.unwrap_err();
    world.is_published = true;
    let other = vec!["other.home.example".to_owned()];
    obtain(&world, &config(hook()), &other, &mut world.memory(), NOW)
        .await
        .unwrap();
    assert_eq!(*world.orders.borrow(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_was_signed_is_fetched_the_next_time_with_its_key() {
    let world = World::new("signed", &["dns-01"]);
    world.refuse("/certificate", 503, "serverInternal", "come back", None);
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "https://ca.example/certificate: HTTP 503: come back (serverInternal)"
    );
    // While nothing is to be had of the authority, no other order is made either.
    world.refuse("/order/1", 503, "serverInternal", "come back", None);
    run(&world, hook()).await.unwrap_err();
    world.faults.borrow_mut().refusals.clear();
    run(&world, hook()).await.unwrap();
    assert_eq!(*world.orders.borrow(), 1);
    assert_eq!(
        world
            .log
            .borrow()
            .iter()
            .filter(|path| *path == "/finalize")
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_the_authority_signed_loses_nothing() {
    let world = World::new("crash", &["dns-01"]);
    run(&world, hook()).await.unwrap();
    // As the file stood when the authority was told to sign.
    std::fs::write(world.folder.join("acme.json"), world.kept.borrow().as_slice()).unwrap();
    run(&world, hook()).await.unwrap();
    assert_eq!(*world.orders.borrow(), 1);
    // Without the key it is ordered anew, and so it is where the authority has forgotten the order.
    let mut memory = world.memory();
    memory.order = Some(format!("{CA}/order/1"));
    obtain(&world, &config(hook()), &names(), &mut memory, NOW)
        .await
        .unwrap();
    assert_eq!(*world.orders.borrow(), 2);
    // However it puts that.
    for (status, kind, orders) in [(404, "malformed", 3), (404, "notFound", 4), (410, "", 5)] {
        let mut memory = world.memory();
        memory.order = Some(format!("{CA}/order/gone"));
        world.refuse("/order/gone", status, kind, "no such order", None);
        obtain(&world, &config(hook()), &names(), &mut memory, NOW)
            .await
            .unwrap();
        assert_eq!(*world.orders.borrow(), orders);
    }
}

#[tokio::test(start_paused = true)]
async fn rfc8555_s6_5_a_refused_nonce_is_followed_by_another() {
    let world = World::new("nonce", &["dns-01"]);
    world.faults.borrow_mut().bad_nonces = 4;
    run(&world, hook()).await.unwrap();
    world.faults.borrow_mut().bad_nonces = 1000;
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "https://ca.example/order: the authority took none of 5 nonces that it gave us itself"
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_reached_says_until_when() {
    let world = World::new("limit", &["dns-01"]);
    world.refuse(
        "/order",
        429,
        "rateLimited",
        "too many certificates (5) already issued",
        Some(7200),
    );
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "https://ca.example/order: HTTP 429: too many certificates (5) already issued (rateLimited)"
    );
    assert_eq!(trouble.retry_after, Some(7200));
    // No word of an authority keeps us away for years, or overflows.
    world.refuse("/order", 429, "rateLimited", "never", Some(u64::MAX));
    assert_eq!(
        run(&world, hook()).await.unwrap_err().retry_after,
        Some(7 * 86_400)
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_found_not_proved_is_told_and_ordered_anew() {
    let world = World::new("invalid", &["dns-01"]);
    world.faults.borrow_mut().is_blind = true;
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "dns.home.example is not proved: no TXT record found at _acme-challenge.dns.home.example (unauthorized); look at \
         what public DNS says of the name, with `dig +trace`"
    );
    assert_eq!(world.memory().order, None);
    world.faults.borrow_mut().is_blind = false;
    run(&world, hook()).await.unwrap();
    assert_eq!(*world.orders.borrow(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_challenge_that_is_not_offered_is_told_with_those_that_are() {
    for (challenge, wanted) in [
        (AcmeChallenge::Print, "dns-persist-01 or dns-01"),
        (AcmeChallenge::Persist, "dns-persist-01"),
        (AcmeChallenge::Zone, "dns-01"),
        (AcmeChallenge::TlsAlpn, "tls-alpn-01"),
    ] {
        let world = World::new(challenge.as_str(), &["http-01", "other-01"]);
        let trouble = run(&world, challenge).await.unwrap_err();
        assert_eq!(
            trouble.message,
            format!(
                "the authority does not offer {wanted} for dns.home.example, but http-01, other-01; choose another \
                 `challenge`"
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_proof_for_another_s_name_is_not_published() {
    let world = World::new("strange", &["dns-01"]);
    for name in ["www.home.example", "home.example", "", "a\u{7}b"] {
        let strange = json!({
            "status": "pending", "identifier": {"type": "dns", "value": name},
            "challenges": [{"type": "dns-01", "url": format!("{CA}/challenge/0/dns-01"), "token": "t"}],
        });
        world
            .faults
            .borrow_mut()
            .refusals
            .insert("/authorization/0", (200, strange, None));
        let trouble = run(&world, hook()).await.unwrap_err();
        assert_eq!(
            trouble.message,
            format!(
                "the authority wants a proof for {}, which was not asked for",
                name.replace('\u{7}', " ")
            )
        );
        assert!(world.dns.borrow().is_empty() && world.withdrawn.borrow().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_waits_for_no_dns() {
    let world = World::new("handshake", &["tls-alpn-01"]);
    let one = vec![NAME.to_owned()];
    obtain(
        &world,
        &config(AcmeChallenge::TlsAlpn),
        &one,
        &mut world.memory(),
        NOW,
    )
    .await
    .unwrap();
    let withdrawn = world.withdrawn.borrow();
    assert_eq!(
        (withdrawn.len(), withdrawn[0].kind, withdrawn[0].sum.len()),
        (1, Kind::Handshake, 32)
    );
    assert!(world.dns.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_takes_its_time_is_waited_for_within_bounds() {
    let world = World::new("slow", &["dns-01"]);
    world.faults.borrow_mut().slow = 20;
    run(&world, hook()).await.unwrap();
    world.faults.borrow_mut().slow = usize::MAX;
    let before = Instant::now();
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "https://ca.example/authorization/0: the authority was not done after 60 looks"
    );
    assert!(
        before.elapsed() < Duration::from_secs(16 * 60),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_not_what_was_asked_for_is_not_taken() {
    let stranger = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(names()).unwrap();
    let of_stranger = params.self_signed(&stranger).unwrap().pem();
    for (chain, what) in [
        ("nothing".to_owned(), "there is none in it"),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(),
            "it is no PEM",
        ),
        (of_stranger.clone(), "it is for another key"),
        (of_stranger.repeat(9), "its chain is longer than 8"),
    ] {
        let world = World::new("chain", &["dns-01"]);
        world.faults.borrow_mut().chain = Some(chain);
        let trouble = run(&world, hook()).await.unwrap_err();
        assert_eq!(
            trouble.message,
            format!("https://ca.example/certificate: the certificate that came cannot be used: {what}")
        );
    }
    let world = World::new("over", &["dns-01"]);
    let late = 1_830_297_600;
    let ended = obtain(&world, &config(hook()), &names(), &mut world.memory(), late).await;
    assert!(
        ended
            .unwrap_err()
            .message
            .ends_with("it is over since 2027-04-01")
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_that_the_authority_has_forgotten_is_made_anew() {
    let world = World::new("forgotten", &["dns-01"]);
    run(&world, hook()).await.unwrap();
    world.refuse("/order", 400, "accountDoesNotExist", "who are you?", None);
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(*world.accounts.borrow(), 2);
    assert!(trouble.message.contains("who are you?"), "{trouble}");
    world.faults.borrow_mut().refusals.clear();
    run(&world, hook()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_no_acme_server_is_told() {
    let world = World::new("no-server", &["dns-01"]);
    for (status, body, message) in [
        (
            200,
            json!([]),
            "what came is no JSON object; is this an ACME server (RFC 8555)?",
        ),
        (404, json!("\u{7}"), "HTTP 404: the authority does not say why"),
        (500, json!({"detail": "a\u{1b}[2Jb"}), "HTTP 500: a [2Jb"),
    ] {
        world
            .faults
            .borrow_mut()
            .refusals
            .insert("/directory", (status, body, None));
        let trouble = run(&world, hook()).await.unwrap_err();
        assert_eq!(
            trouble.message,
            format!("https://ca.example:443/directory: {message}")
        );
    }
    world
        .faults
        .borrow_mut()
        .refusals
        .insert("/directory", (200, json!({}), None));
    let trouble = run(&world, hook()).await.unwrap_err();
    assert_eq!(
        trouble.message,
        "the directory has no `newAccount`; is its URL that of an ACME server (RFC 8555)?"
    );
    let bound = json!({"meta": {"externalAccountRequired": true}});
    world
        .faults
        .borrow_mut()
        .refusals
        .insert("/directory", (200, bound, None));
    let trouble = run(&world, hook()).await.unwrap_err();
    assert!(trouble.message.contains("external account binding"), "{trouble}");
    // A URL of the server's is a text of the server's.
    let url = format!("{CA}/account\u{7f}{}", "x".repeat(9000));
    let listed = json!({"newNonce": format!("{CA}/nonce"), "newAccount": url});
    {
        let mut faults = world.faults.borrow_mut();
        faults.refusals.insert("/directory", (200, listed, None));
        faults.refusals.insert("/long", (404, json!({}), None));
    }
    let message = run(&world, hook()).await.unwrap_err().message;
    assert!(
        message.starts_with("https://ca.example/account xxx") && message.len() < 1200,
        "{message}"
    );
    // Long texts are cut.
    let long = json!({"type": "x".repeat(9000), "detail": "y".repeat(9000)});
    world
        .faults
        .borrow_mut()
        .refusals
        .insert("/directory", (400, long, None));
    assert!(run(&world, hook()).await.unwrap_err().message.len() < 1200);
}

#[test]
fn nothing_of_a_hostile_challenge_gets_into_a_record_or_a_program() {
    let key = jose::AccountKey::new(&super::super::issue::Key::generate().unwrap()).unwrap();
    let of = |challenge: Value| {
        let authorization = json!({
            "identifier": {"type": "dns", "value": NAME}, "challenges": [challenge],
        });
        challenge::choose(
            &authorization,
            &AcmeChallenge::Print,
            false,
            &key,
            "https://ca.example/account/1",
        )
        .map_err(|trouble| trouble.message)
    };
    for token in ["", "a b", "a;b", "a\"", "../x", "ü"] {
        let said = of(json!({"type": "dns-01", "url": "https://x", "token": token})).unwrap_err();
        assert_eq!(
            said, "the authority's dns-01 challenge has no token that can be used",
            "{token}"
        );
    }
    assert!(of(json!({"type": "dns-01", "url": "https://x", "token": "x".repeat(256)})).is_err());
    assert!(
        of(json!({"type": "dns-01", "token": "x"}))
            .unwrap_err()
            .ends_with("has no URL")
    );
    for names in [json!([]), json!(null), json!(["a b"]), json!(["a;b"]), json!([7])] {
        let said = of(json!({"type": "dns-persist-01", "url": "https://x", "issuer-domain-names": names}));
        assert!(said.unwrap_err().ends_with("names no issuer"));
    }
    let account = json!({
        "type": "dns-persist-01", "url": "https://x", "issuer-domain-names": ["ca.example."],
        "accounturi": "https://ca.example/a; policy=wildcard",
    });
    assert!(of(account).unwrap_err().ends_with("cannot stand in a TXT record"));
    let good =
        of(json!({"type": "dns-persist-01", "url": "https://x", "issuer-domain-names": ["ca.example."]}));
    assert_eq!(
        good.unwrap().text,
        "ca.example; accounturi=https://ca.example/account/1"
    );
}
