//! Rules in files that sellers fill in, and what a file changes of a set.
//!
//! A set goes to one file: whose set it is does not stand in it. People and accounts stand in it by name, so that a file may be taken to
//! another installation; one without a name there is written as `#` and its number. Pictures stand in it as `picture:` and the hash of
//! what they show: they are uploaded first, and then are the same.
//!
//! `table.rs` is the two layouts of tables, `cells.rs` how lists, hours and actions are written in one cell, `plan.rs` what becomes of
//! the rules that there are.

mod cells;
pub mod plan;
pub mod table;

use std::collections::HashMap;

use super::rule::RuleBody;
use crate::ids::{AccountId, UserId};

/// What is wrong with one field of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// As the API calls it.
    pub field: String,
    pub zh: String,
    pub en: String,
}

impl Fault {
    pub fn new(field: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { field: field.into(), zh: zh.into(), en: en.into() }
    }
}

/// One rule of a file, or what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// As a spreadsheet counts it: the head is row 1. In JSON the first rule is 1.
    pub row: usize,
    pub rule: Result<RuleBody, Vec<Fault>>,
}

/// In which words a table is written. Either is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    Chinese,
    English,
}

/// The accounts and people of one owner, by name and by number.
#[derive(Debug, Clone, Default)]
pub struct Names {
    accounts: HashMap<String, AccountId>,
    people: HashMap<String, UserId>,
    name_of_account: HashMap<AccountId, String>,
    name_of_person: HashMap<UserId, String>,
}

impl Names {
    pub fn new(accounts: Vec<(AccountId, String)>, people: Vec<(UserId, String)>) -> Self {
        Self {
            accounts: accounts.iter().map(|(id, name)| (name.clone(), *id)).collect(),
            people: people.iter().map(|(id, name)| (name.clone(), *id)).collect(),
            name_of_account: accounts.into_iter().collect(),
            name_of_person: people.into_iter().collect(),
        }
    }

    pub fn account(&self, name: &str) -> Option<AccountId> {
        self.accounts.get(name).copied().or_else(|| number(name).map(AccountId))
    }

    pub fn person(&self, name: &str) -> Option<UserId> {
        self.people.get(name).copied().or_else(|| number(name).map(UserId))
    }

    pub fn of_account(&self, id: AccountId) -> String {
        self.name_of_account.get(&id).cloned().unwrap_or_else(|| format!("#{id}"))
    }

    pub fn of_person(&self, id: UserId) -> String {
        self.name_of_person.get(&id).cloned().unwrap_or_else(|| format!("#{id}"))
    }
}

fn number(name: &str) -> Option<i64> {
    name.strip_prefix('#')?.parse().ok()
}
