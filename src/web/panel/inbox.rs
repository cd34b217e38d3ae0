//! The list of conversations, on a page of its own and beside the one that is read.

use super::{
    super::{
        api::{
            buyer_tags::{self, UsedTagView},
            conversations::{self, ConversationView, LastMessageView},
            reason_texts,
        },
        error::{ApiResult, Language},
    },
    AccountNames, Pager, Panel, asked,
};
use crate::{
    ids::{AccountId, Timestamp},
    store::conversations::Side,
};

/// So many stand beside the one that is read.
const BESIDE: &str = "30";

/// What the list is looked at for: the parameter, its value, and what it is called. One at a time.
const VIEWS: [(&str, &str, &str, &str); 6] = [
    ("", "", "全部", "All"),
    ("unanswered", "true", "等待回复", "Unanswered"),
    ("waiting", "true", "需要人工", "Need a person"),
    ("paused", "true", "已暂停", "Paused"),
    ("handed_to", "me", "转给我的", "Handed to me"),
    ("handed_to", "any", "已转人工", "Handed over"),
];

/// Conversations as a list, with what it can be narrowed by.
pub(super) struct Inbox {
    pub(super) lines: Vec<Line>,
    pub(super) pager: Pager,
    pub(super) views: Vec<View>,
    /// The view that is chosen, as a form of search carries it on; empty: all.
    pub(super) view: (&'static str, &'static str),
    pub(super) q: String,
    pub(super) tag: String,
    pub(super) tags: Vec<UsedTagView>,
    /// Anything narrows the list.
    pub(super) is_narrowed: bool,
    /// The whole list, narrowed as it is.
    pub(super) back: String,
    names: AccountNames,
}

/// A way to look at the list.
pub(super) struct View {
    pub(super) name: &'static str,
    pub(super) href: String,
    pub(super) is_here: bool,
}

/// A conversation as a line.
pub(super) struct Line {
    pub(super) href: String,
    pub(super) is_here: bool,
    pub(super) name: String,
    pub(super) account: String,
    pub(super) item: String,
    pub(super) text: String,
    pub(super) at: Timestamp,
    pub(super) marks: Vec<Mark>,
    pub(super) tags: Vec<String>,
    /// Why the buyer has no answer; empty: nothing waits.
    pub(super) why: String,
}

impl Inbox {
    /// `here`: the conversation that is read.
    pub(super) async fn read(panel: &Panel, here: Option<&str>) -> ApiResult<Self> {
        let (who, data) = (|| panel.caller.clone(), || panel.app.clone());
        let query = if here.is_some() { panel.query_with(&[("per_page", BESIDE)])? } else { panel.query()? };
        let page = conversations::list(who(), query, data()).await?.0;
        let tags = match here {
            Some(_) => Vec::new(),
            None => buyer_tags::list(who(), asked("per_page=100")?, data()).await?.0.items,
        };
        let names = AccountNames::of(panel, page.items.iter().map(|view| view.account_id)).await?;
        let given = |wanted: &str| panel.query.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.clone());
        let view = view_of(panel);
        let pager = Pager::new(panel, &page);
        let line = |view| Line::new(view, panel, &names, here);
        Ok(Self {
            lines: page.items.into_iter().map(line).collect(),
            pager,
            views: VIEWS.map(|(name, value, zh, en)| View::new(panel, (name, value), panel.t(zh, en))).into(),
            view,
            q: given("q").unwrap_or_default(),
            tag: given("tag").unwrap_or_default(),
            tags,
            is_narrowed: !filters(panel).is_empty(),
            back: format!("/app/chats{}", filters(panel)),
            names,
        })
    }

    /// What an account is called, whether or not it owns a conversation of the list.
    pub(super) async fn name_of(&self, panel: &Panel, account: AccountId) -> ApiResult<String> {
        match self.names.known(account) {
            Some(name) => Ok(name.to_owned()),
            None => Ok(AccountNames::of(panel, [account]).await?.name(account)),
        }
    }
}

/// What narrows the list, to be hung behind an address.
fn filters(panel: &Panel) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(panel.query.iter().filter(|(name, _)| name != "page"));
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

fn view_of(panel: &Panel) -> (&'static str, &'static str) {
    let is_asked = |name: &str, value: &str| panel.query.iter().any(|(n, v)| n == name && v == value);
    let chosen = VIEWS.iter().skip(1).find(|(name, value, ..)| is_asked(name, value));
    chosen.map_or(("", ""), |(name, value, ..)| (name, value))
}

impl View {
    fn new(panel: &Panel, (name, value): (&'static str, &'static str), said: &'static str) -> Self {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let stays = |other: &str| other != "page" && VIEWS.iter().all(|(name, ..)| *name != other);
        query.extend_pairs(panel.query.iter().filter(|(other, _)| stays(other)));
        if !name.is_empty() {
            query.append_pair(name, value);
        }
        let query = query.finish();
        let href = if query.is_empty() { panel.path.clone() } else { format!("{}?{query}", panel.path) };
        Self { name: said, href, is_here: view_of(panel) == (name, value) }
    }
}

/// What the other one is called.
pub(super) fn peer_name(view: &ConversationView, language: Language) -> String {
    let name = view.peer_name.clone().filter(|name| !name.trim().is_empty());
    name.unwrap_or_else(|| language.pick("买家", "Buyer").to_owned())
}

impl Line {
    fn new(view: ConversationView, panel: &Panel, names: &AccountNames, here: Option<&str>) -> Self {
        let last = view.last_message.as_ref();
        let is_looked_for = matches!(view_of(panel).0, "unanswered" | "waiting");
        let waits = last.filter(|last| last.needs_person || is_looked_for);
        let why = waits.map(|last| reason_texts::unsaid(last.decision.as_deref(), last.reason.as_deref()));
        Self {
            href: format!("/app/chats/{}{}", view.id, filters(panel)),
            is_here: here == Some(view.id.as_str()),
            name: peer_name(&view, panel.language),
            account: names.known(view.account_id).unwrap_or_default().to_owned(),
            text: last.map(|last| words(last, panel)).unwrap_or_default(),
            at: last.map_or(view.created_at, |last| last.sent_at),
            marks: marks(&view, panel),
            why: why.map(|why| why.in_language(panel.language).to_owned()).unwrap_or_default(),
            item: view.item_title.unwrap_or_default(),
            tags: view.tags,
        }
    }
}

/// A line is not longer than anybody sees of it.
const SHOWN: usize = 160;

fn words(last: &LastMessageView, panel: &Panel) -> String {
    let text: String = last.text.chars().take(SHOWN).collect();
    let is_own = last.decision.as_deref() == Some("own");
    if is_own { format!("{}{text}", panel.t("您：", "You: ")) } else { text }
}

/// How it stands with a conversation, in short.
pub(super) struct Mark {
    /// How it looks.
    pub(super) look: &'static str,
    pub(super) text: String,
    /// Of a person, behind the text; empty: nobody's.
    pub(super) name: String,
}

impl Mark {
    fn new(look: &'static str, text: impl Into<String>) -> Self {
        Self { look, text: text.into(), name: String::new() }
    }
}

fn marks(view: &ConversationView, panel: &Panel) -> Vec<Mark> {
    let mut marks = Vec::new();
    if let Some(last) = &view.last_message {
        match (last.needs_person, last.decision.as_deref()) {
            (true, _) => marks.push(Mark::new("warm", panel.t("需要人工", "needs a person"))),
            (false, Some("answer")) => marks.push(Mark::new("good", panel.t("已自动回复", "answered"))),
            (false, None) => marks.push(Mark::new("", panel.t("处理中", "in work"))),
            (false, Some(_)) => {}
        }
    }
    if let Some(handover) = &view.handed_over {
        marks.push(match &handover.to_name {
            Some(name) => Mark { name: name.clone(), ..Mark::new("warm", panel.t("已转给", "with")) },
            None => Mark::new("warm", panel.t("已转人工", "handed over")),
        });
    }
    if view.paused {
        let until = view.paused_until.map(|until| panel.times.at(until));
        marks.push(match (until, panel.language) {
            (Some(until), Language::Chinese) => Mark::new("", format!("暂停至 {until}")),
            (Some(until), Language::English) => Mark::new("", format!("paused until {until}")),
            (None, language) => Mark::new("", language.pick("自动回复已暂停", "paused")),
        });
    }
    if view.side == Side::Buyer {
        marks.push(Mark::new("", panel.t("您是买家", "you are the buyer")));
    }
    marks
}
