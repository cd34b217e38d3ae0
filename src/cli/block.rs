//! `block`: buyers who are never answered automatically.

use std::{collections::HashMap, io::Write};

use anyhow::bail;
use serde_json::json;

use super::{account::Owner, now, one_line, open_store, print_table, scope, shown_time, write_down};
use crate::{
    ids::{AccountId, BuyerId},
    settings::Settings,
    store::{
        DbConn, QueryResult, Scope, Store, accounts,
        audit::Deed,
        blocked_buyers::{self, Blocked, Row},
    },
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Never answer a buyer automatically
    #[command(
        after_help = "Examples:\n  yutang block add 2200000000777\n  yutang block add 2200000000777 --account shop-1 --note rude"
    )]
    Add {
        #[command(flatten)]
        who: Who,
        /// Why, for yourself
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Answer a buyer again
    Remove {
        #[command(flatten)]
        who: Who,
    },
    /// Show all blocked buyers
    List {
        #[command(flatten)]
        owner: Owner,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Who {
    /// The buyer's platform id
    buyer: String,
    /// Only in this account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    #[command(flatten)]
    owner: Owner,
}

pub(super) fn run(command: Command, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    let store = open_store(settings)?;
    match command {
        Command::Add { who, note } => add(&store, who, note, out),
        Command::Remove { who } => remove(&store, who, out),
        Command::List { owner } => list(&store, scope(&store, owner.owner.as_deref())?, out),
    }
}

impl Who {
    fn find(self, store: &Store) -> anyhow::Result<(Scope, Option<AccountId>, BuyerId)> {
        let buyer = self.buyer.split('@').next().unwrap_or(&self.buyer);
        if buyer.is_empty() || !buyer.bytes().all(|byte| byte.is_ascii_digit()) {
            bail!("{buyer:?} is not a buyer's platform id: it is a number such as 2200000000777");
        }
        let scope = scope(store, self.owner.owner.as_deref())?;
        let Some(name) = self.account else { return Ok((scope, None, buyer.into())) };
        let wanted = name.clone();
        match store.read_blocking(move |conn| accounts::find(conn, &scope, &wanted))? {
            Some(account) => Ok((scope, Some(account.id), buyer.into())),
            None => bail!("there is no account {name:?}: `yutang account list` shows all"),
        }
    }
}

fn add(store: &Store, who: Who, note: String, out: &mut dyn Write) -> anyhow::Result<()> {
    let (scope, account, buyer) = who.find(store)?;
    let blocked = Blocked { account, buyer: buyer.clone(), note, created_at: now() };
    let is_new = store.write_blocking(move |conn| {
        if !blocked_buyers::insert(conn, &scope, &blocked)? {
            return Ok(false);
        }
        let row = blocked_buyers::find(conn, &scope, blocked.account, &blocked.buyer)?;
        tell(conn, &scope, "blocked_buyer.create", row).map(|()| true)
    })?;
    Ok(writeln!(out, "{buyer} {}", if is_new { "is blocked" } else { "was blocked already" })?)
}

fn tell(conn: &mut DbConn, scope: &Scope, action: &'static str, row: Option<Row>) -> QueryResult<()> {
    let Some(Row { id, blocked }) = row else { return Ok(()) };
    let who = json!({"account_id": blocked.account.map(|id| id.0), "buyer_id": blocked.buyer.as_str()});
    write_down(conn, &Deed::new(action, id).of(scope.user()).after(who), now())
}

fn remove(store: &Store, who: Who, out: &mut dyn Write) -> anyhow::Result<()> {
    let (scope, account, buyer) = who.find(store)?;
    let wanted = buyer.clone();
    let was_blocked = store.write_blocking(move |conn| {
        let row = blocked_buyers::remove(conn, &scope, account, &wanted)?;
        let was_blocked = row.is_some();
        tell(conn, &scope, "blocked_buyer.delete", row).map(|()| was_blocked)
    })?;
    if !was_blocked {
        bail!("{buyer} is not blocked there: `yutang block list` shows who is, and in which account");
    }
    Ok(writeln!(out, "{buyer} is answered again")?)
}

fn list(store: &Store, scope: Scope, out: &mut dyn Write) -> anyhow::Result<()> {
    let (blocked, accounts) =
        store.read_blocking(move |conn| Ok((blocked_buyers::list(conn, &scope)?, accounts::list(conn, &scope)?)))?;
    let names: HashMap<AccountId, String> = accounts.into_iter().map(|account| (account.id, account.name)).collect();
    let rows: Vec<_> = blocked
        .into_iter()
        .map(|Blocked { account, buyer, note, created_at }| {
            let account = account.map_or("all", |id| names.get(&id).map_or("?", String::as_str));
            [buyer.to_string(), one_line(account), shown_time(created_at), one_line(&note)]
        })
        .collect();
    Ok(print_table(out, ["BUYER", "ACCOUNT", "SINCE", "NOTE"], &rows)?)
}
