//! A challenge of the platform, passed by a person in a browser that this server runs for them.
//!
//! ```text
//! account: "the platform wants a person" ──► a row (store::challenges) ──► one notice with a link
//!                                              ▼ a person opens it
//! web/captcha_socket ◄──frames, states── ChallengeActor ──► Browser, one for all ──► a page a challenge
//!                    ───inputs────────►       │  cookies that are new
//!                                             └────────────────────────────► registry: repeat the refused call
//! ```
//!
//! - Nothing here solves anything: a page gets what a person does, and nothing else. The browser says what it is; no switch and no script
//!   makes it look like another one.
//! - Passed is what the platform says, never what a page looks like: cookies that are new are handed to the account, which repeats the call
//!   that was refused. Only its success ends the challenge well.
//! - Each challenge has cookies of its own (a browser context), gone with it. The browser opens the platform's hosts and no others
//!   ([`hosts`]), ends with the last challenge, is ended when it takes too much memory, and leaves no process and no file behind.
//! - One person controls at a time, and takes over only by saying so. Who has the right to see it may watch.
//! - A slow line gets fewer and smaller pictures, never older ones ([`pace`]).

pub mod challenge;

pub mod hosts;

pub mod input;

pub mod pace;

pub mod messages;

pub mod client;

pub mod browser;

pub mod actor;
