//! How steps are counted in epochs, where the size of a batch may grow.

use super::train::{BatchSchedule, Train};
use crate::data::Sampling;

/// Passes over the training samples: how many steps each takes, and of how many samples a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// Of growing first epochs; the last one has no end.
    phases: Vec<Phase>,
}

/// Epochs of one batch size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Phase {
    /// The first epoch.
    epoch: u64,
    /// The first step.
    step: u64,
    /// The samples of a batch, of which a step may follow several.
    batch: u64,
    /// The samples of a step.
    samples: u64,
    steps_per_epoch: u64,
}

impl Phase {
    /// From the first epoch on, over so many samples, in batches of a size.
    fn new(samples: u64, batch: u64, train: &Train) -> Self {
        let batch = batch.max(1);
        let batches = train.accumulate.unwrap_or(1) as u64;
        let of_step = batch.saturating_mul(batches);
        let steps = samples.div_ceil(of_step).max(1);
        Self {
            epoch: 0,
            step: 0,
            batch,
            samples: match train.sampling {
                Sampling::Shuffle => of_step.min(samples),
                Sampling::Replacement => of_step,
            },
            steps_per_epoch: steps.saturating_mul(train.svag.unwrap_or(1) as u64),
        }
    }

    /// The same batches from another epoch on, which `self` precedes.
    fn after(self, last: &Self, epoch: u64) -> Self {
        let steps = (epoch - last.epoch).saturating_mul(last.steps_per_epoch);
        Self {
            epoch,
            step: last.step.saturating_add(steps),
            ..self
        }
    }
}

impl Epochs {
    /// Epochs of so many steps.
    #[cfg(test)]
    pub fn of_steps(steps: usize) -> Self {
        let phase = Phase {
            epoch: 0,
            step: 0,
            batch: 1,
            samples: 1,
            steps_per_epoch: steps as u64,
        };
        Self {
            phases: vec![phase],
        }
    }

    /// Epochs over so many samples in batches that grow as the loop's schedule says, but not beyond what all samples
    /// take.
    pub(super) fn scheduled(samples: usize, train: &Train) -> Self {
        let first = train.batch_size.unwrap_or(samples) as u64;
        let phase = |batch: u64| Phase::new(samples as u64, batch, train);
        let mut phases = vec![phase(first)];
        let BatchSchedule::Step(growth) = &train.batch_schedule else {
            return Self { phases };
        };
        let all = samples.div_ceil(train.accumulate.unwrap_or(1));
        let largest = growth.largest_batch.unwrap_or(all).min(all) as u64;
        let size = |times: u64| {
            let size = first as f64 * growth.batch_factor.powf(times as f64);
            (size.round() as u64).min(largest)
        };
        let mut times: u64 = 1;
        loop {
            let last = phases[phases.len() - 1];
            let epoch = times.checked_mul(growth.batch_every as u64);
            let Some(epoch) = epoch.filter(|_| last.batch < largest) else {
                return Self { phases };
            };
            if size(times) > last.batch {
                phases.push(phase(size(times)).after(&last, epoch));
                times += 1;
            } else {
                // To where half a sample more shows.
                let ratio = (last.batch as f64 + 0.5) / first as f64;
                let shows = ratio.ln() / growth.batch_factor.ln();
                times = (times + 1).max(shows as u64);
            }
        }
    }

    /// The epoch a step belongs to and its place in it, both from 0.
    pub fn at(&self, step: u64) -> (u64, u64) {
        let phase = self.phase(|phase| phase.step <= step);
        let steps = step - phase.step;
        (
            phase.epoch + steps / phase.steps_per_epoch,
            steps % phase.steps_per_epoch,
        )
    }

    /// The epoch that begins with a step, if one does.
    pub fn beginning_at(&self, step: u64) -> Option<u64> {
        let (epoch, place) = self.at(step);
        (place == 0).then_some(epoch)
    }

    /// Whether an epoch begins with a step whose number is a multiple of `every`.
    pub fn is_due(&self, step: u64, every: u64) -> bool {
        self.beginning_at(step)
            .is_some_and(|epoch| epoch.is_multiple_of(every))
    }

    /// So many steps in epochs; whole at the end of one.
    pub fn passed(&self, steps: u64) -> f64 {
        let phase = self.phase(|phase| phase.step <= steps);
        phase.epoch as f64 + (steps - phase.step) as f64 / phase.steps_per_epoch as f64
    }

    /// The steps of so many epochs.
    pub fn steps(&self, epochs: u64) -> u64 {
        let phase = self.phase(|phase| phase.epoch <= epochs);
        let within = (epochs - phase.epoch).saturating_mul(phase.steps_per_epoch);
        phase.step.saturating_add(within)
    }

    /// The samples of a step, but for the last of an epoch, which may have fewer.
    pub fn batch_size(&self, step: u64) -> u64 {
        self.phase(|phase| phase.step <= step).samples
    }

    /// The samples of each batch that a step follows, of which the last may have fewer.
    pub fn accumulated_batch_size(&self, step: u64) -> u64 {
        self.phase(|phase| phase.step <= step).batch
    }

    /// The steps of the first epoch.
    pub fn first(&self) -> u64 {
        self.phases[0].steps_per_epoch
    }

    /// The first step of each batch size, of the first so many steps.
    pub fn starts(&self, steps: u64) -> impl Iterator<Item = u64> {
        let starts = self.phases.iter().map(|phase| phase.step);
        starts.take_while(move |step| *step < steps.max(1))
    }

    /// The last phase of which something holds that holds of all before.
    fn phase(&self, is_reached: impl Fn(&Phase) -> bool) -> &Phase {
        let reached = self.phases.partition_point(is_reached);
        &self.phases[reached.max(1) - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::samples::plain;
    use crate::config::train::BatchGrowth;
    use proptest::prelude::*;

    fn loop_of(first: usize, every: usize, factor: f64) -> Train {
        let growth = BatchGrowth {
            batch_every: every,
            batch_factor: factor,
            largest_batch: None,
        };
        Train {
            batch_size: Some(first),
            batch_schedule: BatchSchedule::Step(growth),
            ..plain().train
        }
    }

    fn growing(samples: usize, first: usize, every: usize, factor: f64) -> Epochs {
        Epochs::scheduled(samples, &loop_of(first, every, factor))
    }

    #[test]
    fn accumulated_batches_grow_together_up_to_all_samples() {
        let train = Train {
            accumulate: Some(3),
            ..loop_of(4, 1, 4.0)
        };
        // Steps of 12, 48 and all of 100 samples: 9, 3 and 1 of them.
        let epochs = Epochs::scheduled(100, &train);
        let starts: Vec<u64> = epochs.starts(u64::MAX).collect();
        assert_eq!(starts, [0, 9, 12]);
        let sizes = |step| (epochs.batch_size(step), epochs.accumulated_batch_size(step));
        let sizes: Vec<(u64, u64)> = starts.into_iter().map(sizes).collect();
        assert_eq!(sizes, [(12, 4), (48, 16), (100, 34)]);
    }

    #[test]
    fn an_epoch_of_stochastic_variance_amplified_gradients_has_as_many_times_the_steps() {
        let train = Train {
            svag: Some(3),
            ..loop_of(32, 1, 2.0)
        };
        let epochs = Epochs::scheduled(100, &train);
        let starts: Vec<u64> = epochs.starts(u64::MAX).collect();
        assert_eq!(starts, [0, 12, 18]);
        assert_eq!(epochs.steps(4), 12 + 6 + 3 + 3);
    }

    #[test]
    fn batches_grow_at_whole_epochs_up_to_all_samples() {
        // Epochs of 13, 13, 4, 4, 2, 2, 1, 1, ... steps.
        let epochs = growing(100, 8, 2, 3.5);
        let sizes: Vec<u64> = (0..40).map(|step| epochs.batch_size(step)).collect();
        let expected = [(26, 8), (8, 28), (4, 98), (2, 100)].iter();
        let expected: Vec<u64> = expected
            .flat_map(|&(steps, size)| std::iter::repeat_n(size, steps))
            .collect();
        assert_eq!(sizes, expected);
        assert_eq!(epochs.at(12), (0, 12));
        assert_eq!(epochs.at(13), (1, 0));
        assert_eq!(epochs.at(31), (3, 1));
        assert_eq!(epochs.at(39), (7, 0));
        assert_eq!(epochs.beginning_at(31), None);
        assert_eq!(epochs.passed(28), 2.5);
        let ends: Vec<u64> = (0..8).map(|epoch| epochs.steps(epoch)).collect();
        assert_eq!(ends, [0, 13, 26, 30, 34, 36, 38, 39]);
        assert_eq!(epochs.starts(34).collect::<Vec<_>>(), [0, 26]);
        assert_eq!(epochs.starts(35).collect::<Vec<_>>(), [0, 26, 34]);
    }

    #[test]
    fn growth_by_less_than_a_sample_shows_where_it_has_added_up() {
        let epochs = growing(40, 4, 1, 1.01);
        let by_epoch = |epoch: u64| epochs.batch_size(epochs.steps(epoch));
        for epoch in 0..300 {
            let expected = (4.0 * 1.01_f64.powf(epoch as f64)).round().min(40.0);
            assert_eq!(by_epoch(epoch), expected as u64, "{epoch}");
        }
    }

    #[test]
    fn no_growth_overflows() {
        let epochs = growing(50_000, 1, usize::MAX, 1.0 + f64::EPSILON);
        assert_eq!(epochs.batch_size(u64::MAX), 1);
        assert_eq!(growing(50_000, 1, 1, f64::MAX).batch_size(50_000), 50_000);
        assert_eq!(growing(10, 3, usize::MAX, 2.0).steps(u64::MAX), u64::MAX);
    }

    proptest! {
        #[test]
        fn steps_are_counted_as_one_by_one(
            samples in 1_usize..60,
            first in 1_usize..60,
            every in 1_usize..4,
            factor in 1.001_f64..4.0,
        ) {
            let epochs = growing(samples, first.min(samples), every, factor);
            let (mut epoch, mut place) = (0, 0);
            for step in 0..200 {
                prop_assert_eq!(epochs.at(step), (epoch, place));
                prop_assert_eq!(epochs.steps(epoch) + place, step);
                prop_assert_eq!(epochs.beginning_at(step), (place == 0).then_some(epoch));
                prop_assert!((epochs.passed(step).floor() as u64) == epoch);
                place += 1;
                if place == (samples as u64).div_ceil(epochs.batch_size(step)) {
                    (epoch, place) = (epoch + 1, 0);
                }
            }
        }
    }
}
