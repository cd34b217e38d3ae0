//! What a buyer said in one turn, in the forms that rules look at.

/// The messages of one turn, made ready for [`RuleBook::find`](super::matcher::RuleBook::find).
///
/// Typed text is searched. Of anything else (a picture, a voice message, a sticker) there is only the platform's display text, for example `[图片]`: a
/// keyword finds it only by being equal to it, so that a rule for `图片` is not triggered by every picture, and no regular expression sees it.
#[derive(Debug, Clone, Default)]
pub struct TurnText {
    typed: String,
    folded: String,
    messages: Vec<String>,
    shown: Vec<String>,
}

impl TurnText {
    /// A turn of typed messages only, in the order they were written.
    pub fn typed<'a>(messages: impl IntoIterator<Item = &'a str>) -> Self {
        let mut turn = Self::default();
        for message in messages {
            turn.push_typed(message);
        }
        turn
    }

    /// Adds what somebody typed.
    pub fn push_typed(&mut self, text: &str) {
        if !self.messages.is_empty() {
            self.typed.push('\n');
            self.folded.push('\n');
        }
        self.typed.push_str(text);
        let folded = fold(text);
        self.folded.push_str(&folded);
        self.messages.push(folded.trim().to_owned());
    }

    /// Adds the platform's display text of a message that is not text.
    pub fn push_shown(&mut self, display: &str) {
        self.shown.push(fold(display.trim()));
    }

    /// The typed messages, joined by line feeds, as they were typed. `None` where nothing was: an expression like `.*` would match that, too.
    pub(super) fn joined(&self) -> Option<&str> {
        (!self.messages.is_empty()).then_some(&self.typed)
    }

    /// The typed messages, joined by line feeds, folded.
    pub(super) fn folded(&self) -> &str {
        &self.folded
    }

    /// The display texts, folded and trimmed.
    pub(super) fn shown(&self) -> &[String] {
        &self.shown
    }

    /// What an exact keyword may be: every single message, folded and trimmed.
    pub(super) fn wholes(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().chain(&self.shown).map(String::as_str)
    }
}

/// Folds case away, letter by letter, for both sides of a comparison.
///
/// This is Unicode's lower case without context, and final sigma counts as sigma. It is not full case folding: `ß` equals `ẞ` but not `SS`, and the
/// Turkish `İ` becomes `i` with a combining dot, which is not `i`. Scripts without case, Chinese among them, and full-width forms keep their shape.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            'ς' => folded.push('σ'),
            _ if letter.is_ascii() => folded.push(letter.to_ascii_lowercase()),
            _ => folded.extend(letter.to_lowercase()),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_is_the_same_for_every_spelling_of_a_letter() {
        assert_eq!(fold("PRICE ÄÖ ЦЕНА"), "price äö цена");
        assert_eq!(fold("ΟΔΟΣ"), fold("οδος"));
        assert_eq!(fold("在吗？ＡＢ"), "在吗？ａｂ");
    }

    #[test]
    fn sharp_s_is_not_a_double_s_and_a_dotted_capital_i_is_not_an_i() {
        assert_eq!(fold("STRAẞE"), "straße");
        assert_ne!(fold("STRASSE"), fold("straße"));
        assert_ne!(fold("İ"), fold("i"));
    }

    #[test]
    fn typed_messages_are_joined_by_line_feeds_and_pictures_stay_outside() {
        let mut turn = TurnText::typed([" Hello ", "World"]);
        turn.push_shown("[图片]");
        assert_eq!(turn.joined(), Some(" Hello \nWorld"));
        assert_eq!(turn.folded(), " hello \nworld");
        assert_eq!(turn.wholes().collect::<Vec<_>>(), ["hello", "world", "[图片]"]);
    }
}
