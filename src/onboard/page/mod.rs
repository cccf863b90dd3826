//! The page that an invite leads to: one HTML document without anything of others, readable without its script, on a
//! phone, in print and in two languages.
//!
//! In this order: whether it works already (the live check), one button for the system of this browser, what that
//! system will ask, how to undo it, then all other systems folded. A button is a form that is posted, because a preview
//! of a link, a prefetch or a reload must not use up an invite; where the device is known already ([`Facts`] with a
//! token) the things themselves stand in its place.
//!
//! [`words`] is what the page says, `ways` what it offers on which system, [`platform`] what a `User-Agent` tells,
//! [`path`] what its URLs mean. What anybody but the authors of this code has chosen is escaped by `template`.

pub mod path;
pub mod platform;
pub(super) mod template;
mod ways;
pub mod words;

use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use data_encoding::BASE64;
use ring::digest::{SHA256, digest};

use super::qr::Qr;
use super::{Facts, Server};
use crate::message::Name;
use platform::{Browser, Platform};
use template::Values;
pub use ways::{android, file_of};
use words::Language;

/// The frame of every page.
const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What an invite leads to. Its code is not printed for debugging.
#[derive(Clone)]
pub struct Page<'a> {
    /// The server, and the device: with its token once the invite was redeemed.
    pub facts: &'a Facts,
    /// Code of the invite.
    pub code: &'a str,
    /// When the invite ends, for people; none where that is of no interest any more.
    pub until: Option<&'a str>,
    /// Where this page is: `http://192.168.1.10`; none where that is not known.
    pub origin: Option<&'a str>,
    /// Language of the page.
    pub language: Language,
    /// The system whose steps come first.
    pub platform: Platform,
    /// What the page was asked for with.
    pub browser: Browser,
    /// The live check; none where the server has no name.
    pub check: Option<Check<'a>>,
    /// Those of the zones that a Matrix server is in.
    pub matrix: &'a [Name],
}

impl fmt::Debug for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("facts", &self.facts)
            .field("language", &self.language)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

/// The live check of one page: it makes the browser look up a name below `zone` that bears the nonce.
#[derive(Debug, Clone)]
pub struct Check<'a> {
    /// What this page is known by.
    pub nonce: &'a str,
    /// `check.dns.home.example`, without a dot at its end.
    pub zone: &'a str,
    /// What is known so far.
    pub verdict: Verdict,
    /// The page was loaded again by itself to see what came of it: for browsers without scripts.
    pub is_second: bool,
}

/// How a browser's question came, if it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not yet; there is still time.
    Waiting,
    /// From the device itself, encrypted, by this protocol.
    Encrypted(&'static str),
    /// From the device itself, not encrypted.
    Plain,
    /// From another address, which is a router or another server that asks for the device. The protocol, where it is
    /// an encrypted one.
    Router(IpAddr, Option<&'static str>),
    /// From an address of the other IP version: a router, or the device by its other address.
    Unsure(IpAddr, Option<&'static str>),
    /// Not at all: the browser asks somebody else.
    Bypassed,
}

/// A page that stands in the place of an invite's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The code is unknown, used up or over.
    BadCode,
    /// Too many wrong codes came from there: for so many minutes none is looked at.
    Wait(u32),
    /// The client is none that may ask us.
    Away,
    /// The device's token is no longer taken.
    Gone,
    /// Who is invited cannot be read.
    Broken,
    /// No code is given: it can be typed.
    Enter,
}

/// Value of `Content-Security-Policy` for every page. `check` is the zone of the live check.
#[must_use]
pub fn policy(check: Option<&str>) -> String {
    static HASHES: LazyLock<[String; 2]> = LazyLock::new(|| {
        [STYLE, SCRIPT].map(|text| BASE64.encode(digest(&SHA256, text.as_bytes()).as_ref()))
    });
    let [style, script] = &*HASHES;
    let image = check.map_or(String::new(), |zone| format!(" *.{zone}"));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; connect-src 'self'; \
         img-src data:{image}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

impl Page<'_> {
    /// The page as HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let values = self.values();
        let mut body = values.fill("<h1>{head}</h1><p>{lead}</p>");
        body.push_str(&self.check_box(&values));
        body.push_str(&ways::first(self, &values));
        body.push_str(&ways::others(self, &values));
        for zone in self.matrix {
            body.push_str(&matrix(
                &values,
                zone,
                "<section class=\"card last\"><h2>{matrix-head}</h2>",
                "</section>",
            ));
        }
        body.push_str("<footer>");
        if let Some(until) = self.until {
            let mut values = values.clone();
            body.push_str(&values.text("until", until).fill("<p>{ends}</p>"));
        }
        body.push_str(&values.fill("<p>{sees}</p>"));
        if self.facts.device.token.is_some() {
            body.push_str(&values.fill("<p>{secret}</p>"));
        } else if let Some(origin) = self.origin
            && let url = format!("{origin}/i/{}", self.code)
            && let Ok(qr) = Qr::new(&url)
        {
            let mut values = values.clone();
            values.html("qr", qr.svg()).text("url", url);
            body.push_str(
                &values.fill("<div class=\"qr\"><p>{phone}</p>{qr}<p><code>{url}</code></p></div>"),
            );
        }
        body.push_str("</footer>");
        let refresh = self.check.as_ref().map_or(String::new(), |check| {
            // Only where no script runs, and only once.
            let mut values = values.clone();
            values.text("nonce", check.nonce);
            match check.is_second {
                true => String::new(),
                false => values.fill(
                    "<noscript><meta http-equiv=\"refresh\" content=\"4;url={here}l={lang}&amp;n={nonce}\"></noscript>",
                ),
            }
        });
        frame(values, &refresh, body)
    }

    fn values(&self) -> Values {
        let words = match self.language {
            Language::English => |name: &str| Language::English.word(name),
            Language::Chinese => |name: &str| Language::Chinese.word(name),
        };
        let mut values = Values::new(words);
        let server = &self.facts.server;
        values
            .text("lang", self.language.tag())
            .text("other-tag", self.language.other().tag())
            .text("device", &self.facts.device.name)
            .text("server", shown(server))
            .text("here", format!("{}?p={}&", self.base(), self.platform.as_str()))
            .text("base", self.base())
            .html("zones", self.zones());
        let way = ways::Way::of(self.platform, self.facts);
        let lead = match self.facts.device.scope {
            super::Scope::Zones if way == ways::Way::HostName => "{lead-android}",
            super::Scope::Zones => "{lead-zones}",
            super::Scope::Everything => "{lead-all}",
        };
        let lead = values.fill(lead);
        values.html("lead", lead);
        values
    }

    /// Path of this page.
    fn base(&self) -> String {
        match &self.facts.device.token {
            Some(token) => format!("/i/{}/{token}", self.code),
            None => format!("/i/{}", self.code),
        }
    }

    fn zones(&self) -> String {
        let and = match self.language {
            Language::English => ", ",
            Language::Chinese => "、",
        };
        let mut zones = String::new();
        for zone in &self.facts.server.zones {
            if !zones.is_empty() {
                zones.push_str(and);
            }
            template::escape(&mut zones, &plain_name(zone));
        }
        zones
    }

    fn check_box(&self, values: &Values) -> String {
        let mut values = values.clone();
        let Some(check) = &self.check else {
            return values.fill("<section class=\"card\"><p>{no-check}</p></section>");
        };
        let [class, head, text] = check.verdict.texts(&values);
        let hint = match self.browser {
            Browser::Firefox => "{hint-firefox}",
            Browser::Chrome => "{hint-chrome}",
            Browser::Safari | Browser::OtherOnIos => "{hint-safari}",
            Browser::Other => "{hint-other}",
        };
        let mut hint = values.fill(hint);
        if self.platform == Platform::Android {
            hint.push_str(&values.fill("</p><p>{hint-android}"));
        }
        let then: String = self
            .matrix
            .iter()
            .map(|zone| matrix(&values, zone, "", ""))
            .collect();
        values
            .text("nonce", check.nonce)
            .text("zone", check.zone)
            .html("class", class)
            .html("check-head", head)
            .html("check-text", text)
            .html("hint", hint)
            .html("then", then);
        let probe = match check.is_second {
            true => "<noscript><p class=\"soft\"><a href=\"{here}l={lang}\">{again}</a></p></noscript>",
            false => {
                "<noscript><img src=\"//0.{nonce}.{zone}/\" alt=\"\" width=\"1\" height=\"1\"></noscript>"
            }
        };
        values.fill(
            "<section class=\"card {class}\" id=\"check\" data-n=\"{nonce}\" data-z=\"{zone}\" aria-live=\"polite\"><i></i>\
             <h2>{check-head}</h2><p>{check-text}</p><details class=\"hint\"><summary>{hint-head}</summary><p>{hint}</p>\
             </details><div class=\"then\">{then}</div>",
        ) + &values.fill(probe)
            + "</section>"
    }
}

impl Verdict {
    /// What the script of the page is told: a class, a headline and a sentence, a line each; `wait` while there is
    /// nothing to tell.
    #[must_use]
    pub fn told(self, language: Language, server: &Server) -> String {
        if self == Self::Waiting {
            return "wait".to_owned();
        }
        let words = match language {
            Language::English => |name: &str| Language::English.word(name),
            Language::Chinese => |name: &str| Language::Chinese.word(name),
        };
        let mut values = Values::new(words);
        // The script sets text and no HTML.
        values.html("server", shown(server));
        self.texts(&values).join("\n")
    }

    fn texts(self, values: &Values) -> [String; 3] {
        let mut values = values.clone();
        let (class, head, text) = match self {
            Self::Waiting => ("wait", "{wait-head}", "{wait}"),
            Self::Encrypted(by) => {
                values.html("by", by.to_owned());
                ("good", "{good-head}", "{good-encrypted}")
            }
            Self::Plain => ("good", "{good-head}", "{good-plain}"),
            Self::Router(addr, by) | Self::Unsure(addr, by) => {
                let by = by.map_or_else(|| values.fill("{unencrypted}"), ToOwned::to_owned);
                values.html("addr", addr.to_string()).html("by", by);
                match self {
                    Self::Router(..) => ("good", "{good-head}", "{good-router}"),
                    _ => ("good", "{good-head}", "{good-unsure}"),
                }
            }
            Self::Bypassed => ("bad", "{bad-head}", "{bad}"),
        };
        [class.to_owned(), values.fill(head), values.fill(text)]
    }
}

impl Notice {
    /// The page as HTML.
    #[must_use]
    pub fn html(self, language: Language) -> String {
        let words = match language {
            Language::English => |name: &str| Language::English.word(name),
            Language::Chinese => |name: &str| Language::Chinese.word(name),
        };
        let mut values = Values::new(words);
        values
            .text("lang", language.tag())
            .text("other-tag", language.other().tag())
            .text("here", "?");
        let form = "<form action=\"/i\" class=\"card\"><label for=\"c\">{enter}</label><input id=\"c\" name=\"c\" \
                    required maxlength=\"24\" autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\">\
                    <button class=\"go\">{enter-go}</button></form>";
        let (title, text) = match self {
            Self::BadCode => (
                "{bad-code-title}",
                "<p>{bad-code}</p><pre>dnsctl invite NAME</pre>",
            ),
            Self::Wait(minutes) => {
                values.text("minutes", minutes);
                ("{wait-title}", "<p>{wait-long}</p>")
            }
            Self::Away => ("{away-title}", "<p>{away}</p>"),
            Self::Gone => ("{gone-title}", "<p>{gone}</p><pre>dnsctl invite NAME</pre>"),
            Self::Broken => ("{broken-title}", "<p>{broken}</p>"),
            Self::Enter => ("{enter-title}", ""),
        };
        let title = values.fill(title);
        values.html("title", title);
        let mut body = values.fill("<h1>{title}</h1>") + &values.fill(text);
        if matches!(self, Self::BadCode | Self::Enter) {
            body.push_str(&values.fill(form));
        }
        frame(values, "", body)
    }
}

fn frame(mut values: Values, refresh: &str, body: String) -> String {
    values
        .html("refresh", refresh.to_owned())
        .html("style", STYLE.to_owned())
        .html("script", format!("<script>{SCRIPT}</script>"))
        .html("body", body);
    values.fill(PAGE)
}

/// The button that opens Element with the server filled in.
fn matrix(values: &Values, zone: &Name, before: &str, behind: &str) -> String {
    let mut values = values.clone();
    values
        .text("zone", plain_name(zone))
        .text("provider", in_url(&plain_name(zone)));
    let button = "<p class=\"soft\">{matrix}</p><a class=\"go\" rel=\"noreferrer\" \
                  href=\"https://mobile.element.io/element/?account_provider={provider}\">{matrix-go}</a>";
    values.fill(before) + &values.fill(button) + behind
}

/// The server as people know it.
fn shown(server: &Server) -> String {
    match (&server.name, server.addresses.first()) {
        (_, Some(address)) => address.to_string(),
        (Some(name), None) => plain_name(name),
        (None, None) => "HearthDNS".to_owned(),
    }
}

/// A name as people write it, without the dot at its end.
fn plain_name(name: &Name) -> String {
    let text = name.to_string();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(text) => text.to_owned(),
    }
}

/// A text for a URL's query: everything but what RFC 3986, 2.3 leaves alone as `%XX`.
pub(super) fn in_url(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests;
