//! `/api/v1/outbox`: every text and picture to a buyer, what became of it, and what a person says about it.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code},
        gate::Caller,
        input::{Body, Line, NoBody, Query, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    decisions::bad_key,
    key::{self, ConversationKey, SendKey},
};
use crate::{
    ids::{AccountId, BuyerId, MessageId, RuleId, Timestamp},
    outbox::{
        entry::{Body as Content, Entry, NotSettled, Origin, PersonsWord, State},
        messages::{ActOnEntry, EntryAct, IfSeen, NotActed},
    },
    store::{
        DbConn,
        audit::{self, Deed},
        outbox::{self, Filter},
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OutboxQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// `ACCOUNT.CONVERSATION`.
    #[param(inline)]
    conversation: Option<Line<1, 90>>,
    #[param(inline)]
    state: Option<State>,
    #[param(inline)]
    origin: Option<Origin>,
    /// UTC milliseconds.
    #[param(inline)]
    since: Option<Whole<0, { i64::MAX }>>,
    /// UTC milliseconds; not included.
    #[param(inline)]
    until: Option<Whole<0, { i64::MAX }>>,
}

/// One text or picture to a buyer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EntryView {
    /// `ACCOUNT.NUMBER`: its address.
    #[schema(example = "12.1763640000123")]
    pub(in crate::web) id: String,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// `ACCOUNT.CONVERSATION`.
    pub(in crate::web) conversation: String,
    #[schema(value_type = String)]
    pub(in crate::web) peer_id: BuyerId,
    pub(in crate::web) body: Content,
    #[schema(inline)]
    pub(in crate::web) state: State,
    /// Why it was rejected, expired or is uncertain.
    pub(in crate::web) reason: Option<String>,
    /// The platform's id of the message, once it is known.
    #[schema(value_type = Option<String>)]
    pub(in crate::web) message_id: Option<MessageId>,
    #[schema(inline)]
    pub(in crate::web) origin: Origin,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) rule_id: Option<RuleId>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) in_reply_to: Option<MessageId>,
    /// How often it was on the wire.
    pub(in crate::web) attempts: i32,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) sent_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) settled_at: Option<Timestamp>,
    #[schema(value_type = i64)]
    pub(in crate::web) expires_at: Timestamp,
}

impl EntryView {
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            id: key::send(entry.account, entry.id),
            account_id: entry.account,
            conversation: key::conversation(entry.account, &entry.conversation),
            peer_id: entry.peer,
            body: entry.body,
            state: entry.state,
            reason: entry.reason,
            message_id: entry.message,
            origin: entry.origin,
            rule_id: entry.rule,
            in_reply_to: entry.in_reply_to,
            attempts: entry.attempts,
            created_at: entry.created_at,
            sent_at: entry.sent_at,
            settled_at: entry.settled_at,
            expires_at: entry.expires_at,
        }
    }
}

/// Sends an entry again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"although_maybe_seen": true}))]
pub struct RetryBody {
    /// Also where the buyer may have seen it already (`uncertain`).
    #[serde(default)]
    although_maybe_seen: bool,
}

/// A person's word on an uncertain entry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"arrived": true}))]
pub struct ConfirmBody {
    /// Whether the buyer saw it.
    arrived: bool,
}

impl From<NotActed> for ApiError {
    fn from(reason: NotActed) -> Self {
        match reason {
            NotActed::NotSettled(NotSettled::NotFound) => Code::NotFound.into(),
            NotActed::NotSettled(NotSettled::WrongState(state)) => {
                Self::from(Code::WrongState).with("state", state.as_str())
            }
            NotActed::MayBeDuplicate => Self::from(Code::MayBeDuplicate).at("although_maybe_seen"),
            NotActed::SentAgain(id) => Self::from(Code::WrongState).with("sent_again_as", id.0),
            NotActed::OfDelivery => Code::OfDelivery.into(),
            NotActed::NotSent(reason) => reason.into(),
        }
    }
}

/// Sends, newest first.
#[utoipa::path(get, path = "/api/v1/outbox", tag = "outbox", params(OutboxQuery), responses((status = 200, body = Page<EntryView>)))]
pub async fn list(caller: Caller, query: Query<OutboxQuery>, app: Data<AppState>) -> ApiResult<Json<Page<EntryView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let key = query.conversation.as_deref().map(|text| ConversationKey::parse(text).ok_or_else(bad_key)).transpose()?;
    let (account, conversation) = key.map_or((None, None), |key| (Some(key.account), Some(key.conversation)));
    let filter = Filter {
        account: query.account.map(|id| AccountId(id.get())).or(account),
        conversation,
        state: query.state,
        origin: query.origin,
        since: query.since.map(|at| Timestamp(at.get())),
        until: query.until.map(|at| Timestamp(at.get())),
    };
    let page = move |conn: &mut DbConn| outbox::page(conn, &caller.scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(rows.into_iter().map(EntryView::from).collect(), total)))
}

/// One send.
#[utoipa::path(get, path = "/api/v1/outbox/{id}", tag = "outbox", params(("id" = String, Path, description = "ACCOUNT.NUMBER")), responses((status = 200, body = EntryView)))]
pub async fn get(caller: Caller, key: SendKey, app: Data<AppState>) -> ApiResult<Json<EntryView>> {
    Ok(Json(read(&app, &caller, key).await?.into()))
}

async fn read(app: &AppState, caller: &Caller, key: SendKey) -> ApiResult<Entry> {
    let scope = caller.scope;
    Ok(app.store.read(move |conn| outbox::get(conn, &scope, key.account, key.id)).await?)
}

/// Sends again what was rejected, expired or is uncertain, as a new entry.
#[utoipa::path(post, path = "/api/v1/outbox/{id}/retry", tag = "outbox", request_body = RetryBody, params(("id" = String, Path, description = "ACCOUNT.NUMBER")), responses((status = 202, body = EntryView)))]
pub async fn retry(
    caller: Caller,
    key: SendKey,
    body: Body<RetryBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let if_seen = if body.0.although_maybe_seen { IfSeen::SendAllTheSame } else { IfSeen::Refuse };
    let view = act(&app, &caller, key, EntryAct::SendAgain(if_seen), "outbox.retry").await?;
    Ok(HttpResponse::Accepted().json(view))
}

/// Takes back what is still queued.
#[utoipa::path(post, path = "/api/v1/outbox/{id}/cancel", tag = "outbox", params(("id" = String, Path, description = "ACCOUNT.NUMBER")), responses((status = 200, body = EntryView)))]
pub async fn cancel(caller: Caller, key: SendKey, _: NoBody, app: Data<AppState>) -> ApiResult<Json<EntryView>> {
    act(&app, &caller, key, EntryAct::Say(PersonsWord::Cancel), "outbox.cancel").await.map(Json)
}

/// Says of an uncertain entry whether the buyer saw it.
#[utoipa::path(post, path = "/api/v1/outbox/{id}/confirm", tag = "outbox", request_body = ConfirmBody, params(("id" = String, Path, description = "ACCOUNT.NUMBER")), responses((status = 200, body = EntryView)))]
pub async fn confirm(
    caller: Caller,
    key: SendKey,
    body: Body<ConfirmBody>,
    app: Data<AppState>,
) -> ApiResult<Json<EntryView>> {
    let word = if body.0.arrived { PersonsWord::Arrived } else { PersonsWord::NotArrived };
    act(&app, &caller, key, EntryAct::Say(word), "outbox.confirm").await.map(Json)
}

async fn act(
    app: &AppState,
    caller: &Caller,
    key: SendKey,
    act: EntryAct,
    action: &'static str,
) -> ApiResult<EntryView> {
    let before = EntryView::from(read(app, caller, key).await?);
    let acted = app.registry.get().send(ActOnEntry { account: key.account, id: key.id, act }).await?;
    let after = EntryView::from(acted?);
    let (actor, now) = (caller.actor(), clock::unix());
    let deed = Deed::new(action, &before.id).of(caller.scope.user()).before(&before).after(&after);
    let noted = app.store.write(move |conn| audit::record(conn, &actor, &deed, now)).await;
    noted.map_err(ApiError::after_the_deed)?;
    Ok(after)
}
