//! How an answer is read: its word says which struct the rest is. A new answer gets a row here.

use serde::de::Error as _;
use serde_json::Value;

use super::Answer;
use super::read;

impl Answer {
    /// What an answer's object says.
    ///
    /// # Errors
    /// The word is not known, or what belongs to it is not there.
    pub(in super::super) fn of(mut fields: Value) -> Result<Self, serde_json::Error> {
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
            "router-mode" => read(fields).map(Self::RouterMode),
            "diagnosed" => read(fields).map(Self::Diagnosed),
            other => Err(serde_json::Error::custom(format!("unknown answer `{other}`"))),
        }
    }
}
