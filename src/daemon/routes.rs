//! From the config's routes to numbered ones: what the snapshot, the engine and the upstreams each need.
//!
//! A route is a number: 0 is everybody's default. Views and domains get the numbers after it, and the three
//! tables made here agree on them.

use crate::config::{Config, RouteConfig, RouteTarget, Servers, UpstreamSpec};
use crate::health::Strategy;
use crate::message::Name;
use crate::policy::screen::{Screen, is_private};
use crate::upstream::Route;
use crate::view::{Routing, Target, ViewRoutes};

/// The routes, each by its number.
pub(super) struct Routes {
    /// For `upstream`.
    pub(super) routes: Vec<Route>,
    /// For the engine.
    pub(super) screens: Vec<Screen>,
    /// For the snapshot.
    pub(super) routing: Routing,
}

/// Numbers the routes; `default` are the servers of everybody's default route.
pub(super) fn number(config: &Config, default: Vec<UpstreamSpec>) -> Routes {
    let mut numbered = Numbering {
        config,
        routes: Vec::new(),
        screens: Vec::new(),
    };
    numbered.add(
        ".".to_owned(),
        &Servers {
            upstreams: default,
            ..Servers::default()
        },
    );
    let base = numbered.table("", &config.routes);
    let mut views = Vec::new();
    for view in &config.views {
        let own = Servers {
            upstreams: view.upstreams.clone(),
            ..Servers::default()
        };
        let mark = format!(" (view {})", view.name);
        let default = (!view.upstreams.is_empty()).then(|| numbered.add(format!(".{mark}"), &own));
        let routes = numbered.table(&mark, &view.routes);
        views.push(ViewRoutes {
            view: view.name.clone(),
            default,
            routes,
        });
    }
    Routes {
        routes: numbered.routes,
        screens: numbered.screens,
        routing: Routing { base, views },
    }
}

struct Numbering<'c> {
    config: &'c Config,
    routes: Vec<Route>,
    screens: Vec<Screen>,
}

impl Numbering<'_> {
    fn table(&mut self, mark: &str, routes: &[RouteConfig]) -> Vec<(Name, Target)> {
        let target = |route: &RouteConfig, numbered: &mut Self| match &route.target {
            RouteTarget::Nowhere => Target::Nowhere,
            RouteTarget::Servers(servers) => {
                Target::Route(numbered.add(format!("{}{mark}", route.domain), servers))
            }
        };
        routes
            .iter()
            .map(|route| (route.domain.clone(), target(route, self)))
            .collect()
    }

    fn add(&mut self, domain: String, servers: &Servers) -> u16 {
        let strategy: Strategy = servers.strategy.unwrap_or(self.config.upstream.strategy);
        let screen = &self.config.screen;
        let is_in_house = |spec: &UpstreamSpec| {
            let addresses = spec.fixed_addresses();
            !addresses.is_empty() && addresses.iter().all(|addr| is_private(addr.ip()))
        };
        // A route to a server of the house is there to lead into the house.
        let leads_home = !self.routes.is_empty() && servers.upstreams.iter().all(is_in_house);
        self.screens.push(Screen {
            rebinding: screen.rebinding && !leads_home,
            bogus: screen.bogus.clone(),
            accept: servers.accept.clone(),
            deny: servers.deny.clone(),
        });
        self.routes.push(Route {
            domain,
            servers: servers.upstreams.clone(),
            strategy,
        });
        // The limits table bounds views and routes far below 65,536.
        (self.routes.len() - 1) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use crate::config::Overrides;

    fn config(text: &str) -> Config {
        let base = Config::with_paths("zones".into(), "state".into(), "control.sock".into());
        Config::read(Path::new("config.yaml"), text, base, &Overrides::default()).unwrap()
    }

    #[test]
    fn every_route_has_one_number_in_all_three_tables() {
        let config = config(
            "upstream: {strategy: ordered}\n\
             screen: {bogus: [198.51.100.66]}\n\
             routes:\n  corp.example: {upstreams: [10.0.0.1], strategy: parallel}\n  ads.example: nowhere\n\
             views:\n  lan:\n    clients: [192.168.2.0/24]\n    upstreams: [192.0.2.1]\n    \
             routes: {corp.example: {upstreams: [192.0.2.2], accept: [203.0.113.0/24]}}\n",
        );
        let routes = number(&config, vec!["192.0.2.53".parse().unwrap()]);
        let shown: Vec<(&str, Strategy)> = routes
            .routes
            .iter()
            .map(|route| (route.domain.as_str(), route.strategy))
            .collect();
        assert_eq!(
            shown,
            [
                (".", Strategy::Ordered),
                ("corp.example.", Strategy::Parallel),
                (". (view lan)", Strategy::Ordered),
                ("corp.example. (view lan)", Strategy::Ordered),
            ]
        );
        let rebinding: Vec<bool> = routes.screens.iter().map(|screen| screen.rebinding).collect();
        assert_eq!(
            rebinding,
            [true, false, true, true],
            "a route to a server of the house is exempt"
        );
        assert!(routes.screens.iter().all(|screen| screen.bogus.len() == 1));
        assert_eq!(routes.screens[3].accept.len(), 1);
        let name = |text: &str| text.parse::<Name>().unwrap();
        assert_eq!(
            routes.routing.base,
            [
                (name("corp.example"), Target::Route(1)),
                (name("ads.example"), Target::Nowhere)
            ]
        );
        assert_eq!(routes.routing.views[0].default, Some(2));
        assert_eq!(
            routes.routing.views[0].routes,
            [(name("corp.example"), Target::Route(3))]
        );
    }
}
