//! `/api/v1/stats/sales`: what was sold, by day, item or account, also of orders that are kept no more.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::ApiResult,
        gate::Caller,
        input::{Line, Query, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    ai::date,
    stats::span,
    tables::{
        self, Column,
        Kind::{Id, Number, Text},
        Table, TableFormat, yuan,
    },
};
use crate::{
    ids::{AccountId, Fen, ItemId, Timestamp},
    platform::hours::day_of,
    store::{
        DbConn,
        sales_figures::{self, By, Filter, LONGEST, Row, Sums},
    },
    telemetry::clock,
};

/// What figures of sales are asked by, with whatever else one way of asking takes.
macro_rules! sales_query {
    ($name:ident { $($(#[$note:meta])* $field:ident: $kind:ty,)* }) => {
        #[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
        #[into_params(parameter_in = Query)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$note])* #[param(inline)] $field: $kind,)*
            /// UTC milliseconds; absent: 30 days before `until`. Days count as a whole, by the platform's calendar (UTC+8).
            #[param(inline)]
            since: Option<Whole<0, 4_102_444_800_000>>,
            /// UTC milliseconds, not included; absent: now.
            #[param(inline)]
            until: Option<Whole<0, 4_102_444_800_000>>,
            #[param(inline)]
            account: Option<Whole<1, { i64::MAX }>>,
            /// The platform's number of an item.
            #[param(inline)]
            item: Option<Line<1, 64>>,
            /// What a row is about; `day` where absent.
            #[param(inline)]
            by: Option<By>,
        }

        impl $name {
            fn filter(self) -> ApiResult<Filter> {
                let (from, to) = span(self.since, self.until, 30, LONGEST, clock::unix())?;
                Ok(Filter {
                    from: day_of(from),
                    to: day_of(Timestamp(to.0 - 1)),
                    account: self.account.map(|id| AccountId(id.get())),
                    item: self.item.map(|item| item.into_string().into()),
                })
            }
        }
    };
}

sales_query!(SalesQuery {
    page: Option<PageNumber>,
    per_page: Option<PerPage>,
});
sales_query!(SalesExportQuery {
    /// `xlsx` where nothing is said. The head is in the language of `Accept-Language`.
    format: Option<TableFormat>,
});

/// What was counted. Each order counts once, on the day on which it happened; an order that you bought yourself does not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct SalesCountsView {
    /// Orders that were placed.
    pub(in crate::web) placed: i64,
    pub(in crate::web) paid: i64,
    /// What was to be paid for them when they were paid.
    #[schema(example = 9900)]
    pub(in crate::web) paid_fen: i64,
    pub(in crate::web) shipped: i64,
    /// Units that reached their buyers.
    pub(in crate::web) units_delivered: i64,
    /// Orders of which every unit did.
    pub(in crate::web) orders_delivered: i64,
    pub(in crate::web) completed: i64,
    pub(in crate::web) completed_fen: i64,
    /// Orders that ended after they were paid.
    pub(in crate::web) refunded: i64,
    /// What had been counted as paid for them.
    pub(in crate::web) refunded_fen: i64,
    /// Orders that ended unpaid.
    pub(in crate::web) closed: i64,
    /// `paid_fen` without `refunded_fen`.
    #[schema(example = 9900)]
    pub(in crate::web) net_fen: i64,
}

impl From<Sums> for SalesCountsView {
    fn from(sums: Sums) -> Self {
        let net_fen = sums.net_fen();
        let Sums {
            placed,
            paid,
            paid_fen,
            shipped,
            units_delivered,
            orders_delivered,
            completed,
            completed_fen,
            refunded,
            refunded_fen,
            closed,
        } = sums;
        Self {
            placed,
            paid,
            paid_fen,
            shipped,
            units_delivered,
            orders_delivered,
            completed,
            completed_fen,
            refunded,
            refunded_fen,
            closed,
            net_fen,
        }
    }
}

/// The figures of a day, an item or an account.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SalesRowView {
    /// Where rows are by day.
    #[schema(example = "2025-10-09")]
    pub(in crate::web) day: Option<String>,
    /// Where rows are by account or item.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    /// Where rows are by item; `null` also of orders whose item nobody knows.
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    /// Of the account, or the item's title, where it is known.
    #[schema(example = "二手相机")]
    pub(in crate::web) name: Option<String>,
    #[serde(flatten)]
    pub(in crate::web) counts: SalesCountsView,
}

impl From<Row> for SalesRowView {
    fn from(Row { day, account, item, name, sums }: Row) -> Self {
        let item_id = item.filter(|item| !item.as_str().is_empty());
        let name = name.filter(|name| !name.is_empty());
        Self { day: day.map(date), account_id: account, item_id, name, counts: sums.into() }
    }
}

/// What was sold.
#[derive(Debug, Serialize, ToSchema)]
pub struct SalesView {
    /// The first day, of the platform's calendar.
    #[schema(example = "2025-10-01")]
    pub(in crate::web) from: String,
    /// The last day.
    #[schema(example = "2025-10-09")]
    pub(in crate::web) to: String,
    #[schema(inline)]
    pub(in crate::web) by: By,
    /// Of all rows.
    pub(in crate::web) totals: SalesCountsView,
    #[serde(flatten)]
    pub(in crate::web) rows: Page<SalesRowView>,
}

/// What was sold, by day (the oldest first, days without any left out), item or account (what brought in most first). Figures stay when
/// orders go, and name no buyer. At most 400 days at once.
#[utoipa::path(get, path = "/api/v1/stats/sales", tag = "stats", params(SalesQuery), responses((status = 200, body = SalesView)))]
pub async fn sales(caller: Caller, query: Query<SalesQuery>, app: Data<AppState>) -> ApiResult<Json<SalesView>> {
    let query = query.0;
    let (paging, by) = (Paging::new(query.page, query.per_page), query.by.unwrap_or_default());
    let filter = query.filter()?;
    let (from, to) = (date(filter.from), date(filter.to));
    let read = move |conn: &mut DbConn| sales_figures::page(conn, &caller.scope, &filter, by, paging.part());
    let (rows, total) = app.turns.read(&app.store, read).await?;
    let rows = paging.answer(rows.into_iter().map(SalesRowView::from).collect(), total.rows);
    Ok(Json(SalesView { from, to, by, totals: total.sums.into(), rows }))
}

fn columns(by: By) -> Vec<Column<Row>> {
    let mut columns: Vec<Column<Row>> = match by {
        By::Day => vec![Column::new(Text, "日期", "Day", |row, _| row.day.map(date).unwrap_or_default())],
        By::Item => vec![
            Column::new(Id, "宝贝编号", "Item", |row, _| {
                row.item.as_ref().map(ToString::to_string).unwrap_or_default()
            }),
            Column::new(Text, "宝贝标题", "Item's title", |row, _| row.name.clone().unwrap_or_default()),
        ],
        By::Account => {
            vec![Column::new(Text, "账号", "Account", |row, _| row.name.clone().unwrap_or_default())]
        }
    };
    let counts: [Column<Row>; 12] = [
        Column::new(Number, "下单数", "Ordered", |row, _| row.sums.placed.to_string()),
        Column::new(Number, "付款数", "Paid", |row, _| row.sums.paid.to_string()),
        Column::new(Number, "付款金额（元）", "Paid (yuan)", |row, _| yuan(Fen(row.sums.paid_fen))),
        Column::new(Number, "发货数", "Shipped", |row, _| row.sums.shipped.to_string()),
        Column::new(Number, "送达份数", "Units delivered", |row, _| row.sums.units_delivered.to_string()),
        Column::new(Number, "送达订单数", "Orders delivered", |row, _| row.sums.orders_delivered.to_string()),
        Column::new(Number, "完成数", "Completed", |row, _| row.sums.completed.to_string()),
        Column::new(Number, "完成金额（元）", "Completed (yuan)", |row, _| yuan(Fen(row.sums.completed_fen))),
        Column::new(Number, "退款数", "Refunded", |row, _| row.sums.refunded.to_string()),
        Column::new(Number, "退款金额（元）", "Refunded (yuan)", |row, _| yuan(Fen(row.sums.refunded_fen))),
        Column::new(Number, "未付款关闭数", "Ended unpaid", |row, _| row.sums.closed.to_string()),
        Column::new(Number, "净收入（元）", "Net (yuan)", |row, _| yuan(Fen(row.sums.net_fen()))),
    ];
    columns.extend(counts);
    columns
}

/// The same as a table: at most 20,000 rows, and where there are more none. Money is in yuan.
#[utoipa::path(get, path = "/api/v1/stats/sales/export", tag = "stats", params(SalesExportQuery), responses((status = 200, description = "The file", content((String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (String = "text/csv")))))]
pub async fn export_sales(
    caller: Caller,
    query: Query<SalesExportQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let query = query.0;
    let (format, by) = (query.format.unwrap_or(TableFormat::Xlsx), query.by.unwrap_or_default());
    let (scope, filter) = (caller.scope, query.filter()?);
    let read = move |conn: &mut DbConn| sales_figures::page(conn, &scope, &filter, by, tables::ALL);
    let (rows, total) = app.turns.read(&app.store, read).await?;
    let table = Table { name: "sales", action: "sales.export", columns: columns(by), rows, total: total.rows };
    table.hand_out(caller, format, &app).await
}
