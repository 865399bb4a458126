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
        /// CIFAR-10.
        Cifar10 = "cifar10",
        /// A text file of the user's own (`data.file`), to be predicted character by character.
        Text = "text",
    }
}

impl DatasetName {
    /// The data sets of labelled images, which have files of their own.
    pub const IMAGES: &'static [Self] =
        &[Self::Digits, Self::Mnist, Self::FashionMnist, Self::Cifar10];

    /// Their words.
    pub const IMAGE_WORDS: &'static [&'static str] = &[
        Self::Digits.as_str(),
        Self::Mnist.as_str(),
        Self::FashionMnist.as_str(),
        Self::Cifar10.as_str(),
    ];
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
