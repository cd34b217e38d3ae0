//! The command line: one file a subcommand. What changes data commits to the database, and a running server notices within a second.

mod account;
mod backup;
mod block;
mod check;
mod conversation;
mod demo;
mod health;
mod import;
mod inspect;
mod keyword;
mod ledger;
mod migrate;
mod rule_file;
mod rule_line;
mod serve;
mod simulate;
mod test_rules;
mod user;

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    app::open_store,
    ids::{Timestamp, UserId},
    settings::Settings,
    store::{
        DbConn, QueryResult, Scope, Store, accounts,
        audit::{self, Actor, Deed},
        rules,
        users::{self, User},
    },
    telemetry::logging,
};

/// Answers buyers on Goofish (Xianyu) for the sellers who run it.
#[derive(Debug, Parser)]
#[command(name = "yutang", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    /// Settings file [default: $YUTANG_CONFIG, or yutang.toml here if there is one]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Options of every command")]
    config: Option<PathBuf>,
    /// Folder of the database and the key file; wins over the setting data_dir
    #[arg(long, global = true, value_name = "DIR", help_heading = "Options of every command")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "To see it work: yutang demo

First steps with an account of yours:
  echo \"$PASSWORD\" | yutang user add alice --admin --password-stdin
  yutang account add shop-1 --cookie-file cookie.txt
  yutang keyword add 在吗 --reply 在的，请直接拍下
  yutang check
  yutang serve

Every setting can be changed in yutang.toml or in the environment (YUTANG__SERVER__LISTEN=…); `yutang check` prints them all.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until SIGTERM or Ctrl-C (also what `yutang` alone does)
    Serve,
    Demo(demo::DemoArgs),
    /// Seller accounts: add, import, list, enable, disable, stop, resume
    #[command(subcommand)]
    Account(account::Command),
    /// Keyword rules and default replies: add, import, list
    #[command(subcommand)]
    Keyword(keyword::Command),
    TestRules(test_rules::TestRulesArgs),
    /// Conversations: what waits for a person, where answers pause
    #[command(subcommand)]
    Conversation(conversation::Command),
    /// Buyers who are never answered: add, remove, list
    #[command(subcommand)]
    Block(block::Command),
    /// The log of the stock: verify
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// People with a login: add, passwd, list
    #[command(subcommand)]
    User(user::Command),
    /// Bring the database to this program's version
    Migrate(migrate::Args),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    /// Print the settings and test what a server needs
    Check,
    Health(health::HealthArgs),
    Simulate(simulate::SimulateArgs),
    Inspect(inspect::InspectArgs),
}

/// Runs the command that the process was started with. 0: done; 1: failed, the reason is on the standard error output; 2: not understood.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli, &mut io::stdout().lock()) {
        Ok(code) => code,
        // `yutang account list | head` is no failure
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // a database or a file may have put what it choked on into its words
            eprintln!("error: {}", logging::mask(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let command = cli.command.unwrap_or(Command::Serve);
    let settings = if let Command::Demo(args) = &command {
        if cli.config.is_some() || cli.data_dir.is_some() {
            bail!("the demo uses no settings and a folder of its own: leave --config and --data-dir away");
        }
        args.settings()
    } else {
        Settings::load(cli.config.as_deref(), cli.data_dir.as_deref())?
    };
    logging::init(&settings.log);
    match command {
        Command::Account(command) => account::run(command, &settings, out)?,
        Command::Keyword(command) => keyword::run(command, &settings, out)?,
        Command::TestRules(args) => test_rules::run(&args, &settings, out)?,
        Command::Block(command) => block::run(command, &settings, out)?,
        Command::Conversation(command) => conversation::run(command, &settings, out)?,
        Command::Ledger(command) => ledger::run(&command, &settings, out)?,
        Command::User(command) => user::run(command, &settings, out)?,
        Command::Migrate(args) => migrate::run(&args, &settings, out)?,
        Command::Backup(args) => backup::back_up(&args, &settings, out)?,
        Command::Restore(args) => backup::restore(&args, &settings, out)?,
        Command::Check => check::run(&settings, out)?,
        Command::Health(args) => health::run(&args, &settings, out)?,
        Command::Serve => serve::run(settings)?,
        Command::Inspect(args) => return inspect::run(args),
        Command::Simulate(args) => return simulate::run(args),
        Command::Demo(args) => return demo::run(&args, settings, out),
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Every account is an open file: takes as many as the system allows without asking.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Refused where the hard limit is unlimited and the system has its own bound: then the soft limit stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Resolves with the first SIGTERM, SIGINT or Ctrl-C.
async fn stopped() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminated = async {
        match &mut terminate {
            Some(signal) => signal.recv().await.map_or((), drop),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Whose rows a command works on: the user named, or the only one who can have some, or the only one who has.
fn scope(store: &Store, owner: Option<&str>) -> anyhow::Result<Scope> {
    let (users, holders) = store.read_blocking(|conn| {
        let users: Vec<User> = users::list(conn)?.into_iter().filter(|user| user.role.owns_accounts()).collect();
        let mut holders: Vec<UserId> = rules::owners_with_rules(conn)?;
        holders.extend(accounts::list_for_engine(conn)?.into_iter().map(|account| account.owner));
        holders.sort_unstable();
        holders.dedup();
        Ok((users, holders))
    })?;
    if let (None, [only]) = (owner, holders.as_slice()) {
        return Ok(Scope::owner(*only));
    }
    let names = || users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>().join(", ");
    let user = match (owner, users.as_slice()) {
        (_, []) => bail!("there is no user yet: make one with `yutang user add NAME --admin --password-stdin`"),
        (None, [only]) => only,
        (None, _) => bail!("there are several users ({}): say whose with --owner NAME", names()),
        (Some(name), _) => match users.iter().find(|user| user.name == name) {
            Some(user) => user,
            None => bail!("there is no user {name:?}: there is {}", names()),
        },
    };
    Ok(Scope::owner(user.id))
}

/// A name must be something a person can type again.
fn check_name(name: &str) -> Result<(), String> {
    let good =
        !name.is_empty() && name.trim() == name && !name.contains(char::is_control) && name.chars().count() <= 64;
    if good {
        Ok(())
    } else {
        Err("a name has 1 to 64 characters, no blank at its ends and no control characters".to_owned())
    }
}

/// All of the standard input, for secrets that must not be arguments: those can be seen by everybody on the machine.
fn stdin_text() -> anyhow::Result<String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("cannot read the standard input as UTF-8 text")?;
    Ok(text)
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// Writes down what was done at this command line, in the transaction that does it.
fn write_down(conn: &mut DbConn, deed: &Deed, now: Timestamp) -> QueryResult<()> {
    audit::record(conn, &Actor::cli(), deed, now)
}

/// A moment as people read it, in UTC.
fn shown_time(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map_or_else(|_| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// Rows under a head, each column as wide as its longest text.
fn print_table<const N: usize>(out: &mut dyn Write, head: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let mut widths = head.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in std::iter::once(&head.map(str::to_owned)).chain(rows) {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// What was typed, on one line: a name or a reply must not break the table.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_name_that_cannot_be_typed_again_is_refused() {
        for name in ["", " ", " a", "a\n", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("小店 1").is_ok());
    }

    #[test]
    fn a_table_is_aligned() {
        let mut out = Vec::new();
        let rows = [["a".to_owned(), "1".to_owned()], ["longer".to_owned(), String::new()]];
        assert!(print_table(&mut out, ["NAME", "N"], &rows).is_ok());
        assert_eq!(String::from_utf8_lossy(&out), "NAME    N\na       1\nlonger\n");
    }
}
