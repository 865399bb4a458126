//! Looks out for what happens to a run, in the losses of its steps and in the rows that it measures.
//!
//! Nothing is measured here: an event is known as finely as what it is read from is measured, and says so.

use crate::config::{Events, Trigger};
use crate::measure::{Failure, Measurement, Reach, StepRule, over_the_line};
use crate::model::NormMode;
use crate::run::{Divergence, Event, EventMemory, LambdaMax, OverTheLine, Side};

/// Something that has just happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Happening {
    /// What.
    pub event: Event,
    /// The first step at which it is known to have happened.
    pub step: u64,
    /// The last step at which it is known not to have.
    pub since: Option<u64>,
    /// Its row.
    pub row: Measurement,
}

impl Happening {
    /// Notes what happened in the memory of the run.
    fn noted(self, memory: &mut EventMemory) -> Self {
        let circumstances = &self.row.circumstances;
        memory.note(self.event, self.step, self.since, circumstances);
        self
    }

    /// What hooks call it.
    pub fn trigger(&self) -> Option<Trigger> {
        match self.event {
            Event::Interpolation => Some(Trigger::Interpolation),
            Event::StabilityCrossingAbove | Event::StabilityCrossingBelow => {
                Some(Trigger::StabilityCrossing)
            }
            Event::LossSpike => Some(Trigger::LossSpike),
            Event::Divergence => None,
        }
    }
}

/// When the loss of a step is a spike: above a multiple of the median over the steps before it. Steps above it
/// that follow each other are one spike.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpikeRule {
    factor: f64,
    window: usize,
}

impl SpikeRule {
    /// The rule of a config.
    pub fn of(events: &Events) -> Self {
        Self {
            factor: events.spike_factor,
            window: events.spike_window,
        }
    }

    /// Takes note of the training loss that the parameters have after `step` steps, over the samples of the step
    /// that follows; the answer is the spike that begins with it.
    pub fn note(self, memory: &mut EventMemory, step: u64, loss: f64) -> Option<Happening> {
        let usual = (memory.losses.len() >= self.window).then(|| median(&memory.losses));
        memory.losses.push(loss);
        let surplus = memory.losses.len().saturating_sub(self.window);
        memory.losses.drain(..surplus);
        let was_spiking = memory.is_spiking;
        let usual = usual.filter(|usual| *usual > 0.0);
        memory.is_spiking = usual.is_some_and(|usual| loss > self.factor * usual);
        if !memory.is_spiking || was_spiking {
            return None;
        }
        memory.has_spiked = true;
        let usual = usual?;
        let row = Measurement {
            note: Some(format!(
                "a step's loss of {loss:.4e}, the median of the {} steps before being {usual:.4e}",
                self.window
            )),
            ..Measurement::exact(Event::LossSpike.as_str(), loss / usual)
        };
        let happening = Happening {
            event: Event::LossSpike,
            step,
            since: step.checked_sub(1),
            row,
        };
        Some(happening.noted(memory))
    }
}

/// The lower of the two in the middle, of an even number.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    let middle = values.len().saturating_sub(1) / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// What the rows measured after `step` steps tell that has happened since the last ones did, in a run whose steps
/// follow this rule at this rate.
pub(super) fn in_rows(
    memory: &mut EventMemory,
    step: u64,
    rows: &[&Measurement],
    (rule, reach): (StepRule<'_>, Reach<'_>),
    rate: f64,
) -> Vec<Happening> {
    let is_whole = |row: &&&Measurement| row.circumstances.block.is_none();
    let mut eigenvalues = rows.iter().filter(is_whole);
    let eigenvalue = eigenvalues.find(|row| row.name == "hessian.lambda_max");
    if let Some(value) = eigenvalue.and_then(|row| row.value) {
        memory.lambda_max = Some(LambdaMax { step, value });
    }
    let interpolation = rows.iter().find_map(|row| interpolation(memory, step, row));
    let ratios = over_the_line(rows.iter().copied(), rule, reach, rate);
    let last = ratios.iter().find_map(|row| {
        Some(OverTheLine {
            step,
            ratio: row.value?,
            measure: row.name.clone(),
        })
    });
    memory.over_the_line = last.or_else(|| memory.over_the_line.take());
    let crossings = ratios
        .iter()
        .filter_map(|ratio| crossing(memory, step, ratio));
    let crossings: Vec<Happening> = crossings.collect();
    let all = interpolation.into_iter().chain(crossings);
    all.map(|happening| happening.noted(memory)).collect()
}

/// The first training accuracy of 1, over all samples by the function that is the solution.
fn interpolation(memory: &mut EventMemory, step: u64, row: &Measurement) -> Option<Happening> {
    let of = &row.circumstances;
    let is_of_solution = of.subset.is_none()
        && of.dropout.is_none()
        && of.norm_mode.is_none_or(|mode| mode == NormMode::Eval);
    if row.name != "accuracy.train" || !is_of_solution {
        return None;
    }
    let value = row.value?;
    if value < 1.0 {
        memory.not_interpolating_at = Some(step);
    }
    if value < 1.0 || memory.has_happened(Event::Interpolation) {
        return None;
    }
    let since = memory.not_interpolating_at;
    let before = since.map_or_else(
        || "at the first evaluation".to_owned(),
        |since| format!("not yet after step {since}, the evaluation before"),
    );
    Some(Happening {
        event: Event::Interpolation,
        step,
        since,
        row: Measurement {
            note: Some(format!("training accuracy of 1: {before}")),
            samples: row.samples,
            circumstances: row.circumstances.clone(),
            ..Measurement::exact(Event::Interpolation.as_str(), value)
        },
    })
}

/// A change of sides, of a curvature over the line. One that is nearer to the line than its error is on neither
/// side; nor is the result of a search below it that has not converged, as a larger eigenvalue may be left.
fn crossing(memory: &mut EventMemory, step: u64, ratio: &Measurement) -> Option<Happening> {
    let value = ratio.value?;
    let is_above = value > 1.0;
    let error = ratio.absolute_error().unwrap_or(0.0) + ratio.rounding.unwrap_or(0.0);
    if (value - 1.0).abs() <= error || (!is_above && ratio.converged == Some(false)) {
        return None;
    }
    let now = Side {
        circumstances: ratio.circumstances.clone(),
        step,
        is_above,
    };
    let mut sides = memory.sides.iter_mut();
    let Some(side) = sides.find(|side| side.circumstances == now.circumstances) else {
        memory.sides.push(now);
        return None;
    };
    let before = std::mem::replace(side, now);
    if before.is_above == is_above {
        return None;
    }
    let (event, where_it_was) = match is_above {
        true => (Event::StabilityCrossingAbove, "below"),
        false => (Event::StabilityCrossingBelow, "above"),
    };
    let note = format!(
        "by {}: {where_it_was} the line after step {}, when a hook last told",
        ratio.name, before.step
    );
    let notes = ratio.note.iter().cloned().chain([note]);
    Some(Happening {
        event,
        step,
        since: Some(before.step),
        row: Measurement {
            name: event.as_str().to_owned(),
            matvecs: None,
            seconds: 0.0,
            note: Some(notes.collect::<Vec<_>>().join("; ")),
            ..ratio.clone()
        },
    })
}

/// That training has left the finite numbers.
pub(super) fn divergence(memory: &mut EventMemory, divergence: &Divergence) -> Happening {
    let name = Event::Divergence.as_str();
    let note = Some(format!("{} is not finite", divergence.what));
    let row = match divergence.last_finite_loss {
        Some(loss) => Measurement::exact(name, loss),
        None => Measurement::failed(name, Failure::not_finite("no training loss was finite")),
    };
    let happening = Happening {
        event: Event::Divergence,
        step: divergence.step,
        since: divergence.step.checked_sub(1),
        row: Measurement { note, ..row },
    };
    happening.noted(memory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: SpikeRule = SpikeRule {
        factor: 3.0,
        window: 4,
    };

    /// The steps and values of the spikes in a list of losses.
    fn spikes(losses: &[f64]) -> Vec<(u64, f64)> {
        let mut memory = EventMemory::default();
        let noted = (0..).zip(losses).filter_map(|(step, &loss)| {
            let happening = RULE.note(&mut memory, step, loss)?;
            Some((happening.step, happening.row.value.unwrap()))
        });
        noted.collect()
    }

    #[test]
    fn a_planted_spike_is_told_once_at_its_first_step_with_its_height() {
        let mut losses = vec![1.0; 30];
        losses[12..15].copy_from_slice(&[3.5, 9.0, 4.0]);
        losses[20] = 3.0;
        losses[25] = 6.0;
        assert_eq!(spikes(&losses), [(12, 3.5), (25, 6.0)]);
    }

    #[test]
    fn the_fall_of_a_run_and_its_first_steps_hold_no_spike() {
        let falling: Vec<f64> = (0..60).map(|step| 100.0 * 0.8f64.powi(step)).collect();
        assert_eq!(spikes(&falling), []);
        assert_eq!(spikes(&[0.1, 100.0, 0.1, 100.0]), []);
        assert_eq!(spikes(&[0.0; 20]), []);
    }

    proptest! {
        /// What a memory has been written to a checkpoint and read back in the middle of is as if it had not.
        #[test]
        fn a_memory_survives_a_checkpoint(
            losses in proptest::collection::vec(0.0..5.0_f64, 1..60),
            cut in 0..60_usize,
        ) {
            let mut alone = EventMemory::default();
            let mut broken_off = EventMemory::default();
            for (step, &loss) in losses.iter().enumerate() {
                if step == cut {
                    let text = serde_json::to_string(&broken_off).unwrap();
                    broken_off = serde_json::from_str(&text).unwrap();
                }
                let step = step as u64;
                let expected = RULE.note(&mut alone, step, loss);
                prop_assert_eq!(RULE.note(&mut broken_off, step, loss), expected);
            }
            prop_assert_eq!(broken_off, alone);
        }
    }

    const PLAIN: StepRule<'static> = StepRule::Descent {
        momentum: 0.0,
        is_nesterov: false,
        penalty: 0.0,
    };

    /// With all parameters in reach.
    const WHOLE: (StepRule<'static>, Reach<'static>) = (
        PLAIN,
        Reach {
            moves: None,
            decays: None,
        },
    );

    fn lambda_max(value: f64) -> Measurement {
        Measurement::new("hessian.lambda_max", value).with_residual(0.001, true, 9)
    }

    /// What happens in rows that are measured every ten steps, at a learning rate of 0.1: the line is at 20.
    fn happenings(rows: &[Measurement]) -> Vec<Happening> {
        let mut memory = EventMemory::default();
        let happened = rows
            .iter()
            .zip(0..)
            .flat_map(|(row, round)| in_rows(&mut memory, 10 * round, &[row], WHOLE, 0.1));
        happened.collect()
    }

    #[test]
    fn a_planted_crossing_has_its_side_its_ratio_and_the_resolution_of_its_hook() {
        let found = happenings(&[10.0, 18.0, 22.0, 25.0, 19.0, 15.0, 30.0].map(lambda_max));
        let told: Vec<_> = found
            .iter()
            .map(|happening| (happening.event, happening.since, happening.step))
            .collect();
        use Event::{StabilityCrossingAbove as Above, StabilityCrossingBelow as Below};
        let expected = [
            (Above, Some(10), 20),
            (Below, Some(30), 40),
            (Above, Some(50), 60),
        ];
        assert_eq!(told, expected);
        let row = &found[0].row;
        assert!((row.value.unwrap() - 1.1).abs() < 1e-12);
        assert!((row.absolute_error().unwrap() - 0.0011).abs() < 1e-12);
        insta::assert_snapshot!(row.note.as_deref().unwrap(), @"by hessian.lambda_max: below the line after step 10, when a hook last told");
        assert_eq!(found[0].trigger(), Some(Trigger::StabilityCrossing));
    }

    #[test]
    fn what_may_be_on_either_side_has_crossed_nothing() {
        // 0.1 % of it is its error; the next is above, without doubt.
        let found = happenings(&[10.0, 20.01, 19.99, 20.5].map(lambda_max));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].since, found[0].step), (Some(0), 30));
        // A search that was cut short may have missed what is above the line.
        let cut_short = Measurement {
            converged: Some(false),
            ..lambda_max(10.0)
        };
        let found = happenings(&[lambda_max(30.0), cut_short, lambda_max(31.0)]);
        assert_eq!(found, []);
    }

    #[test]
    fn each_way_of_measuring_has_sides_of_its_own() {
        let mut few = lambda_max(30.0);
        few.circumstances.subset = Some(5);
        let found = happenings(&[lambda_max(10.0), few.clone(), lambda_max(11.0), few]);
        assert_eq!(found, []);
    }

    fn accuracy(value: f64) -> Measurement {
        Measurement::new("accuracy.train", value).over(50)
    }

    #[test]
    fn the_first_training_accuracy_of_one_is_told_once() {
        let mut of_few = accuracy(1.0);
        of_few.circumstances.subset = Some(5);
        let rows = [
            accuracy(0.9),
            of_few,
            accuracy(0.98),
            accuracy(1.0),
            accuracy(0.99),
            accuracy(1.0),
        ];
        let found = happenings(&rows);
        assert_eq!(found.len(), 1);
        let happening = &found[0];
        assert_eq!((happening.since, happening.step), (Some(20), 30));
        assert_eq!(
            (happening.row.value, happening.row.samples),
            (Some(1.0), Some(50))
        );
        assert_eq!(happenings(&[accuracy(1.0)])[0].since, None);
    }

    #[test]
    fn the_memory_counts_and_keeps_the_first() {
        let mut memory = EventMemory::default();
        for (round, value) in [10.0, 30.0, 10.0, 30.0].into_iter().enumerate() {
            let row = lambda_max(value);
            in_rows(&mut memory, 10 * round as u64, &[&row], WHOLE, 0.1);
        }
        let told: Vec<_> = memory
            .occurrences
            .iter()
            .map(|known| (known.event, known.first_step, known.since, known.times))
            .collect();
        let expected = [
            (Event::StabilityCrossingAbove, 10, Some(0), 2),
            (Event::StabilityCrossingBelow, 20, Some(10), 1),
        ];
        assert_eq!(told, expected);
        assert_eq!(
            memory.lambda_max,
            Some(LambdaMax {
                step: 30,
                value: 30.0
            })
        );
        let line = memory.over_the_line.unwrap();
        assert!(line.step == 30 && (line.ratio - 1.5).abs() < 1e-12);
    }
}
