//! Servers that follow a script: what they are asked they note, what they say the scenario says.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hearthdns::engine::fetch::{Failure, Question};
use hearthdns::upstream::ask::{Answered, Ask, Asking, Unanswered};
use tokio::time::{Instant, sleep};

use super::script::{Act, Behaviour, shown};
use super::support::wire::{Message, Record, rcode, rtype, type_name, type_number};

/// What all servers know and did.
pub(crate) struct World {
    started: Instant,
    /// Records of all servers, and beneath a server's name those that it alone says.
    /// With each set the moment at which it was stated.
    data: Mutex<BTreeMap<Place, Set>>,
    log: Mutex<Vec<Noted>>,
}

/// Where a set stands: name, the server that alone says it, type.
type Place = (String, Option<String>, u16);

/// When it was stated, and its records.
type Set = (Option<Duration>, Vec<String>);

/// One question that a server was asked.
#[derive(Clone)]
pub(crate) struct Noted {
    pub(crate) at: Duration,
    pub(crate) server: String,
    pub(crate) name: String,
    pub(crate) what: String,
}

impl std::fmt::Display for Noted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            shown(self.at),
            self.server,
            self.name,
            self.what
        )
    }
}

impl World {
    pub(crate) fn new(started: Instant) -> Arc<Self> {
        Arc::new(World {
            started,
            data: Mutex::default(),
            log: Mutex::default(),
        })
    }

    /// A record joins the set of its name and type that was stated at the same moment; an earlier set goes.
    pub(crate) fn put(&self, server: Option<&str>, record: &str, moment: Option<Duration>) {
        let read = Record::new(record);
        let key = (read.owner.to_lowercase(), server.map(str::to_owned), read.rtype);
        let mut data = self.data.lock().unwrap();
        let (since, set) = data.entry(key).or_default();
        if *since != moment {
            *since = moment;
            set.clear();
        }
        set.push(record.to_owned());
    }

    pub(crate) fn remove(&self, server: Option<&str>, name: &str) {
        let mut data = self.data.lock().unwrap();
        data.retain(|(owner, of, _), _| !(owner.eq_ignore_ascii_case(name) && of.as_deref() == server));
    }

    pub(crate) fn log(&self) -> Vec<Noted> {
        self.log.lock().unwrap().clone()
    }

    /// The set that a server says: its own, else everybody's.
    fn set(&self, server: &str, name: &str, rtype: u16) -> Option<Vec<String>> {
        let data = self.data.lock().unwrap();
        let of = |server: Option<String>| Some(data.get(&(name.to_owned(), server, rtype))?.1.clone());
        of(Some(server.to_owned())).or_else(|| of(None))
    }

    fn exists(&self, server: &str, name: &str) -> bool {
        let data = self.data.lock().unwrap();
        data.keys().any(|(owner, of, _)| {
            (owner == name || owner.ends_with(&format!(".{name}")))
                && of.as_deref().is_none_or(|of| of == server)
        })
    }

    /// The closest SOA above a name: negative replies carry it. None is stated, none is sent.
    fn soa(&self, server: &str, name: &str) -> Option<Vec<String>> {
        let ends = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
        std::iter::once(name)
            .chain(ends)
            .find_map(|zone| self.set(server, zone, rtype::SOA))
    }

    /// What a recursive server that knows the data says.
    fn answer(&self, server: &str, query: &Message) -> Message {
        let mut reply = query.reply();
        let mut name = query.qname().to_lowercase();
        for _ in 0..8 {
            if let Some(set) = self.set(server, &name, query.qtype()) {
                return set.iter().fold(reply, |reply, record| reply.answer(record));
            }
            let Some(alias) = self.set(server, &name, rtype::CNAME) else {
                break;
            };
            reply = reply.answer(&alias[0]);
            let target = alias[0].split_whitespace().last().unwrap_or_default();
            name = target.to_lowercase();
        }
        if !self.exists(server, &name) {
            reply.rcode = rcode::NXDOMAIN;
        }
        match self.soa(server, &name) {
            Some(soa) => reply.authority(&soa[0]),
            None => reply,
        }
    }
}

/// One server.
pub(crate) struct Scripted {
    name: String,
    world: Arc<World>,
    behaviour: Mutex<Behaviour>,
}

impl Scripted {
    pub(crate) fn new(name: &str, world: &Arc<World>) -> Arc<Self> {
        Arc::new(Scripted {
            name: name.to_owned(),
            world: Arc::clone(world),
            behaviour: Mutex::new(Behaviour {
                act: Act::Answers,
                after: Duration::ZERO,
            }),
        })
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    /// The bytes of its reply, or how there are none.
    fn reply(&self, act: &Act, query: &Message) -> Result<Vec<u8>, Failure> {
        let known = || self.world.answer(&self.name, query);
        let message = match act {
            Act::Answers => known(),
            Act::Silent => unreachable!("a silent server replies nothing"),
            Act::Code(code) => query.reply().code(*code),
            Act::Forges(address) => {
                let record = format!("{} 60 A {address}", query.qname());
                query.reply().answer(&record)
            }
            Act::Strays => {
                let mut reply = known();
                reply.questions[0].0 = format!("stray.{}", query.qname());
                reply
            }
            Act::Garbles => return Ok(b"these bytes are no message".to_vec()),
            Act::Truncates => {
                let mut reply = query.reply();
                reply.tc = true;
                reply
            }
            Act::Closes => return Err(Failure::Unreachable),
        };
        Ok(message.encode())
    }
}

thread_local! {
    /// Ids of messages: nothing here depends on them, but they differ.
    static NEXT_ID: Cell<u16> = const { Cell::new(1) };
}

impl Ask for Scripted {
    fn ask<'a>(&'a self, question: &'a Question, _deadline: Instant) -> Asking<'a> {
        // The name as text, by the library under test; what it means is judged by the tests' own codec.
        let name = question.name.to_string();
        let number = type_number(&question.rtype.to_string());
        let mut query = Message::query(&name, number).with_edns(1232);
        query.id = NEXT_ID.with(|id| id.replace(id.get().wrapping_add(1)));
        query.cd = question.checking_disabled;
        let mut what = type_name(number);
        if question.dnssec_ok {
            what += " +do";
            if let Some(edns) = &mut query.edns {
                edns.dnssec_ok = true;
            }
        }
        if question.checking_disabled {
            what += " +cd";
        }
        self.world.log.lock().unwrap().push(Noted {
            at: self.world.started.elapsed(),
            server: self.name.clone(),
            name,
            what,
        });
        let Behaviour { act, after } = self.behaviour.lock().unwrap().clone();
        Box::pin(async move {
            if act == Act::Silent {
                return std::future::pending().await;
            }
            sleep(after).await;
            // What it says is decided when it speaks: a zone that changes meanwhile is seen.
            match self.reply(&act, &query) {
                Ok(reply) => Answered::new(reply),
                Err(failure) => Err(Unanswered {
                    failure,
                    why: "the server closed the connection".to_owned(),
                }),
            }
        })
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}
