//! Makes notices of what is stored and of how the system is.
//!
//! | what is looked at | event | told | over |
//! |---|---|---|---|
//! | an account that failed; each challenge of the platform once | `account_needs_person` | after a minute | connected |
//! | an account without its connection | `account_down` | after `notify.down_after` | connected |
//! | a login that is thought to end in three days | `login_ending` | at once | it lasts longer again |
//! | a message that waits for a person | `person_needed` | at once | a person took care of it |
//! | a buyer's message that nobody answered | `unanswered` | after `notify.unanswered_after` | answered |
//! | a buyer's message, for who wants to hear | `new_message` | at once | – |
//! | a pool with fewer free units than its seller wants | `stock_low` | at once | there are enough |
//! | an order that waits for a person | `delivery_failed`, `delivery_uncertain` | after a moment, and again every six hours | – |
//! | an order of which the buyer has everything, for who wants to hear | `delivery_done` | after a moment | – |
//! | a part of the server that fails | `system`, to administrators | after a minute | it is well |
//!
//! Messages are read along their times, each once: how far is a row, moved in the transaction that makes the notices. What is younger
//! than a few seconds waits, for a message may be committed a little after it arrived.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use super::{Config, send::CHALLENGE};
use crate::{
    account::{
        login_session::ANNOUNCED,
        state::{Reason, State},
    },
    delivery::review::Reason as Waits,
    ids::{AccountId, CardId, ChallengeId, NoticeId, Timestamp, UserId},
    notify::{
        event::{Event, Severity},
        notice::{Subject, Words, tame},
    },
    store::{
        DbConn, QueryResult, Store, StoreError, cards, challenges,
        notices::{self, Opening, Row},
        notify_sources::{
            self as sources, AccountLine, Cursor, DeliveredLine, EndingLogin, ReviewLine, Said, StockLine,
        },
    },
    telemetry::{
        clock,
        health::{HealthMonitor, PartState},
    },
};

/// An account that changes its state again and again is on its way: only one that stays so long is in trouble.
const STAYS: Duration = Duration::from_secs(15);

/// A message is committed so long after it arrived at the latest, or nearly so.
const MARGIN: Duration = Duration::from_secs(5);

/// The same while the database has just failed: what waited for it is committed in one go.
const WIDE_MARGIN: Duration = Duration::from_secs(60);

/// What mends itself in a moment is not told.
const MOMENT: Duration = Duration::from_secs(20);

/// An order that still waits for a person is told of again after this long.
const REMINDER: Duration = Duration::from_hours(6);

/// So many stretches of messages a look takes; what is left is for the next.
const STRETCHES: usize = 20;

/// Where nothing was found, it is written down only now and then that it was read: the disk is left in peace.
const SPAN: Duration = Duration::from_mins(1);

/// What is known from look to look.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last failure.
    shaky_since: Option<Timestamp>,
}

/// One look at everything. The first failure ends it: the next look goes on.
pub(super) async fn gather(
    store: &Store,
    config: &Config,
    health: &HealthMonitor,
    mut memory: Memory,
) -> (Memory, Result<(), StoreError>) {
    let now = clock::unix();
    let is_shaky = memory.shaky_since.is_some_and(|since| now.since(since) < WIDE_MARGIN);
    let settled = now - if is_shaky { WIDE_MARGIN } else { MARGIN };
    let outcome = look(store, config, health, (settled, now)).await;
    if outcome.is_err() {
        memory.shaky_since = Some(now);
    }
    (memory, outcome)
}

async fn look(
    store: &Store,
    config: &Config,
    health: &HealthMonitor,
    (settled, now): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    let failing = failing_parts(health);
    let changes = store.read(move |conn| changes(conn, failing.as_ref(), now)).await?;
    if !changes.is_empty() {
        store.write(move |conn| changes.make(conn, now)).await?;
    }
    people(store, settled, now).await?;
    orders(store, now).await?;
    delivered(store, settled, now).await?;
    let (late, waited) = (settled.min(now - config.unanswered_after), config.unanswered_after);
    messages(store, Cursor::Unanswered, late, now, waited).await?;
    messages(store, Cursor::Messages, settled, now, waited).await
}

/// What is to be opened, ended and dismissed.
#[derive(Debug, Default)]
struct Changes {
    open: Vec<Opening>,
    end: Vec<(UserId, String)>,
    dismiss: Vec<NoticeId>,
    /// Pools, and since when they run low.
    low: Vec<(CardId, Option<Timestamp>)>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.open.is_empty() && self.end.is_empty() && self.dismiss.is_empty() && self.low.is_empty()
    }

    fn make(self, conn: &mut DbConn, now: Timestamp) -> QueryResult<()> {
        for id in self.dismiss {
            notices::dismiss(conn, id, now)?;
        }
        for (owner, key) in self.end {
            notices::end(conn, owner, &key, now)?;
        }
        for (card, since) in self.low {
            cards::mark_low(conn, card, since)?;
        }
        self.open.iter().try_for_each(|opening| notices::open(conn, opening, now))
    }
}

fn changes(conn: &mut DbConn, failing: Option<&BTreeSet<&'static str>>, now: Timestamp) -> QueryResult<Changes> {
    let mut changes = Changes { dismiss: sources::attended(conn)?, ..Changes::default() };
    let (unconnected, troubles) = (sources::unconnected(conn)?, sources::account_troubles(conn)?);
    let asked = challenges_of(conn, &unconnected)?;
    accounts(&unconnected, &troubles, &asked, now, &mut changes);
    logins(conn, now, &mut changes)?;
    stock(&sources::stock(conn)?, now, &mut changes);
    if let Some(failing) = failing {
        let live = notices::live(conn)?;
        system(&sources::administrators(conn)?, &live, failing, &mut changes);
    }
    Ok(changes)
}

fn accounts(
    unconnected: &[AccountLine],
    troubles: &[(NoticeId, Event, String, AccountLine)],
    asked: &Asked,
    now: Timestamp,
    changes: &mut Changes,
) {
    for line in unconnected {
        let Some(opening) = account_trouble(line, asked, now) else { continue };
        let is_open = troubles.iter().any(|(_, _, key, known)| *key == opening.key && known.owner == opening.owner);
        changes.open.extend((!is_open).then_some(opening));
    }
    for (id, event, key, line) in troubles {
        match line.state {
            Some(State::Connected) => changes.end.push((line.owner, key.clone())),
            // Somebody switched it off, or its trouble has got another name.
            Some(State::Closed) => changes.dismiss.push(*id),
            Some(State::Failed) if *event == Event::AccountDown => changes.dismiss.push(*id),
            // Its challenge is over, and there is another one.
            Some(State::Failed) if account_trouble(line, asked, now).is_some_and(|opening| opening.key != *key) => {
                changes.dismiss.push(*id);
            }
            _ if !line.enabled => changes.dismiss.push(*id),
            _ => {}
        }
    }
}

/// K16: one that was told of is not told of again until it was renewed, however long that takes.
fn logins(conn: &mut DbConn, now: Timestamp, changes: &mut Changes) -> QueryResult<()> {
    let before = now + ANNOUNCED;
    let ending = sources::ending_logins(conn, before)?;
    if !ending.is_empty() {
        let live = notices::live(conn)?;
        let is_told = |key: &str| live.iter().any(|row| row.key == key && row.ended_at.is_none());
        let openings = ending.iter().map(|login| login_trouble(login, now));
        changes.open.extend(openings.filter(|opening| !is_told(&opening.key)));
    }
    changes.end.extend(sources::renewed_logins(conn, before)?);
    Ok(())
}

fn login_trouble(login: &EndingLogin, now: Timestamp) -> Opening {
    const DAY: Duration = Duration::from_hours(24);
    let days = login.ends_at.since(now).as_secs().div_ceil(DAY.as_secs());
    let subject = Subject {
        account: Some(login.name.clone()),
        number: i64::try_from(days).ok(),
        advice: Some(Words::new(
            "请在到期前重新扫码登录或更新 Cookie，以免中断。",
            "Scan a code or update the cookie before that, so that nothing is interrupted.",
        )),
        ..Subject::default()
    };
    Opening {
        owner: login.owner,
        account: Some(login.id),
        buyer: None,
        event: Event::LoginEnding,
        severity: Event::LoginEnding.severity(),
        key: format!("account:{}:login", login.id),
        subject,
    }
}

/// Accounts of which the platform wants a person, and what that person can pass. Each challenge is a notice of its own.
type Asked = HashMap<AccountId, ChallengeId>;

/// A challenge is made in the transaction that stops the account, a moment before its state is known.
const AHEAD: Duration = Duration::from_mins(1);

fn challenges_of(conn: &mut DbConn, unconnected: &[AccountLine]) -> QueryResult<Asked> {
    let mut asked = Asked::new();
    for line in unconnected.iter().filter(|line| line.reason == Some(Reason::ChallengeRequired)) {
        let open = challenges::find_open(conn, line.id)?.map(|(id, ..)| id);
        let last = || challenges::latest(conn, line.id, line.since.unwrap_or(Timestamp(0)) - AHEAD);
        if let Some(id) = open.map_or_else(last, |id| Ok(Some(id)))? {
            asked.insert(line.id, id);
        }
    }
    Ok(asked)
}

fn account_trouble(line: &AccountLine, asked: &Asked, now: Timestamp) -> Option<Opening> {
    let (reason, since) = (line.reason?, line.since?);
    let (event, kind) = match line.state? {
        State::Failed => (Event::AccountNeedsPerson, "person"),
        State::Disconnected | State::Connecting | State::Reconnecting if now.since(since) >= STAYS => {
            (Event::AccountDown, "down")
        }
        State::Disconnected | State::Connecting | State::Reconnecting | State::Connected | State::Closed => {
            return None;
        }
    };
    let subject = Subject {
        account: Some(line.name.clone()),
        why: Some(Words::new(reason.sentence_zh(), reason.sentence())),
        advice: advice(reason),
        ..Subject::default()
    };
    Some(Opening {
        owner: line.owner,
        account: Some(line.id),
        buyer: None,
        event,
        severity: event.severity(),
        key: match asked.get(&line.id).filter(|_| event == Event::AccountNeedsPerson) {
            Some(challenge) => format!("{CHALLENGE}{challenge}"),
            None => format!("account:{}:{kind}", line.id),
        },
        subject,
    })
}

/// Told once when it begins; a seller who looks knows the figure.
fn stock(lines: &[StockLine], now: Timestamp, changes: &mut Changes) {
    for line in lines {
        match (line.left, line.low_since) {
            (Some(left), None) => {
                changes.open.push(stock_trouble(line, left));
                changes.low.push((line.card, Some(now)));
            }
            (None, Some(_)) => {
                changes.end.push((line.owner, cards::notice_key(line.card)));
                changes.low.push((line.card, None));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

fn stock_trouble(line: &StockLine, left: i64) -> Opening {
    Opening {
        owner: line.owner,
        account: None,
        buyer: None,
        event: Event::StockLow,
        severity: Event::StockLow.severity(),
        key: cards::notice_key(line.card),
        subject: Subject { what: Some(tame(&line.name)), number: Some(left), ..Subject::default() },
    }
}

fn advice(reason: Reason) -> Option<Words> {
    Some(Words::new(reason.action_zh()?, reason.action()?))
}

/// `None`: nobody has looked lately.
fn failing_parts(health: &HealthMonitor) -> Option<BTreeSet<&'static str>> {
    let services = health.report(clock::now()).0.services;
    // The database is told of by other means: no row can be written.
    let failing = services.iter().filter(|(part, state)| **part != "database" && **state == PartState::Failing);
    let has_looked = services.values().any(|state| *state == PartState::Ok);
    has_looked.then(|| failing.map(|(part, _)| *part).collect())
}

fn system(administrators: &[UserId], live: &[Row], failing: &BTreeSet<&'static str>, changes: &mut Changes) {
    let lasts = |row: &&Row| row.event == Event::System && row.ended_at.is_none();
    for admin in administrators {
        for part in failing {
            let key = format!("system:{part}");
            if !live.iter().filter(lasts).any(|row| row.owner == *admin && row.key == key) {
                changes.open.push(system_trouble(*admin, part, key));
            }
        }
    }
    for row in live.iter().filter(lasts) {
        let part = row.key.strip_prefix("system:").unwrap_or_default();
        if part_trouble(part).is_some() && !failing.contains(part) {
            changes.end.push((row.owner, row.key.clone()));
        }
    }
}

fn system_trouble(owner: UserId, part: &str, key: String) -> Opening {
    let why = part_trouble(part).map(|(zh, en)| Words::new(zh, en));
    Opening {
        owner,
        account: None,
        buyer: None,
        event: Event::System,
        severity: if part == "figures" { Severity::Info } else { Event::System.severity() },
        key,
        subject: Subject { what: Some(part.to_owned()), why, ..Subject::default() },
    }
}

/// `None`: it is none of the server's parts.
fn part_trouble(part: &str) -> Option<(&'static str, &'static str)> {
    Some(match part {
        "registry" => {
            ("账号管理没有响应，新的更改暂不生效。", "The registry does not answer: changes do not take effect.")
        }
        "shards" => (
            "部分账号的处理线程没有响应，买家可能得不到回复。",
            "A shard does not answer: buyers of its accounts may get no answer.",
        ),
        "backlog" => ("待发送的消息持续增加，回复会延迟。", "Unsent messages keep growing: answers are late."),
        "cpu" => ("处理器长时间繁忙。", "The processors are busy all the time."),
        "memory" => ("内存即将用尽。", "The memory is nearly used up."),
        "disk" => {
            ("磁盘空间不足，写满后将无法保存消息。", "The disk is nearly full: once it is, no message can be stored.")
        }
        "probe" => ("健康检查没有运行。", "Nobody looks at the server's health."),
        "figures" => ("无法读取本机的运行数据。", "The machine does not tell its figures."),
        _ => return None,
    })
}

/// What newly waits for a person.
async fn people(store: &Store, settled: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let read = move |conn: &mut DbConn| {
        let from = Cursor::Person.find(conn)?;
        let found = match from {
            Some(from) if from < settled => sources::for_a_person(conn, from, settled)?,
            // The first time: what was before is history.
            Some(_) | None => Vec::new(),
        };
        Ok((from, found))
    };
    let (from, found) = store.read(read).await?;
    if from.is_some_and(|from| found.is_empty() && settled.since(from) < SPAN) {
        return Ok(());
    }
    store
        .write(move |conn| {
            for said in found {
                notices::open(conn, &about(Event::PersonNeeded, "person", said, None), now)?;
            }
            Cursor::Person.put(conn, settled)
        })
        .await
}

/// Orders that newly wait for a person, and those that still do.
async fn orders(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let found = store.read(move |conn| sources::reviews(conn, now - MOMENT, now - REMINDER)).await?;
    if found.is_empty() {
        return Ok(());
    }
    let write = move |conn: &mut DbConn| {
        for line in found {
            notices::open(conn, &order_trouble(&line, now), now)?;
            sources::mark_reviewed(conn, line.id, now)?;
        }
        Ok(())
    };
    store.write(write).await
}

/// Orders of which buyers have everything.
async fn delivered(store: &Store, settled: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let read = move |conn: &mut DbConn| {
        let from = Cursor::Delivered.find(conn)?;
        let found = match from {
            Some(from) if from < settled => sources::delivered(conn, from, settled)?,
            // The first time: what was before is history.
            Some(_) | None => (Vec::new(), settled),
        };
        Ok((from, found))
    };
    let (from, (found, to)) = store.read(read).await?;
    if from.is_some_and(|from| found.is_empty() && to.since(from) < SPAN) {
        return Ok(());
    }
    let write = move |conn: &mut DbConn| {
        found.iter().try_for_each(|line| notices::open(conn, &order_done(line), now))?;
        Cursor::Delivered.put(conn, to)
    };
    store.write(write).await
}

fn order_done(line: &DeliveredLine) -> Opening {
    Opening {
        owner: line.owner_id,
        account: Some(line.account_id),
        buyer: line.buyer_id.clone(),
        event: Event::DeliveryDone,
        severity: Event::DeliveryDone.severity(),
        key: format!("delivered:{}:{}", line.account_id, line.order_id),
        subject: Subject {
            account: Some(line.account.clone()),
            order: Some(line.order_id.to_string()),
            buyer: line.buyer_name.as_deref().map(tame),
            item: line.item_title.as_deref().map(tame).filter(|title| !title.is_empty()),
            number: Some(line.units),
            ..Subject::default()
        },
    }
}

fn order_trouble(line: &ReviewLine, now: Timestamp) -> Opening {
    let event = match line.reason {
        Waits::Uncertain => Event::DeliveryUncertain,
        _ => Event::DeliveryFailed,
    };
    let (zh, en) = line.reason.sentence();
    let hours = i64::try_from(now.since(line.opened_at).as_secs() / 3600).unwrap_or(0);
    Opening {
        owner: line.owner,
        account: Some(line.account),
        buyer: line.buyer.clone(),
        event,
        severity: event.severity(),
        key: format!("review:{}:{hours}", line.id),
        subject: Subject {
            account: Some(line.account_name.clone()),
            order: Some(line.order.to_string()),
            what: line.detail.as_deref().map(tame),
            why: Some(Words::new(zh, en)),
            ..Subject::default()
        },
    }
}

/// Messages along their arrival.
async fn messages(
    store: &Store,
    cursor: Cursor,
    to: Timestamp,
    now: Timestamp,
    waited: Duration,
) -> Result<(), StoreError> {
    let event = if cursor == Cursor::Unanswered { Event::Unanswered } else { Event::NewMessage };
    for _ in 0..STRETCHES {
        let read = move |conn: &mut DbConn| match cursor.find(conn)? {
            // The first time: what was before is history.
            None => Ok((None, (Vec::new(), to))),
            Some(from) if from >= to => Ok((Some(to), (Vec::new(), to))),
            Some(from) => Ok((Some(from), sources::said(conn, event, from, to)?)),
        };
        let (from, (found, reached)) = store.read(read).await?;
        let is_end = reached == to;
        if from.is_some_and(|from| found.is_empty() && is_end && reached.since(from) < SPAN) {
            return Ok(());
        }
        let minutes = (event == Event::Unanswered).then(|| i64::try_from(waited.as_secs() / 60).unwrap_or(i64::MAX));
        let kind = event.as_str();
        let write = move |conn: &mut DbConn| {
            for said in found {
                notices::open(conn, &about(event, kind, said, minutes), now)?;
            }
            cursor.put(conn, reached)
        };
        store.write(write).await?;
        if is_end {
            return Ok(());
        }
    }
    Ok(())
}

fn about(event: Event, kind: &str, said: Said, number: Option<i64>) -> Opening {
    let subject = Subject {
        account: Some(said.account),
        conversation: Some(said.conversation_id.as_str().to_owned()),
        buyer: said.sender_name.as_deref().map(tame),
        said: Some(tame(&said.text)),
        item: said.item_title.as_deref().map(tame),
        number,
        ..Subject::default()
    };
    Opening {
        owner: said.owner_id,
        account: Some(said.account_id),
        buyer: Some(said.sender_id),
        event,
        severity: event.severity(),
        key: format!("{kind}:{}:{}", said.account_id, said.conversation_id),
        subject,
    }
}
