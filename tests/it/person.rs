//! What a person does by hand through us: writing, taking back, settling doubts, deleting accounts.

use std::time::Duration;

use serde_json::{Value, json};
use yutang::{
    account::{
        messages::AwaitOutcome,
        registry::WithoutAccounts,
        state::{Reason, State},
    },
    ids::{AccountId, ConversationId},
    outbox::{
        entry::{Body, Entry, Origin, PersonsWord, SendId, State as SendState},
        messages::{ActOnEntry, EntryAct, IfSeen, NotActed, NotSent, SendByPerson},
    },
    sim::Answer,
    store::{Secret, accounts, outbox, users},
    telemetry::clock,
};

use crate::{
    client::Api,
    harness::{PATIENCE, Shop, TestApp, echo, paused, two_shops},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

fn by_hand(shop: &Shop, conversation: &ConversationId, texts: &[&str]) -> SendByPerson {
    SendByPerson {
        account: shop.id,
        conversation: conversation.clone(),
        bodies: texts.iter().map(|text| Body::Text { text: (*text).into() }).collect(),
        expire_after: None,
        approved: false,
    }
}

async fn write(
    app: &TestApp,
    shop: &Shop,
    conversation: &ConversationId,
    texts: &[&str],
) -> Result<Vec<Entry>, NotSent> {
    app.registry().send(by_hand(shop, conversation, texts)).await.unwrap()
}

async fn act(app: &TestApp, shop: &Shop, id: SendId, act: EntryAct) -> Result<Entry, NotActed> {
    app.registry().send(ActOnEntry { account: shop.id, id, act }).await.unwrap()
}

/// Stores an entry in this state for the conversation of that one, with words of its own.
fn put_entry(app: &TestApp, like: &Entry, state: SendState) -> SendId {
    let now = clock::unix();
    let (id, body) = (SendId(now.0), Body::Text { text: format!("{} {}", state.as_str(), now.0) });
    let (message, expires_at) = (None, now + Duration::from_secs(300));
    let entry = Entry { id, body, state, message, created_at: now, expires_at, ..like.clone() };
    app.write(move |conn| outbox::insert_many(conn, &[entry]));
    id
}

/// T9: there, a pause was kept by chat alone and held for every account.
#[actix_web::test]
async fn t9_what_a_person_writes_reaches_the_buyer_and_pauses_that_conversation_of_that_account_alone() {
    let (app, shop, second) = two_shops().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    let entries = write(&app, &shop, &said.conversation, &["我是店主", "请说"]).await.unwrap();
    assert!(entries.iter().all(|entry| (entry.origin, entry.rule) == (Origin::Person, None)));
    app.answers(&shop, &said.conversation, &["答:在吗", "我是店主", "请说"]).await;
    assert!(shop.await_acknowledged(PATIENCE).await);
    assert_eq!(app.messages(&shop, &said.conversation).len(), 1, "our own echoes are no messages");
    let rows = paused(&app);
    assert_eq!(
        rows.iter().map(|row| (row.account, &row.conversation)).collect::<Vec<_>>(),
        [(shop.id, &said.conversation)]
    );
    app.is_silent(&shop, &shop.buyer_says(BUYER, ITEM, "好的"), "seller_took_over").await;
    let elsewhere = second.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&second, &elsewhere.conversation, &["答:在吗"]).await;
}

#[actix_web::test]
async fn a_persons_message_to_somebody_who_never_wrote_or_by_an_account_that_is_off_is_refused() {
    let (app, shop, second) = two_shops().await;
    let silent = shop.conversation(BUYER, ITEM);
    assert_eq!(write(&app, &shop, &silent, &["您好"]).await, Err(NotSent::UnknownConversation));
    let said = second.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&second, &said.conversation, &["答:在吗"]).await;
    app.enable(&second, false);
    app.becomes(&second, State::Closed, Reason::Disabled).await;
    let refused = write(&app, &second, &said.conversation, &["您好"]).await;
    assert!(matches!(&refused, Err(NotSent::NotRunning(status)) if status.reason == Reason::Disabled), "{refused:?}");
    app.write(|conn| yutang::store::facts::set_stop_switch(conn, true));
    app.noticed().await;
    assert_eq!(write(&app, &shop, &said.conversation, &["您好"]).await, Err(NotSent::Stopped));
    assert_eq!(app.all_sends(&shop), []);
}

#[actix_web::test]
async fn a_persons_message_survives_a_restart_and_is_sent_once() {
    let mut app = TestApp::with(|settings| settings.outbox.answer_wait = Duration::from_secs(60));
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    shop.answer_next([Answer::NoAnswerNoEcho]);
    write(&app, &shop, &said.conversation, &["我来"]).await.unwrap();
    shop.await_delivered(&said.conversation, 2, PATIENCE).await;
    app.restart().await;
    app.answers(&shop, &said.conversation, &["答:在吗", "我来"]).await;
    assert_eq!(app.sends(&shop, &said.conversation)[1].attempts, 1);
}

#[actix_web::test]
async fn a_refused_answer_is_sent_again_by_a_person_as_a_new_entry() {
    let (app, shop, _) = two_shops().await;
    shop.answer_next([Answer::Forbid]);
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    let rejected = || app.sends(&shop, &said.conversation).pop().filter(|send| send.state == SendState::Rejected);
    let old = app.eventually("the answer is refused", rejected).await;
    let new = act(&app, &shop, old.id, EntryAct::SendAgain(IfSeen::Refuse)).await.unwrap();
    app.sees(&shop, &said.conversation, &["答:在吗"]).await;
    let rows = app.sends(&shop, &said.conversation);
    assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [SendState::Rejected, SendState::Confirmed]);
    assert_eq!(rows[0].sent_again_as(), Some(new.id));
    assert!(rows[0].reason.as_deref().unwrap().contains("安全拦截"), "the platform's words are kept");
}

#[actix_web::test]
async fn what_waits_in_a_disabled_account_can_be_cancelled_and_is_not_sent_when_it_comes_back() {
    let (app, shop, _) = two_shops().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    app.enable(&shop, false);
    app.becomes(&shop, State::Closed, Reason::Disabled).await;
    let id = put_entry(&app, &app.sends(&shop, &said.conversation)[0], SendState::Queued);
    let cancelled = act(&app, &shop, id, EntryAct::Say(PersonsWord::Cancel)).await.unwrap();
    assert_eq!((cancelled.state, cancelled.reason.as_deref()), (SendState::Expired, Some("cancelled")));
    let registrations = shop.lock().registrations;
    app.enable(&shop, true);
    assert!(shop.await_registered(registrations + 1, PATIENCE).await);
    app.settled(&shop).await;
    assert_eq!(shop.seen(&said.conversation), ["答:在吗"]);
}

/// T13: there, the tasks of deleted accounts went on.
#[actix_web::test]
async fn t13_a_deleted_users_accounts_leave_the_platform_and_the_database_and_others_go_on() {
    let (app, shop, second) = two_shops().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    let (scope, id) = (app.scope(), shop.id);
    let order = WithoutAccounts { accounts: vec![id], job: Box::new(move |conn| accounts::delete(conn, &scope, id)) };
    assert_eq!(app.registry().send(order).await.unwrap(), Ok(true));
    assert!(shop.await_offline(PATIENCE).await);
    assert_eq!(app.status(&shop), None);
    let registrations = shop.lock().registrations;
    let elsewhere = second.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&second, &elsewhere.conversation, &["答:在吗"]).await;
    app.noticed().await;
    assert_eq!(shop.lock().registrations, registrations, "it never came back");
    let owner = scope.user();
    let everything: Vec<AccountId> =
        app.read(move |conn| accounts::list(conn, &scope)).into_iter().map(|account| account.id).collect();
    let order = WithoutAccounts { accounts: everything, job: Box::new(move |conn| users::delete(conn, owner)) };
    assert_eq!(app.registry().send(order).await.unwrap(), Ok(true));
    assert!(second.await_offline(PATIENCE).await);
    assert_eq!(app.read(accounts::list_for_engine), []);
}

/// T13: a row that is deleted by hand while its messages come in takes nobody else down.
#[actix_web::test]
async fn t13_an_account_deleted_by_hand_under_load_disturbs_no_other() {
    let mut app = TestApp::with(|settings| settings.server.shards = 1);
    let (shop, second) = (app.open("shop"), app.open("second"));
    app.rule(echo());
    app.start().await;
    for number in 0..40 {
        shop.buyer_says(BUYER, ITEM, &number.to_string());
        second.buyer_says(BUYER, ITEM, &number.to_string());
        if number == 10 {
            let (scope, id) = (app.scope(), shop.id);
            assert!(app.write(move |conn| accounts::delete(conn, &scope, id)));
        }
    }
    let expected: Vec<String> = (0..40).map(|number| format!("答:{number}")).collect();
    let conversation = second.conversation(BUYER, ITEM);
    app.answers(&second, &conversation, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(second.lock().registrations, 1, "its shard was not replaced");
}

#[actix_web::test]
async fn whoever_brings_a_cookie_hears_what_became_of_the_connection() {
    let (app, shop, _) = two_shops().await;
    let give = |cookie: String| {
        let (keys, scope, id, uid) = (app.store().keys().clone(), app.scope(), shop.id, shop.uid.clone());
        app.write(move |conn| {
            accounts::replace_credentials(conn, &keys, &scope, id, (&uid, &Secret::new(cookie)), clock::unix())
        })
        .unwrap()
    };
    let outcome = async |credentials_version: i64| {
        let wanted = AwaitOutcome { account: shop.id, credentials_version, timeout: PATIENCE };
        app.registry().send(wanted).await.unwrap().unwrap()
    };
    let before = shop.lock().registrations;
    shop.expire_login();
    let version = give(app.platform().cookies(&shop));
    assert_eq!(outcome(version).await.state, State::Connected);
    assert!(shop.lock().registrations > before, "not what it was before");
    let version = give(format!("unb={}; cookie2=stale", shop.uid));
    let status = outcome(version).await;
    assert_eq!(status.state, State::Failed, "{status:?}");
    assert!(status.reason.action().is_some());
}

/// The address of an entry, and the number it has there.
fn entry_at(shop: &Shop, id: SendId) -> (String, String) {
    let key = format!("{}.{}", shop.id, id.0);
    (format!("/api/v1/outbox/{key}"), key)
}

/// What the audit remembers of the only deed of this kind to this entry.
async fn deed(seller: &Api, action: &str, key: &str) -> (Value, Value) {
    let lines = seller.audit(&format!("action={action}&object_id={key}")).await;
    let [line] = &lines[..] else { panic!("{action} of {key}: {lines:?}") };
    assert_eq!((&line["actor"], &line["via"]), (&json!("seller"), &json!("session")), "{line}");
    (line["before"].clone(), line["after"].clone())
}

/// Over HTTP as from within: what was refused is sent again once, and the audit knows who wanted it.
#[actix_web::test]
async fn what_was_refused_is_sent_again_over_http_and_the_audit_knows_both_entries() {
    let (app, shop, _) = two_shops().await;
    shop.answer_next([Answer::Forbid]);
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    let rejected = || app.sends(&shop, &said.conversation).pop().filter(|send| send.state == SendState::Rejected);
    let (path, key) = entry_at(&shop, app.eventually("the answer is refused", rejected).await.id);
    let (seller, retry) = (app.signed_in("seller").await, format!("{path}/retry"));
    let again = seller.post(&retry, &json!({})).await.is(202).json();
    assert_ne!(again["id"], key);
    app.sees(&shop, &said.conversation, &["答:在吗"]).await;
    let (before, after) = deed(&seller, "outbox.retry", &key).await;
    assert_eq!((&before["id"], &before["state"]), (&json!(key), &json!("rejected")));
    assert_eq!((&after["id"], &after["body"]), (&again["id"], &before["body"]));
    seller.post(&retry, &json!({})).await.refused(409, "wrong_state");
    deed(&seller, "outbox.retry", &key).await;
    app.sees(&shop, &said.conversation, &["答:在吗"]).await;
}

/// Promise 2: what the buyer may have seen is sent again only by who says so.
#[actix_web::test]
async fn what_is_in_doubt_is_sent_again_only_by_who_says_that_it_may_be_seen_twice() {
    let (app, shop, _) = two_shops().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    let id = put_entry(&app, &app.sends(&shop, &said.conversation)[0], SendState::Uncertain);
    let (path, key) = entry_at(&shop, id);
    let (seller, retry) = (app.signed_in("seller").await, format!("{path}/retry"));
    let refused = seller.post(&retry, &json!({})).await.refused(409, "may_be_duplicate");
    assert_eq!(refused.field(), "although_maybe_seen");
    assert_eq!(seller.audit("action=outbox.retry").await, Vec::<Value>::new());
    let again = seller.post(&retry, &json!({"although_maybe_seen": true})).await.is(202).json();
    let text = again["body"]["text"].as_str().unwrap();
    app.sees(&shop, &said.conversation, &["答:在吗", text]).await;
    let (before, after) = deed(&seller, "outbox.retry", &key).await;
    assert_eq!((&before["state"], &after["id"]), (&json!("uncertain"), &again["id"]));
}

/// Over HTTP as from within: what waits is taken back, what is in doubt is settled, each once, with its line in the audit.
#[actix_web::test]
async fn what_waits_is_taken_back_and_what_is_in_doubt_is_settled_over_http() {
    let (app, shop, _) = two_shops().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    app.enable(&shop, false);
    app.becomes(&shop, State::Closed, Reason::Disabled).await;
    let (seller, first) = (app.signed_in("seller").await, app.sends(&shop, &said.conversation).remove(0));
    for (state, act, body, after, reason) in [
        (SendState::Queued, "cancel", json!({}), "expired", json!("cancelled")),
        (SendState::Uncertain, "confirm", json!({"arrived": true}), "confirmed", Value::Null),
        (SendState::Uncertain, "confirm", json!({"arrived": false}), "rejected", json!("person_says_not_arrived")),
    ] {
        let (path, key) = entry_at(&shop, put_entry(&app, &first, state));
        let settled = seller.post(&format!("{path}/{act}"), &body).await.is(200).json();
        assert_eq!((&settled["state"], &settled["reason"]), (&json!(after), &reason), "{settled}");
        assert_eq!(seller.get(&path).await.is(200).json(), settled);
        let refused = seller.post(&format!("{path}/{act}"), &body).await.refused(409, "wrong_state");
        assert_eq!(refused.json()["details"]["state"], after);
        let (before, noted) = deed(&seller, &format!("outbox.{act}"), &key).await;
        assert_eq!((&before["state"], &noted), (&json!(state.as_str()), &settled));
    }
    assert_eq!(shop.seen(&said.conversation), ["答:在吗"]);
}
