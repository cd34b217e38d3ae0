//! Who may do what: roles, passwords, tokens, second factors, and how guessing is slowed down. All of it pure: whoever calls brings the
//! time, the salt and the random numbers.

pub mod role;

pub mod password;

pub mod jwt;

pub mod ticket;
pub mod token;

pub mod totp;

pub mod code;

pub mod lockout;
