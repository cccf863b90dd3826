//! A service manager of the test's own: it listens to what the daemon tells, and opens sockets for it.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram};
use std::path::Path;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::Signal;

use crate::Test;
use crate::support::house::hearthdns;
use crate::support::sample::HEARTH;
use crate::support::{Client, DEADLINE, House, Ran, Running, rtype, run};

pub(crate) const TESTS: &[Test] = &[
    ("manager::is_told_of_start_reload_and_stop", &[], told),
    (
        "manager::in_the_abstract_name_space_is_told_too",
        &[],
        told_in_the_abstract,
    ),
    ("manager::gets_signs_of_life", &[], alive),
    ("manager::that_does_not_listen_is_no_trouble", &[], deaf),
    ("manager::hands_over_the_sockets_of_plain_dns", &["bash"], sockets),
    ("manager::hands_over_encrypted_listeners", &["bash"], encrypted),
    ("manager::hands_over_what_is_of_no_use", &["bash"], useless),
    (
        "manager::systemd_socket_activate_starts_us",
        &["systemd-socket-activate"],
        activate,
    ),
];

/// The manager's socket.
struct Ear(UnixDatagram);

impl Ear {
    fn at(path: &Path) -> Self {
        Self::of(UnixDatagram::bind(path).unwrap())
    }

    fn of(socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Ear(socket)
    }

    #[track_caller]
    fn hear(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.0.recv(&mut buffer).expect("a message before the deadline");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }
}

const READY: &str = "READY=1\nSTATUS=answering; `dnsctl status` tells more";

fn told() {
    let house = House::new().zone("hearth.example", HEARTH);
    let ear = Ear::at(&house.path("notify"));
    let mut daemon = Running::start(house.command().env("NOTIFY_SOCKET", house.path("notify")));
    assert_eq!(ear.hear(), READY);
    daemon.wait_for_line("ready", |line| line.ends_with("ready"));
    daemon.signal(Signal::HUP);
    let reloading = ear.hear();
    let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    assert!(
        time.is_some_and(|time| time.parse::<u64>().is_ok()),
        "{reloading}"
    );
    assert_eq!(ear.hear(), READY);
    assert_eq!(daemon.terminate().code(), Some(0));
    assert_eq!(ear.hear(), "STOPPING=1\nSTATUS=stopping");
}

fn told_in_the_abstract() {
    let name = format!("hearthdns-test-{}", std::process::id());
    let addr = UnixAddr::from_abstract_name(&name).unwrap();
    let ear = Ear::of(UnixDatagram::bind_addr(&addr).unwrap());
    let house = House::new().zone("hearth.example", HEARTH);
    let mut daemon = Running::start(house.command().env("NOTIFY_SOCKET", format!("@{name}")));
    assert_eq!(ear.hear(), READY);
    daemon.terminate();
}

fn alive() {
    let house = House::new().zone("hearth.example", HEARTH);
    let ear = Ear::at(&house.path("notify"));
    let start = |pid: &str| {
        let mut command = Command::new("sh");
        // The number of a process is known only to itself before it runs.
        let inner = house.command();
        command
            .args(["-c", &format!("WATCHDOG_PID={pid} exec \"$@\""), "sh"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .env("NOTIFY_SOCKET", house.path("notify"))
            .env("WATCHDOG_USEC", "20000");
        Running::start(&mut command)
    };
    let mut daemon = start("$$");
    assert_eq!(ear.hear(), READY);
    for _ in 0..3 {
        assert_eq!(ear.hear(), "WATCHDOG=1");
    }
    daemon.kill();
    while ear.0.set_nonblocking(true).is_ok() && ear.0.recv(&mut [0; 64]).is_ok() {}
    ear.0.set_nonblocking(false).unwrap();
    // The wish was for another process.
    let mut daemon = start("1");
    assert_eq!(ear.hear(), READY);
    daemon.signal(Signal::HUP);
    assert!(ear.hear().starts_with("RELOADING=1\n"));
    assert_eq!(ear.hear(), READY);
    daemon.terminate();
    assert_eq!(ear.hear(), "STOPPING=1\nSTATUS=stopping");
}

fn deaf() {
    let house = House::new().zone("hearth.example", HEARTH);
    let mut daemon = Running::start(house.command().env("NOTIFY_SOCKET", house.path("nowhere")));
    let line = daemon.wait_for_line("the complaint", |line| line.contains("was not told"));
    assert!(
        line.ends_with(
            "the service manager was not told `READY=1 STATUS=answering; `dnsctl status` tells more`: No such file or \
             directory (os error 2)"
        ),
        "{line}"
    );
    assert_eq!(daemon.terminate().code(), Some(0));
}

/// The daemon's command with these open files as numbers 3 and up.
fn handed_over(house: &House, files: &[BorrowedFd<'_>], names: &str) -> Command {
    let mut script = String::new();
    for (at, file) in files.iter().enumerate() {
        fcntl_setfd(file, FdFlags::empty()).unwrap();
        // First up, out of the way of 3 and its neighbours.
        script.push_str(&format!("exec {}<&{};", 100 + at, file.as_raw_fd()));
    }
    for at in 0..files.len() {
        script.push_str(&format!("exec {}<&{} {}<&-;", 3 + at, 100 + at, 100 + at));
    }
    let inner = house.command();
    let mut command = Command::new("bash");
    command
        .args(["-c", &format!("{script} LISTEN_PID=$$ exec \"$@\""), "bash"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env("LISTEN_FDS", files.len().to_string())
        .env("LISTEN_FDNAMES", names)
        .current_dir(house.root());
    command
}

fn pair() -> (UdpSocket, TcpListener, SocketAddr) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = udp.local_addr().unwrap();
        if let Ok(tcp) = TcpListener::bind(addr) {
            return (udp, tcp, addr);
        }
    }
}

fn sockets() {
    // `listen` names a port that is taken; where sockets are handed over nothing is opened.
    let (udp, tcp, addr) = pair();
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen(&[&addr.to_string()]);
    let start = || {
        let mut command = handed_over(&house, &[udp.as_fd(), tcp.as_fd()], "dns:dns");
        command.args(["--log", "info"]);
        let daemon = Running::start(&mut command);
        daemon.wait_for_line("ready", |line| line.ends_with("ready"));
        daemon
    };
    let mut daemon = start();
    let log = daemon.log().join("\n");
    assert!(log.contains(&format!("listening on {addr} udp\n")), "{log}");
    assert!(log.contains(&format!("listening on {addr} tcp\n")), "{log}");
    let client = Client::new(addr, addr);
    assert_eq!(client.ask("matrix.hearth.example.", rtype::A).answers.len(), 1);
    assert_eq!(
        client.ask_tcp("matrix.hearth.example.", rtype::A).answers.len(),
        1
    );
    assert_eq!(daemon.terminate().code(), Some(0));
    // A query that comes while nobody runs waits in the socket for the next start.
    let asking = std::thread::spawn(move || Client::new(addr, addr).ask("matrix.hearth.example.", rtype::A));
    let mut daemon = start();
    assert_eq!(asking.join().unwrap().answers.len(), 1);
    daemon.terminate();
}

fn encrypted() {
    let tls = TcpListener::bind("127.0.0.1:0").unwrap();
    let quic = UdpSocket::bind("127.0.0.1:0").unwrap();
    let https = TcpListener::bind("127.0.0.1:0").unwrap();
    let (at_tls, at_quic, at_https) = (
        tls.local_addr().unwrap(),
        quic.local_addr().unwrap(),
        https.local_addr().unwrap(),
    );
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen_of_config(0)
        .config(
            "name: dns.hearth.example\nlisten:\n- 127.0.0.1:0\n- tls://127.0.0.1:1\n- quic://127.0.0.1:1\n\
         - {url: \"https://127.0.0.1:2\", private_only: true}\n",
        );
    let files = [quic.as_fd(), tls.as_fd(), https.as_fd()];
    let mut daemon = Running::start(&mut handed_over(&house, &files, "quic:tls:https-private"));
    daemon.wait_for_line("ready", |line| line.ends_with("ready"));
    let log = daemon.log().join("\n");
    for line in [
        format!("listening on {at_tls} tls\n"),
        format!("listening on {at_quic} quic\n"),
        format!("listening on {at_https} https (private-only)\n"),
    ] {
        assert!(log.contains(&line), "{line}{log}");
    }
    // Plain DNS was not handed over and is opened as ever.
    assert!(log.contains(" udp\n"), "{log}");
    assert!(
        !log.contains("127.0.0.1:1 ") && !log.contains("127.0.0.1:2 "),
        "{log}"
    );
    daemon.terminate();
}

#[track_caller]
fn refused(ran: Ran, message: &str) {
    let errors: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| !line.starts_with(" INFO "))
        .collect();
    assert_eq!((ran.code, errors), (1, vec![format!("ERROR {message}").as_str()]));
}

fn useless() {
    let house = House::new().zone("hearth.example", HEARTH);
    let (udp, tcp, addr) = pair();
    let ran = |files: &[BorrowedFd<'_>], names: &str| run(&mut handed_over(&house, files, names));
    refused(
        ran(&[udp.as_fd()], "hearthdns.socket"),
        "the service manager handed over a socket with the name `hearthdns.socket`; expected FileDescriptorName= one \
         of dns, tls, https, quic, h3, http, with -private behind it for devices only",
    );
    refused(
        ran(&[udp.as_fd()], "dns"),
        &format!(
            "the service manager handed over 1 sockets of UDP and 0 of TCP for {addr}; expected 1 and 1: \
             ListenDatagram= and ListenStream= for plain DNS"
        ),
    );
    refused(
        ran(&[udp.as_fd()], "tls"),
        "the socket `tls` that the service manager handed over cannot be used: it is of the wrong kind; expected \
         ListenStream=",
    );
    refused(
        ran(&[tcp.as_fd()], "tls"),
        &format!(
            "the service manager handed over a socket for tls://{addr}, and `listen` names no such listener; add one, \
             at whatever address"
        ),
    );
    let both = UdpSocket::bind("[::]:0").unwrap();
    refused(
        ran(&[both.as_fd()], "dns"),
        "the socket `dns` that the service manager handed over cannot be used: it takes IPv4 too; set \
         BindIPv6Only=ipv6-only, and name 0.0.0.0 as well",
    );
    let file = std::fs::File::open("/dev/null").unwrap();
    refused(
        ran(&[file.as_fd()], "dns"),
        "the socket `dns` that the service manager handed over cannot be used: fd 3 is not a socket",
    );
    let mut command = handed_over(&house, &[], "");
    command.env("LISTEN_FDS", "18446744073709551615");
    refused(
        run(&mut command),
        "LISTEN_FDS=18446744073709551615: expected a number up to 64",
    );
    // Meant for another process: as if there were none.
    let mut command = hearthdns();
    command.args(house.command().get_args());
    command
        .env("LISTEN_FDS", "1")
        .env("LISTEN_PID", "1")
        .env("LISTEN_FDNAMES", "dns");
    let mut daemon = Running::start(&mut command);
    daemon.wait_for_line("ready", |line| line.ends_with("ready"));
    daemon.terminate();
}

/// The tool of systemd's own opens streams only, so it is a listener for TLS.
fn activate() {
    let house = House::new()
        .zone("hearth.example", HEARTH)
        .listen_of_config(0)
        .config("name: dns.hearth.example\nlisten: [\"127.0.0.1:0\", \"tls://127.0.0.1:1\"]\n");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let inner = house.command();
    let mut command = Command::new("systemd-socket-activate");
    command
        .args(["--fdname=tls", &format!("--listen={free}")])
        .arg(inner.get_program())
        .args(inner.get_args());
    let mut tool = Running::start(&mut command);
    tool.wait_for_line("the tool's word", |line| line.contains("Listening on"));
    let _client = std::net::TcpStream::connect(free).unwrap();
    tool.wait_for_line("ready", |line| line.ends_with("ready"));
    let log = tool.log().join("\n");
    assert!(log.contains(&format!("listening on {free} tls\n")), "{log}");
    tool.terminate();
}
