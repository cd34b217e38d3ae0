//! The accounts by name: beside what is theirs, and to tick.

use std::collections::{BTreeSet, HashMap};

use super::{
    super::{error::ApiResult, forms::Outcome},
    Panel,
};
use crate::{
    ids::{AccountId, UserId},
    store::accounts::{self, Called, NameFilter},
};

/// Those that somebody may see, by name.
pub(in crate::web) struct AccountNames {
    ordered: Vec<(AccountId, String)>,
    by_id: HashMap<AccountId, String>,
}

/// An account as a box to tick.
#[derive(Debug)]
pub(in crate::web) struct AccountTick {
    pub(in crate::web) id: i64,
    pub(in crate::web) name: String,
    pub(in crate::web) is_ticked: bool,
}

impl AccountNames {
    pub(in crate::web) async fn read(panel: &Panel) -> ApiResult<Self> {
        Ok(Self::new(named(panel, NameFilter::default()).await?))
    }

    /// Those of them that belong to this owner.
    pub(in crate::web) async fn of_owner(panel: &Panel, owner: UserId) -> ApiResult<Self> {
        let all = named(panel, NameFilter::default()).await?;
        Ok(Self::new(all.into_iter().filter(|account| account.owner == owner).collect()))
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

    pub(in crate::web) fn all(&self) -> &[(AccountId, String)] {
        &self.ordered
    }

    /// The first of them, by name.
    pub(in crate::web) fn first(&self, most: usize) -> Vec<AccountId> {
        self.ordered.iter().take(most).map(|(id, _)| *id).collect()
    }

    /// All of them to tick, as they were before the form with this id was refused; else with these ticked. What is ticked and not among
    /// them stays.
    pub(in crate::web) fn boxes(&self, panel: &Panel, form: &str, ticked: &[AccountId]) -> Vec<AccountTick> {
        let typed = typed(panel, form);
        let is_ticked = |id: &AccountId| match &typed {
            Some(typed) => typed.contains(&id.to_string()),
            None => ticked.contains(id),
        };
        let others = ticked.iter().filter(|id| !self.by_id.contains_key(id)).map(|id| (*id, self.name(*id)));
        let known = self.ordered.iter().cloned();
        known.chain(others).map(|(id, name)| AccountTick { id: id.0, is_ticked: is_ticked(&id), name }).collect()
    }
}

/// What the accounts that somebody may see are called, and no more of them than is asked for.
pub(super) async fn named(panel: &Panel, filter: NameFilter) -> ApiResult<Vec<Called>> {
    let scope = panel.caller.scope;
    Ok(panel.app.store.read(move |conn| accounts::names(conn, &scope, &filter)).await?)
}

/// The accounts that were ticked in a form that was refused.
fn typed(panel: &Panel, form: &str) -> Option<Vec<String>> {
    let kept = panel.kept.as_ref().filter(|kept| kept.form == form)?;
    match kept.outcome {
        Outcome::Refused(_) => {
            let of = kept.values.iter().filter(|(name, _)| name == "accounts:wholes");
            Some(of.map(|(_, id)| id.clone()).collect())
        }
        Outcome::Done { .. } => None,
    }
}

/// The account that an address names.
pub(in crate::web) fn account_of(text: Option<&str>) -> Option<AccountId> {
    text.and_then(super::super::input::whole).map(AccountId)
}
