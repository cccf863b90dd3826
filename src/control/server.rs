//! The daemon's side of the control socket.
//!
//! Plain threads and blocking reads, apart from the runtimes that answer queries: parsing a zone of a
//! hundred thousand records here delays nobody. At most [`MAX_CLIENTS`] connections are served at once,
//! each by a thread of its own; lines, idle time and the time a line may take are bounded. Who may connect
//! is said by the socket file: mode 0660, group [`GROUP`] where that group exists.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::config::limits;

use super::line::{parse_request, reply_line};
use super::types::{Answer, Code, Failure, MAX_REQUEST, Request};

/// Most connections at once.
pub const MAX_CLIENTS: usize = limits::CONTROL_CLIENTS.default_usize();
/// How long a connection may stay silent between two requests.
pub const IDLE: Duration = limits::CONTROL_IDLE.default_time();
/// How long one request line may take to arrive, and one reply to be taken.
pub const PATIENCE: Duration = limits::CONTROL_PATIENCE.default_time();
/// Members of this group may use the socket.
pub const GROUP: &str = "hearthdns";

/// What carries requests out.
pub trait Daemon: Send + Sync {
    /// Carries one request out and says what came of it. May take its time; several may run at once.
    ///
    /// # Errors
    /// Why the request failed; nothing has changed then unless the message says so.
    fn execute(&self, request: Request) -> Result<Answer, Failure>;
}

/// Why there is no control socket.
#[derive(Debug)]
pub enum BindError {
    /// A daemon listens there already.
    InUse(PathBuf),
    /// Something that is no socket stands there.
    NotASocket(PathBuf),
    /// The system refused; what was being done.
    Io(PathBuf, &'static str, io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(
                f,
                "another daemon listens on the control socket `{}`; stop it, or give this one a socket of its own with --control",
                path.display()
            ),
            Self::NotASocket(path) => write!(
                f,
                "`{}` is in the way of the control socket and is no socket; remove it, or choose another path with --control",
                path.display()
            ),
            Self::Io(path, doing, error) => {
                write!(
                    f,
                    "cannot {doing} for the control socket `{}`: {error}",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for BindError {}

/// A bound control socket. Its file goes when this is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of our file: another daemon's is not ours to remove.
    identity: (u64, u64),
}

impl Socket {
    /// Binds `path`, creating its folder if need be and replacing a socket on which nobody listens.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let io = |doing: &'static str| {
            let path = path.to_owned();
            move |error| BindError::Io(path, doing, error)
        };
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(BindError::NotASocket(path.to_owned()));
            }
            Ok(_) if UnixStream::connect(path).is_ok() => return Err(BindError::InUse(path.to_owned())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io("look at the path")(error)),
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let group = fs::read_to_string("/etc/group")
            .ok()
            .and_then(|text| group_id(&text, GROUP));
        if !folder.exists() {
            let mut builder = fs::DirBuilder::new();
            builder
                .recursive(true)
                .mode(0o750)
                .create(folder)
                .map_err(io("create the folder"))?;
            own(folder, group);
        }
        // Bound under a name that nobody knows, so that it never stands there with a looser mode than ours.
        let hidden = folder.join(format!(".c{}", std::process::id()));
        let _ = fs::remove_file(&hidden);
        let listener = UnixListener::bind(&hidden).map_err(io("bind"))?;
        let placed = fs::set_permissions(&hidden, fs::Permissions::from_mode(0o660))
            .map_err(io("set the mode"))
            .and_then(|()| {
                own(&hidden, group);
                fs::rename(&hidden, path).map_err(io("move the socket into place"))
            })
            .and_then(|()| fs::symlink_metadata(path).map_err(io("look at the path")));
        match placed {
            Ok(found) => Ok(Socket {
                listener,
                path: path.to_owned(),
                identity: (found.dev(), found.ino()),
            }),
            Err(error) => {
                let _ = fs::remove_file(&hidden);
                Err(error)
            }
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Lets the group in. Only root and the group's members may do so; for others the owner alone remains.
fn own(path: &Path, group: Option<u32>) {
    if group.is_some() {
        let _ = std::os::unix::fs::chown(path, None, group);
    }
}

/// The number of a group in the text of `/etc/group`.
fn group_id(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        fields.nth(1)?.parse().ok()
    })
}

/// A control server at work.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    path: PathBuf,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    /// The connections being served, so that stopping can wake their reads.
    clients: Mutex<HashMap<u64, UnixStream>>,
}

/// Serves `socket` on threads of its own until [`Running::stop`].
///
/// # Errors
/// No thread could be started.
pub fn serve(socket: Socket, daemon: Arc<dyn Daemon>) -> io::Result<Running> {
    let shared = Arc::new(Shared::default());
    let path = socket.path.clone();
    let acceptor = {
        let shared = Arc::clone(&shared);
        thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&socket, &shared, &daemon))?
    };
    Ok(Running {
        shared,
        path,
        acceptor: Some(acceptor),
    })
}

impl Running {
    /// Takes no further request, lets those at work finish and reply, and removes the socket file.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(acceptor) = self.acceptor.take() else {
            return;
        };
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The acceptor waits in accept(): a connection of our own wakes it.
        let _ = UnixStream::connect(&self.path);
        for client in lock(&self.shared.clients).values() {
            let _ = client.shutdown(Shutdown::Read);
        }
        let _ = acceptor.join();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn accept(socket: &Socket, shared: &Arc<Shared>, daemon: &Arc<dyn Daemon>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut next = 0u64;
    loop {
        let accepted = socket.listener.accept();
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, most likely: spinning would make it worse.
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        if stream.set_write_timeout(Some(PATIENCE)).is_err() {
            continue;
        }
        if lock(&shared.clients).len() >= MAX_CLIENTS {
            turn_away(
                &stream,
                "too many control connections are open; try again when one has ended",
            );
            continue;
        }
        let Ok(copy) = stream.try_clone() else { continue };
        next += 1;
        let id = next;
        lock(&shared.clients).insert(id, copy);
        let spawned = {
            let (shared, daemon) = (Arc::clone(shared), Arc::clone(daemon));
            thread::Builder::new()
                .name("control-client".to_owned())
                .spawn(move || {
                    converse(&stream, &shared, daemon.as_ref());
                    lock(&shared.clients).remove(&id);
                })
        };
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(_) => drop(lock(&shared.clients).remove(&id)),
        }
    }
    // One that came between the flag and here has not been told yet.
    for client in lock(&shared.clients).values() {
        let _ = client.shutdown(Shutdown::Read);
    }
    for thread in threads {
        let _ = thread.join();
    }
}

fn turn_away(mut stream: &UnixStream, message: &str) {
    let _ = stream.write_all(reply_line(&Err(Failure::new(Code::Busy, message))).as_bytes());
}

/// Serves one connection: a line in, a line out, until it ends, falls silent or misbehaves.
fn converse(mut stream: &UnixStream, shared: &Shared, daemon: &dyn Daemon) {
    let mut buffer: Vec<u8> = Vec::new();
    while !shared.stopping.load(Ordering::SeqCst) {
        let reply = match read_line(stream, &mut buffer) {
            Ok(line) => parse_request(&line).and_then(|request| daemon.execute(request)),
            Err(Ending::Quiet) => return,
            Err(Ending::Told(message)) => {
                let _ =
                    stream.write_all(reply_line(&Err(Failure::new(Code::BadRequest, message))).as_bytes());
                return;
            }
        };
        if stream.write_all(reply_line(&reply).as_bytes()).is_err() {
            return;
        }
    }
}

/// Why a connection is over.
enum Ending {
    Quiet,
    Told(String),
}

/// Takes one line off `buffer`, reading on where it holds none.
fn read_line(mut stream: &UnixStream, buffer: &mut Vec<u8>) -> Result<Vec<u8>, Ending> {
    let mut begun = (!buffer.is_empty()).then(Instant::now);
    let mut searched = 0;
    let mut chunk = [0u8; 4096];
    loop {
        let fresh = buffer.get(searched..).unwrap_or_default();
        if let Some(found) = fresh.iter().position(|&byte| byte == b'\n') {
            let rest = buffer.split_off(searched + found + 1);
            return Ok(std::mem::replace(buffer, rest));
        }
        searched = buffer.len();
        if searched >= MAX_REQUEST {
            return Err(Ending::Told(format!(
                "the line is longer than {MAX_REQUEST} bytes"
            )));
        }
        let left = match begun {
            None => IDLE,
            Some(begun) => PATIENCE.saturating_sub(begun.elapsed()),
        };
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            let seconds = PATIENCE.as_secs();
            return Err(Ending::Told(format!(
                "the line did not end within {seconds} seconds"
            )));
        }
        match stream.read(&mut chunk) {
            Ok(0) if buffer.is_empty() => return Err(Ending::Quiet),
            Ok(0) => return Err(Ending::Told("the line does not end with a newline".to_owned())),
            Ok(len) => {
                buffer.extend_from_slice(chunk.get(..len).unwrap_or_default());
                begun.get_or_insert_with(Instant::now);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
                    && begun.is_some() => {}
            Err(_) => return Err(Ending::Quiet),
        }
    }
}

/// A panicking thread leaves the map as it was between two whole operations, so it can still be used.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::client::{Client, ClientError};
    use crate::control::line::parse_reply;
    use crate::control::types::{Flushed, Nothing};
    use std::io::{BufRead, BufReader};
    use std::sync::atomic::AtomicU32;

    struct Counting(AtomicU32);

    impl Daemon for Counting {
        fn execute(&self, request: Request) -> Result<Answer, Failure> {
            match request {
                Request::Flush(_) => {
                    let entries = u64::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1;
                    Ok(Answer::Flushed(Flushed { entries }))
                }
                _ => Err(Failure::new(Code::Unavailable, "only flush")),
            }
        }
    }

    /// A socket's path in a folder of its own, which goes when this is dropped.
    struct Place(PathBuf);

    impl std::ops::Deref for Place {
        type Target = Path;
        fn deref(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(self.0.parent().unwrap());
        }
    }

    fn start(name: &str) -> (Place, Running) {
        let folder = std::env::temp_dir().join(format!("hearthdns-control-{}-{name}", std::process::id()));
        let path = folder.join("control.sock");
        let running = serve(
            Socket::bind(&path).unwrap(),
            Arc::new(Counting(AtomicU32::new(0))),
        )
        .unwrap();
        (Place(path), running)
    }

    fn say(path: &Path, bytes: &[u8]) -> (BufReader<UnixStream>, String) {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.write_all(bytes).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        (reader, line)
    }

    #[test]
    fn one_connection_carries_several_requests_in_order() {
        let (path, running) = start("several");
        let mut client = Client::connect(&path).unwrap();
        for entries in 1..4 {
            let reply = client.call(&Request::Flush(Default::default())).unwrap();
            assert_eq!(reply, Ok(Answer::Flushed(Flushed { entries })));
        }
        let failure = client.call(&Request::Status(Nothing {})).unwrap().unwrap_err();
        assert_eq!(failure.message, "only flush");
        let line = r#"{"version":1,"request":{"command":"flush"}}"#;
        let (mut reader, first) = say(&path, format!("{line}\nnonsense\n{line}\n").as_bytes());
        assert_eq!(
            parse_reply(first.as_bytes()).unwrap(),
            Ok(Answer::Flushed(Flushed { entries: 4 }))
        );
        let mut rest = [String::new(), String::new()];
        for line in &mut rest {
            reader.read_line(line).unwrap();
        }
        assert!(rest[0].contains("bad-request"), "{rest:?}");
        assert!(rest[1].contains("\"entries\":5"), "{rest:?}");
        running.stop();
    }

    #[test]
    fn the_socket_file_is_for_owner_and_group_and_goes_at_the_end() {
        let (path, running) = start("mode");
        assert_eq!(fs::metadata(&*path).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        running.stop();
        assert!(!path.exists());
        let error = Client::connect(&path).unwrap_err();
        assert!(matches!(error, ClientError::NobodyListens(..)), "{error}");
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let (path, running) = start("stale");
        let error = Socket::bind(&path).unwrap_err();
        assert!(matches!(error, BindError::InUse(_)), "{error}");
        running.stop();
        drop(UnixListener::bind(&*path).unwrap());
        assert!(path.exists());
        let socket = Socket::bind(&path).unwrap();
        assert_eq!(socket.path(), &*path);
        // What stands there when we go is no longer ours.
        fs::remove_file(&*path).unwrap();
        let other = UnixListener::bind(&*path).unwrap();
        drop(socket);
        assert!(path.exists());
        drop(other);
        fs::remove_file(&*path).unwrap();
        fs::write(&*path, "keep me").unwrap();
        assert!(matches!(Socket::bind(&path), Err(BindError::NotASocket(_))));
        assert_eq!(fs::read_to_string(&*path).unwrap(), "keep me");
    }

    #[test]
    fn a_line_over_the_bound_is_refused_and_ends_the_connection() {
        let (path, running) = start("long");
        let (mut reader, line) = say(&path, &vec![b'x'; MAX_REQUEST]);
        assert!(line.contains("the line is longer than 1048576 bytes"), "{line}");
        assert_eq!(reader.read_line(&mut String::new()).unwrap_or(0), 0);
        running.stop();
    }

    #[test]
    fn connections_over_the_bound_are_told_so_and_places_become_free() {
        let (path, running) = start("bound");
        let mut held: Vec<Client> = (0..MAX_CLIENTS)
            .map(|_| Client::connect(&path).unwrap())
            .collect();
        for client in &mut held {
            client.call(&Request::Flush(Default::default())).unwrap().unwrap();
        }
        let reply = Client::connect(&path)
            .unwrap()
            .call(&Request::Flush(Default::default()))
            .unwrap();
        assert_eq!(reply.unwrap_err().code, Code::Busy);
        held.clear();
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let mut client = Client::connect(&path).unwrap();
            match client.call(&Request::Flush(Default::default())) {
                Ok(Ok(_)) => break,
                _ => assert!(Instant::now() < deadline, "no place became free"),
            }
        }
        running.stop();
    }

    #[test]
    fn stopping_does_not_wait_for_silent_clients() {
        let (path, running) = start("stop");
        let silent = UnixStream::connect(&*path).unwrap();
        let (half, line) = say(&path, b"{\n{");
        assert!(line.contains("bad-request"));
        let begun = Instant::now();
        running.stop();
        assert!(begun.elapsed() < Duration::from_secs(5));
        drop((silent, half));
    }

    #[test]
    fn the_group_is_found_by_its_name() {
        let text = "root:x:0:\nhearthdns:x:998:alice,bob\nhearthdns-extra:x:5:\nbroken\n";
        assert_eq!(group_id(text, "hearthdns"), Some(998));
        assert_eq!(group_id(text, "hearth"), None);
        assert_eq!(group_id(text, "broken"), None);
    }
}
