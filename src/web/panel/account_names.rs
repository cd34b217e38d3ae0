//! The accounts by name: beside what is theirs.

use std::collections::{BTreeSet, HashMap};

use super::{
    super::error::{ApiResult, Language},
    Panel,
};
use crate::{
    ids::AccountId,
    store::accounts::{self, Called, NameFilter},
};

/// More are counted in a line of them.
const MOST_IN_A_LINE: usize = 10;

/// Those that somebody may see, by name.
pub(in crate::web) struct AccountNames {
    ordered: Vec<(AccountId, String)>,
    by_id: HashMap<AccountId, String>,
}

impl AccountNames {
    pub(in crate::web) async fn read(panel: &Panel) -> ApiResult<Self> {
        Ok(Self::new(named(panel, NameFilter::default()).await?))
    }

    /// Of these alone, for a page that tells of a few.
    pub(in crate::web) async fn of(panel: &Panel, ids: impl IntoIterator<Item = AccountId>) -> ApiResult<Self> {
        let ids: BTreeSet<AccountId> = ids.into_iter().collect();
        if ids.is_empty() {
            return Ok(Self::new(Vec::new()));
        }
        let among = Some(ids.into_iter().collect());
        Ok(Self::new(named(panel, NameFilter { among, ..NameFilter::default() }).await?))
    }

    fn new(accounts: Vec<Called>) -> Self {
        let ordered: Vec<_> = accounts.into_iter().map(|account| (account.id, account.name)).collect();
        let by_id = ordered.iter().cloned().collect();
        Self { ordered, by_id }
    }

    /// Its number where nobody knows it any more.
    pub(in crate::web) fn name(&self, id: AccountId) -> String {
        self.by_id.get(&id).cloned().unwrap_or_else(|| format!("#{id}"))
    }

    pub(in crate::web) fn known(&self, id: AccountId) -> Option<&str> {
        self.by_id.get(&id).map(String::as_str)
    }

    /// The first of them, by name.
    pub(in crate::web) fn first(&self, most: usize) -> Vec<AccountId> {
        self.ordered.iter().take(most).map(|(id, _)| *id).collect()
    }

    /// Several in a line: the first by name, and how many more there are.
    pub(in crate::web) fn several(&self, ids: &[AccountId], panel: &Panel) -> String {
        let mut names: Vec<String> = ids.iter().map(|id| self.name(*id)).collect();
        names.sort();
        let more = names.len().saturating_sub(MOST_IN_A_LINE);
        names.truncate(MOST_IN_A_LINE);
        let line = names.join(panel.t("、", ", "));
        match (more, panel.language) {
            (0, _) => line,
            (more, Language::Chinese) => format!("{line} 等 {} 个账号", names.len() + more),
            (more, Language::English) => format!("{line} and {more} more"),
        }
    }
}

/// What the accounts that somebody may see are called, and no more of them than is asked for.
pub(super) async fn named(panel: &Panel, filter: NameFilter) -> ApiResult<Vec<Called>> {
    let scope = panel.caller.scope;
    Ok(panel.app.store.read(move |conn| accounts::names(conn, &scope, &filter)).await?)
}

/// The account that an address names.
pub(in crate::web) fn account_of(text: Option<&str>) -> Option<AccountId> {
    text.and_then(super::super::input::whole).map(AccountId)
}
