//! The answer about the names of the LAN.

use serde::{Deserialize, Serialize};

/// The names of the devices of the house.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanNames {
    /// The domain that they are in.
    pub domain: String,
    /// What is answered: those of people's files first.
    pub names: Vec<LanName>,
    /// What is not.
    #[serde(default)]
    pub refused: Vec<LanRefused>,
    /// How many more are not.
    #[serde(default)]
    pub more_refused: u64,
    /// The files.
    #[serde(default)]
    pub files: Vec<LanFile>,
}

/// A name and one of its addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanName {
    /// The name, absolute.
    pub name: String,
    /// The address.
    pub address: String,
    /// Whether the address leads back to the name.
    pub reverse: bool,
    /// When the lease ends; absent where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Who has the lease: a MAC address, or another identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The file that tells it.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// The zone whose file holds the name, and is answered in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// A name that is not answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanRefused {
    /// The name as it stands in the file.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Why not.
    pub reason: String,
}

/// A file of names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanFile {
    /// The file.
    pub file: String,
    /// `leases`, `hosts` or `ethers`.
    pub kind: String,
    /// How many entries are known of it.
    pub entries: u64,
    /// Whether it could not be read as a whole, so that what it said before holds; `status` says why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
}
