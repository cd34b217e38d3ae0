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
    Delivery,
    Accounts,
    Notices,
    Challenges,
    Logs,
    Audit,
    People,
    Tokens,
    Settings,
    About,
    /// In no line: behind one's own name.
    Me,
}

impl Place {
    /// Pages that look alike have one file of styles, `panel-AREA.css`.
    pub(super) fn area(self) -> &'static str {
        match self {
            Self::Home | Self::Accounts => "home",
            Self::Chats => "chats",
            Self::Orders | Self::Reviews | Self::Items => "orders",
            Self::Rules | Self::Ai => "rules",
            Self::Cards | Self::Delivery | Self::Notices => "cards",
            Self::Challenges
            | Self::Logs
            | Self::Audit
            | Self::People
            | Self::Tokens
            | Self::Settings
            | Self::About
            | Self::Me => "system",
        }
    }
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
    entry(Place::Chats, Group::Daily, "/app/chats", "message-circle", ("会话", "Chats"), Right::Read),
    entry(Place::Orders, Group::Daily, "/app/orders", "receipt-text", ("订单", "Orders"), Right::Read),
    entry(Place::Reviews, Group::Daily, "/app/reviews", "clipboard-check", ("待处理", "To decide"), Right::Read),
    entry(Place::Accounts, Group::Shop, "/app/accounts", "store", ("账号", "Accounts"), Right::Read),
    entry(Place::Items, Group::Shop, "/app/items", "shopping-bag", ("商品", "Items"), Right::Read),
    entry(Place::Rules, Group::Shop, "/app/rules", "message-square-reply", ("自动回复", "Answers"), Right::Read),
    entry(Place::Ai, Group::Shop, "/app/ai", "sparkles", ("AI", "AI"), Right::Read),
    entry(Place::Delivery, Group::Shop, "/app/delivery", "package", ("自动发货", "Delivery"), Right::Manage),
    entry(Place::Cards, Group::Shop, "/app/cards", "ticket", ("卡券与库存", "Cards and stock"), Right::Manage),
    entry(Place::Notices, Group::System, "/app/notices", "bell", ("通知", "Notices"), Right::Read),
    entry(
        Place::Challenges,
        Group::System,
        "/app/challenges",
        "shield-check",
        ("人工验证", "Verifications"),
        Right::Manage,
    ),
    entry(Place::People, Group::System, "/app/people", "users", ("人员", "People"), Right::Manage),
    entry(Place::Tokens, Group::System, "/app/tokens", "key-round", ("访问令牌", "Tokens"), Right::Read),
    entry(Place::Logs, Group::System, "/app/logs", "scroll-text", ("日志", "Log"), Right::Read),
    entry(Place::Audit, Group::System, "/app/audit", "history", ("操作记录", "Audit"), Right::Manage),
    entry(Place::Settings, Group::System, "/app/settings", "settings", ("设置", "Settings"), Right::Administer),
    entry(Place::About, Group::System, "/app/about", "info", ("关于", "About"), Right::Read),
];
