//! From a row to a page that a person sees.

use std::sync::Arc;

use actix::{
    fut::{self, LocalBoxActorFuture},
    prelude::*,
};
use futures_util::{StreamExt as _, stream};
use log::{info, warn};

use super::{ChallengeActor, Running, events::Heard, page::Shown};
use crate::{
    captcha::{
        browser::{self, Browser, BrowserError, Page, Pages},
        challenge::{State, Trouble},
        input::Viewport,
        messages::{NotShown, Watch, Watching},
    },
    ids::{AccountId, ChallengeId, Timestamp},
    platform::cookies::Cookies,
    store::{DbConn, Store, StoreError, accounts, challenges},
    telemetry::clock,
};

type Opening<T> = LocalBoxActorFuture<ChallengeActor, Result<T, NotShown>>;

/// A challenge with what is needed to show it.
struct Demand {
    account: AccountId,
    url: String,
    cookies: Cookies,
    expires_at: Timestamp,
}

impl From<StoreError> for NotShown {
    fn from(error: StoreError) -> Self {
        Self::Storage(error.to_string())
    }
}

impl Handler<Watch> for ChallengeActor {
    type Result = ResponseActFuture<Self, Result<Watching, NotShown>>;

    fn handle(&mut self, watch: Watch, _: &mut Context<Self>) -> Self::Result {
        let door = Arc::clone(&self.door);
        self.opening += 1;
        let opened = async move { door.lock_owned().await }.into_actor(self).then(move |turn, actor, _| {
            let ready = actor.ready(watch.id.clone(), watch.name.clone());
            ready.map(move |ready, actor: &mut Self, ctx: &mut Context<Self>| {
                // Held until here.
                drop(turn);
                actor.opening -= 1;
                if ready.is_err() {
                    actor.rest(ctx);
                }
                ready.and_then(|()| actor.join(watch))
            })
        });
        Box::pin(opened)
    }
}

impl ChallengeActor {
    fn join(&mut self, watch: Watch) -> Result<Watching, NotShown> {
        let Watch { id, viewer, user, name, told } = watch;
        // It may have ended a moment ago.
        let shown = self.pages.get_mut(&id).ok_or(NotShown::Trouble(Trouble::BrowserGone))?;
        // Whoever left while it was opened has said so already, when nobody knew of them: they would control it for ever.
        if !told.connected() {
            return Err(NotShown::Trouble(Trouble::BrowserGone));
        }
        shown.listeners.retain(|(known, _)| shown.audience.viewers().any(|viewer| viewer == *known));
        if shown.audience.is_empty() {
            shown.show();
        }
        shown.audience.join(viewer, user, &name, clock::unix());
        shown.tell_control();
        shown.listeners.push((viewer, told));
        Ok(Watching { viewport: shown.viewport, expires_at: shown.expires_at, control: shown.control_for(viewer) })
    }

    /// Its page is open, or is opened now.
    fn ready(&mut self, id: ChallengeId, by: String) -> Opening<()> {
        if self.pages.contains_key(&id) {
            return Box::pin(fut::ready(Ok(())));
        }
        let read = read(self.store.clone(), id.clone());
        Box::pin(read.into_actor(self).then(move |demand, actor, _| match demand {
            Ok(demand) => actor.open(id, demand, by),
            Err(not) => Box::pin(fut::ready(Err(not))),
        }))
    }

    fn open(&mut self, id: ChallengeId, demand: Demand, by: String) -> Opening<()> {
        let refuse = |trouble| -> Opening<()> { Box::pin(fut::ready(Err(NotShown::Trouble(trouble)))) };
        if self.pages.len() >= self.config.at_once {
            return refuse(Trouble::TooMany);
        }
        if !self.config.hosts.allows_page(&demand.url) {
            warn!("account.id" = demand.account.0, class = "auth"; "the address of a challenge leads elsewhere and is not opened");
            return refuse(Trouble::ForbiddenHost);
        }
        Box::pin(self.pages().then(move |pages, actor, _| match pages {
            Ok(pages) => actor.open_page(id, demand, by, pages),
            Err(not) => Box::pin(fut::ready(Err(not))),
        }))
    }

    /// Of the browser that runs, or of one that is started.
    fn pages(&mut self) -> Opening<Pages> {
        if let Some(running) = &self.browser {
            return Box::pin(fut::ready(Ok(running.browser.pages())));
        }
        let config = self.config.clone();
        let started = async move {
            let setting = config.chromium.clone();
            let found = actix_web::web::block(move || browser::find(&setting)).await.ok().flatten();
            let chromium = found.ok_or(NotShown::Trouble(Trouble::NoBrowser))?;
            let config = browser::Config { chromium, folder: config.folder, hosts: config.hosts };
            Browser::start(config).await.map_err(|error| fails(&error))
        };
        Box::pin(started.into_actor(self).then(|started, actor, ctx| -> Opening<Pages> {
            let (browser, events, writing) = match started {
                Ok(started) => started,
                Err(not) => return Box::pin(fut::ready(Err(not))),
            };
            actor.generation += 1;
            let generation = actor.generation;
            let heard = events.map(Some).chain(stream::once(std::future::ready(None)));
            ctx.add_stream(heard.map(move |event| Heard { generation, event }));
            ctx.spawn(writing.into_actor(actor));
            let pages = browser.pages();
            actor.browser = Some(Running { browser, generation });
            let answers = async move {
                pages.ready().await.map_err(|error| fails(&error))?;
                info!("a browser was started for challenges");
                Ok(pages)
            };
            Box::pin(answers.into_actor(actor))
        }))
    }

    fn open_page(&mut self, id: ChallengeId, demand: Demand, by: String, pages: Pages) -> Opening<()> {
        let (viewport, store) = (Viewport::default(), self.store.clone());
        let row = id.clone();
        let opened = async move {
            let page = pages.open(&demand.url, &demand.cookies, viewport).await.map_err(|error| fails(&error))?;
            let now = clock::unix();
            let job = move |conn: &mut DbConn| {
                let shown = challenges::mark_shown(conn, &row, &by, now)?;
                Ok((shown, challenges::find_demand(conn, &row)?.map(|found| found.state)))
            };
            match store.write(job).await {
                Ok((true, _)) => Ok((page, demand)),
                Ok((false, state)) => {
                    page.close().await;
                    Err(state.map_or(NotShown::Unknown, NotShown::Over))
                }
                Err(error) => {
                    page.close().await;
                    Err(error.into())
                }
            }
        };
        Box::pin(opened.into_actor(self).map(move |opened: Result<(Page, Demand), NotShown>, actor, ctx| {
            let (page, demand) = opened?;
            let has = demand.cookies;
            let going = page.clone();
            actor.pages.insert(id, Shown::new(demand.account, page, demand.expires_at, viewport, has));
            info!("account.id" = demand.account.0; "a challenge is shown to a person");
            // The person sees what becomes of it.
            ctx.spawn(async move { going.go().await }.into_actor(actor).map(|gone, _, _| {
                if let Err(error) = gone {
                    warn!(class = "network"; "the page of a challenge cannot be opened: {error}");
                }
            }));
            Ok(())
        }))
    }
}

fn fails(error: &BrowserError) -> NotShown {
    warn!(class = "system"; "a challenge cannot be shown: {error}");
    NotShown::Trouble(Trouble::BrowserFails)
}

async fn read(store: Store, id: ChallengeId) -> Result<Demand, NotShown> {
    let now = clock::unix();
    let read = move |conn: &mut DbConn| {
        let Some(demand) = challenges::find_demand(conn, &id)? else { return Ok(None) };
        let credentials = accounts::load_credentials(conn, demand.account)?;
        Ok(credentials.map(|credentials| (demand, credentials)))
    };
    let (demand, credentials) = store.read(read).await?.ok_or(NotShown::Unknown)?;
    if demand.state.is_over() {
        return Err(NotShown::Over(demand.state));
    }
    if demand.expires_at <= now {
        return Err(NotShown::Over(State::Expired));
    }
    let keys = store.keys();
    let url = keys.open(&challenges::url_place(demand.account), &demand.url);
    let cookie = keys.open(&accounts::cookie_place(&credentials.uid), &credentials.cookie);
    let (url, cookie) = url.ok().zip(cookie.ok()).ok_or(NotShown::Trouble(Trouble::Unreadable))?;
    Ok(Demand {
        account: demand.account,
        url: url.expose().to_owned(),
        cookies: Cookies::parse(cookie.expose()),
        expires_at: demand.expires_at,
    })
}
