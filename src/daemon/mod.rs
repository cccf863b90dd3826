//! The daemon: what starts in which order, what runs, and how it ends.
//!
//! `run` reads like the order of events. Each step is one function; each thread and task is handed the
//! two or three things that it needs. Answering happens on worker threads, one runtime each; reading zones
//! and the control socket have threads of their own, so that neither delays an answer. Next: `desk`,
//! which carries out what `dnsctl` asks for.

#[cfg(feature = "acme")]
mod acme;
#[cfg(feature = "tls")]
mod certificates;
#[cfg(not(feature = "tls"))]
#[path = "certificates_absent.rs"]
mod certificates;
mod clock;
mod desk;
mod devices;
mod files;
mod lan;
mod log;
#[cfg(feature = "systemd")]
mod manager;
#[cfg(not(feature = "systemd"))]
#[path = "manager_absent.rs"]
mod manager;
mod network;
mod presence;
#[cfg(feature = "openwrt")]
mod privilege;
mod provider;
mod reconnect;
mod routes;
#[cfg(feature = "openwrt")]
mod translation;
mod warmth;
#[cfg(feature = "onboard")]
mod welcome;
mod worker;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

#[cfg(feature = "openwrt")]
use crate::cli::Command;
use crate::cli::{Args, EXIT_DEFECT, EXIT_FAILURE, EXIT_OK, Paths, Settings};
use crate::clock::{Clock, wall as unix_now};
use crate::config::{
    self, Config, ConnectionConfig, DnssecConfig, ListenScheme, ListenUrl, LogLevel, UpstreamSpec, limits,
};
use crate::control::server::{self, Socket};
use crate::device::Bearers;
use crate::engine::{Engine, Rules, Transport};
use crate::message::Name;
use crate::nftset::Sets;
use crate::policy::screen::Screen;
use crate::serve::door::{self, Door};
use crate::serve::gate::{self, Gates};
#[cfg(feature = "onboard")]
use crate::serve::pages::Pages;
use crate::serve::{Service, bind, holder};
use crate::store::devices::Devices;
use crate::store::{self, Parts, Store, StoreSettings};
use crate::telemetry::Outcomes;
#[cfg(feature = "dnssec")]
use crate::upstream::dnssec::Anchors;
use crate::upstream::dnssec::Validator;
use crate::upstream::{self, Upstreams};
use crate::view::{Routing, Snapshot};
#[cfg(feature = "dnssec")]
use crate::zone::master::civil::write_time;
use crate::zone::{Defect, Itself};
use certificates::Keeper;
use desk::Desk;
use devices::Guests;
use lan::House;
use manager::{Inherited, Manager};
use network::Watcher;
use presence::Presence;
use provider::Provider;
use reconnect::Reconnect;
use routes::Routes;
use warmth::Warmth;
#[cfg(feature = "onboard")]
use welcome::Welcome;
use worker::Workers;

/// How long shutting down waits for answers that are under way.
const DRAIN: Duration = limits::DRAIN.default_time();

/// What a damaged file of devices means.
const NO_TOKENS: &str =
    "devices with a token are refused until it is mended, plain DNS and devices without one are not";

/// What the service manager shows of us while all is well.
const READY: &str = "answering; `dnsctl status` tells more";

/// How often the certificate is looked at: its files, its names, its time.
const CERTIFICATE_CHECK: Duration = limits::CERTIFICATE_CHECK.default_time();

/// How often it is looked whether somebody still watches queries.
const QUERIES_WATCH: Duration = limits::QUERIES_WATCH.default_time();

/// The program `hearthdns`.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    #[cfg(feature = "openwrt")]
    if let Some(Command::Uci(uci)) = &args.command {
        return match translation::run(uci) {
            Ok(()) => ExitCode::from(EXIT_OK),
            Err(defects) => {
                print_defects(&defects);
                ExitCode::from(EXIT_FAILURE)
            }
        };
    }
    let settings = match read_settings(&args) {
        Ok(settings) => settings,
        Err(defects) => {
            print_defects(&defects);
            return ExitCode::from(EXIT_DEFECT);
        }
    };
    if settings.check {
        return ExitCode::from(check(&settings));
    }
    log::start(settings.config.log);
    match run(&settings.config, args.user()) {
        Ok(()) => ExitCode::from(EXIT_OK),
        Err(why) => {
            // The log makes one line of whatever it is told. Who has our port, and what to do about that, has several.
            let (what, steps) = why.split_once('\n').unwrap_or((&why, ""));
            error!("{what}");
            // Whoever turned the log off still learns why nothing runs.
            if settings.config.log == LogLevel::Off {
                eprintln!("hearthdns: {what}");
            }
            if !steps.is_empty() {
                eprintln!("{steps}");
            }
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

/// Flags, the file if there is one, and defaults.
fn read_settings(args: &Args) -> Result<Settings, Vec<Defect>> {
    let paths = paths_of_user();
    let (path, must_exist) = args.config_file(&paths);
    let whole = |message| {
        vec![Defect {
            file: path.display().to_string().into(),
            line: 0,
            column: 0,
            message,
        }]
    };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
            return Settings::resolve(args, None, &paths);
        }
        Err(error) => return Err(whole(format!("cannot be read: {error}"))),
    };
    let text = config::decode(path, &bytes).map_err(|defect| vec![defect])?;
    Settings::resolve(args, Some((path, text)), &paths)
}

fn paths_of_user() -> Paths {
    let is_root = rustix::process::geteuid().is_root();
    Paths::for_user(is_root, |name| std::env::var_os(name).map(Into::into))
}

fn print_defects(defects: &[Defect]) {
    for defect in defects {
        eprintln!("{defect}");
    }
}

/// Reads everything, says what is wrong, serves nothing.
fn check(settings: &Settings) -> u8 {
    let clock = Arc::new(Clock::new(settings.config.clock_file.clone()));
    let mut store = Store::open(StoreSettings::of(&settings.config));
    let mut defects = store.inspect(clock.at_least());
    defects.extend(store::devices::check(&settings.config.state));
    // Files that upstreams and validation name are read here; nothing is connected to.
    let Routes { routes, .. } = routes::number(&settings.config, settings.config.upstreams.clone());
    let upstreams = Upstreams::new(&routes, upstream_limits(&settings.config), &clock).err();
    for message in upstreams
        .into_iter()
        .chain(validator(&settings.config.dnssec, &clock).err())
        .chain(Keeper::check(&settings.config, clock.cautious()))
    {
        let file = settings.file.as_deref().map(|file| file.display().to_string());
        defects.push(Defect {
            file: file.unwrap_or_else(|| config::COMMAND_LINE.to_owned()).into(),
            line: 0,
            column: 0,
            message,
        });
    }
    print_defects(&defects);
    if !defects.is_empty() {
        eprintln!("{} found", counted(defects.len(), "defect"));
        return EXIT_DEFECT;
    }
    let zones = store.zones().count();
    let records: usize = store.zones().map(|(_, held)| held.zone.record_count()).sum();
    println!(
        "no defects: {}, {}",
        counted(zones, "zone"),
        counted(records, "record")
    );
    EXIT_OK
}

fn counted(count: usize, of_what: &str) -> String {
    format!("{count} {of_what}{}", if count == 1 { "" } else { "s" })
}

/// Starts, serves until told to stop, stops.
fn run(config: &Config, user: Option<&str>) -> Result<(), String> {
    // Taken before there are threads: it changes the environment.
    let inherited = Inherited::take()?;
    let manager = Manager::of_environment();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start a runtime: {error}"))?;
    let _entered = runtime.enter();
    let started = Instant::now();
    // Before anybody can know that we run: a signal that nobody waits for would end us in the middle.
    let signals = Signals::take()?;

    #[cfg(feature = "openwrt")]
    if let Some(user) = user {
        privilege::become_user(user, !config.nftsets.is_empty())?;
    }
    #[cfg(not(feature = "openwrt"))]
    let _ = user;
    // While we have the right to: it is given up when the ports are taken, but for this thread.
    let sets = Sets::start(&config.nftsets, &config.cache)
        .map_err(|error| format!("cannot start the thread for `nftsets`: {error}"))?;
    // The socket comes first: a second daemon on the same state stops here, before it touches anything.
    let socket = Socket::bind(&config.control).map_err(|error| error.to_string())?;
    let clock = Arc::new(Clock::new(config.clock_file.clone()));
    let (store, parts) = load_zones(config, clock.at_least())?;
    let provider = Provider::of(config);
    let Routes {
        routes,
        screens,
        routing,
    } = routes::number(config, default_servers(config, provider.as_ref()));
    let fingerprint = warmth::fingerprint(config, &routes);
    let listeners = open_listeners(config, &inherited)?;
    #[cfg(feature = "openwrt")]
    if user.is_some() {
        privilege::forget_ports()?;
    }
    let addresses: Vec<_> = listeners.iter().flat_map(transports).collect();
    let keeper = Keeper::start(
        config,
        &desk::origins(&store),
        &presence::addresses(config, &for_everybody(&addresses)),
        clock.cautious(),
    );
    let keeper = keeper.map(Arc::new);
    let certificate = keeper.as_deref().map(Keeper::certificate);
    let presence = Arc::new(Presence::new(
        config,
        for_everybody(&addresses),
        certificate.cloned(),
        unix_now(),
    ));
    let house = House::new(config, clock.at_least()).map(Arc::new);
    let snapshot = snapshot(parts, &routing, &itself(&presence, house.as_deref()));
    let engine = Arc::new(Engine::new(rules(config, screens), snapshot));
    let outcomes = Arc::new(Outcomes::default());
    let validator = validator(&config.dnssec, &clock)?;
    let upstreams = Upstreams::new(&routes, upstream_limits(config), &clock)?.with_validator(validator);
    let upstreams = upstreams.with_sets(sets.clone());
    let upstreams = Arc::new(upstreams);
    let host = config.name.as_ref().map(host_name);
    let bearers = Arc::new(Bearers::new(host));
    let service = Service::new(
        Arc::clone(&engine),
        Arc::clone(&upstreams),
        Arc::clone(&outcomes),
        started,
    );
    let service = service.with_bearers(bearers);
    let guests = Arc::new(guests(config, &listeners, &service, &presence, &clock, started));
    #[cfg(feature = "onboard")]
    let service = service.with_pages(pages(Welcome {
        devices: guests.devices(),
        engine: Arc::clone(&engine),
        presence: Arc::clone(&presence),
        keeper: keeper.clone(),
        clock: Arc::clone(&clock),
        started,
    }));
    let service = Arc::new(service);
    let gates = Arc::new(Gates::new(
        connection_limits(&config.tcp),
        connection_limits(&config.encrypted),
        service.traffic(),
    ));
    let doors = |listener| door::of(listener, certificate, &gates, &service);
    let doors: Vec<Vec<Vec<Door>>> = listeners.into_iter().map(doors).collect::<Result<_, _>>()?;
    let mut workers = worker::start(doors, &service).map_err(|error| error.to_string())?;
    let desk = Arc::new(Desk {
        store: Mutex::new(store),
        routing,
        engine: Arc::clone(&engine),
        upstreams: Arc::clone(&upstreams),
        reconnect: Reconnect {
            clients: config.clients.clone(),
            engine: Arc::clone(&engine),
            upstreams: Arc::clone(&upstreams),
            runtime: runtime.handle().clone(),
        },
        presence,
        outcomes,
        traffic: Arc::clone(service.traffic()),
        queries: Arc::clone(service.queries()),
        gates: Arc::clone(&gates),
        keeper,
        listeners: addresses,
        guests: Arc::clone(&guests),
        house,
        provider,
        sets,
        clock: Arc::clone(&clock),
        started,
        published: Notify::new(),
    });
    let control = server::serve(socket, Arc::clone(&desk) as Arc<dyn server::Daemon>);
    let control = control.map_err(|error| format!("cannot start the control thread: {error}"))?;
    info!("control socket {}", config.control.display());
    let watcher = runtime.block_on(Watcher::start());
    info!("ready");
    manager.ready(READY);

    let warmth = Warmth::start(config, &engine, &clock, fingerprint, started);
    let listeners = workers.ended();
    let broken = runtime.block_on(async {
        tokio::select! {
            () = attend(&desk, signals, &manager) => None,
            why = broken(listeners) => Some(why),
            () = live(&manager, &mut workers) => None,
            () = warmth.tend() => None,
            () = guests.tend() => None,
            () = watch(watcher, &desk) => None,
            () = lan::attend(&desk) => None,
            () = provider::attend(&desk) => None,
            () = clock::attend(&desk) => None,
            () = order(&desk) => None,
        }
    });
    info!("stopping");
    manager.stopping();
    // No further change is taken, those at work are finished and acknowledged.
    control.stop();
    workers.stop();
    runtime.block_on(drain(&upstreams, &gates));
    drop(workers);
    warmth.stop();
    guests.save();
    broken.map_or(Ok(()), Err)
}

/// Reads the zones; what is wrong is told, what is good is served.
fn load_zones(config: &Config, now: u64) -> Result<(Store, Parts), String> {
    let mut store = Store::open(StoreSettings::of(config));
    let loaded = store.load(now);
    for defect in &loaded.defects {
        error!("{defect}");
    }
    // With nothing known of any zone every private name would go upstream: a misspelt folder or one that is not
    // mounted yet must not be the way there.
    if store.zones().next().is_none()
        && let Err(error) = std::fs::read_dir(&config.zones)
    {
        return Err(format!(
            "cannot read the zones folder `{}`: {error}; make it, empty if there are no zones, or name another with --zones",
            config.zones.display()
        ));
    }
    for (key, held) in store.zones() {
        let mode = held.zone.mode().as_str();
        let state = match held.state {
            store::State::Ok => "",
            store::State::LastGood => ", last good version",
            store::State::Closed => ", closed: it answers with SERVFAIL until its file is mended",
        };
        let view = key
            .view
            .as_deref()
            .map(|view| format!(" of view {view}"))
            .unwrap_or_default();
        info!(
            "zone {}{view} ({mode}), serial {}{state}",
            key.origin,
            held.zone.serial()
        );
    }
    Ok((store, loaded.parts))
}

fn snapshot(parts: Parts, routing: &Routing, itself: &Itself) -> Snapshot {
    Snapshot::build(parts.base, parts.views, routing, itself, parts.generation)
}

/// What zone files do not say: of ourselves, and of the devices around us.
fn itself(presence: &Presence, house: Option<&House>) -> Itself {
    let mut itself = presence.itself();
    itself.lan = house.and_then(House::zone);
    itself
}

fn rules(config: &Config, screens: Vec<Screen>) -> Rules {
    Rules {
        access: reconnect::access(&config.clients),
        edns_payload: config.edns_payload,
        cache_bytes: config.cache.bytes,
        min_ttl: config.cache.min_ttl,
        max_ttl: config.cache.max_ttl,
        negative_max_ttl: config.cache.negative_max_ttl,
        stale_for: config.cache.stale_for,
        failure_ttl: config.cache.failure_ttl,
        screens,
        rebinding_exempt: config.screen.rebinding_exempt.clone(),
    }
}

/// Whom the config names, else whom the provider does.
fn default_servers(config: &Config, provider: Option<&Provider>) -> Vec<UpstreamSpec> {
    let upstreams = provider.map_or_else(|| config.upstreams.clone(), Provider::first);
    if upstreams.is_empty() {
        warn!("no upstream: names outside our zones fail; name one with --upstream or `upstreams:`");
    }
    for upstream in &upstreams {
        info!("upstream {upstream}");
    }
    upstreams
}

/// What validates, where the config wants that. A trust anchor that cannot be read ends the start: without it
/// every signed name would fail.
#[cfg(feature = "dnssec")]
fn validator(config: &DnssecConfig, clock: &Arc<Clock>) -> Result<Option<Validator>, String> {
    if !config.validate {
        return Ok(None);
    }
    let anchors = match &config.trust_anchors {
        None => Anchors::root(),
        Some(path) => {
            let text = std::fs::read(path)
                .map_err(|error| format!("cannot read the trust anchors {}: {error}", path.display()))?;
            Anchors::read(&path.display().to_string(), &text).map_err(|defects| {
                let lines: Vec<String> = defects.iter().map(ToString::to_string).collect();
                lines.join("\n")
            })?
        }
    };
    for anchor in &config.negative {
        let until = write_time(anchor.until);
        info!(
            "{} is not validated until {until}: {}",
            anchor.domain, anchor.reason
        );
    }
    info!("answers of upstreams are validated");
    Ok(Some(Validator::new(
        anchors,
        config.negative.clone(),
        Arc::clone(clock),
    )))
}

/// The same where validation is not built in.
#[cfg(not(feature = "dnssec"))]
fn validator(config: &DnssecConfig, _: &Arc<Clock>) -> Result<Option<Validator>, String> {
    if config.validate {
        return Err("this program is built without DNSSEC; remove `dnssec: {validate: true}`".to_owned());
    }
    Ok(None)
}

fn upstream_limits(config: &Config) -> upstream::Limits {
    upstream::Limits {
        timeout: config.upstream.timeout,
        attempt: config.upstream.attempt,
        outstanding: config.upstream.outstanding,
        waiting: config.upstream.outstanding * upstream::WAITING_PER_OUTSTANDING,
    }
}

fn connection_limits(config: &ConnectionConfig) -> gate::Limits {
    gate::Limits {
        connections: config.connections,
        per_client: config.per_client,
        pipeline: config.pipeline,
        idle: config.idle,
    }
}

/// A host name as SNI and URLs have it: without the final dot.
fn host_name(name: &Name) -> String {
    let text = name.to_string();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// The devices of the state folder. A file that cannot be read is told, and takes plain DNS from nobody.
fn guests(
    config: &Config,
    listeners: &[bind::Listener],
    service: &Service,
    presence: &Arc<Presence>,
    clock: &Arc<Clock>,
    started: Instant,
) -> Guests {
    let bearers = Arc::clone(service.bearers());
    let devices = Devices::open(&config.state, bearers, Arc::clone(service.sightings()));
    if let Some(damage) = devices.damage() {
        error!("{damage}; {NO_TOKENS}");
    }
    let listeners = listeners.iter().map(|listener| listener.url).collect();
    Guests::new(
        Arc::new(devices),
        config,
        listeners,
        Arc::clone(presence),
        Arc::clone(clock),
        started,
    )
}

/// The pages of invites.
#[cfg(feature = "onboard")]
fn pages(welcome: Welcome) -> Arc<Pages> {
    Arc::new(Pages::new(Arc::new(welcome)))
}

/// Opens what is configured, and what that implies.
fn open_listeners(config: &Config, inherited: &Inherited) -> Result<Vec<bind::Listener>, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = config.worker_count(cores);
    let tell = |listener: &bind::Listener| {
        for (url, transport) in transports(listener) {
            let private_only = if url.private_only { " (private-only)" } else { "" };
            info!("listening on {} {}{private_only}", url.addr, transport.as_str());
        }
    };
    let mut listeners = inherited.listeners(&config.listen, workers)?;
    for url in config.listen.iter().filter(|url| !inherited.has(url)) {
        listeners.push(bind::listen(*url, workers).map_err(|error| listen_error(*url, &error))?);
    }
    for url in config
        .implied_listeners()
        .iter()
        .filter(|url| !inherited.has(url))
    {
        match bind::listen(*url, workers) {
            Ok(listener) => listeners.push(listener),
            // Nobody asked for it, so it must not take plain DNS away.
            Err(error) => warn!(
                "{}; or do without it: `discovery: {{lan_tls: false}}`",
                listen_error(*url, &error)
            ),
        }
    }
    listeners.iter().for_each(tell);
    Ok(listeners)
}

/// What is spoken at a listener, and where.
fn transports(listener: &bind::Listener) -> Vec<(ListenUrl, Transport)> {
    let spoken: &[Transport] = match listener.url.scheme {
        ListenScheme::Plain => &[Transport::Udp, Transport::Tcp],
        ListenScheme::Tls => &[Transport::Tls],
        ListenScheme::Https => &[Transport::Https],
        ListenScheme::Quic => &[Transport::Quic],
        ListenScheme::H3 => &[Transport::H3],
        ListenScheme::Http => &[Transport::Http],
    };
    spoken
        .iter()
        .map(|transport| (listener.url, *transport))
        .collect()
}

/// Those that devices of the house may be told of: one for devices with a token refuses the others.
fn for_everybody(listeners: &[(ListenUrl, Transport)]) -> Vec<(SocketAddr, Transport)> {
    let open = listeners.iter().filter(|(url, _)| !url.private_only);
    open.map(|(url, transport)| (url.addr, *transport)).collect()
}

fn listen_error(url: ListenUrl, error: &std::io::Error) -> String {
    let way_out = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            let advice = holder::advice(&holder::of(&url), holder::has_systemd());
            // One line where nobody is known, several where somebody is named.
            let joint = if advice.contains('\n') { "\n" } else { "; " };
            return format!("cannot listen on {url}: {error}{joint}{advice}");
        }
        std::io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
        }
        std::io::ErrorKind::AddrNotAvailable => "; no interface of this host has that address",
        _ => "",
    };
    format!("cannot listen on {url}: {error}{way_out}")
}

/// The signals that mean something to the daemon.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn take() -> Result<Self, String> {
        let take = |kind| signal(kind).map_err(|error| format!("cannot wait for signals: {error}"));
        Ok(Signals {
            hangup: take(SignalKind::hangup())?,
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
        })
    }
}

/// Attends to signals, to records that expire and to a certificate that is renewed, until told to stop.
async fn attend(desk: &Arc<Desk>, mut signals: Signals, manager: &Manager) {
    let mut look = tokio::time::interval(CERTIFICATE_CHECK);
    let mut rest = tokio::time::interval(QUERIES_WATCH);
    loop {
        tokio::select! {
            _ = signals.hangup.recv() => {
                manager.reloading();
                let desk = Arc::clone(desk);
                let _ = tokio::task::spawn_blocking(move || desk.reload()).await;
                manager.ready(READY);
            }
            () = desk.published.notified() => {}
            _ = look.tick(), if desk.keeper.is_some() => {
                let desk = Arc::clone(desk);
                let _ = tokio::task::spawn_blocking(move || desk.look_at_certificate()).await;
            }
            () = sleep(desk.until_expiry()) => {
                let desk = Arc::clone(desk);
                let _ = tokio::task::spawn_blocking(move || desk.expire()).await;
            }
            _ = rest.tick() => desk.forget_queries(),
            _ = signals.terminate.recv() => return,
            _ = signals.interrupt.recv() => return,
        }
    }
}

/// Why we cannot go on: a daemon that is deaf at one of its addresses is better started anew by whoever minds it. Never
/// ends while all listen.
async fn broken(listeners: Option<mpsc::Receiver<String>>) -> String {
    if let Some(mut listeners) = listeners
        && let Some(why) = listeners.recv().await
    {
        return why;
    }
    std::future::pending().await
}

/// Shows the service manager that the workers live. Never ends.
async fn live(manager: &Manager, workers: &mut Workers) {
    if let Some(pulse) = workers.pulse() {
        manager.live(pulse).await;
    }
    std::future::pending::<()>().await;
}

/// Attends to certificates that a public authority signs. Never ends.
async fn order(desk: &Arc<Desk>) {
    if let Some(keeper) = &desk.keeper {
        keeper.order(desk).await;
    }
    std::future::pending::<()>().await;
}

/// Attends to changes of the network, where they are heard of. Never ends.
async fn watch(watcher: Option<Watcher>, desk: &Arc<Desk>) {
    let changed = |why: &str| {
        let _ = desk.reconnect.run(why);
        let desk = Arc::clone(desk);
        // An edit may have the zones for a moment.
        drop(tokio::task::spawn_blocking(move || desk.look_at_presence()));
    };
    if let Some(watcher) = watcher {
        watcher.watch(changed).await;
    }
    std::future::pending::<()>().await;
}

/// Lets answers that wait for upstreams come in, and connections end, for a while.
async fn drain(upstreams: &Upstreams, gates: &Gates) {
    let deadline = Instant::now() + DRAIN;
    while (!upstreams.is_idle() || gates.open() > 0) && Instant::now() < deadline {
        sleep(Duration::from_millis(10)).await;
    }
}
