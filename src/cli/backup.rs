//! `backup` and `restore`: a verified copy of the SQLite database, and the way back.

use std::{io::Write, path::PathBuf};

use anyhow::{Context as _, bail};

use super::{now, open_store, write_down};
use crate::{
    app::SPARE,
    settings::Settings,
    store::{
        Keys,
        audit::{Actor, Deed},
        backups::{self, Job},
        lock::ServerLock,
        migrate,
    },
};

/// Copy the SQLite database into a folder, and verify the copy
///
/// A server may run, and nobody waits for it. The copy is read again: every page, the migrations, the log of the stock, and that the key
/// opens its secrets; one that is not good is removed. The key is not in it: keep that elsewhere.
///
/// Without FOLDER it goes where the nightly ones are (backup.folder), of which the newest stay (backup.keep). In a FOLDER of yours nothing
/// is ever removed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  yutang backup /mnt/usb\n\nPostgreSQL is not copied: use pg_dump.")]
pub(super) struct BackupArgs {
    /// Where the copy goes; its name is yutang-YYYYMMDD-HHMMSS.db, in UTC
    folder: Option<PathBuf>,
}

/// Put a copy in the place of the SQLite database, while no server runs
///
/// The copy is verified first, and one of an older version is brought to this one's form. The database that was there is kept beside it
/// under another name. The key must be the one that the copy was made with.
///
/// What was sold since the copy was made is not sold again: it is void. Everything is stopped afterwards: mark the orders that were
/// served since as shipped on the platform, then let it go on in the panel.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  yutang restore data/backups/yutang-20260101-203000.db")]
pub(super) struct RestoreArgs {
    file: PathBuf,
}

pub(super) fn back_up(args: &BackupArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    refuse_postgres(settings)?;
    let status = migrate::status(&settings.store())?;
    if status.applied.is_empty() {
        bail!("there is no database at {} yet", settings.database_url());
    }
    // Opening it would migrate it: whoever wants a copy before that gets one from `migrate` itself.
    if !status.pending.is_empty() {
        bail!("the database is older than this program: run `yutang migrate`, which puts a copy aside first");
    }
    let store = open_store(settings)?;
    let is_own = args.folder.is_some();
    let folder = args.folder.clone().unwrap_or_else(|| settings.backup_folder());
    let keep = if is_own { 0 } else { settings.backup.keep };
    let job = Job { database: settings.store(), keys: store.keys().clone(), folder, keep, spare: SPARE };
    let (run, present) = backups::run(&job, now(), &|| false);
    let (made, fault) = (run.made.clone(), run.fault.clone());
    let remember = move |conn: &mut _| {
        if is_own {
            // The server's own folder has nothing to do with it.
            backups::write_down(conn, &Actor::cli(), &run, now())
        } else {
            backups::remember(conn, &Actor::cli(), &run, &present, now())
        }
    };
    store.write_blocking(remember).context("what became of the backup cannot be written down")?;
    if let Some(fault) = fault {
        bail!("{fault} {}", fault.advice().en);
    }
    if let Some(made) = made {
        let (path, proof) = (job.folder.join(&made.name), made.proof);
        writeln!(out, "{} ({} bytes)", path.display(), made.size)?;
        writeln!(
            out,
            "verified: every page is whole, {} card(s) with {} event(s) hold together, the key opens it",
            proof.cards, proof.events
        )?;
        writeln!(out, "{}", where_the_key_is(settings))?;
    }
    Ok(())
}

pub(super) fn restore(args: &RestoreArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    refuse_postgres(settings)?;
    let _alone = ServerLock::acquire(&settings.data_dir, &settings.store())?;
    let keys = keys_that_are_there(settings)?;
    let restored = backups::restore(&args.file, &settings.store(), &keys, now())
        .with_context(|| format!("{} is not restored, and the database is as it was", args.file.display()))?;
    let (name, at) = (args.file.file_name().unwrap_or_default().to_string_lossy().into_owned(), now());
    let after = serde_json::json!({"name": name, "withheld": restored.withheld});
    let tell = move |conn: &mut _| write_down(conn, &Deed::new("backup.restore", at.0).after(&after), at);
    open_store(settings)?.write_blocking(tell)?;
    writeln!(out, "{} is the database now: {}", args.file.display(), settings.database_url())?;
    if let Some(aside) = restored.aside {
        writeln!(out, "the one that was there: {}", aside.display())?;
    }
    match restored.withheld {
        Some(0) => {}
        Some(count) => {
            writeln!(out, "{count} piece(s) of stock were drawn since: they are void now, and not sold again")?
        }
        None => writeln!(
            out,
            "it cannot be read what was sold since: make such pieces void in the panel before anything goes on"
        )?,
    }
    writeln!(
        out,
        "everything is stopped: start the server, mark the orders that were served since as shipped on the platform, and then let it go \
         on in the panel (stock that was imported since is missing)"
    )?;
    Ok(())
}

fn refuse_postgres(settings: &Settings) -> anyhow::Result<()> {
    if backups::file(&settings.store())?.is_none() {
        bail!(
            "the database is PostgreSQL, which has its own means for this: {}   (and pg_restore to go back)",
            backups::OF_POSTGRES
        );
    }
    Ok(())
}

/// None is made: a new one would open nothing.
fn keys_that_are_there(settings: &Settings) -> anyhow::Result<Keys> {
    let (text, file) = (&settings.secrets.key, settings.key_file());
    if text.is_empty() && !file.exists() {
        bail!("there is no key at {}: put back the one that was used with this copy first", file.display());
    }
    Keys::load(Some(text.as_str()).filter(|text| !text.is_empty()), &file).context("cannot use the key for secrets")
}

fn where_the_key_is(settings: &Settings) -> String {
    if settings.secrets.key.is_empty() {
        format!("the key is not in it, keep it elsewhere: {}", settings.key_file().display())
    } else {
        "the key is not in it, keep it elsewhere: it is in secrets.key".to_owned()
    }
}
