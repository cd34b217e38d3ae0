//! Audit: who did what when, and what it was before and afterwards.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            audit::{self as api, AuditView},
            employees, users,
        },
        error::ApiResult,
    },
    Days, Pager, Panel, Place, Shell, audit_changes,
    audit_changes::Change,
    audit_texts,
};
use crate::access::role::Right;

#[derive(Template)]
#[template(path = "panel/audit.html")]
struct AuditPage {
    shell: Shell,
    people: Vec<(String, String)>,
    actor: String,
    kinds: Vec<(&'static str, &'static str)>,
    object_type: String,
    /// What is done to things of the chosen kind.
    actions: Vec<(&'static str, &'static str)>,
    action: String,
    days: Days,
    is_filtered: bool,
    lines: Vec<Line>,
    pager: Pager,
}

/// Somebody's deed.
struct Line {
    at: String,
    actor: String,
    via: &'static str,
    /// In words; empty: the code stands alone.
    deed: &'static str,
    code: String,
    object: String,
    /// Only what was done to this.
    same: String,
    address: String,
    request: String,
    changes: Vec<Change>,
}

/// Audit.
#[utoipa::path(get, path = "/app/audit", operation_id = "panel_audit_audit", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn audit(mut panel: Panel) -> ApiResult<HttpResponse> {
    let days = Days::take(&mut panel);
    let given = |panel: &Panel, wanted: &str| {
        panel.query.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.clone()).unwrap_or_default()
    };
    let object_type = given(&panel, "object_type");
    // A deed to things of another kind was chosen before the kind was.
    if given(&panel, "action").split('.').next() != Some(&object_type) {
        panel.take("action");
    }
    let span = days.as_query(&panel.times);
    let span: Vec<(&str, &str)> = span.iter().map(|(name, at)| (*name, at.as_str())).collect();
    let page = api::list(panel.caller.clone(), panel.query_with(&span)?, panel.app.clone()).await?.0;
    days.put_back(&mut panel);
    panel.show(&AuditPage {
        shell: panel.shell(Place::Audit, panel.t("操作记录", "Audit")).await?,
        people: people(&panel).await?,
        actor: given(&panel, "actor"),
        kinds: audit_texts::KINDS.iter().map(|(code, zh, en)| (*code, panel.t(zh, en))).collect(),
        actions: audit_texts::deeds_of(&object_type).map(|(code, zh, en)| (*code, panel.t(zh, en))).collect(),
        action: given(&panel, "action"),
        object_type,
        is_filtered: panel.query.iter().any(|(name, _)| name != "page"),
        pager: Pager::new(&panel, &page),
        lines: page.items.into_iter().map(|view| Line::new(view, &panel)).collect(),
        days,
    })
}

/// Who may have done something.
async fn people(panel: &Panel) -> ApiResult<Vec<(String, String)>> {
    let query = super::asked("per_page=200")?;
    let page = match panel.may(Right::Administer) {
        true => users::list(query, panel.app.clone()).await?.0,
        false => employees::list(panel.caller.clone(), query, panel.app.clone()).await?.0,
    };
    let me = &panel.caller.user;
    let others = page.items.into_iter().filter(|person| person.id != me.id);
    let others = others.map(|person| (person.id.to_string(), person.name));
    Ok([(me.id.to_string(), me.name.clone())].into_iter().chain(others).collect())
}

impl Line {
    fn new(view: AuditView, panel: &Panel) -> Self {
        let kind = audit_texts::KINDS.iter().find(|(code, ..)| *code == view.object_type);
        let kind = kind.map_or("", |(_, zh, en)| panel.t(zh, en));
        let object = match (&*view.object_id, kind) {
            ("system" | "log" | "-", _) => String::new(),
            (id, "") => id.to_owned(),
            (id, kind) => format!("{kind} {id}"),
        };
        let same = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("object_type", &view.object_type), ("object_id", &view.object_id)])
            .finish();
        Self {
            at: panel.times.to_the_second(view.at),
            via: via(&view.via, panel),
            deed: audit_texts::deed(&view.action).map_or("", |(zh, en)| panel.t(zh, en)),
            same: format!("/app/audit?{same}"),
            object,
            changes: audit_changes::changes(view.before.as_deref(), view.after.as_deref(), panel),
            actor: view.actor,
            code: view.action,
            address: view.address.unwrap_or_default(),
            request: view.request_id.unwrap_or_default(),
        }
    }
}

fn via(via: &str, panel: &Panel) -> &'static str {
    match via {
        "session" => panel.t("网页", "in a browser"),
        "token" => panel.t("访问令牌", "by a token"),
        "door" => panel.t("登录页", "at the door"),
        "cli" => panel.t("命令行", "at the command line"),
        _ => panel.t("系统", "the system itself"),
    }
}
