//! `/api/v1/buyers/{buyer_id}/notes`: what people write down about a buyer, for whoever works on the owner's accounts.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Said},
        gate::Caller,
        input::{Body, Query, Text, given, whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    key::BuyerKey,
};
use crate::{
    ids::{Timestamp, UserId},
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        buyer_notes::{self, MOST, Note},
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct NotesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// A note to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "要求周末发货，已答应"}))]
pub struct NewNote {
    #[schema(inline)]
    text: Text<1, 2000>,
}

/// What changes of a note; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "周末已发货"}))]
pub struct NotePatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    text: Option<Text<1, 2000>>,
}

/// A note about a buyer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NoteView {
    pub(in crate::web) id: i64,
    pub(in crate::web) text: String,
    /// Who wrote it first; they may be gone.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) author_id: Option<UserId>,
    pub(in crate::web) author: String,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) updated_at: Timestamp,
}

impl From<Note> for NoteView {
    fn from(Note { id, text, author_id, author, created_at, updated_at }: Note) -> Self {
        Self { id, text, author_id, author, created_at, updated_at }
    }
}

/// A note, as an address names it.
pub struct NoteKey(i64);

impl FromRequest for NoteKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(whole(request.match_info().query("id")).map(Self).ok_or_else(|| Code::NotFound.into()))
    }
}

/// In the audit neither the buyer nor the words of a note are named: its lines stay for ever.
fn deed(action: &'static str, id: i64, caller: &Caller) -> Deed {
    Deed::new(action, id).of(caller.scope.user())
}

/// Notes about a buyer, newest first. Not found where the caller sees no conversation with them.
#[utoipa::path(get, path = "/api/v1/buyers/{buyer_id}/notes", tag = "buyer notes", params(("buyer_id" = String, Path), NotesQuery), responses((status = 200, body = Page<NoteView>)))]
pub async fn list(
    caller: Caller,
    buyer: BuyerKey,
    query: Query<NotesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<NoteView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let page = move |conn: &mut DbConn| buyer_notes::page(conn, &caller.scope, &buyer.0, paging.part());
    let (rows, total) = app.store.read(page).await?;
    Ok(Json(paging.answer(rows.into_iter().map(NoteView::from).collect(), total)))
}

/// Writes something down about a buyer.
#[utoipa::path(post, path = "/api/v1/buyers/{buyer_id}/notes", tag = "buyer notes", request_body = NewNote, params(("buyer_id" = String, Path)), responses((status = 201, body = NoteView)))]
pub async fn create(
    caller: Caller,
    buyer: BuyerKey,
    body: Body<NewNote>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let now = clock::unix();
    let insert = move |conn: &mut DbConn| -> QueryResult<Option<Note>> {
        let author = (Some(caller.user.id), caller.user.name.as_str());
        let note = buyer_notes::insert(conn, &caller.scope, &buyer.0, &body.0.text, author, now)?;
        if let Some(note) = &note {
            audit::record(conn, &caller.actor(), &deed("buyer_note.create", note.id, &caller), now)?;
        }
        Ok(note)
    };
    let note = app.store.write(insert).await?.ok_or_else(too_many)?;
    Ok(HttpResponse::Created().json(NoteView::from(note)))
}

fn too_many() -> ApiError {
    let said = Said::new(format!("每位买家最多 {MOST} 条备注"), format!("no more than {MOST} notes about a buyer"));
    ApiError::from(Code::Conflict).because(said)
}

/// Writes a note anew. Who wrote it first stays.
#[utoipa::path(patch, path = "/api/v1/buyers/{buyer_id}/notes/{id}", tag = "buyer notes", request_body = NotePatch,
    params(("buyer_id" = String, Path), ("id" = i64, Path)), responses((status = 200, body = NoteView)))]
pub async fn update(
    caller: Caller,
    buyer: BuyerKey,
    key: NoteKey,
    body: Body<NotePatch>,
    app: Data<AppState>,
) -> ApiResult<Json<NoteView>> {
    let now = clock::unix();
    let change = move |conn: &mut DbConn| -> QueryResult<Note> {
        let note = match &body.0.text {
            Some(text) => buyer_notes::set_text(conn, &caller.scope, &buyer.0, key.0, text, now)?,
            None => buyer_notes::get(conn, &caller.scope, &buyer.0, key.0)?,
        };
        audit::record(conn, &caller.actor(), &deed("buyer_note.update", note.id, &caller), now)?;
        Ok(note)
    };
    Ok(Json(app.store.write(change).await?.into()))
}

/// Removes a note.
#[utoipa::path(delete, path = "/api/v1/buyers/{buyer_id}/notes/{id}", tag = "buyer notes",
    params(("buyer_id" = String, Path), ("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, buyer: BuyerKey, key: NoteKey, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let now = clock::unix();
    let remove = move |conn: &mut DbConn| -> QueryResult<()> {
        buyer_notes::delete(conn, &caller.scope, &buyer.0, key.0)?;
        audit::record(conn, &caller.actor(), &deed("buyer_note.delete", key.0, &caller), now)
    };
    app.store.write(remove).await?;
    Ok(HttpResponse::NoContent().finish())
}
