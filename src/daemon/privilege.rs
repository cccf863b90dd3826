//! `--user`: another user's rights from the first step, and the right to take ports below 1024 until they are taken.
//!
//! Everything that is made while starting (the control socket, files of the state folder) belongs to that user then, and a
//! mistake in reading zones or certificates is made without root's rights. It must come before the first thread: the
//! kernel keeps rights for each thread, and threads inherit them.

use nix::unistd::{User, setgid, setgroups, setuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities, set_no_new_privs,
};

/// Becomes this user for good, but for ports below 1024 and, where that is wanted, the firewall.
///
/// # Errors
/// There is no such user, or we are not root.
pub(super) fn become_user(name: &str, keeps_firewall: bool) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| {
        format!("cannot become the user `{name}` (--user): {error}; start as root")
    };
    let user = User::from_name(name).map_err(|error| told(&error))?;
    let user =
        user.ok_or_else(|| format!("there is no user `{name}`; make it, or name another with --user"))?;
    // Else the change of the user takes every capability away.
    set_keep_capabilities(true).map_err(|error| told(&error))?;
    setgroups(&[user.gid])
        .and_then(|()| setgid(user.gid))
        .and_then(|()| setuid(user.uid))
        .map_err(|error| told(&error))?;
    let firewall = if keeps_firewall {
        CapabilitySet::NET_ADMIN
    } else {
        CapabilitySet::empty()
    };
    keep(CapabilitySet::NET_BIND_SERVICE | firewall).map_err(|error| told(&error))
}

/// Gives up what [`become_user`] has kept, for this thread and those that it starts from here on, and that any program which we run gets more.
///
/// # Errors
/// The kernel refuses, which it has no reason for.
pub(super) fn forget_ports() -> Result<(), String> {
    let told = |error| format!("cannot give up the right to take ports: {error}");
    keep(CapabilitySet::empty())
        .and_then(|()| set_keep_capabilities(false))
        .and_then(|()| set_no_new_privs(true))
        .map_err(told)
}

fn keep(rights: CapabilitySet) -> rustix::io::Result<()> {
    let sets = CapabilitySets {
        effective: rights,
        permitted: rights,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets)
}
