//! What accounts are called, for choices between them.

use super::{
    super::{api::accounts, error::ApiResult},
    Panel,
};
use crate::ids::AccountId;

/// The accounts that somebody may see: the first two hundred, by name.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct AccountNames(Vec<(AccountId, String)>);

impl AccountNames {
    /// With this account, also where it is none of the first.
    pub(in crate::web) async fn read(panel: &Panel, wanted: Option<AccountId>) -> ApiResult<Self> {
        let page = accounts::read_page(&panel.app, &panel.caller, super::asked("per_page=200")?.0).await?;
        let mut names: Vec<_> = page.items.into_iter().map(|account| (account.id, account.name)).collect();
        if let Some(id) = wanted.filter(|id| !names.iter().any(|(known, _)| known == id)) {
            names.push((id, accounts::shown(&panel.app, &panel.caller, id).await?.name));
        }
        Ok(Self(names))
    }

    pub(in crate::web) fn first(&self) -> Option<AccountId> {
        self.0.first().map(|(id, _)| *id)
    }

    pub(in crate::web) fn all(&self) -> &[(AccountId, String)] {
        &self.0
    }

    /// Its number where the name is not known.
    pub(in crate::web) fn of(&self, id: AccountId) -> String {
        self.0.iter().find(|(known, _)| *known == id).map_or_else(|| format!("#{id}"), |(_, name)| name.clone())
    }

    /// Values and texts for a choice.
    pub(in crate::web) fn options(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(id, name)| (id.to_string(), name.clone())).collect()
    }
}

/// The account that an address names.
pub(in crate::web) fn account_of(text: Option<&str>) -> Option<AccountId> {
    text.and_then(super::super::input::whole).map(AccountId)
}
