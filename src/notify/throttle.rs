//! When a notice is told, told again, and over. 600 alerts in a night are none: the same trouble is told once, with its end.

use std::time::Duration;

use super::event::{Course, codes};
use crate::ids::Timestamp;

/// How far a notice has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It may be a blip.
    Held,
    /// It was told and is not over.
    Told,
    /// Nothing more is told of it; the same again is a new notice.
    Done,
}

codes!(Stage {
    Held => "held",
    Told => "told",
    Done => "done",
});

/// What decides about a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub stage: Stage,
    pub course: Course,
    pub first_at: Timestamp,
    /// `None`: it lasts.
    pub ended_at: Option<Timestamp>,
    /// How often it happened.
    pub count: i64,
    /// How many of these were told.
    pub told: i64,
}

/// What is to be done with it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Wait,
    /// Tell that it began, or happened.
    Begin,
    /// Tell how often it happened since.
    Again,
    /// Tell that it is over.
    End,
    /// It was a blip: as if it had never been.
    Forget,
    /// Nothing is left to tell.
    Close,
}

impl Progress {
    pub fn step(&self, now: Timestamp) -> Step {
        match (self.course, self.stage) {
            (_, Stage::Done) => Step::Wait,
            (Course::Trouble { hold, settle }, stage) => match (stage, self.ended_at) {
                (Stage::Held, None) if now >= self.first_at + hold => Step::Begin,
                (Stage::Held, Some(ended)) if now >= ended + settle => Step::Forget,
                (Stage::Told, Some(ended)) if now >= ended + settle => Step::End,
                _ => Step::Wait,
            },
            (Course::Happening { .. }, Stage::Held) => Step::Begin,
            (Course::Happening { window }, Stage::Told) if now >= self.first_at + window => {
                if self.count > self.told {
                    Step::Again
                } else {
                    Step::Close
                }
            }
            (Course::Happening { .. }, Stage::Told) => Step::Wait,
        }
    }
}

/// How long until a delivery is tried again after so many attempts: longer each time, an hour at most.
pub fn back_off(attempts: i64) -> Duration {
    const FIRST: Duration = Duration::from_secs(10);
    const LONGEST: Duration = Duration::from_hours(1);
    let doublings = u32::try_from(attempts.clamp(1, 12) - 1).unwrap_or(0);
    (FIRST * 3_u32.pow(doublings)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::event::Event;

    const START: Timestamp = Timestamp(1_000_000_000_000);
    const DOWN_AFTER: Duration = Duration::from_mins(5);

    fn at(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    fn new(event: Event) -> Progress {
        let course = event.course(DOWN_AFTER);
        Progress { stage: Stage::Held, course, first_at: START, ended_at: None, count: 1, told: 0 }
    }

    #[test]
    fn a_blip_shorter_than_a_minute_is_never_told() {
        let notice = new(Event::AccountNeedsPerson);
        assert_eq!(notice.step(at(59)), Step::Wait);
        let over = Progress { ended_at: Some(at(59)), ..notice };
        assert_eq!(over.step(at(60)), Step::Wait, "it may come back");
        assert_eq!(over.step(at(119)), Step::Forget);
    }

    #[test]
    fn a_trouble_is_told_once_and_its_end_when_it_stays_over() {
        let notice = new(Event::AccountDown);
        assert_eq!(notice.step(at(299)), Step::Wait);
        assert_eq!(notice.step(at(300)), Step::Begin);
        let told = Progress { stage: Stage::Told, told: 1, ..notice };
        assert_eq!(told.step(at(86_400)), Step::Wait, "a whole night is still the one trouble");
        let over = Progress { ended_at: Some(at(400)), ..told };
        assert_eq!(over.step(at(519)), Step::Wait);
        assert_eq!(over.step(at(520)), Step::End);
    }

    /// The predecessor sent 600 alerts in one night: a line that comes and goes every minute is one trouble here.
    #[test]
    fn a_line_that_comes_and_goes_all_night_is_told_twice() {
        let mut notice = new(Event::AccountDown);
        let mut told = Vec::new();
        for second in 0..28_800 {
            let is_up = second % 100 >= 70 || second > 28_000;
            match (is_up, notice.ended_at) {
                (true, None) => notice.ended_at = Some(at(second)),
                (false, Some(_)) => (notice.ended_at, notice.count) = (None, notice.count + 1),
                _ => {}
            }
            let step = notice.step(at(second));
            match step {
                Step::Begin => (notice.stage, notice.told) = (Stage::Told, notice.count),
                Step::End => notice.stage = Stage::Done,
                Step::Wait | Step::Again | Step::Forget | Step::Close => {}
            }
            told.extend((step != Step::Wait).then_some(step));
        }
        assert_eq!(told, [Step::Begin, Step::End]);
        assert!(notice.count > 250, "{}", notice.count);
    }

    #[test]
    fn tries_grow_apart_and_never_beyond_an_hour() {
        let seconds: Vec<u64> = (0..=8).map(|attempts| back_off(attempts).as_secs()).collect();
        assert_eq!(seconds, [10, 10, 30, 90, 270, 810, 2430, 3600, 3600]);
        assert_eq!(back_off(i64::MAX).as_secs(), 3600);
    }

    #[test]
    fn what_happens_often_is_told_at_once_and_then_as_a_number() {
        let notice = new(Event::NewMessage);
        assert_eq!(notice.step(at(0)), Step::Begin);
        let told = Progress { stage: Stage::Told, told: 1, ..notice };
        assert_eq!(told.step(at(299)), Step::Wait);
        assert_eq!(told.step(at(300)), Step::Close);
        assert_eq!(Progress { count: 7, ..told }.step(at(300)), Step::Again);
        assert_eq!(Progress { stage: Stage::Done, ..told }.step(at(9999)), Step::Wait);
    }
}
