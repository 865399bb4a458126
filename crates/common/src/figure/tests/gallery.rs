//! Every kind of figure with difficult data, to be looked at: `cargo test --release figure::tests::gallery -- --ignored`
//! writes them to the folder that FIGURE_GALLERY names, in both themes.

use super::super::*;
use std::f64::consts::PI;

const NAN: f64 = f64::NAN;

fn steps(count: usize) -> Vec<f64> {
    (0..count).map(|index| index as f64).collect()
}

/// A hash of a place, evenly from 0 to 1.
fn noise(place: usize) -> f64 {
    let mixed = (place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

fn bands() -> Figure {
    let x = steps(21);
    let of = |rate: f64, start: f64| -> Vec<f64> {
        x.iter()
            .map(|step| start * (-rate * step).exp() + 1e-3)
            .collect()
    };
    let band = |y: &[f64], share: f64| -> (Vec<f64>, Vec<f64>) {
        (
            y.iter().map(|v| v * (1.0 - share)).collect(),
            y.iter().map(|v| v * (1.0 + share)).collect(),
        )
    };
    let meaning = "smallest to largest of 10 seeds";
    let (small, large) = (of(0.5, 2.3), of(0.2, 2.3));
    let (bands, wide) = (band(&small, 0.5), band(&large, 0.3));
    let panel = Panel::new(Axis::counting("epochs"), Axis::new("training loss", "nats"))
        .with(Line::new("batch size 32", x.clone(), small).with_band(bands.0, bands.1, meaning))
        .with(Line::new("batch size 512", x.clone(), large).with_band(wide.0, wide.1, meaning))
        .with(Rule::level("target", 0.02));
    Figure::new("Small batches reach the target in fewer epochs").with(panel)
}

fn wide_log() -> Figure {
    let x: Vec<f64> = (0..43)
        .map(|index| 10f64.powf(-12.0 + 0.5 * index as f64))
        .collect();
    let cube = x.iter().map(|v| v.powf(0.75) * 3.0).collect();
    let panel = Panel::new(
        Axis::new("step size", "m").log(),
        Axis::new("error", "kg m²/s²").log(),
    )
    .with(Line::new("error", x.clone(), cube).with_markers())
    .with(
        Line::new("threshold", x.clone(), x.iter().map(|_| 1e-3).collect())
            .styled(Style::REFERENCE),
    );
    Figure::new("From 10⁻¹² to 10⁹ on both axes").with(panel)
}

fn gaps() -> Figure {
    let x = steps(12);
    let y = vec![1.0, 2.0, NAN, 2.5, NAN, NAN, 3.0, 2.8, 2.9, NAN, NAN, 1.2];
    let errors = vec![0.3; 12];
    let low: Vec<f64> = y.iter().map(|v| v - 0.6).collect();
    let high: Vec<f64> = y.iter().map(|v| v + 0.6).collect();
    let panel = Panel::new(Axis::counting("step"), Axis::new("margin", "logits"))
        .with(
            Line::new("with gaps", x.clone(), y.clone()).with_errors(errors, "one standard error"),
        )
        .with(
            Line::new("band with gaps", x, y.iter().map(|v| v - 2.0).collect()).with_band(
                low.iter().map(|v| v - 2.0).collect(),
                high.iter().map(|v| v - 2.0).collect(),
                "mean ± one standard deviation of 5 seeds",
            ),
        );
    Figure::new("Missing values are gaps; negative values too").with(panel)
}

fn ten_lines() -> Figure {
    let x = steps(60);
    let mut panel = Panel::new(
        Axis::counting("step"),
        Axis::new("amplitude", "arbitrary units"),
    );
    for line in 0..10 {
        let y = x
            .iter()
            .map(|t| (0.1 * t + 0.3 * line as f64).sin() + 0.4 * line as f64)
            .collect();
        panel = panel.with(Line::new(format!("line {line}"), x.clone(), y));
    }
    Figure::new("Ten lines").with(panel)
}

fn one_point() -> Figure {
    let panel = |x: f64, y: f64| {
        Panel::new(Axis::counting("epochs"), Axis::new("loss", "nats")).with(
            Line::new("a single point", vec![x], vec![y])
                .with_errors(vec![0.1 * y.abs()], "one standard error"),
        )
    };
    Figure {
        columns: 2,
        ..Figure::new("One point, zero, and a constant")
            .with(panel(3.0, 0.7))
            .with(panel(0.0, 0.0))
            .with(
                Panel::new(Axis::counting("epochs"), Axis::new("loss", "nats").log())
                    .with(Line::new("a single point", vec![1.0], vec![1e-9])),
            )
            .with(
                Panel::new(Axis::counting("epochs"), Axis::new("loss", "nats")).with(Line::new(
                    "constant",
                    steps(5),
                    vec![1e6 + 0.5; 5],
                )),
            )
    }
}

fn long_words() -> Figure {
    let long = "optimizer.learning_rate 0.1, model.hidden [100, 100, 100], data.label_noise 0.25, train.batch_size 512, schedule cosine";
    let panel = Panel::new(
        Axis::new("the number of optimizer steps that were made before the measurement was taken", "thousands of steps of the optimizer"),
        Axis::new("largest eigenvalue of the Hessian of the training loss, measured on the first thousand training samples", "nats per squared unit of a parameter"),
    ).titled("A panel whose title is so long that it has to be broken into several lines to stay within the figure")
    .with(Line::new(long, steps(5), vec![1.0, 3.0, 2.0, 5.0, 4.0]))
    .with(Line::new("averyveryveryveryveryveryveryveryveryveryveryveryveryveryverylongwordwithoutanyplacetobreakit", steps(5), vec![2.0, 1.0, 4.0, 3.0, 6.0]));
    Figure::new("A title that says in one whole sentence what the reader is to see in this figure, and then some more, to be safe & <sound>")
        .with(panel).noted("A note below the figure that is also rather long, so that it takes more than a single line of the width that there is.")
}

fn scatter() -> Figure {
    let x: Vec<f64> = (0..80).map(|i| 10f64.powf(-2.0 + 4.0 * noise(i))).collect();
    let y: Vec<f64> = x
        .iter()
        .enumerate()
        .map(|(i, v)| 0.5 * v.powf(-0.5) * (0.4 * (noise(i + 1000) - 0.5)).exp())
        .collect();
    let errors = y.iter().map(|v| 0.1 * v).collect();
    let panel = Panel::new(
        Axis::new("learning rate", "1").log(),
        Axis::new("sharpness", "nats").log(),
    )
    .with(
        Points::new("runs", x, y)
            .with_errors(errors, "one standard error")
            .with_fit(),
    );
    Figure::new("Sharpness falls with the root of the rate").with(panel)
}

fn cloud() -> Figure {
    let x: Vec<f64> = (0..3000)
        .map(|i| noise(i) + noise(i + 5000) - 1.0)
        .collect();
    let y: Vec<f64> = x
        .iter()
        .enumerate()
        .map(|(i, v)| 2.0 * v + noise(i + 9000) - 3.0)
        .collect();
    let panel = Panel::new(
        Axis::new("first coordinate", "1"),
        Axis::new("second coordinate", "1"),
    )
    .with(Points::new("3000 points", x, y).with_fit());
    Figure::new("A cloud").with(panel)
}

fn plane(count: usize, of: impl Fn(f64, f64) -> f64) -> (Vec<f64>, Vec<Vec<f64>>) {
    let places: Vec<f64> = (0..count)
        .map(|i| -1.0 + 2.0 * i as f64 / (count - 1) as f64)
        .collect();
    let values = places
        .iter()
        .map(|y| places.iter().map(|x| of(*x, *y)).collect())
        .collect();
    (places, values)
}

fn edges(places: &[f64]) -> Vec<f64> {
    let half = 0.5 * (places[1] - places[0]);
    places
        .iter()
        .map(|p| p - half)
        .chain([places[places.len() - 1] + half])
        .collect()
}

fn heat() -> Figure {
    let (places, mut values) = plane(51, |x, y| (1e-3 + x * x + 10.0 * y * y).powi(2));
    for row in &mut values[5..12] {
        for value in &mut row[30..40] {
            *value = NAN;
        }
    }
    let e = edges(&places);
    let field = |values: Vec<Vec<f64>>, colours| Field {
        x: e.clone(),
        y: e.clone(),
        values,
        colour: Axis::new("loss", "nats"),
        colours,
    };
    let (_, signed) = plane(51, |x, y| x * x * x - y);
    let axes = || {
        Panel::new(
            Axis::new("along the first eigenvector", "1"),
            Axis::new("along the second eigenvector", "1"),
        )
    };
    let mut one = axes().titled("logarithmic, with a hole");
    one.marks
        .push(Mark::Heat(field(values, Colours::Sequential)));
    let mut two = axes().titled("signed");
    two.marks
        .push(Mark::Heat(field(signed, Colours::Diverging)));
    Figure::new("Two slices through the loss")
        .with(one)
        .with(two)
}

fn contour() -> Figure {
    let (places, values) = plane(61, |x, y| {
        (1.0 - 2.0 * x).powi(2) + 100.0 * (2.0 * y - 4.0 * x * x).powi(2) + 0.1
    });
    let mut panel = Panel::new(Axis::new("a", "1"), Axis::new("b", "1"));
    panel.marks.push(Mark::Contour(Field {
        x: places.clone(),
        y: places,
        values,
        colour: Axis::new("loss", "nats"),
        colours: Colours::Sequential,
    }));
    panel
        .marks
        .push(Points::new("minimum", vec![0.5], vec![0.5]).into());
    Figure::new("Contours of a valley").with(panel)
}

fn bars() -> Figure {
    let classes: Vec<String> = (0..10).map(|c| c.to_string()).collect();
    let values: Vec<f64> = (0..10)
        .map(|c| if c == 4 { NAN } else { 3.0 * noise(c) - 0.8 })
        .collect();
    let other: Vec<f64> = (0..10).map(|c| 3.0 * noise(c + 40) - 0.8).collect();
    let panel = Panel::new(
        Axis::of_categories("class", classes),
        Axis::new("least margin", "logits"),
    )
    .with(
        Bars::new("batch size 32", values)
            .with_errors(vec![0.2; 10], "one standard error over 5 seeds"),
    )
    .with(
        Bars::new("batch size 512", other)
            .with_errors(vec![0.2; 10], "one standard error over 5 seeds"),
    );
    Figure::new("Margins by class").with(panel)
}

fn turned() -> Figure {
    let names = [
        "hessian.lambda_max",
        "hessian.lambda_max.adaptive",
        "sharpness.relative_curvature",
        "a measure with a name that is far too long for the figure it is in",
        "norm.l2",
    ];
    let panel = Panel::new(
        Axis::of_categories("measure", names),
        Axis::new("batch size 512 over 32", "ratio"),
    )
    .with(
        Bars::new("ratio", vec![2.27, 1.98, 1.12, NAN, -0.96])
            .with_errors(vec![0.1, 0.1, 0.05, NAN, 0.01], "95 % interval"),
    )
    .with(Rule::level("no difference", 1.0));
    Figure::new("What differs").with(panel)
}

fn histogram() -> Figure {
    let values: Vec<f64> = (0..5000)
        .map(|i| (0..6).map(|k| noise(i * 7 + k)).sum::<f64>() * 3.0 - 8.0)
        .collect();
    let shifted: Vec<f64> = values.iter().map(|v| 0.6 * v + 3.0).collect();
    let one = Panel::new(Axis::new("margin", "logits"), Axis::counting("samples"))
        .with(Histogram::of("training", &values).unwrap())
        .with(Histogram::of("test", &shifted).unwrap())
        .with(Rule::upright("decision", 0.0));
    let huge =
        Panel::new(Axis::new("weight", "1"), Axis::counting("parameters")).with(Histogram::new(
            "huge counts",
            vec![-3e-7, -1e-7, 0.0, 1e-7, 3e-7],
            vec![3e9, 9e9, 1.2e10, 2e9],
        ));
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Histograms").with(one).with(huge)
    }
}

fn stacked() -> Figure {
    let x = steps(41);
    let panel = |name: &str, unit: &str, scale: f64, test: f64| {
        let y = |gap: f64| x.iter().map(|t| scale * (gap + (-0.1 * t).exp())).collect();
        Panel::new(Axis::counting("epochs"), Axis::new(name, unit))
            .with(Line::new("training", x.clone(), y(0.01)))
            .with(Line::new("test", x.clone(), y(test)))
    };
    let sharp = Panel::new(
        Axis::counting("epochs"),
        Axis::new("λmax of the Hessian", "nats"),
    )
    .with(Line::new(
        "training",
        x.clone(),
        x.iter()
            .map(|t| 20.0 * (1.0 - (-0.1 * t).exp()) + 0.5 * (t * 0.9 * PI).sin())
            .collect(),
    ))
    .with(Line::new("2/η", x.clone(), vec![20.0; 41]).styled(Style::REFERENCE));
    Figure {
        shares_x: true,
        ..Figure::new("One run")
            .with(panel("loss", "nats", 2.3, 0.05))
            .with(panel("error", "%", 90.0, 0.1))
            .with(sharp)
    }
}

fn multiples() -> Figure {
    let x = steps(30);
    let mut figure = Figure {
        columns: 3,
        shares_x: true,
        shares_y: true,
        width: Width::Page,
        ..Figure::new("Small multiples share both axes")
    };
    for panel in 0..6 {
        let y = |shift: f64| {
            x.iter()
                .enumerate()
                .map(|(i, t)| {
                    (0.2 * t * (1.0 + 0.2 * panel as f64)).sin()
                        + shift
                        + 0.2 * noise(i + 100 * panel)
                })
                .collect()
        };
        figure = figure.with(
            Panel::new(Axis::counting("step"), Axis::new("value", "V"))
                .titled(format!("η = 0.{}", panel + 1))
                .with(Line::new("with momentum", x.clone(), y(0.0)))
                .with(Line::new("without", x.clone(), y(1.0))),
        );
    }
    figure
}

fn empty() -> Figure {
    let axes = || Panel::new(Axis::counting("epochs"), Axis::new("loss", "nats"));
    Figure {
        columns: 2,
        ..Figure::new("Nothing to see")
            .with(axes())
            .with(axes().with(Line::new("lost", steps(3), vec![NAN; 3])))
            .with(axes().with(Rule::level("target", 0.5)))
            .with(axes().with(Line::new("there", steps(3), vec![0.1, 0.5, 0.2])))
    }
}

fn many_points() -> Figure {
    let x = steps(100_000);
    let y = x
        .iter()
        .map(|t| {
            (1e-3 * t).sin()
                + noise(*t as usize)
                    * if (*t as usize).is_multiple_of(997) {
                        5.0
                    } else {
                        0.3
                    }
        })
        .collect();
    Figure::new("A hundred thousand points").with(
        Panel::new(Axis::counting("steps"), Axis::new("loss", "nats")).with(Line::new("all", x, y)),
    )
}

pub(super) fn all() -> Vec<(&'static str, Figure)> {
    vec![
        ("bands", bands()),
        ("wide-log", wide_log()),
        ("gaps", gaps()),
        ("ten-lines", ten_lines()),
        ("one-point", one_point()),
        ("long-words", long_words()),
        ("scatter", scatter()),
        ("cloud", cloud()),
        ("heat", heat()),
        ("contour", contour()),
        ("bars", bars()),
        ("turned", turned()),
        ("histogram", histogram()),
        ("stacked", stacked()),
        ("multiples", multiples()),
        ("empty", empty()),
        ("many-points", many_points()),
    ]
}

#[test]
#[ignore = "writes files to be looked at"]
fn write() {
    let folder = std::path::PathBuf::from(std::env::var("FIGURE_GALLERY").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    for (name, figure) in all() {
        std::fs::write(
            folder.join(format!("{name}.svg")),
            figure.svg(name).unwrap(),
        )
        .unwrap();
        for (theme, word) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
            let png = figure.png(theme).unwrap();
            std::fs::write(folder.join(format!("{name}-{word}.png")), png).unwrap();
        }
    }
}
