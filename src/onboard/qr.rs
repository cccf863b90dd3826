//! QR codes: for a terminal, as a picture in SVG or PNG. What stands in one is a URL or a Wi-Fi network.
//!
//! The library finds the modules (the small squares); what becomes of them is here. Every picture has the margin that
//! ISO/IEC 18004 wants; readers do without half of it, which is what a terminal gets.

mod png;

use std::fmt::{self, Write as _};

use qrcodegen::{QrCode, QrCodeEcc};

/// Modules of margin around a picture (ISO/IEC 18004, 9.1).
const MARGIN: i32 = 4;
/// Modules of margin in a terminal, whose lines are few.
const TERMINAL_MARGIN: i32 = 2;
/// Black on white, whatever colours the terminal has: these two of its 256 are no theme's to choose.
const PAPER: &str = "\x1b[38;5;16;48;5;231m";
/// The terminal's own colours again.
const PLAIN: &str = "\x1b[0m";
/// Pixels of a module's side in a PNG.
const PIXELS: usize = 8;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Colours: black on white is printed, so it reads the same on dark and light terminals.
    Colour,
    /// Text only, as in a file or with `NO_COLOR`: the light modules are drawn, for a dark background.
    Text,
}

/// A QR code.
#[derive(Clone, PartialEq, Eq)]
pub struct Qr(QrCode);

impl fmt::Debug for Qr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text is not kept; the modules say nothing to a reader.
        write!(f, "Qr({})", self.0.size())
    }
}

/// The text is too long for a QR code: more than 2,331 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is too long for a QR code")
    }
}

impl std::error::Error for TooLong {}

impl Qr {
    /// The smallest code for a text that can lose 15 % of its modules, or more where that costs no size.
    ///
    /// # Errors
    /// If no code is large enough.
    pub fn new(text: &str) -> Result<Self, TooLong> {
        QrCode::encode_text(text, QrCodeEcc::Medium)
            .map(Qr)
            .map_err(|_| TooLong)
    }

    /// Lines of half blocks, two rows of modules in each. Every line ends with a line feed.
    #[must_use]
    pub fn terminal(&self, ink: Ink) -> String {
        let range = -TERMINAL_MARGIN..self.0.size() + TERMINAL_MARGIN;
        let mut text = String::new();
        for y in range.clone().step_by(2) {
            if ink == Ink::Colour {
                text.push_str(PAPER);
            }
            for x in range.clone() {
                // A row below the last one is outside, and so is light; without colours it is left out.
                let beyond = y + 1 >= range.end && ink == Ink::Text;
                let drawn = match ink {
                    Ink::Colour => [self.is_dark(x, y), self.is_dark(x, y + 1)],
                    Ink::Text => [!self.is_dark(x, y), !self.is_dark(x, y + 1) && !beyond],
                };
                text.push(match drawn {
                    [false, false] => ' ',
                    [true, false] => '▀',
                    [false, true] => '▄',
                    [true, true] => '█',
                });
            }
            if ink == Ink::Colour {
                text.push_str(PLAIN);
            }
            text.push('\n');
        }
        text
    }

    /// An SVG picture of its own, black on white, that scales to any size.
    #[must_use]
    pub fn svg(&self) -> String {
        let side = self.side();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
             shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{}\"/></svg>\n",
            self.path()
        )
    }

    /// A PNG picture, black on white.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        let side = self.side() as usize * PIXELS;
        png::picture(side, |x, y| {
            self.is_dark((x / PIXELS) as i32 - MARGIN, (y / PIXELS) as i32 - MARGIN)
        })
    }

    /// Modules of a picture's side, margin included.
    fn side(&self) -> i32 {
        self.0.size() + 2 * MARGIN
    }

    fn is_dark(&self, x: i32, y: i32) -> bool {
        self.0.get_module(x, y)
    }

    /// The dark modules as a path: a rectangle for each run of them in a row.
    fn path(&self) -> String {
        let mut path = String::new();
        for y in 0..self.0.size() {
            let mut x = 0;
            while x < self.0.size() {
                let dark = (x..self.0.size()).take_while(|x| self.is_dark(*x, y)).count() as i32;
                if dark > 0 {
                    let _ = write!(path, "M{} {}h{dark}v1h-{dark}z", x + MARGIN, y + MARGIN);
                }
                x += dark.max(1);
            }
        }
        path
    }
}

/// A Wi-Fi network as phones read it from a QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WiFi {
    /// Name of the network (SSID).
    pub name: String,
    /// Its passphrase; none for an open network.
    pub passphrase: Option<String>,
}

impl WiFi {
    /// Most bytes of a network's name (IEEE 802.11, 9.4.2.2).
    pub const NAME_BYTES: usize = 32;
    /// Most characters of a passphrase: 63, or a key of 64 hexadecimal digits (IEEE 802.11, J.4.1).
    pub const PASSPHRASE_BYTES: usize = 64;
}

impl fmt::Display for WiFi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.passphrase {
            Some(secret) => write!(f, "WIFI:T:WPA;S:{};P:{};;", quoted(&self.name), quoted(secret)),
            None => write!(f, "WIFI:T:nopass;S:{};;", quoted(&self.name)),
        }
    }
}

/// With a backslash before what has a meaning in such a text.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | ';' | ',' | ':' | '"') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://192.168.1.10/i/7KQ4-M2XR";

    #[test]
    fn a_terminal_gets_the_same_modules_with_and_without_colours() {
        let qr = Qr::new(URL).unwrap();
        let (colour, text) = (qr.terminal(Ink::Colour), qr.terminal(Ink::Text));
        assert_eq!((colour.lines().count(), text.lines().count()), (17, 17));
        for (y, (colour, text)) in colour.lines().zip(text.lines()).enumerate() {
            let colour = colour.strip_prefix(PAPER).unwrap().strip_suffix(PLAIN).unwrap();
            assert_eq!((colour.chars().count(), text.chars().count()), (33, 33));
            for (x, (one, other)) in colour.chars().zip(text.chars()).enumerate() {
                let inverse = match one {
                    ' ' if y == 16 => '▀',
                    ' ' => '█',
                    '▀' if y == 16 => ' ',
                    '▀' => '▄',
                    '▄' => '▀',
                    _ => ' ',
                };
                assert_eq!(other, inverse, "{x} {y}");
            }
        }
    }

    #[test]
    fn a_picture_has_a_margin_and_each_dark_module_once() {
        let qr = Qr::new(URL).unwrap();
        let svg = qr.svg();
        assert!(svg.contains("viewBox=\"0 0 37 37\""), "{svg}");
        let runs = svg.split('M').skip(2).map(|run| {
            let numbers: Vec<i32> = run
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            (numbers[0], numbers[1], numbers[2])
        });
        let mut drawn: Vec<(i32, i32)> = runs
            .flat_map(|(x, y, length)| (x..x + length).map(move |x| (x - MARGIN, y - MARGIN)))
            .collect();
        drawn.sort_unstable();
        let all = (0..29).flat_map(|x| (0..29).map(move |y| (x, y)));
        let dark: Vec<(i32, i32)> = all.filter(|(x, y)| qr.is_dark(*x, *y)).collect();
        assert_eq!(drawn, dark);
    }

    #[test]
    fn what_is_too_long_is_refused() {
        assert!(Qr::new(&"x".repeat(2331)).is_ok());
        assert_eq!(Qr::new(&"x".repeat(2332)), Err(TooLong));
    }

    #[test]
    fn a_network_with_special_characters_is_quoted() {
        let network = |name: &str, passphrase: Option<&str>| {
            WiFi {
                name: name.to_owned(),
                passphrase: passphrase.map(ToOwned::to_owned),
            }
            .to_string()
        };
        assert_eq!(network("Home", Some("secret")), "WIFI:T:WPA;S:Home;P:secret;;");
        assert_eq!(
            network("a;b:c,d\\e\"f", Some("p;q")),
            "WIFI:T:WPA;S:a\\;b\\:c\\,d\\\\e\\\"f;P:p\\;q;;"
        );
        assert_eq!(network("Guests", None), "WIFI:T:nopass;S:Guests;;");
    }
}
