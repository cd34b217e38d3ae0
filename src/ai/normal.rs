//! One spelling for what can be written in many: the form in which amounts, contacts and leaks are looked for.

use std::{collections::HashMap, sync::LazyLock};

use unicode_normalization::UnicodeNormalization as _;

/// A regular expression of this code, compiled once; a long one in several pieces. `\b` is between Latin letters and everything else: Chinese has no words' ends.
macro_rules! pattern {
    ($($text:literal),+ $(,)?) => {{
        static PATTERN: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
            let text = concat!($($text),+).replace(r"\b", r"(?-u:\b)");
            // A constant of the source: whether it compiles does not depend on input, and the tests use it.
            regex::Regex::new(&text).expect("the pattern compiles")
        });
        &*PATTERN
    }};
}
pub(super) use pattern;

/// Lower case, half width, plain digits, simplified characters, one blank where there were several; what cannot be seen is gone.
/// Line feeds stay. Doing it twice changes nothing.
pub fn normal(text: &str) -> String {
    let mut plain = if text.chars().all(is_settled) { tidy(&text.chars().collect::<Vec<_>>()) } else { once(text) };
    // A letter may fold into one that folds again (the Kelvin sign, a look-alike in a circle).
    for _ in 0..3 {
        if plain.chars().all(is_settled) {
            break;
        }
        let again = once(&plain);
        if again == plain {
            break;
        }
        plain = again;
    }
    plain
}

/// Whether a letter stays what it is, as most letters do.
fn is_settled(letter: char) -> bool {
    match letter {
        '\n' | ' '..='@' | '['..='~' | '。' | '、' => true,
        '\u{4e00}'..='\u{9fff}' => fold(letter) == letter,
        _ => false,
    }
}

/// Whether a normalised text has a normalised word in it; a Latin word only as a whole word. No text has the empty word.
pub(super) fn contains_word(text: &str, word: &str) -> bool {
    let word = word.trim();
    let is_latin = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let (starts_latin, ends_latin) = (is_latin(word.chars().next()), is_latin(word.chars().next_back()));
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let joined_before = starts_latin && is_latin(text[..at].chars().next_back());
            let joined_behind = ends_latin && is_latin(text[at + word.len()..].chars().next());
            !joined_before && !joined_behind
        })
}

fn once(text: &str) -> String {
    let spelt: String = text.chars().flat_map(|letter| spell(letter).chars().chain(kept(letter))).collect();
    let letters = spelt.nfkd().filter(|letter| !is_unseen(*letter)).nfc().flat_map(char::to_lowercase).map(fold);
    tidy(&letters.collect::<Vec<_>>())
}

/// Blanks as one space, and a full stop of any kind between two digits or Latin letters as a dot.
fn tidy(letters: &[char]) -> String {
    let mut text = String::with_capacity(letters.len());
    for (at, letter) in letters.iter().copied().enumerate() {
        match letter {
            '\n' => text.push('\n'),
            _ if letter.is_whitespace() => {
                if !text.ends_with([' ', '\n']) {
                    text.push(' ');
                }
            }
            '。' | '·' | '・' | '•' | '‧' | '∙' | '⋅' if between_latin(letters, at) => text.push('.'),
            _ => text.push(letter),
        }
    }
    text
}

fn between_latin(letters: &[char], at: usize) -> bool {
    let is_latin = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_alphanumeric);
    is_latin(at.checked_sub(1)) && is_latin(at.checked_add(1))
}

/// Enclosed digits that compatibility decomposition keeps, or gives brackets and dots that would part a number.
fn spell(letter: char) -> &'static str {
    const NUMBERS: [&str; 21] = [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19",
        "20",
    ];
    const IDEOGRAMS: [&str; 10] = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"];
    let code = letter as u32;
    let number = |first: u32| NUMBERS[(code - first + 1) as usize];
    match code {
        0x2474..=0x2487 => number(0x2474),
        0x2488..=0x249b => number(0x2488),
        0x24eb..=0x24f4 => NUMBERS[(code - 0x24eb + 11) as usize],
        0x24f5..=0x24fe => number(0x24f5),
        0x24ff | 0x1f10b | 0x1f10c | 0x1f100 => NUMBERS[0],
        0x1f101..=0x1f10a => NUMBERS[(code - 0x1f101) as usize],
        0x2776..=0x277f => number(0x2776),
        0x2780..=0x2789 => number(0x2780),
        0x278a..=0x2793 => number(0x278a),
        0x3220..=0x3229 => IDEOGRAMS[(code - 0x3220) as usize],
        0x1f51f => "10",
        0x1f4af => "100",
        _ => foreign_digit(code).map_or("", |digit| NUMBERS[digit as usize]),
    }
}

/// The letter itself, unless [`spell`] said something for it.
fn kept(letter: char) -> Option<char> {
    spell(letter).is_empty().then_some(letter)
}

/// Decimal digits of other scripts that a phone's keyboard may have.
fn foreign_digit(code: u32) -> Option<u32> {
    const ZEROS: [u32; 18] = [
        0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50, 0x0ed0,
        0x0f20, 0x1040, 0x17e0, 0x1810,
    ];
    ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).map(|zero| code - zero)
}

/// What shows nothing, or only changes the look of the letter before it.
fn is_unseen(letter: char) -> bool {
    matches!(letter as u32,
        0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x202a..=0x202e
        | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff9..=0xfffb | 0xe0000..=0xe0fff
        // combining strokes, dots and keycaps
        | 0x0300..=0x036f | 0x0483..=0x0489 | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f)
}

/// Look-alikes of Latin letters, and the traditional characters of the words that are looked for.
fn fold(letter: char) -> char {
    if letter.is_ascii() { letter } else { FOLDED.get(&letter).copied().unwrap_or(letter) }
}

static FOLDED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    const FROM: &str = "аеорсхуквмтніѵѕԛԝјνορχικτυ塊錢減優讓價運費郵個張臺發這說沒問題給賣買對號機話電碼掃維鏈兩點萬貳陸圓員園單數產聯係繫轉賬帳戶籤險來後從會過還請開關錄實際樣變應當報訊訂購議壹弍贰叁參肆伍陆柒捌玖拾佰仟貮";
    const TO: &str = "aeopcxykbmthivsqwjvopxiktu块钱减优让价运费邮个张台发这说没问题给卖买对号机话电码扫维链两点万二六圆员园单数产联系系转账账户签险来后从会过还请开关录实际样变应当报讯订购议一二二三三四五六七八九十百千二";
    FROM.chars().zip(TO.chars()).collect()
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_dress_of_a_digit_is_taken_off() {
        for dressed in [
            "８０",
            "⑧⓪",
            "⁸⁰",
            "₈₀",
            "𝟖𝟎",
            "𝟠𝟘",
            "8️⃣0️⃣",
            "8\u{200b}0",
            "8\u{fe0f}0",
            "➑⓿",
            "❽⓪",
            "٨٠",
            "८०",
            "8\u{336}0\u{336}",
            "8\u{2060}0",
            "⒏0",
        ] {
            assert_eq!(normal(dressed), "80", "{dressed}");
        }
        assert_eq!(normal("⑧⑤折 ⒗ 💯"), "85折 16 100");
        assert_eq!(normal("㈧十 ⼋⼗"), "八十 八十");
    }

    #[test]
    fn letters_that_look_alike_are_one() {
        assert_eq!(normal("ＶＸ ѴХ ⓥⓧ 𝓋𝓍"), "vx vx vx vx");
        assert_eq!(normal("八十塊錢，伍拾圓"), "八十块钱,五十圆");
        assert_eq!(normal("t。me  t·me"), "t.me t.me");
        assert_eq!(normal("好。8。5折"), "好。8.5折");
    }

    #[test]
    fn the_two_halves_of_the_table_fit() {
        for (traditional, simple) in [('塊', '块'), ('話', '话'), ('貮', '二'), ('當', '当'), ('υ', 'u'), ('兩', '两')]
        {
            assert_eq!(fold(traditional), simple);
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in any::<String>()) {
            let plain = normal(&text);
            prop_assert_eq!(normal(&plain), plain);
        }
    }
}
