//! `migrate`: brings the database to this program's version.

use std::io::Write;

use crate::{settings::Settings, store::migrate};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Instead take the newest N migrations back, with what they stored
    #[arg(long, value_name = "N")]
    down: Option<usize>,
}

pub(super) fn run(args: &Args, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    let config = settings.store();
    if let Some(steps) = args.down {
        let reverted = migrate::down(&config, steps)?;
        writeln!(out, "took back: {}", listed(&reverted))?;
        return Ok(());
    }
    let done = migrate::up(&config)?;
    if let Some(copy) = &done.copy {
        writeln!(out, "copied the database to {} first", copy.display())?;
    }
    match done.applied.as_slice() {
        [] => writeln!(out, "nothing to do: the database is up to date")?,
        versions => writeln!(out, "applied: {}", listed(versions))?,
    }
    Ok(())
}

fn listed(versions: &[String]) -> String {
    if versions.is_empty() { "nothing".to_owned() } else { versions.join(", ") }
}
