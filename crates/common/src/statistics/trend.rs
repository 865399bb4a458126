//! How a number follows another over several groups: the exponent of a power law.

use super::difference::{FEWEST, LEVEL, Method};
use super::{mean, standard_error};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeSet;

/// A slope in double logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// The exponent of the power law.
    pub slope: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// The two-sided p-value of no trend.
    pub p: f64,
    /// Paired: the mean over seeds, of whose groups each has one line. Else one line through all values.
    pub method: Method,
}

/// One value of a seed at a place.
pub type Point = (u64, f64, f64);

/// The slope of `ln y` over `ln x` by least squares. Where every seed has one value at each place, it is the mean of the
/// slopes of three seeds or more, with Student's interval over seeds; else that of one line through all values, whose
/// interval is by what the line leaves. None of fewer than three places, and where a number is not above zero.
pub fn log_log(points: &[Point]) -> Option<Trend> {
    let is_known = points.iter().all(|(_, x, y)| *x > 0.0 && *y > 0.0);
    let mut places: Vec<f64> = points.iter().map(|(_, x, _)| *x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    if !is_known || places.len() < 3 {
        return None;
    }
    let seeds: BTreeSet<u64> = points.iter().map(|(seed, ..)| *seed).collect();
    let line = |points: &[&Point]| {
        let logarithms =
            |of: fn(&Point) -> f64| points.iter().map(|point| of(point).ln()).collect();
        let (x, y): (Vec<f64>, Vec<f64>) =
            (logarithms(|point| point.1), logarithms(|point| point.2));
        least_squares(&x, &y)
    };
    let of_seed = |seed: &u64| points.iter().filter(|(own, ..)| own == seed).collect();
    let by_seed: Vec<Vec<&Point>> = seeds.iter().map(of_seed).collect();
    let is_whole = |points: &Vec<&Point>| {
        let mut own: Vec<f64> = points.iter().map(|(_, x, _)| *x).collect();
        own.sort_by(f64::total_cmp);
        own == places
    };
    if by_seed.len() >= FEWEST && by_seed.iter().all(is_whole) {
        let slopes: Vec<f64> = by_seed.iter().map(|points| line(points).0).collect();
        let error = standard_error(&slopes);
        let freedom = slopes.len() as f64 - 1.0;
        return Trend::new(mean(&slopes), error, freedom, Method::Paired);
    }
    let (slope, error) = line(&points.iter().collect::<Vec<_>>());
    Trend::new(slope, error, points.len() as f64 - 2.0, Method::Welch)
}

impl Trend {
    fn new(slope: f64, error: f64, freedom: f64, method: Method) -> Option<Self> {
        let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
        let half = student.inverse_cdf(1.0 - 0.5 * LEVEL) * error;
        let is_known = slope.is_finite() && error > 1e-12 * slope.abs().max(1e-6);
        is_known.then(|| Self {
            slope,
            interval: [slope - half, slope + half],
            p: 2.0 * student.sf((slope / error).abs()),
            method,
        })
    }
}

/// The slope of the least-squares line with its standard error.
fn least_squares(x: &[f64], y: &[f64]) -> (f64, f64) {
    let (x_mean, y_mean) = (mean(x), mean(y));
    let pairs = || x.iter().zip(y);
    let square: f64 = x.iter().map(|x| (x - x_mean).powi(2)).sum();
    let slope = pairs()
        .map(|(x, y)| (x - x_mean) * (y - y_mean))
        .sum::<f64>()
        / square;
    let left: f64 = pairs()
        .map(|(x, y)| (y - y_mean - slope * (x - x_mean)).powi(2))
        .sum();
    let freedom = x.len() as f64 - 2.0;
    (slope, (left / freedom / square).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /*
    x, y = np.log([1, 2, 4, 8, 16]), np.log([3.0, 4.1, 7.9, 9.2, 17.0])
    line = stats.linregress(x, y)
    half = stats.t.ppf(0.975, 3) * line.stderr
    print(line.slope, line.slope - half, line.slope + half, line.pvalue)
    */
    #[test]
    fn one_line_through_all_values_is_that_of_scipy() {
        let values = [(1.0, 3.0), (2.0, 4.1), (4.0, 7.9), (8.0, 9.2), (16.0, 17.0)];
        let points: Vec<Point> = values.iter().map(|(x, y)| (0, *x, *y)).collect();
        let found = log_log(&points).unwrap();
        assert_eq!(found.method, Method::Welch);
        assert!(
            (found.slope - 0.617_101_063_249_729_6).abs() < 1e-12,
            "{found:?}"
        );
        assert!((found.interval[0] - 0.431_500_019_003_920_54).abs() < 1e-6);
        assert!((found.interval[1] - 0.802_702_107_495_538_6).abs() < 1e-6);
        assert!((found.p - 0.001_803_304_820_977_544_3).abs() < 1e-9);
    }

    /// What seeds differ in by a factor moves no slope and no error of it.
    #[test]
    fn seeds_with_every_place_have_a_slope_each() {
        let point = |seed: u64, x: f64| {
            let exponent = [0.5, 0.52, 0.47, 0.51][seed as usize];
            (seed, x, 10f64.powi(seed as i32) * x.powf(exponent))
        };
        let points: Vec<Point> = (0..4)
            .flat_map(|seed| [8.0, 32.0, 512.0].map(|x| point(seed, x)))
            .collect();
        let found = log_log(&points).unwrap();
        assert_eq!(found.method, Method::Paired);
        assert!((found.slope - 0.5).abs() < 1e-12);
        // scipy.stats.ttest_1samp([0.5, 0.52, 0.47, 0.51], 0): ± 3.182446 · 0.0108012
        assert!((found.interval[1] - 0.5 - 3.182_446_3 * 0.010_801_234_5).abs() < 1e-6);
        // Without one of them it is one line through all, which seeds lie far from.
        let found = log_log(&points[1..]).unwrap();
        assert_eq!(found.method, Method::Welch);
        assert!(found.p > 0.1);
    }

    #[test]
    fn two_places_and_numbers_below_zero_have_no_trend() {
        let points = |y: f64| [(0, 1.0, 1.0), (0, 2.0, y), (0, 4.0, 3.0), (0, 8.0, 4.5)];
        assert!(log_log(&points(2.0)).is_some());
        assert_eq!(log_log(&points(-2.0)), None);
        assert_eq!(log_log(&points(2.0)[..2]), None);
    }
}
