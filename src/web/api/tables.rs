//! Tables that people take away: an Excel workbook or CSV, with a head in the reader's language.

use actix_web::{
    HttpResponse,
    http::header::CONTENT_DISPOSITION,
    web::{Data, block},
};
use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
    },
    rule_files::said,
};
use crate::{
    ids::{Fen, Timestamp},
    sheet,
    store::{
        Page,
        audit::{self, Deed},
    },
    telemetry::clock,
};

/// More rows are not written: a workbook is made in memory.
const MOST_ROWS: i64 = 20_000;
/// All rows that are written.
pub(super) const ALL: Page = Page { offset: 0, limit: MOST_ROWS };

/// The platform's time.
const PLACE: Offset = Offset::constant(8);

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    /// An Excel workbook.
    Xlsx,
    /// UTF-8, with the mark by which Excel knows it.
    Csv,
}

/// How a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Digits that are no number: Excel would round them.
    Id,
    Number,
}

/// A column of a table of `R`.
pub(super) struct Column<R: 'static> {
    pub(super) zh: &'static str,
    pub(super) en: &'static str,
    pub(super) kind: Kind,
    pub(super) cell: fn(&R, Language) -> String,
}

impl<R> Column<R> {
    pub(super) const fn new(kind: Kind, zh: &'static str, en: &'static str, cell: fn(&R, Language) -> String) -> Self {
        Self { zh, en, kind, cell }
    }
}

/// A table that is handed out.
pub(super) struct Table<R: 'static> {
    /// Of the file.
    pub(super) name: &'static str,
    /// As the audit calls it.
    pub(super) action: &'static str,
    pub(super) columns: Vec<Column<R>>,
    pub(super) rows: Vec<R>,
    /// How many rows fit what was asked for.
    pub(super) total: i64,
}

impl<R: Send + 'static> Table<R> {
    /// The file. The audit tells of it.
    pub(super) async fn hand_out(
        self,
        caller: Caller,
        format: TableFormat,
        app: &Data<AppState>,
    ) -> ApiResult<HttpResponse> {
        if self.total > MOST_ROWS {
            return Err(too_many(self.total));
        }
        let (name, action, language, rows) = (self.name, self.action, caller.language, self.rows.len());
        let turn = app.turns.compile().await?;
        let written = block(move || {
            let _turn = turn;
            self.write(format, language)
        });
        let file = written.await.map_err(|_| Code::Internal)?;
        let file = file.map_err(|fault| ApiError::from(Code::InvalidQuery).at("format").because(said(&fault)))?;
        let (mime, ending) = match format {
            TableFormat::Xlsx => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
            TableFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        };
        let deed = Deed::new(action, "-").of(caller.scope.user()).after(json!({"format": ending, "rows": rows}));
        let now = clock::unix();
        app.store.write(move |conn| audit::record(conn, &caller.actor(), &deed, now)).await?;
        Ok(HttpResponse::Ok()
            .content_type(mime)
            .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{ending}\"")))
            .body(file))
    }

    fn write(&self, format: TableFormat, language: Language) -> Result<Vec<u8>, sheet::Fault> {
        let head = |column: &Column<R>| match language {
            Language::Chinese => column.zh.to_owned(),
            Language::English => column.en.to_owned(),
        };
        let cell = |row: &R, column: &Column<R>| {
            let text = (column.cell)(row, language);
            // Spreadsheets take a cell with a tab for text; in a workbook it is text anyway.
            let is_bare = column.kind == Kind::Id && format == TableFormat::Csv && !text.is_empty();
            if is_bare { text + "\t" } else { text }
        };
        let mut rows: Vec<Vec<String>> = vec![self.columns.iter().map(head).collect()];
        rows.extend(self.rows.iter().map(|row| self.columns.iter().map(|column| cell(row, column)).collect()));
        let numbers = self.columns.iter().map(|column| column.kind == Kind::Number);
        match format {
            TableFormat::Xlsx => sheet::write_numbers(self.name, &rows, &numbers.collect::<Vec<_>>()),
            TableFormat::Csv => Ok(sheet::write_csv(&rows)),
        }
    }
}

fn too_many(total: i64) -> ApiError {
    let said = Said::new(
        format!("共 {total} 行，一次最多导出 {MOST_ROWS} 行，请缩小范围"),
        format!("there are {total} rows, and at most {MOST_ROWS} are written at once: ask for fewer"),
    );
    ApiError::from(Code::InvalidQuery).at("since").because(said)
}

/// Yuan with two places.
pub(in crate::web) fn yuan(Fen(fen): Fen) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

/// In the platform's time.
pub(in crate::web) fn time(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    time.to_zoned(TimeZone::fixed(PLACE)).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_platform_and_money_has_two_places() {
        assert_eq!(time(Timestamp(1_760_000_000_000)), "2025-10-09 16:53:20");
        assert_eq!([12_305, 7, -7, -120_000].map(|fen| yuan(Fen(fen))), ["123.05", "0.07", "-0.07", "-1200.00"]);
    }

    fn table() -> Table<[&'static str; 3]> {
        Table {
            name: "orders",
            action: "orders.export",
            columns: vec![
                Column::new(Kind::Id, "订单号", "order", |row: &[&str; 3], _| row[0].to_owned()),
                Column::new(Kind::Text, "买家", "buyer", |row, _| row[1].to_owned()),
                Column::new(Kind::Number, "净收入", "net", |row, _| row[2].to_owned()),
            ],
            rows: vec![["2500000000000000001", "=HYPERLINK(1)", "-12.30"], ["", "+8613800000000", "4.50"]],
            total: 2,
        }
    }

    #[test]
    fn what_looks_like_a_formula_is_none_and_long_numbers_stay_as_they_are() {
        let file = String::from_utf8(table().write(TableFormat::Csv, Language::Chinese).unwrap()).unwrap();
        let expected =
            "\u{feff}订单号,买家,净收入\r\n2500000000000000001\t,'=HYPERLINK(1),-12.30\r\n,'+8613800000000,4.50\r\n";
        assert_eq!(file, expected);
        let book = sheet::read_workbook(&table().write(TableFormat::Xlsx, Language::English).unwrap()).unwrap();
        assert_eq!(book[0], ["order", "buyer", "net"]);
        assert_eq!(book[1], ["2500000000000000001", "=HYPERLINK(1)", "-12.3"], "the last one is a number");
    }
}
