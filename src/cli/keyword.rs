//! `keyword`: rules that answer, and default replies.

use std::{
    collections::{HashMap, HashSet},
    io::Write,
    path::PathBuf,
    sync::Arc,
};

use anyhow::bail;
use serde_json::{Value, json};

use super::{
    account::Owner,
    import::{self, Line, OnBad, Report},
    now, one_line, open_store, print_table,
    rule_file::{self, Table},
    rule_line::{Draft, RuleLine},
    scope, write_down,
};
use crate::{
    ids::{AccountId, PictureId, RuleId, Timestamp},
    reply::{
        condition::Conditions,
        matcher::Library,
        rule::{Action, Matching, Rule, RuleBody, Trigger},
    },
    settings::Settings,
    store::{
        DbConn, QueryResult, Saved, Scope, Store, accounts,
        audit::{Actor, Deed},
        pictures,
        rules::{self, Loaded},
    },
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a rule, or change the one with the same account, item, match and keyword
    #[command(after_help = "Examples:
  yutang keyword add 在吗 --reply 在的，请直接拍下
  yutang keyword add '多少钱|什么价' --match regex --reply 标价就是最低价 --account shop-1
  yutang keyword add --match default --reply 稍等，马上回复您 --once
  yutang keyword add 骗子 --silent")]
    Add(Add),
    /// Add or update rules from a file of JSON lines, or from a table (.xlsx, .csv, .json)
    ///
    /// A table is what `keyword export`, the panel and the older program write. It goes into the set that all accounts share, or with
    /// --account into that account's own; a bad row refuses all of it.
    ///
    /// A line is {"account":NAME|null,"item_id":ID|null,"keyword":TEXT,"match":"contains|exact|regex|default","reply":TEXT}. Also
    /// possible: "priority":NUMBER (higher goes first), "once":true (once in a conversation), "image":URL (a picture after the
    /// texts), "any_of", "all_of" and "exclude" with lists of words, and in "reply" a list of texts, {"image":URL}, {"pause":MINUTES},
    /// {"tag":TEXT}, {"untag":TEXT}, {"notify":TEXT} and {"hand_over":USER|null}. "trigger" with "delay_s" and "silent_minutes" is for
    /// events, "conditions" and "per_day" say for whom, when and how often. account null: for all accounts, or with "only_accounts" for
    /// some. item_id null: for every item; a list: for these. "match":"default" needs no keyword. "reply":"" stays silent.
    ///
    /// What becomes of each line is reported. When a line is bad nothing is changed. Importing a file again changes nothing.
    Import {
        /// The file; - is the standard input
        file: PathBuf,
        /// Take the good lines although others are bad
        #[arg(long)]
        skip_bad: bool,
        #[command(flatten)]
        table: Table,
        #[command(flatten)]
        owner: Owner,
    },
    /// Write the rules that all accounts share, or those of one account, to a table (.xlsx, .csv, .json)
    Export {
        file: PathBuf,
        /// The rules of this account
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        #[command(flatten)]
        owner: Owner,
    },
    /// Show all rules, oldest first
    List {
        /// As JSON lines that `keyword import` takes
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        owner: Owner,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// What the buyer says; may be left out for a default reply
    #[arg(default_value = "", hide_default_value = true)]
    keyword: String,
    /// contains, exact, regex or default
    #[arg(long = "match", value_name = "KIND", default_value = "contains")]
    matching: String,
    /// A text to send; several are sent one after the other
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, required_unless_present_any = ["image", "silent"])]
    reply: Vec<String>,
    /// A picture to send after the texts
    #[arg(long, value_name = "URL")]
    image: Option<String>,
    /// Answer nothing, and let no other rule answer
    #[arg(long, conflicts_with_all = ["reply", "image"])]
    silent: bool,
    /// Only for this account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Only when the conversation is about this item
    #[arg(long, value_name = "ID")]
    item: Option<String>,
    /// Higher goes first
    #[arg(long, value_name = "NUMBER", default_value_t = 0, allow_negative_numbers = true)]
    priority: i32,
    /// Only once in a conversation
    #[arg(long)]
    once: bool,
    /// At least one of these words must occur too
    #[arg(long, value_name = "WORD")]
    any_of: Vec<String>,
    /// All of these words must occur too
    #[arg(long, value_name = "WORD")]
    all_of: Vec<String>,
    /// None of these words may occur
    #[arg(long, value_name = "WORD")]
    exclude: Vec<String>,
    #[command(flatten)]
    owner: Owner,
}

pub(super) fn run(command: Command, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        Command::Add(add) => run_add(settings, add, out),
        Command::Import { file, skip_bad, table, owner } => {
            let (bytes, on_bad) = (import::read(&file)?, OnBad::from(skip_bad));
            let format = rule_file::format_of(&file, &bytes);
            if let (None, Some(option)) = (format, table.given()) {
                bail!("{option} goes with a table: a file that ends in .xlsx, .csv or .json");
            }
            let store = open_store(settings)?;
            let scope = scope(&store, owner.owner.as_deref())?;
            if let Some(format) = format {
                return rule_file::import(&store, scope, (bytes, format), &table, out);
            }
            import(&store, scope, &bytes, on_bad)?.print(out, on_bad)
        }
        Command::Export { file, account, owner } => {
            let store = open_store(settings)?;
            rule_file::export(&store, scope(&store, owner.owner.as_deref())?, &file, account.as_deref())
        }
        Command::List { json, owner } => list(settings, &owner, json, out),
    }
}

fn run_add(settings: &Settings, add: Add, out: &mut dyn Write) -> anyhow::Result<()> {
    let owner = add.owner.owner.clone();
    let draft = add.line().read().map_err(anyhow::Error::msg)?;
    let title = draft.title();
    let store = open_store(settings)?;
    let scope = scope(&store, owner.as_deref())?;
    let report = save(&store, scope, vec![Line { number: 1, item: Ok(draft) }], OnBad::Refuse)?;
    match report.only() {
        Ok(saved) => Ok(writeln!(out, "{} {}", import::word(saved), one_line(&title))?),
        Err(reason) => bail!("{reason}"),
    }
}

impl Add {
    fn line(self) -> RuleLine {
        let replies = if self.silent { vec![String::new()] } else { self.reply };
        RuleLine {
            account: self.account,
            item_id: self.item.map(Value::from),
            keyword: self.keyword,
            matching: Some(self.matching),
            reply: (!replies.is_empty()).then(|| Value::from(replies)),
            priority: self.priority,
            once: self.once,
            image: self.image,
            any_of: self.any_of,
            all_of: self.all_of,
            exclude: self.exclude,
            only_accounts: Vec::new(),
            trigger: None,
            silent_minutes: 0,
            delay_s: 0,
            conditions: Conditions::default(),
            per_day: None,
        }
    }
}

/// Adds or updates the rules of these JSON lines.
pub(super) fn import(store: &Store, scope: Scope, lines: &[u8], on_bad: OnBad) -> anyhow::Result<Report> {
    save(store, scope, import::parse(lines, RuleLine::read), on_bad)
}

/// One transaction: either all lines that may be written are, or none.
fn save(store: &Store, scope: Scope, mut lines: Vec<Line<Draft>>, on_bad: OnBad) -> anyhow::Result<Report> {
    import::refuse_repeats(&mut lines, "this rule", Draft::identity);
    refuse_faulty(&mut lines);
    let now = now();
    Ok(store.write_blocking(move |conn| {
        let accounts = account_numbers(conn, &scope)?;
        refuse_unknown_accounts(&mut lines, &accounts);
        refuse_unknown_pictures(conn, &scope, &mut lines)?;
        if !import::may_apply(&lines, on_bad) {
            return Ok(Report::refused(&lines));
        }
        let saved = write(conn, &scope, &lines, &accounts, now)?;
        let count = |wanted| saved.iter().filter(|saved| **saved == wanted).count();
        let (added, updated) = (count(Saved::Added), count(Saved::Updated));
        if added + updated > 0 {
            let deed = Deed::new("keyword.import", "-").of(scope.user());
            write_down(conn, &deed.after(json!({"added": added, "updated": updated})), now)?;
        }
        Ok(Report::done(&lines, Draft::title, saved))
    })?)
}

/// Asks the matcher itself, so that what is stored can be matched.
fn refuse_faulty(lines: &mut [Line<Draft>]) {
    let rules: Vec<Arc<Rule>> = (0..)
        .zip(lines.iter())
        .filter_map(|(place, line)| Some(Arc::new(line.item.as_ref().ok()?.rule(RuleId(place)))))
        .collect();
    for fault in Library::compile(&rules).faults() {
        if let Some(line) = usize::try_from(fault.rule.0).ok().and_then(|place| lines.get_mut(place)) {
            line.item = Err(one_line(&fault.text));
        }
    }
}

fn account_numbers(conn: &mut DbConn, scope: &Scope) -> QueryResult<HashMap<String, AccountId>> {
    Ok(accounts::list(conn, scope)?.into_iter().map(|account| (account.name, account.id)).collect())
}

fn refuse_unknown_accounts(lines: &mut [Line<Draft>], accounts: &HashMap<String, AccountId>) {
    for line in lines {
        let Ok(draft) = &line.item else { continue };
        let unknown = draft.accounts().find(|name| !accounts.contains_key(*name)).cloned();
        if let Some(name) = unknown {
            line.item = Err(format!("there is no account {name:?}"));
        }
    }
}

fn refuse_unknown_pictures(conn: &mut DbConn, scope: &Scope, lines: &mut [Line<Draft>]) -> QueryResult<()> {
    for line in lines {
        let Ok(draft) = &line.item else { continue };
        let mut unknown = None;
        for action in &draft.body.actions {
            let Action::Image(url) = action else { continue };
            if let Some(id) = PictureId::of_address(url)
                && pictures::find(conn, scope, &id)?.is_none()
            {
                unknown = Some(url.clone());
            }
        }
        if let Some(url) = unknown {
            line.item = Err(format!("there is no picture {url:?}"));
        }
    }
    Ok(())
}

/// A rule that was switched off stays so: a file says what a rule is, not whether it works.
fn write(
    conn: &mut DbConn,
    scope: &Scope,
    lines: &[Line<Draft>],
    accounts: &HashMap<String, AccountId>,
    now: Timestamp,
) -> QueryResult<Vec<Saved>> {
    let stored = rules::list(conn, scope)?.rules.into_iter();
    let disabled: HashSet<_> = stored.filter(|rule| !rule.body.enabled).map(|rule| rule.body.identity()).collect();
    let drafts = lines.iter().filter_map(|line| line.item.as_ref().ok());
    let mut new: Vec<_> = drafts.map(|draft| draft.new_rule(accounts)).collect();
    for rule in &mut new {
        rule.enabled = !disabled.contains(&rule.identity());
    }
    rules::upsert_many(conn, scope, &new, &Actor::cli(), now)
}

fn list(settings: &Settings, owner: &Owner, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let store = open_store(settings)?;
    let scope = scope(&store, owner.owner.as_deref())?;
    let (Loaded { rules, broken }, numbers) =
        store.read_blocking(move |conn| Ok((rules::list(conn, &scope)?, account_numbers(conn, &scope)?)))?;
    let names: HashMap<AccountId, String> = numbers.into_iter().map(|(name, id)| (id, name)).collect();
    let name = |id: &AccountId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
    if json {
        for rule in &rules {
            writeln!(out, "{}", json_line(&rule.body, name))?;
        }
    } else {
        let rows: Vec<_> = rules.iter().map(|rule| row(rule, name)).collect();
        print_table(out, ["ID", "ACCOUNT", "ITEM", "MATCH", "KEYWORD", "REPLY", "MORE"], &rows)?;
    }
    for (_, reason) in &broken {
        log::error!("{reason}");
    }
    Ok(())
}

/// What a file may say, without what is as it always is.
fn json_line(rule: &RuleBody, name: impl Fn(&AccountId) -> String) -> Value {
    let replies = rule.actions.iter().map(|action| match action {
        Action::Text(text) => json!(text),
        other => json!(other),
    });
    let item = match &rule.items[..] {
        [] => Value::Null,
        [one] => json!(one),
        several => json!(several),
    };
    let mut line = json!({
        "account": rule.account.as_ref().map(&name), "item_id": item, "keyword": rule.keyword,
        "match": rule.matching.as_str(), "reply": replies.collect::<Vec<_>>(), "priority": rule.priority,
        "once": rule.once, "any_of": rule.any_of, "all_of": rule.all_of, "exclude": rule.exclude,
    });
    let accounts: Vec<String> = rule.accounts.iter().map(name).collect();
    let unusual = [
        ("only_accounts", (!accounts.is_empty()).then(|| json!(accounts))),
        ("trigger", (rule.trigger != Trigger::Message).then(|| json!(rule.trigger))),
        ("silent_minutes", (rule.silent_minutes != 0).then(|| json!(rule.silent_minutes))),
        ("delay_s", (rule.delay_s != 0).then(|| json!(rule.delay_s))),
        ("conditions", (!rule.conditions.is_empty()).then(|| json!(rule.conditions))),
        ("per_day", rule.per_day.map(|most| json!(most))),
    ];
    for (field, value) in unusual {
        if let (Some(value), Value::Object(fields)) = (value, &mut line) {
            fields.insert(field.to_owned(), value);
        }
    }
    line
}

fn row(rule: &Rule, name: impl Fn(&AccountId) -> String) -> [String; 7] {
    let Rule { id, body, .. } = rule;
    let actions = body.actions.iter().map(|action| match action {
        Action::Text(text) => text.clone(),
        Action::Image(url) => format!("[{url}]"),
        other => json!(other).to_string(),
    });
    let reply = actions.collect::<Vec<_>>().join(" | ");
    let accounts = || body.accounts.iter().map(&name).collect::<Vec<_>>().join(", ");
    let items = body.items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let matching = if body.trigger == Trigger::Message { body.matching.as_str() } else { body.trigger.as_str() };
    [
        id.to_string(),
        body.account
            .as_ref()
            .map(&name)
            .or_else(|| Some(accounts()).filter(|names| !names.is_empty()))
            .unwrap_or_else(|| "all".to_owned()),
        if items.is_empty() { "all".to_owned() } else { items },
        matching.to_owned(),
        if body.matching == Matching::Default { "-".to_owned() } else { one_line(&body.keyword) },
        if reply.is_empty() { "(silent)".to_owned() } else { one_line(&reply) },
        one_line(&more(body)),
    ]
}

/// What is unusual about a rule.
fn more(rule: &RuleBody) -> String {
    let mut parts = Vec::new();
    if !rule.enabled {
        parts.push("disabled".to_owned());
    }
    if rule.priority != 0 {
        parts.push(format!("priority {}", rule.priority));
    }
    if rule.once {
        parts.push("once".to_owned());
    }
    for (name, words) in [("any of", &rule.any_of), ("all of", &rule.all_of), ("not", &rule.exclude)] {
        if !words.is_empty() {
            parts.push(format!("{name} {}", words.join(", ")));
        }
    }
    if rule.silent_minutes != 0 {
        parts.push(format!("after {} min", rule.silent_minutes));
    }
    if rule.delay_s != 0 {
        parts.push(format!("{} s later", rule.delay_s));
    }
    if let Some(most) = rule.per_day {
        parts.push(format!("{most} a day"));
    }
    if !rule.conditions.is_empty() {
        parts.push(json!(rule.conditions).to_string());
    }
    parts.join("; ")
}
