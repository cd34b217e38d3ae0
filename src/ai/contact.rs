//! Ways out of the platform in a text: phone numbers, accounts elsewhere, addresses of pages.

use super::normal::pattern;

/// What was found, in the form in which it was found. Looks at [normalised](super::normal::normal) text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WayOut {
    Contact(String),
    Link(String),
}

pub(super) fn find(text: &str) -> Option<WayOut> {
    let mail = mail(text).map(WayOut::Contact);
    mail.or_else(|| link(text).map(WayOut::Link)).or_else(|| contact(text).map(WayOut::Contact))
}

fn mail(text: &str) -> Option<String> {
    let address = pattern!(
        r"[a-z0-9._%+-]{1,} ?(?:@|\(at\)|\[at\]| at |艾特|#) ?[a-z0-9-]{1,} ?(?:\.|点|dot|\(dot\)| dot ) ?[a-z]{2}"
    );
    address.find(text).map(|found| found.as_str().to_owned())
}

fn link(text: &str) -> Option<String> {
    let written = pattern!(
        r"https?:|\bhttps?\b|\bwww ?\.|://|\bt ?\. ?me\b|(?:^|[^a-z0-9])(?:[a-z0-9][a-z0-9-]*\.)+(?:com|cn|net|org|top|xyz|vip|cc|me|io|shop|link|ly|tb|info|club|site|online|app|co|tv|ru|jp|hk|tw|store|live|ltd|gg|im|dev|icu|wang|ren|fun|mobi|biz|asia)(?:[^a-z]|$)|\.(?:中国|公司|网络|网址|商城)"
    );
    let spelt = pattern!(r"[a-z0-9] ?(?:点|\(dot\)|\[dot\]| dot |\(\.\)) ?(?:com|cn|net|org|me|cc|top|xyz|vip|shop)\b");
    let squeezed: String = text.chars().filter(|letter| !matches!(letter, ' ' | '\n')).collect();
    let spaced = pattern!(r"(?:^|[^a-z0-9])www\.|[a-z0-9]\.(?:com|net|org|xyz|vip|cn)(?:[^a-z]|$)");
    let password = pattern!(
        r"[¥$€£₤¢(\[【「《/][a-z0-9]{8,13}[¥$€£₤¢)\]】」》/]|淘口令|[复打]制(?:这|本|此|整)?[段条句]|复制.{0,12}打开|打开.{0,4}(?:淘宝|拼多多|抖音|浏览器)"
    );
    let code = pattern!(r"二维码|[扫打]一?扫?码|扫一扫|收[款钱]码|付款码|\bqr ?code|小程序码");
    let found = written
        .find(text)
        .or_else(|| spelt.find(text))
        .or_else(|| spaced.find(&squeezed))
        .or_else(|| password.find(text));
    found.map(|found| found.as_str().to_owned()).or_else(|| unless_refused(text, code.find_iter(text)))
}

fn contact(text: &str) -> Option<String> {
    let id = pattern!(r"wxid_?[a-z0-9]+|@[a-z][a-z0-9_]{3,}");
    let found = id.find(text).map(|found| found.as_str().to_owned());
    found.or_else(|| phone(text)).or_else(|| account_elsewhere(text))
}

/// The names of other platforms in the spellings that get past a filter, and the words that ask to go there.
fn account_elsewhere(text: &str) -> Option<String> {
    let names = pattern!(
        r"(?:微|薇|威|维|徽|溦|唯)[ ._\-*]*[信芯心]|[微薇溦][ ._\-*]*[x❤♥💗]|[v❤♥💗][ ._\-*]*信|\bwei ?xin|\bwe ?chat|(?:^|[^a-z0-9])[vw]x|(?:^|[^a-z0-9])(?:v[ ._\-*]*x|w[ ._\-*]*x|v[ ._\-*]*信|q[ ._\-*]*q)(?:[^a-z]|$)|扣扣|扣q|抠抠|叩叩|球球号|企鹅号?|绿泡泡|绿色软件|卫星号|加[个一下你我]*卫星|电报|飞机号|纸飞机|\btele ?gram|(?:^|[^a-z0-9])tg(?:[^a-z]|$)|\bwhats ?app|\bline id|\bskype|\bfacebook|\binstagram|\bdiscord|\be-?mail\b|邮箱|手机号|电话号|联系方式|\bphone number|\bmy number|支付宝(?:账号|转|付|号)|银行卡号?|私下(?:交易|转账)|线下转账|直接转账|走转账|站外|\boutside (?:of )?(?:the |this )?(?:platform|app)|\boff[ -]platform"
    );
    let invitations = pattern!(
        r"(?:加|➕|\+|添加|来|\badd) ?(?:个|一下|下|一?个|您|你|我的?|my|me on)? ?(?:微|薇|威信|v|w|q|扣|卫星|好友)(?:[^a-z]|$)|加我(?:[^0-9一二三四五六七八九十]|$)|\badd me\b|\b(?:text|call|whatsapp|dm) me (?:on|at)\b|打我电话|给我打电话|发我(?:手机|电话)|留(?:个|一下|下)?(?:电话|手机|微|v|联系)"
    );
    let hits = names.find_iter(text).chain(invitations.find_iter(text));
    let mut hits: Vec<_> = hits.collect();
    hits.sort_by_key(regex::Match::start);
    let account = pattern!(r"[a-z][a-z0-9_-]*[0-9][a-z0-9_-]{3,}|[0-9]{5,}|[a-z]+_[a-z0-9_]+");
    match hits.first() {
        Some(first) if account.is_match(text) => Some(first.as_str().to_owned()),
        _ => unless_refused(text, hits.into_iter()),
    }
}

/// The first of `hits` that is not what the text refuses: `不加微信` is what a seller should say.
fn unless_refused<'t>(text: &'t str, hits: impl Iterator<Item = regex::Match<'t>>) -> Option<String> {
    let refusal = pattern!(
        r"(?:不|别|勿|没有?|无|拒绝|禁止|避免|谢绝|严禁|切勿)[加留给提供发走用换聊能可以方便支持会太接受的我您你任何线下通过去在和、或及要需扫私交易微信qv/]*$|\b(?:don't|do not|can't|cannot|can not|no|not|never|won't|without|instead of|unable to)\b(?: (?:use|share|give|do|add|take|trade|deal|sell|any|my|a|the|on|via|through|have|accept|scan|talk|out|exchange|it|contact|details|or|offer|payments?))*[ ,]*$"
    );
    let mut hits = hits;
    hits.find(|hit| !refusal.is_match(&text[..hit.start()])).map(|hit| hit.as_str().trim().to_owned())
}

/// A phone number or the number of an account, spelt out, in groups, in Chinese or English digits.
fn phone(text: &str) -> Option<String> {
    runs(text)
        .into_iter()
        .find(|run| {
            let local = pattern!(r"^(?:0086|86)?1[3-9]\d{9}$|^0\d{9,11}$|^[48]00\d{7}$").is_match(&run.digits);
            // A parcel's number is longer, or has letters.
            local || ((7..=12).contains(&run.digits.len()) && !run.is_named)
        })
        .map(|run| run.digits)
}

struct Run {
    digits: String,
    /// Whether it is said to be the number of an order or a parcel.
    is_named: bool,
}

/// Runs of digits with at most a few marks between two of them. Digits with a unit of money behind every group are prices.
fn runs(text: &str) -> Vec<Run> {
    let digits = pattern!(
        r"(?:[0-9零〇一二三四五六七八九幺]|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|oh)\b)(?:[ \-_.·*()~,、/+]{0,3}(?:[0-9零〇一二三四五六七八九幺]|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|oh)\b)){6,}"
    );
    let named = pattern!(
        r"(?:单号|订单号?|运单|编号|货号|序列号|型号|order(?: number)?|tracking(?: number)?|[a-z])[是为:# ]*$"
    );
    let dates = pattern!(r"(?:19|20)\d{2}[-/.]\d{1,2}[-/.]\d{1,2}");
    let text = dates.replace_all(text, "某日");
    let found = digits.find_iter(&text).filter(|run| !is_enumeration(run.as_str()));
    found.map(|run| Run { digits: spelt(run.as_str()), is_named: named.is_match(&text[..run.start()]) }).collect()
}

/// `95, 96, 98, 100`: numbers of their own, not the parts of one.
fn is_enumeration(run: &str) -> bool {
    let parts: Vec<_> = run.split([',', '、', '/', '~']).map(str::trim).collect();
    parts.len() > 1
        && parts
            .iter()
            .all(|part| (2..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
        && parts.iter().map(|part| part.len()).sum::<usize>() < 11
}

fn spelt(run: &str) -> String {
    const WORDS: [&str; 11] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "oh"];
    let digits = WORDS
        .iter()
        .enumerate()
        .fold(run.to_owned(), |run, (digit, word)| run.replace(word, &(digit % 10).to_string()));
    let value = |letter: char| match letter {
        '〇' => Some('0'),
        '幺' => Some('1'),
        '0'..='9' => Some(letter),
        _ => "零一二三四五六七八九"
            .chars()
            .position(|same| same == letter)
            .and_then(|at| char::from_digit(at as u32, 10)),
    };
    digits.chars().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::normal::normal, *};

    fn found(text: &str) -> Option<WayOut> {
        find(&normal(text))
    }

    #[test]
    fn a2_contacts_are_found_in_many_spellings() {
        for text in [
            "13812345678",
            "138 1234 5678",
            "138-1234-5678",
            "1 3 8 1 2 3 4 5 6 7 8",
            "一三八一二三四五六七八",
            "幺三八幺二三四五六七八",
            "１３８１２３４５６７８",
            "①③⑧①②③④⑤⑥⑦⑧",
            "one three eight one two three four five six seven eight",
            "010-62345678",
            "4001234567",
            "+86 138 1234 5678",
            "加我微信",
            "微信 abc123",
            "薇信聊",
            "威信号 abc",
            "v信",
            "V X：abc123",
            "vx abc",
            "wx: abc",
            "加v",
            "加个v聊",
            "+V",
            "加我",
            "QQ 12345",
            "扣扣 123456",
            "q q 聊",
            "telegram 上说",
            "tg: abc",
            "WhatsApp me",
            "邮箱 a@b.com",
            "abc@qq.com",
            "abc (at) gmail dot com",
            "wxid_abc",
            "卫星号",
            "加卫星",
            "绿泡泡",
            "微❤",
            "支付宝转我",
            "私下交易便宜",
            "add me on wechat",
            "不加微信不行，abc123456",
            "ＶＸabc",
            "ⓥⓧ abc",
            "微\u{200b}信聊",
            "電報",
            "my number is easy",
            "徽信",
            "留个电话",
            "加好友",
        ] {
            assert!(matches!(found(text), Some(WayOut::Contact(_))), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn a2_links_and_codes_are_found() {
        for text in [
            "https://a.com/x",
            "http：//a.cn",
            "www.a.com",
            "看 example.com",
            "t.me/abc",
            "a点com",
            "a dot com",
            "w w w . a . c o m",
            "e x a m p l e . c o m",
            "复制这段打开",
            "￥AbCd1234Ef￥",
            "淘口令发你",
            "扫码加我",
            "扫一扫",
            "发你二维码",
            "收款码",
            "abc。com",
            "ｅｘａｍｐｌｅ．ｃｏｍ",
            "scan the qr code",
            "m.tb.cn/h.abc",
        ] {
            assert!(matches!(found(text), Some(WayOut::Link(_))), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn what_sellers_say_is_no_way_out() {
        for text in [
            "不加微信哦，平台上聊",
            "没有微信",
            "不支持线下转账",
            "I can't share my WhatsApp, please chat here.",
            "不方便加微信",
            "95包邮",
            "价格95、96、98都有",
            "快递单号 7730123456789",
            "SF1234567890123",
            "f1.8光圈",
            "v1.2.3版本",
            "2024-05-01买的",
            "It is new. Come and see.",
            "电池 5000mah",
            "加10元发顺丰",
            "128G 95新 一直带壳",
            "加我10块",
            "不扫码",
            "please don't add me",
            "WiFi 6",
            "有意私聊",
            "一二三四",
            "订单 1234567890123456789",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
