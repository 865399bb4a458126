//! Update rules (Burn's optimizers, applied block by block) and learning-rate schedules.

mod restore;
mod schedule;

pub use schedule::Schedule;

use crate::backend::Compute;
use crate::config::{Method, Momentum, Optimizer};
use crate::params::{Layout, Parameters};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, Optimizer as Rule, RecordState, SgdConfig, StateSink};
use burn::tensor::{Tensor, TensorData};
use burn_pack::Scalar;
use restore::{Parts, Restore};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A fresh optimizer for parameters of this layout.
///
/// Heavy-ball momentum is `v ← μv + g`, without dampening, as in PyTorch. Weight decay is an L2
/// penalty added to the gradient, except in AdamW, where it is decoupled (Loshchilov & Hutter
/// 2019).
pub fn init(config: &Optimizer, layout: &Arc<Layout>) -> Box<dyn Stepper> {
    match config.method {
        Method::Sgd(momentum) | Method::Gd(momentum) => {
            let rule = SgdConfig::new()
                .with_momentum(heavy_ball(momentum))
                .with_weight_decay(penalty(config));
            Box::new(Blockwise::new(rule.build(), layout))
        }
        Method::Adam(moments) => {
            let rule = AdamConfig::new()
                .with_beta_1(moments.beta1 as f32)
                .with_beta_2(moments.beta2 as f32)
                .with_epsilon(moments.epsilon as f32)
                .with_weight_decay(penalty(config));
            Box::new(Blockwise::new(rule.build(), layout))
        }
        Method::AdamW(moments) => {
            let rule = AdamWConfig::new()
                .with_beta_1(moments.beta1 as f32)
                .with_beta_2(moments.beta2 as f32)
                .with_epsilon(moments.epsilon as f32)
                .with_weight_decay(config.weight_decay as f32);
            Box::new(Blockwise::new(rule.build(), layout))
        }
    }
}

fn heavy_ball(momentum: Momentum) -> Option<MomentumConfig> {
    (momentum.coefficient > 0.0).then(|| {
        MomentumConfig::new()
            .with_momentum(momentum.coefficient)
            .with_dampening(0.0)
            .with_nesterov(momentum.nesterov)
    })
}

fn penalty(config: &Optimizer) -> Option<WeightDecayConfig> {
    (config.weight_decay > 0.0).then(|| WeightDecayConfig::new(config.weight_decay as f32))
}

/// An update rule with its state.
pub trait Stepper {
    /// The parameters after one step along `gradient`.
    fn step(
        &mut self,
        learning_rate: f64,
        parameters: &Parameters,
        gradient: &Parameters,
    ) -> Parameters;

    /// Everything the next step depends on.
    fn save(&self) -> OptimizerState;

    /// Takes up a saved state.
    ///
    /// # Errors
    ///
    /// A sentence on what the state lacks or has too much.
    fn load(&mut self, state: OptimizerState, compute: &Compute) -> Result<(), String>;
}

/// Named tensors and numbers that make up an optimizer's state.
#[derive(Clone, Debug, Default)]
pub struct OptimizerState {
    /// Moments, under `{block}.{name}`.
    pub tensors: Vec<(String, TensorData)>,
    /// Step counters and the like.
    pub scalars: BTreeMap<String, Scalar>,
}

/// One of Burn's rules, applied to each block with a state of its own.
struct Blockwise<R: Rule> {
    rule: R,
    blocks: Vec<(String, usize)>,
    states: Vec<Option<R::State<1>>>,
}

impl<R: Rule> Blockwise<R> {
    fn new(rule: R, layout: &Arc<Layout>) -> Self {
        Self {
            rule,
            blocks: layout
                .blocks()
                .iter()
                .map(|block| (block.name.clone(), block.len()))
                .collect(),
            states: layout.blocks().iter().map(|_| None).collect(),
        }
    }
}

/// The saved parts of the block called `block`.
struct BlockParts<'a> {
    block: &'a str,
    tensors: &'a mut BTreeMap<String, TensorData>,
    scalars: &'a BTreeMap<String, Scalar>,
    compute: &'a Compute,
}

impl Parts for BlockParts<'_> {
    fn tensor(&mut self, name: &str) -> Option<Tensor<1>> {
        let data = self.tensors.remove(&format!("{}.{name}", self.block))?;
        Some(self.compute.tensor_from_data(data))
    }

    fn counter(&mut self, name: &str) -> Option<usize> {
        let scalar = self.scalars.get(&format!("{}.{name}", self.block))?;
        usize::try_from(*scalar).ok()
    }
}

impl<R: Restore> Stepper for Blockwise<R> {
    fn step(
        &mut self,
        learning_rate: f64,
        parameters: &Parameters,
        gradient: &Parameters,
    ) -> Parameters {
        let blocks = parameters.tensors().iter().zip(gradient.tensors());
        let tensors = blocks
            .zip(&mut self.states)
            .map(|((tensor, gradient), state)| {
                let (tensor, next) = self.rule.step(
                    learning_rate,
                    tensor.clone(),
                    gradient.clone(),
                    state.take(),
                );
                *state = next;
                tensor
            })
            .collect();
        Parameters::from_tensors(parameters.layout(), tensors)
    }

    fn save(&self) -> OptimizerState {
        let mut sink = StateSink::default();
        for ((name, _), state) in self.blocks.iter().zip(&self.states) {
            if let Some(state) = state {
                state.state_flatten(name, &mut sink);
            }
        }
        OptimizerState {
            tensors: sink.tensors,
            scalars: sink.scalars.into_iter().collect(),
        }
    }

    fn load(&mut self, state: OptimizerState, compute: &Compute) -> Result<(), String> {
        let is_fresh = state.tensors.is_empty();
        let mut tensors: BTreeMap<_, _> = state.tensors.into_iter().collect();
        for ((block, length), slot) in self.blocks.iter().zip(&mut self.states) {
            check_lengths(block, *length, &tensors)?;
            *slot = R::restore(&mut BlockParts {
                block,
                tensors: &mut tensors,
                scalars: &state.scalars,
                compute,
            });
            if slot.is_none() && !is_fresh {
                return Err(format!("it has no optimizer state of `{block}`"));
            }
        }
        match tensors.keys().next() {
            Some(name) => Err(format!(
                "it has optimizer state `{name}` that nothing reads"
            )),
            None => Ok(()),
        }
    }
}

/// Refuses state of a block that has not a number for each of the block's.
fn check_lengths(
    block: &str,
    length: usize,
    tensors: &BTreeMap<String, TensorData>,
) -> Result<(), String> {
    let prefix = format!("{block}.");
    let of_block = tensors.range(prefix.clone()..);
    let mut of_block = of_block.take_while(|(name, _)| name.starts_with(&prefix));
    match of_block.find(|(_, data)| data.num_elements() != length) {
        None => Ok(()),
        Some((name, data)) => Err(format!(
            "its optimizer state `{name}` has {} numbers, the block has {length}",
            data.num_elements()
        )),
    }
}

#[cfg(test)]
mod tests;
