//! The operations' reverse rules.

use super::operation::Kernels;
use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;

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
}
