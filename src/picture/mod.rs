//! Pictures that sellers upload: what comes in is looked at with suspicion, drawn anew, and known by the hash of the result.
//!
//! `redraw.rs` does it. Nothing of the file survives but its pixels: neither EXIF with the place where it was taken, nor a profile, nor
//! whatever else was hidden in it. The same pixels in the same format give the same bytes, so that a picture is kept once.

mod redraw;

pub use self::redraw::redraw;
use crate::ids::PictureId;

/// A file may be so large, coming in and kept.
pub const MOST_BYTES: usize = 5 << 20;

/// A picture may be so wide and so high.
pub const MOST_PIXELS: u32 = 4096;

/// What a picture is kept as. A GIF is kept as a PNG of its first frame and a WebP as what it is more like: the platform's clients show both
/// everywhere, and what a seller sees before sending is what a buyer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mime {
    Jpeg,
    Png,
}

impl Mime {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }

    /// Of what is stored; a kind that nobody writes is none.
    pub fn of(text: &str) -> Option<Self> {
        [Self::Jpeg, Self::Png].into_iter().find(|mime| mime.as_str() == text)
    }

    /// The ending of a file's name, without its dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }
}

/// A picture as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub id: PictureId,
    pub mime: Mime,
    /// Pixels.
    pub width: u32,
    pub height: u32,
    /// At most [`MOST_BYTES`].
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, mime, width, height, bytes } = self;
        write!(f, "Picture({id}, {}, {width}x{height}, {} bytes)", mime.as_str(), bytes.len())
    }
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the file is larger than {MOST_BYTES} bytes")]
    TooManyBytes,
    #[error("the file is neither JPEG nor PNG, GIF or WebP")]
    UnknownKind,
    #[error("the picture has {width}x{height} pixels, more than {MOST_PIXELS} in a direction")]
    TooManyPixels { width: u32, height: u32 },
    #[error("the file is damaged")]
    Damaged,
}
