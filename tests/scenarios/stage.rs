//! Plays a scenario: the whole line from bytes to bytes, on a clock that stands still while anybody works.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hearthdns::engine::{Client, Engine, Rules, Transport};
use hearthdns::health::Strategy;
use hearthdns::lan::memory::{Kind, Known, names_of};
use hearthdns::message::Name;
use hearthdns::policy::Access;
use hearthdns::policy::screen::Screen;
use hearthdns::serve::{Received, Service};
use hearthdns::store::{Parts, Store, StoreSettings};
use hearthdns::telemetry::Outcomes;
use hearthdns::upstream::ask::Ask;
use hearthdns::upstream::{Limits, RouteOver, Upstreams};
use hearthdns::view::{Routing, Snapshot, Target, ViewRoutes};
use hearthdns::zone::Lan;
use tokio::time::{Instant, sleep, sleep_until};

use super::script::{Act, Asks, Behaviour, Event, Script, shown};
use super::servers::{Scripted, World};
use super::support::wire::{Edns, Message, rcode, type_number};

/// The wall clock at the start of every scenario: 2026-01-01T00:00:00Z.
const WALL: u64 = 1_767_225_600;
/// How long after its last line a scenario goes on: longer than any question may take.
const AFTERMATH: Duration = Duration::from_secs(30);

/// Plays it and gives what is wrong, a paragraph each.
pub(crate) fn play(script: &Script) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut stage = match Stage::set(script) {
            Ok(stage) => stage,
            Err(why) => return vec![why],
        };
        stage.run(script).await;
        stage.complaints
    })
}

struct Stage {
    started: Instant,
    world: Arc<World>,
    servers: BTreeMap<String, Arc<Scripted>>,
    house: House,
    engine: Arc<Engine>,
    upstreams: Arc<Upstreams>,
    service: Arc<Service>,
    counter: Arc<Counter>,
    /// Questions whose outcome is awaited: line, what was said, what came.
    awaited: Vec<(usize, Asks, Vec<Slot>)>,
    sent: u64,
    complaints: Vec<String>,
}

/// Where the outcome of one question is left.
type Slot = Arc<Mutex<Option<String>>>;

impl Stage {
    fn set(script: &Script) -> Result<Self, String> {
        let started = Instant::now();
        let world = World::new(started);
        let mut servers: BTreeMap<String, Arc<Scripted>> = BTreeMap::new();
        let mut routes: Vec<RouteOver> = vec![RouteOver {
            domain: ".".to_owned(),
            servers: Vec::new(),
            strategy: Strategy::default(),
        }];
        let mut routing = Routing::default();
        for (name, _) in &script.views {
            routing.views.push(ViewRoutes {
                view: name.clone(),
                ..ViewRoutes::default()
            });
        }
        for line in &script.routes {
            let domain: Name = line.domain.parse().map_err(|_| "a route's domain is no name")?;
            let target = match &line.over {
                None => Target::Nowhere,
                Some((strategy, names)) => {
                    let strategy = Strategy::ALL
                        .into_iter()
                        .find(|known| known.as_str() == strategy)
                        .ok_or_else(|| format!("there is no strategy `{strategy}`"))?;
                    let over = names.iter().map(|name| {
                        let made = || Scripted::new(name, &world);
                        Arc::clone(servers.entry(name.clone()).or_insert_with(made)) as Arc<dyn Ask>
                    });
                    let over = RouteOver {
                        domain: line.domain.clone(),
                        servers: over.collect(),
                        strategy,
                    };
                    if line.domain == "." && line.view.is_none() {
                        routes[0] = over;
                        continue;
                    }
                    routes.push(over);
                    Target::Route(u16::try_from(routes.len() - 1).expect("few routes"))
                }
            };
            match &line.view {
                None => routing.base.push((domain, target)),
                Some(view) => {
                    let own = routing.views.iter_mut().find(|own| own.view == *view);
                    let own = own.ok_or_else(|| format!("there is no view `{view}`"))?;
                    match target {
                        Target::Route(route) if line.domain == "." => own.default = Some(route),
                        target => own.routes.push((domain, target)),
                    }
                }
            }
        }
        let (rules, limits) = rules_and_limits(script, routes.len())?;
        let mut house = House::build(script, routing)?;
        for (number, event) in &script.before {
            let done = match event {
                Event::Server(name, behaviour) => behave(&servers, name, behaviour),
                Event::Data(server, record) => {
                    world.put(server.as_deref(), record, None);
                    Ok(())
                }
                Event::Zone(name, text) => house.write(name, text.as_deref()),
                Event::Lan { kind, file, text } => house.tell(kind, file, text.as_deref()),
                _ => Err("this happens at a time: begin with `at 0s`".to_owned()),
            };
            done.map_err(|why| format!("line {number}: {why}"))?;
        }
        house.names(WALL);
        let parts = house.store.lock().unwrap().load(WALL).parts;
        let engine = Arc::new(Engine::new(rules, house.snapshot(parts)));
        let upstreams = Arc::new(Upstreams::over(routes, limits));
        let outcomes = Arc::new(Outcomes::default());
        let service = Arc::new(Service::new(
            Arc::clone(&engine),
            Arc::clone(&upstreams),
            Arc::clone(&outcomes),
            started,
        ));
        Ok(Stage {
            started,
            world,
            servers,
            house,
            engine,
            upstreams,
            service,
            counter: Arc::new(Counter::new(outcomes)),
            awaited: Vec::new(),
            sent: 0,
            complaints: Vec::new(),
        })
    }

    async fn run(&mut self, script: &Script) {
        for (number, when, event) in &script.line {
            self.wait_until(self.started + *when).await;
            if let Err(why) = self.happen(*number, *when, event) {
                self.complaints.push(format!("line {number}: {why}"));
            }
            // What was just begun begins now: the next line finds it under way.
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
        }
        let end = script.line.last().map_or(Duration::ZERO, |(_, when, _)| *when);
        self.wait_until(self.started + end + AFTERMATH).await;
        for (number, asks, slots) in std::mem::take(&mut self.awaited) {
            self.compare(number, &asks, &slots);
        }
        if let Some((number, expected)) = &script.asked {
            let found: Vec<String> = self.world.log().iter().map(ToString::to_string).collect();
            self.whole(*number, "servers were asked", expected, &found);
        }
        self.nothing_leaked();
        let counted: u64 = self.counter.outcomes.counts().map(|(_, count)| count).sum();
        if counted != self.sent {
            self.complaints
                .push(format!("{} queries ended in {counted} outcomes", self.sent));
        }
        if !self.upstreams.is_idle() {
            self.complaints
                .push("questions are still under way at the end".to_owned());
        }
    }

    /// Lets time pass; records and leases end on the way, as the daemon has them end.
    async fn wait_until(&mut self, when: Instant) {
        loop {
            let next = self.house.store.lock().unwrap().next_expiry();
            let next = next.into_iter().chain(self.house.next_end).min();
            let expiry = next.map(|at| self.started + Duration::from_secs(at.saturating_sub(WALL)));
            match expiry.filter(|at| *at <= when) {
                Some(at) => {
                    sleep_until(at).await;
                    let is_other = self.house.names(self.wall());
                    let parts = {
                        let mut store = self.house.store.lock().unwrap();
                        let parts = store.expire(self.wall());
                        parts.or_else(|| is_other.then(|| store.republish()))
                    };
                    match parts {
                        Some(parts) => self.engine.publish(self.house.snapshot(parts)),
                        None => sleep(Duration::from_secs(1)).await,
                    }
                }
                None => return sleep_until(when).await,
            }
        }
    }

    fn wall(&self) -> u64 {
        WALL + self.started.elapsed().as_secs()
    }

    fn happen(&mut self, number: usize, when: Duration, event: &Event) -> Result<(), String> {
        match event {
            Event::Server(name, behaviour) => behave(&self.servers, name, behaviour),
            Event::Data(server, record) => {
                self.world.put(server.as_deref(), record, Some(when));
                Ok(())
            }
            Event::NoData(server, name) => {
                self.world.remove(server.as_deref(), name);
                Ok(())
            }
            Event::Zone(name, text) => {
                self.house.write(name, text.as_deref())?;
                let parts = self.house.store.lock().unwrap().reload(self.wall()).parts;
                self.engine.publish(self.house.snapshot(parts));
                Ok(())
            }
            Event::Lan { kind, file, text } => {
                self.house.tell(kind, file, text.as_deref())?;
                if self.house.names(self.wall()) {
                    let parts = self.house.store.lock().unwrap().republish();
                    self.engine.publish(self.house.snapshot(parts));
                }
                Ok(())
            }
            Event::Asks(asks) => {
                let slots = (0..asks.times.unwrap_or(1)).map(|at| self.ask(asks, at));
                let slots = slots.collect();
                self.awaited.push((number, asks.clone(), slots));
                Ok(())
            }
            Event::Flush { name, below, dropped } => {
                let name: Option<Name> = name.as_ref().map(|name| name.parse().expect("a name to flush"));
                let found = self.engine.flush(name.as_ref(), *below);
                equal("answers dropped", *dropped, found)
            }
            Event::NetworkChanges => {
                tokio::spawn(self.upstreams.network_changed().probe());
                Ok(())
            }
            Event::ExpectAsked(server, times) => {
                let log = self.world.log();
                let of = |server: &String| log.iter().filter(|noted| noted.server == *server).count();
                let found = server.as_ref().map_or(log.len(), of);
                let lines: Vec<String> = log.iter().map(ToString::to_string).collect();
                equal("questions asked", *times, found)
                    .map_err(|why| format!("{why}\nasked so far:\n{}", indented(&lines)))
            }
            Event::ExpectState(name, is_failing) => {
                let status = self.upstreams.servers().find(|server| server.name == *name);
                let status = status.ok_or_else(|| format!("no route has the server `{name}`"))?;
                equal("the server counts as failing", *is_failing, status.is_failing)
            }
            Event::ExpectCached(entries) => {
                equal("answers cached", *entries, self.engine.cache_fill().entries)
            }
        }
    }

    /// Sends one query down the line.
    fn ask(&mut self, asks: &Asks, at: usize) -> Slot {
        let name = asks.name.replace('%', &at.to_string());
        let query = query(&name, asks);
        let bytes = query.encode();
        let transport = match asks.options.iter().any(|option| option == "+tcp") {
            true => Transport::Tcp,
            false => Transport::Udp,
        };
        let client = Client::new(asks.client, transport);
        let slot = Slot::default();
        let begun = Instant::now();
        self.sent += 1;
        let mut out = Vec::new();
        let tell = {
            let (slot, counter) = (Arc::clone(&slot), Arc::clone(&self.counter));
            move |reply: Option<&[u8]>| {
                let told = told(&query, reply, &counter.ended(), begun.elapsed());
                *slot.lock().unwrap() = Some(told);
            }
        };
        match self.service.receive(&bytes, client, &mut out) {
            Received::Reply => tell(Some(&out)),
            Received::Nothing => tell(None),
            Received::Ask(pending) => {
                let service = Arc::clone(&self.service);
                tokio::spawn(async move {
                    let is_reply = service.finish(&bytes, client, pending, &mut out).await;
                    tell(is_reply.then_some(&out));
                });
            }
        }
        slot
    }

    /// Compares the outcome of one line, alike outcomes of several questions taken together.
    fn compare(&mut self, number: usize, asks: &Asks, slots: &[Slot]) {
        let mut groups: Vec<(String, usize)> = Vec::new();
        for (at, slot) in slots.iter().enumerate() {
            let told = slot.lock().unwrap().take();
            let mut told = told.unwrap_or_else(|| "nothing came".to_owned());
            if asks.times.is_some() {
                let name = asks.name.replace('%', &at.to_string());
                told = told.replace(&name, &asks.name);
            }
            match groups.iter_mut().find(|(other, _)| *other == told) {
                Some((_, times)) => *times += 1,
                None => groups.push((told, 1)),
            }
        }
        let mut found = Vec::new();
        for (told, times) in groups {
            let prefix = asks.times.map_or(String::new(), |_| format!("{times} x "));
            found.extend(format!("{prefix}{told}").lines().map(str::to_owned));
        }
        self.whole(number, "the outcome is another", &asks.expected, &found);
    }

    fn whole(&mut self, number: usize, what: &str, expected: &[String], found: &[String]) {
        if expected != found {
            self.complaints.push(format!(
                "line {number}: {what}\nexpected:\n{}\nfound:\n{}",
                indented(expected),
                indented(found)
            ));
        }
    }

    /// No server ever saw a name of a private zone, whoever may see that zone.
    fn nothing_leaked(&mut self) {
        for noted in self.world.log() {
            let name: Name = noted.name.parse().expect("a name that was asked");
            let is_below = |zone: &Name| name.as_ref().is_at_or_below(zone.as_ref());
            let passed_on = self.house.passed_on.iter().any(is_below);
            if let Some(zone) = self.house.private.iter().find(|zone| is_below(zone))
                && !passed_on
            {
                self.complaints
                    .push(format!("leak: `{noted}` lies in the private zone {zone}"));
            }
        }
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, expected: T, found: T) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}"))
}

fn indented(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

fn behave(
    servers: &BTreeMap<String, Arc<Scripted>>,
    name: &str,
    behaviour: &Behaviour,
) -> Result<(), String> {
    let server = servers
        .get(name)
        .ok_or_else(|| format!("no route has the server `{name}`"))?;
    if behaviour.act == Act::Silent && behaviour.after > Duration::ZERO {
        return Err("a silent server does not say when".to_owned());
    }
    server.behave(behaviour.clone());
    Ok(())
}

fn query(name: &str, asks: &Asks) -> Message {
    let has = |option: &str| asks.options.iter().any(|given| given == option);
    let mut query = Message::query(
        &format!("{}.", name.trim_end_matches('.')),
        type_number(&asks.rtype),
    );
    if !has("+plain") {
        query = query.with_edns(1232);
    }
    if let Some(edns) = &mut query.edns {
        edns.dnssec_ok = has("+do");
    }
    query.cd = has("+cd");
    query.ad = has("+ad");
    query.rd = !has("+nord");
    query
}

/// A whole outcome as text: how it counts, the code and flags, when, why; then the records.
fn told(query: &Message, reply: Option<&[u8]>, outcome: &str, after: Duration) -> String {
    let after = shown(after);
    let Some(bytes) = reply else {
        return format!("{outcome}, no reply, after {after}");
    };
    let reply = match Message::decode(bytes) {
        Ok(reply) => reply,
        Err(why) => return format!("{outcome}, a reply that cannot be read: {why}"),
    };
    if reply.id != query.id || !reply.qr || reply.questions != query.questions || !reply.ra {
        return format!("{outcome}, a reply that does not fit the query: {reply:?}");
    }
    let code = match reply.rcode {
        rcode::NOERROR => "NOERROR".to_owned(),
        rcode::FORMERR => "FORMERR".to_owned(),
        rcode::SERVFAIL => "SERVFAIL".to_owned(),
        rcode::NXDOMAIN => "NXDOMAIN".to_owned(),
        rcode::NOTIMP => "NOTIMP".to_owned(),
        rcode::REFUSED => "REFUSED".to_owned(),
        other => format!("RCODE{other}"),
    };
    let mut text = format!("{outcome} {code}");
    for (on, word) in [(reply.aa, "aa"), (reply.tc, "tc"), (reply.ad, "ad")] {
        if on {
            text += &format!(" {word}");
        }
    }
    text += &format!(" after {after}");
    if let Some((code, why)) = reply.edns.as_ref().and_then(Edns::extended_error) {
        text += &format!(", ede {code} {why}");
    }
    for (section, lines) in [
        ("", reply.answer_lines()),
        ("authority ", reply.authority_lines()),
        ("additional ", reply.additional_lines()),
    ] {
        for line in lines {
            text += &format!("\n{section}{line}");
        }
    }
    text
}

/// Tells how each query ended: the one count that has grown since the last look.
struct Counter {
    outcomes: Arc<Outcomes>,
    seen: Mutex<Vec<u64>>,
}

impl Counter {
    fn new(outcomes: Arc<Outcomes>) -> Self {
        let seen = outcomes.counts().map(|(_, count)| count).collect();
        Counter {
            outcomes,
            seen: Mutex::new(seen),
        }
    }

    /// To be called for each query at the moment of its end: nobody else runs between.
    fn ended(&self) -> String {
        let mut seen = self.seen.lock().unwrap();
        let mut words = Vec::new();
        for ((outcome, count), before) in self.outcomes.counts().zip(seen.iter_mut()) {
            if count != *before {
                words.push(outcome.as_str());
                *before = count;
            }
        }
        words.join(" and ")
    }
}

fn rules_and_limits(script: &Script, routes: usize) -> Result<(Rules, Limits), String> {
    let mut rules = Rules {
        access: Access::new(["192.168.0.0/16", "10.0.0.0/8"].map(|text| text.parse().expect("a prefix"))),
        edns_payload: 1232,
        cache_bytes: 8 << 20,
        min_ttl: 0,
        max_ttl: 86_400,
        negative_max_ttl: 10_800,
        stale_for: 86_400,
        failure_ttl: 5,
        screens: vec![
            Screen {
                rebinding: true,
                // The address that forging servers give.
                bogus: vec!["198.51.100.66/32".parse().expect("a prefix")],
                ..Screen::default()
            };
            routes
        ],
        rebinding_exempt: Vec::new(),
    };
    let mut limits = Limits {
        timeout: Duration::from_secs(5),
        attempt: Duration::from_millis(1500),
        outstanding: 256,
        waiting: 1024,
    };
    for (key, value) in &script.settings {
        let seconds = u32::try_from(value.as_secs()).expect("a time of at most a century");
        match key.as_str() {
            "timeout" => limits.timeout = *value,
            "attempt" => limits.attempt = *value,
            "stale_for" => rules.stale_for = seconds,
            "failure_ttl" => rules.failure_ttl = seconds,
            "min_ttl" => rules.min_ttl = seconds,
            "max_ttl" => rules.max_ttl = seconds,
            "negative_max_ttl" => rules.negative_max_ttl = seconds,
            _ => return Err(format!("there is no time `{key}` to set")),
        }
    }
    for (key, value) in &script.counts {
        match key.as_str() {
            "outstanding" => limits.outstanding = *value,
            "waiting" => limits.waiting = *value,
            "cache_bytes" => rules.cache_bytes = *value,
            _ => return Err(format!("there is no count `{key}` to set")),
        }
    }
    Ok((rules, limits))
}

/// The zones folder of one scenario, with what must not leave it.
struct House {
    root: PathBuf,
    store: Mutex<Store>,
    routing: Routing,
    /// Files that tell names of the LAN, what comes of them, and when the next lease ends.
    files: BTreeMap<String, Known>,
    lan: Option<Arc<Lan>>,
    next_end: Option<u64>,
    private: BTreeSet<Name>,
    passed_on: BTreeSet<Name>,
}

impl House {
    fn build(script: &Script, routing: Routing) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("hearthdns-scenario-{}-{serial}", std::process::id()));
        std::fs::create_dir_all(root.join("zones")).map_err(|error| error.to_string())?;
        let mut views = Vec::new();
        for (name, clients) in &script.views {
            let prefix = clients.parse().map_err(|_| format!("`{clients}` is no prefix"))?;
            views.push((name.clone(), vec![prefix]));
        }
        let store = Store::open(StoreSettings {
            zones: root.join("zones"),
            state: root.join("state"),
            views,
            history_versions: 2,
        });
        Ok(House {
            root,
            store: Mutex::new(store),
            routing,
            files: BTreeMap::new(),
            lan: None,
            next_end: None,
            private: BTreeSet::new(),
            passed_on: BTreeSet::new(),
        })
    }

    /// Writes a zone file or takes it away. A name that was once private stays so.
    fn write(&mut self, name: &str, text: Option<&str>) -> Result<(), String> {
        let path = self.root.join("zones").join(format!("{name}.zone"));
        let Some(text) = text else {
            return std::fs::remove_file(&path).map_err(|error| error.to_string());
        };
        if !text.contains("mode=overlay") {
            let (_, origin) = name.rsplit_once('/').unwrap_or(("", name));
            let origin: Name = origin.parse().map_err(|_| format!("`{name}` is no zone"))?;
            for word in text.split_whitespace() {
                for domain in word
                    .strip_prefix("forward=")
                    .into_iter()
                    .flat_map(|d| d.split(','))
                {
                    let domain = Name::parse(domain, Some(origin.as_ref()));
                    self.passed_on
                        .insert(domain.map_err(|_| "`forward=` holds no name")?);
                }
            }
            self.private.insert(origin);
        }
        let folder = path.parent().expect("a folder");
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        std::fs::write(&path, text).map_err(|error| error.to_string())
    }

    /// Takes in a file that tells names.
    fn tell(&mut self, kind: &str, file: &str, text: Option<&str>) -> Result<(), String> {
        let kind = [Kind::Hosts, Kind::Leases, Kind::Ethers, Kind::Dhcp]
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or_else(|| format!("`{kind}` is none of hosts, leases, ethers, dhcp"))?;
        let before = self.files.remove(file).unwrap_or_default();
        if let Some(text) = text {
            let known = Known::read(kind, text.as_bytes(), &before);
            self.files.insert(file.to_owned(), known);
        }
        self.private.insert(lan_domain());
        Ok(())
    }

    /// Makes the names of what files tell; whether they are others than before.
    fn names(&mut self, now: u64) -> bool {
        let domain = lan_domain();
        if !self.private.contains(&domain) {
            return false;
        }
        let files: Vec<(Arc<str>, &Known)> = self
            .files
            .iter()
            .map(|(file, known)| (file.as_str().into(), known))
            .collect();
        let rules = hearthdns::lan::Rules {
            domain: &domain,
            own: None,
        };
        let names = names_of(&files, rules, now);
        self.next_end = names.next_end();
        let records = names.records();
        let lan = Some(Arc::new(Lan { domain, records }));
        let is_other = self.lan != lan;
        self.lan = lan;
        is_other
    }

    fn snapshot(&self, parts: Parts) -> Snapshot {
        Snapshot::build(
            parts.base,
            parts.views,
            &self.routing,
            &hearthdns::zone::Itself {
                lan: self.lan.clone(),
                ..hearthdns::zone::Itself::default()
            },
            parts.generation,
        )
    }
}

/// The domain of the devices of the house.
fn lan_domain() -> Name {
    "lan".parse().expect("a name")
}

impl Drop for House {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.root).ok();
    }
}
