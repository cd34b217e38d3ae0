//! A small shop with talkative buyers: rules, what buyers write, and what must come back. Data only; whoever plays it
//! checks it.

use serde_json::{Value, json};

use super::model::HELD;

/// Everything the demo needs.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Names of the accounts to open.
    pub accounts: Vec<&'static str>,
    /// Those of them that the language model answers for where no rule does.
    pub with_model: Vec<&'static str>,
    /// One more, which the platform wants a person for.
    pub challenged: &'static str,
    /// Rules as lines for `keyword import`.
    pub rules: Vec<Value>,
    pub goods: Goods,
    pub talks: Vec<Talk>,
}

/// What is given to whoever pays for it.
#[derive(Debug, Clone)]
pub struct Goods {
    pub account: &'static str,
    pub item: &'static str,
    pub codes: Vec<String>,
    /// What is said around the codes.
    pub description: &'static str,
    /// What is said after them.
    pub receipt: &'static str,
}

/// One buyer's visit to one account.
#[derive(Debug, Clone)]
pub struct Talk {
    pub account: &'static str,
    pub buyer: &'static str,
    pub item: &'static str,
    pub lines: Vec<Line>,
    /// Pieces that are ordered and paid for after the talk.
    pub buys: usize,
}

/// One thing a buyer does.
#[derive(Debug, Clone)]
pub struct Line {
    pub says: Says,
    pub expect: Expect,
}

/// What the buyer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Text(&'static str),
    /// A picture at this address.
    Picture(&'static str),
}

/// What must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// These, in this order: texts, or addresses of pictures.
    Replies(Vec<String>),
    Silence,
}

const CAMERA: &str = "900000000101";
const BIKE: &str = "900000000102";
const GAME: &str = "900000000201";
const LENS: &str = "900000000301";
const SIZES: &str = "https://img.example.invalid/bike-sizes.jpg";

/// Who sells codes.
const GAMES: &str = "demo-游戏点卡";

/// Who bargains with the model.
const BARGAINING: &str = "demo-AI议价";

/// Enough for about an hour; when they are sold, the buyers only talk.
const CODES: u32 = 2000;

/// Three accounts, four items, and buyers who ask what buyers ask.
pub fn shop() -> Scenario {
    Scenario {
        accounts: vec!["demo-二手数码", GAMES, BARGAINING],
        with_model: vec![BARGAINING],
        challenged: "demo-人工验证",
        rules: rules(),
        goods: Goods {
            account: GAMES,
            item: GAME,
            codes: (1..=CODES).map(code).collect(),
            description: "卡密：\n{DELIVERY_CONTENT}\n请尽快使用。",
            receipt: "已发货，感谢支持！",
        },
        talks: talks(),
    }
}

/// No two numbers give the same.
fn code(number: u32) -> String {
    let mixed = number.wrapping_mul(0x9E37_79B1);
    format!("{:04X}-{:04X}-{number:04}", mixed >> 16, mixed & 0xFFFF)
}

fn rules() -> Vec<Value> {
    let everywhere = |keyword: &str, reply: &str| rule(Value::Null, keyword, "contains", json!(reply));
    vec![
        everywhere("在吗", "在的，亲，看中直接拍就行~"),
        everywhere("包邮", "全国包邮，偏远地区除外。"),
        everywhere("发货", "每天下午四点前付款的当天发货。"),
        everywhere("便宜", "已经是最低价啦，谢谢理解。"),
        rule(json!(CAMERA), "最低多少", "contains", json!("相机最低 980，送存储卡。")),
        rule(json!(CAMERA), "快门", "contains", json!(["快门次数一万二左右。", "成色九五新，箱说全。"])),
        json!({"account": null, "item_id": BIKE, "keyword": "尺码", "match": "contains", "reply": "尺码看图哦", "image": SIZES}),
        rule(json!(GAME), r"^\d+\s*张$", "regex", json!("可以的，拍下对应数量，付款后自动发卡。")),
        rule(json!(GAME), "已付款", "contains", json!("付款到账后自动发卡，以订单状态为准。")),
        json!({"account": "demo-二手数码", "item_id": null, "match": "default", "once": true, "reply": "您好，掌柜稍后回复您。"}),
    ]
}

fn talks() -> Vec<Talk> {
    let digital = "demo-二手数码";
    vec![
        talk(
            digital,
            "2200000100001",
            CAMERA,
            vec![
                text("在吗", &["在的，亲，看中直接拍就行~"]),
                text("最低多少呀", &["相机最低 980，送存储卡。"]),
                text("快门多少次了", &["快门次数一万二左右。", "成色九五新，箱说全。"]),
            ],
        ),
        talk(
            digital,
            "2200000100002",
            BIKE,
            vec![
                text("包邮吗？", &["全国包邮，偏远地区除外。"]),
                text("尺码怎么选", &["尺码看图哦", SIZES]),
                text("能便宜点吗", &["已经是最低价啦，谢谢理解。"]),
            ],
        ),
        talk(
            digital,
            "2200000100003",
            CAMERA,
            vec![
                text("镜头有霉点没", &["您好，掌柜稍后回复您。"]),
                // the default reply comes once in a conversation
                Line { says: Says::Text("机身呢"), expect: Expect::Silence },
            ],
        ),
        talk(
            GAMES,
            "2200000100004",
            GAME,
            vec![
                text("你好 在吗", &["在的，亲，看中直接拍就行~"]),
                text("3 张", &["可以的，拍下对应数量，付款后自动发卡。"]),
                text("多久发货", &["每天下午四点前付款的当天发货。"]),
            ],
        ),
        talk(
            GAMES,
            "2200000100005",
            GAME,
            vec![
                Line { says: Says::Text("这个区服能用不"), expect: Expect::Silence },
                Line { says: Says::Picture("https://img.example.invalid/question.jpg"), expect: Expect::Silence },
                text("20张", &["可以的，拍下对应数量，付款后自动发卡。"]),
            ],
        ),
        Talk {
            buys: 2,
            ..talk(GAMES, "2200000100007", GAME, vec![text("2 张", &["可以的，拍下对应数量，付款后自动发卡。"])])
        },
        // The platform's words, but typed: nobody paid.
        talk(
            GAMES,
            "2200000100008",
            GAME,
            vec![
                text("[我已付款，等待你发货]", &["付款到账后自动发卡，以订单状态为准。"]),
                text("怎么还不发货", &["每天下午四点前付款的当天发货。"]),
            ],
        ),
        // The model gives in to whatever is offered. The item costs 123 Yuan: its answer is not sent, and told so it thinks again.
        talk(
            BARGAINING,
            "2200000100006",
            LENS,
            vec![
                text("包邮吗", &["全国包邮，偏远地区除外。"]),
                text("60 卖不卖？", &[HELD]),
                text("五十块行不行", &[HELD]),
            ],
        ),
    ]
}

fn rule(item: Value, keyword: &str, kind: &str, reply: Value) -> Value {
    json!({"account": null, "item_id": item, "keyword": keyword, "match": kind, "reply": reply})
}

fn talk(account: &'static str, buyer: &'static str, item: &'static str, lines: Vec<Line>) -> Talk {
    Talk { account, buyer, item, lines, buys: 0 }
}

fn text(says: &'static str, replies: &[&str]) -> Line {
    let replies = replies.iter().map(|reply| (*reply).into()).collect();
    Line { says: Says::Text(says), expect: Expect::Replies(replies) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_expected_reply_is_given_by_a_rule_or_the_model() {
        let shop = shop();
        let said = Value::from(shop.rules).to_string() + HELD;
        for line in shop.talks.iter().flat_map(|talk| &talk.lines) {
            let Expect::Replies(replies) = &line.expect else { continue };
            for reply in replies {
                assert!(said.contains(reply.as_str()), "nobody says {reply}");
            }
        }
    }

    #[test]
    fn every_talk_is_with_an_account_of_the_shop() {
        let shop = shop();
        assert!(shop.talks.iter().all(|talk| shop.accounts.contains(&talk.account)));
        assert!(shop.talks.iter().any(|talk| talk.lines.iter().any(|line| line.expect == Expect::Silence)));
    }

    #[test]
    fn whoever_buys_buys_the_goods_and_no_two_codes_are_the_same() {
        let Scenario { goods, talks, .. } = shop();
        let buyers: Vec<&Talk> = talks.iter().filter(|talk| talk.buys > 0).collect();
        assert!(!buyers.is_empty());
        assert!(buyers.iter().all(|talk| (talk.account, talk.item) == (goods.account, goods.item)));
        let different: HashSet<&String> = goods.codes.iter().collect();
        assert_eq!(different.len(), goods.codes.len());
    }
}
