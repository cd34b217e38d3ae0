//! Where orders stand and what they were given, in the words and looks of the panel.

use super::super::{
    api::orders::{OrderUnitsView, OrderView},
    error::Language,
};
use crate::{delivery::step::Unit, ids::Fen, order::status::Status};

/// The look of a chip that says where an order stands.
pub(super) fn look(status: Option<Status>) -> &'static str {
    match status {
        Some(Status::PendingShip) => "warm",
        Some(Status::Completed) => "good",
        Some(Status::Refunding) => "bad",
        None | Some(Status::Processing | Status::Shipped | Status::Cancelled) => "",
    }
}

/// The look of a unit of an order.
pub(super) fn unit_look(state: Unit) -> &'static str {
    match state {
        Unit::Confirmed => "good",
        Unit::Uncertain | Unit::Rejected => "bad",
        Unit::Reserved | Unit::Sent => "warm",
        Unit::Cancelled => "",
    }
}

/// How far the delivery is; empty where there is none.
pub(super) fn progress(units: &OrderUnitsView, language: Language) -> String {
    let OrderUnitsView { wanted, confirmed, reserved, sent, .. } = units;
    match (wanted, language) {
        (Some(wanted), Language::Chinese) => format!("已送达 {confirmed}/{wanted}"),
        (Some(wanted), Language::English) => format!("{confirmed} of {wanted} delivered"),
        (None, _) if confirmed + reserved + sent == 0 => String::new(),
        (None, Language::Chinese) => format!("已送达 {confirmed} 份"),
        (None, Language::English) => format!("{confirmed} delivered"),
    }
}

/// What else is to be said of the units that are not delivered.
pub(super) fn on_the_way(units: &OrderUnitsView, language: Language) -> Vec<String> {
    let said = |count: i64, zh: &str, en: &str| {
        let text = match language {
            Language::Chinese => format!("{count} 份{zh}"),
            Language::English => format!("{count} {en}"),
        };
        (count > 0).then_some(text)
    };
    let all = [
        said(units.reserved, "已预留，待发出", "reserved, to be sent"),
        said(units.sent, "已发出，等待确认", "sent, not confirmed yet"),
        said(units.uncertain, "结果不明", "in doubt"),
        said(units.rejected, "被平台拒绝", "refused by the platform"),
    ];
    all.into_iter().flatten().collect()
}

/// What is paid, or to be paid, for all of it.
pub(super) fn amount(order: &OrderView) -> Option<Fen> {
    order.amount_fen.or_else(|| order.price_fen.map(|price| Fen(price.0.saturating_mul(order.quantity))))
}

/// The specification in a line; empty where there is none.
pub(super) fn spec(order: &OrderView) -> String {
    let parts: Vec<String> = order.spec.iter().map(|part| format!("{}: {}", part.name, part.value)).collect();
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_of_a_delivery_that_nobody_began() {
        assert_eq!(progress(&OrderUnitsView::default(), Language::Chinese), "");
        let part = OrderUnitsView { wanted: Some(5), confirmed: 3, reserved: 2, ..OrderUnitsView::default() };
        assert_eq!(progress(&part, Language::Chinese), "已送达 3/5");
        assert_eq!(progress(&part, Language::English), "3 of 5 delivered");
        assert_eq!(on_the_way(&part, Language::Chinese), ["2 份已预留，待发出"]);
        let unknown = OrderUnitsView { confirmed: 1, ..OrderUnitsView::default() };
        assert_eq!(progress(&unknown, Language::English), "1 delivered");
    }
}
