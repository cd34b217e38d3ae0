//! `/api/v1/conversations/{id}/hand-over`: who looks after a conversation. Automatic answers pause there until somebody resumes.

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
        input::{Body, Query, Text, Whole, whole},
    },
    conversations::{ConversationView, shown_alone},
    key::{self, ConversationKey},
};
use crate::{
    ids::{Timestamp, UserId},
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        conversations,
        handovers::{self, By, HandedTo, Handover},
    },
    telemetry::{clock, feed::FeedEvent},
};

/// To whom a conversation goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": 3, "note": "买家要求退款，请跟进"}))]
pub struct HandOverBody {
    /// The number of the owner, or of somebody who works for them, sees the account and may answer. Absent or `null`: to nobody by name.
    #[schema(inline)]
    to: Option<Whole<1, { i64::MAX }>>,
    /// What they should know.
    #[schema(inline)]
    note: Option<Text<0, 500>>,
    /// UTC milliseconds: automatic answers pause until then; not at all where that is over. Absent or `null`: until somebody resumes.
    #[schema(inline)]
    paused_until: Option<Whole<1, { i64::MAX }>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TakeBackQuery {
    /// UTC milliseconds: automatic answers pause until then; not at all where that is over. Absent: the pause stays as it is.
    #[param(inline)]
    paused_until: Option<Whole<1, { i64::MAX }>>,
}

/// Who looks after a conversation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HandoverView {
    /// `null`: nobody by name, or somebody who is gone.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) to: Option<UserId>,
    pub(in crate::web) to_name: Option<String>,
    pub(in crate::web) by_name: String,
    pub(in crate::web) note: String,
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
}

impl From<Handover> for HandoverView {
    fn from(Handover { to, to_name, by_user: _, by_name, note, at }: Handover) -> Self {
        Self { to, to_name, by_name, note, at }
    }
}

/// What `handed_to` in a query means.
pub(super) fn handed_to(text: &str, caller: &Caller) -> ApiResult<HandedTo> {
    match text {
        "me" => Ok(HandedTo::User(caller.user.id)),
        "none" => Ok(HandedTo::Nobody),
        "any" => Ok(HandedTo::Anybody),
        number => whole(number).map(|id| HandedTo::User(UserId(id))).ok_or_else(|| {
            let said = Said::new("须为 me、none、any 或用户编号", "must be me, none, any or the number of a person");
            ApiError::from(Code::InvalidQuery).at("handed_to").because(said)
        }),
    }
}

/// Hands a conversation to somebody to look after: automatic answers pause there until somebody resumes, and the owner's channels are told.
/// An answer by hand does not end it; who resumes does.
#[utoipa::path(put, path = "/api/v1/conversations/{id}/hand-over", tag = "conversations", request_body = HandOverBody,
    params(("id" = String, Path, description = "ACCOUNT.CONVERSATION")), responses((status = 200, body = ConversationView)))]
pub async fn hand_over(
    caller: Caller,
    key: ConversationKey,
    body: Body<HandOverBody>,
    app: Data<AppState>,
) -> ApiResult<Json<ConversationView>> {
    let HandOverBody { to, note, paused_until } = body.0;
    let (to, note) = (to.map(|id| UserId(id.get())), note.map(Text::into_string).unwrap_or_default());
    let until = paused_until.map_or(Timestamp::NEVER, |until| Timestamp(until.get()));
    let (account, conversation, now) = (key.account, key.conversation.clone(), clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<ConversationView>> {
        let (scope, ConversationKey { account, conversation }) = (caller.scope, key);
        conversations::get(conn, &scope, account, &conversation)?;
        let by = By { user: Some(caller.user.id), name: caller.user.name.clone() };
        let place = (account, &conversation);
        let Ok(handover) = handovers::hand_over(conn, scope.user(), place, to, &by, note.trim(), now)? else {
            return Ok(Err(ApiError::field("to", unknown_colleague())));
        };
        if until != Timestamp::NEVER {
            conversations::set_pause_for_person(conn, &scope, account, &conversation, Some(until), now)?;
        }
        // Without the note, which would stay in the audit for ever.
        let deed = Deed::new("conversation.hand_over", key::conversation(account, &conversation))
            .of(scope.user())
            .after(serde_json::json!({"to": handover.to, "to_name": handover.to_name}));
        audit::record(conn, &caller.actor(), &deed, now)?;
        let row = conversations::get(conn, &scope, account, &conversation)?;
        shown_alone(conn, &scope, row).map(Ok)
    };
    let view = app.store.write(job).await??;
    super::accounts::notice(&app);
    app.feed.tell(|| FeedEvent::Paused { account, conversation, until: Some(until) });
    Ok(Json(view))
}

fn unknown_colleague() -> Said {
    Said::new(
        "须为账号所有者，或能看到该账号且可以回复的员工",
        "must be the owner, or somebody who works for them, sees this account and may answer",
    )
}

/// Takes a conversation back from whom it was handed to. Automatic answers stay paused until somebody resumes, or as it is asked for.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}/hand-over", tag = "conversations",
    params(("id" = String, Path, description = "ACCOUNT.CONVERSATION"), TakeBackQuery), responses((status = 204, description = "Nobody in particular looks after it")))]
pub async fn take_back(
    caller: Caller,
    key: ConversationKey,
    query: Query<TakeBackQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (now, until) = (clock::unix(), query.0.paused_until.map(|until| Timestamp(until.get())));
    let (account, conversation) = (key.account, key.conversation.clone());
    let job = move |conn: &mut DbConn| -> QueryResult<()> {
        let (scope, ConversationKey { account, conversation }) = (caller.scope, key);
        conversations::get(conn, &scope, account, &conversation)?;
        let was = handovers::end(conn, scope.user(), account, &conversation, now)?;
        if until.is_some() {
            conversations::set_pause_for_person(conn, &scope, account, &conversation, until, now)?;
        }
        let mut deed = Deed::new("conversation.take_back", key::conversation(account, &conversation)).of(scope.user());
        if let Some(was) = was {
            deed = deed.before(serde_json::json!({"to": was.to, "to_name": was.to_name}));
        }
        audit::record(conn, &caller.actor(), &deed, now)
    };
    app.store.write(job).await?;
    if until.is_some() {
        super::accounts::notice(&app);
        app.feed.tell(|| FeedEvent::Paused { account, conversation, until });
    }
    Ok(HttpResponse::NoContent().finish())
}
