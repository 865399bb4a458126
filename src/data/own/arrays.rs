//! Arrays in files of NumPy: one `.npz` for all, or a `.npy` for each.

use super::labels::{self, Found as FoundLabels};
use super::{Found, Named, check_alike};
use crate::config::{Arrays, Data, Predicted};
use crate::data::DataError;
use crate::data::samples::{Answers, Inputs, Samples};
use crate::data::words::{Channels, Task};
use lab_formats::archive::Archive;
use lab_formats::npy::{self, Array, Values};

/// The names that arrays usually have in a file: inputs and targets for training, and for the test.
const USUAL: [[&str; 4]; 6] = [
    ["x_train", "y_train", "x_test", "y_test"],
    ["X_train", "y_train", "X_test", "y_test"],
    ["train_images", "train_labels", "test_images", "test_labels"],
    ["x", "y", "x_test", "y_test"],
    ["X", "y", "X_test", "y_test"],
    ["data", "target", "test_data", "test_target"],
];

/// An array with what messages call it.
pub(super) struct Titled {
    title: String,
    array: Array,
}

/// Reads the arrays that `arrays` names.
///
/// # Errors
/// A file cannot be read, an array is not there or not usable.
pub(super) fn read(arrays: &Arrays, plan: &Data) -> Result<Found, DataError> {
    match &arrays.file {
        Some(path) => {
            let file = Named::read("file", path)?;
            let parts = of_archive(arrays, &file.bytes).map_err(|reason| file.unusable(reason))?;
            let (train, test) =
                samples(parts, arrays, plan).map_err(|reason| file.unusable(reason))?;
            Ok(Found {
                train,
                test,
                sources: vec![file.source()],
            })
        }
        None => of_files(arrays, plan),
    }
}

/// Inputs and targets of the training part and, if there is one, of the test part.
pub(super) type Parts = ([Titled; 2], Option<[Titled; 2]>);

/// The arrays of an archive.
pub(super) fn of_archive(arrays: &Arrays, bytes: &[u8]) -> Result<Parts, String> {
    if bytes.starts_with(b"\x93NUMPY") {
        return Err(
            "it is a .npy file of one array; give two by data.inputs and data.targets, without data.file.".to_owned(),
        );
    }
    let archive = Archive::open(bytes).map_err(|error| format!("{error}."))?;
    let has = |name: &str| archive.contains(&format!("{name}.npy")) || archive.contains(name);
    let usual = USUAL.iter().find(|names| has(names[0]) && has(names[1]));
    let name = |given: &Option<String>, place: usize| {
        let usual = usual.map(|names| names[place].to_owned());
        given.clone().or(usual)
    };
    let known = || {
        let names = archive
            .names()
            .map(|name| name.strip_suffix(".npy").unwrap_or(name));
        names.collect::<Vec<_>>().join(", ")
    };
    let read = |name: Option<String>, key: &str| {
        let unknown = || {
            format!(
                "it has none of the usual pairs of arrays, such as x_train and y_train; it has {}. Name them by \
                 data.inputs and data.targets.",
                known()
            )
        };
        let name = name.ok_or_else(unknown)?;
        if !has(&name) {
            return Err(format!(
                "it has no array {name:?} (data.{key}); it has {}.",
                known()
            ));
        }
        let entry = match archive.contains(&name) {
            true => name.clone(),
            false => format!("{name}.npy"),
        };
        let bytes = archive.read(&entry).map_err(|error| format!("{error}."))?;
        let array = npy::read(&bytes).map_err(|error| format!("array {name}: {error}."))?;
        Ok(Titled { title: name, array })
    };
    let train = [
        read(name(&arrays.inputs, 0), "inputs")?,
        read(name(&arrays.targets, 1), "targets")?,
    ];
    // A test part of its own is taken by its usual names only beside a training part of the usual ones.
    let usual = |given: &Option<String>, place: usize| {
        let is_usual = arrays.inputs.is_none() && arrays.targets.is_none();
        let name = name(&None, place).filter(|name| is_usual && has(name));
        given.clone().or(name)
    };
    let names = [
        usual(&arrays.test_inputs, 2),
        usual(&arrays.test_targets, 3),
    ];
    let test = match names {
        [Some(inputs), Some(targets)] => Some([
            read(Some(inputs), "test_inputs")?,
            read(Some(targets), "test_targets")?,
        ]),
        _ => None,
    };
    Ok((train, test))
}

/// The arrays of a file each.
fn of_files(arrays: &Arrays, plan: &Data) -> Result<Found, DataError> {
    let named = [
        ("inputs", &arrays.inputs),
        ("targets", &arrays.targets),
        ("test_inputs", &arrays.test_inputs),
        ("test_targets", &arrays.test_targets),
    ];
    let (mut titled, mut files) = (Vec::new(), Vec::new());
    for (key, path) in named {
        if let Some(path) = path {
            let file = Named::read(key, path)?;
            let array =
                npy::read(&file.bytes).map_err(|error| file.unusable(format!("{error}.")))?;
            let source = file.source();
            titled.push(Titled {
                title: source.name.clone(),
                array,
            });
            files.push((file, source));
        }
    }
    let mut titled = titled.into_iter();
    let mut pair = || Some([titled.next()?, titled.next()?]);
    // The config's rules see to it that there are two or four.
    let (Some(train), test) = (pair(), pair()) else {
        return Err(DataError::NothingToTest);
    };
    let samples = samples((train, test), arrays, plan);
    let (train, test) = samples.map_err(|reason| files[0].0.unusable(reason))?;
    Ok(Found {
        train,
        test,
        sources: files.into_iter().map(|(_, source)| source).collect(),
    })
}

/// The samples of both parts.
pub(super) fn samples(
    (train, test): Parts,
    arrays: &Arrays,
    plan: &Data,
) -> Result<(Samples, Option<Samples>), String> {
    let plan = plan.predicted.unwrap_or_default();
    let mut pairs = vec![train];
    pairs.extend(test);
    let mut parts = Vec::new();
    for [inputs, targets] in &pairs {
        let count = inputs.array.shape.first().copied().unwrap_or(0);
        let others = targets.array.shape.first().copied().unwrap_or(0);
        if count != others {
            return Err(format!(
                "{} holds {count} samples and {} holds {others}.",
                inputs.title, targets.title
            ));
        }
        parts.push(inputs_of(inputs, arrays.channels)?);
    }
    let answers = answers_of(&pairs, plan)?;
    let mut parts = parts
        .into_iter()
        .zip(answers)
        .map(|((shape, inputs), answers)| Samples {
            shape,
            inputs,
            answers,
        });
    let first = parts.next().ok_or("there is no training part.")?;
    let second = parts.next();
    if let (Some(second), [[ours, _], [theirs, _]]) = (&second, &pairs[..]) {
        check_alike([&first, second], [&ours.title, &theirs.title])?;
    }
    Ok((first, second))
}

/// Inputs with the shape of one.
fn inputs_of(
    Titled { title, array }: &Titled,
    channels: Option<Channels>,
) -> Result<([usize; 3], Inputs), String> {
    if array.is_empty() {
        return Err(format!(
            "{title} holds no number: its shape is {:?}.",
            array.shape
        ));
    }
    let (shape, is_last) = match array.shape[..] {
        [_] => ([1, 1, 1], false),
        [_, features] => ([features, 1, 1], false),
        [_, height, width] => ([1, height, width], false),
        [_, a, b, c] => match order_of([a, b, c], channels).ok_or_else(|| {
            format!(
                "{title} has the shape {:?}, of which either axis may be the channels: set data.channels = \"first\" \
                 or \"last\".",
                array.shape
            )
        })? {
            Channels::First => ([a, b, c], false),
            Channels::Last => ([c, a, b], true),
        },
        _ => {
            return Err(format!(
                "{title} has the shape {:?}; inputs are samples of features, of images, or of images with channels: \
                 2, 3 or 4 axes.",
                array.shape
            ));
        }
    };
    let inputs = match &array.values {
        Values::Bytes(bytes) => Inputs::Bytes {
            maximum: u8::MAX,
            values: ordered(bytes, shape, is_last),
        },
        Values::Integers(integers) => {
            let numbers: Vec<f64> = integers.iter().map(|&number| number as f64).collect();
            Inputs::Numbers(ordered(&numbers, shape, is_last))
        }
        Values::Reals(numbers) => {
            check_finite(title, &array.shape, numbers)?;
            Inputs::Numbers(ordered(numbers, shape, is_last))
        }
    };
    Ok((shape, inputs))
}

/// Where the channels of images are: where the user says, or on the only axis that is as short as channels are.
fn order_of([first, _, last]: [usize; 3], channels: Option<Channels>) -> Option<Channels> {
    /// Grey, with alpha, colour, with alpha.
    const MOST_CHANNELS: usize = 4;
    channels.or(match (first <= MOST_CHANNELS, last <= MOST_CHANNELS) {
        (true, false) => Some(Channels::First),
        (false, true) => Some(Channels::Last),
        _ => None,
    })
}

/// Images with their channels in front.
fn ordered<T: Copy>(values: &[T], [channels, height, width]: [usize; 3], is_last: bool) -> Vec<T> {
    if !is_last {
        return values.to_vec();
    }
    let mut ordered = Vec::with_capacity(values.len());
    for image in values.chunks_exact(channels * height * width) {
        for channel in 0..channels {
            ordered.extend(image[channel..].iter().step_by(channels));
        }
    }
    ordered
}

/// Refuses what is not finite, by its place.
fn check_finite(title: &str, shape: &[usize], numbers: &[f64]) -> Result<(), String> {
    let Some(place) = numbers.iter().position(|number| !number.is_finite()) else {
        return Ok(());
    };
    let mut rest = place;
    let mut index: Vec<String> = Vec::new();
    for &length in shape.iter().rev() {
        index.push((rest % length.max(1)).to_string());
        rest /= length.max(1);
    }
    index.reverse();
    Err(format!(
        "{title}[{}] is {}; every number must be finite.",
        index.join(", "),
        numbers[place]
    ))
}

/// What is to be predicted, of all parts.
fn answers_of(pairs: &[[Titled; 2]], plan: Predicted) -> Result<Vec<Answers>, String> {
    if plan.task == Task::Regression {
        let numbers = pairs.iter().map(|[_, targets]| numbers_of(targets));
        return numbers.collect();
    }
    let mut labels = Vec::new();
    for [_, Titled { title, array }] in pairs {
        // A label for each sample, perhaps in a column.
        if array.shape.iter().skip(1).any(|&length| length != 1) {
            return Err(format!(
                "{title} has the shape {:?}; classes are one number for each sample (of one-hot rows: \
                 {title}.argmax(axis=1)), and for numbers that are to be predicted set data.task = \"regression\" and \
                 train.loss = \"square\".",
                array.shape
            ));
        }
        labels.push(FoundLabels::Numbers(reals(title, array)?));
    }
    let titles: Vec<&str> = pairs
        .iter()
        .map(|[_, targets]| targets.title.as_str())
        .collect();
    labels::classes(&labels, plan).map_err(|reason| format!("{}: {reason}", titles.join(" and ")))
}

/// Targets that are numbers, one or several for each sample.
fn numbers_of(Titled { title, array }: &Titled) -> Result<Answers, String> {
    let outputs = match array.shape[..] {
        [_] => 1,
        [_, outputs] if outputs > 0 => outputs,
        _ => {
            return Err(format!(
                "{title} has the shape {:?}; targets are one number for each sample or a row of several.",
                array.shape
            ));
        }
    };
    let values = reals(title, array)?;
    Ok(Answers::Numbers { values, outputs })
}

/// The numbers of an array, all finite.
fn reals(title: &str, array: &Array) -> Result<Vec<f64>, String> {
    Ok(match &array.values {
        Values::Bytes(bytes) => bytes.iter().map(|&byte| f64::from(byte)).collect(),
        Values::Integers(integers) => integers.iter().map(|&number| number as f64).collect(),
        Values::Reals(numbers) => {
            check_finite(title, &array.shape, numbers)?;
            numbers.clone()
        }
    })
}
