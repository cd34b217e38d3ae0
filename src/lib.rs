//! Yutang (鱼塘) answers buyers on Goofish/Xianyu for the sellers who run it.

pub mod account;
pub mod app;
pub mod cli;
pub mod ids;
pub mod inbox;
pub mod outbox;
pub mod platform;
pub mod reply;
pub mod settings;
pub mod sim;
pub mod store;
pub mod telemetry;
#[cfg(test)]
mod testbed;
pub mod web;
