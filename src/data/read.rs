//! From a data folder to raw images: which files make up the parts of each dataset.

use std::fs;
use std::path::{Path, PathBuf};

use super::catalog::{Content, Entry, Kind, Known, entry};
use super::cifar::{self, Records};
use super::file::{Source, candidates, is_named_gz, sha256_hex, unpack};
use super::{DataError, DatasetName, FormatError, Images, digits, idx};

/// A dataset as its files hold it.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The training part, in file order.
    pub train: Images,
    /// The test part, in file order.
    pub test: Images,
    /// The files read.
    pub sources: Vec<Source>,
}

/// Reads both parts of `dataset`, one of images, from the data folder `dir`.
///
/// # Errors
/// A file is missing, unreadable, damaged, or does not fit its companion; or the dataset has no
/// files of its own.
pub fn read(dataset: DatasetName, dir: &Path) -> Result<Raw, DataError> {
    let mut reader = Reader {
        dataset,
        dir,
        entry: entry(dataset),
        sources: Vec::new(),
    };
    let (train, test) = match (dataset, reader.entry.content) {
        (DatasetName::Digits, _) => reader.digits()?,
        (DatasetName::Text | DatasetName::Arrays | DatasetName::Folder | DatasetName::Csv, _) => {
            return Err(DataError::UnknownDataset {
                name: dataset.to_string(),
                nearest: None,
            });
        }
        (_, Content::Idx { .. }) => (reader.idx(true)?, reader.idx(false)?),
        (_, Content::Records(records)) => (
            reader.records(records, true)?,
            reader.records(records, false)?,
        ),
    };
    Ok(Raw {
        train,
        test,
        sources: reader.sources,
    })
}

/// What opening a data file gave.
enum Opened {
    /// Its path and its unpacked bytes.
    Found(PathBuf, Vec<u8>),
    /// The paths looked at in vain.
    Absent(Vec<PathBuf>),
}

struct Reader<'a> {
    dataset: DatasetName,
    dir: &'a Path,
    entry: &'static Entry,
    sources: Vec<Source>,
}

impl Reader<'_> {
    fn digits(&mut self) -> Result<(Images, Images), DataError> {
        let split = digits::split();
        let split = split.map_err(|problem| self.damaged(Path::new("digits"), problem))?;
        self.sources.push(Source {
            name: "digits (embedded)".to_owned(),
            sha256: digits::sha256(),
        });
        Ok(split)
    }

    fn idx(&mut self, train: bool) -> Result<Images, DataError> {
        let (images_path, bytes) = self.required(train, Kind::Images)?;
        let [channels, height, width] = self.entry.shape;
        let images = idx::images(&bytes, [height, width]);
        let images = images.map_err(|e| self.damaged(&images_path, e))?;
        let (labels_path, bytes) = self.required(train, Kind::Labels)?;
        let range = self.entry.labels();
        let mut labels = idx::labels(&bytes, range).map_err(|e| self.damaged(&labels_path, e))?;
        labels.iter_mut().for_each(|label| *label -= range.first);
        if images.count != labels.len() {
            return Err(DataError::Count {
                images_path,
                images: images.count,
                labels_path,
                labels: labels.len(),
                dataset: self.dataset,
                dir: self.dir.to_owned(),
            });
        }
        let pixels = match self.entry.content {
            Content::Idx {
                is_transposed: true,
                ..
            } => transposed(&images.pixels, [height, width]),
            _ => images.pixels,
        };
        Ok(Images {
            shape: [channels, height, width],
            maximum: 255,
            pixels,
            labels,
            classes: self.entry.classes,
        })
    }

    /// All batches of the part that are there; at least one has to be.
    fn records(&mut self, records: Records, train: bool) -> Result<Images, DataError> {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        let mut looked = Vec::new();
        for file in self.files(train, Kind::Records) {
            match self.open(file)? {
                Opened::Found(path, bytes) => {
                    records
                        .append(&bytes, &mut pixels, &mut labels)
                        .map_err(|e| self.damaged(&path, e))?;
                }
                Opened::Absent(paths) => looked.extend(paths),
            }
        }
        if labels.is_empty() {
            return Err(self.missing(train, Kind::Records, looked));
        }
        Ok(Images {
            shape: cifar::SHAPE,
            maximum: 255,
            pixels,
            labels,
            classes: records.classes,
        })
    }

    fn files(&self, train: bool, kind: Kind) -> impl Iterator<Item = &'static Known> + use<> {
        let files = self.entry.files.iter();
        files.filter(move |file| file.train == train && file.kind == kind)
    }

    /// The path and the unpacked bytes of the part's only file of this kind.
    fn required(&mut self, train: bool, kind: Kind) -> Result<(PathBuf, Vec<u8>), DataError> {
        let mut looked = Vec::new();
        for file in self.files(train, kind) {
            match self.open(file)? {
                Opened::Found(path, bytes) => return Ok((path, bytes)),
                Opened::Absent(paths) => looked.extend(paths),
            }
        }
        Err(self.missing(train, kind, looked))
    }

    /// Reads a file, gzipped or plain, when it is there.
    fn open(&mut self, file: &Known) -> Result<Opened, DataError> {
        let looked = candidates(&self.dir.join(self.entry.folder), file.name);
        let Some(path) = looked.iter().find(|path| path.exists()) else {
            return Ok(Opened::Absent(looked));
        };
        let raw = fs::read(path).map_err(|reason| DataError::Read {
            path: path.clone(),
            reason,
        })?;
        let name = path.strip_prefix(self.dir).unwrap_or(path);
        self.sources.push(Source {
            name: name.to_string_lossy().replace('\\', "/"),
            sha256: sha256_hex(&raw),
        });
        let bytes = unpack(raw, is_named_gz(path)).map_err(|e| self.damaged(path, e))?;
        Ok(Opened::Found(path.clone(), bytes))
    }

    fn damaged(&self, path: &Path, problem: FormatError) -> DataError {
        DataError::Format {
            path: path.to_owned(),
            problem,
            dataset: self.dataset,
            dir: self.dir.to_owned(),
        }
    }

    fn missing(&self, train: bool, kind: Kind, looked: Vec<PathBuf>) -> DataError {
        let part = match (train, kind) {
            (true, Kind::Images) => "training images",
            (true, Kind::Labels) => "training labels",
            (true, Kind::Records) => "training batches",
            (false, Kind::Images) => "test images",
            (false, Kind::Labels) => "test labels",
            (false, Kind::Records) => "test batch",
        };
        DataError::Missing {
            dataset: self.dataset,
            part,
            looked,
            dir: self.dir.to_owned(),
        }
    }
}

/// Images of `height × width` pixels that are stored column by column, put row by row.
fn transposed(stored: &[u8], [height, width]: [usize; 2]) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(stored.len());
    for image in stored.chunks_exact((height * width).max(1)) {
        for row in 0..height {
            pixels.extend(image[row..].iter().step_by(height));
        }
    }
    pixels
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::gzip::tests::gzip;
    use super::*;

    /// A data folder with an MNIST of `train` and `test` labels and blank images.
    pub(crate) fn small_mnist(train: &[u8], test: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("mnist");
        fs::create_dir(&folder).unwrap();
        for (part, labels) in [("train", train), ("t10k", test)] {
            let pixels = vec![7; labels.len() * 784];
            let images = idx::tests::write_images(labels.len() as u32, [28, 28], &pixels);
            let path = folder.join(format!("{part}-images-idx3-ubyte.gz"));
            fs::write(path, gzip(&images)).unwrap();
            let path = folder.join(format!("{part}-labels-idx1-ubyte"));
            fs::write(path, idx::tests::write_labels(labels)).unwrap();
        }
        dir
    }

    fn message(dir: &Path, dataset: DatasetName) -> String {
        read(dataset, dir).unwrap_err().to_string()
    }

    #[test]
    fn packed_and_plain_files_are_read_together_and_named_as_sources() {
        let dir = small_mnist(&[1, 2, 3], &[4]);
        let raw = read(DatasetName::Mnist, dir.path()).unwrap();
        assert_eq!(raw.train.labels, [1, 2, 3]);
        assert_eq!(raw.test.pixels, [7; 784]);
        let names: Vec<_> = raw
            .sources
            .iter()
            .map(|source| source.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "mnist/train-images-idx3-ubyte.gz",
                "mnist/train-labels-idx1-ubyte",
                "mnist/t10k-images-idx3-ubyte.gz",
                "mnist/t10k-labels-idx1-ubyte",
            ]
        );
        assert_eq!(
            raw.sources[1].sha256,
            sha256_hex(&idx::tests::write_labels(&[1, 2, 3]))
        );
    }

    #[test]
    fn a_missing_file_says_where_it_was_looked_for() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().display();
        assert_eq!(
            message(dir.path(), DatasetName::Mnist),
            format!(
                "MNIST training images not found: looked for {root}/mnist/train-images-idx3-ubyte.gz \
                 and {root}/mnist/train-images-idx3-ubyte. Run `lab data fetch mnist --dir {root}`, \
                 or point --data-dir (or LAB_DATA_DIR) at a folder that has them."
            )
        );
        let cifar = message(dir.path(), DatasetName::Cifar10);
        assert!(cifar.starts_with("CIFAR-10 training batches not found: looked for "));
        assert!(cifar.contains("data_batch_5.bin. Run `lab data fetch cifar10 "));
    }

    #[test]
    fn counts_that_differ_name_both_files() {
        let dir = small_mnist(&[1, 2, 3], &[4]);
        let labels = dir.path().join("mnist/train-labels-idx1-ubyte");
        fs::write(labels, idx::tests::write_labels(&[1, 2])).unwrap();
        let message = message(dir.path(), DatasetName::Mnist);
        assert!(message.contains("holds 3 images but "), "{message}");
        assert!(message.contains("holds 2 labels."), "{message}");
    }

    #[test]
    fn a_file_in_several_gzip_members_is_read_whole() {
        let dir = small_mnist(&[1, 2, 3], &[4]);
        let path = dir.path().join("mnist/train-images-idx3-ubyte.gz");
        let pixels: Vec<u8> = (0..3 * 784).map(|index| index as u8).collect();
        let bytes = idx::tests::write_images(3, [28, 28], &pixels);
        let members: Vec<Vec<u8>> = bytes.chunks(1000).map(gzip).collect();
        fs::write(&path, members.concat()).unwrap();
        let raw = read(DatasetName::Mnist, dir.path()).unwrap();
        assert_eq!(raw.train.pixels, pixels);
        fs::write(&path, members[..2].concat()).unwrap();
        let text = message(dir.path(), DatasetName::Mnist);
        assert!(text.contains("wrong length: found 2000 bytes, expected 2368"));
    }

    #[test]
    fn a_file_without_samples_is_named_in_either_part() {
        for (train, test, file, what) in [
            (&[][..], &[4][..], "train-images-idx3-ubyte.gz", "images"),
            (&[1], &[], "t10k-images-idx3-ubyte.gz", "images"),
        ] {
            let dir = small_mnist(train, test);
            let text = message(dir.path(), DatasetName::Mnist);
            let expected = format!("{file}: it holds 0 {what}, expected at least 1. Run `lab data");
            assert!(text.contains(&expected), "{text}");
        }
        let dir = small_mnist(&[1], &[4]);
        let labels = dir.path().join("mnist/train-labels-idx1-ubyte");
        fs::write(labels, idx::tests::write_labels(&[])).unwrap();
        let text = message(dir.path(), DatasetName::Mnist);
        assert!(
            text.contains("labels-idx1-ubyte: it holds 0 labels, expected"),
            "{text}"
        );
    }

    #[test]
    fn images_of_another_size_and_damaged_files_are_named() {
        let dir = small_mnist(&[1], &[4]);
        let path = dir.path().join("mnist/train-images-idx3-ubyte.gz");
        let small = idx::tests::write_images(1, [8, 8], &[0; 64]);
        fs::write(&path, gzip(&small)).unwrap();
        let text = message(dir.path(), DatasetName::Mnist);
        assert!(text.contains("wrong image size: found 8×8, expected 28×28. Run `lab data fetch"));
        fs::write(&path, &gzip(&small)[..20]).unwrap();
        let text = message(dir.path(), DatasetName::Mnist);
        assert!(
            text.contains("ubyte.gz: the gzip data is damaged ("),
            "{text}"
        );
        fs::write(&path, "<html>not here</html>").unwrap();
        let text = message(dir.path(), DatasetName::Mnist);
        assert!(
            text.contains("it does not start as gzip data does"),
            "{text}"
        );
    }

    #[test]
    fn any_batches_of_cifar_make_a_training_part() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("cifar-10-batches-bin");
        fs::create_dir(&folder).unwrap();
        fs::write(
            folder.join("data_batch_2.bin"),
            cifar::tests::write(&[1, 2]),
        )
        .unwrap();
        fs::write(folder.join("data_batch_5.bin"), cifar::tests::write(&[3])).unwrap();
        let text = message(dir.path(), DatasetName::Cifar10);
        assert!(text.starts_with("CIFAR-10 test batch not found"), "{text}");
        fs::write(folder.join("test_batch.bin"), cifar::tests::write(&[9])).unwrap();
        let raw = read(DatasetName::Cifar10, dir.path()).unwrap();
        assert_eq!(raw.train.labels, [1, 2, 3]);
        assert_eq!(raw.test.shape, [3, 32, 32]);
        fs::write(folder.join("test_batch.bin"), [0; 100]).unwrap();
        let text = message(dir.path(), DatasetName::Cifar10);
        assert!(
            text.contains("whole number (at least one) of 3073-byte records"),
            "{text}"
        );
    }

    #[test]
    fn a_folder_in_place_of_a_file_is_an_error_not_a_panic() {
        let dir = small_mnist(&[1], &[4]);
        let path = dir.path().join("mnist/train-images-idx3-ubyte.gz");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(message(dir.path(), DatasetName::Mnist).starts_with("cannot read "));
    }

    #[test]
    fn emnist_is_put_upright_and_its_letters_numbered_from_0() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("emnist");
        fs::create_dir(&folder).unwrap();
        // The first row of each image, as it is stored, is bright: its first column, upright.
        let stored: Vec<u8> = (0..784).map(|index| u8::from(index < 28)).collect();
        for part in ["train", "test"] {
            let images = idx::tests::write_images(2, [28, 28], &stored.repeat(2));
            let path = folder.join(format!("emnist-letters-{part}-images-idx3-ubyte.gz"));
            fs::write(path, gzip(&images)).unwrap();
            let path = folder.join(format!("emnist-letters-{part}-labels-idx1-ubyte"));
            fs::write(path, idx::tests::write_labels(&[1, 26])).unwrap();
        }
        let raw = read(DatasetName::EmnistLetters, dir.path()).unwrap();
        assert_eq!((raw.train.labels, raw.train.classes), (vec![0, 25], 26));
        let upright: Vec<u8> = (0..784).map(|index| u8::from(index % 28 == 0)).collect();
        assert_eq!(raw.test.pixels, upright.repeat(2));
        let path = folder.join("emnist-letters-train-labels-idx1-ubyte");
        fs::write(&path, idx::tests::write_labels(&[0, 26])).unwrap();
        let text = message(dir.path(), DatasetName::EmnistLetters);
        assert!(
            text.contains(
                "has label 0, but labels run from 1 to 26. Run `lab data fetch emnist-letters "
            ),
            "{text}"
        );
    }

    #[test]
    fn images_of_more_columns_than_rows_are_put_row_by_row() {
        assert_eq!(transposed(&[1, 4, 2, 5, 3, 6], [2, 3]), [1, 2, 3, 4, 5, 6]);
    }
}
