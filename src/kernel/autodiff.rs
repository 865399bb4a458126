//! The operations' reverse rules.

use super::composed::{halves, inverse_deviation};
use super::operation::Kernels;
use burn::backend::Autodiff;
use burn::backend::TensorMetadata;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use std::f64::consts::FRAC_2_SQRT_PI;

#[derive(Debug)]
struct Convolution;

/// What the reverse pass of a convolution needs.
#[derive(Clone, Debug)]
struct Saved<T> {
    input: T,
    weight: T,
    stride: usize,
    padding: usize,
}

impl<B: Kernels> Backward<B, 2> for Convolution {
    type State = Saved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input_node, weight_node] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let Saved {
            input,
            weight,
            stride,
            padding,
        } = ops.state;
        if let Some(node) = input_node {
            let gradient = B::convolution_input_gradient(
                input.clone(),
                weight.clone(),
                gradient.clone(),
                stride,
                padding,
            );
            grads.register::<B>(node.id, gradient);
        }
        if let Some(node) = weight_node {
            let gradient = B::convolution_weight_gradient(input, weight, gradient, stride, padding);
            grads.register::<B>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct Linear;

impl<B: Kernels> Backward<B, 2> for Linear {
    /// Input and weight, each where the gradient in the other is wanted.
    type State = [Option<FloatTensor<B>>; 2];

    /// The rule of a product with a transposed matrix would leave the weight's gradient transposed, and
    /// whoever wants it as a row of numbers would have to copy it.
    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input_node, weight_node] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let [input, weight] = ops.state;
        if let (Some(node), Some(weight)) = (input_node, weight) {
            grads.register::<B>(node.id, B::product(gradient.clone(), weight));
        }
        if let (Some(node), Some(input)) = (weight_node, input) {
            let gradient = B::product(B::float_transpose(gradient), input);
            grads.register::<B>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct Tanh;

impl<B: Kernels> Backward<B, 1> for Tanh {
    /// The output y; the slope is 1 − y².
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let output = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            let scaled = B::float_mul(gradient.clone(), output.clone());
            B::float_sub(gradient, B::float_mul(scaled, output))
        });
    }
}

#[derive(Debug)]
struct Exp;

impl<B: Kernels> Backward<B, 1> for Exp {
    /// The output, which is its own slope.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let output = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            B::float_mul(gradient, output)
        });
    }
}

#[derive(Debug)]
struct Erf;

impl<B: Kernels> Backward<B, 1> for Erf {
    /// The input x; the slope is 2/√π exp(−x²).
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let input = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            let square = B::float_mul(input.clone(), input);
            let density = B::exp(B::float_neg(square));
            let slope = B::float_mul_scalar(density, FRAC_2_SQRT_PI.into());
            B::float_mul(gradient, slope)
        });
    }
}

#[derive(Debug)]
struct Softmax;

impl<B: Kernels> Backward<B, 1> for Softmax {
    /// The output y; the gradient is y (ȳ − Σ y ȳ).
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let output = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            let last = output.shape().num_dims() - 1;
            let mean = B::float_mul(output.clone(), gradient.clone());
            let mean = B::float_sum_dim(mean, last);
            B::float_mul(output, B::float_sub(gradient, mean))
        });
    }
}

#[derive(Debug)]
struct CrossEntropy;

impl<B: Kernels> Backward<B, 1> for CrossEntropy {
    /// Outputs and targets.
    type State = [FloatTensor<B>; 2];

    /// Derived from a formula in logarithms, the slope of a class the network is certain of would be the
    /// difference of its probability from 1.
    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [outputs, targets] = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            B::float_mul(B::cross_entropy_slopes(outputs, targets), gradient)
        });
    }
}

#[derive(Debug)]
struct CrossEntropyAlong;

impl<B: Kernels> Backward<B, 2> for CrossEntropyAlong {
    /// Outputs, directions and targets.
    type State = [FloatTensor<B>; 3];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [output_node, direction_node] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let [outputs, directions, targets] = ops.state;
        if let Some(node) = direction_node {
            let slopes = B::cross_entropy_slopes(outputs.clone(), targets.clone());
            grads.register::<B>(node.id, B::float_mul(slopes, gradient.clone()));
        }
        if let Some(node) = output_node {
            let products = B::cross_entropy_curvature(outputs, directions, targets);
            grads.register::<B>(node.id, B::float_mul(products, gradient));
        }
    }
}

#[derive(Debug)]
struct Rectified;

impl<B: Kernels> Backward<B, 1> for Rectified {
    /// The output, which is positive where the slope is 1.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let output = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| {
            B::rectified_gradient(output, gradient)
        });
    }
}

#[derive(Debug)]
struct BatchNorm;

/// What the reverse pass of a batch normalisation needs.
#[derive(Clone, Debug)]
struct Normalised<T> {
    input: T,
    weight: T,
    statistics: T,
    epsilon: f64,
}

impl<B: Kernels> Backward<B, 3> for BatchNorm {
    type State = Normalised<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input_node, weight_node, bias_node] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let Normalised {
            input,
            weight,
            statistics,
            epsilon,
        } = ops.state;
        let sums = B::batch_norm_gradient_sums(input.clone(), gradient.clone(), statistics.clone());
        let [plain, weighted] = halves::<B>(sums.clone());
        if let Some(node) = bias_node {
            grads.register::<B>(node.id, plain);
        }
        if let Some(node) = weight_node {
            let [_, variance] = halves::<B>(statistics.clone());
            let inverse = inverse_deviation::<B>(variance, epsilon);
            grads.register::<B>(node.id, B::float_mul(weighted, inverse));
        }
        if let Some(node) = input_node {
            let gradient =
                B::batch_norm_input_gradient(input, weight, statistics, gradient, sums, epsilon);
            grads.register::<B>(node.id, gradient);
        }
    }
}

/// A node for the linear map whose output is `product(input, weight)`.
fn linear<B: Kernels, C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    product: impl FnOnce(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = [input.node(), weight.node()];
    let [input_is_wanted, weight_is_wanted] = [&input, &weight].map(|tensor| tensor.is_tracked());
    let (input, weight) = (input.into_primitive(), weight.into_primitive());
    match Linear.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(preparation) => {
            let saved = [
                weight_is_wanted.then(|| input.clone()),
                input_is_wanted.then(|| weight.clone()),
            ];
            preparation.finish(saved, product(input, weight))
        }
        OpsKind::UnTracked(preparation) => preparation.finish(product(input, weight)),
    }
}

impl<B: Kernels, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), weight.node()];
        let (input, weight) = (input.into_primitive(), weight.into_primitive());
        let preparation = Convolution.prepare::<C>(nodes).compute_bound().stateful();
        match preparation {
            OpsKind::Tracked(preparation) => {
                let saved = Saved {
                    input: input.clone(),
                    weight: weight.clone(),
                    stride,
                    padding,
                };
                preparation.finish(saved, B::convolution(input, weight, stride, padding))
            }
            OpsKind::UnTracked(preparation) => {
                preparation.finish(B::convolution(input, weight, stride, padding))
            }
        }
    }

    fn linear_map(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        linear::<B, C>(input, weight, B::linear_map)
    }

    fn linear_map_known(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        output: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        linear::<B, C>(input, weight, |_, _| output.into_primitive())
    }

    fn tanh(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let output = B::tanh(input.into_primitive());
        match Tanh.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(output.clone(), output),
            OpsKind::UnTracked(preparation) => preparation.finish(output),
        }
    }

    fn exp(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let output = B::exp(input.into_primitive());
        match Exp.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(output.clone(), output),
            OpsKind::UnTracked(preparation) => preparation.finish(output),
        }
    }

    fn erf(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let input = input.into_primitive();
        match Erf.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(input.clone(), B::erf(input)),
            OpsKind::UnTracked(preparation) => preparation.finish(B::erf(input)),
        }
    }

    fn softmax_last(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let output = B::softmax_last(input.into_primitive());
        match Softmax.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(output.clone(), output),
            OpsKind::UnTracked(preparation) => preparation.finish(output),
        }
    }

    fn cross_entropy(outputs: FloatTensor<Self>, targets: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [outputs.node()];
        let saved = [outputs, targets].map(|tensor| tensor.into_primitive());
        let [outputs, targets] = saved.clone();
        let losses = B::cross_entropy(outputs, targets);
        match CrossEntropy.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(saved, losses),
            OpsKind::UnTracked(preparation) => preparation.finish(losses),
        }
    }

    fn cross_entropy_along(
        outputs: FloatTensor<Self>,
        directions: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [outputs.node(), directions.node()];
        let saved = [outputs, directions, targets].map(|tensor| tensor.into_primitive());
        let [outputs, directions, targets] = saved.clone();
        let derivatives = B::cross_entropy_along(outputs, directions, targets);
        let preparation = CrossEntropyAlong.prepare::<C>(nodes);
        match preparation.compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(saved, derivatives),
            OpsKind::UnTracked(preparation) => preparation.finish(derivatives),
        }
    }

    fn rectified(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [input.node()];
        let output = B::rectified(input.into_primitive());
        match Rectified.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(output.clone(), output),
            OpsKind::UnTracked(preparation) => preparation.finish(output),
        }
    }

    fn batch_normalised(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), weight.node(), bias.node()];
        let [input, weight, bias, statistics] =
            [input, weight, bias, statistics].map(|tensor| tensor.into_primitive());
        let output = |input, weight, statistics| {
            B::batch_normalised(input, weight, bias, statistics, epsilon)
        };
        match BatchNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let saved = Normalised {
                    input: input.clone(),
                    weight: weight.clone(),
                    statistics: statistics.clone(),
                    epsilon,
                };
                preparation.finish(saved, output(input, weight, statistics))
            }
            OpsKind::UnTracked(preparation) => {
                preparation.finish(output(input, weight, statistics))
            }
        }
    }
}
