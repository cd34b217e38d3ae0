//! `/api/captcha/ws/{id}`: a person sees the page of a challenge and acts on it. One actor a connection.
//!
//! Pictures are asked for, never pushed: the next one when the last but one has arrived. So a slow line sees fewer, and always the newest.

// The documentation macro names types by a path where a short name would do.
#![allow(unused_qualifications)]

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use actix::{ActorFutureExt as _, WrapFuture as _, prelude::*};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use actix_web_actors::ws::{self, CloseCode, CloseReason, Message as Frame, ProtocolError, WebsocketContext};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    AppState,
    captcha::{ChallengeKey, Reach, find},
    captcha_frames::{PageSays, PersonSays, not_done, not_shown},
    error::{ApiError, ApiResult, Code, Language, Said},
    gate::Caller,
    input::{Line, Query},
    live::{Place, not_a_websocket},
    live_backlog::{Beat, Pulse},
    pages::{self, Chosen},
};
use crate::{
    captcha::{
        challenge::Viewer,
        messages::{Act, By, Check, Checked, Leave, Next, NotDone, NotShown, Picture, Take, Told, Watch, Watching},
    },
    ids::ChallengeId,
    store::{
        StoreError,
        audit::{self, Deed},
        challenges::Row,
    },
    telemetry::{clock, modules::Module},
};

/// What a person may say at once.
const LARGEST_FRAME: usize = 4 << 10;

/// Pictures on their way to one person: the next is asked for while the last one travels.
const ON_THE_WAY: usize = 2;

/// How often it is asked again whether they may still see it.
const CHECK_EVERY: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_secs(1);

/// Tells connections apart.
static NUMBER: AtomicU64 = AtomicU64::new(1);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SocketQuery {
    /// Of `POST /api/v1/live/tickets`; the gate has read it. No other credential belongs into an address.
    #[serde(rename = "ticket")]
    #[param(inline)]
    _ticket: Option<Line<43, 43>>,
    /// In which it is spoken; otherwise `Accept-Language` says it.
    #[param(inline)]
    lang: Option<Chosen>,
}

/// The page of a challenge, and a person's hands on it: a WebSocket.
///
/// Signed in as `/api/v1/live` is. Every text frame holds one JSON object: the person sends a `PersonSays`, the server a `PageSays`.
/// First comes `session_info`, then a `screenshot_update` whenever the page looks different, as fast as they are taken (each is followed by
/// a ping: answer pings as RFC 6455 demands). The first who connects controls the page; others watch until they send `take_control`. Whether
/// it is passed the platform says: it is asked when a hand comes to rest and the page has something new to show it, and on
/// `check_completion`. `completed` means that the account goes on. Who breaks off may come back until the challenge expires.
#[utoipa::path(get, path = "/api/captcha/ws/{id}", tag = "captcha", params(("id" = String, Path), SocketQuery), responses(
    (status = 101, description = "Frames follow: `PersonSays` to the server, `PageSays` from it"),
))]
pub async fn connect(
    caller: Caller,
    key: ChallengeKey,
    query: Query<SocketQuery>,
    request: HttpRequest,
    payload: Payload,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let row = find(&app, &caller, key.0).await?;
    ws::handshake(&request).map_err(|_| not_a_websocket())?;
    app.wants(Module::ChallengeBrowser).await?;
    let place = app.live.take_place(caller.user.id)?;
    let onlooker = Onlooker {
        language: pages::language(query.0.lang, &request),
        generation: *app.gate.changes().borrow(),
        app,
        caller,
        row,
        viewer: Viewer(NUMBER.fetch_add(1, Ordering::Relaxed)),
        pulse: Pulse::new(Instant::now()),
        checked: Instant::now(),
        last: 0,
        asking: false,
        watching: false,
        travelling: VecDeque::new(),
        took: None,
        _place: place,
    };
    let builder = ws::WsResponseBuilder::new(onlooker, &request, payload).frame_size(LARGEST_FRAME);
    builder.start().map_err(|_| not_a_websocket())
}

/// One connection.
struct Onlooker {
    app: Data<AppState>,
    caller: Caller,
    language: Language,
    row: Row,
    viewer: Viewer,
    pulse: Pulse,
    /// When it was last asked whether they may see it, and after which of the gate's changes.
    checked: Instant,
    generation: u64,
    /// The number of the last picture.
    last: u64,
    /// The next one is asked for.
    asking: bool,
    watching: bool,
    /// Pictures that were sent and not answered, and when.
    travelling: VecDeque<(u64, Instant)>,
    /// How long the last one took.
    took: Option<Duration>,
    _place: Place,
}

type Context = WebsocketContext<Onlooker>;

impl Actor for Onlooker {
    type Context = Context;

    fn started(&mut self, ctx: &mut Context) {
        ctx.run_interval(TICK, Self::tick);
        let watch = Watch {
            id: self.id(),
            viewer: self.viewer,
            user: self.caller.user.id,
            name: self.caller.user.name.clone(),
            told: ctx.address().recipient(),
        };
        let (noted, challenges) = (self.note("challenge.open"), self.app.challenges.clone());
        let watched = async move {
            noted.await.map_err(|error| NotShown::Storage(error.to_string()))?;
            challenges.send(watch).await.unwrap_or_else(|gone| Err(NotShown::Storage(gone.to_string())))
        };
        ctx.spawn(watched.into_actor(self).map(|watching, onlooker, ctx| match watching {
            Ok(watching) => onlooker.begin(watching, ctx),
            Err(not) => onlooker.end(&not, ctx),
        }));
    }

    fn stopped(&mut self, _: &mut Context) {
        // A page that nobody hears of any more stops showing itself when it is over.
        self.app.challenges.do_send(Leave { id: self.id(), viewer: self.viewer });
    }
}

impl Onlooker {
    fn id(&self) -> ChallengeId {
        self.row.id.clone()
    }

    /// A line of the audit: they may see it, and do so.
    fn note(&self, action: &'static str) -> impl Future<Output = Result<(), StoreError>> + use<> {
        let (store, actor, row) = (self.app.store.clone(), self.caller.actor(), self.row.clone());
        let now = clock::unix();
        async move {
            let deed = Deed::new(action, &row.id).of(row.owner).after(serde_json::json!({"account_id": row.account}));
            store.write(move |conn| audit::record(conn, &actor, &deed, now)).await
        }
    }

    fn say(&self, frame: &PageSays, ctx: &mut Context) {
        ctx.text(frame.to_text());
    }

    fn complain(&self, (code, said): (&'static str, Said), ctx: &mut Context) {
        self.say(&PageSays::error(code, &said, self.language), ctx);
    }

    fn close(&self, code: CloseCode, ctx: &mut Context) {
        ctx.close(Some(CloseReason { code, description: None }));
        ctx.stop();
    }

    fn begin(&mut self, Watching { viewport, expires_at, control }: Watching, ctx: &mut Context) {
        let info = PageSays::SessionInfo {
            session_id: self.id(),
            screenshot: None,
            captcha_info: None,
            viewport: viewport.into(),
            expires_at,
            in_control: control.is_yours,
            controller: control.name,
        };
        self.say(&info, ctx);
        self.watching = true;
        self.ask(ctx);
    }

    fn end(&self, not: &NotShown, ctx: &mut Context) {
        match not {
            NotShown::Over(state) => self.say(&PageSays::ended(*state, None, self.language), ctx),
            not => self.complain(not_shown(not), ctx),
        }
        self.close(CloseCode::Normal, ctx);
    }

    /// For the next picture, where the last ones are not still travelling.
    fn ask(&mut self, ctx: &mut Context) {
        if self.asking || !self.watching || self.travelling.len() >= ON_THE_WAY {
            return;
        }
        self.asking = true;
        let next = Next { id: self.id(), viewer: self.viewer, after: self.last, took: self.took.take() };
        let asked = self.app.challenges.send(next);
        ctx.spawn(asked.into_actor(self).map(|picture, onlooker, ctx| {
            onlooker.asking = false;
            // Whoever ends it says why.
            if let Ok(Some(picture)) = picture {
                onlooker.show(&picture, ctx);
                onlooker.ask(ctx);
            }
        }));
    }

    fn show(&mut self, picture: &Picture, ctx: &mut Context) {
        self.say(&PageSays::picture(picture), ctx);
        self.last = picture.number;
        self.travelling.push_back((picture.number, Instant::now()));
        ctx.ping(picture.number.to_string().as_bytes());
    }

    /// Whoever answers a ping has taken everything before it.
    fn arrived(&mut self, text: &[u8], ctx: &mut Context) {
        let Some(number) = std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok()) else { return };
        while let Some((_, sent)) = self.travelling.pop_front_if(|(travelling, _)| *travelling <= number) {
            self.took = Some(sent.elapsed());
        }
        self.ask(ctx);
    }

    fn tick(&mut self, ctx: &mut Context) {
        match self.pulse.beat(Instant::now()) {
            Beat::Rest => {}
            Beat::Ping => ctx.ping(b""),
            Beat::GiveUp => return ctx.stop(),
        }
        let generation = *self.app.gate.changes().borrow();
        if generation == self.generation && self.checked.elapsed() < CHECK_EVERY {
            return;
        }
        (self.generation, self.checked) = (generation, Instant::now());
        let (app, caller, id) = (self.app.clone(), self.caller.clone(), self.id());
        let may = async move {
            // Who administers no more sees no more than their own.
            let reach = Reach::of_standing(&app.gate.standing(&app.store, &caller, clock::unix()).await?);
            Ok::<_, ApiError>(app.store.read(move |conn| reach.get(conn, &id)).await?)
        };
        ctx.spawn(may.into_actor(self).map(|found, onlooker, ctx| {
            let gone = found.err().filter(|error| matches!(error.code(), Code::NotSignedIn | Code::NotFound));
            if gone.is_some() {
                onlooker.complain(("not_signed_in", Said::new("请重新登录。", "Sign in again.")), ctx);
                onlooker.close(CloseCode::Policy, ctx);
            }
        }));
    }

    fn understand(&mut self, text: &str, ctx: &mut Context) {
        let (id, by) = (self.id(), By::Viewer(self.viewer));
        match serde_json::from_str::<PersonSays>(text) {
            Ok(PersonSays::Ping {}) => self.say(&PageSays::Pong {}, ctx),
            Ok(PersonSays::CheckCompletion {}) => {
                let asked = self.app.challenges.send(Check { id, by });
                ctx.spawn(asked.into_actor(self).map(|checked, onlooker, ctx| match checked {
                    Ok(Ok(Checked::NothingNew)) => {
                        onlooker.say(&PageSays::checked(&Checked::NothingNew, onlooker.language), ctx);
                    }
                    // Everybody who looks is told.
                    Ok(Ok(Checked::Passed | Checked::NotPassed(_))) | Err(_) => {}
                    Ok(Err(not)) => onlooker.complain(not_done(not), ctx),
                }));
            }
            Ok(PersonSays::TakeControl {}) => {
                let (noted, challenges) = (self.note("challenge.take"), self.app.challenges.clone());
                let take = Take { id, viewer: self.viewer };
                let taken = async move {
                    noted.await.map_err(|_| NotDone::NotShown)?;
                    challenges.send(take).await.unwrap_or(Err(NotDone::NotShown))
                };
                ctx.spawn(taken.into_actor(self).map(|taken, onlooker, ctx| {
                    if let Err(not) = taken {
                        onlooker.complain(not_done(not), ctx);
                    }
                }));
            }
            Ok(said) => match said.input() {
                Some(input) => {
                    let acted = self.app.challenges.send(Act { id, by, input });
                    ctx.spawn(acted.into_actor(self).map(|acted, onlooker, ctx| match acted {
                        // Too much is left out, and not answered with more.
                        Ok(Ok(()) | Err(NotDone::TooFast)) | Err(_) => {}
                        Ok(Err(not)) => onlooker.complain(not_done(not), ctx),
                    }));
                }
                None => self.complain(bad_frame(), ctx),
            },
            Err(_) => self.complain(bad_frame(), ctx),
        }
    }
}

fn bad_frame() -> (&'static str, Said) {
    ("bad_frame", Said::new("无法识别的消息。", "Unrecognised message."))
}

impl Handler<Told> for Onlooker {
    type Result = ();

    fn handle(&mut self, told: Told, ctx: &mut Context) {
        match told {
            Told::Control(control) => self.say(&PageSays::control(control), ctx),
            Told::Expires(expires_at) => self.say(&PageSays::Expires { expires_at }, ctx),
            Told::Checked(checked) => self.say(&PageSays::checked(&checked, self.language), ctx),
            // Each picture says how large it is.
            Told::Viewport(_) => {}
            Told::Over(state, trouble) => {
                self.say(&PageSays::ended(state, trouble, self.language), ctx);
                self.close(CloseCode::Normal, ctx);
            }
            Told::ShuttingDown => {
                self.complain(("shutting_down", Said::new("服务器正在关闭。", "The server is shutting down.")), ctx);
                self.close(CloseCode::Away, ctx);
            }
        }
    }
}

impl StreamHandler<Result<Frame, ProtocolError>> for Onlooker {
    fn handle(&mut self, frame: Result<Frame, ProtocolError>, ctx: &mut Context) {
        self.pulse.heard(Instant::now());
        match frame {
            Ok(Frame::Text(text)) => self.understand(&text, ctx),
            // Nobody has so much to say that it does not fit into one frame.
            Ok(Frame::Binary(_) | Frame::Continuation(_)) => self.complain(bad_frame(), ctx),
            Ok(Frame::Ping(text)) => ctx.pong(&text),
            Ok(Frame::Pong(text)) => self.arrived(&text, ctx),
            Ok(Frame::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Ok(Frame::Nop) => {}
            Err(ProtocolError::Overflow) => self.close(CloseCode::Size, ctx),
            Err(_) => self.close(CloseCode::Protocol, ctx),
        }
    }
}
