//! Bounds of the certificates that we make or have made: their lifetimes, and what an authority may make us do.

use super::{Limit, Unit};

/// Lifetime of a certificate of our own.
pub const OWN_DAYS: Limit = Limit::fixed(
    "lifetime of a certificate of our own authority",
    397,
    Unit::Days,
    "some systems take none that lives longer",
);
/// How much earlier than now a certificate of our own begins.
pub const OWN_BACKDATED: Limit = Limit::fixed(
    "certificate of our own begins so long ago",
    2,
    Unit::Days,
    "clocks of devices are behind now and then",
);
/// Lifetime of our own authority.
pub const AUTHORITY_DAYS: Limit = Limit::fixed(
    "lifetime of our own authority",
    7305,
    Unit::Days,
    "20 years: a new one must be given to each device by hand",
);
/// Names in the constraint of our own authority.
pub const AUTHORITY_NAMES: Limit = Limit::fixed(
    "names that our own authority may sign for",
    64,
    Unit::Count,
    "the server's and its zones; clients read all of them at each handshake",
);

/// Names of one certificate that is ordered.
pub const ACME_NAMES: Limit = Limit::fixed(
    "names in `certificate.acme.names`",
    16,
    Unit::Count,
    "each is proved by itself",
);
/// Proofs that an authority may want for one order.
pub const ACME_AUTHORIZATIONS: Limit = Limit::fixed(
    "proofs for one ordered certificate",
    16,
    Unit::Count,
    "one for each name",
);
/// Challenges of one proof that are looked at.
pub const ACME_CHALLENGES: Limit = Limit::fixed(
    "challenges of an ACME server that are looked at",
    16,
    Unit::Count,
    "there are four kinds",
);
/// Certificates in a chain that is fetched.
pub const ACME_CHAIN: Limit = Limit::fixed(
    "certificates in an ordered chain",
    8,
    Unit::Count,
    "two or three are usual",
);
/// Tries of one request to an authority.
pub const ACME_NONCES: Limit = Limit::fixed(
    "nonces that an ACME server may refuse in a row",
    5,
    Unit::Count,
    "RFC 8555, 6.5: each refusal brings a new one",
);
/// Looks at whether an authority is done.
pub const ACME_POLLS: Limit = Limit::fixed(
    "looks at whether an ACME server is done",
    60,
    Unit::Count,
    "a quarter of an hour; most need seconds",
);
/// Shortest time between two looks.
pub const ACME_POLL: Limit = Limit::fixed(
    "shortest time between two looks at an ACME server",
    1,
    Unit::Seconds,
    "its own word is kept to where it is longer",
);
/// Longest time between two looks.
pub const ACME_LONGEST_POLL: Limit = Limit::fixed(
    "longest time between two looks at an ACME server",
    15,
    Unit::Seconds,
    "an order must not hang on a word of the server",
);
/// Time between two looks at public DNS.
pub const ACME_LOOK: Limit = Limit::fixed(
    "time between two looks whether public DNS shows a record",
    10,
    Unit::Seconds,
    "in the first minutes",
);
/// Time between two looks at public DNS later on.
pub const ACME_PATIENT_LOOK: Limit = Limit::fixed(
    "time between two later looks whether public DNS shows a record",
    300,
    Unit::Seconds,
    "a person may need days; `dnsctl certificate renew` looks at once",
);
/// Time for a record to appear that a program has added.
pub const ACME_SPREAD: Limit = Limit::fixed(
    "time for public DNS to show a record that a program added",
    600,
    Unit::Seconds,
    "longer than most providers take",
);
/// Time for a record to appear that a person adds.
pub const ACME_PERSON: Limit = Limit::fixed(
    "time for public DNS to show a record that a person adds",
    6,
    Unit::Days,
    "authorities keep an order for a week",
);
/// Wait after the first failure.
pub const ACME_RETRY: Limit = Limit::fixed(
    "wait after a first failed order",
    600,
    Unit::Seconds,
    "three times as long after each further one; failed proofs are limited to a few an hour",
);
/// Longest wait after a failure.
pub const ACME_LONGEST_RETRY: Limit = Limit::fixed(
    "longest wait after a failed order",
    86400,
    Unit::Seconds,
    "a certificate is renewed while a third of its life is left",
);
/// Longest wait that an authority may ask for.
pub const ACME_LONGEST_WAIT: Limit = Limit::fixed(
    "longest wait that an ACME server may ask for",
    7,
    Unit::Days,
    "the longest of its limits",
);
/// Time between two looks at when an authority would have a certificate renewed.
pub const ACME_SUGGESTION: Limit = Limit::fixed(
    "time between two looks at when an ACME server suggests to renew",
    6,
    Unit::Hours,
    "RFC 9773, 4.3.3; where it does not say itself",
);
/// The shortest that it may ask for.
pub const ACME_SOONEST_SUGGESTION: Limit = Limit::fixed(
    "shortest time between two such looks",
    60,
    Unit::Seconds,
    "RFC 9773, 4.3.2; also after a first look that failed",
);
/// The longest.
pub const ACME_LATEST_SUGGESTION: Limit = Limit::fixed(
    "longest time between two such looks",
    86400,
    Unit::Seconds,
    "RFC 9773, 4.3.2; also before the first look for a new certificate",
);
/// Looks that fail in a row.
pub const ACME_QUICK_SUGGESTIONS: Limit = Limit::fixed(
    "such looks that fail in a row",
    3,
    Unit::Count,
    "each waits four times as long as the one before, then it is left alone for hours",
);
/// Text of a time in what it suggests.
pub const ACME_MOMENT: Limit = Limit::fixed(
    "text of a time of an ACME server",
    40,
    Unit::Bytes,
    "RFC 3339 with nanoseconds and an offset has 35",
);
/// The file with the key of an account on an authority's site.
pub const ACME_EAB_KEY: Limit = Limit::fixed(
    "file with the key of an external account",
    4096,
    Unit::Bytes,
    "keys have some 32 to 64 bytes",
);
/// Text of an authority's in a message.
pub const ACME_TEXT: Limit = Limit::fixed(
    "text of an ACME server in a message",
    500,
    Unit::Bytes,
    "they are sentences",
);
/// An authority's reply.
pub const ACME_BODY: Limit = Limit::fixed(
    "reply of an ACME server",
    65536,
    Unit::Bytes,
    "a long chain has ten thousand",
);
/// Time for a request to an authority.
pub const ACME_REQUEST: Limit = Limit::fixed(
    "time for a request to an ACME server",
    30,
    Unit::Seconds,
    "with the connection; they are far away and busy",
);
/// Time for the program that adds a record.
pub const ACME_HOOK: Limit = Limit::fixed(
    "time for the hook of `certificate.acme`",
    120,
    Unit::Seconds,
    "it speaks to the API of a provider",
);
/// What is read of what that program says.
pub const ACME_HOOK_TEXT: Limit = Limit::fixed(
    "text of the hook of `certificate.acme`",
    4096,
    Unit::Bytes,
    "it is shown on one line",
);

/// What stands here, for the table.
pub(super) const CERTIFICATES: &[Limit] = &[
    OWN_DAYS,
    OWN_BACKDATED,
    AUTHORITY_DAYS,
    AUTHORITY_NAMES,
    ACME_NAMES,
    ACME_AUTHORIZATIONS,
    ACME_CHALLENGES,
    ACME_CHAIN,
    ACME_NONCES,
    ACME_POLLS,
    ACME_POLL,
    ACME_LONGEST_POLL,
    ACME_LOOK,
    ACME_PATIENT_LOOK,
    ACME_SPREAD,
    ACME_PERSON,
    ACME_RETRY,
    ACME_LONGEST_RETRY,
    ACME_LONGEST_WAIT,
    ACME_SUGGESTION,
    ACME_SOONEST_SUGGESTION,
    ACME_LATEST_SUGGESTION,
    ACME_QUICK_SUGGESTIONS,
    ACME_MOMENT,
    ACME_EAB_KEY,
    ACME_TEXT,
    ACME_BODY,
    ACME_REQUEST,
    ACME_HOOK,
    ACME_HOOK_TEXT,
];
