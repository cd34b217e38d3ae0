//! One account of those that somebody may see: from a list while they are few; where they are many, by a name that the server looks up.

use super::{
    super::error::ApiResult,
    Panel,
    account_names::{AccountNames, account_of, named},
};
use crate::{
    ids::AccountId,
    store::accounts::{Called, NameFilter},
};

/// More are not offered in a list.
pub(super) const MOST: usize = 200;

/// Which account a page is asked about, by number.
const ACCOUNT: &str = "account";
/// The same by name, where there are too many for a list.
const NAME: &str = "account_name";

/// What a choice among the accounts shows.
#[derive(Debug, Default)]
pub(in crate::web) struct AccountChoice {
    /// Numbers and names: all; where they are many, the first of those that fit what was typed.
    pub(in crate::web) offered: Vec<(String, String)>,
    /// Too many for a list.
    pub(in crate::web) is_long: bool,
    /// The number of the one that is chosen; empty: none is.
    pub(in crate::web) chosen: String,
    /// What stands in the field for a name.
    pub(in crate::web) typed: String,
    /// What was typed is the name of no account, or a part of several ones'.
    pub(in crate::web) is_unclear: bool,
    /// What else the page was asked for, for a form that only looks for accounts.
    pub(in crate::web) others: Vec<(String, String)>,
    /// The page.
    pub(in crate::web) page: String,
}

impl AccountChoice {
    /// For a form of search. A name that was typed becomes the number by which the rest of the page, and the API, know the account:
    /// to be read before they are.
    pub(in crate::web) async fn read(panel: &mut Panel) -> ApiResult<Self> {
        let (typed, all) = (panel.take(NAME).unwrap_or_default(), first(panel, None).await?);
        let is_long = all.len() > MOST;
        if typed.is_empty() {
            return Self::new(panel, all, is_long).with_chosen(panel).await;
        }
        let fitting = first(panel, Some(&typed)).await?;
        if let Some(found) = meant(&fitting, &typed) {
            panel.take(ACCOUNT);
            panel.query.push((ACCOUNT.to_owned(), found.id.to_string()));
            return Self::new(panel, all, is_long).with_chosen(panel).await;
        }
        let offered = if is_long { fitting } else { all };
        Ok(Self { is_unclear: true, typed, ..Self::new(panel, offered, is_long) })
    }

    /// For a form that changes something, in which this one was chosen so far: the list, which `account_name` narrows where it is long.
    pub(in crate::web) async fn for_form(panel: &Panel, chosen: Option<AccountId>) -> ApiResult<Self> {
        let (all, typed) = (first(panel, None).await?, panel.asked_for(NAME));
        let is_long = all.len() > MOST;
        let offered = if typed.is_empty() { all } else { first(panel, Some(&typed)).await? };
        let chosen = chosen.map(|id| id.to_string()).unwrap_or_default();
        let choice = Self { chosen, ..Self::new(panel, offered, is_long) };
        Ok(Self { typed, ..choice.with_chosen(panel).await? })
    }

    /// The one that is chosen is offered, and its name known; one that is not theirs to see is not.
    async fn with_chosen(mut self, panel: &Panel) -> ApiResult<Self> {
        let Some(id) = self.id() else { return Ok(self) };
        if let Some((_, name)) = self.offered.iter().find(|(offered, _)| *offered == self.chosen) {
            self.typed.clone_from(name);
            return Ok(self);
        }
        if let Some(name) = AccountNames::of(panel, [id]).await?.known(id) {
            self.typed = name.to_owned();
            self.offered.insert(0, (self.chosen.clone(), self.typed.clone()));
        }
        Ok(self)
    }

    fn new(panel: &Panel, accounts: Vec<Called>, is_long: bool) -> Self {
        let offered = accounts.into_iter().take(MOST).map(|account| (account.id.to_string(), account.name));
        let is_other = |name: &str| name != NAME && name != "page";
        Self {
            offered: offered.collect(),
            is_long,
            chosen: panel.asked_for(ACCOUNT),
            others: panel.query.iter().filter(|(name, _)| is_other(name)).cloned().collect(),
            page: panel.path.clone(),
            ..Self::default()
        }
    }

    /// Nobody has any.
    pub(in crate::web) fn is_empty(&self) -> bool {
        self.offered.is_empty() && !self.is_long
    }

    /// The one that is chosen.
    pub(in crate::web) fn id(&self) -> Option<AccountId> {
        account_of(Some(&self.chosen))
    }

    /// The first of those that are offered.
    pub(in crate::web) fn firsts(&self, most: usize) -> Vec<AccountId> {
        self.offered.iter().take(most).filter_map(|(id, _)| account_of(Some(id))).collect()
    }

    /// The one that is chosen; where none is, the first becomes it.
    pub(in crate::web) fn id_or_first(&mut self) -> Option<AccountId> {
        if self.chosen.is_empty()
            && let Some((id, name)) = self.offered.first().cloned()
        {
            (self.chosen, self.typed) = (id, name);
        }
        self.id()
    }
}

/// One more than a list offers, so that it is known whether there are more.
async fn first(panel: &Panel, text: Option<&str>) -> ApiResult<Vec<Called>> {
    let most = i64::try_from(MOST + 1).ok();
    named(panel, NameFilter { texts: text.map(str::to_owned).into_iter().collect(), most, ..NameFilter::default() })
        .await
}

/// The account of that name; else the only one in whose name it stands.
fn meant<'a>(fitting: &'a [Called], text: &str) -> Option<&'a Called> {
    let called_so = fitting.iter().find(|account| account.name == text);
    called_so.or_else(|| fitting.first().filter(|_| fitting.len() == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_meant_as_a_whole_and_a_part_of_it_where_it_is_in_one_alone() {
        let accounts =
            ["shop", "shop-1", "store"].map(|name| Called { id: AccountId(name.len() as i64), name: name.to_owned() });
        let found = |of: &[Called], text| meant(of, text).map(|account| account.name.clone());
        assert_eq!(found(&accounts[..2], "shop").as_deref(), Some("shop"));
        assert_eq!(found(&accounts[..2], "sho"), None);
        assert_eq!(found(&accounts[2..], "sto").as_deref(), Some("store"));
        assert_eq!(found(&[], "x"), None);
    }
}
