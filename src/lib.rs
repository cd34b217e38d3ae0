//! Yutang (鱼塘) answers buyers on Goofish/Xianyu for the sellers who run it.
//!
//! One process keeps a WebSocket per seller account, stores what buyers write, decides by the seller's rules what is answered, and
//! sends it. It promises:
//!
//! - **No message is lost.** A push is acknowledged after it is stored; what was missed while a line was down comes from the platform's
//!   history.
//! - **Nothing is said twice.** An answer is a row before it is a frame, and a send that got no answer is looked for before anybody
//!   thinks of sending it again.
//! - **No code is sold twice, none vanishes, doubt is shown.** What an order gets is claimed in one transaction; each piece of stock is in one
//!   state, its log is a chain, and what nobody can know waits for a person.
//! - **A restart costs the platform nothing.** Access tokens are kept, asked for under a budget, and not at all once the platform wants a
//!   person.
//! - **One account cannot hurt another.** Neither a panic nor a flood nor a slow answer crosses from one to the next.
//! - **Nothing leaves the machine** but what the seller configured; secrets are sealed at rest and masked wherever something is shown.
//!
//! # Bird's eye view
//!
//! ```text
//!               the platform
//!      WebSocket │        ▲ HTTP gateway (tokens)
//! ┌── a shard ───┼────────┼──────────────────────────────┐
//! │       ┌──────▼────────┴──────┐                       │
//! │   ┌───┤ AccountActor, one an │◄───────frames─────┐   │◄── AccountRegistry, once a process: makes what runs
//! │   │   │ account              │                   │   │    equal to what the database says should, replaces
//! │ pushes└──────────────────────┘                   │   │    accounts that died and shards that fell silent
//! │   ▼                                              │   │
//! │ InboxActor ──turns──► ReplyActor ──decisions──► OutboxActor
//! └───┼───────────────────────▲──────────────────────┼───┘
//!     ▼ messages              │ what was said before ▼ decisions, sends
//! ┌── store: one thread writes, many jobs a transaction; a few threads read ──┐
//!     ▲ reads and writes of people, each with its line in the audit
//! ┌── web: threads of its own, never a shard's ──┐◄── HTTP, and what happens as it happens, from all shards
//! ```
//!
//! Accounts are spread over shards. A message stays on its shard's thread from socket to answer, but for the database: no locks, and one
//! transaction holds many accounts' messages, because while one write is in flight the next batch gathers. What a person sends goes from
//! the web through the registry to the account's outbox.
//!
//! # The walk of one message
//!
//! | # | file | what happens |
//! |---|---|---|
//! | 1 | [`platform::socket`], `account/actor` | a text frame arrives and is given to the [`Session`](platform::lwp::session::Session), which does no I/O: the actor asks it what to send and what happened |
//! | 2 | `platform/lwp/{frame,push,payload,event}.rs` | frame → every entry of the push → typed events; what nobody knows is kept sealed in `unknown_pushes`, never dropped in silence |
//! | 3 | `account/actor/deliver.rs` → [`inbox::actor`] | own messages are shown to the outbox first (echo of a send, or the seller typing?); then [`Ingest`](inbox::messages::Ingest) |
//! | 4 | [`inbox::dedup`], `store/chat_messages.rs` | stored, once for each account and message id; what the platform tells of orders ([`order`]) is stored with it, and told before the turns |
//! | 5 | `account/actor/deliver.rs` | only now the push is acknowledged, and the cursor moves |
//! | 6 | [`inbox::debounce`] | a quiet moment, or the longest wait, makes messages of one conversation a turn |
//! | 7 | [`reply::actor`], [`reply::decide`] | what must be known is read or asked for; one pure function returns the [`Decision`](reply::decide::Decision) and its reason |
//! | 8 | [`outbox::actor`], [`outbox::ledger`] | decision and answer become rows in one transaction; an uploaded picture is handed to the platform; then the frame may leave, within the account's rate |
//! | 9 | `account/actor/outgoing.rs` → [`outbox::ledger`] | the platform's answer, or the echo of our own message, confirms the send; silence is looked up in the history |
//!
//! A crash between any two steps is resumed from the rows: messages without a decision are decided, sends that were `queued` are sent,
//! sends that were `sent` are looked for. [`telemetry::feed`] tells of steps 4 to 9 as they happen: [`web::live`] shows them to whoever
//! may see them, `yutang demo` prints them.
//!
//! # The walk of an order
//!
//! | # | file | what happens |
//! |---|---|---|
//! | 1 | [`order::notice`], `store/order_events.rs`, `store/orders.rs` | what the platform tells of an order is stored with its message, and with it that the order is to be read |
//! | 2 | [`order::actor`] | the gateway is asked about what is due, beside the chat; [`order::status`] says where its word may lead |
//! | 3 | `store/orders.rs` | where the order stands now, its history, and that its delivery is to be looked at, in one transaction |
//! | 4 | [`delivery::step`], `store/deliveries/` | what is to be done next: wait, read once more, claim, make messages, send, ship, or ask a person |
//! | 5 | [`delivery::rule`], `store/units.rs` | a rule says which cards; units are claimed and stock is reserved, each with a line of its log |
//! | 6 | [`delivery::pack`], [`outbox`] | few messages carry it, sealed; each is a send that can exist once, and what becomes of it moves units and stock in the same transaction |
//! | 7 | [`delivery::actor`] | when the buyer has everything, the platform is told that the order is shipped, and then the receipt is said |
//! | 8 | [`delivery::follow_up`], `store/follow_ups.rs` | what the seller switched on besides: rating, a red flower, asking to confirm; an unpaid order is closed |
//!
//! `orders.read_due` and `orders.deliver_due` are the whole agenda. A start looks at what is due, and goes on.
//!
//! # Who may import whom
//!
//! A file's name is its tier: 0 [`ids`], [`platform`] and [`cache`]; 1 everything pure; 2 `messages.rs`; 3 [`store`], [`telemetry`],
//! `client.rs`, `socket.rs`, `browser.rs`; 4 `actor.rs`, `registry.rs`; 5 [`web`], [`sim`], [`cli`], [`app`], [`settings`]. A file imports lower tiers,
//! and its own only inside its own folder. The clients of others stand on [`outgoing`], the guarded way to addresses that users wrote down.
//!
//! # Invariants
//!
//! What a search can check, `tests/tidy.rs` does.
//!
//! - Only `platform/lwp` knows field numbers of the platform, only it and `order/notice.rs` phrases, only `mtop/outcome.rs` what the
//!   gateway's answers mean: another marketplace can be added beside this one. ([`sim`] plays the other side and shares no code with
//!   [`platform`].)
//! - No SQL outside [`store`]; no route outside `web/mod.rs`; no task is started outside [`app`]
//!   but the one that brings a request to its end (`web/finish.rs`).
//! - Tiers 0 and 1 have no clock, no chance and no I/O: time and random numbers come as arguments.
//! - No actor imports an actor, only messages. Answers are routed by account id, never by a kept address: an actor may have been replaced.
//! - Only what the platform itself tells is an order's event ([`order`]), and an event starts an answer at most, never a delivery: that starts
//!   with an order whose status the gateway says is paid, and is sent only while it was read a moment ago.
//! - `sent` is committed before the frame leaves. What says `queued` was never on the wire; what says `sent` without a confirmation is in
//!   doubt and never simply sent again.
//! - Only the platform's refusal or its stated expiry ends an access token; a lost line does not.
//! - Every query that touches a tenant's rows takes a [`Scope`](store::Scope), or says that it is the engine's.
//! - No cookie, token, password or raw frame in a log line above `trace`; what still looks like one is masked before any sink sees it.
//! - Every warning and error of the server says by its [`Class`](telemetry::logging::Class) where to look.
//! - An account is deleted while nothing of it runs ([`WithoutAccounts`](account::registry::WithoutAccounts)). A row that vanishes all the
//!   same costs its own part of a batch, never a shard.
//! - What a person writes goes the way of every answer; the ledger of an account that runs is the only one that touches its queue.
//! - A challenge is passed when the platform says so, in a browser that moves by a person's hand alone ([`captcha`]).
//! - What needs something that may be absent says so and how to get it ([`telemetry::modules`]), and works as soon as it is there.
//! - Every wait for somebody else has a deadline.
//!
//! What is not there on purpose: nothing solves a challenge, nothing hides that a program is at work, nothing writes to a buyer who did
//! not write first.
//!
//! # Modules, in reading order
//!
//! [`ids`] and [`platform`] say what is talked about and how it looks on the wire, [`access`] who may do what. [`account`], [`inbox`],
//! [`reply`] and [`outbox`] are the walk, [`order`] is what the platform tells in it of orders, [`delivery`] what those get; in each, `messages.rs` is what it is told,
//! the pure files are its thinking, `actor.rs` comes last. [`item`] is what accounts sell, read beside the walk, [`picture`] what
//! sellers upload to be sent, and [`sheet`] the tables they fill in. [`captcha`] lets a person pass what the platform asks for. [`cache`] keeps what was used last. [`ai`] is what a model may say where no rule knows an answer, [`hook`] a
//! seller's own program that is asked first. [`store`] keeps it all, [`maintenance`] removes what was kept long enough and makes backups, [`app`] puts it
//! together from [`settings`]. [`telemetry`] and [`web`] show it, [`notify`] tells people what they should know, [`mail`] writes to its
//! users, [`outgoing`] reaches what they wrote down, [`cli`] is where a person comes in, [`sim`] is what it is tested against.

pub mod ids;

pub mod access;

pub mod platform;

pub mod item;

pub mod picture;

pub mod cache;

pub mod sheet;

pub mod account;

pub mod order;

pub mod delivery;

pub mod inbox;

pub mod reply;

pub mod ai;

pub mod hook;

pub mod outbox;

pub mod captcha;

pub mod store;

pub mod maintenance;

pub mod settings;

pub mod app;

pub mod telemetry;

#[cfg(test)]
mod testbed;

pub mod mail;

pub mod outgoing;

pub mod notify;

pub mod web;

pub mod cli;

pub mod sim;
