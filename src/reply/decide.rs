//! Whether a turn is answered, with what, and why: one pure function.

use std::{collections::HashSet, time::Duration};

pub use super::silence::Silence;
use super::{
    matcher::RuleBook,
    rule::{Reply, Rule},
    template::{Variables, render},
    text::TurnText,
};
use crate::{
    ids::{BuyerId, ItemId, MessageId, RuleId, Timestamp},
    platform::lwp::event::{Content, Message},
};

/// What a buyer said in one conversation before falling quiet.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// In the order they arrived.
    pub messages: Vec<TurnMessage>,
    pub item: Option<ItemId>,
    pub buyer: BuyerId,
    /// Empty where the platform did not say it.
    pub buyer_name: String,
    pub group: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TurnMessage {
    pub id: MessageId,
    pub kind: Kind,
    /// What was typed, or the platform's display text.
    pub text: String,
    pub sent_at: Timestamp,
}

/// What a message is, as far as answering goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A picture, voice message or sticker: `text` is only what a phone would show for it.
    Media,
    /// The platform speaks in somebody's name: a system sentence, a tip, a card.
    Platform,
}

impl Kind {
    pub fn of(message: &Message) -> Self {
        match &message.content {
            _ if !message.is_written_by_a_person() => Self::Platform,
            Content::Text { .. } => Self::Text,
            Content::Image { .. } | Content::Voice | Content::Sticker | Content::Other => Self::Media,
            Content::Tip { .. } | Content::Card(_) => Self::Platform,
        }
    }

    /// The kind of a message that was stored: from the platform's content type, of which 1–5 are what people write and 1 is text.
    pub fn from_content_type(content_type: i64) -> Self {
        match content_type {
            1 => Self::Text,
            2..=5 => Self::Media,
            _ => Self::Platform,
        }
    }
}

/// What is known besides the turn.
#[derive(Debug, Clone, Copy)]
pub struct State<'a> {
    pub now: Timestamp,
    /// Messages sent longer ago are not answered.
    pub age_limit: Duration,
    pub side: Side,
    pub blocked: bool,
    /// The seller took the conversation over until then.
    pub paused_until: Option<Timestamp>,
    /// When the seller last wrote here by hand.
    pub seller_wrote_at: Option<Timestamp>,
    /// Rules with `once` that were used in this conversation.
    pub used_once: &'a HashSet<RuleId>,
    pub item_title: Option<&'a str>,
}

/// Which side of the conversation our account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Seller,
    Buyer,
    /// The item's seller could not be found out.
    Unknown,
}

/// What happens with a turn, and why.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    Silent(Silence),
    Answer {
        rule: RuleId,
        source: Source,
        /// Never empty; in this order, variables filled in.
        sends: Vec<Reply>,
        /// The rule answers once in a conversation: remember it, and forget it if the buyer never gets the answer.
        once: bool,
    },
}

/// What kind of rule answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Rule,
    Default,
}

/// Decides about a turn. The checks, in this order; the first that holds is the reason:
///
/// 1. a group chat, nothing a person wrote, our account being the buyer or its side unknown, a blocked buyer: silent;
/// 2. the seller took over, or wrote after the buyer's last message: silent;
/// 3. messages older than the age limit do not count; if none is left: silent, a person should look;
/// 4. the best rule that holds for the other messages, except rules with `once` that were used here: its replies, or silence if it has none;
/// 5. the narrowest default reply, for messages of every kind. One that was given and is given once is not replaced by a wider one: silent.
pub fn decide(turn: &Turn, book: &RuleBook, state: &State<'_>) -> Decision {
    match answer(turn, book, state) {
        Ok(answer) => answer,
        Err(silence) => Decision::Silent(silence),
    }
}

fn answer(turn: &Turn, book: &RuleBook, state: &State<'_>) -> Result<Decision, Silence> {
    let written = written_by_a_buyer(turn, state)?;
    let latest = written.iter().map(|message| message.sent_at).max();
    leave_to_the_seller(latest, state)?;
    let fresh = fresh(written, state)?;
    let used = |rule: &Rule| rule.once && state.used_once.contains(&rule.id);
    if let Some(found) = book.find(&text_of(&fresh), turn.item.as_ref(), |rule| !used(rule)) {
        return say(&found.rule, Source::Rule, turn, &fresh, state);
    }
    let default = book.default_for(turn.item.as_ref()).ok_or(Silence::NoRule)?;
    if used(default) {
        return Err(Silence::AlreadyAnsweredOnce { rule: default.id });
    }
    say(default, Source::Default, turn, &fresh, state)
}

fn written_by_a_buyer<'a>(turn: &'a Turn, state: &State<'_>) -> Result<Vec<&'a TurnMessage>, Silence> {
    if turn.group {
        return Err(Silence::GroupChat);
    }
    let written: Vec<_> = turn.messages.iter().filter(|message| message.kind != Kind::Platform).collect();
    if written.is_empty() {
        return Err(Silence::NotAPerson);
    }
    match state.side {
        Side::Buyer => Err(Silence::BuyerSide),
        Side::Unknown => Err(Silence::SideUnknown),
        Side::Seller if state.blocked => Err(Silence::Blocked),
        Side::Seller => Ok(written),
    }
}

fn leave_to_the_seller(latest: Option<Timestamp>, state: &State<'_>) -> Result<(), Silence> {
    if let Some(until) = state.paused_until.filter(|until| *until > state.now) {
        return Err(Silence::SellerTookOver { until });
    }
    if state.seller_wrote_at > latest {
        return Err(Silence::SellerAnswered);
    }
    Ok(())
}

fn fresh<'a>(written: Vec<&'a TurnMessage>, state: &State<'_>) -> Result<Vec<&'a TurnMessage>, Silence> {
    let fresh: Vec<_> =
        written.into_iter().filter(|message| state.now.since(message.sent_at) <= state.age_limit).collect();
    if fresh.is_empty() { Err(Silence::TooOld) } else { Ok(fresh) }
}

fn text_of(messages: &[&TurnMessage]) -> TurnText {
    let mut text = TurnText::default();
    for message in messages {
        match message.kind {
            Kind::Text => text.push_typed(&message.text),
            Kind::Media => text.push_shown(&message.text),
            Kind::Platform => {}
        }
    }
    text
}

fn say(
    rule: &Rule,
    source: Source,
    turn: &Turn,
    said: &[&TurnMessage],
    state: &State<'_>,
) -> Result<Decision, Silence> {
    let message = said.iter().map(|message| message.text.as_str()).collect::<Vec<_>>().join("\n");
    let variables = Variables {
        send_user_name: &turn.buyer_name,
        send_user_id: turn.buyer.as_str(),
        send_message: &message,
        item_id: turn.item.as_ref().map_or("", ItemId::as_str),
        item_title: state.item_title.unwrap_or_default(),
    };
    let sends: Vec<_> = rule.replies.iter().filter_map(|reply| fill_in(reply, &variables)).collect();
    if sends.is_empty() {
        return Err(Silence::EmptyReply { rule: rule.id });
    }
    Ok(Decision::Answer { rule: rule.id, source, sends, once: rule.once })
}

/// `None` for what would reach the buyer as a blank.
fn fill_in(reply: &Reply, variables: &Variables<'_>) -> Option<Reply> {
    match reply {
        Reply::Text(text) => Some(render(text, variables)).filter(|text| !text.trim().is_empty()).map(Reply::Text),
        Reply::Image(url) => Some(url.trim()).filter(|url| !url.is_empty()).map(|url| Reply::Image(url.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{ids::AccountId, reply::rule::Matching};

    const NOW: Timestamp = Timestamp(1_760_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn rule(id: i64, matching: Matching, keyword: &str, replies: &[&str]) -> Rule {
        Rule {
            id: RuleId(id),
            account: None,
            item: None,
            matching,
            keyword: keyword.into(),
            any_of: vec![],
            all_of: vec![],
            exclude: vec![],
            replies: replies.iter().map(|text| Reply::Text((*text).into())).collect(),
            once: false,
            priority: 0,
            enabled: true,
            created_at: Timestamp(id),
        }
    }

    fn book(rules: impl IntoIterator<Item = Rule>) -> RuleBook {
        let rules: Vec<_> = rules.into_iter().map(Arc::new).collect();
        RuleBook::compile(AccountId(1), &rules).0
    }

    fn said(kind: Kind, text: &str) -> TurnMessage {
        TurnMessage { id: text.into(), kind, text: text.into(), sent_at: NOW }
    }

    fn turn(messages: Vec<TurnMessage>) -> Turn {
        Turn {
            messages,
            item: Some("900000000001".into()),
            buyer: "2200000000777".into(),
            buyer_name: "小明".into(),
            group: false,
        }
    }

    fn typed(text: &str) -> Turn {
        turn(vec![said(Kind::Text, text)])
    }

    fn state(used_once: &HashSet<RuleId>) -> State<'_> {
        State {
            now: NOW,
            age_limit: 5 * MINUTE,
            side: Side::Seller,
            blocked: false,
            paused_until: None,
            seller_wrote_at: None,
            used_once,
            item_title: Some("二手相机"),
        }
    }

    fn decision(turn: &Turn, book: &RuleBook) -> Decision {
        decide(turn, book, &state(&HashSet::new()))
    }

    fn texts(decision: Decision) -> Vec<String> {
        match decision {
            Decision::Silent(silence) => panic!("silent: {}", silence.code()),
            Decision::Answer { sends, .. } => sends
                .into_iter()
                .map(|send| match send {
                    Reply::Text(text) | Reply::Image(text) => text,
                })
                .collect(),
        }
    }

    /// A book that would answer anything.
    fn eager() -> RuleBook {
        book([rule(1, Matching::Default, "", &["hello"])])
    }

    #[test]
    fn a_rule_answers_with_all_its_replies_and_the_variables_filled_in() {
        let mut price = rule(1, Matching::Contains, "价", &["{send_user_name}：{item_title}", "{send_message}?"]);
        price.replies.insert(1, Reply::Image(" https://img.example.invalid/1.jpg ".into()));
        let turn = turn(vec![said(Kind::Text, "在吗"), said(Kind::Text, "什么价")]);

        let expected = ["小明：二手相机", "https://img.example.invalid/1.jpg", "在吗\n什么价?"];
        assert_eq!(texts(decision(&turn, &book([price]))), expected);
    }

    /// M9: a group chat is never answered, whatever the rules say.
    #[test]
    fn m9_group_chats_are_not_answered() {
        let turn = Turn { group: true, ..typed("hi") };
        assert_eq!(decision(&turn, &eager()), Decision::Silent(Silence::GroupChat));
    }

    #[test]
    fn each_reason_to_stay_silent_comes_in_its_order() {
        let used = HashSet::new();
        let mut state = State {
            side: Side::Buyer,
            blocked: true,
            paused_until: Some(NOW + MINUTE),
            seller_wrote_at: Some(NOW + MINUTE),
            age_limit: Duration::ZERO,
            now: NOW + Duration::from_millis(1),
            ..state(&used)
        };
        let silence = |state: &State<'_>| decide(&typed("hi"), &eager(), state);

        assert_eq!(silence(&state), Decision::Silent(Silence::BuyerSide));
        state.side = Side::Unknown;
        assert_eq!(silence(&state), Decision::Silent(Silence::SideUnknown));
        state.side = Side::Seller;
        assert_eq!(silence(&state), Decision::Silent(Silence::Blocked));
        state.blocked = false;
        assert_eq!(silence(&state), Decision::Silent(Silence::SellerTookOver { until: NOW + MINUTE }));
        state.paused_until = Some(state.now);
        assert_eq!(silence(&state), Decision::Silent(Silence::SellerAnswered));
        state.seller_wrote_at = Some(NOW - MINUTE);
        assert_eq!(silence(&state), Decision::Silent(Silence::TooOld));
        state.age_limit = MINUTE;
        assert_eq!(texts(silence(&state)), ["hello"]);
    }

    #[test]
    fn what_the_platform_says_is_not_answered() {
        let turn = turn(vec![said(Kind::Platform, "[我已拍下，待付款]")]);
        assert_eq!(decision(&turn, &eager()), Decision::Silent(Silence::NotAPerson));
    }

    #[test]
    fn only_the_fresh_messages_of_a_turn_are_answered() {
        let mut old = said(Kind::Text, "price");
        old.sent_at = NOW - 6 * MINUTE;
        let rules = book([
            rule(1, Matching::Contains, "price", &["5"]),
            rule(2, Matching::Contains, "size", &["{send_message}"]),
        ]);

        assert_eq!(decision(&turn(vec![old.clone()]), &rules), Decision::Silent(Silence::TooOld));
        assert!(Silence::TooOld.needs_person());
        assert_eq!(texts(decision(&turn(vec![old, said(Kind::Text, "size")]), &rules)), ["size"]);
    }

    #[test]
    fn a_rule_without_replies_silences_the_default_reply_too() {
        let rules = book([
            rule(1, Matching::Contains, "spam", &[]),
            rule(2, Matching::Contains, "blank", &[" ", "\n"]),
            rule(3, Matching::Default, "", &["hello"]),
        ]);
        assert_eq!(decision(&typed("spam"), &rules), Decision::Silent(Silence::EmptyReply { rule: RuleId(1) }));
        assert_eq!(decision(&typed("blank"), &rules), Decision::Silent(Silence::EmptyReply { rule: RuleId(2) }));
        assert_eq!(texts(decision(&typed("else"), &rules)), ["hello"]);
    }

    /// M13: the option `once` is honoured, and a disabled rule does nothing.
    #[test]
    fn m13_a_once_rule_gives_way_to_the_next_rule_when_it_was_used() {
        let once = Rule { once: true, priority: 1, ..rule(1, Matching::Contains, "hi", &["welcome"]) };
        let disabled = Rule { enabled: false, priority: 9, ..rule(2, Matching::Contains, "hi", &["never"]) };
        let rules = book([once, disabled, rule(3, Matching::Contains, "hi", &["again"])]);

        let first = decision(&typed("hi"), &rules);
        assert!(matches!(&first, Decision::Answer { rule: RuleId(1), once: true, source: Source::Rule, .. }));
        let second = decide(&typed("hi"), &rules, &state(&HashSet::from([RuleId(1)])));
        assert!(matches!(&second, Decision::Answer { rule: RuleId(3), once: false, .. }));
    }

    /// M13: an item's default reply that was given does not fall back to the wider one.
    #[test]
    fn m13_a_default_reply_given_once_is_not_replaced_by_a_wider_one() {
        let item = Rule {
            once: true,
            item: Some("900000000001".into()),
            ..rule(1, Matching::Default, "", &["about this item"])
        };
        let rules = book([item, rule(2, Matching::Default, "", &["hello"])]);

        assert_eq!(texts(decision(&typed("hi"), &rules)), ["about this item"]);
        let used = HashSet::from([RuleId(1)]);
        let second = decide(&typed("hi"), &rules, &state(&used));
        assert_eq!(second, Decision::Silent(Silence::AlreadyAnsweredOnce { rule: RuleId(1) }));
        let elsewhere = Turn { item: None, ..typed("hi") };
        assert_eq!(texts(decide(&elsewhere, &rules, &state(&used))), ["hello"]);
    }

    #[test]
    fn a_picture_gets_the_default_reply_and_no_rule_about_pictures() {
        let rules =
            book([rule(1, Matching::Contains, "图片", &["which?"]), rule(2, Matching::Default, "", &["hello"])]);
        let picture = turn(vec![said(Kind::Media, "[图片]")]);
        assert!(matches!(decision(&picture, &rules), Decision::Answer { source: Source::Default, .. }));
        let rules = book([rule(1, Matching::Contains, "[图片]", &["nice"])]);
        assert_eq!(texts(decision(&picture, &rules)), ["nice"]);
    }

    /// M15: whatever goes wrong, a buyer is told what the seller wrote or nothing.
    #[test]
    fn m15_a_faulty_rule_costs_silence_and_never_a_word_about_the_fault() {
        let faulty = [rule(1, Matching::Regex, "(", &["never"]), rule(2, Matching::Contains, " ", &["never"])];
        let (rules, faults) = RuleBook::compile(AccountId(1), &faulty.map(Arc::new));
        assert_eq!(faults.len(), 2);
        for text in ["(", " ", "hi", "{send_message}"] {
            assert_eq!(decision(&typed(text), &rules), Decision::Silent(Silence::NoRule));
        }
    }

    #[test]
    fn kinds_follow_the_content_type() {
        let kinds = [1, 2, 3, 5, 14, 26, 0, -1].map(Kind::from_content_type);
        let (text, media, platform) = (Kind::Text, Kind::Media, Kind::Platform);
        assert_eq!(kinds, [text, media, media, media, platform, platform, platform, platform]);
    }
}
