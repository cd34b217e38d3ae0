//! The queue of messages to channels: a row before it is a request.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool},
};

use super::{
    DbConn, Scope,
    connection::per_backend,
    notices::{self, Row as Notice},
    schema::{notices as notice_rows, notify_channels, notify_deliveries as deliveries},
};
use crate::{
    ids::{ChannelId, NoticeDeliveryId, NoticeId, Timestamp, UserId},
    notify::notice::Phase,
};

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Queued,
    Sent,
    /// It was tried often enough, or must be changed first. A person may have it tried anew.
    Dead,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "queued" => Ok(Self::Queued),
            "sent" => Ok(Self::Sent),
            "dead" => Ok(Self::Dead),
            other => Err(format!("unknown state {other:?}")),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub struct Delivery {
    pub id: NoticeDeliveryId,
    #[diesel(column_name = notice_id)]
    pub notice: NoticeId,
    #[diesel(column_name = channel_id)]
    pub channel: ChannelId,
    pub phase: Phase,
    /// Stays the same however often it is tried.
    pub uid: String,
    /// It waited for the end of quiet hours.
    pub digest: bool,
    pub state: State,
    pub attempts: i64,
    pub next_at: Timestamp,
    pub error: Option<String>,
    pub created_at: Timestamp,
    pub sent_at: Option<Timestamp>,
}

/// For the engine. `wait`: the end of quiet hours. What is queued for a notice's phase already stays.
pub fn queue(
    conn: &mut DbConn,
    notice: NoticeId,
    channel: ChannelId,
    phase: Phase,
    wait: Option<Timestamp>,
    now: Timestamp,
) -> QueryResult<()> {
    let uid = format!("{:032x}", rand::random::<u128>());
    per_backend!(conn, conn => diesel::insert_into(deliveries::table)
        .values((
            deliveries::notice_id.eq(notice),
            deliveries::channel_id.eq(channel),
            deliveries::phase.eq(phase),
            deliveries::uid.eq(&uid),
            deliveries::digest.eq(wait.is_some()),
            deliveries::state.eq(State::Queued),
            deliveries::attempts.eq(0_i64),
            deliveries::next_at.eq(wait.unwrap_or(now)),
            deliveries::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(conn))
    .map(drop)
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = BigInt)]
    channel_id: ChannelId,
    #[diesel(sql_type = BigInt)]
    owner_id: UserId,
}

/// For the engine: the channels for which something waits and whose they are, the one that has waited longest first.
pub fn waiting_channels(conn: &mut DbConn, now: Timestamp) -> QueryResult<Vec<(ChannelId, UserId)>> {
    const SQL: &str = "SELECT d.channel_id, c.owner_id FROM notify_deliveries d JOIN notify_channels c ON c.id = d.channel_id \
         WHERE d.state = 'queued' AND d.next_at <= $1 GROUP BY d.channel_id, c.owner_id ORDER BY min(d.next_at), d.channel_id";
    let rows: Vec<Waiting> = per_backend!(conn, conn => diesel::sql_query(SQL).bind::<BigInt, _>(now).load(conn))?;
    Ok(rows.into_iter().map(|row| (row.channel_id, row.owner_id)).collect())
}

/// For the engine: what waits for a channel, oldest first, with what it is about.
pub fn waiting(
    conn: &mut DbConn,
    channel: ChannelId,
    now: Timestamp,
    limit: i64,
) -> QueryResult<Vec<(Delivery, Notice)>> {
    deliveries::table
        .inner_join(notice_rows::table)
        .filter(deliveries::channel_id.eq(channel).and(deliveries::next_at.le(now)))
        .filter(diesel::dsl::sql::<Bool>("state = 'queued'"))
        .order(deliveries::id)
        .limit(limit)
        .select((Delivery::as_select(), Notice::as_select()))
        .load(conn)
}

/// For the engine.
pub fn mark_sent(conn: &mut DbConn, ids: &[NoticeDeliveryId], now: Timestamp) -> QueryResult<()> {
    diesel::update(deliveries::table.filter(deliveries::id.eq_any(ids)))
        .set((
            deliveries::state.eq(State::Sent),
            deliveries::attempts.eq(deliveries::attempts + 1),
            deliveries::error.eq(None::<String>),
            deliveries::sent_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

/// For the engine: an attempt failed. `next`: when it is tried again; `None`: never by itself.
pub fn mark_failed(
    conn: &mut DbConn,
    ids: &[NoticeDeliveryId],
    error: &str,
    next: Option<Timestamp>,
) -> QueryResult<()> {
    let state = if next.is_some() { State::Queued } else { State::Dead };
    for id in ids {
        diesel::update(deliveries::table.find(id).filter(deliveries::state.eq(State::Queued)))
            .set((
                deliveries::state.eq(state),
                deliveries::attempts.eq(deliveries::attempts + 1),
                deliveries::error.eq(super::column::without_nul(error)),
                next.map(|next| deliveries::next_at.eq(next)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Those of one notice, oldest first, each with its channel's name. `NotFound` where the notice is somebody else's.
pub fn list(conn: &mut DbConn, scope: &Scope, notice: NoticeId) -> QueryResult<Vec<(Delivery, String)>> {
    notices::get(conn, scope, notice)?;
    deliveries::table
        .inner_join(notify_channels::table)
        .filter(deliveries::notice_id.eq(notice))
        .order(deliveries::id)
        .select((Delivery::as_select(), notify_channels::name))
        .load(conn)
}

/// As [`list`], for several notices at once; nothing where one is somebody else's.
pub fn list_of_each(conn: &mut DbConn, scope: &Scope, ids: &[NoticeId]) -> QueryResult<Vec<(Delivery, String)>> {
    let own = notices::visible_among(conn, scope, ids)?;
    deliveries::table
        .inner_join(notify_channels::table)
        .filter(deliveries::notice_id.eq_any(own))
        .order(deliveries::id)
        .select((Delivery::as_select(), notify_channels::name))
        .load(conn)
}

/// `NotFound` also where its notice is somebody else's.
pub fn get(conn: &mut DbConn, scope: &Scope, id: NoticeDeliveryId) -> QueryResult<(Delivery, String)> {
    let found: (Delivery, String) = deliveries::table
        .find(id)
        .inner_join(notify_channels::table)
        .select((Delivery::as_select(), notify_channels::name))
        .get_result(conn)?;
    notices::get(conn, scope, found.0.notice)?;
    Ok(found)
}

/// Queues a dead delivery anew. `false`: it is not dead. `NotFound` as for [`get`].
pub fn revive(conn: &mut DbConn, scope: &Scope, id: NoticeDeliveryId, now: Timestamp) -> QueryResult<bool> {
    get(conn, scope, id)?;
    let rows = diesel::update(deliveries::table.find(id).filter(deliveries::state.eq(State::Dead)))
        .set((deliveries::state.eq(State::Queued), deliveries::attempts.eq(0_i64), deliveries::next_at.eq(now)))
        .execute(conn)?;
    Ok(rows == 1)
}

/// What waits for its time need not wait any longer.
#[cfg(test)]
pub(crate) fn hurry(conn: &mut DbConn, channel: ChannelId) -> QueryResult<()> {
    diesel::update(deliveries::table.filter(deliveries::channel_id.eq(channel)))
        .set(deliveries::next_at.eq(Timestamp(0)))
        .execute(conn)
        .map(drop)
}
