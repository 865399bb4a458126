//! Weights as quadratic functions of parameters, and the flow of these.

use super::{Regression, flow};
use crate::experiment::ExperimentError;
use crate::problem::dense;
use faer::{Col, ColRef, Mat};

/// A term `factor · θ_a θ_b` of a component: `(a, b, factor)`.
type Term = (usize, usize, f64);

/// A parameterisation `w = G(θ)` whose components are quadratic: sums of terms `factor · θ_a θ_b`, and linear ones.
#[derive(Clone, Debug)]
pub struct Parameterisation {
    /// The quadratic terms of each component.
    terms: Vec<Vec<Term>>,
    /// The linear terms: a row for each component.
    slopes: Mat<f64>,
}

impl Parameterisation {
    /// `G(θ) = Bθ`.
    pub fn linear(matrix: Mat<f64>) -> Self {
        Self {
            terms: vec![Vec::new(); matrix.nrows()],
            slopes: matrix,
        }
    }

    fn quadratic(parameters: usize, terms: Vec<Vec<Term>>) -> Self {
        let slopes = Mat::zeros(terms.len(), parameters);
        Self { terms, slopes }
    }

    /// `G(θ) = θ²`, number by number.
    pub fn squares(size: usize) -> Self {
        Self::quadratic(size, (0..size).map(|i| vec![(i, i, 1.0)]).collect())
    }

    /// `G(u, v) = uv`, number by number.
    pub fn pairs(size: usize) -> Self {
        Self::quadratic(
            2 * size,
            (0..size).map(|i| vec![(i, size + i, 1.0)]).collect(),
        )
    }

    /// `G(θ₊, θ₋) = θ₊² − θ₋²`, number by number.
    pub fn signed_squares(size: usize) -> Self {
        let component = |i| vec![(i, i, 1.0), (size + i, size + i, -1.0)];
        Self::quadratic(2 * size, (0..size).map(component).collect())
    }

    /// The numbers of `UVᵀ`, column by column, with square matrices `U` and `V`.
    pub fn matrix_product(size: usize) -> Self {
        let place = |row: usize, inner: usize| inner * size + row;
        let component = |index: usize| {
            let (row, column) = (index % size, index / size);
            (0..size)
                .map(|k| (place(row, k), size * size + place(column, k), 1.0))
                .collect()
        };
        Self::quadratic(2 * size * size, (0..size * size).map(component).collect())
    }

    /// How many parameters it has.
    pub fn parameters(&self) -> usize {
        self.slopes.ncols()
    }

    /// How many weights it gives.
    pub fn weights(&self) -> usize {
        self.slopes.nrows()
    }

    /// `G(θ)`.
    pub fn value(&self, parameters: ColRef<f64>) -> Col<f64> {
        let straight = &self.slopes * parameters;
        Col::from_fn(self.terms.len(), |i| {
            let curved = self.terms[i]
                .iter()
                .map(|(a, b, f)| f * parameters[*a] * parameters[*b]);
            straight[i] + curved.sum::<f64>()
        })
    }

    /// `∂G(θ)ᵀg`.
    pub fn pull_back(&self, parameters: ColRef<f64>, gradient: ColRef<f64>) -> Col<f64> {
        let mut sum = self.slopes.transpose() * gradient;
        for (terms, gradient) in self.terms.iter().zip(dense::numbers(gradient)) {
            for (a, b, factor) in terms {
                sum[*a] += factor * gradient * parameters[*b];
                sum[*b] += factor * gradient * parameters[*a];
            }
        }
        sum
    }

    /// `∇G_i(θ)`.
    pub fn gradient(&self, index: usize, parameters: ColRef<f64>) -> Col<f64> {
        let unit = Col::from_fn(self.weights(), |i| if i == index { 1.0 } else { 0.0 });
        self.pull_back(parameters, unit.as_ref())
    }

    /// `∇²G_i v`.
    pub fn curve(&self, index: usize, along: ColRef<f64>) -> Col<f64> {
        let mut sum = Col::zeros(self.parameters());
        for (a, b, factor) in &self.terms[index] {
            sum[*a] += factor * along[*b];
            sum[*b] += factor * along[*a];
        }
        sum
    }

    /// `∂G(θ)∂G(θ)ᵀ`, in which gradient flow moves the weights.
    pub fn metric(&self, parameters: ColRef<f64>) -> Mat<f64> {
        let mut jacobian = Mat::zeros(self.weights(), self.parameters());
        for index in 0..self.weights() {
            jacobian
                .row_mut(index)
                .copy_from(self.gradient(index, parameters).transpose());
        }
        &jacobian * jacobian.transpose()
    }

    /// `θ` at ascending times of `dθ/dt = −∂G(θ)ᵀ∇L(G(θ))`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the differential equation cannot be solved.
    pub fn flow(
        &self,
        start: ColRef<f64>,
        times: &[f64],
        gradient: impl Fn(ColRef<f64>) -> Col<f64>,
    ) -> Result<Vec<Col<f64>>, ExperimentError> {
        let path = flow(&dense::numbers(start), times, |y, slope| {
            let parameters = ColRef::from_slice(y);
            let pull = gradient(self.value(parameters).as_ref());
            let down = self.pull_back(parameters, pull.as_ref());
            for (index, slope) in slope.iter_mut().enumerate() {
                *slope = -down[index];
            }
        })?;
        Ok(path.iter().map(|numbers| dense::column(numbers)).collect())
    }

    /// `θ` at the end of the flow down `½‖Xw − y‖²`: where the misfit is below `tolerance`, or at time `latest`.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the differential equation cannot be solved.
    pub fn end_of_flow(
        &self,
        problem: &Regression,
        start: ColRef<f64>,
        (latest, tolerance): (f64, f64),
    ) -> Result<Col<f64>, ExperimentError> {
        let rate = (&problem.x * self.metric(start) * problem.x.transpose()).norm_l2();
        let (mut parameters, mut time, mut stretch) = (start.to_owned(), 0.0, 1.0 / rate);
        while time < latest && problem.misfit(self.value(parameters.as_ref()).as_ref()) > tolerance
        {
            let mut path = self.flow(parameters.as_ref(), &[stretch], |w| problem.gradient(w))?;
            parameters = path.pop().unwrap_or(parameters);
            time += stretch;
            stretch *= 1.3;
        }
        Ok(parameters)
    }
}
