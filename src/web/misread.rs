//! What a body or a query is refused for that cannot be read, in both languages. serde speaks English only, names our types, and repeats
//! what was sent, which may be a secret: here only the kind of the trouble is taken from its sentence.

use super::error::Said;

/// Where something was read: what a person calls its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Body,
    Query,
}

impl Place {
    fn part(self) -> (&'static str, &'static str) {
        match self {
            Self::Body => ("字段", "field"),
            Self::Query => ("参数", "parameter"),
        }
    }
}

/// serde's sentence for people. What our own types said is handed on as they said it.
pub(super) fn said(sentence: &str, place: Place) -> Said {
    let ((zh, en), rest) = (place.part(), |start| sentence.strip_prefix(start));
    // First those that repeat a name as it was sent: whoever sends it must not speak in our place.
    if let Some(rest) = rest("unknown field `") {
        return unknown((zh, en), rest);
    }
    if let Some(rest) = rest("unknown variant `") {
        return one_of(rest);
    }
    if let Some(rest) = rest("invalid type: ").or_else(|| rest("invalid value: ")).or_else(|| rest("invalid length ")) {
        return expected(rest);
    }
    if rest("missing field `").is_some() {
        return Said::new(format!("缺少必填{zh}"), format!("missing {en}"));
    }
    if rest("duplicate field `").is_some() {
        return Said::new(format!("{zh}重复"), format!("duplicate {en}"));
    }
    Said::read(sentence).unwrap_or_else(|| of_text(sentence))
}

/// `x`, expected one of `a`, `b`: what is known here, without the quotes.
fn known(rest: &str) -> Option<String> {
    let (_, names) = rest.rsplit_once("`, expected ")?;
    let names: Vec<_> = names.split('`').skip(1).step_by(2).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn unknown((zh, en): (&str, &str), rest: &str) -> Said {
    match known(rest) {
        Some(names) => {
            let listed = names.replace(", ", "、");
            Said::new(format!("未知{zh}，可用{zh}：{listed}"), format!("unknown {en}; known here: {names}"))
        }
        None => Said::new(format!("未知{zh}"), format!("unknown {en}")),
    }
}

fn one_of(rest: &str) -> Said {
    match known(rest) {
        Some(names) => {
            Said::new(format!("须为以下值之一：{}", names.replace(", ", "、")), format!("must be one of: {names}"))
        }
        None => Said::new("不支持该值", "this value is not supported"),
    }
}

fn expected(rest: &str) -> Said {
    let wanted = rest.rsplit_once("expected ").map_or("", |(_, wanted)| wanted);
    let (zh, en) = match wanted {
        "a string" | "a borrowed string" | "a character" => ("字符串", "a string"),
        "a boolean" => ("布尔值（true 或 false）", "true or false"),
        "i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" => ("整数", "a whole number"),
        "f32" | "f64" => ("数字", "a number"),
        "a sequence" => ("数组", "a list"),
        "a map" => ("对象", "an object"),
        "string or map" => ("字符串或对象", "a string or an object"),
        _ if wanted.starts_with("struct ") => ("对象", "an object"),
        _ if wanted.starts_with("variant ") => ("可选值的名称", "the name of a choice"),
        _ => return Said::new("类型或取值不正确", "invalid type or value"),
    };
    let range = if rest.starts_with("integer") && zh == "整数" {
        ("类型或取值不正确", "invalid type or value")
    } else {
        ("类型不正确", "invalid type")
    };
    Said::new(format!("{}：须为{zh}", range.0), format!("{}: must be {en}", range.1))
}

/// Numbers and switches in a query are texts at first.
fn of_text(sentence: &str) -> Said {
    match sentence {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            Said::new("须为整数", "must be a whole number")
        }
        "number too large to fit in target type" | "number too small to fit in target type" => {
            Said::new("数值超出范围", "the number is out of range")
        }
        "provided string was not `true` or `false`" => Said::new("须为 true 或 false", "must be true or false"),
        "expected value" | "expected `:`" => {
            Said::new("类型不正确：须为可选值的名称", "invalid type: must be the name of a choice")
        }
        "number out of range" => Said::new("数值超出范围", "the number is out of range"),
        "invalid float literal" | "cannot parse float from empty string" => Said::new("须为数字", "must be a number"),
        _ => Said::new("内容不正确", "invalid value"),
    }
}

/// What is no JSON at all, and where that shows.
pub(super) fn malformed(error: &serde_json::Error) -> Said {
    let (line, column) = (error.line(), error.column());
    let zh = if error.is_eof() { "JSON 不完整" } else { "不是有效的 JSON" };
    Said::new(format!("{zh}（第 {line} 行第 {column} 列）"), error.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[serde(rename = "name")]
        _name: String,
        #[serde(rename = "count")]
        _count: Option<u8>,
        #[serde(rename = "on")]
        _on: Option<bool>,
        #[serde(rename = "share")]
        _share: Option<f64>,
        #[serde(rename = "list")]
        _list: Option<Vec<Form>>,
        #[serde(rename = "choice")]
        _choice: Option<Choice>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase", deny_unknown_fields)]
    enum Choice {
        Exact,
        Contains,
        Image { _url: String },
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    fn of_body<T: for<'de> Deserialize<'de> + std::fmt::Debug>(body: &str) -> Said {
        let text = serde_json::from_str::<T>(body).unwrap_err().to_string();
        said(text.rsplit_once(" at line ").map_or(&*text, |(text, _)| text), Place::Body)
    }

    fn of_query(query: &str) -> Said {
        said(&serde_urlencoded::from_str::<Form>(query).unwrap_err().to_string(), Place::Query)
    }

    #[test]
    fn everything_that_serde_says_of_a_body_is_said_in_both_languages() {
        for (body, zh, en) in [
            (
                r#"{"x":1}"#,
                "未知字段，可用字段：name、count、on、share、list、choice",
                "unknown field; known here: name, count, on, share, list, choice",
            ),
            ("{}", "缺少必填字段", "missing field"),
            (r#"{"name":"a","name":"b"}"#, "字段重复", "duplicate field"),
            (r#"{"name":5}"#, "类型不正确：须为字符串", "invalid type: must be a string"),
            (r#"{"name":null}"#, "类型不正确：须为字符串", "invalid type: must be a string"),
            (r#"{"count":"x"}"#, "类型不正确：须为整数", "invalid type: must be a whole number"),
            (r#"{"count":1.5}"#, "类型不正确：须为整数", "invalid type: must be a whole number"),
            (r#"{"count":256}"#, "类型或取值不正确：须为整数", "invalid type or value: must be a whole number"),
            (r#"{"on":"yes"}"#, "类型不正确：须为布尔值（true 或 false）", "invalid type: must be true or false"),
            (r#"{"share":[]}"#, "类型不正确：须为数字", "invalid type: must be a number"),
            (r#"{"list":{}}"#, "类型不正确：须为数组", "invalid type: must be a list"),
            (r#"{"list":["a"]}"#, "类型不正确：须为对象", "invalid type: must be an object"),
            (
                r#"{"choice":"none"}"#,
                "须为以下值之一：exact、contains、image",
                "must be one of: exact, contains, image",
            ),
        ] {
            assert_eq!(of_body::<Form>(body), Said::new(zh, en), "{body}");
        }
        assert_eq!(of_body::<Nothing>(r#"{"x":1}"#), Said::new("未知字段", "unknown field"));
    }

    #[test]
    fn everything_that_serde_says_of_a_query_is_said_in_both_languages() {
        for (query, zh, en) in [
            (
                "name=a&page=1",
                "未知参数，可用参数：name、count、on、share、list、choice",
                "unknown parameter; known here: name, count, on, share, list, choice",
            ),
            ("", "缺少必填参数", "missing parameter"),
            ("name=a&name=b", "参数重复", "duplicate parameter"),
            ("count=x", "须为整数", "must be a whole number"),
            ("count=", "须为整数", "must be a whole number"),
            ("count=256", "数值超出范围", "the number is out of range"),
            ("on=yes", "须为 true 或 false", "must be true or false"),
            ("share=x", "须为数字", "must be a number"),
            ("choice=none", "须为以下值之一：exact、contains、image", "must be one of: exact, contains, image"),
        ] {
            assert_eq!(of_query(query), Said::new(zh, en), "{query}");
        }
    }

    #[test]
    fn nothing_is_said_in_english_to_who_reads_chinese() {
        for body in ["5", "[]", "\"x\"", "null", r#"{"choice":5}"#, r#"{"choice":{}}"#, r#"{"choice":{"image":5}}"#] {
            let said = of_body::<Form>(body);
            assert!(!said.zh.is_ascii() && said.en.is_ascii(), "{body}: {said:?}");
        }
        for body in ["{", "", "{5:1}", "{\"name\":\"a\u{1}\"}", "{\"count\":1e999}", "{} x", "\u{feff}{}", "[1,]"] {
            let error = serde_json::from_str::<Form>(body).unwrap_err();
            assert!(!malformed(&error).zh.is_ascii(), "{body:?}");
        }
        assert_eq!(malformed(&serde_json::from_str::<Form>("{").unwrap_err()).zh, "JSON 不完整（第 1 行第 1 列）");
    }

    #[test]
    fn what_was_sent_is_neither_repeated_nor_taken_for_our_own_words() {
        for body in
            [r#"{"on":"hunter2, expected a string"}"#, r#"{"hunter2\u001fx":1}"#, r#"{"choice":"hunter2\u001fx"}"#]
        {
            let said = of_body::<Form>(body);
            assert!(!said.zh.contains("hunter2") && !said.en.contains("hunter2"), "{body}: {said:?}");
        }
        assert_eq!(of_body::<Form>(r#"{"on":"hunter2, expected a string"}"#).en, "invalid type: must be true or false");
        assert_eq!(said("太长\u{1f}too long", Place::Body), Said::new("太长", "too long"));
    }
}
