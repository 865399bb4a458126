//! What is no solution: a network that has died, or one that training has only made worse.
//!
//! The loss of either can be perfectly flat, which says nothing about minima.

use crate::backend::read;
use crate::measure::Evaluated;
use crate::objective::{Chunks, Loss, Objective};
use crate::params::Parameters;
use crate::statistics::mean;
use std::collections::BTreeMap;

/// From this share of all samples on that have the same outputs, a network tells none apart.
const SHARE_ALIKE: f64 = 0.99;

/// Two numbers that differ by so many units of rounding, of the largest of their kind, are the same.
const UNITS_ALIKE: f64 = 16.0;

/// Why these parameters are no solution, if they are none: the outputs are the same whatever the
/// sample, or the training loss is above that of the best constant outputs.
///
/// # Errors
///
/// The device's message where it failed.
pub fn degenerate(
    objective: &Objective,
    parameters: &Parameters,
    data: &Chunks,
) -> Result<Option<String>, String> {
    let evaluated =
        Evaluated::run(objective, parameters, data).map_err(|failure| failure.reason)?;
    let width = evaluated.width();
    let rows = evaluated.outputs().len() / width.max(1);
    let mut reasons = Vec::new();
    let epsilon = objective.compute().precision.epsilon();
    let alike = alike(evaluated.outputs(), width, epsilon);
    if rows > 1 && alike as f64 >= SHARE_ALIKE * rows as f64 {
        let layer = dead_layer(objective, parameters, data)?
            .map(|layer| {
                format!(" (all units of hidden layer {layer} are dead: the same for every sample)")
            })
            .unwrap_or_default();
        let total = rows;
        let what = if total == data.samples() {
            "training samples"
        } else {
            "positions of the training samples"
        };
        reasons.push(format!(
            "the outputs are the same on {alike} of {total} {what}{layer}"
        ));
    }
    let best = match (data.labels(), evaluated.targets()) {
        (Some(labels), _) => constant_loss(objective.loss(), labels, width),
        (None, Some(targets)) => half_variance(targets, width),
        (None, None) => 0.0,
    };
    let loss = evaluated.mean_loss();
    if best > 0.0 && loss > best * (1.0 + UNITS_ALIKE * epsilon) {
        reasons.push(format!(
            "the training loss, {}, is above {best:.4}, which the best constant outputs have",
            figure(loss)
        ));
    }
    Ok((!reasons.is_empty()).then(|| reasons.join("; ")))
}

/// A loss in a sentence.
fn figure(loss: f64) -> String {
    if loss < 1e4 {
        format!("{loss:.4}")
    } else {
        format!("{loss:.3e}")
    }
}

/// How many rows of a matrix are the same, to rounding, as its row of medians.
fn alike(values: &[f64], width: usize, epsilon: f64) -> usize {
    let width = width.max(1);
    let columns = 0..width;
    let bounds: Vec<[f64; 2]> = columns
        .map(|column| {
            let mut column: Vec<f64> = values[column..].iter().copied().step_by(width).collect();
            let largest = column.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            column.sort_by(f64::total_cmp);
            let (median, slack) = (column[column.len() / 2], UNITS_ALIKE * epsilon * largest);
            [median - slack, median + slack]
        })
        .collect();
    let is_within = |row: &&[f64]| {
        let mut pairs = row.iter().zip(&bounds);
        pairs.all(|(value, [low, high])| low <= value && value <= high)
    };
    values.chunks(width).filter(is_within).count()
}

/// The first hidden layer, counted from 1, that holds the same for every sample.
fn dead_layer(
    objective: &Objective,
    parameters: &Parameters,
    data: &Chunks,
) -> Result<Option<usize>, String> {
    let epsilon = objective.compute().precision.epsilon();
    for layer in 1.. {
        let mut values = Vec::new();
        for batch in data.batches() {
            let Some(hidden) = objective.hidden(parameters, batch.inputs.clone(), layer) else {
                return Ok(None);
            };
            values.extend(read(&hidden)?);
        }
        let width = values.len() / data.samples().max(1);
        if alike(&values, width, epsilon) == data.samples() {
            return Ok(Some(layer));
        }
    }
    Ok(None)
}

/// The smallest training loss that outputs can have which are the same for every sample. With class
/// frequencies pₖ it is, in closed form,
///
/// - cross-entropy: −Σ pₖ log pₖ, at the frequencies;
/// - square: ½ (1 − Σ pₖ²), at the mean targets;
/// - logistic: Σ over outputs of −p log p − (1 − p) log(1 − p), at the log-odds;
/// - exponential: Σ over outputs of 2 √(p (1 − p)), at half the log-odds.
fn constant_loss(loss: Loss, labels: &[u8], outputs: usize) -> f64 {
    let mut counts: BTreeMap<u8, f64> = BTreeMap::new();
    for &label in labels {
        *counts.entry(label).or_default() += 1.0;
    }
    let frequencies = counts.values().map(|count| count / labels.len() as f64);
    // A single output is that of class 1.
    let positive = counts
        .get(&1)
        .map_or(0.0, |count| count / labels.len() as f64);
    let over_outputs = |of: fn(f64) -> f64| match outputs {
        1 => of(positive),
        _ => frequencies.clone().map(of).sum(),
    };
    match loss {
        Loss::CrossEntropy => frequencies.map(surprise).sum(),
        Loss::Square => 0.5 * (1.0 - frequencies.map(|p| p * p).sum::<f64>()),
        Loss::Logistic => over_outputs(|p| surprise(p) + surprise(1.0 - p)),
        Loss::Exponential => over_outputs(|p| 2.0 * (p * (1.0 - p)).sqrt()),
    }
}

/// The smallest square loss of outputs that are the same for every sample, where targets are numbers: half the sum
/// over outputs of their variances, at their means.
fn half_variance(targets: &[f64], width: usize) -> f64 {
    let columns = (0..width).map(|column| {
        let column: Vec<f64> = targets[column..].iter().step_by(width).copied().collect();
        let centre = mean(&column);
        mean(
            &column
                .iter()
                .map(|t| (t - centre).powi(2))
                .collect::<Vec<_>>(),
        )
    });
    0.5 * columns.sum::<f64>()
}

/// `−p log p`, which is 0 at 0.
fn surprise(p: f64) -> f64 {
    if p > 0.0 { -p * p.ln() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest mean loss over constant outputs, by descent along one output after another.
    fn searched(loss: Loss, labels: &[u8], outputs: usize, classes: usize) -> f64 {
        let mean_loss = |constant: &[f64]| {
            let each = labels.iter().map(|&label| {
                let targets = loss.target(label, classes);
                let pairs: Vec<(f64, f64)> = constant.iter().copied().zip(targets).collect();
                match loss {
                    Loss::CrossEntropy => {
                        let total: f64 = constant.iter().map(|z| z.exp()).sum();
                        pairs.iter().map(|(z, t)| t * (total.ln() - z)).sum::<f64>()
                    }
                    Loss::Square => pairs.iter().map(|(z, t)| 0.5 * (z - t).powi(2)).sum(),
                    Loss::Logistic => pairs.iter().map(|(z, t)| (-t * z).exp().ln_1p()).sum(),
                    Loss::Exponential => pairs.iter().map(|(z, t)| (-t * z).exp()).sum(),
                }
            });
            each.sum::<f64>() / labels.len() as f64
        };
        let mut constant = vec![0.0; outputs];
        let mut stride = 1.0;
        while stride > 1e-9 {
            let before = mean_loss(&constant);
            for output in 0..outputs {
                for sign in [-stride, stride] {
                    let mut moved = constant.clone();
                    moved[output] += sign;
                    if mean_loss(&moved) < mean_loss(&constant) {
                        constant = moved;
                    }
                }
            }
            if mean_loss(&constant) >= before {
                stride /= 2.0;
            }
        }
        mean_loss(&constant)
    }

    #[test]
    fn the_loss_of_the_best_constant_is_that_of_a_search() {
        let labels = [0, 1, 1, 2, 2, 2, 2];
        let two = [0, 1, 1, 0, 0];
        for loss in [
            Loss::CrossEntropy,
            Loss::Square,
            Loss::Logistic,
            Loss::Exponential,
        ] {
            for (labels, classes) in [(&labels[..], 3), (&two[..], 2)] {
                let outputs = loss.outputs(classes);
                let found = constant_loss(loss, labels, outputs);
                let expected = searched(loss, labels, outputs, classes);
                assert!(
                    (found - expected).abs() < 1e-8,
                    "{loss:?} {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn of_numbers_the_best_constant_is_their_mean() {
        // Variances 2/3 and 8/3 over columns 1 2 3 and 0 2 4.
        let targets = [1.0, 0.0, 2.0, 2.0, 3.0, 4.0];
        assert!((half_variance(&targets, 2) - 5.0 / 3.0).abs() < 1e-15);
        assert_eq!(half_variance(&[7.0, 7.0], 1), 0.0);
    }

    #[test]
    fn one_class_alone_has_no_loss_to_be_above() {
        assert_eq!(constant_loss(Loss::CrossEntropy, &[3, 3], 10), 0.0);
        assert_eq!(constant_loss(Loss::Logistic, &[1, 1], 1), 0.0);
    }

    #[test]
    fn rows_are_alike_to_rounding_and_not_beyond() {
        let rows = [1.0, -2.0, 1.0, -2.0 - 1e-15, 1.0, -2.0, 1.0, -2.1];
        assert_eq!(alike(&rows, 2, f64::EPSILON), 3);
        assert_eq!(alike(&[0.0; 6], 2, f64::EPSILON), 3);
    }
}
