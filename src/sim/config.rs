//! What kind of platform is played. Set once; what may change while it runs is in [`super::fault`].

use std::time::Duration;

/// Properties of the simulated platform. Where the real one's behaviour is unknown the choice is the simulator's own.
#[derive(Debug, Clone)]
pub struct Config {
    /// Threads that serve connections.
    pub workers: usize,
    /// How long a `_m_h5_tk` signs.
    pub h5_lifetime: Duration,
    /// How long an access token registers.
    pub token_lifetime: Duration,
    /// How long a login lasts.
    pub login_lifetime: Duration,
    /// How long after its end `hasLogin` can still prolong a login.
    pub login_grace: Duration,
    /// How long a QR code can be scanned and confirmed.
    pub code_lifetime: Duration,
    /// Which drags a challenge takes for a person's.
    pub drags: Drags,
    /// What a newer connection of the same account does to an older one.
    pub newer: Newer,
    /// A connection that sends no `ackDiff` gets its pushes after this time all the same.
    pub live_after: Duration,
    /// Messages kept per conversation.
    pub history_limit: usize,
    /// Pushes kept per account for replay.
    pub log_limit: usize,
    /// Connections that can be reset; a file descriptor each. Later ones are closed instead.
    pub resettable: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 1,
            h5_lifetime: Duration::from_secs(24 * 3600),
            token_lifetime: Duration::from_secs(24 * 3600),
            login_lifetime: Duration::from_secs(30 * 24 * 3600),
            login_grace: Duration::from_secs(7 * 24 * 3600),
            code_lifetime: Duration::from_secs(300),
            drags: Drags::HandLike,
            newer: Newer::KickSameDevice,
            live_after: Duration::from_secs(1),
            history_limit: 100_000,
            log_limit: 10_000,
            resettable: 2_000,
        }
    }
}

/// Two connections of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newer {
    /// Both live.
    Both,
    /// The older one is removed (`/s/session/remove`) when it has the same device id.
    KickSameDevice,
    /// The older one is removed.
    KickOlder,
}

/// What counts as a person's drag of a challenge's slider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drags {
    /// Real events of a browser, some of them, over some time, up to the right end.
    HandLike,
    /// Anything that reaches the right end.
    Any,
}
