//! How many of something, in English: one of it is called otherwise than several. In Chinese it is not.

use std::fmt::Display;

use super::Shell;
use crate::web::error::Language;

/// `1 order`, `2 orders`, `0 orders`.
pub(super) fn counted(number: impl Display, one: &str, many: &str) -> String {
    let number = number.to_string();
    let name = if number == "1" { one } else { many };
    format!("{number} {name}")
}

impl Shell {
    /// For templates: `3 笔`, `1 order`, `2 orders`.
    pub(in crate::web) fn counted(&self, number: &impl Display, zh: &str, one: &str, many: &str) -> String {
        match self.language {
            Language::Chinese => format!("{number} {zh}"),
            Language::English => counted(number, one, many),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_called_otherwise_than_none_and_several() {
        let said = [0, 1, 2, 11].map(|number| counted(number, "order", "orders"));
        assert_eq!(said, ["0 orders", "1 order", "2 orders", "11 orders"]);
    }
}
