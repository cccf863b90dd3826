//! Where the daemon's socket and files are when the command line does not say: where the daemon itself would
//! have them, its configuration read.

use std::path::{Path, PathBuf};

use crate::cli::{Args, Paths, Settings};
use crate::config::{Config, ListenScheme, limits};
use crate::control::facts::ServerWords;
use crate::control::files::defect_text;
use crate::control::types::{Code, Failure};
use crate::engine::Transport;
use crate::store::{self, StoreSettings};

/// The configuration of the user who runs `dnsctl`, as a daemon started by that user would take it.
pub(super) fn of_user() -> Result<Settings, Failure> {
    let root = rustix::process::geteuid().is_root();
    of(&Paths::for_user(root, |name| {
        std::env::var_os(name).map(PathBuf::from)
    }))
}

/// The socket of the daemon that this host has for everybody.
pub(super) fn control_of_host() -> PathBuf {
    Paths::for_user(true, |_| None).control
}

/// The configuration of the daemon that the system in this folder starts.
#[cfg(feature = "systemd")]
pub(super) fn of_root(folder: &Path) -> Result<Settings, Failure> {
    let mut paths = Paths::for_user(true, |_| None);
    paths.config = folder.join(paths.config.strip_prefix("/").unwrap_or(&paths.config));
    of(&paths)
}

fn of(paths: &Paths) -> Result<Settings, Failure> {
    let text = match std::fs::exists(&paths.config) {
        Ok(false) => None,
        _ => Some(
            store::read_text(&paths.config, MAX_CONFIG)
                .map_err(|error| Failure::new(Code::Io, error.to_string()))?,
        ),
    };
    let file = text.as_deref().map(|text| (paths.config.as_path(), text));
    match Settings::resolve(&Args::default(), file, paths) {
        Ok(settings) => Ok(settings),
        Err(defects) => {
            let message = format!(
                "the configuration `{}` has defects; mend it, or say on whom to work with --control or --zones",
                paths.config.display()
            );
            let mut failure = Failure::new(Code::Refused, message);
            failure.defects = defects.iter().map(defect_text).collect();
            Err(failure)
        }
    }
}

/// Largest configuration in bytes.
const MAX_CONFIG: u64 = limits::CONFIG_BYTES.default;

/// What a daemon with this configuration would be to others: where it would listen.
pub(super) fn server_of(config: &Config) -> ServerWords {
    let listeners = config.listen.iter().map(|listen| {
        let transport = match listen.scheme {
            ListenScheme::Plain => Transport::Udp,
            ListenScheme::Tls => Transport::Tls,
            ListenScheme::Https => Transport::Https,
            ListenScheme::Quic => Transport::Quic,
            ListenScheme::H3 => Transport::H3,
            ListenScheme::Http => Transport::Http,
        };
        (listen.addr, transport)
    });
    ServerWords {
        name: config.name.clone(),
        addresses: config.addresses.clone(),
        listeners: listeners.collect(),
        // The certificate is the daemon's to read.
        trust: "none",
    }
}

/// Settings for work on the files in a folder that was named. Where it is not the configuration's own, every
/// subfolder that can be a view's is taken for one.
pub(super) fn settings_in(zones: &Path, state: Option<&Path>) -> Result<StoreSettings, Failure> {
    let user = of_user();
    let mut settings = match &user {
        Ok(user) if user.file.is_some() && same_folder(&user.config.zones, zones) => {
            StoreSettings::of(&user.config)
        }
        _ => StoreSettings {
            zones: PathBuf::new(),
            state: PathBuf::new(),
            views: view_folders(zones)
                .into_iter()
                .map(|name| (name, Vec::new()))
                .collect(),
            history_versions: limits::HISTORY_VERSIONS.default_usize(),
        },
    };
    settings.zones = zones.to_owned();
    settings.state = match (state, user) {
        (Some(state), _) => state.to_owned(),
        (None, Ok(user)) => user.config.state,
        (None, Err(failure)) => return Err(failure),
    };
    Ok(settings)
}

fn same_folder(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn view_folders(zones: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(zones)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            (1..=32).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
        })
        .collect();
    names.sort();
    names
}
