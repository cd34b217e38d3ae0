//! `/api/v1/decisions/{id}`: everything about one decision, for a person to read: what was said, what was asked in which order, why each did
//! or did not answer, what was sent, when each step happened, and what the platform said. A decision is named by `ACCOUNT.MESSAGE`; any
//! message of its turn will do.

use std::collections::HashMap;

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiResult, Code, Language, Said},
        gate::Caller,
    },
    conversations::MessageView,
    key::MessageKey,
    outbox::EntryView,
    reason_texts, step_texts,
};
use crate::{
    ids::{RuleId, Timestamp},
    outbox::entry::Entry,
    reply::{
        source::Source,
        trail::{Found, PassedOver, Step, Trail},
    },
    store::{
        DbConn, QueryResult, Scope,
        chat_messages::{self, StoredMessage},
        outbox, rules,
    },
};

/// Everything about one decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplanationView {
    /// The turn, oldest first; the last one carries the decision.
    pub(in crate::web) messages: Vec<MessageView>,
    /// What was decided, in a sentence.
    pub(in crate::web) summary: String,
    /// What was asked, in this order. Empty where a reason to stay silent came before any source, or the details were removed.
    pub(in crate::web) steps: Vec<StepView>,
    /// When the first message reached us.
    #[schema(value_type = i64)]
    pub(in crate::web) received_at: Timestamp,
    /// When the buyer had fallen quiet.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) settled_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) decided_at: Option<Timestamp>,
    /// What went to the buyer, and what the platform said about it.
    pub(in crate::web) sends: Vec<EntryView>,
}

/// What one source had to say.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepView {
    pub(in crate::web) source: Source,
    pub(in crate::web) found: Found,
    /// The same for people.
    pub(in crate::web) text: String,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) rule_id: Option<RuleId>,
    /// `null` where the rule is gone.
    pub(in crate::web) keyword: Option<String>,
    pub(in crate::web) why: Option<String>,
    /// Rules whose keyword occurs and that did not answer; the first few.
    pub(in crate::web) passed_over: Vec<PassedOverView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PassedOverView {
    #[schema(value_type = i64)]
    pub(in crate::web) rule_id: RuleId,
    pub(in crate::web) keyword: Option<String>,
    pub(in crate::web) why: PassedOver,
    /// The same for people.
    pub(in crate::web) text: String,
}

/// What is stored about it.
struct Stored {
    messages: Vec<StoredMessage>,
    sends: Vec<Entry>,
    keywords: HashMap<RuleId, String>,
}

/// Everything about one decision.
#[utoipa::path(get, path = "/api/v1/decisions/{id}", tag = "decisions", params(("id" = String, Path, description = "ACCOUNT.MESSAGE")),
    responses((status = 200, body = ExplanationView)))]
pub async fn get(caller: Caller, key: MessageKey, app: Data<AppState>) -> ApiResult<Json<ExplanationView>> {
    let (scope, language) = (caller.scope, caller.language);
    let stored = app.store.read(move |conn| Stored::read(conn, &scope, &key)).await?;
    let view = ExplanationView::new(stored, language).ok_or(Code::NotFound)?;
    Ok(Json(view))
}

impl Stored {
    fn read(conn: &mut DbConn, scope: &Scope, key: &MessageKey) -> QueryResult<Self> {
        let messages = chat_messages::turn(conn, scope, key.account, &key.message)?;
        let mut stored = Self { sends: Vec::new(), keywords: HashMap::new(), messages };
        if let Some(last) = stored.messages.last() {
            let since = last.settled_at.unwrap_or(last.received_at);
            stored.sends = outbox::in_reply_to(conn, scope, last.account, &last.message, since)?;
            let rules: Vec<RuleId> = trail_of(last).0.iter().flat_map(rules_of).collect();
            stored.keywords = rules::keywords(conn, scope, &rules)?;
        }
        Ok(stored)
    }
}

fn trail_of(message: &StoredMessage) -> Trail {
    message.trail.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The rules that a step names.
pub(super) fn rules_of(step: &Step) -> impl Iterator<Item = RuleId> + '_ {
    step.rule.into_iter().chain(step.passed.iter().map(|passed| passed.rule))
}

impl ExplanationView {
    fn new(stored: Stored, language: Language) -> Option<Self> {
        let Stored { messages, sends, keywords } = stored;
        let last = messages.last()?;
        let steps: Vec<StepView> =
            trail_of(last).0.into_iter().map(|step| StepView::new(step, &keywords, language)).collect();
        Some(Self {
            summary: summary(last, &steps, language),
            steps,
            received_at: messages.first()?.received_at,
            settled_at: last.settled_at,
            decided_at: last.decided_at,
            sends: sends.into_iter().map(EntryView::from).collect(),
            messages: messages.into_iter().map(MessageView::from).collect(),
        })
    }
}

/// What was decided, in a sentence.
fn summary(message: &StoredMessage, steps: &[StepView], language: Language) -> String {
    let said = match (message.decision.as_deref(), steps.last()) {
        (Some("own"), _) => Said::new("这是您自己发出的消息。", "You wrote this yourself."),
        (Some("answer"), Some(step)) => return step.text.clone(),
        (Some("answer"), None) => Said::new("已自动回复。", "It was answered."),
        (decision, _) => reason_texts::unsaid(decision, message.reason.as_deref()),
    };
    said.in_language(language).to_owned()
}

impl StepView {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn new(step: Step, keywords: &HashMap<RuleId, String>, language: Language) -> Self {
        let keyword = step.rule.and_then(|rule| keywords.get(&rule)).filter(|keyword| !keyword.is_empty()).cloned();
        let passed_over = step.passed.iter().map(|passed| PassedOverView {
            rule_id: passed.rule,
            keyword: keywords.get(&passed.rule).cloned(),
            why: passed.why,
            text: step_texts::passed_over(passed.why).in_language(language).to_owned(),
        });
        Self {
            text: step_texts::step(&step, keyword.as_deref()).in_language(language).to_owned(),
            passed_over: passed_over.collect(),
            source: step.source,
            found: step.found,
            rule_id: step.rule,
            keyword,
            why: step.why,
        }
    }
}
