//! The IM socket: an actor that carries text between one WebSocket and its [`Session`].

use std::{os::fd::OwnedFd, sync::Arc};

use actix::{Actor, ActorContext as _, AsyncContext as _, StreamHandler};
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use actix_web_actors::ws::{self, CloseCode, CloseReason, ProtocolError, WebsocketContext};
use futures_util::stream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    gateway,
    line::Outgoing,
    platform::Platform,
    session::{Next, Session},
};

/// The largest frame taken: the size clients allow as well.
const FRAME_SIZE: usize = 4 << 20;

/// A second handle on a connection's TCP socket, to reset it with.
pub(super) struct Resettable(pub Arc<OwnedFd>);

/// Answers the upgrade at `/`.
pub(super) async fn upgrade(
    platform: web::Data<Platform>,
    request: HttpRequest,
    payload: web::Payload,
) -> actix_web::Result<HttpResponse> {
    let jar = request.headers().get(header::COOKIE).map(|jar| String::from_utf8_lossy(jar.as_bytes()));
    let cookies = gateway::parse_cookies(&jar.unwrap_or_default());
    let uid = cookies.iter().find(|(name, _)| name == "unb");
    let account = uid.and_then(|(_, uid)| platform.account(uid));
    let faults = account.as_ref().map_or_else(|| platform.faults(), |account| account.faults());
    if faults.hang_upgrade {
        std::future::pending::<()>().await;
    }
    if faults.refuse_upgrade {
        return Ok(HttpResponse::ServiceUnavailable().finish());
    }
    let id = platform.opened(account.as_deref());
    let (sender, receiver) = unbounded_channel();
    let chat = Chat {
        live_after: platform.shared.config.live_after,
        session: Session::new(platform.into_inner(), id, sender),
        outgoing: Some(receiver),
        socket: request.conn_data::<Resettable>().map(|Resettable(socket)| socket.clone()),
    };
    ws::WsResponseBuilder::new(chat, &request, payload).frame_size(FRAME_SIZE).start()
}

struct Chat {
    session: Session,
    outgoing: Option<UnboundedReceiver<Outgoing>>,
    live_after: std::time::Duration,
    socket: Option<Arc<OwnedFd>>,
}

impl Actor for Chat {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(receiver) = self.outgoing.take() else { return };
        ctx.add_stream(stream::unfold(receiver, next_due));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.session.end();
    }
}

/// The next thing to send, once it is due: what waits holds up what follows, so order is kept.
async fn next_due(mut receiver: UnboundedReceiver<Outgoing>) -> Option<(Outgoing, UnboundedReceiver<Outgoing>)> {
    let outgoing = receiver.recv().await?;
    if let Outgoing::Text { due: Some(due), .. } = &outgoing {
        tokio::time::sleep_until((*due).into()).await;
    }
    Some((outgoing, receiver))
}

impl StreamHandler<Outgoing> for Chat {
    fn handle(&mut self, outgoing: Outgoing, ctx: &mut Self::Context) {
        match outgoing {
            Outgoing::Text { text, .. } => ctx.text(text),
            Outgoing::Later { text, after } => drop(ctx.run_later(after, |_, ctx| ctx.text(text))),
            Outgoing::Close(code) => {
                ctx.close(Some(CloseReason { code: CloseCode::from(code), description: None }));
                ctx.stop();
            }
            Outgoing::Reset => {
                if let Some(socket) = &self.socket {
                    reset(socket);
                }
                ctx.stop();
            }
        }
    }
}

impl StreamHandler<Result<ws::Message, ProtocolError>> for Chat {
    fn handle(&mut self, message: Result<ws::Message, ProtocolError>, ctx: &mut Self::Context) {
        match message {
            Ok(ws::Message::Text(text)) => {
                if self.session.frame(&text) == Next::Registered {
                    ctx.run_later(self.live_after, |chat, _| chat.session.go_live());
                }
            }
            Ok(ws::Message::Ping(payload)) => ctx.pong(&payload),
            Ok(ws::Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Ok(ws::Message::Binary(_) | ws::Message::Continuation(_) | ws::Message::Pong(_) | ws::Message::Nop) => (),
            Err(_) => ctx.stop(),
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// Ends a TCP connection with RST: connecting a socket to nowhere aborts what it was connected to.
fn reset(socket: &OwnedFd) {
    if let Err(error) = rustix::net::connect_unspec(socket) {
        log::warn!("cannot reset a connection: {error}");
    }
}

/// Takes a second handle on a fresh connection.
pub(super) fn resettable(stream: &actix_web::rt::net::TcpStream) -> Option<Resettable> {
    use std::os::fd::AsFd as _;
    let socket = stream.as_fd().try_clone_to_owned().ok()?;
    Some(Resettable(Arc::new(socket)))
}
