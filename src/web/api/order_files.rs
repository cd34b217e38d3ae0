//! `/api/v1/orders/export`: orders as a table. Neither an address nor what was given is ever in it.

use std::collections::HashMap;

use actix_web::{HttpResponse, web::Data};

use super::{
    super::{
        AppState,
        error::{ApiResult, Language},
        gate::Caller,
        input::{Line, Query, Whole},
    },
    decisions::bad_key,
    key::ConversationKey,
    order_texts,
    orders::orders_query,
    tables::{
        self, Column,
        Kind::{Id, Number, Text},
        Table, TableFormat, time, yuan,
    },
};
use crate::{
    delivery::step::Unit,
    ids::{AccountId, Timestamp},
    order::status::Status,
    store::{
        DbConn, QueryResult, Scope, accounts,
        order_details::{self, Summary},
        orders::{self, Filter, Row},
    },
};

orders_query!(OrdersExportQuery {
    /// `xlsx` where nothing is said. The head is in the language of `Accept-Language`.
    format: Option<TableFormat>,
});

/// What a row is written from.
struct Exported {
    row: Row,
    summary: Summary,
    account: String,
}

fn shown(text: Option<&impl ToString>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

fn moment(at: Option<Timestamp>) -> String {
    at.map(time).unwrap_or_default()
}

fn columns() -> Vec<Column<Exported>> {
    vec![
        Column::new(Id, "订单号", "Order", |order, _| order.row.order.to_string()),
        Column::new(Text, "账号", "Account", |order, _| order.account.clone()),
        Column::new(Text, "状态", "Status", |order, language| {
            order_texts::status(order.row.status).in_language(language).to_owned()
        }),
        Column::new(Text, "买家昵称", "Buyer's name", |order, _| shown(order.row.buyer_name.as_ref())),
        Column::new(Id, "买家编号", "Buyer", |order, _| shown(order.row.buyer.as_ref())),
        Column::new(Id, "宝贝编号", "Item", |order, _| shown(order.row.item.as_ref())),
        Column::new(Text, "宝贝标题", "Item's title", |order, _| shown(order.summary.item_title.as_ref())),
        Column::new(Text, "规格", "Specification", |order, _| {
            let spec: Vec<String> = order.row.spec().iter().map(|(name, value)| format!("{name}: {value}")).collect();
            spec.join("; ")
        }),
        Column::new(Number, "数量", "Pieces", |order, _| order.row.quantity.to_string()),
        Column::new(Number, "单价（元）", "Price (yuan)", |order, _| {
            order.row.price.map(yuan).unwrap_or_default()
        }),
        Column::new(Number, "实付（元）", "Paid (yuan)", |order, _| {
            order.row.amount.map(yuan).unwrap_or_default()
        }),
        Column::new(Number, "应发份数", "Units wanted", |order, _| shown(order.summary.wanted.as_ref())),
        Column::new(Number, "已送达份数", "Units confirmed", |order, _| {
            order.summary.units.get(&Unit::Confirmed).copied().unwrap_or(0).to_string()
        }),
        Column::new(Text, "等待处理", "Waits for a person", |order, language| {
            let said = order.summary.waits_for.iter().map(|reason| order_texts::reason(*reason));
            let said: Vec<String> = said.map(|said| said.in_language(language).to_owned()).collect();
            said.join(if language == Language::Chinese { "；" } else { "; " })
        }),
        Column::new(Text, "下单时间", "Ordered", |order, _| moment(order.row.placed_at)),
        Column::new(Text, "付款时间", "Paid at", |order, _| moment(order.row.paid_at)),
        Column::new(Text, "发货时间", "Shipped", |order, _| moment(order.row.shipped_at)),
        Column::new(Text, "完成时间", "Completed", |order, _| moment(order.row.completed_at)),
        Column::new(Text, "关闭时间", "Ended", |order, _| moment(order.row.ended_at)),
    ]
}

fn read(conn: &mut DbConn, scope: &Scope, filter: &Filter) -> QueryResult<(Vec<Exported>, i64)> {
    let (rows, total) = orders::page(conn, scope, filter, tables::ALL)?;
    let names: HashMap<AccountId, String> =
        accounts::list(conn, scope)?.into_iter().map(|account| (account.id, account.name)).collect();
    let mut exported = Vec::with_capacity(rows.len());
    // As many as a statement takes.
    for some in rows.chunks(500) {
        let summaries = order_details::summaries(conn, scope, some)?;
        exported.extend(some.iter().zip(summaries).map(|(row, summary)| {
            let account = names.get(&row.account).cloned().unwrap_or_default();
            Exported { row: row.clone(), summary, account }
        }));
    }
    Ok((exported, total))
}

/// Orders as a table, the last heard of first: at most 20,000 at once, and where there are more none. Times are those of the platform
/// (UTC+8), money is in yuan. Long numbers stay as they are: in a workbook they are text, in CSV a tab stands behind them. Never holds an
/// address, or what was given.
#[utoipa::path(get, path = "/api/v1/orders/export", tag = "orders", params(OrdersExportQuery), responses((status = 200, description = "The file", content((String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (String = "text/csv")))))]
pub async fn export(caller: Caller, query: Query<OrdersExportQuery>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let format = query.0.format.unwrap_or(TableFormat::Xlsx);
    let (scope, filter) = (caller.scope, query.0.filter()?);
    let (rows, total) = app.turns.read(&app.store, move |conn: &mut DbConn| read(conn, &scope, &filter)).await?;
    let table = Table { name: "orders", action: "order.export", columns: columns(), rows, total };
    table.hand_out(caller, format, &app).await
}
