//! `/api/v1/decisions`: what was decided about every turn of a buyer, and why.

use actix_web::web::{Data, Json};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Said},
        gate::Caller,
        input::{Line, Query, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    conversations::MessageView,
    key::ConversationKey,
};
use crate::{
    ids::{AccountId, RuleId, Timestamp},
    store::{
        DbConn,
        chat_messages::{self, DecisionFilter},
    },
};

/// What was decided about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Something was sent.
    Answer,
    /// Nothing was sent; the reason says why.
    Silent,
    /// The seller's own: there is nothing to answer.
    Own,
    /// Decided together with a later message of the same turn.
    Merged,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Silent => "silent",
            Self::Own => "own",
            Self::Merged => "merged",
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DecisionsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// `ACCOUNT.CONVERSATION`.
    #[param(inline)]
    conversation: Option<Line<1, 90>>,
    /// Without it `answer` and `silent`.
    #[param(inline)]
    decision: Option<Verdict>,
    /// The code of a reason: `no_rule`.
    #[param(inline)]
    reason: Option<Line<1, 64>>,
    #[param(inline)]
    rule: Option<Whole<1, { i64::MAX }>>,
    /// UTC milliseconds.
    #[param(inline)]
    since: Option<Whole<0, { i64::MAX }>>,
    /// UTC milliseconds; not included.
    #[param(inline)]
    until: Option<Whole<0, { i64::MAX }>>,
}

/// What was decided, newest first.
#[utoipa::path(get, path = "/api/v1/decisions", tag = "decisions", params(DecisionsQuery), responses((status = 200, body = Page<MessageView>)))]
pub async fn list(
    caller: Caller,
    query: Query<DecisionsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<MessageView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let key = query.conversation.as_deref().map(|text| ConversationKey::parse(text).ok_or_else(bad_key)).transpose()?;
    let (account, conversation) = key.map_or((None, None), |key| (Some(key.account), Some(key.conversation)));
    let filter = DecisionFilter {
        account: query.account.map(|id| AccountId(id.get())).or(account),
        conversation,
        decision: query.decision.map(|verdict| verdict.as_str().to_owned()),
        reason: query.reason.map(Line::into_string),
        rule: query.rule.map(|id| RuleId(id.get())),
        since: query.since.map(|at| Timestamp(at.get())),
        until: query.until.map(|at| Timestamp(at.get())),
    };
    let page = move |conn: &mut DbConn| chat_messages::decisions(conn, &caller.scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(rows.into_iter().map(MessageView::from).collect(), total)))
}

pub(super) fn bad_key() -> ApiError {
    let said = Said::new("须为“账号.会话”的形式", "must look like ACCOUNT.CONVERSATION");
    ApiError::from(Code::InvalidQuery).at("conversation").because(said)
}
