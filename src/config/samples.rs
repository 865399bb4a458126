//! Configs for tests.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

/// The shortest config: every other key has its default.
pub(crate) const PLAIN: &str = "[optimizer]\nlearning_rate = 0.1\n[train]\nepochs = 3";

/// The measures tests know.
pub(crate) const KNOWN: &[&str] = &["hessian.lambda_max", "norm.l2", "loss.train"];

/// [`PLAIN`], checked.
pub(crate) fn plain() -> Config {
    parse(PLAIN, "x.toml", &[], "x", KNOWN).unwrap()
}

/// What is wrong with a config text.
pub(crate) fn message(text: &str) -> String {
    parse(text, "x.toml", &[], "x", KNOWN)
        .unwrap_err()
        .to_string()
}

/// A config in which every key is written (and which no check would accept).
pub(crate) fn every_key() -> RawConfig {
    let (count, real) = (Some(Count(1)), Some(Real(0.5)));
    let mut raw = RawConfig::from(&plain());
    raw.data.file = Some(String::new());
    raw.data.sequence = count;
    raw.data.train = count;
    raw.data.test = count;
    raw.data.classes = Some(Vec::new());
    raw.model.groups = count;
    raw.model.preset = Some(ModelPreset::default());
    raw.model.width = count;
    raw.model.blocks = Some(Vec::new());
    raw.model.patch = count;
    raw.model.depth = count;
    raw.model.heads = count;
    raw.model.mlp_width = count;
    raw.model.pool = Some(Pool::default());
    raw.model.dropout = real;
    raw.optimizer.beta1 = real;
    raw.optimizer.beta2 = real;
    raw.optimizer.epsilon = real;
    raw.schedule.every = count;
    raw.schedule.factor = real;
    raw.schedule.final_fraction = real;
    raw.schedule.decay = real;
    raw.train.steps = count;
    raw.train.stop_at_train_loss = real;
    raw.train.stop_check_every = count;
    raw.hooks = vec![RawHook::default()];
    raw
}

/// Numbers above 0 that f32 holds, and their products with a double below 1 too.
fn positive() -> impl Strategy<Value = f64> + Clone {
    (-45.0..80.0_f64).prop_map(f64::exp)
}

fn count() -> impl Strategy<Value = usize> {
    1..=1_000_000_usize
}

fn any_data() -> impl Strategy<Value = Data> {
    let classes = subsequence((0..10).collect::<Vec<u8>>(), 2..=10).prop_shuffle();
    let augment = subsequence(Augment::ALL, 0..=2);
    (
        (select(Dataset::IMAGES), augment),
        option::of(2_000_000..4_000_000_usize),
        option::of(count()),
        select(Subset::ALL),
        select(Normalize::ALL),
        0.0..=1.0_f64,
        option::of(classes),
    )
        .prop_map(
            |((dataset, mut augment), train, test, subset, normalize, label_noise, classes)| {
                match dataset {
                    Dataset::Digits => augment.clear(),
                    Dataset::Mnist => augment.retain(|kind| *kind == Augment::Crop),
                    _ => {}
                }
                Data {
                    dataset,
                    text: None,
                    train,
                    test,
                    subset,
                    normalize,
                    label_noise,
                    classes,
                    augment,
                }
            },
        )
}

fn any_model() -> impl Strategy<Value = Model> {
    prop_oneof![
        any_mlp().prop_map(Model::Mlp),
        any_resnet().prop_map(Model::ResNet),
        any_transformer().prop_map(Model::Transformer),
    ]
}

fn any_mlp() -> impl Strategy<Value = Mlp> {
    (
        vec(count(), 0..4),
        select(Activation::ALL),
        any::<bool>(),
        select(
            &[
                Normalisation::None,
                Normalisation::Batch,
                Normalisation::Layer,
            ][..],
        ),
        select(Init::ALL),
        positive(),
    )
        .prop_map(|(hidden, activation, bias, norm, init, init_scale)| Mlp {
            hidden,
            activation,
            bias,
            norm,
            init,
            init_scale,
        })
}

fn any_resnet() -> impl Strategy<Value = ResNet> {
    (
        1..5_usize,
        vec(1..4_usize, 1..4),
        1..5_usize,
        select(Activation::ALL),
        select(Normalisation::ALL),
        select(Init::ALL),
        positive(),
    )
        .prop_map(
            |(multiple, blocks, groups, activation, norm, init, init_scale)| ResNet {
                width: multiple * groups,
                blocks,
                norm,
                groups: (norm == Normalisation::Group).then_some(groups),
                activation,
                init,
                init_scale,
            },
        )
}

fn any_transformer() -> impl Strategy<Value = Transformer> {
    (
        count(),
        (1..5_usize, 1..5_usize),
        (count(), count()),
        select(Pool::ALL),
        0.0..1.0_f64,
        select(Activation::ALL),
        (select(Init::ALL), positive()),
    )
        .prop_map(
            |(patch, (multiple, heads), (depth, hidden), pool, dropout, activation, start)| {
                Transformer {
                    patch,
                    width: multiple * heads,
                    depth,
                    heads,
                    mlp_width: hidden,
                    pool,
                    dropout,
                    activation,
                    init: start.0,
                    init_scale: start.1,
                }
            },
        )
}

fn any_optimizer() -> impl Strategy<Value = Optimizer> {
    let rate = 0.0..0.9999_f64;
    let momentum = (rate.clone(), any::<bool>()).prop_map(|(coefficient, nesterov)| Momentum {
        coefficient,
        nesterov: nesterov && coefficient > 0.0,
    });
    let moments = (rate.clone(), rate, positive()).prop_map(|(beta1, beta2, epsilon)| Moments {
        beta1,
        beta2,
        epsilon,
    });
    let method = prop_oneof![
        momentum.clone().prop_map(Method::Sgd),
        momentum.prop_map(Method::Gd),
        moments.clone().prop_map(Method::Adam),
        moments.prop_map(Method::AdamW),
    ];
    (positive(), prop_oneof![Just(0.0), positive()], method).prop_map(
        |(learning_rate, weight_decay, method)| Optimizer {
            learning_rate,
            weight_decay,
            method,
        },
    )
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let factor = || (0.0..1.0_f64).prop_map(|v| 1.0 - v);
    prop_oneof![
        Just(Shape::Constant),
        (count(), factor()).prop_map(|(every, factor)| Shape::Step { every, factor }),
        (0.0..=1.0_f64).prop_map(|final_fraction| Shape::Cosine { final_fraction }),
        factor().prop_map(|decay| Shape::Exponential { decay }),
    ]
}

fn any_train() -> impl Strategy<Value = Train> {
    (
        select(Loss::ALL),
        count(),
        prop_oneof![
            count().prop_map(Length::Epochs),
            count().prop_map(Length::Steps)
        ],
        (option::of(positive()), option::of(count())),
        select(Sampling::ALL),
        count(),
        count(),
    )
        .prop_map(
            |(loss, batch_size, length, stop, sampling, checkpoint_every, evaluate_every)| Train {
                loss,
                batch_size: Some(batch_size),
                length,
                stop_at_train_loss: stop.0,
                stop_check_every: stop.1,
                sampling,
                checkpoint_every,
                evaluate_every,
            },
        )
}

fn any_hook() -> impl Strategy<Value = Hook> {
    let names = subsequence(KNOWN.to_vec(), 1..=KNOWN.len());
    let what = prop_oneof![
        select(Preset::ALL).prop_map(What::Preset),
        names.prop_map(|names| What::Measures(names.into_iter().map(str::to_owned).collect())),
    ];
    let spacing = prop_oneof![
        Just(Spacing::Linear),
        (1.5..10.0_f64).prop_map(|ratio| Spacing::Logarithmic { ratio }),
    ];
    (
        (what, vec(select(MapKind::ALL), 0..3)),
        count(),
        select(Unit::ALL),
        spacing,
        option::of(count()),
        any::<bool>(),
        (select(NormMode::ALL), select(DropoutMode::ALL)),
        (option::of(count()), option::of(positive())),
    )
        .prop_map(
            |((what, maps), every, unit, spacing, samples, warm_start, modes, budget)| Hook {
                what,
                maps,
                every,
                unit,
                spacing,
                samples,
                warm_start,
                norm_mode: modes.0,
                dropout: modes.1,
                max_matvecs: budget.0,
                max_seconds: budget.1,
            },
        )
}

/// Any config that keeps all rules.
pub(crate) fn any_config() -> impl Strategy<Value = Config> {
    let head = (
        "[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}",
        0..=i64::MAX as u64,
        select(Backend::ALL),
        select(Precision::ALL),
    );
    let body = (
        any_data(),
        any_model(),
        any_optimizer(),
        any_shape(),
        any_train(),
    );
    (head, body, vec(any_hook(), 0..3)).prop_map(
        |(
            (name, seed, backend, precision),
            (mut data, model, optimizer, shape, mut train),
            hooks,
        )| {
            if matches!(optimizer.method, Method::Gd(_)) {
                data.augment.clear();
                train.batch_size = None;
                train.sampling = Sampling::Shuffle;
            }
            let precision = if backend == Backend::Wgpu {
                Precision::F32
            } else {
                precision
            };
            let schedule = Schedule { warmup: 0, shape };
            Config {
                name,
                seed,
                backend,
                precision,
                data,
                model,
                optimizer,
                schedule,
                train,
                hooks,
            }
        },
    )
}
