//! What a person does to a page, and where on it.

/// How large a page is shown, in its own pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewport {
    pub width: u32,
    pub height: u32,
    /// Pixels of the person's screen for one of the page.
    pub scale: f64,
}

impl Viewport {
    const SIDE: std::ops::RangeInclusive<u32> = 240..=1920;

    /// Within what a page can be shown in; a sharper picture than twice only costs time.
    pub fn bounded(width: u32, height: u32, scale: f64) -> Self {
        let side = |length: u32| length.clamp(*Self::SIDE.start(), *Self::SIDE.end());
        let scale = if scale.is_finite() { scale.clamp(1.0, 2.0) } else { 1.0 };
        Self { width: side(width), height: side(height), scale }
    }

    /// The nearest point that is on the page.
    pub fn clamp(&self, at: Point) -> Point {
        let within = |value: f64, length: u32| {
            if value.is_finite() { value.clamp(0.0, f64::from(length) - 1.0) } else { 0.0 }
        };
        Point { x: within(at.x, self.width), y: within(at.y, self.height) }
    }
}

/// What most challenges are made for.
impl Default for Viewport {
    fn default() -> Self {
        Self { width: 480, height: 640, scale: 1.0 }
    }
}

/// In the page's pixels, from the left and the top of what is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// What a pointer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    Down,
    Move,
    Up,
}

/// One thing that a person does.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Mouse { stroke: Stroke, at: Point, pressed: bool },
    Touch { stroke: Stroke, at: Point },
    Wheel { at: Point, x: f64, y: f64 },
    Key { down: bool, key: Key },
    Resize(Viewport),
}

impl Input {
    /// Whether it ends something that the page may have waited for.
    pub fn is_end(&self) -> bool {
        match self {
            Self::Mouse { stroke, .. } | Self::Touch { stroke, .. } => *stroke == Stroke::Up,
            Self::Key { down, key } => !down && key.name == "Enter",
            Self::Wheel { .. } | Self::Resize(_) => false,
        }
    }
}

/// A key as browsers name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `a`, `Enter`, `ArrowLeft`.
    pub name: String,
    /// Where it is: `KeyA`.
    pub code: String,
}

impl Key {
    /// What it writes, where it writes something.
    pub fn text(&self) -> Option<&str> {
        match self.name.as_str() {
            "Enter" => Some("\r"),
            name if name.chars().count() == 1 => Some(name),
            _ => None,
        }
    }

    /// The number by which pages knew keys before they had names.
    pub fn number(&self) -> u32 {
        match self.name.as_str() {
            "Backspace" => 8,
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            "Delete" => 46,
            name => match name.chars().next() {
                Some(letter) if name.len() == 1 => u32::from(letter.to_ascii_uppercase()),
                _ => 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_beside_the_page_is_on_its_edge() {
        let viewport = Viewport { width: 480, height: 640, scale: 2.0 };
        assert_eq!(viewport.clamp(Point { x: -3.0, y: 9000.0 }), Point { x: 0.0, y: 639.0 });
        assert_eq!(viewport.clamp(Point { x: f64::NAN, y: 12.5 }), Point { x: 0.0, y: 12.5 });
    }

    #[test]
    fn a_viewport_is_neither_tiny_nor_huge() {
        assert_eq!(Viewport::bounded(1, 100_000, 9.0), Viewport { width: 240, height: 1920, scale: 2.0 });
        assert_eq!(Viewport::bounded(390, 700, f64::NAN), Viewport { width: 390, height: 700, scale: 1.0 });
    }

    #[test]
    fn letters_write_themselves_and_arrows_write_nothing() {
        let key = |name: &str| Key { name: name.to_owned(), code: String::new() };
        assert_eq!((key("a").text(), key("a").number()), (Some("a"), 65));
        assert_eq!((key("鱼").text(), key("鱼").number()), (Some("鱼"), 0));
        assert_eq!((key("Enter").text(), key("Enter").number()), (Some("\r"), 13));
        assert_eq!((key("ArrowLeft").text(), key("ArrowLeft").number()), (None, 37));
    }
}
