//! Images with a margin of zeros.

use super::geometry::Margin;
use bytemuck::Pod;

/// The shape of one sample's channels and the zeros around them.
#[derive(Clone, Copy, Debug)]
pub struct Padded {
    pub channels: usize,
    /// Height and width without the margins.
    pub extent: [usize; 2],
    pub margins: [Margin; 2],
}

impl Padded {
    /// The distance between rows.
    pub fn pitch(&self) -> usize {
        self.margins[1].before + self.extent[1] + self.margins[1].after
    }

    /// The distance between channels.
    pub fn plane(&self) -> usize {
        (self.margins[0].before + self.extent[0] + self.margins[0].after) * self.pitch()
    }

    /// A buffer of zeros for one sample.
    pub fn zeros<E: Pod>(&self) -> Vec<E> {
        vec![E::zeroed(); self.channels * self.plane()]
    }

    /// Copies a sample, `[channels, height, width]`, between the margins of a buffer.
    pub fn fill<E: Pod>(&self, buffer: &mut [E], sample: &[E]) {
        let [height, width] = self.extent;
        let first = self.margins[0].before * self.pitch() + self.margins[1].before;
        let images = sample.chunks_exact(height * width);
        for (plane, image) in buffer.chunks_exact_mut(self.plane()).zip(images) {
            let rows = plane[first..].chunks_mut(self.pitch());
            for (row, values) in rows.zip(image.chunks_exact(width)) {
                row[..width].copy_from_slice(values);
            }
        }
    }
}
