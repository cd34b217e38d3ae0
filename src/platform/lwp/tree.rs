//! Reading a decoded tree without insisting: what is missing or of another type is absent.

use std::borrow::Cow;

use serde_json::Value;

use super::lenient;

/// Walks down by keys.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |inner, key| inner.get(key))
}

/// A text that is not empty.
pub(super) fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}

/// A number, or the digits of one: the platform's web form writes times as strings.
pub(super) fn integer(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(digits) => digits.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A yes or no as `true`, `"true"`, `1` or `"1"`.
pub(super) fn flag(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(yes) => Some(*yes),
        Value::Number(number) => number.as_i64().map(|number| number != 0),
        Value::String(word) => match word.trim() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An id without its `@goofish`; some forms write it as a number.
pub(super) fn id(value: Option<&Value>) -> Option<Cow<'_, str>> {
    match value? {
        Value::String(text) => Some(Cow::Borrowed(bare(text))).filter(|id| !id.is_empty()),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An id as one of the types of [`crate::ids`].
pub(super) fn typed<T: for<'a> From<&'a str>>(value: Option<&Value>) -> Option<T> {
    id(value).map(|id| T::from(id.as_ref()))
}

fn bare(id: &str) -> &str {
    id.split_once('@').map_or(id, |(bare, _)| bare).trim()
}

/// JSON text inside a string value, or the object itself where a form does not wrap it. Anything else is absent.
pub(super) fn embedded(value: Option<&Value>) -> Option<Cow<'_, Value>> {
    match value? {
        Value::String(text) => lenient::parse(text).ok().filter(Value::is_object).map(Cow::Owned),
        object @ Value::Object(_) => Some(Cow::Borrowed(object)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// The value of a parameter of a URL, still escaped. Whole names only: `orderId` is not found in `bizOrderId`.
pub(super) fn parameter<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    let values = query.split('&').filter_map(|pair| pair.split_once('='));
    values.filter(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value).next()
}
