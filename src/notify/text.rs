//! The words of notices, in Chinese and English. A text is put together here from fixed sentences and the subject's values: values are
//! put into place and never read for anything. S30: no template is evaluated.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    event::{Event, Language, Severity},
    notice::{Phase, Told, Words, tame},
};

/// So many things of a digest are named.
const NAMED: usize = 20;

/// What a channel tells: plain text, which the channel escapes for its dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub title: String,
    pub lines: Vec<String>,
    pub link: Option<String>,
    pub severity: Severity,
    /// The same for programs.
    pub facts: Value,
}

impl Message {
    /// All but the title, a thing a line.
    pub fn body(&self) -> String {
        let link = self.link.iter().map(String::as_str);
        self.lines.iter().map(String::as_str).chain(link).collect::<Vec<_>>().join("\n")
    }
}

/// One thing.
pub fn write(told: &Told, language: Language) -> Message {
    Message {
        title: title(told, language),
        lines: lines(told, language),
        link: told.link.clone(),
        severity: told.severity,
        facts: facts(told),
    }
}

/// Many things at once, the most of them by their titles alone. `link` leads to the list.
pub fn digest(all: &[Told], language: Language, link: Option<String>) -> Message {
    let title = match language {
        Language::Zh => format!("{} 条通知", all.len()),
        Language::En => format!("{} notices", all.len()),
    };
    let mut lines: Vec<String> =
        all.iter().take(NAMED).map(|told| format!("• {}", self::title(told, language))).collect();
    if let Some(more) = all.len().checked_sub(NAMED).filter(|more| *more > 0) {
        lines.push(match language {
            Language::Zh => format!("另有 {more} 条"),
            Language::En => format!("and {more} more"),
        });
    }
    let severity = all.iter().map(|told| told.severity).max().unwrap_or(Severity::Info);
    let facts = json!({"event": "digest", "notices": all.iter().map(facts).collect::<Vec<_>>()});
    Message { title, lines, link, severity, facts }
}

/// What the test button sends.
pub fn trial(language: Language) -> Message {
    let (title, line) = match language {
        Language::Zh => ("测试通知", "收到这条消息，说明通知渠道设置正确。"),
        Language::En => ("A test notice", "This message arrived: the channel is set up."),
    };
    Message {
        title: title.to_owned(),
        lines: vec![line.to_owned()],
        link: None,
        severity: Severity::Info,
        facts: json!({"event": "test"}),
    }
}

/// One line that says what happened, and to which account.
pub fn title(told: &Told, language: Language) -> String {
    let Told { event, phase, subject, count, .. } = told;
    let words = headline(*event, *phase);
    let (mut text, colon) = match language {
        Language::Zh => (words.0.to_owned(), "："),
        Language::En => (words.1.to_owned(), ": "),
    };
    let about = match event {
        Event::System | Event::StockLow | Event::Rule => subject.what.as_deref().or(subject.account.as_deref()),
        _ => subject.account.as_deref().or(subject.what.as_deref()),
    };
    if let Some(about) = about {
        text = format!("{text}{colon}{}", tame(about));
    }
    match (phase, language) {
        (Phase::Again, Language::Zh) => format!("{text}（共 {count} 次）"),
        (Phase::Again, Language::En) => format!("{text} ({count} times)"),
        (Phase::Begin | Phase::End, _) => text,
    }
}

/// In Chinese and in English. P12: what went well sounds well, and what is over sounds over.
fn headline(event: Event, phase: Phase) -> (&'static str, &'static str) {
    let is_over = phase == Phase::End;
    match event {
        Event::NewMessage => ("收到新消息", "New message"),
        Event::Unanswered if is_over => ("买家已得到回复", "A buyer has been answered"),
        Event::Unanswered => ("买家久未得到回复", "A buyer is waiting for an answer"),
        Event::PersonNeeded if is_over => ("会话已处理", "A conversation was taken care of"),
        Event::PersonNeeded => ("有会话需要您处理", "A conversation needs you"),
        Event::AccountNeedsPerson if is_over => ("账号已恢复正常", "Account is in order again"),
        Event::AccountNeedsPerson => ("账号需要您处理", "Account needs you"),
        Event::AccountDown if is_over => ("账号已重新上线", "Account is online again"),
        Event::AccountDown => ("账号已掉线", "Account is offline"),
        Event::DeliveryDone => ("发货成功", "Delivered"),
        Event::DeliveryFailed => ("发货失败", "Delivery failed"),
        Event::DeliveryUncertain => ("发货结果待确认", "Delivery is in doubt"),
        Event::StockLow if is_over => ("库存已补足", "Stock is sufficient again"),
        Event::StockLow => ("库存不足", "Stock is low"),
        Event::AiCap if is_over => ("AI 用量已恢复", "The AI answers again"),
        Event::AiCap => ("AI 用量已达上限", "The AI has reached its cap"),
        Event::BackupFailed if is_over => ("备份已恢复正常", "Backups work again"),
        Event::BackupFailed => ("备份失败", "Backup failed"),
        Event::System if is_over => ("系统已恢复正常", "The system is well again"),
        Event::System => ("系统异常", "Something is wrong with the system"),
        Event::Rule => ("规则提醒", "A rule asks for your attention"),
        Event::Handover => ("会话已转交", "A conversation was handed over"),
        Event::ItemOffSale => ("库存用完，商品已下架", "Out of stock, and taken off the sale"),
        Event::LoginEnding if is_over => ("账号登录已更新", "The account's login was renewed"),
        Event::LoginEnding => ("账号登录即将过期", "The account's login will end soon"),
    }
}

fn lines(told: &Told, language: Language) -> Vec<String> {
    let subject = &told.subject;
    let is_over = told.phase == Phase::End;
    let mut lines = Vec::new();
    let mut add = |zh: &str, en: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(match language {
                Language::Zh => format!("{zh}：{value}"),
                Language::En => format!("{en}: {value}"),
            });
        }
    };
    let tamed = |text: &Option<String>| text.as_deref().map(tame).filter(|text| !text.is_empty());
    let spoken = |words: &Option<Words>| {
        words.as_ref().map(|words| match language {
            Language::Zh => words.zh.clone(),
            Language::En => words.en.clone(),
        })
    };
    add("账号", "Account", tamed(&subject.account));
    add("买家", "Buyer", tamed(&subject.buyer));
    add("商品", "Item", tamed(&subject.item));
    add("订单", "Order", tamed(&subject.order));
    add("内容", "Message", tamed(&subject.said));
    match told.event {
        Event::DeliveryDone => add("份数", "Units", subject.number.map(|units| units.to_string())),
        Event::StockLow => add("剩余", "Left", subject.number.map(|left| left.to_string())),
        Event::Unanswered => {
            add("已等待", "Waiting for", subject.number.map(|minutes| minutes_text(minutes, language)))
        }
        Event::Handover => add("转交给", "Handed to", tamed(&subject.what)),
        Event::ItemOffSale => add("卡券", "Card", tamed(&subject.what)),
        Event::LoginEnding => add("剩余天数", "Days left", subject.number.map(|days| days.to_string())),
        _ => {}
    }
    if !is_over {
        add("原因", "Reason", spoken(&subject.why));
        add("处理", "What to do", spoken(&subject.advice));
    }
    if told.count > 1 {
        add("次数", "Times", Some(told.count.to_string()));
    }
    if let Some(ended) = told.ended_at.filter(|_| is_over) {
        add("持续", "Lasted", Some(span(ended.since(told.first_at), language)));
    }
    lines
}

fn minutes_text(minutes: i64, language: Language) -> String {
    span(Duration::from_secs(60 * u64::try_from(minutes).unwrap_or(0)), language)
}

/// In the two largest units.
fn span(span: Duration, language: Language) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let parts = match (days, hours, minutes) {
        (0, 0, 0) => vec![(seconds, " 秒", " s")],
        (0, 0, minutes) => vec![(minutes, " 分钟", " min")],
        (0, hours, minutes) => vec![(hours, " 小时", " h"), (minutes, " 分钟", " min")],
        (days, hours, _) => vec![(days, " 天", " d"), (hours, " 小时", " h")],
    };
    let word = |(number, zh, en): &(u64, &str, &str)| match language {
        Language::Zh => format!("{number}{zh}"),
        Language::En => format!("{number}{en}"),
    };
    let first = parts.first().map(word);
    let rest = parts.iter().skip(1).filter(|(number, ..)| *number > 0).map(word);
    first.into_iter().chain(rest).collect::<Vec<_>>().join(" ")
}

/// For programs. What a buyer wrote is here as it is stored.
fn facts(told: &Told) -> Value {
    json!({
        "event": told.event.as_str(),
        "severity": told.severity.as_str(),
        "phase": told.phase.as_str(),
        "subject": told.subject,
        "count": told.count,
        "first_at": told.first_at,
        "last_at": told.last_at,
        "ended_at": told.ended_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::Timestamp, notify::notice::Subject};

    fn told(event: Event, phase: Phase, subject: Subject) -> Told {
        let severity = event.severity();
        let ended_at = (phase == Phase::End).then_some(Timestamp(3_723_000));
        Told {
            event,
            severity,
            phase,
            subject,
            count: 1,
            first_at: Timestamp(0),
            last_at: Timestamp(0),
            ended_at,
            link: None,
        }
    }

    fn whole(told: &Told, language: Language) -> String {
        let message = write(told, language);
        format!("{}\n{}", message.title, message.body())
    }

    /// P12: the predecessor told of a delivery that went well in the words of a failure.
    #[test]
    fn p12_what_went_well_or_is_over_has_its_own_words() {
        for (event, phase) in [
            (Event::DeliveryDone, Phase::Begin),
            (Event::DeliveryDone, Phase::Again),
            (Event::AccountDown, Phase::End),
            (Event::AccountNeedsPerson, Phase::End),
            (Event::BackupFailed, Phase::End),
            (Event::StockLow, Phase::End),
            (Event::System, Phase::End),
        ] {
            let subject = Subject {
                account: Some("店".into()),
                why: Some(Words::new("网络中断", "The line broke")),
                advice: Some(Words::new("请处理", "Please act")),
                ..Subject::default()
            };
            let subject =
                if event == Event::DeliveryDone { Subject { why: None, advice: None, ..subject } } else { subject };
            let (zh, en) = (
                whole(&told(event, phase, subject.clone()), Language::Zh),
                whole(&told(event, phase, subject), Language::En),
            );
            for bad in ["失败", "异常", "掉线", "不足", "请处理", "原因", "中断"] {
                assert!(!zh.contains(bad), "{event:?}: {zh}");
            }
            for bad in ["failed", "wrong", "offline", "low", "needs", "act", "broke"] {
                assert!(!en.contains(bad), "{event:?}: {en}");
            }
        }
        assert!(whole(&told(Event::DeliveryFailed, Phase::Begin, Subject::default()), Language::Zh).contains("失败"));
    }

    #[test]
    fn every_event_has_words_in_both_languages_for_each_of_its_phases() {
        for event in Event::ALL {
            for phase in Phase::ALL {
                let (zh, en) = headline(*event, *phase);
                assert!(!zh.is_ascii() && en.is_ascii() && !en.is_empty(), "{event:?}");
                let ends = headline(*event, Phase::End) != headline(*event, Phase::Begin);
                assert!(ends || !event.tells_its_end(), "{event:?}");
            }
        }
    }

    #[test]
    fn a_trouble_is_told_with_its_reason_and_its_end_with_how_long_it_was() {
        let subject = Subject {
            account: Some("店".into()),
            why: Some(Words::new("网络中断。", "The line broke.")),
            ..Subject::default()
        };
        let begin = whole(&told(Event::AccountDown, Phase::Begin, subject.clone()), Language::Zh);
        assert_eq!(begin, "账号已掉线：店\n账号：店\n原因：网络中断。");
        let end = whole(&told(Event::AccountDown, Phase::End, subject), Language::En);
        assert_eq!(end, "Account is online again: 店\nAccount: 店\nLasted: 1 h 2 min");
    }

    /// S30: there, a buyer's braces reached an engine that evaluated them.
    #[test]
    fn s30_what_a_buyer_wrote_is_put_into_place_and_never_evaluated() {
        let subject = Subject {
            buyer: Some("{account.__class__}".into()),
            said: Some("{send_message} {0} %s ${x}\n账号：假".into()),
            ..Subject::default()
        };
        let text = whole(&told(Event::NewMessage, Phase::Begin, subject), Language::Zh);
        assert_eq!(text, "收到新消息\n买家：{account.__class__}\n内容：{send_message} {0} %s ${x} 账号：假");
    }

    #[test]
    fn a_digest_names_twenty_and_counts_the_rest() {
        let all = vec![told(Event::AccountDown, Phase::Begin, Subject::default()); 23];
        let message = digest(&all, Language::Zh, None);
        assert_eq!((message.title.as_str(), message.lines.len()), ("23 条通知", 21));
        assert_eq!(message.lines[20], "另有 3 条");
        assert_eq!(message.facts["notices"].as_array().map(Vec::len), Some(23));
    }
}
