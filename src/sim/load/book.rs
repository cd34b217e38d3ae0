//! The book of what was sent and what came back.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use super::catalog::Catalog;
use crate::ids::ConversationId;

/// Every message of a load and how often it was answered.
#[derive(Debug)]
pub struct Book {
    catalog: Catalog,
    sent: Vec<Sent>,
    /// Unanswered messages of each conversation, oldest first.
    open: HashMap<ConversationId, VecDeque<usize>>,
    unanswered: usize,
    /// Answers beyond the first.
    pub doubled: usize,
    /// Answers that answer nothing that was asked there.
    pub wrong: usize,
    /// The first answers, in the order they came.
    pub answers: Vec<First>,
}

#[derive(Debug)]
struct Sent {
    conversation: ConversationId,
    keyword: usize,
    at: Instant,
    hot: bool,
    answered: bool,
}

/// The first answer to a message.
#[derive(Debug, Clone, Copy)]
pub struct First {
    pub pushed: Instant,
    pub latency: Duration,
    /// It belongs to the hot account.
    pub hot: bool,
}

impl Book {
    pub fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            sent: Vec::new(),
            open: HashMap::new(),
            unanswered: 0,
            doubled: 0,
            wrong: 0,
            answers: Vec::new(),
        }
    }

    /// The serial of the next message.
    pub fn next_serial(&self) -> usize {
        self.sent.len()
    }

    /// Notes a message, with the serial [`Book::next_serial`] gave, right before it is pushed.
    pub fn pushed(&mut self, conversation: ConversationId, keyword: usize, at: Instant, hot: bool) {
        self.open.entry(conversation.clone()).or_default().push_back(self.sent.len());
        self.sent.push(Sent { conversation, keyword, at, hot, answered: false });
        self.unanswered += 1;
    }

    /// Notes an answer.
    pub fn delivered(&mut self, conversation: &ConversationId, text: &str, at: Instant) {
        let claim = self.catalog.claim(text);
        let keyword = claim.map(|claim| claim.keyword);
        let serial = claim.and_then(|claim| claim.serial.or_else(|| self.oldest(conversation, claim.keyword)));
        let Some(sent) = serial.and_then(|serial| self.sent.get_mut(serial)) else {
            self.wrong += 1;
            return;
        };
        if sent.conversation != *conversation || keyword != Some(sent.keyword) {
            self.wrong += 1;
        } else if sent.answered {
            self.doubled += 1;
        } else {
            sent.answered = true;
            self.unanswered -= 1;
            self.answers.push(First { pushed: sent.at, latency: at.saturating_duration_since(sent.at), hot: sent.hot });
            self.close(conversation);
        }
    }

    pub fn sent(&self) -> usize {
        self.sent.len()
    }

    pub fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// The oldest unanswered message of a conversation and keyword; where all are answered, the last answered one.
    fn oldest(&self, conversation: &ConversationId, keyword: usize) -> Option<usize> {
        let open = self.open.get(conversation)?;
        let waiting = open.iter().copied().find(|serial| {
            let sent = &self.sent[*serial];
            sent.keyword == keyword && !sent.answered
        });
        let answered =
            || self.sent.iter().rposition(|sent| sent.keyword == keyword && sent.conversation == *conversation);
        waiting.or_else(answered)
    }

    /// Forgets the answered messages at the front of a conversation.
    fn close(&mut self, conversation: &ConversationId) {
        let Some(open) = self.open.get_mut(conversation) else { return };
        while open.front().is_some_and(|serial| self.sent[*serial].answered) {
            open.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::catalog::Replies, *};

    fn counts(replies: Replies, answers: &[&str]) -> (usize, usize, usize, usize) {
        let mut book = Book::new(Catalog::new(10, replies));
        let conversation = ConversationId::from("1");
        for keyword in [3, 4, 3] {
            book.pushed(conversation.clone(), keyword, Instant::now(), false);
        }
        for answer in answers {
            book.delivered(&conversation, answer, Instant::now());
        }
        (book.answers.len(), book.unanswered(), book.doubled, book.wrong)
    }

    #[test]
    fn plain_answers_count_for_the_oldest_message_of_their_keyword() {
        assert_eq!(counts(Replies::Plain, &["回复0003", "回复0004", "回复0003"]), (3, 0, 0, 0));
        assert_eq!(counts(Replies::Plain, &["回复0004", "回复0004"]), (1, 2, 1, 0));
        assert_eq!(counts(Replies::Plain, &["回复0005", "您好"]), (0, 3, 0, 2));
    }

    #[test]
    fn exact_answers_tell_a_lost_message_from_a_doubled_one() {
        let catalog = Catalog::new(10, Replies::Exact);
        let first = format!("回复0003：{}", catalog.message(3, 0));
        let foreign = format!("回复0003：{}", catalog.message(3, 17));
        assert_eq!(counts(Replies::Exact, &[&first, &first, &foreign]), (1, 2, 1, 1));
    }

    #[test]
    fn an_answer_in_another_conversation_is_wrong() {
        let mut book = Book::new(Catalog::new(10, Replies::Exact));
        book.pushed("1".into(), 3, Instant::now(), false);
        let answer = format!("回复0003：{}", Catalog::new(10, Replies::Exact).message(3, 0));
        book.delivered(&"2".into(), &answer, Instant::now());
        assert_eq!((book.wrong, book.unanswered()), (1, 1));
    }
}
