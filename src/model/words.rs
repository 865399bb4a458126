//! What networks can be made of and how they can behave, as configs say it.

words! {
    /// The nonlinearity between layers (`model.activation`).
    Activation {
        /// max(0, x); the default.
        #[default]
        Relu = "relu",
        /// The hyperbolic tangent.
        Tanh = "tanh",
        /// x·Φ(x), with the exact normal distribution function.
        Gelu = "gelu",
        /// ln(1 + eˣ).
        Softplus = "softplus",
        /// None: the network is linear in its inputs.
        Linear = "linear",
    }
}

words! {
    /// The distribution of the initial weights (`model.init`).
    Init {
        /// Variance 2 / inputs; the default.
        #[default]
        He = "he",
        /// Variance 2 / (inputs + outputs).
        Xavier = "xavier",
        /// Variance 1 / inputs.
        Lecun = "lecun",
        /// The neural-tangent-kernel parameterisation: weights of variance 1, multiplied by
        /// √(2 / inputs) in the forward pass.
        Ntk = "ntk",
    }
}

words! {
    /// What normalises activations (`model.norm`).
    Normalisation {
        /// Nothing; the default of an MLP.
        #[default]
        None = "none",
        /// Each channel over the batch.
        Batch = "batch",
        /// Each sample over all channels.
        Layer = "layer",
        /// Each sample over groups of channels.
        Group = "group",
    }
}

words! {
    /// How a residual network begins (`model.stem`).
    Stem {
        /// A convolution of 3 x 3; the default.
        #[default]
        Cifar = "cifar",
        /// A convolution of 7 x 7 that halves the image, and a maximum over 3 x 3 that halves it again.
        ImageNet = "imagenet",
    }
}

words! {
    /// What goes past the first block of a stage of a residual network (`model.shortcut`).
    Shortcut {
        /// A convolution of 1 x 1 and its normalisation (option B of He et al. 2016); the default.
        #[default]
        Projection = "projection",
        /// Every second pixel, with channels of zeros around (option A): no parameters.
        Padding = "padding",
    }
}

words! {
    /// What a transformer classifies by (`model.pool`).
    Pool {
        /// The output at an added class token; the default.
        #[default]
        Class = "class",
        /// The mean of the outputs at all patches.
        Mean = "mean",
    }
}

words! {
    /// What the last normalisation of a transformer is of (`model.last_norm`).
    LastNorm {
        /// What was pooled; the default.
        #[default]
        Pooled = "pooled",
        /// Every token, before they are pooled, as `nn.TransformerEncoder(norm=...)` has it.
        Tokens = "tokens",
    }
}

words! {
    /// How normalisation layers behave while something is measured (`hooks.norm_mode`).
    NormMode {
        /// By their running statistics, as a finished model does; the default.
        #[default]
        Eval = "eval",
        /// By the mean and variance of each batch of `train.batch_size` samples, as in training.
        Batch = "batch",
    }
}

words! {
    /// What dropout does while something is measured (`hooks.dropout`).
    DropoutMode {
        /// Nothing: every unit counts; the default.
        #[default]
        Off = "off",
        /// It silences the same units for every sample, fixed by the seed.
        Fixed = "fixed",
    }
}
