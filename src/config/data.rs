//! `[data]`: what to learn from.

use super::error::Violation;
use super::kind::each_once;
use super::section::Reader;
use crate::data::{Augment, DatasetName, PixelNormalisation, Subset};

/// The word of the only data set without images.
const TEXT: &[&str] = &[DatasetName::Text.as_str()];

section! {
    /// `[data]`: what to learn from.
    checked by keeps_classes;
    pub struct Data {
        /// What to learn from.
        dataset: DatasetName = default(DatasetName::Digits);
        /// What only text has; none for images.
        text: Option<Text> = part_for("data.dataset", TEXT);
        /// How many training samples to use.
        train: Option<usize> = optional("all");
        /// How many test samples to use.
        test: Option<usize> = optional("all");
        /// Which samples to keep when not all.
        subset: Subset = default(Subset::First);
        /// How pixels become numbers.
        normalize: PixelNormalisation = default(PixelNormalisation::Unit) when "data.dataset" is DatasetName::IMAGE_WORDS;
        /// The fraction of the training samples, drawn at random, that are not trained on and take the place of the test
        /// part.
        held_out: Option<f64> = optional("none") in OpenFraction when "data.dataset" is DatasetName::IMAGE_WORDS;
        /// The fraction of training labels replaced.
        label_noise: f64 = default(0.0) in Fraction when "data.dataset" is DatasetName::IMAGE_WORDS;
        /// The classes to keep, at least two.
        classes: Option<Vec<u8>> = optional("all") when "data.dataset" is DatasetName::IMAGE_WORDS;
        /// Random changes of the training images of each batch, only where they keep the class.
        augment: Vec<Augment> = default(Vec::new()) when "data.dataset" is DatasetName::IMAGE_WORDS;
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

impl Data {
    /// The whole of `dataset`, everything else at its default.
    pub fn new(dataset: DatasetName) -> Self {
        Self {
            dataset,
            text: None,
            train: None,
            test: None,
            subset: Subset::default(),
            normalize: PixelNormalisation::default(),
            held_out: None,
            label_noise: 0.0,
            classes: None,
            augment: Vec::new(),
        }
    }
}

fn keeps_classes(data: &mut Data, _: &Reader<'_>) -> Result<(), Violation> {
    if data.text.is_some() && data.subset == Subset::Stratified {
        let rule = "= \"stratified\" needs a class of each sample, and data.dataset = \"text\" has one of each character; allowed are \"first\" and \"random\"";
        return Err(Violation::new("data.subset", rule).against("data.dataset"));
    }
    if let Some(classes) = &data.classes {
        each_once("data.classes", "class", classes)?;
        if classes.len() < 2 {
            let rule = format!("must name 2 to 10 classes, found {}", classes.len());
            return Err(Violation::new("data.classes", rule));
        }
    }
    each_once("data.augment", "change", &data.augment)?;
    let dataset = data.dataset;
    for (index, &found) in data.augment.iter().enumerate() {
        let reason = match (found, dataset) {
            (Augment::Flip, DatasetName::Digits | DatasetName::Mnist) => {
                "a mirrored digit is another sign"
            }
            (Augment::Crop, DatasetName::Digits) => "4 pixels are half of an image",
            _ => continue,
        };
        let rule = format!(
            "= \"{found}\" does not keep the class of data.dataset = \"{dataset}\": {reason}"
        );
        let violation = Violation::new(format!("data.augment.{index}"), rule);
        return Err(violation.against("data.dataset"));
    }
    Ok(())
}
