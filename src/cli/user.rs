//! `user`: people with a login, who own accounts.

use std::io::Write;

use anyhow::{Context as _, anyhow, bail};
use argon2::{Argon2, password_hash::PasswordHasher};

use super::{check_name, now, open_store, print_table, shown_time, stdin_text};
use crate::{
    access::role::Role,
    ids::UserId,
    settings::Settings,
    store::{
        Store,
        users::{self, NewUser},
    },
};

/// In characters. Long enough that guessing over the network is hopeless, whatever the letters are.
const SHORTEST_PASSWORD: usize = 10;
/// In bytes. Hashing more only helps who wants to keep the server busy.
const LONGEST_PASSWORD: usize = 1024;

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
    let password_hash = hash(&stdin_text()?)?;
    let store = open_store(settings)?;
    insert(&store, new_user(&name, password_hash, if is_admin { Role::Admin } else { Role::Owner }))?;
    writeln!(out, "added user {name}")?;
    Ok(())
}

/// Makes a user whom nobody has told the password.
pub(super) fn add_without_login(store: &Store, name: &str) -> anyhow::Result<UserId> {
    let password_hash = hash(&format!("{:032x}", rand::random::<u128>()))?;
    insert(store, new_user(name, password_hash, Role::Owner))
}

fn new_user(name: &str, password_hash: String, role: Role) -> NewUser {
    NewUser { name: name.to_owned(), password_hash, role, employer: None, email: None, created_at: now() }
}

fn insert(store: &Store, user: NewUser) -> anyhow::Result<UserId> {
    let name = user.name.clone();
    let added = store.write_blocking(move |conn| users::insert(conn, &user))?;
    added.with_context(|| format!("the user {name:?} exists already: `yutang user passwd` changes the password"))
}

fn passwd(settings: &Settings, name: String, out: &mut dyn Write) -> anyhow::Result<()> {
    let hash = hash(&stdin_text()?)?;
    let store = open_store(settings)?;
    let wanted = name.clone();
    let known = store.write_blocking(move |conn| match users::find_by_name(conn, &wanted)? {
        Some(user) => users::set_password_hash(conn, user.id, &hash),
        None => Ok(false),
    })?;
    if !known {
        bail!("there is no user {name:?}: `yutang user list` shows all");
    }
    writeln!(out, "changed the password of {name}")?;
    Ok(())
}

fn list(settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    let users = open_store(settings)?.read_blocking(users::list)?;
    let rows: Vec<_> =
        users.into_iter().map(|user| [user.name, user.role.as_str().to_owned(), shown_time(user.created_at)]).collect();
    Ok(print_table(out, ["NAME", "ROLE", "SINCE"], &rows)?)
}

/// Argon2id with its recommended cost, salted by the system's random numbers.
fn hash(input: &str) -> anyhow::Result<String> {
    let password = input.strip_suffix('\n').unwrap_or(input);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.chars().count() < SHORTEST_PASSWORD {
        bail!("the password is too short: it needs at least {SHORTEST_PASSWORD} characters");
    }
    if password.len() > LONGEST_PASSWORD {
        bail!("the password is too long: at most {LONGEST_PASSWORD} bytes");
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| anyhow!("cannot hash the password: {error}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};

    use super::*;

    #[test]
    fn a_password_is_hashed_with_argon2id_and_without_its_line_feed() {
        let text = hash("correct horse\r\n").unwrap();
        assert!(text.starts_with("$argon2id$"));
        let parsed = PasswordHash::new(&text).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert_ne!(hash("correct horse").unwrap(), text, "the salt must differ");
    }

    #[test]
    fn a_short_password_is_refused_by_characters_not_bytes() {
        assert!(hash("123456789\n").is_err());
        assert!(hash("密码密码密码密码密").is_err());
        assert!(hash("密码密码密码密码密码").is_ok());
    }
}
