//! Which datasets there are, and what of them a data folder holds.

use std::fs;
use std::path::{Path, PathBuf};

use super::catalog::{Content, Entry, Kind, Known, entry};
use super::file::{candidates, head};
use super::{DatasetName, error, idx};

/// One line of the table of datasets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// The dataset.
    pub dataset: DatasetName,
    /// Whether a run can use it as it is; file contents are only looked at by `verify`.
    pub present: bool,
    /// The folder it is or would be in; none for embedded data.
    pub folder: Option<PathBuf>,
    /// Training samples found, by the files' headers and lengths.
    pub train: Option<usize>,
    /// Test samples found.
    pub test: Option<usize>,
    /// Official files that are absent (both gzipped and plain).
    pub missing: Vec<String>,
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// The number of classes.
    pub classes: usize,
    /// The licence and whose work it is.
    pub licence: &'static str,
    /// How to get it: a command in backquotes, or why none is needed.
    pub how: String,
}

/// What the data folder `dir` holds of every dataset. Reads headers only.
pub fn list(dir: &Path) -> Vec<ListRow> {
    DatasetName::CATALOGUE
        .iter()
        .map(|&dataset| row(dataset, dir))
        .collect()
}

fn row(dataset: DatasetName, dir: &Path) -> ListRow {
    let entry = entry(dataset);
    let mut row = ListRow {
        dataset,
        present: true,
        folder: None,
        train: Some(1297),
        test: Some(500),
        missing: Vec::new(),
        shape: entry.shape,
        classes: entry.classes,
        licence: entry.licence,
        how: "embedded in the program".to_owned(),
    };
    if dataset == DatasetName::Digits {
        return row;
    }
    let folder = dir.join(entry.folder);
    let counts: Vec<Option<usize>> = entry
        .files
        .iter()
        .map(|file| count(entry, &folder, file))
        .collect();
    for (file, count) in entry.files.iter().zip(&counts) {
        if count.is_none() {
            row.missing.push(file.name.to_owned());
        }
    }
    let part = |train: bool| {
        let found = entry.files.iter().zip(&counts);
        let of_part = found.filter(|(file, _)| file.train == train);
        match entry.content {
            // Any batches will do.
            Content::Records(_) => of_part.filter_map(|(_, count)| *count).reduce(|a, b| a + b),
            // Images and labels are both needed.
            Content::Idx { .. } => of_part.map(|(_, count)| *count).min().flatten(),
        }
    };
    (row.train, row.test) = (part(true), part(false));
    row.present = row.train.is_some() && row.test.is_some();
    row.folder = Some(folder);
    row.how = error::mend(dataset, dir);
    row
}

/// The samples a file announces; none when it is absent or not readable.
fn count(entry: &Entry, folder: &Path, file: &Known) -> Option<usize> {
    let path = candidates(folder, file.name)
        .into_iter()
        .find(|path| path.is_file())?;
    match (file.kind, entry.content) {
        (Kind::Records, Content::Records(records)) => {
            let length = fs::metadata(&path).ok()?.len();
            Some(length as usize / records.length()).filter(|&count| count > 0)
        }
        _ => idx::announced(&head(&path, 8).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cifar;
    use super::super::gzip::tests::gzip;
    use super::*;

    #[test]
    fn an_empty_folder_has_only_the_digits() {
        let folder = tempfile::tempdir().unwrap();
        let rows = list(folder.path());
        let present = rows.iter().filter(|row| row.present);
        let present: Vec<_> = present.map(|row| row.dataset).collect();
        assert_eq!(present, [DatasetName::Digits]);
        let classes = |name| rows.iter().find(|row| row.dataset == name).unwrap().classes;
        let of = [
            DatasetName::EmnistLetters,
            DatasetName::Cifar100,
            DatasetName::Kmnist,
        ];
        assert_eq!(of.map(classes), [26, 100, 10]);
        assert_eq!(rows[0].folder, None);
        assert_eq!(rows[1].missing.len(), 4);
        assert_eq!(rows[1].train, None);
        assert!(rows[1].how.starts_with("`lab data fetch mnist --dir "));
    }

    #[test]
    fn files_are_counted_from_their_heads() {
        let dir = tempfile::tempdir().unwrap();
        let mnist = dir.path().join("mnist");
        let cifar = dir.path().join("cifar-10-batches-bin");
        fs::create_dir_all(&mnist).unwrap();
        fs::create_dir_all(&cifar).unwrap();
        let images = idx::tests::write_images(3, [28, 28], &[0; 3 * 784]);
        let labels = idx::tests::write_labels(&[0, 1, 2]);
        fs::write(mnist.join("train-images-idx3-ubyte.gz"), gzip(&images)).unwrap();
        fs::write(mnist.join("train-labels-idx1-ubyte"), &labels).unwrap();
        fs::write(mnist.join("t10k-images-idx3-ubyte"), &images).unwrap();
        fs::write(cifar.join("data_batch_2.bin"), cifar::tests::write(&[1; 4])).unwrap();
        fs::write(cifar.join("data_batch_4.bin"), cifar::tests::write(&[1; 2])).unwrap();
        fs::write(cifar.join("test_batch.bin"), cifar::tests::write(&[1; 5])).unwrap();
        let rows = list(dir.path());
        assert_eq!((rows[1].train, rows[1].test), (Some(3), None));
        assert!(!rows[1].present);
        assert_eq!(rows[1].missing, ["t10k-labels-idx1-ubyte.gz"]);
        let is_it = |row: &&ListRow| row.dataset == DatasetName::Cifar10;
        let row = rows.iter().find(is_it).unwrap();
        assert_eq!((row.train, row.test), (Some(6), Some(5)));
        assert!(row.present);
        assert_eq!(row.missing.len(), 3);
    }
}
