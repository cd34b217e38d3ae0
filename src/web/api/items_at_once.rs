//! `PATCH /api/v1/items`: what a seller changes of many items at once. All of them are changed or none is.

use std::collections::BTreeSet;

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Said},
        gate::Caller,
        input::{Body, Change, Few, Line, Text, Whole, given},
    },
    delivery_rules, item_cards,
    items::{ItemPatch, write_edit},
    keywords,
};
use crate::{
    ids::{AccountId, CardId, ItemId, Timestamp},
    item::messages::ItemsWanted,
    reply::rule::{Action, Matching, RuleBody},
    store::{
        DbConn, QueryResult, item_replies,
        items::{self, Edit, Item},
    },
    telemetry::clock,
};

/// So many items one request may name.
const MOST: usize = 200;

type Key = (AccountId, ItemId);

/// An item by its account and the platform's number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account": 1, "item": "900000000001"}))]
pub struct ItemRef {
    #[schema(inline)]
    account: Whole<1, { i64::MAX }>,
    #[schema(inline)]
    item: Line<1, 64>,
}

/// What is answered about an item where nothing else is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "在的，可以直接拍下", "once": true}))]
pub struct OwnReplyBody {
    /// `{send_user_name}`, `{send_user_id}`, `{send_message}`, `{item_id}` and `{item_title}` are filled in.
    #[schema(inline)]
    text: Text<1, 2000>,
    /// At most once in a conversation.
    #[serde(default)]
    once: bool,
}

/// What becomes of many items; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"items": [{"account": 1, "item": "900000000001"}], "change": {"polish": true}}))]
pub struct ItemsPatch {
    #[schema(value_type = Vec<ItemRef>, min_items = 1, max_items = 200)]
    items: Few<ItemRef, MOST>,
    /// As of a single item.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    change: Option<ItemPatch>,
    /// Takes the place of every default reply that the items have of their own; `null`: they have none, and their account's counts.
    #[serde(default)]
    #[schema(value_type = Option<OwnReplyBody>)]
    default_reply: Change<OwnReplyBody>,
    /// Given by the delivery rules that name the items; those for single specifications stay. `null`: no rule names them any more. Only for
    /// who sees all accounts.
    #[serde(default)]
    #[schema(inline)]
    card_id: Change<Whole<1, { i64::MAX }>>,
}

/// An item by its account and the platform's number.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ItemRefView {
    #[schema(value_type = i64)]
    account: AccountId,
    #[schema(value_type = String, example = "900000000001")]
    item: ItemId,
}

/// What became of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ItemsChangedView {
    /// How many are otherwise than before.
    changed: usize,
    /// Which.
    items: Vec<ItemRefView>,
}

/// What is wanted of which items.
struct Wanted {
    items: Vec<Key>,
    edit: Edit,
    /// Account and items are filled in later.
    reply: Option<Option<RuleBody>>,
    card: Option<Option<CardId>>,
}

/// What was done, and who is to be told.
struct Done {
    changed: BTreeSet<Key>,
    has_edits: bool,
    has_replies: bool,
    deliveries: Vec<AccountId>,
}

impl ItemsPatch {
    fn read(self) -> ApiResult<Wanted> {
        let mut seen = BTreeSet::new();
        let key = |named: ItemRef| (AccountId(named.account.get()), ItemId::from(named.item.into_string()));
        let items: Vec<Key> =
            self.items.into_vec().into_iter().map(key).filter(|key| seen.insert(key.clone())).collect();
        if items.is_empty() {
            return Err(ApiError::field("items", Said::new("至少选择一件商品", "must name at least one item")));
        }
        let wanted = Wanted {
            items,
            edit: self.change.map(ItemPatch::edit).unwrap_or_default(),
            reply: self.default_reply.map(OwnReplyBody::read).into_option(),
            card: self.card_id.map(|card| CardId(card.get())).into_option(),
        };
        if wanted.edit == Edit::default() && wanted.reply.is_none() && wanted.card.is_none() {
            return Err(ApiError::field("change", Said::new("没有要更改的内容", "must say what is to be changed")));
        }
        Ok(wanted)
    }
}

impl OwnReplyBody {
    fn read(self) -> RuleBody {
        RuleBody {
            matching: Matching::Default,
            actions: vec![Action::Text(self.text.into_string())],
            once: self.once,
            ..RuleBody::default()
        }
    }
}

/// Changes many items, all of them or none. An item that is not there, or is somebody else's, is named by its place in the list.
#[utoipa::path(patch, path = "/api/v1/items", tag = "items", operation_id = "update_items", request_body = ItemsPatch,
    responses((status = 200, body = ItemsChangedView)))]
pub async fn update(caller: Caller, body: Body<ItemsPatch>, app: Data<AppState>) -> ApiResult<Json<ItemsChangedView>> {
    let (mut wanted, now) = (body.0.read()?, clock::unix());
    if wanted.card.is_some() {
        caller.whole()?;
    }
    if let Some(Some(reply)) = wanted.reply.take_if(|reply| reply.is_some()) {
        let checked = keywords::check(reply).await.map_err(|refusal| refusal.at("default_reply.text"))?;
        wanted.reply = Some(Some(checked));
    }
    let accounts: BTreeSet<AccountId> = wanted.items.iter().map(|(account, _)| *account).collect();
    let job = move |conn: &mut DbConn| change(conn, &caller, wanted, now);
    let done = app.store.write_items_of(accounts.clone(), job).await??;
    tell(&app, &accounts, &done);
    let items = done.changed.into_iter().map(|(account, item)| ItemRefView { account, item }).collect::<Vec<_>>();
    Ok(Json(ItemsChangedView { changed: items.len(), items }))
}

/// Whatever may be refused is asked first: what was written before a refusal would stay.
fn change(conn: &mut DbConn, caller: &Caller, wanted: Wanted, now: Timestamp) -> QueryResult<ApiResult<Done>> {
    let Wanted { items: keys, edit, reply, card } = wanted;
    let scope = caller.scope;
    let found = match find(conn, caller, &keys)? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let binding = match card.map(|card| item_cards::plan(conn, &scope, &keys, card)).transpose()?.transpose() {
        Ok(binding) => binding,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut done = Done { changed: BTreeSet::new(), has_edits: false, has_replies: false, deliveries: Vec::new() };
    if let Some(reply) = reply {
        match set_replies(conn, caller, &keys, reply.as_ref(), now)? {
            Ok(touched) => {
                done.has_replies = !touched.is_empty();
                done.changed.extend(touched);
            }
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    for item in found.iter().filter(|item| edit.changes(item)) {
        write_edit(conn, caller, item, &edit, now)?;
        done.changed.insert((item.account, item.item.clone()));
        done.has_edits = true;
    }
    if let Some(binding) = binding {
        done.changed.extend(binding.items.iter().cloned());
        done.deliveries = item_cards::write(conn, caller, binding, now)?;
    }
    Ok(Ok(done))
}

/// All of them; refused where one is not there, or is somebody else's.
fn find(conn: &mut DbConn, caller: &Caller, keys: &[Key]) -> QueryResult<ApiResult<Vec<Item>>> {
    let found = items::get_many(conn, &caller.scope, keys)?.into_iter().enumerate();
    let missing = |place: usize| ApiError::from(Code::NotFound).at(format!("items[{place}]"));
    Ok(found.map(|(place, item)| item.ok_or_else(|| missing(place))).collect())
}

/// The items that have another default reply of their own than before, or none any more.
fn set_replies(
    conn: &mut DbConn,
    caller: &Caller,
    keys: &[Key],
    reply: Option<&RuleBody>,
    now: Timestamp,
) -> QueryResult<ApiResult<BTreeSet<Key>>> {
    let changes = match item_replies::set(conn, &caller.scope, keys, reply, &caller.actor(), now)? {
        Ok(changes) => changes,
        Err(reason) => return Ok(Err(keywords::refusal(reason, &RuleBody::default()).at("default_reply"))),
    };
    keywords::record_defaults(conn, caller, &changes, now)?;
    let touched: BTreeSet<ItemId> = changes.iter().flat_map(item_replies::touched).collect();
    Ok(Ok(keys.iter().filter(|(_, item)| touched.contains(item)).cloned().collect()))
}

/// Lost only with the registry: what is due stands in the database, and accounts look at it anyway.
fn tell(app: &AppState, accounts: &BTreeSet<AccountId>, done: &Done) {
    if done.has_edits {
        let registry = app.registry.get();
        accounts.iter().for_each(|account| registry.do_send(ItemsWanted(*account)));
    }
    if done.has_replies {
        super::accounts::notice(app);
    }
    delivery_rules::tell(app, &done.deliveries);
}
