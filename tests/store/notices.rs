//! Notices: one trouble, one row; who hears of it and when; what people see; where they come from.

use std::time::Duration;

use serde_json::json;
use yutang::{
    account::state::{Reason, State, Status},
    ids::{AccountId, ChannelId, Timestamp, UserId},
    notify::{
        channel::{Config, Kind},
        event::{Event, Language, Severity},
        notice::Subject,
        throttle::Stage,
    },
    store::{
        DbConn, Keys, Page, QueryResult, Scope, account_states, chat_messages,
        notices::{self, Filter, Opening, Row},
        notify_channels::{self, NewChannel, NotSaved, Subscription},
        notify_deliveries::{self, State as DeliveryState},
        notify_sources::{self, Cursor},
        outbox, privacy,
        retention::{self, Cutoffs, Kind as Removal},
        users,
    },
};

use crate::{
    harness::{NOW, add_account, add_user, on_each_database, with_account},
    messages::{entry, message},
};

const DOWN_AFTER: Duration = Duration::from_mins(5);
const MINUTE: Duration = Duration::from_mins(1);

fn opening(owner: UserId, account: Option<AccountId>, event: Event) -> Opening {
    let subject = Subject { said: Some("在吗\0".into()), ..Subject::default() };
    let key = format!("{}:{}", event.as_str(), account.map_or(0, |account| account.0));
    Opening { owner, account, buyer: Some("3300001".into()), event, severity: event.severity(), key, subject }
}

pub fn channel(name: &str) -> NewChannel {
    let given = json!({"webhook_url": "https://a.example/planted", "secret": "planted-secret"});
    let config = Config::read(Kind::Webhook, given.as_object().unwrap()).unwrap();
    NewChannel { name: name.into(), config, enabled: true, language: Language::Zh, quiet_hours: None }
}

fn add_channel(conn: &mut DbConn, keys: &Keys, scope: &Scope, new: &NewChannel) -> ChannelId {
    notify_channels::insert(conn, keys, scope, new, NOW).unwrap().unwrap()
}

/// A channel of an owner, and something that is on its way there.
pub fn fill(conn: &mut DbConn, keys: &Keys, scope: &Scope, account: AccountId) -> QueryResult<()> {
    add_channel(conn, keys, scope, &channel("hook"));
    notices::open(conn, &opening(scope.user(), Some(account), Event::StockLow), NOW)?;
    advance(conn, NOW).map(drop)
}

fn all(conn: &mut DbConn, scope: &Scope) -> Vec<Row> {
    notices::page(conn, scope, &Filter::default(), Page::first(100)).unwrap().0
}

/// Does what is due, as the engine does.
fn advance(conn: &mut DbConn, now: Timestamp) -> QueryResult<usize> {
    let due = notices::due(conn, DOWN_AFTER, now)?;
    due.iter().try_for_each(|id| notices::advance(conn, *id, DOWN_AFTER, now))?;
    Ok(due.len())
}

#[test]
fn the_same_trouble_is_one_row_with_a_count_until_it_is_over_and_told() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let (owner, trouble) = (scope.user(), opening(scope.user(), Some(account), Event::AccountNeedsPerson));
        let work = move |conn: &mut DbConn| {
            for second in 0..3 {
                notices::open(conn, &trouble, NOW + Duration::from_secs(second))?;
            }
            assert_eq!(notices::live(conn)?.len(), 1);
            assert_eq!(all(conn, &scope), [], "it may be a blip");
            assert_eq!(advance(conn, NOW + MINUTE)?, 1);
            let row = all(conn, &scope).remove(0);
            assert_eq!((row.count, row.told, row.stage, row.first_at), (3, 3, Stage::Told, NOW));
            assert_eq!((row.last_at, row.subject().said.as_deref()), (NOW + Duration::from_secs(2), Some("在吗\0")));
            assert!(notices::end(conn, owner, &trouble.key, NOW + 2 * MINUTE)?);
            assert!(!notices::end(conn, owner, &trouble.key, NOW + 3 * MINUTE)?, "it had ended");
            notices::open(conn, &trouble, NOW + 2 * MINUTE)?;
            assert_eq!(all(conn, &scope)[0].ended_at, None, "it goes on");
            notices::end(conn, owner, &trouble.key, NOW + 3 * MINUTE)?;
            assert_eq!(advance(conn, NOW + 4 * MINUTE)?, 1);
            assert_eq!(all(conn, &scope)[0].stage, Stage::Done);
            notices::open(conn, &trouble, NOW + 5 * MINUTE)?;
            assert_eq!(notices::live(conn)?.len(), 1, "a new one");
            advance(conn, NOW + 7 * MINUTE)?;
            assert_eq!(all(conn, &scope).len(), 2);
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}

#[test]
fn a_blip_leaves_nothing() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let trouble = opening(scope.user(), Some(account), Event::AccountDown);
        let work = move |conn: &mut DbConn| {
            notices::open(conn, &trouble, NOW)?;
            notices::end(conn, trouble.owner, &trouble.key, NOW + MINUTE)?;
            assert_eq!(advance(conn, NOW + 2 * MINUTE)?, 0, "it may come back");
            assert_eq!(advance(conn, NOW + 3 * MINUTE)?, 1);
            assert_eq!(notices::live(conn)?, []);
            assert_eq!(all(conn, &scope), []);
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}

#[test]
fn channels_hear_what_they_subscribed_to_and_quiet_hours_wait_but_for_what_is_critical() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let (rival, keys) = (Scope::owner(add_user(&store, "rival")), database.keys.clone());
        let work = move |conn: &mut DbConn| {
            let loud = add_channel(conn, &keys, &scope, &channel("loud"));
            // NOW is 12:00:00 UTC, 20:00 in Shanghai
            let quiet = NewChannel { quiet_hours: Some("19:00-21:00+08:00".into()), ..channel("quiet") };
            let quiet = add_channel(conn, &keys, &scope, &quiet);
            let off = add_channel(conn, &keys, &scope, &NewChannel { enabled: false, ..channel("off") });
            add_channel(conn, &keys, &rival, &channel("of the rival"));
            let wanted = |channel, event, min_severity| Subscription { channel, event, min_severity };
            let subscribed = [
                wanted(loud, Event::StockLow, Severity::Warning),
                wanted(loud, Event::BackupFailed, Severity::Warning),
                wanted(quiet, Event::StockLow, Severity::Info),
                wanted(quiet, Event::BackupFailed, Severity::Critical),
                wanted(quiet, Event::DeliveryUncertain, Severity::Critical),
                wanted(off, Event::StockLow, Severity::Info),
            ];
            assert_eq!(notify_channels::set_subscriptions(conn, &scope, &subscribed)?, Ok(()));
            assert_eq!(notify_channels::subscriptions(conn, &scope)?.len(), 6);
            for event in [Event::StockLow, Event::BackupFailed, Event::DeliveryUncertain] {
                notices::open(conn, &opening(scope.user(), Some(account), event), NOW)?;
            }
            advance(conn, NOW)?;
            let now = |conn: &mut DbConn, channel| -> QueryResult<Vec<Event>> {
                let waiting = notify_deliveries::waiting(conn, channel, NOW, 10)?;
                Ok(waiting.into_iter().map(|(_, notice)| notice.event).collect())
            };
            assert_eq!(now(conn, loud)?, [Event::StockLow, Event::BackupFailed]);
            assert_eq!(
                now(conn, quiet)?,
                [Event::BackupFailed],
                "the critical one passes, the uncertain one is not so bad"
            );
            assert_eq!(now(conn, off)?, []);
            assert_eq!(notify_deliveries::waiting_channels(conn, NOW)?, [(loud, scope.user()), (quiet, scope.user())]);
            let later = notify_deliveries::waiting(conn, quiet, NOW + 60 * MINUTE, 10)?;
            assert_eq!(later.iter().map(|(delivery, _)| delivery.digest).collect::<Vec<_>>(), [true, false]);
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}

#[test]
fn a_delivery_is_tried_again_dies_and_is_revived_with_its_id() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let (rival, keys) = (Scope::owner(add_user(&store, "rival")), database.keys.clone());
        let work = move |conn: &mut DbConn| {
            let id = add_channel(conn, &keys, &scope, &channel("hook"));
            notices::open(conn, &opening(scope.user(), Some(account), Event::StockLow), NOW)?;
            advance(conn, NOW)?;
            let (first, notice) = notify_deliveries::waiting(conn, id, NOW, 10)?.remove(0);
            notify_deliveries::mark_failed(conn, &[first.id], "HTTP 503", Some(NOW + MINUTE))?;
            assert_eq!(notify_deliveries::waiting(conn, id, NOW, 10)?, []);
            let (again, _) = notify_deliveries::waiting(conn, id, NOW + MINUTE, 10)?.remove(0);
            assert_eq!((again.attempts, again.error.as_deref(), &again.uid), (1, Some("HTTP 503"), &first.uid));
            assert!(!notify_deliveries::revive(conn, &scope, first.id, NOW)?, "it is not dead");
            notify_deliveries::mark_failed(conn, &[first.id], "HTTP 404", None)?;
            assert_eq!(notify_deliveries::waiting_channels(conn, Timestamp::NEVER)?, []);
            assert!(notify_deliveries::revive(conn, &rival, first.id, NOW).is_err(), "somebody else's");
            assert!(notify_deliveries::revive(conn, &scope, first.id, NOW)?);
            let (revived, _) = notify_deliveries::waiting(conn, id, NOW, 10)?.remove(0);
            assert_eq!((revived.attempts, revived.uid), (0, first.uid));
            notify_deliveries::mark_sent(conn, &[first.id], NOW)?;
            let (sent, name) = notify_deliveries::list(conn, &scope, notice.id)?.remove(0);
            assert_eq!((sent.state, sent.error, sent.sent_at, &*name), (DeliveryState::Sent, None, Some(NOW), "hook"));
            assert!(notify_deliveries::list(conn, &rival, notice.id).is_err());
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}

/// T2, T4: there, a rule could be bound to another user's channel.
#[test]
fn t2_t4_nobody_sees_or_changes_another_owners_channels_and_notices() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let (rival, member, keys) = (add_user(&store, "rival"), add_user(&store, "member"), database.keys.clone());
        let (other, rival) = (add_account(&store, scope.user(), "other", "2200002"), Scope::owner(rival));
        let work = move |conn: &mut DbConn| {
            users::set_accounts(conn, &scope, member, &[account])?;
            let chosen = Scope::member(scope.user(), member);
            let id = add_channel(conn, &keys, &scope, &channel("hook"));
            for stranger in [&rival, &chosen] {
                assert!(notify_channels::get(conn, stranger, id).is_err());
                assert!(!notify_channels::delete(conn, stranger, id)?);
                let refused = notify_channels::replace(conn, &keys, stranger, id, &channel("x"), NOW)?;
                assert_eq!(refused, Err(NotSaved::NotFound));
                let wanted = Subscription { channel: id, event: Event::Rule, min_severity: Severity::Info };
                assert_eq!(notify_channels::set_subscriptions(conn, stranger, &[wanted])?, Err(id));
                assert_eq!(notify_channels::list(conn, stranger)?, []);
            }
            let refused = notify_channels::insert(conn, &keys, &chosen, &channel("y"), NOW)?;
            assert_eq!(refused, Err(NotSaved::Forbidden));
            for of in [Some(account), Some(other), None] {
                notices::open(conn, &opening(scope.user(), of, Event::StockLow), NOW)?;
            }
            advance(conn, NOW)?;
            let seen =
                |conn: &mut DbConn, scope: &Scope| all(conn, scope).iter().map(|row| row.account).collect::<Vec<_>>();
            assert_eq!(seen(conn, &scope), [None, Some(other), Some(account)]);
            assert_eq!(seen(conn, &chosen), [Some(account)]);
            assert_eq!(seen(conn, &rival), []);
            let first = all(conn, &scope)[2].id;
            assert!(notices::mark_seen(conn, &rival, first, NOW).is_err());
            assert_eq!(notices::mark_seen(conn, &chosen, first, NOW)?.seen_at, Some(NOW));
            assert_eq!(notices::mark_seen(conn, &scope, first, NOW + MINUTE)?.seen_at, Some(NOW), "who saw it first");
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}

#[test]
fn what_a_channel_needs_is_sealed_for_its_owner() {
    on_each_database(|database| {
        let (store, scope, _) = with_account(database);
        let (keys, other) = (database.keys.clone(), Keys::random());
        let work = move |conn: &mut DbConn| {
            let id = add_channel(conn, &keys, &scope, &channel("hook"));
            let stored = notify_channels::get(conn, &scope, id)?;
            assert_eq!(stored.open(&keys).unwrap(), channel("hook").config);
            assert!(stored.open(&other).is_err());
            assert!(!String::from_utf8_lossy(stored.config.as_bytes()).contains("planted"));
            let taken = notify_channels::insert(conn, &keys, &scope, &channel("hook"), NOW)?;
            assert_eq!(taken, Err(NotSaved::NameTaken));
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}

#[test]
fn old_notices_go_at_night_and_what_lasts_stays() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let work = move |conn: &mut DbConn| {
            for event in [Event::StockLow, Event::DeliveryFailed] {
                notices::open(conn, &opening(scope.user(), Some(account), event), NOW)?;
            }
            advance(conn, NOW)?;
            advance(conn, NOW + 30 * MINUTE)?;
            let later = NOW + 1000 * MINUTE;
            let cutoffs =
                Cutoffs { now: later, messages: NOW, decisions: NOW, notices: later, figures: NOW, overlap: MINUTE };
            assert_eq!(retention::remove_some(conn, Removal::Notices, Timestamp(0), &cutoffs)?.removed, 1);
            assert_eq!(all(conn, &scope).iter().map(|row| row.event).collect::<Vec<_>>(), [Event::StockLow]);
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}

#[test]
fn an_erased_buyer_is_in_no_notice() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let work = move |conn: &mut DbConn| {
            notices::open(conn, &opening(scope.user(), Some(account), Event::NewMessage), NOW)?;
            let other = Opening {
                buyer: Some("3300002".into()),
                key: "other".into(),
                ..opening(scope.user(), Some(account), Event::NewMessage)
            };
            notices::open(conn, &other, NOW)?;
            let traces = privacy::find(conn, &scope, None, &"3300001".into(), NOW)?;
            privacy::erase(conn, &scope, &traces, &"erased-1".into(), NOW)?.unwrap();
            assert_eq!(notices::live(conn)?.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["other"]);
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}

#[test]
fn messages_are_told_once_and_only_to_whom_wants_to_hear_of_them() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let keys = database.keys.clone();
        let work = move |conn: &mut DbConn| {
            let at = |second: u64| NOW + Duration::from_secs(second);
            let said = |id: &str, second: u64| {
                let mut said = message(account, id);
                (said.sent_at, said.received_at) = (at(second), at(second));
                said
            };
            let mut own = said("2.PNM", 2);
            own.decision = Some("own");
            own.conversation = "600002".into();
            chat_messages::insert_new(conn, &[said("1.PNM", 1), own, said("3.PNM", 3)])?;
            let nobody = notify_sources::said(conn, Event::NewMessage, NOW, at(9))?;
            assert_eq!(nobody, (Vec::new(), at(9)), "nobody wants to hear");
            let id = add_channel(conn, &keys, &scope, &channel("hook"));
            let wanted = [Event::NewMessage, Event::Unanswered].map(|event| Subscription {
                channel: id,
                event,
                min_severity: Severity::Info,
            });
            notify_channels::set_subscriptions(conn, &scope, &wanted)?.unwrap();
            let heard = |conn: &mut DbConn, event, from, to| -> QueryResult<Vec<i64>> {
                let (said, _) = notify_sources::said(conn, event, from, to)?;
                Ok(said.iter().map(|said| (said.received_at.0 - NOW.0) / 1000).collect())
            };
            assert_eq!(heard(conn, Event::NewMessage, NOW, at(9))?, [1, 3]);
            assert_eq!(heard(conn, Event::NewMessage, at(1), at(2))?, [] as [i64; 0]);
            assert_eq!(heard(conn, Event::Unanswered, NOW, at(9))?, [1, 3]);
            let mut answer = entry(account, at(2).0);
            answer.created_at = at(2);
            outbox::insert_many(conn, &[answer])?;
            assert_eq!(heard(conn, Event::Unanswered, NOW, at(9))?, [3], "the first was answered, the last was not");
            let trouble = Opening {
                key: format!("unanswered:{account}:600001"),
                ..opening(scope.user(), Some(account), Event::Unanswered)
            };
            notices::open(conn, &trouble, at(3))?;
            assert_eq!(notify_sources::attended(conn)?, []);
            chat_messages::insert_new(
                conn,
                &[{
                    let mut reply = said("4.PNM", 4);
                    reply.decision = Some("own");
                    reply
                }],
            )?;
            let over = notify_sources::attended(conn)?;
            assert_eq!(over.len(), 1);
            notices::dismiss(conn, over[0], at(5))?;
            assert_eq!(notices::live(conn)?, []);
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}

#[test]
fn what_waits_for_a_person_is_told_until_somebody_took_care_of_it() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let work = move |conn: &mut DbConn| {
            let mut late = message(account, "1.PNM");
            (late.decision, late.decided_at, late.needs_person) = (Some("silent"), Some(NOW), true);
            chat_messages::insert_new(conn, &[late])?;
            let found = notify_sources::for_a_person(conn, NOW - MINUTE, NOW)?;
            assert_eq!((found.len(), found[0].account.as_str(), found[0].owner_id), (1, "shop", scope.user()));
            assert_eq!(notify_sources::for_a_person(conn, NOW, NOW + MINUTE)?, []);
            let key = format!("person:{account}:600001");
            notices::open(conn, &Opening { key, ..opening(scope.user(), Some(account), Event::PersonNeeded) }, NOW)?;
            assert_eq!(notify_sources::attended(conn)?, []);
            chat_messages::attended(conn, account, &"600001".into())?;
            assert_eq!(notify_sources::attended(conn)?.len(), 1);
            assert_eq!(Cursor::Person.find(conn)?, None);
            Cursor::Person.put(conn, NOW)?;
            assert_eq!(Cursor::Person.find(conn)?, Some(NOW));
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}

#[test]
fn accounts_without_their_connection_are_found_with_what_is_told_of_them() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let work = move |conn: &mut DbConn| {
            let mut put = |state, reason| account_states::put(conn, account, &Status::new(state, reason, NOW));
            put(State::Connected, Reason::Registered)?;
            put(State::Failed, Reason::SessionExpired)?;
            let found = notify_sources::unconnected(conn)?.remove(0);
            assert_eq!(
                (found.id, found.state, found.reason),
                (account, Some(State::Failed), Some(Reason::SessionExpired))
            );
            notices::open(conn, &opening(scope.user(), Some(account), Event::AccountNeedsPerson), NOW)?;
            let (_, event, _, line) = notify_sources::account_troubles(conn)?.remove(0);
            assert_eq!((event, line), (Event::AccountNeedsPerson, found));
            account_states::put(conn, account, &Status::new(State::Connected, Reason::Registered, NOW))?;
            assert_eq!(notify_sources::unconnected(conn)?, []);
            assert_eq!(notify_sources::account_troubles(conn)?[0].3.state, Some(State::Connected));
            Ok(())
        };
        store.write_blocking(work).unwrap();
    });
}
