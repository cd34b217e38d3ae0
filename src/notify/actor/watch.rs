//! Looks for accounts that say they are connected while nothing comes over their lines, and has the registry connect them anew. An account
//! notices that by itself; this is for one that does not.

use std::{collections::HashSet, time::Duration};

use actix::prelude::*;
use log::{info, warn};

use super::NotifyActor;
use crate::{
    account::{
        messages::{AccountSnapshot, Overview, Restart, SnapshotOf},
        state::State,
    },
    ids::{AccountId, Timestamp},
    telemetry::clock,
};

/// An account is given so many times as long as it gives the platform.
const PATIENCE: u32 = 3;

/// For one answer of the registry.
const WAIT: Duration = Duration::from_secs(10);

/// The ways to the registry.
#[derive(Clone)]
pub struct Ways {
    pub overview: Recipient<Overview>,
    pub snapshot: Recipient<SnapshotOf>,
    pub restart: Recipient<Restart>,
}

impl NotifyActor {
    /// Who seems dead twice in a row is connected anew: a machine that slept makes everybody look dead once.
    pub(super) fn watch(&mut self, ctx: &mut Context<Self>) {
        let (ways, before, dead_after) = ((self.needs.registry)(), self.suspects.clone(), self.config.dead_after);
        let watch = async move {
            let found = suspects(&ways, dead_after).await;
            for account in found.intersection(&before) {
                warn!(class = "network", "account.id" = account.0; "nothing answers on the account's line: it is connected anew");
                if !matches!(ways.restart.send(Restart(*account)).await, Ok(true)) {
                    info!("account.id" = account.0; "the account need not run any more");
                }
            }
            found
        };
        ctx.spawn(watch.into_actor(self).map(|found, actor, _| actor.suspects = found));
    }
}

async fn suspects(ways: &Ways, dead_after: Duration) -> HashSet<AccountId> {
    let Ok(Ok(overview)) = tokio::time::timeout(WAIT, ways.overview.send(Overview)).await else {
        return HashSet::new();
    };
    let connected = overview.accounts.into_iter().filter(|(_, status)| status.state == State::Connected);
    let mut found = HashSet::new();
    // One after the other: there is a minute for all of them, and nobody is in a hurry.
    for (account, _) in connected {
        let asked = tokio::time::timeout(WAIT, ways.snapshot.send(SnapshotOf(account))).await;
        if let Ok(Ok(Some(snapshot))) = asked
            && is_dead(&snapshot, dead_after, clock::unix())
        {
            found.insert(account);
        }
    }
    found
}

/// It says it is connected, and no heartbeat was answered for long.
fn is_dead(snapshot: &AccountSnapshot, dead_after: Duration, now: Timestamp) -> bool {
    let heard = snapshot.heartbeat_answered.unwrap_or(snapshot.status.since).max(snapshot.status.since);
    snapshot.status.state == State::Connected && now.since(heard) > dead_after * PATIENCE
}

/// Of an account whose last heartbeat was answered then.
#[cfg(test)]
pub(super) fn snapshot(
    account: AccountId,
    status: crate::account::state::Status,
    answered: impl Into<Option<Timestamp>>,
) -> AccountSnapshot {
    AccountSnapshot {
        account,
        status,
        heartbeat_sent: None,
        heartbeat_answered: answered.into(),
        last_business: None,
        unstored: 0,
        filling_gap: false,
        connections: 1,
        token_issued_at: None,
        token_requests_today: 0,
        breaker_open: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::state::{Reason, Status};

    fn snapshot(since: i64, answered: Option<i64>) -> AccountSnapshot {
        let status = Status::new(State::Connected, Reason::Registered, Timestamp(since));
        super::snapshot(AccountId(1), status, answered.map(Timestamp))
    }

    #[test]
    fn a_line_is_dead_when_no_heartbeat_was_answered_for_long() {
        let dead_after = Duration::from_secs(30);
        let now = Timestamp(1_000_000);
        assert!(!is_dead(&snapshot(0, Some(920_000)), dead_after, now));
        assert!(is_dead(&snapshot(0, Some(900_000)), dead_after, now));
        assert!(!is_dead(&snapshot(950_000, Some(10)), dead_after, now), "it is connected since a moment ago");
        assert!(is_dead(&snapshot(0, None), dead_after, now));
    }
}
