//! The log: a line on stderr for each event, with the time where a person reads along.
//!
//! Written here because the usual printer of events, `tracing-subscriber`, keeps account of spans, which this program has
//! none of: 35 KB of a router's flash. Spans of libraries are passed over, what happens inside them is told all the same.
//! Who wants more of the daemon than lines asks over the control socket ([`super::desk`]).

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::clock::wall;
use crate::config::LogLevel;
use crate::zone::master::civil::write_second;

/// From now on, events of this level and above are printed. What happened before, and a second call, is nowhere.
pub(super) fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // A journal or syslog has its own time stamps; a terminal has none.
    let stamped = io::stderr().is_terminal();
    // Refused only where there is one already, and then that one prints.
    let _ = tracing::subscriber::set_global_default(Log { level, stamped });
}

struct Log {
    level: LevelFilter,
    stamped: bool,
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        if self.stamped {
            line.0.push_str(&write_second(wall()));
            line.0.push(' ');
        }
        let _ = write!(line.0, "{:>5}", event.metadata().level().as_str());
        event.record(&mut line);
        line.0.push('\n');
        // A log that cannot be written is nobody's to tell; and one write for each line, so that lines of threads do not mix.
        let _ = io::stderr().lock().write_all(line.0.as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A line that grows by an event's fields.
struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value:?}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push(' ');
        if field.name() != "message" {
            self.0.push_str(field.name());
            self.0.push('=');
        }
        let _ = write!(Escaped(&mut self.0), "{value:?}");
    }
}

/// Writes control characters by their number: what is told of others must not move the reader's cursor, nor look like a
/// second line. So also those that end a line or turn the order of letters in Unicode.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            let turns =
                matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if letter.is_control() || turns {
                self.0.extend(letter.escape_default());
            } else {
                self.0.push(letter);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    /// What an event is printed as, without its level.
    fn printed(record: impl FnOnce()) -> String {
        use std::sync::{Arc, Mutex};
        #[derive(Clone, Default)]
        struct Keep(Arc<Mutex<String>>);
        impl Subscriber for Keep {
            fn enabled(&self, _: &Metadata<'_>) -> bool {
                true
            }
            fn event(&self, event: &Event<'_>) {
                let mut line = Line(String::new());
                event.record(&mut line);
                *self.0.lock().unwrap() = line.0;
            }
            fn new_span(&self, _: &Attributes<'_>) -> Id {
                Id::from_u64(1)
            }
            fn record(&self, _: &Id, _: &Record<'_>) {}
            fn record_follows_from(&self, _: &Id, _: &Id) {}
            fn enter(&self, _: &Id) {}
            fn exit(&self, _: &Id) {}
        }
        let keep = Keep::default();
        tracing::subscriber::with_default(keep.clone(), record);
        let line = keep.0.lock().unwrap();
        line.clone()
    }

    #[test]
    fn an_event_is_its_message_and_then_its_fields() {
        let why: Box<dyn Error> = "no route".into();
        assert_eq!(
            printed(
                || tracing::warn!(count = 3, name = "a b", why = why.as_ref(), at = %"[::1]:53", "no answer from {}", "upstream")
            ),
            " no answer from upstream count=3 name=\"a b\" why=no route at=[::1]:53"
        );
    }

    #[test]
    fn what_others_say_stays_on_its_line() {
        assert_eq!(
            printed(|| tracing::info!("{} \u{fc}", "a\u{1b}[2J\nERROR b\u{7f}\u{85}")),
            " a\\u{1b}[2J\\nERROR b\\u{7f}\\u{85} \u{fc}"
        );
        assert_eq!(
            printed(|| tracing::info!("{}", "a\u{2028}ERROR \u{202e}b\u{2069}")),
            " a\\u{2028}ERROR \\u{202e}b\\u{2069}"
        );
    }

    #[test]
    fn a_level_holds_what_is_as_grave() {
        for (level, held) in [
            (LevelFilter::OFF, 0),
            (LevelFilter::ERROR, 1),
            (LevelFilter::WARN, 2),
            (LevelFilter::TRACE, 5),
        ] {
            let log = Log {
                level,
                stamped: false,
            };
            let all = [
                tracing::Level::ERROR,
                tracing::Level::WARN,
                tracing::Level::INFO,
                tracing::Level::DEBUG,
                tracing::Level::TRACE,
            ];
            assert_eq!(all.iter().filter(|level| **level <= log.level).count(), held);
            assert_eq!(log.max_level_hint(), Some(level));
        }
    }
}
