//! What happens to orders, as the reply actor is told of it.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::{
    tests::{Replies, said},
    *,
};
use crate::{
    order::{event::OrderEvent, messages::OrderHappened, notice::Notice},
    reply::rule::{Action, Deed, Matching, Rule, RuleBody, Trigger},
    store::{
        Page, audit, bargains, buyer_tags,
        chat_messages::{self, NewMessage},
        order_events,
        rule_events::{self, Finished},
        rules,
    },
    testbed::rule,
};

const SECOND: Duration = Duration::from_secs(1);

/// Stored as the inbox stores it.
async fn stored(replies: &Replies, conversation: &str, order: &str, event: OrderEvent) -> OrderHappened {
    let notice = Notice {
        message: format!("{order}.PNM").into(),
        conversation: conversation.into(),
        order: Some(order.into()),
        event,
        buyer: Some("3300001".into()),
        item: None,
        at: clock::unix(),
    };
    let account = replies.facts.id;
    replies.bed.write(move |conn| order_events::insert(conn, account, &notice, clock::unix())).await.happened.unwrap()
}

async fn unhandled(replies: &Replies) -> usize {
    let account = replies.facts.id;
    replies.bed.write(move |conn| order_events::unhandled(conn, account, clock::unix())).await.len()
}

/// A3: whoever paid begins a new deal with the next word about a price.
#[actix::test]
async fn a3_the_end_of_an_order_ends_its_bargaining_and_no_others() {
    let replies = Replies::start().await;
    let account = replies.facts.id;
    let bargain = Bargain { item: None, rounds: 3, last_at: clock::unix() };
    let row = |conversation: &str| bargains::BargainRow {
        account,
        conversation: conversation.into(),
        bargain: bargain.clone(),
    };
    let rows = ["1", "2", "3"].map(row);
    replies.bed.write(move |conn| bargains::put_many(conn, &rows)).await;
    let paid = stored(&replies, "1", "25", OrderEvent::Paid).await;
    let placed = stored(&replies, "2", "26", OrderEvent::Placed).await;
    assert_eq!(unhandled(&replies).await, 2);
    for event in [paid, placed] {
        replies.actor.send(event).await.unwrap();
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(unhandled(&replies).await, 0);
    let ids = ["1", "2", "3"].map(Into::into);
    let left = replies.bed.write(move |conn| bargains::list(conn, account, &ids)).await;
    let left: Vec<_> = left.into_iter().map(|row| row.conversation.to_string()).collect();
    assert_eq!(left, ["2", "3"]);
}

/// D14: of an account that was let go meanwhile it stays for whoever takes the account in.
#[actix::test]
async fn d14_an_event_of_an_account_that_is_gone_stays_unhandled() {
    let replies = Replies::start().await;
    let paid = stored(&replies, "1", "25", OrderEvent::Paid).await;
    replies.actor.send(DropAccount(replies.facts.id)).await.unwrap();
    replies.actor.send(paid).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(unhandled(&replies).await, 1);
}

/// A rule that is stored, as rules for events must be.
async fn waiting(replies: &Replies, trigger: Trigger, change: impl FnOnce(&mut RuleBody)) -> Rule {
    let mut body = RuleBody {
        trigger,
        matching: Matching::Default,
        actions: vec![Action::Text("谢谢{send_user_name}".into())],
        ..RuleBody::default()
    };
    change(&mut body);
    let (scope, stored) = (replies.bed.scope(), body.clone());
    let insert = move |conn: &mut DbConn| rules::insert(conn, &scope, &stored, &audit::Actor::system(), clock::unix());
    let id = replies.bed.write(insert).await.unwrap();
    Rule { id, body, created_at: clock::unix() }
}

/// What rules for events are to do: in how many seconds, and what came of it.
async fn plans(replies: &Replies) -> Vec<(u64, Option<String>)> {
    let (scope, now) = (replies.bed.scope(), clock::unix());
    let read =
        move |conn: &mut DbConn| rule_events::page(conn, &scope, &rule_events::Filter::default(), Page::first(9));
    let (rows, _) = replies.bed.write(read).await;
    rows.into_iter().map(|row| (row.due_at.since(now).as_secs(), row.reason)).collect()
}

/// What the outbox does with a decision.
async fn finish(replies: &Replies, decided: &Decided) {
    let finished = Finished {
        id: decided.event.unwrap(),
        at: clock::unix(),
        reason: decided.verdict.reason.clone(),
        trail: decided.verdict.trail.to_text(),
    };
    replies.bed.write(move |conn| rule_events::finish_many(conn, &[finished])).await;
}

#[actix::test]
async fn a_rule_for_an_event_is_done_once_after_its_delay_with_what_it_does_besides() {
    let mut replies = Replies::start().await;
    let thanks = waiting(&replies, Trigger::OrderPaid, |body| {
        body.delay_s = 60;
        body.actions.extend([Action::Tag("已下单".into()), Action::Pause(5)]);
    })
    .await;
    replies.rules(&[thanks.clone(), rule(900, "在", "在的")], &[]).await;
    assert_eq!(replies.answer("1", None).await, "在的");
    let paid = stored(&replies, "1", "25", OrderEvent::Paid).await;
    replies.actor.send(paid.clone()).await.unwrap();
    assert!(replies.decided.is_quiet_for(59 * SECOND).await);
    assert_eq!((unhandled(&replies).await, plans(&replies).await.len()), (0, 1));
    let decided = replies.decided.next().await;
    assert_eq!((said(&decided), decided.verdict.rule), ("谢谢buyer".to_owned(), Some(thanks.id)));
    let effects = decided.done.as_ref().unwrap().effects.clone();
    assert_eq!(effects.deeds, [Deed::Tag("已下单".into()), Deed::Pause { minutes: 5 }]);
    assert!(replies.decided.is_quiet_for(30 * SECOND).await, "it is on its way to the database");
    finish(&replies, &decided).await;
    replies.actor.send(paid).await.unwrap();
    assert!(replies.decided.is_quiet_for(200 * SECOND).await, "told again, it is the same event");
    assert_eq!(plans(&replies).await, [(0, Some("rule".to_owned()))]);
    assert_eq!(replies.answer("1", None).await, "seller_took_over", "paused by the rule");
}

#[actix::test]
async fn what_was_planned_is_done_after_a_restart_and_never_long_after_its_time() {
    let replies = Replies::start().await;
    let thanks = waiting(&replies, Trigger::OrderShipped, |body| body.delay_s = 600).await;
    replies.rules(std::slice::from_ref(&thanks), &[]).await;
    for (conversation, order) in [("1", "25"), ("2", "26")] {
        let shipped = stored(&replies, conversation, order, OrderEvent::Shipped).await;
        replies.actor.send(shipped).await.unwrap();
    }
    tokio::time::sleep(SECOND).await;
    let account = replies.facts.id;
    replies.actor.send(DropAccount(account)).await.unwrap();
    let mut replies = replies.restart().await;
    replies.rules(std::slice::from_ref(&thanks), &[]).await;
    assert!(replies.decided.is_quiet_for(590 * SECOND).await);
    let decided = replies.decided.next().await;
    assert_eq!(said(&decided), "谢谢");
    finish(&replies, &decided).await;
    // The other one is decided and not stored when the process dies; the next process comes up an hour too late.
    replies.decided.next().await;
    replies.actor.send(DropAccount(account)).await.unwrap();
    tokio::time::sleep(3700 * SECOND).await;
    let mut replies = replies.restart().await;
    replies.rules(std::slice::from_ref(&thanks), &[]).await;
    assert!(replies.decided.is_quiet_for(30 * SECOND).await);
    let mut reasons: Vec<_> = plans(&replies).await.into_iter().map(|(_, reason)| reason.unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["rule", "too_old"]);
}

#[actix::test]
async fn silence_counts_from_the_last_word_and_is_met_once_until_the_buyer_writes_again() {
    let mut replies = Replies::start().await;
    let reminder = waiting(&replies, Trigger::Silent, |body| body.silent_minutes = 10).await;
    replies.rules(&[reminder.clone(), rule(900, "在", "在的")], &[]).await;
    replies.say("1", None).await;
    let turn = replies.decided.next().await;
    let (account, waits) = (replies.facts.id, turn.silence.unwrap());
    let wait = move |conn: &mut DbConn| rule_events::wait_anew(conn, account, &"1".into(), &waits);
    replies.bed.write(wait).await;
    let own = NewMessage {
        account,
        message: "2.PNM".into(),
        conversation: "1".into(),
        sender: replies.facts.uid.clone(),
        sender_name: None,
        content_type: 1,
        text: "好的".into(),
        item: None,
        sent_at: clock::unix() + 300 * SECOND,
        received_at: clock::unix(),
        source: chat_messages::Source::Push,
        decision: None,
        reason: None,
        needs_person: false,
        decided_at: None,
    };
    replies.bed.write(move |conn| chat_messages::insert_new(conn, &[own])).await;
    assert!(replies.decided.is_quiet_for(890 * SECOND).await, "somebody wrote after five minutes");
    let decided = replies.decided.next().await;
    assert_eq!((said(&decided), decided.verdict.rule), ("谢谢buyer".to_owned(), Some(reminder.id)));
    finish(&replies, &decided).await;
    assert!(replies.decided.is_quiet_for(3600 * SECOND).await);
}

#[actix::test]
async fn conditions_limits_and_switches_hold_for_events_too() {
    let mut replies = Replies::start().await;
    let new_buyers = waiting(&replies, Trigger::OrderPlaced, |body| {
        body.conditions.without_tags = vec!["同行".into()];
        body.per_day = Some(1);
    })
    .await;
    let others = waiting(&replies, Trigger::OrderPlaced, |body| {
        body.priority = -1;
        body.actions = vec![Action::Text("您好".into())];
    })
    .await;
    replies.rules(&[new_buyers, others.clone()], &[]).await;
    let mut orders = 25..;
    let mut place = async |replies: &mut Replies| {
        let order = orders.next().unwrap().to_string();
        let placed = stored(replies, "1", &order, OrderEvent::Placed).await;
        replies.actor.send(placed).await.unwrap();
        let decided = replies.decided.next().await;
        finish(replies, &decided).await;
        said(&decided)
    };
    assert_eq!(place(&mut replies).await, "谢谢");
    assert_eq!(place(&mut replies).await, "您好", "once a day, and then the next rule");
    tokio::time::sleep(24 * 3600 * SECOND).await;
    assert_eq!(place(&mut replies).await, "谢谢");
    let (owner, now) = (replies.bed.scope().user(), clock::unix());
    let tag = move |conn: &mut DbConn| buyer_tags::add(conn, owner, &"3300001".into(), "同行", now);
    assert!(replies.bed.write(tag).await);
    tokio::time::sleep(24 * 3600 * SECOND).await;
    replies.actor.send(BuyersChanged).await.unwrap();
    assert_eq!(place(&mut replies).await, "您好");
    replies.rules(&[others], &["3300001"]).await;
    assert_eq!(place(&mut replies).await, "blocked");
}
