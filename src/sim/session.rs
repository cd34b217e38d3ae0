//! One WebSocket's talk: `/reg` first, then requests and acknowledgements.

use std::{
    sync::{Arc, PoisonError},
    time::Instant,
};

use serde_json::json;

use super::{
    IM_APP_KEY,
    account::Account,
    config::Newer,
    event::SimEvent,
    line::{Line, Outgoing, Sender, now},
    lwp::{self, Incoming},
    message::pnm,
    platform::Platform,
    request, tree,
};

/// A WebSocket, before and after its registration.
#[derive(Debug)]
pub(super) struct Session {
    platform: Arc<Platform>,
    account: Option<Arc<Account>>,
    id: u64,
    sid: Arc<str>,
    sender: Sender,
}

/// What the socket must do after a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    /// Registered: go live after [`super::Config::live_after`] if no `ackDiff` comes.
    Registered,
}

impl Session {
    pub(super) fn new(platform: Arc<Platform>, id: u64, sender: Sender) -> Self {
        let sid = format!("0b8c{id:029x}").into();
        Self { platform, account: None, id, sid, sender }
    }

    /// Handles one text frame.
    pub(super) fn frame(&mut self, text: &str) -> Next {
        let incoming = match Incoming::parse(text) {
            Ok(incoming) => incoming,
            Err(error) => return self.unreadable(error.to_string()),
        };
        match (incoming.path(), &self.account) {
            (Some("/reg"), _) => return self.register(&incoming),
            (Some(path), Some(account)) => request::handle(account, self.id, path, &incoming),
            (Some(_), None) => self.refuse(incoming.mid(), "not auth"),
            (None, Some(account)) => acknowledge(account, self.id, incoming.mid()),
            (None, None) => (),
        }
        Next::Continue
    }

    /// Starts pushing although no `ackDiff` came.
    pub(super) fn go_live(&self) {
        if let Some(account) = &self.account {
            account.go_live(self.id, None);
        }
    }

    /// The WebSocket ended.
    pub(super) fn end(&mut self) {
        let Some(account) = self.account.take() else { return };
        account.lock().lines.retain(|line| line.id != self.id);
        account.changed();
        let name = account.name.clone();
        self.platform.shared.events.tell(|| SimEvent::Disconnected { account: name });
    }

    fn register(&mut self, incoming: &Incoming<'_>) -> Next {
        let issued = {
            let tokens = self.platform.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.get(incoming.token()).cloned()
        };
        let Some(issued) = issued else {
            if !self.platform.faults().hang_register {
                self.refuse(incoming.mid(), "invalid token");
            }
            return Next::Continue;
        };
        if issued.account.faults().hang_register {
            return Next::Continue;
        }
        let reason = if issued.expires <= now() || issued.epoch != issued.account.lock().epoch {
            Some("token invalid")
        } else if issued.device != incoming.device() || incoming.app_key() != IM_APP_KEY {
            Some("device id or appkey is not equal")
        } else {
            over_limit(&issued.account).then_some("connect limit")
        };
        if let Some(reason) = reason {
            self.account = None;
            self.refuse(incoming.mid(), reason);
            return Next::Continue;
        }
        self.welcome(issued.account, incoming)
    }

    fn welcome(&mut self, account: Arc<Account>, incoming: &Incoming<'_>) -> Next {
        let body = json!({"unitName": "PNM", "cookie": "", "timestamp": now(), "isFromChina": true});
        let headers = json!({
            "ip-digest": "d1", "dt": "j", "reg-sid": &*self.sid, "ip-region-digest": "d2",
            "reg-uid": tree::at_goofish(account.uid.as_str()), "mid": incoming.mid(), "real-ip": "192.0.2.1", "sid": &*self.sid,
        });
        let answer = json!({"headers": headers, "code": 200, "body": body}).to_string();
        let mut line = Line::new(self.id, self.sid.clone(), incoming.device().into(), self.sender.clone());
        {
            let mut state = account.lock();
            state.lines.retain(|open| open.id != self.id);
            remove_older(&mut state.lines, &line, self.platform.shared.config.newer);
            line.registered_at_pts = state.last_pts();
            line.epoch = state.epoch;
            line.text(answer, &state.faults);
            state.lines.push(line);
            state.registrations += 1;
        }
        account.changed();
        let (name, at) = (account.name.clone(), Instant::now());
        self.platform.shared.events.tell(|| SimEvent::Registered { account: name, at });
        self.account = Some(account);
        Next::Registered
    }

    /// Says no and hangs up, as clients that do not wait for the answer notice it.
    fn refuse(&self, mid: &str, reason: &'static str) {
        let account = self.account.as_ref().map(|account| account.name.clone());
        self.platform.shared.events.tell(|| SimEvent::Refused { account, reason });
        let text = lwp::refusal(mid, &self.sid, 401, reason);
        // a dead socket needs no answer
        let _ = self.sender.send(Outgoing::Text { text, due: None });
        let _ = self.sender.send(Outgoing::Close(1000));
    }

    fn unreadable(&self, why: String) -> Next {
        let account = self.account.as_ref().map(|account| account.name.clone());
        self.platform.shared.events.tell(|| SimEvent::Unreadable { account, why });
        Next::Continue
    }
}

fn over_limit(account: &Account) -> bool {
    let state = account.lock();
    state.faults.connect_limit.is_some_and(|limit| state.lines.len() >= limit)
}

fn remove_older(lines: &mut [Line], newer: &Line, rule: Newer) {
    for line in lines {
        let removed = match rule {
            Newer::Both => false,
            Newer::KickSameDevice => line.device == newer.device,
            Newer::KickOlder => true,
        };
        if removed {
            line.control("/s/session/remove", r#"{"reason":"connect limit"}"#);
            line.tell(Outgoing::Close(1000));
        }
    }
}

/// Any frame without `lwp` acknowledges; surplus ones are ignored.
fn acknowledge(account: &Account, line: u64, mid: &str) {
    let messages = {
        let mut state = account.lock();
        let Some(line) = state.lines.iter_mut().find(|open| open.id == line) else { return };
        let Some(messages) = line.acknowledged(mid) else { return };
        for message in &messages {
            state.unacknowledged.remove(message);
        }
        messages
    };
    account.changed();
    account.shared.events.whisper(|| SimEvent::Acked {
        account: account.name.clone(),
        messages: messages.iter().copied().map(pnm).collect(),
    });
}
