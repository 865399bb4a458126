//! Conditions for training to be stable where it is: each a value over its threshold, so that 1 is
//! the edge.
//!
//! What decides is the linear map that a step makes of a small displacement. With an L2 penalty `½μ‖θ‖²` the
//! curvature it sees is `H + μI`; momentum moves the threshold; Adam, RMSProp and AdaGrad divide the gradient by a
//! diagonal, so that what counts is `P⁻¹(H + μI)`.

pub(super) mod descent;
mod edge;
mod followed;
mod noise;
pub(super) mod preconditioned;

#[cfg(test)]
mod tests;

pub(super) use followed::Followed;

use super::declaration::{Family, Measure, ProductLaw, RoundingLaw, Take};
use super::failure::Failure;
use super::measurement::Measurement;
use super::session::Session;
use crate::curvature::Matrix;
use crate::model::NormMode;
use crate::reparam::MapKind;

/// One of the eigenvalues that are followed.
macro_rules! followed {
    ($name:literal, $rank:literal, $place:literal) => {
        condition(
            $name,
            concat!(
                $rank,
                " eigenvalue of the matrix that steps see (Hessian plus weight decay, preconditioned for Adam); \
                 beyond the fifth only above 0.75 stability.line"
            ),
            |session, name| {
                let row = session.followed_eigenvalue(name, $place)?;
                Ok(session.noted(row, &[]))
            },
        )
        .from("Cohen et al. 2021; Cohen et al. 2022")
    };
}

/// The overlap of one of the eigenvectors that are followed.
macro_rules! overlap {
    ($name:literal, $rank:literal, $place:literal) => {
        overlap(
            $name,
            concat!(
                "squared cosine of the ",
                $rank,
                " eigenvector that is followed with the ",
                $rank,
                " of the round before"
            ),
            |session, name| session.overlap_at(name, $place),
        )
    };
}

pub(super) const FAMILY: Family = &[
    condition(
        "stability.gd",
        "learning rate times hessian.lambda_max (plus weight decay) / 2: gradient descent is stable below 1",
        |session, name| {
            let row = session.gradient_descent_stability(name)?;
            Ok(session.noted(row, &[Setting::Rate]))
        },
    )
    .from("Cohen et al. 2021")
    .full(),
    condition(
        "stability.momentum",
        "learning rate times hessian.lambda_max (plus weight decay) over the run's own threshold, with its momentum",
        |session, name| {
            let row = session.momentum_stability(name)?;
            Ok(session.noted(row, &[Setting::Rate, Setting::Momentum]))
        },
    )
    .from("Cohen et al. 2021")
    .full(),
    condition(
        "stability.adam",
        "largest eigenvalue of the Hessian that steps of Adam, RMSProp or AdaGrad see, preconditioned, over their threshold",
        |session, name| {
            let row = session.preconditioned_stability(name)?;
            Ok(session.noted(row, &[Setting::Rate, Setting::Momentum]))
        },
    )
    .from("Cohen et al. 2022, \"Adaptive gradient methods at the edge of stability\"")
    // Its diagonal is one of these coordinates.
    .invariant(&[MapKind::Permutation]),
    condition(
        "stability.nonuniformity",
        "learning rate times noise.nonuniformity over sqrt(B(n-1)/(n-B)): SGD needs below 1",
        |session, name| {
            let row = session.nonuniformity_stability(name)?;
            Ok(session.noted(row, &[Setting::Rate, Setting::Batch]))
        },
    )
    .of_whole()
    .from("Wu, Ma & E 2018"),
    condition(
        "stability.alignment",
        "learning rate times hessian.frobenius sqrt(noise.alignment_mu / B): SGD needs below 1",
        |session, name| {
            let row = session.alignment_stability(name)?;
            Ok(session.noted(row, &[Setting::Rate, Setting::Batch]))
        },
    )
    .from("Wu, Wang & Su 2022")
    .multiplying(&[
        Matrix::Hessian,
        Matrix::NoiseCovariance,
        Matrix::GaussNewton,
    ])
    .rounded(RoundingLaw::Product(ProductLaw {
        losses: 1,
        ..ProductLaw::PLAIN
    })),
    condition(
        "stability.tracked",
        "number of eigenvalues of the Hessian (plus weight decay) above 1.5 / learning rate; a multiple one counts as often as it occurs",
        |session, name| {
            let row = session.tracked(name)?;
            Ok(session.noted(row, &[Setting::Rate]))
        },
    )
    .rounded(RoundingLaw::Untouched),
    Measure::new(
        "stability.line",
        "largest stable eigenvalue of the matrix that steps see, by learning rate and momentum: 2 / learning rate for gradient descent",
        |session, name| {
            let row = session.stability_line(name)?;
            Ok(session.noted(row, &[Setting::Rate, Setting::Momentum]))
        },
    )
    .from("Cohen et al. 2021; Cohen et al. 2022")
    .passes()
    .given()
    .invariant(MapKind::ALL),
    followed!("stability.eigenvalue_1", "largest", 1),
    followed!("stability.eigenvalue_2", "second largest", 2),
    followed!("stability.eigenvalue_3", "third largest", 3),
    followed!("stability.eigenvalue_4", "fourth largest", 4),
    followed!("stability.eigenvalue_5", "fifth largest", 5),
    followed!("stability.eigenvalue_6", "sixth largest", 6),
    followed!("stability.eigenvalue_7", "seventh largest", 7),
    followed!("stability.eigenvalue_8", "eighth largest", 8),
    followed!("stability.eigenvalue_9", "ninth largest", 9),
    followed!("stability.eigenvalue_10", "tenth largest", 10),
    followed!("stability.eigenvalue_11", "eleventh largest", 11),
    followed!("stability.eigenvalue_12", "twelfth largest", 12),
    followed!("stability.eigenvalue_13", "thirteenth largest", 13),
    followed!("stability.eigenvalue_14", "fourteenth largest", 14),
    followed!("stability.eigenvalue_15", "fifteenth largest", 15),
    followed!("stability.eigenvalue_16", "sixteenth largest", 16),
    followed!("stability.eigenvalue_17", "seventeenth largest", 17),
    followed!("stability.eigenvalue_18", "eighteenth largest", 18),
    followed!("stability.eigenvalue_19", "nineteenth largest", 19),
    followed!("stability.eigenvalue_20", "twentieth largest", 20),
    condition(
        "stability.above_line",
        "number of the eigenvalues that are followed, at most twenty, above stability.line",
        |session, name| {
            let row = session.above_line(name)?;
            Ok(session.noted(row, &[Setting::Rate, Setting::Momentum]))
        },
    )
    .from("Cohen et al. 2021; Cohen et al. 2022")
    .rounded(RoundingLaw::Untouched),
    overlap(
        "stability.overlap",
        "overlap of the space of the first five eigenvectors that are followed with that of the round before, |V'W|_F^2 / 5",
        |session, name| session.overlap_of_spaces(name),
    )
    .from("Gur-Ari, Roberts & Dyer 2018, \"Gradient descent happens in a tiny subspace\""),
    overlap!("stability.overlap_1", "first", 1),
    overlap!("stability.overlap_2", "second", 2),
    overlap!("stability.overlap_3", "third", 3),
    overlap!("stability.overlap_4", "fourth", 4),
    overlap!("stability.overlap_5", "fifth", 5),
    overlap!("stability.overlap_6", "sixth", 6),
    overlap!("stability.overlap_7", "seventh", 7),
    overlap!("stability.overlap_8", "eighth", 8),
    overlap!("stability.overlap_9", "ninth", 9),
    overlap!("stability.overlap_10", "tenth", 10),
    condition(
        "stability.batch",
        "learning rate times sharpness.batch / 2: SGD holds it at 1",
        |session, name| {
            let row = session.batch_stability(name)?;
            Ok(session.noted(row, &[Setting::Rate, Setting::Batch]))
        },
    )
    .from("Andreyev & Beneventano 2025, \"Edge of stochastic stability\""),
];

const fn overlap(name: &'static str, description: &'static str, take: Take) -> Measure {
    condition(name, description, take).rounded(RoundingLaw::Untouched)
}

const fn condition(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .of_flatness()
        .of_block()
        .multiplying(&[Matrix::Hessian])
        .rounded(RoundingLaw::Product(ProductLaw::PLAIN))
}

/// A setting of the config that a condition on a step rests on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Setting {
    Rate,
    Momentum,
    Batch,
}

impl Session<'_> {
    fn learning_rate(&self) -> Result<f64, Failure> {
        let unknown = || Failure::not_known("the learning rate is not known");
        self.subject.learning_rate.ok_or_else(unknown)
    }

    /// Adds what a reader of a condition on a step of training must know about that step.
    fn noted(&self, row: Measurement, settings: &[Setting]) -> Measurement {
        let mut notes: Vec<String> = row.note.clone().into_iter().collect();
        if self.subject.objective.norm_mode() == Some(NormMode::Eval) {
            // Steps are taken on another loss than the one that was measured.
            let note = "by running statistics; training normalises by the batch: norm_mode = batch";
            notes.push(note.to_owned());
        }
        if self.subject.trained_elsewhere {
            let step = self.step_of_config(settings);
            notes.push(format!(
                "for a step with the config's {step}, not for those that trained these weights"
            ));
        }
        Measurement {
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            ..row
        }
    }

    /// The settings of the config that a condition on a step rests on, in words.
    fn step_of_config(&self, settings: &[Setting]) -> String {
        let subject = &self.subject;
        let momentum = subject.step_rule.map(|rule| rule.momentum());
        let words = settings.iter().filter_map(|setting| match setting {
            Setting::Rate => Some(format!("learning rate {}", subject.learning_rate?)),
            Setting::Momentum => Some(format!("momentum {}", momentum?)),
            Setting::Batch => Some(format!("batch size {}", subject.batch_size?)),
        });
        words.collect::<Vec<_>>().join(" and ")
    }
}
