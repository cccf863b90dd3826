//! The section `certificate.acme`: which authority signs, and how it is proved to it that names are ours (RFC 8555).

use std::path::PathBuf;
use std::str::FromStr;

use super::address::shown;
use super::discovery::host_name;
use super::document::{Kind, Node};
use super::upstream::{Scheme, UpstreamUrl};
use super::values::Reader;
use super::{CertificateConfig, Config, limits};
use crate::message::Name;

/// Keys of `certificate.acme`.
pub(super) const ACME: &[&str] = &[
    "ca_file",
    "challenge",
    "check",
    "directory",
    "eab_id",
    "eab_key_file",
    "email",
    "hook",
    "names",
    "target",
];
/// An account that was made on the authority's own site, to which ours is bound (RFC 8555, 7.3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAccount {
    /// `eab_id`: what the site calls its key.
    pub id: String,
    /// `eab_key_file`: the file with that key in base64url.
    pub key_file: PathBuf,
}

/// `certificate.acme`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeConfig {
    /// `directory`: the authority's directory, an `https://` URL.
    pub directory: UpstreamUrl,
    /// `email`: where the authority writes to.
    pub email: Option<String>,
    /// `challenge`: how it is proved that the names are ours.
    pub challenge: AcmeChallenge,
    /// `check`: whether public DNS is looked at before the authority is.
    pub check: bool,
    /// `names`: what the certificate is for; empty: `name` and all names below it.
    pub names: Vec<String>,
    /// `ca_file`: who vouches for the authority's own server, instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// `eab_id` and `eab_key_file`, for authorities that give certificates to customers only.
    pub external: Option<ExternalAccount>,
}

/// How it is proved to an authority that a name is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// A TXT record that a person adds: one for ever where the authority offers that (`dns-persist-01`), else a new
    /// one each time (`dns-01`).
    Print,
    /// Only the record for ever.
    Persist,
    /// A program adds the TXT record.
    Hook(PathBuf),
    /// The TXT record stands in a zone of ours that the Internet asks us for.
    Zone,
    /// The same, at this name, to which a CNAME leads.
    Cname(Name),
    /// The handshake of the TLS listener on port 443 proves it (RFC 8737).
    TlsAlpn,
}

impl AcmeChallenge {
    /// The words in the configuration.
    const WORDS: [&'static str; 6] = ["print", "persist", "hook", "zone", "cname", "tls-alpn"];

    /// The word in the configuration.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Print => "print",
            Self::Persist => "persist",
            Self::Hook(_) => "hook",
            Self::Zone => "zone",
            Self::Cname(_) => "cname",
            Self::TlsAlpn => "tls-alpn",
        }
    }

    /// Whether a name with `*` can be proved so (RFC 8737, 3).
    #[must_use]
    pub const fn proves_wildcards(&self) -> bool {
        !matches!(self, Self::TlsAlpn)
    }
}

impl Config {
    /// What a certificate of this authority is for: the names that it names, else the server's own and, where that can
    /// be proved, all below it.
    #[must_use]
    pub fn acme_names(&self, acme: &AcmeConfig) -> Vec<String> {
        if !acme.names.is_empty() {
            return acme.names.clone();
        }
        let name = self
            .name
            .as_ref()
            .map(|name| name.to_string().trim_end_matches('.').to_owned());
        let below = name.iter().map(|name| format!("*.{name}"));
        let below: Vec<String> = below.filter(|_| acme.challenge.proves_wildcards()).collect();
        name.iter().cloned().chain(below).collect()
    }
}

impl Reader {
    /// See [`AcmeConfig`].
    pub(super) fn acme(&mut self, node: &Node) {
        if !cfg!(feature = "acme") {
            return self.defect(
                node.id,
                "this build knows no ACME; write `certificate: own` or name files, or use a build with the feature `acme`",
            );
        }
        let keys = self.section(node, "certificate.acme", ACME);
        let (mut directory, mut email, mut word, mut hook, mut target) = (None, None, None, None, None);
        let (mut names, mut ca_file, mut check) = (Vec::new(), None, true);
        let (mut eab_id, mut eab_key_file) = (None, None);
        for (key, node) in &keys {
            match *key {
                "directory" => directory = self.parsed(node, "the URL of an ACME directory", directory_url),
                "email" => email = self.parsed(node, "an address of e-mail", email_address),
                "challenge" => word = self.parsed(node, "how the names are proved", challenge_word),
                "hook" => hook = self.path_of(node, "the path of a program"),
                "target" => target = self.parsed(node, "a name in a zone of this server", target_name),
                "names" => {
                    let read = limits::ACME_NAMES;
                    let items = self.items(node, "a list of host names", "a host name", read, order_name);
                    names = items.into_iter().map(|(name, _)| name).collect();
                }
                "ca_file" => ca_file = self.path_of(node, "the path of a file in PEM"),
                "eab_id" => eab_id = self.parsed(node, "the id of a key", key_id),
                "eab_key_file" => eab_key_file = self.path_of(node, "the path of a file with the key"),
                _ => match node.kind {
                    Kind::Bool(value) => check = value,
                    _ => self.mistyped(node, "true or false"),
                },
            }
        }
        let is_given = |word: &str| keys.iter().any(|(key, _)| *key == word);
        if !matches!(node.kind, Kind::Map(_)) {
            return;
        }
        if !is_given("directory") {
            let message = "nothing says which authority; write `directory: https://acme-v02.api.letsencrypt.org/directory`";
            self.defect(node.id, message);
        }
        let challenge = match word.unwrap_or("print") {
            "persist" => Some(AcmeChallenge::Persist),
            "hook" => hook.clone().map(AcmeChallenge::Hook),
            "zone" => Some(AcmeChallenge::Zone),
            "cname" => target.clone().map(AcmeChallenge::Cname),
            "tls-alpn" => Some(AcmeChallenge::TlsAlpn),
            _ => Some(AcmeChallenge::Print),
        };
        for (of, key, example) in [
            ("hook", "hook", "/etc/hearthdns/acme-hook"),
            ("cname", "target", "_acme.public.example"),
        ] {
            let is_meant = word == Some(of);
            if is_meant && !is_given(key) {
                self.defect(node.id, format!("`challenge: {of}` needs `{key}: {example}`"));
            } else if !is_meant && is_given(key) {
                self.defect(
                    node.id,
                    format!("`{key}` means nothing without `challenge: {of}`; remove it, or write that"),
                );
            }
        }
        if is_given("eab_id") != is_given("eab_key_file") {
            self.defect(
                node.id,
                "`eab_id` and `eab_key_file` go together: the site of the authority shows an id and a key",
            );
        }
        let external = eab_id.zip(eab_key_file);
        let (Some(directory), Some(challenge)) = (directory, challenge) else {
            return;
        };
        if !check && matches!(challenge, AcmeChallenge::Print | AcmeChallenge::Persist) {
            self.defect(
                node.id,
                "without `check` nobody would know when a person has added the record; remove `check: false`, or choose \
                 another challenge",
            );
        }
        if let Some(name) = names
            .iter()
            .find(|name| name.starts_with('*') && !challenge.proves_wildcards())
        {
            self.defect(
                node.id,
                format!(
                    "{name} cannot be proved by tls-alpn; remove it from `names`, or choose another challenge"
                ),
            );
        }
        self.config.certificate = Some(CertificateConfig::Acme(Box::new(AcmeConfig {
            directory,
            email,
            challenge,
            check,
            names,
            ca_file,
            external: external.map(|(id, key_file)| ExternalAccount { id, key_file }),
        })));
    }
}

impl Reader {
    /// A text that is read by `parse`.
    fn parsed<T, E: ToString>(
        &mut self,
        node: &Node,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Kind::Text(text) = &node.kind else {
            self.mistyped(node, expected);
            return None;
        };
        parse(text)
            .map_err(|error| self.defect(node.id, error.to_string()))
            .ok()
    }
}

fn directory_url(text: &str) -> Result<UpstreamUrl, String> {
    let example = "https://acme-v02.api.letsencrypt.org/directory";
    let url = UpstreamUrl::from_str(text)
        .ok()
        .filter(|url| url.scheme == Scheme::Https);
    url.ok_or_else(|| {
        format!(
            "expected the URL of an ACME directory such as {example}, found {}",
            shown(text)
        )
    })
}

fn email_address(text: &str) -> Result<String, String> {
    let is_plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"\"\\,:;<>?".contains(&byte))
    };
    match text.split_once('@') {
        Some((user, host)) if is_plain(user) && is_plain(host) && !host.contains('@') => Ok(text.to_owned()),
        _ => Err(format!(
            "expected an address such as anna@home.example, found {}",
            shown(text)
        )),
    }
}

fn key_id(text: &str) -> Result<String, String> {
    let is_plain = (1..=limits::ACME_TEXT.default_usize()).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    match is_plain {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "expected the id that the authority's site shows, found {}",
            shown(text)
        )),
    }
}

fn challenge_word(text: &str) -> Result<&'static str, String> {
    let found = AcmeChallenge::WORDS.into_iter().find(|word| *word == text);
    found.ok_or_else(|| {
        format!(
            "expected one of {}, found {}",
            AcmeChallenge::WORDS.join(", "),
            shown(text)
        )
    })
}

fn target_name(text: &str) -> Result<Name, String> {
    let name = Name::parse(text, None).map_err(|error| error.to_string())?;
    Ok(name.as_ref().to_lowercase())
}

/// A host name, or all names below one; without its closing dot.
fn order_name(text: &str) -> Result<String, String> {
    let (star, rest) = match text.strip_prefix("*.") {
        Some(rest) => ("*.", rest),
        None => ("", text),
    };
    let name = host_name(rest)?.to_string();
    Ok(format!("{star}{}", name.trim_end_matches('.')))
}

#[cfg(feature = "acme")]
#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::tests::read_in_etc as read;
    use super::*;

    fn acme(text: &str) -> (AcmeConfig, Vec<String>) {
        let config = read(&format!(
            "name: dns.home.example\ncertificate: {{acme: {{{text}}}}}\n"
        ))
        .unwrap();
        assert_eq!(
            config.certificate_files().unwrap().key,
            Path::new("state/certificate/acme.pem")
        );
        let Some(CertificateConfig::Acme(acme)) = &config.certificate else {
            panic!("{:?}", config.certificate)
        };
        let names = config.acme_names(acme);
        (AcmeConfig::clone(acme), names)
    }

    #[test]
    fn every_value_arrives() {
        let (least, names) = acme("directory: https://ca.example/dir");
        let expected = AcmeConfig {
            directory: "https://ca.example/dir".parse().unwrap(),
            email: None,
            challenge: AcmeChallenge::Print,
            check: true,
            names: Vec::new(),
            ca_file: None,
            external: None,
        };
        assert_eq!(least, expected);
        assert_eq!(names, ["dns.home.example", "*.dns.home.example"]);
        let (most, names) = acme(
            "directory: 'https://ca.example:8443/dir', email: anna@home.example, challenge: hook, hook: add, check: \
             false, names: ['*.Home.Example', matrix.home.example], ca_file: ca.pem, eab_id: kid-1, eab_key_file: eab.key",
        );
        let expected = AcmeConfig {
            directory: "https://ca.example:8443/dir".parse().unwrap(),
            email: Some("anna@home.example".to_owned()),
            challenge: AcmeChallenge::Hook("/etc/hearthdns/add".into()),
            check: false,
            names: vec!["*.home.example".to_owned(), "matrix.home.example".to_owned()],
            ca_file: Some("/etc/hearthdns/ca.pem".into()),
            external: Some(ExternalAccount {
                id: "kid-1".to_owned(),
                key_file: "/etc/hearthdns/eab.key".into(),
            }),
        };
        assert_eq!(names, expected.names);
        assert_eq!(most, expected);
        let directory = "directory: https://ca.example/dir, challenge";
        for (word, challenge) in [
            ("print", AcmeChallenge::Print),
            ("persist", AcmeChallenge::Persist),
            ("zone", AcmeChallenge::Zone),
            (
                "cname, target: Proofs.example",
                AcmeChallenge::Cname("proofs.example".parse().unwrap()),
            ),
        ] {
            assert_eq!(acme(&format!("{directory}: {word}")).0.challenge, challenge);
        }
        // A handshake proves no wildcard.
        assert_eq!(acme(&format!("{directory}: tls-alpn")).1, ["dns.home.example"]);
    }

    #[test]
    fn defects_say_where_and_what() {
        let directory = "directory: https://ca.example/dir";
        for (text, expected) in [
            (
                "name: a.example\ncertificate: {acme: {}}",
                "2:21: nothing says which authority; write `directory: https://acme-v02.api.letsencrypt.org/directory`\n",
            ),
            (
                "name: a.example\ncertificate: {acme: {directory: http://ca.example/dir}}",
                "2:33: expected the URL of an ACME directory such as https://acme-v02.api.letsencrypt.org/directory, found \
                 `http://ca.example/dir`\n",
            ),
            (
                &format!("certificate: {{acme: {{{directory}}}}}"),
                "1:21: nothing says what the certificate is for; add `name: dns.home.example` at the top of the file\n",
            ),
            (
                &format!(
                    "name: a.example\ncertificate: {{acme: {{{directory}, email: anna, challenge: http}}}}"
                ),
                "2:64: expected an address such as anna@home.example, found `anna`\nconfig 2:81: expected one of print, \
                 persist, hook, zone, cname, tls-alpn, found `http`\n",
            ),
            (
                &format!("name: a.example\ncertificate: {{acme: {{{directory}, challenge: hook}}}}"),
                "2:21: `challenge: hook` needs `hook: /etc/hearthdns/acme-hook`\n",
            ),
            (
                &format!("name: a.example\ncertificate: {{acme: {{{directory}, target: b.example}}}}"),
                "2:21: `target` means nothing without `challenge: cname`; remove it, or write that\n",
            ),
            (
                &format!("name: a.example\ncertificate: {{acme: {{{directory}, check: false}}}}"),
                "2:21: without `check` nobody would know when a person has added the record; remove `check: false`, or \
                 choose another challenge\n",
            ),
            (
                &format!("name: a.example\ncertificate: {{acme: {{{directory}, eab_id: kid-1}}}}"),
                "2:21: `eab_id` and `eab_key_file` go together: the site of the authority shows an id and a key\n",
            ),
            (
                &format!(
                    "certificate: {{acme: {{{directory}, challenge: tls-alpn, names: ['*.a.example']}}}}"
                ),
                "1:21: *.a.example cannot be proved by tls-alpn; remove it from `names`, or choose another challenge\n",
            ),
            (
                &format!("name: a.example\ncertificate: {{chain: c, acme: {{{directory}}}}}"),
                "2:14: what an authority signs is kept in the state folder; remove `chain` and `key`, or `acme`\n",
            ),
            (
                "certificate: ours",
                "1:14: expected own, or keys and their values (acme, or chain and key), found `ours`\n",
            ),
        ] {
            let said = read(text).unwrap_err();
            let said = said.replace("/etc/hearthdns/config.yaml:", "config ");
            assert_eq!(said, format!("config {expected}"), "{text}");
        }
    }
}
