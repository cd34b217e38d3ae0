//! My login: address, password, second factor, and where one is signed in.

use actix_web::HttpResponse;
use askama::Template;
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    super::{
        api::{
            me as api,
            sessions::{self, Me, SessionView},
        },
        error::ApiResult,
        time_zone,
    },
    Pager, Panel, Place, Shell, Times,
    people::{role_name, role_words},
};

/// The form that makes a second factor.
const FACTOR: &str = "make-factor";
/// The form that confirms one.
const CONFIRM: &str = "confirm-factor";

#[derive(Template)]
#[template(path = "panel/me.html")]
struct MePage {
    shell: Shell,
    me: Me,
    role: &'static str,
    role_words: &'static str,
    /// A second factor that was made just now.
    factor: Option<Factor>,
    /// A code of a factor that was made before was wrong.
    confirms_again: bool,
    /// Those that many choose, and all: name and what is shown.
    common_zones: Vec<(&'static str, String)>,
    zones: Vec<String>,
    /// Theirs is among those that many choose.
    is_common: bool,
    sessions: Vec<Session>,
    pager: Pager,
}

/// Shown this once.
struct Factor {
    secret: String,
    /// The picture, as an address.
    picture: String,
}

struct Session {
    view: SessionView,
    /// The browser in a word or two.
    browser: String,
}

/// My login.
#[utoipa::path(get, path = "/app/me", operation_id = "panel_me_me", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn me(panel: Panel) -> ApiResult<HttpResponse> {
    let me = api::get(panel.caller.clone()).await.0;
    let sessions = sessions::list(panel.caller.clone(), panel.query()?, panel.app.clone()).await?.0;
    let shell = panel.shell(Place::Me, panel.t("我的账户", "My login")).await?;
    panel.show(&MePage {
        role: role_name(me.role, &panel),
        role_words: role_words(me.role, &panel),
        factor: Factor::of(&panel).filter(|_| !me.second_factor),
        common_zones: common_zones(&panel),
        zones: zones(&me.time_zone),
        is_common: is_common(&me.time_zone),
        confirms_again: shell.is_refused(CONFIRM),
        pager: Pager::new(&panel, &sessions),
        sessions: sessions
            .items
            .into_iter()
            .map(|view| Session { browser: browser(&view.agent, &panel), view })
            .collect(),
        me,
        shell,
    })
}

/// All places, and theirs where it is none.
fn zones(theirs: &str) -> Vec<String> {
    let mut names = time_zone::names();
    if !is_common(theirs) && names.iter().all(|name| name != theirs) {
        names.insert(0, theirs.to_owned());
    }
    names
}

fn is_common(zone: &str) -> bool {
    time_zone::COMMON.iter().any(|(name, ..)| *name == zone)
}

fn common_zones(panel: &Panel) -> Vec<(&'static str, String)> {
    let shown = |(name, zh, en): (&'static str, &'static str, &'static str)| {
        let offset = time_zone::offset(Times::new(name, panel.now).offset(panel.now));
        (name, format!("{} ({offset})", panel.t(zh, en)))
    };
    time_zone::COMMON.map(shown).into()
}

impl Factor {
    fn of(panel: &Panel) -> Option<Self> {
        let answer = panel.answer_to(FACTOR)?;
        let secret = answer["secret"].as_str()?.to_owned();
        let picture = BASE64_STANDARD.encode(answer["qr_svg"].as_str()?);
        Some(Self { secret, picture: format!("data:image/svg+xml;base64,{picture}") })
    }
}

/// Which browser on which system, as far as it says so.
fn browser(agent: &str, panel: &Panel) -> String {
    let first =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let browser = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => panel.t("其他程序", "another program").to_owned(),
    }
}
