//! What is read before an account connects, so that the first message after a start need not wait for it.

use diesel::{Connection, SqliteConnection, connection::SimpleConnection as _};

use crate::harness::{PATIENCE, TestApp, echo};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";
const TOKEN: &str = "0123456789abcdef";

/// A figure of the metrics.
async fn figure(app: &TestApp, name: &str, cache: &str) -> f64 {
    let answer = app.anybody().with("authorization", &format!("Bearer {TOKEN}")).get("/metrics").await.is(200);
    let line = format!("{name}{{cache=\"{cache}\"}} ");
    let found = answer.text.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok());
    found.unwrap_or_else(|| panic!("no {line} in\n{}", answer.text))
}

#[actix_web::test]
async fn the_first_message_after_a_start_needs_no_read_of_rules_settings_or_what_was_spoken_of_last() {
    let mut app = TestApp::with(|settings| settings.metrics.token = TOKEN.into());
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    assert_eq!(figure(&app, "yutang_cache_misses_total", "conversations").await, 1.0);
    app.restart().await;

    // What is away can only have been read before.
    let mut beside = SqliteConnection::establish(&app.settings().database_url()).unwrap();
    let away = ["answer_settings", "items", "bargains", "once_replies"]
        .map(|table| format!("ALTER TABLE {table} RENAME TO {table}_away;"));
    // That a rule is there is looked up when it is counted; what it says is not.
    let rules = "ALTER TABLE rules RENAME COLUMN actions TO actions_away;";
    let away = format!("PRAGMA busy_timeout = 10000; PRAGMA legacy_alter_table = ON; {rules} {}", away.concat());
    beside.batch_execute(&away).unwrap();
    shop.buyer_says(BUYER, ITEM, "还在吗");
    shop.await_delivered(&said.conversation, 2, PATIENCE).await;
    assert_eq!(shop.seen(&said.conversation), ["答:在吗", "答:还在吗"]);
    for cache in ["conversations", "sellers", "rules"] {
        assert_eq!(figure(&app, "yutang_cache_hits_total", cache).await, 1.0, "{cache}");
        assert_eq!(figure(&app, "yutang_cache_misses_total", cache).await, 0.0, "{cache}");
        assert_eq!(figure(&app, "yutang_cache_entries", cache).await, 1.0, "{cache}");
    }
    assert_eq!(figure(&app, "yutang_cache_evictions_total", "conversations").await, 0.0);
}
