//! The last queries as text for people, once or line by line.

use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use super::output::{Printed, counted, failure_text, table};
use super::{FAILED, Reply, say_to_stdout};
use crate::config::limits;
use crate::control::line::reply_line;
use crate::control::types::{Answer, QueriesSeen, QueriesWords, QuerySeen, Request};

/// How often `--follow` looks.
const EVERY: Duration = limits::QUERIES_FOLLOW.default_time();

/// What stands in the place of a word that there is not.
const NOTHING: &str = "-";
const HEAD: [&str; 7] = ["TIME", "CLIENT", "OVER", "OUTCOME", "RCODE", "TYPE", "NAME"];
/// Widths of the columns where what is to come cannot be measured.
const WIDTHS: [usize; 6] = [20, 15, 5, 9, 8, 5];

pub(super) fn print(seen: &QueriesSeen, printed: &mut Printed) {
    if !seen.queries.is_empty() {
        let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
        rows.extend(seen.queries.iter().map(|query| columns(query).to_vec()));
        printed.out = table(&rows);
    }
    printed.err = match () {
        () if seen.began => format!(
            "queries are remembered from now on, until {} behind the last look; ask again, or use --follow\n",
            counted(u64::from(seen.watch), "second")
        ),
        () if seen.queries.is_empty() => "nothing was asked since\n".to_owned(),
        () => String::new(),
    };
    printed.err += &missed(seen);
}

fn missed(seen: &QueriesSeen) -> String {
    match seen.missed {
        0 => String::new(),
        missed => format!("{} came too fast to be remembered\n", queries(missed)),
    }
}

fn queries(number: u32) -> String {
    match number {
        1 => "1 query".to_owned(),
        more => format!("{more} queries"),
    }
}

fn columns(query: &QuerySeen) -> [String; 7] {
    let or_nothing = |word: &Option<String>| word.clone().unwrap_or_else(|| NOTHING.to_owned());
    [
        query.time.clone(),
        // Where a device shows who it is, its address says less.
        query.device.clone().unwrap_or_else(|| query.client.clone()),
        query.transport.clone(),
        query.outcome.clone(),
        or_nothing(&query.rcode),
        or_nothing(&query.rtype),
        or_nothing(&query.name),
    ]
}

/// Prints queries as they come, until nobody reads any more or the daemon ends. Returns the exit code.
pub(super) fn follow(is_json: bool, ask: impl Fn(&Request) -> Reply) -> u8 {
    let mut after = None;
    loop {
        let reply = ask(&Request::Queries(QueriesWords { after }));
        let Ok(Answer::Queries(seen)) = &reply.result else {
            if is_json {
                say_to_stdout(&reply_line(&reply.result));
            } else if let Err(failure) = &reply.result {
                eprint!("{}", failure_text(failure));
            }
            return if reply.result.is_err() { reply.code } else { FAILED };
        };
        let is_first = after.is_none();
        after = Some(seen.last);
        let text = match is_json {
            // The first one says that there is somebody to follow.
            true if is_first || !seen.queries.is_empty() || seen.missed > 0 => reply_line(&reply.result),
            true => String::new(),
            false => lines(seen, is_first),
        };
        if !say_to_stdout(&text) {
            return 0;
        }
        if !is_json {
            eprint!("{}", missed(seen));
        }
        thread::sleep(EVERY);
    }
}

fn lines(seen: &QueriesSeen, with_head: bool) -> String {
    let mut out = String::new();
    let head = with_head.then(|| HEAD.map(str::to_owned));
    for row in head.into_iter().chain(seen.queries.iter().map(columns)) {
        let [columns @ .., name] = row;
        for (column, width) in columns.iter().zip(WIDTHS) {
            let _ = write!(out, "{column:width$}  ");
        }
        out.push_str(&name);
        out.push('\n');
    }
    out
}
