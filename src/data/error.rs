//! What can go wrong with data, in words that say how to mend it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use super::{DatasetName, FormatError};

/// Everything the data layer can fail with. Each message names the file or the config key, what is
/// wrong, and what mends it.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No dataset has this name.
    #[error("unknown dataset `{name}`{} Known datasets: {}.", suggestion(*nearest), known())]
    UnknownDataset {
        /// What was asked for.
        name: String,
        /// The dataset with the most similar name.
        nearest: Option<DatasetName>,
    },
    /// A file of the dataset is not in the data folder.
    #[error(
        "{} {part} not found: looked for {}. Run {}, or point --data-dir (or LAB_DATA_DIR) at a folder that has them.",
        dataset.title(), looked_for(looked), mend(*dataset, dir)
    )]
    Missing {
        /// The dataset.
        dataset: DatasetName,
        /// What the file holds: "training images", "test labels", …
        part: &'static str,
        /// The paths tried.
        looked: Vec<PathBuf>,
        /// The data folder.
        dir: PathBuf,
    },
    /// A file is there but cannot be read.
    #[error("cannot read {}: {reason}. Check the file's permissions, or point --data-dir (or LAB_DATA_DIR) elsewhere.", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// A file's bytes are not what its format says.
    #[error("{}: {problem}. Run {} to replace it.", path.display(), mend(*dataset, dir))]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: FormatError,
        /// The dataset it belongs to.
        dataset: DatasetName,
        /// The data folder.
        dir: PathBuf,
    },
    /// A text cannot serve as data.
    #[error("cannot use `data.file` = {}: {reason}. A relative path begins at the data folder (--data-dir or LAB_DATA_DIR).", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Images and labels do not belong together.
    #[error(
        "{} holds {images} images but {} holds {labels} labels. Move both away and run {}.",
        images_path.display(), labels_path.display(), mend(*dataset, dir)
    )]
    Count {
        /// The file of images.
        images_path: PathBuf,
        /// How many it holds.
        images: usize,
        /// The file of labels.
        labels_path: PathBuf,
        /// How many it holds.
        labels: usize,
        /// The dataset.
        dataset: DatasetName,
        /// The data folder.
        dir: PathBuf,
    },
    /// Data of the user's own cannot be used.
    #[error("cannot use `data.{key}` = {}: {reason}", path.display())]
    Own {
        /// The key that names it, without its table.
        key: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why, and what mends it.
        reason: String,
    },
    /// Something needs classes, and the targets are numbers.
    #[error("`{key}` needs classes, and the targets of this data are numbers. Leave the key out.")]
    NoClasses {
        /// The key.
        key: &'static str,
    },
    /// The config asks for more samples than there are, or for none.
    #[error(
        "`{key}` = {value} is out of range: this data has {available} samples there, so give a number from 1 to {available}, or leave the key out for all of them."
    )]
    Amount {
        /// `data.train` or `data.test`.
        key: &'static str,
        /// What the config says.
        value: usize,
        /// How many samples there are.
        available: usize,
    },
    /// The list of classes to keep is not usable.
    #[error("`data.classes` = {value:?} is wrong: {reason}. Give different labels from 0 to {}, for example [0, 1].", classes.saturating_sub(1))]
    Classes {
        /// What the config says.
        value: Vec<u8>,
        /// What is wrong with it.
        reason: String,
        /// The number of classes of the dataset.
        classes: usize,
    },
    /// There are means and deviations for other channels than those of the images.
    #[error(
        "`data.normalize` has means and deviations for another number of channels: the images of {dataset} have {channels}. Give one of each for all channels, or {channels}."
    )]
    Channels {
        /// The dataset.
        dataset: DatasetName,
        /// The channels of its images.
        channels: usize,
    },
    /// No sample is left of one part.
    #[error(
        "`data.classes` leaves no sample in the {part} part of {dataset}. Name classes that occur in it."
    )]
    Empty {
        /// "training" or "test".
        part: &'static str,
        /// The dataset.
        dataset: DatasetName,
    },
    /// There are too few training samples to hold some out.
    #[error(
        "`data.held_out` needs two training samples at least: one to train on, one to hold out."
    )]
    NothingToHoldOut,
    /// There are too few samples to draw a test part.
    #[error(
        "a test part is drawn from the data (`data.test_share`), and that needs two samples at least: one to train on, one to test with."
    )]
    NothingToTest,
    /// The share of noisy labels is not a share.
    #[error("`data.label_noise` = {value} is out of range: give a number from 0 to 1.")]
    LabelNoise {
        /// What the config says.
        value: f64,
    },
    /// A file of the user's own stands where a download would go.
    #[error("{} is readable ({samples} samples) but not the official file, and is not overwritten. Move it away, or fetch into another folder with --dir.", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
        /// How many samples it holds.
        samples: usize,
    },
    /// No mirror delivered a file.
    #[error(
        "cannot download {file}: no mirror delivered it.{}\nCheck the connection and run the command again (it resumes), or set LAB_DATA_MIRROR to the base URL of a mirror laid out as the data folder.",
        tried_list(tried)
    )]
    Download {
        /// The file's name.
        file: String,
        /// Every URL tried and why it failed.
        tried: Vec<(String, String)>,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {reason}. Check the free space and the permissions of the folder, or choose another with --dir.", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

impl DataError {
    /// Whether the input (config, flags, data files) is at fault rather than the network or the
    /// disk; decides between the exit codes 2 and 1.
    pub fn is_input(&self) -> bool {
        !matches!(self, Self::Download { .. } | Self::Write { .. })
    }
}

/// The command that fetches `dataset` into `dir`, in backquotes.
pub(super) fn mend(dataset: DatasetName, dir: &Path) -> String {
    let dir = dir.display().to_string();
    if dir.contains(char::is_whitespace) {
        format!("`lab data fetch {dataset} --dir \"{dir}\"`")
    } else {
        format!("`lab data fetch {dataset} --dir {dir}`")
    }
}

fn suggestion(nearest: Option<DatasetName>) -> String {
    match nearest {
        Some(name) => format!(": did you mean `{name}`?"),
        None => ".".to_owned(),
    }
}

fn known() -> String {
    DatasetName::CATALOGUE
        .iter()
        .map(|name| name.key())
        .collect::<Vec<_>>()
        .join(", ")
}

fn looked_for(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(" and ")
}

fn tried_list(tried: &[(String, String)]) -> String {
    let mut text = String::new();
    for (url, reason) in tried {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {url}: {reason}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::format::LabelRange;
    use super::*;

    fn format(problem: FormatError) -> String {
        DataError::Format {
            path: "d/mnist/x.gz".into(),
            problem,
            dataset: DatasetName::Mnist,
            dir: "d".into(),
        }
        .to_string()
    }

    #[test]
    fn a_missing_file_names_both_paths_and_the_command() {
        let error = DataError::Missing {
            dataset: DatasetName::Mnist,
            part: "training images",
            looked: vec!["d/mnist/a.gz".into(), "d/mnist/a".into()],
            dir: "d".into(),
        };
        assert_eq!(
            error.to_string(),
            "MNIST training images not found: looked for d/mnist/a.gz and d/mnist/a. \
             Run `lab data fetch mnist --dir d`, or point --data-dir (or LAB_DATA_DIR) at a folder that has them."
        );
        assert!(error.is_input());
    }

    #[test]
    fn every_damage_says_what_was_found_and_how_to_replace_the_file() {
        let tail = ". Run `lab data fetch mnist --dir d` to replace it.";
        let cases = [
            (
                FormatError::Gzip {
                    reason: "corrupt deflate stream".into(),
                },
                "the gzip data is damaged (corrupt deflate stream)",
            ),
            (
                FormatError::Magic {
                    what: "images",
                    found: 0x801,
                    expected: 0x803,
                },
                "not an IDX file of images: it starts with 0x00000801, expected 0x00000803",
            ),
            (
                FormatError::Header {
                    found: 3,
                    expected: 16,
                },
                "the header is cut short: found 3 bytes, expected at least 16",
            ),
            (
                FormatError::Length {
                    found: 10,
                    expected: 800,
                },
                "wrong length: found 10 bytes, expected 800",
            ),
            (
                FormatError::Length {
                    found: 801,
                    expected: 800,
                },
                "wrong length: found at least 801 bytes, expected 800",
            ),
            (
                FormatError::NoSamples { what: "labels" },
                "it holds 0 labels, expected at least 1",
            ),
            (
                FormatError::Size {
                    found: [8, 9],
                    expected: [28, 28],
                },
                "wrong image size: found 8×9, expected 28×28",
            ),
            (
                FormatError::Label {
                    index: 7,
                    label: 12,
                    labels: LabelRange::of(0, 10),
                },
                "sample 7 (counted from 0) has label 12, but labels run from 0 to 9",
            ),
            (
                FormatError::Records {
                    found: 3000,
                    record: 3073,
                },
                "wrong length: found 3000 bytes, expected a whole number (at least one) of 3073-byte records",
            ),
            (
                FormatError::Archive {
                    reason: "no end".into(),
                },
                "the archive is damaged (no end)",
            ),
        ];
        for (problem, text) in cases {
            assert_eq!(format(problem), format!("d/mnist/x.gz: {text}{tail}"));
        }
    }

    #[test]
    fn a_count_mismatch_names_both_files() {
        let error = DataError::Count {
            images_path: "d/i".into(),
            images: 3,
            labels_path: "d/l".into(),
            labels: 2,
            dataset: DatasetName::FashionMnist,
            dir: "my data".into(),
        };
        assert_eq!(
            error.to_string(),
            "d/i holds 3 images but d/l holds 2 labels. \
             Move both away and run `lab data fetch fashion-mnist --dir \"my data\"`."
        );
    }

    #[test]
    fn config_errors_name_the_key_the_value_and_the_range() {
        let error = DataError::Amount {
            key: "data.train",
            value: 70000,
            available: 60000,
        };
        assert_eq!(
            error.to_string(),
            "`data.train` = 70000 is out of range: this data has 60000 samples there, \
             so give a number from 1 to 60000, or leave the key out for all of them."
        );
        let error = DataError::LabelNoise { value: 1.5 };
        assert_eq!(
            error.to_string(),
            "`data.label_noise` = 1.5 is out of range: give a number from 0 to 1."
        );
        let error = DataError::Classes {
            value: vec![1, 1],
            reason: "1 is listed twice".into(),
            classes: 10,
        };
        assert_eq!(
            error.to_string(),
            "`data.classes` = [1, 1] is wrong: 1 is listed twice. \
             Give different labels from 0 to 9, for example [0, 1]."
        );
    }

    #[test]
    fn a_failed_download_lists_every_mirror_with_its_reason() {
        let error = DataError::Download {
            file: "x.gz".into(),
            tried: vec![("http://a/x.gz".into(), "HTTP 404".into())],
        };
        assert_eq!(
            error.to_string(),
            "cannot download x.gz: no mirror delivered it.\n  http://a/x.gz: HTTP 404\n\
             Check the connection and run the command again (it resumes), or set LAB_DATA_MIRROR \
             to the base URL of a mirror laid out as the data folder."
        );
        assert!(!error.is_input());
    }
}
