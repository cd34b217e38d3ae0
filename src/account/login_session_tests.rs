//! The rules of checks one by one, then a month of them: in no trouble is the platform asked more often than the budgets say.

use super::*;
use crate::account::{
    backoff::{Backoff, BackoffConfig},
    token::{Cause, Governor, Permission},
};

const START: Timestamp = Timestamp(20_000 * DAY_MS);
const ACCOUNT: AccountId = AccountId(7);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

#[test]
fn one_call_checks_and_the_others_wait_and_take_what_it_brought() {
    let mut checks = Checks::default();
    assert_eq!(checks.claim(None, START), Claim::Granted);
    assert_eq!(checks.claim(None, START + SECOND), Claim::Wait, "somebody is at it");
    assert_eq!(checks.claim(None, START + 60 * SECOND), Claim::Done, "the cookies are newer by now");
    assert_eq!(
        checks.claim(Some(START), START + 60 * SECOND),
        Claim::Refused,
        "the newest cookies are refused: no use"
    );
    assert_eq!(checks.claim(Some(START), START + 11 * 60 * SECOND), Claim::Granted);
    assert_eq!(checks.used_today(START + HOUR), 2);
}

#[test]
fn a_day_has_so_many_checks_and_the_next_day_has_as_many() {
    let (mut checks, mut now) = (Checks::default(), START);
    for _ in 0..CHECKS_A_DAY {
        assert_eq!(checks.claim(checks.at, now), Claim::Granted);
        now = now + HOUR;
    }
    assert_eq!(checks.claim(checks.at, now), Claim::Refused);
    assert!(!checks.claim_care(ACCOUNT, START - 100 * HOUR, now), "the daily check is one of them");
    assert_eq!(checks.claim(checks.at, START + 24 * HOUR), Claim::Granted);
}

#[test]
fn a_check_without_an_answer_costs_nothing_and_is_made_again_after_a_while() {
    let mut checks = Checks::default();
    assert_eq!(checks.claim(None, START), Claim::Granted);
    checks.got_no_answer(START + SECOND);
    assert_eq!(checks.used_today(START), 0);
    for seen in [None, Some(START)] {
        assert_eq!(checks.claim(seen, START + 60 * SECOND), Claim::Wait);
    }
    assert_eq!(checks.claim(None, START + WAIT), Claim::Granted);
}

/// What a restart does is look at this: nothing is due that was not due before.
#[test]
fn the_daily_check_is_due_a_day_after_the_last_one_whatever_was_restarted() {
    let mut checks = Checks::default();
    let first = checks.next_care(ACCOUNT, START);
    assert!(first > START + 20 * HOUR && first <= START + 24 * HOUR);
    assert!(!checks.claim_care(ACCOUNT, START, first - SECOND));
    assert!(checks.claim_care(ACCOUNT, START, first));
    assert!(!checks.claim_care(ACCOUNT, START, first));
    assert!(checks.next_care(ACCOUNT, START) > first + 20 * HOUR);
    assert!(checks.next_care(ACCOUNT, first + HOUR) > first + 21 * HOUR, "a new cookie is as good as a check");
    let spread: std::collections::BTreeSet<_> = (0..64).map(|id| checks.next_care(AccountId(id), START)).collect();
    assert_eq!(spread.len(), 64, "accounts are spread");
}

#[test]
fn the_end_is_what_the_cookies_say_or_a_month_away() {
    let jar = |text: &str| Cookies::parse(&format!("unb=1; cookie2=c; {text}"));
    let stated = START + 72 * HOUR;
    assert_eq!(ends_at(&jar(&format!("havana_lgc_exp={}", stated.0)), START), stated);
    assert_eq!(ends_at(&jar(&format!("cookie3_bak_exp={}", stated.0 / 1000)), START), stated);
    let two = format!("havana_lgc_exp={}; cookie3_bak_exp={}", (stated + HOUR).0, stated.0);
    assert_eq!(ends_at(&jar(&two), START), stated, "the earlier one");
    let old = format!("havana_lgc_exp={}", (START - 48 * HOUR).0);
    for silent in ["", "havana_lgc_exp=", "havana_lgc_exp=soon", "havana_lgc_exp=17", &old] {
        assert_eq!(ends_at(&jar(silent), START), START + 24 * HOUR * 30, "{silent}");
    }
}

/// How the platform behaves, at some moment of the month.
struct Platform {
    /// How long an access token lives, and how long a login does that is not checked.
    token_life: Duration,
    login_life: Duration,
    /// A token is refused by the chat this long after it was given, though it should live on; `None`: it is not.
    refuses_after: Option<Duration>,
    /// Whether a check mends a login that is over.
    mends: bool,
    /// Whether every login counts as over, even after a check.
    always_over: bool,
    /// How requests for a token are answered in these hours of the month, and well in all others.
    trouble: (Trouble, std::ops::Range<u64>),
    /// It ends each connection after this long.
    closes_after: Duration,
}

#[derive(Clone, Copy)]
enum Trouble {
    /// Nobody answers.
    Silence,
    /// Too many requests, or an answer that says nothing: it was made, and is made again later.
    Nonsense,
    Risk(Cause),
}

impl Platform {
    fn troubled(trouble: Trouble, hours: std::ops::Range<u64>) -> Self {
        Self { token_life: HOUR, trouble: (trouble, hours), ..Self::default() }
    }
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            token_life: 24 * HOUR,
            login_life: 30 * 24 * HOUR,
            refuses_after: None,
            mends: true,
            always_over: false,
            trouble: (Trouble::Silence, 0..0),
            closes_after: 20 * 60 * SECOND,
        }
    }
}

/// What one account asked of the platform on each day of a month.
#[derive(Default)]
struct Asked {
    tokens: std::collections::BTreeMap<i64, u32>,
    checks: std::collections::BTreeMap<i64, u32>,
    /// It waits for a person from then on.
    failed_at: Option<Timestamp>,
    connected: Duration,
}

impl Asked {
    fn most(days: &std::collections::BTreeMap<i64, u32>) -> u32 {
        days.values().copied().max().unwrap_or(0)
    }
}

const BUDGET: u32 = 12;
const MONTH: Duration = Duration::from_hours(24 * 30);

/// The decisions of an account over 30 days, made by the same rules as in life; only the calls are played.
fn month(platform: &Platform) -> Asked {
    let (mut governor, mut checks, mut asked) = (Governor::default(), Checks::default(), Asked::default());
    let config = BackoffConfig::default();
    let mut backoff = Backoff::new(config);
    let (mut now, end) = (START, START + MONTH);
    let (mut token_given, mut login_until) = (START, START + platform.login_life);
    // The login was checked, and the call is made once more.
    let mut is_checked = false;
    while now < end {
        let (trouble, hours) = &platform.trouble;
        let trouble = hours.contains(&(now.since(START).as_secs() / 3600)).then_some(*trouble);
        let over = |now: Timestamp, until: Timestamp| platform.always_over || now >= until;
        // From here to a line, or to a pause.
        let pause = match governor.permission(BUDGET, now) {
            Permission::Blocked(_) => break,
            Permission::Wait(until) => {
                is_checked = false;
                until.since(now)
            }
            Permission::Request => {
                governor.spend(1, now);
                *asked.tokens.entry(day(now)).or_default() += 1;
                match trouble {
                    Some(Trouble::Silence) => {
                        governor.refund(1, now);
                        *asked.tokens.entry(day(now)).or_default() -= 1;
                        backoff.next(1.0).wait
                    }
                    Some(Trouble::Nonsense) => backoff.next(1.0).wait,
                    Some(Trouble::Risk(cause)) => {
                        governor.trip(cause, None, None, now);
                        asked.failed_at = Some(now);
                        break;
                    }
                    None if over(now, login_until) && !is_checked => {
                        let seen = checks.at;
                        let is_granted = checks.claim(seen, now) == Claim::Granted;
                        // Another call of the account finds the same, in the same moment and after it.
                        assert_eq!(
                            checks.claim(seen, now + SECOND),
                            if is_granted { Claim::Wait } else { Claim::Refused }
                        );
                        if is_granted {
                            *asked.checks.entry(day(now)).or_default() += 1;
                            if platform.mends {
                                login_until = now + platform.login_life;
                            }
                            assert_eq!(checks.claim(seen, now + 60 * SECOND), Claim::Done);
                        }
                        if !is_granted || !platform.mends {
                            governor.trip(Cause::SessionExpired, None, None, now);
                            asked.failed_at = Some(now);
                            break;
                        }
                        is_checked = true;
                        Duration::ZERO
                    }
                    None if over(now, login_until) => {
                        governor.trip(Cause::SessionExpired, None, None, now);
                        asked.failed_at = Some(now);
                        break;
                    }
                    None => {
                        is_checked = false;
                        governor.keep("t".into(), Some(platform.token_life), now);
                        token_given = now;
                        Duration::ZERO
                    }
                }
            }
            Permission::Use(_) => {
                let lives = platform.refuses_after.is_none_or(|after| now.since(token_given) < after);
                if !lives {
                    governor.refuse();
                    backoff.next(1.0).wait
                } else {
                    let until = now + platform.closes_after;
                    if checks.claim_care(ACCOUNT, START, now) {
                        *asked.checks.entry(day(now)).or_default() += 1;
                        if over(now, login_until) && !platform.mends {
                            governor.trip(Cause::SessionExpired, None, None, now);
                            asked.failed_at = Some(now);
                            continue;
                        }
                        login_until = now + platform.login_life;
                    }
                    asked.connected += platform.closes_after;
                    backoff.reset_after_stable(platform.closes_after);
                    until.since(now) + backoff.next(1.0).wait
                }
            }
        };
        now = now + pause;
    }
    asked
}

#[test]
fn thirty_days_in_good_health_cost_a_token_and_a_check_a_day() {
    let asked = month(&Platform::default());
    assert_eq!(asked.failed_at, None);
    assert!(Asked::most(&asked.tokens) <= 2 && Asked::most(&asked.checks) <= 2);
    let total = |days: &std::collections::BTreeMap<i64, u32>| days.values().sum::<u32>();
    assert!((28..=32).contains(&total(&asked.tokens)), "{:?}", asked.tokens);
    assert!((28..=36).contains(&total(&asked.checks)), "{:?}", asked.checks);
    assert!(asked.connected > MONTH * 9 / 10, "{:?}", asked.connected);
}

/// T: token storms are what accounts are restricted for.
#[test]
fn thirty_days_of_any_trouble_stay_within_the_budgets() {
    let troubles = [
        (
            "a login of a week that is checked daily never ends",
            Platform { login_life: 7 * 24 * HOUR, ..Platform::default() },
            false,
        ),
        (
            "a login of three hours, mended by each check",
            Platform { login_life: 3 * HOUR, token_life: HOUR, ..Platform::default() },
            true,
        ),
        ("a dead login", Platform { login_life: 5 * 24 * HOUR, mends: false, ..Platform::default() }, false),
        ("a login that no check mends though it says so", Platform { always_over: true, ..Platform::default() }, true),
        ("tokens refused at once", Platform { refuses_after: Some(Duration::ZERO), ..Platform::default() }, false),
        ("tokens refused after an hour", Platform { refuses_after: Some(HOUR), ..Platform::default() }, false),
        ("connections closed at once", Platform { closes_after: SECOND, ..Platform::default() }, false),
        ("connections taken by somebody else", Platform { closes_after: 30 * SECOND, ..Platform::default() }, false),
        ("two days without an answer", Platform::troubled(Trouble::Silence, 100..148), false),
        ("a month without an answer", Platform::troubled(Trouble::Silence, 0..720), false),
        ("two days of nonsense", Platform::troubled(Trouble::Nonsense, 100..148), false),
        ("a month of nonsense", Platform::troubled(Trouble::Nonsense, 0..720), false),
        ("a challenge", Platform::troubled(Trouble::Risk(Cause::Challenge), 100..720), true),
        ("a request judged abnormal", Platform::troubled(Trouble::Risk(Cause::AccessDenied), 100..720), true),
        (
            "all of it",
            Platform {
                token_life: HOUR,
                login_life: 2 * HOUR,
                refuses_after: Some(600 * SECOND),
                closes_after: 5 * SECOND,
                trouble: (Trouble::Silence, 50..60),
                ..Platform::default()
            },
            true,
        ),
    ];
    for (what, platform, may_fail) in troubles {
        let asked = month(&platform);
        assert!(Asked::most(&asked.tokens) <= BUDGET, "{what}: {:?}", asked.tokens);
        assert!(Asked::most(&asked.checks) <= CHECKS_A_DAY, "{what}: {:?}", asked.checks);
        if platform.mends && !may_fail {
            assert_eq!(asked.failed_at, None, "{what}");
        }
        if let Some(at) = asked.failed_at {
            let later =
                |days: &std::collections::BTreeMap<i64, u32>| days.range(day(at) + 1..).map(|(_, n)| n).sum::<u32>();
            assert_eq!((later(&asked.tokens), later(&asked.checks)), (0, 0), "{what}: a person is waited for");
        }
    }
}
