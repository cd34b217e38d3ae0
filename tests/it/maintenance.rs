//! The clean-up, as an administrator wants and sees it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use yutang::{ids::Timestamp, store::conversations};

use crate::harness::{PATIENCE, TestApp, answered_shop};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

#[actix_web::test]
async fn an_administrator_runs_the_clean_up_and_sees_what_it_did() {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let account = shop.id;
    app.write(move |conn| conversations::set_pause(conn, account, &conversation, Some(Timestamp(5)), Timestamp(5)));

    let admin = app.signed_in("admin").await;
    let before = admin.get("/api/v1/maintenance").await.is(200).json();
    assert_eq!((&before["running"], &before["last_run"]), (&json!(false), &Value::Null));
    let run = admin.post("/api/v1/maintenance/run", &json!({})).await.is(200).json();
    assert_eq!((&run["removed"]["pauses"], &run["removed"]["messages"]), (&json!(1), &json!(0)));
    assert_eq!(admin.get("/api/v1/maintenance").await.is(200).json()["last_run"], run);
    let audit = admin.get("/api/v1/audit?action=maintenance.run").await.is(200).json();
    assert_eq!((&audit["items"][0]["actor"], &audit["total"]), (&json!("admin"), &json!(1)));

    let again = shop.buyer_says(BUYER, ITEM, "还在吗");
    app.answers(&shop, &again.conversation, &["答:在吗", "答:还在吗"]).await;
}

/// Whoever does not wait for it finds it again: under way, and what it did.
#[actix_web::test]
async fn a_clean_up_that_nobody_waits_for_is_found_again() {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let account = shop.id;
    app.write(move |conn| conversations::set_pause(conn, account, &conversation, Some(Timestamp(5)), Timestamp(5)));
    let admin = app.signed_in("admin").await;
    let begun = admin.post("/api/v1/maintenance/run?wait=false", &json!({})).await.is(202).json();
    assert_eq!((&begun["running"], begun["running_since"].is_i64()), (&json!(true), true), "{begun}");
    admin.post("/api/v1/maintenance/run", &json!({})).await.refused(409, "wrong_state");
    let page = app.anybody().sign_in_by_cookie("admin").await.get("/app/settings?tab=night&lang=en").await.is(200).text;
    assert!(page.contains("Under way since") || page.contains("The last run is done"), "{page}");
    let done = async {
        loop {
            let view = admin.get("/api/v1/maintenance").await.is(200).json();
            if view["running"] == false {
                return view;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let view = timeout(PATIENCE, done).await.expect("it comes to its end");
    assert_eq!((&view["running_since"], &view["last_run"]["removed"]["pauses"]), (&Value::Null, &json!(1)));
}

#[actix_web::test]
async fn log_files_go_at_the_retention_an_administrator_set() {
    if !crate::harness::alone() {
        return;
    }
    let mut app = TestApp::new();
    let logs = app.settings().data_dir.join(&app.settings().log.dir);
    app.start().await;
    log::logger().flush();
    std::fs::create_dir_all(&logs).unwrap();
    let days_ago = |days: i64| {
        let day = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
        logs.join(format!("yutang-{}.0.log", day.strftime("%Y-%m-%d")))
    };
    let (kept, old) = (days_ago(2), days_ago(9));
    for path in [&kept, &old] {
        std::fs::write(path, "a line\n").unwrap();
    }
    let admin = app.signed_in("admin").await;
    let run = admin.post("/api/v1/maintenance/run", &json!({})).await.is(200).json();
    assert_eq!((&run["removed"]["log_files"], old.exists()), (&json!(0), true));
    admin.patch("/api/v1/settings", &json!({"retention": {"logs_days": 7}})).await.is(200);
    let run = admin.post("/api/v1/maintenance/run", &json!({})).await.is(200).json();
    assert_eq!((&run["removed"]["log_files"], old.exists(), kept.exists()), (&json!(1), false, true));
}

#[actix_web::test]
async fn the_clean_up_is_the_administrators() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    seller.get("/api/v1/maintenance").await.refused(403, "forbidden");
    seller.post("/api/v1/maintenance/run", &json!({})).await.refused(403, "forbidden");
}
