//! What the words around a number make of it.

use super::{
    normal::pattern,
    number::{Kind, Number, WHOLE},
};

/// What a number without a currency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Price,
    SomethingElse,
}

/// A currency that stands behind a number, with what follows it: `80块5`, `3元5角`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Currency {
    /// How many of it are a yuan.
    pub(super) divisor: i128,
    /// Ten-thousandths of a yuan that are said behind it.
    pub(super) tail: i128,
    /// Bytes.
    pub(super) length: usize,
}

pub(super) fn currency_before(before: &str) -> bool {
    pattern!(r"(?:[¥$€£]|rmb|cny|yuan|人民币|价格?是?:) ?$").is_match(near_end(before))
}

pub(super) fn currency_behind(number: &Number, before: &str, after: &str) -> Option<Currency> {
    // 十分 is "very", 分钟 a time: a Fen needs its 钱.
    let units = [
        (pattern!(r"^ ?(?:分钱|fen\b|cents?\b)"), 100),
        (pattern!(r"^ ?(?:毛钱?|角钱?|(?:mao|jiao)\b)"), 10),
        // About what they are worth; a little too little does no harm.
        (pattern!(r"^ ?(?:日[元币]|円|(?:yen|jpy)\b)"), 25),
        (pattern!(r"^ ?(?:台币|泰铢|卢布|(?:twd|baht|rubles?|rupees?|pesos?)\b)"), 15),
        (pattern!(r"^ ?(?:韩[元币]|越南盾|印尼盾|(?:won|krw|dong|vnd|rupiah)\b)"), 5_000),
    ];
    let small = units.iter().find_map(|(sign, divisor)| Some((*divisor, sign.find(after)?.end())));
    let (divisor, length) = small.or_else(|| Some((1, yuan(number, before, after)?)))?;
    let (tail, more) = if divisor == 1 { tail(&after[length..]) } else { (0, 0) };
    Some(Currency { divisor, tail, length: length + more })
}

/// The length of a yuan, in bytes. Money that is worth more counts as yuan.
fn yuan(number: &Number, before: &str, after: &str) -> Option<usize> {
    let sign = pattern!(
        r"^ ?(?:元钱?|块钱?|圆|园|袁|员|大洋|软妹币|大元|刀|米|个(?:大洋|米|钱)|人民币|美[元金刀]|港[币元]|",
        r"欧元?|英镑|(?:rmb|cny|yuan|kuai|usd|hkd|dollars?|bucks?|quid|pounds?|euros?|eur|r|y)\b|[¥$€£])"
    )
    .find(after)?;
    let is_classifier = pattern!(r"^ ?块(?:电池|屏|板|表|手表|硬盘|显卡|主板|内存|布|地|砖|玻璃|cpu|儿|发货?|寄)")
        .is_match(after)
        || (number.kind == Kind::Small && pattern!(r"^块[走拿买拍卖出打邮带给下用]").is_match(after))
        || pattern!(r"^ ?米[0-9a-z长高宽深线处远]").is_match(after)
        || is_length(near_end(before), number, after);
    (!is_classifier).then_some(sign.end())
}

/// `5`, `零五毛`, `5角2分` behind a yuan, in ten-thousandths of a yuan, and its length in bytes.
fn tail(rest: &str) -> (i128, usize) {
    let digit =
        |letter: &str| "零一二三四五六七八九".chars().position(|same| letter.contains(same)).map(|at| at as i128);
    let value = |text: &str| text.parse().ok().or_else(|| digit(text)).unwrap_or(0);
    let with_unit = pattern!(r"^零?([0-9一二三四五六七八九])[毛角](?:([0-9一二三四五六七八九])分)?");
    if let Some(found) = with_unit.captures(rest) {
        let cents = found.get(2).map_or(0, |cents| value(cents.as_str()));
        return (value(&found[1]) * WHOLE / 10 + cents * WHOLE / 100, found[0].len());
    }
    if rest.starts_with('半') {
        return (WHOLE / 2, '半'.len_utf8());
    }
    let Some(found) = pattern!(r"^([0-9一二三四五六七八九])").find(rest) else { return (0, 0) };
    let after = &rest[found.end()..];
    let goes_on =
        pattern!(r"^[ 0-9a-z%.折成个件台张天年月日号十百千万元块一二三四五六七八九点口起下定直]").is_match(after);
    if goes_on && !after.starts_with(' ') { (0, 0) } else { (value(found.as_str()) * WHOLE / 10, found.end()) }
}

/// Whether a number without a currency is a price.
pub(super) fn bare(text: &str, number: &Number, next: Option<&Number>) -> Reading {
    let (before, after) = (near_end(&text[..number.span.start]), &text[number.span.end..]);
    let figures = &text[number.span.clone()];
    let other = is_model(before, figures, after)
        || is_counted(number, before, after)
        || is_length(before, number, after)
        || is_memory(before, figures, after)
        || is_mark_of_ten(before, figures, after)
        || is_measured(before)
        || is_version(before, figures, after)
        || is_part_of_date(before, figures, after)
        || is_idiom(before, figures, after)
        || is_list_mark(before, figures, after)
        || is_long(figures)
        || next.is_some_and(|next| is_range_of_others(text, number, next));
    if other { Reading::SomethingElse } else { Reading::Price }
}

/// `3-5天`: the first number has the unit of the second.
fn is_range_of_others(text: &str, number: &Number, next: &Number) -> bool {
    let between = &text[number.span.end..next.span.start];
    matches!(between.trim(), "-" | "~" | "到" | "至" | "—" | "–" | "to")
        && number.parts < next.parts
        && currency_behind(next, &text[..next.span.start], &text[next.span.end..]).is_none()
        && (is_counted(next, &text[..next.span.start], &text[next.span.end..])
            || is_condition(&text[..number.span.start], &text[next.span.end..]))
}

/// Part of a name: `a7m4`, `13pro`, `iphone 13`.
fn is_model(before: &str, figures: &str, after: &str) -> bool {
    if !figures.starts_with(|letter: char| letter.is_ascii_digit()) {
        return false;
    }
    if figures.len() >= 3 && pattern!(r"\d{3,4}[x×*]$").is_match(before) {
        return true;
    }
    let joined_to = pattern!(r"([a-z]+)$").captures(before).map(|word| word[1].to_owned());
    let is_speech = |word: &str| {
        pattern!(
            r"^(?:rmb|cny|yuan|usd|only|for|just|at|is|pay|price|to|do|take|now|ok|okay|deal|y|r|jia|mai|gei|kuai|",
            r"zhi|yao)$"
        )
        .is_match(word)
    };
    if let Some(word) = joined_to {
        return !is_speech(&word) && !pattern!(r"\d[x*]$").is_match(before);
    }
    let numbered = pattern!(r"\b([a-z]{1,4})-$").captures(before).is_some_and(|word| !is_speech(&word[1]));
    let sharp = pattern!(r"^[124568]k$").is_match(figures)
        && pattern!(r"^ ?(?:屏|高清|超清|视频|显示|分辨率|画质|电视|输出|摄|拍|录|oled|lcd|hdr|\d{2,3} ?hz)")
            .is_match(after);
    let suffix = pattern!(
        r"^(?:pro ?max|pro|max|plus|mini|ultra|air|se|fe|lite|promax|p|v|t|g|gb|tb|mb|mm|cm|km|kg|mah|k?hz|",
        r"fps|ml|mp|px|ft|oz|lb|st|nd|rd|th|inch(?:es)?|a|c|d|e|h|wh|ios|ii+)(?:[^a-z]|$)"
    );
    let sold = pattern!(r"^ ?(?:给|卖|出|拿|带走|包|成交|吧|就|拍|改|ok|deal|yes|sure|final|cash|only|is)");
    let named = pattern!(
        r"(?:iphone|ipad|galaxy|switch|playstation|ps|xbox|mate|nova|redmi|mi|note|pro|plus|max|ultra|mini|",
        r"air|series|gen|mark|mk|rtx|gtx|rx|macbook|watch|kindle|pixel|oneplus|sony|nikon|canon|eos|fuji|",
        r"gopro|dji|mavic|osmo|size|no\.?|ver\.?|version|android|ios|windows|win|core|ryzen|type|model|usb|type-c|usb-c|",
        r"hdmi|wifi|bluetooth|ddr|air jordan|aj|yeezy|lego|wi-fi) $|(?:尺码|码数|型号|编号|版本|系统|蓝牙|",
        r"安卓|鸿蒙|图片?)(?:是|为|:)? ?$"
    );
    // `5s`, but not `80s`.
    let small_s = figures.len() == 1 && pattern!(r"^s(?:[^a-z]|$)").is_match(after);
    let spaced_suffix = pattern!(r"^ (?:pro|max|plus|mini|ultra|air|promax)\b");
    // 1920x1080, but not 40x2.
    let resolution = figures.len() >= 3 && pattern!(r"^[x×*]\d{3,4}").is_match(after);
    suffix.is_match(after)
        || small_s
        || numbered
        || sharp
        || resolution
        || spaced_suffix.is_match(after)
        || pattern!(r"[a-z][0-9]*[/.]$").is_match(before)
        || (named.is_match(before) && !sold.is_match(after))
}

/// Followed by a measure or by what is counted: `3天`, `128 gb`, `9成新`, `2个`.
fn is_counted(number: &Number, before: &str, after: &str) -> bool {
    let looks_counted = pattern!(
        r"^ ?(?:支(?:付|持)|包(?:邮|顺|运|快|你|您|到|退|括|[,。!~]|$)|只(?:要|有|卖|能|是|收|给|限|需|剩|算)|本人|本来|",
        r"款(?:到|项|未)|代(?:发|付|购|买|拍)|次日|年[底前末货]|月底|日[常后]|周[一二三四五六日末]|天天|套路|",
        r"位置|条件|部分|双方|期待|台币|层次|单独|个(?:大洋|米|钱|w|软|人(?:自用|闲置|原因|二手|卖家|物品))|",
        r"份儿|号码给|件事|季度|型号|名字|新年|页面|级别|档次|line|s? ?deal)"
    );
    if looks_counted.is_match(after) {
        return false;
    }
    // `八十一个`: eighty for one.
    let for_one = number.kind == Kind::Chinese && number.parts / WHOLE % 10 == 1 && number.parts > 20 * WHOLE;
    if for_one && pattern!(r"^[个件台张套只]").is_match(after) {
        return false;
    }
    let most = |limit: i128| number.parts <= limit * WHOLE;
    let unit = pattern!(
        r"^ ?(?:多|来|余|几)?个?(?:天|个|件|台|张|次|年|周|星期|小时|分钟|秒|厘米|毫米|公分|公里|公斤|千克|克|",
        r"斤|寸|英寸|吋|岁|楼|层|码|新|成新|款|版|代|位|人|本|只|双|套|份|支|瓶|罐|桶|杯|册|卷|排|座|盒|包|箱|袋|条|根|片|部|辆|枚|",
        r"颗|粒|副|度|倍|毫升|升|毫安|分贝|流明|纳米|转|瓦|像素|万像素|核|线程|档|级|型|系列|尺|届|章|页|遍|趟|圈|轮|栋|室|星|",
        r"接口|针|键|孔|轴|项|种|类|步|月份|个月|世纪|名|季|期|单|米[长高宽深线远]|的?镜头|的?焦)"
    );
    let dated =
        (pattern!(r"^ ?月").is_match(after) && most(12)) || (pattern!(r"^ ?[日号]").is_match(after) && most(31));
    let time_of_day = pattern!(r"(?:早上|上午|中午|下午|晚上|凌晨|今晚|明早|明晚|每天|周[一二三四五六日末]) ?$")
        .is_match(near_end(before));
    let hour = pattern!(r"^ ?点(?:钟|半|前|后|左右|多|以|之|到|下班|开|发|[0-9一二三四五]|[, 。!]|$)").is_match(after)
        && most(24);
    let latin = pattern!(
        r"^[ -]?(?:days?|pcs?|pieces?|items?|hours?|hrs?|mins?|minutes?|secs?|seconds?|weeks?|months?|years?|",
        r"yrs?|times|kg|gb|tb|mb|mm|cm|km|mah|hz|fps|inch(?:es)?|megapixels?|units?|of them|left|people|",
        r"buyers?|photos?|pictures?|colou?rs?|sets?|boxes|pairs?|percent)\b"
    );
    let hour = hour || (time_of_day && after.starts_with('点') && most(24));
    dated || hour || unit.is_match(after) || latin.is_match(after)
}

/// `长20米`, `1.5米的线`. Of more than a few, where nothing is long, 米 is slang for money.
fn is_length(before: &str, number: &Number, after: &str) -> bool {
    const FEW: i128 = 10 * WHOLE;
    let long = pattern!(r"(?:长|高|宽|深)度?[是为约:]? ?$").is_match(before);
    after.trim_start().starts_with('米') && (long || number.parts <= FEW)
}

/// `16+512`: memory and storage.
fn is_memory(before: &str, figures: &str, after: &str) -> bool {
    let storage = matches!(figures, "64" | "128" | "256" | "512" | "1024");
    pattern!(r"^\+ ?(?:64|128|256|512|1024|1tb?)(?:[^0-9]|$)").is_match(after)
        || (storage && pattern!(r"(?:^|[^0-9])(?:2|3|4|6|8|12|16|18|24|32|36|48|64)g?b? ?\+ ?$").is_match(before))
}

/// `9/10 condition`.
fn is_mark_of_ten(before: &str, figures: &str, after: &str) -> bool {
    let mark = pattern!(r"^(?:/10 (?:condition|new)| out of (?:10|ten))").is_match(after);
    let ten = pattern!(r"\b\d(?:\.\d)?/$").is_match(before) && pattern!(r"^ (?:condition|new)").is_match(after);
    mark || (figures == "10" && (ten || before.ends_with(" out of ")))
}

/// `身高165`, `鞋码43`, `50g*3`: said before what it is.
fn is_measured(before: &str) -> bool {
    pattern!(
        r"(?:身高|体重|胸围|腰围|臀围|裤长|衣长|肩宽|袖长|鞋码|尺寸|内长|快门数?|里程|座位|等级|编号|后四位|型号)",
        r"(?:是|大概|大约|约|在|:| )*(?:\d{2,3}[-~到])?$|\d(?:g|kg|ml|l|片|个|袋|包|支|瓶)[*x×]$"
    )
    .is_match(before)
}

/// `3.1.2`
fn is_version(before: &str, figures: &str, after: &str) -> bool {
    (figures.contains('.') && pattern!(r"^\.\d").is_match(after)) || pattern!(r"\d\.\d{1,3}\.$").is_match(before)
}

fn is_part_of_date(before: &str, figures: &str, after: &str) -> bool {
    if !figures.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return false;
    }
    let year = pattern!(r"^(?:19|20)\d{2}(?:\.\d{1,2})?$").is_match(figures)
        && pattern!(r"^(?:年|款|版| (?:model|version|edition)|/\d{1,2}/\d{1,2}\b|-\d{1,2}-\d{1,2}\b|\.\d{1,2}\b)")
            .is_match(after);
    let rest_of_date = pattern!(r"(?:19|20)\d{2}(?:[-/]\d{1,2})?[-/]$").is_match(before)
        || pattern!(r"(?:19|20)\d{2}\.\d{1,2}\.$").is_match(before)
        || (pattern!(r"\d月$").is_match(before) && figures.len() <= 2);
    let time = (figures.len() <= 2 && pattern!(r"^:[0-5]\d(?:[^0-9]|$)").is_match(after))
        || (figures.len() == 2 && pattern!(r"(?:^|[^0-9])[0-2]?\d:(?:[0-5]\d:)?$").is_match(before));
    year || rest_of_date || time
}

/// Numerals inside of words and sayings.
fn is_idiom(before: &str, figures: &str, after: &str) -> bool {
    match figures {
        "万一" | "千万" | "万千" | "百分百" => true,
        "一一" => pattern!(r"^(?:回|解|说|对|核|检|列|答|介|拍)").is_match(after),
        "三三" => after.starts_with("两两"),
        "八九" => after.starts_with("不离十"),
        "十一" => before.ends_with('双') || after.starts_with("假期"),
        "五一" | "六一" => pattern!(r"^(?:假|节|劳动)").is_match(after),
        "一二" | "三七" | "一五" | "百十" => pattern!(r"^(?:一十|开|来)").is_match(after),
        _ => pattern!(r"第 ?$").is_match(before),
    }
}

/// `1. 全新`, `2、包邮` at the beginning of a line.
fn is_list_mark(before: &str, figures: &str, after: &str) -> bool {
    figures.len() == 1
        && (before.is_empty() || before.ends_with(['\n', '(']))
        && pattern!(r"^(?:[.、] ?|\) ?|\. )[^0-9零一二三四五六七八九十]").is_match(after)
}

/// More figures than a price has: a phone or tracking number, which others look for.
fn is_long(figures: &str) -> bool {
    figures.bytes().filter(u8::is_ascii_digit).count() >= 8 && !figures.contains(['.', ','])
}

/// A number right behind or before the word for postage.
pub(super) fn is_postage(before: &str, after: &str) -> bool {
    let word_before = pattern!(
        r"(?:邮费|运费|快递费|邮资|邮寄费|补邮|顺丰|中通|圆通|员通|韵达|申通|邮政|极兔|德邦|京东快递|到付|",
        r"\bpostage|\bshipping(?: fee| cost)?|\bdelivery(?: fee)?)(?:大概|大约|一般|需要|另外|另付|另算|要|约|",
        r"补|加|付|收|是|为|只|才|都|得|is|costs?|about|around|will be|of|:|=| )*[¥$]? ?$"
    );
    let word_after = pattern!(
        r"^ ?的?(?:邮费|运费|快递费?|邮资|邮寄费|发顺丰|走顺丰|顺丰|(?:for |of )?(?:postage|shipping|",
        r"delivery)\b)"
    );
    word_before.is_match(near_end(before))
        || (word_after.is_match(after)
            && pattern!(r"(?:[加补付收要出:¥]|另付|plus|add|extra|pay|\+|^|[,。!?\n] ?) ?$").is_match(near_end(before)))
}

/// Whether the amount is taken off the price.
pub(super) fn is_off(before: &str, after: &str) -> bool {
    let clause = clause(before);
    let marked = pattern!(
        r"(?:便宜|优惠|减免|立减|直减|减去|减掉|减少|减|少收|少|降价|降|让利|让价|让|抹掉|抹去|抹零?|省|砍掉|",
        r"砍|折让|折扣|返现|返还|返|退还|退款|退|红包|优惠券|代金券|券|扣掉|扣|\boff|\bdiscount(?: of)?|",
        r"\bminus|\bknock(?: off)?|\breduced?(?: by)?|\bsave|\bcheaper by|\blower(?:ed)? by|\bdrop(?: it)? by|",
        r"\bcut|\bdeduct)(?:了|你|您|个|大约|大概|最多|差不多|掉|去|一下|再|给|至多|额外|直接|it|you|about|",
        r"around|another|up|an?|extra|additional|the price|by|of|¥|:|-| )*$"
    );
    let not_off =
        pattern!(r"(?:最少|至少|不少于?|多少|不(?:能|可以|可能|会|好|想)?再?(?:便宜|少|优惠|降|让|减|砍)了?) *$");
    let behind = pattern!(
        r"^ ?(?:yuan|rmb|元|块钱?)? ?(?:\boff\b|\bdiscount\b|\bcheaper\b|\bless\b|的?(?:优惠|折扣|红包|优惠券|",
        r"代金券|让利|折让))"
    );
    (marked.is_match(clause) && !not_off.is_match(clause)) || behind.is_match(after)
}

/// `比官网便宜200多`: what it costs elsewhere.
pub(super) fn is_comparison(before: &str) -> bool {
    pattern!(
        r"比(?:官网|官方|专柜|新的|新机|新品|全新|别家|别人家|其他家|店里|门店|市场价?|",
        r"商家)[^,。!?]{0,4}(?:便宜|低|少|省|优惠)[了个]? ?$"
    )
    .is_match(clause(before))
}

/// Whether the amount comes on top of what was given before.
pub(super) fn is_again(before: &str) -> bool {
    pattern!(r"再|额外|折上|继续|\b(?:another|additional|extra|further|more)\b").is_match(clause(before))
}

/// `不到90`, `90以下`, `under 90`: less than the amount is promised. Not where it is refused.
pub(super) fn is_upper_bound(before: &str, after: &str) -> bool {
    let (before, after) = (clause(before), rest_of_clause(after));
    let bound = pattern!(r"(?:不到|低于|少于|小于|不超过|\bunder|\bbelow|\bless than|\blower than) ?$")
        .is_match(before)
        || pattern!(r"^ ?(?:以下|以内|之内|不到|or less|or below)").is_match(after);
    let refused =
        pattern!(r"不[卖出行可能会考虑接受]|没法|无法|亏|免谈|勿|别|\b(?:not?|never|can't|cannot|won't|don't)\b");
    bound && !refused.is_match(before.trim_end_matches("不到")) && !refused.is_match(after.trim_start_matches("不到"))
}

/// How many pieces the price is for, where that is said right beside it: `100两个`, `两台一共100`.
pub(super) fn pieces(before: &str, after: &str) -> i128 {
    let count = |text: &str| match text {
        "两" | "二" | "俩" | "2" | "both" | "two" | "the pair" => 2,
        "三" | "仨" | "3" | "three" => 3,
        "四" | "4" | "four" => 4,
        "五" | "5" | "five" => 5,
        _ => text.parse().ok().filter(|count| *count > 0).unwrap_or(10),
    };
    let behind = pattern!(
        r"^ ?(?:给你|拿|带走|卖你|打包|包邮|一共|买|得|/)?(两|二|三|四|五|六|七|八|九|十|俩|仨|[2-9]|",
        r"[1-9][0-9])(?:个|件|台|套|张|份|本|只|双|部|盒|条|瓶|支)"
    );
    let english_behind = pattern!(r"^ ?(?:for )(both|two|three|four|five|[2-5]|the pair)\b");
    let ahead = pattern!(
        r"(两|二|三|四|五|六|七|八|九|十|俩|仨|[2-9]|[1-9][0-9])(?:个|件|台|套|张|份|本|只|双|部|盒|条|瓶|",
        r"支)(?:共|才|总共?|东西|一起|全部|全|打包|一共|总共|合计|都|给你|给您|卖你|算你|只要|就|收你?|价格?|",
        r" )*:?$"
    );
    let english_ahead = pattern!(r"\b(both|two|three|four|five)(?: of them| pieces)?(?: for| at|:)? $");
    let found = behind
        .captures(after)
        .or_else(|| english_behind.captures(after))
        .or_else(|| ahead.captures(near_end(before)))
        .or_else(|| english_ahead.captures(near_end(before)));
    found.map_or(1, |found| count(&found[1]))
}

/// A share of something else than the price: the wear, the battery, the share of happy buyers.
pub(super) fn is_condition(before: &str, after: &str) -> bool {
    pattern!(
        r"^ ?(?:左右|以上)?的?(?:新|色|全新|买家|客户|顾客|用户|人|正品|原装|真|好评|原厂|没问题|包退|完好|纯|",
        r"棉|new\b|original|genuine|authentic|positive|battery|cotton)"
    )
    .is_match(after)
        || pattern!(
            r"(?:电池|健康|健康度|电量|效率|容量|好评率?|成色|成功率|亮度|湿度|浓度|\bbattery(?: health)?|",
            r"\bhealth|\bcapacity|\bcharge|\bcondition)(?:大概|还有|还剩|还|在|是|有|约|is|at|about|:| )*$"
        )
        .is_match(near_end(before))
}

/// `原价的80%`, `80% of the price`.
pub(super) fn is_of_price(before: &str, after: &str) -> bool {
    pattern!(r"^ ?的?(?:价|钱|of (?:the |its |that )?(?:\w+ )?price)").is_match(after)
        || pattern!(r"(?:原价|标价|价格|挂价|按|只收|收)的? ?$").is_match(near_end(before))
}

/// What is said before in the same breath.
fn clause(before: &str) -> &str {
    let before = near_end(before);
    let ends = [',', '。', '!', '?', '\n', ';'];
    before.rsplit(ends).next().unwrap_or(before)
}

/// What is said behind in the same breath, as far as it matters.
fn rest_of_clause(after: &str) -> &str {
    let end = after.char_indices().nth(LETTERS).map_or(after.len(), |(at, _)| at);
    after[..end].split([',', '。', '!', '?', '\n', ';']).next().unwrap_or_default()
}

/// So many letters before and behind are looked at: enough for every pattern here, so that long texts cost no more.
const LETTERS: usize = 24;

/// The last few words.
fn near_end(text: &str) -> &str {
    text.char_indices().rev().nth(LETTERS).map_or(text, |(at, _)| &text[at..])
}
