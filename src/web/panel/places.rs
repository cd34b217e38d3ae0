//! The menu: every place of the panel, once.

use crate::access::role::Right;

/// A line of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Place {
    Home,
    Chats,
    Orders,
    Reviews,
    Items,
    Rules,
    Ai,
    Cards,
    Accounts,
    Notices,
    Challenges,
    Logs,
    Audit,
    People,
    Tokens,
    Settings,
    About,
}

/// What the menu says of a place.
#[derive(Debug)]
pub(in crate::web) struct Entry {
    pub(super) place: Place,
    pub(super) path: &'static str,
    pub(super) icon: &'static str,
    pub(super) zh: &'static str,
    pub(super) en: &'static str,
    pub(super) right: Right,
    pub(super) group: Group,
}

/// What belongs together in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Group {
    Daily,
    Shop,
    System,
}

const fn entry(
    place: Place,
    group: Group,
    path: &'static str,
    icon: &'static str,
    (zh, en): (&'static str, &'static str),
    right: Right,
) -> Entry {
    Entry { place, path, icon, zh, en, right, group }
}

/// In the order in which they stand.
pub(super) const ENTRIES: &[Entry] = &[
    entry(Place::Home, Group::Daily, "/app", "house", ("首页", "Home"), Right::Read),
    entry(Place::Accounts, Group::Shop, "/app/accounts", "store", ("账号", "Accounts"), Right::Read),
];
