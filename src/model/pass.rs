//! One forward pass: what it reads beside its inputs, and what it saw of them.

use super::NormMode;

use super::KnownProducts;
use crate::backend::Compute;
use crate::dual::Dual;
use crate::kernel;
use crate::params::{DualParameters, Parameters};
use crate::random::Streams;
use burn::tensor::Tensor;
use rand::RngExt;
use std::cell::Cell;

/// Which units dropout silences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dropout {
    /// None.
    Off,
    /// The same ones for every sample and every pass: the network is a fixed thinned one, and its
    /// loss a function that can be measured.
    Fixed(Streams),
    /// Others for every sample, drawn anew in every pass of training.
    Drawn {
        /// Where the masks come from.
        streams: Streams,
        /// The number of the pass, counted over the whole training.
        pass: u64,
    },
}

/// What outputs depend on besides parameters and inputs.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The running means and variances of normalisation layers.
    pub statistics: Parameters,
    /// Whether normalisation uses them, or the mean and variance of each batch.
    pub norm_mode: NormMode,
    /// Which units are silenced.
    pub dropout: Dropout,
}

/// A batch statistic and the weight with which it enters the running one.
#[derive(Clone, Debug)]
pub struct Observation {
    position: usize,
    value: Tensor<1>,
    momentum: f64,
}

/// The state of one forward pass.
pub struct Pass<'a> {
    parameters: DualParameters<'a>,
    conditions: &'a Conditions,
    compute: &'a Compute,
    is_tracked: bool,
    first_sample: usize,
    dropouts: usize,
    observations: Vec<Observation>,
    hidden_layers: usize,
    tap: Option<Tap>,
    known: Option<&'a KnownProducts>,
    linear_maps: Cell<usize>,
    /// What the last linear map so far was given, where the pass keeps it.
    features: Option<Cell<Option<Tensor<2>>>>,
    inner_layers: usize,
    inner: Option<Inner>,
}

/// A layer of units within a block that a pass keeps, `[batch, units]`.
struct Inner {
    layer: usize,
    units: Option<Tensor<2>>,
}

/// A hidden layer at which a pass begins anew, and what it held there, `[batch, features]`.
struct Tap {
    layer: usize,
    hidden: Option<Tensor<2>>,
}

impl<'a> Pass<'a> {
    /// A pass over `parameters`; `is_tracked` says whether it is part of a reverse-mode graph.
    pub fn new(
        parameters: DualParameters<'a>,
        conditions: &'a Conditions,
        compute: &'a Compute,
        is_tracked: bool,
    ) -> Self {
        Self {
            parameters,
            conditions,
            compute,
            is_tracked,
            first_sample: 0,
            dropouts: 0,
            observations: Vec::new(),
            hidden_layers: 0,
            tap: None,
            known: None,
            linear_maps: Cell::new(0),
            features: None,
            inner_layers: 0,
            inner: None,
        }
    }

    /// The same pass over the samples of a batch from `first` on.
    pub fn from_sample(self, first: usize) -> Self {
        Self {
            first_sample: first,
            ..self
        }
    }

    /// The same pass with what earlier ones over the same samples, with the same parameters and under the
    /// same conditions, have left.
    pub fn knowing(self, known: Option<&'a KnownProducts>) -> Self {
        Self { known, ..self }
    }

    /// The same pass, which keeps what the layer that makes the outputs is given.
    pub fn keeping_features(self) -> Self {
        Self {
            features: Some(Cell::new(None)),
            ..self
        }
    }

    /// What the layer that makes the outputs was given, `[batch · positions, features]`; none where the pass
    /// keeps nothing.
    pub fn into_features(self) -> Option<Tensor<2>> {
        self.features?.into_inner()
    }

    /// The same pass, which keeps the units within a block, counted from 1.
    pub fn keeping_inner(self, layer: usize) -> Self {
        let units = None;
        Self {
            inner: Some(Inner { layer, units }),
            ..self
        }
    }

    /// The units that were kept, `[batch, units]`; none where the network has no such layer.
    pub fn into_inner(self) -> Option<Tensor<2>> {
        self.inner?.units
    }

    /// Called by networks with the units within a block, which an activation has made and a linear map adds up
    /// before the block ends; hands on what it is given.
    pub fn within<const D: usize>(&mut self, units: Dual<D>) -> Dual<D> {
        self.inner_layers += 1;
        if let Some(inner) = &mut self.inner
            && inner.layer == self.inner_layers
        {
            let samples = units.dims()[0] as i32;
            inner.units = Some(units.value.clone().reshape([samples, -1]));
        }
        units
    }

    /// The product `x Wᵀ` of a linear map.
    pub(super) fn linear(&self, input: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
        if let Some(features) = &self.features {
            features.set(Some(input.clone()));
        }
        let Some(known) = self.known else {
            return kernel::linear(input, weight);
        };
        let place = self.linear_maps.replace(self.linear_maps.get() + 1);
        known.linear(place, input, weight, |known| self.constant(known))
    }

    /// The same pass, which makes what it holds after a hidden layer, counted from 1, a leaf of the
    /// reverse-mode graph: outputs are then differentiated in it. For tracked passes without a
    /// direction.
    pub fn tapped_at(self, layer: usize) -> Self {
        let hidden = None;
        Self {
            tap: Some(Tap { layer, hidden }),
            ..self
        }
    }

    /// Called by networks after each hidden layer or block; hands on what it is given.
    pub fn tap<const D: usize>(&mut self, hidden: Dual<D>) -> Dual<D> {
        self.hidden_layers += 1;
        match &mut self.tap {
            Some(tap) if tap.layer == self.hidden_layers => {
                let shape = hidden.dims();
                let value = hidden.value.without_autodiff();
                let leaf: Tensor<2> = value.reshape([shape[0] as i32, -1]);
                let leaf = leaf.autodiff().require_grad();
                tap.hidden = Some(leaf.clone());
                Dual::constant(leaf.reshape(shape))
            }
            _ => hidden,
        }
    }

    /// The leaf that was made of a hidden layer, `[batch, features]`; none where the network has no
    /// such layer.
    pub fn into_hidden(self) -> Option<Tensor<2>> {
        self.tap?.hidden
    }

    /// The parameter at `position` of the layout, in its own shape.
    pub fn parameter<const D: usize>(&self, position: usize) -> Dual<D> {
        self.parameters.block(position)
    }

    /// The running statistic at `position`, a constant.
    pub fn statistic(&self, position: usize) -> Tensor<1> {
        self.constant(self.conditions.statistics.tensors()[position].clone())
    }

    /// How normalisation layers behave.
    pub fn norm_mode(&self) -> NormMode {
        self.conditions.norm_mode
    }

    /// A tensor that is no function of the parameters, ready to meet those that are.
    pub fn constant<const D: usize>(&self, tensor: Tensor<D>) -> Tensor<D> {
        if self.is_tracked {
            tensor.autodiff()
        } else {
            tensor
        }
    }

    /// A constant tensor from numbers.
    pub fn constant_from<const D: usize>(&self, values: &[f64], shape: [usize; D]) -> Tensor<D> {
        self.constant(self.compute.tensor(values, shape))
    }

    /// Remembers a statistic of this batch: the running one becomes
    /// `(1 − momentum) · running + momentum · value`.
    pub fn observe(&mut self, position: usize, value: Tensor<1>, momentum: f64) {
        self.observations.push(Observation {
            position,
            value: value.without_autodiff(),
            momentum,
        });
    }

    /// Silences each unit with probability `rate` and scales the others by `1 / (1 − rate)`
    /// (Srivastava et al. 2014, in the inverted form of PyTorch). The first dimension is that of
    /// samples.
    pub fn dropout<const D: usize>(&mut self, input: Dual<D>, rate: f64) -> Dual<D> {
        let layer = self.dropouts;
        self.dropouts += 1;
        let mut shape = input.dims();
        let mut rng = match self.conditions.dropout {
            _ if rate == 0.0 => return input,
            Dropout::Off => return input,
            Dropout::Fixed(streams) => {
                shape[0] = 1;
                streams.stream(&format!("dropout.fixed.{layer}"), 0)
            }
            Dropout::Drawn { streams, pass } => {
                let mut rng = streams.stream(&format!("dropout.{layer}"), pass);
                // Past the masks of the samples before: a unit takes two words of 32 bits.
                let before = self.first_sample * shape[1..].iter().product::<usize>();
                rng.set_word_pos(2 * before as u128);
                rng
            }
        };
        let kept = 1.0 / (1.0 - rate);
        let mask: Vec<f64> = (0..shape.iter().product())
            .map(|_| if rng.random_bool(rate) { 0.0 } else { kept })
            .collect();
        input.mask(self.constant_from(&mask, shape))
    }

    /// The running statistics after this pass.
    pub fn into_statistics(self) -> Parameters {
        self.into_statistics_of(|momentum| momentum)
    }

    /// The running statistics where those of this pass enter with a weight of their own, so that they can be means over
    /// several batches. What a pass replaces, such as the number of batches seen, it replaces all the same.
    pub fn into_averages(self, weight: f64) -> Parameters {
        self.into_statistics_of(|momentum| if momentum < 1.0 { weight } else { momentum })
    }

    fn into_statistics_of(self, weight: impl Fn(f64) -> f64) -> Parameters {
        let statistics = &self.conditions.statistics;
        let mut tensors = statistics.tensors().to_vec();
        for Observation {
            position,
            value,
            momentum,
        } in self.observations
        {
            let momentum = weight(momentum);
            let running = tensors[position].clone();
            tensors[position] = running.mul_scalar(1.0 - momentum) + value.mul_scalar(momentum);
        }
        Parameters::from_tensors(statistics.layout(), tensors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Precision, read};
    use crate::params::Layout;
    use std::sync::Arc;

    /// The same of two samples.
    fn masks(dropout: Dropout, rate: f64) -> Vec<Vec<f64>> {
        masks_of(0, 2, dropout, rate)
    }

    /// What two dropout layers make of 200 ones in each of `samples` samples from `first` on.
    fn masks_of(first: usize, samples: usize, dropout: Dropout, rate: f64) -> Vec<Vec<f64>> {
        let compute = Compute::cpu(Precision::F64);
        let nothing = Parameters::from_host(&Arc::new(Layout::new([])), &[], &compute);
        let conditions = Conditions {
            statistics: nothing.clone(),
            norm_mode: NormMode::Eval,
            dropout,
        };
        let mut pass = Pass::new(
            DualParameters::plain(&nothing),
            &conditions,
            &compute,
            false,
        )
        .from_sample(first);
        let mut layer = || {
            let ones = compute.tensor(&vec![1.0; samples * 200], [samples, 200]);
            read(&pass.dropout(Dual::constant(ones), rate).value).unwrap()
        };
        vec![layer(), layer()]
    }

    #[test]
    fn kept_units_are_scaled_so_that_the_mean_stays() {
        let streams = Streams::new(0);
        let mask = masks(Dropout::Drawn { streams, pass: 0 }, 0.2).concat();
        assert!(mask.iter().all(|&unit| unit == 0.0 || unit == 1.25));
        // Five standard deviations of the mean of 800 units.
        let mean = mask.iter().sum::<f64>() / 800.0;
        assert!((mean - 1.0).abs() < 5.0 * 0.5 / 800f64.sqrt(), "{mean}");
    }

    #[test]
    fn a_part_of_a_batch_has_the_masks_its_samples_have_in_the_batch() {
        let dropout = Dropout::Drawn {
            streams: Streams::new(3),
            pass: 5,
        };
        let whole = masks_of(0, 5, dropout, 0.3);
        let parts = [
            masks_of(0, 2, dropout, 0.3),
            masks_of(2, 1, dropout, 0.3),
            masks_of(3, 2, dropout, 0.3),
        ];
        for (layer, whole) in whole.iter().enumerate() {
            let joined = parts.iter().map(|part| part[layer].clone());
            assert_eq!(joined.collect::<Vec<_>>().concat(), *whole);
        }
    }

    #[test]
    fn a_rate_of_zero_and_dropout_off_change_nothing() {
        let streams = Streams::new(0);
        assert_eq!(masks(Dropout::Fixed(streams), 0.0).concat(), [1.0; 800]);
        assert_eq!(masks(Dropout::Off, 0.5).concat(), [1.0; 800]);
    }

    #[test]
    fn fixed_masks_are_the_same_for_every_sample_and_drawn_ones_are_not() {
        let streams = Streams::new(0);
        for mask in masks(Dropout::Fixed(streams), 0.5) {
            assert_eq!(mask[..200], mask[200..]);
        }
        let drawn = |pass| masks(Dropout::Drawn { streams, pass }, 0.5);
        assert_ne!(drawn(0)[0][..200], drawn(0)[0][200..]);
        assert_ne!(drawn(0)[0], drawn(0)[1], "two layers");
        assert_ne!(drawn(0), drawn(1));
        assert_eq!(drawn(7), drawn(7));
    }
}
