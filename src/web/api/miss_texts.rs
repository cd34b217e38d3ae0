//! Expectations that did not come true, in words.

use super::{
    super::error::{
        Language::{Chinese, English},
        Said,
    },
    step_texts,
};
use crate::reply::case::Miss;

/// A stable code, and what it means here.
pub(crate) fn miss(miss: &Miss) -> (&'static str, Said) {
    match miss {
        Miss::Lacking(text) => {
            ("lacking", Said::new(format!("回复里没有“{text}”"), format!("the answer lacks \"{text}\"")))
        }
        Miss::Unwanted(text) => {
            ("unwanted", Said::new(format!("回复里出现了“{text}”"), format!("the answer has \"{text}\"")))
        }
        Miss::NotSilent => {
            ("not_silent", Said::new("应保持沉默，却有回复", "something is sent, and nothing should be"))
        }
        Miss::Silent => ("silent", Said::new("应有回复，却保持沉默", "nothing is sent, and something should be")),
        Miss::OtherSource { wanted, got } => {
            let wanted = step_texts::source(*wanted);
            let (zh, en) = got.map_or(("没有回复".to_owned(), "nothing answers".to_owned()), |got| {
                let got = step_texts::source(got);
                (format!("实际是{}", got.in_language(Chinese)), format!("it is: {}", got.in_language(English)))
            });
            let said = Said::new(
                format!("应由{}回复，{zh}", wanted.in_language(Chinese)),
                format!("the answer should come from: {}; {en}", wanted.in_language(English)),
            );
            ("other_source", said)
        }
        Miss::OtherRule { wanted, got } => {
            let (zh, en) = got.map_or(("没有规则匹配".to_owned(), "none matches".to_owned()), |got| {
                (format!("实际是规则 {got}"), format!("rule {got} does"))
            });
            (
                "other_rule",
                Said::new(format!("应匹配规则 {wanted}，{zh}"), format!("rule {wanted} should match, and {en}")),
            )
        }
        Miss::NotTagged(tag) => (
            "not_tagged",
            Said::new(format!("买家没有标签“{tag}”"), format!("the buyer does not have the tag \"{tag}\"")),
        ),
        Miss::NotHandedOver => {
            ("not_handed_over", Said::new("应转人工，却没有", "it is not left to a person, and should be"))
        }
        Miss::HandedOver => {
            ("handed_over", Said::new("不应转人工，却转了", "it is left to a person, and should not be"))
        }
    }
}
