//! What is answered: rules, how they match, and the one pure function that decides.

pub mod actor;
pub mod decide;
pub mod matcher;
pub mod messages;
pub mod rule;
pub mod template;
