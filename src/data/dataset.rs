//! One part of a dataset as training sees it: normalised inputs on demand, and what is to be predicted.

use std::sync::Arc;

use super::normalise::{Pixel, Scaling, Tables};
use super::samples::{Answers, Inputs, Samples};
use super::scale::Scale;
use super::words::PixelNormalisation;
use super::{Change, Images};

/// Samples with what normalises their inputs, or windows of tokens. Inputs stay what they are in the files until
/// a batch asks for them.
#[derive(Clone, Debug)]
pub struct Dataset {
    samples: Samples,
    seen: Arc<Seen>,
    clean_labels: Vec<u8>,
    noisy: Vec<usize>,
    task: Task,
}

/// How inputs become what a network sees.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    /// Bytes, by a table for each channel.
    Tables(Tables),
    /// Numbers.
    Scale(Scale),
}

/// What is to be predicted of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Its answer: a class, or numbers.
    Answer,
    /// Each token but the first from those before it.
    NextToken,
}

impl Seen {
    /// What `normalize` makes of inputs like these, fitted to them.
    pub fn fit(scaling: &Scaling, train: &Samples) -> Self {
        let [channels, height, width] = train.shape;
        match &train.inputs {
            Inputs::Bytes { maximum, values } => {
                Self::Tables(Tables::fit(scaling, train.shape, *maximum, values))
            }
            Inputs::Numbers(values) => {
                Self::Scale(Scale::fit(scaling, channels, height * width, values))
            }
        }
    }
}

impl Dataset {
    /// Images on their own, clean, with the normalisation fitted to themselves.
    pub fn from_images(images: Images, normalize: PixelNormalisation) -> Self {
        Self::from_samples(images.into(), normalize)
    }

    /// Samples on their own, clean, with the normalisation fitted to themselves.
    pub fn from_samples(samples: Samples, normalize: PixelNormalisation) -> Self {
        let seen = Arc::new(Seen::fit(&normalize.into(), &samples));
        Self::new(samples, seen)
    }

    /// A part whose labels are all clean.
    pub(super) fn new(samples: Samples, seen: Arc<Seen>) -> Self {
        let clean_labels = samples.answers.labels().to_vec();
        Self::with_noise(samples, seen, clean_labels, Vec::new())
    }

    /// A part of which the samples `noisy` (ascending) had their labels redrawn.
    pub(super) fn with_noise(
        samples: Samples,
        seen: Arc<Seen>,
        clean_labels: Vec<u8>,
        noisy: Vec<usize>,
    ) -> Self {
        Self {
            samples,
            seen,
            clean_labels,
            noisy,
            task: Task::Answer,
        }
    }

    /// Windows of tokens, one row of pixels each, of which every next token is to be predicted.
    pub(super) fn of_text(windows: Samples) -> Self {
        Self {
            task: Task::NextToken,
            ..Self::new(windows, Arc::new(Seen::Tables(Tables::tokens())))
        }
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Numbers per sample: C × H × W, or tokens.
    pub fn features(&self) -> usize {
        self.shape().iter().product()
    }

    /// Channels, height, width; of a text 1, 1 and the tokens that others are predicted from.
    pub fn shape(&self) -> [usize; 3] {
        let [channels, height, width] = self.samples.shape;
        match self.task {
            Task::Answer => [channels, height, width],
            Task::NextToken => [channels, height, width - 1],
        }
    }

    /// The classes to be predicted of a sample: its label, noise included, or for a text as many
    /// tokens as it has [`features`](Self::features), each the successor of one of them. All are
    /// below [`classes`](Self::classes). None where numbers are to be predicted.
    ///
    /// Panics when `index` is not below [`len`](Self::len).
    pub fn targets(&self, index: usize) -> &[u8] {
        match (self.task, &self.samples.inputs, &self.samples.answers) {
            (Task::Answer, _, Answers::Classes { labels, .. }) => &labels[index..=index],
            (Task::NextToken, Inputs::Bytes { values, .. }, _) => {
                let window = self.samples.features();
                &values[index * window..(index + 1) * window][1..]
            }
            _ => &[],
        }
    }

    /// The numbers to be predicted of a sample; none where that is a class.
    ///
    /// Panics when `index` is not below [`len`](Self::len).
    pub fn numbers(&self, index: usize) -> Option<&[f64]> {
        match &self.samples.answers {
            Answers::Numbers { values, outputs } => Some(&values[index * outputs..][..*outputs]),
            Answers::Classes { .. } => None,
        }
    }

    /// How many numbers are to be predicted of a sample; none where that is a class.
    pub fn outputs(&self) -> Option<usize> {
        match self.samples.answers {
            Answers::Numbers { outputs, .. } => Some(outputs),
            Answers::Classes { .. } => None,
        }
    }

    /// The number of classes, or of distinct tokens; 0 where numbers are to be predicted.
    pub fn classes(&self) -> usize {
        self.samples.answers.classes()
    }

    /// The labels training sees, noise included; `len()` of them, each below `classes()`. Of a text,
    /// the last token of each window; none where numbers are to be predicted.
    pub fn labels(&self) -> &[u8] {
        self.samples.answers.labels()
    }

    /// The labels before any noise.
    pub fn clean_labels(&self) -> &[u8] {
        &self.clean_labels
    }

    /// The samples whose labels were redrawn (a redrawn label may equal the clean one), ascending.
    pub fn noisy(&self) -> &[usize] {
        &self.noisy
    }

    /// What everything is computed from.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Replaces `out` by the normalised inputs of the samples `indices`: `indices.len() ×
    /// features()` numbers, sample by sample in C, H, W order.
    ///
    /// Panics when an index is not below [`len`](Self::len).
    pub fn fill<T: Pixel>(&self, indices: &[u32], out: &mut Vec<T>) {
        self.fill_changed(indices, &[], out);
    }

    /// [`fill`](Self::fill) with images that were changed before they are normalised: the `i`-th
    /// by `changes[i]`; those past the end of `changes` stay as they are.
    pub fn fill_changed<T: Pixel>(&self, indices: &[u32], changes: &[Change], out: &mut Vec<T>) {
        out.clear();
        out.reserve(indices.len() * self.features());
        match (&self.samples.inputs, &*self.seen) {
            (Inputs::Bytes { values, .. }, Seen::Tables(tables)) => {
                let tables = T::tables(tables);
                self.each_plane(values, indices, changes, |channel, plane| {
                    let table = &tables[channel];
                    out.extend(plane.iter().map(|&pixel| table[usize::from(pixel)]));
                });
            }
            (Inputs::Numbers(values), Seen::Scale(scale)) => {
                self.each_plane(values, indices, changes, |channel, plane| {
                    let seen = |&number: &f64| T::of(scale.of(channel, number));
                    out.extend(plane.iter().map(seen));
                });
            }
            // Both are made of the same samples.
            _ => unreachable!("tables are fitted to bytes and scales to numbers"),
        }
    }

    /// Calls `take` with the channels of some samples, changed, one after another.
    fn each_plane<V: Copy + Default>(
        &self,
        values: &[V],
        indices: &[u32],
        changes: &[Change],
        mut take: impl FnMut(usize, &[V]),
    ) {
        let (shape, features, stored) = (self.shape(), self.features(), self.samples.features());
        let plane = (shape[1] * shape[2]).max(1);
        let mut changed = Vec::new();
        for (place, &index) in indices.iter().enumerate() {
            let mut input = &values[index as usize * stored..][..features];
            if let Some(change) = changes.get(place) {
                changed.clear();
                change.apply(input, shape, &mut changed);
                input = &changed;
            }
            for (channel, plane) in input.chunks_exact(plane).enumerate() {
                take(channel, plane);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset() -> Dataset {
        let images = Images {
            shape: [2, 1, 2],
            maximum: 10,
            pixels: vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0],
            labels: vec![1, 0, 1],
            classes: 2,
        };
        Dataset::from_images(images, PixelNormalisation::Unit)
    }

    #[test]
    fn a_batch_is_row_major_in_the_order_asked_for() {
        let (mut single, mut double) = (vec![9.0_f32], Vec::<f64>::new());
        dataset().fill(&[2, 0], &mut single);
        assert_eq!(single, [0.8, 0.9, 1.0, 0.0, 0.0, 0.1, 0.2, 0.3]);
        dataset().fill(&[1], &mut double);
        assert_eq!(double, [0.4, 0.5, 0.6, 0.7]);
    }

    #[test]
    fn padding_is_a_black_pixel_normalised_like_any_other() {
        let samples = dataset().samples().clone();
        let dataset = Dataset::from_samples(samples, PixelNormalisation::Standard);
        let changes = [Change {
            column: 1,
            ..Change::default()
        }];
        let (mut plain, mut changed) = (Vec::<f64>::new(), Vec::<f64>::new());
        dataset.fill(&[0, 0], &mut plain);
        dataset.fill_changed(&[0, 0], &changes, &mut changed);
        // Pixels 0 1 | 2 3: each channel loses its first column and ends with a 0.
        let Seen::Tables(tables) = &*dataset.seen else {
            panic!("bytes have tables")
        };
        let black = |channel: usize| f64::tables(tables)[channel][0];
        assert!(black(0) < 0.0);
        assert_eq!(changed[..4], [plain[1], black(0), plain[3], black(1)]);
        assert_eq!(changed[4..], plain[4..], "the second sample has no change");
    }

    #[test]
    fn the_shape_is_reported() {
        let data = dataset();
        assert_eq!((data.len(), data.features(), data.classes()), (3, 4, 2));
        assert_eq!(data.shape(), [2, 1, 2]);
        assert_eq!(data.labels(), data.clean_labels());
        assert!(data.noisy().is_empty() && !data.is_empty());
        assert_eq!((data.outputs(), data.numbers(0)), (None, None));
    }

    #[test]
    fn numbers_are_served_as_they_are_or_scaled_by_channel_and_changed_like_images() {
        let samples = Samples {
            shape: [1, 1, 2],
            inputs: Inputs::Numbers(vec![1.0, -3.0, 5.0, 1.0]),
            answers: Answers::Numbers {
                values: vec![0.25, -7.5],
                outputs: 1,
            },
        };
        let plain = Dataset::from_samples(samples.clone(), PixelNormalisation::Unit);
        let mut out = Vec::<f64>::new();
        plain.fill(&[1, 0], &mut out);
        assert_eq!(out, [5.0, 1.0, 1.0, -3.0]);
        assert_eq!(
            (plain.numbers(1), plain.outputs()),
            (Some(&[-7.5][..]), Some(1))
        );
        assert!(plain.targets(0).is_empty() && plain.labels().is_empty());
        // Mean 1, deviation √8.
        let scaled = Dataset::from_samples(samples, PixelNormalisation::Standard);
        let mirror = Change {
            mirrored: true,
            ..Change::default()
        };
        let mut out = Vec::<f32>::new();
        scaled.fill_changed(&[1], &[mirror], &mut out);
        assert_eq!(out, [0.0, 2f32.sqrt()]);
    }
}
