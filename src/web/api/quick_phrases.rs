//! `/api/v1/quick-phrases`: what people often write, ready to be sent. A phrase may speak of the conversation it is sent in.

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
        input::{Body, Id, Line, Query, Text, Whole, given},
        page::{Page, PageNumber, Paging, PerPage},
    },
    key::ConversationKey,
};
use crate::{
    ids::{AccountId, BuyerId, ItemId, Timestamp},
    reply::template::{Variables, render, unknown_variable},
    store::{
        DbConn, QueryResult, Scope,
        audit::{self, Deed},
        chat_messages,
        conversations::{self, ConversationRow},
        quick_phrases::{self, Asker, Filter, MOST, NewPhrase, NotSaved, Phrase, Reach},
    },
    telemetry::clock,
};

type Title = Line<1, 64>;
type Words = Text<1, 2000>;
type Position = Whole<0, 1_000_000>;

/// Whose a phrase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PhraseReach {
    /// One's own alone.
    Own,
    /// Of all who see the account.
    Account,
    /// Of all who work for the owner; made and changed by who sees all accounts.
    All,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct QuickPhrasesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Only what may be used in this account.
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// Occurs in the title or the text.
    #[param(inline)]
    q: Option<Line<1, 64>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FilledQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Occurs in the title or the text.
    #[param(inline)]
    q: Option<Line<1, 64>>,
}

/// A phrase to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reach": "own", "title": "发货", "text": "{send_user_name}您好，{item_title}今天发货"}))]
pub struct NewQuickPhrase {
    reach: PhraseReach,
    /// With the reach `account`, and only there.
    account_id: Option<Whole<1, { i64::MAX }>>,
    title: Title,
    /// `{send_user_name}`, `{send_user_id}`, `{send_message}`, `{item_id}` and `{item_title}` are filled in.
    #[schema(inline)]
    text: Words,
    /// Lower goes first; 0 where nothing is said.
    #[schema(inline)]
    position: Option<Position>,
}

/// What changes of a phrase; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"position": 5}))]
pub struct QuickPhrasePatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    title: Option<Title>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    text: Option<Words>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    position: Option<Position>,
}

/// What somebody often writes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct QuickPhraseView {
    pub(in crate::web) id: i64,
    #[schema(inline)]
    pub(in crate::web) reach: PhraseReach,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    pub(in crate::web) title: String,
    pub(in crate::web) text: String,
    pub(in crate::web) position: i64,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) updated_at: Timestamp,
}

/// A phrase as it would be sent in a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilledPhraseView {
    pub(in crate::web) id: i64,
    #[schema(inline)]
    pub(in crate::web) reach: PhraseReach,
    pub(in crate::web) title: String,
    /// As it is stored.
    pub(in crate::web) text: String,
    /// What would be sent.
    pub(in crate::web) filled: String,
}

fn reach_of(phrase: &Phrase) -> (PhraseReach, Option<AccountId>) {
    match phrase.reach() {
        Reach::Own(_) => (PhraseReach::Own, None),
        Reach::Account(account) => (PhraseReach::Account, Some(account)),
        Reach::All => (PhraseReach::All, None),
    }
}

impl From<Phrase> for QuickPhraseView {
    fn from(phrase: Phrase) -> Self {
        let (reach, account_id) = reach_of(&phrase);
        let Phrase { id, title, text, position, created_at, updated_at, .. } = phrase;
        Self { id, reach, account_id, title, text, position, created_at, updated_at }
    }
}

impl From<NotSaved> for ApiError {
    fn from(reason: NotSaved) -> Self {
        match reason {
            NotSaved::Forbidden => Code::Forbidden.into(),
            NotSaved::TooMany => {
                let said = Said::new(format!("最多 {MOST} 条短语"), format!("no more than {MOST} phrases"));
                Self::from(Code::Conflict).because(said)
            }
        }
    }
}

/// What a phrase may speak of.
struct Facts {
    buyer: Option<BuyerId>,
    name: String,
    said: String,
    item: Option<ItemId>,
    title: String,
}

impl Facts {
    fn read(conn: &mut DbConn, scope: &Scope, row: ConversationRow) -> QueryResult<Self> {
        let said = match &row.peer {
            Some(peer) => chat_messages::last_said(conn, scope, row.account, &row.conversation, peer)?,
            None => None,
        };
        Ok(Self {
            buyer: row.peer,
            name: row.peer_name.unwrap_or_default(),
            said: said.unwrap_or_default(),
            item: row.item,
            title: row.item_title.unwrap_or_default(),
        })
    }

    fn fill(&self, text: &str) -> String {
        let variables = Variables {
            send_user_name: &self.name,
            send_user_id: self.buyer.as_ref().map_or("", BuyerId::as_str),
            send_message: &self.said,
            item_id: self.item.as_ref().map_or("", ItemId::as_str),
            item_title: &self.title,
        };
        render(text, &variables)
    }
}

fn asker(caller: &Caller) -> Asker {
    Asker { scope: caller.scope, user: caller.user.id }
}

/// Refuses a variable that nothing is filled in for, by its name.
fn check_variables(text: &str) -> ApiResult<()> {
    let Some(name) = unknown_variable(text) else { return Ok(()) };
    let said = Said::new(format!("没有变量 {{{name}}}"), format!("there is no variable {{{name}}}"));
    Err(ApiError::field("text", said))
}

fn reach(ask: &NewQuickPhrase, caller: &Caller) -> ApiResult<Reach> {
    let account = ask.account_id.map(|id| AccountId(id.get()));
    match (ask.reach, account) {
        (PhraseReach::Own, None) => Ok(Reach::Own(caller.user.id)),
        (PhraseReach::Account, Some(account)) => Ok(Reach::Account(account)),
        (PhraseReach::All, None) => Ok(Reach::All),
        (PhraseReach::Account, None) => {
            Err(ApiError::field("account_id", Said::new("须指明账号", "must name the account")))
        }
        (PhraseReach::Own | PhraseReach::All, Some(_)) => Err(ApiError::field(
            "account_id",
            Said::new("仅 reach 为 account 时可用", "belongs to the reach account alone"),
        )),
    }
}

/// What may be sent by whoever asks, in its order.
#[utoipa::path(get, path = "/api/v1/quick-phrases", tag = "quick phrases", params(QuickPhrasesQuery), responses((status = 200, body = Page<QuickPhraseView>)))]
pub async fn list(
    caller: Caller,
    query: Query<QuickPhrasesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<QuickPhraseView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let filter = Filter { account: query.account.map(|id| AccountId(id.get())), text: query.q.map(Line::into_string) };
    let page = move |conn: &mut DbConn| quick_phrases::page(conn, &asker(&caller), &filter, paging.part());
    let (rows, total) = app.store.read(page).await?;
    Ok(Json(paging.answer(rows.into_iter().map(QuickPhraseView::from).collect(), total)))
}

/// Adds a phrase. A variable that does not exist is refused.
#[utoipa::path(post, path = "/api/v1/quick-phrases", tag = "quick phrases", request_body = NewQuickPhrase, responses((status = 201, body = QuickPhraseView)))]
pub async fn create(caller: Caller, body: Body<NewQuickPhrase>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    check_variables(&body.0.text)?;
    let (reach, now) = (reach(&body.0, &caller)?, clock::unix());
    let new = NewPhrase {
        reach,
        title: body.0.title.into_string(),
        text: body.0.text.into_string(),
        position: body.0.position.map_or(0, Whole::get),
    };
    let insert = move |conn: &mut DbConn| -> QueryResult<Result<QuickPhraseView, NotSaved>> {
        let phrase = match quick_phrases::insert(conn, &asker(&caller), &new, now)? {
            Ok(phrase) => QuickPhraseView::from(phrase),
            Err(reason) => return Ok(Err(reason)),
        };
        let deed = Deed::new("quick_phrase.create", phrase.id).of(caller.scope.user()).after(phrase.clone());
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(phrase))
    };
    let view = app.store.write(insert).await.map_err(ApiError::missing("account_id"))??;
    Ok(HttpResponse::Created().json(view))
}

/// Changes a phrase. Whose it is stays.
#[utoipa::path(patch, path = "/api/v1/quick-phrases/{id}", tag = "quick phrases", request_body = QuickPhrasePatch, params(("id" = i64, Path)), responses((status = 200, body = QuickPhraseView)))]
pub async fn update(
    caller: Caller,
    id: Id<i64>,
    body: Body<QuickPhrasePatch>,
    app: Data<AppState>,
) -> ApiResult<Json<QuickPhraseView>> {
    let (QuickPhrasePatch { title, text, position }, now) = (body.0, clock::unix());
    check_variables(text.as_deref().unwrap_or_default())?;
    let change = move |conn: &mut DbConn| -> QueryResult<Result<QuickPhraseView, NotSaved>> {
        let before = quick_phrases::get(conn, &asker(&caller), id.0)?;
        let mut wanted = before.clone();
        wanted.title = title.map_or(wanted.title, Line::into_string);
        wanted.text = text.map_or(wanted.text, Text::into_string);
        wanted.position = position.map_or(wanted.position, Whole::get);
        let after = match quick_phrases::update(conn, &asker(&caller), &wanted, now)? {
            Ok(after) => QuickPhraseView::from(after),
            Err(reason) => return Ok(Err(reason)),
        };
        let deed = Deed::new("quick_phrase.update", id.0).of(caller.scope.user());
        let deed = deed.before(QuickPhraseView::from(before)).after(after.clone());
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(after))
    };
    Ok(Json(app.store.write(change).await??))
}

/// Removes a phrase.
#[utoipa::path(delete, path = "/api/v1/quick-phrases/{id}", tag = "quick phrases", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let now = clock::unix();
    let remove = move |conn: &mut DbConn| -> QueryResult<Result<(), NotSaved>> {
        let phrase = match quick_phrases::delete(conn, &asker(&caller), id.0)? {
            Ok(phrase) => phrase,
            Err(reason) => return Ok(Err(reason)),
        };
        let deed = Deed::new("quick_phrase.delete", id.0).of(caller.scope.user()).before(QuickPhraseView::from(phrase));
        audit::record(conn, &caller.actor(), &deed, now).map(Ok)
    };
    app.store.write(remove).await??;
    Ok(HttpResponse::NoContent().finish())
}

/// What may be sent in a conversation, each as it would be sent.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/quick-phrases", tag = "quick phrases",
    params(("id" = String, Path, description = "ACCOUNT.CONVERSATION"), FilledQuery), responses((status = 200, body = Page<FilledPhraseView>)))]
pub async fn list_filled(
    caller: Caller,
    key: ConversationKey,
    query: Query<FilledQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<FilledPhraseView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let filter = Filter { account: Some(key.account), text: query.q.map(Line::into_string) };
    let page = move |conn: &mut DbConn| {
        let row = conversations::get(conn, &caller.scope, key.account, &key.conversation)?;
        let facts = Facts::read(conn, &caller.scope, row)?;
        Ok((facts, quick_phrases::page(conn, &asker(&caller), &filter, paging.part())?))
    };
    let (facts, (rows, total)) = app.store.read(page).await?;
    let view = |phrase: Phrase| FilledPhraseView {
        id: phrase.id,
        reach: reach_of(&phrase).0,
        filled: facts.fill(&phrase.text),
        title: phrase.title,
        text: phrase.text,
    };
    Ok(Json(paging.answer(rows.into_iter().map(view).collect(), total)))
}

/// A phrase, filled in for a conversation.
pub(super) async fn filled(app: &AppState, caller: &Caller, row: &ConversationRow, id: i64) -> ApiResult<String> {
    let (asker, row) = (asker(caller), row.clone());
    let read = move |conn: &mut DbConn| {
        let phrase = quick_phrases::get_for(conn, &asker, id, row.account)?;
        Ok(Facts::read(conn, &asker.scope, row)?.fill(&phrase.text))
    };
    let text = app.store.read(read).await.map_err(ApiError::missing("quick_phrase_id"))?;
    if text.trim().is_empty() {
        let said = Said::new("填入变量后没有内容", "is empty once its variables are filled in");
        return Err(ApiError::field("quick_phrase_id", said));
    }
    Ok(text)
}
