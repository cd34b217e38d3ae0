//! Letters to users, through the administrator's own mail server. S10: no other server ever sees one: without a mail server nothing is
//! sent, and the caller says so.

pub mod letter;

pub mod client;
