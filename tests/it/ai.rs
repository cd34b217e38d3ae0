//! Answers of a model, over a real HTTP connection to one that is scripted.

use serde_json::{Value, json};
use yutang::{
    ids::{ConversationId, Fen, Timestamp},
    notify::event::Event,
    platform::mtop::item::ItemDetail,
    reply::rule::RuleBody,
    sim::{ModelAct, Said},
    store::{Page, items, notices},
};

use crate::{
    client::Api,
    harness::{PATIENCE, Shop, TestApp, contains, default_reply},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

/// A running shop with one item of 100 Yuan, whose AI is set like this besides where the model is.
struct Bargain {
    app: TestApp,
    shop: Shop,
    api: Api,
}

impl Bargain {
    async fn open(rules: Vec<RuleBody>, ai: Value) -> Self {
        let mut app = TestApp::with(|settings| {
            settings.outgoing.allow = vec!["127.0.0.0/8".parse().unwrap()];
            settings.ai.failures = 2;
        });
        let shop = app.open("shop");
        app.rules(rules);
        let (account, seller) = (shop.id, shop.uid.clone());
        let detail = json!({
            "itemDO": {"itemId": ITEM, "title": "二手相机", "desc": "九成新", "soldPrice": "100.00", "quantity": 1},
            "sellerDO": {"sellerId": seller.as_str()},
        });
        let detail = ItemDetail::read(&detail).unwrap();
        app.write(move |conn| items::note_detail(conn, account, &detail, Timestamp(1)));
        app.start().await;
        let api = app.anybody().sign_in("seller").await.with("accept-language", "zh");
        let bargain = Self { app, shop, api };
        let mut choices = json!({"mode": "auto", "provider": bargain.provider(), "key": "sk-planted"});
        choices.as_object_mut().unwrap().extend(ai.as_object().unwrap().clone());
        bargain.choose(choices).await;
        bargain
    }

    fn provider(&self) -> Value {
        let base_url = format!("{}/v1", self.app.settings().platform.gateway_url);
        json!({"dialect": "open_ai", "base_url": base_url, "model": "sim", "price_in": 200, "price_out": 600})
    }

    async fn choose(&self, choices: Value) {
        self.api.patch(&self.address("ai"), &choices).await.is(200);
        self.app.noticed().await;
    }

    fn address(&self, what: &str) -> String {
        format!("/api/v1/accounts/{}/{what}", self.shop.id)
    }

    fn script(&self, acts: impl IntoIterator<Item = ModelAct>) {
        self.app.platform().model().script(acts);
    }

    fn says(&self, text: &str) -> Said {
        self.shop.buyer_says(BUYER, ITEM, text)
    }

    async fn sees(&self, conversation: &ConversationId, texts: &[&str]) {
        self.app.answers(&self.shop, conversation, texts).await;
    }

    async fn explanation(&self, said: &Said) -> Value {
        self.app.decided(&self.shop, said).await;
        self.api.get(&format!("/api/v1/decisions/{}.{}", self.shop.id, said.message)).await.is(200).json()
    }

    /// What the system prompts of all calls say, joined.
    fn prompts(&self) -> String {
        let asked = self.app.platform().model().asked();
        asked.iter().map(|asked| asked.body["messages"][0]["content"].as_str().unwrap().to_owned()).collect()
    }
}

fn say(text: &str) -> ModelAct {
    ModelAct::Say(text.to_owned())
}

/// A2: there, the limits were told to the model and its answer was sent as it was.
#[actix_web::test]
async fn a2_a_model_that_gives_in_is_corrected_and_the_floor_holds() {
    let bargain = Bargain::open(vec![], json!({})).await;
    // Without a script the model agrees to whatever is offered, until it is told that this was wrong.
    let said = bargain.says("60卖不卖？");
    bargain.sees(&said.conversation, &["这个价格确实做不到，您再考虑一下～"]).await;
    let asked = bargain.app.platform().model().asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].authorization.as_deref(), Some("Bearer sk-planted"));
    assert!(!bargain.prompts().contains("90元"), "the floor is not told before the last round");
    let explained = bargain.explanation(&said).await;
    let last = explained["steps"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["source"], &last["found"], &last["text"]),
        (&json!("ai"), &json!("answered"), &json!("AI：已回复"))
    );
    assert_eq!(explained["sends"][0]["state"], "confirmed");

    let usage = bargain.api.get("/api/v1/ai/usage").await.is(200).json();
    let usage = &usage["items"][0]["usage"];
    assert_eq!((&usage["calls"], &usage["failures"]), (&json!(2), &json!(0)));
    assert!(usage["cost"].as_i64().unwrap() > 0);
}

/// A2: whatever buyers write and however the model is fooled, nothing of it reaches a buyer.
#[actix_web::test]
async fn a2_no_injection_moves_the_price_or_brings_anything_out() {
    let mut cases: Vec<Value> = serde_json::from_str(include_str!("../fixtures/injections.json")).unwrap();
    // What would need to know the prompt letter by letter is tried where the prompt is at hand.
    let odd = |case: &Value| ["{canary}", "{spaced}", "{reversed}"].iter().any(|mark| case.to_string().contains(mark));
    cases.retain(|case| !odd(case));
    assert!(cases.len() >= 60);
    let choices = json!({"when_unfit": "fallback", "fallback": "稍后回复您", "limits": {"max_percent": 10, "max_amount": 100_000, "rounds": 100}});
    let bargain = Bargain::open(vec![], choices).await;
    for (number, case) in cases.iter().enumerate() {
        let fooled = |at: usize| {
            let answers = case["fooled"].as_array().unwrap();
            say(answers[at % answers.len()].as_str().unwrap())
        };
        bargain.script([fooled(number), fooled(number + 1)]);
        let buyer = format!("22000{number:08}");
        let said = bargain.shop.buyer_says(&buyer, ITEM, case["says"].as_str().unwrap());
        bargain.app.sees(&bargain.shop, &said.conversation, &["稍后回复您"]).await;
        assert_eq!(bargain.app.platform().model().asked().len(), 2 * (number + 1), "{}", case["id"]);
    }
}

/// A1: there, one slow provider stopped all accounts.
#[actix_web::test]
async fn a1_a_provider_that_hangs_delays_nobody_else() {
    let bargain = Bargain::open(vec![contains("发货", "今天发")], json!({})).await;
    bargain.script([ModelAct::Hang]);
    let hanging = bargain.says("能用多久");
    bargain.app.platform().model().asked_times(1).await;
    let said = bargain.shop.buyer_says("2200000000888", ITEM, "几点发货");
    bargain.shop.await_delivered(&said.conversation, 1, PATIENCE).await;
    assert_eq!(bargain.shop.seen(&said.conversation), ["今天发"]);
    // What is said next overtakes the unfinished answer, and both are answered.
    bargain.script([say("能用三年，今天就发")]);
    bargain.says("在吗");
    bargain.sees(&hanging.conversation, &["能用三年，今天就发"]).await;
    let asked = bargain.app.platform().model().asked_times(2).await;
    let told = asked[1].body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
    assert!(told.contains("能用多久") && told.contains("在吗"), "{told}");
}

#[actix_web::test]
async fn a_provider_that_does_not_answer_in_time_gives_way_to_the_default_reply_and_is_left_alone() {
    let bargain = Bargain::open(vec![default_reply("在的")], json!({"patience_s": 1})).await;
    bargain.script([ModelAct::Hang, ModelAct::Fail(500)]);
    let first = bargain.says("能用多久");
    bargain.sees(&first.conversation, &["在的"]).await;
    bargain.says("能用多久呢");
    bargain.sees(&first.conversation, &["在的", "在的"]).await;
    let third = bargain.says("到底能用多久");
    bargain.sees(&first.conversation, &["在的", "在的", "在的"]).await;
    assert_eq!(bargain.app.platform().model().asked().len(), 2, "after two failures nobody asks for a while");
    let explained = bargain.explanation(&third).await;
    let step = explained["steps"].as_array().unwrap().iter().find(|step| step["source"] == "ai").unwrap().clone();
    assert_eq!((&step["found"], &step["why"]), (&json!("failed"), &json!("provider_rests")));
}

/// A3: there, with three rounds only two were answered, and they never began anew.
#[actix_web::test]
async fn a3_as_many_rounds_as_were_set_then_the_last_word_until_the_deal_ends() {
    let limits = json!({"limits": {"max_percent": 10, "max_amount": 100_000, "rounds": 3}, "last_word": "不议价了"});
    let bargain = Bargain::open(vec![], limits).await;
    bargain.script(["98可以", "95可以", "92可以"].map(say));
    let said = bargain.says("便宜点");
    let conversation = said.conversation;
    bargain.sees(&conversation, &["98可以"]).await;
    bargain.says("再便宜点");
    bargain.sees(&conversation, &["98可以", "95可以"]).await;
    bargain.says("最低多少钱");
    bargain.sees(&conversation, &["98可以", "95可以", "92可以"]).await;
    bargain.says("再便宜点吧");
    bargain.sees(&conversation, &["98可以", "95可以", "92可以", "不议价了"]).await;
    assert_eq!(bargain.app.platform().model().asked().len(), 3);
    let address = format!("/api/v1/conversations/{}.{conversation}/bargain", bargain.shop.id);
    assert_eq!(bargain.api.get(&address).await.is(200).json()["rounds"], 3);
    bargain.api.delete(&address).await.is(204);
    bargain.app.noticed().await;
    bargain.script([say("97可以")]);
    bargain.says("那能便宜点吗");
    bargain.sees(&conversation, &["98可以", "95可以", "92可以", "不议价了", "97可以"]).await;
}

#[actix_web::test]
async fn a_suggestion_waits_for_a_person_who_sends_it_edits_it_or_rejects_it() {
    let bargain = Bargain::open(vec![default_reply("在的")], json!({"mode": "suggest"})).await;
    bargain.script(["能用三年", "五年", "十年"].map(say));
    let first = bargain.says("能用多久");
    let row = bargain.app.decided(&bargain.shop, &first).await;
    assert_eq!((row.reason.as_deref(), row.needs_person), (Some("suggested"), true));
    let waiting = async || bargain.api.get("/api/v1/suggestions?state=pending").await.is(200).json()["items"].clone();
    let list = waiting().await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["text"]), (1, &json!("能用三年")));
    let address = format!("/api/v1/suggestions/{}", list[0]["id"]);
    bargain.api.post(&format!("{address}/approve"), &json!({"text": "大约能用三年"})).await.is(202);
    bargain.sees(&first.conversation, &["大约能用三年"]).await;
    bargain.api.post(&format!("{address}/approve"), &json!({})).await.refused(409, "wrong_state");
    let row = bargain.app.decided(&bargain.shop, &first).await;
    assert!(!row.needs_person, "a person took care of it");

    // It was not the person's own hand: automatic answers go on. A newer one overtakes an older one.
    let second = bargain.says("到底多久");
    bargain.app.decided(&bargain.shop, &second).await;
    let third = bargain.says("真的吗");
    bargain.app.decided(&bargain.shop, &third).await;
    let list = waiting().await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["text"]), (1, &json!("十年")));
    bargain.api.post(&format!("/api/v1/suggestions/{}/reject", list[0]["id"]), &json!({})).await.is(200);
    assert_eq!(waiting().await, json!([]));
    bargain.sees(&first.conversation, &["大约能用三年"]).await;
}

/// A3: the model is told of rounds that a person approved of, and they end where they end for answers that are sent by themselves.
#[actix_web::test]
async fn a3_an_approved_answer_about_the_price_is_a_round() {
    let limits = json!({"mode": "suggest", "last_word": "不议价了", "limits": {"max_percent": 10, "max_amount": 100_000, "rounds": 2}});
    let bargain = Bargain::open(vec![], limits).await;
    bargain.script(["98可以", "90可以"].map(say));
    let mut conversation = None;
    let approve = async |said: &Said| {
        bargain.app.decided(&bargain.shop, said).await;
        let list = bargain.api.get("/api/v1/suggestions?state=pending").await.is(200).json()["items"].clone();
        let address = format!("/api/v1/suggestions/{}/approve", list[0]["id"]);
        bargain.api.post(&address, &json!({})).await.is(202);
        bargain.api.post(&address, &json!({})).await.refused(409, "wrong_state");
        bargain.app.noticed().await;
        let address = format!("/api/v1/conversations/{}.{}/bargain", bargain.shop.id, said.conversation);
        bargain.api.get(&address).await.is(200).json()["rounds"].clone()
    };
    for (says, rounds) in [("便宜点", 1), ("再便宜点", 2), ("最低多少钱", 2)] {
        let said = bargain.says(says);
        assert_eq!(approve(&said).await, rounds, "{says}");
        conversation = Some(said.conversation);
    }
    bargain.sees(&conversation.unwrap(), &["98可以", "90可以", "不议价了"]).await;
    let prompts = bargain.prompts();
    assert!(prompts.contains("第1轮，共2轮") && prompts.contains("第2轮，共2轮"), "{prompts}");
}

#[actix_web::test]
async fn in_the_shadow_the_next_source_answers_and_the_model_is_only_recorded() {
    let bargain = Bargain::open(vec![default_reply("在的")], json!({"mode": "shadow"})).await;
    bargain.script([say("能用三年")]);
    let said = bargain.says("能用多久");
    bargain.sees(&said.conversation, &["在的"]).await;
    let list = bargain.api.get("/api/v1/suggestions").await.is(200).json()["items"].clone();
    assert_eq!((&list[0]["state"], &list[0]["text"]), (&json!("recorded"), &json!("能用三年")));
}

/// What the seller wrote down about a buyer is in the prompt where the seller's text names it, and never in an answer.
#[actix_web::test]
async fn a_prompt_knows_the_buyer_where_it_says_so_and_an_answer_does_not_tell_the_tags() {
    let bargain = Bargain::open(vec![], json!({})).await;
    bargain.script(["三年", "一看您就爱砍价", "最少三年"].map(say));
    let first = bargain.says("能用多久");
    bargain.sees(&first.conversation, &["三年"]).await;
    bargain.api.put(&format!("/api/v1/buyers/{BUYER}/tags"), &json!({"tags": ["爱砍价", "老客户"]})).await.is(200);
    bargain.app.noticed().await;
    bargain
        .choose(json!({"prompts": {"price": "议价", "tech": "议价", "default":
        "标签：{buyer_tags}。已付款：{buyer_orders}。初次：{first_contact}。"}}))
        .await;
    bargain.says("质量怎么样");
    bargain.sees(&first.conversation, &["三年", "最少三年"]).await;
    let asked = bargain.app.platform().model().asked();
    let told = |at: usize| asked[at].body["messages"][0]["content"].as_str().unwrap();
    assert!(
        !told(0).contains("标签") && told(1).starts_with("标签：爱砍价, 老客户。已付款：0。初次：否。"),
        "{}",
        told(1)
    );
    let correction = asked[2].body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
    assert!(correction.contains("不要说“爱砍价”"), "{correction}");

    let trial = json!({"messages": ["在吗"], "conversation_id": first.conversation});
    bargain.script([say("在的")]);
    bargain.api.post(&bargain.address("ai/test"), &trial).await.is(200);
    let asked = bargain.app.platform().model().asked();
    assert!(asked[3].body["messages"][0]["content"].as_str().unwrap().starts_with("标签：爱砍价, 老客户。"));
}

/// One account must not take all places of a provider, however many of its conversations wait.
#[actix_web::test]
async fn an_account_whose_calls_all_hang_leaves_places_for_others() {
    let mut app = TestApp::with(|settings| {
        settings.outgoing.allow = vec!["127.0.0.0/8".parse().unwrap()];
        (settings.ai.at_once, settings.ai.account_at_once) = (3, 2);
    });
    let (busy, calm) = (app.open("busy"), app.open("calm"));
    app.start().await;
    let api = app.anybody().sign_in("seller").await;
    let base_url = format!("{}/v1", app.settings().platform.gateway_url);
    let ai =
        json!({"mode": "auto", "provider": {"dialect": "open_ai", "base_url": base_url, "model": "sim"}, "key": "k"});
    for shop in [&busy, &calm] {
        api.patch(&format!("/api/v1/accounts/{}/ai", shop.id), &ai).await.is(200);
    }
    app.noticed().await;
    let model = app.platform().model();
    model.script([ModelAct::Hang, ModelAct::Hang, say("在的")]);
    for number in 0..10 {
        busy.buyer_says(&format!("22000000{number:05}"), ITEM, "能用多久");
    }
    model.asked_times(2).await;
    let said = calm.buyer_says(BUYER, ITEM, "能用多久");
    app.answers(&calm, &said.conversation, &["在的"]).await;
    assert_eq!(model.asked().len(), 3, "the busy account's others still wait for their turn");
}

/// A6: there, a key could be spent without limit.
#[actix_web::test]
async fn a6_a_days_limit_is_kept_and_what_happens_then_was_set() {
    let bargain = Bargain::open(vec![], json!({"daily_tokens": 1, "at_cap": "person"})).await;
    bargain.script([say("能用三年")]);
    let first = bargain.says("能用多久");
    bargain.sees(&first.conversation, &["能用三年"]).await;
    let second = bargain.says("保修吗");
    let row = bargain.app.decided(&bargain.shop, &second).await;
    assert_eq!((row.reason.as_deref(), row.needs_person), (Some("left_to_person"), true));
    assert_eq!(bargain.app.platform().model().asked().len(), 1);
    let scope = bargain.app.scope();
    let filter = notices::Filter { event: Some(Event::AiCap), ..notices::Filter::default() };
    let told = || {
        let filter = filter.clone();
        bargain.app.read(move |conn| notices::page(conn, &scope, &filter, Page::first(9))).0.pop()
    };
    let notice = bargain.app.eventually("the owner is told", told).await;
    assert_eq!((notice.account, notice.count), (Some(bargain.shop.id), 1));
}

/// A5, A8, S: keys are not shown, not copied, and not sent where their giver did not say.
#[actix_web::test]
async fn a5_a8_settings_are_inherited_checked_and_show_no_key() {
    let bargain = Bargain::open(vec![], json!({})).await;
    let address = bargain.address("ai");
    let shown = bargain.api.get(&address).await.is(200);
    assert!(!shown.text.contains("sk-planted"), "{}", shown.text);
    let shown = shown.json();
    assert_eq!((&shown["chosen"]["deal_days"], &shown["in_force"]["deal_days"]), (&json!(null), &json!(7)));
    let admin = bargain.app.anybody().sign_in("admin").await;
    admin.patch("/api/v1/settings/ai", &json!({"deal_days": 3, "key": "sk-system"})).await.is(200);
    let shown = bargain.api.get(&address).await.is(200).json();
    assert_eq!((&shown["chosen"]["deal_days"], &shown["in_force"]["deal_days"]), (&json!(null), &json!(3)));
    assert_eq!(shown["uses_system_key"], false);

    let moved = json!({"provider": {"dialect": "open_ai", "base_url": "https://elsewhere.example/v1", "model": "m"}});
    assert_eq!(bargain.api.patch(&address, &moved).await.refused(422, "invalid_field").field(), "key");
    let clear = json!({"provider": {"dialect": "open_ai", "base_url": "http://elsewhere.example/v1", "model": "m"}, "key": "x"});
    assert_eq!(bargain.api.patch(&address, &clear).await.refused(422, "invalid_field").field(), "provider.base_url");
    let odd = json!({"prompts": {"price": "{nothing}", "tech": "x", "default": "x"}});
    assert_eq!(bargain.api.patch(&address, &odd).await.refused(422, "invalid_field").field(), "prompts.price");
    bargain.api.patch(&address, &json!({"limits": {"max_percent": 101, "max_amount": 0, "rounds": 1}})).await.is(422);
    let audit = bargain.api.get("/api/v1/audit").await.is(200);
    assert!(!audit.text.contains("sk-planted") && audit.text.contains("account.ai"), "{}", audit.text);
}

/// A trial goes the live way: same settings, prompts, limits and history.
#[actix_web::test]
async fn a_trial_tells_what_the_model_said_and_what_was_wrong_with_it() {
    let bargain = Bargain::open(vec![], json!({})).await;
    let ask = json!({"messages": ["60卖不卖？"], "item_id": ITEM});
    bargain.script(["可以，60", "八十也行"].map(say));
    let told = bargain.api.post(&bargain.address("ai/test"), &ask).await.is(200).json();
    assert_eq!(
        (&told["outcome"], &told["why"], &told["floor"]),
        (&json!("left_to_person"), &json!("below_floor"), &json!(9000))
    );
    assert_eq!((&told["intent"], told["tries"].as_array().unwrap().len()), (&json!("price"), 2));
    assert_eq!(told["tries"][1]["violation"]["text"], "AI 报的价 80 元低于底价 90 元");
    assert_eq!(bargain.app.all_sends(&bargain.shop), []);
}

#[actix_web::test]
async fn the_items_own_floor_and_facts_count() {
    let bargain = Bargain::open(vec![], json!({})).await;
    let (scope, account) = (bargain.app.scope(), bargain.shop.id);
    let edit =
        items::Edit {
            floor: Some(Some(Fen(9_500))), ai_facts: Some("送原装电池".into()), ..items::Edit::default()
        };
    assert!(bargain.app.write(move |conn| items::edit(conn, &scope, account, &ITEM.into(), &edit)));
    bargain.script(["92可以", "95给您"].map(say));
    let said = bargain.says("便宜点");
    bargain.sees(&said.conversation, &["95给您"]).await;
    assert!(bargain.prompts().contains("送原装电池"));
}

#[actix_web::test]
async fn a_model_behind_an_address_that_is_not_allowed_is_not_asked() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rules(vec![default_reply("在的")]);
    app.start().await;
    let api = app.anybody().sign_in("seller").await;
    let address = format!("/api/v1/accounts/{}/ai", shop.id);
    let base_url = format!("{}/v1", app.settings().platform.gateway_url);
    let at = |base_url: &str| json!({"mode": "auto", "provider": {"dialect": "open_ai", "base_url": base_url, "model": "sim"}});
    let refused = api.patch(&address, &at(&base_url)).await.refused(422, "invalid_field");
    assert!(refused.field() == "provider.base_url" && refused.text.contains("outgoing.allow"), "{}", refused.text);
    // What a name stands for is known only when it is asked for.
    api.patch(&address, &at(&base_url.replace("127.0.0.1", "localhost"))).await.is(200);
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "能用多久");
    app.answers(&shop, &said.conversation, &["在的"]).await;
    assert_eq!(app.platform().model().asked(), []);
}
