//! `POST /api/v1/sandbox`: a conversation played through with an account's rules, typed in or as it was. Nothing is sent or stored, nobody
//! outside is asked, no once-mark is used up, and the clock is the asker's.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use actix_web::web::{Data, Json, block};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
        input::{Body, Few, Line, Text, Whole},
    },
    explanations::StepView,
    key::{self, ConversationKey},
    miss_texts, reason_texts,
    rule_fields::{ActionBody, Number, TriggerBody},
};
use crate::{
    ids::{AccountId, ItemId, RuleId, Timestamp},
    reply::{
        case::{self, Expects, Extra, Miss, Script, Step, USUAL_PAUSE, What},
        decide::{Decision, Kind, Question, Silence, TurnMessage},
        matcher::RuleBook,
        rule::{Action, Reply, Rule, Trigger},
        sandbox::{About, Cast, Sandbox, Scene, Waiting},
        source::Source,
    },
    store::{
        DbConn, QueryResult, Scope,
        sandbox::{self as past, Ground, Past, Rules, Wanted, Was},
    },
    telemetry::clock,
};

/// A moment, in ms since 1970: until the year 9999.
pub(crate) type Moment = Whole<0, 253_402_300_799_999>;

/// Scenes that are told of a replay, where nothing else is said.
const SHOWN: usize = 100;

/// Which rules are played with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RulesBody {
    /// Those that answer now.
    #[default]
    Published,
    /// As they will be once everything that is prepared is published.
    Draft,
}

/// A conversation to be played: `steps` that are typed in, or a `replay`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_id": 1, "steps": [{"says": ["在吗", "多少钱"]}, {"says": ["便宜点"], "after_s": 60}]}))]
pub struct SandboxBody {
    account_id: Number,
    #[serde(default)]
    rules: RulesBody,
    /// The item that typed steps are about.
    #[schema(inline)]
    item_id: Option<Line<1, 64>>,
    buyer: Option<BuyerBody>,
    /// When the first step happens; absent: now.
    at: Option<Moment>,
    #[serde(default)]
    steps: Few<StepBody, 100>,
    replay: Option<ReplayBody>,
}

/// Who plays the buyer.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "小明", "tags": ["老客户"], "orders": 1}))]
pub struct BuyerBody {
    #[schema(inline)]
    name: Option<Line<1, 64>>,
    #[serde(default)]
    #[schema(inline)]
    tags: Few<Line<1, 32>, 20>,
    /// Orders paid before.
    #[schema(inline)]
    orders: Option<Whole<0, 1_000_000>>,
    /// They wrote here before.
    #[serde(default)]
    wrote_before: bool,
}

/// Something that happens, after some time; one of `says`, `shows`, `event` and `seller_says`, or nothing but time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"says": ["在吗"], "expects": {"contains": ["在的"]}}))]
pub struct StepBody {
    /// Seconds since the step before. Absent: 30.
    #[schema(inline)]
    after_s: Option<Whole<0, 31_536_000>>,
    /// The buyer writes this, message by message, and falls quiet.
    #[schema(inline)]
    says: Option<Few<Text<1, 2000>, 20>>,
    /// The buyer sends something that is no text, which is shown as this, `[图片]`.
    #[schema(inline)]
    shows: Option<Line<1, 64>>,
    /// Something happens to an order of the buyer.
    event: Option<TriggerBody>,
    /// The seller writes by hand.
    #[schema(inline)]
    seller_says: Option<Text<1, 2000>>,
    expects: Option<ExpectsBody>,
}

/// What is to come of a step. All of it must hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"contains": ["在的"], "source": "global_rule"}))]
pub struct ExpectsBody {
    /// Each of these occurs in what is sent.
    #[serde(default)]
    #[schema(inline)]
    contains: Few<Text<1, 500>, 20>,
    /// None of these does.
    #[serde(default)]
    #[schema(inline)]
    lacks: Few<Text<1, 500>, 20>,
    /// `true`: nothing is sent. `false`: something is.
    silent: Option<bool>,
    /// Where the answer comes from. The hook and the AI are not asked here: that they would be is enough.
    source: Option<Source>,
    /// This rule answers, or wants silence.
    rule_id: Option<Number>,
    /// The buyer has these tags afterwards.
    #[serde(default)]
    #[schema(inline)]
    tags: Few<Line<1, 32>, 20>,
    /// The conversation is left to a person, or is not.
    hands_over: Option<bool>,
}

/// What was said, to be played again: with today's rules, tags and orders, at the times at which it was said. The newest 10,000 messages.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"since": 1_763_600_000_000_i64, "only_changed": true}))]
pub struct ReplayBody {
    /// `ACCOUNT.CONVERSATION`; absent: all conversations of the account.
    #[schema(inline)]
    conversation: Option<Line<1, 100>>,
    /// What came at this moment or later.
    since: Option<Moment>,
    /// And before this one.
    until: Option<Moment>,
    /// Tell only of turns that would go otherwise than they went.
    #[serde(default)]
    only_changed: bool,
    /// Scenes that are told, at most. Absent: 100.
    #[schema(inline)]
    limit: Option<Whole<0, 1000>>,
}

/// What came of a play.
#[derive(Debug, Serialize, ToSchema)]
pub struct SandboxView {
    /// In the order in which they happened, conversation by conversation. Of a replay not more than asked for; the figures count all.
    pub(in crate::web) scenes: Vec<SceneView>,
    /// Turns of buyers and events that were played.
    pub(in crate::web) total: usize,
    pub(in crate::web) answered: usize,
    pub(in crate::web) silent: usize,
    /// Those in which the hook or the AI would be asked.
    pub(in crate::web) asking: usize,
    /// Of a replay: turns that would go otherwise than they went.
    pub(in crate::web) changed: usize,
    /// Which rules answered, or wanted silence, and how often; the busiest first.
    pub(in crate::web) rules: Vec<RuleCount>,
    /// What rules would still do if the play went on; only of typed steps.
    pub(in crate::web) waiting: Vec<WaitingView>,
    /// Whether everything came as expected; `null` where nothing was.
    pub(in crate::web) as_expected: Option<bool>,
    /// What was expected and did not come.
    pub(in crate::web) misses: Vec<MissView>,
    /// Older messages were left out.
    pub(in crate::web) more: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RuleCount {
    #[schema(value_type = i64)]
    pub(in crate::web) rule_id: RuleId,
    pub(in crate::web) keyword: Option<String>,
    pub(in crate::web) scenes: usize,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingView {
    #[schema(value_type = i64)]
    pub(in crate::web) rule_id: RuleId,
    #[schema(value_type = TriggerBody)]
    pub(in crate::web) event: Trigger,
    #[schema(value_type = i64)]
    pub(in crate::web) due_at: Timestamp,
}

/// What would happen at one moment, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct SceneView {
    /// Of a replay: where, as `ACCOUNT.CONVERSATION`.
    pub(in crate::web) conversation: Option<String>,
    /// Of typed steps: which one, from 0.
    pub(in crate::web) step: Option<usize>,
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
    /// What a rule waited for; `null`: this is what the buyer said.
    #[schema(value_type = Option<TriggerBody>)]
    pub(in crate::web) event: Option<Trigger>,
    /// What the buyer said.
    pub(in crate::web) messages: Vec<SaidView>,
    #[schema(inline)]
    pub(in crate::web) decision: Outcome,
    /// A stable code: why nothing is said, or where the answer comes from.
    #[schema(example = "global_rule")]
    pub(in crate::web) reason: &'static str,
    /// The same in a sentence.
    pub(in crate::web) summary: String,
    pub(in crate::web) needs_person: bool,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) rule_id: Option<RuleId>,
    /// What was looked at, in this order, and why each did or did not answer.
    pub(in crate::web) steps: Vec<StepView>,
    /// What would be sent, variables filled in.
    #[schema(value_type = Vec<ActionBody>)]
    pub(in crate::web) sends: Vec<Reply>,
    /// What would be done besides.
    #[schema(value_type = Vec<ActionBody>)]
    pub(in crate::web) does: Vec<Action>,
    /// These would be asked first. The rest is what happens where they have nothing to say.
    pub(in crate::web) would_ask: Vec<Source>,
    /// What was decided when this was said.
    pub(in crate::web) was: Option<WasView>,
    /// Whether it would go otherwise than it went; `null` where it did not happen.
    pub(in crate::web) changed: Option<bool>,
}

/// Whether something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Answer,
    Silent,
}

/// A message of the buyer.
#[derive(Debug, Serialize, ToSchema)]
pub struct SaidView {
    /// As the platform numbers it; `null`: it was only played.
    pub(in crate::web) message_id: Option<String>,
    pub(in crate::web) text: String,
    /// `false`: a picture or the like, shown as this.
    pub(in crate::web) is_text: bool,
}

/// Something that was expected and did not come.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MissView {
    /// Of which step, from 0.
    pub(in crate::web) step: usize,
    #[schema(example = "lacking")]
    pub(in crate::web) code: &'static str,
    /// The same for people.
    pub(in crate::web) text: String,
}

/// What was decided when this was said.
#[derive(Debug, Serialize, ToSchema)]
pub struct WasView {
    /// The decision's id.
    pub(in crate::web) id: String,
    pub(in crate::web) decision: String,
    pub(in crate::web) reason: Option<String>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) rule_id: Option<RuleId>,
}

impl From<RulesBody> for Rules {
    fn from(rules: RulesBody) -> Self {
        match rules {
            RulesBody::Published => Self::Published,
            RulesBody::Draft => Self::Prepared,
        }
    }
}

impl From<BuyerBody> for Extra {
    fn from(body: BuyerBody) -> Self {
        Self {
            name: body.name.map(Line::into_string).unwrap_or_default(),
            tags: body.tags.into_vec().into_iter().map(Line::into_string).collect(),
            orders: body.orders.map_or(0, Whole::get),
            wrote_before: body.wrote_before,
        }
    }
}

impl From<ExpectsBody> for Expects {
    fn from(body: ExpectsBody) -> Self {
        let texts = |few: Few<Text<1, 500>, 20>| few.into_vec().into_iter().map(Text::into_string).collect();
        Self {
            contains: texts(body.contains),
            lacks: texts(body.lacks),
            silent: body.silent,
            source: body.source,
            rule_id: body.rule_id.map(|id| RuleId(id.get())),
            tags: body.tags.into_vec().into_iter().map(Line::into_string).collect(),
            hands_over: body.hands_over,
        }
    }
}

impl StepBody {
    /// `place`: the name of the list it stands in.
    pub(super) fn read(self, place: &str, number: usize) -> ApiResult<Step> {
        let Self { after_s, says, shows, event, seller_says, expects } = self;
        let field = || format!("{place}[{number}]");
        let says = says.map(|says| What::Says(says.into_vec().into_iter().map(Text::into_string).collect()));
        let mut found = says
            .into_iter()
            .chain(shows.map(|text| What::Shows(text.into_string())))
            .chain(event.map(|event| What::Event(event.into())))
            .chain(seller_says.map(|text| What::SellerSays(text.into_string())));
        let what = found.next();
        if found.next().is_some() {
            let said = Said::new(
                "says、shows、event、seller_says 只能有一个",
                "must have no more than one of says, shows, event and seller_says",
            );
            return Err(ApiError::field(field(), said));
        }
        match &what {
            Some(What::Says(texts)) if texts.is_empty() => {
                let said = Said::new("至少要有一条消息", "must have at least one message");
                return Err(ApiError::field(format!("{}.says", field()), said));
            }
            Some(What::Event(Trigger::Silent)) => {
                let said = Said::new(
                    "没有人说话的时间用 after_s 表示",
                    "silence is no event: let time pass with a step of after_s alone",
                );
                return Err(ApiError::field(format!("{}.event", field()), said));
            }
            None if after_s.is_none() => {
                let said = Said::new("什么都没有发生", "has nothing that happens");
                return Err(ApiError::field(field(), said));
            }
            Some(_) | None => {}
        }
        let after_s = after_s.and_then(|seconds| u32::try_from(seconds.get()).ok()).unwrap_or(USUAL_PAUSE);
        let expects = expects.map(Expects::from).filter(|expects| !expects.is_empty());
        Ok(Step { after_s, what, expects })
    }
}

/// A script from what was sent in.
pub(crate) fn script(
    item: Option<Line<1, 64>>,
    buyer: Option<BuyerBody>,
    at: Option<Moment>,
    steps: Vec<StepBody>,
) -> ApiResult<Script> {
    let steps = steps.into_iter().enumerate().map(|(number, step)| step.read("steps", number));
    Ok(Script {
        item: item.map(|item| ItemId::from(item.into_string())),
        buyer: buyer.map(Extra::from).unwrap_or_default(),
        at: at.map(|at| Timestamp(at.get())),
        steps: steps.collect::<ApiResult<_>>()?,
    })
}

/// What is to be played.
enum Play {
    Script(Script),
    Past { wanted: Wanted, only_changed: bool, limit: usize },
}

/// What is played, once it was read.
enum Read {
    Script(Script, Box<Cast>),
    Past(Vec<Past>, bool),
}

fn play_of(body: SandboxBody, account: AccountId) -> ApiResult<Play> {
    let SandboxBody { item_id, buyer, at, steps, replay, .. } = body;
    let typed = !steps.is_empty() || item_id.is_some() || buyer.is_some() || at.is_some();
    let Some(ReplayBody { conversation, since, until, only_changed, limit }) = replay else {
        if steps.is_empty() {
            let said = Said::new("请给出 steps 或 replay", "is needed, or replay");
            return Err(ApiError::field("steps", said));
        }
        return script(item_id, buyer, at, steps.into_vec()).map(Play::Script);
    };
    if typed {
        let said =
            Said::new("不能与 steps、item_id、buyer、at 同时使用", "does not go with steps, item_id, buyer or at");
        return Err(ApiError::field("replay", said));
    }
    let conversation = match conversation.as_deref().map(ConversationKey::parse) {
        None => None,
        Some(Some(key)) if key.account == account => Some(key.conversation),
        Some(_) => return Err(ApiError::from(Code::NotFound).at("replay.conversation")),
    };
    let moment = |at: Option<Moment>| at.map(|at| Timestamp(at.get()));
    let wanted = Wanted { conversation, since: moment(since), until: moment(until) };
    let limit = limit.and_then(|limit| usize::try_from(limit.get()).ok()).unwrap_or(SHOWN);
    Ok(Play::Past { wanted, only_changed, limit })
}

/// Plays a conversation through: what would be said and done, and why. Nothing is sent or stored, and neither the hook nor the AI is asked.
#[utoipa::path(post, path = "/api/v1/sandbox", tag = "sandbox", request_body = SandboxBody, responses((status = 200, body = SandboxView)))]
pub async fn sandbox(caller: Caller, body: Body<SandboxBody>, app: Data<AppState>) -> ApiResult<Json<SandboxView>> {
    let (scope, language, now) = (caller.scope, caller.language, clock::unix());
    let (account, which) = (AccountId(body.0.account_id.get()), Rules::from(body.0.rules));
    let play = play_of(body.0, account)?;
    let (limit, only_changed) = match &play {
        Play::Script(_) => (usize::MAX, false),
        Play::Past { limit, only_changed, .. } => (*limit, *only_changed),
    };
    let (keys, usual) = (app.store.keys().clone(), app.settings.inbox.takeover_pause);
    let turn = app.turns.compile().await?;
    let read = move |conn: &mut DbConn| {
        let ground = Ground::read(conn, &scope, &keys, account, usual)?;
        let read = read(conn, &scope, &ground, play)?;
        Ok((ground, past::rules(conn, &scope, which)?, read))
    };
    let (ground, rules, read) = app.turns.read(&app.store, read).await.map_err(missing_account)?;
    // Compiling thousands of rules takes milliseconds, playing ten thousand messages some hundred. The turn ends with the work, also where
    // nobody waits for it any more.
    let played = block(move || {
        let _turn = turn;
        let mut told = Told::new(&ground, &rules, language, (limit, only_changed));
        told.play(&RuleBook::compile(account, &rules).0, read, now);
        told.view
    });
    Ok(Json(played.await.map_err(|_| Code::Internal)?))
}

pub(super) fn missing_account(error: ApiError) -> ApiError {
    if error.code() == Code::NotFound { error.at("account_id") } else { error }
}

fn read(conn: &mut DbConn, scope: &Scope, ground: &Ground, play: Play) -> QueryResult<Read> {
    match play {
        Play::Script(script) => {
            let cast = past::cast(conn, ground, script.item.as_ref(), &script.buyer)?;
            Ok(Read::Script(script, Box::new(cast)))
        }
        Play::Past { wanted, .. } => {
            let (past, more) = past::past(conn, scope, ground, &wanted)?;
            Ok(Read::Past(past, more))
        }
    }
}

/// What is told of a play.
struct Told<'a> {
    ground: &'a Ground,
    language: Language,
    limit: usize,
    only_changed: bool,
    keywords: HashMap<RuleId, String>,
    counts: HashMap<RuleId, usize>,
    view: SandboxView,
}

/// Where a scene belongs.
struct Place {
    conversation: Option<String>,
    step: Option<usize>,
}

/// What was said in it, and what was decided then.
#[derive(Default)]
struct Heard {
    messages: Vec<TurnMessage>,
    was: Option<Was>,
}

impl<'a> Told<'a> {
    fn new(ground: &'a Ground, rules: &[Arc<Rule>], language: Language, (limit, only_changed): (usize, bool)) -> Self {
        let keywords = rules.iter().map(|rule| (rule.id, rule.body.keyword.clone())).collect();
        let view = SandboxView {
            scenes: Vec::new(),
            total: 0,
            answered: 0,
            silent: 0,
            asking: 0,
            changed: 0,
            rules: Vec::new(),
            waiting: Vec::new(),
            as_expected: None,
            misses: Vec::new(),
            more: false,
        };
        Self { ground, language, limit, only_changed, keywords, counts: HashMap::new(), view }
    }

    fn play(&mut self, book: &RuleBook, read: Read, now: Timestamp) {
        match read {
            Read::Script(script, cast) => {
                let mut sandbox = Sandbox::new(book, *cast);
                self.play_script(&mut sandbox, script, now);
            }
            Read::Past(all, more) => {
                self.view.more = more;
                for Past { conversation, cast, beats } in all {
                    let key = key::conversation(self.ground.account.id, &conversation);
                    let place = Place { conversation: Some(key), step: None };
                    let buyer = cast.buyer.clone();
                    let mut sandbox = Sandbox::new(book, cast);
                    for beat in beats {
                        if let Some((item, title)) = beat.item {
                            sandbox.turn_to(item, title);
                        }
                        let outside = self.ground.outside(&buyer, beat.at);
                        let scenes = sandbox.play(&beat.cue, beat.at, outside);
                        self.tell(scenes, &place, Heard { messages: beat.cue.into_messages(), was: beat.was });
                    }
                }
            }
        }
        let keyword = |id: &RuleId| self.keywords.get(id).filter(|keyword| !keyword.is_empty()).cloned();
        let counts = self.counts.iter();
        self.view.rules =
            counts.map(|(id, scenes)| RuleCount { rule_id: *id, keyword: keyword(id), scenes: *scenes }).collect();
        self.view.rules.sort_by_key(|count| (Reverse(count.scenes), count.rule_id));
    }

    fn play_script(&mut self, sandbox: &mut Sandbox<'_>, script: Script, now: Timestamp) {
        let (ground, buyer) = (self.ground, sandbox.cast().buyer.clone());
        let began = script.at.unwrap_or(now);
        let played = case::play(sandbox, &script, began, |at| ground.outside(&buyer, at));
        let expected = script.steps.iter().any(|step| step.expects.is_some());
        self.view.as_expected = expected.then(|| played.iter().all(|step| step.misses.is_empty()));
        for (number, (step, played)) in script.steps.into_iter().zip(played).enumerate() {
            let misses = played.misses.iter().map(|miss| MissView::new(number, miss, self.language));
            self.view.misses.extend(misses);
            let messages = step.what.map(What::into_messages).unwrap_or_default();
            let place = Place { conversation: None, step: Some(number) };
            self.tell(played.scenes, &place, Heard { messages, was: None });
        }
        self.view.waiting = sandbox.waiting().iter().map(WaitingView::from).collect();
    }

    /// Scenes of one step or beat. What was said belongs to the buyer's turn among them, or else to the last.
    fn tell(&mut self, scenes: Vec<Scene>, place: &Place, said: Heard) {
        let last = scenes.len().saturating_sub(1);
        let own = scenes.iter().rposition(|scene| scene.about == About::Turn).unwrap_or(last);
        let mut said = Some(said);
        for (number, scene) in scenes.into_iter().enumerate() {
            let said = said.take_if(|_| number == own).unwrap_or_default();
            self.tell_scene(scene, place, said);
        }
    }

    fn tell_scene(&mut self, scene: Scene, place: &Place, said: Heard) {
        let view = &mut self.view;
        view.total += 1;
        match scene.decision {
            Decision::Answer { .. } => view.answered += 1,
            Decision::Silent(_) => view.silent += 1,
        }
        view.asking += usize::from(!scene.would_ask.is_empty());
        if let Some(rule) = scene.rule() {
            *self.counts.entry(rule).or_default() += 1;
        }
        let changed = said.was.as_ref().map(|was| differs(was, &scene));
        view.changed += usize::from(changed == Some(true));
        if view.scenes.len() < self.limit && (!self.only_changed || changed == Some(true)) {
            let scene = self.scene(scene, place, said, changed);
            self.view.scenes.push(scene);
        }
    }

    fn scene(&self, scene: Scene, place: &Place, said: Heard, changed: Option<bool>) -> SceneView {
        let Heard { messages, was } = said;
        let (language, rule_id, sends) = (self.language, scene.rule(), scene.sends().to_vec());
        let steps: Vec<StepView> =
            scene.trail.0.into_iter().map(|step| StepView::new(step, &self.keywords, language)).collect();
        let (decision, reason, needs_person) = match &scene.decision {
            Decision::Answer { source, .. } => (Outcome::Answer, source.as_str(), false),
            Decision::Silent(silence) => (Outcome::Silent, silence.code(), silence.needs_person()),
        };
        let summary = match (&scene.decision, steps.last()) {
            (Decision::Answer { .. }, Some(step)) => step.text().to_owned(),
            (Decision::Silent(Silence::NoRule), _) if scene.about != About::Turn => {
                Said::new("没有适用于这个事件的规则。", "No rule applies to this event.")
                    .in_language(language)
                    .to_owned()
            }
            (Decision::Answer { .. } | Decision::Silent(_), _) => {
                reason_texts::silence(reason).in_language(language).to_owned()
            }
        };
        let account = self.ground.account.id;
        SceneView {
            messages: messages.into_iter().map(|message| SaidView::new(message, place)).collect(),
            conversation: place.conversation.clone(),
            step: place.step,
            at: scene.at,
            event: match scene.about {
                About::Turn => None,
                About::Event(trigger) => Some(trigger),
            },
            decision,
            reason,
            summary,
            needs_person,
            rule_id,
            steps,
            sends,
            does: scene.effects.deeds.into_iter().map(Action::from).collect(),
            would_ask: scene.would_ask.into_iter().map(source).collect(),
            was: was.map(|was| WasView {
                id: format!("{account}.{}", was.message),
                decision: was.decision,
                reason: was.reason,
                rule_id: was.rule,
            }),
            changed,
        }
    }
}

impl SaidView {
    fn new(message: TurnMessage, place: &Place) -> Self {
        Self {
            message_id: place.conversation.is_some().then(|| message.id.to_string()),
            text: message.text,
            is_text: message.kind == Kind::Text,
        }
    }
}

impl From<&Waiting> for WaitingView {
    fn from(waiting: &Waiting) -> Self {
        Self { rule_id: waiting.rule.id, event: waiting.rule.body.trigger, due_at: waiting.due_at }
    }
}

impl MissView {
    pub(super) fn new(step: usize, miss: &Miss, language: Language) -> Self {
        let (code, said) = miss_texts::miss(miss);
        Self { step, code, text: said.in_language(language).to_owned() }
    }
}

pub(super) fn source(question: Question) -> Source {
    match question {
        Question::Hook => Source::Hook,
        Question::Ai => Source::Ai,
    }
}

/// Whether it would go otherwise than it went. Whom nobody asks here would say the same again.
fn differs(was: &Was, scene: &Scene) -> bool {
    let asked_then = match was.reason.as_deref() {
        Some("hook") => scene.would_ask.contains(&Question::Hook),
        Some("ai" | "suggested" | "left_to_person") => scene.would_ask.contains(&Question::Ai),
        Some(_) | None => false,
    };
    let same = match &scene.decision {
        Decision::Answer { rule, .. } => was.decision == "answer" && was.rule == *rule,
        Decision::Silent(silence) => {
            was.decision == "silent" && was.reason.as_deref() == Some(silence.code()) && was.rule == silence.rule()
        }
    };
    !asked_then && !same
}
