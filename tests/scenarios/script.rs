//! A scenario's text, read into what happens when. The format is described in `tests/scenarios.rs`.

use std::net::IpAddr;
use std::time::Duration;

/// A whole scenario.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) settings: Vec<(String, Duration)>,
    pub(crate) counts: Vec<(String, usize)>,
    /// Name and clients.
    pub(crate) views: Vec<(String, String)>,
    pub(crate) routes: Vec<RouteLine>,
    /// What holds before anything happens.
    pub(crate) before: Vec<(usize, Event)>,
    /// Line, time, event; in the order of the file, which is that of time.
    pub(crate) line: Vec<(usize, Duration, Event)>,
    /// The whole log of questions to servers, where the scenario states it: its line, and its lines.
    pub(crate) asked: Option<(usize, Vec<String>)>,
}

/// `route [view NAME] DOMAIN nowhere | STRATEGY SERVER…`.
#[derive(Debug, Clone)]
pub(crate) struct RouteLine {
    pub(crate) view: Option<String>,
    pub(crate) domain: String,
    /// `None`: nowhere.
    pub(crate) over: Option<(String, Vec<String>)>,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Server(String, Behaviour),
    /// The records of one name and type, of one server or of all.
    Data(Option<String>, String),
    NoData(Option<String>, String),
    /// A zone file is written, or with `None` removed, and the folder is read again.
    Zone(String, Option<String>),
    /// A file that tells names of the LAN is written, or with `None` removed.
    Lan {
        kind: String,
        file: String,
        text: Option<String>,
    },
    Asks(Asks),
    Flush {
        name: Option<String>,
        below: bool,
        dropped: usize,
    },
    NetworkChanges,
    ExpectAsked(Option<String>, usize),
    ExpectState(String, bool),
    ExpectCached(usize),
}

/// One question of one client, or the same of several at once.
#[derive(Debug, Clone)]
pub(crate) struct Asks {
    pub(crate) times: Option<usize>,
    pub(crate) client: IpAddr,
    /// `%` stands for the number of the question.
    pub(crate) name: String,
    pub(crate) rtype: String,
    pub(crate) options: Vec<String>,
    pub(crate) expected: Vec<String>,
}

/// What a server does with every question.
#[derive(Debug, Clone)]
pub(crate) struct Behaviour {
    pub(crate) act: Act,
    pub(crate) after: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    /// What the data says: NXDOMAIN and NODATA included.
    Answers,
    Silent,
    /// This response code and no record.
    Code(u16),
    /// This address for every name.
    Forges(String),
    /// A reply to another question.
    Strays,
    /// Bytes that are no message.
    Garbles,
    /// What the data says, with TC set and no records.
    Truncates,
    /// The connection ends.
    Closes,
}

/// Reads a scenario; the error names the line.
pub(crate) fn read(text: &str) -> Result<Script, String> {
    let mut script = Script::default();
    let mut lines = text.lines().enumerate().peekable();
    let mut last = Duration::ZERO;
    while let Some((at, line)) = lines.next() {
        let number = at + 1;
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut block = Vec::new();
        while let Some((_, next)) = lines.peek() {
            if !next.starts_with(' ') && !next.trim().is_empty() {
                break;
            }
            block.push(next.trim().to_owned());
            lines.next();
        }
        block.retain(|line| !line.is_empty());
        let told = |why: String| format!("line {number}: {why}: `{line}`");
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["set", key, value] => match value.parse() {
                Ok(count) if !value.ends_with('s') => script.counts.push((key.to_owned(), count)),
                _ => script.settings.push((key.to_owned(), time(value).map_err(told)?)),
            },
            ["view", name, clients] => script.views.push((name.to_owned(), clients.to_owned())),
            ["route", ref rest @ ..] => script.routes.push(route(rest).map_err(told)?),
            ["asked"] => script.asked = Some((number, block)),
            ["at", when, ref rest @ ..] => {
                let when = time(when).map_err(told)?;
                if when < last {
                    return Err(told("time runs backwards".to_owned()));
                }
                last = when;
                script
                    .line
                    .push((number, when, event(rest, block).map_err(told)?));
            }
            ref rest if script.line.is_empty() => {
                script.before.push((number, event(rest, block).map_err(told)?));
            }
            _ => return Err(told("expected `at TIME …`".to_owned())),
        }
    }
    Ok(script)
}

fn route(words: &[&str]) -> Result<RouteLine, String> {
    let (view, words) = match words {
        ["view", view, rest @ ..] => (Some((*view).to_owned()), rest),
        _ => (None, words),
    };
    let line = |domain: &str, over| RouteLine {
        view,
        domain: domain.to_owned(),
        over,
    };
    match words {
        [domain, "nowhere"] => Ok(line(domain, None)),
        [domain, strategy, servers @ ..] if !servers.is_empty() => {
            let servers = servers.iter().map(ToString::to_string).collect();
            Ok(line(domain, Some(((*strategy).to_owned(), servers))))
        }
        _ => Err("expected `route [view NAME] DOMAIN nowhere | STRATEGY SERVER…`".to_owned()),
    }
}

fn event(words: &[&str], block: Vec<String>) -> Result<Event, String> {
    let has_block = !block.is_empty();
    let event = match words {
        ["server", name, rest @ ..] => Event::Server((*name).to_owned(), behaviour(rest)?),
        ["data", "of", server, record @ ..] => Event::Data(Some((*server).to_owned()), record.join(" ")),
        ["data", record @ ..] => Event::Data(None, record.join(" ")),
        ["no", "data", "of", server, name] => Event::NoData(Some((*server).to_owned()), (*name).to_owned()),
        ["no", "data", name] => Event::NoData(None, (*name).to_owned()),
        ["zone", name, "gone"] => Event::Zone((*name).to_owned(), None),
        ["zone", name] => {
            return Ok(Event::Zone((*name).to_owned(), Some(block.join("\n") + "\n")));
        }
        ["lan", kind, file, rest @ ..] => {
            let text = match rest {
                [] => Some(block.join("\n") + "\n"),
                // As it is while the DHCP server still writes.
                ["unfinished"] => Some(block.join("\n")),
                ["gone"] if !has_block => None,
                _ => return Err("expected `lan KIND FILE [unfinished | gone]`".to_owned()),
            };
            let (kind, file) = ((*kind).to_owned(), (*file).to_owned());
            return Ok(Event::Lan { kind, file, text });
        }
        ["flush", rest @ .., "->", dropped] => {
            let (name, below) = match rest {
                ["all"] => (None, false),
                ["below", name] => (Some((*name).to_owned()), true),
                [name] => (Some((*name).to_owned()), false),
                _ => return Err("expected `flush all | NAME | below NAME -> COUNT`".to_owned()),
            };
            let dropped = number(dropped)?;
            Event::Flush { name, below, dropped }
        }
        ["network", "changes"] => Event::NetworkChanges,
        ["expect", "nobody", "asked"] => Event::ExpectAsked(None, 0),
        ["expect", server, "asked", times, ..] => {
            Event::ExpectAsked(Some((*server).to_owned()), number(times)?)
        }
        ["expect", server, "failing"] => Event::ExpectState((*server).to_owned(), true),
        ["expect", server, "up"] => Event::ExpectState((*server).to_owned(), false),
        ["expect", "cached", entries] => Event::ExpectCached(number(entries)?),
        [times, "x", rest @ ..] => return asks(Some(number(times)?), rest, block),
        [_, "asks", ..] => return asks(None, words, block),
        _ => return Err("this means nothing here".to_owned()),
    };
    if has_block {
        return Err("no indented lines may follow".to_owned());
    }
    Ok(event)
}

fn asks(times: Option<usize>, words: &[&str], expected: Vec<String>) -> Result<Event, String> {
    let [client, "asks", name, rtype, options @ ..] = words else {
        return Err("expected `CLIENT asks NAME TYPE`".to_owned());
    };
    if expected.is_empty() {
        return Err("the whole outcome is missing: state it in indented lines below".to_owned());
    }
    let known = ["+do", "+cd", "+ad", "+nord", "+tcp", "+plain"];
    if let Some(word) = options.iter().find(|word| !known.contains(word)) {
        return Err(format!("`{word}` is none of {}", known.join(", ")));
    }
    Ok(Event::Asks(Asks {
        times,
        client: client.parse().map_err(|_| format!("`{client}` is no address"))?,
        name: (*name).to_owned(),
        rtype: (*rtype).to_owned(),
        options: options.iter().map(ToString::to_string).collect(),
        expected,
    }))
}

fn behaviour(words: &[&str]) -> Result<Behaviour, String> {
    let (words, after) = match words {
        [rest @ .., "after", after] => (rest, time(after)?),
        _ => (words, Duration::ZERO),
    };
    let act = match words {
        ["answers"] => Act::Answers,
        ["silent"] => Act::Silent,
        ["formerr"] => Act::Code(1),
        ["servfail"] => Act::Code(2),
        ["notimp"] => Act::Code(4),
        ["refused"] => Act::Code(5),
        ["forges", address] => Act::Forges((*address).to_owned()),
        ["strays"] => Act::Strays,
        ["garbles"] => Act::Garbles,
        ["truncates"] => Act::Truncates,
        ["closes"] => Act::Closes,
        _ => {
            return Err(
                "a server answers, is silent, formerr, servfail, notimp, refused, forges ADDRESS, strays, \
                 garbles, truncates or closes, each with `after TIME`"
                    .to_owned(),
            );
        }
    };
    Ok(Behaviour { act, after })
}

fn number(word: &str) -> Result<usize, String> {
    word.parse().map_err(|_| format!("`{word}` is no number"))
}

/// `20ms`, `1.8s`, `5m`, `2h`, `1d`.
pub(crate) fn time(word: &str) -> Result<Duration, String> {
    let digits = word.trim_end_matches(char::is_alphabetic);
    let unit = match &word[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(format!("`{word}` is no time such as 20ms, 1.8s, 5m, 2h or 1d")),
    };
    let value: f64 = digits.parse().map_err(|_| format!("`{word}` is no time"))?;
    Ok(Duration::from_millis((value * unit * 1000.0).round() as u64))
}

/// A time as it stands in outcomes: whole milliseconds below a second, else seconds.
pub(crate) fn shown(time: Duration) -> String {
    let ms = time.as_millis();
    match (ms / 1000, ms % 1000) {
        (0, 1..) => format!("{ms}ms"),
        (seconds, 0) => format!("{seconds}s"),
        (seconds, ms) => format!("{seconds}.{}s", format!("{ms:03}").trim_end_matches('0')),
    }
}
