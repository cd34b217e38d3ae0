//! What the browser says by itself.

use std::time::{Duration, Instant};

use actix::prelude::*;
use futures_util::FutureExt as _;
use log::{debug, warn};
use serde_json::Value;

use super::{ChallengeActor, page::Shown};
use crate::{
    captcha::{browser::Event, challenge::Trouble},
    ids::ChallengeId,
};

/// After a picture of the page at an earlier size another is asked for.
const ANOTHER: Duration = Duration::from_millis(60);

/// After a page is read it is pictured anew, so long after.
const DRAWN: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(2)];

/// Of the browser with this number.
pub(super) struct Heard {
    pub(super) generation: u64,
    /// `None`: it is gone.
    pub(super) event: Option<Event>,
}

impl StreamHandler<Heard> for ChallengeActor {
    fn handle(&mut self, Heard { generation, event }: Heard, ctx: &mut Context<Self>) {
        if self.browser.as_ref().is_none_or(|running| running.generation != generation) {
            return;
        }
        match event {
            Some(event) => self.hear(&event, ctx),
            None => {
                warn!(class = "system"; "the browser ended by itself");
                self.fail_all(Trouble::BrowserGone, ctx);
            }
        }
    }

    /// The actor outlives its browsers.
    fn finished(&mut self, _: &mut Context<Self>) {}
}

impl ChallengeActor {
    fn hear(&mut self, Event { session, method, params }: &Event, ctx: &mut Context<Self>) {
        match (method.as_str(), session.as_deref()) {
            ("Page.screencastFrame", Some(session)) => self.pictured(session, params, ctx),
            ("Fetch.requestPaused", Some(session)) => self.judge(session, params),
            // A frame of another site, or a worker.
            ("Target.attachedToTarget", Some(_)) => {
                if let (Some(running), Some(child)) = (&self.browser, params["sessionId"].as_str()) {
                    running.browser.pages().guard(child);
                }
            }
            ("Target.targetCreated", None) => self.close_window(&params["targetInfo"]),
            ("Target.targetDestroyed" | "Target.targetCrashed", None) => {
                let target = params["targetId"].as_str().unwrap_or_default();
                if let Some(id) = self.id_of(|page| &*page.target == target) {
                    self.fail(&id, Trouble::BrowserGone, ctx);
                }
            }
            ("Page.javascriptDialogOpening", Some(session)) => {
                let accept = matches!(params["type"].as_str(), Some("alert" | "beforeunload"));
                if let Some(shown) = self.pages.values().find(|shown| &*shown.page.session == session) {
                    shown.page.close_dialog(accept);
                }
            }
            ("Page.frameNavigated", Some(session)) if params["frame"]["parentId"].is_null() => {
                self.navigated(session, ctx);
            }
            ("Page.loadEventFired", Some(session)) => self.loaded(session, ctx),
            _ => {}
        }
    }

    fn id_of(&self, is_it: impl Fn(&crate::captcha::browser::Page) -> bool) -> Option<ChallengeId> {
        self.pages.iter().find(|(_, shown)| is_it(&shown.page)).map(|(id, _)| id.clone())
    }

    fn pictured(&mut self, session: &str, params: &Value, ctx: &mut Context<Self>) {
        let Some(shown) = self.pages.values_mut().find(|shown| &*shown.page.session == session) else { return };
        let (page, number) = (shown.page.clone(), params["sessionId"].clone());
        let side = |name: &str| params["metadata"][name].as_f64();
        if shown.is_stale(side("deviceWidth"), side("deviceHeight")) {
            page.acknowledge(&number);
            self.show_again(session, ANOTHER, ctx);
            return;
        }
        let rest = shown.pictured(params["data"].as_str().unwrap_or_default());
        match rest {
            Duration::ZERO => page.acknowledge(&number),
            rest => drop(ctx.run_later(rest, move |_, _| page.acknowledge(&number))),
        }
    }

    /// A page that stands still is pictured no second time by itself.
    fn show_again(&self, session: &str, after: Duration, ctx: &mut Context<Self>) {
        let session = session.to_owned();
        ctx.run_later(after, move |actor, _| {
            let shown = actor.pages.values().find(|shown| *shown.page.session == *session);
            if let Some(shown) = shown.filter(|shown| !shown.audience.is_empty()) {
                shown.show();
            }
        });
    }

    fn judge(&self, session: &str, params: &Value) {
        let Some(running) = &self.browser else { return };
        if !running.browser.pages().judge(session, params) {
            let url = params["request"]["url"].as_str().unwrap_or_default();
            let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
            debug!(host = host.unwrap_or_default(); "the page of a challenge may not load from here");
        }
    }

    /// A page opens no windows: nobody would see them.
    fn close_window(&self, target: &Value) {
        let context = target["browserContextId"].as_str().unwrap_or_default();
        let is_ours = self.pages.values().any(|shown| &*shown.page.context == context);
        if let (true, true, Some(running)) = (is_ours, target["openerId"].is_string(), &self.browser) {
            running.browser.pages().close_target(target["targetId"].as_str().unwrap_or_default());
        }
    }

    /// Where a person did something before, the page may have gone on because of it.
    fn navigated(&mut self, session: &str, ctx: &mut Context<Self>) {
        let Some(id) = self.id_of(|page| &*page.session == session) else { return };
        if self.pages.get(&id).is_some_and(|shown| shown.acted) {
            self.check_soon(&id, ctx);
        }
    }

    fn loaded(&mut self, session: &str, ctx: &mut Context<Self>) {
        let Some(id) = self.id_of(|page| &*page.session == session) else { return };
        if self.pages.get(&id).is_some_and(|shown| !shown.acted) {
            self.know_cookies(&id, ctx);
        }
        // What was pictured while it was read may have been a blank page, and a busy machine may not have drawn it yet.
        for after in DRAWN {
            self.show_again(session, after, ctx);
        }
    }

    /// What a page sets before anybody touched it means nothing: the platform is not asked because of it. Commands are followed in their
    /// order: what is done to the page after this has no part in it.
    pub(super) fn know_cookies(&mut self, id: &ChallengeId, ctx: &mut Context<Self>) {
        let Some(page) = self.pages.get(id).map(|shown| shown.page.clone()) else { return };
        let (id, at) = (id.clone(), Instant::now());
        let mut asked = Box::pin(async move { page.cookies().await });
        // Asked now, and not when the actor comes to it.
        let at_once = asked.as_mut().now_or_never();
        let has = async move {
            match at_once {
                Some(has) => has,
                None => asked.await,
            }
        };
        ctx.spawn(has.into_actor(self).map(move |has, actor, _| {
            let is_newer = |shown: &&mut Shown| shown.tried_at.is_none_or(|tried| tried < at);
            if let (Ok(has), Some(shown)) = (has, actor.pages.get_mut(&id).filter(is_newer)) {
                shown.tried = has;
            }
        }));
    }
}
