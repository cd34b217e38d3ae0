//! `user`: people with a login, who own accounts.

use std::io::Write;

use anyhow::{Context as _, anyhow, bail};
use serde_json::json;

use super::{check_name, now, open_store, print_table, shown_time, stdin_text, write_down};
use crate::{
    access::{password, role::Role},
    ids::UserId,
    settings::Settings,
    store::{
        DbConn, QueryResult, Store, api_tokens,
        audit::Deed,
        sessions,
        users::{self, NewUser, User},
    },
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a user. The password is read from the standard input: at least 10 characters
    Add {
        name: String,
        /// May administer users and the system
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        password: Password,
    },
    /// Give a user a new password
    Passwd {
        name: String,
        #[command(flatten)]
        password: Password,
    },
    /// Show all users
    List,
}

#[derive(Debug, clap::Args)]
pub(super) struct Password {
    /// Read the password from the standard input (a line feed at its end is no part of it)
    #[arg(long, required = true)]
    password_stdin: bool,
}

pub(super) fn run(command: Command, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        Command::Add { name, admin, .. } => add(settings, name, admin, out),
        Command::Passwd { name, .. } => passwd(settings, name, out),
        Command::List => list(settings, out),
    }
}

fn add(settings: &Settings, name: String, is_admin: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    check_name(&name).map_err(anyhow::Error::msg)?;
    if name.contains('@') {
        bail!("a user's name must not hold an @: it could be taken for somebody's e-mail address");
    }
    let password_hash = hash(&stdin_text()?, &name, None)?;
    let store = open_store(settings)?;
    insert(&store, new_user(&name, password_hash, if is_admin { Role::Admin } else { Role::Owner }))?;
    writeln!(out, "added user {name}")?;
    Ok(())
}

/// Makes an administrator whom nobody has told the password: nothing is left to set up.
pub(super) fn add_without_login(store: &Store, name: &str) -> anyhow::Result<UserId> {
    let password_hash = password::hash(&format!("{:032x}", rand::random::<u128>()), &rand::random());
    insert(store, new_user(name, password_hash, Role::Admin))
}

fn new_user(name: &str, password_hash: String, role: Role) -> NewUser {
    NewUser { name: name.to_owned(), password_hash, role, employer: None, email: None, created_at: now() }
}

fn insert(store: &Store, user: NewUser) -> anyhow::Result<UserId> {
    let name = user.name.clone();
    let insert = move |conn: &mut DbConn| -> QueryResult<Option<UserId>> {
        let Some(id) = users::insert(conn, &user)? else { return Ok(None) };
        let made = json!({"name": user.name, "role": user.role});
        write_down(conn, &Deed::new("user.create", id).of(id).after(made), user.created_at)?;
        Ok(Some(id))
    };
    let added = store.write_blocking(insert)?;
    added.with_context(|| format!("the user {name:?} exists already: `yutang user passwd` changes the password"))
}

fn passwd(settings: &Settings, name: String, out: &mut dyn Write) -> anyhow::Result<()> {
    let input = stdin_text()?;
    let store = open_store(settings)?;
    let unknown = || anyhow!("there is no user {name:?}: `yutang user list` shows all");
    let wanted = name.clone();
    let user = store.read_blocking(move |conn| users::find_by_name(conn, &wanted))?.ok_or_else(unknown)?;
    let hash = hash(&input, &user.name, user.email.as_deref())?;
    if !store.write_blocking(move |conn| replace_password(conn, &user, &hash))? {
        return Err(unknown());
    }
    writeln!(out, "changed the password of {name}; whoever was logged in must log in again, and API tokens are gone")?;
    Ok(())
}

/// S22: whoever was let in with the old password is out, and so are the programs of who gave them a token. `false`: there is no such user.
fn replace_password(conn: &mut DbConn, user: &User, hash: &str) -> QueryResult<bool> {
    if !users::set_password_hash(conn, user.id, hash)? {
        return Ok(false);
    }
    sessions::delete_all(conn, user.id, None)?;
    api_tokens::delete_all(conn, user.id)?;
    let deed = Deed::new("user.set_password", user.id).of(user.scope().user());
    write_down(conn, &deed, now()).map(|()| true)
}

fn list(settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    let users = open_store(settings)?.read_blocking(users::list)?;
    let rows: Vec<_> =
        users.into_iter().map(|user| [user.name, user.role.as_str().to_owned(), shown_time(user.created_at)]).collect();
    Ok(print_table(out, ["NAME", "ROLE", "SINCE"], &rows)?)
}

/// The hash of what was typed, where the policy allows it.
fn hash(input: &str, name: &str, email: Option<&str>) -> anyhow::Result<String> {
    let typed = input.strip_suffix('\n').unwrap_or(input);
    let typed = typed.strip_suffix('\r').unwrap_or(typed);
    password::check(typed, name, email)?;
    Ok(password::hash(typed, &rand::random()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{
        access::token::Access,
        ids::Timestamp,
        store::{Config, Keys, Page, Scope, api_tokens::NewToken, audit, sessions::Session},
    };

    /// S22: neither sessions nor tokens outlive the password they were opened with.
    #[test]
    fn s22_a_new_password_ends_the_sessions_and_the_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path().join("y.db").to_str().unwrap());
        let store = Store::open(&config, Keys::random()).unwrap();
        let user = add_without_login(&store, "alice").unwrap();
        let session = Session {
            id: "session".into(),
            user,
            created_at: now(),
            seen_at: now(),
            expires_at: Timestamp::NEVER,
            ends_at: Timestamp::NEVER,
            address: String::new(),
            agent: String::new(),
        };
        let token = NewToken {
            user,
            name: "script".into(),
            prefix: "yt_1".into(),
            hash: vec![1],
            access: Access::Write,
            accounts: None,
            created_at: now(),
            expires_at: None,
        };
        let scope = Scope::owner(user);
        let open = move |conn: &mut DbConn| {
            sessions::insert(conn, &session)?;
            api_tokens::insert(conn, &scope, &token)
        };
        store.write_blocking(open).unwrap();
        let replace = move |conn: &mut DbConn| {
            let user = users::find(conn, user)?.unwrap();
            replace_password(conn, &user, "hash")
        };
        let replaced = store.write_blocking(replace);
        assert_eq!(replaced, Ok(true));
        assert_eq!(store.read_blocking(move |conn| sessions::list(conn, user)), Ok(vec![]));
        assert_eq!(store.read_blocking(move |conn| api_tokens::list(conn, user)).unwrap(), []);
        let told = store.read_blocking(|conn| audit::list(conn, &audit::Filter::default(), Page::first(10))).unwrap().0;
        let told: Vec<_> = told.iter().map(|line| (line.via.as_str(), line.action.as_str())).collect();
        assert_eq!(told, [("cli", "user.set_password"), ("cli", "user.create")]);
    }

    #[test]
    fn a_password_is_hashed_without_its_line_feed_and_with_a_salt_of_its_own() {
        let phc = hash("correct horse\r\n", "alice", None).unwrap();
        assert!(password::verify("correct horse", &phc));
        assert_ne!(hash("correct horse", "alice", None).unwrap(), phc, "the salt must differ");
    }

    #[test]
    fn the_policy_is_the_same_as_everywhere_and_says_why() {
        let refused = |input: &str| hash(input, "alice", None).unwrap_err().to_string();
        assert_eq!(refused("123456789\n"), "the password is too short: it needs at least 10 characters");
        assert!(refused("woaini1314520\n").contains("many people use"));
        assert!(refused("alice in the pond\n").contains("the user's name"));
    }
}
