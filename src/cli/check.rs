//! `check`: prints the settings, secrets masked, and tests what a server needs: each with its fix. Changes nothing.

use std::{
    fs,
    io::{self, Write},
    net::{TcpListener, TcpStream, ToSocketAddrs},
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use rustix::process::Resource;

use crate::{
    captcha::browser,
    delivery::unit::UnitState,
    settings::{Settings, Source, Told, endpoint},
    store::{Keys, Store, StoreError, accounts, migrate, units},
    telemetry::{logging::mask, modules::Module},
    web::letters,
};

/// For all of looking up a name and connecting.
const REACH_WAIT: Duration = Duration::from_secs(3);
/// Open files besides the accounts' sockets: database, log, HTTP listener and its visitors, gateway calls.
const OTHER_FILES: u64 = 200;
const MIB: u64 = 1 << 20;
/// Below this the next busy day may fill the disk.
const LOW_DISK: u64 = 1024 * MIB;
/// Below this nothing can be relied on.
const NO_DISK: u64 = 100 * MIB;

/// What one test found.
#[derive(Debug, Clone, PartialEq)]
enum Finding {
    Good(String),
    /// Works, but a person should know.
    Warn(String),
    /// A server will not work.
    Fail(String),
}

use Finding::{Fail, Good, Warn};

pub(super) fn run(settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    for Told { key, value, source, .. } in settings.told() {
        match source {
            Source::Default => writeln!(out, "{key} = {value}")?,
            source => writeln!(out, "{key} = {value}  (from {source})")?,
        }
    }
    writeln!(out)?;
    let mut failed = 0;
    for (what, finding) in findings(settings) {
        let (word, text) = match &finding {
            Good(text) => ("ok  ", text),
            Warn(text) => ("warn", text),
            Fail(text) => ("fail", text),
        };
        failed += usize::from(matches!(finding, Fail(_)));
        writeln!(out, "{word}  {what}: {text}")?;
    }
    out.flush()?;
    if failed > 0 { bail!("{failed} check(s) failed; each line above says how to mend it") } else { Ok(()) }
}

fn findings(settings: &Settings) -> Vec<(&'static str, Finding)> {
    let addresses = reach_all(settings);
    let (secrets, keys) = secrets(settings);
    let (database, enabled, inside) = database(settings, keys);
    let mut findings = vec![
        ("data_dir", disk(&settings.data_dir)),
        ("secrets", secrets),
        ("database", database),
        ("file limit", file_limit(settings, enabled)),
        ("server.listen", listen(settings)),
    ];
    findings.push(("captcha.chromium", chromium(settings)));
    findings.extend(inside);
    findings.extend(addresses);
    findings
}

/// Free space where the data lies, or will lie.
fn disk(dir: &Path) -> Finding {
    let made = dir.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let made = if made.as_os_str().is_empty() { Path::new(".") } else { made };
    let free = match rustix::fs::statvfs(made) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => return Warn(format!("cannot ask for the free space of {}: {error}", made.display())),
    };
    let text = format!("{} MiB free in {}", free / MIB, made.display());
    match free {
        0..NO_DISK => Fail(format!("{text}: free some, or set data_dir to a larger disk")),
        NO_DISK..LOW_DISK => {
            Warn(format!("{text}: free some before it is full; nothing is acknowledged without space"))
        }
        _ => Good(text),
    }
}

fn secrets(settings: &Settings) -> (Finding, Option<Keys>) {
    if !settings.secrets.key.is_empty() {
        return match Keys::from_text(&settings.secrets.key) {
            Ok(keys) => (Good("the key comes from secrets.key".to_owned()), Some(keys)),
            Err(error) => (Fail(format!("secrets.key: {error}")), None),
        };
    }
    let path = settings.key_file();
    match fs::read_to_string(&path) {
        Ok(text) => match Keys::from_text(&text) {
            Ok(keys) => (key_rights(&path), Some(keys)),
            Err(error) => (Fail(format!("{}: {error}; put the right file back", path.display())), None),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (Good(format!("{} is made on the first start", path.display())), None)
        }
        Err(error) => (Fail(format!("cannot read {}: {error}", path.display())), None),
    }
}

/// The file must be its owner's alone.
#[cfg(unix)]
fn key_rights(path: &Path) -> Finding {
    use std::os::unix::fs::PermissionsExt;
    match fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o077 != 0 => {
            Warn(format!("others may read {0} (mode {mode:o}): run `chmod 600 {0}`", path.display()))
        }
        Ok(_) => Good(format!("{} is readable by its owner alone", path.display())),
        Err(error) => Warn(format!("cannot ask for the rights of {}: {error}", path.display())),
    }
}

#[cfg(not(unix))]
fn key_rights(path: &Path) -> Finding {
    Good(format!("{} is there", path.display()))
}

/// Looks before it opens: opening would migrate, and make what is not there. Also counts the enabled accounts, and says what is inside.
fn database(settings: &Settings, keys: Option<Keys>) -> (Finding, Option<usize>, Vec<(&'static str, Finding)>) {
    let store = match open(settings, keys) {
        Ok(store) => store,
        Err(finding) => return (finding, None, Vec::new()),
    };
    match store.read_blocking(accounts::list_for_engine) {
        Ok(accounts) => {
            let enabled = accounts.iter().filter(|account| account.enabled).count();
            let url = settings.database_url();
            let text = format!("{} is up to date; {} account(s), {enabled} enabled", mask(&url), accounts.len());
            (Good(text), Some(enabled), vec![("mail", mail(&store)), ("stock", stock(&store))])
        }
        Err(error) => (Fail(error.to_string()), None, Vec::new()),
    }
}

/// Without a mail server everything else works.
fn mail(store: &Store) -> Finding {
    match store.read_blocking(letters::has_server) {
        Ok(true) => Good("a mail server is named".to_owned()),
        Ok(false) => Good(format!("no mail server is named: no letters are sent. {}", Module::Mail.remedy().1)),
        Err(error) => Fail(error.to_string()),
    }
}

/// What was imported is somewhere.
fn stock(store: &Store) -> Finding {
    let sums = match store.read_blocking(units::sums) {
        Ok(sums) => sums,
        Err(error) => return Fail(error.to_string()),
    };
    let wrong: Vec<String> = sums.iter().filter(|sum| !sum.is_right()).map(|sum| sum.card.to_string()).collect();
    if !wrong.is_empty() {
        let cards = wrong.join(", ");
        return Fail(format!("units of card(s) {cards} vanished or came from nowhere: run `yutang ledger verify`"));
    }
    let of = |state| sums.iter().map(|sum| sum.counts.of(state)).sum::<i64>();
    let states = UnitState::ALL.map(|state| format!("{} {}", of(state), state.as_str()));
    let imported: i64 = sums.iter().map(|sum| sum.imported).sum();
    Good(format!("{imported} unit(s) imported = {}", states.join(" + ")))
}

/// The database, where there is one that this program can use.
fn open(settings: &Settings, keys: Option<Keys>) -> Result<Store, Finding> {
    let config = settings.store();
    let status = match migrate::status(&config) {
        Ok(status) => status,
        Err(error) => return Err(Fail(format!("{error}: check database.url"))),
    };
    if let Some(version) = status.unknown.last() {
        return Err(Fail(StoreError::TooNew { version: version.clone() }.to_string()));
    }
    if status.applied.is_empty() {
        return Err(Good("not there yet; it is made on the first start".to_owned()));
    }
    if !status.pending.is_empty() {
        let count = status.pending.len();
        return Err(Warn(format!("{count} migration(s) pending: the next start or `yutang migrate` applies them")));
    }
    let Some(keys) = keys else {
        return Err(Fail("its secrets cannot be opened without the key it was made with: put that back".to_owned()));
    };
    Store::open(&config, keys).map_err(|error| Fail(error.to_string()))
}

/// Without one everything else works.
fn chromium(settings: &Settings) -> Finding {
    match browser::find(&settings.captcha.chromium) {
        Some(path) => Good(format!("{} is there", path.display())),
        None => Warn(format!(
            "there is none: challenges are passed in one's own browser. {}",
            Module::ChallengeBrowser.remedy().1
        )),
    }
}

/// Each account holds a socket open, and a socket is a file.
fn file_limit(settings: &Settings, enabled: Option<usize>) -> Finding {
    // The server raises its soft limit to the hard one.
    let limit = rustix::process::getrlimit(Resource::Nofile).maximum;
    let accounts = enabled.unwrap_or(0);
    let sockets = match settings.accounts.open_sockets {
        0 => accounts,
        cap => accounts.min(cap),
    };
    judge_files(limit, sockets as u64)
}

fn judge_files(limit: Option<u64>, sockets: u64) -> Finding {
    let needed = sockets + OTHER_FILES;
    match limit {
        None => Good("no limit".to_owned()),
        Some(limit) if limit < needed => Fail(format!(
            "{limit} open files are too few for {sockets} enabled account(s): run `ulimit -Hn {needed}` as root first, set LimitNOFILE={needed} \
             in the service file, or lower accounts.open_sockets"
        )),
        Some(limit) => Good(format!("{limit} open files, about {needed} needed")),
    }
}

/// A taken port may be the running server's own.
fn listen(settings: &Settings) -> Finding {
    let address = settings.server.listen;
    match TcpListener::bind(address) {
        Ok(_) if !address.ip().is_loopback() => {
            Warn(format!("{address} is free, but reachable from other machines: put a TLS proxy in front"))
        }
        Ok(_) => Good(format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Warn(format!("{address} is in use: by a running server, or choose another server.listen"))
        }
        Err(error) => Fail(format!("cannot listen on {address}: {error}; correct server.listen")),
    }
}

/// All addresses at once, each with the same deadline.
fn reach_all(settings: &Settings) -> Vec<(&'static str, Finding)> {
    let platform = &settings.platform;
    let asked = [
        ("platform.gateway_url", &platform.gateway_url, ["http", "https"]),
        ("platform.im_url", &platform.im_url, ["ws", "wss"]),
        ("platform.passport_url", &platform.passport_url, ["http", "https"]),
        ("platform.upload_url", &platform.upload_url, ["http", "https"]),
    ]
    .map(|(key, url, schemes)| {
        (key, endpoint(url, schemes).map(|(host, port)| (host.clone(), port, reach(host, port))))
    });
    let deadline = Instant::now() + REACH_WAIT;
    asked
        .into_iter()
        .map(|(key, started)| {
            (
                key,
                started.map_or_else(Fail, |(host, port, answer)| {
                    let wait = deadline.saturating_duration_since(Instant::now());
                    let answer = answer
                        .recv_timeout(wait)
                        .unwrap_or_else(|_| Err(format!("no answer within {} s", REACH_WAIT.as_secs())));
                    match answer {
                        Ok(()) => Good(format!("{host}:{port} answers")),
                        Err(reason) => Fail(format!(
                            "cannot reach {host}:{port}: {reason}; check the network, its name server and {key}"
                        )),
                    }
                }),
            )
        })
        .collect()
}

/// Looking up a name has no deadline of its own, so it happens on a thread that nobody waits for longer than he wants.
fn reach(host: String, port: u16) -> mpsc::Receiver<Result<(), String>> {
    let (answer, receiver) = mpsc::channel();
    thread::spawn(move || {
        // whoever asked may have given up: then nobody wants the answer
        let _ = answer.send(connect(&host, port));
    });
    receiver
}

fn connect(host: &str, port: u16) -> Result<(), String> {
    let addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut reason = "the name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, REACH_WAIT) {
            Ok(_) => return Ok(()),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_limit_is_judged_by_the_accounts_that_need_it() {
        assert!(matches!(judge_files(Some(1024), 500), Good(_)));
        assert!(matches!(judge_files(Some(1024), 5_000), Fail(text) if text.contains("ulimit -Hn 5200")));
        assert!(matches!(judge_files(None, 5_000), Good(_)));
    }

    #[test]
    fn an_address_nobody_listens_on_fails_and_names_its_setting() {
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut settings = Settings::default();
        let open = listening.local_addr().unwrap();
        settings.platform.im_url = format!("ws://{open}/");
        settings.platform.gateway_url = "http://127.0.0.1:1".to_owned();
        settings.platform.passport_url = format!("http://{open}");
        settings.platform.upload_url = "ftp://x".to_owned();
        let findings = reach_all(&settings);
        assert!(matches!(&findings[0], ("platform.gateway_url", Fail(text)) if text.contains("platform.gateway_url")));
        assert!(matches!(&findings[1], ("platform.im_url", Good(_))));
        assert!(matches!(&findings[2], ("platform.passport_url", Good(_))));
        assert!(matches!(&findings[3], ("platform.upload_url", Fail(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_may_read_is_a_warning_with_the_fix() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(key_rights(&path), Warn(text) if text.contains("chmod 600")));
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(matches!(key_rights(&path), Good(_)));
    }
}
