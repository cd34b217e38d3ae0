//! From the state of each part to one verdict, and to what goes on working.
//!
//! | what fails | status | `GET /health` (default) | buyers' messages are kept | buyers are answered | API and pages | changes take effect |
//! |---|---|---|---|---|---|---|
//! | nothing | healthy | 200 | yes | yes | yes | yes |
//! | database | unhealthy | 503 | no: not acknowledged, the platform keeps them | no | no: 503 | no |
//! | registry | unhealthy | 503 | yes | yes | partly: stored data | no, until it is replaced |
//! | a shard | unhealthy | 503 | partly: not its accounts, until it is replaced | partly | yes | partly |
//! | backlog | unhealthy | 503 | yes | partly: late, or not within the answers' age | yes | yes |
//! | probe | unhealthy | 503 | nobody knows | nobody knows | nobody knows | nobody knows |
//! | cpu, memory | unhealthy | 200 | yes | yes | yes | yes |
//! | disk | unhealthy | 200 | yes, until it is full | yes, until it is full | yes | yes |
//! | figures (optional) | degraded | 200 | yes | yes | yes | yes |

use std::{collections::VecDeque, fmt, str::FromStr, time::Duration, time::Instant};

use serde::{Deserialize, Serialize};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Answers, and takes writes.
    Database,
    Registry,
    /// All of them.
    Shards,
    /// Unsent messages do not grow without end.
    Backlog,
    Cpu,
    Memory,
    Disk,
    /// Whoever looks at all this does so every second.
    Probe,
    /// The machine tells its figures. Optional.
    Figures,
}

impl Part {
    pub const ALL: [Self; 9] = [
        Self::Database,
        Self::Registry,
        Self::Shards,
        Self::Backlog,
        Self::Cpu,
        Self::Memory,
        Self::Disk,
        Self::Probe,
        Self::Figures,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Registry => "registry",
            Self::Shards => "shards",
            Self::Backlog => "backlog",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Probe => "probe",
            Self::Figures => "figures",
        }
    }

    /// Without it everything goes on.
    fn is_optional(self) -> bool {
        matches!(self, Self::Figures)
    }

    /// Whether the settings decide if its failure is a 503.
    fn is_chosen(self) -> bool {
        !matches!(self, Self::Probe | Self::Figures)
    }

    /// What goes on working while it fails.
    fn leaves(self) -> Works {
        use Goes::{No, Partly, Unknown, Yes};
        let (receiving, answering, api, changes) = match self {
            Self::Database => (No, No, No, No),
            Self::Registry => (Yes, Yes, Partly, No),
            Self::Shards => (Partly, Partly, Yes, Partly),
            Self::Backlog => (Yes, Partly, Yes, Yes),
            Self::Cpu | Self::Memory | Self::Disk | Self::Figures => (Yes, Yes, Yes, Yes),
            Self::Probe => (Unknown, Unknown, Unknown, Unknown),
        };
        Works { receiving, answering, api, changes }
    }
}

/// How a part is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PartState {
    Ok,
    Failing,
    /// It cannot be asked, because another part fails.
    Unknown,
}

/// The whole in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    Healthy,
    /// An optional part fails.
    Degraded,
    Unhealthy,
}

/// How far something goes on, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Goes {
    Yes,
    Partly,
    No,
    Unknown,
}

/// What goes on working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Works {
    /// Buyers' messages are stored and acknowledged.
    pub receiving: Goes,
    pub answering: Goes,
    /// Endpoints and pages.
    pub api: Goes,
    /// What a person changes takes effect.
    pub changes: Goes,
}

impl Works {
    const ALL: Self = Self { receiving: Goes::Yes, answering: Goes::Yes, api: Goes::Yes, changes: Goes::Yes };

    fn and(self, other: Self) -> Self {
        Self {
            receiving: self.receiving.max(other.receiving),
            answering: self.answering.max(other.answering),
            api: self.api.max(other.api),
            changes: self.changes.max(other.changes),
        }
    }
}

/// What all parts together mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub status: HealthStatus,
    /// `GET /health` answers 503.
    pub refuses: bool,
    pub works: Works,
}

/// `refusing`: the checks whose failure is a 503.
pub fn judge(parts: &[(Part, PartState)], refusing: &Checks) -> Verdict {
    let mut verdict = Verdict { status: HealthStatus::Healthy, refuses: false, works: Works::ALL };
    for (part, _) in parts.iter().filter(|(_, state)| *state == PartState::Failing) {
        let status = if part.is_optional() { HealthStatus::Degraded } else { HealthStatus::Unhealthy };
        verdict.status = verdict.status.max(status);
        verdict.refuses |= *part == Part::Probe || refusing.0.contains(part);
        verdict.works = verdict.works.and(part.leaves());
    }
    verdict
}

/// Checks by name, with commas between: which of them make `GET /health` answer 503.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checks(Vec<Part>);

impl FromStr for Checks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let chosen = || Part::ALL.into_iter().filter(|part| part.is_chosen());
        let names = || chosen().map(Part::as_str).collect::<Vec<_>>().join(", ");
        let part = |name: &str| {
            chosen()
                .find(|part| part.as_str() == name)
                .ok_or_else(|| format!("there is no check {name:?}: there is {}", names()))
        };
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(part).collect::<Result<_, _>>().map(Self)
    }
}

impl TryFrom<String> for Checks {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|part| part.as_str()).collect::<Vec<_>>().join(", "))
    }
}

impl From<Checks> for String {
    fn from(checks: Checks) -> Self {
        checks.to_string()
    }
}

/// In so many steps a window is looked at.
const STEPS: u32 = 5;

/// Tells a queue that grows without end from one that has a busy hour: it is long, and was longer at each fifth of the window than at
/// the one before.
#[derive(Debug)]
pub struct Growth {
    /// What is never too long.
    least: u64,
    step: Duration,
    lengths: VecDeque<(Instant, u64)>,
}

impl Growth {
    pub fn new(least: u64, window: Duration) -> Self {
        Self { least, step: window / STEPS, lengths: VecDeque::new() }
    }

    /// Whether a queue of this length, after those before, grows without end.
    pub fn is_endless(&mut self, length: u64, now: Instant) -> bool {
        if self.lengths.back().is_none_or(|(at, _)| now.saturating_duration_since(*at) >= self.step) {
            self.lengths.push_back((now, length));
        }
        while self.lengths.len() > STEPS as usize + 1 {
            self.lengths.pop_front();
        }
        let whole = self.lengths.len() > STEPS as usize;
        let rises =
            self.lengths.iter().zip(self.lengths.iter().skip(1)).all(|((_, before), (_, after))| after > before);
        let still = self.lengths.back().is_some_and(|(_, last)| length >= *last);
        whole && rises && still && length > self.least
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Goes::*, HealthStatus::*, *};

    fn refusing() -> Checks {
        "database, registry, shards, backlog".parse().unwrap()
    }

    fn failing(part: Part) -> Verdict {
        let states = Part::ALL.map(|each| (each, if each == part { PartState::Failing } else { PartState::Ok }));
        judge(&states, &refusing())
    }

    /// The table in the module's documentation.
    #[test]
    fn a_table_says_what_goes_on_working_when_each_part_fails() {
        for (part, status, refuses, [receiving, answering, api, changes]) in [
            (Part::Database, Unhealthy, true, [No, No, No, No]),
            (Part::Registry, Unhealthy, true, [Yes, Yes, Partly, No]),
            (Part::Shards, Unhealthy, true, [Partly, Partly, Yes, Partly]),
            (Part::Backlog, Unhealthy, true, [Yes, Partly, Yes, Yes]),
            (Part::Probe, Unhealthy, true, [Unknown; 4]),
            (Part::Cpu, Unhealthy, false, [Yes; 4]),
            (Part::Memory, Unhealthy, false, [Yes; 4]),
            (Part::Disk, Unhealthy, false, [Yes; 4]),
            (Part::Figures, Degraded, false, [Yes; 4]),
        ] {
            let works = Works { receiving, answering, api, changes };
            assert_eq!(failing(part), Verdict { status, refuses, works }, "{}", part.as_str());
        }
    }

    #[test]
    fn where_nothing_fails_all_is_well_and_what_cannot_be_asked_is_not_held_against_anybody() {
        let well = Verdict { status: Healthy, refuses: false, works: Works::ALL };
        assert_eq!(judge(&Part::ALL.map(|part| (part, PartState::Ok)), &refusing()), well);
        assert_eq!(judge(&[(Part::Shards, PartState::Unknown)], &refusing()), well);
    }

    #[test]
    fn the_worst_of_several_failures_counts() {
        let both = [(Part::Figures, PartState::Failing), (Part::Disk, PartState::Failing)];
        assert_eq!(judge(&both, &refusing()).status, Unhealthy);
        let both = [(Part::Shards, PartState::Failing), (Part::Registry, PartState::Failing)];
        let works = judge(&both, &refusing()).works;
        assert_eq!((works.receiving, works.changes), (Partly, No));
    }

    #[test]
    fn a_crossed_threshold_is_a_503_only_where_the_setting_says_so() {
        let full = [(Part::Disk, PartState::Failing)];
        assert!(!judge(&full, &refusing()).refuses);
        assert!(judge(&full, &"disk".parse().unwrap()).refuses);
        assert!(!judge(&[(Part::Database, PartState::Failing)], &"".parse().unwrap()).refuses);
    }

    #[test]
    fn checks_read_back_and_an_unknown_one_is_refused_with_the_known() {
        assert_eq!(refusing().to_string().parse(), Ok(refusing()));
        let error = "database,probe".parse::<Checks>().unwrap_err();
        assert!(error.contains("\"probe\"") && error.contains("backlog, cpu"), "{error}");
    }

    /// Lengths a minute apart.
    fn endless(lengths: &[u64]) -> bool {
        let (mut growth, start) = (Growth::new(1000, Duration::from_secs(300)), Instant::now());
        let minutes = lengths.iter().zip(0..);
        minutes.fold(false, |_, (length, minute)| growth.is_endless(*length, start + Duration::from_secs(60 * minute)))
    }

    #[test]
    fn a_queue_that_grew_throughout_the_window_and_is_long_grows_without_end() {
        assert!(endless(&[100, 300, 500, 700, 900, 1100]));
        assert!(!endless(&[100, 300, 500, 700, 900]), "not for the whole window");
        assert!(!endless(&[10, 30, 50, 70, 90, 110]), "not long");
        assert!(!endless(&[5000, 6000, 5900, 7000, 8000, 9000]), "it shrank in between");
        assert!(!endless(&[5000; 10]), "it stands still");
        assert!(!endless(&[100, 300, 500, 700, 900, 1100, 1000]), "it shrinks now");
    }
}
