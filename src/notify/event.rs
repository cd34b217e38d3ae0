//! What there is to tell, how bad it is, and how patient one is with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Something that is told. The codes are stable: they are stored, and programs may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NoticeEvent)]
pub enum Event {
    /// A buyer wrote.
    NewMessage,
    /// A buyer wrote, and nobody answered for long.
    Unanswered,
    /// A conversation waits for a person.
    PersonNeeded,
    /// An account waits for a person: a verification, or a new login.
    AccountNeedsPerson,
    /// An account has been without its connection for long.
    AccountDown,
    DeliveryDone,
    DeliveryFailed,
    /// Nobody can say whether the buyer got the goods.
    DeliveryUncertain,
    StockLow,
    /// The bound on what the AI may cost is reached.
    AiCap,
    BackupFailed,
    /// A part of the server is not well. For administrators.
    System,
    /// A rule of the seller wants it told.
    Rule,
    /// A conversation was handed to somebody to look after.
    Handover,
    /// An item was taken off the sale: an order took the last piece in stock.
    ItemOffSale,
    /// An account's login is thought to end in a few days.
    LoginEnding,
}

/// How bad it is. Whoever subscribes says from where on it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = NoticeSeverity)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look today.
    Warning,
    /// Somebody must act now: passes quiet hours.
    Critical,
}

/// The languages notices are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = NoticeLanguage)]
pub enum Language {
    Zh,
    En,
}

macro_rules! codes {
    ($type:ty { $($variant:ident => $code:literal,)* }) => {
        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($code => Ok(Self::$variant),)*
                    other => Err(format!(concat!("unknown ", stringify!($type), " {:?}"), other)),
                }
            }
        }
    };
}
pub(crate) use codes;

codes!(Event {
    NewMessage => "new_message",
    Unanswered => "unanswered",
    PersonNeeded => "person_needed",
    AccountNeedsPerson => "account_needs_person",
    AccountDown => "account_down",
    DeliveryDone => "delivery_done",
    DeliveryFailed => "delivery_failed",
    DeliveryUncertain => "delivery_uncertain",
    StockLow => "stock_low",
    AiCap => "ai_cap",
    BackupFailed => "backup_failed",
    System => "system",
    Rule => "rule",
    Handover => "handover",
    ItemOffSale => "item_off_sale",
    LoginEnding => "login_ending",
});

codes!(Severity {
    Info => "info",
    Warning => "warning",
    Critical => "critical",
});

codes!(Language {
    Zh => "zh",
    En => "en",
});

/// How patient one is with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It begins, lasts and ends.
    Trouble {
        /// It must have lasted so long before it is told.
        hold: Duration,
        /// It must have been over so long before its end is told, and what begins again sooner is the same trouble.
        settle: Duration,
    },
    /// It happens. What is the same within this span is told once, and then with a number.
    Happening { window: Duration },
}

const MINUTE: Duration = Duration::from_mins(1);

impl Event {
    /// How bad it usually is.
    pub fn severity(self) -> Severity {
        match self {
            Self::NewMessage | Self::DeliveryDone | Self::Rule => Severity::Info,
            Self::Unanswered
            | Self::PersonNeeded
            | Self::AccountDown
            | Self::DeliveryUncertain
            | Self::StockLow
            | Self::AiCap
            | Self::Handover
            | Self::ItemOffSale
            | Self::LoginEnding => Severity::Warning,
            Self::AccountNeedsPerson | Self::DeliveryFailed | Self::BackupFailed | Self::System => Severity::Critical,
        }
    }

    /// `down_after`: how long an account may be without its connection before that is told.
    pub fn course(self, down_after: Duration) -> Course {
        match self {
            Self::AccountDown => Course::Trouble { hold: down_after, settle: 2 * MINUTE },
            Self::AccountNeedsPerson | Self::System => Course::Trouble { hold: MINUTE, settle: MINUTE },
            Self::StockLow | Self::AiCap | Self::BackupFailed | Self::LoginEnding => {
                Course::Trouble { hold: Duration::ZERO, settle: MINUTE }
            }
            // None has to wait any more, and all are over when somebody has taken care of them.
            Self::Unanswered | Self::PersonNeeded | Self::Handover => {
                Course::Trouble { hold: Duration::ZERO, settle: Duration::ZERO }
            }
            Self::NewMessage => Course::Happening { window: 5 * MINUTE },
            Self::DeliveryDone | Self::DeliveryFailed | Self::DeliveryUncertain | Self::Rule | Self::ItemOffSale => {
                Course::Happening { window: 10 * MINUTE }
            }
        }
    }

    /// Whether its end is worth a message: of what a person took care of, that person knows.
    pub fn tells_its_end(self) -> bool {
        match self {
            Self::AccountNeedsPerson | Self::AccountDown | Self::System | Self::StockLow | Self::BackupFailed => true,
            Self::NewMessage
            | Self::Unanswered
            | Self::PersonNeeded
            | Self::DeliveryDone
            | Self::DeliveryFailed
            | Self::DeliveryUncertain
            | Self::AiCap
            | Self::Rule
            | Self::Handover
            | Self::ItemOffSale
            | Self::LoginEnding => false,
        }
    }

    /// Whether a new channel hears of it. Every message and every delivery that went well would be too much for most.
    pub fn is_usual(self) -> bool {
        !matches!(self, Self::NewMessage | Self::DeliveryDone)
    }
}
