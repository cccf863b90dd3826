//! What the page offers on which system: a button before the invite is redeemed, the thing itself behind it.

use std::net::IpAddr;

use super::Page;
use super::platform::{Browser, Platform};
use super::template::{Values, escape};
use crate::onboard::quote::shell;
use crate::onboard::things::{self, Thing};
use crate::onboard::{Facts, Trust};

/// How a system is given our names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A profile that the system installs.
    Profile,
    /// A script that is pasted into a shell with the rights of an administrator, and the one that undoes it.
    Script(Thing, Thing),
    /// The same, too long to paste: a line that fetches and runs it.
    Fetched(Thing, Thing),
    /// The host name that Android asks for.
    HostName,
    /// Nothing on the device itself; the words say why.
    None(&'static str),
    /// The values, for whatever takes them.
    Values,
}

impl Way {
    /// The best way for this system that the server's facts allow.
    pub(super) fn of(platform: Platform, facts: &Facts) -> Self {
        let can = |thing: Thing| things::make(thing, facts).is_ok();
        match platform {
            Platform::Ios if can(Thing::Apple) => Self::Profile,
            Platform::Ios => Self::None("{ios-none}"),
            // A Mac does not load a profile whose server has a certificate of our own authority.
            Platform::Mac if facts.server.trust == Trust::Public && can(Thing::Apple) => Self::Profile,
            Platform::Mac if can(Thing::Mac) => Self::Script(Thing::Mac, Thing::MacUndo),
            Platform::Android if facts.server.trust != Trust::Public => {
                Self::None("{android-no-certificate}")
            }
            Platform::Android if can(Thing::Android) && is_reached_everywhere(facts) => Self::HostName,
            Platform::Android => Self::None("{android-not-abroad}"),
            Platform::Windows if can(Thing::Windows) => Self::Script(Thing::Windows, Thing::WindowsUndo),
            Platform::Linux if can(Thing::Linux) => Self::Fetched(Thing::Linux, Thing::LinuxUndo),
            Platform::Mac | Platform::Windows | Platform::Linux => Self::None("{nothing}"),
            Platform::Other => Self::Values,
        }
    }

    /// Whether what is given holds the device's token, and so needs the invite to be redeemed.
    fn is_personal(self) -> bool {
        !matches!(self, Self::None(_) | Self::Script(Thing::Mac, _))
    }
}

/// Whether a phone reaches the server from everywhere: Android asks it for all names wherever it is.
fn is_reached_everywhere(facts: &Facts) -> bool {
    facts.server.addresses.iter().any(|address| match address {
        IpAddr::V4(v4) => {
            // Between a provider and its customers (RFC 6598).
            let shared = matches!(v4.octets(), [100, 64..=127, ..]);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared)
        }
        IpAddr::V6(v6) => v6.segments()[0] >> 13 == 1,
    })
}

/// How the button stands for Android: `host-name`, or what keeps it from there being one: `no-certificate` that it
/// knows, or `not-abroad`, where the server does not answer it.
#[must_use]
pub fn android(facts: &Facts) -> &'static str {
    match Way::of(Platform::Android, facts) {
        Way::HostName => "host-name",
        _ if facts.server.trust != Trust::Public => "no-certificate",
        _ => "not-abroad",
    }
}

/// What leads to the file of a platform at once when its button is pressed: a download that the system takes up.
/// Others are shown on the device's page.
#[must_use]
pub fn file_of(platform: Platform, facts: &Facts) -> Option<Thing> {
    (Way::of(platform, facts) == Way::Profile).then_some(Thing::Apple)
}

/// The section of the system that the page was asked for with.
pub(super) fn first(page: &Page<'_>, values: &Values) -> String {
    let name = page.platform.as_str();
    let inner = section(page, page.platform, values);
    let head =
        format!("<section class=\"card step\"><h2>{{{name}}}</h2><p class=\"soft spare\">{{spare}}</p>");
    values.fill(&head) + &inner + "</section>"
}

/// All others, folded.
pub(super) fn others(page: &Page<'_>, values: &Values) -> String {
    let mut html = values.fill("<section class=\"card others\"><h2>{others}</h2>");
    for platform in Platform::ALL
        .into_iter()
        .filter(|platform| *platform != page.platform)
    {
        let name = platform.as_str();
        html.push_str(&values.fill(&format!("<details><summary>{{{name}}}</summary>")));
        html.push_str(&section(page, platform, values));
        html.push_str("</details>");
    }
    html + "</section>"
}

fn section(page: &Page<'_>, platform: Platform, values: &Values) -> String {
    let way = Way::of(platform, page.facts);
    let is_redeemed = page.facts.device.token.is_some();
    let mut values = values.clone();
    let mut html = String::new();
    values.text("platform", platform.as_str());
    if platform == Platform::Ios && way == Way::Profile && page.browser == Browser::OtherOnIos {
        html.push_str(&values.fill("<p>{ios-safari}</p>"));
    }
    let go = match (way, platform) {
        (Way::Profile, Platform::Ios) => "{ios-go}",
        (Way::Profile, _) => "{mac-go}",
        (Way::Script(..) | Way::Fetched(..), _) => "{shell-go}",
        (Way::HostName, _) => "{android-go}",
        _ => "{more-go}",
    };
    let go = values.fill(go);
    values.html("go", go);
    if way.is_personal() && !is_redeemed {
        html.push_str(&values.fill(BUTTON));
    } else {
        html.push_str(&given(page, way, &values));
    }
    if let Some((asks, undo)) = told(platform, way) {
        let mut steps = values.fill(asks);
        if platform == Platform::Ios && matches!(page.facts.server.trust, Trust::Own(_)) {
            steps.push('|');
            steps.push_str(&values.fill("{ios-ca}"));
        }
        html.push_str(&values.fill("<h3>{asks}</h3><ol>"));
        for step in steps.split('|') {
            html.push_str("<li>");
            html.push_str(step);
            html.push_str("</li>");
        }
        html.push_str(&values.fill("</ol><h3>{undo}</h3>"));
        let is_shown = is_redeemed || !way.is_personal();
        html.push_str(&match way {
            Way::Script(..) | Way::Fetched(..) if !is_shown => values.fill("<p>{undo-later}</p>"),
            Way::Script(_, script) => values.fill(undo) + &pasted(page, script, &values),
            Way::Fetched(_, script) => values.fill(undo) + &fetched(page, script, &values),
            _ => values.fill(undo),
        });
    }
    html
}

/// A form, so that nothing but a person uses up the invite.
const BUTTON: &str = "<form method=\"post\" action=\"{base}/{platform}?l={lang}\">\
                      <button class=\"go\">{go}</button></form>";

/// What it will ask, and how to undo it.
fn told(platform: Platform, way: Way) -> Option<(&'static str, &'static str)> {
    Some(match (way, platform) {
        (Way::Profile, Platform::Ios) => ("{ios-asks}", "<p>{ios-undo}</p>"),
        (Way::Profile, _) => ("{mac-asks}", "<p>{mac-undo}</p>"),
        (Way::Script(..), Platform::Mac) => ("{mac-shell}", "<p>{undo-paste}</p>"),
        (Way::Script(..), Platform::Windows) => ("{windows-asks}", "<p>{undo-paste}</p>"),
        (Way::Script(..) | Way::Fetched(..), _) => ("{linux-asks}", "<p>{undo-paste}</p>"),
        (Way::HostName, _) => ("{android-asks}", "<p>{android-undo}</p>"),
        (Way::None(_) | Way::Values, _) => return None,
    })
}

/// What stands in the place of the button.
fn given(page: &Page<'_>, way: Way, values: &Values) -> String {
    match way {
        Way::Profile => values.fill("<a class=\"go\" href=\"{base}/apple\">{go}</a>"),
        Way::Script(script, _) => pasted(page, script, values),
        Way::Fetched(script, _) => fetched(page, script, values),
        Way::HostName => {
            let mut html = values.fill("<h3>{android-host}</h3>");
            html.push_str(&boxed(&text_of(Thing::Android, page.facts)));
            html + &adguard(page, values)
        }
        Way::None(why) => {
            let mut html = String::from("<p>")
                + &values.fill(why)
                + &values.fill("</p><h3>{instead}</h3><p>{router}</p>");
            if why.starts_with("{android") {
                html.push_str(&adguard(page, values));
            }
            html
        }
        Way::Values => listed(page, values),
    }
}

/// The app AdGuard takes a server from a link.
fn adguard(page: &Page<'_>, values: &Values) -> String {
    let Ok(link) = things::make(Thing::AdGuard, page.facts) else {
        return String::new();
    };
    let mut values = values.clone();
    values.text("link", String::from_utf8_lossy(&link.bytes));
    let html = values.fill("<p>{adguard}</p>");
    if page.facts.device.token.is_some() {
        return html + &values.fill("<a class=\"go\" href=\"{link}\">{adguard-go}</a>");
    }
    let go = values.fill("{adguard-go}");
    values.html("go", go);
    html + &values.fill(BUTTON)
}

/// A script to paste, and as a file.
fn pasted(page: &Page<'_>, script: Thing, values: &Values) -> String {
    let Ok(artefact) = things::make(script, page.facts) else {
        return values.fill("<p>{router}</p>");
    };
    boxed(&String::from_utf8_lossy(&artefact.bytes)) + &download(page, script, values)
}

/// A link to the script, for those who want to read it first.
fn download(page: &Page<'_>, script: Thing, values: &Values) -> String {
    let Ok(artefact) = things::make(script, page.facts) else {
        return String::new();
    };
    if page.facts.device.token.is_none() {
        return String::new();
    }
    let mut values = values.clone();
    values.text("file", artefact.file).text("thing", script.as_str());
    let link = values.fill("<a href=\"{base}/{thing}\">{file}</a>");
    values.html("file", link);
    values.fill("<p class=\"soft\">{download}</p>")
}

/// A line that fetches a script and runs it.
fn fetched(page: &Page<'_>, script: Thing, values: &Values) -> String {
    let mut html = String::new();
    if let Some(origin) = page.origin {
        let url = shell(&format!("{origin}{}/{}", page.base(), script.as_str()));
        html.push_str(&boxed(&format!("curl -fsS {url} | sudo sh")));
    }
    html + &download(page, script, values)
}

/// Everything that can be typed or loaded.
fn listed(page: &Page<'_>, values: &Values) -> String {
    let mut html = String::from("<dl>");
    for (word, thing) in [
        ("{address}", Thing::Address),
        ("{dot}", Thing::Dot),
        ("{doh}", Thing::Doh),
        ("{doq}", Thing::Doq),
        ("{chrome}", Thing::Chrome),
        ("{stamp}", Thing::Stamp),
    ] {
        let text = text_of(thing, page.facts);
        if !text.is_empty() {
            html.push_str(&format!(
                "<dt>{}</dt><dd>{}</dd>",
                values.fill(word),
                boxed(&text)
            ));
        }
    }
    html.push_str("</dl>");
    let files: Vec<String> = [
        ("{for-firefox}", Thing::Firefox),
        ("{for-chrome}", Thing::ChromePolicy),
        ("{for-hosts}", Thing::Hosts),
        ("{for-dhcp}", Thing::Dhcp),
        ("{for-authority}", Thing::Authority),
    ]
    .into_iter()
    .filter_map(|(word, thing)| Some((word, thing, things::make(thing, page.facts).ok()?.file)))
    .map(|(word, thing, file)| {
        let mut values = values.clone();
        values.text("file", file).text("thing", thing.as_str());
        values.fill("<li><a href=\"{base}/{thing}\">{file}</a> <span class=\"soft\">")
            + &values.fill(word)
            + "</span></li>"
    })
    .collect();
    if !files.is_empty() {
        html.push_str(&values.fill("<h3>{more-files}</h3><ul>"));
        html.push_str(&files.concat());
        html.push_str("</ul>");
    }
    html
}

fn text_of(thing: Thing, facts: &Facts) -> String {
    things::make(thing, facts).map_or(String::new(), |artefact| {
        String::from_utf8_lossy(&artefact.bytes).into_owned()
    })
}

/// A text that the script of the page gives a button to copy it.
fn boxed(text: &str) -> String {
    let mut html = String::from("<div class=\"code\"><pre>");
    escape(&mut html, text.trim_end());
    html + "</pre></div>"
}
