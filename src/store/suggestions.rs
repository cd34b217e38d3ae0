//! Answers of the AI that were not sent by themselves: those that wait for a person, and those that were only recorded.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{DbConn, Page, Scope, accounts::own, bargains, connection::per_backend, schema::suggestions};
use crate::{
    ai::intent::Intent,
    ids::{AccountId, ConversationId, MessageId, Timestamp},
};

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Only for comparison: it was never to be sent.
    Recorded,
    /// Waits for a person.
    Pending,
    /// A person had it sent, as it is or edited.
    Approved,
    /// A person does not want it.
    Rejected,
    /// The buyer was answered otherwise, or wrote more.
    Overtaken,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Overtaken => "overtaken",
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "recorded" => Ok(Self::Recorded),
            "pending" => Ok(Self::Pending),
            "approved" => Ok(Self::Approved),
            "rejected" => Ok(Self::Rejected),
            "overtaken" => Ok(Self::Overtaken),
            other => Err(format!("unknown state of a suggestion {other:?}")),
        }
    }
}

/// One that was just made.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = suggestions)]
pub struct NewSuggestion {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = conversation_id)]
    pub conversation: ConversationId,
    /// The last message of the turn.
    #[diesel(column_name = message_id)]
    pub message: MessageId,
    pub state: State,
    pub intent: Intent,
    pub text: String,
    /// Sent, it is a round of bargaining.
    pub is_round: bool,
    pub created_at: Timestamp,
}

/// As it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = suggestions)]
pub struct Suggestion {
    pub id: i64,
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = conversation_id)]
    pub conversation: ConversationId,
    #[diesel(column_name = message_id)]
    pub message: MessageId,
    pub state: State,
    pub intent: Intent,
    pub text: String,
    /// What was sent instead, where a person edited it.
    pub sent_text: Option<String>,
    pub created_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    /// Sent, it is a round of bargaining.
    pub is_round: bool,
}

/// Which ones a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub conversation: Option<ConversationId>,
    pub state: Option<State>,
}

/// For the engine: stores them. Of a conversation only the newest waits.
pub fn insert_many(conn: &mut DbConn, new: &[NewSuggestion]) -> QueryResult<()> {
    for suggestion in new {
        overtake(conn, suggestion.account, &suggestion.conversation, suggestion.created_at)?;
        per_backend!(&mut *conn, conn => diesel::insert_into(suggestions::table).values(suggestion).execute(conn))?;
    }
    Ok(())
}

/// For the engine: the buyer was answered otherwise.
pub fn overtake(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    now: Timestamp,
) -> QueryResult<()> {
    let waiting = suggestions::table
        .filter(suggestions::account_id.eq(account).and(suggestions::state.eq(State::Pending)))
        .filter(suggestions::conversation_id.eq(conversation));
    diesel::update(waiting)
        .set((suggestions::state.eq(State::Overtaken), suggestions::settled_at.eq(now)))
        .execute(conn)
        .map(drop)
}

/// A part of those that fit, newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Suggestion>, i64)> {
    let fitting = || {
        let mut query = suggestions::table.filter(suggestions::account_id.eq_any(own!(scope))).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(suggestions::account_id.eq(account));
        }
        if let Some(conversation) = &filter.conversation {
            query = query.filter(suggestions::conversation_id.eq(conversation));
        }
        if let Some(state) = filter.state {
            query = query.filter(suggestions::state.eq(state));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order(suggestions::id.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(Suggestion::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// `NotFound` also where it belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, id: i64) -> QueryResult<Suggestion> {
    suggestions::table
        .find(id)
        .filter(suggestions::account_id.eq_any(own!(scope)))
        .select(Suggestion::as_select())
        .get_result(conn)
}

/// A person decides about one that waits; approved, it counts as the round of bargaining that it is. `false`: it does not wait any more.
pub fn claim_settle(
    conn: &mut DbConn,
    scope: &Scope,
    id: i64,
    state: State,
    sent_text: Option<&str>,
    now: Timestamp,
) -> QueryResult<bool> {
    let waiting = suggestions::table
        .filter(suggestions::id.eq(id).and(suggestions::state.eq(State::Pending)))
        .filter(suggestions::account_id.eq_any(own!(scope)));
    let rows = diesel::update(waiting)
        .set((suggestions::state.eq(state), suggestions::sent_text.eq(sent_text), suggestions::settled_at.eq(now)))
        .execute(conn)?;
    if rows == 1 && state == State::Approved {
        let suggestion = get(conn, scope, id)?;
        if suggestion.is_round {
            bargains::count_round(conn, scope, suggestion.account, &suggestion.conversation, now)?;
        }
    }
    Ok(rows == 1)
}

/// It could not be sent after all, and waits again.
pub fn take_back(conn: &mut DbConn, scope: &Scope, id: i64) -> QueryResult<()> {
    let suggestion = get(conn, scope, id)?;
    let settled = suggestions::table
        .filter(suggestions::id.eq(id).and(suggestions::state.eq(State::Approved)))
        .filter(suggestions::account_id.eq_any(own!(scope)));
    let rows = diesel::update(settled)
        .set((
            suggestions::state.eq(State::Pending),
            suggestions::sent_text.eq(None::<String>),
            suggestions::settled_at.eq(None::<Timestamp>),
        ))
        .execute(conn)?;
    if rows == 1 && suggestion.is_round {
        bargains::uncount_round(conn, scope, suggestion.account, &suggestion.conversation)?;
    }
    Ok(())
}

/// Nothing is kept of what was suggested in a conversation.
pub(super) fn forget(conn: &mut DbConn, account: AccountId, conversation: &ConversationId) -> QueryResult<()> {
    let rows = suggestions::account_id.eq(account).and(suggestions::conversation_id.eq(conversation));
    diesel::delete(suggestions::table.filter(rows)).execute(conn).map(drop)
}
