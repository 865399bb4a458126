//! The linear maps a network is made of.

/// A linear map within a network, whose matrix is `factor` times a block of weights.
///
/// Normalisation layers are none of them: their scale depends on statistics of what they see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearMap {
    /// The position of the weights in the layout.
    pub weight: usize,
    /// The position of what is added to every output, if anything is.
    pub bias: Option<usize>,
    /// What the forward pass multiplies the weights by.
    pub factor: f64,
    /// How the weights act.
    pub kind: LinearMapKind,
}

/// How the weights of a linear map act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinearMapKind {
    /// As a matrix `[outputs, inputs]`.
    Dense,
    /// As kernels `[outputs, inputs, rows, columns]` that slide over an image.
    Convolution {
        /// The height and width of the image.
        input: [usize; 2],
        /// The distance of neighbouring places of a kernel.
        stride: usize,
        /// Zeros on each side of the image.
        padding: usize,
    },
}
