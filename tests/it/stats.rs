//! `GET /api/v1/stats`: what is counted, of which time, and for whom.

use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    ids::{AccountId, Timestamp},
    store::chat_messages::{self, NewMessage, Source},
};

use crate::{
    client::Api,
    harness::{TestApp, contains},
};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000778";
const ITEM: &str = "900000000001";

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// 2025-11-21, midnight in China.
const MIDNIGHT: i64 = 1_763_654_400_000;

async fn stats(api: &Api, query: &str) -> Value {
    api.get(&format!("/api/v1/stats{query}")).await.is(200).json()
}

fn names(stats: &Value) -> Vec<&str> {
    stats["accounts"].as_array().unwrap().iter().map(|account| account["name"].as_str().unwrap()).collect()
}

/// The beginning of each bucket, and what was received in it.
fn received(stats: &Value) -> Vec<(i64, i64)> {
    let number = |value: &Value| value.as_i64().unwrap();
    let buckets = stats["buckets"].as_array().unwrap().iter();
    buckets.map(|bucket| (number(&bucket["start"]), number(&bucket["received"]))).collect()
}

/// As the server saw it happen; nobody's numbers hold anything of an account that they cannot reach.
#[actix_web::test]
async fn what_happened_is_counted_for_whoever_may_see_it() {
    let mut app = TestApp::new();
    let rival = app.person("rival", Role::Owner);
    let (shop, second, theirs) = (app.open("shop"), app.open("second"), app.open_for(rival, "theirs"));
    app.employ("viewer", Role::Viewer, Some(app.scope().user()), &[second.id]);
    app.rule(contains("在吗", "在的"));
    app.start().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["在的"]).await;
    let silent = shop.buyer_says(OTHER, ITEM, "便宜点");
    app.is_silent(&shop, &silent, "no_rule").await;
    let elsewhere = theirs.buyer_says(BUYER, ITEM, "在吗");
    app.eventually("the rival's message is decided", || {
        let (scope, id) = (yutang::store::Scope::owner(rival), theirs.id);
        let conversation = elsewhere.conversation.clone();
        let rows = app.read(move |conn| chat_messages::list(conn, &scope, id, &conversation, 10));
        rows.first().and_then(|row| row.decision.clone())
    })
    .await;

    let seen = stats(&app.signed_in("seller").await, "").await;
    let mut total = seen["total"].clone();
    let response = total["response"].take();
    let expected = json!({
        "received": 2, "answered": 1, "silent": 1, "own": 0, "undecided": 0,
        "sends": 1, "confirmed": 1, "rejected": 0, "uncertain": 0, "expired": 0, "response": null,
    });
    assert_eq!(total, expected);
    let (median, average) = (response["median_ms"].as_u64(), response["average_ms"].as_u64());
    assert!(response["turns"] == 1 && median.is_some_and(|ms| ms < 30_000) && median == average, "{response}");
    assert_eq!(names(&seen), ["second", "shop"]);
    let by_account: Vec<_> = seen["accounts"].as_array().unwrap().iter().map(|one| one["received"].clone()).collect();
    assert_eq!(by_account, [0, 2]);
    assert_eq!(seen["rules"], json!([{"rule": 1, "hits": 1}]));
    assert_eq!((&seen["account_states"], &seen["paused"]), (&json!({"connected": 2}), &json!(0)));
    let buckets = received(&seen);
    assert_eq!((buckets.len(), buckets.iter().map(|(_, count)| count).sum()), (8, 2), "seven days and what is today");

    for (name, accounts, messages) in
        [("rival", &["theirs"] as &[&str], 1), ("viewer", &["second"], 0), ("admin", &[], 0)]
    {
        let seen = stats(&app.signed_in(name).await, "").await;
        assert_eq!((&*names(&seen), &seen["total"]["received"]), (accounts, &json!(messages)), "{name}");
        assert_eq!((&seen["rules"], &seen["total"]["sends"]), (&json!([]), &json!(0)), "{name}");
    }
    app.anybody().get("/api/v1/stats").await.refused(401, "not_signed_in");
}

fn heard(account: AccountId, id: &str, at: i64) -> NewMessage {
    NewMessage {
        account,
        message: id.into(),
        conversation: "600001".into(),
        sender: BUYER.into(),
        sender_name: None,
        content_type: 1,
        text: "在吗".into(),
        item: None,
        sent_at: Timestamp(at),
        received_at: Timestamp(at),
        source: Source::Push,
        // Nothing of it is done any more.
        decision: Some("silent"),
        reason: Some("no_rule".into()),
        decided_at: Some(Timestamp(at)),
        needs_person: false,
    }
}

#[actix_web::test]
async fn a_span_of_time_is_cut_as_it_was_asked_for() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    let times = [MIDNIGHT - DAY, MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + HOUR];
    let messages = times.iter().map(|at| heard(shop.id, &at.to_string(), *at)).collect::<Vec<_>>();
    app.write(move |conn| chat_messages::insert_new(conn, &messages));
    app.start().await;
    let seller = app.signed_in("seller").await;
    let ask = async |query: String| received(&stats(&seller, &query).await);

    let span = format!("?since={}&until={}", MIDNIGHT - DAY, MIDNIGHT + 2 * HOUR);
    let days = [(MIDNIGHT - DAY, 2), (MIDNIGHT, 2)];
    assert_eq!(ask(span.clone()).await, days, "days of China, where nothing is said");
    assert_eq!(ask(format!("{span}&bucket=day&offset_minutes=480")).await, days);
    let utc = [(MIDNIGHT - DAY - 16 * HOUR, 1), (MIDNIGHT - 16 * HOUR, 3)];
    assert_eq!(ask(format!("{span}&offset_minutes=0")).await, utc);
    let ahead = [(MIDNIGHT - DAY - HOUR, 1), (MIDNIGHT - HOUR, 3)];
    assert_eq!(ask(format!("{span}&offset_minutes=540")).await, ahead);

    let span = format!("?since={}&until={}&bucket=hour", MIDNIGHT - HOUR, MIDNIGHT + HOUR);
    assert_eq!(ask(span).await, [(MIDNIGHT - HOUR, 1), (MIDNIGHT, 1)], "the end is not included");
    let week = ask(format!("?until={}", MIDNIGHT + HOUR)).await;
    assert_eq!(week.len(), 8, "seven days before the end, the first of them in part");
    assert_eq!(week.iter().map(|(_, count)| count).sum::<i64>(), 3);
    assert_eq!(ask(String::new()).await.iter().map(|(_, count)| count).sum::<i64>(), 0, "it was long ago");
}

#[actix_web::test]
async fn a_span_that_cannot_be_is_refused_by_its_field() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    let longest = format!("since={}&until={MIDNIGHT}", MIDNIGHT - 92 * DAY);
    seller.get(&format!("/api/v1/stats?{longest}")).await.is(200);
    for (query, field) in [
        (format!("since={}&until={MIDNIGHT}", MIDNIGHT - 92 * DAY - 1), "since"),
        (format!("since={MIDNIGHT}&until={MIDNIGHT}"), "since"),
        (format!("since={}&until={MIDNIGHT}", MIDNIGHT + 1), "since"),
        ("since=4102444800000".into(), "since"),
        ("since=yesterday".into(), "since"),
        ("since=-1".into(), "since"),
        ("until=4102444800001".into(), "until"),
        ("bucket=week".into(), "bucket"),
        ("offset_minutes=841".into(), "offset_minutes"),
        ("offset_minutes=-721".into(), "offset_minutes"),
        ("account=1".into(), "account"),
    ] {
        let refused = seller.get(&format!("/api/v1/stats?{query}")).await.refused(400, "invalid_query");
        assert_eq!(refused.json()["details"]["field"], field, "{query}");
    }
}
