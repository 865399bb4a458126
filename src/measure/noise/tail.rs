//! The tail index of gradient noise, under the assumption that it has one.
//!
//! For `α`-stable numbers the sum of `K` has the law of `K^{1/α}` of one, so that
//! `1/α = (E log|X₁ + … + X_K| − E log|X₁|) / log K` (Mohammadi, Mohammadpour & Ogata 2015, "On estimating the
//! tail index and the spectral measure of multivariate α-stable distributions", corollary 2.4; for gradient noise Simsekli,
//! Sagun & Gurbuzbalaban 2019, "A tail-index analysis of stochastic gradient noise in deep neural networks"). Here it is
//! taken coordinate by coordinate, so that unequal variances of coordinates do not count.
//!
//! It is biased: normal noise gives 2, but of a batch drawn from finitely many samples *all* noise has a finite
//! variance, and whatever is more peaked than a normal law gives less than 2, because its sums are less peaked
//! than itself (Panigrahi et al. 2019, "Non-Gaussianity of stochastic gradient noise"). The row says so.

use crate::linear::{LinearError, ProbeOptions, Spending, draw};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::objective::Chunks;
use crate::params::Parameters;
use rand::seq::index;

/// Batches whose noise is added up.
const TOGETHER: usize = 10;

/// Such sums.
const SUMS: usize = 16;

const BIAS: &str = "assumes a stable law; noise of finite variance, as that of a batch from finitely many samples is, \
                    gives below 2 where it is more peaked than a normal law";

impl Session<'_> {
    /// `α`, with the spread over sums as its error.
    pub(super) fn tail_index(&mut self, name: &str) -> Result<Measurement, Failure> {
        let (batch, samples) = (self.samples_of_batch()?, self.subject.train.samples());
        if batch >= samples {
            return Err(Failure::not_defined(
                "steps that use all training samples have no noise",
            ));
        }
        let mean = self.mean_gradient()?;
        let subject = self.subject;
        let mut rng = subject.stream("probes.noise.tail");
        let options = ProbeOptions {
            budget: subject.budget,
            ..ProbeOptions::fixed(SUMS)
        };
        let mut spending = Spending::new(subject.budget, subject.interrupt);
        let estimate = draw(&mut spending, options, TOGETHER, |spending| {
            let mut sum = LogSum::default();
            for _ in 0..TOGETHER {
                spending.spend()?;
                let mut places = index::sample(&mut rng, samples, batch).into_vec();
                places.sort_unstable();
                sum.add(&self.noise_of(&places, &mean)?);
            }
            sum.exponent()
        })?;
        let (exponent, samples) = (estimate.value, subject.train.samples());
        let share = batch as f64 / samples as f64;
        let row = Measurement::new(name, exponent.recip());
        Ok(Measurement {
            converged: Some(true),
            note: Some(BIAS.to_owned()),
            ..row
                .over(samples)
                .taking((estimate.matvecs as f64 * share).ceil() as usize)
                .with_stderr(estimate.standard_error / (exponent * exponent))
        })
    }

    /// The gradient of a batch less that of the whole, of the block if there is one.
    fn noise_of(&self, places: &[usize], mean: &Parameters) -> Result<Vec<f64>, Failure> {
        let subject = self.subject;
        let (batch, labels) = subject.train.pick(places, subject.objective.compute());
        let batch = Chunks::from_batches(vec![batch], labels);
        let weight = 1.0 / places.len() as f64;
        let objective = subject.objective;
        let (_, gradient) =
            objective.loss_and_gradient(subject.parameters, &batch.batches()[0], weight);
        let noise = (gradient - mean.clone()).into_host();
        let noise = noise.map_err(Failure::device)?;
        if !noise.iter().all(|value| value.is_finite()) {
            return Err(LinearError::NotFinite.into());
        }
        Ok(noise[subject.range()?].to_vec())
    }
}

/// Numbers added up in each coordinate, and the logarithms of their sizes.
#[derive(Default)]
struct LogSum {
    sum: Vec<f64>,
    logarithms: Vec<f64>,
    count: usize,
}

impl LogSum {
    fn add(&mut self, values: &[f64]) {
        self.sum.resize(values.len(), 0.0);
        self.logarithms.resize(values.len(), 0.0);
        for ((sum, logarithm), value) in (self.sum.iter_mut().zip(&mut self.logarithms)).zip(values)
        {
            *sum += value;
            *logarithm += value.abs().ln();
        }
        self.count += 1;
    }

    /// `1/α` by the mean over coordinates; those in which a number is exactly 0, as of a unit that no sample
    /// of a batch switches on, tell nothing.
    fn exponent(&self) -> Result<f64, Failure> {
        let count = self.count as f64;
        let (mut all, mut coordinates) = (0.0, 0usize);
        for (sum, logarithm) in self.sum.iter().zip(&self.logarithms) {
            let growth = (sum.abs().ln() - logarithm / count) / count.ln();
            if growth.is_finite() {
                all += growth;
                coordinates += 1;
            }
        }
        if coordinates == 0 {
            return Err(Failure::not_defined(
                "no parameter has gradient noise in every batch",
            ));
        }
        Ok(all / coordinates as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::random_normal;
    use crate::random::Streams;
    use rand_distr::{Cauchy, Distribution};

    /// The index from many sums of numbers of one law.
    fn index_of(mut values: impl FnMut() -> Vec<f64>) -> f64 {
        let mut exponents = Vec::new();
        for _ in 0..40 {
            let mut sum = LogSum::default();
            (0..TOGETHER).for_each(|_| sum.add(&values()));
            exponents.push(sum.exponent().unwrap());
        }
        crate::statistics::mean(&exponents).recip()
    }

    #[test]
    fn stable_laws_have_their_index_and_a_peaked_law_of_finite_variance_less_than_two() {
        let mut rng = Streams::new(0).stream("test", 0);
        let normal = index_of(|| random_normal(500, &mut rng));
        assert!((normal - 2.0).abs() < 0.03, "{normal}");
        let cauchy = Cauchy::new(0.0, 3.0).unwrap();
        let heavy = index_of(|| (0..500).map(|_| cauchy.sample(&mut rng)).collect());
        assert!((heavy - 1.0).abs() < 0.03, "{heavy}");
        // A mixture of two normal laws: the bias.
        let mixture = index_of(|| {
            let values = random_normal(500, &mut rng).into_iter();
            let scaled = values.map(|x| if x.to_bits() % 10 == 0 { 10.0 * x } else { x });
            scaled.collect()
        });
        assert!(mixture < 1.8, "{mixture}");
    }

    #[test]
    fn coordinates_without_noise_tell_nothing() {
        let mut sum = LogSum::default();
        sum.add(&[1.0, 0.0]);
        sum.add(&[1.0, 2.0]);
        assert!((sum.exponent().unwrap() - 1.0).abs() < 1e-15);
        let mut none = LogSum::default();
        none.add(&[0.0]);
        none.add(&[0.0]);
        assert!(none.exponent().is_err());
    }
}
