//! Everything the platform can do wrong, and what must happen: one table for each stage at which it strikes. Whatever it is, every
//! buyer message is answered exactly once, or the documented outcome is stored.

use std::time::Duration;

use yutang::{
    account::state::{Reason, State},
    settings::Settings,
    sim::{Answer, Faults, Gateway, Interest, SimEvent},
    store::unknown_pushes,
};

use crate::harness::{PATIENCE, Shop, TestApp, echo, verified_shop};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";

/// A connected line that is struck: it is given up for the right reason, a new one follows, and what was said in between is answered
/// once. `tokens`: how many may be asked for in all.
macro_rules! a_line {
    ($($(#[$doc:meta])* $name:ident: $settings:expr, $strike:expr => $reason:ident, tokens $tokens:literal;)*) => {$(
        $(#[$doc])*
        #[actix_web::test]
        async fn $name() {
            struck_line($settings, $strike, Reason::$reason, $tokens).await;
        }
    )*};
}

a_line! {
    /// K1: there, a heartbeat without an answer went unnoticed.
    a_silent_heartbeat_leads_to_a_reconnect:
        fast_heartbeat, |app, _| app.platform().change_faults(|faults| faults.silent_heartbeat = true)
        => HeartbeatLost, tokens 1;
    a_line_that_answers_but_delivers_nothing_is_made_anew:
        |settings| settings.platform.stall_after = Duration::from_millis(200),
        |app, _| app.platform().change_faults(|faults| faults.zombie = true)
        => Stalled, tokens 1;
    a_normal_close_leads_to_a_reconnect: usual, |_, shop| shop.close(1000) => ClosedByPlatform, tokens 1;
    a_close_with_a_code_of_its_own_leads_to_a_reconnect: usual, |_, shop| shop.close(4001) => ClosedByPlatform, tokens 1;
    a_tcp_reset_leads_to_a_reconnect: usual, |_, shop| shop.reset() => NetworkError, tokens 1;
    a_kick_out_keeps_the_token: usual, |_, shop| shop.kick_out() => KickedOut, tokens 1;
    a_removed_session_keeps_the_token: usual, |_, shop| shop.remove_session() => TooManySessions, tokens 1;
    a_401_on_the_next_request_costs_one_token: usual, |_, shop| shop.expire_tokens() => TokenRefused, tokens 2;
}

/// What is wrong from the beginning and heals: the account says why it waits, and connects when it can.
macro_rules! a_connect {
    ($($(#[$doc:meta])* $name:ident: $settings:expr, $faults:expr => $reason:ident;)*) => {$(
        $(#[$doc])*
        #[actix_web::test]
        async fn $name() {
            failing_connect($settings, $faults, Reason::$reason).await;
        }
    )*};
}

a_connect! {
    a_refused_upgrade_is_tried_again: usual, Faults { refuse_upgrade: true, ..healthy() } => NetworkError;
    an_upgrade_without_an_answer_has_a_deadline: impatient, Faults { hang_upgrade: true, ..healthy() } => NetworkError;
    /// K2: there, "connected" was said before the registration was answered.
    a_registration_without_an_answer_has_a_deadline: impatient, Faults { hang_register: true, ..healthy() } => NetworkError;
    a_connect_limit_is_waited_out: usual, Faults { connect_limit: Some(0), ..healthy() } => TooManySessions;
    a_gateway_without_an_answer_has_a_deadline: impatient, Faults { hang_gateway: true, ..healthy() } => NetworkError;
    a_gateway_that_answers_502_is_asked_again: usual, gateway(Gateway::Status(502)) => NetworkError;
    a_gateway_that_answers_garbage_is_asked_again: usual, gateway(Gateway::Garbage) => PlatformError;
    a_gateway_that_answers_nothing_is_asked_again: usual, gateway(Gateway::EmptyRet) => PlatformError;
    a_gateway_under_flow_control_is_asked_again:
        usual, gateway(Gateway::Ret("FAIL_SYS_TRAFFIC_LIMIT::限流".into())) => PlatformError;
}

/// What only a person can mend: not one further call, not even after a restart, until new credentials come.
macro_rules! a_breaker {
    ($($(#[$doc:meta])* $name:ident: $gateway:expr => $reason:ident;)*) => {$(
        $(#[$doc])*
        #[actix_web::test]
        async fn $name() {
            open_breaker($gateway, Reason::$reason).await;
        }
    )*};
}

a_breaker! {
    a_punishment_stops_every_call_until_a_person_acts: Gateway::Punish => ChallengeRequired;
    a_punishment_as_html_stops_every_call_until_a_person_acts: Gateway::PunishHtml => ChallengeRequired;
    an_expired_session_stops_every_call_until_a_person_acts: Gateway::SessionExpired => SessionExpired;
    an_illegal_access_stops_every_call_until_a_person_acts: Gateway::IllegalAccess => AccessDenied;
    a_signature_that_never_holds_counts_as_an_expired_session: Gateway::TokenExpired => SessionExpired;
    a_signature_that_is_always_missing_counts_as_an_expired_session: Gateway::TokenEmpty => SessionExpired;
}

/// What is wrong with the pushes: every message is stored, acknowledged and answered once all the same, on the same line.
/// `unknown`: whether entries are kept that nobody could read.
macro_rules! a_push {
    ($($(#[$doc:meta])* $name:ident: $faults:expr, unknown $unknown:literal;)*) => {$(
        $(#[$doc])*
        #[actix_web::test]
        async fn $name() {
            odd_pushes($faults, $unknown).await;
        }
    )*};
}

a_push! {
    pushes_that_arrive_twice_are_answered_once: Faults { duplicate: true, ..healthy() }, unknown false;
    pushes_that_overtake_each_other_are_all_answered: Faults { reorder: true, ..healthy() }, unknown false;
    a_slow_platform_is_waited_for: Faults { delay_ms: 50, ..healthy() }, unknown false;
    a_message_among_3_entries_is_answered: Faults { entries_per_push: 3, ..healthy() }, unknown false;
    a_message_among_14_entries_is_answered: Faults { entries_per_push: 14, ..healthy() }, unknown false;
    a_message_among_32_entries_is_answered: Faults { entries_per_push: 32, ..healthy() }, unknown false;
    a_broken_entry_beside_a_message_costs_only_itself: Faults { broken_entries: true, ..healthy() }, unknown true;
    a_broken_entry_among_32_costs_only_itself:
        Faults { entries_per_push: 32, broken_entries: true, ..healthy() }, unknown true;
    echoes_that_come_before_their_answers_are_known: Faults { echo_first: true, ..healthy() }, unknown false;
    a_signature_token_that_changes_with_every_call_is_kept: Faults { rotate_h5: true, ..healthy() }, unknown false;
    everything_at_once_is_survived:
        Faults { duplicate: true, reorder: true, entries_per_push: 14, broken_entries: true, echo_first: true, delay_ms: 20, ..healthy() },
        unknown true;
}

/// What becomes of a send: its state, how often it was on the wire, whether the buyer saw it. The next message of the conversation is
/// answered as usual.
macro_rules! a_send {
    ($($(#[$doc:meta])* $name:ident: $answers:expr => $state:literal, attempts $attempts:literal, seen $seen:literal, $reason:expr;)*) => {$(
        $(#[$doc])*
        #[actix_web::test]
        async fn $name() {
            odd_send(&$answers, $state, $attempts, $seen, $reason).await;
        }
    )*};
}

a_send! {
    an_answer_with_an_id_confirms: [Answer::WithId] => "confirmed", attempts 1, seen true, None;
    an_answer_without_an_id_confirms: [Answer::WithoutId] => "confirmed", attempts 1, seen true, None;
    an_echo_confirms_where_no_answer_comes: [Answer::NoAnswer] => "confirmed", attempts 1, seen true, None;
    the_history_confirms_where_neither_answer_nor_echo_comes:
        [Answer::NoAnswerNoEcho] => "confirmed", attempts 1, seen true, None;
    /// M4: there, a send that was not answered was forgotten.
    a_lost_send_is_sent_again_and_seen_once: [Answer::Lost] => "confirmed", attempts 2, seen true, None;
    a_send_that_is_always_lost_stays_in_doubt:
        [Answer::Lost; 3] => "uncertain", attempts 3, seen false, Some("never seen in the history");
    a_forbidden_text_is_rejected_for_good_with_the_platforms_words:
        [Answer::Forbid] => "rejected", attempts 1, seen false, Some("安全拦截");
    a_send_refused_with_503_is_sent_again: [Answer::Refuse(503)] => "confirmed", attempts 2, seen true, None;
    a_send_refused_again_and_again_is_given_up:
        [Answer::Refuse(500); 3] => "rejected", attempts 3, seen false, Some("code 500");
    a_send_refused_with_400_is_not_repeated: [Answer::Refuse(400)] => "rejected", attempts 1, seen false, Some("code 400");
}

fn healthy() -> Faults {
    Faults::default()
}

fn gateway(gateway: Gateway) -> Faults {
    Faults { gateway, ..healthy() }
}

fn usual(_: &mut Settings) {}

fn fast_heartbeat(settings: &mut Settings) {
    settings.platform.heartbeat = Duration::from_millis(100);
    settings.platform.dead_after = Duration::from_millis(400);
}

fn impatient(settings: &mut Settings) {
    let platform = &mut settings.platform;
    for wait in [
        &mut platform.register_wait,
        &mut platform.request_wait,
        &mut platform.gateway_wait,
        &mut platform.connect_wait,
    ] {
        *wait = Duration::from_millis(500);
    }
}

async fn struck_line(
    settings: impl FnOnce(&mut Settings),
    strike: impl FnOnce(&TestApp, &Shop),
    reason: Reason,
    tokens: u32,
) {
    let mut app = TestApp::with(settings);
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let conversation = shop.buyer_says(BUYER, ITEM, "一").conversation;
    app.answers(&shop, &conversation, &["答:一"]).await;
    let registrations = shop.lock().registrations;
    strike(&app, &shop);
    shop.buyer_says(BUYER, ITEM, "二");
    app.said_reason(&shop, reason).await;
    app.platform().heal();
    assert!(shop.await_registered(registrations + 1, PATIENCE).await);
    shop.await_delivered(&conversation, 2, PATIENCE).await;
    shop.buyer_says(BUYER, ITEM, "三");
    app.answers(&shop, &conversation, &["答:一", "答:二", "答:三"]).await;
    app.becomes(&shop, State::Connected, Reason::Registered).await;
    assert_eq!(shop.token_requests(), tokens);
    let decisions: Vec<_> =
        app.messages(&shop, &conversation).into_iter().map(|row| row.decision.unwrap_or_default()).collect();
    assert_eq!(decisions, ["answer"; 3]);
}

async fn failing_connect(settings: impl FnOnce(&mut Settings), faults: Faults, reason: Reason) {
    let mut app = TestApp::with(settings);
    let shop = app.open("shop");
    app.rule(echo());
    app.platform().change_faults(|standing| *standing = faults);
    app.start_unconnected();
    let status = app.said_reason(&shop, reason).await;
    assert_eq!(status.state, State::Reconnecting, "{status:?}");
    assert!(!app.reasons(&shop).await.contains(&Reason::Registered));
    app.platform().heal();
    assert!(shop.await_registered(1, PATIENCE).await);
    let conversation = shop.buyer_says(BUYER, ITEM, "在吗").conversation;
    app.answers(&shop, &conversation, &["答:在吗"]).await;
    app.becomes(&shop, State::Connected, Reason::Registered).await;
}

async fn open_breaker(fault: Gateway, reason: Reason) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.platform().change_faults(|faults| faults.gateway = fault);
    app.start_unconnected();
    let status = app.becomes(&shop, State::Failed, reason).await;
    assert!(status.reason.action().is_some(), "a person is told what to do");
    let calls = shop.gateway_requests();
    app.platform().heal();
    app.stop().await;
    app.start_unconnected();
    assert_eq!(app.said_reason(&shop, reason).await.state, State::Failed);
    assert_eq!(shop.gateway_requests(), calls);
    app.renew_cookie(&shop);
    assert!(shop.await_registered(1, PATIENCE).await);
    let conversation = shop.buyer_says(BUYER, ITEM, "在吗").conversation;
    app.answers(&shop, &conversation, &["答:在吗"]).await;
    app.becomes(&shop, State::Connected, Reason::Registered).await;
}

#[actix_web::test]
async fn a_person_who_passed_the_verification_with_the_same_cookie_is_believed() {
    let (app, shop) = verified_shop().await;
    app.retry(&shop);
    app.becomes(&shop, State::Connected, Reason::Registered).await;
}

async fn odd_pushes(faults: Faults, unknown: bool) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    app.platform().change_faults(|standing| *standing = faults);
    for number in 0..6 {
        shop.buyer_says(BUYER, ITEM, &format!("甲{number}"));
        shop.buyer_says(OTHER, ITEM, &format!("乙{number}"));
    }
    for (buyer, name) in [(BUYER, "甲"), (OTHER, "乙")] {
        let conversation = shop.conversation(buyer, ITEM);
        shop.await_delivered(&conversation, 6, PATIENCE).await;
        app.settled(&shop).await;
        let mut seen = shop.seen(&conversation);
        seen.sort_unstable();
        assert_eq!(seen, (0..6).map(|number| format!("答:{name}{number}")).collect::<Vec<_>>());
        let rows = app.messages(&shop, &conversation);
        assert_eq!(rows.iter().filter(|row| row.decision.as_deref() == Some("answer")).count(), 6);
        assert_eq!(rows.len(), 6, "echoes are not stored as messages");
        assert!(app.sends(&shop, &conversation).iter().all(|send| send.state.as_str() == "confirmed"));
    }
    assert!(shop.await_acknowledged(PATIENCE).await, "{:?}", shop.unacknowledged());
    assert_eq!(shop.lock().registrations, 1);
    let (scope, id) = (app.scope(), shop.id);
    assert_eq!(app.read(move |conn| unknown_pushes::list(conn, &scope, id)).is_empty(), !unknown);
}

async fn odd_send(answers: &[Answer], state: &str, attempts: i32, seen: bool, reason: Option<&str>) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    shop.answer_next(answers.iter().copied());
    let conversation = shop.buyer_says(BUYER, ITEM, "一").conversation;
    shop.buyer_says(BUYER, ITEM, "二");
    let expected: &[&str] = if seen { &["答:一", "答:二"] } else { &["答:二"] };
    app.sees(&shop, &conversation, expected).await;
    let sends = app.sends(&shop, &conversation);
    let [first, second] = &sends[..] else { panic!("two sends: {sends:?}") };
    assert_eq!((first.state.as_str(), first.attempts), (state, attempts), "{first:?}");
    assert_eq!(second.state.as_str(), "confirmed");
    let stored = first.reason.as_deref().unwrap_or_default();
    assert!(reason.is_none_or(|reason| stored.contains(reason)), "{stored}");
    for delivery in shop.received(&conversation) {
        let send = sends.iter().find(|send| delivery.uuid.contains(&send.id.0.to_string()));
        let body = send.map(|send| send.body.clone());
        assert_eq!(body, Some(yutang::outbox::entry::Body::Text { text: delivery.text().to_owned() }));
    }
}

#[actix_web::test]
async fn frames_of_garbage_cost_nothing() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    for garbage in
        ["{not json", "", "[]", "null", "{}", "{\"lwp\":1}", "{\"headers\":{\"mid\":[]},\"code\":\"x\"}", "\u{0}"]
    {
        shop.send_raw(garbage);
    }
    let conversation = shop.buyer_says(BUYER, ITEM, "在吗").conversation;
    app.answers(&shop, &conversation, &["答:在吗"]).await;
    assert_eq!(shop.lock().registrations, 1);
}

#[actix_web::test]
async fn requests_without_an_answer_have_a_deadline_and_are_done_again() {
    let mut app = TestApp::with(|settings| {
        impatient(settings);
        settings.platform.heartbeat = Duration::from_millis(200);
    });
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    app.platform().change_faults(|faults| faults.hang_requests = true);
    let conversation = shop.buyer_says(BUYER, ITEM, "在吗").conversation;
    let sent = || app.sends(&shop, &conversation).into_iter().find(|send| send.attempts == 1);
    app.eventually("the answer is about to go onto the wire", sent).await;
    // What leaves after it has arrived, so it was swallowed.
    let mut events = app.platform().events(Interest::Everything);
    let mut heartbeats = 0;
    while heartbeats < 2 {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        heartbeats += usize::from(matches!(event, SimEvent::Heartbeat { .. }));
    }
    app.platform().heal();
    app.answers(&shop, &conversation, &["答:在吗"]).await;
    assert_eq!(app.sends(&shop, &conversation)[0].attempts, 2);
}

#[actix_web::test]
async fn wake_ups_after_the_registration_are_not_answered() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    let quiet = shop.conversation(OTHER, ITEM);
    app.platform().change_faults(|faults| faults.wake_ups = 32);
    app.start().await;
    let conversation = shop.buyer_says(BUYER, ITEM, "在吗").conversation;
    app.answers(&shop, &conversation, &["答:在吗"]).await;
    assert_eq!(shop.seen(&quiet), Vec::<String>::new());
}

/// K4: there, a platform that closes politely at once caused a tight loop.
#[actix_web::test]
async fn a_platform_that_closes_at_once_is_not_stormed() {
    let mut app = TestApp::with(|settings| settings.accounts.retries = 4);
    let shop = app.open("shop");
    app.start().await;
    let start = std::time::Instant::now();
    for registrations in 1..=6 {
        assert!(shop.await_registered(registrations, PATIENCE).await);
        shop.close(1000);
    }
    assert!(shop.await_registered(7, PATIENCE).await);
    // The least the jitter allows: half of 20, 40, 80, and of 400 from the fourth on.
    assert!(start.elapsed() >= Duration::from_millis(70 + 3 * 200), "{:?}", start.elapsed());
    let reasons = app.reasons(&shop).await;
    assert_eq!(reasons.iter().filter(|reason| **reason == Reason::ClosedByPlatform).count(), 3);
    assert!(reasons.contains(&Reason::RetriesExhausted));
    assert_eq!(shop.token_requests(), 1);
}
