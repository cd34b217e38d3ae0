//! What must be known to answer a turn: the item from memory where it was asked for a moment ago, the rest read in one go.

use std::time::Duration;

use crate::{
    ai::messages::AiQuestion,
    ids::{Fen, Timestamp},
    platform::{hours, mtop::item::Spec},
    store::{DbConn, QueryResult, Store, StoreError, ai_usage, items, transcript},
};

/// Messages of a conversation that are looked at, at most; the tokens decide how many of them are told.
const MESSAGES: i64 = 40;

/// What we said longer ago is not told.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

pub(super) struct Material {
    pub(super) item: Option<Item>,
    /// Oldest first, without the turn itself.
    pub(super) history: Vec<transcript::Spoken>,
    /// Of today.
    pub(super) used: ai_usage::Usage,
}

/// What the seller offers.
pub(super) struct Item {
    pub(super) title: String,
    pub(super) price: Option<Fen>,
    pub(super) description: String,
    pub(super) specs: String,
    pub(super) stock: Option<i64>,
    /// What the seller wants the AI to know.
    pub(super) notes: String,
    pub(super) floor: Option<Fen>,
}

impl Material {
    pub(super) async fn read(store: &Store, question: &AiQuestion, now: Timestamp) -> Result<Self, StoreError> {
        let item = match &question.item {
            Some(item) => store.item(question.account, item).await?,
            None => None,
        };
        let question = question.clone();
        let material = store.read(move |conn| Self::read_rest(conn, &question, now)).await?;
        Ok(Self { item: item.map(|item| Item::from(&*item)), ..material })
    }

    fn read_rest(conn: &mut DbConn, question: &AiQuestion, now: Timestamp) -> QueryResult<Self> {
        let AiQuestion { account, conversation, own, messages, .. } = question;
        Ok(Self {
            item: None,
            history: transcript::recent(conn, *account, conversation, own, messages, now - REMEMBERED, MESSAGES)?,
            used: ai_usage::of_day(conn, *account, hours::day_of(now))?,
        })
    }

    /// What we said, oldest first.
    pub(super) fn ours(&self) -> Vec<String> {
        self.history.iter().filter(|spoken| spoken.by_us).map(|spoken| spoken.text.clone()).collect()
    }

    /// What the buyer said since we last said something, the turn included.
    pub(super) fn unanswered(&self, said: &[String]) -> Vec<String> {
        let after = self.history.iter().rposition(|spoken| spoken.by_us).map_or(0, |last| last + 1);
        self.history[after..].iter().map(|spoken| &spoken.text).chain(said).cloned().collect()
    }
}

impl From<&items::Item> for Item {
    /// Of specs with several prices the dearest counts: a discount on it must not be measured by a cheaper one.
    fn from(row: &items::Item) -> Self {
        let specs = row.specs();
        let dearest = specs.iter().filter_map(|spec| spec.price).max();
        Self {
            price: dearest.max(row.price),
            specs: specs.iter().map(told).collect::<Vec<_>>().join("；"),
            title: row.title.clone(),
            description: row.description.clone(),
            stock: row.stock,
            notes: row.ai_facts.clone(),
            floor: row.floor,
        }
    }
}

/// A spec as the model is told of it: `颜色:黑 123.00元 剩3件`.
fn told(spec: &Spec) -> String {
    let properties: Vec<String> = spec.properties.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    let price = spec.price.map(|price| format!(" {}.{:02}元", price.0 / 100, price.0 % 100));
    let stock = spec.stock.map(|stock| format!(" 剩{stock}件"));
    [properties.join(" "), price.unwrap_or_default(), stock.unwrap_or_default()].concat()
}
