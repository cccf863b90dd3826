//! The limits table as text.

use std::fmt;

use super::{Limit, TABLE};

/// Prints [`TABLE`] as Markdown.
#[derive(Debug, Clone, Copy)]
pub struct Table;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| key or bound | default | smallest | largest | unit | why |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for limit in TABLE {
            let Limit {
                key,
                default,
                min,
                max,
                unit,
                why,
            } = limit;
            if limit.is_fixed() {
                writeln!(
                    f,
                    "| {key} | {default} | fixed | fixed | {} | {why} |",
                    unit.as_str()
                )?;
            } else {
                writeln!(
                    f,
                    "| `{key}` | {default} | {min} | {max} | {} | {why} |",
                    unit.as_str()
                )?;
            }
        }
        Ok(())
    }
}
