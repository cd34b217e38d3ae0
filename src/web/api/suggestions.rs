//! `/api/v1/suggestions`: answers of the AI that were not sent by themselves. A person approves one, edits it or rejects it.

use std::collections::HashMap;

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
        input::{Body, Id, Line, NoBody, Query, Text, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    decisions::bad_key,
    key::{self, ConversationKey},
};
use crate::{
    ai::intent::Intent,
    ids::{AccountId, MessageId, Timestamp},
    outbox::{entry::Body as Content, messages::SendByPerson},
    store::{
        DbConn, QueryResult, Scope,
        audit::{self, Actor, Deed},
        chat_messages,
        suggestions::{self, Filter, State, Suggestion},
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SuggestionsQuery {
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
}

/// An answer of the AI that was not sent by itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SuggestionView {
    pub(in crate::web) id: i64,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// `ACCOUNT.CONVERSATION`.
    pub(in crate::web) conversation: String,
    /// The last message of the turn it answers.
    #[schema(value_type = String)]
    pub(in crate::web) message_id: MessageId,
    #[schema(inline)]
    pub(in crate::web) state: State,
    #[schema(inline)]
    pub(in crate::web) intent: Intent,
    pub(in crate::web) text: String,
    /// What was sent instead, where a person edited it.
    pub(in crate::web) sent_text: Option<String>,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) settled_at: Option<Timestamp>,
}

/// Approves of an answer.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "在的，今天就能发"}))]
pub struct ApprovalBody {
    /// What is sent instead; absent: the suggestion as it is.
    text: Option<Text<1, 2000>>,
}

impl From<Suggestion> for SuggestionView {
    fn from(row: Suggestion) -> Self {
        Self {
            id: row.id,
            conversation: key::conversation(row.account, &row.conversation),
            account_id: row.account,
            message_id: row.message,
            state: row.state,
            intent: row.intent,
            text: row.text,
            sent_text: row.sent_text,
            created_at: row.created_at,
            settled_at: row.settled_at,
        }
    }
}

/// Answers of the AI that were not sent by themselves, newest first.
#[utoipa::path(get, path = "/api/v1/suggestions", tag = "suggestions", params(SuggestionsQuery), responses((status = 200, body = Page<SuggestionView>)))]
pub async fn list(
    caller: Caller,
    query: Query<SuggestionsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<SuggestionView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let key = query.conversation.as_deref().map(|text| ConversationKey::parse(text).ok_or_else(bad_key)).transpose()?;
    let (account, conversation) = key.map_or((None, None), |key| (Some(key.account), Some(key.conversation)));
    let filter =
        Filter { account: query.account.map(|id| AccountId(id.get())).or(account), conversation, state: query.state };
    let read = move |conn: &mut DbConn| suggestions::page(conn, &caller.scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, read).await?;
    Ok(Json(paging.answer(rows.into_iter().map(SuggestionView::from).collect(), total)))
}

/// What the buyers said to whom these answer, by account and message. Messages may be gone by now; the suggestions stay.
pub(in crate::web) async fn asked_by(
    app: &AppState,
    caller: &Caller,
    views: &[SuggestionView],
) -> ApiResult<HashMap<(AccountId, MessageId), Vec<String>>> {
    let turn = |view: &SuggestionView| {
        let key = ConversationKey::parse(&view.conversation)?;
        Some((key.account, key.conversation, view.message_id.clone()))
    };
    let (scope, turns) = (caller.scope, views.iter().filter_map(turn).collect::<Vec<_>>());
    let rows = app.store.read(move |conn| chat_messages::said_in_turns(conn, &scope, &turns)).await?;
    let mut said: HashMap<(AccountId, MessageId), Vec<String>> = HashMap::new();
    for (turn, text) in rows {
        said.entry(turn).or_default().push(text);
    }
    Ok(said)
}

/// One suggestion.
#[utoipa::path(get, path = "/api/v1/suggestions/{id}", tag = "suggestions", params(("id" = i64, Path)), responses((status = 200, body = SuggestionView)))]
pub async fn get(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<Json<SuggestionView>> {
    let row = app.store.read(move |conn| suggestions::get(conn, &caller.scope, id.0)).await?;
    Ok(Json(row.into()))
}

/// Has it sent, as it is or edited. Automatic answers go on: the words are the AI's, and about the price they are a round of bargaining. Refused where it does not wait any more.
#[utoipa::path(post, path = "/api/v1/suggestions/{id}/approve", tag = "suggestions", request_body = ApprovalBody, params(("id" = i64, Path)),
    responses((status = 202, body = SuggestionView, description = "Stored, and on its way")))]
pub async fn approve(
    caller: Caller,
    id: Id<i64>,
    body: Body<ApprovalBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (scope, id) = (caller.scope, id.0);
    let edited = body.0.text.map(Text::into_string);
    let suggestion = settle(&app, scope, id, State::Approved, edited.clone(), None).await?;
    // The engine is to know of the round before it answers the buyer again.
    super::accounts::notice(&app);
    let text = edited.unwrap_or_else(|| suggestion.text.clone());
    let send = SendByPerson {
        account: suggestion.account,
        conversation: suggestion.conversation.clone(),
        bodies: vec![Content::Text { text }],
        expire_after: None,
        approved: true,
    };
    let sent =
        app.registry.get().send(send).await.map_err(ApiError::from).and_then(|sent| sent.map_err(ApiError::from));
    if let Err(refusal) = sent {
        // Where nobody knows whether it is stored it stays approved: sent twice would be worse than looked for.
        if refusal.code() != Code::OutcomeUnknown {
            app.store.write(move |conn| suggestions::take_back(conn, &scope, id)).await?;
            super::accounts::notice(&app);
        }
        return Err(refusal);
    }
    let view = SuggestionView::from(suggestion);
    let deed = Deed::new("suggestion.approve", id).of(scope.user()).after(view.clone());
    let noted = app.store.write(move |conn| audit::record(conn, &caller.actor(), &deed, clock::unix())).await;
    noted.map_err(ApiError::after_the_deed)?;
    Ok(HttpResponse::Accepted().json(view))
}

/// Does not want it sent.
#[utoipa::path(post, path = "/api/v1/suggestions/{id}/reject", tag = "suggestions", params(("id" = i64, Path)), responses((status = 200, body = SuggestionView)))]
pub async fn reject(caller: Caller, id: Id<i64>, _: NoBody, app: Data<AppState>) -> ApiResult<Json<SuggestionView>> {
    let (scope, id) = (caller.scope, id.0);
    let suggestion = settle(&app, scope, id, State::Rejected, None, Some(caller.actor())).await?;
    Ok(Json(suggestion.into()))
}

/// Takes one that waits out of the list; refused where it does not wait any more. `noted`: whose deed the audit is told of.
async fn settle(
    app: &AppState,
    scope: Scope,
    id: i64,
    state: State,
    edited: Option<String>,
    noted: Option<Actor>,
) -> ApiResult<Suggestion> {
    let now = clock::unix();
    let job = move |conn: &mut DbConn| -> QueryResult<Result<Suggestion, State>> {
        let before = suggestions::get(conn, &scope, id)?;
        if !suggestions::claim_settle(conn, &scope, id, state, edited.as_deref(), now)? {
            return Ok(Err(before.state));
        }
        let after = suggestions::get(conn, &scope, id)?;
        if let Some(actor) = noted {
            let deed = Deed::new("suggestion.reject", id).of(scope.user()).after(SuggestionView::from(after.clone()));
            audit::record(conn, &actor, &deed, now)?;
        }
        Ok(Ok(after))
    };
    let settled = app.store.write(job).await?;
    settled.map_err(|state| ApiError::from(Code::WrongState).with("state", state.as_str()))
}
