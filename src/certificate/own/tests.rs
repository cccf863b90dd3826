//! Tests of the authority on disk: what is made when, what is kept, and what clients believe of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{ServerName, UnixTime};

use super::*;

const DAY: u64 = 86_400;
/// The first second of 2027.
const NOW: u64 = 1_798_761_600;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("hearthdns-own-{}-{name}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        Folder(folder.join("certificate"))
    }

    fn tend(&self, wanted: &Wanted, ask: Ask, now: u64) -> Standing {
        tend(&self.0, wanted, ask, now)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.0.join(name)).unwrap().permissions().mode() & 0o777
    }

    /// What stands in the way, without the folder's name.
    fn problem(&self, wanted: &Wanted, ask: Ask, now: u64) -> String {
        let problem = self.tend(wanted, ask, now).problem.unwrap().to_string();
        problem.replace(&*self.0.to_string_lossy(), "FOLDER")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(self.0.parent().unwrap()).ok();
    }
}

fn wanted(names: &[&str], addresses: &[&str], zones: &[&str]) -> Wanted {
    let texts = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    Wanted {
        names: texts(names),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        zones: texts(zones),
    }
}

fn home() -> Wanted {
    wanted(
        &["dns.home.example", "*.dns.home.example"],
        &["192.168.1.1", "127.0.0.1", "fd00::1"],
        &["home.example", "lan.example"],
    )
}

/// What a TLS client says of a certificate from a server of this name.
fn verdict(authority: &[u8], leaf: &[u8], name: &str, now: u64) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier
        .verify_server_cert(&CertificateDer::from(leaf), &[], &name, &[], now)
        .map(drop)
        .map_err(|error| error.to_string())
}

#[test]
fn the_first_start_makes_both_and_the_second_keeps_them() {
    let folder = Folder::new("first");
    let first = folder.tend(&home(), Ask::Nothing, NOW);
    assert_eq!(first.problem, None);
    assert!(first.is_authority_new);
    assert_eq!(first.made, Some(Why::Missing));
    assert_eq!((first.left_out.len(), first.zones_left_out.len()), (0, 0));
    assert_eq!(
        (folder.mode("."), folder.mode(AUTHORITY), folder.mode(OWN)),
        (0o700, 0o600, 0o600)
    );
    let facts = first.certificate.clone().unwrap();
    assert_eq!(facts.names, home().names);
    assert_eq!(facts.addresses, home().addresses);
    assert_eq!(facts.from, NOW - 2 * DAY);
    assert_eq!(facts.until - facts.from + 1, 397 * DAY);

    let (authority, leaf) = (folder.bytes(AUTHORITY), folder.bytes(OWN));
    let second = folder.tend(&home(), Ask::Nothing, NOW + 100 * DAY);
    assert_eq!(
        second,
        Standing {
            is_authority_new: false,
            made: None,
            ..first
        }
    );
    assert_eq!((folder.bytes(AUTHORITY), folder.bytes(OWN)), (authority, leaf));
}

#[test]
fn clients_believe_it_for_its_names_and_addresses_and_for_its_time() {
    let folder = Folder::new("believed");
    let made = folder.tend(&home(), Ask::Nothing, NOW);
    let authority = made.authority.unwrap();
    let leaf = read_pair(&folder.0.join(OWN)).unwrap().unwrap().certificate;
    for name in [
        "dns.home.example",
        "token.dns.home.example",
        "192.168.1.1",
        "127.0.0.1",
        "fd00::1",
    ] {
        assert_eq!(verdict(&authority, &leaf, name, NOW), Ok(()), "{name}");
    }
    for name in [
        "home.example",
        "a.b.dns.home.example",
        "192.168.1.2",
        "bank.example",
    ] {
        let error = verdict(&authority, &leaf, name, NOW).unwrap_err();
        assert!(error.contains("not valid for name"), "{name}: {error}");
    }
    let error = verdict(&authority, &leaf, "dns.home.example", NOW + 396 * DAY).unwrap_err();
    assert!(error.contains("expired"), "{error}");
}

#[test]
fn rfc5280_s4_2_1_10_nobody_can_be_impersonated_with_the_authority() {
    let folder = Folder::new("constrained");
    folder.tend(&home(), Ask::Nothing, NOW);
    let authority = read_pair(&folder.0.join(AUTHORITY)).unwrap().unwrap();
    let sign = |names: &[&str], addresses: &[&str]| {
        let all = wanted(names, addresses, &[]);
        let life = Lifetime {
            from: NOW,
            until: NOW + DAY,
        };
        issue_leaf(None, &all.names, &all.addresses, life, &authority)
            .unwrap()
            .certificate
    };
    // A thief of the key signs what he likes.
    let leaf = sign(&["matrix.lan.example"], &["10.9.8.7"]);
    assert_eq!(
        verdict(&authority.certificate, &leaf, "matrix.lan.example", NOW),
        Ok(())
    );
    for (names, addresses, name) in [
        (vec!["bank.example"], vec![], "bank.example"),
        (
            vec!["dns.home.example", "bank.example"],
            vec![],
            "dns.home.example",
        ),
        (vec!["xhome.example"], vec![], "xhome.example"),
        (vec!["*.bank.example"], vec![], "www.bank.example"),
        (vec![], vec!["198.51.100.1"], "198.51.100.1"),
        (vec![], vec!["2001:db8::1"], "2001:db8::1"),
    ] {
        let error = verdict(&authority.certificate, &sign(&names, &addresses), name, NOW).unwrap_err();
        assert!(
            error.contains("NameConstraintViolation"),
            "{names:?} {addresses:?}: {error}"
        );
    }
    // And what it signs signs nothing.
    let below = read_pair(&folder.0.join(OWN)).unwrap().unwrap();
    let life = Lifetime {
        from: NOW,
        until: NOW + DAY,
    };
    let leaf = issue_leaf(None, &home().names, &[], life, &below)
        .unwrap()
        .certificate;
    assert!(verdict(&authority.certificate, &leaf, "dns.home.example", NOW).is_err());
}

#[test]
fn without_a_name_or_a_zone_no_name_at_all_may_be_signed_for() {
    let folder = Folder::new("nameless");
    let made = folder.tend(
        &wanted(&[], &["127.0.0.1", "203.0.113.5"], &[]),
        Ask::Nothing,
        NOW,
    );
    assert_eq!((made.problem, made.left_out.len()), (None, 0));
    let authority = read_pair(&folder.0.join(AUTHORITY)).unwrap().unwrap();
    let permitted = Permitted::read(&authority.certificate).unwrap();
    assert_eq!(permitted.domains, ["invalid"]);
    // A public address of its own is allowed, that one alone.
    assert!(permitted.prefixes.contains(&"203.0.113.5/32".parse().unwrap()));
    let life = Lifetime {
        from: NOW,
        until: NOW + DAY,
    };
    let leaf = issue_leaf(None, &["a.example".to_owned()], &[], life, &authority)
        .unwrap()
        .certificate;
    assert!(verdict(&authority.certificate, &leaf, "a.example", NOW).is_err());
    let leaf = read_pair(&folder.0.join(OWN)).unwrap().unwrap().certificate;
    assert_eq!(verdict(&authority.certificate, &leaf, "203.0.113.5", NOW), Ok(()));
}

#[test]
fn it_is_renewed_when_it_ages_and_when_it_should_be_for_something_else() {
    let folder = Folder::new("renewed");
    let first = folder.tend(&home(), Ask::Nothing, NOW);
    let key = read_pair(&folder.0.join(OWN)).unwrap().unwrap().key.public();
    let due = plan::renewal_at(&first.certificate.unwrap());
    assert_eq!(folder.tend(&home(), Ask::Nothing, due - 1).made, None);
    let aged = folder.tend(&home(), Ask::Nothing, due);
    assert_eq!(aged.made, Some(Why::Age));
    assert_eq!(aged.certificate.unwrap().from, due - 2 * DAY);
    let mut moved = home();
    moved.addresses[0] = "192.168.7.1".parse().unwrap();
    let other = folder.tend(&moved, Ask::Nothing, due);
    assert_eq!(other.made, Some(Why::Names));
    assert_eq!(folder.tend(&moved, Ask::Certificate, due).made, Some(Why::Asked));
    moved.addresses.reverse();
    assert_eq!(folder.tend(&moved, Ask::Nothing, due).made, None);
    // Through all of that devices trust the same authority, and who knows the key by its hash knows it still.
    let last = folder.tend(&moved, Ask::Nothing, due);
    assert_eq!(last.authority, first.authority);
    assert_eq!(read_pair(&folder.0.join(OWN)).unwrap().unwrap().key.public(), key);
    // A clock that was ahead has been set back.
    assert_eq!(folder.tend(&moved, Ask::Nothing, NOW).made, Some(Why::Future));
}

#[test]
fn a_zone_that_comes_later_changes_nothing_and_a_name_that_cannot_be_signed_for_is_told() {
    let folder = Folder::new("left-out");
    folder.tend(&home(), Ask::Nothing, NOW);
    let mut more = home();
    more.zones.push("new.example".to_owned());
    let standing = folder.tend(&more, Ask::Nothing, NOW);
    assert_eq!(standing.made, None);
    assert_eq!(standing.zones_left_out, ["new.example"]);
    assert_eq!(standing.left_out, [""; 0]);

    more.names = vec!["dns.new.example".to_owned(), "*.dns.new.example".to_owned()];
    more.addresses.push("198.51.100.7".parse().unwrap());
    let standing = folder.tend(&more, Ask::Nothing, NOW);
    assert_eq!(
        standing.left_out,
        ["dns.new.example", "*.dns.new.example", "198.51.100.7"]
    );
    // What can be had is had: the addresses.
    assert_eq!(standing.made, Some(Why::Names));
    assert_eq!(standing.certificate.unwrap().names, [""; 0]);
    assert_eq!(folder.tend(&more, Ask::Nothing, NOW).made, None);

    let replaced = folder.tend(&more, Ask::Authority, NOW);
    assert!(replaced.is_authority_new && replaced.authority != standing.authority);
    assert_eq!(replaced.made, Some(Why::Authority));
    assert_eq!(
        (replaced.left_out, replaced.zones_left_out),
        (Vec::new(), Vec::new())
    );
    assert_eq!(replaced.certificate.unwrap().names, more.names);
}

#[test]
fn nothing_is_made_while_the_clock_is_wrong() {
    let folder = Folder::new("clock");
    assert_eq!(
        folder.problem(&home(), Ask::Nothing, 60),
        "FOLDER/authority.pem: waits until the clock of this host is right: set it, or let NTP set it"
    );
    assert!(!folder.0.exists());
    let first = folder.tend(&home(), Ask::Nothing, NOW);
    // After a start without a clock what is there serves.
    let again = folder.tend(&home(), Ask::Nothing, 60);
    assert_eq!(
        (again.problem, again.made, again.certificate),
        (None, None, first.certificate)
    );
    for ask in [Ask::Certificate, Ask::Authority] {
        let problem = folder.problem(&home(), ask, 60);
        assert!(problem.contains("waits until the clock"), "{problem}");
    }
    // A clock that was ahead when the authority was made leaves one that is good today.
    let ahead = Folder::new("ahead");
    ahead.tend(&home(), Ask::Nothing, NOW + 20_000 * DAY);
    let today = ahead.tend(&home(), Ask::Nothing, NOW);
    assert_eq!(
        (today.problem, today.is_authority_new, today.made),
        (None, false, Some(Why::Future))
    );
    let leaf = read_pair(&ahead.0.join(OWN)).unwrap().unwrap().certificate;
    assert_eq!(
        verdict(&today.authority.unwrap(), &leaf, "dns.home.example", NOW),
        Ok(())
    );
}

#[test]
fn an_authority_that_cannot_be_used_is_told_and_never_replaced_by_itself() {
    let folder = Folder::new("broken");
    folder.tend(&home(), Ask::Nothing, NOW);
    let whole = folder.bytes(AUTHORITY);
    let text = String::from_utf8(whole.clone()).unwrap();
    let (certificate, _) = text.split_once("-----BEGIN PRIVATE KEY").unwrap();
    let way_out =
        "bring it back from a copy, or make a new one with `dnsctl certificate authority --replace`";
    for (bytes, message) in [
        ("", "holds no certificate in PEM"),
        (certificate, "holds no private key in PEM"),
    ] {
        fs::write(folder.0.join(AUTHORITY), bytes).unwrap();
        assert_eq!(
            folder.problem(&home(), Ask::Nothing, NOW),
            format!("FOLDER/authority.pem: {message}; {way_out}")
        );
        assert_eq!(folder.bytes(AUTHORITY), bytes.as_bytes());
    }
    let other = pem("PRIVATE KEY", Key::generate().unwrap().pkcs8());
    fs::write(folder.0.join(AUTHORITY), format!("{certificate}{other}")).unwrap();
    assert_eq!(
        folder.problem(&home(), Ask::Nothing, NOW),
        format!("FOLDER/authority.pem: the private key is not that of the certificate; {way_out}")
    );
    let over = folder.0.join(AUTHORITY);
    fs::write(&over, &whole).unwrap();
    assert_eq!(
        folder.problem(&home(), Ask::Nothing, NOW + 7305 * DAY),
        format!("FOLDER/authority.pem: the authority is over since 2047-01-01; {REPLACE}")
    );
    // A certificate of ours is no loss.
    fs::write(folder.0.join(OWN), "rubbish").unwrap();
    let mended = folder.tend(&home(), Ask::Nothing, NOW);
    assert_eq!((mended.problem, mended.made), (None, Some(Why::Missing)));
    // It ends with its authority at the latest.
    let late = folder.tend(&home(), Ask::Nothing, NOW + 7300 * DAY);
    assert_eq!(late.certificate.unwrap().until, NOW + 7305 * DAY);
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let folder = Folder::new("unwritable");
    fs::create_dir_all(folder.0.parent().unwrap()).unwrap();
    fs::write(&folder.0, "a file").unwrap();
    let problem = folder.problem(&home(), Ask::Nothing, NOW);
    assert!(
        problem.starts_with("FOLDER/authority.pem: cannot be "),
        "{problem}"
    );
}
