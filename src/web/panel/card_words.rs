//! What cards and their stock are called.

use super::Panel;
use crate::delivery::{card::Kind, unit::UnitState};

pub(super) fn kind_name(kind: Kind, panel: &Panel) -> &'static str {
    match kind {
        Kind::Text => panel.t("固定文本", "Text"),
        Kind::Pool => panel.t("卡密库存", "Codes in stock"),
        Kind::Image => panel.t("图片", "Pictures"),
        Kind::Api => panel.t("接口取卡", "From a server"),
        Kind::Combination => panel.t("组合", "Combination"),
    }
}

/// For whom it is made.
pub(super) fn kind_sentence(kind: Kind, panel: &Panel) -> &'static str {
    match kind {
        Kind::Text => panel.t(
            "每位买家收到同一段文字，例如网盘链接、使用教程。",
            "Every buyer gets the same text: a link to a download, a manual.",
        ),
        Kind::Pool => panel.t(
            "先导入一批卡密，每卖出一件发一条，发过的不会再发。",
            "You bring a stock of codes. Each piece that is sold gets one, and none is given twice.",
        ),
        Kind::Image => panel.t(
            "每位买家收到同样的一张或几张图片，例如二维码、教程截图。",
            "Every buyer gets the same pictures: a QR code, screenshots of a manual.",
        ),
        Kind::Api => panel.t(
            "每次发货时向您或供货商的服务器取一条内容。",
            "For each piece your server, or your supplier's, is asked for what to give.",
        ),
        Kind::Combination => panel.t(
            "把几张已有的卡券合在一起，按顺序发给买家。",
            "Several of your cards together, given one after the other.",
        ),
    }
}

pub(super) fn kind_icon(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "scroll-text",
        Kind::Pool => "package",
        Kind::Image => "image",
        Kind::Api => "link",
        Kind::Combination => "ticket",
    }
}

pub(super) fn state_name(state: UnitState, panel: &Panel) -> &'static str {
    match state {
        UnitState::Free => panel.t("可用", "free"),
        UnitState::Reserved => panel.t("已预留", "reserved"),
        UnitState::Sent => panel.t("发送中", "on its way"),
        UnitState::Confirmed => panel.t("已送达", "delivered"),
        UnitState::Uncertain => panel.t("结果不明", "in doubt"),
        UnitState::Returned => panel.t("已退回", "given back"),
        UnitState::Void => panel.t("已作废", "void"),
    }
}

/// The look of its chip.
pub(super) fn state_look(state: UnitState) -> &'static str {
    match state {
        UnitState::Free | UnitState::Confirmed => "good",
        UnitState::Reserved | UnitState::Sent | UnitState::Returned => "warm",
        UnitState::Uncertain => "bad",
        UnitState::Void => "",
    }
}
