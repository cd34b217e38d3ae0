//! The two layouts of a table of rules, told apart by their heads: the one of three columns that sellers know from before, and the one
//! with a column for every field. Columns may stand in any order, and what a table does not say is as in a new rule.

use super::{
    Fault, Line, Names, Tongue,
    cells::{
        in_tongue, join, plain, read_actions, read_content, read_hours, split, write_actions, write_content,
        write_hours,
    },
};
use crate::{
    ids::ItemId,
    reply::rule::{Matching, RuleBody, Trigger},
};

/// How a table is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `关键词 | 商品ID | 关键词内容`. What a rule says besides is not in it.
    Simple,
    /// All of a rule.
    Full,
}

/// The rules of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub layout: Layout,
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Keyword,
    Items,
    Content,
    Trigger,
    SilentMinutes,
    Matching,
    AnyOf,
    AllOf,
    Exclude,
    Accounts,
    Hours,
    Tags,
    WithoutTags,
    BoughtBefore,
    FirstContact,
    Actions,
    Delay,
    Once,
    PerDay,
    Priority,
    Enabled,
}

/// In the English head a column is called as the field is in the API.
const NAMES: [(Column, (&str, &str)); 21] = [
    (Column::Keyword, ("关键词", "keyword")),
    (Column::Items, ("商品ID", "item_ids")),
    (Column::Content, ("关键词内容", "reply")),
    (Column::Trigger, ("触发", "trigger")),
    (Column::SilentMinutes, ("静默分钟", "silent_minutes")),
    (Column::Matching, ("匹配", "match")),
    (Column::AnyOf, ("任一词", "any_of")),
    (Column::AllOf, ("全部词", "all_of")),
    (Column::Exclude, ("排除词", "exclude")),
    (Column::Accounts, ("限定账号", "only_accounts")),
    (Column::Hours, ("时段", "hours")),
    (Column::Tags, ("买家标签", "tags")),
    (Column::WithoutTags, ("排除标签", "without_tags")),
    (Column::BoughtBefore, ("买过", "bought_before")),
    (Column::FirstContact, ("首次咨询", "first_contact")),
    (Column::Actions, ("动作", "actions")),
    (Column::Delay, ("延迟秒", "delay_s")),
    (Column::Once, ("仅一次", "once")),
    (Column::PerDay, ("每日上限", "per_day")),
    (Column::Priority, ("优先级", "priority")),
    (Column::Enabled, ("启用", "enabled")),
];

const SIMPLE: [Column; 3] = [Column::Keyword, Column::Items, Column::Content];
const FULL: [Column; 20] = [
    Column::Trigger,
    Column::SilentMinutes,
    Column::Matching,
    Column::Keyword,
    Column::AnyOf,
    Column::AllOf,
    Column::Exclude,
    Column::Items,
    Column::Accounts,
    Column::Hours,
    Column::Tags,
    Column::WithoutTags,
    Column::BoughtBefore,
    Column::FirstContact,
    Column::Actions,
    Column::Delay,
    Column::Once,
    Column::PerDay,
    Column::Priority,
    Column::Enabled,
];

const MATCHINGS: [Matching; 4] = [Matching::Contains, Matching::Exact, Matching::Regex, Matching::Default];

fn trigger_names(trigger: Trigger) -> (&'static str, &'static str) {
    let zh = match trigger {
        Trigger::Message => "消息",
        Trigger::OrderPlaced => "下单",
        Trigger::OrderPaid => "付款",
        Trigger::OrderShipped => "发货",
        Trigger::OrderReceived => "收货",
        Trigger::OrderRefunding => "申请退款",
        Trigger::OrderRefunded => "退款",
        Trigger::OrderClosed => "关闭",
        Trigger::Silent => "静默",
    };
    (zh, trigger.as_str())
}

fn matching_names(matching: Matching) -> (&'static str, &'static str) {
    let zh = match matching {
        Matching::Contains => "包含",
        Matching::Exact => "完全",
        Matching::Regex => "正则",
        Matching::Default => "默认",
    };
    (zh, matching.as_str())
}

/// The one of `all` that is called so in either tongue.
fn named<T: Copy>(
    field: &str,
    all: &[T],
    names: fn(T) -> (&'static str, &'static str),
    cell: &str,
) -> Result<T, Fault> {
    let is = |(zh, en): (&str, &str)| cell == zh || cell.eq_ignore_ascii_case(en);
    all.iter().copied().find(|one| is(names(*one))).ok_or_else(|| {
        let listed =
            |tongue, comma: &str| all.iter().map(|one| in_tongue(tongue, names(*one))).collect::<Vec<_>>().join(comma);
        let zh = format!("须为 {} 之一", listed(Tongue::Chinese, "、"));
        Fault::new(field, zh, format!("must be one of {}", listed(Tongue::English, ", ")))
    })
}

impl Layout {
    fn columns(self) -> &'static [Column] {
        match self {
            Self::Simple => &SIMPLE,
            Self::Full => &FULL,
        }
    }

    /// Whether all of a rule stands in such a table.
    pub fn holds(self, rule: &RuleBody) -> bool {
        match self {
            Self::Full => true,
            Self::Simple => {
                let usual = RuleBody {
                    account: rule.account,
                    items: rule.items.clone(),
                    keyword: rule.keyword.clone(),
                    actions: rule.actions.clone(),
                    ..RuleBody::default()
                };
                *rule == usual && write_content(&rule.actions).is_some()
            }
        }
    }
}

impl Column {
    fn name(self) -> (&'static str, &'static str) {
        NAMES.iter().find(|(column, _)| *column == self).map_or(("", ""), |(_, names)| *names)
    }

    fn called(name: &str) -> Option<Self> {
        let is = |(zh, en): (&str, &str)| name.eq_ignore_ascii_case(zh) || name.eq_ignore_ascii_case(en);
        let alias = name.eq_ignore_ascii_case("item_id").then_some(Self::Items);
        NAMES.iter().find(|(_, names)| is(*names)).map(|(column, _)| *column).or(alias)
    }
}

/// The rows of a table with these rules, the head first. What does not fit the layout is left out: see [`Layout::holds`].
pub fn write<'a>(
    rules: impl IntoIterator<Item = &'a RuleBody>,
    layout: Layout,
    tongue: Tongue,
    names: &Names,
) -> Vec<Vec<String>> {
    let columns = layout.columns();
    let head = columns.iter().map(|column| in_tongue(tongue, column.name()).to_owned()).collect();
    let row = |rule: &RuleBody| columns.iter().map(|column| cell(*column, rule, tongue, names)).collect();
    let rows = rules.into_iter().filter(|rule| layout.holds(rule)).map(row);
    std::iter::once(head).chain(rows).collect()
}

fn cell(column: Column, rule: &RuleBody, tongue: Tongue, names: &Names) -> String {
    let list = |words: &[String]| join(words.iter().map(String::as_str));
    let choice = |value: bool| in_tongue(tongue, if value { ("是", "yes") } else { ("否", "no") }).to_owned();
    let number = |number: u32| if number == 0 { String::new() } else { number.to_string() };
    match column {
        Column::Keyword => plain(&rule.keyword),
        Column::Items => join(rule.items.iter().map(ItemId::as_str)),
        Column::Content => write_content(&rule.actions).unwrap_or_default(),
        Column::Trigger => in_tongue(tongue, trigger_names(rule.trigger)).to_owned(),
        Column::SilentMinutes => number(rule.silent_minutes),
        Column::Matching => in_tongue(tongue, matching_names(rule.matching)).to_owned(),
        Column::AnyOf => list(&rule.any_of),
        Column::AllOf => list(&rule.all_of),
        Column::Exclude => list(&rule.exclude),
        Column::Accounts => list(&rule.accounts.iter().map(|id| names.of_account(*id)).collect::<Vec<_>>()),
        Column::Hours => write_hours(&rule.conditions.hours, tongue),
        Column::Tags => list(&rule.conditions.tags),
        Column::WithoutTags => list(&rule.conditions.without_tags),
        Column::BoughtBefore => rule.conditions.bought_before.map(choice).unwrap_or_default(),
        Column::FirstContact => rule.conditions.first_contact.map(choice).unwrap_or_default(),
        Column::Actions => write_actions(&rule.actions, names, tongue),
        Column::Delay => number(rule.delay_s),
        Column::Once => choice(rule.once),
        Column::PerDay => rule.per_day.map(|most| most.to_string()).unwrap_or_default(),
        Column::Priority => rule.priority.to_string(),
        Column::Enabled => choice(rule.enabled),
    }
}

/// Reads a table, whichever of the layouts it has. Blank rows are no rules.
pub fn read(rows: &[Vec<String>], names: &Names) -> Result<Table, Fault> {
    let (head, rest) = rows.split_first().ok_or_else(no_head)?;
    let (layout, columns) = columns(head)?;
    let filled = (2..).zip(rest).filter(|(_, cells)| cells.iter().any(|cell| !cell.trim().is_empty()));
    let lines = filled.map(|(row, cells)| Line { row, rule: rule(&columns, cells, names) });
    Ok(Table { layout, lines: lines.collect() })
}

fn no_head() -> Fault {
    Fault::new(
        "file",
        "表头须含“关键词、商品ID、关键词内容”，或至少含“关键词、动作”",
        "the head needs the columns keyword, item_ids and reply, or at least keyword and actions",
    )
}

/// Where which column stands.
fn columns(head: &[String]) -> Result<(Layout, Vec<Option<Column>>), Fault> {
    let mut columns = Vec::with_capacity(head.len());
    for name in head.iter().map(|name| name.trim()) {
        let column = Column::called(name);
        if column.is_none() && !name.is_empty() {
            let (zh, en) = (format!("不认识的列“{name}”"), format!("there is no column {name:?}"));
            return Err(Fault::new("file", zh, en));
        }
        if column.is_some() && columns.contains(&column) {
            let (zh, en) = (format!("列“{name}”出现了两次"), format!("the column {name:?} is there twice"));
            return Err(Fault::new("file", zh, en));
        }
        columns.push(column);
    }
    let has = |column| columns.contains(&Some(column));
    let layout = match (has(Column::Content), has(Column::Actions)) {
        (true, false) => Layout::Simple,
        (false, true) => Layout::Full,
        (_, _) => return Err(no_head()),
    };
    let strange = columns.iter().flatten().find(|column| !layout.columns().contains(column));
    if let Some((zh, en)) = strange.map(|column| column.name()) {
        let (zh, en) =
            (format!("列“{zh}”不能与“关键词内容”同用，请用“动作”"), format!("{en} goes with actions, not with reply"));
        return Err(Fault::new("file", zh, en));
    }
    // A table without keywords would be one of default replies for everything, at once.
    if has(Column::Keyword) { Ok((layout, columns)) } else { Err(no_head()) }
}

fn rule(columns: &[Option<Column>], cells: &[String], names: &Names) -> Result<RuleBody, Vec<Fault>> {
    let mut rule = RuleBody::default();
    let mut says_matching = false;
    let mut faults = Vec::new();
    let named = columns.iter().zip(cells).filter_map(|(column, cell)| Some(((*column)?, plain(cell))));
    for (column, cell) in named {
        says_matching |= column == Column::Matching && !cell.trim().is_empty();
        if let Err(fault) = take(column, &cell, &mut rule, names) {
            faults.push(fault);
        }
    }
    if !says_matching && rule.trigger != Trigger::Message {
        rule.matching = Matching::Default;
    }
    if faults.is_empty() { Ok(rule.in_order()) } else { Err(faults) }
}

fn take(column: Column, cell: &str, rule: &mut RuleBody, names: &Names) -> Result<(), Fault> {
    let trimmed = cell.trim();
    let conditions = &mut rule.conditions;
    match column {
        Column::Keyword => cell.clone_into(&mut rule.keyword),
        Column::Items => rule.items = split(cell).into_iter().map(ItemId::from).collect(),
        Column::Content => rule.actions = read_content(cell),
        Column::Trigger if trimmed.is_empty() => {}
        Column::Trigger => rule.trigger = named("trigger", &Trigger::ALL, trigger_names, trimmed)?,
        Column::SilentMinutes => rule.silent_minutes = number("silent_minutes", trimmed)?.unwrap_or(0),
        Column::Matching if trimmed.is_empty() => {}
        Column::Matching => rule.matching = named("match", &MATCHINGS, matching_names, trimmed)?,
        Column::AnyOf => rule.any_of = split(cell),
        Column::AllOf => rule.all_of = split(cell),
        Column::Exclude => rule.exclude = split(cell),
        Column::Accounts => {
            let accounts = split(cell).into_iter().enumerate().map(|(place, name)| {
                names.account(&name).ok_or_else(|| {
                    let (zh, en) = (format!("没有名为“{name}”的账号"), format!("there is no account {name:?}"));
                    Fault::new(format!("only_accounts[{place}]"), zh, en)
                })
            });
            rule.accounts = accounts.collect::<Result<_, _>>()?;
        }
        Column::Hours => conditions.hours = read_hours(cell)?,
        Column::Tags => conditions.tags = split(cell),
        Column::WithoutTags => conditions.without_tags = split(cell),
        Column::BoughtBefore => conditions.bought_before = choice("conditions.bought_before", trimmed)?,
        Column::FirstContact => conditions.first_contact = choice("conditions.first_contact", trimmed)?,
        Column::Actions => rule.actions = read_actions(cell, names)?,
        Column::Delay => rule.delay_s = number("delay_s", trimmed)?.unwrap_or(0),
        Column::Once => rule.once = choice("once", trimmed)?.unwrap_or(false),
        Column::PerDay => rule.per_day = number("per_day", trimmed)?,
        Column::Priority => rule.priority = number("priority", trimmed)?.unwrap_or(0),
        Column::Enabled => rule.enabled = choice("enabled", trimmed)?.unwrap_or(true),
    }
    Ok(())
}

fn number<T: std::str::FromStr>(field: &str, cell: &str) -> Result<Option<T>, Fault> {
    if cell.is_empty() {
        return Ok(None);
    }
    cell.parse().map(Some).map_err(|_| Fault::new(field, "须为整数", "must be a whole number"))
}

fn choice(field: &str, cell: &str) -> Result<Option<bool>, Fault> {
    match &*cell.to_ascii_lowercase() {
        "" => Ok(None),
        "是" | "yes" | "true" | "1" => Ok(Some(true)),
        "否" | "no" | "false" | "0" => Ok(Some(false)),
        _ => Err(Fault::new(field, "须为 是 或 否", "must be yes or no")),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        ids::AccountId,
        platform::hours::Window,
        reply::{condition::Conditions, rule::Action},
    };

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    fn names() -> Names {
        Names::new((1..=3).map(|id| (AccountId(id), format!("店|铺{id}"))).collect(), Vec::new())
    }

    fn good(table: &Table) -> Vec<RuleBody> {
        table.lines.iter().map(|line| line.rule.clone().unwrap()).collect()
    }

    /// The table of the older program: every one of its rows means here what it meant there.
    #[test]
    fn the_table_of_three_columns_is_read_as_it_always_was() {
        let table = read(
            &rows(&[
                &["关键词", "商品ID", "关键词内容"],
                &["在吗", "", "在的\n请直接拍下"],
                &["在吗", "900000000001", "在的"],
                &["", "", ""],
                &["在吗", "900000000002", "图片：https://a.example/1.png"],
                &["骗子", "", ""],
                &["图", "", "图片: 稍后发您"],
            ]),
            &names(),
        )
        .unwrap();
        assert_eq!(table.layout, Layout::Simple);
        let said: Vec<(usize, String, usize, Vec<Action>)> = table
            .lines
            .iter()
            .map(|line| (line.row, line.rule.clone().unwrap()))
            .map(|(row, rule)| (row, rule.keyword, rule.items.len(), rule.actions))
            .collect();
        let text = |text: &str| vec![Action::Text(text.to_owned())];
        let expected = [
            (2, "在吗", 0, text("在的\n请直接拍下")),
            (3, "在吗", 1, text("在的")),
            (5, "在吗", 1, vec![Action::Image("https://a.example/1.png".to_owned())]),
            (6, "骗子", 0, vec![]),
            (7, "图", 0, text("图片: 稍后发您")),
        ];
        assert_eq!(said, expected.map(|(row, keyword, items, actions)| (row, keyword.to_owned(), items, actions)));
    }

    #[test]
    fn columns_stand_in_any_order_and_what_is_not_there_is_usual() {
        let table = read(
            &rows(&[&["动作", "keyword", "触发", "启用"], &["打标签: 已付款", "", "付款", "否"], &["在的", "在吗"]]),
            &names(),
        );
        let [paid, plain] = &good(&table.unwrap())[..] else { panic!("two rules") };
        assert_eq!((paid.trigger, paid.matching, paid.enabled), (Trigger::OrderPaid, Matching::Default, false));
        assert_eq!((plain.trigger, plain.matching, plain.enabled), (Trigger::Message, Matching::Contains, true));
    }

    #[test]
    fn a_head_that_is_not_understood_is_refused() {
        for head in [
            &["关键词"][..],
            &["关键词", "动作", "关键词内容"],
            &["关键词", "动作", "动做"],
            &["关键词", "动作", "关键词"],
            &["关键词", "关键词内容", "优先级"],
            &["动作"],
        ] {
            let fault = read(&rows(&[head]), &names()).unwrap_err();
            assert_eq!(fault.field, "file", "{head:?}");
        }
        assert!(read(&[], &names()).is_err());
    }

    #[test]
    fn every_wrong_cell_of_a_row_is_named() {
        let head = ["关键词", "动作", "匹配", "触发", "优先级", "仅一次", "限定账号", "时段", "每日上限"];
        let bad = ["a", "暂停: x", "模糊", "某时", "高", "也许", "别家", "早上", "-1"];
        let table = read(&rows(&[&head, &bad]), &names()).unwrap();
        let faults = table.lines[0].rule.clone().unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| &*fault.field).collect();
        assert_eq!(
            fields,
            [
                "actions[0].pause",
                "match",
                "trigger",
                "priority",
                "once",
                "only_accounts[0]",
                "conditions.hours",
                "per_day"
            ]
        );
    }

    #[test]
    fn what_the_simple_table_cannot_say_is_not_in_it() {
        let plain = RuleBody { keyword: "a".into(), actions: vec![Action::Text("b".into())], ..RuleBody::default() };
        assert!(Layout::Simple.holds(&plain));
        for other in [
            RuleBody { priority: 1, ..plain.clone() },
            RuleBody { enabled: false, ..plain.clone() },
            RuleBody { exclude: vec!["c".into()], ..plain.clone() },
            RuleBody { matching: Matching::Exact, ..plain.clone() },
            RuleBody { actions: vec![Action::Pause(5)], ..plain.clone() },
        ] {
            assert!(!Layout::Simple.holds(&other) && Layout::Full.holds(&other));
        }
    }

    prop_compose! {
        fn any_rule()(
            (keyword, matching) in ("[a-z=+'|\n ]{0,6}", prop::sample::select(MATCHINGS.to_vec())),
            (trigger, silent_minutes, delay_s) in (prop::sample::select(Trigger::ALL.to_vec()), 0_u32..9, 0_u32..9),
            lists in prop::collection::vec(prop::collection::vec(r"[a-z|\\=]{1,4}", 0..3), 5),
            (items, accounts) in (prop::collection::vec("[0-9]{1,5}", 0..4), prop::collection::vec(1_i64..6, 0..3)),
            hours in prop::collection::vec((0_u8..128, 0_u16..1440, 0_u16..1440), 0..3),
            (bought_before, first_contact) in any::<(Option<bool>, Option<bool>)>(),
            texts in prop::collection::vec("[^\r]{0,20}", 0..3),
            (once, enabled, per_day, priority) in (any::<bool>(), any::<bool>(), prop::option::of(1_u32..9), -9_i32..9),
        ) -> RuleBody {
            let [any_of, all_of, exclude, tags, without_tags] = lists.try_into().unwrap();
            let hours = hours.into_iter().map(|(days, from, to)| Window { days, from, to }).collect();
            let rule = RuleBody {
                account: None,
                accounts: accounts.into_iter().map(AccountId).collect(),
                items: items.into_iter().map(ItemId::from).collect(),
                trigger, silent_minutes, matching, keyword, any_of, all_of, exclude,
                conditions: Conditions { hours, tags, without_tags, bought_before, first_contact },
                actions: texts.into_iter().map(Action::Text).collect(),
                delay_s, once, per_day, priority, enabled,
            };
            rule.in_order()
        }
    }

    proptest! {
        #[test]
        fn a_rule_that_is_written_is_read_again(rules in prop::collection::vec(any_rule(), 1..5), english in any::<bool>()) {
            let tongue = if english { Tongue::English } else { Tongue::Chinese };
            let table = read(&write(&rules, Layout::Full, tongue, &names()), &names()).unwrap();
            prop_assert_eq!(good(&table), rules);
        }

        #[test]
        fn what_the_simple_table_holds_is_read_again(rule in any_rule()) {
            let rule = RuleBody { items: rule.items, keyword: rule.keyword, actions: rule.actions, ..RuleBody::default() };
            let table = read(&write([&rule], Layout::Simple, Tongue::Chinese, &names()), &names()).unwrap();
            let is_blank = rule.keyword.trim().is_empty() && rule.items.is_empty() && rule.actions.is_empty();
            if Layout::Simple.holds(&rule) && !is_blank {
                prop_assert_eq!(good(&table), [rule]);
            }
        }
    }
}
