//! `dnsctl invite` for people: the QR code in the terminal, as pictures, and on a card to print.
//!
//! The files hold what lets a device in, and a card may hold the Wi-Fi's passphrase, so they are made for the eyes of
//! their owner. That they can be written is seen before the invite is made.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::Reply;
use super::args::DrawArgs;
use crate::control::types::{Answer, Code, Failure, Invited};
use crate::onboard::card::Card;
use crate::onboard::qr::{Ink, Qr, TooLong, WiFi};

/// Most that is read of a passphrase: more is none.
const PASSPHRASE: u64 = 256;

/// In which order to go about it, for whoever invites. Steps counted on the device.
const ORDER: &str = "\
fewest steps first:
  the router, once for the whole house   dnsctl router
  a VPN that all devices have            dnsctl router tailscale
  iPhone, iPad, Mac, Windows, Linux      scan or open, press the button
";

/// What to do for Android.
fn android(invited: &Invited) -> &'static str {
    match invited.android.as_str() {
        "host-name" => "scan or open, paste the name: all names then come here",
        "not-abroad" => "the router: this server is not to be reached from elsewhere",
        _ => "the router, or a public certificate",
    }
}

/// Makes the invite with `ask`, and draws what is wanted.
pub(super) fn run(args: &DrawArgs, ask: impl FnOnce() -> Reply) -> Reply {
    let prepared = args.wifi.as_deref().map(network).transpose();
    let prepared = prepared.and_then(|wifi| Ok((wifi, files(args)?)));
    let (wifi, files) = match prepared {
        Ok(prepared) => prepared,
        Err(message) => return Reply::new(Err(Failure::new(Code::Io, message))),
    };
    let mut reply = ask();
    let Ok(Answer::Invited(invited)) = &reply.result else {
        return reply;
    };
    for Wanted { path, mut file, form } in files {
        let written = match &invited.url {
            Some(url) => form
                .draw(invited, url, wifi.as_ref())
                .map_err(|error| error.to_string())
                .and_then(|bytes| replace(&mut file, &bytes).map_err(|error| error.to_string())),
            None => Err("no listener has a page for it; add http://0.0.0.0 to `listen`".to_owned()),
        };
        if let Err(why) = written {
            let note = format!(
                "dnsctl: the invite is made, but `{}` was not written: {why}",
                path.display()
            );
            reply.notes.push(note);
        }
    }
    reply
}

/// What stands before and behind the answer.
pub(super) fn around(args: &DrawArgs, invited: &Invited) -> (String, String) {
    let Some(url) = &invited.url else {
        return (String::new(), String::new());
    };
    let is_terminal = io::stdout().is_terminal();
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let is_plain = variable("NO_COLOR").is_some() || variable("TERM").is_none_or(|term| term == "dumb");
    let ink = if is_terminal && !is_plain {
        Ink::Colour
    } else {
        Ink::Text
    };
    let qr = Qr::new(url).ok().filter(|_| is_terminal || args.qr);
    let qr = qr.map_or(String::new(), |qr| qr.terminal(ink) + "\n");
    let android = android(invited);
    (
        qr,
        format!("{ORDER}  Android                                {android}\n"),
    )
}

/// A file to write.
struct Wanted<'a> {
    path: &'a Path,
    file: File,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Png,
    Svg,
    Card,
}

impl Form {
    fn draw(self, invited: &Invited, url: &str, wifi: Option<&WiFi>) -> Result<Vec<u8>, TooLong> {
        Ok(match self {
            Self::Png => Qr::new(url)?.png(),
            Self::Svg => Qr::new(url)?.svg().into_bytes(),
            Self::Card => {
                // For people: without seconds.
                let until = invited.expires.replace('T', " ");
                let card = Card {
                    device: &invited.name,
                    url,
                    until: &format!("{} UTC", until.get(..16).unwrap_or(&until)),
                    wifi,
                };
                card.html()?.into_bytes()
            }
        })
    }
}

fn files(args: &DrawArgs) -> Result<Vec<Wanted<'_>>, String> {
    let wanted = [
        (&args.png, Form::Png),
        (&args.svg, Form::Svg),
        (&args.card, Form::Card),
    ];
    let wanted = wanted
        .into_iter()
        .filter_map(|(path, form)| Some((path.as_deref()?, form)));
    wanted
        .map(|(path, form)| {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path);
            let file = file
                .map_err(|error| format!("cannot write `{}`: {error}; nothing was made", path.display()))?;
            Ok(Wanted { path, file, form })
        })
        .collect()
}

fn replace(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The network of that name, with the passphrase from standard input: in the arguments everybody on this host could
/// read it.
fn network(name: &str) -> Result<WiFi, String> {
    if name.is_empty() || name.len() > WiFi::NAME_BYTES {
        return Err(format!(
            "the name of a Wi-Fi network has 1 to {} bytes; `{name}` has {}",
            WiFi::NAME_BYTES,
            name.len()
        ));
    }
    if io::stdin().is_terminal() {
        let _ = write!(io::stderr(), "passphrase of `{name}` (empty: an open network): ");
    }
    let mut line = String::new();
    let read = io::stdin().lock().take(PASSPHRASE).read_line(&mut line);
    read.map_err(|error| format!("cannot read the passphrase from standard input: {error}"))?;
    let passphrase = line.trim_end_matches(['\r', '\n']);
    let length = passphrase.len();
    let is_key = length == WiFi::PASSPHRASE_BYTES && passphrase.bytes().all(|byte| byte.is_ascii_hexdigit());
    if length != 0 && !is_key && !(8..WiFi::PASSPHRASE_BYTES).contains(&length) {
        return Err(format!(
            "a passphrase has 8 to 63 characters, or is a key of 64 hexadecimal digits; this one has {length}"
        ));
    }
    Ok(WiFi {
        name: name.to_owned(),
        passphrase: (length > 0).then(|| passphrase.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_the_ways_is_true_of_this_server() {
        for (word, expected) in [
            (
                "host-name",
                "  Android                                scan or open, paste the name: all names then come here\n",
            ),
            (
                "not-abroad",
                "  Android                                the router: this server is not to be reached from elsewhere\n",
            ),
            (
                "no-certificate",
                "  Android                                the router, or a public certificate\n",
            ),
        ] {
            let invited = Invited {
                url: Some("http://192.168.1.10/i/7KQ4-M2XR".to_owned()),
                android: word.to_owned(),
                ..Invited::default()
            };
            let (_, behind) = around(&DrawArgs::default(), &invited);
            assert_eq!(behind, format!("{ORDER}{expected}"));
        }
    }
}
