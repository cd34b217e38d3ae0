//! The copies of the database on the server's own disk: which there are, what became of the last run, and one more now.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        super::{
            api::backups::{self as api, BackupsView},
            error::{ApiResult, Language},
        },
        Panel, Shell,
        logs::size,
    },
    Tab,
};
use crate::store::backups::OF_POSTGRES;

#[derive(Template)]
#[template(path = "panel/settings_backups.html")]
struct BackupsPage {
    shell: Shell,
    tab: Tab,
    view: BackupsView,
    folder: String,
    /// Empty: it is in the environment.
    key_file: String,
    /// When, and how many stay.
    habit: String,
    /// What became of the last run, in a sentence; empty where it failed or there was none.
    last: String,
    sizes: Vec<String>,
    pg_dump: &'static str,
}

pub(super) async fn show(panel: &Panel, shell: Shell) -> ApiResult<HttpResponse> {
    let view = api::show(panel.caller.clone(), panel.app.clone()).await?.0;
    let settings = &panel.app.settings;
    let key_file = settings.secrets.key.is_empty().then(|| settings.key_file().display().to_string());
    panel.show(&BackupsPage {
        tab: Tab::Backups,
        folder: settings.backup_folder().display().to_string(),
        key_file: key_file.unwrap_or_default(),
        habit: habit(panel, &view),
        last: last(panel, &shell, &view),
        sizes: view.copies.iter().map(|copy| size(copy.size_bytes)).collect(),
        pg_dump: OF_POSTGRES,
        view,
        shell,
    })
}

fn habit(panel: &Panel, view: &BackupsView) -> String {
    match (panel.language, view.keep) {
        (Language::Chinese, 0) => "不自动备份，只在点击“立即备份”时进行。".to_owned(),
        (Language::English, 0) => "Never by itself, only when you want one.".to_owned(),
        (Language::Chinese, keep) => format!("每天 {}，保留最新的 {keep} 份", view.at),
        (Language::English, keep) => format!("Every day at {}; the newest {keep} stay", view.at),
    }
}

fn last(panel: &Panel, shell: &Shell, view: &BackupsView) -> String {
    let Some((run, bytes, events)) = view.last_run.as_ref().and_then(|run| Some((run, run.size_bytes?, run.events?)))
    else {
        return String::new();
    };
    let (at, size, ms) = (shell.at(&run.started_at), size(bytes), run.duration_ms);
    let took = format!("{}.{:03}", ms / 1000, ms % 1000);
    match panel.language {
        Language::Chinese => format!("{at} 已完成并校验：{size}，用时 {took} 秒，核对了 {events} 条库存记录。"),
        Language::English => {
            format!("Made and verified at {at}: {size}, in {took} s; {events} event(s) of the stock's log were walked.")
        }
    }
}
