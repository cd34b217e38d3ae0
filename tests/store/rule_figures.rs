//! What is counted for rules: once, on the day of the hit, and only of what is there.

use std::time::Duration;

use yutang::{
    ids::{AccountId, RuleId, Timestamp},
    order::{event::OrderEvent, notice::Notice},
    outbox::entry::{Entry, PersonsWord, Row, SendId, State},
    platform::hours::day_of,
    reply::{
        event::{Cause, NewEvent},
        rule::{Matching, RuleBody, Trigger},
    },
    store::{
        DbConn, Page, Scope, Store,
        audit::Actor,
        chat_messages::{self, DecisionRow, NewMessage},
        order_events, outbox, rule_drafts,
        rule_events::{self, Finished},
        rule_figures::{self, Counts, Figures, Filter, Sort},
        rules::{self, Kind, Reach},
        users,
    },
};

use crate::{
    harness::{Database, NOW, add_account, add_user, count, on_each_database, with_account},
    messages,
    pages::{read, write},
    tables::new_rule,
};

const ALL: Page = Page { offset: 0, limit: 1000 };
const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);

struct Shop {
    store: Store,
    scope: Scope,
    account: AccountId,
}

impl Shop {
    fn open(database: &Database) -> Self {
        let (store, scope, account) = with_account(database);
        Self { store, scope, account }
    }

    fn rule(&self, keyword: &str) -> RuleId {
        self.add(new_rule(keyword))
    }

    fn add(&self, body: RuleBody) -> RuleId {
        let scope = self.scope;
        write(&self.store, move |conn| rules::insert(conn, &scope, &body, &Actor::system(), NOW)).unwrap()
    }

    /// A message that came at `at`, was decided a second later, and answered with `sends` messages at the same moment.
    fn hit(&self, message: &str, rule: RuleId, at: Timestamp, sends: i64) {
        let decided = at + SECOND;
        let new = NewMessage { sent_at: at, received_at: at, ..messages::message(self.account, message) };
        let decision = self.decision(message, rule, decided);
        let entries: Vec<_> = (0..sends).map(|number| self.entry(message, rule, decided, number)).collect();
        write(&self.store, move |conn| {
            chat_messages::insert_new(conn, &[new])?;
            chat_messages::decide_many(conn, &[decision])?;
            outbox::insert_many(conn, &entries)
        });
    }

    fn decision(&self, message: &str, rule: RuleId, at: Timestamp) -> DecisionRow {
        DecisionRow {
            decision: "answer",
            rule: Some(rule),
            decided_at: at,
            ..messages::decision(self.account, message)
        }
    }

    fn entry(&self, message: &str, rule: RuleId, at: Timestamp, number: i64) -> Entry {
        Entry {
            id: SendId(at.0 + number),
            state: State::Sent,
            rule: Some(rule),
            in_reply_to: Some(message.into()),
            created_at: at,
            ..messages::entry(self.account, 1)
        }
    }

    /// The platform confirms a send.
    fn confirm(&self, entry: &Entry, at: Timestamp) {
        let settled = Entry { state: State::Confirmed, settled_at: Some(at), ..entry.clone() };
        let change = Row::Update(yutang::outbox::entry::Change::of(&settled));
        write(&self.store, move |conn| outbox::apply(conn, &[change]));
    }

    fn paid(&self, message: &str, order: Option<&str>, at: Timestamp) {
        let account = self.account;
        let notice = notice(message, order, at);
        write(&self.store, move |conn| order_events::insert(conn, account, &notice, at));
    }

    fn figures(&self, rule: RuleId) -> Figures {
        let scope = self.scope;
        read(&self.store, move |conn| rule_figures::get(conn, &scope, rule, 0))
    }

    /// Hits, answered, mean, orders.
    fn counts(&self, rule: RuleId) -> (i64, i64, Option<i64>, i64) {
        told(&self.figures(rule).counts)
    }

    fn page(&self, scope: Scope, filter: Filter, sort: Sort) -> Vec<RuleId> {
        let since = day_of(NOW) - 29;
        let page = move |conn: &mut DbConn| rule_figures::page(conn, &scope, &filter, since, (sort, ALL));
        let (figures, total) = read(&self.store, page);
        assert_eq!(usize::try_from(total).unwrap(), figures.len());
        figures.into_iter().map(|figures| figures.rule).collect()
    }
}

fn told(counts: &Counts) -> (i64, i64, Option<i64>, i64) {
    (counts.hits, counts.answered, counts.answered_within_ms(), counts.orders)
}

fn notice(message: &str, order: Option<&str>, at: Timestamp) -> Notice {
    Notice {
        message: message.into(),
        conversation: "600001".into(),
        order: order.map(Into::into),
        event: OrderEvent::Paid,
        buyer: Some("3300001".into()),
        item: None,
        at,
    }
}

#[test]
fn a_decision_is_a_hit_of_its_rule_once() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let [rule, other] = ["a", "b"].map(|keyword| shop.rule(keyword));
        shop.hit("1.PNM", rule, NOW, 0);
        shop.hit("1.PNM", other, NOW + DAY, 0);
        assert_eq!((shop.counts(rule), shop.counts(other)), ((1, 0, None, 0), (0, 0, None, 0)));
        assert_eq!(shop.figures(rule).last_hit_at, Some(NOW + SECOND));
        assert_eq!(shop.figures(other).last_hit_at, None);
    });
}

/// Many turns that one transaction stores are one row, and twice the same message in it is one hit.
#[test]
fn a_batch_is_counted_by_rule_and_day() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let rule = shop.rule("a");
        let new: Vec<_> = (1..=6).map(|id| messages::message(shop.account, &format!("{id}.PNM"))).collect();
        let decided = |id: &str, at| shop.decision(id, rule, at);
        let silent = DecisionRow { decision: "silent", reason: Some("empty_reply".into()), ..decided("2.PNM", NOW) };
        let merged = DecisionRow { decision: "merged", reason: None, rule: None, ..decided("3.PNM", NOW) };
        let used_up =
            DecisionRow { decision: "silent", reason: Some("already_answered_once".into()), ..decided("4.PNM", NOW) };
        let gone = shop.decision("5.PNM", RuleId(404), NOW);
        let late = decided("6.PNM", NOW + DAY);
        let all = [decided("1.PNM", NOW), silent, merged, used_up, gone, late, decided("1.PNM", NOW + DAY)];
        let stored = write(&shop.store, move |conn| {
            chat_messages::insert_new(conn, &new)?;
            chat_messages::decide_many(conn, &all)
        });
        assert_eq!(stored, 6);
        let scope = shop.scope;
        let days = read(&shop.store, move |conn| rule_figures::days(conn, &scope, rule, 0));
        let days: Vec<_> = days.iter().map(|(day, counts)| (*day - day_of(NOW), counts.hits)).collect();
        assert_eq!(days, [(0, 2), (1, 1)]);
        assert_eq!(count(&mut database.raw(), "rule_days"), 2, "nothing of a rule that is gone");
    });
}

/// Of an answer in three parts the first counts, when the platform says so for the first time.
#[test]
fn the_first_send_of_a_decision_tells_how_fast_the_buyer_had_the_answer() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let rule = shop.rule("a");
        shop.hit("1.PNM", rule, NOW, 3);
        let send = |number| shop.entry("1.PNM", rule, NOW + SECOND, number);
        shop.confirm(&send(1), NOW + SECOND * 2);
        assert_eq!(shop.counts(rule), (1, 0, None, 0), "the second is not the first");
        shop.confirm(&send(0), NOW + SECOND * 3);
        assert_eq!(shop.counts(rule), (1, 1, Some(3000), 0));
        shop.confirm(&send(0), NOW + SECOND * 9);
        shop.confirm(&send(2), NOW + SECOND * 9);
        assert_eq!(shop.counts(rule), (1, 1, Some(3000), 0), "once");
        shop.hit("2.PNM", rule, NOW + DAY, 1);
        shop.confirm(&shop.entry("2.PNM", rule, NOW + DAY + SECOND, 0), NOW + DAY * 2);
        let scope = shop.scope;
        let days = read(&shop.store, move |conn| rule_figures::days(conn, &scope, rule, 0));
        assert_eq!(days.len(), 2, "it counts on the day of the hit");
        assert_eq!(told(&days[1].1), (1, 1, Some(86_400_000), 0));
    });
}

/// An echo is the platform's word, a person's is not.
#[test]
fn a_doubt_that_an_echo_settles_is_an_answer() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (rule, account) = (shop.rule("a"), shop.account);
        let mut doubtful = Vec::new();
        for (message, at) in [("1.PNM", NOW), ("2.PNM", NOW + SECOND * 10)] {
            shop.hit(message, rule, at, 1);
            let entry = shop.entry(message, rule, at + SECOND, 0);
            let uncertain = Entry { state: State::Uncertain, settled_at: Some(at + SECOND * 2), ..entry.clone() };
            let change = yutang::outbox::entry::Change::of(&uncertain);
            write(&shop.store, move |conn| outbox::update_many(conn, &[change]));
            doubtful.push(entry.id);
        }
        let (first, second) = (doubtful[0], doubtful[1]);
        let claim = move |conn: &mut DbConn| outbox::claim(conn, account, first, &"9.PNM".into(), NOW + SECOND * 5);
        assert!(write(&shop.store, claim));
        assert_eq!(shop.counts(rule), (2, 1, Some(5000), 0));
        let word = PersonsWord::Arrived;
        let settle = move |conn: &mut DbConn| outbox::settle_by_person(conn, account, second, word, NOW + DAY);
        write(&shop.store, settle).unwrap();
        let claim = move |conn: &mut DbConn| outbox::claim(conn, account, second, &"8.PNM".into(), NOW + DAY);
        assert!(write(&shop.store, claim));
        assert_eq!(shop.counts(rule), (2, 1, Some(5000), 0));
    });
}

fn happens(shop: &Shop, rule: RuleId, cause: Cause, due_at: Timestamp) -> i64 {
    let (account, scope) = (shop.account, shop.scope);
    let event = NewEvent {
        account,
        rule,
        conversation: "600001".into(),
        buyer: "3300001".into(),
        item: None,
        order: None,
        cause,
        due_at,
        made_at: due_at,
    };
    write(&shop.store, move |conn| {
        rule_events::insert(conn, &event)?;
        let (rows, _) = rule_events::page(conn, &scope, &rule_events::Filter::default(), Page::first(1))?;
        Ok(rows[0].id)
    })
}

fn finish(shop: &Shop, id: i64, reason: &str, at: Timestamp) {
    let finished = Finished { id, at, reason: reason.into(), trail: None };
    write(&shop.store, move |conn| rule_events::finish_many(conn, &[finished]));
}

#[test]
fn a_rule_for_events_is_hit_where_it_was_carried_out_and_answers_since_it_was_due() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let rule = shop.add(RuleBody { trigger: Trigger::OrderPlaced, keyword: String::new(), ..new_rule("") });
        let done = happens(&shop, rule, Cause::Order(1), NOW);
        let not_done = happens(&shop, rule, Cause::Order(2), NOW);
        finish(&shop, done, "rule", NOW + SECOND);
        finish(&shop, done, "rule", NOW + SECOND * 9);
        finish(&shop, not_done, "no_rule", NOW + SECOND);
        assert_eq!(shop.counts(rule), (1, 0, None, 0));
        let entry = |number| Entry { in_reply_to: None, ..shop.entry("", rule, NOW + SECOND, number) };
        let entries = [entry(0), entry(1)];
        write(&shop.store, move |conn| outbox::insert_many(conn, &entries));
        shop.confirm(&entry(0), NOW + SECOND * 2);
        shop.confirm(&entry(1), NOW + SECOND * 4);
        assert_eq!(shop.counts(rule), (1, 1, Some(2000), 0));
    });
}

/// Who is asked again after a silence may buy for that; who is thanked for an order has bought.
#[test]
fn a_rule_for_silence_may_lead_to_an_order_and_one_for_orders_does_not() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let said = shop.rule("a");
        let waits = |trigger| RuleBody { trigger, keyword: String::new(), ..new_rule("") };
        let [asks, thanks] = [Trigger::Silent, Trigger::OrderPlaced].map(|trigger| shop.add(waits(trigger)));
        shop.hit("1.PNM", said, NOW, 1);
        finish(&shop, happens(&shop, thanks, Cause::Order(1), NOW), "rule", NOW + SECOND * 20);
        shop.paid("1.CARD", Some("25"), NOW + SECOND * 30);
        let orders = || [said, asks, thanks].map(|rule| shop.counts(rule).3);
        assert_eq!(orders(), [1, 0, 0]);
        finish(&shop, happens(&shop, asks, Cause::Silent("1.PNM".into()), NOW), "rule", NOW + SECOND * 40);
        shop.paid("2.CARD", Some("26"), NOW + SECOND * 50);
        assert_eq!(orders(), [1, 1, 0]);
    });
}

/// D1: told ten times, an order is one; it is put down to the rule that was used last.
#[test]
fn d1_an_order_counts_once_for_the_last_rule_of_its_conversation() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let [early, last, later] = ["a", "b", "c"].map(|keyword| shop.rule(keyword));
        shop.hit("1.PNM", early, NOW, 1);
        shop.hit("2.PNM", last, NOW + SECOND * 10, 1);
        shop.hit("3.PNM", later, NOW + SECOND * 30, 1);
        let paid_at = NOW + SECOND * 20;
        for told in 0..10 {
            shop.paid(&format!("{told}.CARD"), Some("25"), paid_at);
        }
        shop.paid("badge", None, paid_at);
        let orders = |rule| (shop.counts(rule).3, shop.figures(rule).last_order_at);
        assert_eq!([early, last, later].map(orders), [(0, None), (1, Some(paid_at)), (0, None)]);
        shop.paid("10.CARD", Some("26"), NOW + SECOND * 25);
        assert_eq!(orders(last), (2, Some(NOW + SECOND * 25)), "another order");
    });
}

#[test]
fn an_order_that_no_rule_led_to_is_put_down_to_none() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let rule = shop.rule("a");
        shop.paid("1.CARD", Some("25"), NOW - DAY);
        shop.hit("1.PNM", rule, NOW, 1);
        shop.paid("2.CARD", Some("26"), NOW + DAY * 8);
        let elsewhere = Notice { conversation: "600002".into(), ..notice("3.CARD", Some("27"), NOW + DAY) };
        let account = shop.account;
        write(&shop.store, move |conn| order_events::insert(conn, account, &elsewhere, NOW + DAY));
        assert_eq!(shop.counts(rule).3, 0);
        shop.paid("4.CARD", Some("28"), NOW + DAY * 7);
        assert_eq!(shop.counts(rule).3, 1, "the last moment");
    });
}

#[test]
fn figures_go_with_their_rule_and_stay_when_it_is_changed() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (rule, scope) = (shop.rule("a"), shop.scope);
        shop.hit("1.PNM", rule, NOW, 1);
        let changed = RuleBody { priority: 9, ..new_rule("a") };
        write(&shop.store, move |conn| {
            rule_drafts::replace(conn, &scope, rule, &changed, NOW)?.unwrap();
            rule_drafts::publish(conn, &scope, None, "", &Actor::system(), NOW)
        })
        .unwrap();
        assert_eq!(shop.counts(rule).0, 1);
        write(&shop.store, move |conn| rules::delete(conn, &scope, rule, &Actor::system(), NOW)).unwrap();
        assert_eq!(count(&mut database.raw(), "rule_days"), 0);
        shop.confirm(&shop.entry("1.PNM", rule, NOW + SECOND, 0), NOW + SECOND * 2);
        shop.paid("1.CARD", Some("25"), NOW + SECOND * 3);
        assert_eq!(count(&mut database.raw(), "rule_days"), 0, "of a rule that is gone nothing is counted");
    });
}

#[test]
fn rules_are_found_by_use_kind_and_set() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (scope, account) = (shop.scope, shop.account);
        let [often, last, dead] = ["a", "b", "c"].map(|keyword| shop.rule(keyword));
        let own = shop.add(RuleBody { account: Some(account), enabled: false, ..new_rule("d") });
        let default = RuleBody { matching: Matching::Default, keyword: String::new(), any_of: vec![], ..new_rule("") };
        let default = shop.add(default);
        let draft = move |conn: &mut DbConn| rule_drafts::insert(conn, &scope, &new_rule("draft"), NOW);
        let draft = write(&shop.store, draft).unwrap();
        for (number, (rule, at)) in
            [(often, NOW - DAY), (often, NOW - DAY), (last, NOW), (dead, NOW - DAY * 30)].into_iter().enumerate()
        {
            shop.hit(&format!("{number}.PNM"), rule, at, 0);
        }
        shop.paid("1.CARD", Some("25"), NOW + SECOND);
        let page = |filter, sort| shop.page(scope, filter, sort);
        assert_eq!(page(Filter::default(), Sort::Hits), [often, last, dead, own, default]);
        assert_eq!(page(Filter::default(), Sort::LastHit), [last, often, dead, own, default]);
        assert_eq!(page(Filter::default(), Sort::Orders), [last, often, dead, own, default]);
        let unused = |unused| Filter { unused: Some(unused), ..Filter::default() };
        assert_eq!(page(unused(true), Sort::Hits), [dead, own, default], "its last use is too long ago");
        assert_eq!(page(unused(false), Sort::Hits), [often, last]);
        assert_eq!(shop.figures(dead).last_hit_at, Some(NOW - DAY * 30 + SECOND));
        let of = |kind| Filter { kind: Some(kind), ..Filter::default() };
        assert_eq!(page(of(Kind::DefaultReply), Sort::Hits), [default]);
        assert_eq!(page(of(Kind::Event), Sort::Hits), []);
        assert_eq!(page(Filter { reach: Some(Reach::In(account)), ..of(Kind::Keyword) }, Sort::Hits), [own]);
        assert_eq!(page(Filter { enabled: Some(false), ..Filter::default() }, Sort::Hits), [own]);
        let shared = Filter { reach: Some(Reach::Everywhere), ..of(Kind::Keyword) };
        assert_eq!(page(shared, Sort::Hits), [often, last, dead]);
        let get = shop.store.read_blocking(move |conn| rule_figures::get(conn, &scope, draft, 0));
        assert!(matches!(get, Err(yutang::store::StoreError::NotFound)), "{get:?}");
    });
}

#[test]
fn a_part_of_the_list_tells_how_long_the_whole_is() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (scope, ids) = (shop.scope, ["a", "b", "c"].map(|keyword| shop.rule(keyword)));
        let part = |offset| {
            let page = (Sort::Hits, Page { offset, limit: 2 });
            let read_part = move |conn: &mut DbConn| rule_figures::page(conn, &scope, &Filter::default(), 0, page);
            let (figures, total) = read(&shop.store, read_part);
            (figures.into_iter().map(|figures| figures.rule).collect::<Vec<_>>(), total)
        };
        assert_eq!(part(0), (ids[..2].to_vec(), 3));
        assert_eq!(part(2), (ids[2..].to_vec(), 3));
        assert_eq!(part(4), (vec![], 3));
    });
}

#[test]
fn nobody_sees_figures_of_rules_that_they_do_not_see() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (store, owner) = (&shop.store, shop.scope.user());
        let second = add_account(store, owner, "second", "2200002");
        let shared = shop.rule("a");
        let [own, others] = [shop.account, second].map(|id| shop.add(RuleBody { account: Some(id), ..new_rule("b") }));
        let (stranger, helper) = (Scope::owner(add_user(store, "stranger")), add_user(store, "helper"));
        let (scope, account) = (shop.scope, shop.account);
        write(store, move |conn| users::set_accounts(conn, &scope, helper, &[account]));
        let helper = Scope::member(owner, helper);
        let all = |scope| shop.page(scope, Filter::default(), Sort::Hits);
        assert_eq!(all(shop.scope), [shared, own, others]);
        assert_eq!(all(helper), [shared, own]);
        assert_eq!(all(stranger), []);
        shop.hit("1.PNM", others, NOW, 1);
        for scope in [stranger, helper] {
            let days = read(store, move |conn| rule_figures::days(conn, &scope, others, 0));
            assert_eq!(days, []);
            assert!(store.read_blocking(move |conn| rule_figures::get(conn, &scope, others, 0)).is_err());
        }
    });
}
