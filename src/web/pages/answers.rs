//! Where each account's answers come from, and in which order.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    super::{
        AppState,
        api::step_texts,
        error::{ApiResult, Language},
        gate::Caller,
        input::Query,
        page::{PageNumber, Paging},
    },
    Chosen, Frame, language, show,
};
use crate::{
    reply::source::Source,
    store::{DbConn, accounts, sandbox::Ground},
};

const PATH: &str = "/app/answers";

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AnswersQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    lang: Option<Chosen>,
}

#[derive(Template)]
#[template(path = "answers.html")]
struct AnswersPage<'a> {
    frame: Frame,
    words: &'a Words,
    accounts: Vec<Shown>,
    /// Where there are more accounts.
    next: Option<String>,
}

/// An account's sources.
struct Shown {
    name: String,
    sources: Vec<(String, &'static str)>,
}

struct Words {
    title: &'static str,
    lead: &'static str,
    silence: &'static str,
    off: &'static str,
    not_set: &'static str,
    nobody: &'static str,
    more: &'static str,
}

const CHINESE: Words = Words {
    title: "回复来源",
    lead: "买家说完以后，按下面的顺序逐个询问。第一个有内容的来源负责回复；规则设为不回复时，到此为止。",
    silence: "都没有内容：不回复",
    off: "已关闭",
    not_set: "未设置",
    nobody: "还没有账号。",
    more: "更多账号",
};

const ENGLISH: Words = Words {
    title: "Where answers come from",
    lead: "When a buyer has fallen quiet, these are asked in this order. The first that has something to say answers; a rule that is set to say \
           nothing ends the search.",
    silence: "None has anything: nothing is said",
    off: "off",
    not_set: "not set",
    nobody: "There is no account yet.",
    more: "More accounts",
};

/// Where each account's answers come from, in their order, and what is turned off.
#[utoipa::path(get, path = "/app/answers", tag = "pages", params(AnswersQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn answers(
    caller: Caller,
    request: HttpRequest,
    query: Query<AnswersQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let language = language(query.0.lang, &request);
    let words = language.pick(&CHINESE, &ENGLISH);
    let paging = Paging::new(query.0.page, None);
    let (keys, usual) = (app.store.keys().clone(), app.settings.inbox.takeover_pause);
    let read = move |conn: &mut DbConn| {
        let ids = accounts::list_ids(conn, &caller.scope)?;
        let part = paging.cut(ids);
        let grounds = part.items.iter().map(|id| Ground::read(conn, &caller.scope, &keys, *id, usual));
        Ok((grounds.collect::<Result<Vec<_>, _>>()?, part.total))
    };
    let (grounds, total) = app.turns.read(&app.store, read).await?;
    let shown = i64::try_from(grounds.len()).unwrap_or(0);
    let number = query.0.page.map_or(1, |page| page.get());
    let next = (paging.part().offset + shown < total).then(|| format!("{PATH}?page={}", number + 1));
    let accounts = grounds.into_iter().map(|ground| Shown::new(ground, words, language)).collect();
    let carried = number.to_string();
    let carried = query.0.page.map(|_| ("page", carried.as_str()));
    let frame = Frame::new(words.title, language, PATH, carried.as_slice());
    show(StatusCode::OK, &AnswersPage { frame, words, accounts, next })
}

impl Shown {
    fn new(ground: Ground, words: &Words, language: Language) -> Self {
        let Ground { account, answers, .. } = ground;
        let state = |source: Source| match source {
            _ if !answers.sources.is_on(source) => words.off,
            Source::Hook if answers.hook.is_none() => words.not_set,
            Source::Ai if answers.ai.is_none() => words.not_set,
            _ => "",
        };
        let name = |source| step_texts::source(source).in_language(language).to_owned();
        Self {
            name: account.name,
            sources: Source::ORDER.into_iter().map(|source| (name(source), state(source))).collect(),
        }
    }
}
