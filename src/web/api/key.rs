//! Names of things that are numbered within an account only. In addresses they stand behind the account's number: `12.3456789`.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use super::super::{
    error::{ApiError, Code},
    input::whole,
};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, MessageId, OrderId},
    outbox::entry::SendId,
};

/// A conversation as the API names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConversationKey {
    pub account: AccountId,
    pub conversation: ConversationId,
}

/// An outbox entry as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendKey {
    pub account: AccountId,
    pub id: SendId,
}

/// A message as the API names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageKey {
    pub account: AccountId,
    pub message: MessageId,
}

/// An order as the API names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderKey {
    pub account: AccountId,
    pub order: OrderId,
}

/// `ACCOUNT.CONVERSATION`.
pub fn conversation(account: AccountId, conversation: &ConversationId) -> String {
    format!("{account}.{conversation}")
}

/// `ACCOUNT.NUMBER`.
pub fn send(account: AccountId, id: SendId) -> String {
    format!("{account}.{}", id.0)
}

/// `ACCOUNT.ORDER`.
pub fn order(account: AccountId, order: &OrderId) -> String {
    format!("{account}.{order}")
}

impl OrderKey {
    pub fn parse(text: &str) -> Option<Self> {
        let (account, order) = text.split_once('.')?;
        is_plain(order).then_some(Self { account: AccountId(whole(account)?), order: order.into() })
    }

    pub fn name(&self) -> String {
        order(self.account, &self.order)
    }
}

impl ConversationKey {
    pub fn parse(text: &str) -> Option<Self> {
        let (account, conversation) = text.split_once('.')?;
        is_plain(conversation)
            .then_some(Self { account: AccountId(whole(account)?), conversation: conversation.into() })
    }
}

impl MessageKey {
    pub fn parse(text: &str) -> Option<Self> {
        let (account, message) = text.split_once('.')?;
        is_plain(message).then_some(Self { account: AccountId(whole(account)?), message: message.into() })
    }
}

/// What the platform's names look like.
fn is_plain(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

impl SendKey {
    pub fn parse(text: &str) -> Option<Self> {
        let (account, id) = text.split_once('.')?;
        Some(Self { account: AccountId(whole(account)?), id: SendId(whole(id)?) })
    }
}

/// A buyer as an address names them: `{buyer_id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyerKey(pub BuyerId);

impl FromRequest for BuyerKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let name = request.match_info().query("buyer_id");
        let fits = (1..=64).contains(&name.len()) && !name.contains('\0');
        ready(if fits { Ok(Self(name.into())) } else { Err(Code::NotFound.into()) })
    }
}

fn from_address<T>(request: &HttpRequest, parse: impl Fn(&str) -> Option<T>) -> Ready<Result<T, ApiError>> {
    let key = request.match_info().iter().next().and_then(|(_, text)| parse(text));
    ready(key.ok_or_else(|| Code::NotFound.into()))
}

impl FromRequest for ConversationKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        from_address(request, Self::parse)
    }
}

impl FromRequest for OrderKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        from_address(request, Self::parse)
    }
}

impl FromRequest for MessageKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        from_address(request, Self::parse)
    }
}

impl FromRequest for SendKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        from_address(request, Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_anything_else_is_no_key() {
        let text = conversation(AccountId(12), &"60001.x".into());
        assert_eq!(
            ConversationKey::parse(&text),
            Some(ConversationKey { account: AccountId(12), conversation: "60001.x".into() })
        );
        let entry = SendKey { account: AccountId(3), id: SendId(1_763_640_000_123) };
        assert_eq!(SendKey::parse(&send(entry.account, entry.id)), Some(entry));
        for odd in ["", "12", "12.", ".5", "a.5", "0.5", "01.5", "-1.5", "1.\u{7f}", "1. 5"] {
            assert_eq!((ConversationKey::parse(odd), SendKey::parse(odd)), (None, None), "{odd:?}");
        }
        assert_eq!(SendKey::parse("1.x"), None);
        let bought = OrderKey { account: AccountId(3), order: "2500000000000000001".into() };
        assert_eq!(OrderKey::parse(&bought.name()), Some(bought));
    }
}
