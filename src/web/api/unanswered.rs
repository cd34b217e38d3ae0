//! `/api/v1/unanswered`: buyers whose last message has no answer, and why.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiResult, Language},
        gate::Caller,
        input::{Line, Query, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    conversations::Beside,
    handovers::{HandoverView, handed_to},
    key, reason_texts,
};
use crate::{
    ids::{AccountId, BuyerId, ItemId, MessageId, Timestamp},
    store::{
        DbConn,
        unanswered::{self, Filter, Waiting},
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UnansweredQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// `me`, `none` (not handed over), `any` (handed over) or the number of a person.
    #[param(inline)]
    handed_to: Option<Line<1, 20>>,
}

/// A buyer who waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnansweredView {
    /// `ACCOUNT.CONVERSATION`.
    pub(in crate::web) conversation: String,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) peer_id: Option<BuyerId>,
    pub(in crate::web) peer_name: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    pub(in crate::web) item_title: Option<String>,
    /// The buyer's last one.
    #[schema(value_type = String)]
    pub(in crate::web) message_id: MessageId,
    /// Its first 200 characters.
    pub(in crate::web) text: String,
    /// When it was sent.
    #[schema(value_type = i64)]
    pub(in crate::web) since: Timestamp,
    pub(in crate::web) age_ms: i64,
    /// The code of the reason; `null` where nothing is decided yet, or the reason was kept long enough.
    pub(in crate::web) reason: Option<String>,
    /// The same for people.
    pub(in crate::web) reason_text: String,
    pub(in crate::web) needs_person: bool,
    /// `null`: nobody in particular looks after it.
    pub(in crate::web) handed_over: Option<HandoverView>,
    /// Of the buyer.
    pub(in crate::web) tags: Vec<String>,
}

impl UnansweredView {
    fn new(row: Waiting, beside: &Beside, language: Language, now: Timestamp) -> Self {
        let why = reason_texts::unsaid(row.decision.as_deref(), row.reason.as_deref());
        Self {
            conversation: key::conversation(row.account, &row.conversation),
            handed_over: beside.handover(row.account, &row.conversation),
            tags: beside.tags(row.peer.as_ref()),
            account_id: row.account,
            peer_id: row.peer,
            peer_name: row.peer_name,
            item_id: row.item,
            item_title: row.item_title,
            message_id: row.message,
            text: row.text,
            since: row.sent_at,
            age_ms: now.0.saturating_sub(row.sent_at.0).max(0),
            reason: row.reason,
            reason_text: why.in_language(language).to_owned(),
            needs_person: row.needs_person,
        }
    }
}

/// Conversations in which the buyer's last message has no answer, the longest waiting first.
#[utoipa::path(get, path = "/api/v1/unanswered", tag = "unanswered", params(UnansweredQuery), responses((status = 200, body = Page<UnansweredView>)))]
pub async fn list(
    caller: Caller,
    query: Query<UnansweredQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<UnansweredView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let filter = Filter {
        account: query.account.map(|id| AccountId(id.get())),
        handed_to: query.handed_to.map(|text| handed_to(&text, &caller)).transpose()?,
    };
    let (scope, language, now) = (caller.scope, caller.language, clock::unix());
    let page = move |conn: &mut DbConn| {
        let (rows, total) = unanswered::page(conn, &scope, &filter, paging.part())?;
        let named = rows.iter().map(|row| (row.account, &row.conversation, row.peer.as_ref()));
        Ok((Beside::read(conn, &scope, named)?, rows, total))
    };
    let (beside, rows, total) = app.turns.read(&app.store, page).await?;
    let views = rows.into_iter().map(|row| UnansweredView::new(row, &beside, language, now)).collect();
    Ok(Json(paging.answer(views, total)))
}
