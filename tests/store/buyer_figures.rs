//! Who wrote, ordered and came back, and which questions led to orders.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use yutang::{
    ai::intent::Intent,
    ids::{AccountId, OrderId, Timestamp},
    order::status::Cause,
    platform::mtop::order::{OrderDetail, TradeState},
    store::{
        DbConn, QueryResult, Scope, Store,
        buyer_figures::{self, Figures, Filter, Led, LedBy},
        chat_messages::{self, DecisionRow, NewMessage},
        conversations::{self, ConversationRow, Side},
        orders,
    },
};

use crate::{
    harness::{NOW, add_user, on_each_database, with_account},
    messages::{decision, message},
};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
const ITEM: &str = "700001";

fn filter() -> Filter {
    Filter { from: NOW, to: NOW + DAY, account: None }
}

fn figures(store: &Store, scope: Scope, filter: Filter) -> Figures {
    store.read_blocking(move |conn| buyer_figures::read(conn, &scope, &filter)).unwrap()
}

fn conversation(account: AccountId, id: usize, buyer: &str) -> ConversationRow {
    ConversationRow {
        account,
        conversation: format!("6000{id}").as_str().into(),
        peer: Some(buyer.into()),
        peer_name: None,
        item: Some(ITEM.into()),
        item_title: None,
        side: Side::Seller,
        paused_until: None,
        created_at: NOW,
    }
}

fn said(account: AccountId, id: &str, place: usize, by: &str, at: Timestamp) -> NewMessage {
    let conversation = format!("6000{place}").as_str().into();
    NewMessage { conversation, sender: by.into(), sent_at: at, received_at: at, ..message(account, id) }
}

fn decided(account: AccountId, id: &str, reason: &str) -> DecisionRow {
    DecisionRow { decision: "answer", reason: Some(reason.into()), ..decision(account, id) }
}

/// An order of a buyer in the conversation about the item, as the platform tells of it.
fn order(conn: &mut DbConn, store: &Store, account: AccountId, told: (&str, &str, TradeState), at: Timestamp) {
    let (id, buyer, state) = told;
    let detail = OrderDetail {
        order: OrderId::from(id),
        item: ITEM.into(),
        buyer: buyer.into(),
        state: Some(state),
        quantity: 1,
        spec: Vec::new(),
        price: None,
        amount: None,
        address: None,
        placed_at: Some(at),
    };
    let listed = yutang::platform::mtop::order::SoldOrder {
        order: detail.order.clone(),
        item: detail.item.clone(),
        buyer: detail.buyer.clone(),
        buyer_name: None,
        state: detail.state,
        in_refund: false,
        quantity: None,
        amount: None,
        is_bargain: false,
        placed_at: None,
    };
    orders::note_listed(conn, account, &[listed], at).unwrap();
    orders::read(conn, store.keys(), account, &"2200001".into(), &detail, Cause::List, at).unwrap();
}

fn led(asked: i64, ordered: i64, paid: i64) -> Led {
    Led { asked, ordered, paid }
}

#[test]
fn questions_are_followed_to_the_orders_that_came_of_them() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let (inner, of) = (store.clone(), account);
        let fill = move |conn: &mut DbConn| -> QueryResult<()> {
            let buyers = ["3300001", "3300002", "3300003", "3300004"];
            for (place, buyer) in buyers.iter().enumerate() {
                conversations::upsert_many(conn, &[conversation(of, place, buyer)])?;
            }
            let new = [
                said(of, "1.PNM", 0, buyers[0], NOW),
                said(of, "2.PNM", 0, buyers[0], NOW + MINUTE),
                said(of, "3.PNM", 1, buyers[1], NOW + MINUTE),
                // asked before and after the span, and only after the order
                said(of, "4.PNM", 2, buyers[2], NOW - MINUTE),
                said(of, "5.PNM", 2, buyers[2], NOW + MINUTE * 30),
                // the seller alone, and a card of the platform
                said(of, "6.PNM", 3, "2200001", NOW + MINUTE),
                said(of, "7.PNM", 3, buyers[3], NOW + MINUTE),
            ];
            chat_messages::insert_new(conn, &new)?;
            let card = DecisionRow { decision: "silent", reason: Some("not_a_person".into()), ..decision(of, "7.PNM") };
            let about_price = DecisionRow { intent: Some(Intent::Price), ..decided(of, "1.PNM", "rule") };
            let decisions = [
                about_price,
                decided(of, "2.PNM", "ai"),
                decided(of, "3.PNM", "rule"),
                decided(of, "5.PNM", "rule"),
                card,
            ];
            chat_messages::decide_many(conn, &decisions)?;
            order(conn, &inner, of, ("25001", buyers[0], TradeState::Paid), NOW + MINUTE * 10);
            order(conn, &inner, of, ("25002", buyers[1], TradeState::Unpaid), NOW + MINUTE * 5);
            order(conn, &inner, of, ("25003", buyers[2], TradeState::Paid), NOW + MINUTE * 20);
            // long ago, and long after the question
            order(conn, &inner, of, ("25004", buyers[0], TradeState::Completed), NOW - DAY * 60);
            order(conn, &inner, of, ("25005", buyers[1], TradeState::Paid), NOW + DAY * 8);
            Ok(())
        };
        store.write_blocking(fill).unwrap();
        let by_reason = |reason: &str, led: Led| LedBy { name: reason.to_owned(), led };
        let expected = Figures {
            wrote: 3,
            ordered: 3,
            paid: 2,
            returning: 1,
            led: led(3, 2, 1),
            median_ms: Some(600_000),
            reasons: vec![by_reason("rule", led(3, 2, 1)), by_reason("ai", led(1, 1, 1))],
            intents: vec![by_reason("price", led(1, 1, 1))],
        };
        assert_eq!(figures(&store, scope, filter()), expected);
        let elsewhere = Filter { account: Some(AccountId(account.0 + 1)), ..filter() };
        assert_eq!(figures(&store, scope, elsewhere), Figures::default());
        let rival = Scope::owner(add_user(&store, "rival"));
        assert_eq!(figures(&store, rival, filter()), Figures::default());
    });
}

/// Ten messages of each of ten thousand buyers, one a minute, and an order of every tenth after three minutes.
const FILL: &str = "\
INSERT INTO conversations (account_id, conversation_id, peer_id, side, created_at)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
    SELECT {account}, 'c' || i, 'b' || i, 'seller', {now} FROM n;
INSERT INTO chat_messages (account_id, message_id, conversation_id, sender_id, content_type, text, sent_at, received_at, source,
    decision, reason, needs_person)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
    SELECT {account}, 'm' || i, 'c' || (i / 10), 'b' || (i / 10), 1, 'x', {now} + (i % 10) * 60000, {now}, 'push', 'answer', 'rule', FALSE
    FROM n;
INSERT INTO orders (account_id, id, status, buyer_id, conversation_id, spec, quantity, is_bargain, placed_at, paid_at, seen_at, read_tries)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 10 FROM n WHERE i < 9990)
    SELECT {account}, 'o' || i, 'shipped', 'b' || i, 'c' || i, '[]', 1, FALSE, {now} + 180000, {now} + 180000, {now}, 0 FROM n;";

/// A hundred thousand messages of ten thousand buyers, a tenth of whom ordered.
#[test]
fn a_hundred_thousand_messages_are_looked_through_in_a_moment() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let sql = FILL.replace("{account}", &account.to_string()).replace("{now}", &NOW.to_string());
        database.raw().batch_execute(&sql).unwrap();
        let began = Instant::now();
        let found = figures(&store, scope, filter());
        let took = began.elapsed();
        assert_eq!((found.led, found.median_ms), (led(10_000, 1000, 1000), Some(180_000)));
        // Half a second on a busy core.
        assert!(took < Duration::from_secs(10), "{took:?}");
    });
}
