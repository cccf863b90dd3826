//! Runs the program that adds and removes TXT records in somebody else's DNS.
//!
//! It is called `PROGRAM add|remove DOMAIN OWNER TEXT`: the name to prove, where the record stands, what it says. Its
//! environment is empty but for `PATH`, it has nothing to read, and a bounded time; exit code 0 means that it is done.
//! What it says on stderr is shown where it failed.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::acme::Proof;
use crate::config::limits;

/// How long it may take.
const TIME: Duration = limits::ACME_HOOK.default_time();
/// How much of what it says is read.
const SAID: u64 = limits::ACME_HOOK_TEXT.default;
/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How often it is looked whether it has ended.
const STEP: Duration = Duration::from_millis(20);

/// Runs it to its end. Blocks.
///
/// # Errors
/// It cannot be started, takes too long, or fails.
pub fn run(program: &Path, word: &str, proof: &Proof) -> Result<(), String> {
    run_within(program, word, proof, TIME)
}

fn run_within(program: &Path, word: &str, proof: &Proof, time: Duration) -> Result<(), String> {
    let shown = format!(
        "{} {word} {} {} {}",
        program.display(),
        proof.domain,
        proof.owner,
        proof.text
    );
    let mut child = Command::new(program)
        .args([word, &proof.domain, &proof.owner, &proof.text])
        .env_clear()
        .env("PATH", PATH)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Of its own, so that what it starts ends with it.
        .process_group(0)
        .spawn()
        .map_err(|error| format!("`{shown}` cannot be run: {error}"))?;
    let pipe = child.stderr.take();
    let reader = pipe.map(|pipe| {
        thread::spawn(move || {
            let mut said = Vec::new();
            let _ = pipe.take(SAID).read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        })
    });
    let end = Instant::now() + time;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() < end => thread::sleep(STEP),
            Ok(None) => break Err(format!("`{shown}` did not end within {} s", time.as_secs())),
            Err(error) => break Err(format!("`{shown}` cannot be waited for: {error}")),
        }
    };
    // Also where it has ended: what it left running would hold its stderr open.
    end_group(&mut child);
    let said = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
    let status = status?;
    if status.success() {
        return Ok(());
    }
    let said: String = said
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    };
    Err(format!("`{shown}` failed ({status}){said}"))
}

fn end_group(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::super::acme::Kind;
    use super::*;

    struct Script(PathBuf);

    impl Script {
        fn new(name: &str, text: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("hearthdns-hook-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("hook"), text).unwrap();
            fs::set_permissions(folder.join("hook"), fs::Permissions::from_mode(0o755)).unwrap();
            Script(folder)
        }

        fn run(&self, time: Duration) -> Result<(), String> {
            let mut proof = Proof::new(Kind::Dns);
            proof.domain = "dns.example".to_owned();
            proof.owner = "_acme-challenge.dns.example".to_owned();
            proof.text = "t$(touch x)".to_owned();
            let folder = self.0.display().to_string();
            let ran = run_within(&self.0.join("hook"), "add", &proof, time);
            ran.map_err(|error| error.replace(&folder, "FOLDER"))
        }
    }

    impl Drop for Script {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    const SHOWN: &str = "`FOLDER/hook add dns.example _acme-challenge.dns.example t$(touch x)`";

    #[test]
    fn words_arrive_as_they_are_and_nothing_else_does() {
        let script = Script::new(
            "words",
            "#!/bin/sh\ncd \"${0%/*}\" && printf '%s\\n' \"$@\" >words && env >environment && cat >input\n",
        );
        script.run(TIME).unwrap();
        let read = |name: &str| fs::read_to_string(script.0.join(name)).unwrap();
        assert_eq!(
            read("words"),
            "add\ndns.example\n_acme-challenge.dns.example\nt$(touch x)\n"
        );
        assert!(read("environment").contains(&format!("PATH={PATH}\n")));
        // What a shell sets by itself is no news to it.
        let of_shell = ["PATH", "PWD", "OLDPWD", "SHLVL", "_"];
        for line in read("environment").lines() {
            let (name, _) = line.split_once('=').unwrap();
            assert!(of_shell.contains(&name), "{line}");
        }
        assert_eq!(read("input"), "");
        assert!(!script.0.join("x").exists());
    }

    #[test]
    fn failures_say_what_was_run_and_what_it_said() {
        let script = Script::new("fails", "#!/bin/sh\nprintf 'no\\033 key\\n' >&2\nexit 3\n");
        assert_eq!(
            script.run(TIME),
            Err(format!("{SHOWN} failed (exit status: 3): no  key"))
        );
        let quiet = Script::new("quiet", "#!/bin/sh\nexit 1\n");
        assert_eq!(quiet.run(TIME), Err(format!("{SHOWN} failed (exit status: 1)")));
        let missing = Script::new("missing", "#!/nowhere\n");
        assert_eq!(
            missing.run(TIME),
            Err(format!(
                "{SHOWN} cannot be run: No such file or directory (os error 2)"
            ))
        );
    }

    #[test]
    fn one_that_does_not_end_is_ended_with_what_it_started() {
        let script = Script::new(
            "late",
            "#!/bin/sh\nsleep 1000 &\necho $! >\"${0%/*}/child\"\nwait\n",
        );
        // Long enough to write the file on any machine is what the deadline of the test is for.
        let ended = loop {
            let ended = script.run(Duration::from_secs(1));
            if script.0.join("child").exists() {
                break ended;
            }
        };
        assert_eq!(ended, Err(format!("{SHOWN} did not end within 1 s")));
        let child = fs::read_to_string(script.0.join("child")).unwrap();
        // It is gone, or waits to be taken leave of by whoever inherited it, as soon as the kernel has come to it.
        let end = Instant::now() + TIME;
        loop {
            let state = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                break;
            }
            assert!(Instant::now() < end, "{state}");
            thread::yield_now();
        }
    }

    #[test]
    fn one_that_leaves_something_running_does_not_hold_us() {
        let script = Script::new("leaves", "#!/bin/sh\nsleep 1000 &\n");
        assert_eq!(script.run(TIME), Ok(()));
    }

    #[test]
    fn one_that_says_too_much_ends_as_well() {
        let script = Script::new(
            "talks",
            "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x >&2\nexit 1\n",
        );
        let said = script.run(TIME).unwrap_err();
        assert!(said.len() < 5000, "{}", said.len());
    }
}
