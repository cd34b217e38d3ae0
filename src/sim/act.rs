//! Single blows against an account's connections and tokens; those against its logins are in [`super::login`]. Standing faults are in [`super::fault`].

use super::{
    account::Account,
    fault::Answer,
    line::{Line, Outgoing},
};
use crate::ids::ConversationId;

impl Account {
    /// Closes every connection with this code.
    pub fn close(&self, code: u16) {
        self.each_line(|line| line.tell(Outgoing::Close(code)));
    }

    /// Resets every connection's TCP, without a close frame.
    pub fn reset(&self) {
        self.each_line(|line| line.tell(Outgoing::Reset));
    }

    /// `/push/kickout`, then the end.
    pub fn kick_out(&self) {
        self.each_line(|line| {
            line.control("/push/kickout", "{}");
            line.tell(Outgoing::Close(1000));
        });
    }

    /// `/s/session/remove`, then the end.
    pub fn remove_session(&self) {
        self.each_line(|line| {
            line.control("/s/session/remove", r#"{"reason":"connect limit"}"#);
            line.tell(Outgoing::Close(1000));
        });
    }

    /// Sends this text as a frame, whatever it is.
    pub fn send_raw(&self, text: &str) {
        self.each_line(|line| line.tell(Outgoing::Text { text: text.into(), due: None }));
    }

    /// Revokes every access token: the next request of an open connection gets 401, and so does the next `/reg`.
    pub fn expire_tokens(&self) {
        self.lock().epoch += 1;
    }

    /// How the next sends are treated, one after the other, before the standing mode.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.lock().script.extend(answers);
    }

    /// How sends into one conversation are treated; `None` as the account's faults say.
    pub fn answer_in(&self, conversation: &ConversationId, answer: Option<Answer>) {
        if let Some(conversation) = self.lock().conversations.get_mut(conversation) {
            conversation.answer = answer;
        }
    }

    /// Keeps pushes back until [`Account::release`].
    pub fn hold(&self) {
        self.lock().hold();
    }

    /// Sends what was held back, `per_push` entries in a frame, newest first if `reversed`.
    pub fn release(&self, per_push: usize, reversed: bool) {
        self.lock().release(per_push, reversed);
    }

    /// Registered connections right now.
    pub fn connections(&self) -> usize {
        self.lock().lines.len()
    }

    fn each_line(&self, mut act: impl FnMut(&mut Line)) {
        self.lock().lines.iter_mut().for_each(&mut act);
    }
}
