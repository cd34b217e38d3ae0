//! People: who works for an owner, and for an administrator everybody with a login.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{employees, people::PersonView, users},
        error::ApiResult,
        tag,
    },
    AccountNames, AccountTicks, AccountsToTick, Pager, Panel, Place, Shell,
};
use crate::{
    access::role::{Right, Role},
    ids::UserId,
};

/// The form that makes somebody.
const NEW: &str = "new-person";

#[derive(Template)]
#[template(path = "panel/people.html")]
struct PeoplePage {
    shell: Shell,
    /// Everybody is shown, not one's own people alone.
    is_everybody: bool,
    /// `employees` or `users`: where the API keeps them.
    kind: &'static str,
    q: String,
    role: String,
    active: String,
    people: Vec<Person>,
    pager: Pager,
    /// What somebody new may be, in words.
    roles: Vec<(&'static str, &'static str)>,
    role_words: Vec<(&'static str, &'static str)>,
    accounts: AccountTicks,
    /// On whose accounts an operator or a viewer may work.
    employers: Vec<(String, String)>,
}

/// Somebody, with what may be changed about them.
struct Person {
    view: PersonView,
    /// Where the API keeps them.
    path: String,
    tag: String,
    role: &'static str,
    /// What they may become.
    roles: Vec<(&'static str, &'static str)>,
    /// The accounts that they see, in words.
    sees: String,
    accounts: AccountTicks,
    /// Whether their accounts can be chosen here.
    chooses: bool,
    employer: String,
    is_me: bool,
    forms: Forms,
    is_open: bool,
}

/// The ids of the forms about somebody.
struct Forms {
    change: String,
    accounts: String,
    password: String,
    factor: String,
    delete: String,
}

/// People.
#[utoipa::path(get, path = "/app/people", operation_id = "panel_people_people", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn people(mut panel: Panel) -> ApiResult<HttpResponse> {
    let tab = panel.take("tab");
    let is_everybody = tab.as_deref() == Some("users") && panel.may(Right::Administer);
    let page = match is_everybody {
        true => users::list(panel.query()?, panel.app.clone()).await?.0,
        false => employees::list(panel.caller.clone(), panel.query()?, panel.app.clone()).await?.0,
    };
    if let Some(tab) = tab.filter(|_| is_everybody) {
        panel.query.push(("tab".to_owned(), tab));
    }
    let given = |wanted: &str| panel.query.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.clone());
    let chosen = || page.items.iter().filter_map(|person| person.accounts.as_ref()).flatten().copied();
    let names = AccountNames::of(&panel, chosen()).await?;
    let to_tick = AccountsToTick::read(&panel, "accounts:wholes", chosen()).await?;
    let employers = if is_everybody { employers(&panel).await? } else { Vec::new() };
    let shell = panel.shell(Place::People, panel.t("人员", "People")).await?;
    let kind = if is_everybody { "users" } else { "employees" };
    let roles: &[Role] = if is_everybody { &Role::ALL } else { &[Role::Operator, Role::Viewer] };
    panel.show(&PeoplePage {
        is_everybody,
        kind,
        q: given("q").unwrap_or_default(),
        role: given("role").unwrap_or_default(),
        active: given("active").unwrap_or_default(),
        pager: Pager::new(&panel, &page),
        people: page
            .items
            .into_iter()
            .map(|view| Person::new(view, kind, (&panel, &shell), (&names, &to_tick), &employers))
            .collect(),
        roles: roles.iter().map(|role| (role.as_str(), role_name(*role, &panel))).collect(),
        role_words: roles.iter().map(|role| (role_name(*role, &panel), role_words(*role, &panel))).collect(),
        accounts: if is_everybody { AccountTicks::default() } else { to_tick.of_form(NEW, &[]) },
        employers: employers.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
        shell,
    })
}

/// Who has accounts on which others may work.
async fn employers(panel: &Panel) -> ApiResult<Vec<(UserId, String)>> {
    let mut found = Vec::new();
    for role in ["admin", "owner"] {
        let query = super::asked(&format!("role={role}&per_page=200"))?;
        let page = users::list(query, panel.app.clone()).await?.0;
        found.extend(page.items.into_iter().map(|person| (person.id, person.name)));
    }
    Ok(found)
}

impl Person {
    fn new(
        view: PersonView,
        kind: &str,
        (panel, shell): (&Panel, &Shell),
        (names, to_tick): (&AccountNames, &AccountsToTick),
        employers: &[(UserId, String)],
    ) -> Self {
        let chosen = view.accounts.clone().unwrap_or_default();
        let sees = match &view.accounts {
            None => panel.t("自己的全部账号", "all accounts of their own").to_owned(),
            Some(ids) if ids.is_empty() => panel.t("还没有分配账号", "no account yet").to_owned(),
            Some(ids) => names.several(ids, panel),
        };
        let forms = Forms::of(view.id);
        let roles = match view.role.owns_accounts() {
            true => [Role::Admin, Role::Owner],
            false => [Role::Operator, Role::Viewer],
        };
        let employer =
            view.employer_id.map(|id| employers.iter().find(|(other, _)| *other == id).map(|(_, name)| name.clone()));
        let chooses = view.employer_id == Some(panel.caller.user.id);
        Self {
            path: format!("/api/v1/{kind}/{}", view.id),
            tag: tag::of(&view),
            role: role_name(view.role, panel),
            roles: roles.map(|role| (role.as_str(), role_name(role, panel))).into(),
            sees,
            accounts: if chooses { to_tick.of_form(&forms.accounts, &chosen) } else { AccountTicks::default() },
            chooses,
            employer: employer.flatten().unwrap_or_default(),
            is_me: view.id == panel.caller.user.id,
            is_open: forms.all().iter().any(|form| shell.is_typed(form)),
            forms,
            view,
        }
    }
}

impl Forms {
    fn of(id: UserId) -> Self {
        let form = |what: &str| format!("{what}-{id}");
        Self {
            change: form("change"),
            accounts: form("accounts"),
            password: form("password"),
            factor: form("factor"),
            delete: form("delete"),
        }
    }

    fn all(&self) -> [&str; 5] {
        [&self.change, &self.accounts, &self.password, &self.factor, &self.delete]
    }
}

pub(super) fn role_name(role: Role, panel: &Panel) -> &'static str {
    match role {
        Role::Admin => panel.t("管理员", "administrator"),
        Role::Owner => panel.t("店主", "owner"),
        Role::Operator => panel.t("操作员", "operator"),
        Role::Viewer => panel.t("观察员", "viewer"),
    }
}

/// What somebody in this role may do, and what not.
pub(super) fn role_words(role: Role, panel: &Panel) -> &'static str {
    match role {
        Role::Admin => panel.t(
            "拥有自己的账号，还能管理所有用户、系统设置、日志和紧急停止。",
            "Has accounts of their own, and looks after all users, the system's settings, its log and the stop switch.",
        ),
        Role::Owner => panel.t(
            "管理自己的账号、规则、卡券、发货和员工；看不到其他店主的内容，不能改系统设置。",
            "Manages their own accounts, rules, cards, deliveries and people. Sees nothing of other owners and changes no settings of the system.",
        ),
        Role::Operator => panel.t(
            "在分配到的账号上回复买家、处理订单问题和审核 AI 建议；不能改规则、卡券和账号，看不到 Cookie 和密钥。",
            "Answers buyers, decides about orders and approves what the AI suggests, on chosen accounts. Changes no rules, cards or accounts, and sees no cookies or keys.",
        ),
        Role::Viewer => panel.t(
            "只能查看分配到的账号，不能回复，也不能更改。",
            "Looks at chosen accounts. Answers nobody and changes nothing.",
        ),
    }
}
