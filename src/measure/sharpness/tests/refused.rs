//! What has no answer is a reason, never a number.

use super::{Ground, bias_free};
use crate::backend::Compute;
use crate::linear::Budget;
use crate::linear::Precision;
use crate::model::Activation;
use crate::objective::Loss;
use crate::objective::tests::Case;

fn network() -> Ground {
    Ground::of(Case::reference(Activation::Relu, Loss::CrossEntropy))
}

#[test]
fn a_subspace_needs_more_parameters_than_dimensions() {
    let reason = network().reason("sharpness.keskar.subspace");
    insta::assert_snapshot!(reason, @"there are 83 parameters, and a subspace of dimension 100 needs more: use sharpness.keskar.full");
}

#[test]
fn a_gradient_of_zero_has_no_direction() {
    // A hidden layer that no input switches on.
    let case = Case::reference(Activation::Relu, Loss::CrossEntropy);
    let mut values = case.values.clone();
    values[24..30].fill(-100.0);
    let ground = Ground {
        block: Some("layers.0.weight"),
        ..Ground::of(case).at(&values)
    };
    for name in ["sharpness.sam", "sharpness.asam", "sharpness.critical"] {
        assert!(ground.reason(name).contains("exactly zero"), "{name}");
    }
    let reason = ground.reason("sharpness.average");
    assert!(reason.contains("rounding"), "{reason}");
}

#[test]
fn what_the_rounding_of_single_precision_hides_is_no_number() {
    let case = Case::new(
        Activation::Tanh,
        Loss::CrossEntropy,
        Compute::cpu(Precision::F32),
    );
    // Parameters so small that a relative change of them is lost in the loss.
    let values: Vec<f64> = case.values.iter().map(|x| 1e-4 * x).collect();
    let reason = Ground::of(case).at(&values).reason("sharpness.asam.linf");
    assert!(reason.contains("f32"), "{reason}");
}

#[test]
fn normalised_outputs_need_cross_entropy() {
    let case = Case::reference(Activation::Relu, Loss::Square);
    let reason = Ground::of(case).reason("sharpness.asam.normalised_logits");
    assert!(reason.contains("cross-entropy"), "{reason}");
}

#[test]
fn a_bound_needs_its_starting_point_and_is_of_the_whole_network() {
    let reason = network().reason("pac_bayes.bound");
    assert!(reason.contains("starting point"), "{reason}");
    let of_block = |block| {
        let ground = Ground {
            block,
            initial: Some(vec![0.0; 83]),
            ..network()
        };
        ground.measure("pac_bayes.bound")
    };
    let [whole, within] = [None, Some("layers.0")].map(of_block);
    assert!(whole.value.is_some());
    assert_eq!(whole.value, within.value);
    assert_eq!(within.circumstances.block, None);
}

#[test]
fn relative_flatness_needs_a_matrix() {
    let ground = Ground {
        block: Some("layers.0.bias"),
        ..network()
    };
    assert!(
        ground
            .reason("sharpness.relative_flatness")
            .contains("matrix")
    );
}

#[test]
fn a_budget_too_small_for_a_threshold_is_told() {
    for name in ["pac_bayes.sigma", "sharpness.critical"] {
        let ground = Ground {
            budget: Budget {
                max_matvecs: Some(2),
                max_seconds: None,
            },
            ..network()
        };
        assert!(ground.reason(name).contains("budget"), "{name}");
    }
}

#[test]
fn a_loss_that_is_not_finite_is_told() {
    let objective = bias_free(4, vec![3], 3, Loss::CrossEntropy);
    let count = objective.network().layout().len();
    let data = Case::linear(Loss::CrossEntropy).chunks(7);
    let ground = Ground::new(objective, &vec![1e200; count], data);
    for name in [
        "sharpness.sam",
        "sharpness.keskar.full",
        "sharpness.average",
    ] {
        assert!(ground.reason(name).contains("not finite"), "{name}");
    }
}
