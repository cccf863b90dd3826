//! `hearthdns uci`: OpenWrt's configuration file becomes the daemon's, or stays as it was and is told why.
//!
//! The new file takes the old one's place in one step, so a daemon that starts at any moment reads a whole one, and a typo
//! in the router's configuration leaves the last good one where it is.

use std::path::Path;

use crate::cli::UciArgs;
use crate::config::limits;
use crate::config::openwrt::record::Record;
use crate::config::openwrt::{self, Coexistence, Situation};
use crate::store;
use crate::zone::Defect;

/// Nameservers that the provider has given the router; OpenWrt links `/var` to its folder in memory.
const PROVIDER: &str = "/var/resolv.conf.d/resolv.conf.auto";
/// There where the kernel speaks IPv6.
const IPV6: &str = "/proc/net/if_inet6";

/// Translates.
///
/// # Errors
/// Every defect; the file at `--out` is untouched then.
pub(super) fn run(args: &UciArgs) -> Result<(), Vec<Defect>> {
    let name = args.input.display().to_string();
    let bytes =
        store::read_bytes(&args.input, limits::UCI_FILE.default).map_err(|why| of_file(&args.input, why))?;
    let (package, extra) = openwrt::parse(&name, &bytes)?;
    let extra = extra.map(|path| read_text(&path).map(|text| (path.display().to_string(), text)));
    let extra = extra.transpose()?;
    let mode = match &args.record {
        Some(path) => recorded(path)?.mode,
        None => Coexistence::of(&package).mode,
    };
    let situation = Situation {
        mode,
        has_ipv6: Path::new(IPV6).exists(),
        has_ntp: has_ntp(&args.input.with_file_name("system")),
        provider: args.provider.clone().unwrap_or_else(|| PROVIDER.into()),
    };
    let extra = extra.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    let yaml = openwrt::translate(&name, &package, extra, &situation)?;
    store::publish(&args.output, yaml.as_bytes()).map_err(|why| of_file(&args.output, why))
}

/// What `dnsctl router-mode` has recorded; nothing where it was never run.
fn recorded(path: &Path) -> Result<Record, Vec<Defect>> {
    if !path.exists() {
        return Ok(Record::default());
    }
    let bytes = store::read_bytes(path, limits::UCI_FILE.default).map_err(|why| of_file(path, why))?;
    Record::read(&bytes).map_err(|error| {
        vec![Defect {
            file: path.display().to_string().into(),
            line: error.place.line,
            column: error.place.column,
            message: error.message,
        }]
    })
}

/// Whether the router asks for the time itself. A file that cannot be read says nothing of it.
fn has_ntp(system: &Path) -> bool {
    let bytes = store::read_bytes(system, limits::UCI_FILE.default).unwrap_or_default();
    openwrt::parse("system", &bytes).is_ok_and(|(package, _)| openwrt::has_ntp(&package))
}

fn read_text(path: &Path) -> Result<String, Vec<Defect>> {
    let text = store::read_text(path, limits::CONFIG_BYTES.default);
    text.map_err(|error| of_file(path, error.to_string()))
}

fn of_file(path: &Path, message: String) -> Vec<Defect> {
    vec![Defect {
        file: path.display().to_string().into(),
        line: 0,
        column: 0,
        message,
    }]
}
