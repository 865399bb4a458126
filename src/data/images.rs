//! The raw container every reader fills: pixels and labels as bytes, nothing normalised yet.

/// Labelled images as they are in the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// The largest value a pixel can take: 255, or 16 for the embedded digits.
    pub maximum: u8,
    /// `len() × C × H × W` pixel values, sample by sample, each in C, H, W order.
    pub pixels: Vec<u8>,
    /// `len()` labels, each below `classes`.
    pub labels: Vec<u8>,
    /// The number of classes.
    pub classes: usize,
}

impl Images {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Pixel values per sample: C × H × W.
    pub fn features(&self) -> usize {
        self.shape.iter().product()
    }

    /// The pixels of one sample, in C, H, W order. Panics when `index >= len()`.
    pub fn sample(&self, index: usize) -> &[u8] {
        let features = self.features();
        &self.pixels[index * features..(index + 1) * features]
    }

    /// How many samples each class has.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in &self.labels {
            if let Some(count) = counts.get_mut(usize::from(label)) {
                *count += 1;
            }
        }
        counts
    }

    /// The samples at `indices`, in that order. Panics when an index is not below `len()`.
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut pixels = Vec::with_capacity(indices.len() * self.features());
        for &index in indices {
            pixels.extend_from_slice(self.sample(index));
        }
        Self {
            shape: self.shape,
            maximum: self.maximum,
            pixels,
            labels: indices.iter().map(|&index| self.labels[index]).collect(),
            classes: self.classes,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `labels.len()` images of shape 1×1×2 whose pixels tell their index.
    pub(crate) fn numbered(labels: &[u8], classes: usize) -> Images {
        Images {
            shape: [1, 1, 2],
            maximum: 255,
            pixels: (0..labels.len())
                .flat_map(|index| [(index / 256) as u8, (index % 256) as u8])
                .collect(),
            labels: labels.to_vec(),
            classes,
        }
    }

    #[test]
    fn selecting_keeps_pixels_and_labels_together() {
        let images = numbered(&[3, 1, 2, 0], 4);
        let picked = images.select(&[2, 0]);
        assert_eq!(picked.labels, [2, 3]);
        assert_eq!(picked.pixels, [0, 2, 0, 0]);
        assert_eq!(picked.len(), 2);
        assert_eq!(picked.features(), 2);
        assert!(!picked.is_empty());
    }

    #[test]
    fn class_counts_count_every_class() {
        assert_eq!(numbered(&[2, 0, 2], 3).class_counts(), [1, 0, 2]);
    }
}
