//! `/api/captcha`: challenges as older clients know them, where a `session` is a challenge. Their page is over
//! [`captcha_socket`](super::captcha_socket).

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AppState,
    api::challenges::put_an_end,
    captcha_frames::{PointerEvent, ViewportView, data_address, not_done},
    error::{ApiError, ApiResult, Code},
    gate::{Caller, Standing},
    input::{Body, Line},
};
use crate::{
    captcha::{
        challenge::State,
        input::{Input, Point},
        messages::{Act, AskPages, By, Check, Checked, Look, NotDone, Seen},
    },
    ids::ChallengeId,
    store::{
        DbConn, Page, Scope,
        challenges::{self, Filter, Row},
    },
    telemetry::modules::Module,
};

/// An account has one open at most: nobody has more accounts.
const MOST: i64 = 1000;

/// The number of a challenge in an address. What is no such number is the address of nothing.
pub struct ChallengeKey(pub ChallengeId);

impl FromRequest for ChallengeKey {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(ChallengeId::parse);
        std::future::ready(id.map(Self).ok_or_else(|| Code::NotFound.into()))
    }
}

/// An own challenge; for an administrator, whose help was asked for, anybody's. One that is somebody else's is not there.
pub(super) async fn find(app: &AppState, caller: &Caller, id: ChallengeId) -> ApiResult<Row> {
    let reach = Reach::of(caller);
    Ok(app.store.read(move |conn| reach.get(conn, &id)).await?)
}

/// Whose challenges somebody may open by their number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    Own(Scope),
    Anybody,
}

impl Reach {
    pub(super) fn of(caller: &Caller) -> Self {
        if caller.administers() { Self::Anybody } else { Self::Own(caller.scope) }
    }

    /// As they stand by now.
    pub(super) fn of_standing(standing: &Standing) -> Self {
        if standing.administers { Self::Anybody } else { Self::Own(standing.scope) }
    }

    pub(super) fn get(self, conn: &mut DbConn, id: &ChallengeId) -> crate::store::QueryResult<Row> {
        match self {
            Self::Own(scope) => challenges::get(conn, &scope, id),
            Self::Anybody => challenges::get_of_anybody(conn, id),
        }
    }
}

fn refuse(not: NotDone) -> ApiError {
    match not {
        NotDone::TooFast => Code::TooManyRequests.into(),
        NotDone::NotShown | NotDone::NotInControl => ApiError::from(Code::WrongState).because(not_done(not).1),
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionsView {
    count: usize,
    sessions: Vec<SessionLine>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionLine {
    #[schema(value_type = String, example = "5f1a3c0d9b7e2468ace013579bdf02468ace013579bdf02468ace013579bdf02")]
    session_id: ChallengeId,
    completed: bool,
    /// Whether somebody looks at its page.
    has_websocket: bool,
}

/// What waits for a person.
#[utoipa::path(get, path = "/api/captcha/sessions", tag = "captcha", responses((status = 200, body = SessionsView)))]
pub async fn sessions(caller: Caller, app: Data<AppState>) -> ApiResult<Json<SessionsView>> {
    let filter = Filter { open: Some(true), ..Filter::default() };
    let read = move |conn: &mut DbConn| challenges::page(conn, &caller.scope, &filter, Page::first(MOST));
    let (rows, _) = app.turns.read(&app.store, read).await?;
    let pages = app.challenges.send(AskPages).await?;
    let line = |row: Row| SessionLine {
        has_websocket: pages.watched.get(&row.id).is_some_and(|watching| *watching > 0),
        completed: row.state == State::Passed,
        session_id: row.id,
    };
    let sessions: Vec<SessionLine> = rows.into_iter().map(line).collect();
    Ok(Json(SessionsView { count: sessions.len(), sessions }))
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChallengeSessionView)]
pub struct SessionView {
    #[schema(value_type = String, example = "5f1a3c0d9b7e2468ace013579bdf02468ace013579bdf02468ace013579bdf02")]
    session_id: ChallengeId,
    /// A `data:` address of a JPEG; `null`: its page is not open.
    screenshot: Option<String>,
    /// Always `null`: the whole page is shown.
    #[schema(value_type = Option<Object>)]
    captcha_info: Option<()>,
    /// `null`: its page is not open.
    viewport: Option<ViewportView>,
    completed: bool,
}

/// A challenge and what its page looks like.
#[utoipa::path(get, path = "/api/captcha/session/{id}", tag = "captcha", params(("id" = String, Path)), responses((status = 200, body = SessionView)))]
pub async fn session(caller: Caller, key: ChallengeKey, app: Data<AppState>) -> ApiResult<Json<SessionView>> {
    let row = find(&app, &caller, key.0).await?;
    let seen = app.challenges.send(Look(row.id.clone())).await?;
    let viewport = seen.as_ref().map(|seen| seen.viewport.into());
    let screenshot = seen.and_then(|seen| seen.picture).map(|picture| data_address(&picture));
    let completed = row.state == State::Passed;
    Ok(Json(SessionView { session_id: row.id, screenshot, captcha_info: None, viewport, completed }))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ScreenshotView {
    /// A `data:` address of a JPEG.
    #[schema(example = "data:image/jpeg;base64,/9j/4AAQ")]
    screenshot: String,
}

/// What the page of a challenge looks like now. Refused where it is not open.
#[utoipa::path(get, path = "/api/captcha/screenshot/{id}", tag = "captcha", params(("id" = String, Path)), responses((status = 200, body = ScreenshotView)))]
pub async fn screenshot(caller: Caller, key: ChallengeKey, app: Data<AppState>) -> ApiResult<Json<ScreenshotView>> {
    let row = find(&app, &caller, key.0).await?;
    app.wants(Module::ChallengeBrowser).await?;
    let seen: Option<Seen> = app.challenges.send(Look(row.id)).await?;
    let picture = seen.and_then(|seen| seen.picture).ok_or_else(|| refuse(NotDone::NotShown))?;
    Ok(Json(ScreenshotView { screenshot: data_address(&picture) }))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionStatus {
    success: bool,
    completed: bool,
    /// Whether it still waits for a person.
    session_exists: bool,
    #[schema(value_type = String, example = "5f1a3c0d9b7e2468ace013579bdf02468ace013579bdf02468ace013579bdf02")]
    session_id: ChallengeId,
}

/// Whether a challenge is passed.
#[utoipa::path(get, path = "/api/captcha/status/{id}", tag = "captcha", params(("id" = String, Path)), responses((status = 200, body = SessionStatus)))]
pub async fn status(caller: Caller, key: ChallengeKey, app: Data<AppState>) -> ApiResult<Json<SessionStatus>> {
    let row = find(&app, &caller, key.0).await?;
    let (completed, session_exists) = (row.state == State::Passed, !row.state.is_over());
    Ok(Json(SessionStatus { success: true, completed, session_exists, session_id: row.id }))
}

/// What a hand does on the page, where nobody else controls it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"session_id": "5f1a3c0d9b7e2468ace013579bdf02468ace013579bdf02468ace013579bdf02", "event_type": "move", "x": 120, "y": 300}))]
pub struct MouseBody {
    #[schema(inline)]
    session_id: Line<1, 64>,
    #[schema(inline)]
    event_type: PointerEvent,
    /// In pixels of the page, from the left.
    x: f64,
    /// From the top.
    y: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Acted {
    success: bool,
    completed: bool,
}

/// A hand moves on the page of a challenge. What comes of it is seen over the WebSocket, or in the next screenshot.
#[utoipa::path(post, path = "/api/captcha/mouse_event", tag = "captcha", request_body = MouseBody, responses((status = 200, body = Acted)))]
pub async fn mouse_event(caller: Caller, body: Body<MouseBody>, app: Data<AppState>) -> ApiResult<Json<Acted>> {
    let MouseBody { session_id, event_type, x, y } = body.0;
    let (Row { id, .. }, by) = named(&app, &caller, &session_id).await?;
    let input = Input::Mouse { stroke: event_type.into(), at: Point { x, y }, pressed: false };
    app.challenges.send(Act { id, by, input }).await?.map_err(refuse)?;
    Ok(Json(Acted { success: true, completed: false }))
}

/// Which one is asked about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"session_id": "5f1a3c0d9b7e2468ace013579bdf02468ace013579bdf02468ace013579bdf02"}))]
pub struct CheckBody {
    #[schema(inline)]
    session_id: Line<1, 64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CompletionView {
    #[schema(value_type = String, example = "5f1a3c0d9b7e2468ace013579bdf02468ace013579bdf02468ace013579bdf02")]
    session_id: ChallengeId,
    completed: bool,
}

/// Is it passed? The platform is asked where the page has something new to show it.
#[utoipa::path(post, path = "/api/captcha/check_completion", tag = "captcha", request_body = CheckBody, responses((status = 200, body = CompletionView)))]
pub async fn check_completion(
    caller: Caller,
    body: Body<CheckBody>,
    app: Data<AppState>,
) -> ApiResult<Json<CompletionView>> {
    let (Row { id, state, .. }, by) = named(&app, &caller, &body.0.session_id).await?;
    let is_passed = state == State::Passed
        || app.challenges.send(Check { id: id.clone(), by }).await?.map_err(refuse)? == Checked::Passed;
    Ok(Json(CompletionView { session_id: id, completed: is_passed }))
}

async fn named(app: &AppState, caller: &Caller, text: &str) -> ApiResult<(Row, By)> {
    let missing = || ApiError::from(Code::NotFound).at("session_id");
    let id = ChallengeId::parse(text).ok_or_else(missing)?;
    let reach = Reach::of(caller);
    let row = app.store.read(move |conn| reach.get(conn, &id)).await.map_err(ApiError::missing("session_id"))?;
    app.wants(Module::ChallengeBrowser).await?;
    Ok((row, By::User(caller.user.id)))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionEnded {
    success: bool,
}

/// Cancels a challenge: its page is closed. Refused where it is over.
#[utoipa::path(delete, path = "/api/captcha/session/{id}", tag = "captcha", params(("id" = String, Path)), responses((status = 200, body = SessionEnded)))]
pub async fn end_session(caller: Caller, key: ChallengeKey, app: Data<AppState>) -> ApiResult<Json<SessionEnded>> {
    put_an_end(&app, caller, key.0).await?;
    Ok(Json(SessionEnded { success: true }))
}
