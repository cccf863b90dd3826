//! The command line of `hearthdns`, and the default paths of both programs.
//!
//! [`Paths`] says where things are for which user; [`Args`] is what was typed; [`Settings::resolve`] puts
//! flags, file and defaults together. None of them opens a file: the binaries read, and hand in what they
//! have read.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Parser;
#[cfg(feature = "openwrt")]
use clap::{Args as ClapArgs, Subcommand};

use crate::config::{self, Config, ListenUrl, LogLevel, Overrides, UpstreamSpec, upstream};
use crate::zone::record::Defect;

/// Exit code when all went well.
pub const EXIT_OK: u8 = 0;
/// Exit code of a failure at run time, such as an address that is already in use.
pub const EXIT_FAILURE: u8 = 1;
/// Exit code of a defect in the command line (clap's own is the same), the configuration or a zone.
pub const EXIT_DEFECT: u8 = 2;

/// What the executable `hearthdns` is run as: both programs are in it, and a package that saves flash makes
/// `dnsctl` a link to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `hearthdns`, under whatever name.
    Daemon,
    /// `dnsctl`, under exactly this name.
    Ctl,
}

impl Program {
    /// The program that was called, by the first word of its command line: a name, or a path that ends with it.
    #[must_use]
    pub fn called_by(word: Option<&OsStr>) -> Self {
        let name = word.and_then(|word| Path::new(word).file_name());
        if name == Some(OsStr::new("dnsctl")) {
            Self::Ctl
        } else {
            Self::Daemon
        }
    }
}

const AFTER_HELP: &str = "\
Examples:
  hearthdns
      Serve the zones in ./zones on 127.0.0.1 port 5300; forward everything
      else to the nameservers of /etc/resolv.conf.
  hearthdns --zones zones --listen 127.0.0.1:5300 --upstream 9.9.9.9
      The same with an upstream of your choice.
  hearthdns --config /etc/hearthdns/config.yaml --check
      Say what is wrong with the configuration and the zones, and stop.

Flags win over the file, a list of them over the file's whole list.

The configuration is optional. Without --config it is read from
/etc/hearthdns/config.yaml as root, else from
$XDG_CONFIG_HOME/hearthdns/config.yaml (~/.config/hearthdns/config.yaml).
State is kept in /var/lib/hearthdns as root, else in
$XDG_STATE_HOME/hearthdns (~/.local/state/hearthdns).

Exit codes:
  0  stopped as asked, or --check found nothing
  1  failed while running, such as an address already in use
  2  defect in the command line, the configuration or a zone";

/// A small split-horizon DNS server for a home router.
///
/// Answers private domains itself from plain zone files, and forwards every
/// other name upstream. Change records while it runs with dnsctl.
#[derive(Debug, Clone, Default, PartialEq, Eq, Parser)]
#[command(name = "hearthdns", version, after_help = AFTER_HELP, verbatim_doc_comment, next_line_help = true)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Args {
    /// Read the configuration from FILE; it must exist.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of zone files, NAME.zone each [default: zones beside the
    /// configuration, ./zones without one]
    #[arg(long, value_name = "DIR", verbatim_doc_comment)]
    pub zones: Option<PathBuf>,
    /// Listen here; may be repeated. ADDR:PORT for UDP and TCP, or a URL
    /// with tls, https, quic or h3, such as tls://0.0.0.0, whose certificate
    /// the configuration names or we make [default: 127.0.0.1:5300]
    #[arg(long, value_name = "ADDR", verbatim_doc_comment)]
    pub listen: Vec<String>,
    /// Forward to this server; may be repeated. IP, IP:PORT, or a URL with
    /// udp, tcp, tls, https, quic, h3 or sdns, such as tls://dns.example
    /// [default: the nameservers of /etc/resolv.conf]
    #[arg(long, value_name = "URL", verbatim_doc_comment)]
    pub upstream: Vec<String>,
    /// Ask this server where an upstream's host name is; may be repeated.
    #[arg(long, value_name = "IP[:PORT]")]
    pub bootstrap: Vec<String>,
    /// Folder of what must outlive a restart: history, last good zones.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Path of the socket that dnsctl speaks to [default: control.sock in the
    /// folder of --state, else /run/hearthdns/control.sock as root,
    /// $XDG_RUNTIME_DIR/hearthdns/control.sock as another user]
    #[arg(long, value_name = "SOCKET", verbatim_doc_comment)]
    pub control: Option<PathBuf>,
    /// Check the configuration and all zones, print every defect, and exit.
    #[arg(long)]
    pub check: bool,
    /// How much to log: off, error, warn, info, debug or trace
    /// [default: info]
    #[arg(long, value_name = "LEVEL", verbatim_doc_comment)]
    pub log: Option<String>,
    /// Become this user once started as root, and keep no right but to the
    /// ports that are listened on
    #[cfg(feature = "openwrt")]
    #[arg(long, value_name = "NAME", verbatim_doc_comment)]
    pub user: Option<String>,
    /// What to do in place of serving.
    #[cfg(feature = "openwrt")]
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What is done in place of serving.
#[cfg(feature = "openwrt")]
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Translate OpenWrt's configuration file to the daemon's
    #[command(after_help = UCI_WORDS)]
    Uci(UciArgs),
}

#[cfg(feature = "openwrt")]
const UCI_WORDS: &str = "\
The output is replaced only by a whole configuration without a defect. Where
there is one, it is told with file, line and column, the exit code is 1, and
the old output stays.";

/// From where to where.
#[cfg(feature = "openwrt")]
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct UciArgs {
    /// The file to read, such as /etc/config/hearthdns
    #[arg(long = "in", value_name = "FILE")]
    pub input: PathBuf,
    /// The configuration to write
    #[arg(long = "out", value_name = "FILE")]
    pub output: PathBuf,
    /// What dnsctl router-mode has recorded: the mode that holds now [default: the wanted mode]
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// File of the provider's nameservers [default: /var/resolv.conf.d/resolv.conf.auto]
    #[arg(long, value_name = "FILE")]
    pub provider: Option<PathBuf>,
}

impl Args {
    /// The user to become.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        #[cfg(feature = "openwrt")]
        return self.user.as_deref();
        #[cfg(not(feature = "openwrt"))]
        None
    }

    /// The configuration to read, and whether it must exist because it was named.
    #[must_use]
    pub fn config_file<'a>(&'a self, paths: &'a Paths) -> (&'a Path, bool) {
        self.config
            .as_deref()
            .map_or((&paths.config, false), |file| (file, true))
    }

    /// What the flags say, checked.
    fn overrides(&self) -> (Overrides, Vec<Defect>) {
        let mut flags = Overrides {
            zones: self.zones.clone(),
            state: self.state.clone(),
            control: self.control.clone(),
            ..Overrides::default()
        };
        let mut defects = Vec::new();
        let mut defect = |flag: &str, message: String| {
            let message = format!("{flag}: {message}");
            defects.push(Defect {
                file: config::COMMAND_LINE.into(),
                line: 0,
                column: 0,
                message,
            });
        };
        for text in &self.listen {
            match text.parse::<ListenUrl>() {
                Ok(url) if flags.listen.contains(&url) => {
                    defect("--listen", format!("{url} is given twice"));
                }
                Ok(url) => flags.listen.push(url),
                Err(error) => defect("--listen", error.to_string()),
            }
        }
        for text in &self.upstream {
            match text.parse::<UpstreamSpec>() {
                Ok(spec) if flags.upstreams.contains(&spec) => {
                    defect("--upstream", format!("{spec} is given twice"));
                }
                Ok(spec) => flags.upstreams.push(spec),
                Err(error) => defect("--upstream", error.to_string()),
            }
        }
        for text in &self.bootstrap {
            match upstream::bootstrap(text) {
                Ok(addr) => flags.bootstrap.push(addr),
                Err(message) => defect("--bootstrap", message),
            }
        }
        match self.log.as_deref().map(str::parse::<LogLevel>).transpose() {
            Ok(level) => flags.log = level,
            Err(error) => defect("--log", error.to_string()),
        }
        (flags, defects)
    }
}

/// Where things are unless someone says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The configuration.
    pub config: PathBuf,
    /// State folder.
    pub state: PathBuf,
    /// Control socket.
    pub control: PathBuf,
}

impl Paths {
    /// The paths of root, or those of another user by the XDG base directory specification. `env` looks up a
    /// variable of the environment; as that specification asks, a relative path in one counts as unset.
    /// A user without `HOME` has everything in `.hearthdns` where the program was started.
    #[must_use]
    pub fn for_user(is_root: bool, env: impl Fn(&str) -> Option<PathBuf>) -> Self {
        if is_root {
            return Self {
                config: "/etc/hearthdns/config.yaml".into(),
                state: "/var/lib/hearthdns".into(),
                control: "/run/hearthdns/control.sock".into(),
            };
        }
        let absolute = |name: &str| env(name).filter(|path| path.is_absolute());
        let home = absolute("HOME");
        let folder = |name: &str, below_home: &str| {
            absolute(name)
                .or_else(|| home.as_ref().map(|home| home.join(below_home)))
                .map_or_else(|| PathBuf::from(".hearthdns"), |folder| folder.join("hearthdns"))
        };
        let state = folder("XDG_STATE_HOME", ".local/state");
        let control = absolute("XDG_RUNTIME_DIR").map_or_else(
            || state.join("control.sock"),
            |run| run.join("hearthdns/control.sock"),
        );
        Self {
            config: folder("XDG_CONFIG_HOME", ".config").join("config.yaml"),
            state,
            control,
        }
    }

    /// The zones folder: `zones` beside the configuration that is read, `zones` where one stands without any.
    #[must_use]
    pub fn zones(config: Option<&Path>) -> PathBuf {
        config
            .and_then(Path::parent)
            .unwrap_or(Path::new(""))
            .join("zones")
    }
}

/// All that the daemon needs to know before it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Flags, file and defaults in one.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// Only check, and exit.
    pub check: bool,
}

impl Settings {
    /// Puts together what was typed, the path and text of the configuration if there is one, and the
    /// defaults.
    ///
    /// # Errors
    /// Every defect of the flags and of the file; a flag's defect has [`config::COMMAND_LINE`] for its file.
    pub fn resolve(args: &Args, file: Option<(&Path, &str)>, paths: &Paths) -> Result<Self, Vec<Defect>> {
        let (flags, mut defects) = args.overrides();
        let zones = Paths::zones(file.map(|(path, _)| path));
        let base = Config::with_paths(zones, paths.state.clone(), paths.control.clone());
        let config = match file {
            Some((path, text)) => Config::read(path, text, base, &flags),
            None => Config::without_file(base, &flags),
        };
        match config {
            Ok(config) if defects.is_empty() => Ok(Self {
                config,
                file: file.map(|(path, _)| path.to_owned()),
                check: args.check,
            }),
            Ok(_) => Err(defects),
            Err(more) => {
                defects.extend(more);
                Err(defects)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Args {
        Args::try_parse_from([&["hearthdns"], words].concat()).unwrap()
    }

    fn root() -> Paths {
        Paths::for_user(true, |_| None)
    }

    fn resolve(words: &[&str], text: Option<&str>) -> Settings {
        let file = text.map(|text| (Path::new("/etc/hearthdns/config.yaml"), text));
        Settings::resolve(&args(words), file, &root()).unwrap()
    }

    fn defects(words: &[&str], text: Option<&str>) -> String {
        let file = text.map(|text| (Path::new("config.yaml"), text));
        let defects = Settings::resolve(&args(words), file, &root()).unwrap_err();
        defects.iter().map(|defect| format!("{defect}\n")).collect()
    }

    #[test]
    fn the_name_alone_says_which_program_it_is() {
        let called = |word: &str| Program::called_by(Some(word.as_ref()));
        for word in ["dnsctl", "/usr/bin/dnsctl", "./dnsctl", "//bin//dnsctl"] {
            assert_eq!(called(word), Program::Ctl, "{word}");
        }
        for word in [
            "hearthdns",
            "/usr/sbin/hearthdns",
            "dnsctl/hearthdns",
            "mydnsctl",
            "dnsctl2",
            "..",
            "",
        ] {
            assert_eq!(called(word), Program::Daemon, "{word}");
        }
        assert_eq!(Program::called_by(None), Program::Daemon);
    }

    #[test]
    fn the_command_line_is_sound() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn help_fits_80_columns_and_names_everything() {
        let mut command = <Args as clap::CommandFactory>::command();
        for help in [
            command.render_help().to_string(),
            command.render_long_help().to_string(),
        ] {
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
            for word in [
                "--config",
                "--zones",
                "--listen",
                "--upstream",
                "--bootstrap",
                "--state",
                "--control",
                "--check",
                "--log",
            ] {
                assert!(help.contains(word), "{word}");
            }
            assert!(help.contains("Exit codes:"));
        }
    }

    #[test]
    fn nothing_at_all_is_loopback_and_the_folder_at_hand() {
        let settings = resolve(&[], None);
        assert_eq!(settings.config.listen, [config::DEFAULT_LISTEN]);
        assert_eq!(settings.config.zones, Path::new("zones"));
        assert_eq!(settings.config.state, Path::new("/var/lib/hearthdns"));
        assert_eq!(settings.config.control, Path::new("/run/hearthdns/control.sock"));
        assert!(settings.config.upstreams.is_empty());
        assert_eq!(settings.file, None);
    }

    #[test]
    fn a_file_brings_the_zones_beside_it() {
        let settings = resolve(&[], Some(""));
        assert_eq!(settings.config.zones, Path::new("/etc/hearthdns/zones"));
        assert_eq!(settings.config.listen, [config::DEFAULT_LISTEN]);
        let settings = resolve(&[], Some("zones: other\nstate: /data\ncontrol: ../c.sock\n"));
        assert_eq!(settings.config.zones, Path::new("/etc/hearthdns/other"));
        assert_eq!(settings.config.state, Path::new("/data"));
        assert_eq!(settings.config.control, Path::new("/etc/hearthdns/../c.sock"));
    }

    #[test]
    fn flags_win_over_the_file() {
        let text =
            "listen: ['192.168.1.1:53']\nupstreams: [1.1.1.1]\nzones: z\nstate: s\nlog: {level: warn}\n";
        let words = [
            "--listen",
            "127.0.0.1:5300",
            "--listen",
            "[::1]:5300",
            "--upstream",
            "tcp://9.9.9.9",
            "--zones",
            "q",
            "--state",
            "t",
            "--log",
            "debug",
            "--check",
        ];
        let Settings { config, check, file } = resolve(&words, Some(text));
        assert_eq!(
            config.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["127.0.0.1:5300", "[::1]:5300"]
        );
        assert_eq!(
            config
                .upstreams
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["tcp://9.9.9.9:53"]
        );
        assert_eq!(config.zones, Path::new("q"));
        assert_eq!(config.state, Path::new("t"));
        assert_eq!(config.control, Path::new("t/control.sock"));
        assert_eq!(config.log, LogLevel::Debug);
        assert!(check);
        assert_eq!(file.as_deref(), Some(Path::new("/etc/hearthdns/config.yaml")));
    }

    #[test]
    fn the_control_socket_is_in_the_state_folder_where_only_that_is_given() {
        let control = |words: &[&str], text| resolve(words, text).config.control;
        assert_eq!(control(&["--state", "t"], None), Path::new("t/control.sock"));
        assert_eq!(control(&["--state", "t", "--control", "c"], None), Path::new("c"));
        assert_eq!(
            control(&["--state", "t"], Some("control: /f.sock")),
            Path::new("/f.sock")
        );
        assert_eq!(
            control(&["--control", "c"], Some("control: /f.sock")),
            Path::new("c")
        );
    }

    #[test]
    fn defects_of_flags_and_file_come_together() {
        let words = [
            "--listen",
            "localhost",
            "--listen",
            "127.0.0.1:1",
            "--listen",
            "127.0.0.1:1",
            "--upstream",
            "http://1.1.1.1",
            "--bootstrap",
            "dns.example",
            "--log",
            "loud",
        ];
        assert_eq!(
            defects(&words, Some("lisen: []\n")),
            "command line: --listen: expected ADDRESS:PORT such as 192.168.1.1:53 or [::]:53, found `localhost`\n\
             command line: --listen: 127.0.0.1:1 is given twice\n\
             command line: --upstream: http:// is not encrypted and no DNS server speaks it; write https://\n\
             command line: --bootstrap: expected the IP address of a plain DNS server such as 9.9.9.9 or \
             9.9.9.9:53, found `dns.example`\n\
             command line: --log: expected one of off, error, warn, info, debug, trace, found `loud`\n\
             config.yaml:1:1: unknown key `lisen`; did you mean `listen`? known here: addresses, bootstrap, \
             cache, certificate, clients, clock_file, control, devices, discovery, dnssec, edns_payload, encrypted, history, lan, listen, log, name, \
             nftsets, resolv_conf, routes, screen, state, tcp, upstream, upstreams, views, workers, zones\n"
        );
    }

    #[test]
    fn an_upstream_that_is_ourselves_is_refused() {
        assert_eq!(
            defects(&["--upstream", "127.0.0.1:5300"], None),
            "command line: upstream udp://127.0.0.1:5300 is this server itself, which listens there; name another \
             server\n"
        );
        assert_eq!(
            defects(
                &["--listen", "[::]:53"],
                Some("upstreams:\n  - 9.9.9.9\n  - ::1\n")
            ),
            "config.yaml:3:5: upstream udp://[::1]:53 is this server itself, which listens there; name another \
             server\n"
        );
        // Flags replace the file's list, so what it says does not matter.
        resolve(&["--upstream", "9.9.9.9"], Some("upstreams: ['127.0.0.1:5300']"));
    }

    #[test]
    fn a_host_name_needs_somebody_who_knows_it() {
        let message = "nothing says where dns.example of upstream udp://dns.example:53 is; add `addresses: [IP]` to \
                       it, or say whom to ask with `bootstrap: [IP]` or --bootstrap IP (the system's resolver is \
                       not asked: it may be this server)\n";
        let words = ["--upstream", "udp://dns.example"];
        assert_eq!(defects(&words, None), format!("command line: {message}"));
        assert_eq!(
            defects(&[], Some("upstreams: ['udp://dns.example']")),
            format!("config.yaml:1:13: {message}")
        );
        let servers = |words: &[&str], text| resolve(words, text).config.upstreams[0].bootstrap.clone();
        let nine = ["9.9.9.9:53".parse().unwrap()];
        assert_eq!(
            servers(&[&words[..], &["--bootstrap", "9.9.9.9"]].concat(), None),
            nine
        );
        assert_eq!(servers(&words, Some("bootstrap: [9.9.9.9]")), nine);
        assert_eq!(
            servers(
                &["--bootstrap", "9.9.9.9"],
                Some("upstreams: ['udp://dns.example']")
            ),
            nine
        );
        assert_eq!(
            defects(&[&words[..], &["--bootstrap", "127.0.0.1:5300"]].concat(), None),
            "command line: upstream udp://dns.example:53 would be looked up at 127.0.0.1:5300, which is this server \
             itself; name another bootstrap server\n"
        );
    }

    #[test]
    fn a_socket_path_that_no_socket_takes_is_refused() {
        let long = "x".repeat(108);
        let message =
            "the control socket's path has 108 bytes; expected at most 107, so choose a shorter one\n";
        assert_eq!(
            defects(&["--control", &long], None),
            format!("command line: {message}")
        );
        assert_eq!(
            defects(&[], Some(&format!("control: {long}"))),
            format!("config.yaml:1:10: {message}")
        );
    }

    #[test]
    fn paths_by_user() {
        assert_eq!(root().config, Path::new("/etc/hearthdns/config.yaml"));
        let home = Paths::for_user(false, |name| (name == "HOME").then(|| PathBuf::from("/home/ada")));
        assert_eq!(home.config, Path::new("/home/ada/.config/hearthdns/config.yaml"));
        assert_eq!(home.state, Path::new("/home/ada/.local/state/hearthdns"));
        assert_eq!(
            home.control,
            Path::new("/home/ada/.local/state/hearthdns/control.sock")
        );
        let xdg = Paths::for_user(false, |name| match name {
            "XDG_CONFIG_HOME" => Some("/c".into()),
            "XDG_STATE_HOME" => Some("relative".into()),
            "XDG_RUNTIME_DIR" => Some("/run/user/1000".into()),
            "HOME" => Some("/home/ada".into()),
            _ => None,
        });
        assert_eq!(xdg.config, Path::new("/c/hearthdns/config.yaml"));
        assert_eq!(xdg.state, Path::new("/home/ada/.local/state/hearthdns"));
        assert_eq!(xdg.control, Path::new("/run/user/1000/hearthdns/control.sock"));
        let none = Paths::for_user(false, |_| None);
        assert_eq!(none.config, Path::new(".hearthdns/config.yaml"));
        assert_eq!(none.control, Path::new(".hearthdns/control.sock"));
    }
}
