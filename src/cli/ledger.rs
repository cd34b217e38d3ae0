//! `ledger`: proves that the stock is what its log says.

use std::io::Write;

use anyhow::bail;

use super::open_store;
use crate::{
    ids::CardId,
    settings::Settings,
    store::{Store, ledger::CardWalk, units},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Walk the log of every card: each line's hash, the units' states against it, and the sums
    #[command(
        after_help = "Ends with 1 where anything is wrong, and names the card and the event.\nChanges nothing; a server may run."
    )]
    Verify,
}

pub(super) fn run(command: &Command, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    let store = open_store(settings)?;
    match command {
        Command::Verify => verify(&store, out),
    }
}

fn verify(store: &Store, out: &mut dyn Write) -> anyhow::Result<()> {
    let cards = store.read_blocking(units::pools)?;
    let (mut events, mut faults) = (0, 0);
    for card in &cards {
        let (walked, found) = faults_of(store, *card)?;
        events += walked;
        faults += found.len();
        for fault in found {
            writeln!(out, "card {card}: {fault}")?;
        }
    }
    out.flush()?;
    let checked = format!("{} card(s), {events} event(s)", cards.len());
    if faults > 0 {
        bail!("{checked}: {faults} fault(s); somebody changed the database past this program, or its disk is failing")
    }
    writeln!(out, "{checked}: everything holds together")?;
    Ok(())
}

/// How many events the card has, and what is wrong with it.
fn faults_of(store: &Store, card: CardId) -> anyhow::Result<(i64, Vec<String>)> {
    let mut walk = CardWalk::of(card);
    loop {
        let step = move |conn: &mut _| {
            let faults = walk.go_on(conn)?;
            Ok((walk, faults))
        };
        let (further, faults) = store.read_blocking(step)?;
        if let Some(faults) = faults {
            return Ok((further.events(), faults));
        }
        walk = further;
    }
}
