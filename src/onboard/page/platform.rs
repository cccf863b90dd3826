//! Which system a browser runs on, as its `User-Agent` says. It is a hint: the page offers every other system too.

/// A system that the page has steps for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// iPhone and iPad.
    Ios,
    /// A Mac, or an iPad, which says that it is a Mac.
    Mac,
    /// Android.
    Android,
    /// Windows.
    Windows,
    /// Linux.
    Linux,
    /// Anything else: the values to type.
    Other,
}

impl Platform {
    /// All of them, in the order in which the page lists them.
    pub const ALL: [Self; 6] = [
        Self::Ios,
        Self::Mac,
        Self::Android,
        Self::Windows,
        Self::Linux,
        Self::Other,
    ];

    /// Its word in a path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Mac => "mac",
            Self::Android => "android",
            Self::Windows => "windows",
            Self::Linux => "linux",
            Self::Other => "other",
        }
    }

    /// The platform with that word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.as_str() == word)
    }

    /// What a `User-Agent` speaks of.
    #[must_use]
    pub fn of_user_agent(agent: &str) -> Self {
        // The order matters: Android says Linux too, and some of Microsoft's phones said everything.
        const SIGNS: [(&str, Platform); 9] = [
            ("Windows", Platform::Windows),
            ("Android", Platform::Android),
            ("iPhone", Platform::Ios),
            ("iPad", Platform::Ios),
            ("iPod", Platform::Ios),
            ("Macintosh", Platform::Mac),
            // ChromeOS takes none of Linux's ways.
            ("CrOS", Platform::Other),
            ("Linux", Platform::Linux),
            ("X11", Platform::Linux),
        ];
        let found = SIGNS.into_iter().find(|(sign, _)| agent.contains(sign));
        found.map_or(Self::Other, |(_, platform)| platform)
    }
}

/// A family of browsers, each with a setting of its own that asks another DNS server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// Firefox on a system where it has an engine of its own.
    Firefox,
    /// Chrome, Edge and their like.
    Chrome,
    /// Safari.
    Safari,
    /// A browser on iOS that is not Safari: it can load a profile, but not have it installed.
    OtherOnIos,
    /// Unknown.
    Other,
}

impl Browser {
    /// What a `User-Agent` speaks of.
    #[must_use]
    pub fn of_user_agent(agent: &str) -> Self {
        if Platform::of_user_agent(agent) == Platform::Ios {
            // Apps that show pages by themselves leave `Safari` out; other browsers name themselves.
            let is_safari = agent.contains("Version/") && agent.contains("Safari/");
            let names = ["CriOS", "FxiOS", "EdgiOS", "OPT/", "DuckDuckGo", "GSA/"];
            return match is_safari && !names.iter().any(|name| agent.contains(name)) {
                true => Self::Safari,
                false => Self::OtherOnIos,
            };
        }
        if agent.contains("Firefox/") {
            Self::Firefox
        } else if agent.contains("Chrome/") {
            Self::Chrome
        } else if agent.contains("Safari/") {
            Self::Safari
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_by_what_they_say() {
        for (agent, platform, browser) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                Platform::Ios,
                Browser::Safari,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138.0.7204.53 Mobile/15E148 Safari/604.1",
                Platform::Ios,
                Browser::OtherOnIos,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
                Platform::Ios,
                Browser::OtherOnIos,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                Platform::Mac,
                Browser::Safari,
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
                Platform::Android,
                Browser::Chrome,
            ),
            (
                "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0",
                Platform::Android,
                Browser::Firefox,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
                Platform::Windows,
                Browser::Chrome,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                Platform::Linux,
                Browser::Firefox,
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 16181.61.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
                Platform::Other,
                Browser::Chrome,
            ),
            ("curl/8.14.1", Platform::Other, Browser::Other),
            ("", Platform::Other, Browser::Other),
        ] {
            assert_eq!(Platform::of_user_agent(agent), platform, "{agent}");
            assert_eq!(Browser::of_user_agent(agent), browser, "{agent}");
        }
    }

    #[test]
    fn every_platform_is_found_by_its_word() {
        for platform in Platform::ALL {
            assert_eq!(Platform::of_word(platform.as_str()), Some(platform));
        }
        assert_eq!(Platform::of_word("Mac"), None);
    }
}
