//! What reading and writing one message costs: from the text on the wire to the typed event, and back.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::Value;
use yutang::{
    ids::{BuyerId, ConversationId, Now, Timestamp},
    platform::lwp::{
        command::Command,
        event,
        mid::Mids,
        payload,
        session::{Config, Registration, Session},
    },
};

fn vector(list: &str, id: &str) -> Value {
    let all: Value =
        serde_json::from_str(include_str!("../fixtures/protocol-vectors.json")).expect("the fixture is JSON");
    let found = all[list].as_array().and_then(|list| list.iter().find(|vector| vector["id"] == id));
    found.cloned().expect("the fixture has the vector")
}

fn session(now: Now) -> Session {
    let wait = Duration::from_secs(3600);
    let config = Config {
        heartbeat: wait,
        dead_after: wait,
        register_wait: wait,
        request_wait: wait,
        stall_after: Duration::ZERO,
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
    Session::new(config, registration, now)
}

fn read(c: &mut Criterion) {
    for id in ["chat-text-zh-emoji", "card-ordered-unpaid", "meta-read-single"] {
        let entry = vector("decode", id);
        let data = entry["data"].as_str().expect("an entry is a string");
        c.bench_function(&format!("entry to event: {id}"), |b| {
            b.iter(|| event::classify(&payload::decode(black_box(data)).expect("a good entry")))
        });
    }
    let frame = vector("server_frames", "server-sync-one-chat")["frame"].to_string();
    let now = Now { instant: Instant::now(), unix: Timestamp(1_760_000_000_123) };
    let mut session = session(now);
    c.bench_function("frame to event and acknowledgement: one chat", |b| {
        b.iter(|| {
            session.handle_frame(black_box(&frame), now);
            while let Some(event) = session.poll_event() {
                if let yutang::platform::lwp::session::SessionEvent::Push(push) = &event {
                    session.ack(push.id);
                }
                black_box(event);
            }
            while let Some(frame) = session.poll_transmit() {
                black_box(frame);
            }
        })
    });
}

fn write(c: &mut Criterion) {
    let own = BuyerId::from("2200000000001");
    let mid = Mids::new(1).next(Timestamp(1_760_000_000_123));
    let command = Command::SendText {
        conversation: ConversationId::from("50000000001"),
        peer: BuyerId::from("2200000000777"),
        text: "你好，这个还在，今天就可以发货".to_owned(),
        uuid: 1_760_000_000_123,
    };
    c.bench_function("text to frame", |b| b.iter(|| black_box(&command).frame(mid, &own)));
}

criterion_group!(benches, read, write);
criterion_main!(benches);
