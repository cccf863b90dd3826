//! What must outlive a restart of an ACME client: the account, the order under way with its key, when to try
//! again, and when to renew.
//!
//! One file for nobody else's eyes, replaced whole. With the order kept, a person who was asked for a TXT record is
//! not asked for another one after a restart; with the failures kept, a daemon that is started again and again leaves
//! the authority alone all the same.

use std::io;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::super::issue::Key;
use super::client::Trouble;
use super::suggestion::Window;
use crate::config::limits;
use crate::store::disk;

/// Largest file that is read.
const MAX_BYTES: u64 = limits::CERTIFICATE_FILE.default;

/// See the module.
#[derive(Debug)]
pub struct Memory {
    file: PathBuf,
    directory: String,
    pub(super) key: Key,
    /// The account's URL, once it is registered.
    pub(super) account: Option<String>,
    /// The order's URL, while one is under way.
    pub(super) order: Option<String>,
    /// The key that its certificate is for, from the moment the authority may sign.
    pub(super) order_key: Option<Key>,
    /// Tries that failed since the last that did not.
    pub failures: u32,
    /// No try before this Unix time.
    pub not_before: u64,
    /// What the authority calls the last certificate that it gave us.
    pub(super) certificate: Option<String>,
    /// When it would have that renewed.
    pub(super) window: Option<Window>,
    /// It is not asked for that before this Unix time.
    pub(super) look_at: u64,
}

impl Memory {
    /// What is remembered of this directory; all new where there is nothing, or where it is of another one.
    ///
    /// # Errors
    /// A file that is there and cannot be used: it may hold the only key of an account.
    pub fn load(file: &Path, directory: &str) -> Result<Self, Trouble> {
        let at = |message: &str| Trouble::new(format!("{}: {message}", file.display()));
        let text = match disk::read(file, MAX_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::new(file, directory),
            Err(error) => return Err(at(&format!("cannot be read: {error}"))),
        };
        // What cannot be read is not quoted: it may be a part of a key.
        let value: Value = serde_json::from_slice(&text).unwrap_or_default();
        if value["directory"].as_str().is_some_and(|held| held != directory) {
            return Self::new(file, directory);
        }
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let key = |name: &str| {
            let bytes = BASE64.decode(value[name].as_str()?.as_bytes()).ok()?;
            Key::read(&bytes).ok()
        };
        let account_key = key("key").ok_or_else(|| {
            at("holds no key of an account; remove the file, and a new account is made at the next try")
        })?;
        Ok(Memory {
            file: file.to_owned(),
            directory: directory.to_owned(),
            key: account_key,
            account: text("account"),
            order: text("order"),
            order_key: key("order_key"),
            failures: value["failures"]
                .as_u64()
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(0),
            not_before: value["not_before"].as_u64().unwrap_or(0),
            certificate: text("certificate"),
            window: value["window"][0]
                .as_u64()
                .zip(value["window"][1].as_u64())
                .map(|(from, until)| Window { from, until }),
            look_at: value["look_at"].as_u64().unwrap_or(0),
        })
    }

    fn new(file: &Path, directory: &str) -> Result<Self, Trouble> {
        Ok(Memory {
            file: file.to_owned(),
            directory: directory.to_owned(),
            key: Key::generate()?,
            account: None,
            order: None,
            order_key: None,
            failures: 0,
            not_before: 0,
            certificate: None,
            window: None,
            look_at: 0,
        })
    }

    /// Keeps it, before anything is done that must not be forgotten.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> Result<(), Trouble> {
        let key = |key: &Key| BASE64.encode(key.pkcs8());
        let text = json!({
            "directory": self.directory,
            "key": key(&self.key),
            "account": self.account,
            "order": self.order,
            "order_key": self.order_key.as_ref().map(key),
            "failures": self.failures,
            "not_before": self.not_before,
            "certificate": self.certificate,
            "window": self.window.map(|window| [window.from, window.until]),
            "look_at": self.look_at,
        });
        let failed =
            |error: io::Error| Trouble::new(format!("{}: cannot be written: {error}", self.file.display()));
        disk::make_folder(disk::folder_of(&self.file), 0o700).map_err(failed)?;
        let written = disk::replace_private(&self.file, format!("{text}\n").as_bytes());
        written.map_err(|failure| failed(failure.error))
    }

    /// There is no order under way any more.
    pub(super) fn forget_order(&mut self) {
        self.order = None;
        self.order_key = None;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const DIRECTORY: &str = "https://ca.example/directory";

    #[test]
    fn what_is_kept_comes_back_and_is_for_nobody_else() {
        let folder = std::env::temp_dir().join(format!("hearthdns-acme-memory-{}", std::process::id()));
        let file = folder.join("acme.json");
        fs::remove_dir_all(&folder).ok();
        let mut memory = Memory::load(&file, DIRECTORY).unwrap();
        memory.account = Some("https://ca.example/account/1".to_owned());
        memory.order = Some("https://ca.example/order/1".to_owned());
        memory.order_key = Some(Key::generate().unwrap());
        memory.failures = 3;
        memory.not_before = 1_798_761_600;
        memory.certificate = Some("key.serial".to_owned());
        memory.window = Some(Window { from: 7, until: 9 });
        memory.look_at = 1_798_761_601;
        memory.save().unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Memory::load(&file, DIRECTORY).unwrap();
        assert_eq!(again.key.pkcs8(), memory.key.pkcs8());
        assert_eq!(
            again.order_key.as_ref().unwrap().pkcs8(),
            memory.order_key.as_ref().unwrap().pkcs8()
        );
        assert_eq!((&again.account, &again.order), (&memory.account, &memory.order));
        assert_eq!((again.failures, again.not_before), (3, 1_798_761_600));
        assert_eq!(
            (&again.certificate, again.window, again.look_at),
            (&memory.certificate, memory.window, 1_798_761_601)
        );
        assert!(!format!("{again:?}").contains(&BASE64.encode(&memory.key.pkcs8()[..24])));

        // Another authority knows nothing of that account.
        let other = Memory::load(&file, "https://other.example/directory").unwrap();
        assert_ne!(other.key.pkcs8(), memory.key.pkcs8());
        assert_eq!((other.account, other.failures), (None, 0));
        assert_eq!((other.certificate, other.window, other.look_at), (None, None, 0));

        for text in [
            "",
            "{}",
            "nonsense",
            "{\"directory\":\"https://ca.example/directory\",\"key\":\"AAAA\"}",
        ] {
            fs::write(&file, text).unwrap();
            let message = Memory::load(&file, DIRECTORY).unwrap_err().to_string();
            assert_eq!(
                message,
                format!(
                    "{}: holds no key of an account; remove the file, and a new account is made at the next try",
                    file.display()
                )
            );
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
