//! The choices that only a config makes: one enum per key that takes a word, with the word it is written
//! as. Words of the domain (activation, loss, map, ...) are declared where their behaviour is.

words! {
    /// The data to learn from (`data.dataset`).
    Dataset {
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

impl Dataset {
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
    /// The architecture (`model.kind`).
    ModelKind {
        /// A multilayer perceptron; the default.
        #[default]
        Mlp = "mlp",
        /// A residual convolutional network.
        ResNet = "resnet",
        /// A transformer on patches of the image.
        Transformer = "transformer",
    }
}

words! {
    /// A named size of a ResNet (`model.preset`); other keys override its parts.
    ResNetPreset {
        /// One block in each of three stages, the first 16 channels wide.
        ResNet8 = "resnet8",
        /// The 20-layer ResNet for CIFAR of He et al. 2016: three blocks in each of three stages,
        /// the first 16 channels wide.
        #[default]
        ResNet20 = "resnet20",
    }
}

words! {
    /// A named size of a transformer (`model.preset`); other keys override its parts.
    TransformerPreset {
        /// About 20 thousand parameters.
        Tiny = "tiny",
        /// About 200 thousand parameters.
        #[default]
        Small = "small",
        /// About 2 million parameters.
        Large = "large",
    }
}

words! {
    /// The update rule (`optimizer.kind`).
    OptimizerKind {
        /// Stochastic gradient descent on mini-batches; the default.
        #[default]
        Sgd = "sgd",
        /// Gradient descent on the whole training part.
        Gd = "gd",
        /// Adam; weight decay is added to the gradient.
        Adam = "adam",
        /// Adam with decoupled weight decay.
        AdamW = "adamw",
    }
}

words! {
    /// How the learning rate moves over training (`schedule.kind`).
    ScheduleKind {
        /// It does not move; the default.
        #[default]
        Constant = "constant",
        /// Multiplied by a factor every few epochs.
        Step = "step",
        /// Half a cosine wave down to a final fraction.
        Cosine = "cosine",
        /// Multiplied by a factor every epoch.
        Exponential = "exponential",
    }
}

words! {
    /// How the radius of SAM moves over training (`sam.schedule`).
    RadiusKind {
        /// It does not move; the default.
        #[default]
        Constant = "constant",
        /// On a straight line to its final value.
        Linear = "linear",
        /// Along half a cosine wave to its final value.
        Cosine = "cosine",
    }
}

words! {
    /// In what the move of SAM has its radius (`sam.ball`).
    Ball {
        /// The Euclidean norm; the default.
        #[default]
        L2 = "l2",
        /// The largest entry.
        Linf = "linf",
    }
}

words! {
    /// What the move of SAM is measured in units of (`sam.scaling`).
    Scaling {
        /// Nothing: SAM; the default.
        #[default]
        None = "none",
        /// The size of each parameter: ASAM, element-wise (Kwon et al. 2021).
        Elementwise = "elementwise",
        /// The norm of each filter of a convolution, the size of every other parameter: ASAM,
        /// filter-wise (Kwon et al. 2021).
        Filterwise = "filterwise",
    }
}

words! {
    /// The shape of injected noise (`gradient_noise.shape`).
    NoiseShape {
        /// The same in every direction; the default.
        #[default]
        Isotropic = "isotropic",
        /// The Gauss-Newton matrix of the loss.
        GaussNewton = "gauss_newton",
        /// The covariance of the gradients of single samples.
        Minibatch = "minibatch",
    }
}

words! {
    /// What noise does to labels in each step (`label_noise.kind`).
    LabelNoiseKind {
        /// Some labels are drawn anew; the default.
        #[default]
        Redraw = "redraw",
        /// Every number that outputs are compared with is moved.
        Gaussian = "gaussian",
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

words! {
    /// What a hook counts (`hooks.unit`).
    Unit {
        /// Passes over the training part; the default.
        #[default]
        Epochs = "epochs",
        /// Updates of the parameters.
        Steps = "steps",
    }
}

words! {
    /// How the moments at which a hook fires are spaced (`hooks.schedule`).
    SpacingKind {
        /// Evenly; the default.
        #[default]
        Linear = "linear",
        /// At 0 and then ever further apart, by a constant ratio.
        Logarithmic = "logarithmic",
    }
}
