//! Data from their files to both parts, and damaged files.

mod fuzz;

use super::*;
use std::path::PathBuf;

#[test]
fn what_is_held_out_is_of_the_training_part_and_is_not_trained_on() {
    let whole = load_digits(|_| {}, 0).unwrap();
    let split = load_digits(|plan| plan.held_out = Some(0.2), 0).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (1038, 259));
    let samples = |set: &Dataset| -> Vec<Vec<u8>> {
        let pixels = bytes(set).chunks(set.features()).zip(set.labels());
        pixels
            .map(|(pixels, &label)| [pixels, &[label]].concat())
            .collect()
    };
    let mut both = samples(&split.train);
    both.extend(samples(&split.test));
    let mut expected = samples(&whole.train);
    both.sort();
    expected.sort();
    assert!(both == expected, "the parts do not make up the whole");
    let again = load_digits(|plan| plan.held_out = Some(0.2), 0).unwrap();
    assert_eq!(samples(&again.test), samples(&split.test));
    let other = load_digits(|plan| plan.held_out = Some(0.2), 1).unwrap();
    assert_ne!(samples(&other.test), samples(&split.test));
}

#[test]
fn each_part_has_a_sample_however_few_there_are() {
    let split = load_digits(
        |plan| {
            (plan.train, plan.held_out) = (Some(2), Some(0.01));
        },
        0,
    );
    let split = split.unwrap();
    assert_eq!((split.train.len(), split.test.len()), (1, 1));
    let none = load_digits(
        |plan| {
            (plan.train, plan.held_out) = (Some(1), Some(0.5));
        },
        0,
    );
    assert!(none.unwrap_err().to_string().contains("data.held_out"));
}

fn bytes(set: &Dataset) -> &[u8] {
    match &set.samples().inputs {
        Inputs::Bytes { values, .. } => values,
        Inputs::Numbers(_) => panic!("images are bytes"),
    }
}

fn load_digits(change: impl FnOnce(&mut Data), seed: u64) -> Result<Split, DataError> {
    let mut plan = Data::new(DatasetName::Digits);
    change(&mut plan);
    load(&plan, Path::new("nowhere"), &Streams::new(seed))
}

#[test]
fn digits_need_no_folder() {
    let split = load_digits(|_| {}, 0).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (1297, 500));
    assert_eq!(split.train.shape(), [1, 8, 8]);
    assert_eq!(split.sources[0].name, "digits (embedded)");
    let mut pixels: Vec<f32> = Vec::new();
    split.test.fill(&[0, 499], &mut pixels);
    assert_eq!(pixels.len(), 128);
    assert!(pixels.iter().all(|x| (0.0..=1.0).contains(x)));
}

#[test]
fn standard_fits_the_chosen_training_samples_and_serves_the_test_part_too() {
    let split = load_digits(
        |plan| {
            plan.normalize = PixelNormalisation::Standard;
            plan.train = Some(100);
        },
        0,
    )
    .unwrap();
    let mut pixels: Vec<f64> = Vec::new();
    let all: Vec<u32> = (0..100).collect();
    split.train.fill(&all, &mut pixels);
    let mean = pixels.iter().sum::<f64>() / pixels.len() as f64;
    let variance = pixels.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / pixels.len() as f64;
    assert!(mean.abs() < 1e-12 && (variance - 1.0).abs() < 1e-12);
    let first_zero = |set| bytes(set).iter().position(|&p| p == 0).unwrap();
    let blank = first_zero(&split.test);
    let zero = pixels[first_zero(&split.train)];
    let mut test: Vec<f64> = Vec::new();
    split.test.fill(&[(blank / 64) as u32], &mut test);
    assert_eq!(test[blank % 64], zero);
}

#[test]
fn noise_touches_the_training_labels_only() {
    let clean = load_digits(|_| {}, 5).unwrap();
    let noisy = load_digits(|plan| plan.label_noise = 0.5, 5).unwrap();
    assert_eq!(noisy.train.noisy().len(), 649);
    assert_eq!(noisy.train.clean_labels(), clean.train.labels());
    assert_ne!(noisy.train.labels(), clean.train.labels());
    assert_eq!(noisy.test.labels(), clean.test.labels());
}

#[test]
fn classes_are_kept_before_samples_are_counted() {
    let wanted = |plan: &mut Data| {
        plan.classes = Some(vec![7, 1]);
        plan.subset = Subset::Stratified;
        plan.train = Some(50);
        plan.test = Some(20);
    };
    let split = load_digits(wanted, 0).unwrap();
    assert_eq!(split.train.classes(), 2);
    let counts = split.train.samples().answers.class_counts();
    assert!(counts[0].abs_diff(25) <= 2, "{counts:?}");
    assert_eq!(counts[0] + counts[1], 50);
}

#[test]
fn random_subsets_follow_the_seed_and_differ_between_parts() {
    let draw = |seed| {
        let wanted = |plan: &mut Data| {
            plan.subset = Subset::Random;
            plan.train = Some(100);
            plan.test = Some(100);
        };
        load_digits(wanted, seed).unwrap()
    };
    assert_eq!(draw(1).train.samples(), draw(1).train.samples());
    assert_ne!(draw(1).train.samples(), draw(2).train.samples());
    assert_ne!(draw(1).test.samples(), draw(2).test.samples());
}

#[test]
fn amounts_out_of_range_name_their_key() {
    let message = |change: fn(&mut Data)| load_digits(change, 0).unwrap_err().to_string();
    assert!(
        message(|plan| plan.train = Some(1298))
            .starts_with("`data.train` = 1298 is out of range: this data has 1297 samples there")
    );
    assert!(message(|plan| plan.test = Some(0)).starts_with("`data.test` = 0 is out of range"));
    assert!(message(|plan| plan.label_noise = 2.0).contains("`data.label_noise` = 2"));
    assert!(message(|plan| plan.classes = Some(vec![10])).contains("10 is not a label"));
}

#[test]
fn a_part_without_a_sample_of_the_classes_is_an_error() {
    let dir = read::tests::small_mnist(&[1, 2], &[2]);
    let mut plan = Data::new(DatasetName::Mnist);
    plan.classes = Some(vec![1]);
    let error = load(&plan, dir.path(), &Streams::new(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`data.classes` leaves no sample in the test part of mnist. Name classes that occur in it."
    );
}

fn real_data() -> Option<PathBuf> {
    let dir = std::env::var_os("LAB_DATA_DIR").map(PathBuf::from);
    let dir = dir.filter(|dir| dir.is_dir());
    if dir.is_none() {
        println!("skipped: LAB_DATA_DIR not set");
    }
    dir
}

#[test]
fn real_mnist_is_the_known_one() {
    let Some(dir) = real_data() else { return };
    let raw = read(DatasetName::Mnist, &dir).unwrap();
    assert_eq!((raw.train.len(), raw.test.len()), (60_000, 10_000));
    assert_eq!(raw.train.labels[..8], [5, 0, 4, 1, 9, 2, 1, 3]);
    assert_eq!(raw.test.labels[..8], [7, 2, 1, 0, 4, 1, 4, 9]);
    assert_eq!(
        raw.train.class_counts(),
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    );
    // The mean and deviation everyone normalises MNIST with: 0.1307 and 0.3081.
    let Images {
        shape,
        maximum,
        pixels,
        ..
    } = &raw.train;
    let tables = Tables::fit(&Scaling::Standard, *shape, *maximum, pixels);
    let table = f64::tables(&tables)[0];
    let std = 1.0 / (table[255] - table[0]);
    assert!((std - 0.3081).abs() < 5e-5);
    assert!((-table[0] * std - 0.1307).abs() < 5e-5);
}

#[test]
fn real_partial_data_is_read_as_far_as_it_goes() {
    let Some(dir) = real_data() else { return };
    for name in [DatasetName::FashionMnist, DatasetName::Cifar10] {
        let mut plan = Data::new(name);
        plan.subset = Subset::Stratified;
        plan.train = Some(1000);
        plan.test = Some(500);
        plan.normalize = PixelNormalisation::Standard;
        let split = load(&plan, &dir, &Streams::new(0)).unwrap();
        assert_eq!((split.train.len(), split.test.len()), (1000, 500));
        assert_eq!(split.train.classes(), 10);
    }
}
