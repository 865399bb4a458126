//! The choices a config can make: one enum per key that takes a word, with the word it is written
//! as. The words are the contract; the Rust names may change.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::document::{Node, Value as Found};
use super::kind::Kind;
use super::value::Value;

/// Declares an enum whose variants are written as fixed words.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$of_variant:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$of_variant])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every choice, in the order the documents list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word this choice is written as in a config.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl Value for $name {
            fn kind() -> Kind {
                Kind::Word(&[$($word),+])
            }

            fn read(node: &Node) -> Option<Self> {
                match &node.value {
                    Found::String(word) => {
                        Self::ALL.iter().copied().find(|choice| choice.as_str() == word)
                    }
                    _ => None,
                }
            }

            fn write(&self) -> Option<toml::Value> {
                Some(toml::Value::String(self.as_str().to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

choice! {
    /// Where tensors live (`backend`).
    Backend {
        /// The built-in CPU backend; the default and the reference.
        #[default]
        Cpu = "cpu",
        /// The CPU through ndarray.
        NdArray = "ndarray",
        /// A graphics card (or a software driver) through wgpu.
        Wgpu = "wgpu",
    }
}

choice! {
    /// The floating-point type of every tensor (`precision`).
    Precision {
        /// 32 bits; the default.
        #[default]
        F32 = "f32",
        /// 64 bits; not on the wgpu backend.
        F64 = "f64",
    }
}

choice! {
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

choice! {
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

choice! {
    /// How pixels become numbers (`data.normalize`).
    Normalize {
        /// Divided by 255; the default.
        #[default]
        Unit = "unit",
        /// Mean 0 and standard deviation 1 over the training part.
        Standard = "standard",
    }
}

choice! {
    /// A random change of training images that keeps their class (`data.augment`).
    Augment {
        /// Left and right are swapped, for half of the images.
        #[default]
        Flip = "flip",
        /// The image is shifted by up to 4 pixels each way, and filled with black.
        Crop = "crop",
    }
}

choice! {
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

choice! {
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

choice! {
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

choice! {
    /// What a transformer classifies by (`model.pool`).
    Pool {
        /// The output at an added class token; the default.
        #[default]
        Class = "class",
        /// The mean of the outputs at all patches.
        Mean = "mean",
    }
}

choice! {
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

choice! {
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

choice! {
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

choice! {
    /// How normalisation layers behave while something is measured (`hooks.norm_mode`).
    NormMode {
        /// By their running statistics, as a finished model does; the default.
        #[default]
        Eval = "eval",
        /// By the mean and variance of each batch of `train.batch_size` samples, as in training.
        Batch = "batch",
    }
}

choice! {
    /// What dropout does while something is measured (`hooks.dropout`).
    DropoutMode {
        /// Nothing: every unit counts; the default.
        #[default]
        Off = "off",
        /// It silences the same units for every sample, fixed by the seed.
        Fixed = "fixed",
    }
}

choice! {
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

choice! {
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

choice! {
    /// The loss that is minimised (`train.loss`).
    Loss {
        /// Cross-entropy in nats; the default.
        #[default]
        CrossEntropy = "cross_entropy",
        /// ½ · mean over samples of the sum over outputs of the squared error.
        Square = "square",
        /// The logistic loss.
        Logistic = "logistic",
        /// The exponential loss.
        Exponential = "exponential",
    }
}

choice! {
    /// How mini-batches are drawn (`train.sampling`).
    Sampling {
        /// A new permutation every epoch; the default.
        #[default]
        Shuffle = "shuffle",
        /// Every sample drawn independently, with replacement.
        Replacement = "replacement",
    }
}

choice! {
    /// A ready-made set of measures (`hooks.preset`).
    Preset {
        /// No measures.
        #[default]
        Off = "off",
        /// What costs little.
        Light = "light",
        /// Everything.
        Full = "full",
    }
}

choice! {
    /// A kind of map of the parameters that leaves the function alone (`hooks.maps`).
    MapKind {
        /// The weights and biases of a layer times α, the next layer's weights divided by it (Dinh
        /// et al. 2017, "Sharp minima can generalize for deep nets", sec. 3).
        #[default]
        LayerRescaling = "layer-rescaling",
        /// The same with a factor of its own for every hidden unit or channel (Neyshabur et al.
        /// 2015, "Path-SGD", sec. 2).
        UnitRescaling = "unit-rescaling",
        /// Hidden units or channels in another order.
        Permutation = "permutation",
        /// The weights that feed a normalisation layer times a factor, which it divides out.
        NormalisedScale = "normalised-scale",
        /// In attention, queries times a factor and keys divided by it; values and outputs the same.
        AttentionRescaling = "attention-rescaling",
        /// An orthogonal change of basis between two layers of a linear network.
        OrthogonalBasis = "orthogonal-basis",
    }
}

choice! {
    /// What a hook counts (`hooks.unit`).
    Unit {
        /// Passes over the training part; the default.
        #[default]
        Epochs = "epochs",
        /// Updates of the parameters.
        Steps = "steps",
    }
}

choice! {
    /// How the moments at which a hook fires are spaced (`hooks.schedule`).
    SpacingKind {
        /// Evenly; the default.
        #[default]
        Linear = "linear",
        /// At 0 and then ever further apart, by a constant ratio.
        Logarithmic = "logarithmic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_prints_as_the_word_it_is_written_as() {
        let words: Vec<String> = Dataset::ALL.iter().map(Dataset::to_string).collect();
        assert_eq!(
            words,
            ["digits", "mnist", "fashion-mnist", "cifar10", "text"]
        );
    }
}
