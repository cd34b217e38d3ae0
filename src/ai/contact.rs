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
        r"[a-z0-9._%+-]{1,} ?(?:@|\(at\)|\[at\]| at |艾特|#) ?[a-z0-9-]{1,} ?(?:\.|点|dot|\(dot\)|",
        r" dot ) ?[a-z]{2}"
    );
    address.find(text).map(|found| found.as_str().to_owned())
}

fn link(text: &str) -> Option<String> {
    let written = pattern!(
        r"https?:|\bhttps?\b|\bwww ?\.|://|\bt ?\. ?me\b|(?:^|[^a-z0-9])(?:[a-z0-9][a-z0-9-]*\.)+(?:com|cn|",
        r"net|org|top|xyz|vip|cc|me|io|shop|link|ly|tb|info|club|site|online|app|co|tv|ru|jp|hk|tw|store|live|",
        r"ltd|gg|im|dev|icu|wang|ren|fun|mobi|biz|asia)(?:[^a-z]|$)|[a-z0-9-]+\.[a-z]{2,}/[a-z0-9]|\.(?:中国|",
        r"公司|网络|网址|商城)"
    );
    let spelt = pattern!(r"[a-z0-9] ?(?:点|\(dot\)|\[dot\]| dot |\(\.\)) ?(?:com|cn|net|org|me|cc|top|xyz|vip|shop)\b");
    let squeezed: String = text.chars().filter(|letter| !matches!(letter, ' ' | '\n')).collect();
    let spaced = pattern!(r"(?:^|[^a-z0-9])www\.|[a-z0-9]\.(?:com|net|org|xyz|vip|cn)(?:[^a-z]|$)");
    let password = pattern!(
        r"[¥$€£₤¢(\[【「《/][a-z0-9]{8,13}[¥$€£₤¢)\]】」》/]|[复打]制(?:这|本|此|整)?[段条句]|复制.{0,12}打开|",
        r"打开.{0,4}(?:淘宝|拼多多|抖音|浏览器)"
    );
    let code = pattern!(
        r"二维[码马]|[扫打]一?[扫下]?码|扫一扫|扫一下|扫我|收[款钱][码马]|付款[码马]|口令|\bqr\b|\bqr ?code|",
        r"小程序码"
    );
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
        r"(?:微|薇|威|维|徽|溦|唯|wei|we)[ ._\-*丨|/、,]*[信芯心]|(?:微|薇|威|维|徽|溦|卫)[ ._\-*]*[x❤♥💗]|",
        r"[v❤♥💗][ ._\-*]*[信芯]|[微薇徽威vq扣][我号](?:[^0-9]|$)|\bwei ?xin|\bwe ?chat|\b[vw]x|",
        r"\b(?:v[ ._\-*]*x|w[ ._\-*]*x|q[ ._\-*]*q)(?:[^a-z]|$)|\b[vq] ?:|扣扣|扣q|抠抠|叩叩|秋秋|球球|企鹅|",
        r"鹅号|绿泡泡|绿色软件|卫星号|加[个一下你我]*卫星|电报|飞机号|纸飞机|\btele ?gram|\btg(?:[^a-z]|$)|",
        r"\bwhats ?app|\bline id|\bskype|\bfacebook|\binstagram|\bdiscord|\be-?mail\b|邮箱|邮件|手机号|",
        r"手机联系|电话(?:号|联系|给我|我)|打(?:个|我)?电话|联系方式|\bphone number|\bmy number|(?:小红书|",
        r"抖音|微博|快手|淘宝|拼多多)(?:号|搜|私信|店铺|账号|主页|联系)|[去上到](?:小红书|抖音|微博|快手|淘宝|",
        r"拼多多)|支付宝(?:账号|转|付|号|口令|直接|给我)|银行卡号?|私下|线下(?:付|转|交易|成交)|走线下|转账|",
        r"走转账|微信红包|站外|平台外|(?:绕过|绕开|避开|不走)平台|(?:别的|其他|另外的?)(?:渠道|平台|软件)|",
        r"换个?(?:地方|软件|平台|app)|[去到]外面聊|公众号|小程序下单|进群|拉你进|群号|群聊|打款|汇款|卡号|",
        r"支付宝收|\bpaypal\b|我的号|联系我:|头像[里上]|看我?头像|昵称[是就里]|图片?[里上]有(?:号|联系|微|v)|",
        r"(?:百度|知乎|b站|贴吧)(?:搜|私信)|现金交易|\boutside (?:of )?(?:the |this )?(?:platform|app)|",
        r"\boff[ -]platform"
    );
    let invitations = pattern!(
        r"(?:加|➕|\+|添加|来|\badd) ?(?:个|一下|下|一?个|您|你|我的?|my|me on)? ?(?:微|薇|徽|威信|v|w|q|扣|",
        r"卫星|好友)(?:[^a-z]|$)|加我(?:[^0-9一二三四五六七八九十]|$)|\badd me\b|\b(?:text|call|whatsapp|",
        r"dm) me (?:on|at)\b|发我(?:手机|电话|邮)|留(?:个|一下|下)?(?:电话|手机|微|v|联系)"
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
        r"(?:不|别|勿|没有?|无|拒绝|禁止|避免|谢绝|严禁|",
        r"切勿)[加留给提供发走用换聊能可以方便支持会太接受的我您你任何线下通过去在和、或及要需扫私交易微信qv/]*$|",
        r"\b(?:don't|do not|can't|cannot|can not|no|not|never|won't|without|instead of|unable to)\b(?: (?:use|",
        r"share|give|do|add|take|trade|deal|sell|any|my|a|the|on|via|through|have|accept|scan|talk|out|",
        r"exchange|it|contact|details|or|offer|payments?))*[ ,]*$"
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
        r"(?:[0-9零〇一二三四五六七八九幺]|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|",
        r"oh)\b)(?:[ \-_.·*()~,、/+|\n。#]{0,3}(?:[0-9零〇一二三四五六七八九幺]|\b(?:zero|one|two|three|four|",
        r"five|six|seven|eight|nine|oh)\b)){6,}"
    );
    let named = pattern!(
        r"(?:单号|订单号?|运单|编号|货号|序列号|型号|order(?: number)?|tracking(?: number)?|[a-z])[是为:# ]*$"
    );
    let dates = pattern!(r"(?:19|20)\d{2}[-/.]\d{1,2}[-/.]\d{1,2}|\b\d{3,4}[*x×]\d{3,4}\b");
    let text = dates.replace_all(text, "某");
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
            "微我",
            "关注公众号",
            "拉你进群",
            "去别的平台聊",
            "线下交易吧",
            "看我头像",
            "打款给我",
            "Q:12345678",
            "138|1234|5678",
            "138\n1234\n5678",
            "小红书搜abc",
            "不走平台便宜点",
            "打电话给我",
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
            "支付宝口令",
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
            "请勿私下交易",
            "不支持线下交易",
            "有问题随时联系我",
            "没有二维码",
            "10:00-18:00都在",
            "直接拍这个链接",
            "1920x1080的屏",
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
