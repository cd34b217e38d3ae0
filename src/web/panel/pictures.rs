//! Pictures in forms: those that are there may be chosen, and others added, while the rest of the form stays as it is typed
//! (`_picture.html`).

use super::{
    super::{api::pictures, error::ApiResult, error::Language},
    Panel,
};

/// The newest so many are offered.
const OFFERED: &str = "per_page=100";

/// A field for one picture.
#[derive(Debug)]
pub(in crate::web) struct PictureField {
    /// Of several, from 1.
    pub(in crate::web) number: usize,
    pub(in crate::web) name: String,
    /// The field for the file of a new one.
    pub(in crate::web) file: String,
    /// What is chosen, if nothing else was.
    pub(in crate::web) usual: String,
}

impl PictureField {
    pub(super) fn new(number: usize, name: String, usual: String) -> Self {
        Self { number, file: format!("_file.{name}"), name, usual }
    }
}

/// What may be chosen, the newest first: what stands for each, and its name. `used`: what is chosen in the form already, which may be an
/// address elsewhere.
pub(super) async fn choices<'a>(
    panel: &Panel,
    used: impl Iterator<Item = &'a str>,
) -> ApiResult<Vec<(String, String)>> {
    let kept = pictures::list(panel.caller.clone(), super::asked(OFFERED)?, panel.app.clone()).await?.0.items;
    let mut choices = vec![(String::new(), panel.t("不发图片", "no picture").to_owned())];
    choices.extend(kept.into_iter().enumerate().map(|(place, picture)| {
        let (number, width, height) = (place + 1, picture.width, picture.height);
        let name = match panel.language {
            Language::Chinese => format!("图片 {number}（{width}×{height}）"),
            Language::English => format!("picture {number} ({width}×{height})"),
        };
        (picture.image, name)
    }));
    for image in used {
        if !choices.iter().any(|(known, _)| known == image) {
            choices.push((image.to_owned(), image.to_owned()));
        }
    }
    Ok(choices)
}
