//! What a rule does besides sending, in the transaction of its decision.

use diesel::prelude::*;

use super::{
    DbConn, buyer_tags, conversations,
    handovers::{self, By},
    notices::{self, Opening},
    rule_uses::{self, RuleUse},
    schema::accounts,
};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, RuleId, Timestamp, UserId},
    notify::{event::Event, notice::Subject},
    platform::hours::day_of,
    reply::rule::{Deed, pause},
};

/// What one rule did in one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub buyer: BuyerId,
    pub buyer_name: Option<String>,
    pub rule: RuleId,
    pub deeds: Vec<Deed>,
    /// It is limited by the day.
    pub counted: bool,
    pub at: Timestamp,
}

/// For the engine. Of an account that is gone nothing is done.
pub fn apply(conn: &mut DbConn, effects: &[Effect]) -> QueryResult<()> {
    for effect in effects {
        if effect.deeds.is_empty() {
            continue;
        }
        let query = accounts::table.find(effect.account).select((accounts::owner_id, accounts::name));
        let account: Option<(UserId, String)> = query.first(conn).optional()?;
        let Some((owner, name)) = account else { continue };
        effect.deeds.iter().try_for_each(|deed| carry_out(conn, (owner, &name), effect, deed))?;
    }
    let used = effects.iter().filter(|effect| effect.counted).map(|effect| RuleUse {
        account: effect.account,
        buyer: effect.buyer.clone(),
        rule: effect.rule,
        day: day_of(effect.at),
    });
    rule_uses::count_many(conn, &used.collect::<Vec<_>>())
}

fn carry_out(conn: &mut DbConn, (owner, name): (UserId, &str), effect: &Effect, deed: &Deed) -> QueryResult<()> {
    let Effect { account, conversation, buyer, at, .. } = effect;
    match deed {
        Deed::Pause { minutes } => conversations::take_over(conn, *account, conversation, *at + pause(*minutes), *at),
        Deed::Tag(tag) => buyer_tags::add(conn, owner, buyer, tag, *at).map(drop),
        Deed::Untag(tag) => buyer_tags::remove(conn, owner, buyer, tag).map(drop),
        Deed::Notify(text) => notices::open(conn, &notice(owner, name, effect, text), *at),
        Deed::HandOver(to) => {
            let by = By { user: None, name: format!("规则 #{}", effect.rule) };
            let hand =
                |conn: &mut DbConn, to| handovers::hand_over(conn, owner, (*account, conversation), to, &by, "", *at);
            if hand(conn, *to)?.is_err() {
                // Who is gone leaves it to whoever looks first.
                let _ = hand(conn, None)?;
            }
            Ok(())
        }
    }
}

/// What one rule tells of one conversation within a few minutes is one message.
fn notice(owner: UserId, name: &str, effect: &Effect, text: &str) -> Opening {
    let Effect { account, conversation, buyer, buyer_name, rule, .. } = effect;
    Opening {
        owner,
        account: Some(*account),
        buyer: Some(buyer.clone()),
        event: Event::Rule,
        severity: Event::Rule.severity(),
        key: format!("rule:{rule}:{account}:{conversation}"),
        subject: Subject {
            account: Some(name.to_owned()),
            conversation: Some(conversation.to_string()),
            buyer: buyer_name.clone(),
            what: Some(text.to_owned()),
            ..Subject::default()
        },
    }
}
