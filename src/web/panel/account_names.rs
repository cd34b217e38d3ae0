//! The accounts that somebody may see, for lists to choose from and for words about them.

use std::collections::BTreeMap;

use super::{super::api::accounts, Panel};
use crate::{
    ids::{AccountId, UserId},
    web::{error::ApiResult, forms::Outcome},
};

/// Nobody chooses from more.
const MOST: usize = 1000;

/// Their names by their ids.
#[derive(Debug, Default)]
pub(super) struct AccountNames(BTreeMap<AccountId, String>);

/// An account as a box to tick.
#[derive(Debug)]
pub(super) struct AccountTick {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) is_ticked: bool,
}

impl AccountNames {
    /// Those of the caller; where `owner` is given, only those that belong to them.
    pub(super) async fn read(panel: &Panel, owner: Option<UserId>) -> ApiResult<Self> {
        let mut names = BTreeMap::new();
        for number in 1.. {
            let query = super::asked(&format!("per_page=200&page={number}"))?.0;
            let page = accounts::read_page(&panel.app, &panel.caller, query).await?;
            let is_last = page.items.is_empty() || page.page * page.per_page >= page.total;
            let own = page.items.into_iter().filter(|account| owner.is_none_or(|owner| account.owner_id == owner));
            names.extend(own.map(|account| (account.id, account.name)));
            if is_last || names.len() >= MOST {
                break;
            }
        }
        Ok(Self(names))
    }

    /// Its name; its number where it is not among them.
    pub(super) fn name(&self, id: AccountId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| format!("#{id}"))
    }

    pub(super) fn choices(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(id, name)| (id.to_string(), name.clone())).collect()
    }

    /// All of them to tick, as they were before the form with this id was refused; else with these ticked. What is ticked and not among them stays.
    pub(super) fn boxes(&self, panel: &Panel, form: &str, ticked: &[AccountId]) -> Vec<AccountTick> {
        let typed = typed(panel, form);
        let is_ticked = |id: &AccountId| match &typed {
            Some(typed) => typed.contains(&id.to_string()),
            None => ticked.contains(id),
        };
        let others = ticked.iter().filter(|id| !self.0.contains_key(id)).map(|id| (*id, self.name(*id)));
        let known = self.0.iter().map(|(id, name)| (*id, name.clone()));
        known.chain(others).map(|(id, name)| AccountTick { id: id.0, is_ticked: is_ticked(&id), name }).collect()
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
