//! Makes a copy: aside under an unfinished name, read again, and only then given its own.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use log::{info, warn};

use super::{
    super::{
        Config, Keys,
        connection::{Role, Target, private},
        migrate::{beside, vacuum_into},
    },
    Copied, Made, Run,
    fault::Fault,
    list, moment, name,
    proof::{go_on, prove},
};
use crate::ids::Timestamp;

const UNFINISHED: &str = ".unfinished";

const SECOND: Duration = Duration::from_secs(1);

/// What is copied, and where to.
#[derive(Debug, Clone)]
pub struct Job {
    pub database: Config,
    pub keys: Keys,
    /// Made where there is none, for its owner alone.
    pub folder: PathBuf,
    /// So many of the newest copies stay once a new one is there; 0: all.
    pub keep: u16,
    /// What must stay free on the disk beside the copy, in bytes.
    pub spare: u64,
}

/// Makes a copy, verifies it, and removes those that are too many. Also returns what is in the folder then. Takes as long as reading the
/// whole database does: never on a thread that runs futures. Ends between two steps once `is_over` says so.
pub fn run(job: &Job, at: Timestamp, is_over: &dyn Fn() -> bool) -> (Run, Vec<Copied>) {
    let started = Instant::now();
    let outcome = make(job, at, is_over);
    if let Ok(made) = &outcome {
        remove_old(job, &made.name);
    }
    let (made, fault) = match outcome {
        Ok(made) => (Some(made), None),
        Err(fault) => (None, Some(fault)),
    };
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    (Run { started_at: at, duration_ms, made, fault }, list(&job.folder).unwrap_or_default())
}

fn make(job: &Job, at: Timestamp, is_over: &dyn Fn() -> bool) -> Result<Made, Fault> {
    let target = Target::parse(&job.database).map_err(Fault::copy)?;
    let Target::Sqlite { path, .. } = &target else { return Err(Fault::Elsewhere) };
    if !path.is_file() {
        return Err(Fault::NoDatabase);
    }
    make_folder(&job.folder).map_err(Fault::folder)?;
    remove_unfinished(&job.folder);
    has_room(job, path)?;
    let unfinished = Unfinished::make(&job.folder, at).map_err(Fault::folder)?;
    // Of a writer's kind, but it never begins a write: one that may only read cannot write the copy either.
    let mut conn = target.connect(Role::Write).map_err(Fault::copy)?;
    vacuum_into(&mut conn, &unfinished.path).map_err(Fault::copy)?;
    drop(conn);
    go_on(is_over)?;
    unfinished.file.sync_all().map_err(Fault::copy)?;
    let proof = prove(&unfinished.path, &job.keys, is_over)?;
    let size = unfinished.file.metadata().map_err(Fault::folder)?.len();
    let name = unfinished.finish().map_err(Fault::folder)?;
    Ok(Made { name, size, proof })
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// A copy is no larger than the file and its journal together.
fn has_room(job: &Job, database: &Path) -> Result<(), Fault> {
    let length = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
    let needed = length(database).saturating_add(length(&beside(database, "-wal"))).saturating_add(job.spare);
    let disk = rustix::fs::statvfs(&job.folder).map_err(Fault::folder)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < needed { Err(Fault::NoRoom { needed, free }) } else { Ok(()) }
}

/// A copy in the making: gone with it, unless it is finished.
struct Unfinished {
    path: PathBuf,
    finished: PathBuf,
    file: File,
    is_finished: bool,
    /// The folder, locked while somebody works in it. The file itself is the database's to lock.
    _at_work: File,
}

impl Unfinished {
    /// Under the first name from this moment on that nobody has.
    fn make(folder: &Path, at: Timestamp) -> io::Result<Self> {
        let mut at = at;
        let at_work = File::open(folder)?;
        at_work.lock_shared()?;
        loop {
            let name = name(at).ok_or_else(|| io::Error::other("the clock is wrong"))?;
            let finished = folder.join(&name);
            let path = beside(&finished, UNFINISHED);
            at = at + SECOND;
            if finished.exists() {
                continue;
            }
            let file = match private(OpenOptions::new().read(true).write(true).create_new(true)).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            };
            return Ok(Self { path, finished, file, is_finished: false, _at_work: at_work });
        }
    }

    /// Gives it its name. Returns that.
    fn finish(mut self) -> io::Result<String> {
        fs::rename(&self.path, &self.finished)?;
        self.is_finished = true;
        if let Some(folder) = self.finished.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(self.finished.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            remove(&self.path);
        }
    }
}

/// Removes what runs that crashed have left in the folder. While somebody works in it, it is left to the next run.
pub fn remove_unfinished(folder: &Path) {
    let Some(alone) = File::open(folder).ok().filter(|folder| folder.try_lock().is_ok()) else { return };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| is_unfinished(path)) {
        info!("an unfinished copy of the database is removed: {}", path.display());
        remove(&path);
    }
    drop(alone);
}

/// Also the journal that such a file may have had.
fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let of_copy = name.strip_suffix("-journal").unwrap_or(&name).strip_suffix(UNFINISHED);
    of_copy.is_some_and(|copy| moment(copy).is_some())
}

/// All but the newest, and never the one that was just made: a clock may have been set back.
fn remove_old(job: &Job, made: &str) {
    if job.keep == 0 {
        return;
    }
    match list(&job.folder) {
        Ok(copies) => {
            let others = copies.iter().filter(|copy| copy.name != made).skip(usize::from(job.keep) - 1);
            others.for_each(|copy| remove(&job.folder.join(&copy.name)));
        }
        Err(error) => warn!(class = "system"; "old copies of the database could not be looked for: {error}"),
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        warn!(class = "system"; "{} could not be removed: {error}", path.display());
    }
}
