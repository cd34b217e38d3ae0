//! The inbox with a real database, a paused clock, and probes for its neighbours.
#![allow(clippy::unwrap_used)]

use tokio::sync::broadcast;

use super::*;
use crate::{
    ids::MessageId,
    order::event::OrderEvent,
    platform::lwp::event::Card,
    store::account_cursors,
    testbed::{Bed, Heard, PACE, chat, let_run, listening, own_chat},
};

const SECOND: Duration = Duration::from_secs(1);

struct Inbox {
    bed: Bed,
    facts: AccountFacts,
    actor: Addr<InboxActor>,
    turns: Heard<TurnSettled>,
    takeovers: Heard<TookOver>,
    orders: Heard<OrderHappened>,
    feed: broadcast::Receiver<FeedEvent>,
    backlog: Arc<AtomicUsize>,
    retired: Arc<AtomicBool>,
}

impl Inbox {
    /// With one account.
    async fn start() -> Self {
        let bed = Bed::paused();
        let facts = bed.account();
        let inbox = Self::start_on(bed, facts);
        inbox.adopt(&inbox.facts).await;
        inbox
    }

    fn start_on(bed: Bed, facts: AccountFacts) -> Self {
        let ((turn, turns), (takeover, takeovers), (order, orders)) = (listening(), listening(), listening());
        let (backlog, retired) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let feed = Feed::default();
        let watch = feed.watch();
        let actor = InboxActor::new(
            bed.store.clone(),
            feed,
            Neighbours { turns: turn, takeovers: takeover, orders: order, to_read: listening().0 },
            Metrics::default(),
            Figures::new("messages"),
            Arc::clone(&backlog),
            Arc::clone(&retired),
        )
        .start();
        Self { bed, facts, actor, turns, takeovers, orders, feed: watch, backlog, retired }
    }

    async fn adopt(&self, facts: &AccountFacts) {
        self.actor.send(Adopt(facts.clone())).await.unwrap().unwrap();
    }

    fn push(&self, messages: Vec<Message>) -> Ingest {
        let incoming = |message: Message| Incoming { own: message.sender == self.facts.uid, message };
        Ingest {
            account: self.facts.id,
            messages: messages.into_iter().map(incoming).collect(),
            source: Source::Push,
            cursor: None,
            notices: Vec::new(),
            unknown: Vec::new(),
        }
    }

    async fn take(&self, messages: Vec<Message>) {
        self.actor.send(self.push(messages)).await.unwrap().unwrap();
    }

    async fn stored(&self, conversation: &str) -> Vec<(String, Option<String>)> {
        let rows = self.bed.messages(self.facts.id, conversation).await;
        rows.into_iter().map(|row| (row.message.to_string(), row.decision)).collect()
    }

    async fn load(&self) -> Load {
        self.actor.send(Ping).await.unwrap()
    }

    async fn cursor(&self) -> Option<account_cursors::Cursor> {
        let id = self.facts.id;
        self.bed.write(move |conn| account_cursors::load(conn, id)).await
    }
}

fn ids(turn: &TurnSettled) -> Vec<&str> {
    turn.messages.iter().map(|message| message.id.as_str()).collect()
}

/// M7: store, then answer; who answers the platform waits for this.
#[actix::test]
async fn m7_a_push_is_answered_after_it_is_stored() {
    let inbox = Inbox::start().await;
    let held = inbox.bed.hold_writer();
    let answer = inbox.actor.send(inbox.push(vec![chat("1", "1.PNM", "在吗")]));
    let mut answer = std::pin::pin!(answer);
    assert!(futures_util::poll!(answer.as_mut()).is_pending());
    let_run().await;
    assert!(futures_util::poll!(answer.as_mut()).is_pending(), "answered before it is stored");
    drop(held);
    answer.await.unwrap().unwrap();
    assert_eq!(inbox.stored("1").await, [("1.PNM".to_owned(), None)]);
}

/// M1: every entry of a push.
#[actix::test]
async fn m1_every_message_of_a_push_is_stored_and_answered() {
    let mut inbox = Inbox::start().await;
    inbox.take(vec![chat("1", "1.PNM", "在吗"), chat("2", "2.PNM", "包邮吗"), chat("1", "3.PNM", "有货吗")]).await;
    assert_eq!(inbox.stored("1").await.len() + inbox.stored("2").await.len(), 3);
    let mut turns = [inbox.turns.next().await, inbox.turns.next().await];
    turns.sort_by(|one, other| one.conversation.cmp(&other.conversation));
    assert_eq!(turns.iter().map(ids).collect::<Vec<_>>(), [vec!["1.PNM", "3.PNM"], vec!["2.PNM"]]);
}

#[actix::test]
async fn a_copy_of_what_is_being_stored_is_not_acknowledged_before_it() {
    let mut inbox = Inbox::start().await;
    let held = inbox.bed.hold_writer();
    let first = inbox.actor.send(inbox.push(vec![chat("1", "1.PNM", "在吗")]));
    let copy = inbox.actor.send(inbox.push(vec![chat("1", "1.PNM", "在吗")]));
    let empty = inbox.actor.send(inbox.push(vec![]));
    let (mut copy, mut empty) = (std::pin::pin!(copy), std::pin::pin!(empty));
    let mut first = std::pin::pin!(first);
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    for _ in 0..2 {
        assert!(futures_util::poll!(copy.as_mut()).is_pending());
        assert!(futures_util::poll!(empty.as_mut()).is_pending());
        let_run().await;
    }
    drop(held);
    first.await.unwrap().unwrap();
    copy.await.unwrap().unwrap();
    empty.await.unwrap().unwrap();
    assert_eq!(ids(&inbox.turns.next().await), ["1.PNM"]);
    assert!(inbox.turns.is_quiet_for(10 * SECOND).await, "it was answered twice");
}

/// M2
#[actix::test]
async fn m2_the_same_text_under_two_ids_is_two_messages_and_one_id_is_one() {
    let mut inbox = Inbox::start().await;
    inbox.take(vec![chat("1", "1.PNM", "在吗"), chat("1", "2.PNM", "在吗"), chat("1", "1.PNM", "在吗")]).await;
    inbox.take(vec![chat("1", "2.PNM", "在吗")]).await;
    assert_eq!(ids(&inbox.turns.next().await), ["1.PNM", "2.PNM"]);
    assert!(inbox.turns.is_quiet_for(10 * SECOND).await);
}

#[actix::test]
async fn a_write_that_fails_is_told_and_nothing_is_handed_over() {
    let mut inbox = Inbox::start().await;
    let broken = inbox.bed.break_table("chat_messages");
    let refused = inbox.actor.send(inbox.push(vec![chat("1", "1.PNM", "在吗")])).await.unwrap();
    assert!(refused.is_err());
    assert!(inbox.turns.is_quiet_for(10 * SECOND).await);
    drop(broken);
    // The platform sends it again, and now it is not a copy.
    inbox.take(vec![chat("1", "1.PNM", "在吗")]).await;
    assert_eq!(ids(&inbox.turns.next().await), ["1.PNM"]);
}

/// M8
#[actix::test]
async fn m8_what_a_buyer_says_before_falling_quiet_is_one_turn() {
    let mut inbox = Inbox::start().await;
    let begun = Instant::now();
    inbox.take(vec![chat("1", "1.PNM", "你好")]).await;
    tokio::time::sleep(SECOND / 2).await;
    inbox.take(vec![chat("1", "2.PNM", "在吗")]).await;
    let turn = inbox.turns.next().await;
    assert_eq!(ids(&turn), ["1.PNM", "2.PNM"]);
    let waited = begun.elapsed();
    assert!((3 * SECOND / 2..2 * SECOND).contains(&waited), "{waited:?}");
    assert_eq!((turn.buyer.as_str(), turn.buyer_name.as_deref()), ("3300001", Some("buyer")));
    assert_eq!(inbox.backlog.load(Ordering::Relaxed), 1);
}

#[actix::test]
async fn without_a_quiet_time_every_message_is_handed_over_at_once() {
    let mut inbox = Inbox::start().await;
    let facts = AccountFacts { pace: Pace { debounce: Duration::ZERO, ..PACE }, ..inbox.facts.clone() };
    inbox.actor.send(Amend(facts)).await.unwrap();
    inbox.take(vec![chat("1", "1.PNM", "你好"), chat("1", "2.PNM", "在吗")]).await;
    let_run().await;
    assert_eq!(inbox.turns.now().map(|turn| turn.messages.len()), Some(1));
    assert_eq!(inbox.turns.now().map(|turn| turn.messages.len()), Some(1));
}

/// M9
#[actix::test]
async fn m9_groups_cards_and_our_own_words_are_stored_with_their_decision_and_never_answered() {
    let mut inbox = Inbox::start().await;
    let group = Message { group: true, ..chat("1", "1.PNM", "大家好") };
    let card = Message { content_type: 26, content: Content::Other, ..chat("1", "2.PNM", "card") };
    let tip = Message { tip: true, ..chat("1", "3.PNM", "tip") };
    inbox.take(vec![group, card, tip, own_chat(&inbox.facts, "1", "4.PNM", "我来")]).await;
    let decisions: Vec<_> =
        inbox.bed.messages(inbox.facts.id, "1").await.into_iter().map(|row| (row.decision, row.reason)).collect();
    let silent = |reason: &str| (Some("silent".to_owned()), Some(reason.to_owned()));
    let own = (Some("own".to_owned()), None);
    assert_eq!(decisions, [silent("group_chat"), silent("not_a_person"), silent("not_a_person"), own]);
    assert!(inbox.turns.is_quiet_for(10 * SECOND).await);
}

#[actix::test]
async fn the_sellers_own_typing_pauses_that_conversation_and_the_pause_is_stored() {
    let mut inbox = Inbox::start().await;
    let typed = own_chat(&inbox.facts, "1", "1.PNM", "我来");
    let until = typed.created_at + PACE.takeover_pause;
    let card = Message { content_type: 26, content: Content::Other, ..own_chat(&inbox.facts, "2", "2.PNM", "card") };
    inbox.take(vec![typed, card]).await;
    let told = inbox.takeovers.next().await;
    assert_eq!((told.account, told.conversation, told.until), (inbox.facts.id, "1".into(), until));
    assert!(inbox.takeovers.is_quiet_for(SECOND).await, "a system card carries our uid too");
    let id = inbox.facts.id;
    let paused = inbox.bed.write(move |conn| store::conversations::list_paused(conn, id, clock::unix())).await;
    assert_eq!(paused, [("1".into(), until)]);
}

#[actix::test]
async fn a_pause_of_zero_means_that_typing_never_pauses() {
    let mut inbox = Inbox::start().await;
    let facts = AccountFacts { pace: Pace { takeover_pause: Duration::ZERO, ..PACE }, ..inbox.facts.clone() };
    inbox.actor.send(Amend(facts)).await.unwrap();
    inbox.take(vec![own_chat(&inbox.facts, "1", "1.PNM", "我来")]).await;
    assert!(inbox.takeovers.is_quiet_for(SECOND).await);
}

/// M5: what was missed is answered, but not where the seller did already.
#[actix::test]
async fn m5_in_missed_history_only_what_the_seller_left_open_is_answered() {
    let mut inbox = Inbox::start().await;
    let now = clock::unix();
    let at = |seconds: u64, message: Message| Message { created_at: now - Duration::from_secs(seconds), ..message };
    let messages = vec![
        at(30, chat("1", "1.PNM", "在吗")),
        at(20, own_chat(&inbox.facts, "1", "2.PNM", "在的")),
        at(10, chat("1", "3.PNM", "包邮吗")),
    ];
    let ingest = Ingest { source: Source::History, ..inbox.push(messages) };
    inbox.actor.send(ingest).await.unwrap().unwrap();
    assert_eq!(ids(&inbox.turns.next().await), ["3.PNM"]);
    let rows = inbox.bed.messages(inbox.facts.id, "1").await;
    assert_eq!(rows[0].reason.as_deref(), Some("seller_answered"));
    assert_eq!(rows[2].source, chat_messages::Source::History);
}

/// M7: a crash between storing and answering loses nothing.
#[actix::test]
async fn m7_what_was_stored_and_not_decided_is_answered_after_the_start() {
    let inbox = Inbox::start().await;
    inbox.take(vec![chat("1", "1.PNM", "在吗"), chat("2", "2.PNM", "在吗")]).await;
    let Inbox { bed, facts, .. } = inbox;
    let decision = chat_messages::DecisionRow {
        account: facts.id,
        message: "2.PNM".into(),
        decision: "silent",
        reason: None,
        rule: None,
        turn: None,
        settled_at: None,
        decided_at: clock::unix(),
        needs_person: false,
        trail: None,
        intent: None,
    };
    bed.write(move |conn| chat_messages::decide_many(conn, &[decision])).await;

    let mut again = Inbox::start_on(bed, facts);
    again.adopt(&again.facts).await;
    // The platform repeats it meanwhile.
    again.take(vec![chat("1", "1.PNM", "在吗")]).await;
    assert_eq!(ids(&again.turns.next().await), ["1.PNM"]);
    assert!(again.turns.is_quiet_for(10 * SECOND).await);
}

#[actix::test]
async fn everything_kept_for_an_account_is_freed_when_it_is_let_go_and_comes_back_with_it() {
    let mut inbox = Inbox::start().await;
    let other = inbox.bed.account();
    inbox.adopt(&other).await;
    inbox.take(vec![chat("1", "1.PNM", "在吗")]).await;
    inbox
        .actor
        .send(Ingest { account: other.id, ..inbox.push(vec![chat("1", "1.PNM", "在吗")]) })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(inbox.load().await, Load { accounts: 2, pending: 2 });
    inbox.actor.send(DropAccount(inbox.facts.id)).await.unwrap();
    assert_eq!(inbox.load().await, Load { accounts: 1, pending: 1 });
    assert_eq!(inbox.turns.next().await.account, other.id);
    assert!(inbox.turns.is_quiet_for(10 * SECOND).await);
    inbox.adopt(&inbox.facts.clone()).await;
    assert_eq!(inbox.turns.next().await.account, inbox.facts.id);
    inbox.actor.send(DropAccount(inbox.facts.id)).await.unwrap();
    inbox.actor.send(DropAccount(other.id)).await.unwrap();
    assert_eq!(inbox.load().await, Load::default());
}

#[actix::test]
async fn a_message_that_is_stored_while_its_account_is_taken_in_anew_is_answered_once() {
    let mut inbox = Inbox::start().await;
    let held = inbox.bed.hold_writer();
    let stored = inbox.actor.send(inbox.push(vec![chat("1", "1.PNM", "在吗")]));
    let dropped = inbox.actor.send(DropAccount(inbox.facts.id));
    let adopted = inbox.actor.send(Adopt(inbox.facts.clone()));
    let all = futures_util::future::join3(stored, dropped, adopted);
    let mut all = std::pin::pin!(all);
    assert!(futures_util::poll!(all.as_mut()).is_pending());
    let_run().await;
    drop(held);
    let (stored, dropped, adopted) = all.await;
    stored.unwrap().unwrap();
    dropped.unwrap();
    adopted.unwrap().unwrap();
    assert_eq!(ids(&inbox.turns.next().await), ["1.PNM"]);
    assert!(inbox.turns.is_quiet_for(10 * SECOND).await);
}

#[actix::test]
async fn a_cursor_is_written_once_a_second_only_ahead_and_at_the_latest_when_asked() {
    let inbox = Inbox::start().await;
    let cursor = |pts: i64| Some(Cursor { pts, seen_at: Timestamp(pts) });
    let put = |cursor: Option<Cursor>| inbox.actor.send(Ingest { cursor, ..inbox.push(vec![]) });
    put(None).await.unwrap().unwrap();
    tokio::time::sleep(3 * SECOND).await;
    assert_eq!(inbox.cursor().await, None, "a gap is still being filled");
    put(cursor(5)).await.unwrap().unwrap();
    put(cursor(9)).await.unwrap().unwrap();
    put(cursor(7)).await.unwrap().unwrap();
    assert_eq!(inbox.cursor().await, None);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(inbox.cursor().await.map(|cursor| (cursor.pts, cursor.seen_at)), Some((9, Timestamp(9))));
    put(cursor(12)).await.unwrap().unwrap();
    inbox.actor.send(Flush).await.unwrap();
    assert_eq!(inbox.cursor().await.map(|cursor| cursor.pts), Some(12));
}

#[actix::test]
async fn entries_nobody_could_read_are_kept_before_the_push_is_answered() {
    let inbox = Inbox::start().await;
    let unknown = vec![UnknownEntry { object_type: Some(9), error: Some("no".into()), data: "AAAA".into() }];
    inbox.actor.send(Ingest { unknown, ..inbox.push(vec![]) }).await.unwrap().unwrap();
    let id = inbox.facts.id;
    let scope = inbox.bed.scope();
    let kept = inbox.bed.write(move |conn| store::unknown_pushes::list(conn, &scope, id)).await;
    assert_eq!(kept.len(), 1);
    let place = store::unknown_pushes::data_place(id);
    assert_eq!(inbox.bed.store.keys().open(&place, &kept[0].data).unwrap().expose(), "AAAA");
}

/// M18: nothing grows without bound.
#[actix::test]
async fn a_full_backlog_holds_the_inbox_until_decisions_are_stored() {
    let inbox = Inbox::start().await;
    inbox.backlog.store(BACKLOG + 1, Ordering::Relaxed);
    let answer = inbox.actor.send(inbox.push(vec![chat("1", "1.PNM", "在吗")]));
    let mut answer = std::pin::pin!(answer);
    assert!(tokio::time::timeout(SECOND, answer.as_mut()).await.is_err());
    assert_eq!(inbox.stored("1").await, []);
    inbox.backlog.store(0, Ordering::Relaxed);
    answer.await.unwrap().unwrap();
    assert_eq!(inbox.stored("1").await.len(), 1);
}

#[actix::test]
async fn a_retired_inbox_stores_nothing_any_more() {
    let inbox = Inbox::start().await;
    inbox.retired.store(true, Ordering::Relaxed);
    let answer = inbox.actor.send(inbox.push(vec![chat("1", "1.PNM", "在吗")]));
    assert!(tokio::time::timeout(SECOND, answer).await.is_err());
    assert_eq!(inbox.stored("1").await, []);
}

#[actix::test]
async fn one_transaction_takes_a_bounded_share_of_a_flood_and_all_of_it_is_stored() {
    let mut inbox = Inbox::start().await;
    let flood = |from: usize| (from..from + 100).map(|number| chat("1", &format!("{number:05}.PNM"), "在吗")).collect();
    let pushes = (0..20).map(|push| inbox.actor.send(inbox.push(flood(push * 100))));
    for answer in futures_util::future::join_all(pushes).await {
        answer.unwrap().unwrap();
    }
    assert_eq!(inbox.stored("1").await.len(), 2000);
    let turn = inbox.turns.next().await;
    assert_eq!(turn.messages.len(), 2000);
    assert!(turn.messages.iter().map(|message| &message.id).is_sorted(), "out of order");
    let known: Vec<MessageId> = turn.messages.into_iter().map(|message| message.id).collect();
    assert_eq!(known.first(), Some(&"00000.PNM".into()));
}

#[actix::test]
async fn whoever_watches_is_told_of_every_message_once_and_of_pauses() {
    let mut inbox = Inbox::start().await;
    for _ in 0..2 {
        inbox.take(vec![chat("1", "1.PNM", "在吗"), own_chat(&inbox.facts, "1", "2.PNM", "我来")]).await;
    }
    let mut told = Vec::new();
    while let Ok(event) = inbox.feed.try_recv() {
        assert_eq!(event.account(), inbox.facts.id);
        told.push(match event {
            FeedEvent::Stored(stored) => (stored.text, Some(stored.direction)),
            FeedEvent::Paused { conversation, .. } => (conversation.to_string(), None),
            other => panic!("nothing else happened: {other:?}"),
        });
    }
    let stored = |text: &str, direction| (text.to_owned(), Some(direction));
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.contains(&stored("在吗", Direction::Incoming)) && told.contains(&stored("我来", Direction::Outgoing)));
    assert!(told.contains(&("1".to_owned(), None)));
}

/// T13: an account that is deleted by hand takes nobody else down.
#[actix::test]
async fn t13_messages_of_an_account_whose_row_is_gone_are_dropped_and_the_others_are_stored() {
    let mut inbox = Inbox::start().await;
    let other = inbox.bed.account();
    inbox.adopt(&other).await;
    let (scope, gone) = (inbox.bed.scope(), other.id);
    inbox.bed.write(move |conn| store::accounts::delete(conn, &scope, gone)).await;
    let held = inbox.bed.hold_writer();
    let first = inbox.actor.send(inbox.push(vec![chat("0", "0.PNM", "一")]));
    let lost = Ingest { account: other.id, ..inbox.push(vec![chat("2", "2.PNM", "在吗")]) };
    let lost = inbox.actor.send(lost);
    let kept = inbox.actor.send(inbox.push(vec![chat("1", "1.PNM", "在吗")]));
    let release = async {
        let_run().await;
        drop(held);
    };
    let (first, lost, kept, ()) = tokio::join!(first, lost, kept, release);
    assert!(first.unwrap().is_ok() && lost.unwrap().is_err() && kept.unwrap().is_ok());
    for conversation in ["0", "1"] {
        assert_eq!(inbox.turns.next().await.conversation.as_str(), conversation);
    }
    assert_eq!(inbox.stored("1").await.len(), 1);
}

fn card(id: &str, order: &str, reminder: &str) -> Message {
    let card = Card { order: Some(order.into()), ..Card::default() };
    Message { content_type: 26, content: Content::Card(card), reminder: reminder.into(), ..chat("1", id, "") }
}

/// D1, D14: what is told of an order is stored with the message that tells it, and handed on once, before the turns.
#[actix::test]
async fn d1_d14_a_card_is_told_once_after_it_is_stored_and_again_after_a_start_until_it_is_handled() {
    let mut inbox = Inbox::start().await;
    let paid = || card("1.PNM", "2500000000000000001", "[买家已付款]");
    inbox.take(vec![chat("1", "2.PNM", "已付款"), paid(), card("3.PNM", "2500000000000000001", "[买家已付款]")]).await;
    let told = inbox.orders.next().await;
    assert_eq!((told.event, told.buyer.clone()), (OrderEvent::Paid, Some("3300001".into())));
    inbox.take(vec![paid()]).await;
    assert!(inbox.orders.is_quiet_for(SECOND).await);
    inbox.adopt(&inbox.facts).await;
    assert_eq!(inbox.orders.next().await, told, "nobody has handled it");
    inbox.bed.write(move |conn| order_events::mark_handled(conn, told.id, clock::unix())).await;
    inbox.adopt(&inbox.facts).await;
    assert!(inbox.orders.is_quiet_for(SECOND).await);
}

/// D14: a change of a card is no message; it is not acknowledged before it is stored all the same.
#[actix::test]
async fn d14_a_notice_without_a_message_is_answered_after_it_is_stored() {
    let mut inbox = Inbox::start().await;
    let notice = notice::of_badge(&"1".into(), "等待卖家发货", clock::unix()).unwrap();
    let push = || Ingest { notices: vec![notice.clone()], ..inbox.push(vec![]) };
    let held = inbox.bed.hold_writer();
    let answer = inbox.actor.send(push());
    let mut answer = std::pin::pin!(answer);
    let_run().await;
    assert!(futures_util::poll!(answer.as_mut()).is_pending(), "answered before it is stored");
    drop(held);
    answer.await.unwrap().unwrap();
    inbox.actor.send(push()).await.unwrap().unwrap();
    let told = inbox.orders.next().await;
    assert_eq!((told.event, told.order), (OrderEvent::Paid, None));
    assert!(inbox.orders.is_quiet_for(SECOND).await);
}

/// What cannot be stored is told to nobody, and comes again.
#[actix::test]
async fn an_event_that_cannot_be_stored_is_not_told() {
    let mut inbox = Inbox::start().await;
    let push = || inbox.push(vec![card("1.PNM", "2500000000000000001", "[买家已付款]")]);
    let broken = inbox.bed.break_table("order_events");
    assert!(inbox.actor.send(push()).await.unwrap().is_err());
    assert_eq!(inbox.stored("1").await, []);
    drop(broken);
    inbox.actor.send(push()).await.unwrap().unwrap();
    assert_eq!(inbox.orders.next().await.event, OrderEvent::Paid);
}

/// The conversations of messages in the order in which they were stored.
fn stored_now(feed: &mut broadcast::Receiver<FeedEvent>) -> Vec<String> {
    let mut found = Vec::new();
    while let Ok(event) = feed.try_recv() {
        if let FeedEvent::Stored(event) = event {
            found.push(event.message.to_string());
        }
    }
    found
}

/// Under a backlog: a flood fills the next write, and news of an order comes behind it.
#[actix::test]
async fn news_of_an_order_is_stored_before_a_flood_that_waits_and_takes_no_cursor_along() {
    let mut inbox = Inbox::start().await;
    let at = |pts| Some(Cursor { pts, seen_at: Timestamp(pts) });
    let held = inbox.bed.hold_writer();
    let first = inbox.actor.send(inbox.push(vec![chat("1", "first", "在吗")]));
    let flood = (0..BATCH).map(|number| chat("2", &format!("flood{number}"), "在吗")).collect();
    let flood = inbox.actor.send(Ingest { cursor: at(5), ..inbox.push(flood) });
    let paid = card("paid", "2500000000000000001", "[买家已付款]");
    let paid = inbox.actor.send(Ingest { cursor: at(9), ..inbox.push(vec![paid]) });
    let (mut first, mut flood, mut paid) = (std::pin::pin!(first), std::pin::pin!(flood), std::pin::pin!(paid));
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    let_run().await;
    assert!(futures_util::poll!(flood.as_mut()).is_pending() && futures_util::poll!(paid.as_mut()).is_pending());
    let_run().await;
    drop(held);
    paid.await.unwrap().unwrap();
    flood.await.unwrap().unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(stored_now(&mut inbox.feed)[..3], ["first", "paid", "flood0"]);
    assert_eq!(inbox.orders.next().await.event, OrderEvent::Paid);
    inbox.actor.send(Flush).await.unwrap();
    assert_eq!(inbox.cursor().await.map(|cursor| cursor.pts), Some(9));
}

/// While too many turns wait for their decision nothing is taken in but what is told of orders.
#[actix::test]
async fn a_full_backlog_holds_up_no_news_of_an_order() {
    let mut inbox = Inbox::start().await;
    inbox.backlog.store(BACKLOG + 1, Ordering::Relaxed);
    let chat = inbox.actor.send(inbox.push(vec![chat("1", "1.PNM", "在吗")]));
    let mut chat = std::pin::pin!(chat);
    assert!(futures_util::poll!(chat.as_mut()).is_pending());
    inbox.take(vec![card("2.PNM", "2500000000000000001", "[买家已付款]")]).await;
    assert_eq!(inbox.orders.next().await.event, OrderEvent::Paid);
    assert!(futures_util::poll!(chat.as_mut()).is_pending());
    inbox.backlog.store(0, Ordering::Relaxed);
    chat.await.unwrap().unwrap();
}
