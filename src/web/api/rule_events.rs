//! `/api/v1/rule-events`: what rules for events are to do, and what came of it.

use std::collections::HashMap;

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiResult, Language, Said},
        gate::Caller,
        input::{Line, Query, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    decisions::bad_key,
    explanations::{StepView, rules_of},
    key::{self, ConversationKey},
    reason_texts,
};
use crate::{
    ids::{AccountId, BuyerId, ItemId, OrderId, RuleId, Timestamp},
    reply::trail::Trail,
    store::{
        DbConn,
        rule_events::{self, Filter, Row},
        rules,
    },
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RuleEventsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// `ACCOUNT.CONVERSATION`.
    #[param(inline)]
    conversation: Option<Line<1, 90>>,
    /// The number of a rule.
    #[param(inline)]
    rule: Option<Whole<1, { i64::MAX }>>,
    /// `false`: what is still to come.
    done: Option<bool>,
}

/// What a rule for events is to do in one conversation, or did.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleEventView {
    pub(in crate::web) id: i64,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// `ACCOUNT.CONVERSATION`.
    pub(in crate::web) conversation: String,
    #[schema(value_type = i64)]
    pub(in crate::web) rule_id: RuleId,
    #[schema(value_type = String)]
    pub(in crate::web) buyer_id: BuyerId,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) order_id: Option<OrderId>,
    /// Not before then.
    #[schema(value_type = i64)]
    pub(in crate::web) due_at: Timestamp,
    /// `null`: it is still to come.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) done_at: Option<Timestamp>,
    /// A stable code: `rule` where it was carried out, else why it was not.
    pub(in crate::web) reason: Option<String>,
    /// The same for people.
    pub(in crate::web) text: String,
    /// How it was decided.
    pub(in crate::web) steps: Vec<StepView>,
}

impl RuleEventView {
    pub(super) fn new(row: Row, keywords: &HashMap<RuleId, String>, language: Language) -> Self {
        let steps = trail_of(&row).0.into_iter().map(|step| StepView::new(step, keywords, language)).collect();
        Self {
            id: row.id,
            account_id: row.account,
            conversation: key::conversation(row.account, &row.conversation),
            rule_id: row.rule,
            buyer_id: row.buyer,
            item_id: row.item,
            order_id: row.order,
            due_at: row.due_at,
            done_at: row.done_at,
            text: text(row.reason.as_deref()).in_language(language).to_owned(),
            reason: row.reason,
            steps,
        }
    }
}

fn trail_of(row: &Row) -> Trail {
    row.trail.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn text(reason: Option<&str>) -> Said {
    match reason {
        None => Said::new("等待执行。", "It is still to come."),
        Some("rule") => Said::new("已执行。", "It was carried out."),
        Some("empty_reply") => {
            Said::new("已执行，没有要发送的内容。", "It was carried out; there was nothing to send.")
        }
        Some("no_rule") => Said::new("执行时条件不符。", "Its conditions did not hold when it was due."),
        Some("rule_gone") => Said::new("执行时规则已停用或删除。", "The rule was disabled or gone when it was due."),
        Some("too_old") => {
            Said::new("错过执行时间太久，没有执行。", "It was too late when it could be carried out, so it was not.")
        }
        Some(reason) => reason_texts::silence(reason),
    }
}

/// What rules for events are to do, and did, newest first.
#[utoipa::path(get, path = "/api/v1/rule-events", tag = "event rules", params(RuleEventsQuery), responses((status = 200, body = Page<RuleEventView>)))]
pub async fn list(
    caller: Caller,
    query: Query<RuleEventsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<RuleEventView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let key = query.conversation.as_deref().map(|text| ConversationKey::parse(text).ok_or_else(bad_key)).transpose()?;
    let filter = Filter {
        account: query.account.map(|id| AccountId(id.get())),
        conversation: key.map(|key| (key.account, key.conversation)),
        rule: query.rule.map(|id| RuleId(id.get())),
        done: query.done,
    };
    let (scope, language) = (caller.scope, caller.language);
    let read = move |conn: &mut DbConn| {
        let (rows, total) = rule_events::page(conn, &scope, &filter, paging.part())?;
        let named: Vec<RuleId> =
            rows.iter().flat_map(|row| trail_of(row).0.iter().flat_map(rules_of).collect::<Vec<_>>()).collect();
        Ok((rows, rules::keywords(conn, &scope, &named)?, total))
    };
    let (rows, keywords, total) = app.turns.read(&app.store, read).await?;
    let views = rows.into_iter().map(|row| RuleEventView::new(row, &keywords, language));
    Ok(Json(paging.answer(views.collect(), total)))
}
