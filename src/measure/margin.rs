//! Margins: how far each sample is from being classified differently.

use super::registry::{Family, Measure};
use super::{Evaluated, Measurement};
use crate::reparam::MapKind;

pub(super) const FAMILY: Family = Family {
    measures: &[
        of_function(
            "margin.min",
            "smallest output margin, z_y - max_{k!=y} z_k, over training samples",
        ),
        of_function("margin.p10", "10th percentile of the output margins"),
        of_function("margin.median", "median of the output margins"),
    ],
    measure: |session, name| {
        let train = session.train()?;
        Ok(match name {
            "margin.min" => train.smallest_margin(name),
            "margin.p10" => train.margin_quantile(name, 0.1),
            _ => train.margin_quantile(name, 0.5),
        })
    },
};

const fn of_function(name: &'static str, description: &'static str) -> Measure {
    Measure::new(name, description)
        .light()
        .invariant(MapKind::ALL)
}

impl Evaluated {
    /// The smallest margin; exact for the set, no estimate for others.
    pub fn smallest_margin(&self, name: &str) -> Measurement {
        let smallest = self.margins().iter().copied().fold(f64::INFINITY, f64::min);
        Measurement::new(name, smallest).over(self.margins().len())
    }

    /// A quantile of the margins. Its standard error is half the distance between the order
    /// statistics one binomial standard deviation, `√(n p (1−p))`, to either side, which assumes
    /// nothing about the distribution (David & Nagaraja, "Order Statistics", §7.1).
    pub fn margin_quantile(&self, name: &str, probability: f64) -> Measurement {
        let mut sorted = self.margins().to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let spread = (count * probability * (1.0 - probability)).sqrt();
        let place = (count - 1.0) * probability;
        // Ranks end at the list's ends; the distance is then scaled to what was asked for.
        let low = (place - spread).max(0.0);
        let high = (place + spread).min(count - 1.0);
        let per_rank = (at_rank(&sorted, high) - at_rank(&sorted, low)) / (high - low);
        let error = spread * per_rank;
        Measurement::new(name, at_rank(&sorted, place))
            .with_stderr(error)
            .over(sorted.len())
    }
}

/// The value at a fractional rank of a sorted list, interpolated linearly, clamped at its ends.
fn at_rank(sorted: &[f64], rank: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let rank = rank.clamp(0.0, last as f64);
    let below = rank.floor() as usize;
    let above = (below + 1).min(last);
    let share = rank - below as f64;
    sorted[below] * (1.0 - share) + sorted[above] * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_and_their_error_comes_from_order_statistics() {
        let margins: Vec<f64> = (0..101).rev().map(f64::from).collect();
        let set = Evaluated::of_margins(margins);
        let median = set.margin_quantile("margin.median", 0.5);
        assert_eq!(median.value, Some(50.0));
        // √(101 · ¼) ranks to either side of a list with unit steps.
        assert!((median.stderr.unwrap() - (101.0f64 / 4.0).sqrt()).abs() < 1e-12);
        assert_eq!(set.margin_quantile("margin.p10", 0.1).value, Some(10.0));
        assert_eq!(set.smallest_margin("margin.min").value, Some(0.0));
    }
}
