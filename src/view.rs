//! Which zones a client sees, which upstreams it is served by, and the snapshot that holds all of it.
//!
//! A [`Snapshot`] is complete and never changes; a reload makes a new one and publishes it whole. Only
//! [`Snapshot::select`] decides what a client may see: the view with the longest prefix that holds the
//! client's address, else the base zones. A view's zones are laid over the base zones, and its routes over
//! the base routes, when the snapshot is built, so answering knows nothing of it.
//!
//! A private zone that only some views hold does not exist for the other clients: they must not carry its
//! names upstream.

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashTable;
use ipnet::IpNet;

use crate::message::key::{hash_of, spread};
use crate::message::{Key, Name, NameRef};
use crate::zone::{Itself, Mode, Zone, builtin};

/// The route of names that have no route of their own.
pub const DEFAULT_ROUTE: u16 = 0;

/// A view as the loader found it.
#[derive(Debug, Clone)]
pub struct ViewZones {
    /// Name, as in the config.
    pub name: String,
    /// Clients that see it.
    pub clients: Vec<IpNet>,
    /// Zones of its own folder.
    pub zones: Vec<Arc<Zone>>,
}

/// Where the names of a domain are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// By the upstreams of this route; an index into the list that `upstream` keeps.
    Route(u16),
    /// Nowhere: the domain does not exist.
    Nowhere,
}

/// The routes of the config: of everybody, and of each view what it has of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    /// Domain and target.
    pub base: Vec<(Name, Target)>,
    /// What views have of their own.
    pub views: Vec<ViewRoutes>,
}

/// The routes of one view, laid over the base routes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ViewRoutes {
    /// Name of the view.
    pub view: String,
    /// The route of names that have none of their own; `None`: as for everybody.
    pub default: Option<u16>,
    /// Domain and target.
    pub routes: Vec<(Name, Target)>,
}

/// Everything that answers come from, at one moment.
pub struct Snapshot {
    generation: u64,
    base: View,
    views: Vec<View>,
    /// Prefix and index into `views`, longest prefix first.
    prefixes: Vec<(IpNet, usize)>,
}

/// The zones and routes that a group of clients sees.
pub struct View {
    name: Option<String>,
    zones: HashTable<Arc<Zone>>,
    /// Labels of the deepest origin.
    depth: usize,
    default_route: u16,
    routes: HashTable<(Name, u16)>,
    /// Labels of the deepest route.
    route_depth: usize,
}

impl Snapshot {
    /// Lays each view's zones over the base zones, record set by record set, and its routes over the base
    /// routes. Every view holds what the server says of itself.
    #[must_use]
    pub fn build(
        base: Vec<Arc<Zone>>,
        views: Vec<ViewZones>,
        routing: &Routing,
        itself: &Itself,
        generation: u64,
    ) -> Snapshot {
        let builtins = Builtins {
            zones: builtin::zones(itself),
            itself,
        };
        let private = private_zones(&views);
        let mut built = Vec::with_capacity(views.len());
        let mut prefixes = Vec::new();
        for (at, view) in views.into_iter().enumerate() {
            prefixes.extend(view.clients.iter().map(|prefix| (prefix.trunc(), at)));
            let mut zones = base.clone();
            for upper in view.zones {
                match zones.iter_mut().find(|zone| zone.origin() == upper.origin()) {
                    Some(zone) => *zone = Arc::new(zone.overlaid(&upper)),
                    None => zones.push(upper),
                }
            }
            let own = routing.views.iter().find(|routes| routes.view == view.name);
            let mut routes = routing.base.clone();
            for (domain, target) in own.map(|own| &own.routes[..]).unwrap_or_default() {
                routes.retain(|(other, _)| other != domain);
                routes.push((domain.clone(), *target));
            }
            let default_route = own.and_then(|own| own.default).unwrap_or(DEFAULT_ROUTE);
            withhold(&mut zones, &private, &builtins.zones);
            built.push(View::new(
                Some(view.name),
                zones,
                &routes,
                default_route,
                &builtins,
            ));
        }
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.prefix_len()));
        let mut base = base;
        withhold(&mut base, &private, &builtins.zones);
        let base = View::new(None, base, &routing.base, DEFAULT_ROUTE, &builtins);
        Snapshot {
            generation,
            base,
            views: built,
            prefixes,
        }
    }

    /// Counts publications; grows by one with each.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The view of a client.
    #[must_use]
    pub fn select(&self, client: IpAddr) -> &View {
        let client = client.to_canonical();
        let found = self.prefixes.iter().find(|(prefix, _)| prefix.contains(&client));
        found
            .and_then(|(_, at)| self.views.get(*at))
            .unwrap_or(&self.base)
    }

    /// The view that everybody else sees.
    #[must_use]
    pub fn base(&self) -> &View {
        &self.base
    }

    /// The named views.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Whether a zone of any view covers this name, be it a file's or a built-in one.
    #[must_use]
    pub fn is_answered_here(&self, key: &Key) -> bool {
        let mut views = std::iter::once(&self.base).chain(&self.views);
        views.any(|view| view.zone_of(key).is_some())
    }

    /// Whether a zone file of any view covers this name: a domain of the house.
    #[must_use]
    pub fn is_own_domain(&self, key: &Key) -> bool {
        let views = std::iter::once(&self.base).chain(&self.views);
        views
            .filter_map(|view| view.zone_of(key))
            .any(|zone| !zone.is_builtin())
    }
}

/// Zones that nobody wrote.
struct Builtins<'i> {
    zones: Vec<Arc<Zone>>,
    itself: &'i Itself,
}

impl View {
    /// A zone file or a route replaces the built-in zones of its name and below: whoever writes
    /// `168.192.in-addr.arpa` knows better than RFC 6303. A route below a built-in zone is passed on by it.
    ///
    /// Our own name is in the configuration, so only a file or a route of just this name replaces its zone; see
    /// [`Itself::zones_over`].
    fn new(
        name: Option<String>,
        mut zones: Vec<Arc<Zone>>,
        routes: &[(Name, Target)],
        default_route: u16,
        builtins: &Builtins<'_>,
    ) -> View {
        let has_zone =
            |zones: &[Arc<Zone>], name: NameRef<'_>| zones.iter().any(|zone| zone.origin() == name);
        for (domain, target) in routes {
            if *target == Target::Nowhere && !has_zone(&zones, domain.as_ref()) {
                zones.push(Arc::new(Zone::absent(domain)));
            }
        }
        let passing_on = |zone: &Arc<Zone>| {
            let below = routes.iter().filter(|(domain, target)| {
                matches!(target, Target::Route(_)) && domain.as_ref().is_at_or_below(zone.origin())
            });
            let below: Vec<Name> = below.map(|(domain, _)| domain.clone()).collect();
            match below.is_empty() {
                true => Arc::clone(zone),
                false => Arc::new(zone.passing_on(below)),
            }
        };
        let of_itself = builtins.itself.zones_over(&zones);
        for builtin in &builtins.zones {
            let origin = builtin.origin();
            let is_replaced = zones.iter().any(|zone| origin.is_at_or_below(zone.origin()))
                || routes
                    .iter()
                    .any(|(domain, _)| origin.is_at_or_below(domain.as_ref()));
            if !is_replaced {
                zones.push(passing_on(builtin));
            }
        }
        for zone in of_itself {
            if !routes.iter().any(|(domain, _)| domain.as_ref() == zone.origin()) {
                zones.push(passing_on(&Arc::new(zone)));
            }
        }
        if let Some(lan) = &builtins.itself.lan {
            let is_route = |target: &Target| matches!(target, Target::Route(_));
            let routed = routes.iter().filter(|(_, target)| is_route(target));
            let routed: Vec<Name> = routed.map(|(domain, _)| domain.clone()).collect();
            lan.lay_under(&mut zones, &routed);
        }
        let depth = zones
            .iter()
            .map(|zone| zone.origin().label_count())
            .max()
            .unwrap_or(0);
        let mut table = HashTable::with_capacity(zones.len());
        let hash = |zone: &Arc<Zone>| spread(hash_of(zone.origin()));
        for zone in zones {
            table.insert_unique(hash(&zone), zone, hash);
        }
        let mut route_table = HashTable::with_capacity(routes.len());
        let route_hash = |(domain, _): &(Name, u16)| spread(hash_of(domain.as_ref()));
        for (domain, target) in routes {
            if let Target::Route(route) = target {
                let entry = (domain.as_ref().to_lowercase(), *route);
                route_table.insert_unique(route_hash(&entry), entry, route_hash);
            }
        }
        let route_depth = routes
            .iter()
            .map(|(domain, _)| domain.as_ref().label_count())
            .max()
            .unwrap_or(0);
        View {
            name,
            zones: table,
            depth,
            default_route,
            routes: route_table,
            route_depth,
        }
    }

    /// Name of the view; `None` for the base zones.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Zones of files with names of their own, in alphabetical order: what devices are told to ask us for. Without those
    /// that stand for a name that does not exist here, and without redirects, which take names away.
    #[must_use]
    pub fn told_zones(&self) -> Vec<&Zone> {
        let is_told = |zone: &&Zone| {
            !zone.is_builtin() && !zone.is_absent() && matches!(zone.mode(), Mode::Private | Mode::Overlay)
        };
        let mut zones: Vec<&Zone> = self.zones.iter().map(|zone| &**zone).filter(is_told).collect();
        zones.sort_by_cached_key(|zone| zone.origin().to_string());
        zones
    }

    /// The zone with the longest origin at or above the name.
    #[must_use]
    pub fn zone_of(&self, key: &Key) -> Option<&Zone> {
        (0..=key.label_count().min(self.depth)).rev().find_map(|labels| {
            let (name, hash) = key.suffix(labels);
            self.find(name, hash)
        })
    }

    /// The route of a name that no zone answers for: that of the longest domain at or above it.
    #[must_use]
    pub fn route_of(&self, key: &Key) -> u16 {
        if self.routes.is_empty() {
            return self.default_route;
        }
        let found = (0..=key.label_count().min(self.route_depth))
            .rev()
            .find_map(|labels| {
                let (name, hash) = key.suffix(labels);
                self.routes
                    .find(spread(hash), |(domain, _)| domain.as_wire() == name.as_wire())
            });
        found.map_or(self.default_route, |(_, route)| *route)
    }

    fn find(&self, name: NameRef<'_>, hash: u32) -> Option<&Zone> {
        let same = |zone: &Arc<Zone>| zone.origin().as_wire() == name.as_wire();
        self.zones.find(spread(hash), same).map(|zone| &**zone)
    }
}

/// Zones of views whose names no client may learn of from upstream: all but overlays. A closed one may be
/// anything, so it counts.
fn private_zones(views: &[ViewZones]) -> Vec<Arc<Zone>> {
    let zones = views.iter().flat_map(|view| &view.zones);
    zones
        .filter(|zone| zone.is_closed() || zone.mode() != Mode::Overlay)
        .cloned()
        .collect()
}

/// Has the private zones of other views not exist here, so that a client that does not see a zone does not
/// carry its names upstream. A zone of the same name here says itself what becomes of them, and one above it
/// does so unless it is an overlay.
fn withhold(zones: &mut Vec<Arc<Zone>>, private: &[Arc<Zone>], builtins: &[Arc<Zone>]) {
    for theirs in private {
        let covers = |zone: &Arc<Zone>| {
            theirs.origin() == zone.origin()
                || (theirs.origin().is_at_or_below(zone.origin()) && zone.mode() != Mode::Overlay)
        };
        if zones.iter().chain(builtins).any(covers) {
            continue;
        }
        let origin = theirs.origin().to_name();
        zones.push(Arc::new(if theirs.is_closed() {
            Zone::closed(&origin)
        } else {
            Zone::absent(&origin)
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Rtype;
    use crate::zone::{Found, Options, Record};

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn zone(origin: &str, host: &str, last: u8) -> Arc<Zone> {
        let origin = name(origin);
        let owner = Name::parse(host, Some(origin.as_ref())).unwrap();
        let rdata = Box::new([192, 0, 2, last]);
        let record = Record {
            owner,
            ttl: 60,
            rtype: Rtype::A,
            rdata,
            expires: None,
        };
        Arc::new(Zone::compile(&origin, &Options::default(), &[record], 1, 0))
    }

    fn view(name: &str, prefixes: &[&str], zones: Vec<Arc<Zone>>) -> ViewZones {
        let clients = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        ViewZones {
            name: name.to_owned(),
            clients,
            zones,
        }
    }

    fn snapshot() -> Snapshot {
        Snapshot::build(
            vec![zone("hearth.example", "a", 1), zone("sub.hearth.example", "a", 2)],
            vec![
                view(
                    "lan",
                    &["10.0.0.0/8", "fd00::/8"],
                    vec![zone("hearth.example", "a", 3)],
                ),
                view("desk", &["10.1.2.3/32"], vec![zone("only.example", "a", 4)]),
            ],
            &Routing::default(),
            &Itself::default(),
            9,
        )
    }

    fn last_byte(client: &str, text: &str) -> Option<u8> {
        let snapshot = snapshot();
        let view = snapshot.select(client.parse().unwrap());
        let name = name(text);
        let key = Key::new(name.as_ref());
        match view.zone_of(&key)?.lookup(&key, Rtype::A) {
            Found::Answer(set) => set.rdata().next().map(|rdata| rdata[3]),
            _ => None,
        }
    }

    #[test]
    fn the_longest_prefix_selects_the_view() {
        assert_eq!(last_byte("192.0.2.9", "a.hearth.example"), Some(1));
        assert_eq!(last_byte("10.1.2.4", "a.hearth.example"), Some(3));
        assert_eq!(last_byte("fd00::1", "a.hearth.example"), Some(3));
        assert_eq!(last_byte("10.1.2.3", "a.hearth.example"), Some(1));
        assert_eq!(last_byte("10.1.2.3", "a.only.example"), Some(4));
        assert_eq!(last_byte("10.1.2.4", "a.only.example"), None);
        assert_eq!(last_byte("::ffff:10.1.2.4", "a.hearth.example"), Some(3));
    }

    #[test]
    fn a_private_zone_of_one_view_goes_upstream_for_nobody() {
        let found = |snapshot: &Snapshot, client: &str, asked: &str| {
            let view = snapshot.select(client.parse().unwrap());
            let asked = name(asked);
            let key = Key::new(asked.as_ref());
            match view.zone_of(&key).map(|zone| zone.lookup(&key, Rtype::A)) {
                Some(Found::Answer(_)) => "answer",
                Some(Found::NoName) => "noname",
                Some(Found::Closed) => "closed",
                None | Some(Found::Elsewhere) => "elsewhere",
                Some(_) => "other",
            }
        };
        let overlay = |origin: &str| {
            let options = Options {
                mode: Some(Mode::Overlay),
                forward: Vec::new(),
                ..Options::default()
            };
            Arc::new(Zone::compile(&name(origin), &options, &[], 1, 0))
        };
        let snapshot = Snapshot::build(
            vec![
                overlay("over.example"),
                overlay("chosen.example"),
                zone("whole.example", "a", 1),
            ],
            vec![
                view(
                    "lan",
                    &["10.0.0.0/8"],
                    vec![
                        zone("only.example", "a", 2),
                        overlay("open.example"),
                        Arc::new(Zone::closed(&name("broken.example"))),
                        zone("below.over.example", "a", 3),
                        zone("chosen.example", "a", 4),
                        zone("below.whole.example", "a", 5),
                    ],
                ),
                view("guests", &["172.16.0.0/12"], Vec::new()),
            ],
            &Routing::default(),
            &Itself::default(),
            1,
        );
        for other in ["192.0.2.1", "172.16.0.1"] {
            assert_eq!(found(&snapshot, other, "a.only.example"), "noname");
            assert_eq!(found(&snapshot, other, "only.example"), "noname");
            assert_eq!(found(&snapshot, other, "a.open.example"), "elsewhere");
            assert_eq!(found(&snapshot, other, "a.broken.example"), "closed");
            assert_eq!(found(&snapshot, other, "a.below.over.example"), "noname");
            assert_eq!(found(&snapshot, other, "a.over.example"), "elsewhere");
            // An overlay of the same name without a view is how to have them looked up in public.
            assert_eq!(found(&snapshot, other, "a.chosen.example"), "elsewhere");
            assert_eq!(found(&snapshot, other, "a.below.whole.example"), "noname");
        }
        assert_eq!(found(&snapshot, "10.0.0.1", "a.only.example"), "answer");
        assert_eq!(found(&snapshot, "10.0.0.1", "a.below.over.example"), "answer");
    }

    #[test]
    fn the_longest_origin_answers() {
        assert_eq!(last_byte("192.0.2.9", "a.sub.hearth.example"), Some(2));
    }

    #[test]
    fn a_zone_file_takes_the_place_of_built_in_zones_at_and_below_it() {
        let zones = vec![zone("in-addr.arpa", "x", 1)];
        let snapshot = Snapshot::build(zones, Vec::new(), &Routing::default(), &Itself::default(), 1);
        let name_below = name("1.1.168.192.in-addr.arpa");
        let zone = snapshot.base().zone_of(&Key::new(name_below.as_ref())).unwrap();
        assert_eq!(zone.origin().to_string(), "in-addr.arpa.");
        assert!(
            snapshot
                .base()
                .zone_of(&Key::new(name("localhost").as_ref()))
                .is_some()
        );
    }

    /// What a client is told of a name: the zone that answers, or the route.
    fn way(snapshot: &Snapshot, client: &str, text: &str) -> String {
        let view = snapshot.select(client.parse().unwrap());
        let name = name(text);
        let key = Key::new(name.as_ref());
        match view.zone_of(&key).map(|zone| zone.lookup(&key, Rtype::A)) {
            None | Some(Found::Elsewhere) => format!("route {}", view.route_of(&key)),
            Some(Found::NoName) => "noname".to_owned(),
            Some(Found::NoData) => "nodata".to_owned(),
            Some(_) => "other".to_owned(),
        }
    }

    #[test]
    fn the_longest_route_counts_and_views_have_their_own() {
        let routing = Routing {
            base: vec![
                (name("corp.example"), Target::Route(1)),
                (name("Deep.corp.example"), Target::Route(2)),
                (name("ads.example"), Target::Nowhere),
            ],
            views: vec![ViewRoutes {
                view: "lan".to_owned(),
                default: Some(3),
                routes: vec![
                    (name("corp.example"), Target::Route(4)),
                    (name("lan.example"), Target::Nowhere),
                ],
            }],
        };
        let views = vec![view("lan", &["10.0.0.0/8"], Vec::new())];
        let snapshot = Snapshot::build(
            vec![zone("hearth.example", "a", 1)],
            views,
            &routing,
            &Itself::default(),
            1,
        );
        for (client, name, expected) in [
            ("192.0.2.9", "www.example.net", "route 0"),
            ("192.0.2.9", "corp.example", "route 1"),
            ("192.0.2.9", "x.deep.CORP.example", "route 2"),
            ("192.0.2.9", "ads.example", "noname"),
            ("192.0.2.9", "x.ads.example", "noname"),
            ("192.0.2.9", "lan.example", "route 0"),
            ("10.0.0.1", "www.example.net", "route 3"),
            ("10.0.0.1", "x.corp.example", "route 4"),
            ("10.0.0.1", "deep.corp.example", "route 2"),
            ("10.0.0.1", "lan.example", "noname"),
            ("10.0.0.1", "nobody.hearth.example", "noname"),
        ] {
            assert_eq!(way(&snapshot, client, name), expected, "{client} {name}");
        }
    }

    #[test]
    fn routes_take_reverse_zones_from_the_built_in_ones() {
        let routing = Routing {
            base: vec![
                (name("1.168.192.in-addr.arpa"), Target::Route(1)),
                (name("10.in-addr.arpa"), Target::Route(2)),
                (name("printer.local"), Target::Route(3)),
            ],
            views: Vec::new(),
        };
        let snapshot = Snapshot::build(Vec::new(), Vec::new(), &routing, &Itself::default(), 1);
        for (name, expected) in [
            ("9.1.168.192.in-addr.arpa", "route 1"),
            ("9.2.168.192.in-addr.arpa", "noname"),
            ("1.2.3.10.in-addr.arpa", "route 2"),
            ("printer.local", "route 3"),
            ("other.local", "noname"),
        ] {
            assert_eq!(way(&snapshot, "192.0.2.9", name), expected, "{name}");
        }
    }

    #[test]
    fn domains_of_the_house_are_those_of_zone_files() {
        let own = |text: &str| snapshot().is_own_domain(&Key::new(name(text).as_ref()));
        assert!(own("x.hearth.example") && own("only.example"));
        assert!(!own("localhost") && !own("www.example.net"));
    }
}
