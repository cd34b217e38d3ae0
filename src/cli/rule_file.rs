//! `keyword import` and `keyword export` of what sellers keep in tables: Excel, CSV, or a list as JSON. The same files as over HTTP.

use std::{fs, io::Write, path::Path};

use anyhow::{Context as _, bail};

use super::{now, one_line};
use crate::{
    ids::AccountId,
    reply::file::plan::Mode,
    store::{Scope, Store, accounts, audit::Actor},
    web::api::rule_files::{FileFormat, ImportReport, Options, RowOutcome, export_now, import_now},
};

/// Whose rules, and what becomes of those that are not in the file.
#[derive(Debug, clap::Args)]
pub(super) struct Table {
    /// Of a table: into the set of this account instead of the shared one
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Of a table: remove the rules of the set that are not in it
    #[arg(long)]
    replace: bool,
    /// Of a table: only tell what would be changed
    #[arg(long)]
    dry_run: bool,
}

impl Table {
    /// The first of its options that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let options = [("--account", self.account.is_some()), ("--replace", self.replace), ("--dry-run", self.dry_run)];
        options.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }
}

/// What the file is, by its name; a `.json` that does not begin with a list is one of JSON lines.
pub(super) fn format_of(file: &Path, content: &[u8]) -> Option<FileFormat> {
    let ending = file.extension()?.to_str()?.to_ascii_lowercase();
    let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(content);
    match &*ending {
        "xlsx" => Some(FileFormat::Xlsx),
        "csv" => Some(FileFormat::Csv),
        "json" => content.trim_ascii_start().starts_with(b"[").then_some(FileFormat::Json),
        _ => None,
    }
}

pub(super) fn import(
    store: &Store,
    scope: Scope,
    (file, format): (Vec<u8>, FileFormat),
    table: &Table,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mode = if table.replace { Mode::Replace } else { Mode::Merge };
    let set = set(store, scope, table.account.as_deref())?;
    let (options, now) = (Options { set, mode, dry_run: table.dry_run, draft: false }, now());
    let taken =
        store.write_blocking(move |conn| import_now(conn, &scope, (&Actor::cli(), now), (&file, format), options))?;
    match taken {
        Ok(report) => print(&report, out),
        Err(refusal) => match refusal.told().1 {
            Some(said) => bail!("{}", said.en),
            None => bail!("nothing was changed: {refusal}"),
        },
    }
}

fn set(store: &Store, scope: Scope, name: Option<&str>) -> anyhow::Result<Option<AccountId>> {
    let Some(name) = name.map(str::to_owned) else { return Ok(None) };
    let wanted = name.clone();
    let account = store.read_blocking(move |conn| accounts::find(conn, &scope, &wanted))?;
    Ok(Some(account.with_context(|| format!("there is no account {name:?}"))?.id))
}

fn print(report: &ImportReport, out: &mut dyn Write) -> anyhow::Result<()> {
    for row in &report.rows {
        let word = match row.outcome {
            RowOutcome::Added => "added",
            RowOutcome::Updated => "updated",
            RowOutcome::Unchanged => "unchanged",
            RowOutcome::Error => "bad",
        };
        writeln!(out, "row {}: {word} {}", row.row, one_line(&row.keyword))?;
        for problem in &row.problems {
            writeln!(out, "  {}: {}", problem.field, one_line(&problem.problem))?;
        }
    }
    for gone in &report.removed {
        writeln!(out, "removed {} (rule {})", one_line(&gone.keyword), gone.rule_id)?;
    }
    for doubt in &report.warnings {
        let row = doubt.row.map_or_else(String::new, |row| format!("row {row}: "));
        writeln!(out, "{row}warning: {}", one_line(doubt.warning.text()))?;
    }
    let ImportReport { added, updated, unchanged, errors, dry_run, .. } = report;
    if *errors > 0 {
        out.flush()?;
        bail!("{errors} bad row(s): nothing was changed");
    }
    let tried = if *dry_run { "would be: " } else { "" };
    let removed = report.removed.len();
    Ok(writeln!(out, "{tried}{added} added, {updated} updated, {unchanged} unchanged, {removed} removed")?)
}

pub(super) fn export(store: &Store, scope: Scope, file: &Path, account: Option<&str>) -> anyhow::Result<()> {
    let Some(format) = format_of(file, b"[") else { bail!("the file must end in .xlsx, .csv or .json") };
    let set = set(store, scope, account)?;
    let content = store.read_blocking(move |conn| export_now(conn, &scope, set, format))?;
    let content = content.map_err(|fault| anyhow::anyhow!("{fault}"))?;
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testbed::Bed;

    fn table(replace: bool, dry_run: bool) -> Table {
        Table { account: None, replace, dry_run }
    }

    #[test]
    fn a_file_is_known_by_its_name() {
        assert_eq!(format_of(Path::new("a.XLSX"), b""), Some(FileFormat::Xlsx));
        assert_eq!(format_of(Path::new("a.json"), "\u{feff} [".as_bytes()), Some(FileFormat::Json));
        for lines in ["a.json", "a.jsonl", "-"] {
            assert_eq!(format_of(Path::new(lines), b"{\"keyword\":\"a\"}"), None, "{lines}");
        }
        assert_eq!(table(true, true).given(), Some("--replace"));
    }

    #[test]
    fn what_is_exported_is_imported_again() {
        let bed = Bed::new();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.csv");
        let run = |content: &str, options: &Table| {
            let mut out = Vec::new();
            let taken = import(&bed.store, bed.scope(), (content.into(), FileFormat::Csv), options, &mut out);
            (taken.map_err(|error| error.to_string()), String::from_utf8(out).unwrap())
        };
        let content = "关键词,动作\r\n在吗,在的\r\n价,\r\n";
        assert!(
            run(content, &table(false, true)).1.ends_with("would be: 2 added, 0 updated, 0 unchanged, 0 removed\n")
        );
        let (taken, told) = run(content, &table(false, false));
        assert_eq!(taken, Ok(()));
        assert!(
            told.starts_with("row 2: added 在吗\nrow 3: added 价\n") && told.contains("row 3: warning: "),
            "{told}"
        );
        export(&bed.store, bed.scope(), &file, None).unwrap();
        let content = fs::read_to_string(file).unwrap();
        assert!(run(&content, &table(true, false)).1.ends_with("0 added, 0 updated, 2 unchanged, 0 removed\n"));
        let (refused, told) = run("关键词,动作\r\n(,\r\n在吗,暂停: x\r\n", &table(true, false));
        assert_eq!(refused, Err("1 bad row(s): nothing was changed".to_owned()));
        assert!(told.contains("row 3: bad \n  actions[0].pause: must be a number of minutes\n"), "{told}");
        assert!(run("?", &table(false, false)).0.unwrap_err().contains("there is no column"));
    }
}
