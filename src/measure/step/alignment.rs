//! How much of the gradient and of the last step lies along the leading eigenvectors of the Hessian.

use crate::linear::{dot, norm};
use crate::measure::failure::Failure;
use crate::measure::measurement::{Error, Measurement};
use crate::measure::session::Session;
use crate::measure::stability::Followed;

impl Session<'_> {
    /// The share of the squared gradient in the space of the first `count` eigenvectors.
    pub(super) fn gradient_in_top(
        &mut self,
        name: &str,
        count: usize,
    ) -> Result<Measurement, Failure> {
        let gradient = self.gradient_here()?;
        if norm(&gradient) == 0.0 {
            return Err(Failure::not_defined(
                "the gradient is exactly zero, so it has no direction",
            ));
        }
        self.in_top(name, &gradient, count)
    }

    /// The same of the last step.
    pub(super) fn update_in_top(
        &mut self,
        name: &str,
        count: usize,
    ) -> Result<Measurement, Failure> {
        let displacement = self.direction()?;
        self.in_top(name, &displacement, count)
    }

    fn in_top(&mut self, name: &str, vector: &[f64], count: usize) -> Result<Measurement, Failure> {
        let top = self.top_space()?;
        if top.pairs.len() < count.min(vector.len()) {
            return Err(Failure::not_found(
                "the budget ended before the eigenvectors were found",
            ));
        }
        let pairs = top.pairs.iter().take(count);
        let converged = pairs.clone().all(|pair| pair.converged);
        let squares = pairs.map(|pair| dot(&pair.vector, vector).powi(2));
        let share = (squares.sum::<f64>() / dot(vector, vector)).min(1.0);
        let sine = sine_of_error(&top, count, vector.len());
        let error = match sine < 1.0 {
            false => Error::Unknown(
                "the eigenvectors are not apart from the next ones by more than their residuals"
                    .to_owned(),
            ),
            true => {
                let most = 2.0 * sine * (share * (1.0 - share)).sqrt() + sine * sine;
                Error::Residual {
                    residual: sine,
                    scale: (sine > 0.0).then(|| most / sine),
                }
            }
        };
        Ok(Measurement {
            converged: Some(converged && sine < 1.0),
            matvecs: Some(top.matvecs),
            ..Measurement::new(name, share)
                .with_error(error)
                .over(self.subject.train.samples())
                .found_by(top.algorithm)
        })
    }
}

/// The sine of the largest angle between the space of the first `count` vectors found and that of the true ones, at
/// most `‖R‖_F` over the gap to the next eigenvalue (Davis & Kahan 1970; Parlett, "The Symmetric Eigenvalue Problem",
/// §11.7), which is itself as good as the estimate of that eigenvalue.
fn sine_of_error(top: &Followed, count: usize, dimension: usize) -> f64 {
    if count >= dimension {
        return 0.0;
    }
    let pairs = &top.pairs[..count.min(top.pairs.len())];
    let squares = pairs
        .iter()
        .map(|pair| (pair.residual * pair.scale).powi(2));
    let residual = squares.sum::<f64>().sqrt();
    let following = top.pairs.get(count).map(|pair| pair.value).or(top.next);
    let (Some(last), Some(next)) = (pairs.last(), following) else {
        return f64::INFINITY;
    };
    match last.value - next {
        gap if gap > 0.0 => residual / gap,
        _ => f64::INFINITY,
    }
}
