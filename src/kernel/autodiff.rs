//! The operations' reverse rules.

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
}
