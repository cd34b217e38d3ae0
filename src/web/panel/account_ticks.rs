//! Accounts to tick in a form that changes something: all while they are few; where they are many, those that are ticked, and those that
//! were looked for by name or number (see [`LOOK`](super::super::forms::LOOK)).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::error::ApiResult,
    Panel,
    account_choice::MOST,
    account_names::{account_of, named},
};
use crate::{
    ids::AccountId,
    store::accounts::{Called, NameFilter},
};

/// The field of a form in which accounts are looked for, one a line.
const LOOKED_FOR: &str = "_look.accounts";
/// So many lines of it are read.
const MOST_LINES: usize = 50;

/// An account as a box to tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct AccountTick {
    pub(in crate::web) id: i64,
    pub(in crate::web) name: String,
    pub(in crate::web) is_ticked: bool,
}

/// What one form shows.
#[derive(Debug, Default)]
pub(in crate::web) struct AccountTicks {
    pub(in crate::web) boxes: Vec<AccountTick>,
    /// Too many for a list: others are looked for.
    pub(in crate::web) is_long: bool,
    /// What was looked for, and stands in no name: a line each.
    pub(in crate::web) unknown: String,
    /// What was looked for stands in several names: none of them is ticked yet.
    pub(in crate::web) is_unclear: bool,
    /// More fit than are offered.
    pub(in crate::web) has_more: bool,
}

/// What the forms of a page need to know, read at once.
pub(in crate::web) struct AccountsToTick {
    /// By name; `None`: they are too many.
    all: Option<Vec<(AccountId, String)>>,
    /// Of those that are ticked anywhere.
    names: BTreeMap<AccountId, String>,
    /// The form that came back, with what was ticked in it, and what was found for it.
    came_back: Option<CameBack>,
}

struct CameBack {
    form: String,
    ticked: BTreeSet<AccountId>,
    found: Found,
}

/// What became of what was looked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Meant without a doubt.
    meant: Vec<Called>,
    /// They fit.
    offered: Vec<Called>,
    unknown: Vec<String>,
    has_more: bool,
}

impl AccountsToTick {
    /// `field`: of the boxes; `ticked`: in any form of the page.
    pub(in crate::web) async fn read(
        panel: &Panel,
        field: &str,
        ticked: impl IntoIterator<Item = AccountId>,
    ) -> ApiResult<Self> {
        let first = named(panel, NameFilter { most: i64::try_from(MOST + 1).ok(), ..NameFilter::default() }).await?;
        let all: Option<Vec<_>> =
            (first.len() <= MOST).then(|| first.into_iter().map(|account| (account.id, account.name)).collect());
        let typed = Typed::of(panel, field);
        let lines: &[String] = match (&all, &typed) {
            (None, Some(typed)) => &typed.lines,
            _ => &[],
        };
        let numbers = lines.iter().filter_map(|line| number(line));
        let of_form = typed.iter().flat_map(|typed| typed.ticked.iter().copied());
        let among: BTreeSet<AccountId> = ticked.into_iter().chain(of_form).chain(numbers).collect();
        let mut known = Vec::new();
        if !among.is_empty() {
            let among = Some(among.into_iter().collect());
            known = named(panel, NameFilter { among, ..NameFilter::default() }).await?;
        }
        let found = if lines.is_empty() { Found::default() } else { look(panel, lines, &known).await? };
        let names = known.iter().chain(&found.meant).map(|account| (account.id, account.name.clone())).collect();
        let came_back = typed.map(|typed| CameBack { form: typed.form, ticked: typed.ticked, found });
        Ok(Self { all, names, came_back })
    }

    /// Of this form: as it came back; else with these ticked. What is ticked is shown in any case.
    pub(in crate::web) fn of_form(&self, form: &str, ticked: &[AccountId]) -> AccountTicks {
        let came_back = self.came_back.as_ref().filter(|back| back.form == form);
        let mut is_on: BTreeSet<AccountId> = match came_back {
            Some(back) => back.ticked.clone(),
            None => ticked.iter().copied().collect(),
        };
        let found = came_back.map(|back| &back.found);
        is_on.extend(found.into_iter().flat_map(|found| found.meant.iter().map(|account| account.id)));
        let tick = |id: AccountId, name: String| AccountTick { id: id.0, is_ticked: is_on.contains(&id), name };
        let name_of = |id: &AccountId| self.names.get(id).cloned().unwrap_or_else(|| format!("#{id}"));
        let all = self.all.iter().flatten();
        let mut boxes: Vec<AccountTick> = all.clone().map(|(id, name)| tick(*id, name.clone())).collect();
        let is_there = |id: &AccountId| all.clone().any(|(known, _)| known == id);
        let mut others: Vec<AccountTick> =
            is_on.iter().filter(|id| !is_there(id)).map(|id| tick(*id, name_of(id))).collect();
        others.sort_by(|one, other| one.name.cmp(&other.name));
        boxes.extend(others);
        let offered = found.into_iter().flat_map(|found| &found.offered).filter(|account| !is_on.contains(&account.id));
        boxes.extend(offered.map(|account| tick(account.id, account.name.clone())));
        AccountTicks {
            boxes,
            is_long: self.all.is_none(),
            unknown: found.map(|found| found.unknown.join("\n")).unwrap_or_default(),
            is_unclear: found.is_some_and(|found| !found.offered.is_empty()),
            has_more: found.is_some_and(|found| found.has_more),
        }
    }

    /// There is none.
    pub(in crate::web) fn is_empty(&self) -> bool {
        self.all.as_ref().is_some_and(Vec::is_empty)
    }
}

/// What was typed into a form that came back and is still to be sent.
struct Typed {
    form: String,
    ticked: BTreeSet<AccountId>,
    lines: Vec<String>,
}

impl Typed {
    fn of(panel: &Panel, field: &str) -> Option<Self> {
        let kept = panel.kept.as_ref().filter(|kept| kept.is_to_be_sent())?;
        let ticked = kept.values.iter().filter(|(name, _)| name == field);
        let sought = kept.values.iter().filter(|(name, _)| name == LOOKED_FOR);
        let lines = sought.flat_map(|(_, text)| text.lines()).map(str::trim).filter(|line| !line.is_empty());
        Some(Self {
            form: kept.form.clone(),
            ticked: ticked.filter_map(|(_, id)| account_of(Some(id))).collect(),
            lines: lines.take(MOST_LINES).map(str::to_owned).collect(),
        })
    }
}

/// `#12` or `12`.
fn number(line: &str) -> Option<AccountId> {
    account_of(Some(line.strip_prefix('#').unwrap_or(line)))
}

/// Looks for all lines at once; `known` has those whose number is one of them.
async fn look(panel: &Panel, lines: &[String], known: &[Called]) -> ApiResult<Found> {
    let called = named(panel, NameFilter { called: Some(lines.to_vec()), ..NameFilter::default() }).await?;
    let is_open = |line: &&String| exact(line, &called, known).is_none();
    let open: Vec<String> = lines.iter().filter(is_open).cloned().collect();
    let mut fitting = Vec::new();
    if !open.is_empty() {
        let filter = NameFilter { texts: open, most: i64::try_from(MOST + 1).ok(), ..NameFilter::default() };
        fitting = named(panel, filter).await?;
    }
    Ok(Found::new(lines, &called, known, fitting))
}

/// The account of that name, else of that number.
fn exact<'a>(line: &str, called: &'a [Called], known: &'a [Called]) -> Option<&'a Called> {
    let numbered = || number(line).and_then(|id| known.iter().find(|account| account.id == id));
    called.iter().find(|account| account.name == line).or_else(numbered)
}

impl Found {
    fn new(lines: &[String], called: &[Called], known: &[Called], mut fitting: Vec<Called>) -> Self {
        let has_more = fitting.len() > MOST;
        fitting.truncate(MOST);
        let mut found = Self { has_more, ..Self::default() };
        for line in lines {
            if let Some(account) = exact(line, called, known) {
                found.meant.push(account.clone());
                continue;
            }
            let text = line.to_lowercase();
            let fit: Vec<&Called> =
                fitting.iter().filter(|account| account.name.to_lowercase().contains(&text)).collect();
            match fit.as_slice() {
                // What fits may be behind the end of what was read.
                [] if !has_more => found.unknown.push(line.clone()),
                [only] if !has_more => found.meant.push((*only).clone()),
                several => found.offered.extend(several.iter().copied().cloned()),
            }
        }
        found.offered.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        found.offered.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: i64, name: &str) -> Called {
        Called { id: AccountId(id), name: name.to_owned() }
    }

    fn found(lines: &[&str], called: &[Called], known: &[Called], fitting: &[Called]) -> Found {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        Found::new(&lines, called, known, fitting.to_vec())
    }

    #[test]
    fn a_name_is_meant_before_a_number_and_a_number_before_a_part_of_a_name() {
        let (seven, other) = ([account(7, "shop")], [account(1, "7")]);
        let one = |called: &[Called], known: &[Called]| found(&["7"], called, known, &[account(5, "shop-7")]).meant;
        assert_eq!(one(&other, &seven), other);
        assert_eq!(one(&[], &seven), seven);
        assert_eq!(one(&[], &[]), [account(5, "shop-7")]);
        assert_eq!(found(&["#7"], &[], &seven, &[]).meant, seven);
    }

    #[test]
    fn what_fits_several_is_offered_and_what_fits_none_is_said() {
        let shops = [account(1, "Shop-1"), account(2, "shop-2"), account(3, "store")];
        let all = found(&["shop", "STORE", "nobody"], &[], &[], &shops);
        assert_eq!(
            (all.offered, all.meant, all.unknown),
            (shops[..2].to_vec(), shops[2..].to_vec(), vec!["nobody".to_owned()])
        );
        let many: Vec<Called> = (0..).take(MOST + 1).map(|id| account(id, &format!("shop-{id}"))).collect();
        let most = found(&["shop", "late"], &[], &[], &many);
        assert_eq!((most.has_more, most.offered.len(), most.unknown.len()), (true, MOST, 0));
    }

    #[test]
    fn what_is_ticked_is_shown_and_what_came_back_counts() {
        let names = [(AccountId(2), "b".to_owned()), (AccountId(4), "a".to_owned())].into();
        let found = Found { meant: vec![account(4, "a")], offered: vec![account(9, "c")], ..Found::default() };
        let came_back = CameBack { form: "one".into(), ticked: [AccountId(2)].into(), found };
        let page = AccountsToTick { all: None, names, came_back: Some(came_back) };
        let shown = |form: &str, ticked: &[i64]| {
            let ticked: Vec<_> = ticked.iter().copied().map(AccountId).collect();
            let boxes = page.of_form(form, &ticked).boxes;
            boxes.into_iter().map(|tick| (tick.id, tick.name, tick.is_ticked)).collect::<Vec<_>>()
        };
        let tick = |id: i64, name: &str, is_ticked| (id, name.to_owned(), is_ticked);
        assert_eq!(shown("one", &[7]), [tick(4, "a", true), tick(2, "b", true), tick(9, "c", false)]);
        assert_eq!(shown("another", &[2, 7]), [tick(7, "#7", true), tick(2, "b", true)]);
        let all = Some(vec![(AccountId(1), "x".to_owned()), (AccountId(2), "b".to_owned())]);
        let few = AccountsToTick { all, names: BTreeMap::new(), came_back: None };
        let boxes = few.of_form("one", &[AccountId(2)]).boxes;
        assert_eq!(boxes.iter().map(|tick| tick.is_ticked).collect::<Vec<_>>(), [false, true]);
    }
}
