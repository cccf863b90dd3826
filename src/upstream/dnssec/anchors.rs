//! Where trust begins and where it is suspended: trust anchors (RFC 4035, 4.4) and negative trust anchors
//! (RFC 7646).
//!
//! The root's keys are built in. A file in master format with DS or DNSKEY records, as Debian's
//! `/usr/share/dns/root.key`, takes their place.

use super::keys::{Ds, Key};
use crate::config::NegativeAnchor;
use crate::message::{Name, NameRef, Rtype};
use crate::zone::master;
use crate::zone::record::Defect;

/// The root's key signing keys of 2017 and 2024, as IANA publishes them.
const ROOT: &str = "\
. DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
";

/// The trust anchors, by zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchors(Vec<(Name, Vec<Ds>)>);

impl Anchors {
    /// The root's keys, as they were when this version was made.
    #[must_use]
    pub fn root() -> Self {
        // A test asserts that the text is right.
        Self::read("root anchors", ROOT.as_bytes()).unwrap_or_default()
    }

    /// Reads a master file of DS and DNSKEY records. `file` names it in defects.
    ///
    /// # Errors
    /// All that is wrong with it, and that it holds no usable anchor.
    pub fn read(file: &str, text: &[u8]) -> Result<Self, Vec<Defect>> {
        let refuse = |name: &str| Err(format!("{name} is not read: anchors stand in one file"));
        let read = master::parse(file, text, &Name::root(), &mut |name| refuse(name));
        let mut defects = read.defects;
        let mut anchors = Anchors::default();
        for entry in &read.entries {
            let record = &entry.record;
            let zone = record.owner.as_ref().to_lowercase();
            let ds = match record.rtype {
                Rtype::DS => Ds::read(&record.rdata).filter(Ds::is_supported),
                Rtype::DNSKEY => Key::read(&record.rdata)
                    .and_then(|key| Ds::of_key(zone.as_ref(), &key))
                    .filter(Ds::is_supported),
                _ => None,
            };
            match ds {
                Some(ds) => anchors.add(zone, ds),
                None => defects.push(Defect {
                    file: entry.file.clone(),
                    line: entry.line,
                    column: entry.column,
                    message: format!(
                        "expected a DS or DNSKEY record with a known algorithm, found {}",
                        record.rtype
                    ),
                }),
            }
        }
        if anchors.0.is_empty() && defects.is_empty() {
            defects.push(Defect {
                file: file.into(),
                line: 0,
                column: 0,
                message: "expected at least one DS or DNSKEY record, found none".to_owned(),
            });
        }
        if defects.is_empty() {
            Ok(anchors)
        } else {
            Err(defects)
        }
    }

    fn add(&mut self, zone: Name, ds: Ds) {
        match self.0.iter_mut().find(|(known, _)| *known == zone) {
            Some((_, list)) => list.push(ds),
            None => self.0.push((zone, vec![ds])),
        }
    }

    /// What is known of this zone's keys.
    pub(super) fn of(&self, zone: NameRef<'_>) -> Option<&[Ds]> {
        let found = self.0.iter().find(|(known, _)| known.as_ref() == zone);
        found.map(|(_, list)| &list[..])
    }

    /// The deepest anchored zone at or above a name.
    pub(super) fn above(&self, name: NameRef<'_>) -> Option<&Name> {
        self.0
            .iter()
            .map(|(zone, _)| zone)
            .filter(|zone| name.is_at_or_below(zone.as_ref()))
            .max_by_key(|zone| zone.as_ref().label_count())
    }
}

/// Whether validation is suspended for a name at a Unix time. A trust anchor below a negative one stands
/// (RFC 7646, 2). Where the clock is not to be believed, negative anchors hold.
pub(super) fn is_suspended(
    negative: &[NegativeAnchor],
    anchors: &Anchors,
    name: NameRef<'_>,
    now: Option<u32>,
) -> bool {
    let anchored = anchors.above(name).map_or(0, |zone| zone.as_ref().label_count());
    negative.iter().any(|anchor| {
        let domain = anchor.domain.as_ref();
        name.is_at_or_below(domain)
            && domain.label_count() >= anchored
            && now.is_none_or(|now| u64::from(now) < anchor.until)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn the_root_is_built_in() {
        let root = Anchors::root();
        assert_eq!(root.of(NameRef::ROOT).map(<[Ds]>::len), Some(2));
        assert_eq!(root.above(name("www.example").as_ref()), Some(&Name::root()));
    }

    #[test]
    fn a_file_takes_ds_and_dnskey_and_says_what_is_wrong() {
        let text = b"sub.example. 3600 IN DS 1 13 2 ( 00112233445566778899aabbccddeeff\n 00112233445566778899aabbccddeeff )\n";
        let anchors = Anchors::read("f", text).unwrap();
        assert_eq!(
            anchors.above(name("a.Sub.example").as_ref()),
            Some(&name("sub.example"))
        );
        assert_eq!(anchors.above(name("example").as_ref()), None);
        let shown = |text: &[u8]| Anchors::read("f", text).unwrap_err()[0].to_string();
        assert_eq!(
            shown(b""),
            "f: expected at least one DS or DNSKEY record, found none"
        );
        assert_eq!(
            shown(b"x. A 192.0.2.1\n"),
            "f:1:1: expected a DS or DNSKEY record with a known algorithm, found A"
        );
    }

    #[test]
    fn rfc7646_negative_anchors_have_an_end_and_yield_to_anchors_below() {
        let negative = [NegativeAnchor {
            domain: name("example"),
            reason: "keys lost".to_owned(),
            until: 1000,
        }];
        let root = Anchors::root();
        let suspended =
            |anchors: &Anchors, text: &str, now| is_suspended(&negative, anchors, name(text).as_ref(), now);
        assert!(suspended(&root, "www.example", Some(999)));
        assert!(!suspended(&root, "www.example", Some(1000)));
        assert!(!suspended(&root, "other", Some(999)));
        assert!(suspended(&root, "example", None));
        let digest = "00".repeat(32);
        let below = Anchors::read("f", format!("sub.example. DS 1 13 2 {digest}\n").as_bytes()).unwrap();
        assert!(!suspended(&below, "www.sub.example", Some(999)));
    }
}
