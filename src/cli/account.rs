//! `account`: which seller accounts there are, how they log in, and which of them work.

use std::{collections::HashMap, fs, io::Write, path::PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::json;

use super::{
    check_name,
    import::{self, Line, OnBad, Report},
    now, one_line, open_store, print_table, scope, shown_time, stdin_text, write_down,
};
use crate::{
    account::state::{Reason, State},
    ids::{AccountId, Timestamp},
    platform::cookie_paste,
    settings::Settings,
    store::{
        DbConn, QueryResult, Saved, Scope, Secret, Store, account_states,
        accounts::{self, NewAccount},
        audit::Deed,
        facts,
    },
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add an account, or give an account a new cookie; all else about it stays
    ///
    /// The cookie is the text of the `Cookie` header of a browser that is logged in to the platform, or what holds it: the JSON that an
    /// extension exports, a Netscape cookie file, a `curl` command copied from the developer tools. It is a secret, so it is read from a
    /// file or the standard input, and stored encrypted.
    #[command(after_help = "Example:\n  yutang account add shop-1 --cookie-file cookie.txt")]
    Add {
        name: String,
        #[command(flatten)]
        cookie: CookieSource,
        /// Do not start it until `account enable`
        #[arg(long)]
        disabled: bool,
        #[command(flatten)]
        owner: Owner,
    },
    /// Add or update accounts from a file of JSON lines: {"name","cookie"[,"enabled"]}
    ///
    /// What becomes of each line is reported. When a line is bad nothing is changed. Importing a file again changes nothing.
    #[command(
        after_help = "Example of a line:\n  {\"name\":\"shop-1\",\"cookie\":\"unb=…; cookie2=…\",\"enabled\":true}"
    )]
    Import {
        /// The file; - is the standard input
        file: PathBuf,
        /// Take the good lines although others are bad
        #[arg(long)]
        skip_bad: bool,
        #[command(flatten)]
        owner: Owner,
    },
    /// Show all accounts and what they are doing
    List {
        #[command(flatten)]
        owner: Owner,
    },
    /// Let an account connect and work
    Enable(Named),
    /// Close an account's connection until it is enabled again
    Disable(Named),
    /// Try again after you passed the platform's verification with the same cookie
    ///
    /// An account the platform wants a person for makes no call by itself. With a new cookie (`account add`) it tries again at once.
    Retry(Named),
    /// Stop switch: nothing automatic is sent any more, while the connection stays and messages are kept
    ///
    /// For one account, or with --all for every account of every owner.
    #[command(after_help = "Examples:\n  yutang account stop shop-1\n  yutang account stop --all")]
    Stop(Switch),
    /// Take the stop switch back
    ///
    /// An account sends again when neither its own switch nor the one of --all is set.
    Resume(Switch),
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct CookieSource {
    /// Read the cookie from the standard input
    #[arg(long)]
    cookie_stdin: bool,
    /// Read the cookie from a file
    #[arg(long, value_name = "FILE")]
    cookie_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Owner {
    /// Whose accounts; may be left out while there is one user
    #[arg(long, value_name = "USER")]
    pub(super) owner: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Named {
    name: String,
    #[command(flatten)]
    owner: Owner,
}

#[derive(Debug, clap::Args)]
pub(super) struct Switch {
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    name: Option<String>,
    /// Every account of every owner
    #[arg(long, conflicts_with = "name")]
    all: bool,
    #[command(flatten)]
    owner: Owner,
}

/// One line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountLine {
    name: String,
    cookie: String,
    enabled: Option<bool>,
}

pub(super) fn run(command: Command, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        Command::Add { name, cookie, disabled, owner } => {
            let line = AccountLine { name, cookie: cookie.read()?, enabled: disabled.then_some(false) };
            add(settings, &owner, line, out)
        }
        Command::Import { file, skip_bad, owner } => {
            let (bytes, on_bad) = (import::read(&file)?, OnBad::from(skip_bad));
            let store = open_store(settings)?;
            let scope = scope(&store, owner.owner.as_deref())?;
            import(&store, scope, &bytes, on_bad)?.print(out, on_bad)
        }
        Command::List { owner } => list(settings, &owner, out),
        Command::Enable(named) => set_enabled(settings, named, true, out),
        Command::Disable(named) => set_enabled(settings, named, false, out),
        Command::Retry(named) => retry(settings, named, out),
        Command::Stop(switch) => set_stopped(settings, switch, true, out),
        Command::Resume(switch) => set_stopped(settings, switch, false, out),
    }
}

impl CookieSource {
    fn read(&self) -> anyhow::Result<String> {
        match &self.cookie_file {
            Some(file) => fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display())),
            None => stdin_text(),
        }
    }
}

impl AccountLine {
    /// The account the line describes, or what keeps it from being one. Never repeats the cookie.
    fn read(self) -> Result<NewAccount, String> {
        check_name(&self.name)?;
        let cookie = Secret::new(self.cookie);
        let pasted = cookie_paste::read(cookie.expose()).map_err(|fault| fault.to_string())?;
        let (uid, cookie) = (pasted.seller, Secret::new(pasted.cookies.header()));
        Ok(NewAccount { name: self.name, uid, cookie, enabled: self.enabled })
    }
}

fn add(settings: &Settings, owner: &Owner, line: AccountLine, out: &mut dyn Write) -> anyhow::Result<()> {
    let account = match line.read() {
        Ok(account) => account,
        Err(reason) => bail!("{reason}"),
    };
    let store = open_store(settings)?;
    let scope = scope(&store, owner.owner.as_deref())?;
    let name = account.name.clone();
    match save(&store, scope, vec![Line { number: 1, item: Ok(account) }], OnBad::Refuse)?.only() {
        Ok(saved) => Ok(writeln!(out, "{} account {name}", import::word(saved))?),
        Err(reason) => bail!("{reason}"),
    }
}

/// Adds or updates the accounts of these JSON lines.
pub(super) fn import(store: &Store, scope: Scope, lines: &[u8], on_bad: OnBad) -> anyhow::Result<Report> {
    save(store, scope, import::parse(lines, AccountLine::read), on_bad)
}

/// One transaction: either all lines that may be written are, or none.
fn save(store: &Store, scope: Scope, mut lines: Vec<Line<NewAccount>>, on_bad: OnBad) -> anyhow::Result<Report> {
    import::refuse_repeats(&mut lines, "this name", |account| account.name.clone());
    import::refuse_repeats(&mut lines, "this platform account (unb)", |account| account.uid.clone());
    let (keys, owner, now) = (store.keys().clone(), scope.user(), now());
    Ok(store.write_blocking(move |conn| {
        let (places, good) = import::good(&lines);
        for at in accounts::list_taken(conn, owner, &good)? {
            let uid = &good[at].uid;
            lines[places[at]].item = Err(format!("the platform account {uid} (unb) is another account's already"));
        }
        if !import::may_apply(&lines, on_bad) {
            return Ok(Report::refused(&lines));
        }
        let taken_in = import::good(&lines).1;
        let saved = accounts::upsert_many(conn, &keys, owner, &taken_in, now)?.unwrap_or_default();
        for (account, (id, saved)) in taken_in.iter().zip(&saved) {
            let action = match saved {
                Saved::Added => "account.create",
                Saved::Updated => "account.update",
                Saved::Unchanged => continue,
            };
            write_down(conn, &Deed::new(action, id).of(owner).after(json!({"name": account.name})), now)?;
        }
        Ok(Report::done(&lines, |account| account.name.clone(), saved.into_iter().map(|(_, saved)| saved)))
    })?)
}

fn list(settings: &Settings, owner: &Owner, out: &mut dyn Write) -> anyhow::Result<()> {
    let store = open_store(settings)?;
    let scope = scope(&store, owner.owner.as_deref())?;
    let (accounts, states, stopped) = store.read_blocking(move |conn| {
        Ok((accounts::list(conn, &scope)?, account_states::list(conn, &scope)?, facts::stop_switch(conn)?))
    })?;
    let states: HashMap<_, _> = states.into_iter().collect();
    let rows: Vec<_> = accounts
        .iter()
        .map(|account| {
            let (state, reason, since) = match states.get(&account.id) {
                Some(status) => (status.state, status.reason, shown_time(status.since)),
                None => (State::Disconnected, Reason::NotStarted, "-".to_owned()),
            };
            let [enabled, stopped] =
                [account.enabled, account.stopped].map(|on| if on { "yes" } else { "no" }.to_owned());
            let (state, reason) = (state.as_str().to_owned(), reason.as_str().to_owned());
            [one_line(&account.name), account.uid.to_string(), enabled, stopped, state, reason, since]
        })
        .collect();
    print_table(out, ["NAME", "PLATFORM ID", "ENABLED", "STOPPED", "STATE", "REASON", "SINCE"], &rows)?;
    if stopped {
        writeln!(
            out,
            "\nThe stop switch of all accounts is set: nothing is sent until `yutang account resume --all`."
        )?;
    }
    Ok(())
}

fn set_enabled(settings: &Settings, named: Named, on: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let (action, word) = if on { ("account.enable", "enabled") } else { ("account.disable", "disabled") };
    let set = move |conn: &mut DbConn, scope: &Scope, id, now| accounts::set_enabled(conn, scope, id, on, now);
    change(settings, &named, action, set)?;
    told(&named, word, out)
}

fn retry(settings: &Settings, named: Named, out: &mut dyn Write) -> anyhow::Result<()> {
    change(settings, &named, "account.retry", accounts::renew)?;
    told(&named, "tries again:", out)
}

fn set_stopped(settings: &Settings, switch: Switch, on: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let (action, word) = if on { ("account.pause", "stopped") } else { ("account.resume", "resumed") };
    let Some(name) = switch.name else {
        let set = move |conn: &mut DbConn| {
            let before = facts::stop_switch(conn)?;
            facts::set_stop_switch(conn, on)?;
            let deed = Deed::new("stop_switch.update", "system").before(json!({"on": before})).after(json!({"on": on}));
            write_down(conn, &deed, now())
        };
        open_store(settings)?.write_blocking(set)?;
        return Ok(writeln!(out, "{word} all accounts")?);
    };
    let named = Named { name, owner: switch.owner };
    let set = move |conn: &mut DbConn, scope: &Scope, id, now| accounts::set_stopped(conn, scope, id, on, now);
    change(settings, &named, action, set)?;
    told(&named, word, out)
}

/// Does it to one account and writes down that it was done.
fn change<F>(settings: &Settings, named: &Named, action: &'static str, work: F) -> anyhow::Result<()>
where
    F: FnOnce(&mut DbConn, &Scope, AccountId, Timestamp) -> QueryResult<bool> + Send + 'static,
{
    let store = open_store(settings)?;
    let scope = scope(&store, named.owner.owner.as_deref())?;
    let (name, now) = (named.name.clone(), now());
    let known = store.write_blocking(move |conn| {
        let Some(account) = accounts::find(conn, &scope, &name)? else { return Ok(false) };
        if !work(conn, &scope, account.id, now)? {
            return Ok(false);
        }
        write_down(conn, &Deed::new(action, account.id).of(scope.user()).after(json!({"name": name})), now)
            .map(|()| true)
    })?;
    if !known {
        bail!("there is no account {:?}: `yutang account list` shows all", named.name);
    }
    Ok(())
}

fn told(named: &Named, word: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    Ok(writeln!(out, "{word} account {}", named.name)?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(name: &str, cookie: &str) -> Result<NewAccount, String> {
        AccountLine { name: name.to_owned(), cookie: cookie.to_owned(), enabled: None }.read()
    }

    #[test]
    fn a_cookie_gives_the_account_its_platform_id() {
        let account = read("小店", "a=1;unb=2200000000001;cookie2=x").unwrap();
        assert_eq!((account.uid.as_str(), account.enabled), ("2200000000001", None));
    }

    #[test]
    fn a_cookie_may_be_an_export() {
        let text = r#"[{"domain":".goofish.com","name":"unb","value":"7"},{"domain":".goofish.com","name":"cookie2","value":"x"}]"#;
        assert_eq!(read("a", text).unwrap().cookie.expose(), "unb=7; cookie2=x");
    }

    #[test]
    fn a_cookie_that_cannot_log_in_is_refused_without_being_repeated() {
        assert_eq!(
            read("a", "cookie2=PLANTED").unwrap_err(),
            "the cookie lacks unb; copy it from a browser that is logged in"
        );
        for (name, cookie) in [
            ("a", "PLANTED"),
            ("a", "unb=1; t=PLANTED"),
            ("", "unb=1; cookie2=PLANTED"),
            ("a", "unb=x; cookie2=PLANTED"),
        ] {
            assert!(!read(name, cookie).unwrap_err().contains("PLANTED"));
        }
    }
}
