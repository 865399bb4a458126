//! `metrics.jsonl`: a row for each measurement and each event, one a line.

use super::error::{display, io_error};
use super::{DirectoryError, RunDirectory};
use crate::linear::Precision;
use crate::measure::Measurement;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A measurement with the run and the moment it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The run's name.
    pub run: String,
    /// The run's seed; none of weights trained elsewhere, unless the command chose one for what a measurement draws.
    #[serde(deserialize_with = "Option::deserialize")]
    pub seed: Option<u64>,
    /// Optimizer steps made before the measurement; not known of weights trained elsewhere.
    pub step: Option<u64>,
    /// The same in epochs; whole at the end of an epoch.
    pub epoch: Option<f64>,
    /// Of an event: the last step before at which it is known not to have happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// What was measured.
    #[serde(flatten)]
    pub measurement: Measurement,
    /// The floating-point type of the computation.
    pub dtype: Precision,
    /// When it was written, in seconds since 1970; not known of rows of earlier versions, nor of those that are not of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_time: Option<f64>,
    /// The version of this program that measured it after the run had ended; none of what was measured while it
    /// trained, which the version in `run.json` did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What `metrics.jsonl` holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The rows by the step that they are of, and of one step as they were written: what was measured after training is
    /// where a hook would have put it.
    pub rows: Vec<Row>,
    /// Whether the last line is torn, as a process leaves it that was killed while it wrote. It is not
    /// among the rows; a run that goes on cuts it off.
    pub is_torn: bool,
}

/// The rows of a run that is being trained, as far as they have been read. Reading them takes no lock and changes
/// nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Following {
    /// The rows, oldest first.
    pub rows: Vec<Row>,
    /// How many bytes of the file they are.
    length: u64,
}

impl Following {
    /// Reads what was appended since the last time; says whether that was anything. A line that is still being
    /// written is left for the next time. Where rows are gone, because the run goes on from a checkpoint before them,
    /// all are read anew.
    ///
    /// # Errors
    ///
    /// The file system's; [`DirectoryError::DamagedRow`] where a whole line is no row.
    pub fn read(&mut self, directory: &RunDirectory) -> Result<bool, DirectoryError> {
        let path = directory.metrics_file();
        let length = directory.metrics_length();
        if length == self.length {
            return Ok(false);
        }
        if length > self.length {
            let bytes = tail(&path, self.length).map_err(|source| io_error(&path, source))?;
            // What begins in the middle of a line was not appended: the file was cut back and written on meanwhile.
            if let Ok(found) = read(&bytes) {
                let whole = bytes.iter().rposition(|&byte| byte == b'\n');
                self.length += whole.map_or(0, |end| end as u64 + 1);
                let is_new = !found.rows.is_empty();
                self.rows.extend(found.rows);
                return Ok(is_new);
            }
        }
        *self = Self::default();
        let bytes = tail(&path, 0).map_err(|source| io_error(&path, source))?;
        let found = read(&bytes).map_err(|damage| damaged(&path, damage))?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n');
        self.length = whole.map_or(0, |end| end as u64 + 1);
        self.rows = found.rows;
        Ok(true)
    }
}

/// Seconds since 1970, to milliseconds: finer times say nothing about a row.
pub fn now() -> f64 {
    Timestamp::now().as_millisecond() as f64 / 1e3
}

fn damaged(path: &Path, (line, reason): (usize, String)) -> DirectoryError {
    DirectoryError::DamagedRow {
        path: display(path),
        line,
        reason,
    }
}

/// The bytes of a file from a place on.
fn tail(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl RunDirectory {
    /// The rows that the run has measured so far; none before the first.
    ///
    /// # Errors
    ///
    /// The file system's; [`DirectoryError::DamagedRow`] where a whole line is no row, and where a finished run has none.
    pub fn rows(&self) -> Result<Rows, DirectoryError> {
        let path = self.metrics_file();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Rows::default()),
            Err(source) => return Err(io_error(&path, source)),
        };
        let mut found = read(&bytes).map_err(|damage| damaged(&path, damage))?;
        if found.rows.is_empty() && self.is_finished() {
            let reason = "there is none, although the run is finished".to_owned();
            return Err(damaged(&path, (1, reason)));
        }
        found.rows.sort_by_key(|row| row.step);
        Ok(found)
    }

    /// Cuts off a last line that is torn.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub(super) fn cut_torn_row(&self) -> Result<(), DirectoryError> {
        let path = self.metrics_file();
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            bytes => bytes.map_err(|source| io_error(&path, source))?,
        };
        let whole = bytes.iter().rposition(|&byte| byte == b'\n');
        let whole = whole.map_or(0, |end| end as u64 + 1);
        match whole < bytes.len() as u64 {
            true => self.truncate_rows(whole),
            false => Ok(()),
        }
    }

    /// The bytes of `metrics.jsonl`.
    pub fn metrics_length(&self) -> u64 {
        fs::metadata(self.metrics_file()).map_or(0, |metadata| metadata.len())
    }

    pub(super) fn metrics_file(&self) -> PathBuf {
        self.path().join("metrics.jsonl")
    }

    /// Appends rows to `metrics.jsonl` in one write; returns its new length.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn append_rows(&self, rows: &[Row]) -> Result<u64, DirectoryError> {
        let path = self.metrics_file();
        let mut text = String::new();
        for row in rows {
            let line = serde_json::to_string(row).map_err(|error| io_error(&path, error.into()))?;
            text.push_str(&line);
            text.push('\n');
        }
        let append = || -> io::Result<u64> {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            let before = file.metadata()?.len();
            file.write_all(text.as_bytes()).inspect_err(|_| {
                // No torn line for a reader to stumble over; a resumed run cuts it off in any case.
                let _ = file.set_len(before);
            })?;
            Ok(before + text.len() as u64)
        };
        append().map_err(|source| io_error(&path, source))
    }

    /// Cuts `metrics.jsonl` back to a length it once had.
    ///
    /// # Errors
    ///
    /// The file system's, or [`DirectoryError::NotARun`] where it is shorter than that.
    pub fn truncate_rows(&self, length: u64) -> Result<(), DirectoryError> {
        let path = self.metrics_file();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| io_error(&path, source))?;
        let found = file
            .metadata()
            .map_err(|source| io_error(&path, source))?
            .len();
        if found < length {
            return Err(DirectoryError::NotARun {
                path: display(self.path()),
                reason: format!(
                    "metrics.jsonl has {found} bytes, the checkpoint was made with {length}"
                ),
            });
        }
        file.set_len(length)
            .and_then(|()| file.sync_all())
            .map_err(|source| io_error(&path, source))
    }
}

/// Rows and what may follow the last whole one; or the number of the first line that is none, from 1, and
/// what is wrong with it. Rows are written with the end of their line, so a last line without one is torn.
fn read(bytes: &[u8]) -> Result<Rows, (usize, String)> {
    let mut lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    let rest = lines.pop().unwrap_or_default();
    let rows = (1..).zip(lines).map(|(number, line)| {
        serde_json::from_slice(line).map_err(|error| (number, error.to_string()))
    });
    Ok(Rows {
        rows: rows.collect::<Result<_, _>>()?,
        is_torn: !rest.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(step: u64) -> Row {
        Row {
            run: "a".to_owned(),
            seed: Some(3),
            step: Some(step),
            epoch: Some(0.1 * step as f64),
            since: step.checked_sub(3),
            measurement: Measurement::new("loss.train", 1.0 / (step as f64 + 3.0)),
            dtype: Precision::F64,
            wall_time: Some(1e9 + 0.001 * step as f64),
            version: None,
        }
    }

    fn directory(folder: &tempfile::TempDir) -> RunDirectory {
        fs::write(folder.path().join("config.toml"), "").unwrap();
        RunDirectory::open(folder.path()).unwrap()
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(&folder);
        assert_eq!(directory.rows().unwrap(), Rows::default());
        let written: Vec<Row> = (0..5).map(row).collect();
        directory.append_rows(&written[..2]).unwrap();
        directory.append_rows(&written[2..]).unwrap();
        let read = directory.rows().unwrap();
        assert_eq!((read.rows, read.is_torn), (written, false));
    }

    #[test]
    fn a_damaged_line_is_named_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(&folder);
        directory.append_rows(&[row(0), row(1), row(2)]).unwrap();
        let path = folder.path().join("metrics.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        for damaged in ["{\"run\":", "", "null"] {
            let mut lines: Vec<&str> = text.lines().collect();
            lines[1] = damaged;
            fs::write(&path, lines.join("\n") + "\n").unwrap();
            let message = directory.rows().unwrap_err().to_string();
            assert!(
                message.contains("metrics.jsonl, line 2, is no row: "),
                "{message}"
            );
        }
    }

    #[test]
    fn rows_are_followed_as_they_are_appended_and_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), "").unwrap();
        let directory = RunDirectory::open(folder.path()).unwrap();
        let mut following = Following::default();
        assert!(!following.read(&directory).unwrap());
        let first = directory.append_rows(&[row(0), row(1)]).unwrap();
        assert!(following.read(&directory).unwrap());
        assert!(!following.read(&directory).unwrap());
        // A line that is being written is read once it is whole.
        let line = serde_json::to_string(&row(2)).unwrap() + "\n";
        let write = |part: &str| {
            let file = OpenOptions::new()
                .append(true)
                .open(directory.metrics_file());
            file.unwrap().write_all(part.as_bytes()).unwrap();
        };
        write(&line[..20]);
        assert!(!following.read(&directory).unwrap());
        write(&line[20..]);
        assert!(following.read(&directory).unwrap());
        assert_eq!(following.rows, [0, 1, 2].map(row));
        // A run that goes on from a checkpoint cuts off what came after it: seen shorter, ...
        directory.truncate_rows(first).unwrap();
        assert!(following.read(&directory).unwrap());
        assert_eq!(following.rows, [0, 1].map(row));
        // ... or already written on beyond where it was.
        let kept = serde_json::to_string(&row(0)).unwrap().len() as u64 + 1;
        directory.truncate_rows(kept).unwrap();
        directory
            .append_rows(&[row(100_007), row(100_008)])
            .unwrap();
        assert!(following.read(&directory).unwrap());
        assert_eq!(following.rows, [0, 100_007, 100_008].map(row));
    }

    proptest! {
        #[test]
        fn wherever_a_file_is_torn_the_whole_lines_before_are_read(part in 0.0..1.0_f64) {
            let rows: Vec<Row> = (0..4).map(row).collect();
            let lines = rows.iter().map(|row| serde_json::to_string(row).unwrap() + "\n");
            let text: String = lines.collect();
            let end = (part * text.len() as f64) as usize;
            let whole = text[..end].matches('\n').count();
            let found = read(&text.as_bytes()[..end]).unwrap();
            prop_assert_eq!(&found.rows[..], &rows[..whole]);
            prop_assert_eq!(found.is_torn, end > 0 && !text[..end].ends_with('\n'));
        }
    }
}
