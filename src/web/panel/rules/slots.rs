//! What a rule does, as rows of a form: messages with a text and a picture each, in their order, and what is done besides.

use super::super::{
    super::{api::employees, error::ApiResult},
    Panel,
    pictures::PictureField,
};
use crate::{access::role::Right, reply::rule::Action};

/// Rows for messages, at least; one more is always empty while there is room.
const LEAST: usize = 3;
/// Actions that one rule may have.
const MOST: usize = 10;
/// Where the fields of what is done besides sending begin.
const DEEDS: usize = 40;

/// A message: a text, then a picture.
#[derive(Debug)]
pub(in crate::web) struct Slot {
    pub(super) number: usize,
    pub(super) text_field: String,
    pub(super) text: String,
    pub(super) picture: PictureField,
}

/// What is done besides sending.
pub(in crate::web) struct Deeds {
    pub(super) pause_field: String,
    pub(super) pause: String,
    pub(super) notify_field: String,
    pub(super) notify: String,
    /// Fields and tags; the last is empty.
    pub(super) tags: Vec<(String, String)>,
    pub(super) untags: Vec<(String, String)>,
    pub(super) hand_over_field: String,
    /// Empty: it is not left to anybody.
    pub(super) hand_over: String,
    pub(super) colleagues: Vec<(String, String)>,
}

/// The messages of a rule, with room for more.
pub(super) fn of(actions: &[Action]) -> Vec<Slot> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for action in actions {
        match action {
            Action::Text(text) => pairs.push((text.clone(), String::new())),
            Action::Image(image) => match pairs.last_mut().filter(|(_, has)| has.is_empty()) {
                Some((_, room)) => room.clone_from(image),
                None => pairs.push((String::new(), image.clone())),
            },
            _ => {}
        }
    }
    let wanted = (pairs.len() + 1).clamp(LEAST, MOST);
    pairs.resize(wanted.max(pairs.len()), (String::new(), String::new()));
    let slot = |(place, (text, image)): (usize, (String, String))| Slot {
        number: place + 1,
        text_field: format!("actions.{}.text", 2 * place),
        text,
        picture: PictureField::new(place + 1, format!("actions.{}.image", 2 * place + 1), image),
    };
    pairs.into_iter().enumerate().map(slot).collect()
}

pub(super) fn images(actions: &[Action]) -> impl Iterator<Item = &str> {
    actions.iter().filter_map(|action| match action {
        Action::Image(image) => Some(image.as_str()),
        _ => None,
    })
}

impl Deeds {
    pub(super) fn is_any(&self) -> bool {
        let texts = [&self.pause, &self.notify, &self.hand_over];
        texts.iter().any(|text| !text.is_empty()) || self.tags.len() > 1 || self.untags.len() > 1
    }

    pub(super) async fn of(panel: &Panel, actions: &[Action]) -> ApiResult<Self> {
        let mut deeds = Self {
            pause_field: format!("actions.{DEEDS}.pause:whole"),
            pause: String::new(),
            notify_field: format!("actions.{}.notify", DEEDS + 1),
            notify: String::new(),
            tags: Vec::new(),
            untags: Vec::new(),
            hand_over_field: format!("actions.{}.hand_over:whole-or-null", DEEDS + 2),
            hand_over: String::new(),
            colleagues: colleagues(panel).await?,
        };
        let (mut tags, mut untags) = (Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Pause(minutes) => deeds.pause = minutes.to_string(),
                Action::Notify(text) => deeds.notify.clone_from(text),
                Action::Tag(tag) => tags.push(tag.clone()),
                Action::Untag(tag) => untags.push(tag.clone()),
                Action::HandOver(to) => deeds.hand_over = to.map_or_else(|| "null".to_owned(), |to| to.to_string()),
                Action::Text(_) | Action::Image(_) => {}
            }
        }
        let fields = |first: usize, kind: &str, tags: Vec<String>| {
            let all = tags.into_iter().chain([String::new()]).enumerate();
            all.map(|(place, tag)| (format!("actions.{}.{kind}", first + place), tag)).collect()
        };
        deeds.tags = fields(DEEDS + 10, "tag", tags);
        deeds.untags = fields(DEEDS + 30, "untag", untags);
        let known = deeds.colleagues.iter().any(|(value, _)| *value == deeds.hand_over);
        if !known {
            deeds.colleagues.push((deeds.hand_over.clone(), format!("#{}", deeds.hand_over)));
        }
        Ok(deeds)
    }
}

/// To whom a chat can be left.
async fn colleagues(panel: &Panel) -> ApiResult<Vec<(String, String)>> {
    let mut colleagues = vec![
        (String::new(), panel.t("不转人工", "is not left to anybody").to_owned()),
        ("null".to_owned(), panel.t("任何一位同事", "to whoever looks first").to_owned()),
    ];
    if panel.may(Right::Manage) {
        let asked = super::super::asked("per_page=200")?;
        // Whoever sees a part of the accounts only is not told who works on the others.
        if let Ok(people) = employees::list(panel.caller.clone(), asked, panel.app.clone()).await {
            let people = people.0.items.into_iter().filter(|person| person.active);
            colleagues.extend(people.map(|person| (person.id.to_string(), person.name)));
        }
    }
    Ok(colleagues)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_in_their_order_and_there_is_room_for_one_more() {
        let text = |text: &str| Action::Text(text.to_owned());
        let image = |url: &str| Action::Image(url.to_owned());
        let slots = of(&[text("a"), image("1"), image("2"), Action::Pause(5), text("b")]);
        let shown: Vec<_> = slots.iter().map(|slot| (slot.text.as_str(), slot.picture.usual.as_str())).collect();
        assert_eq!(shown, [("a", "1"), ("", "2"), ("b", ""), ("", "")]);
        assert_eq!((&*slots[1].text_field, &*slots[1].picture.name), ("actions.2.text", "actions.3.image"));
        assert_eq!(of(&[]).len(), LEAST);
        assert_eq!(of(&[text("x"), text("x"), text("x"), text("x")]).len(), 5);
        assert_eq!(of(&vec![text("x"); MOST]).len(), MOST);
    }
}
