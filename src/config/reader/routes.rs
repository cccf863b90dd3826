//! The sections `routes` and `screen`, and what a view has of its own of the first.

use ipnet::IpNet;

use super::super::UpstreamSpec;
use super::super::address::{self, shown};
use super::super::document::{Kind, Node};
use super::super::limits;
use super::super::routes::{RouteConfig, RouteTarget, Servers};
use super::super::values::Reader;
use super::set;
use crate::health::Strategy;
use crate::message::Name;

/// Keys of one route.
pub(in crate::config) const ROUTE: &[&str] = &["accept", "deny", "strategy", "upstreams"];

impl Reader {
    /// A mapping of domains to routes.
    pub(super) fn routes(&mut self, node: &Node, path: &str) -> Vec<RouteConfig> {
        let Kind::Map(entries) = &node.kind else {
            self.mistyped(
                node,
                "a mapping of domains, as in corp.example: {upstreams: [10.0.0.1]}",
            );
            return Vec::new();
        };
        if entries.len() as u64 > limits::ROUTES.max {
            let message = format!(
                "expected at most {} routes, found {}",
                limits::ROUTES.max,
                entries.len()
            );
            self.defect(node.id, message);
            return Vec::new();
        }
        let mut found: Vec<(RouteConfig, u32)> = Vec::new();
        for (key, value) in entries {
            let Some(domain) = self.domain(key) else { continue };
            if domain.as_ref().is_root() {
                self.defect(
                    key.id,
                    "the route of every other name is `upstreams`; write its servers there",
                );
                continue;
            }
            if let Some((_, first)) = found.iter().find(|(route, _)| route.domain == domain) {
                let message = format!("the route of {domain} is given twice");
                self.repeated(key.id, message, *first);
                continue;
            }
            if let Some(target) = self.route_target(key, value, path) {
                found.push((RouteConfig { domain, target }, key.id));
            }
        }
        found.into_iter().map(|(route, _)| route).collect()
    }

    fn route_target(&mut self, key: &Node, node: &Node, path: &str) -> Option<RouteTarget> {
        if node.scalar().is_some_and(|word| word == "nowhere") {
            return Some(RouteTarget::Nowhere);
        }
        if !matches!(node.kind, Kind::Map(_)) {
            self.mistyped(node, "a mapping with upstreams, or the word nowhere");
            return None;
        }
        let keys = self.section(node, path, ROUTE);
        if !keys.iter().any(|(key, _)| *key == "upstreams") {
            self.defect(
                key.id,
                "this route names no upstreams; write upstreams: [10.0.0.1], or nowhere",
            );
            return None;
        }
        let mut servers = Servers::default();
        for (key, node) in keys {
            match key {
                "upstreams" => servers.upstreams = self.server_list(node),
                "strategy" => servers.strategy = self.strategy(node),
                "accept" => servers.accept = self.prefixes(node),
                "deny" => servers.deny = self.prefixes(node),
                _ => {}
            }
        }
        Some(RouteTarget::Servers(servers))
    }

    /// A list of servers, of the file's own or of a route.
    pub(super) fn server_list(&mut self, node: &Node) -> Vec<UpstreamSpec> {
        let items = self.upstream_list(node);
        self.upstreams.extend(items.iter().cloned());
        items.into_iter().map(|(spec, _)| spec).collect()
    }

    pub(super) fn strategy(&mut self, node: &Node) -> Option<Strategy> {
        let word = node.scalar();
        let found = word.and_then(|word| Strategy::ALL.into_iter().find(|known| known.as_str() == word));
        if found.is_none() {
            self.mistyped(node, "one of fastest, parallel, ordered");
        }
        found
    }

    pub(super) fn screen(&mut self, node: &Node) {
        for (key, node) in self.named_section(node, "screen") {
            match key {
                "rebinding" => {
                    let value = self.switch(node);
                    set(&mut self.config.screen.rebinding, value);
                }
                "rebinding_exempt" => {
                    let read = |text: &str| text.parse::<Name>();
                    let items = self.items(node, "a list of domains", "a domain", limits::PREFIXES, read);
                    self.config.screen.rebinding_exempt = items.into_iter().map(|(name, _)| name).collect();
                }
                "bogus" => self.config.screen.bogus = self.prefixes(node),
                _ => {}
            }
        }
    }

    fn prefixes(&mut self, node: &Node) -> Vec<IpNet> {
        let read = address::prefix;
        let items = self.items(node, "a list of prefixes", "a prefix", limits::PREFIXES, read);
        items.into_iter().map(|(net, _)| net).collect()
    }

    fn domain(&mut self, key: &Node) -> Option<Name> {
        let Some(text) = key.scalar() else {
            self.defect(key.id, format!("expected a domain, found {}", key.noun()));
            return None;
        };
        match text.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                self.defect(
                    key.id,
                    format!("expected a domain, found {}: {error}", shown(&text)),
                );
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::{Config, Overrides};

    fn read(text: &str) -> Result<Config, String> {
        let base = Config::with_paths("zones".into(), "state".into(), "control.sock".into());
        let lines = |defects: Vec<crate::zone::Defect>| {
            defects
                .iter()
                .map(|defect| format!("{defect}\n"))
                .collect::<String>()
        };
        Config::read(Path::new("c.yaml"), text, base, &Overrides::default()).map_err(lines)
    }

    #[test]
    fn every_mistake_in_routes_is_told_with_its_place() {
        let text = "\
routes:
  corp.example: {upstreams: [10.0.0.1], strategy: quickest}
  CORP.example.: nowhere
  .: nowhere
  a..b: nowhere
  x.example: somewhere
  y.example: {deny: [10.0.0.0/33]}
  z.example: {upstreams: [127.0.0.1:5300], acept: []}
screen:
  rebinding: maybe
  bogus: 198.51.100.66
";
        let expected = "\
c.yaml:2:51: expected one of fastest, parallel, ordered, found a text
c.yaml:3:3: the route of CORP.example. is given twice; the first is in line 2
c.yaml:4:3: the route of every other name is `upstreams`; write its servers there
c.yaml:5:3: expected a domain, found `a..b`: the name has an empty label (two dots in a row)
c.yaml:6:14: expected a mapping with upstreams, or the word nowhere, found a text
c.yaml:7:3: this route names no upstreams; write upstreams: [10.0.0.1], or nowhere
c.yaml:8:27: upstream udp://127.0.0.1:5300 is this server itself, which listens there; name another server
c.yaml:8:44: unknown key `acept` in `routes`; did you mean `accept`? known here: accept, deny, strategy, upstreams
c.yaml:10:14: expected true or false, found a text
c.yaml:11:10: expected a list of prefixes, found a text; write [\"198.51.100.66\"]
";
        assert_eq!(read(text).unwrap_err(), expected);
    }

    #[test]
    fn a_view_has_servers_and_routes_of_its_own() {
        let text =
            "views: {lan: {clients: [192.168.2.0/24], upstreams: [9.9.9.9], routes: {a.example: nowhere}}}";
        let config = read(text).unwrap();
        assert_eq!(
            (config.views[0].upstreams.len(), config.views[0].routes.len()),
            (1, 1)
        );
    }
}
