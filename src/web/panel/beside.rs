//! What is known beside a conversation: the buyer, their orders, and who may look after it.

use super::{
    super::{
        api::{
            bargains,
            blocked_buyers::{self, BlockedView},
            buyer_notes::{self, NoteView},
            buyer_tags::TagsView,
            conversations::ConversationView,
            employees,
            key::{BuyerKey, ConversationKey},
            order_texts,
            orders::{self, OrderView},
        },
        error::{ApiResult, Language},
        tag,
    },
    Panel, asked,
    counts::counted,
};
use crate::{
    access::role::Right,
    ids::{BuyerId, Fen, UserId},
};

/// Orders that are shown; the others are on the page of orders.
const ORDERS: &str = "5";

/// What is known beside a conversation.
pub(super) struct Beside {
    /// `None`: nobody knows who is at the other end.
    pub(super) buyer: Option<Buyer>,
    pub(super) orders: Vec<Bought>,
    /// How often they bought, in a sentence.
    pub(super) history: String,
    /// All of the buyer's orders; empty: those are all.
    pub(super) all_orders: String,
    /// How far the AI bargained with the buyer; empty: not at all.
    pub(super) bargain: String,
    /// To whom it may be handed over.
    pub(super) people: Vec<Person>,
}

/// Who is at the other end.
pub(super) struct Buyer {
    pub(super) id: BuyerId,
    pub(super) tags: Vec<String>,
    /// One a line.
    pub(super) tag_lines: String,
    /// The mark of what was shown.
    pub(super) tags_as_shown: String,
    pub(super) notes: Vec<Note>,
    pub(super) notes_total: i64,
    pub(super) block: Option<BlockedView>,
    /// May be left without automatic answers in all accounts at once.
    pub(super) may_block_everywhere: bool,
}

pub(super) struct Note {
    pub(super) view: NoteView,
    /// The id of the form that changes it.
    pub(super) form: String,
}

/// Somebody to whom a conversation may be handed.
pub(super) struct Person {
    pub(super) id: String,
    pub(super) name: String,
    /// The name is their own, and no word of ours.
    pub(super) is_named: bool,
}

/// An order in a line.
pub(super) struct Bought {
    pub(super) view: OrderView,
    pub(super) title: String,
    pub(super) status: String,
    pub(super) amount: Fen,
    /// Nobody knows the amount yet.
    pub(super) is_priceless: bool,
    /// It waits for a person.
    pub(super) waits: bool,
}

impl Beside {
    pub(super) async fn read(panel: &Panel, key: &ConversationKey, view: &ConversationView) -> ApiResult<Self> {
        let found = orders_of(panel, view, &[("per_page", ORDERS)]).await?;
        let history = match found.1 {
            0 => String::new(),
            total => {
                let completed = orders_of(panel, view, &[("per_page", "1"), ("status", "completed")]).await?.1;
                match panel.language {
                    Language::Chinese => format!("共 {total} 笔订单，其中 {completed} 笔已完成"),
                    Language::English => format!("{}, {completed} completed", counted(total, "order", "orders")),
                }
            }
        };
        let has_more = i64::try_from(found.0.len()).is_ok_and(|shown| found.1 > shown);
        let bargain = bargains::bargain(panel.caller.clone(), key.clone(), panel.app.clone()).await?.0;
        Ok(Self {
            buyer: match &view.peer_id {
                Some(peer) => Some(Buyer::read(panel, view, peer).await?),
                None => None,
            },
            orders: found.0.into_iter().map(|order| Bought::new(order, panel)).collect(),
            history,
            all_orders: if has_more { format!("/app/orders?{}", whose(view, &[])) } else { String::new() },
            bargain: match (bargain.rounds, panel.language) {
                (0, _) => String::new(),
                (rounds, Language::Chinese) => format!("AI 已和这位买家议价 {rounds} 轮"),
                (rounds, Language::English) => {
                    format!("The AI bargained with this buyer for {}", counted(rounds, "round", "rounds"))
                }
            },
            people: people(panel, key).await?,
        })
    }
}

/// Whose orders: the buyer's, or the conversation's where nobody knows the buyer.
fn whose(view: &ConversationView, more: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    match &view.peer_id {
        Some(peer) => query.append_pair("buyer", peer.as_str()),
        None => query.append_pair("conversation", &view.id),
    };
    query.extend_pairs(more).finish()
}

async fn orders_of(panel: &Panel, view: &ConversationView, more: &[(&str, &str)]) -> ApiResult<(Vec<OrderView>, i64)> {
    let page = orders::list(panel.caller.clone(), asked(&whose(view, more))?, panel.app.clone()).await?.0;
    Ok((page.items, page.total))
}

impl Bought {
    fn new(view: OrderView, panel: &Panel) -> Self {
        Self {
            title: view.item_title.clone().unwrap_or_else(|| panel.t("订单", "Order").to_owned()),
            status: order_texts::status(view.status).in_language(panel.language).to_owned(),
            amount: view.amount_fen.unwrap_or(Fen(0)),
            is_priceless: view.amount_fen.is_none(),
            waits: !view.waits_for.is_empty(),
            view,
        }
    }
}

impl Buyer {
    async fn read(panel: &Panel, view: &ConversationView, peer: &BuyerId) -> ApiResult<Self> {
        let (who, data) = (|| panel.caller.clone(), || panel.app.clone());
        let notes = buyer_notes::list(who(), BuyerKey(peer.clone()), asked("per_page=50")?, data()).await?.0;
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("q", peer.as_str()).append_pair("per_page", "50").finish();
        let blocked = blocked_buyers::list(who(), asked(&query)?, data()).await?.0;
        let here = |block: &BlockedView| {
            block.buyer_id == *peer && block.account_id.is_none_or(|account| account == view.account_id)
        };
        let tags = TagsView { tags: view.tags.clone() };
        let note = |view: NoteView| Note { form: format!("note-{}", view.id), view };
        Ok(Self {
            id: peer.clone(),
            tag_lines: tags.tags.join("\n"),
            tags_as_shown: tag::of(&tags),
            tags: tags.tags,
            notes_total: notes.total,
            notes: notes.items.into_iter().map(note).collect(),
            block: blocked.items.into_iter().find(here),
            may_block_everywhere: panel.caller.scope.is_whole(),
        })
    }
}

/// Oneself, the owner, and those who work for them and see the account, as far as the caller may know them.
async fn people(panel: &Panel, key: &ConversationKey) -> ApiResult<Vec<Person>> {
    let (me, owner) = (panel.caller.user.id, panel.caller.scope.user());
    let called = |id: UserId, name: &str| Person { id: id.to_string(), name: name.to_owned(), is_named: false };
    let mut people = vec![called(me, panel.t("我自己", "me"))];
    if owner != me {
        people.push(called(owner, panel.t("店主", "the owner")));
    }
    if panel.may(Right::Manage) && panel.caller.scope.is_whole() {
        let query = asked("role=operator&active=true&per_page=200")?;
        let found = employees::list(panel.caller.clone(), query, panel.app.clone()).await?.0;
        let sees = |accounts: &Option<Vec<_>>| accounts.as_ref().is_some_and(|all| all.contains(&key.account));
        let working = found.items.into_iter().filter(|person| sees(&person.accounts));
        people.extend(working.map(|person| Person { is_named: true, ..called(person.id, &person.name) }));
    }
    Ok(people)
}
