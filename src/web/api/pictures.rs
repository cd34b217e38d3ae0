//! `/api/v1/pictures`: pictures that sellers upload, to be sent by rules, default replies and people.

use std::{future::Future, pin::Pin};

use actix_multipart::Multipart;
use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, HttpResponse,
    dev::Payload,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    web::{Bytes, BytesMut, Data, Json, block},
};
use futures_util::{TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, Said},
    gate::Caller,
    input::{MAX_PICTURE_BODY, Query, collect_up_to, patience_for_files},
    page::{Page, PageNumber, Paging, PerPage},
};
use crate::{
    ids::{PictureId, Timestamp},
    picture::{Fault, MOST_BYTES, MOST_PIXELS, Mime, redraw},
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        pictures::{self, Kept, MOST, PictureRow, Uses},
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PicturesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// A picture as it is kept: drawn anew, without anything that was in the file besides its pixels.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PictureView {
    /// The SHA-256 of its bytes, in hexadecimal.
    #[schema(value_type = String, example = "3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855e")]
    pub(in crate::web) id: PictureId,
    /// What stands for it in replies.
    #[schema(example = "picture:3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855e")]
    pub(in crate::web) image: String,
    #[schema(example = "image/png")]
    pub(in crate::web) mime: String,
    /// Pixels.
    pub(in crate::web) width: i64,
    pub(in crate::web) height: i64,
    pub(in crate::web) size_bytes: i64,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
}

impl From<PictureRow> for PictureView {
    fn from(row: PictureRow) -> Self {
        let PictureRow { id, mime, width, height, size, created_at } = row;
        Self { image: id.address(), id, mime, width, height, size_bytes: size, created_at }
    }
}

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; the file is read part by part")]
pub struct PictureForm {
    /// The picture.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The file of a request: its body, or the one file of a form.
pub struct File(Bytes);

impl FromRequest for File {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let kind = request.mime_type().ok().flatten();
            let is_form = kind.as_ref().is_some_and(|mime| mime.essence_str() == "multipart/form-data");
            if !is_form && kind.is_none_or(|mime| mime.type_() != "image") {
                let said = Said::new("须为图片或 multipart/form-data 表单", "must be a picture, or a form with one");
                return Err(ApiError::from(Code::UnsupportedMediaType).at("Content-Type").because(said));
            }
            let body = collect_up_to(MAX_PICTURE_BODY, payload, patience_for_files(&request)).await?.freeze();
            if is_form { of_form(&request, body).await.map(Self) } else { Ok(Self(body)) }
        })
    }
}

/// The file of the form, which has arrived as a whole.
pub(super) async fn of_form(request: &HttpRequest, body: Bytes) -> ApiResult<Bytes> {
    let malformed = || {
        let said = Said::new("表单须恰好有一个名为 file 的文件", "the form must have exactly one file, named file");
        ApiError::field("file", said)
    };
    let parts = stream::iter([Ok::<_, actix_web::error::PayloadError>(body)]);
    let mut form = Multipart::new(request.headers(), parts);
    let mut found = None;
    while let Some(mut field) = form.try_next().await.map_err(|_| malformed())? {
        if field.name() != Some("file") || found.is_some() {
            return Err(malformed());
        }
        let mut file = BytesMut::new();
        while let Some(chunk) = field.try_next().await.map_err(|_| malformed())? {
            file.extend_from_slice(&chunk);
        }
        found = Some(file.freeze());
    }
    found.ok_or_else(malformed)
}

/// The number of a picture in an address. What is no such number is the address of nothing.
pub struct PictureKey(PictureId);

impl FromRequest for PictureKey {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(PictureId::parse);
        std::future::ready(id.map(Self).ok_or_else(|| Code::NotFound.into()))
    }
}

fn refusal(fault: &Fault) -> ApiError {
    let said = match fault {
        Fault::TooManyBytes => {
            let most = MOST_BYTES >> 20;
            Said::new(format!("图片不能超过 {most} MiB"), format!("must have at most {most} MiB"))
        }
        Fault::UnknownKind => Said::new("须为 JPEG、PNG、GIF 或 WebP 图片", "must be a JPEG, PNG, GIF or WebP picture"),
        Fault::TooManyPixels { width, height } => Said::new(
            format!("图片为 {width}×{height} 像素，宽和高都不能超过 {MOST_PIXELS}"),
            format!("has {width} x {height} pixels; neither may be more than {MOST_PIXELS}"),
        ),
        Fault::Damaged => Said::new("图片已损坏，无法读取", "is damaged and cannot be read"),
    };
    ApiError::from(Code::NotAPicture).at("file").because(said)
}

/// Uploads a picture: JPEG, PNG, GIF (its first frame) or WebP, at most 5 MiB and 4096 pixels in each direction. It is drawn anew, so that
/// nothing but its pixels is kept. The same picture is kept once: a second time it is answered with 200.
#[utoipa::path(post, path = "/api/v1/pictures", tag = "pictures",
    request_body(content((PictureForm = "multipart/form-data"), ("image/jpeg"), ("image/png"), ("image/gif"), ("image/webp"))),
    responses((status = 201, body = PictureView), (status = 200, body = PictureView, description = "It was there already")))]
pub async fn create(caller: Caller, file: File, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let turn = app.turns.draw().await?;
    let drawn = block(move || {
        let _turn = turn;
        redraw(&file.0)
    });
    let picture = drawn.await.map_err(|_| Code::Internal)?.map_err(|fault| refusal(&fault))?;
    let now = clock::unix();
    let job = move |conn: &mut DbConn| -> QueryResult<Kept> {
        let kept = pictures::keep(conn, &caller.scope, &picture, now)?;
        if let Kept::New(row) = &kept {
            let deed = Deed::new("picture.create", row.id.as_str()).of(caller.scope.user());
            audit::record(conn, &caller.actor(), &deed.after(PictureView::from(row.clone())), now)?;
        }
        Ok(kept)
    };
    match app.store.write(job).await? {
        Kept::New(row) => Ok(HttpResponse::Created().json(PictureView::from(row))),
        Kept::Known(row) => Ok(HttpResponse::Ok().json(PictureView::from(row))),
        Kept::TooMany => Err(ApiError::from(Code::TooManyPictures).with("most", MOST)),
    }
}

/// Pictures, the newest first.
#[utoipa::path(get, path = "/api/v1/pictures", tag = "pictures", params(PicturesQuery), responses((status = 200, body = Page<PictureView>)))]
pub async fn list(
    caller: Caller,
    query: Query<PicturesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<PictureView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let page = move |conn: &mut DbConn| pictures::page(conn, &caller.scope, paging.part());
    let (rows, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(rows.into_iter().map(PictureView::from).collect(), total)))
}

/// What is known of one picture.
#[utoipa::path(get, path = "/api/v1/pictures/{id}", tag = "pictures", params(("id" = String, Path, description = "The number of the picture")), responses((status = 200, body = PictureView)))]
pub async fn get(caller: Caller, key: PictureKey, app: Data<AppState>) -> ApiResult<Json<PictureView>> {
    let row = app.store.read(move |conn| pictures::get(conn, &caller.scope, &key.0)).await?;
    Ok(Json(row.into()))
}

/// The picture itself. It never changes: its number is the hash of what is answered.
#[utoipa::path(get, path = "/api/v1/pictures/{id}/file", tag = "pictures", params(("id" = String, Path, description = "The number of the picture")),
    responses((status = 200, description = "The bytes", content(("image/jpeg"), ("image/png")))))]
pub async fn file(caller: Caller, key: PictureKey, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let id = key.0.clone();
    let read = move |conn: &mut DbConn| pictures::file(conn, &caller.scope, &key.0);
    let (mime, bytes) = app.turns.read(&app.store, read).await?;
    // Only what this server drew is stored.
    let mime = Mime::of(&mime).ok_or(Code::Internal)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, mime.as_str()))
        .insert_header((CONTENT_DISPOSITION, format!("inline; filename=\"{id}.{}\"", mime.ending())))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((CACHE_CONTROL, "private, max-age=31536000, immutable"))
        .body(bytes))
}

fn in_use(uses: Uses) -> ApiError {
    ApiError::from(Code::PictureInUse).with("rules", uses.rules).with("sends", uses.sends).with("cards", uses.cards)
}

/// Removes a picture. Refused (`picture_in_use`) while a rule, a default reply, a card or an unsettled send needs it.
#[utoipa::path(delete, path = "/api/v1/pictures/{id}", tag = "pictures", params(("id" = String, Path, description = "The number of the picture")), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, key: PictureKey, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (keys, now) = (app.store.keys().clone(), clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<Result<(), Uses>> {
        let row = match pictures::delete(conn, &keys, &caller.scope, &key.0)? {
            Ok(row) => row,
            Err(uses) => return Ok(Err(uses)),
        };
        let deed = Deed::new("picture.delete", row.id.as_str()).of(caller.scope.user());
        audit::record(conn, &caller.actor(), &deed.before(PictureView::from(row.clone())), now).map(Ok)
    };
    app.store.write(job).await?.map_err(in_use)?;
    Ok(HttpResponse::NoContent().finish())
}

pub(in crate::web) fn no_such_picture() -> Said {
    Said::new("没有这张图片，请先上传", "there is no such picture: upload it first")
}

/// Refuses a reply that names a picture which the seller does not have; `place` is the field of the picture.
pub(in crate::web) fn check_one(
    conn: &mut DbConn,
    caller: &Caller,
    id: &PictureId,
    place: impl FnOnce() -> String,
) -> QueryResult<ApiResult<PictureRow>> {
    Ok(pictures::find(conn, &caller.scope, id)?.ok_or_else(|| ApiError::field(place(), no_such_picture())))
}
