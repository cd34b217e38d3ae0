//! The life of orders: what buyers do, how it is told, what the gateway says of it and does about it.

use std::time::Duration;

use serde_json::{Value, json};
use yutang::{
    ids::{Fen, OrderId},
    sim::{Address, Faults, Listing, NewOrder, OrderState, Refund, Refusal, Step, Telling},
};

use crate::{
    World,
    client::{Answer, Client, PATIENCE, call_version, texts, trees},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

const DETAIL: &str = "mtop.idle.web.trade.order.detail";
const SOLD: &str = "mtop.taobao.idle.trade.merchant.sold.get";
const CONSIGN: &str = "mtop.taobao.idle.logistic.consign.dummy";
const FREE_SHIPPING: &str = "mtop.idle.groupon.activity.seller.freeshipping";
const CLOSE: &str = "mtop.taobao.idle.trade.merchant.close.by.seller";
const PRICE: &str = "mtop.taobao.idle.trade.user.adjust.price";
const RATE: &str = "mtop.taobao.idle.rate.create";
const FLOWER: &str = "mtop.taobao.idlemessage.red.flower";
const TO_RATE: &str = "mtop.taobao.idle.merchant.rate.list";
const OFFLINE: &str = "mtop.alibaba.idle.seller.pc.item.batch.offline";

const SUCCESS: &str = "SUCCESS::调用成功";
const UNKNOWN: &str = "FAIL_BIZ_ORDER_NOT_FOUND::订单不存在";
const NOT_NOW: &str = "FAIL_BIZ_ORDER_STATUS_ERROR::订单状态错误";
const SHIPPED_ALREADY: &str = "ORDER_ALREADY_DELIVERY::已发货成功";
const BAD_PARAMETERS: &str = "FAIL_BIZ_PARAM_ERROR::参数错误";

impl World {
    /// Calls an API in its own version.
    async fn ask(&self, api: &str, data: Value) -> Answer {
        self.try_ask(api, data).await.unwrap()
    }

    async fn try_ask(&self, api: &str, data: Value) -> Result<Answer, awc::error::SendRequestError> {
        let versions = match api {
            CLOSE => ["2.0", "2.0"],
            RATE => ["4.0", "4.0"],
            FLOWER => ["1.0", "4.0"],
            _ => ["1.0", "1.0"],
        };
        call_version(self.sim.addr(), &self.jar, api, versions, "", &data.to_string()).await
    }

    async fn consign(&self, order: &OrderId) -> String {
        let data = json!({"orderId": order, "tradeText": "", "picList": [], "newUnconsign": true});
        self.ask(CONSIGN, data).await.ret().to_owned()
    }

    async fn detail(&self, order: &OrderId) -> Value {
        let answer = self.ask(DETAIL, json!({"tid": order})).await;
        assert_eq!(answer.ret(), SUCCESS);
        answer.body["data"].clone()
    }

    /// The headline of the detail, and the steps that are done.
    async fn standing(&self, order: &OrderId) -> (String, Vec<String>) {
        let status = part(&self.detail(order).await, "orderStatusVO");
        let nodes = status["orderStatusNodeList"].as_array().unwrap();
        let done = nodes.iter().filter(|node| node["completed"] == true).map(|node| text(&node["title"])).collect();
        (text(&status["orderStatusInfo"]["title"]), done)
    }

    async fn list(&self, code: &str) -> Vec<Value> {
        let data =
            json!({"pageNumber": 1, "rowsPerPage": 30, "orderIds": "", "queryCode": code, "orderSearchParam": "{}"});
        self.ask(SOLD, data).await.body["data"]["module"]["items"].as_array().unwrap().clone()
    }

    /// The word that a list has for its only order, and whether it is in refund.
    async fn word(&self, code: &str) -> (String, bool) {
        let list = self.list(code).await;
        assert_eq!(list.len(), 1, "{list:?}");
        let common = &list[0]["commonData"];
        (text(&common["orderStatus"]), common["inRefund"].as_bool().unwrap())
    }

    /// An order of one piece that was led through these steps without a word about it.
    fn order_after(&self, steps: &[Step]) -> OrderId {
        let order = self.shop.place_order(quiet());
        for step in steps {
            self.shop.happens_told(&order, *step, &Telling::NOTHING).unwrap();
        }
        order
    }

    fn state(&self, order: &OrderId) -> OrderState {
        self.shop.order(order).unwrap().state
    }
}

fn quiet() -> NewOrder {
    NewOrder { telling: Telling::NOTHING, ..NewOrder::new(BUYER, ITEM) }
}

fn quiet_bargain() -> NewOrder {
    NewOrder { bargain: true, ..quiet() }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// One component of a detail; `null` where it is not there.
fn part(detail: &Value, name: &str) -> Value {
    let parts = detail["components"].as_array().unwrap();
    parts.iter().find(|part| part["render"] == name).map_or(Value::Null, |part| part["data"].clone())
}

/// What a push tells of an order: the sentence of the message, that of the changed card, the badge.
async fn told(client: &mut Client) -> [Option<String>; 3] {
    let mut told = [None, None, None];
    for tree in trees(&client.push().await).into_iter().flatten() {
        let found = [&tree["1"]["6"]["3"]["2"], &tree["4"]["reminderContent"], &tree["3"]["redReminder"]];
        let place = found.iter().position(|value| value.is_string()).unwrap();
        told[place] = Some(text(found[place]));
    }
    told
}

/// Nothing more was pushed: the answer of a heartbeat comes next.
async fn assert_quiet(client: &mut Client) {
    assert_eq!(client.ask("/!", Value::Null).await["code"], 200);
}

#[actix_web::test]
async fn an_order_is_told_by_a_card_its_change_and_the_badge_in_one_push() {
    let world = World::new();
    let mut client = world.online().await;
    let order = world.shop.place_order(NewOrder::new(BUYER, ITEM));
    let [card, update, badge] = trees(&client.push().await).try_into().unwrap();
    let (card, update, badge) = (card.unwrap(), update.unwrap(), badge.unwrap());
    assert_eq!((&card["1"]["6"]["3"]["4"], &card["1"]["10"]["senderUserId"]), (&json!(26), &json!(BUYER)));
    let conversation = world.shop.order(&order).unwrap().conversation;
    for fields in [&card["1"]["10"], &update["4"]] {
        assert_eq!(fields["reminderContent"], "[我已拍下，待付款]");
        let more: Value = serde_json::from_str(fields["extJson"].as_str().unwrap()).unwrap();
        assert_eq!(more["updateKey"], format!("{conversation}:{order}:1_not_pay_seller"));
    }
    assert!(card["1"]["6"]["3"]["5"].as_str().unwrap().contains(&format!("order_detail?id={order}&role=seller")));
    assert_eq!(update["1"], card["1"]["3"], "the change is one of that card");
    assert_eq!((&badge["1"], &badge["3"]["redReminder"]), (&update["2"], &json!("等待买家付款")));
    assert_quiet(&mut client).await;
}

#[actix_web::test]
async fn every_step_is_told_in_the_platforms_words() {
    let world = World::new();
    let mut client = world.online().await;
    let cases = [
        (vec![], Step::Pay, "我已付款，等待你发货", "等待卖家发货"),
        (vec![], Step::ChangePrice(Fen(900)), "我已修改价格，等待你付款", "等待买家付款"),
        (vec![], Step::CloseByBuyer, "未付款，买家关闭了订单", "交易关闭"),
        (vec![], Step::CloseBySeller, "你关闭了订单，钱款已原路退返", "交易关闭"),
        (vec![Step::Pay], Step::Ship, "你已发货", "已发货"),
        (vec![Step::Pay], Step::AskRefund, "我发起了退款申请", "买家申请退款"),
        (vec![Step::Pay, Step::AskRefund], Step::GrantRefund, "退款成功，钱款已原路退返", "交易关闭"),
        (vec![Step::Pay, Step::Ship], Step::Receive, "买家确认收货，交易成功", ""),
        (vec![Step::Pay, Step::Ship, Step::Receive], Step::Rate, "我完成了评价", "有新交易评价"),
    ];
    for (before, step, sentence, badge) in cases {
        let order = world.order_after(&before);
        world.shop.happens(&order, step).unwrap();
        let sentence = Some(format!("[{sentence}]"));
        assert_eq!(told(&mut client).await, [sentence.clone(), sentence, Some(badge.into())], "{step:?}");
    }
    // what the seller does for the buyer is told to the buyer alone
    let order = world.order_after(&[Step::Pay, Step::Ship, Step::Receive]);
    world.shop.happens(&order, Step::RateBuyer).unwrap();
    world.shop.happens(&order, Step::SendFlower).unwrap();
    assert_quiet(&mut client).await;
}

/// That a request was withdrawn stands on the button: the changed fields of a card have none.
#[actix_web::test]
async fn a_withdrawn_refund_is_told_by_a_button_and_the_badge_of_where_the_order_stands() {
    let world = World::new();
    let mut client = world.online().await;
    let order = world.order_after(&[Step::Pay, Step::AskRefund]);
    world.shop.withdraw_refund(&order).unwrap();
    let [card, badge] = trees(&client.push().await).try_into().unwrap();
    let content: Value = serde_json::from_str(&text(&card.unwrap()["1"]["6"]["3"]["5"])).unwrap();
    assert_eq!(content["dxCard"]["item"]["main"]["exContent"]["button"]["text"], "已撤销");
    assert_eq!(badge.unwrap()["3"]["redReminder"], "等待卖家发货");
}

#[actix_web::test]
async fn an_order_that_its_buyer_closes_is_told_by_a_tip_that_names_it() {
    let world = World::new();
    let mut client = world.online().await;
    let order = world.order_after(&[]);
    let closed = world.shop.close_unpaid(&order).unwrap();
    assert_eq!((closed.state, closed.times.closed.is_some()), (OrderState::Closed, true));
    let tip = trees(&client.push().await)[0].clone().unwrap();
    assert_eq!((&tip["1"]["6"]["3"]["4"], &tip["1"]["10"]["reminderTitle"]), (&json!(14), &json!("交易消息")));
    let more: Value = serde_json::from_str(&text(&tip["1"]["10"]["extJson"])).unwrap();
    assert_eq!(more["msgArg1"], "MsgTips");
    assert_eq!(more["updateKey"], format!("{}:{order}:1_close", closed.conversation));
}

#[actix_web::test]
async fn a_bargain_is_a_card_whose_title_alone_says_so() {
    let world = World::new();
    let mut client = world.online().await;
    world.shop.place_order(NewOrder { bargain: true, ..NewOrder::new(BUYER, ITEM) });
    let card = trees(&client.push().await)[0].clone().unwrap();
    assert_eq!(card["1"]["10"]["reminderContent"], "[卡片消息]");
    assert!(text(&card["1"]["6"]["3"]["5"]).contains("我已小刀，待刀成"));
}

#[actix_web::test]
async fn what_is_told_may_be_chosen() {
    let world = World::new();
    let mut client = world.online().await;
    let sentence = || Some("[我已付款，等待你发货]".to_owned());
    let cases = [
        (Telling::CARD, [sentence(), None, None]),
        (Telling::UPDATE, [None, sentence(), None]),
        (Telling::BADGE, [None, None, Some("等待卖家发货".into())]),
    ];
    for (telling, expected) in cases {
        let order = world.order_after(&[]);
        world.shop.happens_told(&order, Step::Pay, &telling).unwrap();
        assert_eq!(told(&mut client).await, expected, "{telling:?}");
        let conversation = world.shop.order(&order).unwrap().conversation;
        let history = json!([conversation, false, i64::MAX, 20, false]);
        let history = client.ask("/r/MessageManager/listUserMessages", history).await;
        let kept = history["body"]["userMessageModels"].as_array().unwrap().len();
        assert_eq!(kept, 1, "the history has the card, and nothing that was told without one");
    }
    let order = world.order_after(&[]);
    world.shop.happens_told(&order, Step::Pay, &Telling::NOTHING).unwrap();
    assert_quiet(&mut client).await;
    assert_eq!(world.list("NOT_SHIP").await[0]["commonData"]["orderId"], order.as_str(), "only the list knows");
}

#[actix_web::test]
async fn a_card_may_leave_out_its_order_and_come_again() {
    let world = World::new();
    let mut client = world.online().await;
    let order = world.order_after(&[]);
    let telling = Telling { without_order_id: true, repeated: 2, ..Telling::default() };
    world.shop.happens_told(&order, Step::Pay, &telling).unwrap();
    let first = client.push().await;
    assert!(!trees(&first).iter().any(|tree| tree.as_ref().unwrap().to_string().contains(order.as_str())));
    for _ in 0..2 {
        assert_eq!(trees(&client.push().await), trees(&first));
    }
    assert_quiet(&mut client).await;
}

#[actix_web::test]
async fn several_orders_may_be_paid_in_one_push() {
    let world = World::new();
    let mut client = world.online().await;
    let orders: Vec<OrderId> = ["901", "902", "903"]
        .map(|item| world.shop.place_order(NewOrder { telling: Telling::NOTHING, ..NewOrder::new(BUYER, item) }))
        .into();
    world.shop.happen_together(&orders, Step::Pay, &Telling::default()).unwrap();
    let push = client.push().await;
    assert_eq!((trees(&push).len(), texts(&push).len()), (9, 3));
    assert!(orders.iter().all(|order| world.state(order) == OrderState::Paid));
    assert_eq!(world.shop.happen_together(&orders, Step::Pay, &Telling::default()), Err(Refusal::NotNow));
    assert_quiet(&mut client).await;
}

#[actix_web::test]
async fn where_a_step_cannot_be_taken_by_one_order_none_takes_it() {
    let world = World::new();
    let (unpaid, paid) = (world.order_after(&[]), world.order_after(&[Step::Pay]));
    let together = [unpaid.clone(), paid];
    assert_eq!(world.shop.happen_together(&together, Step::Pay, &Telling::default()), Err(Refusal::NotNow));
    assert_eq!(world.state(&unpaid), OrderState::Unpaid);
    assert_eq!(world.shop.pay(&"2500000000000000009".into()), Err(Refusal::Unknown));
}

#[actix_web::test]
async fn an_orders_number_has_19_digits_and_is_given_once() {
    let world = World::new();
    let (first, second) = (world.order_after(&[]), world.order_after(&[]));
    assert_ne!(first, second);
    assert!(first.as_str().len() == 19 && first.as_str().bytes().all(|byte| byte.is_ascii_digit()), "{first}");
    let own = NewOrder { order: Some("2500000000000000001".into()), ..quiet() };
    assert_eq!(world.shop.place_order(own.clone()).as_str(), "2500000000000000001");
    world.shop.place_order(NewOrder { quantity: 5, ..own });
    assert_eq!(world.shop.orders().len(), 3, "a known one is not placed again");
}

#[actix_web::test]
async fn the_detail_tells_all_of_an_order() {
    let world = World::new();
    let spec = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let address = Address {
        name: "张三".into(), phone: "13800000000".into(), address: "示例省示例市示例路1号".into()
    };
    let order = world.shop.place_order(NewOrder {
        quantity: 3,
        spec: vec![spec("颜色", "黑"), spec("尺码", "M")],
        price: Some(Fen(12_305)),
        address: Some(address),
        ..quiet()
    });
    let detail = world.detail(&order).await;
    assert_eq!((&detail["peerUserId"], &detail["itemId"]), (&json!(BUYER), &json!(ITEM)));
    let info = part(&detail, "orderInfoVO");
    let item = json!({"itemId": ITEM, "buyAmount": "3", "price": "123.05", "skuInfo": "颜色:黑;尺码:M"});
    assert_eq!((&info["itemInfo"], &info["buyerUserId"]), (&item, &json!(BUYER)));
    assert_eq!(info["priceInfo"]["amount"]["value"], "369.15");
    assert_eq!(info["orderInfoList"][0], json!({"title": "订单编号", "value": order}));
    // what stands there is the time in China
    let placed: jiff::civil::DateTime = text(&info["orderInfoList"][1]["value"]).parse().unwrap();
    let placed = placed.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).unwrap().timestamp().as_millisecond();
    assert_eq!(placed, world.shop.order(&order).unwrap().times.placed.unwrap().0 / 1000 * 1000);
    let to = json!({"name": "张三", "phoneNumber": "13800000000", "address": "示例省示例市示例路1号"});
    assert_eq!(part(&detail, "addressInfoVO"), to);
    let list = world.list("ALL").await;
    assert_eq!(list[0]["buyerInfoVO"]["phone"], "138****0000");
    let bare = part(&world.detail(&world.order_after(&[])).await, "orderInfoVO");
    assert_eq!((&bare["itemInfo"]["skuInfo"], &bare["itemInfo"]["buyAmount"]), (&Value::Null, &json!("1")));
}

#[actix_web::test]
async fn every_state_has_its_words_in_detail_and_list() {
    let world = World::new();
    let shipped = [Step::Pay, Step::Ship];
    let cases: [(&[Step], &str, &[&str], &str); 9] = [
        (&[], "等待买家付款", &[], "待付款"),
        (&[Step::Pay], "等待卖家发货", &["已付款"], "待发货"),
        (&shipped, "等待买家收货", &["已付款", "已发货"], "已发货"),
        (&[Step::Pay, Step::Ship, Step::Receive], "交易成功", &["已付款", "已发货", "交易成功"], "交易成功"),
        (
            &[Step::Pay, Step::Ship, Step::Receive, Step::RateBuyer],
            "交易成功",
            &["已付款", "已发货", "交易成功", "已评价"],
            "交易成功",
        ),
        (&[Step::CloseByBuyer], "交易关闭", &[], "交易关闭"),
        (&[Step::Pay, Step::AskRefund], "退款中", &["已付款"], "退款中"),
        (&[Step::Pay, Step::AskRefund, Step::WithdrawRefund], "等待卖家发货", &["已付款"], "退款关闭"),
        (&[Step::Pay, Step::AskRefund, Step::GrantRefund], "交易关闭", &["已付款"], "退款成功"),
    ];
    for (steps, title, done, word) in cases {
        let order = world.order_after(steps);
        let done = done.iter().map(|step| (*step).to_owned()).collect();
        assert_eq!(world.standing(&order).await, (title.to_owned(), done), "{steps:?}");
        assert_eq!(world.list("ALL").await[0]["commonData"]["orderStatus"], word, "{steps:?}");
    }
}

#[actix_web::test]
async fn what_was_sold_is_listed_the_newest_first_page_by_page() {
    let world = World::new();
    let mut orders: Vec<OrderId> = (0..5).map(|_| world.order_after(&[Step::Pay])).collect();
    world.order_after(&[]);
    orders.reverse();
    let page = async |number: u32, ids: &str| {
        let data = json!({
            "pageNumber": number, "rowsPerPage": 3, "orderIds": ids, "queryCode": "NOT_SHIP", "orderSearchParam": "{}",
        });
        let module = world.ask(SOLD, data).await.body["data"]["module"].clone();
        let items = module["items"].as_array().unwrap().clone();
        let named = |item: &Value| OrderId::from(text(&item["commonData"]["orderId"]));
        (
            items.iter().map(named).collect::<Vec<_>>(),
            module["nextPage"].as_bool().unwrap(),
            module["totalCount"].clone(),
        )
    };
    assert_eq!(page(1, "").await, (orders[..3].to_vec(), true, json!(5)));
    assert_eq!(page(2, "").await, (orders[3..].to_vec(), false, json!(5)));
    assert_eq!(page(3, "").await, (vec![], false, json!(5)));
    let two = format!("{},{}", orders[1], orders[4]);
    assert_eq!(page(1, &two).await.0, [orders[1].clone(), orders[4].clone()]);
    let odd = json!({"pageNumber": 1, "rowsPerPage": 3, "queryCode": "SOMETHING"});
    assert_eq!(world.ask(SOLD, odd).await.ret(), BAD_PARAMETERS);
    let odd = json!({"pageNumber": 0, "rowsPerPage": 3, "queryCode": "ALL"});
    assert_eq!(world.ask(SOLD, odd).await.ret(), BAD_PARAMETERS);
}

#[actix_web::test]
async fn the_sellers_desk_gets_everything_as_text() {
    let world = World::new();
    let order = world.order_after(&[Step::Pay]);
    let data = json!({"pageNumber": 1, "rowsPerPage": 30, "orderIds": "", "queryCode": "NOT_SHIP"}).to_string();
    let extra = "&type=json&valueType=string";
    let answer = call_version(world.sim.addr(), &world.jar, SOLD, ["1.0", "1.0"], extra, &data).await.unwrap();
    let placed = world.shop.order(&order).unwrap().times.placed.unwrap();
    let item = json!({
        "commonData": {"orderId": order, "itemId": ITEM, "orderStatus": "待发货", "inRefund": "false", "sellerRateStatus": "5",
            "createTime": placed.to_string()},
        "buyerInfoVO": {"buyerId": BUYER, "userNick": format!("买家{BUYER}"), "name": "", "phone": "", "address": ""},
        "priceVO": {"totalPrice": "123.00", "buyNum": "1"}, "rightVO": {"btnList": []},
    });
    let module = json!({"nextPage": "false", "totalCount": "1", "items": [item]});
    assert_eq!(answer.body["data"]["module"], module);
}

#[actix_web::test]
async fn a_confirmed_shipment_ships_once_and_a_second_one_is_seen() {
    let world = World::new();
    let mut client = world.online().await;
    let order = world.order_after(&[Step::Pay]);
    assert_eq!(world.consign(&order).await, SUCCESS);
    assert_eq!(told(&mut client).await[0].as_deref(), Some("[你已发货]"));
    assert_eq!(world.consign(&order).await, SHIPPED_ALREADY);
    assert_quiet(&mut client).await;
    let shipped = world.shop.order(&order).unwrap();
    assert_eq!((shipped.state, shipped.counts.consigned), (OrderState::Shipped, 2));
    world.shop.confirm_receipt(&order).unwrap();
    assert_eq!(world.consign(&order).await, SHIPPED_ALREADY, "nor is what arrived shipped again");
}

#[actix_web::test]
async fn what_becomes_of_an_order_can_be_waited_for_refused_confirmations_too() {
    let world = World::new();
    let order = world.order_after(&[Step::Pay]);
    let twice = world.shop.await_order(&order, PATIENCE, |order| order.counts.consigned == 2);
    let confirm = async || (world.consign(&order).await, world.consign(&order).await);
    let (seen, answers) = futures_util::future::join(twice, confirm()).await;
    assert_eq!(answers, (SUCCESS.into(), SHIPPED_ALREADY.into()));
    assert_eq!(seen.unwrap().state, OrderState::Shipped);
    assert_eq!(world.shop.await_order(&order, Duration::ZERO, |order| order.counts.consigned == 3).await, None);
}

#[actix_web::test]
async fn what_is_not_to_be_shipped_is_not_shipped() {
    let world = World::new();
    let bargain = world.shop.place_order(quiet_bargain());
    assert_eq!(world.consign(&bargain).await, NOT_NOW);
    let cases: [&[Step]; 5] = [
        &[],
        &[Step::CloseByBuyer],
        &[Step::Pay, Step::AskRefund],
        &[Step::Pay, Step::Ship, Step::AskRefund],
        &[Step::Pay, Step::AskRefund, Step::GrantRefund],
    ];
    for steps in cases {
        let order = world.order_after(steps);
        let before = world.state(&order);
        assert_eq!(world.consign(&order).await, NOT_NOW, "{steps:?}");
        assert_eq!(world.state(&order), before);
        assert_eq!(world.shop.order(&order).unwrap().times.shipped.is_some(), before == OrderState::Shipped);
    }
    assert_eq!(world.consign(&"2500000000000000009".into()).await, UNKNOWN);
    assert_eq!(world.ask(CONSIGN, json!({"orderId": 2_500_000_000_000_000_001_i64})).await.ret(), BAD_PARAMETERS);
}

/// What is to be shipped stays in its list while the money is wanted back: `inRefund` is all that says so there.
#[actix_web::test]
async fn a_refund_that_is_asked_for_shows_beside_what_is_to_be_shipped() {
    let world = World::new();
    let order = world.order_after(&[Step::Pay]);
    assert_eq!(world.word("NOT_SHIP").await, ("待发货".into(), false));
    let asked = world.shop.ask_refund(&order).unwrap();
    assert_eq!((asked.state, asked.refund), (OrderState::Paid, Refund::Asked));
    assert_eq!(world.word("NOT_SHIP").await, ("待发货".into(), true));
    assert_eq!(world.word("ALL").await, ("退款中".into(), true));
    world.shop.withdraw_refund(&order).unwrap();
    assert_eq!(world.word("NOT_SHIP").await, ("待发货".into(), false));
    assert_eq!(world.word("ALL").await, ("退款关闭".into(), false));
    assert_eq!(world.consign(&order).await, SUCCESS);
    assert_eq!(world.word("ALL").await, ("已发货".into(), false), "the deal goes on");
}

#[actix_web::test]
async fn a_refund_may_come_after_each_step_of_a_paid_order() {
    let world = World::new();
    let steps = [Step::Pay, Step::Ship, Step::Receive];
    for (count, before) in (1..).zip([OrderState::Paid, OrderState::Shipped, OrderState::Completed]) {
        let order = world.order_after(&steps[..count]);
        world.shop.ask_refund(&order).unwrap();
        assert_eq!(world.shop.ask_refund(&order), Err(Refusal::NotNow), "asked for already");
        assert_eq!(world.shop.withdraw_refund(&order).unwrap().state, before);
        assert_eq!(world.shop.grant_refund(&order), Err(Refusal::NotNow), "nobody asks for it any more");
        world.shop.ask_refund(&order).unwrap();
        let refunded = world.shop.grant_refund(&order).unwrap();
        assert_eq!((refunded.state, refunded.refund), (OrderState::Closed, Refund::Granted));
        assert_eq!(world.shop.ask_refund(&order), Err(Refusal::NotNow));
    }
    assert_eq!(world.shop.ask_refund(&world.order_after(&[])), Err(Refusal::NotNow), "nothing was paid");
}

#[actix_web::test]
async fn nobody_receives_what_is_wanted_back_or_was_not_shipped() {
    let world = World::new();
    let cases: [&[Step]; 3] = [&[], &[Step::Pay], &[Step::Pay, Step::Ship, Step::AskRefund]];
    for steps in cases {
        assert_eq!(world.shop.confirm_receipt(&world.order_after(steps)), Err(Refusal::NotNow), "{steps:?}");
    }
}

#[actix_web::test]
async fn a_bargain_goes_through_by_the_sellers_consent() {
    let world = World::new();
    let mut client = world.online().await;
    let order = world.shop.place_order(quiet_bargain());
    assert_eq!(world.standing(&order).await, ("待刀成".into(), vec![]));
    assert_eq!(world.word("NOT_SHIP").await.0, "待发货");
    let button = || async { world.list("ALL").await[0]["rightVO"]["btnList"].clone() };
    assert_eq!(button().await, json!([{"tradeAction": "SKIP_PIN"}]));
    let consent = async |item: Value, buyer: Value| {
        let data = json!({"bizOrderId": order, "itemId": item, "buyerId": buyer});
        world.ask(FREE_SHIPPING, data).await.ret().to_owned()
    };
    let (item, buyer) = (json!(900_000_000_001_i64), json!(2_200_000_000_777_i64));
    assert_eq!(consent(json!(ITEM), buyer.clone()).await, BAD_PARAMETERS, "numbers are wanted here");
    assert!(consent(json!(1), buyer.clone()).await.starts_with("GROUPON_ACTIVITY_ITEM_CHECK_ERROR::"));
    assert!(consent(item.clone(), json!(1)).await.starts_with("BUYER_NOT_EXIST::"));
    assert_eq!(world.state(&order), OrderState::Bargaining);
    assert_eq!(consent(item.clone(), buyer.clone()).await, SUCCESS);
    assert_eq!(told(&mut client).await[0].as_deref(), Some("[我已付款，等待你发货]"));
    assert_eq!(world.standing(&order).await, ("等待卖家发货".into(), vec!["已刀成".into()]));
    assert_eq!(consent(item, buyer).await, NOT_NOW);
    assert_eq!(world.shop.order(&order).unwrap().counts.free_shipped, 2);
    assert_eq!(world.consign(&order).await, SUCCESS);
    assert_eq!(button().await, json!([]), "what was shipped needs no helpers");
}

#[actix_web::test]
async fn a_bargain_may_find_its_helpers_or_end_without_them() {
    let world = World::new();
    let order = world.shop.place_order(quiet_bargain());
    assert_eq!(world.shop.pay(&order).unwrap().state, OrderState::Paid);
    let order = world.shop.place_order(quiet_bargain());
    assert_eq!(world.shop.close_unpaid(&order).unwrap().state, OrderState::Closed);
}

#[actix_web::test]
async fn a_seller_closes_and_reprices_only_what_is_unpaid() {
    let world = World::new();
    let mut client = world.online().await;
    let (unpaid, paid) = (world.order_after(&[]), world.order_after(&[Step::Pay]));
    let reprice =
        async |order: &OrderId, price: &str| world.ask(PRICE, json!({"bizOrderId": order, "price": price})).await;
    let answer = reprice(&unpaid, "88.5").await;
    assert_eq!((answer.ret(), &answer.body["data"]["success"]), (SUCCESS, &json!(true)));
    assert_eq!(told(&mut client).await[0].as_deref(), Some("[我已修改价格，等待你付款]"));
    assert_eq!(part(&world.detail(&unpaid).await, "orderInfoVO")["priceInfo"]["amount"]["value"], "88.50");
    for odd in ["", "abc", "1.234", "-1"] {
        assert_eq!(reprice(&unpaid, odd).await.ret(), BAD_PARAMETERS, "{odd}");
    }
    assert!(reprice(&paid, "1").await.ret().starts_with("FAIL_BIZ_ORDER_NOT_ALLOW_MODIFY::"));
    let close = async |order: &OrderId| {
        world.ask(CLOSE, json!({"tid": order, "bizOrderId": order, "closeReason": "不想卖了"})).await.ret().to_owned()
    };
    assert_eq!(close(&unpaid).await, SUCCESS);
    assert_eq!(told(&mut client).await[0].as_deref(), Some("[你关闭了订单，钱款已原路退返]"));
    assert_eq!((close(&unpaid).await.as_str(), close(&paid).await.as_str()), (NOT_NOW, NOT_NOW));
    let counts = [&unpaid, &paid].map(|order| world.shop.order(order).unwrap().counts);
    assert_eq!(counts.map(|counts| (counts.price_changes, counts.closes)), [(1, 2), (1, 1)]);
}

#[actix_web::test]
async fn a_buyer_is_rated_and_given_a_flower_once_the_deal_is_done_and_once() {
    let world = World::new();
    let order = world.order_after(&[Step::Pay, Step::Ship]);
    let rating = json!({"tradeId": order, "rate": 1, "feedback": "好评", "createOrAppend": 0});
    let flower = json!({"orderId": order, "channel": "list"});
    let pending = async |status: &str| {
        let search = json!({"sellerRateStatus": status}).to_string();
        let data = json!({"pageNumber": 1, "rowsPerPage": 20, "queryType": "ORDER", "rateSearchParam": search});
        world.ask(TO_RATE, data).await.body["data"]["module"]["totalCount"].clone()
    };
    assert_eq!(world.ask(RATE, rating.clone()).await.ret(), NOT_NOW);
    assert_eq!(world.ask(FLOWER, flower.clone()).await.ret(), NOT_NOW);
    assert_eq!(pending("5").await, 0);
    world.shop.confirm_receipt(&order).unwrap();
    assert_eq!((pending("5").await, pending("4").await), (json!(1), json!(0)));
    assert_eq!(world.ask(RATE, json!({"tradeId": order})).await.ret(), BAD_PARAMETERS);
    for expected in [SUCCESS, NOT_NOW] {
        assert_eq!(world.ask(RATE, rating.clone()).await.ret(), expected);
        assert_eq!(world.ask(FLOWER, flower.clone()).await.ret(), expected);
    }
    assert_eq!((pending("5").await, pending("4").await), (json!(0), json!(1)));
    world.shop.rate(&order).unwrap();
    assert_eq!(world.shop.rate(&order), Err(Refusal::NotNow), "nor does a buyer rate twice");
    let counts = world.shop.order(&order).unwrap().counts;
    assert_eq!((counts.rates, counts.flowers), (3, 3));
}

#[actix_web::test]
async fn another_accounts_order_is_an_unknown_one() {
    let world = World::new();
    let order = world.sim.platform().add_account("other").place_order(NewOrder::new(BUYER, ITEM));
    assert_eq!(world.ask(DETAIL, json!({"tid": order})).await.ret(), UNKNOWN);
    assert_eq!(world.consign(&order).await, UNKNOWN);
    assert!(world.list("ALL").await.is_empty());
}

#[actix_web::test]
async fn an_api_is_known_by_its_version_too() {
    let world = World::new();
    let order = world.order_after(&[Step::Pay, Step::Ship, Step::Receive]);
    let data = json!({"orderId": order, "tid": order, "tradeId": order, "rate": 1, "feedback": "好"}).to_string();
    for (api, versions) in
        [(FLOWER, ["4.0", "4.0"]), (CLOSE, ["1.0", "1.0"]), (RATE, ["1.0", "4.0"]), (DETAIL, ["2.0", "1.0"])]
    {
        let answer = call_version(world.sim.addr(), &world.jar, api, versions, "", &data).await.unwrap();
        assert!(answer.ret().starts_with("FAIL_SYS_SERVICE_NOT_EXIST::"), "{api} {}", answer.ret());
    }
}

#[actix_web::test]
async fn selling_takes_from_the_listing_and_an_order_closed_unpaid_gives_back() {
    let world = World::new();
    let specs = vec![("黑".into(), 1_000, 5), ("白".into(), 2_000, 5)];
    world.shop.sell(Listing { specs, stock: 10, price: 900, ..Listing::new(ITEM, "点卡") });
    let stock = || {
        let state = world.shop.lock();
        let listing = &state.listings[0];
        (listing.stock, listing.specs.iter().map(|(.., stock)| *stock).collect::<Vec<_>>())
    };
    let white = NewOrder { quantity: 2, spec: vec![("颜色".into(), "白".into())], ..quiet() };
    let order = world.shop.place_order(white);
    assert_eq!(world.shop.order(&order).unwrap().amount, Fen(4_000), "the price is the spec's");
    assert_eq!(stock(), (8, vec![5, 3]));
    world.shop.close_unpaid(&order).unwrap();
    assert_eq!(stock(), (10, vec![5, 5]));
    let order = world.order_after(&[Step::Pay, Step::AskRefund, Step::GrantRefund]);
    assert_eq!(world.shop.order(&order).unwrap().amount, Fen(900));
    assert_eq!(stock(), (9, vec![5, 5]), "what was paid for and given back is put up again by its seller, or is not");
    world.shop.place_order(NewOrder { quantity: 50, ..quiet() });
    assert_eq!(stock().0, 0);
}

#[actix_web::test]
async fn listings_are_taken_off_the_sale_together_or_not_at_all() {
    let world = World::new();
    ["901", "902", "903"].iter().for_each(|item| world.shop.sell(Listing::new(item, "相机")));
    let on_sale = || world.shop.lock().listings.iter().map(|listing| listing.on_sale).collect::<Vec<_>>();
    let offline = async |items: &str| world.ask(OFFLINE, json!({"itemIds": items})).await.ret().to_owned();
    assert!(offline("901,904").await.starts_with("FAIL_BIZ_ITEM_NOT_FOUND::"));
    assert_eq!(offline("").await, BAD_PARAMETERS);
    assert_eq!(on_sale(), [true, true, true]);
    assert_eq!(offline("901,903").await, SUCCESS);
    assert_eq!(on_sale(), [false, true, false]);
}

#[actix_web::test]
async fn a_refused_call_does_nothing_and_says_what_it_was_told_to() {
    let world = World::new();
    let order = world.order_after(&[Step::Pay]);
    let confirm_first = "BUYER_CONFIRM_INFO::买家确认信息后才能发货";
    world.sim.platform().change_faults(|faults| faults.refuse = [(CONSIGN.into(), confirm_first.into())].into());
    assert_eq!(world.consign(&order).await, confirm_first);
    let refused = world.shop.order(&order).unwrap();
    assert_eq!((refused.state, refused.counts.consigned), (OrderState::Paid, 0));
    assert_eq!(world.ask(DETAIL, json!({"tid": order})).await.ret(), SUCCESS, "other calls are answered");
    world.sim.platform().heal();
    assert_eq!(world.consign(&order).await, SUCCESS);
}

#[actix_web::test]
async fn a_hanging_call_is_neither_done_nor_answered() {
    let world = World::new();
    let order = world.order_after(&[Step::Pay]);
    world.sim.platform().change_faults(|faults| faults.hang = [CONSIGN.into()].into());
    let call = world.consign(&order);
    assert!(tokio::time::timeout(Duration::from_millis(60), call).await.is_err());
    assert_eq!(world.state(&order), OrderState::Paid);
    assert_eq!(world.ask(DETAIL, json!({"tid": order})).await.ret(), SUCCESS, "other calls are answered");
}

#[actix_web::test]
async fn a_call_whose_answer_is_lost_was_done() {
    let world = World::new();
    let mut client = world.online().await;
    let order = world.order_after(&[Step::Pay]);
    world.sim.platform().change_faults(|faults| faults.lose_answer = [CONSIGN.into()].into());
    assert!(world.try_ask(CONSIGN, json!({"orderId": order})).await.is_err());
    assert_eq!(told(&mut client).await[0].as_deref(), Some("[你已发货]"));
    world.sim.platform().heal();
    assert_eq!(world.consign(&order).await, SHIPPED_ALREADY);
    assert_eq!(world.shop.order(&order).unwrap().counts.consigned, 2);
}

#[actix_web::test]
async fn a_stale_copy_tells_what_was_true_before_the_last_change() {
    let world = World::new();
    let placed = world.order_after(&[]);
    let shipped = world.order_after(&[Step::Pay, Step::Ship]);
    world.sim.platform().change_faults(|faults| faults.stale_orders = true);
    assert_eq!(world.ask(DETAIL, json!({"tid": placed})).await.ret(), UNKNOWN);
    assert_eq!(world.standing(&shipped).await, ("等待卖家发货".into(), vec!["已付款".into()]));
    assert_eq!(world.word("NOT_SHIP").await.0, "待发货");
    assert_eq!(world.word("ALL").await.0, "待发货", "and of the one just placed it knows nothing");
    world.shop.confirm_receipt(&shipped).unwrap();
    assert_eq!(world.standing(&shipped).await.0, "等待买家收货", "one change behind, not more");
    assert_eq!(world.consign(&shipped).await, SHIPPED_ALREADY, "what is done is done with the truth");
}

#[actix_web::test]
async fn a_fault_of_calls_may_be_one_accounts_alone() {
    let world = World::new();
    let order = world.order_after(&[Step::Pay]);
    let faults: Faults =
        serde_json::from_value(json!({"refuse": {CONSIGN: "ORDER_STATUS_ERROR::x"}, "stale_orders": true})).unwrap();
    let other = world.sim.platform().add_account("other");
    world.sim.platform().change_account_faults(&other, |own| *own = faults);
    assert_eq!(world.consign(&order).await, SUCCESS);
}

#[actix_web::test]
async fn orders_are_driven_and_read_over_http() {
    let world = World::new();
    let mut client = world.online().await;
    let control = |path: &str| format!("http://{}/control/accounts/shop/{path}", world.sim.addr());
    let act = async |action: Value| {
        let request = awc::Client::new().post(control("actions"));
        let mut answer = request.send_json(&action).await.unwrap();
        assert_eq!(answer.status(), 200, "{action}");
        answer.json::<Value>().await.unwrap()
    };
    let order = act(json!({
        "do": "place_order", "buyer": BUYER, "item": ITEM, "quantity": 2, "spec": [["颜色", "黑"]], "price": 500,
    }))
    .await;
    assert_eq!(told(&mut client).await[0].as_deref(), Some("[我已拍下，待付款]"));
    let pay = json!({"do": "deal", "orders": [order], "step": "pay", "telling": {"card": false, "update": false}});
    assert_eq!(act(pay.clone()).await[0]["state"], "paid");
    assert_eq!(told(&mut client).await, [None, None, Some("等待卖家发货".into())]);
    assert_eq!(act(pay).await, json!({"refused": "not_now"}));
    let price = json!({"do": "deal", "orders": [order], "step": {"change_price": 900}});
    assert_eq!(act(price).await, json!({"refused": "price_fixed"}));
    world.consign(&OrderId::from(text(&order))).await;
    let orders: Value = awc::Client::new().get(control("orders")).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&orders[0]["id"], &orders[0]["state"], &orders[0]["amount"]),
        (&order, &json!("shipped"), &json!(1000))
    );
    assert_eq!((&orders[0]["counts"]["consigned"], &orders[0]["counts"]["price_changes"]), (&json!(1), &json!(1)));
    let odd = awc::Client::new()
        .post(control("actions"))
        .send_json(&json!({"do": "place_order", "buyer": BUYER, "itme": ITEM}));
    assert_eq!(odd.await.unwrap().status(), 400);
}

#[actix_web::test]
async fn a_step_gives_back_the_order_and_a_refused_one_is_told_to_nobody() {
    let world = World::new();
    let order = world.order_after(&[]);
    let paid = world.shop.pay(&order).unwrap();
    assert_eq!((paid.state, paid.times.paid.is_some()), (OrderState::Paid, true));
    let mut client = world.online().await;
    assert_eq!(world.shop.confirm_receipt(&order), Err(Refusal::NotNow));
    assert_quiet(&mut client).await;
}
