//! Whether an answer agrees to what a buyer offered, and whether it only repeats the buyer's number to refuse it.

use std::ops::Range;

use super::normal::pattern;

/// How an answer takes an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stance {
    /// It closes the deal, whatever else it says.
    Closes,
    /// It says yes and refuses nothing.
    Agrees,
    /// Neither, or a yes beside a refusal.
    Open,
}

/// How a [normalised](super::normal::normal) answer takes the offer before it.
pub(super) fn stance(text: &str) -> Stance {
    let refusals = pattern!(
        r"不(?:太|大)?(?:可以|行|能|卖|出|同意|接受|成交|划算|好卖|够|讲价|议价|刀|还价|包|了)|卖不了|出不了|做不了|接受不了|给不了|降不了|没法|无法|没办法|太低|低了|太少|有点低|亏|免谈|勿刀|\b(?:can't|cannot|can not|won't|not|too low|unable|below my|no deal|no,|no way|never|sorry, no|nope)\b"
    );
    let closing = pattern!(
        r"成交|拍下|直接拍|拍吧|你拍|您拍|去拍|可以拍|下单|改价|改好价?|改一下价|改个价|价格?我?改|帮你改|给[你您]改|按[你您]说的|依[你您]|听[你您]的|如[你您]所愿|就这个?价|这价给|就给[你您]|卖给?[你您]了|归[你您]了|是[你您]的了|答应[你您]|答应了|说定|一言为定|定了|给[你您]留着?|满足[你您]|\bdeal\b|\bsold\b|\bit's yours\b|\bits yours\b|\ball yours\b|\bi'll (?:change|adjust|update|lower) the price|\bprice (?:is )?(?:changed|updated|adjusted)|\bgo ahead\b|\bplace the order|\bbuy it now\b|\byou(?:'ve| have) got (?:a|yourself)|\bi accept\b|\baccepted\b"
    );
    let yes = pattern!(
        r"可以|行(?:[的吧啊呀哦了,。!~ ]|$)|(?:^|[,。!?~ \n])好(?:[的吧啊呀嘞哒滴哦嘛勒啦,。!~ ]|$)|没问题|没毛病|同意|接受|^嗯|[,。!] ?嗯|中(?:[,。!]|$)|(?:^|[,。! ])(?:成|妥|得嘞|要得|对|是)(?:[的吧啊呀,。!~ ]|$)|就这样|好说|安排|欧克|👌|👍|🤝|✅|🆗|💪|\bok(?:ay|ie)?\b|\bsure\b|\byes\b|\byep\b|\byeah\b|\bfine\b|\bagreed?\b|\baccept\b|\bno problem\b|\bworks for me\b|\bsounds good\b|\balright\b|\ball right\b|\bof course\b|\bdone\b|\bgreat\b|\babsolutely\b|\bcertainly\b"
    );
    let rest = refusals.replace_all(text, "|");
    let refused = rest != text;
    if closing.is_match(&rest) {
        Stance::Closes
    } else if yes.is_match(&rest) && !refused {
        Stance::Agrees
    } else {
        Stance::Open
    }
}

/// Leaves the price to the buyer.
pub(super) fn any_price(text: &str) -> bool {
    pattern!(
        r"(?:你|您)说多少|多少都[行可]|随便给|看着给|[你您]看着|[你您]开价|价格?[你您](?:来)?[定说]|[你您](?:来)?定价|[你您]说了算|给多少算多少|给个?(?:红包|意思|心意|成本|辛苦费|路费)|意思意思|什么价都|任何价格?都|\bname your (?:own )?price|\bwhatever (?:price )?you (?:want|offer|say|like|can)|\bany price\b|\bany (?:amount|offer) (?:works|is fine|will do)|\bpay what you\b|\byour price is\b|\byou decide\b|\byou set the price\b"
    )
    .is_match(text)
}

/// Whether the amount at `span` stands there only to be refused: `80不行`, `80太低了`, `can't do 80`. A question is no refusal, nor is
/// anything that goes on behind it in the same breath.
pub(super) fn is_refused(text: &str, span: &Range<usize>) -> bool {
    let (before, after) = (&text[..span.start], &text[span.end..]);
    let behind = pattern!(
        r"^ ?(?:这个价|的话|真的|确实|实在|肯定|是|也|可|有点|就|都|我|真|太)*(?:不(?:行|卖|出|可以|能卖|能出|接受|划算|够|考虑)|卖不了|出不了|做不了|做不到|接受不了|太低|低了点?|有点低|太少|少了点?|亏本?|要亏|免谈)(?:了|的|哦|啊|呢|呀|哈|噢|喔|啦|亲|本|太多)*(?: ?[,。!;~\n]|$)"
    );
    let english_behind = pattern!(
        r"^ ?(?:is|would be|yuan is|yuan would be)? ?(?:really |far |a bit |way |just |simply )*(?:too low|not enough|not possible|too little|below my cost)(?: for me| for this| for it)?(?: ?[,.!;\n]|$)"
    );
    let ahead = pattern!(
        r"\b(?:can't|cannot|can not|won't|unable to)(?: really)? (?:do|sell (?:it |this )?for|accept|take|go (?:down )?to|go as low as|match) (?:only )?$|(?:不能|不可能|没法|无法)(?:按|以|卖|给)$"
    );
    let ends = pattern!(r"^(?: yuan)?(?:卖|给[你您]|出)?(?:的|哦|啊|呢)*(?: ?[,。!;.\n]|$)");
    behind.is_match(after) || english_behind.is_match(after) || (ahead.is_match(before) && ends.is_match(after))
}

#[cfg(test)]
mod tests {
    use super::{super::normal::normal, *};

    #[test]
    fn a_yes_is_told_from_a_no() {
        for text in [
            "可以",
            "行",
            "好的",
            "没问题",
            "ok",
            "Sure!",
            "嗯嗯",
            "👌",
            "好，明天发货",
            "可以的，今天发",
            "yes, works for me",
            "中",
            "成",
        ] {
            assert_eq!(stance(&normal(text)), Stance::Agrees, "{text}");
        }
        for text in ["成交", "你拍下吧", "别人不行，你可以，成交", "我给你改价", "deal", "It's yours", "按你说的来"]
        {
            assert_eq!(stance(&normal(text)), Stance::Closes, "{text}");
        }
        for text in [
            "不行哦",
            "不可以的",
            "这个价做不了，可以看看别的",
            "太低了",
            "Sorry, can't do that",
            "在的，请说",
            "成色很好",
            "包装完好",
        ] {
            assert_eq!(stance(&normal(text)), Stance::Open, "{text}");
        }
    }

    #[test]
    fn a_number_is_refused_only_where_its_clause_ends_with_the_refusal() {
        let refused = |text: &str| {
            let text = normal(text);
            let at = text.find("80").expect("has the number");
            is_refused(&text, &(at..at + 2))
        };
        for text in ["80不行哦，最低95", "80真的太低了", "80 is too low.", "I can't do 80, sorry", "80卖不了，95可以"]
        {
            assert!(refused(text), "{text}");
        }
        for text in ["80不行吗？可以", "80不能再低了", "80不卖别人", "80不行才怪", "80就80", "80", "80不行就没了"]
        {
            assert!(!refused(text), "{text}");
        }
    }
}
