//! The ten lessons.

use super::{Command, Lesson, Shown};

/// All lessons, in the order in which they are told.
pub const LESSONS: &[Lesson] = &[
    Lesson {
        name: "edge-of-stability",
        about: "full-batch descent, here on 100 digits of which half have wrong labels, sharpens until the curvature meets two \
                over the learning rate",
        commands: &[
            Command::new("train --config digits/edge_of_stability --out {folder} --resume"),
            Command::new(
                "plot {folder}/edge_of_stability/seed-0 --what eigenvalues --along steps --out {folder}/eigenvalues.svg",
            ),
        ],
        picture: "eigenvalues.svg",
        shown: Shown::LastThird {
            rows: "edge_of_stability/seed-0/metrics.jsonl",
            measure: "stability.gd",
            name: "λmax in units of 2/η, the edge of stability,",
            meaning: "Steps are stable up to 1",
        },
        not_shown: "that the edge does any good or harm to generalisation; that it is met with small batches, \
                    cross-entropy or ReLU (configs/cifar10/edge_* have some of these)",
    },
    Lesson {
        name: "sharpness-aware",
        about: "sharpness-aware steps against plain ones at the same training loss",
        commands: &[
            Command::new("sweep sweeps/demo_sam --out {folder}"),
            Command::into(
                "compare {folder}/sam --by arm --format json",
                "comparison.json",
            ),
            Command::new("plot {folder}/sam --what curves --out {folder}/curves.svg"),
        ],
        picture: "curves.svg",
        shown: Shown::Comparison {
            file: "comparison.json",
            measures: &[
                "hessian.lambda_max",
                "hessian.lambda_max.adaptive",
                "accuracy.test",
            ],
        },
        not_shown: "an effect at other radii, or on larger networks and data; three seeds decide large differences only",
    },
    Lesson {
        name: "random-labels",
        about: "a network that learns the digits also learns labels drawn at random",
        commands: &[
            Command::new("sweep sweeps/demo_random_labels --out {folder}"),
            Command::into(
                "compare {folder}/random_labels --by arm --format json",
                "comparison.json",
            ),
            Command::new("plot {folder}/random_labels --what curves --out {folder}/curves.svg"),
        ],
        picture: "curves.svg",
        shown: Shown::Comparison {
            file: "comparison.json",
            measures: &["accuracy.train", "accuracy.test", "steps"],
        },
        not_shown: "why the same network generalises with the right labels: only that its capacity is no reason",
    },
    Lesson {
        name: "double-descent",
        about: "with more features than samples the test error falls a second time",
        commands: &[Command::new(
            "experiment run random-relu-features --out {folder}",
        )],
        picture: "random-relu-features/errors.svg",
        shown: Shown::Experiment {
            result: "random-relu-features/result.json",
        },
        not_shown: "that trained networks do the same: only the last layer is fitted, and by its shortest solution",
    },
    Lesson {
        name: "maximum-margin",
        about: "descent on separable data goes to the direction of the largest margin",
        commands: &[Command::new(
            "experiment run descent-to-the-hard-margin --out {folder}",
        )],
        picture: "descent-to-the-hard-margin/direction.svg",
        shown: Shown::Experiment {
            result: "descent-to-the-hard-margin/result.json",
        },
        not_shown: "the margin of a network in the space of its inputs, and that a larger one predicts better",
    },
    Lesson {
        name: "reparameterisation",
        about: "one function, other parameters, another sharpness",
        commands: &[
            Command::new("train --config sgd_b512 --set hooks=[] --out {folder} --resume"),
            Command::into(
                "reparam {folder}/sgd_b512/seed-0 --maps layer-rescaling,unit-rescaling --measures \
                 loss.train,accuracy.test,hessian.lambda_max,hessian.trace,sharpness.sam,norm.l2,hessian.lambda_max.adaptive,\
                 sharpness.average.adaptive,sharpness.asam,norm.path,margin.median --figure \
                 {folder}/invariance.svg --format json",
                "invariance.json",
            ),
        ],
        picture: "invariance.svg",
        shown: Shown::Invariance {
            file: "invariance.json",
            measures: &["hessian.lambda_max", "hessian.lambda_max.adaptive"],
        },
        not_shown: "that an invariant measure predicts generalisation: being invariant is only what it takes to be \
                    about the function",
    },
    Lesson {
        name: "small-and-large-batch",
        about: "solutions of small and of large batches at the same training loss",
        commands: &[
            Command::new("sweep sweeps/demo_batch_size --out {folder}"),
            Command::into(
                "compare {folder}/batch_size --by arm --format json",
                "comparison.json",
            ),
            Command::new("plot {folder}/batch_size --what curves --out {folder}/curves.svg"),
        ],
        picture: "curves.svg",
        shown: Shown::Comparison {
            file: "comparison.json",
            measures: &[
                "hessian.lambda_max",
                "hessian.lambda_max.adaptive",
                "accuracy.test",
            ],
        },
        not_shown: "that sharper solutions predict worse (here the test accuracies are what they are), and what other \
                    lengths of training or learning rates make of it: configs/sweeps/digits_* have these",
    },
    Lesson {
        name: "early-stopping",
        about: "where stopping descent early is a ridge penalty of one over the time, and where not",
        commands: &[Command::new(
            "experiment run early-stopping-and-ridge --out {folder}",
        )],
        picture: "early-stopping-and-ridge/filters.svg",
        shown: Shown::Experiment {
            result: "early-stopping-and-ridge/result.json",
        },
        not_shown: "networks, whose curvature changes while they train",
    },
    Lesson {
        name: "spectral-bias",
        about: "slow parts of a function are learned before fast ones",
        commands: &[Command::new("experiment run spectral-bias --out {folder}")],
        picture: "spectral-bias/parts-over-time.svg",
        shown: Shown::Experiment {
            result: "spectral-bias/result.json",
        },
        not_shown: "that slow parts matter more: with other features as inputs the order is gone, which a control shows",
    },
    Lesson {
        name: "noise-scale",
        about: "larger batches save steps up to the scale of the gradient noise, and nothing beyond",
        commands: &[Command::new(
            "experiment run batch-size-and-steps --out {folder}",
        )],
        picture: "batch-size-and-steps/steps.svg",
        shown: Shown::Experiment {
            result: "batch-size-and-steps/result.json",
        },
        not_shown: "the noise scale of a network (the measure noise.scale has that), and what batches do to the solution",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::catalogue;
    use crate::measure;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_ten_lessons_of_ten_names() {
        let names: BTreeSet<&str> = LESSONS.iter().map(|lesson| lesson.name).collect();
        assert_eq!((LESSONS.len(), names.len()), (10, 10));
    }

    #[test]
    fn experiments_and_measures_of_lessons_exist() {
        for lesson in LESSONS {
            for command in lesson.commands {
                let words = command.words("here");
                if let [group, run, name, ..] = words.as_slice()
                    && group == "experiment"
                {
                    assert_eq!(run, "run");
                    assert!(catalogue::find(name).is_ok(), "{name}");
                }
            }
            let measures = match lesson.shown {
                Shown::Comparison { measures, .. } | Shown::Invariance { measures, .. } => measures,
                Shown::LastThird { measure, .. } => &[measure],
                Shown::Experiment { .. } => &[],
            };
            for name in measures {
                assert!(measure::find(name).is_some() || *name == "steps", "{name}");
            }
        }
    }
}
