//! The straight line of least squares.

/// A straight line `y = intercept + slope x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Its rise.
    pub slope: f64,
    /// Where it begins.
    pub intercept: f64,
    /// The standard error of the slope, by the scatter around the line; of two points NaN.
    pub stderr: f64,
}

impl Fit {
    /// Through pairs of numbers; none where these do not determine a line.
    pub fn new(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(&|point| point.0), mean(&|point| point.1));
        let spread = mean(&|point| (point.0 - x).powi(2));
        if spread.is_nan() || spread <= 0.0 {
            return None;
        }
        let slope = mean(&|point| (point.0 - x) * (point.1 - y)) / spread;
        let intercept = y - slope * x;
        let rest = mean(&|point| (point.1 - intercept - slope * point.0).powi(2));
        let stderr = (rest / spread / (count - 2.0)).sqrt();
        Some(Self {
            slope,
            intercept,
            stderr,
        })
    }

    /// The line's height.
    pub fn at(self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fit_is_that_of_the_textbook() {
        // numpy: np.polyfit([1, 2, 3, 4], [2, 3, 5, 4], 1) = [0.8, 1.5]; scipy.stats.linregress: stderr 0.4242640687
        let fit = Fit::new(&[(1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (4.0, 4.0)]).unwrap();
        assert!((fit.slope - 0.8).abs() < 1e-14 && (fit.intercept - 1.5).abs() < 1e-14);
        assert!((fit.stderr - 0.424_264_068_7).abs() < 1e-9);
    }

    #[test]
    fn one_place_determines_no_line() {
        assert_eq!(Fit::new(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(Fit::new(&[]), None);
        assert!(Fit::new(&[(0.0, 0.0), (1.0, 1.0)]).unwrap().stderr.is_nan());
    }
}
