//! Where what a delivery lacks is mended.

use super::{super::api::readiness::LackView, Panel};
use crate::{access::role::Right, delivery::readiness::Lack, ids::AccountId};

/// A place in the panel, and what it is called in a link.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct Mend {
    /// Empty: nothing is to be done, or not by whoever looks.
    pub(in crate::web) href: String,
    pub(in crate::web) name: &'static str,
}

/// Each with the place where it is mended.
pub(in crate::web) fn with_places(lacks: Vec<LackView>, account: AccountId, panel: &Panel) -> Vec<(LackView, Mend)> {
    lacks
        .into_iter()
        .map(|lack| {
            let mend = mend(&lack, account, panel);
            (lack, mend)
        })
        .collect()
}

fn mend(lack: &LackView, account: AccountId, panel: &Panel) -> Mend {
    if !panel.may(Right::Manage) {
        return Mend::default();
    }
    let card = || lack.card_id.map_or_else(|| "/app/cards".to_owned(), |card| format!("/app/cards/{card}"));
    let (href, name) = match lack.code {
        Lack::DeliveryOff => ("/app/delivery".to_owned(), panel.t("去开启自动发货", "Switch deliveries on")),
        Lack::AccountOff => (format!("/app/accounts/{account}"), panel.t("去启用账号", "Enable the account")),
        Lack::NeedsPerson => (format!("/app/accounts/{account}/mend"), panel.t("去处理账号", "See to the account")),
        // It comes back by itself; the switch is at the top of every page, or in the list of accounts.
        Lack::NotConnected => (String::new(), ""),
        Lack::Stopped => ("/app/accounts".to_owned(), panel.t("查看账号", "See the accounts")),
        Lack::NoRule | Lack::NoSpec => {
            ("/app/delivery/new".to_owned(), panel.t("新建发货规则", "Make a delivery rule"))
        }
        Lack::RuleOff => ("/app/delivery".to_owned(), panel.t("去启用发货规则", "Enable a delivery rule")),
        Lack::CardOff => (card(), panel.t("去启用卡券", "Enable the card")),
        Lack::CardEmpty => (card(), panel.t("去填写卡券内容", "Fill the card")),
        Lack::OutOfStock => (card(), panel.t("去补充库存", "Add stock")),
    };
    Mend { href, name }
}
