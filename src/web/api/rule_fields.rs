//! Rules as people give and read them: keyword rules, default replies, and rules for events share most of their fields.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, de,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    super::{
        error::{ApiResult, Said},
        input::{Change, Few, Line, Text, Whole, given, read_value},
    },
    windows::{WindowBody, WindowView, windows},
};
use crate::{
    ids::{AccountId, ItemId, RuleId, Timestamp, UserId},
    reply::{
        condition::Conditions,
        rule::{Action, Matching, Rule, RuleBody, Trigger},
    },
    store::rules::Kind,
};

type Keyword = Text<1, 1000>;
type Words = Few<Line<1, 200>, 50>;
type Actions = Few<ActionBody, 10>;
type Items = Few<Line<1, 64>, 500>;
type Accounts = Few<Number, 500>;
type Tags = Few<Line<1, 32>, 20>;
type Priority = Whole<-1_000_000, 1_000_000>;
type PerDay = Whole<1, 1000>;
/// Up to 30 days.
type Delay = Whole<0, 2_592_000>;
/// Up to 30 days.
type Minutes = Whole<1, 43_200>;
pub(super) type Number = Whole<1, { i64::MAX }>;

/// How a keyword is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MatchBody {
    /// It occurs in what the buyer said; case does not matter.
    Contains,
    /// One message is the keyword.
    Exact,
    /// It is a regular expression that finds something (linear time, no look-around).
    Regex,
}

/// What a rule for events waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerBody {
    /// A buyer placed an order that is not paid yet.
    OrderPlaced,
    OrderPaid,
    OrderShipped,
    /// The buyer confirmed the receipt.
    OrderReceived,
    /// The buyer wants the money back.
    OrderRefunding,
    OrderRefunded,
    /// It ended without a deal.
    OrderClosed,
    /// Nobody wrote for `silent_minutes` in a conversation in which the buyer once did.
    Silent,
}

/// One thing that is done.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ActionBody {
    /// Sends a text; `{send_user_name}`, `{send_user_id}`, `{send_message}`, `{item_id}` and `{item_title}` are filled in.
    Text(#[schema(inline)] Text<1, 2000>),
    /// Sends a picture: an http(s) address, or `picture:` and the number of an uploaded one.
    Image(#[schema(inline)] Line<1, 2000>),
    /// No automatic answer in the conversation for so many minutes.
    Pause(#[schema(inline)] Minutes),
    /// Tags the buyer.
    Tag(#[schema(inline)] Line<1, 32>),
    /// Takes a tag off the buyer.
    Untag(#[schema(inline)] Line<1, 32>),
    /// Tells the seller; variables are filled in as in a text.
    Notify(#[schema(inline)] Text<1, 500>),
    /// Leaves the conversation to a colleague, by number; `null`: to whoever looks first.
    HandOver(#[schema(inline)] Option<Number>),
}

const ACTIONS: &[&str] = &["text", "image", "pause", "tag", "untag", "notify", "hand_over"];

/// What serde says of a choice with none of its names, or two of them, sounds like broken JSON: here it is said what is wanted.
impl<'de> Deserialize<'de> for ActionBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ActionVisitor)
    }
}

struct ActionVisitor;

impl<'de> Visitor<'de> for ActionVisitor {
    type Value = ActionBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ActionBody, A::Error> {
        let not_one = || {
            let names = ACTIONS.join(", ");
            let said = Said::new(format!("须恰好是 {names} 之一"), format!("must have exactly one of {names}"));
            de::Error::custom(said.joined())
        };
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            let action = match &*name {
                "text" => ActionBody::Text(map.next_value()?),
                "image" => ActionBody::Image(map.next_value()?),
                "pause" => ActionBody::Pause(map.next_value()?),
                "tag" => ActionBody::Tag(map.next_value()?),
                "untag" => ActionBody::Untag(map.next_value()?),
                "notify" => ActionBody::Notify(map.next_value()?),
                "hand_over" => ActionBody::HandOver(map.next_value()?),
                unknown => return Err(de::Error::unknown_field(unknown, ACTIONS)),
            };
            if found.replace(action).is_some() {
                return Err(not_one());
            }
        }
        found.ok_or_else(not_one)
    }
}

/// When a rule holds besides what was said. All of it must hold; what is absent does.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"hours": [{"days": [1, 2, 3, 4, 5], "from": "22:00", "to": "08:00"}], "tags": ["老客户"]}))]
pub struct ConditionsBody {
    /// At these hours of the platform (UTC+8); empty: always.
    #[serde(default)]
    hours: Few<WindowBody, 21>,
    /// For buyers with one of these tags.
    #[serde(default)]
    #[schema(inline)]
    tags: Tags,
    /// Not for buyers with one of these.
    #[serde(default)]
    #[schema(inline)]
    without_tags: Tags,
    /// `true`: for who paid an order of this seller before. `false`: for who did not.
    bought_before: Option<bool>,
    /// `true`: only for the first turn of a conversation. `false`: only for later ones.
    first_contact: Option<bool>,
}

/// A keyword rule to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"keyword": "在吗", "match": "contains", "actions": [{"text": "在的，请直接拍下"}]}))]
pub struct NewKeyword {
    /// Absent or `null`: among the rules that all accounts share.
    account_id: Option<Number>,
    /// Of a shared rule: only for these accounts; empty: for all.
    #[serde(default)]
    #[schema(inline)]
    only_accounts: Accounts,
    /// Empty: for every item.
    #[serde(default)]
    #[schema(inline)]
    item_ids: Items,
    #[schema(inline)]
    keyword: Keyword,
    #[serde(rename = "match", default = "contains")]
    #[schema(inline)]
    matching: MatchBody,
    /// Besides the keyword at least one of these must occur, unless it is empty.
    #[serde(default)]
    #[schema(inline)]
    any_of: Words,
    /// All of these must occur.
    #[serde(default)]
    #[schema(inline)]
    all_of: Words,
    /// None of these may occur.
    #[serde(default)]
    #[schema(inline)]
    exclude: Words,
    #[serde(default)]
    conditions: ConditionsBody,
    /// Done in this order. Nothing to send: match, and stay silent.
    #[schema(inline)]
    actions: Actions,
    /// At most once in a conversation.
    #[serde(default)]
    once: bool,
    /// At most so often for one buyer on one day of the platform; absent or `null`: no limit.
    #[schema(inline)]
    per_day: Option<PerDay>,
    /// Higher goes first.
    #[serde(default)]
    #[schema(inline)]
    priority: Option<Priority>,
    /// A new rule is enabled unless this says otherwise.
    enabled: Option<bool>,
}

/// What may be changed of a keyword rule; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"actions": [{"text": "在的，今天发货"}], "priority": 10, "item_ids": []}))]
pub struct KeywordPatch {
    #[serde(default)]
    #[schema(inline)]
    account_id: Change<Number>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    only_accounts: Option<Accounts>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    item_ids: Option<Items>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    keyword: Option<Keyword>,
    #[serde(rename = "match", default, deserialize_with = "given")]
    #[schema(nullable = false)]
    matching: Option<MatchBody>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    any_of: Option<Words>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    all_of: Option<Words>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    exclude: Option<Words>,
    /// All of them anew.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    conditions: Option<ConditionsBody>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    actions: Option<Actions>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    once: Option<bool>,
    #[serde(default)]
    #[schema(inline)]
    per_day: Change<PerDay>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    priority: Option<Priority>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

/// A default reply to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"actions": [{"text": "稍等，马上回复您"}], "once": true}))]
pub struct NewDefaultReply {
    /// Absent or `null`: among the rules that all accounts share.
    account_id: Option<Number>,
    /// Of a shared one: only for these accounts; empty: for all.
    #[serde(default)]
    #[schema(inline)]
    only_accounts: Accounts,
    /// Empty: for every item.
    #[serde(default)]
    #[schema(inline)]
    item_ids: Items,
    #[serde(default)]
    conditions: ConditionsBody,
    #[schema(inline)]
    actions: Actions,
    /// At most once in a conversation.
    #[serde(default)]
    once: bool,
    /// At most so often for one buyer on one day of the platform; absent or `null`: no limit.
    #[schema(inline)]
    per_day: Option<PerDay>,
    enabled: Option<bool>,
}

/// What may be changed of a default reply; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"actions": [{"text": "稍后回复您"}], "once": false}))]
pub struct DefaultReplyPatch {
    #[serde(default)]
    #[schema(inline)]
    account_id: Change<Number>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    only_accounts: Option<Accounts>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    item_ids: Option<Items>,
    /// All of them anew.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    conditions: Option<ConditionsBody>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    actions: Option<Actions>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    once: Option<bool>,
    #[serde(default)]
    #[schema(inline)]
    per_day: Change<PerDay>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

/// A rule for an event to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"trigger": "order_paid", "delay_s": 60, "actions": [{"text": "已收到您的付款，马上发货"}, {"tag": "已下单"}]}))]
pub struct NewEventRule {
    /// Absent or `null`: among the rules that all accounts share.
    account_id: Option<Number>,
    /// Of a shared one: only for these accounts; empty: for all.
    #[serde(default)]
    #[schema(inline)]
    only_accounts: Accounts,
    /// Empty: for every item.
    #[serde(default)]
    #[schema(inline)]
    item_ids: Items,
    trigger: TriggerBody,
    /// With `silent`, and only there: after how many minutes.
    #[schema(inline)]
    silent_minutes: Option<Minutes>,
    /// Seconds between what happened and what is done.
    #[serde(default)]
    #[schema(inline)]
    delay_s: Option<Delay>,
    #[serde(default)]
    conditions: ConditionsBody,
    /// Done in this order.
    #[schema(inline)]
    actions: Actions,
    /// At most once in a conversation.
    #[serde(default)]
    once: bool,
    /// At most so often for one buyer on one day of the platform; absent or `null`: no limit.
    #[schema(inline)]
    per_day: Option<PerDay>,
    /// Higher goes first. Of the rules that wait for one event, only one is used.
    #[serde(default)]
    #[schema(inline)]
    priority: Option<Priority>,
    enabled: Option<bool>,
}

/// What may be changed of a rule for an event; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"delay_s": 120}))]
pub struct EventRulePatch {
    #[serde(default)]
    #[schema(inline)]
    account_id: Change<Number>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    only_accounts: Option<Accounts>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    item_ids: Option<Items>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    trigger: Option<TriggerBody>,
    #[serde(default)]
    #[schema(inline)]
    silent_minutes: Change<Minutes>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    delay_s: Option<Delay>,
    /// All of them anew.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    conditions: Option<ConditionsBody>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    actions: Option<Actions>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    once: Option<bool>,
    #[serde(default)]
    #[schema(inline)]
    per_day: Change<PerDay>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    priority: Option<Priority>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

/// When a rule holds besides what was said.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConditionsView {
    pub(in crate::web) hours: Vec<WindowView>,
    pub(in crate::web) tags: Vec<String>,
    pub(in crate::web) without_tags: Vec<String>,
    pub(in crate::web) bought_before: Option<bool>,
    pub(in crate::web) first_contact: Option<bool>,
}

/// A keyword rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct KeywordView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: RuleId,
    /// `null`: among the rules that all accounts share.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    /// Of a shared rule: only for these; empty: for all.
    #[schema(value_type = Vec<i64>)]
    pub(in crate::web) only_accounts: Vec<AccountId>,
    /// Empty: for every item.
    #[schema(value_type = Vec<String>)]
    pub(in crate::web) item_ids: Vec<ItemId>,
    pub(in crate::web) keyword: String,
    #[serde(rename = "match")]
    #[schema(value_type = MatchBody, inline)]
    pub(in crate::web) matching: Matching,
    pub(in crate::web) any_of: Vec<String>,
    pub(in crate::web) all_of: Vec<String>,
    pub(in crate::web) exclude: Vec<String>,
    pub(in crate::web) conditions: ConditionsView,
    #[schema(value_type = Vec<ActionBody>)]
    pub(in crate::web) actions: Vec<Action>,
    pub(in crate::web) once: bool,
    pub(in crate::web) per_day: Option<u32>,
    pub(in crate::web) priority: i32,
    pub(in crate::web) enabled: bool,
    /// Absent in what a version or a draft changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, nullable = false)]
    pub(super) created_at: Option<Timestamp>,
}

/// A default reply.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DefaultReplyView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: RuleId,
    /// `null`: among the rules that all accounts share.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    /// Of a shared one: only for these; empty: for all.
    #[schema(value_type = Vec<i64>)]
    pub(in crate::web) only_accounts: Vec<AccountId>,
    /// Empty: for every item.
    #[schema(value_type = Vec<String>)]
    pub(in crate::web) item_ids: Vec<ItemId>,
    pub(in crate::web) conditions: ConditionsView,
    #[schema(value_type = Vec<ActionBody>)]
    pub(in crate::web) actions: Vec<Action>,
    pub(in crate::web) once: bool,
    pub(in crate::web) per_day: Option<u32>,
    pub(in crate::web) enabled: bool,
    /// Absent in what a version or a draft changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, nullable = false)]
    pub(super) created_at: Option<Timestamp>,
}

/// A rule for an event.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EventRuleView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: RuleId,
    /// `null`: among the rules that all accounts share.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    /// Of a shared one: only for these; empty: for all.
    #[schema(value_type = Vec<i64>)]
    pub(in crate::web) only_accounts: Vec<AccountId>,
    /// Empty: for every item.
    #[schema(value_type = Vec<String>)]
    pub(in crate::web) item_ids: Vec<ItemId>,
    #[schema(value_type = TriggerBody, inline)]
    pub(in crate::web) trigger: Trigger,
    pub(in crate::web) silent_minutes: Option<u32>,
    pub(in crate::web) delay_s: u32,
    pub(in crate::web) conditions: ConditionsView,
    #[schema(value_type = Vec<ActionBody>)]
    pub(in crate::web) actions: Vec<Action>,
    pub(in crate::web) once: bool,
    pub(in crate::web) per_day: Option<u32>,
    pub(in crate::web) priority: i32,
    pub(in crate::web) enabled: bool,
    /// Absent in what a version or a draft changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, nullable = false)]
    pub(super) created_at: Option<Timestamp>,
}

impl From<Conditions> for ConditionsView {
    fn from(conditions: Conditions) -> Self {
        let Conditions { hours, tags, without_tags, bought_before, first_contact } = conditions;
        let hours = hours.into_iter().map(WindowView::from).collect();
        Self { hours, tags, without_tags, bought_before, first_contact }
    }
}

impl From<Rule> for KeywordView {
    fn from(Rule { id, body, created_at }: Rule) -> Self {
        Self {
            id,
            account_id: body.account,
            only_accounts: body.accounts,
            item_ids: body.items,
            keyword: body.keyword,
            matching: body.matching,
            any_of: body.any_of,
            all_of: body.all_of,
            exclude: body.exclude,
            conditions: body.conditions.into(),
            actions: body.actions,
            once: body.once,
            per_day: body.per_day,
            priority: body.priority,
            enabled: body.enabled,
            created_at: Some(created_at),
        }
    }
}

impl From<Rule> for DefaultReplyView {
    fn from(Rule { id, body, created_at }: Rule) -> Self {
        Self {
            id,
            account_id: body.account,
            only_accounts: body.accounts,
            item_ids: body.items,
            conditions: body.conditions.into(),
            actions: body.actions,
            once: body.once,
            per_day: body.per_day,
            enabled: body.enabled,
            created_at: Some(created_at),
        }
    }
}

impl From<Rule> for EventRuleView {
    fn from(Rule { id, body, created_at }: Rule) -> Self {
        Self {
            id,
            account_id: body.account,
            only_accounts: body.accounts,
            item_ids: body.items,
            trigger: body.trigger,
            silent_minutes: (body.trigger == Trigger::Silent).then_some(body.silent_minutes),
            delay_s: body.delay_s,
            conditions: body.conditions.into(),
            actions: body.actions,
            once: body.once,
            per_day: body.per_day,
            priority: body.priority,
            enabled: body.enabled,
            created_at: Some(created_at),
        }
    }
}

/// Whether the API would take these fields: how long and how many they may be is said once, above.
pub(super) fn check(rule: &RuleBody) -> ApiResult<()> {
    let shown = Rule { id: RuleId(0), body: rule.clone(), created_at: Timestamp(0) };
    match Kind::of(rule) {
        Kind::Keyword => read_value::<NewKeyword>(given_again(KeywordView::from(shown)))?.read(),
        Kind::DefaultReply => read_value::<NewDefaultReply>(given_again(DefaultReplyView::from(shown)))?.read(),
        Kind::Event => read_value::<NewEventRule>(given_again(EventRuleView::from(shown)))?.read(),
    }
    .map(drop)
}

/// What was told of a rule, as somebody would give it.
fn given_again(view: impl Serialize) -> Value {
    // What is answered as JSON can be written as JSON.
    let mut value = serde_json::to_value(view).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("id");
        fields.shift_remove("created_at");
    }
    value
}

fn contains() -> MatchBody {
    MatchBody::Contains
}

impl From<MatchBody> for Matching {
    fn from(body: MatchBody) -> Self {
        match body {
            MatchBody::Contains => Self::Contains,
            MatchBody::Exact => Self::Exact,
            MatchBody::Regex => Self::Regex,
        }
    }
}

impl From<TriggerBody> for Trigger {
    fn from(body: TriggerBody) -> Self {
        match body {
            TriggerBody::OrderPlaced => Self::OrderPlaced,
            TriggerBody::OrderPaid => Self::OrderPaid,
            TriggerBody::OrderShipped => Self::OrderShipped,
            TriggerBody::OrderReceived => Self::OrderReceived,
            TriggerBody::OrderRefunding => Self::OrderRefunding,
            TriggerBody::OrderRefunded => Self::OrderRefunded,
            TriggerBody::OrderClosed => Self::OrderClosed,
            TriggerBody::Silent => Self::Silent,
        }
    }
}

pub(super) fn account(number: Option<Number>) -> Option<AccountId> {
    number.map(|number| AccountId(number.get()))
}

fn accounts(numbers: Accounts) -> Vec<AccountId> {
    numbers.into_vec().into_iter().map(|number| AccountId(number.get())).collect()
}

fn items(lines: Items) -> Vec<ItemId> {
    lines.into_vec().into_iter().map(|id| id.into_string().into()).collect()
}

fn lines<const MAX: usize, const LONGEST: usize>(words: Few<Line<1, LONGEST>, MAX>) -> Vec<String> {
    words.into_vec().into_iter().map(Line::into_string).collect()
}

fn actions(bodies: Actions) -> Vec<Action> {
    let action = |body| match body {
        ActionBody::Text(text) => Action::Text(text.into_string()),
        ActionBody::Image(url) => Action::Image(url.into_string()),
        ActionBody::Pause(minutes) => Action::Pause(small(minutes.get())),
        ActionBody::Tag(tag) => Action::Tag(tag.into_string()),
        ActionBody::Untag(tag) => Action::Untag(tag.into_string()),
        ActionBody::Notify(text) => Action::Notify(text.into_string()),
        ActionBody::HandOver(to) => Action::HandOver(to.map(|id| UserId(id.get()))),
    };
    bodies.into_vec().into_iter().map(action).collect()
}

/// The types bound these numbers.
fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn priority(number: Priority) -> i32 {
    // The type bounds it.
    i32::try_from(number.get()).unwrap_or(0)
}

fn per_day(most: PerDay) -> u32 {
    small(most.get())
}

impl ConditionsBody {
    fn read(self) -> ApiResult<Conditions> {
        Ok(Conditions {
            hours: windows(self.hours, "conditions.hours")?,
            tags: lines(self.tags),
            without_tags: lines(self.without_tags),
            bought_before: self.bought_before,
            first_contact: self.first_contact,
        })
    }
}

fn conditions(given: Option<ConditionsBody>, old: Conditions) -> ApiResult<Conditions> {
    given.map_or(Ok(old), ConditionsBody::read)
}

impl NewKeyword {
    pub(super) fn read(self) -> ApiResult<RuleBody> {
        Ok(RuleBody {
            account: account(self.account_id),
            accounts: accounts(self.only_accounts),
            items: items(self.item_ids),
            matching: self.matching.into(),
            keyword: self.keyword.into_string(),
            any_of: lines(self.any_of),
            all_of: lines(self.all_of),
            exclude: lines(self.exclude),
            conditions: self.conditions.read()?,
            actions: actions(self.actions),
            once: self.once,
            per_day: self.per_day.map(per_day),
            priority: self.priority.map_or(0, priority),
            enabled: self.enabled.unwrap_or(true),
            ..RuleBody::default()
        })
    }
}

impl NewDefaultReply {
    pub(super) fn read(self) -> ApiResult<RuleBody> {
        Ok(RuleBody {
            account: account(self.account_id),
            accounts: accounts(self.only_accounts),
            items: items(self.item_ids),
            matching: Matching::Default,
            conditions: self.conditions.read()?,
            actions: actions(self.actions),
            once: self.once,
            per_day: self.per_day.map(per_day),
            enabled: self.enabled.unwrap_or(true),
            ..RuleBody::default()
        })
    }
}

impl NewEventRule {
    pub(super) fn read(self) -> ApiResult<RuleBody> {
        Ok(RuleBody {
            account: account(self.account_id),
            accounts: accounts(self.only_accounts),
            items: items(self.item_ids),
            trigger: self.trigger.into(),
            silent_minutes: self.silent_minutes.map_or(0, |minutes| small(minutes.get())),
            matching: Matching::Default,
            delay_s: self.delay_s.map_or(0, |seconds| small(seconds.get())),
            conditions: self.conditions.read()?,
            actions: actions(self.actions),
            once: self.once,
            per_day: self.per_day.map(per_day),
            priority: self.priority.map_or(0, priority),
            enabled: self.enabled.unwrap_or(true),
            ..RuleBody::default()
        })
    }
}

impl KeywordPatch {
    pub(super) fn apply(self, old: RuleBody) -> ApiResult<RuleBody> {
        Ok(RuleBody {
            account: self.account_id.map(|id| AccountId(id.get())).or(old.account),
            accounts: self.only_accounts.map_or(old.accounts, accounts),
            items: self.item_ids.map_or(old.items, items),
            matching: self.matching.map_or(old.matching, Matching::from),
            keyword: self.keyword.map_or(old.keyword, Text::into_string),
            any_of: self.any_of.map_or(old.any_of, lines),
            all_of: self.all_of.map_or(old.all_of, lines),
            exclude: self.exclude.map_or(old.exclude, lines),
            conditions: conditions(self.conditions, old.conditions)?,
            actions: self.actions.map_or(old.actions, actions),
            once: self.once.unwrap_or(old.once),
            per_day: self.per_day.map(per_day).or(old.per_day),
            priority: self.priority.map_or(old.priority, priority),
            enabled: self.enabled.unwrap_or(old.enabled),
            ..old
        })
    }
}

impl DefaultReplyPatch {
    pub(super) fn apply(self, old: RuleBody) -> ApiResult<RuleBody> {
        Ok(RuleBody {
            account: self.account_id.map(|id| AccountId(id.get())).or(old.account),
            accounts: self.only_accounts.map_or(old.accounts, accounts),
            items: self.item_ids.map_or(old.items, items),
            conditions: conditions(self.conditions, old.conditions)?,
            actions: self.actions.map_or(old.actions, actions),
            once: self.once.unwrap_or(old.once),
            per_day: self.per_day.map(per_day).or(old.per_day),
            enabled: self.enabled.unwrap_or(old.enabled),
            ..old
        })
    }
}

impl EventRulePatch {
    pub(super) fn apply(self, old: RuleBody) -> ApiResult<RuleBody> {
        let silent_minutes = self.silent_minutes.map(|minutes| small(minutes.get()));
        let was_silent = (old.silent_minutes != 0).then_some(old.silent_minutes);
        Ok(RuleBody {
            account: self.account_id.map(|id| AccountId(id.get())).or(old.account),
            accounts: self.only_accounts.map_or(old.accounts, accounts),
            items: self.item_ids.map_or(old.items, items),
            trigger: self.trigger.map_or(old.trigger, Trigger::from),
            silent_minutes: silent_minutes.or(was_silent).unwrap_or(0),
            delay_s: self.delay_s.map_or(old.delay_s, |seconds| small(seconds.get())),
            conditions: conditions(self.conditions, old.conditions)?,
            actions: self.actions.map_or(old.actions, actions),
            once: self.once.unwrap_or(old.once),
            per_day: self.per_day.map(per_day).or(old.per_day),
            priority: self.priority.map_or(old.priority, priority),
            enabled: self.enabled.unwrap_or(old.enabled),
            ..old
        })
    }
}
