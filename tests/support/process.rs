//! Processes that tests start: their output as lines to wait for, an end by id, and no orphan left behind.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::DEADLINE;

/// A process that ran to its end.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code; -1 where a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails the test unless the exit code was 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "expected exit code 0:\n{self:#?}");
        self
    }

    /// Fails the test unless it exited with this code.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> Self {
        assert_eq!(self.code, code, "expected exit code {code}:\n{self:#?}");
        self
    }
}

/// Runs a command to its end, without input, within the deadline.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ran {
    let shown = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("start {shown}: {error}"));
    let read = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes)
                .map(|_| String::from_utf8_lossy(&bytes).into_owned())
        })
    };
    let stdout = read(Box::new(child.stdout.take().unwrap()));
    let stderr = read(Box::new(child.stderr.take().unwrap()));
    let Some(status) = wait_for_exit(&mut child, DEADLINE * 3) else {
        child.kill().ok();
        child.wait().ok();
        panic!("{shown} did not end within {:?}", DEADLINE * 3);
    };
    Ran {
        code: status.code().unwrap_or(-1),
        stdout: stdout.join().unwrap().unwrap_or_default(),
        stderr: stderr.join().unwrap().unwrap_or_default(),
    }
}

/// A process that runs on, its stderr read line by line.
pub(crate) struct Running {
    child: Child,
    lines: Arc<Lines>,
}

#[derive(Default)]
struct Lines {
    seen: Mutex<(Vec<String>, bool)>,
    more: Condvar,
}

impl Lines {
    /// Also after a panic with the lock held: what was logged is wanted then more than ever.
    fn lock(&self) -> MutexGuard<'_, (Vec<String>, bool)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Starts the command. Its stderr is kept; its stdout goes nowhere.
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let shown = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("start {shown}: {error}"));
        let lines = Arc::new(Lines::default());
        let (pipe, sink) = (child.stderr.take().unwrap(), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                sink.seen
                    .lock()
                    .unwrap()
                    .0
                    .push(String::from_utf8_lossy(&line).into_owned());
                sink.more.notify_all();
            }
            sink.lock().1 = true;
            sink.more.notify_all();
        });
        Running { child, lines }
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the first line that `wanted` takes; fails the test when the process ends or the deadline passes.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + DEADLINE;
        let mut seen = self.lines.lock();
        let mut next = 0;
        loop {
            if let Some(line) = seen.0[next..].iter().find(|line| wanted(line)) {
                return line.clone();
            }
            next = seen.0.len();
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.1 {
                let why = if seen.1 {
                    "it closed its stderr"
                } else {
                    "the deadline passed"
                };
                panic!("waited for {what}, but {why}; its log:\n{}", seen.0.join("\n"));
            }
            seen = self.lines.more.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until so many lines have come that `wanted` takes.
    #[track_caller]
    pub(crate) fn wait_for_lines(&self, what: &str, count: usize, wanted: impl Fn(&str) -> bool) {
        let seen = std::cell::Cell::new(0);
        self.wait_for_line(&format!("{count} times {what}"), |line| {
            seen.set(seen.get() + usize::from(wanted(line)));
            seen.get() >= count
        });
    }

    /// Everything on stderr until now.
    pub(crate) fn log(&self) -> Vec<String> {
        self.lines.lock().0.clone()
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// SIGTERM; the exit status, or a failed test where it does not end.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        wait_for_exit(&mut self.child, DEADLINE).unwrap_or_else(|| {
            panic!(
                "it did not end within {DEADLINE:?} of SIGTERM; its log:\n{}",
                self.log().join("\n")
            )
        })
    }

    /// SIGTERM, and SIGKILL where that is not heard. Never fails: it is for a peer's end, also in a failed test.
    pub(crate) fn end(&mut self) {
        if self.is_alive() {
            self.signal(rustix::process::Signal::TERM);
            wait_for_exit(&mut self.child, Duration::from_secs(5));
        }
        self.kill();
    }

    /// Sends a signal to this process and to no other.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).expect("send a signal to a child");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("log of process {}:\n{}", self.pid(), self.log().join("\n"));
        }
    }
}

/// Waits for the end of a child. Polls, because the standard library has no wait with a deadline; the step is
/// short beside any process.
fn wait_for_exit(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + deadline;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
