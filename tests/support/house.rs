//! A house for one test: a temporary folder with zones, state and config, and the real daemon that serves it.
//!
//! The words that the daemon prints at start are known here and nowhere else in the tests.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::client::Client;
use super::process::{Ran, Running, run};
use super::wire::Message;

/// A folder of one test's own. It goes with the test, and stays for a look where the test failed.
pub(crate) struct House {
    root: PathBuf,
    listen: Vec<String>,
    /// Plain listeners that the config file names.
    plain_of_config: usize,
    upstreams: Vec<String>,
}

impl House {
    /// An empty house: folders `zones` and `state`, an empty config, one listener on 127.0.0.1, and an upstream
    /// at which nobody listens, so that no test ever asks the real world.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let root = loop {
            let serial = NEXT.fetch_add(1, Ordering::Relaxed);
            let root = std::env::temp_dir().join(format!("hearthdns-test-{}-{serial}", std::process::id()));
            // In a namespace of its own another run has the same number of a process.
            match std::fs::create_dir(&root) {
                Ok(()) => break root,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => panic!("create {}: {error}", root.display()),
            }
        };
        std::fs::create_dir_all(root.join("zones")).expect("create the zones folder");
        std::fs::create_dir_all(root.join("state")).expect("create the state folder");
        // Always named, so that a config of the machine's own takes no part.
        std::fs::write(root.join("config.yaml"), "# nothing but defaults\n").expect("write the config");
        House {
            root,
            listen: vec!["127.0.0.1:0".to_owned()],
            plain_of_config: 0,
            upstreams: vec!["127.0.0.1:9".to_owned()],
        }
    }

    /// With a zone file in the zones folder.
    pub(crate) fn zone(self, name: &str, text: &str) -> Self {
        self.write(&format!("zones/{name}.zone"), text);
        self
    }

    /// With this upstream in place of none.
    pub(crate) fn upstream(mut self, upstream: SocketAddr) -> Self {
        self.upstreams = vec![upstream.to_string()];
        self
    }

    /// With these upstreams, in this order.
    pub(crate) fn upstreams(mut self, upstreams: &[SocketAddr]) -> Self {
        self.upstreams = upstreams.iter().map(ToString::to_string).collect();
        self
    }

    /// With the upstreams that the config file names.
    pub(crate) fn upstreams_of_config(mut self) -> Self {
        self.upstreams.clear();
        self
    }

    /// Listening here in place of 127.0.0.1.
    pub(crate) fn listen(mut self, listen: &[&str]) -> Self {
        self.listen = listen.iter().map(ToString::to_string).collect();
        self
    }

    /// Listening there as well, in this notation: `tls://127.0.0.1:0`.
    pub(crate) fn listen_too(mut self, listen: &[&str]) -> Self {
        self.listen.extend(listen.iter().map(ToString::to_string));
        self
    }

    /// Listening where the config file says, at so many plain addresses among others.
    pub(crate) fn listen_of_config(mut self, plain: usize) -> Self {
        self.listen.clear();
        self.plain_of_config = plain;
        self
    }

    /// With a config file of this text; listeners, zones, state and upstreams still come as flags.
    pub(crate) fn config(self, yaml: &str) -> Self {
        self.write("config.yaml", yaml);
        self
    }

    /// A path in the house.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Writes a file in the house, folders included.
    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).expect("create a folder");
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
    }

    /// Reads a file in the house.
    #[track_caller]
    pub(crate) fn read(&self, relative: &str) -> String {
        let path = self.path(relative);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
    }

    /// The daemon's command line for this house.
    pub(crate) fn command(&self) -> Command {
        let mut command = hearthdns();
        command.arg("--config").arg(self.path("config.yaml"));
        command
            .arg("--zones")
            .arg(self.path("zones"))
            .arg("--state")
            .arg(self.path("state"));
        for listen in &self.listen {
            command.args(["--listen", listen]);
        }
        for upstream in &self.upstreams {
            command.args(["--upstream", upstream]);
        }
        command.current_dir(&self.root);
        command
    }

    /// Starts the daemon and waits until it says that it answers.
    #[track_caller]
    pub(crate) fn start(&self) -> Daemon {
        Daemon::start(&mut self.command(), self.plain_listeners(), self.control())
    }

    /// Starts the daemon with everything in its log.
    #[track_caller]
    pub(crate) fn start_talkative(&self) -> Daemon {
        let mut command = self.command();
        command.args(["--log", "debug"]);
        Daemon::start(&mut command, self.plain_listeners(), self.control())
    }

    /// Starts the daemon by a command that is changed first.
    #[track_caller]
    pub(crate) fn start_with(&self, change: impl FnOnce(&mut Command)) -> Daemon {
        let mut command = self.command();
        change(&mut command);
        Daemon::start(&mut command, self.plain_listeners(), self.control())
    }

    fn plain_listeners(&self) -> usize {
        let flags = self.listen.iter().filter(|listen| !listen.contains("://"));
        flags.count() + self.plain_of_config
    }

    /// Starts the daemon with everything in its log, in the network namespace of another process.
    #[track_caller]
    pub(crate) fn start_in_network_of(&self, pid: u32) -> Daemon {
        let inner = self.command();
        let mut command = bare("nsenter");
        command
            .args(["--target", &pid.to_string(), "--net", "--"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .args(["--log", "debug"])
            .current_dir(&self.root);
        Daemon::start(&mut command, self.plain_listeners(), self.control())
    }

    /// The control socket of this house.
    pub(crate) fn control(&self) -> PathBuf {
        self.path("state/control.sock")
    }

    /// Runs `dnsctl` against the daemon of this house.
    #[track_caller]
    pub(crate) fn dnsctl<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Ran {
        run(dnsctl()
            .arg("--control")
            .arg(self.control())
            .args(args)
            .current_dir(&self.root))
    }

    /// Runs `dnsctl` on the files of this house.
    #[track_caller]
    pub(crate) fn dnsctl_offline<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Ran {
        let mut command = dnsctl();
        command
            .arg("--zones")
            .arg(self.path("zones"))
            .arg("--state")
            .arg(self.path("state"));
        run(command.args(args).current_dir(&self.root))
    }

    /// Text with this house's folder written as `HOUSE`, so that it can be compared whole.
    pub(crate) fn neutral(&self, text: &str) -> String {
        text.replace(&*self.root.to_string_lossy(), "HOUSE")
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the folder of the failed test is kept: {}", self.root.display());
        } else {
            std::fs::remove_dir_all(&self.root).ok();
        }
    }
}

/// The running daemon.
pub(crate) struct Daemon {
    pub(crate) process: Running,
    /// UDP listeners in the order of the command line.
    pub(crate) udp: Vec<SocketAddr>,
    /// TCP listeners in the order of the command line.
    pub(crate) tcp: Vec<SocketAddr>,
    pub(crate) control: PathBuf,
}

impl Daemon {
    #[track_caller]
    fn start(command: &mut Command, listeners: usize, control: PathBuf) -> Self {
        let process = Running::start(command);
        process.wait_for_line("the line `ready`", is_ready);
        let log = process.log();
        let of = |transport: &str| -> Vec<SocketAddr> {
            log.iter().filter_map(|line| listener(line, transport)).collect()
        };
        let (udp, tcp) = (of("udp"), of("tcp"));
        assert_eq!(
            (udp.len(), tcp.len()),
            (listeners, listeners),
            "expected a line for each of {listeners} UDP and TCP listeners in the log:\n{}",
            log.join("\n")
        );
        Daemon {
            process,
            udp,
            tcp,
            control,
        }
    }

    /// Where the first listener for `tls`, `https`, `quic` or `h3` is.
    #[track_caller]
    pub(crate) fn encrypted(&self, transport: &str) -> SocketAddr {
        let log = self.process.log();
        let found = log.iter().find_map(|line| listener(line, transport));
        found.unwrap_or_else(|| panic!("no {transport} listener in the log:\n{}", log.join("\n")))
    }

    /// Where the listeners for `tls`, `https`, `quic` or `h3` are that are private-only.
    pub(crate) fn private_only(&self, transport: &str) -> Vec<SocketAddr> {
        let log = self.process.log();
        let lines = log.iter().filter(|line| line.ends_with("(private-only)"));
        lines.filter_map(|line| listener(line, transport)).collect()
    }

    /// A client of the first listener.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.udp[0], self.tcp[0])
    }

    /// Asks the first listener over UDP.
    #[track_caller]
    pub(crate) fn ask(&self, name: &str, rtype: u16) -> Message {
        self.client().ask(name, rtype)
    }
}

/// Whether this is the line that the daemon prints when all listeners answer.
fn is_ready(line: &str) -> bool {
    line.trim_end() == "ready" || line.trim_end().ends_with(" ready") || line.contains(" ready ")
}

/// The address in a line `… listening on ADDR:PORT udp`.
fn listener(line: &str, transport: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on ")?;
    let mut words = rest.split_whitespace();
    let address = words.next()?.parse().ok()?;
    (words.next() == Some(transport)).then_some(address)
}

/// The daemon's binary, in an environment without a home, so that no default path of the user takes part.
pub(crate) fn hearthdns() -> Command {
    bare(env!("CARGO_BIN_EXE_hearthdns"))
}

/// The admin tool's binary, in the same environment.
pub(crate) fn dnsctl() -> Command {
    bare(env!("CARGO_BIN_EXE_dnsctl"))
}

fn bare(program: &str) -> Command {
    let mut command = Command::new(program);
    for name in [
        "HOME",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "XDG_RUNTIME_DIR",
        "RUST_LOG",
        "COLUMNS",
        "SSL_CERT_FILE",
    ] {
        command.env_remove(name);
    }
    command
}
