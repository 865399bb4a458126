//! The largest eigenpairs of the Hessian by way of a few of the samples.

use crate::curvature::Matrix;
use crate::linear::{
    DavidsonOptions, LeadingPairs, LinearError, Surrogate, WarmStart, davidson,
    davidson_by_surrogate,
};
use crate::measure::subject::Subject;
use crate::objective::Chunks;
use crate::random::StreamRng;

/// Among fewer samples a share of them costs about as much as all, or has other eigenvectors.
const SAMPLES_FOR_A_SURROGATE: usize = 1000;

/// Of so many samples one is used for a surrogate of the Hessian, and the relative residual to which its
/// leading pair is worth knowing. The coarser surrogate finds what has changed since the last search; the
/// finer one comes nearer than more products with the coarser one could.
const SURROGATEES: [(usize, f64); 2] = [(20, 0.05), (5, 0.01)];

/// A forward pass makes one of the nine matrix products per layer of a Hessian-vector product, whose
/// forward pass makes three and whose reverse pass twice as many.
const FORWARD_PASS: f64 = 1.0 / 9.0;

/// A search by way of the Hessian over some samples that stand for all, where that can be had.
pub(super) fn leading_pairs_by_few_samples(
    subject: &Subject<'_>,
    past: Option<&WarmStart>,
    rng: &mut StreamRng,
    options: DavidsonOptions,
) -> Result<LeadingPairs, LinearError> {
    let (all, interrupt) = (subject.train, subject.interrupt);
    let few = if all.samples() < SAMPLES_FOR_A_SURROGATE {
        None
    } else {
        let counts = SURROGATEES.map(|(one_of, _)| all.samples() / one_of);
        let mut draw = subject.stream("probes.samples");
        subject
            .objective
            .important_samples(subject.parameters, all, counts, &mut draw)
            .map_err(LinearError::Device)?
    };
    let cost = |few: &Chunks| few.samples() as f64 / all.samples() as f64;
    subject.with_operator(Matrix::Hessian, |operator| {
        let Some([fewer, few]) = &few else {
            return davidson(operator, past, rng, options, interrupt);
        };
        let [coarse, fine] = [fewer, few].map(|train| Subject { train, ..*subject });
        coarse.with_operator(Matrix::Hessian, |coarse| {
            fine.with_operator(Matrix::Hessian, |fine| {
                let mut surrogates = [
                    Surrogate {
                        operator: coarse,
                        cost: cost(fewer),
                        setup: FORWARD_PASS,
                        tolerance: SURROGATEES[0].1,
                    },
                    Surrogate {
                        operator: fine,
                        cost: cost(few),
                        // One forward pass weighs the samples for both.
                        setup: 0.0,
                        tolerance: SURROGATEES[1].1,
                    },
                ];
                davidson_by_surrogate(operator, &mut surrogates, past, rng, options, interrupt)
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Compute, Precision};
    use crate::linear::{axpy, norm};
    use crate::measure::testing::fixture::{digits_of, subject, uniform};
    use crate::model::{Mlp, MlpShape};
    use crate::objective::{Loss, Objective};
    use crate::params::Parameters;
    use crate::random::Streams;
    use std::sync::Arc;

    /// The search makes no product for its residual; it is that of one all the same.
    #[test]
    fn the_residual_of_a_search_by_few_samples_is_that_of_a_real_product() {
        let network = Mlp::new(MlpShape::new(64, &[20], 10));
        let compute = Compute::cpu(Precision::F32);
        let objective = Objective::new(Arc::new(network), Loss::CrossEntropy, compute);
        let train = digits_of(&objective);
        let layout = objective.network().layout();
        for seed in 0..5 {
            let mut values = uniform(&mut Streams::new(seed).stream("test", 0), layout.len());
            values.iter_mut().for_each(|value| *value *= 0.3);
            let parameters = Parameters::from_host(layout, &values, objective.compute());
            let subject = subject(&objective, &parameters, &train);
            let mut past = None;
            for tolerance in [1e-2, 1e-3, 1e-5, 1e-9] {
                let options = DavidsonOptions {
                    tolerance,
                    ..Default::default()
                };
                let mut rng = Streams::new(seed).stream("probes", 1);
                let found =
                    leading_pairs_by_few_samples(&subject, past.as_ref(), &mut rng, options)
                        .unwrap();
                let pair = &found.pairs[0];
                let real = subject.with_operator(Matrix::Hessian, |operator| {
                    let mut rest = operator.apply(&pair.vector)?;
                    axpy(-pair.value, &pair.vector, &mut rest);
                    Ok(norm(&rest) / pair.scale)
                });
                let (stated, real) = (pair.residual, real.unwrap());
                // A rounding of the products is added to all.
                let is_true = 0.9 * real <= stated && stated <= 1.2 * real + 1e-7;
                assert!(is_true, "{seed} {tolerance}: {stated:e} {real:e}");
                past = Some(found.warm_start);
            }
        }
    }
}
