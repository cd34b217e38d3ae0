//! Every write a person made: who, what, from where. Append-only: the database itself refuses to change or delete a line.

use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::{DbConn, Page, Scope, column::without_nul, schema::audit};
use crate::ids::{Timestamp, UserId};

/// By which door somebody came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Via {
    Session,
    Token,
    /// Nobody was signed in yet: a login, a registration, the first set-up.
    Door,
    Cli,
    /// The program itself.
    System,
}

impl Via {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::Door => "door",
            Self::Cli => "cli",
            Self::System => "system",
        }
    }
}

/// Who does it, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub id: Option<UserId>,
    pub name: String,
    pub via: Via,
    pub address: Option<String>,
    pub request: Option<String>,
}

impl Actor {
    /// Somebody at the command line of this machine.
    pub fn cli() -> Self {
        Self { id: None, name: "cli".to_owned(), via: Via::Cli, address: None, request: None }
    }

    /// The program, on its own account.
    pub fn system() -> Self {
        Self { name: "system".to_owned(), via: Via::System, ..Self::cli() }
    }
}

/// What was done to what. `before` and `after` never hold secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// Stable: `account.update`.
    action: &'static str,
    object_type: &'static str,
    object_id: String,
    /// The tenant it concerns; `None`: the system.
    owner: Option<UserId>,
    before: Option<Value>,
    after: Option<Value>,
}

impl Deed {
    /// `action` is `TYPE.VERB`.
    pub fn new(action: &'static str, object_id: impl ToString) -> Self {
        let object_type = action.split('.').next().unwrap_or(action);
        Self { action, object_type, object_id: object_id.to_string(), owner: None, before: None, after: None }
    }

    pub fn of(self, owner: UserId) -> Self {
        Self { owner: Some(owner), ..self }
    }

    pub fn before(self, state: impl Serialize) -> Self {
        Self { before: serde_json::to_value(state).ok(), ..self }
    }

    pub fn after(self, state: impl Serialize) -> Self {
        Self { after: serde_json::to_value(state).ok(), ..self }
    }
}

/// Belongs into the transaction of the write it tells of.
pub fn record(conn: &mut DbConn, actor: &Actor, deed: &Deed, now: Timestamp) -> QueryResult<()> {
    let text = |state: &Option<Value>| state.as_ref().map(|state| without_nul(&state.to_string()).into_owned());
    diesel::insert_into(audit::table)
        .values((
            audit::at.eq(now),
            audit::actor_id.eq(actor.id),
            audit::actor.eq(&actor.name),
            audit::via.eq(actor.via.as_str()),
            audit::address.eq(&actor.address),
            audit::request_id.eq(&actor.request),
            audit::owner_id.eq(deed.owner),
            audit::action.eq(deed.action),
            audit::object_type.eq(deed.object_type),
            audit::object_id.eq(&deed.object_id),
            audit::before.eq(text(&deed.before)),
            audit::after.eq(text(&deed.after)),
        ))
        .execute(conn)
        .map(drop)
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit)]
pub struct AuditRow {
    pub id: i64,
    pub at: Timestamp,
    pub actor_id: Option<UserId>,
    pub actor: String,
    pub via: String,
    pub address: Option<String>,
    pub request_id: Option<String>,
    #[diesel(column_name = owner_id)]
    pub owner: Option<UserId>,
    pub action: String,
    pub object_type: String,
    pub object_id: String,
    /// JSON.
    pub before: Option<String>,
    /// JSON.
    pub after: Option<String>,
}

/// Which lines are wanted; `None` is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Lines of this tenant only. An administrator leaves it open.
    pub owner: Option<UserId>,
    pub actor: Option<UserId>,
    pub action: Option<String>,
    pub object_type: Option<String>,
    pub object_id: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Filter {
    /// What the tenant may see: its own lines.
    pub fn of(scope: &Scope) -> Self {
        Self { owner: Some(scope.user()), ..Self::default() }
    }
}

/// Newest first, and how many there are.
pub fn list(conn: &mut DbConn, filter: &Filter, page: Page) -> QueryResult<(Vec<AuditRow>, i64)> {
    macro_rules! wanted {
        () => {{
            let mut query = audit::table.into_boxed();
            if let Some(owner) = filter.owner {
                query = query.filter(audit::owner_id.eq(owner));
            }
            if let Some(actor) = filter.actor {
                query = query.filter(audit::actor_id.eq(actor));
            }
            if let Some(action) = &filter.action {
                query = query.filter(audit::action.eq(action));
            }
            if let Some(object_type) = &filter.object_type {
                query = query.filter(audit::object_type.eq(object_type));
            }
            if let Some(object_id) = &filter.object_id {
                query = query.filter(audit::object_id.eq(object_id));
            }
            if let Some(since) = filter.since {
                query = query.filter(audit::at.ge(since));
            }
            if let Some(until) = filter.until {
                query = query.filter(audit::at.lt(until));
            }
            query
        }};
    }
    let total = wanted!().count().get_result(conn)?;
    let rows = wanted!()
        .order(audit::id.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(AuditRow::as_select())
        .load(conn)?;
    Ok((rows, total))
}
