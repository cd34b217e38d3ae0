//! `yutang simulate`: a Goofish to connect to, and a load to put on whoever connects.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _, stdout},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::sim::{
    Config, Platform, Sim,
    load::{self, Catalog, Plan, Process, Replies, Spacing},
};

/// Play the platform on this machine, so that the server can be tried and measured without it
///
/// Point the server at it with platform.im_url = "ws://ADDR/", and gateway_url, passport_url and upload_url of the same
/// section = "http://ADDR". Faults, buyers and the seller's phone are driven over HTTP under http://ADDR/control/, for example:
///   curl -X PUT http://ADDR/control/faults -d '{"duplicate":true}' -H 'Content-Type: application/json'
///
/// With --load it waits until every account is connected, lets buyers write, checks every answer and reports. The exit
/// code is 0 only if no message was lost, doubled or answered wrongly.
#[derive(Debug, Clone, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct SimulateArgs {
    /// Address of the simulated platform, for HTTP and WebSocket
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// Accounts to open, named load-0001 and so on
    #[arg(long, value_name = "N", default_value_t = 1)]
    accounts: usize,
    /// Writes the accounts' cookies as lines for `account import`
    #[arg(long, value_name = "FILE")]
    cookies: Option<PathBuf>,
    /// Writes the keyword rules as lines for `keyword import`
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Writes the files and ends
    #[arg(long)]
    write_only: bool,
    /// Threads that serve connections
    #[arg(long, value_name = "N", default_value_t = 1)]
    workers: usize,

    /// Puts a load on the server
    #[arg(long)]
    load: bool,
    /// Messages a second over all accounts
    #[arg(long, value_name = "R", default_value_t = 500.0)]
    rate: f64,
    /// Measured time of the load, in seconds
    #[arg(long, value_name = "T", default_value_t = 10)]
    seconds: u64,
    /// Load before the measured time, in seconds
    #[arg(long, value_name = "S", default_value_t = 1)]
    warmup: u64,
    /// Keywords, each with its own reply
    #[arg(long, value_name = "K", default_value_t = 10)]
    keywords: usize,
    /// Conversations of each account
    #[arg(long, value_name = "B", default_value_t = 50)]
    buyers: usize,
    /// Additional messages a second to the first account alone, measured apart
    #[arg(long, value_name = "RATE", default_value_t = 0.0)]
    one_hot: f64,
    /// Distances between messages
    #[arg(long, value_enum, default_value_t = Spacing::Even)]
    spacing: Spacing,
    /// Replies that do not repeat the message: answers are then matched by keyword
    #[arg(long)]
    plain_replies: bool,
    /// How long answers are waited for at the end, in seconds
    #[arg(long, value_name = "S", default_value_t = 10)]
    grace: u64,
    /// How long the accounts may take to connect, in seconds
    #[arg(long, value_name = "S", default_value_t = 300)]
    wait: u64,
    /// Measures the server's memory and processor use for this long with all accounts idle, in seconds
    #[arg(long, value_name = "S")]
    idle: Option<u64>,
    /// The server's process id
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// A file that holds the server's process id once all accounts are connected
    #[arg(long, value_name = "FILE", conflicts_with = "pid")]
    pid_file: Option<PathBuf>,
    /// Reports as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the simulator until SIGTERM or Ctrl-C, or until its load is done.
pub(super) fn run(args: SimulateArgs) -> anyhow::Result<ExitCode> {
    let replies = if args.plain_replies { Replies::Plain } else { Replies::Exact };
    let catalog = Catalog::new(args.keywords, replies);
    super::raise_file_limit();
    let start = Instant::now();
    if args.write_only {
        write_files(&args, catalog, &open_accounts(Platform::new(Config::default()), args.accounts))?;
        return Ok(ExitCode::SUCCESS);
    }
    let sim = Sim::start_in_thread(args.listen, config(&args))
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let platform = open_accounts(sim.platform().clone(), args.accounts);
    write_files(&args, catalog, &platform)?;
    say(&args, &format!("simulating the platform on {} with {} accounts", sim.addr(), args.accounts))?;
    let result = if args.load || args.idle.is_some() {
        measure(&args, catalog, &platform, start)
    } else {
        actix_web::rt::System::new().block_on(super::stopped());
        Ok(ExitCode::SUCCESS)
    };
    actix_web::rt::System::new().block_on(sim.stop());
    result
}

fn config(args: &SimulateArgs) -> Config {
    let config = Config { workers: args.workers.max(1), ..Config::default() };
    if !args.load {
        return config;
    }
    // a load is not searched afterwards: it keeps what a reconnecting client may ask for, and no handle for resets
    Config { history_limit: 200, log_limit: 2_000, resettable: 0, ..config }
}

fn open_accounts(platform: Arc<Platform>, accounts: usize) -> Arc<Platform> {
    for index in 0..accounts {
        platform.add_account(&Catalog::account(index));
    }
    platform
}

fn measure(args: &SimulateArgs, catalog: Catalog, platform: &Platform, start: Instant) -> anyhow::Result<ExitCode> {
    let Some(connected) = load::await_connected(platform, start, Duration::from_secs(args.wait)) else {
        let online = platform.accounts().iter().filter(|account| account.connections() > 0).count();
        anyhow::bail!("only {online} of {} accounts connected within {} s", args.accounts, args.wait);
    };
    say(args, &connected.to_string())?;
    let server = server(args)?;
    let idle = match (args.idle, server) {
        (Some(seconds), Some(server)) => Some(load::measure_idle(platform, server, Duration::from_secs(seconds))?),
        (Some(_), None) => anyhow::bail!("--idle needs --pid or --pid-file"),
        (None, _) => None,
    };
    if let Some(idle) = &idle {
        say(args, &idle.to_string())?;
    }
    let report = args.load.then(|| load::run(platform, &plan(args, catalog), server));
    if let Some(report) = &report {
        say(args, &report.to_string())?;
    }
    if args.json {
        print(&json!({"connected": connected, "idle": idle, "load": report}).to_string())?;
    }
    let clean = report.is_none_or(|report| report.is_clean());
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn plan(args: &SimulateArgs, catalog: Catalog) -> Plan {
    Plan {
        catalog,
        rate: args.rate,
        hot_rate: args.one_hot,
        time: Duration::from_secs(args.seconds),
        warm_up: Duration::from_secs(args.warmup),
        buyers: args.buyers,
        spacing: args.spacing,
        grace: Duration::from_secs(args.grace),
    }
}

fn server(args: &SimulateArgs) -> anyhow::Result<Option<Process>> {
    let pid = match (&args.pid, &args.pid_file) {
        (Some(pid), _) => *pid,
        (None, Some(file)) => fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?
            .trim()
            .parse()
            .with_context(|| format!("{} holds no process id", file.display()))?,
        (None, None) => return Ok(None),
    };
    Ok(Some(Process::new(pid).with_context(|| format!("cannot watch process {pid}"))?))
}

fn write_files(args: &SimulateArgs, catalog: Catalog, platform: &Platform) -> anyhow::Result<()> {
    if let Some(file) = &args.cookies {
        let accounts = platform.accounts();
        let line = |account: &Arc<_>| json!({"name": name(account), "cookie": platform.cookies(account)});
        write_lines(file, accounts.iter().map(line))?;
    }
    if let Some(file) = &args.rules {
        write_lines(file, catalog.rules())?;
    }
    Ok(())
}

fn name(account: &crate::sim::Account) -> &str {
    &account.name
}

fn write_lines(file: &Path, lines: impl Iterator<Item = Value>) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::new(File::create(file)?);
        for line in lines {
            writeln!(out, "{line}")?;
        }
        out.flush()
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

/// For people; with `--json` the one object is all there is.
fn say(args: &SimulateArgs, text: &str) -> anyhow::Result<()> {
    if args.json { Ok(()) } else { print(text) }
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(stdout().lock(), "{text}").context("cannot write to the terminal")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn args(line: &str) -> SimulateArgs {
        Cli::parse_from(["simulate"].into_iter().chain(line.split_whitespace())).args
    }

    fn lines(file: &Path) -> Vec<Value> {
        fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_files_hold_a_line_for_each_account_and_keyword() {
        let folder = tempfile::tempdir().unwrap();
        let (cookies, rules) = (folder.path().join("cookies"), folder.path().join("rules"));
        let line = format!(
            "--write-only --accounts 3 --keywords 4 --cookies {} --rules {}",
            cookies.display(),
            rules.display()
        );
        assert_eq!(run(args(&line)).unwrap(), ExitCode::SUCCESS);
        let accounts = lines(&cookies);
        assert_eq!(accounts.len(), 3);
        assert_eq!(accounts[0]["name"], "load-0001");
        assert!(accounts.iter().all(|account| account["cookie"].as_str().unwrap().starts_with("unb=22")));
        let rules = lines(&rules);
        assert_eq!((rules.len(), rules[3]["keyword"].as_str()), (4, Some("关键词0003")));
    }

    #[test]
    fn a_load_nobody_connects_for_says_so() {
        let error = run(args("--listen 127.0.0.1:0 --accounts 2 --load --wait 0")).unwrap_err();
        assert_eq!(error.to_string(), "only 0 of 2 accounts connected within 0 s");
    }

    #[test]
    fn a_busy_address_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = run(args(&format!("--listen {address}"))).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    }
}
