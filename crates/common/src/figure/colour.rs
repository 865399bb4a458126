//! Colours: of data, of what is around them, and of numbers.

use super::mark::Colours;

/// On which background a figure is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// White.
    #[default]
    Light,
    /// Nearly black.
    Dark,
    /// White, and nearly black for viewers who prefer that (`prefers-color-scheme`); for SVG only.
    Both,
}

/// What a colour is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tint {
    Background,
    /// Text and axes.
    Ink,
    /// What is read second.
    Muted,
    Grid,
    /// Data, counted round.
    Series(usize),
    /// A number, in either theme.
    Exact(String),
}

/// Colours of data on white and on black. Against their background each has a contrast of 3 or more (WCAG 2.1,
/// 1.4.11), and any two of them are told apart with red, green or blue blindness: a test holds both.
const SERIES: [(&str, &str); 6] = [
    ("#0072b2", "#5cb3f0"),
    ("#d55e00", "#f58b4a"),
    ("#002e27", "#e0fffe"),
    ("#9000ff", "#aa19ff"),
    ("#af7154", "#fede00"),
    ("#9574ff", "#7e8887"),
];

/// Dashes and gaps, in units of the figure; the first is solid.
pub(super) const DASHES: [&str; 4] = ["", "5 2.2", "1.6 1.8", "7 2 1.6 2"];

impl Tint {
    /// The colour on white.
    pub fn light(&self) -> &str {
        self.pair().0
    }

    /// The colour on black.
    pub fn dark(&self) -> &str {
        self.pair().1
    }

    fn pair(&self) -> (&str, &str) {
        match self {
            Self::Background => ("#ffffff", "#15181d"),
            Self::Ink => ("#1b1f24", "#e8eaed"),
            Self::Muted => ("#575d66", "#a9b0ba"),
            Self::Grid => ("#e2e5e9", "#31363e"),
            Self::Series(index) => SERIES[index % SERIES.len()],
            Self::Exact(colour) => (colour, colour),
        }
    }

    /// The name of the class that carries the dark colour; none where both are the same.
    pub fn class(&self) -> Option<String> {
        Some(match self {
            Self::Background => "background".to_owned(),
            Self::Ink => "ink".to_owned(),
            Self::Muted => "muted".to_owned(),
            Self::Grid => "grid".to_owned(),
            Self::Series(index) => format!("series{}", index % SERIES.len()),
            Self::Exact(_) => return None,
        })
    }
}

/// Viridis at tenths (Smith & van der Walt 2015; public domain), which is even in lightness and read by all.
const VIRIDIS: [[f64; 3]; 11] = [
    [68.0, 1.0, 84.0],
    [72.0, 36.0, 117.0],
    [65.0, 68.0, 135.0],
    [53.0, 95.0, 141.0],
    [42.0, 120.0, 142.0],
    [33.0, 145.0, 140.0],
    [34.0, 168.0, 132.0],
    [68.0, 191.0, 112.0],
    [122.0, 209.0, 81.0],
    [189.0, 223.0, 38.0],
    [253.0, 231.0, 37.0],
];

/// Blue over white to orange.
const DIVERGING: [[f64; 3]; 5] = [
    [5.0, 72.0, 130.0],
    [104.0, 163.0, 210.0],
    [247.0, 247.0, 247.0],
    [240.0, 150.0, 90.0],
    [150.0, 60.0, 0.0],
];

/// The colour of a number, as its place from 0 to 1 between the smallest and the largest; in 128 steps, so that
/// few colours make a figure.
pub(super) fn of_place(place: f64, colours: Colours) -> String {
    let anchors: &[[f64; 3]] = match colours {
        Colours::Sequential => &VIRIDIS,
        Colours::Diverging => &DIVERGING,
    };
    let step = (place.clamp(0.0, 1.0) * 128.0).round() / 128.0 * (anchors.len() - 1) as f64;
    let below = (step as usize).min(anchors.len() - 2);
    let part = step - below as f64;
    let channel = |index: usize| {
        let (low, high) = (anchors[below][index], anchors[below + 1][index]);
        (low + part * (high - low)).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0), channel(1), channel(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rgb = [f64; 3];

    fn linear(colour: &str) -> Rgb {
        [1, 3, 5].map(|place| {
            let byte = u8::from_str_radix(&colour[place..place + 2], 16).unwrap();
            let channel = f64::from(byte) / 255.0;
            match channel <= 0.04045 {
                true => channel / 12.92,
                false => ((channel + 0.055) / 1.055).powf(2.4),
            }
        })
    }

    fn times(matrix: [Rgb; 3], colour: Rgb) -> Rgb {
        matrix.map(|row| (0..3).map(|index| row[index] * colour[index]).sum())
    }

    fn luminance(colour: &str) -> f64 {
        times([[0.2126, 0.7152, 0.0722]; 3], linear(colour))[0]
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// CIE 1976 L*a*b*.
    fn lab(colour: Rgb) -> Rgb {
        let to_xyz = [
            [0.412_456_4, 0.357_576_1, 0.180_437_5],
            [0.212_672_9, 0.715_152_2, 0.072_175_0],
            [0.019_333_9, 0.119_192_0, 0.950_304_1],
        ];
        let [x, y, z] = times(to_xyz, colour);
        let [x, y, z] = [x / 0.95047, y, z / 1.08883].map(|part| match part > 0.008856 {
            true => part.cbrt(),
            false => 7.787 * part + 16.0 / 116.0,
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// Sight with all cones, and without one of the three kinds (Machado et al. 2009, severity 1).
    const SIGHTS: [[Rgb; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ];

    fn distance(sight: [Rgb; 3], one: &str, other: &str) -> f64 {
        let seen = |colour| lab(times(sight, linear(colour)).map(|part| part.clamp(0.0, 1.0)));
        let (one, other) = (seen(one), seen(other));
        let squares = (0..3).map(|index| (one[index] - other[index]).powi(2));
        squares.sum::<f64>().sqrt()
    }

    #[test]
    fn colours_of_data_stand_out_and_apart_for_every_sight() {
        for theme in [
            |tint: &Tint| tint.light().to_owned(),
            |tint: &Tint| tint.dark().to_owned(),
        ] {
            let colours: Vec<String> = (0..SERIES.len()).map(|i| theme(&Tint::Series(i))).collect();
            let ground = theme(&Tint::Background);
            for (index, one) in colours.iter().enumerate() {
                assert!(contrast(one, &ground) >= 3.0, "{one}");
                for other in &colours[..index] {
                    for sight in SIGHTS {
                        assert!(distance(sight, one, other) > 20.0, "{one} {other}");
                    }
                }
            }
        }
    }

    #[test]
    fn text_is_read_on_its_background() {
        for tint in [Tint::Ink, Tint::Muted] {
            assert!(contrast(tint.light(), Tint::Background.light()) >= 4.5);
            assert!(contrast(tint.dark(), Tint::Background.dark()) >= 4.5);
        }
    }

    #[test]
    fn the_larger_a_number_the_lighter_its_colour() {
        let of = |step: u32| luminance(&of_place(f64::from(step) / 64.0, Colours::Sequential));
        assert!((0..64).all(|step| of(step) < of(step + 1)));
        assert_eq!(of_place(0.5, Colours::Diverging), "#f7f7f7");
    }
}
