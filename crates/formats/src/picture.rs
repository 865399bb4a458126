//! Pictures as arrays of bytes: PNG and JPEG, grey or in colour, with 8 bits for each value.
//!
//! Nothing is converted that would lose or invent anything: pictures of 16 bits, with transparency or in CMYK are
//! refused by name. What is only written in another way is read as what it means: palettes as colours, grey of 1, 2
//! and 4 bits as grey of 8. The orientation that a camera may note beside the picture (EXIF) is not applied.

use png::{BitDepth, ColorType, Transformations};
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The most pixels of a picture, so that a small file cannot take all memory.
const MOST_PIXELS: usize = 1 << 22;

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// `height × width × channels` values, those of a pixel beside each other.
    pub values: Vec<u8>,
}

/// Why a picture is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// It is in another format.
    #[error("neither a PNG nor a JPEG picture")]
    Unknown,
    /// It is damaged.
    #[error("the {format} picture is damaged ({reason})")]
    Damaged {
        /// "PNG" or "JPEG".
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// It would take too much memory.
    #[error("it says that it has {width}×{height} pixels; the most is {MOST_PIXELS} in all")]
    Large {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// It would have to be converted.
    #[error("it {what}; {advice}")]
    Converted {
        /// What is in the way.
        what: &'static str,
        /// How to convert it.
        advice: &'static str,
    },
}

/// Reads a picture, whatever its name says.
///
/// # Errors
///
/// It is damaged, too large, or would have to be converted.
pub fn read(file: &[u8]) -> Result<Picture, PictureError> {
    if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        return of_png(file);
    }
    match file.starts_with(b"\xff\xd8") {
        true => of_jpeg(file),
        false => Err(PictureError::Unknown),
    }
}

fn check_size(width: usize, height: usize) -> Result<(), PictureError> {
    match width.checked_mul(height) {
        Some(pixels) if pixels <= MOST_PIXELS => Ok(()),
        _ => Err(PictureError::Large { width, height }),
    }
}

fn of_png(file: &[u8]) -> Result<Picture, PictureError> {
    let damaged = |error: png::DecodingError| PictureError::Damaged {
        format: "PNG",
        reason: error.to_string(),
    };
    let mut decoder = png::Decoder::new(Cursor::new(file));
    decoder.set_transformations(Transformations::EXPAND);
    let info = decoder.read_header_info().map_err(damaged)?;
    let (width, height) = (info.width as usize, info.height as usize);
    check_size(width, height)?;
    if info.bit_depth == BitDepth::Sixteen {
        return Err(PictureError::Converted {
            what: "has 16 bits for each value",
            advice: "only 8 are read, and rounding is yours to choose",
        });
    }
    let mut reader = decoder.read_info().map_err(damaged)?;
    if reader.info().animation_control.is_some() {
        return Err(PictureError::Converted {
            what: "is an animation",
            advice: "save one frame of it as a picture",
        });
    }
    let (colour, _) = reader.output_color_type();
    let length = reader.output_buffer_size();
    let mut values = vec![0; length.ok_or(PictureError::Large { width, height })?];
    reader.next_frame(&mut values).map_err(damaged)?;
    // What follows the picture is checked too, so that a file that was cut short is not taken for whole.
    reader.finish().map_err(damaged)?;
    let (channels, has_alpha) = match colour {
        ColorType::Grayscale => (1, false),
        ColorType::GrayscaleAlpha => (1, true),
        ColorType::Rgba => (3, true),
        ColorType::Rgb | ColorType::Indexed => (3, false),
    };
    let values = match has_alpha {
        true => opaque(&values, channels)?,
        false => values,
    };
    Ok(Picture {
        channels,
        height,
        width,
        values,
    })
}

/// The values without those of transparency, which must all say that there is none.
fn opaque(values: &[u8], channels: usize) -> Result<Vec<u8>, PictureError> {
    let pixels = values.chunks_exact(channels + 1);
    if pixels.clone().any(|pixel| pixel[channels] != u8::MAX) {
        return Err(PictureError::Converted {
            what: "is transparent in places",
            advice: "what is behind it is yours to choose: save it without an alpha channel",
        });
    }
    let colours = pixels.flat_map(|pixel| &pixel[..channels]);
    Ok(colours.copied().collect())
}

fn of_jpeg(file: &[u8]) -> Result<Picture, PictureError> {
    let damaged = |reason: String| PictureError::Damaged {
        format: "JPEG",
        reason,
    };
    // Without instructions of one processor the values are the same on all of them; a file that was cut short is an
    // error rather than grey below.
    let options = DecoderOptions::new_safe()
        .set_use_unsafe(false)
        .set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(file), options);
    let failed = |error: zune_jpeg::errors::DecodeErrors| damaged(error.to_string());
    decoder.decode_headers().map_err(failed)?;
    let unknown = || damaged("it has no header".to_owned());
    let info = decoder.info().ok_or_else(unknown)?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    check_size(width, height)?;
    let colours = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => ColorSpace::Luma,
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => ColorSpace::RGB,
        _ => {
            return Err(PictureError::Converted {
                what: "is in the colours of print (CMYK)",
                advice: "only grey and RGB are read: convert it",
            });
        }
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let values = decoder.decode().map_err(failed)?;
    let channels = if colours == ColorSpace::Luma { 1 } else { 3 };
    let expected = channels * height * width;
    if values.len() != expected {
        return Err(damaged(format!(
            "{} values instead of {expected}",
            values.len()
        )));
    }
    Ok(Picture {
        channels,
        height,
        width,
        values,
    })
}

impl Picture {
    /// The values with those of each channel together: `channels × height × width`.
    pub fn planes(&self) -> Vec<u8> {
        let of_channel = |channel| self.values[channel..].iter().step_by(self.channels);
        (0..self.channels).flat_map(of_channel).copied().collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A PNG file.
    pub(crate) fn png(
        [width, height]: [u32; 2],
        colour: ColorType,
        depth: BitDepth,
        palette: Option<Vec<u8>>,
        values: &[u8],
    ) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if let Some(palette) = palette {
            encoder.set_palette(palette);
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(values).unwrap();
        writer.finish().unwrap();
        file
    }

    fn eight(colour: ColorType, values: &[u8]) -> Result<Picture, PictureError> {
        read(&png([2, 1], colour, BitDepth::Eight, None, values))
    }

    /// A grey JPEG of 8 × 8 pixels, all 128 but for the first row, which is 200, as Pillow 13.0 writes it at quality
    /// 100: `Image.fromarray(a).save(file, quality=100, optimize=True)`.
    pub(crate) fn jpeg() -> Vec<u8> {
        GREY_JPEG.to_vec()
    }

    const GREY_JPEG: &[u8] = &[
        255, 216, 255, 224, 0, 16, 74, 70, 73, 70, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 255, 219, 0, 67,
        0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 255, 192, 0, 11, 8, 0, 8, 0, 8, 1, 1, 17, 0, 255, 196, 0, 20, 0, 1, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 255, 196, 0, 26, 16, 0, 1, 5, 1, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 7, 0, 6, 23, 87, 150, 213, 255, 218, 0, 8, 1, 1, 0, 0, 63, 0, 72, 153,
        11, 214, 169, 35, 114, 231, 234, 47, 255, 217,
    ];

    #[test]
    fn grey_and_colour_come_as_they_are() {
        let grey = eight(ColorType::Grayscale, &[3, 250]).unwrap();
        assert_eq!((grey.channels, grey.height, grey.width), (1, 1, 2));
        assert_eq!(grey.values, [3, 250]);
        let colour = eight(ColorType::Rgb, &[1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(colour.values, [1, 2, 3, 4, 5, 6]);
        assert_eq!(colour.planes(), [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn palettes_are_colours_and_fewer_bits_are_eight() {
        let palette = Some(vec![9, 8, 7, 200, 100, 0]);
        let file = png(
            [2, 1],
            ColorType::Indexed,
            BitDepth::One,
            palette,
            &[0b0100_0000],
        );
        let found = read(&file).unwrap();
        assert_eq!(
            (found.channels, &found.values[..]),
            (3, &[9, 8, 7, 200, 100, 0][..])
        );
        let file = png(
            [3, 1],
            ColorType::Grayscale,
            BitDepth::Two,
            None,
            &[0b0001_1100],
        );
        assert_eq!(read(&file).unwrap().values, [0, 85, 255]);
    }

    #[test]
    fn alpha_is_dropped_where_it_says_nothing_and_refused_elsewhere() {
        let found = eight(ColorType::Rgba, &[1, 2, 3, 255, 4, 5, 6, 255]).unwrap();
        assert_eq!(
            (found.channels, &found.values[..]),
            (3, &[1, 2, 3, 4, 5, 6][..])
        );
        let found = eight(ColorType::GrayscaleAlpha, &[1, 255, 4, 254]);
        let message = found.unwrap_err().to_string();
        assert!(
            message.starts_with("it is transparent in places"),
            "{message}"
        );
    }

    #[test]
    fn sixteen_bits_and_other_formats_are_refused_by_name() {
        let file = png(
            [1, 1],
            ColorType::Grayscale,
            BitDepth::Sixteen,
            None,
            &[1, 2],
        );
        let message = read(&file).unwrap_err().to_string();
        assert!(message.starts_with("it has 16 bits"), "{message}");
        assert_eq!(read(b"GIF89a"), Err(PictureError::Unknown));
        assert_eq!(read(b""), Err(PictureError::Unknown));
    }

    #[test]
    fn a_picture_that_claims_to_be_huge_is_refused_before_it_is_read() {
        let mut file = png([1, 1], ColorType::Grayscale, BitDepth::Eight, None, &[1]);
        // Width and height stand after the signature, a length and the chunk's name; its check sum after 13 bytes.
        file[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&file[12..29]);
        file[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let (width, height) = (1 << 16, 1 << 16);
        assert_eq!(read(&file), Err(PictureError::Large { width, height }));
    }

    #[test]
    fn a_grey_jpeg_has_the_values_of_another_decoder() {
        let found = read(&jpeg()).unwrap();
        assert_eq!((found.channels, found.height, found.width), (1, 8, 8));
        for (index, &value) in found.values.iter().enumerate() {
            let expected: u8 = if index < 8 { 200 } else { 128 };
            assert!(value.abs_diff(expected) <= 1, "{index}: {value}");
        }
    }

    #[test]
    fn files_that_were_cut_short_are_damaged() {
        let file = png(
            [4, 4],
            ColorType::Grayscale,
            BitDepth::Eight,
            None,
            &[7; 16],
        );
        for length in 8..file.len() {
            let found = read(&file[..length]);
            assert!(
                matches!(found, Err(PictureError::Damaged { .. })),
                "{length} {found:?}"
            );
        }
        let file = jpeg();
        for length in [2, 20, file.len() / 2] {
            let found = read(&file[..length]);
            assert!(
                matches!(found, Err(PictureError::Damaged { .. })),
                "{length} {found:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn damaged_pictures_never_panic(
            place in 0_usize..2000, bits in 1_u8..=255, is_png: bool,
        ) {
            let mut file = match is_png {
                true => png([4, 4], ColorType::Rgb, BitDepth::Eight, None, &[7; 48]),
                false => jpeg(),
            };
            let place = place % file.len();
            file[place] ^= bits;
            if let Ok(found) = read(&file) {
                prop_assert_eq!(found.values.len(), found.channels * found.height * found.width);
            }
        }
    }
}
