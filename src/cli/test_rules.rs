//! `test-rules`: tries conversations as they might go, and tells what does not come as expected.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, de::IgnoredAny};

use super::{account::Owner, import, now, one_line, open_store, scope};
use crate::{
    ids::{AccountId, Timestamp},
    settings::Settings,
    store::{
        DbConn, QueryResult, accounts,
        rule_cases::{self, CaseBody, RuleCase},
        sandbox::{self, Rules},
    },
    web::{
        api::{
            miss_texts::miss,
            rule_cases::{Tried, try_all},
            sandbox::{BuyerBody, Moment, StepBody, script},
        },
        error::{ApiError, Said},
        input::{Few, Line},
    },
};

/// Try conversations as they might go, and fail where one does not come as expected
///
/// FILE is JSON: a list of cases, or what GET /api/v1/rule-cases answers. A case is {"name":TEXT,"steps":[STEP,…]}, and may have
/// "account":NAME, "item_id":ID, "buyer":{"name":TEXT,"tags":[TEXT],"orders":NUMBER,"wrote_before":BOOL} and "at":MS, the moment at which it
/// begins.
///
/// A step is one of {"says":[TEXT,…]}, {"shows":"[图片]"}, {"event":"order_paid"}, {"seller_says":TEXT} and {"after_s":SECONDS}; "after_s" is
/// also how long after the step before it happens (30 where nothing is said). "expects" may have "contains" and "lacks" (lists of texts),
/// "silent", "source" (item_rule, ai, …), "rule_id", "tags" and "hands_over".
///
/// Nothing is sent and nothing is stored. Without FILE the saved cases are tried.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  echo '[{\"name\":\"包邮\",\"steps\":[{\"says\":[\"包邮吗\"],\"expects\":{\"contains\":[\"包邮\"]}}]}]' | yutang test-rules -")]
pub(super) struct TestRulesArgs {
    /// The cases; - is the standard input
    file: Option<PathBuf>,
    /// Whose rules are tried where a case names no account; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// With what is prepared and not published
    #[arg(long)]
    draft: bool,
    #[command(flatten)]
    owner: Owner,
}

/// A case in a file. What only a saved one has is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    account: Option<String>,
    account_id: Option<i64>,
    name: Line<1, 64>,
    item_id: Option<Line<1, 64>>,
    buyer: Option<BuyerBody>,
    at: Option<Moment>,
    steps: Few<StepBody, 100>,
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    #[serde(rename = "blocks")]
    _blocks: Option<IgnoredAny>,
    #[serde(rename = "created_at")]
    _created_at: Option<IgnoredAny>,
    #[serde(rename = "updated_at")]
    _updated_at: Option<IgnoredAny>,
}

/// A page of saved cases.
#[derive(Debug, Deserialize)]
struct Listed {
    items: Vec<serde_json::Value>,
}

pub(super) fn run(args: &TestRulesArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    let entries = args.file.as_deref().map(read).transpose()?;
    let store = open_store(settings)?;
    let scope = scope(&store, args.owner.owner.as_deref())?;
    let which = if args.draft { Rules::Prepared } else { Rules::Published };
    let (keys, usual, account) = (store.keys().clone(), settings.inbox.takeover_pause, args.account.clone());
    let read = move |conn: &mut DbConn| -> QueryResult<anyhow::Result<_>> {
        let numbers = accounts::list(conn, &scope)?;
        let number = |name: &str| numbers.iter().find(|row| row.name == name).map(|row| row.id);
        let chosen = match (account.as_deref().map(|name| (name, number(name))), &numbers[..]) {
            (Some((name, None)), _) => return Ok(Err(anyhow::anyhow!("there is no account {name:?}"))),
            (Some((_, number)), _) => number,
            (None, [only]) => Some(only.id),
            (None, _) => None,
        };
        let cases = match entries {
            Some(entries) => {
                let place = |entry: &Entry| match (&entry.account, entry.account_id) {
                    (Some(name), _) => number(name),
                    (None, Some(id)) => numbers.iter().map(|row| row.id).find(|row| row.0 == id),
                    (None, None) => chosen,
                };
                let cases = entries.into_iter().zip(1..).map(|(entry, number)| {
                    let name = entry.name.to_string();
                    let account = place(&entry);
                    case(entry, account, number).with_context(|| format!("the case {name:?}"))
                });
                match cases.collect::<anyhow::Result<Vec<_>>>() {
                    Ok(cases) => cases,
                    Err(error) => return Ok(Err(error)),
                }
            }
            None => rule_cases::list(conn, &scope, chosen.filter(|_| account.is_some()))?,
        };
        let trials = rule_cases::trials_of(conn, &scope, &keys, cases, usual)?;
        let rules = sandbox::rules(conn, &scope, which)?;
        Ok(Ok((trials, rules, numbers)))
    };
    let (trials, rules, numbers) = store.read_blocking(read)??;
    let name = |id: AccountId| numbers.iter().find(|row| row.id == id).map_or("-", |row| row.name.as_str());
    print(&try_all(trials, &rules, now()), name, out)
}

/// The cases in a file, in English where it cannot be understood.
fn read(file: &Path) -> anyhow::Result<Vec<Entry>> {
    let bytes = import::read(file)?;
    let whole: serde_json::Value = serde_json::from_slice(&bytes).context("the file is not JSON")?;
    let list = match whole {
        serde_json::Value::Array(list) => list,
        other => {
            serde_json::from_value::<Listed>(other)
                .context("the file is neither a list of cases nor has \"items\"")?
                .items
        }
    };
    let entries = list.into_iter().zip(1..).map(|(value, number)| {
        serde_json::from_value(value).map_err(|error| {
            let text = error.to_string();
            let text = Said::read(&text).map_or(text, |said| said.en);
            anyhow::anyhow!("case {number}: {text}")
        })
    });
    entries.collect()
}

fn case(entry: Entry, account: Option<AccountId>, number: i64) -> anyhow::Result<RuleCase> {
    let Entry { account: named, name, item_id, buyer, at, steps, .. } = entry;
    let Some(account) = account else {
        match named {
            Some(account) => bail!("there is no account {account:?}"),
            None => bail!("say whose rules it tries: \"account\" or --account"),
        }
    };
    let script = script(item_id, buyer, at, steps.into_vec()).map_err(|refusal| in_words(&refusal))?;
    if script.steps.iter().all(|step| step.expects.is_none()) {
        bail!("nothing is expected: it would pass whatever the rules say");
    }
    let body = CaseBody { name: name.into_string(), script, blocks: false };
    Ok(RuleCase { id: number, account, body, created_at: Timestamp(0), updated_at: Timestamp(0) })
}

fn in_words(refusal: &ApiError) -> anyhow::Error {
    match refusal.told() {
        (Some(field), Some(said)) => anyhow::anyhow!("{field} {}", said.en),
        (_, Some(said)) => anyhow::anyhow!("{}", said.en),
        (_, None) => anyhow::anyhow!("{refusal}"),
    }
}

fn print<'a>(tried: &[Tried], name: impl Fn(AccountId) -> &'a str, out: &mut dyn Write) -> anyhow::Result<()> {
    for Tried { case, misses } in tried {
        let word = if misses.is_empty() { "passed" } else { "FAILED" };
        writeln!(out, "{word}  {}  {}", name(case.account), one_line(&case.body.name))?;
        for (step, what) in misses {
            writeln!(out, "  step {}: {}", step + 1, one_line(&miss(what).1.en))?;
        }
    }
    let failed = tried.iter().filter(|tried| !tried.misses.is_empty()).count();
    writeln!(out, "{} passed, {failed} failed", tried.len() - failed)?;
    if failed > 0 {
        out.flush()?;
        bail!("{failed} of {} cases did not come as expected", tried.len());
    }
    Ok(())
}
