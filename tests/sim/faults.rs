//! Everything that can be made to go wrong.

use serde_json::json;
use yutang::sim::{Faults, Interest, Sim, SimEvent};

use crate::{
    World,
    client::{self, Client, DEVICE, Heard, PATIENCE, texts, trees},
};

#[actix_web::test]
async fn a_close_ends_the_connection_with_its_code() {
    let world = World::new();
    let mut client = world.online().await;
    world.shop.close(1000);
    assert_eq!(client.hear().await, Heard::Closed(Some(1000)));
    assert!(world.shop.await_offline(PATIENCE).await);
}

#[actix_web::test]
async fn a_reset_ends_the_connection_without_a_close_frame() {
    let world = World::new();
    let mut client = world.online().await;
    world.shop.reset();
    let heard = client.hear().await;
    assert!(matches!(&heard, Heard::Broken(error) if error.contains("reset")), "{heard:?}");
}

#[actix_web::test]
async fn a_kick_out_is_told_before_the_end() {
    let world = World::new();
    let mut client = world.online().await;
    world.shop.kick_out();
    assert_eq!(client.frame().await["lwp"], "/push/kickout");
    assert_eq!(client.hear().await, Heard::Closed(Some(1000)));
    let mut client = world.online().await;
    world.shop.remove_session();
    assert_eq!(client.frame().await["lwp"], "/s/session/remove");
}

#[actix_web::test]
async fn revoked_tokens_answer_the_next_request_with_401() {
    let world = World::new();
    let token = client::token(world.sim.addr(), &world.jar).await;
    let mut client = world.connect().await;
    client.register(&token, DEVICE).await;
    world.shop.expire_tokens();
    assert_eq!(client.ask("/!", json!(null)).await["code"], 401);
    assert_eq!(world.connect().await.register(&token, DEVICE).await["code"], 401);
}

#[actix_web::test]
async fn a_zombie_answers_heartbeats_and_pushes_nothing() {
    let world = World::new();
    let mut client = world.online().await;
    world.sim.platform().change_faults(|faults| faults.zombie = true);
    let said = world.shop.buyer_says("777", "1", "在吗");
    assert_eq!(client.ask("/!", json!(null)).await["code"], 200);
    let body = json!([said.conversation, false, i64::MAX, 20, false]);
    let history = client.ask("/r/MessageManager/listUserMessages", body).await;
    assert_eq!(history["body"]["userMessageModels"][0]["message"]["messageId"], said.message.as_str());
}

#[actix_web::test]
async fn a_silent_heartbeat_leaves_other_requests_alone() {
    let world = World::new();
    let mut client = world.online().await;
    world.sim.platform().change_faults(|faults| faults.silent_heartbeat = true);
    let mid = client.mid();
    client.send(json!({"lwp": "/!", "headers": {"mid": mid}})).await;
    assert_eq!(client.ask("/r/SyncStatus/getState", json!([{"topic": "sync"}])).await["code"], 200);
}

#[actix_web::test]
async fn a_fault_of_one_account_leaves_the_others_alone() {
    let world = World::new();
    let other = world.sim.platform().add_account("other");
    let mut client = world.online().await;
    world.sim.platform().change_account_faults(&other, |faults| faults.zombie = true);
    world.shop.buyer_says("777", "1", "在吗");
    assert_eq!(texts(&client.push().await), ["在吗"]);
    assert!(other.faults().zombie);
    world.sim.platform().heal();
    assert_eq!(*other.faults(), Faults::default());
}

#[actix_web::test]
async fn too_many_connections_are_refused() {
    let world = World::new();
    world.sim.platform().change_faults(|faults| faults.connect_limit = Some(0));
    let token = client::token(world.sim.addr(), &world.jar).await;
    assert_eq!(world.connect().await.register(&token, DEVICE).await["body"]["reason"], "connect limit");
}

#[actix_web::test]
async fn an_upgrade_can_be_refused_or_left_hanging() {
    let world = World::new();
    world.sim.platform().change_faults(|faults| faults.refuse_upgrade = true);
    assert!(Client::open(world.sim.addr(), &world.jar).await.is_err());
    world.sim.platform().change_faults(|faults| *faults = Faults { hang_upgrade: true, ..Faults::default() });
    let open = Client::open(world.sim.addr(), &world.jar);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(60), open).await.is_err());
}

#[actix_web::test]
async fn registration_and_requests_can_hang_while_heartbeats_go_on() {
    let world = World::new();
    let mut client = world.online().await;
    world.sim.platform().change_faults(|faults| *faults = Faults { hang_requests: true, ..Faults::default() });
    let mid = client.mid();
    client.send(json!({"lwp": "/r/SyncStatus/getState", "headers": {"mid": mid}, "body": []})).await;
    assert_eq!(client.ask("/!", json!(null)).await["code"], 200);
    world.sim.platform().change_faults(|faults| faults.hang_register = true);
    let token = client::token(world.sim.addr(), &world.jar).await;
    let mut client = world.connect().await;
    client.send(json!({"lwp": "/reg", "headers": {"token": token, "did": DEVICE, "app-key": client::APP_KEY}})).await;
    assert_eq!(client.listen().await, Heard::Nothing);
}

#[actix_web::test]
async fn a_slow_platform_keeps_the_order() {
    let world = World::new();
    let mut client = world.online().await;
    world.sim.platform().change_faults(|faults| faults.delay_ms = 30);
    let start = std::time::Instant::now();
    for text in ["一", "二", "三"] {
        world.shop.buyer_says("777", "1", text);
    }
    for text in ["一", "二", "三"] {
        assert_eq!(texts(&client.push().await), [text]);
    }
    assert!(start.elapsed() >= std::time::Duration::from_millis(30));
}

#[actix_web::test]
async fn pushes_can_arrive_twice_or_out_of_order() {
    let world = World::new();
    let mut client = world.online().await;
    world.sim.platform().change_faults(|faults| faults.duplicate = true);
    world.shop.buyer_says("777", "1", "一");
    assert_eq!((texts(&client.push().await), texts(&client.push().await)), (vec!["一".into()], vec!["一".into()]));
    world.sim.platform().change_faults(|faults| *faults = Faults { reorder: true, ..Faults::default() });
    world.shop.buyer_says("777", "1", "二");
    world.shop.buyer_says("777", "1", "三");
    assert_eq!((texts(&client.push().await), texts(&client.push().await)), (vec!["三".into()], vec!["二".into()]));
}

#[actix_web::test]
async fn a_message_hides_among_other_entries_and_broken_ones() {
    let world = World::new();
    let mut client = world.online().await;
    for (entries, broken) in [(3, false), (14, true), (32, true), (0, true)] {
        let faults = Faults { entries_per_push: entries, broken_entries: broken, ..Faults::default() };
        world.sim.platform().change_faults(|standing| *standing = faults);
        world.shop.buyer_says("777", "1", "在吗");
        let push = client.push().await;
        assert_eq!(texts(&push), ["在吗"], "{entries} {broken}");
        let trees = trees(&push);
        assert_eq!(trees.len(), entries.max(1 + usize::from(broken)));
        assert_eq!(trees.iter().filter(|tree| tree.is_none()).count(), usize::from(broken));
    }
}

#[actix_web::test]
async fn held_pushes_are_released_in_batches_and_backwards() {
    let world = World::new();
    let mut client = world.online().await;
    world.shop.hold();
    for text in ["一", "二", "三"] {
        world.shop.buyer_says("777", "1", text);
    }
    world.shop.release(2, true);
    assert_eq!(
        (texts(&client.push().await), texts(&client.push().await)),
        (vec!["三".into(), "二".into()], vec!["一".into()])
    );
    world.shop.buyers_say(&[("777", "1", "四"), ("888", "1", "五")]);
    assert_eq!(texts(&client.push().await), ["四", "五"]);
}

#[actix_web::test]
async fn lists_can_be_under_flow_control() {
    let world = World::new();
    let mut client = world.online().await;
    world.sim.platform().change_faults(|faults| faults.too_fast = true);
    let answer = client.ask("/r/Conversation/listNewestPagination", json!([1, 1])).await;
    assert_eq!(answer["body"]["code"], "400600001");
}

#[actix_web::test]
async fn garbage_goes_out_as_it_is_and_garbage_that_comes_in_is_told() {
    let world = World::new();
    let mut events = world.sim.platform().events(Interest::Everything);
    let mut client = world.online().await;
    world.shop.send_raw("{not json");
    assert_eq!(client.hear().await, Heard::Text("{not json".into()));
    client.send(json!("a text, no frame")).await;
    loop {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        if let SimEvent::Unreadable { account, .. } = event {
            assert_eq!(account.as_deref(), Some("shop"));
            break;
        }
    }
}

#[actix_web::test]
async fn wake_ups_follow_the_registration() {
    let world = World::new();
    world.shop.conversation("777", "1");
    world.sim.platform().change_faults(|faults| faults.wake_ups = 32);
    let mut client = world.online().await;
    assert_eq!(trees(&client.push().await).len(), 32);
}

#[actix_web::test]
async fn the_control_api_does_what_the_handle_does() {
    let world = World::new();
    let base = format!("http://{}/control", world.sim.addr());
    let http = awc::Client::new();
    let mut client = world.online().await;
    let put = http.put(format!("{base}/faults")).send_json(&json!({"duplicate": true})).await.unwrap();
    assert_eq!(put.status(), 204);
    let say = json!({"do": "say", "buyer": "777", "item": "1", "text": "在吗"});
    let mut said = http.post(format!("{base}/accounts/shop/actions")).send_json(&say).await.unwrap();
    let said: serde_json::Value = said.json().await.unwrap();
    assert!(said["conversation"].is_string());
    client.push().await;
    assert_eq!(texts(&client.push().await), ["在吗"]);
    let mut state = http.get(format!("{base}/state")).send().await.unwrap();
    let state: serde_json::Value = state.json().await.unwrap();
    assert_eq!(state["accounts"][0]["connections"], 1);
    let healed = http.delete(format!("{base}/faults")).send().await.unwrap();
    assert_eq!(healed.status(), 204);
    let unheard = json!({"do": "push_tree", "tree": {"1": {"7": "new"}}});
    http.post(format!("{base}/accounts/shop/actions")).send_json(&unheard).await.unwrap();
    assert_eq!(trees(&client.push().await), [Some(json!({"1": {"7": "new"}}))]);
    let missing = http.post(format!("{base}/accounts/nobody/actions")).send_json(&say).await.unwrap();
    assert_eq!(missing.status(), 404);
    let unknown = http.put(format!("{base}/faults")).send_json(&json!({"zombi": true})).await.unwrap();
    assert_eq!(unknown.status(), 400);
}

#[actix_web::test]
async fn a_simulator_runs_in_a_thread_of_its_own() {
    let sim = Sim::start_in_thread(([127, 0, 0, 1], 0).into(), Default::default()).unwrap();
    let shop = sim.platform().add_account("shop");
    let jar = sim.platform().cookies(&shop);
    let token = client::token(sim.addr(), &jar).await;
    let mut client = Client::open(sim.addr(), &jar).await.unwrap();
    assert_eq!(client.register(&token, DEVICE).await["code"], 200);
    assert!(shop.await_registered(1, PATIENCE).await);
    sim.stop().await;
}
