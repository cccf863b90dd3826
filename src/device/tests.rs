//! The registry: what a change does, what it refuses, and that its file says the same again.

use super::file::Damage;
use super::*;
use crate::onboard::Scope;

const NOW: u64 = 1_795_872_000;
const DAY: u64 = 86_400;
const TERMS: Terms = Terms {
    everything: false,
    ttl: DAY,
    uses: 1,
};

/// Numbers that differ from each other: 1, 2, 3 ...
fn counting() -> impl FnMut() -> u128 {
    let mut last = 0;
    move || {
        last += 1;
        last
    }
}

/// A registry with these devices, each with an invite for a day.
fn registry(names: &[&str]) -> Registry {
    let mut registry = Registry::default();
    let mut random = counting();
    for name in names {
        registry.invite(name, TERMS, NOW, &mut random).unwrap();
    }
    registry
}

fn token(registry: &Registry, name: &str) -> Token {
    registry.find(name).unwrap().1.token
}

#[test]
fn an_invite_makes_a_device_and_another_one_does_not() {
    let mut registry = Registry::default();
    let mut random = counting();
    let first = registry.invite("anna-phone", TERMS, NOW, &mut random).unwrap();
    assert!(first.is_new);
    assert_eq!((first.invite.expires, first.invite.uses), (NOW + DAY, 1));
    let before = registry.device(first.device).unwrap().clone();
    assert_eq!((before.name.as_str(), before.scope), ("anna-phone", Scope::Zones));
    let terms = Terms {
        everything: true,
        ttl: 60,
        uses: 3,
    };
    let second = registry.invite("anna-phone", terms, NOW, &mut random).unwrap();
    assert_eq!((second.is_new, second.device), (false, first.device));
    assert_ne!(second.invite.code, first.invite.code);
    let device = registry.device(first.device).unwrap();
    assert_eq!((device.token, device.scope), (before.token, Scope::Everything));
    assert_eq!(registry.open_invites(first.device, NOW).count(), 2);
    assert_eq!(registry.open_invites(first.device, NOW + 60).count(), 1);
    // A plain invite takes nothing away from a device that asks for all names.
    registry.invite("anna-phone", TERMS, NOW, &mut random).unwrap();
    assert_eq!(registry.device(first.device).unwrap().scope, Scope::Everything);
    let facts = registry.device(first.device).unwrap().facts();
    assert_eq!(facts.token, Some(before.token.to_string()));
}

#[test]
fn a_code_is_good_for_so_many_uses_and_until_its_time() {
    let mut registry = Registry::default();
    let terms = Terms { uses: 2, ..TERMS };
    let made = registry.invite("tv", terms, NOW, counting()).unwrap();
    let code = made.invite.code;
    assert_eq!(registry.invited(code, NOW).unwrap().1.name, "tv");
    assert!(registry.invited(code, NOW + DAY).is_none());
    assert_eq!(registry.redeem(code, NOW + DAY), None);
    assert_eq!(registry.redeem(Code::from_random(99), NOW), None);
    assert_eq!(registry.redeem(code, NOW + DAY - 1), Some(made.device));
    assert_eq!(registry.redeem(code, NOW), Some(made.device));
    assert_eq!(registry.redeem(code, NOW), None);
    assert!(registry.invited(code, NOW).is_none());
}

#[test]
fn a_revoked_token_is_not_taken_and_the_name_gets_another_one() {
    let mut registry = registry(&["anna-phone", "tv"]);
    let (old, tv) = (token(&registry, "anna-phone"), token(&registry, "tv"));
    let id = registry.revoke("anna-phone", NOW + 5).unwrap();
    assert_eq!(registry.device(id).unwrap().revoked, Some(NOW + 5));
    assert_eq!(registry.open_invites(id, NOW).count(), 0);
    let tokens = registry.tokens();
    assert_eq!(tokens.find(old), None);
    assert_eq!(tokens.find(tv), Some(registry.find("tv").unwrap().0));
    assert_eq!(
        registry.revoke("anna-phone", NOW).unwrap_err().to_string(),
        "the device `anna-phone` is revoked already; `dnsctl invite anna-phone` makes it anew with another token"
    );
    let again = registry.invite("anna-phone", TERMS, NOW, || 0xabcdef).unwrap();
    assert_eq!((again.is_new, again.device), (true, id));
    let tokens = registry.tokens();
    assert_eq!(tokens.find(old), None);
    assert_eq!(tokens.find(token(&registry, "anna-phone")), Some(id));
}

#[test]
fn what_is_refused_says_why() {
    let mut registry = registry(&["anna-phone"]);
    let mut invite = |name: &str| {
        let refused = registry.invite(name, TERMS, NOW, counting());
        refused.unwrap_err().to_string()
    };
    for name in ["", "Anna", "-x", "a b", "x\n", &"x".repeat(33), "\u{e9}"] {
        let said = invite(name);
        assert!(
            said.contains("is no name for a device; write 1 to 32 of"),
            "{said}"
        );
        assert!(said.chars().all(|c| !c.is_control()));
    }
    assert_eq!(
        registry.revoke("ana-phone", NOW).unwrap_err().to_string(),
        "there is no device `ana-phone`; did you mean `anna-phone`?"
    );
    assert_eq!(
        registry.revoke("laptop", NOW).unwrap_err().to_string(),
        "there is no device `laptop`; `dnsctl devices` lists them"
    );
    // The first draw is the code of the invite that is there, and so are all others.
    assert_eq!(registry.invite("tv", TERMS, NOW, || 1), Err(Refusal::Randomness));
    assert_eq!(registry.devices().count(), 1);
}

#[test]
fn invites_and_devices_are_bounded_and_what_is_over_makes_room() {
    let mut registry = Registry::default();
    let mut random = counting();
    let short = Terms { ttl: 10, ..TERMS };
    for _ in 0..MAX_INVITES {
        registry.invite("tv", short, NOW, &mut random).unwrap();
    }
    let refused = registry.invite("tv", short, NOW, &mut random);
    assert_eq!(refused, Err(Refusal::Invites));
    registry.invite("tv", TERMS, NOW + 10, &mut random).unwrap();
    for at in 1..MAX_DEVICES as u64 {
        let now = NOW + 100 * at;
        registry
            .invite(&format!("d{at}"), short, now, &mut random)
            .unwrap();
    }
    let late = NOW + DAY * 10;
    let mut full = |registry: &mut Registry, name: &str| registry.invite(name, short, late, &mut random);
    assert_eq!(full(&mut registry, "one-more"), Err(Refusal::Devices));
    registry.revoke("d7", late).unwrap();
    let first = registry.revoke("d9", late - 1).unwrap();
    let made = full(&mut registry, "one-more").unwrap();
    assert_eq!(made.device, first);
    assert!(registry.find("d9").is_none() && registry.find("d7").is_some());
    assert_eq!(registry.devices().count(), MAX_DEVICES);
    assert!(registry.to_text().len() <= file::MAX_BYTES);
    assert_eq!(Registry::parse(&registry.to_text()), Ok(registry));
}

#[test]
fn the_longest_file_is_read() {
    let name = |at: usize| format!("{at:0>MAX_NAME$}");
    let device = |at: usize| Device {
        name: name(at),
        token: Token::from_random(at as u128),
        scope: Scope::Everything,
        created: u64::MAX,
        revoked: (at >= MAX_INVITES).then_some(u64::MAX),
        seen: Some(Seen {
            at: u64::MAX,
            by: "x".repeat(8),
        }),
    };
    let invite = |at: usize| Invite {
        code: Code::from_random(at as u128),
        device: DeviceId(at as u16),
        expires: u64::MAX,
        uses: u32::MAX,
    };
    let registry = Registry {
        devices: (0..MAX_DEVICES).map(device).collect(),
        invites: (0..MAX_INVITES).map(invite).collect(),
    };
    let text = registry.to_text();
    assert!(text.len() <= file::MAX_BYTES, "{}", text.len());
    assert_eq!(Registry::parse(&text), Ok(registry));
}

#[test]
fn the_file_reads_as_it_was_written() {
    let mut registry = registry(&["anna-phone", "tv", "old"]);
    registry.revoke("old", NOW + 1).unwrap();
    let seen = Seen {
        at: NOW + 2,
        by: "https".to_owned(),
    };
    let (id, _) = registry.find("anna-phone").unwrap();
    assert!(registry.note_seen(id, seen.clone()));
    assert!(!registry.note_seen(id, seen));
    let text = registry.to_text();
    assert_eq!(
        text,
        "hearthdns-devices 1\n\
         device anna-phone aaaaaaaaaaaaaaac zones 1795872000 seen=1795872002/https\n\
         device tv aaaaaaaaaaaaaaae zones 1795872000\n\
         device old aaaaaaaaaaaaaaag zones 1795872000 revoked=1795872001\n\
         invite 0000-0001 anna-phone 1795958400 1\n\
         invite 0000-0003 tv 1795958400 1\n\
         end 5\n"
    );
    assert_eq!(Registry::parse(&text), Ok(registry));
    assert_eq!(
        Registry::parse("hearthdns-devices 1\nend 0\n"),
        Ok(Registry::default())
    );
}

#[test]
fn damage_is_told_with_its_place_and_without_secrets() {
    let good = registry(&["anna-phone", "tv"]).to_text();
    let damage = |text: &str| Registry::parse(text).unwrap_err().to_string();
    for (from, to, expected) in [
        (
            "hearthdns-devices 1",
            "",
            "1:1: expected hearthdns-devices, found nothing",
        ),
        (
            "hearthdns-devices 1",
            "hearthdns-devices 2",
            "1:19: the file is of another version; this program knows version 1",
        ),
        (
            "hearthdns-devices",
            "hearthdns",
            "1:1: this is no file of devices",
        ),
        ("device tv", "devise tv", "3:1: expected device, invite or end"),
        ("device tv", "device TV", "3:8: this is no name for a device"),
        (
            "device tv",
            "device anna-phone",
            "3:8: there are two devices of this name",
        ),
        ("aaaaaaaaaaaaaaae", "aaaaaaaaaaaaaaa1", "3:11: this is no token"),
        (
            "aaaaaaaaaaaaaaae",
            "aaaaaaaaaaaaaaac",
            "3:11: two devices have this token",
        ),
        (
            "aaaaaaaaaaaaaaae zones",
            "aaaaaaaaaaaaaaae all",
            "3:28: expected zones or everything",
        ),
        (
            "zones 1795872000\ninvite",
            "zones\ninvite",
            "3:34: expected when it was made, found nothing",
        ),
        (
            "zones 1795872000\ninvite",
            "zones +1\ninvite",
            "3:34: expected when it was made as a number",
        ),
        (
            "zones 1795872000\ninvite",
            "zones 1 revoked=1 revoked=1\ninvite",
            "3:46: expected seen= or revoked=, each once",
        ),
        (
            "zones 1795872000\ninvite",
            "zones 1 seen=1/HTTPS\ninvite",
            "3:36: expected seen=SECONDS/TRANSPORT",
        ),
        ("0000-0003", "0000-000U", "5:8: this is no code"),
        ("0000-0003", "0000-0001", "5:8: two invites have this code"),
        (
            "0003 tv",
            "0003 tw",
            "5:18: no line above has a device of this name",
        ),
        (
            "1795958400 1\nend",
            "1795958400 0\nend",
            "5:32: expected 1 or more uses",
        ),
        (
            "1795958400 1\nend",
            "1795958400 1 \nend",
            "5:34: nothing is expected here",
        ),
        (
            "end 4\n",
            "",
            "6:1: the end is missing; a part of the file is lost",
        ),
        (
            "end 4\n",
            "end 4",
            "6:1: the line has no end; a part of the file is lost",
        ),
        (
            "end 4",
            "end 5",
            "6:5: 5 entries are announced and 4 are there; a part of the file is missing",
        ),
        ("end 4\n", "end 4\n\n", "7:1: something stands behind the end"),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let said = damage(&text);
        assert_eq!(said, expected, "{to}");
    }
    let revoked = good.replace("aaac zones 1795872000", "aaac zones 1 revoked=2");
    assert_eq!(damage(&revoked), "4:18: this device is revoked, and has invites");
    assert_eq!(
        damage("").as_str(),
        "1:1: the line has no end; a part of the file is lost"
    );
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_damaged() {
    let mut registry = registry(&["anna-phone", "tv"]);
    registry.revoke("tv", NOW).unwrap();
    let text = registry.to_text();
    for end in 0..text.len() {
        let cut: Result<Registry, Damage> = Registry::parse(&text[..end]);
        assert!(cut.is_err(), "{end}");
    }
}

#[test]
fn a_claim_is_read_from_a_path() {
    let token = Token::from_random(1);
    let text = token.to_string();
    for (path, expected) in [
        (String::new(), Some(Claim::None)),
        (format!("/d/{text}"), Some(Claim::Token(token))),
        (format!("/d/{}", text.to_uppercase()), Some(Claim::Token(token))),
        ("/d/".to_owned(), Some(Claim::Malformed)),
        ("/d/short".to_owned(), Some(Claim::Malformed)),
        (format!("/d/{text}x"), Some(Claim::Malformed)),
        (format!("/d/%61{}", &text[1..]), Some(Claim::Malformed)),
        (format!("/d/{text}/"), None),
        (format!("/d//{text}"), None),
        (format!("/D/{text}"), None),
        (format!("/{text}"), None),
        ("/d".to_owned(), None),
        ("/".to_owned(), None),
    ] {
        assert_eq!(Claim::of_path(&path), expected, "{path}");
    }
}

#[test]
fn a_claim_is_read_from_the_name_in_sni() {
    let token = Token::from_random(1);
    let text = token.to_string();
    let host = "dns.home.example";
    for (name, expected) in [
        (format!("{text}.{host}"), Claim::Token(token)),
        (format!("{text}.{host}").to_uppercase(), Claim::Token(token)),
        (host.to_owned(), Claim::None),
        (format!("check.{host}"), Claim::None),
        (format!("{text}.check.{host}"), Claim::None),
        (format!("{text}.home.example"), Claim::None),
        (format!("{text}{host}"), Claim::None),
        (format!("{text}x.{host}"), Claim::None),
        (format!(".{host}"), Claim::None),
        (text.clone(), Claim::None),
        (String::new(), Claim::None),
    ] {
        assert_eq!(Claim::of_sni(&name, host), expected, "{name}");
    }
    let nameless = Bearers::new(None);
    assert_eq!(
        nameless.claim_of_sni(Some(&format!("{text}.{host}"))),
        Claim::None
    );
    assert_eq!(
        Bearers::new(Some(host.to_owned())).claim_of_sni(None),
        Claim::None
    );
}

#[test]
fn a_claim_makes_a_bearer_by_the_tokens_in_force() {
    let mut registry = registry(&["anna-phone"]);
    let claim = Claim::Token(token(&registry, "anna-phone"));
    let (id, _) = registry.find("anna-phone").unwrap();
    let bearers = Bearers::new(None);
    assert_eq!(bearers.bearer(claim), Bearer::Unknown);
    bearers.publish(registry.tokens());
    assert_eq!(bearers.bearer(claim), Bearer::Device(id));
    assert_eq!(bearers.bearer(Claim::None), Bearer::Nobody);
    assert_eq!(bearers.bearer(Claim::Malformed), Bearer::Unknown);
    registry.revoke("anna-phone", NOW).unwrap();
    bearers.publish(registry.tokens());
    assert_eq!(bearers.bearer(claim), Bearer::Unknown);
}
