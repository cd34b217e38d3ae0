//! The accounts by name: for a choice among them, and beside what is theirs.

use std::collections::HashMap;

use super::{super::error::ApiResult, Panel};
use crate::{ids::AccountId, store::accounts};

/// Those that somebody may see, by name.
pub(in crate::web) struct AccountNames {
    ordered: Vec<(AccountId, String)>,
    by_id: HashMap<AccountId, String>,
}

impl AccountNames {
    pub(in crate::web) async fn read(panel: &Panel) -> ApiResult<Self> {
        let scope = panel.caller.scope;
        let all = panel.app.store.read(move |conn| accounts::list(conn, &scope)).await?;
        let ordered: Vec<_> = all.into_iter().map(|account| (account.id, account.name)).collect();
        let by_id = ordered.iter().cloned().collect();
        Ok(Self { ordered, by_id })
    }

    /// Its number where nobody knows it any more.
    pub(in crate::web) fn name(&self, id: AccountId) -> String {
        self.by_id.get(&id).cloned().unwrap_or_else(|| format!("#{id}"))
    }

    pub(in crate::web) fn all(&self) -> &[(AccountId, String)] {
        &self.ordered
    }

    /// What a choice among them offers: number and name.
    pub(in crate::web) fn choices(&self) -> Vec<(String, String)> {
        self.ordered.iter().map(|(id, name)| (id.to_string(), name.clone())).collect()
    }

    /// The first of them, by name.
    pub(in crate::web) fn first(&self, most: usize) -> Vec<AccountId> {
        self.ordered.iter().take(most).map(|(id, _)| *id).collect()
    }

    pub(in crate::web) fn count(&self) -> usize {
        self.ordered.len()
    }
}

/// The account that an address names.
pub(in crate::web) fn account_of(text: Option<&str>) -> Option<AccountId> {
    text.and_then(super::super::input::whole).map(AccountId)
}
