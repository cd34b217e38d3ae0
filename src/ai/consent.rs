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
    Refuses,
    /// None of it.
    Silent,
}

/// How a [normalised](super::normal::normal) answer takes the offer before it.
pub(super) fn stance(text: &str) -> Stance {
    let text = twice_no_is_yes(text);
    let refusals = pattern!(
        r"不(?:太|大)?(?:可以|行|卖|出|同意|接受|成交|划算|好卖|够|讲价|议价?|刀|小刀|还价|谈价)|不能再?(?:低|",
        r"少|便宜|卖|降|让|给|接受|按|了|[,。!~哦啊呢的]|$)|(?:没法|无法|没办法)再?(?:低|少|便宜|卖|降|让|给|",
        r"接受|[,。!~哦啊呢的]|$)|(?:^|[,。! ])不了|卖不了|出不了|做不了|做不到|接受不了|给不了|降不了|少不了|",
        r"太低|低了|太少|有点低|要亏|会亏|亏本|亏了|免谈|勿刀|拒刀|一口价|最低价?了|底价了|到底了|\b(?:can't|",
        r"cannot|can not|won't|couldn't|unable to)(?: \w+){0,2} (?:do|go|sell|accept|take|lower|drop|match|",
        r"come down|give)\b|\btoo low\b|\bnot (?:enough|possible|for that|at that|negotiable|going|able|",
        r"that low)\b|\bbelow my\b|\bno deal\b|\bno way\b|\bnope\b|^no\b|\bsorry, no\b|\b(?:fixed|",
        r"firm) price\b|\bprice is (?:fixed|firm)\b|\bmy (?:lowest|best|final)\b"
    );
    let closing = pattern!(
        r"成交|拍下|直接拍|^拍|拍吧|[你您]拍|去拍|可以拍|下单|去付|付款|改价|改好|改个价|价格?我?改|",
        r"帮[你您]改|给[你您]改|按[你您]|按刚才|依[你您]|听[你您]的|如[你您]所愿|遂[你您]|成全[你您]|",
        r"就这个?[价数]|[这那]个?[价数]给|给[你您][这那]个?[价数]|就给[你您]|卖给?[你您]了|归[你您]了|是[你您]的了?|答应|说定|一言为定|定了|",
        r"给[你您]留|满足[你您]|\bdeal\b|\bsold\b|\bit(?:'s| is) (?:all )?yours\b|\bits yours\b|\ball yours\b|",
        r"\b(?:i'll|i will|let me) (?:change|adjust|update|lower) the price|\bprice (?:is )?(?:changed|",
        r"updated|adjusted)|\bgo (?:ahead|for it)\b|\bplace the order|\bbuy it\b|\byou (?:win|got it|",
        r"have it)\b|\byou(?:'ve| have) got (?:a|yourself)|\bi accept\b|\baccepted\b|\btake it\b|",
        r"\bshake on it\b"
    );
    let yes = pattern!(
        r"可以|阔以|行(?:[的吧啊呀哦了叭,。!~ ]|$)|(?:^|[,。!?~ \n])好(?:[的吧啊呀嘞哒滴哦嘛勒啦,。!~ ]|$)|",
        r"没问题|没毛病|同意|接受|^嗯|[,。!] ?嗯|中(?:[,。!]|$)|(?:^|[,。! ])(?:成|妥|得嘞|要得|对|是|可|",
        r"得)(?:[的吧啊呀了,。!~ ]|$)|就这样|好说|安排|欧[克了]|哦了|👌|👍|🤝|✅|✔|🆗|💪|\bok(?:ay|ie)?(?:\b|",
        r"的)|\bsure\b|\byes\b|\byep\b|\byeah\b|\bfine\b|\bagreed?\b|\baccept\b|\bworks for me\b|",
        r"\bsounds good\b|\balright\b|\ball right\b|\bof course\b|\bdone\b|\bgreat\b|\babsolutely\b|",
        r"\bcertainly\b|\bi'm in\b|\bit's a go\b"
    );
    let rest = refusals.replace_all(&text, "|");
    if closing.is_match(&rest) {
        Stance::Closes
    } else if rest != text {
        Stance::Refuses
    } else if yes.is_match(&rest) {
        Stance::Agrees
    } else {
        Stance::Silent
    }
}

/// Two negations are a yes.
fn twice_no_is_yes(text: &str) -> String {
    let twice = pattern!(
        r"(?:不是|没什么|没啥|哪儿?有|怎么会?|怎能|岂能|不会|没有|不能|不可能|谁说|不得)不(?:行|可以|能|卖|出|",
        r"同意|接受|成|给)?的?|不(?:算|是)?太?低|不亏|不少了|\bwhy not\b|\bnot (?:a problem|bad|an issue)\b|",
        r"\b(?:can't|won't|wouldn't|couldn't) (?:say no|refuse|resist|complain)\b|\bno problem\b"
    );
    twice.replace_all(text, "可以").into_owned()
}

/// So little that it can only be about the offer before it: up to so many Chinese characters, or half as many Latin words.
pub(super) fn is_curt(text: &str) -> bool {
    const LETTERS: usize = 12;
    let wide = text.chars().filter(|letter| letter.is_alphanumeric() && !letter.is_ascii()).count();
    let latin = pattern!(r"[a-z0-9']+").find_iter(text).count();
    wide + 2 * latin <= LETTERS
}

/// Leaves the price to the buyer, or agrees to one that it does not name.
pub(super) fn any_price(text: &str) -> bool {
    pattern!(
        r"(?:你|您)说多少|[你您]给多少|多少钱?都[行可]|随便[你您]?给|随缘给|看着给|[你您]看着|[你您]开价|",
        r"价格?[你您](?:来)?[定说]|[你您]来?定价|[你您]来?定(?:[,。!吧]|$)|[你您]说了算|给多少算多少|",
        r"给个?(?:红包|意思|心意|成本|辛苦费|路费)|意思意思|什么价都|任何价格?都|(?:成本价?|进价|亏本价?|",
        r"友情价|内部价|员工价|学生价)(?:给|卖|出|让)|半[卖买]半送|按[你您](?:的|说的?|出的|给的|报的)(?:价|",
        r"来)|就?[你您](?:说|出|给|开|报)的(?:那个)?价|[你您]的(?:价格?|报价|出价)我?(?:可以|接受|行|同意)|",
        r"接受[你您]的?(?:价|报价|出价)|听[你您]的价|依[你您](?:所说|说的)|如[你您]所愿|遂[你您]|成全[你您]|",
        r"按刚才(?:说|的)|\bname your (?:own )?price|\bwhatever (?:price )?you (?:want|offer|say|like|can)|",
        r"\bany price\b|\bany (?:amount|offer) (?:works|is fine|will do)|\bpay what you\b|\byour (?:price|",
        r"offer) (?:is (?:fine|ok|good|accepted)|works)\b|\baccept your (?:price|offer)\b|\byou decide\b|",
        r"\byou set the price\b"
    )
    .is_match(text)
}

/// Whether the amount at `span` is what the thing costs or once cost, not what is offered: `原价100`, `100是标价`.
pub(super) fn is_list_price(text: &str, span: &Range<usize>) -> bool {
    let ahead = pattern!(
        r"(?:原价|标价|挂价|定价|官网|专柜|新机|新品|入手|买来|买的时候|当时|之前|市场价|\b(?:original|list|",
        r"listed|retail|marked|market|paid|new)(?: price)?)(?:是|为|卖|要|的|价|花了|is|was|at|for|:| )*$"
    );
    let behind = pattern!(r"^ ?(?:是|为)?(?:原价|标价|定价|挂的|标的|买的)|^ ?(?:is|was) the (?:original|list|marked)");
    ahead.is_match(&text[..span.start]) || behind.is_match(&text[span.end..])
}

/// Whether the amount at `span` stands there only to be refused: `80不行`, `80太低了`, `can't do 80`. A question is no refusal, nor is
/// anything that goes on behind it in the same breath.
pub(super) fn is_refused(text: &str, span: &Range<usize>) -> bool {
    let (before, after) = (&text[..span.start], &text[span.end..]);
    let behind = pattern!(
        r"^ ?(?:这个价|的话|真的|确实|实在|肯定|是|也|可|有点|就|都|我|真|太)*(?:不(?:行|卖|出|可以|能卖|能出|",
        r"接受|划算|够|考虑)|卖不了|出不了|做不了|做不到|接受不了|太低|低了点?|有点低|太少|少了点?|亏本?|要亏|",
        r"免谈)(?:了|的|哦|啊|呢|呀|哈|噢|喔|啦|亲|本|太多)*(?: ?[,。!;~\n]|$)"
    );
    let english_behind = pattern!(
        r"^ ?(?:is|would be|yuan is|yuan would be)? ?(?:really |far |a bit |way |just |simply )*(?:too low|",
        r"not enough|not possible|too little|below my cost)(?: for me| for this| for it)?(?: ?[,.!;\n]|$)"
    );
    let ahead = pattern!(
        r"\b(?:can't|cannot|can not|won't|unable to)(?: really)? (?:do|sell (?:it |this )?for|accept|take|",
        r"go (?:down )?to|go as low as|match) (?:only )?$|(?:不能|不可能|没法|无法)(?:按|以|卖|给)$"
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
            assert!(matches!(stance(&normal(text)), Stance::Refuses | Stance::Silent), "{text}");
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
