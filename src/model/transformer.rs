//! Transformers on image patches.

use super::layer::{Initialisation, LayerNorm, Linear};
use super::symmetry::{Freedom, Slab};
use super::{Blueprint, Builder, Network, Pass, Start, Symmetry};
use crate::config::{Activation, Pool};
use crate::dual::Dual;
use burn::tensor::Tensor;

/// The standard deviation of starting positions and class tokens (Dosovitskiy et al. 2021).
const EMBEDDING_DEVIATION: f64 = 0.02;

/// What determines a transformer on images.
#[derive(Clone, Debug, PartialEq)]
pub struct TransformerShape {
    /// Channels, height and width of an image.
    pub image: [usize; 3],
    /// The side of a square patch; divides height and width.
    pub patch: usize,
    /// Numbers per token.
    pub width: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of attention; divides `width`.
    pub heads: usize,
    /// Hidden units of each block's MLP.
    pub mlp_width: usize,
    /// Numbers per sample that come out.
    pub outputs: usize,
    /// What is classified by.
    pub pool: Pool,
    /// The probability that dropout silences a unit.
    pub dropout: f64,
    /// The non-linearity of the MLPs.
    pub activation: Activation,
    /// The starting weights of the linear maps.
    pub initialisation: Initialisation,
}

impl TransformerShape {
    /// Patches along height and width.
    fn grid(&self) -> [usize; 2] {
        [self.image[1] / self.patch, self.image[2] / self.patch]
    }
}

/// A vision transformer (Dosovitskiy et al. 2021, eq. 1-4): patches embedded linearly, learned
/// positions, blocks with normalisation before each part, and a linear head.
///
/// Names: `patch_embed` (`[width, channels × patch × patch]`), `class_token`, `position`,
/// `blocks.{i}.norm1|attention.query|attention.key|attention.value|attention.out|norm2|mlp.0|mlp.1`,
/// `norm`, `head`. A linear layer has PyTorch's layout.
pub struct Transformer {
    shape: TransformerShape,
    embedding: Linear,
    class_token: Option<usize>,
    position: usize,
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
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
}

impl Attention {
    fn new(builder: &mut Builder, name: &str, width: usize, start: Initialisation) -> Self {
        let mut linear = |part: &str| {
            let name = format!("{name}.{part}");
            Linear::new(builder, &name, [width, width], true, start)
        };
        Self {
            query: linear("query"),
            key: linear("key"),
            value: linear("value"),
            out: linear("out"),
        }
    }

    fn forward(&self, pass: &Pass<'_>, tokens: Dual<3>, heads: usize) -> Dual<3> {
        let project = |linear: &Linear| linear.forward(pass, tokens.clone()).split_heads(heads);
        let (queries, keys) = (project(&self.query), project(&self.key));
        let mixed = queries.attention(keys, project(&self.value), None);
        self.out.forward(pass, mixed.merge_heads())
    }
}

impl Block {
    fn new(builder: &mut Builder, name: &str, shape: &TransformerShape) -> Self {
        let (width, hidden, start) = (shape.width, shape.mlp_width, shape.initialisation);
        let part = |part: &str| format!("{name}.{part}");
        Self {
            norm1: LayerNorm::new(builder, &part("norm1"), width),
            attention: Attention::new(builder, &part("attention"), width, start),
            norm2: LayerNorm::new(builder, &part("norm2"), width),
            mlp: [
                Linear::new(builder, &part("mlp.0"), [width, hidden], true, start),
                Linear::new(builder, &part("mlp.1"), [hidden, width], true, start),
            ],
        }
    }

    fn forward(&self, pass: &mut Pass<'_>, tokens: Dual<3>, shape: &TransformerShape) -> Dual<3> {
        let normalised = self.norm1.forward(pass, tokens.clone());
        let mixed = self.attention.forward(pass, normalised, shape.heads);
        let tokens = tokens + pass.dropout(mixed, shape.dropout);
        let normalised = self.norm2.forward(pass, tokens.clone());
        let hidden = shape
            .activation
            .apply(self.mlp[0].forward(pass, normalised));
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
        vec![
            self.query.columns(),
            self.key.columns(),
            self.value.columns(),
        ]
    }

    /// Heads change places; in each, queries and keys are factors of a product, and so are values
    /// and what reads them.
    fn symmetries(&self, heads: usize, width: usize) -> [Symmetry; 3] {
        let per_head = |slabs: Vec<Slab>| -> Vec<Slab> {
            let slabs = slabs.into_iter();
            slabs.map(|slab| slab.of_width(width / heads)).collect()
        };
        let incoming = |linear: &Linear| per_head(linear.units().incoming);
        let out = per_head(vec![self.out.columns()]);
        let [query, key, value] = [&self.query, &self.key, &self.value].map(incoming);
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
        let tokens = self.class_token.into_iter().chain([self.position]);
        let mut writers = self.embedding.units().incoming;
        writers.extend(tokens.map(|token| Slab::along(token, 2)));
        for block in &self.blocks {
            writers.extend(block.attention.out.units().incoming);
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
        let [rows, columns] = shape.grid();
        let patch = shape.image[0] * shape.patch * shape.patch;
        let start = shape.initialisation;
        let embedding = Linear::new(
            &mut builder,
            "patch_embed",
            [patch, shape.width],
            true,
            start,
        );
        let small = Start::Normal(EMBEDDING_DEVIATION);
        let class_token = (shape.pool == Pool::Class)
            .then(|| builder.parameter("class_token".to_owned(), &[1, 1, shape.width], small));
        let tokens = rows * columns + usize::from(class_token.is_some());
        let position = builder.parameter("position".to_owned(), &[1, tokens, shape.width], small);
        let blocks = (0..shape.depth)
            .map(|index| Block::new(&mut builder, &format!("blocks.{index}"), &shape))
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
            class_token,
            position,
            blocks,
            norm,
            head,
            blueprint: builder.finish(),
            shape,
        }
    }

    /// Cuts images into patches, `[batch, patches, channels × patch × patch]`.
    fn patches(&self, inputs: Tensor<2>) -> Tensor<3> {
        let [channels, _, _] = self.shape.image;
        let [rows, columns] = self.shape.grid();
        let side = self.shape.patch;
        let batch = inputs.dims()[0];
        inputs
            .reshape([batch, channels, rows, side, columns, side])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch, rows * columns, channels * side * side])
    }
}

impl Network for Transformer {
    fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: Tensor<2>) -> Dual<2> {
        let batch = inputs.dims()[0];
        let width = self.shape.width;
        let patches = Dual::constant(self.patches(inputs));
        let mut tokens = self.embedding.forward(pass, patches);
        if let Some(class_token) = self.class_token {
            let class = pass.parameter::<3>(class_token).expand([batch, 1, width]);
            tokens = Dual::cat(vec![class, tokens], 1);
        }
        tokens = tokens + pass.parameter(self.position);
        tokens = pass.dropout(tokens, self.shape.dropout);
        for block in &self.blocks {
            tokens = block.forward(pass, tokens, &self.shape);
        }
        let pooled = match self.shape.pool {
            Pool::Class => tokens.narrow(1, 0, 1),
            Pool::Mean => tokens.mean_dim(1),
        };
        let pooled = self.norm.forward(pass, pooled.reshape([batch, width]));
        self.head.forward(pass, pooled)
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

    fn samples_per_chunk(&self) -> usize {
        128
    }
}
