//! The ledger against single blows of the platform. Its long life against a platform of its own is in `ledger_model_tests.rs`.

use super::*;
use crate::{
    outbox::{
        picture::{name_pictures, picture_urls},
        rate::RateConfig,
    },
    platform::lwp::event::Picture,
};

const ACCOUNT: AccountId = AccountId(1);
const START: i64 = 1_763_640_000_000;
const SUNNY: Weather = Weather { online: true, held: false };
const HELD: Weather = Weather { online: true, held: true };
const OFFLINE: Weather = Weather { online: false, held: false };

const CONFIG: Config = Config {
    expire_after: Duration::from_secs(300),
    answer_wait: Duration::from_secs(10),
    attempts: 3,
    retry_after: Duration::from_secs(1),
    history_tries: 3,
};

/// A ledger, its clock, and the database as its rows have made it.
struct Bench {
    ledger: Ledger,
    now: Now,
    rows: Vec<Row>,
}

impl Bench {
    fn new() -> Self {
        Self::with_rate(RateConfig { per_second: 0.0, burst: 0 })
    }

    fn with_rate(rate: RateConfig) -> Self {
        let now = Now { instant: Instant::now(), unix: Timestamp(START) };
        Self { ledger: Ledger::new(ACCOUNT, CONFIG, Rate::new(rate), None), now, rows: Vec::new() }
    }

    fn pass(&mut self, seconds: u64) {
        let span = Duration::from_secs(seconds);
        self.now = Now { instant: self.now.instant + span, unix: self.now.unix + span };
    }

    fn say(&mut self, conversation: &str, text: &str) -> SendId {
        self.say_as(Origin::Rule, conversation, text)
    }

    fn say_as(&mut self, origin: Origin, conversation: &str, text: &str) -> SendId {
        let draft = Self::draft(origin, conversation, text);
        self.ledger.admit(draft, self.now)
    }

    fn say_of_an_order(&mut self, conversation: &str, text: &str) -> SendId {
        let draft = Draft { urgency: Urgency::Order, ..Self::draft(Origin::Rule, conversation, text) };
        self.ledger.admit(draft, self.now)
    }

    fn draft(origin: Origin, conversation: &str, text: &str) -> Draft {
        Draft {
            conversation: conversation.into(),
            peer: "3300001".into(),
            body: Body::Text { text: text.into() },
            origin,
            rule: Some(RuleId(7)),
            delivery: None,
            in_reply_to: None,
            expire_after: None,
            urgency: Urgency::Talk,
        }
    }

    /// Moves every lane; what flies now has its row.
    fn fly_in(&mut self, weather: Weather) -> Vec<SendId> {
        self.ledger.advance_all(weather, self.now);
        let rows = self.ledger.take_rows();
        self.rows.extend(rows);
        let flights = self.ledger.take_flights();
        flights.iter().for_each(|flight| assert!(self.ledger.on_launch(&flight.conversation, flight.id, self.now)));
        flights.into_iter().map(|flight| flight.id).collect()
    }

    fn fly(&mut self) -> Vec<SendId> {
        self.fly_in(SUNNY)
    }

    fn outcome(&mut self, conversation: &str, id: SendId, outcome: Outcome) {
        self.ledger.on_outcome(&conversation.into(), id, outcome, self.now);
    }

    fn echo(&mut self, conversation: &str, id: &str, text: &str) -> bool {
        let message = self.message(conversation, id, text);
        self.ledger.on_echo(&message, self.now)
    }

    fn message(&self, conversation: &str, id: &str, text: &str) -> Message {
        own_message(conversation, id, text, self.now.unix)
    }

    /// The platform's history, newest first.
    fn history(&mut self, conversation: &str, messages: Vec<Message>) {
        self.history_but(conversation, messages, &[]);
    }

    fn history_but(&mut self, conversation: &str, messages: Vec<Message>, taken: &[&str]) {
        let page = HistoryPage { messages, next: None, unreadable: 0 };
        let taken = taken.iter().map(|id| MessageId::from(*id)).collect();
        self.ledger.on_history(&conversation.into(), Some(&page), &"2200001".into(), &taken, self.now);
    }

    fn no_history(&mut self, conversation: &str) {
        self.ledger.on_history(&conversation.into(), None, &"2200001".into(), &HashSet::new(), self.now);
    }

    fn asked(&mut self) -> Vec<Question> {
        self.ledger.take_questions()
    }

    fn settled(&mut self) -> Vec<(SendId, State)> {
        let rows = self.ledger.take_rows();
        self.rows.extend(rows);
        self.ledger.take_settled().into_iter().map(|entry| (entry.id, entry.state)).collect()
    }

    /// The states that the database was told for one send, in order.
    fn told(&self, id: SendId) -> Vec<State> {
        let state = |row: &Row| match row {
            Row::Insert(entry) if entry.id == id => Some(entry.state),
            Row::Update(change) if change.id == id => Some(change.state),
            Row::Insert(_) | Row::Update(_) | Row::Claim { .. } => None,
        };
        self.rows.iter().filter_map(state).collect()
    }

    /// One send that is on the wire.
    fn flying() -> (Self, SendId) {
        let mut bench = Self::new();
        let id = bench.say("1", "在的");
        assert_eq!(bench.fly(), [id]);
        (bench, id)
    }

    /// One send whose row is still being stored.
    fn boarding() -> (Self, SendId) {
        let mut bench = Self::new();
        let id = bench.say("1", "在的");
        bench.ledger.advance_all(SUNNY, bench.now);
        assert_eq!(bench.ledger.take_flights().len(), 1);
        (bench, id)
    }

    /// One send about which the history was asked.
    fn asking() -> (Self, SendId) {
        let (mut bench, id) = Self::flying();
        bench.outcome("1", id, Outcome::NoAnswer);
        bench.fly();
        assert_eq!(bench.asked().len(), 1);
        (bench, id)
    }
}

fn own_message(conversation: &str, id: &str, text: &str, at: Timestamp) -> Message {
    Message {
        id: id.into(),
        business_id: None,
        conversation: conversation.into(),
        created_at: at,
        sender: "2200001".into(),
        sender_name: None,
        content_type: 1,
        content: Content::Text { text: text.into() },
        reminder: text.into(),
        item: None,
        group: false,
        tip: false,
        need_push: Some(false),
    }
}

fn accepted(id: &str) -> Outcome {
    Outcome::Accepted(Some(id.into()))
}

fn busy() -> Outcome {
    Outcome::Refused { code: 503, reason: "busy".into() }
}

/// M18: a buyer reads our sentences in the order in which we said them.
#[test]
fn a_conversation_has_one_send_in_the_air_and_keeps_its_order() {
    let mut bench = Bench::new();
    let sends = ["a", "b", "c"].map(|text| bench.say("1", text));
    for (number, id) in sends.into_iter().enumerate() {
        assert_eq!(bench.fly(), [id]);
        assert_eq!(bench.fly(), []);
        assert_eq!(bench.ledger.in_the_air(), 1);
        bench.outcome("1", id, accepted(&format!("{number}.PNM")));
    }
    assert_eq!(bench.settled(), sends.map(|id| (id, State::Confirmed)));
    assert!(bench.ledger.is_idle());
}

#[test]
fn conversations_do_not_wait_for_each_other() {
    let mut bench = Bench::new();
    let sends = ["1", "2", "3"].map(|conversation| bench.say(conversation, "在的"));
    assert_eq!(bench.fly(), sends);
}

#[test]
fn numbers_grow_strictly_and_are_never_below_the_clock() {
    let mut bench = Bench::new();
    let flood: Vec<SendId> = (0..5000).map(|_| bench.say("1", "在的")).collect();
    assert!(flood.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(flood[0].0 >= START);
    bench.pass(60);
    assert_eq!(bench.say("1", "在的"), SendId(START + 60_000));
}

#[test]
fn numbers_go_on_above_those_of_an_earlier_life() {
    let mut bench = Bench::new();
    let last = SendId(START + 9_000_000);
    bench.ledger = Ledger::new(ACCOUNT, CONFIG, Rate::new(RateConfig { per_second: 0.0, burst: 0 }), Some(last));
    assert_eq!(bench.say("1", "在的"), SendId(last.0 + 1));
}

/// Under a backlog that the rate holds back.
#[test]
fn what_is_said_of_an_order_goes_before_talk_that_waits_for_the_rate() {
    let mut bench = Bench::with_rate(RateConfig { per_second: 1.0, burst: 1 });
    let talk: Vec<_> = (0..50).map(|number| bench.say(&number.to_string(), "在的")).collect();
    assert_eq!(bench.fly(), talk[..1]);
    let paid = bench.say_of_an_order("paid", "收到付款");
    let behind = bench.say_of_an_order("40", "已发货");
    bench.pass(1);
    assert_eq!(bench.fly(), [paid]);
    bench.pass(1);
    assert_eq!(bench.fly(), [talk[40]], "what stands before it in its conversation goes first");
    bench.outcome("40", talk[40], Outcome::Accepted(Some("40.PNM".into())));
    bench.pass(1);
    assert_eq!(bench.fly(), [behind]);
    bench.pass(1);
    assert_eq!(bench.fly(), talk[1..2], "then the oldest");
}

/// Who comes when a place is free does not take it from those who wait.
#[test]
fn a_newcomer_does_not_go_before_those_who_wait_for_the_rate() {
    let mut bench = Bench::with_rate(RateConfig { per_second: 1.0, burst: 1 });
    bench.say("1", "在的");
    let second = bench.say("2", "在的");
    bench.fly();
    bench.pass(1);
    bench.say("3", "在的");
    bench.ledger.advance(&"3".into(), SUNNY, bench.now);
    assert!(bench.ledger.take_flights().is_empty());
    assert_eq!(bench.fly(), [second]);
    bench.pass(60);
    bench.fly();
    bench.pass(60);
    let alone = bench.say("4", "在的");
    bench.ledger.advance(&"4".into(), SUNNY, bench.now);
    assert_eq!(bench.ledger.take_flights().iter().map(|flight| flight.id).collect::<Vec<_>>(), [alone]);
}

/// M19
#[test]
fn an_account_writes_no_faster_than_its_rate_and_the_oldest_goes_first() {
    let mut bench = Bench::with_rate(RateConfig { per_second: 1.0, burst: 2 });
    let sends: Vec<SendId> = (0..6).map(|number| bench.say(&number.to_string(), "在的")).collect();
    assert_eq!(bench.fly(), sends[..2]);
    assert_eq!(bench.fly(), []);
    for id in &sends[2..] {
        bench.pass(1);
        assert_eq!(bench.fly(), [*id]);
    }
}

#[test]
fn the_stop_switch_holds_what_is_automatic_and_lets_a_person_write() {
    let mut bench = Bench::new();
    let rule = bench.say("1", "在的");
    let person = bench.say_as(Origin::Person, "2", "稍等");
    assert_eq!(bench.fly_in(HELD), [person]);
    assert_eq!(bench.told(rule), [State::Queued]);
    assert_eq!(bench.fly(), [rule]);
}

#[test]
fn what_could_not_be_sent_in_time_expires_and_was_never_on_the_wire() {
    let mut bench = Bench::new();
    let late = bench.say("1", "在的");
    assert_eq!(bench.fly_in(OFFLINE), []);
    bench.pass(299);
    let fresh = bench.say("1", "还在");
    bench.fly_in(OFFLINE);
    assert_eq!(bench.settled(), []);
    bench.pass(1);
    assert_eq!(bench.fly(), [fresh]);
    assert_eq!(bench.settled(), [(late, State::Expired)]);
    assert_eq!(bench.told(late), [State::Queued, State::Expired]);
}

#[test]
fn a_send_that_expires_before_its_first_row_is_stored_as_expired() {
    let mut bench = Bench::new();
    let id = bench.say("1", "在的");
    bench.pass(301);
    bench.ledger.advance_all(SUNNY, bench.now);
    assert_eq!(bench.settled(), [(id, State::Expired)]);
    assert_eq!(bench.told(id), [State::Expired]);
}

/// A row before it is a frame.
#[test]
fn a_flight_comes_with_its_row_and_an_unstored_send_is_inserted_as_it_stands() {
    let mut bench = Bench::new();
    let id = bench.say("1", "在的");
    bench.ledger.advance_all(SUNNY, bench.now);
    let rows = bench.ledger.take_rows();
    let [Row::Insert(entry)] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((entry.id, entry.state, entry.attempts), (id, State::Sent, 1));
    assert_eq!(entry.sent_at, Some(bench.now.unix));
    assert_eq!(bench.ledger.take_flights().len(), 1);
    assert_eq!(bench.ledger.take_rows(), []);
}

#[test]
fn an_echo_of_the_first_attempt_keeps_the_second_from_leaving() {
    let mut bench = Bench::new();
    let id = bench.say("1", "在的");
    assert_eq!(bench.fly(), [id]);
    bench.outcome("1", id, Outcome::Refused { code: 503, reason: "busy".into() });
    bench.pass(2);
    bench.ledger.advance_all(SUNNY, bench.now);
    assert_eq!(bench.ledger.take_flights().len(), 1);
    assert!(bench.echo("1", "1.PNM", "在的"));
    assert!(!bench.ledger.on_launch(&"1".into(), id, bench.now));
}

#[test]
fn a_stored_send_is_changed_and_not_inserted_again() {
    let mut bench = Bench::new();
    let id = bench.say("1", "在的");
    bench.fly_in(OFFLINE);
    assert_eq!(bench.fly(), [id]);
    assert!(matches!(&bench.rows[..], [Row::Insert(_), Row::Update(change)] if change.state == State::Sent));
}

/// M4: an answer is matched with its send.
#[test]
fn an_answer_confirms_with_the_platforms_id_and_a_second_word_changes_nothing() {
    let (mut bench, id) = Bench::flying();
    bench.outcome("1", id, accepted("5.PNM"));
    bench.outcome("1", id, Outcome::Rejected("late".into()));
    bench.outcome("1", id, Outcome::NoAnswer);
    assert_eq!(bench.settled(), [(id, State::Confirmed)]);
    assert!(
        matches!(bench.rows.last(), Some(Row::Update(change)) if change.message == Some("5.PNM".into()) && change.settled_at.is_some())
    );
}

/// M10
#[test]
fn the_echo_confirms_when_it_comes_first() {
    let (mut bench, id) = Bench::flying();
    assert!(bench.echo("1", "5.PNM", "在的"));
    bench.outcome("1", id, accepted("5.PNM"));
    assert_eq!(bench.settled(), [(id, State::Confirmed)]);
    assert!(!bench.echo("1", "6.PNM", "在的"), "the seller typed the same words");
}

#[test]
fn only_the_same_words_in_the_same_conversation_are_an_echo() {
    let (mut bench, id) = Bench::flying();
    assert!(!bench.echo("2", "5.PNM", "在的"));
    assert!(!bench.echo("1", "5.PNM", "在"));
    let mut old = bench.message("1", "5.PNM", "在的");
    old.created_at = bench.now.unix - Duration::from_secs(61);
    assert!(!bench.ledger.on_echo(&old, bench.now));
    assert_eq!(bench.settled(), []);
    assert_eq!(bench.told(id), [State::Sent]);
}

#[test]
fn a_picture_is_recognised_by_its_address() {
    let mut bench = Bench::new();
    let draft = Draft {
        conversation: "1".into(),
        peer: "3300001".into(),
        body: Body::Image { url: "https://p/1.jpg".into(), width: 0, height: 0 },
        origin: Origin::Rule,
        rule: None,
        delivery: None,
        in_reply_to: None,
        expire_after: None,
        urgency: Urgency::Talk,
    };
    let id = bench.ledger.admit(draft, bench.now);
    bench.fly();
    let mut echo = bench.message("1", "5.PNM", "图");
    for (url, is_ours) in [("https://p/2.jpg", false), ("https://p/1.jpg", true)] {
        let picture = Picture { url: url.into(), width: 800, height: 600 };
        echo.content = Content::Image { pictures: vec![picture] };
        assert_eq!(bench.ledger.on_echo(&echo, bench.now), is_ours);
    }
    assert_eq!(bench.settled(), [(id, State::Confirmed)]);
}

#[test]
fn a_send_that_never_left_is_not_confirmed_by_words_like_it() {
    let mut bench = Bench::new();
    bench.say("1", "在的");
    bench.fly_in(OFFLINE);
    assert!(!bench.echo("1", "5.PNM", "在的"), "it is the seller who typed");
}

#[test]
fn an_echo_claims_a_send_that_was_accepted_without_an_id() {
    let (mut bench, id) = Bench::flying();
    bench.outcome("1", id, Outcome::Accepted(None));
    assert_eq!(bench.settled(), [(id, State::Confirmed)]);
    assert!(bench.echo("1", "5.PNM", "在的"));
    bench.settled();
    let claim = Row::Claim { account: ACCOUNT, id, message: "5.PNM".into(), at: bench.now.unix };
    assert_eq!(bench.rows.last(), Some(&claim));
    assert_eq!(bench.ledger.take_claimed(), ["5.PNM".into()]);
    assert!(!bench.echo("1", "6.PNM", "在的"), "claimed once");
}

#[test]
fn words_typed_long_after_an_accepted_send_are_not_its_echo() {
    let (mut bench, id) = Bench::flying();
    bench.outcome("1", id, Outcome::Accepted(None));
    bench.pass(61);
    assert!(!bench.echo("1", "5.PNM", "在的"));
}

#[test]
fn equal_sends_are_counted_in_order() {
    let mut bench = Bench::new();
    let (first, second) = (bench.say("1", "在的"), bench.say("1", "在的"));
    bench.fly();
    bench.outcome("1", first, Outcome::Accepted(None));
    assert_eq!(bench.fly(), [second]);
    // The first one's echo says nothing about the second one, which is refused.
    assert!(bench.echo("1", "5.PNM", "在的"));
    bench.outcome("1", second, busy());
    bench.pass(1);
    assert_eq!(bench.fly(), [second]);
    assert!(bench.echo("1", "6.PNM", "在的"));
    assert_eq!(bench.settled(), [(first, State::Confirmed), (second, State::Confirmed)]);
}

#[test]
fn a_history_with_one_of_two_equal_sends_has_the_first() {
    let mut bench = Bench::new();
    let (first, second) = (bench.say("1", "在的"), bench.say("1", "在的"));
    bench.fly();
    let seen = bench.message("1", "5.PNM", "在的");
    bench.outcome("1", first, Outcome::Accepted(None));
    bench.fly();
    bench.outcome("1", second, Outcome::NoAnswer);
    bench.fly();
    bench.history("1", vec![seen]);
    assert_eq!(bench.fly(), [second], "the second never arrived");
    assert_eq!(bench.ledger.take_claimed(), ["5.PNM".into()]);
}

#[test]
fn a_content_rejection_is_final_and_its_text_is_kept() {
    let (mut bench, id) = Bench::flying();
    bench.outcome("1", id, Outcome::Rejected("CSI_FORBID: 含有敏感词".into()));
    assert_eq!(bench.settled(), [(id, State::Rejected)]);
    assert!(
        matches!(bench.rows.last(), Some(Row::Update(change)) if change.reason.as_deref() == Some("CSI_FORBID: 含有敏感词"))
    );
    bench.pass(60);
    assert_eq!(bench.fly(), []);
}

#[test]
fn a_busy_platform_gets_the_same_send_again_after_a_growing_pause_and_not_for_ever() {
    let (mut bench, id) = Bench::flying();
    for pause in [1, 2] {
        bench.outcome("1", id, busy());
        bench.pass(pause - 1);
        assert_eq!(bench.fly(), []);
        bench.pass(1);
        assert_eq!(bench.fly(), [id]);
    }
    bench.outcome("1", id, busy());
    assert_eq!(bench.settled(), [(id, Rejected)]);
    use State::{Queued, Rejected, Sent};
    assert_eq!(bench.told(id), [Sent, Queued, Sent, Queued, Sent, Rejected]);
}

#[test]
fn a_refusal_of_this_very_message_is_final_but_the_session_and_the_pace_are_not() {
    for (code, is_final) in [(400, true), (403, true), (404, true), (401, false), (429, false), (500, false)] {
        let (mut bench, id) = Bench::flying();
        bench.outcome("1", id, Outcome::Refused { code, reason: "no".into() });
        assert_eq!(bench.settled() == [(id, State::Rejected)], is_final, "{code}");
    }
}

#[test]
fn a_send_that_found_no_line_costs_no_attempt() {
    let (mut bench, id) = Bench::flying();
    for _ in 0..10 {
        bench.outcome("1", id, Outcome::NotSent);
        assert_eq!(bench.fly(), [id]);
    }
    bench.outcome("1", id, accepted("5.PNM"));
    assert_eq!(bench.settled(), [(id, State::Confirmed)]);
    assert!(matches!(bench.rows.last(), Some(Row::Update(change)) if change.attempts == 1));
}

/// M4: silence is not failure.
#[test]
fn without_an_answer_the_history_is_asked_and_nothing_is_sent_meanwhile() {
    let (mut bench, id) = Bench::flying();
    let next = bench.say("1", "包邮");
    bench.pass(9);
    assert_eq!(bench.fly(), []);
    assert_eq!(bench.asked(), []);
    bench.pass(1);
    assert_eq!(bench.fly(), []);
    let since = Timestamp(START) - CLOCK_SKEW;
    assert_eq!(bench.asked(), [Question { conversation: "1".into(), since }]);
    let seen = bench.message("1", "5.PNM", "在的");
    bench.history("1", vec![seen]);
    assert_eq!(bench.fly(), [next]);
    assert_eq!(bench.settled(), [(id, State::Confirmed)]);
}

#[test]
fn what_the_history_does_not_have_is_sent_again_under_the_same_number() {
    let (mut bench, id) = Bench::asking();
    bench.history("1", vec![]);
    assert_eq!(bench.fly(), [id]);
    use State::{Queued, Sent};
    assert_eq!(bench.told(id), [Sent, Queued, Sent]);
}

#[test]
fn a_history_counts_only_our_words_of_that_time_that_belong_to_no_other_send() {
    let (mut bench, id) = Bench::asking();
    let stale = own_message("1", "1.PNM", "在的", bench.now.unix - Duration::from_secs(61));
    let other = bench.message("1", "2.PNM", "在");
    let taken = bench.message("1", "3.PNM", "在的");
    let mut buyers = bench.message("1", "4.PNM", "在的");
    buyers.sender = "3300001".into();
    bench.history_but("1", vec![buyers, taken, other, stale], &["3.PNM"]);
    assert_eq!(bench.fly(), [id], "none of them is it");
}

#[test]
fn a_history_that_stays_silent_leaves_the_doubt_and_the_send_is_never_sent_again() {
    let (mut bench, id) = Bench::asking();
    bench.no_history("1");
    for tries in 2..=3 {
        bench.pass(tries - 1);
        assert_eq!(bench.fly(), []);
        assert_eq!(bench.asked().len(), 1);
        bench.no_history("1");
    }
    assert_eq!(bench.settled(), [(id, State::Uncertain)]);
    bench.pass(60);
    assert_eq!(bench.fly(), []);
    assert!(bench.ledger.is_idle());
}

#[test]
fn a_question_that_was_lost_is_asked_again() {
    let (mut bench, id) = Bench::asking();
    bench.pass(59);
    bench.fly();
    assert_eq!(bench.asked(), []);
    bench.pass(1);
    bench.fly();
    bench.pass(1);
    bench.fly();
    assert_eq!(bench.asked().len(), 1);
    bench.history("1", vec![]);
    assert_eq!(bench.fly(), [id]);
}

#[test]
fn a_send_that_is_never_answered_nor_seen_becomes_uncertain_after_its_attempts() {
    let (mut bench, id) = Bench::asking();
    for _ in 1..CONFIG.attempts {
        bench.history("1", vec![]);
        assert_eq!(bench.fly(), [id]);
        bench.outcome("1", id, Outcome::NoAnswer);
        bench.fly();
    }
    bench.history("1", vec![]);
    assert_eq!(bench.settled(), [(id, State::Uncertain)]);
}

#[test]
fn an_echo_ends_a_doubt_whenever_it_comes() {
    let (mut bench, id) = Bench::asking();
    assert!(bench.echo("1", "5.PNM", "在的"));
    bench.history("1", vec![]);
    assert_eq!(bench.fly(), [], "the history came too late to matter");
    assert_eq!(bench.settled(), [(id, State::Confirmed)]);
}

/// M3: nothing goes out on a line that is gone, and nothing is lost with it.
#[test]
fn a_broken_line_puts_the_send_in_doubt_and_the_next_line_asks() {
    let (mut bench, id) = Bench::flying();
    bench.ledger.on_offline(bench.now);
    assert_eq!(bench.ledger.in_the_air(), 0);
    bench.pass(5);
    bench.fly_in(OFFLINE);
    assert_eq!(bench.asked(), []);
    bench.fly();
    assert_eq!(bench.asked().len(), 1);
    bench.history("1", vec![]);
    assert_eq!(bench.fly(), [id]);
}

#[test]
fn a_question_that_went_down_with_its_line_is_asked_on_the_next() {
    let (mut bench, _) = Bench::asking();
    bench.ledger.on_offline(bench.now);
    bench.pass(LINE_GRACE.as_secs());
    bench.fly();
    assert_eq!(bench.asked().len(), 1);
}

#[test]
fn what_is_too_old_when_it_turns_out_missing_is_not_sent_any_more() {
    let (mut bench, id) = Bench::flying();
    bench.ledger.on_offline(bench.now);
    bench.pass(301);
    bench.fly();
    bench.history("1", vec![]);
    assert_eq!(bench.fly(), []);
    assert_eq!(bench.settled(), [(id, State::Expired)]);
}

/// M5, M7: what a crash interrupted is found out, not guessed.
#[test]
fn after_a_restart_sent_is_in_doubt_and_queued_is_sent() {
    let (mut bench, id) = Bench::flying();
    let next = bench.say("1", "包邮");
    bench.fly();
    let inserted = |row: &Row| match row {
        Row::Insert(entry) => Some(entry.clone()),
        Row::Update(_) | Row::Claim { .. } => None,
    };
    let mut again = Bench { now: bench.now, ..Bench::new() };
    bench.rows.iter().filter_map(inserted).for_each(|entry| again.ledger.restore(entry, again.now));
    assert_eq!(again.ledger.pending(), 2);
    assert_eq!(again.fly(), []);
    assert_eq!(again.asked(), [], "what just left may still be on its way into the history");
    again.pass(LINE_GRACE.as_secs());
    assert_eq!(again.fly(), []);
    assert_eq!(again.asked().len(), 1);
    let seen = own_message("1", "5.PNM", "在的", bench.now.unix);
    again.history("1", vec![seen]);
    assert_eq!(again.fly(), [next]);
    assert_eq!(again.settled(), [(id, State::Confirmed)]);
    assert!(again.rows.iter().all(|row| matches!(row, Row::Update(_))), "both are stored already");
    assert!(again.say("1", "还有") > next);
}

#[test]
fn after_a_restart_an_accepted_send_still_waits_for_its_echo() {
    let (mut bench, id) = Bench::flying();
    bench.outcome("1", id, Outcome::Accepted(None));
    bench.ledger.take_rows();
    let confirmed = bench.ledger.take_settled().remove(0);
    let mut again = Bench { now: bench.now, ..Bench::new() };
    again.ledger.restore(confirmed, again.now);
    let second = again.say("1", "在的");
    again.fly();
    assert!(again.echo("1", "5.PNM", "在的"));
    assert_eq!(again.settled(), [], "it was the first one's");
    assert_eq!(again.ledger.in_the_air(), 1);
    assert!(again.echo("1", "6.PNM", "在的"));
    assert_eq!(again.settled(), [(second, State::Confirmed)]);
}

#[test]
fn an_account_that_never_hears_of_its_sends_keeps_a_bounded_memory_of_them() {
    let mut bench = Bench::new();
    for number in 0..2 * UNCLAIMED {
        let id = bench.say("1", &number.to_string());
        bench.fly();
        bench.outcome("1", id, Outcome::Accepted(None));
        bench.settled();
    }
    assert_eq!(bench.ledger.unclaimed.len(), UNCLAIMED);
    assert!(bench.ledger.lanes.is_empty());
}

#[path = "ledger_model_tests.rs"]
mod model;

/// A database that stalls for longer than an answer may take: the history knows nothing of a frame that never left, and must not be asked.
#[test]
fn a_send_whose_row_is_being_stored_is_not_in_doubt_however_long_that_takes() {
    let (mut bench, id) = Bench::boarding();
    bench.pass(60);
    assert!(bench.fly().is_empty());
    assert!(bench.asked().is_empty());
    bench.ledger.on_launch(&"1".into(), id, bench.now);
    bench.pass(CONFIG.answer_wait.as_secs());
    bench.fly();
    assert_eq!(bench.asked().len(), 1);
}

#[test]
fn a_send_whose_line_broke_while_its_row_was_stored_was_never_on_the_wire() {
    let (mut bench, id) = Bench::boarding();
    bench.ledger.on_offline(bench.now);
    bench.outcome("1", id, Outcome::NotSent);
    assert_eq!(bench.fly(), [id]);
}

fn picture() -> PictureId {
    "0a".repeat(32).into()
}

fn uploaded() -> Result<Uploaded, NoPicture> {
    Ok(Uploaded { url: "https://p/1.jpg".into(), width: 40, height: 24 })
}

fn no_picture(is_final: bool) -> Result<Uploaded, NoPicture> {
    Err(NoPicture { reason: "the platform was asleep".into(), is_final })
}

impl Bench {
    fn show(&mut self, conversation: &str) -> SendId {
        let draft = Draft {
            conversation: conversation.into(),
            peer: "3300001".into(),
            body: Body::Image { url: picture().address(), width: 0, height: 0 },
            origin: Origin::Rule,
            rule: Some(RuleId(7)),
            delivery: None,
            in_reply_to: None,
            expire_after: None,
            urgency: Urgency::Talk,
        };
        self.ledger.admit(draft, self.now)
    }

    fn handed(&mut self, outcome: Result<Uploaded, NoPicture>) {
        self.ledger.on_picture(&picture(), outcome, self.now);
    }

    /// How the flights that leave now look on the wire.
    fn bodies(&mut self) -> Vec<Body> {
        self.ledger.advance_all(SUNNY, self.now);
        let rows = self.ledger.take_rows();
        self.rows.extend(rows);
        self.ledger.take_flights().into_iter().map(|flight| flight.body).collect()
    }
}

#[test]
fn an_uploaded_picture_is_handed_over_while_it_is_queued_and_its_row_keeps_the_name() {
    let mut bench = Bench::new();
    let id = bench.show("1");
    let text = bench.say("1", "看图");
    assert_eq!((bench.fly(), bench.ledger.take_wishes()), (vec![], vec![picture()]));
    assert!(bench.ledger.take_wishes().is_empty(), "wished for once");
    assert_eq!(bench.told(id), [State::Queued]);
    bench.handed(uploaded());
    assert_eq!(bench.bodies(), [Body::Image { url: "https://p/1.jpg".into(), width: 40, height: 24 }]);
    assert_eq!(bench.told(id), [State::Queued, State::Sent], "never on the wire before it says so");
    let inserted = bench.rows.iter().find_map(|row| match row {
        Row::Insert(entry) if entry.id == id => Some(entry.body.clone()),
        _ => None,
    });
    assert_eq!(inserted, Some(Body::Image { url: picture().address(), width: 0, height: 0 }));
    assert!(bench.ledger.on_launch(&"1".into(), id, bench.now));
    bench.outcome("1", id, Outcome::Accepted(Some("1.PNM".into())));
    assert_eq!(bench.fly(), [text], "what came after it waited for it");
}

#[test]
fn a_picture_that_the_platform_has_is_not_wished_for_again() {
    let mut bench = Bench::new();
    bench.show("1");
    bench.show("2");
    bench.fly();
    assert_eq!(bench.ledger.take_wishes().len(), 2, "whoever hands it over does it once");
    bench.handed(uploaded());
    assert_eq!(bench.fly().len(), 2);
    bench.show("3");
    assert_eq!((bench.fly().len(), bench.ledger.take_wishes()), (1, vec![]));
}

#[test]
fn an_upload_that_fails_is_tried_again_and_then_given_up_with_its_reason() {
    let mut bench = Bench::new();
    let id = bench.show("1");
    for pause in [1, 2] {
        bench.fly();
        assert_eq!(bench.ledger.take_wishes(), [picture()]);
        bench.handed(no_picture(false));
        bench.fly();
        assert!(bench.ledger.take_wishes().is_empty(), "not at once");
        bench.pass(pause);
    }
    bench.fly();
    bench.handed(no_picture(false));
    assert_eq!(bench.settled(), [(id, State::Rejected)]);
    let last = bench.rows.iter().rev().find_map(|row| match row {
        Row::Update(change) => change.reason.clone(),
        _ => None,
    });
    assert!(last.unwrap_or_default().ends_with("the platform was asleep"));
    assert_eq!(bench.told(id), [State::Queued, State::Rejected]);
}

#[test]
fn an_upload_that_cannot_succeed_is_given_up_at_once_and_lets_the_next_go() {
    let mut bench = Bench::new();
    let (id, text) = (bench.show("1"), bench.say("1", "在的"));
    bench.fly();
    bench.handed(no_picture(true));
    assert_eq!((bench.settled(), bench.fly()), (vec![(id, State::Rejected)], vec![text]));
}

#[test]
fn a_name_that_is_no_picture_never_reaches_a_buyer() {
    let mut bench = Bench::new();
    let id = bench.show("1");
    let lane = bench.ledger.lanes.get_mut(&ConversationId::from("1")).map(|lane| &mut lane[0].entry.body);
    *lane.into_iter().next().unwrap_or(&mut Body::Text { text: String::new() }) =
        Body::Image { url: "picture:x".into(), width: 0, height: 0 };
    assert_eq!((bench.fly(), bench.settled()), (vec![], vec![(id, State::Rejected)]));
}

#[test]
fn a_picture_in_preparation_waits_anew_after_a_break_and_may_be_taken_back() {
    let mut bench = Bench::new();
    let id = bench.show("1");
    bench.fly();
    bench.ledger.on_offline(bench.now);
    assert_eq!((bench.fly_in(OFFLINE), bench.fly()), (vec![], vec![]));
    assert_eq!(bench.ledger.take_wishes().len(), 2, "before and after the break");
    assert!(matches!(bench.ledger.cancel(id, bench.now), Some(Ok(_))));
    bench.handed(uploaded());
    assert_eq!((bench.fly(), bench.settled()), (vec![], vec![(id, State::Expired)]));
}

#[test]
fn nothing_is_handed_over_under_a_stop_switch_and_a_picture_grows_too_old_like_a_text() {
    let mut bench = Bench::new();
    let id = bench.show("1");
    assert_eq!((bench.fly_in(HELD), bench.ledger.take_wishes()), (vec![], vec![]));
    bench.fly();
    bench.handed(uploaded());
    assert_eq!(bench.fly_in(HELD), [], "switched on while it was handed over");
    let second = bench.show("2");
    let mut other = Bench::new();
    let alone = other.show("1");
    other.fly();
    other.pass(300);
    assert_eq!((other.fly(), other.settled()), (vec![], vec![(alone, State::Expired)]));
    assert_eq!(bench.fly(), [id, second]);
}

#[test]
fn silence_about_an_upload_counts_as_a_failure() {
    let mut bench = Bench::new();
    bench.show("1");
    bench.fly();
    bench.ledger.take_wishes();
    bench.pass(121);
    bench.fly();
    bench.pass(1);
    bench.fly();
    assert_eq!(bench.ledger.take_wishes(), [picture()]);
}

/// The wire carries the address, the row the name.
#[test]
fn an_uploaded_picture_is_recognised_in_echoes_and_histories_by_its_name() {
    let mut bench = Bench::new();
    let id = bench.show("1");
    bench.fly();
    bench.handed(uploaded());
    bench.fly();
    let mut echo = bench.message("1", "5.PNM", "图");
    echo.content = Content::Image { pictures: vec![Picture { url: "https://p/1.jpg".into(), width: 40, height: 24 }] };
    assert!(!bench.ledger.on_echo(&echo, bench.now), "without its name");
    assert_eq!(picture_urls([&echo].into_iter()), ["https://p/1.jpg"]);
    name_pictures(&mut echo, &HashMap::from([("https://p/1.jpg".to_owned(), picture())]));
    assert!(bench.ledger.on_echo(&echo, bench.now));
    assert_eq!(bench.settled(), [(id, State::Confirmed)]);
}
