//! `/api/v1/live`: what happens, as it happens, over a WebSocket. One actor a connection.
//!
//! An event goes to a listener only if, at that moment, it is known what they may see: after every revocation and every change of
//! accounts events are held until the database was asked again ([`Listener::check`]). Nobody who tells waits for a listener: the feed
//! and the log lose the oldest for who does not listen, and [`Backlog`] for whose line is slow.

// The documentation macro names types by a path where a short name would do.
#![allow(unused_qualifications)]

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix::{ActorFutureExt as _, SpawnHandle, WrapFuture as _, prelude::*};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use actix_web_actors::ws::{self, CloseCode, CloseReason, Message as Frame, ProtocolError, WebsocketContext};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    watch,
};
use utoipa::{IntoParams, ToSchema};

use super::{
    AppState,
    error::{ApiError, ApiResult, Code, Language, Said, language_of},
    gate::{Caller, Standing},
    input::{Line, NoBody, Query},
    live_backlog::{Backlog, Beat, Out, Pulse},
    live_frames::{ClientFrame, Happened, LiveEvent, Problem, ServerFrame, Topic},
};
use crate::{
    ids::{AccountId, Timestamp, UserId},
    store::accounts,
    telemetry::{
        clock,
        feed::FeedEvent,
        logging::{self, LogMatcher, LogQuery, LogRecord, Visible},
    },
};

/// What a client may say at once.
const LARGEST_FRAME: usize = 64 << 10;

/// Of one user: a few pages and programs.
const CONNECTIONS_OF_ONE: usize = 10;
const CONNECTIONS: usize = 1000;

/// Of one connection.
const TOPICS: usize = 200;

/// News that may wait while the database is asked what the listener may see.
const HELD: usize = 1024;

/// Counters may miss what another process did to the rows: it is looked at this often anyway.
const CHECK_EVERY: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_secs(1);

/// Who listens, and the word that all must go.
#[derive(Debug)]
pub struct Live {
    listeners: Arc<Mutex<HashMap<UserId, usize>>>,
    over: watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self { listeners: Arc::default(), over: watch::Sender::new(false) }
    }
}

impl Live {
    /// The server goes down: connections are closed, and say so.
    pub fn end(&self) {
        self.over.send_replace(true);
    }

    pub(super) fn take_place(&self, user: UserId) -> ApiResult<Place> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let (of_one, of_all) = (listeners.get(&user).copied().unwrap_or(0), listeners.values().sum::<usize>());
        if of_one >= CONNECTIONS_OF_ONE || of_all >= CONNECTIONS {
            return Err(Code::TooManyConnections.into());
        }
        listeners.insert(user, of_one + 1);
        Ok(Place { listeners: Arc::clone(&self.listeners), user })
    }
}

/// Counts as one connection of its user until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    listeners: Arc<Mutex<HashMap<UserId, usize>>>,
    user: UserId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        match listeners.get_mut(&self.user) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => drop(listeners.remove(&self.user)),
            None => {}
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LiveQuery {
    /// Of `POST /api/v1/live/tickets`; the gate has read it. No other credential belongs into an address.
    #[serde(rename = "ticket")]
    #[param(inline)]
    _ticket: Option<Line<43, 43>>,
    /// Subscribed from the beginning, separated by commas.
    #[param(inline, example = "accounts,outbox")]
    topics: Option<Line<1, 2000>>,
}

/// What opens one connection.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketView {
    /// For `?ticket=`, once.
    ticket: String,
    /// UTC milliseconds; half a minute from now.
    #[schema(value_type = i64)]
    expires_at: Timestamp,
}

/// A ticket that opens one connection to `/api/v1/live` within half a minute.
#[utoipa::path(post, path = "/api/v1/live/tickets", tag = "live", responses((status = 201, body = TicketView)))]
pub async fn create_ticket(caller: Caller, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (ticket, expires_at) = app.gate.issue_ticket(&caller, clock::unix());
    Ok(HttpResponse::Created().json(TicketView { ticket, expires_at }))
}

/// What happens, as it happens: a WebSocket.
///
/// Signed in by `Authorization: Bearer`, by a one-time ticket in the address, or by the panel's cookie; by cookie only from a page of
/// this server. Every text frame holds one JSON object: the client sends a `ClientFrame`, the server a `ServerFrame`.
///
/// First comes `hello`. After `subscribe` (or `?topics=`) events of these topics come, each with the next number `seq`: `account.status`
/// under `accounts`; `message.stored` and `conversation.paused` under `conversations`; `decision.made` under `decisions`;
/// `outbox.changed` under `outbox`; `order.changed` under `orders`; `log.line` under `logs`; everything of one conversation under
/// `conversation:ACCOUNT.CONVERSATION`, and of one order under `order:ACCOUNT.ORDER`. Only what the caller may see comes; log lines that are about no account come to administrators
/// who are signed in by a session. A `log.line` is of level `info` or graver, or one of this program's own of level `debug`.
///
/// Who does not take events fast enough loses the oldest and is told by `gap`; answer pings as RFC 6455 demands, because no more than
/// 64 KiB are sent beyond the last ping that was answered. What cannot be understood is answered by `error`. The connection is closed
/// when its session or token ends (code 1008), when nothing was heard for 45 s (a ping is sent every 20 s), on a frame larger than
/// 64 KiB (1009), and when the server goes down (1001). A user may hold 10 connections, 1,000 are open in all, one has up to 200 topics.
#[utoipa::path(get, path = "/api/v1/live", tag = "live", params(LiveQuery), responses(
    (status = 101, description = "Frames follow: `ClientFrame` to the server, `ServerFrame` from it"),
))]
pub async fn connect(
    caller: Caller,
    query: Query<LiveQuery>,
    request: HttpRequest,
    payload: Payload,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    ws::handshake(&request).map_err(|_| not_a_websocket())?;
    let place = app.live.take_place(caller.user.id)?;
    let changes = app.gate.changes();
    let generation = *changes.borrow();
    let view = View::load(&app, &caller, generation).await?;
    let topics = query.0.topics.map(|topics| topics.split(',').map(str::to_owned).collect());
    let listener = Listener {
        language: language_of(request.headers()),
        asked: topics.map(|topics| ClientFrame::Subscribe { topics }).into_iter().collect(),
        changes,
        caller,
        view,
        app,
        topics: HashSet::new(),
        backlog: Backlog::default(),
        pulse: Pulse::new(Instant::now()),
        check: Check::Done,
        checked: Instant::now(),
        held: VecDeque::new(),
        log_lines: None,
        _place: place,
    };
    let builder = ws::WsResponseBuilder::new(listener, &request, payload).frame_size(LARGEST_FRAME);
    builder.start().map_err(|_| not_a_websocket())
}

pub(super) fn not_a_websocket() -> ApiError {
    let said = Said::new("此地址须以 WebSocket 连接", "this address is a WebSocket: ask for the upgrade");
    ApiError::from(Code::InvalidHeader).at("Upgrade").because(said)
}

/// What a listener may see.
#[derive(Debug)]
struct View {
    standing: Standing,
    accounts: HashSet<AccountId>,
    /// No account of anybody was newer.
    newest: AccountId,
    lines: LogMatcher,
    /// Of the gate's changes, before it was looked.
    generation: u64,
}

impl View {
    async fn load(app: &AppState, caller: &Caller, generation: u64) -> ApiResult<Self> {
        let standing = app.gate.standing(&app.store, caller, clock::unix()).await?;
        let scope = standing.scope;
        let (accounts, newest) =
            app.store.read(move |conn| Ok((accounts::list_ids(conn, &scope)?, accounts::newest(conn)?))).await?;
        let visible = if standing.administers { Visible::Everything } else { Visible::Accounts(accounts.clone()) };
        let lines = LogQuery::new(visible).matcher();
        Ok(Self { standing, accounts: accounts.into_iter().collect(), newest, lines, generation })
    }
}

/// Whether the [`View`] can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Done,
    Running,
    /// The database did not answer.
    Failed,
}

/// Something that may be told.
#[derive(Debug)]
enum News {
    Event(FeedEvent),
    Line(Arc<LogRecord>),
    /// Some went by.
    Missed,
}

/// What concerns the connection itself.
#[derive(Debug, Clone, Copy)]
enum Notice {
    Changed,
    Over,
}

/// One connection.
struct Listener {
    app: Data<AppState>,
    caller: Caller,
    language: Language,
    view: View,
    changes: watch::Receiver<u64>,
    check: Check,
    checked: Instant,
    /// What the client asked for and waits for a fresh view.
    asked: Vec<ClientFrame>,
    held: VecDeque<News>,
    topics: HashSet<Topic>,
    log_lines: Option<SpawnHandle>,
    backlog: Backlog,
    pulse: Pulse,
    _place: Place,
}

type Context = WebsocketContext<Listener>;

impl Actor for Listener {
    type Context = Context;

    fn started(&mut self, ctx: &mut Context) {
        say(ctx, &ServerFrame::Hello { seq: 0, at: clock::unix() });
        ctx.add_stream(events(self.app.feed.watch()));
        ctx.add_stream(notices(self.app.gate.changes(), |_| Some(Notice::Changed)));
        ctx.add_stream(notices(self.app.live.over.subscribe(), |over| over.then_some(Notice::Over)));
        ctx.run_interval(TICK, Self::tick);
        if !self.asked.is_empty() {
            self.check(ctx);
        }
    }
}

fn events(feed: broadcast::Receiver<FeedEvent>) -> impl Stream<Item = News> {
    stream::unfold(feed, |mut feed| async {
        match feed.recv().await {
            Ok(event) => Some((News::Event(event), feed)),
            Err(RecvError::Lagged(_)) => Some((News::Missed, feed)),
            Err(RecvError::Closed) => None,
        }
    })
}

/// Lines that nobody may be interested in are left out; so nothing that the connection itself does makes a line that makes a line.
fn lines(ring: broadcast::Receiver<Arc<LogRecord>>) -> impl Stream<Item = News> {
    stream::unfold(ring, |mut ring| async {
        loop {
            match ring.recv().await {
                Ok(line) if is_for_people(&line) => return Some((News::Line(line), ring)),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Some((News::Missed, ring)),
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

fn is_for_people(line: &LogRecord) -> bool {
    line.level <= log::Level::Info || (line.level == log::Level::Debug && line.target.starts_with("yutang"))
}

/// Also of what is so already.
fn notices<T: Copy + 'static>(
    watch: watch::Receiver<T>,
    notice: impl Fn(T) -> Option<Notice> + Copy + 'static,
) -> impl Stream<Item = Notice> {
    let seen = stream::unfold((watch, true), |(mut watch, is_first)| async move {
        if !is_first && watch.changed().await.is_err() {
            return None;
        }
        let value = *watch.borrow_and_update();
        Some((value, (watch, false)))
    });
    futures_util::StreamExt::filter_map(seen, move |value| std::future::ready(notice(value)))
}

fn say(ctx: &mut Context, frame: &ServerFrame) {
    ctx.text(frame.to_text());
}

impl Listener {
    fn complain(&self, ctx: &mut Context, problem: Problem, topic: Option<&str>) {
        say(ctx, &problem.in_words(topic, self.language));
    }

    fn close(&self, ctx: &mut Context, code: CloseCode, problem: Problem) {
        self.complain(ctx, problem, None);
        ctx.close(Some(CloseReason { code, description: Some(problem.code().to_owned()) }));
        ctx.stop();
    }

    fn tick(&mut self, ctx: &mut Context) {
        match self.pulse.beat(Instant::now()) {
            Beat::Rest => {}
            Beat::Ping => ctx.ping(self.backlog.ping().as_bytes()),
            Beat::GiveUp => return ctx.stop(),
        }
        let is_due = self.checked.elapsed() >= CHECK_EVERY || self.view.standing.ends_at <= clock::unix();
        if is_due || self.check == Check::Failed {
            self.check(ctx);
        }
    }

    /// Whether it is known what they may see now.
    fn is_sure(&self) -> bool {
        self.check == Check::Done && *self.changes.borrow() == self.view.generation
    }

    /// Asks the database anew what they may see; until it answers, news are held.
    fn check(&mut self, ctx: &mut Context) {
        if self.check == Check::Running {
            return;
        }
        self.check = Check::Running;
        let (app, caller, generation) = (self.app.clone(), self.caller.clone(), *self.changes.borrow());
        let view = async move { View::load(&app, &caller, generation).await };
        ctx.spawn(view.into_actor(self).map(|view, listener, ctx| listener.checked(view, ctx)));
    }

    fn checked(&mut self, view: ApiResult<View>, ctx: &mut Context) {
        self.checked = Instant::now();
        match view {
            Ok(view) => self.view = view,
            Err(error) if error.code() == Code::NotSignedIn => {
                return self.close(ctx, CloseCode::Policy, Problem::NotSignedIn);
            }
            Err(_) => {
                self.check = Check::Failed;
                return;
            }
        }
        self.check = Check::Done;
        if !self.is_sure() {
            return self.check(ctx);
        }
        for frame in std::mem::take(&mut self.asked) {
            self.choose(frame, ctx);
        }
        // An account that was made and deleted since is newer than all that are left, and nobody's.
        let newest = self.held.iter().filter_map(News::account).max();
        self.view.newest = self.view.newest.max(newest.unwrap_or(self.view.newest));
        while let Some(news) = self.held.pop_front() {
            self.tell(news);
        }
        self.pump(ctx);
    }

    fn hear(&mut self, news: News, ctx: &mut Context) {
        if self.topics.is_empty() {
            return;
        }
        let is_of_new_account = news.account().is_some_and(|account| account > self.view.newest);
        if self.is_sure() && !is_of_new_account {
            self.tell(news);
            return self.pump(ctx);
        }
        self.held.push_back(news);
        if self.held.len() > HELD {
            self.held.pop_front();
            self.backlog.missed();
        }
        if self.check != Check::Failed {
            self.check(ctx);
        }
    }

    /// Writes it down for the client where they want it and may see it.
    fn tell(&mut self, news: News) {
        let (topic, what) = match news {
            News::Event(event) => {
                let topic = Topic::of(&event, &self.topics).filter(|_| self.view.accounts.contains(&event.account()));
                let Some(topic) = topic else { return };
                (topic, Happened::new(event, self.language))
            }
            News::Line(line) if self.topics.contains(&Topic::Logs) && self.view.lines.is_match(&line) => {
                (Topic::Logs, Happened::from(&*line))
            }
            News::Line(_) => return,
            News::Missed => return self.backlog.missed(),
        };
        let event = |seq| LiveEvent { seq, topic: topic.name(), at: clock::unix(), what };
        self.backlog.push(|seq| ServerFrame::Event(event(seq)).to_text());
    }

    /// Sends what the client takes.
    fn pump(&mut self, ctx: &mut Context) {
        while let Some(out) = self.backlog.pop() {
            match out {
                Out::Event(text) => ctx.text(text),
                Out::Gap(lost) => say(ctx, &ServerFrame::Gap { lost }),
            }
            if let Some(ping) = self.backlog.mark() {
                ctx.ping(ping.as_bytes());
            }
        }
    }

    fn understand(&mut self, text: &str, ctx: &mut Context) {
        match serde_json::from_str(text) {
            Ok(ClientFrame::Ping {}) => say(ctx, &ServerFrame::Pong {}),
            Ok(ClientFrame::Subscribe { topics } | ClientFrame::Unsubscribe { topics }) if topics.len() > TOPICS => {
                self.complain(ctx, Problem::TooManyTopics, None);
            }
            // All that wait are answered after the same look into the database.
            Ok(ClientFrame::Subscribe { .. } | ClientFrame::Unsubscribe { .. }) if self.asked.len() >= TOPICS => {
                self.complain(ctx, Problem::TooManyTopics, None);
            }
            Ok(frame @ (ClientFrame::Subscribe { .. } | ClientFrame::Unsubscribe { .. })) => {
                self.asked.push(frame);
                self.check(ctx);
            }
            Err(_) => self.complain(ctx, Problem::BadFrame, None),
        }
    }

    /// Changes the topics, and says which they are now.
    fn choose(&mut self, frame: ClientFrame, ctx: &mut Context) {
        match frame {
            ClientFrame::Subscribe { topics } => topics.iter().for_each(|name| self.subscribe(name, ctx)),
            ClientFrame::Unsubscribe { topics } => topics.iter().for_each(|name| self.unsubscribe(name, ctx)),
            ClientFrame::Ping {} => {}
        }
        self.follow_log(ctx);
        let mut topics: Vec<String> = self.topics.iter().map(Topic::name).collect();
        topics.sort();
        say(ctx, &ServerFrame::Subscribed { topics, mark: self.app.feed.mark() });
    }

    fn subscribe(&mut self, name: &str, ctx: &mut Context) {
        let Some(topic) = Topic::parse(name) else { return self.complain(ctx, Problem::UnknownTopic, Some(name)) };
        if topic.account().is_some_and(|account| !self.view.accounts.contains(&account)) {
            return self.complain(ctx, Problem::NotFound, Some(name));
        }
        if self.topics.len() >= TOPICS && !self.topics.contains(&topic) {
            return self.complain(ctx, Problem::TooManyTopics, Some(name));
        }
        self.topics.insert(topic);
    }

    fn unsubscribe(&mut self, name: &str, ctx: &mut Context) {
        match Topic::parse(name) {
            Some(topic) => drop(self.topics.remove(&topic)),
            None => self.complain(ctx, Problem::UnknownTopic, Some(name)),
        }
    }

    /// The log is watched while somebody wants it, and no longer.
    fn follow_log(&mut self, ctx: &mut Context) {
        match (self.topics.contains(&Topic::Logs), self.log_lines) {
            (true, None) => self.log_lines = Some(ctx.add_stream(lines(logging::ring().watch()))),
            (false, Some(handle)) => {
                ctx.cancel_future(handle);
                self.log_lines = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
}

impl News {
    fn account(&self) -> Option<AccountId> {
        match self {
            Self::Event(event) => Some(event.account()),
            Self::Line(line) => line.account,
            Self::Missed => None,
        }
    }
}

impl StreamHandler<News> for Listener {
    fn handle(&mut self, news: News, ctx: &mut Context) {
        self.hear(news, ctx);
    }

    /// The connection outlives it.
    fn finished(&mut self, _: &mut Context) {}
}

impl StreamHandler<Notice> for Listener {
    fn handle(&mut self, notice: Notice, ctx: &mut Context) {
        match notice {
            Notice::Changed if self.is_sure() => {}
            Notice::Changed => self.check(ctx),
            Notice::Over => self.close(ctx, CloseCode::Away, Problem::ShuttingDown),
        }
    }

    /// The connection outlives it.
    fn finished(&mut self, _: &mut Context) {}
}

impl StreamHandler<Result<Frame, ProtocolError>> for Listener {
    fn handle(&mut self, frame: Result<Frame, ProtocolError>, ctx: &mut Context) {
        self.pulse.heard(Instant::now());
        match frame {
            Ok(Frame::Text(text)) => self.understand(&text, ctx),
            // Nobody has so much to say that it does not fit into one frame.
            Ok(Frame::Binary(_) | Frame::Continuation(_)) => self.complain(ctx, Problem::BadFrame, None),
            Ok(Frame::Ping(text)) => ctx.pong(&text),
            Ok(Frame::Pong(text)) => {
                self.backlog.answered(&text);
                self.pump(ctx);
            }
            Ok(Frame::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Ok(Frame::Nop) => {}
            Err(ProtocolError::Overflow) => self.close(ctx, CloseCode::Size, Problem::FrameTooLarge),
            Err(_) => self.close(ctx, CloseCode::Protocol, Problem::BadFrame),
        }
    }
}
