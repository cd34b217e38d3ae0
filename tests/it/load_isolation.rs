//! One account cannot hurt another. Counts, not times.

use std::time::Duration;

use yutang::{
    account::state::{Reason, State},
    sim::{Answer, Faults, Gateway},
};

use crate::harness::{PATIENCE, TestApp, echo};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";

#[actix_web::test]
async fn a_flooded_account_is_answered_in_full_and_so_are_the_others() {
    let mut app = TestApp::new();
    let shops = app.open_many(6);
    let (flooded, others) = shops.split_first().unwrap();
    app.rule(echo());
    app.start().await;
    let buyers: Vec<String> = (0..20).map(|number| format!("22000000004{number:02}")).collect();
    for round in 0..75 {
        for buyer in &buyers {
            flooded.buyer_says(buyer, ITEM, &round.to_string());
        }
        if round % 15 == 0 {
            others.iter().for_each(|shop| drop(shop.buyer_says(BUYER, ITEM, &round.to_string())));
        }
    }
    for shop in others {
        let answers = ["答:0", "答:15", "答:30", "答:45", "答:60"];
        app.answers(shop, &shop.conversation(BUYER, ITEM), &answers).await;
    }
    let expected: Vec<String> = (0..75).map(|round| format!("答:{round}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    for buyer in &buyers {
        app.sees(flooded, &flooded.conversation(buyer, ITEM), &expected).await;
    }
    let sends = app.all_sends(flooded);
    assert_eq!(sends.len(), 20 * 75);
    assert!(sends.iter().all(|send| send.state.as_str() == "confirmed" && send.attempts == 1));
    assert!(shops.iter().all(|shop| shop.lock().registrations == 1), "nobody lost the line over it");
}

#[actix_web::test]
async fn nobody_waits_for_an_account_with_a_long_queue() {
    let mut app = TestApp::with(|settings| (settings.outbox.rate, settings.outbox.burst) = (20, 5));
    let (flooded, other) = (app.open("flooded"), app.open("other"));
    app.rule(echo());
    app.start().await;
    let buyers: Vec<String> = (0..500).map(|number| format!("2200000005{number:03}")).collect();
    buyers.iter().for_each(|buyer| drop(flooded.buyer_says(buyer, ITEM, "在吗")));
    for text in ["一", "二", "三"] {
        other.buyer_says(BUYER, ITEM, text);
    }
    app.answers(&other, &other.conversation(BUYER, ITEM), &["答:一", "答:二", "答:三"]).await;
    let answered = flooded.received_everywhere().len();
    // Twenty a second: the flood takes 25 seconds.
    assert!(answered < buyers.len(), "the others were answered only after {answered} of the flood");
}

#[actix_web::test]
async fn a_conversation_that_gets_no_answers_holds_up_no_other() {
    let mut app = TestApp::with(|settings| settings.outbox.answer_wait = Duration::from_secs(120));
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let stuck = shop.conversation(OTHER, ITEM);
    shop.answer_in(&stuck, Some(Answer::Lost));
    for text in ["一", "二"] {
        shop.buyer_says(OTHER, ITEM, text);
        shop.buyer_says(BUYER, ITEM, text);
    }
    let seen = shop.await_delivered(&shop.conversation(BUYER, ITEM), 2, PATIENCE).await;
    assert_eq!(seen.iter().map(|delivery| delivery.text()).collect::<Vec<_>>(), ["答:一", "答:二"]);
    let states: Vec<_> = app.sends(&shop, &stuck).iter().map(|send| send.state.as_str()).collect();
    assert_eq!(states, ["sent", "queued"], "one at a time, in order");
}

#[actix_web::test]
async fn accounts_that_cannot_connect_hold_up_no_other() {
    let mut app = TestApp::with(|settings| settings.platform.gateway_wait = Duration::from_secs(60));
    let shops = app.open_many(6);
    app.rule(echo());
    let faults = [
        Faults { hang_gateway: true, ..Faults::default() },
        Faults { hang_upgrade: true, ..Faults::default() },
        Faults { hang_register: true, ..Faults::default() },
        Faults { gateway: Gateway::Punish, ..Faults::default() },
        Faults { refuse_upgrade: true, ..Faults::default() },
    ];
    for (shop, fault) in shops.iter().zip(faults) {
        app.platform().change_account_faults(shop, |faults| *faults = fault);
    }
    app.start_unconnected();
    let healthy = &shops[5];
    assert!(healthy.await_registered(1, PATIENCE).await);
    let said = healthy.buyer_says(BUYER, ITEM, "在吗");
    app.answers(healthy, &said.conversation, &["答:在吗"]).await;
    app.becomes(&shops[3], State::Failed, Reason::ChallengeRequired).await;
}
