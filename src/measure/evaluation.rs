//! Losses and predictions over a set of samples.

use super::declaration::{Family, Measure, Part, Reads, RoundingLaw, Take};
use super::evaluated::Evaluated;
use crate::data::Task;
use crate::reparam::MapKind;

/// What the function does on the data; no function-preserving map moves it.
pub(super) const FAMILY: Family = &[
    loss(
        "loss.train",
        "mean loss over training samples (cross-entropy in nats, square loss half the sum over outputs)",
        Part::Train,
        |session, name| Ok(session.train()?.loss(name)),
    ),
    loss(
        "loss.test",
        "mean loss over test samples, as loss.train",
        Part::Test,
        |session, name| Ok(session.test()?.loss(name)),
    ),
    loss(
        "gap.loss",
        "loss.test - loss.train",
        Part::Both,
        |session, name| Ok(Evaluated::gap(name, &*session.train()?, &*session.test()?)),
    ),
    accuracy(
        "accuracy.train",
        "share of training samples classified right",
        Part::Train,
        |session, name| session.train()?.accuracy(name),
    ),
    accuracy(
        "accuracy.test",
        "share of test samples classified right",
        Part::Test,
        |session, name| session.test()?.accuracy(name),
    ),
    regression(
        "r2.train",
        "coefficient of determination on training samples, 1 - sum (t - z)^2 / sum (t - mean t)^2; mean over outputs",
        Part::Train,
        RoundingLaw::Determination(Part::Train),
        |session, name| session.train()?.determination(name),
    ),
    regression(
        "r2.test",
        "coefficient of determination on test samples, as r2.train",
        Part::Test,
        RoundingLaw::Determination(Part::Test),
        |session, name| session.test()?.determination(name),
    ),
    regression(
        "rmse.train",
        "root of the mean squared error over training samples and outputs, in the unit of the targets",
        Part::Train,
        RoundingLaw::RootLoss(Part::Train),
        |session, name| session.train()?.root_mean_square(name),
    ),
    regression(
        "rmse.test",
        "root of the mean squared error over test samples and outputs, as rmse.train",
        Part::Test,
        RoundingLaw::RootLoss(Part::Test),
        |session, name| session.test()?.root_mean_square(name),
    ),
];

const fn loss(name: &'static str, description: &'static str, part: Part, take: Take) -> Measure {
    Measure::new(name, description, take)
        .light()
        .reading(reads(part))
        .invariant(MapKind::ALL)
        .rounded(RoundingLaw::Loss(part))
}

const fn reads(part: Part) -> Reads {
    match part {
        Part::Test => Reads::Test,
        Part::Train | Part::Both => Reads::Training,
    }
}

const fn accuracy(
    name: &'static str,
    description: &'static str,
    part: Part,
    take: Take,
) -> Measure {
    Measure::new(name, description, take)
        .light()
        .about(Task::Classification)
        .share()
        .reading(reads(part))
        .invariant(MapKind::ALL)
        .rounded(RoundingLaw::Share(part))
}

const fn regression(
    name: &'static str,
    description: &'static str,
    part: Part,
    rounding: RoundingLaw,
    take: Take,
) -> Measure {
    Measure::new(name, description, take)
        .light()
        .about(Task::Regression)
        .reading(reads(part))
        .invariant(MapKind::ALL)
        .rounded(rounding)
}
