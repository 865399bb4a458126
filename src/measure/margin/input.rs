//! Distances in the space of inputs, to first order.

use super::distance::{lengths, to_first_order};
use crate::backend::read;
use crate::extremes::smaller;
use crate::measure::failure::Failure;
use crate::measure::session::Session;
use crate::objective::{Batch, Loss, Objective};
use crate::params::Parameters;

impl Session<'_> {
    /// For every sample the distance to where another class wins, to first order: the smallest
    /// `(z_y − z_j) / ‖∇ₓ(z_y − z_j)‖₂` over classes `j` (Elsayed et al. 2018, "Large margin deep
    /// networks for classification"). Negative where another class wins already; 0 at a tie, even of
    /// a sample that no unit answers to, and infinite where no difference of outputs has a slope.
    pub(super) fn input_margins(&mut self) -> Result<Vec<f64>, Failure> {
        self.require_smooth_inputs()?;
        self.require_independent_samples()?;
        let subject = self.subject;
        let mut labels = subject.labels()?;
        let mut margins = Vec::new();
        for batch in subject.train.batches() {
            let (own, rest) = labels.split_at(batch.samples());
            labels = rest;
            margins.extend(batch_margins(
                subject.objective,
                subject.parameters,
                batch,
                own,
                || Ok(subject.interrupt.check()?),
            )?);
        }
        Ok(margins)
    }
}

fn batch_margins(
    objective: &Objective,
    parameters: &Parameters,
    batch: &Batch,
    labels: &[u8],
    check: impl Fn() -> Result<(), Failure>,
) -> Result<Vec<f64>, Failure> {
    let outputs = objective.outputs(parameters, batch.inputs.clone());
    let width = outputs.dims()[1];
    let outputs = read(&outputs).map_err(Failure::device)?;
    let mut margins = vec![f64::INFINITY; labels.len()];
    for rival in 0..width {
        check()?;
        let coefficients: Vec<f64> = labels
            .iter()
            .flat_map(|&label| difference(usize::from(label), rival, width))
            .collect();
        let shape = [labels.len(), width];
        let gradient = objective.input_gradient(
            parameters,
            batch.inputs.clone(),
            objective.compute().tensor(&coefficients, shape),
        );
        let slopes = lengths(&gradient)?;
        let rows = outputs.chunks(width).zip(coefficients.chunks(width));
        for (index, (z, c)) in rows.enumerate() {
            if c.iter().any(|&c| c != 0.0) {
                let above: f64 = z.iter().zip(c).map(|(z, c)| z * c).sum();
                let distance = to_first_order(above, slopes[index]);
                margins[index] = smaller(margins[index], distance);
            }
        }
    }
    Ok(margins)
}

/// The coefficients `c` with `Σ c_k z_k = z_label − z_rival`, all 0 for the label itself; `±1` for
/// a single output.
pub(super) fn difference(label: usize, rival: usize, width: usize) -> impl Iterator<Item = f64> {
    (0..width).map(move |class| match (width, class) {
        (1, _) => 2.0 * label as f64 - 1.0,
        _ => f64::from(u8::from(class == label)) - f64::from(u8::from(class == rival)),
    })
}

/// The coefficients `c` with `Σ c_k z_k = z_label − max_{j≠label} z_j`.
pub(super) fn against_strongest(z: &[f64], label: usize, loss: Loss) -> impl Iterator<Item = f64> {
    let mut others = z.to_vec();
    if z.len() > 1 {
        others[label] = f64::NEG_INFINITY;
    }
    difference(label, loss.predicts(&others), z.len())
}
