//! What is known about each dataset: files, digests, mirrors, shape, licence.

use super::cifar::{self, Records};
use super::{DatasetName, format};

/// What a data file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Images,
    Labels,
    Records,
}

/// One official data file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// The file's name in the dataset's folder.
    pub name: &'static str,
    pub kind: Kind,
    /// Whether it belongs to the training part.
    pub train: bool,
    /// The SHA-256 of the official file; none where only that of its archive is published.
    pub sha256: Option<&'static str>,
}

/// The archive that the files of a dataset come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Archive {
    pub name: &'static str,
    pub sha256: &'static str,
    pub kind: ArchiveKind,
}

/// How an archive is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArchiveKind {
    /// A gzipped tape archive.
    Tar,
    /// A zip archive.
    Zip,
}

/// What the files of a dataset hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Images and labels in files of IDX.
    Idx {
        /// The label of the first class.
        first_label: u8,
        /// Whether rows and columns of each image are exchanged.
        is_transposed: bool,
    },
    /// Images behind their labels.
    Records(Records),
}

/// What is known about one dataset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The folder below the data folder; none for embedded data.
    pub folder: &'static str,
    pub files: &'static [Known],
    /// Base URLs of the files, or of the archive they come in.
    pub mirrors: &'static [&'static str],
    /// The archive, where the files come in one.
    pub archive: Option<Archive>,
    pub content: Content,
    pub shape: [usize; 3],
    pub classes: usize,
    pub licence: &'static str,
}

impl Entry {
    /// The labels that the files may hold.
    pub fn labels(&self) -> format::LabelRange {
        let first = match self.content {
            Content::Idx { first_label, .. } => first_label,
            Content::Records(_) => 0,
        };
        format::LabelRange::of(first, self.classes)
    }
}

const fn known(name: &'static str, kind: Kind, train: bool, sha256: &'static str) -> Known {
    Known {
        name,
        kind,
        train,
        sha256: Some(sha256),
    }
}

/// A file of which only the archive has a published digest.
const fn packed(name: &'static str, kind: Kind, train: bool) -> Known {
    Known {
        name,
        kind,
        train,
        sha256: None,
    }
}

/// Files of IDX as they should be.
const PLAIN: Content = Content::Idx {
    first_label: 0,
    is_transposed: false,
};

const DIGITS: Entry = Entry {
    folder: "",
    files: &[],
    mirrors: &[],
    archive: None,
    content: PLAIN,
    shape: [1, 8, 8],
    classes: 10,
    licence: "CC BY 4.0 (Alpaydin and Kaynak, doi:10.24432/C50P49)",
};

const MNIST: Entry = Entry {
    folder: "mnist",
    files: &[
        known(
            "train-images-idx3-ubyte.gz",
            Kind::Images,
            true,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        known(
            "train-labels-idx1-ubyte.gz",
            Kind::Labels,
            true,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        known(
            "t10k-images-idx3-ubyte.gz",
            Kind::Images,
            false,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        known(
            "t10k-labels-idx1-ubyte.gz",
            Kind::Labels,
            false,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ],
    mirrors: &[
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ],
    archive: None,
    content: PLAIN,
    shape: [1, 28, 28],
    classes: 10,
    licence: "none stated (LeCun, Cortes and Burges)",
};

const FASHION_MNIST: Entry = Entry {
    folder: "fashion-mnist",
    files: &[
        known(
            "train-images-idx3-ubyte.gz",
            Kind::Images,
            true,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        known(
            "train-labels-idx1-ubyte.gz",
            Kind::Labels,
            true,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        known(
            "t10k-images-idx3-ubyte.gz",
            Kind::Images,
            false,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        known(
            "t10k-labels-idx1-ubyte.gz",
            Kind::Labels,
            false,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ],
    mirrors: &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ],
    archive: None,
    content: PLAIN,
    shape: [1, 28, 28],
    classes: 10,
    licence: "MIT (Zalando SE)",
};

const CIFAR10: Entry = Entry {
    folder: "cifar-10-batches-bin",
    files: &[
        known(
            "data_batch_1.bin",
            Kind::Records,
            true,
            "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        ),
        known(
            "data_batch_2.bin",
            Kind::Records,
            true,
            "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        ),
        known(
            "data_batch_3.bin",
            Kind::Records,
            true,
            "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        ),
        known(
            "data_batch_4.bin",
            Kind::Records,
            true,
            "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        ),
        known(
            "data_batch_5.bin",
            Kind::Records,
            true,
            "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        ),
        known(
            "test_batch.bin",
            Kind::Records,
            false,
            "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        ),
    ],
    mirrors: &["https://www.cs.toronto.edu/~kriz/"],
    archive: Some(Archive {
        name: "cifar-10-binary.tar.gz",
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        kind: ArchiveKind::Tar,
    }),
    content: Content::Records(Records::CIFAR10),
    shape: cifar::SHAPE,
    classes: 10,
    licence: "none stated (Krizhevsky 2009)",
};

/// Digests from the list of TensorFlow Datasets (`url_checksums/kmnist.txt`).
const KMNIST: Entry = Entry {
    folder: "kmnist",
    files: &[
        known(
            "train-images-idx3-ubyte.gz",
            Kind::Images,
            true,
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ),
        known(
            "train-labels-idx1-ubyte.gz",
            Kind::Labels,
            true,
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        ),
        known(
            "t10k-images-idx3-ubyte.gz",
            Kind::Images,
            false,
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        ),
        known(
            "t10k-labels-idx1-ubyte.gz",
            Kind::Labels,
            false,
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ],
    mirrors: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
    archive: None,
    content: PLAIN,
    shape: [1, 28, 28],
    classes: 10,
    licence: "CC BY-SA 4.0 (KMNIST, CODH, from Kuzushiji, NIJL; doi:10.20676/00000341)",
};

/// The one archive of all parts of EMNIST; its digest is from the list of TensorFlow Datasets
/// (`url_checksums/emnist.txt`).
const EMNIST_ARCHIVE: Archive = Archive {
    name: "gzip.zip",
    sha256: "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
    kind: ArchiveKind::Zip,
};

/// A part of EMNIST. The images of all are stored with rows and columns exchanged.
const fn emnist(files: &'static [Known], first_label: u8, classes: usize) -> Entry {
    Entry {
        folder: "emnist",
        files,
        mirrors: &[
            "https://biometrics.nist.gov/cs_links/EMNIST/",
            "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
        ],
        archive: Some(EMNIST_ARCHIVE),
        content: Content::Idx {
            first_label,
            is_transposed: true,
        },
        shape: [1, 28, 28],
        classes,
        licence: "none stated (Cohen, Afshar, Tapson and van Schaik 2017, from NIST Special Database 19)",
    }
}

/// The files of a part of EMNIST.
macro_rules! emnist_files {
    ($part:literal) => {
        &[
            packed(
                concat!("emnist-", $part, "-train-images-idx3-ubyte.gz"),
                Kind::Images,
                true,
            ),
            packed(
                concat!("emnist-", $part, "-train-labels-idx1-ubyte.gz"),
                Kind::Labels,
                true,
            ),
            packed(
                concat!("emnist-", $part, "-test-images-idx3-ubyte.gz"),
                Kind::Images,
                false,
            ),
            packed(
                concat!("emnist-", $part, "-test-labels-idx1-ubyte.gz"),
                Kind::Labels,
                false,
            ),
        ]
    };
}

const EMNIST_BALANCED: Entry = emnist(emnist_files!("balanced"), 0, 47);
const EMNIST_BYCLASS: Entry = emnist(emnist_files!("byclass"), 0, 62);
const EMNIST_BYMERGE: Entry = emnist(emnist_files!("bymerge"), 0, 47);
// Labels of letters run from 1 to 26 in the files.
const EMNIST_LETTERS: Entry = emnist(emnist_files!("letters"), 1, 26);
const EMNIST_DIGITS: Entry = emnist(emnist_files!("digits"), 0, 10);
const EMNIST_MNIST: Entry = emnist(emnist_files!("mnist"), 0, 10);

const CIFAR100_FILES: &[Known] = &[
    packed("train.bin", Kind::Records, true),
    packed("test.bin", Kind::Records, false),
];

/// CIFAR-100 by one of its two labels; its digest is from the list of TensorFlow Datasets
/// (`url_checksums/cifar100.txt`).
const fn cifar100(records: Records) -> Entry {
    Entry {
        folder: "cifar-100-binary",
        files: CIFAR100_FILES,
        mirrors: &["https://www.cs.toronto.edu/~kriz/"],
        archive: Some(Archive {
            name: "cifar-100-binary.tar.gz",
            sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            kind: ArchiveKind::Tar,
        }),
        content: Content::Records(records),
        shape: cifar::SHAPE,
        classes: records.classes,
        licence: "none stated (Krizhevsky 2009)",
    }
}

const CIFAR100: Entry = cifar100(Records::CIFAR100);
const CIFAR100_COARSE: Entry = cifar100(Records::CIFAR100_COARSE);

/// Nothing is known about the user's own files.
const OWN: Entry = Entry {
    folder: "",
    files: &[],
    mirrors: &[],
    archive: None,
    content: PLAIN,
    shape: [0, 0, 0],
    classes: 0,
    licence: "",
};

/// What is known about `dataset`.
pub(super) fn entry(dataset: DatasetName) -> &'static Entry {
    match dataset {
        DatasetName::Digits => &DIGITS,
        DatasetName::Mnist => &MNIST,
        DatasetName::FashionMnist => &FASHION_MNIST,
        DatasetName::Kmnist => &KMNIST,
        DatasetName::EmnistBalanced => &EMNIST_BALANCED,
        DatasetName::EmnistByClass => &EMNIST_BYCLASS,
        DatasetName::EmnistByMerge => &EMNIST_BYMERGE,
        DatasetName::EmnistLetters => &EMNIST_LETTERS,
        DatasetName::EmnistDigits => &EMNIST_DIGITS,
        DatasetName::EmnistMnist => &EMNIST_MNIST,
        DatasetName::Cifar10 => &CIFAR10,
        DatasetName::Cifar100 => &CIFAR100,
        DatasetName::Cifar100Coarse => &CIFAR100_COARSE,
        DatasetName::Text | DatasetName::Arrays | DatasetName::Folder | DatasetName::Csv => &OWN,
    }
}

/// The files of all datasets that come in an archive.
pub(super) fn files_of(archive: Archive) -> Vec<&'static Known> {
    let mut files: Vec<&Known> = Vec::new();
    let entries = DatasetName::CATALOGUE.iter().map(|&name| entry(name));
    for entry in entries.filter(|entry| entry.archive == Some(archive)) {
        let is_new = |file: &&Known| !files.iter().any(|known| known.name == file.name);
        let more: Vec<&Known> = entry.files.iter().filter(is_new).collect();
        files.extend(more);
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_is_a_sha256_in_lower_case() {
        for &dataset in DatasetName::CATALOGUE {
            let entry = entry(dataset);
            let digests = entry.files.iter().filter_map(|file| file.sha256);
            for digest in digests.chain(entry.archive.map(|archive| archive.sha256)) {
                assert_eq!(digest.len(), 64);
                assert!(
                    digest
                        .bytes()
                        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
                );
            }
            assert!(entry.mirrors.iter().all(|url| url.ends_with('/')));
        }
    }

    #[test]
    fn what_is_downloaded_has_a_digest() {
        for &dataset in DatasetName::CATALOGUE {
            let entry = entry(dataset);
            let is_known = |file: &Known| entry.archive.is_some() || file.sha256.is_some();
            assert!(entry.files.iter().all(is_known), "{dataset}");
        }
        assert_eq!(files_of(EMNIST_ARCHIVE).len(), 24);
    }
}
