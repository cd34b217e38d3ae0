//! Long lists are read in parts, and searched for a piece of text.

use diesel::sql_types::{Nullable, Text};

use crate::ids::Timestamp;

/// Which part of a list is wanted. What is returned with it is how long the whole list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub offset: i64,
    pub limit: i64,
}

impl Page {
    /// The beginning of a list.
    pub fn first(limit: i64) -> Self {
        Self { offset: 0, limit }
    }
}

/// A list longer than this is read along an index by time, which a bound on the time makes SQLite take; a shorter one is sorted, so that
/// who has few rows among many of others need not walk through theirs.
pub(super) const LONG: i64 = 5000;

/// Before everything.
pub(super) const EVER: Timestamp = Timestamp(i64::MIN);

diesel::define_sql_function! {
    /// Of the letters of ASCII alone on SQLite.
    fn lower(text: Nullable<Text>) -> Nullable<Text>;
}

/// What `lower(column) LIKE lower(this)` finds `text` in; use `ESCAPE '\'`. The database folds both sides, so that what it cannot fold is
/// at least found as it is spelt.
pub(super) fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_is_no_pattern() {
        assert_eq!(containing("50%_OFF\\"), "%50\\%\\_OFF\\\\%");
    }
}
