//! `/api/v1/rule-sets/{set}/export` and `/import`: the rules of a set as an Excel workbook, as CSV or as JSON. What files look like:
//! [`reply::file`](crate::reply::file).

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    hash::Hash,
    pin::Pin,
    sync::Arc,
};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, HttpResponse,
    dev::Payload,
    http::header::CONTENT_DISPOSITION,
    web::{Bytes, Data, Json, Path, block},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
        input::{MAX_TABLE_BODY, Query, collect_up_to, patience_for_files, read_value},
    },
    keywords, pictures, rule_faults, rule_fields,
    rule_sets::{check_seen, name_of, refused, set_of},
    rule_warnings::{Ground, WarningView},
};
use crate::{
    ids::{AccountId, PictureId, RuleId, Timestamp, UserId},
    reply::{
        file::{
            Fault, Line, Names, Tongue,
            plan::{Fate, Mode, Plan, Present, Row},
            table::{self, Layout},
        },
        matcher::Library,
        rule::{Action, Matching, Rule, RuleBody},
        warnings::Warning,
    },
    sheet,
    store::{
        DbConn, QueryResult, Scope, accounts,
        audit::{self, Actor, Deed},
        pictures as stored_pictures,
        revisions::{self, Topic},
        rule_drafts,
        rule_versions::{Cause, Change},
        rules, users,
    },
    telemetry::clock,
};

/// More warnings than this are counted and not told one by one.
const MOST_WARNINGS: usize = 200;
/// The sheet's name, which the older program looks for too.
const SHEET: &str = "关键词数据";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// An Excel workbook; its first sheet is read.
    Xlsx,
    /// UTF-8; GBK is read as well.
    Csv,
    /// A list of rules with all of their fields.
    Json,
}

/// Which columns a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileLayout {
    /// One for every field of a rule.
    Full,
    /// Keyword, items and reply. Rules that say more are left out.
    Simple,
}

/// What becomes of the rules that are not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportMode {
    Merge,
    /// They are removed; where the file has the simple layout, only those that it could have held.
    Replace,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// `xlsx` where nothing is said.
    #[param(inline)]
    format: Option<FileFormat>,
    /// Of tables; `full` where nothing is said. The head is in the language of `Accept-Language`.
    #[param(inline)]
    layout: Option<FileLayout>,
}

impl ExportQuery {
    pub(in crate::web) fn of_older_clients() -> Self {
        Self { format: Some(FileFormat::Xlsx), layout: Some(FileLayout::Simple) }
    }
}

#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// What the file is. Its layout is told by its head.
    #[param(inline)]
    format: FileFormat,
    /// `merge` where nothing is said.
    #[param(inline)]
    mode: Option<ImportMode>,
    /// `true` where nothing is said: only tells what would be changed.
    dry_run: Option<bool>,
    /// `true`: the changes are prepared, and not published.
    draft: Option<bool>,
}

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; the file is read part by part")]
pub struct TableForm {
    /// The workbook, CSV or JSON.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The file of a request: its body, or the one file of a form.
pub struct TableFile(Bytes);

const TYPES: [&str; 5] = [
    "application/json",
    "application/octet-stream",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text/csv",
];

impl FromRequest for TableFile {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let kind = request.mime_type().ok().flatten();
            let kind = kind.as_ref().map(|mime| mime.essence_str()).unwrap_or_default();
            let is_form = kind == "multipart/form-data";
            if !is_form && !TYPES.contains(&kind) {
                let said = Said::new(
                    "须为 Excel、CSV、JSON 文件或 multipart/form-data 表单",
                    "must be an Excel, CSV or JSON file, or a form with one",
                );
                return Err(ApiError::from(Code::UnsupportedMediaType).at("Content-Type").because(said));
            }
            let body = collect_up_to(MAX_TABLE_BODY, payload, patience_for_files(&request)).await?.freeze();
            if is_form { pictures::of_form(&request, body).await.map(Self) } else { Ok(Self(body)) }
        })
    }
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowOutcome {
    Added,
    Updated,
    Unchanged,
    /// It cannot be taken, and so none is.
    Error,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RowProblem {
    /// As the API calls it.
    #[schema(example = "actions[0].text")]
    pub field: String,
    #[schema(example = "must have 1 to 2000 characters")]
    pub problem: String,
}

/// One row of the file.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ImportRow {
    /// As a spreadsheet counts them; the head is row 1. In JSON the first rule is 1.
    pub row: usize,
    #[schema(inline)]
    pub outcome: RowOutcome,
    pub keyword: String,
    /// `null` where it is new.
    #[schema(value_type = Option<i64>)]
    pub rule_id: Option<RuleId>,
    pub problems: Vec<RowProblem>,
}

/// A rule that is not in the file.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RemovedRule {
    #[schema(value_type = i64)]
    pub rule_id: RuleId,
    pub keyword: String,
}

/// A doubt about a rule of the file.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ImportWarning {
    pub row: Option<usize>,
    /// Of `shadowed` and `shadows`: where the other rule is in the file as well.
    pub other_row: Option<usize>,
    #[serde(flatten)]
    pub warning: WarningView,
}

/// What a file changes, or would change.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ImportReport {
    /// Whether nothing was written.
    pub dry_run: bool,
    pub draft: bool,
    pub added: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub errors: usize,
    pub rows: Vec<ImportRow>,
    pub removed: Vec<RemovedRule>,
    /// The first 200.
    pub warnings: Vec<ImportWarning>,
    pub warnings_total: usize,
}

/// Whose accounts and people a file may name.
fn names(conn: &mut DbConn, scope: &Scope) -> QueryResult<Names> {
    let accounts = accounts::list(conn, scope)?.into_iter().map(|account| (account.id, account.name));
    Ok(Names::new(accounts.collect(), users::names(conn, scope.user())?))
}

fn layout_of(layout: FileLayout) -> Layout {
    match layout {
        FileLayout::Full => Layout::Full,
        FileLayout::Simple => Layout::Simple,
    }
}

/// The rules of a set as a file. What is only prepared is not in it.
#[utoipa::path(get, path = "/api/v1/rule-sets/{set}/export", tag = "rule sets", params(("set" = String, Path, description = "`shared`, or the number of an account"), ExportQuery),
    responses((status = 200, description = "The file", content((String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (String = "text/csv"), (Vec<Object> = "application/json")))))]
pub async fn export(
    caller: Caller,
    set: Path<String>,
    query: Query<ExportQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let set = set_of(&set)?;
    let format = query.0.format.unwrap_or(FileFormat::Xlsx);
    let layout = layout_of(query.0.layout.unwrap_or(FileLayout::Full));
    let tongue = match caller.language {
        Language::Chinese => Tongue::Chinese,
        Language::English => Tongue::English,
    };
    let turn = app.turns.compile().await?;
    let (actor, scope, now) = (caller.actor(), caller.scope, clock::unix());
    let read = move |conn: &mut DbConn| {
        check_seen(conn, &caller, set)?;
        Ok((of_set(rules::list(conn, &scope)?.rules, set), names(conn, &scope)?))
    };
    let (rules, names) = app.store.read(read).await?;
    let is_table = format != FileFormat::Json;
    let held = rules.iter().filter(|rule| !is_table || layout.holds(&rule.body)).count();
    let told = json!({"rules": held, "left_out": rules.len() - held});
    let written = block(move || {
        let _turn = turn;
        file_of(&rules, format, layout, tongue, &names)
    });
    let file = written.await.map_err(|_| Code::Internal)?;
    let file = file.map_err(|fault| ApiError::from(Code::InvalidQuery).at("format").because(said(&fault)))?;
    let deed = Deed::new("rule_set.export", name_of(set)).of(scope.user()).after(told);
    app.store.write(move |conn| audit::record(conn, &actor, &deed, now)).await?;
    let (mime, ending) = match format {
        FileFormat::Xlsx => (TYPES[3], "xlsx"),
        FileFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        FileFormat::Json => ("application/json", "json"),
    };
    Ok(HttpResponse::Ok()
        .content_type(mime)
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"rules-{}.{ending}\"", name_of(set))))
        .body(file))
}

fn of_set(rules: Vec<Rule>, set: Option<AccountId>) -> Vec<Rule> {
    rules.into_iter().filter(|rule| rule.body.account == set).collect()
}

/// A rule as it is kept, but with names, and without whose it is.
fn to_json<'a>(rules: impl Iterator<Item = &'a RuleBody>, names: &Names) -> Vec<u8> {
    let rules = rules.map(|rule| {
        let mut value = json!(rule);
        if let Some(fields) = value.as_object_mut() {
            fields.shift_remove("account_id");
        }
        value["only_accounts"] = rule.accounts.iter().map(|id| names.of_account(*id)).collect();
        for (action, written) in rule.actions.iter().zip(value["actions"].as_array_mut().into_iter().flatten()) {
            if let Action::HandOver(Some(person)) = action {
                written["hand_over"] = names.of_person(*person).into();
            }
        }
        value
    });
    // What was made of JSON can be written as JSON.
    serde_json::to_vec_pretty(&rules.collect::<Vec<_>>()).unwrap_or_default()
}

/// The rules of a set as a file, where waiting hurts nobody.
pub fn export_now(
    conn: &mut DbConn,
    scope: &Scope,
    set: Option<AccountId>,
    format: FileFormat,
) -> QueryResult<Result<Vec<u8>, sheet::Fault>> {
    let (rules, names) = (of_set(rules::list(conn, scope)?.rules, set), names(conn, scope)?);
    Ok(file_of(&rules, format, Layout::Full, Tongue::Chinese, &names))
}

/// Takes a file into a set, where waiting hurts nobody. The report tells of errors as of everything else.
pub fn import_now(
    conn: &mut DbConn,
    scope: &Scope,
    (actor, now): (&Actor, Timestamp),
    (file, format): (&[u8], FileFormat),
    options: Options,
) -> QueryResult<ApiResult<ImportReport>> {
    let names = names(conn, scope)?;
    let parsed = match parse(file, format, &names, options.set) {
        Ok(parsed) => parsed,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let outcome = if options.dry_run {
        compare(conn, scope, parsed, options)?
    } else {
        write(conn, scope, (actor, now), parsed, options)?
    };
    Ok(outcome.map(|outcome| outcome.report(options, Language::English)))
}

fn file_of(
    rules: &[Rule],
    format: FileFormat,
    layout: Layout,
    tongue: Tongue,
    names: &Names,
) -> Result<Vec<u8>, sheet::Fault> {
    let bodies = rules.iter().map(|rule| &rule.body);
    match format {
        FileFormat::Xlsx => sheet::write_workbook(SHEET, &table::write(bodies, layout, tongue, names)),
        FileFormat::Csv => Ok(sheet::write_csv(&table::write(bodies, layout, tongue, names))),
        FileFormat::Json => Ok(to_json(bodies, names)),
    }
}

/// What was read of a file.
struct Parsed {
    layout: Layout,
    lines: Vec<Line>,
}

/// Reads the rules of a file and judges each of them as the API would.
fn parse(file: &[u8], format: FileFormat, names: &Names, set: Option<AccountId>) -> ApiResult<Parsed> {
    let unreadable = |fault: sheet::Fault| ApiError::field("file", said(&fault));
    let rows = match format {
        FileFormat::Xlsx => sheet::read_workbook(file).map_err(unreadable)?,
        FileFormat::Csv => sheet::read_csv(file).map_err(unreadable)?,
        FileFormat::Json => {
            let lines = read_json(file, names)?;
            return Ok(Parsed { layout: Layout::Full, lines: judged(lines, set) });
        }
    };
    let table =
        table::read(&rows, names).map_err(|fault| ApiError::field(fault.field, Said::new(fault.zh, fault.en)))?;
    Ok(Parsed { layout: table.layout, lines: judged(table.lines, set) })
}

fn read_json(file: &[u8], names: &Names) -> ApiResult<Vec<Line>> {
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let rules: Vec<Value> = serde_json::from_slice(file)
        .map_err(|_| ApiError::field("file", Said::new("须为规则的 JSON 数组", "must be a JSON list of rules")))?;
    if rules.len() >= sheet::MOST_ROWS {
        return Err(ApiError::field("file", said(&sheet::Fault::TooLarge)));
    }
    let lines =
        (1..).zip(rules).map(|(row, value)| Line { row, rule: from_json(value, names).map_err(|fault| vec![fault]) });
    Ok(lines.collect())
}

fn from_json(mut value: Value, names: &Names) -> Result<RuleBody, Fault> {
    if let Some(fields) = value.as_object_mut() {
        // The address says whose set it is.
        fields.shift_remove("account_id");
    }
    let accounts = value.get_mut("only_accounts").and_then(Value::as_array_mut).into_iter().flatten();
    for (place, account) in accounts.enumerate() {
        let Some(name) = account.as_str() else { continue };
        let (zh, en) = (format!("没有名为“{name}”的账号"), format!("there is no account {name:?}"));
        let id = names.account(name).ok_or_else(|| Fault::new(format!("only_accounts[{place}]"), zh, en))?;
        *account = id.0.into();
    }
    let actions = value.get_mut("actions").and_then(Value::as_array_mut).into_iter().flatten();
    for (place, action) in actions.enumerate() {
        let Some(person) = action.get_mut("hand_over") else { continue };
        let Some(name) = person.as_str() else { continue };
        let (zh, en) = (format!("没有名为“{name}”的同事"), format!("there is no colleague {name:?}"));
        let id = names.person(name).ok_or_else(|| Fault::new(format!("actions[{place}].hand_over"), zh, en))?;
        *person = id.0.into();
    }
    read_value::<RuleBody>(value).map(RuleBody::in_order).map_err(|refusal| fault_of(&refusal))
}

/// What a refusal says of a field.
fn fault_of(refusal: &ApiError) -> Fault {
    let (field, said) = refusal.told();
    Fault::new(
        field.unwrap_or("file"),
        said.map(|said| &*said.zh).unwrap_or_default(),
        said.map(|said| &*said.en).unwrap_or_default(),
    )
}

/// The same checks as of the API: lengths and numbers, addresses of pictures, and the matcher itself.
fn judged(mut lines: Vec<Line>, set: Option<AccountId>) -> Vec<Line> {
    for line in &mut lines {
        let Ok(rule) = &mut line.rule else { continue };
        rule.account = set;
        let keyword = || {
            let said =
                Said::new("默认回复和事件规则没有关键词", "a default reply or a rule for an event has no keyword");
            (rule.matching == Matching::Default && !rule.keyword.is_empty()).then(|| ApiError::field("keyword", said))
        };
        let refusal =
            keyword().or_else(|| rule_fields::check(rule).err()).or_else(|| keywords::check_addresses(rule).err());
        if let Some(refusal) = refusal {
            line.rule = Err(vec![fault_of(&refusal)]);
        }
    }
    let tried: Vec<Arc<Rule>> = (0..)
        .zip(&lines)
        .filter_map(|(place, line)| {
            let body = RuleBody { enabled: true, ..line.rule.clone().ok()? };
            Some(Arc::new(Rule { id: RuleId(place), body, created_at: Timestamp(0) }))
        })
        .collect();
    for fault in Library::compile(&tried).faults() {
        let line = usize::try_from(fault.rule.0).ok().and_then(|place| lines.get_mut(place));
        if let Some(line) = line {
            let field = rule_faults::field(&fault.text);
            let said = rule_faults::said(fault.text);
            line.rule = Err(vec![Fault::new(field, said.zh, said.en)]);
        }
    }
    lines
}

/// Refuses rows with pictures that the seller does not have, or colleagues whom nobody knows. Each is asked for once.
fn refuse_strangers(conn: &mut DbConn, scope: &Scope, lines: &mut [Line]) -> QueryResult<()> {
    let (mut images, mut people): (HashMap<PictureId, bool>, HashMap<UserId, bool>) = Default::default();
    for line in lines {
        let Ok(rule) = &line.rule else { continue };
        let mut faults = Vec::new();
        for (place, action) in rule.actions.iter().enumerate() {
            let is_picture = |id: &PictureId| Ok(stored_pictures::find(conn, scope, id)?.is_some());
            let stranger = match action {
                Action::Image(address) => match PictureId::of_address(address) {
                    Some(id) if !known(&mut images, &id, is_picture)? => Some(("image", pictures::no_such_picture())),
                    Some(_) | None => None,
                },
                Action::HandOver(Some(person))
                    if !known(&mut people, person, |person| users::is_of(conn, scope.user(), *person))? =>
                {
                    Some(("hand_over", keywords::no_such_colleague()))
                }
                _ => None,
            };
            let fault = |(kind, said): (&str, Said)| Fault::new(format!("actions[{place}].{kind}"), said.zh, said.en);
            faults.extend(stranger.map(fault));
        }
        if !faults.is_empty() {
            line.rule = Err(faults);
        }
    }
    Ok(())
}

fn known<K: Hash + Eq + Clone>(
    asked: &mut HashMap<K, bool>,
    key: &K,
    ask: impl FnOnce(&K) -> QueryResult<bool>,
) -> QueryResult<bool> {
    if let Some(known) = asked.get(key) {
        return Ok(*known);
    }
    let known = ask(key)?;
    asked.insert(key.clone(), known);
    Ok(known)
}

/// How a file is taken.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub set: Option<AccountId>,
    pub mode: Mode,
    pub dry_run: bool,
    pub draft: bool,
}

/// What is to be written, and what is doubted of it.
struct Outcome {
    plan: Plan,
    /// The changes, with the numbers of what is new; where nothing is written, those are negative.
    changes: Vec<(Option<usize>, Change)>,
    ground: Ground,
}

fn compare(conn: &mut DbConn, scope: &Scope, mut parsed: Parsed, options: Options) -> QueryResult<ApiResult<Outcome>> {
    if let Err(reason) = rules::check_set(conn, scope, options.set)? {
        return Ok(Err(refused(reason)));
    }
    let drafts = rule_drafts::all(conn, scope, options.set)?;
    if options.mode == Mode::Replace && !options.draft && !drafts.is_empty() {
        return Ok(Err(keywords::has_draft()));
    }
    let present = if options.draft { rule_drafts::list(conn, scope)? } else { rules::list(conn, scope)? };
    let present = of_set(present.rules, options.set);
    let held = drafts.iter().filter(|_| !options.draft).flat_map(|change| change.before.iter().chain(&change.after));
    let held: HashSet<_> = held.map(RuleBody::identity).collect();
    refuse_strangers(conn, scope, &mut parsed.lines)?;
    let present = Present { set: options.set, rules: &present, held: &held };
    let plan = Plan::new(&parsed.lines, parsed.layout, options.mode, present);
    // Below 0, and in the order of the file: what comes first is older.
    let number = |place: usize| RuleId(i64::MIN + i64::try_from(place).unwrap_or(0));
    let changes = plan.steps.iter().enumerate().map(|(place, step)| {
        let id = step.id.unwrap_or_else(|| number(place));
        (step.row, Change { id, before: step.before.clone(), after: step.after.clone() })
    });
    Ok(Ok(Outcome { changes: changes.collect(), plan, ground: Ground::read(conn, scope, options.draft)? }))
}

/// Takes the rules of a file into a set, all of them or none, as one version. First without `dry_run=false`, which changes nothing and
/// tells what would become of each row. A rule is the same where its accounts, items, trigger, match, keyword and conditions are. In a
/// table of the simple layout (`关键词`, `商品ID`, `关键词内容`) a row changes only what is answered.
#[utoipa::path(post, path = "/api/v1/rule-sets/{set}/import", tag = "rule sets", params(("set" = String, Path, description = "`shared`, or the number of an account"), ImportQuery),
    request_body(content((TableForm = "multipart/form-data"), ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), ("text/csv"), ("application/octet-stream"))),
    responses((status = 200, body = ImportReport)))]
pub async fn import(
    caller: Caller,
    set: Path<String>,
    query: Query<ImportQuery>,
    file: TableFile,
    app: Data<AppState>,
) -> ApiResult<Json<ImportReport>> {
    let mode = match query.0.mode {
        Some(ImportMode::Replace) => Mode::Replace,
        Some(ImportMode::Merge) | None => Mode::Merge,
    };
    let (dry_run, draft) = (query.0.dry_run.unwrap_or(true), query.0.draft.unwrap_or(false));
    let options = Options { set: set_of(&set)?, mode, dry_run, draft };
    let report = take(&app, caller, file, query.0.format, options).await?;
    Ok(Json(report))
}

pub(in crate::web) async fn take(
    app: &AppState,
    caller: Caller,
    file: TableFile,
    format: FileFormat,
    options: Options,
) -> ApiResult<ImportReport> {
    let (scope, language, set) = (caller.scope, caller.language, options.set);
    let seen = caller.clone();
    let read = move |conn: &mut DbConn| {
        check_seen(conn, &seen, set)?;
        names(conn, &scope)
    };
    let names = app.store.read(read).await?;
    let turn = app.turns.compile().await?;
    let parsed = block(move || {
        let _turn = turn;
        parse(&file.0, format, &names, set)
    });
    let parsed = parsed.await.map_err(|_| Code::Internal)??;
    let outcome = if options.dry_run {
        app.turns.read(&app.store, move |conn| compare(conn, &scope, parsed, options)).await??
    } else {
        let (actor, now) = (caller.actor(), clock::unix());
        app.store.write(move |conn| write(conn, &scope, (&actor, now), parsed, options)).await??
    };
    let is_refused = outcome.plan.is_refused();
    if !options.dry_run && !is_refused {
        super::accounts::notice(app);
    }
    // What was done is told, also where others take long.
    let turn = app.turns.compile().await.ok();
    let judged = block(move || {
        let _turn = turn;
        outcome.report(options, language)
    });
    let report = judged.await.map_err(|_| Code::Internal)?;
    if options.dry_run || !is_refused {
        return Ok(report);
    }
    let said = Said::new("文件中有错误，未作任何修改", "rows of the file cannot be taken: nothing was changed");
    Err(ApiError::field("file", said).with("report", json!(report)))
}

/// Compares and writes behind one lock.
fn write(
    conn: &mut DbConn,
    scope: &Scope,
    (actor, now): (&Actor, Timestamp),
    parsed: Parsed,
    options: Options,
) -> QueryResult<ApiResult<Outcome>> {
    revisions::lock(conn, Topic::Rules)?;
    let mut outcome = match compare(conn, scope, parsed, options)? {
        Ok(outcome) if !outcome.plan.is_refused() => outcome,
        other => return Ok(other),
    };
    let (rows, changes): (Vec<_>, Vec<_>) = outcome.changes.into_iter().unzip();
    let written = if options.draft {
        rule_drafts::import(conn, scope, changes, now)?
    } else {
        rules::write_planned(conn, scope, changes, &Cause::Import, actor, now)?
    };
    let written = match written {
        Ok(written) => written,
        Err(reason) => return Ok(Err(refused(reason))),
    };
    let count = |fits: fn(&Change) -> bool| written.iter().filter(|change| fits(change)).count();
    let told = json!({
        "draft": options.draft,
        "added": count(|change| change.before.is_none()),
        "updated": count(|change| change.before.is_some() && change.after.is_some()),
        "removed": count(|change| change.after.is_none()),
    });
    let deed = Deed::new("rule_set.import", name_of(options.set)).of(scope.user()).after(told);
    audit::record(conn, actor, &deed, now)?;
    outcome.changes = rows.into_iter().zip(written).collect();
    Ok(Ok(outcome))
}

impl Outcome {
    fn report(self, options: Options, language: Language) -> ImportReport {
        let Self { plan, changes, mut ground } = self;
        let is_real = !options.dry_run && !plan.is_refused();
        let new: HashMap<usize, RuleId> =
            changes.iter().filter_map(|(row, change)| Some(((*row)?, change.id))).collect();
        let rows_of: HashMap<RuleId, usize> = new.iter().map(|(row, id)| (*id, *row)).collect();
        let removed = changes.iter().filter(|(_, change)| change.after.is_none()).map(|(_, change)| RemovedRule {
            rule_id: change.id,
            keyword: change.before.as_ref().map(|before| before.keyword.clone()).unwrap_or_default(),
        });
        let removed = removed.collect();
        ground.change(changes.into_iter().map(|(_, change)| (change.id, change.after)));
        let found = ground.warnings(|rule| rows_of.contains_key(&rule.id));
        let warnings = found.iter().take(MOST_WARNINGS).map(|warning| warning_of(warning, &rows_of, language));
        let count = |fits: fn(&Fate) -> bool| plan.rows.iter().filter(|row| fits(&row.fate)).count();
        ImportReport {
            dry_run: options.dry_run,
            draft: options.draft,
            added: count(|fate| *fate == Fate::Added),
            updated: count(|fate| *fate == Fate::Updated),
            unchanged: count(|fate| *fate == Fate::Unchanged),
            errors: count(|fate| matches!(fate, Fate::Refused(_))),
            removed,
            warnings: warnings.collect(),
            warnings_total: found.len(),
            rows: plan.rows.into_iter().map(|row| row_of(row, is_real.then_some(&new), language)).collect(),
        }
    }
}

fn warning_of(warning: &Warning, rows: &HashMap<RuleId, usize>, language: Language) -> ImportWarning {
    let row = |id: RuleId| rows.get(&id).copied();
    ImportWarning {
        row: row(warning.rule),
        other_row: warning.other.and_then(row),
        warning: WarningView::new(warning, language),
    }
}

/// `new` names the rules that were written.
fn row_of(row: Row, new: Option<&HashMap<usize, RuleId>>, language: Language) -> ImportRow {
    let rule_id = row.rule.or_else(|| new?.get(&row.row).copied());
    let (outcome, faults) = match row.fate {
        Fate::Added => (RowOutcome::Added, Vec::new()),
        Fate::Updated => (RowOutcome::Updated, Vec::new()),
        Fate::Unchanged => (RowOutcome::Unchanged, Vec::new()),
        Fate::Refused(faults) => (RowOutcome::Error, faults),
    };
    let problem = |fault: Fault| RowProblem {
        problem: match language {
            Language::Chinese => fault.zh,
            Language::English => fault.en,
        },
        field: fault.field,
    };
    let problems = faults.into_iter().map(problem).collect();
    ImportRow { row: row.row, outcome, keyword: row.keyword, rule_id, problems }
}

pub(super) fn said(fault: &sheet::Fault) -> Said {
    let zh = match fault {
        sheet::Fault::OldWorkbook => "这是旧版 Excel 文件（.xls），请另存为 .xlsx".to_owned(),
        sheet::Fault::NoWorkbook => "不是 Excel 文件（.xlsx），或文件已损坏".to_owned(),
        sheet::Fault::NoText => "不是 UTF-8 或 GBK 编码的 CSV 文件".to_owned(),
        sheet::Fault::TooLarge => format!("行或列过多，最多 {} 行", sheet::MOST_ROWS - 1),
        sheet::Fault::Changed { row, column, into } => {
            let into = match into {
                sheet::Changed::Date => "日期",
                sheet::Changed::RoundedNumber => "四舍五入的数字",
                sheet::Changed::Error => "错误值",
            };
            format!("第 {row} 行第 {column} 列被 Excel 变成了{into}，请将该列设为文本格式")
        }
        sheet::Fault::TooLong { row, column } => {
            format!("第 {row} 行第 {column} 列超过 Excel 单元格的长度，请导出 CSV 或 JSON")
        }
    };
    Said::new(zh, fault.to_string())
}
