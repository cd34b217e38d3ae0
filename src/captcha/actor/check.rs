//! Is it passed? The platform says: the account repeats the call that was refused, with the cookies of the page.

use std::time::{Duration, Instant};

use actix::{fut::LocalBoxActorFuture, prelude::*};
use futures_util::future::OptionFuture;
use log::{info, warn};
use tokio::time::sleep;

use super::ChallengeActor;
use crate::{
    account::messages::{ChallengePassed, NotPassed},
    captcha::{
        browser::Page,
        challenge::{State, Trouble},
        messages::{Check, Checked, NotAccepted, NotDone, Told},
    },
    ids::ChallengeId,
    platform::cookies::Cookies,
    store::challenges,
    telemetry::clock,
};

/// After a person's hand came to rest, the page has so long to hear from its own server.
const QUIET: Duration = Duration::from_millis(700);

/// Where the page has heard nothing by then it is looked at again, each time after twice as long. That asks only the page, not the platform.
const LOOKS: u32 = 4;

/// The platform is not asked more often.
const BETWEEN: Duration = Duration::from_secs(2);

impl Handler<Check> for ChallengeActor {
    type Result = ResponseActFuture<Self, Result<Checked, NotDone>>;

    fn handle(&mut self, Check { id, by }: Check, _: &mut Context<Self>) -> Self::Result {
        match self.page_for(&id, by) {
            Ok(_) => Box::pin(self.check(id).map(|checked, _, _| Ok(checked))),
            Err(not) => Box::pin(std::future::ready(Err(not)).into_actor(self)),
        }
    }
}

impl ChallengeActor {
    /// When things are quiet.
    pub(super) fn check_soon(&mut self, id: &ChallengeId, ctx: &mut Context<Self>) {
        self.check_after(id, 0, ctx);
    }

    fn check_after(&mut self, id: &ChallengeId, looks: u32, ctx: &mut Context<Self>) {
        let Some(shown) = self.pages.get_mut(id) else { return };
        if let Some(earlier) = shown.due.take() {
            ctx.cancel_future(earlier);
        }
        let later = id.clone();
        shown.due = Some(ctx.run_later(QUIET * 2_u32.pow(looks), move |actor, ctx| {
            let Some(shown) = actor.pages.get_mut(&later) else { return };
            shown.due = None;
            ctx.spawn(actor.check(later.clone()).map(move |checked, actor, ctx| {
                let is_idle = actor.pages.get(&later).is_some_and(|shown| shown.acted && shown.due.is_none());
                if checked == Checked::NothingNew && is_idle && looks < LOOKS {
                    actor.check_after(&later, looks + 1, ctx);
                }
            }));
        }));
    }

    /// Asks the platform, where the page has something new to show it, and tells who looks.
    fn check(&mut self, id: ChallengeId) -> LocalBoxActorFuture<Self, Checked> {
        let nothing = || Box::pin(std::future::ready(Checked::NothingNew));
        let Some(shown) = self.pages.get_mut(&id).filter(|shown| !shown.asking) else {
            return Box::pin(nothing().into_actor(self));
        };
        shown.asking = true;
        let (page, account) = (shown.page.clone(), shown.account);
        let rest = shown.tried_at.map_or(Duration::ZERO, |at| BETWEEN.saturating_sub(at.elapsed()));
        let looked = async move {
            sleep(rest).await;
            page.cookies().await.ok()
        };
        let wanted = id.clone();
        let asked = looked.into_actor(self).then(move |has, actor: &mut Self, _: &mut Context<Self>| {
            // As it is known by now: the page may have been found to be another one meanwhile.
            let tried = actor.pages.get(&wanted).map(|shown| &shown.tried);
            let fresh = has.filter(|has| tried.is_some_and(|tried| tried != has));
            let accounts = (actor.accounts)();
            let asked = async move {
                let cookies = fresh?;
                let passed = ChallengePassed { account, cookies: cookies.clone() };
                let answer = accounts.send(passed).await;
                Some((cookies, answer.unwrap_or_else(|gone| Err(NotPassed::NoAnswer(gone.to_string())))))
            };
            asked.into_actor(actor)
        });
        Box::pin(asked.then(move |asked, actor, ctx| {
            let checked = actor.answered(&id, asked, ctx);
            checked.map(move |checked, actor: &mut Self, _: &mut Context<Self>| {
                if let Some(shown) = actor.pages.get_mut(&id) {
                    shown.asking = false;
                    // Of what did not happen only who asked hears.
                    if checked != Checked::NothingNew {
                        shown.tell(|_| Told::Checked(checked.clone()));
                    }
                }
                checked
            })
        }))
    }

    fn answered(
        &mut self,
        id: &ChallengeId,
        asked: Option<(Cookies, Result<(), NotPassed>)>,
        ctx: &mut Context<Self>,
    ) -> LocalBoxActorFuture<Self, Checked> {
        let now = |actor: &Self, checked| -> LocalBoxActorFuture<Self, Checked> {
            Box::pin(std::future::ready(checked).into_actor(actor))
        };
        let (Some((cookies, answer)), Some(shown)) = (asked, self.pages.get_mut(id)) else {
            return now(self, Checked::NothingNew);
        };
        (shown.tried, shown.tried_at) = (cookies, Some(Instant::now()));
        let account = shown.account;
        let not = match answer {
            Ok(()) => {
                info!("account.id" = account.0; "a person passed the platform's challenge");
                return self.passed(id);
            }
            Err(NotPassed::StillAsked) => {
                self.follow(id, ctx);
                NotAccepted::StillAsked
            }
            // A new login came in between.
            Err(NotPassed::NotChallenged) => {
                self.keep(id.clone(), ctx, |conn, id, now| {
                    challenges::end(conn, id, State::Cancelled, None, now).map(drop)
                });
                self.close(id, State::Cancelled, None, ctx);
                return now(self, Checked::NothingNew);
            }
            Err(NotPassed::LoginRefused) => {
                self.fail(id, Trouble::LoginRefused, ctx);
                return now(self, Checked::NothingNew);
            }
            Err(NotPassed::NotRunning) => NotAccepted::NotRunning,
            Err(NotPassed::OtherSeller) => NotAccepted::OtherSeller,
            Err(NotPassed::Refused(why) | NotPassed::NoAnswer(why) | NotPassed::Storage(why)) => {
                warn!("account.id" = account.0, class = "network"; "whether a challenge is passed could not be asked: {why}");
                NotAccepted::NoAnswer
            }
        };
        now(self, Checked::NotPassed(not))
    }

    /// The platform's word is written down before anybody hears of it.
    fn passed(&mut self, id: &ChallengeId) -> LocalBoxActorFuture<Self, Checked> {
        let (store, row, now) = (self.store.clone(), id.clone(), clock::unix());
        let written = async move {
            store
                .write(move |conn| {
                    challenges::end(conn, &row, State::Passed, None, now)?;
                    super::note(conn, &row, "challenge.pass", "accepted", now)
                })
                .await
        };
        let id = id.clone();
        Box::pin(written.into_actor(self).map(move |written, actor, ctx| {
            if let Err(error) = written {
                warn!(class = "database"; "that a challenge is passed could not be stored: {error}");
            }
            if let Some(shown) = actor.pages.get(&id) {
                shown.tell(|_| Told::Checked(Checked::Passed));
            }
            actor.close(&id, State::Passed, None, ctx);
            Checked::Passed
        }))
    }

    /// The platform may have named another address when it refused again.
    fn follow(&mut self, id: &ChallengeId, ctx: &mut Context<Self>) {
        let Some(page) = self.pages.get(id).map(|shown| shown.page.clone()) else { return };
        let (store, row, hosts) = (self.store.clone(), id.clone(), self.config.hosts.clone());
        let followed = async move {
            let demand = store.read(move |conn| challenges::find_demand(conn, &row)).await.ok().flatten()?;
            let url = store.keys().open(&challenges::url_place(demand.account), &demand.url).ok()?;
            let next = page.at(url.expose());
            let is_new = next.url != page.url && hosts.allows_page(&next.url);
            is_new.then_some((next, demand.expires_at))
        };
        let id = id.clone();
        ctx.spawn(followed.into_actor(self).then(move |next, actor, _| {
            let mut opens = None;
            if let (Some((next, expires_at)), Some(shown)) = (next, actor.pages.get_mut(&id)) {
                // A page that nobody touched: that it goes somewhere, and what cookies it has then, is no reason to ask the platform again.
                (shown.page, shown.expires_at, shown.acted) = (next.clone(), expires_at, false);
                shown.tell(|_| Told::Expires(expires_at));
                opens = Some(next);
            }
            let opened = async move {
                if let Some(Err(error)) = OptionFuture::from(opens.as_ref().map(Page::go)).await {
                    warn!(class = "network"; "the new address of a challenge cannot be opened: {error}");
                }
            };
            opened.into_actor(actor)
        }));
    }
}
