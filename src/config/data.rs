//! `[data]`: what to learn from.

use super::error::Violation;
use super::kind::each_once;
use super::section::Reader;
use crate::data::{Augment, DatasetName, PixelNormalisation, Scaling, Subset};

/// The word of the only data set without images.
const TEXT: &[&str] = &[DatasetName::Text.as_str()];

/// The word of the normalisation that needs numbers.
const GIVEN: &[&str] = &[PixelNormalisation::Given.as_str()];

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
        /// What is taken off each channel of pixels from 0 to 1; one number for all channels, or one for each.
        mean: Option<Vec<f64>> = optional("none") when "data.normalize" is GIVEN;
        /// What each channel is then divided by, above 0.
        deviation: Option<Vec<f64>> = optional("none") when "data.normalize" is GIVEN;
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
}

/// Refuses means without deviations, and numbers that cannot be divided by.
fn has_moments(data: &Data) -> Result<(), Violation> {
    if data.normalize != PixelNormalisation::Given {
        return Ok(());
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

fn keeps_classes(data: &mut Data, _: &Reader<'_>) -> Result<(), Violation> {
    has_moments(data)?;
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
