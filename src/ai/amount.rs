//! Every amount of money that a text may be read to promise.
//!
//! A bare number is a price unless it is clearly something else: a good answer that is refused costs one more try, an amount that is
//! missed costs the seller money. Foreign money counts as yuan: it is worth more, or it is a trick.

use std::ops::Range;

use super::{
    context::{self, Reading},
    normal::{normal, pattern},
    number::{Kind, Number, WHOLE, numbers},
};
use crate::ids::Fen;

/// An amount, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// Bytes of the [normalised](normal) text.
    pub span: Range<usize>,
    pub value: Money,
    /// Whether it is given on top of what was conceded before: `再减10`.
    pub again: bool,
}

/// What an amount says of the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Money {
    /// The price of one piece.
    Price(Fen),
    /// So much less: `便宜20`, `20 off`.
    Off(Fen),
    /// What is left of the price, in per mille: `8折` is 800, `免费` 0.
    Share(u32),
}

impl Money {
    /// The price that is promised for what costs `price`. Never negative.
    pub fn of(self, price: Fen) -> Fen {
        match self {
            Self::Price(amount) => amount,
            Self::Off(amount) => Fen(price.0.saturating_sub(amount.0).max(0)),
            Self::Share(share) => {
                let left = i128::from(price.0) * i128::from(share) / 1000;
                Fen(i64::try_from(left).unwrap_or(i64::MAX))
            }
        }
    }
}

/// Every amount in a text, in the order of reading.
pub fn amounts(text: &str) -> Vec<Amount> {
    amounts_of_normal(&normal(text))
}

/// The same for a text that is normalised already.
pub(super) fn amounts_of_normal(text: &str) -> Vec<Amount> {
    let found = numbers(text);
    let mut amounts = words(text);
    let mut taken_to = 0;
    for (at, number) in found.iter().enumerate() {
        let next = found.get(at + 1);
        if number.span.start < taken_to || amounts.iter().any(|amount| overlap(&amount.span, &number.span)) {
            continue;
        }
        let Some((value, end)) = read(text, number, next) else { continue };
        taken_to = end;
        let again = context::is_again(&text[..number.span.start]);
        amounts.push(Amount { span: number.span.start..end, value, again });
    }
    amounts.sort_by_key(|amount| amount.span.start);
    amounts
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// What a number means, and where what belongs to it ends.
fn read(text: &str, number: &Number, next: Option<&Number>) -> Option<(Money, usize)> {
    let (before, after) = (&text[..number.span.start], &text[number.span.end..]);
    let end = number.span.end;
    if after.starts_with("分之") {
        return None;
    }
    if let Some((share, length)) = discount(number, after) {
        return Some((Money::Share(share), end + length));
    }
    if let Some((share, length)) = percent(number, before, after) {
        return Some((Money::Share(share?), end + length));
    }
    let mut length = 0;
    let mut parts = number.parts;
    if let Some(unit) = context::currency_behind(number, before, after) {
        parts = (parts / unit.divisor).saturating_add(unit.tail);
        length = unit.length;
    } else if !context::currency_before(before) {
        let judged = context::bare(text, number, next);
        if judged == Reading::SomethingElse || (number.kind == Kind::Small && !context::is_off(before, after)) {
            return None;
        }
    }
    if context::is_postage(before, &after[length..]) || context::is_comparison(before) {
        return None;
    }
    let rest = &after[length..];
    if context::is_off(before, rest) {
        let vague = if number.several { 9 } else { 1 };
        return Some((Money::Off(fen(parts.saturating_mul(vague))), end + length));
    }
    let pieces = context::pieces(before, rest);
    let bound = fen(parts / pieces);
    // Below a bound is less than the bound.
    let price = if context::is_upper_bound(before, rest) { Fen(bound.0 - 1) } else { bound };
    Some((Money::Price(price), end + length))
}

/// Ten-thousandths of a yuan as Fen, rounded down: a promise is taken at its lowest.
fn fen(parts: i128) -> Fen {
    Fen(i64::try_from(parts.saturating_mul(100) / WHOLE).unwrap_or(i64::MAX))
}

/// `8折`, `8.5折`, `85折`, `八五折`: what is left in per mille.
fn discount(number: &Number, after: &str) -> Option<(u32, usize)> {
    let sign = pattern!(r"^ ?折").find(after)?;
    let is_fold = pattern!(r"^[叠屏旧角合腾返射]").is_match(&after[sign.end()..]);
    let left = match number.parts / WHOLE {
        _ if is_fold => return None,
        0..10 => number.parts / (WHOLE / 100),
        10 => 1000,
        11..100 => number.parts / (WHOLE / 10),
        _ => number.parts / WHOLE,
    };
    Some((u32::try_from(left).unwrap_or(u32::MAX), sign.end()))
}

/// `80%`, `百分之八十`, `八成`, and how many bytes the sign has. `Some((None, …))` is a share of something that is not the price.
fn percent(number: &Number, before: &str, after: &str) -> Option<(Option<u32>, usize)> {
    let is_word = pattern!(r"^ ?成[交色本为年人功立分品套绩像熟衣都长了]").is_match(after);
    let tenths = pattern!(r"^ ?成").find(after).filter(|_| !is_word);
    let sign = pattern!(r"^ ?(?:%|percent|per cent|个点|个百分点)").find(after);
    let (share, length) = match (tenths, sign) {
        (Some(tenths), _) if number.parts <= 10 * WHOLE => (number.parts / (WHOLE / 100), tenths.end()),
        (Some(tenths), _) => (number.parts / (WHOLE / 10), tenths.end()),
        (None, Some(sign)) => (number.parts / (WHOLE / 10), sign.end()),
        (None, None) if before.ends_with("百分之") => (number.parts / (WHOLE / 10), 0),
        (None, None) => return None,
    };
    let rest = &after[length..];
    if context::is_condition(before, rest) {
        return Some((None, length));
    }
    let share = u32::try_from(share).unwrap_or(u32::MAX).min(1000);
    // Less than half is what is taken away, as people speak.
    let taken = context::is_off(before, rest) || (share < 500 && !context::is_of_price(before, rest));
    Some((Some(if taken { 1000 - share } else { share }), length))
}

/// Words that are an amount by themselves.
fn words(text: &str) -> Vec<Amount> {
    let found = |pattern: &'static regex::Regex, share: u32| {
        pattern.find_iter(text).map(move |found| (found.range(), share)).collect::<Vec<_>>()
    };
    let half = found(
        pattern!(
            r"半价|半折|对折|对半|一半|砍半|减半|腰斩|五五开|买[一二两三四五1-9]送[一二两三1-9]|",
            r"\bhalf[ -](?:price|off|the price|of the price)|\bhalf\b|\b50/50\b|\bbogo\b|buy (?:one|",
            r"1),? get (?:one|1)"
        ),
        500,
    );
    let half = half.into_iter().filter(|(span, _)| !is_half_of_something(&text[..span.start], &text[span.end..]));
    let nearly_nothing = found(pattern!(r"骨折价|白菜价|跳楼价"), 100);
    let nothing = free(text);
    let all = half.chain(nearly_nothing).chain(nothing);
    all.map(|(span, share)| {
        let again = context::is_again(&text[..span.start]);
        Amount { span, value: Money::Share(share), again }
    })
    .collect()
}

/// Half of the postage, of what is left in a bottle, of a year.
fn is_half_of_something(before: &str, after: &str) -> bool {
    pattern!(
        r"(?:运费|邮费|快递费|邮资|postage|shipping)[^。!?\n]{0,10}$|",
        r"(?:用了?|剩下?|剩余|还有|装了?|喝了?|吃了?|看了?|电量|容量|余量|不到|不足|超过)(?:还|大概|差不多|约|有|只|剩|是)*$|",
        r"\band a $",
    )
    .is_match(before)
        || pattern!(r"^ (?:an? |of (?:the |a )?|the )?(?:years?|months?|hours?|days?|bottle|tube|dozen|size|inch|left|full|empty)\b")
            .is_match(after)
}

/// Where the thing itself is given away. Free postage, advice and trials are not that.
fn free(text: &str) -> Vec<(Range<usize>, u32)> {
    let gifts = pattern!(
        r"免费|白送|白给|白拿|白嫖|免单|不要钱|不收钱|不用钱|不要你钱|不收你钱|分文不[取收]|一分钱?(?:都|",
        r"也)?不[要收]|不用付(?:款|钱)?|不用给钱|零元购?|直接拿走|送(?:给)?您?你?(?:了|吧|啦|好了|得了|算了|",
        r"都行)+|送(?:给)?[你您](?:一台|这|那|本|手机|相机|电脑|东西|宝贝|商品)|(?:这个|这台|东西|宝贝|手机|",
        r"相机|电脑|商品|直接|全部|都)(?:就|都|全|直接|可以|免费)*送(?:给)?[你您]|",
        r"送(?:给)?[你您](?:[,。!?~ \n]|$)|\bfree\b|\bfor nothing\b|\bon the house\b|\bno charge\b|",
        r"\bcosts? nothing\b|\bas a gift\b|\bgive it away\b"
    );
    let harmless_before = pattern!(
        r"(?:\bfeel |\bsmoke[ -]|\bscratch[ -]|\bare |\bif you are |\bi am |\bi'm |\b[a-z]+-|包邮|不是|不能|",
        r"不会|不可以)$"
    );
    let harmless_after = pattern!(
        r"^ ?(?:包邮|包快递|邮寄?费|运费|邮|快递|配送|送货|退货?|换货?|退换|试|安装|咨询|保修|维修|质保|升级|",
        r"延保|检测|验货|鉴定|指导|教|远程|贴膜|赠品|shipping|postage|delivery|returns?|of (?:damage|scratch|",
        r"defect|fault)|to (?:ask|message|contact|check|look|reach|write|test|try|inspect|choose))"
    );
    let real = gifts.find_iter(text).filter(|gift| {
        let end_of_phrase = gift.as_str().trim_end_matches([',', '。', '!', '?', '~', ' ', '\n']).len();
        let after = &text[gift.start() + end_of_phrase..];
        !harmless_before.is_match(&text[..gift.start()]) && !harmless_after.is_match(after)
    });
    real.map(|gift| (gift.range(), 0)).collect()
}
