//! What a client shows of itself, and what that makes it.
//!
//! A listener reads a [`Claim`] from the path of a request or from the name in SNI, and has each query's claim looked
//! up anew: so a token that is revoked ends with the next query, also on a connection that is open. The three ends of
//! a look-up ([`Bearer`]) are answered by [`crate::policy`]. An unknown token and a revoked one are the same to the
//! client, in the same words and after the same work.

use arc_swap::ArcSwap;
use hashbrown::HashTable;

use super::{DeviceId, Token};

/// What comes before a token in a path.
pub const PATH: &str = "/d/";

/// What a client shows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Claim {
    /// Nothing.
    #[default]
    None,
    /// A token.
    Token(Token),
    /// Something that stands where a token does, and is none.
    Malformed,
}

impl Claim {
    /// The claim in a path of DNS over HTTPS without `/dns-query` at its end: empty, or `/d/TOKEN`. `None` for another
    /// path.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        if path.is_empty() {
            return Some(Self::None);
        }
        let text = path.strip_prefix(PATH).filter(|text| !text.contains('/'))?;
        Some(Token::parse(text).map_or(Self::Malformed, Self::Token))
    }

    /// The claim in the name that a client asked for in SNI, where the server's own is `host`: `TOKEN.host`. Every
    /// other name claims nothing; a certificate may bear more of them.
    #[must_use]
    pub fn of_sni(name: &str, host: &str) -> Self {
        let token = name.split_once('.').and_then(|(label, rest)| {
            let is_ours = rest.eq_ignore_ascii_case(host);
            Token::parse(label).filter(|_| is_ours)
        });
        token.map_or(Self::None, Self::Token)
    }
}

/// Who asks, as far as a token says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bearer {
    /// No token was shown.
    #[default]
    Nobody,
    /// The bearer of this device's token.
    Device(DeviceId),
    /// The token is not taken: it never was, or is no longer.
    Unknown,
}

/// The tokens that are taken at one moment. Never changes.
#[derive(Debug, Default)]
pub struct Tokens(HashTable<(Token, DeviceId)>);

impl Tokens {
    pub(super) fn new(taken: impl Iterator<Item = (Token, DeviceId)>) -> Self {
        let mut table = HashTable::new();
        for entry in taken {
            table.insert_unique(entry.0.hash(), entry, |(token, _)| token.hash());
        }
        Tokens(table)
    }

    /// The device with this token. Takes the same time however many there are.
    #[must_use]
    pub fn find(&self, token: Token) -> Option<DeviceId> {
        let found = self.0.find(token.hash(), |(taken, _)| *taken == token);
        found.map(|(_, device)| *device)
    }
}

/// What listeners look claims up in.
#[derive(Debug, Default)]
pub struct Bearers {
    host: Option<String>,
    tokens: ArcSwap<Tokens>,
}

impl Bearers {
    /// No token is taken yet; `host` is the server's name, below which tokens stand in SNI.
    #[must_use]
    pub fn new(host: Option<String>) -> Self {
        Bearers {
            host,
            tokens: ArcSwap::default(),
        }
    }

    /// Takes these tokens and no others from the next query on.
    pub fn publish(&self, tokens: Tokens) {
        self.tokens.store(tokens.into());
    }

    /// The claim in the name of SNI.
    #[must_use]
    pub fn claim_of_sni(&self, name: Option<&str>) -> Claim {
        match (name, &self.host) {
            (Some(name), Some(host)) => Claim::of_sni(name, host),
            _ => Claim::None,
        }
    }

    /// Who makes this claim.
    #[must_use]
    pub fn bearer(&self, claim: Claim) -> Bearer {
        match claim {
            Claim::None => Bearer::Nobody,
            Claim::Token(token) => {
                let found = self.tokens.load().find(token);
                found.map_or(Bearer::Unknown, Bearer::Device)
            }
            Claim::Malformed => Bearer::Unknown,
        }
    }
}
