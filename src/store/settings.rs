//! What an administrator sets while the system runs. Values are JSON; secrets are sealed and never read back to anybody.

use diesel::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::{
    DbConn, Sealed,
    connection::per_backend,
    revisions::{self, Topic},
    schema::settings,
};
use crate::ids::Timestamp;

/// The place a secret setting is sealed for.
pub fn place(key: &str) -> String {
    format!("settings.sealed:{key}")
}

/// `None`: never set, or set by a version that meant something else by it.
pub fn find<T: DeserializeOwned>(conn: &mut DbConn, key: &str) -> QueryResult<Option<T>> {
    let value: Option<Option<String>> =
        settings::table.find(key).select(settings::value).get_result(conn).optional()?;
    Ok(value.flatten().and_then(|text| serde_json::from_str(&text).ok()))
}

pub fn find_sealed(conn: &mut DbConn, key: &str) -> QueryResult<Option<(Sealed, Timestamp)>> {
    let row: Option<(Option<Sealed>, Timestamp)> =
        settings::table.find(key).select((settings::sealed, settings::updated_at)).get_result(conn).optional()?;
    Ok(row.and_then(|(sealed, at)| Some((sealed?, at))))
}

pub fn put<T: Serialize>(conn: &mut DbConn, key: &str, value: &T, now: Timestamp) -> QueryResult<()> {
    let text = serde_json::to_string(value).map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    save(conn, key, Some(&text), None, now)
}

/// `None` removes it.
pub fn put_sealed(conn: &mut DbConn, key: &str, sealed: Option<&Sealed>, now: Timestamp) -> QueryResult<()> {
    save(conn, key, None, sealed, now)
}

fn save(conn: &mut DbConn, key: &str, value: Option<&str>, sealed: Option<&Sealed>, now: Timestamp) -> QueryResult<()> {
    per_backend!(&mut *conn, conn => diesel::insert_into(settings::table)
        .values((
            settings::key.eq(key),
            settings::value.eq(value),
            settings::sealed.eq(sealed),
            settings::updated_at.eq(now),
        ))
        .on_conflict(settings::key)
        .do_update()
        .set((settings::value.eq(value), settings::sealed.eq(sealed), settings::updated_at.eq(now)))
        .execute(conn))?;
    revisions::bump(conn, Topic::Settings)
}

/// For how many days each kind of data is kept; what is older is removed at night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Retention {
    #[schema(minimum = 1, maximum = 3650)]
    pub messages_days: u16,
    #[schema(minimum = 1, maximum = 3650)]
    pub decisions_days: u16,
    /// Files of the log; the server's own setting `log.keep_days` may remove them sooner.
    #[schema(minimum = 1, maximum = 3650)]
    pub logs_days: u16,
    /// Notices that are over, with what was told of them.
    #[schema(minimum = 1, maximum = 3650)]
    pub notices_days: u16,
    /// How often rules were used, day by day.
    #[schema(minimum = 1, maximum = 3650)]
    pub figures_days: u16,
}

impl Retention {
    /// In days.
    pub const SHORTEST: u16 = 1;
    /// In days: ten years.
    pub const LONGEST: u16 = 3650;
    /// In days, where nobody chose.
    pub const USUAL: u16 = 180;
    /// In days: small, and a year is to be compared with the one before.
    pub const USUAL_OF_FIGURES: u16 = 400;
    const KEY: &str = "retention";

    /// What is in force.
    pub fn load(conn: &mut DbConn) -> QueryResult<Self> {
        find(conn, Self::KEY).map(Option::unwrap_or_default)
    }

    pub fn save(&self, conn: &mut DbConn, now: Timestamp) -> QueryResult<()> {
        put(conn, Self::KEY, self, now)
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            messages_days: Self::USUAL,
            decisions_days: Self::USUAL,
            logs_days: Self::USUAL,
            notices_days: Self::USUAL,
            figures_days: Self::USUAL_OF_FIGURES,
        }
    }
}

/// Whether strangers may make themselves a user. Off until somebody turns it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Registration {
    pub enabled: bool,
}

impl Registration {
    const KEY: &str = "registration";

    pub fn load(conn: &mut DbConn) -> QueryResult<Self> {
        find(conn, Self::KEY).map(Option::unwrap_or_default)
    }

    pub fn save(&self, conn: &mut DbConn, now: Timestamp) -> QueryResult<()> {
        put(conn, Self::KEY, self, now)
    }
}
