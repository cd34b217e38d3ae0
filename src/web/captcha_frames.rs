//! What is said over `/api/captcha/ws/{id}`: one JSON object in each text frame, as older clients know it and a little more.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{Language, Said};
use crate::{
    captcha::{
        challenge::{State, Trouble},
        input::{Input, Key, Point, Stroke, Viewport},
        messages::{Checked, Control, NotAccepted, NotDone, NotShown, Picture},
    },
    ids::{ChallengeId, Timestamp},
};

/// What a pointer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PointerEvent {
    #[serde(alias = "start")]
    Down,
    Move,
    #[serde(alias = "end")]
    Up,
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyEvent {
    Down,
    Up,
}

impl From<PointerEvent> for Stroke {
    fn from(event: PointerEvent) -> Self {
        match event {
            PointerEvent::Down => Self::Down,
            PointerEvent::Move => Self::Move,
            PointerEvent::Up => Self::Up,
        }
    }
}

/// What a person says. Places are in pixels of the page, from the left and the top of what is shown.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PersonSays {
    #[schema(example = json!({"type": "mouse_event", "event_type": "down", "x": 120, "y": 300}))]
    MouseEvent {
        event_type: PointerEvent,
        x: f64,
        y: f64,
    },
    TouchEvent {
        event_type: PointerEvent,
        x: f64,
        y: f64,
    },
    WheelEvent {
        x: f64,
        y: f64,
        #[serde(default)]
        delta_x: f64,
        #[serde(default)]
        delta_y: f64,
    },
    /// `key` and `code` as browsers name them.
    KeyEvent {
        event_type: KeyEvent,
        key: String,
        #[serde(default)]
        code: String,
    },
    /// How large the person can see the page; `scale` are pixels of their screen for one of the page.
    Resize {
        width: u32,
        height: u32,
        #[serde(default = "once")]
        scale: f64,
    },
    /// To control the page from now on, whoever does now.
    TakeControl {},
    CheckCompletion {},
    Ping {},
}

fn once() -> f64 {
    1.0
}

/// Names of keys are short.
const LONGEST_KEY: usize = 32;

impl PersonSays {
    /// What is to be done to the page; `None`: it is no input, or none that can be meant.
    pub fn input(&self) -> Option<Input> {
        let at = |x: f64, y: f64| Point { x, y };
        Some(match self {
            Self::MouseEvent { event_type, x, y } => {
                Input::Mouse { stroke: (*event_type).into(), at: at(*x, *y), pressed: false }
            }
            Self::TouchEvent { event_type, x, y } => Input::Touch { stroke: (*event_type).into(), at: at(*x, *y) },
            Self::WheelEvent { x, y, delta_x, delta_y } => {
                let bounded = |delta: f64| if delta.is_finite() { delta.clamp(-2000.0, 2000.0) } else { 0.0 };
                Input::Wheel { at: at(*x, *y), x: bounded(*delta_x), y: bounded(*delta_y) }
            }
            Self::KeyEvent { event_type, key, code } if key.len() <= LONGEST_KEY && code.len() <= LONGEST_KEY => {
                Input::Key { down: *event_type == KeyEvent::Down, key: Key { name: key.clone(), code: code.clone() } }
            }
            Self::Resize { width, height, scale } => Input::Resize(Viewport::bounded(*width, *height, *scale)),
            Self::KeyEvent { .. } | Self::TakeControl {} | Self::CheckCompletion {} | Self::Ping {} => return None,
        })
    }
}

/// How large a page is, in its own pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ViewportView {
    pub width: u32,
    pub height: u32,
}

impl From<Viewport> for ViewportView {
    fn from(viewport: Viewport) -> Self {
        Self { width: viewport.width, height: viewport.height }
    }
}

/// What the server says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PageSays {
    /// First of all.
    SessionInfo {
        #[schema(value_type = String)]
        session_id: ChallengeId,
        /// A `data:` address of a JPEG; `null`: the first one is on its way.
        screenshot: Option<String>,
        /// Always `null`: the whole page is shown.
        #[schema(value_type = Option<Object>)]
        captcha_info: Option<()>,
        viewport: ViewportView,
        #[schema(value_type = i64)]
        expires_at: Timestamp,
        /// Whether this connection controls the page.
        in_control: bool,
        controller: Option<String>,
    },
    ScreenshotUpdate {
        /// A `data:` address of a JPEG.
        screenshot: String,
        viewport: ViewportView,
    },
    /// The control changed hands.
    Control {
        in_control: bool,
        controller: Option<String>,
    },
    /// There is more time, or less.
    Expires {
        #[schema(value_type = i64)]
        expires_at: Timestamp,
    },
    /// The platform accepted it: the account goes on.
    Completed {
        message: String,
    },
    /// The platform was asked, or need not be.
    CompletionStatus {
        completed: bool,
        message: Option<String>,
    },
    /// There is nothing to see any more.
    Ended {
        #[schema(inline)]
        state: State,
        message: String,
    },
    Pong {},
    /// Something that the person said was of no use, or (then the connection is closed) why it cannot stay.
    Error {
        code: &'static str,
        message: String,
    },
}

impl PageSays {
    pub fn to_text(&self) -> String {
        // Strings and numbers: nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn picture(picture: &Picture) -> Self {
        Self::ScreenshotUpdate { screenshot: data_address(picture), viewport: picture.viewport.into() }
    }

    pub fn control(Control { is_yours, name }: Control) -> Self {
        Self::Control { in_control: is_yours, controller: name }
    }

    pub fn checked(checked: &Checked, language: Language) -> Self {
        let said = in_words(checked).in_language(language).to_owned();
        match checked {
            Checked::Passed => Self::Completed { message: said },
            Checked::NothingNew | Checked::NotPassed(_) => {
                Self::CompletionStatus { completed: false, message: Some(said) }
            }
        }
    }

    pub fn ended(state: State, trouble: Option<Trouble>, language: Language) -> Self {
        let mut said = of(state.sentence());
        if let Some(trouble) = trouble {
            let (zh, en) = trouble.sentence();
            said = Said::new(format!("{zh}{}", said.zh), format!("{en} {}", said.en));
        }
        Self::Ended { state, message: said.in_language(language).to_owned() }
    }

    pub fn error(code: &'static str, said: &Said, language: Language) -> Self {
        Self::Error { code, message: said.in_language(language).to_owned() }
    }
}

/// The picture as pages show it.
pub fn data_address(picture: &Picture) -> String {
    format!("data:image/jpeg;base64,{}", picture.jpeg)
}

fn of((zh, en): (&'static str, &'static str)) -> Said {
    Said::new(zh, en)
}

fn in_words(checked: &Checked) -> Said {
    match checked {
        Checked::Passed => Said::new("验证成功！账号已恢复。", "Passed: the account goes on."),
        Checked::NothingNew => Said::new("尚未完成，请继续操作。", "Not finished yet: go on."),
        Checked::NotPassed(NotAccepted::StillAsked) => {
            Said::new("平台仍要求验证，请再试一次。", "The platform still asks: try once more.")
        }
        Checked::NotPassed(NotAccepted::NotRunning) => {
            Said::new("账号未在运行，请先启用账号。", "The account does not run: enable it first.")
        }
        Checked::NotPassed(NotAccepted::OtherSeller) => {
            Said::new("页面中登录的是另一个闲鱼账号。", "Another platform user is signed in on this page.")
        }
        Checked::NotPassed(NotAccepted::NoAnswer) => Said::new(
            "暂时无法向平台确认，请稍后点“检查”。",
            "The platform could not be asked: check again in a moment.",
        ),
    }
}

/// Why nothing is shown, as a code and in words.
pub fn not_shown(not: &NotShown) -> (&'static str, Said) {
    match not {
        NotShown::Unknown => ("not_found", Said::new("未找到。", "Not found.")),
        NotShown::Over(state) => (state.as_str(), of(state.sentence())),
        NotShown::Trouble(trouble) => (trouble.as_str(), of(trouble.sentence())),
        NotShown::Storage(_) => {
            ("database_unavailable", Said::new("数据库暂时不可用。", "The database is temporarily unavailable."))
        }
    }
}

pub fn not_done(not: NotDone) -> (&'static str, Said) {
    match not {
        NotDone::NotShown => ("not_shown", Said::new("验证页面没有打开。", "Its page is not open.")),
        NotDone::TooFast => ("too_fast", Said::new("操作过快。", "Too fast.")),
        NotDone::NotInControl => {
            ("not_in_control", Said::new("正由他人操作，可点“接管”。", "Somebody else controls it: take over first."))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Option<PersonSays> {
        serde_json::from_str(text).ok()
    }

    #[test]
    fn what_older_clients_say_is_understood() {
        let down = read(r#"{"type":"mouse_event","event_type":"down","x":12,"y":34.5}"#).unwrap();
        let at = Point { x: 12.0, y: 34.5 };
        assert_eq!(down.input(), Some(Input::Mouse { stroke: Stroke::Down, at, pressed: false }));
        assert_eq!(read(r#"{"type":"check_completion"}"#), Some(PersonSays::CheckCompletion {}));
        assert_eq!(read(r#"{"type":"ping"}"#), Some(PersonSays::Ping {}));
        for text in
            ["", "{}", r#"{"type":"mouse_event","event_type":"jump","x":1,"y":1}"#, r#"{"type":"eval","js":"1"}"#]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_finger_a_wheel_a_key_and_a_size_are_understood_too() {
        assert!(read(r#"{"type":"touch_event","event_type":"start","x":1,"y":2}"#).unwrap().input().is_some());
        let wheel = read(r#"{"type":"wheel_event","x":1,"y":2,"delta_y":1e9}"#).unwrap().input();
        assert_eq!(wheel, Some(Input::Wheel { at: Point { x: 1.0, y: 2.0 }, x: 0.0, y: 2000.0 }));
        let long = format!(r#"{{"type":"key_event","event_type":"down","key":"{}"}}"#, "x".repeat(99));
        assert_eq!(read(&long).unwrap().input(), None);
        let size = read(r#"{"type":"resize","width":390,"height":99999}"#).unwrap().input();
        assert_eq!(size, Some(Input::Resize(Viewport::bounded(390, 1920, 1.0))));
    }

    #[test]
    fn what_is_said_has_the_shape_that_older_clients_know() {
        let said = |frame: &PageSays| -> Value { serde_json::from_str(&frame.to_text()).unwrap() };
        let viewport = Viewport { width: 480, height: 640, scale: 1.0 };
        let picture = Picture { number: 1, jpeg: "AAAA".into(), viewport };
        assert_eq!(
            said(&PageSays::picture(&picture)),
            json!({"type": "screenshot_update", "screenshot": "data:image/jpeg;base64,AAAA", "viewport": {"width": 480, "height": 640}})
        );
        assert_eq!(said(&PageSays::Pong {}), json!({"type": "pong"}));
        let passed = PageSays::checked(&Checked::Passed, Language::Chinese);
        assert_eq!(said(&passed), json!({"type": "completed", "message": "验证成功！账号已恢复。"}));
        let not = said(&PageSays::checked(&Checked::NothingNew, Language::English));
        assert_eq!((&not["type"], &not["completed"]), (&json!("completion_status"), &json!(false)));
        let ended = said(&PageSays::ended(State::Failed, Some(Trouble::Memory), Language::English));
        assert!(ended["message"].as_str().unwrap().contains("memory"), "{ended}");
    }
}
