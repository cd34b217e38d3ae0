//! What `GET /health` says.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{account::state::Status, ids::AccountId};

#[derive(Debug, Serialize)]
pub struct Health {
    status: &'static str,
    version: &'static str,
    uptime_s: u64,
    services: Services,
    /// How many accounts are in which state.
    accounts: BTreeMap<&'static str, usize>,
}

#[derive(Debug, Serialize)]
struct Services {
    database: &'static str,
    registry: &'static str,
}

impl Health {
    /// `accounts`: `None` where the registry did not answer.
    pub fn new(database: bool, accounts: Option<&[(AccountId, Status)]>, uptime: Duration) -> Self {
        let word = |well: bool| if well { "ok" } else { "failing" };
        let mut by_state = BTreeMap::new();
        for (_, status) in accounts.unwrap_or_default() {
            *by_state.entry(status.state.as_str()).or_insert(0) += 1;
        }
        Self {
            status: if database && accounts.is_some() { "healthy" } else { "unhealthy" },
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: uptime.as_secs(),
            services: Services { database: word(database), registry: word(accounts.is_some()) },
            accounts: by_state,
        }
    }

    pub fn is_healthy(&self) -> bool {
        self.status == "healthy"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_part_makes_the_whole_unhealthy() {
        assert!(Health::new(true, Some(&[]), Duration::ZERO).is_healthy());
        assert!(!Health::new(false, Some(&[]), Duration::ZERO).is_healthy());
        assert!(!Health::new(true, None, Duration::ZERO).is_healthy());
    }
}
