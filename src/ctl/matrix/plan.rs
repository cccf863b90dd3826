//! The difference between the records that a zone holds of a Matrix server and those that it is to hold.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::control::types::{
    ChangeWords, Code, DefectText, Failure, Mark, MemberWords, SetWords, ZoneChange,
};
use crate::matrix::mark;
use crate::matrix::set::{Planned, Role, Service, Set, address_of};
use crate::message::{Name, Rtype};
use crate::zone::master::civil::write_time;
use crate::zone::rdata;
use crate::zone::record::Record;

use super::Ground;

/// What is to be.
#[derive(Default)]
pub(super) struct Wanted<'w> {
    /// The set; none for none.
    pub(super) set: Option<&'w Set>,
    /// Mode of the zone, if it is made.
    pub(super) mode: Option<&'w str>,
    /// What others wrote goes where it stands in the way.
    pub(super) replace: bool,
    /// Addresses that go, and the unix time until which they are served beside the others.
    pub(super) leaving: Option<(&'w [IpAddr], u64)>,
}

/// Changes of a zone and its views.
pub(super) struct Plan {
    zones: Vec<ZoneChange>,
}

impl Plan {
    /// From the set that is there to the one that is to be.
    ///
    /// # Errors
    /// What stands in the way.
    pub(super) fn between(
        ground: &Ground,
        old: Option<&(String, Set)>,
        wanted: &Wanted<'_>,
    ) -> Result<Plan, Failure> {
        let (new, mode) = (wanted.set, wanted.mode);
        let mut conflicts = Vec::new();
        let old_set = old.map(|(_, set)| set);
        let mut base = ZoneChange {
            zone: ground.origin.to_string(),
            make: ground.base.is_none(),
            mode: mode.map(str::to_owned).filter(|_| ground.base.is_none()),
            serial: ground.base.as_ref().map(|base| base.serial),
            ..ZoneChange::default()
        };
        let before = old.map(|(value, _)| value.clone());
        let after = new.map(mark::write);
        if before != after {
            base.marks.push(Mark { before, after });
        }
        let place = Place {
            ground,
            old: old_set,
            new,
            wanted,
        };
        base.sets = place.sets(None, &ground.records, &mut conflicts);
        let mut zones = vec![base];
        let views_of = |set: Option<&Set>| -> BTreeSet<String> {
            set.map(|set| set.views.keys().cloned().collect())
                .unwrap_or_default()
        };
        let views = views_of(old_set);
        for view in views.union(&views_of(new)) {
            let there = ground.views.iter().find(|zone| zone.view.as_ref() == Some(view));
            let records = ground.in_views.iter().find(|(name, _)| name == view);
            let records = records.map(|(_, records)| records.as_slice()).unwrap_or_default();
            let sets = place.sets(Some(view), records, &mut conflicts);
            if sets.is_empty() {
                continue;
            }
            zones.push(ZoneChange {
                zone: ground.origin.to_string(),
                view: Some(view.clone()),
                make: there.is_none(),
                serial: there.map(|zone| zone.serial),
                sets,
                ..ZoneChange::default()
            });
        }
        if conflicts.is_empty() {
            return Ok(Plan { zones });
        }
        let mut failure = Failure::new(
            Code::Refused,
            "records that others wrote stand in the way; remove them, or let them go with --replace:",
        );
        failure.defects = conflicts;
        Err(failure)
    }

    /// As a request.
    pub(super) fn words(self, dry_run: bool) -> ChangeWords {
        ChangeWords {
            zones: self.zones,
            dry_run,
        }
    }
}

/// What is compared in one file.
struct Place<'p> {
    ground: &'p Ground,
    old: Option<&'p Set>,
    new: Option<&'p Set>,
    wanted: &'p Wanted<'p>,
}

impl Place<'_> {
    /// The sets that change, and what stands in the way.
    fn sets(&self, view: Option<&str>, records: &[Record], conflicts: &mut Vec<DefectText>) -> Vec<SetWords> {
        let origin = self.ground.origin.as_ref();
        let ours = |set: Option<&Set>| -> Vec<(Name, Rtype)> {
            let in_view = |set: &&Set| view.is_none_or(|view| set.views.contains_key(view));
            set.filter(in_view)
                .map(|set| set.owned(origin))
                .unwrap_or_default()
        };
        let owned = ours(self.old);
        let planned = self.new.map(|set| set.records(origin, view)).unwrap_or_default();
        let ttl = self.new.or(self.old).map(|set| set.ttl);
        let mut out = Vec::new();
        for set in &planned {
            let there = of(records, &set.owner, set.rtype);
            let alias = of(records, &set.owner, Rtype::CNAME);
            let is_ours = owned.contains(&(set.owner.clone(), set.rtype));
            if !is_ours && !self.wanted.replace && !same(&there, set) {
                conflicts.extend(there.iter().map(|record| self.conflict(view, record)));
            }
            if !alias.is_empty() {
                if !self.wanted.replace {
                    conflicts.extend(alias.iter().map(|record| self.conflict(view, record)));
                }
                out.push(words(&set.owner, Rtype::CNAME, None, Vec::new()));
            }
            let planned = set.rdata.iter().map(|rdata| MemberWords {
                rdata: vec![rdata.clone()],
                comment: Some(set.comment.to_owned()),
                expires: None,
            });
            let mut members: Vec<MemberWords> = planned.collect();
            if is_ours {
                members.extend(self.leaving(&there, &set.rdata));
            }
            out.push(words(&set.owner, set.rtype, ttl, members));
        }
        // What would lie beside the planned records, or was planned once.
        let mut others = owned.clone();
        others.extend(ours(self.new).into_iter().filter(|other| !owned.contains(other)));
        others.retain(|(owner, rtype)| {
            !planned
                .iter()
                .any(|set| set.owner == *owner && set.rtype == *rtype)
        });
        for (owner, rtype) in others {
            let there = of(records, &owner, rtype);
            if there.is_empty() {
                continue;
            }
            if !owned.contains(&(owner.clone(), rtype)) && !self.wanted.replace {
                conflicts.extend(there.iter().map(|record| self.conflict(view, record)));
            }
            let leaving = self.leaving(&there, &[]).collect();
            out.push(words(&owner, rtype, None, leaving));
        }
        out
    }

    /// Records that are not planned and go when their time has come.
    fn leaving(&self, there: &[Record], planned: &[String]) -> impl Iterator<Item = MemberWords> {
        let until = |record: &Record| {
            let leaves = |(addresses, until): (&[IpAddr], u64)| {
                let address = address_of(record).filter(|address| addresses.contains(address));
                address.map(|_| until)
            };
            record.expires.or_else(|| self.wanted.leaving.and_then(leaves))
        };
        let gone = there.iter().filter(|record| !planned.contains(&text(record)));
        gone.filter_map(move |record| {
            Some(MemberWords {
                rdata: vec![text(record)],
                comment: None,
                expires: Some(write_time(until(record)?)),
            })
        })
    }

    /// A record that others wrote, and how it can stay.
    fn conflict(&self, view: Option<&str>, record: &Record) -> DefectText {
        let status = match view {
            None => self.ground.base.as_ref(),
            Some(view) => self
                .ground
                .views
                .iter()
                .find(|zone| zone.view.as_deref() == Some(view)),
        };
        let hosts = self.new.map(Set::hosts).unwrap_or_default();
        let role = hosts.iter().find(|(_, host)| *host == record.owner);
        let has_web = self
            .new
            .is_some_and(|set| set.homeserver().host != set.server.host);
        let option = role.and_then(|(role, _)| match role {
            Role::Server => has_web.then_some("--web "),
            Role::Homeserver => None,
            Role::Service(Service::Turn) => Some("--turn="),
            Role::Service(Service::Rtc) => Some("--rtc="),
            Role::Service(Service::Auth) => Some("--auth="),
            Role::Service(Service::Element) => Some("--element="),
            Role::Service(Service::Push) => Some("--push="),
        });
        let is_address = matches!(record.rtype, Rtype::A | Rtype::AAAA) && view.is_none();
        let hint = option.filter(|_| is_address).map_or(String::new(), |option| {
            format!("; {option}{} keeps it", text(record))
        });
        DefectText {
            file: status.map(|status| status.file.clone()).unwrap_or_default(),
            line: 0,
            column: 0,
            message: format!(
                "`{} {} {}` is not of this set{hint}",
                record.owner,
                record.rtype,
                text(record)
            ),
        }
    }
}

fn words(owner: &Name, rtype: Rtype, ttl: Option<u32>, records: Vec<MemberWords>) -> SetWords {
    SetWords {
        name: owner.to_string(),
        rtype: rtype.to_string(),
        ttl,
        records,
    }
}

fn of(records: &[Record], owner: &Name, rtype: Rtype) -> Vec<Record> {
    let found = records
        .iter()
        .filter(|record| record.owner == *owner && record.rtype == rtype);
    found.cloned().collect()
}

fn text(record: &Record) -> String {
    rdata::to_text(record.rtype, &record.rdata, None)
}

/// Whether these records are what is planned.
fn same(there: &[Record], set: &Planned) -> bool {
    there.len() == set.rdata.len() && there.iter().all(|record| set.rdata.contains(&text(record)))
}
