//! How far somebody is with setting up. Whether a step is done is told by what is there; only what was left out, or leaves nothing behind,
//! is written down, for each person.

use std::collections::HashMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DbConn, Page, Scope, accounts,
    connection::per_backend,
    notify_channels,
    rules::{self, Filter},
    schema::welcome_steps,
};
use crate::ids::UserId;

/// A step of setting up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WelcomeStep)]
pub enum Step {
    /// There is an account.
    Account,
    /// There is a rule.
    Rule,
    /// An answer was tried.
    Trial,
    /// There is a channel for notices.
    Channel,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WelcomeState)]
pub enum State {
    Open,
    Done,
    /// Left out; it may still be done.
    Skipped,
}

impl Step {
    /// In the order in which they are taken.
    pub const ALL: [Self; 4] = [Self::Account, Self::Rule, Self::Trial, Self::Channel];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Rule => "rule",
            Self::Trial => "trial",
            Self::Channel => "channel",
        }
    }

    /// What is there tells of it.
    fn shows(self, conn: &mut DbConn, scope: &Scope) -> QueryResult<bool> {
        match self {
            Self::Account => Ok(!accounts::list_ids(conn, scope)?.is_empty()),
            Self::Rule => Ok(rules::page(conn, scope, &Filter::default(), Page::first(1))?.1 > 0),
            Self::Trial => Ok(false),
            Self::Channel => Ok(!notify_channels::list(conn, scope)?.is_empty()),
        }
    }
}

/// Every step, in their order.
pub fn list(conn: &mut DbConn, scope: &Scope, user: UserId) -> QueryResult<Vec<(Step, State)>> {
    let of_user = welcome_steps::table.filter(welcome_steps::user_id.eq(user));
    let rows: Vec<(String, bool)> = of_user.select((welcome_steps::step, welcome_steps::done)).load(conn)?;
    let noted: HashMap<String, bool> = rows.into_iter().collect();
    let mut state = |step: Step| -> QueryResult<State> {
        Ok(match noted.get(step.as_str()) {
            Some(true) => State::Done,
            _ if step.shows(conn, scope)? => State::Done,
            Some(false) => State::Skipped,
            None => State::Open,
        })
    };
    Step::ALL.into_iter().map(|step| Ok((step, state(step)?))).collect()
}

/// It was done.
pub fn note_done(conn: &mut DbConn, user: UserId, step: Step) -> QueryResult<()> {
    per_backend!(conn, conn => diesel::insert_into(welcome_steps::table)
        .values((welcome_steps::user_id.eq(user), welcome_steps::step.eq(step.as_str()), welcome_steps::done.eq(true)))
        .on_conflict((welcome_steps::user_id, welcome_steps::step))
        .do_update()
        .set(welcome_steps::done.eq(true))
        .execute(conn))
    .map(drop)
}

/// It is left out. What was done stays done.
pub fn skip(conn: &mut DbConn, user: UserId, step: Step) -> QueryResult<()> {
    per_backend!(conn, conn => diesel::insert_into(welcome_steps::table)
        .values((welcome_steps::user_id.eq(user), welcome_steps::step.eq(step.as_str()), welcome_steps::done.eq(false)))
        .on_conflict_do_nothing()
        .execute(conn))
    .map(drop)
}

/// It is wanted after all. What was done stays done.
pub fn resume(conn: &mut DbConn, user: UserId, step: Step) -> QueryResult<()> {
    let skipped = welcome_steps::table.find((user, step.as_str())).filter(welcome_steps::done.eq(false));
    diesel::delete(skipped).execute(conn).map(drop)
}
