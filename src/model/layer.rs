//! Layers that networks are made of: each knows the positions of its blocks.

use super::symmetry::{Freedom, Running, Slab, Units};
use super::{Builder, LinearMap, LinearMapKind, NormMode, Pass, Start};
use crate::dual::{ChannelStatistics, Dual};
use crate::model::{Activation, Init, Normalisation as Kind};

/// What PyTorch adds to a variance before its root is taken.
const EPSILON: f64 = 1e-5;

/// The weight of a new batch in running statistics, as PyTorch's.
const MOMENTUM: f64 = 0.1;

impl Activation {
    pub(super) fn apply<const D: usize>(self, input: Dual<D>) -> Dual<D> {
        match self {
            Activation::Relu => input.relu(),
            Activation::Tanh => input.tanh(),
            Activation::Gelu => input.gelu(),
            Activation::Softplus => input.softplus(),
            Activation::Linear => input,
        }
    }

    /// What can be done with the units behind it.
    pub(super) fn freedom(self) -> Freedom {
        match self {
            Activation::Relu => Freedom::Homogeneous,
            Activation::Linear => Freedom::Linear,
            Activation::Tanh | Activation::Gelu | Activation::Softplus => Freedom::Order,
        }
    }
}

/// The starting weights of every layer of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Initialisation {
    /// The distribution.
    pub kind: Init,
    /// A factor on all starting weights.
    pub scale: f64,
}

impl Initialisation {
    /// How the weights of a layer with so many inputs and outputs start, and the factor by which
    /// its forward pass multiplies them.
    fn of_layer(self, inputs: usize, outputs: usize) -> (Start, f64) {
        let (inputs, outputs) = (inputs as f64, outputs as f64);
        let (variance, factor) = match self.kind {
            // He et al. 2015, eq. 10.
            Init::He => (2.0 / inputs, 1.0),
            // Glorot & Bengio 2010, eq. 12.
            Init::Xavier => (2.0 / (inputs + outputs), 1.0),
            // LeCun et al. 1998, sec. 4.6.
            Init::Lecun => (1.0 / inputs, 1.0),
            // Jacot et al. 2018, eq. 1, with He's variance: the width is in the function, not in
            // the weights, so that a learning rate means the same at every width.
            Init::Ntk => (1.0, (2.0 / inputs).sqrt()),
        };
        (Start::Normal(self.scale * variance.sqrt()), factor)
    }
}

/// A fully connected layer: `weight` is `[outputs, inputs]`, `bias` is `[outputs]`.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    weight: usize,
    bias: Option<usize>,
    outputs: usize,
    factor: f64,
}

impl Linear {
    pub fn new(
        builder: &mut Builder,
        name: &str,
        [inputs, outputs]: [usize; 2],
        has_bias: bool,
        initialisation: Initialisation,
    ) -> Self {
        let (start, factor) = initialisation.of_layer(inputs, outputs);
        Self {
            weight: builder.parameter(format!("{name}.weight"), &[outputs, inputs], start),
            bias: has_bias.then(|| {
                builder.parameter(format!("{name}.bias"), &[outputs], Start::Constant(0.0))
            }),
            outputs,
            factor,
        }
    }

    /// The units it makes, with their incoming weights and biases.
    pub fn units(&self) -> Units {
        let blocks = [Some(self.weight), self.bias].into_iter().flatten();
        Units {
            count: self.outputs,
            incoming: blocks.map(Slab::rows).collect(),
        }
    }

    /// The weights that read each unit before it.
    pub fn columns(&self) -> Slab {
        Slab::columns(self.weight)
    }

    pub fn linear_map(&self) -> LinearMap {
        LinearMap {
            weight: self.weight,
            bias: self.bias,
            factor: self.factor,
            kind: LinearMapKind::Dense,
        }
    }

    /// Three maps of equal size as the rows of one matrix, `{name}_weight` and `{name}_bias`; each
    /// starts as a layer of its own does.
    pub fn triple(
        builder: &mut Builder,
        name: &str,
        [inputs, outputs]: [usize; 2],
        initialisation: Initialisation,
    ) -> Self {
        let (start, factor) = initialisation.of_layer(inputs, outputs);
        let (weight, bias) = ([3 * outputs, inputs], [3 * outputs]);
        Self {
            weight: builder.parameter(format!("{name}_weight"), &weight, start),
            bias: Some(builder.parameter(format!("{name}_bias"), &bias, Start::Constant(0.0))),
            outputs: 3 * outputs,
            factor,
        }
    }

    pub fn forward<const D: usize>(&self, pass: &Pass<'_>, input: Dual<D>) -> Dual<D> {
        let weight = scaled(pass.parameter(self.weight), self.factor);
        let bias = self.bias.map(|bias| pass.parameter(bias));
        input.linear_by(weight, bias, |input, weight| pass.linear(input, weight))
    }
}

/// A square convolution without bias: `weight` is `[outputs, inputs, size, size]`.
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    weight: usize,
    outputs: usize,
    stride: usize,
    padding: usize,
    factor: f64,
}

impl Convolution {
    /// A convolution of odd `size` that keeps height and width, up to the stride.
    pub fn new(
        builder: &mut Builder,
        name: &str,
        [inputs, outputs]: [usize; 2],
        size: usize,
        stride: usize,
        initialisation: Initialisation,
    ) -> Self {
        let area = size * size;
        let (start, factor) = initialisation.of_layer(inputs * area, outputs * area);
        let shape = [outputs, inputs, size, size];
        Self {
            weight: builder.parameter(format!("{name}.weight"), &shape, start),
            outputs,
            stride,
            padding: size / 2,
            factor,
        }
    }

    /// The channels it makes, with their kernels.
    pub fn units(&self) -> Units {
        Units {
            count: self.outputs,
            incoming: vec![Slab::rows(self.weight)],
        }
    }

    /// The kernels that read each channel before it.
    pub fn columns(&self) -> Slab {
        Slab::columns(self.weight)
    }

    /// The height and width of what it makes of an image.
    pub fn output_size(&self, input: [usize; 2]) -> [usize; 2] {
        input.map(|length| length.div_ceil(self.stride))
    }

    /// What it is on images of this height and width.
    pub fn linear_map(&self, input: [usize; 2]) -> LinearMap {
        LinearMap {
            weight: self.weight,
            bias: None,
            factor: self.factor,
            kind: LinearMapKind::Convolution {
                input,
                stride: self.stride,
                padding: self.padding,
            },
        }
    }

    pub fn forward(&self, pass: &Pass<'_>, input: Dual<4>) -> Dual<4> {
        let weight = scaled(pass.parameter(self.weight), self.factor);
        input.conv2d(weight, self.stride, self.padding)
    }
}

fn scaled<const D: usize>(weight: Dual<D>, factor: f64) -> Dual<D> {
    if factor == 1.0 {
        weight
    } else {
        weight.scale(factor)
    }
}

/// A normalisation of channels, the second dimension, with an affine map of each.
#[derive(Clone, Debug)]
pub(super) struct Normalisation {
    affine: Affine,
    form: Form,
}

/// Positions of the weight and bias of every channel.
#[derive(Clone, Copy, Debug)]
struct Affine {
    weight: usize,
    bias: usize,
}

impl Affine {
    fn new(builder: &mut Builder, name: &str, channels: usize) -> Self {
        Self {
            weight: builder.parameter(format!("{name}.weight"), &[channels], Start::Constant(1.0)),
            bias: builder.parameter(format!("{name}.bias"), &[channels], Start::Constant(0.0)),
        }
    }

    fn slabs(self) -> Vec<Slab> {
        vec![Slab::rows(self.weight), Slab::rows(self.bias)]
    }
}

#[derive(Clone, Debug)]
enum Form {
    /// Positions of the running mean, the running variance and the number of batches seen.
    Batch {
        mean: usize,
        variance: usize,
        batches: usize,
    },
    /// Each sample by itself, in groups of channels.
    Group(usize),
}

impl Normalisation {
    /// A layer of a kind, or none.
    pub fn new(
        builder: &mut Builder,
        name: &str,
        channels: usize,
        kind: Kind,
        groups: usize,
    ) -> Option<Self> {
        if kind == Kind::None {
            return None;
        }
        let affine = Affine::new(builder, name, channels);
        let mut statistic = |suffix: &str, shape: &[usize], start| {
            builder.statistic(format!("{name}.{suffix}"), shape, start)
        };
        let form = match kind {
            Kind::Batch => Form::Batch {
                mean: statistic("running_mean", &[channels], 0.0),
                variance: statistic("running_var", &[channels], 1.0),
                batches: statistic("num_batches_tracked", &[], 0.0),
            },
            Kind::Group => Form::Group(groups),
            Kind::Layer | Kind::None => Form::Group(1),
        };
        Some(Self { affine, form })
    }

    /// The weight and bias of every channel.
    pub fn affine(&self) -> Vec<Slab> {
        self.affine.slabs()
    }

    /// The running statistics of every channel, if it keeps any.
    pub fn running(&self) -> Option<Running> {
        match self.form {
            Form::Batch { mean, variance, .. } => Some(Running {
                mean,
                variance,
                epsilon: EPSILON,
            }),
            Form::Group(_) => None,
        }
    }

    /// How many groups of neighbouring channels have a scale of their own that is divided out.
    pub fn scales(&self, channels: usize) -> usize {
        match self.form {
            Form::Batch { .. } => channels,
            Form::Group(groups) => groups,
        }
    }

    /// Whether channels can change places: not where they are normalised in groups of several.
    pub fn keeps_order_free(&self, channels: usize) -> bool {
        [1, channels].contains(&self.scales(channels))
    }

    pub fn forward<const D: usize>(&self, pass: &mut Pass<'_>, input: Dual<D>) -> Dual<D> {
        let weight = pass.parameter(self.affine.weight);
        let bias = pass.parameter(self.affine.bias);
        match self.form {
            Form::Group(groups) => input.group_norm(groups, weight, bias, EPSILON),
            Form::Batch { mean, variance, .. } if pass.norm_mode() == NormMode::Eval => {
                let statistics = ChannelStatistics {
                    mean: pass.statistic(mean),
                    variance: pass.statistic(variance),
                };
                input.batch_norm_with(&statistics, weight, bias, EPSILON)
            }
            Form::Batch {
                mean,
                variance,
                batches,
            } => {
                let (output, observed) = input.batch_norm(weight, bias, EPSILON);
                pass.observe(mean, observed.mean, MOMENTUM);
                pass.observe(variance, observed.variance, MOMENTUM);
                let seen = pass.statistic(batches).add_scalar(1.0);
                pass.observe(batches, seen, 1.0);
                output
            }
        }
    }
}

/// Normalisation of each row over its last dimension, with an affine map.
#[derive(Clone, Debug)]
pub(super) struct LayerNorm(Affine);

impl LayerNorm {
    pub fn new(builder: &mut Builder, name: &str, width: usize) -> Self {
        Self(Affine::new(builder, name, width))
    }

    /// The weight and bias of every feature.
    pub fn affine(&self) -> Vec<Slab> {
        self.0.slabs()
    }

    pub fn forward<const D: usize>(&self, pass: &Pass<'_>, input: Dual<D>) -> Dual<D> {
        let (weight, bias) = (pass.parameter(self.0.weight), pass.parameter(self.0.bias));
        input.layer_norm(weight, bias, EPSILON)
    }
}
