//! Buyers who come, ask, listen and go; each compares what they hear with what they should.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rand::RngExt as _;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc, watch,
    },
    time::{Instant, timeout},
};

use super::{purchase::Progress, stock::Stock};
use crate::{
    ids::{ConversationId, OrderId, RuleId},
    sim::{
        Account, Platform, Said,
        scenario::{Expect, Line, Says, Talk},
    },
    telemetry::feed::{DecidedEvent, Feed, FeedEvent},
};

/// A buyer who has heard nothing for this long will not. Far above any answer's time, also on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// Between two messages of a buyer, and between two buyers: long enough to be read. In milliseconds.
pub(super) const BETWEEN_LINES: std::ops::Range<u64> = 300..1200;
const BETWEEN_VISITS: std::ops::Range<u64> = 500..2000;

/// Distance between the numbers of the buyers who play the same part.
const NEXT_BUYER: u64 = 1000;

/// What all buyers share.
pub(super) struct Stage {
    pub(super) platform: Arc<Platform>,
    feed: Feed,
    /// What rules are called.
    titles: HashMap<RuleId, String>,
    pub(super) stock: Stock,
}

/// One buyer's message and what came of it, or what happened with an order.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) at: jiff::Timestamp,
    pub(super) account: &'static str,
    pub(super) buyer: Arc<str>,
    /// What the buyer said or did; empty where something came by itself.
    pub(super) asked: String,
    pub(super) outcome: Outcome,
    /// From the message to the last text of the answer, or to the decision to say nothing; of an order from the payment.
    pub(super) took: Option<Duration>,
}

/// What kind of source an answer came from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answerer {
    Rule,
    Ai,
    Default,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Answered {
        sends: Vec<String>,
        why: String,
        by: Answerer,
    },
    Silent {
        why: String,
    },
    Wrong {
        expected: String,
        heard: String,
    },
    Order {
        progress: Progress,
        hears: String,
    },
    /// The order went on otherwise than expected, or not at all.
    Unserved {
        expected: String,
        heard: String,
    },
}

/// One buyer in one conversation.
pub(super) struct Visit {
    pub(super) account: Arc<Account>,
    pub(super) conversation: ConversationId,
    pub(super) name: &'static str,
    pub(super) buyer: Arc<str>,
    pub(super) item: &'static str,
    pub(super) order: Option<OrderId>,
    /// All that the buyer should have heard by now.
    pub(super) expected: Vec<String>,
    /// Something was wrong, and has been told.
    pub(super) wrong: bool,
}

/// Plays one part again and again, each time as a new buyer, until closed.
pub(super) async fn come_and_go(
    stage: &Stage,
    talk: &Talk,
    tell: mpsc::UnboundedSender<Exchange>,
    mut closed: watch::Receiver<bool>,
) -> Vec<Visit> {
    let mut visits = Vec::new();
    let Some(account) = stage.platform.account(talk.account) else { return visits };
    for round in 0.. {
        if is_closed_after(BETWEEN_VISITS, &mut closed).await {
            break;
        }
        let mut visit = Visit::new(&account, talk, round);
        let mut stays = true;
        for line in &talk.lines {
            let exchange = visit.exchange(stage, line).await;
            // Nobody listens only when the demo has failed already.
            let _ = tell.send(exchange);
            stays = !visit.wrong && !is_closed_after(BETWEEN_LINES, &mut closed).await;
            if !stays {
                break;
            }
        }
        if stays && talk.buys > 0 && stage.stock.order(talk.buys) {
            visit.buy(stage, talk.buys, &tell).await;
        }
        visits.push(visit);
    }
    visits
}

/// Waits for a moment; whether the demo ends.
async fn is_closed_after(range: std::ops::Range<u64>, closed: &mut watch::Receiver<bool>) -> bool {
    let pause = Duration::from_millis(rand::rng().random_range(range));
    // A sender that is gone has closed, too.
    timeout(pause, closed.wait_for(|closed| *closed)).await.is_ok()
}

impl Stage {
    pub(super) fn new(platform: Arc<Platform>, feed: Feed, titles: HashMap<RuleId, String>, stock: Stock) -> Self {
        Self { platform, feed, titles, stock }
    }

    fn why(&self, decided: &DecidedEvent) -> String {
        let title = decided.rule.and_then(|rule| self.titles.get(&rule));
        title.filter(|_| decided.decision == "answer").unwrap_or(&decided.reason).clone()
    }
}

impl Visit {
    pub(super) fn new(account: &Arc<Account>, talk: &Talk, round: u64) -> Self {
        let number = talk.buyer.parse::<u64>().unwrap_or_default() + round * NEXT_BUYER;
        let buyer: Arc<str> = number.to_string().into();
        Self {
            conversation: account.conversation(&buyer, talk.item),
            account: Arc::clone(account),
            name: talk.account,
            buyer,
            item: talk.item,
            order: None,
            expected: Vec::new(),
            wrong: false,
        }
    }

    async fn exchange(&mut self, stage: &Stage, line: &Line) -> Exchange {
        let (mut feed, at, start) = (stage.feed.watch(), jiff::Timestamp::now(), Instant::now());
        let said = self.say(line.says);
        let decided = timeout(PATIENCE, decision(&mut feed, &said)).await.ok().flatten();
        let (outcome, took) = match (&decided, &line.expect) {
            (None, expect) => (Err((expected(expect), "nothing was decided".to_owned())), start.elapsed()),
            (Some(decided), Expect::Silence) => (self.hear_nothing(stage, decided), start.elapsed()),
            (Some(decided), Expect::Replies(replies)) => self.hear(stage, decided, replies, start).await,
        };
        self.wrong = outcome.is_err();
        Exchange {
            at,
            account: self.name,
            buyer: Arc::clone(&self.buyer),
            asked: decided.map_or_else(|| asked(line.says), |decided| decided.asked),
            outcome: outcome.unwrap_or_else(|(expected, heard)| Outcome::Wrong { expected, heard }),
            took: Some(took),
        }
    }

    fn say(&self, says: Says) -> Said {
        match says {
            Says::Text(text) => self.account.buyer_says(&self.buyer, self.item, text),
            Says::Picture(url) => self.account.buyer_sends_image(&self.buyer, self.item, url),
        }
    }

    fn hear_nothing(&self, stage: &Stage, decided: &DecidedEvent) -> Result<Outcome, (String, String)> {
        if decided.decision != "silent" {
            return Err((expected(&Expect::Silence), format!("an answer by {}", stage.why(decided))));
        }
        Ok(Outcome::Silent { why: stage.why(decided) })
    }

    async fn hear(
        &mut self,
        stage: &Stage,
        decided: &DecidedEvent,
        replies: &[String],
        start: Instant,
    ) -> (Result<Outcome, (String, String)>, Duration) {
        let before = self.expected.len();
        self.expected.extend(replies.iter().cloned());
        let patience = if decided.decision == "silent" { Duration::ZERO } else { PATIENCE };
        let heard = self.account.await_delivered(&self.conversation, self.expected.len(), patience).await;
        let took =
            heard.last().map_or_else(|| start.elapsed(), |last| last.at.saturating_duration_since(start.into_std()));
        if heard.iter().map(|delivery| delivery.text()).ne(self.expected.iter().map(String::as_str)) {
            let new = heard.iter().skip(before).map(|delivery| delivery.text());
            let heard = format!("{} ({})", quoted(new), stage.why(decided));
            return (Err((quoted(replies.iter().map(String::as_str)), heard)), took);
        }
        let by = match decided.reason.as_str() {
            "default" => Answerer::Default,
            "ai" => Answerer::Ai,
            _ => Answerer::Rule,
        };
        (Ok(Outcome::Answered { sends: replies.to_vec(), why: stage.why(decided), by }), took)
    }

    /// What the buyer heard in all, where it is not what they should have heard and nobody has told yet.
    pub(super) fn surprise(&self, stock: &Stock) -> Option<String> {
        let heard = self.account.received(&self.conversation);
        let differs = heard.iter().map(|delivery| delivery.text()).ne(self.expected.iter().map(String::as_str));
        (differs && !self.wrong).then(|| {
            let heard = quoted(heard.iter().map(|delivery| delivery.text()));
            let expected = quoted(self.expected.iter().map(String::as_str));
            stock.masked(&format!("{} to {}: expected {expected} in all, heard {heard}", self.buyer, self.name))
        })
    }
}

/// The decision about this message. `None` when the server is gone.
async fn decision(feed: &mut broadcast::Receiver<FeedEvent>, said: &Said) -> Option<DecidedEvent> {
    loop {
        match feed.recv().await {
            Ok(FeedEvent::Decided(decided))
                if decided.conversation == said.conversation && decided.message == said.message =>
            {
                return Some(*decided);
            }
            Ok(
                FeedEvent::Decided(_)
                | FeedEvent::Stored(_)
                | FeedEvent::Send(_)
                | FeedEvent::Order(_)
                | FeedEvent::Status { .. }
                | FeedEvent::Paused { .. },
            ) => {}
            // The terminal was slower than thousands of events: the one waited for may still come.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

fn asked(says: Says) -> String {
    match says {
        Says::Text(text) | Says::Picture(text) => text.to_owned(),
    }
}

fn expected(expect: &Expect) -> String {
    match expect {
        Expect::Replies(replies) => quoted(replies.iter().map(String::as_str)),
        Expect::Silence => "silence".to_owned(),
    }
}

pub(super) fn quoted<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.map(|text| format!("“{text}”")).collect();
    if texts.is_empty() { "nothing".to_owned() } else { texts.join(" ") }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::sim::{Config, scenario};

    #[test]
    fn what_a_buyer_never_heard_is_a_surprise_told_once() {
        let platform = Platform::new(Config::default());
        let account = platform.add_account("a");
        let shop = scenario::shop();
        let (mut visit, stock) = (Visit::new(&account, &shop.talks[0], 2), Stock::new(shop.goods));
        assert_eq!((&*visit.buyer, visit.surprise(&stock)), ("2200000102001", None));
        visit.expected.push("hi".to_owned());
        let told = visit.surprise(&stock).unwrap();
        assert!(told.contains("expected “hi” in all, heard nothing"), "{told}");
        visit.wrong = true;
        assert_eq!(visit.surprise(&stock), None);
    }
}
