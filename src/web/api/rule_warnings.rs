//! What a seller probably did not mean with a rule, beside what is answered when it is saved, and for a whole set.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use actix_web::web::{Data, Json, Path, block};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiResult, Code, Language, Said},
        gate::Caller,
        input::Query,
        page::Page,
    },
    rule_cases::{Tried, try_all},
    rule_sets::{SetQuery, check_seen, set_of},
};
use crate::{
    ai::guard::{Unwanted, way_out},
    ids::{AccountId, RuleId, Timestamp},
    reply::{
        rule::{Rule, RuleBody},
        warnings::{self, Kind, Warning},
    },
    store::{DbConn, QueryResult, Scope, answer_settings, rule_cases, rule_drafts, rules},
    telemetry::clock,
};

/// Stands for a rule that has no number yet. It is newer than all others.
pub(super) const NEW: RuleId = RuleId(i64::MAX);

/// A doubt about a rule. Nothing was refused for it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WarningView {
    #[schema(inline, example = "shadowed")]
    pub(in crate::web) code: Kind,
    /// The same for people.
    pub(in crate::web) text: String,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) rule_id: Option<RuleId>,
    /// The other rule, of `shadowed` and `shadows`.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) other_rule_id: Option<RuleId>,
}

/// What was saved, and what is doubtful about it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Warned<T> {
    #[serde(flatten)]
    pub(in crate::web) saved: T,
    pub(in crate::web) warnings: Vec<WarningView>,
}

impl<T> Warned<T> {
    pub(super) fn new(saved: T, warnings: Vec<WarningView>) -> Self {
        Self { saved, warnings }
    }
}

impl WarningView {
    pub(super) fn new(warning: &Warning, language: Language) -> Self {
        Self {
            code: warning.kind,
            text: said(warning).in_language(language).to_owned(),
            rule_id: Some(warning.rule).filter(|id| id.0 > 0),
            other_rule_id: warning.other.filter(|id| id.0 > 0),
        }
    }

    /// A saved case of this name fails.
    pub(super) fn of_case(name: String, language: Language) -> Self {
        let warning = Warning { kind: Kind::CaseFailed, rule: RuleId(0), other: None, found: Some(name) };
        Self::new(&warning, language)
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// With the number that the new rule got.
    pub(super) fn of(mut self, id: RuleId) -> Self {
        for named in [&mut self.rule_id, &mut self.other_rule_id] {
            if *named == Some(NEW) {
                *named = Some(id);
            }
        }
        self
    }
}

fn said(warning: &Warning) -> Said {
    let found = warning.found.as_deref().unwrap_or_default();
    // What is only tried has a number below 0.
    let other = match warning.other.filter(|id| id.0 > 0 && *id != NEW) {
        Some(id) => Said::new(format!("规则 {id} "), format!("rule {id}")),
        None => Said::new("另一条规则", "another rule"),
    };
    match warning.kind {
        Kind::Shadowed => Said::new(
            format!("不会生效：{}总会先回复", other.zh),
            format!("it never answers: {} always answers first", other.en),
        ),
        Kind::Shadows => Said::new(
            format!("{}不会生效，因为这条规则总会先回复", other.zh),
            format!("{} never answers, because this one always answers first", other.en),
        ),
        Kind::ShortKeyword => {
            Said::new("关键词过短，几乎任何消息都会触发", "the keyword is so short that nearly every message has it")
        }
        Kind::ForbiddenWord => {
            Said::new(format!("回复含有禁用词“{found}”"), format!("a text has the forbidden word \"{found}\""))
        }
        Kind::Contact => Said::new(
            format!("回复含有联系方式或站外链接“{found}”，可能被平台处罚"),
            format!(
                "a text has contact details or leads out of the platform (\"{found}\"), which the platform may punish"
            ),
        ),
        Kind::NoAction => {
            Said::new("没有任何动作：匹配后保持沉默", "it does nothing: what it matches stays without an answer")
        }
        Kind::CaseFailed => {
            Said::new(format!("用例“{found}”未通过"), format!("the case \"{found}\" does not come as expected"))
        }
    }
}

/// The rules of an owner, and the words that their accounts must not say.
pub(super) struct Ground {
    rules: Vec<Rule>,
    forbidden: HashMap<AccountId, Vec<String>>,
}

impl Ground {
    /// As they are, or as they would be after publishing everything.
    pub(super) fn read(conn: &mut DbConn, scope: &Scope, draft: bool) -> QueryResult<Self> {
        let loaded = if draft { rule_drafts::list(conn, scope)? } else { rules::list(conn, scope)? };
        Ok(Self { rules: loaded.rules, forbidden: answer_settings::forbidden(conn, scope)? })
    }

    /// With this rule, in the place of the one with its number; without it where there is no body.
    pub(super) fn change(&mut self, changes: impl IntoIterator<Item = (RuleId, Option<RuleBody>)>) {
        let mut changes: HashMap<RuleId, Option<RuleBody>> = changes.into_iter().collect();
        self.rules.retain_mut(|rule| match changes.remove(&rule.id) {
            Some(Some(body)) => {
                rule.body = body;
                true
            }
            Some(None) => false,
            None => true,
        });
        let mut new: Vec<Rule> = changes
            .into_iter()
            .filter_map(|(id, body)| Some(Rule { id, body: body?, created_at: Timestamp(i64::MAX) }))
            .collect();
        new.sort_by_key(|rule| rule.id);
        self.rules.extend(new);
    }

    /// The sets that these rules are in; `None`: the shared one.
    fn sets_of(&self, rules: &HashSet<RuleId>) -> HashSet<Option<AccountId>> {
        self.rules.iter().filter(|rule| rules.contains(&rule.id)).map(|rule| rule.body.account).collect()
    }

    fn to_compile(&self) -> Vec<Arc<Rule>> {
        self.rules.iter().cloned().map(Arc::new).collect()
    }

    /// Takes tens of milliseconds for thousands of rules.
    pub(super) fn warnings(self, of: impl Fn(&Rule) -> bool) -> Vec<Warning> {
        let rules: Vec<Arc<Rule>> = self.rules.into_iter().map(Arc::new).collect();
        let all =
            Unwanted::new(self.forbidden.values().flatten().cloned().collect::<HashSet<_>>().into_iter().collect());
        let of_each: HashMap<AccountId, Unwanted> =
            self.forbidden.into_iter().map(|(account, words)| (account, Unwanted::new(words))).collect();
        // Many rules say the same.
        let mut ways: HashMap<String, Option<String>> = HashMap::new();
        let look = |rule: &Rule, text: &str| {
            let accounts: Vec<AccountId> = rule.body.account.iter().chain(&rule.body.accounts).copied().collect();
            let said = if accounts.is_empty() {
                all.said_in(text)
            } else {
                accounts.iter().filter_map(|account| of_each.get(account)).find_map(|words| words.said_in(text))
            };
            let forbidden = said.map(|word| (Kind::ForbiddenWord, word.to_owned()));
            let way = match ways.get(text) {
                Some(known) => known.clone(),
                None => ways.entry(text.to_owned()).or_insert_with(|| way_out(text)).clone(),
            };
            forbidden.into_iter().chain(way.map(|way| (Kind::Contact, way))).collect()
        };
        warnings::find(&rules, of, look)
    }
}

/// Whether saved cases are tried with the rules that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cases {
    Tried,
    /// Somebody else tries them.
    LeftOut,
}

/// What is doubtful about rules once these changes are made, and which saved cases of the accounts that they concern do not come as expected.
pub(super) async fn of_changes(
    app: &AppState,
    caller: &Caller,
    draft: bool,
    changes: Vec<(RuleId, Option<RuleBody>)>,
    cases: Cases,
) -> ApiResult<Vec<WarningView>> {
    let (scope, language, now) = (caller.scope, caller.language, clock::unix());
    let (keys, usual) = (app.store.keys().clone(), app.settings.inbox.takeover_pause);
    let turn = app.turns.compile().await?;
    let read = move |conn: &mut DbConn| {
        let trials = match cases {
            Cases::Tried => rule_cases::trials(conn, &scope, &keys, None, usual)?,
            Cases::LeftOut => Vec::new(),
        };
        Ok((Ground::read(conn, &scope, draft)?, trials))
    };
    let (mut ground, mut trials) = app.store.read(read).await?;
    // The turn ends with the work, also where nobody waits for it any more.
    let found = block(move || {
        let _turn = turn;
        let changed: HashSet<RuleId> = changes.iter().map(|(id, _)| *id).collect();
        let mut sets = ground.sets_of(&changed);
        ground.change(changes);
        sets.extend(ground.sets_of(&changed));
        trials.retain(|trial| sets.contains(&None) || sets.contains(&Some(trial.ground.account.id)));
        let failed = if trials.is_empty() { Vec::new() } else { try_all(trials, &ground.to_compile(), now) };
        let failed = failed.into_iter().filter(Tried::failed).map(|tried| tried.case.body.name);
        let failed = failed.map(|name| WarningView::of_case(name, language)).collect::<Vec<_>>();
        let found = ground.warnings(|rule| changed.contains(&rule.id));
        found.iter().map(|warning| WarningView::new(warning, language)).chain(failed).collect()
    });
    Ok(found.await.map_err(|_| Code::Internal)?)
}

/// What is doubtful about the rules of a set, those that were made first.
#[utoipa::path(get, path = "/api/v1/rule-sets/{set}/warnings", tag = "rule sets", params(("set" = String, Path, description = "`shared`, or the number of an account"), SetQuery), responses((status = 200, body = Page<WarningView>)))]
pub async fn set_warnings(
    caller: Caller,
    set: Path<String>,
    query: Query<SetQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<WarningView>>> {
    let (set, paging) = (set_of(&set)?, query.0.paging());
    let language = caller.language;
    let turn = app.turns.compile().await?;
    let read = move |conn: &mut DbConn| {
        check_seen(conn, &caller, set)?;
        Ground::read(conn, &caller.scope, false)
    };
    let ground = app.store.read(read).await?;
    let found = block(move || {
        let _turn = turn;
        ground.warnings(|rule| rule.body.account == set)
    });
    let page = paging.cut(found.await.map_err(|_| Code::Internal)?);
    let total = page.total;
    Ok(Json(paging.answer(page.items.iter().map(|warning| WarningView::new(warning, language)).collect(), total)))
}
