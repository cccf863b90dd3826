//! A port that another program has: the daemon and `dnsctl setup port` say who it is and what to do.

use std::net::UdpSocket;
use std::process::Command;

use crate::support::house::dnsctl;
use crate::support::{House, Running, run};
use crate::{MOUNTS, NO_SYSTEMD, ROOT, Test};

pub(crate) const TESTS: &[Test] = &[
    ("ports::the_daemon_names_who_has_its_port", &[NO_SYSTEMD], named),
    ("ports::a_second_daemon_learns_that_we_run", &[], twice),
    (
        "ports::a_port_of_another_user_is_told_by_the_user",
        &[ROOT, "setpriv", "python3"],
        of_another,
    ),
    (
        "ports::setup_port_tells_before_the_start",
        &[MOUNTS, "unshare"],
        before,
    ),
];

const HOLD: &str = "import socket, sys\n\
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
    s.bind(('127.0.0.1', int(sys.argv[1])))\n\
    print('held', file=sys.stderr, flush=True)\n\
    s.recv(1)\n";

/// The second step depends on whether this machine has systemd.
fn again() -> &'static str {
    if std::path::Path::new("/run/systemd/system").is_dir() {
        "systemctl restart hearthdns"
    } else {
        "start hearthdns again"
    }
}

fn own_name() -> String {
    let program = std::fs::read_link("/proc/self/exe").unwrap();
    program.file_name().unwrap().to_str().unwrap().to_owned()
}

fn named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let house = House::new().listen(&[&addr.to_string()]);
    let ran = run(&mut house.command());
    let (pid, name) = (std::process::id(), own_name());
    let unit = unit_of_this_process();
    assert_eq!(
        (
            ran.code,
            ran.stderr
                .lines()
                .skip_while(|line| !line.contains("cannot listen"))
                .collect::<Vec<_>>()
                .join("\n")
        ),
        (
            1,
            format!(
                "ERROR cannot listen on {addr}: Address already in use (os error 98)\n  \
                 udp {addr} belongs to {name} (process {pid}{unit})\n\
                 two steps put that right, as root:\n  1. stop {name} (process {pid})\n  2. start hearthdns again\n\
                 or choose another address or port with --listen, or `listen` in the configuration"
            )
        )
    );
}

fn unit_of_this_process() -> String {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let line = groups
        .lines()
        .find(|line| line.starts_with("0::"))
        .unwrap_or_default();
    let is_unit = |word: &&str| {
        [".service", ".scope", ".socket"]
            .iter()
            .any(|end| word.ends_with(end))
    };
    let unit = line
        .rsplit('/')
        .find(is_unit)
        .filter(|unit| *unit != "init.scope");
    unit.map_or(String::new(), |unit| format!(", {unit}"))
}

fn twice() {
    let house = House::new();
    let first = house.start();
    let addr = first.udp[0];
    let other = House::new().listen(&[&addr.to_string()]);
    let ran = run(&mut other.command());
    assert_eq!(ran.code, 1);
    let pid = first.process.pid();
    let told = format!(
        "ERROR cannot listen on {addr}: Address already in use (os error 98)\n  \
         udp {addr} belongs to hearthdns (process {pid}{unit})\n  tcp {addr} belongs to hearthdns (process {pid}{unit})\n\
         HearthDNS runs already; stop that one, or choose another port with --listen\n",
        unit = unit_of_this_process()
    );
    assert!(ran.stderr.ends_with(&told), "{}\n{told}", ran.stderr);
}

fn of_another() {
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut holder = Running::start(Command::new("python3").args(["-c", HOLD, &port.to_string()]));
    holder.wait_for_line("the port is held", |line| line == "held");
    let house = House::new().listen(&[&format!("127.0.0.1:{port}")]);
    for folder in ["", "zones", "state"] {
        rustix::fs::chown(house.path(folder), Some(rustix::fs::Uid::from_raw(65534)), None).unwrap();
    }
    let inner = house.command();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--clear-groups", "--"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(house.root());
    let ran = run(&mut command);
    let told = format!(
        "ERROR cannot listen on 127.0.0.1:{port}: Address already in use (os error 98)\n  \
         udp 127.0.0.1:{port} belongs to a program of the user root\n\
         two steps put that right, as root:\n  \
         1. as root, `dnsctl setup port`, which names the program: stop that\n  2. {}\n\
         or choose another address or port with --listen, or `listen` in the configuration\n",
        again()
    );
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.ends_with(&told), "{}\n{told}", ran.stderr);
    holder.end();
}

/// With an `/etc/hearthdns` that only the test sees.
fn before() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let house = House::new();
    house.write(
        "etc/config.yaml",
        &format!("listen: [\"127.0.0.1:0\", \"{addr}\"]\n"),
    );
    let look = |json: bool| {
        let inner = dnsctl();
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c"])
            .arg(
                "mount -t tmpfs none /mnt && mkdir -p /mnt/up /mnt/work && \
                  mount -t overlay -o lowerdir=/etc,upperdir=/mnt/up,workdir=/mnt/work none /etc && \
                  mkdir -p /etc/hearthdns && mount --bind \"$1\" /etc/hearthdns && shift && exec \"$@\"",
            )
            .arg("sh")
            .arg(house.path("etc"))
            .arg(inner.get_program())
            .args(["setup", "port"]);
        if json {
            command.arg("--json");
        }
        run(&mut command)
    };
    let ran = look(false);
    let (pid, name) = (std::process::id(), own_name());
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "127.0.0.1:0 is free");
    assert_eq!(lines[1], format!("{addr} is taken:"));
    assert_eq!(
        lines[2],
        format!(
            "  udp {addr} belongs to {name} (process {pid}{})",
            unit_of_this_process()
        )
    );
    assert_eq!(lines.len(), 7, "{lines:?}");
    drop(taken);
    let ran = look(true);
    assert_eq!(
        (ran.code, ran.stdout),
        (
            0,
            format!(
                "{{\"version\":1,\"ok\":{{\"answer\":\"setup\",\"what\":\"port\",\"state\":\"free\",\"steps\":\
                 [\"127.0.0.1:0 is free\",\"{addr} is free\"],\"notes\":[]}}}}\n"
            )
        )
    );
}
