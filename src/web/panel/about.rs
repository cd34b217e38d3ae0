//! About: which version this is, whose parts it has, what the panel's words mean, and what to do when something is wrong.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};
use crate::store::backups;

#[derive(Template)]
#[template(path = "panel/about.html")]
struct AboutPage {
    shell: Shell,
    version: &'static str,
    licence: &'static str,
    parts: Vec<Part>,
    words: Vec<(&'static str, &'static str)>,
    docs: bool,
    /// For who looks after the server; empty for others.
    data_dir: String,
    /// Where the copies of the database are.
    backups: String,
    /// How PostgreSQL is backed up; empty where the database is a file.
    postgres: &'static str,
    key_file: String,
}

/// Somebody else's code in the program.
struct Part {
    name: &'static str,
    licence: &'static str,
    what: &'static str,
}

/// About.
#[utoipa::path(get, path = "/app/about", operation_id = "panel_about_about", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn about(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::About, panel.t("关于", "About")).await?;
    let settings = &panel.app.settings;
    let own = |text: String| if shell.may_administer { text } else { String::new() };
    panel.show(&AboutPage {
        version: env!("CARGO_PKG_VERSION"),
        licence: env!("CARGO_PKG_LICENSE"),
        parts: parts(&panel),
        words: words(&panel),
        docs: settings.server.docs,
        data_dir: own(settings.data_dir.display().to_string()),
        backups: own(settings.backup_folder().display().to_string()),
        postgres: if matches!(backups::file(&settings.store()), Ok(None)) { backups::OF_POSTGRES } else { "" },
        key_file: own(if settings.secrets.key.is_empty() {
            settings.key_file().display().to_string()
        } else {
            String::new()
        }),
        shell,
    })
}

fn parts(panel: &Panel) -> Vec<Part> {
    let part = |name, licence, what| Part { name, licence, what };
    vec![
        part("htmx", "0BSD", panel.t("页面的局部更新", "follows links and forms without loading everything anew")),
        part("uPlot", "MIT", panel.t("图表", "charts")),
        part("Lucide", "ISC", panel.t("图标", "icons")),
        part("Swagger UI", "Apache-2.0", panel.t("接口文档（可试用）", "documentation of the API, to try")),
        part("Redoc", "MIT", panel.t("接口文档（便于阅读）", "documentation of the API, to read")),
    ]
}

/// What the words of the panel stand for.
fn words(panel: &Panel) -> Vec<(&'static str, &'static str)> {
    vec![
        (panel.t("账号", "Account"), panel.t("一个在这里登录的闲鱼账号。系统为它收发消息、跟踪订单和发货。", "A seller's login at the platform. Messages, orders and deliveries are looked after for it.")),
        (panel.t("会话", "Chat"), panel.t("与一位买家关于一件商品的往来消息。", "What was said with one buyer about one item.")),
        (panel.t("自动回复规则", "Rule of answers"), panel.t("买家说了什么就怎么回复：关键词、默认回复和事件回复。先改草稿，发布后才生效。", "What is answered to what: by keywords, by default, or to an event. A draft counts once it is published.")),
        (panel.t("AI", "AI"), panel.t("规则没有合适回复时可以请 AI 回答，可设为只旁观、只建议或直接发送，并守住议价底线。", "Answers where no rule does: it watches, suggests or sends, and never goes below your floor price.")),
        (panel.t("接管", "Takeover"), panel.t("您亲自回复后，该会话暂停自动回复一段时间。", "Once you write yourself, the conversation is not answered automatically for a while.")),
        (panel.t("卡券", "Card"), panel.t("要发给买家的内容：固定文字、图片、库存中的卡密，或由接口生成。", "What is delivered: a fixed text, a picture, a unit of stock, or what an address answers.")),
        (panel.t("卡密", "Unit"), panel.t("卡券库存中的一份，只会发给一个订单，每一次变动都有记录。", "One piece of a card's stock. It goes to one order alone, and each step of it is written down.")),
        (panel.t("发货规则", "Delivery rule"), panel.t("哪件商品付款后发哪张卡券。", "Which card is delivered when which item is paid.")),
        (panel.t("发货", "Delivery"), panel.t("订单付款后自动发送卡券内容，不会重复发，拿不准的交给您决定。", "What an order gets once it is paid. Nothing is delivered twice; what is unsure is left to you.")),
        (panel.t("待处理", "To decide"), panel.t("需要您决定的订单问题，例如无法确认是否已发出。", "Orders that wait for your decision, such as where it is unknown whether something arrived.")),
        (panel.t("通知", "Notice"), panel.t("账号掉线、库存不足等事情，会显示在这里，也可以发到您的手机。", "What you should know, such as an account that is offline. It can be sent to your phone.")),
        (panel.t("人工验证", "Verification"), panel.t("闲鱼要求确认是真人时，由您亲自完成；系统不会代为破解。", "When the platform wants to see a person, you pass it yourself. Nothing is solved for you.")),
        (panel.t("人员", "People"), panel.t("帮您处理账号的操作员和观察员，各有各的登录。", "Operators and viewers who work on your accounts, each with their own login.")),
        (panel.t("访问令牌", "Token"), panel.t("让您自己的程序通过接口工作的密码，可随时撤销。", "A password for programs of your own. You can revoke it at any time.")),
        (panel.t("操作记录", "Audit"), panel.t("谁在什么时候改了什么，永久保留。", "Who changed what and when. It is kept for good.")),
        (panel.t("紧急停止", "Stop switch"), panel.t("一键停止所有账号的自动操作，连接和收消息不受影响。", "Stops everything automatic for all accounts at once. Connections stay, and messages are stored.")),
    ]
}
