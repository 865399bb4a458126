//! One part of a dataset as training sees it: normalised pixels on demand, labels, clean labels.

use std::sync::Arc;

use super::normalise::{Pixel, Tables};
use super::words::PixelNormalisation;
use super::{Change, Images};

/// Labelled images with the tables that normalise them, or windows of tokens. Pixels stay bytes until
/// a batch asks for them.
#[derive(Clone, Debug)]
pub struct Dataset {
    images: Images,
    tables: Arc<Tables>,
    clean_labels: Vec<u8>,
    noisy: Vec<usize>,
    task: Task,
}

/// What is to be predicted of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Its label.
    Label,
    /// Each token but the first from those before it.
    NextToken,
}

impl Dataset {
    /// Images on their own, clean, with the normalisation fitted to themselves.
    pub fn from_images(images: Images, normalize: PixelNormalisation) -> Self {
        let tables = Arc::new(Tables::fit(&normalize.into(), &images));
        Self::new(images, tables)
    }

    /// A part whose labels are all clean.
    pub(super) fn new(images: Images, tables: Arc<Tables>) -> Self {
        let clean_labels = images.labels.clone();
        Self::with_noise(images, tables, clean_labels, Vec::new())
    }

    /// A part of which the samples `noisy` (ascending) had their labels redrawn.
    pub(super) fn with_noise(
        images: Images,
        tables: Arc<Tables>,
        clean_labels: Vec<u8>,
        noisy: Vec<usize>,
    ) -> Self {
        Self {
            images,
            tables,
            clean_labels,
            noisy,
            task: Task::Label,
        }
    }

    /// Windows of tokens, one row of pixels each, of which every next token is to be predicted.
    pub(super) fn of_text(windows: Images) -> Self {
        Self {
            task: Task::NextToken,
            ..Self::new(windows, Arc::new(Tables::tokens()))
        }
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Numbers per sample: C × H × W, or tokens.
    pub fn features(&self) -> usize {
        self.shape().iter().product()
    }

    /// Channels, height, width; of a text 1, 1 and the tokens that others are predicted from.
    pub fn shape(&self) -> [usize; 3] {
        let [channels, height, width] = self.images.shape;
        match self.task {
            Task::Label => [channels, height, width],
            Task::NextToken => [channels, height, width - 1],
        }
    }

    /// What is to be predicted of a sample: its label, noise included, or for a text as many
    /// tokens as it has [`features`](Self::features), each the successor of one of them. All are
    /// below [`classes`](Self::classes).
    ///
    /// Panics when `index` is not below [`len`](Self::len).
    pub fn targets(&self, index: usize) -> &[u8] {
        match self.task {
            Task::Label => &self.images.labels[index..=index],
            Task::NextToken => &self.images.sample(index)[1..],
        }
    }

    /// The number of classes, or of distinct tokens.
    pub fn classes(&self) -> usize {
        self.images.classes
    }

    /// The labels training sees, noise included; `len()` of them, each below `classes()`. Of a text,
    /// the last token of each window.
    pub fn labels(&self) -> &[u8] {
        &self.images.labels
    }

    /// The labels before any noise.
    pub fn clean_labels(&self) -> &[u8] {
        &self.clean_labels
    }

    /// The samples whose labels were redrawn (a redrawn label may equal the clean one), ascending.
    pub fn noisy(&self) -> &[usize] {
        &self.noisy
    }

    /// The bytes everything is computed from.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// Replaces `out` by the normalised pixels of the samples `indices`: `indices.len() ×
    /// features()` numbers, sample by sample in C, H, W order.
    ///
    /// Panics when an index is not below [`len`](Self::len).
    pub fn fill<T: Pixel>(&self, indices: &[u32], out: &mut Vec<T>) {
        self.fill_changed(indices, &[], out);
    }

    /// [`fill`](Self::fill) with images that were changed before they are normalised: the `i`-th
    /// by `changes[i]`; those past the end of `changes` stay as they are.
    pub fn fill_changed<T: Pixel>(&self, indices: &[u32], changes: &[Change], out: &mut Vec<T>) {
        let tables = T::tables(&self.tables);
        let (shape, features) = (self.shape(), self.features());
        let plane = (shape[1] * shape[2]).max(1);
        out.clear();
        out.reserve(indices.len() * features);
        let mut changed = Vec::new();
        for (place, &index) in indices.iter().enumerate() {
            let mut image = &self.images.sample(index as usize)[..features];
            if let Some(change) = changes.get(place) {
                changed.clear();
                change.apply(image, shape, &mut changed);
                image = &changed;
            }
            for (pixels, table) in image.chunks_exact(plane).zip(tables) {
                out.extend(pixels.iter().map(|&pixel| table[usize::from(pixel)]));
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
        let images = dataset().images().clone();
        let dataset = Dataset::from_images(images, PixelNormalisation::Standard);
        let changes = [Change {
            column: 1,
            ..Change::default()
        }];
        let (mut plain, mut changed) = (Vec::<f64>::new(), Vec::<f64>::new());
        dataset.fill(&[0, 0], &mut plain);
        dataset.fill_changed(&[0, 0], &changes, &mut changed);
        // Pixels 0 1 | 2 3: each channel loses its first column and ends with a 0.
        let black = |channel: usize| f64::tables(&dataset.tables)[channel][0];
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
        assert_eq!(data.images().maximum, 10);
    }
}
