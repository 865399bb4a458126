//! What data can be asked for and how they can be served, as configs say it.

words! {
    /// The data to learn from (`data.dataset`).
    DatasetName {
        /// The small embedded digits set; the default, needs no download.
        #[default]
        Digits = "digits",
        /// MNIST.
        Mnist = "mnist",
        /// Fashion-MNIST.
        FashionMnist = "fashion-mnist",
        /// KMNIST: ten characters of cursive Japanese.
        Kmnist = "kmnist",
        /// EMNIST, digits and letters in 47 classes, as many of each.
        EmnistBalanced = "emnist-balanced",
        /// EMNIST, digits and letters in 62 classes.
        EmnistByClass = "emnist-byclass",
        /// EMNIST, digits and letters in 47 classes, without those capitals that look like small letters.
        EmnistByMerge = "emnist-bymerge",
        /// EMNIST, letters in 26 classes.
        EmnistLetters = "emnist-letters",
        /// EMNIST, digits.
        EmnistDigits = "emnist-digits",
        /// EMNIST, as many digits as MNIST has.
        EmnistMnist = "emnist-mnist",
        /// CIFAR-10.
        Cifar10 = "cifar10",
        /// CIFAR-100 by its 100 classes.
        Cifar100 = "cifar100",
        /// CIFAR-100 by its 20 classes of five classes each.
        Cifar100Coarse = "cifar100-coarse",
        /// A text file of the user's own (`data.file`), to be predicted character by character.
        Text = "text",
        /// Arrays of the user's own, in files of NumPy.
        Arrays = "arrays",
        /// Pictures of the user's own, in a folder for each class.
        Folder = "folder",
        /// A table of the user's own, in text.
        Csv = "csv",
    }
}

impl DatasetName {
    /// The data sets of labelled images that are known, with files and a place to get them from.
    pub const CATALOGUE: &'static [Self] = &[
        Self::Digits,
        Self::Mnist,
        Self::FashionMnist,
        Self::Kmnist,
        Self::EmnistBalanced,
        Self::EmnistByClass,
        Self::EmnistByMerge,
        Self::EmnistLetters,
        Self::EmnistDigits,
        Self::EmnistMnist,
        Self::Cifar10,
        Self::Cifar100,
        Self::Cifar100Coarse,
    ];

    /// The words of data of the user's own, but for text.
    pub const OWN_WORDS: &'static [&'static str] = &[
        Self::Arrays.as_str(),
        Self::Folder.as_str(),
        Self::Csv.as_str(),
    ];

    /// The words of all that are no sequences of tokens.
    pub const ALL_BUT_TEXT_WORDS: &'static [&'static str] = &[
        Self::Digits.as_str(),
        Self::Mnist.as_str(),
        Self::FashionMnist.as_str(),
        Self::Kmnist.as_str(),
        Self::EmnistBalanced.as_str(),
        Self::EmnistByClass.as_str(),
        Self::EmnistByMerge.as_str(),
        Self::EmnistLetters.as_str(),
        Self::EmnistDigits.as_str(),
        Self::EmnistMnist.as_str(),
        Self::Cifar10.as_str(),
        Self::Cifar100.as_str(),
        Self::Cifar100Coarse.as_str(),
        Self::Arrays.as_str(),
        Self::Folder.as_str(),
        Self::Csv.as_str(),
    ];

    /// Why a change of an image may give it another class, if it may.
    pub(crate) fn loses_class_by(self, change: Augment) -> Option<&'static str> {
        match (change, self) {
            (_, Self::Csv) => Some("a row of a table is no image"),
            (Augment::Flip, Self::Digits | Self::Mnist) => Some("a mirrored digit is another sign"),
            (
                Augment::Flip,
                Self::Kmnist
                | Self::EmnistBalanced
                | Self::EmnistByClass
                | Self::EmnistByMerge
                | Self::EmnistLetters
                | Self::EmnistDigits
                | Self::EmnistMnist,
            ) => Some("a mirrored character is another sign"),
            (Augment::Crop, Self::Digits) => Some("4 pixels are half of an image"),
            _ => None,
        }
    }
}

words! {
    /// What is to be predicted (`data.task`).
    Task {
        /// One of some classes; the default.
        #[default]
        Classification = "classification",
        /// One or several numbers, by the square loss.
        Regression = "regression",
    }
}

words! {
    /// How labels become classes (`data.labels`).
    Labels {
        /// They are the numbers of the classes, from 0 on; texts are sorted all the same. The default.
        #[default]
        Indices = "indices",
        /// Whatever they are, they are numbered in ascending order.
        Sorted = "sorted",
    }
}

words! {
    /// Where the channels of images in an array are (`data.channels`).
    Channels {
        /// Before height and width, as in PyTorch.
        #[default]
        First = "first",
        /// After them, as in Keras.
        Last = "last",
    }
}

words! {
    /// Which samples to keep when fewer than all are asked for (`data.subset`).
    Subset {
        /// The first ones of the file; the default.
        #[default]
        First = "first",
        /// The same share of every class.
        Stratified = "stratified",
        /// A random choice, fixed by the seed.
        Random = "random",
    }
}

words! {
    /// How pixels become numbers (`data.normalize`).
    PixelNormalisation {
        /// Divided by 255; the default.
        #[default]
        Unit = "unit",
        /// Mean 0 and standard deviation 1 over the training part.
        Standard = "standard",
        /// By the means and deviations that models for ImageNet expect.
        ImageNet = "imagenet",
        /// By the means and deviations of the training images of CIFAR-10.
        Cifar = "cifar",
        /// By `data.mean` and `data.deviation`.
        Given = "given",
    }
}

words! {
    /// A random change of training images that keeps their class (`data.augment`).
    Augment {
        /// Left and right are swapped, for half of the images.
        #[default]
        Flip = "flip",
        /// The image is shifted by up to 4 pixels each way, and filled with black.
        Crop = "crop",
    }
}

words! {
    /// How mini-batches are drawn (`train.sampling`).
    Sampling {
        /// A new permutation every epoch; the default.
        #[default]
        Shuffle = "shuffle",
        /// Every sample drawn independently, with replacement.
        Replacement = "replacement",
    }
}
