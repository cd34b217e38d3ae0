//! `conversation`: what a person should look at, and where automatic answers pause.

use std::{collections::HashMap, io::Write, time::Duration};

use anyhow::bail;
use serde_json::json;

use super::{account::Owner, now, one_line, open_store, print_table, scope, shown_time, write_down};
use crate::{
    ids::{AccountId, ConversationId, Timestamp},
    settings::Settings,
    store::{Scope, Store, accounts, audit::Deed, chat_messages, conversations},
};

/// Newest messages shown by `waiting`.
const SHOWN: i64 = 200;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show the messages that only a person can answer now, newest first
    Waiting {
        #[command(flatten)]
        owner: Owner,
    },
    /// Show where automatic answers pause, and how long still
    Paused {
        #[command(flatten)]
        owner: Owner,
    },
    /// Pause automatic answers in a conversation
    #[command(after_help = "Examples:\n  yutang conversation pause shop-1 50000000001 --minutes 30\n  \
                            yutang conversation pause shop-1 50000000001        (until you resume it)")]
    Pause {
        #[command(flatten)]
        which: Which,
        /// For so long; without it until you resume it
        #[arg(long, value_name = "N")]
        minutes: Option<u64>,
    },
    /// Answer automatically again in a conversation
    Resume {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The account's name
    account: String,
    /// The conversation's number, as `waiting` and `paused` show it
    conversation: String,
    #[command(flatten)]
    owner: Owner,
}

pub(super) fn run(command: Command, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    let store = open_store(settings)?;
    match command {
        Command::Waiting { owner } => waiting(&store, scope(&store, owner.owner.as_deref())?, out),
        Command::Paused { owner } => paused(&store, scope(&store, owner.owner.as_deref())?, out),
        Command::Pause { which, minutes } => {
            let until = minutes.map_or(Timestamp::NEVER, |minutes| now() + Duration::from_secs(minutes * 60));
            set_pause(&store, which, Some(until), out)
        }
        Command::Resume { which } => set_pause(&store, which, None, out),
    }
}

fn names(store: &Store, scope: Scope) -> anyhow::Result<HashMap<AccountId, String>> {
    let accounts = store.read_blocking(move |conn| accounts::list(conn, &scope))?;
    Ok(accounts.into_iter().map(|account| (account.id, account.name)).collect())
}

fn waiting(store: &Store, scope: Scope, out: &mut dyn Write) -> anyhow::Result<()> {
    let names = names(store, scope)?;
    let messages = store.read_blocking(move |conn| chat_messages::list_for_a_person(conn, &scope, SHOWN))?;
    let rows: Vec<[String; 6]> = messages
        .into_iter()
        .map(|message| {
            [
                shown_time(message.sent_at),
                names.get(&message.account).cloned().unwrap_or_default(),
                message.conversation.to_string(),
                one_line(message.sender_name.as_deref().unwrap_or(message.sender.as_str())),
                one_line(&message.text),
                message.reason.unwrap_or_default(),
            ]
        })
        .collect();
    Ok(print_table(out, ["SENT", "ACCOUNT", "CONVERSATION", "BUYER", "MESSAGE", "WHY"], &rows)?)
}

fn paused(store: &Store, scope: Scope, out: &mut dyn Write) -> anyhow::Result<()> {
    let names = names(store, scope)?;
    let at = now();
    let found = store.read_blocking(move |conn| conversations::list_paused_for_person(conn, &scope, at))?;
    let rows: Vec<[String; 4]> = found
        .into_iter()
        .map(|row| {
            [
                names.get(&row.account).cloned().unwrap_or_default(),
                row.conversation.to_string(),
                one_line(row.peer_name.as_deref().unwrap_or_default()),
                remaining(row.paused_until.unwrap_or(at), at),
            ]
        })
        .collect();
    Ok(print_table(out, ["ACCOUNT", "CONVERSATION", "BUYER", "PAUSED FOR"], &rows)?)
}

fn remaining(until: Timestamp, at: Timestamp) -> String {
    if until == Timestamp::NEVER {
        return "until you resume it".to_owned();
    }
    let seconds = until.since(at).as_secs();
    format!("{} min {} s", seconds / 60, seconds % 60)
}

fn set_pause(store: &Store, which: Which, until: Option<Timestamp>, out: &mut dyn Write) -> anyhow::Result<()> {
    let scope = scope(store, which.owner.owner.as_deref())?;
    let (name, id) = (which.account.clone(), ConversationId::from(which.conversation.as_str()));
    let action = if until.is_some() { "conversation.pause" } else { "conversation.resume" };
    let changed = store.write_blocking(move |conn| {
        let Some(account) = accounts::find(conn, &scope, &name)? else { return Ok(false) };
        if !conversations::set_pause_for_person(conn, &scope, account.id, &id, until, now())? {
            return Ok(false);
        }
        let deed = Deed::new(action, format_args!("{}.{id}", account.id)).of(scope.user());
        let ends = until.filter(|until| *until != Timestamp::NEVER);
        write_down(conn, &deed.after(json!({"paused": until.is_some(), "paused_until": ends})), now()).map(|()| true)
    })?;
    if !changed {
        bail!("account {:?} has no conversation {:?}", which.account, which.conversation);
    }
    let done = if until.is_some() { "paused" } else { "resumed" };
    Ok(writeln!(out, "conversation {} of {} is {done}", which.conversation, which.account)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_is_shown() {
        assert_eq!(remaining(Timestamp(95_000), Timestamp(0)), "1 min 35 s");
        assert_eq!(remaining(Timestamp::NEVER, Timestamp(0)), "until you resume it");
    }
}
