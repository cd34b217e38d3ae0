//! The control API: what tests do from Rust, over HTTP and in JSON.
//!
//! | request | does |
//! |---|---|
//! | `GET /control/state` | accounts, connections, counts |
//! | `POST /control/accounts` `{"name"}` | opens an account, if there is none; answers its cookie |
//! | `GET /control/model` | what the language model was asked |
//! | `PUT /control/model` | what it does with the next requests: a list of [`ModelAct`](super::ModelAct) |
//! | `GET`, `PUT /control/faults` | standing faults of all accounts; fields left out are healthy |
//! | `DELETE /control/faults` | heals everything, single accounts too |
//! | `PUT /control/accounts/{name}/faults` | standing faults of one account |
//! | `POST /control/accounts/{name}/actions` | one [`Action`] |
//! | `POST /control/accounts/{name}/phone` `{"action","code"}` | what the account's phone does with a QR code, without one with the newest: a [`PhoneAction`] |
//! | `POST /control/challenges` `{"url"}` | passes the challenge at this address as a person would; answers the `x5sec` |
//! | `GET /control/accounts/{name}/orders` | what buyers ordered, how it stands, and how often the seller's side did what |
//! | `GET /control/accounts/{name}/received?conversation=` | what buyers saw |
//! | `GET /control/accounts/{name}/unacknowledged` | pushed, never acknowledged |

use std::{sync::Arc, time::Duration};

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    account::Account,
    deal::Telling,
    fault::{Answer, Faults},
    message::Card,
    model,
    order::{NewOrder, Step},
    phone::PhoneAction,
    platform::Platform,
    trade::Stage,
};
use crate::ids::{ConversationId, MessageId, OrderId};

/// One thing that happens to an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    Say {
        buyer: String,
        item: String,
        text: String,
    },
    /// A message created this many milliseconds ago.
    SaidBefore {
        buyer: String,
        item: String,
        text: String,
        age_ms: u64,
    },
    /// Lines of buyer, item, text; one push.
    SayTogether {
        lines: Vec<(String, String, String)>,
    },
    /// Without a push.
    SayUnseen {
        buyer: String,
        item: String,
        text: String,
    },
    SayByPointer {
        buyer: String,
        item: String,
        text: String,
    },
    SayInGroup {
        buyer: String,
        item: String,
        text: String,
    },
    /// The account is the buyer, the other side the seller.
    SellerSays {
        seller: String,
        item: String,
        text: String,
    },
    Image {
        buyer: String,
        item: String,
        url: String,
    },
    Voice {
        buyer: String,
        item: String,
    },
    SellerTypes {
        conversation: ConversationId,
        text: String,
    },
    Card {
        conversation: ConversationId,
        card: Card,
    },
    /// A buyer places an order: the answer is its id.
    PlaceOrder(NewOrder),
    /// Something happens to orders, all of it told by one push; the answer is how they are then, or why it cannot happen.
    Deal {
        orders: Vec<OrderId>,
        step: Step,
        #[serde(default)]
        telling: Telling,
    },
    /// The message alone that would tell of something that happens to a buyer's order.
    Order {
        buyer: String,
        item: String,
        order: OrderId,
        stage: Stage,
    },
    CardUpdate {
        conversation: ConversationId,
    },
    Tip {
        conversation: ConversationId,
        text: String,
    },
    Badge {
        conversation: ConversationId,
        text: String,
    },
    Typing {
        conversation: ConversationId,
    },
    Read {
        conversation: ConversationId,
        messages: Vec<MessageId>,
    },
    Arouse {
        conversation: ConversationId,
        times: usize,
    },
    /// An entry of MessagePack, from its tree.
    PushTree {
        tree: Value,
    },
    /// An entry of JSON.
    PushJson {
        value: Value,
    },
    Close {
        code: u16,
    },
    Reset,
    KickOut,
    RemoveSession,
    /// A text frame as it is.
    Raw {
        text: String,
    },
    ExpireTokens,
    /// For good.
    ExpireLogin,
    /// `hasLogin` heals it.
    LapseLogin,
    /// Gateway calls want a person first, of these APIs or of all.
    DemandPerson {
        #[serde(default)]
        for_apis: Vec<String>,
    },
    /// They want nobody any more.
    Relent,
    AnswerNext {
        answers: Vec<Answer>,
    },
    AnswerIn {
        conversation: ConversationId,
        answer: Option<Answer>,
    },
    Hold,
    Release {
        per_push: usize,
        reversed: bool,
    },
}

impl Action {
    /// Does it. The value says what came of it, `null` where there is nothing to say.
    pub fn apply(self, account: &Account) -> Value {
        match self {
            Self::Say { buyer, item, text } => json!(account.buyer_says(&buyer, &item, &text)),
            Self::SaidBefore { buyer, item, text, age_ms } => {
                json!(account.buyer_said(&buyer, &item, &text, Duration::from_millis(age_ms)))
            }
            Self::SayTogether { lines } => {
                let lines: Vec<_> = lines.iter().map(|(buyer, item, text)| (&**buyer, &**item, &**text)).collect();
                json!(account.buyers_say(&lines))
            }
            Self::SayUnseen { buyer, item, text } => json!(account.buyer_says_unseen(&buyer, &item, &text)),
            Self::SayByPointer { buyer, item, text } => json!(account.buyer_says_by_pointer(&buyer, &item, &text)),
            Self::SayInGroup { buyer, item, text } => {
                json!(account.peer_says(&account.group(&buyer, &item), &text))
            }
            Self::SellerSays { seller, item, text } => {
                json!(account.peer_says(&account.purchase(&seller, &item), &text))
            }
            Self::Image { buyer, item, url } => json!(account.buyer_sends_image(&buyer, &item, &url)),
            Self::Order { buyer, item, order, stage } => json!(account.order_becomes(&buyer, &item, &order, stage)),
            Self::PlaceOrder(order) => json!(account.place_order(order)),
            Self::Deal { orders, step, telling } => deal(account, &orders, step, &telling),
            Self::Voice { buyer, item } => json!(account.buyer_sends_voice(&buyer, &item)),
            other => other.apply_to_conversation(account),
        }
    }

    fn apply_to_conversation(self, account: &Account) -> Value {
        match self {
            Self::SellerTypes { conversation, text } => json!(account.seller_types(&conversation, &text)),
            Self::Card { conversation, card } => json!(account.system_card(&conversation, card, None)),
            Self::CardUpdate { conversation } => json!(account.card_update(&conversation)),
            Self::Tip { conversation, text } => json!(account.tip(&conversation, &text)),
            Self::Badge { conversation, text } => json!(account.badge(&conversation, &text)),
            Self::Typing { conversation } => json!(account.buyer_types(&conversation)),
            Self::Read { conversation, messages } => json!(account.buyer_reads(&conversation, &messages)),
            Self::Arouse { conversation, times } => json!(account.arouse(&conversation, times)),
            Self::PushTree { tree } => json!(account.push_tree(&tree)),
            Self::PushJson { value } => json!(account.push_json(&value)),
            Self::AnswerIn { conversation, answer } => json!(account.answer_in(&conversation, answer)),
            other => other.apply_to_lines(account),
        }
    }

    fn apply_to_lines(self, account: &Account) -> Value {
        match self {
            Self::Close { code } => account.close(code),
            Self::Reset => account.reset(),
            Self::KickOut => account.kick_out(),
            Self::RemoveSession => account.remove_session(),
            Self::Raw { text } => account.send_raw(&text),
            Self::ExpireTokens => account.expire_tokens(),
            Self::ExpireLogin => account.expire_login(),
            Self::LapseLogin => account.lapse_login(),
            Self::DemandPerson { for_apis } => account.demand_person_for(for_apis),
            Self::Relent => account.relent(),
            Self::AnswerNext { answers } => account.answer_next(answers),
            Self::Hold => account.hold(),
            Self::Release { per_push, reversed } => account.release(per_push, reversed),
            other => log::warn!("{other:?} is not done here"),
        }
        Value::Null
    }
}

fn deal(account: &Account, orders: &[OrderId], step: Step, telling: &Telling) -> Value {
    match account.happen_together(orders, step, telling) {
        Ok(()) => orders.iter().filter_map(|id| account.order(id)).map(|order| json!(order)).collect(),
        Err(refusal) => json!({"refused": refusal}),
    }
}

/// The routes under `/control`.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("/control")
            .route("/state", web::get().to(state))
            .route("/accounts", web::post().to(open))
            .route("/model", web::get().to(model::requests))
            .route("/model", web::put().to(model::set_script))
            .route("/faults", web::get().to(faults))
            .route("/faults", web::put().to(set_faults))
            .route("/faults", web::delete().to(heal))
            .route("/accounts/{name}/faults", web::put().to(set_account_faults))
            .route("/accounts/{name}/actions", web::post().to(act))
            .route("/accounts/{name}/phone", web::post().to(phone))
            .route("/challenges", web::post().to(pass_challenge))
            .route("/accounts/{name}/orders", web::get().to(orders))
            .route("/accounts/{name}/received", web::get().to(received))
            .route("/accounts/{name}/unacknowledged", web::get().to(unacknowledged)),
    );
}

#[derive(Deserialize)]
struct Open {
    name: String,
}

#[derive(Deserialize)]
struct Phone {
    action: PhoneAction,
    /// What the code says; without it, the one that was shown last.
    code: Option<String>,
}

#[derive(Deserialize)]
struct Url {
    url: String,
}

#[derive(Deserialize)]
struct Received {
    conversation: Option<ConversationId>,
}

async fn state(platform: web::Data<Platform>) -> HttpResponse {
    let accounts: Vec<Value> = platform.accounts().iter().map(summary).collect();
    HttpResponse::Ok().json(json!({"accounts": accounts, "faults": *platform.faults()}))
}

async fn open(platform: web::Data<Platform>, open: web::Json<Open>) -> HttpResponse {
    let account = platform.add_account(&open.name);
    let cookie = platform.cookies(&account);
    HttpResponse::Ok().json(json!({"name": &*account.name, "uid": account.uid, "cookie": cookie}))
}

async fn faults(platform: web::Data<Platform>) -> HttpResponse {
    HttpResponse::Ok().json(&*platform.faults())
}

async fn set_faults(platform: web::Data<Platform>, wanted: web::Json<Faults>) -> HttpResponse {
    platform.change_faults(|faults| *faults = wanted.into_inner());
    HttpResponse::NoContent().finish()
}

async fn heal(platform: web::Data<Platform>) -> HttpResponse {
    platform.heal();
    HttpResponse::NoContent().finish()
}

async fn set_account_faults(
    platform: web::Data<Platform>,
    name: web::Path<String>,
    wanted: web::Json<Faults>,
) -> HttpResponse {
    let Some(account) = platform.account(&name) else { return unknown(&name) };
    platform.change_account_faults(&account, |faults| *faults = wanted.into_inner());
    HttpResponse::NoContent().finish()
}

async fn act(platform: web::Data<Platform>, name: web::Path<String>, action: web::Json<Action>) -> HttpResponse {
    let Some(account) = platform.account(&name) else { return unknown(&name) };
    HttpResponse::Ok().json(action.into_inner().apply(&account))
}

async fn phone(platform: web::Data<Platform>, name: web::Path<String>, phone: web::Json<Phone>) -> HttpResponse {
    let Some(account) = platform.account(&name) else { return unknown(&name) };
    let code = phone.0.code.or_else(|| platform.newest_code()).unwrap_or_default();
    match platform.phone(phone.0.action, &code, &account) {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(fault) => HttpResponse::Conflict().json(json!({"error": fault.to_string(), "code": fault})),
    }
}

async fn pass_challenge(platform: web::Data<Platform>, challenge: web::Json<Url>) -> HttpResponse {
    match platform.pass_challenge(&challenge.url) {
        Ok(x5sec) => HttpResponse::Ok().json(json!({"x5sec": x5sec})),
        Err(fault) => HttpResponse::Conflict().json(json!({"error": fault.to_string(), "code": fault})),
    }
}

async fn orders(platform: web::Data<Platform>, name: web::Path<String>) -> HttpResponse {
    let Some(account) = platform.account(&name) else { return unknown(&name) };
    HttpResponse::Ok().json(account.orders())
}

async fn received(platform: web::Data<Platform>, name: web::Path<String>, query: web::Query<Received>) -> HttpResponse {
    let Some(account) = platform.account(&name) else { return unknown(&name) };
    HttpResponse::Ok().json(match &query.conversation {
        Some(conversation) => account.received(conversation),
        None => account.received_everywhere(),
    })
}

async fn unacknowledged(platform: web::Data<Platform>, name: web::Path<String>) -> HttpResponse {
    let Some(account) = platform.account(&name) else { return unknown(&name) };
    HttpResponse::Ok().json(account.unacknowledged())
}

fn unknown(name: &str) -> HttpResponse {
    HttpResponse::NotFound().json(json!({"error": format!("no account {name}")}))
}

fn summary(account: &Arc<Account>) -> Value {
    let state = account.lock();
    json!({
        "name": &*account.name, "uid": account.uid,
        "connections": state.lines.len(), "registrations": state.registrations,
        "conversations": state.conversations.len(), "unacknowledged": state.unacknowledged.len(),
        "token_requests": account.token_requests(), "gateway_requests": account.gateway_requests(),
        "has_login_requests": account.has_login_requests(), "logins": state.logins.running(),
        "demands_person": state.challenged.is_demanding(),
        "drags_accepted": state.challenged.accepted, "drags_refused": state.challenged.refused,
        "faults": state.own_faults,
    })
}
