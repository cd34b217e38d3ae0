//! What surrounds every page of the panel: the menu, the stop switch, the choice of language and look, and what became of the last form.

use std::sync::Arc;

use super::{
    super::{
        error::{Code, Language},
        form_undo::Undo,
        forms::{KeptForm, Outcome, Refused},
        static_files,
    },
    OFF, ON, Panel, Place, Theme,
    places::{ENTRIES, Entry, Group},
    times::{self, Times},
};
use crate::{
    access::role::Right,
    ids::{Fen, PictureId, Timestamp},
    picture::MOST_BYTES,
    store::stats::Waiting,
};

/// The lines of the bar on a phone; the others are behind its last one.
const ON_THE_BAR: [Place; 4] = [Place::Home, Place::Chats, Place::Orders, Place::Reviews];

/// A line of the menu as it is shown.
#[derive(Debug)]
pub(in crate::web) struct MenuLine {
    pub(in crate::web) path: &'static str,
    pub(in crate::web) icon: &'static str,
    pub(in crate::web) name: &'static str,
    pub(in crate::web) is_here: bool,
    /// How much waits there; 0: nothing is said.
    pub(in crate::web) count: u64,
}

#[derive(Debug)]
pub(in crate::web) struct MenuGroup {
    pub(in crate::web) name: &'static str,
    pub(in crate::web) lines: Vec<MenuLine>,
}

/// Handed to every template of the panel.
#[derive(Debug)]
pub(in crate::web) struct Shell {
    pub(in crate::web) title: String,
    /// Which pages' own look it has.
    pub(in crate::web) area: &'static str,
    pub(in crate::web) language: Language,
    pub(in crate::web) theme: Theme,
    pub(in crate::web) csrf: String,
    /// Whether single keys do something, see `static/js/keys.js`.
    pub(in crate::web) has_keys: bool,
    /// This page as it was asked for.
    pub(in crate::web) here: String,
    pub(in crate::web) user: String,
    pub(in crate::web) menu: Vec<MenuGroup>,
    pub(in crate::web) bar: Vec<MenuLine>,
    /// The global stop switch is on.
    pub(in crate::web) is_stopped: bool,
    /// One's own accounts: there are some, and all of them are stopped.
    pub(in crate::web) has_accounts: bool,
    pub(in crate::web) are_stopped: bool,
    pub(in crate::web) may_answer: bool,
    pub(in crate::web) may_manage: bool,
    pub(in crate::web) may_administer: bool,
    /// The page has a script, or a content policy, of its own: it is loaded as a whole, and so is what it leads to.
    pub(in crate::web) is_alone: bool,
    /// Of the feed, from before anything was read for the page.
    pub(in crate::web) mark: String,
    now: Timestamp,
    times: Times,
    kept: Option<Arc<KeptForm>>,
    other_language: String,
    other_theme: String,
}

/// What is stopped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stops {
    pub(super) everything: bool,
    /// One's own, and those of them that are stopped.
    pub(super) accounts: i64,
    pub(super) stopped: i64,
}

impl Shell {
    pub(super) fn new(panel: &Panel, place: Place, title: String, stops: Stops, waiting: Waiting) -> Self {
        let line = |entry: &Entry| MenuLine {
            path: entry.path,
            icon: entry.icon,
            name: panel.t(entry.zh, entry.en),
            is_here: entry.place == place,
            count: match entry.place {
                Place::Chats => waiting.conversations,
                Place::Reviews => waiting.reviews,
                _ => 0,
            },
        };
        let shown = || ENTRIES.iter().filter(|entry| panel.may(entry.right));
        let group = |group: Group| shown().filter(|entry| entry.group == group).map(line).collect::<Vec<_>>();
        let menu = vec![
            MenuGroup { name: panel.t("日常", "Every day"), lines: group(Group::Daily) },
            MenuGroup { name: panel.t("店铺", "Shop"), lines: group(Group::Shop) },
            MenuGroup { name: panel.t("系统", "System"), lines: group(Group::System) },
        ];
        let next_theme = match panel.theme {
            Theme::Auto => Theme::Dark,
            Theme::Dark => Theme::Light,
            Theme::Light => Theme::Auto,
        };
        Self {
            title,
            area: place.area(),
            language: panel.language,
            theme: panel.theme,
            csrf: panel.csrf.clone(),
            has_keys: panel.has_keys,
            here: panel.here(),
            user: panel.caller.user.name.clone(),
            menu: menu.into_iter().filter(|group| !group.lines.is_empty()).collect(),
            bar: shown().filter(|entry| ON_THE_BAR.contains(&entry.place)).map(line).collect(),
            is_stopped: stops.everything,
            has_accounts: stops.accounts > 0,
            are_stopped: stops.accounts == stops.stopped,
            may_answer: panel.may(Right::Answer),
            may_manage: panel.may(Right::Manage),
            may_administer: panel.may(Right::Administer),
            is_alone: false,
            mark: panel.mark.clone(),
            now: panel.now,
            times: panel.times.clone(),
            kept: panel.kept.clone(),
            other_language: panel.href_with("lang", panel.t("en", "zh")),
            other_theme: panel.href_with("theme", next_theme.as_str()),
        }
    }

    /// Around a page that is loaded as a whole.
    pub(in crate::web) fn alone(self) -> Self {
        Self { is_alone: true, ..self }
    }

    pub(in crate::web) fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        self.language.pick(zh, en)
    }

    pub(in crate::web) fn keys(&self) -> &'static str {
        if self.has_keys { ON } else { OFF }
    }

    pub(in crate::web) fn tag(&self) -> &'static str {
        self.t("zh-CN", "en")
    }

    pub(in crate::web) fn other_language(&self) -> &str {
        &self.other_language
    }

    pub(in crate::web) fn other_theme(&self) -> &str {
        &self.other_theme
    }

    pub(in crate::web) fn theme_icon(&self) -> &'static str {
        match self.theme {
            Theme::Auto => "sun-moon",
            Theme::Light => "sun",
            Theme::Dark => "moon",
        }
    }

    pub(in crate::web) fn theme_title(&self) -> &'static str {
        match self.theme {
            Theme::Auto => self.t("外观：跟随系统", "Look: as the system"),
            Theme::Light => self.t("外观：浅色", "Look: light"),
            Theme::Dark => self.t("外观：深色", "Look: dark"),
        }
    }

    pub(in crate::web) fn asset(&self, name: &str) -> String {
        static_files::href(name)
    }

    /// A moment, for people.
    pub(in crate::web) fn at(&self, at: &Timestamp) -> String {
        self.times.at(*at)
    }

    /// Whose clock moments are told by, in a sentence.
    pub(in crate::web) fn clock(&self) -> String {
        let name = self.times.name();
        match self.language {
            _ if self.times.is_the_platforms() => {
                self.t("时间为北京时间（UTC+8）。", "Times are those of Beijing (UTC+8).").to_owned()
            }
            Language::Chinese => format!("时间按您选择的时区 {name} 显示。"),
            Language::English => format!("Times are those of the zone that you chose: {name}."),
        }
    }

    /// Said where days are the platform's, to whom that is not the same; empty to others.
    pub(in crate::web) fn platform_days(&self) -> &'static str {
        if self.times.is_the_platforms() {
            return "";
        }
        self.t("这里的日期按北京时间（UTC+8）计算。", "Days are those of Beijing here (UTC+8).")
    }

    /// Said beside what is downloaded or printed, to whom the platform's clock is not their own; empty to others.
    pub(in crate::web) fn file_times(&self) -> &'static str {
        if self.times.is_the_platforms() {
            return "";
        }
        self.t("文件中的时间为北京时间（UTC+8）。", "Times in the file are Beijing time (UTC+8).")
    }

    /// How long ago, roughly.
    pub(in crate::web) fn since(&self, at: &Timestamp) -> String {
        times::span((self.now.0 - at.0) / 1000, self.language)
    }

    /// A span of seconds, roughly.
    pub(in crate::web) fn span(&self, seconds: &i64) -> String {
        times::span(*seconds, self.language)
    }

    /// Money, for people.
    pub(in crate::web) fn money(&self, fen: &Fen) -> String {
        let (sign, whole) = (if fen.0 < 0 { "-" } else { "" }, fen.0.unsigned_abs());
        let digits = (whole / 100).to_string();
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        format!("{sign}¥{grouped}.{:02}", whole % 100)
    }

    /// A key under which a form is done once.
    pub(in crate::web) fn key(&self) -> String {
        format!("{:032x}", rand::random::<u128>())
    }

    /// What is said above the page of a form that went well.
    pub(in crate::web) fn done(&self) -> &str {
        match self.kept.as_ref().map(|kept| &kept.outcome) {
            Some(Outcome::Done { said, .. }) => said,
            Some(Outcome::Refused(_)) | None => "",
        }
    }

    /// How the form that went well is taken back, where it can be.
    pub(in crate::web) fn undo(&self) -> Option<&Undo> {
        match &self.kept.as_ref()?.outcome {
            Outcome::Done { undo, .. } => undo.as_ref(),
            Outcome::Refused(_) => None,
        }
    }

    fn refused(&self) -> Option<(&KeptForm, &Refused)> {
        let kept = self.kept.as_deref()?;
        match &kept.outcome {
            Outcome::Refused(refused) => Some((kept, refused)),
            Outcome::Done { .. } => None,
        }
    }

    /// Why the form that led here was refused, in a sentence or two; for the top of the page.
    pub(in crate::web) fn refusal(&self) -> String {
        let Some((_, refused)) = self.refused() else { return String::new() };
        let Refused { code, message, details } = refused;
        if *code == Code::Changed.as_str() {
            return self.overtaken().to_owned();
        }
        let wait = details.retry_after_s.map(|seconds| match self.language {
            Language::Chinese => format!("请等待 {seconds} 秒。"),
            Language::English => format!("Wait {seconds} s."),
        });
        // What is wrong with a field stands beside the field, too; here it stands where there is no such field.
        let problem = details.problem.as_ref().map(|problem| self.sentence(problem));
        let parts = [Some(message.clone()), problem, wait];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(self.t("", " "))
    }

    /// The page shows by now what the other one did, beside what was typed.
    fn overtaken(&self) -> &'static str {
        self.t(
            "您打开页面后，有人改动过这里，所以没有保存。请核对后再提交，再次提交会以您的为准。",
            "Somebody changed this after you had opened it, so nothing was saved. Look it over: what you send again takes the place of theirs.",
        )
    }

    fn sentence(&self, problem: &str) -> String {
        let end = self.t("。", ".");
        if problem.ends_with(['。', '.', '！', '!']) { problem.to_owned() } else { format!("{problem}{end}") }
    }

    /// Whether the form with this id led here by being refused: it is shown open.
    pub(in crate::web) fn is_refused(&self, form: &str) -> bool {
        self.refused().is_some_and(|(kept, _)| kept.form == form)
    }

    /// This form as it was sent, where it is still to be: it was refused, or another button of it was pressed.
    fn typed(&self, form: &str) -> Option<&KeptForm> {
        self.kept.as_deref().filter(|kept| kept.form == form && kept.is_to_be_sent())
    }

    /// Whether the form came back with what was typed into it: what is in it is shown.
    pub(in crate::web) fn is_typed(&self, form: &str) -> bool {
        self.typed(form).is_some()
    }

    /// What was typed into this field before the form came back; else `usual`.
    pub(in crate::web) fn value(&self, form: &str, field: &str, usual: &str) -> String {
        let typed = self.typed(form).and_then(|kept| kept.values.iter().rev().find(|(name, _)| name == field));
        typed.map_or_else(|| usual.to_owned(), |(_, text)| text.clone())
    }

    /// Whether this one of several is the one that was chosen.
    pub(in crate::web) fn same(&self, chosen: impl AsRef<str>, value: impl AsRef<str>) -> bool {
        chosen.as_ref() == value.as_ref()
    }

    /// Whether a box was ticked before the form came back; else as it `usual`ly is.
    pub(in crate::web) fn ticked(&self, form: &str, field: &str, usual: &bool) -> bool {
        self.value(form, field, if *usual { "true" } else { "false" }) == "true"
    }

    /// Whether this one of several boxes with one name was ticked before the form came back; else as it `usual`ly is.
    pub(in crate::web) fn picked(&self, form: &str, field: &str, value: &str, usual: &bool) -> bool {
        match self.typed(form) {
            Some(kept) => kept.values.iter().any(|(name, text)| name == field && text == value),
            None => *usual,
        }
    }

    /// Where a picture is shown from; empty: it is none that this server has.
    pub(in crate::web) fn picture(&self, image: impl AsRef<str>) -> String {
        PictureId::of_address(image.as_ref()).map(|id| format!("/api/v1/pictures/{id}/file")).unwrap_or_default()
    }

    /// How many bytes a picture may have.
    pub(in crate::web) fn most_picture_bytes(&self) -> usize {
        MOST_BYTES
    }

    /// What is wrong with this field; empty: nothing is known to be.
    pub(in crate::web) fn problem(&self, form: &str, field: &str) -> &str {
        let (place, kind) = field.split_once(':').unwrap_or((field, ""));
        let Some((_, refused)) = self.refused().filter(|(kept, _)| kept.form == form) else { return "" };
        let named = refused.details.field.as_deref().map(super::super::form_values::place);
        let rest = named.as_deref().and_then(|named| named.strip_prefix(place));
        // A list that is typed into one field is wrong where one of its entries is.
        let is_entry = |rest: &str| matches!(kind, "list" | "wholes" | "lines") && rest.starts_with('.');
        if !rest.is_some_and(|rest| rest.is_empty() || is_entry(rest)) {
            return "";
        }
        refused.details.problem.as_deref().unwrap_or(&refused.message)
    }
}
