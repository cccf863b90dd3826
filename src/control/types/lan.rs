//! The answer about the names of the LAN.

use super::words::words;

words! {
    /// The names of the devices of the house.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct LanNames {
        /// The domain that they are in.
        pub domain: String,
        /// What is answered: those of people's files first.
        pub names: Vec<LanName>,
        /// What is not.
        pub refused: Vec<LanRefused> = lenient,
        /// How many more are not.
        pub more_refused: u64 = lenient,
        /// The files.
        pub files: Vec<LanFile> = lenient,
    }

    /// A name and one of its addresses.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct LanName {
        /// The name, absolute.
        pub name: String,
        /// The address.
        pub address: String,
        /// Whether the address leads back to the name.
        pub reverse: bool,
        /// When the lease ends; absent where it does not.
        pub until: Option<String>,
        /// Who has the lease: a MAC address, or another identifier.
        pub device: Option<String>,
        /// The file that tells it.
        pub file: String,
        /// Its line.
        pub line: u32,
        /// The zone whose file holds the name, and is answered in its place.
        pub zone: Option<String>,
    }

    /// A name that is not answered.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct LanFile {
        /// The file.
        pub file: String,
        /// `leases`, `hosts` or `ethers`.
        pub kind: String,
        /// How many entries are known of it.
        pub entries: u64,
        /// Whether it could not be read as a whole, so that what it said before holds; `status` says why.
        pub damaged: bool = optional,
    }
}
