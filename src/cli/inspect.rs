//! `yutang inspect`: shows what pushes contain and what we take them for. What a seller sends us when the platform changes a format.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use crate::platform::lwp::{
    event::{self, Event},
    frame::{Frame, RawEntry},
    payload::{self, PayloadError},
};

/// Decode pushes and show what they mean: what to send us when the platform changes a format
///
/// Each line is a whole frame as it came over the WebSocket, or the base64 string of one entry.
/// Nothing is sent anywhere.
#[derive(Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// File to read; standard input if left out
    pub file: Option<PathBuf>,
    /// Print one line {"value":…,"event":…,"error":…} per input line instead of a text for people
    #[arg(long)]
    pub json: bool,
}

/// Reads to the end of the input. Lines that make no sense are part of the answer, not failures.
pub(super) fn run(args: InspectArgs) -> anyhow::Result<ExitCode> {
    let write = if args.json { write_json } else { write_text };
    let mut output = io::BufWriter::new(io::stdout().lock());
    let outcome = match &args.file {
        Some(path) => {
            let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
            inspect(BufReader::new(file), &mut output, write)
        }
        None => inspect(io::stdin().lock(), &mut output, write),
    };
    match outcome {
        // whoever reads us has seen enough
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        outcome => outcome.map(|()| ExitCode::SUCCESS).context("cannot inspect the input"),
    }
}

/// What is known about one line, or about one entry of a frame.
#[derive(Debug, PartialEq, Serialize)]
struct Report {
    value: Option<Value>,
    event: Option<Finding>,
    error: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Finding {
    Entry(Event),
    /// The entries of a frame; none in an answer.
    Frame(Vec<Report>),
}

type WriteReport = fn(&mut dyn Write, usize, &Report) -> io::Result<()>;

/// Flushes after each line, so that a live log can be piped through.
fn inspect(mut input: impl BufRead, output: &mut dyn Write, write: WriteReport) -> io::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        write(output, number, &report(&line))?;
        output.flush()?;
    }
    Ok(())
}

fn report(line: &[u8]) -> Report {
    match str::from_utf8(line).map(str::trim) {
        Ok("") => failed(None, "empty line"),
        Ok(line) => match as_frame(line) {
            Some(value) => frame(line, value),
            None => entry(payload::decode(line)),
        },
        Err(error) => failed(None, format!("line is not UTF-8: {error}")),
    }
}

/// A JSON object with a field that only frames have; an entry may be plain JSON, too.
fn as_frame(line: &str) -> Option<Value> {
    let value: Value = line.starts_with('{').then(|| serde_json::from_str(line).ok()).flatten()?;
    ["lwp", "code", "headers"].iter().any(|field| value.get(field).is_some()).then_some(value)
}

fn frame(line: &str, value: Value) -> Report {
    let entries = match Frame::parse(line) {
        Ok(Frame::Push(push)) => push.package().map(|package| package.entries).map_err(|error| error.to_string()),
        Ok(Frame::Response(_)) => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    };
    match entries {
        Ok(entries) => {
            let reports = entries.into_iter().map(raw_entry).collect();
            Report { value: Some(value), event: Some(Finding::Frame(reports)), error: None }
        }
        Err(error) => failed(Some(value), error),
    }
}

fn raw_entry(raw: RawEntry<'_>) -> Report {
    entry(raw.data.ok_or(PayloadError::Missing).and_then(|data| payload::decode(&data)))
}

fn entry(decoded: Result<Value, PayloadError>) -> Report {
    match decoded {
        Ok(value) => {
            let event = event::classify(&value);
            Report { value: Some(value), event: Some(Finding::Entry(event)), error: None }
        }
        Err(error) => failed(None, error.to_string()),
    }
}

fn failed(value: Option<Value>, error: impl Into<String>) -> Report {
    Report { value, event: None, error: Some(error.into()) }
}

fn write_json(output: &mut dyn Write, _number: usize, report: &Report) -> io::Result<()> {
    serde_json::to_writer(&mut *output, report)?;
    writeln!(output)
}

fn write_text(output: &mut dyn Write, number: usize, report: &Report) -> io::Result<()> {
    writeln!(output, "── line {number}")?;
    write_report(output, report)?;
    let Some(Finding::Frame(entries)) = &report.event else { return Ok(()) };
    for (index, entry) in entries.iter().enumerate() {
        writeln!(output, "── line {number}, entry {} of {}", index + 1, entries.len())?;
        write_report(output, entry)?;
    }
    Ok(())
}

fn write_report(output: &mut dyn Write, report: &Report) -> io::Result<()> {
    if let Some(value) = &report.value {
        writeln!(output, "{value:#}")?;
    }
    if let Some(Finding::Entry(event)) = &report.event {
        write!(output, "event: ")?;
        serde_json::to_writer_pretty(&mut *output, event)?;
        writeln!(output)?;
    }
    match &report.error {
        Some(error) => writeln!(output, "error: {error}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn output(input: &[u8], write: WriteReport) -> String {
        let mut output = Vec::new();
        inspect(input, &mut output, write).unwrap();
        String::from_utf8(output).unwrap()
    }

    fn json_lines(input: &[u8]) -> Vec<Value> {
        output(input, write_json).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn vectors(list: &str) -> Vec<Value> {
        let all: Value = serde_json::from_str(include_str!("../../tests/fixtures/protocol-vectors.json")).unwrap();
        all[list].as_array().unwrap().clone()
    }

    #[test]
    fn each_line_gets_one_line_in_order_whatever_it_is() {
        let input = b"gQGkYWJjZA==\n\n%%%\n\xff\xfe\r\n{\"7\":1}\n{\"headers\":5}\ngQEB";
        let lines = json_lines(input);
        let known: Vec<bool> = lines.iter().map(|line| line["error"].is_null()).collect();
        assert_eq!(known, [true, false, false, false, true, false, true]);
        assert_eq!(lines[0], json!({"value": {"1": "abcd"}, "event": {"kind": "unknown"}, "error": null}));
        assert_eq!(lines[1], json!({"value": null, "event": null, "error": "empty line"}));
        assert_eq!(lines[5]["value"], json!({"headers": 5}));
    }

    #[test]
    fn every_entry_of_the_vectors_shows_its_tree() {
        let decoded: Vec<Value> = vectors("decode").into_iter().filter(|vector| vector["outcome"] == "value").collect();
        for vector in decoded {
            let line = vector["data"].as_str().unwrap().replace('\n', "");
            assert_eq!(json_lines(line.as_bytes())[0]["value"], vector["expected"], "{}", vector["id"]);
        }
    }

    #[test]
    fn a_frame_shows_itself_and_each_of_its_entries() {
        let find =
            |id| vectors("server_frames").into_iter().find(|vector| vector["id"] == id).unwrap()["frame"].clone();
        let frame = find("server-sync-one-bad-entry");
        let line = json_lines(frame.to_string().as_bytes()).remove(0);
        assert_eq!((&line["value"], &line["error"]), (&frame, &Value::Null));
        let kinds: Vec<&Value> =
            line["event"].as_array().unwrap().iter().map(|entry| &entry["event"]["kind"]).collect();
        assert_eq!(kinds, [&json!("message"), &Value::Null, &json!("message")]);
        assert!(line["event"][1]["error"].is_string());
        assert_eq!(json_lines(find("server-reg-ok").to_string().as_bytes())[0]["event"], json!([]));
    }

    #[test]
    fn the_text_for_people_names_the_line_the_entry_and_the_event() {
        let frame = vectors("server_frames").into_iter().find(|vector| vector["id"] == "server-sync-three").unwrap();
        let text = output(frame["frame"].to_string().as_bytes(), write_text);
        assert!(text.starts_with("── line 1\n{"), "{text}");
        assert!(text.contains("── line 1, entry 3 of 3\n"), "{text}");
        assert!(text.contains("event: {\n  \"kind\": \"message\""), "{text}");
    }
}
