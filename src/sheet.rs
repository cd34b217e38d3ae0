//! Tables as files: the first sheet of an Excel workbook, or CSV. Here every cell is text.
//!
//! No cell that is written is a formula. In a workbook cells are typed, and ours are text, or numbers where somebody adds them up. In CSV a spreadsheet takes what begins like a
//! formula for one: such a cell is written with an apostrophe before it, and read without.

use std::{
    fmt,
    io::{Cursor, Read, copy, sink},
};

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};
use encoding_rs::{Encoding, GB18030};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError as WriteError};

/// More rows than this, the head included, are not read: what a person keeps in one table is less, and memory is bounded.
pub const MOST_ROWS: usize = 20_001;
/// More columns than this are not read.
const MOST_COLUMNS: usize = 100;
/// Bytes of a workbook when it is unpacked. A file of a few kilobytes may unpack to gigabytes.
const MOST_UNPACKED: u64 = 128 << 20;
/// Whole numbers of more digits have lost some of them in Excel.
const EXACT: f64 = 1e15;

/// Why a file is no table that can be read, or a table cannot be written. Rows and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A workbook of Excel 2003 or before.
    OldWorkbook,
    /// What else is no workbook.
    NoWorkbook,
    /// CSV that is neither UTF-8 nor GBK, or is none.
    NoText,
    TooLarge,
    /// Excel made another value of what somebody wrote.
    Changed {
        row: usize,
        column: usize,
        into: Changed,
    },
    /// Longer than a cell of a workbook may be.
    TooLong {
        row: usize,
        column: usize,
    },
}

/// What Excel makes of cells that are not formatted as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Date,
    RoundedNumber,
    Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldWorkbook => write!(f, "it is a workbook of Excel 97-2003: save it as .xlsx"),
            Self::NoWorkbook => write!(f, "it is no Excel workbook (.xlsx), or it is damaged"),
            Self::NoText => write!(f, "it is no CSV in UTF-8 or GBK"),
            Self::TooLarge => write!(f, "it has too many rows or columns: {} rows are read", MOST_ROWS - 1),
            Self::Changed { row, column, into } => {
                let into = match into {
                    Changed::Date => "a date",
                    Changed::RoundedNumber => "a rounded number",
                    Changed::Error => "an error",
                };
                write!(f, "row {row}, column {column}: Excel has made {into} of it; format the column as text")
            }
            Self::TooLong { row, column } => {
                write!(f, "row {row}, column {column} is too long for a cell of Excel: take CSV or JSON")
            }
        }
    }
}

/// The rows of the first sheet. A number is written as people write it: `900000000001`, not `900000000001.0`.
pub fn read_workbook(file: &[u8]) -> Result<Vec<Vec<String>>, Fault> {
    if file.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(Fault::OldWorkbook);
    }
    check_unpacked(file, MOST_UNPACKED)?;
    let broken = |_: XlsxError| Fault::NoWorkbook;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(file)).map_err(broken)?;
    let first = book.sheet_names().into_iter().next().ok_or(Fault::NoWorkbook)?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    // Cell by cell: a whole range would be as large as the farthest cell says.
    let mut cells = book.worksheet_cells_reader(&first).map_err(broken)?;
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        let (row, column) = (row as usize, column as usize);
        let text =
            text_of(cell.get_value()).map_err(|into| Fault::Changed { row: row + 1, column: column + 1, into })?;
        if text.is_empty() {
            continue;
        }
        if row >= MOST_ROWS || column >= MOST_COLUMNS {
            return Err(Fault::TooLarge);
        }
        if rows.len() <= row {
            rows.resize(row + 1, Vec::new());
        }
        if rows[row].len() <= column {
            rows[row].resize(column + 1, String::new());
        }
        rows[row][column] = text;
    }
    Ok(rows)
}

fn check_unpacked(file: &[u8], most: u64) -> Result<(), Fault> {
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).map_err(|_| Fault::NoWorkbook)?;
    let mut left = most;
    for place in 0..archive.len() {
        let part = archive.by_index(place).map_err(|_| Fault::NoWorkbook)?;
        let size = copy(&mut part.take(left + 1), &mut sink()).map_err(|_| Fault::NoWorkbook)?;
        left = left.checked_sub(size).ok_or(Fault::TooLarge)?;
    }
    Ok(())
}

fn text_of(value: &DataRef<'_>) -> Result<String, Changed> {
    match value {
        DataRef::Int(number) => Ok(number.to_string()),
        DataRef::Float(number) if number.abs() >= EXACT => Err(Changed::RoundedNumber),
        DataRef::Float(number) => Ok(number.to_string()),
        DataRef::String(text) => Ok(text.clone()),
        DataRef::SharedString(text) => Ok((*text).to_owned()),
        DataRef::Bool(true) => Ok("TRUE".to_owned()),
        DataRef::Bool(false) => Ok("FALSE".to_owned()),
        DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_) => Err(Changed::Date),
        DataRef::Error(_) => Err(Changed::Error),
        DataRef::Empty => Ok(String::new()),
    }
}

/// A workbook with one sheet, the first row its head. Every cell is text and stays so when somebody types into it.
pub fn write_workbook(name: &str, rows: &[Vec<String>]) -> Result<Vec<u8>, Fault> {
    write_numbers(name, rows, &[])
}

/// The same, but columns for which `numbers` says so hold numbers, which can be added up.
pub fn write_numbers(name: &str, rows: &[Vec<String>], numbers: &[bool]) -> Result<Vec<u8>, Fault> {
    fill(name, rows, numbers).map_err(|(error, row, column)| match error {
        WriteError::MaxStringLengthExceeded => Fault::TooLong { row: row + 1, column: column + 1 },
        _ => Fault::TooLarge,
    })
}

fn fill(name: &str, rows: &[Vec<String>], numbers: &[bool]) -> Result<Vec<u8>, (WriteError, usize, usize)> {
    let at = |row: usize, column: usize| move |error: WriteError| (error, row, column);
    let mut book = Workbook::new();
    // The same table is the same file: no clock.
    let made = ExcelDateTime::from_ymd(2000, 1, 1).map_err(at(0, 0))?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let (head, text) = (Format::new().set_bold(), Format::new().set_num_format("@").set_text_wrap());
    let (whole, parted) = (Format::new().set_num_format("0"), Format::new().set_num_format("0.00"));
    let holds_numbers = |column: usize| numbers.get(column).copied().unwrap_or(false);
    let sheet = book.add_worksheet();
    sheet.set_name(name).map_err(at(0, 0))?;
    sheet.set_freeze_panes(1, 0).map_err(at(0, 0))?;
    for (column, _) in rows.first().into_iter().flatten().enumerate() {
        // At most a hundred columns.
        let number = column as u16;
        let format = if holds_numbers(column) { &whole } else { &text };
        sheet.set_column_format(number, format).map_err(at(0, column))?;
        sheet.set_column_width(number, 16).map_err(at(0, column))?;
    }
    for (row, cells) in rows.iter().enumerate() {
        let format = if row == 0 { &head } else { &text };
        for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let place = (row as u32, column as u16);
            match cell.parse::<f64>() {
                Ok(number) if row > 0 && holds_numbers(column) => {
                    let format = if cell.contains('.') { &parted } else { &whole };
                    sheet.write_number_with_format(place.0, place.1, number, format).map_err(at(row, column))?
                }
                Ok(_) | Err(_) => {
                    sheet.write_string_with_format(place.0, place.1, cell, format).map_err(at(row, column))?
                }
            };
        }
    }
    book.save_to_buffer().map_err(at(0, 0))
}

/// The rows of a CSV file: UTF-8 with or without a byte order mark, UTF-16 with one, or GBK; parted by commas, semicolons or tabs.
pub fn read_csv(file: &[u8]) -> Result<Vec<Vec<String>>, Fault> {
    let text = decoded(file)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(&text))
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|_| Fault::NoText)?;
        if rows.len() >= MOST_ROWS || record.len() > MOST_COLUMNS {
            return Err(Fault::TooLarge);
        }
        rows.push(record.iter().map(|cell| unguarded(cell).to_owned()).collect());
    }
    Ok(rows)
}

/// The lines of a text, in the encodings of [`read_csv`].
pub fn read_lines(file: &[u8]) -> Result<Vec<String>, Fault> {
    Ok(decoded(file)?.lines().map(str::to_owned).collect())
}

fn decoded(file: &[u8]) -> Result<String, Fault> {
    if let Some((encoding, mark)) = Encoding::for_bom(file) {
        let (text, has_errors) = encoding.decode_without_bom_handling(&file[mark..]);
        return if has_errors { Err(Fault::NoText) } else { Ok(text.into_owned()) };
    }
    if let Ok(text) = std::str::from_utf8(file) {
        return Ok(text.to_owned());
    }
    // All of GBK and more.
    let (text, has_errors) = GB18030.decode_without_bom_handling(file);
    if has_errors { Err(Fault::NoText) } else { Ok(text.into_owned()) }
}

/// What parts the cells of the first line, outside of quotation marks. Where Excel lives decides it.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let bare: String = first.split('"').step_by(2).collect();
    let count = |mark: u8| bare.bytes().filter(|byte| *byte == mark).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|mark| count(*mark)).unwrap_or(b',')
}

/// CSV in UTF-8, with the mark by which Excel knows it.
pub fn write_csv(rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    for row in rows {
        // Nothing fails in memory.
        let _ = writer.write_record(row.iter().map(|cell| guarded(cell)));
    }
    writer.into_inner().unwrap_or_default()
}

/// What a spreadsheet takes for the beginning of a formula, in the widths that Chinese keyboards have.
fn begins_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// Digits, and maybe more behind a point.
fn is_number(cell: &str) -> bool {
    let number = cell.strip_prefix('-').unwrap_or(cell);
    let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
    [whole, rest].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn guarded(cell: &str) -> String {
    let is_formula = begins_formula(cell) && !is_number(cell);
    if is_formula || cell.starts_with('\'') { format!("'{cell}") } else { cell.to_owned() }
}

/// Only what [`guarded`] would have put there is taken away: a person's own apostrophe stays.
fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if begins_formula(rest) || rest.starts_with('\'') => rest,
        _ => cell,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    /// As people write them, and as those do who want to break something.
    fn cell() -> impl Strategy<Value = String> {
        let tricky = prop::sample::select(vec![
            "=1+1", "'", "''=x", "-5", "-x", "@a", "\t", "a\nb", " a ", "\"", "a,b;c", "_x0041_", "＝1", "👍", "a\n",
            "\u{1}",
        ]);
        prop_oneof![tricky.prop_map(str::to_owned), "[^\r\u{fffe}\u{ffff}]{0,12}"]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read_again(table in prop::collection::vec(prop::collection::vec(cell(), 2), 1..6)) {
            // A blank line of CSV is no row, and blank cells at the end of a workbook are not there.
            let filled = table.into_iter().map(|mut row| { row.push("x".to_owned()); row });
            // The head says what parts the cells.
            let table: Vec<Vec<String>> = rows(&[&["a", "b", "c"]]).into_iter().chain(filled).collect();
            prop_assert_eq!(read_csv(&write_csv(&table)).unwrap(), table.clone());
            prop_assert_eq!(read_workbook(&write_workbook("表", &table).unwrap()).unwrap(), table);
        }
    }

    #[test]
    fn no_cell_of_a_csv_begins_a_formula() {
        let text =
            String::from_utf8(write_csv(&rows(&[&["=cmd|'/c'!A0", "+1+1", "@x", "-5", "-x", "＝1", "'a", "a=1"]])))
                .unwrap();
        assert_eq!(text, "\u{feff}'=cmd|'/c'!A0,'+1+1,'@x,-5,'-x,'＝1,''a,a=1\r\n");
    }

    #[test]
    fn csv_is_read_in_the_encodings_and_with_the_marks_of_different_excels() {
        let expected = rows(&[&["关键词", "内容"], &["在吗", "在\n的"]]);
        let text = "关键词,内容\r\n在吗,\"在\n的\"\r\n";
        let marked = format!("\u{feff}{text}");
        let utf16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let gbk = encoding_rs::GBK.encode(text).0.into_owned();
        for file in [
            text.as_bytes(),
            marked.as_bytes(),
            &utf16,
            &gbk,
            text.replace(',', ";").as_bytes(),
            text.replace(',', "\t").as_bytes(),
        ] {
            assert_eq!(read_csv(file).unwrap(), expected);
        }
        assert_eq!(read_csv(b"a,b\r\n\xff\xff,x"), Err(Fault::NoText));
        assert_eq!(read_csv(b"\"a,b\";c;d").unwrap(), rows(&[&["a,b", "c", "d"]]));
    }

    fn workbook(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
        let mut book = Workbook::new();
        fill(book.add_worksheet());
        book.save_to_buffer().unwrap()
    }

    #[test]
    fn a_number_is_read_as_it_was_typed_and_what_excel_changed_is_told() {
        let typed = workbook(|sheet| {
            sheet.write_number(0, 0, 900_000_000_001.0).unwrap().write_boolean(0, 1, true).unwrap();
        });
        assert_eq!(read_workbook(&typed).unwrap(), rows(&[&["900000000001", "TRUE"]]));
        let rounded = workbook(|sheet| {
            sheet.write_number(1, 2, 1_234_567_890_123_456_789.0).unwrap();
        });
        let fault = Fault::Changed { row: 2, column: 3, into: Changed::RoundedNumber };
        assert_eq!(read_workbook(&rounded), Err(fault));
        let date = Format::new().set_num_format("yyyy-mm-dd");
        let date = workbook(|sheet| {
            sheet.write_number_with_format(0, 0, 45_000.0, &date).unwrap();
        });
        assert_eq!(read_workbook(&date), Err(Fault::Changed { row: 1, column: 1, into: Changed::Date }));
    }

    #[test]
    fn what_is_no_table_or_too_large_is_refused() {
        assert_eq!(read_workbook(b"hello"), Err(Fault::NoWorkbook));
        assert_eq!(read_workbook(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Err(Fault::OldWorkbook));
        let far = workbook(|sheet| {
            sheet.write_string(1_048_575, 0, "x").unwrap();
        });
        assert_eq!(read_workbook(&far), Err(Fault::TooLarge));
        let blank = Format::new().set_bold();
        let far = workbook(|sheet| {
            sheet.write_blank(1_048_575, 16_383, &blank).unwrap();
        });
        assert_eq!(read_workbook(&far), Ok(Vec::new()), "a cell that is only formatted is not there");
        let long = write_workbook("x", &rows(&[&["a"], &["a", &"长".repeat(33_000)]]));
        assert_eq!(long, Err(Fault::TooLong { row: 2, column: 2 }));
        assert_eq!(read_csv("a\n".repeat(MOST_ROWS + 1).as_bytes()), Err(Fault::TooLarge));
    }

    #[test]
    fn a_small_file_that_unpacks_to_a_huge_one_is_refused() {
        let mut bomb = zip::ZipWriter::new(Cursor::new(Vec::new()));
        bomb.start_file("xl/workbook.xml", zip::write::SimpleFileOptions::default()).unwrap();
        bomb.write_all(&vec![0; 1 << 20]).unwrap();
        let file = bomb.finish().unwrap().into_inner();
        assert!(file.len() < 1 << 12);
        assert_eq!(check_unpacked(&file, 1 << 20), Ok(()));
        assert_eq!(check_unpacked(&file, (1 << 20) - 1), Err(Fault::TooLarge));
    }
}
