//! `ledger`: proves that the stock is what its log says.

use std::io::Write;

use anyhow::bail;

use super::open_store;
use crate::{
    delivery::chain::Walk,
    ids::CardId,
    settings::Settings,
    store::{Store, units},
};

/// So many events are read at once.
const PART: i64 = 5000;

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

/// How many events the card has, and what is wrong with it. Where its log breaks nothing behind that can be proven.
fn faults_of(store: &Store, card: CardId) -> anyhow::Result<(i64, Vec<String>)> {
    let mut faults = Vec::new();
    let (mut walk, mut walked) = (Walk::default(), 0);
    loop {
        let part = store.read_blocking(move |conn| units::log_after(conn, card, walked, PART))?;
        let Some((last, _)) = part.last() else { break };
        walked = last.number;
        if let Some(broken) = part.iter().find_map(|(link, hash)| walk.step(link, hash).err()) {
            faults.push(broken.to_string());
            break;
        }
    }
    let (sum, astray) = store.read_blocking(move |conn| Ok((units::sum(conn, card)?, units::astray(conn, card)?)))?;
    faults.extend(astray.iter().map(|unit| format!("unit {unit} is not what the log says")));
    if !sum.is_right() {
        faults.push(format!("{} unit(s) were imported, and {} are there", sum.imported, sum.counts.sum()));
    }
    Ok((walked, faults))
}
