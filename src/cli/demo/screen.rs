//! What the terminal shows: one line a message, one line of numbers now and then, and the end.

use std::{
    env,
    io::{self, IsTerminal as _, Write},
    net::SocketAddr,
    path::Path,
    time::Duration,
};

use clap::builder::styling::{AnsiColor, Style};
use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{
    DEBOUNCE,
    purchase::Progress,
    tally::Tally,
    visit::{Exchange, Outcome},
};
use crate::{
    account::state::Status,
    sim::{Sim, scenario::Scenario},
};

const ASKED: usize = 16;
const BUYER: usize = 7;
/// The longest answer of the shop fits.
const ANSWER: usize = 44;
/// What is left of an answer on a narrow terminal.
const SHORT_ANSWER: usize = 20;
/// The reason, the last column, takes about this much.
const WHY: usize = 21;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const QUIET: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Where the demo is shown.
pub(super) struct Screen<'a> {
    out: &'a mut dyn Write,
    colours: bool,
    /// Width of the accounts' column, and of the answers'.
    account: usize,
    answer: usize,
    shop: String,
}

impl<'a> Screen<'a> {
    pub(super) fn new(out: &'a mut dyn Write, shop: &Scenario) -> Self {
        let account = shop.accounts.iter().map(|name| name.width()).max().unwrap_or_default();
        let is_terminal = io::stdout().is_terminal();
        let no_colour = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let (accounts, rules, buyers) = (shop.accounts.len() + 1, shop.rules.len(), shop.talks.len());
        let codes = shop.goods.codes.len();
        Self {
            out,
            colours: is_terminal && !no_colour,
            account,
            answer: if is_terminal { answer_width(account) } else { ANSWER },
            shop: format!("{accounts} accounts, {rules} rules, {codes} codes in stock, {buyers} buyers at a time"),
        }
    }

    pub(super) fn welcome(&mut self, sim: &Sim, http: SocketAddr, folder: &Path) -> anyhow::Result<()> {
        let (shop, platform, folder) = (self.shop.clone(), sim.addr(), folder.display());
        self.line(BOLD, "Yutang demo: a simulated platform and the server that answers its buyers, in one process.")?;
        self.line(Style::new(), &format!("{shop}. Platform on {platform}, server on http://{http}/health,"))?;
        self.line(Style::new(), &format!("data in {folder}, removed at the end. Nothing leaves this machine."))?;
        let wait = DEBOUNCE.as_millis();
        self.line(Style::new(), &format!("The times of answers hold the {wait} ms in which a buyer may go on writing (by default 1 s). Ctrl-C ends the demo."))
    }

    pub(super) fn connected(&mut self, accounts: usize, took: Duration) -> anyhow::Result<()> {
        self.line(GOOD, &format!("{accounts} accounts connected in {} ms", took.as_millis()))
    }

    /// The platform wants a person for an account.
    pub(super) fn challenged(&mut self, account: &str, status: &Status) -> anyhow::Result<()> {
        let (state, reason, sentence) = (status.state.as_str(), status.reason.as_str(), status.reason.sentence());
        self.line(QUIET, &format!("{account}: {state} ({reason}). {sentence} It makes no further call by itself."))
    }

    pub(super) fn passed(&mut self, account: &str) -> anyhow::Result<()> {
        self.line(
            GOOD,
            &format!("{account}: connected. Somebody passed the verification in a browser and brought the new cookie."),
        )
    }

    pub(super) fn headings(&mut self) -> anyhow::Result<()> {
        self.line(Style::new(), "")?;
        let cells = ["TIME", "ACCOUNT", "BUYER", "ASKED", "ANSWERED", "     MS", "WHY"];
        let line = self.columns(cells.map(str::to_owned));
        self.line(DIM, &line)
    }

    pub(super) fn exchange(&mut self, exchange: &Exchange) -> anyhow::Result<()> {
        let (style, answer, why) = match &exchange.outcome {
            Outcome::Answered { sends, why, .. } => (Style::new(), sends.join(" + "), why.clone()),
            Outcome::Silent { why } => (QUIET, "(nothing)".to_owned(), why.clone()),
            Outcome::Order { progress, hears } => (GOOD, hears.clone(), standing(*progress)),
            Outcome::Wrong { .. } | Outcome::Unserved { .. } => (BAD, "NOT AS EXPECTED".to_owned(), String::new()),
        };
        let cells = [
            time(exchange.at),
            exchange.account.to_owned(),
            last_digits(&exchange.buyer),
            exchange.asked.clone(),
            answer,
            exchange.took.map(|took| format!("{:>7}", took.as_millis())).unwrap_or_default(),
            why,
        ];
        let line = self.columns(cells);
        self.line(style, &line)?;
        if let Outcome::Wrong { expected, heard } | Outcome::Unserved { expected, heard } = &exchange.outcome {
            self.line(BAD, &format!("          expected {expected}; heard {heard}"))?;
        }
        Ok(())
    }

    pub(super) fn summary(&mut self, tally: &Tally, connected: usize, accounts: usize) -> anyhow::Result<()> {
        let style = if tally.is_clean() && connected == accounts { GOOD } else { BAD };
        let line = format!(
            "── {}  {connected} of {accounts} accounts connected, {}{}",
            time(jiff::Timestamp::now()),
            judged(tally),
            times(tally)
        );
        self.line(style, &line)
    }

    /// In the end something is otherwise after all.
    pub(super) fn surprise(&mut self, what: &str) -> anyhow::Result<()> {
        self.line(BAD, &format!("NOT AS EXPECTED: {what}"))
    }

    pub(super) fn farewell(&mut self, tally: &Tally, buyers: usize, tokens: u32) -> anyhow::Result<()> {
        let Tally { by_rule, by_ai, by_default, silent, wrong, notices, amiss, .. } = tally;
        self.line(Style::new(), "")?;
        let style = if tally.is_clean() { GOOD } else { BAD };
        self.line(style, &format!("The end: {buyers} buyers, {}{}", judged(tally), times(tally)))?;
        let line = format!(
            "{by_rule} answered by a rule, {by_ai} by the AI, {by_default} by a default reply, {silent} left unanswered on purpose, {notices} of them told to the seller, {wrong} wrong; {amiss} faults in orders and stock; {tokens} access tokens asked for"
        );
        self.line(Style::new(), &line)
    }

    fn columns(&self, cells: [String; 7]) -> String {
        let widths = [8, self.account, BUYER, ASKED, self.answer, 7, 0];
        let fitted =
            cells.iter().zip(widths).map(|(cell, width)| if width == 0 { cell.clone() } else { fit(cell, width) });
        fitted.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }

    /// Shown at once, also through a pipe.
    fn line(&mut self, style: Style, text: &str) -> anyhow::Result<()> {
        let text = one_line(text);
        if self.colours && !text.is_empty() {
            writeln!(self.out, "{style}{text}{style:#}")?;
        } else {
            writeln!(self.out, "{text}")?;
        }
        Ok(self.out.flush()?)
    }
}

/// What is left for answers where the other columns take their part.
fn answer_width(account: usize) -> usize {
    let terminal = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    let others = 8 + account + BUYER + ASKED + 7 + WHY + 6 * 2;
    terminal.saturating_sub(others).clamp(SHORT_ANSWER, ANSWER)
}

fn judged(tally: &Tally) -> String {
    let (orders, served) = (tally.orders, tally.served);
    let messages = format!("{} messages, {} of them as expected", tally.messages, tally.as_expected());
    format!("{messages}; orders: {orders} placed, {served} served")
}

fn standing(progress: Progress) -> String {
    match progress {
        Progress::Placed => "order placed".to_owned(),
        Progress::Paid => "order paid".to_owned(),
        Progress::Delivered(pieces) => format!("delivered {pieces}/{pieces}"),
        Progress::Shipped => "order shipped".to_owned(),
        Progress::Received => "order received".to_owned(),
    }
}

fn times(tally: &Tally) -> String {
    let shown = |(median, p99): (Duration, Duration)| {
        format!("; median {} ms, 99 % within {} ms", median.as_millis(), p99.as_millis())
    };
    tally.median_and_p99().map(shown).unwrap_or_default()
}

/// In the time zone of whoever looks.
fn time(at: jiff::Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string()
}

/// Enough to tell buyers apart.
fn last_digits(id: &str) -> String {
    let skipped = id.chars().count().saturating_sub(BUYER - 1);
    format!("…{}", id.chars().skip(skipped).collect::<String>())
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Exactly this wide on a terminal: padded, or cut with an ellipsis. Chinese characters take two places.
fn fit(text: &str, width: usize) -> String {
    let text = one_line(text);
    let taken = text.width();
    if taken <= width {
        return format!("{text}{}", " ".repeat(width - taken));
    }
    let mut cut = String::new();
    let mut taken = 0;
    for c in text.chars() {
        let place = c.width().unwrap_or(0);
        if taken + place + 1 > width {
            break;
        }
        taken += place;
        cut.push(c);
    }
    format!("{cut}…{}", " ".repeat(width - taken - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_as_wide_as_its_column_whatever_it_holds() {
        assert_eq!(fit("在吗", 6), "在吗  ");
        assert_eq!(fit("最低多少呀", 8), "最低多… ");
        assert_eq!(fit("最低多少呀", 9), "最低多少…");
        assert_eq!(fit("a\nb\u{1b}", 4), "a b ");
        for width in 1..20 {
            assert_eq!(fit("3 张，可以吗 [ok]", width).width(), width);
        }
    }

    #[test]
    fn a_buyer_is_told_by_the_last_digits() {
        assert_eq!(last_digits("2200000101001"), "…101001");
        assert_eq!(last_digits("7"), "…7");
    }
}
