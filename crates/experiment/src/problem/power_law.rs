//! Fits of power laws with an offset, by variable projection: the coefficients that a curve is linear in are solved
//! for, and only exponents are searched (Golub & Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear
//! least squares problems whose variables separate", SIAM J. Numer. Anal. 10).

use crate::random::Streams;
use crate::statistics::Estimate;

/// The smallest and the largest exponent that a fit tries.
const EXPONENTS: [f64; 2] = [1e-3, 8.0];

/// How many exponents are tried before the search, in equal ratios.
const STARTS: usize = 16;

/// The most steps of a search.
const STEPS: usize = 60;

/// `a x^(−α) + c`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Law {
    /// `a`, at `x = 1`.
    pub amplitude: f64,
    /// `α`.
    pub exponent: f64,
    /// `c`, what is left of infinite `x`.
    pub offset: f64,
}

impl Law {
    /// At a place.
    pub fn at(self, x: f64) -> f64 {
        self.amplitude * x.powf(-self.exponent) + self.offset
    }
}

/// The law of Hoffmann et al. 2022 ("Training compute-optimal large language models", eq. 10):
/// `E + A N^(−α) + B D^(−β)`, in nats per token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JointLaw {
    /// `A`.
    pub of_parameters: f64,
    /// `α`.
    pub alpha: f64,
    /// `B`.
    pub of_tokens: f64,
    /// `β`.
    pub beta: f64,
    /// `E`, what is left of infinite `N` and `D`.
    pub offset: f64,
}

/// What one token costs per parameter: `C = 6ND` operations (Kaplan et al. 2020, "Scaling laws for neural language
/// models", sec. 2.1).
pub const OPERATIONS: f64 = 6.0;

impl JointLaw {
    /// With the numbers of Arora et al., "Theory of Deep Learning", eq. (15.8).
    pub const PRINTED: Self = Self {
        of_parameters: 406.4,
        alpha: 0.34,
        of_tokens: 410.7,
        beta: 0.28,
        offset: 1.61,
    };

    /// What is above the offset, for `parameters` and `tokens`.
    pub fn excess(self, parameters: f64, tokens: f64) -> f64 {
        self.of_parameters * parameters.powf(-self.alpha) + self.of_tokens * tokens.powf(-self.beta)
    }

    /// The loss.
    pub fn at(self, parameters: f64, tokens: f64) -> f64 {
        self.offset + self.excess(parameters, tokens)
    }

    /// The number of parameters of the least loss at a budget of operations, by the zero of the derivative:
    /// `N^(α+β) = αA/(βB)·(C/6)^β`.
    pub fn best_parameters(self, operations: f64) -> f64 {
        let balance = self.alpha * self.of_parameters / (self.beta * self.of_tokens);
        (balance * (operations / OPERATIONS).powf(self.beta)).powf(1.0 / (self.alpha + self.beta))
    }
}

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

/// A curve and values, every row divided by its value.
struct Weighted {
    arguments: Vec<Vec<f64>>,
    /// The middle of each argument, which is taken off it so that exponentials are of size one.
    middles: Vec<f64>,
    weights: Vec<f64>,
    columns: Vec<Vec<f64>>,
}

impl Weighted {
    fn new(curve: &Curve, y: &[f64]) -> Self {
        let weights: Vec<f64> = y.iter().map(|y| 1.0 / y.abs()).collect();
        let middle = |u: &Vec<f64>| u.iter().sum::<f64>() / u.len() as f64;
        let middles: Vec<f64> = curve.arguments.iter().map(middle).collect();
        let shifted = curve.arguments.iter().zip(&middles);
        let arguments = shifted
            .map(|(u, middle)| u.iter().map(|u| u - middle).collect())
            .collect();
        let weigh = |column: &Vec<f64>| column.iter().zip(&weights).map(|(c, w)| c * w).collect();
        let columns = curve.columns.iter().map(weigh).collect();
        Self {
            arguments,
            middles,
            weights,
            columns,
        }
    }

    fn exponential(&self, term: usize, rate: f64) -> Vec<f64> {
        let pairs = self.arguments[term].iter().zip(&self.weights);
        pairs
            .map(|(u, weight)| (-rate * u).exp() * weight)
            .collect()
    }

    /// The least squares at some rates.
    fn projected(&self, rates: &[f64]) -> Projection {
        let exponentials = rates
            .iter()
            .enumerate()
            .map(|(term, rate)| self.exponential(term, *rate));
        Projection::new(
            exponentials.chain(self.columns.iter().cloned()).collect(),
            vec![1.0; self.weights.len()],
        )
    }

    /// The best of a grid of rates.
    fn start(&self) -> Vec<f64> {
        let [least, most] = EXPONENTS;
        let rate = |index: usize| least * (most / least).powf((index as f64 + 0.5) / STARTS as f64);
        let terms = self.arguments.len();
        let all = STARTS.pow(terms as u32);
        let place = |index: usize| -> Vec<f64> {
            (0..terms)
                .map(|term| rate(index / STARTS.pow(term as u32) % STARTS))
                .collect()
        };
        let squares = |index: &usize| self.projected(&place(*index)).squares();
        let best = (0..all).map(|index| (squares(&index), index));
        best.min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or_else(Vec::new, |(_, index)| place(index))
    }

    /// Levenberg-Marquardt from a place on, with the derivative of the residual of Kaufman 1975 ("A variable projection
    /// method for solving separable nonlinear least squares problems", BIT 15), which leaves out a part that is small
    /// where residuals are.
    fn search(&self, mut rates: Vec<f64>) -> Vec<f64> {
        let [least, most] = EXPONENTS;
        let mut here = self.projected(&rates);
        let mut damping = 1e-3;
        for _ in 0..if rates.is_empty() { 0 } else { STEPS } {
            let slopes = self.slopes(&rates, &here);
            let step = damped_step(&slopes, &here.residuals, damping);
            let next: Vec<f64> = rates
                .iter()
                .zip(&step)
                .map(|(rate, step)| (rate + step).clamp(least, most))
                .collect();
            let moved = rates
                .iter()
                .zip(&next)
                .map(|(a, b)| (a - b).abs() / a)
                .fold(0.0, f64::max);
            let there = self.projected(&next);
            if there.squares() <= here.squares() {
                (rates, here) = (next, there);
                damping = (damping / 10.0).max(1e-12);
            } else {
                damping *= 10.0;
            }
            if moved < 1e-10 || damping > 1e12 {
                break;
            }
        }
        rates
    }

    /// How the residual moves with each rate.
    fn slopes(&self, rates: &[f64], here: &Projection) -> Vec<Vec<f64>> {
        let slope = |(term, rate): (usize, &f64)| {
            let moved = self.exponential(term, *rate);
            let moved = moved.iter().zip(&self.arguments[term]);
            let coefficient = here.coefficients[term];
            here.outside(moved.map(|(value, u)| coefficient * u * value).collect())
        };
        rates.iter().enumerate().map(slope).collect()
    }

    fn finished(&self, rates: &[f64]) -> Fit {
        let mut projection = self.projected(rates);
        let terms = rates.iter().zip(&self.middles);
        for (coefficient, (rate, middle)) in projection.coefficients.iter_mut().zip(terms) {
            *coefficient *= (rate * middle).exp();
        }
        Fit {
            rates: rates.to_vec(),
            coefficients: projection.coefficients,
            residuals: projection.residuals,
            freedom: 2 * self.arguments.len() + self.columns.len(),
        }
    }
}

/// The least-squares fit of columns to values.
struct Projection {
    basis: Vec<Vec<f64>>,
    coefficients: Vec<f64>,
    residuals: Vec<f64>,
}

impl Projection {
    /// By Gram-Schmidt, twice (Giraud, Langou & Rozložník 2005); a column that those before it make up gets nothing.
    fn new(columns: Vec<Vec<f64>>, values: Vec<f64>) -> Self {
        let size = columns.len();
        let mut basis: Vec<Vec<f64>> = Vec::with_capacity(size);
        let mut triangle = vec![vec![0.0; size]; size];
        let mut residuals = values;
        let mut along = vec![0.0; size];
        for (index, mut column) in columns.into_iter().enumerate() {
            let before = inner(&column, &column).sqrt();
            for _ in 0..2 {
                for (row, direction) in basis.iter().enumerate() {
                    triangle[row][index] += remove(&mut column, direction);
                }
            }
            let norm = inner(&column, &column).sqrt();
            let scale = if norm > 1e-12 * before {
                1.0 / norm
            } else {
                0.0
            };
            column.iter_mut().for_each(|value| *value *= scale);
            triangle[index][index] = if scale > 0.0 { norm } else { 0.0 };
            along[index] = remove(&mut residuals, &column);
            basis.push(column);
        }
        let mut coefficients = vec![0.0; size];
        for row in (0..size).rev().filter(|&row| triangle[row][row] > 0.0) {
            let rest: f64 = (row + 1..size)
                .map(|later| triangle[row][later] * coefficients[later])
                .sum();
            coefficients[row] = (along[row] - rest) / triangle[row][row];
        }
        Self {
            basis,
            coefficients,
            residuals,
        }
    }

    fn squares(&self) -> f64 {
        inner(&self.residuals, &self.residuals)
    }

    /// What the columns cannot make of a vector.
    fn outside(&self, mut vector: Vec<f64>) -> Vec<f64> {
        for direction in &self.basis {
            remove(&mut vector, direction);
        }
        vector
    }
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Takes the part along a direction off, and says how long it was.
fn remove(vector: &mut [f64], direction: &[f64]) -> f64 {
    let along = inner(vector, direction);
    vector
        .iter_mut()
        .zip(direction)
        .for_each(|(value, unit)| *value -= along * unit);
    along
}

/// The step of Levenberg & Marquardt for one or two unknowns, damped by their own curvatures.
fn damped_step(slopes: &[Vec<f64>], residuals: &[f64], damping: f64) -> Vec<f64> {
    let curvature = |i: usize, j: usize| inner(&slopes[i], &slopes[j]);
    let force = |i: usize| -inner(&slopes[i], residuals);
    let own = |i: usize| curvature(i, i) * (1.0 + damping) + f64::MIN_POSITIVE;
    match slopes.len() {
        1 => vec![force(0) / own(0)],
        _ => {
            let (cross, determinant) = (curvature(0, 1), own(0) * own(1) - curvature(0, 1).powi(2));
            let step = |a: usize, b: usize| (own(b) * force(a) - cross * force(b)) / determinant;
            vec![step(0, 1), step(1, 0)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::draw;

    fn budgets(count: usize, decades: f64) -> Vec<f64> {
        (0..count)
            .map(|index| 10f64.powf(decades * index as f64 / (count as f64 - 1.0)))
            .collect()
    }

    #[test]
    fn a_law_without_errors_is_found_exactly() {
        let x = budgets(10, 3.0);
        for law in [
            Law {
                amplitude: 2.0,
                exponent: 0.35,
                offset: 1.5,
            },
            Law {
                amplitude: 0.3,
                exponent: 1.2,
                offset: -2e-5,
            },
        ] {
            let y: Vec<f64> = x.iter().map(|x| law.at(*x)).collect();
            let found = Curve::power_with_offset(&x).fit(&y).law();
            assert!((found.exponent - law.exponent).abs() < 1e-9, "{found:?}");
            assert!((found.amplitude - law.amplitude).abs() < 1e-8);
            assert!((found.offset - law.offset).abs() < 1e-8);
        }
    }

    #[test]
    fn a_joint_law_without_errors_is_found() {
        let sizes: Vec<(f64, f64)> = (0..36)
            .map(|index| {
                (
                    10f64.powf(7.0 + f64::from(index / 6) * 0.6),
                    10f64.powf(9.0 + f64::from(index % 6) * 0.5),
                )
            })
            .collect();
        let (n, d): (Vec<f64>, Vec<f64>) = sizes.iter().copied().unzip();
        let y: Vec<f64> = sizes
            .iter()
            .map(|(n, d)| JointLaw::PRINTED.at(*n, *d))
            .collect();
        let found = Curve::joint(&n, &d).fit(&y).joint_law();
        assert!((found.alpha - 0.34).abs() < 1e-7, "{found:?}");
        assert!((found.beta - 0.28).abs() < 1e-7);
        assert!((found.of_parameters / 406.4 - 1.0).abs() < 1e-5);
        assert!((found.offset - 1.61).abs() < 1e-6);
    }

    #[test]
    fn the_best_number_of_parameters_is_better_than_its_neighbours() {
        let law = JointLaw::PRINTED;
        let at = |n: f64| law.at(n, 1e21 / (OPERATIONS * n));
        let best = law.best_parameters(1e21);
        assert!(at(best) < at(1.01 * best) && at(best) < at(best / 1.01));
    }

    #[test]
    fn a_fit_is_a_minimum_of_the_squares_it_says() {
        let x = budgets(20, 3.0);
        let mut rng = Streams::new(0).stream("test", 0);
        let y: Vec<f64> = x
            .iter()
            .map(|x| (x.powf(-0.4) + 0.2) * (0.05 * draw::normal(&mut rng)).exp())
            .collect();
        let fit = Curve::power_with_offset(&x).fit(&y);
        let squares = |law: Law| -> f64 {
            x.iter()
                .zip(&y)
                .map(|(x, y)| (1.0 - law.at(*x) / y).powi(2))
                .sum()
        };
        let law = fit.law();
        assert!((squares(law) - fit.squares()).abs() < 1e-12);
        for factor in [0.999, 1.001] {
            assert!(
                squares(Law {
                    exponent: law.exponent * factor,
                    ..law
                }) > fit.squares()
            );
            assert!(
                squares(Law {
                    offset: law.offset * factor,
                    ..law
                }) > fit.squares()
            );
        }
        // The search from the best of a grid ends where one from elsewhere does.
        let again = Curve::power_with_offset(&x).fit_from(&y, &[1.5]);
        assert!((again.rates[0] - fit.rates[0]).abs() < 1e-5);
    }

    #[test]
    fn two_lines_meet_where_the_slope_changes() {
        let x = budgets(25, 4.0);
        let y: Vec<f64> = x
            .iter()
            .map(|x| {
                if *x < 100.0 {
                    x.powf(-0.5)
                } else {
                    x.powf(-0.2) * 100f64.powf(-0.3)
                }
            })
            .collect();
        let (fit, place) = broken_line(&x, &y);
        assert!((place.log10() - 2.0).abs() < 0.06, "{place}");
        assert!(
            (fit.coefficients[1] + 0.5).abs() < 0.02 && (fit.coefficients[2] - 0.3).abs() < 0.02
        );
        assert!(fit.criterion() < lines_in_logarithms(&x, &y, None).criterion());
    }

    #[test]
    fn a_number_more_costs_two_and_more_in_the_criterion() {
        // Of 12 values and 2 numbers with the size of the errors: 12 ln(squares/12) + 6 + 24/8.
        let fit = Fit {
            rates: vec![1.0],
            coefficients: vec![1.0],
            residuals: vec![0.1; 12],
            freedom: 2,
        };
        let expected = 12.0 * 0.01f64.ln() + 9.0;
        assert!((fit.criterion() - expected).abs() < 1e-12);
    }
}
