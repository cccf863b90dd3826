//! `dnsctl` on files, without a daemon: each test states all of stdout, stderr and the exit code.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder to work in, gone when dropped. Commands run inside it, so paths in messages are short.
struct Desk(PathBuf);

impl Desk {
    fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("hearthdns-dnsctl-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("zones")).unwrap();
        Desk(folder)
    }

    fn with(text: &str) -> Self {
        let desk = Desk::new();
        fs::write(desk.0.join("zones/hearth.example.zone"), text).unwrap();
        desk
    }

    fn text(&self) -> String {
        fs::read_to_string(self.0.join("zones/hearth.example.zone")).unwrap()
    }

    fn command(&self, args: &[&str]) -> Output {
        // A home of its own: no daemon, no configuration, whoever runs the tests.
        Command::new(env!("CARGO_BIN_EXE_dnsctl"))
            .args(args)
            .current_dir(&self.0)
            .env_clear()
            .env("HOME", &self.0)
            .output()
            .unwrap()
    }

    /// Runs a command on the files and compares everything that it says.
    #[track_caller]
    fn says(&self, args: &[&str], code: i32, out: &str, err: &str) {
        let output = self.command(&[&["--zones", "zones", "--state", "state"], args].concat());
        assert_eq!(
            told(&output),
            (Some(code), out.to_owned(), err.to_owned()),
            "{args:?}"
        );
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_daemon_called_dnsctl_is_dnsctl() {
    let desk = Desk::with("host A 192.0.2.1\n");
    let link = desk.0.join("dnsctl");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hearthdns"), &link).unwrap();
    let linked = |args: &[&str]| {
        let mut command = Command::new(&link);
        command.args(args).current_dir(&desk.0).env_clear();
        told(&command.env("HOME", &desk.0).output().unwrap())
    };
    for args in [
        &["--version"][..],
        &["--help"],
        &["lst-records"],
        &["--zones", "zones", "--state", "state", "list-records"],
        &["--control", "nobody.sock", "status"],
    ] {
        assert_eq!(linked(args), told(&desk.command(args)), "{args:?}");
    }
    assert_eq!(
        linked(&["--version"]).1,
        concat!("dnsctl ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

const RELOAD: &str =
    "note: only the files were changed; a running daemon serves this after `dnsctl reload`\n";

/// What the linter says of an address of documentation.
fn refused(address: &str) -> String {
    format!(
        "warning: {address}, an address of hearth.example, is for documentation: other homeservers refuse to connect there \
         unless told (Synapse, ip_range_blacklist): they need `ip_range_whitelist: [\"{address}\"]`\n"
    )
}

#[test]
fn a_zone_is_made_filled_listed_and_removed() {
    let desk = Desk::new();
    desk.says(
        &["add-zone", "hearth.example"],
        0,
        "added the zone hearth.example. (zones/hearth.example.zone, serial 1)\n",
        &format!("{RELOAD}note: every name at or below hearth.example. that gets no record here does not exist from now on\n"),
    );
    desk.says(
        &[
            "add-record",
            "matrix",
            "A",
            "203.0.113.10",
            "--comment",
            "moved 3 May",
        ],
        0,
        "added matrix.hearth.example. 300 A 203.0.113.10 (zones/hearth.example.zone:4, serial 2)\n",
        RELOAD,
    );
    desk.says(
        &["add-record", "_matrix-fed._tcp", "SRV", "10", "5", "8448", "matrix", "--ttl", "1h"],
        0,
        "added _matrix-fed._tcp.hearth.example. 3600 SRV 10 5 8448 matrix.hearth.example. (zones/hearth.example.zone:5, serial 3)\n",
        // From here on it is the zone of a Matrix server, and the linter looks at it.
        &format!(
            "{RELOAD}{}warning: hearth.example has no address, so clients do not find \
             https://hearth.example/.well-known/matrix/client (Matrix client-server API, server discovery): add \
             `@ A ADDRESS`\n",
            refused("203.0.113.10")
        ),
    );
    desk.says(
        &["add-record", "@", "TXT", "-all is not; a flag", "two", "--zone", "hearth.example"],
        0,
        "added hearth.example. 300 TXT \"-all is not; a flag\" \"two\" (zones/hearth.example.zone:6, serial 4)\n",
        RELOAD,
    );
    assert_eq!(
        desk.text(),
        "; Zone hearth.example. One record a line: NAME [TTL] TYPE DATA.\n\
         ; SOA and NS are made where the file has none; TTLs are in seconds.\n\
         $TTL 300\n\
         matrix A 203.0.113.10 ; moved 3 May\n\
         _matrix-fed._tcp 3600 SRV 10 5 8448 matrix\n\
         @ TXT \"-all is not; a flag\" two\n"
            .replace(" two\n", " \"two\"\n")
    );
    desk.says(
        &["list-records", "--type", "srv"],
        0,
        "NAME                              TTL   TYPE  DATA\n\
         _matrix-fed._tcp.hearth.example.  3600  SRV   10 5 8448 matrix.hearth.example.\n",
        "",
    );
    desk.says(
        &["list-zones"],
        0,
        "ZONE             MODE     SERIAL  RECORDS  STATE  FILE\n\
         hearth.example.  private  4       5        ok     zones/hearth.example.zone\n",
        "",
    );
    desk.says(
        &["set-record", "matrix", "A", "203.0.113.11"],
        0,
        "removed matrix.hearth.example. 300 A 203.0.113.10 (zones/hearth.example.zone, serial 5)\n\
         added matrix.hearth.example. 300 A 203.0.113.11 (zones/hearth.example.zone:4, serial 5)\n",
        &format!("{RELOAD}{}", refused("203.0.113.11")),
    );
    desk.says(
        &["undo", "hearth.example"],
        0,
        "went back to the version of hearth.example. before the last edit (zones/hearth.example.zone, serial 6)\n\
         - matrix.hearth.example. 300 A 203.0.113.11\n\
         + matrix.hearth.example. 300 A 203.0.113.10\n",
        RELOAD,
    );
    desk.says(
        &["remove-zone", "hearth.example"],
        0,
        "removed the zone hearth.example. (zones/hearth.example.zone)\n",
        &format!("{RELOAD}note: `dnsctl undo hearth.example` brings it back\n"),
    );
    desk.says(&["list-records"], 0, "", "no record matches\n");
}

#[test]
fn what_would_break_the_zone_is_refused_and_nothing_is_written() {
    let desk = Desk::with("matrix A 203.0.113.10\n");
    desk.says(
        &["add-record", "matrix", "CNAME", "elsewhere.example."],
        1,
        "",
        "dnsctl: it would break the zone: a CNAME stands alone at its name (RFC 1034, 3.6.2), but \
         `matrix A 203.0.113.10` stands at line 1: remove one of them, or give the CNAME another name\n",
    );
    desk.says(
        &["add-record", "matrix", "A", "203.0.113.10"],
        1,
        "",
        "dnsctl: `matrix A 203.0.113.10` stands at zones/hearth.example.zone:1 already\n",
    );
    desk.says(
        &["remove-record", "matrx"],
        1,
        "",
        "dnsctl: `matrx.hearth.example.` has no record in `zones/hearth.example.zone`; did you mean `matrix.hearth.example.`?\n",
    );
    desk.says(
        &["--json", "add-record", "matrix", "IPV4", "203.0.113.10"],
        1,
        "{\"version\":1,\"error\":{\"code\":\"bad-word\",\"message\":\"`IPV4` is no record type; an IPv4 address has the type A\"}}\n",
        "",
    );
    assert_eq!(desk.text(), "matrix A 203.0.113.10\n");
    assert!(!desk.0.join("state").exists());
}

#[test]
fn json_says_the_same_as_the_protocol() {
    let desk = Desk::with("$TTL 60\na A 192.0.2.1\n");
    desk.says(
        &["--json", "add-record", "b", "AAAA", "2001:db8::1"],
        0,
        "{\"version\":1,\"ok\":{\"answer\":\"edited\",\"live\":false,\"zone\":\"hearth.example.\",\"serial\":2,\
         \"file\":\"zones/hearth.example.zone\",\"added\":[{\"name\":\"b.hearth.example.\",\"ttl\":60,\"type\":\"AAAA\",\
         \"rdata\":\"2001:db8::1\",\"line\":3}],\"removed\":[],\"notes\":[]}}\n",
        "note: only the files were changed; a running daemon serves this after `dnsctl reload`\n",
    );
    // Also where the line is wrong.
    desk.says(
        &["add-record", "b", "--ttl", "soon", "--json"],
        2,
        "{\"version\":1,\"error\":{\"code\":\"bad-word\",\"message\":\"invalid value 'soon' for '--ttl <TTL>': expected seconds \
         up to 2147483647, or a time as 1h30m\"}}\n",
        "",
    );
    desk.says(
        &["--json", "list-zones"],
        0,
        "{\"version\":1,\"ok\":{\"answer\":\"zones\",\"zones\":[{\"zone\":\"hearth.example.\",\"mode\":\"private\",\"serial\":2,\
         \"records\":4,\"file\":\"zones/hearth.example.zone\",\"state\":\"ok\",\"defects\":[]}],\"defects\":[]}}\n",
        "",
    );
}

#[test]
fn check_lists_every_defect_and_is_0_only_for_a_clean_zone() {
    let desk = Desk::with("a A 192.0.2.1\n");
    desk.says(&["check"], 0, "1 zone, 3 records: no defect\n", "");
    fs::write(desk.0.join("draft.txt"), "a A 192.0.2\nb WAT 1\nc A 192.0.2.1\n").unwrap();
    desk.says(
        &["check", "draft.txt"],
        1,
        "",
        "dnsctl: the name of `draft.txt` does not say its zone (DOMAIN.zone); name it with --origin\n",
    );
    let output = desk.command(&["check", "draft.txt", "--origin", "x.example"]);
    let (code, out, err) = told(&output);
    assert_eq!((code, err.as_str()), (Some(1), "1 zone, 1 record: 2 defects\n"));
    let places: Vec<&str> = out.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(places, ["draft.txt:1:5:", "draft.txt:2:3:"], "{out}");
    fs::remove_file(desk.0.join("zones/hearth.example.zone")).unwrap();
    desk.says(&["check"], 0, "0 zones, 0 records: no defect\n", "");
    assert!(!desk.0.join("state").exists(), "a check writes nothing");
    desk.says(
        &["check", "missing.zone"],
        1,
        "",
        "dnsctl: cannot read `missing.zone`: No such file or directory (os error 2)\n",
    );
}

#[test]
fn what_needs_a_daemon_says_so_with_a_code_of_its_own() {
    let desk = Desk::with("a A 192.0.2.1\n");
    desk.says(
        &["status"],
        2,
        "",
        "dnsctl: this command asks a running daemon, and --zones works on files only; leave out --zones, or name the \
         daemon's socket with --control\n",
    );
    let output = desk.command(&["--control", "none.sock", "list-zones"]);
    assert_eq!(
        told(&output),
        (
            Some(3),
            String::new(),
            "dnsctl: no daemon listens on the control socket `none.sock` (No such file or directory (os error 2)); start \
             hearthdns, or name its socket with --control\n"
                .to_owned()
        )
    );
    let output = desk.command(&["--json", "--control", "none.sock", "status"]);
    assert_eq!(
        told(&output),
        (
            Some(3),
            "{\"version\":1,\"error\":{\"code\":\"unavailable\",\"message\":\"no daemon listens on the control socket \
             `none.sock` (No such file or directory (os error 2)); start hearthdns, or name its socket with --control\"}}\n"
                .to_owned(),
            String::new()
        )
    );
}

#[test]
fn the_command_line_is_refused_with_what_was_meant() {
    let desk = Desk::new();
    desk.says(
        &["add-record", "matrix", "A", "192.0.2.1", "--tll", "60"],
        2,
        "",
        "error: unexpected argument '--tll' found\n\n  tip: a similar argument exists: '--ttl'\n\n\
         Usage: dnsctl add-record --ttl <TTL> <NAME> <TYPE> <RDATA>...\n\nFor more information, try '--help'.\n",
    );
    desk.says(
        &["add-record", "matrix", "A"],
        2,
        "",
        "error: the following required arguments were not provided:\n  <RDATA>...\n\n\
         Usage: dnsctl add-record <NAME> <TYPE> <RDATA>...\n\nFor more information, try '--help'.\n",
    );
    let output = desk.command(&["--version"]);
    assert_eq!(
        told(&output),
        (
            Some(0),
            format!("dnsctl {}\n", env!("CARGO_PKG_VERSION")),
            String::new()
        )
    );
}

#[test]
fn a_view_has_files_and_listings_of_its_own() {
    let desk = Desk::with("a A 192.0.2.1\n");
    fs::create_dir(desk.0.join("zones/vpn")).unwrap();
    desk.says(
        &["add-record", "a", "A", "10.0.0.1", "--view", "vpn"],
        1,
        "",
        "dnsctl: there is no zone in the view `vpn` yet; add one with `dnsctl add-zone DOMAIN --view vpn`\n",
    );
    desk.says(
        &["add-zone", "hearth.example", "--view", "vpn"],
        0,
        "added the zone hearth.example. in the view vpn (zones/vpn/hearth.example.zone, serial 1)\n",
        RELOAD,
    );
    desk.says(
        &["add-record", "a", "A", "10.0.0.1", "--view", "vpn"],
        0,
        "added a.hearth.example. 300 A 10.0.0.1 (zones/vpn/hearth.example.zone:4, serial 2)\n",
        RELOAD,
    );
    desk.says(
        &["list-records", "a"],
        0,
        "NAME               TTL  TYPE  VIEW  DATA\n\
         a.hearth.example.  300  A     -     192.0.2.1\n\
         a.hearth.example.  300  A     vpn   10.0.0.1\n",
        "",
    );
    assert!(
        Path::new(&desk.0)
            .join("state/zones/vpn/hearth.example.zone")
            .exists()
    );
}
