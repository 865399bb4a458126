//! PNG from SVG.

use super::FigureError;
use super::render::Rendered;
use super::svg::SHOWN;
use super::text::{FAMILY, FONT, has};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Options, Tree};
use std::sync::Arc;

/// Dots per unit of the figure: at 40 units to the centimetre 305 per inch.
const DOTS: f64 = 3.0;

/// Dots per metre, as the file says them.
const PER_METRE: u32 = (DOTS * 4000.0) as u32;

/// The tree of a document, its texts set in the embedded font and no other.
pub(super) fn tree(text: &str) -> Result<Tree, FigureError> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    let options = Options {
        font_family: FAMILY.to_owned(),
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    Tree::from_str(text, &options).map_err(|error| FigureError::Image(error.to_string()))
}

/// The document with a mark in place of each character that the font lacks, where an image would have a blank.
fn marked(text: &str) -> String {
    let mark = |c: char| {
        if c.is_control() || has(c) {
            c
        } else {
            '\u{FFFD}'
        }
    };
    text.chars().map(mark).collect()
}

/// The image of a document.
pub(super) fn png(rendered: &Rendered) -> Result<Vec<u8>, FigureError> {
    image(&tree(&marked(&rendered.text))?, rendered.size)
}

/// The image of a figure that was written as an SVG, as [`super::Figure::png`] of the figure itself draws it.
///
/// # Errors
///
/// [`FigureError::Image`] where the text is no SVG.
pub fn png_of_svg(svg: &str) -> Result<Vec<u8>, FigureError> {
    let tree = tree(&marked(svg))?;
    let size = [tree.size().width(), tree.size().height()];
    image(&tree, size.map(|length| f64::from(length) / SHOWN))
}

/// The image of a tree, of a size in units of the figure.
fn image(tree: &Tree, size: [f64; 2]) -> Result<Vec<u8>, FigureError> {
    let [width, height] = size.map(|length| (DOTS * length).ceil());
    let too_large = || FigureError::Image(format!("{width} by {height} dots are too many"));
    let mut pixels = Pixmap::new(width as u32, height as u32).ok_or_else(too_large)?;
    let shown = f64::from(tree.size().width()) / size[0];
    let scale = (DOTS / shown) as f32;
    resvg::render(
        tree,
        Transform::from_scale(scale, scale),
        &mut pixels.as_mut(),
    );
    let bytes = pixels
        .encode_png()
        .map_err(|error| FigureError::Image(error.to_string()))?;
    Ok(with_resolution(&bytes))
}

/// Where the first chunk of a PNG, its header, ends.
const HEADER: usize = 33;

/// The same image with the chunk that says how large it is in print (PNG specification, 11.3.5.3).
fn with_resolution(png: &[u8]) -> Vec<u8> {
    let mut data = b"pHYs".to_vec();
    data.extend(PER_METRE.to_be_bytes());
    data.extend(PER_METRE.to_be_bytes());
    data.push(1);
    let mut sum = flate2::Crc::new();
    sum.update(&data);
    let (header, rest) = png.split_at(HEADER.min(png.len()));
    let length = (data.len() as u32 - 4).to_be_bytes();
    [header, &length, &data, &sum.sum().to_be_bytes(), rest].concat()
}

#[cfg(test)]
mod tests {
    use super::marked;

    #[test]
    fn what_the_font_lacks_is_marked_and_what_it_has_is_kept() {
        assert_eq!(marked("runs 実験\n"), "runs \u{FFFD}\u{FFFD}\n");
        let kept = "λ₁ of XᵀX, ŵ, x̂, ℝ, ⟨u, v⟩, 10⁻⁷";
        assert_eq!(marked(kept), kept);
    }
}
