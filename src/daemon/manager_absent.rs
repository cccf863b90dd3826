//! The same as `manager` where it is not built in: nobody is told of anything, and nothing is handed over.

use super::worker::Pulse;
use crate::config::ListenUrl;
use crate::serve::bind;

/// Nobody.
pub(super) struct Manager;

impl Manager {
    pub(super) fn of_environment() -> Self {
        Manager
    }

    pub(super) fn ready(&self, _status: &str) {}

    pub(super) fn reloading(&self) {}

    pub(super) fn stopping(&self) {}

    pub(super) async fn live(&self, _pulse: Pulse) {
        std::future::pending::<()>().await;
    }
}

/// Nothing.
#[derive(Debug, Default)]
pub(super) struct Inherited;

impl Inherited {
    pub(super) fn take() -> Result<Self, String> {
        Ok(Self)
    }

    pub(super) fn has(&self, _wanted: &ListenUrl) -> bool {
        false
    }

    pub(super) fn listeners(
        &self,
        _listen: &[ListenUrl],
        _workers: usize,
    ) -> Result<Vec<bind::Listener>, String> {
        Ok(Vec::new())
    }
}
