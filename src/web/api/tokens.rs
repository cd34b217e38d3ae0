//! `/api/v1/tokens`: tokens of a person's programs. S3: each belongs to one person, is stored as a hash, and never reaches further than
//! that person does.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, ErrorBody, Said},
        gate::Caller,
        input::{Body, Few, Id, Line, Query, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    people::{CHOSEN, ChosenAccount, account_ids},
};
use crate::{
    access::token::{self, Access},
    ids::{AccountId, Timestamp, TokenId},
    store::{
        DbConn, QueryResult,
        api_tokens::{self, ApiToken, NewToken},
        audit::{self, Deed},
    },
    telemetry::clock,
};

/// Tokens that one person may have.
const TOKENS: i64 = 50;
/// A token that expires does so within this time.
const LONGEST: Duration = Duration::from_hours(24 * 366);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TokenQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// A token to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "stock script", "access": "read", "accounts": null, "expires_at": null}))]
pub struct NewTokenBody {
    /// What it is for.
    name: Line<1, 64>,
    access: Access,
    /// Absent or `null`: all accounts, those to come included.
    accounts: Option<Few<ChosenAccount, { CHOSEN }>>,
    /// UTC milliseconds, within a year. Absent or `null`: it does not expire.
    expires_at: Option<Whole<1, { i64::MAX }>>,
}

/// A token, as far as one can see it again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TokenView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: TokenId,
    pub(in crate::web) name: String,
    /// How it begins.
    #[schema(example = "yt_3f9cAbC")]
    pub(in crate::web) prefix: String,
    pub(in crate::web) access: Access,
    /// `null`: all accounts, those to come included.
    #[schema(value_type = Option<Vec<i64>>)]
    pub(in crate::web) accounts: Option<Vec<AccountId>>,
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    /// UTC milliseconds; `null`: it does not expire.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) expires_at: Option<Timestamp>,
    /// UTC milliseconds; written down every ten minutes at most. `null`: never used.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) used_at: Option<Timestamp>,
}

/// A new token. Its text is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct MintedView {
    /// For `Authorization: Bearer`.
    pub(in crate::web) token: String,
    pub(in crate::web) details: TokenView,
}

impl TokenView {
    fn new(token: ApiToken, accounts: Vec<AccountId>) -> Self {
        Self {
            id: token.id,
            name: token.name,
            prefix: token.prefix,
            access: token.access,
            accounts: (!token.all_accounts).then_some(accounts),
            created_at: token.created_at,
            expires_at: token.expires_at,
            used_at: token.used_at,
        }
    }

    fn of_new(id: TokenId, new: &NewToken) -> Self {
        Self {
            id,
            name: new.name.clone(),
            prefix: new.prefix.clone(),
            access: new.access,
            accounts: new.accounts.clone(),
            created_at: new.created_at,
            expires_at: new.expires_at,
            used_at: None,
        }
    }
}

/// One's own tokens, in the order they were made.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", params(TokenQuery), responses((status = 200, body = Page<TokenView>)))]
pub async fn list(caller: Caller, query: Query<TokenQuery>, app: Data<AppState>) -> ApiResult<Json<Page<TokenView>>> {
    let user = caller.user.id;
    let rows = app.store.read(move |conn| api_tokens::list(conn, user)).await?;
    let views = rows.into_iter().map(|(token, accounts)| TokenView::new(token, accounts)).collect();
    Ok(Json(Paging::new(query.0.page, query.0.per_page).cut(views)))
}

/// Makes a token. Its text is in this answer and never again. Refused where there are 50 already.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", request_body = NewTokenBody, responses(
    (status = 201, body = MintedView),
    (status = 404, body = ErrorBody, description = "A chosen account is not yours"),
))]
pub async fn create(caller: Caller, body: Body<NewTokenBody>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (ask, now) = (body.0, clock::unix());
    let minted = token::mint(rand::random());
    let new = NewToken {
        user: caller.user.id,
        name: ask.name.into_string(),
        prefix: minted.prefix,
        hash: minted.hash,
        access: ask.access,
        accounts: ask.accounts.map(distinct),
        created_at: now,
        expires_at: ask.expires_at.map(|at| expiry(Timestamp(at.get()), now)).transpose()?,
    };
    let actor = caller.actor();
    let insert = move |conn: &mut DbConn| -> QueryResult<Option<TokenView>> {
        if api_tokens::count(conn, new.user)? >= TOKENS {
            return Ok(None);
        }
        let view = TokenView::of_new(api_tokens::insert(conn, &caller.scope, &new)?, &new);
        let deed = Deed::new("token.create", view.id).of(caller.scope.user()).after(&view);
        audit::record(conn, &actor, &deed, now)?;
        Ok(Some(view))
    };
    let made = app.store.write(insert).await.map_err(ApiError::missing("accounts"))?;
    let details = made.ok_or_else(too_many)?;
    app.gate.forget_all();
    Ok(HttpResponse::Created().json(MintedView { token: minted.text, details }))
}

fn too_many() -> ApiError {
    let said = Said::new("最多 50 个令牌，请先删除不用的", "there are 50 already: remove one that is not used");
    ApiError::from(Code::WrongState).because(said)
}

fn distinct(chosen: Few<ChosenAccount, { CHOSEN }>) -> Vec<AccountId> {
    let mut ids = account_ids(chosen);
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn expiry(at: Timestamp, now: Timestamp) -> ApiResult<Timestamp> {
    if now < at && at <= now + LONGEST {
        return Ok(at);
    }
    let said = Said::new(
        "须为将来一年之内的时间（UTC 毫秒）",
        "must lie in the future and within a year, in UTC milliseconds",
    );
    Err(ApiError::field("expires_at", said))
}

/// Makes a token worthless.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (user, id, actor, now) = (caller.user.id, TokenId(id.0), caller.actor(), clock::unix());
    let delete = move |conn: &mut DbConn| -> QueryResult<bool> {
        let tokens = api_tokens::list(conn, user)?;
        let Some((token, accounts)) = tokens.into_iter().find(|(token, _)| token.id == id) else { return Ok(false) };
        api_tokens::delete(conn, user, id)?;
        let deed = Deed::new("token.delete", id).of(caller.scope.user()).before(TokenView::new(token, accounts));
        audit::record(conn, &actor, &deed, now).map(|()| true)
    };
    let deleted = app.store.write(delete).await?;
    app.gate.forget_all();
    if deleted { Ok(HttpResponse::NoContent().finish()) } else { Err(Code::NotFound.into()) }
}
