//! One challenge that is being shown.

use std::time::{Duration, Instant};

use actix::SpawnHandle;
use tokio::sync::oneshot;

use crate::{
    captcha::{
        browser::Page,
        challenge::{Audience, Viewer},
        input::{Input, Point, Stroke, Viewport},
        messages::{Control, Picture, Told},
        pace::Pace,
    },
    ids::{AccountId, Timestamp},
    outbox::rate::{Rate, RateConfig},
    platform::cookies::Cookies,
};

/// Pictures do not follow each other faster: no eye sees more, and the machine has other work.
const BETWEEN: Duration = Duration::from_millis(33);

/// So many pictures of an earlier size are left out.
const STALE: u32 = 20;

/// Mice say up to a thousand times a second where they are, and pages tell at most every frame of it.
const HANDS: RateConfig = RateConfig { per_second: 200.0, burst: 400 };

/// An open page and who looks at it.
pub(super) struct Shown {
    pub(super) account: AccountId,
    pub(super) page: Page,
    pub(super) expires_at: Timestamp,
    pub(super) viewport: Viewport,
    pub(super) audience: Audience,
    pub(super) listeners: Vec<(Viewer, actix::Recipient<Told>)>,
    /// Who waits for the next picture.
    pub(super) waiting: Vec<Waiting>,
    pub(super) picture: Option<Picture>,
    pictured: Option<Instant>,
    /// Pictures in a row that show the page as it was before it had its size.
    stale: u32,
    pub(super) pace: Pace,
    pressed: Option<Point>,
    /// A person did something to the page: from then on new cookies may mean that it is passed.
    pub(super) acted: bool,
    /// The cookies that the platform was last asked with.
    pub(super) tried: Cookies,
    pub(super) tried_at: Option<Instant>,
    pub(super) asking: bool,
    pub(super) due: Option<SpawnHandle>,
    /// Of what is done to it.
    pub(super) rate: Rate,
}

pub(super) struct Waiting {
    pub(super) viewer: Viewer,
    pub(super) after: u64,
    pub(super) ready: oneshot::Sender<Picture>,
}

impl Shown {
    pub(super) fn new(account: AccountId, page: Page, expires_at: Timestamp, viewport: Viewport, has: Cookies) -> Self {
        Self {
            account,
            page,
            expires_at,
            viewport,
            audience: Audience::default(),
            listeners: Vec::new(),
            waiting: Vec::new(),
            picture: None,
            pictured: None,
            stale: 0,
            pace: Pace::default(),
            pressed: None,
            acted: false,
            tried: has,
            tried_at: None,
            asking: false,
            due: None,
            rate: Rate::new(HANDS),
        }
    }

    pub(super) fn show(&self) {
        self.page.show(self.pace.quality(), self.viewport);
    }

    /// Whether a picture of this size shows the page at another size than it has: it was taken a moment before. A browser that shows no other
    /// in the end is believed.
    pub(super) fn is_stale(&mut self, width: Option<f64>, height: Option<f64>) -> bool {
        let differs =
            |shown: Option<f64>, wanted: u32| shown.is_some_and(|shown| (shown - f64::from(wanted)).abs() > 1.0);
        let is_stale = differs(width, self.viewport.width) || differs(height, self.viewport.height);
        self.stale = if is_stale { self.stale + 1 } else { 0 };
        is_stale && self.stale <= STALE
    }

    /// The browser has a new picture. Returns how long it waits for the word that it was taken.
    pub(super) fn pictured(&mut self, jpeg: &str) -> Duration {
        let number = self.picture.as_ref().map_or(0, |picture| picture.number) + 1;
        let picture = Picture { number, jpeg: jpeg.into(), viewport: self.viewport };
        for waiting in self.waiting.extract_if(.., |waiting| waiting.after < number) {
            // Who waited may be gone.
            let _ = waiting.ready.send(picture.clone());
        }
        self.picture = Some(picture);
        let since = self.pictured.replace(Instant::now()).map_or(BETWEEN, |before| before.elapsed());
        BETWEEN.saturating_sub(since)
    }

    pub(super) fn resize(&mut self, viewport: Viewport) {
        if viewport != self.viewport {
            self.viewport = viewport;
            self.page.act(&Input::Resize(viewport));
            self.show();
            self.tell(|_| Told::Viewport(viewport));
        }
    }

    pub(super) fn act(&mut self, input: Input) {
        let input = match input {
            Input::Mouse { stroke, at, .. } => {
                let at = self.viewport.clamp(at);
                let pressed = match stroke {
                    Stroke::Down => true,
                    Stroke::Move => self.pressed.is_some(),
                    Stroke::Up => false,
                };
                self.pressed = pressed.then_some(at);
                Input::Mouse { stroke, at, pressed }
            }
            Input::Touch { stroke, at } => Input::Touch { stroke, at: self.viewport.clamp(at) },
            Input::Wheel { at, x, y } => Input::Wheel { at: self.viewport.clamp(at), x, y },
            other @ (Input::Key { .. } | Input::Resize(_)) => other,
        };
        self.acted |= !matches!(input, Input::Mouse { stroke: Stroke::Move, pressed: false, .. });
        self.page.act(&input);
    }

    /// What one person holds is not dragged on by the next.
    pub(super) fn let_go(&mut self) {
        if let Some(at) = self.pressed.take() {
            self.page.act(&Input::Mouse { stroke: Stroke::Up, at, pressed: false });
        }
    }

    pub(super) fn control_for(&self, viewer: Viewer) -> Control {
        let name = self.audience.controller().map(str::to_owned);
        Control { is_yours: self.audience.controls(viewer), name }
    }

    pub(super) fn tell_control(&self) {
        self.tell(|viewer| Told::Control(self.control_for(viewer)));
    }

    /// Everybody who looks. Whoever does not listen any more is about to leave.
    pub(super) fn tell(&self, what: impl Fn(Viewer) -> Told) {
        for viewer in self.audience.viewers() {
            if let Some((_, listener)) = self.listeners.iter().find(|(known, _)| *known == viewer) {
                listener.do_send(what(viewer));
            }
        }
    }
}
