//! Conditions for training to be stable where it is: each a value over its threshold, so that 1 is
//! the edge.

mod noise;

#[cfg(test)]
mod tests;

use super::Measurement;
use super::curvature::{MOST_PRODUCTS, with_operator};
use super::registry::{Family, Measure};
use super::session::{Failure, Session};
use crate::config::Momentum;
use crate::curvature::Matrix;
use crate::extremes::largest_size;
use crate::linear::{LanczosOptions, lanczos};

pub(super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "stability.gd",
            "learning rate times hessian.lambda_max / 2: gradient descent is stable below 1",
        )
        .from("Cohen et al. 2021")
        .full(),
        Measure::new(
            "stability.momentum",
            "learning rate times hessian.lambda_max over the run's own threshold, with its momentum",
        )
        .from("Cohen et al. 2021")
        .full(),
        Measure::new(
            "stability.nonuniformity",
            "learning rate times noise.nonuniformity over sqrt(B(n-1)/(n-B)): SGD needs below 1",
        )
        .from("Wu, Ma & E 2018"),
        Measure::new(
            "stability.alignment",
            "learning rate times hessian.frobenius sqrt(noise.alignment_mu / B): SGD needs below 1",
        )
        .from("Wu, Wang & Su 2022"),
        Measure::new(
            "stability.tracked",
            "number of Hessian eigenvalues above 1.5 / learning rate; a multiple one counts as often as it occurs",
        ),
    ],
    measure: |session, name| match name {
        "stability.gd" => session.stability(name),
        "stability.momentum" => session.momentum_stability(name),
        "stability.nonuniformity" => session.nonuniformity_stability(name),
        "stability.alignment" => session.alignment_stability(name),
        _ => session.tracked(name),
    },
};

impl Session<'_> {
    fn learning_rate(&self) -> Result<f64, Failure> {
        let unknown = || Failure::Other("the learning rate is not known".to_owned());
        self.subject.learning_rate.ok_or_else(unknown)
    }

    /// `η λmax / 2`: gradient descent is linearly stable at a minimum below 1 (Cohen et al. 2021).
    fn stability(&mut self, name: &str) -> Result<Measurement, Failure> {
        let rate = self.learning_rate()?;
        let row = self.eigenvalue(name, |spectrum| spectrum.largest.first())?;
        Ok(row.times(0.5 * rate))
    }

    /// `η λmax` over the threshold of the run's update rule: 2 without momentum, `2 (1 + β)` with
    /// heavy-ball momentum `β`, `2 (1 + β) / (1 + 2β)` with Nesterov's (Cohen et al. 2021, "Gradient
    /// descent on neural networks typically occurs at the edge of stability").
    fn momentum_stability(&mut self, name: &str) -> Result<Measurement, Failure> {
        let rate = self.learning_rate()?;
        let threshold = threshold(self.momentum()?);
        let row = self.eigenvalue(name, |spectrum| spectrum.largest.first())?;
        Ok(row.times(rate / threshold))
    }

    fn momentum(&self) -> Result<Momentum, Failure> {
        let unknown = || {
            Failure::Other(
                "the condition is for gradient descent, with or without momentum".to_owned(),
            )
        };
        self.subject.momentum.ok_or_else(unknown)
    }

    /// How many eigenvalues lie above `1.5 / η`, three quarters of the way to the edge of stability,
    /// multiple ones as often as they occur. The residual is the largest of all pairs; a pair that lies
    /// nearer to the threshold than its own may be on either side.
    fn tracked(&mut self, name: &str) -> Result<Measurement, Failure> {
        let threshold = 1.5 / self.learning_rate()?;
        let subject = self.subject;
        let mut rng = subject
            .streams
            .stream(&format!("probes.{name}"), subject.step);
        let options = LanczosOptions {
            above: Some(threshold),
            max_matvecs: MOST_PRODUCTS,
            ..self.lanczos_options(1, 0)
        };
        let spectrum = with_operator(&subject, Matrix::Hessian, |operator| {
            lanczos(operator, None, &mut rng, options, subject.interrupt)
        })?;
        let pairs = &spectrum.largest;
        let above = pairs.iter().filter(|pair| pair.value > threshold).count();
        let residual = largest_size(pairs.iter().map(|pair| pair.residual));
        let doubtful = pairs
            .iter()
            .filter(|pair| (pair.value - threshold).abs() <= pair.residual * pair.scale)
            .count();
        let note = (doubtful > 0).then(|| {
            format!("{doubtful} of the eigenvalues lie at the threshold, within their residuals")
        });
        Ok(Measurement {
            note,
            ..Measurement::new(name, above as f64)
                .with_residual(residual, spectrum.complete, spectrum.matvecs)
                .over(subject.train.samples())
        })
    }
}

/// The largest `η λ` at which gradient descent with a momentum is stable on a quadratic.
fn threshold(momentum: Momentum) -> f64 {
    let beta = momentum.coefficient;
    if momentum.nesterov {
        2.0 * (1.0 + beta) / (1.0 + 2.0 * beta)
    } else {
        2.0 * (1.0 + beta)
    }
}
