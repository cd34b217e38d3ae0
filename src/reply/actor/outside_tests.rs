//! Turns that wait for the seller's own program or for the AI.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::{
    tests::{Replies, WORK, said},
    *,
};
use crate::{
    ai::{
        dialect::Kind,
        intent::Intent,
        messages::AiAnswer,
        record::Unsent,
        settings::{AiChoices, Mode, Provider},
    },
    hook::request::HookSettings,
    order::{event::OrderEvent, messages::OrderHappened},
    reply::{
        outside::{AiWord, HookWord},
        rule::Reply,
        source::Source,
        trail::Found,
    },
    testbed::{let_run, rule},
};

const SECOND: Duration = Duration::from_secs(1);

fn provider() -> Provider {
    Provider {
        dialect: Kind::OpenAi,
        base_url: "https://ai.example/v1".into(),
        model: "m".into(),
        price_in: 0,
        price_out: 0,
    }
}

/// An account whose AI answers what no rule does.
async fn with_ai() -> Replies {
    let mut replies = Replies::start().await;
    let choices = AiChoices { mode: Some(Mode::Auto), provider: Some(provider()), ..AiChoices::default() };
    replies.answers.ai = choices.resolve(None, &AiChoices::default(), None).map(Arc::new);
    replies.rules(&[rule(1, "发货", "今天发")], &[]).await;
    replies
}

fn says(text: &str) -> AiAnswer {
    AiAnswer { word: AiWord::Says { text: text.into(), instead: None }, unsent: None, is_round: false }
}

fn found(decided: &Decided) -> Vec<(Source, Found)> {
    decided.verdict.trail.0.iter().map(|step| (step.source, step.found)).collect()
}

#[actix::test]
async fn what_no_rule_answers_the_ai_does_and_the_trail_tells() {
    let mut replies = with_ai().await;
    replies.say_text("1", None, "几点发货").await;
    assert_eq!(replies.verdict().await, "今天发");
    replies.say_text("1", None, "能用多久").await;
    let (asked, answer) = replies.ai.next().await;
    assert_eq!((asked.question.said, asked.question.own), (vec!["能用多久".to_owned()], replies.facts.uid.clone()));
    answer.send(says("三年没问题")).unwrap();
    let decided = replies.decided.next().await;
    assert_eq!((said(&decided).as_str(), decided.verdict.reason.as_str()), ("三年没问题", "ai"));
    let expected = [
        (Source::ItemRule, Found::Nothing),
        (Source::AccountRule, Found::Nothing),
        (Source::GlobalRule, Found::Nothing),
        (Source::Ai, Found::Answered),
    ];
    assert_eq!(found(&decided), expected);
}

/// A1, S: a provider that hangs keeps nobody waiting but whoever asked, and does not count as work of the shard.
#[actix::test]
async fn a1_a_hanging_provider_delays_nobody_else() {
    let mut replies = with_ai().await;
    replies.backlog.store(0, Ordering::Relaxed);
    replies.say("1", None).await;
    let (_asked, _answer) = replies.ai.next().await;
    assert_eq!(replies.backlog.load(Ordering::Relaxed), 0, "the inbox would slow down for all");
    replies.say_text("2", None, "发货").await;
    assert_eq!(replies.verdict().await, "今天发");
    assert!(replies.decided.is_quiet_for(60 * SECOND).await);
}

/// M8: what was said before is not lost when more is said.
#[actix::test]
async fn a_newer_turn_overtakes_an_unfinished_answer_and_both_are_answered_as_one() {
    let mut replies = with_ai().await;
    replies.backlog.store(0, Ordering::Relaxed);
    replies.say_text("1", None, "在吗").await;
    let (older, _answer) = replies.ai.next().await;
    replies.say_text("1", None, "能用多久").await;
    let (newer, answer) = replies.ai.next().await;
    assert!(older.gone.await.is_err(), "whoever was asked hears that nobody waits");
    assert_eq!(newer.question.said, ["在吗", "能用多久"]);
    answer.send(says("在的，三年")).unwrap();
    let decided = replies.decided.next().await;
    assert_eq!((said(&decided).as_str(), decided.messages), ("在的，三年", vec!["1.PNM".into(), "2.PNM".into()]));
    let_run().await;
    assert!(replies.decided.now().is_none());
    assert_eq!(replies.backlog.load(Ordering::Relaxed), 1, "one turn is on its way to the database");
}

#[actix::test]
async fn a_rule_that_answers_the_newer_turn_needs_no_ai() {
    let mut replies = with_ai().await;
    replies.say_text("1", None, "在吗").await;
    let (older, _answer) = replies.ai.next().await;
    replies.say_text("1", None, "几点发货").await;
    let decided = replies.decided.next().await;
    assert_eq!((said(&decided).as_str(), decided.messages.len()), ("今天发", 2));
    assert!(older.gone.await.is_err());
}

#[actix::test]
async fn a_seller_who_answers_while_the_ai_thinks_has_the_last_word() {
    let mut replies = with_ai().await;
    replies.say("1", None).await;
    let (_asked, answer) = replies.ai.next().await;
    let until = clock::unix() + 600 * SECOND;
    replies.actor.send(TookOver { account: replies.facts.id, conversation: "1".into(), until }).await.unwrap();
    answer.send(says("在的")).unwrap();
    assert_eq!(replies.verdict().await, "seller_took_over");
}

/// A3: rounds are counted one by one, per deal, and outlast a restart.
#[actix::test]
async fn a3_every_answer_about_the_price_is_one_round_of_its_deal() {
    let mut replies = with_ai().await;
    let round = || AiAnswer { is_round: true, ..says("最低95") };
    for rounds in 0..3 {
        replies.say("1", None).await;
        let (asked, answer) = replies.ai.next().await;
        assert_eq!(asked.question.rounds, rounds);
        answer.send(round()).unwrap();
        let bargain = replies.decided.next().await.bargain.unwrap();
        assert_eq!((bargain.rounds, bargain.item.as_ref()), (rounds + 1, None));
        let row = store::bargains::BargainRow { account: replies.facts.id, conversation: "1".into(), bargain };
        replies.bed.write(move |conn| store::bargains::put_many(conn, std::slice::from_ref(&row))).await;
    }
    replies.say("2", None).await;
    let (asked, answer) = replies.ai.next().await;
    assert_eq!(asked.question.rounds, 0, "another conversation");
    answer.send(says("不是价格")).unwrap();
    assert!(replies.decided.next().await.bargain.is_none());

    let answers = replies.answers.clone();
    let mut replies = replies.restart().await;
    replies.answers = answers;
    replies.rules(&[], &[]).await;
    replies.say("1", None).await;
    let (asked, _answer) = replies.ai.next().await;
    assert_eq!(asked.question.rounds, 3);
    // The deal is of another week: a new one begins.
    replies.bed.write(|conn| store::bargains::put_many(conn, &[])).await;
    tokio::time::sleep(Duration::from_hours(8 * 24)).await;
    replies.say("1", None).await;
    let (asked, _answer) = replies.ai.next().await;
    assert_eq!(asked.question.rounds, 0);
}

/// A3: what a person approved of is a round as well, also where nothing was known of bargaining, and what was counted here since is not lost.
#[actix::test]
async fn a3_rounds_that_people_approved_of_are_read_again() {
    let mut replies = with_ai().await;
    let account = replies.facts.id;
    let row = move |conversation: &str, rounds| store::bargains::BargainRow {
        account,
        conversation: conversation.into(),
        bargain: Bargain { item: None, rounds, last_at: clock::unix() },
    };
    for conversation in ["1", "2"] {
        replies.say(conversation, None).await;
        let (asked, answer) = replies.ai.next().await;
        assert_eq!(asked.question.rounds, 0);
        answer.send(says("在的")).unwrap();
        replies.decided.next().await;
    }
    let approved = row("1", 1);
    replies.bed.write(move |conn| store::bargains::put_many(conn, &[approved])).await;
    replies.actor.send(PausesChanged).await.unwrap();
    tokio::time::sleep(SECOND).await;
    let rounds = async |replies: &mut Replies, conversation: &str| {
        replies.say(conversation, None).await;
        let (asked, answer) = replies.ai.next().await;
        answer.send(AiAnswer { is_round: true, ..says("最低95") }).unwrap();
        replies.decided.next().await;
        asked.question.rounds
    };
    assert_eq!((rounds(&mut replies, "1").await, rounds(&mut replies, "2").await), (1, 0));
    // The second round of 1 is not stored yet, which is not that it was taken back.
    replies.actor.send(PausesChanged).await.unwrap();
    assert_eq!(rounds(&mut replies, "1").await, 2);
    let ended = move |conn: &mut DbConn| store::bargains::forget(conn, account, &"1".into());
    replies.bed.write(ended).await;
    tokio::time::sleep(SECOND).await;
    replies.actor.send(PausesChanged).await.unwrap();
    assert_eq!(rounds(&mut replies, "1").await, 0);
}

/// What is known of a buyer goes with the question.
#[actix::test]
async fn the_ai_is_told_who_asks() {
    let mut replies = with_ai().await;
    let owner = replies.facts.owner;
    let tag = move |conn: &mut DbConn| store::buyer_tags::add(conn, owner, &"3300001".into(), "爱砍价", Timestamp(1));
    replies.bed.write(tag).await;
    for first_contact in [true, false] {
        replies.say("1", None).await;
        let (asked, answer) = replies.ai.next().await;
        let buyer = asked.question.buyer;
        assert_eq!((buyer.tags, buyer.orders, buyer.first_contact), (vec!["爱砍价".to_owned()], 0, first_contact));
        answer.send(says("在的")).unwrap();
        replies.decided.next().await;
    }
}

/// How many turns the actor keeps that wait for something.
#[derive(Message)]
#[rtype(result = "usize")]
struct Kept;

impl Handler<Kept> for ReplyActor {
    type Result = usize;

    fn handle(&mut self, _: Kept, _: &mut Self::Context) -> usize {
        self.waiting.len() + self.unread.len() + self.asking.len() + self.queue.len()
    }
}

/// A7: there, every conversation left a lock behind for good.
#[actix::test]
async fn a7_nothing_waits_on_for_a_conversation_that_was_answered_overtaken_or_let_go() {
    let mut replies = with_ai().await;
    for number in 0..100 {
        replies.say(&format!("{number}"), None).await;
        let (_asked, answer) = replies.ai.next().await;
        assert_eq!(replies.actor.send(Kept).await.unwrap(), 1);
        answer.send(says("在的")).unwrap();
        replies.decided.next().await;
    }
    assert_eq!(replies.actor.send(Kept).await.unwrap(), 0);
    replies.say("1", None).await;
    let (_older, _answer) = replies.ai.next().await;
    replies.say_text("1", None, "几点发货").await;
    replies.decided.next().await;
    assert_eq!(replies.actor.send(Kept).await.unwrap(), 0, "a rule answered");
    replies.say("1", None).await;
    let (_asked, _answer) = replies.ai.next().await;
    replies.actor.send(DropAccount(replies.facts.id)).await.unwrap();
    assert_eq!(replies.actor.send(Kept).await.unwrap(), 0);
}

/// A3: the deal is over when its order is paid, also where it is remembered.
#[actix::test]
async fn a3_after_a_payment_a_new_deal_begins() {
    let mut replies = with_ai().await;
    replies.say("1", None).await;
    let (_asked, answer) = replies.ai.next().await;
    answer.send(AiAnswer { is_round: true, ..says("最低95") }).unwrap();
    replies.decided.next().await;
    let paid = OrderHappened {
        id: 1,
        account: replies.facts.id,
        conversation: "1".into(),
        buyer: None,
        item: None,
        order: None,
        event: OrderEvent::Paid,
        at: clock::unix(),
    };
    replies.actor.send(paid).await.unwrap();
    replies.say("1", None).await;
    let (asked, _answer) = replies.ai.next().await;
    assert_eq!(asked.question.rounds, 0);
}

#[actix::test]
async fn what_is_not_sent_is_stored_with_the_decision() {
    let mut replies = with_ai().await;
    let unsent = |waits| Some(Unsent { intent: Intent::Tech, text: "三年".into(), waits, is_round: false });
    replies.say("1", None).await;
    let (_asked, answer) = replies.ai.next().await;
    answer.send(AiAnswer { word: AiWord::Suggested, unsent: unsent(true), is_round: false }).unwrap();
    let decided = replies.decided.next().await;
    assert_eq!((said(&decided).as_str(), decided.verdict.needs_person), ("suggested", true));
    assert_eq!(decided.unsent, unsent(true));
    replies.say("1", None).await;
    let (_asked, answer) = replies.ai.next().await;
    answer.send(AiAnswer { word: AiWord::Recorded, unsent: unsent(false), is_round: false }).unwrap();
    let decided = replies.decided.next().await;
    assert_eq!((said(&decided).as_str(), decided.unsent), ("no_rule", unsent(false)));
}

#[actix::test]
async fn the_sellers_own_program_is_asked_before_any_rule() {
    let mut replies = Replies::start().await;
    let hook = HookSettings { url: "https://hook.example/".into(), secret: String::new() };
    replies.answers.hook = Some(Arc::new(hook));
    replies.rules(&[rule(1, "在", "在的")], &[]).await;
    replies.say("1", None).await;
    let (asked, answer) = replies.hook.next().await;
    assert_eq!((asked.turn.said.as_str(), &*asked.turn.account), ("在吗", &*replies.facts.name));
    answer.send(HookWord::Says(vec![Reply::Text("您好".into())])).unwrap();
    let decided = replies.decided.next().await;
    assert_eq!((said(&decided).as_str(), decided.verdict.reason.as_str()), ("您好", "hook"));
    for word in [HookWord::Nothing, HookWord::Failed("timeout")] {
        replies.say("1", None).await;
        replies.hook.next().await.1.send(word).unwrap();
        assert_eq!(replies.verdict().await, "在的");
    }
}

#[actix::test]
async fn an_account_that_is_let_go_asks_nobody_any_more() {
    let mut replies = with_ai().await;
    replies.say("1", None).await;
    let (asked, answer) = replies.ai.next().await;
    replies.actor.send(DropAccount(replies.facts.id)).await.unwrap();
    assert!(asked.gone.await.is_err());
    let _ = answer.send(says("在的"));
    let_run().await;
    assert!(replies.decided.now().is_none());
}

/// A second account of the same seller, which an AI answers as well.
async fn second_account(replies: &Replies) -> AccountFacts {
    let facts = replies.bed.account();
    replies.actor.send(Adopt(facts.clone())).await.unwrap().unwrap();
    let of = |id| {
        let (book, _) = crate::reply::matcher::RuleBook::compile(id, &[Arc::new(rule(1, "发货", "今天发"))]);
        (id, AccountRules { book, blocked: Arc::default(), answers: Arc::new(replies.answers.clone()) })
    };
    let loaded = HashMap::from([of(replies.facts.id), of(facts.id)]);
    replies.actor.send(RulesLoaded(Arc::new(loaded))).await.unwrap();
    facts
}

/// A thousand turns of one account, and one of another: the other's is thought about at once, the thousand by and by, in their order.
#[actix::test]
async fn a_flood_of_one_account_waits_in_line_and_another_account_does_not() {
    let mut replies = with_ai().await;
    let second = second_account(&replies).await;
    for number in 0..1000 {
        replies.send_turn(&format!("flood{number}"), "在吗");
    }
    replies.say_to(second.id, "other", "在吗").await;
    let mut asked = Vec::new();
    for _ in 0..=WORK {
        asked.push(replies.ai.next().await);
    }
    let accounts = |id| asked.iter().filter(|(asked, _)| asked.question.account == id).count();
    assert_eq!((accounts(replies.facts.id), accounts(second.id)), (WORK, 1));
    assert!(replies.ai.is_quiet_for(SECOND).await, "more of one account is in work than it has places");
    assert_eq!(replies.backlog.load(Ordering::Relaxed), 0, "what waits in line holds up the inbox");
    replies.say_to(second.id, "rule", "几点发货").await;
    assert_eq!(replies.verdict().await, "今天发");

    let first: Vec<_> = asked.iter().map(|(asked, _)| asked.question.conversation.to_string()).collect();
    assert!((0..WORK).all(|number| first.contains(&format!("flood{number}"))));
    let (asked, answer) = asked.swap_remove(0);
    answer.send(says("在的")).unwrap();
    assert_eq!(replies.decided.next().await.conversation, asked.question.conversation);
    let (next, _answer) = replies.ai.next().await;
    assert_eq!(next.question.conversation, format!("flood{WORK}").into());
}

/// What happens to an order is heard while turns wait to be begun.
#[actix::test]
async fn an_orders_event_goes_before_turns_that_wait() {
    let mut replies = with_ai().await;
    let account = replies.facts.id;
    let bargain = Bargain { item: None, rounds: 3, last_at: clock::unix() };
    let row = store::bargains::BargainRow { account, conversation: "1".into(), bargain };
    replies.bed.write(move |conn| store::bargains::put_many(conn, &[row])).await;
    replies.say_text("1", None, "几点发货").await;
    replies.decided.next().await;
    for number in 0..100 {
        replies.send_turn(&format!("flood{number}"), "几点发货");
    }
    replies.send_turn("1", "在吗");
    let paid = OrderHappened {
        id: 1,
        account,
        conversation: "1".into(),
        buyer: None,
        item: None,
        order: None,
        event: OrderEvent::Paid,
        at: clock::unix(),
    };
    replies.actor.send(paid).await.unwrap();
    let (asked, _answer) = replies.ai.next().await;
    assert_eq!(asked.question.rounds, 0, "the turn was begun before the event was heard");
}
