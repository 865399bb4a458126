//! The kernel as a matrix.

use crate::backend::read;
use crate::linear::{Budget, LinearError, Spending};
use crate::measure::failure::{Failure, FailureKind};
use crate::measure::precise::{Picked, Precise};
use crate::measure::session::Session;
use crate::workers;
use burn::tensor::Tensor;
use nalgebra::DMatrix;
use std::ops::Range;
use std::rc::Rc;

/// Samples, at most.
const SAMPLES: usize = 32;

/// Rows of the kernel, one for each output of each sample: as many gradients are taken.
const ROWS: usize = 320;

/// Numbers of gradients that are held at a time. Where all of them are more, some are taken more than once.
const HELD: usize = 1 << 24;

/// The kernel on some samples, with a row for each output of each.
pub(super) struct TangentKernel {
    /// Row `i · outputs + k` belongs to output `k` of sample `i`.
    entries: DMatrix<f64>,
    outputs: usize,
    /// One for each sample; none where numbers are to be predicted.
    labels: Option<Vec<u8>>,
}

impl TangentKernel {
    /// From its entries, so many rows for each sample.
    pub fn new(entries: DMatrix<f64>, outputs: usize, labels: Option<Vec<u8>>) -> Self {
        Self {
            entries,
            outputs,
            labels,
        }
    }

    pub fn samples(&self) -> usize {
        self.entries.nrows() / self.outputs.max(1)
    }

    pub fn gradients(&self) -> usize {
        self.entries.nrows()
    }

    /// `‖K − K₀‖ / ‖K₀‖` in Frobenius norms.
    pub fn drift(&self, start: &Self) -> Result<f64, Failure> {
        let size = positive(start.entries.norm())?;
        Ok((&self.entries - &start.entries).norm() / size)
    }

    /// `1 − ⟨K, K₀⟩ / (‖K‖ ‖K₀‖)`, as half the squared distance of both at norm 1, which loses no digits where they
    /// are nearly the same.
    pub fn distance(&self, start: &Self) -> Result<f64, Failure> {
        let (now, then) = (
            positive(self.entries.norm())?,
            positive(start.entries.norm())?,
        );
        Ok(0.5 * (&self.entries / now - &start.entries / then).norm_squared())
    }

    /// The centred alignment `⟨HκH, HLH⟩ / (‖HκH‖ ‖HLH‖)` of `κᵢⱼ = Σₖ K₍ᵢₖ₎₍ⱼₖ₎` with the labels' kernel, `Lᵢⱼ = 1` where
    /// two samples have one label and 0 elsewhere, with `H = I − 11ᵀ/n`.
    pub fn alignment(&self) -> Result<f64, Failure> {
        let labels = self.labels.as_ref().ok_or_else(Failure::no_classes)?;
        let count = self.samples();
        let summed = |i: usize, j: usize| {
            let entry = |k| self.entries[(i * self.outputs + k, j * self.outputs + k)];
            (0..self.outputs).map(entry).sum()
        };
        let kernel = centred(DMatrix::from_fn(count, count, summed));
        let same = |i: usize, j: usize| f64::from(u8::from(labels[i] == labels[j]));
        let labels = centred(DMatrix::from_fn(count, count, same));
        let size = labels.norm();
        if size < 1e-9 {
            return Err(Failure::not_defined("all samples are of one class"));
        }
        Ok(kernel.dot(&labels) / (positive(kernel.norm())? * size))
    }
}

fn positive(norm: f64) -> Result<f64, Failure> {
    match norm > 0.0 {
        true => Ok(norm),
        false if norm.is_nan() => Err(Failure::not_finite("the tangent kernel is not finite")),
        false => Err(Failure::not_defined("the tangent kernel is 0")),
    }
}

/// `H M H` with `H = I − 11ᵀ/n`.
fn centred(mut matrix: DMatrix<f64>) -> DMatrix<f64> {
    for mut column in matrix.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
    }
    for mut row in matrix.row_iter_mut() {
        let mean = row.mean();
        row.add_scalar_mut(-mean);
    }
    matrix
}

/// The outputs of some samples at a point, whose gradients are the rows of the Jacobian.
struct Jacobian<'a> {
    precise: &'a Precise,
    picked: &'a Picked,
    outputs: usize,
    columns: Range<usize>,
}

impl Jacobian<'_> {
    fn rows(&self) -> usize {
        self.picked.batch.samples() * self.outputs
    }

    /// The gradient of one output. Of a sample with several positions it is that of the last one.
    fn row(&self, row: usize) -> Result<Vec<f64>, Failure> {
        let (sample, output) = (row / self.outputs, row % self.outputs);
        let objective = &self.precise.objective;
        let batch = self.picked.batch.sample(sample);
        let positions = batch.positions();
        let mut coefficients = vec![0.0; positions * self.outputs];
        coefficients[(positions - 1) * self.outputs + output] = 1.0;
        let shape = [positions, self.outputs];
        let coefficients = objective.compute().tensor(&coefficients, shape);
        let gradient =
            objective.gradient_of_outputs(&self.precise.parameters, &batch, coefficients);
        let gradient = gradient.into_host().map_err(Failure::device)?;
        Ok(gradient[self.columns.clone()].to_vec())
    }

    /// Neighbouring rows as a matrix on the processor.
    fn tile(&self, rows: Range<usize>) -> Result<Tensor<2>, Failure> {
        let first = rows.start;
        let found = workers::map(rows.len(), |place| self.row(first + place));
        let found: Vec<Vec<f64>> = found.into_iter().collect::<Result<_, _>>()?;
        let compute = self.precise.objective.compute();
        Ok(compute.tensor(&found.concat(), [rows.len(), self.columns.len()]))
    }

    /// `J Jᵀ`, by tiles of rows: where not all of them are held at a time, a tile meets each later one, whose
    /// gradients are taken anew for it.
    fn squared(&self, spending: &mut Spending<'_>) -> Result<DMatrix<f64>, Failure> {
        let rows = self.rows();
        // Two tiles are held, each as gradients and as a matrix.
        let height = (HELD / 4 / self.columns.len().max(1)).clamp(1, rows.max(1));
        let mut entries = DMatrix::zeros(rows, rows);
        let range = |first: usize| first..(first + height).min(rows);
        for first in (0..rows).step_by(height) {
            let one = self.tile(range(first))?;
            for second in (first..rows).step_by(height) {
                spending.spend()?;
                if !spending.allows(0) {
                    let reason = "the budget of seconds ended before the kernel was complete";
                    return Err(Failure::new(FailureKind::Budget, reason));
                }
                let other = match second == first {
                    true => one.clone(),
                    false => self.tile(range(second))?,
                };
                let products = one.clone().matmul(other.transpose());
                let products = read(&products).map_err(Failure::device)?;
                let width = range(second).len();
                for (place, product) in products.into_iter().enumerate() {
                    let (row, column) = (first + place / width, second + place % width);
                    entries[(row, column)] = product;
                    entries[(column, row)] = product;
                }
            }
        }
        match entries.iter().all(|entry| entry.is_finite()) {
            true => Ok(entries),
            false => Err(Failure::not_finite("the tangent kernel is not finite")),
        }
    }
}

impl Session<'_> {
    pub(super) fn tangent_kernel(&mut self) -> Result<Rc<TangentKernel>, Failure> {
        self.once("tangent kernel", |session| {
            let precise = session.precise()?;
            session.kernel_at(&precise)
        })
    }

    pub(super) fn starting_tangent_kernel(&mut self) -> Result<Rc<TangentKernel>, Failure> {
        self.once("starting tangent kernel", |session| {
            let precise = session.precise_start()?;
            session.kernel_at(&precise)
        })
    }

    fn kernel_at(&mut self, precise: &Precise) -> Result<TangentKernel, Failure> {
        self.require_independent_samples()?;
        let outputs = self.outputs_of_a_sample()?;
        let picked = self.picked_train(self.samples_of_kernel(outputs)?)?;
        let positions = picked.batch.positions();
        let jacobian = Jacobian {
            precise,
            picked: &picked,
            outputs,
            columns: self.subject.range()?,
        };
        // Products are bounded by the number of rows.
        let seconds = Budget {
            max_matvecs: None,
            ..self.subject.budget
        };
        let mut spending = Spending::new(seconds, self.subject.interrupt);
        let last = picked.labels().ok().map(|labels| {
            let last = labels.iter().skip(positions - 1).step_by(positions);
            last.copied().collect()
        });
        let entries = jacobian.squared(&mut spending)?;
        let outputs = entries.nrows() / picked.batch.samples().max(1);
        Ok(TangentKernel::new(entries, outputs, last))
    }

    /// The outputs at one position.
    fn outputs_of_a_sample(&self) -> Result<usize, Failure> {
        let batch = self.subject.train.batches().first();
        let batch = batch.ok_or_else(crate::curvature::no_samples)?;
        Ok(batch.targets.dims()[1].max(1))
    }

    /// As many as the rows, and a budget of gradients at two points, allow; two at least.
    fn samples_of_kernel(&self, outputs: usize) -> Result<usize, Failure> {
        let fewest = 2 * outputs;
        let samples = (ROWS / outputs).clamp(2, SAMPLES);
        match self.subject.budget.max_matvecs {
            Some(allowed) if allowed / 2 < fewest => Err(LinearError::TooFewProducts {
                allowed,
                fewest: 2 * fewest,
            }
            .into()),
            Some(allowed) => Ok(samples.min(allowed / 2 / outputs)),
            None => Ok(samples),
        }
    }
}
