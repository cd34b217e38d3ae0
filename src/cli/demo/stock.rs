//! What the demo sells: how it comes into the stock, which of it buyers have got, and whether the server's books say the same.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
};

use anyhow::{Context as _, anyhow};

use crate::{
    delivery::{
        card::{Kind, PLACE},
        rule::{Quantity, Target},
        unit::UnitState,
    },
    sim::scenario::Goods,
    store::{
        Scope, Store, accounts,
        cards::{self, NewCard},
        delivery_rules::{self, Draft},
        delivery_settings::{self, DeliverySettings},
        units::{self, Duplicates, Sealer, Sum},
    },
    telemetry::clock,
};

/// So much of a code is shown.
const SHOWN: usize = 4;

/// The goods, and who has them.
pub(super) struct Stock {
    goods: Goods,
    /// Pieces that were ordered, whatever became of the order.
    ordered: Cell<usize>,
    given: RefCell<HashSet<String>>,
}

impl Stock {
    pub(super) fn new(goods: Goods) -> Self {
        Self { goods, ordered: Cell::default(), given: RefCell::default() }
    }

    /// Sets up what a seller sets up: a pool with its codes, a rule for the item, and an account that delivers.
    pub(super) fn open(&self, store: &Store, scope: Scope) -> anyhow::Result<()> {
        let (keys, now, card) = (store.keys().clone(), clock::unix(), self.card());
        let card = store
            .write_blocking(move |conn| cards::insert(conn, &keys, &scope, &card, now))?
            .map_err(|refusal| anyhow!("the card is not saved: {refusal:?}"))?;
        let sealer = Sealer::new(store.keys(), scope.user(), card);
        for codes in self.goods.codes.chunks(units::PIECE) {
            let new = codes.iter().map(|code| sealer.seal(code)).collect();
            store.write_blocking(move |conn| units::import(conn, &scope, card, new, Duplicates::Keep, now))?;
        }
        let Goods { account, item, receipt, .. } = self.goods;
        let account = store.read_blocking(move |conn| accounts::find(conn, &scope, account))?;
        let account = account.context("no account for the goods")?.id;
        let rule = Draft {
            account: Some(account),
            target: Target::Item(item.into()),
            spec: None,
            priority: 0,
            enabled: true,
            quantity: Quantity::Piece,
            delay_s: 0,
            per_day: None,
            hours: None,
            cards: vec![card],
            note: String::new(),
        };
        let settings =
            DeliverySettings { enabled: true, receipt: receipt.to_owned(), ..DeliverySettings::unset(account) };
        store.write_blocking(move |conn| {
            delivery_rules::insert(conn, &scope, &rule, now)?;
            delivery_settings::put(conn, &scope, &settings)
        })?;
        Ok(())
    }

    fn card(&self) -> NewCard {
        NewCard { description: self.goods.description.to_owned(), ..NewCard::new("demo", Kind::Pool) }
    }

    pub(super) fn size(&self) -> usize {
        self.goods.codes.len()
    }

    /// A buyer orders so many pieces. `false`: others ordered what there is.
    pub(super) fn order(&self, pieces: usize) -> bool {
        let ordered = self.ordered.get() + pieces;
        let is_left = ordered <= self.size();
        if is_left {
            self.ordered.set(ordered);
        }
        is_left
    }

    pub(super) fn receipt(&self) -> &'static str {
        self.goods.receipt
    }

    /// A buyer got this message for so many pieces. `false`: it is not the text of the card with as many codes of the stock, none of them
    /// given before.
    pub(super) fn gives(&self, message: &str, pieces: usize) -> bool {
        let Some((before, after)) = self.goods.description.split_once(PLACE) else { return false };
        let Some(codes) = message.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) else { return false };
        let codes: Vec<&str> = codes.split('\n').collect();
        let different: HashSet<String> = codes.iter().map(|code| (*code).to_owned()).collect();
        let is_right = [codes.len(), different.len()] == [pieces; 2]
            && different.iter().all(|code| self.goods.codes.contains(code))
            && different.is_disjoint(&self.given.borrow());
        if is_right {
            self.given.borrow_mut().extend(different);
        }
        is_right
    }

    /// The text, with no more than the first characters of each code.
    pub(super) fn masked(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for code in self.goods.codes.iter().filter(|code| text.contains(code.as_str())) {
            let shown: String = code.chars().take(SHOWN).collect();
            masked = masked.replace(code, &format!("{shown}****"));
        }
        masked
    }

    /// What the server's books say otherwise than the buyers.
    pub(super) async fn trouble(&self, store: &Store) -> anyhow::Result<Option<String>> {
        let sums = store.read(units::sums).await?;
        let imported: i64 = sums.iter().map(|sum| sum.imported).sum();
        let confirmed: i64 = sums.iter().map(|sum| sum.counts.of(UnitState::Confirmed)).sum();
        let taken: i64 = sums.iter().map(|sum| sum.counts.sum() - sum.counts.of(UnitState::Free)).sum();
        let (given, size) = (i64::try_from(self.given.borrow().len())?, i64::try_from(self.size())?);
        let is_right = sums.iter().all(Sum::is_right) && [imported, confirmed, taken] == [size, given, given];
        Ok((!is_right).then(|| {
            format!("of {size} codes buyers got {given}; the stock knows of {imported}, {taken} of them taken and {confirmed} confirmed")
        }))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{ids::Timestamp, testbed::Bed};

    fn stock() -> Stock {
        let codes = ["AAAA-1", "BBBB-2", "CCCC-3"].map(str::to_owned).to_vec();
        Stock::new(Goods {
            account: "shop1",
            item: "1",
            codes,
            description: "码：\n{DELIVERY_CONTENT}\n请用",
            receipt: "",
        })
    }

    #[test]
    fn only_as_many_codes_as_were_paid_for_and_each_only_once_are_right() {
        let stock = stock();
        for wrong in [
            "",
            "AAAA-1",
            "码：\nAAAA-1\n请用",
            "码：\nAAAA-1\nAAAA-1\n请用",
            "码：\nAAAA-1\nX\n请用",
            "AAAA-1\nBBBB-2",
        ] {
            assert!(!stock.gives(wrong, 2), "{wrong}");
        }
        assert!(stock.gives("码：\nAAAA-1\nBBBB-2\n请用", 2));
        assert!(!stock.gives("码：\nBBBB-2\nCCCC-3\n请用", 2), "one of them was given before");
    }

    #[test]
    fn nobody_orders_what_another_ordered() {
        let stock = stock();
        assert!(stock.order(2) && !stock.order(2) && stock.order(1) && !stock.order(1));
    }

    #[test]
    fn no_code_is_shown_whole() {
        assert_eq!(stock().masked("码：\nAAAA-1\nCCCC-3\n请用"), "码：\nAAAA****\nCCCC****\n请用");
    }

    #[actix_web::test]
    async fn books_that_say_otherwise_than_the_buyers_are_trouble() {
        let (bed, stock) = (Bed::new(), stock());
        bed.account();
        stock.open(&bed.store, bed.scope()).unwrap();
        assert_eq!(stock.trouble(&bed.store).await.unwrap(), None);
        bed.write(|conn| {
            let card = units::pools(conn)?[0];
            units::reserve(conn, card, "1", Timestamp(1))
        })
        .await;
        let told = stock.trouble(&bed.store).await.unwrap().unwrap();
        assert_eq!(told, "of 3 codes buyers got 0; the stock knows of 3, 1 of them taken and 0 confirmed");
    }
}
