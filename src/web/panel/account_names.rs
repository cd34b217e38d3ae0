//! The accounts by name: for a choice among them, and beside what is theirs.

use std::collections::HashMap;

use super::{
    super::{error::ApiResult, forms::Outcome},
    Panel,
};
use crate::{
    ids::{AccountId, UserId},
    store::accounts,
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
        Self::fitting(panel, None).await
    }

    /// Those of them that belong to this owner.
    pub(in crate::web) async fn of_owner(panel: &Panel, owner: UserId) -> ApiResult<Self> {
        Self::fitting(panel, Some(owner)).await
    }

    async fn fitting(panel: &Panel, owner: Option<UserId>) -> ApiResult<Self> {
        let scope = panel.caller.scope;
        let all = panel.app.store.read(move |conn| accounts::list(conn, &scope)).await?;
        let fitting = all.into_iter().filter(|account| owner.is_none_or(|owner| account.owner == owner));
        let ordered: Vec<_> = fitting.map(|account| (account.id, account.name)).collect();
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

    pub(in crate::web) fn count(&self) -> usize {
        self.ordered.len()
    }
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
