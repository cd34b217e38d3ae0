//! What the load says and expects to hear: names, keywords, messages, replies.

use serde_json::{Value, json};

/// Chatter around a keyword. Holds no keyword itself.
const CHATTER: [(&str, &str); 5] = [
    ("你好，请问", "还在吗？"),
    ("老板，", "包邮吗"),
    ("想问一下", "最低多少呀"),
    ("亲，", "什么时候发货"),
    ("", "能便宜点吗"),
];

/// The generated shop: keywords of equal length, so that none contains another.
#[derive(Debug, Clone, Copy)]
pub struct Catalog {
    pub keywords: usize,
    pub replies: Replies,
    width: usize,
}

/// What the rules answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    /// The reply's name and the message it answers.
    Exact,
    /// The reply's name alone.
    Plain,
}

/// What an answer says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub keyword: usize,
    /// The serial of the message it answers, from exact replies.
    pub serial: Option<usize>,
}

impl Catalog {
    pub fn new(keywords: usize, replies: Replies) -> Self {
        let keywords = keywords.max(1);
        let width = (keywords - 1).to_string().len().max(4);
        Self { keywords, replies, width }
    }

    /// The name of the account with this index, from 0.
    pub fn account(index: usize) -> String {
        format!("load-{:04}", index + 1)
    }

    pub fn keyword(&self, index: usize) -> String {
        format!("关键词{index:0width$}", width = self.width)
    }

    /// A buyer's message.
    pub fn message(&self, keyword: usize, serial: usize) -> String {
        let (before, after) = CHATTER[serial % CHATTER.len()];
        format!("{before}{}，{after} #{serial}", self.keyword(keyword))
    }

    /// What an answer claims to answer; `None` where it is no reply of ours.
    pub fn claim(&self, answer: &str) -> Option<Claim> {
        let rest = answer.strip_prefix("回复")?;
        let (digits, rest) = rest.split_at_checked(self.width)?;
        let keyword = digits.parse().ok().filter(|keyword| *keyword < self.keywords)?;
        if rest.is_empty() {
            return Some(Claim { keyword, serial: None });
        }
        let (message, serial) = rest.strip_prefix('：')?.rsplit_once('#')?;
        // the repeated message must be about that keyword too
        message.contains(&self.keyword(keyword)).then_some(())?;
        Some(Claim { keyword, serial: Some(serial.parse().ok()?) })
    }

    /// The rules as lines for `keyword import`, for all accounts.
    pub fn rules(&self) -> impl Iterator<Item = Value> {
        (0..self.keywords).map(move |index| {
            let name = format!("回复{index:0width$}", width = self.width);
            let reply = match self.replies {
                Replies::Exact => format!("{name}：{{send_message}}"),
                Replies::Plain => name,
            };
            json!({"account": null, "item_id": null, "keyword": self.keyword(index), "match": "contains", "reply": reply})
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_exact_reply_names_its_keyword_and_message() {
        let catalog = Catalog::new(10, Replies::Exact);
        let rule = catalog.rules().nth(7).unwrap();
        assert_eq!(rule["keyword"], "关键词0007");
        let answer = rule["reply"].as_str().unwrap().replace("{send_message}", &catalog.message(7, 123));
        assert_eq!(catalog.claim(&answer), Some(Claim { keyword: 7, serial: Some(123) }));
    }

    #[test]
    fn a_reply_to_another_keywords_message_claims_nothing() {
        let catalog = Catalog::new(10, Replies::Exact);
        assert_eq!(catalog.claim(&format!("回复0007：{}", catalog.message(8, 1))), None);
        assert_eq!(catalog.claim("回复9999"), None);
        assert_eq!(catalog.claim("默认回复"), None);
    }

    #[test]
    fn no_message_holds_two_keywords() {
        let catalog = Catalog::new(20_000, Replies::Plain);
        let message = catalog.message(1234, 1_300_000);
        let held = (0..catalog.keywords).filter(|index| message.contains(&catalog.keyword(*index)));
        assert_eq!(held.collect::<Vec<_>>(), [1234]);
    }
}
