//! `POST /api/v1/keywords/preview` and its like for default replies and rules for events: what a rule that is still being written would have
//! done with what was said lately. Everything is played twice: with the rule among all others, and with it alone. Nothing is sent or stored.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use actix_web::web::{Data, Json, block};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
        input::{Body, Query, Whole},
    },
    key, keywords, reason_texts,
    rule_fields::{NewDefaultReply, NewEventRule, NewKeyword, Number, TriggerBody},
    rule_sets::check_seen,
    rule_warnings::NEW,
    sandbox::{SaidView, missing_account, source},
};
use crate::{
    ids::{AccountId, ConversationId, RuleId, Timestamp},
    reply::{
        decide::{Decision, Kind, Silence, TurnMessage},
        matcher::Library,
        rule::{Rule, RuleBody, Trigger},
        sandbox::{About, Cue, Sandbox, Scene},
        source::Source,
    },
    store::{
        DbConn, QueryResult,
        sandbox::{self as past, Ground, Lately, Past, Rules, Wanted},
    },
    telemetry::clock,
};

/// A week: what is looked at where nothing is said, and at most.
const HOURS: i64 = 168;
const HOUR_MS: i64 = 3_600_000;
/// The newest messages that are looked at.
const MOST: usize = 5000;
/// What is told in full.
const SHOWN: usize = 20;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PreviewQuery {
    /// The rule in whose place this one is; absent: it is a new one.
    #[param(inline)]
    rule: Option<Number>,
    /// `true`: among the rules as they would be after publishing.
    draft: Option<bool>,
    /// How far back to look. Absent: 168, a week.
    #[param(inline)]
    hours: Option<Whole<1, 168>>,
}

/// What a rule would have done.
#[derive(Debug, Serialize, ToSchema)]
pub struct RulePreviewView {
    /// How often it holds: what a buyer said at once is one, and so is what happened to an order.
    pub(in crate::web) matched: usize,
    /// How often it is the one that answers, or wants silence.
    pub(in crate::web) answers: usize,
    /// What buyers said, in all.
    pub(in crate::web) turns: usize,
    #[schema(value_type = i64)]
    pub(in crate::web) since: Timestamp,
    /// There were more than 5,000 messages, and older ones were left out.
    pub(in crate::web) more: bool,
    /// The newest 20 to which it holds, newest first.
    pub(in crate::web) items: Vec<PreviewedView>,
}

/// Something to which the rule holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewedView {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// `ACCOUNT.CONVERSATION`.
    #[schema(example = "1.60001")]
    pub(in crate::web) conversation: String,
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
    /// What the rule waited for; `null`: this is what the buyer said.
    #[schema(value_type = Option<TriggerBody>)]
    pub(in crate::web) event: Option<Trigger>,
    pub(in crate::web) messages: Vec<SaidView>,
    /// Whether it is this rule that answers.
    pub(in crate::web) answers: bool,
    /// The rule that goes before it, if one does.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) first_rule_id: Option<RuleId>,
    pub(in crate::web) first_keyword: Option<String>,
    /// What would happen, in a sentence.
    pub(in crate::web) summary: String,
    /// These would be asked first. The rest is what happens where they have nothing to say.
    pub(in crate::web) would_ask: Vec<Source>,
}

/// What is played.
struct Play {
    id: RuleId,
    /// The rule among them.
    rules: Vec<Arc<Rule>>,
    rule: Arc<Rule>,
    lately: Lately,
}

impl Play {
    /// `NotFound`: the rule in whose place it is to be is not there.
    fn new(id: Option<RuleId>, body: RuleBody, mut rules: Vec<Arc<Rule>>, lately: Lately) -> ApiResult<Self> {
        let Some(id) = id else {
            let rule = Arc::new(Rule { id: NEW, body, created_at: Timestamp(i64::MAX) });
            rules.push(Arc::clone(&rule));
            return Ok(Self { id: NEW, rules, rule, lately });
        };
        let old =
            rules.iter_mut().find(|rule| rule.id == id).ok_or_else(|| ApiError::from(Code::NotFound).at("rule"))?;
        let rule = Arc::new(Rule { id, body, created_at: old.created_at });
        *old = Arc::clone(&rule);
        Ok(Self { id, rules, rule, lately })
    }
}

async fn preview(
    app: &AppState,
    caller: Caller,
    query: PreviewQuery,
    new: ApiResult<RuleBody>,
) -> ApiResult<Json<RulePreviewView>> {
    // Whether it is on is another question than what it would do.
    let body = RuleBody { enabled: true, ..keywords::check(new?).await?.in_order() };
    let (scope, language, now) = (caller.scope, caller.language, clock::unix());
    let which = if query.draft.unwrap_or(false) { Rules::Prepared } else { Rules::Published };
    let since = Timestamp(now.0 - query.hours.map_or(HOURS, Whole::get) * HOUR_MS);
    let among: Vec<AccountId> = body.account.map_or_else(|| body.accounts.clone(), |account| vec![account]);
    let (keys, usual, set) = (app.store.keys().clone(), app.settings.inbox.takeover_pause, body.account);
    let turn = app.turns.compile().await?;
    let read = move |conn: &mut DbConn| -> QueryResult<_> {
        check_seen(conn, &caller, set)?;
        Ok((past::rules(conn, &scope, which)?, past::lately(conn, &scope, &among, since, MOST)?))
    };
    let (rules, lately) = app.turns.read(&app.store, read).await.map_err(missing_account)?;
    let play = Play::new(query.rule.map(|id| RuleId(id.get())), body, rules, lately)?;
    let mut shops = Vec::new();
    for account in play.lately.accounts.clone() {
        let (keys, wanted) = (keys.clone(), Wanted { since: Some(play.lately.since), ..Wanted::default() });
        let read = move |conn: &mut DbConn| {
            let ground = Ground::read(conn, &scope, &keys, account, usual)?;
            let (past, _) = past::past(conn, &scope, &ground, &wanted)?;
            Ok((ground, past))
        };
        shops.push(app.turns.read(&app.store, read).await?);
    }
    // As a replay: some hundred milliseconds at worst. The turn ends with the work.
    let told = block(move || {
        let _turn = turn;
        let mut told = Told::new(&play, language);
        told.play(&play, shops, now);
        told.view(&play.lately)
    });
    Ok(Json(told.await.map_err(|_| Code::Internal)?))
}

/// Something to which the rule holds, and what comes of it.
struct Found {
    account: AccountId,
    conversation: ConversationId,
    at: Timestamp,
    about: About,
    messages: Vec<TurnMessage>,
    /// With all rules; `None`: nothing.
    scene: Option<Scene>,
}

/// What is told of a play.
struct Told {
    id: RuleId,
    language: Language,
    keywords: HashMap<RuleId, String>,
    turns: usize,
    found: Vec<Found>,
}

impl Told {
    fn new(play: &Play, language: Language) -> Self {
        let keywords = play.rules.iter().map(|rule| (rule.id, rule.body.keyword.clone())).collect();
        Self { id: play.id, language, keywords, turns: 0, found: Vec::new() }
    }

    fn play(&mut self, play: &Play, shops: Vec<(Ground, Vec<Past>)>, now: Timestamp) {
        let (all, alone) = (Library::compile(&play.rules), Library::compile(&[Arc::clone(&play.rule)]));
        for (ground, past) in shops {
            let account = ground.account.id;
            let (all, alone) = (all.book(account), alone.book(account));
            for Past { conversation, cast, beats } in past {
                let buyer = cast.buyer.clone();
                let (mut all, mut alone) = (Sandbox::new(&all, cast.clone()), Sandbox::new(&alone, cast));
                let (mut of_all, mut of_alone) = (Vec::new(), Vec::new());
                for beat in beats {
                    if let Some((item, title)) = beat.item {
                        all.turn_to(item.clone(), title.clone());
                        alone.turn_to(item, title);
                    }
                    let outside = ground.outside(&buyer, beat.at);
                    let mut whole = all.play(&beat.cue, beat.at, outside);
                    let mut single = alone.play(&beat.cue, beat.at, outside);
                    let turn = take_turn(&mut whole).zip(take_turn(&mut single));
                    of_all.extend(whole);
                    of_alone.extend(single);
                    if let Some((whole, single)) = turn {
                        self.hear((account, &conversation), beat.cue, whole, &single);
                    }
                }
                of_all.extend(all.run_until(now));
                of_alone.extend(alone.run_until(now));
                self.happen((account, &conversation), &of_all, of_alone);
            }
        }
    }

    /// What a buyer said, with all rules and with this one alone.
    fn hear(&mut self, (account, conversation): (AccountId, &ConversationId), cue: Cue, whole: Scene, single: &Scene) {
        self.turns += 1;
        if ![used(&whole), used(single)].contains(&Some(self.id)) {
            return;
        }
        self.found.push(Found {
            account,
            conversation: conversation.clone(),
            at: whole.at,
            about: whole.about,
            messages: cue.into_messages(),
            scene: Some(whole),
        });
    }

    /// What happened besides in one conversation. A rule that waits longer than another acts at another moment than that one.
    fn happen(&mut self, (account, conversation): (AccountId, &ConversationId), whole: &[Scene], single: Vec<Scene>) {
        let is_own = |scene: &Scene| used(scene) == Some(self.id);
        for scene in single.into_iter().filter(is_own) {
            let alike = || whole.iter().filter(|other| other.about == scene.about);
            let same = alike().find(|other| other.at == scene.at).or_else(|| alike().next());
            self.found.push(Found {
                account,
                conversation: conversation.clone(),
                at: scene.at,
                about: scene.about,
                messages: Vec::new(),
                scene: same.cloned(),
            });
        }
    }

    fn view(mut self, lately: &Lately) -> RulePreviewView {
        let answers = self.found.iter().filter(|found| self.is_answered(found)).count();
        let matched = self.found.len();
        self.found.sort_by_key(|found| Reverse(found.at));
        self.found.truncate(SHOWN);
        let found = std::mem::take(&mut self.found);
        let items = found.into_iter().map(|found| self.previewed(found)).collect();
        RulePreviewView { matched, answers, turns: self.turns, since: lately.since, more: lately.more, items }
    }

    fn is_answered(&self, found: &Found) -> bool {
        found.scene.as_ref().and_then(used) == Some(self.id)
    }

    fn previewed(&self, found: Found) -> PreviewedView {
        let answers = self.is_answered(&found);
        let first = found.scene.as_ref().and_then(used).filter(|_| !answers);
        let keyword = first.and_then(|id| self.keywords.get(&id)).filter(|keyword| !keyword.is_empty()).cloned();
        let summary = self.summary(answers, first, keyword.as_deref(), found.scene.as_ref());
        PreviewedView {
            account_id: found.account,
            conversation: key::conversation(found.account, &found.conversation),
            at: found.at,
            event: match found.about {
                About::Turn => None,
                About::Event(trigger) => Some(trigger),
            },
            messages: found.messages.into_iter().map(said).collect(),
            answers,
            first_rule_id: first,
            first_keyword: keyword,
            summary: summary.in_language(self.language).to_owned(),
            would_ask: found.scene.into_iter().flat_map(|scene| scene.would_ask).map(source).collect(),
        }
    }

    fn summary(&self, answers: bool, first: Option<RuleId>, keyword: Option<&str>, scene: Option<&Scene>) -> Said {
        match (answers, first, keyword, scene.map(|scene| &scene.decision)) {
            (true, ..) => Said::new("由这条规则处理。", "This rule takes it."),
            (false, Some(_), Some(keyword), _) => {
                Said::new(format!("规则“{keyword}”会先处理。"), format!("The rule \"{keyword}\" goes before it."))
            }
            (false, None, _, Some(Decision::Silent(silence))) => reason_texts::silence(silence.code()),
            (false, ..) => Said::new("另一条规则会先处理。", "Another rule goes before it."),
        }
    }
}

/// The rule that answers, or wants silence; one that did so before, and does it once, is not used again.
fn used(scene: &Scene) -> Option<RuleId> {
    match scene.decision {
        Decision::Silent(Silence::AlreadyAnsweredOnce { .. }) => None,
        Decision::Answer { .. } | Decision::Silent(_) => scene.rule(),
    }
}

/// What is decided about the buyer's turn, taken out of what happened until then.
fn take_turn(scenes: &mut Vec<Scene>) -> Option<Scene> {
    let at = scenes.iter().position(|scene| scene.about == About::Turn)?;
    Some(scenes.remove(at))
}

fn said(message: TurnMessage) -> SaidView {
    SaidView { message_id: Some(message.id.to_string()), text: message.text, is_text: message.kind == Kind::Text }
}

/// What a keyword rule would have answered lately, before it is saved: how often, which messages, and which rule goes before it where one
/// does. Rules, tags and orders are today's. Nothing is sent or stored, and neither the hook nor the AI is asked.
#[utoipa::path(post, path = "/api/v1/keywords/preview", operation_id = "preview_keyword", tag = "keywords", params(PreviewQuery), request_body = NewKeyword, responses((status = 200, body = RulePreviewView)))]
pub async fn keyword(
    caller: Caller,
    query: Query<PreviewQuery>,
    body: Body<NewKeyword>,
    app: Data<AppState>,
) -> ApiResult<Json<RulePreviewView>> {
    preview(&app, caller, query.0, body.0.read()).await
}

/// What a default reply would have answered lately, before it is saved, as of a keyword rule.
#[utoipa::path(post, path = "/api/v1/default-replies/preview", operation_id = "preview_default_reply", tag = "default replies", params(PreviewQuery), request_body = NewDefaultReply, responses((status = 200, body = RulePreviewView)))]
pub async fn default_reply(
    caller: Caller,
    query: Query<PreviewQuery>,
    body: Body<NewDefaultReply>,
    app: Data<AppState>,
) -> ApiResult<Json<RulePreviewView>> {
    preview(&app, caller, query.0, body.0.read()).await
}

/// What a rule for an event would have done lately, before it is saved, as of a keyword rule.
#[utoipa::path(post, path = "/api/v1/event-rules/preview", operation_id = "preview_event_rule", tag = "event rules", params(PreviewQuery), request_body = NewEventRule, responses((status = 200, body = RulePreviewView)))]
pub async fn event_rule(
    caller: Caller,
    query: Query<PreviewQuery>,
    body: Body<NewEventRule>,
    app: Data<AppState>,
) -> ApiResult<Json<RulePreviewView>> {
    preview(&app, caller, query.0, body.0.read()).await
}
