//! `/api/v1/settings/ai` and `/api/v1/accounts/{id}/ai`: how the AI answers, for all accounts and where one differs; a trial that goes the
//! live way; what was used. A5: what is not set is inherited and shown as such. A key goes in and never comes out.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, ErrorBody, Language, Said},
        gate::Caller,
        input::{Body, Change, Few, Id, Line, Query, SecretText, Text, Whole, if_match},
        page::{Page, PageNumber, Paging, PerPage},
        secret_hint::SecretHint,
        tag,
    },
    ai_fields::{AiFields, AiPatch},
};
use crate::{
    ai::{
        actor::think::{self, Thought, Try},
        client::AiClient,
        intent::Intent,
        messages::AiQuestion,
        prompt::Buyer,
        settings::{AiChoices, ApiKey, Mode},
    },
    ids::{AccountId, ConversationId, ItemId, Timestamp},
    outgoing::client::OutgoingClient,
    platform::hours,
    reply::outside::AiWord,
    store::{
        DbConn, Keys, QueryResult, Scope, Sealed,
        accounts::{self, Account},
        ai_usage,
        answer_settings::{self, AnswerRow},
        audit::{self, Deed},
        buyer_tags, conversations, order_events, settings,
    },
    telemetry::clock,
};

/// How the AI answers where an account does not say otherwise.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemAiView {
    pub(in crate::web) chosen: AiFields,
    pub(in crate::web) in_force: AiFields,
    /// Of the provider; `null`: none.
    pub(in crate::web) key: Option<SecretHint>,
}

/// How the AI answers for an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountAiView {
    /// By the account itself; `null`: inherited.
    pub(in crate::web) chosen: AiFields,
    pub(in crate::web) in_force: AiFields,
    /// The account's own; `null`: none.
    pub(in crate::web) key: Option<SecretHint>,
    /// Whether the system's key is used: only where the account has neither a key nor a provider of its own.
    pub(in crate::web) uses_system_key: bool,
}

/// What a buyer might write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"messages": ["80卖不卖？"], "item_id": "900000000001"}))]
pub struct AiTrialBody {
    #[schema(inline)]
    messages: Few<Text<1, 2000>, 20>,
    #[schema(inline)]
    item_id: Option<Line<1, 64>>,
    /// The conversation whose history is told, as the platform numbers it.
    #[schema(inline)]
    conversation_id: Option<Line<1, 64>>,
    /// How many answers about the price there were.
    #[schema(inline)]
    rounds: Option<Whole<0, 100>>,
}

/// What would become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AiTrialOutcome {
    Sent,
    Recorded,
    Suggested,
    LeftToPerson,
    NextSource,
}

/// What the AI would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct AiTrialView {
    #[schema(inline)]
    pub(in crate::web) outcome: AiTrialOutcome,
    pub(in crate::web) text: Option<String>,
    /// A code that says why the model's words are not sent.
    pub(in crate::web) why: Option<String>,
    #[schema(inline)]
    pub(in crate::web) intent: Option<Intent>,
    /// In Fen; `null` where the item's price is not known.
    pub(in crate::web) floor: Option<i64>,
    pub(in crate::web) tries: Vec<TryView>,
    pub(in crate::web) usage: UsageView,
}

/// What the model said, and what is wrong with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TryView {
    pub(in crate::web) text: String,
    pub(in crate::web) violation: Option<ViolationView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ViolationView {
    pub(in crate::web) code: String,
    pub(in crate::web) text: String,
}

/// What was used. Costs are millionths of a Yuan.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct UsageView {
    pub(in crate::web) calls: i64,
    pub(in crate::web) failures: i64,
    pub(in crate::web) tokens_in: i64,
    pub(in crate::web) tokens_out: i64,
    pub(in crate::web) cost: i64,
}

/// What one account used on one day.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayView {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// Of the platform's calendar (UTC+8).
    #[schema(example = "2025-10-09")]
    pub(in crate::web) day: String,
    pub(in crate::web) usage: UsageView,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// Today and so many days before; absent: 30.
    #[param(inline)]
    days: Option<Whole<0, 366>>,
}

impl From<ai_usage::Usage> for UsageView {
    fn from(usage: ai_usage::Usage) -> Self {
        let ai_usage::Usage { calls, failures, tokens_in, tokens_out, cost } = usage;
        Self { calls, failures, tokens_in, tokens_out, cost }
    }
}

/// A provider's key as it is stored, and when it was put there.
type StoredKey = Option<(Sealed, Timestamp)>;

fn hint(keys: &Keys, key: &StoredKey, place: &str) -> Option<SecretHint> {
    let (sealed, set_at) = key.as_ref()?;
    keys.open(place, sealed).ok().map(|secret| SecretHint::new(secret.expose(), *set_at))
}

/// With the provider goes its key: whoever changes the address must not be told the key by doing so.
fn check_moved(key: &Change<SecretText<1024>>, before: &AiChoices, after: &AiChoices, has_key: bool) -> ApiResult<()> {
    let address = |choices: &AiChoices| choices.provider.as_ref().map(|provider| provider.base_url.clone());
    if has_key && matches!(key, Change::Keep) && address(before) != address(after) {
        let said = Said::new("更换服务地址时须重新填写密钥", "must be given again for another address");
        return Err(ApiError::field("key", said));
    }
    Ok(())
}

// ---- the system ----

fn system_view(conn: &mut DbConn, keys: &Keys) -> QueryResult<SystemAiView> {
    let (choices, _) = answer_settings::system_ai(conn)?;
    let key = settings::find_sealed(conn, answer_settings::SYSTEM_KEY)?;
    Ok(SystemAiView {
        in_force: choices.clone().over(&AiChoices::usual()).into(),
        chosen: choices.into(),
        key: hint(keys, &key, &settings::place(answer_settings::SYSTEM_KEY)),
    })
}

/// How the AI answers where an account does not say otherwise.
#[utoipa::path(get, path = "/api/v1/settings/ai", tag = "ai", responses((status = 200, body = SystemAiView)))]
pub async fn get_system(app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(tag::answer(HttpResponse::Ok(), &shown_system(&app).await?))
}

pub(in crate::web) async fn shown_system(app: &AppState) -> ApiResult<SystemAiView> {
    let keys = app.store.keys().clone();
    Ok(app.store.read(move |conn| system_view(conn, &keys)).await?)
}

/// Changes how the AI answers where an account does not say otherwise.
#[utoipa::path(patch, path = "/api/v1/settings/ai", tag = "ai", request_body = AiPatch,
    params(("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = SystemAiView), (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update_system(
    caller: Caller,
    request: HttpRequest,
    body: Body<AiPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (wanted, actor, now) = (if_match(request.headers())?, caller.actor(), clock::unix());
    let (keys, allowed) = (app.store.keys().clone(), app.settings.outgoing.allow.clone());
    let update = move |conn: &mut DbConn| -> QueryResult<ApiResult<SystemAiView>> {
        let before = system_view(conn, &keys)?;
        let (choices, key) = answer_settings::system_ai(conn)?;
        let mut patch = body.0;
        let key_change = std::mem::take(&mut patch.key);
        let checked = tag::check(wanted.as_deref(), &before).and_then(|()| {
            let after = patch.over(choices.clone(), &allowed)?;
            check_moved(&key_change, &choices, &after, key.is_some()).map(|()| after)
        });
        let after = match checked {
            Ok(after) => after,
            Err(refusal) => return Ok(Err(refusal)),
        };
        answer_settings::put_system_ai(conn, &after, now)?;
        let place = settings::place(answer_settings::SYSTEM_KEY);
        match key_change {
            Change::Keep => {}
            Change::Clear => settings::put_sealed(conn, answer_settings::SYSTEM_KEY, None, now)?,
            Change::Set(key) => {
                let sealed = keys.seal(&place, key.expose());
                settings::put_sealed(conn, answer_settings::SYSTEM_KEY, Some(&sealed), now)?;
            }
        }
        let view = system_view(conn, &keys)?;
        audit::record(conn, &actor, &Deed::new("ai.update", "system").before(&before).after(&view), now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(update).await??;
    super::accounts::notice(&app);
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

// ---- an account ----

fn account_view(conn: &mut DbConn, keys: &Keys, scope: &Scope, id: AccountId) -> QueryResult<AccountAiView> {
    let row = answer_settings::get(conn, scope, id)?;
    let (system, system_key) = answer_settings::system_ai(conn)?;
    let chosen = row.ai.clone();
    let key = row.ai_key.map(|key| (key, row.updated_at));
    Ok(AccountAiView {
        uses_system_key: key.is_none() && chosen.provider.is_none() && system_key.is_some(),
        in_force: chosen.clone().over(&system).over(&AiChoices::usual()).into(),
        chosen: chosen.into(),
        key: hint(keys, &key, &answer_settings::ai_key_place(id)),
    })
}

/// How the AI answers for an account: what it chose, and what is in force.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/ai", tag = "ai", params(("id" = i64, Path)), responses((status = 200, body = AccountAiView)))]
pub async fn get(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(tag::answer(HttpResponse::Ok(), &read(&app, &caller, id.0).await?))
}

pub(in crate::web) async fn read(app: &AppState, caller: &Caller, id: AccountId) -> ApiResult<AccountAiView> {
    let (keys, scope) = (app.store.keys().clone(), caller.scope);
    Ok(app.store.read(move |conn| account_view(conn, &keys, &scope, id)).await?)
}

/// Changes how the AI answers for an account. `null` inherits again.
#[utoipa::path(patch, path = "/api/v1/accounts/{id}/ai", tag = "ai", request_body = AiPatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = AccountAiView), (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update(
    caller: Caller,
    id: Id<AccountId>,
    request: HttpRequest,
    body: Body<AiPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (wanted, actor, now) = (if_match(request.headers())?, caller.actor(), clock::unix());
    let (keys, scope, id) = (app.store.keys().clone(), caller.scope, id.0);
    let allowed = app.settings.outgoing.allow.clone();
    let update = move |conn: &mut DbConn| -> QueryResult<ApiResult<AccountAiView>> {
        let before = account_view(conn, &keys, &scope, id)?;
        let row = answer_settings::get(conn, &scope, id)?;
        let choices = row.ai.clone();
        let mut patch = body.0;
        let key_change = std::mem::take(&mut patch.key);
        let checked = tag::check(wanted.as_deref(), &before).and_then(|()| {
            let after = patch.over(choices.clone(), &allowed)?;
            check_moved(&key_change, &choices, &after, row.ai_key.is_some()).map(|()| after)
        });
        let after = match checked {
            Ok(after) => after,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let ai_key = match key_change {
            Change::Keep => row.ai_key.clone(),
            Change::Clear => None,
            Change::Set(key) => Some(keys.seal(&answer_settings::ai_key_place(id), key.expose())),
        };
        answer_settings::put(conn, &scope, id, &AnswerRow { ai: after, ai_key, ..row }, now)?;
        let view = account_view(conn, &keys, &scope, id)?;
        let deed = Deed::new("account.ai", id).of(scope.user()).before(&before).after(&view);
        audit::record(conn, &actor, &deed, now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(update).await??;
    super::accounts::notice(&app);
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

/// Asks the AI as a buyer's message would: by the settings, prompts and limits in force, the item's facts, the conversation's history and its buyer.
/// Nothing is sent or stored but what it used. Where the AI is off, it is asked as if it were on.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/ai/test", tag = "ai", request_body = AiTrialBody, params(("id" = i64, Path)),
    responses((status = 200, body = AiTrialView), (status = 409, body = ErrorBody, description = "Nobody said where a model is")))]
pub async fn test(
    caller: Caller,
    id: Id<AccountId>,
    body: Body<AiTrialBody>,
    app: Data<AppState>,
) -> ApiResult<Json<AiTrialView>> {
    let (keys, scope, id) = (app.store.keys().clone(), caller.scope, id.0);
    let AiTrialBody { messages, item_id, conversation_id, rounds } = body.0;
    let conversation = conversation_id.map(|id| ConversationId::from(id.into_string()));
    let talked_in = conversation.clone();
    let read = move |conn: &mut DbConn| {
        let account = accounts::get(conn, &scope, id)?;
        let row = answer_settings::get(conn, &scope, id)?;
        let (system, system_key) = answer_settings::system_ai(conn)?;
        let open = |key: Option<&Sealed>, place: &str| {
            key.and_then(|key| keys.open(place, key).ok()).map(|secret| ApiKey(secret.expose().to_owned()))
        };
        let own_key = open(row.ai_key.as_ref(), &answer_settings::ai_key_place(id));
        let system_key = open(system_key.as_ref(), &settings::place(answer_settings::SYSTEM_KEY));
        let mut choices = row.ai.clone().over(&AiChoices { provider: None, ..system.clone() });
        if choices.mode.is_none_or(|mode| mode == Mode::Off) {
            choices.mode = Some(Mode::Auto);
        }
        let buyer = buyer(conn, &account, talked_in.as_ref())?;
        Ok((account, choices.resolve(own_key, &system, system_key.as_ref()), buyer))
    };
    let (account, settings, buyer) = app.store.read(read).await?;
    let settings = settings.ok_or_else(|| ApiError::from(Code::WrongState).with("reason", "no_provider"))?;
    let question = AiQuestion {
        settings: Arc::new(settings),
        account: id,
        owner: account.owner,
        name: account.name.into(),
        own: account.uid,
        conversation: conversation.unwrap_or_else(|| "".into()),
        item: item_id.map(|item| ItemId::from(item.into_string())),
        buyer,
        said: messages.into_vec().into_iter().map(Text::into_string).collect(),
        messages: Vec::new(),
        rounds: rounds.and_then(|rounds| u32::try_from(rounds.get()).ok()).unwrap_or(0),
    };
    let client = AiClient::new(OutgoingClient::new(&app.settings.outgoing()), app.providers.clone());
    let thought = think::think(&app.store, &client, &question).await;
    let (deed, now) = (Deed::new("ai.test", id).of(scope.user()), clock::unix());
    let (actor, language) = (caller.actor(), caller.language);
    let noted = app.store.write(move |conn| audit::record(conn, &actor, &deed, now)).await;
    noted.map_err(ApiError::after_the_deed)?;
    Ok(Json(AiTrialView::new(thought, language)))
}

/// Who is at the other end of a conversation, as far as it is known.
fn buyer(conn: &mut DbConn, account: &Account, conversation: Option<&ConversationId>) -> QueryResult<Buyer> {
    let row = conversations::load_many(conn, account.id, conversation.map_or(&[], std::slice::from_ref))?.pop();
    let first_contact = row.is_none();
    let Some(peer) = row.and_then(|row| row.peer) else { return Ok(Buyer { first_contact, ..Buyer::default() }) };
    let tags = buyer_tags::of(conn, account.owner, &peer)?;
    let orders = order_events::paid_orders(conn, account.owner, std::slice::from_ref(&peer))?;
    Ok(Buyer { tags, orders: orders.get(&peer).copied().unwrap_or(0), first_contact })
}

impl AiTrialView {
    fn new(thought: Thought, language: Language) -> Self {
        let Thought { answer, intent, floor, tries, used } = thought;
        let unsent = answer.unsent.map(|unsent| unsent.text);
        let (outcome, text, why) = match answer.word {
            AiWord::Says { text, instead } => (AiTrialOutcome::Sent, Some(text), instead),
            AiWord::Recorded => (AiTrialOutcome::Recorded, unsent, None),
            AiWord::Suggested => (AiTrialOutcome::Suggested, unsent, None),
            AiWord::LeftToPerson(why) => (AiTrialOutcome::LeftToPerson, None, Some(why)),
            AiWord::Failed(why) => (AiTrialOutcome::NextSource, None, Some(why)),
        };
        Self {
            outcome,
            text,
            why: why.map(str::to_owned),
            intent,
            floor: floor.map(|floor| floor.0),
            tries: tries.into_iter().map(|tried| TryView::new(tried, language)).collect(),
            usage: used.into(),
        }
    }
}

impl TryView {
    fn new(Try { text, violation }: Try, language: Language) -> Self {
        let violation = violation.map(|violation| ViolationView {
            code: violation.code().to_owned(),
            text: match language {
                Language::Chinese => violation.zh(),
                Language::English => violation.en(),
            },
        });
        Self { text, violation }
    }
}

/// What the AI used, by account and day, newest first.
#[utoipa::path(get, path = "/api/v1/ai/usage", tag = "ai", params(UsageQuery), responses((status = 200, body = Page<DayView>)))]
pub async fn usage(caller: Caller, query: Query<UsageQuery>, app: Data<AppState>) -> ApiResult<Json<Page<DayView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let account = query.0.account.map(|id| AccountId(id.get()));
    let first = hours::day_of(clock::unix()) - query.0.days.map_or(30, Whole::get);
    let read = move |conn: &mut DbConn| ai_usage::page(conn, &caller.scope, account, first, paging.part());
    let (rows, total) = app.turns.read(&app.store, read).await?;
    let view =
        |row: ai_usage::UsageRow| DayView { account_id: row.account, day: date(row.day), usage: row.usage.into() };
    Ok(Json(paging.answer(rows.into_iter().map(view).collect(), total)))
}

/// A day of the platform's calendar, as people write it.
pub(super) fn date(day: i64) -> String {
    let day = i32::try_from(day).unwrap_or(0);
    jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(day)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_a_date() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(20_370), "2025-10-09");
    }
}
