//! What is wrong with a rule, in Chinese. The matcher says it in English, partly in the words of the library that reads regular
//! expressions.

use super::super::error::Said;

/// The matcher's sentence in both languages.
pub(super) fn said(fault: String) -> Said {
    Said::new(chinese(&fault), fault)
}

/// The field of a rule that is at fault.
pub(super) fn field(fault: &str) -> &'static str {
    ["silent_minutes", "only_accounts", "delay_s"]
        .into_iter()
        .find(|field| fault.starts_with(field))
        .unwrap_or("keyword")
}

fn chinese(fault: &str) -> String {
    if let Some(reason) = fault.strip_prefix("the regular expression cannot be read: ") {
        return match syntax(reason) {
            Some(zh) => format!("正则表达式有误：{zh}"),
            None => "正则表达式有语法错误".to_owned(),
        };
    }
    let subject = |rest: &str| if rest.starts_with("a word in ") { "词语" } else { "关键词" };
    match fault {
        _ if fault.starts_with("silent_minutes is missing") => "请填写静默多少分钟".to_owned(),
        _ if fault.starts_with("silent_minutes") => "静默分钟数只用于“会话静默”触发".to_owned(),
        _ if fault.starts_with("only_accounts") => "只有共用规则才能限定账号".to_owned(),
        _ if fault.starts_with("delay_s") => "消息须立即回复，延迟只用于事件".to_owned(),
        _ if fault.starts_with("the regular expression is too large") => {
            "正则表达式过于复杂，请减少重复次数".to_owned()
        }
        _ if fault.starts_with("the regular expression has ") => format!("正则表达式过长{}", limit(fault)),
        _ if fault.starts_with("there are more than ") => "正则表达式规则过多".to_owned(),
        _ if fault.ends_with(" are allowed") => format!("{}过长{}", subject(fault), limit(fault)),
        _ if fault.contains(" is empty") => format!("{}不能为空", subject(fault)),
        _ => "该规则无法使用".to_owned(),
    }
}

/// `…, 1000 are allowed`.
fn limit(fault: &str) -> String {
    let most = fault.strip_suffix(" are allowed").and_then(|rest| rest.rsplit_once(", "));
    most.map_or_else(String::new, |(_, most)| format!("，最多 {most} 个字符"))
}

/// Sentences of the library, by how they begin: some of them end with a number or an explanation.
const SYNTAX: &[(&str, &str)] = &[
    ("unclosed group", "括号未闭合"),
    ("unopened group", "多余的右括号"),
    ("unclosed character class", "方括号未闭合"),
    ("invalid escape sequence found in character class", "方括号内有无效的转义"),
    ("invalid character class range", "字符范围的起点大于终点"),
    ("invalid range boundary", "字符范围的两端须为单个字符"),
    ("hexadecimal literal empty", "缺少十六进制数"),
    ("hexadecimal literal is not a Unicode scalar value", "十六进制数不是有效的 Unicode 字符"),
    ("invalid hexadecimal digit", "无效的十六进制数"),
    ("incomplete escape sequence", "末尾的转义不完整"),
    ("unrecognized escape sequence", "无法识别的转义"),
    ("dangling flag negation operator", "标志中的减号后缺少内容"),
    ("duplicate flag", "标志重复"),
    ("flag negation operator repeated", "标志中的减号重复"),
    ("expected flag but got end of regex", "标志不完整"),
    ("unrecognized flag", "无法识别的标志"),
    ("duplicate capture group name", "分组名重复"),
    ("empty capture group name", "分组名为空"),
    ("invalid capture group character", "分组名含有无效字符"),
    ("unclosed capture group name", "分组名未结束"),
    ("exceed the maximum number of nested", "括号嵌套过深"),
    ("invalid repetition count range", "重复次数的下限大于上限"),
    ("repetition quantifier expects a valid decimal", "重复次数须为数字"),
    ("unclosed counted repetition", "重复次数的花括号未闭合"),
    ("repetition operator missing expression", "重复符号前缺少内容"),
    ("special word boundary assertion is either", "单词边界写法有误"),
    ("unrecognized special word boundary assertion", "无法识别的单词边界"),
    ("found either the beginning of a special word", "单词边界或重复次数不完整"),
    ("backreferences are not supported", "不支持反向引用"),
    ("look-around", "不支持环视（先行、后行断言）"),
    ("Unicode property not found", "没有这个 Unicode 属性"),
    ("Unicode property value not found", "没有这个 Unicode 属性值"),
    ("pattern can match invalid UTF-8", "可能匹配到无效的 UTF-8"),
];

fn syntax(reason: &str) -> Option<&'static str> {
    SYNTAX.iter().find(|(start, _)| reason.starts_with(start)).map(|(_, zh)| *zh)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use super::*;
    use crate::{
        ids::{RuleId, Timestamp},
        reply::{
            matcher::Library,
            rule::{Matching, Rule, RuleBody},
        },
    };

    fn fault(matching: Matching, keyword: &str, word: Option<&str>) -> String {
        let any_of = word.into_iter().map(str::to_owned).collect();
        let body = RuleBody { matching, keyword: keyword.to_owned(), any_of, ..RuleBody::default() };
        let rule = Rule { id: RuleId(1), body, created_at: Timestamp(0) };
        Library::compile(&[Arc::new(rule)]).faults().into_iter().next().unwrap().text
    }

    /// One bad pattern for each sentence of the library that a pattern can draw from it: none is answered in its English words.
    #[test]
    fn each_fault_of_a_regular_expression_is_told_in_chinese() {
        let bad = [
            "(a",
            "a)",
            "[a",
            r"[\A]",
            "[z-a]",
            r"[\d-a]",
            r"\x{}",
            r"\x{110000}",
            r"\xzz",
            "a\\",
            r"\y",
            "(?i-)",
            "(?ii)",
            "(?i--s)",
            "(?i",
            "(?q)",
            "(?P<a>x)(?P<a>y)",
            "(?P<>x)",
            "(?P<a!>x)",
            "(?P<a",
            "a{2,1}",
            "a{x}",
            "a{2",
            "*a",
            r"\b{start",
            r"\b{nowhere}",
            r"\b{",
            r"\p{",
            r"(a)\1",
            "(?=a)",
            r"\p{Nothing}",
            r"\p{Script=Nothing}",
            r"(?-u)\xff",
        ];
        let deep = format!("{}a{}", "(".repeat(200), ")".repeat(200));
        let mut told = HashSet::new();
        for pattern in bad.into_iter().chain([&*deep]) {
            let fault = fault(Matching::Regex, pattern, None);
            let reason = fault.strip_prefix("the regular expression cannot be read: ").unwrap();
            told.insert(syntax(reason).unwrap_or_else(|| panic!("{pattern}: {reason}")));
            assert!(!chinese(&fault).contains("语法错误"));
        }
        let untold: Vec<_> = SYNTAX.iter().filter(|(_, zh)| !told.contains(zh)).collect();
        assert!(untold.is_empty(), "no pattern draws these: {untold:?}");
    }

    #[test]
    fn each_fault_of_a_rule_is_told_in_chinese() {
        let long = "价".repeat(5_000);
        for (matching, keyword, word, zh) in [
            (Matching::Regex, r"(\w{100}){100}{100}", None, "正则表达式过于复杂，请减少重复次数"),
            (Matching::Regex, &*long, None, "正则表达式过长，最多 1000 个字符"),
            (Matching::Contains, " ", None, "关键词不能为空"),
            (Matching::Contains, "a", Some(" "), "词语不能为空"),
        ] {
            assert_eq!(chinese(&fault(matching, keyword, word)), zh);
        }
        assert!(chinese(&fault(Matching::Exact, &long, None)).starts_with("关键词过长，最多 "));
        assert!(chinese(&fault(Matching::Contains, "a", Some(&long))).starts_with("词语过长，最多 "));
    }
}
