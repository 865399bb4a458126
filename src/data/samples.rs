//! What every reader hands on: inputs, and what is to be predicted of them; nothing normalised yet.

use super::Images;

/// Samples as they are in the files.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Channels, height and width of an input; of plain features their number, 1 and 1.
    pub shape: [usize; 3],
    /// The inputs.
    pub inputs: Inputs,
    /// What is to be predicted of each.
    pub answers: Answers,
}

/// The inputs of all samples, one after another, each in C, H, W order.
#[derive(Clone, Debug, PartialEq)]
pub enum Inputs {
    /// Bytes, of which the largest that can occur stands for 1.
    Bytes {
        /// That one: 255, or 16 for the embedded digits.
        maximum: u8,
        /// `len() × C × H × W` of them.
        values: Vec<u8>,
    },
    /// `len() × C × H × W` finite numbers, which are what they are.
    Numbers(Vec<f64>),
}

/// What is to be predicted of all samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Answers {
    /// The class of each.
    Classes {
        /// `len()` labels, each below `classes`.
        labels: Vec<u8>,
        /// The number of classes.
        classes: usize,
    },
    /// As many finite numbers of each.
    Numbers {
        /// `len() × outputs` numbers, sample by sample.
        values: Vec<f64>,
        /// The numbers of a sample.
        outputs: usize,
    },
}

impl From<Images> for Samples {
    fn from(images: Images) -> Self {
        Self {
            shape: images.shape,
            inputs: Inputs::Bytes {
                maximum: images.maximum,
                values: images.pixels,
            },
            answers: Answers::Classes {
                labels: images.labels,
                classes: images.classes,
            },
        }
    }
}

impl Samples {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers of an input: C × H × W.
    pub fn features(&self) -> usize {
        self.shape.iter().product()
    }

    /// The samples at `indices`, in that order. Panics when an index is not below `len()`.
    pub fn select(&self, indices: &[usize]) -> Self {
        let features = self.features();
        Self {
            shape: self.shape,
            inputs: match &self.inputs {
                Inputs::Bytes { maximum, values } => Inputs::Bytes {
                    maximum: *maximum,
                    values: rows(values, features, indices),
                },
                Inputs::Numbers(values) => Inputs::Numbers(rows(values, features, indices)),
            },
            answers: match &self.answers {
                Answers::Classes { labels, classes } => Answers::Classes {
                    labels: rows(labels, 1, indices),
                    classes: *classes,
                },
                Answers::Numbers { values, outputs } => Answers::Numbers {
                    values: rows(values, *outputs, indices),
                    outputs: *outputs,
                },
            },
        }
    }
}

fn rows<T: Copy>(values: &[T], width: usize, indices: &[usize]) -> Vec<T> {
    let mut chosen = Vec::with_capacity(indices.len() * width);
    for &index in indices {
        chosen.extend_from_slice(&values[index * width..][..width]);
    }
    chosen
}

impl Answers {
    /// The number of samples.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { labels, .. } => labels.len(),
            Self::Numbers { values, outputs } => values.len() / (*outputs).max(1),
        }
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of classes; 0 where numbers are to be predicted.
    pub fn classes(&self) -> usize {
        match self {
            Self::Classes { classes, .. } => *classes,
            Self::Numbers { .. } => 0,
        }
    }

    /// How many samples each class has.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes()];
        for &label in self.labels() {
            if let Some(count) = counts.get_mut(usize::from(label)) {
                *count += 1;
            }
        }
        counts
    }

    /// The class of each sample; none where numbers are to be predicted.
    pub fn labels(&self) -> &[u8] {
        match self {
            Self::Classes { labels, .. } => labels,
            Self::Numbers { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::images::tests::numbered;
    use super::*;

    #[test]
    fn images_are_samples_of_bytes_and_classes() {
        let samples = Samples::from(numbered(&[3, 1, 2, 0], 4));
        let picked = samples.select(&[2, 0]);
        assert_eq!(picked.answers.labels(), [2, 3]);
        let values = vec![0, 2, 0, 0];
        let maximum = 255;
        assert_eq!(picked.inputs, Inputs::Bytes { maximum, values });
        assert_eq!((picked.len(), picked.features()), (2, 2));
        assert!(!picked.is_empty());
    }

    #[test]
    fn numbers_keep_their_inputs_and_targets_together() {
        let samples = Samples {
            shape: [2, 1, 1],
            inputs: Inputs::Numbers(vec![0.0, 0.1, 1.0, 1.1, 2.0, 2.1]),
            answers: Answers::Numbers {
                values: vec![0.5, 0.6, 0.7, 1.5, 1.6, 1.7, 2.5, 2.6, 2.7],
                outputs: 3,
            },
        };
        let picked = samples.select(&[2]);
        assert_eq!(picked.inputs, Inputs::Numbers(vec![2.0, 2.1]));
        let (values, outputs) = (vec![2.5, 2.6, 2.7], 3);
        assert_eq!(picked.answers, Answers::Numbers { values, outputs });
        assert_eq!((samples.len(), samples.answers.classes()), (3, 0));
    }
}
