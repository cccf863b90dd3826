//! The stand-ins of `tests/faults.rs`: a nameserver, web servers and a TURN server on loopback, healthy until something is
//! changed in them.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::support::homeserver::{self, keys};
use super::support::{Act, House, Message, Transport, Upstream};

/// Which certificate a server shows.
#[derive(Clone, Copy)]
pub(crate) enum Cert {
    /// Of this name, with the whole chain.
    Of(&'static str),
    Expired,
    Early,
    NoIntermediate,
    Stranger,
    SelfSigned,
    /// For clients, not for servers (RFC 5280, 4.2.1.12).
    ForClients,
    /// Ends within so many days.
    Ends(u64),
}

/// What a server does with a connection.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    /// TLS and HTTP.
    Serve,
    /// Nobody listens.
    Closed,
    /// HTTP without TLS.
    Plain,
    /// Closes before a word.
    Hangup,
    /// Takes it and says nothing.
    Silent,
    /// A server hello of TLS 1.1.
    OldTls,
    /// This alert.
    Alert(u8),
    /// TLS, and then the end.
    Mute,
    /// Takes no further connection, and does not say so: what comes is dropped.
    Full,
    /// The beginning of a TLS record, and no more.
    Stalled,
    /// TLS, and no reply to a request.
    Dumb,
}

/// What a nameserver does with every question.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Speech {
    /// Answers.
    Answers,
    /// Says nothing.
    Silent,
    /// Cuts every answer, and closes whatever comes over TCP.
    Cuts,
}

/// A web server.
pub(crate) struct Site {
    pub(crate) mode: Mode,
    pub(crate) cert: Cert,
    pub(crate) keys: String,
    pub(crate) has_cors: bool,
    /// Seconds by which its clock is ahead.
    pub(crate) clock: u64,
    said: HashMap<String, (u16, String, String)>,
}

impl Site {
    /// Answers a path so.
    pub(crate) fn say(&mut self, path: &str, status: u16, kind: &str, body: &str) {
        let said = (status, format!("Content-Type: {kind}"), body.to_owned());
        self.said.insert(path.to_owned(), said);
    }

    /// Sends a path elsewhere.
    pub(crate) fn redirect(&mut self, path: &str, to: &str) {
        let said = (302, format!("Location: {to}"), String::new());
        self.said.insert(path.to_owned(), said);
    }
}

/// Everything of one case.
pub(crate) struct World {
    /// Records as `NAME TYPE DATA`; `{fed}` is the homeserver's port.
    pub(crate) records: Vec<String>,
    /// What a resolver in between says, where it is another.
    pub(crate) resolver: Option<Vec<String>>,
    /// Names and types that it answers with a code.
    pub(crate) resolver_fails: Vec<(String, Option<u16>, u16)>,
    pub(crate) resolver_speech: Speech,
    /// The same of the one that is followed.
    pub(crate) speech: Speech,
    pub(crate) web: Site,
    pub(crate) fed: Site,
    pub(crate) only: &'static str,
    pub(crate) is_allowed: bool,
    pub(crate) allow_v6: bool,
    /// Seconds for all.
    pub(crate) time: &'static str,
    /// The fault is told, and is not what decides.
    pub(crate) only_note: bool,
    fails: Vec<(String, Option<u16>, u16)>,
    turn: Option<(bool, bool)>,
    /// TURN takes everything and answers nothing.
    pub(crate) is_turn_silent: bool,
}

impl World {
    pub(crate) fn healthy() -> Self {
        let site = || Site {
            mode: Mode::Serve,
            cert: Cert::Of("hearth.example"),
            keys: keys("hearth.example", homeserver::FAR),
            has_cors: true,
            clock: 0,
            said: HashMap::new(),
        };
        World {
            records: [
                "hearth.example A 127.0.0.1",
                "m.hearth.example A 127.0.0.1",
                "_matrix-fed._tcp.hearth.example SRV 10 5 {fed} m.hearth.example",
            ]
            .map(str::to_owned)
            .into(),
            resolver: None,
            resolver_fails: Vec::new(),
            resolver_speech: Speech::Answers,
            speech: Speech::Answers,
            web: site(),
            fed: site(),
            only: "server",
            is_allowed: true,
            allow_v6: false,
            time: "60",
            only_note: false,
            fails: Vec::new(),
            turn: None,
            is_turn_silent: false,
        }
    }

    /// Another resolver stands between, which knows these records.
    pub(crate) fn between(&mut self, records: &[&str]) {
        self.resolver = Some(records.iter().map(|record| (*record).to_owned()).collect());
    }

    /// No SRV record.
    pub(crate) fn drop_srv(&mut self) {
        self.records.retain(|record| !record.contains(" SRV "));
    }

    /// No SRV record, and this in the place of `.well-known/matrix/server`.
    pub(crate) fn server_file(&mut self, status: u16, kind: &str, body: &str) {
        self.drop_srv();
        self.web.say(super::SERVER, status, kind, body);
    }

    /// The server name has public addresses of both kinds. Nobody connects there: the web server's place is given, and servers go
    /// by the SRV record.
    pub(crate) fn both_kinds(&mut self) {
        self.records[0] = "hearth.example A 9.9.9.9".to_owned();
        self.records.push("hearth.example AAAA 2620:fe::9".to_owned());
    }

    /// Looks at what clients need, and answers a path of it so.
    pub(crate) fn for_clients(&mut self, path: &str, status: u16, kind: &str, body: &str) {
        self.only = "client";
        self.web.say(path, status, kind, body);
    }

    /// A name gets this code.
    pub(crate) fn fail(&mut self, name: &str, rcode: u16) {
        self.fails.push((name.to_owned(), None, rcode));
    }

    /// A name and type get this code.
    pub(crate) fn fail_type(&mut self, name: &str, rtype: u16, rcode: u16) {
        self.fails.push((name.to_owned(), Some(rtype), rcode));
    }

    /// Looks at TURN, which answers over these.
    pub(crate) fn turn(&mut self, udp: bool, tcp: bool) {
        self.only = "turn";
        self.turn = Some((udp, tcp));
        self.records.push("turn.hearth.example A 127.0.0.1".to_owned());
    }
}

/// What the doctor said.
pub(crate) struct Said {
    /// The word of the fault, or `works`.
    pub(crate) fault: String,
    pub(crate) exit: i32,
    pub(crate) sentence: String,
    pub(crate) noted: Vec<String>,
    pub(crate) all: String,
}

/// In the place of a code: no answer at all.
pub(crate) const SILENCE: u16 = u16::MAX;

/// A nameserver with these records as `NAME TYPE DATA`, and codes in the place of some answers.
pub(crate) fn zone(records: Vec<String>, fails: Vec<(String, Option<u16>, u16)>, speech: Speech) -> Upstream {
    Upstream::start(move |query: &Message, transport| {
        match (speech, transport) {
            (Speech::Silent, _) => return Vec::new(),
            (Speech::Cuts, Transport::Tcp) => return vec![Act::Close],
            (Speech::Cuts, _) => {
                let tc = true;
                return vec![Act::Send(Message { tc, ..query.reply() })];
            }
            (Speech::Answers, _) => {}
        }
        let name = query.qname().trim_end_matches('.').to_ascii_lowercase();
        let fail = fails
            .iter()
            .find(|(of, rtype, _)| *of == name && rtype.is_none_or(|rtype| rtype == query.qtype()));
        if let Some((_, _, rcode)) = fail {
            return match *rcode {
                SILENCE => Vec::new(),
                rcode => vec![Act::Send(query.reply().code(rcode))],
            };
        }
        let mut reply = query.reply();
        let mut owner = name.clone();
        let mut exists = false;
        for _ in 0..4 {
            let mut next = None;
            for record in &records {
                let mut words = record.splitn(3, ' ');
                let (of, rtype, data) = (
                    words.next().unwrap(),
                    words.next().unwrap(),
                    words.next().unwrap(),
                );
                if of != owner {
                    continue;
                }
                exists = true;
                let number = match rtype {
                    "A" => 1,
                    "CNAME" => 5,
                    "TXT" => 16,
                    "AAAA" => 28,
                    _ => 33,
                };
                if number == query.qtype() || number == 5 {
                    let data = match rtype {
                        "SRV" | "CNAME" if !data.ends_with('.') => format!("{data}."),
                        _ => data.to_owned(),
                    };
                    reply = reply.answer(&format!("{owner}. 300 {rtype} {data}"));
                }
                if number == 5 {
                    next = Some(data.to_owned());
                }
            }
            match next {
                Some(target) => owner = target,
                None => break,
            }
        }
        vec![Act::Send(if exists { reply } else { reply.code(3) })]
    })
}

/// The identity of the tests: an authority, an intermediate one, and what the latter signs.
struct Authority {
    /// In PEM.
    root: String,
    /// What stands between it and what is signed.
    middle: Option<rcgen::Certificate>,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let ca = |name: String| {
            let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params
        };
        let (root_key, middle_key) = (
            rcgen::KeyPair::generate().unwrap(),
            rcgen::KeyPair::generate().unwrap(),
        );
        let root_params = ca(format!("{name} root"));
        let root = root_params.self_signed(&root_key).unwrap();
        let root_issuer = rcgen::Issuer::new(root_params, root_key);
        let middle_params = ca(format!("{name} intermediate"));
        let middle = middle_params.signed_by(&middle_key, &root_issuer).unwrap();
        Authority {
            root: root.pem(),
            middle: Some(middle),
            issuer: rcgen::Issuer::new(middle_params, middle_key),
        }
    }

    /// That of a running daemon.
    fn of(house: &House) -> Self {
        let kept = house.read("state/certificate/authority.pem");
        let key = kept.find("-----BEGIN PRIVATE KEY-----").unwrap();
        let (root, key) = kept.split_at(key);
        let key = rcgen::KeyPair::from_pem(key).unwrap();
        let told = house.dnsctl(&["certificate", "--json"]).ok().stdout;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let name = told["ok"]["issuer"].as_str().unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        Authority {
            root: root.to_owned(),
            middle: None,
            issuer: rcgen::Issuer::new(params, key),
        }
    }

    fn identity(&self, cert: Cert) -> (Vec<CertificateDer<'static>>, Vec<u8>) {
        let key = rcgen::KeyPair::generate().unwrap();
        let name = match cert {
            Cert::Of(name) => name,
            _ => "hearth.example",
        };
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2099, 1, 1);
        match cert {
            Cert::Expired => params.not_after = rcgen::date_time_ymd(2021, 1, 1),
            Cert::Early => params.not_before = rcgen::date_time_ymd(2098, 1, 1),
            Cert::ForClients => {
                params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
            }
            Cert::Ends(days) => {
                let day = day_in(days);
                let part = |at: usize, len: usize| day[at..at + len].parse::<u8>().unwrap();
                let year = day[..4].parse().unwrap();
                params.not_after = rcgen::date_time_ymd(year, part(5, 2), part(8, 2));
            }
            _ => {}
        }
        if let Cert::NoIntermediate = cert {
            // What public authorities write: where their own certificate is (RFC 5280, 4.2.2.1).
            let value = vec![
                0x30, 0x12, 0x30, 0x10, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, 4, b'u', b':', b'/',
                b'/',
            ];
            let extension = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], value);
            params.custom_extensions = vec![extension];
        }
        let stranger;
        let (certificate, middle) = match cert {
            Cert::SelfSigned => (params.self_signed(&key).unwrap(), &None),
            Cert::Stranger => {
                stranger = Authority::new("stranger");
                let made = params.signed_by(&key, &stranger.issuer).unwrap();
                (made, &stranger.middle)
            }
            Cert::NoIntermediate => (params.signed_by(&key, &self.issuer).unwrap(), &None),
            _ => {
                let made = params.signed_by(&key, &self.issuer).unwrap();
                (made, &self.middle)
            }
        };
        let middle = middle.iter().map(|middle| middle.der().clone());
        let chain = std::iter::once(certificate.der().clone()).chain(middle);
        (chain.collect(), key.serialize_der())
    }
}

/// A running server; its thread ends with it.
struct Server {
    at: SocketAddr,
    stop: Arc<AtomicBool>,
    /// What holds a listener that takes nobody.
    held: Option<std::thread::Thread>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        match &self.held {
            Some(held) => held.unpark(),
            None => drop(TcpStream::connect(self.at)),
        }
    }
}

fn serve(listener: TcpListener, site: &Site, authority: &Authority, ports: &[(&str, u16)]) -> Option<Server> {
    let at = listener.local_addr().unwrap();
    if site.mode == Mode::Closed {
        return None;
    }
    if site.mode == Mode::Full {
        // A queue of one, and that one is there: the kernel drops what else comes, as a firewall does.
        socket2::SockRef::from(&listener).listen(0).unwrap();
        let first = TcpStream::connect(at).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let held = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                std::thread::park();
            }
            drop((listener, first));
        });
        let held = Some(held.thread().clone());
        return Some(Server { at, stop, held });
    }
    let (chain, key) = authority.identity(site.cert);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key).into())
        .unwrap();
    let config = Arc::new(config);
    let mut said: HashMap<String, (u16, String, String)> = HashMap::new();
    for (path, body) in [
        homeserver::VERSION,
        (homeserver::KEYS, site.keys.as_str()),
        (
            super::CLIENT,
            "{\"m.homeserver\":{\"base_url\":\"https://hearth.example\"}}",
        ),
        homeserver::VERSIONS,
        homeserver::LOGIN,
    ] {
        said.insert(
            path.to_owned(),
            (200, "Content-Type: application/json".to_owned(), body.to_owned()),
        );
    }
    said.extend(site.said.clone());
    for (_, field, body) in said.values_mut() {
        for (word, port) in ports {
            *field = field.replace(word, &port.to_string());
            *body = body.replace(word, &port.to_string());
        }
    }
    let (mode, clock) = (site.mode, site.clock);
    let cors = if site.has_cors {
        "Access-Control-Allow-Origin: *\r\n"
    } else {
        ""
    };
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            if stopped.load(Ordering::SeqCst) {
                return;
            }
            if mode == Mode::Silent {
                held.push(stream);
                continue;
            }
            if mode == Mode::Stalled {
                let mut stream = stream;
                hear(&mut stream);
                // A handshake record of 122 bytes, of which two come.
                stream.write_all(&[0x16, 3, 3, 0, 122, 2, 0]).ok();
                held.push(stream);
                continue;
            }
            connection(stream, mode, &config, &said, cors, clock);
        }
    });
    Some(Server { at, stop, held: None })
}

fn connection(
    mut tcp: TcpStream,
    mode: Mode,
    config: &Arc<rustls::ServerConfig>,
    said: &HashMap<String, (u16, String, String)>,
    cors: &str,
    clock: u64,
) {
    tcp.set_read_timeout(Some(Duration::from_secs(10))).ok();
    match mode {
        Mode::Hangup => {
            hear(&mut tcp);
            return;
        }
        Mode::Plain => {
            hear(&mut tcp);
            tcp.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                .ok();
            return;
        }
        Mode::OldTls | Mode::Alert(_) => {
            hear(&mut tcp);
            // A fatal alert: protocol_version, or the one that is wanted.
            let alert = if let Mode::Alert(alert) = mode { alert } else { 70 };
            tcp.write_all(&[0x15, 3, 2, 0, 2, 2, alert]).ok();
            return;
        }
        _ => {}
    }
    let connection = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, tcp);
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0; 1024];
        match stream.read(&mut byte) {
            Ok(len) if len > 0 => request.extend_from_slice(&byte[..len]),
            _ => return,
        }
    }
    match mode {
        Mode::Mute => return,
        Mode::Dumb => {
            // Until the client has had enough.
            stream.read_exact(&mut [0; 1]).ok();
            return;
        }
        _ => {}
    }
    let text = String::from_utf8_lossy(&request);
    let path = text.split(' ').nth(1).unwrap_or_default();
    let missing = (404, "Content-Type: text/plain".to_owned(), "no".to_owned());
    let (status, field, body) = said.get(path).unwrap_or(&missing);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + clock;
    let reply = format!(
        "HTTP/1.1 {status} X\r\nDate: {}\r\n{field}\r\n{cors}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        http_date(now),
        body.len()
    );
    stream.write_all(reply.as_bytes()).ok();
    stream.conn.send_close_notify();
    stream.flush().ok();
}

/// Waits for a client's first bytes.
fn hear(tcp: &mut TcpStream) -> usize {
    tcp.read(&mut [0; 4096]).unwrap_or(0)
}

/// Seconds from now until the certificate that is not valid yet is so.
pub(crate) fn until_early() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // 2098-07-01.
    4_055_011_200 - now
}

/// The date so many days from now, `2026-12-31`.
pub(crate) fn day_in(days: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let time = hearthdns::zone::master::civil::write_time(now + days * 86_400);
    time[..10].to_owned()
}

fn http_date(seconds: u64) -> String {
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let stamp = hearthdns::zone::master::civil::write_stamp(seconds);
    let part = |at: usize, len: usize| &stamp[at..at + len];
    let month: usize = part(4, 2).parse().unwrap();
    format!(
        "Mon, {} {} {} {}:{}:{} GMT",
        part(6, 2),
        months[month - 1],
        part(0, 4),
        part(8, 2),
        part(10, 2),
        part(12, 2)
    )
}

/// Answers a STUN binding.
fn binding(request: &[u8]) -> Vec<u8> {
    let mut reply = request[..20].to_vec();
    reply[..4].copy_from_slice(&[1, 1, 0, 0]);
    reply
}

/// The servers of a world, and where they listen.
struct Sites {
    _servers: [Option<Server>; 2],
    fed: u16,
    web: u16,
}

impl Sites {
    fn start(world: &World, authority: &Authority) -> Self {
        let [fed, web] = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [fed_port, web_port] = [&fed, &web].map(|held| held.local_addr().unwrap().port());
        let ports = [("{fed}", fed_port), ("{web}", web_port)];
        Sites {
            _servers: [
                serve(fed, &world.fed, authority, &ports),
                serve(web, &world.web, authority, &ports),
            ],
            fed: fed_port,
            web: web_port,
        }
    }

    /// Records with the homeserver's port in them.
    fn filled(&self, records: &[String]) -> Vec<String> {
        let filled = records
            .iter()
            .map(|record| record.replace("{fed}", &self.fed.to_string()));
        filled.collect()
    }

    /// Where the web server is.
    fn connect(&self) -> String {
        format!("hearth.example:443=127.0.0.1:{}", self.web)
    }

    /// Ports of this run as words.
    fn neutral(&self, text: &str) -> String {
        text.replace(&format!(":{}", self.fed), ":FED")
            .replace(&format!(":{}", self.web), ":WEB")
    }
}

/// Asks the doctor about a server with these records in the base zone and in zones of views, whose names a daemon of ours
/// knows and whose certificates its own authority signed. `{dns}` in the options is the daemon.
pub(crate) fn run_live(world: &World, config: &str, views: &[(&str, &str)], options: &[&str]) -> Live {
    let in_house = |records: &[String]| format!("$TTL 300\n$ORIGIN .\n{}\n", records.join("\n"));
    let house = House::new()
        .listen_too(&["tls://127.0.0.1:0"])
        .config(&format!("name: dns.hearth.example\n{config}"))
        .zone("hearth.example", "");
    let daemon = house.start();
    let sites = Sites::start(world, &Authority::of(&house));
    let filled = sites.filled(&world.records);
    house.write("zones/hearth.example.zone", &in_house(&filled));
    for (view, record) in views {
        house.write(
            &format!("zones/{view}/hearth.example.zone"),
            &in_house(&[(*record).to_owned()]),
        );
    }
    house.dnsctl(&["reload"]).ok();
    let dns = daemon.udp[0].to_string();
    let web = sites.connect();
    let mut args = vec!["matrix", "doctor", "hearth.example", "--connect", &web];
    let options: Vec<String> = options
        .iter()
        .map(|option| option.replace("{dns}", &dns))
        .collect();
    args.extend(options.iter().map(String::as_str));
    let ran = house.dnsctl(&args);
    // What goes on in a further line belongs to the one before it.
    let out = ran.stdout.replace(&format!("\n{:19}", ""), " ");
    let out = sites.neutral(&out).replace(&dns, "DNS");
    Live {
        code: ran.code,
        out: out.lines().map(without_time).collect(),
        err: sites.neutral(&ran.stderr),
    }
}

/// What the doctor printed, without times and columns, ports as words.
pub(crate) struct Live {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A line, its words parted by one blank, without the time that a link took.
fn without_time(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let words = match words.as_slice() {
        [grade, time, "ms", rest @ ..] if time.parse::<u64>().is_ok() => [&[*grade], rest].concat(),
        words => words.to_vec(),
    };
    format!("{}\n", words.join(" "))
}

/// Starts everything, and asks the doctor.
pub(crate) fn run(world: &World) -> Said {
    let authority = Authority::new("test");
    let sites = Sites::start(world, &authority);
    let turn = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let turn_port = turn.local_addr().unwrap().port();
    let main = zone(sites.filled(&world.records), world.fails.clone(), world.speech);
    let between = world.resolver.as_ref().map(|records| {
        let fails = world.resolver_fails.clone();
        zone(sites.filled(records), fails, world.resolver_speech)
    });
    let (udp, tcp) = world.turn.unwrap_or_default();
    let is_silent = world.is_turn_silent;
    if udp {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, turn_port)).unwrap();
        std::thread::spawn(move || {
            let mut room = [0; 1500];
            // One question, or a run that never asks. Who says nothing is asked again until the step is over.
            let patience = if is_silent { 3 } else { 60 };
            socket.set_read_timeout(Some(Duration::from_secs(patience))).ok();
            while let Ok((len, from)) = socket.recv_from(&mut room) {
                if !is_silent {
                    socket.send_to(&binding(&room[..len]), from).ok();
                    return;
                }
            }
        });
    }
    if tcp {
        std::thread::spawn(move || {
            if let Ok((mut stream, _)) = turn.accept() {
                let mut room = [0; 20];
                if stream.read_exact(&mut room).is_ok() && !is_silent {
                    stream.write_all(&binding(&room)).ok();
                }
                // Until the client goes.
                stream.read_exact(&mut room).ok();
            }
        });
    } else {
        drop(turn);
    }
    let house = House::new();
    house.write("ca.pem", &authority.root);
    let ca = house.path("ca.pem").display().to_string();
    let via = main.addr.to_string();
    let nameserver = between
        .as_ref()
        .map_or(via.clone(), |between| between.addr.to_string());
    let web_at = sites.connect();
    let closed = format!(
        "hearth.example:8448=127.0.0.1:{}",
        super::support::free_address().port()
    );
    let turn_at = format!("turn.hearth.example:{turn_port}");
    let mut args = vec![
        "--json",
        "matrix",
        "doctor",
        "hearth.example",
        "--via",
        &via,
        "--nameserver",
        &nameserver,
        "--ca-file",
        &ca,
        "--connect",
        &web_at,
        "--connect",
        &closed,
        "--only",
        world.only,
        "--step",
        "2",
        "--time",
        world.time,
    ];
    if world.turn.is_some() {
        args.extend(["--turn", &turn_at]);
    }
    if world.is_allowed {
        args.extend(["--allow", "127.0.0.0/8"]);
    }
    if world.allow_v6 {
        args.extend(["--allow", "::1"]);
    }
    let ran = house.dnsctl_offline(&args);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr));
    let told = &json["ok"];
    let noted = told["links"].as_array().into_iter().flatten();
    let neutral = |text: &str| {
        let text = sites.neutral(text).replace(&format!(":{turn_port}"), ":TURN");
        let closed = closed.rsplit_once(':').unwrap().1;
        let via = via.rsplit_once(':').unwrap().1;
        let nameserver = nameserver.rsplit_once(':').unwrap().1;
        text.replace(&format!(":{closed}"), ":8448")
            .replace(&format!(":{via}"), ":DNS")
            .replace(&format!(":{nameserver}"), ":RESOLVER")
    };
    Said {
        fault: told["fault"].as_str().unwrap_or("works").to_owned(),
        exit: ran.code,
        sentence: neutral(told["sentence"].as_str().unwrap_or_default()),
        noted: noted
            .filter_map(|link| link["fault"].as_str().map(str::to_owned))
            .collect(),
        all: serde_json::to_string_pretty(told).unwrap(),
    }
}
