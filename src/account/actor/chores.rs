//! What one chore is: what comes next as the database knows it, one call of the gateway, and what is written down of its answer.

use std::time::Duration;

use log::{debug, info};

use super::{
    connect::{Credentials, Failure},
    env::Env,
};
use crate::{
    account::{facts::AccountFacts, state::State, token::Governor},
    ids::{AccountId, BuyerId, ItemId, Timestamp},
    item::{
        agenda::{self, Chore, Known},
        progress::SyncState,
    },
    platform::mtop::{
        call::Call,
        item::{self, ItemCard, ItemDetail, ItemPage},
        outcome::Outcome,
    },
    reply::messages::ItemKnown,
    store::{
        self, DbConn, QueryResult, StoreError,
        item_syncs::{self, Sync},
        items::{self, News},
    },
    telemetry::clock,
};

/// Pause after "too many calls".
pub(super) const TOO_MANY: Duration = Duration::from_secs(10 * 60);

/// Pages of one list; whoever sells more gets no more read.
const PAGES: u32 = 500;

/// How far a list is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    began: Timestamp,
    page: u32,
    done: i64,
}

/// What is to be done, as the database knows it.
pub(super) enum Plan {
    Chore(Chore),
    /// A stop switch is on.
    Stopped,
}

/// What became of a chore.
pub(super) enum Done {
    /// `told`: items that have another title than before.
    Well {
        reading: Option<Reading>,
        told: Vec<ItemKnown>,
    },
    Badly {
        pause: Duration,
        why: String,
    },
    /// The platform wants a person.
    Tripped(Box<Governor>),
}

pub(super) fn plan(
    conn: &mut DbConn,
    facts: &AccountFacts,
    config: &agenda::Config,
    now: Timestamp,
) -> QueryResult<Plan> {
    if store::accounts::is_stopped(conn, facts.id)? {
        return Ok(Plan::Stopped);
    }
    let sync = item_syncs::load(conn, facts.id)?;
    let known = Known {
        sync: sync.state,
        finished_at: sync.finished_at,
        synced_at: sync.synced_at,
        without_detail: items::next_without_detail(conn, facts.id, &facts.uid, now - config.retry_after)?,
        to_polish: items::list_to_polish(conn, facts.id, &facts.uid)?,
    };
    Ok(Plan::Chore(agenda::next(facts.id, &known, config, now)))
}

/// What came of one call, and what it means for the account.
enum Called {
    Answered(Outcome),
    TooMany,
    Tripped(Box<Governor>),
}

/// One call, unless the platform wants a person.
async fn call(env: &Env, facts: &AccountFacts, call: &Call) -> Result<Called, Failure> {
    let mut credentials = Credentials::load(&env.store, facts).await?;
    if credentials.governor.breaker.is_some() {
        return Ok(Called::Tripped(Box::new(credentials.governor)));
    }
    let outcome = credentials.call(env, call).await?;
    match outcome {
        Outcome::Success(_) | Outcome::Business { .. } => Ok(Called::Answered(outcome)),
        Outcome::RateLimited => Ok(Called::TooMany),
        refused => {
            let failure = credentials.refused(env, refused, Some(call.clone())).await?;
            if failure.state == State::Failed {
                Ok(Called::Tripped(Box::new(credentials.governor)))
            } else {
                Err(failure)
            }
        }
    }
}

pub(super) async fn work(
    env: &Env,
    facts: &AccountFacts,
    chore: Chore,
    reading: Option<Reading>,
) -> Result<Done, Failure> {
    match chore {
        Chore::List => list(env, facts, reading).await,
        Chore::Detail(item) => detail(env, facts, item).await,
        Chore::Polish(item) => match polish(env, facts, item).await? {
            Polished::Done | Polished::Refused(_) => Ok(Done::Well { reading, told: Vec::new() }),
            Polished::TooMany => Ok(too_many()),
            Polished::Tripped(governor) => Ok(Done::Tripped(governor)),
        },
        Chore::Rest(_) => Ok(Done::Well { reading, told: Vec::new() }),
    }
}

fn too_many() -> Done {
    Done::Badly { pause: TOO_MANY, why: "too many calls".into() }
}

/// Reads the next page of the list. A reading that fails is written down as failed, and begun anew after a while.
async fn list(env: &Env, facts: &AccountFacts, reading: Option<Reading>) -> Result<Done, Failure> {
    let reading = match reading {
        Some(reading) => reading,
        None => begin_list(env, facts.id).await?,
    };
    let page = reading.page + 1;
    let read = match call(env, facts, &item::item_list(&facts.uid, page)).await {
        Ok(Called::Answered(Outcome::Success(data))) => ItemPage::read(&data).map_err(|error| error.to_string()),
        Ok(Called::Answered(refused)) => Err(refused.to_string()),
        Ok(Called::TooMany) => {
            give_up_list(env, facts.id, "too many calls").await?;
            return Ok(too_many());
        }
        Ok(Called::Tripped(governor)) => {
            give_up_list(env, facts.id, "the platform asks for a person").await?;
            return Ok(Done::Tripped(governor));
        }
        Err(failure) => Err(failure.detail.unwrap_or_else(|| failure.reason.as_str().to_owned())),
    };
    match read {
        Ok(cards) => Ok(note_page(env, facts, Reading { page, ..reading }, cards).await?),
        Err(why) => {
            give_up_list(env, facts.id, &why).await?;
            Ok(Done::Badly { pause: Duration::ZERO, why })
        }
    }
}

async fn begin_list(env: &Env, account: AccountId) -> Result<Reading, StoreError> {
    let began = clock::unix();
    let begin = move |conn: &mut DbConn| {
        let before = item_syncs::load(conn, account)?;
        let sync = Sync {
            state: SyncState::Running,
            queued_at: before.queued_at,
            started_at: Some(began),
            synced_at: before.synced_at,
            ..Sync::idle(account)
        };
        item_syncs::put(conn, &sync)
    };
    env.store.write(begin).await?;
    Ok(Reading { began, page: 0, done: 0 })
}

async fn give_up_list(env: &Env, account: AccountId, why: &str) -> Result<(), StoreError> {
    let (why, now) = (why.to_owned(), clock::unix());
    let give_up = move |conn: &mut DbConn| {
        let sync = item_syncs::load(conn, account)?;
        item_syncs::put(conn, &Sync { state: SyncState::Failed, error: Some(why), finished_at: Some(now), ..sync })
    };
    env.store.write(give_up).await
}

async fn note_page(env: &Env, facts: &AccountFacts, reading: Reading, page: ItemPage) -> Result<Done, StoreError> {
    let (account, seller, now) = (facts.id, facts.uid.clone(), clock::unix());
    let note = move |conn: &mut DbConn| {
        let (noted, ended) = note_cards(conn, account, &seller, reading, &page.cards, page.is_last, now)?;
        let renamed = page.cards.into_iter().filter(|card| noted.renamed.contains(&card.item));
        let told: Vec<ItemKnown> = renamed
            .map(|card| ItemKnown {
                account,
                item: card.item,
                seller: Some(seller.clone()),
                title: Some(card.title).filter(|title| !title.is_empty()),
            })
            .collect();
        Ok((noted.fresh, ended, told))
    };
    let (fresh, ended, told) = env.store.write_items(account, note).await?;
    let done = reading.done + i64::try_from(fresh).unwrap_or(i64::MAX);
    if ended {
        info!("account.id" = account.0, "account.name" = &*facts.name, items = done; "the account's list of items was read");
    }
    Ok(Done::Well { reading: (!ended).then_some(Reading { done, ..reading }), told })
}

/// A list ends with a short page, or where a page shows nothing that was not on an earlier one.
fn note_cards(
    conn: &mut DbConn,
    account: AccountId,
    seller: &BuyerId,
    reading: Reading,
    cards: &[ItemCard],
    is_last: bool,
    now: Timestamp,
) -> QueryResult<(items::Noted, bool)> {
    let noted = items::note_cards(conn, account, seller, cards, reading.began, now)?;
    let ended = is_last || noted.fresh == 0;
    let mut sync = item_syncs::load(conn, account)?;
    sync.page = i64::from(reading.page);
    sync.done = reading.done + i64::try_from(noted.fresh).unwrap_or(i64::MAX);
    if ended {
        items::unlist_unseen(conn, account, reading.began, now)?;
    }
    if ended || reading.page >= PAGES {
        sync.state = SyncState::Done;
        sync.total = Some(sync.done);
        sync.finished_at = Some(now);
        sync.synced_at = Some(now);
    }
    item_syncs::put(conn, &sync)?;
    Ok((noted, ended || reading.page >= PAGES))
}

/// Asks for everything about one item.
async fn detail(env: &Env, facts: &AccountFacts, item: ItemId) -> Result<Done, Failure> {
    let (account, now) = (facts.id, clock::unix());
    let outcome = match call(env, facts, &item::item_detail(&item)).await? {
        Called::Answered(outcome) => outcome,
        Called::TooMany => return Ok(too_many()),
        Called::Tripped(governor) => return Ok(Done::Tripped(governor)),
    };
    let gone = outcome.is_item_gone();
    let read = match outcome {
        Outcome::Success(data) => match ItemDetail::read(&data) {
            Ok(detail) if detail.item == item => Ok(detail),
            // Kept as the other's, it would be asked for again at once, and for ever.
            Ok(_) => Err("the answer is about another item".to_owned()),
            Err(error) => Err(error.to_string()),
        },
        refused => Err(refused.to_string()),
    };
    let told = match read {
        Ok(detail) => {
            let known = known(account, &detail);
            let note = move |conn: &mut DbConn| items::note_detail(conn, account, &detail, now);
            match env.store.write_items(account, note).await? {
                News::Title => vec![known],
                News::Something | News::Nothing => Vec::new(),
            }
        }
        Err(_) if gone => {
            env.store.write_items(account, move |conn| items::note_gone(conn, account, &item, now)).await?;
            Vec::new()
        }
        Err(why) => {
            debug!("account.id" = account.0, "item.id" = item.as_str(); "no detail of an item: {why}");
            env.store.write_items(account, move |conn| items::note_detail_tried(conn, account, &item, now)).await?;
            Vec::new()
        }
    };
    Ok(Done::Well { reading: None, told })
}

/// What answering needs to know of it.
pub(super) fn known(account: AccountId, detail: &ItemDetail) -> ItemKnown {
    ItemKnown {
        account,
        item: detail.item.clone(),
        seller: Some(detail.seller.clone()),
        title: Some(detail.title.clone()).filter(|title| !title.is_empty()),
    }
}

pub(super) enum Polished {
    Done,
    /// The platform said no; it is written down with the item.
    Refused(String),
    TooMany,
    Tripped(Box<Governor>),
}

/// Polishes one item, and writes down what came of it.
pub(super) async fn polish(env: &Env, facts: &AccountFacts, item: ItemId) -> Result<Polished, Failure> {
    let account = facts.id;
    let outcome = match call(env, facts, &item::polish(&item)).await? {
        Called::Answered(outcome) => outcome,
        Called::TooMany => return Ok(Polished::TooMany),
        Called::Tripped(governor) => return Ok(Polished::Tripped(governor)),
    };
    let now = clock::unix();
    if matches!(outcome, Outcome::Success(_)) || outcome.is_done_already() {
        let day = agenda::day(now);
        env.store.write_items(account, move |conn| items::note_polished(conn, account, &item, day, now)).await?;
        return Ok(Polished::Done);
    }
    let why = match outcome {
        Outcome::Business { code, text } if text.is_empty() => code,
        Outcome::Business { text, .. } => text,
        other => other.to_string(),
    };
    let said = why.clone();
    let noted = move |conn: &mut DbConn| items::note_not_polished(conn, account, &item, &said, now);
    env.store.write_items(account, noted).await?;
    Ok(Polished::Refused(why))
}
