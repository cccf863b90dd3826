//! Requests and answers about devices and invites.

use super::words::words;

words! {
    /// A device to invite.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Invite {
        /// Its name; a device of that name that is there gets another invite.
        pub name: String,
        /// It is to ask this server for all names, and not only for those of our zones.
        pub all: bool = optional,
        /// For how many seconds the invite is good; a day where none is given.
        pub ttl: Option<u32>,
        /// How often it can be used; once where nothing is given.
        pub uses: Option<u32>,
    }

    /// A device that is there.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct DeviceWords {
        /// Its name.
        pub name: String,
    }

    /// An invite. What stands here is for the invited only: no program may log it.
    #[derive(Clone, Default, PartialEq, Eq)]
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
        pub url: Option<String>,
        /// Until when the invite is good, `2027-01-01T12:30:00Z`.
        pub expires: String,
        /// How often it can be used.
        pub uses: u32,
        /// The device's token.
        pub token: String,
        /// Where the device asks, with its token, for those who set it up by hand.
        pub endpoints: Vec<String> = lenient,
        /// What the page offers Android: `host-name`, or nothing, for want of a certificate that it knows
        /// (`no-certificate`), or because the server does not answer it elsewhere (`not-abroad`).
        pub android: String = optional,
    }
}

impl std::fmt::Debug for Invited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invited")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

words! {
    /// All devices.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Devices {
        /// By name.
        pub devices: Vec<DeviceStatus>,
    }
}

words! {
    /// How it stands with a device.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub enum DeviceState {
        /// Its token is taken, and was never used.
        #[default]
        Invited as "invited",
        /// Its token is taken, and was used.
        Active as "active",
        /// Its token is not taken any more.
        Revoked as "revoked",
    }
}

words! {
    /// One device.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
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
        pub revoked: Option<String>,
        /// When it asked something last.
        pub seen: Option<String>,
        /// Over what: `tls`, `https`, `quic` or `h3`.
        pub transport: Option<String>,
        /// How many invites for it are open.
        pub invites: u64,
    }

    /// A device whose token is not taken any more.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Revoked {
        /// Its name.
        pub name: String,
    }
}
