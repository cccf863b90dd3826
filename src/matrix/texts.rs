//! What else must be set for a Matrix server beside its records: the bodies of `.well-known`, web servers, homeservers, TURN.
//!
//! Each [`Part`] is a text that can be piped into a file. Values are host names and numbers, which need no quoting in any of
//! these formats; secrets are left for the reader to fill in.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::set::{Delegation, Service, Set, bare};
use super::{FEDERATION_PORT, HTTPS_PORT};

/// One text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The body of `https://SERVER/.well-known/matrix/server`.
    Server,
    /// The body of `https://SERVER/.well-known/matrix/client`.
    Client,
    /// For nginx, inside of `http { }`.
    Nginx,
    /// For a Caddyfile.
    Caddy,
    /// For Synapse's `homeserver.yaml`.
    Synapse,
    /// For Tuwunel, continuwuity, Conduit and their like.
    Conduit,
    /// For coturn's `turnserver.conf`.
    Turn,
    /// What the administrators of other servers must know.
    Peers,
}

impl Part {
    /// All parts, in the order of reading.
    pub const ALL: [Part; 8] = [
        Part::Server,
        Part::Client,
        Part::Nginx,
        Part::Caddy,
        Part::Synapse,
        Part::Conduit,
        Part::Turn,
        Part::Peers,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Synapse => "synapse",
            Self::Conduit => "conduit",
            Self::Turn => "turn",
            Self::Peers => "peers",
        }
    }

    /// The part of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == word)
    }

    /// Its heading.
    #[must_use]
    pub fn title(self, set: &Set) -> String {
        let host = bare(&set.server.host);
        match self {
            Self::Server => format!("https://{host}/.well-known/matrix/server"),
            Self::Client => format!("https://{host}/.well-known/matrix/client"),
            Self::Nginx => "nginx".to_owned(),
            Self::Caddy => "Caddyfile".to_owned(),
            Self::Synapse => "Synapse, homeserver.yaml".to_owned(),
            Self::Conduit => "Tuwunel, continuwuity, Conduit".to_owned(),
            Self::Turn => "coturn, turnserver.conf".to_owned(),
            Self::Peers => "servers that federate with it".to_owned(),
        }
    }
}

/// The text of a part, ending with a line end; none where the set has no use for it.
#[must_use]
pub fn text(set: &Set, part: Part) -> Option<String> {
    match part {
        Part::Server => server_body(set).map(|body| body + "\n"),
        Part::Client => Some(client_body(set) + "\n"),
        Part::Nginx => Some(nginx(set)),
        Part::Caddy => Some(caddy(set)),
        Part::Synapse => Some(synapse(set)),
        Part::Conduit => Some(conduit(set)),
        Part::Turn => turn(set),
        Part::Peers => Some(peers(set)),
    }
}

/// The URL that clients use.
#[must_use]
pub fn client_url(set: &Set) -> String {
    let host = bare(&set.homeserver().host);
    match set.client_port {
        None => format!("https://{host}"),
        Some(port) => format!("https://{host}:{port}"),
    }
}

/// The body for servers; none where there must not be one.
#[must_use]
pub fn server_body(set: &Set) -> Option<String> {
    match &set.delegation {
        Delegation::WellKnown(target) => Some(format!(r#"{{"m.server":"{target}"}}"#)),
        Delegation::None | Delegation::Srv(_) => None,
    }
}

/// The body for clients.
#[must_use]
pub fn client_body(set: &Set) -> String {
    let mut body = format!(r#"{{"m.homeserver":{{"base_url":"{}"}}"#, client_url(set));
    if set.services.contains(&Service::Rtc) {
        let host = bare(&set.service_host(Service::Rtc));
        let _ = write!(
            body,
            r#","org.matrix.msc4143.rtc_foci":[{{"type":"livekit","livekit_service_url":"https://{host}"}}]"#
        );
    }
    body.push('}');
    body
}

/// A site of the web server: the name and the ports that it is for, and what it does there.
#[derive(Debug, PartialEq, Eq)]
struct Site {
    name: String,
    ports: Vec<u16>,
    /// Serves the files below `.well-known`.
    serves_files: bool,
    /// Passes Matrix on to the homeserver.
    passes_on: bool,
}

/// The sites of a set, whatever program serves them.
fn sites(set: &Set) -> Vec<Site> {
    let server = bare(&set.server.host);
    let homeserver = set.homeserver();
    let host = bare(&homeserver.host);
    let client_port = set.client_port.unwrap_or(HTTPS_PORT);
    let site = |name: &str, mut ports: Vec<u16>, serves_files, passes_on| {
        ports.sort_unstable();
        ports.dedup();
        Site {
            name: name.to_owned(),
            ports,
            serves_files,
            passes_on,
        }
    };
    // Clients look for .well-known on 443, whatever port the rest is on.
    if host == server {
        let ports = vec![HTTPS_PORT, client_port, homeserver.port];
        return vec![site(&server, ports, true, true)];
    }
    let (mut sites, mut ports) = (Vec::new(), vec![client_port]);
    match &set.delegation {
        // The certificate on the SRV record's port is for the server name.
        Delegation::Srv(target) if target.port == HTTPS_PORT => {
            sites.push(site(&server, vec![HTTPS_PORT], true, true));
        }
        Delegation::Srv(target) => {
            sites.push(site(&server, vec![HTTPS_PORT], true, false));
            sites.push(site(&server, vec![target.port], false, true));
        }
        Delegation::WellKnown(target) => {
            sites.push(site(&server, vec![HTTPS_PORT], true, false));
            ports.push(target.port);
        }
        // It is the server name itself then.
        Delegation::None => {}
    }
    sites.push(site(&host, ports, false, true));
    sites
}

/// The files below `.well-known/matrix` and their bodies.
fn files(set: &Set) -> impl Iterator<Item = (&'static str, String)> {
    let server = server_body(set).map(|body| ("server", body));
    server.into_iter().chain([("client", client_body(set))])
}

fn nginx(set: &Set) -> String {
    let mut out = String::new();
    for Site {
        name,
        ports,
        serves_files,
        passes_on,
    } in sites(set)
    {
        out.push_str("server {\n");
        for port in ports {
            let _ = writeln!(out, "    listen {port} ssl;\n    listen [::]:{port} ssl;");
        }
        let _ = writeln!(
            out,
            "    server_name {name};\n    ssl_certificate /etc/ssl/{name}.pem;\n    ssl_certificate_key /etc/ssl/{name}.key;"
        );
        for (path, body) in files(set).filter(|_| serves_files) {
            let _ = write!(
                out,
                "    location = /.well-known/matrix/{path} {{\n        default_type application/json;\n        \
                 add_header Access-Control-Allow-Origin *;\n        add_header Cache-Control max-age=3600;\n        \
                 return 200 '{body}';\n    }}\n"
            );
        }
        if passes_on {
            out.push_str(
                "    location ~ ^/(_matrix|_synapse/client)/ {\n        proxy_pass http://127.0.0.1:8008;\n        \
                 proxy_set_header Host $host:$server_port;\n        proxy_set_header X-Forwarded-For $remote_addr;\n        \
                 proxy_set_header X-Forwarded-Proto $scheme;\n        client_max_body_size 50M;\n        \
                 proxy_http_version 1.1;\n    }\n",
            );
        }
        out.push_str("}\n");
    }
    out
}

fn caddy(set: &Set) -> String {
    let mut out = String::new();
    for Site {
        name,
        ports,
        serves_files,
        passes_on,
    } in sites(set)
    {
        let addresses = ports.iter().map(|port| match *port {
            HTTPS_PORT => name.clone(),
            port => format!("https://{name}:{port}"),
        });
        let addresses: Vec<String> = addresses.collect();
        let _ = writeln!(out, "{} {{", addresses.join(", "));
        let _ = writeln!(out, "\t# tls /etc/ssl/{name}.pem /etc/ssl/{name}.key");
        if serves_files {
            out.push_str(
                "\theader /.well-known/matrix/* Content-Type application/json\n\theader /.well-known/matrix/* \
                 Access-Control-Allow-Origin *\n\theader /.well-known/matrix/* Cache-Control max-age=3600\n",
            );
            for (path, body) in files(set) {
                let _ = writeln!(out, "\trespond /.well-known/matrix/{path} `{body}`");
            }
        }
        if passes_on {
            out.push_str(
                "\treverse_proxy /_matrix/* 127.0.0.1:8008\n\treverse_proxy /_synapse/client/* 127.0.0.1:8008\n",
            );
        }
        out.push_str("}\n");
    }
    out
}

/// The URIs of TURN, as both kinds of homeservers take them.
fn turn_uris(set: &Set) -> Option<[String; 3]> {
    set.services.contains(&Service::Turn).then(|| {
        let host = bare(&set.service_host(Service::Turn));
        [("turn", "udp"), ("turn", "tcp"), ("turns", "tcp")]
            .map(|(scheme, over)| format!("\"{scheme}:{host}?transport={over}\""))
    })
}

fn synapse(set: &Set) -> String {
    let mut out = format!(
        "server_name: \"{}\"\npublic_baseurl: \"{}/\"\n# .well-known is served by the web server in front.\n\
         serve_server_wellknown: false\n",
        set.server,
        client_url(set)
    );
    if let Some(uris) = turn_uris(set) {
        let _ = write!(
            out,
            "turn_uris: [{}]\nturn_shared_secret: \"the same as static-auth-secret of coturn\"\nturn_user_lifetime: 1h\n",
            uris.join(", ")
        );
    }
    if set.services.contains(&Service::Auth) {
        let host = bare(&set.service_host(Service::Auth));
        let _ = write!(
            out,
            "matrix_authentication_service:\n  enabled: true\n  endpoint: \"https://{host}/\"\n  secret: \"as in MAS\"\n"
        );
    }
    if set.services.contains(&Service::Push) {
        let host = bare(&set.service_host(Service::Push));
        let _ = writeln!(
            out,
            "# The push gateway {host} is on a private address where it is at home: ip_range_whitelist must have it then."
        );
    }
    out
}

fn conduit(set: &Set) -> String {
    let mut out = format!("[global]\nserver_name = \"{}\"\n", set.server);
    if let Some(uris) = turn_uris(set) {
        let _ = write!(
            out,
            "turn_uris = [{}]\nturn_secret = \"the same as static-auth-secret of coturn\"\n",
            uris.join(", ")
        );
    }
    let _ = write!(out, "\n[global.well_known]\nclient = \"{}\"\n", client_url(set));
    if let Delegation::WellKnown(target) = &set.delegation {
        let _ = writeln!(out, "server = \"{target}\"");
    }
    out
}

fn turn(set: &Set) -> Option<String> {
    if !set.services.contains(&Service::Turn) {
        return None;
    }
    let host = bare(&set.service_host(Service::Turn));
    Some(format!(
        "use-auth-secret\nstatic-auth-secret=a long random word\nrealm={host}\nlistening-port=3478\n\
         tls-listening-port=5349\ncert=/etc/ssl/{host}.pem\npkey=/etc/ssl/{host}.key\n\
         # Behind NAT: external-ip=ITS-ADDRESS\nno-multicast-peers\nno-cli\n"
    ))
}

/// What others must set: which addresses a homeserver refuses unless told, and what it keeps for how long.
fn peers(set: &Set) -> String {
    let mut all: Vec<IpAddr> = set.addresses.clone();
    all.extend(set.own.values().flatten());
    all.extend(set.views.values().flatten());
    let all = super::set::in_order(all);
    let mut out = String::new();
    let blocked: Vec<String> = all
        .iter()
        .filter(|address| super::range::blocked_by_synapse(**address).is_some())
        .map(ToString::to_string)
        .collect();
    if blocked.is_empty() {
        out.push_str("# Homeservers reach its addresses without further settings.\n");
    } else {
        let quoted: Vec<String> = blocked.iter().map(|address| format!("\"{address}\"")).collect();
        let _ = write!(
            out,
            "# Synapse drops these addresses unless homeserver.yaml of the other server has\n\
             ip_range_whitelist: [{}]\n\
             # Tuwunel, conduwuit and continuwuity: take their range out of\n\
             # ip_range_denylist.\n",
            quoted.join(", ")
        );
    }
    out.push_str(
        "# Tuwunel, conduwuit and continuwuity remember for 3 days that a name was not\n\
         # there when they asked first, unless they have\n\
         dns_min_ttl_nxdomain = 60\n",
    );
    let name = bare(&set.certificate_name());
    let homeserver = set.homeserver();
    let _ = write!(
        out,
        "# The certificate on port {} must be for\n\
         # {name}.\n\
         # One of an authority of your own must be made known to them; Synapse's\n\
         # federation_custom_ca_list replaces the system's list, so append yours to a\n\
         # copy of that.\n",
        homeserver.port
    );
    if set.services.contains(&Service::Rtc) {
        let host = bare(&set.service_host(Service::Rtc));
        let _ = write!(
            out,
            "# Calls of groups: users of other servers connect straight to\n\
             # {host}, so their resolvers must know it too; and lk-jwt-service\n\
             # asks for other servers itself, so its container must ask HearthDNS.\n"
        );
    }
    if homeserver.port != FEDERATION_PORT && set.delegation == Delegation::None {
        let _ = writeln!(out, "# Port {} is part of the server name.", homeserver.port);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::mark;

    fn set(value: &str) -> Set {
        mark::read(value).unwrap()
    }

    #[test]
    fn each_way_to_delegate_has_its_sites() {
        const FILES: (bool, bool) = (true, false);
        const MATRIX: (bool, bool) = (false, true);
        const BOTH: (bool, bool) = (true, true);
        type Sites<'a> = &'a [(&'a str, &'a [u16], (bool, bool))];
        let cases: &[(&str, Sites<'_>)] = &[
            ("a.example,none", &[("a.example", &[443, 8448], BOTH)]),
            ("a.example:8450,none", &[("a.example", &[443, 8450], BOTH)]),
            (
                "a.example,well-known,a.example:443",
                &[("a.example", &[443], BOTH)],
            ),
            (
                "a.example,well-known,m.a.example:443",
                &[("a.example", &[443], FILES), ("m.a.example", &[443], MATRIX)],
            ),
            (
                "a.example,well-known,m.a.example:8451,client:8443",
                &[
                    ("a.example", &[443], FILES),
                    ("m.a.example", &[8443, 8451], MATRIX),
                ],
            ),
            // Behind an SRV record the name stays that of the server.
            (
                "a.example,srv,m.a.example:443",
                &[("a.example", &[443], BOTH), ("m.a.example", &[443], MATRIX)],
            ),
            (
                "a.example,srv,m.a.example:8448",
                &[
                    ("a.example", &[443], FILES),
                    ("a.example", &[8448], MATRIX),
                    ("m.a.example", &[443], MATRIX),
                ],
            ),
        ];
        for (value, wanted) in cases {
            let wanted = wanted
                .iter()
                .map(|(name, ports, (serves_files, passes_on))| Site {
                    name: (*name).to_owned(),
                    ports: ports.to_vec(),
                    serves_files: *serves_files,
                    passes_on: *passes_on,
                });
            assert_eq!(sites(&set(value)), wanted.collect::<Vec<_>>(), "{value}");
        }
    }

    #[test]
    fn calls_go_over_udp_tcp_and_tls_with_one_secret() {
        let set = set("a.example,none,turn");
        assert_eq!(
            turn(&set).unwrap(),
            "use-auth-secret
static-auth-secret=a long random word
realm=turn.a.example
listening-port=3478
tls-listening-port=5349
cert=/etc/ssl/turn.a.example.pem
pkey=/etc/ssl/turn.a.example.key
# Behind NAT: external-ip=ITS-ADDRESS
no-multicast-peers
no-cli
"
        );
        let uris = r#"["turn:turn.a.example?transport=udp", "turn:turn.a.example?transport=tcp", "turns:turn.a.example?transport=tcp"]"#;
        assert!(synapse(&set).contains(&format!("turn_uris: {uris}\nturn_shared_secret: ")));
        assert!(conduit(&set).contains(&format!("turn_uris = {uris}\nturn_secret = ")));
        let without = self::set("a.example,none");
        assert_eq!(turn(&without), None);
        assert!(!synapse(&without).contains("turn_") && !conduit(&without).contains("turn_"));
    }

    #[test]
    fn others_are_told_whose_certificate_they_are_shown_and_where() {
        for (value, port, name, has_server_file) in [
            ("a.example,none", 8448, "a.example", false),
            // Behind an SRV record the target's name does not count (step 4).
            ("a.example,srv,m.a.example:8449", 8449, "a.example", false),
            ("a.example,well-known,m.a.example:8451", 8451, "m.a.example", true),
        ] {
            let set = set(value);
            let said = format!("# The certificate on port {port} must be for\n# {name}.\n");
            assert!(peers(&set).contains(&said), "{value}: {}", peers(&set));
            // Where others are led another way the file would come first.
            assert_eq!(text(&set, Part::Server).is_some(), has_server_file, "{value}");
        }
    }

    #[test]
    fn others_are_told_what_to_set() {
        let keeps = "# Tuwunel, conduwuit and continuwuity remember for 3 days that a name was not
# there when they asked first, unless they have
dns_min_ttl_nxdomain = 60
";
        let certificate = "# The certificate on port 8448 must be for
# a.example.
# One of an authority of your own must be made known to them; Synapse's
# federation_custom_ca_list replaces the system's list, so append yours to a
# copy of that.
";
        let calls = "# Calls of groups: users of other servers connect straight to
# rtc.a.example, so their resolvers must know it too; and lk-jwt-service
# asks for other servers itself, so its container must ask HearthDNS.
";
        let mut set = set("a.example,none,rtc");
        set.addresses = vec!["192.88.98.1".parse().unwrap()];
        let open = "# Homeservers reach its addresses without further settings.\n";
        assert_eq!(peers(&set), [open, keeps, certificate, calls].concat());
        // Those of views and of other hosts too, each once.
        set.views
            .insert("lan".to_owned(), vec!["10.0.0.1".parse().unwrap()]);
        set.own.insert(
            super::super::Role::Server,
            vec!["192.88.98.1".parse().unwrap(), "fd00::1".parse().unwrap()],
        );
        let blocked = "# Synapse drops these addresses unless homeserver.yaml of the other server has
ip_range_whitelist: [\"10.0.0.1\", \"fd00::1\"]
# Tuwunel, conduwuit and continuwuity: take their range out of
# ip_range_denylist.
";
        assert_eq!(peers(&set), [blocked, keeps, certificate, calls].concat());
    }

    #[test]
    fn sites_are_written_for_nginx_and_for_caddy() {
        let set = set("a.example,well-known,m.a.example:8451");
        assert_eq!(
            nginx(&set),
            "server {
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name a.example;
    ssl_certificate /etc/ssl/a.example.pem;
    ssl_certificate_key /etc/ssl/a.example.key;
    location = /.well-known/matrix/server {
        default_type application/json;
        add_header Access-Control-Allow-Origin *;
        add_header Cache-Control max-age=3600;
        return 200 '{\"m.server\":\"m.a.example:8451\"}';
    }
    location = /.well-known/matrix/client {
        default_type application/json;
        add_header Access-Control-Allow-Origin *;
        add_header Cache-Control max-age=3600;
        return 200 '{\"m.homeserver\":{\"base_url\":\"https://m.a.example\"}}';
    }
}
server {
    listen 443 ssl;
    listen [::]:443 ssl;
    listen 8451 ssl;
    listen [::]:8451 ssl;
    server_name m.a.example;
    ssl_certificate /etc/ssl/m.a.example.pem;
    ssl_certificate_key /etc/ssl/m.a.example.key;
    location ~ ^/(_matrix|_synapse/client)/ {
        proxy_pass http://127.0.0.1:8008;
        proxy_set_header Host $host:$server_port;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        client_max_body_size 50M;
        proxy_http_version 1.1;
    }
}
"
        );
        assert_eq!(
            caddy(&set),
            "a.example {
\t# tls /etc/ssl/a.example.pem /etc/ssl/a.example.key
\theader /.well-known/matrix/* Content-Type application/json
\theader /.well-known/matrix/* Access-Control-Allow-Origin *
\theader /.well-known/matrix/* Cache-Control max-age=3600
\trespond /.well-known/matrix/server `{\"m.server\":\"m.a.example:8451\"}`
\trespond /.well-known/matrix/client `{\"m.homeserver\":{\"base_url\":\"https://m.a.example\"}}`
}
m.a.example, https://m.a.example:8451 {
\t# tls /etc/ssl/m.a.example.pem /etc/ssl/m.a.example.key
\treverse_proxy /_matrix/* 127.0.0.1:8008
\treverse_proxy /_synapse/client/* 127.0.0.1:8008
}
"
        );
    }
}
