//! What a page's form sends, as the JSON that the API takes.
//!
//! A browser sends texts alone, so a field's name says what its text stands for: `path` or `path:kind`. The path names the place in the
//! body, with dots between its parts (`hours.from`, `actions.0.text`: digits are places in a list). The kinds:
//!
//! | kind | what the text becomes | where it is empty |
//! |---|---|---|
//! | (none) | a text without blanks at its ends | left out |
//! | `clear` | the same | `null` |
//! | `text` | the same | an empty text |
//! | `secret` | the text as it is; it is in no kept form | left out |
//! | `whole`, `clear-whole` | a whole number | left out, `null` |
//! | `whole-or-null` | a whole number; `null` where it says so | left out |
//! | `number`, `clear-number` | a number | left out, `null` |
//! | `seconds`, `clear-seconds` | ms of so many seconds | left out, `null` |
//! | `yuan`, `clear-yuan` | Fen of so many yuan | left out, `null` |
//! | `flag` | `true` or `false`; of several the last counts, so that an unticked box may follow a hidden `false` | left out |
//! | `list`, `wholes` | one of a list, which is there even where all are empty | left out of the list |
//! | `lines` | a list of its lines that are not empty | an empty list |
//! | `objects` | one of a list, written as JSON | left out of the list |
//! | `pairs` | an object of its lines `name=value`; values as [`pair_lines`] writes them | an empty object |
//! | `secret-pairs` | an object of its lines `name: value`, all texts; it is in no kept form | left out |
//! | `from`, `to`, `zone` | three fields of one name: `23:00-07:00+08:00` | `null` |
//!
//! What is no number stays a text: the API says what is wrong with it.

use serde_json::{Map, Value};

/// The place of a field in the body, as the API names it in a refusal: `actions[0].text` is `actions.0.text`.
pub(super) fn place(api: &str) -> String {
    api.replace('[', ".").replace(']', "")
}

/// Whether what is typed into the field is kept nowhere.
pub(super) fn is_secret(name: &str) -> bool {
    matches!(name.split_once(':'), Some((_, "secret" | "secret-pairs")))
}

/// The same, where rows of the form were left empty: they are in `body`, and the API does not count them.
pub(super) fn place_in(body: &Value, api: &str) -> String {
    let place = place(api);
    let (mut here, mut parts) = (Some(body), Vec::new());
    for part in place.split('.') {
        let list = here.and_then(Value::as_array).zip(part.parse::<usize>().ok());
        let own = list.and_then(|(list, number)| {
            list.iter().enumerate().filter(|(_, entry)| !is_gap(entry)).nth(number).map(|(own, _)| own)
        });
        let own = own.map_or_else(|| part.to_owned(), |own| own.to_string());
        here = match here {
            Some(Value::Array(list)) => own.parse::<usize>().ok().and_then(|own| list.get(own)),
            Some(Value::Object(fields)) => fields.get(&own),
            _ => None,
        };
        parts.push(own);
    }
    parts.join(".")
}

fn is_gap(entry: &Value) -> bool {
    entry.is_null() || entry.as_object().is_some_and(Map::is_empty)
}

/// Field names are ours; nothing that a page sends is deeper, or a longer list.
const DEEPEST: usize = 6;
const LONGEST: usize = 1000;

/// The body; `None` where two fields contradict each other about what is where.
pub(super) fn body(fields: &[(String, String)]) -> Option<Value> {
    let mut body = Value::Object(Map::new());
    for (name, text) in fields {
        let (path, kind) = name.split_once(':').unwrap_or((name, ""));
        if path.split('.').count() > DEEPEST {
            return None;
        }
        put(&mut body, path, kind, text)?;
    }
    Some(body)
}

fn put(body: &mut Value, path: &str, kind: &str, text: &str) -> Option<()> {
    let trimmed = text.trim();
    if let "list" | "wholes" | "lines" = kind {
        let values: Vec<&str> = if kind == "lines" { trimmed.lines().map(str::trim).collect() } else { vec![trimmed] };
        let list = at(body, path)?;
        if list.is_null() {
            *list = Value::Array(Vec::new());
        }
        let list = list.as_array_mut()?;
        for value in values.into_iter().filter(|value| !value.is_empty()) {
            list.push(if kind == "wholes" { whole(value) } else { value.into() });
        }
        return Some(());
    }
    if kind == "objects" {
        let list = at(body, path)?;
        if list.is_null() {
            *list = Value::Array(Vec::new());
        }
        if !trimmed.is_empty() {
            list.as_array_mut()?.push(serde_json::from_str(trimmed).unwrap_or_else(|_| trimmed.into()));
        }
        return Some(());
    }
    if let "from" | "to" | "zone" = kind {
        let hours = at(body, path)?;
        *hours = hours_with(hours.as_str(), kind, trimmed);
        return Some(());
    }
    if let Some(value) = single(kind, text) {
        *at(body, path)? = value;
    }
    Some(())
}

/// Another part of hours that are written as one text; `before` is what stands before it.
fn hours_with(before: Option<&str>, kind: &str, text: &str) -> Value {
    match (before, kind) {
        (None, "zone") => Value::Null,
        (None, _) if text.is_empty() => Value::Null,
        (None, "from") => text.into(),
        (before, "to") => format!("{}-{text}", before.unwrap_or_default()).into(),
        (before, _) => format!("{}{text}", before.unwrap_or_default()).into(),
    }
}

/// Lines of names and values. What reads as JSON is that, so that numbers may be given; a text that would is written in quotes.
fn pairs(text: &str) -> Value {
    if let Ok(Value::Object(whole)) = serde_json::from_str(text) {
        return Value::Object(whole);
    }
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        (name.trim().to_owned(), pair_value(value.trim()))
    };
    Value::Object(text.lines().filter(|line| !line.trim().is_empty()).map(pair).collect())
}

/// A number that would lose digits is a text.
fn pair_value(text: &str) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Number(number)) if number.to_string() != text => text.into(),
        Ok(value) => value,
        Err(_) => text.into(),
    }
}

/// What the kind `pairs` reads back.
pub(super) fn pair_lines(pairs: &Map<String, Value>) -> String {
    let line = |(name, value): (&String, &Value)| match value {
        Value::String(text) if pair_value(text) == *value && !text.contains('\n') && text.trim() == text => {
            format!("{name}={text}")
        }
        other => format!("{name}={other}"),
    };
    pairs.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `None`: there are none.
fn secret_pairs(text: &str) -> Option<Value> {
    let pair = |line: &str| {
        let (name, value) = line.split_once([':', '：']).unwrap_or((line, ""));
        (name.trim().to_owned(), Value::from(value.trim()))
    };
    let pairs: Map<_, _> = text.lines().filter(|line| !line.trim().is_empty()).map(pair).collect();
    (!pairs.is_empty()).then_some(Value::Object(pairs))
}

/// `None`: it is left out.
fn single(kind: &str, text: &str) -> Option<Value> {
    if kind == "secret" {
        return (!text.is_empty()).then(|| text.into());
    }
    if kind == "secret-pairs" {
        return secret_pairs(text);
    }
    if kind == "pairs" {
        return Some(pairs(text.trim()));
    }
    let (clears, kind) = match kind.strip_prefix("clear-") {
        Some(kind) => (true, kind),
        None => (kind == "clear", kind),
    };
    let trimmed = text.trim();
    if trimmed.is_empty() && kind != "text" {
        return clears.then_some(Value::Null);
    }
    Some(match kind {
        "whole-or-null" if trimmed == "null" => Value::Null,
        "whole" | "whole-or-null" => whole(trimmed),
        "number" => trimmed.parse::<f64>().map_or_else(|_| trimmed.into(), Value::from),
        "seconds" => scaled(trimmed, 3),
        "yuan" => scaled(trimmed.trim_start_matches(['¥', '￥']).trim_start(), 2),
        "flag" => Value::Bool(matches!(trimmed, "true" | "on")),
        _ => trimmed.into(),
    })
}

fn whole(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| text.into(), Value::from)
}

/// A decimal number times ten to the power of `places`, exactly; a text where it has more places, or is no number.
fn scaled(text: &str, places: usize) -> Value {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = whole.strip_prefix('-').unwrap_or(whole);
    if part.len() > places || !digits(part) || !digits(number) || (number.is_empty() && part.is_empty()) {
        return text.into();
    }
    format!("{whole}{part:0<places$}").parse::<i64>().map_or_else(|_| text.into(), Value::from)
}

/// The value at this path, made where it is not there yet.
fn at<'a>(body: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(body, |value, part| match part.parse::<usize>() {
        Ok(index) => {
            if value.is_null() {
                *value = Value::Array(Vec::new());
            }
            let list = value.as_array_mut()?;
            while list.len() <= index.min(LONGEST) {
                list.push(Value::Null);
            }
            list.get_mut(index)
        }
        Err(_) => {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            Some(value.as_object_mut()?.entry(part).or_insert(Value::Null))
        }
    })
}

/// Takes out of lists what nothing was put in: rows of a form that were left empty.
pub(super) fn without_gaps(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.retain(|entry| !is_gap(entry));
            list.iter_mut().for_each(without_gaps);
        }
        Value::Object(fields) => fields.values_mut().for_each(without_gaps),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(fields: &[(&str, &str)]) -> Value {
        let fields: Vec<_> = fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let mut body = body(&fields).unwrap();
        without_gaps(&mut body);
        body
    }

    #[test]
    fn texts_become_what_their_names_say() {
        assert_eq!(of(&[("name", " 店铺 "), ("note", ""), ("spec:clear", " ")]), json!({"name": "店铺", "spec": null}));
        assert_eq!(of(&[("a:whole", "12"), ("b:clear-whole", ""), ("c:whole", "")]), json!({"a": 12, "b": null}));
        assert_eq!(
            of(&[("a:yuan", "￥12.5"), ("b:yuan", "0.05"), ("c:yuan", "7")]),
            json!({"a": 1250, "b": 5, "c": 700})
        );
        assert_eq!(of(&[("a:seconds", "1.5"), ("b:clear-seconds", "")]), json!({"a": 1500, "b": null}));
        assert_eq!(of(&[("on:flag", "false"), ("on:flag", "true")]), json!({"on": true}));
        assert_eq!(of(&[("on:flag", "false")]), json!({"on": false}));
        let to = |text| of(&[("all.0.to:whole-or-null", text)]);
        assert_eq!(to("null"), json!({"all": [{"to": null}]}));
        assert_eq!((to("7"), to("")), (json!({"all": [{"to": 7}]}), json!({})));
        assert_eq!(of(&[("key:secret", " x ")]), json!({"key": " x "}));
        assert_eq!(of(&[("all:list", ""), ("all:list", "a"), ("all:list", "b")]), json!({"all": ["a", "b"]}));
        assert_eq!(of(&[("all:lines", "a\r\n\r\n b \r\n")]), json!({"all": ["a", "b"]}));
        assert_eq!(of(&[("all:wholes", "")]), json!({"all": []}));
    }

    #[test]
    fn pairs_are_read_as_they_are_written() {
        let text = "order={order_id}\n\n n = 5 \nid=\"0x\"\nlong=12345678901234567890123\nflag=true\nempty=\nurl=a=b";
        let wanted = json!({"order": "{order_id}", "n": 5, "id": "0x", "long": "12345678901234567890123",
            "flag": true, "empty": "", "url": "a=b"});
        assert_eq!(of(&[("p:pairs", text)]), json!({"p": wanted}));
        assert_eq!(of(&[("p:pairs", "")]), json!({"p": {}}));
        assert_eq!(of(&[("p:pairs", "{\"a\": {\"b\": 1}}")]), json!({"p": {"a": {"b": 1}}}));
        let odd = json!({"a": "5", "b": 5, "c": "x\ny", "d": "{x}", "e": "[1]", "f": [1], "g": "", "h": " x"});
        let lines = pair_lines(odd.as_object().unwrap());
        assert_eq!(of(&[("p:pairs", &lines)]), json!({"p": odd}), "{lines}");
    }

    #[test]
    fn secret_pairs_are_texts_and_kept_nowhere() {
        assert_eq!(of(&[("h:secret-pairs", "X-Key: 5\nA：b")]), json!({"h": {"X-Key": "5", "A": "b"}}));
        assert_eq!(of(&[("h:secret-pairs", " \n")]), json!({}));
        assert!(
            is_secret("h:secret-pairs") && is_secret("a.b:secret") && !is_secret("secret") && !is_secret("a:pairs")
        );
    }

    #[test]
    fn hours_are_put_together_and_objects_are_collected() {
        let hours = |from: &str, to: &str| of(&[("q:from", from), ("q:to", to), ("q:zone", "+08:00")]);
        assert_eq!(hours("23:00", "07:00"), json!({"q": "23:00-07:00+08:00"}));
        assert_eq!(hours("", ""), json!({"q": null}));
        assert_eq!(hours("", "07:00"), json!({"q": "-07:00+08:00"}));
        assert_eq!(hours("23:00", ""), json!({"q": "23:00-+08:00"}));
        assert_eq!(of(&[("s:objects", ""), ("s:objects", "{\"a\":1}")]), json!({"s": [{"a": 1}]}));
        assert_eq!(of(&[("s:objects", "")]), json!({"s": []}));
    }

    #[test]
    fn what_is_no_number_is_left_to_the_api() {
        for (name, text) in
            [("n:whole", "1.5"), ("n:yuan", "1.234"), ("n:yuan", "一元"), ("n:seconds", "1e3"), ("n:yuan", "-")]
        {
            assert_eq!(of(&[(name, text)]), json!({"n": text}), "{name} {text}");
        }
    }

    #[test]
    fn a_path_leads_into_objects_and_lists_and_empty_rows_are_none() {
        let fields = [("hours.from", "8"), ("actions.0.text", "a"), ("actions.1.text", ""), ("actions.2.text", "c")];
        assert_eq!(of(&fields), json!({"hours": {"from": "8"}, "actions": [{"text": "a"}, {"text": "c"}]}));
        assert_eq!(place("actions[0].text"), "actions.0.text");
    }

    #[test]
    fn a_refusal_names_the_row_that_was_filled_in() {
        let fields = [("actions.2.text", "a"), ("actions.5.text", "b"), ("name", "c")];
        let fields: Vec<_> = fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let body = body(&fields).unwrap();
        assert_eq!(place_in(&body, "actions[1].text"), "actions.5.text");
        assert_eq!(place_in(&body, "actions[0]"), "actions.2");
        assert_eq!(place_in(&body, "actions[7].text"), "actions.7.text");
        assert_eq!(place_in(&body, "name"), "name");
        assert_eq!(place_in(&body, "steps[0].says"), "steps.0.says");
    }

    #[test]
    fn names_that_contradict_each_other_or_lead_nowhere_are_no_body() {
        let of = |fields: &[(&str, &str)]| {
            body(&fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(of(&[("a", "x"), ("a.b", "y")]), None);
        assert_eq!(of(&[("a.99999999", "x")]), None);
        assert_eq!(of(&[("a.b.c.d.e.f.g", "x")]), None);
    }
}
