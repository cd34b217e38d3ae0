//! Puts values for `{variables}` into a seller's text. Plain replacement, no template engine: a seller's braces stay braces.

/// What a reply may speak of. Unknown values are empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Variables<'a> {
    pub send_user_name: &'a str,
    pub send_user_id: &'a str,
    pub send_message: &'a str,
    pub item_id: &'a str,
    pub item_title: &'a str,
}

/// What stands between braces as the name of a variable does and is none: the first such name.
pub fn unknown_variable(text: &str) -> Option<&str> {
    let known = Variables::default();
    let is_name =
        |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let names = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    names.filter(is_name).find(|name| known.get(name).is_none())
}

impl<'a> Variables<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        match name {
            "send_user_name" => Some(self.send_user_name),
            "send_user_id" => Some(self.send_user_id),
            "send_message" => Some(self.send_message),
            "item_id" => Some(self.item_id),
            "item_title" => Some(self.item_title),
            _ => None,
        }
    }
}

/// Characters that a text may grow to, however often it repeats what a buyer wrote: as many as a person may send at once.
const LONGEST: usize = 2000;

/// Replaces every known `{name}`; all other text stays as it is. Values are not searched for variables: a buyer cannot write one. A text
/// that grows ends with its 2,000th character.
pub fn render(text: &str, variables: &Variables<'_>) -> String {
    let mut rendered = Bounded { text: String::with_capacity(text.len()), left: LONGEST.max(text.chars().count()) };
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from_brace) = rest.split_at(open);
        rendered.push_str(before);
        let (value, length) = token(from_brace, variables).unwrap_or(("{", 1));
        rendered.push_str(value);
        rest = &from_brace[length..];
    }
    rendered.push_str(rest);
    rendered.text
}

/// Takes no more than so many characters.
struct Bounded {
    text: String,
    left: usize,
}

impl Bounded {
    fn push_str(&mut self, more: &str) {
        let end = more.char_indices().nth(self.left).map_or(more.len(), |(end, _)| end);
        let taken = &more[..end];
        self.left -= taken.chars().count();
        self.text.push_str(taken);
    }
}

/// The value of the variable that `text` begins with, and how many bytes its token has.
fn token<'a>(text: &str, variables: &Variables<'a>) -> Option<(&'a str, usize)> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    Some((variables.get(name)?, name.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: Variables<'static> = Variables {
        send_user_name: "小明",
        send_user_id: "2200000000777",
        send_message: "{item_id} 在吗",
        item_id: "900000000001",
        item_title: "二手相机",
    };

    #[test]
    fn every_variable_is_replaced_wherever_it_stands() {
        let text = "{send_user_name}{send_user_id}: {item_title} ({item_id}), {item_id}!";
        assert_eq!(render(text, &VARIABLES), "小明2200000000777: 二手相机 (900000000001), 900000000001!");
    }

    #[test]
    fn what_a_buyer_wrote_does_not_grow_without_end() {
        let said = "很长的话".repeat(5000);
        let variables = Variables { send_message: &said, ..VARIABLES };
        let rendered = render(&"{send_message}".repeat(142), &variables);
        assert_eq!(rendered.chars().count(), LONGEST);
        assert!(said.starts_with(&rendered));
        let own = "长".repeat(3 * LONGEST);
        assert_eq!(render(&own, &VARIABLES), own, "a seller's own text is whole");
    }

    #[test]
    fn a_value_is_not_searched_for_variables() {
        assert_eq!(render("你说：{send_message}", &VARIABLES), "你说：{item_id} 在吗");
    }

    #[test]
    fn a_variable_that_does_not_exist_is_found_and_other_braces_are_none() {
        for (text, unknown) in [
            ("{item_title} {buyer}", Some("buyer")),
            ("{{Item_id}}", Some("Item_id")),
            ("{item_id}{send_user_name}", None),
            ("{} { item } {大} {a-b} {item", None),
        ] {
            assert_eq!(unknown_variable(text), unknown, "{text}");
        }
    }

    #[test]
    fn other_braces_stay_as_they_are() {
        for text in ["{", "}", "{}", "{{item}}", "{ item_id }", "{Item_id}", "{unknown} {", "a{b", "{item_id"] {
            assert_eq!(render(text, &VARIABLES), text);
        }
        assert_eq!(render("{{item_id}}", &VARIABLES), "{900000000001}");
        assert_eq!(render("{send_user_name.__class__}", &VARIABLES), "{send_user_name.__class__}");
    }
}
