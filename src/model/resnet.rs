//! Residual convolutional networks.

use super::layer::{Convolution, Initialisation, Linear, Normalisation};
use super::symmetry::Units;
use super::{Blueprint, Builder, LinearMap, Network, Pass, Shortcut, Stem, Symmetry};
use crate::dual::Dual;
use crate::model::{Activation, Normalisation as NormalisationKind};
use burn::tensor::Tensor;

/// What determines a residual network.
#[derive(Clone, Debug, PartialEq)]
pub struct ResNetShape {
    /// Channels, height and width of an image.
    pub image: [usize; 3],
    /// Channels of the first stage; every further stage has twice as many.
    pub width: usize,
    /// Residual blocks of each stage.
    pub blocks: Vec<usize>,
    /// How it begins.
    pub stem: Stem,
    /// What goes past blocks that change the shape.
    pub shortcut: Shortcut,
    /// Numbers per sample that come out.
    pub outputs: usize,
    /// The non-linearity.
    pub activation: Activation,
    /// What normalises after each convolution.
    pub normalisation: NormalisationKind,
    /// Groups of channels, for normalisation by groups.
    pub groups: usize,
    /// The starting weights.
    pub initialisation: Initialisation,
}

/// A residual network of basic blocks (He et al. 2016, "Deep residual learning", sec. 3.3 and 4.2)
/// with PyTorch's usual names: `conv1`, `bn1`, `layer{stage}.{block}.conv1|bn1|conv2|bn2`,
/// `layer{stage}.{block}.downsample.0|1` where a projection is needed, and `fc`. With the stem of ImageNet, 64 channels
/// and blocks `[2, 2, 2, 2]` or `[3, 4, 6, 3]` it is torchvision's ResNet-18 or ResNet-34.
pub struct ResNet {
    image: [usize; 3],
    pool: Option<MaxPool>,
    width: usize,
    activation: Activation,
    stem: Step,
    blocks: Vec<Block>,
    head: Linear,
    blueprint: Blueprint,
}

/// A convolution and its normalisation.
struct Step {
    convolution: Convolution,
    norm: Option<Normalisation>,
}

/// A maximum over squares, each channel by itself.
struct MaxPool {
    size: usize,
    stride: usize,
    padding: usize,
}

/// The maximum behind the first convolution for ImageNet.
const STEM_POOL: MaxPool = MaxPool {
    size: 3,
    stride: 2,
    padding: 1,
};

/// Two steps and what goes past them.
struct Block {
    first: Step,
    second: Step,
    past: Past,
}

/// What goes past two steps.
enum Past {
    /// Their input.
    Input,
    /// Its convolution.
    Projection(Step),
    /// Every second pixel of it, between channels of zeros, from so many channels to so many.
    Padding([usize; 2]),
}

/// What all steps of a network share.
struct Plan<'a> {
    builder: &'a mut Builder,
    shape: &'a ResNetShape,
}

impl Plan<'_> {
    fn step(
        &mut self,
        convolution: &str,
        norm: &str,
        channels: [usize; 2],
        size: usize,
        stride: usize,
    ) -> Step {
        let ResNetShape {
            normalisation,
            groups,
            initialisation,
            ..
        } = *self.shape;
        Step {
            convolution: Convolution::new(
                self.builder,
                convolution,
                channels,
                size,
                stride,
                initialisation,
            ),
            norm: Normalisation::new(self.builder, norm, channels[1], normalisation, groups),
        }
    }

    fn block(&mut self, name: &str, [inputs, outputs]: [usize; 2], stride: usize) -> Block {
        let part = |part: &str| format!("{name}.{part}");
        let is_identity = stride == 1 && inputs == outputs;
        Block {
            first: self.step(&part("conv1"), &part("bn1"), [inputs, outputs], 3, stride),
            second: self.step(&part("conv2"), &part("bn2"), [outputs, outputs], 3, 1),
            past: match self.shape.shortcut {
                _ if is_identity => Past::Input,
                Shortcut::Padding => Past::Padding([inputs, outputs]),
                Shortcut::Projection => {
                    let names = [part("downsample.0"), part("downsample.1")];
                    Past::Projection(self.step(&names[0], &names[1], [inputs, outputs], 1, stride))
                }
            },
        }
    }
}

impl Step {
    fn units(&self) -> (Units, Option<&Normalisation>) {
        (self.convolution.units(), self.norm.as_ref())
    }

    fn forward(&self, pass: &mut Pass<'_>, input: Dual<4>) -> Dual<4> {
        let output = self.convolution.forward(pass, input);
        match &self.norm {
            Some(norm) => norm.forward(pass, output),
            None => output,
        }
    }
}

impl Past {
    fn forward(&self, pass: &mut Pass<'_>, input: Dual<4>) -> Dual<4> {
        match self {
            Self::Input => input,
            Self::Projection(step) => step.forward(pass, input),
            &Self::Padding([inputs, outputs]) => {
                // As a convolution of 1 x 1 whose kernels are 1 where a channel goes, and not learned.
                let first = (outputs - inputs) / 2;
                let goes = |place: usize| place / inputs == first + place % inputs;
                let kernels: Vec<f64> = (0..outputs * inputs)
                    .map(|place| f64::from(u8::from(goes(place))))
                    .collect();
                let kernels = pass.constant_from(&kernels, [outputs, inputs, 1, 1]);
                input.conv2d(Dual::constant(kernels), 2, 0)
            }
        }
    }
}

impl Block {
    fn forward(&self, pass: &mut Pass<'_>, input: Dual<4>, activation: Activation) -> Dual<4> {
        let hidden = activation.apply(self.first.forward(pass, input.clone()));
        let residual = self.second.forward(pass, hidden);
        activation.apply(residual + self.past.forward(pass, input))
    }

    fn projection(&self) -> Option<&Step> {
        match &self.past {
            Past::Projection(step) => Some(step),
            Past::Input | Past::Padding(_) => None,
        }
    }

    /// The convolutions on images of this height and width, and the size of what they make.
    fn linear_maps(&self, input: [usize; 2]) -> (Vec<LinearMap>, [usize; 2]) {
        let middle = self.first.convolution.output_size(input);
        let steps = [(&self.first, input), (&self.second, middle)];
        let projection = self.projection().into_iter().map(|step| (step, input));
        let maps = steps.into_iter().chain(projection);
        let maps = maps.map(|(step, size)| step.convolution.linear_map(size));
        (maps.collect(), middle)
    }
}

impl ResNet {
    /// Builds the network; it holds no parameters of its own.
    pub fn new(shape: &ResNetShape) -> Self {
        let mut builder = Builder::default();
        let mut plan = Plan {
            builder: &mut builder,
            shape,
        };
        let mut channels = shape.width;
        let (size, stride) = match shape.stem {
            Stem::Cifar => (3, 1),
            Stem::ImageNet => (7, 2),
        };
        let stem = plan.step("conv1", "bn1", [shape.image[0], channels], size, stride);
        let mut blocks = Vec::new();
        for (stage, &count) in shape.blocks.iter().enumerate() {
            let width = shape.width << stage;
            for index in 0..count {
                let name = format!("layer{}.{index}", stage + 1);
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                blocks.push(plan.block(&name, [channels, width], stride));
                channels = width;
            }
        }
        let head = Linear::new(
            &mut builder,
            "fc",
            [channels, shape.outputs],
            true,
            shape.initialisation,
        );
        Self {
            image: shape.image,
            pool: (shape.stem == Stem::ImageNet).then_some(STEM_POOL),
            width: shape.width,
            activation: shape.activation,
            stem,
            blocks,
            head,
            blueprint: builder.finish(),
        }
    }
}

impl Network for ResNet {
    fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: Tensor<2>) -> Dual<2> {
        let [channels, height, width] = self.image;
        let images = inputs.reshape([-1, channels as i32, height as i32, width as i32]);
        let mut hidden = self.stem.forward(pass, Dual::constant(images));
        hidden = self.activation.apply(hidden);
        if let Some(MaxPool {
            size,
            stride,
            padding,
        }) = self.pool
        {
            hidden = hidden.max_pool2d(size, stride, padding);
        }
        for block in &self.blocks {
            let output = block.forward(pass, hidden, self.activation);
            hidden = pass.tap(output);
        }
        self.head.forward(pass, hidden.global_average_pool())
    }

    fn symmetries(&self) -> Vec<Symmetry> {
        // The channels that all blocks of a stage add to are one row of units with many writers and
        // readers; a projection begins a new one.
        let mut symmetries = Vec::new();
        // A maximum is of each channel by itself: no mixture of channels passes it.
        let stream = match (self.activation, &self.pool) {
            (Activation::Linear, Some(_)) => Activation::Relu,
            (activation, _) => activation,
        };
        // Padding carries the channels of a stage into some of those of the next: then only what is within blocks, and
        // the scales that normalisation takes out, are told.
        let is_padded = self
            .blocks
            .iter()
            .any(|block| matches!(block.past, Past::Padding(_)));
        let streams = |writers: &[_], readers| {
            let symmetries = Symmetry::shared(writers, readers, stream).into_iter();
            symmetries.skip(usize::from(is_padded)).collect::<Vec<_>>()
        };
        let mut writers = vec![self.stem.units()];
        let mut readers = Vec::new();
        for block in &self.blocks {
            readers.push(block.first.convolution.columns());
            symmetries.extend(Symmetry::hidden(
                &block.first.convolution.units(),
                block.first.norm.as_ref(),
                vec![block.second.convolution.columns()],
                self.activation,
            ));
            if let Some(projection) = block.projection() {
                readers.push(projection.convolution.columns());
                symmetries.extend(streams(&writers, readers));
                (writers, readers) = (vec![projection.units()], Vec::new());
            }
            writers.push(block.second.units());
        }
        readers.push(self.head.columns());
        symmetries.extend(streams(&writers, readers));
        symmetries
    }

    fn hidden_activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn linear_maps(&self) -> Vec<LinearMap> {
        let [_, height, width] = self.image;
        let mut size = [height, width];
        let mut maps = vec![self.stem.convolution.linear_map(size)];
        size = self.stem.convolution.output_size(size);
        if let Some(pool) = &self.pool {
            size = size.map(|length| length.div_ceil(pool.stride));
        }
        for block in &self.blocks {
            let (within, output) = block.linear_maps(size);
            maps.extend(within);
            size = output;
        }
        maps.push(self.head.linear_map());
        maps
    }

    fn samples_per_chunk(&self) -> usize {
        // What is kept grows with the channels.
        (128 * 16 / self.width).clamp(16, 128)
    }

    fn samples_per_part(&self) -> usize {
        (32 * 16 / self.width).clamp(4, 32)
    }
}
