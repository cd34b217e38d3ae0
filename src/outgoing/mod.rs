//! Requests to addresses that users wrote down: webhooks, notification services, AI providers, hooks of rules.
//!
//! Whoever may write an address must not reach through this server what only this server can reach: the panel of the router, a database
//! beside it, the metadata of a cloud. So [`client::OutgoingClient`] is the only way out for such an address (S29):
//!
//! - The name is looked up here, every address is judged by [`address`], and the connection goes to exactly the address that was judged:
//!   a name that answers something else the second time gains nothing.
//! - What the administrator lists in `[outgoing] allow` may be reached all the same.
//! - Redirects are followed by hand, at most [`redirect::MOST`], each judged like the first address. What the caller sent along, headers and
//!   body, goes to no other host.
//! - Time and size are bounded; reading stops at the bound. There are no cookies, no proxy of the environment, and nothing is unpacked.
//!
//! The platform's own addresses come from the settings, not from users: they have clients of their own. The [`proxy`] that an account may
//! reach it through is an address of a user again, and judged like one.

pub mod address;

pub mod url;

pub mod redirect;

pub mod client;

pub mod proxy;
