//! Which units of a ReLU network are active, now and where training started.

use super::SAMPLES;
use crate::measure::failure::{Failure, FailureKind};
use crate::measure::measurement::Measurement;
use crate::measure::precise::{Picked, Place};
use crate::measure::session::Session;
use crate::model::Activation;

/// How many pairs of a sample and a unit there are, and how many of them changed sides.
#[derive(Clone, Copy, Debug, Default)]
struct Changed {
    pairs: usize,
    changed: usize,
}

impl Session<'_> {
    /// The share of pairs of a sample and a unit whose activity, `h > 0`, is another one than at the start: the
    /// normalised Hamming distance of the activation patterns. Of a residual network the units are those that a
    /// block ends with, of a transformer those of the MLP within a block. Over one hidden layer, counted from 1, or
    /// over all.
    pub(super) fn pattern_change(
        &mut self,
        name: &str,
        layer: Option<usize>,
    ) -> Result<Measurement, Failure> {
        self.require_layers_of_single_samples()?;
        let picked = self.picked_train(SAMPLES)?;
        let changed = match layer {
            Some(layer) => self.changed_in(layer, &picked)?,
            None => self.changed_in_all(&picked)?,
        };
        let share = changed.changed as f64 / changed.pairs as f64;
        Ok(Measurement::exact(name, share).over(picked.batch.samples()))
    }

    /// Where the units of a layer are that are active or not.
    fn place_of_units(&self, layer: usize) -> Result<Place, Failure> {
        let network = self.subject.objective.network();
        match (network.hidden_activation(), network.inner_activation()) {
            (Some(Activation::Relu), _) => Ok(Place::Hidden(layer)),
            (None, Some(Activation::Relu)) => Ok(Place::Inner(layer)),
            _ => Err(Failure::not_defined(
                "only what a relu makes is active or not, and the activation here is another one",
            )),
        }
    }

    fn changed_in_all(&mut self, picked: &Picked) -> Result<Changed, Failure> {
        let mut sum = self.changed_in(1, picked)?;
        for layer in 2.. {
            match self.changed_in(layer, picked) {
                Ok(next) => {
                    sum.pairs += next.pairs;
                    sum.changed += next.changed;
                }
                Err(failure) if failure.kind == FailureKind::NotDefined => break,
                Err(failure) => return Err(failure),
            }
        }
        Ok(sum)
    }

    fn changed_in(&mut self, layer: usize, picked: &Picked) -> Result<Changed, Failure> {
        let changed = self.once(&format!("pattern change {layer}"), |session| {
            let place = session.place_of_units(layer)?;
            let (now, _) = session.representation(place)?;
            let then = session.precise_start()?.held(place, picked)?;
            let pairs = now.iter().zip(then.iter());
            let changed = pairs.filter(|(now, then)| (**now > 0.0) != (**then > 0.0));
            Ok(Changed {
                pairs: now.len(),
                changed: changed.count(),
            })
        })?;
        Ok(*changed)
    }
}
