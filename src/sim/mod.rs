//! A Goofish to test against: a real HTTP and WebSocket server that speaks the platform's true wire format.
//!
//! It shares no code with `crate::platform`: pushes are built by the documented recipe with an encoder of its own
//! ([`encode`]), signatures are checked by an MD5 of its own ([`sign`]), so that one mistake cannot hide in both.
//!
//! [`Platform`] holds the state and outlives its server; [`Sim`] is a running server. An [`Account`] is where tests and
//! the load generator act: [`buyer`] has what buyers do, [`act`] single blows, [`Faults`] standing ones. [`control`]
//! offers the same over HTTP. [`Model`] is a language model that the answers come from. Nothing here is global: many simulators run in one process.
//!
//! Where the real platform's behaviour is unknown the simulator has chosen one, with a switch: bodies of control pushes,
//! the code of `connect limit`, that an unacknowledged push is not repeated on the same connection, that `/reg` refusals
//! hang up, and the fields of the calls that say whose login it is: `loginuser.get` has `userId`, `nick` and `logo`, as a session's
//! `userInfo`.
//!
//! [`passport`] plays the login page; [`phone`] is the phone that scans its QR code, [`login`] what comes of it. [`challenge`] is the page
//! that wants a person. Both can be used with a browser, with curl, or from Rust.
//!
//! An [`Order`] has its truth in the state ([`order`]), its cards in [`trade`], what buyers do with it in [`deal`], and what the gateway says
//! and does about it in [`desk`], where what was chosen for the simulator alone is named.

mod account;
mod act;
pub mod buyer;
mod challenge;
mod chat;
mod config;
pub mod control;
mod conversation;
mod deal;
mod desk;
mod encode;
mod event;
mod fault;
mod gateway;
mod item;
mod line;
pub mod load;
mod login;
mod lwp;
pub mod message;
mod model;
mod order;
mod passport;
mod phone;
mod platform;
mod push;
mod request;
pub mod scenario;
mod send;
mod server;
mod session;
mod sign;
mod state;
mod trade;
mod tree;
mod upload;
mod webhook;

pub use account::Account;
pub use buyer::Said;
pub use challenge::ChallengeFault;
pub use config::{Config, Drags, Newer};
pub use deal::Telling;
pub use event::{Delivery, Interest, SimEvent};
pub use fault::{Answer, Faults, Gateway, Passport, Uploads};
pub use item::Listing;
pub use message::{Body, Card};
pub use model::{Model, ModelAct, ModelAsked};
pub use order::{Address, Counts, NewOrder, Order, OrderState, Refund, Refusal, Step, Times};
pub use phone::{PhoneAction, PhoneFault};
pub use platform::Platform;
pub use server::Sim;
pub use trade::Stage;
pub use upload::Uploaded;
pub use webhook::Webhook;

/// The platform's key for its IM, the same for every client.
const IM_APP_KEY: &str = "444e9908a51d1cb236a27862abc769c9";
