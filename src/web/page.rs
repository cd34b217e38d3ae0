//! Lists a page at a time: `?page=&per_page=`, answered as `{items, total, page, per_page}`.

use serde::Serialize;
use utoipa::ToSchema;

use super::input::Whole;
use crate::store;

/// `?page=`, from 1.
pub type PageNumber = Whole<1, 1_000_000>;
/// `?per_page=`.
pub type PerPage = Whole<1, 200>;

const USUAL: i64 = 50;

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    page: i64,
    per_page: i64,
}

impl Paging {
    /// The first 50 where nothing is said.
    pub fn new(page: Option<PageNumber>, per_page: Option<PerPage>) -> Self {
        Self { page: page.map_or(1, Whole::get), per_page: per_page.map_or(USUAL, Whole::get) }
    }

    /// As the store takes it.
    pub fn part(self) -> store::Page {
        store::Page { offset: (self.page - 1) * self.per_page, limit: self.per_page }
    }

    pub fn answer<T>(self, items: Vec<T>, total: i64) -> Page<T> {
        Page { items, total, page: self.page, per_page: self.per_page }
    }

    /// The page of a list that is short enough to be read whole.
    pub fn cut<T>(self, all: Vec<T>) -> Page<T> {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let store::Page { offset, limit } = self.part();
        let (offset, limit) = (usize::try_from(offset), usize::try_from(limit));
        let items = all.into_iter().skip(offset.unwrap_or(usize::MAX)).take(limit.unwrap_or(0)).collect();
        self.answer(items, total)
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: i64,
    /// From 1.
    pub page: i64,
    pub per_page: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_out_and_the_total_stays() {
        let paging = Paging { page: 2, per_page: 2 };
        let page = paging.cut(vec![1, 2, 3, 4, 5]);
        assert_eq!((page.items, page.total, page.page, page.per_page), (vec![3, 4], 5, 2, 2));
        assert_eq!(Paging { page: 9, per_page: 2 }.cut(vec![1]).items, Vec::<i32>::new());
    }
}
