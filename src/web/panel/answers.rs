//! Where each account's answers come from, and in which order: all accounts at a glance.

use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    super::{
        api::step_texts,
        error::ApiResult,
        page::{PageNumber, Paging},
    },
    Pager, Panel, Place, Shell,
};
use crate::{
    ids::AccountId,
    reply::source::Source,
    store::{DbConn, accounts, sandbox::Ground},
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AnswersQuery {
    #[param(inline)]
    page: Option<PageNumber>,
}

#[derive(Template)]
#[template(path = "panel/answers.html")]
struct AnswersPage {
    shell: Shell,
    accounts: Vec<Shown>,
    pager: Pager,
}

/// An account's sources.
struct Shown {
    id: AccountId,
    name: String,
    sources: Vec<SourceLine>,
}

struct SourceLine {
    name: String,
    /// Why it says nothing; empty: it is asked.
    state: &'static str,
}

/// Where each account's answers come from, in their order, and what is turned off.
#[utoipa::path(get, path = "/app/answers", operation_id = "panel_answers", tag = "pages", params(AnswersQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn answers(panel: Panel) -> ApiResult<HttpResponse> {
    let query: AnswersQuery = panel.query()?.0;
    let paging = Paging::new(query.page, None);
    let (app, scope) = (&panel.app, panel.caller.scope);
    let (keys, usual) = (app.store.keys().clone(), app.settings.inbox.takeover_pause);
    let read = move |conn: &mut DbConn| {
        let part = paging.cut(accounts::list_ids(conn, &scope)?);
        let grounds = part.items.iter().map(|id| Ground::read(conn, &scope, &keys, *id, usual));
        Ok((grounds.collect::<Result<Vec<_>, _>>()?, part.total))
    };
    let (grounds, total) = app.turns.read(&app.store, read).await?;
    let page = paging.answer(grounds, total);
    panel.show(&AnswersPage {
        shell: panel.shell(Place::Ai, panel.t("回复来源", "Where answers come from")).await?,
        pager: Pager::new(&panel, &page),
        accounts: page.items.into_iter().map(|ground| Shown::new(ground, &panel)).collect(),
    })
}

impl Shown {
    fn new(ground: Ground, panel: &Panel) -> Self {
        let Ground { account, answers, .. } = ground;
        let state = |source: Source| match source {
            _ if !answers.sources.is_on(source) => panel.t("已关闭", "off"),
            Source::Hook if answers.hook.is_none() => panel.t("未设置", "not set"),
            Source::Ai if answers.ai.is_none() => panel.t("未设置", "not set"),
            _ => "",
        };
        let line = |source| SourceLine {
            name: step_texts::source(source).in_language(panel.language).to_owned(),
            state: state(source),
        };
        Self { id: account.id, name: account.name, sources: Source::ORDER.into_iter().map(line).collect() }
    }
}
