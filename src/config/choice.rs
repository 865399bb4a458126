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
        /// Gradient descent that jumps at random where the gradient is small (Jin et al. 2021).
        PerturbedGd = "perturbed_gd",
        /// Steps of one length along the gradient.
        NormalizedSgd = "normalized_sgd",
        /// Steps along the gradient over the loss.
        LossNormalizedSgd = "loss_normalized_sgd",
        /// Steps along the signs of the gradient (Bernstein et al. 2018).
        SignSgd = "signsgd",
        /// Adam; weight decay is added to the gradient.
        Adam = "adam",
        /// Adam with decoupled weight decay.
        AdamW = "adamw",
        /// The gradient over the root of a running mean of its squares.
        RmsProp = "rmsprop",
        /// The gradient over the root of the sum of its squares, parameter by parameter.
        Adagrad = "adagrad",
        /// The same with one sum for all parameters (Ward, Wu & Bottou 2019).
        AdagradNorm = "adagrad_norm",
    }
}

words! {
    /// Parameters that weight decay leaves alone (`optimizer.weight_decay_excludes`).
    DecayExclusion {
        /// What is added to the outputs of a layer or of a normalisation.
        #[default]
        Biases = "biases",
        /// The affine maps of normalisation layers, weight and bias.
        Norms = "norms",
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
    /// What bounds the learning rate besides its schedule (`schedule.limit`).
    LimitKind {
        /// Nothing; the default.
        #[default]
        None = "none",
        /// A multiple of 2 over the largest eigenvalue of the Hessian.
        Sharpness = "sharpness",
    }
}

words! {
    /// How the learning rate follows the batch size (`learning_rate_rule.rule`).
    RateRuleKind {
        /// It does not; the default.
        #[default]
        None = "none",
        /// In proportion.
        Linear = "linear",
        /// With its square root.
        Sqrt = "sqrt",
    }
}

words! {
    /// How the batch size moves over training (`train.batch_schedule`).
    BatchScheduleKind {
        /// It does not move; the default.
        #[default]
        Constant = "constant",
        /// Multiplied by a factor every few epochs.
        Step = "step",
    }
}

words! {
    /// A mean of the weights over training (`average.kind`).
    AverageKind {
        /// There is none; the default.
        #[default]
        None = "none",
        /// An exponential moving average.
        Ema = "ema",
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

words! {
    /// What a hook fires on, beside or instead of its schedule (`hooks.on`).
    Trigger {
        /// The training accuracy is 1 at an evaluation, for the first time.
        #[default]
        Interpolation = "interpolation",
        /// The measured curvature has crossed the line of stability, either way.
        StabilityCrossing = "stability-crossing",
        /// A loss spike has begun; the hook measures after the step that follows.
        LossSpike = "loss-spike",
        /// The learning rate has risen to its full height: before the first step at it.
        WarmupEnd = "warmup-end",
        /// The learning rate falls: before the first step at the lower one.
        Decay = "decay",
    }
}

impl Trigger {
    /// Whether nobody knows beforehand when it comes.
    pub fn is_event(self) -> bool {
        matches!(
            self,
            Self::Interpolation | Self::StabilityCrossing | Self::LossSpike
        )
    }
}
