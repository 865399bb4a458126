//! Names and shapes as PyTorch's modules have them.

use super::super::listing::tests::listing;
use super::*;

fn infer(tensors: &[(&str, &[usize])], is_ordered: bool) -> Result<Inferred, String> {
    let levels = listing(tensors, is_ordered).unwrapped().unwrap();
    inferred(levels).map_err(|error| error.to_string())
}

fn perceptron(tensors: &[(&str, &[usize])], is_ordered: bool) -> Perceptron {
    match infer(tensors, is_ordered).unwrap().architecture {
        Architecture::Perceptron(found) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn widths_of_linear_layers_make_a_perceptron() {
    // nn.Sequential(Linear(4, 5), BatchNorm1d(5), ReLU(), Linear(5, 3))
    let sequential: &[(&str, &[usize])] = &[
        ("0.weight", &[5, 4]),
        ("0.bias", &[5]),
        ("1.weight", &[5]),
        ("1.bias", &[5]),
        ("1.running_mean", &[5]),
        ("1.running_var", &[5]),
        ("1.num_batches_tracked", &[]),
        ("3.weight", &[3, 5]),
        ("3.bias", &[3]),
    ];
    let expected = Perceptron {
        inputs: 4,
        hidden: vec![5],
        outputs: 3,
        has_bias: true,
        norm: Norm::Batch,
    };
    assert_eq!(perceptron(sequential, true), expected);
    assert_eq!(perceptron(sequential, false), expected);
    // In the order of the alphabet, as a sorted file has them: widths tell the row.
    let sorted: &[(&str, &[usize])] = &[
        ("hidden.weight", &[6, 5]),
        ("input.weight", &[5, 4]),
        ("output.weight", &[3, 6]),
    ];
    let found = perceptron(sorted, false);
    assert_eq!(
        (found.hidden, found.has_bias, found.norm),
        (vec![5, 6], false, Norm::None)
    );
    assert_eq!(
        perceptron(&[("weight", &[10, 64]), ("bias", &[10])], true).hidden,
        [0; 0]
    );
}

#[test]
fn what_is_no_row_of_layers_is_said() {
    let error = |tensors: &[(&str, &[usize])]| infer(tensors, true).unwrap_err();
    assert_eq!(
        error(&[("a.weight", &[5, 4]), ("b.weight", &[3, 7])]),
        "its linear layers (`a` 4 to 5, `b` 7 to 3) do not make one row, in which each takes what the one before makes"
    );
    assert!(
        infer(
            &[
                ("a.weight", &[4, 5]),
                ("b.weight", &[6, 4]),
                ("c.weight", &[5, 6])
            ],
            false
        )
        .unwrap_err()
        .contains("in more than one order")
    );
    let text = error(&[("rnn.weight_ih_l0", &[5, 4])]);
    assert!(
        text.starts_with("`rnn` (weight_ih_l0 [5, 4]) is no part of a model"),
        "{text}"
    );
    let text = error(&[("a.weight", &[5, 4]), ("n.weight", &[9]), ("n.bias", &[9])]);
    assert!(text.contains("behind each hidden layer"), "{text}");
    let text = error(&[
        ("a.weight", &[5, 4]),
        ("a.bias", &[5]),
        ("b.weight", &[3, 5]),
    ]);
    assert!(
        text.contains("1 of its 2 linear layers have a bias"),
        "{text}"
    );
}

/// The names and shapes of a residual network, as torchvision's `ResNet` of basic blocks has them.
fn residual(
    stem: usize,
    width: usize,
    blocks: &[usize],
    (shortcut, head): (Option<&str>, &str),
) -> Vec<(String, Vec<usize>)> {
    let mut tensors = Vec::new();
    let mut step = |conv: String, norm: String, shape: [usize; 4]| {
        let channels = shape[0];
        tensors.push((format!("{conv}.weight"), shape.to_vec()));
        for part in ["weight", "bias", "running_mean", "running_var"] {
            tensors.push((format!("{norm}.{part}"), vec![channels]));
        }
        tensors.push((format!("{norm}.num_batches_tracked"), vec![]));
    };
    step("conv1".into(), "bn1".into(), [width, 3, stem, stem]);
    let mut inputs = width;
    for (stage, &count) in blocks.iter().enumerate() {
        let outputs = width << stage;
        for block in 0..count {
            let part = |part: &str| format!("layer{}.{block}.{part}", stage + 1);
            step(part("conv1"), part("bn1"), [outputs, inputs, 3, 3]);
            step(part("conv2"), part("bn2"), [outputs, outputs, 3, 3]);
            if let Some(word) = shortcut.filter(|_| inputs != outputs) {
                let [conv, norm] = [0, 1].map(|index| part(&format!("{word}.{index}")));
                step(conv, norm, [outputs, inputs, 1, 1]);
            }
            inputs = outputs;
        }
    }
    tensors.push((format!("{head}.weight"), vec![10, inputs]));
    tensors.push((format!("{head}.bias"), vec![10]));
    tensors
}

fn borrowed(tensors: &[(String, Vec<usize>)]) -> Vec<(&str, &[usize])> {
    tensors
        .iter()
        .map(|(name, shape)| (name.as_str(), shape.as_slice()))
        .collect()
}

#[test]
fn residual_networks_of_torchvision_and_for_cifar_are_known() {
    for (stem, width, blocks, shortcut, head) in [
        (7, 64, &[2, 2, 2, 2][..], Some("downsample"), "fc"),
        (7, 64, &[3, 4, 6, 3], Some("downsample"), "fc"),
        (3, 64, &[2, 2, 2, 2], Some("shortcut"), "linear"),
        (3, 16, &[3, 3, 3], None, "linear"),
    ] {
        let tensors = residual(stem, width, blocks, (shortcut, head));
        let found = infer(&borrowed(&tensors), true).unwrap();
        let expected = Residual {
            channels: 3,
            stem,
            width,
            blocks: blocks.to_vec(),
            outputs: 10,
            has_projections: shortcut.is_some(),
            norm: Norm::Batch,
        };
        assert_eq!(found.architecture, Architecture::Residual(expected));
        let is_renamed = head == "linear";
        assert_eq!(
            found.renamed.contains(&("linear".into(), "fc".into())),
            is_renamed
        );
    }
    let mut deep = residual(7, 64, &[1, 1], (Some("downsample"), "fc"));
    deep.push(("layer1.0.conv3.weight".into(), vec![256, 64, 1, 1]));
    assert!(
        infer(&borrowed(&deep), true)
            .unwrap_err()
            .contains("bottlenecks")
    );
    let plain: &[(&str, &[usize])] = &[
        ("features.0.weight", &[8, 3, 3, 3]),
        ("fc.weight", &[10, 8]),
    ];
    assert!(
        infer(plain, true)
            .unwrap_err()
            .starts_with("`features.0` (weight [8, 3, 3, 3])")
    );
}

#[test]
fn transformers_are_known_by_the_layers_of_pytorch() {
    let block: &[(&str, &[usize])] = &[
        ("self_attn.in_proj_weight", &[24, 8]),
        ("self_attn.in_proj_bias", &[24]),
        ("self_attn.out_proj.weight", &[8, 8]),
        ("self_attn.out_proj.bias", &[8]),
        ("linear1.weight", &[20, 8]),
        ("linear1.bias", &[20]),
        ("linear2.weight", &[8, 20]),
        ("linear2.bias", &[8]),
        ("norm1.weight", &[8]),
        ("norm1.bias", &[8]),
        ("norm2.weight", &[8]),
        ("norm2.bias", &[8]),
    ];
    let mut tensors: Vec<(String, Vec<usize>)> = vec![
        ("cls".into(), vec![1, 1, 8]),
        ("pos_embed".into(), vec![1, 5, 8]),
        ("patch.weight".into(), vec![8, 1, 4, 4]),
        ("patch.bias".into(), vec![8]),
    ];
    for index in 0..2 {
        let named = |(name, shape): &(&str, &[usize])| {
            (format!("blocks.layers.{index}.{name}"), shape.to_vec())
        };
        tensors.extend(block.iter().map(named));
    }
    for (name, shape) in [
        ("ln.weight", vec![8]),
        ("ln.bias", vec![8]),
        ("out.weight", vec![10, 8]),
        ("out.bias", vec![10]),
    ] {
        tensors.push((name.into(), shape));
    }
    let found = infer(&borrowed(&tensors), true).unwrap();
    let expected = Transformer {
        embedding: Embedding::Convolution {
            channels: 1,
            side: 4,
        },
        positions: 5,
        width: 8,
        depth: 2,
        mlp_width: 20,
        outputs: 10,
        has_class_token: true,
        norms_tokens: false,
    };
    assert_eq!(found.architecture, Architecture::Transformer(expected));
    let names: Vec<&str> = found.levels[0].entries.iter().map(Entry::name).collect();
    for name in [
        "class_token",
        "position",
        "patch_embed.weight",
        "encoder.layers.1.norm2.bias",
        "norm.weight",
        "head.bias",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    tensors.push(("extra.weight".into(), vec![3, 3]));
    assert!(
        infer(&borrowed(&tensors), true)
            .unwrap_err()
            .starts_with("`extra` (weight [3, 3])")
    );
}
