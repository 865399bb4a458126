//! What is known about each dataset: files, digests, mirrors, shape, licence.

use super::{DatasetName, cifar};

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
    /// The SHA-256 of the official file.
    pub sha256: &'static str,
}

/// What is known about one dataset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The folder below the data folder; none for embedded data.
    pub folder: &'static str,
    pub files: &'static [Known],
    /// Base URLs of the files, or of the archive they come in.
    pub mirrors: &'static [&'static str],
    /// Name and SHA-256 of the archive, where the files come in one.
    pub archive: Option<(&'static str, &'static str)>,
    pub shape: [usize; 3],
    pub licence: &'static str,
}

const fn known(name: &'static str, kind: Kind, train: bool, sha256: &'static str) -> Known {
    Known {
        name,
        kind,
        train,
        sha256,
    }
}

const DIGITS: Entry = Entry {
    folder: "",
    files: &[],
    mirrors: &[],
    archive: None,
    shape: [1, 8, 8],
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
    shape: [1, 28, 28],
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
    shape: [1, 28, 28],
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
    archive: Some((
        "cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    )),
    shape: cifar::SHAPE,
    licence: "none stated (Krizhevsky 2009)",
};

/// Nothing is known about a user's own file.
const TEXT: Entry = Entry {
    folder: "",
    files: &[],
    mirrors: &[],
    archive: None,
    shape: [0, 0, 0],
    licence: "",
};

/// What is known about `dataset`.
pub(super) fn entry(dataset: DatasetName) -> &'static Entry {
    match dataset {
        DatasetName::Digits => &DIGITS,
        DatasetName::Mnist => &MNIST,
        DatasetName::FashionMnist => &FASHION_MNIST,
        DatasetName::Cifar10 => &CIFAR10,
        DatasetName::Text => &TEXT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_is_a_sha256_in_lower_case() {
        for &dataset in DatasetName::IMAGES {
            let entry = entry(dataset);
            let digests = entry.files.iter().map(|file| file.sha256);
            for digest in digests.chain(entry.archive.map(|(_, digest)| digest)) {
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
}
