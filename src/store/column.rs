//! Gives the pure ids and states a column type on both backends, so that they need not know diesel.

use std::borrow::Cow;

use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromStaticSqlRow, Queryable},
    expression::AsExpression,
    internal::derives::as_expression::Bound,
    serialize::{self, Output, ToSql},
    sql_types::{BigInt, Binary, Nullable, Text},
};

use super::{
    chat_messages::Source, conversations::Side, deliveries, notify_deliveries, order_actions, rules, secret::Sealed,
    suggestions,
};
use crate::{
    access::{role::Role, token::Access},
    account::state,
    ai::intent::Intent,
    captcha::challenge,
    delivery,
    ids::{
        AccountId, BuyerId, CardId, ChallengeId, ChannelId, ConversationId, DeliveryMessageId, DeliveryRuleId, Fen,
        ItemId, MessageId, NoticeDeliveryId, NoticeId, OrderId, PictureId, ReviewId, RuleId, Timestamp, TokenId,
        UnitId, UserId,
    },
    item::progress::SyncState,
    notify::{
        channel::Kind,
        event::{Event, Language, Severity},
        notice::Phase,
        throttle::Stage,
    },
    order::{self, event::OrderEvent},
    outbox::entry::{self, SendId},
    platform::mtop::item::ItemStatus,
    reply::rule::Matching,
};

macro_rules! column {
    ($type:ty as $sql:ty: $raw:ty, |$value:ident| $to:expr, |$from:ident: $owned:ty| $parse:expr) => {
        impl AsExpression<$sql> for $type {
            type Expression = Bound<$sql, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }

        impl<'a> AsExpression<$sql> for &'a $type {
            type Expression = Bound<$sql, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }

        impl AsExpression<Nullable<$sql>> for $type {
            type Expression = Bound<Nullable<$sql>, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }

        impl<'a> AsExpression<Nullable<$sql>> for &'a $type {
            type Expression = Bound<Nullable<$sql>, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }

        impl<DB: Backend> ToSql<$sql, DB> for $type
        where
            $raw: ToSql<$sql, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                let $value = self;
                <$raw as ToSql<$sql, DB>>::to_sql($to, out)
            }
        }

        impl<DB: Backend> ToSql<Nullable<$sql>, DB> for $type
        where
            Self: ToSql<$sql, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <Self as ToSql<$sql, DB>>::to_sql(self, out)
            }
        }

        impl<DB: Backend> FromSql<$sql, DB> for $type
        where
            $owned: FromSql<$sql, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                let $from = <$owned>::from_sql(bytes)?;
                $parse
            }
        }

        impl<DB: Backend> Queryable<$sql, DB> for $type
        where
            Self: FromStaticSqlRow<$sql, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
    };
}

macro_rules! numbers {
    ($($type:ty,)*) => {$(column!($type as BigInt: i64, |id| &id.0, |raw: i64| Ok(Self(raw)));)*};
}

macro_rules! texts {
    ($($type:ty,)*) => {$(column!($type as Text: str, |id| id.as_str(), |raw: String| Ok(Self::from(raw)));)*};
}

macro_rules! codes {
    ($($type:ty,)*) => {$(column!($type as Text: str, |code| code.as_str(), |raw: String| Ok(raw.parse()?));)*};
}

numbers!(UserId, TokenId, AccountId, RuleId, SendId, Timestamp, Fen, ChannelId, NoticeId, NoticeDeliveryId,);
numbers!(CardId, UnitId, DeliveryRuleId, DeliveryMessageId, ReviewId,);
texts!(ConversationId, BuyerId, ItemId, MessageId, OrderId, PictureId, ChallengeId,);
codes!(Event, Severity, Language, Kind, Phase, Stage, notify_deliveries::State,);
codes!(
    Role,
    Access,
    Matching,
    Intent,
    suggestions::State,
    entry::State,
    entry::Origin,
    state::State,
    state::Reason,
    Side,
    Source,
    ItemStatus,
    SyncState,
    OrderEvent,
    rules::Kind,
    order::status::Status,
    order::status::Cause,
    delivery::unit::UnitState,
    delivery::card::Kind,
    delivery::review::Reason,
    delivery::rule::Quantity,
    delivery::step::Unit,
    deliveries::MessageState,
    order_actions::Action,
    order_actions::State,
    challenge::State,
    challenge::Trouble,
);
column!(Sealed as Binary: [u8], |sealed| sealed.as_bytes(), |raw: Vec<u8>| Ok(Self::from_bytes(raw)));

/// PostgreSQL's texts cannot hold a NUL, and a buyer may write one: a message that can never be stored would stop its account.
pub(super) fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
