//! The largest eigenpairs of the Hessian by way of a few of the samples.

use super::curvature::with_operator;
use super::session::Subject;
use crate::curvature::{
    CurvatureError, DavidsonOptions, LeadingPairs, Likeness, Matrix, Recollection, davidson,
    davidson_by_likeness,
};
use crate::objective::Chunks;
use crate::random::StreamRng;

/// Among fewer samples a share of them costs about as much as all, or has other eigenvectors.
const SAMPLES_FOR_A_LIKENESS: usize = 1000;

/// Of so many samples one is used for a likeness of the Hessian, and the relative residual to which its
/// leading pair is worth knowing. The coarser likeness finds what has changed since the last search; the
/// finer one comes nearer than more products with the coarser one could.
const LIKENESSES: [(usize, f64); 2] = [(20, 0.05), (5, 0.01)];

/// A forward pass makes one of the nine matrix products per layer of a Hessian-vector product, whose
/// forward pass makes three and whose reverse pass twice as many.
const FORWARD_PASS: f64 = 1.0 / 9.0;

/// A search by way of the Hessian over some samples that stand for all, where that can be had.
pub(super) fn leading_pairs_by_few_samples(
    subject: &Subject<'_>,
    past: Option<&Recollection>,
    rng: &mut StreamRng,
    options: DavidsonOptions,
) -> Result<LeadingPairs, CurvatureError> {
    let (all, interrupt) = (subject.train, subject.interrupt);
    let few = if all.samples() < SAMPLES_FOR_A_LIKENESS {
        None
    } else {
        let counts = LIKENESSES.map(|(one_of, _)| all.samples() / one_of);
        let mut draw = subject.streams.stream("probes.samples", subject.step);
        subject
            .objective
            .important_samples(subject.parameters, all, counts, &mut draw)
            .map_err(CurvatureError::Device)?
    };
    let cost = |few: &Chunks| few.samples() as f64 / all.samples() as f64;
    with_operator(subject, Matrix::Hessian, |operator| {
        let Some([fewer, few]) = &few else {
            return davidson(operator, past, rng, options, interrupt);
        };
        let [coarse, fine] = [fewer, few].map(|train| Subject { train, ..*subject });
        with_operator(&coarse, Matrix::Hessian, |coarse| {
            with_operator(&fine, Matrix::Hessian, |fine| {
                let mut likenesses = [
                    Likeness {
                        operator: coarse,
                        cost: cost(fewer),
                        setup: FORWARD_PASS,
                        tolerance: LIKENESSES[0].1,
                    },
                    Likeness {
                        operator: fine,
                        cost: cost(few),
                        // One forward pass weighs the samples for both.
                        setup: 0.0,
                        tolerance: LIKENESSES[1].1,
                    },
                ];
                davidson_by_likeness(operator, &mut likenesses, past, rng, options, interrupt)
            })
        })
    })
}
