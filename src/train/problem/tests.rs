//! What goes together, and what does not.

use super::*;
use crate::backend::read;
use crate::config::parse;
use crate::data::{Dataset, Images, PixelNormalisation};
use crate::linear::Precision;
use crate::objective::Batch;

fn config(model: &str) -> Config {
    let text = format!("{model}\noptimizer.learning_rate = 0.1\ntrain.epochs = 1");
    parse(&text, "x.toml", &[], "x", &[]).unwrap()
}

fn data(shape: [usize; 3], samples: usize) -> Split {
    let count = samples * shape.iter().product::<usize>();
    let images = Images {
        shape,
        maximum: 255,
        pixels: (0..count).map(|i| (i * i % 251) as u8).collect(),
        labels: (0..samples).map(|i| (i % 10) as u8).collect(),
        classes: 10,
    };
    let part = Dataset::from_images(images, PixelNormalisation::Unit);
    Split {
        train: part.clone(),
        test: part,
        sources: Vec::new(),
        remarks: Vec::new(),
    }
}

/// The counts are those of the same networks in PyTorch. He et al. 2016 (table 6) give the
/// ResNet of 20 layers 0.27 million.
#[test]
fn presets_have_the_sizes_they_are_named_for_on_every_image() {
    let expected = [
        ([3, 32, 32], [78_042, 272_474, 21_162, 208_074, 1_876_010]),
        ([1, 28, 28], [77_754, 272_186, 19_658, 205_066, 1_868_490]),
        ([1, 8, 8], [77_754, 272_186, 18_218, 202_186, 1_861_290]),
    ];
    let presets = [
        "resnet\"\nmodel.preset = \"resnet8",
        "resnet\"\nmodel.preset = \"resnet20",
        "transformer\"\nmodel.preset = \"tiny",
        "transformer\"\nmodel.preset = \"small",
        "transformer\"\nmodel.preset = \"large",
    ];
    for (shape, counts) in expected {
        for (preset, count) in presets.into_iter().zip(counts) {
            let config = config(&format!("model.kind = \"{preset}\""));
            check_image(&config.model, shape).unwrap();
            let network = network(&config, &data(shape, 10));
            assert_eq!(network.layout().len(), count, "{preset} on {shape:?}");
        }
    }
}

#[test]
fn images_of_every_size_and_odd_ones_have_ten_finite_outputs() {
    for (kind, patch, shapes) in [
        (
            "resnet",
            1,
            [[1, 8, 8], [1, 28, 28], [3, 32, 32], [2, 7, 5]],
        ),
        (
            "transformer",
            4,
            [[1, 8, 8], [1, 28, 28], [3, 32, 32], [2, 4, 12]],
        ),
    ] {
        for shape in shapes {
            let mut text = format!("model.kind = \"{kind}\"\nmodel.width = 4");
            if kind == "transformer" {
                text += &format!("\nmodel.patch = {patch}");
            }
            let config = config(&text);
            let data = data(shape, 10);
            let compute = Compute::cpu(Precision::F32);
            let network = network(&config, &data);
            let mut rng = Streams::new(0).stream("init", 0);
            let values = network.blueprint().initial_parameters(&mut rng);
            let parameters = Parameters::from_host(network.layout(), &values, &compute);
            let objective = Objective::new(network, config.train.loss, compute.clone());
            let batch = Batch::gather(&data.train, &[0, 1], config.train.loss, &compute);
            let outputs = objective.evaluate(&parameters, &batch).outputs;
            assert_eq!(outputs.dims(), [2, 10], "{kind} on {shape:?}");
            let outputs = read(&outputs).unwrap();
            assert!(
                outputs.iter().all(|output| output.is_finite()),
                "{kind} on {shape:?}"
            );
        }
    }
}

#[test]
fn a_batch_of_one_value_per_channel_is_refused() {
    let refused =
        |model: &str, shape, samples| check_batches(&config(model), &data(shape, samples)).is_err();
    let mlp = "model.norm = \"batch\"";
    assert!(refused(mlp, [1, 2, 2], 33));
    assert!(!refused(mlp, [1, 2, 2], 34));
    assert!(!refused("model.norm = \"layer\"", [1, 2, 2], 33));
    assert!(!refused("model.kind = \"resnet\"", [1, 8, 8], 33));
    assert!(refused("model.kind = \"resnet\"", [1, 4, 4], 33));
    let replacement = format!("{mlp}\ntrain.sampling = \"replacement\"");
    assert!(!refused(&replacement, [1, 2, 2], 33));
}
