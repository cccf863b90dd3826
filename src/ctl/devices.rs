//! Devices and invites as text for people.

use std::fmt::Write as _;

use super::output::{Printed, counted, table};
use crate::control::types::{DeviceState, DeviceStatus, Devices, Invited, Revoked};

pub(super) fn print_invited(invited: &Invited, printed: &mut Printed) {
    let out = &mut printed.out;
    let what = if invited.new { "new device" } else { "device" };
    let _ = writeln!(
        out,
        "invited the {what} {}, for {}",
        invited.name,
        names_of(&invited.scope)
    );
    if let Some(url) = &invited.url {
        let _ = writeln!(out, "  open  {url}");
    }
    let _ = writeln!(
        out,
        "  code  {}, good until {} for {}",
        invited.code,
        invited.expires,
        counted(u64::from(invited.uses), "use")
    );
    if !invited.endpoints.is_empty() {
        out.push_str("by hand, instead of the code:\n");
        for endpoint in &invited.endpoints {
            let _ = writeln!(out, "  {endpoint}");
        }
    }
    if invited.url.is_none() && invited.endpoints.is_empty() {
        printed.err.push_str(
            "note: no listener takes tokens yet: set `name` and an encrypted listener in the configuration\n",
        );
    }
}

pub(super) fn print_devices(all: &Devices, printed: &mut Printed) {
    if all.devices.is_empty() {
        printed
            .err
            .push_str("there is no device yet; invite one with `dnsctl invite NAME`\n");
        return;
    }
    let head = ["NAME", "NAMES", "CREATED", "SEEN", "OVER", "STATE"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for device in &all.devices {
        let dash = || "-".to_owned();
        rows.push(vec![
            device.name.clone(),
            names_of(&device.scope).to_owned(),
            device.created.clone(),
            device.seen.clone().unwrap_or_else(dash),
            device.transport.clone().unwrap_or_else(dash),
            state_of(device),
        ]);
    }
    printed.out = table(&rows);
}

fn state_of(device: &DeviceStatus) -> String {
    let state = match (device.state, &device.revoked) {
        (DeviceState::Revoked, Some(since)) => return format!("revoked since {since}"),
        (DeviceState::Revoked, None) => "revoked",
        (DeviceState::Invited, _) => "invited",
        (DeviceState::Active, _) => "active",
    };
    match device.invites {
        0 => state.to_owned(),
        open => format!("{state}, {} open", counted(open, "invite")),
    }
}

pub(super) fn print_revoked(revoked: &Revoked, printed: &mut Printed) {
    let _ = writeln!(
        printed.out,
        "revoked the device {}: its token is refused from now on",
        revoked.name
    );
}

/// A scope in words.
fn names_of(scope: &str) -> &str {
    match scope {
        "zones" => "our zones",
        "everything" => "all names",
        other => other,
    }
}
