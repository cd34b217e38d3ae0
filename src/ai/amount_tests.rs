use proptest::prelude::*;

use super::amount::{Amount, Money, amounts};
use crate::ids::Fen;

fn values(text: &str) -> Vec<Money> {
    amounts(text).into_iter().map(|Amount { value, .. }| value).collect()
}

fn price(text: &str, yuan: f64) {
    assert_eq!(values(text), [Money::Price(Fen((yuan * 100.0).round() as i64))], "{text}");
}

fn off(text: &str, yuan: i64) {
    assert_eq!(values(text), [Money::Off(Fen(yuan * 100))], "{text}");
}

fn share(text: &str, left: u32) {
    assert_eq!(values(text), [Money::Share(left)], "{text}");
}

#[test]
fn prices_in_every_notation() {
    for text in [
        "80",
        "80元",
        "80 元",
        "80块",
        "80块钱",
        "¥80",
        "￥80",
        "８０",
        "⑧⓪元",
        "8 0 元",
        "8 0",
        "八十",
        "八十块",
        "八十元钱",
        "捌拾圆",
        "捌拾",
        "80rmb",
        "rmb80",
        "80 yuan",
        "eighty",
        "eighty yuan",
        "eighty bucks",
        "80块钱给你",
        "最低80",
        "80包邮",
        "80拿走",
        "80可以",
        "80成交",
        "就80吧",
        "80支付宝",
        "80只要你拍",
        "80款到发货",
        "80大洋",
        "80米",
        "八0",
        "8十",
        "80刀",
        "$80",
        "80 dollars",
        "80.00",
        "80。",
        "便宜点80",
        "优惠价80",
        "降到80",
        "减到80",
        "只要80",
        "只卖80",
        "I can do 80",
        "ok, 80 it is",
        "pay 80",
        "deal at 80",
        "80行",
        "80哈",
        "80、包邮",
        "8o元",
        "80块，包邮",
        "iphone 80给你",
        "80本人自用",
        "算你80好了",
        "80次日发",
        "80\u{200b}",
        "8\u{200b}0元",
        "80r",
        "80多",
        "80左右",
    ] {
        price(text, 80.0);
    }
    for (text, yuan) in [
        ("1,299.00", 1299.0),
        ("1.2k", 1200.0),
        ("1w", 10_000.0),
        ("3千", 3000.0),
        ("1.5万", 15_000.0),
        ("一百二十三块五", 123.5),
        ("两百五", 250.0),
        ("一千零五十", 1050.0),
        ("百八", 180.0),
        ("八块", 8.0),
        ("五毛", 0.5),
        ("80块5", 80.5),
        ("80块5毛", 80.5),
        ("3元5角", 3.5),
        ("3块5毛5分", 3.55),
        ("5分钱", 0.05),
        ("一块半", 1.5),
        ("99.9", 99.9),
        ("几十块", 10.0),
        ("one hundred twenty", 120.0),
        ("fifty bucks", 50.0),
        ("廿块", 20.0),
        ("俩百", 200.0),
        ("180给你两个", 90.0),
        ("两台一共100", 50.0),
        ("100 for both", 50.0),
        ("不到90", 89.99),
        ("90以下给你", 89.99),
    ] {
        price(text, yuan);
    }
    assert_eq!(values("80-90元"), [Money::Price(Fen(8000)), Money::Price(Fen(9000))]);
    assert_eq!(values("80块5天内发"), [Money::Price(Fen(8000))]);
}

#[test]
fn what_is_taken_off() {
    for text in [
        "便宜20",
        "便宜你20块",
        "减二十",
        "减20",
        "少20元",
        "优惠20",
        "再减20",
        "立减20",
        "抹掉20",
        "20 off",
        "20 yuan off",
        "discount of 20",
        "返现20",
        "给你20元优惠",
        "红包20",
        "knock 20 off",
        "20块的优惠券",
        "便宜二十块",
        "minus 20",
    ] {
        off(text, 20);
    }
    off("便宜几块", 9);
    off("便宜几十块", 90);
    assert!(amounts("用了一半，还剩一半").is_empty());
    assert!(amounts("half a year old, half of the bottle left").is_empty());
    let most = format!("{}亿亿亿亿亿点五元", "9".repeat(40));
    assert_eq!(values(&most), [Money::Price(Fen(i64::MAX))], "larger than any number");
    assert!(amounts("再减20")[0].again);
    assert!(!amounts("减20")[0].again);
}

#[test]
fn what_is_left_of_the_price() {
    for text in [
        "8折",
        "打8折",
        "八折",
        "80折",
        "8。0折",
        "20% off",
        "优惠20%",
        "便宜百分之二十",
        "百分之八十的价格",
        "80%",
        "八成价",
        "给你8成",
        "20%",
        "8 折",
        "⑧折",
        "降20个点",
        "twenty percent off",
    ] {
        share(text, 800);
    }
    for text in ["85折", "八五折", "8.5折", "八点五折", "8。5折"] {
        share(text, 850);
    }
    for text in ["半价", "一半", "对半", "对折", "half price", "half off", "买一送一", "五折", "50% off"]
    {
        share(text, 500);
    }
    for text in
        ["免费", "白送", "不要钱", "送你了", "送给你", "手机直接送你", "take it for free", "it's free", "免费给你"]
    {
        share(text, 0);
    }
    price("0元", 0.0);
}

#[test]
fn other_numbers_are_no_amounts() {
    for text in [
        "3天",
        "24小时",
        "3-5天到",
        "两三天",
        "7天无理由",
        "9成新",
        "95新",
        "九五新",
        "99成新",
        "九成新",
        "九九新",
        "iPhone 13",
        "iPhone 13 128G",
        "A7M4",
        "13Pro",
        "13 pro max",
        "PS5",
        "iPhone 5s",
        "1920x1080",
        "2560*1440",
        "16+512",
        "固件3.1.2",
        "图3和图4",
        "1.5米的线",
        "晚上6点截单",
        "128g",
        "128 GB",
        "1080p",
        "12个",
        "两件",
        "10台",
        "3张",
        "5次",
        "2023年",
        "2023年5月",
        "5月3日",
        "3号",
        "下午3点",
        "18:30",
        "2024-05-01",
        "2024/5/1",
        "50寸",
        "5.5英寸",
        "25岁",
        "3楼",
        "42码",
        "邮费10",
        "运费8元",
        "快递费 12",
        "顺丰10元",
        "postage 8",
        "shipping is 10",
        "补10元邮费",
        "电池健康 87%",
        "电池85%",
        "100%正品",
        "99%新",
        "13812345678",
        "第2个",
        "十分感谢",
        "千万别",
        "万一",
        "一一回复",
        "一起",
        "一下",
        "二手",
        "一块发货",
        "两块电池",
        "feel free to ask",
        "free shipping",
        "免费包邮",
        "免运费",
        "送你一个手机壳",
        "SF1234567890123",
        "this one",
        "two of them",
        "双十一",
        "20个人看过",
        "4k屏幕 60hz",
        "1. 全新\n2. 包邮",
        "小米K70",
        "100多人",
        "三折叠",
        "f/1.8",
        "一百个放心",
        "长1.5米",
        "1.5米长",
        "八点发",
        "2000mah",
        "24-70mm",
        "一口价",
        "八九不离十",
        "50cm",
        "百分百正品",
    ] {
        let found = amounts(text).into_iter().filter(|amount| amount.value != Money::Share(1000)).collect::<Vec<_>>();
        // A screen's `4k` is four thousand when in doubt: too much is no promise.
        let dear = found.iter().all(|amount| matches!(amount.value, Money::Price(Fen(400_000..))));
        assert!(found.is_empty() || dear, "{text}: {found:?}");
    }
}

#[test]
fn the_span_is_where_the_amount_stands() {
    let found = amounts("最低９５元包邮");
    assert_eq!(found.len(), 1);
    assert_eq!(&super::normal::normal("最低９５元包邮")[found[0].span.clone()], "95元");
}

pub(super) const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
const FORMAL: [&str; 10] = ["零", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖"];

/// `number` (below 10,000) in Chinese numerals.
pub(super) fn chinese(number: i64, digits: &[&str; 10], units: [&str; 4]) -> String {
    let mut text = String::new();
    let mut zero = false;
    for (place, unit) in [(1000, units[0]), (100, units[1]), (10, units[2]), (1, units[3])] {
        let digit = (number / place % 10) as usize;
        if digit == 0 {
            zero = !text.is_empty();
            continue;
        }
        if zero {
            text.push('零');
        }
        zero = false;
        text.push_str(digits[digit]);
        text.push_str(unit);
    }
    text
}

pub(super) fn grouped(number: i64) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

fn wide(number: i64) -> String {
    let digits: Vec<char> = "０１２３４５６７８９".chars().collect();
    number.to_string().bytes().map(|digit| digits[usize::from(digit - b'0')]).collect()
}

proptest! {
    #[test]
    fn a2_an_amount_is_found_in_every_notation(yuan in 13_i64..10_000) {
        let spaced = yuan.to_string().chars().map(String::from).collect::<Vec<_>>().join(" ");
        for number in [
            yuan.to_string(),
            grouped(yuan),
            wide(yuan),
            spaced,
            chinese(yuan, &DIGITS, ["千", "百", "十", ""]),
            chinese(yuan, &FORMAL, ["仟", "佰", "拾", ""]),
        ] {
            for text in [format!("{number}元"), format!("给你{number}块钱"), format!("¥{number}"), format!("{number} yuan ok")] {
                prop_assert_eq!(values(&text), [Money::Price(Fen(yuan * 100))], "{}", text);
            }
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        let normal = super::normal::normal(&text);
        for amount in amounts(&text) {
            prop_assert!(normal.get(amount.span).is_some());
        }
    }

    #[test]
    fn any_text_of_numerals_is_read_without_a_panic(text in "[0-9一二三十百千万亿几点折元块毛分%., kw半两廿oa送免费减]{0,24}") {
        for amount in amounts(&text) {
            let Money::Price(price) = amount.value else { continue };
            prop_assert!(price.0 >= -1);
        }
    }
}
