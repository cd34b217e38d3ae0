//! What is done about the account's items: one chore after the other, while the line stands.
//!
//! What comes next is asked of the database each time ([`agenda`]), so that nothing is forgotten over a restart. A chore is one call of the
//! gateway, within the rate of the settings. None is made while a stop switch is on or the platform wants a person. Chores never hold up
//! the line: they are futures of their own.

use std::time::Duration;

use actix::prelude::*;
use log::{debug, info, warn};

use super::{
    AccountActor,
    connect::{Credentials, Failure},
    env::Env,
};
use crate::{
    account::{facts::AccountFacts, state::State, token::Governor},
    ids::{AccountId, BuyerId, ItemId, Timestamp},
    item::{
        agenda::{self, Chore, Known},
        messages::{ItemsWanted, NotPolished, PolishNow},
        progress::SyncState,
    },
    outbox::rate::{Rate, RateConfig},
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

/// After a stop switch the agenda is looked at again after this long.
const STOPPED: Duration = Duration::from_secs(60);

/// Pause after a call that failed; doubles with each in a row.
const PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);

/// Pause after "too many calls".
const TOO_MANY: Duration = Duration::from_secs(10 * 60);

/// Calls at once after a quiet time.
const BURST: u32 = 5;

/// Pages of one list; whoever sells more gets no more read.
const PAGES: u32 = 500;

/// How chores are done.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    pub agenda: agenda::Config,
    /// Calls of one account about its items, in the long run. Zero: as fast as they come.
    pub calls_per_minute: u32,
}

pub(super) struct Chores {
    rate: Rate,
    timer: SpawnHandle,
    /// When the timer goes off.
    alarm: Option<Timestamp>,
    working: bool,
    /// When the agenda is to be looked at again, asked for while it was working: what it knows may be old.
    asked: Option<Timestamp>,
    /// After a call that failed nothing is done before.
    not_before: Timestamp,
    /// Calls that failed in a row.
    failures: u32,
    /// The list that is being read.
    reading: Option<Reading>,
}

/// How far a list is read.
#[derive(Debug, Clone, Copy)]
struct Reading {
    began: Timestamp,
    page: u32,
    done: i64,
}

/// What is to be done, as the database knows it.
enum Plan {
    Chore(Chore),
    /// A stop switch is on.
    Stopped,
}

/// What became of a chore.
enum Done {
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

impl Chores {
    pub(super) fn new(config: &Config) -> Self {
        let per_second = f64::from(config.calls_per_minute) / 60.0;
        Self {
            rate: Rate::new(RateConfig { per_second, burst: BURST }),
            timer: SpawnHandle::default(),
            alarm: None,
            working: false,
            asked: None,
            not_before: Timestamp(0),
            failures: 0,
            reading: None,
        }
    }

    fn pause(&mut self) -> Duration {
        self.failures += 1;
        LONGEST_PAUSE.min(PAUSE * 2_u32.saturating_pow(self.failures - 1))
    }
}

impl AccountActor {
    /// Looks at the agenda after this long, unless that is done sooner anyway.
    pub(super) fn look_at_items(&mut self, after: Duration, ctx: &mut Context<Self>) {
        let at = clock::unix() + after;
        if self.chores.working {
            self.chores.asked = Some(self.chores.asked.map_or(at, |asked| asked.min(at)));
            return;
        }
        let at = self.chores.asked.take().map_or(at, |asked| asked.min(at)).max(self.chores.not_before);
        if !self.is_registered() || self.chores.alarm.is_some_and(|alarm| alarm <= at) {
            return;
        }
        ctx.cancel_future(self.chores.timer);
        self.chores.alarm = Some(at);
        self.chores.timer = ctx.run_later(at.since(clock::unix()), |actor, ctx| {
            actor.chores.alarm = None;
            actor.plan_chore(ctx);
        });
    }

    /// The line is gone: nothing more is begun. A call that is under way comes to its end.
    pub(super) fn leave_items(&mut self, ctx: &mut Context<Self>) {
        ctx.cancel_future(self.chores.timer);
        self.chores.alarm = None;
    }

    pub(super) fn is_registered(&self) -> bool {
        self.stopping.is_none() && self.link.as_ref().is_some_and(|link| link.registered)
    }

    fn plan_chore(&mut self, ctx: &mut Context<Self>) {
        if self.chores.working || !self.is_registered() {
            return;
        }
        self.chores.working = true;
        let (store, facts, config) = (self.env.store.clone(), self.facts.clone(), self.env.config.items.agenda);
        let planned = async move { store.read(move |conn| plan(conn, &facts, &config, clock::unix())).await };
        let then = planned.into_actor(self).map(|planned, actor, ctx| {
            actor.chores.working = false;
            match planned {
                Ok(Plan::Chore(Chore::Rest(until))) => actor.look_at_items(until.since(clock::unix()), ctx),
                Ok(Plan::Stopped) => actor.look_at_items(STOPPED, ctx),
                Ok(Plan::Chore(chore)) => actor.begin_chore(chore, ctx),
                Err(error) => {
                    warn!(class = "database"; "cannot read what is to be done about items: {error}");
                    actor.look_at_items(PAUSE, ctx);
                }
            }
        });
        ctx.spawn(then);
    }

    fn begin_chore(&mut self, chore: Chore, ctx: &mut Context<Self>) {
        if !self.is_registered() {
            return;
        }
        let now = clock::now().instant;
        if let Err(from) = self.chores.rate.try_take(now) {
            return self.look_at_items(from.saturating_duration_since(now), ctx);
        }
        self.chores.working = true;
        let (env, facts, reading) = (self.env.clone(), self.facts.clone(), self.chores.reading.take());
        let done = async move { work(&env, &facts, chore, reading).await };
        let then = done.into_actor(self).map(|done, actor, ctx| {
            actor.chores.working = false;
            let pause = actor.chore_done(done);
            actor.chores.not_before = clock::unix() + pause;
            actor.look_at_items(pause, ctx);
        });
        ctx.spawn(then);
    }

    /// How long to rest before the next.
    fn chore_done(&mut self, done: Result<Done, Failure>) -> Duration {
        let badly = |failure: Failure| Done::Badly {
            pause: Duration::ZERO,
            why: failure.detail.unwrap_or_else(|| failure.reason.as_str().to_owned()),
        };
        match done.unwrap_or_else(badly) {
            Done::Well { reading, told } => {
                self.chores.failures = 0;
                self.chores.reading = reading;
                told.into_iter().for_each(|known| self.tell_item(known));
                Duration::ZERO
            }
            Done::Badly { pause, why } => {
                warn!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name, class = "network"; "a call about items failed: {why}");
                pause.max(self.chores.pause())
            }
            Done::Tripped(governor) => {
                self.governor = *governor;
                LONGEST_PAUSE
            }
        }
    }
}

fn plan(conn: &mut DbConn, facts: &AccountFacts, config: &agenda::Config, now: Timestamp) -> QueryResult<Plan> {
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
    let (outcome, _) = credentials.call(env, call).await?;
    match outcome {
        Outcome::Success(_) | Outcome::Business { .. } => Ok(Called::Answered(outcome)),
        Outcome::RateLimited => Ok(Called::TooMany),
        refused => {
            let failure = credentials.refused(env, refused).await?;
            if failure.state == State::Failed {
                Ok(Called::Tripped(Box::new(credentials.governor)))
            } else {
                Err(failure)
            }
        }
    }
}

async fn work(env: &Env, facts: &AccountFacts, chore: Chore, reading: Option<Reading>) -> Result<Done, Failure> {
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

enum Polished {
    Done,
    /// The platform said no; it is written down with the item.
    Refused(String),
    TooMany,
    Tripped(Box<Governor>),
}

/// Polishes one item, and writes down what came of it.
async fn polish(env: &Env, facts: &AccountFacts, item: ItemId) -> Result<Polished, Failure> {
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

impl Handler<ItemsWanted> for AccountActor {
    type Result = ();

    fn handle(&mut self, _: ItemsWanted, ctx: &mut Self::Context) {
        // A person knows more than the pauses do.
        (self.chores.failures, self.chores.not_before) = (0, Timestamp(0));
        self.look_at_items(Duration::ZERO, ctx);
    }
}

impl Handler<PolishNow> for AccountActor {
    type Result = ResponseActFuture<Self, Result<(), NotPolished>>;

    fn handle(&mut self, PolishNow { item, .. }: PolishNow, _: &mut Self::Context) -> Self::Result {
        if !self.is_registered() {
            return Box::pin(std::future::ready(Err(NotPolished::Unavailable)).into_actor(self));
        }
        let now = clock::now().instant;
        if let Err(from) = self.chores.rate.try_take(now) {
            let wait = from.saturating_duration_since(now).as_secs() + 1;
            return Box::pin(std::future::ready(Err(NotPolished::TooFast(wait))).into_actor(self));
        }
        let (env, facts) = (self.env.clone(), self.facts.clone());
        let polished = async move {
            let id = facts.id;
            let stopped = env.store.read(move |conn| store::accounts::is_stopped(conn, id)).await;
            match stopped {
                Ok(false) => polish(&env, &facts, item).await.map_err(|failure| {
                    NotPolished::Failed(failure.detail.unwrap_or_else(|| failure.reason.as_str().to_owned()))
                }),
                Ok(true) => Err(NotPolished::Stopped),
                Err(error) => Err(NotPolished::Failed(error.to_string())),
            }
        };
        let then = polished.into_actor(self).map(|polished, actor, _| match polished? {
            Polished::Done => Ok(()),
            Polished::Refused(why) => Err(NotPolished::Refused(why)),
            Polished::TooMany => Err(NotPolished::TooFast(TOO_MANY.as_secs())),
            Polished::Tripped(governor) => {
                actor.governor = *governor;
                Err(NotPolished::Failed("the platform asks for a person".into()))
            }
        });
        Box::pin(then)
    }
}
