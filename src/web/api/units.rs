//! `/api/v1/cards/{id}/units` and `/api/v1/units`: the stock of a pool, unit by unit, and the log of what happened to it. What a unit gives
//! is shown masked; its owner in person may look at one, and that is written down.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::Payload,
    web::{Bytes, Data, Json, block},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Said},
        gate::Caller,
        input::{Body, Id, Line, MAX_TABLE_BODY, Query, collect_up_to, is_json, patience_for_files, read_json},
        page::{Page, PageNumber, Paging, PerPage},
    },
    delivery_rules::look_again,
    pictures, rule_files,
};
use crate::{
    delivery::{card::Kind, chain::Link, unit::UnitState},
    ids::{AccountId, CardId, OrderId, Timestamp, UnitId},
    sheet,
    store::{
        DbConn, Keys, QueryResult, Scope,
        audit::{self, Actor, Deed},
        cards,
        units::{self, Duplicates, Filter, Imported, NewUnit, PIECE, Sealer, Unit},
    },
    telemetry::clock,
};

/// So many lines one request brings.
const MOST_LINES: usize = 100_000;
/// So long a line may be, in characters.
const LONGEST: usize = 2000;
/// Of a unit longer than [`SHORT`] so many characters are shown, its last.
const SHOWN: usize = 4;
const SHORT: usize = 12;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UnitsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Where it is.
    #[param(inline)]
    state: Option<UnitState>,
    /// Whether the same content was imported before.
    duplicate: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UnitQuery {
    /// `true`: shows what it gives, to its owner in person. That is written down in the audit.
    reveal: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// What a file with stock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StockFormat {
    /// One unit a line.
    Text,
    /// One unit a row, its cells parted by blanks.
    Csv,
    /// An Excel workbook, read as `csv`; its first sheet.
    Xlsx,
}

#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct StockQuery {
    /// Of a file; where nothing is said, what its type or its first bytes say.
    #[param(inline)]
    format: Option<StockFormat>,
    /// `true`: the first row is a head.
    head: Option<bool>,
    /// What becomes of lines that were imported before, into any card; `skip` where nothing is said.
    #[param(inline)]
    duplicates: Option<Duplicates>,
}

/// Stock, one unit a line. Blanks around it and empty lines do not count.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"lines": ["AAAA-BBBB-CCCC", "DDDD-EEEE-FFFF"]}))]
pub struct StockBody {
    /// Lines as they are pasted.
    text: Option<String>,
    /// Or each by itself.
    #[schema(max_items = 100_000)]
    lines: Option<Vec<String>>,
    /// As in the query.
    #[schema(inline)]
    duplicates: Option<Duplicates>,
}

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; the file is read part by part")]
pub struct StockForm {
    /// The text, CSV or workbook.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// What a request brings: a JSON body, a file as body, or the one file of a form. It may be large, and is not read yet.
pub enum Stock {
    Json(Bytes),
    File(Bytes, Option<StockFormat>),
}

const TYPES: [(&str, Option<StockFormat>); 5] = [
    ("text/plain", Some(StockFormat::Text)),
    ("text/csv", Some(StockFormat::Csv)),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Some(StockFormat::Xlsx)),
    ("application/octet-stream", None),
    ("multipart/form-data", None),
];

impl FromRequest for Stock {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let kind = request.mime_type().ok().flatten();
            let kind = kind.as_ref().map(|mime| mime.essence_str()).unwrap_or_default();
            let known = TYPES.iter().find(|(name, _)| *name == kind);
            if known.is_none() && !is_json(&request) {
                let said = Said::new(
                    "须为 application/json，文本、CSV、Excel 文件，或 multipart/form-data 表单",
                    "must be application/json, a text, CSV or Excel file, or a form with one",
                );
                return Err(ApiError::from(Code::UnsupportedMediaType).at("Content-Type").because(said));
            }
            let body = collect_up_to(MAX_TABLE_BODY, payload, patience_for_files(&request)).await?.freeze();
            match known {
                None => Ok(Self::Json(body)),
                Some(("multipart/form-data", _)) => {
                    pictures::of_form(&request, body).await.map(|file| Self::File(file, None))
                }
                Some((_, format)) => Ok(Self::File(body, *format)),
            }
        })
    }
}

/// What became of the lines.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockReport {
    /// That were not empty.
    pub(in crate::web) lines: usize,
    pub(in crate::web) added: usize,
    /// That were imported before: left out, or among those that were added.
    pub(in crate::web) duplicates: usize,
}

/// A piece of stock.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct UnitView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: UnitId,
    #[schema(value_type = i64)]
    pub(in crate::web) card_id: CardId,
    pub(in crate::web) state: UnitState,
    /// It was on its way to a buyer, now or before: that buyer may have seen it.
    pub(in crate::web) was_sent: bool,
    /// Masked, unless it was asked for; `null` where it cannot be opened.
    #[schema(example = "***FFFF")]
    pub(in crate::web) content: Option<String>,
    /// The same content was imported before.
    pub(in crate::web) duplicate: bool,
    /// Of the order that has it, or had it.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) order_id: Option<OrderId>,
    #[schema(value_type = i64)]
    pub(in crate::web) imported_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) changed_at: Timestamp,
}

/// Something that happened to a unit.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct UnitEventView {
    /// Of the card's events, from 1.
    pub(in crate::web) number: i64,
    #[schema(value_type = i64)]
    pub(in crate::web) unit_id: UnitId,
    /// `null`: it was imported.
    pub(in crate::web) from: Option<UnitState>,
    pub(in crate::web) to: UnitState,
    /// Of the order that had it then.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) order_id: Option<OrderId>,
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
    /// Covers this event and the one before it, in hexadecimal.
    #[schema(example = "6fa3a32c203cc7b85b5e83d9b77eca78065c22d69b39fe0e45bedeaa97608b64")]
    pub(in crate::web) hash: String,
}

/// Why somebody decides about a unit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "买家退回，未使用"}))]
pub struct UnitDecision {
    #[schema(inline)]
    reason: Line<1, 200>,
}

/// Enough to recognise a long one by.
pub(super) fn masked(content: &str) -> String {
    let count = content.chars().count();
    let end = content.chars().skip(if count > SHORT { count - SHOWN } else { count });
    format!("***{}", end.collect::<String>())
}

impl UnitView {
    /// Masked.
    fn new(unit: Unit, order: Option<(AccountId, OrderId)>, was_sent: bool, keys: &Keys) -> Self {
        let content = unit.open(keys).ok().map(|content| masked(content.expose()));
        let Unit { id, card, state, duplicate, imported_at, changed_at, .. } = unit;
        let (account_id, order_id) = order.unzip();
        Self { id, card_id: card, state, was_sent, content, duplicate, account_id, order_id, imported_at, changed_at }
    }
}

fn read_views(conn: &mut DbConn, scope: &Scope, rows: Vec<Unit>, keys: &Keys) -> QueryResult<Vec<UnitView>> {
    let claims: Vec<String> = rows.iter().filter_map(|unit| unit.claim.clone()).collect();
    let orders = units::orders(conn, scope, &claims)?;
    let ids: Vec<UnitId> = rows.iter().map(|unit| unit.id).collect();
    let sent = units::ever_sent(conn, &ids)?;
    let view = |unit: Unit| {
        let order = unit.claim.as_ref().and_then(|claim| orders.get(claim)).cloned();
        let was_sent = sent.contains(&unit.id);
        UnitView::new(unit, order, was_sent, keys)
    };
    Ok(rows.into_iter().map(view).collect())
}

fn read_view(conn: &mut DbConn, scope: &Scope, unit: Unit, keys: &Keys) -> QueryResult<UnitView> {
    Ok(read_views(conn, scope, vec![unit], keys)?.remove(0))
}

/// The units of a card, oldest first.
#[utoipa::path(get, path = "/api/v1/cards/{id}/units", tag = "units", params(("id" = i64, Path), UnitsQuery), responses((status = 200, body = Page<UnitView>)))]
pub async fn list(
    caller: Caller,
    id: Id<CardId>,
    query: Query<UnitsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<UnitView>>> {
    let UnitsQuery { page, per_page, state, duplicate } = query.0;
    let (paging, keys) = (Paging::new(page, per_page), app.store.keys().clone());
    let read = move |conn: &mut DbConn| {
        let (rows, total) = units::page(conn, &caller.scope, id.0, Filter { state, duplicate }, paging.part())?;
        Ok((read_views(conn, &caller.scope, rows, &keys)?, total))
    };
    let (views, total) = app.turns.read(&app.store, read).await?;
    Ok(Json(paging.answer(views, total)))
}

/// One unit.
#[utoipa::path(get, path = "/api/v1/units/{id}", tag = "units", params(("id" = i64, Path), UnitQuery), responses((status = 200, body = UnitView)))]
pub async fn get(
    caller: Caller,
    id: Id<UnitId>,
    query: Query<UnitQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<UnitView>> {
    let (keys, now, scope) = (app.store.keys().clone(), clock::unix(), caller.scope);
    if !query.0.reveal.unwrap_or(false) {
        let read = move |conn: &mut DbConn| {
            let unit = units::get(conn, &scope, id.0)?;
            read_view(conn, &scope, unit, &keys)
        };
        return Ok(Json(app.store.read(read).await?));
    }
    if caller.session.is_none() {
        let said = Said::new("只有店主本人登录后才能查看", "only the owner in person may look: sign in");
        return Err(ApiError::from(Code::Forbidden).because(said));
    }
    let job = move |conn: &mut DbConn| -> QueryResult<UnitView> {
        let unit = units::get(conn, &scope, id.0)?;
        let masked = read_view(conn, &scope, unit.clone(), &keys)?;
        let deed = Deed::new("unit.reveal", id.0).of(scope.user()).after(&masked);
        audit::record(conn, &caller.actor(), &deed, now)?;
        let content = unit.open(&keys).ok().map(|content| content.expose().to_owned());
        Ok(UnitView { content, ..masked })
    };
    Ok(Json(app.store.write(job).await?))
}

/// Imports stock into a pool, one unit a line: as JSON, or as a text, CSV or Excel file. It is stored in pieces of a thousand lines, so that
/// nobody waits for it: where it breaks off, what was stored stays, and importing the same again leaves that out.
#[utoipa::path(post, path = "/api/v1/cards/{id}/units", tag = "units", params(("id" = i64, Path), StockQuery),
    request_body(content((StockBody = "application/json"), (StockForm = "multipart/form-data"), (String = "text/plain"), (String = "text/csv"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 200, body = StockReport)))]
pub async fn import(
    caller: Caller,
    id: Id<CardId>,
    query: Query<StockQuery>,
    stock: Stock,
    app: Data<AppState>,
) -> ApiResult<Json<StockReport>> {
    let (scope, card) = (caller.scope, id.0);
    if app.store.read(move |conn| cards::get(conn, &scope, card)).await?.kind != Kind::Pool {
        return Err(ApiError::from(Code::WrongState).with("reason", "not_a_pool"));
    }
    let sealer = Sealer::new(app.store.keys(), scope.user(), card);
    // Reading and sealing takes long: not here, and not where it is written.
    let read = move || read_stock(stock, query.0).map(|(lines, duplicates)| (sealed(&sealer, &lines), duplicates));
    let (pieces, duplicates) = block(read).await.map_err(|_| Code::Internal)??;
    let mut report = StockReport { lines: pieces.iter().map(Vec::len).sum(), added: 0, duplicates: 0 };
    let actor = caller.actor();
    for piece in pieces {
        let (actor, now) = (actor.clone(), clock::unix());
        let job = move |conn: &mut DbConn| import_piece(conn, &scope, card, piece, duplicates, (&actor, now));
        let Imported { added, duplicates } = app.store.write(job).await?;
        report.added += added;
        report.duplicates += duplicates;
    }
    if report.added > 0 {
        look_again(&app, scope).await?;
    }
    Ok(Json(report))
}

fn import_piece(
    conn: &mut DbConn,
    scope: &Scope,
    card: CardId,
    piece: Vec<NewUnit>,
    duplicates: Duplicates,
    (actor, now): (&Actor, Timestamp),
) -> QueryResult<Imported> {
    let lines = piece.len();
    let imported = units::import(conn, scope, card, piece, duplicates, now)?;
    let told = json!({"lines": lines, "added": imported.added, "duplicates": imported.duplicates});
    let deed = Deed::new("card.import", card).of(scope.user()).after(told);
    audit::record(conn, actor, &deed, now)?;
    Ok(imported)
}

fn sealed(sealer: &Sealer, lines: &[String]) -> Vec<Vec<NewUnit>> {
    lines.chunks(PIECE).map(|piece| piece.iter().map(|line| sealer.seal(line)).collect()).collect()
}

/// What is imported, line by line, and what becomes of what is known.
fn read_stock(stock: Stock, query: StockQuery) -> ApiResult<(Vec<String>, Duplicates)> {
    let (field, lines, duplicates) = match stock {
        Stock::Json(body) => {
            let body: StockBody = read_json(&body)?;
            let duplicates = body.duplicates.or(query.duplicates);
            let (field, lines) = lines_of(body)?;
            (field, lines, duplicates)
        }
        Stock::File(file, format) => ("file", read_file(&file, query.format.or(format))?, query.duplicates),
    };
    Ok((checked(field, lines, query)?, duplicates.unwrap_or_default()))
}

/// The field in which they stand, and the lines.
fn lines_of(body: StockBody) -> ApiResult<(&'static str, Vec<String>)> {
    match (body.text, body.lines) {
        (Some(text), None) => Ok(("text", text.lines().map(str::to_owned).collect())),
        (None, Some(lines)) => Ok(("lines", lines)),
        (None, None) | (Some(_), Some(_)) => {
            let said = Said::new("text 与 lines 须且只能提供一个", "exactly one of text and lines must be given");
            Err(ApiError::field("lines", said))
        }
    }
}

/// Without what is empty. Refuses what cannot be sold, by its line.
fn checked(field: &'static str, lines: Vec<String>, query: StockQuery) -> ApiResult<Vec<String>> {
    let head = usize::from(field == "file" && query.head.unwrap_or(false));
    let lines = lines.into_iter().skip(head).enumerate();
    let mut found = Vec::new();
    for (place, line) in lines {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if line.chars().count() > LONGEST || line.contains(['\0', '\n', '\r']) {
            let (number, most) = (place + 1 + head, LONGEST);
            let said = Said::new(
                format!("第 {number} 行须为一行不超过 {most} 个字符的文本"),
                format!("line {number} must be one line of at most {most} characters"),
            );
            return Err(ApiError::field(field, said));
        }
        found.push(line.to_owned());
    }
    if found.is_empty() || found.len() > MOST_LINES {
        let said = Said::new(format!("须有 1 到 {MOST_LINES} 行"), format!("must have 1 to {MOST_LINES} lines"));
        return Err(ApiError::field(field, said));
    }
    Ok(found)
}

fn read_file(file: &[u8], format: Option<StockFormat>) -> ApiResult<Vec<String>> {
    let looks_packed = file.starts_with(b"PK") || file.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]);
    let usual = if looks_packed { StockFormat::Xlsx } else { StockFormat::Text };
    let rows = match format.unwrap_or(usual) {
        StockFormat::Text => return sheet::read_lines(file).map_err(unreadable),
        StockFormat::Csv => sheet::read_csv(file),
        StockFormat::Xlsx => sheet::read_workbook(file),
    };
    let row = |cells: Vec<String>| {
        cells.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" ")
    };
    Ok(rows.map_err(unreadable)?.into_iter().map(row).collect())
}

fn unreadable(fault: sheet::Fault) -> ApiError {
    ApiError::field("file", rule_files::said(&fault))
}

/// Takes a unit out of the stock: one that is free, or came back. For good where it ever was on its way to a buyer.
#[utoipa::path(post, path = "/api/v1/units/{id}/void", tag = "units", request_body = UnitDecision, params(("id" = i64, Path)), responses((status = 200, body = UnitView)))]
pub async fn void(
    caller: Caller,
    id: Id<UnitId>,
    body: Body<UnitDecision>,
    app: Data<AppState>,
) -> ApiResult<Json<UnitView>> {
    decide(&app, caller, id.0, UnitState::Void, "unit.void", body.0).await
}

/// Says that the buyer gave a unit back.
#[utoipa::path(post, path = "/api/v1/units/{id}/return", tag = "units", request_body = UnitDecision, params(("id" = i64, Path)), responses((status = 200, body = UnitView)))]
pub async fn give_back(
    caller: Caller,
    id: Id<UnitId>,
    body: Body<UnitDecision>,
    app: Data<AppState>,
) -> ApiResult<Json<UnitView>> {
    decide(&app, caller, id.0, UnitState::Returned, "unit.return", body.0).await
}

/// Puts a unit into the stock again: one that was given back, which a buyer has seen; or one that was made void and never was on its way to
/// a buyer.
#[utoipa::path(post, path = "/api/v1/units/{id}/free", tag = "units", request_body = UnitDecision, params(("id" = i64, Path)), responses((status = 200, body = UnitView)))]
pub async fn free(
    caller: Caller,
    id: Id<UnitId>,
    body: Body<UnitDecision>,
    app: Data<AppState>,
) -> ApiResult<Json<UnitView>> {
    decide(&app, caller, id.0, UnitState::Free, "unit.free", body.0).await
}

async fn decide(
    app: &AppState,
    caller: Caller,
    id: UnitId,
    to: UnitState,
    action: &'static str,
    decision: UnitDecision,
) -> ApiResult<Json<UnitView>> {
    let (keys, now, reason) = (app.store.keys().clone(), clock::unix(), decision.reason.into_string());
    let scope = caller.scope;
    let job = move |conn: &mut DbConn| -> QueryResult<Result<UnitView, UnitState>> {
        let before = units::get(conn, &scope, id)?.state;
        let unit = match units::decide(conn, &scope, id, to, now)? {
            Ok(unit) => read_view(conn, &scope, unit, &keys)?,
            Err(state) => return Ok(Err(state)),
        };
        let after = json!({"state": unit.state, "card_id": unit.card_id, "reason": reason});
        let deed = Deed::new(action, id).of(scope.user()).before(json!({"state": before})).after(after);
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(unit))
    };
    let wrong_state = |state: UnitState| ApiError::from(Code::WrongState).with("state", state.as_str());
    let unit = app.store.write(job).await?.map_err(wrong_state)?;
    if to == UnitState::Free {
        look_again(app, scope).await?;
    }
    Ok(Json(unit))
}

/// What happened to the units of a card, the newest first.
#[utoipa::path(get, path = "/api/v1/cards/{id}/events", tag = "units", params(("id" = i64, Path), EventsQuery), responses((status = 200, body = Page<UnitEventView>)))]
pub async fn events(
    caller: Caller,
    id: Id<CardId>,
    query: Query<EventsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<UnitEventView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let read = move |conn: &mut DbConn| {
        let (rows, total) = units::events(conn, &caller.scope, id.0, paging.part())?;
        let claims: Vec<String> = rows.iter().filter_map(|(link, _)| link.claim.clone()).collect();
        let orders = units::orders(conn, &caller.scope, &claims)?;
        let view = |(link, hash): (Link, Vec<u8>)| {
            let order = link.claim.as_ref().and_then(|claim| orders.get(claim)).cloned();
            let (account_id, order_id) = order.unzip();
            let hash = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            let Link { number, unit: unit_id, from, to, at, .. } = link;
            UnitEventView { number, unit_id, from, to, account_id, order_id, at, hash }
        };
        Ok((rows.into_iter().map(view).collect(), total))
    };
    let (views, total) = app.turns.read(&app.store, read).await?;
    Ok(Json(paging.answer(views, total)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const PLAIN: StockQuery = StockQuery { format: None, head: None, duplicates: None };

    fn body(text: Option<&str>, lines: Option<&[&str]>) -> Stock {
        Stock::Json(json!({"text": text, "lines": lines}).to_string().into())
    }

    fn lines(stock: Stock, query: StockQuery) -> Vec<String> {
        read_stock(stock, query).unwrap().0
    }

    fn file(bytes: impl Into<Vec<u8>>) -> Stock {
        Stock::File(Bytes::from(bytes.into()), None)
    }

    #[test]
    fn a_short_unit_is_masked_whole_and_a_long_one_shows_its_end() {
        assert_eq!(masked(""), "***");
        assert_eq!(masked("123456789012"), "***");
        assert_eq!(masked("1234567890123"), "***0123");
        assert_eq!(masked("一二三四五六七八九十甲乙丙"), "***十甲乙丙");
    }

    #[test]
    fn stock_is_read_from_a_paste_a_list_a_text_a_csv_and_a_workbook() {
        let wanted = ["A-1", "B-2"];
        assert_eq!(lines(body(Some(" A-1\r\n\n B-2 \n"), None), PLAIN), wanted);
        assert_eq!(lines(body(None, Some(&["A-1", " ", "B-2"])), PLAIN), wanted);
        assert_eq!(lines(file("\u{feff}A-1\nB-2"), PLAIN), wanted);
        let csv = StockQuery { format: Some(StockFormat::Csv), head: Some(true), ..PLAIN };
        assert_eq!(lines(file("code\nA-1\n\"B-2\"\n"), csv), wanted);
        assert_eq!(lines(file("code,pass\nu1,p1\n"), csv), ["u1 p1"]);
        let rows = [["code"], ["A-1"], ["B-2"]].map(|row| row.map(str::to_owned).to_vec());
        let book = sheet::write_workbook("x", &rows).unwrap();
        assert_eq!(lines(file(book), StockQuery { head: Some(true), ..PLAIN }), wanted);
    }

    #[test]
    fn what_becomes_of_what_is_known_is_said_in_the_body_or_in_the_query() {
        let keep = StockQuery { duplicates: Some(Duplicates::Keep), ..PLAIN };
        assert_eq!(read_stock(file("A"), PLAIN).unwrap().1, Duplicates::Skip);
        assert_eq!(read_stock(file("A"), keep).unwrap().1, Duplicates::Keep);
        let skip = Stock::Json(r#"{"text": "A", "duplicates": "skip"}"#.into());
        assert_eq!(read_stock(skip, keep).unwrap().1, Duplicates::Skip);
    }

    #[test]
    fn stock_that_cannot_be_sold_is_refused_by_its_line() {
        let refused = |stock| {
            let refusal = read_stock(stock, PLAIN).unwrap_err();
            let (field, said) = refusal.told();
            (field.unwrap().to_owned(), said.unwrap().en.clone())
        };
        assert_eq!(refused(body(None, None)).0, "lines");
        assert_eq!(refused(body(Some("a"), Some(&["a"]))).0, "lines");
        assert_eq!(refused(body(Some(" \n"), None)), ("text".to_owned(), "must have 1 to 100000 lines".to_owned()));
        let (field, said) = refused(body(None, Some(&["a", &"x".repeat(LONGEST + 1)])));
        assert!(field == "lines" && said.starts_with("line 2 "), "{said}");
        assert!(refused(body(None, Some(&["a\nb"]))).1.starts_with("line 1 "));
        assert_eq!(refused(file(b"\xff\xff\xff".to_vec())).0, "file");
    }
}
