//! Shows challenges to people: once a process, on a thread of its own.
//!
//! What is stored is the truth: a page is opened from its row, and closed when its row is over, whoever ended it. The browser starts with
//! the first page and ends with the last.

mod check;
mod events;
mod open;
mod page;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::prelude::*;
use log::{info, warn};
use tokio::sync::Mutex;

use self::page::{Shown, Waiting};
use super::{
    browser::{self, Browser},
    challenge::{State, Trouble},
    hosts::Hosts,
    input::Input,
    messages::{Act, AskPages, By, Close, End, Leave, Look, Next, NotDone, Pages, Picture, Seen, Take, Told},
};
use crate::{
    account::messages::ChallengePassed,
    ids::{ChallengeId, Timestamp},
    store::{DbConn, QueryResult, Store, StoreError, audit, challenges},
    telemetry::clock,
};

/// How often it is looked whose time is over and what the browser takes.
const TICK: Duration = Duration::from_secs(1);

/// Rows may be ended elsewhere: they are looked at this often.
const SWEEP: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub struct Config {
    /// Empty: it is looked for.
    pub chromium: PathBuf,
    /// The browser's own folders are made in it; nothing else is.
    pub folder: PathBuf,
    pub hosts: Hosts,
    pub at_once: usize,
    /// In bytes.
    pub memory: u64,
}

/// Finds who hears of passed challenges: the registry is replaced when it dies.
pub type ToAccounts = Box<dyn Fn() -> Recipient<ChallengePassed>>;

pub struct ChallengeActor {
    store: Store,
    config: Config,
    accounts: ToAccounts,
    pages: HashMap<ChallengeId, Shown>,
    browser: Option<Running>,
    /// How many browsers there were.
    generation: u64,
    /// Pages that are being opened.
    opening: usize,
    /// One page is opened at a time: two people who come at once find one browser, and one page.
    door: Arc<Mutex<()>>,
    swept: Instant,
}

struct Running {
    browser: Browser,
    generation: u64,
}

impl ChallengeActor {
    pub fn new(store: Store, config: Config, accounts: ToAccounts) -> Self {
        Self {
            store,
            config,
            accounts,
            pages: HashMap::new(),
            browser: None,
            generation: 0,
            opening: 0,
            door: Arc::default(),
            swept: Instant::now(),
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = clock::unix();
        let is_late = self.pages.values().any(|shown| shown.expires_at <= now);
        if is_late || self.swept.elapsed() >= SWEEP {
            self.sweep(now, ctx);
        }
        self.weigh(ctx);
    }

    /// Closes the pages of what is over.
    fn sweep(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        self.swept = Instant::now();
        let store = self.store.clone();
        let swept = async move {
            let open = store.read(challenges::all_open).await?;
            if open.iter().all(|(_, expires_at)| *expires_at > now) {
                return Ok(open);
            }
            let job = move |conn: &mut DbConn| {
                challenges::expire(conn, now)?;
                challenges::all_open(conn)
            };
            store.write(job).await
        };
        ctx.spawn(swept.into_actor(self).map(move |open: Result<_, StoreError>, actor, ctx| match open {
            Ok(open) => actor.keep_only(&open, now, ctx),
            Err(error) => warn!(class = "database"; "it is not known which challenges are over: {error}"),
        }));
    }

    fn keep_only(&mut self, open: &[(ChallengeId, Timestamp)], now: Timestamp, ctx: &mut Context<Self>) {
        let shown: Vec<ChallengeId> = self.pages.keys().cloned().collect();
        for id in shown {
            let found = open.iter().find(|(known, _)| *known == id).map(|(_, expires_at)| *expires_at);
            let Some(page) = self.pages.get_mut(&id) else { continue };
            match found {
                Some(expires_at) if expires_at != page.expires_at => {
                    page.expires_at = expires_at;
                    page.tell(|_| Told::Expires(expires_at));
                }
                Some(_) => {}
                // Whoever cancels one says so: what is left was late, or its account is gone.
                None if page.expires_at <= now => self.close(&id, State::Expired, None, ctx),
                None => self.close(&id, State::Cancelled, None, ctx),
            }
        }
    }

    /// Ends a browser that takes too much. One that is only being started has nobody yet who would hear why.
    fn weigh(&mut self, ctx: &mut Context<Self>) {
        let Some(Running { browser, generation }) = self.browser.as_ref().filter(|_| !self.pages.is_empty()) else {
            return;
        };
        let (watch, generation) = (browser.watch(), *generation);
        ctx.spawn(watch.memory().into_actor(self).map(move |taken, actor, ctx| {
            let is_same = actor.browser.as_ref().is_some_and(|running| running.generation == generation);
            if let Some(taken) = taken.filter(|taken| is_same && *taken > actor.config.memory) {
                warn!(class = "system", taken_mib = taken >> 20; "the browser takes too much memory and is ended");
                actor.fail_all(Trouble::Memory, ctx);
            }
        }));
    }

    /// No page can go on.
    fn fail_all(&mut self, trouble: Trouble, ctx: &mut Context<Self>) {
        let shown: Vec<ChallengeId> = self.pages.keys().cloned().collect();
        for id in shown {
            self.fail(&id, trouble, ctx);
        }
        self.end_browser(ctx);
    }

    fn fail(&mut self, id: &ChallengeId, trouble: Trouble, ctx: &mut Context<Self>) {
        self.close(id, State::Failed, Some(trouble), ctx);
        self.keep(id.clone(), ctx, move |conn, id, now| {
            let failed = challenges::end(conn, id, State::Failed, Some(trouble), now)?;
            if failed { note(conn, id, "challenge.fail", trouble.as_str(), now) } else { Ok(()) }
        });
    }

    /// Writes something down that nobody waits for. What could not be written is found by the next look at the rows.
    fn keep(
        &self,
        id: ChallengeId,
        ctx: &mut Context<Self>,
        job: impl FnOnce(&mut DbConn, &ChallengeId, Timestamp) -> QueryResult<()> + Send + 'static,
    ) {
        let (store, now) = (self.store.clone(), clock::unix());
        let written = async move { store.write(move |conn| job(conn, &id, now)).await };
        ctx.spawn(written.into_actor(self).map(|written, _, _| {
            if let Err(error) = written {
                warn!(class = "database"; "what became of a challenge could not be stored: {error}");
            }
        }));
    }

    /// The page goes, and who looked at it hears why. The row is somebody else's business.
    fn close(&mut self, id: &ChallengeId, state: State, trouble: Option<Trouble>, ctx: &mut Context<Self>) {
        let Some(shown) = self.pages.remove(id) else { return };
        info!("account.id" = shown.account.0, state = state.as_str(); "the page of a challenge is closed");
        shown.tell(|_| Told::Over(state, trouble));
        let page = shown.page;
        ctx.spawn(page.close().into_actor(self).map(|(), actor, ctx| actor.rest(ctx)));
    }

    /// The browser ends with the last page.
    fn rest(&mut self, ctx: &mut Context<Self>) {
        if self.pages.is_empty() && self.opening == 0 {
            self.end_browser(ctx);
        }
    }

    fn end_browser(&mut self, ctx: &mut Context<Self>) {
        if let Some(Running { browser, .. }) = self.browser.take() {
            ctx.spawn(browser.end().into_actor(self).map(|(), _, _| info!("the browser has ended")));
        }
    }

    /// The page, where this person may act on it.
    fn page_for(&mut self, id: &ChallengeId, by: By) -> Result<&mut Shown, NotDone> {
        let shown = self.pages.get_mut(id).ok_or(NotDone::NotShown)?;
        let may = match by {
            By::Viewer(viewer) => shown.audience.controls(viewer),
            By::User(user) => shown.audience.is_open_to(user),
        };
        if may { Ok(shown) } else { Err(NotDone::NotInControl) }
    }
}

/// A line in the audit about what the program did.
fn note(conn: &mut DbConn, id: &ChallengeId, action: &'static str, why: &str, now: Timestamp) -> QueryResult<()> {
    let row = challenges::get_of_anybody(conn, id)?;
    let by = row.opened_by.unwrap_or_default();
    let after = serde_json::json!({"account_id": row.account, "why": why, "opened_by": by});
    let deed = audit::Deed::new(action, id).of(row.owner).after(after);
    audit::record(conn, &audit::Actor::system(), &deed, now)
}

impl Actor for ChallengeActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.wait(browser::wipe_leftovers(self.config.folder.clone()).into_actor(self));
        ctx.run_interval(TICK, Self::tick);
    }
}

impl Handler<Leave> for ChallengeActor {
    type Result = ();

    fn handle(&mut self, Leave { id, viewer }: Leave, _: &mut Context<Self>) {
        let Some(shown) = self.pages.get_mut(&id) else { return };
        if shown.audience.controls(viewer) {
            shown.let_go();
        }
        shown.audience.leave(viewer, clock::unix());
        shown.waiting.retain(|waiting| waiting.viewer != viewer);
        shown.tell_control();
        if shown.audience.is_empty() {
            shown.page.hide();
        }
    }
}

impl Handler<Next> for ChallengeActor {
    type Result = ResponseFuture<Option<Picture>>;

    fn handle(&mut self, Next { id, viewer, after, took }: Next, _: &mut Context<Self>) -> Self::Result {
        let Some(shown) = self.pages.get_mut(&id) else { return Box::pin(std::future::ready(None)) };
        if let Some(took) = took.filter(|_| shown.audience.controls(viewer))
            && shown.pace.took(took)
        {
            shown.show();
        }
        if let Some(picture) = shown.picture.as_ref().filter(|picture| picture.number > after) {
            return Box::pin(std::future::ready(Some(picture.clone())));
        }
        let (ready, picture) = tokio::sync::oneshot::channel();
        shown.waiting.push(Waiting { viewer, after, ready });
        // Dropped with the page.
        Box::pin(async move { picture.await.ok() })
    }
}

impl Handler<Act> for ChallengeActor {
    type Result = Result<(), NotDone>;

    fn handle(&mut self, Act { id, by, input }: Act, ctx: &mut Context<Self>) -> Self::Result {
        let shown = self.page_for(&id, by)?;
        shown.rate.try_take(Instant::now()).map_err(|_| NotDone::TooFast)?;
        if let Input::Resize(viewport) = input {
            shown.resize(viewport);
            return Ok(());
        }
        let (is_end, is_first) = (input.is_end(), !shown.acted);
        if is_first {
            self.know_cookies(&id, ctx);
        }
        self.page_for(&id, by)?.act(input);
        if is_end {
            self.check_soon(&id, ctx);
        }
        Ok(())
    }
}

impl Handler<Take> for ChallengeActor {
    type Result = Result<(), NotDone>;

    fn handle(&mut self, Take { id, viewer }: Take, _: &mut Context<Self>) -> Self::Result {
        let shown = self.pages.get_mut(&id).ok_or(NotDone::NotShown)?;
        if !shown.audience.take(viewer) {
            return Err(NotDone::NotShown);
        }
        shown.let_go();
        shown.tell_control();
        Ok(())
    }
}

impl Handler<Close> for ChallengeActor {
    type Result = ();

    fn handle(&mut self, Close { id, state }: Close, ctx: &mut Context<Self>) {
        self.close(&id, state, None, ctx);
    }
}

impl Handler<Look> for ChallengeActor {
    type Result = ResponseFuture<Option<Seen>>;

    fn handle(&mut self, Look(id): Look, _: &mut Context<Self>) -> Self::Result {
        let Some(shown) = self.pages.get(&id) else { return Box::pin(std::future::ready(None)) };
        let (page, viewport, quality) = (shown.page.clone(), shown.viewport, shown.pace.quality());
        let last = shown.picture.clone();
        Box::pin(async move {
            let number = last.as_ref().map_or(0, |picture| picture.number);
            // On its way to another page, or to another size, the browser makes none: then it is the last one.
            let jpeg = page.picture(quality).await.ok();
            let fresh = jpeg.map(|jpeg| Picture { number, jpeg: jpeg.into(), viewport });
            Some(Seen { picture: fresh.or(last), viewport })
        })
    }
}

impl Handler<AskPages> for ChallengeActor {
    type Result = MessageResult<AskPages>;

    fn handle(&mut self, _: AskPages, _: &mut Context<Self>) -> Self::Result {
        let watched = self.pages.iter().map(|(id, shown)| (id.clone(), shown.audience.viewers().count()));
        let browser = self.browser.as_ref().and_then(|running| running.browser.pid());
        MessageResult(Pages { watched: watched.collect(), browser })
    }
}

impl Handler<End> for ChallengeActor {
    type Result = ResponseFuture<()>;

    /// The rows stay open: whoever comes back after the start finds them.
    fn handle(&mut self, _: End, _: &mut Context<Self>) -> Self::Result {
        for (_, shown) in self.pages.drain() {
            shown.tell(|_| Told::ShuttingDown);
        }
        let running = self.browser.take();
        Box::pin(async move {
            if let Some(Running { browser, .. }) = running {
                browser.end().await;
            }
        })
    }
}
