//! How one account is answered, where it differs from what holds for all.

use std::{collections::HashMap, sync::Arc, time::Duration};

use diesel::prelude::*;
use serde::Serialize;

use super::{
    DbConn, Keys, Scope, Sealed,
    accounts::{self, Account, own},
    connection::per_backend,
    revisions::{self, Topic},
    schema::answer_settings,
    settings,
};
use crate::{
    ai::settings::{AiChoices, ApiKey},
    hook::request::HookSettings,
    ids::{AccountId, Timestamp},
    reply::{messages::AnswerSettings, source::Sources},
};

/// What is set for an account. Where no row is, nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRow {
    pub sources: Sources,
    /// What is chosen for the AI.
    pub ai: AiChoices,
    pub ai_key: Option<Sealed>,
    /// Where the seller's own program is.
    pub hook_url: Option<String>,
    pub hook_secret: Option<Sealed>,
    pub updated_at: Timestamp,
}

impl Default for AnswerRow {
    fn default() -> Self {
        Self {
            sources: Sources::default(),
            ai: AiChoices::default(),
            ai_key: None,
            hook_url: None,
            hook_secret: None,
            updated_at: Timestamp(0),
        }
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = answer_settings, treat_none_as_null = true, treat_none_as_default_value = false)]
struct Stored {
    account_id: AccountId,
    sources_off: String,
    ai: String,
    ai_key: Option<Sealed>,
    hook: Option<String>,
    hook_secret: Option<Sealed>,
    updated_at: Timestamp,
}

impl From<Stored> for AnswerRow {
    /// What a newer version wrote and this one cannot read counts as not set.
    fn from(row: Stored) -> Self {
        Self {
            sources: serde_json::from_str(&row.sources_off).unwrap_or_default(),
            ai: serde_json::from_str(&row.ai).unwrap_or_default(),
            ai_key: row.ai_key,
            hook_url: row.hook,
            hook_secret: row.hook_secret,
            updated_at: row.updated_at,
        }
    }
}

/// The place an account's key for the AI is sealed for.
pub fn ai_key_place(account: AccountId) -> String {
    format!("answer_settings.ai_key:{account}")
}

/// The place the secret of an account's own program is sealed for.
pub fn hook_secret_place(account: AccountId) -> String {
    format!("answer_settings.hook_secret:{account}")
}

/// What is set for an account; `NotFound` also where it belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, account: AccountId) -> QueryResult<AnswerRow> {
    accounts::get(conn, scope, account)?;
    let row: Option<Stored> = answer_settings::table
        .find(account)
        .filter(answer_settings::account_id.eq_any(own!(scope)))
        .select(Stored::as_select())
        .get_result(conn)
        .optional()?;
    Ok(row.map(AnswerRow::from).unwrap_or_default())
}

/// Sets all of it; `NotFound` also where the account belongs to somebody else.
pub fn put(conn: &mut DbConn, scope: &Scope, account: AccountId, row: &AnswerRow, now: Timestamp) -> QueryResult<()> {
    accounts::get(conn, scope, account)?;
    let stored = Stored {
        account_id: account,
        sources_off: to_text(&row.sources)?,
        ai: to_text(&row.ai)?,
        ai_key: row.ai_key.clone(),
        hook: row.hook_url.clone(),
        hook_secret: row.hook_secret.clone(),
        updated_at: now,
    };
    per_backend!(&mut *conn, conn => diesel::insert_into(answer_settings::table)
        .values(&stored)
        .on_conflict(answer_settings::account_id)
        .do_update()
        .set(&stored)
        .execute(conn))?;
    revisions::bump(conn, Topic::Rules)
}

fn to_text(value: &impl Serialize) -> QueryResult<String> {
    serde_json::to_string(value).map_err(|error| diesel::result::Error::SerializationError(error.into()))
}

/// For the engine: how each of these accounts is answered besides rules.
pub fn in_force(
    conn: &mut DbConn,
    keys: &Keys,
    accounts: &[Account],
) -> QueryResult<HashMap<AccountId, AnswerSettings>> {
    let (system, system_key) = system_ai(conn)?;
    let system_key = open_system_key(keys, system_key.as_ref());
    let rows: Vec<Stored> = answer_settings::table.select(Stored::as_select()).load(conn)?;
    let mut rows: HashMap<AccountId, AnswerRow> = rows.into_iter().map(|row| (row.account_id, row.into())).collect();
    let settings = accounts.iter().map(|account| {
        let row = rows.remove(&account.id).unwrap_or_default();
        (account.id, row.in_force(keys, account.id, &system, system_key.as_ref()))
    });
    Ok(settings.collect())
}

impl AnswerRow {
    /// With what is inherited.
    pub fn in_force(
        &self,
        keys: &Keys,
        account: AccountId,
        system: &AiChoices,
        system_key: Option<&ApiKey>,
    ) -> AnswerSettings {
        let own_key = open(keys, self.ai_key.as_ref(), &ai_key_place(account)).map(ApiKey);
        let secret = open(keys, self.hook_secret.as_ref(), &hook_secret_place(account)).unwrap_or_default();
        let hook = self.hook_url.clone().map(|url| Arc::new(HookSettings { url, secret }));
        let ai = self.ai.clone().resolve(own_key, system, system_key).map(Arc::new);
        AnswerSettings { sources: self.sources, hook, ai }
    }
}

/// The key of the system's provider.
pub(super) fn open_system_key(keys: &Keys, sealed: Option<&Sealed>) -> Option<ApiKey> {
    open(keys, sealed, &settings::place(SYSTEM_KEY)).map(ApiKey)
}

/// The words that the accounts of a scope must not say.
pub fn forbidden(conn: &mut DbConn, scope: &Scope) -> QueryResult<HashMap<AccountId, Vec<String>>> {
    let (system, _) = system_ai(conn)?;
    let rows: Vec<Stored> = answer_settings::table
        .filter(answer_settings::account_id.eq_any(own!(scope)))
        .select(Stored::as_select())
        .load(conn)?;
    let chosen: HashMap<AccountId, AnswerRow> = rows.into_iter().map(|row| (row.account_id, row.into())).collect();
    let accounts = accounts::list_ids(conn, scope)?.into_iter();
    let words =
        |row: Option<&AnswerRow>| row.and_then(|row| row.ai.forbidden.clone()).or_else(|| system.forbidden.clone());
    Ok(accounts.map(|id| (id, words(chosen.get(&id)).unwrap_or_default())).collect())
}

/// The setting that is what all accounts inherit for the AI.
const SYSTEM: &str = "ai";

/// The setting that is the key of the system's provider.
pub const SYSTEM_KEY: &str = "ai.key";

/// What all accounts inherit for the AI, and the key of the provider.
pub fn system_ai(conn: &mut DbConn) -> QueryResult<(AiChoices, Option<Sealed>)> {
    let choices = settings::find(conn, SYSTEM)?.unwrap_or_default();
    let key = settings::find_sealed(conn, SYSTEM_KEY)?;
    Ok((choices, key.map(|(key, _)| key)))
}

/// A deal of this account in which the price was not spoken of for so long is over. `NotFound` also where it belongs to somebody else.
pub fn deal_ends_after(conn: &mut DbConn, scope: &Scope, account: AccountId) -> QueryResult<Duration> {
    let own = get(conn, scope, account)?.ai;
    let (system, _) = system_ai(conn)?;
    Ok(own.over(&system).deal_ends_after())
}

/// Sets what all accounts inherit, but for the key: see [`settings::put_sealed`].
pub fn put_system_ai(conn: &mut DbConn, choices: &AiChoices, now: Timestamp) -> QueryResult<()> {
    settings::put(conn, SYSTEM, choices, now)
}

/// A secret that cannot be opened counts as none: it was sealed with another key, and an answer must not wait for that.
fn open(keys: &Keys, sealed: Option<&Sealed>, place: &str) -> Option<String> {
    keys.open(place, sealed?).ok().map(|secret| secret.expose().to_owned())
}
