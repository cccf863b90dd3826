//! Bounds of `dnsctl matrix doctor`: how long it looks, how far it follows, how much it reads.

use super::{Limit, Unit};

/// Time for one step.
pub const DOCTOR_STEP: Limit = Limit::fixed(
    "time for a step of `dnsctl matrix doctor`",
    5,
    Unit::Seconds,
    "a connection that takes longer is dead to clients too; --step chooses from 1 to 60",
);
/// Time for all steps.
pub const DOCTOR_TIME: Limit = Limit::fixed(
    "time for all of `dnsctl matrix doctor`",
    60,
    Unit::Seconds,
    "what comes too late is told as not looked at; --time chooses from 1 to 600",
);
/// Bytes of a body.
pub const DOCTOR_BODY: Limit = Limit::fixed(
    "bytes of a reply that `dnsctl matrix doctor` reads",
    65_536,
    Unit::Bytes,
    "keys and versions of a homeserver have some hundred",
);
/// Bytes of `.well-known/matrix/server`.
pub const DOCTOR_WELL_KNOWN: Limit = Limit::fixed(
    "bytes of .well-known/matrix/server",
    51_200,
    Unit::Bytes,
    "homeservers read no more (Synapse: 50 KiB)",
);
/// Redirects that are followed.
pub const DOCTOR_REDIRECTS: Limit = Limit::fixed(
    "redirects that `dnsctl matrix doctor` follows",
    5,
    Unit::Count,
    "as many as homeservers follow; each goes through the same check of its address",
);
/// Addresses that are tried.
pub const DOCTOR_ADDRESSES: Limit = Limit::fixed(
    "addresses that `dnsctl matrix doctor` tries for a leg of the way",
    8,
    Unit::Count,
    "a homeserver has one or two",
);
/// Nameservers that are asked.
pub const DOCTOR_NAMESERVERS: Limit = Limit::fixed(
    "nameservers of resolv.conf that `dnsctl matrix doctor` asks",
    3,
    Unit::Count,
    "glibc takes no more (resolv.conf(5), MAXNS)",
);

/// Bounds of the doctor, in the order of the table.
pub(super) const DOCTOR: &[Limit] = &[
    DOCTOR_STEP,
    DOCTOR_TIME,
    DOCTOR_BODY,
    DOCTOR_WELL_KNOWN,
    DOCTOR_REDIRECTS,
    DOCTOR_ADDRESSES,
    DOCTOR_NAMESERVERS,
];
