//! `/api/v1/accounts/{id}/sources` and `/hook`: where an account's answers come from, in which order, and the seller's own program.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, ErrorBody, Said},
    gate::Caller,
    input::{Body, Change, Few, Id, Line, SecretText, Text, if_match},
    secret_hint::SecretHint,
    tag, user_url,
};
use crate::{
    hook::{
        actor as hook,
        request::{HookSettings, HookTurn, PATIENCE},
    },
    ids::{AccountId, ItemId},
    outgoing::client::OutgoingClient,
    reply::{
        outside::HookWord,
        rule::Reply,
        source::{Source, Sources},
    },
    store::{
        DbConn, Keys, QueryResult, Scope, accounts,
        answer_settings::{self, AnswerRow},
        audit::{self, Deed},
    },
    telemetry::clock,
};

/// Where answers come from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SourcesView {
    /// All there are; the first that has something to say answers.
    pub(in crate::web) order: Vec<Source>,
    /// Those that this account does not use.
    pub(in crate::web) off: Vec<Source>,
}

/// What is turned off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"off": ["global_rule"]}))]
pub struct SourcesBody {
    #[schema(value_type = Vec<Source>)]
    off: Few<Source, 7>,
}

/// The seller's own program.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HookView {
    /// `null`: there is none.
    pub(in crate::web) url: Option<String>,
    /// What requests are signed with; `null`: they are not signed.
    pub(in crate::web) secret: Option<SecretHint>,
}

/// Where the seller's own program is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://bot.example.com/reply", "secret": "a long random text"}))]
pub struct HookBody {
    /// An https address. `null`: no program is asked.
    // Named, it is missed where it is absent; `null` must be meant.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    url: Option<Line<8, 500>>,
    /// Signs every request. Absent: as before, where the address stays the same.
    #[serde(default)]
    secret: Change<SecretText<1024>>,
}

/// What a buyer might write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"message": "在吗"}))]
pub struct HookTrialBody {
    message: Text<1, 2000>,
    item_id: Option<Line<1, 64>>,
}

/// What the program said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HookOutcome {
    Answered,
    /// It has nothing to say: the next source would be asked.
    Nothing,
    /// It could not be asked: the next source would be.
    Failed,
}

/// What the program said.
#[derive(Debug, Serialize, ToSchema)]
pub struct HookTrialView {
    #[schema(inline)]
    pub(in crate::web) outcome: HookOutcome,
    pub(in crate::web) text: Option<String>,
    /// A code that says what went wrong.
    pub(in crate::web) why: Option<String>,
}

impl From<Sources> for SourcesView {
    fn from(sources: Sources) -> Self {
        Self { order: Source::ORDER.to_vec(), off: sources.off().collect() }
    }
}

/// Where the account's answers come from, and in which order.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/sources", tag = "answers", params(("id" = i64, Path)), responses((status = 200, body = SourcesView)))]
pub async fn get(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(tag::answer(HttpResponse::Ok(), &read(&app, &caller, id.0).await?))
}

pub(in crate::web) async fn read(app: &AppState, caller: &Caller, id: AccountId) -> ApiResult<SourcesView> {
    let scope = caller.scope;
    let row = app.store.read(move |conn| answer_settings::get(conn, &scope, id)).await?;
    Ok(SourcesView::from(row.sources))
}

/// Turns sources off, and all others on.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/sources", tag = "answers", request_body = SourcesBody,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = SourcesView), (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn set(
    caller: Caller,
    id: Id<AccountId>,
    request: HttpRequest,
    body: Body<SourcesBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let sources = Sources::without(body.0.off.into_vec());
    change(
        &app,
        caller,
        id.0,
        &request,
        "account.sources",
        move |_, row| Ok(AnswerRow { sources, ..row }),
        |_, _, row| SourcesView::from(row.sources),
    )
    .await
}

/// The seller's own program, which is asked before any rule.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/hook", tag = "answers", params(("id" = i64, Path)), responses((status = 200, body = HookView)))]
pub async fn get_hook(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(tag::answer(HttpResponse::Ok(), &read_hook(&app, &caller, id.0).await?))
}

pub(in crate::web) async fn read_hook(app: &AppState, caller: &Caller, id: AccountId) -> ApiResult<HookView> {
    let scope = caller.scope;
    let row = app.store.read(move |conn| answer_settings::get(conn, &scope, id)).await?;
    Ok(hook_view(app.store.keys(), id, &row))
}

fn hook_view(keys: &Keys, id: AccountId, row: &AnswerRow) -> HookView {
    let place = answer_settings::hook_secret_place(id);
    let secret = row.hook_secret.as_ref().and_then(|sealed| keys.open(&place, sealed).ok());
    HookView {
        url: row.hook_url.clone(),
        secret: secret.map(|secret| SecretHint::new(secret.expose(), row.updated_at)),
    }
}

/// Says where the seller's own program is. It is asked before any rule, has 10 s, and its answer is sent as text.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/hook", tag = "answers", request_body = HookBody,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = HookView), (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn set_hook(
    caller: Caller,
    id: Id<AccountId>,
    request: HttpRequest,
    body: Body<HookBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let HookBody { url, secret } = body.0;
    let url = url.map(Line::into_string);
    if let Some(url) = &url {
        user_url::read_for_secret(url, &app.settings.outgoing.allow).map_err(|said| ApiError::field("url", said))?;
    }
    let place = answer_settings::hook_secret_place(id.0);
    let with = move |keys: &Keys, row: AnswerRow| {
        let moved = row.hook_url.is_some() && url.is_some() && row.hook_url != url;
        let hook_secret = match secret {
            Change::Keep if moved && row.hook_secret.is_some() => {
                let said = Said::new("更换地址时须重新填写密钥", "must be given again for another address");
                return Err(ApiError::field("secret", said));
            }
            Change::Keep => row.hook_secret.clone().filter(|_| url.is_some()),
            Change::Clear => None,
            Change::Set(secret) => Some(keys.seal(&place, secret.expose())),
        };
        Ok(AnswerRow { hook_url: url, hook_secret, ..row })
    };
    change(&app, caller, id.0, &request, "account.hook", with, hook_view).await
}

/// Changes what is set for an account, with its line in the audit.
async fn change<V: Serialize + Send + 'static>(
    app: &AppState,
    caller: Caller,
    id: AccountId,
    request: &HttpRequest,
    action: &'static str,
    with: impl FnOnce(&Keys, AnswerRow) -> ApiResult<AnswerRow> + Send + 'static,
    view: impl Fn(&Keys, AccountId, &AnswerRow) -> V + Send + 'static,
) -> ApiResult<HttpResponse> {
    let (wanted, actor, now) = (if_match(request.headers())?, caller.actor(), clock::unix());
    let (keys, scope): (_, Scope) = (app.store.keys().clone(), caller.scope);
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<V>> {
        let row = answer_settings::get(conn, &scope, id)?;
        let before = view(&keys, id, &row);
        let row = match tag::check(wanted.as_deref(), &before).and_then(|()| with(&keys, row)) {
            Ok(row) => row,
            Err(refusal) => return Ok(Err(refusal)),
        };
        answer_settings::put(conn, &scope, id, &row, now)?;
        let after = view(&keys, id, &answer_settings::get(conn, &scope, id)?);
        let deed = Deed::new(action, id).of(scope.user()).before(&before).after(&after);
        audit::record(conn, &actor, &deed, now)?;
        Ok(Ok(after))
    };
    let after = app.store.write(job).await??;
    super::accounts::notice(app);
    Ok(tag::answer(HttpResponse::Ok(), &after))
}

/// Asks the seller's own program as a buyer's message would. Nothing is sent to anybody else.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/hook/test", tag = "answers", request_body = HookTrialBody, params(("id" = i64, Path)),
    responses((status = 200, body = HookTrialView), (status = 409, body = ErrorBody, description = "There is no such program")))]
pub async fn test_hook(
    caller: Caller,
    id: Id<AccountId>,
    body: Body<HookTrialBody>,
    app: Data<AppState>,
) -> ApiResult<Json<HookTrialView>> {
    let (scope, id) = (caller.scope, id.0);
    let read = move |conn: &mut DbConn| Ok((accounts::get(conn, &scope, id)?, answer_settings::get(conn, &scope, id)?));
    let (account, row) = app.store.read(read).await?;
    let url = row.hook_url.ok_or_else(|| ApiError::from(Code::WrongState).with("reason", "no_hook"))?;
    let place = answer_settings::hook_secret_place(id);
    let secret = row.hook_secret.and_then(|sealed| app.store.keys().open(&place, &sealed).ok());
    let settings = HookSettings { url, secret: secret.map(|secret| secret.expose().to_owned()).unwrap_or_default() };
    let turn = HookTurn {
        account: account.name.into(),
        conversation: "0".into(),
        buyer: "0".into(),
        buyer_name: "test".to_owned(),
        item: body.0.item_id.map(|item| ItemId::from(item.into_string())),
        said: body.0.message.into_string(),
        said_at: clock::unix(),
    };
    let client = OutgoingClient::new(&app.settings.outgoing());
    let word = hook::ask(&client, &settings, &turn, PATIENCE).await;
    let (deed, actor, now) = (Deed::new("hook.test", id).of(scope.user()), caller.actor(), clock::unix());
    let noted = app.store.write(move |conn| audit::record(conn, &actor, &deed, now)).await;
    noted.map_err(ApiError::after_the_deed)?;
    Ok(Json(match word {
        HookWord::Says(replies) => {
            let texts = replies.iter().map(|reply| match reply {
                Reply::Text(text) | Reply::Image(text) => text.as_str(),
            });
            let text = texts.collect::<Vec<_>>().join("\n");
            HookTrialView { outcome: HookOutcome::Answered, text: Some(text), why: None }
        }
        HookWord::Nothing => HookTrialView { outcome: HookOutcome::Nothing, text: None, why: None },
        HookWord::Failed(why) => HookTrialView { outcome: HookOutcome::Failed, text: None, why: Some(why.to_owned()) },
    }))
}
