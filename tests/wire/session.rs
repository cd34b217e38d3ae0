//! The session against a platform that a test plays by hand, and a clock that a test moves.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use yutang::{
    ids::{BuyerId, ConversationId, MessageId, Now, Timestamp},
    platform::lwp::{
        event::Event,
        payload::PayloadError,
        session::{
            Answer, Command, Config, PushId, PushPath, RefusalKind, Registration, RequestError, Session, SessionEvent,
        },
    },
};

const START: i64 = 1_760_000_000_123;

/// A session, and the platform's end of its line.
struct Line {
    session: Session,
    now: Now,
}

impl Line {
    /// Registering, nothing answered yet.
    fn open(config: Config) -> Self {
        let now = Now { instant: Instant::now(), unix: Timestamp(START) };
        let registration = Registration {
            uid: BuyerId::from("2200000000001"),
            token: "oauth_k1:EXAMPLE".to_owned(),
            device_id: "DID".to_owned(),
            user_agent: "UA".to_owned(),
            pts: Some(1_759_000_000_000_000),
            seen_at: Timestamp(START - 1000),
            seed: 502,
            first_heartbeat: Duration::from_secs(15),
        };
        Self { session: Session::new(config, registration, now), now }
    }

    /// Registered, with everything of the registration drained.
    fn live(config: Config) -> Self {
        let mut line = Self::open(config);
        let register = line.sent();
        line.answer(&register, 200, None);
        assert_eq!(line.event(), SessionEvent::Registered);
        let position = line.sent();
        line.answer(&position, 200, None);
        line
    }

    fn wait(&mut self, seconds: u64) {
        let span = Duration::from_secs(seconds);
        self.now = Now { instant: self.now.instant + span, unix: self.now.unix + span };
        self.session.handle_timeout(self.now);
    }

    fn hear(&mut self, frame: &Value) {
        self.session.handle_frame(&frame.to_string(), self.now);
    }

    /// Answers a frame the client sent.
    fn answer(&mut self, request: &Value, code: i64, body: Option<Value>) {
        let mut frame = json!({"headers": {"mid": request["headers"]["mid"], "sid": "s"}, "code": code});
        if let Some(body) = body {
            frame["body"] = body;
        }
        self.hear(&frame);
    }

    fn push(&mut self, lwp: &str, data: &[Value]) {
        let entries: Vec<Value> =
            data.iter().map(|data| json!({"bizType": 40, "objectType": 40000, "data": data})).collect();
        let package = json!({"data": entries, "maxPts": 1_760_000_000_123_000_i64});
        self.hear(
            &json!({"headers": {"mid": "84a4001c 0", "sid": "s"}, "lwp": lwp, "body": {"syncPushPackage": package}}),
        );
    }

    fn request(&mut self, command: Command) -> Value {
        self.session.request(command, self.now);
        self.sent()
    }

    fn sent(&mut self) -> Value {
        serde_json::from_str(&self.session.poll_transmit().expect("nothing was sent")).unwrap()
    }

    fn event(&mut self) -> SessionEvent {
        self.session.poll_event().expect("nothing happened")
    }

    fn events(&mut self) -> Vec<SessionEvent> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// The answer to the only request that is out.
    fn answered(&mut self) -> Result<Answer, RequestError> {
        match self.event() {
            SessionEvent::Answered { answer, .. } => answer,
            other => panic!("not an answer: {other:?}"),
        }
    }

    /// Moves the clock to each deadline and answers heartbeats, until something happens.
    fn run_until_event(&mut self, mut reply: impl FnMut(&mut Self, &Value)) -> SessionEvent {
        for _ in 0..1000 {
            while let Some(frame) = self.session.poll_transmit() {
                reply(self, &serde_json::from_str(&frame).unwrap());
            }
            if let Some(event) = self.session.poll_event() {
                return event;
            }
            let deadline = self.session.poll_timeout().expect("the session is over");
            let span = deadline.saturating_duration_since(self.now.instant);
            self.now = Now { instant: deadline, unix: self.now.unix + span };
            self.session.handle_timeout(self.now);
        }
        panic!("nothing happens any more");
    }
}

fn config() -> Config {
    Config {
        heartbeat: Duration::from_secs(15),
        dead_after: Duration::from_secs(30),
        register_wait: Duration::from_secs(10),
        request_wait: Duration::from_secs(10),
        stall_after: Duration::ZERO,
        stall_grace: Duration::from_secs(5),
    }
}

/// A text message of this time, in the form of a plain JSON entry.
fn chat(id: &str, at: i64) -> Value {
    let tree = json!({"1": {"1": {"1": "2200000000777@goofish"}, "2": "50000000001@goofish", "3": id, "5": at,
        "6": {"3": {"4": 1, "5": "{\"contentType\":1,\"text\":{\"text\":\"hi\"}}"}}}});
    json!(tree.to_string())
}

fn send() -> Command {
    Command::SendText {
        conversation: ConversationId::from("50000000001"),
        peer: BuyerId::from("2200000000777"),
        text: "hello".to_owned(),
        uuid: START,
    }
}

/// K2: connected means that the platform said so.
#[test]
fn a_session_is_registered_only_by_the_answer_to_its_own_registration() {
    let mut line = Line::open(config());
    line.hear(&json!({"code": 200, "headers": {"mid": "11760000000123 0"}}));
    line.hear(&json!({"code": 200}));
    assert_eq!(line.events(), []);
    let register = line.sent();
    assert_eq!(register["lwp"], "/reg");
    line.answer(&register, 200, Some(json!({"unitName": "PNM"})));
    assert_eq!(line.events(), [SessionEvent::Registered]);
}

/// M5: the stored position goes out, not "now".
#[test]
fn the_stored_position_follows_the_registration_at_once() {
    let mut line = Line::open(config());
    let register = line.sent();
    line.answer(&register, 200, None);
    let position = line.sent();
    assert_eq!(position["lwp"], "/r/SyncStatus/ackDiff");
    assert_eq!(position["body"][0]["pts"], 1_759_000_000_000_000_i64);
}

#[test]
fn a_refused_registration_says_why_and_ends_the_session() {
    let mut line = Line::open(config());
    let register = line.sent();
    line.answer(&register, 401, Some(json!({"reason": "device id or appkey is not equal"})));
    let SessionEvent::RegistrationRefused(refusal) = line.event() else { panic!("not refused") };
    assert_eq!((refusal.kind, refusal.code), (RefusalKind::Device, 401));
    assert_eq!(line.session.poll_timeout(), None);
}

#[test]
fn a_registration_nobody_answers_ends_the_session() {
    let mut line = Line::open(config());
    line.wait(9);
    assert_eq!(line.events(), []);
    line.wait(1);
    assert_eq!(line.events(), [SessionEvent::RegistrationSilent]);
    assert_eq!(line.session.poll_timeout(), None);
}

/// M1: every entry counts, in order, and a broken one hides none of the others.
#[test]
fn every_entry_of_a_push_arrives_in_order_with_broken_ones_in_their_places() {
    let mut line = Line::live(config());
    let odd = json!("{\"7\":1}");
    line.push("/s/sync", &[chat("1.PNM", 5), json!("%%%"), Value::Null, odd.clone(), chat("2.PNM", 6)]);
    let SessionEvent::Push(push) = line.event() else { panic!("no push") };
    assert_eq!((push.path, push.pts), (PushPath::Sync, Some(1_760_000_000_123_000)));
    let id = |index: usize| match &push.entries[index].outcome {
        Ok(Event::Message(message)) => message.id.clone(),
        other => panic!("no message: {other:?}"),
    };
    assert_eq!((id(0), id(4)), (MessageId::from("1.PNM"), MessageId::from("2.PNM")));
    assert_eq!(push.entries[1].outcome, Err(PayloadError::NotBase64));
    assert_eq!(push.entries[1].data.as_deref(), Some("%%%"));
    assert_eq!(push.entries[2].outcome, Err(PayloadError::Missing));
    assert_eq!((&push.entries[3].outcome, push.entries[3].data.as_deref()), (&Ok(Event::Unknown), odd.as_str()));
    assert_eq!(push.entries[0].data, None);
}

/// M7: a push is acknowledged when its owner says so, once, and in any order.
#[test]
fn a_push_is_acknowledged_only_when_told_to() {
    let mut line = Line::live(config());
    line.push("/s/sync", &[chat("1.PNM", 5)]);
    line.push("/s/para", &[]);
    assert_eq!(line.session.poll_transmit(), None);
    for push in [PushId(1), PushId(1), PushId(0), PushId(7)] {
        line.session.ack(push);
    }
    let acknowledgements: Vec<Value> = std::iter::from_fn(|| line.session.poll_transmit())
        .map(|frame| serde_json::from_str(&frame).unwrap())
        .collect();
    assert_eq!(
        acknowledgements,
        [
            json!({"code": 200, "headers": {"mid": "84a4001c 0", "sid": "s"}}),
            json!({"code": 200, "headers": {"mid": "84a4001c 0", "sid": "s"}})
        ]
    );
}

#[test]
fn a_push_whose_package_cannot_be_read_is_one_error_and_can_be_acknowledged() {
    let mut line = Line::live(config());
    line.hear(&json!({"headers": {"mid": "84a4001c 0"}, "lwp": "/s/sync", "body": {"syncPushPackage": {"data": "?"}}}));
    let SessionEvent::Push(push) = line.event() else { panic!("no push") };
    assert!(matches!(push.entries[0].outcome, Err(PayloadError::Package(_))));
    line.session.ack(push.id);
    assert_eq!(line.sent()["headers"]["mid"], "84a4001c 0");
}

/// M4: answers find their request by mid, not by being the next frame with code 200.
#[test]
fn answers_find_their_requests_in_any_order() {
    let mut line = Line::live(config());
    let first = line.session.request(send(), line.now);
    let second = line.session.request(send(), line.now);
    let (first_frame, second_frame) = (line.sent(), line.sent());
    line.answer(&second_frame, 200, Some(json!({"messageId": "2.PNM"})));
    line.answer(&first_frame, 200, Some(json!({"messageId": "1.PNM"})));
    line.answer(&first_frame, 200, Some(json!({"messageId": "9.PNM"})));
    let sent = |request, id| SessionEvent::Answered {
        request,
        answer: Ok(Answer::Sent { message: Some(MessageId::from(id)) }),
    };
    assert_eq!(line.events(), [sent(second, "2.PNM"), sent(first, "1.PNM")]);
}

#[test]
fn a_request_without_an_answer_is_in_doubt_after_its_time_and_a_late_answer_changes_nothing() {
    let mut line = Line::live(config());
    let frame = line.request(send());
    line.wait(9);
    assert_eq!(line.events(), []);
    line.wait(1);
    assert_eq!(line.answered(), Err(RequestError::NoAnswer));
    line.answer(&frame, 200, Some(json!({"messageId": "1.PNM"})));
    assert_eq!(line.events(), []);
}

#[test]
fn each_request_waits_its_own_time() {
    let mut line = Line::live(config());
    let early = line.request(send());
    line.wait(6);
    line.request(send());
    line.answer(&early, 200, None);
    assert_eq!(line.answered(), Ok(Answer::Sent { message: None }));
    line.wait(5);
    assert_eq!(line.events(), []);
    line.wait(5);
    assert_eq!(line.answered(), Err(RequestError::NoAnswer));
}

#[test]
fn a_content_rejection_is_no_success() {
    let mut line = Line::live(config());
    let frame = line.request(send());
    line.answer(&frame, 200, Some(json!({"reason": "安全拦截", "moreInfo": "CSI_FORBID||安全拦截"})));
    assert_eq!(line.answered(), Err(RequestError::Rejected { reason: "安全拦截".to_owned() }));
}

#[test]
fn a_refused_token_answers_the_request_and_ends_the_session() {
    let mut line = Line::live(config());
    let frame = line.request(send());
    line.request(send());
    line.answer(&frame, 401, Some(json!({"reason": "token expired"})));
    assert_eq!(line.answered(), Err(RequestError::Refused { code: 401, reason: "token expired".to_owned() }));
    assert_eq!(line.answered(), Err(RequestError::Lost));
    assert_eq!(line.events(), [SessionEvent::TokenRefused { text: "token expired".to_owned() }]);
    assert_eq!(line.session.poll_timeout(), None);
}

#[test]
fn a_refused_sync_position_does_not_end_the_session_unless_the_token_is_refused() {
    let mut line = Line::open(config());
    let register = line.sent();
    line.answer(&register, 200, None);
    let position = line.sent();
    line.answer(&position, 400, Some(json!({"reason": "bad request"})));
    assert_eq!(line.events(), [SessionEvent::Registered]);
    assert!(line.session.poll_timeout().is_some());
}

#[test]
fn a_request_outside_the_live_time_is_lost_and_never_sent() {
    let mut line = Line::open(config());
    line.sent();
    line.session.request(send(), line.now);
    assert_eq!(line.answered(), Err(RequestError::Lost));
    assert_eq!(line.session.poll_transmit(), None);
}

#[test]
fn a_broken_connection_leaves_every_waiting_request_in_doubt() {
    let mut line = Line::live(config());
    line.request(send());
    line.session.close();
    assert_eq!(line.answered(), Err(RequestError::Lost));
    assert_eq!((line.events(), line.session.poll_timeout()), (vec![], None));
}

#[test]
fn control_pushes_are_acknowledged_and_end_the_session() {
    let text = || "connect limit".to_owned();
    let events = [
        ("/push/kickout", SessionEvent::KickedOut { text: text() }),
        ("/s/session/remove", SessionEvent::SessionRemoved { text: text() }),
    ];
    for (path, event) in events {
        let mut line = Line::live(config());
        let body = json!({"reason": "connect limit"});
        line.hear(&json!({"headers": {"mid": "84a40020 0", "sid": "s"}, "lwp": path, "body": body}));
        assert_eq!(line.sent(), json!({"code": 200, "headers": {"mid": "84a40020 0", "sid": "s"}}));
        assert_eq!(line.events(), [event]);
        assert_eq!(line.session.poll_timeout(), None);
    }
}

#[test]
fn garbage_is_reported_and_the_session_goes_on() {
    let mut line = Line::live(config());
    for text in ["", "{", "[]", "{}", "null", "\"x\"", "{\"code\":\"x\"}"] {
        line.session.handle_frame(text, line.now);
        assert!(matches!(line.events()[..], [SessionEvent::Unreadable(_)]), "{text:?}");
    }
    let frame = line.request(send());
    line.answer(&frame, 200, None);
    assert!(line.answered().is_ok());
}

/// K1: a line that answers nothing is found.
#[test]
fn a_silent_line_is_lost_thirty_seconds_after_its_last_sign_of_life() {
    let mut line = Line::live(config());
    let start = line.now.instant;
    let event = line.run_until_event(|_, frame| assert_eq!(frame["lwp"], "/!"));
    assert_eq!(event, SessionEvent::HeartbeatLost);
    assert_eq!(line.now.instant - start, Duration::from_secs(30));
    assert_eq!(line.session.poll_timeout(), None);
}

/// K1, K3: an answered heartbeat keeps the session for as long as it is answered.
#[test]
fn answered_heartbeats_keep_the_session_for_hours() {
    let mut line = Line::live(config());
    let mut beats = 0;
    let event = line.run_until_event(|line, frame| {
        beats += 1;
        if beats <= 500 {
            line.answer(frame, 200, None);
        }
    });
    assert_eq!(event, SessionEvent::HeartbeatLost);
    assert_eq!(line.now.unix.since(Timestamp(START)), Duration::from_secs(500 * 15 + 30));
}

#[test]
fn other_frames_do_not_count_as_heartbeat_answers() {
    let mut line = Line::live(config());
    line.wait(15);
    line.sent();
    line.wait(14);
    let frame = line.request(send());
    line.answer(&frame, 200, None);
    line.push("/s/sync", &[chat("1.PNM", 5)]);
    line.events();
    line.wait(1);
    assert_eq!(line.events(), [SessionEvent::HeartbeatLost]);
}

#[test]
fn a_slow_heartbeat_is_given_time_to_be_answered() {
    let slow = Config { heartbeat: Duration::from_secs(60), ..config() };
    let mut line = Line::live(slow);
    let mut beats = 0;
    line.run_until_event(|line, frame| {
        beats += 1;
        if beats <= 10 {
            line.answer(frame, 200, None);
        }
    });
    assert_eq!(beats, 11);
}

#[test]
fn liveness_tells_when_heartbeats_left_and_came_back() {
    let mut line = Line::live(config());
    assert_eq!(line.session.liveness().heartbeat_sent, None);
    line.wait(15);
    let beat = line.sent();
    line.wait(1);
    line.answer(&beat, 200, None);
    line.wait(1);
    line.push("/s/sync", &[chat("1.PNM", 5)]);
    let liveness = line.session.liveness();
    let after = |seconds: i64| Some(Timestamp(START + seconds * 1000));
    assert_eq!(
        (liveness.heartbeat_sent, liveness.heartbeat_answered, liveness.business),
        (after(15), after(16), after(17))
    );
}

fn newest(at: i64) -> Value {
    json!({"hasMore": false, "userConvs": [{"singleChatUserConversation": {
        "lastMessage": {"message": {"messageId": "9.PNM", "cid": "50000000001@goofish", "createAt": at, "sender": {"uid": "2200000000777@goofish"}}},
        "singleChatConversation": {"cid": "50000000001@goofish", "pairFirst": "1@goofish", "pairSecond": "2@goofish"}}}]})
}

fn watching() -> Config {
    Config { stall_after: Duration::from_secs(60), ..config() }
}

/// Heartbeats answered, nothing pushed: the list of conversations gives it away.
#[test]
fn a_line_that_lives_but_delivers_nothing_is_stalled() {
    let mut line = Line::live(watching());
    let event = line.run_until_event(|line, frame| {
        let list = (frame["lwp"] == "/r/Conversation/listNewestPagination").then(|| newest(START + 40_000));
        line.answer(frame, 200, list);
    });
    assert_eq!(event, SessionEvent::Stalled);
    assert_eq!(line.now.unix.since(Timestamp(START)), Duration::from_secs(65));
    assert_eq!(line.session.poll_timeout(), None);
}

#[test]
fn a_quiet_line_that_missed_nothing_is_not_stalled() {
    let mut line = Line::live(watching());
    let mut probes = 0;
    let event = line.run_until_event(|line, frame| {
        let probe = frame["lwp"] == "/r/Conversation/listNewestPagination";
        probes += u32::from(probe);
        if probes < 5 {
            line.answer(frame, 200, probe.then(|| newest(START - 1000)));
        }
    });
    assert_eq!((event, probes), (SessionEvent::HeartbeatLost, 5));
}

#[test]
fn a_message_that_arrives_within_the_grace_clears_the_suspicion() {
    let mut line = Line::live(watching());
    for _ in 0..4 {
        line.wait(15);
        let beat = line.sent();
        line.answer(&beat, 200, None);
    }
    let probe = line.sent();
    line.answer(&probe, 200, Some(newest(START + 59_000)));
    line.wait(4);
    line.push("/s/sync", &[chat("9.PNM", START + 59_000)]);
    line.wait(1);
    assert!(matches!(line.events()[..], [SessionEvent::Push(_)]));
}

#[test]
fn a_probe_without_an_answer_is_tried_again_later() {
    let mut line = Line::live(watching());
    let mut probes = 0;
    let event = line.run_until_event(|line, frame| {
        if frame["lwp"] == "/!" {
            return line.answer(frame, 200, None);
        }
        probes += 1;
        if probes == 2 {
            line.answer(frame, 200, Some(newest(START + 90_000)));
        }
    });
    assert_eq!((event, probes), (SessionEvent::Stalled, 2));
}

#[test]
fn messages_read_from_the_history_are_seen_too() {
    let mut line = Line::live(watching());
    let conversation = ConversationId::from("50000000001");
    let frame = line.request(Command::ListMessages { conversation, cursor: None, limit: 20 });
    let model = newest(START + 500)["userConvs"][0]["singleChatUserConversation"]["lastMessage"].clone();
    line.answer(&frame, 200, Some(json!({"hasMore": 0, "userMessageModels": [model]})));
    assert!(matches!(line.answered(), Ok(Answer::History(_))));
    let mut probes = 0;
    let event = line.run_until_event(|line, frame| {
        let probe = frame["lwp"] == "/r/Conversation/listNewestPagination";
        probes += u32::from(probe);
        if probes < 2 {
            line.answer(frame, 200, probe.then(|| newest(START + 500)));
        }
    });
    assert_eq!((event, probes), (SessionEvent::HeartbeatLost, 2));
}
