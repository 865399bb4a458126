//! Transformers on image patches and on text.

use super::layer::{Initialisation, LayerNorm, Linear};
use super::symmetry::{Freedom, Slab};
use super::tokens::{Embedding, Tokens};
use super::{Blueprint, Builder, LinearMap, Network, Pass, Symmetry};
use crate::dual::Dual;
use crate::model::{Activation, LastNorm};
use burn::tensor::Tensor;

/// What determines a transformer.
#[derive(Clone, Debug, PartialEq)]
pub struct TransformerShape {
    /// What enters, and what outputs belong to.
    pub tokens: Tokens,
    /// Numbers per token.
    pub width: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of attention; divides `width`.
    pub heads: usize,
    /// Hidden units of each block's MLP.
    pub mlp_width: usize,
    /// What the last normalisation is of; the same for outputs at one token.
    pub last_norm: LastNorm,
    /// Numbers per sample, or per position, that come out.
    pub outputs: usize,
    /// The probability that dropout silences a unit.
    pub dropout: f64,
    /// The non-linearity of the MLPs.
    pub activation: Activation,
    /// The starting weights of the linear maps.
    pub initialisation: Initialisation,
}

/// A vision transformer (Dosovitskiy et al. 2021, eq. 1-4): patches embedded linearly, learned
/// positions, blocks with normalisation before each part, and a linear head. Dropout is where they
/// have it (appendix B.1): after the positions and every dense layer, but not inside attention.
///
/// On text, each character attends to itself and those before it only, and the norm and the head
/// apply at every position (Radford et al. 2019, "Language models are unsupervised multitask
/// learners", sec. 2.3).
///
/// Names: `patch_embed` (a linear map of `channels × patch × patch` numbers) and `class_token`, or
/// `token_embed` (a table); `position`, `encoder.layers.{i}` with the names of PyTorch's `nn.TransformerEncoderLayer`
/// (`norm1`, `self_attn.in_proj_weight|in_proj_bias|out_proj`, `norm2`, `linear1`, `linear2`),
/// `norm`, `head`.
pub struct Transformer {
    shape: TransformerShape,
    embedding: Embedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Linear,
    blueprint: Blueprint,
}

struct Block {
    norm1: LayerNorm,
    attention: Attention,
    norm2: LayerNorm,
    mlp: [Linear; 2],
}

struct Attention {
    /// Queries, keys and values, in this order.
    input: Linear,
    output: Linear,
}

impl Attention {
    fn new(builder: &mut Builder, name: &str, width: usize, start: Initialisation) -> Self {
        let (input, output) = (format!("{name}.in_proj"), format!("{name}.out_proj"));
        Self {
            input: Linear::triple(builder, &input, [width, width], start),
            output: Linear::new(builder, &output, [width, width], true, start),
        }
    }

    fn forward(
        &self,
        pass: &Pass<'_>,
        tokens: Dual<3>,
        heads: usize,
        mask: Option<Tensor<4>>,
    ) -> Dual<3> {
        let projected = self.input.forward(pass, tokens).split_heads(3 * heads);
        let part = |index| projected.clone().narrow(1, index * heads, heads);
        let mixed = part(0).attention(part(1), part(2), mask);
        self.output.forward(pass, mixed.merge_heads())
    }
}

impl Block {
    fn new(builder: &mut Builder, name: &str, shape: &TransformerShape) -> Self {
        let (width, hidden, start) = (shape.width, shape.mlp_width, shape.initialisation);
        let part = |part: &str| format!("{name}.{part}");
        Self {
            norm1: LayerNorm::new(builder, &part("norm1"), width),
            attention: Attention::new(builder, &part("self_attn"), width, start),
            norm2: LayerNorm::new(builder, &part("norm2"), width),
            mlp: [
                Linear::new(builder, &part("linear1"), [width, hidden], true, start),
                Linear::new(builder, &part("linear2"), [hidden, width], true, start),
            ],
        }
    }

    fn forward(
        &self,
        pass: &mut Pass<'_>,
        tokens: Dual<3>,
        shape: &TransformerShape,
        mask: Option<Tensor<4>>,
    ) -> Dual<3> {
        let normalised = self.norm1.forward(pass, tokens.clone());
        let mixed = self.attention.forward(pass, normalised, shape.heads, mask);
        let tokens = tokens + pass.dropout(mixed, shape.dropout);
        let normalised = self.norm2.forward(pass, tokens.clone());
        let hidden = shape
            .activation
            .apply(self.mlp[0].forward(pass, normalised));
        let hidden = pass.within(hidden);
        let hidden = pass.dropout(hidden, shape.dropout);
        let output = self.mlp[1].forward(pass, hidden);
        tokens + pass.dropout(output, shape.dropout)
    }
}

/// The weight and bias of every feature of a normalisation, and what reads them.
fn affine(norm: &LayerNorm, readers: Vec<Slab>, width: usize) -> Symmetry {
    Symmetry {
        lowered: readers,
        ..Symmetry::of(width, norm.affine(), Freedom::Scale)
    }
}

impl Attention {
    fn readers(&self) -> Vec<Slab> {
        vec![self.input.columns()]
    }

    /// Heads change places; in each, queries and keys are factors of a product, and so are values
    /// and what reads them.
    fn symmetries(&self, heads: usize, width: usize) -> [Symmetry; 3] {
        let per_head = width / heads;
        let part = |index: usize| -> Vec<Slab> {
            let slabs = self.input.units().incoming.into_iter();
            let of_part = |slab: Slab| slab.of_width(per_head).from_offset(index * width);
            slabs.map(of_part).collect()
        };
        let out = vec![self.output.columns().of_width(per_head)];
        let [query, key, value] = [0, 1, 2].map(part);
        let all = [query.clone(), key.clone(), value.clone()].concat();
        [
            Symmetry {
                lowered: out.clone(),
                ..Symmetry::of(heads, all, Freedom::Order)
            },
            Symmetry {
                lowered: key,
                ..Symmetry::of(heads, query, Freedom::Product)
            },
            Symmetry {
                lowered: out,
                ..Symmetry::of(heads, value, Freedom::Product)
            },
        ]
    }
}

impl Block {
    /// The symmetries within the block.
    fn symmetries(&self, shape: &TransformerShape) -> Vec<Symmetry> {
        let readers = vec![self.mlp[1].columns()];
        let mut symmetries =
            Symmetry::hidden(&self.mlp[0].units(), None, readers, shape.activation);
        symmetries.extend(self.attention.symmetries(shape.heads, shape.width));
        symmetries.push(affine(&self.norm1, self.attention.readers(), shape.width));
        symmetries.push(affine(
            &self.norm2,
            vec![self.mlp[0].columns()],
            shape.width,
        ));
        symmetries
    }
}

impl Transformer {
    /// What writes into the stream of tokens that all blocks add to.
    fn writers(&self) -> Vec<Slab> {
        let mut writers = self.embedding.writers();
        for block in &self.blocks {
            writers.extend(block.attention.output.units().incoming);
            writers.extend(block.mlp[1].units().incoming);
        }
        writers
    }

    /// The features of the stream in another order.
    fn stream(&self) -> Symmetry {
        let mut carried = [self.norm.affine(), vec![self.head.columns()]].concat();
        for block in &self.blocks {
            carried.extend(block.norm1.affine());
            carried.extend(block.attention.readers());
            carried.extend(block.norm2.affine());
            carried.push(block.mlp[0].columns());
        }
        Symmetry {
            carried,
            ..Symmetry::of(self.shape.width, self.writers(), Freedom::Order)
        }
    }

    /// The stream's scale: whatever reads it normalises it first.
    fn stream_scale(&self) -> Symmetry {
        let width = self.shape.width;
        let writers = self.writers().into_iter();
        let whole = writers.map(|slab| slab.of_width(width)).collect();
        Symmetry::of(1, whole, Freedom::Normalised)
    }

    /// Builds the network; it holds no parameters of its own.
    pub fn new(shape: TransformerShape) -> Self {
        let mut builder = Builder::default();
        let start = shape.initialisation;
        let embedding = Embedding::new(&mut builder, &shape.tokens, shape.width, start);
        let blocks = (0..shape.depth)
            .map(|index| Block::new(&mut builder, &format!("encoder.layers.{index}"), &shape))
            .collect();
        let norm = LayerNorm::new(&mut builder, "norm", shape.width);
        let head = Linear::new(
            &mut builder,
            "head",
            [shape.width, shape.outputs],
            true,
            start,
        );
        Self {
            embedding,
            blocks,
            norm,
            head,
            blueprint: builder.finish(),
            shape,
        }
    }
}

impl Network for Transformer {
    fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: Tensor<2>) -> Dual<2> {
        let tokens = self.embedding.forward(pass, inputs);
        let mask = self.embedding.mask(pass, tokens.dims()[1]);
        let mut tokens = pass.dropout(tokens, self.shape.dropout);
        for block in &self.blocks {
            let output = block.forward(pass, tokens, &self.shape, mask.clone());
            tokens = pass.tap(output);
        }
        let normalised = match self.shape.last_norm {
            LastNorm::Pooled => {
                let rows = self.embedding.rows(tokens);
                self.norm.forward(pass, rows)
            }
            LastNorm::Tokens => {
                let normalised = self.norm.forward(pass, tokens);
                self.embedding.rows(normalised)
            }
        };
        self.head.forward(pass, normalised)
    }

    fn inner_activation(&self) -> Option<Activation> {
        Some(self.shape.activation)
    }

    fn symmetries(&self) -> Vec<Symmetry> {
        let mut symmetries = vec![self.stream(), self.stream_scale()];
        for block in &self.blocks {
            symmetries.extend(block.symmetries(&self.shape));
        }
        symmetries.push(affine(
            &self.norm,
            vec![self.head.columns()],
            self.shape.width,
        ));
        symmetries
    }

    fn linear_maps(&self) -> Vec<LinearMap> {
        let within = |block: &Block| {
            let attention = &block.attention;
            let [first, second] = &block.mlp;
            [&attention.input, &attention.output, first, second].map(Linear::linear_map)
        };
        let mut maps = vec![self.embedding.linear_map()];
        maps.extend(self.blocks.iter().flat_map(within));
        maps.push(self.head.linear_map());
        maps
    }

    fn samples_per_chunk(&self) -> usize {
        self.embedding.samples_per_chunk()
    }

    fn samples_per_part(&self) -> usize {
        /// Rows of a matrix product.
        const TOKENS: usize = 1024;
        TOKENS.div_ceil(self.shape.tokens.per_sample())
    }

    fn has_smooth_inputs(&self) -> bool {
        self.embedding.has_smooth_inputs()
    }
}
