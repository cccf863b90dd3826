//! The certificate of a daemon over years on a clock of the tests' own.

use std::path::Path;

use super::*;
use crate::config::CertificateFiles;
use crate::zone::master::civil::CLOCK_FLOOR;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// The first second of 2027.
const NOW: u64 = 1_798_761_600;

/// A folder for one test, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("hearthdns-keeper-{}-{name}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn config(&self, certificate: CertificateConfig) -> Config {
        let mut config = Config::with_paths("zones".into(), self.0.join("state"), "control.sock".into());
        config.name = Some("dns.home.example.".parse().unwrap());
        config.certificate = Some(certificate);
        config
    }

    fn own(&self, now: u64) -> Keeper {
        Keeper::start(&self.config(CertificateConfig::Own), &zones(), &addresses(), now).unwrap()
    }

    fn files(&self) -> CertificateFiles {
        CertificateFiles {
            chain: self.0.join("chain.pem"),
            key: self.0.join("key.pem"),
        }
    }

    fn keeper_of_files(&self, now: u64) -> Keeper {
        let config = self.config(CertificateConfig::Files(self.files()));
        Keeper::start(&config, &zones(), &addresses(), now).unwrap()
    }

    /// Writes a pair that is good from the first day of a year to that of another.
    fn issue(&self, from: i32, until: i32) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["dns.home.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(self.files().chain, certificate.pem()).unwrap();
        std::fs::write(self.files().key, key.serialize_pem()).unwrap();
    }

    /// What stands in the way, without the folder's name.
    fn problems(&self, keeper: &Keeper, now: u64) -> Vec<String> {
        let all = keeper.status(now).problems;
        let text = |problem: DefectText| format!("{}: {}", problem.file, problem.message);
        all.into_iter()
            .map(|problem| text(problem).replace(&*self.0.to_string_lossy(), "FOLDER"))
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn zones() -> Vec<Name> {
    vec!["home.example.".parse().unwrap()]
}

fn addresses() -> Vec<IpAddr> {
    vec!["192.168.1.1".parse().unwrap()]
}

fn look(keeper: &Keeper, now: u64) {
    keeper.look(&zones(), &addresses(), now);
}

/// What clients are shown: its bytes, and what it says.
fn shown(keeper: &Keeper) -> (Vec<u8>, Facts) {
    let leaf = keeper.certificate().shown().unwrap();
    let facts = Facts::read(&leaf).unwrap();
    (leaf, facts)
}

fn authority(folder: &Path) -> Vec<u8> {
    std::fs::read(own::authority_file(&folder.join("state/certificate"))).unwrap()
}

#[test]
fn for_years_clients_are_shown_a_certificate_that_is_good() {
    let folder = Folder::new("years");
    let keeper = folder.own(NOW);
    let trusted = authority(&folder.0);
    let mut held = shown(&keeper);
    let mut renewed = Vec::new();
    let mut now = NOW;
    while now < NOW + 1000 * DAY {
        now += 6 * HOUR;
        look(&keeper, now);
        let current = shown(&keeper);
        assert!(
            current.1.from < now && current.1.until > now + 120 * DAY,
            "{:?} at {now}",
            current.1
        );
        if current.0 != held.0 {
            // Not before its time, and not later than the next look after it.
            let due = plan::renewal_at(&held.1);
            assert!((due..due + 6 * HOUR).contains(&now), "{due} {now}");
            renewed.push((now - NOW) / DAY);
            held = current;
            assert!(folder.problems(&keeper, now).is_empty());
        }
        // All that is looked at there takes ten milliseconds.
        if (now - NOW).is_multiple_of(10 * DAY) {
            assert!(folder.problems(&keeper, now).is_empty());
        }
    }
    // 397 days, two thirds of them, begun two days before.
    assert_eq!(renewed, [262, 525, 788]);
    // What devices were given stays.
    assert_eq!(authority(&folder.0), trusted);
    assert_eq!(keeper.status(now).renewal, write_time(plan::renewal_at(&held.1)));
}

#[test]
fn a_clock_that_is_not_set_makes_renews_and_discards_nothing() {
    let folder = Folder::new("unset");
    for stands in [0, CLOCK_FLOOR - 61] {
        let keeper = folder.own(stands);
        look(&keeper, stands + 60);
        assert_eq!(keeper.certificate().shown(), None);
        let status = keeper.status(stands + 60);
        assert_eq!((status.trust.as_str(), status.problems.len()), ("none", 1));
        assert!(!folder.0.join("state/certificate").exists());
    }
    // It is set while the daemon runs.
    let keeper = folder.own(0);
    look(&keeper, NOW);
    let first = shown(&keeper);
    assert!(folder.problems(&keeper, NOW).is_empty());
    // The next start is one without a clock: nothing is made anew, and clients are shown what there is.
    let keeper = folder.own(0);
    for stands in [0, 60, CLOCK_FLOOR - 1] {
        look(&keeper, stands);
        assert_eq!(shown(&keeper), first);
        assert!(folder.problems(&keeper, stands).is_empty());
    }
    // By the time that the clock is set, the one that is there may be old.
    look(&keeper, NOW + 300 * DAY);
    assert_ne!(shown(&keeper).0, first.0);
}

#[test]
fn a_clock_that_was_ahead_leaves_nothing_that_begins_in_the_future() {
    let folder = Folder::new("ahead");
    let keeper = folder.own(NOW);
    let trusted = authority(&folder.0);
    look(&keeper, NOW + 1500 * DAY);
    assert!(shown(&keeper).1.from > NOW + 1000 * DAY);
    look(&keeper, NOW + DAY);
    let (_, facts) = shown(&keeper);
    assert!(facts.from < NOW + DAY && facts.until > NOW + 390 * DAY);
    assert_eq!(authority(&folder.0), trusted);
}

#[test]
fn a_certificate_that_is_over_is_told_as_long_as_it_is_shown() {
    let folder = Folder::new("over");
    folder.issue(2026, 2028);
    let keeper = folder.keeper_of_files(NOW);
    let end = shown(&keeper).1.until;
    let over = "FOLDER/chain.pem: the certificate is over since 2028-01-01; renew it";
    for (now, expected) in [(NOW, vec![]), (end, vec![]), (end + 1, vec![over])] {
        look(&keeper, now);
        assert_eq!(folder.problems(&keeper, now), expected);
    }
    // Reading the files again changes nothing, and says so once.
    assert!(keeper.reload(end + 60).is_err());
    assert_eq!(folder.problems(&keeper, end + 60), [over]);
    // It is the best that there is, so it stays.
    assert_eq!(shown(&keeper).1.until, end);
    folder.issue(2028, 2030);
    look(&keeper, end + 120);
    assert!(folder.problems(&keeper, end + 120).is_empty());
}

#[test]
fn files_that_are_broken_are_told_until_they_are_mended() {
    let folder = Folder::new("broken");
    let keeper = folder.keeper_of_files(NOW);
    let missing = "FOLDER/chain.pem: cannot be read: No such file or directory (os error 2)";
    assert_eq!(folder.problems(&keeper, NOW), [missing]);
    folder.issue(2020, 2026);
    for now in [NOW, NOW + 60] {
        look(&keeper, now);
        let over = "FOLDER/chain.pem: the certificate is over since 2026-01-01; renew it";
        assert_eq!(folder.problems(&keeper, now), [over]);
        assert_eq!(keeper.certificate().shown(), None);
    }
    folder.issue(2026, 2030);
    look(&keeper, NOW + 120);
    let good = shown(&keeper);
    assert!(folder.problems(&keeper, NOW + 120).is_empty());
    std::fs::write(folder.files().chain, "nothing").unwrap();
    for now in [NOW + 180, NOW + 240] {
        look(&keeper, now);
        let what = "FOLDER/chain.pem: holds no certificate; expected PEM with BEGIN CERTIFICATE";
        assert_eq!(folder.problems(&keeper, now), [what]);
        assert_eq!(shown(&keeper), good);
    }
}
