//! The settings as people are told them: what each means, its value without secrets, its default, and where the value comes from.

use std::fmt;

use super::{DEFAULTS, Settings, comment, defaults, find, masked, told_in_chinese::meaning_in_chinese};

/// Where a value comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Source {
    #[default]
    Default,
    /// The file of this name.
    File(String),
    Environment,
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default.toml",
            Self::File(name) => name,
            Self::Environment => "the environment",
            Self::CommandLine => "--data-dir",
        })
    }
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// With its section: `inbox.debounce`.
    pub key: String,
    /// Without secrets.
    pub value: String,
    pub default: String,
    pub source: Source,
    /// In English and in Chinese.
    pub meaning: String,
    pub meaning_zh: &'static str,
}

impl Settings {
    /// Every setting, in the order of `default.toml`.
    pub fn told(&self) -> Vec<Told> {
        let usual = defaults();
        let default = |key: &str| find(&usual, key).map(|value| masked(key, value)).unwrap_or_default();
        let order = names();
        let mut values = self.masked();
        values.sort_by_key(|(key, _)| order.iter().position(|name| name == key));
        values
            .into_iter()
            .map(|(key, value)| Told {
                default: default(&key),
                source: self.sources.get(&key).cloned().unwrap_or_default(),
                meaning: comment(&key),
                meaning_zh: meaning_in_chinese(&key),
                value,
                key,
            })
            .collect()
    }
}

/// The names of all settings, as `default.toml` has them one after the other.
fn names() -> Vec<String> {
    let (mut names, mut section) = (Vec::new(), "");
    for line in DEFAULTS.lines().filter(|line| !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
        } else if let Some((name, _)) = line.split_once(" = ") {
            names.push(if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") });
        }
    }
    names
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::settings::Layers;

    #[test]
    fn every_setting_says_what_it_means_in_both_languages() {
        let all = Settings::default().told();
        assert_eq!(all.iter().map(|told| told.key.clone()).collect::<Vec<_>>(), names());
        for told in all {
            assert!(!told.meaning.is_empty() && !told.meaning_zh.is_empty(), "{}", told.key);
            assert_eq!((&told.value, &told.source), (&told.default, &Source::Default), "{}", told.key);
        }
    }

    #[test]
    fn a_value_says_where_it_comes_from_and_the_last_word_counts() {
        let mut layers = Layers::new();
        layers.file("yutang.toml", "[inbox]\ndebounce = \"2s\"\n[outbox]\nrate = 3").unwrap();
        layers.environment([("YUTANG__OUTBOX__RATE".to_owned(), "0".to_owned())].into_iter()).unwrap();
        let told = layers.finish().unwrap().told();
        let of = |key: &str| told.iter().find(|told| told.key == key).cloned().unwrap();
        assert_eq!(of("inbox.debounce").source, Source::File("yutang.toml".to_owned()));
        assert_eq!((of("outbox.rate").source, of("outbox.rate").value), (Source::Environment, "0".to_owned()));
        assert_eq!(of("outbox.burst").source, Source::Default);
    }
}
