//! Log files in a folder: one a day, more where one gets too long, the old ones removed. The clock is the time of the lines.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use jiff::{civil::Date, tz::TimeZone};
use rustix::fs::OFlags;
use serde::Serialize;

use crate::ids::Timestamp;

/// How long nothing is tried after the files could not be written.
const RETRY: Duration = Duration::from_secs(5);

const DAY_MS: i64 = 86_400_000;

/// How much is kept where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileLimits {
    /// Made where it is missing, for its owner alone.
    pub(super) dir: PathBuf,
    /// A file that would get longer ends.
    pub(super) file_size: u64,
    /// All files together; the oldest go first.
    pub(super) total_size: u64,
    /// A file is removed when its day is longer ago than this.
    pub(super) keep_days: u32,
}

/// A log file that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogFile {
    pub name: String,
    pub bytes: u64,
    pub modified_at: Timestamp,
}

/// A line, its line feed included, and when it was logged.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: Timestamp,
    pub(super) text: String,
}

/// What an operator has to hear, once each time it happens.
#[derive(Debug)]
pub(super) enum News {
    Failing(io::Error),
    /// Written again, after so many lines were lost.
    Mended(u64),
}

/// Writes lines to the file of their day.
#[derive(Debug)]
pub(super) struct Rotation {
    limits: FileLimits,
    open: Option<Open>,
    outage: Option<Outage>,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    /// Since 1970.
    day: i64,
    bytes: u64,
}

#[derive(Debug)]
struct Outage {
    failed_at: Timestamp,
    lost: u64,
}

impl Rotation {
    pub(super) fn new(limits: FileLimits) -> Self {
        Self { limits, open: None, outage: None }
    }

    /// Removes what is too old or too much.
    pub(super) fn clean_up(&self, now: Timestamp) {
        let Ok(mut files) = named_files(&self.limits.dir) else { return };
        let today = date_of(day_of(now));
        files.sort_by_key(|(name, _)| std::cmp::Reverse(*name));
        // The newest is the one that is being written.
        let mut total = self.limits.file_size;
        for (at, (name, bytes)) in files.iter().enumerate() {
            total = total.saturating_add(*bytes);
            let too_old = days_between(name.date, today) > i64::from(self.limits.keep_days);
            if too_old || (at > 0 && total > self.limits.total_size) {
                // What cannot be removed now is tried again with the next file.
                let _ = fs::remove_file(self.limits.dir.join(name.to_string()));
            }
        }
    }

    /// Writes what can be written and counts what cannot; it never waits for better times.
    pub(super) fn write(&mut self, lines: &[Line]) -> (u64, Option<News>) {
        let mut rest = lines;
        let mut news = None;
        while let Some(first) = rest.first() {
            if self.outage.as_ref().is_some_and(|outage| outage.holds(first.at)) {
                return (self.lose(rest), news);
            }
            match self.write_some(rest) {
                Ok(count) => {
                    rest = &rest[count..];
                    news = self.outage.take().map(|outage| News::Mended(outage.lost)).or(news);
                }
                Err(error) => {
                    self.open = None;
                    let is_news = self.outage.is_none();
                    let lost = self.outage.take().map_or(0, |outage| outage.lost);
                    self.outage = Some(Outage { failed_at: first.at, lost });
                    return (self.lose(rest), is_news.then_some(News::Failing(error)).or(news));
                }
            }
        }
        (0, news)
    }

    fn lose(&mut self, lines: &[Line]) -> u64 {
        let lost = lines.len() as u64;
        if let Some(outage) = &mut self.outage {
            outage.lost += lost;
        }
        lost
    }

    /// Writes the first lines, as many as belong into one file; says how many.
    fn write_some(&mut self, lines: &[Line]) -> io::Result<usize> {
        let file_size = self.limits.file_size;
        let open = self.file_for(&lines[0])?;
        let mut text = String::new();
        let fitting = lines.iter().take_while(|line| {
            let fits = text.is_empty() || open.takes(line, text.len(), file_size);
            if fits {
                text.push_str(&line.text);
            }
            fits
        });
        let count = fitting.count();
        open.append(text.as_bytes())?;
        Ok(count)
    }

    fn file_for(&mut self, line: &Line) -> io::Result<&mut Open> {
        let good = self.open.take().filter(|open| open.takes(line, 0, self.limits.file_size) && open.is_in_place());
        let open = match good {
            Some(open) => open,
            None => self.next_file(line)?,
        };
        Ok(self.open.insert(open))
    }

    /// Goes on with the newest file of the day where there is room, as after a restart, or begins one.
    fn next_file(&self, line: &Line) -> io::Result<Open> {
        let Self { limits, .. } = self;
        make_folder(&limits.dir)?;
        self.clean_up(line.at);
        let day = day_of(line.at);
        let date = date_of(day);
        let of_day = named_files(&limits.dir)?.into_iter().filter(|(name, _)| name.date == date);
        let (name, bytes) = match of_day.max() {
            None => (FileName { date, number: 0 }, 0),
            Some((name, bytes)) if bytes + line.text.len() as u64 <= limits.file_size => (name, bytes),
            Some((name, _)) => (FileName { date, number: name.number + 1 }, 0),
        };
        let path = limits.dir.join(name.to_string());
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        Ok(Open { file, path, day, bytes })
    }
}

impl Outage {
    /// A clock that was set back does not make it last.
    fn holds(&self, now: Timestamp) -> bool {
        now >= self.failed_at && now.since(self.failed_at) < RETRY
    }
}

impl Open {
    /// Whether a line may follow `more` bytes that are not written yet. A clock that was set back opens no file of the past.
    fn takes(&self, line: &Line, more: usize, file_size: u64) -> bool {
        let used = self.bytes + more as u64;
        day_of(line.at) <= self.day && (used == 0 || used + line.text.len() as u64 <= file_size)
    }

    /// Somebody may have moved or removed it, or its folder.
    fn is_in_place(&self) -> bool {
        let there = fs::metadata(&self.path).and_then(|there| Ok((there, self.file.metadata()?)));
        there.is_ok_and(|(there, ours)| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
    }

    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        match self.file.write_all(text) {
            Ok(()) => {
                self.bytes += text.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line must not stay; where that fails too, the next line follows it.
                let _ = self.file.set_len(self.bytes);
                Err(error)
            }
        }
    }
}

/// Every log file of the folder, the newest first. None where there is no folder.
pub(super) fn list(dir: &Path) -> io::Result<Vec<LogFile>> {
    let mut names = named_files(dir)?;
    names.sort_by_key(|(name, _)| std::cmp::Reverse(*name));
    // One that was just removed is left out.
    Ok(names.into_iter().filter_map(|(name, _)| describe(&dir.join(name.to_string()), name).ok()).collect())
}

fn describe(path: &Path, name: FileName) -> io::Result<LogFile> {
    let metadata = fs::symlink_metadata(path)?;
    let modified_at = Timestamp(metadata.mtime().saturating_mul(1000));
    Ok(LogFile { name: name.to_string(), bytes: metadata.len(), modified_at })
}

/// Removes the files whose day is more than so many days ago; says how many. One that cannot be removed now is met again the next time.
pub(super) fn remove_old(dir: &Path, keep_days: u16, now: Timestamp) -> io::Result<usize> {
    let today = date_of(day_of(now));
    let old = named_files(dir)?.into_iter().filter(|(name, _)| days_between(name.date, today) > i64::from(keep_days));
    Ok(old.filter(|(name, _)| fs::remove_file(dir.join(name.to_string())).is_ok()).count())
}

/// Opens a file that is in the list, for reading; `None` for every other name, whatever it leads to.
pub(super) fn open(dir: &Path, name: &str) -> io::Result<Option<File>> {
    let listed = named_files(dir)?.into_iter().map(|(file, _)| file.to_string()).find(|file| file == name);
    let Some(name) = listed else { return Ok(None) };
    let no_link = OFlags::NOFOLLOW.bits().cast_signed();
    match OpenOptions::new().read(true).custom_flags(no_link).open(dir.join(name)) {
        // removed since it was listed
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

fn make_folder(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn named_files(dir: &Path) -> io::Result<Vec<(FileName, u64)>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => files.push((name, metadata.len())),
            Ok(_) | Err(_) => {} // no file of ours, or just removed
        }
    }
    Ok(files)
}

/// `yutang-2026-11-26.0.log`: by day, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct FileName {
    date: Date,
    number: u32,
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "yutang-{}.{}.log", self.date, self.number)
    }
}

impl FromStr for FileName {
    type Err = ();

    /// Takes exactly what [`Display`](fmt::Display) gives: no second spelling, no path.
    fn from_str(text: &str) -> Result<Self, ()> {
        let inner = text.strip_prefix("yutang-").and_then(|rest| rest.strip_suffix(".log"));
        let (date, number) = inner.and_then(|inner| inner.split_once('.')).ok_or(())?;
        let name = Self { date: date.parse().map_err(drop)?, number: number.parse().map_err(drop)? };
        (name.to_string() == text).then_some(name).ok_or(())
    }
}

fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY_MS)
}

/// A day beyond the calendar is its end.
fn date_of(day: i64) -> Date {
    let start = jiff::Timestamp::from_millisecond(day.saturating_mul(DAY_MS)).unwrap_or(jiff::Timestamp::MAX);
    start.to_zoned(TimeZone::UTC).date()
}

fn days_between(earlier: Date, later: Date) -> i64 {
    let span = later.duration_since(earlier);
    span.as_hours() / 24
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;

    /// 2026-11-26T00:00:00Z
    const TODAY: Timestamp = Timestamp(1_795_651_200_000);
    const DAY: Duration = Duration::from_secs(86_400);

    struct Folder(TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("logs")
        }

        fn rotation(&self) -> Rotation {
            Rotation::new(self.limits())
        }

        fn limits(&self) -> FileLimits {
            FileLimits { dir: self.path(), file_size: 20, total_size: 1000, keep_days: 3 }
        }

        fn names(&self) -> Vec<String> {
            list(&self.path()).unwrap().into_iter().map(|file| file.name).collect()
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.path().join(name)).unwrap()
        }

        fn put(&self, name: &str, text: &str) {
            make_folder(&self.path()).unwrap();
            fs::write(self.path().join(name), text).unwrap();
        }
    }

    fn line(at: Timestamp, text: &str) -> Line {
        Line { at, text: format!("{text}\n") }
    }

    fn write(rotation: &mut Rotation, at: Timestamp, texts: &[&str]) -> (u64, Option<News>) {
        let lines: Vec<Line> = texts.iter().map(|text| line(at, text)).collect();
        rotation.write(&lines)
    }

    #[test]
    fn lines_go_to_the_file_of_their_utc_day() {
        let (folder, mut rotation) = (Folder::new(), Folder::new().rotation());
        rotation.limits = folder.limits();
        let late = TODAY + DAY - Duration::from_millis(1);
        rotation.write(&[line(TODAY, "a"), line(late, "b"), line(TODAY + DAY, "c")]);
        assert_eq!(folder.names(), ["yutang-2026-11-27.0.log", "yutang-2026-11-26.0.log"]);
        assert_eq!(
            (folder.read("yutang-2026-11-26.0.log").as_str(), folder.read("yutang-2026-11-27.0.log").as_str()),
            ("a\nb\n", "c\n")
        );
    }

    #[test]
    fn a_full_file_is_followed_by_the_next_number() {
        let folder = Folder::new();
        let mut rotation = folder.rotation();
        write(&mut rotation, TODAY, &["123456789", "123456789", "x", &"long".repeat(10), "y"]);
        let expected = [
            "yutang-2026-11-26.3.log",
            "yutang-2026-11-26.2.log",
            "yutang-2026-11-26.1.log",
            "yutang-2026-11-26.0.log",
        ];
        assert_eq!(folder.names(), expected);
        assert_eq!(folder.read(expected[3]), "123456789\n123456789\n");
        assert_eq!((folder.read(expected[2]).as_str(), folder.read(expected[0]).as_str()), ("x\n", "y\n"));
    }

    #[test]
    fn a_tenth_file_comes_after_the_ninth() {
        let folder = Folder::new();
        (0..=10).for_each(|number| folder.put(&format!("yutang-2026-11-26.{number}.log"), &"x".repeat(20)));
        write(&mut folder.rotation(), TODAY, &["a"]);
        assert_eq!(folder.names()[..2], ["yutang-2026-11-26.11.log", "yutang-2026-11-26.10.log"]);
    }

    #[test]
    fn a_restart_goes_on_where_there_is_room() {
        let folder = Folder::new();
        write(&mut folder.rotation(), TODAY, &["before"]);
        write(&mut folder.rotation(), TODAY, &["after"]);
        assert_eq!(folder.read("yutang-2026-11-26.0.log"), "before\nafter\n");
        write(&mut folder.rotation(), TODAY, &["123456789"]);
        assert_eq!(folder.read("yutang-2026-11-26.1.log"), "123456789\n");
    }

    #[test]
    fn a_clock_that_is_set_back_opens_no_file_of_the_past() {
        let folder = Folder::new();
        let mut rotation = folder.rotation();
        write(&mut rotation, TODAY, &["a"]);
        write(&mut rotation, TODAY - DAY, &["b"]);
        assert_eq!(folder.read("yutang-2026-11-26.0.log"), "a\nb\n");
    }

    #[test]
    fn only_the_owner_may_read_the_files_and_the_folder() {
        let folder = Folder::new();
        write(&mut folder.rotation(), TODAY, &["a"]);
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(folder.path().join("yutang-2026-11-26.0.log"))), (0o700, 0o600));
    }

    #[test]
    fn what_is_too_old_is_removed_and_nothing_else() {
        let folder = Folder::new();
        for name in ["yutang-2026-11-22.0.log", "yutang-2026-11-23.7.log", "notes.log", "yutang-2026-1-1.0.log"] {
            folder.put(name, "x");
        }
        folder.rotation().clean_up(TODAY);
        assert_eq!(folder.names(), ["yutang-2026-11-23.7.log"]);
        assert!(folder.path().join("notes.log").exists() && folder.path().join("yutang-2026-1-1.0.log").exists());
        write(&mut folder.rotation(), TODAY + DAY, &["the next day"]);
        assert_eq!(folder.names(), ["yutang-2026-11-27.0.log"]);
    }

    #[test]
    fn an_administrators_bound_removes_more_and_says_how_many() {
        let folder = Folder::new();
        for name in ["yutang-2026-11-24.0.log", "yutang-2026-11-25.1.log", "yutang-2026-11-26.0.log", "notes.log"] {
            folder.put(name, "x");
        }
        assert_eq!(remove_old(&folder.path(), 1, TODAY).unwrap(), 1);
        assert_eq!(folder.names(), ["yutang-2026-11-26.0.log", "yutang-2026-11-25.1.log"]);
        assert!(folder.path().join("notes.log").exists());
        assert_eq!(remove_old(&folder.path().join("none"), 1, TODAY).unwrap(), 0);
    }

    #[test]
    fn all_files_together_stay_within_their_bound() {
        let folder = Folder::new();
        let mut rotation = Rotation::new(FileLimits { total_size: 60, ..folder.limits() });
        (0..10).for_each(|_| drop(write(&mut rotation, TODAY, &["123456789", "123456789"])));
        assert_eq!(folder.names(), ["yutang-2026-11-26.9.log", "yutang-2026-11-26.8.log", "yutang-2026-11-26.7.log"]);
    }

    #[test]
    fn a_vanished_folder_is_made_again() {
        let folder = Folder::new();
        let mut rotation = folder.rotation();
        write(&mut rotation, TODAY, &["a"]);
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(matches!(write(&mut rotation, TODAY, &["b"]), (0, None)));
        assert_eq!(folder.read("yutang-2026-11-26.0.log"), "b\n");
    }

    #[test]
    fn a_folder_that_cannot_be_made_loses_lines_is_said_once_and_heals() {
        let folder = Folder::new();
        let mut rotation = folder.rotation();
        fs::write(folder.path(), "in the way").unwrap();
        assert!(matches!(write(&mut rotation, TODAY, &["a", "b"]), (2, Some(News::Failing(_)))));
        assert!(matches!(write(&mut rotation, TODAY, &["c"]), (1, None)));
        assert!(matches!(write(&mut rotation, TODAY + RETRY, &["d"]), (1, None)));
        fs::remove_file(folder.path()).unwrap();
        assert!(matches!(write(&mut rotation, TODAY + RETRY, &["too early"]), (1, None)));
        assert!(matches!(write(&mut rotation, TODAY + 2 * RETRY, &["e"]), (0, Some(News::Mended(5)))));
        assert_eq!(folder.read("yutang-2026-11-26.0.log"), "e\n");
    }

    #[test]
    fn a_full_disk_loses_lines_and_is_said_once() {
        let folder = Folder::new();
        make_folder(&folder.path()).unwrap();
        symlink("/dev/full", folder.path().join("yutang-2026-11-26.0.log")).unwrap();
        let mut rotation = folder.rotation();
        let (lost, news) = write(&mut rotation, TODAY, &["a"]);
        assert!(lost == 1 && matches!(news, Some(News::Failing(error)) if error.kind() == io::ErrorKind::StorageFull));
        assert!(matches!(write(&mut rotation, TODAY, &["b"]), (1, None)));
        fs::remove_file(folder.path().join("yutang-2026-11-26.0.log")).unwrap();
        assert!(matches!(write(&mut rotation, TODAY + RETRY, &["c"]), (0, Some(News::Mended(2)))));
    }

    /// S37: a name is compared with the names of files that we made; it never becomes a path.
    #[test]
    fn s37_only_a_listed_file_is_opened() {
        let folder = Folder::new();
        folder.put("yutang-2026-11-26.0.log", "x");
        folder.put("other.log", "not ours");
        fs::create_dir(folder.path().join("yutang-2026-11-26.5.log")).unwrap();
        symlink("/etc/passwd", folder.path().join("yutang-2026-11-26.6.log")).unwrap();
        assert!(open(&folder.path(), "yutang-2026-11-26.0.log").unwrap().is_some());
        for name in [
            "",
            ".",
            "..",
            "other.log",
            "../logs/yutang-2026-11-26.0.log",
            "./yutang-2026-11-26.0.log",
            "/etc/passwd",
            "yutang-2026-11-26.0.log/",
            "yutang-2026-11-26.0.log\0",
            "yutang-2026-11-26.0.log%00",
            "yutang-2026-11-26.00.log",
            "yutang-2026-11-26.+0.log",
            "yutang-20261126.0.log",
            "yutang-2026-11-26.1.log",
            "yutang-2026-11-26.5.log",
            "yutang-2026-11-26.6.log",
            "yutang-2026-11-26./../../x.log",
        ] {
            assert!(open(&folder.path(), name).unwrap().is_none(), "{name:?}");
        }
        assert_eq!(folder.names(), ["yutang-2026-11-26.0.log"]);
        assert!(list(Path::new("/nowhere/at/all")).unwrap().is_empty());
    }
}
