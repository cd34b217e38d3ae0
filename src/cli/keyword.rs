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
    rule_line::{Draft, RuleLine},
    scope, write_down,
};
use crate::{
    ids::{AccountId, RuleId, Timestamp},
    reply::{
        matcher::Library,
        rule::{Matching, Reply, Rule},
    },
    settings::Settings,
    store::{
        DbConn, QueryResult, Saved, Scope, Store, accounts,
        audit::Deed,
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
    /// Add or update rules from a file of JSON lines
    ///
    /// A line is {"account":NAME|null,"item_id":ID|null,"keyword":TEXT,"match":"contains|exact|regex|default","reply":TEXT}. Also
    /// possible: "priority":NUMBER (higher goes first), "once":true (once in a conversation), "image":URL (a picture after the
    /// texts), "any_of", "all_of" and "exclude" with lists of words, and in "reply" a list of texts and {"image":URL}. account null:
    /// for all accounts. item_id null: for every item. "match":"default" needs no keyword. "reply":"" stays silent.
    ///
    /// What becomes of each line is reported. When a line is bad nothing is changed. Importing a file again changes nothing.
    Import {
        /// The file; - is the standard input
        file: PathBuf,
        /// Take the good lines although others are bad
        #[arg(long)]
        skip_bad: bool,
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
        Command::Import { file, skip_bad, owner } => {
            let (bytes, on_bad) = (import::read(&file)?, OnBad::from(skip_bad));
            let store = open_store(settings)?;
            let scope = scope(&store, owner.owner.as_deref())?;
            import(&store, scope, &bytes, on_bad)?.print(out, on_bad)
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
        let Ok(Draft { account: Some(name), .. }) = &line.item else { continue };
        if !accounts.contains_key(name) {
            line.item = Err(format!("there is no account {name:?}"));
        }
    }
}

/// A rule that was switched off stays so: a file says what a rule is, not whether it works.
fn write(
    conn: &mut DbConn,
    scope: &Scope,
    lines: &[Line<Draft>],
    accounts: &HashMap<String, AccountId>,
    now: Timestamp,
) -> QueryResult<Vec<Saved>> {
    let identity = |rule: Rule| (rule.account, rule.item, rule.matching, rule.keyword);
    let stored = rules::list(conn, scope)?.rules.into_iter();
    let disabled: HashSet<_> = stored.filter(|rule| !rule.enabled).map(identity).collect();
    let drafts = lines.iter().filter_map(|line| line.item.as_ref().ok());
    let mut new: Vec<_> = drafts.map(|draft| draft.new_rule(accounts)).collect();
    for rule in &mut new {
        rule.enabled = !disabled.contains(&(rule.account, rule.item.clone(), rule.matching, rule.keyword.clone()));
    }
    rules::upsert_many(conn, scope, &new, now)
}

fn list(settings: &Settings, owner: &Owner, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let store = open_store(settings)?;
    let scope = scope(&store, owner.owner.as_deref())?;
    let (Loaded { rules, broken }, numbers) =
        store.read_blocking(move |conn| Ok((rules::list(conn, &scope)?, account_numbers(conn, &scope)?)))?;
    let names: HashMap<AccountId, String> = numbers.into_iter().map(|(name, id)| (id, name)).collect();
    let name = |rule: &Rule| rule.account.map(|id| names.get(&id).cloned().unwrap_or_else(|| id.to_string()));
    if json {
        for rule in &rules {
            writeln!(out, "{}", json_line(rule, name(rule)))?;
        }
    } else {
        let rows: Vec<_> = rules.iter().map(|rule| row(rule, name(rule))).collect();
        print_table(out, ["ID", "ACCOUNT", "ITEM", "MATCH", "KEYWORD", "REPLY", "MORE"], &rows)?;
    }
    for (_, reason) in &broken {
        log::error!("{reason}");
    }
    Ok(())
}

fn json_line(rule: &Rule, account: Option<String>) -> Value {
    let replies = rule.replies.iter().map(|reply| match reply {
        Reply::Text(text) => json!(text),
        Reply::Image(url) => json!({"image": url}),
    });
    json!({
        "account": account, "item_id": rule.item, "keyword": rule.keyword, "match": rule.matching.as_str(),
        "reply": replies.collect::<Vec<_>>(), "priority": rule.priority, "once": rule.once,
        "any_of": rule.any_of, "all_of": rule.all_of, "exclude": rule.exclude,
    })
}

fn row(rule: &Rule, account: Option<String>) -> [String; 7] {
    let replies = rule.replies.iter().map(|reply| match reply {
        Reply::Text(text) => text.clone(),
        Reply::Image(url) => format!("[{url}]"),
    });
    let reply = replies.collect::<Vec<_>>().join(" | ");
    [
        rule.id.to_string(),
        account.unwrap_or_else(|| "all".to_owned()),
        rule.item.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string),
        rule.matching.as_str().to_owned(),
        if rule.matching == Matching::Default { "-".to_owned() } else { one_line(&rule.keyword) },
        if reply.is_empty() { "(silent)".to_owned() } else { one_line(&reply) },
        one_line(&more(rule)),
    ]
}

/// What is unusual about a rule.
fn more(rule: &Rule) -> String {
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
    parts.join("; ")
}
