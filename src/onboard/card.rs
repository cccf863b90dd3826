//! A card to print: A6, with the code of the invite, its URL in large type and, if wanted, the Wi-Fi before it.
//!
//! It is HTML, because that is what prints best: a browser is everywhere, keeps to the size that the page itself states
//! (`@page`), and has letters for every language, which a PDF would have to bring along and an SVG leaves to luck.

use super::page::template::Values;
use super::qr::{Qr, TooLong, WiFi};

/// What stands on a card.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    /// The device that is invited.
    pub device: &'a str,
    /// URL of the invite's page.
    pub url: &'a str,
    /// When the invite ends, for people.
    pub until: &'a str,
    /// The network to join first.
    pub wifi: Option<&'a WiFi>,
}

/// The card. Its few words are there in both languages: whoever prints it need not know who will read it.
const CARD: &str = include_str!("card.html");
/// A code with what it is beside it.
const ROW: &str = "<section>{qr}<div><b>{number}</b><h2>{english}</h2><p lang=\"zh-Hans\">{chinese}</p><code>{what}</code></div></section>";

impl Card<'_> {
    /// The card as a document.
    ///
    /// # Errors
    /// If the URL or the network is too long for a QR code.
    pub fn html(&self) -> Result<String, TooLong> {
        let mut values = Values::new(|_| None);
        let (host, path) = match self.url.find("/i/") {
            Some(at) => self.url.split_at(at),
            None => (self.url, ""),
        };
        let row = |number: &'static str, text: &str, [english, chinese]: [&'static str; 2], what: &str| {
            let mut values = Values::new(|_| None);
            values
                .text("number", number)
                .text("english", english)
                .text("chinese", chinese)
                .text("what", what)
                .html("qr", Qr::new(text)?.svg());
            Ok(values.fill(ROW))
        };
        let mut rows = String::new();
        if let Some(wifi) = self.wifi {
            rows.push_str(&row(
                "1",
                &wifi.to_string(),
                ["Join the Wi-Fi", "连接无线网络"],
                &wifi.name,
            )?);
        }
        let number = if self.wifi.is_some() { "2" } else { "" };
        rows.push_str(&row(
            number,
            self.url,
            ["Scan, then follow the page", "扫码并按页面操作"],
            "",
        )?);
        values
            .text("device", self.device)
            .text("until", self.until)
            .text("host", host)
            .text("path", path)
            .html("rows", rows);
        Ok(values.fill(CARD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_has_what_is_to_be_scanned_and_what_is_to_be_typed() {
        let wifi = WiFi {
            name: "Home <1>".to_owned(),
            passphrase: Some("secret".to_owned()),
        };
        let card = Card {
            device: "anna-phone",
            url: "http://192.168.1.10/i/7KQ4-M2XR",
            until: "2026-11-30 12:00 UTC",
            wifi: Some(&wifi),
        };
        let html = card.html().unwrap();
        assert_eq!(html.matches("<svg").count(), 2);
        assert!(html.contains("http://192.168.1.10<wbr>/i/7KQ4-M2XR"), "{html}");
        assert!(html.contains("Home &lt;1&gt;") && !html.contains("secret"));
        let alone = Card { wifi: None, ..card }.html().unwrap();
        assert_eq!(alone.matches("<svg").count(), 1);
        assert!(!alone.contains("Home") && !alone.contains(['{', '}']) || alone.contains("@page"));
    }
}
