//! The cache's file: what a run of the daemon leaves to the next one, so that a restart is not felt.
//!
//! The file is a convenience and never a risk: whatever is odd about it, it is ignored and says so in one line.
//! It holds answers with their age, and the wall clock at which it was written; ages go on by the wall clock. A
//! clock that shows an earlier time than the file (a router before it has asked for the time) makes it
//! useless, and so do other upstreams or rules than those that it was filled under, which [`fingerprint`]
//! tells apart. It is written whole or not at all, readable by its owner alone: it tells what the house asks.
//!
//! ```text
//! "hearthdns cache\n" | version 4 | fingerprint 8 | wall clock 8 | entries … | checksum 8
//! ```
//! Numbers are in network order; what an entry looks like is [`Kept`]'s business.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Instant;

use crate::cache::warm::Kept;
use crate::config::limits;
use crate::engine::Engine;
use crate::store::disk;

/// First bytes of every file.
const MAGIC: &[u8; 16] = b"hearthdns cache\n";
/// Version of the format. It changes with what [`Kept`] or a packed message looks like.
const VERSION: u32 = 1;
/// Entries taken in between two looks at the time.
const BATCH: usize = 64;

/// Why a file is of no use.
#[derive(Debug)]
pub enum Useless {
    /// There is none.
    Absent,
    /// The system does not give it.
    Unreadable(io::Error),
    /// It does not begin as such a file does.
    Foreign,
    /// It is of another version of the format.
    Version(u32),
    /// It is not what was written.
    Damaged,
    /// It was filled under other upstreams or rules.
    OtherRules,
    /// It was written later than it is now.
    Future,
}

impl fmt::Display for Useless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is none"),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::Foreign => f.write_str("it is no cache of this program"),
            Self::Version(version) => write!(f, "it has format {version}, and this is format {VERSION}"),
            Self::Damaged => f.write_str("it is damaged"),
            Self::OtherRules => f.write_str("upstreams or rules have changed since"),
            Self::Future => f.write_str("this host's clock shows an earlier time than when it was written"),
        }
    }
}

impl std::error::Error for Useless {}

/// What stands in a file that is of use.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// Seconds between its writing and now.
    pub elapsed: u64,
    entries: &'a [u8],
}

impl<'a> Contents<'a> {
    /// Its entries, as old as they are by now.
    pub fn entries(&self) -> impl Iterator<Item = Kept<'a>> + use<'a> {
        let (mut rest, elapsed) = (self.entries, self.elapsed);
        std::iter::from_fn(move || {
            let (kept, behind) = Kept::read(rest)?;
            rest = behind;
            Some(kept.aged(elapsed))
        })
    }
}

/// Tells rules apart, given as text that says everything that a cached answer depends on.
#[must_use]
pub fn fingerprint(rules: &str) -> u64 {
    disk::fingerprint(rules.as_bytes())
}

/// The file's bytes around these entries; `wall` is the wall clock in Unix seconds.
#[must_use]
pub fn frame(entries: &[u8], fingerprint: u64, wall: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(MAGIC.len() + 28 + entries.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&fingerprint.to_be_bytes());
    out.extend_from_slice(&wall.to_be_bytes());
    out.extend_from_slice(entries);
    let checksum = disk::fingerprint(&out);
    out.extend_from_slice(&checksum.to_be_bytes());
    out
}

/// Reads a file's bytes.
///
/// # Errors
/// Why they are of no use.
pub fn read(bytes: &[u8], fingerprint: u64, wall: u64) -> Result<Contents<'_>, Useless> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(Useless::Foreign)?;
    // Before the checksum: a later version may have another.
    let (version, rest) = rest.split_first_chunk().ok_or(Useless::Damaged)?;
    let version = u32::from_be_bytes(*version);
    if version != VERSION {
        return Err(Useless::Version(version));
    }
    let (checked, checksum) = bytes.split_last_chunk().ok_or(Useless::Damaged)?;
    if disk::fingerprint(checked) != u64::from_be_bytes(*checksum) {
        return Err(Useless::Damaged);
    }
    let (filled_under, rest) = rest.split_first_chunk().ok_or(Useless::Damaged)?;
    let (written, rest) = rest.split_first_chunk().ok_or(Useless::Damaged)?;
    let (entries, _) = rest.split_last_chunk::<8>().ok_or(Useless::Damaged)?;
    if u64::from_be_bytes(*filled_under) != fingerprint {
        return Err(Useless::OtherRules);
    }
    let elapsed = wall.checked_sub(u64::from_be_bytes(*written));
    Ok(Contents {
        elapsed: elapsed.ok_or(Useless::Future)?,
        entries,
    })
}

/// Writes what the engine has cached; says how many bytes that were. `now` is the engine's second, `wall` the
/// wall clock in Unix seconds.
///
/// # Errors
/// Why nothing was written; an earlier file stands then.
pub fn save(path: &Path, engine: &Engine, fingerprint: u64, now: u32, wall: u64) -> io::Result<usize> {
    let entries = engine.export_cache(now, limits::CACHE_FILE.default_usize());
    let bytes = frame(&entries, fingerprint, wall);
    let folder = disk::folder_of(path);
    disk::make_folder(folder, 0o750)?;
    disk::replace_private(path, &bytes).map_err(|failure| failure.error)?;
    Ok(bytes.len())
}

/// Takes a file in; says how many answers came. It may take seconds: not to be called where somebody waits.
/// `now` gives the engine's second.
///
/// # Errors
/// Why the file is of no use.
pub fn load(
    path: &Path,
    engine: &Engine,
    fingerprint: u64,
    now: impl Fn() -> u32,
    wall: u64,
) -> Result<usize, Useless> {
    // What the frame adds to the entries' bound.
    let most = limits::CACHE_FILE.default + 64;
    let bytes = disk::read(path, most).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Useless::Absent,
        _ => Useless::Unreadable(error),
    })?;
    let contents = read(&bytes, fingerprint, wall)?;
    let (begun, patience) = (Instant::now(), limits::CACHE_FILE_TIME.default_time());
    Ok(take_in(&contents, engine, now, || begun.elapsed() > patience))
}

fn take_in(
    contents: &Contents<'_>,
    engine: &Engine,
    now: impl Fn() -> u32,
    is_over: impl Fn() -> bool,
) -> usize {
    let mut taken = 0;
    for (at, kept) in contents.entries().enumerate() {
        if at % BATCH == 0 && is_over() {
            break;
        }
        taken += usize::from(engine.import_cached(&kept, now()));
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    use crate::engine::Rules;
    use crate::engine::fetch::Question;
    use crate::message::{Name, Rtype};
    use crate::policy::Access;
    use crate::view::{Routing, Snapshot};

    fn engine() -> Engine {
        let rules = Rules {
            access: Access::new([]),
            edns_payload: 1232,
            cache_bytes: 1 << 20,
            min_ttl: 0,
            max_ttl: 86_400,
            negative_max_ttl: 3600,
            stale_for: 86_400,
            failure_ttl: 5,
            screens: Vec::new(),
            rebinding_exempt: Vec::new(),
        };
        Engine::new(
            rules,
            Snapshot::build(
                Vec::new(),
                Vec::new(),
                &Routing::default(),
                &crate::zone::Itself::default(),
                1,
            ),
        )
    }

    /// An engine that has cached an address of each of so many names for 300 s at second 0.
    fn filled(names: usize) -> Engine {
        let engine = engine();
        for number in 0..names {
            let name: Name = format!("n{number}.example.net").parse().unwrap();
            let mut reply = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
            reply.extend_from_slice(name.as_wire());
            reply.extend_from_slice(&[0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1]);
            let question = Question {
                name,
                rtype: Rtype::A,
                route: 0,
                dnssec_ok: false,
                checking_disabled: false,
            };
            engine.absorb(&question, &reply, None, 0).unwrap();
        }
        engine
    }

    /// A path in a folder of its own, which goes when this is dropped.
    struct Place(std::path::PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("hearthdns-warm-{}-{name}", std::process::id()));
            std::fs::remove_dir_all(&folder).ok();
            Place(folder.join("state/cache"))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            std::fs::remove_dir_all(self.0.parent().unwrap().parent().unwrap()).ok();
        }
    }

    #[test]
    fn what_one_run_leaves_the_next_one_takes() {
        let place = Place::new("roundtrip");
        let bytes = save(&place.0, &filled(100), 7, 10, 1_000_000).unwrap();
        let found = std::fs::metadata(&place.0).unwrap();
        assert_eq!(found.len(), bytes as u64);
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
        let next = engine();
        assert_eq!(load(&place.0, &next, 7, || 3, 1_000_040).unwrap(), 100);
        let (listed, has_more) = next.list_cache(None, false, 3, 1000);
        assert_eq!((listed.len(), has_more), (100, false));
        assert!(listed.iter().all(|one| one.left == 250), "{listed:?}");
    }

    #[test]
    fn the_file_is_bounded_and_so_is_what_is_read() {
        let entries = filled(1000).export_cache(10, 8000);
        assert!((4000..=8000).contains(&entries.len()), "{}", entries.len());
        let place = Place::new("large");
        save(&place.0, &engine(), 7, 0, 0).unwrap();
        let file = std::fs::File::create(&place.0).unwrap();
        file.set_len(limits::CACHE_FILE.default + 65).unwrap();
        let error = load(&place.0, &engine(), 7, || 0, 0).unwrap_err();
        assert!(matches!(error, Useless::Unreadable(_)), "{error}");
        let absent = load(&place.0.with_file_name("other"), &engine(), 7, || 0, 0);
        assert!(matches!(absent, Err(Useless::Absent)));
    }

    #[test]
    fn taking_in_ends_when_its_time_is_over() {
        let bytes = frame(&filled(200).export_cache(0, 1 << 20), 7, 0);
        let contents = read(&bytes, 7, 0).unwrap();
        let next = engine();
        let looks = std::cell::Cell::new(0);
        let is_over = || looks.replace(looks.get() + 1) == 2;
        assert_eq!(take_in(&contents, &next, || 0, is_over), 2 * BATCH);
    }

    #[test]
    fn other_rules_and_a_clock_set_back_make_it_useless() {
        let bytes = frame(b"", 7, 1000);
        assert_eq!(read(&bytes, 7, 1000).unwrap().elapsed, 0);
        assert!(matches!(read(&bytes, 7, 999), Err(Useless::Future)));
        assert!(matches!(read(&bytes, 8, 1000), Err(Useless::OtherRules)));
        assert_ne!(fingerprint("udp://192.0.2.1"), fingerprint("udp://192.0.2.2"));
    }

    #[test]
    fn damage_is_found_wherever_it_is() {
        let bytes = frame(&filled(2).export_cache(0, 1 << 20), 7, 0);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let error = read(&changed, 7, 0).unwrap_err();
            match at {
                0..16 => assert!(matches!(error, Useless::Foreign), "{at}: {error}"),
                16..20 => assert!(matches!(error, Useless::Version(_)), "{at}: {error}"),
                _ => assert!(matches!(error, Useless::Damaged), "{at}: {error}"),
            }
            let error = read(&bytes[..at], 7, 0).unwrap_err();
            assert!(
                matches!(error, Useless::Foreign | Useless::Damaged),
                "{at}: {error}"
            );
        }
    }

    #[test]
    fn a_file_that_lies_with_a_right_checksum_harms_nobody() {
        let entries = filled(2).export_cache(0, 1 << 20);
        for at in 0..entries.len() {
            let mut changed = entries.clone();
            changed[at] ^= 0xff;
            let bytes = frame(&changed, 7, 0);
            let contents = read(&bytes, 7, 5).unwrap();
            let next = engine();
            take_in(&contents, &next, || 0, || false);
            assert!(next.list_cache(None, false, 0, 10).0.len() <= 2);
        }
    }
}
