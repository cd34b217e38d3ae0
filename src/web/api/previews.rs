//! `POST /api/v1/previews`: what would be answered, by the live rules, with nothing sent, nothing stored and no once-mark used up.

use std::sync::Arc;

use actix_web::web::{Data, Json, block};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code},
    gate::Caller,
    input::{Body, Few, Line, Text, Whole},
};
use crate::{
    ids::{AccountId, ItemId, RuleId},
    reply::{
        matcher::Library,
        rule::{Action, Matching, Reply, Rule},
        template::{Variables, render},
        text::TurnText,
    },
    store::{DbConn, QueryResult, accounts, rules},
};

/// What a buyer might write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_id": 1, "messages": ["在吗"]}))]
pub struct PreviewBody {
    #[schema(inline)]
    account_id: Whole<1, { i64::MAX }>,
    /// The item the conversation is about.
    #[schema(inline)]
    item_id: Option<Line<1, 64>>,
    /// What the buyer said before falling quiet.
    #[schema(inline)]
    messages: Few<Text<1, 2000>, 20>,
    #[schema(inline)]
    buyer_name: Option<Line<1, 64>>,
}

/// Which kind of rule would answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PreviewSource {
    Rule,
    Default,
    /// Nothing matches.
    None,
}

/// What would be answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewView {
    #[schema(inline)]
    source: PreviewSource,
    #[schema(value_type = Option<i64>)]
    rule_id: Option<RuleId>,
    keyword: Option<String>,
    /// What would be sent, variables filled in. Empty with a rule: match, and stay silent.
    #[schema(value_type = Vec<super::rule_fields::ActionBody>)]
    replies: Vec<Reply>,
}

/// Tells what the rules would answer. Pauses, blocked buyers and once-only replies are not looked at.
#[utoipa::path(post, path = "/api/v1/previews", tag = "keywords", request_body = PreviewBody, responses((status = 200, body = PreviewView)))]
pub async fn preview(caller: Caller, body: Body<PreviewBody>, app: Data<AppState>) -> ApiResult<Json<PreviewView>> {
    let (scope, account) = (caller.scope, AccountId(body.0.account_id.get()));
    let read = move |conn: &mut DbConn| -> QueryResult<Vec<Rule>> {
        accounts::get(conn, &scope, account)?;
        Ok(rules::list(conn, &scope)?.rules)
    };
    let turn = app.turns.compile().await?;
    let rules = app.store.read(read).await.map_err(ApiError::missing("account_id"))?;
    // Thousands of rules take milliseconds to compile. The turn ends with that, also where nobody waits for it any more.
    let compiled = block(move || {
        let _turn = turn;
        answer(account, rules, body.0)
    });
    let view = compiled.await.map_err(|_| Code::Internal)?;
    Ok(Json(view))
}

fn answer(account: AccountId, rules: Vec<Rule>, ask: PreviewBody) -> PreviewView {
    let enabled: Vec<Arc<Rule>> = rules.into_iter().filter(|rule| rule.body.enabled).map(Arc::new).collect();
    let book = Library::compile(&enabled).book(account);
    let item = ask.item_id.map(|id| ItemId::from(id.into_string()));
    let texts: Vec<&str> = ask.messages.iter().map(|message| &**message).collect();
    let found = book.find(&TurnText::typed(texts.iter().copied()), item.as_ref(), |_| true).map(|found| found.rule);
    let Some(rule) = found.or_else(|| book.default_for(item.as_ref(), |_| Ok(())).best.map(|best| best.rule)) else {
        return PreviewView { source: PreviewSource::None, rule_id: None, keyword: None, replies: Vec::new() };
    };
    let said = texts.join("\n");
    let variables = Variables {
        send_user_name: ask.buyer_name.as_deref().unwrap_or("买家"),
        send_user_id: "0",
        send_message: &said,
        item_id: item.as_ref().map_or("", ItemId::as_str),
        item_title: "",
    };
    let filled = |action: &Action| match action {
        Action::Text(text) => Some(Reply::Text(render(text, &variables))),
        Action::Image(url) => Some(Reply::Image(url.clone())),
        _ => None,
    };
    let is_default = rule.body.matching == Matching::Default;
    PreviewView {
        source: if is_default { PreviewSource::Default } else { PreviewSource::Rule },
        rule_id: Some(rule.id),
        keyword: (!is_default).then(|| rule.body.keyword.clone()),
        replies: rule.body.actions.iter().filter_map(filled).collect(),
    }
}
