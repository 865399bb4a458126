//! What enters a transformer: the patches of an image, or the characters of a text.

use super::layer::{Initialisation, Linear};
use super::symmetry::Slab;
use super::{Builder, LinearMap, LinearMapKind, Pass, Start};
use crate::dual::Dual;
use crate::model::Pool;
use burn::tensor::Tensor;

/// The standard deviation of starting positions, class tokens (Dosovitskiy et al. 2021) and
/// embeddings of characters (Radford et al. 2018, "Improving language understanding by generative
/// pre-training", sec. 4.1).
const EMBEDDING_DEVIATION: f64 = 0.02;

/// What is added to a score that must not count. Finite, so that no product with 0 is undefined,
/// and large enough for its weight to be 0 in both precisions.
const MASKED: f64 = -1e9;

/// What a transformer makes tokens of, and what its outputs belong to.
#[derive(Clone, Debug, PartialEq)]
pub enum Tokens {
    /// Square patches of an image, embedded linearly; the outputs are those of the image.
    Patches {
        /// Channels, height and width of an image.
        image: [usize; 3],
        /// The side of a patch; divides height and width.
        patch: usize,
        /// What is classified by.
        pool: Pool,
    },
    /// Characters, each a row of a table. A token attends to itself and those before it, and each
    /// has outputs of its own.
    Characters {
        /// Distinct characters.
        vocabulary: usize,
        /// Characters of a sample.
        sequence: usize,
    },
}

impl Tokens {
    /// How many there are in a sample.
    pub fn per_sample(&self) -> usize {
        match *self {
            Self::Patches { image, patch, pool } => {
                let [_, height, width] = image;
                (height / patch) * (width / patch) + usize::from(pool == Pool::Class)
            }
            Self::Characters { sequence, .. } => sequence,
        }
    }
}

/// The parameters that make tokens.
pub(super) struct Embedding {
    source: Source,
    position: usize,
    width: usize,
}

/// What tokens are made of, with the positions of the parameters.
enum Source {
    Patches {
        image: [usize; 3],
        patch: usize,
        pool: Pool,
        linear: Linear,
        class_token: Option<usize>,
    },
    Characters {
        table: usize,
    },
}

impl Embedding {
    /// The parameters for tokens of `width` numbers.
    pub fn new(
        builder: &mut Builder,
        tokens: &Tokens,
        width: usize,
        start: Initialisation,
    ) -> Self {
        let small = Start::Normal(EMBEDDING_DEVIATION);
        let source = match *tokens {
            Tokens::Patches { image, patch, pool } => {
                let [channels, ..] = image;
                let numbers = channels * patch * patch;
                let linear = Linear::new(builder, "patch_embed", [numbers, width], true, start);
                let class_token = (pool == Pool::Class)
                    .then(|| builder.parameter("class_token".to_owned(), &[1, 1, width], small));
                Source::Patches {
                    image,
                    patch,
                    pool,
                    linear,
                    class_token,
                }
            }
            Tokens::Characters { vocabulary, .. } => {
                let name = "token_embed.weight".to_owned();
                let table = builder.parameter(name, &[vocabulary, width], small);
                Source::Characters { table }
            }
        };
        let count = tokens.per_sample();
        Self {
            source,
            position: builder.parameter("position".to_owned(), &[1, count, width], small),
            width,
        }
    }

    /// The map that makes tokens. A table is the transpose of a matrix on unit vectors, so its norms
    /// are those of the map.
    pub fn linear_map(&self) -> LinearMap {
        match &self.source {
            Source::Patches { linear, .. } => linear.linear_map(),
            Source::Characters { table } => LinearMap {
                weight: *table,
                bias: None,
                factor: 1.0,
                kind: LinearMapKind::Dense,
            },
        }
    }

    /// From inputs, `[batch, features]`, to tokens, `[batch, tokens, width]`.
    pub fn forward(&self, pass: &Pass<'_>, inputs: Tensor<2>) -> Dual<3> {
        let batch = inputs.dims()[0];
        let tokens = match &self.source {
            Source::Patches {
                image,
                patch,
                linear,
                class_token,
                ..
            } => {
                let patches = Dual::constant(patches(inputs, *image, *patch));
                let tokens = linear.forward(pass, patches);
                match class_token {
                    None => tokens,
                    Some(token) => {
                        let class = pass.parameter::<3>(*token).expand([batch, 1, self.width]);
                        Dual::cat(vec![class, tokens], 1)
                    }
                }
            }
            Source::Characters { table } => pass.parameter::<2>(*table).embedding(inputs),
        };
        tokens + pass.parameter(self.position)
    }

    /// What keeps a token from those after it, for `tokens` of them: added to scores
    /// `[batch, heads, tokens, tokens]`. None where every token may attend to every other.
    pub fn mask(&self, pass: &Pass<'_>, tokens: usize) -> Option<Tensor<4>> {
        match self.source {
            Source::Patches { .. } => None,
            Source::Characters { .. } => {
                let is_later = |place: usize| place % tokens > place / tokens;
                let masked = |place| if is_later(place) { MASKED } else { 0.0 };
                let mask: Vec<f64> = (0..tokens * tokens).map(masked).collect();
                Some(pass.constant_from(&mask, [1, 1, tokens, tokens]))
            }
        }
    }

    /// What outputs are read from, `[rows, width]`: one row per image, or one per character.
    pub fn rows(&self, tokens: Dual<3>) -> Dual<2> {
        let [batch, count, width] = tokens.dims();
        match self.source {
            Source::Patches {
                pool: Pool::Class, ..
            } => tokens.narrow(1, 0, 1).reshape([batch, width]),
            Source::Patches {
                pool: Pool::Mean, ..
            } => tokens.mean_dim(1).reshape([batch, width]),
            Source::Characters { .. } => tokens.reshape([batch * count, width]),
        }
    }

    /// What writes into the features of tokens.
    pub fn writers(&self) -> Vec<Slab> {
        let mut writers = match &self.source {
            Source::Patches {
                linear,
                class_token,
                ..
            } => {
                let class_token = class_token.map(|token| Slab::along(token, 2));
                let linear = linear.units().incoming.into_iter();
                linear.chain(class_token).collect()
            }
            Source::Characters { table } => vec![Slab::along(*table, 1)],
        };
        writers.push(Slab::along(self.position, 2));
        writers
    }

    /// Whether the output of a sample is a smooth function of its inputs: tokens have none between
    /// them.
    pub fn has_smooth_inputs(&self) -> bool {
        matches!(self.source, Source::Patches { .. })
    }

    /// How many samples to sweep at once.
    pub fn samples_per_chunk(&self) -> usize {
        match self.source {
            Source::Patches { .. } => 128,
            // Scores and outputs are as many as those of a larger chunk of images.
            Source::Characters { .. } => 32,
        }
    }
}

/// Cuts images into patches, `[batch, patches, channels × patch × patch]`.
fn patches(inputs: Tensor<2>, [channels, height, width]: [usize; 3], side: usize) -> Tensor<3> {
    let (batch, rows, columns) = (inputs.dims()[0], height / side, width / side);
    inputs
        .reshape([batch, channels, rows, side, columns, side])
        .permute([0, 2, 4, 1, 3, 5])
        .reshape([batch, rows * columns, channels * side * side])
}
