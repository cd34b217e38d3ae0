//! What one account still has to send: one lane per conversation, in order, one send in the air at a time.
//!
//! Pure. The actor feeds it drafts, outcomes, echoes and histories, stores the [`Row`]s it yields, and only after that commit puts the
//! [`Flight`]s on the wire. So a row that says `queued` was never on the wire, and a row that says `sent` without a confirmation is in doubt.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use crate::{
    ids::{AccountId, BuyerId, ConversationId, DeliveryMessageId, MessageId, Now, PictureId, RuleId, Timestamp},
    outbox::{
        entry::{Body, Change, Entry, NotSettled, Origin, PersonsWord, Row, SendId, State, Urgency},
        picture::{NoPicture, Uploaded},
        rate::Rate,
    },
    platform::lwp::event::{Content, HistoryPage, Message},
};

/// The platform's clock and ours may differ by this much when an echo or a history is compared with a send.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// After a line broke, frames that left this machine may still be on their way into the platform's history: so long at most.
const LINE_GRACE: Duration = Duration::from_secs(3);

/// A history question that was lost on the way is asked again after this long.
const HISTORY_WAIT: Duration = Duration::from_secs(60);

/// A picture that nobody spoke of again is asked for again after this long: longer than an upload takes.
const PICTURE_WAIT: Duration = Duration::from_secs(120);

/// Pictures whose place on the platform is kept in memory; the database knows them all.
const PICTURES: usize = 256;

/// Accepted sends whose id nobody told yet, kept per account to recognise their echoes.
const UNCLAIMED: usize = 256;

#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// A chat answer that could not be sent for this long is not sent any more.
    pub expire_after: Duration,
    /// Without an answer or an echo for this long, the history is asked.
    pub answer_wait: Duration,
    /// How often one send may be put on the wire.
    pub attempts: i32,
    /// Pause before the second attempt; grows with each.
    pub retry_after: Duration,
    /// How often the history is asked about one send before the doubt stays.
    pub history_tries: u32,
}

impl Config {
    /// How long after a line broke its history is not asked yet.
    fn line_grace(&self) -> Duration {
        LINE_GRACE.min(self.answer_wait)
    }
}

/// A text or picture that is to be sent.
#[derive(Debug, Clone)]
pub struct Draft {
    pub conversation: ConversationId,
    pub peer: BuyerId,
    pub body: Body,
    pub origin: Origin,
    pub rule: Option<RuleId>,
    pub delivery: Option<DeliveryMessageId>,
    pub in_reply_to: Option<MessageId>,
    /// `None`: [`Config::expire_after`].
    pub expire_after: Option<Duration>,
    pub urgency: Urgency,
}

/// A send that goes onto the wire once its row is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Flight {
    pub id: SendId,
    pub conversation: ConversationId,
    pub peer: BuyerId,
    pub body: Body,
    /// Tells it from an earlier flight of the same send.
    pub attempt: i32,
}

/// A question to the platform's history, back to `since`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub conversation: ConversationId,
    pub since: Timestamp,
}

/// What may be done at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// The account is registered with the platform.
    pub online: bool,
    /// A stop switch holds everything automatic.
    pub held: bool,
}

#[derive(Debug)]
pub struct Ledger {
    account: AccountId,
    config: Config,
    rate: Rate,
    /// The next send may go then.
    rate_from: Option<Instant>,
    /// Some wait for the rate: nobody who comes now goes before them.
    crowded: bool,
    last_id: SendId,
    lanes: HashMap<ConversationId, VecDeque<Sending>>,
    fresh: Vec<(ConversationId, SendId)>,
    rows: Vec<Row>,
    flights: Vec<Flight>,
    questions: Vec<Question>,
    /// Pictures that must be handed to the platform before they are sent.
    wishes: Vec<PictureId>,
    pictures: HashMap<PictureId, Uploaded>,
    settled: Vec<Entry>,
    claimed: Vec<MessageId>,
    unclaimed: VecDeque<Unclaimed>,
}

/// A send that was accepted without an id: the first equal message in our name is it.
#[derive(Debug)]
struct Unclaimed {
    id: SendId,
    conversation: ConversationId,
    body: Body,
    created_at: Timestamp,
    accepted_at: Timestamp,
}

#[derive(Debug)]
struct Sending {
    entry: Entry,
    phase: Phase,
    urgency: Urgency,
    stored: bool,
    /// How often its picture could not be handed over.
    without_picture: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not on the wire.
    Waiting { not_before: Timestamp },
    /// Not on the wire: its picture is being handed to the platform.
    Fetching { since: Timestamp },
    /// Its row is being stored: not on the wire before that is done, however long it takes.
    Boarding,
    /// On the wire since.
    Flying { since: Timestamp },
    /// Perhaps on the wire; the history knows.
    Doubt { not_before: Timestamp, tries: u32 },
    /// The history was asked.
    Asking { since: Timestamp, tries: u32 },
}

impl Sending {
    fn was_on_the_wire(&self) -> bool {
        self.entry.attempts > i32::from(self.phase == Phase::Boarding)
    }
}

impl Ledger {
    /// `last_id`: the highest id ever given out for this account.
    pub fn new(account: AccountId, config: Config, rate: Rate, last_id: Option<SendId>) -> Self {
        Self {
            account,
            config,
            rate,
            rate_from: None,
            crowded: false,
            last_id: last_id.unwrap_or(SendId(0)),
            lanes: HashMap::new(),
            fresh: Vec::new(),
            rows: Vec::new(),
            flights: Vec::new(),
            questions: Vec::new(),
            wishes: Vec::new(),
            pictures: HashMap::new(),
            settled: Vec::new(),
            claimed: Vec::new(),
            unclaimed: VecDeque::new(),
        }
    }

    /// Takes back a send from the database, oldest first: `sent` is in doubt, `queued` was never on the wire, `confirmed` without an id
    /// waits for its echo. The others are done.
    pub fn restore(&mut self, entry: Entry, now: Now) {
        self.last_id = self.last_id.max(entry.id);
        let phase = match entry.state {
            State::Sent => Phase::Doubt { not_before: now.unix + self.config.line_grace(), tries: 0 },
            State::Queued => Phase::Waiting { not_before: now.unix },
            State::Confirmed if entry.message.is_none() => return self.await_echo(&entry, now),
            State::Confirmed | State::Rejected | State::Uncertain | State::Expired => return,
        };
        let lane = self.lanes.entry(entry.conversation.clone()).or_default();
        lane.push_back(Sending { entry, phase, urgency: Urgency::Talk, stored: true, without_picture: 0 });
    }

    /// Puts a draft at the end of its conversation's lane.
    pub fn admit(&mut self, draft: Draft, now: Now) -> SendId {
        let id = SendId((self.last_id.0 + 1).max(now.unix.0));
        self.last_id = id;
        let entry = Entry {
            account: self.account,
            id,
            conversation: draft.conversation.clone(),
            peer: draft.peer,
            body: draft.body,
            state: State::Queued,
            reason: None,
            message: None,
            origin: draft.origin,
            rule: draft.rule,
            delivery: draft.delivery,
            in_reply_to: draft.in_reply_to,
            attempts: 0,
            created_at: now.unix,
            sent_at: None,
            settled_at: None,
            expires_at: now.unix + draft.expire_after.unwrap_or(self.config.expire_after),
        };
        self.fresh.push((draft.conversation.clone(), id));
        let phase = Phase::Waiting { not_before: now.unix };
        self.lanes.entry(draft.conversation).or_default().push_back(Sending {
            entry,
            phase,
            urgency: draft.urgency,
            stored: false,
            without_picture: 0,
        });
        id
    }

    /// A person does not want a send any more. Only what is not on the wire can be taken back. `None`: it is not in work here.
    pub fn cancel(&mut self, id: SendId, now: Now) -> Option<Result<Entry, NotSettled>> {
        let (conversation, position) = self.find(id)?;
        let lane = self.lanes.get_mut(&conversation)?;
        match lane.get(position)?.phase {
            Phase::Waiting { .. } | Phase::Fetching { .. } => {}
            Phase::Boarding | Phase::Flying { .. } | Phase::Doubt { .. } | Phase::Asking { .. } => {
                return Some(Err(NotSettled::WrongState(State::Sent)));
            }
        }
        let mut sending = lane.remove(position)?;
        if lane.is_empty() {
            self.lanes.remove(&conversation);
        }
        let word = PersonsWord::Cancel;
        self.settle(&mut sending, word.to(), word.reason().map(str::to_owned), now);
        self.settled.push(sending.entry.clone());
        Some(Ok(sending.entry))
    }

    fn find(&self, id: SendId) -> Option<(ConversationId, usize)> {
        self.lanes.iter().find_map(|(conversation, lane)| {
            let position = lane.iter().position(|sending| sending.entry.id == id)?;
            Some((conversation.clone(), position))
        })
    }

    /// Moves every lane as far as it goes. What is urgent goes first, then what was made first, where the rate does not let all of it go.
    pub fn advance_all(&mut self, weather: Weather, now: Now) {
        let mut ripe: Vec<(Urgency, SendId, ConversationId)> =
            self.lanes.iter().filter_map(|(id, lane)| self.ripe(id, lane, weather, now)).collect();
        if self.rate_from.is_none_or(|at| at <= now.instant) {
            self.crowded = false;
        }
        ripe.sort_unstable_by_key(|(urgency, id, _)| (*urgency, *id));
        for (.., conversation) in ripe {
            self.move_lane(&conversation, weather, now);
        }
    }

    /// Whether a look at a lane can change anything now: a cheap question, asked of every lane again and again.
    fn ripe(
        &self,
        id: &ConversationId,
        lane: &VecDeque<Sending>,
        weather: Weather,
        now: Now,
    ) -> Option<(Urgency, SendId, ConversationId)> {
        let head = lane.front()?;
        let ripe = match head.phase {
            Phase::Waiting { .. } | Phase::Fetching { .. } if head.entry.expires_at <= now.unix => true,
            Phase::Fetching { since } => since + PICTURE_WAIT <= now.unix,
            Phase::Waiting { not_before } => {
                weather.online && not_before <= now.unix && self.rate_from.is_none_or(|at| at <= now.instant)
            }
            Phase::Boarding => false,
            Phase::Flying { since } => since + self.config.answer_wait <= now.unix,
            Phase::Doubt { not_before, .. } => weather.online && not_before <= now.unix,
            Phase::Asking { since, .. } => since + HISTORY_WAIT <= now.unix,
        };
        // What is urgent must not wait because something stands before it in its conversation.
        let first = lane.iter().map(|sending| (sending.urgency, sending.entry.id)).min();
        first.filter(|_| ripe).map(|(urgency, made)| (urgency, made, id.clone()))
    }

    /// Moves one lane as far as it goes; where others wait for the rate, with them.
    pub fn advance(&mut self, conversation: &ConversationId, weather: Weather, now: Now) {
        let head = self.lanes.get(conversation).and_then(VecDeque::front);
        let stands_in_line = self.crowded && head.is_some_and(|head| matches!(head.phase, Phase::Waiting { .. }));
        if !stands_in_line {
            self.move_lane(conversation, weather, now);
        }
    }

    fn move_lane(&mut self, conversation: &ConversationId, weather: Weather, now: Now) {
        let Some(mut lane) = self.lanes.remove(conversation) else { return };
        while let Some(head) = lane.front_mut() {
            match self.step(head, weather, now) {
                Step::Rest => break,
                Step::Again => {}
                Step::Settled => {
                    if let Some(done) = lane.pop_front() {
                        self.settled.push(done.entry);
                    }
                }
            }
        }
        if !lane.is_empty() {
            self.lanes.insert(conversation.clone(), lane);
        }
    }

    fn step(&mut self, head: &mut Sending, weather: Weather, now: Now) -> Step {
        match head.phase {
            Phase::Waiting { not_before } => self.try_to_fly(head, not_before, weather, now),
            Phase::Fetching { .. } if head.entry.expires_at <= now.unix => self.expire(head, now),
            Phase::Fetching { since } if since + PICTURE_WAIT <= now.unix => {
                let silence = NoPicture { reason: "nobody knows what became of its upload".into(), is_final: false };
                self.go_without_picture(head, silence, now)
            }
            Phase::Flying { since } if since + self.config.answer_wait <= now.unix => {
                head.phase = Phase::Doubt { not_before: now.unix, tries: 0 };
                Step::Again
            }
            Phase::Doubt { not_before, tries } if weather.online && not_before <= now.unix => {
                let since = self.since(&head.entry);
                self.questions.push(Question { conversation: head.entry.conversation.clone(), since });
                head.phase = Phase::Asking { since: now.unix, tries: tries + 1 };
                Step::Rest
            }
            Phase::Asking { since, tries } if since + HISTORY_WAIT <= now.unix => {
                self.history_was_silent(head, tries, now)
            }
            Phase::Fetching { .. }
            | Phase::Boarding
            | Phase::Flying { .. }
            | Phase::Doubt { .. }
            | Phase::Asking { .. } => Step::Rest,
        }
    }

    fn expire(&mut self, head: &mut Sending, now: Now) -> Step {
        self.settle(head, State::Expired, Some("too old to be sent".into()), now)
    }

    fn try_to_fly(&mut self, head: &mut Sending, not_before: Timestamp, weather: Weather, now: Now) -> Step {
        if head.entry.expires_at <= now.unix {
            return self.expire(head, now);
        }
        let held = weather.held && head.entry.origin != Origin::Person;
        if !weather.online || held || not_before > now.unix {
            return Step::Rest;
        }
        let body = match self.as_it_is_sent(&head.entry.body) {
            Ok(body) => body,
            Err(Some(picture)) => {
                self.wishes.push(picture);
                head.phase = Phase::Fetching { since: now.unix };
                return Step::Rest;
            }
            Err(None) => {
                let reason = "there is no such picture".to_owned();
                return self.settle(head, State::Rejected, Some(reason), now);
            }
        };
        if let Err(from) = self.rate.try_take(now.instant) {
            self.rate_from = Some(from);
            self.crowded = true;
            return Step::Rest;
        }
        head.entry.attempts += 1;
        head.entry.sent_at = Some(now.unix);
        head.phase = Phase::Boarding;
        self.enter(head, State::Sent);
        self.flights.push(Flight {
            id: head.entry.id,
            conversation: head.entry.conversation.clone(),
            peer: head.entry.peer.clone(),
            body,
            attempt: head.entry.attempts,
        });
        Step::Rest
    }

    /// What goes onto the wire. `Err`: the picture that must be handed over first; without one it is no picture at all.
    fn as_it_is_sent(&self, body: &Body) -> Result<Body, Option<PictureId>> {
        match body {
            Body::Image { url, .. } if PictureId::is_named_by(url) => {
                let picture = PictureId::of_address(url).ok_or(None)?;
                let Uploaded { url, width, height } = self.pictures.get(&picture).ok_or(Some(picture))?.clone();
                Ok(Body::Image { url, width, height })
            }
            Body::Text { .. } | Body::Image { .. } => Ok(body.clone()),
        }
    }

    /// What became of a picture that was to be handed over. Everybody who waits for it goes on, or tries again, or gives up. Advance the
    /// lanes afterwards.
    pub fn on_picture(&mut self, picture: &PictureId, outcome: Result<Uploaded, NoPicture>, now: Now) {
        let waits = |head: &Sending| {
            matches!(head.phase, Phase::Fetching { .. }) && head.entry.body.picture().as_ref() == Some(picture)
        };
        let waiting: Vec<ConversationId> = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.front().is_some_and(waits))
            .map(|(conversation, _)| conversation.clone())
            .collect();
        if let Ok(uploaded) = &outcome {
            if self.pictures.len() >= PICTURES {
                self.pictures.clear();
            }
            self.pictures.insert(picture.clone(), uploaded.clone());
        }
        for conversation in waiting {
            let Some(mut head) = self.take_head(&conversation, waits) else { continue };
            let step = match &outcome {
                Ok(_) => {
                    head.phase = Phase::Waiting { not_before: now.unix };
                    Step::Rest
                }
                Err(no_picture) => self.go_without_picture(&mut head, no_picture.clone(), now),
            };
            self.put_head(&conversation, head, step);
        }
    }

    /// It was never on the wire, so nothing is in doubt: tried again like a send that the platform could not take, and as often.
    fn go_without_picture(&mut self, head: &mut Sending, NoPicture { reason, is_final }: NoPicture, now: Now) -> Step {
        head.without_picture += 1;
        if is_final || head.without_picture >= self.config.attempts {
            let reason = format!("its picture could not be handed to the platform: {reason}");
            return self.settle(head, State::Rejected, Some(reason), now);
        }
        let pause = self.config.retry_after * u32::try_from(head.without_picture).unwrap_or(1);
        head.phase = Phase::Waiting { not_before: now.unix + pause };
        Step::Rest
    }

    /// A flight's row is committed and its frame goes to the account now. `false`: it must not go, an echo of an earlier attempt
    /// has confirmed it meanwhile.
    pub fn on_launch(&mut self, conversation: &ConversationId, id: SendId, now: Now) -> bool {
        let head = self.lanes.get_mut(conversation).and_then(VecDeque::front_mut);
        let Some(head) = head.filter(|head| head.entry.id == id && head.phase == Phase::Boarding) else { return false };
        head.phase = Phase::Flying { since: now.unix };
        true
    }

    /// A flight stayed on the ground: its connection was gone when its row was committed. Meanwhile the send may have taken another.
    pub fn on_grounded(&mut self, flight: &Flight, now: Now) {
        let head = self.lanes.get(&flight.conversation).and_then(VecDeque::front);
        if head.is_some_and(|head| head.entry.id == flight.id && head.entry.attempts == flight.attempt) {
            self.on_outcome(&flight.conversation, flight.id, Outcome::NotSent, now);
        }
    }

    /// The account told what became of a flight.
    pub fn on_outcome(&mut self, conversation: &ConversationId, id: SendId, outcome: Outcome, now: Now) {
        let Some(mut head) =
            self.take_head(conversation, |head| head.entry.id == id && head.entry.state == State::Sent)
        else {
            return;
        };
        let step = match outcome {
            Outcome::Accepted(message) => self.accepted(&mut head, message, now),
            Outcome::Rejected(reason) => self.settle(&mut head, State::Rejected, Some(reason), now),
            Outcome::Refused { code, reason } => self.refused(&mut head, code, reason, now),
            Outcome::NotSent => {
                head.entry.attempts -= 1;
                self.wait_again(&mut head, now.unix)
            }
            Outcome::NoAnswer => {
                head.phase = Phase::Doubt { not_before: now.unix, tries: 0 };
                Step::Rest
            }
        };
        self.put_head(conversation, head, step);
    }

    fn accepted(&mut self, head: &mut Sending, message: Option<MessageId>, now: Now) -> Step {
        if message.is_none() {
            self.await_echo(&head.entry, now);
        }
        head.entry.message = message;
        self.settle(head, State::Confirmed, None, now)
    }

    fn await_echo(&mut self, entry: &Entry, now: Now) {
        if self.unclaimed.len() == UNCLAIMED {
            self.unclaimed.pop_front();
        }
        self.unclaimed.push_back(Unclaimed {
            id: entry.id,
            conversation: entry.conversation.clone(),
            body: entry.body.clone(),
            created_at: entry.created_at,
            accepted_at: entry.settled_at.unwrap_or(now.unix),
        });
    }

    fn refused(&mut self, head: &mut Sending, code: i64, reason: String, now: Now) -> Step {
        let reason = format!("the platform refused with code {code}: {reason}");
        // 401 ends the connection, 429 is a matter of pace; every other 4xx is a judgement on this very message.
        let final_word = (400..500).contains(&code) && code != 401 && code != 429;
        if final_word || head.entry.attempts >= self.config.attempts {
            return self.settle(head, State::Rejected, Some(reason), now);
        }
        let pause = self.config.retry_after * u32::try_from(head.entry.attempts).unwrap_or(1);
        self.wait_again(head, now.unix + pause)
    }

    fn wait_again(&mut self, head: &mut Sending, not_before: Timestamp) -> Step {
        head.phase = Phase::Waiting { not_before };
        self.enter(head, State::Queued);
        Step::Rest
    }

    /// The connection is gone: what was in the air is in doubt.
    pub fn on_offline(&mut self, now: Now) {
        for head in self.lanes.values_mut().filter_map(VecDeque::front_mut) {
            match head.phase {
                Phase::Flying { .. } | Phase::Asking { .. } => {
                    head.phase = Phase::Doubt { not_before: now.unix + self.config.line_grace(), tries: 0 };
                }
                Phase::Fetching { .. } => head.phase = Phase::Waiting { not_before: now.unix },
                Phase::Waiting { .. } | Phase::Boarding | Phase::Doubt { .. } => {}
            }
        }
    }

    /// A message in our own name. `true`: it is one of our sends, which is confirmed by it.
    pub fn on_echo(&mut self, message: &Message, now: Now) -> bool {
        let fits = |head: &Sending| {
            head.was_on_the_wire()
                && is_same(&head.entry.body, message)
                && head.entry.created_at - CLOCK_SKEW <= message.created_at
        };
        // Equal sends are counted in order, and one that was accepted without an id is older than the one in the air.
        if self.claim(message, now) {
            return true;
        }
        let Some(mut head) = self.take_head(&message.conversation, fits) else { return false };
        head.entry.message = Some(message.id.clone());
        let step = self.settle(&mut head, State::Confirmed, None, now);
        self.put_head(&message.conversation, head, step);
        true
    }

    /// The message of a send that was accepted without an id.
    fn claim(&mut self, message: &Message, now: Now) -> bool {
        let position = self.unclaimed.iter().position(|send| {
            send.conversation == message.conversation
                && is_same(&send.body, message)
                && may_be_of(send.created_at, Some(send.accepted_at), message)
        });
        let Some(send) = position.and_then(|position| self.unclaimed.remove(position)) else { return false };
        self.claimed.push(message.id.clone());
        self.rows.push(Row::Claim { account: self.account, id: send.id, message: message.id.clone(), at: now.unix });
        true
    }

    /// The platform's history of a conversation whose head is in doubt; `taken`: ids in it that belong to other sends of ours.
    pub fn on_history(
        &mut self,
        conversation: &ConversationId,
        page: Option<&HistoryPage>,
        own: &BuyerId,
        taken: &HashSet<MessageId>,
        now: Now,
    ) {
        let Some(mut head) = self.take_head(conversation, |head| matches!(head.phase, Phase::Asking { .. })) else {
            return;
        };
        let Phase::Asking { tries, .. } = head.phase else { return self.put_head(conversation, head, Step::Rest) };
        let step = match page {
            None => self.history_was_silent(&mut head, tries, now),
            Some(page) => match self.find_send(&head.entry, page, own, taken, now) {
                Some(message) => {
                    head.entry.message = Some(message);
                    self.settle(&mut head, State::Confirmed, None, now)
                }
                None => self.never_arrived(&mut head, now),
            },
        };
        self.put_head(conversation, head, step);
    }

    /// The send in a history: equal content in our name since it was made, oldest first, not counted for another send.
    fn find_send(
        &mut self,
        entry: &Entry,
        page: &HistoryPage,
        own: &BuyerId,
        taken: &HashSet<MessageId>,
        now: Now,
    ) -> Option<MessageId> {
        let since = self.since(entry);
        let is_equal =
            |message: &&Message| message.sender == *own && message.created_at >= since && is_same(&entry.body, message);
        let mut equal: Vec<&Message> =
            page.messages.iter().rev().filter(is_equal).filter(|message| !taken.contains(&message.id)).collect();
        equal.sort_by_key(|message| message.created_at);
        let found =
            equal.into_iter().find(|message| !self.claim(message, now) && may_be_of(entry.created_at, None, message));
        found.map(|message| message.id.clone())
    }

    /// How far back the history matters for a send: to where equal sends before it, whose ids nobody told, may stand in its place.
    fn since(&self, entry: &Entry) -> Timestamp {
        let before = self.unclaimed.iter().filter(|send| {
            send.conversation == entry.conversation && send.accepted_at + CLOCK_SKEW >= entry.created_at - CLOCK_SKEW
        });
        before.map(|send| send.created_at).min().map_or(entry.created_at, |first| first.min(entry.created_at))
            - CLOCK_SKEW
    }

    fn history_was_silent(&mut self, head: &mut Sending, tries: u32, now: Now) -> Step {
        if tries >= self.config.history_tries {
            return self.settle(
                head,
                State::Uncertain,
                Some("neither an answer, nor an echo, nor the history".into()),
                now,
            );
        }
        head.phase = Phase::Doubt { not_before: now.unix + self.config.retry_after * tries.max(1), tries };
        Step::Rest
    }

    fn never_arrived(&mut self, head: &mut Sending, now: Now) -> Step {
        if head.entry.expires_at <= now.unix {
            return self.settle(
                head,
                State::Expired,
                Some("never reached the platform, and too old by now".into()),
                now,
            );
        }
        if head.entry.attempts >= self.config.attempts {
            let reason = format!("sent {} times and never seen in the history", head.entry.attempts);
            return self.settle(head, State::Uncertain, Some(reason), now);
        }
        self.wait_again(head, now.unix)
    }

    fn settle(&mut self, head: &mut Sending, state: State, reason: Option<String>, now: Now) -> Step {
        head.entry.reason = reason;
        head.entry.settled_at = Some(now.unix);
        self.enter(head, state);
        Step::Settled
    }

    /// The row follows every change of state, unless it is yet to be inserted with it.
    fn enter(&mut self, head: &mut Sending, state: State) {
        head.entry.state = state;
        if head.stored {
            self.rows.push(Row::Update(Change::of(&head.entry)));
        }
    }

    fn take_head(&mut self, conversation: &ConversationId, fits: impl Fn(&Sending) -> bool) -> Option<Sending> {
        let lane = self.lanes.get_mut(conversation)?;
        if fits(lane.front()?) { lane.pop_front() } else { None }
    }

    fn put_head(&mut self, conversation: &ConversationId, head: Sending, step: Step) {
        if matches!(step, Step::Settled) {
            self.settled.push(head.entry);
            if self.lanes.get(conversation).is_some_and(VecDeque::is_empty) {
                self.lanes.remove(conversation);
            }
        } else {
            self.lanes.entry(conversation.clone()).or_default().push_front(head);
        }
    }

    /// What must be stored now. Sends admitted since the last call are inserted as they stand.
    pub fn take_rows(&mut self) -> Vec<Row> {
        let mut rows = Vec::with_capacity(self.fresh.len() + self.rows.len());
        for (conversation, id) in std::mem::take(&mut self.fresh) {
            let sending = self
                .lanes
                .get_mut(&conversation)
                .and_then(|lane| lane.iter_mut().find(|sending| sending.entry.id == id));
            match sending {
                Some(sending) => {
                    sending.stored = true;
                    rows.push(Row::Insert(sending.entry.clone()));
                }
                None => rows.extend(self.settled.iter().find(|entry| entry.id == id).cloned().map(Row::Insert)),
            }
        }
        rows.append(&mut self.rows);
        rows
    }

    /// What goes onto the wire once the rows are committed.
    pub fn take_flights(&mut self) -> Vec<Flight> {
        std::mem::take(&mut self.flights)
    }

    pub fn take_questions(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.questions)
    }

    /// Pictures that are to be handed to the platform; the answer is [`Ledger::on_picture`].
    pub fn take_wishes(&mut self) -> Vec<PictureId> {
        std::mem::take(&mut self.wishes)
    }

    /// Sends that reached their final state. Take the rows first.
    pub fn take_settled(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.settled)
    }

    /// Messages that turned out to be sends which were accepted without an id.
    pub fn take_claimed(&mut self) -> Vec<MessageId> {
        std::mem::take(&mut self.claimed)
    }

    /// Sends that are not settled.
    pub fn pending(&self) -> usize {
        self.lanes.values().map(VecDeque::len).sum()
    }

    /// Sends of people that are not settled.
    pub fn pending_by_people(&self) -> usize {
        self.lanes.values().flatten().filter(|sending| sending.entry.origin == Origin::Person).count()
    }

    /// Sends that are on the wire without a word about them.
    pub fn in_the_air(&self) -> usize {
        self.lanes
            .values()
            .filter_map(VecDeque::front)
            .filter(|head| matches!(head.phase, Phase::Boarding | Phase::Flying { .. }))
            .count()
    }

    pub fn is_idle(&self) -> bool {
        self.lanes.is_empty()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Rest,
    Again,
    Settled,
}

/// What became of a flight, as the account saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The platform took it; it may say under which id.
    Accepted(Option<MessageId>),
    /// The platform refused the content. Final.
    Rejected(String),
    /// The platform could not take it now.
    Refused { code: i64, reason: String },
    /// It never left this machine.
    NotSent,
    /// Nobody knows.
    NoAnswer,
}

/// Whether a message may be a send made at `created_at` and, where it was, accepted at `accepted_at`.
pub fn may_be_of(created_at: Timestamp, accepted_at: Option<Timestamp>, message: &Message) -> bool {
    created_at - CLOCK_SKEW <= message.created_at
        && accepted_at.is_none_or(|accepted| message.created_at <= accepted + CLOCK_SKEW)
}

/// The wire carries no uuid back, so equal content is all there is. A picture that the seller uploaded is named by the row and by its
/// address on the wire: whoever brings the message adds the name
/// ([`name_pictures`](super::picture::name_pictures)).
pub fn is_same(body: &Body, message: &Message) -> bool {
    match (body, &message.content) {
        (Body::Text { text }, Content::Text { text: seen }) => text == seen,
        (Body::Image { url, .. }, Content::Image { pictures }) => pictures.iter().any(|picture| picture.url == *url),
        _ => false,
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
