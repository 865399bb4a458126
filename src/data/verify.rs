//! Whether the files of a dataset are there, official and readable.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use super::catalog::{Content, Entry, Kind, Known, entry};
use super::file::{candidates, is_named_gz, sha256_hex, unpack};
use super::{DatasetName, FormatError, digits, idx};

/// What a look at one data file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Part of the program.
    Embedded {
        /// How many samples it holds.
        samples: usize,
    },
    /// Its SHA-256 is the published one.
    Official {
        /// How many samples it holds.
        samples: usize,
    },
    /// Readable, but not byte for byte the official file: a subset, a repacked or unpacked copy.
    Unofficial {
        /// How many samples it holds.
        samples: usize,
    },
    /// Readable; of this file no digest is published, only of the archive that it comes in.
    Unlisted {
        /// How many samples it holds.
        samples: usize,
    },
    /// There, but not usable.
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// Not there.
    Missing,
}

impl FileState {
    /// Whether a run can read the file.
    pub fn is_usable(&self) -> bool {
        !matches!(self, Self::Damaged { .. } | Self::Missing)
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { samples } => write!(formatter, "embedded ({samples} samples)"),
            Self::Official { samples } => {
                write!(formatter, "ok ({samples} samples, SHA-256 matches)")
            }
            Self::Unofficial { samples } => write!(
                formatter,
                "readable ({samples} samples), but not the official file (SHA-256 differs)"
            ),
            Self::Unlisted { samples } => write!(
                formatter,
                "readable ({samples} samples); a SHA-256 is published of its archive only, which fetching checks"
            ),
            Self::Damaged { reason } => write!(formatter, "damaged: {reason}"),
            Self::Missing => formatter.write_str("missing"),
        }
    }
}

/// One data file and what is the matter with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The dataset it belongs to.
    pub dataset: DatasetName,
    /// The file's name in the dataset's folder.
    pub name: String,
    /// Where it is, or would be; none for embedded data.
    pub path: Option<PathBuf>,
    /// What was found.
    pub state: FileState,
    /// The SHA-256 of the file as it is on disk, when it could be read.
    pub sha256: Option<String>,
    /// The URL it was downloaded from just now; none when it was there already.
    pub downloaded_from: Option<String>,
}

/// Looks at every file of the dataset `name` in the data folder `dir`: compares digests and reads
/// the content.
pub fn verify(name: DatasetName, dir: &Path) -> Vec<FileReport> {
    if name == DatasetName::Digits {
        return vec![embedded()];
    }
    let entry = entry(name);
    let folder = dir.join(entry.folder);
    let files = entry.files.iter();
    files
        .map(|file| inspect(name, entry, &folder, file))
        .collect()
}

fn embedded() -> FileReport {
    FileReport {
        dataset: DatasetName::Digits,
        name: "digits (embedded)".to_owned(),
        path: None,
        state: match digits::all() {
            Ok(images) => FileState::Embedded {
                samples: images.len(),
            },
            Err(problem) => FileState::Damaged {
                reason: problem.to_string(),
            },
        },
        sha256: Some(digits::sha256()),
        downloaded_from: None,
    }
}

/// Looks at one file, gzipped or plain.
pub(super) fn inspect(
    dataset: DatasetName,
    entry: &Entry,
    folder: &Path,
    file: &Known,
) -> FileReport {
    let mut report = FileReport {
        dataset,
        name: file.name.to_owned(),
        path: Some(folder.join(file.name)),
        state: FileState::Missing,
        sha256: None,
        downloaded_from: None,
    };
    let found = candidates(folder, file.name);
    let Some(path) = found.into_iter().find(|path| path.exists()) else {
        return report;
    };
    match fs::read(&path) {
        Err(reason) => {
            report.state = FileState::Damaged {
                reason: reason.to_string(),
            }
        }
        Ok(raw) => {
            let sha256 = sha256_hex(&raw);
            report.state = match samples(raw, is_named_gz(&path), file.kind, entry) {
                Ok(samples) => match file.sha256 {
                    None => FileState::Unlisted { samples },
                    Some(known) if known == sha256 => FileState::Official { samples },
                    Some(_) => FileState::Unofficial { samples },
                },
                Err(problem) => FileState::Damaged {
                    reason: problem.to_string(),
                },
            };
            report.sha256 = Some(sha256);
        }
    }
    report.path = Some(path);
    report
}

/// The number of samples in a file that is well formed.
fn samples(raw: Vec<u8>, named_gz: bool, kind: Kind, entry: &Entry) -> Result<usize, FormatError> {
    let bytes = unpack(raw, named_gz)?;
    let [_, height, width] = entry.shape;
    match (kind, entry.content) {
        (Kind::Records, Content::Records(records)) => records.check(&bytes),
        (Kind::Labels, _) => Ok(idx::labels(&bytes, entry.labels())?.len()),
        _ => Ok(idx::images(&bytes, [height, width])?.count),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::tests::small_mnist;
    use super::*;

    #[test]
    fn embedded_digits_are_in_order() {
        let reports = verify(DatasetName::Digits, Path::new("nowhere"));
        assert_eq!(reports[0].state, FileState::Embedded { samples: 1797 });
        assert!(reports[0].state.is_usable());
    }

    #[test]
    fn each_file_is_told_apart() {
        let dir = small_mnist(&[1, 2], &[3]);
        let mnist = dir.path().join("mnist");
        fs::write(mnist.join("t10k-images-idx3-ubyte.gz"), [0, 0, 8, 3, 0]).unwrap();
        fs::remove_file(mnist.join("t10k-labels-idx1-ubyte")).unwrap();
        let reports = verify(DatasetName::Mnist, dir.path());
        let states: Vec<_> = reports.iter().map(|r| r.state.to_string()).collect();
        assert_eq!(
            states,
            [
                "readable (2 samples), but not the official file (SHA-256 differs)",
                "readable (2 samples), but not the official file (SHA-256 differs)",
                "damaged: the header is cut short: found 5 bytes, expected at least 16",
                "missing",
            ]
        );
        assert_eq!(
            reports[1].path.as_deref(),
            Some(mnist.join("train-labels-idx1-ubyte").as_path())
        );
    }

    #[test]
    fn what_a_run_would_refuse_is_damaged() {
        let dir = small_mnist(&[], &[3]);
        let mnist = dir.path().join("mnist");
        let small = idx::tests::write_images(1, [8, 8], &[0; 64]);
        fs::write(mnist.join("t10k-images-idx3-ubyte.gz"), small).unwrap();
        let reports = verify(DatasetName::Mnist, dir.path());
        let states: Vec<_> = reports.iter().map(|r| r.state.to_string()).collect();
        assert_eq!(
            states[..3],
            [
                "damaged: it holds 0 images, expected at least 1",
                "damaged: it holds 0 labels, expected at least 1",
                "damaged: wrong image size: found 8×8, expected 28×28",
            ]
        );
    }

    #[test]
    fn real_files_are_official_or_said_to_be_a_part() {
        let dir = std::env::var_os("LAB_DATA_DIR").map(PathBuf::from);
        let Some(dir) = dir.filter(|dir| dir.is_dir()) else {
            println!("skipped: LAB_DATA_DIR not set");
            return;
        };
        let states: Vec<_> = verify(DatasetName::Mnist, &dir)
            .into_iter()
            .map(|report| report.state)
            .collect();
        let official = |samples| FileState::Official { samples };
        assert_eq!(
            states,
            [
                official(60_000),
                official(60_000),
                official(10_000),
                official(10_000)
            ]
        );
        for name in [DatasetName::FashionMnist, DatasetName::Cifar10] {
            assert!(
                verify(name, &dir)
                    .iter()
                    .any(|report| report.state.is_usable())
            );
        }
    }
}
