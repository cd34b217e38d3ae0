//! How long the panel's pages take on a large server: a thousand accounts, a hundred thousand messages, fifty thousand orders; and how much a
//! browser fetches for the first of them.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use awc::http::{Method, header::ACCEPT_ENCODING};
use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use yutang::{
    ids::Timestamp,
    store::{
        Secret,
        accounts::{self, NewAccount},
    },
};

use crate::{
    client::Api,
    panel::{ADMINS, Showcase},
};

const ACCOUNTS: usize = 1_000;

/// Rows beside those of the showcase, made of them. `:first` is the first of the accounts, `:now` the time in milliseconds.
const ROWS: &str = "
PRAGMA busy_timeout = 60000;
BEGIN IMMEDIATE;
CREATE TEMP TABLE n (i INTEGER PRIMARY KEY);
WITH RECURSIVE count (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM count WHERE i < 99999) INSERT INTO n SELECT i FROM count;

INSERT INTO account_states SELECT :first + i, 'disconnected', 'disabled', NULL, :now - i * 1000 FROM n WHERE i < 1000;

INSERT INTO conversations (account_id, conversation_id, peer_id, peer_name, item_id, item_title, side, created_at)
SELECT :first + i % 1000, '7' || i, '2209' || i, '买家' || i, '9000' || i % 50, '会员月卡 ' || i % 50, 'buyer', :now - i * 60000
FROM n WHERE i < 20000;

-- a tenth of them in one conversation
INSERT INTO chat_messages (account_id, message_id, conversation_id, sender_id, sender_name, content_type, text, sent_at, received_at, source,
    decision, reason, needs_person, decided_at, settled_at)
SELECT :first + c % 1000, i || '.SEED', '7' || c, '2209' || c, '买家' || c, 1, '请问第 ' || i || ' 款今天能发货吗', :now - i * 26000,
    :now - i * 26000, 'push', iif(i % 3, 'answer', 'silent'), iif(i % 3, 'account_rule', 'no_rule'), NOT i % 60, :now - i * 26000, :now - i * 26000
FROM (SELECT i, iif(i % 10, i % 20000, 0) AS c FROM n);

INSERT INTO outbox (account_id, id, conversation_id, peer_id, body, state, origin, attempts, created_at, sent_at, settled_at, expires_at)
SELECT :first + c % 1000, 10000000 + i, '7' || c, '2209' || c, '{\"type\":\"text\",\"text\":\"在的，看中直接拍\"}', 'confirmed', 'rule', 1,
    :now - i * 26000, :now - i * 26000, :now - i * 26000, :now
FROM (SELECT i, iif(i % 10, i % 20000, 0) AS c FROM n WHERE i % 2);

INSERT INTO orders (account_id, id, status, buyer_id, buyer_name, conversation_id, item_id, spec, quantity, price, amount, is_bargain,
    placed_at, paid_at, shipped_at, completed_at, seen_at, read_at, read_tries)
SELECT :first + i % 1000, '26' || printf('%017d', i),
    CASE i % 10 WHEN 0 THEN 'shipped' WHEN 1 THEN 'cancelled' WHEN 2 THEN 'refunding' ELSE 'completed' END,
    '2209' || i % 20000, '买家' || i % 20000, '7' || i % 20000, '9000' || i % 50, '[]', 1, 990, 990, 0,
    :now - i * 90000, :now - i * 90000, :now - i * 90000, :now - i * 90000, :now - i * 90000, :now - i * 90000, 0
FROM n WHERE i < 50000;
INSERT INTO order_changes (account_id, order_id, from_status, to_status, cause, at)
SELECT account_id, id, 'processing', 'shipped', 'shipment', placed_at FROM orders WHERE account_id >= :first;
INSERT INTO deliveries (account_id, order_id, unit, state, round, claimed_at, changed_at)
SELECT account_id, id, 1, 'confirmed', 1, placed_at, placed_at FROM orders WHERE account_id >= :first;
INSERT INTO review_items (account_id, order_id, reason, opened_at)
SELECT account_id, id, 'no_rule', placed_at FROM orders WHERE account_id >= :first AND status = 'refunding' LIMIT 500;
INSERT INTO sales_figures
SELECT :first + i % 1000, :now / 86400000 - i / 1000, '9000' || i % 50, 5, 4, 3960, 4, 4, 4, 3, 2970, 1, 990, 1 FROM n WHERE i < 60000;

INSERT INTO items (account_id, item_id, seller_id, title, fetched_at, description, price_fen, specs, stock, status, listed, listed_at,
    changed_at, ai_facts, multi_spec, multi_quantity, polish)
SELECT :first + i % 1000, '9000' || i, '1', '会员月卡 ' || i, :now, '', 990, '[]', 5, 'on_sale', 1, :now, :now, '', 0, 0, 0
FROM n WHERE i < 10000;

INSERT INTO notices (owner_id, account_id, event, severity, key, subject, count, told, stage, first_at, last_at, ended_at)
SELECT owner_id, :first + i % 1000, event, severity, 'seed' || i, subject, 1, 1, stage, :now - i * 60000, :now - i * 60000, :now
FROM n, (SELECT * FROM notices WHERE account_id IS NOT NULL LIMIT 1) WHERE i < 5000;
INSERT INTO audit (at, actor, via, owner_id, action, object_type, object_id)
SELECT :now - i * 60000, 'seller', 'session', owner_id, 'account.update', 'account', id FROM n JOIN accounts ON id = :first + i % 1000 WHERE i < 20000;
INSERT INTO suggestions (account_id, conversation_id, message_id, state, intent, text, created_at, is_round)
SELECT account_id, conversation_id, message_id, 'pending', 'default', '今天就能发', sent_at, 0 FROM chat_messages WHERE message_id LIKE '%.SEED' LIMIT 1000;
INSERT INTO units (owner_id, card_id, state, content, fingerprint, duplicate, imported_at, changed_at)
SELECT owner_id, card_id, 'void', content, randomblob(32), 0, :now, :now FROM n, (SELECT * FROM units LIMIT 1) WHERE i < 20000;
COMMIT;
";

async fn large() -> Showcase {
    let mut showcase = Showcase::open("").await;
    // So much at once would keep the database from it.
    showcase.app.stop().await;
    let app = &showcase.app;
    let (keys, owner) = (app.store().keys().clone(), app.user("seller"));
    let new: Vec<NewAccount> = (0..ACCOUNTS)
        .map(|number| NewAccount {
            name: format!("店铺{number:04}"),
            uid: format!("2300000{number:06}").into(),
            cookie: Secret::new(format!("unb=2300000{number:06}; _m_h5_tk=a_1")),
            enabled: Some(false),
        })
        .collect();
    let saved = app.write(move |conn| accounts::upsert_many(conn, &keys, owner, &new, Timestamp(1))).unwrap();
    let (first, now) = (saved[0].0, yutang::telemetry::clock::unix());
    let rows = ROWS.replace(":first", &first.to_string()).replace(":now", &now.0.to_string());
    SqliteConnection::establish(&app.settings().database_url()).unwrap().batch_execute(&rows).unwrap();
    showcase.app.start().await;
    showcase
}

/// The least of several, so that what else the machine does counts less.
async fn least(browser: &Api, page: &str) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let answer = browser.get(page).await;
        assert_eq!(answer.status, 200, "{page}: {}", answer.text);
        least = least.min(begun.elapsed());
    }
    least
}

/// A build for tests is several times slower, and has other tests beside it: there, this only finds what reads far too much.
const LONGEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1500 } else { 100 });

#[actix_web::test]
async fn every_page_of_a_large_server_comes_within_a_tenth_of_a_second() {
    let showcase = large().await;
    let mut slow = Vec::new();
    for (who, pages) in
        [("seller", showcase.seller_pages()), ("admin", ADMINS.iter().map(|page| (*page).to_owned()).collect())]
    {
        let browser = showcase.app.anybody().sign_in_by_cookie(who).await;
        for page in pages {
            let took = least(&browser, &page).await;
            eprintln!("{who} {page}: {} ms", took.as_millis());
            if took > LONGEST {
                slow.push(format!("{who} {page}: {} ms", took.as_millis()));
            }
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

/// A browser may fetch so much for its first page, in bytes, but for what draws charts.
const FIRST_LOAD: usize = 500 << 10;

/// As it comes over the wire.
async fn bytes(browser: &Api, path: &str) -> Vec<u8> {
    let request = browser.request(Method::GET, path).no_decompress().insert_header((ACCEPT_ENCODING, "gzip"));
    request.send().await.unwrap().body().limit(FIRST_LOAD).await.unwrap().to_vec()
}

#[actix_web::test]
async fn the_first_page_of_a_browser_is_small() {
    let showcase = Showcase::open("").await;
    let browser = showcase.app.anybody().sign_in_by_cookie("seller").await;
    let page = browser.get("/app").await.is(200).text;
    let paths: BTreeSet<&str> = page
        .split('"')
        .filter(|text| text.starts_with("/static/") && !text.contains("uPlot"))
        .map(|text| text.split('#').next().unwrap_or_default())
        .collect();
    assert!(paths.len() > 4, "{paths:?}");
    let mut all = bytes(&browser, "/app").await.len();
    for path in paths {
        let length = bytes(&browser, path).await.len();
        assert!(length > 0, "{path}");
        all += length;
    }
    eprintln!("{} KiB", all >> 10);
    assert!(all <= FIRST_LOAD, "{all} bytes");
}
