//! A site of the small internet: Synapse, and Caddy or nginx before it, which speaks TLS with certificates of an authority of its
//! own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::identity::Identity;
use crate::support::place::Host;
use crate::support::{DEADLINE, Running, nginx, program};

/// How long a program of a site may take to start, on a small machine with other work.
const START: Duration = Duration::from_secs(90);

/// A site with a web server, and Synapse if it is a homeserver.
pub(crate) struct Site {
    pub(crate) host: Host,
    web: Web,
    /// What the web server is told below the options that a test needs.
    pages: String,
    server: Running,
    synapse: Option<Running>,
}

/// Which web server.
#[derive(Clone, Copy, PartialEq)]
enum Web {
    /// Makes its certificates itself.
    Caddy,
    /// Is given one for all of its names.
    Nginx,
}

impl Site {
    /// A host with Caddy, which serves these sites of a Caddyfile.
    pub(crate) fn behind_caddy(host: Host, pages: &str) -> Self {
        Self::new(host, pages, Web::Caddy)
    }

    /// A host with nginx, which serves these servers of its configuration.
    pub(crate) fn behind_nginx(host: Host, pages: &str) -> Self {
        let names = pages
            .lines()
            .filter_map(|line| line.trim().strip_prefix("server_name "));
        let names: Vec<&str> = names.map(|name| name.trim_end_matches(';')).collect();
        let identity = Identity::new(&names);
        host.files.write("tls.pem", &identity.certificate_pem());
        host.files.write("tls.key", &identity.key_pem());
        host.files.write("authority.pem", &identity.authority);
        Self::new(host, pages, Web::Nginx)
    }

    fn new(host: Host, pages: &str, web: Web) -> Self {
        let server = Self::start_web(&host, pages, web);
        let site = Site {
            host,
            web,
            pages: pages.to_owned(),
            server,
            synapse: None,
        };
        site.wait_for_web();
        site
    }

    fn start_web(host: &Host, pages: &str, web: Web) -> Running {
        match web {
            Web::Caddy => Self::start_caddy(host, pages),
            Web::Nginx => Self::start_nginx(host, pages),
        }
    }

    fn start_nginx(host: &Host, pages: &str) -> Running {
        let root = host.files.root().display().to_string();
        // The files that the text names are those of the host.
        let mut placed = String::new();
        for line in pages.lines() {
            let word = line.trim().split(' ').next().unwrap_or_default();
            match word {
                "ssl_certificate" => placed.push_str(&format!("    ssl_certificate {root}/tls.pem;")),
                "ssl_certificate_key" => placed.push_str(&format!("    ssl_certificate_key {root}/tls.key;")),
                _ => placed.push_str(line),
            }
            placed.push('\n');
        }
        host.files
            .write("nginx.conf", &nginx::whole(&host.files, &placed));
        let mut command = host.command(program("nginx").unwrap());
        command
            .args(["-e", "stderr", "-c"])
            .arg(host.files.path("nginx.conf"));
        Running::start(&mut command)
    }

    fn start_caddy(host: &Host, pages: &str) -> Running {
        let storage = host.files.path("caddy");
        let options = format!(
            "{{\n  admin off\n  auto_https disable_redirects\n  local_certs\n  skip_install_trust\n  \
             storage file_system {}\n}}\n",
            storage.display()
        );
        host.files.write("Caddyfile", &format!("{options}{pages}"));
        let mut command = host.command(program("caddy").unwrap());
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(host.files.path("Caddyfile"))
            .env("XDG_CONFIG_HOME", host.files.root())
            .env("XDG_DATA_HOME", host.files.root());
        Running::start(&mut command)
    }

    fn wait_for_web(&self) {
        match self.web {
            Web::Caddy => self.wait_for_caddy(),
            Web::Nginx => drop(self.server.wait_for_line("nginx's workers", nginx::is_up)),
        }
    }

    fn wait_for_caddy(&self) {
        self.server.wait_for_line("Caddy's word that it serves", |line| {
            line.contains("serving initial configuration")
        });
        // It has certificates in the background.
        let names = self
            .pages
            .lines()
            .filter(|line| line.ends_with(" {") && !line.starts_with([' ', '\t']));
        let hosts = names.flat_map(|line| {
            let names = line.trim_end_matches(" {").split(", ");
            names.map(|name| name.trim_start_matches("https://").split(':').next().unwrap())
        });
        for name in hosts {
            let path = self
                .host
                .files
                .path(&format!("caddy/certificates/local/{name}/{name}.crt"));
            let end = Instant::now() + DEADLINE;
            while !path.is_file() {
                assert!(
                    Instant::now() < end,
                    "Caddy makes no {}:\n{}",
                    path.display(),
                    self.server.log().join("\n")
                );
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// The certificate of the site's authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.host.files.path(match self.web {
            Web::Caddy => "caddy/pki/authorities/local/root.crt",
            Web::Nginx => "authority.pem",
        })
    }

    /// Serves these sites from now on.
    pub(crate) fn serve(&mut self, pages: &str) {
        if self.pages != pages {
            pages.clone_into(&mut self.pages);
            self.cut_connections();
        }
    }

    /// Ends the web server and starts it again: every connection to the site is cut.
    pub(crate) fn cut_connections(&mut self) {
        self.server.end();
        self.server = Self::start_web(&self.host, &self.pages, self.web);
        self.wait_for_web();
    }

    /// Starts Synapse with these settings of its server; the key's number is its own, and it believes the other's authority.
    pub(crate) fn start_synapse(&mut self, server: &str, key: u8, authority: &Path) {
        let files = &self.host.files;
        let folder = files.root().display().to_string();
        let more = configuration(&folder, &authority.display().to_string());
        files.write("synapse.yaml", &format!("{server}{more}"));
        files.write("log.yaml", LOG);
        // Any 32 bytes make a key.
        let seed = data_encoding::BASE64_NOPAD.encode(&[key; 32]);
        files.write("signing.key", &format!("ed25519 one {seed}\n"));
        let mut command = self.host.command(program("synapse").unwrap());
        command.arg("-c").arg(files.path("synapse.yaml"));
        self.synapse = Some(Running::start(&mut command));
    }

    /// Waits until Synapse takes requests.
    pub(crate) fn wait_for_synapse(&mut self) {
        let end = Instant::now() + START;
        let synapse = self.synapse.as_mut().unwrap();
        while !synapse
            .log()
            .iter()
            .any(|line| line.contains("Synapse now listening on TCP port 8008"))
        {
            assert!(
                synapse.is_alive() && Instant::now() < end,
                "Synapse does not start:\n{}",
                synapse.log().join("\n")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What Synapse has logged until now.
    pub(crate) fn log(&self) -> Vec<String> {
        self.synapse.as_ref().unwrap().log()
    }
}

const LOG: &str = "\
version: 1
formatters: {short: {format: '%(asctime)s %(name)s %(levelname)s %(request)s %(message)s'}}
handlers: {console: {class: logging.StreamHandler, formatter: short}}
root: {level: INFO, handlers: [console]}
disable_existing_loggers: false
";

/// What is not about DNS here makes Synapse small and quick. What is: addresses of the documentation ranges, which it
/// refuses by default, and time-outs and back-off in seconds where they are minutes and days.
fn configuration(folder: &str, authority: &str) -> String {
    format!(
        "\
listeners:
  - {{port: 8008, type: http, x_forwarded: true, bind_addresses: [127.0.0.1], resources: [{{names: [client, federation]}}]}}
database: {{name: sqlite3, args: {{database: {folder}/synapse.db}}}}
media_store_path: {folder}/media
signing_key_path: {folder}/signing.key
log_config: {folder}/log.yaml
pid_file: {folder}/synapse.pid
trusted_key_servers: []
report_stats: false
enable_registration: true
enable_registration_without_verification: true
bcrypt_rounds: 4
presence: {{enabled: false}}
url_preview_enabled: false
caches: {{global_factor: 0.1}}
federation_custom_ca_list: [{authority}]
ip_range_whitelist: [198.51.100.0/24, 203.0.113.0/24, '2001:db8::/32']
federation:
  client_timeout: 5s
  max_short_retries: 1
  max_short_retry_delay: 1s
  destination_min_retry_interval: 100
  destination_max_retry_interval: 500
rc_message: &plenty {{per_second: 1000, burst_count: 1000}}
rc_registration: *plenty
rc_login: {{address: *plenty, account: *plenty, failed_attempts: *plenty}}
rc_joins: {{local: *plenty, remote: *plenty}}
rc_invites: {{per_room: *plenty, per_user: *plenty, per_issuer: *plenty}}
"
    )
}
