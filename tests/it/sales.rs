//! What was sold, as figures and as tables that people take away.

use std::time::Duration;

use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    delivery::step::Unit,
    ids::OrderId,
    order::status::Status,
    platform::mtop::order::{SoldOrder, TradeState},
    sheet,
    sim::{Address, NewOrder},
    store::orders,
    telemetry::clock,
};

use crate::{
    client::Api,
    deliveries::{BUYER, ITEM, Till},
    harness::{Shop, TestApp},
};

const CODES: [&str; 4] = ["PLANTED-0001", "PLANTED-0002", "PLANTED-0003", "PLANTED-0004"];
const PHONE: &str = "13800000000";

/// A shop that sells, whose orders of one, of two and of three pieces were paid, and three of the codes are left: the last order is given
/// one of its three.
async fn sold() -> (TestApp, Shop, [OrderId; 3]) {
    let mut app = TestApp::new();
    app.person("rival", Role::Owner);
    let shop = app.open("a");
    let card = app.pool("会员码", &CODES);
    app.binds(ITEM, &[card]);
    app.delivers(&shop);
    app.start().await;
    let address = Address { name: "王小明".into(), phone: PHONE.into(), address: "杭州".into() };
    let orders = [1, 2, 3].map(|quantity| {
        let spec = vec![("颜色".to_owned(), "=1+1".to_owned())];
        NewOrder { quantity, spec, address: Some(address.clone()), ..NewOrder::new(BUYER, ITEM) }
    });
    let mut placed = Vec::new();
    for (new, given) in orders.into_iter().zip([1, 2, 1]) {
        let order = shop.place_order(new);
        shop.pay(&order).unwrap();
        app.eventually("given", || (app.given(&shop, &order) == vec![Unit::Confirmed; given]).then_some(())).await;
        if given != 1 || placed.is_empty() {
            app.eventually("shipped", || (app.stands(&shop, &order) == Some(Status::Shipped)).then_some(())).await;
        }
        placed.push(order);
    }
    (app, shop, placed.try_into().unwrap())
}

async fn sales(api: &Api, query: &str) -> Value {
    api.get(&format!("/api/v1/stats/sales{query}")).await.is(200).json()
}

#[actix_web::test]
async fn what_was_sold_and_given_is_counted_for_its_owner() {
    let (app, shop, [first, ..]) = sold().await;
    let (seller, rival) = (app.signed_in("seller").await, app.signed_in("rival").await);
    let by_day = sales(&seller, "").await;
    let expected = json!({
        "placed": 3, "paid": 3, "paid_fen": 6 * 12_300, "shipped": 2, "units_delivered": 4, "orders_delivered": 2,
        "completed": 0, "completed_fen": 0, "refunded": 0, "refunded_fen": 0, "closed": 0, "net_fen": 6 * 12_300,
    });
    assert_eq!(by_day["totals"], expected);
    assert_eq!((&by_day["by"], &by_day["total"]), (&json!("day"), &json!(by_day["items"].as_array().unwrap().len())));
    assert_eq!(by_day["items"].as_array().unwrap().last().unwrap()["day"], by_day["to"]);

    shop.ask_refund(&first).unwrap();
    shop.grant_refund(&first).unwrap();
    app.eventually("refunded", || (app.stands(&shop, &first) == Some(Status::Cancelled)).then_some(())).await;
    let by_item = sales(&seller, "?by=item").await;
    assert_eq!(by_item["totals"]["net_fen"], 5 * 12_300);
    let row = &by_item["items"][0];
    assert_eq!((&row["item_id"], &row["account_id"]), (&json!(ITEM), &json!(shop.id)));
    let by_account = sales(&seller, &format!("?by=account&account={}&item={ITEM}", shop.id)).await;
    assert_eq!((&by_account["items"][0]["name"], &by_account["total"]), (&json!("a"), &json!(1)));
    assert_eq!(sales(&rival, "?by=account").await["items"], json!([]));
    seller.delete(&format!("/api/v1/buyers/{BUYER}")).await.is(200);
    assert_eq!(sales(&seller, "").await["totals"], by_item["totals"], "they name nobody");
    let year = 400 * 86_400_000_i64;
    for query in ["since=5&until=5".to_owned(), format!("since=0&until={}", year + 1), "by=week".to_owned()] {
        seller.get(&format!("/api/v1/stats/sales?{query}")).await.refused(400, "invalid_query");
    }
    seller.get(&format!("/api/v1/stats/sales?since=0&until={year}")).await.is(200);
}

#[actix_web::test]
async fn orders_are_taken_away_as_a_table_without_address_or_codes() {
    let (app, _shop, orders) = sold().await;
    let (seller, rival) = (app.signed_in("seller").await, app.signed_in("rival").await);
    let path = "/api/v1/orders/export";
    let csv = seller.as_who().with("accept-language", "zh").get(&format!("{path}?format=csv")).await.is(200);
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"orders.csv\""));
    assert!(csv.text.starts_with("\u{feff}订单号,账号,状态,"), "{}", csv.text);
    assert!(csv.text.contains(&format!("{}\t,a,已发货,", orders[0])), "{}", csv.text);
    assert!(csv.text.contains(",369.00,3,1,库存不足"), "{}", csv.text);
    for secret in CODES.iter().chain([&PHONE, &"王小明", &"杭州"]) {
        assert!(!csv.text.contains(secret), "{secret}: {}", csv.text);
    }
    let book = seller.get(&format!("{path}?status=pending_ship")).await.is(200).bytes;
    let rows = sheet::read_workbook(&book).unwrap();
    assert_eq!((rows.len(), rows[0][0].as_str(), rows[1][0].as_str()), (2, "Order", orders[2].as_str()));
    assert_eq!((rows[1][2].as_str(), rows[1][7].as_str()), ("paid, to be delivered", "颜色: =1+1"));
    let deed = seller.audit("action=order.export").await.remove(0);
    assert_eq!(deed["after"], json!({"format": "xlsx", "rows": 1}));
    assert_eq!(rival.get(&format!("{path}?format=csv")).await.is(200).text.lines().count(), 1, "the head alone");
    seller.get(&format!("{path}?page=2")).await.refused(400, "invalid_query");
    app.anybody().get(path).await.refused(401, "not_signed_in");

    let csv = seller.get("/api/v1/stats/sales/export?format=csv&by=account").await.is(200).text;
    let expected = "\u{feff}Account,Ordered,Paid,Paid (yuan),Shipped,Units delivered,Orders delivered,Completed,\
         Completed (yuan),Refunded,Refunded (yuan),Ended unpaid,Net (yuan)\r\na,3,3,738.00,2,4,2,0,0.00,0,0.00,0,738.00\r\n";
    assert_eq!(csv, expected);
    assert_eq!(seller.audit("action=sales.export").await.len(), 1);
}

/// More than fit into a table are refused, and the refusal names the limit: nobody takes a part for all.
#[actix_web::test]
async fn too_many_orders_for_one_table_are_refused() {
    let mut app = TestApp::new();
    let shop = app.open("a");
    app.start().await;
    let seller = app.signed_in("seller").await;
    let listed = |number: usize| SoldOrder {
        order: format!("25{number:017}").as_str().into(),
        item: ITEM.into(),
        buyer: BUYER.into(),
        buyer_name: None,
        state: Some(TradeState::Unpaid),
        in_refund: false,
        quantity: None,
        amount: None,
        is_bargain: false,
        placed_at: None,
    };
    let (id, many) = (shop.id, (0..20_000).map(listed).collect::<Vec<_>>());
    // Nobody asks the platform about them today.
    let tomorrow = clock::unix() + Duration::from_hours(24);
    app.write(move |conn| orders::note_listed(conn, id, &many, tomorrow));
    let path = "/api/v1/orders/export?format=csv";
    assert_eq!(seller.get(path).await.is(200).text.lines().count(), 20_001, "the head and all of them");
    let one_more = listed(20_000);
    app.write(move |conn| orders::note_listed(conn, id, &[one_more], tomorrow));
    let refused = seller.get(path).await.refused(400, "invalid_query");
    assert!(refused.text.contains("20000") && refused.text.contains("20001"), "{}", refused.text);
    seller.get(&format!("{path}&until=1")).await.is(200);
}

/// As the README says it, without our own code.
fn recomputed(entry: &Value) -> String {
    let mut bytes = Vec::new();
    let mut part = |part: Option<&[u8]>| match part {
        None => bytes.push(0),
        Some(part) => {
            bytes.push(1);
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
    };
    part(Some(&[1]));
    let before = entry["hash_before"].as_str().map(|hex| {
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect::<Vec<u8>>()
    });
    part(before.as_deref());
    for number in ["card_id", "number", "unit_id", "at"] {
        part(Some(&entry[number].as_i64().unwrap().to_be_bytes()));
    }
    for text in ["from", "to", "claim"] {
        part(entry[text].as_str().map(str::as_bytes));
    }
    let hash = ring::digest::digest(&ring::digest::SHA256, &bytes);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[actix_web::test]
async fn the_proof_of_an_order_lets_a_third_person_compute_the_hashes_again() {
    let (app, shop, [_, second, _]) = sold().await;
    let (seller, rival) = (app.signed_in("seller").await, app.signed_in("rival").await);
    let path = format!("/api/v1/orders/{}.{second}/proof", shop.id);
    let file = seller.get(&path).await.is(200);
    let name = format!("attachment; filename=\"order-{}.{second}.json\"", shop.id);
    assert_eq!(file.header("content-disposition"), Some(&*name));
    for secret in CODES.iter().chain([&PHONE, &"王小明"]) {
        assert!(!file.text.contains(secret), "{secret}: {}", file.text);
    }
    let proof = file.json();
    let ledger = proof["ledger"].as_array().unwrap();
    let steps: Vec<_> = ledger.iter().map(|entry| entry["to"].as_str().unwrap()).collect();
    let of = |wanted: &str| steps.iter().filter(|step| **step == wanted).count();
    assert_eq!((steps.len(), of("reserved"), of("sent"), of("confirmed")), (6, 2, 2, 2), "{proof}");
    for entry in ledger {
        assert_eq!(entry["hash"], recomputed(entry), "{entry}");
        let mut forged = entry.clone();
        forged["at"] = json!(entry["at"].as_i64().unwrap() + 1);
        assert_ne!(entry["hash"], recomputed(&forged));
    }
    assert_eq!((proof["units"].as_array().unwrap().len(), &proof["pieces"][0]["content"]), (2, &json!("***")));
    assert!(proof["messages"][0]["message_id"].is_string() && proof["told"][0]["event"].is_string(), "{proof}");
    assert_eq!(proof["changes"].as_array().unwrap().last().unwrap()["to"], "shipped");
    assert_eq!(seller.audit("action=order.proof").await.len(), 1);
    rival.get(&path).await.is(404);
}

#[actix_web::test]
async fn what_buyers_did_is_told_with_how_far_back_it_reaches() {
    let (app, shop, _) = sold().await;
    let seller = app.signed_in("seller").await;
    let figures = seller.get("/api/v1/stats/buyers").await.is(200).json();
    assert_eq!((&figures["ordered"], &figures["paid"], &figures["returning"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(figures["returning_share"], 1.0);
    let (until, kept) = (figures["until"].as_i64().unwrap(), figures["kept_since"].as_i64().unwrap());
    assert_eq!(until - kept, 180 * 86_400_000);
    assert!(figures["reasons"].is_array() && figures["conversion"]["asked"].is_i64(), "{figures}");
    let other = format!("/api/v1/stats/buyers?account={}", shop.id.0 + 1);
    assert_eq!(seller.get(&other).await.is(200).json()["returning_share"], Value::Null);
    seller.get("/api/v1/stats/buyers?since=0").await.refused(400, "invalid_query");
}
