//! How what is done to a chat is taken back: by an ordinary form to the API, which leads to how it stands while the page is shown.

use super::{
    super::api::{conversations::ConversationView, handovers::HandoverView},
    Panel,
};
use crate::ids::Timestamp;

/// A form that takes something back; see [`form_undo`](super::super::form_undo).
#[derive(Debug)]
pub(super) struct WayBack {
    /// The method and the address of the API.
    pub(super) call: String,
    /// Said once it is taken back.
    pub(super) said: &'static str,
    pub(super) fields: Vec<(&'static str, String)>,
}

/// Of each thing that may be done to the chat; `None`: it cannot be taken back.
#[derive(Debug)]
pub(super) struct WaysBack {
    pub(super) pause: Option<WayBack>,
    pub(super) resume: Option<WayBack>,
    pub(super) hand_over: Option<WayBack>,
    pub(super) take_back: Option<WayBack>,
}

impl WaysBack {
    pub(super) fn new(chat: &ConversationView, panel: &Panel) -> Self {
        let stand = Stand { chat, panel };
        let as_handed = |handed: &HandoverView| stand.handed_again(handed);
        let handed = chat.handed_over.as_ref();
        Self {
            pause: match (chat.paused, handed) {
                (true, _) => Some(stand.paused_again()),
                (false, None) => Some(stand.resumed()),
                // Who resumes takes it over from whom it was handed to.
                (false, Some(_)) => None,
            },
            resume: handed.map_or_else(|| Some(stand.paused_again()), as_handed),
            hand_over: handed.map_or_else(|| Some(stand.not_handed()), as_handed),
            take_back: handed.and_then(as_handed),
        }
    }
}

/// How the chat stands.
struct Stand<'a> {
    chat: &'a ConversationView,
    panel: &'a Panel,
}

impl Stand<'_> {
    fn call(&self, method: &str, deed: &str) -> String {
        format!("{method} /api/v1/conversations/{}/{deed}", self.chat.id)
    }

    /// Until when it pauses, by this name; what does not pause did so until now.
    fn until(&self, name: &'static str) -> Vec<(&'static str, String)> {
        let over: Option<Timestamp> = (!self.chat.paused).then_some(self.panel.now);
        self.chat.paused_until.or(over).map(|until| (name, until.to_string())).into_iter().collect()
    }

    fn resumed(&self) -> WayBack {
        WayBack {
            call: self.call("POST", "resume"),
            said: self.panel.t("自动回复已恢复。", "Automatic answers are on again."),
            fields: Vec::new(),
        }
    }

    fn paused_again(&self) -> WayBack {
        WayBack {
            call: self.call("POST", "pause"),
            said: self.panel.t("自动回复重新暂停。", "Automatic answers pause again."),
            fields: self.until("until:whole"),
        }
    }

    fn not_handed(&self) -> WayBack {
        if !self.chat.paused {
            return self.resumed();
        }
        WayBack {
            call: self.call("DELETE", "hand-over"),
            said: self.panel.t("已收回，自动回复仍然暂停。", "It is taken back. Automatic answers still pause."),
            fields: self.until("_query.paused_until"),
        }
    }

    /// `None`: whoever had it is gone.
    fn handed_again(&self, handed: &HandoverView) -> Option<WayBack> {
        if handed.to.is_none() && handed.to_name.is_some() {
            return None;
        }
        let mut fields = self.until("paused_until:whole");
        fields.extend(handed.to.map(|to| ("to:whole", to.to_string())));
        fields.push(("note", handed.note.clone()));
        Some(WayBack {
            call: self.call("PUT", "hand-over"),
            said: self.panel.t("会话已交还给原来跟进的人。", "The chat is back with whoever looked after it."),
            fields,
        })
    }
}
