//! Fits of power laws with an offset, by variable projection: the coefficients that a curve is linear in are solved
//! for, and only exponents are searched (Golub & Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear
//! least squares problems whose variables separate", SIAM J. Numer. Anal. 10).

mod law;
mod projection;
#[cfg(test)]
mod tests;

pub use law::{JointLaw, Law, OPERATIONS};

use crate::random::Streams;
use crate::statistics::Estimate;
use projection::{Projection, Weighted};

/// A curve that is a sum of exponentials with unknown rates and of known columns, all with unknown coefficients. Powers
/// of `x` are exponentials of `ln x`.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// For each unknown rate `θ`, the `u` of `exp(−θu)` at every point.
    pub arguments: Vec<Vec<f64>>,
    /// Known columns.
    pub columns: Vec<Vec<f64>>,
}

impl Curve {
    /// `a x^(−α) + c`.
    pub fn power_with_offset(x: &[f64]) -> Self {
        Self {
            arguments: vec![logarithms(x)],
            columns: vec![vec![1.0; x.len()]],
        }
    }

    /// `a x^(−α)`.
    pub fn power(x: &[f64]) -> Self {
        Self {
            arguments: vec![logarithms(x)],
            columns: Vec::new(),
        }
    }

    /// `a − b ln x`, which no offset bounds.
    pub fn logarithm(x: &[f64]) -> Self {
        Self {
            arguments: Vec::new(),
            columns: vec![vec![1.0; x.len()], logarithms(x)],
        }
    }

    /// `E + A N^(−α) + B D^(−β)`.
    pub fn joint(parameters: &[f64], tokens: &[f64]) -> Self {
        Self {
            arguments: vec![logarithms(parameters), logarithms(tokens)],
            columns: vec![vec![1.0; parameters.len()]],
        }
    }

    /// At some of its points, each as often as it is named.
    pub fn of(&self, points: &[usize]) -> Self {
        let taken = |all: &Vec<Vec<f64>>| all.iter().map(|one| taken(one, points)).collect();
        Self {
            arguments: taken(&self.arguments),
            columns: taken(&self.columns),
        }
    }

    /// How many numbers a fit chooses, without the size of the errors.
    pub fn freedom(&self) -> usize {
        2 * self.arguments.len() + self.columns.len()
    }

    /// The least-squares fit to `y` where every point has an error of the same share of `y`, which is positive.
    pub fn fit(&self, y: &[f64]) -> Fit {
        let problem = Weighted::new(self, y);
        problem.finished(&problem.search(problem.start()))
    }

    /// The same, searched from given rates on: for points that are nearly those of another fit.
    pub fn fit_from(&self, y: &[f64], rates: &[f64]) -> Fit {
        let problem = Weighted::new(self, y);
        problem.finished(&problem.search(rates.to_vec()))
    }
}

/// Values at some points.
pub fn taken(values: &[f64], points: &[usize]) -> Vec<f64> {
    points.iter().map(|&point| values[point]).collect()
}

/// Natural logarithms.
pub fn logarithms(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| x.ln()).collect()
}

/// A fitted curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The rates of the exponentials: exponents of powers.
    pub rates: Vec<f64>,
    /// The coefficients of the exponentials, then of the known columns.
    pub coefficients: Vec<f64>,
    /// What the curve leaves of every value, as a share of it.
    pub residuals: Vec<f64>,
    /// How many numbers were chosen.
    pub freedom: usize,
}

impl Fit {
    /// The sum of the squares of what is left.
    pub fn squares(&self) -> f64 {
        self.residuals
            .iter()
            .map(|residual| residual * residual)
            .sum()
    }

    /// Akaike's criterion for normal errors of unknown size, corrected for few points (Burnham & Anderson 2002, "Model
    /// selection and multimodel inference", eq. 2.4 and sec. 2.3.1): the lower, the better.
    pub fn criterion(&self) -> f64 {
        let n = self.residuals.len() as f64;
        let k = self.freedom as f64 + 1.0;
        n * (self.squares() / n).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0)
    }

    /// The first exponent with an interval of bootstrapped residuals, of which `count` samples are taken (Efron &
    /// Tibshirani 1993, "An introduction to the bootstrap", sec. 9.4). They are widened by what the fit took from them.
    pub fn first_rate(&self, curve: &Curve, y: &[f64], count: usize, streams: Streams) -> Estimate {
        let n = y.len();
        let wider = (n as f64 / (n as f64 - self.freedom as f64)).sqrt();
        let rate = |drawn: &[usize]| {
            let left = drawn.iter().map(|&index| wider * self.residuals[index]);
            let fitted = y
                .iter()
                .zip(&self.residuals)
                .map(|(y, residual)| y * (1.0 - residual));
            let again: Vec<f64> = fitted
                .zip(left)
                .map(|(fitted, left)| fitted / (1.0 - left))
                .collect();
            curve.fit_from(&again, &self.rates).rates[0]
        };
        Estimate {
            value: self.rates[0],
            ..Estimate::bootstrap(n, count, streams, rate)
        }
    }

    /// As a law with an offset, of [`Curve::power_with_offset`].
    pub fn law(&self) -> Law {
        Law {
            amplitude: self.coefficients[0],
            exponent: self.rates[0],
            offset: self.coefficients[1],
        }
    }

    /// As a law of two variables, of [`Curve::joint`].
    pub fn joint_law(&self) -> JointLaw {
        JointLaw {
            of_parameters: self.coefficients[0],
            alpha: self.rates[0],
            of_tokens: self.coefficients[1],
            beta: self.rates[1],
            offset: self.coefficients[2],
        }
    }
}

/// A straight line through the logarithms, or two that meet at a given `x`: the coefficients are the height, the slope
/// and by how much it changes. Residuals are shares of `y`, to be compared with those of other fits.
pub fn lines_in_logarithms(x: &[f64], y: &[f64], meeting: Option<f64>) -> Fit {
    let u = logarithms(x);
    let mut columns = vec![vec![1.0; x.len()], u.clone()];
    if let Some(meeting) = meeting {
        columns.push(u.iter().map(|u| (u - meeting.ln()).max(0.0)).collect());
    }
    let v = logarithms(y);
    let freedom = columns.len() + usize::from(meeting.is_some());
    let projection = Projection::new(columns, v);
    Fit {
        rates: Vec::new(),
        coefficients: projection.coefficients,
        residuals: projection
            .residuals
            .iter()
            .map(|left| 1.0 - (-left).exp())
            .collect(),
        freedom,
    }
}

/// Two lines in logarithms with the meeting point of least squares, and that point. It lies between the second and the
/// last but one `x`, in steps of a fortieth of the whole.
pub fn broken_line(x: &[f64], y: &[f64]) -> (Fit, f64) {
    const PLACES: usize = 40;
    let (first, last) = (x[1], x[x.len() - 2]);
    let place = |index: usize| first * (last / first).powf((index as f64 + 0.5) / PLACES as f64);
    let fits =
        (0..PLACES).map(|index| (lines_in_logarithms(x, y, Some(place(index))), place(index)));
    fits.min_by(|a, b| a.0.squares().total_cmp(&b.0.squares()))
        .expect("there are places to try")
}
