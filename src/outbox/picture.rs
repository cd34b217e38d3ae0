//! Pictures that sellers uploaded, as sends know them: by their number in a row, by the platform's address on the wire.

use std::collections::HashMap;

use crate::{
    ids::PictureId,
    platform::lwp::event::{Content, Message, Picture},
};

/// A picture as the platform has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    pub url: String,
    /// Pixels.
    pub width: u32,
    pub height: u32,
}

/// Why the platform does not have a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPicture {
    pub reason: String,
    /// It will not have it later, either.
    pub is_final: bool,
}

/// Adds to pictures in messages which uploaded ones they are.
pub fn name_pictures(message: &mut Message, names: &HashMap<String, PictureId>) {
    let Content::Image { pictures } = &mut message.content else { return };
    let named: Vec<Picture> = pictures
        .iter()
        .filter_map(|picture| Some(Picture { url: names.get(&picture.url)?.address(), ..picture.clone() }))
        .collect();
    pictures.extend(named);
}

/// The addresses of all pictures in messages.
pub fn picture_urls<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<String> {
    let pictures = messages.filter_map(|message| match &message.content {
        Content::Image { pictures } => Some(pictures),
        _ => None,
    });
    pictures.flatten().map(|picture| picture.url.clone()).collect()
}
