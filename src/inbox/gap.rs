//! Finds what was missed while an account was offline: the conversations that changed since, and the history of each. No I/O and no clock: a plan that asks
//! for one request at a time.
//!
//! Two things make it more than a loop. The list moves while it is paged through: a conversation that wakes up jumps to its top and is not on the later
//! pages, so after a walk of several pages the top is looked at again, until one page tells all. And nothing is dropped in silence: where a limit or a failure
//! cuts the search, [`Step::Done`] says `complete: false`, and the caller keeps its cursor and tries again later.

use std::{
    collections::{HashSet, VecDeque},
    mem,
    time::{Duration, Instant},
};

use crate::{
    ids::{ConversationId, Timestamp},
    platform::lwp::event::{ConversationHead, ConversationPage, HistoryPage, Message},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapConfig {
    /// How far before the last stored message the search begins: pushes may have arrived out of order.
    pub overlap: Duration,
    /// Entries per page of either list.
    pub page_size: u32,
    /// How many pages of conversations are read at most, over all walks.
    pub max_conversation_pages: u32,
    /// How many pages of one conversation are read at most.
    pub max_history_pages: u32,
    /// Waits after the platform said "too fast": the first, the second, and the last from then on.
    pub too_fast: [Duration; 3],
    /// Waits after a failure; a request that fails once more after the last one is given up.
    pub retries: [Duration; 3],
    /// Conversations given up in a row before everything is: the line is at fault then, not they.
    pub max_lost_conversations: u32,
}

impl Default for GapConfig {
    fn default() -> Self {
        Self {
            overlap: Duration::from_secs(120),
            page_size: 20,
            max_conversation_pages: 250,
            max_history_pages: 50,
            too_fast: [2, 4, 6].map(Duration::from_secs),
            retries: [1, 3, 9].map(Duration::from_secs),
            max_lost_conversations: 3,
        }
    }
}

/// How often in a row the platform may say "too fast" to one request.
const MAX_TOO_FAST: usize = 10;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask for a page of the conversation list; no cursor: the newest. Answer with [`Gap::on_conversations`].
    ListConversations { cursor: Option<i64>, limit: u32 },
    /// Ask for a page of a conversation's history; no cursor: the newest. Answer with [`Gap::on_history`].
    ListMessages { conversation: ConversationId, cursor: Option<i64>, limit: u32 },
    /// Come back then.
    Wait(Instant),
    /// Nothing more will be asked. If not `complete`, messages may be missing: keep the old cursor and fill again later.
    Done { complete: bool },
}

/// The search for what was missed. Drive it: [`next`](Gap::next) says what to ask; tell it the answer, a refusal or a failure; take the messages.
///
/// A request that was said stays said until it is answered: `next` repeats it. Of a request that was reported as failed, a late answer must not be told.
#[derive(Debug)]
pub struct Gap {
    config: GapConfig,
    since: Timestamp,
    stage: Stage,
    /// Conversations whose history is to be read.
    queue: VecDeque<ConversationHead>,
    /// Conversations that were queued in this search.
    seen: HashSet<ConversationId>,
    ready: VecDeque<(ConversationHead, Vec<Message>)>,
    patience: Patience,
    conversation_pages: u32,
    lost_in_a_row: u32,
    unreadable: usize,
    complete: bool,
    hit_limit: bool,
}

#[derive(Debug)]
enum Stage {
    Listing(Walk),
    /// Takes the next conversation from the queue.
    Choosing,
    Reading(Box<Reading>),
    Done,
}

/// One way through the list, from the top down to what is known.
#[derive(Debug, Clone, Copy)]
struct Walk {
    /// Conversations not changed after this moment are known.
    floor: Timestamp,
    /// The newest change seen: the floor of the next walk.
    top: Timestamp,
    cursor: Option<i64>,
    pages: u32,
}

#[derive(Debug)]
struct Reading {
    head: ConversationHead,
    messages: Vec<Message>,
    cursor: Option<i64>,
    pages: u32,
}

/// What went wrong with the request that is out.
#[derive(Debug, Default)]
struct Patience {
    too_fast: usize,
    failures: usize,
    until: Option<Instant>,
}

impl Gap {
    /// Plans a search for everything after `seen_at`, the time of the last message known to be stored, less the overlap.
    pub fn new(config: GapConfig, seen_at: Timestamp) -> Self {
        let since = seen_at - config.overlap;
        Self {
            config,
            since,
            stage: Stage::Listing(Walk::down_to(since)),
            queue: VecDeque::new(),
            seen: HashSet::new(),
            ready: VecDeque::new(),
            patience: Patience::default(),
            conversation_pages: 0,
            lost_in_a_row: 0,
            unreadable: 0,
            complete: true,
            hit_limit: false,
        }
    }

    /// What to do now.
    pub fn next(&mut self, now: Instant) -> Step {
        if let Some(until) = self.patience.until.filter(|until| *until > now) {
            return Step::Wait(until);
        }
        let limit = self.config.page_size;
        if matches!(self.stage, Stage::Choosing) {
            self.stage = self.queue.pop_front().map_or(Stage::Done, Stage::reading);
        }
        match &self.stage {
            Stage::Listing(walk) => Step::ListConversations { cursor: walk.cursor, limit },
            Stage::Reading(reading) => {
                let conversation = reading.head.conversation.clone();
                Step::ListMessages { conversation, cursor: reading.cursor, limit }
            }
            Stage::Choosing | Stage::Done => Step::Done { complete: self.complete },
        }
    }

    /// The platform answered with a page of conversations.
    pub fn on_conversations(&mut self, page: ConversationPage) {
        let Stage::Listing(mut walk) = self.stage else {
            return; // a late answer to a request that was given up
        };
        self.patience = Patience::default();
        self.conversation_pages += 1;
        walk.note(&page);
        let reached = walk.reaches_floor(&page);
        for head in page.conversations.into_iter().filter(|head| head.modified_at > walk.floor) {
            if self.seen.insert(head.conversation.clone()) {
                self.queue.push_back(head);
            }
        }
        self.stage = match page.next {
            Some(next) if !reached => self.list_on(walk, next),
            Some(_) | None => self.after(walk),
        };
    }

    /// The platform answered with a page of the history of `conversation`.
    pub fn on_history(&mut self, conversation: &ConversationId, page: HistoryPage) {
        let mut reading = match mem::replace(&mut self.stage, Stage::Choosing) {
            Stage::Reading(reading) if reading.head.conversation == *conversation => reading,
            other => {
                self.stage = other; // a late answer to a request that was given up
                return;
            }
        };
        self.patience = Patience::default();
        self.lost_in_a_row = 0;
        self.unreadable += page.unreadable;
        reading.pages += 1;
        let reached = page.messages.last().is_some_and(|oldest| oldest.created_at <= self.since);
        reading.messages.extend(page.messages.into_iter().filter(|message| message.created_at > self.since));
        match page.next {
            Some(next) if !reached => self.read_on(reading, next),
            Some(_) | None => self.finish(*reading),
        }
    }

    /// The platform said that we ask too fast.
    pub fn on_too_fast(&mut self, now: Instant) {
        if !self.is_asking() {
            return;
        }
        let waits = self.config.too_fast;
        let wait = waits[self.patience.too_fast.min(waits.len() - 1)];
        self.patience.too_fast += 1;
        if self.patience.too_fast > MAX_TOO_FAST {
            return self.give_up();
        }
        self.patience.until = Some(now + wait);
    }

    /// The request failed: no answer in time, or an error. It is tried again a few times. Where the line broke, drop the plan and make a new one later.
    pub fn on_failure(&mut self, now: Instant) {
        if !self.is_asking() {
            return;
        }
        match self.config.retries.get(self.patience.failures) {
            Some(wait) => {
                self.patience.failures += 1;
                self.patience.until = Some(now + *wait);
            }
            None => self.lose_one(),
        }
    }

    /// A conversation that has been read, with the messages that may have been missed, oldest first. They may contain known ones.
    pub fn take_messages(&mut self) -> Option<(ConversationHead, Vec<Message>)> {
        self.ready.pop_front()
    }

    /// How many messages of the history could not be read.
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Whether a limit cut the search: repeating it would not find more, so a person should hear of it.
    pub fn hit_limit(&self) -> bool {
        self.hit_limit
    }

    fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Listing(_) | Stage::Reading(_))
    }

    /// Older entries exist that will not be read: there are too many pages, or the cursor stands still.
    fn cut(&mut self) {
        self.hit_limit = true;
        self.complete = false;
    }

    fn list_on(&mut self, walk: Walk, next: i64) -> Stage {
        if self.conversation_pages >= self.config.max_conversation_pages || walk.cursor == Some(next) {
            self.cut();
            return Stage::Choosing;
        }
        Stage::Listing(Walk { cursor: Some(next), ..walk })
    }

    /// A single page is a picture of one moment; several are not.
    fn after(&mut self, walk: Walk) -> Stage {
        if walk.pages <= 1 { Stage::Choosing } else { Stage::Listing(Walk::down_to(walk.top)) }
    }

    fn read_on(&mut self, mut reading: Box<Reading>, next: i64) {
        if reading.pages >= self.config.max_history_pages || reading.cursor == Some(next) {
            self.cut();
            return self.finish(*reading);
        }
        reading.cursor = Some(next);
        self.stage = Stage::Reading(reading);
    }

    fn finish(&mut self, reading: Reading) {
        let Reading { head, mut messages, .. } = reading;
        let mut ids = HashSet::new();
        messages.retain(|message| ids.insert(message.id.clone()));
        messages.reverse();
        messages.sort_by_key(|message| message.created_at);
        if !messages.is_empty() {
            self.ready.push_back((head, messages));
        }
    }

    /// One conversation that cannot be read does not cost the others; what was read of it waits for the next search, so that it stays in order.
    fn lose_one(&mut self) {
        self.lost_in_a_row += 1;
        let hopeless = self.lost_in_a_row >= self.config.max_lost_conversations;
        if hopeless || !matches!(self.stage, Stage::Reading(_)) {
            return self.give_up();
        }
        self.complete = false;
        self.patience = Patience::default();
        self.stage = Stage::Choosing;
    }

    fn give_up(&mut self) {
        self.complete = false;
        self.patience = Patience::default();
        self.queue.clear();
        self.stage = Stage::Done;
    }
}

impl Stage {
    fn reading(head: ConversationHead) -> Self {
        Self::Reading(Box::new(Reading { head, messages: Vec::new(), cursor: None, pages: 0 }))
    }
}

impl Walk {
    fn down_to(floor: Timestamp) -> Self {
        Self { floor, top: floor, cursor: None, pages: 0 }
    }

    fn note(&mut self, page: &ConversationPage) {
        self.pages += 1;
        let newest = page.conversations.iter().map(|head| head.modified_at).max();
        self.top = self.top.max(newest.unwrap_or(self.top));
    }

    /// The last of a page decides: pinned conversations stand at the top, however old they are.
    fn reaches_floor(&self, page: &ConversationPage) -> bool {
        page.conversations.last().is_some_and(|oldest| oldest.modified_at <= self.floor)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{ids::MessageId, platform::lwp::event::Content};

    const SEEN: Timestamp = Timestamp(1_000_000_000);
    const SECOND: i64 = 1000;

    /// The other side: conversations by the time of their messages, milliseconds after [`SEEN`].
    #[derive(Default)]
    struct Platform {
        chats: BTreeMap<String, Vec<i64>>,
        pinned: Vec<ConversationHead>,
        /// What happens once, after so many answers.
        surprise: Option<(usize, &'static str, i64)>,
        asked: usize,
    }

    impl Platform {
        fn chat(mut self, name: &str, times: impl IntoIterator<Item = i64>) -> Self {
            self.chats.insert(name.into(), times.into_iter().collect());
            self
        }

        /// Drives the search to its end and says what it found, and whether it was complete.
        fn fill(&mut self, gap: &mut Gap) -> (BTreeMap<String, Vec<i64>>, bool) {
            let now = Instant::now();
            loop {
                match gap.next(now) {
                    Step::ListConversations { cursor, limit } => gap.on_conversations(self.list(cursor, limit)),
                    Step::ListMessages { conversation, cursor, limit } => {
                        gap.on_history(&conversation, self.history(conversation.as_str(), cursor, limit));
                    }
                    Step::Wait(until) => panic!("waits {:?} without a reason", until - now),
                    Step::Done { complete } => return (taken(gap), complete),
                }
            }
        }

        fn list(&mut self, cursor: Option<i64>, limit: u32) -> ConversationPage {
            let newest = |times: &[i64]| times.iter().copied().max().unwrap_or(i64::MIN / 2);
            let mut chats: Vec<_> = self.chats.iter().map(|(name, times)| (newest(times), name.as_str())).collect();
            chats.sort_by_key(|(newest, _)| -newest);
            chats.retain(|(newest, _)| cursor.is_none_or(|cursor| *newest < cursor));
            let next = (chats.len() > limit as usize).then(|| chats[limit as usize - 1].0);
            let heads = chats.iter().take(limit as usize).map(|(newest, name)| head(name, *newest));
            let pinned = self.pinned.iter().filter(|_| cursor.is_none()).cloned();
            let page = ConversationPage { conversations: pinned.chain(heads).collect(), next };
            self.asked += 1;
            if let Some((_, name, time)) = self.surprise.take_if(|(after, ..)| *after == self.asked) {
                self.chats.get_mut(name).unwrap().push(time);
            }
            page
        }

        fn history(&mut self, name: &str, cursor: Option<i64>, limit: u32) -> HistoryPage {
            self.asked += 1;
            let mut times = self.chats[name].clone();
            times.sort_by_key(|time| -time);
            times.retain(|time| cursor.is_none_or(|cursor| *time < cursor));
            let next = (times.len() > limit as usize).then(|| times[limit as usize - 1]);
            let messages = times.iter().take(limit as usize).map(|time| message(name, *time)).collect();
            HistoryPage { messages, next, unreadable: 0 }
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp(SEEN.0 + millis)
    }

    fn head(name: &str, modified: i64) -> ConversationHead {
        ConversationHead {
            conversation: name.into(),
            pair: ["1".into(), "2".into()],
            item: None,
            item_title: None,
            item_seller: None,
            modified_at: at(modified),
            last_message: None,
        }
    }

    fn message(name: &str, time: i64) -> Message {
        Message {
            id: MessageId::from(format!("{name}-{time}.PNM")),
            business_id: None,
            conversation: name.into(),
            created_at: at(time),
            sender: "2".into(),
            sender_name: None,
            content_type: 1,
            content: Content::Text { text: "hi".into() },
            reminder: "hi".into(),
            item: None,
            group: false,
            tip: false,
            need_push: None,
        }
    }

    fn taken(gap: &mut Gap) -> BTreeMap<String, Vec<i64>> {
        std::iter::from_fn(|| gap.take_messages())
            .map(|(head, messages)| {
                let times = messages.iter().map(|message| message.created_at.0 - SEEN.0).collect();
                (head.conversation.as_str().to_owned(), times)
            })
            .collect()
    }

    fn gap() -> Gap {
        Gap::new(GapConfig::default(), SEEN)
    }

    fn found<'a>(entries: impl IntoIterator<Item = (&'a str, Vec<i64>)>) -> BTreeMap<String, Vec<i64>> {
        entries.into_iter().map(|(name, times)| (name.to_owned(), times)).collect()
    }

    /// M5: what was said while nobody listened is found, a little before the cursor too, oldest first.
    #[test]
    fn m5_missed_messages_are_found_oldest_first() {
        let mut platform = Platform::default()
            .chat("a", [-200 * SECOND, -60 * SECOND, 5, 10])
            .chat("b", [7])
            .chat("old", [-999 * SECOND]);
        let (messages, complete) = platform.fill(&mut gap());
        assert_eq!(messages, found([("a", vec![-60 * SECOND, 5, 10]), ("b", vec![7])]));
        assert!(complete);
        assert_eq!(platform.asked, 3, "one list, two histories");
    }

    #[test]
    fn a_quiet_time_costs_one_request() {
        let mut platform = Platform::default().chat("old", [-999 * SECOND]);
        assert_eq!(platform.fill(&mut gap()), (found([]), true));
        assert_eq!(platform.asked, 1);
    }

    #[test]
    fn many_conversations_and_long_histories_are_paged_through() {
        let mut platform = Platform::default();
        let mut expected = BTreeMap::new();
        for number in 0..95 {
            let times: Vec<_> = (1..=if number == 50 { 130 } else { 1 }).map(|time| time * 100 + number).collect();
            expected.insert(format!("{number}"), times.clone());
            platform = platform.chat(&format!("{number}"), times);
        }
        assert_eq!(platform.fill(&mut gap()), (expected, true));
    }

    #[test]
    fn a_conversation_that_wakes_up_during_the_walk_is_not_missed() {
        let mut platform = Platform::default().chat("sleeper", [1]);
        for number in 0..25 {
            platform = platform.chat(&format!("{number:02}"), [1000 + number]);
        }
        platform.surprise = Some((1, "sleeper", 9999));
        let (messages, complete) = platform.fill(&mut gap());
        assert_eq!(messages["sleeper"], [1, 9999]);
        assert_eq!((messages.len(), complete), (26, true));
    }

    #[test]
    fn pinned_conversations_do_not_hide_the_others() {
        let mut platform = Platform::default().chat("a", [5]);
        platform.pinned = vec![head("pinned", -9999 * SECOND)];
        assert_eq!(platform.fill(&mut gap()), (found([("a", vec![5])]), true));
    }

    #[test]
    fn a_gap_larger_than_the_limits_is_said_to_be_incomplete() {
        let config = GapConfig { page_size: 2, max_history_pages: 2, ..GapConfig::default() };
        let mut long = Gap::new(config, SEEN);
        let (messages, complete) = Platform::default().chat("a", 1..=9).fill(&mut long);
        assert_eq!((messages, complete, long.hit_limit()), (found([("a", vec![6, 7, 8, 9])]), false, true));

        let mut wide = Gap::new(GapConfig { page_size: 2, max_conversation_pages: 2, ..config }, SEEN);
        let mut platform = (1..=9).fold(Platform::default(), |platform, n| platform.chat(&n.to_string(), [n]));
        let (messages, complete) = platform.fill(&mut wide);
        assert_eq!((messages.len(), complete, wide.hit_limit()), (4, false, true));
    }

    #[test]
    fn a_cursor_that_stands_still_does_not_loop() {
        let mut gap = gap();
        let now = Instant::now();
        for _ in 0..2 {
            assert!(matches!(gap.next(now), Step::ListConversations { .. }));
            gap.on_conversations(ConversationPage { conversations: vec![], next: Some(7) });
        }
        assert_eq!(gap.next(now), Step::Done { complete: false });
    }

    #[test]
    fn too_fast_is_answered_by_waiting_two_four_and_six_seconds() {
        let (mut gap, mut now) = (gap(), Instant::now());
        let request = gap.next(now);
        for seconds in [2, 4, 6, 6] {
            gap.on_too_fast(now);
            let until = now + Duration::from_secs(seconds);
            assert_eq!(gap.next(now), Step::Wait(until));
            now = until;
            assert_eq!(gap.next(now), request);
        }
        gap.on_conversations(ConversationPage { conversations: vec![head("a", 5)], next: None });
        assert!(matches!(gap.next(now), Step::ListMessages { .. }));
        gap.on_too_fast(now);
        assert_eq!(gap.next(now), Step::Wait(now + Duration::from_secs(2)), "an answer restores the patience");
    }

    #[test]
    fn endless_refusals_end_incomplete() {
        let (mut gap, now) = (gap(), Instant::now());
        for _ in 0..=MAX_TOO_FAST {
            gap.on_too_fast(now);
        }
        assert_eq!(gap.next(now), Step::Done { complete: false });
    }

    /// Lets the request that is out fail until it is given up.
    fn fail(gap: &mut Gap, now: &mut Instant) {
        for _ in 0..=gap.config.retries.len() {
            gap.on_failure(*now);
            *now += Duration::from_secs(60);
        }
    }

    #[test]
    fn a_conversation_that_cannot_be_read_does_not_cost_the_others() {
        let (mut gap, mut now) = (gap(), Instant::now());
        gap.on_conversations(Platform::default().chat("a", [5]).chat("bad", [6]).list(None, 20));
        assert!(matches!(gap.next(now), Step::ListMessages { conversation, .. } if conversation.as_str() == "bad"));
        fail(&mut gap, &mut now);
        assert!(matches!(gap.next(now), Step::ListMessages { conversation, .. } if conversation.as_str() == "a"));
        gap.on_history(&"a".into(), Platform::default().chat("a", [5]).history("a", None, 20));
        assert_eq!(gap.next(now), Step::Done { complete: false });
        assert_eq!(taken(&mut gap), found([("a", vec![5])]));
        assert!(!gap.hit_limit());
    }

    #[test]
    fn a_list_that_cannot_be_read_ends_the_search_after_bounded_tries() {
        let (mut gap, mut now) = (gap(), Instant::now());
        gap.on_failure(now);
        assert_eq!(gap.next(now), Step::Wait(now + Duration::from_secs(1)));
        fail(&mut gap, &mut now);
        assert_eq!(gap.next(now), Step::Done { complete: false });
    }

    #[test]
    fn late_answers_and_failures_change_nothing() {
        let (mut gap, now) = (gap(), Instant::now());
        let mut platform = Platform::default().chat("a", [5]);
        gap.on_history(&"a".into(), platform.history("a", None, 20));
        gap.on_conversations(platform.list(None, 20));
        gap.on_failure(now);
        assert!(matches!(gap.next(now), Step::ListMessages { .. }));
        gap.on_history(&"other".into(), platform.history("a", None, 20));
        gap.on_conversations(platform.list(None, 20));
        gap.on_history(&"a".into(), platform.history("a", None, 20));
        assert_eq!(gap.next(now), Step::Done { complete: true });
        gap.on_failure(now);
        gap.on_too_fast(now);
        assert_eq!(gap.next(now), Step::Done { complete: true });
        assert_eq!(taken(&mut gap), found([("a", vec![5])]));
    }
}
