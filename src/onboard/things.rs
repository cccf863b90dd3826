//! Everything that can be made for a device, by the word that stands for it in a URL.

use super::{Artefact, Facts, Unfit, android, apple, browsers, dhcp, linux, macos, reach, stamps, windows};

/// Something that can be made for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Thing {
    /// Apple's configuration profile.
    Apple,
    /// The script for Windows.
    Windows,
    /// What undoes it.
    WindowsUndo,
    /// The script for Linux.
    Linux,
    /// What undoes it.
    LinuxUndo,
    /// The lines for a Mac without a profile.
    Mac,
    /// What undoes them.
    MacUndo,
    /// The host name for Android's private DNS.
    Android,
    /// The link that AdGuard opens.
    AdGuard,
    /// Policies for Firefox.
    Firefox,
    /// The template for Chrome.
    Chrome,
    /// Policies for Chrome.
    ChromePolicy,
    /// Lines for a hosts file.
    Hosts,
    /// Values for DHCP.
    Dhcp,
    /// The certificate of our own authority.
    Authority,
    /// The server's address.
    Address,
    /// What a client of DNS over TLS is told.
    Dot,
    /// What a client of DNS over HTTPS is told.
    Doh,
    /// What a client of DNS over QUIC is told.
    Doq,
    /// A DNS stamp.
    Stamp,
}

impl Thing {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Apple,
        Self::Windows,
        Self::WindowsUndo,
        Self::Linux,
        Self::LinuxUndo,
        Self::Mac,
        Self::MacUndo,
        Self::Android,
        Self::AdGuard,
        Self::Firefox,
        Self::Chrome,
        Self::ChromePolicy,
        Self::Hosts,
        Self::Dhcp,
        Self::Authority,
        Self::Address,
        Self::Dot,
        Self::Doh,
        Self::Doq,
        Self::Stamp,
    ];

    /// Its word in a path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apple => "apple",
            Self::Windows => "windows",
            Self::WindowsUndo => "windows-undo",
            Self::Linux => "linux",
            Self::LinuxUndo => "linux-undo",
            Self::Mac => "mac",
            Self::MacUndo => "mac-undo",
            Self::Android => "android",
            Self::AdGuard => "adguard",
            Self::Firefox => "firefox",
            Self::Chrome => "chrome",
            Self::ChromePolicy => "chrome-policy",
            Self::Hosts => "hosts",
            Self::Dhcp => "dhcp",
            Self::Authority => "authority",
            Self::Address => "address",
            Self::Dot => "dot",
            Self::Doh => "doh",
            Self::Doq => "doq",
            Self::Stamp => "stamp",
        }
    }

    /// The thing with that word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|thing| thing.as_str() == word)
    }
}

/// Makes it.
///
/// # Errors
/// Why it cannot be made.
pub fn make(thing: Thing, facts: &Facts) -> Result<Artefact, Unfit> {
    let line = |line: String| android::text(facts, &line);
    match thing {
        Thing::Apple => apple::any(facts),
        Thing::Windows => windows::script(facts),
        Thing::WindowsUndo => windows::undo(facts),
        Thing::Linux => linux::script(facts),
        Thing::LinuxUndo => linux::undo(facts),
        Thing::Mac => macos::lines(facts),
        Thing::MacUndo => macos::undo(facts),
        Thing::Android => android::private_dns(facts).map(line),
        Thing::AdGuard => android::adguard(facts).map(line),
        Thing::Firefox => browsers::firefox(facts),
        Thing::Chrome => browsers::chrome(facts).map(line),
        Thing::ChromePolicy => browsers::chrome_policy(facts),
        Thing::Hosts => linux::hosts(facts),
        Thing::Dhcp => dhcp::values(facts),
        Thing::Authority => authority(facts),
        Thing::Address => {
            let (ip, port) = (
                *facts.addresses()?.first().ok_or(Unfit::NoAddress)?,
                facts.plain_port()?,
            );
            Ok(line(reach::plain_address(ip, port)))
        }
        Thing::Dot => facts.dot().map(line),
        Thing::Doh => facts.doh_url().map(line),
        Thing::Doq => facts.doq().map(line),
        Thing::Stamp => {
            let stamps = stamps::stamps(facts)?;
            let (_, best) = stamps.into_iter().next().ok_or(Unfit::NoListener("DNS"))?;
            Ok(line(best))
        }
    }
}

fn authority(facts: &Facts) -> Result<Artefact, Unfit> {
    let der = facts.authority()?.ok_or(Unfit::NoAuthority)?;
    Ok(Artefact {
        file: browsers::FIREFOX_AUTHORITY.to_owned(),
        media_type: "application/x-x509-ca-cert",
        bytes: der.to_vec(),
    })
}
