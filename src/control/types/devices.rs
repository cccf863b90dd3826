//! Requests and answers about devices and invites.

use serde::{Deserialize, Serialize};

/// A device to invite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Its name; a device of that name that is there gets another invite.
    pub name: String,
    /// It is to ask this server for all names, and not only for those of our zones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// For how many seconds the invite is good; a day where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// How often it can be used; once where nothing is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
}

/// A device that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceWords {
    /// Its name.
    pub name: String,
}

/// An invite. What stands here is for the invited only: no program may log it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// The device.
    pub name: String,
    /// Whether it was made now, with a token of its own.
    pub new: bool,
    /// `zones` or `everything`: what it is told to ask this server for.
    pub scope: String,
    /// The code to type.
    pub code: String,
    /// Where the code leads; absent where no listener has a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Until when the invite is good, `2027-01-01T12:30:00Z`.
    pub expires: String,
    /// How often it can be used.
    pub uses: u32,
    /// The device's token.
    pub token: String,
    /// Where the device asks, with its token, for those who set it up by hand.
    #[serde(default)]
    pub endpoints: Vec<String>,
    /// What the page offers Android: `host-name`, or nothing, for want of a certificate that it knows
    /// (`no-certificate`), or because the server does not answer it elsewhere (`not-abroad`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub android: String,
}

impl std::fmt::Debug for Invited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invited")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// All devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// By name.
    pub devices: Vec<DeviceStatus>,
}

/// How it stands with a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceState {
    /// Its token is taken, and was never used.
    #[default]
    Invited,
    /// Its token is taken, and was used.
    Active,
    /// Its token is not taken any more.
    Revoked,
}

/// One device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Its name.
    pub name: String,
    /// `zones` or `everything`.
    pub scope: String,
    /// When it was made.
    pub created: String,
    /// How it stands.
    pub state: DeviceState,
    /// When its token ceased to be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
    /// When it asked something last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Over what: `tls`, `https`, `quic` or `h3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// How many invites for it are open.
    pub invites: u64,
}

/// A device whose token is not taken any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Its name.
    pub name: String,
}
