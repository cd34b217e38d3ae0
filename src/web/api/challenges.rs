//! `/api/v1/challenges`: what the platform wants a person to pass.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    AppState,
    captcha::{ChallengeKey, Reach, find},
    error::{ApiError, ApiResult, Code, Language},
    gate::Caller,
    input::{Id, NoBody, Query, Whole},
    page::{Page, PageNumber, Paging, PerPage},
};
use crate::{
    account::token::Cause,
    captcha::{
        challenge::{State, Trouble},
        messages::Close,
    },
    ids::{AccountId, ChallengeId, Timestamp},
    store::{
        DbConn, QueryResult, account_tokens, accounts,
        audit::{self, Deed},
        challenges::{self, Filter, New, Row},
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ChallengesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    #[param(inline)]
    state: Option<State>,
    /// `true`: only what waits. `false`: only what is over.
    open: Option<bool>,
}

/// What the platform wants a person to pass before it answers an account again.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ChallengeView {
    #[schema(value_type = String, example = "5f1a3c0d9b7e2468ace013579bdf02468ace013579bdf02468ace013579bdf02")]
    pub(in crate::web) id: ChallengeId,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    #[schema(example = "shop-1")]
    pub(in crate::web) account_name: String,
    #[schema(inline)]
    pub(in crate::web) state: State,
    /// The same in words.
    pub(in crate::web) text: String,
    /// Why it failed.
    #[schema(inline)]
    pub(in crate::web) trouble: Option<Trouble>,
    pub(in crate::web) trouble_text: Option<String>,
    /// The page on which it is passed.
    #[schema(example = "/app/challenges/5f1a3c0d9b7e2468ace013579bdf02468ace013579bdf02468ace013579bdf02")]
    pub(in crate::web) path: String,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) expires_at: Timestamp,
    /// When its page was first opened, and by whom.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) opened_at: Option<Timestamp>,
    pub(in crate::web) opened_by: Option<String>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) ended_at: Option<Timestamp>,
}

/// The page on which a challenge is passed.
pub fn path(id: &ChallengeId) -> String {
    format!("/app/challenges/{id}")
}

impl ChallengeView {
    fn new(row: Row, language: Language) -> Self {
        let in_words = |(zh, en): (&'static str, &'static str)| match language {
            Language::Chinese => zh.to_owned(),
            Language::English => en.to_owned(),
        };
        Self {
            path: path(&row.id),
            id: row.id,
            account_id: row.account,
            account_name: row.account_name,
            state: row.state,
            text: in_words(row.state.sentence()),
            trouble: row.trouble,
            trouble_text: row.trouble.map(|trouble| in_words(trouble.sentence())),
            created_at: row.created_at,
            expires_at: row.expires_at,
            opened_at: row.opened_at,
            opened_by: row.opened_by,
            ended_at: row.ended_at,
        }
    }
}

/// What the platform wants, or wanted, a person to pass: the newest first.
#[utoipa::path(get, path = "/api/v1/challenges", tag = "challenges", params(ChallengesQuery), responses((status = 200, body = Page<ChallengeView>)))]
pub async fn list(
    caller: Caller,
    query: Query<ChallengesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<ChallengeView>>> {
    let (query, language) = (query.0, caller.language);
    let paging = Paging::new(query.page, query.per_page);
    let account = query.account.map(|id| AccountId(id.get()));
    let filter = Filter { account, state: query.state, open: query.open };
    let read = move |conn: &mut DbConn| challenges::page(conn, &caller.scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, read).await?;
    let views = rows.into_iter().map(|row| ChallengeView::new(row, language));
    Ok(Json(paging.answer(views.collect(), total)))
}

/// One of them.
#[utoipa::path(get, path = "/api/v1/challenges/{id}", tag = "challenges", params(("id" = String, Path)), responses((status = 200, body = ChallengeView)))]
pub async fn get(caller: Caller, key: ChallengeKey, app: Data<AppState>) -> ApiResult<Json<ChallengeView>> {
    let row = find(&app, &caller, key.0).await?;
    Ok(Json(ChallengeView::new(row, caller.language)))
}

/// Nobody is to pass it any more: its page is closed. Refused where it is over.
#[utoipa::path(post, path = "/api/v1/challenges/{id}/cancel", tag = "challenges", params(("id" = String, Path)), responses((status = 200, body = ChallengeView)))]
pub async fn cancel(
    caller: Caller,
    key: ChallengeKey,
    _: NoBody,
    app: Data<AppState>,
) -> ApiResult<Json<ChallengeView>> {
    let language = caller.language;
    let row = put_an_end(&app, caller, key.0).await?;
    Ok(Json(ChallengeView::new(row, language)))
}

pub(in crate::web) async fn put_an_end(app: &AppState, caller: Caller, id: ChallengeId) -> ApiResult<Row> {
    let (reach, now) = (Reach::of(&caller), clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<Row>> {
        let before = reach.get(conn, &id)?;
        if !challenges::end(conn, &id, State::Cancelled, None, now)? {
            return Ok(Err(ApiError::from(Code::WrongState).with("state", before.state.as_str())));
        }
        let after = reach.get(conn, &id)?;
        let shown = |row: &Row| ChallengeView::new(row.clone(), Language::English);
        let deed = Deed::new("challenge.cancel", &id).of(after.owner).before(shown(&before)).after(shown(&after));
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(after))
    };
    let row = app.store.write(job).await??;
    // A page that is not open needs no word; one that is hears it, or is found by the next look at the rows.
    app.challenges.do_send(Close { id: row.id.clone(), state: State::Cancelled });
    Ok(row)
}

/// Begins a challenge anew: the platform still wants a person, and the last one is over. Where one is open, it is that one.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/challenge", tag = "challenges", params(("id" = i64, Path)),
    responses((status = 201, body = ChallengeView), (status = 409, body = super::super::error::ErrorBody, description = "The platform asks for nobody, or named no address")))]
pub async fn begin(caller: Caller, id: Id<AccountId>, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (account, now, language) = (id.0, clock::unix(), caller.language);
    let (keys, life) = (app.store.keys().clone(), app.settings.captcha.life);
    let fresh = ChallengeId::of(rand::random());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<Row>> {
        let scope = caller.scope;
        let login = accounts::get(conn, &scope, account)?.credentials_version;
        let breaker = account_tokens::load(conn, account)?.filter(|row| {
            row.credentials_version == login && row.breaker_reason.as_deref() == Some(Cause::Challenge.as_str())
        });
        let place = account_tokens::breaker_place(account);
        let sealed = breaker.and_then(|row| row.breaker_url);
        let Some(url) = sealed.and_then(|sealed| keys.open(&place, &sealed).ok()) else {
            return Ok(Err(Code::WrongState.into()));
        };
        let known = challenges::find_open(conn, account)?.filter(|(_, _, expires_at)| *expires_at > now);
        let found = match known {
            Some((known, ..)) => known,
            None => {
                let url = keys.seal(&challenges::url_place(account), url.expose());
                let new = New { id: fresh, account, url, expires_at: now + life };
                challenges::open(conn, &new, now)?
            }
        };
        let row = challenges::get(conn, &scope, &found)?;
        let shown = ChallengeView::new(row.clone(), Language::English);
        let deed = Deed::new("challenge.begin", &found).of(scope.user()).after(shown);
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(row))
    };
    let row = app.store.write(job).await??;
    Ok(HttpResponse::Created().json(ChallengeView::new(row, language)))
}
