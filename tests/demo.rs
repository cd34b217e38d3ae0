//! The demo as a person starts it: the real binary, with a temporary folder of its own.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines, Read as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A demo that runs.
struct Demo {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: String,
    folder: TempDir,
}

impl Demo {
    fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_yutang"));
        // beside settings that would stop any other command
        fs::write(folder.path().join("yutang.toml"), "nonsense = true").unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        command.arg("demo").args(args).current_dir(folder.path()).env_clear();
        command.env("TMPDIR", folder.path().join("tmp")).env("YUTANG__SERVER__LISTEN", "nonsense");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, seen: String::new(), folder }
    }

    /// Reads on until a line holds this.
    #[track_caller]
    fn await_line(&mut self, part: &str) {
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            self.seen.push_str(&line);
            self.seen.push('\n');
            if line.contains(part) {
                return;
            }
        }
        panic!("no line holds {part:?}:\n{}", self.seen);
    }

    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Reads to the end: the exit code, what was shown, and what went to the standard error output. The folder must be gone.
    fn finish(mut self) -> (i32, String, String) {
        for line in self.lines {
            self.seen.push_str(&line.unwrap());
            self.seen.push('\n');
        }
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let left = fs::read_dir(self.folder.path().join("tmp")).unwrap().count();
        assert_eq!(left, 0, "the temporary folder was left behind:\n{}\n{errors}", self.seen);
        (code, self.seen, errors)
    }
}

/// The server's own words about the one account that meets a challenge; it has nothing else to warn of.
const CHALLENGE: &str = "The platform asks for a human verification.";

fn only_of_the_challenge(errors: &str) -> bool {
    errors.lines().all(|line| line.contains(CHALLENGE))
}

/// The number before a word of the last lines.
fn count(text: &str, word: &str) -> usize {
    let before = text.rsplit_once(word).unwrap_or_else(|| panic!("{word:?} is not in:\n{text}")).0;
    before.split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
fn a_timed_demo_ends_by_itself_with_every_buyer_answered_as_expected() {
    let mut demo = Demo::start(&["--seconds", "6"]);
    demo.await_line("── ");
    let (code, text, errors) = demo.finish();
    assert!(code == 0 && only_of_the_challenge(&errors), "{text}\n{errors}");
    let needs_a_person = format!("demo-人工验证: failed (challenge_required). {CHALLENGE}");
    assert!(text.contains(&needs_a_person) && text.contains("demo-人工验证: connected."), "{text}");
    assert!(text.contains("4 of 4 accounts connected"), "{text}");
    let messages = count(&text, " messages, ");
    assert!(messages > 5, "{text}");
    assert_eq!(count(&text, " of them as expected"), messages, "{text}");
    assert_eq!(count(&text, " wrong;"), 0, "{text}");
    let unanswered = count(&text, " left unanswered on purpose");
    assert_eq!(text.lines().filter(|line| line.contains("(nothing)")).count(), unanswered, "{text}");
    assert!(count(&text, " of them told to the seller") > 0, "{text}");
    let answered =
        count(&text, " answered by a rule") + count(&text, " by the AI") + count(&text, " by a default reply");
    assert_eq!(answered + unanswered, messages, "{text}");
    let served = count(&text, " served");
    assert!(served > 0, "{text}");
    assert_eq!((count(&text, " placed, "), count(&text, " faults in orders")), (served, 0), "{text}");
    for step in ["order placed", "order paid", "delivered 2/2", "order shipped", "order received"] {
        assert_eq!(text.lines().filter(|line| line.ends_with(step)).count(), served, "{step}:\n{text}");
    }
    // Whoever only types it is answered; with a code besides, the exit code would be another.
    assert!(text.lines().any(|line| line.contains("[我已付款") && line.ends_with("rule 已付款")), "{text}");
    // The first code of the stock begins so, and no more of it is shown.
    assert!(text.contains("9E37****") && !text.contains("9E37-"), "{text}");
}

#[test]
fn ctrl_c_in_the_middle_ends_it_cleanly_with_the_same_summary() {
    let mut demo = Demo::start(&[]);
    demo.await_line("rule ");
    demo.interrupt();
    let (code, text, errors) = demo.finish();
    assert!(code == 0 && only_of_the_challenge(&errors), "{text}\n{errors}");
    assert_eq!(count(&text, " of them as expected"), count(&text, " messages, "), "{text}");
    assert_eq!(count(&text, " wrong;"), 0, "{text}");
}

#[test]
fn ctrl_c_before_anybody_wrote_ends_it_cleanly_too() {
    let mut demo = Demo::start(&[]);
    demo.await_line("Yutang demo");
    demo.interrupt();
    let (code, text, _) = demo.finish();
    assert_eq!((code, count(&text, " buyers, ")), (0, 0), "{text}");
}

#[test]
fn a_reader_that_goes_away_ends_it_and_leaves_nothing_behind() {
    let mut demo = Demo::start(&[]);
    demo.await_line("rule ");
    let (mut child, folder) = (demo.child, demo.folder);
    drop(demo.lines);
    assert!(child.wait().unwrap().success());
    assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_data_folder_is_refused_because_the_demo_would_not_use_it() {
    let (code, _, errors) = Demo::start(&["--data-dir", "precious"]).finish();
    assert_eq!(code, 1);
    assert!(errors.contains("leave --config and --data-dir away"), "{errors}");
}
