//! The stand-in of a homeserver: what one says to strangers, over plain HTTP, as behind a web server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64_NOPAD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// Paths that are asked for by strangers, and what is answered where nothing is wrong.
pub(crate) const VERSION: (&str, &str) = (
    "/_matrix/federation/v1/version",
    "{\"server\":{\"name\":\"Stand-in\",\"version\":\"1\"}}",
);
pub(crate) const KEYS: &str = "/_matrix/key/v2/server";
pub(crate) const VERSIONS: (&str, &str) = ("/_matrix/client/versions", "{\"versions\":[\"v1.1\",\"v1.11\"]}");
pub(crate) const LOGIN: (&str, &str) = (
    "/_matrix/client/v3/login",
    "{\"flows\":[{\"type\":\"m.login.password\"}]}",
);
/// As far in the future as keys may be valid here, in milliseconds.
pub(crate) const FAR: u64 = 1 << 45;

/// Signing keys of a server, valid until then in milliseconds.
pub(crate) fn keys(server: &str, until: u64) -> String {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let key = BASE64_NOPAD.encode(pair.public_key().as_ref());
    // Sorted and without white space, as canonical JSON is.
    let bare = format!(
        "\"server_name\":\"{server}\",\"valid_until_ts\":{until},\"verify_keys\":{{\"ed25519:a\":{{\"key\":\"{key}\"}}}}"
    );
    let signed = format!("{{\"old_verify_keys\":{{}},{bare}}}");
    let signature = BASE64_NOPAD.encode(pair.sign(signed.as_bytes()).as_ref());
    format!(
        "{{\"old_verify_keys\":{{}},{bare},\"signatures\":{{\"{server}\":{{\"ed25519:a\":\"{signature}\"}}}}}}"
    )
}

/// A running one. It ends with the value.
pub(crate) struct Homeserver {
    at: SocketAddr,
    stop: Arc<AtomicBool>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Homeserver {
    /// Listens there, as the server of this name.
    pub(crate) fn start(at: &str, server: &str) -> Self {
        let listener = TcpListener::bind(at).unwrap();
        let at = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (stopped, heard, keys) = (Arc::clone(&stop), Arc::clone(&heads), keys(server, FAR));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                answer(stream, &keys, &heard);
            }
        });
        Homeserver { at, stop, heads }
    }

    /// The heads of the requests until now, which are forgotten with this.
    pub(crate) fn heads(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().unwrap())
    }
}

impl Drop for Homeserver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        TcpStream::connect(self.at).ok();
    }
}

fn answer(mut stream: TcpStream, keys: &str, heads: &Mutex<Vec<String>>) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.extend_from_slice(&byte),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let known = [VERSION, (KEYS, keys), VERSIONS, LOGIN];
    let found = known.iter().find(|(known, _)| *known == path);
    let (status, body) = found.map_or((404, "{}"), |(_, body)| (200, *body));
    let reply = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nAccess-Control-Allow-Origin: *\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    heads.lock().unwrap().push(head);
    stream.write_all(reply.as_bytes()).ok();
}
