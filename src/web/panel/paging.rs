//! The way through a list that is longer than a page.

use super::{super::page::Page, Panel};

/// Which part of how much is shown, and where the rest is.
#[derive(Debug, Clone)]
pub(in crate::web) struct Pager {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) total: i64,
    /// Empty: there is none.
    pub(super) previous: String,
    pub(super) next: String,
}

impl Pager {
    pub(in crate::web) fn new<T>(panel: &Panel, page: &Page<T>) -> Self {
        let shown = i64::try_from(page.items.len()).unwrap_or(0);
        let before = (page.page - 1) * page.per_page;
        let last = before + shown;
        let at = |number: i64| panel.href_with("page", &number.to_string());
        Self {
            first: if shown == 0 { 0 } else { before + 1 },
            last,
            total: page.total,
            previous: if page.page > 1 { at(page.page - 1) } else { String::new() },
            next: if last < page.total && shown > 0 { at(page.page + 1) } else { String::new() },
        }
    }
}

impl Panel {
    /// The same part of the list with a parameter more.
    pub(in crate::web) fn href_keeping_page(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.query.iter().filter(|(other, _)| other != name)).append_pair(name, value);
        format!("{}?{}", self.path, query.finish())
    }

    /// This page as it was asked for.
    pub(in crate::web) fn here(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }

    /// This page with another value of one parameter; an empty one takes it away.
    pub(in crate::web) fn href_with(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        // Another filter begins at the first page again.
        let stays = |other: &str| other != name && (name == "page" || other != "page");
        query.extend_pairs(self.query.iter().filter(|(other, _)| stays(other)));
        if !value.is_empty() {
            query.append_pair(name, value);
        }
        let query = query.finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }

    /// A file of the API with what the page was asked for, and `more`.
    pub(in crate::web) fn file(&self, address: &str, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.query.iter().filter(|(name, _)| name != "page" && name != "per_page"));
        query.extend_pairs(more);
        format!("{address}?{}", query.finish())
    }
}

/// A page with more parameters.
pub(super) fn with(page: &str, more: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(more).finish();
    let joint = if page.contains('?') { '&' } else { '?' };
    format!("{page}{joint}{query}")
}

#[cfg(test)]
mod tests {
    use super::with;

    #[test]
    fn parameters_are_hung_behind_those_that_are_there() {
        assert_eq!(with("/app/chats/1.2", &[("why", "3&4.PNM")]), "/app/chats/1.2?why=3%264.PNM");
        assert_eq!(with("/app/chats/1.2?q=a", &[("page", "2")]), "/app/chats/1.2?q=a&page=2");
    }
}
