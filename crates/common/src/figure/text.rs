//! The font: how wide texts are, and how they are broken into lines.

use std::collections::HashMap;
use std::sync::LazyLock;

/// DejaVu Sans with the characters that figures use; `font/README.md` says how it was made. It is wider than the
/// fonts that a viewer may put in its place, so that what has room in it has room in those.
pub const FONT: &[u8] = include_bytes!("font/DejaVuSans.ttf");

/// The family name of the font.
pub const FAMILY: &str = "DejaVu Sans";

/// Of a character that the font lacks, in units of the font's size.
const UNKNOWN: f64 = 1.0;

static ADVANCES: LazyLock<HashMap<u32, f64>> = LazyLock::new(|| advances(FONT).unwrap_or_default());

/// Whether the font has a character.
pub fn has(character: char) -> bool {
    ADVANCES.contains_key(&u32::from(character))
}

/// The width of a text in a size of the font.
pub fn width(text: &str, size: f64) -> f64 {
    let of = |character: char| ADVANCES.get(&u32::from(character)).copied();
    size * text.chars().map(|c| of(c).unwrap_or(UNKNOWN)).sum::<f64>()
}

/// The text, or as much of its beginning as has room, with an ellipsis.
pub fn elided(text: &str, room: f64, size: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    let rest = room - width("…", size);
    for character in text.chars() {
        kept.push(character);
        if width(&kept, size) > rest {
            kept.pop();
            break;
        }
    }
    kept.truncate(kept.trim_end().len());
    kept + "…"
}

/// The text in lines that have room: broken between words, or within one that is too long for a line of its own.
pub fn wrapped(text: &str, room: f64, size: f64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() {
            word.to_owned()
        } else {
            format!("{line} {word}")
        };
        if width(&longer, size) <= room {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for character in word.chars() {
            line.push(character);
            if width(&line, size) > room && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, character.to_string()));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The widths of all characters of a font, by the tables `cmap` (format 4), `hhea` and `hmtx` of the OpenType
/// specification.
fn advances(font: &[u8]) -> Option<HashMap<u32, f64>> {
    let units = f64::from(u16_at(font, table(font, b"head")? + 18)?);
    let last = usize::from(u16_at(font, table(font, b"hhea")? + 34)?).checked_sub(1)?;
    let widths = table(font, b"hmtx")?;
    let map = subtable(font, table(font, b"cmap")?)?;
    let segments = usize::from(u16_at(font, map + 6)? / 2);
    let mut found = HashMap::new();
    for segment in 0..segments {
        let at = |list: usize| map + 14 + 2 * (list * segments + segment);
        // After the list of ends come two bytes of padding.
        let (end, start) = (u16_at(font, at(0))?, u16_at(font, at(1) + 2)?);
        let (delta, offset) = (u16_at(font, at(2) + 2)?, u16_at(font, at(3) + 2)?);
        for code in start..=end.min(0xFFFE) {
            let glyph = match offset {
                0 => code.wrapping_add(delta),
                _ => {
                    let place = at(3) + 2 + usize::from(offset) + 2 * usize::from(code - start);
                    match u16_at(font, place)? {
                        0 => continue,
                        glyph => glyph.wrapping_add(delta),
                    }
                }
            };
            let advance = u16_at(font, widths + 4 * usize::from(glyph).min(last))?;
            found.insert(u32::from(code), f64::from(advance) / units);
        }
    }
    Some(found)
}

/// Where the map of characters in format 4 begins.
fn subtable(font: &[u8], cmap: usize) -> Option<usize> {
    let count = usize::from(u16_at(font, cmap + 2)?);
    let mut places = (0..count).filter_map(|index| {
        Some(cmap + usize::try_from(u32_at(font, cmap + 8 + 8 * index)?).ok()?)
    });
    places.find(|place| u16_at(font, *place) == Some(4))
}

fn table(font: &[u8], name: &[u8; 4]) -> Option<usize> {
    let count = usize::from(u16_at(font, 4)?);
    let mut records = (0..count).map(|index| 12 + 16 * index);
    let record = records.find(|record| font.get(*record..record + 4) == Some(name))?;
    usize::try_from(u32_at(font, record + 8)?).ok()
}

fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    let bytes = bytes.get(place..place + 2)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    let bytes = bytes.get(place..place + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// A power of ten with a raised exponent.
pub fn power(exponent: i32) -> String {
    let digits = exponent.to_string();
    let raised = digits.chars().map(|digit| match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' => '⁰',
        // The others follow each other from U+2074.
        other => char::from_u32(0x2070 + other.to_digit(10).unwrap_or_default()).unwrap_or(other),
    });
    "10".chars().chain(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_font() {
        // fontTools: TTFont("DejaVuSans.ttf")["hmtx"][cmap[ord(c)]][0] / 2048
        for (character, units) in [('A', 1401.0), ('i', 569.0), ('0', 1303.0), ('−', 1716.0)] {
            assert_eq!(width(&character.to_string(), 2048.0), units, "{character}");
        }
    }

    #[test]
    fn every_character_that_figures_write_themselves_is_in_the_font() {
        let written = "0123456789−.×⁰¹²³⁴⁵⁶⁷⁸⁹⁻…≤≥±ληθ·–∇²√∞";
        for character in written.chars() {
            assert!(ADVANCES.contains_key(&u32::from(character)), "{character}");
        }
    }

    #[test]
    fn lines_have_room_and_keep_every_character() {
        let text = "one two threeeeeeeeeeeeeeeeeeeeeeeeeee four";
        let lines = wrapped(text, 60.0, 10.0);
        assert!(lines.iter().all(|line| width(line, 10.0) <= 60.0));
        let joined: String = lines.concat().split_whitespace().collect();
        assert_eq!(joined, text.replace(' ', ""));
        assert_eq!(wrapped("short", 60.0, 10.0), ["short"]);
        assert!(wrapped("", 60.0, 10.0).is_empty());
        assert!(width(&elided(text, 60.0, 10.0), 10.0) <= 60.0);
        assert!(elided(text, 60.0, 10.0).ends_with('…'));
    }
}
