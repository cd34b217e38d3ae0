//! What can be done with several items at once: the bar below the list of items.

use super::{
    super::{
        api::{cards, items::ItemView},
        error::ApiResult,
    },
    Panel, Shell,
};
use crate::access::role::Right;

/// The form, as the boxes of the list name it.
pub(super) const FORM: &str = "ticked";
/// What they are called.
pub(super) const ITEMS: &str = "items:objects";

/// For who may change items.
pub(super) struct ItemsBar {
    pub(super) switches: [Switch; 2],
    /// Delivery rules are for who sees all accounts.
    pub(super) may_bind: bool,
    /// Number and name.
    pub(super) cards: Vec<(String, String)>,
    pub(super) is_reply_refused: bool,
    pub(super) is_floor_refused: bool,
    pub(super) is_card_refused: bool,
}

/// Has items polished every day, or not any more.
pub(super) struct Switch {
    pub(super) part: &'static str,
    pub(super) to: bool,
    pub(super) icon: &'static str,
    pub(super) name: &'static str,
    pub(super) done: &'static str,
    pub(super) undone: &'static str,
}

impl ItemsBar {
    /// `None`: they may not.
    pub(super) async fn read(panel: &Panel, shell: &Shell) -> ApiResult<Option<Self>> {
        if !panel.may(Right::Manage) {
            return Ok(None);
        }
        let may_bind = panel.caller.scope.is_whole();
        let cards = if may_bind { cards_to_bind(panel).await? } else { Vec::new() };
        let is_refused = |field: &str| !shell.problem(FORM, field).is_empty();
        Ok(Some(Self {
            switches: switches(panel),
            may_bind,
            cards,
            is_reply_refused: is_refused("reply/default_reply.text"),
            is_floor_refused: is_refused("floor/change.floor_fen"),
            is_card_refused: is_refused("card/card_id"),
        }))
    }
}

async fn cards_to_bind(panel: &Panel) -> ApiResult<Vec<(String, String)>> {
    let known = cards::list(panel.caller.clone(), super::asked("per_page=200")?, panel.app.clone()).await?.0;
    Ok(known.items.into_iter().map(|card| (card.id.to_string(), card.name)).collect())
}

fn switches(panel: &Panel) -> [Switch; 2] {
    [
        Switch {
            part: "polish",
            to: true,
            icon: "sparkles",
            name: panel.t("每天擦亮", "Polish every day"),
            done: panel.t(
                "已开启每天擦亮，{changed} 件商品有变化。",
                "They are polished every day; items that changed: {changed}.",
            ),
            undone: panel.t("已恢复为不自动擦亮。", "They are not polished, as before."),
        },
        Switch {
            part: "no-polish",
            to: false,
            icon: "x",
            name: panel.t("不再擦亮", "Polish no more"),
            done: panel.t(
                "已关闭每天擦亮，{changed} 件商品有变化。",
                "They are polished no more; items that changed: {changed}.",
            ),
            undone: panel.t("已恢复每天擦亮。", "They are polished every day, as before."),
        },
    ]
}

/// What the box of an item sends.
pub(super) fn key(item: &ItemView) -> String {
    serde_json::json!({"account": item.account_id, "item": item.item_id}).to_string()
}
