//! Whatever a stranger sends costs an error value: no panic, no stack overflow, no memory out of proportion.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};
use yutang::{
    ids::{BuyerId, Now, Timestamp},
    platform::{
        cookie_paste,
        lwp::{
            event::{self, Event},
            frame::{Frame, FrameError},
            payload::{self, PayloadError},
            session::{Config, Registration, Session, SessionEvent},
        },
        passport::{LoginForm, QrAnswer, QrCode},
    },
};

fn now() -> Now {
    Now { instant: Instant::now(), unix: Timestamp(1_760_000_000_123) }
}

/// A session whose registration was answered.
fn live_session() -> Session {
    let wait = Duration::from_secs(10);
    let config = Config {
        heartbeat: wait,
        dead_after: wait,
        register_wait: wait,
        request_wait: wait,
        stall_after: wait,
        stall_grace: wait,
    };
    let registration = Registration {
        uid: BuyerId::from("2200000000001"),
        token: String::new(),
        device_id: String::new(),
        user_agent: String::new(),
        pts: None,
        seen_at: Timestamp(0),
        seed: 502,
        first_heartbeat: wait,
    };
    let mut session = Session::new(config, registration, now());
    session.handle_frame(r#"{"code":200,"headers":{"mid":"5031760000000123 0"}}"#, now());
    assert_eq!(session.poll_event(), Some(SessionEvent::Registered));
    session
}

/// Feeds one frame and acknowledges what came of it.
fn feed(text: &str) -> Vec<SessionEvent> {
    let mut session = live_session();
    session.handle_frame(text, now());
    session.handle_timeout(now());
    let events: Vec<SessionEvent> = std::iter::from_fn(|| session.poll_event()).collect();
    for event in &events {
        if let SessionEvent::Push(push) = event {
            session.ack(push.id);
        }
    }
    while let Some(frame) = session.poll_transmit() {
        assert!(serde_json::from_str::<Value>(&frame).unwrap().is_object());
    }
    events
}

fn fixtures() -> Value {
    serde_json::from_str(include_str!("fixtures/protocol-vectors.json")).unwrap()
}

fn frames() -> Vec<String> {
    fixtures()["server_frames"].as_array().unwrap().iter().map(|vector| vector["frame"].to_string()).collect()
}

fn entries() -> Vec<String> {
    fixtures()["decode"].as_array().unwrap().iter().map(|vector| vector["data"].as_str().unwrap().to_owned()).collect()
}

/// Replaces, removes and inserts bytes.
fn mutate(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for (index, kind, byte) in changes {
        let at = index.index(bytes.len() + 1);
        match kind % 3 {
            0 => bytes.insert(at, *byte),
            1 if at < bytes.len() => bytes[at] = *byte,
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 1..6)
}

/// What the reader looks for: texts that decide something, and the keys it walks down.
const WORDS: [&str; 8] = [
    "1",
    "x.PNM",
    "5@goofish",
    "",
    "2",
    "true",
    "{\"contentType\":26}",
    "fleamarket://x?itemId=900000000001&orderId=1",
];
const KEYS: [&str; 16] = [
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "10",
    "operation",
    "content",
    "sessionId",
    "reminderContent",
    "extJson",
    "sessionArouse",
    "userConvs",
    "userMessageModels",
    "message",
];

/// Trees of those words in the wrong places.
fn near_tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(&WORDS[..]).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!(true)),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        let map = prop::collection::vec((prop::sample::select(&KEYS[..]), inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            map.prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// Logins as people paste them.
const PASTES: [&str; 4] = [
    "curl 'https://x/' \\\n -H $'cookie: unb=1; cookie2=\\u0041' -b \"a=\\\"b\\\"\"",
    "curl ^\"https://x/^\" ^\r\n -b ^\"unb=1; cookie2=a^%^2F^\"",
    r#"{"cookies":[{"name":"unb","value":"1","domain":".goofish.com"},{"name":"cookie2","value":2}],"origins":[]}"#,
    ".goofish.com\tTRUE\t/\tTRUE\t0\tunb\t1\n#HttpOnly_.goofish.com\tTRUE\t/\tTRUE\t0\tcookie2\t2\n",
];

/// What the login service says.
const LOGIN: [&str; 3] = [
    r#"<script>window.viewData = {"loginFormData":{"appName":"xianyu","fromSite":77,"isMobile":false}};</script>"#,
    r#"{"content":{"data":{"t":98765432109876543210,"ck":"k","codeContent":"https://x/?lgToken=l"},"success":true},"hasError":false}"#,
    r#"{"content":{"data":{"qrCodeStatus":"CONFIRMED","iframeRedirect":true,"iframeRedirectUrl":"https://x/"},"success":true}}"#,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_frame_or_an_error(text in any::<String>()) {
        let parsed = Frame::parse(&text).is_ok();
        let reported = feed(&text).iter().any(|event| matches!(event, SessionEvent::Unreadable(_)));
        prop_assert_eq!(parsed, !reported);
    }

    #[test]
    fn a_damaged_paste_is_a_login_or_refused(paste in prop::sample::select(&PASTES[..]), changes in changes()) {
        prop_assert!(cookie_paste::read(paste).is_ok(), "{}", paste);
        let damaged = mutate(paste.into(), &changes);
        if let Ok(pasted) = cookie_paste::read(&String::from_utf8_lossy(&damaged)) {
            prop_assert!(!pasted.cookies.header().contains(char::is_control));
        }
    }

    #[test]
    fn a_damaged_answer_of_the_login_service_is_read_or_refused(answer in prop::sample::select(&LOGIN[..]), changes in changes()) {
        let damaged = mutate(answer.into(), &changes);
        let read = LoginForm::read(&String::from_utf8_lossy(&damaged)).is_ok();
        let code = QrCode::read(&damaged);
        prop_assert!(!(read && code.is_ok()));
        if let Ok(code) = code {
            prop_assert!(code.t.bytes().all(|byte| byte.is_ascii_digit()));
        }
        if let Ok(QrAnswer { check: Some(check), .. }) = QrAnswer::read(&damaged) {
            prop_assert!(check.starts_with("http"));
        }
    }

    #[test]
    fn any_text_is_an_entry_or_an_error(text in any::<String>()) {
        if let Ok(value) = payload::decode(&text) {
            prop_assert!(value.is_object());
            event::classify(&value);
        }
    }

    #[test]
    fn any_bytes_are_a_tree_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        use base64::{Engine, prelude::BASE64_STANDARD};
        for first in [0x81, 0x8f, 0xde, 0xdf] {
            let packed = [&[first], &bytes[..]].concat();
            if let Ok(value) = payload::decode(&BASE64_STANDARD.encode(packed)) {
                event::classify(&value);
            }
        }
    }

    #[test]
    fn a_damaged_entry_is_an_entry_or_an_error(entry in prop::sample::select(entries()), changes in changes()) {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let text = String::from_utf8_lossy(&mutate(entry.clone().into_bytes(), &changes)).into_owned();
        let inside = BASE64_STANDARD.decode(&entry).map(|bytes| BASE64_STANDARD.encode(mutate(bytes, &changes)));
        for damaged in inside.into_iter().chain([text]) {
            if let Ok(value) = payload::decode(&damaged) {
                event::classify(&value);
            }
        }
    }

    #[test]
    fn cut_emoji_in_json_cost_a_character_and_never_the_entry(
        pieces in prop::collection::vec(prop::sample::select(&["\\ud83d", "\\uDC4B", "\\\\", "\\n", "\\u4f60", "你", "ud83d"][..]), 0..12)
    ) {
        let text = pieces.concat();
        let value = payload::decode(&format!(r#"{{"a":"{text}"}}"#));
        prop_assert!(value.is_ok(), "{} {:?}", text, value);
    }

    #[test]
    fn json_with_any_escapes_is_an_entry_or_an_error(
        pieces in prop::collection::vec(prop::sample::select(&["\\ud83d", "\\uDC4", "\\", "\\u", "\"", "你", "d83d", "}"][..]), 0..12)
    ) {
        if let Ok(value) = payload::decode(&format!(r#"{{"a":"{}"}}"#, pieces.concat())) {
            event::classify(&value);
        }
    }

    #[test]
    fn a_damaged_frame_never_stops_the_session(frame in prop::sample::select(frames()), changes in changes()) {
        let damaged = mutate(frame.into_bytes(), &changes);
        feed(&String::from_utf8_lossy(&damaged));
    }

    #[test]
    fn a_tree_of_the_right_words_in_the_wrong_places_is_understood_or_unknown(tree in near_tree()) {
        event::classify(&tree);
        event::message_from_history(&tree);
        event::conversation_page(&tree);
        event::history_page(&tree);
        feed(&json!({"code": 200, "headers": {"mid": "5041760000000123 0"}, "body": tree}).to_string());
        feed(&json!({"lwp": "/s/sync", "headers": tree, "body": {"syncPushPackage": {"data": [tree], "maxPts": tree}}}).to_string());
    }
}

fn sync_push(body: &str) -> String {
    format!(r#"{{"lwp":"/s/sync","headers":{{"mid":"84a4001c 0","sid":"s"}},"body":{body}}}"#)
}

fn only_entry(frame: &str) -> Result<Event, PayloadError> {
    match feed(frame).pop() {
        Some(SessionEvent::Push(mut push)) if push.entries.len() == 1 => push.entries.remove(0).outcome,
        other => panic!("not one push of one entry: {other:?}"),
    }
}

#[test]
fn an_entry_of_a_mebibyte_is_an_error_and_its_push_still_counts() {
    let frame = sync_push(&format!(r#"{{"syncPushPackage":{{"data":[{{"data":"{}"}}]}}}}"#, "A".repeat(1 << 20)));
    assert_eq!(only_entry(&frame), Err(PayloadError::TooLong(1 << 20)));
}

#[test]
fn ten_thousand_levels_are_an_error_wherever_they_stand() {
    let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        nested.clone(),
        format!(r#"{{"syncPushPackage":{nested}}}"#),
        format!(r#"{{"syncPushPackage":{{"data":{nested}}}}}"#),
    ] {
        assert!(only_entry(&sync_push(&body)).is_err());
    }
    assert!(matches!(feed(&nested)[..], [SessionEvent::Unreadable(FrameError::NotJson(_))]));
    let objects = format!("{}1{}", r#"{"code":"#.repeat(10_000), "}".repeat(10_000));
    assert!(matches!(feed(&objects)[..], [SessionEvent::Unreadable(_)]));
}

#[test]
fn a_list_of_a_million_broken_entries_is_one_error() {
    let frame = sync_push(&format!(r#"{{"syncPushPackage":{{"data":[{}0]}}}}"#, "0,".repeat(1_000_000)));
    assert!(matches!(only_entry(&frame), Err(PayloadError::Package(_))));
}

#[test]
fn a_frame_of_many_mebibytes_is_not_even_read() {
    let frame = format!(r#"{{"code":200,"x":"{}"}}"#, "A".repeat(5 << 20));
    assert!(matches!(feed(&frame)[..], [SessionEvent::Unreadable(FrameError::TooLong(_))]));
}
