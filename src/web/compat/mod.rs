//! The paths that older clients know. Thin: the same functions as under `/api/v1`, some in other shapes, all with real statuses.

// The documentation macro names types by a path where a short name would do.
#![allow(unused_qualifications)]

pub mod accounts;
pub mod keyword_files;
pub mod keywords;
pub mod sessions;

use super::error::Language;

fn said(language: Language, zh: &'static str, en: &'static str) -> &'static str {
    match language {
        Language::Chinese => zh,
        Language::English => en,
    }
}
