//! The real binary, run as a person runs it: each test with a data folder of its own.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_types::Text,
};
use tempfile::TempDir;
use yutang::{
    delivery::{card::Kind, unit::UnitState},
    ids::{Timestamp, UnitId, UserId},
    store::{
        Config, Keys, Scope, Store,
        cards::{self, NewCard},
        units::{self, Duplicates, Sealer},
    },
};

/// A folder in which the program has never been started.
struct Home(TempDir);

/// What a run said and how it ended.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With the only user, so that `--owner` may be left out.
    fn with_user() -> Self {
        let home = Self::new();
        home.run_with("correct horse\n", &["user", "add", "alice", "--password-stdin"]).succeeded();
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yutang"));
        command.args(args).current_dir(self.path()).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        self.run_with("", args)
    }

    fn run_with(&self, input: &str, args: &[&str]) -> Run {
        finish(self.command(args), input)
    }

    fn import(&self, what: &str, lines: &str) -> Run {
        self.run_with(lines, &[what, "import", "-"])
    }

    /// What the audit tells, oldest first: action, whose and what.
    fn audit(&self) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = Text)]
            text: String,
        }
        let sql = "SELECT action || ' ' || coalesce(owner_id, '-') || ' ' || coalesce(after, '') AS text FROM audit \
                   WHERE via = 'cli' AND actor = 'cli' ORDER BY id";
        let mut conn = SqliteConnection::establish(self.path().join("data/yutang.db").to_str().unwrap()).unwrap();
        let lines: Vec<Line> = diesel::sql_query(sql).load(&mut conn).unwrap();
        lines.into_iter().map(|line| line.text).collect()
    }
}

fn finish(mut command: Command, input: &str) -> Run {
    let mut child = command.spawn().unwrap();
    // a program that refuses before it reads closes the pipe: no failure of the test
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

impl Run {
    #[track_caller]
    fn succeeded(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// Returns all that was said.
    #[track_caller]
    fn failed(self) -> String {
        assert_eq!(self.code, 1, "{self:?}");
        self.out + &self.err
    }
}

fn account(name: &str, unb: u64) -> String {
    format!("{{\"name\":\"{name}\",\"cookie\":\"unb={unb}; cookie2=PLANTED{unb}; _m_h5_tk=PLANTED_1\"}}\n")
}

fn accounts(count: u64) -> String {
    (1..=count).map(|n| account(&format!("shop-{n}"), 2_200_000_000_000 + n)).collect()
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} is not in:\n{text}");
}

#[test]
fn a_first_start_needs_nothing_but_a_user() {
    let home = Home::new();
    has(&home.run(&["account", "list"]).failed(), "yutang user add NAME --admin");
    has(&home.run(&["--help"]).succeeded(), "yutang user add alice --admin --password-stdin");
    home.run_with("correct horse\n", &["user", "add", "alice", "--admin", "--password-stdin"]).succeeded();
    let listed = home.run(&["user", "list"]).succeeded();
    has(&listed, "alice  admin");
    assert!(!listed.contains("argon2"));
    has(&home.run(&["account", "list"]).succeeded(), "NAME");
}

#[test]
fn a_short_password_and_a_taken_name_are_refused() {
    let home = Home::with_user();
    has(&home.run_with("short\n", &["user", "add", "bob", "--password-stdin"]).failed(), "at least 10 characters");
    has(&home.run_with("correct horse\n", &["user", "add", "alice", "--password-stdin"]).failed(), "exists already");
    has(&home.run_with("correct horse 2\n", &["user", "passwd", "alice", "--password-stdin"]).succeeded(), "alice");
    has(
        &home.run_with("correct horse 2\n", &["user", "passwd", "bob", "--password-stdin"]).failed(),
        "no user \"bob\"",
    );
    assert_eq!(home.run(&["user", "add", "bob"]).code, 2, "the flag is required, a password is never an argument");
}

#[test]
fn the_owner_may_be_left_out_only_while_there_is_one() {
    let home = Home::with_user();
    home.run_with("correct horse\n", &["user", "add", "bob", "--password-stdin"]).succeeded();
    has(&home.import("account", &accounts(1)).failed(), "--owner NAME");
    let args = ["account", "import", "-", "--owner", "bob"];
    has(&home.run_with(&accounts(1), &args).succeeded(), "line 1: added shop-1");
    has(&home.run(&["account", "list", "--owner", "bob"]).succeeded(), "shop-1");
    assert!(!home.run(&["account", "list", "--owner", "alice"]).succeeded().contains("shop-1"));
    has(&home.run(&["account", "list", "--owner", "carol"]).failed(), "no user \"carol\"");
    // Bob is the only one who has anything.
    has(&home.run(&["account", "list"]).succeeded(), "shop-1");
    has(&home.run(&["keyword", "add", "在吗", "--reply", "在的"]).succeeded(), "added");
    assert!(!home.run(&["keyword", "list", "--owner", "alice"]).succeeded().contains("在吗"));
}

/// A start that fails says why and ends with 1: whoever started it must not take it for running, nor for a crash.
#[test]
fn a_start_without_a_usable_first_administrator_ends_with_its_reason() {
    let home = Home::new();
    let file = home.write("password", "short\n");
    let mut command = home.command(&["serve"]);
    command.env("YUTANG__SETUP__ADMIN_PASSWORD_FILE", file).env("YUTANG__SERVER__LISTEN", "127.0.0.1:0");
    let run = finish(command, "");
    assert_eq!(run.code, 1, "{}", run.err);
    has(&run.err, "start-up step 6");
    has(&run.err, "too short");
    assert!(!run.err.contains("panicked"), "{}", run.err);
}

#[test]
fn an_account_is_added_from_a_cookie_file_and_no_cookie_is_ever_shown() {
    let home = Home::with_user();
    let cookie = home.write("cookie.txt", "Cookie: unb=2200000000001; cookie2=PLANTED; t=PLANTED\n");
    let added = home.run(&["account", "add", "小店", "--cookie-file", cookie.to_str().unwrap()]).succeeded();
    has(&added, "added account 小店");
    let again = home.run_with("unb=2200000000001; cookie2=PLANTED2", &["account", "add", "小店", "--cookie-stdin"]);
    has(&again.succeeded(), "updated account 小店");
    let listed = home.run(&["account", "list"]).succeeded();
    has(&listed, "小店");
    has(&listed, "2200000000001");
    has(&listed, "not_started");
    assert!(!listed.contains("PLANTED"));
    for entry in fs::read_dir(home.path().join("data")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"PLANTED"), "a cookie lies in clear in the data folder");
    }
}

#[test]
fn an_unusable_cookie_is_refused_by_what_it_lacks() {
    let home = Home::with_user();
    let said = home.run_with("unb=2200000000001; t=PLANTED", &["account", "add", "a", "--cookie-stdin"]).failed();
    has(&said, "lacks cookie2");
    assert!(!said.contains("PLANTED"));
}

#[test]
fn a_bad_line_keeps_the_whole_file_out() {
    let home = Home::with_user();
    let file = format!(
        "{}not json\n{{\"name\":\"x\",\"cookie\":\"unb=1; cookie2=PLANTED\",\"colour\":1}}\n{{\"name\":\"y\",\"cookie\":\"t=PLANTED\"}}\n{}{}",
        account("good", 1),
        account("good", 2),
        account("other", 1),
    );
    let said = home.import("account", &file).failed();
    has(&said, "line 2: bad: ");
    has(&said, "line 3: bad: unknown field `colour`");
    has(&said, "line 4: bad: the cookie lacks unb and cookie2");
    has(&said, "line 5: bad: this name is already on line 1");
    has(&said, "line 6: bad: this platform account (unb) is already on line 1");
    has(&said, "5 bad line(s): nothing was changed");
    assert!(!said.contains("PLANTED"));
    assert!(!home.run(&["account", "list"]).succeeded().contains("good"));
}

#[test]
fn skip_bad_takes_the_good_lines() {
    let home = Home::with_user();
    let file = format!("{}nonsense\n{}", account("a", 1), account("b", 2));
    let said = home.run_with(&file, &["account", "import", "-", "--skip-bad"]).succeeded();
    has(&said, "line 1: added a");
    has(&said, "line 2: bad: ");
    has(&said, "line 3: added b");
    has(&said, "2 added, 0 updated, 0 unchanged, 1 bad");
    let listed = home.run(&["account", "list"]).succeeded();
    assert_eq!(listed.lines().count(), 3, "{listed}");
}

#[test]
fn a_platform_account_that_somebody_else_has_is_a_bad_line() {
    let home = Home::with_user();
    home.import("account", &account("mine", 7)).succeeded();
    has(&home.import("account", &account("again", 7)).failed(), "line 1: bad: the platform account 7 (unb)");
    home.run_with("correct horse\n", &["user", "add", "bob", "--password-stdin"]).succeeded();
    let args = ["account", "import", "-", "--owner", "bob"];
    has(&home.run_with(&account("mine", 7), &args).failed(), "another account's already");
    let both = account("mine", 7) + &account("new", 8);
    let said = home.run_with(&both, &["account", "import", "-", "--owner", "bob", "--skip-bad"]).succeeded();
    has(&said, "line 2: added new");
}

#[test]
fn importing_a_file_again_changes_nothing() {
    let home = Home::with_user();
    has(&home.import("account", &accounts(3)).succeeded(), "3 added, 0 updated, 0 unchanged, 0 bad");
    has(&home.import("account", &accounts(3)).succeeded(), "0 added, 0 updated, 3 unchanged, 0 bad");
    let renewed = accounts(3).replace("PLANTED2200000000002", "NEW");
    let said = home.import("account", &renewed).succeeded();
    has(&said, "line 2: updated shop-2");
    has(&said, "0 added, 1 updated, 2 unchanged, 0 bad");
}

#[test]
fn tens_of_thousands_of_accounts_and_keywords_are_imported() {
    let home = Home::with_user();
    let file = home.write("accounts.jsonl", &accounts(20_000));
    let said = home.run(&["account", "import", file.to_str().unwrap()]).succeeded();
    has(&said, "20000 added, 0 updated, 0 unchanged, 0 bad");
    has(&said, "line 20000: added shop-20000");
    let rules: String = (0..20_000)
        .map(|n| format!("{{\"keyword\":\"词{n}\",\"match\":\"contains\",\"reply\":\"答{n}\"}}\n"))
        .collect();
    has(&home.import("keyword", &rules).succeeded(), "20000 added, 0 updated, 0 unchanged, 0 bad");
    has(&home.import("keyword", &rules).succeeded(), "0 added, 0 updated, 20000 unchanged, 0 bad");
}

/// Closes K12: there, enabling an account reset its settings.
#[test]
fn disabling_and_enabling_an_account_keeps_everything_else_k12() {
    let home = Home::with_user();
    home.import("account", &accounts(2)).succeeded();
    home.run(&["account", "stop", "shop-1"]).succeeded();
    let before = home.run(&["account", "list"]).succeeded();
    has(&home.run(&["account", "disable", "shop-1"]).succeeded(), "disabled account shop-1");
    let disabled = home.run(&["account", "list"]).succeeded();
    assert_ne!(disabled, before);
    home.run(&["account", "enable", "shop-1"]).succeeded();
    assert_eq!(home.run(&["account", "list"]).succeeded(), before);
    has(&home.import("account", &accounts(2)).succeeded(), "2 unchanged");
    has(&home.run(&["account", "enable", "shop-9"]).failed(), "no account \"shop-9\"");
}

#[test]
fn importing_a_cookie_leaves_a_disabled_account_disabled_unless_the_line_says_otherwise() {
    let home = Home::with_user();
    home.import("account", &accounts(1)).succeeded();
    home.run(&["account", "disable", "shop-1"]).succeeded();
    has(&home.import("account", &accounts(1)).succeeded(), "1 unchanged");
    let enabled = accounts(1).replace("\"}", "\",\"enabled\":true}");
    has(&home.import("account", &enabled).succeeded(), "1 updated");
    has(&home.import("account", &enabled).succeeded(), "1 unchanged");
}

#[test]
fn the_stop_switch_is_visible_for_one_account_and_for_all() {
    let home = Home::with_user();
    home.import("account", &accounts(1)).succeeded();
    let free = home.run(&["account", "list"]).succeeded();
    has(&home.run(&["account", "stop", "--all"]).succeeded(), "stopped all accounts");
    has(&home.run(&["account", "list"]).succeeded(), "account resume --all");
    home.run(&["account", "resume", "--all"]).succeeded();
    assert_eq!(home.run(&["account", "list"]).succeeded(), free);
    assert_eq!(home.run(&["account", "stop"]).code, 2);
    assert_eq!(home.run(&["account", "stop", "shop-1", "--all"]).code, 2);
}

/// What is done at the command line is written down as what is done over HTTP, without secrets and only where something was done.
#[test]
fn everything_that_is_changed_here_leaves_a_line_in_the_audit() {
    let home = Home::with_user();
    home.import("account", &accounts(1)).succeeded();
    home.import("account", &accounts(1)).succeeded();
    let renewed = accounts(1).replace("PLANTED_1", "PLANTED_2");
    home.import("account", &renewed).succeeded();
    for command in ["stop", "resume", "disable", "enable", "retry"] {
        home.run(&["account", command, "shop-1"]).succeeded();
        home.run(&["account", command, "nobody"]).failed();
    }
    home.run(&["account", "stop", "--all"]).succeeded();
    home.run(&["block", "add", "777", "--account", "shop-1"]).succeeded();
    home.run(&["block", "add", "777", "--account", "shop-1"]).succeeded();
    home.run(&["block", "remove", "777", "--account", "shop-1"]).succeeded();
    home.run(&["keyword", "add", "在吗", "--reply", "在的"]).succeeded();
    home.run(&["keyword", "add", "在吗", "--reply", "在的"]).succeeded();
    home.run(&["conversation", "pause", "shop-1", "50000000001"]).failed();
    let shop = r#" 1 {"name":"shop-1"}"#;
    let who = r#" 1 {"account_id":1,"buyer_id":"777"}"#;
    let expected = [
        r#"user.create 1 {"name":"alice","role":"owner"}"#.to_owned(),
        format!("account.create{shop}"),
        format!("account.update{shop}"),
        format!("account.pause{shop}"),
        format!("account.resume{shop}"),
        format!("account.disable{shop}"),
        format!("account.enable{shop}"),
        format!("account.retry{shop}"),
        r#"stop_switch.update - {"on":true}"#.to_owned(),
        format!("blocked_buyer.create{who}"),
        format!("blocked_buyer.delete{who}"),
        r#"keyword.import 1 {"added":1,"updated":0}"#.to_owned(),
    ];
    assert_eq!(home.audit(), expected);
}

#[test]
fn every_kind_of_keyword_line_is_taken() {
    let home = Home::with_user();
    home.import("account", &accounts(1)).succeeded();
    let file = concat!(
        r#"{"account":null,"item_id":null,"keyword":"在吗","match":"contains","reply":"在的"}"#,
        "\n",
        r#"{"account":"shop-1","item_id":null,"keyword":"包邮","match":"exact","reply":["包邮","今天发"],"priority":5}"#,
        "\n",
        r#"{"account":null,"item_id":"900000000001","keyword":"(\\d+)元","match":"regex","reply":""}"#,
        "\n",
        r#"{"account":null,"item_id":null,"match":"default","reply":"稍等","once":true}"#,
        "\n",
        r#"{"keyword":"图","match":"contains","image":"https://img.example.invalid/1.jpg"}"#,
        "\n",
        r#"{"keyword":"图二","match":"contains","reply":["看",{"image":"https://img.example.invalid/2.jpg"}],"any_of":["a"],"all_of":["b"],"exclude":["c"]}"#,
        "\n",
    );
    has(&home.import("keyword", file).succeeded(), "6 added, 0 updated, 0 unchanged, 0 bad");
    has(&home.import("keyword", file).succeeded(), "0 added, 0 updated, 6 unchanged, 0 bad");
    has(&home.import("keyword", &file.replace("在的", "在")).succeeded(), "0 added, 1 updated, 5 unchanged, 0 bad");
    let listed = home.run(&["keyword", "list"]).succeeded();
    for part in
        ["在吗", "shop-1", "包邮", "900000000001", "(\\d+)元", "default", "稍等", "https://img.example.invalid/2.jpg"]
    {
        has(&listed, part);
    }
}

#[test]
fn what_keyword_list_prints_as_json_can_be_imported_again() {
    let home = Home::with_user();
    home.import("account", &accounts(1)).succeeded();
    home.run(&[
        "keyword",
        "add",
        "在吗",
        "--reply",
        "在的",
        "--account",
        "shop-1",
        "--priority",
        "3",
        "--exclude",
        "不",
    ])
    .succeeded();
    home.run(&[
        "keyword",
        "add",
        "--match",
        "default",
        "--reply",
        "稍等",
        "--image",
        "https://img.example.invalid/1.jpg",
        "--once",
    ])
    .succeeded();
    let exported = home.run(&["keyword", "list", "--json"]).succeeded();
    assert_eq!(exported.lines().count(), 2, "{exported}");
    has(&home.import("keyword", &exported).succeeded(), "0 added, 0 updated, 2 unchanged, 0 bad");
}

#[test]
fn bad_keyword_lines_are_named_and_keep_the_file_out() {
    let home = Home::with_user();
    let file = concat!(
        r#"{"keyword":"好","match":"contains","reply":"x"}"#,
        "\n",
        r#"{"keyword":"(","match":"regex","reply":"x"}"#,
        "\n",
        r#"{"keyword":"a{9999}{9999}","match":"regex","reply":"x"}"#,
        "\n",
        r#"{"account":"nobody","keyword":"a","match":"contains","reply":"x"}"#,
        "\n",
        r#"{"keyword":"好","match":"contains","reply":"y"}"#,
        "\n",
        r#"{"keyword":"b","match":"contains","reply":"y","answer":"z"}"#,
        "\n",
        r#"{"keyword":"c","match":"maybe","reply":"y"}"#,
        "\n",
    );
    let said = home.import("keyword", file).failed();
    for number in 2..=7 {
        has(&said, &format!("line {number}: bad: "));
    }
    has(&said, "line 4: bad: there is no account \"nobody\"");
    has(&said, "line 5: bad: this rule is already on line 1");
    assert!(!said.contains("line 1:"));
    assert!(!home.run(&["keyword", "list"]).succeeded().contains('好'));
    let said = home.run_with(file, &["keyword", "import", "-", "--skip-bad"]).succeeded();
    has(&said, "1 added, 0 updated, 0 unchanged, 6 bad");
}

#[test]
fn buyers_are_blocked_and_unblocked() {
    let home = Home::with_user();
    home.import("account", &accounts(1)).succeeded();
    has(&home.run(&["block", "add", "2200000000777"]).succeeded(), "2200000000777 is blocked");
    has(&home.run(&["block", "add", "2200000000777"]).succeeded(), "already");
    has(&home.run(&["block", "add", "2200000000888", "--account", "shop-1"]).succeeded(), "blocked");
    let listed = home.run(&["block", "list"]).succeeded();
    has(&listed, "2200000000777");
    has(&listed, "shop-1");
    has(&home.run(&["block", "add", "1", "--account", "nobody"]).failed(), "no account \"nobody\"");
    has(&home.run(&["block", "remove", "2200000000888"]).failed(), "not blocked");
    home.run(&["block", "remove", "2200000000888", "--account", "shop-1"]).succeeded();
    home.run(&["block", "remove", "2200000000777"]).succeeded();
    assert!(!home.run(&["block", "list"]).succeeded().contains("22000000"));
}

#[test]
fn a_conversation_that_is_not_there_is_named() {
    let home = Home::with_user();
    has(&home.run(&["conversation", "waiting"]).succeeded(), "CONVERSATION");
    has(&home.run(&["conversation", "paused"]).succeeded(), "PAUSED FOR");
    let refused = home.run(&["conversation", "pause", "shop-1", "50000000001", "--minutes", "5"]);
    has(&refused.failed(), r#"account "shop-1" has no conversation "50000000001""#);
}

#[test]
fn another_key_is_refused_and_changes_nothing() {
    let home = Home::with_user();
    home.import("account", &accounts(1)).succeeded();
    let key = home.path().join("data").join("key");
    let right = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    has(&home.run(&["account", "list"]).failed(), "key does not fit this database");
    fs::write(&key, &right).unwrap();
    has(&home.run(&["account", "list"]).succeeded(), "shop-1");
    let mut command = home.command(&["account", "list"]);
    command.env("YUTANG__SECRETS__KEY", "bm90IHRoaXJ0eS10d28gYnl0ZXM=");
    let said = finish(command, "").failed();
    has(&said, "32 bytes");
    assert!(!said.contains("bm90IHRoaXJ0eS10d28gYnl0ZXM="));
}

#[test]
fn an_unknown_setting_is_named_with_its_source_and_the_fix() {
    let home = Home::new();
    let mut command = home.command(&["check"]);
    command.env("YUTANG__INBOX__DEBOUNSE", "1s");
    has(
        &finish(command, "").failed(),
        "YUTANG__INBOX__DEBOUNSE in the environment: did you mean YUTANG__INBOX__DEBOUNCE?",
    );
    home.write("yutang.toml", "[server]\nlistem = \"127.0.0.1:1\"\n");
    has(&home.run(&["check"]).failed(), "server.listem in yutang.toml: did you mean server.listen?");
    let other = home.write("other.toml", "[server]\nshards = \"two\"\n");
    let said = home.run(&["check", "--config", other.to_str().unwrap()]).failed();
    has(&said, "server.shards");
    has(&said, "other.toml");
    has(&home.run(&["check", "--config", "absent.toml"]).failed(), "absent.toml");
}

/// A pool of two units, of which one was sent, as the program keeps them.
fn with_stock(home: &Home) -> Store {
    let config = Config::new(home.path().join("data/yutang.db").to_str().unwrap());
    let store = Store::open(&config, Keys::from_file(&home.path().join("data/key")).unwrap()).unwrap();
    let (keys, scope) = (store.keys().clone(), Scope::owner(UserId(1)));
    let new = NewCard::new("codes", Kind::Pool);
    let fill = move |conn: &mut _| {
        let card = cards::insert(conn, &keys, &scope, &new, Timestamp(1))?.unwrap();
        let sealer = Sealer::new(&keys, scope.user(), card);
        let stock = ["A", "B"].map(|line| sealer.seal(line)).to_vec();
        units::import(conn, &scope, card, stock, Duplicates::Skip, Timestamp(1))?;
        let unit = units::reserve(conn, card, "c1", Timestamp(2))?.unwrap().id;
        units::advance(conn, unit, "c1", UnitState::Sent, Timestamp(3))
    };
    assert!(store.write_blocking(fill).unwrap());
    store
}

impl Home {
    fn execute(&self, sql: &str) {
        let mut conn = SqliteConnection::establish(self.path().join("data/yutang.db").to_str().unwrap()).unwrap();
        conn.batch_execute(sql).unwrap();
    }
}

#[test]
fn the_ledger_names_what_was_tampered_with() {
    let home = Home::with_user();
    has(&home.run(&["ledger", "verify"]).succeeded(), "0 card(s), 0 event(s): everything holds together");
    drop(with_stock(&home));
    has(&home.run(&["ledger", "verify"]).succeeded(), "1 card(s), 4 event(s): everything holds together");
    let found = |sql: &str, undo: &str| {
        home.execute(sql);
        let run = home.run(&["ledger", "verify"]);
        home.execute(undo);
        home.run(&["ledger", "verify"]).succeeded();
        assert_eq!(run.code, 1, "{sql}");
        has(&run.err, "fault(s)");
        run.out
    };
    let state = found("UPDATE units SET state = 'free' WHERE id = 1", "UPDATE units SET state = 'sent' WHERE id = 1");
    has(&state, "card 1: unit 1 is not what the log says");
    let time =
        found("UPDATE unit_events SET at = 9 WHERE number = 3", "UPDATE unit_events SET at = 2 WHERE number = 3");
    has(&time, "card 1: event 3: ");
    home.execute("DELETE FROM unit_events WHERE number = 2");
    has(&home.run(&["ledger", "verify"]).out, "card 1: event 3: the events before it are missing");
    home.execute("DELETE FROM units WHERE id = 2");
    has(&home.run(&["ledger", "verify"]).out, "card 1: event 3: the events before it are missing");
}

#[test]
fn the_ledger_holds_together_where_a_void_unit_went_back_into_the_stock() {
    let home = Home::with_user();
    let store = with_stock(&home);
    for to in [UnitState::Void, UnitState::Free] {
        let decide = move |conn: &mut _| units::decide(conn, &Scope::owner(UserId(1)), UnitId(2), to, Timestamp(4));
        assert!(store.write_blocking(decide).unwrap().is_ok(), "{to:?}");
    }
    drop(store);
    has(&home.run(&["ledger", "verify"]).succeeded(), "1 card(s), 6 event(s): everything holds together");
}

#[test]
fn check_tells_the_stock_and_finds_what_vanished() {
    let home = Home::with_user();
    drop(with_stock(&home));
    let sums = "2 unit(s) imported = 1 free + 0 reserved + 1 sent + 0 confirmed + 0 uncertain + 0 returned + 0 void";
    has(&checked(&home, "").0.succeeded(), sums);
    home.execute("DELETE FROM units WHERE id = 2");
    has(&checked(&home, "").0.failed(), "fail  stock: units of card(s) 1 vanished");
}

/// A stand-in for the platform: `check` only wants to be let in.
fn checked(home: &Home, more: &str) -> (Run, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[platform]\ngateway_url = \"http://{at}\"\nim_url = \"ws://{at}/\"\npassport_url = \
         \"http://{at}\"\nupload_url = \"http://{at}\"\n{more}"
    );
    home.write("yutang.toml", &text);
    (home.run(&["check"]), listener)
}

#[test]
fn check_prints_the_settings_and_changes_nothing() {
    let home = Home::new();
    let (run, _listener) = checked(&home, "[inbox]\ndebounce = \"2s\"\n");
    let said = run.succeeded();
    has(&said, "inbox.debounce = 2s");
    has(&said, "ok    platform.im_url");
    has(&said, "ok    file limit");
    has(&said, "ok    database: not there yet");
    assert!(!home.path().join("data").exists(), "check made the data folder");
}

#[test]
fn check_counts_the_accounts_and_finds_a_missing_key() {
    let home = Home::with_user();
    home.import("account", &accounts(3)).succeeded();
    home.run(&["account", "disable", "shop-2"]).succeeded();
    has(&checked(&home, "").0.succeeded(), "3 account(s), 2 enabled");
    fs::remove_file(home.path().join("data").join("key")).unwrap();
    has(&checked(&home, "").0.failed(), "fail  database: its secrets cannot be opened");
}

#[test]
fn check_fails_and_names_an_address_that_nobody_listens_on() {
    let home = Home::new();
    let (_, listener) = checked(&home, "");
    let mut command = home.command(&["check"]);
    command.env("YUTANG__PLATFORM__IM_URL", "ws://127.0.0.1:1/");
    let said = finish(command, "").failed();
    has(&said, "fail  platform.im_url: cannot reach");
    has(&said, "ok    platform.gateway_url");
    drop(listener);
}

#[test]
fn check_masks_secrets() {
    let home = Home::new();
    let mut command = home.command(&["check"]);
    command.env("YUTANG__SECRETS__KEY", "PLANTED").env("YUTANG__DATABASE__URL", "postgres://me:PLANTED@127.0.0.1:1/db");
    command.env("YUTANG__PLATFORM__IM_URL", "ws://127.0.0.1:1/");
    let said = finish(command, "").failed();
    assert!(!said.contains("PLANTED"), "{said}");
    has(&said, "secrets.key = ***");
    has(&said, "postgres://me:***@127.0.0.1:1/db");
}

#[test]
fn migrate_says_what_it_did() {
    let home = Home::new();
    has(&home.run(&["migrate"]).succeeded(), "applied: ");
    has(&home.run(&["migrate"]).succeeded(), "nothing to do");
    home.run(&["migrate", "--down", "1"]).succeeded();
    has(&home.run(&["migrate"]).succeeded(), "applied: ");
}

#[test]
fn every_subcommand_explains_itself() {
    let home = Home::new();
    for args in [
        &["--help"][..],
        &["account", "--help"],
        &["account", "import", "--help"],
        &["keyword", "add", "--help"],
        &["check", "--help"],
    ] {
        has(&home.run(args).succeeded(), "Usage: yutang");
    }
    assert_eq!(home.run(&["acount"]).code, 2);
}

#[test]
fn the_data_folder_can_be_given_on_the_command_line() {
    let home = Home::new();
    let args = ["--data-dir", "elsewhere", "user", "add", "alice", "--password-stdin"];
    home.run_with("correct horse\n", &args).succeeded();
    assert!(home.path().join("elsewhere").join("yutang.db").exists());
    assert!(!home.path().join("data").exists());
}

#[test]
fn rules_are_tried_with_cases_from_a_file_and_with_those_that_are_saved() {
    let home = Home::with_user();
    home.import("account", &accounts(1)).succeeded();
    home.run(&["keyword", "add", "包邮", "--reply", "包邮的"]).succeeded();
    let good =
        r#"{"name":"包邮","steps":[{"says":["包邮吗"],"expects":{"contains":["包邮的"],"source":"global_rule"}}]}"#;
    let bad = r#"{"account":"shop-1","name":"问价","steps":[{"says":["在吗"]},{"says":["价格"],"expects":{"silent":false}}]}"#;
    let file = |name: &str, text: String| home.write(name, &text).to_str().unwrap().to_owned();
    let both = file("both.json", format!("[{good},{bad}]"));

    let run = home.run(&["test-rules", &both]);
    assert_eq!(run.code, 1, "{run:?}");
    has(&run.out, "passed  shop-1  包邮\nFAILED  shop-1  问价\n  step 2: nothing is sent, and something should be\n");
    has(&run.out, "1 passed, 1 failed");
    has(&run.err, "1 of 2 cases did not come as expected");
    home.run(&["keyword", "add", "价格", "--reply", "一百元"]).succeeded();
    has(&home.run(&["test-rules", &both]).succeeded(), "2 passed, 0 failed");
    let listed = file("listed.json", format!("{{\"total\":1,\"items\":[{good}]}}"));
    has(&home.run_with(&format!("[{good}]"), &["test-rules", "-"]).succeeded(), "1 passed, 0 failed");
    has(&home.run(&["test-rules", &listed]).succeeded(), "1 passed, 0 failed");
    has(&home.run(&["test-rules"]).succeeded(), "0 passed, 0 failed");

    for (text, complaint) in [
        ("{", "the file is not JSON"),
        ("{}", "neither a list of cases nor has"),
        (r#"[{"name":"x","steps":[{"says":["a"]}]}]"#, "nothing is expected"),
        (
            r#"[{"name":"x","steps":[{"says":["a"],"event":"order_paid","expects":{"silent":true}}]}]"#,
            "steps[0] must have no more than one",
        ),
        (r#"[{"name":"x","steps":[{"say":["a"]}]}]"#, "case 1: unknown field `say`"),
        (r#"[{"name":" x","steps":[]}]"#, "must not begin or end with whitespace"),
        (
            r#"[{"account":"shop-9","name":"x","steps":[{"says":["a"],"expects":{"silent":true}}]}]"#,
            "there is no account \"shop-9\"",
        ),
    ] {
        has(&home.run(&["test-rules", &file("odd.json", text.to_owned())]).failed(), complaint);
    }
    has(&home.run(&["test-rules", "--account", "shop-9"]).failed(), "there is no account \"shop-9\"");
    home.import("account", &accounts(2)).succeeded();
    has(&home.run(&["test-rules", &listed]).failed(), "say whose rules it tries");
    has(&home.run(&["test-rules", &listed, "--account", "shop-2"]).succeeded(), "passed  shop-2  包邮");
}
