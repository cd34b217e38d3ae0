//! `/keywords-export` and `/keywords-import`: the table of three columns, of one account. An import adds and changes; it used to remove
//! everything else, also what such a table cannot hold.

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        api::rule_files::{self, ExportQuery, FileFormat, Options, TableFile, TableForm},
        error::ApiResult,
        gate::Caller,
        input::{Id, Query},
    },
    said,
};
use crate::{ids::AccountId, reply::file::plan::Mode};

/// What became of the rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeywordsImported {
    msg: &'static str,
    total: usize,
    added: usize,
    updated: usize,
}

/// As `GET /api/v1/rule-sets/{set}/export?layout=simple`.
#[utoipa::path(get, path = "/keywords-export/{id}", tag = "older clients", params(("id" = i64, Path)),
    responses((status = 200, description = "The workbook", content((String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
pub async fn export_keywords(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let set = Path::from(id.0.to_string());
    rule_files::export(caller, set, Query(ExportQuery::of_older_clients()), app).await
}

/// As `POST /api/v1/rule-sets/{set}/import?format=xlsx&dry_run=false`.
#[utoipa::path(post, path = "/keywords-import/{id}", tag = "older clients", params(("id" = i64, Path)),
    request_body(content((TableForm = "multipart/form-data"), ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 200, body = KeywordsImported)))]
pub async fn import_keywords(
    caller: Caller,
    id: Id<AccountId>,
    file: TableFile,
    app: Data<AppState>,
) -> ApiResult<Json<KeywordsImported>> {
    let options = Options { set: Some(id.0), mode: Mode::Merge, dry_run: false, draft: false };
    let msg = said(caller.language, "导入成功", "Imported");
    let report = rule_files::take(&app, caller, file, FileFormat::Xlsx, options).await?;
    let total = report.rows.len();
    Ok(Json(KeywordsImported { msg, total, added: report.added, updated: report.updated }))
}
