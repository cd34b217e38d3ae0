//! B4: the queries that run often find their rows by an index. What is explained is what diesel really sent.

use std::sync::{Arc, Mutex};

use diesel::{Connection, RunQueryDsl, connection::InstrumentationEvent, sql_types::Text};
use yutang::{
    ids::{OrderId, Timestamp},
    notify::event::{Event, Severity},
    order::{event::OrderEvent, notice::Notice},
    outbox::entry::{Change, Entry, State},
    store::{
        DbConn, Page, Scope, account_states, accounts, bargains, blocked_buyers, buyer_figures, buyer_notes,
        buyer_tags,
        chat_messages::{self, DecisionRow},
        conversations,
        deliveries::{self, Glance},
        handovers::{self, HandedTo},
        notices,
        notify_channels::{self, Subscription},
        notify_deliveries, notify_sources, once_replies, order_details, order_events, orders, outbox,
        quick_phrases::{self, Asker},
        reviews, rule_cases, rule_figures, rules,
        sales_figures::{self, By},
        stats, suggestions, transcript, unanswered, units as stock, vitals,
    },
};

use crate::{
    harness::{Database, NOW, with_account},
    messages, tables, units,
};

#[derive(diesel::QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// How SQLite would run every query that `work` sends.
fn plans(database: &Database, work: impl FnOnce(&mut DbConn)) -> Vec<String> {
    let mut conn = database.raw();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&sent);
    let listen = move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            log.lock().unwrap().push(query.to_string().split(" -- binds").next().unwrap().to_owned());
        }
    };
    if let DbConn::Sqlite(conn) = &mut conn {
        conn.set_instrumentation(listen);
    }
    work(&mut conn);
    let sent = sent.lock().unwrap().clone();
    let mut conn = database.raw();
    let explain = |sql: &String| {
        let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut conn).unwrap();
        steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("; ")
    };
    sent.iter().map(explain).collect()
}

#[track_caller]
fn assert_uses(database: &Database, index: &str, work: impl FnOnce(&mut DbConn)) {
    let plans = plans(database, work).join("\n");
    assert!(plans.contains(index), "{index} is not used:\n{plans}");
    assert!(!plans.contains("SCAN "), "a whole table is read:\n{plans}");
}

#[test]
fn hot_queries_find_their_rows_by_an_index() {
    let database = Database::sqlite();
    let (store, scope, account) = with_account(&database);
    let conversation = || "600001".into();
    let past = Timestamp(NOW.0 - 60_000);
    assert_uses(&database, "notices_open", |conn| drop(notices::live(conn)));
    let pool = units::pool(&store, scope, "codes");
    units::import(&store, scope, pool, &["A"]);
    assert_uses(&database, "units_by_state", |conn| drop(stock::reserve(conn, pool, "c1", NOW)));
    assert_uses(&database, "sqlite_autoindex_unit_events_1", |conn| drop(stock::log_after(conn, pool, 1, 9)));
    assert_uses(&database, "unit_events_by_unit", |conn| drop(stock::astray(conn, pool)));
    assert_uses(&database, "notify_deliveries_queued", |conn| drop(notify_deliveries::waiting_channels(conn, NOW)));
    assert_uses(&database, "for_a_person_by_time", |conn| drop(notify_sources::for_a_person(conn, past, NOW)));
    assert_uses(&database, "chat_messages_undecided", |conn| drop(chat_messages::undecided(conn, account)));
    assert_uses(&database, "sqlite_autoindex_chat_messages_1", |conn| {
        drop(chat_messages::existing(conn, account, &["1.PNM".into()]))
    });
    assert_uses(&database, "sqlite_autoindex_chat_messages_1", |conn| {
        drop(chat_messages::decide_many(conn, &[messages::decision(account, "1.PNM")]));
    });
    assert_uses(&database, "chat_messages_by_conversation", |conn| {
        drop(chat_messages::list(conn, &scope, account, &conversation(), 5));
    });
    assert_uses(&database, "chat_messages_for_a_person", |conn| {
        drop(chat_messages::list_for_a_person(conn, &scope, 5))
    });
    assert_uses(&database, "outbox_unsettled", |conn| drop(outbox::unsettled(conn, account)));
    assert_uses(&database, "sqlite_autoindex_outbox_1", |conn| {
        drop(outbox::recent_conversations(conn, account, 5));
    });
    assert_uses(&database, "order_events_unhandled", |conn| drop(order_events::unhandled(conn, account, NOW)));
    assert_uses(&database, "order_events_by_buyer", |conn| {
        drop(order_events::paid_orders(conn, scope.user(), &["3300001".into()]));
    });
    for (order, index) in [(Some("25".into()), "order_events_once"), (None, "order_events_by_conversation")] {
        let notice = Notice {
            message: "1.PNM".into(),
            conversation: conversation(),
            order,
            event: OrderEvent::Paid,
            buyer: None,
            item: None,
            at: NOW,
        };
        assert_uses(&database, index, |conn| drop(order_events::insert(conn, account, &notice, NOW)));
    }
    assert_uses(&database, "outbox_by_message", |conn| drop(outbox::find_by_message(conn, account, &["1.PNM".into()])));
    assert_uses(&database, "sqlite_autoindex_outbox_1 (account_id=? AND id>?)", |conn| {
        drop(outbox::in_conversation_since(conn, account, &conversation(), Timestamp(0)));
    });
    assert_uses(&database, "sqlite_autoindex_outbox_1", |conn| drop(outbox::last_id(conn, account)));
    assert_uses(&database, "sqlite_autoindex_outbox_1", |conn| {
        let sent = messages::change(account, 1, State::Sent);
        drop(outbox::update_many(conn, &[sent]));
    });
    assert_uses(&database, "conversations_paused", |conn| drop(conversations::list_paused(conn, account, NOW)));
    assert_uses(&database, "PRIMARY KEY", |conn| drop(conversations::load_many(conn, account, &[conversation()])));
    assert_uses(&database, "PRIMARY KEY", |conn| drop(once_replies::list(conn, account, &[conversation()])));
}

#[test]
fn an_owners_rows_are_found_by_an_index() {
    let database = Database::sqlite();
    let (_store, scope, _) = with_account(&database);
    let other: fn(&mut DbConn, &Scope) = |conn, scope| drop(rules::list(conn, scope));
    assert_uses(&database, "rules_identity", |conn| other(conn, &scope));
    assert_uses(&database, "blocked_buyers_identity", |conn| drop(blocked_buyers::list(conn, &scope)));
    assert_uses(&database, "sqlite_autoindex_accounts", |conn| drop(accounts::find(conn, &scope, "shop")));
    assert_uses(&database, "PRIMARY KEY", |conn| drop(account_states::find(conn, &scope, yutang::ids::AccountId(1))));
}

#[test]
fn lists_in_parts_find_their_rows_by_an_index() {
    let database = Database::sqlite();
    let (_store, scope, account) = with_account(&database);
    let page = Page::first(50);
    let filter = outbox::Filter { since: Some(NOW), ..Default::default() };
    assert_uses(&database, "outbox_by_time", |conn| drop(outbox::page(conn, &scope, &filter, page)));
    let filter = outbox::Filter { account: Some(account), ..Default::default() };
    assert_uses(&database, "outbox", |conn| drop(outbox::page(conn, &scope, &filter, page)));
    let filter = chat_messages::DecisionFilter { since: Some(NOW), ..Default::default() };
    assert_uses(&database, "chat_messages_by_time", |conn| drop(chat_messages::decisions(conn, &scope, &filter, page)));
    assert_uses(&database, "chat_messages_by_conversation", |conn| {
        drop(chat_messages::page(conn, &scope, account, &"600001".into(), page));
    });
    assert_uses(&database, "chat_messages_by_conversation", |conn| {
        drop(conversations::page(conn, &scope, &conversations::Filter::default(), page, NOW));
    });
    assert_uses(&database, "sqlite_autoindex_accounts", |conn| {
        drop(accounts::page(conn, &scope, &accounts::Filter::default(), page));
    });
    assert_uses(&database, "rules_identity", |conn| drop(rules::page(conn, &scope, &rules::Filter::default(), page)));
    assert_uses(&database, "blocked_buyers_identity", |conn| {
        drop(blocked_buyers::page(conn, &scope, &blocked_buyers::Filter::default(), page));
    });
}

#[test]
fn what_is_known_of_buyers_is_found_by_an_index() {
    let database = Database::sqlite();
    let (_store, scope, _) = with_account(&database);
    let buyer = || "3300001".into();
    assert_uses(&database, "conversations_by_peer", |conn| drop(buyer_tags::list(conn, &scope, &buyer())));
    assert_uses(&database, "PRIMARY KEY", |conn| drop(buyer_tags::of_many(conn, scope.user(), &[buyer()])));
    assert_uses(&database, "buyer_tags_by_tag", |conn| drop(buyer_tags::page(conn, &scope, Page::first(9))));
    let wanted = conversations::Filter { tag: Some("kind".into()), ..Default::default() };
    assert_uses(&database, "buyer_tags_by_tag", |conn| {
        drop(conversations::page(conn, &scope, &wanted, Page::first(9), NOW));
    });
    let member = Scope::member(scope.user(), yutang::ids::UserId(9));
    assert_uses(&database, "conversations_by_peer", |conn| drop(buyer_tags::page(conn, &member, Page::first(9))));
    assert_uses(&database, "conversations_by_peer", |conn| drop(buyer_notes::count(conn, &scope, &buyer())));
}

/// A7: there, no index led to the messages of a conversation.
#[test]
fn a7_what_the_ai_must_know_of_a_conversation_is_found_by_indexes() {
    let database = Database::sqlite();
    let (_store, scope, account) = with_account(&database);
    let place = || "600001".into();
    for index in ["chat_messages_by_conversation", "sqlite_autoindex_outbox_1"] {
        assert_uses(&database, index, |conn| {
            drop(transcript::recent(conn, account, &place(), &"2200001".into(), &["1.PNM".into()], NOW, 40));
        });
    }
    assert_uses(&database, "PRIMARY KEY", |conn| drop(bargains::list(conn, account, &[place()])));
    assert_uses(&database, "bargains_by_age", |conn| drop(bargains::changed_since(conn, NOW)));
    assert_uses(&database, "suggestions_by_conversation", |conn| {
        let filter = suggestions::Filter {
            account: Some(account),
            conversation: Some(place()),
            ..suggestions::Filter::default()
        };
        drop(suggestions::page(conn, &scope, &filter, Page::first(9)));
    });
}

/// It looks at the newest messages of each conversation, and at what was sent by hand there.
#[test]
fn who_waits_for_an_answer_is_found_by_indexes() {
    let database = Database::sqlite();
    let (_store, scope, account) = with_account(&database);
    for filter in [
        unanswered::Filter::default(),
        unanswered::Filter { account: Some(account), handed_to: Some(HandedTo::User(scope.user())) },
    ] {
        let plans = plans(&database, |conn| drop(unanswered::page(conn, &scope, &filter, Page::first(50)))).join("\n");
        for index in ["chat_messages_by_conversation", "sqlite_autoindex_chat_messages_1", "outbox_by_hand"] {
            assert!(plans.contains(index), "{index} is not used:\n{plans}");
        }
        // What was found is gone through to be counted and sorted; no table is.
        assert!(!plans.replace("SCAN (", "").contains("SCAN "), "a whole table is read:\n{plans}");
    }
    let wanted = conversations::Filter { unanswered: true, ..Default::default() };
    assert_uses(&database, "outbox_by_hand", |conn| {
        drop(conversations::page(conn, &scope, &wanted, Page::first(50), NOW));
    });
}

#[test]
fn phrases_and_cases_are_found_by_an_index() {
    let database = Database::sqlite();
    let (_store, scope, account) = with_account(&database);
    let (asker, filter) = (Asker { scope, user: scope.user() }, quick_phrases::Filter::default());
    assert_uses(&database, "quick_phrases_by_owner", |conn| {
        drop(quick_phrases::page(conn, &asker, &filter, Page::first(9)));
    });
    assert_uses(&database, "rule_cases_by_name", |conn| drop(rule_cases::list(conn, &scope, Some(account))));
    let keys = [(account, "600001".into())];
    assert_uses(&database, "PRIMARY KEY", |conn| drop(handovers::of_many(conn, &scope, &keys)));
}

/// What is counted with every answer, with every order, and for who looks.
#[test]
fn figures_of_rules_find_their_rows_by_an_index() {
    let database = Database::sqlite();
    let (store, scope, account) = with_account(&database);
    let rule = tables::add_rule(&store, scope, "a");
    let decision = DecisionRow { rule: Some(rule), ..messages::decision(account, "1.PNM") };
    let sent = Entry { state: State::Sent, rule: Some(rule), ..messages::entry(account, 1) };
    let confirmed = Change::of(&Entry { state: State::Confirmed, settled_at: Some(NOW), ..sent.clone() });
    let fill = move |conn: &mut DbConn| {
        chat_messages::insert_new(conn, &[messages::message(account, "1.PNM")])?;
        outbox::insert_many(conn, &[sent])
    };
    store.write_blocking(fill).unwrap();
    let notice = Notice {
        message: "2.PNM".into(),
        conversation: "600001".into(),
        order: None,
        event: OrderEvent::Paid,
        buyer: None,
        item: None,
        at: NOW,
    };
    let plans = plans(&database, |conn| {
        assert_eq!(chat_messages::decide_many(conn, &[decision]), Ok(1));
        assert_eq!(outbox::update_many(conn, &[confirmed]), Ok(vec![true]));
        order_events::insert(conn, account, &notice, NOW).unwrap();
        let (filter, page) = (rule_figures::Filter::default(), (rule_figures::Sort::Hits, Page::first(50)));
        assert_eq!(rule_figures::page(conn, &scope, &filter, 0, page).unwrap().0[0].counts.answered, 1);
        assert_eq!(rule_figures::days(conn, &scope, rule, 0).unwrap().len(), 1);
    });
    let plans = plans.join("\n");
    for index in
        ["sqlite_autoindex_outbox_1 (account_id=? AND id=?)", "PRIMARY KEY (rule_id=? AND day>?)", "rules_identity"]
    {
        assert!(plans.contains(index), "{index} is not used:\n{plans}");
    }
    // What is given or was found is gone through; no table is.
    let found = ["json_each", "(", "part"];
    let rest = found.iter().fold(plans.clone(), |rest, found| rest.replace(&format!("SCAN {found}"), ""));
    assert!(!rest.contains("SCAN "), "a whole table is read:\n{plans}");
}

/// A short list is sorted, a long one is read along its time.
#[test]
fn a_long_list_is_read_along_an_index_by_time() {
    let database = Database::sqlite();
    let (store, scope, account) = with_account(&database);
    let entries: Vec<_> = (1..=5001).map(|id| messages::entry(account, id)).collect();
    store.write_blocking(move |conn| outbox::insert_many(conn, &entries)).unwrap();
    let new: Vec<_> = (1..=5001).map(|id| messages::message(account, &format!("{id}.PNM"))).collect();
    let decided: Vec<_> = (1..=5001).map(|id| messages::decision(account, &format!("{id}.PNM"))).collect();
    let fill = move |conn: &mut DbConn| {
        chat_messages::insert_new(conn, &new)?;
        chat_messages::decide_many(conn, &decided)
    };
    store.write_blocking(fill).unwrap();
    let page = Page { offset: 100, limit: 50 };
    assert_uses(&database, "outbox_by_time", |conn| {
        assert_eq!(outbox::page(conn, &scope, &outbox::Filter::default(), page).unwrap().1, 5001);
    });
    assert_uses(&database, "chat_messages_by_time", |conn| {
        drop(chat_messages::decisions(conn, &scope, &chat_messages::DecisionFilter::default(), page).unwrap());
    });
}

/// The dashboard reads the span it shows, not the whole history.
#[test]
fn the_dashboards_numbers_are_found_by_their_times() {
    let database = Database::sqlite();
    let (_store, scope, _) = with_account(&database);
    let period = stats::Period { from: Timestamp(NOW.0 - 1), to: NOW, bucket: stats::Bucket::Hour, offset_minutes: 0 };
    let plans = plans(&database, |conn| drop(stats::overview(conn, &scope, &period, NOW))).join("\n");
    assert!(plans.contains("chat_messages_by_time") && plans.contains("outbox_by_time"), "{plans}");
    for table in ["SCAN chat_messages", "SCAN outbox", "SCAN o ", "SCAN m ", "SCAN conversations"] {
        assert!(!plans.contains(table), "{table}:\n{plans}");
    }
}

/// One look at each conversation and at each order of the owner; what others have is not read.
#[test]
fn figures_of_sales_and_of_buyers_find_their_rows_by_an_index() {
    let database = Database::sqlite();
    let (_store, scope, _) = with_account(&database);
    let filter = sales_figures::Filter { from: 0, to: 1, account: None, item: None };
    let by_sale = plans(&database, |conn| {
        for by in [By::Day, By::Item, By::Account] {
            sales_figures::page(conn, &scope, &filter, by, Page::first(9)).unwrap();
        }
    });
    let filter = buyer_figures::Filter { from: Timestamp(0), to: NOW, account: None };
    let by_buyer = plans(&database, |conn| drop(buyer_figures::read(conn, &scope, &filter).unwrap()));
    let plans = [by_sale, by_buyer].concat().join("\n");
    for index in [
        "PRIMARY KEY (account_id=? AND day>? AND day<?)",
        "chat_messages_by_conversation (account_id=? AND conversation_id=? AND sent_at>? AND sent_at<?)",
        "orders_by_buyer (buyer_id=? AND account_id=?",
        "COVERING INDEX orders_by_buyer (buyer_id=?)",
        "COVERING INDEX orders_of_account (account_id=?",
    ] {
        assert!(plans.contains(index), "{index} is not used:\n{plans}");
    }
    for table in ["sales_figures", "chat_messages", "orders", "conversations", "c", "o", "m"] {
        assert!(
            !plans
                .lines()
                .any(|line| line.contains(&format!("SCAN {table};")) || line.ends_with(&format!("SCAN {table}"))),
            "{table}:\n{plans}"
        );
    }
}

/// Looked at every second. Of what grows only an index is read; a row for each account is little.
#[test]
fn the_counts_for_operators_read_no_table_that_grows() {
    let database = Database::sqlite();
    let (_store, _, _) = with_account(&database);
    let plans = plans(&database, |conn| drop(vitals::read_for_engine(conn, NOW)));
    assert!(plans[0].contains("outbox_unsettled"), "{plans:?}");
    assert!(plans[2].contains("sessions_by_expiry"), "{plans:?}");
}

/// What deliveries ask for each order, for each card and every few seconds: nothing of it is read whole.
#[test]
fn b4_orders_and_what_they_are_given_are_found_by_their_indexes() {
    let database = Database::sqlite();
    let (store, scope, account) = with_account(&database);
    crate::access::deliver(&store, scope, account);
    let card = units::pool(&store, scope, "plans");
    units::import(&store, scope, card, &["a", "b"]);
    let order = OrderId::from("2500000000000000009");
    let keys = store.keys().clone();
    let glance = Glance { account, owner: scope.user(), fresh: std::time::Duration::from_secs(60), now: NOW };
    let plans = plans(&database, |conn| {
        orders::due(conn, account, NOW, 32).unwrap();
        orders::next_due(conn, account).unwrap();
        deliveries::look(conn, &keys, glance, &order).unwrap();
        stock::reserve(conn, card, "1", NOW).unwrap().unwrap();
        deliveries::list(conn, &scope, account, &order).unwrap();
        deliveries::page(conn, &scope, &deliveries::Filter::default(), Page::first(10)).unwrap();
        reviews::of_order(conn, account, &order).unwrap();
        notify_sources::reviews(conn, NOW, NOW).unwrap();
        order_details::get(conn, &scope, account, &order).unwrap();
    });
    // What waits for a person is few; a question with yes or no has one row.
    let harmless = ["SCAN review_items USING INDEX review_items_waiting", "SCAN CONSTANT ROW"];
    let rest = harmless.iter().fold(plans.join("\n"), |rest, harmless| rest.replace(harmless, ""));
    assert!(!rest.contains("SCAN "), "a whole table is read:\n{rest}");
}

/// Along their time, and only where somebody wants to hear of it.
#[test]
fn b4_what_was_delivered_is_read_along_its_time() {
    let database = Database::sqlite();
    let (store, scope, _) = with_account(&database);
    let keys = store.keys().clone();
    let subscribe = move |conn: &mut DbConn| {
        let channel = notify_channels::insert(conn, &keys, &scope, &crate::notices::channel("a"), NOW)?.unwrap();
        let hears = Subscription { channel, event: Event::DeliveryDone, min_severity: Severity::Info };
        notify_channels::set_subscriptions(conn, &scope, &[hears])
    };
    assert_eq!(store.write_blocking(subscribe).unwrap(), Ok(()));
    let plans = plans(&database, |conn| drop(notify_sources::delivered(conn, Timestamp(1), NOW).unwrap()));
    let along = |plan: &String| plan.contains("order_actions_delivered (done_at>? AND done_at<?)");
    assert_eq!(plans.iter().filter(|plan| along(plan)).count(), 2, "{plans:#?}");
    assert!(!plans.join("\n").replace("SCAN s;", "").contains("SCAN "), "a whole table is read: {plans:#?}");
}
