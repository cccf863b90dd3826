//! What an ACME server says: directory, account, order, authorization, challenge, problem document, certificate, and when
//! it would have one renewed. A hostile server may say anything at any point: the order ends, in bounded steps, with a
//! message that can be shown, and nothing of the server's gets where it could be taken for something else.
//!
//! A line of the input is a reply: three digits of status, `!` where it has a `Retry-After`, then its body.
#![no_main]

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hearthdns::certificate::acme::{
    Call, House, Kind, Memory, Proof, Reply, Stage, Trouble, Web, obtain, suggestion,
};
use hearthdns::certificate::read::Facts;
use hearthdns::config::{AcmeChallenge, AcmeConfig};
use libfuzzer_sys::fuzz_target;

/// The first second of 2027.
const NOW: u64 = 1_798_761_600;
/// Requests of one order: each of its steps and looks, each with a nonce that is not taken.
const REQUESTS: usize = 5000;

/// A server that says what the input says, line after line, and its last line for ever.
struct Server<'i> {
    lines: RefCell<std::iter::Peekable<std::str::Lines<'i>>>,
    last: Cell<&'i str>,
    requests: Cell<usize>,
}

impl<'i> Server<'i> {
    fn new(text: &'i str) -> Self {
        Server {
            lines: RefCell::new(text.lines().peekable()),
            last: Cell::new(""),
            requests: Cell::new(0),
        }
    }

    /// A record that could be mistaken for more than one, or for something else.
    fn look_at(&self, proof: &Proof) {
        assert!(!proof.text.contains(['"', '\\', '\n']), "{:?}", proof.text);
        assert!(proof.text.len() <= 1000 && proof.text.is_ascii());
        match proof.kind {
            Kind::Dns => assert_eq!(proof.owner, format!("_acme-challenge.{}", proof.domain)),
            Kind::Persistent => assert_eq!(proof.owner, format!("_validation-persist.{}", proof.domain)),
            Kind::Handshake => assert!(proof.text.is_empty()),
        }
        assert_eq!(proof.domain, "dns.home.example", "a name that was not asked for");
    }
}

impl Web for Server<'_> {
    async fn send(&self, _: Call<'_>) -> Result<Reply, String> {
        self.requests.set(self.requests.get() + 1);
        assert!(self.requests.get() <= REQUESTS, "it does not end");
        if let Some(line) = self.lines.borrow_mut().next() {
            self.last.set(line);
        }
        let line = self.last.get();
        let (status, rest) = line.split_at_checked(3).unwrap_or(("200", line));
        let Ok(status) = status.parse() else {
            return Err("nobody is there".to_owned());
        };
        let body = rest.strip_prefix('!').unwrap_or(rest);
        Ok(Reply {
            status,
            nonce: Some("nonce".to_owned()),
            location: Some("https://ca.example/1".to_owned()),
            retry_after: (body.len() < rest.len()).then_some(u64::MAX),
            body: body.replace("\\n", "\n").into_bytes(),
        })
    }
}

impl House for Server<'_> {
    fn now(&self) -> u64 {
        NOW
    }

    fn shown(&self) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, _: &str) -> Result<(), Trouble> {
        Ok(())
    }

    async fn publish(&self, proof: &Proof) -> Result<(), String> {
        self.look_at(proof);
        Ok(())
    }

    async fn withdraw(&self, proof: &Proof) {
        self.look_at(proof);
    }

    async fn texts(&self, _: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    async fn pause(&self, _: Duration) {}

    fn tell(&self, stage: Stage) {
        for proof in &stage.awaited {
            self.look_at(proof);
        }
    }
}

/// Nothing here waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn can_be_shown(message: &str) {
    assert!(!message.chars().any(char::is_control), "{message:?}");
    assert!(message.len() <= 20_000, "{} bytes", message.len());
}

/// In memory, where the system has such a folder: it is written with every input.
fn folder() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    base.join(format!("hearthdns-fuzz-acme-{}", std::process::id()))
}

fuzz_target!(|text: &str| {
    let directory = "https://ca.example/directory";
    let facts = Facts {
        names: Vec::new(),
        addresses: Vec::new(),
        from: NOW,
        until: NOW + 90 * 86_400,
        issuer: String::new(),
        subject: String::new(),
    };
    match now(suggestion::ask(
        &Server::new(text),
        directory,
        "key.serial",
        &facts,
    )) {
        Ok(Some(suggestion)) => {
            let moment = suggestion.window.moment("key.serial");
            assert!((suggestion.window.from..suggestion.window.until).contains(&moment));
            assert!(moment < facts.until);
            can_be_shown(&suggestion.explained);
        }
        Ok(None) => {}
        Err(silence) => can_be_shown(&silence.message),
    }
    let folder = folder();
    for challenge in [AcmeChallenge::Print, AcmeChallenge::Zone, AcmeChallenge::TlsAlpn] {
        let config = AcmeConfig {
            directory: directory.parse().expect("a URL"),
            email: None,
            challenge,
            check: false,
            names: Vec::new(),
            ca_file: None,
            external: None,
        };
        let names = ["dns.home.example".to_owned(), "*.dns.home.example".to_owned()];
        let mut memory = Memory::load(&folder.join("acme.json"), directory).expect("a memory");
        match now(obtain(&Server::new(text), &config, &names, &mut memory, NOW)) {
            Ok(_) => panic!("nobody signed"),
            Err(trouble) => {
                can_be_shown(&trouble.message);
                assert!(trouble.retry_after.is_none_or(|wait| wait <= 7 * 86_400));
            }
        }
        let _ = std::fs::remove_dir_all(&folder);
    }
});
