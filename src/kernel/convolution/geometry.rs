//! Shapes of a convolution, and which numbers meet in it.

/// A two-dimensional convolution with square stride and symmetric zero padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// `[batch, channels, height, width]`.
    pub input: [usize; 4],
    /// `[output channels, channels, kernel height, kernel width]`.
    pub weight: [usize; 4],
    /// The distance between neighbouring windows.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
}

impl Geometry {
    /// The convolution of an input with a weight of these shapes, if there is one and no operand is
    /// empty.
    pub fn new(
        input: [usize; 4],
        weight: [usize; 4],
        stride: usize,
        padding: usize,
    ) -> Option<Self> {
        let full = input.iter().chain(&weight).all(|&extent| extent > 0) && stride > 0;
        let fits = |axis: usize| weight[axis] <= input[axis] + 2 * padding;
        (full && input[1] == weight[1] && fits(2) && fits(3)).then_some(Self {
            input,
            weight,
            stride,
            padding,
        })
    }

    /// The shape of the result, `[batch, output channels, height, width]`.
    pub fn output(&self) -> [usize; 4] {
        let extent = |axis: usize| {
            (self.input[axis] + 2 * self.padding - self.weight[axis]) / self.stride + 1
        };
        [self.input[0], self.weight[0], extent(2), extent(3)]
    }

    /// Where the weight between two channels at a row and column of the kernel lies.
    pub fn weight_position(&self, output: usize, channel: usize, tap: [usize; 2]) -> usize {
        let [_, channels, rows, columns] = self.weight;
        ((output * channels + channel) * rows + tap[0]) * columns + tap[1]
    }
}

/// A number of the kernel along one axis and where its source lies, counted from a position's start.
#[derive(Clone, Copy, Debug)]
pub struct Tap {
    pub kernel: usize,
    pub source: usize,
}

/// One axis of a pass that computes an image (`target`) from a padded one (`source`).
#[derive(Clone, Debug)]
pub struct Axis {
    /// How many positions of the target this pass computes.
    pub positions: usize,
    /// The first position's start in the padded source, and the distance between starts.
    pub source: [usize; 2],
    /// The first position in the target, and the distance between positions.
    pub target: [usize; 2],
    /// The numbers of the kernel that take part.
    pub taps: Vec<Tap>,
}

impl Axis {
    /// The start of a position in the padded source.
    pub fn source(&self, position: usize) -> usize {
        self.source[0] + position * self.source[1]
    }

    /// The place of a position in the target.
    pub fn target(&self, position: usize) -> usize {
        self.target[0] + position * self.target[1]
    }
}

/// Zeros before and after one axis of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Margin {
    pub before: usize,
    pub after: usize,
}

/// The forward pass along one axis: window `i` starts at `i · stride` of the padded input.
pub fn forward_axis(geometry: &Geometry, axis: usize) -> (Margin, Axis) {
    let (stride, kernel) = (geometry.stride, geometry.weight[axis]);
    let positions = geometry.output()[axis];
    let needed = (positions - 1) * stride + kernel;
    let margin = Margin {
        before: geometry.padding,
        after: needed.saturating_sub(geometry.padding + geometry.input[axis]),
    };
    let taps = (0..kernel).map(|kernel| Tap {
        kernel,
        source: kernel,
    });
    let axis = Axis {
        positions,
        source: [0, stride],
        target: [0, 1],
        taps: taps.collect(),
    };
    (margin, axis)
}

/// The pass from the output's gradient to the input's along one axis.
///
/// Input position `h` and kernel number `k` meet in output position `(h + padding − k) / stride`
/// where that is whole. So positions split into classes by the remainder of `h + padding`, and within
/// a class `r` the sum runs over `k = r + j · stride`, whose sources `i − j` are neighbours.
pub fn input_gradient_axes(geometry: &Geometry, axis: usize) -> (Margin, Vec<Axis>) {
    let (stride, padding) = (geometry.stride, geometry.padding);
    let (length, kernel) = (geometry.input[axis], geometry.weight[axis]);
    let sources = geometry.output()[axis];
    let classes: Vec<Class> = (0..stride)
        .map(|remainder| Class {
            remainder,
            taps: kernel.saturating_sub(remainder).div_ceil(stride),
            first: padding.saturating_sub(remainder).div_ceil(stride),
            end: (length + padding + stride - 1 - remainder) / stride,
        })
        .filter(|class| class.taps > 0 && class.first < class.end)
        .collect();
    let margin = Margin {
        before: classes.iter().map(Class::zeros_before).max().unwrap_or(0),
        after: classes
            .iter()
            .map(|class| class.end.saturating_sub(sources))
            .max()
            .unwrap_or(0),
    };
    let axes = classes
        .iter()
        .map(|class| Axis {
            positions: class.end - class.first,
            source: [margin.before + class.first + 1 - class.taps, 1],
            target: [class.first * stride + class.remainder - padding, stride],
            taps: (0..class.taps)
                .map(|j| Tap {
                    kernel: class.remainder + j * stride,
                    source: class.taps - 1 - j,
                })
                .collect(),
        })
        .collect();
    (margin, axes)
}

/// The input positions `i · stride + remainder − padding` for `i` in `first..end`.
struct Class {
    remainder: usize,
    taps: usize,
    first: usize,
    end: usize,
}

impl Class {
    fn zeros_before(&self) -> usize {
        (self.taps - 1).saturating_sub(self.first)
    }
}
