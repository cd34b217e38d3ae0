//! The server is killed wherever it happens to be, started again, and no buyer notices.

use std::{
    collections::{BTreeMap, HashSet},
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{sleep, timeout},
};
use yutang::{
    ids::{ConversationId, MessageId},
    sim::{Account, Answer, Interest, SimEvent},
};

use super::process::{PATIENCE, Server, Shop};

const UNSETTLED: &str = "outbox WHERE state IN ('queued', 'sent')";
const UNDECIDED: &str = "chat_messages WHERE decision IS NULL";

/// What the exact rule answers, however often it is asked: sends that look alike are the hard case.
const ALIKE: (&str, &str) = ("在吗", "在的");

/// Sends that were refused again and again wait longer each time.
const ENDURANCE: Duration = Duration::from_secs(90);

/// Buyers who write whether or not a server runs.
struct Story {
    shop: Shop,
    seed: u64,
    random: StdRng,
    events: UnboundedReceiver<SimEvent>,
    /// What each buyer said, in order: account, conversation, texts.
    said: BTreeMap<(usize, ConversationId), Vec<String>>,
    count: usize,
    /// Some messages get the same answer. Not where messages are merged into turns.
    alike: bool,
    /// The platform pushes again what was missed; else only its history has it, and newer messages may come first.
    replays: bool,
}

impl Story {
    /// `YUTANG_TEST_SEED` repeats a run that failed.
    fn new(shop: Shop) -> Self {
        let seed = env::var("YUTANG_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
        eprintln!("YUTANG_TEST_SEED={seed}");
        let (question, answer) = ALIKE;
        shop.run(&["keyword", "add", question, "--match", "exact", "--reply", answer]).succeeded();
        let events = shop.sim.platform().events(Interest::Everything);
        Self {
            shop,
            seed,
            random: StdRng::seed_from_u64(seed),
            events,
            said: BTreeMap::new(),
            count: 0,
            alike: true,
            replays: true,
        }
    }

    /// A server was there once, so that the accounts know since when they answer.
    async fn with_a_past(mut self) -> Self {
        self.shop.serve_registered().await.terminate().cleanly();
        self.forget_events();
        self
    }

    fn forget_events(&mut self) {
        while self.events.try_recv().is_ok() {}
    }

    /// Somebody says something to one of the accounts.
    fn say(&mut self) -> MessageId {
        let index = self.random.random_range(0..self.shop.accounts.len());
        let buyer = format!("22000000{:02}", self.random.random_range(0..12));
        self.count += 1;
        let alike = self.alike && self.random.random_bool(0.4);
        let text = if alike { ALIKE.0.to_owned() } else { format!("第{}句", self.count) };
        let said = self.shop.accounts[index].buyer_says(&buyer, "900000000001", &text);
        self.said.entry((index, said.conversation)).or_default().push(text);
        said.message
    }

    /// Waits until the platform heard that these messages are safe.
    async fn acknowledged(&mut self, said: Vec<MessageId>, server: &Server) {
        let mut waiting: HashSet<MessageId> = said.into_iter().collect();
        while !waiting.is_empty() {
            match timeout(PATIENCE, self.events.recv()).await {
                Ok(Some(SimEvent::Acked { messages, .. })) => waiting.retain(|id| !messages.contains(id)),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => panic!("seed {}: {waiting:?} not acknowledged\n{}", self.seed, server.log()),
            }
        }
    }

    fn say_many(&mut self, most: usize) {
        for _ in 0..self.random.random_range(0..=most) {
            self.say();
        }
    }

    /// The platform's manners for the next while.
    fn change_weather(&mut self) {
        let answers = [Answer::WithId, Answer::WithoutId, Answer::NoAnswer, Answer::NoAnswerNoEcho];
        let answer = answers[self.random.random_range(0..answers.len())];
        let (echo_first, no_replay, duplicate) =
            (self.random.random_bool(0.5), !self.replays && self.random.random_bool(0.7), self.random.random_bool(0.3));
        self.shop.sim.platform().change_faults(|faults| {
            faults.answer = answer;
            faults.echo_first = echo_first;
            faults.no_replay = no_replay;
            faults.duplicate = duplicate;
        });
        for account in self.shop.accounts.clone() {
            if self.random.random_bool(0.15) {
                account.answer_next([Answer::Lost, Answer::WithoutId, Answer::NoAnswerNoEcho, Answer::Refuse(503)]);
            }
        }
    }

    /// A server lives for some moments, and is killed.
    async fn live(&mut self) {
        self.say_many(10);
        let server = self.shop.serve();
        self.forget_events();
        for _ in 0..self.random.random_range(0..250) {
            self.moment().await;
        }
        self.kill(server).await;
    }

    /// One thing happens on the platform; in between buyers write.
    async fn moment(&mut self) {
        let nothing = timeout(Duration::from_millis(700), self.events.recv()).await.is_err();
        if nothing || self.random.random_bool(0.1) {
            self.say_many(6);
        }
    }

    /// Between two events too.
    async fn kill(&mut self, server: Server) {
        sleep(Duration::from_micros(self.random.random_range(0..4000))).await;
        server.kill();
    }

    fn received(&self) -> usize {
        self.shop.accounts.iter().map(|account| account.received_everywhere().len()).sum()
    }

    /// The platform is well again, and a last server brings everything to its end.
    async fn end(&mut self) {
        self.shop.sim.platform().heal();
        let server = self.shop.serve_registered().await;
        self.settle(&server).await;
        server.terminate().cleanly();
    }

    /// Waits until every buyer has an answer and the database is at rest.
    async fn settle(&mut self, server: &Server) {
        let deadline = Instant::now() + ENDURANCE;
        while !self.is_answered() && Instant::now() < deadline {
            let _ = timeout(Duration::from_millis(200), self.events.recv()).await;
            self.forget_events();
        }
        assert!(
            self.is_answered(),
            "seed {}: not every message was answered\n{}\n{}",
            self.seed,
            self.unanswered(),
            server.log()
        );
        assert_eq!(self.shop.await_none(UNDECIDED).await, 0, "seed {}: undecided\n{}", self.seed, server.log());
        assert_eq!(self.shop.await_none(UNSETTLED).await, 0, "seed {}: unsettled\n{}", self.seed, server.log());
    }

    fn is_answered(&self) -> bool {
        let answered: usize = self.conversations().map(|(said, received)| said.len().min(lines(&received).len())).sum();
        answered >= self.count
    }

    fn unanswered(&self) -> String {
        let short = self.said.iter().filter(|((index, conversation), said)| {
            lines(&received(&self.shop.accounts[*index], conversation)).len() < said.len()
        });
        short.map(|((index, conversation), _)| self.tale(*index, conversation)).collect::<Vec<_>>().join("\n")
    }

    fn conversations(&self) -> impl Iterator<Item = (&Vec<String>, Vec<String>)> {
        self.said
            .iter()
            .map(|((index, conversation), said)| (said, received(&self.shop.accounts[*index], conversation)))
    }

    /// Every message has its one answer, in the order in which they were written.
    fn every_message_was_answered_once(&self) {
        for ((index, conversation), said) in &self.said {
            let received = received(&self.shop.accounts[*index], conversation);
            let expected: Vec<String> = said.iter().map(|text| answer(text)).collect();
            let (mut sorted_expected, mut sorted) = (expected.clone(), received.clone());
            sorted_expected.sort();
            sorted.sort();
            assert!(
                sorted == sorted_expected,
                "seed {}: lost or doubled\n{}",
                self.seed,
                self.tale(*index, conversation)
            );
            assert!(received == expected, "seed {}: out of order\n{}", self.seed, self.tale(*index, conversation));
        }
        self.the_database_agrees();
        let answered = self.shop.count("chat_messages WHERE decision = 'answer'");
        assert_eq!(answered, self.count as i64, "seed {}: a decision each", self.seed);
    }

    /// What was said, seen and stored in one conversation, for whoever has to find out why.
    fn tale(&self, index: usize, conversation: &ConversationId) -> String {
        let account = &self.shop.accounts[index];
        let seen = account.received(conversation).into_iter().map(|delivery| {
            format!("{} at {}: {} {}", delivery.uuid, delivery.created_at, delivery.message, delivery.text())
        });
        let rows = self.shop.texts(&format!(
            "SELECT id || ' ' || state || ' of ' || created_at || ' sent ' || coalesce(sent_at, 0) || ' settled ' || \
             coalesce(settled_at, 0) || ', attempts ' || attempts || ': ' || coalesce(message_id, '-') || ' ' || body AS text \
             FROM outbox WHERE conversation_id = '{conversation}' ORDER BY id",
        ));
        let said = &self.said[&(index, conversation.clone())];
        format!("said {said:?}\nseen\n{}\nstored\n{}", seen.collect::<Vec<_>>().join("\n"), rows.join("\n"))
    }

    fn the_database_agrees(&self) {
        let count = |what: &str| self.shop.count(what) as usize;
        assert_eq!(count("chat_messages"), self.count, "seed {}: each message once, and no echo among them", self.seed);
        let states = self.shop.texts("SELECT state AS text FROM outbox WHERE state <> 'confirmed'");
        assert_eq!(states, Vec::<String>::new(), "seed {}: every send is confirmed", self.seed);
        assert_eq!(count("outbox"), self.received(), "seed {}: a row for each send", self.seed);
        let named = self.shop.texts("SELECT message_id AS text FROM outbox WHERE message_id IS NOT NULL");
        let different: HashSet<&String> = named.iter().collect();
        assert_eq!(different.len(), named.len(), "seed {}: no two sends are one message", self.seed);
    }
}

fn received(account: &Account, conversation: &ConversationId) -> Vec<String> {
    account.received(conversation).iter().map(|delivery| delivery.text().to_owned()).collect()
}

fn answer(text: &str) -> String {
    if text == ALIKE.0 { ALIKE.1.to_owned() } else { format!("收到 {text}") }
}

/// What was answered, message by message: a turn's answer repeats all of its messages.
fn lines(received: &[String]) -> Vec<&str> {
    received.iter().flat_map(|text| text.trim_start_matches("收到 ").split('\n')).collect()
}

async fn kills_at_random_points(shop: Shop, lives: usize, replays: bool) {
    let mut story = Story::new(shop).with_a_past().await;
    story.replays = replays;
    for _ in 0..lives {
        story.change_weather();
        story.live().await;
        story.say_many(20);
    }
    story.end().await;
    story.every_message_was_answered_once();
}

/// M2, M5, M7: what is acknowledged is stored, and what is stored is answered, whatever happens to the process; the same words twice
/// are two messages.
#[actix::test]
async fn a_server_killed_at_random_points_answers_every_message_once() {
    kills_at_random_points(Shop::with_accounts(4), 10, true).await;
}

/// M5: the stored position is only a shortcut.
#[actix::test]
async fn where_the_platform_repeats_nothing_the_history_has_what_was_missed() {
    kills_at_random_points(Shop::with_accounts(4), 10, false).await;
}

#[actix::test]
async fn the_same_on_postgresql() {
    let Some(shop) = Shop::on_postgres(4) else { return };
    kills_at_random_points(shop, 10, true).await;
}

#[actix::test]
async fn a_server_killed_while_buyers_are_still_typing_answers_every_word_once() {
    let mut shop = Shop::with_accounts(3);
    shop.set("inbox.debounce", "50ms");
    shop.set("inbox.longest_wait", "200ms");
    let mut story = Story::new(shop).with_a_past().await;
    story.alike = false;
    for _ in 0..10 {
        story.change_weather();
        story.live().await;
        story.say_many(20);
    }
    story.end().await;
    for (said, received) in story.conversations() {
        assert_eq!(lines(&received), *said, "seed {}", story.seed);
    }
    story.the_database_agrees();
    let decided = story.shop.count("chat_messages WHERE decision IN ('answer', 'merged')");
    assert_eq!(decided, story.count as i64, "seed {}", story.seed);
}

/// M7: the acknowledgement says "stored": from then on the platform need not repeat it.
#[actix::test]
async fn a_server_killed_right_after_its_acknowledgements_answers_what_it_acknowledged() {
    let mut story = Story::new(Shop::with_accounts(2)).with_a_past().await;
    for _ in 0..10 {
        let server = story.shop.serve_registered().await;
        // the platform will not push it again
        story.shop.sim.platform().change_faults(|faults| faults.no_replay = true);
        let said: Vec<MessageId> = (0..8).map(|_| story.say()).collect();
        story.acknowledged(said, &server).await;
        server.kill();
        assert_eq!(story.shop.count("chat_messages") as usize, story.count, "acknowledged, so stored");
    }
    story.end().await;
    story.every_message_was_answered_once();
}

/// M5: the very first connection is no exception: from the moment it stands, nothing is missed.
#[actix::test]
async fn a_server_killed_right_after_its_first_connection_misses_nothing() {
    let mut story = Story::new(Shop::with_accounts(3));
    let server = story.shop.serve_registered().await;
    server.kill();
    (0..9).for_each(|_| drop(story.say()));
    story.end().await;
    story.every_message_was_answered_once();
}

/// A restart costs the platform nothing.
#[actix::test]
async fn fifty_orderly_restarts_cost_no_token() {
    let shop = Shop::with_accounts(3);
    shop.serve_registered().await.terminate().cleanly();
    for _ in 0..50 {
        shop.serve_registered().await.terminate().cleanly();
    }
    assert_eq!(tokens(&shop.accounts), [1, 1, 1]);
}

/// Nor does a crash.
#[actix::test]
async fn fifty_crashes_cost_no_token() {
    let shop = Shop::with_accounts(3);
    for _ in 0..51 {
        shop.serve_registered().await.kill();
    }
    assert_eq!(tokens(&shop.accounts), [1, 1, 1]);
}

fn tokens(accounts: &[Arc<Account>]) -> Vec<u32> {
    accounts.iter().map(|account| account.token_requests()).collect()
}
