//! How an answer is read: its word says which struct the rest is. A new answer gets a row here.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Answer;

/// By hand and by way of a [`Value`], as requests are read: what serde derives for a tagged enum reads each struct by
/// another way of its own, which is 29 kB of the program.
impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let fields = Value::deserialize(reader)?;
        Self::read(fields).map_err(D::Error::custom)
    }
}

impl Answer {
    fn read(mut fields: Value) -> Result<Self, serde_json::Error> {
        fn read<T: DeserializeOwned>(fields: Value) -> Result<T, serde_json::Error> {
            serde_json::from_value(fields)
        }
        let word = fields.as_object_mut().and_then(|fields| fields.remove("answer"));
        match word.as_ref().and_then(Value::as_str).unwrap_or_default() {
            "edited" => read(fields).map(Self::Edited),
            "changed" => read(fields).map(Self::Changed),
            "records" => read(fields).map(Self::Records),
            "zones" => read(fields).map(Self::Zones),
            "checked" => read(fields).map(Self::Checked),
            "reloaded" => read(fields).map(Self::Reloaded),
            "status" => read(fields).map(Self::Status),
            "stats" => read(fields).map(Self::Stats),
            "queries" => read(fields).map(Self::Queries),
            "flushed" => read(fields).map(Self::Flushed),
            "cache-stats" => read(fields).map(Self::CacheStats),
            "cache-entries" => read(fields).map(Self::CacheEntries),
            "reconnected" => read(fields).map(Self::Reconnected),
            "lan" => read(fields).map(Self::Lan),
            "certificate" => read(fields).map(Self::Certificate),
            "authority" => read(fields).map(Self::Authority),
            "facts" => read(fields).map(Self::Facts),
            "explained" => read(fields).map(Self::Explained),
            "invited" => read(fields).map(Self::Invited),
            "devices" => read(fields).map(Self::Devices),
            "revoked" => read(fields).map(Self::Revoked),
            "log" => read(fields).map(Self::Log),
            "routers" => read(fields).map(Self::Routers),
            "router" => read(fields).map(Self::Router),
            "matrix" => read(fields).map(|matrix| Self::Matrix(Box::new(matrix))),
            "verified" => read(fields).map(Self::Verified),
            "setup" => read(fields).map(Self::Setup),
            "diagnosed" => read(fields).map(Self::Diagnosed),
            other => Err(serde_json::Error::custom(format!("unknown answer `{other}`"))),
        }
    }
}
