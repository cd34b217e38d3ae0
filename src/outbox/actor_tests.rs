//! The outbox with a real database, a paused clock, and probes for the account's line.
#![allow(clippy::unwrap_used)]

use tokio::sync::broadcast;

use super::*;
use crate::{
    ids::{RuleId, Timestamp},
    outbox::{
        entry::{Body, Origin},
        ledger::Outcome,
        messages::{Trace, Verdict},
    },
    platform::lwp::event::{Content, HistoryPage, Picture},
    reply::{
        rule::{Matching, RuleBody},
        trail::Trail,
    },
    store::{audit, rules},
    testbed::{Bed, FakeLine, Heard, chat, let_run, listening, own_chat},
};

const SECOND: Duration = Duration::from_secs(1);

const CONFIG: Config = Config {
    ledger: ledger::Config {
        expire_after: Duration::from_secs(300),
        answer_wait: Duration::from_secs(10),
        attempts: 3,
        retry_after: SECOND,
        history_tries: 3,
    },
    rate: RateConfig { per_second: 0.0, burst: 0 },
};

struct Outbox {
    bed: Bed,
    facts: AccountFacts,
    actor: Addr<OutboxActor>,
    line: FakeLine,
    feed: broadcast::Receiver<FeedEvent>,
    releases: Heard<OnceReleased>,
    backlog: Arc<AtomicUsize>,
    retired: Arc<AtomicBool>,
}

impl Outbox {
    /// With one account that is online.
    async fn start() -> Self {
        let bed = Bed::paused();
        let facts = bed.account();
        let outbox = Self::start_on(bed, facts).await;
        outbox.go_online().await;
        outbox
    }

    /// With one account that is offline.
    async fn start_on(bed: Bed, facts: AccountFacts) -> Self {
        let (backlog, retired) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let feed = Feed::default();
        let watch = feed.watch();
        let actor = OutboxActor::new(
            bed.store.clone(),
            CONFIG,
            feed,
            Metrics::default(),
            Figures::new("echoes"),
            Arc::clone(&backlog),
            Arc::clone(&retired),
        )
        .start();
        let (release, releases) = listening();
        actor.send(ListenForReleases(release)).await.unwrap();
        actor.send(Adopt(facts.clone())).await.unwrap().unwrap();
        Self { bed, facts, actor, line: FakeLine::new(), feed: watch, releases, backlog, retired }
    }

    /// The process dies and comes back.
    async fn crash(self) -> Self {
        self.retired.store(true, Ordering::Relaxed);
        let Self { bed, facts, .. } = self;
        Self::start_on(bed, facts).await
    }

    async fn go_online(&self) {
        let line = self.line.line.clone();
        self.actor.send(AccountOnline { account: self.facts.id, line }).await.unwrap();
    }

    async fn go_offline(&self) {
        self.actor.send(AccountOffline(self.facts.id)).await.unwrap();
    }

    async fn decide(&self, conversation: &str, messages: &[&str], text: &str) {
        self.backlog.fetch_add(1, Ordering::Relaxed);
        self.actor.send(decided(&self.facts, conversation, messages, text)).await.unwrap();
    }

    /// The next frame is out; the platform's word about it.
    async fn answer_next(&mut self, outcome: Outcome) -> SendId {
        let Transmit { id, conversation, .. } = self.line.transmitted.next().await;
        self.answered(&conversation, id, outcome).await;
        id
    }

    async fn answered(&self, conversation: &ConversationId, id: SendId, outcome: Outcome) {
        let answered = Answered { account: self.facts.id, conversation: conversation.clone(), id, outcome };
        self.actor.send(answered).await.unwrap();
    }

    async fn settled(&mut self) -> SendEvent {
        loop {
            match tokio::time::timeout(600 * SECOND, self.feed.recv()).await.unwrap().unwrap() {
                FeedEvent::Send(event) if event.state.is_final() => return *event,
                FeedEvent::Send(_)
                | FeedEvent::Decided(_)
                | FeedEvent::Order(_)
                | FeedEvent::Status { .. }
                | FeedEvent::Stored(_)
                | FeedEvent::Paused { .. } => {}
            }
        }
    }

    async fn states(&self) -> Vec<State> {
        self.bed.sends(self.facts.id).await.into_iter().map(|entry| entry.state).collect()
    }

    async fn own_seen(&self, messages: Vec<Message>) -> Vec<bool> {
        self.actor.send(OwnSeen { account: self.facts.id, messages }).await.unwrap().unwrap()
    }

    fn own(&self, conversation: &str, id: &str, text: &str) -> Message {
        own_chat(&self.facts, conversation, id, text)
    }

    async fn history(&self, conversation: &str, messages: Vec<Message>) {
        let page = Some(HistoryPage { messages, next: None, unreadable: 0 });
        let seen = HistorySeen { account: self.facts.id, conversation: conversation.into(), page };
        self.actor.send(seen).await.unwrap();
    }

    async fn load(&self) -> Load {
        self.actor.send(Ping).await.unwrap()
    }
}

fn decided(facts: &AccountFacts, conversation: &str, messages: &[&str], text: &str) -> Decided {
    Decided {
        account: facts.id,
        conversation: conversation.into(),
        verdict: Verdict {
            decision: "answer",
            reason: "rule".into(),
            rule: Some(RuleId(1)),
            needs_person: false,
            trail: Trail::default(),
            intent: None,
        },
        messages: messages.iter().map(|id| (*id).into()).collect(),
        settled_at: clock::unix(),
        decided_at: clock::unix(),
        event: None,
        done: None,
        silence: None,
        answer: Some(Answer {
            peer: "3300001".into(),
            origin: Origin::Rule,
            rule: Some(RuleId(1)),
            once: false,
            urgency: Urgency::Talk,
            bodies: vec![Body::Text { text: text.into() }],
        }),
        conversation_facts: None,
        uses_ai: false,
        unsent: None,
        bargain: None,
        trace: Trace { asked: "在吗".into(), buyer_name: None, received_at: clock::unix() },
    }
}

fn accepted(id: &str) -> Outcome {
    Outcome::Accepted(Some(id.into()))
}

/// M7 on the way out: a row before it is a frame.
#[actix::test]
async fn a_frame_leaves_only_after_its_row_is_committed() {
    let mut outbox = Outbox::start().await;
    let held = outbox.bed.hold_writer();
    outbox.decide("1", &["1.PNM"], "在的").await;
    let_run().await;
    assert!(outbox.line.transmitted.now().is_none(), "it left before it was stored");
    drop(held);
    let sent = outbox.line.transmitted.next().await;
    assert_eq!(outbox.states().await, [State::Sent]);
    assert_eq!((sent.conversation, sent.body), ("1".into(), Body::Text { text: "在的".into() }));
    assert_eq!(outbox.backlog.load(Ordering::Relaxed), 0);
}

/// M4
#[actix::test]
async fn m4_an_answer_confirms_the_row_and_whoever_watches_is_told() {
    let mut outbox = Outbox::start().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    let id = outbox.answer_next(accepted("9.PNM")).await;
    let settled = outbox.settled().await;
    assert_eq!((settled.id, settled.state), (id, State::Confirmed));
    let rows = outbox.bed.sends(outbox.facts.id).await;
    assert_eq!((rows[0].state, rows[0].message.clone()), (State::Confirmed, Some("9.PNM".into())));
    assert_eq!(outbox.load().await, Load { accounts: 1, pending: 0 });
}

#[actix::test]
async fn the_decision_of_a_merged_turn_and_its_sends_are_stored_together() {
    let mut outbox = Outbox::start().await;
    let rows = ["1.PNM", "2.PNM"].map(|id| store::chat_messages::NewMessage {
        account: outbox.facts.id,
        message: id.into(),
        conversation: "1".into(),
        sender: "3300001".into(),
        sender_name: None,
        content_type: 1,
        text: "在吗".into(),
        item: None,
        sent_at: clock::unix(),
        received_at: clock::unix(),
        source: store::chat_messages::Source::Push,
        decision: None,
        reason: None,
        decided_at: None,
        needs_person: false,
    });
    outbox.bed.write(move |conn| store::chat_messages::insert_new(conn, &rows)).await;
    outbox.decide("1", &["1.PNM", "2.PNM"], "在的").await;
    outbox.line.transmitted.next().await;
    let decisions: Vec<_> = outbox
        .bed
        .messages(outbox.facts.id, "1")
        .await
        .into_iter()
        .map(|row| (row.decision.unwrap(), row.reason, row.turn))
        .collect();
    let last = ("answer".to_owned(), Some("rule".to_owned()), None);
    assert_eq!(decisions, [("merged".to_owned(), None, Some("2.PNM".into())), last]);
    assert_eq!(outbox.bed.sends(outbox.facts.id).await[0].in_reply_to, Some("2.PNM".into()));
}

#[actix::test]
async fn a_batch_that_cannot_be_stored_is_kept_tried_again_and_nothing_of_it_is_on_the_wire() {
    let mut outbox = Outbox::start().await;
    let broken = outbox.bed.break_table("outbox");
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.decide("1", &["2.PNM"], "包邮").await;
    assert!(outbox.line.transmitted.is_quiet_for(5 * SECOND).await);
    assert_eq!(outbox.backlog.load(Ordering::Relaxed), 2, "the inbox must slow down meanwhile");
    drop(broken);
    let first = outbox.answer_next(accepted("8.PNM")).await;
    let second = outbox.answer_next(accepted("9.PNM")).await;
    assert!(first < second);
    outbox.settled().await;
    outbox.settled().await;
    assert_eq!(outbox.states().await, [State::Confirmed; 2]);
}

/// M3: a send planned for one connection never leaves by another unnoticed.
#[actix::test]
async fn m3_a_line_that_breaks_before_the_frame_is_out_costs_nothing_and_doubles_nothing() {
    let mut outbox = Outbox::start().await;
    let held = outbox.bed.hold_writer();
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.go_offline().await;
    let mut old = std::mem::replace(&mut outbox.line, FakeLine::new());
    outbox.go_online().await;
    drop(held);
    outbox.answer_next(accepted("9.PNM")).await;
    outbox.settled().await;
    assert!(outbox.line.transmitted.is_quiet_for(60 * SECOND).await);
    assert!(old.transmitted.now().is_none());
    assert_eq!(outbox.bed.sends(outbox.facts.id).await[0].attempts, 1);
}

/// A write that takes longer than a reconnect and a look into the history.
#[actix::test]
async fn m3_a_frame_that_is_late_by_a_whole_connection_is_sent_once() {
    let mut outbox = Outbox::start().await;
    let held = outbox.bed.hold_writer();
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.go_offline().await;
    outbox.go_online().await;
    // Its row waits behind the writer: it was never on the wire, and no history is asked about it.
    tokio::time::advance(20 * SECOND).await;
    let_run().await;
    assert!(outbox.line.histories.now().is_none());
    drop(held);
    outbox.answer_next(accepted("9.PNM")).await;
    outbox.settled().await;
    assert!(outbox.line.transmitted.is_quiet_for(60 * SECOND).await, "it was sent twice");
    assert_eq!(outbox.states().await, [State::Confirmed]);
}

#[actix::test]
async fn m3_what_is_decided_offline_is_sent_on_the_next_line() {
    let mut outbox = Outbox::start().await;
    outbox.go_offline().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    assert!(outbox.line.transmitted.is_quiet_for(60 * SECOND).await);
    assert_eq!(outbox.states().await, [State::Queued]);
    outbox.go_online().await;
    outbox.answer_next(accepted("9.PNM")).await;
    assert_eq!(outbox.settled().await.state, State::Confirmed);
}

#[actix::test]
async fn silence_asks_the_history_and_what_is_missing_there_goes_out_again_under_its_number() {
    let mut outbox = Outbox::start().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    let first = outbox.line.transmitted.next().await;
    let asked = outbox.line.histories.next().await;
    assert_eq!(asked.conversation, "1".into());
    assert!(outbox.line.transmitted.now().is_none(), "silence is not failure");
    outbox.history("1", vec![chat("1", "1.PNM", "在的")]).await;
    let again = outbox.line.transmitted.next().await;
    assert_eq!((again.id, again.body), (first.id, first.body));
    outbox.answered(&again.conversation, again.id, accepted("9.PNM")).await;
    assert_eq!(outbox.settled().await.attempts, 2);
}

/// M5, M7: a `kill -9` with a frame in the air.
#[actix::test]
async fn after_a_crash_what_the_history_has_is_confirmed() {
    let mut outbox = Outbox::start().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.line.transmitted.next().await;
    let seen = outbox.own("1", "9.PNM", "在的");
    let mut again = outbox.crash().await;
    again.go_online().await;
    again.line.histories.next().await;
    again.history("1", vec![seen]).await;
    assert_eq!(again.settled().await.message, Some("9.PNM".into()));
    assert!(again.line.transmitted.is_quiet_for(60 * SECOND).await);
    assert_eq!(again.states().await, [State::Confirmed]);
}

/// M5, M7
#[actix::test]
async fn after_a_crash_what_the_history_does_not_have_is_sent_again() {
    let mut outbox = Outbox::start().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    let first = outbox.line.transmitted.next().await;
    let mut again = outbox.crash().await;
    again.go_online().await;
    again.line.histories.next().await;
    assert!(again.line.transmitted.now().is_none());
    again.history("1", vec![]).await;
    assert_eq!(again.answer_next(accepted("10.PNM")).await, first.id);
    assert_eq!(again.settled().await.state, State::Confirmed);
    assert!(again.line.transmitted.is_quiet_for(60 * SECOND).await);
    assert_eq!(again.states().await, [State::Confirmed]);
}

/// M10
#[actix::test]
async fn m10_our_sends_and_the_sellers_typing_are_told_apart_also_after_a_restart() {
    let mut outbox = Outbox::start().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.decide("2", &["2.PNM"], "包邮").await;
    outbox.answer_next(accepted("8.PNM")).await;
    outbox.answer_next(Outcome::Accepted(None)).await;
    let echoes =
        vec![outbox.own("1", "8.PNM", "在的"), outbox.own("2", "9.PNM", "包邮"), outbox.own("2", "10.PNM", "包邮")];
    assert_eq!(outbox.own_seen(echoes.clone()).await, [true, true, false]);
    outbox.actor.send(Settle).await.unwrap();
    let again = outbox.crash().await;
    assert_eq!(again.own_seen(echoes).await, [true, true, false]);
    let ids: Vec<_> = again.bed.sends(again.facts.id).await.into_iter().map(|entry| entry.message).collect();
    assert_eq!(ids, [Some("8.PNM".into()), Some("9.PNM".into())]);
}

#[actix::test]
async fn a_send_whose_echo_was_just_seen_is_not_free_for_the_sellers_equal_words() {
    let mut outbox = Outbox::start().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.answer_next(Outcome::Accepted(None)).await;
    outbox.settled().await;
    let held = outbox.bed.hold_writer();
    // A write is in flight, so that what the echo tells waits for the next.
    outbox.decide("2", &["2.PNM"], "包邮").await;
    let (echo, typed) = (outbox.own("1", "9.PNM", "在的"), outbox.own("1", "10.PNM", "在的"));
    let seen = outbox.actor.send(OwnSeen { account: outbox.facts.id, messages: vec![echo, typed] });
    let mut seen = std::pin::pin!(seen);
    assert!(futures_util::poll!(seen.as_mut()).is_pending());
    let_run().await;
    drop(held);
    assert_eq!(seen.await.unwrap().unwrap(), [true, false]);
    assert_eq!(outbox.bed.sends(outbox.facts.id).await[0].message, Some("9.PNM".into()));
}

#[actix::test]
async fn an_echo_that_comes_after_the_restart_settles_what_only_the_database_knows() {
    let mut outbox = Outbox::start().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.answer_next(Outcome::Accepted(None)).await;
    outbox.settled().await;
    let echo = outbox.own("1", "9.PNM", "在的");
    let again = outbox.crash().await;
    assert_eq!(again.own_seen(vec![echo.clone(), echo, again.own("1", "10.PNM", "在的")]).await, [true, true, false]);
    // The row follows.
    again.actor.send(Settle).await.unwrap();
    assert_eq!(again.bed.sends(again.facts.id).await[0].message, Some("9.PNM".into()));
}

#[actix::test]
async fn the_repeated_echo_of_an_earlier_send_confirms_no_equal_one() {
    let mut outbox = Outbox::start().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.answer_next(accepted("8.PNM")).await;
    outbox.settled().await;
    outbox.decide("1", &["2.PNM"], "在的").await;
    let second = outbox.line.transmitted.next().await;
    let echo = outbox.own("1", "8.PNM", "在的");
    let mut again = outbox.crash().await;
    assert_eq!(again.own_seen(vec![echo]).await, [true]);
    assert_eq!(again.states().await, [State::Confirmed, State::Sent]);
    again.go_online().await;
    again.line.histories.next().await;
    let first = again.own("1", "8.PNM", "在的");
    again.history("1", vec![first]).await;
    assert_eq!(again.answer_next(accepted("9.PNM")).await, second.id);
}

#[actix::test]
async fn the_stop_switches_hold_answers_of_all_or_of_one_account_while_decisions_are_stored() {
    let mut outbox = Outbox::start().await;
    let all = Switches { automatic: true, ..Switches::default() };
    let one = Switches { accounts: Arc::new(HashSet::from([outbox.facts.id])), ..Switches::default() };
    let everything = Switches { everything: true, ..Switches::default() };
    for (number, switches) in [all, one, everything].into_iter().enumerate() {
        outbox.actor.send(switches).await.unwrap();
        outbox.decide("1", &["1.PNM"], "在的").await;
        assert!(outbox.line.transmitted.is_quiet_for(60 * SECOND).await);
        assert_eq!(outbox.states().await[number..], [State::Queued]);
        outbox.actor.send(Switches::default()).await.unwrap();
        outbox.answer_next(accepted(&format!("{number}.PNM"))).await;
        outbox.settled().await;
    }
    let other = Switches { accounts: Arc::new(HashSet::from([AccountId(99)])), ..Switches::default() };
    outbox.actor.send(other).await.unwrap();
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.line.transmitted.next().await;
}

/// M13: a reply that is given once counts when it reaches the buyer.
#[actix::test]
async fn m13_a_once_reply_is_claimed_with_its_send_and_given_back_when_the_platform_rejects_it() {
    let mut outbox = Outbox::start().await;
    let rule = RuleBody { matching: Matching::Default, once: true, ..RuleBody::default() };
    let scope = outbox.bed.scope();
    let id = outbox.bed.write(move |conn| {
        rules::upsert_many(conn, &scope, std::slice::from_ref(&rule), &audit::Actor::system(), clock::unix())?;
        rules::find_id(conn, &scope, &rule)
    });
    let id = id.await.unwrap();
    let mut turn = decided(&outbox.facts, "1", &["1.PNM"], "你好");
    turn.answer = turn.answer.map(|answer| Answer { rule: Some(id), once: true, ..answer });
    outbox.actor.send(turn).await.unwrap();
    let sent = outbox.line.transmitted.next().await;
    let account = outbox.facts.id;
    let used = move |conn: &mut DbConn| store::once_replies::list(conn, account, &["1".into()]);
    assert_eq!(outbox.bed.write(used).await, [("1".into(), id)]);
    outbox.answered(&sent.conversation, sent.id, Outcome::Rejected("no".into())).await;
    let released = outbox.releases.next().await;
    assert_eq!((released.account, released.conversation, released.rule), (account, "1".into(), id));
    assert_eq!(outbox.settled().await.state, State::Rejected);
    assert_eq!(outbox.bed.write(used).await, []);
}

/// R14: a shutdown waits for what is in the air, and sends nothing more.
#[actix::test]
async fn r14_settling_ends_when_nothing_is_in_the_air_and_everything_is_stored() {
    let mut outbox = Outbox::start().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    let sent = outbox.line.transmitted.next().await;
    outbox.decide("1", &["2.PNM"], "包邮").await;
    outbox.actor.send(Switches { everything: true, ..Switches::default() }).await.unwrap();
    let settled = outbox.actor.send(Settle);
    let mut settled = std::pin::pin!(settled);
    assert!(tokio::time::timeout(5 * SECOND, settled.as_mut()).await.is_err());
    outbox.answered(&sent.conversation, sent.id, accepted("9.PNM")).await;
    settled.await.unwrap();
    assert_eq!(outbox.states().await, [State::Confirmed, State::Queued]);
    assert!(outbox.line.transmitted.now().is_none());
}

/// R7: everything kept for an account is freed when it stops.
#[actix::test]
async fn r7_an_account_that_is_let_go_leaves_nothing_behind_and_its_queue_comes_back_with_it() {
    let mut outbox = Outbox::start().await;
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.answer_next(accepted("9.PNM")).await;
    outbox.settled().await;
    outbox.go_offline().await;
    outbox.decide("1", &["2.PNM"], "包邮").await;
    outbox.states().await;
    let held = outbox.bed.hold_writer();
    // One batch is being written, another one gathers.
    outbox.decide("2", &["3.PNM"], "好").await;
    outbox.decide("3", &["4.PNM"], "行").await;
    assert_eq!(outbox.load().await, Load { accounts: 1, pending: 3 });
    let_run().await;
    outbox.actor.send(DropAccount(outbox.facts.id)).await.unwrap();
    assert_eq!(outbox.load().await, Load::default());
    drop(held);
    assert_eq!(outbox.states().await.len(), 3, "what was not being written stays undecided");
    outbox.actor.send(Adopt(outbox.facts.clone())).await.unwrap().unwrap();
    assert_eq!(outbox.backlog.load(Ordering::Relaxed), 0);
    outbox.go_online().await;
    let sent = [outbox.answer_next(accepted("10.PNM")).await, outbox.answer_next(accepted("11.PNM")).await];
    let rows: Vec<SendId> = outbox.bed.sends(outbox.facts.id).await.into_iter().map(|entry| entry.id).collect();
    assert_eq!(sent, rows[1..]);
}

#[actix::test]
async fn a_turn_of_an_account_that_is_gone_is_let_go() {
    let mut outbox = Outbox::start().await;
    outbox.actor.send(DropAccount(outbox.facts.id)).await.unwrap();
    outbox.decide("1", &["1.PNM"], "在的").await;
    assert_eq!(outbox.backlog.load(Ordering::Relaxed), 0);
    assert_eq!(outbox.states().await, []);
    assert!(outbox.line.transmitted.now().is_none());
}

#[actix::test]
async fn an_account_is_not_taken_in_anew_while_what_it_had_in_work_cannot_be_stored() {
    let outbox = Outbox::start().await;
    let broken = outbox.bed.break_table("once_replies");
    outbox.go_offline().await;
    let mut turn = decided(&outbox.facts, "1", &["1.PNM"], "你好");
    turn.answer = turn.answer.map(|answer| Answer { once: true, ..answer });
    outbox.actor.send(turn).await.unwrap();
    // Less than until the next try.
    tokio::time::sleep(SECOND / 2).await;
    outbox.actor.send(DropAccount(outbox.facts.id)).await.unwrap();
    let refused = outbox.actor.send(Adopt(outbox.facts.clone())).await.unwrap();
    assert!(refused.is_err(), "its send would be stored behind its back");
    drop(broken);
    tokio::time::sleep(2 * SECOND).await;
    outbox.actor.send(Adopt(outbox.facts.clone())).await.unwrap().unwrap();
    assert_eq!(outbox.load().await, Load { accounts: 1, pending: 1 });
}

#[actix::test]
async fn nothing_leaves_a_shard_that_was_replaced() {
    let mut outbox = Outbox::start().await;
    let held = outbox.bed.hold_writer();
    outbox.decide("1", &["1.PNM"], "在的").await;
    outbox.retired.store(true, Ordering::Relaxed);
    drop(held);
    assert!(outbox.line.transmitted.is_quiet_for(60 * SECOND).await);
}

#[actix::test]
async fn a_flood_waits_in_the_outbox_for_its_turn_and_comes_in_order() {
    let mut outbox = Outbox::start().await;
    for number in 0..300 {
        outbox.decide("1", &[&format!("{number}.PNM")], &number.to_string()).await;
    }
    for number in 0..300 {
        let sent = outbox.line.transmitted.next().await;
        assert_eq!(sent.body, Body::Text { text: number.to_string() });
        outbox.answered(&sent.conversation, sent.id, accepted(&format!("a{number}.PNM"))).await;
    }
    outbox.actor.send(Settle).await.unwrap();
    assert!(outbox.states().await.into_iter().all(|state| state == State::Confirmed));
    let old = Timestamp(0);
    assert!(outbox.bed.sends(outbox.facts.id).await.iter().all(|entry| entry.settled_at > Some(old)));
}

#[path = "person_tests.rs"]
mod person;

/// The row says what the rule says; the frame says where the platform has it; the echo and the history are told apart by the database.
#[actix::test]
async fn an_uploaded_picture_goes_out_by_its_address_and_is_recognised_also_after_a_crash() {
    let mut outbox = Outbox::start().await;
    let (id, account) = (crate::ids::PictureId::from("0a".repeat(32)), outbox.facts.id);
    outbox.backlog.fetch_add(1, Ordering::Relaxed);
    let mut decided = decided(&outbox.facts, "1", &["1.PNM"], "");
    let body = Body::Image { url: id.address(), width: 0, height: 0 };
    decided.answer.as_mut().unwrap().bodies = vec![body.clone()];
    outbox.actor.send(decided).await.unwrap();
    assert_eq!(outbox.line.pictures.next().await.0, id);
    assert_eq!((outbox.states().await, outbox.line.transmitted.now().is_some()), (vec![State::Queued], false));

    let upload = store::picture_uploads::Upload {
        account,
        picture: id.clone(),
        url: "https://p/1.jpg".into(),
        width: 40,
        height: 24,
        uploaded_at: clock::unix(),
    };
    outbox.bed.write(move |conn| store::picture_uploads::insert(conn, &upload)).await;
    let uploaded = picture::Uploaded { url: "https://p/1.jpg".into(), width: 40, height: 24 };
    outbox.actor.send(PictureReady { account, picture: id, outcome: Ok(uploaded) }).await.unwrap();
    let frame = outbox.line.transmitted.next().await;
    assert_eq!(frame.body, Body::Image { url: "https://p/1.jpg".into(), width: 40, height: 24 });
    assert_eq!(outbox.bed.sends(account).await[0].body, body);

    let mut outbox = outbox.crash().await;
    outbox.go_online().await;
    assert_eq!(outbox.line.histories.next().await.conversation, "1".into());
    let mut seen = outbox.own("1", "9.PNM", "");
    seen.content = Content::Image { pictures: vec![Picture { url: "https://p/1.jpg".into(), width: 40, height: 24 }] };
    outbox.history("1", vec![seen]).await;
    let settled = outbox.settled().await;
    assert_eq!((settled.state, settled.message), (State::Confirmed, Some("9.PNM".into())));
    assert!(outbox.line.pictures.now().is_none() && outbox.line.transmitted.now().is_none(), "nothing is sent twice");
}
