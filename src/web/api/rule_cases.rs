//! `/api/v1/rule-cases`: conversations as they might go, and what is expected of the rules. They are tried before a set is published, and
//! one that `blocks` holds it up while it fails.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, block},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
        input::{Body, Change, Few, Id, Line, Query, given},
        page::{Page, PageNumber, Paging, PerPage},
    },
    rule_fields::Number,
    rule_sets::{check_seen, set_of},
    sandbox::{BuyerBody, MissView, Moment, RulesBody, StepBody, script},
};
use crate::{
    ids::{AccountId, ItemId, Timestamp},
    reply::{
        case::{self, Extra, Miss, Step},
        matcher::Library,
        rule::Rule,
        sandbox::Sandbox,
    },
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        rule_cases::{self, CaseBody, MOST, NotSaved, RuleCase, Trial},
        sandbox::{self as stage, Rules},
    },
    telemetry::clock,
};

type Name = Line<1, 64>;
type Steps = Few<StepBody, 100>;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CasesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Only those of this account.
    #[param(inline)]
    account: Option<Number>,
}

/// A case to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_id": 1, "name": "问价", "steps": [{"says": ["多少钱"], "expects": {"contains": ["元"]}}]}))]
pub struct NewRuleCase {
    account_id: Number,
    /// Unique in its account.
    name: Name,
    /// Nothing of the account is published while it fails; `true` where nothing is said.
    blocks: Option<bool>,
    /// What the conversation is about.
    #[schema(inline)]
    item_id: Option<Line<1, 64>>,
    buyer: Option<BuyerBody>,
    /// When it begins; absent: whenever it is tried.
    at: Option<Moment>,
    steps: Steps,
}

/// What changes of a case; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"blocks": false}))]
pub struct RuleCasePatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    blocks: Option<bool>,
    #[serde(default)]
    #[schema(inline)]
    item_id: Change<Line<1, 64>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    buyer: Option<BuyerBody>,
    #[serde(default)]
    #[schema(inline)]
    at: Change<Moment>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    steps: Option<Steps>,
}

/// A conversation as it might go, and what is expected of the rules.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RuleCaseView {
    pub(in crate::web) id: i64,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    pub(in crate::web) name: String,
    pub(in crate::web) blocks: bool,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    #[schema(value_type = BuyerBody)]
    pub(in crate::web) buyer: Extra,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) at: Option<Timestamp>,
    #[schema(value_type = Vec<StepBody>)]
    pub(in crate::web) steps: Vec<Step>,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) updated_at: Timestamp,
}

/// What to try cases with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"rules": "draft"}))]
pub struct TrialBody {
    #[serde(default)]
    rules: RulesBody,
}

/// What came of trying cases.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialView {
    pub(in crate::web) passed: usize,
    pub(in crate::web) failed: usize,
    /// By account and name.
    pub(in crate::web) cases: Vec<TriedView>,
}

/// What came of one case.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TriedView {
    pub(in crate::web) id: i64,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    pub(in crate::web) name: String,
    pub(in crate::web) blocks: bool,
    pub(in crate::web) passed: bool,
    /// What was expected and did not come.
    pub(in crate::web) misses: Vec<MissView>,
}

/// What came of one case, before it is put into words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tried {
    pub(crate) case: RuleCase,
    /// By step, from 0.
    pub(crate) misses: Vec<(usize, Miss)>,
}

impl From<RuleCase> for RuleCaseView {
    fn from(case: RuleCase) -> Self {
        let RuleCase { id, account, body, created_at, updated_at } = case;
        let CaseBody { name, script, blocks } = body;
        let case::Script { item, buyer, at, steps } = script;
        Self { id, account_id: account, name, blocks, item_id: item, buyer, at, steps, created_at, updated_at }
    }
}

impl From<NotSaved> for ApiError {
    fn from(reason: NotSaved) -> Self {
        match reason {
            NotSaved::NameTaken => Self::from(Code::NameTaken).at("name"),
            NotSaved::TooMany => {
                let said = Said::new(
                    format!("每个账号最多 {MOST} 个用例"),
                    format!("an account has no more than {MOST} cases"),
                );
                Self::from(Code::Conflict).because(said)
            }
        }
    }
}

impl Tried {
    pub(super) fn failed(&self) -> bool {
        !self.misses.is_empty()
    }

    pub(super) fn view(&self, language: Language) -> TriedView {
        TriedView {
            id: self.case.id,
            account_id: self.case.account,
            name: self.case.body.name.clone(),
            blocks: self.case.body.blocks,
            passed: !self.failed(),
            misses: self.misses.iter().map(|(step, miss)| MissView::new(*step, miss, language)).collect(),
        }
    }
}

/// Tries every case with these rules. For thousands of rules this takes milliseconds: not on an arbiter.
pub(crate) fn try_all(trials: Vec<Trial>, rules: &[Arc<Rule>], now: Timestamp) -> Vec<Tried> {
    let library = Library::compile(rules);
    let mut tried = Vec::new();
    for Trial { ground, cases } in trials {
        let book = library.book(ground.account.id);
        for (case, cast) in cases {
            let buyer = cast.buyer.clone();
            let mut sandbox = Sandbox::new(&book, cast);
            let script = &case.body.script;
            let played = case::play(&mut sandbox, script, script.at.unwrap_or(now), |at| ground.outside(&buyer, at));
            let misses = played.into_iter().enumerate();
            let misses = misses.flat_map(|(step, played)| played.misses.into_iter().map(move |miss| (step, miss)));
            tried.push(Tried { misses: misses.collect(), case });
        }
    }
    tried
}

/// A case in which nothing is expected would pass whatever the rules say.
fn check(body: &CaseBody) -> ApiResult<()> {
    if body.script.steps.iter().any(|step| step.expects.is_some()) {
        return Ok(());
    }
    Err(ApiError::field("steps", Said::new("至少一步要有 expects", "must have a step with something it expects")))
}

/// What an account's rules are tried with, by account and name.
#[utoipa::path(get, path = "/api/v1/rule-cases", tag = "sandbox", params(CasesQuery), responses((status = 200, body = Page<RuleCaseView>)))]
pub async fn list(
    caller: Caller,
    query: Query<CasesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<RuleCaseView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let account = query.account.map(|id| AccountId(id.get()));
    let page = move |conn: &mut DbConn| rule_cases::page(conn, &caller.scope, account, paging.part());
    let (cases, total) = app.store.read(page).await?;
    Ok(Json(paging.answer(cases.into_iter().map(RuleCaseView::from).collect(), total)))
}

/// One case.
#[utoipa::path(get, path = "/api/v1/rule-cases/{id}", tag = "sandbox", params(("id" = i64, Path)), responses((status = 200, body = RuleCaseView)))]
pub async fn get(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<Json<RuleCaseView>> {
    let case = app.store.read(move |conn| rule_cases::get(conn, &caller.scope, id.0)).await?;
    Ok(Json(case.into()))
}

/// Adds a case.
#[utoipa::path(post, path = "/api/v1/rule-cases", tag = "sandbox", request_body = NewRuleCase, responses((status = 201, body = RuleCaseView)))]
pub async fn create(caller: Caller, body: Body<NewRuleCase>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let NewRuleCase { account_id, name, blocks, item_id, buyer, at, steps } = body.0;
    let (account, now) = (AccountId(account_id.get()), clock::unix());
    let script = script(item_id, buyer, at, steps.into_vec())?;
    let new = CaseBody { name: name.into_string(), script, blocks: blocks.unwrap_or(true) };
    check(&new)?;
    let insert = move |conn: &mut DbConn| -> QueryResult<Result<RuleCaseView, NotSaved>> {
        let case = match rule_cases::insert(conn, &caller.scope, account, &new, now)? {
            Ok(case) => RuleCaseView::from(case),
            Err(reason) => return Ok(Err(reason)),
        };
        let deed = Deed::new("rule_case.create", case.id).of(caller.scope.user()).after(case.clone());
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(case))
    };
    let view = app.store.write(insert).await.map_err(ApiError::missing("account_id"))??;
    Ok(HttpResponse::Created().json(view))
}

/// Changes a case. It stays its account's.
#[utoipa::path(patch, path = "/api/v1/rule-cases/{id}", tag = "sandbox", request_body = RuleCasePatch, params(("id" = i64, Path)), responses((status = 200, body = RuleCaseView)))]
pub async fn update(
    caller: Caller,
    id: Id<i64>,
    body: Body<RuleCasePatch>,
    app: Data<AppState>,
) -> ApiResult<Json<RuleCaseView>> {
    let RuleCasePatch { name, blocks, item_id, buyer, at, steps } = body.0;
    let steps = steps.map(|steps| script(None, None, None, steps.into_vec())).transpose()?.map(|script| script.steps);
    let now = clock::unix();
    let change = move |conn: &mut DbConn| -> QueryResult<ApiResult<RuleCaseView>> {
        let before = rule_cases::get(conn, &caller.scope, id.0)?;
        let CaseBody { name: old_name, script: old, blocks: old_blocks } = before.body.clone();
        let body = CaseBody {
            name: name.map_or(old_name, Line::into_string),
            blocks: blocks.unwrap_or(old_blocks),
            script: case::Script {
                item: item_id.map(|item| ItemId::from(item.into_string())).or(old.item),
                buyer: buyer.map_or(old.buyer, Extra::from),
                at: at.map(|at| Timestamp(at.get())).or(old.at),
                steps: steps.unwrap_or(old.steps),
            },
        };
        if let Err(refusal) = check(&body) {
            return Ok(Err(refusal));
        }
        let after = match rule_cases::update(conn, &caller.scope, id.0, &body, now)? {
            Ok(after) => RuleCaseView::from(after),
            Err(reason) => return Ok(Err(reason.into())),
        };
        let deed = Deed::new("rule_case.update", id.0).of(caller.scope.user());
        let deed = deed.before(RuleCaseView::from(before)).after(after.clone());
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(after))
    };
    Ok(Json(app.store.write(change).await??))
}

/// Removes a case.
#[utoipa::path(delete, path = "/api/v1/rule-cases/{id}", tag = "sandbox", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let now = clock::unix();
    let remove = move |conn: &mut DbConn| {
        let case = rule_cases::delete(conn, &caller.scope, id.0)?;
        let deed = Deed::new("rule_case.delete", id.0).of(caller.scope.user()).before(RuleCaseView::from(case));
        audit::record(conn, &caller.actor(), &deed, now)
    };
    app.store.write(remove).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Tries the cases of a set, as publishing it does: an account's own, or with `shared` those of every account.
#[utoipa::path(post, path = "/api/v1/rule-sets/{set}/test", tag = "sandbox", request_body = TrialBody, params(("set" = String, Path, description = "`shared`, or the number of an account")), responses((status = 200, body = TrialView)))]
pub async fn test(
    caller: Caller,
    set: Path<String>,
    body: Body<TrialBody>,
    app: Data<AppState>,
) -> ApiResult<Json<TrialView>> {
    let (set, language) = (set_of(&set)?, caller.language);
    let which = match body.0.rules {
        RulesBody::Published => Rules::Published,
        RulesBody::Draft => Rules::PreparedIn(set),
    };
    let tried = tried(&app, &caller, set, which).await?;
    let cases: Vec<TriedView> = tried.iter().map(|tried| tried.view(language)).collect();
    let passed = cases.iter().filter(|case| case.passed).count();
    Ok(Json(TrialView { passed, failed: cases.len() - passed, cases }))
}

/// What comes of the cases of a set with these rules.
pub(super) async fn tried(
    app: &AppState,
    caller: &Caller,
    set: Option<AccountId>,
    which: Rules,
) -> ApiResult<Vec<Tried>> {
    let (caller, keys, usual) = (caller.clone(), app.store.keys().clone(), app.settings.inbox.takeover_pause);
    let turn = app.turns.compile().await?;
    let read = move |conn: &mut DbConn| {
        check_seen(conn, &caller, set)?;
        let trials = rule_cases::trials(conn, &caller.scope, &keys, set, usual)?;
        let rules = if trials.is_empty() { Vec::new() } else { stage::rules(conn, &caller.scope, which)? };
        Ok((trials, rules))
    };
    let (trials, rules) = app.turns.read(&app.store, read).await?;
    let now = clock::unix();
    // The turn ends with the work, also where nobody waits for it any more.
    let tried = block(move || {
        let _turn = turn;
        try_all(trials, &rules, now)
    });
    Ok(tried.await.map_err(|_| Code::Internal)?)
}
