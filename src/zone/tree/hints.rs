//! Addresses within SVCB and HTTPS records, where a view gives hosts others.
//!
//! `ipv4hint` and `ipv6hint` tell a client the addresses of the target before it has asked for them. Of a base zone's record
//! they are those of the base zone, and a client of a view that has others for the host would begin there. What else the record
//! says stays: it is about the service, not about where it is.

use crate::message::{Name, Rtype};
use crate::zone::rdata::{hints, target, without_hints};
use crate::zone::record::replaces;

use super::Drafts;

/// How many aliases in a row are followed.
const MAX_ALIASES: usize = 8;

/// Takes the addresses of hosts out of SVCB and HTTPS records where `laid` gives the host others (RFC 9460, 7.3: clients ask
/// for those of the target all the same, and may connect to a hint before they have them).
pub(super) fn drop_hints(drafts: &mut Drafts, laid: &Drafts) {
    let moved = |name: &Name| {
        laid.get(name)
            .is_some_and(|sets| sets.keys().any(|upper| replaces(*upper, Rtype::A)))
    };
    // Where a name leads along aliases, until one has other addresses.
    let is_moved = |name: Name, drafts: &Drafts| {
        let mut name = name;
        for _ in 0..MAX_ALIASES {
            if moved(&name) {
                return true;
            }
            let alias = drafts.get(&name).and_then(|sets| sets.get(&Rtype::CNAME));
            let leads = alias.and_then(|alias| target(Rtype::CNAME, alias.rdata.first()?));
            match leads {
                Some(next) => name = next.to_name(),
                None => break,
            }
        }
        false
    };
    let mut changed = Vec::new();
    for (owner, sets) in drafts.iter() {
        for rtype in [Rtype::SVCB, Rtype::HTTPS] {
            let Some(draft) = sets.get(&rtype) else { continue };
            for (at, rdata) in draft.rdata.iter().enumerate() {
                // `.` is the owner itself (RFC 9460, 2.5.2).
                let host = match target(rtype, rdata) {
                    Some(host) if !host.is_root() => host.to_name(),
                    _ => owner.clone(),
                };
                if !hints(rtype, rdata).is_empty() && is_moved(host, drafts) {
                    changed.push((owner.clone(), rtype, at, without_hints(rtype, rdata)));
                }
            }
        }
    }
    for (owner, rtype, at, rdata) in changed {
        let sets = drafts.get_mut(&owner).and_then(|sets| sets.get_mut(&rtype));
        if let Some(place) = sets.and_then(|draft| draft.rdata.get_mut(at)) {
            *place = rdata;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Zone;
    use crate::message::Name;
    use crate::zone::master;
    use crate::zone::rdata::to_text;

    fn compiled(text: &str) -> Zone {
        let origin: Name = "hearth.example".parse().unwrap();
        let read = master::parse("z", text.as_bytes(), &origin, &mut |_| Err("no files".to_owned()));
        assert_eq!(read.defects, []);
        let records: Vec<_> = read.entries.into_iter().map(|entry| entry.record).collect();
        Zone::compile(&origin, &read.options, &records, 1, 0)
    }

    /// What clients of the view get of one name, without A, AAAA, SOA and NS.
    #[track_caller]
    fn assert_seen(base: &str, view: &str, want: &[&str]) {
        let served = compiled(base).overlaid(&compiled(view)).records();
        let told = served.iter().filter(|record| matches!(record.rtype.0, 64 | 65));
        let told: Vec<String> = told
            .map(|record| {
                let data = to_text(record.rtype, &record.rdata, None);
                format!("{} {} {data}", record.owner, record.rtype)
            })
            .collect();
        assert_eq!(told, want, "{base}{view}");
    }

    #[test]
    fn rfc9460_s7_3_hints_are_addresses_of_the_host_that_a_view_gives_others() {
        let base =
            "@ A 203.0.113.1\n@ HTTPS 1 . alpn=h2 ipv4hint=203.0.113.1 ipv6hint=2001:db8::1 ech=AAAA\n";
        let bare = "hearth.example. HTTPS 1 . alpn=h2 ech=AAAA";
        for view in ["@ A 192.168.1.5\n", "@ AAAA fd00::5\n"] {
            assert_seen(base, view, &[bare]);
        }
        let whole = "hearth.example. HTTPS 1 . alpn=h2 ipv4hint=203.0.113.1 ech=AAAA ipv6hint=2001:db8::1";
        // Nobody is sent elsewhere.
        assert_seen(base, "", &[whole]);
        assert_seen(base, "@ TXT x\nother A 192.168.1.5\n", &[whole]);
        // What the view itself says stays as it says it.
        let own = "@ A 192.168.1.5\n@ HTTPS 1 . ipv4hint=192.168.1.5\n";
        assert_seen(base, own, &["hearth.example. HTTPS 1 . ipv4hint=192.168.1.5"]);
    }

    #[test]
    fn rfc9460_s2_5_the_host_is_the_target_and_is_followed_along_aliases() {
        let base = "@ HTTPS 1 web ipv4hint=203.0.113.1\n@ HTTPS 2 other ipv4hint=203.0.113.2\nweb CNAME host\nhost A 203.0.113.1\n\
                    other A 203.0.113.2\n_8448._https SVCB 1 Host.hearth.example. ipv4hint=203.0.113.1\n";
        let (kept, web) = (
            "hearth.example. HTTPS 2 other.hearth.example. ipv4hint=203.0.113.2",
            "hearth.example. HTTPS 1 web.hearth.example.",
        );
        let svcb = "_8448._https.hearth.example. SVCB 1 Host.hearth.example.";
        assert_seen(base, "HOST A 192.168.1.5\n", &[web, kept, svcb]);
        // An alias of the view leads elsewhere too; the other host is where it was.
        let whole = "_8448._https.hearth.example. SVCB 1 Host.hearth.example. ipv4hint=203.0.113.1";
        assert_seen(base, "web CNAME elsewhere.example.\n", &[web, kept, whole]);
        // A circle ends.
        assert_seen(
            "@ HTTPS 1 a ipv4hint=203.0.113.1\na CNAME b\nb CNAME a\n",
            "x A 192.168.1.5\n",
            &["hearth.example. HTTPS 1 a.hearth.example. ipv4hint=203.0.113.1"],
        );
    }

    #[test]
    fn rfc9460_s8_a_hint_that_is_gone_is_not_mandatory() {
        let view = "@ A 192.168.1.5\n";
        assert_seen(
            "@ HTTPS 1 . mandatory=ipv4hint,alpn alpn=h2 ipv4hint=203.0.113.1\n",
            view,
            &["hearth.example. HTTPS 1 . mandatory=alpn alpn=h2"],
        );
        assert_seen(
            "@ HTTPS 1 . mandatory=ipv4hint ipv4hint=203.0.113.1\n@ HTTPS 0 x\n",
            view,
            &[
                "hearth.example. HTTPS 1 .",
                "hearth.example. HTTPS 0 x.hearth.example.",
            ],
        );
    }
}
