//! Who looks after a conversation: one current row each. While somebody does, automatic answers pause there.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{
    DbConn, Scope, accounts,
    accounts::own,
    connection::per_backend,
    conversations,
    notices::{self, Opening},
    revisions::{self, Topic},
    schema::handovers,
    users,
};
use crate::{
    access::role::Right,
    ids::{AccountId, ConversationId, Timestamp, UserId},
    notify::{
        event::Event,
        notice::{Subject, Words, tame},
    },
};

/// Who hands a conversation over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// `None`: a rule.
    pub user: Option<UserId>,
    pub name: String,
}

/// Who looks after a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = handovers)]
pub struct Handover {
    /// `None`: nobody by name, or somebody who is gone.
    #[diesel(column_name = to_user)]
    pub to: Option<UserId>,
    pub to_name: Option<String>,
    pub by_user: Option<UserId>,
    pub by_name: String,
    pub note: String,
    pub at: Timestamp,
}

/// Whom a conversation is handed to, as a person asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandedTo {
    /// Not handed over.
    Nobody,
    /// Handed over, to whomever.
    Anybody,
    User(UserId),
}

/// [`HandedTo`] in statements that are written by hand, of the conversation `c`; `$n` is the number of [`HandedTo::code`].
pub(super) fn fitting(parameter: &str) -> String {
    let of_c = "FROM handovers AS h WHERE h.account_id = c.account_id AND h.conversation_id = c.conversation_id";
    format!(
        "({parameter} IS NULL OR ({parameter} = 0 AND NOT EXISTS (SELECT 1 {of_c})) \
         OR ({parameter} < 0 AND EXISTS (SELECT 1 {of_c})) OR EXISTS (SELECT 1 {of_c} AND h.to_user = {parameter}))"
    )
}

impl HandedTo {
    /// Nobody has the number 0, or one below.
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Nobody => 0,
            Self::Anybody => -1,
            Self::User(user) => user.0,
        }
    }
}

/// Nobody of the owner's has this number, sees the account and may answer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownColleague;

/// Of the notice: one for each time, because each is to somebody else.
fn key(account: AccountId, conversation: &ConversationId, at: Timestamp) -> String {
    format!("handover:{account}:{conversation}:{at}")
}

/// Those of these conversations that are handed over.
pub fn of_many(
    conn: &mut DbConn,
    scope: &Scope,
    keys: &[(AccountId, ConversationId)],
) -> QueryResult<HashMap<(AccountId, ConversationId), Handover>> {
    let mut found = HashMap::new();
    for some in keys.chunks(250) {
        let (accounts, ids): (Vec<AccountId>, Vec<&ConversationId>) = some.iter().map(|(a, c)| (*a, c)).unzip();
        let rows: Vec<(AccountId, ConversationId, Handover)> = handovers::table
            .filter(handovers::account_id.eq_any(accounts).and(handovers::conversation_id.eq_any(ids)))
            .filter(handovers::account_id.eq_any(own!(scope)))
            .select((handovers::account_id, handovers::conversation_id, Handover::as_select()))
            .load(conn)?;
        found.extend(rows.into_iter().map(|(account, conversation, row)| ((account, conversation), row)));
    }
    Ok(found)
}

/// For the engine and for people, in whatever transaction: from now on this person looks after the conversation (`None`: some person), until
/// somebody resumes. Automatic answers pause, the owner's channels are told, and a running server notices.
pub fn hand_over(
    conn: &mut DbConn,
    owner: UserId,
    (account, conversation): (AccountId, &ConversationId),
    to: Option<UserId>,
    by: &By,
    note: &str,
    now: Timestamp,
) -> QueryResult<Result<Handover, UnknownColleague>> {
    let to_name = match to {
        None => None,
        Some(user) => match colleague(conn, owner, account, user)? {
            Some(name) => Some(name),
            None => return Ok(Err(UnknownColleague)),
        },
    };
    let scope = Scope::owner(owner);
    let shop = accounts::get(conn, &scope, account)?;
    end(conn, owner, account, conversation, now)?;
    let new = Handover { to, to_name, by_user: by.user, by_name: by.name.clone(), note: note.to_owned(), at: now };
    per_backend!(&mut *conn, conn => diesel::insert_into(handovers::table)
        .values((
            handovers::account_id.eq(account),
            handovers::conversation_id.eq(conversation),
            handovers::to_user.eq(new.to),
            handovers::to_name.eq(new.to_name.as_deref()),
            handovers::by_user.eq(new.by_user),
            handovers::by_name.eq(&new.by_name),
            handovers::note.eq(&new.note),
            handovers::at.eq(new.at),
        ))
        .execute(conn))?;
    conversations::set_pause(conn, account, conversation, Some(Timestamp::NEVER), now)?;
    revisions::bump(conn, Topic::Pauses)?;
    let known = conversations::get(conn, &scope, account, conversation)?;
    let why = tame(note);
    let subject = Subject {
        account: Some(shop.name),
        conversation: Some(conversation.as_str().to_owned()),
        buyer: known.peer_name.as_deref().map(tame),
        item: known.item_title.as_deref().map(tame),
        what: new.to_name.clone(),
        why: (!why.is_empty()).then(|| Words::new(why.clone(), why)),
        ..Subject::default()
    };
    let opening = Opening {
        owner,
        account: Some(account),
        buyer: known.peer,
        event: Event::Handover,
        severity: Event::Handover.severity(),
        key: key(account, conversation, now),
        subject,
    };
    notices::open(conn, &opening, now)?;
    Ok(Ok(new))
}

/// The name of somebody of the owner's who sees the account and may answer there.
fn colleague(conn: &mut DbConn, owner: UserId, account: AccountId, id: UserId) -> QueryResult<Option<String>> {
    let Some(user) = users::find(conn, id)? else { return Ok(None) };
    let sees = user.id == owner || (user.employer == Some(owner) && users::accounts_of(conn, id)?.contains(&account));
    Ok((sees && user.active && user.role.may(Right::Answer)).then_some(user.name))
}

/// Nobody in particular looks after the conversation any more; the pause is not touched. What it was, if it was handed over.
pub fn end(
    conn: &mut DbConn,
    owner: UserId,
    account: AccountId,
    conversation: &ConversationId,
    now: Timestamp,
) -> QueryResult<Option<Handover>> {
    let row: Option<Handover> =
        handovers::table.find((account, conversation)).select(Handover::as_select()).get_result(conn).optional()?;
    let Some(handover) = row else { return Ok(None) };
    forget(conn, account, conversation)?;
    notices::end(conn, owner, &key(account, conversation, handover.at), now)?;
    Ok(Some(handover))
}

/// The row alone goes.
pub(super) fn forget(conn: &mut DbConn, account: AccountId, conversation: &ConversationId) -> QueryResult<()> {
    diesel::delete(handovers::table.find((account, conversation))).execute(conn).map(drop)
}
