//! From a file that anybody may have made to a picture of our own making.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, RgbImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
};
use ring::digest::{SHA256, digest};

use super::{Fault, MOST_BYTES, MOST_PIXELS, Mime, Picture};
use crate::ids::PictureId;

/// What decoding may take, in bytes: the largest picture with 16 bits in each of four channels, and as much again.
const MOST_MEMORY: u64 = 256 << 20;

/// Seen by nobody, and a third of the size of the best.
const QUALITY: u8 = 90;

/// Draws a picture anew. Takes up to some hundred milliseconds and [`MOST_MEMORY`]: never on an arbiter, and not many at a time.
///
/// What the header says is checked before anything is decoded. A picture is turned as its EXIF says it is to be looked at. What has no
/// transparent pixel stays without the channel for it. A PNG that would be too large is drawn as a JPEG, on white.
pub fn redraw(file: &[u8]) -> Result<Picture, Fault> {
    if file.len() > MOST_BYTES {
        return Err(Fault::TooManyBytes);
    }
    let format = image::guess_format(file).ok().filter(is_welcome).ok_or(Fault::UnknownKind)?;
    // Without a limit to the size, which here is to be told, not only refused; nothing is decoded yet.
    let mut of_any_size = limits();
    (of_any_size.max_image_width, of_any_size.max_image_height) = (None, None);
    let (width, height) = reader(file, format, of_any_size).into_dimensions().map_err(|_| Fault::Damaged)?;
    if width > MOST_PIXELS || height > MOST_PIXELS {
        return Err(Fault::TooManyPixels { width, height });
    }
    if width == 0 || height == 0 {
        return Err(Fault::Damaged);
    }
    let pixels = decode(file, format).ok_or(Fault::Damaged)?;
    let photo = matches!(format, ImageFormat::Jpeg) || (format == ImageFormat::WebP && is_opaque(&pixels));
    let (mime, bytes) = encode(&pixels, photo).ok_or(Fault::Damaged)?;
    if bytes.len() > MOST_BYTES {
        return Err(Fault::TooManyBytes);
    }
    Ok(Picture { id: id_of(&bytes), mime, width: pixels.width(), height: pixels.height(), bytes })
}

fn is_welcome(format: &ImageFormat) -> bool {
    matches!(format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::Gif | ImageFormat::WebP)
}

fn reader(file: &[u8], format: ImageFormat, limits: Limits) -> ImageReader<Cursor<&[u8]>> {
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    reader
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_MEMORY);
    limits
}

/// The first frame, the right way up.
fn decode(file: &[u8], format: ImageFormat) -> Option<DynamicImage> {
    let mut decoder = reader(file, format, limits()).into_decoder().ok()?;
    let orientation = decoder.orientation().ok();
    let mut pixels = DynamicImage::from_decoder(decoder).ok()?;
    if let Some(orientation) = orientation {
        pixels.apply_orientation(orientation);
    }
    Some(pixels)
}

fn is_opaque(pixels: &DynamicImage) -> bool {
    !pixels.color().has_alpha() || pixels.to_rgba8().pixels().all(|pixel| pixel.0[3] == u8::MAX)
}

fn encode(pixels: &DynamicImage, photo: bool) -> Option<(Mime, Vec<u8>)> {
    if photo {
        return jpeg(pixels).map(|bytes| (Mime::Jpeg, bytes));
    }
    let png = png(pixels)?;
    if png.len() > MOST_BYTES { jpeg(pixels).map(|bytes| (Mime::Jpeg, bytes)) } else { Some((Mime::Png, png)) }
}

fn jpeg(pixels: &DynamicImage) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    on_white(pixels).write_with_encoder(encoder).ok()?;
    Some(bytes)
}

fn png(pixels: &DynamicImage) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
    let drawn = if is_opaque(pixels) {
        DynamicImage::from(pixels.to_rgb8()).write_with_encoder(encoder)
    } else {
        DynamicImage::from(pixels.to_rgba8()).write_with_encoder(encoder)
    };
    drawn.ok()?;
    Some(bytes)
}

fn on_white(pixels: &DynamicImage) -> DynamicImage {
    if !pixels.color().has_alpha() {
        return pixels.to_rgb8().into();
    }
    let transparent = pixels.to_rgba8();
    let mut opaque = RgbImage::new(transparent.width(), transparent.height());
    for (to, from) in opaque.pixels_mut().zip(transparent.pixels()) {
        let [red, green, blue, alpha] = from.0.map(u32::from);
        let over = |colour: u32| u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX);
        to.0 = [over(red), over(green), over(blue)];
    }
    opaque.into()
}

fn id_of(bytes: &[u8]) -> PictureId {
    let hash = digest(&SHA256, bytes);
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    hex.into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use image::{Frame, Rgba, RgbaImage, codecs::gif::GifEncoder};

    use super::*;

    /// Red on the left, green on the right.
    fn halves(width: u32, height: u32) -> DynamicImage {
        let paint = |x: u32, _| if x < width / 2 { Rgba([250, 0, 0, 255]) } else { Rgba([0, 250, 0, 255]) };
        RgbaImage::from_fn(width, height, paint).into()
    }

    fn file(pixels: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let plain = if format == ImageFormat::Jpeg { pixels.to_rgb8().into() } else { pixels.clone() };
        plain.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn pixel(picture: &Picture, x: u32, y: u32) -> [u8; 4] {
        image::load_from_memory(&picture.bytes).unwrap().to_rgba8().get_pixel(x, y).0
    }

    fn is_red([red, green, ..]: [u8; 4]) -> bool {
        red > 200 && green < 60
    }

    #[test]
    fn each_of_the_four_kinds_is_taken_with_its_real_size() {
        for (format, mime) in [
            (ImageFormat::Png, Mime::Png),
            (ImageFormat::Jpeg, Mime::Jpeg),
            (ImageFormat::Gif, Mime::Png),
            (ImageFormat::WebP, Mime::Jpeg),
        ] {
            let picture = redraw(&file(&halves(40, 24), format)).unwrap();
            assert_eq!((picture.width, picture.height, picture.mime), (40, 24, mime), "{format:?}");
            assert!(is_red(pixel(&picture, 5, 5)) && !is_red(pixel(&picture, 35, 5)), "{format:?}");
            assert_eq!(PictureId::parse(picture.id.as_str()), Some(picture.id.clone()));
        }
    }

    #[test]
    fn the_same_pixels_are_the_same_picture_whatever_else_is_in_the_file() {
        let plain = file(&halves(20, 20), ImageFormat::Png);
        let mut chatty = plain[..33].to_vec();
        // A chunk of text behind the header: length, name, text, checksum.
        let text = b"tEXtComment\0taken at home";
        chatty.extend(u32::try_from(text.len() - 4).unwrap().to_be_bytes());
        chatty.extend(text);
        chatty.extend(crc32(text).to_be_bytes());
        chatty.extend(&plain[33..]);
        let (plain, chatty) = (redraw(&plain).unwrap(), redraw(&chatty).unwrap());
        assert_eq!(plain, chatty);
        assert!(!chatty.bytes.windows(4).any(|part| part == b"home"));
        assert_ne!(plain.id, redraw(&file(&halves(20, 22), ImageFormat::Png)).unwrap().id);
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32, byte: &u8| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1)))
        };
        !bytes.iter().fold(u32::MAX, step)
    }

    /// The EXIF block that cameras write: one entry, the orientation, and a place that nobody need know.
    fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        exif.extend(b"31.2304N 121.4737E");
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
    }

    #[test]
    fn a_photo_is_turned_as_its_exif_says_and_the_exif_is_gone() {
        let photo = with_exif(&file(&halves(40, 24), ImageFormat::Jpeg), 6);
        assert!(photo.windows(4).any(|part| part == b"Exif"));
        let picture = redraw(&photo).unwrap();
        assert_eq!((picture.width, picture.height), (24, 40), "turned by a quarter");
        assert!(is_red(pixel(&picture, 12, 2)) && !is_red(pixel(&picture, 12, 37)));
        for secret in [&b"Exif"[..], b"31.2304N"] {
            assert!(!picture.bytes.windows(secret.len()).any(|part| part == secret));
        }
    }

    #[test]
    fn of_an_animation_the_first_frame_is_kept() {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        for colour in [[250, 0, 0, 255], [0, 0, 250, 255]] {
            encoder.encode_frame(Frame::new(RgbaImage::from_pixel(8, 8, Rgba(colour)))).unwrap();
        }
        drop(encoder);
        let picture = redraw(&bytes).unwrap();
        assert_eq!(picture.mime, Mime::Png);
        assert!(is_red(pixel(&picture, 4, 4)));
    }

    #[test]
    fn transparency_is_kept_where_there_is_some() {
        let clear = RgbaImage::from_pixel(8, 8, Rgba([250, 0, 0, 100]));
        let picture = redraw(&file(&clear.into(), ImageFormat::WebP)).unwrap();
        assert_eq!((picture.mime, pixel(&picture, 1, 1)), (Mime::Png, [250, 0, 0, 100]));
        let opaque = redraw(&file(&halves(8, 8), ImageFormat::Png)).unwrap();
        assert!(!image::load_from_memory(&opaque.bytes).unwrap().color().has_alpha());
    }

    #[test]
    fn what_is_no_picture_or_too_much_of_one_is_refused_by_its_fault() {
        assert_eq!(redraw(b""), Err(Fault::UnknownKind));
        assert_eq!(redraw(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Err(Fault::UnknownKind));
        assert_eq!(redraw(b"BM not one of ours"), Err(Fault::UnknownKind));
        assert_eq!(redraw(&vec![0; MOST_BYTES + 1]), Err(Fault::TooManyBytes));
        let png = file(&halves(40, 24), ImageFormat::Png);
        assert_eq!(redraw(&png[..40]), Err(Fault::Damaged));
        assert_eq!(redraw(&png[..20]), Err(Fault::Damaged));
        let wide = file(&DynamicImage::new_rgb8(MOST_PIXELS + 1, 1), ImageFormat::Png);
        assert_eq!(redraw(&wide), Err(Fault::TooManyPixels { width: 4097, height: 1 }));
    }

    /// A few hundred bytes that say they are 60,000 by 60,000 pixels: nothing is decoded, so nothing is allocated.
    #[test]
    fn a_bomb_is_refused_by_its_header() {
        let mut png = file(&halves(40, 24), ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let checksum = crc32(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&checksum);
        assert_eq!(redraw(&png), Err(Fault::TooManyPixels { width: 60_000, height: 60_000 }));
    }
}
