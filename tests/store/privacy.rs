//! One buyer's data: counted, read and erased, and nobody else's.

use std::collections::BTreeMap;

use diesel::{RunQueryDsl, connection::SimpleConnection as _, sql_types::Text};
use yutang::{
    ai::{intent::Intent, record::Bargain},
    ids::{AccountId, BuyerId, Timestamp},
    order::{event::OrderEvent, notice::Notice},
    outbox::entry::{Entry, SendId, State},
    reply::event::{Cause, NewEvent},
    store::{
        DbConn, QueryResult, Scope, Store,
        audit::Actor,
        bargains::{self, BargainRow},
        blocked_buyers::{self, Blocked},
        buyer_notes, buyer_tags,
        chat_messages::{self, DecisionRow, NewMessage},
        conversations::{self, ConversationRow, Side},
        handovers::{self, By},
        once_replies::{self, OnceReply},
        order_events, outbox,
        privacy::{self, Figures, Traces},
        rule_events,
        rule_uses::{self, RuleUse},
        rules,
        suggestions::{self, NewSuggestion},
    },
};

use crate::{
    harness::{Database, NOW, add_account, add_user, number, on_each_database, with_account},
    messages::{decision, entry, message},
    tables,
};

const BUYER: &str = "3300001";
const PSEUDONYM: &str = "erased-0123";

fn buyer() -> BuyerId {
    BUYER.into()
}

/// A seller with two accounts; the buyer wrote to both, another buyer to the first.
fn filled(database: &Database) -> (Store, Scope, AccountId, AccountId) {
    let (store, scope, account) = with_account(database);
    let second = add_account(&store, scope.user(), "second", "2200002");
    let rule = tables::add_rule(&store, scope, "在吗");
    let fill = move |conn: &mut DbConn| {
        let own = NewMessage {
            sender: "2200001".into(),
            decision: Some("own"),
            decided_at: Some(NOW),
            ..message(account, "2.PNM")
        };
        let other = NewMessage {
            sender: "3300002".into(),
            sender_name: Some("somebody else".into()),
            conversation: "600002".into(),
            ..message(account, "3.PNM")
        };
        let elsewhere = NewMessage { conversation: "700001".into(), ..message(second, "4.PNM") };
        chat_messages::insert_new(conn, &[message(account, "1.PNM"), own, other, elsewhere])?;
        let decided = ["1.PNM", "3.PNM"].map(|id| decision(account, id));
        chat_messages::decide_many(conn, &decided)?;
        chat_messages::decide_many(conn, &[decision(second, "4.PNM")])?;
        let row = |conversation: &str, peer: &str| ConversationRow {
            account,
            conversation: conversation.into(),
            peer: Some(peer.into()),
            peer_name: Some("buyer".into()),
            item: Some("700001".into()),
            item_title: Some("a thing".into()),
            side: Side::Seller,
            paused_until: None,
            created_at: NOW,
        };
        conversations::upsert_many(conn, &[row("600001", BUYER), row("600002", "3300002")])?;
        let done = Entry { state: State::Confirmed, settled_at: Some(NOW), ..entry(account, 1) };
        let others = Entry { id: SendId(2), conversation: "600002".into(), peer: "3300002".into(), ..done.clone() };
        outbox::insert_many(conn, &[done, others])?;
        let once = OnceReply { account, conversation: "600001".into(), rule, outbox: SendId(1) };
        once_replies::claim_many(conn, &[once])?;
        let suggestion = |conversation: &str| NewSuggestion {
            account,
            conversation: conversation.into(),
            message: "1.PNM".into(),
            state: suggestions::State::Pending,
            intent: Intent::Tech,
            text: "suggested to loud".into(),
            is_round: true,
            created_at: NOW,
        };
        suggestions::insert_many(conn, &[suggestion("600001")])?;
        let bargain = Bargain { item: None, rounds: 2, last_at: NOW };
        bargains::put_many(conn, &[BargainRow { account, conversation: "600001".into(), bargain }])?;
        let notice = |conversation: &str, event| Notice {
            message: "5.PNM".into(),
            conversation: conversation.into(),
            order: Some("2500000000000000001".into()),
            event,
            buyer: Some(buyer()),
            item: None,
            at: NOW,
        };
        for event in [OrderEvent::Placed, OrderEvent::Paid] {
            order_events::insert(conn, account, &notice("600001", event), NOW)?;
        }
        let rule = rules::insert(conn, &scope, &tables::new_rule("loud"), &Actor::system(), NOW)?.unwrap();
        let event = |conversation: &str, buyer: &str| NewEvent {
            account,
            rule,
            conversation: conversation.into(),
            buyer: buyer.into(),
            item: None,
            order: None,
            cause: Cause::Silent("5.PNM".into()),
            due_at: NOW,
            made_at: NOW,
        };
        rule_events::insert(conn, &event("600001", buyer().as_str()))?;
        rule_events::insert(conn, &event("600002", "3300002"))?;
        let used = RuleUse { account, buyer: buyer(), rule, day: 1 };
        rule_uses::count_many(conn, &[used])?;
        let other = Notice { buyer: Some("3300002".into()), ..notice("600002", OrderEvent::Shipped) };
        order_events::insert(conn, account, &other, NOW)?;
        let block = |account| Blocked { account, buyer: buyer(), note: "loud".into(), created_at: NOW };
        let by = By { user: None, name: "seller".into() };
        let place = (account, &"600001".into());
        handovers::hand_over(conn, scope.user(), place, None, &by, "he is loud", NOW)?.unwrap();
        conversations::set_pause(conn, account, &"600001".into(), None, NOW)?;
        buyer_tags::set(conn, &scope, &buyer(), &["loud".into(), "again".into()], NOW)?;
        buyer_tags::add(conn, scope.user(), &"3300002".into(), "kind", NOW)?;
        buyer_notes::insert(conn, &scope, &buyer(), "very loud", (None, "seller"), NOW)?;
        blocked_buyers::insert(conn, &scope, &block(None))?;
        blocked_buyers::insert(conn, &scope, &block(Some(account)))
    };
    store.write_blocking(fill).unwrap();
    (store, scope, account, second)
}

fn find(store: &Store, scope: Scope, account: Option<AccountId>) -> Traces {
    store.read_blocking(move |conn| privacy::find(conn, &scope, account, &buyer(), NOW)).unwrap()
}

fn figures(store: &Store, scope: Scope, account: Option<AccountId>) -> Figures {
    let traces = find(store, scope, account);
    store.read_blocking(move |conn| privacy::count(conn, &scope, &traces)).unwrap()
}

fn erase(store: &Store, scope: Scope, account: Option<AccountId>) -> Result<Figures, i64> {
    let traces = find(store, scope, account);
    let work = move |conn: &mut DbConn| privacy::erase(conn, &scope, &traces, &PSEUDONYM.into(), Timestamp(NOW.0 + 5));
    store.write_blocking(work).unwrap()
}

const ALL: Figures = Figures {
    conversations: 2,
    messages: 3,
    decisions: 3,
    sends: 1,
    orders: 1,
    order_events: 2,
    rule_events: 1,
    blocks: 2,
    items: 0,
    tags: 2,
    notes: 1,
};

#[test]
fn what_is_stored_about_a_buyer_is_counted_within_the_scope() {
    on_each_database(|database| {
        let (store, scope, account, second) = filled(database);
        assert_eq!(figures(&store, scope, None), ALL);
        let second_only = Figures { conversations: 1, messages: 1, decisions: 1, ..Figures::default() };
        assert_eq!(figures(&store, scope, Some(second)), second_only);
        let member = add_user(&store, "member");
        let choose = move |conn: &mut DbConn| yutang::store::users::set_accounts(conn, &scope, member, &[second]);
        store.write_blocking(choose).unwrap();
        let member = Scope::member(scope.user(), member);
        assert_eq!(figures(&store, member, None), second_only, "and an entry for all accounts is not theirs");
        assert!(figures(&store, member, Some(account)).is_nothing());
    });
}

/// T12: there, figures over all tenants were public.
#[test]
fn t12_another_owner_sees_and_erases_nothing() {
    on_each_database(|database| {
        let (store, scope, account, _) = filled(database);
        let stranger = Scope::owner(add_user(&store, "stranger"));
        assert!(figures(&store, stranger, None).is_nothing());
        assert!(figures(&store, stranger, Some(account)).is_nothing());
        // Also with the traces of whoever may.
        let traces = find(&store, scope, None);
        let work = move |conn: &mut DbConn| {
            let place = &traces.places[0];
            let read = privacy::messages(conn, &stranger, &traces, place, None, 9)?.len()
                + privacy::conversations(conn, &stranger, &traces)?.len();
            let erased = privacy::erase(conn, &stranger, &traces, &PSEUDONYM.into(), NOW)?;
            Ok((read, erased))
        };
        assert_eq!(store.write_blocking(work).unwrap(), (0, Ok(Figures::default())));
        assert_eq!(figures(&store, scope, None), ALL);
    });
}

/// Everything in the database that could be the buyer's, as one text.
fn everything(database: &Database) -> String {
    #[derive(diesel::QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        line: String,
    }
    let mut conn = database.raw();
    let tables = [
        "SELECT coalesce(sender_id,'') || '|' || coalesce(sender_name,'') || '|' || text || '|' || conversation_id AS line FROM chat_messages",
        "SELECT coalesce(peer_id,'') || '|' || coalesce(peer_name,'') || '|' || conversation_id AS line FROM conversations",
        "SELECT peer_id || '|' || body || '|' || conversation_id || '|' || coalesce(reason,'') AS line FROM outbox",
        "SELECT buyer_id || '|' || note AS line FROM blocked_buyers",
        "SELECT buyer_id || '|' || tag AS line FROM buyer_tags",
        "SELECT buyer_id || '|' || text AS line FROM buyer_notes",
        "SELECT conversation_id AS line FROM once_replies",
        "SELECT conversation_id || '|' || text AS line FROM suggestions",
        "SELECT conversation_id AS line FROM bargains",
        "SELECT conversation_id || '|' || coalesce(buyer_id,'') || '|' || event AS line FROM order_events",
        "SELECT coalesce(conversation_id,'') || '|' || coalesce(buyer_id,'') || '|' || coalesce(buyer_name,'') AS line FROM orders",
        "SELECT conversation_id || '|' || note AS line FROM handovers",
        "SELECT subject AS line FROM notices",
        "SELECT seller_id AS line FROM items",
    ];
    let lines = tables.map(|sql| diesel::sql_query(sql).load::<Line>(&mut conn).unwrap());
    lines.into_iter().flatten().map(|line| line.line + "\n").collect()
}

#[test]
fn an_erased_buyer_is_nowhere_any_more_and_the_others_are_as_they_were() {
    on_each_database(|database| {
        let (store, scope, ..) = filled(database);
        assert_eq!(erase(&store, scope, None), Ok(ALL));
        let left = everything(database);
        for trace in [BUYER, "600001", "loud"] {
            assert!(!left.contains(trace), "{trace} in\n{left}");
        }
        assert_eq!(left.matches("在吗").count(), 1, "{left}");
        assert_eq!(left.matches("在的").count(), 1, "{left}");
        assert_eq!(left.matches("somebody else").count(), 1, "{left}");
        assert_eq!(left.matches("kind").count(), 1, "{left}");
        assert_eq!(left.matches("shipped").count(), 1, "{left}");
        assert!(figures(&store, scope, None).is_nothing());
    });
}

/// How many messages there are by day, item, rule and decision, and how many sends by rule and state.
fn by_day_item_rule_and_decision(database: &Database) -> BTreeMap<String, i64> {
    #[derive(diesel::QueryableByName)]
    struct Group {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        rows: i64,
    }
    let sql = "SELECT account_id || ' ' || received_at / 86400000 || ' ' || coalesce(item_id, '') || ' ' || \
         coalesce(rule_id, 0) || ' ' || coalesce(decision, '') || ' ' || coalesce(reason, '') AS name, count(*) AS rows \
         FROM chat_messages GROUP BY 1 UNION ALL \
         SELECT account_id || ' ' || created_at / 86400000 || ' ' || coalesce(rule_id, 0) || ' ' || state AS name, \
         count(*) AS rows FROM outbox GROUP BY 1";
    let groups: Vec<Group> = diesel::sql_query(sql).load(&mut database.raw()).unwrap();
    groups.into_iter().map(|group| (group.name, group.rows)).collect()
}

#[test]
fn an_erasure_leaves_the_figures_as_they_were() {
    on_each_database(|database| {
        let (store, scope, ..) = filled(database);
        let before = by_day_item_rule_and_decision(database);
        assert_eq!(erase(&store, scope, None), Ok(ALL));
        assert_eq!(by_day_item_rule_and_decision(database), before);
        assert_eq!(number(&mut database.raw(), "SELECT count(*) AS number FROM conversations"), 2);
    });
}

#[test]
fn an_erasure_in_one_account_leaves_the_other_alone() {
    on_each_database(|database| {
        let (store, scope, account, second) = filled(database);
        let second_only = figures(&store, scope, Some(second));
        assert_eq!(erase(&store, scope, Some(account)).unwrap().blocks, 1, "what is for all accounts stays");
        assert_eq!(figures(&store, scope, Some(second)), second_only);
        assert_eq!(figures(&store, scope, None), Figures { blocks: 1, tags: 2, notes: 1, ..second_only });
    });
}

#[test]
fn messages_that_come_again_after_an_erasure_are_not_new() {
    on_each_database(|database| {
        let (store, scope, account, _) = filled(database);
        assert!(erase(&store, scope, None).is_ok());
        let again = [message(account, "1.PNM"), message(account, "9.PNM")];
        let new = store.write_blocking(move |conn| chat_messages::insert_new(conn, &again)).unwrap();
        assert_eq!(new, [false, true]);
        let fresh = Figures { conversations: 1, messages: 1, ..Figures::default() };
        assert_eq!(figures(&store, scope, None), fresh, "the buyer starts anew");
    });
}

#[test]
fn what_is_queued_is_cancelled_and_what_may_be_on_the_wire_holds_an_erasure_up() {
    on_each_database(|database| {
        let (store, scope, account, _) = filled(database);
        let fill = move |conn: &mut DbConn| {
            chat_messages::insert_new(conn, &[message(account, "5.PNM")])?;
            outbox::insert_many(conn, &[entry(account, 3), Entry { state: State::Sent, ..entry(account, 4) }])
        };
        store.write_blocking(fill).unwrap();
        let before = everything(database);
        assert_eq!(erase(&store, scope, None), Err(1));
        assert_eq!(everything(database), before);
        database.raw().batch_execute("UPDATE outbox SET state = 'confirmed' WHERE state = 'sent'").unwrap();
        assert!(erase(&store, scope, None).is_ok());
        let open = move |conn: &mut DbConn| -> QueryResult<(usize, usize)> {
            Ok((chat_messages::undecided(conn, account)?.len(), outbox::unsettled(conn, account)?.len()))
        };
        assert_eq!(store.read_blocking(open).unwrap(), (0, 0));
    });
}

#[test]
fn in_a_group_only_what_the_buyer_said_is_theirs() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let said = |id: &str, sender: &str, text: &str| NewMessage {
            sender: sender.into(),
            text: text.into(),
            decision: Some("silent"),
            decided_at: Some(NOW),
            ..message(account, id)
        };
        let group = [said("1.PNM", BUYER, "mine"), said("2.PNM", "3300009", "yours")];
        store.write_blocking(move |conn| chat_messages::insert_new(conn, &group)).unwrap();
        let one = Figures { conversations: 1, messages: 1, decisions: 1, ..Figures::default() };
        assert_eq!(erase(&store, scope, None), Ok(one));
        let left = everything(database);
        assert!(left.contains("3300009|buyer|yours|600001") && left.contains("erased-0123|||600001"), "{left}");
    });
}

#[test]
fn messages_are_read_page_by_page_and_none_twice() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let each = |number: i64| NewMessage {
            sent_at: Timestamp(NOW.0 + number / 2),
            ..message(account, &format!("{number}.PNM"))
        };
        let rows: Vec<NewMessage> = (0..7).map(each).collect();
        store.write_blocking(move |conn| chat_messages::insert_new(conn, &rows)).unwrap();
        let decided: Vec<DecisionRow> = (0..7).map(|number| decision(account, &format!("{number}.PNM"))).collect();
        store.write_blocking(move |conn| chat_messages::decide_many(conn, &decided)).unwrap();
        let traces = find(&store, scope, None);
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (traces, from) = (traces.clone(), after.clone());
            let read =
                move |conn: &mut DbConn| privacy::messages(conn, &scope, &traces, &traces.places[0], from.as_ref(), 3);
            let page = store.read_blocking(read).unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.sent_at, last.message.clone()));
            seen.extend(page.into_iter().map(|row| row.message.to_string()));
        }
        assert_eq!(seen, ["0.PNM", "1.PNM", "2.PNM", "3.PNM", "4.PNM", "5.PNM", "6.PNM"]);
    });
}
