//! Whether two numbers of the same things rise and fall together.

use super::estimate::kendall;
use statrs::distribution::{ContinuousCDF, Normal};
use std::cmp::Ordering;

/// Above it the normal approximation is used, as SciPy does.
const MOST_EXACT: usize = 33;

/// The two-sided p-value of Kendall's τ-b of pairs that have nothing to do with each other: exact up to 33 pairs
/// without ties (Kendall 1938), else by a normal distribution with the variance that ties leave (Kendall 1970, "Rank
/// correlation methods", sec. 4.4). None of fewer than three pairs, and where all values of one side are equal.
pub fn kendall_p(x: &[f64], y: &[f64]) -> Option<f64> {
    let count = x.len();
    let tau = kendall(x, y);
    if count < 3 || !tau.is_finite() {
        return None;
    }
    let (ties_x, ties_y) = (ties(x), ties(y));
    if ties_x.is_empty() && ties_y.is_empty() && count <= MOST_EXACT {
        let all = count * (count - 1) / 2;
        let discordant = (0.5 * (1.0 - tau) * all as f64).round() as usize;
        return Some(exact(count, discordant.min(all - discordant)));
    }
    let number = count as f64;
    let sum = |ties: &[f64], of: fn(f64) -> f64| ties.iter().map(|tie| of(*tie)).sum::<f64>();
    let pairs = |tie: f64| 0.5 * tie * (tie - 1.0);
    let triples = |tie: f64| tie * (tie - 1.0) * (tie - 2.0);
    let quintuples = |tie: f64| tie * (tie - 1.0) * (2.0 * tie + 5.0);
    let all = number * (number - 1.0);
    let [of_x, of_y] = [&ties_x, &ties_y].map(|ties| 0.5 * all - sum(ties, pairs));
    let agreement = tau * (of_x * of_y).sqrt();
    let variance =
        (all * (2.0 * number + 5.0) - sum(&ties_x, quintuples) - sum(&ties_y, quintuples)) / 18.0
            + 2.0 * sum(&ties_x, pairs) * sum(&ties_y, pairs) / all
            + sum(&ties_x, triples) * sum(&ties_y, triples) / (9.0 * all * (number - 2.0));
    Some(2.0 * Normal::standard().sf(agreement.abs() / variance.sqrt()))
}

/// The probability that a random order has at most so many exchanged pairs, or at least as many in the other order.
fn exact(count: usize, exchanged: usize) -> f64 {
    // Of an order of one thing more, the new one exchanges with 0, 1, ... of those before, each as likely.
    let mut probabilities = vec![0.0; exchanged + 1];
    probabilities[0] = 1.0;
    for things in 2..=count {
        let before = probabilities.clone();
        for (place, probability) in probabilities.iter_mut().enumerate() {
            let from = (place + 1).saturating_sub(things);
            *probability = before[from..=place].iter().sum::<f64>() / things as f64;
        }
    }
    (2.0 * probabilities.iter().sum::<f64>()).min(1.0)
}

/// How many values are equal, for each value that occurs more than once.
fn ties(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let runs = sorted.chunk_by(|a, b| a == b);
    let runs = runs.map(|run| run.len() as f64);
    runs.filter(|run| *run > 1.0).collect()
}

/// How two numbers go together along each hyperparameter by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Granulated {
    /// For each hyperparameter the mean of τ over all settings of the others; none where no two things differ in it
    /// alone.
    pub along: Vec<Option<f64>>,
    /// The mean over hyperparameters.
    pub mean: Option<f64>,
}

/// The granulated Kendall coefficient `Ψ` (Jiang et al. 2020, "Fantastic generalization measures and where to find
/// them", eq. 5-6). `settings` are those of each thing, as places among the values of each hyperparameter. τ is that of
/// the paper (eq. 4): of all pairs the share that agrees minus the share that does not; equal values do neither. Only the
/// first `axes` settings are hyperparameters; in those behind them, such as a seed, things are never compared.
///
/// A number that goes with another only because both follow one hyperparameter has no `Ψ` near 1.
pub fn granulated(settings: &[Vec<usize>], axes: usize, x: &[f64], y: &[f64]) -> Granulated {
    let along: Vec<Option<f64>> = (0..axes)
        .map(|axis| {
            let taus: Vec<f64> = lines(settings, axis)
                .iter()
                .filter_map(|line| tau_a(line, x, y))
                .collect();
            (!taus.is_empty()).then(|| taus.iter().sum::<f64>() / taus.len() as f64)
        })
        .collect();
    let known: Vec<f64> = along.iter().flatten().copied().collect();
    let mean = (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64);
    Granulated { along, mean }
}

/// Things that differ along one axis only, in the order in which they are given.
fn lines(settings: &[Vec<usize>], axis: usize) -> Vec<Vec<usize>> {
    let mut lines: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for (thing, own) in settings.iter().enumerate() {
        let mut others = own.clone();
        others.remove(axis);
        match lines.iter_mut().find(|(setting, _)| *setting == others) {
            Some((_, line)) => line.push(thing),
            None => lines.push((others, vec![thing])),
        }
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

/// The mean sign of agreement over all pairs of some things.
fn tau_a(things: &[usize], x: &[f64], y: &[f64]) -> Option<f64> {
    let sign = |a: f64, b: f64| match a.partial_cmp(&b) {
        Some(Ordering::Greater) => 1.0,
        Some(Ordering::Less) => -1.0,
        _ => 0.0,
    };
    let mut signs = Vec::new();
    for (place, &a) in things.iter().enumerate() {
        for &b in &things[..place] {
            signs.push(sign(x[a], x[b]) * sign(y[a], y[b]));
        }
    }
    (!signs.is_empty()).then(|| signs.iter().sum::<f64>() / signs.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /*
    print(stats.kendalltau([1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 4, 3, 7, 5, 8, 6]))
    print(stats.kendalltau([1, 2, 3, 4, 5, 6, 6, 2], [2, 1, 4, 3, 6, 5, 7, 1]))
    x = np.arange(40)
    print(stats.kendalltau(x, (7 * x + 3 * (x % 5)**3) % 41))
    */
    #[test]
    fn p_values_equal_those_of_scipy() {
        let close = |x: &[f64], y: &[f64], tau: f64, p: f64| {
            assert!((kendall(x, y) - tau).abs() < 1e-12, "{}", kendall(x, y));
            let found = kendall_p(x, y).unwrap();
            assert!((found - p).abs() < 1e-9, "{found} {p}");
        };
        let eight: [f64; 8] = std::array::from_fn(|place| place as f64);
        let y = [2.0, 1.0, 4.0, 3.0, 7.0, 5.0, 8.0, 6.0];
        close(
            &eight,
            &y,
            0.642_857_142_857_142_8,
            0.031_150_793_650_793_65,
        );
        let tied = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0, 2.0];
        let y = [2.0, 1.0, 4.0, 3.0, 6.0, 5.0, 7.0, 1.0];
        close(
            &tied,
            &y,
            0.679_366_220_486_757_5,
            0.022_692_244_139_888_598,
        );
        let many: Vec<f64> = (0..40).map(f64::from).collect();
        let y: Vec<f64> = (0..40)
            .map(|x| f64::from((7 * x + 3 * (x % 5_i32).pow(3)) % 41))
            .collect();
        close(&many, &y, 0.002_587_428_214_012_88, 0.981_389_946_734_182_3);
    }

    #[test]
    fn without_pairs_there_is_no_p_value() {
        assert_eq!(kendall_p(&[1.0, 2.0], &[1.0, 2.0]), None);
        assert_eq!(kendall_p(&[1.0; 5], &[1.0, 2.0, 3.0, 4.0, 5.0]), None);
    }

    /*
    from itertools import product
    points = list(product(range(3), range(2), range(2)))
    x = [3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0, 6.0, 5.5, 3.5, 8.0, 7.0]
    y = [2.0, 7.0, 1.0, 8.0, 2.5, 8.5, 1.8, 2.8, 4.0, 5.0, 9.0, 0.4]
    along = []
    for axis in range(3):
        groups = {}
        for i, p in enumerate(points):
            groups.setdefault(p[:axis] + p[axis + 1:], []).append(i)
        along.append(np.mean([stats.kendalltau([x[i] for i in g], [y[i] for i in g])[0] for g in groups.values()]))
    print(along, np.mean(along))
    */
    #[test]
    fn the_granulated_coefficient_is_the_mean_over_axes_of_kendall_s_along_each() {
        let settings: Vec<Vec<usize>> = (0..12)
            .map(|point| vec![point / 4, point / 2 % 2, point % 2])
            .collect();
        let x = [3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0, 6.0, 5.5, 3.5, 8.0, 7.0];
        let y = [2.0, 7.0, 1.0, 8.0, 2.5, 8.5, 1.8, 2.8, 4.0, 5.0, 9.0, 0.4];
        let found = granulated(&settings, settings[0].len(), &x, &y);
        let expected = [ALONG_0, ALONG_1, ALONG_2];
        for (found, expected) in found.along.iter().zip(expected) {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        }
        let mean = (ALONG_0 + ALONG_1 + ALONG_2) / 3.0;
        assert!((found.mean.unwrap() - mean).abs() < 1e-12);
    }

    const ALONG_0: f64 = 1.0 / 6.0;
    const ALONG_1: f64 = 1.0 / 3.0;
    const ALONG_2: f64 = 0.0;

    /// Both follow the first axis; along the second they are opposed.
    #[test]
    fn what_goes_together_along_one_axis_only_is_told_apart() {
        let settings: Vec<Vec<usize>> = (0..6).map(|point| vec![point / 2, point % 2]).collect();
        let x = [0.1, 0.0, 1.1, 1.0, 2.1, 2.0];
        let y = [0.0, 0.1, 1.0, 1.1, 2.0, 2.1];
        let found = granulated(&settings, settings[0].len(), &x, &y);
        assert_eq!(found.along, [Some(1.0), Some(-1.0)]);
        assert_eq!(found.mean, Some(0.0));
        assert!(kendall(&x, &y) > 0.5);
        // Where the second is a seed, only the first is an axis.
        assert_eq!(granulated(&settings, 1, &x, &y).mean, Some(1.0));
        // No two things differ in the third alone.
        let settings: Vec<Vec<usize>> = (0..6).map(|point| vec![point, point]).collect();
        assert_eq!(granulated(&settings, settings[0].len(), &x, &y).mean, None);
    }
}
