//! Tells administrators that the database is down, which no row can. Whom to tell is kept in memory from the last time it was up.

use std::{rc::Rc, time::Duration};

use actix::prelude::*;
use log::warn;
use tokio::time::Instant;

use super::{NotifyActor, send};
use crate::{
    ids::Timestamp,
    notify::{
        channel::Config as Channel,
        event::{Event, Severity},
        notice::{Phase, Subject, Told, Words},
    },
    store::{
        DbConn, QueryResult,
        notify_channels::{self, Channel as StoredChannel},
        notify_sources,
    },
    telemetry::clock,
};

/// How often whom to tell is read again.
const REFRESH: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Emergency {
    listening: Rc<Vec<(StoredChannel, Channel)>>,
    read_at: Option<Instant>,
    /// Since when it is down.
    down: Option<Down>,
}

struct Down {
    since: Timestamp,
    seen: Instant,
    is_told: bool,
}

impl NotifyActor {
    pub(super) fn tell_of_the_database(&mut self, ctx: &mut Context<Self>) {
        let (is_down, blip) = (self.needs.health.is_database_down(), self.config.blip);
        let emergency = &mut self.emergency;
        match (is_down, &mut emergency.down) {
            (true, None) => {
                emergency.down = Some(Down { since: clock::unix(), seen: Instant::now(), is_told: false });
            }
            (true, Some(down)) if !down.is_told && down.seen.elapsed() >= blip => {
                down.is_told = true;
                let since = down.since;
                self.tell_aside(&database(Phase::Begin, since), ctx);
            }
            (true, Some(_)) => {}
            (false, down) => {
                if let Some(Down { since, is_told: true, .. }) = down.take() {
                    self.tell_aside(&database(Phase::End, since), ctx);
                }
                self.refresh_listening(ctx);
            }
        }
    }

    fn refresh_listening(&mut self, ctx: &mut Context<Self>) {
        if self.emergency.read_at.is_some_and(|at| at.elapsed() < REFRESH) {
            return;
        }
        self.emergency.read_at = Some(Instant::now());
        let store = self.store.clone();
        let read = async move {
            let stored = store.read(listening).await.ok()?;
            let open = |channel: StoredChannel| Some((channel.clone(), channel.open(store.keys()).ok()?));
            Some(stored.into_iter().filter_map(open).collect())
        };
        let then = read.into_actor(self).map(|found: Option<Vec<_>>, actor, _| {
            if let Some(found) = found {
                actor.emergency.listening = Rc::new(found);
            }
        });
        ctx.spawn(then);
    }

    fn tell_aside(&mut self, told: &Told, ctx: &mut Context<Self>) {
        for (stored, channel) in self.emergency.listening.iter().cloned() {
            let (courier, message) = (self.courier.clone(), send::aside(told, &stored));
            let uid = format!("{:032x}", rand::random::<u128>());
            let send = async move {
                if let Err(fault) = courier.send(&channel, &message, &uid).await {
                    warn!(class = "network", "channel.id" = stored.id.0, code = fault.code; "an administrator could not be told of the database");
                }
            };
            ctx.spawn(send.into_actor(self));
        }
    }
}

fn listening(conn: &mut DbConn) -> QueryResult<Vec<StoredChannel>> {
    let mut found = Vec::new();
    for admin in notify_sources::administrators(conn)? {
        found.extend(notify_channels::listening(conn, admin, Event::System, Severity::Critical)?);
    }
    Ok(found)
}

fn database(phase: Phase, since: Timestamp) -> Told {
    let now = clock::unix();
    let why = Words::new("数据库没有响应，消息无法保存。", "The database does not answer: messages cannot be stored.");
    Told {
        event: Event::System,
        severity: Severity::Critical,
        phase,
        subject: Subject { what: Some("database".into()), why: Some(why), ..Subject::default() },
        count: 1,
        first_at: since,
        last_at: now,
        ended_at: (phase == Phase::End).then_some(now),
        link: None,
    }
}

/// How many channels of administrators are known?
#[cfg(test)]
#[derive(Message)]
#[rtype(result = "usize")]
pub(super) struct HowMany;

#[cfg(test)]
impl Handler<HowMany> for NotifyActor {
    type Result = usize;

    fn handle(&mut self, _: HowMany, _: &mut Self::Context) -> usize {
        self.emergency.listening.len()
    }
}
