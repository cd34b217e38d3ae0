//! What buyers write, and what they read.

use crate::harness::{PATIENCE, TestApp, contains};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

#[actix_web::test]
async fn a_buyer_is_answered_as_the_rule_says() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(contains("在吗", "在的"));
    app.start().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗？");
    app.answers(&shop, &said.conversation, &["在的"]).await;
    let row = app.decided(&shop, &said).await;
    assert_eq!((row.decision.as_deref(), row.reason.as_deref()), (Some("answer"), Some("rule")));
    assert!(shop.await_acknowledged(PATIENCE).await);
}
