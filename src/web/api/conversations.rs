//! `/api/v1/conversations`: who writes with an account, what was said, and a person's hand in it. A conversation is numbered within
//! its account; its address is `ACCOUNT.CONVERSATION`.

use std::{collections::HashMap, time::Duration};

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Said},
        gate::Caller,
        input::{Body, Few, Line, NoBody, Query, Text, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    buyer_tags::Tag,
    decisions::Verdict,
    handovers::{HandoverView, handed_to},
    key::{self, ConversationKey},
    outbox::EntryView,
    pictures, quick_phrases,
};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, ItemId, MessageId, PictureId, RuleId, Timestamp},
    outbox::{
        entry::Body as Content,
        messages::{NotSent, SendByPerson},
    },
    store::{
        DbConn, QueryResult, Scope,
        audit::{self, Deed},
        buyer_tags,
        chat_messages::{self, Source, StoredMessage},
        conversations::{self, ConversationRow, Filter, LastMessage, Side, Summary},
        handovers::{self, Handover},
    },
    telemetry::{clock, feed::FeedEvent},
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ConversationsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// `true`: only where automatic answers pause.
    paused: Option<bool>,
    /// `true`: only where the newest message waits for a person.
    waiting: Option<bool>,
    /// `true`: only where the buyer has the last word.
    unanswered: Option<bool>,
    /// Occurs in the other's name or the item's title.
    #[param(inline)]
    q: Option<Line<1, 64>>,
    /// Only with buyers who have exactly this tag.
    #[param(inline)]
    tag: Option<Tag>,
    /// `me`, `none` (not handed over), `any` (handed over) or the number of a person.
    #[param(inline)]
    handed_to: Option<Line<1, 20>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct MessagesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// A conversation and its newest message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConversationView {
    /// `ACCOUNT.CONVERSATION`: its address.
    #[schema(example = "12.60001234567")]
    pub(in crate::web) id: String,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// As the platform numbers it.
    #[schema(value_type = String)]
    pub(in crate::web) conversation_id: ConversationId,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) peer_id: Option<BuyerId>,
    pub(in crate::web) peer_name: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    pub(in crate::web) item_title: Option<String>,
    #[schema(inline)]
    pub(in crate::web) side: Side,
    /// Automatic answers pause.
    pub(in crate::web) paused: bool,
    /// Until then; `null` where nobody said how long: until somebody resumes.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) paused_until: Option<Timestamp>,
    pub(in crate::web) last_message: Option<LastMessageView>,
    /// Of the buyer.
    pub(in crate::web) tags: Vec<String>,
    /// `null`: nobody in particular looks after it.
    pub(in crate::web) handed_over: Option<HandoverView>,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
}

/// The newest message that was stored.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LastMessageView {
    pub(in crate::web) text: String,
    #[schema(value_type = i64)]
    pub(in crate::web) sent_at: Timestamp,
    /// `null`: not decided yet.
    #[schema(value_type = Option<Verdict>, inline)]
    pub(in crate::web) decision: Option<String>,
    pub(in crate::web) reason: Option<String>,
    pub(in crate::web) needs_person: bool,
}

/// A message as it came, and what was decided about it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// As the platform numbers it.
    #[schema(value_type = String)]
    pub(in crate::web) message_id: MessageId,
    /// `ACCOUNT.CONVERSATION`.
    pub(in crate::web) conversation: String,
    #[schema(value_type = String)]
    pub(in crate::web) sender_id: BuyerId,
    pub(in crate::web) sender_name: Option<String>,
    /// The platform's number for the kind of content; 1 is text.
    pub(in crate::web) content_type: i64,
    pub(in crate::web) text: String,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    #[schema(value_type = i64)]
    pub(in crate::web) sent_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) received_at: Timestamp,
    #[schema(inline)]
    pub(in crate::web) source: Source,
    /// `null`: not decided yet.
    #[schema(value_type = Option<Verdict>, inline)]
    pub(in crate::web) decision: Option<String>,
    pub(in crate::web) reason: Option<String>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) rule_id: Option<RuleId>,
    /// The message of the same turn that holds the decision.
    #[schema(value_type = Option<String>)]
    pub(in crate::web) turn_id: Option<MessageId>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) decided_at: Option<Timestamp>,
    pub(in crate::web) needs_person: bool,
}

/// What people know of conversations besides what was said.
pub(super) struct Beside {
    tags: HashMap<BuyerId, Vec<String>>,
    handovers: HashMap<(AccountId, ConversationId), Handover>,
}

impl Beside {
    pub(super) fn read<'a>(
        conn: &mut DbConn,
        scope: &Scope,
        rows: impl Iterator<Item = (AccountId, &'a ConversationId, Option<&'a BuyerId>)>,
    ) -> QueryResult<Self> {
        let (keys, peers): (Vec<_>, Vec<_>) = rows.map(|(account, id, peer)| ((account, id.clone()), peer)).unzip();
        let peers: Vec<BuyerId> = peers.into_iter().flatten().cloned().collect();
        let tags = buyer_tags::of_many(conn, scope.user(), &peers)?;
        Ok(Self { tags, handovers: handovers::of_many(conn, scope, &keys)? })
    }

    pub(super) fn tags(&self, peer: Option<&BuyerId>) -> Vec<String> {
        peer.and_then(|peer| self.tags.get(peer)).cloned().unwrap_or_default()
    }

    pub(super) fn handover(&self, account: AccountId, conversation: &ConversationId) -> Option<HandoverView> {
        self.handovers.get(&(account, conversation.clone())).cloned().map(HandoverView::from)
    }
}

/// Conversations as they are shown.
fn shown(conn: &mut DbConn, scope: &Scope, rows: Vec<Summary>) -> QueryResult<Vec<ConversationView>> {
    let named =
        rows.iter().map(|Summary { conversation: row, .. }| (row.account, &row.conversation, row.peer.as_ref()));
    let beside = Beside::read(conn, scope, named)?;
    Ok(rows.into_iter().map(|row| ConversationView::new(row, &beside)).collect())
}

/// One as it is shown.
pub(super) fn shown_alone(conn: &mut DbConn, scope: &Scope, row: ConversationRow) -> QueryResult<ConversationView> {
    let beside = Beside::read(conn, scope, [(row.account, &row.conversation, row.peer.as_ref())].into_iter())?;
    Ok(ConversationView::new(Summary { conversation: row, last: None }, &beside))
}

/// Whether a pause until then holds, and until when where it ends by itself.
pub(in crate::web) fn pause_of(until: Option<Timestamp>) -> (bool, Option<Timestamp>) {
    let until = until.filter(|until| *until > clock::unix());
    (until.is_some(), until.filter(|until| *until != Timestamp::NEVER))
}

impl ConversationView {
    fn new(Summary { conversation: row, last }: Summary, beside: &Beside) -> Self {
        let (paused, paused_until) = pause_of(row.paused_until);
        Self {
            id: key::conversation(row.account, &row.conversation),
            tags: beside.tags(row.peer.as_ref()),
            handed_over: beside.handover(row.account, &row.conversation),
            account_id: row.account,
            conversation_id: row.conversation,
            peer_id: row.peer,
            peer_name: row.peer_name,
            item_id: row.item,
            item_title: row.item_title,
            side: row.side,
            paused,
            paused_until,
            last_message: last.map(LastMessageView::from),
            created_at: row.created_at,
        }
    }
}

impl From<LastMessage> for LastMessageView {
    fn from(last: LastMessage) -> Self {
        let LastMessage { text, sent_at, decision, reason, waits_for_person } = last;
        Self { text, sent_at, decision, reason, needs_person: waits_for_person }
    }
}

impl From<StoredMessage> for MessageView {
    fn from(row: StoredMessage) -> Self {
        Self {
            conversation: key::conversation(row.account, &row.conversation),
            account_id: row.account,
            message_id: row.message,
            sender_id: row.sender,
            sender_name: row.sender_name,
            content_type: row.content_type,
            text: row.text,
            item_id: row.item,
            sent_at: row.sent_at,
            received_at: row.received_at,
            source: row.source,
            decision: row.decision,
            reason: row.reason,
            rule_id: row.rule,
            turn_id: row.turn,
            decided_at: row.decided_at,
            needs_person: row.needs_person,
        }
    }
}

/// What a person writes to the buyer: texts that are sent one after the other, and behind them uploaded pictures.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"texts": ["在的，今天就能发货"]}))]
pub struct NewMessages {
    /// May be absent where there are pictures, or a phrase.
    #[serde(default)]
    #[schema(inline)]
    texts: Few<Text<1, 2000>, 10>,
    /// Instead of texts: what is stored under this number, filled in for this conversation.
    #[schema(inline)]
    quick_phrase_id: Option<Whole<1, { i64::MAX }>>,
    /// Numbers of pictures, as `/api/v1/pictures` names them.
    #[serde(default)]
    #[schema(inline)]
    pictures: Few<Line<64, 64>, 10>,
    /// What cannot be sent for so many seconds is not sent any more; absent: as the system's setting.
    #[schema(inline)]
    expire_after_s: Option<Whole<1, 86_400>>,
}

/// For how long automatic answers pause.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"minutes": 30}))]
pub struct PauseBody {
    /// Absent: until somebody resumes, or `until`.
    #[schema(inline)]
    minutes: Option<Whole<1, 525_600>>,
    /// Instead of minutes: until this moment, in UTC milliseconds.
    #[schema(inline)]
    until: Option<Whole<1, { i64::MAX }>>,
}

impl PauseBody {
    fn end(self, now: Timestamp) -> ApiResult<Timestamp> {
        let until = self.until.map(|until| Timestamp(until.get()));
        match (self.minutes, until) {
            (None, None) => Ok(Timestamp::NEVER),
            (Some(minutes), None) => Ok(now + Duration::from_secs(minutes.get().unsigned_abs() * 60)),
            (None, Some(until)) if until > now => Ok(until),
            (None, Some(_)) => Err(ApiError::field("until", Said::new("这个时间已经过去", "must lie in the future"))),
            (Some(_), Some(_)) => {
                let said = Said::new("已指定 minutes 时不能再有", "must be absent where there are minutes");
                Err(ApiError::field("until", said))
            }
        }
    }
}

impl From<NotSent> for ApiError {
    fn from(reason: NotSent) -> Self {
        match reason {
            NotSent::UnknownConversation => Code::NotFound.into(),
            NotSent::NotRunning(status) => Self::from(Code::AccountNotRunning)
                .with("state", status.state.as_str())
                .with("reason", status.reason.as_str()),
            NotSent::Unavailable => Code::EngineUnavailable.into(),
            NotSent::Stopped => Code::Stopped.into(),
            NotSent::TooMany => Code::TooManyRequests.into(),
            NotSent::Storage(_) => Code::DatabaseUnavailable.into(),
            NotSent::Unknown => Code::OutcomeUnknown.into(),
        }
    }
}

/// Conversations, the one with the newest message first.
#[utoipa::path(get, path = "/api/v1/conversations", tag = "conversations", params(ConversationsQuery), responses((status = 200, body = Page<ConversationView>)))]
pub async fn list(
    caller: Caller,
    query: Query<ConversationsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<ConversationView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let filter = Filter {
        account: query.account.map(|id| AccountId(id.get())),
        paused: query.paused.unwrap_or(false),
        waiting: query.waiting.unwrap_or(false),
        unanswered: query.unanswered.unwrap_or(false),
        text: query.q.map(Line::into_string),
        tag: query.tag.map(Line::into_string),
        handed_to: query.handed_to.map(|text| handed_to(&text, &caller)).transpose()?,
    };
    let now = clock::unix();
    let page = move |conn: &mut DbConn| {
        let (rows, total) = conversations::page(conn, &caller.scope, &filter, paging.part(), now)?;
        Ok((shown(conn, &caller.scope, rows)?, total))
    };
    let (views, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(views, total)))
}

/// One conversation.
#[utoipa::path(get, path = "/api/v1/conversations/{id}", tag = "conversations", params(("id" = String, Path, description = "ACCOUNT.CONVERSATION")), responses((status = 200, body = ConversationView)))]
pub async fn get(caller: Caller, key: ConversationKey, app: Data<AppState>) -> ApiResult<Json<ConversationView>> {
    let read = move |conn: &mut DbConn| {
        let row = conversations::get(conn, &caller.scope, key.account, &key.conversation)?;
        shown_alone(conn, &caller.scope, row)
    };
    Ok(Json(app.store.read(read).await?))
}

async fn row(app: &AppState, caller: &Caller, key: ConversationKey) -> ApiResult<ConversationRow> {
    let scope = caller.scope;
    let read = move |conn: &mut DbConn| conversations::get(conn, &scope, key.account, &key.conversation);
    Ok(app.store.read(read).await?)
}

/// What was said in a conversation, newest first. What the system sent is among the outbox entries.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/messages", tag = "conversations",
    params(("id" = String, Path, description = "ACCOUNT.CONVERSATION"), MessagesQuery), responses((status = 200, body = Page<MessageView>)))]
pub async fn messages(
    caller: Caller,
    key: ConversationKey,
    query: Query<MessagesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<MessageView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let read = move |conn: &mut DbConn| {
        let scope = caller.scope;
        conversations::get(conn, &scope, key.account, &key.conversation)?;
        chat_messages::page(conn, &scope, key.account, &key.conversation, paging.part())
    };
    let (rows, total) = app.store.read(read).await?;
    Ok(Json(paging.answer(rows.into_iter().map(MessageView::from).collect(), total)))
}

/// Uploaded pictures, which the seller must have.
async fn contents_of(app: &AppState, caller: &Caller, ids: Few<Line<64, 64>, 10>) -> ApiResult<Vec<Content>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let caller = caller.clone();
    let read = move |conn: &mut DbConn| -> QueryResult<ApiResult<Vec<Content>>> {
        let mut contents = Vec::with_capacity(ids.len());
        for (at, id) in ids.iter().enumerate() {
            let place = || format!("pictures[{at}]");
            let Some(id) = PictureId::parse(id) else {
                return Ok(Err(ApiError::field(place(), pictures::no_such_picture())));
            };
            let row = match pictures::check_one(conn, &caller, &id, place)? {
                Ok(row) => row,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let pixels = |pixels: i64| u32::try_from(pixels).unwrap_or(0);
            contents.push(Content::Image { url: id.address(), width: pixels(row.width), height: pixels(row.height) });
        }
        Ok(Ok(contents))
    };
    app.store.read(read).await?
}

/// A person writes to the buyer, through the outbox. Automatic answers pause there, as after typing on the phone.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/messages", tag = "conversations", request_body = NewMessages,
    params(("id" = String, Path, description = "ACCOUNT.CONVERSATION")), responses((status = 202, body = Vec<EntryView>, description = "Stored, and on their way")))]
pub async fn send(
    caller: Caller,
    key: ConversationKey,
    body: Body<NewMessages>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let row = row(&app, &caller, key).await?;
    let NewMessages { texts, quick_phrase_id, pictures, expire_after_s } = body.0;
    let mut texts: Vec<String> = texts.into_vec().into_iter().map(Text::into_string).collect();
    match quick_phrase_id {
        Some(_) if !texts.is_empty() => {
            return Err(ApiError::field(
                "texts",
                Said::new("使用短语时不能再有文本", "must be absent where there is a phrase"),
            ));
        }
        Some(id) => texts.push(quick_phrases::filled(&app, &caller, &row, id.get()).await?),
        None if texts.is_empty() && pictures.is_empty() => {
            return Err(ApiError::field("texts", Said::new("至少要有一条", "must have at least one entry")));
        }
        None => {}
    }
    let mut bodies: Vec<Content> = texts.into_iter().map(|text| Content::Text { text }).collect();
    bodies.extend(contents_of(&app, &caller, pictures).await?);
    let expire_after = expire_after_s.map(|span| Duration::from_secs(span.get().unsigned_abs()));
    let (account, conversation) = (row.account, row.conversation.clone());
    let send = SendByPerson { account, conversation, bodies, expire_after, approved: false };
    let entries = app.registry.get().send(send).await??;
    let views: Vec<EntryView> = entries.into_iter().map(EntryView::from).collect();
    let (actor, owner, now) = (caller.actor(), caller.scope.user(), clock::unix());
    let ids: Vec<&str> = views.iter().map(EntryView::id).collect();
    let deed = Deed::new("conversation.send", key::conversation(row.account, &row.conversation))
        .of(owner)
        .after(serde_json::json!({"outbox": ids}));
    let noted = app.store.write(move |conn| audit::record(conn, &actor, &deed, now)).await;
    noted.map_err(ApiError::after_the_deed)?;
    Ok(HttpResponse::Accepted().json(views))
}

/// Leaves a conversation to people: no automatic answers until then.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/pause", tag = "conversations", request_body = PauseBody,
    params(("id" = String, Path, description = "ACCOUNT.CONVERSATION")), responses((status = 200, body = ConversationView)))]
pub async fn pause(
    caller: Caller,
    key: ConversationKey,
    body: Body<PauseBody>,
    app: Data<AppState>,
) -> ApiResult<Json<ConversationView>> {
    let until = body.0.end(clock::unix())?;
    set_pause(&app, caller, key, Some(until), "conversation.pause").await
}

/// Answers automatically again.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/resume", tag = "conversations",
    params(("id" = String, Path, description = "ACCOUNT.CONVERSATION")), responses((status = 200, body = ConversationView)))]
pub async fn resume(
    caller: Caller,
    key: ConversationKey,
    _: NoBody,
    app: Data<AppState>,
) -> ApiResult<Json<ConversationView>> {
    set_pause(&app, caller, key, None, "conversation.resume").await
}

async fn set_pause(
    app: &AppState,
    caller: Caller,
    key: ConversationKey,
    until: Option<Timestamp>,
    action: &'static str,
) -> ApiResult<Json<ConversationView>> {
    let now = clock::unix();
    let (account, conversation) = (key.account, key.conversation.clone());
    let job = move |conn: &mut DbConn| -> QueryResult<ConversationView> {
        let (scope, ConversationKey { account, conversation }) = (caller.scope, key);
        let before = conversations::get(conn, &scope, account, &conversation)?;
        conversations::set_pause_for_person(conn, &scope, account, &conversation, until, now)?;
        let after = conversations::get(conn, &scope, account, &conversation)?;
        let paused = |row: &ConversationRow| {
            let (paused, until) = pause_of(row.paused_until);
            serde_json::json!({"paused": paused, "paused_until": until})
        };
        let deed = Deed::new(action, key::conversation(account, &conversation)).of(scope.user());
        audit::record(conn, &caller.actor(), &deed.before(paused(&before)).after(paused(&after)), now)?;
        shown_alone(conn, &scope, after)
    };
    let view = app.store.write(job).await?;
    super::accounts::notice(app);
    app.feed.tell(|| FeedEvent::Paused { account, conversation, until });
    Ok(Json(view))
}
