//! What sellers and administrators are told. The same trouble is one row, with a count, until it is over and told.
//!
//! [`open`] and [`end`] are for everybody who has something to tell, inside whatever transaction it happens in: one statement each, and
//! nobody is waited for. Who hears of it, when and how often is found out later, from the rows.

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

use super::{
    DbConn, Page, Scope, accounts::own, column::without_nul, connection::per_backend, notify_channels,
    notify_deliveries, schema::notices,
};
use crate::{
    ids::{AccountId, BuyerId, NoticeId, Timestamp, UserId},
    notify::{
        event::{Event, Severity},
        notice::{Phase, Subject, Told},
        quiet::QuietHours,
        throttle::{Progress, Stage, Step},
    },
};

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    pub owner: UserId,
    /// `None`: it is about no single account.
    pub account: Option<AccountId>,
    /// Whose words or name it holds: erased together with that buyer.
    pub buyer: Option<BuyerId>,
    pub event: Event,
    pub severity: Severity,
    /// What makes two of an owner's troubles the same, such as `stock:17`. The event need not be in it, but be careful to keep different
    /// things apart.
    pub key: String,
    pub subject: Subject,
}

/// A notice as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = notices)]
pub struct Row {
    pub id: NoticeId,
    #[diesel(column_name = owner_id)]
    pub owner: UserId,
    #[diesel(column_name = account_id)]
    pub account: Option<AccountId>,
    pub event: Event,
    pub severity: Severity,
    pub key: String,
    /// JSON.
    pub subject: String,
    pub count: i64,
    pub told: i64,
    pub stage: Stage,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub seen_at: Option<Timestamp>,
}

impl Row {
    /// A subject of another version is empty.
    pub fn subject(&self) -> Subject {
        serde_json::from_str(&self.subject).unwrap_or_default()
    }

    pub fn told(&self, phase: Phase, link: Option<String>) -> Told {
        Told {
            event: self.event,
            severity: self.severity,
            phase,
            subject: self.subject(),
            count: self.count,
            first_at: self.first_at,
            last_at: self.last_at,
            ended_at: self.ended_at,
            link,
        }
    }

    fn progress(&self, down_after: Duration) -> Progress {
        Progress {
            stage: self.stage,
            course: self.event.course(down_after),
            first_at: self.first_at,
            ended_at: self.ended_at,
            count: self.count,
            told: self.told,
        }
    }
}

/// The places are in the order of the columns: SQLite counts them as they appear.
const OPEN: &str = "INSERT INTO notices (owner_id, account_id, buyer_id, event, severity, key, subject, count, told, stage, \
     first_at, last_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 0, 'held', $8, $9) \
     ON CONFLICT (owner_id, key) WHERE stage <> 'done' DO UPDATE SET count = notices.count + 1, last_at = excluded.last_at, \
     subject = excluded.subject, severity = excluded.severity, ended_at = NULL";

/// For the engine: a new notice, or one more of a trouble that is open. What had ended a moment ago goes on.
pub fn open(conn: &mut DbConn, new: &Opening, now: Timestamp) -> QueryResult<()> {
    let subject =
        serde_json::to_string(&new.subject).map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    per_backend!(conn, conn => diesel::sql_query(OPEN)
        .bind::<BigInt, _>(new.owner)
        .bind::<Nullable<BigInt>, _>(new.account)
        .bind::<Nullable<Text>, _>(new.buyer.as_ref())
        .bind::<Text, _>(new.event)
        .bind::<Text, _>(new.severity)
        .bind::<Text, _>(without_nul(&new.key).as_ref())
        // Inside JSON a NUL is written out.
        .bind::<Text, _>(&subject)
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(now)
        .execute(conn))
    .map(drop)
}

/// For the engine: a trouble is over. `false`: it was not open.
pub fn end(conn: &mut DbConn, owner: UserId, key: &str, now: Timestamp) -> QueryResult<bool> {
    let open = notices::table.filter(notices::owner_id.eq(owner).and(notices::key.eq(key)));
    let rows = diesel::update(open)
        .filter(notices::stage.ne(Stage::Done).and(notices::ended_at.is_null()))
        .set(notices::ended_at.eq(now))
        .execute(conn)?;
    Ok(rows > 0)
}

/// For the engine: of an open notice nothing more is told, and what was not told yet is forgotten.
pub fn dismiss(conn: &mut DbConn, id: NoticeId, now: Timestamp) -> QueryResult<()> {
    diesel::delete(notices::table.find(id)).filter(notices::stage.eq(Stage::Held)).execute(conn)?;
    let ended = (notices::stage.eq(Stage::Done), notices::ended_at.eq(now));
    diesel::update(notices::table.find(id)).filter(notices::stage.ne(Stage::Done)).set(ended).execute(conn).map(drop)
}

/// [`dismiss`] of the one with this key, where one is open.
pub(super) fn dismiss_of(conn: &mut DbConn, owner: UserId, key: &str, now: Timestamp) -> QueryResult<()> {
    let open: Option<NoticeId> = notices::table
        .filter(notices::owner_id.eq(owner).and(notices::key.eq(key)).and(notices::stage.ne(Stage::Done)))
        .select(notices::id)
        .first(conn)
        .optional()?;
    open.map_or(Ok(()), |id| dismiss(conn, id, now))
}

/// For the engine: everything about which something may have to be told yet.
pub fn live(conn: &mut DbConn) -> QueryResult<Vec<Row>> {
    // The literal is that of the partial index: a parameter could not use it.
    notices::table
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("stage IN ('held', 'told')"))
        .order(notices::id)
        .select(Row::as_select())
        .load(conn)
}

/// For the engine: those of [`live`] with which something is to be done now.
pub fn due(conn: &mut DbConn, down_after: Duration, now: Timestamp) -> QueryResult<Vec<NoticeId>> {
    let due = |row: &Row| row.progress(down_after).step(now) != Step::Wait;
    Ok(live(conn)?.into_iter().filter(due).map(|row| row.id).collect())
}

/// For the engine: does what is to be done with a notice now, and queues what its channels are told.
pub fn advance(conn: &mut DbConn, id: NoticeId, down_after: Duration, now: Timestamp) -> QueryResult<()> {
    let Some(row) = notices::table.find(id).select(Row::as_select()).get_result(conn).optional()? else {
        return Ok(());
    };
    let phase = match row.progress(down_after).step(now) {
        Step::Wait => return Ok(()),
        Step::Forget => return diesel::delete(notices::table.find(id)).execute(conn).map(drop),
        Step::Close => return set_stage(conn, &row, Stage::Done),
        Step::End if !row.event.tells_its_end() => return set_stage(conn, &row, Stage::Done),
        Step::Begin => Phase::Begin,
        Step::Again => Phase::Again,
        Step::End => Phase::End,
    };
    for channel in notify_channels::listening(conn, row.owner, row.event, row.severity)? {
        let quiet = channel.quiet_hours.as_deref().and_then(|text| text.parse::<QuietHours>().ok());
        let wait = quiet.and_then(|hours| hours.end(now)).filter(|_| row.severity < Severity::Critical);
        notify_deliveries::queue(conn, row.id, channel.id, phase, wait, now)?;
    }
    set_stage(conn, &row, if phase == Phase::Begin { Stage::Told } else { Stage::Done })
}

fn set_stage(conn: &mut DbConn, row: &Row, stage: Stage) -> QueryResult<()> {
    diesel::update(notices::table.find(row.id))
        .set((notices::stage.eq(stage), notices::told.eq(row.count)))
        .execute(conn)
        .map(drop)
}

/// Which notices a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub event: Option<Event>,
    /// At least so bad.
    pub severity: Option<Severity>,
    pub account: Option<AccountId>,
    /// Whether it lasts.
    pub open: Option<bool>,
    pub seen: Option<bool>,
}

/// What a scope may see: of its accounts, and of no single account where it sees all. A macro, because only the compiler can write down
/// its type. What may turn out a blip is shown to nobody.
macro_rules! visible {
    ($scope:expr) => {{
        use diesel::IntoSql as _;
        let whole = $scope.is_whole().into_sql::<diesel::sql_types::Bool>();
        let of_none = notices::account_id.is_null().and(whole.nullable());
        notices::owner_id
            .eq($scope.user())
            .nullable()
            .and(notices::stage.ne(Stage::Held).nullable())
            .and(of_none.or(notices::account_id.eq_any(own!($scope).nullable())))
    }};
}

/// A part of the notices that fit, newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Row>, i64)> {
    let fitting = || {
        let mut query = notices::table.filter(visible!(scope)).into_boxed();
        if let Some(event) = filter.event {
            query = query.filter(notices::event.eq(event));
        }
        if let Some(least) = filter.severity {
            let bad: Vec<Severity> = Severity::ALL.iter().copied().filter(|severity| *severity >= least).collect();
            query = query.filter(notices::severity.eq_any(bad));
        }
        if let Some(account) = filter.account {
            query = query.filter(notices::account_id.eq(account));
        }
        query = match filter.open {
            None => query,
            Some(true) => query.filter(notices::stage.eq(Stage::Told).and(notices::ended_at.is_null())),
            Some(false) => query.filter(notices::stage.eq(Stage::Done).or(notices::ended_at.is_not_null())),
        };
        match filter.seen {
            None => query,
            Some(true) => query.filter(notices::seen_at.is_not_null()),
            Some(false) => query.filter(notices::seen_at.is_null()),
        }
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order(notices::id.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// `NotFound` also where it is somebody else's.
pub fn get(conn: &mut DbConn, scope: &Scope, id: NoticeId) -> QueryResult<Row> {
    notices::table.find(id).filter(visible!(scope)).select(Row::as_select()).get_result(conn)
}

/// Those of them that this scope may see.
pub(super) fn visible_among(conn: &mut DbConn, scope: &Scope, ids: &[NoticeId]) -> QueryResult<Vec<NoticeId>> {
    notices::table.filter(notices::id.eq_any(ids)).filter(visible!(scope)).select(notices::id).load(conn)
}

/// A person has seen it. Who saw it first stays.
pub fn mark_seen(conn: &mut DbConn, scope: &Scope, id: NoticeId, now: Timestamp) -> QueryResult<Row> {
    let row = get(conn, scope, id)?;
    if row.seen_at.is_some() {
        return Ok(row);
    }
    diesel::update(notices::table.find(id)).set(notices::seen_at.eq(now)).execute(conn)?;
    Ok(Row { seen_at: Some(now), ..row })
}

/// A person takes back that it was seen: it waits for somebody again.
pub fn mark_unseen(conn: &mut DbConn, scope: &Scope, id: NoticeId) -> QueryResult<Row> {
    let row = get(conn, scope, id)?;
    diesel::update(notices::table.find(id)).set(notices::seen_at.eq(None::<Timestamp>)).execute(conn)?;
    Ok(Row { seen_at: None, ..row })
}

/// For the engine: forgets what a buyer is named in.
pub fn erase_buyer(conn: &mut DbConn, accounts: &[AccountId], buyer: &BuyerId) -> QueryResult<usize> {
    diesel::delete(notices::table)
        .filter(notices::account_id.eq_any(accounts).and(notices::buyer_id.eq(buyer)))
        .execute(conn)
}
