//! One connection's worth of chat protocol, without the connection: frames and time go in; frames, events and the next deadline come out.
//!
//! ```text
//! new → /reg ──200──→ Registered, ackDiff ──→ pushes, requests, heartbeats ──→ one terminal event
//!        └─ refused, silent: terminal
//! ```
//!
//! After any call drain [`Session::poll_transmit`] and [`Session::poll_event`], then wait for a frame or for [`Session::poll_timeout`].
//! After a terminal event there is no deadline any more, frames are ignored, and every request that still waited was answered [`RequestError::Lost`].

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    answer::Wanted,
    command,
    event::Event,
    frame::{Frame, Path, PushFrame, Response},
    heartbeat::Heartbeat,
    mid::{Mid, Mids},
    pending::{Pending, Waiting},
    refusal,
    stall::{StallWatch, Verdict},
};
pub use super::{
    answer::{Answer, RequestError},
    command::Command,
    frame::{FrameError, PushPath},
    push::{Entry, Push, PushId},
    refusal::{Refusal, RefusalKind},
};
use crate::ids::{BuyerId, Now, Timestamp};

/// The waits of a session.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// From one heartbeat to the next; the platform's own client takes 15 s.
    pub heartbeat: Duration,
    /// The line is dead after so long without an answer to a heartbeat.
    pub dead_after: Duration,
    /// How long the answer to the registration may take.
    pub register_wait: Duration,
    /// How long the answer to a request may take.
    pub request_wait: Duration,
    /// The session looks for missed messages after so long without a business push; zero means never.
    pub stall_after: Duration,
    /// How long a message that the platform lists may still be under way.
    pub stall_grace: Duration,
}

/// Who registers, and what is known from before. Holds a secret: no `Debug`.
pub struct Registration {
    /// The account's own user id.
    pub uid: BuyerId,
    pub token: String,
    /// The device id the token was issued for.
    pub device_id: String,
    pub user_agent: String,
    /// The stored cursor of the last acknowledged push.
    pub pts: Option<i64>,
    /// The time of the newest message that is known.
    pub seen_at: Timestamp,
    /// Any number; spreads the message ids of accounts.
    pub seed: u16,
    /// From the registration to the first heartbeat; spreads the accounts' heartbeats.
    pub first_heartbeat: Duration,
}

/// What the owner of a session must know.
#[derive(Debug, PartialEq)]
pub enum SessionEvent {
    /// The platform let the session in. Only now requests may be made.
    Registered,
    /// Terminal: the platform did not let it in.
    RegistrationRefused(Refusal),
    /// Terminal: no answer to the registration.
    RegistrationSilent,
    /// To be stored, and then acknowledged by [`Session::ack`].
    Push(Push),
    Answered {
        request: RequestId,
        answer: Result<Answer, RequestError>,
    },
    /// Terminal: the access token was refused in the middle of the session.
    TokenRefused {
        text: String,
    },
    /// Terminal: the login is not accepted any more. With the platform's own words, empty if it had none.
    KickedOut {
        text: String,
    },
    /// Terminal: another session of this account took this one's place.
    SessionRemoved {
        text: String,
    },
    /// Terminal: no answer to heartbeats.
    HeartbeatLost,
    /// Terminal: heartbeats are answered, but messages do not arrive.
    Stalled,
    /// A frame that could not be read; the session goes on.
    Unreadable(FrameError),
}

/// Names a request until it is answered; never repeats within a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Mid);

/// When the line last showed life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Liveness {
    pub heartbeat_sent: Option<Timestamp>,
    pub heartbeat_answered: Option<Timestamp>,
    /// The last push that brought something lasting.
    pub business: Option<Timestamp>,
}

/// The state machine. Ten thousand of them live in one process: what only the registration needs is not kept.
pub struct Session {
    config: Config,
    uid: BuyerId,
    phase: Phase,
    mids: Mids,
    pending: Pending,
    stall: StallWatch,
    liveness: Liveness,
    next_push: u64,
    /// Acknowledgements that wait for their word, oldest first.
    unacknowledged: VecDeque<(PushId, String)>,
    transmit: VecDeque<String>,
    events: VecDeque<SessionEvent>,
}

enum Phase {
    Registering { mid: Mid, deadline: Instant, pts: Option<i64>, first_heartbeat: Duration },
    Live(Heartbeat),
    Over,
}

impl Session {
    /// Begins with a registration to be sent.
    pub fn new(config: Config, registration: Registration, now: Now) -> Self {
        let Registration { uid, token, device_id, user_agent, pts, seen_at, seed, first_heartbeat } = registration;
        let mut mids = Mids::new(seed);
        let mid = mids.next(now.unix);
        let client = command::Client { token: &token, device_id: &device_id, user_agent: &user_agent };
        let deadline = now.instant + config.register_wait;
        Self {
            config,
            uid,
            phase: Phase::Registering { mid, deadline, pts, first_heartbeat },
            mids,
            pending: Pending::default(),
            stall: StallWatch::new(config.stall_after, config.stall_grace, seen_at, now.instant),
            liveness: Liveness::default(),
            next_push: 0,
            unacknowledged: VecDeque::new(),
            transmit: VecDeque::from([command::register(mid, client)]),
            events: VecDeque::new(),
        }
    }

    /// Takes one text frame from the platform, whatever is in it.
    pub fn handle_frame(&mut self, text: &str, now: Now) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        match Frame::parse(text) {
            Ok(Frame::Push(push)) => self.handle_push(&push, text, now),
            Ok(Frame::Response(response)) => self.handle_response(&response, text, now),
            Err(error) => self.events.push_back(SessionEvent::Unreadable(error)),
        }
    }

    /// Does what is due. Call it when [`Self::poll_timeout`] has passed; earlier calls do nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        match &self.phase {
            Phase::Registering { deadline, .. } if *deadline <= now.instant => {
                self.end(SessionEvent::RegistrationSilent)
            }
            Phase::Registering { .. } | Phase::Over => {}
            Phase::Live(_) => self.handle_live_timeout(now),
        }
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self) -> Option<String> {
        pop(&mut self.transmit)
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        pop(&mut self.events)
    }

    /// When [`Self::handle_timeout`] has something to do; `None` when the session is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Registering { deadline, .. } => Some(*deadline),
            Phase::Live(heartbeat) => {
                let others = [self.pending.deadline(), self.stall.deadline()];
                others.into_iter().flatten().chain([heartbeat.deadline()]).min()
            }
            Phase::Over => None,
        }
    }

    /// Asks something; the answer comes as [`SessionEvent::Answered`]. Outside the time between [`SessionEvent::Registered`] and a terminal
    /// event nothing is sent and the answer is [`RequestError::Lost`].
    pub fn request(&mut self, command: Command, now: Now) -> RequestId {
        let mid = self.mids.next(now.unix);
        let request = RequestId(mid);
        if matches!(self.phase, Phase::Live(_)) {
            self.ask(mid, &command, Waiting::Owner(Wanted::by(&command)), now);
        } else {
            self.events.push_back(SessionEvent::Answered { request, answer: Err(RequestError::Lost) });
        }
        request
    }

    /// Acknowledges a push, because it is stored. A second time does nothing.
    pub fn ack(&mut self, push: PushId) {
        if let Ok(at) = self.unacknowledged.binary_search_by_key(&push, |(id, _)| *id) {
            self.transmit.extend(self.unacknowledged.remove(at).map(|(_, frame)| frame));
        }
    }

    /// The connection broke: every request that waits is answered [`RequestError::Lost`], and the session is over.
    pub fn close(&mut self) {
        while let Some((mid, waiting)) = self.pending.pop() {
            self.give_up(mid, waiting, RequestError::Lost);
        }
        self.phase = Phase::Over;
    }

    pub fn liveness(&self) -> Liveness {
        self.liveness
    }

    fn handle_push(&mut self, push: &PushFrame<'_>, frame: &str, now: Now) {
        let acknowledgement = push.acknowledgement(|| self.mids.next(now.unix).to_string());
        match push.path {
            Path::Push(path) => self.receive(path, push, acknowledgement, now),
            Path::Kickout => {
                self.end_acknowledged(acknowledgement, SessionEvent::KickedOut { text: refusal::words(frame) })
            }
            Path::SessionRemove => {
                self.end_acknowledged(acknowledgement, SessionEvent::SessionRemoved { text: refusal::words(frame) })
            }
        }
    }

    fn receive(&mut self, path: PushPath, frame: &PushFrame<'_>, acknowledgement: String, now: Now) {
        let id = PushId(self.next_push);
        self.next_push += 1;
        self.unacknowledged.push_back((id, acknowledgement));
        let push = Push::read(id, path, frame);
        self.note(&push, now);
        self.events.push_back(SessionEvent::Push(push));
    }

    /// A push of lasting things proves that the line delivers.
    fn note(&mut self, push: &Push, now: Now) {
        if push.path == PushPath::Sync && !push.entries.is_empty() {
            self.liveness.business = Some(now.unix);
            self.stall.delivered(now.instant);
        }
        for entry in &push.entries {
            if let Ok(Event::Message(message)) = &entry.outcome {
                self.stall.seen(message.created_at);
            }
        }
    }

    fn handle_response(&mut self, response: &Response<'_>, text: &str, now: Now) {
        let mid = response.headers.mid().and_then(Mid::parse);
        match &mut self.phase {
            Phase::Registering { mid: own, .. } => {
                // a refusal may come without a mid, and only one request is out; an acceptance must name it
                let ours = mid == Some(*own) || (mid.is_none() && response.code >= 400);
                if ours {
                    self.handle_registration(response.code, text, now);
                }
            }
            Phase::Live(heartbeat) => {
                let beat = mid.is_some_and(|mid| heartbeat.answered(mid, now.instant));
                if beat {
                    self.liveness.heartbeat_answered = Some(now.unix);
                }
                let waiting = mid.and_then(|mid| self.pending.answered(mid).map(|waiting| (mid, waiting)));
                let ours = beat || waiting.is_some() || mid.is_none();
                if let Some((mid, waiting)) = waiting {
                    self.handle_answer(mid, waiting, response, now);
                }
                if ours && response.code == 401 {
                    self.end(SessionEvent::TokenRefused { text: refusal::words(text) });
                }
            }
            Phase::Over => {}
        }
    }

    fn handle_registration(&mut self, code: i64, text: &str, now: Now) {
        let Phase::Registering { pts, first_heartbeat, .. } = self.phase else { return };
        if code != 200 {
            return self.end(SessionEvent::RegistrationRefused(Refusal::read(code, text)));
        }
        let Config { heartbeat, dead_after, .. } = self.config;
        self.phase = Phase::Live(Heartbeat::new(heartbeat, dead_after, first_heartbeat, now.instant));
        self.stall.delivered(now.instant);
        self.events.push_back(SessionEvent::Registered);
        let mid = self.mids.next(now.unix);
        self.transmit.push_back(command::ack_diff(mid, pts, now.unix));
        self.pending.insert(mid, Waiting::Position, now.instant + self.config.request_wait);
    }

    fn handle_answer(&mut self, mid: Mid, waiting: Waiting, response: &Response<'_>, now: Now) {
        match waiting {
            Waiting::Owner(wanted) => {
                let answer = wanted.read(response.code, response.body);
                if let Ok(Answer::History(page)) = &answer {
                    page.messages.iter().for_each(|message| self.stall.seen(message.created_at));
                }
                self.events.push_back(SessionEvent::Answered { request: RequestId(mid), answer });
            }
            Waiting::Probe => {
                let answer = Wanted::Conversations.read(response.code, response.body);
                self.stall.answered(newest_message(answer), now.instant);
            }
            Waiting::Position => {}
        }
    }

    fn handle_live_timeout(&mut self, now: Now) {
        while let Some((mid, waiting)) = self.pending.expired(now.instant) {
            self.give_up(mid, waiting, RequestError::NoAnswer);
            if waiting == Waiting::Probe {
                self.stall.answered(None, now.instant);
            }
        }
        if !self.keep_alive(now) {
            return self.end(SessionEvent::HeartbeatLost);
        }
        match self.stall.judge(now.instant) {
            Verdict::Fine => {}
            Verdict::Probe => {
                let mid = self.mids.next(now.unix);
                self.ask(mid, &Command::ListConversations { cursor: None, limit: 1 }, Waiting::Probe, now);
            }
            Verdict::Stalled => self.end(SessionEvent::Stalled),
        }
    }

    /// Sends a heartbeat if one is due; false if the line is dead.
    fn keep_alive(&mut self, now: Now) -> bool {
        let Phase::Live(heartbeat) = &mut self.phase else { return true };
        if heartbeat.is_lost(now.instant) {
            return false;
        }
        if heartbeat.is_due(now.instant) {
            let mid = self.mids.next(now.unix);
            heartbeat.sent(mid, now.instant);
            self.transmit.push_back(command::heartbeat(mid));
            self.liveness.heartbeat_sent = Some(now.unix);
        }
        true
    }

    fn ask(&mut self, mid: Mid, command: &Command, waiting: Waiting, now: Now) {
        self.transmit.push_back(command.frame(mid, &self.uid));
        self.pending.insert(mid, waiting, now.instant + self.config.request_wait);
    }

    fn give_up(&mut self, mid: Mid, waiting: Waiting, error: RequestError) {
        if let Waiting::Owner(_) = waiting {
            self.events.push_back(SessionEvent::Answered { request: RequestId(mid), answer: Err(error) });
        }
    }

    fn end_acknowledged(&mut self, acknowledgement: String, event: SessionEvent) {
        self.transmit.push_back(acknowledgement);
        self.end(event);
    }

    fn end(&mut self, event: SessionEvent) {
        self.close();
        self.events.push_back(event);
    }
}

/// The time of the newest message of the newest conversation.
fn newest_message(answer: Result<Answer, RequestError>) -> Option<Timestamp> {
    match answer {
        Ok(Answer::Conversations(page)) => Some(page.conversations.first()?.last_message.as_ref()?.created_at),
        Ok(_) | Err(_) => None,
    }
}

/// Takes the front, and gives the memory of a burst back when it is over.
fn pop<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let front = queue.pop_front();
    if queue.is_empty() && queue.capacity() > 64 {
        *queue = VecDeque::new();
    }
    front
}
