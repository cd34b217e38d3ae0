//! Where owners want to be told, and of what. What a channel needs is sealed: it holds keys to other services.

use diesel::prelude::*;

use super::{
    DbConn, Keys, Scope, Sealed,
    connection::per_backend,
    schema::{notify_channels as channels, notify_deliveries, notify_subscriptions as subscriptions},
};
use crate::{
    ids::{ChannelId, Timestamp, UserId},
    notify::{
        channel::{Config, Kind},
        event::{Event, Language, Severity},
    },
};

/// So many channels an owner may have.
pub const MOST: i64 = 50;

/// A channel as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = channels)]
pub struct Channel {
    pub id: ChannelId,
    #[diesel(column_name = owner_id)]
    pub owner: UserId,
    pub name: String,
    pub kind: Kind,
    pub config: Sealed,
    pub enabled: bool,
    pub language: Language,
    /// As [`QuietHours`](crate::notify::quiet::QuietHours) reads it.
    pub quiet_hours: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A channel to be, or what becomes of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChannel {
    pub name: String,
    pub config: Config,
    pub enabled: bool,
    pub language: Language,
    pub quiet_hours: Option<String>,
}

/// Which event a channel hears of, and from which severity on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = subscriptions)]
pub struct Subscription {
    #[diesel(column_name = channel_id)]
    pub channel: ChannelId,
    pub event: Event,
    pub min_severity: Severity,
}

/// Why a channel was not saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSaved {
    NotFound,
    /// Channels belong to the whole owner: who sees only some accounts changes none.
    Forbidden,
    NameTaken,
    TooMany,
}

impl Channel {
    /// What it needs, in the open. An error: it was sealed by another key, or written by another version.
    pub fn open(&self, keys: &Keys) -> Result<Config, String> {
        let text = keys.open(&place(self.owner), &self.config).map_err(|error| error.to_string())?;
        Config::parse(self.kind, text.expose()).map_err(|fault| fault.to_string())
    }
}

fn place(owner: UserId) -> String {
    format!("notify_channels.config:{owner}")
}

/// By name; nothing for who sees only some accounts.
pub fn list(conn: &mut DbConn, scope: &Scope) -> QueryResult<Vec<Channel>> {
    if !scope.is_whole() {
        return Ok(Vec::new());
    }
    channels::table
        .filter(channels::owner_id.eq(scope.user()))
        .order((channels::name, channels::id))
        .select(Channel::as_select())
        .load(conn)
}

/// `NotFound` also where it is somebody else's, or the scope sees only some accounts.
pub fn get(conn: &mut DbConn, scope: &Scope, id: ChannelId) -> QueryResult<Channel> {
    if !scope.is_whole() {
        return Err(diesel::result::Error::NotFound);
    }
    channels::table.find(id).filter(channels::owner_id.eq(scope.user())).select(Channel::as_select()).get_result(conn)
}

/// For the engine.
pub fn find_for_engine(conn: &mut DbConn, id: ChannelId) -> QueryResult<Option<Channel>> {
    channels::table.find(id).select(Channel::as_select()).get_result(conn).optional()
}

/// A new channel, which hears of what is usual from warnings on.
pub fn insert(
    conn: &mut DbConn,
    keys: &Keys,
    scope: &Scope,
    new: &NewChannel,
    now: Timestamp,
) -> QueryResult<Result<ChannelId, NotSaved>> {
    if !scope.is_whole() {
        return Ok(Err(NotSaved::Forbidden));
    }
    let present = list(conn, scope)?;
    if present.iter().any(|channel| channel.name == new.name) {
        return Ok(Err(NotSaved::NameTaken));
    }
    if present.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
        return Ok(Err(NotSaved::TooMany));
    }
    let owner = scope.user();
    let id: ChannelId = per_backend!(&mut *conn, conn => diesel::insert_into(channels::table)
        .values((
            channels::owner_id.eq(owner),
            channels::name.eq(&new.name),
            channels::kind.eq(new.config.kind()),
            channels::config.eq(keys.seal(&place(owner), new.config.write())),
            channels::enabled.eq(new.enabled),
            channels::language.eq(new.language),
            channels::quiet_hours.eq(new.quiet_hours.as_deref()),
            channels::created_at.eq(now),
            channels::updated_at.eq(now),
        ))
        .returning(channels::id)
        .get_result(conn))?;
    for event in Event::ALL.iter().copied().filter(|event| event.is_usual()) {
        subscribe(conn, Subscription { channel: id, event, min_severity: Severity::Warning })?;
    }
    Ok(Ok(id))
}

/// The kind of a channel stays.
pub fn replace(
    conn: &mut DbConn,
    keys: &Keys,
    scope: &Scope,
    id: ChannelId,
    new: &NewChannel,
    now: Timestamp,
) -> QueryResult<Result<(), NotSaved>> {
    let Some(old) = get(conn, scope, id).optional()? else { return Ok(Err(NotSaved::NotFound)) };
    if list(conn, scope)?.iter().any(|channel| channel.id != id && channel.name == new.name) {
        return Ok(Err(NotSaved::NameTaken));
    }
    diesel::update(channels::table.find(id))
        .set((
            channels::name.eq(&new.name),
            channels::config.eq(keys.seal(&place(old.owner), new.config.write())),
            channels::enabled.eq(new.enabled),
            channels::language.eq(new.language),
            channels::quiet_hours.eq(new.quiet_hours.as_deref()),
            channels::updated_at.eq(now),
        ))
        .execute(conn)?;
    if !new.enabled {
        diesel::update(notify_deliveries::table)
            .filter(notify_deliveries::channel_id.eq(id).and(notify_deliveries::state.eq("queued")))
            .set((notify_deliveries::state.eq("dead"), notify_deliveries::error.eq("the channel was disabled")))
            .execute(conn)?;
    }
    Ok(Ok(()))
}

/// Takes what waits for it along. `false`: there is no such channel.
pub fn delete(conn: &mut DbConn, scope: &Scope, id: ChannelId) -> QueryResult<bool> {
    if get(conn, scope, id).optional()?.is_none() {
        return Ok(false);
    }
    diesel::delete(channels::table.find(id)).execute(conn).map(|rows| rows == 1)
}

fn subscribe(conn: &mut DbConn, new: Subscription) -> QueryResult<()> {
    diesel::insert_into(subscriptions::table).values(new).execute(conn).map(drop)
}

/// By channel and event.
pub fn subscriptions(conn: &mut DbConn, scope: &Scope) -> QueryResult<Vec<Subscription>> {
    let own = list(conn, scope)?.into_iter().map(|channel| channel.id).collect::<Vec<_>>();
    subscriptions::table
        .filter(subscriptions::channel_id.eq_any(own))
        .order((subscriptions::channel_id, subscriptions::event))
        .select(Subscription::as_select())
        .load(conn)
}

/// The whole table of an owner anew. `Err` names a channel that is not the owner's; then nothing was changed.
pub fn set_subscriptions(
    conn: &mut DbConn,
    scope: &Scope,
    wanted: &[Subscription],
) -> QueryResult<Result<(), ChannelId>> {
    let own: Vec<ChannelId> = list(conn, scope)?.into_iter().map(|channel| channel.id).collect();
    if let Some(foreign) = wanted.iter().find(|wanted| !own.contains(&wanted.channel)) {
        return Ok(Err(foreign.channel));
    }
    diesel::delete(subscriptions::table.filter(subscriptions::channel_id.eq_any(own))).execute(conn)?;
    for new in wanted {
        subscribe(conn, *new)?;
    }
    Ok(Ok(()))
}

/// For the engine: the channels of an owner that hear of this event at this severity.
pub fn listening(conn: &mut DbConn, owner: UserId, event: Event, severity: Severity) -> QueryResult<Vec<Channel>> {
    let rows: Vec<(Channel, Severity)> = channels::table
        .inner_join(subscriptions::table)
        .filter(channels::owner_id.eq(owner).and(channels::enabled).and(subscriptions::event.eq(event)))
        .order(channels::id)
        .select((Channel::as_select(), subscriptions::min_severity))
        .load(conn)?;
    Ok(rows.into_iter().filter(|(_, least)| severity >= *least).map(|(channel, _)| channel).collect())
}
