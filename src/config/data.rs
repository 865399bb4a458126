//! `[data]`: what to learn from.

use super::error::Violation;
use super::kind::{Names, each_once};
use super::section::Reader;
use crate::data::{
    Augment, Channels, DatasetName, Labels, PixelNormalisation, Scaling, Subset, Task,
};
use std::path::Path;

/// The word of the only data set that is a sequence.
const TEXT: &[&str] = &[DatasetName::Text.as_str()];

/// The word of the normalisation that needs numbers.
const GIVEN: &[&str] = &[PixelNormalisation::Given.as_str()];

/// The word of arrays in files of NumPy.
const ARRAYS: &[&str] = &[DatasetName::Arrays.as_str()];

/// The word of a folder of pictures.
const FOLDER: &[&str] = &[DatasetName::Folder.as_str()];

/// The word of a table in text.
const CSV: &[&str] = &[DatasetName::Csv.as_str()];

/// The words of what may have numbers to be predicted.
const TABULAR: &[&str] = &[DatasetName::Arrays.as_str(), DatasetName::Csv.as_str()];

section! {
    /// `[data]`: what to learn from.
    checked by keeps_classes;
    pub struct Data {
        /// What to learn from.
        dataset: DatasetName = default(DatasetName::Digits);
        /// What only text has; none for images.
        text: Option<Text> = part_for("data.dataset", TEXT);
        /// What only arrays have.
        arrays: Option<Arrays> = part_for("data.dataset", ARRAYS);
        /// What only a folder of pictures has.
        folder: Option<Folder> = part_for("data.dataset", FOLDER);
        /// What only a table has.
        csv: Option<Csv> = part_for("data.dataset", CSV);
        /// What arrays and tables have.
        predicted: Option<Predicted> = part_for("data.dataset", TABULAR);
        /// What all data of one's own have.
        own: Option<Own> = part_for("data.dataset", DatasetName::OWN_WORDS);
        /// How many training samples to use.
        train: Option<usize> = optional("all");
        /// How many test samples to use.
        test: Option<usize> = optional("all");
        /// Which samples to keep when not all.
        subset: Subset = default(Subset::First);
        /// How pixels become numbers.
        normalize: PixelNormalisation = default(PixelNormalisation::Unit) when "data.dataset" is DatasetName::ALL_BUT_TEXT_WORDS;
        /// What is taken off each channel of pixels from 0 to 1; one number for all channels, or one for each.
        mean: Option<Vec<f64>> = optional("none") when "data.normalize" is GIVEN;
        /// What each channel is then divided by, above 0.
        deviation: Option<Vec<f64>> = optional("none") when "data.normalize" is GIVEN;
        /// The fraction of the training samples, drawn at random, that are not trained on and take the place of the test
        /// part.
        held_out: Option<f64> = optional("none") in OpenFraction when "data.dataset" is DatasetName::ALL_BUT_TEXT_WORDS;
        /// The fraction of training labels replaced.
        label_noise: f64 = default(0.0) in Fraction when "data.dataset" is DatasetName::ALL_BUT_TEXT_WORDS;
        /// The classes to keep, at least two.
        classes: Option<Vec<u8>> = optional("all") when "data.dataset" is DatasetName::ALL_BUT_TEXT_WORDS;
        /// Random changes of the training images of each batch, only where they keep the class.
        augment: Vec<Augment> = default(Vec::new()) when "data.dataset" is DatasetName::ALL_BUT_TEXT_WORDS;
    }
}

section! {
    /// What only `dataset = "text"` has.
    #[derive(Eq)]
    pub struct Text {
        /// The file, below the data folder if its path is relative.
        file: String = required("the path of the text, below the data folder if it is relative");
        /// Characters (bytes of the file) in a sample.
        sequence: usize = default(64);
    }
}

section! {
    /// What only `dataset = "arrays"` has. Relative paths begin at the config's folder.
    #[derive(Eq)]
    pub struct Arrays {
        /// A .npz file with all arrays, beside the config if its path is relative.
        file: Option<String> = optional("each array is a .npy file");
        /// Training inputs: an array of `file`, or a .npy file.
        inputs: Option<String> = optional("x_train or x of `file`");
        /// What is to be predicted of them: an array of `file`, or a .npy file.
        targets: Option<String> = optional("y_train or y of `file`");
        /// Test inputs.
        test_inputs: Option<String> = optional("x_test of `file`, if it is there");
        /// What is to be predicted of them.
        test_targets: Option<String> = optional("y_test of `file`, if it is there");
        /// Whether the channels of images are the first axis of each or the last.
        channels: Option<Channels> = optional("where the shape leaves one choice");
    }
}

section! {
    /// What only `dataset = "folder"` has.
    #[derive(Eq)]
    pub struct Folder {
        /// The folder of pictures, one folder for each class, perhaps within train and test (or val); beside the config
        /// if its path is relative.
        folder: String = required("the path of the pictures, beside the config if it is relative");
    }
}

section! {
    /// What only `dataset = "csv"` has.
    #[derive(Eq)]
    pub struct Csv {
        /// The table, beside the config if its path is relative.
        file: String = required("the path of the table, beside the config if it is relative");
        /// A table of test samples with the same columns.
        test_file: Option<String> = optional("a part of `file`");
        /// The column that is to be predicted, or a list of several: by name, or by number from 1 where there is no header.
        target: Names = derived(Names::default(), "the last column");
        /// Whether the first row holds names.
        header: Option<bool> = optional("whether none of its fields is a number");
    }
}

section! {
    /// What is to be predicted of arrays and tables.
    #[derive(Copy, Default, Eq)]
    pub struct Predicted {
        /// What is to be predicted.
        task: Task = default(Task::Classification);
        /// How labels become classes.
        labels: Labels = default(Labels::Indices) when "data.task" is CLASSIFICATION;
    }
}

/// The word of classes.
const CLASSIFICATION: &[&str] = &[Task::Classification.as_str()];

section! {
    /// What all data of one's own have.
    #[derive(Copy)]
    pub struct Own {
        /// The fraction of the samples, drawn at random, that are the test part where none is given.
        test_share: f64 = default(0.2) in OpenFraction;
        /// The seed of that draw, of which the run's seed is no part: all runs have one test part.
        split_seed: u64 = default(0);
    }
}

impl Data {
    /// The whole of `dataset`, everything else at its default.
    pub fn new(dataset: DatasetName) -> Self {
        Self {
            dataset,
            text: None,
            arrays: None,
            folder: None,
            csv: None,
            predicted: None,
            own: None,
            train: None,
            test: None,
            subset: Subset::default(),
            normalize: PixelNormalisation::default(),
            mean: None,
            deviation: None,
            held_out: None,
            label_noise: 0.0,
            classes: None,
            augment: Vec::new(),
        }
    }

    /// How pixels become numbers, with the numbers that takes.
    pub fn scaling(&self) -> Scaling {
        match (self.normalize, &self.mean, &self.deviation) {
            (PixelNormalisation::Given, Some(mean), Some(deviation)) => {
                let pairs = mean.iter().copied().zip(deviation.iter().copied());
                Scaling::Channels(pairs.collect())
            }
            (normalize, _, _) => normalize.into(),
        }
    }

    /// What is to be predicted.
    pub fn task(&self) -> Task {
        self.predicted.map_or(Task::default(), |of| of.task)
    }

    /// Lets relative paths of one's own data begin at the folder of the file they are written in, those of flags at
    /// the working folder. `is_flag` tells which of both a key was written in.
    pub(super) fn resolve(&mut self, folder: &Path, is_flag: impl Fn(&str) -> bool) {
        let resolve = |name: &str, path: &mut String| {
            let base = match is_flag(&format!("data.{name}")) {
                true => Path::new(""),
                false => folder,
            };
            // A path that is empty is refused when it is read.
            if let Ok(whole) = std::path::absolute(base.join(&*path)) {
                *path = whole.to_string_lossy().into_owned();
            }
        };
        let optional = |name: &str, path: &mut Option<String>| {
            path.iter_mut().for_each(|path| resolve(name, path));
        };
        if let Some(arrays) = &mut self.arrays {
            optional("file", &mut arrays.file);
            // Within a file they are names.
            if arrays.file.is_none() {
                optional("inputs", &mut arrays.inputs);
                optional("targets", &mut arrays.targets);
                optional("test_inputs", &mut arrays.test_inputs);
                optional("test_targets", &mut arrays.test_targets);
            }
        }
        if let Some(of) = &mut self.folder {
            resolve("folder", &mut of.folder);
        }
        if let Some(csv) = &mut self.csv {
            resolve("file", &mut csv.file);
            optional("test_file", &mut csv.test_file);
        }
    }
}

/// Refuses means without deviations, and numbers that cannot be divided by.
fn has_moments(data: &Data) -> Result<(), Violation> {
    if data.normalize != PixelNormalisation::Given {
        // Where pixels are not normalised at all, nothing else refuses them.
        let numbers = [
            ("data.mean", &data.mean),
            ("data.deviation", &data.deviation),
        ];
        let rule = "only applies to data.normalize = \"given\"";
        return match numbers.iter().find(|(_, numbers)| numbers.is_some()) {
            None => Ok(()),
            Some((key, _)) => Err(Violation::new(*key, rule).against("data.dataset")),
        };
    }
    let (Some(mean), Some(deviation)) = (&data.mean, &data.deviation) else {
        let rule = "= \"given\" needs data.mean and data.deviation, such as [0.1307] and [0.3081]";
        return Err(Violation::new("data.normalize", rule));
    };
    if mean.is_empty() || mean.len() != deviation.len() {
        let rule = format!(
            "must have as many numbers as data.mean, at least one; found {} and {}",
            deviation.len(),
            mean.len()
        );
        return Err(Violation::new("data.deviation", rule).against("data.mean"));
    }
    match deviation.iter().position(|&number| number <= 0.0) {
        Some(index) => {
            let rule = format!("must be above 0, found {:?}", deviation[index]);
            Err(Violation::new(format!("data.deviation.{index}"), rule))
        }
        None => Ok(()),
    }
}

/// Refuses what needs classes where numbers are to be predicted.
fn has_classes(data: &Data) -> Result<(), Violation> {
    if data.task() == Task::Classification {
        return Ok(());
    }
    let needs = [
        (
            "data.label_noise",
            data.label_noise > 0.0,
            "must be 0, as labels are redrawn from the classes",
        ),
        ("data.classes", data.classes.is_some(), "must be left out"),
        (
            "data.subset",
            data.subset == Subset::Stratified,
            "must be \"first\" or \"random\"",
        ),
    ];
    match needs.into_iter().find(|(_, is_there, _)| *is_there) {
        None => Ok(()),
        Some((key, _, rule)) => {
            let rule = format!("{rule}: with data.task = \"regression\" there are no classes");
            Err(Violation::new(key, rule).against("data.task"))
        }
    }
}

/// Refuses arrays of which one is missing, or has no file.
fn names_arrays(arrays: &Arrays) -> Result<(), Violation> {
    let missing = |key: &str, rule: &str| Err(Violation::new(format!("data.{key}"), rule));
    if arrays.test_targets.is_some() && arrays.test_inputs.is_none() {
        return missing("test_inputs", "is required beside data.test_targets");
    }
    if arrays.test_inputs.is_some() && arrays.test_targets.is_none() {
        return missing("test_targets", "is required beside data.test_inputs");
    }
    match (&arrays.file, &arrays.inputs, &arrays.targets) {
        (None, None, None) => missing(
            "file",
            "is required: the path of a .npz file, beside the config if it is relative; or data.inputs and data.targets, two .npy files",
        ),
        (None, None, _) => missing("inputs", "is required beside data.targets: a .npy file"),
        (None, _, None) => missing("targets", "is required beside data.inputs: a .npy file"),
        _ => Ok(()),
    }
}

fn keeps_classes(data: &mut Data, _: &Reader<'_>) -> Result<(), Violation> {
    has_moments(data)?;
    data.arrays.as_ref().map_or(Ok(()), names_arrays)?;
    has_classes(data)?;
    if data.text.is_some() && data.subset == Subset::Stratified {
        let rule = "= \"stratified\" needs a class of each sample, and data.dataset = \"text\" has one of each character; allowed are \"first\" and \"random\"";
        return Err(Violation::new("data.subset", rule).against("data.dataset"));
    }
    if let Some(classes) = &data.classes {
        each_once("data.classes", "class", classes)?;
        if classes.len() < 2 {
            let rule = format!("must name at least 2 classes, found {}", classes.len());
            return Err(Violation::new("data.classes", rule));
        }
    }
    each_once("data.augment", "change", &data.augment)?;
    for (index, &found) in data.augment.iter().enumerate() {
        if let Some(reason) = data.dataset.loses_class_by(found) {
            let dataset = data.dataset;
            let rule = format!(
                "= \"{found}\" does not keep the class of data.dataset = \"{dataset}\": {reason}"
            );
            let violation = Violation::new(format!("data.augment.{index}"), rule);
            return Err(violation.against("data.dataset"));
        }
    }
    Ok(())
}
