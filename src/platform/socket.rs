//! Opens the platform's WebSocket: text in, text out.
//!
//! Both halves share one connection on one thread and start nothing of their own: whoever polls the [`Reader`] also moves what the
//! [`Writer`] queued. An actor gives the reader to `ctx.add_stream` and keeps the writer; it must override
//! `StreamHandler::finished`, whose default stops the actor. An idle connection keeps no buffer.

use std::{
    cell::RefCell,
    future::Future as _,
    mem::{self, MaybeUninit},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use actix_codec::{AsyncRead as _, AsyncWrite as _, Decoder as _, Encoder as _, ReadBuf};
use actix_http::ws::{CloseCode, CloseReason, Codec, Frame, Item, Message};
use awc::{
    BoxedSocket,
    error::{ConnectError, SendRequestError, WsClientError, WsProtocolError},
    http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, COOKIE, PRAGMA, USER_AGENT},
};
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::Stream;
use tokio::time::{Sleep, sleep};

use super::mtop::client::cookie_header;

/// Largest message taken in, whole or in pieces; `/s/vulcan` frames are large.
pub const MAX_MESSAGE: usize = 4 << 20;

/// Bytes that may wait for the peer to read. One message of any size is taken while nothing waits.
pub const MAX_QUEUED: usize = 4 << 20;

/// The longest header of a frame that a server sends.
const FRAME_HEADER: usize = 10;

/// Taken from the kernel at a time, on the stack.
const READ_CHUNK: usize = 16 << 10;

/// How long the peer may take to answer a close, where the deadline is not shorter.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Opens a WebSocket at `url` (`ws://` or `wss://`) with the headers of the platform's web page.
///
/// `deadline` bounds the opening as a whole and, later, each time that nothing can be written because the peer does not read. `http`
/// comes from [`http_client`](super::mtop::client::http_client), whose own time-out applies too.
pub async fn connect(
    http: &awc::Client,
    url: &str,
    cookies_header: &str,
    user_agent: &str,
    deadline: Duration,
) -> Result<(Writer, Reader), SocketError> {
    let mut request = http.ws(url).max_frame_size(MAX_MESSAGE).origin("https://www.goofish.com");
    request = request.set_header(USER_AGENT, user_agent).set_header(ACCEPT_LANGUAGE, "zh-CN,zh;q=0.9");
    request = request.set_header(PRAGMA, "no-cache").set_header(CACHE_CONTROL, "no-cache");
    if !cookies_header.is_empty() {
        let jar = cookie_header(cookies_header).map_err(|error| SocketError::Handshake(error.to_string()))?;
        request = request.set_header(COOKIE, jar);
    }
    let opened = tokio::time::timeout(deadline, request.connect()).await.map_err(|_| SocketError::Timeout)?;
    let (_, framed) = opened.map_err(SocketError::opening)?;
    let parts = framed.into_parts();
    let link = Link::new(parts.io, parts.codec, parts.read_buf, deadline);
    let link = Rc::new(RefCell::new(link));
    Ok((Writer(Rc::clone(&link)), Reader(link)))
}

/// What comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// One message, joined if it came in pieces. Bytes that are not UTF-8 have become U+FFFD.
    Text(String),
    /// The connection ended in peace: by a close frame, or (`code` is `None`) without one. The last item.
    Closed { code: Option<u16>, reason: String },
}

/// Why a connection could not be opened, or broke. Never carries cookies or content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SocketError {
    #[error("the WebSocket was not opened in time")]
    Timeout,
    #[error("the WebSocket was refused with HTTP {0}")]
    Refused(u16),
    #[error("cannot open the WebSocket: {0}")]
    Handshake(String),
    #[error("the connection broke: {0}")]
    Network(String),
    #[error("the peer broke the WebSocket protocol: {0}")]
    Protocol(String),
    #[error("a message is larger than {MAX_MESSAGE} bytes")]
    TooLarge,
    #[error("the peer has stopped reading")]
    WriteStalled,
}

/// Why a text was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("the connection is closed")]
    Closed,
    #[error("{MAX_QUEUED} bytes already wait to be sent")]
    Full,
}

/// The sending half. Sending never waits; the bytes leave when the [`Reader`] is polled next.
#[derive(Clone)]
pub struct Writer(Rc<RefCell<Link>>);

/// The receiving half, which drives the connection.
///
/// Answers pings by itself. The last item is [`Incoming::Closed`] or an error; then the stream and the connection are over.
pub struct Reader(Rc<RefCell<Link>>);

impl Writer {
    /// Queues one text frame. `Ok` means queued, not arrived.
    pub fn send(&self, text: String) -> Result<(), SendError> {
        let mut link = self.0.borrow_mut();
        if link.phase != Phase::Open {
            return Err(SendError::Closed);
        }
        if !link.out.is_empty() && link.out.len() + text.len() > MAX_QUEUED {
            return Err(SendError::Full);
        }
        link.queue(Message::Text(text.into()));
        link.wake();
        Ok(())
    }

    /// Says goodbye behind what is queued. The reader ends with the peer's answer, or without it after two seconds (the deadline, if that
    /// is shorter).
    pub fn close(&self) {
        let mut link = self.0.borrow_mut();
        if link.phase == Phase::Open {
            link.queue(Message::Close(Some(CloseCode::Normal.into())));
            link.phase = Phase::Closing;
            link.wake();
        }
    }

    /// Drops the connection at once, whatever is queued: for a peer that no longer answers. The reader ends without a further item.
    pub fn abort(&self) {
        let mut link = self.0.borrow_mut();
        link.end();
        link.wake();
    }

    /// Bytes that have not left yet.
    pub fn queued(&self) -> usize {
        self.0.borrow().out.len()
    }
}

impl Stream for Reader {
    type Item = Result<Incoming, SocketError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut link = self.0.borrow_mut();
        if link.phase == Phase::Over {
            return Poll::Ready(None);
        }
        let Poll::Ready(item) = link.poll(cx) else {
            link.remember(cx.waker());
            return Poll::Pending;
        };
        match item {
            Ok(Incoming::Text(_)) => (),
            Ok(Incoming::Closed { .. }) => link.hang_up(cx),
            Err(_) => link.end(),
        }
        Poll::Ready(Some(item))
    }
}

/// A reader that is gone leaves nobody to move anything: the connection goes with it.
impl Drop for Reader {
    fn drop(&mut self) {
        self.0.borrow_mut().end();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Our close is queued or sent; the peer's is awaited.
    Closing,
    Over,
}

/// The connection. Buffers exist only while something is in them: ten thousand of these are idle most of the time.
struct Link {
    /// `None` once over.
    io: Option<BoxedSocket>,
    codec: Codec,
    /// Read and not yet decoded.
    input: BytesMut,
    /// The message whose last piece is still to come.
    pieces: BytesMut,
    /// Encoded and not yet written.
    out: BytesMut,
    /// Written, but perhaps still in the TLS layer.
    unflushed: bool,
    deadline: Duration,
    /// Runs while nothing can be written.
    stall: Option<Pin<Box<Sleep>>>,
    /// Runs while the peer's close is awaited.
    goodbye: Option<Pin<Box<Sleep>>>,
    phase: Phase,
    /// Of whoever polls the reader.
    waker: Option<Waker>,
}

impl Link {
    fn new(io: BoxedSocket, codec: Codec, input: BytesMut, deadline: Duration) -> Self {
        // awc's 8 KiB buffer is not kept: whatever came with the handshake's answer is copied out of it.
        let input = if input.is_empty() { BytesMut::new() } else { BytesMut::from(&input[..]) };
        Self {
            io: Some(io),
            codec,
            input,
            pieces: BytesMut::new(),
            out: BytesMut::new(),
            unflushed: false,
            deadline,
            stall: None,
            goodbye: None,
            phase: Phase::Open,
            waker: None,
        }
    }

    /// Writes what waits, then reads until there is an item, then writes what reading has caused (pongs).
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, SocketError>> {
        let written = self.poll_write(cx);
        if written == Err(SocketError::WriteStalled) {
            return Poll::Ready(Err(SocketError::WriteStalled));
        }
        // A line that broke while writing may still hold the peer's last words, so they are read first.
        if let Poll::Ready(item) = self.poll_read(cx) {
            return Poll::Ready(item);
        }
        written?;
        self.poll_write(cx)?;
        ready!(self.poll_goodbye(cx));
        Poll::Ready(Ok(Incoming::ended()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, SocketError>> {
        loop {
            while let Some(frame) = self.codec.decode(&mut self.input).map_err(SocketError::reading)? {
                if let Some(item) = self.take(frame)? {
                    return Poll::Ready(Ok(item));
                }
            }
            // The codec would wait for all of a frame, however long, before it calls it too long.
            if self.input.len() > MAX_MESSAGE + FRAME_HEADER {
                return Poll::Ready(Err(SocketError::TooLarge));
            }
            if ready!(self.fill(cx))? == 0 {
                return Poll::Ready(Ok(Incoming::ended()));
            }
        }
    }

    /// Reads once, by way of the stack, so that a connection that waits keeps no buffer.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, SocketError>> {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        let Some(io) = &mut self.io else { return Poll::Ready(Ok(0)) };
        let mut space = [MaybeUninit::uninit(); READ_CHUNK];
        let mut chunk = ReadBuf::uninit(&mut space);
        ready!(Pin::new(io).poll_read(cx, &mut chunk)).map_err(|error| SocketError::Network(error.to_string()))?;
        self.input.extend_from_slice(chunk.filled());
        Poll::Ready(Ok(chunk.filled().len()))
    }

    /// What a frame means for the caller, if anything. Pings are answered here.
    fn take(&mut self, frame: Frame) -> Result<Option<Incoming>, SocketError> {
        match frame {
            Frame::Text(bytes) | Frame::Binary(bytes) => Ok(Some(Incoming::text(bytes.into()))),
            Frame::Continuation(Item::FirstText(piece) | Item::FirstBinary(piece) | Item::Continue(piece)) => {
                self.join(&piece)?;
                Ok(None)
            }
            Frame::Continuation(Item::Last(piece)) => {
                self.join(&piece)?;
                Ok(Some(Incoming::text(mem::take(&mut self.pieces).into())))
            }
            Frame::Ping(payload) => {
                self.answer_ping(payload);
                Ok(None)
            }
            Frame::Pong(_) => Ok(None),
            Frame::Close(reason) => Ok(Some(self.closed(reason))),
        }
    }

    fn join(&mut self, piece: &[u8]) -> Result<(), SocketError> {
        if self.pieces.len() + piece.len() > MAX_MESSAGE {
            return Err(SocketError::TooLarge);
        }
        self.pieces.extend_from_slice(piece);
        Ok(())
    }

    /// A peer that pings without reading gets no more pongs than fit.
    fn answer_ping(&mut self, payload: Bytes) {
        if self.phase == Phase::Open && self.out.len() < MAX_QUEUED {
            self.queue(Message::Pong(payload));
        }
    }

    /// The peer has closed; unless we asked for it, it gets its code back.
    fn closed(&mut self, reason: Option<CloseReason>) -> Incoming {
        if self.phase == Phase::Open {
            let code = reason.as_ref().map(|reason| reason.code.into());
            self.queue(Message::Close(code));
        }
        let code = reason.as_ref().map(|reason| reason.code.into());
        Incoming::Closed { code, reason: reason.and_then(|reason| reason.description).unwrap_or_default() }
    }

    fn queue(&mut self, message: Message) {
        // Only a piece of a message can be refused, and we never send in pieces.
        let _ = self.codec.encode(message, &mut self.out);
    }

    /// Writes as much as the peer takes. An error when it has taken nothing for the deadline.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), SocketError> {
        if let Poll::Ready(done) = self.drain(cx) {
            self.stall = None;
            return done;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(self.deadline)));
        match stall.as_mut().poll(cx) {
            Poll::Ready(()) => Err(SocketError::WriteStalled),
            Poll::Pending => Ok(()),
        }
    }

    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        let broken = |error: std::io::Error| SocketError::Network(error.to_string());
        let Some(io) = &mut self.io else { return Poll::Ready(Ok(())) };
        while !self.out.is_empty() {
            match ready!(Pin::new(&mut *io).poll_write(cx, &self.out)).map_err(broken)? {
                0 => return Poll::Ready(Err(SocketError::Network("nothing can be written".to_owned()))),
                written => self.out.advance(written),
            }
            self.unflushed = true;
            self.stall = None;
        }
        if self.unflushed {
            self.out = BytesMut::new();
            ready!(Pin::new(io).poll_flush(cx)).map_err(broken)?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the peer's close has been awaited long enough.
    fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.phase != Phase::Closing {
            return Poll::Pending;
        }
        let wait = CLOSE_WAIT.min(self.deadline);
        self.goodbye.get_or_insert_with(|| Box::pin(sleep(wait))).as_mut().poll(cx)
    }

    /// Sends the answer to the peer's close if it goes out at once, and ends.
    fn hang_up(&mut self, cx: &mut Context<'_>) {
        // The peer is leaving: whether it still hears us changes nothing.
        let _ = self.drain(cx);
        if let Some(io) = &mut self.io {
            let _ = Pin::new(io).poll_shutdown(cx);
        }
        self.end();
    }

    fn end(&mut self) {
        self.phase = Phase::Over;
        self.io = None;
        (self.input, self.pieces, self.out) = Default::default();
        (self.stall, self.goodbye) = (None, None);
    }

    fn remember(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

impl Incoming {
    fn text(bytes: Vec<u8>) -> Self {
        let text = String::from_utf8(bytes);
        Self::Text(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    fn ended() -> Self {
        Self::Closed { code: None, reason: String::new() }
    }
}

impl SocketError {
    fn opening(error: WsClientError) -> Self {
        match error {
            WsClientError::InvalidResponseStatus(status) => Self::Refused(status.as_u16()),
            WsClientError::SendRequest(
                SendRequestError::Timeout | SendRequestError::Connect(ConnectError::Timeout),
            ) => Self::Timeout,
            other => Self::Handshake(other.to_string()),
        }
    }

    fn reading(error: WsProtocolError) -> Self {
        match error {
            WsProtocolError::Overflow => Self::TooLarge,
            other => Self::Protocol(other.to_string()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{
        io,
        net::{SocketAddr, TcpListener},
        time::Instant,
    };

    use actix::{Actor, ActorContext as _, Context as ActorsContext, StreamHandler};
    use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, rt, web};
    use actix_web_actors::ws;
    use futures_util::{StreamExt as _, stream};

    use super::*;
    use crate::platform::mtop::client::http_client;

    const DEADLINE: Duration = Duration::from_secs(10);

    /// The platform's side: echoes texts, and does on command what the tests need.
    struct Peer;

    impl Actor for Peer {
        type Context = ws::WebsocketContext<Self>;
    }

    impl StreamHandler<Result<Message, WsProtocolError>> for Peer {
        fn handle(&mut self, message: Result<Message, WsProtocolError>, ctx: &mut Self::Context) {
            match message {
                Ok(Message::Text(text)) if text == "ping me" => ctx.ping(b"payload"),
                Ok(Message::Text(text)) if text == "close me" => ctx.close(Some((CloseCode::Away, "moving").into())),
                Ok(Message::Text(text)) => ctx.text(text),
                Ok(Message::Pong(payload)) => ctx.text(format!("pong {}", payload.len())),
                Ok(Message::Close(reason)) => {
                    ctx.close(reason);
                    ctx.stop();
                }
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    async fn chat(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Error> {
        ws::WsResponseBuilder::new(Peer, &request, payload).frame_size(MAX_MESSAGE).start()
    }

    /// Sends the frames behind the handshake, reads one chunk, then breaks off; `on_connect` makes that a TCP reset.
    fn script(request: &HttpRequest, mut payload: web::Payload, frames: Vec<u8>) -> Result<HttpResponse, Error> {
        let frames = stream::once(async { Ok::<_, io::Error>(Bytes::from(frames)) });
        let end = stream::once(async move {
            payload.next().await;
            Err(io::Error::other("broken off"))
        });
        Ok(ws::handshake(request)?.streaming(frames.chain(end)))
    }

    fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first_byte, 127];
        frame.extend((payload.len() as u64).to_be_bytes());
        frame.extend(payload);
        frame
    }

    const TEXT: u8 = 0x81;
    const FIRST_PIECE: u8 = 0x01;
    const PIECE: u8 = 0x00;
    const LAST_PIECE: u8 = 0x80;
    const PING: u8 = 0x89;

    fn serve(
        app: impl Fn(HttpRequest, web::Payload) -> Result<HttpResponse, Error> + Clone + Send + 'static,
    ) -> SocketAddr {
        let factory = move || {
            let app = app.clone();
            App::new().default_service(web::to(move |request, payload| std::future::ready(app(request, payload))))
        };
        let server = HttpServer::new(factory).workers(1).disable_signals().on_connect(|connection, _| {
            let stream = connection.downcast_ref::<rt::net::TcpStream>().unwrap();
            stream.set_zero_linger().unwrap();
        });
        let server = server.bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        rt::spawn(server.run());
        address
    }

    fn serve_chat() -> SocketAddr {
        let server = HttpServer::new(|| App::new().default_service(web::to(chat))).workers(1).disable_signals();
        let server = server.bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        rt::spawn(server.run());
        address
    }

    fn serve_frames(frames: Vec<u8>) -> SocketAddr {
        serve(move |request, payload| script(&request, payload, frames.clone()))
    }

    async fn open(address: SocketAddr, deadline: Duration) -> Result<(Writer, Reader), SocketError> {
        connect(&http_client(DEADLINE), &format!("ws://{address}/"), "unb=1; cookie2=%20", "Browser", deadline).await
    }

    async fn chat_with_peer() -> (Writer, Reader) {
        open(serve_chat(), DEADLINE).await.unwrap()
    }

    fn text(text: &str) -> Option<Result<Incoming, SocketError>> {
        Some(Ok(Incoming::Text(text.to_owned())))
    }

    fn closed(code: u16, reason: &str) -> Option<Result<Incoming, SocketError>> {
        Some(Ok(Incoming::Closed { code: Some(code), reason: reason.to_owned() }))
    }

    #[actix_web::test]
    async fn texts_go_out_and_come_in_in_order() {
        let (writer, mut reader) = chat_with_peer().await;
        let long = "鱼".repeat(100_000);
        for said in ["在吗", "", &long] {
            writer.send(said.to_owned()).unwrap();
        }
        for said in ["在吗", "", &long] {
            assert_eq!(reader.next().await, text(said));
        }
        assert_eq!(writer.queued(), 0);
    }

    #[actix_web::test]
    async fn a_text_sent_while_the_reader_waits_still_leaves() {
        let (writer, mut reader) = chat_with_peer().await;
        let (first, ()) = futures_util::join!(reader.next(), async { writer.send("late".into()).unwrap() });
        assert_eq!(first, text("late"));
    }

    #[actix_web::test]
    async fn a_ping_is_answered_without_the_caller() {
        let (writer, mut reader) = chat_with_peer().await;
        writer.send("ping me".into()).unwrap();
        assert_eq!(reader.next().await, text("pong 7"));
    }

    #[actix_web::test]
    async fn the_peers_close_is_told_with_code_and_reason_and_ends_everything() {
        let (writer, mut reader) = chat_with_peer().await;
        writer.send("close me".into()).unwrap();
        assert_eq!(reader.next().await, closed(1001, "moving"));
        assert_eq!(reader.next().await, None);
        assert_eq!(writer.send("too late".into()), Err(SendError::Closed));
    }

    #[actix_web::test]
    async fn our_close_follows_what_was_sent_and_is_answered() {
        let (writer, mut reader) = chat_with_peer().await;
        writer.send("last words".into()).unwrap();
        writer.close();
        assert_eq!(writer.send("too late".into()), Err(SendError::Closed));
        assert_eq!(reader.next().await, text("last words"));
        assert_eq!(reader.next().await, closed(1000, ""));
        assert_eq!(reader.next().await, None);
    }

    #[actix_web::test]
    async fn an_aborted_connection_ends_at_once() {
        let (writer, mut reader) = chat_with_peer().await;
        let (end, ()) = futures_util::join!(reader.next(), async { writer.abort() });
        assert_eq!(end, None);
    }

    #[actix_web::test]
    async fn a_writer_outlives_its_reader_without_a_connection() {
        let (writer, reader) = chat_with_peer().await;
        drop(reader);
        assert_eq!(writer.send("nobody".into()), Err(SendError::Closed));
        assert!(writer.0.borrow().io.is_none());
    }

    #[actix_web::test]
    async fn an_idle_connection_keeps_no_buffer() {
        let (writer, mut reader) = chat_with_peer().await;
        writer.send("x".repeat(300_000)).unwrap();
        assert!(matches!(reader.next().await, Some(Ok(Incoming::Text(_)))));
        assert!(futures_util::poll!(reader.next()).is_pending());
        let link = writer.0.borrow();
        assert_eq!((link.input.capacity(), link.out.capacity(), link.pieces.capacity()), (0, 0, 0));
        assert!(link.stall.is_none());
    }

    #[actix_web::test]
    async fn a_message_in_pieces_is_joined_across_a_ping() {
        let mut frames = frame(FIRST_PIECE, "鱼".as_bytes().get(..2).unwrap());
        frames.extend(
            [frame(PING, b"p"), frame(PIECE, &"鱼".as_bytes()[2..]), frame(LAST_PIECE, b"!"), frame(TEXT, b"next")]
                .concat(),
        );
        let (_writer, mut reader) = open(serve_frames(frames), DEADLINE).await.unwrap();
        assert_eq!(reader.next().await, text("鱼!"));
        assert_eq!(reader.next().await, text("next"));
    }

    #[actix_web::test]
    async fn bytes_that_are_not_text_are_replaced_not_fatal() {
        let (_writer, mut reader) = open(serve_frames(frame(TEXT, b"a\xffb")), DEADLINE).await.unwrap();
        assert_eq!(reader.next().await, text("a\u{fffd}b"));
    }

    #[actix_web::test]
    async fn the_largest_message_passes() {
        let (_writer, mut reader) = open(serve_frames(frame(TEXT, &vec![b'x'; MAX_MESSAGE])), DEADLINE).await.unwrap();
        assert_eq!(reader.next().await, text(&"x".repeat(MAX_MESSAGE)));
    }

    #[actix_web::test]
    async fn a_larger_message_is_refused_before_it_is_all_there() {
        let mut endless = frame(TEXT, &vec![b'x'; MAX_MESSAGE + 1]);
        endless[2..10].copy_from_slice(&(1_u64 << 40).to_be_bytes());
        let (_writer, mut reader) = open(serve_frames(endless), DEADLINE).await.unwrap();
        assert_eq!(reader.next().await, Some(Err(SocketError::TooLarge)));
        assert_eq!(reader.next().await, None);
    }

    #[actix_web::test]
    async fn a_message_too_large_in_pieces_is_refused() {
        let half = vec![b'x'; MAX_MESSAGE / 2 + 1];
        let frames = [frame(FIRST_PIECE, &half), frame(LAST_PIECE, &half)].concat();
        let (_writer, mut reader) = open(serve_frames(frames), DEADLINE).await.unwrap();
        assert_eq!(reader.next().await, Some(Err(SocketError::TooLarge)));
    }

    #[actix_web::test]
    async fn a_frame_against_the_protocol_is_an_error() {
        let (_writer, mut reader) = open(serve_frames(frame(LAST_PIECE, b"x")), DEADLINE).await.unwrap();
        assert!(matches!(reader.next().await, Some(Err(SocketError::Protocol(_)))));
    }

    #[actix_web::test]
    async fn a_reset_is_a_network_error_after_what_came_before() {
        let (writer, mut reader) = open(serve_frames(frame(TEXT, b"hello")), DEADLINE).await.unwrap();
        assert_eq!(reader.next().await, text("hello"));
        writer.send("x".into()).unwrap();
        assert!(matches!(reader.next().await, Some(Err(SocketError::Network(_)))));
        assert_eq!(reader.next().await, None);
    }

    #[actix_web::test]
    async fn a_full_queue_takes_no_more_but_keeps_what_it_has() {
        let (writer, mut reader) = chat_with_peer().await;
        let megabyte = "x".repeat(1 << 20);
        let taken = (0..100).take_while(|_| writer.send(megabyte.clone()).is_ok()).count();
        assert_eq!(taken, 3, "three and their headers leave no room for a fourth");
        assert_eq!(writer.send(megabyte.clone()), Err(SendError::Full));
        for _ in 0..taken {
            assert_eq!(reader.next().await, text(&megabyte));
        }
        assert_eq!(writer.send(megabyte), Ok(()));
    }

    /// Completes the handshake, then neither reads nor writes.
    fn serve_silence() -> SocketAddr {
        serve(|request, payload| {
            let silence = stream::pending::<Result<Bytes, io::Error>>().inspect(move |_| _ = &payload);
            Ok(ws::handshake(&request)?.streaming(silence))
        })
    }

    #[actix_web::test]
    async fn a_peer_that_stops_reading_is_given_up() {
        let (writer, mut reader) = open(serve_silence(), Duration::from_millis(50)).await.unwrap();
        let end = loop {
            // Full at last: the kernel has taken all it will.
            let _ = writer.send("x".repeat(1 << 20));
            if let Poll::Ready(item) = futures_util::poll!(reader.next()) {
                break item;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(end, Some(Err(SocketError::WriteStalled)));
        assert_eq!(writer.send("x".into()), Err(SendError::Closed));
    }

    #[actix_web::test]
    async fn a_close_that_the_peer_does_not_answer_ends_anyway() {
        let (writer, mut reader) = open(serve_silence(), Duration::from_millis(50)).await.unwrap();
        writer.close();
        assert_eq!(reader.next().await, Some(Ok(Incoming::ended())));
        assert_eq!(reader.next().await, None);
    }

    #[actix_web::test]
    async fn a_handshake_that_never_completes_costs_the_deadline() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let from = Instant::now();
        let error = open(silent.local_addr().unwrap(), Duration::from_millis(50)).await.err();
        assert_eq!(error, Some(SocketError::Timeout));
        assert!(from.elapsed() < DEADLINE);
    }

    #[actix_web::test]
    async fn a_refused_upgrade_names_the_status() {
        let refuse = |_, _| Ok(HttpResponse::ServiceUnavailable().finish());
        assert_eq!(open(serve(refuse), DEADLINE).await.err(), Some(SocketError::Refused(503)));
    }

    #[actix_web::test]
    async fn an_unreachable_peer_is_told_apart() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(matches!(open(free, DEADLINE).await.err(), Some(SocketError::Handshake(_))));
    }

    #[actix_web::test]
    async fn the_handshake_carries_the_jar_as_it_is_and_a_browsers_headers() {
        let check = |request: HttpRequest, _: web::Payload| {
            let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let right = header("Cookie").as_deref() == Some("unb=1; cookie2=%20")
                && header("Origin").as_deref() == Some("https://www.goofish.com")
                && header("User-Agent").as_deref() == Some("Browser")
                && header("Cache-Control").as_deref() == Some("no-cache");
            let status = if right { HttpResponse::ImATeapot() } else { HttpResponse::BadRequest() }.finish();
            Ok(status)
        };
        assert_eq!(open(serve(check), DEADLINE).await.err(), Some(SocketError::Refused(418)));
    }

    /// An owner as the account actor will be one: the reader is a stream of its context, the writer a field.
    struct Owner {
        writer: Writer,
        heard: Vec<Incoming>,
        done: Option<tokio::sync::oneshot::Sender<Vec<Incoming>>>,
    }

    impl Actor for Owner {
        type Context = ActorsContext<Self>;
    }

    impl StreamHandler<Result<Incoming, SocketError>> for Owner {
        fn handle(&mut self, item: Result<Incoming, SocketError>, _: &mut Self::Context) {
            self.heard.push(item.unwrap());
            match self.heard.len() {
                1..=99 => self.writer.send(self.heard.len().to_string()).unwrap(),
                100 => self.writer.close(),
                _ => (),
            }
        }

        fn finished(&mut self, ctx: &mut Self::Context) {
            self.done.take().unwrap().send(mem::take(&mut self.heard)).unwrap();
            ctx.stop();
        }
    }

    #[actix_web::test]
    async fn an_actor_drives_the_connection_from_its_own_context() {
        let (writer, reader) = chat_with_peer().await;
        let (done, heard) = tokio::sync::oneshot::channel();
        Owner::create(|ctx| {
            Owner::add_stream(reader, ctx);
            writer.send("0".into()).unwrap();
            Owner { writer, heard: Vec::new(), done: Some(done) }
        });
        let heard = heard.await.unwrap();
        assert_eq!(heard[..2], [Incoming::Text("0".into()), Incoming::Text("1".into())]);
        assert_eq!(heard[100], Incoming::Closed { code: Some(1000), reason: String::new() });
    }
}
